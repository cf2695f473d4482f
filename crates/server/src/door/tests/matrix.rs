//! Who may call what: every operation by a user without a policy, with exactly what the operation
//! needs, with the right action on another resource, and under an explicit deny.
//!
//! `conformance/access/matrix/<service>.json` says what each operation needs; one that is served and
//! not in there fails.

use std::collections::BTreeSet;

use aws::{Service, ServiceError};
use json::{ObjectBuilder, Value, View};
use services::call::Client;
use services::{Call, Services};

use super::super::now;
use super::world::World;

const IAM: &str = "arn:aws:iam::000000000000";

/// A package with an empty function.
const ZIP: &str = "UEsDBBQAAAAAAAAAIQA4FyOjEQAAABEAAAAGAAAAYXBwLnB5ZGVmIGYoZSxjKTogcGFzcwpQSwECFAMUAAAAAAAAACEAOBcjoxEAAAARAAAABgAAAAAAAAAAAAAAgAEAAAAAYXBwLnB5UEsFBgAAAAABAAEANAAAADUAAAAAAA==";

/// What the rows speak of, beside what the world has.
const MADE: &[(Service, &str, &str)] = &[
    (
        Service::Iam,
        "CreateRole",
        r#"{"RoleName": "r", "AssumeRolePolicyDocument": "TRUST"}"#,
    ),
    (
        Service::Iam,
        "CreateRole",
        r#"{"RoleName": "assumable", "AssumeRolePolicyDocument": "ACCOUNT"}"#,
    ),
    (
        Service::Iam,
        "CreatePolicy",
        r#"{"PolicyName": "q", "PolicyDocument": "ALLOW"}"#,
    ),
    (Service::Iam, "CreateUser", r#"{"UserName": "v"}"#),
    (Service::Iam, "CreateUser", r#"{"UserName": "caller"}"#),
    (Service::Iam, "CreateGroup", r#"{"GroupName": "g"}"#),
    (
        Service::Iam,
        "CreateInstanceProfile",
        r#"{"InstanceProfileName": "p"}"#,
    ),
    (
        Service::Iam,
        "CreateOpenIDConnectProvider",
        r#"{"Url": "https://idp.example"}"#,
    ),
    (
        Service::Lambda,
        "CreateFunction",
        r#"{"FunctionName": "f", "Runtime": "python3.12", "Handler": "app.f",
            "Role": "arn:aws:iam::000000000000:role/lockstep-dev", "Code": {"ZipFile": "ZIP"}}"#,
    ),
    (
        Service::Lambda,
        "PublishLayerVersion",
        r#"{"LayerName": "l", "Content": {"ZipFile": "ZIP"}}"#,
    ),
    (Service::Logs, "CreateLogGroup", r#"{"logGroupName": "g"}"#),
    (
        Service::Logs,
        "CreateLogStream",
        r#"{"logGroupName": "g", "logStreamName": "s"}"#,
    ),
];

const TRUST: &str = r#"{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\", \"Principal\": {\"Service\": \"states.amazonaws.com\"}}}"#;
const ACCOUNT: &str = r#"{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": [\"sts:AssumeRole\", \"sts:TagSession\", \"sts:SetSourceIdentity\"], \"Principal\": {\"AWS\": \"000000000000\"}}}"#;
const ALLOW: &str = r#"{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": \"*\"}}"#;

/// One operation with an input, and the actions on resources that it needs.
struct Row {
    service: Service,
    operation: String,
    input: Value,
    needs: Vec<(String, String)>,
    /// What it comes to once it is allowed: the code of an error, or empty for a success.
    comes_to: String,
}

fn rows() -> Vec<Value> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../conformance/access/matrix"
    );
    let files = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    // Some rows delete what others read: the same order everywhere.
    files.sort();
    let mut rows = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        rows.extend_from_slice(json::parse(&text).unwrap().as_array().unwrap());
    }
    rows
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value.get(member).and_then(Value::as_str).unwrap()
}

fn service_of(row: &Value) -> Service {
    let name = text(row, "service");
    let mut all = Service::ALL.into_iter();
    let found = all.find(|service| service.embedded().name == name);
    found.unwrap_or_else(|| panic!("no service {name}"))
}

/// A call without an input.
fn empty_call(service: Service, operation: &'static str) -> Call {
    Call {
        service,
        operation,
        account: "000000000000".into(),
        region: "us-east-1".into(),
        caller: services::access::Caller::root("000000000000"),
        client: Client::default(),
        request_id: "r".into(),
        now: now(),
        input: Value::empty_object(),
        body: None,
        violations: Vec::new(),
        mock_case: None,
        attempt: None,
        trace_header: None,
    }
}

/// A statement; a resource that a policy may not name is `*`.
fn statement(effect: &str, action: &str, resource: &str) -> String {
    let is_arn = resource == "*" || resource.starts_with("arn:");
    let resource = if is_arn { resource } else { "*" };
    format!(r#"{{"Effect": "{effect}", "Action": "{action}", "Resource": "{resource}"}}"#)
}

/// Another resource of the same kind.
fn other(resource: &str) -> String {
    match resource {
        "*" => "arn:aws:states:us-east-1:000000000000:stateMachine:elsewhere".to_owned(),
        arn => format!("{arn}x"),
    }
}

/// The world, and the user whose permissions change.
struct Matrix {
    world: World,
    names: Vec<(&'static str, String)>,
    key: (String, String),
}

impl Matrix {
    async fn new() -> Matrix {
        let world = World::new().await;
        for (service, operation, input) in MADE {
            let input = input.replace("TRUST", TRUST).replace("ACCOUNT", ACCOUNT);
            let input = input.replace("ALLOW", ALLOW).replace("ZIP", ZIP);
            let input = json::parse(&input).unwrap();
            let made = world.send(*service, operation, &input).await;
            made.unwrap_or_else(|error| panic!("{operation}: {error}"));
        }
        let key = key_of(&world, "caller").await;
        let (other_key, _) = key_of(&world, "v").await;
        let names = vec![
            ("iam", IAM.to_owned()),
            ("states", "arn:aws:states:us-east-1:000000000000".to_owned()),
            ("lambda", "arn:aws:lambda:us-east-1:000000000000".to_owned()),
            ("logs", "arn:aws:logs:us-east-1:000000000000".to_owned()),
            ("assumable", format!("{IAM}:role/assumable")),
            ("zip", ZIP.to_owned()),
            ("key", other_key),
        ];
        Matrix { world, names, key }
    }

    /// A text with names in their places.
    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.names {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        self.world.filled(&text)
    }

    fn filled_value(&self, value: &Value) -> Value {
        match value.view() {
            // Definitions stand in their places as JSON texts.
            View::String(text) => match self.filled(text) {
                quoted if quoted.starts_with('"') => json::parse(&quoted).unwrap(),
                text => text.into(),
            },
            View::Object(members) => {
                let mut object = ObjectBuilder::new();
                for (name, value) in members.iter() {
                    object.add(name.to_owned(), self.filled_value(value));
                }
                object.build().into()
            }
            View::Array(items) => items.iter().map(|item| self.filled_value(item)).collect(),
            _ => value.clone(),
        }
    }

    fn row(&self, row: &Value) -> Row {
        let need = |need: &Value| {
            let parts: Vec<&str> = need
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            (parts[0].to_owned(), self.filled(parts[1]))
        };
        let needs = row.get("needs").and_then(Value::as_array).unwrap();
        Row {
            service: service_of(row),
            operation: text(row, "operation").to_owned(),
            input: self.filled_value(row.get("input").unwrap()),
            needs: needs.iter().map(need).collect(),
            comes_to: row
                .get("error")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        }
    }

    /// Makes a row's call with these statements alone.
    async fn call(&self, row: &Row, statements: &[String]) -> Result<Value, ServiceError> {
        let document = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
            statements.join(", ")
        );
        let mut input = ObjectBuilder::new();
        input.add("UserName", "caller").add("PolicyName", "m");
        let (operation, input) = match statements {
            [] => ("DeleteUserPolicy", input.build()),
            _ => (
                "PutUserPolicy",
                input.add("PolicyDocument", document).build(),
            ),
        };
        match self
            .world
            .send(Service::Iam, operation, &input.into())
            .await
        {
            Err(error) if error.code != "NoSuchEntity" => panic!("{statements:?}: {error}"),
            _ => {}
        }
        let (id, secret) = &self.key;
        let key = (id.as_str(), secret.as_str());
        self.world
            .send_as(key, row.service, &row.operation, &row.input)
            .await
    }
}

async fn key_of(world: &World, user: &str) -> (String, String) {
    let input = ObjectBuilder::new().add("UserName", user).build();
    let made = world
        .send(Service::Iam, "CreateAccessKey", &input.into())
        .await;
    let key = made.unwrap().get("AccessKey").unwrap().clone();
    let text = |member| text(&key, member).to_owned();
    (text("AccessKeyId"), text("SecretAccessKey"))
}

fn is_denied(given: &Result<Value, ServiceError>) -> bool {
    given
        .as_ref()
        .is_err_and(|error| error.code.starts_with("AccessDenied"))
}

/// Whether a call was denied for this action, and in this way.
fn is_denied_for(given: &Result<Value, ServiceError>, action: &str, why: &str) -> bool {
    let wanted = format!("is not authorized to perform: {action} ");
    let fits = |error: &ServiceError| {
        let id = services::access::authorization_id(&error.message);
        error.message.contains(&wanted) && error.message.contains(why) && id.is_some()
    };
    is_denied(given) && given.as_ref().is_err_and(fits)
}

/// The problems of a row whose calls must all be denied.
async fn denied(matrix: &Matrix, row: &Row) -> Vec<String> {
    let mut problems = Vec::new();
    let mut judge = |what: &str, given: Result<Value, ServiceError>, action: &str, why: &str| {
        if !is_denied_for(&given, action, why) {
            problems.push(format!(
                "{} {}, {what}: {given:?}",
                row.operation, row.input
            ));
        }
    };
    let Some((first, _)) = row.needs.first() else {
        return problems;
    };
    let implicit = "because no identity-based policy allows the";
    judge("no policy", matrix.call(row, &[]).await, first, implicit);
    for (at, (action, resource)) in row.needs.iter().enumerate() {
        let but_one = row
            .needs
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at);
        let but_one = but_one.map(|(_, (action, resource))| statement("Allow", action, resource));
        let mut statements: Vec<String> = but_one.collect();
        statements.push(statement("Allow", action, &other(resource)));
        let given = matrix.call(row, &statements).await;
        judge("another resource", given, action, implicit);
        let statements = [
            statement("Allow", "*", "*"),
            statement("Deny", action, resource),
        ];
        let explicit = "with an explicit deny in an identity-based policy";
        let given = matrix.call(row, &statements).await;
        judge("an explicit deny", given, action, explicit);
    }
    problems
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_call_what() {
    let matrix = Matrix::new().await;
    let rows: Vec<Row> = rows().iter().map(|row| matrix.row(row)).collect();
    let mut problems = Vec::new();
    // What is denied changes nothing; what is allowed may, and comes last.
    for row in &rows {
        problems.extend(denied(&matrix, row).await);
    }
    for row in &rows {
        let allow = |(action, resource): &(String, String)| statement("Allow", action, resource);
        let statements: Vec<String> = row.needs.iter().map(allow).collect();
        let given = matrix.call(row, &statements).await;
        let code = given.as_ref().err().map_or("", |error| &error.code);
        if code != row.comes_to {
            problems.push(format!("{} {}, exact: {given:?}", row.operation, row.input));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    matrix.world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_served_operation_is_in_the_matrix() {
    let world = World::empty();
    let rows = rows();
    let listed: BTreeSet<(Service, &str)> = rows
        .iter()
        .map(|row| (service_of(row), text(row, "operation")))
        .collect();
    for service in Service::ALL {
        for operation in service.model().unwrap().operations() {
            let name: &'static str = &operation.name;
            let is_known = Services::facts(service, name).is_some();
            assert_eq!(
                listed.contains(&(service, name)),
                is_known,
                "{service:?} {name}"
            );
            if !is_known {
                // Nobody knows what it needs, so nobody may be served it.
                let call = empty_call(service, name);
                let handled = world.services().handle(service, name, &call).await;
                assert!(handled.is_none(), "{service:?} {name}");
            }
        }
    }
    world.close().await;
}
