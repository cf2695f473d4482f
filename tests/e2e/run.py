"""Runs the end-to-end tests, several files at a time: they wait more than they work.

    tests/e2e/run.py               all
    tests/e2e/run.py test_tour     these files
"""
import concurrent.futures
import pathlib
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).parent
FILES_AT_A_TIME = 4
# Much longer than any file takes: what hangs is ended and told.
FILE_SECONDS_MAX = 600


def run(name):
    """Runs one file; its name, seconds, exit code and output."""
    start = time.monotonic()
    try:
        done = subprocess.run([sys.executable, "-m", "unittest", name], cwd=FOLDER, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=FILE_SECONDS_MAX)
        code, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as hung:
        code, output = 1, f"{hung.output}\nended after {FILE_SECONDS_MAX} s"
    return name, time.monotonic() - start, code, output


def main():
    names = sys.argv[1:] or sorted(file.stem for file in FOLDER.glob("test_*.py"))
    failed = []
    with concurrent.futures.ThreadPoolExecutor(FILES_AT_A_TIME) as pool:
        for name, seconds, code, output in pool.map(run, names):
            count = next((line for line in output.splitlines() if line.startswith("Ran ")), "")
            print(f"{name:22}{seconds:6.1f} s  {'FAILED' if code else 'ok':7}{count}")
            if code:
                failed.append(name)
                print(output)
            else:
                # What could not be tested on this machine.
                print("".join(f"    {line}\n" for line in output.splitlines()
                              if line.startswith("note: ")), end="")
    print(f"{len(names) - len(failed)} files passed, {len(failed)} failed {' '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
