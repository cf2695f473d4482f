use super::*;

fn check(machine_arn: &str, name: &str, expected: Option<&str>) {
    let made = execution(machine_arn, name);
    assert_eq!(made.as_deref(), expected, "{machine_arn} {name}");
    if let Some(arn) = made {
        let read = ExecutionRef {
            machine_arn: machine_arn.to_owned(),
            name,
        };
        assert_eq!(read_execution(&arn), Some(read), "{arn}");
    }
}

#[test]
fn execution_arns_are_made_and_read() {
    check(
        "arn:aws:states:us-east-1:000000000000:stateMachine:Hello",
        "run-1",
        Some("arn:aws:states:us-east-1:000000000000:execution:Hello:run-1"),
    );
    check(
        "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:a.b",
        "é",
        Some("arn:aws-cn:states:cn-north-1:123456789012:execution:a.b:é"),
    );
    check(
        "arn:aws:states:us-east-1:000000000000:stateMachine:Hello:1",
        "run",
        None,
    );
    check(
        "arn:aws:states:us-east-1:000000000000:activity:Hello",
        "run",
        None,
    );
    check(
        "arn:aws:lambda:us-east-1:000000000000:stateMachine:Hello",
        "run",
        None,
    );
    check("nonsense", "run", None);
}

#[test]
fn what_is_no_execution_arn_is_refused() {
    for arn in [
        "",
        "arn:aws:states:us-east-1:000000000000:execution:Hello",
        "arn:aws:states:us-east-1:000000000000:execution:Hello:",
        "arn:aws:states:us-east-1:000000000000:execution::x",
        "arn:aws:states:us-east-1:000000000000:express:Hello:x:y",
        "arn:aws:states:us-east-1:000000000000:stateMachine:Hello",
    ] {
        assert_eq!(read_execution(arn), None, "{arn}");
    }
}

#[test]
fn express_arns_are_made_and_read() {
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:Hello";
    let arn = express(machine, "run-1", "f0").unwrap();
    assert_eq!(
        &*arn,
        "arn:aws:states:us-east-1:000000000000:express:Hello:run-1:f0"
    );
    let read = ExpressRef {
        machine_arn: machine.to_owned(),
        name: "run-1",
        unique: "f0",
    };
    assert_eq!(read_express(&arn), Some(read));
    assert_eq!(of_row(machine, "run-1:f0"), Some(arn));
    assert_eq!(of_row(machine, "run-1"), execution(machine, "run-1"));
    assert_eq!(express(&format!("{machine}:1"), "run", "x"), None);
    for arn in [
        "arn:aws:states:us-east-1:000000000000:express:Hello:run",
        "arn:aws:states:us-east-1:000000000000:express:Hello:run:",
        "arn:aws:states:us-east-1:000000000000:express:Hello:run:x:y",
        "arn:aws:states:us-east-1:000000000000:execution:Hello:run",
    ] {
        assert_eq!(read_express(arn), None, "{arn}");
    }
}

#[test]
fn a_qualifier_is_a_version_or_an_alias() {
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:Hello";
    let alias = format!("{machine}:live-2");
    assert_eq!((qualifier(machine), version(machine)), (None, None));
    assert_eq!((qualifier(&alias), version(&alias)), (Some("live-2"), None));
    assert_eq!(version(&format!("{machine}:12")), Some(12));
}

#[test]
fn region_and_account_are_fields_of_the_arn() {
    let arn = "arn:aws:states:eu-west-1:123456789012:execution:Hello:x";
    assert_eq!((region(arn), account(arn)), ("eu-west-1", "123456789012"));
    assert_eq!((region("x"), account("x")), ("", ""));
}

#[test]
fn the_servers_own_machines_have_names_of_their_own() {
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:";
    for (name, expected) in [("Hello", false), ("~hello", true), ("hello~", false)] {
        assert_eq!(is_own(&format!("{machine}{name}")), expected, "{name}");
    }
}
