"""A Rust function built with `lambda_runtime`, run as `provided.al2023`."""
import io
import json
import os
import pathlib
import subprocess
import unittest
import zipfile

from support import ROOT, ServerCase

SOURCE = ROOT / "tests/functions/hello"
# Beside what cargo builds anyway, so that whoever keeps that keeps this.
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "functions"


def bootstrap():
    """The program, built; quick when nothing has changed."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path",
                    str(SOURCE / "Cargo.toml"), "--target-dir", str(TARGET)], check=True)
    return (TARGET / "release/bootstrap").read_bytes()


def package(program, mode=0o755):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as files:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = mode << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        files.writestr(entry, program)
    return buffer.getvalue()


class Provided(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = bootstrap()
        cls.functions_role = cls.create_roles()["functions"]
        cls.make("hello", package(cls.program), MemorySize=256)

    @classmethod
    def make(cls, name, zip_file, **more):
        made = cls.functions.create_function(
            FunctionName=name, Runtime="provided.al2023", Handler="bootstrap",
            Role=cls.functions_role, Code={"ZipFile": zip_file}, Timeout=10, **more)
        cls.functions.get_waiter("function_active_v2").wait(FunctionName=name)
        return made["FunctionArn"]

    def invoke(self, function="hello", **event):
        answer = self.functions.invoke(FunctionName=function, Payload=json.dumps(event))
        return answer, json.loads(answer["Payload"].read())

    def test_it_answers(self):
        answer, result = self.invoke(name="Ada")
        self.assertNotIn("FunctionError", answer)
        self.assertEqual(result["greeting"], "Hello Ada")
        self.assertEqual(result["request"], answer["ResponseMetadata"]["RequestId"])
        self.assertEqual(result["memory"], 256)
        self.assertTrue(result["function"].endswith(":function:hello"), result)

    def test_its_errors_are_its_own(self):
        answer, error = self.invoke(fail=True)
        self.assertEqual(answer["FunctionError"], "Unhandled")
        self.assertEqual(error["errorMessage"], "nobody to greet")

    def test_an_exit_is_told_and_the_next_event_is_served(self):
        answer, error = self.invoke(exit=3)
        request = answer["ResponseMetadata"]["RequestId"]
        self.assertEqual(error, {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {request} Error: Runtime exited with error: "
                            "exit status 3"})
        self.assertEqual(self.invoke(name="Bo")[1]["greeting"], "Hello Bo")

    def test_a_workflow_calls_it(self):
        machine = self.create_machine("greets", {"StartAt": "Greet", "States": {"Greet": {
            "Type": "Task", "End": True,
            "Resource": "arn:aws:lambda:us-east-2:000000000000:function:hello"}}})
        ended = self.ended(self.start(machine, {"name": "Cy"}))
        self.assertEqual(ended["status"], "SUCCEEDED", ended)
        self.assertEqual(json.loads(ended["output"])["greeting"], "Hello Cy")

    def test_without_a_bootstrap_it_cannot_start(self):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as files:
            files.writestr("readme", "no program")
        self.make("empty", buffer.getvalue())
        answer, error = self.invoke("empty")
        self.assertEqual(answer["FunctionError"], "Unhandled")
        self.assertEqual(error["errorType"], "Runtime.InvalidEntrypoint")
        self.assertIn("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
                      error["errorMessage"])


if __name__ == "__main__":
    unittest.main()
