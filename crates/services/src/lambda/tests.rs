use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use functions::PoolConfig;
use json::Value;
use store::blobs::{Digest, MemoryBlobs};

use super::*;
use crate::states::tests::fresh_for;
use crate::{Limits, testing};

const HANDLER: &str = "\
import os

class Sorry(Exception):
    pass

def handler(event, context):
    if event == 'fail':
        raise Sorry('no')
    if event == 'environment':
        names = ('AWS_ENDPOINT_URL', 'AWS_ACCESS_KEY_ID', 'AWS_REGION', 'MINE')
        return {name: os.environ.get(name) for name in names}
    if event == 'context':
        return [context.invoked_function_arn, context.function_name, context.aws_request_id]
    return {'event': event}
";

pub(crate) fn zip(name: &str, text: &str) -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer
        .start_file(name, zip::write::SimpleFileOptions::default())
        .unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

/// Scripts name packages; the bytes are made here.
pub(crate) fn with_package(call: Call) -> Call {
    let packages = [
        ("good", zip("app.py", HANDLER)),
        (
            "other",
            zip("app.py", "def handler(event, context): return 1\n"),
        ),
        ("bad", b"not a zip".to_vec()),
    ];
    let replace = |value: &Value| {
        let name = value.get("ZipFile")?.as_str()?;
        let (_, bytes) = packages.iter().find(|(other, _)| *other == name)?;
        Some(value.with_member("ZipFile", BASE64_STANDARD.encode(bytes).into()))
    };
    let mut input = replace(&call.input).unwrap_or(call.input.clone());
    for member in ["Code", "Content"] {
        if let Some(code) = input.get(member).and_then(replace) {
            input = input.with_member(member, code);
        }
    }
    Call { input, ..call }
}

/// The service over an empty store. Roles are not looked up.
fn lambda(pool: &Pool) -> Lambda {
    let store: Arc<dyn store::Store> = Arc::new(store::Memory::new());
    Lambda::new(&Foundations {
        identity: testing::identity(Arc::clone(&store), false),
        logs: testing::logs(&store),
        metrics: testing::metrics(),
        store,
        blobs: Arc::new(MemoryBlobs::default()),
        engine: fresh_for(&Value::null()).engine().clone(),
        functions: pool.clone(),
        outbound: Arc::new(outbound::Client::new::<&str>(&[], b"").unwrap()),
        endpoint: "http://127.0.0.1:1".to_owned(),
        remote_functions: Vec::new(),
        payload_bytes_max: 262_144,
        limits: Limits::default(),
    })
}

#[tokio::test]
async fn scripts() {
    let folder = tempfile::tempdir().unwrap();
    let pool = Pool::new(PoolConfig::new(folder.path())).unwrap();
    let fresh = || Arc::new(lambda(&pool));
    let handle = |lambda: Arc<Lambda>, operation: String, call: Call| async move {
        let mut result = lambda.handle(&operation, &with_package(call)).await?;
        // A script sees the payload as one more member.
        if let Ok(Answer {
            members,
            body: Some(body),
            ..
        }) = &mut result
        {
            let text = String::from_utf8(body.to_vec()).unwrap();
            let payload = json::parse(&text).unwrap_or_else(|_| text.into());
            *members = members.with_member("payload", payload);
        }
        Some(result)
    };
    let files = [
        "lambda-aliases.json",
        "lambda-events.json",
        "lambda-functions.json",
        "lambda-invoke.json",
        "lambda-layers.json",
        "lambda-permissions.json",
        "lambda-settings.json",
        "lambda-versions.json",
    ];
    testing::play(&files, &[aws::Service::Lambda], |_| fresh(), handle).await;
    pool.shutdown().await;
}

/// Through the operations: an update and a deletion leave a package that goes two passes later.
#[tokio::test]
async fn packages_are_collected() {
    let folder = tempfile::tempdir().unwrap();
    let pool = Pool::new(PoolConfig::new(folder.path())).unwrap();
    let lambda = lambda(&pool);
    let send = async |operation: &str, input: &str| {
        let input = json::parse(input).unwrap();
        let call = testing::call(aws::Service::Lambda, operation, &input, 1_790_000_000_000);
        lambda.handle(operation, &call).await.unwrap().unwrap();
    };
    let zips = ["a.py", "b.py"].map(|name| zip(name, HANDLER));
    let [first, second] = zips.each_ref().map(|zip| Digest::of(zip));
    let [first_text, second_text] = zips.each_ref().map(|zip| BASE64_STANDARD.encode(zip));
    let create = format!(
        r#"{{"FunctionName": "f", "Runtime": "python3.12", "Handler": "a.handler",
            "Role": "arn:aws:iam::123456789012:role/r", "Code": {{"ZipFile": "{first_text}"}}}}"#
    );
    send("CreateFunction", &create).await;
    let has = |digest| lambda.packages.get(digest).unwrap().is_some();
    let collect = async || lambda.collect_packages().await.unwrap();
    for _ in 0..3 {
        assert!(has(first) && !has(second));
        assert_eq!(collect().await, 0);
    }
    let update = format!(r#"{{"FunctionName": "f", "ZipFile": "{second_text}"}}"#);
    send("UpdateFunctionCode", &update).await;
    assert_eq!(collect().await, 0);
    assert_eq!(collect().await, 1);
    assert!(!has(first) && has(second));
    send("DeleteFunction", r#"{"FunctionName": "f"}"#).await;
    assert_eq!(collect().await, 0);
    assert_eq!(collect().await, 1);
    assert!(!has(second));
    pool.shutdown().await;
}

/// What a published version or a layer is made of stays, and what a function has of a layer.
#[tokio::test]
async fn packages_of_versions_and_layers_stay() {
    let folder = tempfile::tempdir().unwrap();
    let pool = Pool::new(PoolConfig::new(folder.path())).unwrap();
    let lambda = lambda(&pool);
    let send = async |operation: &str, input: &str| {
        let input = json::parse(input).unwrap();
        let call = testing::call(aws::Service::Lambda, operation, &input, 1_790_000_000_000);
        lambda.handle(operation, &call).await.unwrap().unwrap();
    };
    let zips = ["a.py", "b.py", "c.py"].map(|name| zip(name, HANDLER));
    let digests = zips.each_ref().map(|zip| Digest::of(zip));
    let [published, latest, layer] = zips.each_ref().map(|zip| BASE64_STANDARD.encode(zip));
    let publish = format!(r#"{{"LayerName": "l", "Content": {{"ZipFile": "{layer}"}}}}"#);
    send("PublishLayerVersion", &publish).await;
    let create = format!(
        r#"{{"FunctionName": "f", "Runtime": "python3.12", "Handler": "a.handler",
            "Role": "arn:aws:iam::123456789012:role/r", "Code": {{"ZipFile": "{published}"}},
            "Layers": ["arn:aws:lambda:eu-west-1:123456789012:layer:l:1"], "Publish": true}}"#
    );
    send("CreateFunction", &create).await;
    let update = format!(r#"{{"FunctionName": "f", "ZipFile": "{latest}"}}"#);
    send("UpdateFunctionCode", &update).await;
    let left = async || {
        for _ in 0..3 {
            lambda.collect_packages().await.unwrap();
        }
        digests.map(|digest| lambda.packages.get(digest).unwrap().is_some())
    };
    assert_eq!(left().await, [true, true, true]);
    send(
        "DeleteLayerVersion",
        r#"{"LayerName": "l", "VersionNumber": 1}"#,
    )
    .await;
    assert_eq!(left().await, [true, true, true]);
    send(
        "UpdateFunctionConfiguration",
        r#"{"FunctionName": "f", "Layers": []}"#,
    )
    .await;
    assert_eq!(left().await, [true, true, true]);
    send(
        "DeleteFunction",
        r#"{"FunctionName": "f", "Qualifier": "1"}"#,
    )
    .await;
    assert_eq!(left().await, [false, true, false]);
    pool.shutdown().await;
}

#[test]
fn functions_of_before_there_were_versions() {
    let document = r#"{"name": "f", "arn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
        "account": "123456789012", "region": "eu-west-1", "modified_ms": 1790000000000,
        "revision_id": "r", "code": {"size": 1, "sha256_base64": "b", "sha256_hex": "h"},
        "configuration": {"runtime": "python3.12", "role": "r", "handler": "a.b",
            "description": "", "timeout_seconds": 3, "memory_mb": 128,
            "ephemeral_storage_mb": 512, "environment": {"A": "1"}, "tracing_mode": "Active"},
        "tags": [["a", "b"]]}"#;
    let function: function::Function = serde_json::from_str(document).unwrap();
    assert_eq!(function.latest.version, "$LATEST");
    assert_eq!(function.latest.modified_ms, 1_790_000_000_000);
    let settings = function.latest.configuration.logging.settings();
    assert_eq!(settings, functions::LogSettings::default());
    let again = serde_json::to_vec(&function).unwrap();
    let again: function::Function = serde_json::from_slice(&again).unwrap();
    assert_eq!(again.latest, function.latest);
}

#[test]
fn layers_count_towards_the_size_of_the_code() {
    let code = |unzipped_size| function::Code {
        size: 1,
        unzipped_size,
        sha256_base64: String::new(),
        sha256_hex: String::new(),
    };
    let layer = |unzipped_size| configuration::UsedLayer {
        arn: "arn:aws:lambda:eu-west-1:123456789012:layer:l:1".to_owned(),
        code: code(unzipped_size),
    };
    let check = |own, layers: &[u64], expected: Option<&str>| {
        let layers: Vec<_> = layers.iter().map(|size| layer(*size)).collect();
        let refused = code::check_size(&code(own), &layers).err();
        let message = refused.map(|error| error.message);
        assert_eq!(message.as_deref(), expected);
    };
    check(1, &[], None);
    check(200_000_000, &[62_000_000, 144_000], None);
    check(
        200_000_000,
        &[62_000_000, 144_001],
        Some(
            "Function code combined with layers exceeds the maximum allowed size of 262144000 \
             bytes. The actual size is 262144001 bytes.",
        ),
    );
}
