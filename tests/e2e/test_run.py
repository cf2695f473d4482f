"""`lockstep run` and `lockstep validate`: definitions run and judged without a server."""
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from support import BINARY

LAMBDA = "arn:aws:states:::lambda:invoke"


def machine(start, **states):
    return {"StartAt": start, "States": states}


def task(resource=LAMBDA, **fields):
    return {"Type": "Task", "Resource": resource,
            **({"Parameters": {"FunctionName": "f"}} if resource == LAMBDA else {}),
            **(fields if "Next" in fields else {"End": True, **fields})}


def again(start, **states):
    """A machine that goes back to its start unless its data says `stop`."""
    choice = {"Variable": "$.stop", "IsPresent": True, "Next": "End"}
    return machine(start, **states, End={"Type": "Succeed"},
                   Again={"Type": "Choice", "Choices": [choice], "Default": start})


def mocks(states, **responses):
    return {"StateMachines": {"m": {"TestCases": {"only": states}}}, "MockedResponses": responses}


def returns(*outputs):
    return {str(number): {"Return": output} for number, output in enumerate(outputs)}


class Local(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text)
        return name

    def command(self, *words, stdin="", **more):
        return subprocess.run([BINARY, *words], cwd=self.folder, input=stdin, capture_output=True,
                              text=True, timeout=30, **more)

    def run_machine(self, definition, *words, code=0, stdin="", mocked=None):
        """Runs it; the output as a value (`None` without one) and what was told."""
        self.write("m.asl.json", definition)
        if mocked is not None:
            words = (*words, "--mocks", self.write("mocks.json", mocked))
        run = self.command("run", "m.asl.json", *words, stdin=stdin)
        self.assertEqual(run.returncode, code, run.stderr)
        return (json.loads(run.stdout) if run.stdout else None), run.stderr


class Run(Local):
    def test_inputs(self):
        echo = machine("A", A={"Type": "Pass", "End": True})
        self.assertEqual(self.run_machine(echo)[0], {})
        self.assertEqual(self.run_machine(echo, "--input", "[1.50]")[0], [1.5])
        self.write("in.json", {"a": "é"})
        self.assertEqual(self.run_machine(echo, "--input", "@in.json")[0], {"a": "é"})
        self.assertEqual(self.run_machine(echo, "--input", "-", stdin='"x"')[0], "x")
        run = self.command("run", "-", "--input", "1", stdin=json.dumps(echo))
        self.assertEqual((run.returncode, run.stdout), (0, "1\n"))
        for words, text in (
                (("--input", "{"), "the input is not JSON"),
                (("--input", "@missing"), "cannot read the input `missing`"),
                (("--input", '"' + "x" * 262_144 + '"'), "longer than 262144 bytes")):
            if len(words[1]) > 100_000:
                self.write("big.json", words[1])
                words = ("--input", "@big.json")
            self.assertIn(text, self.run_machine(echo, *words, code=2)[1])
        run = self.command("run", "-", "--input", "-")
        self.assertEqual(run.returncode, 2)
        self.assertIn("standard input (-) can be read once only", run.stderr)

    def test_output_is_all_that_is_piped(self):
        self.write("m.asl.json", machine("A", A={"Type": "Pass", "Result": {"a": 1}, "End": True}))
        run = self.command("run", "m.asl.json", "--show", "all")
        self.assertEqual(run.stdout, '{"a":1}\n')
        # A reader that has gone does not change the outcome.
        reader, writer = os.pipe()
        os.close(reader)
        gone = subprocess.run([BINARY, "run", "m.asl.json"], cwd=self.folder, stdout=writer,
                              stderr=subprocess.PIPE, text=True, timeout=30)
        os.close(writer)
        self.assertEqual(gone.returncode, 0, gone.stderr)
        self.assertNotIn("lockstep:", gone.stderr)

    def test_definitions_that_cannot_run(self):
        _, told = self.run_machine("{", code=2)
        self.assertIn("m.asl.json:1:2: error INVALID_JSON_DESCRIPTION", told)
        _, told = self.run_machine('{"StartAt":"A",\n"States":{"A":{"Type":"Tusk"}}}', code=2)
        self.assertIn("m.asl.json:2:23: error SCHEMA_VALIDATION_FAILED", told)
        self.assertIn('    2 | "States":{"A":{"Type":"Tusk"}}}\n'
                      '      |                       ^^^^^^', told)
        answer, _ = self.run_machine(machine("A", A={"Type": "Tusk"}), "--json", code=2)
        self.assertEqual(answer["status"], "REFUSED")
        self.assertEqual(answer["diagnostics"][0]["location"], "/States/A/Type")
        run = self.command("run", "missing.json")
        self.assertEqual(run.returncode, 2)
        self.assertIn("cannot read the definition `missing.json`", run.stderr)
        self.assertEqual(self.command("run").returncode, 2)
        self.assertEqual(self.command("run", "m.asl.json", "--test-case", "x").returncode, 2)

    def test_failures(self):
        definition = ('{"StartAt":"A","States":{\n  "A":{"Type":"Pass","Next":"F"},\n'
                      '  "F":{"Type":"Fail","Error":"Own","Cause":"because"}}}')
        answer, told = self.run_machine(definition, code=1)
        self.assertIsNone(answer)
        self.assertIn("Own: because\n  in state F, m.asl.json:3:3", told)
        _, told = self.run_machine(definition, "--show", "none", code=1)
        self.assertTrue(told.startswith("Failed after"), told)
        answer, _ = self.run_machine(definition, "--json", code=1)
        self.assertEqual(answer["status"], "FAILED")
        self.assertEqual((answer["error"], answer["cause"]), ("Own", "because"))
        self.assertEqual(answer["state"], {"name": "F", "line": 3, "column": 3})

    def test_the_machine_times_out(self):
        definition = {**machine("W", W={"Type": "Wait", "Seconds": 3600, "End": True}),
                      "TimeoutSeconds": 60}
        _, told = self.run_machine(definition, "--skip-waits", code=1)
        self.assertIn("Timed out after 60.000 s", told)
        self.assertIn("in state W, m.asl.json:1:", told)
        endless = again("A", A={"Type": "Pass", "Next": "Again"})
        _, told = self.run_machine(endless, "--show", "none", code=1)
        self.assertIn("maximum number of history events (25000)", told)

    def test_waits(self):
        definition = machine("W", W={"Type": "Wait", "Seconds": 2, "End": True})
        begun = time.monotonic()
        self.run_machine(definition)
        self.assertGreater(time.monotonic() - begun, 1.9)
        long = machine("W", W={"Type": "Wait", "Seconds": 86_400, "End": True})
        _, told = self.run_machine(long, "--skip-waits")
        self.assertIn("Succeeded after 86400.000 s", told)
        self.write("long.json", long)
        run = subprocess.Popen([BINARY, "run", "long.json"], cwd=self.folder, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            for line in run.stderr:
                if "waiting" in line:
                    break
            self.assertIn("waiting 86400 s in state W; Ctrl-C stops, --skip-waits jumps", line)
        finally:
            run.kill()
            run.communicate()

    def test_context(self):
        definition = machine("A", A={"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True})
        answer, _ = self.run_machine(definition, "--input", "[7]", "--name", "first",
                                     "--role-arn", "arn:aws:iam::123456789012:role/r")
        execution, named = answer["c"]["Execution"], answer["c"]["StateMachine"]
        self.assertEqual(execution["Id"],
                         "arn:aws:states:us-east-1:000000000000:execution:m:first")
        self.assertEqual((execution["Name"], execution["Input"], execution["RoleArn"]),
                         ("first", [7], "arn:aws:iam::123456789012:role/r"))
        self.assertEqual(named, {
            "Id": "arn:aws:states:us-east-1:000000000000:stateMachine:m", "Name": "m"})
        answer, _ = self.run_machine(definition, "--state-machine", "other")
        self.assertEqual(answer["c"]["StateMachine"]["Name"], "other")
        self.assertIn("no name that Step Functions allows",
                      self.run_machine(definition, "--name", "a b", code=2)[1])

    def test_events(self):
        definition = machine("A", A={"Type": "Pass", "End": True})
        _, told = self.run_machine(definition, "--show", "events")
        events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        types = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
        self.assertEqual([event["type"] for event in events], types)
        self.assertEqual(events[1]["stateEnteredEventDetails"]["input"], "{}")
        answer, _ = self.run_machine(definition, "--show", "events", "--json")
        self.assertEqual([event["type"] for event in answer["events"]], types)
        self.assertEqual((answer["status"], answer["output"]), ("SUCCEEDED", {}))

    def test_values_that_are_shown(self):
        definition = machine("A", A={"Type": "Pass", "End": True})
        self.write("in.json", {"list": list(range(100))})
        _, cut = self.run_machine(definition, "--input", "@in.json", "--show", "states")
        self.assertIn("more lines; --show all shows them)", cut)
        _, whole = self.run_machine(definition, "--input", "@in.json", "--show", "all")
        self.assertIn("                   99\n", whole)
        self.assertNotIn("more lines", whole)


class Mocks(Local):
    def test_answers_and_retries(self):
        definition = machine("T", T=task(Retry=[
            {"ErrorEquals": ["Busy"], "IntervalSeconds": 30, "BackoffRate": 2}]))
        flaky = {"0-1": {"Throw": {"Error": "Busy", "Cause": "later"}}, "2": {"Return": {"n": 1}}}
        answer, told = self.run_machine(definition, "--skip-waits",
                                        mocked=mocks({"T": "R"}, R=flaky))
        self.assertEqual(answer, {"n": 1})
        self.assertIn("    0.000 s  > T (Task)\n"
                      "    0.000 s    failed: Busy: later\n"
                      "    0.000 s    retry 1 in 30 s\n"
                      "   30.000 s    failed: Busy: later\n"
                      "   30.000 s    retry 2 in 60 s\n"
                      "   90.000 s  < T\n", told)

    def test_callbacks_and_unserved_integrations(self):
        definition = machine(
            "Ask", Ask=task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", Next="Job",
                            HeartbeatSeconds=5, Parameters={
                                "QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}),
            Job=task("arn:aws:states:::ecs:runTask.sync", Next="Sdk",
                     Parameters={"TaskDefinition": "t"}),
            Sdk=task("arn:aws:states:::aws-sdk:s3:getObject",
                     Parameters={"Bucket": "b", "Key": "k"}))
        answer, _ = self.run_machine(
            definition, "--json", "--show", "events",
            mocked=mocks({"Ask": "A", "Job": "J", "Sdk": "S"}, A=returns({"said": "yes"}),
                         J=returns(["done"]), S=returns("object")))
        self.assertEqual((answer["status"], answer["output"]), ("SUCCEEDED", "object"))
        scheduled = [event["taskScheduledEventDetails"] for event in answer["events"]
                     if event["type"] == "TaskScheduled"]
        self.assertEqual([(it["resourceType"], it["resource"]) for it in scheduled], [
            ("sqs", "sendMessage.waitForTaskToken"), ("ecs", "runTask.sync"),
            ("aws-sdk:s3", "getObject")])
        self.assertGreater(len(json.loads(scheduled[0]["parameters"])["MessageBody"]), 40)
        tasks = [event["type"] for event in answer["events"]
                 if event["type"].startswith("Task") and "State" not in event["type"]]
        submitted = ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
        self.assertEqual(tasks, submitted + submitted + [
            "TaskScheduled", "TaskStarted", "TaskSucceeded"])

    def test_activities(self):
        definition = machine("A", A=task("arn:aws:states:us-east-1:000000000000:activity:a"))
        answer, _ = self.run_machine(definition, "--json", "--show", "events",
                                     mocked=mocks({"A": "R"}, R=returns(3)))
        self.assertEqual((answer["status"], answer["output"]), ("SUCCEEDED", 3))
        types = [event["type"] for event in answer["events"]]
        self.assertEqual(types[2:5], ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"])

    def test_roles_that_are_none(self):
        definition = machine("P", P={"Type": "Pass", "End": True})
        for role in ("", "role", "arn:aws:iam::000000000000:user/u", "arn:aws:iam::0:role/"):
            _, told = self.run_machine(definition, "--role-arn", role, code=2)
            self.assertIn(f"`{role}` (--role-arn) is no role's ARN", told)

    def test_catch(self):
        definition = machine(
            "T", T=task(Catch=[{"ErrorEquals": ["Own"], "ResultPath": "$.e", "Next": "C"}]),
            C={"Type": "Pass", "End": True})
        thrown = {"0": {"Throw": {"Error": "Own", "Cause": "why"}}}
        answer, told = self.run_machine(definition, mocked=mocks({"T": "R"}, R=thrown))
        self.assertEqual(answer, {"e": {"Error": "Own", "Cause": "why"}})
        self.assertIn("< T (caught)", told)
        other = {"0": {"Throw": {"Error": "Other"}}}
        _, told = self.run_machine(definition, mocked=mocks({"T": "R"}, R=other), code=1)
        self.assertIn("  Other\n  in state T, m.asl.json:1:", told)

    def test_calls_that_nothing_answers(self):
        definition = machine("T", T=task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "C"}]),
                             C={"Type": "Pass", "End": True})
        _, told = self.run_machine(definition, code=2)
        self.assertIn(f"state `T` calls `{LAMBDA}`, and `lockstep run` makes no calls", told)
        # The file it proposes works.
        self.write("proposed.json", told[told.index("{"):])
        self.assertEqual(self.run_machine(definition, "--mocks", "proposed.json")[0], {})
        _, told = self.run_machine(definition, mocked=mocks({}), code=2)
        self.assertIn("test case `only` of state machine `m` in `mocks.json` has no mock", told)
        twice = again("T", T=task(Next="Again"))
        _, told = self.run_machine(twice, mocked=mocks({"T": "R"}, R=returns(1)), code=2)
        self.assertIn("the mocked response `R` has no key for call 1", told)
        answer, _ = self.run_machine(twice, "--json", code=2,
                                     mocked=mocks({"T": "R"}, R=returns(1)))
        self.assertEqual(answer["status"], "REFUSED")

    def test_mock_files_that_are_wrong(self):
        definition = machine("T", T=task(Next="P"), P={"Type": "Pass", "End": True})
        for mocked, text in (
                ("{", "`mocks.json` is not JSON"),
                ({}, "must have an object `StateMachines`"),
                (mocks({"T": "Nope"}), "no mocked response `Nope`"),
                (mocks({"P": "R"}, R=returns(1)), "`P`, which is no Task"),
                (mocks({"X": "R"}, R=returns(1)), "`X`, which the definition does not have"),
                (mocks({"T": "R"}, R={"a": {"Return": 1}}), "the key `a`")):
            self.assertIn(text, self.run_machine(definition, mocked=mocked, code=2)[1])
        two = {"StateMachines": {"m": {"TestCases": {"a": {"T": "R"}, "b": {"T": "S"}}}},
               "MockedResponses": {"R": returns("r"), "S": returns("s")}}
        self.assertIn("which test case? there are `a`, `b`",
                      self.run_machine(definition, mocked=two, code=2)[1])
        self.assertEqual(self.run_machine(definition, "--test-case", "b", mocked=two)[0], "s")
        self.assertIn("cannot read the mocks",
                      self.run_machine(definition, "--mocks", "missing.json", code=2)[1])

    def test_map_and_parallel(self):
        definition = machine(
            "P", P={"Type": "Parallel", "Next": "M", "Branches": [
                machine("W", W={"Type": "Wait", "Seconds": 5, "Next": "A"}, A=task()),
                machine("B", B=task())]},
            M={"Type": "Map", "MaxConcurrency": 1, "End": True,
               "ItemProcessor": machine("I", I=task(Retry=[{"ErrorEquals": ["Busy"]}]))})
        answer, told = self.run_machine(definition, "--skip-waits", mocked=mocks(
            {"A": "A", "B": "B", "I": "I"}, A=returns("a"), B=returns("b"),
            I={"0": {"Return": 0}, "1": {"Throw": {"Error": "Busy"}}, "2": {"Return": 1}}))
        self.assertEqual(answer, [0, 1])
        self.assertIn("    0.000 s    [1] > B (Task)", told)
        self.assertIn("    5.000 s    [0] > A (Task)", told)
        self.assertIn("    5.000 s    [1]   retry 1 in 1 s", told)
        self.assertIn("    6.000 s    [1] < I", told)

    def test_a_failure_deep_within(self):
        definition = machine("P", P={"Type": "Parallel", "End": True, "Branches": [
            machine("W", W={"Type": "Wait", "Seconds": 50, "End": True}),
            machine("B", B=task())]})
        thrown = {"0": {"Throw": {"Error": "Deep", "Cause": "down"}}}
        answer, told = self.run_machine(definition, "--skip-waits", "--json",
                                        mocked=mocks({"B": "R"}, R=thrown), code=1)
        self.assertEqual((answer["status"], answer["state"]["name"]), ("FAILED", "B"))
        self.assertIn("[0] x W aborted", told)

    def test_jsonata_and_variables(self):
        definition = {**machine(
            "T", T={"Type": "Task", "Resource": LAMBDA, "Next": "S",
                    "Arguments": {"FunctionName": "f", "Payload": "{% $states.input %}"},
                    "Assign": {"total": "{% $sum($states.result.items.price) %}"},
                    "Output": "{% $states.result.items[price > 1] %}"},
            S={"Type": "Succeed",
               "Output": {"total": "{% $total %}", "kept": "{% $states.input %}"}}),
            "QueryLanguage": "JSONata"}
        mocked = mocks({"T": "R"}, R=returns({"items": [{"price": 1}, {"price": 2.5}]}))
        answer, told = self.run_machine(definition, "--show", "states", mocked=mocked)
        self.assertEqual(answer, {"total": 3.5, "kept": {"price": 2.5}})
        self.assertIn('assigned: {"total":3.5}', told)
        broken = {**machine("A", A={"Type": "Pass", "End": True, "Output": "{% $error('no') %}"}),
                  "QueryLanguage": "JSONata"}
        _, told = self.run_machine(broken, code=1)
        self.assertIn("States.QueryEvaluationError", told)
        self.assertIn("in state A, m.asl.json:1:", told)


class Validate(Local):
    def test_what_is_shown(self):
        self.write("good.json", machine("A", A={"Type": "Pass", "End": True}))
        self.write("warned.json", machine(
            "A", A={"Type": "Pass", "Parameters": {"a": "$.b"}, "End": True}))
        self.write("bad.json", '{"StartAt":"A","States":{\n\t"A":{"Type":"Tusk"}}}')
        run = self.command("validate", "good.json")
        self.assertEqual((run.returncode, run.stdout), (0, "good.json: valid\n"))
        run = self.command("validate", "warned.json")
        self.assertEqual(run.returncode, 0)
        self.assertIn("warning NO_DOLLAR", run.stdout)
        self.assertIn("warned.json: valid, 1 warning", run.stdout)
        run = self.command("validate", "bad.json")
        self.assertEqual(run.returncode, 1)
        self.assertIn("bad.json:2:14: error SCHEMA_VALIDATION_FAILED", run.stdout)
        self.assertIn('    2 |  "A":{"Type":"Tusk"}}}\n      |              ^^^^^^\n', run.stdout)
        self.assertIn(" at /States/A/Type", run.stdout)
        self.assertIn("bad.json: 1 error\n", run.stdout)

    def test_many_files(self):
        self.write("good.json", machine("A", A={"Type": "Pass", "End": True}))
        self.write("bad.json", "{")
        run = self.command("validate", "bad.json", "good.json")
        self.assertEqual(run.returncode, 1)
        self.assertIn("good.json: valid", run.stdout)
        run = self.command("validate", "missing.json", "bad.json", "-", stdin="{}")
        self.assertEqual(run.returncode, 2)
        self.assertIn("cannot read the definition `missing.json`", run.stderr)
        self.assertIn("-:1:1: error", run.stdout)
        run = self.command("validate", "--json", "good.json", "bad.json", "missing.json")
        self.assertEqual(run.returncode, 2)
        good, bad, missing = json.loads(run.stdout)
        self.assertEqual(good, {"file": "good.json", "result": "OK", "diagnostics": [],
                                "truncated": False})
        self.assertEqual(bad["result"], "FAIL")
        self.assertEqual(bad["diagnostics"][0]["code"], "INVALID_JSON_DESCRIPTION")
        self.assertEqual((bad["diagnostics"][0]["line"], bad["diagnostics"][0]["column"]), (1, 2))
        self.assertIn("cannot read", missing["error"])

    def test_hostile_files(self):
        states = {f"S{n}": {"Type": "Tusk"} for n in range(5_000)}
        self.write("many.json", machine("S0", **states))
        run = self.command("validate", "many.json")
        self.assertEqual(run.returncode, 1)
        self.assertIn("there is more to say; the first 100 are shown", run.stdout)
        self.assertLess(len(run.stdout), 60_000)
        self.write("long.json", " " * 1_048_577)
        run = self.command("validate", "long.json")
        self.assertEqual(run.returncode, 2)
        self.assertIn("more than 1048576 characters", run.stderr)
        (self.folder / "binary.json").write_bytes(b"\xff\xfe\x00")
        self.assertEqual(self.command("validate", "binary.json").returncode, 2)
        self.write("deep.json", "[" * 100_000)
        self.assertEqual(self.command("validate", "deep.json").returncode, 1)


if __name__ == "__main__":
    unittest.main()
