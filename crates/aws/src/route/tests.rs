use super::route;
use crate::door::Request;
use crate::models::Service;

fn request(method: &str, uri: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut request = Request::new(method.parse().expect("a method"), uri);
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().expect("a name");
        request
            .headers
            .insert(name, value.parse().expect("a value"));
    }
    request.body = body.to_owned().into();
    request
}

const FORM: (&str, &str) = (
    "content-type",
    "application/x-www-form-urlencoded; charset=utf-8",
);

fn signed(service: &str) -> String {
    let scope = format!("AKID/20260102/eu-west-1/{service}/aws4_request");
    format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00")
}

#[track_caller]
fn finds(request: &Request, service: Service, operation: &str, region: &str) {
    let found = route(request).expect("a route");
    assert_eq!(
        (found.service, &*found.operation.name),
        (service, operation)
    );
    assert_eq!(found.region, region);
}

#[track_caller]
fn loses(request: &Request, status: u16, code: &str, message: &str) {
    let lost = route(request).expect_err("no route");
    assert_eq!((&*lost.error.code, &*lost.error.message), (code, message));
    let answer = lost.answer("id");
    assert_eq!(answer.status, status);
    assert_eq!(answer.header("x-amzn-requestid"), Some("id"));
    let body = std::str::from_utf8(&answer.body).expect("UTF-8");
    assert!(
        body.contains(code) || answer.header("x-amzn-errortype") == Some(code),
        "{body}"
    );
}

#[test]
fn by_target() {
    let to = |target| request("POST", "/", &[("x-amz-target", target)], "{}");
    let east = "us-east-1";
    finds(
        &to("AWSStepFunctions.StartExecution"),
        Service::States,
        "StartExecution",
        east,
    );
    finds(
        &to("AWSStepFunctions.StartSyncExecution"),
        Service::States,
        "StartSyncExecution",
        east,
    );
    finds(
        &to("Logs_20140328.PutLogEvents"),
        Service::Logs,
        "PutLogEvents",
        east,
    );
    finds(
        &to("com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"),
        Service::CloudTrail,
        "LookupEvents",
        east,
    );
    let unknown = "UnknownOperationException";
    loses(
        &to("AWSStepFunctions.Nope"),
        400,
        unknown,
        "states has no operation Nope",
    );
    loses(
        &to("DynamoDB_20120810.PutItem"),
        400,
        unknown,
        "The operation DynamoDB_20120810.PutItem is not served by this version of Lockstep.",
    );
    for target in [
        "",
        ".",
        "x",
        "AWSStepFunctions",
        "AWSStepFunctions.",
        ".Nope",
        "a#",
    ] {
        let text = format!(
            "the header `X-Amz-Target` is `{target}`, which names no operation; send \
             `<service>.<operation>`, such as `AWSStepFunctions.ListStateMachines`"
        );
        loses(&to(target), 400, unknown, &text);
    }
    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        for target in ["AWSStepFunctions.ListStateMachines", "Nope.Nope"] {
            let request = request(method, "/", &[("x-amz-target", target)], "{}");
            let text =
                format!("`{method}` calls no operation of this protocol; send it with `POST`");
            loses(&request, 400, unknown, &text);
        }
    }
}

#[test]
fn the_scope_gives_region_and_key() {
    let authorization = signed("states");
    let headers = [
        ("x-amz-target", "AWSStepFunctions.StartExecution"),
        ("authorization", &*authorization),
    ];
    let request = request("POST", "/", &headers, "{}");
    finds(&request, Service::States, "StartExecution", "eu-west-1");
    let found = route(&request).expect("a route");
    assert_eq!(found.access_key_id.as_deref(), Some("AKID"));
}

/// IAM and what explains its denials sign alike: one is called by actions, the other by paths.
#[test]
fn the_toolbox_of_iam_is_called_by_its_paths() {
    let authorization = signed("iam");
    let check = |method, uri, body: &str, service, operation| {
        let headers = [("authorization", &*authorization), FORM];
        let headers = &headers[..if body.is_empty() { 1 } else { 2 }];
        finds(
            &request(method, uri, headers, body),
            service,
            operation,
            "eu-west-1",
        );
    };
    let (toolbox, iam) = (Service::IamToolbox, Service::Iam);
    let details = "GetRequestAuthorizationDetails";
    check("GET", "/authorization-details/1a", "", toolbox, details);
    check(
        "GET",
        "/authorization-details/1a?nextToken=Version",
        "",
        toolbox,
        details,
    );
    check(
        "GET",
        "/authorization-details/1a/policy?policyUri=arn%3Aaws",
        "",
        toolbox,
        "GetRequestAuthorizationPolicy",
    );
    check(
        "POST",
        "/",
        "Action=GetRole&Version=2010-05-08",
        iam,
        "GetRole",
    );
    for (method, uri) in [
        ("POST", "/authorization-details/1a"),
        ("GET", "/authorization-details"),
        ("GET", "/authorization-details/1a/policies"),
        ("GET", "/2015-03-31/functions"),
        ("GET", "/"),
    ] {
        let request = request(method, uri, &[("authorization", &*authorization)], "");
        let text = format!("iam has no operation {method} {uri}");
        loses(&request, 404, "UnknownOperationException", &text);
    }
}

#[test]
fn by_action() {
    let form = |body| request("POST", "/", &[FORM], body);
    let east = "us-east-1";
    finds(
        &form("Action=GetRole&Version=2010-05-08"),
        Service::Iam,
        "GetRole",
        east,
    );
    finds(
        &form("RoleArn=a&Version=2011-06-15&Action=AssumeRole"),
        Service::Sts,
        "AssumeRole",
        east,
    );
    let get = request(
        "GET",
        "/?Action=GetCallerIdentity&Version=2011-06-15",
        &[],
        "",
    );
    finds(&get, Service::Sts, "GetCallerIdentity", east);
    let presigned = request(
        "GET",
        "/?Action=GetCallerIdentity&\
         X-Amz-Credential=AKID%2F20260102%2Fus-west-2%2Fsts%2Faws4_request",
        &[],
        "",
    );
    finds(&presigned, Service::Sts, "GetCallerIdentity", "us-west-2");
    loses(
        &form("Action=Nope&Version=2010-05-08"),
        400,
        "InvalidAction",
        "Could not find operation Nope for version 2010-05-08",
    );
    loses(
        &form("Action=Publish&Version=2010-03-31"),
        400,
        "InvalidAction",
        "The operation Publish is not served by this version of Lockstep.",
    );
    let sns = signed("sns");
    let named = request(
        "POST",
        "/",
        &[FORM, ("authorization", &sns)],
        "Action=Publish",
    );
    let text = "The operation sns:Publish is not served by this version of Lockstep.";
    loses(&named, 400, "InvalidAction", text);
}

#[test]
fn by_path() {
    let check = |method: &str, uri: &str, operation: &str| {
        finds(
            &request(method, uri, &[], ""),
            Service::Lambda,
            operation,
            "us-east-1",
        );
    };
    check("GET", "/2015-03-31/functions", "ListFunctions");
    check("GET", "/2015-03-31/functions/", "ListFunctions");
    check("POST", "/2015-03-31/functions", "CreateFunction");
    check("GET", "/2015-03-31/functions/f?Qualifier=1", "GetFunction");
    check(
        "POST",
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ar%3A1%3Afunction%3Af/invocations",
        "Invoke",
    );
    check(
        "PUT",
        "/2015-03-31/functions/f/configuration",
        "UpdateFunctionConfiguration",
    );
    check("GET", "/2018-10-31/layers", "ListLayers");
    check(
        "GET",
        "/2018-10-31/layers?find=LayerVersion&Arn=a",
        "GetLayerVersionByArn",
    );
    check("GET", "/2018-10-31/layers?find=Other", "ListLayers");
    check(
        "GET",
        "/2019-09-30/functions/f/provisioned-concurrency?List=ALL",
        "ListProvisionedConcurrencyConfigs",
    );
    check(
        "GET",
        "/2019-09-30/functions/f/provisioned-concurrency",
        "GetProvisionedConcurrencyConfig",
    );
    check(
        "DELETE",
        "/2017-03-31/tags/arn%3Aaws?tagKeys=a",
        "UntagResource",
    );
    // A parameter called Action is nothing special to a rest service.
    let lambda = signed("lambda");
    let odd = request(
        "GET",
        "/2015-03-31/functions?Action=x",
        &[("authorization", &lambda)],
        "",
    );
    finds(&odd, Service::Lambda, "ListFunctions", "eu-west-1");
    let unknown = "UnknownOperationException";
    let patch = request("PATCH", "/2015-03-31/functions", &[], "");
    loses(
        &patch,
        404,
        unknown,
        "lambda has no operation PATCH /2015-03-31/functions",
    );
    let s3 = signed("s3");
    let bucket = request("GET", "/bucket", &[("authorization", &s3)], "");
    let text = "The call GET /bucket of the service s3 is not served by this version of Lockstep.";
    loses(&bucket, 404, unknown, text);
}

#[test]
fn nothing_names_an_operation() {
    for method in ["GET", "POST"] {
        let text = format!(
            "`{method} /` calls no operation: it has no header `X-Amz-Target`, no parameter \
             `Action` and no path of the Lambda API; use this address as the endpoint of an AWS \
             SDK or of the AWS CLI (`AWS_ENDPOINT_URL`)"
        );
        loses(
            &request(method, "/", &[], ""),
            404,
            "UnknownOperationException",
            &text,
        );
    }
}

#[test]
fn regions() {
    for region in ["us-east-1", "us-gov-west-1", "local", "r"] {
        assert!(super::is_region(region), "{region}");
    }
    let long = "r".repeat(33);
    for region in ["", "US-EAST-1", "a/b", "a:b", "..", "é", long.as_str()] {
        assert!(!super::is_region(region), "{region}");
        let scope =
            format!("AWS4-HMAC-SHA256 Credential=AKID/20260102/{region}/states/aws4_request");
        let mut request = request(
            "POST",
            "/",
            &[("x-amz-target", "AWSStepFunctions.StartExecution")],
            "{}",
        );
        let scope = http::HeaderValue::from_bytes(scope.as_bytes()).expect("a value");
        request.headers.insert("authorization", scope);
        finds(
            &request,
            Service::States,
            "StartExecution",
            super::REGION_DEFAULT,
        );
    }
}

/// What routing knows without a model agrees with the models.
#[test]
fn constants_agree_with_the_models() {
    for service in Service::ALL {
        let model = service.model().expect("the embedded model compiles");
        assert_eq!(service.signing_name(), &*model.signing_name);
        assert_eq!(
            service.target_prefix().unwrap_or_default(),
            &*model.target_prefix
        );
        assert_eq!(service.api_version(), &*model.api_version);
        assert_eq!(service.is_query(), model.protocol == crate::Protocol::Query);
    }
    assert_eq!(Service::of_signing_name("s3"), None);
}
