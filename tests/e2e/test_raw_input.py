"""What no SDK sends, over the wire: for every member of every operation, at every depth, texts that
are no JSON, numbers beyond all numbers, characters that are none. Never a 500, never a connection
that is spoilt for the next request; errors in AWS's shape and words.

What the model itself forbids is sent in the server's unit tests (`door/tests/bad_input.rs`), where
each is judged by AWS's verdict. Here the bytes are what matters."""
import gzip
import http.client
import json
import re
import unittest

from support import REGION, ROOT, ServerCase, wait_until

ACCOUNT = "000000000000"
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
FAIL = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}}

# Values as they stand in the body, of any type: each is sent in place of every member.
VALUES = {
    "null": "null", "true": "true", "zero": "0", "negative": "-1", "float": "1.5",
    "one as float": "1.0", "exponent": "1e3", "beyond doubles": "1e999", "huge": "9" * 400,
    "beyond 64 bits": "9223372036854775808",
    "the least of 64 bits": "-9223372036854775808", "minus zero": "-0", "empty text": '""',
    "NUL": r'"\u0000"', "a lone surrogate": r'"\ud800"', "reversed surrogates": r'"\udc00\ud800"',
    "beyond the plane": r'"\ud83d\ude00"', "DEL and C1": r'"\u007f\u0085"',
    "no character": r'"\ufffe\uffff"', "line ends": r'"a\r\nb"',
    "a long text": '"' + "x" * 300_000 + '"', "empty list": "[]",
    "nulls": "[null, null]", "empty object": "{}", "list of lists": "[[[]]]",
    "list of objects": "[{}]", "object with null": '{"a": null}',
    "a long list": "[" + ",".join(["{}"] * 100_000) + "]",
    "long list of texts": "[" + ",".join(['"a"'] * 100_000) + "]",
    "deep lists": "[" * 900 + "]" * 900, "JSON in text": r'"{\"a\":1}"',
    "deep JSON in text": '"' + "[" * 5_000 + "]" * 5_000 + '"',
    "an ARN of nothing": '"arn:aws:states:::"', "a path": '"../../etc/passwd"',
    "SQL": "\"' OR 1=1 --\"", "percent signs": '"%s%n%00"', "a template": '"{% $error() %}"',
}
# Texts that are no JSON, in place of a member's value.
NO_JSON = {
    "nothing": "", "NaN": "NaN", "Infinity": "-Infinity", "a bare word": "undefined", "plus": "+1",
    "leading zero": "01", "hexadecimal": "0x10", "half a number": "1.", "single quotes": "'a'",
    "open text": '"a', "bad escape": r'"\x"', "half an escape": r'"\u12"',
    "control character": '"\x01"',
    "trailing comma": "[1,]", "comment": "1 /* one */", "deeper than anyone reads": "[" * 100_000,
}
BYTES = {"no UTF-8": b'"\xff\xfe"', "overlong": b'"\xc0\xaf"', "half a character": b'"\xe2\x82"',
         "a surrogate in bytes": b'"\xed\xa0\x80"'}

VIOLATION = (r"Value(?: null| '[\s\S]*?')? at '[^']+' failed to satisfy constraint: "
             r"(?:Member|Map (?:keys|value)) must [\s\S]+?")
VALIDATION = re.compile(rf"(\d+) validation errors? detected: {VIOLATION}(?:; {VIOLATION})*")
SERIALIZATION = re.compile(
    r"(STRING|NUMBER|TRUE|FALSE)_VALUE can not be converted to an? "
    r"(String|Boolean|Integer|Long|Float|Double|Timestamp)"
    r"|Start of list found where not expected|Start of structure or map found where not expected\."
    r"|Expected (list|structure or map) or null")
# Members that exclude others, or that make an input fail before the others are looked at: each
# input is sent whole, and without them.
EXCLUDING = {"nextToken", "encryptionConfiguration", "mapRunArn", "redriveFilter", "mock",
             "loggingConfiguration", "revisionId", "stateName", "context", "stateConfiguration"}
PROBLEMS_SHOWN_MAX = 200
COMMON = {"ValidationException", "SerializationException", "AccessDeniedException"}


def shape_of(member):
    """The shape that a member of a trimmed model refers to: its name alone, or among traits."""
    return member if isinstance(member, str) else member["shape"]


class RawInput(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.models = {name: json.loads((ROOT / f"models/{name}.json").read_text())
                      for name in ("states", "lockstep")}
        cls.connection = http.client.HTTPConnection("127.0.0.1", cls.server.port, timeout=60)

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()
        super().tearDownClass()

    def send(self, target, body, method="POST", path="/", **headers):
        """One request on the connection that all share: one that is spoilt fails the next."""
        scope = f"test/20260101/{REGION}/states/aws4_request"
        body = body.encode() if isinstance(body, str) else body
        self.sent_bytes = len(body or b"")
        self.connection.request(method, path, body, {
            "Content-Type": "application/x-amz-json-1.0", "X-Amz-Date": "20260101T000000Z",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, "
                             f"Signature={'0' * 64}",
            **({"X-Amz-Target": target} if target else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()}})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def code_of(self, what, answer):
        """The error's code, "" for a success; what every answer must be is checked."""
        status, headers, body = answer
        self.assertLess(status, 500, (what, body[:300]))
        self.assertTrue(headers["x-amzn-requestid"], what)
        self.assertEqual(headers["content-type"], "application/x-amz-json-1.0", what)
        members = json.loads(body)
        if status == 200:
            return ""
        self.assertEqual(status, 400, (what, body[:300]))
        code = members["__type"].rpartition("#")[2]
        message = members.get("message") or members.get("Message")
        self.assertTrue(message, (what, members))
        self.assertLess(len(body), self.sent_bytes + 10_000, what)
        if code == "ValidationException" and "validation error" in message:
            count = int(VALIDATION.fullmatch(message)[1]) if VALIDATION.fullmatch(message) else None
            self.assertEqual(message.count("failed to satisfy constraint"), count, (what, message))
            self.assertIn("error " if count == 1 else "errors ", message, what)
        return code

    # -- the request around the body ---------------------------------------------------------------

    def test_requests(self):
        """What surrounds a body: each is answered on the same connection as the one before."""
        target = "AWSStepFunctions.ListStateMachines"
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            answer = self.send(target, "{}", method=method)
            self.assertEqual(self.code_of(method, answer), "UnknownOperationException")
        for path in ("/x/y", "/?Action=ListUsers", "//", "/%00"):
            self.assertEqual(self.code_of(path, self.send(target, "{}", path=path)), "")
        for kind in ("", "text/plain", "application/json", "application/x-amz-json-1.1; charset=x",
                     "multipart/form-data"):
            status, _, body = self.send(target, "{}", Content_Type=kind)
            self.assertEqual((status, json.loads(body)["stateMachines"] is not None), (200, True))
        for wrong in ("AWSStepFunctions.Nope", "AWSStepFunctions", "Nope.ListStateMachines", ".",
                      "#", "AWSStepFunctions.liststatemachines", "x" * 5_000):
            self.assertEqual(self.code_of(wrong, self.send(wrong, "{}")),
                             "UnknownOperationException")
        status, headers, _ = self.send(None, "{}")
        self.assertEqual((status, headers["x-amzn-errortype"]), (404, "UnknownOperationException"))
        packed = gzip.compress(b"{}")
        for encoding in ("gzip", "deflate", "br", "nonsense"):
            answer = self.send(target, packed, Content_Encoding=encoding)
            self.assertEqual(self.code_of(encoding, answer), "SerializationException")
        chunks = iter([b'{"max', b'Results"', b": 1}"])
        self.connection.request("POST", "/", chunks, {"X-Amz-Target": target},
                                encode_chunked=True)
        answer = self.connection.getresponse()
        self.assertEqual((answer.status, "stateMachines" in json.loads(answer.read())), (200, True))
        for body in (b" " * 5_000_000, b"[" * 5_000_000, b'"' + b"x" * 5_000_000 + b'"',
                     b"{" + b'"a":' * 100_000 + b"1}", b"\x00" * 1_000, b"\xef\xbb\xbf{}"):
            code = self.code_of(body[:20], self.send(target, body))
            self.assertEqual(code, "SerializationException", body[:20])
        ignored = json.dumps({"unknown": {"a": [1, None]}, "": "", "x" * 10_000: "x" * 100_000})
        self.assertEqual(self.code_of("unknown members", self.send(target, ignored)), "")

    # -- a world for each operation ----------------------------------------------------------------

    def world(self, operation):
        """An input of the operation with every member it can have at once."""
        states, name = self.states, operation
        arn = self.create_machine(name, WAIT)
        express = states.create_state_machine(name=f"{name}-x", definition=json.dumps(PASS),
                                              roleArn=self.role, type="EXPRESS")["stateMachineArn"]
        failed = self.start(self.create_machine(f"{name}-f", FAIL))
        self.ended(failed)
        activity = states.create_activity(name=name)["activityArn"]
        working = self.create_machine(f"{name}-w", {"StartAt": "T", "States": {
            "T": {"Type": "Task", "Resource": activity, "End": True}}})
        # A poll that finds nothing would wait for a minute.
        for _ in range(200 if operation == "GetActivityTask" else 1):
            self.start(working)
        version = states.publish_state_machine_version(
            stateMachineArn=arn)["stateMachineVersionArn"]
        routes = [{"stateMachineVersionArn": version, "weight": 100}]
        alias = states.create_state_machine_alias(
            name="live", routingConfiguration=routes)["stateMachineAliasArn"]
        run = states.start_sync_execution(stateMachineArn=express)["executionArn"]
        values = {
            "stateMachineArn": express if "Express" in operation or "Sync" in operation else arn,
            "executionArn": run if "Express" in operation or operation == "DescribeProvenance"
            else failed if operation == "RedriveExecution" else self.start(arn),
            "activityArn": activity, "mapRunArn": f"arn:aws:states:{REGION}:{ACCOUNT}:mapRun:m/M:1",
            "stateMachineVersionArn": version, "stateMachineAliasArn": alias, "resourceArn": arn,
            "roleArn": self.role, "definition": json.dumps(PASS), "name": "new",
            "routingConfiguration": routes, "tags": [{"key": "k", "value": "v"}],
            "tagKeys": ["k"], "input": "{}", "output": "{}", "logGroupArn":
            f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g:*", "weight": 100, "maxResults": 5,
            "authorizationId": "1abc", "variables": "{}", "context": "{}", "stateName": "P",
            "kmsDataKeyReusePeriodSeconds": 300}
        if operation.startswith("SendTask"):
            values["taskToken"] = states.get_activity_task(activityArn=activity)["taskToken"]
        return values

    def filled(self, model, shape, values):
        """A value for a shape: what the world has for a member, else something of its type."""
        shape = model["shapes"][shape]
        kind = shape["type"]
        if kind == "structure":
            return {name: values.get(name) or self.filled(model, shape_of(to), values)
                    for name, to in shape["members"].items()}
        if kind == "list":
            return [self.filled(model, shape_of(shape["member"]), values)]
        if "enum" in shape:
            return shape["enum"][0]
        return {"string": "text", "boolean": False}.get(kind, 1)

    @staticmethod
    def places(value, path=()):
        """The paths of all members and elements."""
        inner = value.items() if isinstance(value, dict) else \
            enumerate(value) if isinstance(value, list) else ()
        for key, below in inner:
            yield (*path, key)
            yield from RawInput.places(below, (*path, key))

    @staticmethod
    def with_mark(value, path):
        """The text of a value with a mark at a path."""
        if not path:
            return "@@"
        key, *rest = path
        if isinstance(value, dict):
            return "{" + ",".join(
                f"{json.dumps(k)}:{RawInput.with_mark(v, rest) if k == key else json.dumps(v)}"
                for k, v in value.items()) + "}"
        return "[" + ",".join(RawInput.with_mark(v, rest) if k == key else json.dumps(v)
                              for k, v in enumerate(value)) + "]"

    @staticmethod
    def shape_at(model, shape, path):
        for key in path:
            shape = model["shapes"][shape]
            shape = shape_of(shape["member"] if isinstance(key, int) else shape["members"][key])
        return model["shapes"][shape]

    # -- the walk ----------------------------------------------------------------------------------

    def walk(self, service, part, parts):
        model = self.models[service]
        prefix = model["metadata"]["targetPrefix"]
        problems, sent = [], 0
        for name, operation in sorted(model["operations"].items())[part::parts]:
            shape = shape_of(operation["input"])
            whole = self.filled(model, shape, self.world(name))
            plain = {name: value for name, value in whole.items() if name not in EXCLUDING}
            known = COMMON | {shape_of(error) for error in operation.get("errors", [])}
            for base, path in [*((whole, path) for path in self.places(whole)),
                               *((plain, path) for path in self.places(plain) if plain != whole)]:
                before, after = self.with_mark(base, path).split("@@")
                kind = self.shape_at(model, shape, path)["type"]
                of_base = self.bodies(before, after, path, kind) if base is whole else \
                    self.values(before, after, kind)
                for what, body, expected in of_base:
                    place = f"{name} {'.'.join(map(str, path))}: {what}"
                    try:
                        answer = self.send(f"{prefix}.{name}", body)
                        self.judge(place, answer, known, expected)
                    except (AssertionError, OSError, http.client.HTTPException) as problem:
                        problems.append(f"{place}: {problem!r}"[:600])
                        self.connection.close()
                    sent += 1
        if problems:
            self.fail(f"{len(problems)} of {sent}:\n" + "\n".join(problems[:PROBLEMS_SHOWN_MAX]))

    def judge(self, place, answer, known, expected):
        code = self.code_of(place, answer)
        self.assertIn(code, known | {""}, answer[2][:300])
        if expected is not None:
            self.assertEqual(code, expected, answer[2][:300])
        if code == "SerializationException" and place.rpartition(": ")[2] in VALUES:
            message = json.loads(answer[2])["message"]
            self.assertTrue(SERIALIZATION.fullmatch(message), message)

    @staticmethod
    def values(before, after, kind):
        """What is sent with a value in place of another, and the error, where it can be but one."""
        begins = {"string": '"', "structure": "{", "map": "{", "list": "[", "boolean": "tf"}
        begin = begins.get(kind, "-0123456789")
        for what, value in VALUES.items():
            is_wrong = value[0] not in begin and value != "null"
            yield what, before + value + after, "SerializationException" if is_wrong else None

    @staticmethod
    def bodies(before, after, path, kind):
        """The same, and what is no JSON or no text at all."""
        yield from RawInput.values(before, after, kind)
        member = path[-1]
        for what, text in NO_JSON.items():
            # An element that isn't there leaves an empty list.
            if text or isinstance(member, str):
                yield what, before + text + after, "SerializationException"
        for what, value in BYTES.items():
            yield what, before.encode() + value + after.encode(), "SerializationException"
        if isinstance(member, str):
            yield "twice", f"{before}null,{json.dumps(member)}:7{after}", None

    def test_states_0(self):
        self.walk("states", 0, 4)

    def test_states_1(self):
        self.walk("states", 1, 4)

    def test_states_2(self):
        self.walk("states", 2, 4)

    def test_states_3(self):
        self.walk("states", 3, 4)

    def test_lockstep(self):
        self.walk("lockstep", 0, 1)


if __name__ == "__main__":
    unittest.main()
