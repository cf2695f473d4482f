//! One input for each operation, or several where its members exclude each other. Together they
//! have every member of the model but `nextToken`, which only an earlier answer has.

/// An operation, an input with the names of a [`World`](super::world::World), and what is answered:
/// empty for a success, or the error that is the most that can be had.
pub(super) type Input = (&'static str, &'static str, &'static str);

const LOGGING: &str = "InvalidLoggingConfiguration";

pub(super) const INPUTS: &[Input] = &[
    (
        "CreateActivity",
        r#"{"name": "b", "tags": [{"key": "k", "value": "v"}],
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}"#,
        "",
    ),
    (
        "CreateActivity",
        r#"{"name": "b", "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY",
            "kmsKeyId": "k", "kmsDataKeyReusePeriodSeconds": 300}}"#,
        "InvalidEncryptionConfiguration",
    ),
    (
        "CreateStateMachine",
        r#"{"name": "b", "definition": {definition}, "roleArn": "{role}", "type": "STANDARD",
            "loggingConfiguration": {"level": "OFF", "includeExecutionData": false},
            "tags": [{"key": "k", "value": "v"}], "tracingConfiguration": {"enabled": false},
            "publish": true, "versionDescription": "d",
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}"#,
        "",
    ),
    (
        "CreateStateMachine",
        r#"{"name": "b", "definition": {definition}, "roleArn": "{role}",
            "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k",
                "kmsDataKeyReusePeriodSeconds": 300}}"#,
        "InvalidEncryptionConfiguration",
    ),
    (
        "CreateStateMachine",
        r#"{"name": "b", "definition": {definition}, "roleArn": "{role}",
            "loggingConfiguration": {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup":
                {"logGroupArn": "arn:aws:logs:{account}:log-group:g:*"}}]}}"#,
        LOGGING,
    ),
    (
        "CreateStateMachineAlias",
        r#"{"name": "other", "description": "d", "routingConfiguration":
            [{"stateMachineVersionArn": "{version}", "weight": 100}]}"#,
        "",
    ),
    ("DeleteActivity", r#"{"activityArn": "{activity}"}"#, ""),
    (
        "DeleteStateMachine",
        r#"{"stateMachineArn": "{machine}"}"#,
        "",
    ),
    (
        "DeleteStateMachineAlias",
        r#"{"stateMachineAliasArn": "{alias}"}"#,
        "",
    ),
    (
        "DeleteStateMachineVersion",
        r#"{"stateMachineVersionArn": "{version}"}"#,
        "ConflictException",
    ),
    ("DescribeActivity", r#"{"activityArn": "{activity}"}"#, ""),
    (
        "DescribeExecution",
        r#"{"executionArn": "{execution}", "includedData": "METADATA_ONLY"}"#,
        "",
    ),
    (
        "DescribeMapRun",
        r#"{"mapRunArn": "{map_run}"}"#,
        "ResourceNotFound",
    ),
    (
        "DescribeStateMachine",
        r#"{"stateMachineArn": "{machine}", "includedData": "ALL_DATA"}"#,
        "",
    ),
    (
        "DescribeStateMachineAlias",
        r#"{"stateMachineAliasArn": "{alias}"}"#,
        "",
    ),
    (
        "DescribeStateMachineForExecution",
        r#"{"executionArn": "{execution}", "includedData": "ALL_DATA"}"#,
        "",
    ),
    (
        "GetActivityTask",
        r#"{"activityArn": "{activity}", "workerName": "me"}"#,
        "",
    ),
    (
        "GetExecutionHistory",
        r#"{"executionArn": "{execution}", "maxResults": 5, "reverseOrder": true,
            "includeExecutionData": false}"#,
        "",
    ),
    ("ListActivities", r#"{"maxResults": 5}"#, ""),
    (
        "ListExecutions",
        r#"{"stateMachineArn": "{machine}", "statusFilter": "RUNNING", "maxResults": 5}"#,
        "",
    ),
    (
        "ListExecutions",
        r#"{"mapRunArn": "{map_run}", "redriveFilter": "REDRIVEN", "maxResults": 5}"#,
        "ResourceNotFound",
    ),
    (
        "ListMapRuns",
        r#"{"executionArn": "{execution}", "maxResults": 5}"#,
        "",
    ),
    (
        "ListStateMachineAliases",
        r#"{"stateMachineArn": "{machine}", "maxResults": 5}"#,
        "",
    ),
    (
        "ListStateMachineVersions",
        r#"{"stateMachineArn": "{machine}", "maxResults": 5}"#,
        "",
    ),
    ("ListStateMachines", r#"{"maxResults": 5}"#, ""),
    ("ListTagsForResource", r#"{"resourceArn": "{machine}"}"#, ""),
    (
        "PublishStateMachineVersion",
        r#"{"stateMachineArn": "{machine}", "revisionId": "INITIAL", "description": "d"}"#,
        "",
    ),
    (
        "RedriveExecution",
        r#"{"executionArn": "{failed}", "clientToken": "t"}"#,
        "",
    ),
    (
        "SendTaskFailure",
        r#"{"taskToken": "{token}", "error": "e", "cause": "c"}"#,
        "",
    ),
    ("SendTaskHeartbeat", r#"{"taskToken": "{token}"}"#, ""),
    (
        "SendTaskSuccess",
        r#"{"taskToken": "{token}", "output": "1"}"#,
        "",
    ),
    (
        "StartExecution",
        r#"{"stateMachineArn": "{machine}", "name": "n", "input": "1", "traceHeader": "t"}"#,
        "",
    ),
    (
        "StartSyncExecution",
        r#"{"stateMachineArn": "{express}", "name": "n", "input": "1", "traceHeader": "t",
            "includedData": "METADATA_ONLY"}"#,
        "",
    ),
    (
        "StopExecution",
        r#"{"executionArn": "{execution}", "error": "e", "cause": "c"}"#,
        "",
    ),
    (
        "TagResource",
        r#"{"resourceArn": "{machine}", "tags": [{"key": "k", "value": "v"}]}"#,
        "",
    ),
    (
        "TestState",
        r#"{"definition": {task_state},
            "roleArn": "{role}", "input": "1", "inspectionLevel": "TRACE", "revealSecrets": false,
            "variables": "{\"a\": 1}", "mock": {"result": "1", "fieldValidationMode": "NONE"},
            "context": "{\"Execution\": {\"Name\": \"e\"}}",
            "stateConfiguration": {"retrierRetryCount": 1}}"#,
        "",
    ),
    (
        "TestState",
        r#"{"definition": {map_machine},
            "stateName": "S", "input": "[1]",
            "mock": {"errorOutput": {"error": "e", "cause": "c"}},
            "stateConfiguration": {"errorCausedByState": "P"}}"#,
        "",
    ),
    (
        "TestState",
        r#"{"definition": {map_state},
            "mock": {"result": "[1]"},
            "stateConfiguration": {"mapIterationFailureCount": 0, "mapItemReaderData": "[1]"}}"#,
        "",
    ),
    (
        "UntagResource",
        r#"{"resourceArn": "{machine}", "tagKeys": ["k"]}"#,
        "",
    ),
    (
        "UpdateMapRun",
        r#"{"mapRunArn": "{map_run}", "maxConcurrency": 1, "toleratedFailurePercentage": 1.5,
            "toleratedFailureCount": 1}"#,
        "ResourceNotFound",
    ),
    (
        "UpdateStateMachine",
        r#"{"stateMachineArn": "{machine}", "definition": {definition}, "roleArn": "{role}",
            "loggingConfiguration": {"level": "OFF", "includeExecutionData": false},
            "tracingConfiguration": {"enabled": false}, "publish": true, "versionDescription": "d",
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}"#,
        "",
    ),
    (
        "UpdateStateMachine",
        r#"{"stateMachineArn": "{machine}", "encryptionConfiguration":
            {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k",
                "kmsDataKeyReusePeriodSeconds": 300}}"#,
        "InvalidEncryptionConfiguration",
    ),
    (
        "UpdateStateMachine",
        r#"{"stateMachineArn": "{machine}",
            "loggingConfiguration": {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup":
                {"logGroupArn": "arn:aws:logs:{account}:log-group:g:*"}}]}}"#,
        LOGGING,
    ),
    (
        "UpdateStateMachineAlias",
        r#"{"stateMachineAliasArn": "{alias}", "description": "d", "routingConfiguration":
            [{"stateMachineVersionArn": "{version}", "weight": 100}]}"#,
        "",
    ),
    (
        "ValidateStateMachineDefinition",
        r#"{"definition": {definition}, "type": "STANDARD", "severity": "ERROR",
            "maxResults": 5}"#,
        "",
    ),
    (
        "ListExpressExecutions",
        r#"{"stateMachineArn": "{express}", "statusFilter": "SUCCEEDED", "maxResults": 5}"#,
        "",
    ),
    (
        "DescribeExpressExecution",
        r#"{"executionArn": "{express_execution}"}"#,
        "",
    ),
    (
        "GetExpressExecutionHistory",
        r#"{"executionArn": "{express_execution}", "maxResults": 5, "reverseOrder": true,
            "includeExecutionData": true}"#,
        "",
    ),
    (
        "DescribeProvenance",
        r#"{"executionArn": "{express_execution}"}"#,
        "",
    ),
    (
        "DescribeConcurrency",
        r#"{"stateMachineArn": "{machine}"}"#,
        "",
    ),
    (
        "ExplainAuthorization",
        r#"{"authorizationId": "1abc"}"#,
        "ResourceNotFound",
    ),
    (
        "GetLeastPrivilege",
        r#"{"stateMachineArn": "{machine}", "maxExecutions": 5}"#,
        "",
    ),
];
