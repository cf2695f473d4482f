"""`lockstep show`: the story of an execution, from the failed state to the code, the policies and the
log lines of the attempt that failed."""
import json
import subprocess
import unittest

from support import BINARY, ServerCase, allow, make_role, trust, wait_until, zipped

CODE = """
def handler(event, context):
    print("looking at", event["order"])
    raise KeyError("no such order")
"""

MACHINE = {
    "StartAt": "Look",
    "States": {
        "Look": {"Type": "Pass", "Next": "Charge"},
        "Charge": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
                   "Parameters": {"FunctionName": "charge:live", "Payload.$": "$"},
                   "Retry": [{"ErrorEquals": ["KeyError"], "IntervalSeconds": 1,
                              "MaxAttempts": 1}]}}}


class Show(ServerCase):
    def show(self, *words):
        environment = {**self.server.environment(), "AWS_REGION": "eu-north-1"}
        run = subprocess.run([BINARY, "show", *words], env=environment, capture_output=True,
                             text=True, timeout=60)
        return run.returncode, run.stdout, run.stderr

    def failed_execution(self):
        iam = self.server.client("iam")
        logs = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
        functions = make_role(iam, "functions", trust("lambda.amazonaws.com"), logs)
        states = make_role(iam, "orders", trust("states.amazonaws.com"),
                           allow("lambda:InvokeFunction"))
        made = self.functions.create_function(
            FunctionName="charge", Runtime="python3.12", Handler="app.handler", Role=functions,
            Code={"ZipFile": zipped({"app.py": CODE})}, Publish=True)
        self.functions.create_alias(FunctionName="charge", Name="live", FunctionVersion="1")
        machine = self.states.create_state_machine(
            name="Order", definition=json.dumps(MACHINE), roleArn=states, publish=True,
            tags=[{"key": "stack", "value": "orders-7"}])
        execution = self.states.start_execution(
            stateMachineArn=machine["stateMachineVersionArn"],
            input='{"order": 17}')["executionArn"]
        wait_until("the execution has failed", lambda: self.states.describe_execution(
            executionArn=execution)["status"] == "FAILED")
        return execution, made["CodeSha256"], machine["stateMachineVersionArn"]

    def test_a_failed_state_leads_to_the_code_that_made_it(self):
        execution, code, version = self.failed_execution()
        exit_code, story, errors = self.show(execution)
        self.assertEqual((exit_code, errors), (0, ""))
        lines = story.splitlines()
        self.assertRegex(lines[0], r"^FAILED after \d+\.\d{3} s in state Charge$")
        self.assertEqual(lines[1], "  KeyError")
        for expected in (
                "Charge, attempt 2 of 2 (event 8, ", "function:charge, version 1",
                f"code sha256 {code}", "inline may (sha256 ", "looking at 17", "KeyError",
                "tag        stack=orders-7", "version    1", "x Charge (Task), failed: KeyError"):
            self.assertIn(expected, story)
        # What failed comes before what the execution is.
        self.assertLess(story.index("code sha256"), story.index("\nExecution\n"))

        exit_code, text, _ = self.show("--json", execution)
        known = json.loads(text)
        self.assertEqual(exit_code, 0)
        self.assertEqual(known["provenance"]["stateMachineVersionArn"], version)
        self.assertEqual(known["provenance"]["tags"], {"stack": "orders-7"})
        self.assertEqual(known["failed"]["function"]["version"], "1")
        self.assertEqual(known["failed"]["function"]["codeSha256"], code)
        self.assertEqual(known["failed"]["rolePolicies"][0]["name"], "may")
        self.assertTrue(known["log"][0]["message"].startswith("START RequestId: "))
        self.assertTrue(known["log"][-1]["message"].startswith("REPORT RequestId: "))
        self.assertEqual([visit["state"] for visit in known["path"]], ["Look", "Charge"])

        # What the story is made of survives the server.
        self.server.kill()
        self.server.start()
        self.assertEqual(json.loads(self.show("--json", execution)[1])["provenance"],
                         known["provenance"])

    def test_what_cannot_be_shown_is_said(self):
        missing = "arn:aws:states:us-east-2:000000000000:execution:Order:none"
        self.assertEqual(self.show(missing),
                         (1, "", f"lockstep: Execution Does Not Exist: '{missing}'\n"))
        exit_code, _, errors = self.show("arn:aws:states:us-east-2:000000000000:stateMachine:x")
        self.assertEqual(exit_code, 2)
        self.assertIn("is no execution's ARN", errors)

    def test_an_express_execution_is_shown(self):
        role = make_role(self.server.client("iam"), "express", trust("states.amazonaws.com"))
        definition = {"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Broken"}}}
        machine = self.states.create_state_machine(
            name="Quick", definition=json.dumps(definition), roleArn=role,
            type="EXPRESS")["stateMachineArn"]
        ended = self.states.start_sync_execution(stateMachineArn=machine)
        exit_code, story, errors = self.show(ended["executionArn"])
        self.assertEqual((exit_code, errors), (0, ""))
        self.assertIn("in state A\n  Broken\n", story)


if __name__ == "__main__":
    unittest.main()
