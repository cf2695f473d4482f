"""Runs one Python function: takes events from the Lambda Runtime API, posts what it returns.

Only the standard library is used, and of that little: a cold start waits for what is imported
here. The package lies in the current directory, the layers in a folder that is an argument; stack
traces show them as /var/task and /opt, where AWS puts them, so that error texts do not depend on
the machine. A package that brings AWS's own client for this (awslambdaric) is run by that.
"""

import importlib
import json
import os
import socket
import sys
import time
from importlib import machinery

ROOT = os.getcwd()
# Where the layers are, and the folders of this host that have AWS's SDK: see `prepare`.
OPT, PACKAGES = "/opt", []
SDK = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
JSON_LOGS = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"


def is_within(path, folder):
    return path == folder or path.startswith(folder + os.sep)


def shown(path):
    """The path as AWS would show it."""
    for here, there in ((ROOT, "/var/task"), (OPT, "/opt")):
        if is_within(path, here):
            return there + path[len(here) :]
    return path


def shown_back(path):
    """The real folder behind a path that the user's PYTHONPATH names in AWS's way."""
    for here, there in ((ROOT, "/var/task"), (OPT, "/opt")):
        if is_within(path, there):
            return here + path[len(there) :]
    return path


class TaskLoader(machinery.SourceFileLoader):
    """Loads user code from where it is, compiled as if it lay in /var/task.

    `__file__` stays real, so that data files beside a module can be opened. Source lines in
    traces come through the loader (`linecache` asks it when the file name does not exist).
    """

    def source_to_code(self, data, path, *args, **options):
        return super().source_to_code(data, shown(os.fspath(path)), *args, **options)

    def get_code(self, fullname):
        code = super().get_code(fullname)
        return renamed(code) if shown(code.co_filename) != code.co_filename else code


def renamed(code):
    """Bytecode that came with the package is given the name of its source when loaded."""
    return code.replace(
        co_filename=shown(code.co_filename),
        co_consts=tuple(renamed(c) if isinstance(c, type(code)) else c for c in code.co_consts),
    )


def task_finder(path):
    if shown(path) == path or not os.path.isdir(path):
        raise ImportError("only folders of the package and its layers", path=path)
    return machinery.FileFinder(
        path,
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (TaskLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )


class HostPackages:
    """AWS's SDK as this host has it, where AWS has its own; no other package of this host."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if path is None and name in SDK:
            return machinery.PathFinder.find_spec(name, PACKAGES)
        return None


class Fault(Exception):
    """An error that the runtime names, not the user's code."""

    def __init__(self, error_type, message, trace=()):
        super().__init__(message)
        self.error_type = error_type
        self.trace = list(trace)


class RuntimeApi:
    """One kept connection. When it breaks the server is gone, and so is this process."""

    def __init__(self, address):
        self.address = address
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect((host, int(port)))
        self.reader = self.socket.makefile("rb")

    def call(self, method, path, body=b"", headers=""):
        head = (
            f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\n"
            f"Host: {self.address}\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        )
        try:
            self.socket.sendall(head.encode() + body)
            if not self.reader.readline():
                os._exit(1)
            answer = {}
            for line in iter(self.reader.readline, b"\r\n"):
                name, _, value = line.decode().partition(":")
                answer[name.lower()] = value.strip()
            return answer, self.reader.read(int(answer["content-length"]))
        except (OSError, KeyError):
            os._exit(1)

    def next(self):
        return self.call("GET", "invocation/next")


class Record:
    """Attributes that are None until given."""

    def __init__(self, names, values):
        for name in names:
            setattr(self, name, (values or {}).get(name))

    def __repr__(self):
        return shown_record(self)


def shown_record(record):
    members = (f"{name}={value}" for name, value in vars(record).items() if name[0] != "_")
    return f"{type(record).__name__}([{','.join(members)}])"


class CognitoIdentity(Record):
    pass


class Client(Record):
    pass


class ClientContext(Record):
    pass


CLIENT = (
    "installation_id",
    "app_title",
    "app_version_name",
    "app_version_code",
    "app_package_name",
)


class LambdaContext:
    def __init__(self, headers):
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = None
        self.client_context = client_context(headers.get("lambda-runtime-client-context"))
        self.identity = CognitoIdentity(("cognito_identity_id", "cognito_identity_pool_id"), {})
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))

    def __repr__(self):
        return shown_record(self)


def client_context(text):
    if not text:
        return None
    try:
        context = ClientContext(("custom", "env", "client"), json.loads(text))
    except Exception as error:
        raise Fault(
            "Runtime.LambdaContextUnmarshalError",
            f"Unable to parse Client Context JSON: {error}",
        )
    if context.client is not None:
        context.client = Client(CLIENT, context.client)
    return context


class Encoder(json.JSONEncoder):
    """What AWS's runtime accepts beyond JSON: Decimal as a number, bytes as text."""

    # Marks text that shall stand unquoted; nobody can guess it.
    mark = os.urandom(12).hex()

    def default(self, value):
        decimal = sys.modules.get("decimal")
        if decimal and isinstance(value, decimal.Decimal):
            return float("nan") if value.is_nan() else f"{self.mark}{value}{self.mark}"
        if isinstance(value, bytes):
            return value.decode("utf-8")
        return super().default(value)

    def encode(self, value):
        text = super().encode(value)
        if self.mark in text:
            text = text.replace(f'"{self.mark}', "").replace(f'{self.mark}"', "")
        return text.encode("utf-8")


def runtime_minor():
    """Of the runtime the function asks for, which need not be that of this interpreter."""
    minor = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("python3.")[2]
    return int(minor) if minor.isdigit() else sys.version_info[1]


def encoder():
    """AWS writes characters beyond ASCII as they are since python3.12, as escapes before."""
    return Encoder(ensure_ascii=runtime_minor() < 12)


class LogFinder:
    """Makes the root logger AWS's as soon as somebody imports `logging`: many do not, and it takes
    longer than all that is done here."""

    request_id = None

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "logging":
            return None
        sys.meta_path.remove(cls)
        spec = machinery.PathFinder.find_spec(name)
        run = spec.loader.exec_module

        def exec_module(module):
            run(module)
            set_up(module, cls)

        spec.loader.exec_module = exec_module
        return spec


def set_up(logging, current):
    class Text(logging.Formatter):
        converter = time.gmtime

        def format(self, record):
            record.aws_request_id = current.request_id or ""
            return super().format(record)

    class Json(logging.Formatter):
        converter = time.gmtime
        own = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "aws_request_id"}

        def format(self, record):
            members = {
                "timestamp": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
                "level": record.levelname,
                "message": record.getMessage(),
                "logger": record.name,
                "requestId": current.request_id,
            }
            if record.exc_info and record.exc_info[0]:
                kind, error, trace = record.exc_info
                members["stackTrace"] = traceback_of(trace)
                members["errorType"] = kind.__name__
                members["errorMessage"] = str(error)
                members["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
            for name, value in vars(record).items():
                if name not in self.own:
                    members.setdefault(name, value)
            members = {name: value for name, value in members.items() if value is not None}
            return json.dumps(members, default=str, ensure_ascii=False) + "\n"

    class Handler(logging.Handler):
        def emit(self, record):
            sys.stdout.write(self.format(record))

    handler = Handler()
    if JSON_LOGS:
        handler.setFormatter(Json())
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
        logging.getLogger().setLevel({"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level))
    else:
        form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(Text(form, "%Y-%m-%dT%H:%M:%S"))
    logging.getLogger().addHandler(handler)


def handler_of(name):
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        raise Fault(
            "Runtime.MalformedHandlerName",
            f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)",
        )
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault(
            "Runtime.BuiltInModuleConflict",
            f"Cannot use built-in module {module_name} as a handler module",
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        text = str(error).replace(ROOT, "/var/task")
        raise Fault(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {text}"
        )
    except SyntaxError as error:
        raise Fault(
            "Runtime.UserCodeSyntaxError",
            f"Syntax error in module '{module_name}': {error}",
            [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'],
        )
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault(
            "Runtime.HandlerNotFound",
            f"Handler '{function_name}' missing on module '{module_name}'",
        )


def traceback_of(trace):
    """The frames of this file in front of the user's are left out."""
    import traceback

    # As plain tuples, without the columns that newer Pythons would underline.
    frames = [
        (frame.filename, frame.lineno, frame.name, frame.line)
        for frame in traceback.extract_tb(trace)
    ]
    while frames and frames[0][0] == __file__:
        frames.pop(0)
    return traceback.format_list(frames)


def error_of(error, request_id=""):
    """The error body."""
    if isinstance(error, Fault):
        error_type, trace = error.error_type, error.trace
    else:
        error_type, trace = type(error).__name__, traceback_of(error.__traceback__)
    return {
        "errorMessage": str(error),
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": trace,
    }


def log_error(error):
    """One log event: lines are parted by a carriage return and indented by no-break spaces."""
    if JSON_LOGS:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        record = {"timestamp": now, "log_level": "ERROR", **error}
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
        return
    head = "[ERROR] " + error["errorType"]
    if error["errorMessage"]:
        head += ": " + error["errorMessage"]
    lines = [head, "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        for line in entry.splitlines():
            text = line.lstrip(" ")
            lines.append("\u00a0" * (len(line) - len(text)) + text)
    sys.stdout.write("\r".join(lines) + "\n")


def invoke(handler, encode, headers, event):
    """What to post: the last part of the path, and the body."""
    request_id = headers["lambda-runtime-aws-request-id"]
    try:
        context = LambdaContext(headers)
        try:
            event = json.loads(event)
        except Exception as error:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}")
        result = handler(event, context)
        if isinstance(result, bytes):
            return "response", result
        try:
            return "response", encode(result)
        except Exception as error:
            raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}")
    except Exception as error:
        body = error_of(error, request_id)
    log_error(body)
    return "error", encode(body)


def prepare():
    """What `site` would do, without the packages of this host; and the folders of layers."""
    global OPT, PACKAGES
    OPT, packages = sys.argv[1:3]
    sys.argv[1:] = []
    PACKAGES = [folder for folder in packages.split(os.pathsep) if folder]
    layers = [f"{OPT}/python/lib/python3.{runtime_minor()}/site-packages", f"{OPT}/python"]
    sys.path[:] = [ROOT, *layers, *map(shown_back, sys.path[1:])]
    sys.path_hooks.insert(0, task_finder)
    sys.meta_path.append(HostPackages)
    import _sitebuiltins
    import builtins

    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")


def run_official():
    """Hands over to AWS's own client, if the package or a layer has it."""
    name = "awslambdaric"
    if not any(os.path.isdir(f"{folder}/{name}") for folder in sys.path[:3]):
        return
    import runpy

    sys.argv[:] = [name, os.environ["_HANDLER"]]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
    sys.exit()


def main():
    prepare()
    run_official()
    sys.meta_path.insert(0, LogFinder)
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    encode = encoder().encode
    try:
        handler = handler_of(os.environ["_HANDLER"])
    except Exception as error:
        body = error_of(error)
        log_error(body)
        error_type = f"Lambda-Runtime-Function-Error-Type: {body['errorType']}\r\n"
        api.call("POST", "init/error", encode(body), error_type)
        sys.exit(1)
    while True:
        headers, event = api.next()
        LogFinder.request_id = request_id = headers["lambda-runtime-aws-request-id"]
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
        verb, body = invoke(handler, encode, headers, event)
        api.call("POST", f"invocation/{request_id}/{verb}", body)


if __name__ == "__main__":
    main()
