"""Functions as deploy tools make them, with the real `aws lambda` commands: layers, versions,
weighted aliases, permissions across accounts, concurrency, configuration of events, waits."""
import base64
import concurrent.futures
import json
import os
import pathlib
import unittest

from support import REGION, ServerCase, allow, make_role, policy, wait_until, zipped

ACCOUNT, OTHER = "000000000000", "111111111111"

CODE = """
import os, time

try:
    from shared import NAME
except ImportError:
    NAME = None

def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return [NAME, os.environ.get("STAGE"), context.function_version]
"""


class CommandsCase(ServerCase):
    @classmethod
    def connect(cls):
        super().connect()
        cls.function_role = cls.create_roles()["functions"]

    def package(self, name, **files):
        path = pathlib.Path(self.server.data) / f"{name}.zip"
        path.write_bytes(zipped({f"{file}.py": text for file, text in files.items()}))
        return f"fileb://{path}"

    def aws(self, command, *words, **more):
        return self.server.aws("lambda", command, *words, **more)

    def make(self, name, *words):
        made = self.aws("create-function", "--function-name", name, "--runtime", "python3.12",
                        "--handler", "app.handler", "--role", self.function_role, "--zip-file",
                        self.package(name, app=CODE), *words)
        self.aws("wait", "function-active-v2", "--function-name", name)
        return made

    def invoke(self, name, event=None, *words, **more):
        """What `aws lambda invoke` prints, and the payload that it writes."""
        out = os.path.join(self.server.data, "out.json")
        told = self.aws("invoke", "--function-name", name, "--payload", json.dumps(event or {}),
                        *words, out, **more)
        return told, pathlib.Path(out).read_text()


class Commands(CommandsCase):
    def test_invoke(self):
        self.make("invoked")
        told, payload = self.invoke("invoked", {}, "--log-type", "Tail")
        self.assertEqual((told["StatusCode"], told["ExecutedVersion"]), (200, "$LATEST"))
        self.assertIn("REPORT RequestId: ", base64.b64decode(told["LogResult"]).decode())
        self.assertEqual(json.loads(payload), [None, None, "$LATEST"])
        told, payload = self.invoke("invoked", {"seconds": "many"})
        self.assertEqual(told["FunctionError"], "Unhandled")
        self.assertEqual(json.loads(payload)["errorType"], "TypeError")
        told, payload = self.invoke("invoked", {}, "--invocation-type", "Event")
        self.assertEqual((told["StatusCode"], payload), (202, ""))
        told, payload = self.invoke("invoked", {}, "--invocation-type", "DryRun")
        self.assertEqual((told["StatusCode"], payload), (204, ""))
        refusal = self.aws("invoke", "--function-name", "nobody", os.devnull, fails=True)
        self.assertIn("ResourceNotFoundException", refusal)
        self.assertIn(f"Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody",
                      refusal)

    def test_layers_versions_and_aliases(self):
        layers = []
        for number in (1, 2):
            path = pathlib.Path(self.server.data) / f"layer{number}.zip"
            path.write_bytes(zipped({"python/shared.py": f"NAME = 'layer {number}'\n"}))
            made = self.aws("publish-layer-version", "--layer-name", "shared", "--zip-file",
                            f"fileb://{path}", "--compatible-runtimes", "python3.12")
            self.assertEqual(made["Version"], number)
            layers.append(made["LayerVersionArn"])
        made = self.make("versioned", "--layers", layers[0], "--publish", "--environment",
                         "Variables={STAGE=blue}")
        self.assertEqual((made["Version"], made["State"]), ("1", "Pending"))
        got = self.aws("get-function", "--function-name", "versioned", "--qualifier", "1")
        self.assertEqual(got["Configuration"]["State"], "Active")
        self.assertEqual([layer["Arn"] for layer in got["Configuration"]["Layers"]], layers[:1])
        self.assertEqual(json.loads(self.invoke("versioned:1")[1]), ["layer 1", "blue", "1"])

        changed = self.aws("update-function-configuration", "--function-name", "versioned",
                           "--layers", layers[1], "--environment", "Variables={STAGE=green}")
        self.assertEqual(changed["LastUpdateStatus"], "InProgress")
        self.aws("wait", "function-updated", "--function-name", "versioned")
        self.aws("wait", "function-updated-v2", "--function-name", "versioned")
        second = self.aws("publish-version", "--function-name", "versioned")
        self.assertEqual(second["Version"], "2")
        # Nothing has changed since: the same version again.
        again = self.aws("publish-version", "--function-name", "versioned")
        self.assertEqual(again["Version"], "2")
        self.assertEqual(json.loads(self.invoke("versioned:1")[1]), ["layer 1", "blue", "1"])
        self.assertEqual(json.loads(self.invoke("versioned:2")[1]), ["layer 2", "green", "2"])

        alias = ("--function-name", "versioned", "--name", "live")
        made = self.aws("create-alias", *alias, "--function-version", "1", "--routing-config",
                        "AdditionalVersionWeights={2=0.5}")
        self.assertEqual(made["AliasArn"],
                         f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:versioned:live")
        versions = [self.functions.invoke(FunctionName="versioned", Qualifier="live")
                    ["ExecutedVersion"] for _ in range(60)]
        # Fewer than 10 of 60 happens once in a hundred million times.
        for version in ("1", "2"):
            self.assertGreaterEqual(versions.count(version), 10, versions)
        self.aws("update-alias", *alias, "--function-version", "2", "--routing-config",
                 "AdditionalVersionWeights={}")
        versions = {self.functions.invoke(FunctionName="versioned:live")["ExecutedVersion"]
                    for _ in range(20)}
        self.assertEqual(versions, {"2"})
        listed = self.aws("list-aliases", "--function-name", "versioned")["Aliases"]
        self.assertEqual([(a["Name"], a["FunctionVersion"]) for a in listed], [("live", "2")])
        refusal = self.aws("delete-function", "--function-name", "versioned", "--qualifier", "2",
                           fails=True)
        self.assertIn("ResourceConflictException", refusal)
        self.aws("delete-function", "--function-name", "versioned", "--qualifier", "1")
        numbers = [v["Version"] for v in self.aws(
            "list-versions-by-function", "--function-name", "versioned")["Versions"]]
        self.assertEqual(numbers, ["$LATEST", "2"])

    def test_concurrency(self):
        self.make("throttled", "--timeout", "30")
        of = ("--function-name", "throttled")
        self.aws("put-function-concurrency", *of, "--reserved-concurrent-executions", "0")
        got = self.aws("get-function-concurrency", *of)
        self.assertEqual(got, {"ReservedConcurrentExecutions": 0})
        refusal = self.aws("invoke", *of, os.devnull, fails=True)
        self.assertIn("(TooManyRequestsException)", refusal)
        self.assertIn("Rate Exceeded.", refusal)
        with self.assertRaises(self.functions.exceptions.TooManyRequestsException) as caught:
            self.functions.invoke(FunctionName="throttled")
        response = caught.exception.response
        self.assertEqual((response["ResponseMetadata"]["HTTPStatusCode"], response["Reason"]),
                         (429, "ReservedFunctionConcurrentInvocationLimitExceeded"))
        # As a state sees it.
        machine = self.create_machine("throttled", {"StartAt": "T", "States": {"T": {
            "Type": "Task", "End": True,
            "Resource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:throttled"}}})
        ended = self.ended(self.start(machine))
        self.assertEqual(ended["error"], "Lambda.TooManyRequestsException")
        self.assertIn("Status Code: 429", ended["cause"])

        self.aws("put-function-concurrency", *of, "--reserved-concurrent-executions", "1")

        def call(_):
            try:
                answer = self.functions.invoke(FunctionName="throttled", Payload='{"seconds": 5}')
            except self.functions.exceptions.TooManyRequestsException:
                return "refused"
            return answer.get("FunctionError", "answered")
        with concurrent.futures.ThreadPoolExecutor(3) as threads:
            outcomes = sorted(threads.map(call, range(3)))
        self.assertEqual(outcomes, ["answered", "refused", "refused"])
        self.aws("delete-function-concurrency", *of)
        self.assertEqual(json.loads(self.invoke("throttled")[1])[2], "$LATEST")

    def test_event_invoke_config(self):
        target = self.make("told")["FunctionArn"]
        self.make("events")
        of = ("--function-name", "events")
        put = self.aws("put-function-event-invoke-config", *of, "--maximum-retry-attempts", "1",
                       "--maximum-event-age-in-seconds", "300", "--destination-config",
                       json.dumps({"OnFailure": {"Destination": target}}))
        got = self.aws("get-function-event-invoke-config", *of)
        self.assertEqual((got["MaximumRetryAttempts"], got["MaximumEventAgeInSeconds"],
                          got["DestinationConfig"]["OnFailure"]), (1, 300, {"Destination": target}))
        self.assertEqual(got["LastModified"], put["LastModified"])
        updated = self.aws("update-function-event-invoke-config", *of,
                           "--maximum-retry-attempts", "0")
        self.assertEqual((updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]),
                         (0, 300))
        # Without a retry its failure is told at once.
        self.invoke("events", {"seconds": "many"}, "--invocation-type", "Event")
        logs = self.server.client("logs")

        def told():
            try:
                events = logs.filter_log_events(logGroupName="/aws/lambda/told",
                                                filterPattern='"START RequestId"')["events"]
            except logs.exceptions.ResourceNotFoundException:
                return False
            return len(events) == 1
        wait_until("the destination was called", told)
        listed = self.aws("list-function-event-invoke-configs", *of)["FunctionEventInvokeConfigs"]
        self.assertEqual(len(listed), 1)
        self.aws("delete-function-event-invoke-config", *of)
        refusal = self.aws("get-function-event-invoke-config", *of, fails=True)
        self.assertIn("ResourceNotFoundException", refusal)

    def test_what_deploy_tools_ask(self):
        """The calls of Terraform and SAM around a function, in their order."""
        made = self.make("deployed", "--tags", "stack=orders")
        of = ("--function-name", "deployed")
        got = self.aws("get-function", *of)
        self.assertEqual((got["Tags"], got["Configuration"]["State"],
                          got["Configuration"]["LastUpdateStatus"]),
                         ({"stack": "orders"}, "Active", "Successful"))
        self.assertEqual(self.aws("list-versions-by-function", *of)["Versions"][0]["Version"],
                         "$LATEST")
        self.assertEqual(self.aws("get-function-code-signing-config", *of)["FunctionName"],
                         "deployed")
        self.assertEqual(self.aws("list-event-source-mappings", *of)["EventSourceMappings"], [])
        refusal = self.aws("get-policy", *of, fails=True)
        self.assertIn("ResourceNotFoundException", refusal)
        changed = self.aws("update-function-code", *of, "--zip-file",
                           self.package("new", app=CODE + "\n"))
        self.assertEqual(changed["LastUpdateStatus"], "InProgress")
        self.assertNotEqual(changed["CodeSha256"], made["CodeSha256"])
        self.aws("wait", "function-updated-v2", *of)
        refusal = self.aws("update-function-code", *of, "--zip-file",
                           self.package("more", app=CODE), "--revision-id", made["RevisionId"],
                           fails=True)
        self.assertIn("PreconditionFailedException", refusal)
        refusal = self.aws("create-function", *of, "--runtime", "python3.12", "--handler",
                           "app.handler", "--role", self.function_role, "--zip-file",
                           self.package("twice", app=CODE), fails=True)
        self.assertIn("ResourceConflictException", refusal)
        self.assertIn("Function already exist: deployed", refusal)
        self.aws("delete-function", *of)
        refusal = self.aws("get-function", *of, fails=True)
        self.assertIn("ResourceNotFoundException", refusal)


class Permissions(CommandsCase):
    """Function policies, between accounts."""

    def client_of(self, account, name, *statements):
        """A role of that account, and a Lambda client with its credentials."""
        administrator = (account, "test", None)
        iam, sts = (self.server.client(service, administrator) for service in ("iam", "sts"))
        trusted = policy({"Effect": "Allow", "Action": "sts:AssumeRole",
                          "Principal": {"AWS": f"arn:aws:iam::{account}:root"}})
        role = make_role(iam, name, trusted, *statements)
        made = sts.assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        keys = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        return role, self.server.client("lambda", keys)

    def test_across_accounts(self):
        arn = self.make("shared")["FunctionArn"]
        of = ("--function-name", "shared")
        role, client = self.client_of(OTHER, "caller", allow("lambda:InvokeFunction", arn))
        _, powerless = self.client_of(OTHER, "powerless")

        def call(client):
            return json.loads(client.invoke(FunctionName=arn, Payload="{}")["Payload"].read())[2]
        message = self.refused("AccessDeniedException", "Invoke", client, FunctionName=arn)
        self.assertIn("because no resource-based policy allows the lambda:InvokeFunction action",
                      message)
        made = self.aws("add-permission", *of, "--statement-id", "others", "--action",
                        "lambda:InvokeFunction", "--principal", OTHER)
        statement = json.loads(made["Statement"])
        self.assertEqual((statement["Sid"], statement["Principal"], statement["Resource"]),
                         ("others", {"AWS": f"arn:aws:iam::{OTHER}:root"}, arn))
        self.assertEqual(call(client), "$LATEST")
        # The account says yes, its role has to as well.
        self.refused("AccessDeniedException", "Invoke", powerless, FunctionName=arn)
        # Invoking is all that was given.
        self.refused("AccessDeniedException", "GetFunction", client, FunctionName=arn)
        got = json.loads(self.aws("get-policy", *of)["Policy"])
        self.assertEqual([s["Sid"] for s in got["Statement"]], ["others"])
        refusal = self.aws("add-permission", *of, "--statement-id", "others", "--action",
                           "lambda:InvokeFunction", "--principal", OTHER, fails=True)
        self.assertIn("ResourceConflictException", refusal)
        self.aws("remove-permission", *of, "--statement-id", "others")
        self.refused("AccessDeniedException", "Invoke", client, FunctionName=arn)
        # To one role alone.
        self.aws("add-permission", *of, "--statement-id", "one", "--action",
                 "lambda:InvokeFunction", "--principal", role)
        self.assertEqual(call(client), "$LATEST")


if __name__ == "__main__":
    unittest.main()
