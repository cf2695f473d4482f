"""Deployment packages that nobody made by mistake: each is refused with AWS's text, the code before
stays, and the server stays small."""
import concurrent.futures
import io
import json
import os
import pathlib
import stat
import struct
import unittest
import zipfile
import zlib

from botocore.exceptions import ClientError

from support import ServerCase, wait_until, zipped

UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."
TOO_LARGE = "Unzipped size must be smaller than 262144000 bytes"

GOOD = "def handler(event, context):\n    return 'as before'\n"
# What a few megabytes at most may make of the server, which holds some of them at a time.
GROWTH_BYTES_MAX = 200 << 20


def package(*entries, compression=zipfile.ZIP_DEFLATED):
    """A zip of these entries: a name, a mode, what is in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as files:
        for name, mode, content in (("app.py", 0o100644, GOOD), *entries):
            entry = zipfile.ZipInfo()
            # As it stands, without what ZipInfo would tidy up.
            entry.filename = entry.orig_filename = name
            entry.compress_type = compression
            entry.external_attr = mode << 16
            files.writestr(entry, content)
    return buffer.getvalue()


def link(name, target):
    return (name, stat.S_IFLNK | 0o777, target)


def file(name, content="x"):
    return (name, 0o100644, content)


def by_hand(names, content, claimed=None, shared=False, count=None):
    """A zip whose parts say what they like: the size that is claimed, the number of entries; or
    that one file's bytes are those of all the names."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    sizes = (zlib.crc32(content), len(packed), len(content) if claimed is None else claimed)
    body, directory, at = bytearray(), bytearray(), 0
    for number, name in enumerate(names):
        if number == 0 or not shared:
            at = len(body)
            body += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, *sizes, len(name), 0)
            body += name + packed
        directory += struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, *sizes,
                                 len(name), 0, 0, 0, 0, 0o100644 << 16, at) + name
    count = (len(names) if count is None else count) & 0xFFFF
    return bytes(body + directory) + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count,
                                          len(directory), len(body), 0)


def encrypted():
    """A good package whose entry says that it is encrypted."""
    data = bytearray(zipped({"app.py": GOOD}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def hostile():
    """Packages by what is wrong with them, and the text that refuses them."""
    zeros = bytes(251 << 20)
    many = [f"{number}".encode() for number in range(70_000)]
    outside = {
        "a name that leaves": package(file("../evil.py")),
        "a name that leaves later": package(file("a/b/../../../evil.py")),
        "an absolute name": package(file("/tmp/lockstep-evil.py")),
        "a link to a file elsewhere": package(link("passwd", "/etc/passwd")),
        "a link to a folder above": package(link("up", "../../..")),
        "a file through a link": package(link("d", "/tmp"), file("d/lockstep-evil.py")),
        "a link through a link": package(link("d/e", "../.."), link("up", "d/e/..")),
        "a name twice": by_hand([b"app.py", b"app.py"], GOOD.encode()),
        "one name in two forms": package(file("./app.py")),
        "a file as a folder": package(file("app.py/more.py")),
        "a device": package(("null", stat.S_IFCHR | 0o666, "")),
        "a pipe": package(("pipe", stat.S_IFIFO | 0o666, "")),
        "one file's bytes under many names": by_hand(many[:1000], zeros[:1 << 20], shared=True),
        "a size that is a lie": by_hand([b"app.py"], zeros[:64 << 20], claimed=10),
        "an encrypted file": encrypted(),
        "70,000 entries": by_hand(many, b""),
        "70,000 entries in the zip64 form": package(*(file(name.decode(), "") for name in many),
                                                    compression=zipfile.ZIP_STORED),
        "a long name": package(file("n" * 300)),
        "endless folders": package(file("d/" * 1600 + "f")),
        "half of it": package(file("half.bin", os.urandom(1 << 16)))[:1 << 15],
        "no zip": b"#!/bin/sh\nrm -rf /\n",
    }
    large = {
        "a bomb": package(file("zeros", zeros)),
        "a bomb in pieces": package(*(file(f"zeros{n}", zeros[:51 << 20]) for n in range(5))),
    }
    return [*((what, data, UNREADABLE) for what, data in outside.items()),
            *((what, data, TOO_LARGE) for what, data in large.items())]


class HostileZips(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls().create_function("kept", GOOD)
        cls.hostile = hostile()

    def resident_bytes(self, what):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith(what + ":"))
        return int(line.split()[1]) << 10

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.server.process.pid}/clear_refs").write_text("5")

    def refusal(self, operation, **members):
        with self.assertRaises(ClientError) as refused:
            operation(**members)
        error = refused.exception.response["Error"]
        return error["Code"], error["Message"]

    def files(self):
        """What lies in the data folder, without the databases."""
        root = pathlib.Path(self.server.store)
        return {path for part in ("blobs", "functions") for path in (root / part).rglob("*")
                if (root / part).exists()}

    def check_code_is_as_before(self):
        answer = self.functions.invoke(FunctionName="kept")
        self.assertEqual(json.loads(answer["Payload"].read()), "as before")

    def test_each_is_refused(self):
        before = self.functions.get_function(FunctionName="kept")["Configuration"]
        self.check_code_is_as_before()
        files = self.files()
        self.forget_peak()
        small = self.resident_bytes("VmRSS")
        for what, data, expected in self.hostile:
            with self.subTest(what=what, bytes=len(data)):
                for refused in (
                        self.refusal(self.functions.update_function_code, FunctionName="kept",
                                     ZipFile=data),
                        self.refusal(self.functions.publish_layer_version, LayerName="hostile",
                                     Content={"ZipFile": data})):
                    self.assertEqual(refused, ("InvalidParameterValueException", expected))
        grown = self.resident_bytes("VmHWM") - small
        self.assertLess(grown, GROWTH_BYTES_MAX)
        after = self.functions.get_function(FunctionName="kept")["Configuration"]
        self.assertEqual((after["CodeSha256"], after["RevisionId"]),
                         (before["CodeSha256"], before["RevisionId"]))
        self.check_code_is_as_before()
        self.assertEqual({path for path in self.files() if path.name != "__pycache__"}, files)
        for evil in ("/tmp/lockstep-evil.py", os.path.join(self.server.data, "evil.py")):
            self.assertFalse(os.path.exists(evil), evil)
        self.assertEqual(self.functions.list_layers()["Layers"], [])

    def test_many_bombs_at_once(self):
        bomb = next(data for what, data, _ in self.hostile if what == "a bomb")
        lie = next(data for what, data, _ in self.hostile if what == "a size that is a lie")
        self.forget_peak()
        small = self.resident_bytes("VmRSS")
        client = self.server.client("lambda", max_pool_connections=20)

        def send(number):
            data = bomb if number % 2 else lie
            return self.refusal(client.update_function_code, FunctionName="kept", ZipFile=data)[0]
        with concurrent.futures.ThreadPoolExecutor(20) as threads:
            codes = set(threads.map(send, range(40)))
        self.assertEqual(codes, {"InvalidParameterValueException"})
        self.assertLess(self.resident_bytes("VmHWM") - small, GROWTH_BYTES_MAX)
        self.check_code_is_as_before()

    def test_a_package_of_more_than_50_mb(self):
        for data, text in ((bytes(52_428_800), "Zipped size must be smaller than 52428800 bytes"),
                           (bytes(53 << 20), "Request must be smaller than 70167211 bytes")):
            refused = self.refusal(self.functions.update_function_code, FunctionName="kept",
                                   ZipFile=data)
            self.assertEqual(refused, ("RequestEntityTooLargeException", text))
        self.check_code_is_as_before()

    def test_what_is_unusual_but_fine(self):
        data = package(link("latest.py", "app.py"), link("d/back", "../app.py"),
                       file("ünï/☃.txt"), file("a//b.py"), ("folder/", 0o040755, ""))
        self.create_function("unusual", GOOD)
        self.functions.update_function_code(FunctionName="unusual", ZipFile=data)
        self.functions.get_waiter("function_updated_v2").wait(FunctionName="unusual")
        self.functions.update_function_configuration(FunctionName="unusual",
                                                     Handler="latest.handler")
        self.functions.get_waiter("function_updated_v2").wait(FunctionName="unusual")
        answer = wait_until("the answer", lambda: self.functions.invoke(FunctionName="unusual"))
        self.assertEqual(json.loads(answer["Payload"].read()), "as before")


if __name__ == "__main__":
    unittest.main()
