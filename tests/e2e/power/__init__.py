"""Servers on disks that fail: what is written is recorded, refused, or lost."""
import os
import subprocess

from support import Server


class Recorded(Server):
    """A server whose changes of files are recorded, and can be made to fail."""

    def __init__(self):
        super().__init__()
        library = os.path.join(self.data, "recorder.so")
        source = os.path.join(os.path.dirname(__file__), "recorder.c")
        subprocess.run([os.environ.get("CC", "cc"), "-O1", "-Wall", "-Werror", "-shared", "-fPIC",
                        "-o", library, source, "-lpthread"], check=True)
        self.trace = os.path.join(self.data, "trace")
        self.trouble = os.path.join(self.data, "trouble")
        self.variables = {"LD_PRELOAD": library, "RECORDED_FOLDER": self.store,
                          "RECORDED_TO": self.trace, "RECORDED_TROUBLE": self.trouble}
