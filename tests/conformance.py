"""Replays the recorded AWS cases of ../shared/conformance and holds the passed counts per area.

    tests/conformance.py            fails when an area passes fewer cases than its line says, or more
    tests/conformance.py --update   writes the counts (they may only grow)
"""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "e2e"))
from support import ROOT, Server  # noqa: E402

CASES = ROOT.parent / "shared/conformance/aws"
COUNTS = ROOT / "conformance/passed.txt"
CASE_SECONDS_MAX = "20"
# As steps and Task resources name them; the last are ARNs of a Region that was masked.
SERVED = {"stepfunctions", "states", "sfn", "lambda", "iam", "sts", "logs", None,
          "stateMachine", "execution", "activity"}


# Passes when it happens to take as long as it took AWS: `billedDurationInMilliseconds` is compared.
BY_CHANCE = {"express/test_express_sync.py::TestExpressSync::test_catch"}


def recorded():
    """The counts of the file: area -> cases passed."""
    lines = (line.split("#")[0].split() for line in COUNTS.read_text().splitlines())
    return {area: int(count) for area, count in (words for words in lines if words)}


def superseded():
    """The files of the cases that record an older answer of AWS."""
    lines = (CASES / "superseded.txt").read_text().splitlines()
    return {line.split("#")[0].strip() for line in lines}


def excuse(case):
    """Why a case need not pass yet; None if it must."""
    text = json.dumps(case["steps"])
    called = re.findall(r":states:::(?:aws-sdk:)?(\w+):", text)
    others = {step.get("service") for step in case["steps"]}.union(called) - SERVED
    if others:
        return f"needs {', '.join(sorted(others))}"
    if case["id"] in BY_CHANCE:
        return "depends on time"
    if "mapRunStartedEventDetails" in json.dumps(case["expected"]):
        return "has a Map Run"
    return None


def open_cases(rows):
    """What must pass and does not, and how much else does not, by its reason."""
    old, cases, excused, open_ones = superseded(), {}, collections.Counter(), []
    for file in (CASES / "cases").glob("*.json"):
        case = json.loads(file.read_text())
        cases[case["id"]] = (file.name, case)
    for row in rows:
        if row["strict"] == "pass":
            continue
        name, case = cases[row["id"]]
        reason = "is superseded" if name in old else excuse(case)
        if reason:
            excused[reason] += 1
        else:
            open_ones.append(name)
    return sorted(open_ones), excused


def replay():
    """Plays every case; the verdicts."""
    server = Server().start()
    try:
        with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as out:
            subprocess.run(
                [sys.executable, str(CASES / "replay.py"), server.endpoint, "-j", "8",
                 "--timeout", CASE_SECONDS_MAX, "--out", out.name],
                stdout=subprocess.DEVNULL, check=False)
            rows = [json.loads(line) for line in out]
            return [{**row, "strict": "fail"} if row["id"] in BY_CHANCE else row for row in rows]
    finally:
        server.close()


def by_area(rows):
    """area -> (passed, all)."""
    areas = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        areas[row["area"]][0] += row["strict"] == "pass"
        areas[row["area"]][1] += 1
    return areas


def main():
    if not CASES.exists():
        print("note: ../shared/conformance is absent; recorded AWS cases are not replayed")
        return 1 if os.environ.get("CI") == "true" else 0
    rows, known = replay(), recorded()
    areas = by_area(rows)
    problems = []
    print(f"{'area':28}{'passed':>7}{'failed':>7}{'held':>6}")
    for area in sorted(areas):
        passed, total = areas[area]
        held = known.get(area, 0)
        print(f"{area:28}{passed:7}{total - passed:7}{held:6}")
        if passed < held:
            problems.append(f"{area}: {passed} pass, {held} did before")
        if passed > held and "--update" not in sys.argv:
            problems.append(f"{area}: {passed} pass, more than {held}: run with --update")
    passed, total = (sum(column) for column in zip(*areas.values()))
    open_ones, excused = open_cases(rows)
    print(f"{passed} passed, {total - passed} failed, {len(open_ones)} of them should pass")
    for reason, count in sorted(excused.items()):
        print(f"{count:7} failed: {reason}")
    for name in open_ones:
        print("  open:", name)
    if "--update" in sys.argv and not any("before" in problem for problem in problems):
        text = "# Recorded AWS cases that pass, by area. May only grow; see tests/conformance.py.\n"
        COUNTS.write_text(text + "".join(
            f"{area} {areas[area][0]}\n" for area in sorted(areas) if areas[area][0]))
    for problem in problems:
        print("FAILED", problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
