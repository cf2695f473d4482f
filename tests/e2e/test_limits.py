"""The limits that are settings, each set low enough to be met, and rate buckets."""
import json
import tempfile
import threading
import unittest

from botocore.exceptions import ClientError, ReadTimeoutError

from support import ServerCase, wait_until

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


class Rates(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.file = tempfile.NamedTemporaryFile("w", suffix=".toml")
        cls.file.write("[rate_limits]\n"
                       "ListActivities = { bucket = 2, refill_per_second = 0.001 }\n")
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


if __name__ == "__main__":
    unittest.main()
