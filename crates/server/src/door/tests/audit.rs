//! What is done is in the audit log, or is answered as failed.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws::Service;
use futures_util::FutureExt as _;
use json::{ObjectBuilder, Value};
use store::Lines;
use store::lines::{Line, Order, Place};

use super::world::World;

const PATIENCE: Duration = Duration::from_secs(10);

/// A disk that takes nothing any more.
struct Full;

impl Lines for Full {
    fn append(&self, _: &str, _: &[Line]) -> store::Result<Vec<Place>> {
        Err(store::Error::Full {
            path: "lines.db".into(),
            cause: "no space left".to_owned(),
        })
    }

    fn line(&self, _: &str, _: Place) -> store::Result<Option<Line>> {
        Ok(None)
    }

    fn read(
        &self,
        _: &str,
        _: Range<i64>,
        _: Order,
        _: Option<Place>,
        _: usize,
    ) -> store::Result<Vec<(Place, Line)>> {
        Ok(Vec::new())
    }

    fn expire(&self, _: &str, _: i64) -> store::Result<u64> {
        Ok(0)
    }
}

fn named(member: &'static str, name: &str) -> Value {
    ObjectBuilder::new().add(member, name).build().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_management_call_that_is_not_recorded_has_failed() {
    let world = World::over(Arc::new(Full));
    for (service, operation, input, code) in [
        (
            Service::States,
            "CreateActivity",
            named("name", "a"),
            "InternalFailure",
        ),
        (
            Service::Iam,
            "CreateUser",
            named("UserName", "ann"),
            "InternalFailure",
        ),
        // Data calls are not recorded.
        (
            Service::States,
            "DescribeExecution",
            named(
                "executionArn",
                "arn:aws:states:us-east-1:000000000000:execution:m:e",
            ),
            "ExecutionDoesNotExist",
        ),
    ] {
        let error = world.send(service, operation, &input).await.unwrap_err();
        assert_eq!(error.code, code, "{operation}");
    }
    world.close().await;
}

/// Calls that only read are answered before they are recorded: until it is known that they can't be.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_only_read_fail_once_none_is_recorded() {
    let world = World::over(Arc::new(Full));
    let until = Instant::now() + PATIENCE;
    let list = async || {
        world
            .send(Service::Iam, "ListUsers", &Value::empty_object())
            .await
    };
    assert!(list().await.is_ok());
    let refused = loop {
        match list().await {
            Ok(_) => assert!(Instant::now() < until, "reads go on unrecorded"),
            Err(error) => break error,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(refused.code, "InternalFailure");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_management_call_is_recorded_though_its_caller_has_left() {
    let world = World::empty();
    let input = named("name", "left");
    let call = world.send(Service::States, "CreateActivity", &input);
    // Begun, and dropped where it first waits.
    assert!(call.now_or_never().is_none());
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = world
            .send(Service::CloudTrail, "LookupEvents", &Value::empty_object())
            .await
            .unwrap()
            .to_text();
        if seen.contains("CreateActivity") {
            break;
        }
        assert!(Instant::now() < until, "{seen}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let made = world
        .send(Service::States, "ListActivities", &Value::empty_object())
        .await;
    assert!(made.unwrap().to_text().contains("activity:left"));
    world.close().await;
}
