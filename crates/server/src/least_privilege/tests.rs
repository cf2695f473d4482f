use super::*;

#[test]
fn what_is_needed_missing_and_unused_is_told() {
    let answer = r#"{"stateMachineArn": "arn:m", "roleArn": "arn:r", "executionsRead": 2,
        "isComplete": true, "states": [
            {"name": "Charge", "resource": "x", "privileges": [
                {"action": "lambda:InvokeFunction", "resources": ["f", "g"],
                 "sources": ["DEFINITION", "EXECUTIONS"], "executions": 2, "isDynamic": false}]},
            {"name": "Pay", "resource": "y", "privileges": [
                {"action": "sts:AssumeRole", "resources": ["arn:o"], "sources": ["DEFINITION"],
                 "isDynamic": false}],
             "assumedRoleArns": ["arn:o"], "assumedRolePrivileges": [
                {"action": "sqs:SendMessage", "resources": ["q"], "sources": ["DEFINITION"],
                 "executions": 0, "isDynamic": false}]}],
        "policyDocument": "{\"Version\":\"2012-10-17\"}",
        "assumedRoles": [{"roleArn": "arn:o", "policyDocument": "{\"Version\":\"other\"}"}],
        "missing": [{"action": "sts:AssumeRole", "resource": "arn:o"}],
        "unused": [{"policy": "p", "statement": 0, "sid": "All", "text": "{}",
            "unusedActions": ["s3:*"], "unusedResources": ["b", "c"],
            "usedActions": ["lambda:InvokeFunction"], "usedResources": []}],
        "notes": ["narrow it"]}"#;
    let mut out = Vec::new();
    print(&json::parse(answer).unwrap(), &mut out).unwrap();
    let expected = "\
arn:m
  runs as arn:r
  read: its definition and 2 executions (all there are)

What its states call:
  Charge
    lambda:InvokeFunction (definition, 2 executions)
      f
      g
  Pay
    sts:AssumeRole (definition)
      arn:o
    as arn:o:
    sqs:SendMessage (definition)
      q

To know:
  narrow it

The role is not allowed, and needs:
  sts:AssumeRole on arn:o

The role is allowed, and does not use:
  statement 1 `All` of p
    never used:    s3:*
    never used on: b, c
    used of it:    lambda:InvokeFunction

The policy it needs:
  {\"Version\":\"2012-10-17\"}

The policy that arn:o needs:
  {\"Version\":\"other\"}
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// IAM takes no policy without statements, so none is shown.
#[test]
fn a_machine_that_calls_nothing() {
    let answer = r#"{"stateMachineArn": "arn:m", "roleArn": "arn:r", "executionsRead": 0,
        "isComplete": true, "states": [], "assumedRoles": [], "missing": [], "unused": [],
        "policyDocument": "{\"Version\":\"2012-10-17\",\"Statement\":[]}", "notes": []}"#;
    let mut out = Vec::new();
    print(&json::parse(answer).unwrap(), &mut out).unwrap();
    let expected = "\
arn:m
  runs as arn:r
  read: its definition and no execution (all there are)

Its states call nothing that needs a permission.

The policy it needs: none.
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
