"""Every operation of Step Functions, called by boto3: what they do, not only that they answer."""
import json
import os
import pathlib
import shutil
import socket
import tempfile
import threading
import unittest
import unittest.mock

import boto3
import botocore
import botocore.session

from support import REGION, ROOT, ServerCase, make_role, trust, wait_until

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
ACCOUNT = "000000000000"


class Tour(ServerCase):
    def test_every_operation(self):
        called = set()
        self.states.meta.events.register(
            "before-call.sfn.*", lambda model, **_: called.add(model.name))
        for part in (self.machines, self.tags, self.versions_and_aliases, self.executions,
                     self.activities, self.failures_of_activities, self.redrive, self.express,
                     self.states_alone, self.map_runs, self.pages, self.hosts):
            with self.subTest(part.__name__):
                part()
        self.assertEqual(sorted(self.states.meta.service_model.operation_names), sorted(called))

    # -- state machines ----------------------------------------------------------------------------

    def machines(self):
        states, role = self.states, self.role
        text = json.dumps(PASS)
        checked = states.validate_state_machine_definition(definition=text)
        self.assertEqual((checked["result"], checked["diagnostics"]), ("OK", []))
        first = states.create_state_machine(name="tour", definition=text, roleArn=role)
        again = states.create_state_machine(name="tour", definition=text, roleArn=role)
        self.assertEqual(first["creationDate"], again["creationDate"])
        arn = first["stateMachineArn"]
        self.refused("StateMachineAlreadyExists", "CreateStateMachine", name="tour",
                     definition=json.dumps({**PASS, "Comment": "other"}), roleArn=role)
        described = states.describe_state_machine(stateMachineArn=arn)
        self.assertEqual((described["definition"], described["status"], described["type"]),
                         (text, "ACTIVE", "STANDARD"))
        self.assertNotIn("revisionId", described)
        updated = states.update_state_machine(
            stateMachineArn=arn, definition=json.dumps({**PASS, "Comment": "new"}))
        self.assertEqual(states.describe_state_machine(stateMachineArn=arn)["revisionId"],
                         updated["revisionId"])
        metadata = states.describe_state_machine(stateMachineArn=arn, includedData="METADATA_ONLY")
        self.assertEqual(metadata["definition"], "{}")
        names = [m["name"] for m in states.list_state_machines()["stateMachines"]]
        self.assertIn("tour", names)
        states.delete_state_machine(stateMachineArn=arn)
        wait_until("the machine is gone", lambda: "tour" not in [
            m["name"] for m in states.list_state_machines()["stateMachines"]])
        self.refused("StateMachineDoesNotExist", "DescribeStateMachine", stateMachineArn=arn)

    def tags(self):
        arn = self.create_machine("tagged", PASS)
        self.states.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"},
                                                        {"key": "b", "value": "2"}])
        self.states.untag_resource(resourceArn=arn, tagKeys=["a", "unknown"])
        tags = self.states.list_tags_for_resource(resourceArn=arn)["tags"]
        self.assertEqual(tags, [{"key": "b", "value": "2"}])

    def versions_and_aliases(self):
        states = self.states
        arn = self.create_machine("versioned", {**PASS, "Comment": "1"})
        one = states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
        again = states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
        self.assertEqual((one, again), (f"{arn}:1", f"{arn}:1"))
        two = states.update_state_machine(
            stateMachineArn=arn, definition=json.dumps({**PASS, "Comment": "2"}),
            publish=True, versionDescription="second")["stateMachineVersionArn"]
        self.assertEqual(two, f"{arn}:2")
        listed = states.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
        self.assertEqual([v["stateMachineVersionArn"] for v in listed], [two, one])
        self.assertEqual(json.loads(
            states.describe_state_machine(stateMachineArn=one)["definition"])["Comment"], "1")

        def routes(*weights):
            return [{"stateMachineVersionArn": v, "weight": w} for v, w in weights]
        alias = states.create_state_machine_alias(
            name="live", routingConfiguration=routes((one, 100)))["stateMachineAliasArn"]
        self.assertEqual(alias, f"{arn}:live")
        self.refused("ConflictException", "DeleteStateMachineVersion", stateMachineVersionArn=one)
        execution = self.start(alias)
        described = self.ended(execution)
        self.assertEqual((described["stateMachineArn"], described["stateMachineVersionArn"],
                          described["stateMachineAliasArn"]), (arn, one, alias))
        by_alias = states.list_executions(stateMachineArn=alias)["executions"]
        self.assertEqual([e["executionArn"] for e in by_alias], [execution])
        states.update_state_machine_alias(stateMachineAliasArn=alias,
                                          routingConfiguration=routes((one, 1), (two, 99)))
        described = states.describe_state_machine_alias(stateMachineAliasArn=alias)
        self.assertEqual([r["weight"] for r in described["routingConfiguration"]], [1, 99])
        runs = [self.ended(self.start(alias))["stateMachineVersionArn"] for _ in range(20)]
        self.assertGreater(runs.count(two), 10)
        listed = states.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"]
        self.assertEqual([a["stateMachineAliasArn"] for a in listed], [alias])
        states.delete_state_machine_alias(stateMachineAliasArn=alias)
        self.refused("ResourceNotFound", "DescribeStateMachineAlias", stateMachineAliasArn=alias)
        states.delete_state_machine_version(stateMachineVersionArn=one)
        listed = states.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
        self.assertEqual([v["stateMachineVersionArn"] for v in listed], [two])

    # -- executions --------------------------------------------------------------------------------

    def executions(self):
        states = self.states
        arn = self.create_machine("waiting", {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 600, "End": True}}})
        first = states.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
        again = states.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
        self.assertEqual(first["startDate"], again["startDate"])
        self.refused("ExecutionAlreadyExists", "StartExecution", stateMachineArn=arn, name="one",
                     input="{}")
        execution = first["executionArn"]
        of_execution = states.describe_state_machine_for_execution(executionArn=execution)
        self.assertEqual((of_execution["stateMachineArn"], of_execution["name"]), (arn, "waiting"))
        running = states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
        self.assertEqual([e["executionArn"] for e in running], [execution])
        stopped = states.stop_execution(executionArn=execution, error="Enough", cause="of it")
        described = states.describe_execution(executionArn=execution)
        self.assertEqual(
            (described["status"], described["error"], described["cause"], described["stopDate"]),
            ("ABORTED", "Enough", "of it", stopped["stopDate"]))
        self.refused("ValidationException", "StopExecution", executionArn=execution,
                     error="x" * 257)
        newest = states.get_execution_history(
            executionArn=execution, reverseOrder=True, maxResults=1)
        self.assertEqual(newest["events"][0]["type"], "ExecutionAborted")
        self.assertEqual(len(states.get_execution_history(
            executionArn=execution, reverseOrder=True, nextToken=newest["nextToken"])["events"]), 2)

    # -- activities --------------------------------------------------------------------------------

    def activity_machine(self, name, **fields):
        activity = self.states.create_activity(name=name)["activityArn"]
        return activity, self.create_machine(name, {"StartAt": "A", "States": {"A": {
            "Type": "Task", "Resource": activity, "End": True, **fields}}})

    def activities(self):
        states = self.states
        activity, machine = self.activity_machine("worked", TimeoutSeconds=60, HeartbeatSeconds=30)
        self.assertEqual(states.describe_activity(activityArn=activity)["name"], "worked")
        listed = states.list_activities()["activities"]
        self.assertIn(activity, [a["activityArn"] for a in listed])
        tasks = []
        # The worker waits first, so that the long poll is answered by the task, not found by it.
        client = self.server.client("stepfunctions")
        worker = threading.Thread(target=lambda: tasks.append(
            client.get_activity_task(activityArn=activity, workerName="me")))
        worker.start()
        execution = self.start(machine, {"n": 1})
        worker.join(timeout=20)
        self.assertFalse(worker.is_alive(), "the long poll was not answered")
        [task] = tasks
        self.assertEqual(json.loads(task["input"]), {"n": 1})
        states.send_task_heartbeat(taskToken=task["taskToken"])
        states.send_task_success(taskToken=task["taskToken"], output='{"done": true}')
        self.assertEqual(json.loads(self.ended(execution)["output"]), {"done": True})
        events = self.history(execution)
        self.assertEqual([e["type"] for e in events], [
            "ExecutionStarted", "TaskStateEntered", "ActivityScheduled", "ActivityStarted",
            "ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded"])
        self.assertEqual(events[2]["activityScheduledEventDetails"]["heartbeatInSeconds"], 30)
        self.assertEqual(events[3]["activityStartedEventDetails"]["workerName"], "me")
        self.refused("TaskTimedOut", "SendTaskSuccess", taskToken=task["taskToken"], output="1")
        states.delete_activity(activityArn=activity)
        self.refused("ActivityDoesNotExist", "DescribeActivity", activityArn=activity)
        self.refused("ActivityDoesNotExist", "GetActivityTask", activityArn=activity)

    def failures_of_activities(self):
        activity, machine = self.activity_machine("failing", Retry=[
            {"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}])
        execution = self.start(machine)
        tokens = set()
        for _ in range(2):
            task = self.states.get_activity_task(activityArn=activity)
            tokens.add(task["taskToken"])
            self.states.send_task_failure(
                taskToken=task["taskToken"], error="Busy", cause="not now")
        self.assertEqual(len(tokens), 2)
        described = self.ended(execution)
        self.assertEqual((described["status"], described["error"]), ("FAILED", "Busy"))

    def redrive(self):
        states = self.states
        activity = states.create_activity(name="redriven")["activityArn"]
        machine = self.create_machine("redriven", {"StartAt": "Before", "States": {
            "Before": {"Type": "Pass", "Result": {"kept": 1}, "ResultPath": "$.before",
                       "Next": "A"},
            "A": {"Type": "Task", "Resource": activity, "End": True}}})
        execution = self.start(machine, {"n": 1})
        self.refused("ExecutionNotRedrivable", "RedriveExecution", executionArn=execution)
        task = states.get_activity_task(activityArn=activity)
        states.send_task_failure(taskToken=task["taskToken"], error="No", cause="not yet")
        self.assertEqual(self.ended(execution)["redriveStatus"], "REDRIVABLE")
        date = states.redrive_execution(executionArn=execution, clientToken="a")["redriveDate"]
        self.assertEqual(date, states.redrive_execution(
            executionArn=execution, clientToken="a")["redriveDate"])
        task = states.get_activity_task(activityArn=activity)
        self.assertEqual(json.loads(task["input"]), {"n": 1, "before": {"kept": 1}})
        states.send_task_success(taskToken=task["taskToken"], output="2")
        described = self.ended(execution)
        self.assertEqual((described["status"], described["redriveCount"], described["output"]),
                         ("SUCCEEDED", 1, "2"))
        types = [e["type"] for e in self.history(execution)]
        self.assertEqual(types.count("ExecutionRedriven"), 1)
        self.assertEqual(types.count("PassStateEntered"), 1)
        self.assertEqual(types[-1], "ExecutionSucceeded")

    # -- Express -----------------------------------------------------------------------------------

    def express(self):
        states = self.states
        machine = states.create_state_machine(
            name="quick", type="EXPRESS", roleArn=self.role,
            definition=json.dumps({"StartAt": "P", "States": {
                "P": {"Type": "Pass", "Parameters": {"twice.$": "$.n"}, "End": True}}}),
        )["stateMachineArn"]
        answer = states.start_sync_execution(stateMachineArn=machine, name="x", input='{"n": 4}')
        self.assertEqual((answer["status"], json.loads(answer["output"])),
                         ("SUCCEEDED", {"twice": 4}))
        self.assertRegex(answer["executionArn"], rf":express:quick:x:")
        self.assertGreaterEqual(answer["billingDetails"]["billedMemoryUsedInMB"], 64)
        failed = states.start_sync_execution(stateMachineArn=machine, input="{}")
        self.assertEqual((failed["status"], failed["error"]), ("FAILED", "States.Runtime"))
        started = states.start_execution(stateMachineArn=machine, name="x", input='{"n": 5}')
        self.assertIn(":express:quick:x:", started["executionArn"])
        self.refused("StateMachineTypeNotSupported", "ListExecutions", stateMachineArn=machine)

        def runs():
            answer = self.lockstep("ListExpressExecutions", stateMachineArn=machine)
            ended = [e for e in answer["executions"] if e["status"] != "RUNNING"]
            return ended if len(ended) == 3 else None
        statuses = sorted(e["status"] for e in wait_until("three runs are listed", runs))
        self.assertEqual(statuses, ["FAILED", "SUCCEEDED", "SUCCEEDED"])
        described = self.lockstep("DescribeExpressExecution", executionArn=started["executionArn"])
        self.assertEqual(json.loads(described["output"]), {"twice": 5})
        events = self.lockstep("GetExpressExecutionHistory",
                               executionArn=answer["executionArn"])["events"]
        self.assertEqual([e["type"] for e in events], [
            "ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"])
        standard = self.create_machine("slow", PASS)
        self.refused("StateMachineTypeNotSupported", "StartSyncExecution", stateMachineArn=standard)
        self.assertEqual(self.lockstep("DescribeConcurrency", stateMachineArn=standard)["running"],
                         0)

    def lockstep(self, operation, **members):
        """A call of the service that AWS does not have, by a client made from its model."""
        if not hasattr(self, "lockstep_client"):
            folder = tempfile.TemporaryDirectory()
            self.addCleanup(folder.cleanup)
            place = pathlib.Path(folder.name) / "lockstep" / "2026-01-01"
            place.mkdir(parents=True)
            shutil.copy(ROOT / "models/lockstep.json", place / "service-2.json")
            session = botocore.session.Session()
            session.get_component("data_loader").search_paths.append(folder.name)
            self.lockstep_client = session.create_client(
                "lockstep", REGION, endpoint_url=self.server.endpoint,
                aws_access_key_id="test", aws_secret_access_key="test")
        return getattr(self.lockstep_client, botocore.xform_name(operation))(**members)

    # -- the rest ----------------------------------------------------------------------------------

    def states_alone(self):
        state = json.dumps({"Type": "Choice", "Default": "No", "Choices": [
            {"Variable": "$.n", "NumericGreaterThan": 3, "Next": "Yes"}]})
        self.assertEqual([self.states.test_state(definition=state, input=f'{{"n": {n}}}')["nextState"]
                          for n in (3, 4)], ["No", "Yes"])
        task = json.dumps({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
                           "Parameters": {"FunctionName": "f", "Payload.$": "$"},
                           "ResultSelector": {"got.$": "$.Payload.a"}, "End": True,
                           "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 7}]})
        answer = self.states.test_state(
            definition=task, input='{"n": 1}', inspectionLevel="DEBUG",
            mock={"result": json.dumps({"StatusCode": 200, "Payload": {"a": 2}})})
        self.assertEqual((answer["status"], json.loads(answer["output"])), ("SUCCEEDED", {"got": 2}))
        self.assertEqual(json.loads(answer["inspectionData"]["afterParameters"]),
                         {"FunctionName": "f", "Payload": {"n": 1}})
        answer = self.states.test_state(
            definition=task, mock={"errorOutput": {"error": "Busy", "cause": "c"}})
        self.assertEqual((answer["status"], answer["error"]), ("RETRIABLE", "Busy"))
        self.refused("ValidationException", "TestState", definition=task)

    def map_runs(self):
        execution = self.start(self.create_machine("no-map", PASS))
        self.ended(execution)
        self.assertEqual(self.states.list_map_runs(executionArn=execution)["mapRuns"], [])
        run = f"arn:aws:states:{REGION}:{ACCOUNT}:mapRun:no-map/M:f3a1b1c2"
        self.refused("ResourceNotFound", "DescribeMapRun", mapRunArn=run)
        self.refused("ResourceNotFound", "UpdateMapRun", mapRunArn=run, maxConcurrency=2)

    # -- what the SDK does by itself ---------------------------------------------------------------

    def pages(self):
        """Every list by pages of two, in an account that has nothing else."""
        keys = ("111122223333", "x", None)
        states = self.server.client("stepfunctions", keys=keys)
        role = make_role(self.server.client("iam", keys=keys), "states",
                         trust("states.amazonaws.com"))
        names = [f"m-{n}" for n in range(5)]
        machines = [states.create_state_machine(
            name=name, definition=json.dumps(PASS), roleArn=role)["stateMachineArn"]
            for name in names]
        for name in names:
            states.create_activity(name=name)
        started = [states.start_execution(
            stateMachineArn=machines[0], name=name)["executionArn"] for name in names]
        versions = [states.update_state_machine(
            stateMachineArn=machines[0], publish=True, definition=json.dumps(
                {**PASS, "Comment": name}))["stateMachineVersionArn"] for name in names]
        aliases = [states.create_state_machine_alias(name=name, routingConfiguration=[
            {"stateMachineVersionArn": versions[0], "weight": 100}])["stateMachineAliasArn"]
            for name in names]
        execution = started[0]
        wait_until("it ends", lambda: states.describe_execution(
            executionArn=execution)["status"] == "SUCCEEDED")

        def listed(operation, member, key, size=2, **input):
            """All items of all pages, each page but the last being full."""
            if states.can_paginate(operation):
                found = [page[member] for page in states.get_paginator(operation).paginate(
                    PaginationConfig={"PageSize": size}, **input)]
            else:
                page, found = {"nextToken": None}, []
                while "nextToken" in page:
                    more = {"nextToken": page["nextToken"]} if page["nextToken"] else {}
                    page = getattr(states, operation)(maxResults=size, **input, **more)
                    found.append(page[member])
            self.assertEqual({len(page) for page in found[:-1]} - {size}, set(), operation)
            return [item[key] for page in found for item in page]
        self.assertEqual(listed("list_state_machines", "stateMachines", "name"), names)
        self.assertEqual(listed("list_activities", "activities", "name"), names)
        of_machine = {"stateMachineArn": machines[0]}
        self.assertEqual(listed("list_executions", "executions", "executionArn", **of_machine),
                         started[::-1])
        self.assertEqual(listed("list_state_machine_versions", "stateMachineVersions",
                                "stateMachineVersionArn", **of_machine), versions[::-1])
        self.assertEqual(listed("list_state_machine_aliases", "stateMachineAliases",
                                "stateMachineAliasArn", **of_machine), aliases)
        self.assertEqual(listed("get_execution_history", "events", "id", size=3,
                                executionArn=execution), [1, 2, 3, 4])
        self.assertEqual(listed("get_execution_history", "events", "id", size=3,
                                executionArn=execution, reverseOrder=True), [4, 3, 2, 1])
        self.assertEqual(listed("list_map_runs", "mapRuns", "mapRunArn", executionArn=execution),
                         [])

    def hosts(self):
        """Clients as users make them: two operations go to `sync-` and the endpoint's host, unless
        AWS_DISABLE_HOST_PREFIX_INJECTION says otherwise. No resolver knows that name, so it is
        looked up here; the server must take it as its own."""
        looked_up = []
        resolve = socket.getaddrinfo

        def here(host, *more, **named):
            looked_up.append(host)
            return resolve("127.0.0.1", *more, **named)
        port, variable = self.server.port, "AWS_DISABLE_HOST_PREFIX_INJECTION"
        for host, disabled, expected in [
                ("127.0.0.1", "true", "127.0.0.1"), ("localhost", "true", "localhost"),
                ("127.0.0.1", "false", "sync-127.0.0.1"), ("localhost", "false", "sync-localhost"),
                ("states.us-east-2.localhost", "false", "sync-states.us-east-2.localhost")]:
            with unittest.mock.patch.dict(os.environ, {variable: disabled}):
                states = boto3.session.Session().client(
                    "stepfunctions", endpoint_url=f"http://{host}:{port}", region_name=REGION,
                    aws_access_key_id="test", aws_secret_access_key="test")
            with unittest.mock.patch("socket.getaddrinfo", here):
                tested = states.test_state(definition=json.dumps(
                    {"Type": "Pass", "Result": 7, "Next": "N"}))
                self.assertEqual((tested["status"], tested["output"], looked_up[-1]),
                                 ("SUCCEEDED", "7", expected))
                self.assertIn("quick", [m["name"] for m in
                                        states.list_state_machines()["stateMachines"]])
                self.assertEqual(looked_up[-1], host)
                run = states.start_sync_execution(
                    stateMachineArn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:quick",
                    input='{"n": 1}')
                self.assertEqual((run["status"], json.loads(run["output"])),
                                 ("SUCCEEDED", {"twice": 1}))


if __name__ == "__main__":
    unittest.main()
