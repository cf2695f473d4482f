"""Who may do what: the walk from a denial to the statement that ends it, users, sessions, the
audit log, and a server that is closed to all others. With the AWS command line and boto3."""
import datetime
import json
import os
import pathlib
import re
import shlex
import stat
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request
from unittest import mock

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from support import (BINARY, REGION, ClosedServer, ServerCase, allow, make_role, policy, trust,
                     wait_until)

ACCOUNT = "000000000000"
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
SFN = "stepfunctions"


def denial_id(text):
    """The authorization id in the text of a denial."""
    found = re.search(r"with the following authorization id: ([0-9a-z]+)$", text)
    assert found, text
    return found[1]


class IdentityCase(ServerCase):
    """A case with users, machines and signed requests of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The AWS command line of this version has no model of iam-toolbox, which a newer botocore
        # has; it takes models from folders that it is told of.
        cls.models = tempfile.TemporaryDirectory()
        known = pathlib.Path(sys.prefix) / "models/botocore/data/iam-toolbox"
        assert known.is_dir(), f"no {known}: tests/run installs it"
        os.symlink(known, os.path.join(cls.models.name, "iam-toolbox"))

    @classmethod
    def tearDownClass(cls):
        cls.models.cleanup()
        super().tearDownClass()

    def details(self, found):
        """What `aws iam-toolbox` says of a denial."""
        return self.server.aws("iam-toolbox", "get-request-authorization-details",
                               "--authorization-id", found,
                               variables={"AWS_DATA_PATH": self.models.name})

    def user(self, name, *statements):
        """A new user; the keys it signs with."""
        self.iam.create_user(UserName=name)
        if statements:
            self.may(name, *statements)
        return self.new_key(name)

    def new_key(self, name):
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"], None

    def may(self, name, *statements):
        self.iam.put_user_policy(UserName=name, PolicyName="may",
                                 PolicyDocument=policy(*statements))

    def machine(self, name, role, definition=None):
        return self.states.create_state_machine(
            name=name, roleArn=role, definition=json.dumps(definition or PASS))["stateMachineArn"]

    def aws_as(self, keys, *words, **more):
        variables = {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1]}
        if keys[2]:
            variables["AWS_SESSION_TOKEN"] = keys[2]
        return self.server.aws(*words, variables=variables, **more)

    def lockstep(self, *words):
        """A command of the binary as the administrator; its output."""
        run = subprocess.run([BINARY, *words], env=self.server.environment(), capture_output=True,
                             text=True, timeout=30)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout

    def caller(self, keys):
        return self.server.client("sts", keys).get_caller_identity()

    def refused_caller(self, code, keys):
        with self.assertRaises(ClientError) as refusal:
            self.caller(keys)
        self.assertEqual(refusal.exception.response["Error"]["Code"], code)

    def signed(self, keys, target, body, seconds=0):
        """A request of Step Functions, signed so many seconds from now."""
        request = AWSRequest(method="POST", url=self.server.endpoint + "/", data=json.dumps(body),
                             headers={"X-Amz-Target": f"AWSStepFunctions.{target}",
                                      "Content-Type": "application/x-amz-json-1.0"})
        when = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds))
        with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_: when):
            botocore.auth.SigV4Auth(Credentials(*keys), "states", REGION).add_auth(request)
        return request.prepare()

    def sent(self, prepared):
        """Sends these very bytes; the status and the answer."""
        headers = {name: value for name, value in prepared.headers.items()}
        request = urllib.request.Request(prepared.url, data=prepared.body.encode(),
                                         headers=headers, method=prepared.method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.loads(refusal.read() or b"null")

    def check_refused(self, prepared, error, text):
        status, answer = self.sent(prepared)
        self.assertEqual(status, 400, answer)
        self.assertEqual(answer["__type"].rsplit("#")[-1], error)
        self.assertIn(text, answer.get("message") or answer.get("Message"))

    def events(self, seconds=30, **attribute):
        """Events of the audit log with this attribute, oldest first."""
        [(key, value)] = attribute.items()

        def found():
            events = []
            for region in (REGION, "us-east-1"):  # IAM and STS are in the latter, as on AWS
                trail = self.server.client("cloudtrail", region=region)
                pages = trail.get_paginator("lookup_events").paginate(
                    LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])
                events += [json.loads(event["CloudTrailEvent"])
                           for page in pages for event in page["Events"]]
            return sorted(events, key=lambda event: event["eventTime"])
        return wait_until(f"an event with {attribute}", found, seconds)


class Walk:
    """The walk, on an open and on a closed server."""

    def test_walk(self):
        role = make_role(self.iam, "walker", trust("states.amazonaws.com"))
        child = self.machine("child", role)
        task = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution", "End": True,
                "Parameters": {"StateMachineArn": child, "Input": {}}}
        parent = self.machine("parent", role, {"StartAt": "Start", "States": {"Start": task}})

        ended = self.ended(self.start(parent, name="first"))
        self.assertEqual(ended["status"], "FAILED", ended)
        caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/walker/"
        self.assertRegex(ended["cause"], f"User: {caller}[^ ]+ is not authorized to perform: "
                         f"states:StartExecution on resource: {re.escape(child)} because no "
                         "identity-based policy allows the states:StartExecution action")
        found = denial_id(ended["cause"].split(" (Service:")[0])

        # AWS's own command explains it.
        details = self.details(found)
        [evaluation] = [it for it in details["evaluations"]
                        if it["action"] == "states:StartExecution"]
        self.assertEqual((evaluation["resource"], evaluation["evaluatedEffect"]),
                         (child, "IMPLICIT_DENY"))
        checks = {it["checkType"]: it["evaluatedEffect"] for it in evaluation["checks"]}
        self.assertEqual(checks["PRINCIPAL"], "IMPLICIT_DENY", checks)

        # Ours says what is missing; what it says is done as it is said.
        told = self.lockstep("why", found)
        for text in ("states:StartExecution", child, "walker", "put-role-policy"):
            self.assertIn(text, told)
        [remedy] = json.loads(self.lockstep("why", "--json", found))["remedies"]
        self.assertEqual(json.loads(remedy["statement"]), {
            "Effect": "Allow", "Action": "states:StartExecution", "Resource": child})
        words = shlex.split(remedy["command"])
        self.assertEqual(words[:3], ["aws", "iam", "put-role-policy"], words)
        self.server.aws(*words[1:])

        ended = self.ended(self.start(parent, name="second"))
        self.assertEqual(ended["status"], "SUCCEEDED", ended)
        # And back: a change counts for the next call.
        [name] = self.iam.list_role_policies(RoleName="walker")["PolicyNames"]
        self.iam.delete_role_policy(RoleName="walker", PolicyName=name)
        self.assertEqual(self.ended(self.start(parent, name="third"))["status"], "FAILED")

    def test_keys_of_users(self):
        keys = self.user("ann")
        self.assertEqual(self.caller(keys)["Arn"], f"arn:aws:iam::{ACCOUNT}:user/ann")
        told = self.refused("AccessDeniedException", "ListStateMachines",
                            self.server.client(SFN, keys))
        self.assertIn(f"User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: "
                      "states:ListStateMachines on resource: arn:aws:states:", told)
        denial_id(told)
        used = self.iam.get_access_key_last_used(AccessKeyId=keys[0])["AccessKeyLastUsed"]
        self.assertEqual((used["ServiceName"], used["Region"]), ("states", REGION), used)
        told = self.aws_as(keys, SFN, "list-state-machines", fails=True)
        self.assertIn("AccessDeniedException", told)
        self.may("ann", allow("states:ListStateMachines"))
        self.aws_as(keys, SFN, "list-state-machines")

        key, secret, _ = keys
        wrong = ("UnrecognizedClientException", "InvalidSignatureException")
        with self.assertRaises(ClientError) as refusal:
            self.server.client(SFN, (key, secret[::-1], None)).list_state_machines()
        self.assertEqual(refusal.exception.response["Error"]["Code"], wrong[1])
        self.iam.update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")
        self.refused(wrong[0], "ListStateMachines", self.server.client(SFN, keys))
        self.iam.update_access_key(UserName="ann", AccessKeyId=key, Status="Active")
        self.caller(keys)
        self.iam.delete_access_key(UserName="ann", AccessKeyId=key)

    def test_sessions(self):
        """AssumeRole, what its session may do, and what a policy of the session leaves of it."""
        keys = self.user("sid", allow("sts:AssumeRole"))
        by_account = policy({**allow("sts:AssumeRole"), "Principal": {"AWS": ACCOUNT}})
        by_account = json.loads(by_account)
        del by_account["Statement"][0]["Resource"]
        role = make_role(self.iam, "reader", json.dumps(by_account), allow("states:List*"))
        sts = self.server.client("sts", keys)
        made = sts.assume_role(RoleArn=role, RoleSessionName="one", DurationSeconds=900)
        session = tuple(made["Credentials"][name] for name in
                        ("AccessKeyId", "SecretAccessKey", "SessionToken"))
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/one"
        self.assertEqual(made["AssumedRoleUser"]["Arn"], arn)
        self.assertEqual(self.caller(session)["Arn"], arn)
        states = self.server.client(SFN, session)
        states.list_state_machines()
        self.refused("AccessDeniedException", "CreateActivity", states, name="no")
        narrow = sts.assume_role(RoleArn=role, RoleSessionName="two",
                                 Policy=policy(allow("states:ListActivities")))["Credentials"]
        narrowed = self.server.client(SFN, (narrow["AccessKeyId"], narrow["SecretAccessKey"],
                                            narrow["SessionToken"]))
        narrowed.list_activities()
        told = self.refused("AccessDeniedException", "ListStateMachines", narrowed)
        self.assertIn("because no session policy allows", told)

        # A key, its secret and its token belong together; and nobody makes a token.
        key, secret, token = session
        for other in ((key, secret, narrow["SessionToken"]), (key, secret, token[:-6] + "AAAAAA"),
                      (key, narrow["SecretAccessKey"], token),
                      (narrow["AccessKeyId"], secret, token)):
            with self.assertRaises(ClientError):
                self.caller(other)
        # The role's policies count as they are now.
        self.iam.put_role_policy(RoleName="reader", PolicyName="may", PolicyDocument=policy(
            allow("states:ListActivities")))
        self.refused("AccessDeniedException", "ListStateMachines", states)
        self.iam.update_assume_role_policy(RoleName="reader",
                                           PolicyDocument=trust("states.amazonaws.com"))
        told = self.refused("AccessDenied", "AssumeRole", sts, RoleArn=role,
                            RoleSessionName="three")
        self.assertIn("is not authorized to perform: sts:AssumeRole on resource: " + role, told)

    def test_simulation(self):
        self.user("sim", allow("states:Describe*"))
        arn = f"arn:aws:iam::{ACCOUNT}:user/sim"
        machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:any"
        found = self.server.aws("iam", "simulate-principal-policy", "--policy-source-arn", arn,
                                "--action-names", "states:DescribeStateMachine",
                                "states:DeleteStateMachine", "--resource-arns", machine)
        decisions = {it["EvalActionName"]: it["EvalDecision"] for it in found["EvaluationResults"]}
        self.assertEqual(decisions, {"states:DescribeStateMachine": "allowed",
                                     "states:DeleteStateMachine": "implicitDeny"})

    def test_audit(self):
        """Who did what; a denial with the id that its caller was told."""
        keys = self.user("eve")
        told = self.refused("AccessDenied", "CreateUser", self.server.client("iam", keys),
                            UserName="mallory")
        found = denial_id(told)
        events = self.events(Username="eve")
        [event] = [it for it in events if it["eventName"] == "CreateUser"]
        self.assertEqual(event["userIdentity"]["arn"], f"arn:aws:iam::{ACCOUNT}:user/eve")
        self.assertEqual(event["errorCode"], "AccessDenied")
        self.assertIn(found, json.dumps(event))
        [made] = [it for it in self.events(EventName="CreateUser")
                  if it.get("requestParameters", {}).get("userName") == "eve"]
        self.assertEqual((made["userIdentity"]["type"], made.get("errorCode")), ("Root", None))
        # The command sees the same.
        listed = self.server.aws("cloudtrail", "lookup-events", "--region", "us-east-1",
                                 "--lookup-attributes",
                                 "AttributeKey=Username,AttributeValue=eve")["Events"]
        self.assertIn("CreateUser", [it["EventName"] for it in listed])


class Open(Walk, IdentityCase):
    """`lockstep dev`: any key is the administrator, but users and sessions are who they are."""

    def test_any_other_key_is_the_administrator(self):
        for keys in (("test", "any", None), ("AKIAIOSFODNN7EXAMPLE", "any", None)):
            self.assertEqual(self.caller(keys)["Arn"], f"arn:aws:iam::{ACCOUNT}:root")


class Closed(Walk, IdentityCase):
    """`lockstep serve`: everyone is known, or refused."""

    server_class = ClosedServer

    def test_root_credentials(self):
        file = self.server.root_credentials
        self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600)
        variables = {**self.server.environment(), "AWS_SHARED_CREDENTIALS_FILE": file}
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del variables[name]
        program = os.path.join(os.path.dirname(sys.executable), "aws")
        run = subprocess.run([program, "sts", "get-caller-identity"], env=variables,
                             capture_output=True, text=True, timeout=60)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(json.loads(run.stdout)["Arn"], f"arn:aws:iam::{ACCOUNT}:root")
        self.assertNotIn(self.server.keys()[1], self.server.output())

    def test_strangers(self):
        for keys in (("test", "test", None), (ACCOUNT, "test", None),
                     ("AKIAIOSFODNN7EXAMPLE", "x" * 40, None)):
            self.refused_caller("InvalidClientTokenId", keys)
        self.refused_caller("SignatureDoesNotMatch", (self.server.keys()[0], "x" * 40, None))
        prepared = self.signed(self.server.keys(), "ListStateMachines", {})
        self.assertEqual(self.sent(prepared)[0], 200)
        del prepared.headers["Authorization"]
        self.check_refused(prepared, "MissingAuthenticationTokenException",
                           "Missing Authentication Token")

    def test_clocks(self):
        keys = self.server.keys()
        for seconds in (-890, 890):
            self.assertEqual(self.sent(self.signed(keys, "ListActivities", {}, seconds))[0], 200)
        for seconds, text in ((-910, "Signature expired: "), (910, "Signature not yet current: ")):
            self.check_refused(self.signed(keys, "ListActivities", {}, seconds),
                               "InvalidSignatureException", text)

    def test_replays(self):
        """A management call that changes something is taken once for one signature."""
        keys = self.server.keys()
        create = self.signed(keys, "CreateActivity", {"name": "replayed"})
        status, answer = self.sent(create)
        self.assertEqual(status, 200, answer)
        status, again = self.sent(create)
        self.assertEqual((status, "taken before" in str(again)), (400, True), again)
        # Signed anew it is another call.
        later = self.signed(keys, "CreateActivity", {"name": "replayed"}, 1)
        self.assertEqual(self.sent(later)[0], 200)
        # Reading may be repeated, and so may data calls: two equal ones of a second look the same.
        role = make_role(self.iam, "replayed", trust("states.amazonaws.com"))
        machine = self.machine("replayed", role)
        start = self.signed(keys, "StartExecution", {"stateMachineArn": machine, "input": "{}"})
        self.assertEqual([self.sent(start)[0] for _ in range(2)], [200, 200])
        read = self.signed(keys, "DescribeActivity", {"activityArn": answer["activityArn"]})
        self.assertEqual([self.sent(read)[0] for _ in range(2)], [200, 200])
        changed = self.signed(keys, "DescribeExecution", {"executionArn": machine}, 5)
        changed.body = changed.body.replace("replayed", "replaced")
        self.check_refused(changed, "InvalidSignatureException", "signature we calculated")

    def test_reads_are_audited(self):
        """Whoever reads is answered at once, and in the log for whoever looks, then and later."""
        name = "reader"
        states = self.server.client(SFN, self.user(name, allow("states:ListActivities")))

        def seen():
            pages = self.server.client("cloudtrail").get_paginator("lookup_events").paginate(
                LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": name}])
            return [event["EventName"] for page in pages for event in page["Events"]]
        for count in range(1, 4):
            states.list_activities()
            self.assertEqual(seen(), ["ListActivities"] * count)
        states.list_activities()
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        type(self).connect()
        self.assertEqual(seen(), ["ListActivities"] * 4)

    def test_restart(self):
        """Keys, sessions, the audit log and denials outlive the process."""
        keys = self.user("rest", allow(["sts:AssumeRole", "states:ListActivities"]))
        trusted = json.loads(policy({"Effect": "Allow", "Action": "sts:AssumeRole",
                                     "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/rest"}}))
        role = make_role(self.iam, "rested", json.dumps(trusted), allow("states:ListActivities"))
        made = self.server.client("sts", keys).assume_role(
            RoleArn=role, RoleSessionName="rest")["Credentials"]
        session = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        root = self.server.keys()
        told = self.refused("AccessDenied", "CreateUser", self.server.client("iam", keys),
                            UserName="no")
        found = denial_id(told)
        self.events(Username="rest")
        self.server.kill()
        self.server.start()
        type(self).connect()
        self.assertEqual(self.server.keys(), root)
        for who in (keys, session):
            self.server.client(SFN, who).list_activities()
        self.assertIn("CreateUser", [it["eventName"] for it in self.events(Username="rest")])
        details = self.details(found)
        self.assertEqual(details["evaluations"][0]["action"], "iam:CreateUser")


if __name__ == "__main__":
    unittest.main()
