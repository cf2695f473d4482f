"""A disk that loses power: what it holds after a cut, from a record of what was written and synced.

Only what was synced is sure. Of what was written since, a cut keeps nothing, everything, some
writes without those before them, or parts of writes (whole sectors), as the dice say. Names are
sure once their folder was synced; of those changed since, the first few may be there. The files of
function processes are not kept: the server makes them anew.
"""
import os
import struct

OPENED, CREATED, WROTE, TRUNCATED, SYNCED, RENAMED, REMOVED = range(1, 8)
HEAD = struct.Struct("<B3xIQQ")  # `struct record` in recorder.c
SECTOR_BYTES = 512


def records(path):
    """Every record: where it ends in the file, its kind, number, offset, and bytes."""
    with open(path, "rb") as trace:
        data = trace.read()
    at = 0
    while at + HEAD.size <= len(data):
        kind, number, offset, length = HEAD.unpack_from(data, at)
        start = at + HEAD.size
        at = start + length
        if at > len(data):
            return  # cut off while it was being written: nobody was told of it
        yield at, kind, number, offset, data[start:at]


class File:
    """The bytes of one file: those that are sure, and the changes since."""

    def __init__(self):
        self.synced = bytearray()
        self.since = []

    def sync(self):
        for offset, data in self.since:
            change(self.synced, offset, data)
        self.since = []

    def after_cut(self, dice):
        content = bytearray(self.synced)
        fate = dice.choice(["none", "all", "some", "torn"])
        for offset, data in self.since if fate != "none" else []:
            if fate != "all" and dice.random() < 0.5:
                continue
            if fate == "torn" and data is not None:
                for start in range(0, len(data), SECTOR_BYTES):
                    if dice.random() < 0.5:
                        change(content, offset + start, data[start:start + SECTOR_BYTES])
            else:
                change(content, offset, data)
        return content


def change(content, offset, data):
    """Writes `data` at `offset`; None sets the length."""
    if data is None:
        del content[offset:]
    content.extend(bytes(max(0, offset - len(content))))
    if data is not None:
        content[offset:offset + len(data)] = data


class Disk:
    """`is_lying`: it says that it synced, and did not."""

    def __init__(self, is_lying=False):
        self.is_lying = is_lying
        self.names = {}  # as the running program sees them
        self.sure = {}  # as they are after a cut
        self.changes = []  # of names, since their folder was synced: (folder, function on names)
        self.opened = {}  # number -> File, or the name of a folder

    def play(self, kind, number, offset, data):
        if kind in (OPENED, CREATED):
            self.open(kind, number, data.decode())
        elif kind == WROTE:
            self.opened[number].since.append((offset, data))
        elif kind == TRUNCATED:
            self.opened[number].since.append((offset, None))
        elif kind == SYNCED:
            self.sync(self.opened[number])
        elif kind == RENAMED:
            source, target = data[:number].decode(), data[number:].decode()
            self.rename(os.path.dirname(target), lambda names: move(names, source, target))
        elif kind == REMOVED:
            name = data.decode()
            self.rename(os.path.dirname(name), lambda names: names.pop(name, None))

    def open(self, kind, number, name):
        if kind == CREATED:
            file = File()
            self.rename(os.path.dirname(name), lambda names: names.__setitem__(name, file))
        # What was not created as a file is a folder.
        self.opened[number] = self.names.get(name, name)

    def rename(self, folder, step):
        step(self.names)
        self.changes.append((folder, step))

    def sync(self, opened):
        if self.is_lying:
            return
        if isinstance(opened, File):
            return opened.sync()
        for folder, step in self.changes:
            if folder == opened:
                step(self.sure)
        self.changes = [change for change in self.changes if change[0] != opened]

    def cut(self, dice, target):
        """Writes what the disk holds after a cut into the new folder `target`."""
        names = dict(self.sure)
        for _, step in self.changes[:dice.randint(0, len(self.changes))]:
            step(names)
        os.makedirs(target, 0o700)
        for name, file in names.items():
            if name.startswith("functions/"):
                continue
            path = os.path.join(target, name)
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            with open(descriptor, "wb") as copy:
                copy.write(file.after_cut(dice))


def move(names, source, target):
    if source in names:
        names[target] = names.pop(source)
