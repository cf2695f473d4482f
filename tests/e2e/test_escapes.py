"""Functions that try to get out of their sandbox, deployed and invoked as anybody would."""
import io
import json
import os
import pathlib
import socket
import unittest
import zipfile

import boto3

from support import ClosedServer, ServerCase, allow, make_role, trust

SECRET = "canary-of-the-victim"

VICTIM = f"""
import os
CODE = "code-{SECRET}"

def handler(event, context):
    os.environ["LATER"] = "memory-{SECRET}"
    return os.environ["AWS_LAMBDA_RUNTIME_API"]
"""

# Runs what the event has; gives back `result`, or the name of what was raised.
THIEF = """
import ctypes, errno, glob, os, signal, socket, subprocess, time, urllib.request

libc = ctypes.CDLL(None, use_errno=True)

def write(path):
    with open(path, "w") as file:
        file.write("x")
    return "written"

def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    return errno.errorcode[ctypes.get_errno()] if result == -1 else "done"

def everything(pattern):
    found = b""
    for path in glob.glob(pattern):
        try:
            with open(path, "rb") as file:
                found += file.read(1 << 20)
        except OSError:
            pass
    return found

def request(address, path):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.settimeout(5)
        connection.sendall(f"GET {path} HTTP/1.1\\r\\nHost: {address}\\r\\n\\r\\n".encode())
        return connection.recv(12).decode()

def handler(event, context):
    names = {**globals(), **event.get("names", {})}
    try:
        exec(event["code"], names)
        return names.get("result")
    except BaseException as error:
        return type(error).__name__
"""

DENIED = {"PermissionError", "FileNotFoundError", "NotADirectoryError"}
READ_ONLY = DENIED | {"OSError"}
REFUSED = {"EPERM", "EACCES", "ENOSYS"}

# The attempt, and the outcomes that are right.
FILES = (
    ("result = open('/etc/shadow').read()", DENIED),
    ("result = os.listdir(data)", DENIED),
    ("result = os.listdir(store)", DENIED),
    ("result = str(open(store + '/lockstep.db', 'rb').read(16))", DENIED),
    ("result = open(store + '/master.key').read()", DENIED),
    ("result = open(store + '/root-credentials').read()", DENIED),
    ("result = os.listdir(store + '/functions')", DENIED),
    ("result = os.listdir(f'/proc/{os.getppid()}/root' + store)", DENIED),
    ("result = os.listdir(f'/proc/1/root' + store)", DENIED),
    ("os.symlink(store, '/tmp/link'); result = os.listdir('/tmp/link')", DENIED),
    # Such a folder in its own `/tmp` is its own affair.
    ("os.makedirs(store); write(store + '/x'); result = ' '.join(os.listdir(store))",
     DENIED | {"x"}),
    ("result = os.listdir('/home')", DENIED),
    ("result = open(home + '/.bashrc').read()", DENIED),
    ("result = write('/var/task/app.py')", READ_ONLY),
    ("result = write('/var/task/new.py')", READ_ONLY),
    ("os.rename('/var/task/app.py', '/tmp/app.py')", READ_ONLY),
    ("os.chmod('/var/task/app.py', 0o777); result = write('/var/task/app.py')", READ_ONLY),
    ("result = write('/opt/x')", READ_ONLY),
    ("result = write('/var/runtime/python.py')", READ_ONLY),
    ("result = write('/etc/x')", READ_ONLY),
    ("result = write('/proc/sys/kernel/core_pattern')", READ_ONLY),
)

PROCESSES = (
    ("result = everything('/proc/*/environ').count(secret)", {0}),
    ("result = everything('/proc/*/cmdline').count(b'--data')", {0}),
    ("result = everything('/proc/*/maps').count(b'lockstep')", {0}),
    ("result = everything('/var/task/*').count(secret)", {0}),
    ("result = open(f'/proc/{os.getppid()}/mem', 'rb').read(1)", DENIED),
    ("result = open(f'/proc/{os.getppid()}/environ').read()", DENIED),
    ("result = open('/proc/1/mem', 'r+b')", DENIED),
    ("os.kill(server, 0)", {"ProcessLookupError"}),
    ("os.kill(1, 9); time.sleep(0.1); result = 'alive'", {"alive", "PermissionError"}),
    ("result = libc.ptrace(16, os.getppid(), 0, 0)", {-1}),
    ("result = libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0)", {-1}),
    ("result = libc.unshare(0x10000000)", {-1}),
    ("result = libc.unshare(0x00020000)", {-1}),
    ("result = libc.setns(0, 0)", {-1}),
    ("os.chroot('/tmp')", {"PermissionError"}),
    ("os.setuid(0)", {"PermissionError"}),
    # io_uring_setup, which has this number on every machine.
    ("result = call(425, 1, 0)", REFUSED),
    ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", {"PermissionError"}),
    ("result = subprocess.run(['su', '-c', 'id'], capture_output=True).returncode",
     {1, 2, 125, 126, 127} | DENIED),
)


def boto3_layer():
    """A layer with the boto3 of these tests, and of the services' models a few."""
    site = pathlib.Path(boto3.__file__).parents[1]
    wanted = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
    services = {"sts", "iam", "stepfunctions"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as files:
        paths = {path for name in wanted for path in [site / name, *(site / name).rglob("*")]}
        for path in sorted(paths):
            inside = path.relative_to(site)
            of_service = inside.parts[:2] == ("botocore", "data") and len(inside.parts) > 3
            if path.is_dir() or "__pycache__" in inside.parts or (
                    of_service and inside.parts[2] not in services):
                continue
            files.write(path, f"python/{inside}")
    return buffer.getvalue()


class EscapeCase(ServerCase):
    server_class = ClosedServer

    @classmethod
    def connect(cls):
        super().connect()
        # What a careful administrator gives a function: its logs and nothing else.
        cls.poor = make_role(cls.iam, "poor", trust("lambda.amazonaws.com"), allow("logs:*"))
        case = cls()
        case.create_function("thief", THIEF, role=cls.poor, Timeout=60)
        case.create_function("victim", VICTIM, role=cls.poor,
                             Environment={"Variables": {"SECRET": f"variable-{SECRET}"}})

    def invoke(self, function, event=None):
        answer = self.functions.invoke(FunctionName=function, Payload=json.dumps(event or {}))
        return json.loads(answer["Payload"].read())

    def attempt(self, code, function="thief", **names):
        return self.invoke(function, {"code": code, "names": names})

    def check(self, attempts, **names):
        for code, expected in attempts:
            outcome = self.attempt(code, **names)
            with self.subTest(attempt=code):
                self.assertIn(outcome, list(expected))


class Escapes(EscapeCase):
    def check_server_is_well(self):
        self.assertEqual(self.invoke("victim"), self.victim_api)
        self.assertEqual(self.attempt("result = 1 + 1"), 2)
        self.assertTrue(self.states.list_state_machines()["stateMachines"] is not None)

    def setUp(self):
        # A warm process that has something to hide.
        self.victim_api = self.invoke("victim")

    def tearDown(self):
        self.check_server_is_well()

    def test_files(self):
        self.check(FILES, data=self.server.data, store=self.server.store,
                   home=os.path.expanduser("~"))
        self.assertFalse(os.path.exists(os.path.join(self.server.store, "x")))

    def test_processes(self):
        secret = f"secret = {SECRET.encode()!r}; "
        self.check([(secret + code, expected) for code, expected in PROCESSES],
                   server=self.server.process.pid)

    def test_the_runtime_api_of_others(self):
        path = "/2018-06-01/runtime/invocation/next"
        outcome = self.attempt("result = request(victim, path)", victim=self.victim_api, path=path)
        # Whoever answers at that address, it is not the victim's.
        own = self.attempt("result = os.environ['AWS_LAMBDA_RUNTIME_API']")
        allowed = {"", "ConnectionResetError", "BrokenPipeError", "ConnectionRefusedError"}
        if own == self.victim_api:
            allowed.add("HTTP/1.1 403")
        self.assertIn(outcome, allowed)
        for path in (f"/2018-06-01/runtime/invocation/{'0' * 8}-0000-0000-0000-{'0' * 12}/response",
                     "/2018-06-01/runtime/init/error"):
            code = """
import urllib.error
try:
    urllib.request.urlopen(url, b'{}', 5)
    result = 'taken'
except urllib.error.HTTPError as error:
    result = error.code
"""
            url = f"http://{self.victim_api}{path}"
            self.assertIn(self.attempt(code, url=url),
                          allowed | {"URLError", "RemoteDisconnected", 400, 403})

    def test_a_flood_of_processes(self):
        code = """
made = 0
while made < 5000:
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    except OSError as error:
        break
    made += 1
result = made
"""
        self.create_function("flood", THIEF, role=self.poor, Timeout=60, MemorySize=2048)
        made = self.attempt(code, "flood")
        # All of it may be killed for its memory, where that comes first.
        if isinstance(made, dict):
            self.assertEqual(made["errorType"], "Runtime.ExitError")
        else:
            self.assertTrue(0 < made <= 1024, made)
        self.check_server_is_well()
        self.functions.delete_function(FunctionName="flood")

    def test_a_flood_of_memory(self):
        for code in ("all = []\nwhile True: all.append(os.urandom(1 << 20))",
                     "all = bytearray(4 << 30)\nfor at in range(0, len(all), 4096): all[at] = 1"):
            answer = self.functions.invoke(FunctionName="thief", Payload=json.dumps({"code": code}))
            self.assertEqual(answer["FunctionError"], "Unhandled")
            error = json.loads(answer["Payload"].read())
            request = answer["ResponseMetadata"]["RequestId"]
            self.assertEqual((error["errorType"], error["errorMessage"]), (
                "Runtime.ExitError",
                f"RequestId: {request} Error: Runtime exited with error: signal: killed"))
            self.check_server_is_well()

    def test_a_flood_of_files(self):
        code = """
result = 0
with open('/tmp/big', 'wb', buffering=0) as file:
    try:
        while result < 4096:
            result += file.write(bytes(1 << 20)) >> 20
    except OSError as error:
        result = [result, errno.errorcode[error.errno]]
"""
        megabytes, error = self.attempt(code)
        self.assertTrue(500 <= megabytes <= 512, megabytes)
        self.assertEqual(error, "ENOSPC")
        self.assertEqual(self.attempt("os.unlink('/tmp/big'); result = os.listdir('/tmp')"), [])
        many = """
result = 0
try:
    while result < 3000000:
        open(f'/tmp/{result}', 'w').close()
        result += 1
except OSError as error:
    result = 'end'
"""
        self.functions.update_function_configuration(FunctionName="thief", Timeout=20)
        self.functions.get_waiter("function_updated_v2").wait(FunctionName="thief")
        outcome = self.attempt(many)
        if isinstance(outcome, dict):
            self.assertIn(outcome["errorType"], ("Runtime.ExitError", "Sandbox.Timedout"))
        else:
            self.assertEqual(outcome, "end")

    def test_a_flood_of_output(self):
        answer = self.attempt("import sys\nfor _ in range(200): sys.stdout.write('x' * (1 << 20) + "
                              "'\\n')\nresult = 'written'")
        self.assertEqual(answer, "written")


class WithoutNetwork(EscapeCase):
    variables = {"LOCKSTEP_FUNCTION_NETWORK": "none"}

    def test_only_lockstep_is_reached(self):
        layer = self.functions.publish_layer_version(
            LayerName="boto3", Content={"ZipFile": boto3_layer()})["LayerVersionArn"]
        self.create_function("caller", THIEF, role=self.poor, Layers=[layer], Timeout=30)
        who = "import boto3; caller = boto3.client('sts').get_caller_identity(); " \
              "result = [boto3.__file__, caller['Arn']]"
        where, arn = self.attempt(who, "caller")
        self.assertTrue(where.startswith("/opt/python/boto3/"), where)
        self.assertIn(":assumed-role/poor/caller", arn)
        # As what its role may do, no more.
        code = """
import boto3
try:
    result = boto3.client('iam').list_users()
except Exception as error:
    result = error.response['Error']['Code']
"""
        self.assertEqual(self.attempt(code, "caller"), "AccessDenied")

        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            for address, expected in (
                    (f"127.0.0.1:{port}", {"ConnectionRefusedError"}),
                    ("192.0.2.1:80", {"OSError"}), ("1.1.1.1:443", {"OSError"}),
                    ("169.254.169.254:80", {"OSError"}), ("example.com:80", {"gaierror"})):
                self.assertIn(self.attempt("result = request(address, '/')", address=address),
                              expected, address)
        interfaces = self.attempt("result = [name for _, name in socket.if_nameindex()]")
        self.assertEqual(interfaces, ["lo"])


if __name__ == "__main__":
    unittest.main()
