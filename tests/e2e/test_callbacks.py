"""Task tokens answered from another process, heartbeats, and what comes too late."""
import json
import unittest

from support import ServerCase, wait_until

# The function leaves its token where another process finds it: in its log.
LEAVE = "def handler(event, context):\n    print('token of', event['asked'], event['token'])\n"


class Callbacks(ServerCase):
    asked = 0

    def machine(self, name, **fields):
        try:
            self.create_function("leave", LEAVE)
        except self.functions.exceptions.ResourceConflictException:
            pass
        return self.create_machine(name, {"StartAt": "Ask", "States": {"Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "leave", "Payload": {
                "asked.$": "$.asked", "token.$": "$$.Task.Token"}}, "End": True, **fields}}})

    def ask(self, machine):
        Callbacks.asked += 1
        asked = f"a{Callbacks.asked}"
        execution = self.start(machine, {"asked": asked})
        logs = self.server.client("logs")

        def token():
            try:
                events = logs.filter_log_events(logGroupName="/aws/lambda/leave",
                                                filterPattern=f'"token of {asked} "')["events"]
            except logs.exceptions.ResourceNotFoundException:
                return None
            return events[0]["message"].split()[-1] if events else None
        return execution, wait_until("the function has left its token", token)

    def too_late(self, token):
        for call, more in ((self.states.send_task_success, {"output": "1"}),
                           (self.states.send_task_failure, {}),
                           (self.states.send_task_heartbeat, {})):
            with self.assertRaises(self.states.exceptions.TaskTimedOut):
                call(taskToken=token, **more)

    def test_success_from_another_process(self):
        execution, token = self.ask(self.machine("success"))
        self.server.aws("stepfunctions", "send-task-success", "--task-token", token,
                        "--task-output", '{"done": true}')
        self.assertEqual(json.loads(self.ended(execution)["output"]), {"done": True})
        self.assertEqual(self.check_gapless(execution), [
            "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted",
            "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"])
        self.too_late(token)

    def test_failure_after_a_crash(self):
        execution, token = self.ask(self.machine("failure"))
        self.server.kill()
        self.server.start()
        self.states.send_task_failure(taskToken=token, error="Refused", cause="by hand")
        ended = self.ended(execution)
        self.assertEqual((ended["status"], ended["error"], ended["cause"]),
                         ("FAILED", "Refused", "by hand"))
        self.check_gapless(execution)

    def test_heartbeats_keep_it_alive_and_their_absence_ends_it(self):
        machine = self.machine("heartbeat", HeartbeatSeconds=4)
        alive, token = self.ask(machine)
        silent, _ = self.ask(machine)

        def beat():
            self.states.send_task_heartbeat(taskToken=token)
            ended = self.states.describe_execution(executionArn=silent)
            return ended if ended["status"] != "RUNNING" else None
        ended = wait_until("the silent one ends", beat)
        self.assertEqual(self.states.describe_execution(executionArn=alive)["status"], "RUNNING")
        self.assertEqual((ended["status"], ended["error"]), ("FAILED", "States.Timeout"))
        self.assertIn("TaskTimedOut", self.check_gapless(silent))
        self.states.send_task_success(taskToken=token, output="1")
        self.assertEqual(self.ended(alive)["output"], "1")

    def test_a_stopped_execution_takes_no_answer(self):
        execution, token = self.ask(self.machine("stopped"))
        self.states.stop_execution(executionArn=execution)
        self.too_late(token)
        self.assertEqual(self.check_gapless(execution)[-1], "ExecutionAborted")

    def test_tokens_that_are_none(self):
        execution, token = self.ask(self.machine("tokens"))
        for forged in ("x", token[:-8], token[8:], token + "AAAA", "", "\u2603"):
            with self.assertRaises(Exception) as caught:
                self.states.send_task_success(taskToken=forged, output="1")
            code = caught.exception.response["Error"]["Code"]
            self.assertIn(code, ("InvalidToken", "TaskDoesNotExist"), forged)
        with self.assertRaises(self.states.exceptions.InvalidOutput):
            self.states.send_task_success(taskToken=token, output="{")
        self.states.send_task_success(taskToken=token, output='"still there"')
        self.assertEqual(self.ended(execution)["output"], '"still there"')


if __name__ == "__main__":
    unittest.main()
