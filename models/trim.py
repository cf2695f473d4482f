#!/usr/bin/env python3
"""Makes the trimmed service models of this folder from botocore's.

    python3 models/trim.py            # needs the package botocore; rewrites models/*.json

Two files are no models of botocore's: `services.json` names every service that a Task of the form
`aws-sdk:<service>:<action>` can name, as AWS's SDK for Java spells it, and is made here too;
`lockstep.json` is our own API, written by hand in botocore's own form, so that SDKs and the `aws`
command can be given it, and left alone.

Kept is what the wire needs: names, types, constraints, protocol, HTTP bindings, errors. Dropped
are documentation, examples, deprecation notes and shapes nobody refers to. Keys keep botocore's
names. One operation or shape a line, so that a new botocore shows as a readable diff. A reference
that carries no trait is the bare name of its shape.
"""

import gzip
import json
import pathlib
import re

import botocore

# The file name is the service's signing name, which is also how a credential scope names it; but
# `iam-toolbox` signs as `iam`.
SERVICES = {
    "cloudtrail": "cloudtrail/2013-11-01",
    "dynamodb": "dynamodb/2012-08-10",
    "events": "events/2015-10-07",
    "iam": "iam/2010-05-08",
    "iam-toolbox": "iam-toolbox/2018-05-10",
    "lambda": "lambda/2015-03-31",
    "logs": "logs/2014-03-28",
    "monitoring": "cloudwatch/2010-08-01",
    "s3": "s3/2006-03-01",
    "sns": "sns/2010-03-31",
    "sqs": "sqs/2012-11-05",
    "states": "stepfunctions/2016-11-23",
    "sts": "sts/2011-06-15",
}

# Operations left out: deprecated forms that AWS's SDK for Java 2 doesn't have either and whose XML
# says two things at once, and one whose host name depends on a member.
LEFT_OUT = {
    "s3": {
        "GetBucketLifecycle",
        "GetBucketNotification",
        "PutBucketLifecycle",
        "PutBucketNotification",
        "WriteGetObjectResponse",
    }
}

# Services of which only these operations are kept.
ONLY = {"cloudtrail": {"LookupEvents"}}

# What precedes `#` in the `__type` of a modelled error; services not named here send none.
# Botocore's models don't have it.
ERROR_NAMESPACES = {
    "monitoring": "com.amazonaws.cloudwatch.v2010_08_01",
    "states": "com.amazonaws.swf.service.v2.model",
}

METADATA = (
    "apiVersion",
    "endpointPrefix",
    "globalEndpoint",
    "jsonVersion",
    "protocol",
    "serviceId",
    "signingName",
    "targetPrefix",
    "xmlNamespace",
)
SHAPE = (
    "document",
    "enum",
    "error",
    "event",
    "eventstream",
    "exception",
    "fault",
    "flattened",
    "locationName",
    "max",
    "min",
    "pattern",
    "payload",
    "required",
    "sensitive",
    "streaming",
    "timestampFormat",
    "union",
    "xmlNamespace",
)
MEMBER = (
    "eventheader",
    "eventpayload",
    "flattened",
    "hostLabel",
    "idempotencyToken",
    "jsonvalue",
    "location",
    "locationName",
    "queryName",
    "streaming",
    "timestampFormat",
    "xmlAttribute",
    "xmlNamespace",
)


def picked(source, keys):
    """The entries of `source` under `keys`, without those that say nothing. A minimum of 0 does."""
    found = ((key, source.get(key)) for key in keys)
    return {key: value for key, value in found if value == 0 and value is not False or value}


def reference(source):
    traits = picked(source, MEMBER)
    return {"shape": source["shape"], **traits} if traits else source["shape"]


def operation(source, protocol):
    out = {}
    if protocol.startswith("rest-"):
        http = source["http"]
        out["http"] = {"method": http["method"], "uri": http["requestUri"]}
        if http.get("responseCode", 200) != 200:
            out["http"]["status"] = http["responseCode"]
    if "input" in source:
        out["input"] = reference(source["input"])
    if "output" in source:
        out["output"] = reference(source["output"])
        out.update(picked(source["output"], ("resultWrapper",)))
    errors = [error["shape"] for error in source.get("errors", [])]
    if errors:
        out["errors"] = errors
    if "endpoint" in source:
        out["hostPrefix"] = source["endpoint"]["hostPrefix"]
    if "gzip" in source.get("requestcompression", {}).get("encodings", []):
        out["gzip"] = True
    if source.get("authtype") == "none" or source.get("auth") == ["smithy.api#noAuth"]:
        out["unsigned"] = True
    return out


def as_printed(values, service):
    """Values of an enum in the order AWS's messages list them, as far as that has been seen.

    It is the order of a Java hash table: for Lambda that of HashSet, for the others that of a table
    of 32 buckets in which later values come first.
    """
    if service == "lambda":
        buckets = 16
        while buckets * 3 < len(values) * 4:
            buckets *= 2
        spread = [(java_hash(value) ^ java_hash(value) >> 16) % buckets for value in values]
        return [value for _, value in sorted(zip(spread, values), key=lambda pair: pair[0])]
    return sorted(reversed(values), key=lambda value: java_hash(value) % 32)


def java_hash(text):
    out = 0
    for char in text:
        out = (31 * out + ord(char)) & 0xFFFFFFFF
    return out


def shape(source, service):
    out = {"type": source["type"], **picked(source, SHAPE)}
    if "enum" in out:
        out["enum"] = as_printed(out["enum"], service)
    if "members" in source:
        out["members"] = {name: reference(member) for name, member in source["members"].items()}
    for key in ("member", "key", "value"):
        if key in source:
            out[key] = reference(source[key])
    return out


def names(ref):
    return ref if isinstance(ref, str) else ref["shape"]


def reachable(operations, shapes):
    todo = []
    for op in operations.values():
        todo += [names(op[key]) for key in ("input", "output") if key in op] + op.get("errors", [])
    seen = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        found = shapes[name]
        todo += [names(ref) for ref in found.get("members", {}).values()]
        todo += [names(found[key]) for key in ("member", "key", "value") if key in found]
    return seen


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def lines(entries):
    pairs = sorted(entries.items())
    return ",\n".join(f"{compact(name)}:{compact(entry)}" for name, entry in pairs)


def trim(source, service):
    metadata = source["metadata"]
    protocol = metadata["protocol"]
    wanted = ONLY.get(service, source["operations"].keys()) - LEFT_OUT.get(service, set())
    operations = {name: operation(source["operations"][name], protocol) for name in sorted(wanted)}
    shapes = {name: shape(entry, service) for name, entry in source["shapes"].items()}
    wanted = reachable(operations, shapes)
    shapes = {name: entry for name, entry in shapes.items() if name in wanted}
    head = {"botocore": botocore.__version__, **picked(metadata, METADATA)}
    head.update({"queryCompatible": True} if "awsQueryCompatible" in metadata else {})
    head.update(picked({"errorNamespace": ERROR_NAMESPACES.get(service)}, ("errorNamespace",)))
    return (
        f'{{"metadata":{compact(head)},\n"operations":{{\n{lines(operations)}\n}},\n'
        f'"shapes":{{\n{lines(shapes)}\n}}}}\n'
    )


def java_words(text):
    """The words of a name as the code generator of AWS's SDK for Java 2 sees them."""
    text = re.sub("[^A-Za-z0-9]+", " ", text)
    text = re.sub("([^a-z]{2,})v([0-9]+)", r"\1 v\2 ", text)
    text = re.sub("([^A-Z]{2,})V([0-9]+)", r"\1 V\2 ", text)
    text = re.sub("(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", text)
    text = re.sub("([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    return re.sub("([0-9])([a-zA-Z])", r"\1 \2", text).split()


def java_name(service_id):
    """`DynamoDb` of the service id `DynamoDB`: the prefix of error names."""
    name = "".join(word.lower().capitalize() for word in java_words(service_id))
    return name.removeprefix("Amazon").removeprefix("Aws").removesuffix("Service")


def all_services(data):
    """Every service: its name in resources (`cloudwatchlogs`) and in errors (`CloudWatchLogs`)."""
    found = {}
    for path in data.glob("*/*/service-2.json.gz"):
        with gzip.open(path) as file:
            name = java_name(json.load(file)["metadata"]["serviceId"])
        found[name.lower()] = name
    return "{\n" + lines(found) + "\n}\n"


def main():
    here = pathlib.Path(__file__).parent
    data = pathlib.Path(botocore.__path__[0], "data")
    (here / "services.json").write_text(all_services(data), encoding="utf-8")
    for name, folder in SERVICES.items():
        with gzip.open(data / folder / "service-2.json.gz") as file:
            text = trim(json.load(file), name)
        json.loads(text)
        (here / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
