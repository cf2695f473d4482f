"""The power is cut at any moment: what was acknowledged, and what a reader was shown, is there.

A server works while every change of its files is recorded. Then the disk is made as a cut would
have left it at many moments of the record, a server is started on each, and asked.
LOCKSTEP_POWER_CUTS=10000 cuts longer.
"""
import concurrent.futures
import json
import os
import random
import shutil
import tempfile
import threading
import time
import unittest

from botocore.exceptions import BotoCoreError, ClientError
from power import Recorded
from power.disk import SYNCED, Disk, records
from support import Server, make_role, allow, trust, wait_until

CUTS = int(os.environ.get("LOCKSTEP_POWER_CUTS", "120"))
SECONDS_OF_WORK = 4
# The newest acknowledgements are in the most danger; of the older ones some are looked at.
NEWEST, OTHERS = 25, 15
SERVERS_AT_A_TIME = 3
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": True}}}


class Work:
    """Callers, and what they were told: (length of the record by then, what to ask, the answer)."""

    def __init__(self, server):
        self.server = server
        self.told = []
        self.states = server.client("stepfunctions")
        role = make_role(server.client("iam"), "states", trust("states.amazonaws.com"), allow("*"))
        self.activity = self.states.create_activity(name="work")["activityArn"]
        task = {"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": self.activity,
                                                 "End": True}}}
        self.machines = {
            name: self.states.create_state_machine(
                name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
            for name, definition in (("pass", PASS), ("wait", WAIT), ("task", task))}
        for arn in self.machines.values():
            self.tell("machine", arn, None)

    def tell(self, question, subject, answer):
        self.told.append((os.stat(self.server.trace).st_size, question, subject, answer))

    def run(self):
        stop = time.monotonic() + SECONDS_OF_WORK
        dice = [random.Random(seed) for seed in range(4)]
        callers = [threading.Thread(target=repeat, args=(stop, step, dice)) for step, dice in
                   zip((self.starts, self.starts, self.stops, self.answers), dice)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()

    def start(self, machine, dice):
        # What does not compress soon fills the log, so that it is moved into the database.
        text = json.dumps({"text": dice.randbytes(dice.choice([10, 1_000, 20_000])).hex()})
        answer = self.states.start_execution(stateMachineArn=self.machines[machine], input=text)
        self.tell("input", answer["executionArn"], text)
        return answer["executionArn"]

    def starts(self, dice):
        self.start("pass", dice)

    def stops(self, dice):
        execution = self.start("wait", dice)
        self.states.stop_execution(executionArn=execution, error="First")
        if dice.random() < 0.5:
            self.tell("error", execution, "First")
            return
        # From here on the first error may be gone.
        self.states.redrive_execution(executionArn=execution)
        self.tell("redrives", execution, 1)
        self.states.stop_execution(executionArn=execution, error="Second")
        self.tell("error", execution, "Second")

    def answers(self, dice):
        execution = self.start("task", dice)
        task = self.states.get_activity_task(activityArn=self.activity)
        output = json.dumps(dice.random())
        self.states.send_task_success(taskToken=task["taskToken"], output=output)
        self.tell("output", execution, output)
        self.tell("shown", execution, events(self.states, execution))


def repeat(stop, step, dice):
    while time.monotonic() < stop:
        step(dice)


def events(states, execution):
    page = states.get_execution_history(executionArn=execution)
    return [(event["id"], event["type"]) for event in page["events"]]


def ask(states, question, subject):
    if question == "machine":
        states.describe_state_machine(stateMachineArn=subject)
        return None
    if question == "shown":
        return events(states, subject)
    found = states.describe_execution(executionArn=subject)
    return {"input": found["input"], "error": found.get("error"),
            "output": found.get("output"), "redrives": found["redriveCount"]}[question]


def problem(states, question, subject, answer):
    """What is wrong with an acknowledgement after a cut; None if nothing is."""
    try:
        found = ask(states, question, subject)
        if question == "output" and found is None:
            # It was taken, and the execution had not ended: it does now.
            found = wait_until("the end", lambda: ask(states, question, subject), 10)
    except (ClientError, AssertionError) as lost:
        return f"{question} of {subject}: {lost}"
    if question == "shown" and found[:len(answer)] == answer:
        return None
    return None if found == answer else f"{question} of {subject}: {found}, was {answer}"


def gaps(states, execution):
    """Whether a history that is there is whole."""
    ids = [number for number, _ in events(states, execution)]
    whole = list(range(1, len(ids) + 1))
    return None if ids == whole else f"history of {execution}: {ids}"


def judge(folder, told, dice):
    """Starts a server on what a cut left; the first problem."""
    server = Server()
    shutil.move(folder, server.store)
    try:
        server.start()
        states = server.client("stepfunctions")
        older = told[:-NEWEST]
        looked_at = told[-NEWEST:] + dice.sample(older, min(OTHERS, len(older)))
        for _, question, subject, answer in looked_at:
            wrong = problem(states, question, subject, answer)
            if wrong:
                return wrong
        listed = [execution["executionArn"] for machine in ("pass", "wait", "task")
                  for execution in newest(states, machine, told)]
        return next(filter(None, (gaps(states, execution) for execution in listed)), None)
    except (AssertionError, BotoCoreError) as error:
        return f"{error}: {server.output()[-1000:]}"
    finally:
        server.kill()
        server.close()


def newest(states, machine, told):
    arn = next((subject for _, question, subject, _ in told
                if question == "machine" and subject.endswith(f":{machine}")), None)
    if arn is None:
        return []
    return states.list_executions(stateMachineArn=arn, maxResults=3)["executions"]


class PowerCut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Recorded().start()
        cls.work = Work(cls.server)
        cls.work.run()
        cls.server.kill()
        cls.records = list(records(cls.server.trace))

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def moments(self, count, dice):
        """Moments of the record, in order: half of them anywhere, half right after a sync."""
        syncs = [at for at, record in enumerate(self.records) if record[1] == SYNCED]
        return sorted([dice.randrange(len(self.records)) for _ in range(count // 2)]
                      + [dice.choice(syncs) for _ in range(count - count // 2)])

    def cut(self, count, seed, is_lying):
        """Cuts the power so often; the problems found, by moment."""
        dice = random.Random(seed)
        disk, played, problems = Disk(is_lying), 0, {}
        under_way = threading.Semaphore(2 * SERVERS_AT_A_TIME)  # folders that wait for a server

        def judged(at, folder, told, dice):
            try:
                found = judge(folder, told, dice)
                if found:
                    problems[at] = found
            finally:
                under_way.release()

        with tempfile.TemporaryDirectory() as folder, \
                concurrent.futures.ThreadPoolExecutor(SERVERS_AT_A_TIME) as pool:
            jobs = []
            for turn, at in enumerate(self.moments(count, dice)):
                for record in self.records[played:at + 1]:
                    disk.play(*record[1:])
                played = at + 1
                told = [told for told in self.work.told if told[0] <= self.records[at][0]]
                under_way.acquire()
                target = os.path.join(folder, str(turn))
                disk.cut(dice, target)
                jobs.append(pool.submit(judged, at, target, told, random.Random(dice.random())))
            for job in jobs:
                job.result()
        return problems

    def test_nothing_acknowledged_is_lost(self):
        self.assertGreater(len(self.work.told), 200)
        problems = self.cut(CUTS, 1, is_lying=False)
        self.assertEqual(problems, {})

    def test_a_disk_that_lies_is_caught(self):
        """A test that finds nothing here would find nothing anywhere."""
        problems = self.cut(6, 2, is_lying=True)
        self.assertGreater(len(problems), 2)


if __name__ == "__main__":
    unittest.main()
