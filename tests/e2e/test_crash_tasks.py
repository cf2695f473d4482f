"""kill -9 while others work for an execution, or keep it waiting: it goes on after the restart."""
import json
import threading
import unittest

from support import ServerCase, wait_until


def task(resource, **fields):
    return {"StartAt": "T", "States": {"T": {
        "Type": "Task", "Resource": resource, "End": True, **fields}}}


WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "End": True}}}


class CrashOfTasks(ServerCase):
    def crash(self):
        self.server.kill()
        self.server.start()

    def output(self, execution):
        described = self.ended(execution)
        self.assertEqual(described["status"], "SUCCEEDED", described)
        return json.loads(described["output"])

    def test_activities(self):
        activity = self.states.create_activity(name="work")["activityArn"]
        machine = self.create_machine("worked", task(activity, HeartbeatSeconds=30))
        picked = self.start(machine, {"n": 1})
        first = self.states.get_activity_task(activityArn=activity, workerName="before")
        waiting = self.start(machine, {"n": 2})
        self.crash()
        # The task that was picked up is its worker's still; the other waits for one.
        second = self.states.get_activity_task(activityArn=activity, workerName="after")
        self.assertEqual(json.loads(second["input"]), {"n": 2})
        self.states.send_task_heartbeat(taskToken=first["taskToken"])
        self.crash()
        for token, output in ((first, "1"), (second, "2")):
            self.states.send_task_success(taskToken=token["taskToken"], output=output)
        for execution, worker, output in ((picked, "before", 1), (waiting, "after", 2)):
            self.assertEqual(self.output(execution), output)
            started = [e for e in self.history(execution) if e["type"] == "ActivityStarted"]
            self.assertEqual([e["activityStartedEventDetails"]["workerName"] for e in started],
                             [worker])
            self.check_gapless(execution)

    def test_a_redriven_execution(self):
        activity = self.states.create_activity(name="redriven")["activityArn"]
        branches = [task(activity), {"StartAt": "P", "States": {
            "P": {"Type": "Pass", "Result": "kept", "End": True}}}]
        machine = self.create_machine("redriven", {"StartAt": "Both", "States": {
            "Both": {"Type": "Parallel", "Branches": branches, "End": True}}})
        execution = self.start(machine)
        task_token = self.states.get_activity_task(activityArn=activity)["taskToken"]
        self.states.send_task_failure(taskToken=task_token, error="No")
        self.assertEqual(self.ended(execution)["status"], "FAILED")
        self.crash()
        redriven = self.states.redrive_execution(executionArn=execution, clientToken="a")
        self.crash()
        self.assertEqual(redriven["redriveDate"], self.states.redrive_execution(
            executionArn=execution, clientToken="a")["redriveDate"])
        task_token = self.states.get_activity_task(activityArn=activity)["taskToken"]
        self.crash()
        self.states.send_task_success(taskToken=task_token, output='"made"')
        self.assertEqual(self.output(execution), ["made", "kept"])
        events = self.history(execution)
        self.assertEqual([e["id"] for e in events], list(range(1, len(events) + 1)))
        types = [e["type"] for e in events]
        self.assertEqual((types.count("ExecutionRedriven"), types.count("PassStateEntered")), (1, 1))
        self.assertEqual(self.states.describe_execution(executionArn=execution)["redriveCount"], 1)

    def test_a_nested_execution(self):
        child = self.create_machine("child", WAIT)
        parents = [self.start(self.create_machine(f"parent-{n}", task(
            f"arn:aws:states:::states:startExecution.sync{version}", Parameters={
                "StateMachineArn": child, "Input": {"n": n}})))
            for n, version in enumerate(("", ":2"))]
        wait_until("the children run", lambda: len(self.children(child)) == 2)
        self.crash()
        outputs = [self.output(parent)["Output"] for parent in parents]
        self.assertEqual(outputs, ['{"n":0}', {"n": 1}])
        # The same attempts, made again, found the children they had begun.
        self.assertEqual(len(self.children(child)), 2)
        for parent in parents:
            self.check_gapless(parent)
        # The job of a stopped parent is stopped too, even if the server dies in between.
        slow = self.create_machine("slow-child", {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 600, "End": True}}})
        parent = self.start(self.create_machine("stopped-parent", task(
            "arn:aws:states:::states:startExecution.sync",
            Parameters={"StateMachineArn": slow})))
        [child] = wait_until("the child runs", lambda: self.children(slow))
        self.states.stop_execution(executionArn=parent)
        self.crash()
        self.assertEqual(self.ended(child)["status"], "ABORTED")

    def children(self, machine):
        listed = self.states.list_executions(stateMachineArn=machine)["executions"]
        return [execution["executionArn"] for execution in listed]

    def test_executions_that_wait_for_their_turn(self):
        machine = self.create_machine("one-by-one", WAIT)
        self.states.tag_resource(resourceArn=machine, tags=[
            {"key": "lockstep:maxConcurrency", "value": "1"}])
        executions = [self.start(machine, {"n": n}) for n in range(3)]
        self.crash()
        self.assertEqual([self.output(it) for it in executions], [{"n": n} for n in range(3)])
        spans = []
        for execution in executions:
            times = {e["type"]: e["timestamp"] for e in self.history(execution)}
            spans.append((times["WaitStateEntered"], times["ExecutionSucceeded"]))
        for (_, end), (begin, _) in zip(spans, spans[1:]):
            self.assertLessEqual(end, begin)

    def test_asynchronous_express(self):
        activity = self.states.create_activity(name="of-express")["activityArn"]
        standard = self.create_machine("called", task(activity))
        express = self.states.create_state_machine(
            name="express", type="EXPRESS", roleArn=self.role,
            definition=json.dumps({"StartAt": "W", "States": {
                "W": {"Type": "Wait", "Seconds": 1, "Next": "T"},
                "T": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution",
                      "Parameters": {"StateMachineArn": standard}, "End": True}}}))
        self.states.start_execution(stateMachineArn=express["stateMachineArn"])
        self.crash()
        # Acknowledged, so it runs, from its start if need be.
        self.assertTrue(wait_until("its task was made", lambda: self.children(standard)))

    def test_conflicting_calls(self):
        """Many callers change one machine at once: none gets a 500, and the last text stands."""
        machine = self.create_machine("contended", WAIT)
        texts = [json.dumps({**WAIT, "Comment": str(n)}) for n in range(8)]
        failures, revisions = [], []

        def change(text):
            client = self.server.client("stepfunctions")
            for _ in range(5):
                for call, members in (
                        (client.update_state_machine, {"definition": text, "publish": True}),
                        (client.publish_state_machine_version, {})):
                    try:
                        revisions.append(call(stateMachineArn=machine, **members))
                    except client.exceptions.ConflictException:
                        pass
                    except Exception as error:  # whatever it is, the test tells it
                        failures.append(repr(error))
        callers = [threading.Thread(target=change, args=(text,)) for text in texts]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        self.assertEqual(failures, [])
        self.assertTrue(revisions)
        described = self.states.describe_state_machine(stateMachineArn=machine)
        self.assertIn(described["definition"], texts)
        versions = self.states.list_state_machine_versions(
            stateMachineArn=machine, maxResults=1000)["stateMachineVersions"]
        numbers = [int(v["stateMachineVersionArn"].rsplit(":", 1)[1]) for v in versions]
        self.assertEqual(numbers, list(range(len(numbers), 0, -1)))


if __name__ == "__main__":
    unittest.main()
