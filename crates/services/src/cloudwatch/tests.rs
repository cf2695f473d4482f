use aws::protocol::{
    Output, decode_request, decode_response, encode_error, encode_request, encode_response,
};
use aws::{Model, Service};
use json::{ObjectBuilder, Value, View};
use store::lines::MemoryLines;

use super::*;
use crate::testing;

/// The service of a case, with `series_max` if it says so.
fn fresh(case: &Value) -> Arc<CloudWatch> {
    let series_max = case
        .get("series_max")
        .and_then(Value::as_i64)
        .unwrap_or(1_000);
    let lines = Arc::new(MemoryLines::default());
    let metrics = Metrics::new(lines, usize::try_from(series_max).unwrap());
    Arc::new(CloudWatch::new(Arc::new(metrics)))
}

/// A value with its numbers as floats: protocols spell them in their own ways.
fn plain(value: &Value) -> Value {
    match value.view() {
        View::Number(found) => number(found.as_f64()),
        View::Array(items) => items.iter().map(plain).collect(),
        View::Object(members) => {
            let mut object = ObjectBuilder::new();
            for (name, value) in members {
                object.add(name.to_owned(), plain(value));
            }
            object.build().into()
        }
        _ => value.clone(),
    }
}

fn models() -> impl Iterator<Item = &'static Model> {
    let models = Service::CloudWatch.embedded().models();
    models.map(|model| model.expect("the model is sound"))
}

/// The call as it arrives in each protocol; it must be the same in all of them.
fn arrives_the_same(call: &Call) {
    for model in models() {
        let operation = model.operation(call.operation).unwrap();
        let request = encode_request(model, operation, &call.input, None).unwrap();
        let read = decode_request(model, operation, &request).unwrap();
        assert_eq!(
            plain(&read.members),
            plain(&call.input),
            "{:?}",
            model.protocol
        );
        assert_eq!(read.violations.len(), call.violations.len());
    }
}

/// The answer as its caller reads it in each protocol.
fn leaves_the_same(call: &Call, given: &Result<Answer, ServiceError>) {
    for model in models() {
        let operation = model.operation(call.operation).unwrap();
        match given {
            Ok(answer) => {
                let output = Output::new(answer.members.clone());
                let response = encode_response(model, operation, &output, "id");
                let read = decode_response(model, operation, &response).unwrap();
                let empty =
                    |value: &Value| plain(value).to_text().replace(",\"Dimensions\":[]", "");
                assert_eq!(
                    empty(&read.members),
                    empty(&answer.members),
                    "{:?}",
                    model.protocol
                );
            }
            Err(error) => {
                let response = encode_error(model, error, "id");
                let read = decode_response(model, operation, &response).unwrap_err();
                assert_eq!(read.message, error.message);
                // In JSON and CBOR an SDK shows the code of the header.
                let header = response.header("x-amzn-query-error");
                let code = header.and_then(|header| header.strip_suffix(";Sender"));
                assert_eq!(code.unwrap_or(&read.code), error.code);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts() {
    let serve = |service: Arc<CloudWatch>, operation: String, call: Call| async move {
        arrives_the_same(&call);
        let given = service.handle(&operation, &call).await;
        leaves_the_same(&call, given.as_ref().unwrap());
        given
    };
    let files = [
        "cloudwatch-list.json",
        "cloudwatch-metric-data.json",
        "cloudwatch-metrics.json",
    ];
    testing::play(&files, &[Service::CloudWatch], fresh, serve).await;
}

#[tokio::test]
async fn nothing_else_is_served() {
    let service = fresh(&Value::empty_object());
    let served = [
        "GetMetricData",
        "GetMetricStatistics",
        "ListMetrics",
        "PutMetricData",
    ];
    let model = Service::CloudWatch.model().unwrap();
    for operation in model.operations() {
        let call = testing::call(
            Service::CloudWatch,
            &operation.name,
            &Value::empty_object(),
            1_790_000_000_000,
        );
        let is_served = served.contains(&&*operation.name);
        let handled = service.handle(&operation.name, &call).await;
        assert_eq!(handled.is_some(), is_served, "{}", operation.name);
        assert_eq!(
            needs::facts(&operation.name).is_some(),
            is_served,
            "{}",
            operation.name
        );
    }
}

#[test]
fn what_a_call_needs() {
    let input = json::parse(r#"{"Namespace":"App"}"#).unwrap();
    let check = |operation: &str, expected: &str| {
        let call = testing::call(Service::CloudWatch, operation, &input, 0);
        let needs = needs::needs(operation, &call);
        let lines: Vec<String> = needs.iter().map(testing::line).collect();
        assert_eq!(lines, [expected]);
    };
    check(
        "PutMetricData",
        "cloudwatch:PutMetricData * cloudwatch:namespace=App",
    );
    check("ListMetrics", "cloudwatch:ListMetrics *");
}
