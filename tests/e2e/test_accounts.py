"""Accounts, regions and pages: what is asked for in one place is not answered from another."""
import json
import unittest

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from support import ServerCase, free_port, make_role, trust

PASS = '{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}'


class Accounts(ServerCase):
    def client(self, service, key, region):
        return boto3.session.Session().client(
            service, endpoint_url=self.server.endpoint, region_name=region,
            aws_access_key_id=key, aws_secret_access_key="any",
            config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}))

    def test_a_12_digit_key_is_an_account(self):
        for key, account in (("123456789012", "123456789012"), ("AKIAEXAMPLE", "000000000000"),
                             ("12345678901", "000000000000")):
            caller = self.client("sts", key, "us-east-1").get_caller_identity()
            self.assertEqual((caller["Account"], caller["Arn"]),
                             (account, f"arn:aws:iam::{account}:root"))

    def test_the_same_name_in_every_place(self):
        arns = set()
        for key, account in (("111111111111", "111111111111"), ("test", "000000000000")):
            for region in ("us-east-1", "eu-central-1"):
                states = self.client("stepfunctions", key, region)
                role = make_role(self.client("iam", key, region), "r", trust("states.amazonaws.com"))
                arn = states.create_state_machine(
                    name="same", definition=PASS, roleArn=role)["stateMachineArn"]
                self.assertEqual(arn, f"arn:aws:states:{region}:{account}:stateMachine:same")
                self.assertEqual([m["stateMachineArn"] for m in
                                  states.list_state_machines()["stateMachines"]], [arn])
                started = states.start_execution(stateMachineArn=arn, name="same")["executionArn"]
                self.assertEqual(started, f"arn:aws:states:{region}:{account}:execution:same:same")
                arns.add(arn)
        for arn in arns:
            with self.assertRaises(ClientError) as caught:
                self.client("stepfunctions", "222222222222", "us-east-1").describe_state_machine(
                    stateMachineArn=arn)
            self.assertEqual(caught.exception.response["Error"]["Code"],
                             "StateMachineDoesNotExist")

    def test_roles_belong_to_an_account_and_not_to_a_region(self):
        one = self.client("iam", "333333333333", "us-east-1")
        one.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": {
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Principal": {"AWS": "arn:aws:iam::333333333333:root"}}}))
        read = self.client("iam", "333333333333", "ap-south-1").get_role(RoleName="r")
        self.assertEqual(read["Role"]["Arn"], "arn:aws:iam::333333333333:role/r")
        with self.assertRaises(ClientError):
            self.client("iam", "444444444444", "us-east-1").get_role(RoleName="r")

    def test_pages_go_on_after_a_crash_on_another_port(self):
        machine = self.create_machine("pages", PASS)
        started = {self.start(machine) for _ in range(5)}
        for execution in started:
            self.ended(execution)
        for number in range(3):
            self.create_machine(f"pages-{number}", PASS)
            self.create_function(f"pages-{number}", "def handler(event, context):\n    pass\n")
        any_execution = next(iter(started))
        lists = (
            (lambda: self.states.list_executions, "executions", "nextToken",
             {"stateMachineArn": machine, "maxResults": 2}),
            (lambda: self.states.get_execution_history, "events", "nextToken",
             {"executionArn": any_execution, "maxResults": 2}),
            (lambda: self.states.list_state_machines, "stateMachines", "nextToken",
             {"maxResults": 2}),
            (lambda: self.functions.list_functions, "Functions", "Marker", {"MaxItems": 2}),
            (lambda: self.iam.list_roles, "Roles", "Marker", {"MaxItems": 1}),
        )
        firsts = [call()(**asked) for call, _, _, asked in lists]
        whole = [call()(**{k: v for k, v in asked.items() if not k.lower().startswith("max")})
                 for call, _, _, asked in lists]
        self.server.kill()
        self.server.port = free_port()
        self.server.start()
        self.connect()
        for (call, items, token, asked), first, all_items in zip(lists, firsts, whole):
            seen, page = list(first[items]), first
            while page.get(token) or page.get("NextMarker"):
                page = call()(**asked, **{token: page.get("NextMarker") or page[token]})
                seen += page[items]
            self.assertEqual(seen, all_items[items])
        for more in ({"stateMachineArn": machine[:-1] + "-0"}, {"statusFilter": "FAILED"}):
            with self.assertRaises(ClientError):
                self.states.list_executions(**{
                    "stateMachineArn": machine, **more, "nextToken": firsts[0]["nextToken"]})


if __name__ == "__main__":
    unittest.main()
