"""Secrets are found nowhere: not in logs of any level, errors, the audit log, files or doctor."""
import json
import pathlib
import subprocess
import unittest
import urllib.error
import urllib.request

from support import BINARY, ClosedServer, allow, make_role, policy
from test_identity import IdentityCase

ACCOUNT = "000000000000"
# A token of nobody: what is refused must not be repeated, either.
WEB_TOKEN = "eyJhbGciOiJSUzI1NiJ9.Y2FuYXJ5LXdlYi1pZGVudGl0eS10b2tlbg.c2lnbmF0dXJlLW9mLWNhbmFyeQ"


class Secrets(IdentityCase):
    server_class = ClosedServer
    flags = ("--log", "trace")
    # Equal requests within a second are wanted here.
    variables = {"LOCKSTEP_AUDIT_DATA_CALLS": "true", "LOCKSTEP_REFUSE_REPLAYS": "false"}

    def exercise(self):
        """Calls that carry secrets, allowed and refused; the secrets, by what they are."""
        secrets = {"root secret": self.server.keys()[1]}
        keys = self.user("canary", allow(["sts:*", "states:*"]))
        secrets["access key secret"] = keys[1]
        second = self.new_key("canary")
        secrets["second secret"] = second[1]
        trusted = json.loads(policy({"Effect": "Allow", "Action": "sts:AssumeRole",
                                     "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/canary"}}))
        role = make_role(self.iam, "canary", json.dumps(trusted), allow("states:ListActivities"))
        sts = self.server.client("sts", keys)
        made = sts.assume_role(RoleArn=role, RoleSessionName="canary")["Credentials"]
        session = (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
        secrets["session secret"], secrets["session token"] = session[1:]
        own = self.server.client("sts", second).get_session_token()["Credentials"]
        secrets["own session secret"] = own["SecretAccessKey"]
        secrets["own session token"] = own["SessionToken"]
        secrets["web identity token"] = WEB_TOKEN
        states = self.server.client("stepfunctions", session)
        states.list_activities()
        self.errors = [
            self.refused("AccessDeniedException", "CreateActivity", states, name="no"),
            self.refused("InvalidIdentityToken", "AssumeRoleWithWebIdentity", sts, RoleArn=role,
                         RoleSessionName="web", WebIdentityToken=WEB_TOKEN),
            self.refused("InvalidName", "CreateActivity", self.states, name="a b"),
        ]
        changed = self.server.client("sts", (session[0], session[1], session[2][:-6] + "AAAAAA"))
        self.errors.append(self.refused("InvalidClientTokenId", "GetCallerIdentity", changed))
        wrong = self.server.client("sts", (keys[0], session[1], None))
        self.errors.append(self.refused("SignatureDoesNotMatch", "GetCallerIdentity", wrong))
        self.crooked(session)
        return secrets

    def crooked(self, session):
        """Requests that no service understands, with credentials in header and query."""
        token = urllib.request.quote(session[2], safe="")
        for path in (f"/nowhere?X-Amz-Security-Token={token}&X-Amz-Algorithm=AWS4-HMAC-SHA256",
                     f"/?Action=Nothing&X-Amz-Security-Token={token}"):
            request = urllib.request.Request(self.server.endpoint + path, data=b"Action=Nothing",
                                             headers={"X-Amz-Security-Token": session[2]})
            with self.assertRaises(urllib.error.HTTPError) as refusal:
                urllib.request.urlopen(request, timeout=20)
            with refusal.exception as answer:
                self.errors.append(answer.read().decode())

    def check_absent(self, secrets, where, content):
        for what, secret in secrets.items():
            for form in (secret, urllib.request.quote(secret, safe="")):
                self.assertNotIn(form.encode(), content, f"the {what} is in {where}")

    def test_secrets_are_found_nowhere(self):
        secrets = self.exercise()
        for error in self.errors:
            self.check_absent(secrets, f"the error `{error[:200]}`", error.encode())
        log = self.events(Username="canary")
        self.assertGreater(len(log), 3)
        self.check_absent(secrets, "the audit log", json.dumps(log).encode())
        made = self.events(EventName="CreateAccessKey")
        self.check_absent(secrets, "the audit log", json.dumps(made).encode())
        assumed = self.events(EventName="AssumeRole")
        self.check_absent(secrets, "the audit log", json.dumps(assumed).encode())

        # What it writes as it ends, too.
        self.addCleanup(self.server.start)
        self.server.stop()
        output = self.server.output()
        self.assertRegex(output, "TRACE|DEBUG", "the log has the level that was asked for")
        self.check_absent(secrets, "the server's output", output.encode())
        doctor = subprocess.run([BINARY, "doctor", "--data", self.server.store], timeout=60,
                                capture_output=True)
        self.check_absent(secrets, "the output of doctor", doctor.stdout + doctor.stderr)
        self.assertTrue(doctor.stdout)
        files = [file for file in pathlib.Path(self.server.store).rglob("*") if file.is_file()]
        functions = pathlib.Path(self.server.store) / "functions"
        kept = {"root-credentials", "master.key"}
        self.assertGreaterEqual({file.name for file in files}, kept | {"lockstep.db", "lines.db"})
        for file in files:
            if file.name not in kept:
                self.check_absent(secrets, str(file), file.read_bytes())
            # Payloads and variables lie there as they are. What functions see as users of their own
            # is behind a folder that nobody else enters.
            seen_by_functions = functions in file.parents
            private = functions if seen_by_functions else file
            self.assertEqual(private.stat().st_mode & 0o077, 0, file)

    def test_the_search_finds_what_is_there(self):
        """The judge itself: the access key's id, no secret, is in what is searched."""
        keys = self.user("seen", allow("states:ListActivities"))
        self.server.client("stepfunctions", keys).list_activities()
        self.events(Username="seen")
        with self.assertRaises(AssertionError):
            log = json.dumps(self.events(EventName="CreateAccessKey")).encode()
            self.check_absent({"id": keys[0]}, "the audit log", log)
        files = pathlib.Path(self.server.store).rglob("*.db*")
        self.assertTrue(any(keys[0].encode() in file.read_bytes() for file in files))


if __name__ == "__main__":
    unittest.main()
