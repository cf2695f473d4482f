//! DeleteStateMachine.
//!
//! A Standard machine is `DELETING` while executions of it are open, which end at their next
//! transition; with the last one it is gone. The machine's document says so, and the engine is told
//! ([`Engine::machine_deleting`]), so that a deletion goes on after a crash. An Express machine is
//! gone at once; its running executions go on.

use std::sync::Arc;
use std::time::Duration;

use asl::event::Text;
use aws::ServiceError;
use engine::Engine;
use serde::Deserialize;
use store::{Kind, Store};
use tokio::time::{Instant, sleep, timeout_at};

use super::States;
use super::arn::{self, Machine};
use super::machine::{StateMachine, key_of_arn, labelled};
use crate::documents::{self, Found};
use crate::{Answer, Call};

/// Machines read at once.
const PAGE: usize = 1_000;
/// Ends of executions come in crowds: one look serves all of this time.
const PAUSE: Duration = Duration::from_millis(100);
/// A look that failed is repeated within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a look for deletions reads of a [`StateMachine`], which may have a thousand versions.
#[derive(Deserialize)]
struct Deleted {
    arn: String,
    #[serde(default)]
    is_deleting: bool,
}

/// The ARNs of the machines that are being deleted. One whose document is damaged can't be told to
/// be; no other suffers from it. Blocks while the store reads.
pub(super) fn begun(store: &dyn Store) -> Result<Vec<String>, store::Error> {
    let mut begun = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list_documents(Kind::StateMachine, "", after.as_deref(), PAGE)?;
        after = match page.last() {
            Some((key, _)) => Some(key.clone()),
            None => return Ok(begun),
        };
        for (key, document) in page {
            match serde_json::from_slice::<Deleted>(&document.body) {
                Ok(machine) if machine.is_deleting => begun.push(machine.arn),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, key, "the document of a state machine is damaged");
                }
            }
        }
    }
}

impl States {
    /// DeleteStateMachine. One that does not exist is deleted already (recorded).
    pub(super) async fn delete_state_machine(&self, call: &Call) -> Result<Answer, ServiceError> {
        let text = call.required("stateMachineArn")?;
        let key = match arn::machine(call, "stateMachineArn")? {
            Machine::Here(key) => key,
            Machine::Elsewhere => return Ok(Answer::empty()),
            Machine::Labelled => return Err(labelled(text)),
            // API reference: of a qualified ARN "it will fail with ValidationException".
            Machine::Qualified(..) => {
                let message =
                    format!("A state machine is deleted by its unqualified ARN, not by '{text}'.");
                return Err(ServiceError::new("ValidationException", message));
            }
        };
        let forgetting = self.cache.forget_afterwards(text);
        let machines = Arc::clone(&self.machines);
        let (prefix, engine) = (arn::key(call, ""), self.engine.clone());
        let begin = move |store: &dyn Store, key: &str| {
            let _until_begun = forgetting;
            let is_gone = begin(store, key, &engine)?;
            if is_gone {
                machines.deleted(&prefix);
            }
            Ok(())
        };
        self.documents.alone(&key, begin).await?;
        // One without open executions is gone with the answer. If that can't be told now, it will
        // be told by `finish_deletions`.
        if let Err(error) = self.machine(&key).await {
            tracing::warn!(%error, machine = text, "a deletion goes on later");
        }
        Ok(Answer::empty())
    }

    /// Removes a machine that is being deleted, as it was read at a revision, if none of its
    /// executions is open; whether it is gone.
    pub(super) async fn finish_deletion(
        &self,
        key: &str,
        machine: &StateMachine,
        revision: u64,
    ) -> Result<bool, ServiceError> {
        match self.engine.has_emptied(&machine.arn).await {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            // It is not for whoever asks for the machine to wait until this can be told.
            Err(error) => {
                tracing::warn!(%error, machine = &*machine.arn, "a deletion goes on later");
                return Ok(false);
            }
        }
        let (machines, engine) = (Arc::clone(&self.machines), self.engine.clone());
        let arn = machine.arn.clone();
        let prefix = key.strip_suffix(&*machine.name).unwrap_or(key).to_owned();
        let remove = move |store: &dyn Store, key: &str| {
            let is_removed = documents::delete(store, Kind::StateMachine, key, revision)?;
            if is_removed {
                machines.deleted(&prefix);
                engine.machine_deleted(&arn);
            }
            Ok(is_removed)
        };
        Ok(self.documents.alone(key, remove).await?)
    }

    /// Removes machines that are being deleted as their last executions end. Never returns; to be
    /// aborted.
    pub async fn finish_deletions(&self) {
        let mut machines = self.engine.machines_deleting();
        let mut all_at = Instant::now() + PATIENCE;
        loop {
            for machine_arn in machines {
                if let Err(error) = self.look_at_deletion(&machine_arn).await {
                    tracing::warn!(%error, machine = &*machine_arn, "a deletion goes on later");
                }
            }
            sleep(PAUSE).await;
            let news = self.engine.deletion_news();
            let changed = match self.engine.machines_deleting().is_empty() {
                true => Some(news.await),
                // News of some must not keep the others waiting.
                false if Instant::now() >= all_at => None,
                false => timeout_at(all_at, news).await.ok(),
            };
            machines = changed.unwrap_or_else(|| {
                all_at = Instant::now() + PATIENCE;
                self.engine.machines_deleting()
            });
        }
    }

    async fn look_at_deletion(&self, machine_arn: &Text) -> Result<(), ServiceError> {
        let key = key_of_arn(machine_arn);
        if self.machine(&key).await?.is_some() {
            return Ok(());
        }
        // It may have been removed by a call that did not learn of it.
        let (engine, arn) = (self.engine.clone(), machine_arn.clone());
        let forget = move |store: &dyn Store, key: &str| {
            if store.document(Kind::StateMachine, key)?.is_none() {
                engine.machine_deleted(&arn);
            }
            Ok(())
        };
        Ok(self.documents.alone(&key, forget).await?)
    }
}

/// Begins the deletion of a machine, or of one that is being deleted begins it again; whether it is
/// gone already.
fn begin(store: &dyn Store, key: &str, engine: &Engine) -> Result<bool, documents::Error> {
    let found = documents::read::<StateMachine>(store, Kind::StateMachine, key)?;
    let Some(Found { revision, mut body }) = found else {
        return Ok(false);
    };
    let is_gone = body.is_express;
    let is_begun = if is_gone {
        documents::delete(store, Kind::StateMachine, key, revision)?
    } else if body.is_deleting {
        true
    } else {
        body.is_deleting = true;
        body.versions.clear();
        body.aliases.clear();
        documents::replace(store, Kind::StateMachine, key, &body, revision)?
    };
    if !is_begun {
        return Err(documents::Error::Contended(key.to_owned()));
    }
    match is_gone {
        true => engine.express_machine_deleted(&body.arn),
        false => engine.machine_deleting(&body.arn),
    }
    Ok(is_gone)
}

#[cfg(test)]
mod tests;
