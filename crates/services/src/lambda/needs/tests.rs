//! Each case: an operation, its input, and what it needs.

use aws::Service;

use super::*;
use crate::testing;

const HERE: &str = "arn:aws:lambda:eu-west-1:123456789012";

fn line(need: &Need) -> String {
    testing::line(need).replace(HERE, "HERE")
}

fn needs(operation: &str, input: &str) -> Vec<String> {
    let input = json::parse(&input.replace("HERE", HERE)).unwrap();
    let call = testing::call(Service::Lambda, operation, &input, 1_790_000_000_000);
    Lambda::needs(operation, &call).iter().map(line).collect()
}

/// How a function is named, and the resource that this is.
const NAMES: &[(&str, &str)] = &[
    (r#""FunctionName": "f""#, "HERE:function:f"),
    (r#""FunctionName": "f:$LATEST""#, "HERE:function:f:$LATEST"),
    (
        r#""FunctionName": "HERE:function:f", "Qualifier": "1""#,
        "HERE:function:f:1",
    ),
    (
        r#""FunctionName": "111111111111:function:f""#,
        "arn:aws:lambda:eu-west-1:111111111111:function:f",
    ),
    (
        r#""FunctionName": "arn:aws:lambda:eu-west-1:111111111111:function:f:a""#,
        "arn:aws:lambda:eu-west-1:111111111111:function:f:a",
    ),
    // What is not reachable stands for itself.
    (
        r#""FunctionName": "arn:aws:lambda:eu-west-2:123456789012:function:f""#,
        "arn:aws:lambda:eu-west-2:123456789012:function:f",
    ),
    (r#""FunctionName": "arn:nonsense""#, "arn:nonsense"),
];

/// Operations, inputs, and all that they need.
const OTHERS: &[(&str, &str, &[&str])] = &[
    ("ListFunctions", "{}", &["lambda:ListFunctions *"]),
    ("Invoke", "{}", &["lambda:InvokeFunction *"]),
    (
        "AddPermission",
        r#"{"FunctionName": "f:live", "Principal": "s3.amazonaws.com"}"#,
        &["lambda:AddPermission HERE:function:f:live lambda:Principal=s3.amazonaws.com"],
    ),
    (
        "CreateFunction",
        r#"{"FunctionName": "f"}"#,
        &["lambda:CreateFunction HERE:function:f"],
    ),
    // It is refused elsewhere, in words of its own.
    (
        "CreateFunction",
        r#"{"FunctionName": "111111111111:function:f", "Tags": {"k": "v"}}"#,
        &[
            "lambda:CreateFunction HERE:function:f aws:RequestTag/k=v aws:TagKeys=[k]",
            "lambda:TagResource HERE:function:f aws:RequestTag/k=v aws:TagKeys=[k]",
        ],
    ),
    (
        "TagResource",
        r#"{"Resource": "HERE:function:f", "Tags": {"k": "v", "l": "w"}}"#,
        &[
            "lambda:TagResource HERE:function:f aws:RequestTag/k=v aws:RequestTag/l=w \
             aws:TagKeys=[k l]",
        ],
    ),
    (
        "UntagResource",
        r#"{"Resource": "HERE:function:f", "TagKeys": ["k"]}"#,
        &["lambda:UntagResource HERE:function:f aws:TagKeys=[k]"],
    ),
    ("GetAccountSettings", "{}", &["lambda:GetAccountSettings *"]),
    (
        "ListEventSourceMappings",
        r#"{"FunctionName": "f"}"#,
        &["lambda:ListEventSourceMappings *"],
    ),
    ("ListLayers", "{}", &["lambda:ListLayers *"]),
    (
        "ListLayerVersions",
        r#"{"LayerName": "l"}"#,
        &["lambda:ListLayerVersions *"],
    ),
    (
        "PublishLayerVersion",
        r#"{"LayerName": "HERE:layer:l"}"#,
        &["lambda:PublishLayerVersion HERE:layer:l"],
    ),
    (
        "GetLayerVersion",
        r#"{"LayerName": "l", "VersionNumber": 2}"#,
        &["lambda:GetLayerVersion HERE:layer:l:2"],
    ),
    (
        "GetLayerVersion",
        r#"{"LayerName": "arn:nonsense", "VersionNumber": 2}"#,
        &["lambda:GetLayerVersion arn:nonsense"],
    ),
    (
        "GetLayerVersionByArn",
        r#"{"Arn": "HERE:layer:l:2"}"#,
        &["lambda:GetLayerVersion HERE:layer:l:2"],
    ),
    (
        "GetLayerVersionPolicy",
        r#"{"LayerName": "l", "VersionNumber": 2}"#,
        &["lambda:GetLayerVersionPolicy HERE:layer:l:2"],
    ),
    (
        "AddLayerVersionPermission",
        r#"{"LayerName": "HERE:layer:l", "VersionNumber": 2}"#,
        &["lambda:AddLayerVersionPermission HERE:layer:l:2"],
    ),
    (
        "RemoveLayerVersionPermission",
        r#"{"LayerName": "l", "VersionNumber": 2}"#,
        &["lambda:RemoveLayerVersionPermission HERE:layer:l:2"],
    ),
    (
        "DeleteLayerVersion",
        r#"{"LayerName": "l", "VersionNumber": 2}"#,
        &["lambda:DeleteLayerVersion HERE:layer:l:2"],
    ),
    // Who gives a function a layer may have to choose among some, and reads it.
    (
        "UpdateFunctionConfiguration",
        r#"{"FunctionName": "f", "Layers": ["HERE:layer:l:2"]}"#,
        &[
            "lambda:UpdateFunctionConfiguration HERE:function:f lambda:Layer=[HERE:layer:l:2]",
            "lambda:GetLayerVersion HERE:layer:l:2",
        ],
    ),
    (
        "ListTags",
        r#"{"Resource": "HERE:function:f"}"#,
        &["lambda:ListTags HERE:function:f"],
    ),
];

#[test]
fn what_calls_need() {
    for (operation, _, on) in OPERATIONS {
        let action = action(operation);
        if matches!(on, On::Function) {
            for (names, resource) in NAMES {
                let expected = format!("{action} {resource}");
                assert_eq!(needs(operation, &format!("{{{names}}}")), [expected]);
            }
        } else {
            let is_met = OTHERS.iter().any(|(other, ..)| other == operation);
            assert!(is_met, "{operation}");
        }
    }
    for (operation, input, expected) in OTHERS {
        assert_eq!(needs(operation, input), *expected, "{operation} {input}");
    }
}

#[test]
fn operations_are_sorted() {
    assert!(OPERATIONS.is_sorted_by_key(|(name, ..)| name));
    assert_eq!(Lambda::facts("Nonsense"), None);
}
