use super::*;
use crate::lockstep::explain::tests::denied;

#[test]
fn words_of_a_shell() {
    let cases = [
        ("plain-1_2.json", "plain-1_2.json"),
        (
            "arn:aws:iam::1:role/a@b,c=d+e",
            "arn:aws:iam::1:role/a@b,c=d+e",
        ),
        ("", "''"),
        ("two words", "'two words'"),
        ("it's", r"'it'\''s'"),
        ("$(rm)", "'$(rm)'"),
        ("a;b", "'a;b'"),
        ("~", "'~'"),
        ("a\nb", "'a\nb'"),
        ("日", "'日'"),
    ];
    for (text, expected) in cases {
        assert_eq!(quoted(text), expected);
    }
}

#[test]
fn entities() {
    let cases = [
        ("arn:aws:iam::1:role/r", Some(("role", "r"))),
        ("arn:aws:iam::1:user/a/b/u", Some(("user", "u"))),
        ("arn:aws:iam::1:root", None),
        ("arn:aws:iam::1:group/g", None),
        ("states.amazonaws.com", None),
    ];
    for (arn, expected) in cases {
        assert_eq!(entity(arn), expected, "{arn}");
    }
}

/// A user's inline policies have 2,048 bytes together, a role's 10,240; white space is not counted.
#[test]
fn a_managed_policy_where_no_inline_one_has_room() {
    const STATEMENT: &str = r#"{"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}"#;
    let added = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
        \"Action\":\"iam:ListUsers\",\"Resource\":\"*\"}]}";
    let denial = denied("iam:ListUsers", "*", &[]);
    let name = "allow-iam-ListUsers-0ab9z123";
    let inline = |entity: &str| {
        format!(
            "aws iam put-{entity}-policy --{entity}-name x --policy-name {name} \
             --policy-document '{added}'"
        )
    };
    let managed = |entity: &str| {
        format!(
            "aws iam create-policy --policy-name {name} --policy-document '{added}'\n\
             aws iam attach-{entity}-policy --{entity}-name x \
             --policy-arn arn:aws:iam::123456789012:policy/{name}"
        )
    };
    for (entity, bytes_max) in [("user", 2_048), ("role", 10_240)] {
        let to = format!("arn:aws:iam::123456789012:{entity}/team/x");
        let command = |inline_bytes| {
            let addition = Addition {
                id: "0ab9z12345",
                denial: &denial,
                kind: PolicyKind::Identity,
                to: &to,
                statement: STATEMENT,
                inline_bytes,
            };
            addition.command()
        };
        let room = bytes_max - added.len();
        assert_eq!(command(room), Some(inline(entity)));
        assert_eq!(command(room + 1), Some(managed(entity)));
    }
}
