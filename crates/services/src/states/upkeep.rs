//! What the store must keep for state machines.

use store::Kind;

use super::States;
use super::machine::StateMachine;
use crate::documents;

/// State machines read at once.
const PAGE: usize = 1_000;

impl States {
    /// The definitions that state machines and their versions have, which their next starts will
    /// run.
    pub async fn definitions_in_use(&self) -> Result<Vec<u64>, documents::Error> {
        let mut numbers = Vec::new();
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
                None => return Ok(numbers),
            }
        }
    }
}
