//! Deletes the events that groups keep no longer, and those of groups and streams that are gone.

use std::collections::HashMap;

use store::events::GroupId;

use super::Logs;
use super::directory::LogGroup;
use super::events::horizon_ms;
use crate::documents::Error;

/// Groups looked at together.
const GROUPS: usize = 1_000;

impl Logs {
    /// Deletes what expired by `now_ms` and what was dropped, of all accounts and Regions. Nobody
    /// reads such events at any time; this gives back their room. In small steps, so that events
    /// that arrive get their turn.
    ///
    /// # Errors
    /// When the store can't be read or written; the next pass goes on.
    pub async fn expire(&self, now_ms: i64) -> Result<(), Error> {
        self.finish_deletions().await?;
        // Groups with events first: one that is made meanwhile isn't among them, so none is taken
        // for gone that isn't.
        let stored = self.stored_groups().await?;
        let horizons = self.horizons(now_ms).await?;
        for group in stored {
            match horizons.get(&group) {
                None => {
                    self.kept
                        .run(move |events| Ok::<_, Error>(events.drop_group(group)?))
                        .await?;
                }
                Some(0) => {}
                Some(horizon_ms) => {
                    let before_ms = *horizon_ms;
                    self.repeat(move |events| events.expire_events(group, before_ms))
                        .await?;
                }
            }
        }
        self.repeat(|events| events.sweep()).await
    }

    async fn repeat(
        &self,
        step: impl Fn(&dyn store::Events) -> store::Result<bool> + Clone + Send + 'static,
    ) -> Result<(), Error> {
        loop {
            let step = step.clone();
            let has_more = self.kept.run(move |events| Ok::<_, Error>(step(events)?));
            if !has_more.await? {
                return Ok(());
            }
        }
    }

    async fn stored_groups(&self) -> Result<Vec<GroupId>, Error> {
        let mut stored: Vec<GroupId> = Vec::new();
        loop {
            let after = stored.last().copied();
            let page = self
                .kept
                .run(move |events| Ok::<_, Error>(events.groups(after, GROUPS)?));
            let page = page.await?;
            if page.is_empty() {
                return Ok(stored);
            }
            stored.extend(page);
        }
    }

    /// Of every group the time before which its events expired.
    async fn horizons(&self, now_ms: i64) -> Result<HashMap<GroupId, i64>, Error> {
        let mut horizons = HashMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.directory.groups("", after.as_deref(), GROUPS).await?;
            let Some((last, _)) = page.last() else {
                return Ok(horizons);
            };
            after = Some(last.clone());
            let horizon =
                |(_, group): &(String, LogGroup)| (group.id.into(), horizon_ms(group, now_ms));
            horizons.extend(page.iter().map(horizon));
        }
    }
}
