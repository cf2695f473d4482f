"""Tasks run as their state machine's role: what it may not do fails by name; a change counts."""
import json
import unittest

import boto3
from botocore.config import Config

from support import REGION, ServerCase, allow, make_role, policy, trust, wait_until

STATES = "states.amazonaws.com"
RULE = (f"arn:aws:events:{REGION}:000000000000:"
        "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule")
# What a role needs to be given to a machine that runs nested executions as jobs.
JOBS = allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], RULE)
ANSWER = "def handler(event, context):\n    return 'answered'\n"
NEITHER = ("Neither the global service principal states.amazonaws.com, nor the regional one is "
           "authorized to assume the provided role.")


def task(resource, parameters=None, **fields):
    """A state that calls."""
    more = {} if parameters is None else {"Parameters": parameters}
    return {"Type": "Task", "Resource": resource, "End": True, **more, **fields}


def states(**named):
    """A definition of states that follow each other."""
    names = list(named)
    for name, after in zip(names, names[1:]):
        named[name] = {key: value for key, value in named[name].items() if key != "End"}
        named[name]["Next"] = after
    return {"StartAt": names[0], "States": named}


class RoleCase(ServerCase):
    """What the cases share: roles and machines of their own."""

    count = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.function = cls.create_function(cls, "answer", ANSWER)
        passing = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
        cls.child = cls.create_machine(cls, "child", passing)

    def new(self, what):
        RoleCase.count += 1
        return f"{what}-{RoleCase.count}"

    def role_of(self, *statements, trusted=None):
        """A new role for state machines; its ARN."""
        return make_role(self.iam, self.new("role"), trusted or trust(STATES), *statements)

    def machine_as(self, role, definition):
        return self.states.create_state_machine(
            name=self.new("machine"), definition=json.dumps(definition),
            roleArn=role)["stateMachineArn"]

    def outcome(self, machine, value=None):
        """Runs an execution to its end: its output, or its error and cause."""
        return self.told(self.ended(self.start(machine, value)))

    def told(self, ended):
        if ended["status"] == "SUCCEEDED":
            return json.loads(ended["output"])
        self.assertEqual(ended["status"], "FAILED")
        return ended["error"], ended["cause"]

    def put(self, role, *statements):
        self.iam.put_role_policy(RoleName=role.rsplit("/")[-1], PolicyName="may",
                                 PolicyDocument=policy(*statements))

    def check_denied(self, told, error, action, resource,
                     why="because no identity-based policy allows the {} action"):
        """The error and the cause of a denied call, with an id that leads on."""
        self.assertEqual(told[0], error)
        text = (f"is not authorized to perform: {action} on resource: {resource} "
                f"{why.format(action)}")
        self.assertRegex(told[1], "^User: arn:aws:sts::000000000000:assumed-role/")
        self.assertIn(text, told[1])
        self.assertRegex(told[1], r"with the following authorization id: [0-9a-z]+ ?\(Service: ")

    def client_of(self, service, key, region=REGION):
        return boto3.session.Session().client(
            service, endpoint_url=self.server.endpoint, region_name=region,
            aws_access_key_id=key, aws_secret_access_key="any",
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}))


class TaskRoles(RoleCase):
    def test_what_the_role_may_not_do(self):
        nested = {"StateMachineArn": self.child}
        start = "arn:aws:states:::states:startExecution"
        lambda_error = ("Lambda.AWSLambdaException", "lambda:InvokeFunction", self.function)
        start_error = ("StepFunctions.AWSStepFunctionsException", "states:StartExecution",
                       self.child)
        with_token = {**nested, "Input": {"token.$": "$$.Task.Token"}}
        for state, (error, action, resource) in (
                (task(self.function), lambda_error),
                (task("arn:aws:states:::lambda:invoke", {"FunctionName": self.function}),
                 lambda_error),
                (task("arn:aws:states:::lambda:invoke.waitForTaskToken",
                      {"FunctionName": "answer", "Payload": {"token.$": "$$.Task.Token"}}),
                 lambda_error),
                (task(start, nested), start_error),
                (task(f"{start}.sync", nested), start_error),
                (task(f"{start}.sync:2", nested), start_error),
                (task(f"{start}.waitForTaskToken", with_token), start_error),
                (task("arn:aws:states:::aws-sdk:sfn:startExecution", nested),
                 ("Sfn.SfnException", "states:StartExecution", self.child)),
                (task("arn:aws:states:::aws-sdk:lambda:invoke", {"FunctionName": "answer"}),
                 ("Lambda.LambdaException", "lambda:InvokeFunction", self.function)),
                (task("arn:aws:states:::aws-sdk:iam:getRole", {"RoleName": "states"}),
                 ("Iam.IamException", "iam:GetRole", self.role))):
            with self.subTest(state["Resource"]):
                role = self.role_of(JOBS)
                machine = self.machine_as(role, states(T=state))
                self.check_denied(self.outcome(machine), error, action, resource)
                # What Catch takes, it takes by this name.
                catching = {**state, "Catch": [{"ErrorEquals": [error], "Next": "Caught"}]}
                definition = states(T=catching)
                definition["States"]["Caught"] = {"Type": "Pass", "Result": "caught", "End": True}
                self.assertEqual(self.outcome(self.machine_as(role, definition)), "caught")
                # The permission that the text names is enough to call.
                self.put(role, JOBS, allow(action, resource))
                if "waitForTaskToken" not in state["Resource"]:
                    told = self.outcome(machine)
                    self.assertNotIn("StartExecution on resource", json.dumps(told))
                    self.assertNotIn(f"perform: {action}", json.dumps(told))

    def test_a_job_is_watched_and_stopped_as_the_role(self):
        waiting = states(W={"Type": "Wait", "Seconds": 600, "End": True})
        start = allow("states:StartExecution")
        describe = allow("states:DescribeExecution")
        nested = {"StateMachineArn": self.child}
        sync = "arn:aws:states:::states:startExecution.sync"
        role = self.role_of(JOBS, start)
        told = self.outcome(self.machine_as(role, states(T=task(sync, nested))))
        self.check_denied(told, "StepFunctions.AWSStepFunctionsException",
                          "states:DescribeExecution",
                          self.child.replace("stateMachine", "execution") + ":" +
                          told[1].split("execution:child:")[1].split(" ")[0])
        child = self.create_machine("waiting", waiting)
        for statements, status in (((start, describe), "RUNNING"),
                                   ((start, allow("states:StopExecution")), "ABORTED")):
            role = self.role_of(JOBS, *statements)
            machine = self.machine_as(role, states(T=task(sync, {"StateMachineArn": child})))
            before = {e["executionArn"] for e in self.executions(child)}
            parent = self.start(machine)
            found = wait_until("the child runs", lambda: [
                e for e in self.executions(child) if e["executionArn"] not in before])
            # The parent knows of its child: the answer to the start is in.
            wait_until("it is submitted", lambda: "TaskSubmitted" in self.types(parent))
            self.states.stop_execution(executionArn=parent)
            if status == "ABORTED":
                wait_until("the child is stopped", lambda: self.status(found[0]) == status)
            else:
                wait_until("that is logged",
                           lambda: "a nested execution was not stopped" in self.server.output())
                self.assertEqual(self.status(found[0]), status)
                self.states.stop_execution(executionArn=found[0]["executionArn"])

    def executions(self, machine):
        return self.states.list_executions(stateMachineArn=machine)["executions"]

    def types(self, execution):
        return {event["type"] for event in self.history(execution)}

    def status(self, execution):
        return self.states.describe_execution(executionArn=execution["executionArn"])["status"]

    def between(self, role, change):
        """What becomes of an execution whose role is changed between its two calls."""
        activity = self.states.create_activity(name=self.new("between"))["activityArn"]
        machine = self.machine_as(role, states(
            One=task(self.function), Between=task(activity), Two=task(self.function)))
        execution = self.start(machine)
        taken = self.states.get_activity_task(activityArn=activity)
        change()
        self.states.send_task_success(taskToken=taken["taskToken"], output="1")
        return execution, self.told(self.ended(execution))

    def test_a_change_counts_from_the_next_call_on(self):
        role = self.role_of(allow("lambda:InvokeFunction"))
        name = role.rsplit("/")[-1]
        _, told = self.between(
            role, lambda: self.iam.delete_role_policy(RoleName=name, PolicyName="may"))
        self.check_denied(told, "Lambda.AWSLambdaException", "lambda:InvokeFunction", self.function)
        self.put(role, allow("lambda:InvokeFunction"))
        _, told = self.between(role, lambda: self.put(role, allow("lambda:*")))
        self.assertEqual(told, "answered")
        # The trust policy as well.
        _, told = self.between(role, lambda: self.iam.update_assume_role_policy(
            RoleName=name, PolicyDocument=trust("lambda.amazonaws.com")))
        self.assertEqual(told[0], "Lambda.AWSLambdaException")
        self.assertIn(NEITHER, told[1])
        # And what is denied at first may be tried again.
        role = self.role_of()
        machine = self.machine_as(role, states(T=task(self.function, Retry=[
            {"ErrorEquals": ["Lambda.AWSLambdaException"], "IntervalSeconds": 1,
             "BackoffRate": 1.0, "MaxAttempts": 30}])))
        execution = self.start(machine)
        wait_until("it was denied", lambda: "LambdaFunctionFailed" in self.types(execution))
        self.put(role, allow("lambda:InvokeFunction"))
        self.assertEqual(self.told(self.ended(execution)), "answered")

    def test_a_role_that_goes_and_comes_back(self):
        role = self.role_of(allow("lambda:InvokeFunction"))
        name = role.rsplit("/")[-1]

        def delete():
            self.iam.delete_role_policy(RoleName=name, PolicyName="may")
            self.iam.delete_role(RoleName=name)
        execution, told = self.between(role, delete)
        self.assertEqual(told[0], "Lambda.AWSLambdaException")
        self.assertIn(NEITHER, told[1])
        make_role(self.iam, name, trust(STATES), allow("lambda:InvokeFunction"))
        self.states.redrive_execution(executionArn=execution)
        self.assertEqual(self.told(self.ended(execution)), "answered")

    def test_boundaries_and_explicit_denies(self):
        denied = "with an explicit deny in an identity-based policy"
        role = self.role_of(allow("*"), {**allow("lambda:*", self.function), "Effect": "Deny"})
        machine = self.machine_as(role, states(T=task(self.function)))
        self.check_denied(self.outcome(machine), "Lambda.AWSLambdaException",
                          "lambda:InvokeFunction", self.function, denied)
        role = self.role_of(allow("*"))
        boundary = self.iam.create_policy(
            PolicyName="boundary", PolicyDocument=policy(allow("states:*")))["Policy"]["Arn"]
        self.iam.put_role_permissions_boundary(RoleName=role.rsplit("/")[-1],
                                               PermissionsBoundary=boundary)
        machine = self.machine_as(role, states(T=task(self.function)))
        self.check_denied(self.outcome(machine), "Lambda.AWSLambdaException",
                          "lambda:InvokeFunction", self.function,
                          "because no permissions boundary allows the {} action")

    def test_a_role_is_for_its_state_machine(self):
        role = self.role_of(allow("*"))
        definition = states(T=task(self.function))
        mine, other = self.machine_as(role, definition), self.machine_as(role, definition)
        self.iam.update_assume_role_policy(
            RoleName=role.rsplit("/")[-1],
            PolicyDocument=trust(STATES, ArnEquals={"aws:SourceArn": mine}))
        self.assertEqual(self.outcome(mine), "answered")
        error, cause = self.outcome(other)
        self.assertEqual(error, "Lambda.AWSLambdaException")
        self.assertIn(NEITHER, cause)

    def test_a_regional_principal_is_that_of_its_region(self):
        role = self.role_of(allow("*"), trusted=trust(f"states.{REGION}.amazonaws.com"))
        whoami = states(T=task("arn:aws:states:::aws-sdk:sts:getCallerIdentity"))
        machine = self.machine_as(role, whoami)
        self.assertIn(":assumed-role/", self.outcome(machine)["Arn"])
        elsewhere = self.client_of("stepfunctions", "test", "eu-west-1")
        self.refused("AccessDeniedException", "CreateStateMachine", elsewhere, name="regional",
                     definition=json.dumps(whoami), roleArn=role)


class CredentialsOfStates(RoleCase):
    """Tasks as roles that their states name."""

    def run_as(self, role, resource, parameters=None, *statements):
        """An execution of a task with `Credentials`, by a role that may do what is said."""
        machine_role = self.role_of(JOBS, *statements)
        state = task(resource, parameters, Credentials={"RoleArn.$": "$.role"})
        machine = self.machine_as(machine_role, states(T=state))
        return machine_role, lambda: self.outcome(machine, {"role": role})

    def trusting(self, *roles):
        return policy({"Effect": "Allow", "Principal": {"AWS": list(roles)},
                       "Action": "sts:AssumeRole"})

    def test_a_state_runs_as_the_role_it_names(self):
        whoami = "arn:aws:states:::aws-sdk:sts:getCallerIdentity"
        theirs = self.role_of(trusted=trust("lambda.amazonaws.com"))
        name = theirs.rsplit("/")[-1]
        mine, run = self.run_as(theirs, whoami, {}, allow("sts:AssumeRole", theirs))
        refused = ("States.TaskFailed", f"The role {mine} is not authorized to assume the task "
                                        f"state's role, {theirs}.")
        self.assertEqual(run(), refused)
        self.iam.update_assume_role_policy(RoleName=name, PolicyDocument=self.trusting(mine))
        arn = run()["Arn"]
        self.assertTrue(arn.startswith(f"arn:aws:sts::000000000000:assumed-role/{name}/"), arn)
        # Trusting the account is not enough: the machine's role must be allowed to.
        self.iam.update_assume_role_policy(
            RoleName=name, PolicyDocument=self.trusting("arn:aws:iam::000000000000:root"))
        self.assertIn(f":assumed-role/{name}/", run()["Arn"])
        self.put(mine, allow("sts:AssumeRole", mine))
        self.assertEqual(run(), refused)
        self.iam.delete_role(RoleName=name)
        self.assertEqual(run(), refused)

    def test_what_the_named_role_may_not_do(self):
        theirs = self.role_of(trusted=trust("lambda.amazonaws.com"))
        mine, run = self.run_as(theirs, self.function, None, allow("lambda:*"))
        self.iam.update_assume_role_policy(RoleName=theirs.rsplit("/")[-1],
                                           PolicyDocument=self.trusting(mine))
        self.check_denied(run(), "Lambda.AWSLambdaException", "lambda:InvokeFunction",
                          self.function)
        self.put(theirs, allow("lambda:InvokeFunction"))
        self.assertEqual(run(), "answered")

    def test_a_role_of_another_account(self):
        there = self.client_of("iam", "111111111111")
        mine, run = self.run_as("arn:aws:iam::111111111111:role/theirs",
                                "arn:aws:states:::aws-sdk:sts:getCallerIdentity", {})
        make_role(there, "theirs", self.trusting(mine))
        self.assertEqual(run()[0], "States.TaskFailed")
        self.put(mine, allow("sts:AssumeRole"))
        self.assertEqual(run()["Account"], "111111111111")

    def test_a_chain_of_roles(self):
        last = self.role_of(trusted=trust("lambda.amazonaws.com"))
        theirs = self.role_of(trusted=trust("lambda.amazonaws.com"))
        for seconds, error in ((3600, None), (3601, "Sts.StsException")):
            mine, run = self.run_as(
                theirs, "arn:aws:states:::aws-sdk:sts:assumeRole",
                {"RoleArn": last, "RoleSessionName": "chained", "DurationSeconds": seconds})
            self.iam.update_assume_role_policy(RoleName=theirs.rsplit("/")[-1],
                                               PolicyDocument=self.trusting(mine))
            self.iam.update_assume_role_policy(RoleName=last.rsplit("/")[-1],
                                               PolicyDocument=self.trusting(theirs))
            told = run()
            if error is None:
                self.assertIn("/chained", told["AssumedRoleUser"]["Arn"])
            else:
                self.assertEqual(told[0], error)
                self.assertIn("1 hour session limit for roles assumed by role chaining", told[1])

    def test_a_job_of_the_named_role(self):
        theirs = self.role_of(allow(["states:StartExecution", "states:DescribeExecution"]),
                              trusted=trust("lambda.amazonaws.com"))
        mine, run = self.run_as(theirs, "arn:aws:states:::states:startExecution.sync:2",
                                {"StateMachineArn": self.child})
        self.iam.update_assume_role_policy(RoleName=theirs.rsplit("/")[-1],
                                           PolicyDocument=self.trusting(mine))
        self.assertEqual(run()["Status"], "SUCCEEDED")


if __name__ == "__main__":
    unittest.main()
