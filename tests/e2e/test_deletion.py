"""DeleteStateMachine: what runs ends at its next transition, also over kill -9 at any moment."""
import random
import time
import unittest

from botocore.exceptions import ClientError

from support import ServerCase, wait_until

WAITS = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3, "Next": "B"},
                                    "B": {"Type": "Wait", "Seconds": 600, "End": True}}}


class Deletion(ServerCase):
    def status(self, machine):
        try:
            return self.states.describe_state_machine(stateMachineArn=machine)["status"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    def listed(self):
        return [it["name"] for page in
                self.states.get_paginator("list_state_machines").paginate()
                for it in page["stateMachines"]]

    def test_a_deletion_goes_on_after_kill_9(self):
        machines = [self.create_machine(f"deleted-{n}", WAITS) for n in range(3)]
        kept = self.create_machine("kept", WAITS)
        executions = [self.start(machine, {"n": n}) for n in range(4) for machine in machines]
        other = self.start(kept)
        for machine in machines:
            self.states.delete_state_machine(stateMachineArn=machine)
        for machine in machines:
            self.assertEqual(self.status(machine), "DELETING")
            self.refused("StateMachineDeleting", "StartExecution", stateMachineArn=machine)
        for _ in range(4):
            time.sleep(random.uniform(0.2, 0.8))
            self.server.kill()
            self.server.start()
            for machine in machines:
                if self.status(machine) == "DELETING":
                    self.refused("StateMachineDeleting", "StartExecution", stateMachineArn=machine)
        for execution in executions:
            self.assertEqual(self.ended(execution)["status"], "ABORTED")
            self.check_gapless(execution)
            types = [event["type"] for event in self.history(execution)]
            self.assertEqual(types, ["ExecutionStarted", "WaitStateEntered", "WaitStateExited",
                                     "ExecutionAborted"])
        wait_until("nobody looks, and the machines are gone",
                   lambda: not [name for name in self.listed() if name.startswith("deleted-")])
        for machine in machines:
            self.assertEqual(self.status(machine), "StateMachineDoesNotExist")
        self.assertEqual(self.create_machine("deleted-0", WAITS), machines[0])
        self.start(machines[0])
        self.assertEqual(self.states.describe_execution(executionArn=other)["status"], "RUNNING")

    def test_killed_in_the_middle_of_deletions(self):
        for number in range(5):
            machine = self.create_machine(f"cut-{number}", WAITS)
            execution = self.start(machine)
            if number % 2:
                self.states.stop_execution(executionArn=execution)
            self.states.delete_state_machine(stateMachineArn=machine)
            self.server.kill()
            self.server.start()
            expected = "StateMachineDoesNotExist" if number % 2 else "DELETING"
            self.assertEqual(self.status(machine), expected)
            if number % 2 == 0:
                self.states.stop_execution(executionArn=execution)
            self.assertEqual(self.status(machine), "StateMachineDoesNotExist")


if __name__ == "__main__":
    unittest.main()
