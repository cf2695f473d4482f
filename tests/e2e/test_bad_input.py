"""What a hostile or mistaken caller sends: AWS's error, the server unharmed, nothing lost."""
import contextlib
import http.client
import json
import socket
import unittest

from botocore.exceptions import ClientError

from support import ServerCase

PASS = '{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}'


class BadInput(ServerCase):
    def post(self, body, headers=None, path="/", method="POST"):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        scope = f"test/20260101/{'us-east-2'}/states/aws4_request"
        try:
            connection.request(method, path, body, {
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "AWSStepFunctions.ListStateMachines",
                "X-Amz-Date": "20260101T000000Z",
                "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, "
                                 f"Signature={'0' * 64}", **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def refused(self, code, call, **parameters):
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], code, error)
        self.assertLess(error["ResponseMetadata"]["HTTPStatusCode"], 500)
        return error["Error"]["Message"]

    def tearDown(self):
        self.states.list_state_machines()  # the server is unharmed

    def test_bodies_that_are_not_json(self):
        for body in ("", "{", "[]", "nonsense", '{"maxResults": "x"}', "[" * 100_000, "\xff\xfe"):
            status, text = self.post(body.encode("latin-1"))
            self.assertIn(status, (200, 400), text)
            if status == 400:
                self.assertIn("SerializationException", text)

    def test_signatures_that_are_ill_formed(self):
        for header in ("AWS4-HMAC-SHA256 Credential=a", "AWS4-HMAC-SHA256 nonsense", "Basic eDp5"):
            status, text = self.post("{}", {"Authorization": header})
            self.assertEqual((status, "IncompleteSignature" in text), (400, True), text)

    def test_unknown_operations(self):
        status, text = self.post("{}", {"X-Amz-Target": "AWSStepFunctions.Nonsense"})
        self.assertEqual(status, 400)
        self.assertIn("UnknownOperationException", text)
        status, text = self.post("{}", {"X-Amz-Target": "Logs_20140328.StartQuery"})
        self.assertEqual(status, 400)
        self.assertIn("logs:StartQuery is not served", text)

    def test_constraints(self):
        message = self.refused("ValidationException", self.states.list_state_machines,
                               maxResults=1001)
        self.assertIn("Member must have value less than or equal to 1000", message)
        self.refused("ValidationException", self.states.start_execution)
        self.refused("InvalidArn", self.states.start_execution, stateMachineArn="nonsense")
        self.refused("InvalidName", self.states.create_state_machine, name="a b", definition=PASS,
                     roleArn=self.role)
        self.refused("StateMachineDoesNotExist", self.states.start_execution,
                     stateMachineArn="arn:aws:states:us-east-2:000000000000:stateMachine:none")
        self.refused("ExecutionDoesNotExist", self.states.describe_execution,
                     executionArn="arn:aws:states:us-east-2:000000000000:execution:none:none")
        self.refused("InvalidToken", self.states.list_state_machines, nextToken="forged")

    def test_sizes(self):
        machine = self.create_machine("sizes", PASS)
        self.ended(self.start(machine, "x" * (262_144 - 2)))
        message = self.refused("InvalidExecutionInput", self.states.start_execution,
                               stateMachineArn=machine, input='"' + "x" * (262_145 - 2) + '"')
        self.assertTrue(message)
        definition = PASS[:-1] + " " * (1_048_577 - len(PASS)) + "}"
        with self.assertRaises(ClientError):
            self.states.create_state_machine(name="big", definition=definition, roleArn=self.role)
        self.states.create_state_machine(name="big", definition=definition.replace(" ", "", 1),
                                         roleArn=self.role)

    def test_inputs_that_are_not_json(self):
        machine = self.create_machine("inputs", PASS)
        for text in ("not json", "{'a': 1}", "", "{", "[" * 100_000):
            message = self.refused("InvalidExecutionInput", self.states.start_execution,
                                   stateMachineArn=machine, input=text)
            self.assertTrue(message.startswith(("Invalid State Machine Execution Input: '",
                                                "Invalid execution input.")), message[:200])
        for text in ("0", '"s"', "null", "[1, 2]"):
            self.assertEqual(json.loads(self.ended(self.states.start_execution(
                stateMachineArn=machine, input=text)["executionArn"])["output"]), json.loads(text))

    def test_definitions_that_are_wrong(self):
        for text in ("", "{", "[]", "{}", "[" * 100_000, '{"StartAt":"A","States":{}}',
                     PASS.replace('"End":true', '"Next":"Nowhere"')):
            self.refused("InvalidDefinition", self.states.create_state_machine, name="wrong",
                         definition=text or " ", roleArn=self.role)

    def test_a_web_page_cannot_call(self):
        for headers in ({"Origin": "https://example.com"}, {"Origin": "null"},
                        {"Origin": "http://localhost:3000"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}, {"Host": "rebound.example.com"}):
            status, text = self.post("{}", headers)
            self.assertEqual(status, 403, (headers, text))

    def test_a_body_announced_too_large_is_refused_at_once(self):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
            self.assertTrue(s.recv(4096).startswith(b"HTTP/1.1 413 "))

    def test_pipelined_requests(self):
        head = (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
                b"X-Amz-Target: AWSStepFunctions.ListStateMachines\r\n")
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as s:
            s.sendall((head + b"\r\n{}") * 4 + head + b"Connection: close\r\n\r\n{}")
            answers = b""
            while part := s.recv(65536):
                answers += part
        self.assertEqual(answers.count(b"HTTP/1.1 200 OK"), 5)

    def test_requests_that_are_not_http(self):
        for junk in (b"\x00" * 64, b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\n" +
                     b"".join(b"h%d: %s\r\n" % (n, b"x" * 1000) for n in range(2000))):
            answer = b""
            with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as s:
                try:
                    s.sendall(junk)
                    with contextlib.suppress(OSError):  # already closed by the server
                        s.shutdown(socket.SHUT_WR)
                    while part := s.recv(4096):
                        answer += part
                except ConnectionError:
                    pass  # the server may close the connection at once
            self.assertNotIn(b" 200 ", answer.partition(b"\r\n")[0])
            # The next one is served as if nothing had been.
            self.server.client("stepfunctions").list_state_machines()


if __name__ == "__main__":
    unittest.main()
