"""Executions through boto3: every state type, failure paths, and the operations around them."""
import json
import unittest

from botocore.exceptions import ClientError

from support import ServerCase


class States(ServerCase):
    def run_definition(self, name, definition, value=None):
        execution = self.start(self.create_machine(name, definition), value)
        ended = self.ended(execution)
        return ended, self.check_gapless(execution), execution

    def test_pass(self):
        ended, types, _ = self.run_definition("pass", {"StartAt": "Hello", "States": {
            "Hello": {"Type": "Pass", "Result": "Hello, World!", "End": True}}})
        self.assertEqual(json.loads(ended["output"]), "Hello, World!")
        self.assertEqual(types, ["ExecutionStarted", "PassStateEntered", "PassStateExited",
                                 "ExecutionSucceeded"])

    def test_choice_wait_succeed_fail(self):
        machine = self.create_machine("choice", {"StartAt": "Which", "States": {
            "Which": {"Type": "Choice", "Default": "No", "Choices": [
                {"Variable": "$.n", "NumericGreaterThan": 1, "Next": "Wait"}]},
            "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Yes"},
            "Yes": {"Type": "Succeed"},
            "No": {"Type": "Fail", "Error": "TooSmall", "Cause": "n is not above 1"}}})
        yes, no = self.start(machine, {"n": 2}), self.start(machine, {"n": 1})
        answer = self.ended(yes)
        self.assertEqual(answer["status"], "SUCCEEDED")
        self.assertGreaterEqual((answer["stopDate"] - answer["startDate"]).total_seconds(), 1)
        self.assertEqual(self.check_gapless(yes)[1:5], [
            "ChoiceStateEntered", "ChoiceStateExited", "WaitStateEntered", "WaitStateExited"])
        answer = self.ended(no)
        self.assertEqual((answer["status"], answer["error"], answer["cause"]),
                         ("FAILED", "TooSmall", "n is not above 1"))

    def test_retry_with_back_off_and_catch(self):
        function = self.create_function("failing", (
            "class Sorry(Exception):\n    pass\n\n\n"
            "def handler(event, context):\n    raise Sorry('not today')\n"))
        task = {"Type": "Task", "Resource": function, "End": True,
                "Retry": [{"ErrorEquals": ["Sorry"], "IntervalSeconds": 1, "MaxAttempts": 2,
                           "BackoffRate": 2}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.problem",
                           "Next": "Caught"}]}
        ended, types, execution = self.run_definition("retry", {"StartAt": "Try", "States": {
            "Try": task, "Caught": {"Type": "Pass", "End": True}}}, {"kept": True})
        self.assertEqual(types.count("LambdaFunctionScheduled"), 3)
        self.assertEqual(types[-5:], ["LambdaFunctionFailed", "TaskStateExited",
                                      "PassStateEntered", "PassStateExited", "ExecutionSucceeded"])
        output = json.loads(ended["output"])
        self.assertEqual((output["kept"], output["problem"]["Error"]), (True, "Sorry"))
        self.assertIn("/var/task/app.py", output["problem"]["Cause"])
        times = [e["timestamp"] for e in self.history(execution)
                 if e["type"] == "LambdaFunctionScheduled"]
        waits = [(b - a).total_seconds() for a, b in zip(times, times[1:])]
        self.assertGreaterEqual(waits[0], 1)
        self.assertGreaterEqual(waits[1], 2)

    def test_lambda_invoke(self):
        self.create_function("echo", "def handler(event, context):\n    return event\n")
        ended, types, execution = self.run_definition("invoke", {"StartAt": "Call", "States": {
            "Call": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
                     "Parameters": {"FunctionName": "echo", "Payload.$": "$"}}}}, {"a": 1.0})
        output = json.loads(ended["output"])
        self.assertEqual((output["Payload"], output["StatusCode"], output["ExecutedVersion"]),
                         ({"a": 1.0}, 200, "$LATEST"))
        scheduled = self.history(execution)[2]["taskScheduledEventDetails"]
        self.assertEqual((scheduled["resourceType"], scheduled["resource"]), ("lambda", "invoke"))
        self.assertIn("TaskSucceeded", types)

    def test_timeouts(self):
        function = self.create_function(
            "slow", "import time\n\ndef handler(event, context):\n    time.sleep(5)\n", Timeout=10)
        ended, types, _ = self.run_definition("task-timeout", {"StartAt": "Slow", "States": {
            "Slow": {"Type": "Task", "Resource": function, "TimeoutSeconds": 1, "End": True}}})
        self.assertEqual((ended["status"], ended["error"]), ("FAILED", "States.Timeout"))
        self.assertEqual(types[-2:], ["LambdaFunctionTimedOut", "ExecutionFailed"])
        ended, types, _ = self.run_definition("machine-timeout", {
            "StartAt": "Wait", "TimeoutSeconds": 1, "States": {
                "Wait": {"Type": "Wait", "Seconds": 60, "End": True}}})
        self.assertEqual((ended["status"], types[-1]), ("TIMED_OUT", "ExecutionTimedOut"))
        self.assertNotIn("error", ended)

    def test_stop(self):
        execution = self.start(self.create_machine("stop", {"StartAt": "Wait", "States": {
            "Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}))
        stopped = self.states.stop_execution(executionArn=execution, error="Enough", cause="why")
        answer = self.states.describe_execution(executionArn=execution)
        self.assertEqual((answer["status"], answer["error"], answer["cause"], answer["stopDate"]),
                         ("ABORTED", "Enough", "why", stopped["stopDate"]))
        self.assertEqual(self.check_gapless(execution)[-1], "ExecutionAborted")
        again = self.states.stop_execution(executionArn=execution)
        self.assertEqual(again["stopDate"], stopped["stopDate"])

    def test_names_make_starts_idempotent(self):
        machine = self.create_machine("names", {"StartAt": "Wait", "States": {
            "Wait": {"Type": "Wait", "SecondsPath": "$.s", "End": True}}})
        first = self.states.start_execution(stateMachineArn=machine, name="n", input='{"s": 60}')
        second = self.states.start_execution(stateMachineArn=machine, name="n", input='{"s": 60}')
        self.assertEqual(first["executionArn"], second["executionArn"])
        self.assertEqual(first["startDate"], second["startDate"])
        for value in ('{"s": 1}', None):
            if value is None:
                self.states.stop_execution(executionArn=first["executionArn"])
                value = '{"s": 60}'
            with self.assertRaises(self.states.exceptions.ExecutionAlreadyExists) as caught:
                self.states.start_execution(stateMachineArn=machine, name="n", input=value)
            self.assertEqual(caught.exception.response["Error"]["Message"],
                             f"Execution Already Exists: '{first['executionArn']}'")

    def test_lists_pages_and_filters(self):
        machine = self.create_machine("lists", {"StartAt": "P", "States": {
            "P": {"Type": "Choice", "Default": "F", "Choices": [
                {"Variable": "$.ok", "BooleanEquals": True, "Next": "S"}]},
            "S": {"Type": "Succeed"}, "F": {"Type": "Fail"}}})
        arns = [self.start(machine, {"ok": n % 2 == 0}) for n in range(7)]
        for arn in arns:
            self.ended(arn)
        pages = self.states.get_paginator("list_executions").paginate(
            stateMachineArn=machine, PaginationConfig={"PageSize": 3})
        listed = [e["executionArn"] for page in pages for e in page["executions"]]
        self.assertEqual(sorted(listed), sorted(arns))
        failed = self.states.list_executions(stateMachineArn=machine, statusFilter="FAILED")
        self.assertEqual({e["executionArn"] for e in failed["executions"]}, set(arns[1::2]))
        events = self.states.get_execution_history(executionArn=arns[0], maxResults=2)
        self.assertEqual([e["id"] for e in events["events"]], [1, 2])
        rest = self.states.get_execution_history(executionArn=arns[0], maxResults=2,
                                                 nextToken=events["nextToken"])
        self.assertEqual([e["id"] for e in rest["events"]], [3, 4])
        back = self.states.get_execution_history(executionArn=arns[0], reverseOrder=True)
        ids = [e["id"] for e in back["events"]]
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertEqual(len(ids), ids[0])

    def test_state_machines(self):
        text = '{"StartAt": "S",  "States": {"S": {"Type": "Succeed"}}}'
        machine = self.create_machine("kept", text)
        self.assertEqual(self.create_machine("kept", text), machine)
        described = self.states.describe_state_machine(stateMachineArn=machine)
        self.assertEqual((described["definition"], described["type"], described["status"]),
                         (text, "STANDARD", "ACTIVE"))
        self.assertNotIn("revisionId", described)
        with self.assertRaises(self.states.exceptions.StateMachineAlreadyExists):
            self.create_machine("kept", text.replace("  ", " "))
        execution = self.start(machine)
        self.ended(execution)
        changed = self.states.update_state_machine(
            stateMachineArn=machine, definition=text.replace("  ", " "))
        self.assertIn("revisionId", changed)
        used = self.states.describe_state_machine_for_execution(executionArn=execution)
        self.assertEqual(used["definition"], text)
        self.states.tag_resource(resourceArn=machine, tags=[{"key": "a", "value": "1"},
                                                            {"key": "b", "value": ""}])
        self.states.untag_resource(resourceArn=machine, tagKeys=["b", "c"])
        self.assertEqual(self.states.list_tags_for_resource(resourceArn=machine)["tags"],
                         [{"key": "a", "value": "1"}])
        names = [m["name"] for page in self.states.get_paginator("list_state_machines").paginate()
                 for m in page["stateMachines"]]
        self.assertIn("kept", names)
        self.states.delete_state_machine(stateMachineArn=machine)
        with self.assertRaises(self.states.exceptions.StateMachineDoesNotExist):
            self.states.describe_state_machine(stateMachineArn=machine)
        self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")

    def test_what_is_not_served_says_so(self):
        role = self.role
        with self.assertRaises(ClientError) as caught:
            self.states.create_state_machine(
                name="sealed", roleArn=role, encryptionConfiguration={
                    "type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "key"},
                definition='{"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}')
        self.assertIn("not served", caught.exception.response["Error"]["Message"])
        machine = self.create_machine("queue", {"StartAt": "T", "States": {
            "T": {"Type": "Task", "End": True, "Resource": "arn:aws:states:::sqs:sendMessage",
                  "Parameters": {"QueueUrl": "q", "MessageBody": "m"}}}})
        described = self.ended(self.start(machine))
        self.assertEqual((described["status"], described["error"]),
                         ("FAILED", "SQS.SdkClientException"))
        self.assertIn("sqs", described["cause"])


if __name__ == "__main__":
    unittest.main()
