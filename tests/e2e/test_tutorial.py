"""The walk of a well-known tutorial, with the real `aws` command line and nothing else."""
import json
import os
import shlex
import tempfile
import unittest

from support import REGION, Server, trust, wait_until, zipped

HELLO = 'def handler(event, context):\n    return "Hello world!"\n'
NICE = 'def handler(event, context):\n    return "Nice to meet you"\n'


class Tutorial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()
        cls.server.close()

    def write(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def create_role(self, name, principal, policy):
        arn = self.server.aws("iam", "create-role", "--role-name", name,
                              "--assume-role-policy-document", trust(principal))["Role"]["Arn"]
        self.server.aws("iam", "put-role-policy", "--role-name", name, "--policy-name", "p",
                        "--policy-document", json.dumps(policy))
        return arn

    def create_function(self, name, code, role, runtime):
        package = self.write(f"{name}.zip", zipped({"hello.py": code}))
        answer = self.server.aws("lambda", "create-function", "--function-name", name,
                                 "--runtime", runtime, "--handler", "hello.handler",
                                 "--role", role, "--zip-file", f"fileb://{package}")
        self.server.aws("lambda", "wait", "function-active-v2", "--function-name", name)
        return answer["FunctionArn"]

    def run_machine(self, machine):
        execution = self.server.aws("stepfunctions", "start-execution", "--state-machine-arn",
                                    machine, "--input", "{}")["executionArn"]

        def probe():
            answer = self.server.aws("stepfunctions", "describe-execution",
                                     "--execution-arn", execution)
            return answer if answer["status"] != "RUNNING" else None
        ended = wait_until("the execution ends", probe)
        events = self.server.aws("stepfunctions", "get-execution-history",
                                 "--execution-arn", execution)["events"]
        return ended, [event["type"] for event in events]

    def test_the_walk(self):
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["logs:*"], "Resource": "arn:aws:logs:*:*:*"}]}
        function_role = self.create_role("lambdaRole", "lambda.amazonaws.com", policy)
        policy["Statement"][0].update(Action=["lambda:InvokeFunction"], Resource="*")
        machine_role = self.create_role("sfnRole", f"states.{REGION}.amazonaws.com", policy)
        hello = self.create_function("hello", HELLO, function_role, "python3.7")
        self.assertEqual(hello, f"arn:aws:lambda:{REGION}:000000000000:function:hello")

        one = {"Comment": "A Hello World example", "StartAt": "HelloWorld", "States": {
            "HelloWorld": {"Type": "Task", "Resource": hello, "End": True}}}
        machine = self.server.aws("stepfunctions", "create-state-machine", "--name", "walk",
                                  "--role-arn", machine_role,
                                  "--definition", json.dumps(one))["stateMachineArn"]
        ended, types = self.run_machine(machine)
        self.assertEqual((ended["status"], ended["output"]), ("SUCCEEDED", '"Hello world!"'))
        self.assertEqual(types, [
            "ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled",
            "LambdaFunctionStarted", "LambdaFunctionSucceeded", "TaskStateExited",
            "ExecutionSucceeded"])

        nice = self.create_function("nice", NICE, function_role, "python3.13")
        two = {"StartAt": "HelloWorld", "States": {
            "HelloWorld": {"Type": "Task", "Resource": hello, "Next": "Nice"},
            "Nice": {"Type": "Task", "Resource": nice, "End": True}}}
        self.server.aws("stepfunctions", "update-state-machine", "--state-machine-arn", machine,
                        "--definition", json.dumps(two))
        ended, types = self.run_machine(machine)
        self.assertEqual((ended["status"], ended["output"]), ("SUCCEEDED", '"Nice to meet you"'))
        self.assertEqual(types.count("LambdaFunctionSucceeded"), 2)

    def test_what_the_banner_prints_works(self):
        lines = [line.strip() for line in self.server.output().splitlines()]
        export = next(line for line in lines if line.startswith("export "))
        variables = dict(word.split("=", 1) for word in shlex.split(export)[1:])
        self.assertEqual(variables["AWS_ENDPOINT_URL"], self.server.endpoint)
        self.assertEqual(variables["AWS_DISABLE_HOST_PREFIX_INJECTION"], "true")
        commands = [shlex.split(line)[1:] for line in lines if line.startswith("aws ")]
        self.assertEqual(len(commands), 2, lines)
        created, started = (self.server.aws(*words, variables=variables) for words in commands)
        self.assertIn(":stateMachine:", created["stateMachineArn"])
        self.assertIn(":execution:", started["executionArn"])


if __name__ == "__main__":
    unittest.main()
