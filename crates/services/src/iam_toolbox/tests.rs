use aws::Service;
use json::Value;
use store::lines::MemoryLines;

use super::*;
use crate::testing;

/// The toolbox over the `denials` of a case, and their ids.
struct World {
    toolbox: Toolbox,
    ids: Vec<String>,
}

fn world(case: &Value) -> Arc<World> {
    let trail = Arc::new(Trail::new(Arc::new(MemoryLines::default())));
    let denials = case.get("denials").and_then(Value::as_array);
    let keep = async {
        let mut ids = Vec::new();
        for seed in denials.into_iter().flatten() {
            let text = |name| seed.get(name).and_then(Value::as_str);
            let account = text("account").unwrap_or("123456789012");
            let region = text("region").unwrap_or("eu-west-1");
            let denial = Denial::from_json(seed.get("denial").unwrap(), account, region);
            ids.push(trail.denied(denial.unwrap()).await.unwrap());
        }
        ids
    };
    let ids = testing::block_on(keep);
    Arc::new(World {
        toolbox: Toolbox::new(trail),
        ids,
    })
}

impl World {
    /// An id is random: a script writes `denial 1` for that of the first denial.
    fn with_id(&self, call: Call) -> Call {
        let id = call.text("authorizationId").unwrap_or_default();
        let mut parts = id.rsplit(' ');
        let at = parts.next().and_then(|number| number.parse::<usize>().ok());
        let known = at.and_then(|at| self.ids.get(at.wrapping_sub(1)));
        let Some(known) = known.filter(|_| parts.next() == Some("denial")) else {
            return call;
        };
        let mut id = known.clone();
        if parts.next().is_some() {
            let first = if id.starts_with('0') { "1" } else { "0" };
            id.replace_range(..1, first);
        }
        let input = call.input.with_member("authorizationId", id.into());
        let checked = testing::call(call.service, call.operation, &input, call.now.0);
        Call {
            input,
            violations: checked.violations,
            ..call
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts() {
    let serve = |world: Arc<World>, operation: String, call: Call| async move {
        let call = world.with_id(call);
        world.toolbox.handle(&operation, &call).await
    };
    testing::play(&["iam-toolbox.json"], &[Service::IamToolbox], world, serve).await;
}
