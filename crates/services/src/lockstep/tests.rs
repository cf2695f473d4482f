use functions::{Pool, PoolConfig};
use store::blobs::MemoryBlobs;
use tempfile::TempDir;

use super::*;
use crate::states::tests::fresh_for;
use crate::{Foundations, Limits, testing};

/// All services over one empty store. Nobody runs Tasks.
pub(super) fn services() -> (Services, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let states = fresh_for(&Value::null());
    let store: Arc<dyn store::Store> = Arc::new(store::Memory::new());
    let lines = Arc::new(store::lines::MemoryLines::default());
    let seal = crate::seal::Seal::new(&[1; crate::seal::KEY_BYTES]);
    let rules = crate::access::Rules {
        account: "123456789012".into(),
        root: None,
        skew_ms_max: 0,
        refuses_replays: false,
        roles_are_enforced: true,
        function_roles_may_be_missing: false,
    };
    let services = Services::new(&Foundations {
        store: Arc::clone(&store),
        blobs: Arc::new(MemoryBlobs::default()),
        engine: states.engine().clone(),
        functions: Pool::new(PoolConfig::new(folder.path())).unwrap(),
        logs: crate::testing::logs(&store),
        metrics: crate::testing::metrics(),
        identity: Identity::new(store, lines, seal, rules),
        outbound: Arc::new(outbound::Client::new::<&str>(&[], b"").unwrap()),
        endpoint: "http://127.0.0.1:1".to_owned(),
        remote_functions: Vec::new(),
        payload_bytes_max: 262_144,
        limits: Limits::default(),
    });
    (services, folder)
}

#[tokio::test]
async fn scripts() {
    let (services, _folder) = services();
    let services = Arc::new(services);
    let identity = services.identity().clone();
    let fresh = |case: &Value| {
        let states = fresh_for(case);
        let lockstep = Lockstep::new(Arc::clone(&states), &identity);
        (states, Arc::new(lockstep), Arc::clone(&services))
    };
    type World = (Arc<States>, Arc<Lockstep>, Arc<Services>);
    let handle = |(states, lockstep, services): World, operation: String, call: Call| async move {
        let answer = states.handle(&operation, &call).await;
        match answer {
            Some(answer) => Some(answer),
            None => lockstep.handle(&operation, &call, &services).await,
        }
    };
    let served = [Service::States, Service::Lockstep];
    testing::play(&["lockstep.json"], &served, fresh, handle).await;
}
