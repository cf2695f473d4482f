"""Functions as processes: what they may do, what ends them, and every served Lambda operation."""
import base64
import json
import os
import site
import time
import unittest

import boto3
from botocore.exceptions import ClientError

from support import REGION, ServerCase, wait_until, zipped

CODE = """
import logging, os, sys, time

class Verärgert(Exception):
    pass

def logs(event, context):
    print("printed")
    print("to stderr", file=sys.stderr)
    logging.getLogger().warning("warned")

def package(event, context):
    from folder.module import VALUE
    return VALUE

def unicode_error(event, context):
    raise Verärgert("schön \\u2603")

def recursion(event, context):
    return recursion(event, context)

def leave(event, context):
    sys.exit(3)

def threads(event, context):
    import threading
    threading.Thread(target=time.sleep, args=(60,)).start()
    return "answered"

def huge(event, context):
    return "x" * event

# Of this environment and no other.
ENVIRONMENT = os.urandom(8).hex()

def slow(event, context):
    time.sleep(event.get("seconds", 1))
    return ENVIRONMENT

def calls_back(event, context):
    import boto3
    caller = boto3.client("sts").get_caller_identity()["Account"]
    started = boto3.client("stepfunctions").start_execution(stateMachineArn=event["machine"])
    return [caller, started["executionArn"]]
"""


class Functions(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        packages = os.pathsep.join([os.path.dirname(os.path.dirname(boto3.__file__)),
                                    *site.getsitepackages()])
        role = cls.create_roles()["functions"]
        cls.package = zipped({"app.py": CODE, "folder/__init__.py": "",
                              "folder/module.py": "VALUE = 'from the package'"})
        for name in ("logs", "package", "unicode_error", "recursion", "leave", "threads", "huge",
                     "slow", "calls_back"):
            cls.functions.create_function(
                FunctionName=name, Runtime="python3.13", Handler=f"app.{name}", Role=role,
                Code={"ZipFile": cls.package}, Timeout=20,
                Environment={"Variables": {"PYTHONPATH": packages}})

    def invoke(self, name, event=None, **more):
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
        return answer, json.loads(answer["Payload"].read())

    def error(self, name):
        answer, payload = self.invoke(name)
        self.assertEqual((answer["StatusCode"], answer["FunctionError"]), (200, "Unhandled"))
        return payload["errorType"], payload["errorMessage"]

    def machine(self, name, function):
        return self.create_machine(name, {"StartAt": "Call", "States": {"Call": {
            "Type": "Task", "Resource": f"arn:aws:lambda:{REGION}:000000000000:function:{function}",
            "End": True}}})

    def test_logs(self):
        answer, _ = self.invoke("logs", LogType="Tail")
        log = base64.b64decode(answer["LogResult"]).decode()
        for text in ("START RequestId:", "printed\n", "to stderr\n", "warned", "END RequestId:",
                     "REPORT RequestId:"):
            self.assertIn(text, log)

    def test_what_functions_do(self):
        self.assertEqual(self.invoke("package")[1], "from the package")
        self.assertEqual(self.invoke("threads")[1], "answered")
        self.assertEqual(self.error("unicode_error"), ("Verärgert", "schön \u2603"))
        self.assertEqual(self.error("recursion")[0], "RecursionError")
        code, message = self.error("leave")
        self.assertEqual(code, "Runtime.ExitError")
        self.assertTrue(message.endswith("Error: Runtime exited with error: exit status 3"))
        answer, _ = self.invoke("huge", 7 * 1024 * 1024)
        self.assertEqual(answer["FunctionError"], "Unhandled")
        self.assertEqual(len(self.invoke("huge", 5 * 1024 * 1024)[1]), 5 * 1024 * 1024)

    def test_a_function_calls_this_server(self):
        inner = self.create_machine("inner", {"StartAt": "P", "States": {
            "P": {"Type": "Pass", "End": True}}})
        ended = self.ended(self.start(self.machine("outer", "calls_back"), {"machine": inner}))
        account, started = json.loads(ended["output"])
        self.assertEqual(account, "000000000000")
        self.assertEqual(self.ended(started)["status"], "SUCCEEDED")

    def test_a_function_whose_role_nobody_made_has_no_credentials(self):
        code = "import os\ndef handler(event, context):\n" \
               "    return sorted(name for name in os.environ if name.startswith('AWS_'))\n"
        self.create_function("orphan", code, role="arn:aws:iam::000000000000:role/nobody-made")
        _, names = self.invoke("orphan")
        self.assertIn("AWS_REGION", names)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            self.assertNotIn(name, names)

    def test_many_at_once_and_new_code_for_the_next(self):
        machine = self.machine("many", "slow")
        executions = [self.start(machine, {"seconds": 2}) for _ in range(10)]
        begun = time.monotonic()
        environments = {self.ended(execution)["output"] for execution in executions}
        self.assertEqual(len(environments), 10)
        self.assertLess(time.monotonic() - begun, 10)
        old = self.start(machine, {"seconds": 2})
        wait_until("the old code runs", lambda: "LambdaFunctionStarted" in {
            event["type"] for event in self.history(old)})
        time.sleep(0.5)
        self.functions.update_function_code(FunctionName="slow", ZipFile=zipped(
            {"app.py": "def slow(event, context):\n    return 'new'\n"}))
        self.assertEqual(self.ended(self.start(machine))["output"], '"new"')
        self.assertEqual(len(json.loads(self.ended(old)["output"])), 16)
        self.functions.update_function_code(FunctionName="slow", ZipFile=self.package)

    def test_sigterm_while_functions_run(self):
        machine = self.machine("terminated", "slow")
        executions = [self.start(machine, {"seconds": 5}) for _ in range(4)]
        time.sleep(0.7)
        begun = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)
        self.server.start()
        for execution in executions:
            self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")
            self.assertEqual(self.check_gapless(execution).count("LambdaFunctionSucceeded"), 1)

    def test_every_operation(self):
        f, role = self.functions, self.create_roles()["functions"]
        code = zipped({"app.py": "def handler(event, context):\n    return event\n"})
        made = f.create_function(FunctionName="every", Runtime="python3.9", Handler="app.handler",
                                 Role=role, Code={"ZipFile": code}, Tags={"a": "1"},
                                 Environment={"Variables": {"KEY": "v"}}, Description="d")
        f.get_waiter("function_active_v2").wait(FunctionName="every")
        arn = made["FunctionArn"]
        got = f.get_function(FunctionName=arn)
        self.assertEqual((got["Configuration"]["CodeSha256"], got["Tags"]),
                         (made["CodeSha256"], {"a": "1"}))
        read = f.get_function_configuration(FunctionName=f"000000000000:function:every:$LATEST")
        self.assertEqual((read["FunctionArn"], read["Environment"]),
                         (f"{arn}:$LATEST", {"Variables": {"KEY": "v"}}))
        changed = f.update_function_configuration(FunctionName="every", Timeout=9, MemorySize=256)
        f.get_waiter("function_updated_v2").wait(FunctionName="every")
        self.assertEqual((changed["Timeout"], changed["MemorySize"], changed["Description"]),
                         (9, 256, "d"))
        with self.assertRaises(f.exceptions.PreconditionFailedException):
            f.update_function_code(FunctionName="every", ZipFile=code, RevisionId="old")
        same = f.update_function_code(FunctionName="every", ZipFile=code, DryRun=True)
        self.assertEqual(same["CodeSha256"], made["CodeSha256"])
        f.tag_resource(Resource=arn, Tags={"b": "2"})
        f.untag_resource(Resource=arn, TagKeys=["a"])
        self.assertEqual(f.list_tags(Resource=arn)["Tags"], {"b": "2"})
        self.assertEqual([v["Version"] for v in
                          f.list_versions_by_function(FunctionName="every")["Versions"]],
                         ["$LATEST"])
        self.assertEqual(f.get_function_code_signing_config(FunctionName="every")["FunctionName"],
                         "every")
        pages = f.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 3})
        names = [function["FunctionName"] for page in pages for function in page["Functions"]]
        self.assertEqual(names, sorted(names))
        self.assertIn("every", names)
        self.assertEqual(f.invoke(FunctionName=arn, InvocationType="DryRun")["StatusCode"], 204)
        f.delete_function(FunctionName="every")
        with self.assertRaises(f.exceptions.ResourceNotFoundException):
            f.get_function(FunctionName="every")

    def test_settings_that_cannot_be_kept_are_refused(self):
        role = self.create_roles()["functions"]
        for setting in ({"KMSKeyArn": "arn:aws:kms:us-east-2:000000000000:key/k"},
                        {"SnapStart": {"ApplyOn": "PublishedVersions"}},
                        {"Layers": [f"arn:aws:lambda:{REGION}:000000000000:layer:l:1"]},
                        {"VpcConfig": {"SubnetIds": ["subnet-1"]}}, {"FunctionName": "n" * 65}):
            with self.assertRaises(ClientError) as caught:
                self.functions.create_function(**{
                    "FunctionName": "refused", "Runtime": "python3.12", "Handler": "app.handler",
                    "Role": role, "Code": {"ZipFile": self.package}, **setting})
            self.assertEqual(caught.exception.response["Error"]["Code"],
                             "InvalidParameterValueException", setting)


if __name__ == "__main__":
    unittest.main()
