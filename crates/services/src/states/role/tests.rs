//! Roles that state machines and functions are given, and who may give them.

use std::sync::Arc;

use aws::Service;
use aws::iam::Principal;
use functions::{Pool, PoolConfig};
use json::Value;
use store::blobs::MemoryBlobs;

use crate::lambda::tests::with_package;
use crate::states::tests::fresh_for;
use crate::{Call, Foundations, Limits, Services, testing};

/// The call of a user with the id that it was made with, as the door would have it.
async fn identified(services: &Services, mut call: Call) -> Call {
    let found = match &*call.caller.principal {
        Principal::User { account, name, .. } => {
            let found = services.identity().directory.user(account, name).await;
            found.unwrap()
        }
        _ => None,
    };
    if let (Some(found), Principal::User { id, .. }) =
        (found, Arc::make_mut(&mut call.caller.principal))
    {
        *id = Arc::clone(&found.id);
    }
    call
}

#[tokio::test]
async fn scripts() {
    let folder = tempfile::tempdir().unwrap();
    let pool = Pool::new(PoolConfig::new(folder.path())).unwrap();
    let fresh = |case: &Value| {
        let store: Arc<dyn store::Store> = Arc::new(store::Memory::new());
        let foundations = Foundations {
            identity: testing::identity(Arc::clone(&store), true),
            logs: testing::logs(&store),
            metrics: testing::metrics(),
            store,
            blobs: Arc::new(MemoryBlobs::default()),
            engine: fresh_for(case).engine().clone(),
            functions: pool.clone(),
            outbound: Arc::new(outbound::Client::new::<&str>(&[], b"").unwrap()),
            endpoint: "http://127.0.0.1:1".to_owned(),
            remote_functions: Vec::new(),
            payload_bytes_max: 262_144,
            limits: Limits::default(),
        };
        Arc::new(Services::new(&foundations))
    };
    let handle = |services: Arc<Services>, operation: String, call: Call| async move {
        let call = identified(&services, with_package(call)).await;
        let needs = services.needs(&call).await.unwrap();
        if let Err(denied) = services.authorise(&call, &needs).await {
            return Some(Err(denied));
        }
        services.handle(call.service, &operation, &call).await
    };
    let files = [
        "states-roles.json",
        "states-logging.json",
        "lambda-roles.json",
    ];
    let served = [
        Service::States,
        Service::Lambda,
        Service::Iam,
        Service::Logs,
    ];
    testing::play(&files, &served, fresh, handle).await;
    pool.shutdown().await;
}
