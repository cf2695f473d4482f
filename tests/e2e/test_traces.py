"""Traces over OTLP: a collector gets one trace for each execution, spans for states and attempts, and
functions are told which trace they are part of."""
import http.server
import json
import threading
import unittest

from support import ServerCase, make_role, allow, trust, wait_until, zipped

CODE = """
import os

def handler(event, context):
    return os.environ["_X_AMZN_TRACE_ID"]
"""


class Collector:
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self):
        self.spans = []
        self.headers = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                collector.headers.append((self.path, headers))
                for resource in body["resourceSpans"]:
                    for scope in resource["scopeSpans"]:
                        collector.spans.extend(scope["spans"])
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def of(self, trace):
        return [span for span in self.spans if span["traceId"] == trace]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Traces(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.collector = Collector()
        cls.addClassCleanup(cls.collector.close)
        cls.variables = {"LOCKSTEP_OTLP_ENDPOINT": cls.collector.endpoint,
                         "LOCKSTEP_OTLP_HEADERS": "Authorization=Bearer abc"}
        super().setUpClass()
        iam = cls.server.client("iam")
        role = make_role(iam, "both", trust(["states.amazonaws.com", "lambda.amazonaws.com"]),
                         allow("lambda:InvokeFunction"))
        cls.functions.create_function(
            FunctionName="trace", Runtime="python3.12", Handler="app.handler", Role=role,
            Code={"ZipFile": zipped({"app.py": CODE})})
        definition = {"StartAt": "Ask", "States": {"Ask": {
            "Type": "Task", "End": True,
            "Resource": "arn:aws:lambda:us-east-2:000000000000:function:trace"}}}
        machine = {"definition": json.dumps(definition), "roleArn": role}
        cls.traced = cls.states.create_state_machine(
            name="Traced", tracingConfiguration={"enabled": True}, **machine)["stateMachineArn"]
        cls.untraced = cls.states.create_state_machine(
            name="Untraced", **machine)["stateMachineArn"]

    def run_to_end(self, machine, **more):
        arn = self.states.start_execution(stateMachineArn=machine, **more)["executionArn"]
        return wait_until("the execution has succeeded", lambda: self.succeeded(arn))

    def succeeded(self, arn):
        description = self.states.describe_execution(executionArn=arn)
        return description if description["status"] == "SUCCEEDED" else None

    def trace_of(self, trace):
        wait_until("the trace is whole", lambda: len(self.collector.of(trace)) == 3)
        return {span["name"].split(":")[-1]: span for span in self.collector.of(trace)}

    def test_a_trace_given_goes_on(self):
        trace, parent = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
        header = f"Root=1-{trace[:8]}-{trace[8:]};Parent={parent};Sampled=1"
        ended = self.run_to_end(self.traced, traceHeader=header)
        self.assertEqual(ended["traceHeader"], header)
        spans = self.trace_of(trace)
        execution, state, attempt = spans["Traced"], spans["Ask"], spans["trace"]
        self.assertEqual(execution["parentSpanId"], parent)
        self.assertEqual(state["parentSpanId"], execution["spanId"])
        self.assertEqual(attempt["parentSpanId"], state["spanId"])
        # The function belongs to the attempt.
        told = json.loads(ended["output"])
        self.assertTrue(told.startswith(f"Root=1-{trace[:8]}-{trace[8:]};"), told)
        self.assertIn("Sampled=1", told)
        attributes = {it["key"]: it["value"]["stringValue"] for it in attempt["attributes"]}
        self.assertEqual(attributes["faas.version"], "$LATEST")
        path, headers = self.collector.headers[0]
        self.assertEqual((path, headers["authorization"]), ("/v1/traces", "Bearer abc"))

    def test_a_trace_begins_with_a_traced_execution(self):
        ended = self.run_to_end(self.traced)
        root = ended["traceHeader"].split(";")[0].removeprefix("Root=1-").replace("-", "")
        spans = self.trace_of(root)
        self.assertEqual(spans["Traced"]["parentSpanId"], "")

    def test_others_are_not_traced(self):
        ended = self.run_to_end(self.untraced)
        self.assertNotIn("traceHeader", ended)
        trace = "6759e988bd862e3fe1be46a994272793"
        not_sampled = f"Root=1-{trace[:8]}-{trace[8:]};Sampled=0"
        self.run_to_end(self.traced, traceHeader=not_sampled)
        # Later ones are there; these would be, too.
        self.test_a_trace_begins_with_a_traced_execution()
        self.assertEqual(self.collector.of(trace), [])
        self.assertEqual({span["name"] for span in self.collector.spans} & {"Untraced"}, set())


if __name__ == "__main__":
    unittest.main()
