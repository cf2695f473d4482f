use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::spec::{Architecture, CodeRef, LogSettings};

#[test]
fn later_sources_win_and_what_no_process_can_hold_is_left_out() {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    };
    let extra = pairs(&[("AWS_REGION", "extra"), ("MINE", "extra")]);
    let spec = FunctionSpec {
        arn: "arn".into(),
        name: "f".into(),
        version: "3".into(),
        runtime: "nodejs22.x".into(),
        handler: "index.handler".into(),
        code: CodeRef {
            sha256: String::new(),
            load: Arc::new(|| Err(String::new())),
        },
        layers: vec![],
        environment: pairs(&[
            ("TZ", "mine"),
            ("MINE", "mine"),
            ("_HANDLER", "mine"),
            ("", "x"),
            ("A=B", "x"),
            ("NUL", "\0"),
        ]),
        timeout: Duration::from_secs(3),
        memory_mb: 256,
        ephemeral_storage_mb: 512,
        architecture: Architecture::X86_64,
        logging: LogSettings::default(),
        wants_trace: false,
        reserved_concurrency: None,
        region: "us-east-1".into(),
        account: "000000000000".into(),
        extra_env: Arc::new(move || extra.clone()),
    };
    let interpreter = Interpreter {
        language: Language::Node,
        path: "/opt/node/bin/node".into(),
        version: "22.1.0".into(),
        number: 22,
    };
    let place = Place {
        api: ([127, 0, 0, 1], 9001).into(),
        code: Path::new("/code"),
        scratch: Path::new("/scratch"),
        log_stream: "2026/01/02/[3]ab",
    };
    let found = variables(&spec, &interpreter, &place);
    let cases = [
        ("TZ", Some("mine")),
        ("MINE", Some("extra")),
        ("_HANDLER", Some("index.handler")),
        ("AWS_REGION", Some("extra")),
        ("AWS_DEFAULT_REGION", Some("us-east-1")),
        ("AWS_LAMBDA_RUNTIME_API", Some("127.0.0.1:9001")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", Some("2026/01/02/[3]ab")),
        ("AWS_EXECUTION_ENV", Some("AWS_Lambda_nodejs22.x")),
        ("NODE_PATH", Some("/opt/nodejs/node_modules:/code")),
        (
            "PATH",
            Some("/opt/node/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ),
        ("HOME", Some("/scratch")),
        ("PYTHONPATH", None),
        ("", None),
        ("A=B", None),
        ("NUL", None),
    ];
    for (name, expected) in cases {
        assert_eq!(found.get(name).map(String::as_str), expected, "{name}");
    }
}
