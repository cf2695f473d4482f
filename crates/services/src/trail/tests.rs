use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws::iam::evaluate::{Matched, Remedy};
use aws::iam::{Check, CheckKind, Decision, Effect, PolicyKind, Principal, RoleSession, Temporary};
use aws::{Common, Protocol, Service};
use store::lines::MemoryLines;

use json::ObjectBuilder;
use parking_lot::Condvar;

use super::*;
use crate::access::Caller;
use crate::testing;

const NOW: i64 = 1_790_000_000_123;

fn denial(time_ms: i64) -> Denial {
    let role: Arc<str> = "arn:aws:iam::123456789012:role/orders".into();
    let matched = |sid: Option<&str>| Matched {
        policy: format!("{role}#policy/inline").into(),
        statement: 1,
        sid: sid.map(Into::into),
        denies: sid.is_some(),
    };
    let mut context = Context::new();
    context.set("aws:PrincipalArn", Arc::clone(&role));
    context.set_many("aws:TagKeys", vec!["a".into(), "b".into()]);
    context.set_many("aws:CalledVia", Vec::new());
    let seen = |kind| Seen {
        source: Source {
            kind,
            uri: format!("{role}#policy/inline").into(),
            managed: kind == PolicyKind::Boundary,
            attached_to: Arc::clone(&role),
        },
        document: r#"{"Statement": [{"Resource": "ü\n"}]}"#.into(),
    };
    let checks = [
        (CheckKind::Resource, None),
        (CheckKind::Principal, Some(Effect::ExplicitDeny)),
        (CheckKind::PermissionsBoundary, Some(Effect::ImplicitDeny)),
        (CheckKind::Session, Some(Effect::Allow)),
    ];
    let kinds = [
        PolicyKind::Identity,
        PolicyKind::Resource,
        PolicyKind::Trust,
        PolicyKind::Boundary,
        PolicyKind::Session,
    ];
    Denial {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        time_ms,
        caller_arn: "arn:aws:sts::123456789012:assumed-role/orders/s".into(),
        request_id: "r-1".into(),
        operation: "states:CreateStateMachine".into(),
        need: Need::new("iam:PassRole", Arc::clone(&role))
            .with("iam:PassedToService", "states.amazonaws.com"),
        context,
        explanation: Explanation {
            decision: Decision {
                effect: Effect::ExplicitDeny,
                kind: PolicyKind::Identity,
            },
            checks: checks
                .map(|(kind, effect)| Check {
                    kind,
                    effect,
                    matched: vec![matched(Some("Sid")), matched(None)],
                })
                .to_vec(),
            remedies: vec![
                Remedy::Narrow(matched(Some("Sid"))),
                Remedy::Add {
                    kind: PolicyKind::Boundary,
                    to: Arc::clone(&role),
                    statement: r#"{"Effect": "Allow"}"#.to_owned(),
                },
            ],
        },
        policies: kinds.map(seen).to_vec(),
    }
}

#[tokio::test]
async fn an_id_leads_to_its_denial_and_to_no_other() {
    let lines = Arc::new(MemoryLines::default());
    let trail = Trail::new(Arc::clone(&lines) as Arc<dyn Lines>);
    let kept = denial(NOW);
    let id = trail.denied(kept.clone()).await.unwrap();
    let other = trail.denied(denial(NOW)).await.unwrap();
    assert_ne!(id, other);
    let digits = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
    assert!(id.len() <= 256 && id.bytes().all(digits), "{id}");

    let find = async |account: &str, region: &str, id: &str| {
        trail.denial(account, region, id).await.unwrap()
    };
    assert_eq!(
        find(&kept.account, &kept.region, &id).await,
        Some(kept.clone())
    );
    assert_eq!(find("999999999999", &kept.region, &id).await, None);
    assert_eq!(find(&kept.account, "us-east-1", &id).await, None);
    // Another's secret, another place, any change of the secret.
    let mixed = format!("{}{}", other.split_at(13).0, id.split_at(13).1);
    assert_eq!(find(&kept.account, &kept.region, &mixed).await, None);
    let nowhere = format!("{id}1");
    assert_eq!(find(&kept.account, &kept.region, &nowhere).await, None);
    for at in 0..13 {
        let mut changed = id.clone();
        let digit = if id.as_bytes()[at] == b'0' { "1" } else { "0" };
        changed.replace_range(at..=at, digit);
        assert_eq!(
            find(&kept.account, &kept.region, &changed).await,
            None,
            "{at}"
        );
    }
    // What expired, a day late at most.
    assert_eq!(trail.expire(NOW).await.unwrap(), 0);
    assert_eq!(trail.expire(NOW + 86_400_000).await.unwrap(), 1);
    assert_eq!(find(&kept.account, &kept.region, &id).await, None);
}

#[test]
fn lines_of_another_build_are_not_guessed_at() {
    let bytes = denials::encode(&denial(NOW), 7);
    let decode = |bytes: &[u8]| denials::decode(bytes, "123456789012", "eu-west-1");
    assert_eq!(decode(&bytes), Some((7, denial(NOW))));
    let mut newer = bytes.clone();
    newer[0] += 1;
    assert_eq!(decode(&newer), None);
    for end in 0..bytes.len() {
        assert_eq!(decode(&bytes[..end]), None);
    }
}

/// Lines whose appends fail, or wait until they are let on.
struct Stuck {
    fails: AtomicBool,
    held: Mutex<bool>,
    released: Condvar,
    lines: MemoryLines,
}

impl Lines for Stuck {
    fn append(&self, stream: &str, lines: &[Line]) -> store::Result<Vec<Place>> {
        if self.fails.load(Ordering::Relaxed) {
            let cause = "the disk is gone".to_owned();
            return Err(store::Error::Invalid { cause });
        }
        if stream.starts_with("denials/") {
            let mut held = self.held.lock();
            self.released.wait_while(&mut held, |held| *held);
        }
        self.lines.append(stream, lines)
    }

    fn line(&self, stream: &str, place: Place) -> store::Result<Option<Line>> {
        self.lines.line(stream, place)
    }

    fn read(
        &self,
        stream: &str,
        times_ms: Range<i64>,
        order: Order,
        after: Option<Place>,
        limit: usize,
    ) -> store::Result<Vec<(Place, Line)>> {
        self.lines.read(stream, times_ms, order, after, limit)
    }

    fn expire(&self, kind: &str, before_ms: i64) -> store::Result<u64> {
        self.lines.expire(kind, before_ms)
    }
}

fn stuck(fails: bool) -> Arc<Stuck> {
    Arc::new(Stuck {
        fails: AtomicBool::new(fails),
        held: Mutex::new(true),
        released: Condvar::new(),
        lines: MemoryLines::default(),
    })
}

fn event(name: &str) -> Event {
    Event {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        time_ms: NOW,
        record: ObjectBuilder::new().add("eventName", name).build().into(),
        cost: Cost::Free,
        may_wait: false,
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_said() {
    let trail = Trail::new(stuck(true));
    assert_eq!(trail.denied(denial(NOW)).await, None);
    let error = trail.record(event("CreateRole")).await.unwrap_err();
    assert_eq!(error.code, "InternalFailure");
    assert!(error.message.contains("the disk is gone"), "{error:?}");
}

fn reading(name: &str) -> Event {
    Event {
        may_wait: true,
        ..event(name)
    }
}

const HERE: (&str, &str) = ("123456789012", "eu-west-1");

/// The names of the events in the log, newest first.
fn kept(lines: &dyn Lines) -> String {
    let stream = stream("audit", HERE.0, HERE.1);
    let found = lines.read(&stream, 0..i64::MAX, Order::NewestFirst, None, 99);
    let found = found.unwrap().into_iter();
    names(found.filter_map(|(_, line)| parsed(line)))
}

fn names(events: impl Iterator<Item = Value>) -> String {
    let name = |event: Value| event.get("eventName").unwrap().as_str().unwrap().to_owned();
    events.map(name).collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn reads_are_answered_before_they_are_kept() {
    let lines = Arc::new(MemoryLines::default());
    let trail = Trail::new(Arc::clone(&lines) as Arc<dyn Lines>);
    trail.record(reading("GetRole")).await.unwrap();
    assert_eq!(kept(&*lines), "");
    trail.record(event("CreateRole")).await.unwrap();
    assert_eq!(kept(&*lines), "CreateRole", "it waits for nothing");
    // Whoever reads the log sees what was answered.
    let found = trail.events(HERE, 0..i64::MAX, None, 9).await.unwrap();
    let place = found[0].0;
    assert_eq!(
        names(found.into_iter().map(|(_, event)| event)),
        "GetRole CreateRole"
    );
    trail.record(reading("ListRoles")).await.unwrap();
    assert!(trail.event(HERE.0, HERE.1, place).await.unwrap().is_some());
    assert_eq!(kept(&*lines), "ListRoles GetRole CreateRole");
    trail.record(reading("ListUsers")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The task that appends leaves the clock alone while its thread works.
    trail.later.settle().await.unwrap();
    assert_eq!(kept(&*lines), "ListUsers ListRoles GetRole CreateRole");
    trail.record(reading("GetUser")).await.unwrap();
    trail.close().await;
    assert_eq!(
        kept(&*lines),
        "GetUser ListUsers ListRoles GetRole CreateRole"
    );
}

#[tokio::test]
async fn many_reads_wait_for_the_disk() {
    let lines = Arc::new(MemoryLines::default());
    let trail = Trail::new(Arc::clone(&lines) as Arc<dyn Lines>);
    let name = "x".repeat(1 << 20);
    for _ in 0..2 {
        trail.record(reading(&name)).await.unwrap();
    }
    assert_eq!(kept(&*lines).len(), 2 * name.len() + 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_is_kept_once_the_log_can_be_written_again() {
    let lines = stuck(true);
    let trail = Trail::new(Arc::clone(&lines) as Arc<dyn Lines>);
    trail.record(reading("GetRole")).await.unwrap();
    let of = trail.events(HERE, 0..i64::MAX, None, 9).await;
    assert!(of.is_err(), "it would show less than was answered");
    // From now on the caller is told.
    assert!(trail.record(reading("ListRoles")).await.is_err());
    lines.fails.store(false, Ordering::Relaxed);
    trail.record(reading("ListUsers")).await.unwrap();
    let found = trail.events(HERE, 0..i64::MAX, None, 9).await.unwrap();
    let found = names(found.into_iter().map(|(_, event)| event));
    assert_eq!(found, "GetRole ListUsers");
    trail.record(reading("GetUser")).await.unwrap();
    assert_eq!(kept(&*lines), "GetRole ListUsers", "as before");
}

/// Whoever may do nothing can still fail, and floods nothing but its own part of the log.
#[tokio::test(start_paused = true)]
async fn a_flood_without_rights_is_counted_where_it_is_not_recorded() {
    let lines = Arc::new(MemoryLines::default());
    let trail = Trail::new(Arc::clone(&lines) as Arc<dyn Lines>);
    let of = |arn: &str, name: &str| Event {
        cost: Cost::Principal(arn.into()),
        ..event(name)
    };
    let flood = "x".repeat(1 << 20);
    for _ in 0..20 {
        trail.record(of("u", &flood)).await.unwrap();
    }
    trail.record(of("v", "DeleteRole")).await.unwrap();
    trail.record(event("CreateRole")).await.unwrap();
    let shown = kept(&*lines).replace(&flood, "x");
    assert_eq!(shown, "CreateRole DeleteRole x x x x x x x");
    tokio::time::sleep(unrecorded::INTERVAL + Duration::from_secs(1)).await;
    let found = trail.events(HERE, 0..i64::MAX, None, 1).await.unwrap();
    let text = found[0].1.to_text();
    assert!(
        text.contains(r#""eventName":"EventsNotRecorded""#),
        "{text}"
    );
    assert!(text.contains(r#""count":13"#), "{text}");
    // What is counted is said when the server ends, too.
    trail.record(of("u", &flood)).await.unwrap();
    trail.close().await;
    let shown = kept(&*lines).replace(&flood, "x");
    assert_eq!(shown.matches("EventsNotRecorded").count(), 2, "{shown}");
}

/// A call whose caller left may go on when the server already ends.
#[tokio::test(start_paused = true)]
async fn nothing_waits_once_the_log_is_closed() {
    let lines = Arc::new(MemoryLines::default());
    let trail = Trail::new(Arc::clone(&lines) as Arc<dyn Lines>);
    trail.close().await;
    trail.record(reading("GetRole")).await.unwrap();
    assert_eq!(kept(&*lines), "GetRole");
}

#[tokio::test(start_paused = true)]
async fn what_was_left_out_is_counted_on_while_the_log_can_not_be_written() {
    let lines = stuck(true);
    let trail = Trail::new(Arc::clone(&lines) as Arc<dyn Lines>);
    trail.record(reading("GetRole")).await.unwrap();
    assert!(trail.later.settle().await.is_err());
    let flood = Event {
        cost: Cost::Principal("u".into()),
        ..event(&"x".repeat(9 << 20))
    };
    trail.record(flood).await.unwrap();
    tokio::time::sleep(unrecorded::INTERVAL + Duration::from_secs(1)).await;
    lines.fails.store(false, Ordering::Relaxed);
    trail.later.settle().await.unwrap();
    trail.close().await;
    let shown = kept(&*lines);
    assert!(shown.contains("EventsNotRecorded"), "{shown}");
}

#[test]
fn counts_are_bounded_and_complete() {
    let mut unrecorded = Unrecorded::default();
    for at in 0..200 {
        let event = Event {
            region: format!("region-{at}").into(),
            cost: Cost::Principal("u".into()),
            ..event("DeleteRole")
        };
        assert_eq!(unrecorded.add(&event), at == 0);
        assert!(!unrecorded.add(&event));
    }
    let events = unrecorded.take();
    assert_eq!(events.len(), 65);
    let count = |event: &Event| {
        let data = event.record.get("additionalEventData").unwrap();
        data.get("count").unwrap().as_i64().unwrap()
    };
    assert_eq!(events.iter().map(count).sum::<i64>(), 400);
    assert!(unrecorded.take().is_empty());
}

#[test]
fn what_takes_no_rights_has_a_budget() {
    let input = json::parse("{}").unwrap();
    let of_role = || Cost::Principal("arn:aws:iam::123456789012:role/ci/deploy".into());
    let root = || {
        Caller::from(Principal::Root {
            account: "123456789012".into(),
            temporary: None,
        })
    };
    let needed = [Need::new("iam:GetRole", "*")];
    let failure = ServiceError::new("NoSuchEntity", "no");
    let fault = ServiceError::common(Common::InternalFailure, Protocol::Query, "oh");
    let (reads, changes) = (Facts::READS, Facts::CHANGES);
    let (done, failed, cut_off) = (Ok(&input), Err(&failure), Err(&fault));
    // GetCallerIdentity needs nothing.
    let nothing = &needed[..0];
    let needed = &needed[..];
    for (caller, facts, needs, outcome, authorization_id, cost, may_wait) in [
        (session(), reads, needed, done, None, Cost::Free, true),
        (session(), changes, needed, done, None, Cost::Free, false),
        (session(), changes, nothing, done, None, Cost::Free, false),
        (session(), reads, nothing, done, None, of_role(), true),
        (session(), reads, needed, failed, None, of_role(), true),
        (session(), changes, needed, failed, None, of_role(), false),
        (session(), changes, needed, cut_off, None, Cost::Free, false),
        // Whoever was told the id finds what it names.
        (
            session(),
            reads,
            needed,
            failed,
            Some("id"),
            Cost::Free,
            false,
        ),
        (root(), changes, needed, failed, None, Cost::Free, false),
    ] {
        let mut call = testing::call(Service::Iam, "GetRole", &input, NOW);
        call.caller = caller;
        let event = Event::of(&Audited {
            call: &call,
            facts,
            needs,
            outcome,
            authorization_id,
        });
        let shown = (facts, needs, outcome, authorization_id);
        assert_eq!((event.cost, event.may_wait), (cost, may_wait), "{shown:?}");
    }
}

#[tokio::test]
async fn denials_that_wait_hold_up_no_event() {
    let lines = stuck(false);
    let trail = Arc::new(Trail::new(Arc::clone(&lines) as Arc<dyn Lines>));
    let denials: Vec<_> = (0..4 * DENIALS_MAX)
        .map(|_| {
            let trail = Arc::clone(&trail);
            tokio::spawn(async move { trail.denied(denial(NOW)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    trail.record(event("CreateRole")).await.unwrap();
    *lines.held.lock() = false;
    lines.released.notify_all();
    for denial in denials {
        assert!(denial.await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_flood_of_denials_costs_their_explanations_only() {
    let trail = Trail::new(Arc::new(MemoryLines::default()));
    let large = |account: &str| {
        // Random text, as it can't be compressed.
        let mut random = vec![0; 1 << 20];
        getrandom::fill(&mut random).unwrap();
        let mut denial = denial(NOW);
        denial.account = account.into();
        denial.policies[0].document = base64(&random).into();
        denial
    };
    let mut kept = 0;
    for _ in 0..8 {
        kept += usize::from(trail.denied(large("123456789012")).await.is_some());
    }
    assert!((2..5).contains(&kept), "{kept}");
    assert!(trail.denied(large("999999999999")).await.is_some());
    trail.record(event("CreateRole")).await.unwrap();
}

/// Whoever reaches the server can send unsigned calls; they neither fill the disk nor use up what
/// others have.
#[tokio::test]
async fn a_flood_of_unsigned_calls_is_recorded_in_part() {
    let trail = Trail::new(Arc::new(MemoryLines::default()));
    let text = "x".repeat(1 << 20);
    let (calls, own) = (8, 6);
    for _ in 0..calls {
        let unsigned = Event {
            cost: Cost::Anybody,
            ..event(&text)
        };
        trail.record(unsigned).await.unwrap();
    }
    for _ in 0..own {
        trail.record(event(&text)).await.unwrap();
    }
    let of = ("123456789012", "eu-west-1");
    let found = trail.events(of, 0..i64::MAX, None, 100).await.unwrap();
    assert!((own + 1..own + 5).contains(&found.len()), "{}", found.len());
    assert!(trail.denied(denial(NOW)).await.is_some());
}

#[test]
fn failed_calls_that_nobody_signed_are_anybodys() {
    let input = json::parse("{}").unwrap();
    let signed = testing::call(Service::Sts, "AssumeRoleWithWebIdentity", &input, NOW);
    let unsigned = Call {
        caller: Caller::from(Principal::Anonymous),
        ..signed.clone()
    };
    let error = ServiceError::new("InvalidIdentityToken", "no");
    for (call, outcome, expected) in [
        (&signed, Err(&error), false),
        (&unsigned, Ok(&input), false),
        (&unsigned, Err(&error), true),
    ] {
        let event = Event::of(&Audited {
            call,
            facts: Facts::CHANGES,
            needs: &[],
            outcome,
            authorization_id: None,
        });
        assert_eq!(event.cost == Cost::Anybody, expected);
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

fn session() -> Caller {
    Caller {
        principal: Arc::new(Principal::Role(Arc::new(RoleSession {
            account: "123456789012".into(),
            role_arn: "arn:aws:iam::123456789012:role/ci/deploy".into(),
            role_name: "deploy".into(),
            role_id: "AROA1".into(),
            session_name: "build".into(),
            tags: Arc::new([]),
            transitive_tag_keys: Arc::new([]),
            source_identity: None,
            federated_provider: None,
            temporary: Temporary {
                issued_ms: NOW,
                mfa: false,
            },
        }))),
        session: None,
        access_key_id: Some("ASIAEXAMPLE".into()),
    }
}

/// Checks members of the record of a call; `CANARY` must be nowhere in it.
#[track_caller]
fn check(
    (service, operation, input): (Service, &str, &str),
    facts: Facts,
    outcome: Result<&str, &ServiceError>,
    expected: &str,
) {
    let input = json::parse(input).unwrap();
    let mut call = testing::call(service, operation, &input, NOW);
    call.caller = session();
    let members = outcome.map(|members| json::parse(members).unwrap());
    let needs = [
        Need::new("a:b", "arn:aws:iam::123456789012:role/r"),
        Need::new("a:c", "arn:aws:iam::123456789012:role/r"),
        Need::new("a:d", "*"),
    ];
    let event = Event::of(&Audited {
        call: &call,
        facts,
        needs: &needs,
        outcome: members.as_ref().map_err(|error| *error),
        authorization_id: None,
    });
    let text = event.record.to_text();
    assert!(!text.contains("CANARY"), "{text}");
    for (name, expected) in json::parse(expected).unwrap().as_object().unwrap().iter() {
        assert_eq!(event.record.get(name), Some(expected), "{name}: {text}");
    }
}

#[test]
fn a_record_tells_who_did_what_on_what() {
    check(
        (
            Service::Iam,
            "CreateRole",
            r#"{"RoleName": "r", "AssumeRolePolicyDocument": "{}",
                "Tags": [{"Key": "k", "Value": "v"}]}"#,
        ),
        Facts::CHANGES,
        Ok(r#"{"Role": {"RoleName": "r", "RoleId": "AROA2"}, "NotOfTheModel": "CANARY"}"#),
        r#"{
          "eventVersion": "1.11",
          "userIdentity": {
            "type": "AssumedRole", "principalId": "AROA1:build",
            "arn": "arn:aws:sts::123456789012:assumed-role/deploy/build",
            "accountId": "123456789012", "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {
              "sessionIssuer": {
                "type": "Role", "principalId": "AROA1",
                "arn": "arn:aws:iam::123456789012:role/ci/deploy",
                "accountId": "123456789012", "userName": "deploy"
              },
              "attributes": {"creationDate": "2026-09-21T14:13:20Z", "mfaAuthenticated": "false"}
            }
          },
          "eventTime": "2026-09-21T14:13:20Z", "eventSource": "iam.amazonaws.com",
          "eventName": "CreateRole", "awsRegion": "us-east-1",
          "sourceIPAddress": "states.amazonaws.com", "userAgent": "states.amazonaws.com",
          "requestParameters": {
            "roleName": "r", "assumeRolePolicyDocument": "{}",
            "tags": [{"key": "k", "value": "v"}]
          },
          "responseElements": {"role": {"roleName": "r", "roleId": "AROA2"}},
          "requestID": "00000000-0000-4000-8000-000000000000", "readOnly": false,
          "resources": [{
            "ARN": "arn:aws:iam::123456789012:role/r", "accountId": "123456789012",
            "type": "AWS::IAM::Role"
          }],
          "eventType": "AwsApiCall", "managementEvent": true,
          "recipientAccountId": "123456789012", "eventCategory": "Management"
        }"#,
    );
    check(
        (Service::Iam, "GetRole", r#"{"RoleName": "r"}"#),
        Facts::READS,
        Ok(r#"{"Role": {"RoleName": "CANARY"}}"#),
        r#"{"responseElements": null, "readOnly": true}"#,
    );
}

#[test]
fn a_flood_of_denied_data_calls_is_not_recorded() {
    let input = json::parse("{}").unwrap();
    let call = testing::call(Service::States, "ListStateMachines", &input, NOW);
    let denied = ServiceError::common(Common::AccessDenied, Protocol::Json10, "User: u");
    let check = |facts, authorization_id, data_calls, expected| {
        let audited = Audited {
            call: &call,
            facts,
            needs: &[],
            outcome: Err(&denied),
            authorization_id,
        };
        assert_eq!(audited.is_wanted(data_calls), expected, "{facts:?}");
        let record = Event::of(&audited).record;
        let shown = record.get("additionalEventData");
        let shown = shown.and_then(|data| data.get("authorizationId"));
        assert_eq!(shown.and_then(Value::as_str), authorization_id);
    };
    check(Facts::READS, None, false, true);
    check(Facts::CHANGES, Some("1a"), false, true);
    check(Facts::READS_DATA, Some("1a"), false, true);
    check(Facts::CHANGES_DATA, None, false, false);
    check(Facts::CHANGES_DATA, None, true, true);
}

/// What is expected, with CloudTrail's words for `HIDDEN`.
fn shown(text: &str) -> String {
    text.replace("HIDDEN", "HIDDEN_DUE_TO_SECURITY_REASONS")
}

#[test]
fn secrets_are_hidden() {
    let created = r#"{"AccessKey": {"AccessKeyId": "AKIA1", "SecretAccessKey": "CANARY"}}"#;
    check(
        (Service::Iam, "CreateAccessKey", r#"{"UserName": "ana"}"#),
        Facts::CHANGES,
        Ok(created),
        &shown(
            r#"{"responseElements":
                {"accessKey": {"accessKeyId": "AKIA1", "secretAccessKey": "HIDDEN"}}}"#,
        ),
    );
    check(
        (
            Service::Sts,
            "AssumeRole",
            r#"{"RoleArn": "a", "RoleSessionName": "s", "TokenCode": "CANARY"}"#,
        ),
        Facts::CHANGES,
        Ok(
            r#"{"Credentials": {"AccessKeyId": "ASIA1", "SecretAccessKey": "CANARY",
                "SessionToken": "CANARY"}}"#,
        ),
        &shown(
            r#"{"requestParameters":
                  {"roleArn": "a", "roleSessionName": "s", "tokenCode": "HIDDEN"},
                "responseElements": {"credentials": {"accessKeyId": "ASIA1",
                  "secretAccessKey": "HIDDEN", "sessionToken": "HIDDEN"}}}"#,
        ),
    );
    check(
        (
            Service::Sts,
            "AssumeRoleWithWebIdentity",
            r#"{"RoleArn": "a", "RoleSessionName": "s", "WebIdentityToken": "CANARY"}"#,
        ),
        Facts::CHANGES,
        Ok("{}"),
        &shown(
            r#"{"requestParameters":
                {"roleArn": "a", "roleSessionName": "s", "webIdentityToken": "HIDDEN"}}"#,
        ),
    );
    // Nobody signs it: its answer tells who it was.
    check(
        (
            Service::Sts,
            "AssumeRoleWithWebIdentity",
            r#"{"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "s",
                "WebIdentityToken": "CANARY"}"#,
        ),
        Facts::CHANGES,
        Ok(
            r#"{"Provider": "https://idp.example.com/x", "Audience": "a",
               "SubjectFromWebIdentityToken": "repo:x"}"#,
        ),
        r#"{"userIdentity": {"type": "WebIdentityUser",
              "principalId": "arn:aws:iam::123456789012:oidc-provider/idp.example.com/x:repo:x",
              "userName": "repo:x",
              "identityProvider": "arn:aws:iam::123456789012:oidc-provider/idp.example.com/x"},
            "resources": [{"ARN": "arn:aws:iam::123456789012:role/r", "accountId": "123456789012",
              "type": "AWS::IAM::Role"}]}"#,
    );
}

#[test]
fn payloads_are_hidden() {
    // An error may repeat what was hidden.
    let broken = ServiceError::new("InvalidDefinition", "unexpected CANARY");
    check(
        (
            Service::States,
            "CreateStateMachine",
            r#"{"name": "m", "definition": "CANARY", "roleArn": "a", "type": 7}"#,
        ),
        Facts::CHANGES,
        Err(&broken),
        &shown(
            r#"{"errorCode": "InvalidDefinition", "errorMessage": "HIDDEN",
                "requestParameters":
                  {"name": "m", "definition": "HIDDEN", "roleArn": "a", "type": 7},
                "responseElements": null}"#,
        ),
    );
    let denied = ServiceError::common(Common::AccessDenied, Protocol::Json10, "User: u");
    check(
        (
            Service::States,
            "StartExecution",
            r#"{"stateMachineArn": "a", "input": "CANARY", "Unknown": "CANARY"}"#,
        ),
        Facts::CHANGES_DATA,
        Err(&denied),
        &shown(
            r#"{"errorCode": "AccessDeniedException", "errorMessage": "User: u",
                "requestParameters": {"stateMachineArn": "a", "input": "HIDDEN"},
                "managementEvent": false, "eventCategory": "Data"}"#,
        ),
    );
    check(
        (
            Service::States,
            "SendTaskSuccess",
            r#"{"taskToken": "CANARY", "output": "CANARY"}"#,
        ),
        Facts::CHANGES_DATA,
        Ok("{}"),
        &shown(r#"{"requestParameters": {"taskToken": "HIDDEN", "output": "HIDDEN"}}"#),
    );
    check(
        (
            Service::Lambda,
            "CreateFunction",
            r#"{"FunctionName": "f", "Role": "r", "Code": {"ZipFile": "CANARY"},
                "Environment": {"Variables": {"KEY": "CANARY"}}}"#,
        ),
        Facts::CHANGES,
        Ok(r#"{"FunctionName": "f", "Environment": {"Variables": {"KEY": "CANARY"}}}"#),
        &shown(
            r#"{"responseElements":
                {"functionName": "f", "environment": {"variables": "HIDDEN"}}}"#,
        ),
    );
}

#[test]
fn what_is_large_is_left_out() {
    let input = format!(r#"{{"RoleName": "{}"}}"#, "r".repeat(40_000));
    check(
        (Service::Iam, "GetRole", &input),
        Facts::READS,
        Err(&ServiceError::new("NoSuchEntity", "é".repeat(4_000))),
        &format!(
            r#"{{"requestParameters": {{
                  "omitted": true, "originalSize": 40015, "reason": "larger than 32768 bytes"
                }},
                "errorMessage": "{}"}}"#,
            "é".repeat(2_048)
        ),
    );
}

#[test]
fn resources_have_types() {
    let check = |resource: &str, expected| {
        let arn = format!("arn:aws:{resource}");
        assert_eq!(record::resource_type(&arn), expected, "{arn}");
    };
    check(
        "states:eu-west-1:1:stateMachine:m:live",
        Some("AWS::StepFunctions::StateMachine"),
    );
    check(
        "states:eu-west-1:1:activity:a",
        Some("AWS::StepFunctions::Activity"),
    );
    check(
        "states:eu-west-1:1:express:m:e:x",
        Some("AWS::StepFunctions::Execution"),
    );
    check(
        "lambda:eu-west-1:1:function:f",
        Some("AWS::Lambda::Function"),
    );
    check("iam::1:role/path/r", Some("AWS::IAM::Role"));
    check(
        "iam::1:oidc-provider/host/path",
        Some("AWS::IAM::OIDCProvider"),
    );
    check("s3:::bucket", None);
    assert_eq!(record::resource_type("any text"), None);
}
