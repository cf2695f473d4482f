"""`lockstep dev --mocks`: test suites written for Step Functions Local go on working."""
import json
import tempfile
import unittest

from support import Server, ServerCase

MOCKS = {
    "StateMachines": {
        "order": {"TestCases": {
            "Happy": {"Charge": "Charged", "Ask": "Approved", "Batch": "Finished",
                      "Store": "Stored"},
            "Retries": {"Charge": "Flaky", "Ask": "Approved", "Batch": "Finished",
                        "Store": "Stored"},
            "Denied": {"Charge": "Charged", "Ask": "Denied"},
            "Short": {"Charge": "Busy", "Ask": "Approved"},
        }},
        "quick": {"TestCases": {"Only": {"Store": "Stored"}}},
    },
    "MockedResponses": {
        "Charged": {"0": {"Return": {"StatusCode": 200, "Payload": {"paid": 7.0}}}},
        "Flaky": {"0-1": {"Throw": {"Error": "Busy", "Cause": "try again"}},
                  "2": {"Return": {"StatusCode": 200, "Payload": {"paid": 8}}}},
        "Busy": {"0": {"Throw": {"Error": "Busy", "Cause": "once"}}},
        "Approved": {"0": {"Return": {"approved": True}}},
        "Denied": {"0": {"Throw": {"Error": "Denied", "Cause": "by the boss"}}},
        "Finished": {"0": {"Return": {"JobStatus": "done"}}},
        "Stored": {"0-9": {"Return": {"ok": True}}},
    },
}
ORDER = {"StartAt": "Charge", "States": {
    "Charge": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
               "Parameters": {"FunctionName": "charge", "Payload.$": "$"},
               "ResultSelector": {"paid.$": "$.Payload.paid"}, "ResultPath": "$.charge",
               "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 1}],
               "Next": "Ask"},
    "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
            "ResultPath": "$.ask", "Next": "Batch"},
    "Batch": {"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob.sync",
              "Parameters": {"JobName": "j", "JobDefinition": "d", "JobQueue": "q"},
              "ResultPath": "$.batch", "Next": "Store"},
    "Store": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
              "Parameters": {"Bucket": "b", "Key": "k"}, "ResultPath": "$.store", "End": True}}}


class Mocks(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(MOCKS, cls.file)
        cls.file.flush()
        cls.flags = ("--mocks", cls.file.name)
        super().setUpClass()
        # No such role: it is not looked up.
        cls.machine = cls.states.create_state_machine(
            name="order", definition=json.dumps(ORDER),
            roleArn="arn:aws:iam::000000000000:role/nobody")["stateMachineArn"]

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.file.close()

    def outcome(self, case):
        described = self.ended(self.start(self.machine + case, {"id": 1}))
        self.assertEqual(described["stateMachineArn"], self.machine)
        return described

    def test_tasks_are_answered(self):
        described = self.outcome("#Happy")
        self.assertEqual(json.loads(described["output"]), {
            "id": 1, "charge": {"paid": 7.0}, "ask": {"approved": True},
            "batch": {"JobStatus": "done"}, "store": {"ok": True}})
        self.assertIn('"paid":7.0', described["output"])
        types = [e["type"] for e in self.history(described["executionArn"])]
        tasks = [t for t in types if t.startswith("Task") and "State" not in t]
        plain = ["TaskScheduled", "TaskStarted", "TaskSucceeded"]
        submitted = ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
        self.assertEqual(tasks, plain + submitted + submitted + plain)

    def test_failures(self):
        described = self.outcome("#Denied")
        self.assertEqual((described["status"], described["error"], described["cause"]),
                         ("FAILED", "Denied", "by the boss"))
        described = self.outcome("#Short")
        self.assertEqual((described["status"], described["error"]), ("FAILED", "States.Runtime"))
        self.assertIn("the mocked response `Busy` has no key for call 1", described["cause"])

    def test_the_test_case_survives_kill_9(self):
        executions = [self.start(f"{self.machine}#Retries", {"id": n}) for n in range(3)]
        for _ in range(2):
            self.server.kill()
            self.server.start()
        for execution in executions:
            output = json.loads(self.ended(execution)["output"])
            self.assertEqual(output["charge"], {"paid": 8})
            types = [e["type"] for e in self.history(execution)]
            self.assertEqual(types.count("TaskFailed"), 2)

    def test_without_a_test_case_tasks_call_for_real(self):
        described = self.outcome("")
        self.assertEqual(described["status"], "FAILED")
        self.assertTrue(described["error"].startswith("Lambda."), described)

    def test_test_cases_that_are_none(self):
        for case, text in (("#Sad", "has no test case 'Sad'"), ("#", "has no test case ''"),
                           ("#Happy#", "has no test case 'Happy#'")):
            message = self.refused("InvalidName", "StartExecution",
                                   stateMachineArn=self.machine + case)
            self.assertIn(text, message)
            self.assertIn("`Denied`, `Happy`, `Retries`, `Short`", message)
        message = self.refused("InvalidName", "StartExecution",
                               stateMachineArn=self.machine.replace("order", "other") + "#Happy")
        self.assertIn("has no state machine 'other'", message)
        # What is no state machine's ARN is called so, test case or not.
        for arn, text in (("order", "Invalid ARN prefix: order#Happy"),
                          (self.machine.replace("stateMachine", "activity"),
                           "Resource type not valid in this context: activity")):
            message = self.refused("InvalidArn", "StartExecution", stateMachineArn=arn + "#Happy")
            self.assertIn(text, message)
        # Only a start has test cases.
        self.refused("StateMachineDoesNotExist", "DescribeStateMachine",
                     stateMachineArn=f"{self.machine}#Happy")

    def test_express(self):
        machine = self.states.create_state_machine(
            name="quick", type="EXPRESS", roleArn="arn:aws:iam::000000000000:role/nobody",
            definition=json.dumps({"StartAt": "Store", "States": {
                "Store": ORDER["States"]["Store"]}}))["stateMachineArn"]
        answer = self.states.start_sync_execution(stateMachineArn=f"{machine}#Only")
        self.assertEqual((answer["status"], json.loads(answer["output"])),
                         ("SUCCEEDED", {"store": {"ok": True}}))
        self.refused("InvalidName", "StartSyncExecution", stateMachineArn=f"{machine}#Other")


# The sample of the developer guide, "Using mocked service integrations": as users have it.
SAMPLE_MOCKS = {
    "StateMachines": {
        "LambdaSQSIntegration": {"TestCases": {
            "HappyPath": {"LambdaState": "MockedLambdaSuccess", "SQSState": "MockedSQSSuccess"},
            "RetryPath": {"LambdaState": "MockedLambdaRetry", "SQSState": "MockedSQSSuccess"},
            "HybridPath": {"LambdaState": "MockedLambdaSuccess"}}},
        "Nested": {"TestCases": {"Case": {"Each": "Thrice", "Branch": "Once", "Plain": "Once"}}}},
    "MockedResponses": {
        "MockedLambdaSuccess": {"0": {"Return": {"StatusCode": 200, "Payload": {
            "StatusCode": 200, "body": "Hello from Lambda!"}}}},
        "MockedSQSSuccess": {"0": {"Return": {
            "MD5OfMessageBody": "3bcb6e8e-7h85-4375-b0bc-1a59812c6e51",
            "MessageId": "3bcb6e8e-8b51-4375-b0bc-1a59812c6e51"}}},
        "MockedLambdaRetry": {
            "0": {"Throw": {"Error": "Lambda.ResourceNotReadyException",
                            "Cause": "Lambda resource is not ready."}},
            "1-2": {"Throw": {"Error": "Lambda.TimeoutException", "Cause": "Lambda timed out."}},
            "3": {"Return": {"StatusCode": 200, "Payload": {
                "StatusCode": 200, "body": "Hello from Lambda!"}}}},
        "Thrice": {"0": {"Return": 0}, "1": {"Throw": {"Error": "Busy"}},
                   "2-3": {"Return": "late"}},
        "Once": {"0": {"Return": None}}}}
SAMPLE = {"StartAt": "LambdaState", "States": {
    "LambdaState": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                    "Parameters": {"Payload.$": "$", "FunctionName": "HelloWorldFunction"},
                    "Retry": [{"ErrorEquals": ["Lambda.ResourceNotReadyException",
                                               "Lambda.TimeoutException"],
                               "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 1}],
                    "Next": "SQSState"},
    "SQSState": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True,
                 "Parameters": {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/myQueue",
                                "MessageBody.$": "$"}}}}
FUNCTION = "arn:aws:lambda:us-east-2:123456789012:function:f"
NESTED = {"StartAt": "Map", "States": {
    "Map": {"Type": "Map", "Next": "Parallel", "MaxConcurrency": 1, "ItemProcessor": {
        "StartAt": "Each", "States": {"Each": {
            "Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "End": True,
            "Parameters": {"TableName": "t", "Key": {"id": {"S.$": "$"}}},
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1}]}}}},
    "Parallel": {"Type": "Parallel", "End": True, "Branches": [
        {"StartAt": "Branch", "States": {"Branch": {
            "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ec2:describeInstances",
            "End": True}}},
        {"StartAt": "Plain", "States": {"Plain": {
            "Type": "Task", "Resource": FUNCTION, "End": True}}},
        {"StartAt": "Keep", "States": {"Keep": {"Type": "Pass", "End": True}}}]}}}


class Sample(ServerCase):
    """Suites written for Step Functions Local, with its account in their ARNs."""

    variables = {"LOCKSTEP_ACCOUNT": "123456789012"}
    role = "arn:aws:iam::123456789012:role/service-role/DummyRole"

    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(SAMPLE_MOCKS, file)
            file.flush()
            # As Step Functions Local is given its file: by a variable.
            cls.variables = {**cls.variables, "LOCKSTEP_MOCKS": file.name}
            super().setUpClass()

    @classmethod
    def connect(cls):
        cls.states = cls.server.client("stepfunctions")

    def test_the_sample_of_the_developer_guide(self):
        machine = self.create_machine("LambdaSQSIntegration", SAMPLE)
        self.assertEqual(machine, "arn:aws:states:us-east-2:123456789012:stateMachine:"
                                  "LambdaSQSIntegration")
        answer = SAMPLE_MOCKS["MockedResponses"]["MockedSQSSuccess"]["0"]["Return"]
        for case, failures in (("HappyPath", 0), ("RetryPath", 3)):
            started = self.server.aws(
                "stepfunctions", "start-execution", "--name", f"executionWith{case}",
                "--state-machine", f"{machine}#{case}")
            described = self.ended(started["executionArn"])
            self.assertEqual((described["status"], json.loads(described["output"])),
                             ("SUCCEEDED", answer))
            events = self.history(started["executionArn"])
            failed = [e["taskFailedEventDetails"]["error"] for e in events
                      if e["type"] == "TaskFailed"]
            late = "Lambda.TimeoutException"
            self.assertEqual(failed, ["Lambda.ResourceNotReadyException", late, late][:failures])
        # The queue is called for real, and no endpoint is configured for it.
        described = self.ended(self.start(f"{machine}#HybridPath"))
        self.assertEqual((described["status"], described["error"]),
                         ("FAILED", "SQS.SdkClientException"))

    def test_tasks_in_maps_and_branches(self):
        """The keys count the calls of a state in the whole execution: iterations and retries."""
        machine = self.create_machine("Nested", NESTED)
        version = self.states.publish_state_machine_version(
            stateMachineArn=machine)["stateMachineVersionArn"]
        alias = self.states.create_state_machine_alias(name="live", routingConfiguration=[
            {"stateMachineVersionArn": version, "weight": 100}])["stateMachineAliasArn"]
        for arn in (machine, version, alias):
            described = self.ended(self.start(f"{arn}#Case", ["a", "b", "c"]))
            items = [0, "late", "late"]
            self.assertEqual((described["status"], json.loads(described["output"])),
                             ("SUCCEEDED", [None, None, items]))


class NoMocks(ServerCase):
    def test_a_hash_is_no_part_of_an_arn(self):
        machine = self.create_machine("plain", {"StartAt": "P", "States": {
            "P": {"Type": "Pass", "End": True}}})
        self.refused("StateMachineDoesNotExist", "StartExecution",
                     stateMachineArn=f"{machine}#Happy")

    def test_files_that_are_none(self):
        for text, expected in (("{\n  1", "is not JSON: line 2, column 4: Unexpected character"),
                               ("{}", "must have an object `StateMachines`")):
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(text)
                file.flush()
                server = Server("--mocks", file.name)
                self.addCleanup(server.close)
                with self.assertRaises(AssertionError) as refusal:
                    server.start()
                self.assertIn(expected, str(refusal.exception))


if __name__ == "__main__":
    unittest.main()
