"""No process of a function outlives the server, however the server ends."""
import collections
import concurrent.futures
import json
import os
import pathlib
import unittest
import uuid

from botocore.exceptions import BotoCoreError

from support import ServerCase, wait_until, zipped

FUNCTIONS = 10
PROCESSES_OF_EACH = 5

# The event says what is left behind, and for how long it sleeps: calls at once make processes.
CODE = """
import os, signal, subprocess, time

def daemon(marker):
    ran, held = os.pipe()
    if os.fork() == 0:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if os.fork() == 0:
            os.execvp("sleep", ["sleep", marker])
        os._exit(0)
    os.wait()
    # Exec closes the pipe: from then on it sleeps.
    os.close(held)
    os.read(ran, 1)
    os.close(ran)

def handler(event, context):
    if event.get("daemon"):
        daemon(event["marker"])
    if event.get("child"):
        subprocess.Popen(["sleep", event["marker"]], start_new_session=True)
    if event.get("stubborn"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    time.sleep(event["seconds"])
    return os.getpid()
"""

Process = collections.namedtuple("Process", "number parent state began command")


def processes():
    """Every process of this machine by number."""
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        number = int(folder.name)
        # `began` tells a process from a later one of the same number.
        found[number] = Process(number, int(stat[1]), stat[0], stat[19], command)
    return found


def below(number):
    """The processes that this one started, and those that they did."""
    everything = processes()
    children = collections.defaultdict(list)
    for process in everything.values():
        children[process.parent].append(process)
    found, todo = [], [number]
    while todo:
        for child in children[todo.pop()]:
            found.append(child)
            todo.append(child.number)
    return found


def left_of(known, marker):
    """Those of `known` that still run, and all that have the marker among their arguments. A zombie
    whose parent was the server has ended; to bury it is up to the machine's first process."""
    now = processes()
    old = {(process.number, process.began) for process in known}
    return [process for process in now.values() if process.state != "Z" and
            ((process.number, process.began) in old or marker.encode() in process.command)]


class Killed(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        role, package = cls.create_roles()["functions"], zipped({"app.py": CODE})
        for number in range(FUNCTIONS):
            cls.functions.create_function(
                FunctionName=f"warm-{number}", Runtime="python3.12", Handler="app.handler",
                Role=role, Code={"ZipFile": package}, Timeout=60)

    def setUp(self):
        # A number of seconds that no other sleep on this machine has.
        self.marker = f"600.{uuid.uuid4().int % 10**12:012}"

    def warm(self):
        """Fifty processes that stand by, some of which left others behind; all there are."""
        client = self.server.client("lambda", read_timeout=120, max_pool_connections=60)

        def call(number):
            event = {"seconds": 2, "marker": self.marker, "daemon": number % 5 == 0,
                     "child": number % 7 == 0}
            answer = client.invoke(FunctionName=f"warm-{number % FUNCTIONS}",
                                   Payload=json.dumps(event))
            self.assertNotIn("FunctionError", answer)
        count = FUNCTIONS * PROCESSES_OF_EACH
        with concurrent.futures.ThreadPoolExecutor(count) as threads:
            list(threads.map(call, range(count)))
        wait_until("what was left behind sleeps", lambda: len(left_of([], self.marker)) == 10 + 8)
        known = below(self.server.process.pid)
        runtimes = [process for process in known if b"/var/runtime/python.py" in process.command]
        self.assertGreaterEqual(len(runtimes), count)
        marked = [process for process in known if self.marker.encode() in process.command]
        self.assertEqual(len(marked), 10 + 8)
        return known

    def stubborn(self):
        """The caller of a function that is in the middle of its work, and heeds no SIGTERM."""
        event = {"marker": self.marker, "daemon": True, "stubborn": True}
        before = len(left_of([], self.marker))
        threads = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(threads.shutdown)
        calling = threads.submit(self.functions.invoke, FunctionName="warm-0",
                                 Payload=json.dumps(event))
        wait_until("it runs", lambda: len(left_of([], self.marker)) > before)
        return calling

    def control_groups(self, known):
        """The control groups of these processes that are a function's."""
        found = set()
        for process in known:
            try:
                lines = pathlib.Path(f"/proc/{process.number}/cgroup").read_text().splitlines()
            except (FileNotFoundError, ProcessLookupError):
                continue
            found |= {part for line in lines for part in line.split("/")
                      if part.startswith("lockstep-functions-")}
        return found

    def check_next_start(self):
        self.server.start()
        answer = self.functions.invoke(FunctionName="warm-1", Payload=json.dumps({"seconds": 0}))
        self.assertTrue(json.loads(answer["Payload"].read()))

    def mounts(self):
        return pathlib.Path("/proc/self/mountinfo").read_text().count(self.server.data)

    def test_kill_9(self):
        self.warm()
        calling = self.stubborn()
        known = below(self.server.process.pid)
        groups = self.control_groups(known)
        self.server.kill()
        with self.assertRaises(BotoCoreError):
            calling.result()
        wait_until("no process is left", lambda: not left_of(known, self.marker), 10)
        self.assertEqual(self.mounts(), 0)
        self.check_next_start()
        # What the dead one could not tidy up, the next one does.
        self.assertFalse(left_of(known, self.marker))
        folders = [os.path.join(parent, name) for parent, names, _ in os.walk("/sys/fs/cgroup")
                   for name in names if name in groups]
        self.assertEqual(folders, [])

    def test_sigterm(self):
        known = self.warm()
        self.assertEqual([process for process in known if process.state == "Z"], [])
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(left_of(known, self.marker), [])
        self.assertEqual(self.mounts(), 0)
        self.check_next_start()

    def test_deleted_functions_leave_nothing(self):
        made = self.create_function("gone", CODE)
        answer = self.functions.invoke(FunctionName="gone", Payload=json.dumps(
            {"seconds": 0, "marker": self.marker, "daemon": True, "child": True}))
        self.assertNotIn("FunctionError", answer)
        # The kernel lets a child's parent go on just before it shows the new program.
        wait_until("what was left behind sleeps", lambda: len(left_of([], self.marker)) == 2)
        self.functions.delete_function(FunctionName=made)
        wait_until("no process is left", lambda: not left_of([], self.marker), 10)


if __name__ == "__main__":
    unittest.main()
