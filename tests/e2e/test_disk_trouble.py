"""A disk that is full, or fails for a while: nothing is acknowledged meanwhile, nothing that was is
lost, and the server goes on by itself once the trouble is over."""
import errno
import json
import os
import threading
import time
import unittest

from botocore.exceptions import ClientError
from power import Recorded
from support import ServerCase, wait_until

TROUBLES = {
    "no space": (f"w {errno.ENOSPC}", "no space is left for the store"),
    "writes fail": (f"w {errno.EIO}", "disk I/O error"),
    "syncs fail": (f"s {errno.EIO}", "disk I/O error"),
}
WAIT = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 1, "End": True}}}


class Callers:
    """Threads that start executions until they are told to stop."""

    def __init__(self, server, machine):
        self.server, self.machine = server, machine
        self.acknowledged, self.errors = [], []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.call) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def call(self):
        client = self.server.client("stepfunctions")
        while not self.stopped.is_set():
            try:
                answer = client.start_execution(stateMachineArn=self.machine)
                self.acknowledged.append(answer["executionArn"])
            except ClientError as error:
                self.errors.append(error.response)
            time.sleep(0.01)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def more(self, counted):
        """Waits until what is counted has grown by ten."""
        before = len(counted)
        wait_until("ten more answers", lambda: len(counted) >= before + 10)


class DiskTrouble(ServerCase):
    server_class = Recorded

    def test_trouble_passes(self):
        for name, (trouble, text) in TROUBLES.items():
            with self.subTest(name):
                self.check(f"machine-{trouble.replace(' ', '-')}", trouble, text)

    def check(self, name, trouble, text):
        callers = Callers(self.server, self.create_machine(name, json.dumps(WAIT)))
        try:
            callers.more(callers.acknowledged)
            with open(self.server.trouble, "w", encoding="ascii") as file:
                file.write(trouble)
            callers.more(callers.errors)
            told = len(callers.acknowledged)
            callers.more(callers.errors)
            self.assertEqual(len(callers.acknowledged), told)
            os.remove(self.server.trouble)
            callers.more(callers.acknowledged)
        finally:
            callers.stop()
        for error in callers.errors:
            self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 500)
            self.assertIn(text, error["Error"]["Message"])
        # Those that stood in a state during the trouble go on too.
        for execution in callers.acknowledged:
            self.assertEqual(self.ended(execution)["status"], "SUCCEEDED")
        self.server.kill()
        self.server.start()
        for execution in callers.acknowledged:
            found = self.states.describe_execution(executionArn=execution)
            self.assertEqual(found["status"], "SUCCEEDED")
        self.check_gapless(callers.acknowledged[-1])


if __name__ == "__main__":
    unittest.main()
