use aws::iam::{RoleSession, Temporary};
use http::HeaderMap;
use outbound::Later;

use super::*;
use crate::access::Caller;
use crate::testing;

const NOW_MS: i64 = 1_790_000_000_000;
const ROLE: &str = "arn:aws:iam::123456789012:role/caller";

/// Answers one after the other, and keeps what was sent.
struct Elsewhere {
    answers: Mutex<Vec<Result<outbound::Response, outbound::Error>>>,
    sent: Mutex<Vec<outbound::Request>>,
}

impl Fetch for Elsewhere {
    fn fetch(
        &self,
        request: outbound::Request,
    ) -> Later<'_, Result<outbound::Response, outbound::Error>> {
        self.sent.lock().push(request);
        let answer = self.answers.lock().remove(0);
        Box::pin(std::future::ready(answer))
    }
}

fn elsewhere(answers: Vec<Result<outbound::Response, outbound::Error>>) -> Arc<Elsewhere> {
    Arc::new(Elsewhere {
        answers: Mutex::new(answers),
        sent: Mutex::default(),
    })
}

fn answered(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> Result<outbound::Response, outbound::Error> {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.insert(*name, value.parse().unwrap());
    }
    Ok(outbound::Response {
        status,
        headers: all,
        body: Bytes::from(body.to_owned()),
        thumbprint: None,
    })
}

fn remote(function: &str, identity: RemoteIdentity) -> RemoteFunction {
    RemoteFunction {
        function: function.to_owned(),
        endpoint: "https://lambda.eu-west-1.amazonaws.com".to_owned(),
        identity,
        keys: RemoteKeys {
            access_key_id: "AKIAFIXED".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
        },
        function_name: None,
        region: None,
    }
}

fn as_role() -> RemoteIdentity {
    RemoteIdentity::Role {
        sts_endpoint: "https://sts.eu-west-1.amazonaws.com".to_owned(),
    }
}

fn call(input: &str) -> Call {
    let input = json::parse(input).unwrap();
    let mut call = testing::call(Service::Lambda, "Invoke", &input, NOW_MS);
    call.trace_header = Some("Root=1-a-b".into());
    call
}

fn by_role(mut call: Call, session_name: &str) -> Call {
    call.caller = Caller::from(Principal::Role(Arc::new(RoleSession {
        account: "123456789012".into(),
        role_arn: ROLE.into(),
        role_name: "caller".into(),
        role_id: "AROA".into(),
        session_name: session_name.into(),
        tags: Arc::default(),
        transitive_tag_keys: Arc::default(),
        source_identity: None,
        federated_provider: None,
        temporary: Temporary {
            issued_ms: NOW_MS,
            mfa: false,
        },
    })));
    call
}

/// What an invocation comes to: status, payload and error code, or the error.
async fn invoke(
    setting: RemoteFunction,
    outside: &Arc<Elsewhere>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    let remotes = Remotes::new(vec![setting], Arc::clone(outside) as Arc<dyn Fetch>);
    send(&remotes, call).await
}

async fn send(remotes: &Remotes, call: &Call) -> Result<Answer, ServiceError> {
    let address = Address::of(call).unwrap();
    let found = remotes.find(&address).expect("the pattern fits");
    remotes.invoke(found, &address, call).await
}

#[test]
fn patterns() {
    for (pattern, name, expected) in [
        ("f", "f", true),
        ("f", "ff", false),
        ("orders-*", "orders-new", true),
        ("*-new", "orders-new", true),
        ("o*-*w", "orders-new", true),
        ("*", "any", true),
        ("arn:aws:lambda:*:123456789012:function:f", "f", true),
        ("arn:aws:lambda:us-east-1:*:function:f", "f", false),
    ] {
        let remotes = Remotes::new(
            vec![remote(pattern, RemoteIdentity::Fixed)],
            elsewhere(Vec::new()),
        );
        let call = call(&format!(r#"{{"FunctionName": "{name}:1"}}"#));
        let found = remotes.find(&Address::of(&call).unwrap()).is_some();
        assert_eq!(found, expected, "{pattern} {name}");
    }
}

#[tokio::test]
async fn a_call_is_signed_and_comes_back_as_it_is() {
    let headers = [
        ("x-amz-executed-version", "7"),
        ("x-amz-function-error", "Unhandled"),
        ("x-amz-log-result", "bG9n"),
        ("x-amzn-trace-id", "Root=1-x-y"),
        ("content-type", "application/json"),
    ];
    let outside = elsewhere(vec![answered(200, &headers, r#"{"errorType":"E"}"#)]);
    let call = call(
        r#"{"FunctionName": "f:live", "InvocationType": "RequestResponse", "LogType": "Tail",
            "body": "{\"a\":1.0}"}"#,
    );
    let mut setting = remote("f", RemoteIdentity::Fixed);
    setting.region = Some("eu-north-1".to_owned());
    let answer = invoke(setting, &outside, &call).await.unwrap();
    assert_eq!(&*answer.body.unwrap(), br#"{"errorType":"E"}"#);
    let member = |name: &str| answer.members.get(name).map(Value::to_text);
    assert_eq!(member("ExecutedVersion").as_deref(), Some("\"7\""));
    assert_eq!(member("FunctionError").as_deref(), Some("\"Unhandled\""));
    assert_eq!(member("LogResult").as_deref(), Some("\"bG9n\""));
    assert_eq!(member("StatusCode").as_deref(), Some("200"));
    assert!(
        answer
            .headers
            .contains(&("x-amzn-trace-id", "Root=1-x-y".to_owned()))
    );

    let sent = outside.sent.lock();
    assert_eq!(
        sent[0].url,
        "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations?Qualifier=live"
    );
    assert_eq!(&*sent[0].body, b"{\"a\":1.0}");
    let header = |name: &str| sent[0].headers.get(name).unwrap().to_str().unwrap();
    assert_eq!(header("host"), "lambda.eu-west-1.amazonaws.com");
    assert_eq!(header("x-amz-log-type"), "Tail");
    assert_eq!(header("x-amzn-trace-id"), "Root=1-a-b");
    let signed = "AWS4-HMAC-SHA256 Credential=AKIAFIXED/20260921/eu-north-1/lambda/aws4_request";
    assert!(
        header("authorization").starts_with(signed),
        "{}",
        header("authorization")
    );
}

#[tokio::test]
async fn an_event_goes_there_as_one() {
    let outside = elsewhere(vec![answered(202, &[], "")]);
    let call = call(r#"{"FunctionName": "f", "InvocationType": "Event", "body": "1"}"#);
    let mut setting = remote("*", RemoteIdentity::Fixed);
    setting.function_name = Some("arn:aws:lambda:eu-west-1:999999999999:function:g".to_owned());
    let answer = invoke(setting, &outside, &call).await.unwrap();
    assert_eq!(answer.members.get("StatusCode").unwrap().to_text(), "202");
    let sent = outside.sent.lock();
    assert!(sent[0].url.contains("999999999999"), "{}", sent[0].url);
    assert_eq!(
        sent[0].headers.get("x-amz-invocation-type").unwrap(),
        "Event"
    );
}

#[tokio::test]
async fn errors() {
    let refused = [("x-amzn-errortype", "ResourceNotFoundException")];
    let missing = r#"{"Type":"User","Message":"Function not found: x"}"#;
    let unresolved = || {
        Err(outbound::Error::Resolve {
            host: "lambda.eu-west-1.amazonaws.com".to_owned(),
            reason: "no such host".to_owned(),
        })
    };
    let assumed = |status, body| vec![answered(status, &[], body)];
    let denied = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                  <Message>no</Message></Error></ErrorResponse>";
    for (identity, answers, expected) in [
        (
            RemoteIdentity::Fixed,
            vec![answered(404, &refused, missing)],
            (404, "ResourceNotFoundException", "Function not found: x"),
        ),
        (
            RemoteIdentity::Fixed,
            vec![unresolved()],
            (
                502,
                "SdkClientException",
                "Unable to execute HTTP request: the host `lambda.eu-west-1.amazonaws.com` can't \
                 be resolved: no such host",
            ),
        ),
        (
            as_role(),
            assumed(403, denied),
            (
                403,
                "AccessDeniedException",
                "the role `arn:aws:iam::123456789012:role/caller` cannot be assumed at \
                 `https://sts.eu-west-1.amazonaws.com`: no",
            ),
        ),
    ] {
        let outside = elsewhere(answers);
        let call = by_role(call(r#"{"FunctionName": "f"}"#), "s");
        let error = invoke(remote("f", identity), &outside, &call).await;
        let error = error.unwrap_err();
        let (status, code, message) = expected;
        assert_eq!(error.status, Some(status));
        assert_eq!((&*error.code, &*error.message), (code, message));
    }
    // The root user has no role that could be assumed.
    let outside = elsewhere(Vec::new());
    let error = invoke(
        remote("f", as_role()),
        &outside,
        &call(r#"{"FunctionName": "f"}"#),
    )
    .await;
    assert!(error.unwrap_err().message.ends_with("is no role"));
}

#[tokio::test]
async fn a_role_is_assumed_there_once() {
    let assumed = |expires: &str| {
        let body = format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIATHERE\
             </AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>{expires}</Expiration></Credentials></AssumeRoleResult>\
             </AssumeRoleResponse>"
        );
        answered(200, &[], &body)
    };
    let done = || answered(200, &[], "1");
    // 2026-09-21T14:13:20Z is now.
    let outside = elsewhere(vec![
        assumed("2026-09-21T14:17:00Z"),
        done(),
        assumed("2026-09-21T15:13:20Z"),
        done(),
        done(),
    ]);
    let remotes = Remotes::new(
        vec![remote("f", as_role())],
        Arc::clone(&outside) as Arc<dyn Fetch>,
    );
    for _ in 0..3 {
        let call = by_role(call(r#"{"FunctionName": "f"}"#), "run-1");
        send(&remotes, &call).await.unwrap();
    }
    let sent = outside.sent.lock();
    let keys: Vec<&str> = sent
        .iter()
        .map(|request| {
            let signed = request
                .headers
                .get("authorization")
                .unwrap()
                .to_str()
                .unwrap();
            signed.split(['=', '/']).nth(1).unwrap()
        })
        .collect();
    let expected = [
        "AKIAFIXED",
        "ASIATHERE",
        "AKIAFIXED",
        "ASIATHERE",
        "ASIATHERE",
    ];
    assert_eq!(keys, expected);
    let body = String::from_utf8(sent[0].body.to_vec()).unwrap();
    assert!(
        body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fcaller"),
        "{body}"
    );
    assert!(body.contains("RoleSessionName=run-1"), "{body}");
    assert_eq!(sent[1].headers.get("x-amz-security-token").unwrap(), "t");
}
