//! The operations as callers see them: signed, authenticated, authorised, handled.

pub(super) mod issuer;
mod over_tls;
mod world;

use std::sync::Arc;

use json::Value;

use self::world::World;
use crate::{Call, testing};

#[tokio::test]
async fn scripts() {
    let handle = |world: Arc<World>, operation: String, call: Call| async move {
        world.answer(&operation, &call).await
    };
    testing::play(
        &["sts.json", "sts-assume-role.json", "sts-web-identity.json"],
        &[aws::Service::Sts, aws::Service::Iam, aws::Service::States],
        |case: &Value| Arc::new(World::new(case)),
        handle,
    )
    .await;
}
