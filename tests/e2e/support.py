"""A Lockstep server of a test's own: started on a free port, killed, started again, stopped."""
import configparser
import io
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zipfile

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("LOCKSTEP_BINARY", str(ROOT / "target/release/lockstep"))
REGION = "us-east-2"
PORTS_GIVEN = set()
TERMINAL = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}


def free_port():
    """A port that nobody has, below those that the system gives to outgoing connections: one of
    these could take it before the server does, or while the server is down."""
    while True:
        port = random.randrange(15_000, 32_000)
        if port in PORTS_GIVEN:
            continue
        PORTS_GIVEN.add(port)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass  # taken


def wait_until(what, probe, seconds=30):
    """Polls until `probe` returns something true; fails with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = probe()
        if result:
            return result
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def aws_version_2():
    """The `aws` command of version 2, which PyPI does not have and which alone has `logs tail`; None
    where there is none. With CI=true there has to be one."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/local/bin", "/usr/bin"]
    for folder in dict.fromkeys(folders):
        program = os.path.join(folder, "aws")
        if os.access(program, os.X_OK):
            told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
            if told.stdout.startswith("aws-cli/2."):
                return program
    if os.environ.get("CI") == "true":
        raise AssertionError("the aws command of version 2 is missing: tests/setup installs it")
    return None


class Server:
    """One `lockstep dev` process over a data folder that outlives it."""

    mode = "dev"
    listen_on = "127.0.0.1"

    def __init__(self, *flags, **variables):
        self.data = tempfile.mkdtemp(prefix="lockstep-test-")
        self.port = free_port()
        self.flags = flags
        self.variables = variables
        self.log = open(os.path.join(self.data, "test-server.log"), "ab")
        self.process = None

    @property
    def store(self):
        return os.path.join(self.data, "store")

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        command = [BINARY, self.mode, "--listen", f"{self.listen_on}:{self.port}",
                   "--data", self.store, *self.flags]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log,
                                        env={**os.environ, **self.variables})
        wait_until("the server answers", self.answers)
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended: {self.output()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def output(self):
        with open(self.log.name, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def kill(self):
        """kill -9, as a power cut would end it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)
        return self.process.returncode if self.process else None

    def close(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)

    def keys(self):
        """The administrator's access key, its secret, no session token."""
        return "test", "test", None

    def client(self, service, keys=None, region=REGION, **config):
        """A client with these keys (id, secret, session token), or the administrator's."""
        config = {"connect_timeout": 5, "read_timeout": 60, **config}
        key, secret, token = keys or self.keys()
        return boto3.session.Session().client(
            service, endpoint_url=self.endpoint, region_name=region,
            aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1},
                          parameter_validation=False, **config))

    def environment(self):
        return {**os.environ, "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_DISABLE_HOST_PREFIX_INJECTION": "true", "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": self.keys()[0],
                "AWS_SECRET_ACCESS_KEY": self.keys()[1], "AWS_PAGER": "", "AWS_MAX_ATTEMPTS": "1",
                "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}

    def aws(self, *words, fails=False, variables=None, program=None):
        """The real `aws` command line; its JSON answer, or its error text where it must fail."""
        program = program or os.path.join(os.path.dirname(sys.executable), "aws")
        run = subprocess.run([program, *words, "--output", "json"],
                             env={**self.environment(), **(variables or {})},
                             capture_output=True, text=True, timeout=120)
        if fails:
            assert run.returncode != 0, f"aws {words} must fail, answered {run.stdout}"
            return run.stderr
        assert run.returncode == 0, f"aws {' '.join(words)}: {run.stderr}{self.output()[-2000:]}"
        return json.loads(run.stdout) if run.stdout.strip() else None


class ClosedServer(Server):
    """One `lockstep serve` process: who isn't known is refused."""

    mode = "serve"

    @property
    def root_credentials(self):
        """The file with the root user's key, which the server makes."""
        return os.path.join(self.store, "root-credentials")

    def answers(self):
        # The port is taken before the key is made.
        return super().answers() and os.path.exists(self.root_credentials)

    def keys(self):
        found = configparser.ConfigParser()
        found.read(self.root_credentials)
        key = found["default"]
        return key["aws_access_key_id"], key["aws_secret_access_key"], None


def zipped(files):
    """A deployment package with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            package.writestr(entry, text)
    return buffer.getvalue()


def policy(*statements):
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(principal, **condition):
    """The trust policy of a role that a service may assume."""
    statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    return policy({**statement, "Condition": condition} if condition else statement)


def make_role(iam, name, trusted, *statements):
    """A role with this trust policy that may do what the statements say; its ARN. One of this name
    that is there already stays as it is."""
    try:
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]
    except iam.exceptions.EntityAlreadyExistsException:
        return iam.get_role(RoleName=name)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy(*statements))
    return role["Arn"]


class ServerCase(unittest.TestCase):
    """A test case with one server for all its tests, and what most of them do."""

    flags = ()
    variables = {}
    server_class = Server

    @classmethod
    def setUpClass(cls):
        cls.server = cls.server_class(*cls.flags, **cls.variables).start()
        cls.connect()

    @classmethod
    def connect(cls):
        cls.states = cls.server.client("stepfunctions")
        cls.iam = cls.server.client("iam")
        cls.functions = cls.server.client("lambda")
        cls.role = cls.create_roles()["states"]

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def refused(self, code, operation, client=None, **members):
        """Makes a call that must be refused with this error; its message."""
        client = client or self.states
        call = getattr(client, botocore.xform_name(operation))
        with self.assertRaises(ClientError) as refusal:
            call(**members)
        error = refusal.exception.response["Error"]
        self.assertEqual(error["Code"], code, error)
        return error["Message"]

    @classmethod
    def create_roles(cls):
        """The execution role `states` and the function role `functions`, which may do anything."""
        return {name: make_role(cls.iam, name, trust(principal), allow("*"))
                for name, principal in (("states", "states.amazonaws.com"),
                                        ("functions", "lambda.amazonaws.com"))}

    def create_function(self, name, code, handler="app.handler", role=None, **more):
        answer = self.functions.create_function(
            FunctionName=name, Runtime="python3.12", Handler=handler,
            Role=role or self.create_roles()["functions"],
            Code={"ZipFile": zipped({handler.split(".")[0] + ".py": code})}, **more)
        self.functions.get_waiter("function_active_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
        return answer["FunctionArn"]

    def create_machine(self, name, definition):
        text = definition if isinstance(definition, str) else json.dumps(definition)
        return self.states.create_state_machine(
            name=name, definition=text, roleArn=self.role)["stateMachineArn"]

    def start(self, machine, value=None, **more):
        return self.states.start_execution(
            stateMachineArn=machine, input=json.dumps({} if value is None else value),
            **more)["executionArn"]

    def ended(self, execution, seconds=30):
        def probe():
            answer = self.states.describe_execution(executionArn=execution)
            return answer if answer["status"] in TERMINAL else None
        return wait_until(f"{execution} ends", probe, seconds)

    def history(self, execution):
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def check_gapless(self, execution):
        """Ids dense from 1, each previous event known, one start, one end; the events' types."""
        events = self.history(execution)
        self.assertEqual([e["id"] for e in events], list(range(1, len(events) + 1)))
        for event in events:
            self.assertLess(event["previousEventId"], event["id"])
        types = [e["type"] for e in events]
        self.assertEqual(types[0], "ExecutionStarted")
        ends = [t for t in types if t.startswith("Execution") and t != "ExecutionStarted"]
        self.assertEqual(ends, [types[-1]])
        return types
