"""Invocations beyond an answer at once: events that survive a crash, and functions elsewhere."""
import json
import os
import unittest

from support import REGION, Server, ServerCase, allow, make_role, policy, wait_until

ACCOUNT = "000000000000"

# Says what it was given; sleeps, so that a crash comes in between.
TELLS = """
import json, time
def handler(event, context):
    print("TOLD " + json.dumps([context.aws_request_id, event]))
    time.sleep(event.get("sleeps", 0) if isinstance(event, dict) else 0)
    return "done"
"""

GIVES = "def handler(event, context): return [context.function_name, event]\n"


class Events(ServerCase):
    def told(self, function):
        """Request ids and events of a function's invocations."""
        logs = self.server.client("logs")
        try:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=f"/aws/lambda/{function}", filterPattern="TOLD")
            events = [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [json.loads(message.removeprefix("TOLD ")) for message in events]

    def send(self, function, event):
        answer = self.functions.invoke(FunctionName=function, InvocationType="Event",
                                       Payload=json.dumps(event))
        self.assertEqual(answer["StatusCode"], 202)
        self.assertEqual(answer["Payload"].read(), b"")
        return answer["ResponseMetadata"]["RequestId"]

    def test_accepted_events_survive_kill_9(self):
        self.create_function("tells", TELLS, Timeout=30)
        sent = {self.send("tells", {"n": n, "sleeps": 0.5}): n for n in range(20)}
        self.server.kill()
        self.server.start()
        wait_until("all events arrived", lambda: {i for i, _ in self.told("tells")} == set(sent))
        for request_id, event in self.told("tells"):
            self.assertEqual(event["n"], sent[request_id])

    def test_a_function_hears_what_became_of_an_event(self):
        self.create_function("first", TELLS)
        second = self.create_function("second", TELLS)
        self.functions.put_function_event_invoke_config(
            FunctionName="first", DestinationConfig={"OnSuccess": {"Destination": second}})
        machine = self.create_machine("sends", {"StartAt": "S", "States": {"S": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
            "Parameters": {"FunctionName": "first", "InvocationType": "Event",
                           "Payload.$": "$"}}}})
        described = self.ended(self.start(machine, {"a": 1}))
        output = json.loads(described["output"])
        self.assertEqual((output["StatusCode"], "Payload" in output), (202, False))
        (_, record), = wait_until("a record", lambda: self.told("second"))
        self.assertEqual(record["requestPayload"], {"a": 1})
        self.assertEqual(record["responsePayload"], "done")
        self.assertEqual(record["requestContext"]["condition"], "Success")
        self.assertEqual(record["requestContext"]["requestId"],
                         output["SdkResponseMetadata"]["RequestId"])


class Elsewhere(ServerCase):
    """One server calls functions of another, as it would call AWS."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.here = Server("--config", cls.configured(), KEY_THERE="test", SECRET_THERE="test")
        cls.here.start()
        trusted = policy({"Effect": "Allow", "Action": "sts:AssumeRole",
                          "Principal": {"AWS": ACCOUNT, "Service": "states.amazonaws.com"}})
        for server in (cls.here, cls.server):
            cls.caller = make_role(server.client("iam"), "caller", trusted, allow("lambda:*"))
        for name in ("fixed-one", "renamed", "as-role"):
            cls().create_function(name, GIVES)

    @classmethod
    def configured(cls):
        common = f'''
endpoint = "{cls.server.endpoint}"
access_key_id_env = "KEY_THERE"
secret_access_key_env = "SECRET_THERE"
'''
        text = f'''outbound_allow = ["127.0.0.1"]
[[remote_functions]]
function = "fixed-*"
identity = "fixed"
{common}
[[remote_functions]]
function = "arn:aws:lambda:*:{ACCOUNT}:function:here"
function_name = "renamed"
identity = "fixed"
{common}
[[remote_functions]]
function = "as-role"
identity = "role"
sts_endpoint = "{cls.server.endpoint}"
{common}
'''
        path = os.path.join(cls.server.data, "here.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    @classmethod
    def tearDownClass(cls):
        cls.here.close()
        super().tearDownClass()

    def test_invoke(self):
        functions = self.here.client("lambda")
        for name, there in (("fixed-one", "fixed-one"), ("here", "renamed")):
            answer = functions.invoke(FunctionName=name, Payload='{"a": 1.0}', LogType="Tail")
            self.assertEqual(json.loads(answer["Payload"].read()), [there, {"a": 1.0}])
            self.assertEqual(answer["ExecutedVersion"], "$LATEST")
            self.assertIn("LogResult", answer)
        with self.assertRaises(functions.exceptions.ResourceNotFoundException) as refused:
            functions.invoke(FunctionName="fixed-none")
        self.assertIn("function:fixed-none:$LATEST", str(refused.exception))

    def test_tasks(self):
        states = self.here.client("stepfunctions")
        for name in ("fixed-one", "as-role"):
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
            task = {"Type": "Task", "Resource": arn, "End": True}
            machine = states.create_state_machine(
                name=name, roleArn=self.caller,
                definition=json.dumps({"StartAt": "T", "States": {"T": task}}))
            execution = states.start_execution(stateMachineArn=machine["stateMachineArn"],
                                               input='{"b": 2}')["executionArn"]
            described = wait_until("its end", lambda execution=execution: (
                lambda found: found["status"] != "RUNNING" and found)(
                    states.describe_execution(executionArn=execution)))
            self.assertEqual(described.get("output"), f'["{name}",{{"b":2}}]', described)


if __name__ == "__main__":
    unittest.main()
