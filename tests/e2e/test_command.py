"""The command line: settings, folders and ports that cannot be had, `validate` and `doctor`."""
import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from botocore.exceptions import ReadTimeoutError

from support import BINARY, Server, free_port, wait_until


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.store = os.path.join(cls.server.data, "store")

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_command(self, *words, **variables):
        run = subprocess.run([BINARY, *words], cwd=self.folder, capture_output=True, text=True,
                             timeout=20, env={**os.environ, **variables})
        return run.returncode, run.stdout + run.stderr

    def refused(self, text, *words, **variables):
        code, output = self.run_command(*words, **variables)
        self.assertEqual(code, 2, output)
        self.assertIn(text, output)

    def test_settings_that_are_wrong(self):
        for listen in ("0.0.0.0:0", "[::]:0"):
            self.refused("refusing to listen on", "dev", "--listen", listen)
        self.refused("`missing.toml`", "serve", "--config", "missing.toml")
        self.refused(f"`{self.folder}`", "serve", "--config", str(self.folder))
        (self.folder / "typo.toml").write_text('listn = "127.0.0.1:0"\n')
        self.refused("`listn` in `typo.toml` is no setting; did you mean `listen`?", "serve",
                     "--config", "typo.toml")
        self.refused("`typo.toml`", "serve", "--config", "typo.toml")
        self.refused("RETENTION_DAYS", "serve", LOCKSTEP_RETENTION_DAYS="-1")
        self.refused("LOCKSTEP_LOG", "serve", "--listen", "127.0.0.1:0", LOCKSTEP_LOG="a=[[")
        self.refused("or per crate `engine=debug`", "serve", "--listen", "127.0.0.1:0", "--log",
                     "[")
        for wrong in ("localhost:8083", "127.0.0.1", "127.0.0.1:65536", "8083"):
            self.refused("it has the form 127.0.0.1:8083", "serve", "--listen", wrong)
        self.refused("choose another --data", "serve", "--listen", "127.0.0.1:0", "--data",
                     str(self.folder / "typo.toml"))
        for wrong in ("collector", "collector:4318", "/v1/traces"):
            self.refused("no URL of the form http://HOST:PORT", "serve", "--listen", "127.0.0.1:0",
                         LOCKSTEP_OTLP_ENDPOINT=wrong)
        self.refused("a similar argument exists: '--listen'", "serve", "--lisen", "127.0.0.1:0")

    def test_limits_and_rates(self):
        # On nobody's port: a server that was not refused would not end.
        quiet = ("serve", "--listen", "127.0.0.1:0")
        self.refused("`payload_bytes_max` is 262145, and AWS grants no more than 262144", *quiet,
                     LOCKSTEP_STRICT="true", LOCKSTEP_PAYLOAD_BYTES_MAX="262145")
        self.refused("`calls_max` is 0", *quiet, LOCKSTEP_CALLS_MAX="0")
        self.refused("neither true nor false", *quiet, LOCKSTEP_STRICT="maybe")
        (self.folder / "rates.toml").write_text(
            "[rate_limits]\nStartExecution = { bucket = 5, refill_per_second = 2.5 }\n")
        (self.folder / "wrong.toml").write_text(
            "[rate_limits]\nStartExecutions = { bucket = 5, refill_per_second = 1 }\n")
        self.refused("`StartExecutions` in `rate_limits` is no operation", *quiet,
                     "--config", "wrong.toml")
        self.refused("`on` is no word for it", *quiet, LOCKSTEP_RATE_LIMITS="on")
        code, report = self.run_command("doctor", LOCKSTEP_RATE_LIMITS="aws")
        self.assertIn("rates: AWS's", report)
        code, report = self.run_command("doctor", "--config", "rates.toml",
                                        LOCKSTEP_HISTORY_EVENTS_MAX="30000")
        self.assertEqual(code, 0, report)
        self.assertIn("limits: history_events_max = 30000 (AWS: 25000)", report)
        self.assertIn("rates: StartExecution 5, then 2.5/s", report)
        code, report = self.run_command("doctor", LOCKSTEP_STRICT="true")
        self.assertIn("are AWS's; strict: none is higher than AWS grants", report)
        self.assertIn("rates: calls are not limited", report)
        code, text = self.run_command("dev", "--help")
        self.assertIn("state_machines_max        100000; AWS raises it to 150000", text)

    def test_what_another_server_has(self):
        self.refused("is another server running there?", "serve", "--data", "other",
                     "--listen", f"127.0.0.1:{self.server.port}")
        self.assertFalse((self.folder / "other").exists())
        self.refused("is in use by another Lockstep server", "serve", "--data", self.store,
                     "--listen", "127.0.0.1:0")
        code, report = self.run_command("doctor", "--data", self.store)
        self.assertEqual(code, 0, report)
        self.assertIn("is in use by another Lockstep server", report)

    def test_workers_that_poll_do_not_hold_up_a_stop(self):
        server = Server(LOCKSTEP_POLLERS_PER_ACTIVITY_MAX="3")
        self.addCleanup(server.close)
        server.start()
        states = server.client("stepfunctions", read_timeout=1)
        activity = states.create_activity(name="idle")["activityArn"]
        answers = []
        turned_away = []

        def work():
            patient = server.client("stepfunctions")
            while True:
                try:
                    answers.append(patient.get_activity_task(activityArn=activity))
                    return
                except patient.exceptions.ActivityWorkerLimitExceeded:
                    turned_away.append(1)

        def refused():
            # A place may still be that of a question that has left: then a worker is turned away.
            before = len(turned_away)
            try:
                states.get_activity_task(activityArn=activity)
            except states.exceptions.ActivityWorkerLimitExceeded:
                time.sleep(0.5)
                return len(turned_away) == before
            except ReadTimeoutError:
                return False

        workers = [threading.Thread(target=work) for _ in range(3)]
        for worker in workers:
            worker.start()
        wait_until("all places are taken", refused)
        begun = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - begun, 4)
        for worker in workers:
            worker.join()
        self.assertEqual([answer.get("taskToken") for answer in answers], [None] * 3)

    def test_a_server_whose_output_nobody_reads(self):
        port = free_port()
        reader, writer = os.pipe()
        os.close(reader)
        server = subprocess.Popen([BINARY, "dev", "--listen", f"127.0.0.1:{port}"],
                                  cwd=self.folder, stdout=writer, stderr=subprocess.DEVNULL)
        os.close(writer)

        def answers():
            self.assertIsNone(server.poll(), "the server ended")
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        try:
            wait_until("the server listens", answers)
            # The port is taken first; what is answered comes after everything was opened.
            with urllib.request.urlopen(urllib.request.Request(
                    f"http://127.0.0.1:{port}/", b"{}",
                    {"X-Amz-Target": "AWSStepFunctions.ListStateMachines"}), timeout=20) as answer:
                self.assertEqual(answer.status, 200)
        finally:
            server.terminate()
            self.assertEqual(server.wait(30), 0)

    def test_folders_that_are_none(self):
        (self.folder / "file").write_text("")
        self.refused("`file`", "serve", "--listen", "127.0.0.1:0", "--data", "file")
        junk = self.folder / "junk"
        junk.mkdir()
        (junk / "lockstep.db").write_text("hello, world\n" * 1000)
        self.refused("is damaged", "serve", "--listen", "127.0.0.1:0", "--data", "junk")
        code, report = self.run_command("doctor", "--data", "junk")
        self.assertEqual(code, 1, report)
        self.assertIn("BAD   store:", report)

    def test_validate(self):
        good = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}'
        for text, code, expected in (
                (good, 0, "w.json: valid"),
                (good.replace("Pass", "Map"), 1, "w.json:1:"),
                ("{\n", 1, "w.json:2:1: error INVALID_JSON_DESCRIPTION"),
                ("\udcff", 2, "cannot read the definition `w.json`")):
            (self.folder / "w.json").write_bytes(text.encode("utf-8", "surrogateescape"))
            found, output = self.run_command("validate", "w.json")
            self.assertEqual(found, code, output)
            self.assertIn(expected, output)

    def test_completion(self):
        for shell in ("bash", "zsh", "fish"):
            code, script = self.run_command("completion", shell)
            self.assertEqual(code, 0)
            self.assertIn("validate", script)


if __name__ == "__main__":
    unittest.main()
