use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::probe::Interpreter;
use crate::spec::{Architecture, CodeRef, LogLevel, LogSettings};

#[test]
fn later_sources_win_and_what_no_process_can_hold_is_left_out() {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    };
    let spec = spec(
        pairs(&[
            ("TZ", "mine"),
            ("MINE", "mine"),
            ("_HANDLER", "mine"),
            ("", "x"),
            ("A=B", "x"),
            ("NUL", "\0"),
        ]),
        pairs(&[("AWS_REGION", "extra"), ("MINE", "extra")]),
    );
    let engine = engine(Language::Node);
    let seen = seen();
    let found = variables(&spec, &engine, &place(&seen), (spec.extra_env)());
    let cases = [
        ("TZ", Some("mine")),
        ("MINE", Some("extra")),
        ("_HANDLER", Some("index.handler")),
        ("AWS_REGION", Some("extra")),
        ("AWS_DEFAULT_REGION", Some("us-east-1")),
        ("LAMBDA_TASK_ROOT", Some("/code")),
        ("AWS_LAMBDA_RUNTIME_API", Some("127.0.0.1:9001")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", Some("2026/01/02/[3]ab")),
        ("AWS_LAMBDA_LOG_GROUP_NAME", Some("/aws/lambda/f")),
        ("AWS_EXECUTION_ENV", Some("AWS_Lambda_nodejs22.x")),
        (
            "NODE_PATH",
            Some(
                "/layers/nodejs/node22/node_modules:/layers/nodejs/node_modules:\
                  /runtime/node_modules:/runtime:/code",
            ),
        ),
        (
            "PATH",
            Some("/opt/node/bin:/usr/local/bin:/usr/bin:/bin:/layers/bin"),
        ),
        ("HOME", Some("/scratch")),
        ("PYTHONPATH", None),
        ("AWS_LAMBDA_LOG_FORMAT", None),
        ("AWS_LAMBDA_LOG_LEVEL", None),
        ("", None),
        ("A=B", None),
        ("NUL", None),
    ];
    for (name, expected) in cases {
        assert_eq!(found.get(name).map(String::as_str), expected, "{name}");
    }
}

fn seen() -> Seen {
    Seen {
        code: "/code".into(),
        layers: "/layers".into(),
        runtime: "/runtime".into(),
        scratch: "/scratch".into(),
    }
}

fn place(seen: &Seen) -> Place<'_> {
    Place {
        api: ([127, 0, 0, 1], 9001).into(),
        seen,
        log_stream: "2026/01/02/[3]ab",
    }
}

fn engine(language: Language) -> Engine {
    Engine::Interpreter(Arc::new(Interpreter {
        language,
        path: "/opt/node/bin/node".into(),
        version: "22.1.0".into(),
        number: 22,
        folders: Vec::new(),
        packages: Vec::new(),
    }))
}

/// The kind of runtime, whether logs are JSON, and what differs.
#[test]
fn variables_depend_on_runtime_and_log_settings() {
    let cases = [
        (
            Some(Language::Python),
            false,
            "PYTHONPATH",
            Some("/runtime"),
        ),
        (Some(Language::Python), false, "NODE_PATH", None),
        (None, false, "AWS_EXECUTION_ENV", None),
        (None, false, "PYTHONPATH", None),
        (
            None,
            false,
            "PATH",
            Some("/usr/local/bin:/usr/bin:/bin:/layers/bin"),
        ),
        (None, true, "AWS_LAMBDA_LOG_FORMAT", Some("JSON")),
        (None, true, "AWS_LAMBDA_LOG_LEVEL", Some("WARN")),
        (None, true, "AWS_LAMBDA_LOG_GROUP_NAME", Some("mine")),
    ];
    for (language, is_json, name, expected) in cases {
        let mut spec = spec(vec![], vec![]);
        if is_json {
            spec.logging = LogSettings {
                format: LogFormat::Json,
                group: Some("mine".into()),
                application_level: LogLevel::Warn,
                system_level: LogLevel::Info,
            };
        }
        let seen = seen();
        let engine = language.map_or(Engine::Provided, engine);
        let found = variables(&spec, &engine, &place(&seen), (spec.extra_env)());
        assert_eq!(found.get(name).map(String::as_str), expected, "{name}");
    }
}

fn spec(environment: Vec<(String, String)>, extra: Vec<(String, String)>) -> FunctionSpec {
    FunctionSpec {
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
        environment,
        timeout: Duration::from_secs(3),
        memory_mb: 256,
        ephemeral_storage_mb: 512,
        architecture: Architecture::X86_64,
        logging: LogSettings::default(),
        wants_trace: false,
        reserved_concurrency: None,
        region: "us-east-1".into(),
        account: "000000000000".into(),
        role: String::new(),
        extra_env: Arc::new(move || extra.clone()),
    }
}
