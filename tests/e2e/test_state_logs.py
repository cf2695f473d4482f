"""What state machines log: their own history is the judge of every record."""
import collections
import json
import unittest

from support import REGION, ServerCase, wait_until

ACCOUNT = "000000000000"
FATAL = {"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"}
ERROR = FATAL | {"FailStateEntered", "LambdaFunctionFailed"}
# What `includeExecutionData` is about.
DATA = {"input", "inputDetails", "output", "outputDetails"}
FAILS = "def handler(event, context):\n    raise ValueError('not today')\n"


class StateLogs(ServerCase):
    @classmethod
    def connect(cls):
        super().connect()
        cls.logs = cls.server.client("logs")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        fails = cls().create_function("fails", FAILS)
        task = {"Type": "Task", "Resource": fails, "Next": "Never",
                "Catch": [{"ErrorEquals": ["ValueError"], "Next": "Choose"}]}
        cls.definition = {"StartAt": "First", "States": {
            "First": {"Type": "Pass", "Next": "Call"}, "Call": task, "Never": {"Type": "Succeed"},
            "Choose": {"Type": "Choice", "Default": "Good", "Choices": [
                {"Variable": "$.Error", "StringEquals": "ValueError", "Next": "Bad"}]},
            "Good": {"Type": "Succeed"},
            "Bad": {"Type": "Fail", "Error": "Bad", "Cause": "for a reason"}}}

    def make(self, name, definition, level="ALL", with_data=True, **more):
        """A machine that logs, and its group."""
        group = f"/aws/vendedlogs/states/{name}"
        self.logs.create_log_group(logGroupName=group)
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
        machine = self.states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=self.role,
            loggingConfiguration={
                "level": level, "includeExecutionData": with_data,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]}, **more)
        return machine["stateMachineArn"], group

    def records(self, group):
        """The records of the group by execution, with the streams they are in."""
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, logStreamNamePrefix="states/")
        found = collections.defaultdict(list)
        self.streams = set()
        for page in pages:
            for event in page["events"]:
                record = json.loads(event["message"])
                self.assertEqual(str(event["timestamp"]), record["event_timestamp"])
                self.streams.add(event["logStreamName"])
                found[record["execution_arn"]].append(record)
        return found

    def logged(self, group, execution, last):
        """The records of an execution, once one of the type `last` is among them."""
        def probe():
            records = self.records(group)[execution]
            return records if last in {record["type"] for record in records} else None
        return wait_until(f"{last} is logged", probe)

    def expected(self, execution, with_data):
        """The records that the history makes."""
        records = []
        for event in self.history(execution):
            details = next((v for k, v in event.items() if k.endswith("EventDetails")), {})
            records.append({
                "id": str(event["id"]), "type": event["type"],
                "details": {k: v for k, v in details.items() if with_data or k not in DATA},
                "previous_event_id": str(event["previousEventId"]),
                "event_timestamp": str(round(event["timestamp"].timestamp() * 1000)),
                "execution_arn": execution, "redrive_count": "0"})
        return records

    def check(self, level, with_data, types):
        machine, group = self.make(f"{level}-{with_data}", self.definition, level, with_data)
        execution = self.start(machine, {"secret": "in the input"})
        self.assertEqual(self.ended(execution)["error"], "Bad")
        records = self.logged(group, execution, "ExecutionFailed")
        expected = [record for record in self.expected(execution, with_data)
                    if types is None or record["type"] in types]
        self.assertEqual(records, expected)
        self.assertEqual("in the input" in json.dumps(records), with_data and level == "ALL")
        stream, = self.streams
        self.assertEqual(stream, f"states/{machine}")

    def test_levels(self):
        for level, types in (("ALL", None), ("ERROR", ERROR), ("FATAL", FATAL)):
            for with_data in (True, False):
                with self.subTest(level=level, with_data=with_data):
                    self.check(level, with_data, types)

    def test_off_and_changes(self):
        machine, group = self.make("changes", self.definition)
        first = self.start(machine)
        self.logged(group, first, "ExecutionFailed")
        self.states.update_state_machine(stateMachineArn=machine,
                                         loggingConfiguration={"level": "OFF"})
        second = self.start(machine)
        self.ended(second)
        self.states.update_state_machine(stateMachineArn=machine, loggingConfiguration={
            "level": "FATAL", "destinations": [{"cloudWatchLogsLogGroup": {
                "logGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"}}]})
        third = self.start(machine)
        self.logged(group, third, "ExecutionFailed")
        found = self.records(group)
        self.assertEqual((set(found), len(found[third])), ({first, third}, 1))

    def test_express_machines(self):
        machine, group = self.make("express", self.definition, type="EXPRESS")
        ended = self.states.start_sync_execution(stateMachineArn=machine, input='{"a":1}')
        records = self.logged(group, ended["executionArn"], "ExecutionFailed")
        self.assertIn(f":express:express:{ended['name']}:", ended["executionArn"])
        self.assertEqual([record["id"] for record in records],
                         [str(n) for n in range(1, len(records) + 1)])
        types = [record["type"] for record in records]
        self.assertEqual((types[0], types[-1]), ("ExecutionStarted", "ExecutionFailed"))
        self.assertIn("LambdaFunctionFailed", types)
        self.assertEqual(json.loads(records[0]["details"]["input"]), {"a": 1})
        self.assertEqual(records[-1]["details"], {"error": "Bad", "cause": "for a reason"})
        other = self.states.start_execution(stateMachineArn=machine)["executionArn"]
        self.logged(group, other, "ExecutionFailed")

    def test_a_group_deleted_later_hurts_nobody(self):
        machine, group = self.make("deleted", {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 1, "End": True}}})
        running = self.start(machine)
        self.logged(group, running, "WaitStateEntered")
        self.logs.delete_log_group(logGroupName=group)
        later = self.start(machine)
        for execution in (running, later):
            self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")
        self.refused("ResourceNotFoundException", "FilterLogEvents", self.logs, logGroupName=group)
        # Other groups go on.
        machine, group = self.make("beside", {"StartAt": "P", "States": {
            "P": {"Type": "Pass", "End": True}}})
        self.logged(group, self.start(machine), "ExecutionSucceeded")

    def test_records_survive_kill_9(self):
        machine, group = self.make("survives", {"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "W"}, "W": {"Type": "Wait", "Seconds": 2, "Next": "B"},
            "B": {"Type": "Pass", "End": True}}})
        executions = []
        for _ in range(3):
            # Some wait, some have just begun, some have ended without having been written.
            executions += [self.start(machine, {"n": n}) for n in range(20)]
            self.server.kill()
            self.server.start()
        for execution in executions:
            self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")
        last = [self.start(machine) for _ in range(5)]
        for execution in last:
            self.ended(execution)
        # Those that ended just now may not be written yet.
        self.server.kill()
        self.server.start()
        executions += last

        def whole():
            found = self.records(group)
            return found if all("ExecutionSucceeded" in {record["type"] for record in found[one]}
                                for one in executions) else None
        found = wait_until("all are logged to their ends", whole)
        self.assertEqual(set(found), set(executions))
        for execution in executions:
            # At least once: a repeated record is the same one.
            records = {record["id"]: record for record in found[execution]}
            for record in found[execution]:
                self.assertEqual(record, records[record["id"]])
            self.assertEqual([records[key] for key in sorted(records, key=int)],
                             self.expected(execution, True))


if __name__ == "__main__":
    unittest.main()
