use super::*;

const TEXT: &str = "An error occurred (AccessDeniedException) when calling the StartExecution \
    operation: User: arn:aws:iam::1:user/ann is not authorized to perform: states:StartExecution \
    on resource: r because no identity-based policy allows the states:StartExecution action. Go to \
    https://eu-west-1.console.aws.amazon.com/iam/home?region=eu-west-1#/authorization-details/\
    0ab9z for complete details, or call the GetRequestAuthorizationDetails API with the following \
    authorization id: 0ab9z";

#[test]
fn the_id_is_found_in_what_is_pasted() {
    let cases = [
        (TEXT, Some("0ab9z")),
        ("0ab9z", Some("0ab9z")),
        (" 0ab9z\n", Some("0ab9z")),
        (
            "... with the following authorization id: 0ab9z",
            Some("0ab9z"),
        ),
        ("authorization id:0ab9z.", Some("0ab9z")),
        ("#/authorization-details/ for complete details", None),
        ("AccessDenied", None),
        ("is not authorized", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(id_in(text), expected, "{text}");
    }
    assert_eq!(region_in(TEXT), Some("eu-west-1"));
    assert_eq!(region_in("0ab9z"), None);
}

fn printed(answer: &str) -> String {
    let mut out = Vec::new();
    let client = Client::at("http://127.0.0.1:8083");
    let answer = json::parse(answer).unwrap();
    Explained(&answer).print(&client, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_no_policy_allows() {
    let answer = r#"{"authorizationId": "0ab9z", "date": 1790000000.5, "region": "eu-west-1",
        "requestId": "r-1", "principalArn": "arn:aws:sts::1:assumed-role/runner/x",
        "operation": "states:StartExecution", "action": "states:StartExecution",
        "resource": "arn:aws:states:eu-west-1:1:stateMachine:m", "decision": "IMPLICIT_DENY",
        "decidedBy": "IDENTITY_BASED_POLICY",
        "reason": "no identity-based policy allows states:StartExecution", "context": [],
        "checks": [
            {"checkType": "PERMISSIONS_BOUNDARY", "effect": "ALLOW", "matchedStatements": [
                {"policy": "arn:aws:iam::1:policy/edge", "policyType": "PERMISSIONS_BOUNDARY",
                 "statement": 0, "effect": "ALLOW", "text": "{}"}]},
            {"checkType": "PRINCIPAL", "effect": "IMPLICIT_DENY", "matchedStatements": []}],
        "policies": [
            {"policy": "arn:aws:iam::1:policy/edge", "policyType": "PERMISSIONS_BOUNDARY",
             "attachedTo": "arn:aws:iam::1:role/runner"},
            {"policy": "arn:aws:iam::1:role/runner#policy/own",
             "policyType": "IDENTITY_BASED_POLICY", "attachedTo": "arn:aws:iam::1:role/runner"},
            {"policy": "arn:aws:iam::1:policy/all", "policyType": "IDENTITY_BASED_POLICY",
             "attachedTo": "arn:aws:iam::1:role/runner"}],
        "remedies": [{"remedyType": "ADD_STATEMENT", "policyType": "IDENTITY_BASED_POLICY",
            "target": "arn:aws:iam::1:role/runner",
            "statement": "{\"Effect\":\"Allow\",\"Action\":\"states:StartExecution\"}",
            "command": "aws iam create-policy --policy-name p\naws iam attach-role-policy"}]}"#;
    let expected = "\
arn:aws:sts::1:assumed-role/runner/x was denied
  action    states:StartExecution
  on        arn:aws:states:eu-west-1:1:stateMachine:m
  at        2026-09-21T14:13:20.500Z in eu-west-1, request r-1
  because   no identity-based policy allows states:StartExecution

Checks, in this order:
  permissions boundary    allowed
    allowed by statement 1 of arn:aws:iam::1:policy/edge
  identity-based policies not allowed
    looked at arn:aws:iam::1:role/runner#policy/own
              arn:aws:iam::1:policy/all

This would allow it:
  add to an identity-based policy of arn:aws:iam::1:role/runner:
    {\"Effect\":\"Allow\",\"Action\":\"states:StartExecution\"}
  with:
    aws --endpoint-url http://127.0.0.1:8083 iam create-policy --policy-name p
    aws --endpoint-url http://127.0.0.1:8083 iam attach-role-policy
";
    assert_eq!(printed(answer), expected);
}

#[test]
fn what_a_statement_denies() {
    let answer = r#"{"authorizationId": "0ab9z", "date": 1790000000, "region": "eu-west-1",
        "requestId": "r-1", "principalArn": "arn:aws:iam::1:user/ann",
        "operation": "states:CreateStateMachine", "action": "iam:PassRole",
        "resource": "arn:aws:iam::1:role/runner", "decision": "EXPLICIT_DENY",
        "decidedBy": "IDENTITY_BASED_POLICY",
        "reason": "an identity-based policy denies iam:PassRole", "context": [],
        "checks": [{"checkType": "PRINCIPAL", "effect": "EXPLICIT_DENY", "matchedStatements": [
            {"policy": "p#policy/own", "policyType": "IDENTITY_BASED_POLICY", "statement": 1,
             "sid": "NoPass", "effect": "DENY", "text": "{\"Effect\":\"Deny\"}"}]},
            {"checkType": "SESSION", "effect": "IMPLICIT_DENY", "matchedStatements": []},
            {"checkType": "RESOURCE", "effect": "NO_IMPACT", "matchedStatements": []}],
        "policies": [],
        "remedies": [{"remedyType": "NARROW_STATEMENT", "policyType": "IDENTITY_BASED_POLICY",
            "target": "p", "policy": "p#policy/own", "statementIndex": 1, "sid": "NoPass",
            "statement": "{\"Effect\":\"Deny\"}"},
            {"remedyType": "ADD_STATEMENT", "policyType": "SESSION_POLICY", "target": "s",
             "statement": "{\"Effect\":\"Allow\"}"}]}"#;
    let text = printed(answer);
    for part in [
        "  action    iam:PassRole\n  needed by states:CreateStateMachine\n",
        "  identity-based policies denied\n    denied by statement 2 `NoPass` of p#policy/own\n",
        "own\n      {\"Effect\":\"Deny\"}\n",
        "  session policies        not allowed\n    there is none\n",
        "  policy of the resource  no say\n",
        "All of this would allow it:\n  take back or narrow statement 2 `NoPass` of p#policy/own, \
         which denies:\n    {\"Effect\":\"Deny\"}\n",
        "  add to the session policy of s:\n    {\"Effect\":\"Allow\"}\n",
        "  a session gets its policies when it is made: assume the role with this in --policy\n",
    ] {
        assert!(text.contains(part), "{part}\nin\n{text}");
    }
}

#[test]
fn a_role_that_may_not_be_assumed_has_no_id() {
    let told = "An error occurred (AccessDeniedException): Neither the global service principal \
                states.amazonaws.com, nor the regional one is authorized to assume the provided \
                role.";
    assert_eq!(id_in(told), None);
    assert!(without_id(told).contains("the role does not exist, or its trust policy"));
    assert!(without_id("hello there").contains("no authorization id in the text"));
}
