//! What the store must keep for state machines.

use std::sync::atomic::Ordering;

use store::Kind;

use super::States;
use super::machine::StateMachine;
use crate::documents;

/// State machines read at once.
const PAGE: usize = 1_000;

impl States {
    /// The definitions that state machines and their versions have, which their next starts will
    /// run; those that Express executions ran whose histories can be read; and the last one added
    /// here, so that what is added from now on is above all of them.
    pub async fn definitions_in_use(&self) -> Result<Vec<u64>, documents::Error> {
        let mut numbers = vec![self.last_definition.load(Ordering::SeqCst)];
        let mut after: Option<String> = None;
        loop {
            let page = self
                .documents
                .list::<StateMachine>(Kind::StateMachine, "", after.as_deref(), PAGE)
                .await?;
            for (_, machine) in &page {
                numbers.push(machine.definition);
                numbers.extend(machine.versions.iter().map(|version| version.definition));
            }
            match page.into_iter().next_back() {
                Some((key, _)) => after = Some(key),
                None => break,
            }
        }
        let engine = self.engine.clone();
        let ran = tokio::task::spawn_blocking(move || engine.express_definitions()).await;
        let ran = ran.map_err(|_| documents::Error::CutOff)?;
        numbers.extend(ran?);
        Ok(numbers)
    }
}
