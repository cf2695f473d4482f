use super::*;
use crate::states::tests::fresh_for;
use crate::testing;

#[tokio::test]
async fn scripts() {
    let fresh = |case: &Value| {
        let states = fresh_for(case);
        let lockstep = Lockstep::new(Arc::clone(&states));
        (states, Arc::new(lockstep))
    };
    let handle = |(states, lockstep): (Arc<States>, Arc<Lockstep>),
                  operation: String,
                  call: Call| async move {
        let answer = states.handle(&operation, &call).await;
        match answer {
            Some(answer) => Some(answer),
            None => lockstep.handle(&operation, &call).await,
        }
    };
    let services = [Service::States, Service::Lockstep];
    testing::play(&["lockstep.json"], &services, fresh, handle).await;
}
