"""kill -9 while waits, retries and slow functions are in flight: everything goes on and ends."""
import json
import random
import threading
import time
import unittest

from support import ServerCase

SLOW = "import time\n\ndef handler(event, context):\n    time.sleep(2)\n    return event\n"
FAILING = "def handler(event, context):\n    raise KeyError('again')\n"


class Crash(ServerCase):
    def machines(self):
        slow = self.create_function("slow", SLOW, Timeout=30)
        failing = self.create_function("failing", FAILING)
        retry = [{"ErrorEquals": ["KeyError"], "IntervalSeconds": 1, "MaxAttempts": 3,
                  "BackoffRate": 1.5}]
        catch = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
        done = {"Done": {"Type": "Succeed"}}
        return [self.create_machine(name, {"StartAt": "A", "States": {**states, **done}})
                for name, states in (
                    ("wait", {"A": {"Type": "Wait", "Seconds": 3, "Next": "B"},
                              "B": {"Type": "Wait", "Seconds": 1, "Next": "Done"}}),
                    ("slow", {"A": {"Type": "Task", "Resource": slow, "Next": "Done"}}),
                    ("retry", {"A": {"Type": "Task", "Resource": failing, "Next": "Done",
                                     "Retry": retry, "Catch": catch}}),
                    ("pass", {"A": {"Type": "Pass", "Next": "Done"}}))]

    def test_everything_in_flight_goes_on(self):
        machines = self.machines()
        executions = [self.start(m, {"n": n}) for n in range(5) for m in machines]
        for pause in (0.7, 1.1, 0.4):
            time.sleep(pause)
            self.server.kill()
            self.server.start()
        for execution in executions:
            self.assertEqual(self.ended(execution, 60)["status"], "SUCCEEDED")
            self.check_gapless(execution)

    def test_no_acknowledged_start_is_lost(self):
        machine = self.create_machine("acknowledged", {"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Wait", "Seconds": 1, "End": True}}})
        acknowledged, stop = [], threading.Event()

        def caller(number):
            client = self.server.client("stepfunctions")
            count = 0
            while not stop.is_set():
                count += 1
                try:
                    answer = client.start_execution(
                        stateMachineArn=machine, name=f"c{number}-{count}",
                        input=json.dumps({"n": count}))
                    acknowledged.append(answer["executionArn"])
                except Exception:  # the server is down at times: that start was not acknowledged
                    time.sleep(0.02)

        callers = [threading.Thread(target=caller, args=(n,)) for n in range(6)]
        for thread in callers:
            thread.start()
        chance = random.Random(7)
        for _ in range(5):
            time.sleep(0.3 + chance.random() / 2)
            self.server.kill()
            self.server.start()
        stop.set()
        for thread in callers:
            thread.join()
        self.assertGreater(len(acknowledged), 100)
        for execution in acknowledged:
            self.assertEqual(self.ended(execution, 60)["status"], "SUCCEEDED")
        for execution in chance.sample(acknowledged, 50):
            self.check_gapless(execution)

    def test_a_graceful_stop_ends_at_once_and_loses_nothing(self):
        machine = self.create_machine("graceful", {"StartAt": "A", "States": {
            "A": {"Type": "Wait", "Seconds": 2, "End": True}}})
        execution = self.start(machine)
        started = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - started, 10)
        self.server.start()
        self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")


if __name__ == "__main__":
    unittest.main()
