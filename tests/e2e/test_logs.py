"""CloudWatch Logs: what functions write, the real `aws logs` commands, `aws logs tail --follow`."""
import json
import os
import subprocess
import time
import unittest

from support import (REGION, ClosedServer, ServerCase, allow, aws_version_2, make_role, trust,
                     wait_until)

ACCOUNT = "000000000000"
DAY_MS = 24 * 60 * 60 * 1000

CODE = """
import logging

def charge(event):
    raise KeyError("no such order")

def handler(event, context):
    print("looking at", event.get("order"))
    if event.get("lines"):
        print("one\\ntwo")
        logging.getLogger().error("first\\nsecond")
    if event.get("fails"):
        charge(event)
    return "done"
"""


class FunctionLogs(ServerCase):
    @classmethod
    def connect(cls):
        super().connect()
        cls.logs = cls.server.client("logs")

    def invoke(self, name, **event):
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event))
        return answer["ResponseMetadata"]["RequestId"]

    def messages(self, group, seconds=30):
        """Messages of the group, once an invocation is wholly there."""
        def probe():
            try:
                pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
                found = [event["message"] for page in pages for event in page["events"]]
            except self.logs.exceptions.ResourceNotFoundException:
                return None
            return found if found and is_report(found[-1]) else None
        return wait_until(f"a report in {group}", probe, seconds)

    def test_lines_in_order(self):
        self.create_function("charge", CODE)
        group = "/aws/lambda/charge"
        self.refused("ResourceNotFoundException", "GetLogEvents", self.logs, logGroupName=group,
                     logStreamName="none")
        request = self.invoke("charge", order=17, fails=True)
        start_init, start, printed, error, end, report = self.messages(group)
        self.assertTrue(start_init.startswith("INIT_START Runtime Version: python"), start_init)
        self.assertEqual(start, f"START RequestId: {request} Version: $LATEST\n")
        self.assertEqual(printed, "looking at 17\n")
        self.assertEqual(end, f"END RequestId: {request}\n")
        self.assertRegex(report, rf"^REPORT RequestId: {request}\tDuration: \d+\.\d\d ms\tBilled "
                                 r"Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\t"
                                 r"Init Duration: \d+\.\d\d ms\t\n$")
        # One event, as AWS's runtimes keep it.
        lines = error.replace("\u00a0", " ").splitlines()
        self.assertEqual(lines[0], "[ERROR] KeyError: 'no such order'")
        self.assertEqual(lines[1], "Traceback (most recent call last):")
        self.assertRegex(lines[2], r'^ +File "/var/task/app.py", line 13, in handler$')
        self.assertIn('File "/var/task/app.py", line 5, in charge', error.replace("\u00a0", " "))

        found, = self.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
        self.assertEqual((found["arn"], found["logGroupArn"]), (f"{arn}:*", arn))
        stream, = self.logs.describe_log_streams(logGroupName=group)["logStreams"]
        self.assertRegex(stream["logStreamName"], r"^\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}$")
        # A warm one writes on, into the same stream.
        self.invoke("charge", order=18)
        self.assertEqual(len(self.logs.describe_log_streams(logGroupName=group)["logStreams"]), 1)
        wait_until("its lines", lambda: "looking at 18\n" in self.messages(group))
        self.assertEqual(sum(map(is_report, self.messages(group))), 2)

    def test_several_lines(self):
        self.create_function("lines", CODE)
        request = self.invoke("lines", lines=True)
        texts = self.messages("/aws/lambda/lines")
        self.assertEqual("".join(texts[3:5]), "one\ntwo\n")
        # Every line that a handler logged is there, and says whose it is.
        self.assertRegex("".join(texts[5:-2]), rf"^\[ERROR\]\t[^\t]+Z\t{request}\tfirst\nsecond\n$")

    def test_json_format(self):
        self.create_function("structured", CODE, LoggingConfig={
            "LogFormat": "JSON", "LogGroup": "/of/its/own", "ApplicationLogLevel": "INFO"})
        request = self.invoke("structured", lines=True, fails=True)

        def probe():
            try:
                events = self.logs.filter_log_events(logGroupName="/of/its/own")["events"]
            except self.logs.exceptions.ResourceNotFoundException:
                return None
            found = [event["message"] for event in events]
            return found if any("platform.report" in message for message in found) else None
        texts = wait_until("a report", probe)
        records = [json.loads(text) for text in texts if text.startswith("{")]
        platform = [record for record in records if "type" in record]
        self.assertEqual([record["type"] for record in platform],
                         ["platform.initStart", "platform.start", "platform.runtimeDone",
                          "platform.report"])
        self.assertEqual({record["record"].get("requestId") for record in platform[1:]}, {request})
        logged = [record for record in records if "level" in record]
        self.assertEqual({record["requestId"] for record in logged}, {request})
        self.assertIn("first\nsecond", [record["message"] for record in logged])
        raised = next(record for record in records if "errorType" in record)
        self.assertEqual((raised["errorType"], raised["errorMessage"], raised["requestId"]),
                         ("KeyError", "'no such order'", request))
        self.assertIn("/var/task/app.py", json.dumps(raised["stackTrace"]))

    def test_tail_follows(self):
        program = aws_version_2()
        if program is None:
            print("\nnote: `aws logs tail --follow` is not tested: no aws command of version 2; "
                  "tests/setup installs it")
            self.skipTest("no aws command of version 2")
        self.create_function("tailed", CODE)
        self.invoke("tailed", order="before")
        self.messages("/aws/lambda/tailed")
        shown = os.path.join(self.server.data, "tail.log")
        with open(shown, "wb") as output:
            tail = subprocess.Popen(
                [program, "--endpoint-url", self.server.endpoint, "logs", "tail",
                 "/aws/lambda/tailed", "--follow", "--since", "1h"], stdout=output, stderr=output,
                env={**self.server.environment(), "PYTHONUNBUFFERED": "1"})

        def printed(text):
            self.assertIsNone(tail.poll(), "tail must not end by itself")
            with open(shown, encoding="utf-8") as lines:
                return text in lines.read()
        try:
            wait_until("what was there", lambda: printed("looking at before"), 60)
            for order in ("first", "second"):
                self.invoke("tailed", order=order)
                wait_until("what came", lambda order=order: printed(f"looking at {order}"), 60)
        finally:
            tail.terminate()
            tail.wait(timeout=30)
        with open(shown, encoding="utf-8") as lines:
            told = [line.split("looking at ")[1].strip() for line in lines if "looking at" in line]
        self.assertEqual(told, ["before", "first", "second"], "each once, in order")


class RolesWithoutRights(ServerCase):
    server_class = ClosedServer

    def test_the_servers_log_names_what_is_missing(self):
        logs = self.server.client("logs")
        role = make_role(self.iam, "silent", trust("lambda.amazonaws.com"),
                         allow("logs:CreateLogGroup"))
        self.create_function("silent", CODE, role=role)
        answer = self.functions.invoke(FunctionName="silent", Payload="{}", LogType="Tail")
        self.assertEqual((answer["StatusCode"], "LogResult" in answer), (200, True))
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/silent"
        statement = ('{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream",'
                     f'"logs:PutLogEvents"],"Resource":"{group}:*"}}')
        output = wait_until("the warning", lambda: (
            lambda text: text if "is not kept" in text else None)(self.server.output()))
        self.assertIn(statement, output.replace('\\"', '"'))
        self.assertIn(role, output)
        self.assertEqual(logs.describe_log_groups()["logGroups"], [])

        # With that very statement its next process writes.
        self.iam.put_role_policy(RoleName="silent", PolicyName="logs", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [json.loads(statement)]}))
        self.functions.update_function_configuration(FunctionName="silent", Description="again")
        self.functions.get_waiter("function_updated_v2").wait(FunctionName="silent")
        self.functions.invoke(FunctionName="silent", Payload="{}")
        wait_until("its log group", lambda: logs.describe_log_groups()["logGroups"])
        self.assertEqual(self.server.output().count("is not kept"), 1)


class Commands(ServerCase):
    """The `aws logs` commands over one group."""

    def group(self, name, *events):
        """A group with one stream `s` of these events: how old (ms), and their text."""
        self.server.aws("logs", "create-log-group", "--log-group-name", name)
        self.server.aws("logs", "create-log-stream", "--log-group-name", name,
                        "--log-stream-name", "s")
        now = int(time.time() * 1000)
        self.put(name, [{"timestamp": now - age, "message": text} for age, text in events])
        return now

    def put(self, group, events):
        return self.server.aws("logs", "put-log-events", "--log-group-name", group,
                               "--log-stream-name", "s", "--log-events", json.dumps(events))

    def filtered(self, group, *words):
        found = self.server.aws("logs", "filter-log-events", "--log-group-name", group, *words)
        return [event["message"] for event in found["events"]]

    def test_put_get_filter(self):
        now = self.group("/put", (3000, "ERROR: disk full"), (2000, '{"level":"WARN","code":7}'),
                         (1000, "GET /index 404 12"), (0, "ERRORS none, ünï ☃"))
        got = self.server.aws("logs", "get-log-events", "--log-group-name", "/put",
                              "--log-stream-name", "s", "--start-from-head", "--limit", "3")
        self.assertEqual([event["timestamp"] for event in got["events"]],
                         [now - 3000, now - 2000, now - 1000])
        rest = self.server.aws("logs", "get-log-events", "--log-group-name", "/put",
                               "--log-stream-name", "s", "--next-token", got["nextForwardToken"])
        self.assertEqual([event["message"] for event in rest["events"]], ["ERRORS none, ünï ☃"])
        end = self.server.aws("logs", "get-log-events", "--log-group-name", "/put",
                              "--log-stream-name", "s", "--next-token", rest["nextForwardToken"])
        self.assertEqual((end["events"], end["nextForwardToken"]), ([], rest["nextForwardToken"]))
        for pattern, expected in (
                ("ERROR", ["ERROR: disk full", "ERRORS none, ünï ☃"]),
                ("ERROR -none", ["ERROR: disk full"]),
                ("?disk ?GET", ["ERROR: disk full", "GET /index 404 12"]),
                ('{ $.code >= 7 && $.level = "W*" }', ['{"level":"WARN","code":7}']),
                ("[verb, path, status = 4*, bytes < 100]", ["GET /index 404 12"]),
                ("%d[a-z]sk%", ["ERROR: disk full"])):
            self.assertEqual(self.filtered("/put", "--filter-pattern", pattern), expected, pattern)
        between = ("--start-time", str(now - 2000), "--end-time", str(now - 1000))
        self.assertEqual(len(self.filtered("/put", *between)), 2)
        # The command pages by itself; a small page must not lose or repeat an event.
        self.assertEqual(self.filtered("/put", "--page-size", "1"), self.filtered("/put"))
        refusal = self.server.aws("logs", "filter-log-events", "--log-group-name", "/put",
                                  "--filter-pattern", "{ $.code", fails=True)
        self.assertIn("InvalidParameterException", refusal)
        refusal = self.server.aws("logs", "get-log-events", "--log-group-name", "/none",
                                  "--log-stream-name", "s", fails=True)
        self.assertIn("The specified log group does not exist.", refusal)

    def test_retention(self):
        hour = 60 * 60 * 1000
        self.group("/retention", (DAY_MS + hour, "of yesterday"), (hour + 10, "of today"))
        self.assertEqual(self.filtered("/retention"), ["of yesterday", "of today"])
        self.server.aws("logs", "put-retention-policy", "--log-group-name", "/retention",
                        "--retention-in-days", "1")
        self.assertEqual(self.filtered("/retention"), ["of today"])
        got = self.server.aws("logs", "get-log-events", "--log-group-name", "/retention",
                              "--log-stream-name", "s", "--start-from-head")
        self.assertEqual([event["message"] for event in got["events"]], ["of today"])
        now = int(time.time() * 1000)
        put = self.put("/retention", [{"timestamp": now - DAY_MS - hour, "message": "late"}])
        self.assertEqual(put["rejectedLogEventsInfo"], {"expiredLogEventEndIndex": 1})
        refusal = self.server.aws("logs", "put-retention-policy", "--log-group-name", "/retention",
                                  "--retention-in-days", "2", fails=True)
        self.assertIn("InvalidParameterException", refusal)
        self.server.aws("logs", "delete-retention-policy", "--log-group-name", "/retention")
        found, = self.server.aws("logs", "describe-log-groups", "--log-group-name-prefix",
                                 "/retention")["logGroups"]
        self.assertNotIn("retentionInDays", found)

    def test_tags_in_both_forms(self):
        arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/tags"
        self.server.aws("logs", "create-log-group", "--log-group-name", "/tags", "--tags", "a=1")
        self.server.aws("logs", "tag-log-group", "--log-group-name", "/tags", "--tags", "b=2")
        self.server.aws("logs", "tag-resource", "--resource-arn", arn, "--tags", "c=3")
        for words in (("list-tags-log-group", "--log-group-name", "/tags"),
                      ("list-tags-for-resource", "--resource-arn", arn)):
            listed = self.server.aws("logs", *words)
            self.assertEqual(listed["tags"], {"a": "1", "b": "2", "c": "3"})
        self.server.aws("logs", "untag-log-group", "--log-group-name", "/tags", "--tags", "a")
        self.server.aws("logs", "untag-resource", "--resource-arn", arn, "--tag-keys", "b")
        left = self.server.aws("logs", "list-tags-for-resource", "--resource-arn", arn)
        self.assertEqual(left["tags"], {"c": "3"})

    def test_subscription_filters_are_refused_by_name(self):
        self.server.aws("logs", "create-log-group", "--log-group-name", "/subscribed")
        refusal = self.server.aws(
            "logs", "put-subscription-filter", "--log-group-name", "/subscribed", "--filter-name",
            "f", "--filter-pattern", "", "--destination-arn",
            f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f", fails=True)
        self.assertRegex(refusal, "(?i)PutSubscriptionFilter|subscription filter")
        listed = self.server.aws("logs", "describe-subscription-filters", "--log-group-name",
                                 "/subscribed")
        self.assertEqual(listed["subscriptionFilters"], [])


def is_report(message):
    return message.startswith("REPORT RequestId: ")


if __name__ == "__main__":
    unittest.main()
