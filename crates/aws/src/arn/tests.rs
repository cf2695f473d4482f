use super::{Arn, Error, States, is_valid_name};

const PREFIX: &str = "arn:aws:states:us-east-1:123456789012:";

#[test]
fn parse_and_print() {
    for (text, resource_type) in [
        (
            "arn:aws:states:us-east-1:123456789012:stateMachine:m:1",
            "stateMachine",
        ),
        (
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:$LATEST",
            "function",
        ),
        ("arn:aws:iam::123456789012:role/a/b", "role"),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", "lambda"),
        ("arn:aws:s3:::bucket/key:with:colons", "bucket"),
        ("arn:aws:iam::123456789012:root", "root"),
    ] {
        let arn = Arn::parse(text).expect(text);
        assert_eq!(arn.to_string(), text);
        assert_eq!(arn.resource_type(), resource_type, "{text}");
    }
    for text in [
        "",
        "hello",
        "arn",
        "arn:aws:states:us-east-1:123456789012",
        "ARN:aws:a:b:c:d",
    ] {
        assert_eq!(Arn::parse(text), Err(Error::Prefix(text.to_owned())));
    }
    assert_eq!(
        Arn::parse("invalid_arn")
            .expect_err("no prefix")
            .to_string(),
        "Invalid Arn: 'Invalid ARN prefix: invalid_arn'"
    );
}

#[track_caller]
fn check(resource: &str, expected: Result<States<'_>, &str>) {
    let arn = Arn::parse(&format!("{PREFIX}{resource}")).expect("an ARN");
    let expected = expected.map_err(|kind| Error::ResourceType(kind.to_owned()));
    assert_eq!(States::of(&arn), expected, "{resource}");
}

#[test]
fn states_resources() {
    check("stateMachine:m", Ok(States::StateMachine { name: "m" }));
    check(
        "stateMachine:m:12",
        Ok(States::Version {
            name: "m",
            version: 12,
        }),
    );
    check(
        "stateMachine:m:+1",
        Ok(States::Alias {
            name: "m",
            alias: "+1",
        }),
    );
    check(
        "stateMachine:m:live",
        Ok(States::Alias {
            name: "m",
            alias: "live",
        }),
    );
    check(
        "stateMachine:m/l",
        Ok(States::Labelled {
            name: "m",
            label: "l",
        }),
    );
    check(
        "execution:m:e",
        Ok(States::Execution {
            machine: "m",
            label: None,
            name: "e",
        }),
    );
    check(
        "execution:m/l:e",
        Ok(States::Execution {
            machine: "m",
            label: Some("l"),
            name: "e",
        }),
    );
    check(
        "express:m:e:u",
        Ok(States::Express {
            machine: "m",
            label: None,
            name: "e",
            uuid: "u",
        }),
    );
    check(
        "mapRun:m/l:u",
        Ok(States::MapRun {
            machine: "m",
            label: "l",
            uuid: "u",
        }),
    );
    check("activity:a", Ok(States::Activity { name: "a" }));
}

#[test]
fn no_states_resources() {
    for (resource, kind) in [
        ("stateMachine", "stateMachine"),
        ("stateMachine:", "stateMachine"),
        ("stateMachine:m:1:2", "stateMachine"),
        ("execution:m", "execution"),
        ("mapRun:m:u", "mapRun"),
        ("bogus:m", "bogus"),
    ] {
        check(resource, Err(kind));
    }
}

#[test]
fn states_arns_of_other_services() {
    let lambda = Arn::function("aws", "us-east-1", "123456789012", "f");
    assert_eq!(States::of(&lambda), Err(Error::Prefix(lambda.to_string())));
    assert_eq!(
        States::Express {
            machine: "m",
            label: None,
            name: "e",
            uuid: "u"
        }
        .not_valid_here()
        .to_string(),
        "Invalid Arn: 'Resource type not valid in this context: express'"
    );
}

#[test]
fn roles() {
    let parts = |resource: &str| {
        let arn = Arn::parse(&format!("arn:aws:iam::1:{resource}")).expect("an ARN");
        arn.role_path_and_name()
            .map(|(path, name)| format!("{path} {name}"))
    };
    assert_eq!(parts("role/worker").as_deref(), Some("/ worker"));
    assert_eq!(
        parts("role/service/deep/worker").as_deref(),
        Some("/service/deep/ worker")
    );
    assert_eq!(parts("role/"), None);
    assert_eq!(parts("role"), None);
    assert_eq!(parts("roles/x"), None);
    assert_eq!(parts("user/x"), None);
    let role = Arn::role("aws", "1", "/service/", "w");
    assert_eq!(role.to_string(), "arn:aws:iam::1:role/service/w");
    assert_eq!(
        Arn::assumed_role("aws", "1", "w", "s").to_string(),
        "arn:aws:sts::1:assumed-role/w/s"
    );
}

#[test]
fn functions() {
    let function = |text: &str| Arn::parse(text).expect("an ARN");
    let arn = function("arn:aws:lambda:r:1:function:f:$LATEST");
    assert_eq!(
        arn.function_name_and_qualifier(),
        Some(("f", Some("$LATEST")))
    );
    let arn = function("arn:aws:lambda:r:1:function:f");
    assert_eq!(arn.function_name_and_qualifier(), Some(("f", None)));
    for text in [
        "arn:aws:lambda:r:1:function:",
        "arn:aws:lambda:r:1:layer:l",
        "arn:aws:x:r:1:function:f",
    ] {
        assert_eq!(function(text).function_name_and_qualifier(), None, "{text}");
    }
}

#[test]
fn names() {
    for name in [
        "a",
        "A-b_c.9",
        "naïve-世界",
        &"x".repeat(80),
        &"世".repeat(80),
        "!'()+=@",
    ] {
        assert!(is_valid_name(name), "{name:?}");
    }
    for c in
        "<>{}[]?*\"#%\\^|~`$&,;:/ \t\n\u{0}\u{1f}\u{7f}\u{9f}\u{fffe}\u{ffff}\u{10ffff}".chars()
    {
        assert!(!is_valid_name(&format!("a{c}b")), "{c:?}");
    }
    assert!(!is_valid_name(""));
    assert!(!is_valid_name(&"x".repeat(81)));
}
