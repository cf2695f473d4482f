"""Every served operation of IAM there and back, as a deploy tool uses them."""
import json
import unittest

from botocore.exceptions import ClientError

from support import ServerCase, trust

POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["lambda:InvokeFunction", "logs:*"], "Resource": "*"}]}
OTHER = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::schön?&+ %/*"}]}


class Iam(ServerCase):
    def refused(self, code, call, **parameters):
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)

    def test_roles(self):
        iam, name = self.iam, "Round-Trip"
        made = iam.create_role(RoleName=name, Path="/a/b/", Description="first",
                               AssumeRolePolicyDocument=trust("states.us-east-2.amazonaws.com"),
                               MaxSessionDuration=7200, Tags=[{"Key": "a", "Value": "1"}])["Role"]
        self.assertEqual(made["Arn"], f"arn:aws:iam::000000000000:role/a/b/{name}")
        self.refused("EntityAlreadyExists", iam.create_role, RoleName=name.lower(),
                     AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
        read = iam.get_role(RoleName=name)["Role"]
        self.assertEqual({key: read[key] for key in made}, made)
        self.assertEqual(read["AssumeRolePolicyDocument"],
                         json.loads(trust("states.us-east-2.amazonaws.com")))
        iam.update_role(RoleName=name, Description="second", MaxSessionDuration=3600)
        iam.update_role_description(RoleName=name, Description="third")
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust("lambda.amazonaws.com"))
        read = iam.get_role(RoleName=name)["Role"]
        self.assertEqual((read["Description"], read["MaxSessionDuration"]), ("third", 3600))
        self.assertEqual(read["AssumeRolePolicyDocument"],
                         json.loads(trust("lambda.amazonaws.com")))
        iam.tag_role(RoleName=name, Tags=[{"Key": "A", "Value": "2"}, {"Key": "b", "Value": ""}])
        iam.untag_role(RoleName=name, TagKeys=["b", "none"])
        self.assertEqual(iam.list_role_tags(RoleName=name)["Tags"], [{"Key": "A", "Value": "2"}])
        self.assertEqual(iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"], [])
        listed = iam.list_roles(PathPrefix="/a/")["Roles"]
        self.assertEqual([role["RoleName"] for role in listed], [name])
        iam.delete_role(RoleName=name)
        self.refused("NoSuchEntity", iam.get_role, RoleName=name)

    def test_inline_policies(self):
        iam, name = self.iam, "inline"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
        for policy, document in (("one", POLICY), ("two", OTHER), ("one", OTHER)):
            iam.put_role_policy(RoleName=name, PolicyName=policy,
                                PolicyDocument=json.dumps(document, ensure_ascii=False))
        self.assertEqual(iam.list_role_policies(RoleName=name)["PolicyNames"], ["one", "two"])
        self.assertEqual(iam.get_role_policy(RoleName=name, PolicyName="one")["PolicyDocument"],
                         OTHER)
        self.refused("MalformedPolicyDocument", iam.put_role_policy, RoleName=name,
                     PolicyName="bad", PolicyDocument="{")
        self.refused("DeleteConflict", iam.delete_role, RoleName=name)
        for policy in ("one", "two"):
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        self.refused("NoSuchEntity", iam.get_role_policy, RoleName=name, PolicyName="one")
        iam.delete_role(RoleName=name)

    def test_managed_policies(self):
        iam, name = self.iam, "managed"
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("lambda.amazonaws.com"))
        made = iam.create_policy(PolicyName="own", Path="/p/", PolicyDocument=json.dumps(POLICY),
                                 Description="d")["Policy"]
        arn = made["Arn"]
        self.assertEqual(arn, "arn:aws:iam::000000000000:policy/p/own")
        aws = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        for attached in (arn, aws, arn):
            iam.attach_role_policy(RoleName=name, PolicyArn=attached)
        listed = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        self.assertEqual({entry["PolicyArn"] for entry in listed}, {arn, aws})
        self.assertEqual(iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"], 1)
        iam.create_policy(PolicyName="unused", PolicyDocument=json.dumps(POLICY))
        counts = {policy["PolicyName"]: policy["AttachmentCount"]
                  for policy in iam.list_policies(Scope="Local")["Policies"]}
        self.assertEqual(counts, {"own": 1, "unused": 0})
        used = iam.list_policies(Scope="Local", OnlyAttached=True)["Policies"]
        self.assertEqual([policy["PolicyName"] for policy in used], ["own"])
        second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(OTHER),
                                           SetAsDefault=True)["PolicyVersion"]
        self.assertEqual((second["VersionId"], second["IsDefaultVersion"]), ("v2", True))
        self.assertEqual([v["VersionId"] for v in
                          iam.list_policy_versions(PolicyArn=arn)["Versions"]], ["v2", "v1"])
        for version, document in (("v1", POLICY), ("v2", OTHER)):
            read = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
            self.assertEqual(read["Document"], document)
        self.refused("DeleteConflict", iam.delete_policy, PolicyArn=arn)
        self.refused("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
        iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
        for attached in (arn, aws):
            iam.detach_role_policy(RoleName=name, PolicyArn=attached)
        iam.delete_policy(PolicyArn=arn)
        self.refused("NoSuchEntity", iam.get_policy, PolicyArn=arn)
        iam.delete_role(RoleName=name)

    def test_what_is_not_served_says_so(self):
        with self.assertRaises(ClientError) as caught:
            self.iam.create_virtual_mfa_device(VirtualMFADeviceName="d")
        self.assertIn("iam:CreateVirtualMFADevice is not served", caught.exception.response["Error"]["Message"])


if __name__ == "__main__":
    unittest.main()
