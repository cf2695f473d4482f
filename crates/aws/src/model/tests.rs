use super::{Error, Kind, Location, Model, Segment};
use crate::models::{Embedded, Service};

#[test]
fn embedded_models_are_whole() {
    let counts = [
        ("cloudtrail", 1),
        ("dynamodb", 62),
        ("events", 57),
        ("iam", 180),
        ("iam-toolbox", 2),
        ("lambda", 91),
        ("lockstep", 7),
        ("logs", 118),
        ("monitoring", 59),
        ("s3", 111),
        ("sns", 42),
        ("sqs", 23),
        ("states", 37),
        ("sts", 11),
    ];
    assert_eq!(Embedded::all().len(), counts.len());
    for (known, (name, operations)) in Embedded::all().iter().zip(counts) {
        assert_eq!(known.name, name);
        let model = known.model().expect("the embedded model compiles");
        assert_eq!(&*model.signing_name, known.signing_name);
        assert_eq!(
            model.operations().len(),
            operations,
            "{}",
            model.signing_name
        );
        for operation in model.operations() {
            let found = model.operation(&operation.name).expect("by name");
            assert_eq!(found.name, operation.name);
            for shape in operation.input.iter().chain(&operation.output) {
                assert!(model.structure(*shape).is_some(), "{}", operation.name);
            }
            assert!(
                operation
                    .errors
                    .iter()
                    .all(|id| model.shape(*id).error.is_some())
            );
        }
        assert!(model.operation("Nope").is_none());
    }
}

#[test]
fn served_and_known() {
    for service in Service::ALL {
        let known = service.embedded();
        assert_eq!(known.served, Some(service));
        let found = Embedded::of_name(service.name()).expect("by name");
        assert_eq!(found.served, Some(service));
        // One signing name stands for two services.
        let signed = match service {
            Service::IamToolbox => Service::Iam,
            service => service,
        };
        assert_eq!(Service::of_signing_name(known.signing_name), Some(signed));
    }
    let s3 = Embedded::of_sdk_id("s3").expect("known");
    assert_eq!((s3.served, Service::of_signing_name("s3")), (None, None));
    assert!(Embedded::of_sdk_id("").is_none());
}

/// What `lockstep.json` takes over from Step Functions is the same in both, but that its references
/// are objects: botocore, which users give the file to, knows no bare names.
#[test]
fn our_own_model_shares_the_shapes_of_step_functions() {
    let lines = |text: &'static str| {
        let (_, shapes) = text.split_once("\"shapes\":{").expect("shapes");
        let lines = shapes.lines().map(|line| line.trim_end_matches(','));
        let named = lines.filter_map(|line| Some((line.split_once(':')?.0, bare(line))));
        named.collect::<std::collections::BTreeMap<_, _>>()
    };
    let ours = lines(include_str!("../../../../models/lockstep.json"));
    let theirs = lines(include_str!("../../../../models/states.json"));
    let shared = ours
        .iter()
        .filter_map(|(name, line)| Some((line, theirs.get(name)?)));
    let mut count = 0;
    for (ours, theirs) in shared {
        assert_eq!(ours, theirs);
        count += 1;
    }
    assert!(count > 50);
}

/// A line of a model with `{"shape":"X"}` as `"X"`.
fn bare(line: &str) -> String {
    let mut parts = line.split("{\"shape\":");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |bare, part| bare + &part.replacen('}', "", 1))
}

#[test]
fn traits_are_kept() {
    let states = Service::States.model().expect("a model");
    let sync = states
        .operation("StartSyncExecution")
        .expect("an operation");
    assert_eq!(&*sync.host_prefix, "sync-");
    let sts = Service::Sts.model().expect("a model");
    assert!(
        sts.operation("AssumeRoleWithWebIdentity")
            .expect("an operation")
            .unsigned
    );
    assert!(!sts.operation("AssumeRole").expect("an operation").unsigned);
    let redrive = states
        .operation("RedriveExecution")
        .expect("an operation")
        .input;
    let redrive = redrive
        .and_then(|input| states.structure(input))
        .expect("an input");
    assert!(
        redrive
            .member("clientToken")
            .expect("a member")
            .idempotency_token
    );
    assert!(redrive.member("executionArn").expect("a member").required);

    let lambda = Service::Lambda.model().expect("a model");
    let invoke = lambda.operation("Invoke").expect("an operation");
    let http = invoke.http.as_ref().expect("a binding");
    assert_eq!(
        http.path.get(2),
        Some(&Segment::Label("FunctionName".into()))
    );
    let input = invoke
        .input
        .and_then(|input| lambda.structure(input))
        .expect("an input");
    let payload = input.payload_member().expect("a payload");
    assert!(matches!(
        lambda.shape(payload.reference.shape).kind,
        Kind::Blob
    ));
    let log_type = input.member("LogType").expect("a member");
    assert_eq!(log_type.reference.location, Location::Header);

    let iam = Service::Iam.model().expect("a model");
    let missing = iam.error("NoSuchEntity").expect("by code");
    assert_eq!(&*missing.name, "NoSuchEntityException");
    assert_eq!(
        missing.error.as_ref().and_then(|error| error.status),
        Some(404)
    );
    assert!(iam.error("NoSuchEntityException").is_some());
    assert!(iam.error("Role").is_none());
}

#[test]
fn broken_models_are_errors() {
    let model = |operations: &str, shapes: &str| {
        format!(
            r#"{{"metadata": {{"protocol": "json", "jsonVersion": "1.0", "endpointPrefix": "x"}},
                "operations": {{{operations}}}, "shapes": {{{shapes}}}}}"#
        )
    };
    let check = |text: &str, expected: Error| {
        assert_eq!(Model::parse(text).expect_err(text), expected, "{text}");
    };
    let missing = |place: &str| Error::Missing(place.to_owned());
    let unknown = |place: &str, word: &str| Error::Unknown {
        place: place.to_owned(),
        word: word.to_owned(),
    };
    assert!(Model::parse(&model("", "")).is_ok());
    assert!(matches!(Model::parse("{"), Err(Error::Json(_))));
    check("{}", missing("metadata"));
    check(r#"{"metadata": {}, "shapes": []}"#, missing("shapes"));
    let soap = r#"{"metadata": {"protocol": "soap"}, "operations": {}, "shapes": {}}"#;
    check(soap, unknown("protocol", "soap"));
    check(&model(r#""Do": {"input": "No"}"#, ""), unknown("Do", "No"));
    check(&model(r#""Do": {"input": {}}"#, ""), missing("Do"));
    check(&model(r#""Do": {"http": {}}"#, ""), missing("Do"));
    check(&model("", r#""A": {"type": "set"}"#), unknown("A", "set"));
    check(&model("", r#""A": {}"#), unknown("A", ""));
    check(&model("", r#""A": {"type": "list"}"#), missing("A"));
    check(
        &model("", r#""A": {"type": "map", "key": "A"}"#),
        missing("A"),
    );
    let odd_place = r#""A": {"type": "list", "member": {"shape": "A", "location": "moon"}}"#;
    check(&model("", odd_place), unknown("A", "moon"));
    let odd_time = r#""A": {"type": "timestamp", "timestampFormat": "moon"}"#;
    check(&model("", odd_time), unknown("A", "moon"));
    for odd in ["timestampFormat", "jsonvalue", "hostLabel"] {
        let list = format!(r#""A": {{"type": "list", "member": {{"shape": "A", "{odd}": true}}}}"#);
        check(&model("", &list), unknown("A", odd));
    }
    let renamed = r#""A": {"type": "structure",
        "members": {"M": {"shape": "A", "locationName": "m"}}}"#;
    check(&model("", renamed), unknown("A", "locationName"));
}
