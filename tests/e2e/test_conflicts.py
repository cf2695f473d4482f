"""Calls that conflict, sent at once: exactly one wins, the others are told, and nothing is lost."""
import concurrent.futures
import itertools
import json
import threading
import unittest

from botocore.exceptions import ClientError

from support import ServerCase, wait_until

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
THREADS = 12


def definition(number):
    return json.dumps({**PASS, "Comment": str(number)})


class Conflicts(ServerCase):
    @classmethod
    def connect(cls):
        super().connect()
        cls.states = cls.server.client("stepfunctions", max_pool_connections=2 * THREADS)
        cls.pool = concurrent.futures.ThreadPoolExecutor(2 * THREADS)

    @classmethod
    def tearDownClass(cls):
        cls.pool.shutdown()
        super().tearDownClass()

    def at_once(self, *calls):
        """Makes the calls at once; what each answered, or its error's code."""
        barrier = threading.Barrier(len(calls))

        def make(call):
            barrier.wait(timeout=30)
            try:
                return call()
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                self.assertEqual(status, 400, error)
                return error.response["Error"]["Code"]
        return [made.result(timeout=120) for made in
                [self.pool.submit(make, call) for call in calls]]

    def one_wins(self, refusals, *calls):
        """Exactly one call succeeds, all others are refused with one of these errors; the number of
        the winner."""
        answers = self.at_once(*calls)
        winners = [number for number, it in enumerate(answers) if isinstance(it, dict)]
        self.assertEqual(len(winners), 1, answers)
        self.assertLessEqual({it for it in answers if isinstance(it, str)}, refusals)
        return winners[0]

    # -- state machines ----------------------------------------------------------------------------

    def test_one_of_many_state_machines_of_a_name_is_made(self):
        for round_number in range(5):
            name = f"made-{round_number}"
            winner = self.one_wins({"StateMachineAlreadyExists"}, *[
                lambda n=n: self.states.create_state_machine(
                    name=name, definition=definition(n), roleArn=self.role)
                for n in range(THREADS)])
            arn = f"arn:aws:states:us-east-2:000000000000:stateMachine:{name}"
            described = self.states.describe_state_machine(stateMachineArn=arn)
            self.assertEqual(described["definition"], definition(winner))

    def test_no_update_is_lost(self):
        """Each update publishes what it wrote and nothing else; one that met another is refused,
        and leaves no version behind."""
        arn = self.create_machine("updated", definition("first"))

        def update(n, turn):
            while True:
                try:
                    return self.states.update_state_machine(
                        stateMachineArn=arn, definition=definition((n, turn)), publish=True,
                        versionDescription=f"{n}-{turn}")
                except self.states.exceptions.ConflictException:
                    continue
        answers = self.at_once(*[
            lambda n=n: [update(n, turn) for turn in range(8)] for n in range(THREADS)])
        versions = {}
        self.assertEqual([it for it in answers if isinstance(it, str)], [])
        for n, answers_of_one in enumerate(answers):
            for turn, answer in enumerate(answers_of_one):
                versions[answer["stateMachineVersionArn"]] = (n, turn, answer["revisionId"])
        self.assertEqual(len(versions), 8 * THREADS)
        numbers = sorted(int(version.rpartition(":")[2]) for version in versions)
        self.assertEqual(numbers, list(range(1, 8 * THREADS + 1)))
        for version, (n, turn, revision) in versions.items():
            described = self.states.describe_state_machine(stateMachineArn=version)
            self.assertEqual((described["definition"], described["revisionId"],
                              described["description"]),
                             (definition((n, turn)), revision, f"{n}-{turn}"))
        last = versions[f"{arn}:{8 * THREADS}"]
        described = self.states.describe_state_machine(stateMachineArn=arn)
        self.assertEqual((described["definition"], described["revisionId"]),
                         (definition(last[:2]), last[2]))

    def test_a_revision_is_published_once_and_only_if_it_is_current(self):
        arn = self.create_machine("revised", definition(0))
        for turn in range(1, 6):
            revision = self.states.update_state_machine(
                stateMachineArn=arn, definition=definition(turn))["revisionId"]
            answers = self.at_once(
                *[lambda: self.states.publish_state_machine_version(
                    stateMachineArn=arn, revisionId=revision)] * THREADS,
                lambda: self.states.update_state_machine(
                    stateMachineArn=arn, definition=definition(f"after {turn}")))
            published = {it["stateMachineVersionArn"] for it in answers[:-1]
                         if isinstance(it, dict)}
            self.assertLessEqual(len(published), 1, answers)
            self.assertLessEqual({it for it in answers if isinstance(it, str)},
                                 {"ConflictException"})
            for version in published:
                described = self.states.describe_state_machine(stateMachineArn=version)
                self.assertEqual(described["definition"], definition(turn))

    def test_no_tag_is_lost(self):
        arn = self.create_machine("tagged", PASS)
        self.at_once(*[lambda n=n: [
            (self.states.tag_resource(resourceArn=arn, tags=[
                {"key": f"kept-{n}", "value": str(turn)}, {"key": f"gone-{n}", "value": "x"}]),
             self.states.untag_resource(resourceArn=arn, tagKeys=[f"gone-{n}"]))
            for turn in range(8)] for n in range(THREADS)])
        tags = self.states.list_tags_for_resource(resourceArn=arn)["tags"]
        self.assertEqual({tag["key"]: tag["value"] for tag in tags},
                         {f"kept-{n}": "7" for n in range(THREADS)})

    def test_the_limit_of_tags_holds(self):
        arn = self.create_machine("limited", PASS)
        answers = self.at_once(*[lambda n=n: self.states.tag_resource(resourceArn=arn, tags=[
            {"key": f"{n}-{key}", "value": ""} for key in range(20)]) for n in range(THREADS)])
        self.assertEqual(answers.count("TooManyTags"), THREADS - 2)
        self.assertEqual(len(self.states.list_tags_for_resource(resourceArn=arn)["tags"]), 40)

    # -- versions and aliases ----------------------------------------------------------------------

    def test_an_alias_never_leads_to_a_version_that_is_gone(self):
        arn = self.create_machine("versioned", definition("base"))

        def publish(number):
            return self.states.update_state_machine(
                stateMachineArn=arn, definition=definition(number),
                publish=True)["stateMachineVersionArn"]

        def routes(version):
            return [{"stateMachineVersionArn": version, "weight": 100}]
        alias = self.states.create_state_machine_alias(
            name="live", routingConfiguration=routes(publish(0)))["stateMachineAliasArn"]
        for number in range(1, 16):
            version = publish(number)
            answers = self.at_once(
                lambda: self.states.update_state_machine_alias(
                    stateMachineAliasArn=alias, routingConfiguration=routes(version)),
                lambda: self.states.delete_state_machine_version(stateMachineVersionArn=version),
                lambda: self.states.update_state_machine_alias(
                    stateMachineAliasArn=alias, description=str(number)))
            self.assertIsInstance(answers[2], dict)
            target = self.states.describe_state_machine_alias(
                stateMachineAliasArn=alias)["routingConfiguration"][0]["stateMachineVersionArn"]
            if isinstance(answers[0], dict):
                self.assertEqual((answers[1], target), ("ConflictException", version))
            else:
                self.assertIsInstance(answers[1], dict)
                self.assertIn(answers[0], ("ResourceNotFound", "ValidationException"))
                self.assertNotEqual(target, version)
            self.states.describe_state_machine(stateMachineArn=target)

    def test_one_of_many_aliases_of_a_name_is_made(self):
        arn = self.create_machine("aliased", definition(0))
        version = self.states.publish_state_machine_version(
            stateMachineArn=arn)["stateMachineVersionArn"]
        winner = self.one_wins({"ConflictException"}, *[
            lambda n=n: self.states.create_state_machine_alias(
                name="one", description=str(n),
                routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}])
            for n in range(THREADS)])
        described = self.states.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:one")
        self.assertEqual(described["description"], str(winner))

    # -- executions --------------------------------------------------------------------------------

    def test_one_of_many_executions_of_a_name_is_started(self):
        arn = self.create_machine("started", WAIT)
        for name in "abc":
            winner = self.one_wins({"ExecutionAlreadyExists"}, *[
                lambda n=n: self.states.start_execution(
                    stateMachineArn=arn, name=name, input=str(n)) for n in range(THREADS)])
            execution = f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
            self.assertEqual(self.states.describe_execution(executionArn=execution)["input"],
                             str(winner))
            same = self.at_once(*[lambda: self.states.start_execution(
                stateMachineArn=arn, name=name, input=str(winner))] * THREADS)
            self.assertEqual(len({(it["executionArn"], it["startDate"]) for it in same}), 1)
            stops = self.at_once(*[lambda n=n: self.states.stop_execution(
                executionArn=execution, error=str(n)) for n in range(THREADS)])
            self.assertEqual(len({it["stopDate"] for it in stops}), 1)
            self.check_gapless(execution)

    def test_a_machine_that_is_deleted_while_it_is_started(self):
        for number in range(5):
            arn = self.create_machine(f"deleted-{number}", PASS)
            answers = self.at_once(
                *[lambda: self.states.start_execution(stateMachineArn=arn)] * THREADS,
                lambda: self.states.delete_state_machine(stateMachineArn=arn),
                lambda: self.states.tag_resource(
                    resourceArn=arn, tags=[{"key": "a", "value": "b"}]),
                lambda: self.states.update_state_machine(
                    stateMachineArn=arn, definition=definition(number), publish=True))
            self.assertLessEqual({it for it in answers if isinstance(it, str)}, {
                "StateMachineDoesNotExist", "StateMachineDeleting", "ResourceNotFound"})
            for started in answers[:THREADS]:
                if isinstance(started, dict):
                    self.ended(started["executionArn"])

            def is_gone():
                codes = self.at_once(
                    lambda: self.states.describe_state_machine(stateMachineArn=arn))
                return codes == ["StateMachineDoesNotExist"]
            wait_until("the machine is gone", is_gone)

    # -- tasks -------------------------------------------------------------------------------------

    def working(self, name, count):
        activity = self.states.create_activity(name=name)["activityArn"]
        machine = self.create_machine(name, {"StartAt": "A", "States": {
            "A": {"Type": "Task", "Resource": activity, "End": True}}})
        return activity, [self.start(machine, n) for n in range(count)]

    def test_a_task_is_given_to_one_worker_and_ends_once(self):
        activity, executions = self.working("worked", THREADS)
        tasks = self.at_once(*[lambda: self.states.get_activity_task(
            activityArn=activity)] * THREADS)
        self.assertEqual(sorted(json.loads(task["input"]) for task in tasks), list(range(THREADS)))
        self.assertEqual(len({task["taskToken"] for task in tasks}), THREADS)
        for task in tasks[:4]:
            token, execution = task["taskToken"], executions[json.loads(task["input"])]
            winner = self.one_wins({"TaskTimedOut", "TaskDoesNotExist"}, *itertools.chain(
                [lambda n=n: self.states.send_task_success(taskToken=token, output=str(n))
                 for n in range(THREADS)],
                [lambda: self.states.send_task_failure(taskToken=token, error="No")] * THREADS))
            described = self.ended(execution)
            outcome = described.get("output", described.get("error"))
            self.assertEqual(outcome, str(winner) if winner < THREADS else "No")
            self.check_gapless(execution)
        for task in tasks[4:]:
            token, execution = task["taskToken"], executions[json.loads(task["input"])]
            sent, stopped = self.at_once(
                lambda: self.states.send_task_success(taskToken=token, output="1"),
                lambda: self.states.stop_execution(executionArn=execution))
            status = self.ended(execution)["status"]
            self.assertIn((isinstance(sent, dict), status),
                          {(True, "SUCCEEDED"), (False, "ABORTED"), (True, "ABORTED")})
            self.assertIsInstance(stopped, (dict, str))
            self.check_gapless(execution)

    def test_an_execution_is_redriven_once(self):
        activity, [execution] = self.working("redriven", 1)
        for turn in range(1, 4):
            task = self.states.get_activity_task(activityArn=activity)
            self.states.send_task_failure(taskToken=task["taskToken"], error="No")
            self.assertEqual(self.ended(execution)["status"], "FAILED")
            self.one_wins({"ExecutionNotRedrivable"}, *[
                lambda: self.states.redrive_execution(executionArn=execution)] * THREADS)
            described = self.states.describe_execution(executionArn=execution)
            self.assertEqual((described["status"], described["redriveCount"]), ("RUNNING", turn))
        # One token is one request, however often it is sent.
        task = self.states.get_activity_task(activityArn=activity)
        self.states.send_task_failure(taskToken=task["taskToken"], error="No")
        self.assertEqual(self.ended(execution)["status"], "FAILED")
        answers = self.at_once(*[lambda: self.states.redrive_execution(
            executionArn=execution, clientToken="one")] * THREADS)
        self.assertEqual(len({it["redriveDate"] for it in answers}), 1)


if __name__ == "__main__":
    unittest.main()
