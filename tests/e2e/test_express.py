"""Express executions: what is listed of them, over restarts and crashes, and who may see it."""
import json
import pathlib
import shutil
import sqlite3
import tempfile
import time
import unittest

import botocore.session
from botocore.exceptions import ClientError

from support import REGION, ROOT, ServerCase, wait_until

DEFINITION = {"StartAt": "C", "States": {
    "C": {"Type": "Choice", "Default": "P",
          "Choices": [{"Variable": "$.fail", "IsPresent": True, "Next": "F"}]},
    "P": {"Type": "Pass", "Parameters": {"twice.$": "$.n"}, "End": True},
    "F": {"Type": "Fail", "Error": "E", "Cause": "as asked for"}}}
# What is on disk is at most so old when it is written.
FLUSH_SECONDS = 2.5


class Express(ServerCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        place = pathlib.Path(self.folder.name) / "lockstep" / "2026-01-01"
        place.mkdir(parents=True)
        shutil.copy(ROOT / "models/lockstep.json", place / "service-2.json")

    def client(self, key="test", secret="test"):
        session = botocore.session.Session()
        session.get_component("data_loader").search_paths.append(self.folder.name)
        return session.create_client(
            "lockstep", REGION, endpoint_url=self.server.endpoint,
            aws_access_key_id=key, aws_secret_access_key=secret)

    def express(self, name, definition=DEFINITION):
        return self.states.create_state_machine(
            name=name, type="EXPRESS", roleArn=self.role,
            definition=json.dumps(definition))["stateMachineArn"]

    def sync(self, machine, value):
        answer = self.states.start_sync_execution(
            stateMachineArn=machine, name="same", input=json.dumps(value))
        return answer["executionArn"]

    def listed(self, machine, **more):
        executions, token = [], {}
        while True:
            answer = self.client().list_express_executions(
                stateMachineArn=machine, **more, **token)
            executions += answer["executions"]
            if "nextToken" not in answer:
                return executions
            token = {"nextToken": answer["nextToken"]}

    def shown(self, execution):
        """All that is shown of an execution."""
        client = self.client()
        described = client.describe_express_execution(executionArn=execution)
        history = client.get_express_execution_history(executionArn=execution)
        for answer in (described, history):
            del answer["ResponseMetadata"]
        return described, history

    def test_histories_survive_restarts_and_crashes(self):
        machine = self.express("survives")
        executions = [self.sync(machine, {"n": 1}), self.sync(machine, {"fail": 1})]
        started = self.states.start_execution(
            stateMachineArn=machine, name="same", input='{ "n" : 1.50 }')["executionArn"]
        executions.append(started)
        wait_until("the last one ends", lambda: all(
            e["status"] != "RUNNING" for e in self.listed(machine)))
        before = self.listed(machine), [self.shown(e) for e in executions]
        self.assertEqual([e["status"] for e in before[0]], ["SUCCEEDED", "FAILED", "SUCCEEDED"])
        # An orderly end writes all there is, a crash costs the last second.
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual((self.listed(machine), [self.shown(e) for e in executions]), before)
        executions.append(self.sync(machine, {"n": 2}))
        before = self.listed(machine), [self.shown(e) for e in executions]
        self.assertEqual(len(before[0]), 4)
        time.sleep(FLUSH_SECONDS)
        self.server.kill()
        self.server.start()
        self.assertEqual((self.listed(machine), [self.shown(e) for e in executions]), before)
        self.assertEqual(self.listed(machine, maxResults=1), before[0])
        failed = self.listed(machine, statusFilter="FAILED", maxResults=1)
        self.assertEqual([e["executionArn"] for e in failed], [executions[1]])
        # The definition is another now; the histories are what they were.
        self.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(
            {"StartAt": "Z", "States": {"Z": {"Type": "Succeed"}}}))
        self.assertEqual([self.shown(e) for e in executions], before[1])

    def test_an_execution_under_way_when_the_server_dies(self):
        machine = self.express("dies", {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 4, "End": True}}})
        started = self.states.start_execution(stateMachineArn=machine)["executionArn"]
        self.server.kill()
        self.server.start()
        # At least once: it runs again, from its start.
        described = wait_until("it ends", lambda: next(
            (e for e in self.listed(machine) if e["status"] == "SUCCEEDED"), None))
        self.assertEqual(described["executionArn"], started)
        self.assertEqual(len(self.listed(machine)), 1)

    def test_a_thousand_are_listed(self):
        machine = self.express("many")
        for number in range(1_030):
            self.sync(machine, {"n": number})
        before = self.listed(machine, maxResults=1000)
        self.assertEqual(len(before), 1000)
        self.server.stop()
        with sqlite3.connect(f"file:{self.server.store}/lines.db?mode=ro", uri=True) as lines:
            runs = lines.execute("SELECT count(*) FROM runs WHERE machine = (SELECT number FROM"
                                 " streams WHERE name = ?)", [f"express/{machine}"]).fetchone()
        self.assertEqual(runs, (1000,))
        self.server.start()
        self.assertEqual(self.listed(machine, maxResults=333), before)

    def test_a_damaged_row_costs_its_execution_only(self):
        machine = self.express("damaged")
        executions = [self.sync(machine, {"n": number}) for number in range(3)]
        self.assertEqual(self.server.stop(), 0)
        name = ":".join(executions[1].split(":")[-2:])
        with sqlite3.connect(f"{self.server.store}/lines.db") as lines:
            changed = lines.execute("UPDATE runs SET summary = x'0102', body = x'0102'"
                                    " WHERE name = ?", [name])
            self.assertEqual(changed.rowcount, 1)
        self.server.start()
        self.assertEqual([e["executionArn"] for e in self.listed(machine)],
                         [executions[2], executions[0]])
        self.assertIn(executions[1], self.server.output())
        self.shown(executions[0])
        with self.assertRaises(ClientError) as refusal:
            self.shown(executions[1])
        self.assertIn(f"run `{name}`", str(refusal.exception))
        self.assertNotIn("Traceback", str(refusal.exception))

    def test_who_may_not_see_them(self):
        machine = self.express("closed")
        execution = self.sync(machine, {"n": 1})
        other = self.client("111122223333")
        for call, members in (("list_express_executions", {"stateMachineArn": machine}),
                              ("describe_express_execution", {"executionArn": execution}),
                              ("get_express_execution_history", {"executionArn": execution})):
            with self.assertRaises(ClientError) as refusal:
                getattr(other, call)(**members)
            self.assertIn("DoesNotExist", refusal.exception.response["Error"]["Code"])

    def test_they_go_with_their_machine(self):
        machine = self.express("goes")
        execution = self.sync(machine, {"n": 1})
        time.sleep(FLUSH_SECONDS)
        self.states.delete_state_machine(stateMachineArn=machine)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.express("goes"), machine)
        self.assertEqual(self.listed(machine), [])
        with self.assertRaises(ClientError) as refusal:
            self.shown(execution)
        self.assertEqual(refusal.exception.response["Error"]["Code"], "ExecutionDoesNotExist")


if __name__ == "__main__":
    unittest.main()
