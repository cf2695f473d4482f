"""Metrics: CloudWatch in each of its protocols, what is measured of executions and invocations, and
the page for Prometheus."""
import datetime
import gzip
import json
import math
import os
import pathlib
import re
import socket
import unittest
import urllib.error
import urllib.request

import boto3
import botocore.session
from botocore.config import Config

from support import (REGION, ClosedServer, ServerCase, aws_version_2, free_port,
                     wait_until)

ACCOUNT = "000000000000"
PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")

CODE = """
import json, time

def handler(event, context):
    if event.get("fails"):
        raise ValueError("no")
    if "embedded" in event:
        print(json.dumps({
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [{
                "Namespace": "Shop", "Dimensions": [["Kind"], []],
                "Metrics": [{"Name": "Orders", "Unit": "Count"}]}]},
            "Kind": "book", "Orders": event["embedded"]}))
    return "done"
"""


def around_now():
    """From a while ago until a while ahead: nothing that a test measures lies outside."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return {"StartTime": now - datetime.timedelta(minutes=30),
            "EndTime": now + datetime.timedelta(minutes=5)}


def parsed(page):
    """The samples of a page in OpenMetrics' text format by name and labels, and the types of its
    families; strict, as Prometheus is."""
    assert page.endswith("# EOF\n"), page[-100:]
    samples, types, family = {}, {}, None
    label = r'[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"'
    for line in page.splitlines()[:-1]:
        if found := re.fullmatch(r"# TYPE ([a-z_0-9]+) (counter|gauge|histogram|info)", line):
            family = found[1]
            assert family not in types, f"a second {line}"
            types[family] = found[2]
        elif not re.match(r"# (HELP|UNIT) ", line):
            found = re.fullmatch(rf"([a-z_0-9]+)(?:\{{((?:{label},?)*)\}})? (\S+)", line)
            assert found, line
            assert found[1].startswith(family), f"{line} is not of {family}"
            labels = re.findall(r'([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"', found[2] or "")
            key = (found[1], frozenset(labels))
            assert key not in samples, f"twice: {line}"
            samples[key] = float(found[3])
            assert not math.isnan(samples[key]), line
    return samples, types


class MetricsCase(ServerCase):
    def statistic(self, client, namespace, name, statistic="Sum", **dimensions):
        """A statistic of each minute of the last while."""
        listed = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        answer = client.get_metric_data(**around_now(), MetricDataQueries=[{
            "Id": "it", "MetricStat": {
                "Metric": {"Namespace": namespace, "MetricName": name, "Dimensions": listed},
                "Period": 60, "Stat": statistic}}])
        result, = answer["MetricDataResults"]
        self.assertEqual(result["StatusCode"], "Complete")
        return result["Values"]

    def total(self, *words, **dimensions):
        return sum(self.statistic(self.cloudwatch, *words, **dimensions))


class Metrics(MetricsCase):
    @classmethod
    def connect(cls):
        super().connect()
        cls.cloudwatch = cls.server.client("cloudwatch")

    def client_of(self, protocol):
        """A client that speaks this protocol only: botocore's own model, told so."""
        data = pathlib.Path(botocore.__file__).parent / "data/cloudwatch/2010-08-01"
        packed = data / "service-2.json.gz"
        text = gzip.decompress(packed.read_bytes()) if packed.exists() else (
            data / "service-2.json").read_bytes()
        model = json.loads(text)
        model["metadata"].update(protocol=protocol, protocols=[protocol])
        if protocol == "query":
            model["metadata"].pop("awsQueryCompatible", None)
        folder = pathlib.Path(self.server.data) / protocol / "cloudwatch/2010-08-01"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "service-2.json").write_text(json.dumps(model), encoding="utf-8")
        session = botocore.session.Session()
        session.get_component("data_loader").search_paths.insert(0, str(folder.parents[1]))
        client = boto3.session.Session(botocore_session=session).client(
            "cloudwatch", endpoint_url=self.server.endpoint, region_name=REGION,
            aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False))
        self.assertEqual(client.meta.service_model.resolved_protocol, protocol)
        return client

    def check_own_metrics(self, client, namespace):
        now = datetime.datetime.now(datetime.timezone.utc)
        shop = [{"Name": "Shop", "Value": "ünï ☃"}]
        client.put_metric_data(Namespace=namespace, MetricData=[
            {"MetricName": "Latency", "Unit": "Milliseconds", "Value": 12.5, "Dimensions": shop,
             "Timestamp": now},
            {"MetricName": "Latency", "Unit": "Milliseconds", "Values": [1.0, 100.0],
             "Counts": [3.0, 1.0], "Dimensions": shop, "Timestamp": now},
            {"MetricName": "Sizes", "StatisticValues": {
                "SampleCount": 2, "Sum": 30, "Minimum": 10, "Maximum": 20}, "Timestamp": now}])
        pages = client.get_paginator("list_metrics").paginate(Namespace=namespace)
        listed = [metric for page in pages for metric in page["Metrics"]]
        self.assertEqual(sorted((m["MetricName"], m["Dimensions"]) for m in listed),
                         [("Latency", shop), ("Sizes", [])])
        for statistic, expected in (("Sum", 115.5), ("SampleCount", 5.0), ("Maximum", 100.0),
                                    ("Minimum", 1.0), ("Average", 23.1), ("p50", 1.0)):
            self.assertEqual(self.statistic(client, namespace, "Latency", statistic,
                                            Shop="ünï ☃"), [expected], statistic)
        answer = client.get_metric_statistics(
            **around_now(), Namespace=namespace, MetricName="Sizes", Period=3600,
            Statistics=["Sum", "Maximum"])
        self.assertEqual(answer["Label"], "Sizes")
        points = answer["Datapoints"]
        self.assertEqual((sum(p["Sum"] for p in points), points[0]["Maximum"]), (30.0, 20.0))
        self.assertLess(abs((points[0]["Timestamp"] - now).total_seconds()), 3600)
        math_answer = client.get_metric_data(**around_now(), MetricDataQueries=[
            {"Id": "m", "ReturnData": False, "MetricStat": {
                "Metric": {"Namespace": namespace, "MetricName": "Sizes"},
                "Period": 60, "Stat": "Sum"}},
            {"Id": "e", "Expression": "m * 2 + 1", "Label": "twice"}])
        result, = math_answer["MetricDataResults"]
        self.assertEqual((result["Label"], result["Values"]), ("twice", [61.0]))
        message = self.refused("InvalidParameterCombination", "PutMetricData", client,
                               Namespace=namespace, MetricData=[
                                   {"MetricName": "x", "Value": 1.0, "Values": [1.0]}])
        self.assertIn("mutually exclusive", message)

    def test_every_protocol(self):
        self.check_own_metrics(self.cloudwatch, "Own/default")
        for protocol in PROTOCOLS:
            with self.subTest(protocol=protocol):
                self.check_own_metrics(self.client_of(protocol), f"Own/{protocol}")

    def test_the_commands(self):
        words = ("--namespace", "Own/commands", "--metric-name", "Sold")
        self.server.aws("cloudwatch", "put-metric-data", *words, "--value", "3", "--unit", "Count",
                        "--dimensions", "Shop=a")
        listed = self.server.aws("cloudwatch", "list-metrics", *words)["Metrics"]
        self.assertEqual(listed, [{"Namespace": "Own/commands", "MetricName": "Sold",
                                   "Dimensions": [{"Name": "Shop", "Value": "a"}]}])
        times = {key: value.isoformat() for key, value in around_now().items()}
        got = self.server.aws("cloudwatch", "get-metric-statistics", *words, "--period", "3600",
                              "--start-time", times["StartTime"], "--end-time", times["EndTime"],
                              "--statistics", "Sum", "--dimensions", "Name=Shop,Value=a")
        self.assertEqual(sum(point["Sum"] for point in got["Datapoints"]), 3.0)
        self.assertEqual(got["Datapoints"][0]["Unit"], "Count")

    def test_executions_and_invocations(self):
        function = self.create_function("measured", CODE)
        machine = self.create_machine("measured", {"StartAt": "Call", "States": {"Call": {
            "Type": "Task", "Resource": function, "End": True}}})
        executions = [self.start(machine, {"fails": n == 0}) for n in range(4)]
        for execution in executions:
            self.ended(execution)
        self.functions.invoke(FunctionName="measured", Payload='{"fails": true}')
        of = {"StateMachineArn": machine}
        wait_until("the ends are counted",
                   lambda: self.total("AWS/States", "ExecutionsSucceeded", **of) == 3.0)
        for name, expected in (("ExecutionsStarted", 4.0), ("ExecutionsFailed", 1.0),
                               ("ExecutionsAborted", 0.0), ("ExecutionsTimedOut", 0.0)):
            self.assertEqual(self.total("AWS/States", name, **of), expected, name)
        self.assertEqual(self.total("AWS/States", "ExecutionTime", "SampleCount", **of), 4.0)
        called = {"LambdaFunctionArn": function}
        for name, expected in (("LambdaFunctionsScheduled", 4.0), ("LambdaFunctionsFailed", 1.0),
                               ("LambdaFunctionsSucceeded", 3.0)):
            self.assertEqual(self.total("AWS/States", name, **called), expected, name)
        of = {"FunctionName": "measured"}
        for name, expected in (("Invocations", 5.0), ("Errors", 2.0), ("Throttles", 0.0)):
            self.assertEqual(self.total("AWS/Lambda", name, **of), expected, name)
        durations = self.statistic(self.cloudwatch, "AWS/Lambda", "Duration", "Maximum", **of)
        self.assertTrue(all(0 < duration < 10_000 for duration in durations), durations)
        self.refused("InvalidParameterValue", "PutMetricData", self.cloudwatch,
                     Namespace="AWS/Lambda", MetricData=[{"MetricName": "Errors", "Value": 1}])

        # The page says the same.
        samples, types = parsed(self.page())
        machine_labels = frozenset({"account": ACCOUNT, "region": REGION,
                                    "state_machine_arn": machine}.items())
        self.assertEqual(types["aws_states_executions_started"], "counter")
        self.assertEqual(samples["aws_states_executions_started_total", machine_labels], 4.0)
        self.assertEqual(samples["aws_states_executions_failed_total", machine_labels], 1.0)
        function_labels = {"account": ACCOUNT, "region": REGION, "function_name": "measured"}
        key = frozenset(function_labels.items())
        self.assertEqual(samples["aws_lambda_invocations_total", key], 5.0)
        self.assertEqual(types["aws_lambda_duration_milliseconds"], "histogram")
        self.assertEqual(samples["aws_lambda_duration_milliseconds_count", key], 5.0)
        buckets = sorted((float(dict(labels)["le"]), value) for (name, labels), value
                         in samples.items() if name == "aws_lambda_duration_milliseconds_bucket"
                         and function_labels.items() <= labels)
        self.assertEqual(buckets[-1], (math.inf, 5.0))
        self.assertEqual([value for _, value in buckets], sorted(value for _, value in buckets))
        self.assertEqual(samples["lockstep_open_executions", frozenset()], 0.0)

    def page(self):
        request = urllib.request.Request(self.server.endpoint + "/metrics")
        with urllib.request.urlopen(request, timeout=20) as answer:
            self.assertTrue(answer.headers["Content-Type"].startswith(
                "application/openmetrics-text; version=1.0.0"))
            return answer.read().decode()

    def test_metrics_in_log_lines(self):
        self.create_function("embedded", CODE)
        for count in (2, 40):
            self.functions.invoke(FunctionName="embedded", Payload=json.dumps({"embedded": count}))
        wait_until("both are counted", lambda: self.total("Shop", "Orders", Kind="book") == 42.0)
        self.assertEqual(self.total("Shop", "Orders"), 42.0)
        # The line is in the log as well.
        logs = self.server.client("logs")
        wait_until("its lines", lambda: len(logs.filter_log_events(
            logGroupName="/aws/lambda/embedded", filterPattern="{ $.Orders > 0 }")["events"]) == 2)

    def test_an_orderly_end_keeps_everything(self):
        self.cloudwatch.put_metric_data(Namespace="Own/kept", MetricData=[
            {"MetricName": "Sold", "Value": 7.0}])
        self.server.stop()
        self.server.start()
        self.assertEqual(self.total("Own/kept", "Sold"), 7.0)

    def test_the_command_of_version_2_speaks_query(self):
        program = aws_version_2()
        if program is None:
            self.skipTest("no aws command of version 2")
        self.server.aws("--endpoint-url", self.server.endpoint, "cloudwatch", "put-metric-data",
                        "--namespace", "Own/two", "--metric-name", "Sold", "--value", "1.5",
                        program=program)
        listed = self.server.aws("--endpoint-url", self.server.endpoint, "cloudwatch",
                                 "list-metrics", "--namespace", "Own/two", program=program)
        self.assertEqual([metric["MetricName"] for metric in listed["Metrics"]], ["Sold"])
        self.assertEqual(self.total("Own/two", "Sold"), 1.5)


class OpenServer(ClosedServer):
    """Listens on all addresses of this machine."""

    listen_on = "0.0.0.0"


def own_address():
    """An address of this machine that others could reach; None where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
        return None if address.startswith("127.") else address


class Page(unittest.TestCase):
    """Who may read `/metrics`."""

    def get(self, url):
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()

    def started(self, **variables):
        server = OpenServer(**variables)
        self.addCleanup(server.close)
        return server.start()

    def test_others_need_a_listener_of_its_own(self):
        address = own_address()
        if address is None:
            self.assertNotEqual(os.environ.get("CI"), "true", "a machine with an address is needed")
            print("\nnote: who else may read /metrics is not tested: this machine has no address")
            self.skipTest("no address but loopback")
        server = self.started()
        status, page = self.get(f"{server.endpoint}/metrics")
        self.assertEqual(status, 200)
        parsed(page)
        status, text = self.get(f"http://{address}:{server.port}/metrics")
        self.assertEqual((status, "metrics_listen" in text), (403, True), text)

        port = free_port()
        server = self.started(LOCKSTEP_METRICS_LISTEN=f"0.0.0.0:{port}")
        status, page = self.get(f"http://{address}:{port}/metrics")
        self.assertEqual(status, 200)
        parsed(page)
        # There is nothing else, and the page is nowhere else.
        self.assertEqual(self.get(f"http://127.0.0.1:{port}/")[0], 404)
        status, text = self.get(f"{server.endpoint}/metrics")
        self.assertNotEqual(status, 200, text[:200])


if __name__ == "__main__":
    unittest.main()
