"""The limits that are settings, each set low enough to be met, and rate buckets."""
import itertools
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from botocore.exceptions import ClientError, ReadTimeoutError

from support import BINARY, ROOT, ServerCase, wait_until

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}


class Counts(ServerCase):
    variables = {"LOCKSTEP_STATE_MACHINES_MAX": "3", "LOCKSTEP_ACTIVITIES_MAX": "1",
                 "LOCKSTEP_VERSIONS_MAX": "2", "LOCKSTEP_ALIASES_MAX": "1",
                 "LOCKSTEP_TAGS_MAX": "2", "LOCKSTEP_OPEN_EXECUTIONS_MAX": "1",
                 "LOCKSTEP_POLLERS_PER_ACTIVITY_MAX": "1"}

    def machine(self, name, definition=PASS, **more):
        return self.states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=self.role, **more)

    def test_counts(self):
        for part in (self.versions_and_aliases, self.executions, self.tags_and_machines,
                     self.pollers):
            with self.subTest(part.__name__):
                part()

    def versions_and_aliases(self):
        created = self.machine("m", publish=True)
        arn, one = created["stateMachineArn"], created["stateMachineVersionArn"]
        two = self.states.update_state_machine(
            stateMachineArn=arn, definition=json.dumps(WAIT), publish=True)
        self.assertEqual(two["stateMachineVersionArn"], f"{arn}:2")
        other = json.dumps({**PASS, "Comment": "third"})
        self.refused("ServiceQuotaExceededException", "UpdateStateMachine", stateMachineArn=arn,
                     definition=other, publish=True)
        self.states.update_state_machine(stateMachineArn=arn, definition=other)
        self.refused("ServiceQuotaExceededException", "PublishStateMachineVersion",
                     stateMachineArn=arn)
        routes = [{"stateMachineVersionArn": one, "weight": 100}]
        self.states.create_state_machine_alias(name="a", routingConfiguration=routes)
        self.refused("ServiceQuotaExceededException", "CreateStateMachineAlias", name="b",
                     routingConfiguration=routes)

    def executions(self):
        waiting = self.machine("waiting", WAIT)["stateMachineArn"]
        failing = self.machine("failing", {"StartAt": "F", "States": {
            "F": {"Type": "Fail", "Error": "E"}}})["stateMachineArn"]
        failed = self.start(failing)
        self.assertEqual(self.ended(failed)["status"], "FAILED")
        open_one = self.start(waiting)
        self.refused("ExecutionLimitExceeded", "StartExecution", stateMachineArn=waiting)
        self.refused("ExecutionLimitExceeded", "RedriveExecution", executionArn=failed)
        self.states.stop_execution(executionArn=open_one)
        self.states.stop_execution(executionArn=self.start(waiting))

    def tags_and_machines(self):
        machines = [m["stateMachineArn"] for m in self.states.list_state_machines()["stateMachines"]]
        self.assertEqual(len(machines), 3)
        self.refused("StateMachineLimitExceeded", "CreateStateMachine", name="fourth",
                     definition=json.dumps(PASS), roleArn=self.role)
        tags = [{"key": key, "value": "v"} for key in "abc"]
        self.states.tag_resource(resourceArn=machines[0], tags=tags[:2])
        self.refused("TooManyTags", "TagResource", resourceArn=machines[0], tags=tags[2:])
        self.states.tag_resource(resourceArn=machines[0], tags=tags[:1])
        self.refused("TooManyTags", "CreateActivity", name="tagged", tags=tags)
        self.refused("TooManyTags", "CreateStateMachine", name="tagged", roleArn=self.role,
                     definition=json.dumps(PASS), tags=tags)

    def pollers(self):
        activity = self.states.create_activity(name="one")["activityArn"]
        self.refused("ActivityLimitExceeded", "CreateActivity", name="two")
        # An activity there is may be created again.
        self.states.create_activity(name="one")
        client = self.server.client("stepfunctions")

        def wait():
            """Whoever looks whether it waits may be there first, for a second."""
            while True:
                try:
                    return client.get_activity_task(activityArn=activity)
                except client.exceptions.ActivityWorkerLimitExceeded:
                    continue
                except client.exceptions.ActivityDoesNotExist:
                    return None
        waiting = threading.Thread(target=wait)
        waiting.start()

        def is_refused():
            hasty = self.server.client("stepfunctions", read_timeout=1)
            try:
                hasty.get_activity_task(activityArn=activity)
            except ClientError as error:
                return error.response["Error"]["Code"]
            except ReadTimeoutError:
                return None
        self.assertEqual(wait_until("one too many waits", is_refused), "ActivityWorkerLimitExceeded")
        self.refused("ActivityWorkerLimitExceeded", "GetActivityTask", activityArn=activity)
        # Deleting it ends the long poll.
        self.states.delete_activity(activityArn=activity)
        waiting.join(timeout=20)
        self.assertFalse(waiting.is_alive())


class Sizes(ServerCase):
    variables = {"LOCKSTEP_PAYLOAD_BYTES_MAX": "2048", "LOCKSTEP_VARIABLES_BYTES_MAX": "1024",
                 "LOCKSTEP_HISTORY_EVENTS_MAX": "30", "LOCKSTEP_MAP_CONCURRENCY_MAX": "2",
                 "LOCKSTEP_EXPRESS_SECONDS_MAX": "1"}

    def failure(self, definition, value=None):
        described = self.ended(self.start(self.create_machine(self.id().rsplit("_", 1)[1],
                                                              definition), value))
        self.assertEqual(described["status"], "FAILED")
        return described.get("error"), described.get("cause", "")

    def test_payload(self):
        machine = self.create_machine("in", PASS)
        self.refused("InvalidExecutionInput", "StartExecution", stateMachineArn=machine,
                     input=json.dumps("x" * 2048))
        error, cause = self.failure({"QueryLanguage": "JSONata", "StartAt": "P", "States": {
            "P": {"Type": "Pass", "Output": "{% $join($split($pad('', 2100, 'x'), '')) %}",
                  "End": True}}})
        self.assertEqual(error, "States.DataLimitExceeded", cause)

    def test_variables(self):
        assign = {"a.$": "$.text"}
        error, _ = self.failure({"StartAt": "P", "States": {
            "P": {"Type": "Pass", "Assign": assign, "End": True}}}, {"text": "x" * 1100})
        self.assertEqual(error, "States.DataLimitExceeded")

    def test_history(self):
        error, cause = self.failure({"StartAt": "P", "States": {
            "P": {"Type": "Choice", "Default": "Q", "Choices": [
                {"Variable": "$.end", "IsPresent": True, "Next": "R"}]},
            "Q": {"Type": "Pass", "Next": "P"}, "R": {"Type": "Succeed"}}})
        self.assertEqual(error, "States.Runtime")
        self.assertIn("history", cause)

    def test_map(self):
        machine = self.create_machine("map", {"StartAt": "M", "States": {"M": {
            "Type": "Map", "End": True, "ItemProcessor": {"StartAt": "W", "States": {
                "W": {"Type": "Wait", "Seconds": 1, "End": True}}}}}})
        execution = self.start(machine, [1, 2, 3])
        self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")
        types = [e["type"] for e in self.history(execution)]
        before = types[:types.index("MapIterationSucceeded")]
        self.assertEqual(before.count("MapIterationStarted"), 2)

    def test_express(self):
        express = self.states.create_state_machine(
            name="express", type="EXPRESS", definition=json.dumps(WAIT), roleArn=self.role)
        answer = self.states.start_sync_execution(stateMachineArn=express["stateMachineArn"])
        self.assertEqual(answer["status"], "TIMED_OUT")


class AtTheLimit(ServerCase):
    """What is exactly as large as a limit allows goes through; one more of it does not."""

    variables = Sizes.variables

    def outcome(self, definition, value=None):
        count = len(self.states.list_state_machines()["stateMachines"])
        name = f"{self.id().rsplit('_', 1)[1]}-{count}"
        described = self.ended(self.start(self.create_machine(name, definition), value))
        return described["status"], described.get("error"), described.get("cause", "")

    def test_payload(self):
        machine = self.create_machine("input", PASS)

        def start(size):
            return self.states.start_execution(stateMachineArn=machine,
                                               input=json.dumps("x" * size))
        self.assertEqual(self.ended(start(2046)["executionArn"])["status"], "SUCCEEDED")
        # Bytes count, not characters.
        text = json.dumps("é" * 1023, ensure_ascii=False)
        self.assertEqual(len(text.encode()), 2048)
        self.states.start_execution(stateMachineArn=machine, input=text)
        for beyond in ('"' + "x" * 2047 + '"', json.dumps("é" * 1024, ensure_ascii=False)):
            self.refused("InvalidExecutionInput", "StartExecution", stateMachineArn=machine,
                         input=beyond)

        def passes(size):
            return {"QueryLanguage": "JSONata", "StartAt": "P", "States": {"P": {
                "Type": "Pass", "Output": f"{{% $pad('', {size}, 'x') %}}", "End": True}}}
        self.assertEqual(self.outcome(passes(2046))[0], "SUCCEEDED")
        self.assertEqual(self.outcome(passes(2047))[:2], ("FAILED", "States.DataLimitExceeded"))

    def test_task_output(self):
        activity = self.states.create_activity(name="sized")["activityArn"]
        execution = self.start(self.create_machine("sized", {"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": activity, "End": True}}}))
        token = self.states.get_activity_task(activityArn=activity)["taskToken"]
        self.refused("InvalidOutput", "SendTaskSuccess", taskToken=token,
                     output='"' + "x" * 2047 + '"')
        self.states.send_task_success(taskToken=token, output='"' + "x" * 2046 + '"')
        self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")

    def test_variables(self):
        def assigned(size):
            return {"StartAt": "P", "States": {"P": {
                "Type": "Pass", "Assign": {"a": "x" * size}, "Result": 1, "End": True}}}
        self.assertEqual(self.outcome(assigned(1018))[0], "SUCCEEDED")
        self.assertEqual(self.outcome(assigned(1019))[:2], ("FAILED", "States.DataLimitExceeded"))

    def test_history(self):
        """ExecutionStarted, two events of each Pass, ExecutionSucceeded."""
        def chain(length):
            states = {f"P{n}": {"Type": "Pass", "Next": f"P{n + 1}"} for n in range(length - 1)}
            return {"StartAt": "P0", "States": {
                **states, f"P{length - 1}": {"Type": "Pass", "End": True}}}
        self.assertEqual(self.outcome(chain(14))[0], "SUCCEEDED")
        machine = self.create_machine("long", chain(15))
        described = self.ended(self.start(machine))
        self.assertEqual((described["status"], described["error"]), ("FAILED", "States.Runtime"))
        self.assertIn("(30)", described["cause"])
        last = self.history(described["executionArn"])[-1]
        self.assertEqual((last["id"], last["type"]), (30, "ExecutionFailed"))

    def test_express(self):
        def runs(seconds):
            express = self.states.create_state_machine(
                name=f"express-{seconds}", type="EXPRESS", roleArn=self.role,
                definition=json.dumps({"StartAt": "W", "States": {
                    "W": {"Type": "Wait", "Seconds": seconds, "End": True}}}))
            return self.states.start_sync_execution(
                stateMachineArn=express["stateMachineArn"])["status"]
        self.assertEqual((runs(0), runs(2)), ("SUCCEEDED", "TIMED_OUT"))


class Gate(ServerCase):
    """`lockstep:maxConcurrency`: who waits is seen, and in which order, through everything."""

    def gate(self):
        answer = self.server.aws(
            "lockstep", "describe-concurrency", "--state-machine-arn", self.machine,
            variables={"AWS_DATA_PATH": self.models.name})
        names = [it["executionArn"].rpartition(":")[2] for it in answer["queued"]]
        self.assertEqual([it["position"] for it in answer["queued"]],
                         list(range(1, len(names) + 1)))
        self.assertEqual(answer["queuedCount"], len(names))
        return answer.get("limit"), answer["running"], "".join(names)

    def show(self, name):
        run = subprocess.run([BINARY, "show", self.execution(name)], capture_output=True, text=True,
                             env=self.server.environment(), timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout.splitlines()[1]

    def execution(self, name):
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def limit(self, value):
        self.states.tag_resource(resourceArn=self.machine, tags=[
            {"key": "lockstep:maxConcurrency", "value": str(value)}])

    def stop(self, name):
        self.states.stop_execution(executionArn=self.execution(name))

    def test_the_queue(self):
        self.models = tempfile.TemporaryDirectory()
        self.addCleanup(self.models.cleanup)
        place = pathlib.Path(self.models.name) / "lockstep" / "2026-01-01"
        place.mkdir(parents=True)
        shutil.copy(ROOT / "models/lockstep.json", place / "service-2.json")
        self.machine = self.create_machine("gated", WAIT)
        self.limit(2)
        for name in "abcdefgh":
            self.start(self.machine, name=name)
        self.assertEqual(self.gate(), (2, 2, "cdefgh"))
        self.assertEqual(self.states.describe_execution(
            executionArn=self.execution("h"))["status"], "RUNNING")
        self.assertEqual([e["type"] for e in self.history(self.execution("h"))],
                         ["ExecutionStarted"])
        self.assertIn("2 run, it is number 6 of 6 that wait", self.show("h"))
        self.assertNotIn("waits", self.show("a"))
        for _ in range(2):
            self.server.kill()
            self.server.start()
            self.assertEqual(self.gate(), (2, 2, "cdefgh"))
        self.stop("b")
        self.assertEqual(self.gate(), (2, 2, "defgh"))
        # One that waits can be stopped, from the middle of the queue.
        self.stop("e")
        self.assertEqual(self.gate(), (2, 2, "dfgh"))
        # A limit that is raised lets in who waits; one that is lowered ends nobody.
        self.limit(3)
        self.assertEqual(self.gate(), (3, 3, "fgh"))
        self.limit(1)
        self.assertEqual(self.gate(), (1, 3, "fgh"))
        self.stop("a")
        self.stop("c")
        self.assertEqual(self.gate(), (1, 1, "fgh"))
        self.stop("d")
        self.assertEqual(self.gate(), (1, 1, "gh"))
        self.server.kill()
        self.server.start()
        self.states.untag_resource(resourceArn=self.machine, tagKeys=["lockstep:maxConcurrency"])
        self.assertEqual(self.gate(), (None, 3, ""))
        self.refused("ValidationException", "TagResource", resourceArn=self.machine,
                     tags=[{"key": "lockstep:maxConcurrency", "value": "0"}])


class Rates(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.file = tempfile.NamedTemporaryFile("w", suffix=".toml")
        cls.file.write("[rate_limits]\nbase = \"aws\"\n"
                       "ListActivities = { bucket = 2, refill_per_second = 0.001 }\n"
                       "StartExecution = { bucket = 3, refill_per_second = 0.001, "
                       "express = { bucket = 5, refill_per_second = 0.001 } }\n")
        cls.file.flush()
        cls.flags = ("--config", cls.file.name)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.file.close()

    def test_rates(self):
        for _ in range(2):
            self.states.list_activities()
        self.assertEqual(self.refused("ThrottlingException", "ListActivities"), "Rate exceeded")
        self.states.list_state_machines()
        code = self.server.aws("stepfunctions", "list-activities", fails=True)
        self.assertIn("ThrottlingException", code)

    def test_types_of_state_machines_are_counted_apart(self):
        standard = self.create_machine("standard", PASS)
        made = self.states.create_state_machine(
            name="express", type="EXPRESS", roleArn=self.role, publish=True,
            definition=json.dumps(PASS))
        express = itertools.cycle([made["stateMachineArn"], made["stateMachineVersionArn"]])

        def started(machine):
            count = 0
            while True:
                try:
                    self.states.start_execution(stateMachineArn=machine())
                except ClientError as error:
                    self.assertEqual(error.response["Error"]["Code"], "ThrottlingException")
                    return count
                count += 1
        self.assertEqual((started(lambda: standard), started(lambda: next(express))), (3, 5))
        # What names no state machine counts as a Standard one; StartSyncExecution has no bucket.
        self.refused("ThrottlingException", "StartExecution", stateMachineArn="none")
        for _ in range(20):
            self.states.start_sync_execution(stateMachineArn=made["stateMachineArn"])

    def test_numbers_of_aws_for_the_rest(self):
        state = json.dumps({"Type": "Pass", "End": True})
        begin = time.monotonic()
        codes = []
        while time.monotonic() - begin < 0.5:
            try:
                self.states.test_state(definition=state, roleArn=self.role)
                codes.append("")
            except ClientError as error:
                codes.append(error.response["Error"]["Code"])
        self.assertEqual(codes.count(""), 1, "one at once, and one a second")
        self.assertEqual(set(codes[1:]), {"ThrottlingException"})


if __name__ == "__main__":
    unittest.main()
