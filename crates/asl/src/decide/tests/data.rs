use super::{check_end, one, states};

fn check(fields: &str, input: &str, expected: &str) {
    let expected = format!("ExecutionSucceeded {expected}");
    check_end(
        &one(&format!(r#""Type":"Pass",{fields}"#)),
        input,
        &[],
        &expected,
    );
}

#[test]
fn pass_fields() {
    let input = r#"{"a":{"b":1},"c":2.0}"#;
    check(r#""InputPath":"$.a""#, input, r#"{"b":1}"#);
    check(r#""InputPath":null"#, input, "{}");
    check(r#""OutputPath":"$.c""#, input, "2.0");
    check(r#""OutputPath":null"#, input, "{}");
    check(r#""InputPath":"$.a","OutputPath":"$.b""#, input, "1");
    check(
        r#""Parameters":{"x.$":"$.c","y":"$.c"}"#,
        input,
        r#"{"y":"$.c","x":2.0}"#,
    );
    check(
        r#""InputPath":"$.a","Parameters":{"x.$":"$.b"}"#,
        input,
        r#"{"x":1}"#,
    );
    check(r#""Result":{"x.$":"$.c"}"#, input, r#"{"x.$":"$.c"}"#);
    check(r#""Result":null"#, input, "null");
    check(r#""Result":7,"ResultPath":null"#, input, input);
    check(
        r#""Result":7,"ResultPath":"$.a.d""#,
        input,
        r#"{"a":{"b":1,"d":7},"c":2.0}"#,
    );
    // ResultPath merges into the raw input, not into what InputPath left of it.
    check(
        r#""InputPath":"$.a","ResultPath":"$.r""#,
        input,
        r#"{"a":{"b":1},"c":2.0,"r":{"b":1}}"#,
    );
    check(
        r#""Result":7,"ResultPath":"$.a","OutputPath":"$.a""#,
        input,
        "7",
    );
    check(r#""Result":1,"Parameters":{"x":2}"#, input, "1");
}

#[test]
fn context_object() {
    check(r#""InputPath":"$$.State.Name""#, "{}", r#""A""#);
    check(
        r#""Parameters":{"i.$":"$$.Execution.Input.k"}"#,
        r#"{"k":[1]}"#,
        r#"{"i":[1]}"#,
    );
    check(
        r#""Parameters":{"c.$":"$$"}"#,
        r#"{"k":1}"#,
        concat!(
            r#"{"c":{"Execution":{"Id":"arn:aws:states:us-east-1:123456789012:execution:m:e","#,
            r#""Input":{"k":1},"StartTime":"2023-11-14T22:13:20Z","Name":"e","#,
            r#""RoleArn":"arn:aws:iam::123456789012:role/r","RedriveCount":0},"#,
            r#""StateMachine":{"Id":"arn:aws:states:us-east-1:123456789012:stateMachine:m","#,
            r#""Name":"m"},"State":{"Name":"A","EnteredTime":"2023-11-14T22:13:20Z"}}}"#
        ),
    );
}

#[test]
fn result_path_needs_an_object() {
    let cause = "An error occurred while executing the state 'A' (entered at the event id #2). \
                 Unable to apply ReferencePath $.r to input \"text\"";
    check_end(
        &one(r#""Type":"Pass","ResultPath":"$.r""#),
        r#""text""#,
        &[],
        &format!("ExecutionFailed States.ResultPathMatchFailure {cause}"),
    );
}

#[test]
fn states_without_a_result() {
    let input = r#"{"a":{"b":1}}"#;
    for state in [
        r#""A":{"Type":"Succeed","InputPath":"$.a","OutputPath":"$.b"}"#,
        r#""A":{"Type":"Wait","Seconds":0,"InputPath":"$.a","OutputPath":"$.b","End":true}"#,
        r#""A":{"Type":"Choice","InputPath":"$.a","OutputPath":"$.b","Choices":[
            {"Variable":"$.b","IsPresent":true,"Next":"B"}]},"B":{"Type":"Succeed"}"#,
    ] {
        check_end(&states(state), input, &[], "ExecutionSucceeded 1");
    }
}
