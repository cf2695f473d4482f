#!/usr/bin/env python3
"""Makes `managed-policies.json`: the managed policies of AWS, one a line, sorted by name.

    python3 models/managed_policies.py    # needs the package moto; rewrites the file

The facts (names, paths, dates, documents) are AWS's own, as every AWS account shows them; they are
taken from the table that moto 5.2.5 gathered with AWS's API (`moto/iam/aws_managed_policies.py`),
last updated 2026-09-30. Nothing else of moto is used.

Left out are the policies of service-linked roles (`/aws-service-role/`, a third of all bytes) but
for those whose role can be made here: nobody else can attach them. AWS's unique ids are not in the
table: an id is made of the ARN, so that it never changes.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import re

from moto.iam.aws_managed_policies import aws_managed_policies_data

FOLDER = pathlib.Path(__file__).parent
# The table of services in this file names the policies of the roles that can be made.
SERVICE_LINKED = FOLDER.parent / "crates/services/src/iam/service_linked.rs"


def day(text):
    time = datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def unique_id(path, name):
    digest = hashlib.sha256(f"arn:aws:iam::aws:policy{path}{name}".encode()).digest()
    return "ANPA" + base64.b32encode(digest).decode()[:17]


def main():
    wanted = set(re.findall(r'"(\w+Policy)"', SERVICE_LINKED.read_text()))
    lines = []
    for name, policy in sorted(json.loads(aws_managed_policies_data).items()):
        path = policy["Path"]
        if path.startswith("/aws-service-role/") and name not in wanted:
            continue
        line = {
            "name": name,
            "path": path,
            "id": unique_id(path, name),
            "version": int(policy["DefaultVersionId"].removeprefix("v")),
            "created": day(policy["CreateDate"]),
            "updated": day(policy["UpdateDate"]),
            "document": policy["Document"],
        }
        lines.append(json.dumps(line, separators=(",", ":"), ensure_ascii=False))
    (FOLDER / "managed-policies.json").write_text("\n".join(lines) + "\n")


main()
