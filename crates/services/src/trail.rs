//! The audit log: who did what on what, and why something was denied. Append-only.
//!
//! Of an account and Region there are two streams of [`Lines`]: `audit/...` holds an [`Event`] per
//! call as CloudTrail records it, `denials/...` what explains a denied call ([`Denial`]). An event
//! names its denial by the authorization id, which is also what the caller was told.
//!
//! An event is durable before its caller is answered, but for calls that only read: theirs are kept
//! within a second ([`later`]).
//!
//! Management calls are always recorded, but for floods of what anybody can do who has no rights:
//! calls that fail, and the few that everybody may make. Those of a principal have a budget, and
//! unsigned ones that failed one of their own. What is left out is counted, and the log says how
//! many of whose calls it was ([`unrecorded`]). Denials are kept within a budget of each account: a
//! flood of them costs their explanations and ids, and for data calls their events
//! ([`Audited::is_wanted`]), not the disk, and not the calls of others.

mod budget;
mod denials;
mod id;
mod later;
mod record;
mod unrecorded;

use std::ops::Range;
use std::sync::Arc;

use aws::iam::{Attached, Context, Explanation, Principal, Source};
use aws::{Service, ServiceError};
use json::Value;
use parking_lot::Mutex;
use store::Lines;
use store::lines::{Line, Order, Place};
use tokio::sync::Semaphore;

use crate::Call;
use crate::access::{Class, Facts, Need};
use crate::documents::Error;

use self::budget::Budget;
use self::id::Id;
use self::later::Later;
use self::unrecorded::Unrecorded;

/// Events under way: each takes a thread that blocks, and those that wait share the next sync.
const EVENTS_MAX: usize = 64;
/// Denials under way, apart from events, so that a flood of them delays no event.
const DENIALS_MAX: usize = 16;
/// Whose budget unsigned calls use; no account has this name.
const ANYBODY: &str = "anybody";
/// Reads under way.
const READS_MAX: usize = 8;

/// One audited call.
#[derive(Clone, Debug)]
pub struct Event {
    pub account: Arc<str>,
    pub region: Arc<str>,
    pub time_ms: i64,
    /// The CloudTrail record but for `eventID`, which is its place in the log.
    pub record: Value,
    pub cost: Cost,
    /// The caller may be answered before the event is kept: it is of a call that only read, and
    /// nobody was told an id that it explains.
    pub may_wait: bool,
}

/// Who pays for an event, in bytes of a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cost {
    /// It is always kept: the call took rights; or its denial has an id, which was paid for; or a
    /// root user made it, or the server itself.
    Free,
    /// The call took no rights, as it failed or only read what everybody may: the user or role with
    /// this ARN.
    Principal(Arc<str>),
    /// Nobody signed the call, and it failed.
    Anybody,
}

/// What the door knows of a call once it is answered.
#[derive(Clone, Copy, Debug)]
pub struct Audited<'c> {
    pub call: &'c Call,
    pub facts: Facts,
    /// What it needed: their resources are the event's.
    pub needs: &'c [Need],
    /// The members of the answer, or the error.
    pub outcome: Result<&'c Value, &'c ServiceError>,
    /// Of a denied call.
    pub authorization_id: Option<&'c str>,
}

impl Audited<'_> {
    /// Whether the log holds it: management calls always, denials as long as they have an id (those
    /// of a flood have none), other data calls when they are asked for.
    #[must_use]
    pub fn is_wanted(&self, data_calls: bool) -> bool {
        match self.facts.class {
            Class::Management => true,
            Class::Data => data_calls || self.authorization_id.is_some(),
        }
    }

    fn cost(&self) -> Cost {
        // What failed on our side may have changed something before.
        let has_failed = self.outcome.err().is_some_and(|error| !is_fault(error));
        let needs_nothing = self.facts.reads_only && self.needs.is_empty();
        match &*self.call.caller.principal {
            Principal::Anonymous if has_failed => Cost::Anybody,
            _ if self.authorization_id.is_some() => Cost::Free,
            _ if !has_failed && !needs_nothing => Cost::Free,
            Principal::Root { .. } | Principal::Service { .. } => Cost::Free,
            // Whoever makes sessions names them.
            Principal::Role(session) => Cost::Principal(Arc::clone(&session.role_arn)),
            Principal::FederatedUser(user) => Cost::Principal(Arc::clone(&user.user_arn)),
            principal @ (Principal::User { .. }
            | Principal::Federated { .. }
            | Principal::Anonymous) => Cost::Principal(principal.arn()),
        }
    }
}

fn is_fault(error: &ServiceError) -> bool {
    error.code == "InternalFailure" || error.status.is_some_and(|status| status >= 500)
}

impl Event {
    /// The record of a call: names, never payloads or secrets.
    #[must_use]
    pub fn of(audited: &Audited<'_>) -> Event {
        let call = audited.call;
        Event {
            account: Arc::clone(&call.account),
            region: region_of(call),
            time_ms: call.now.0,
            record: record::record(audited),
            cost: audited.cost(),
            may_wait: audited.facts.reads_only && audited.authorization_id.is_none(),
        }
    }

    /// Whose budget pays for it.
    fn spender(&self) -> Option<Arc<str>> {
        match &self.cost {
            Cost::Free => None,
            Cost::Principal(arn) => Some(Arc::clone(arn)),
            Cost::Anybody => Some(ANYBODY.into()),
        }
    }
}

/// Where the events of IAM and STS are, which have no Region, whatever Region a call is signed for:
/// nobody may hide them in one that nobody looks at.
const GLOBAL_REGION: &str = "us-east-1";

/// The Region whose log holds a call.
fn region_of(call: &Call) -> Arc<str> {
    match call.service {
        Service::Iam | Service::IamToolbox | Service::Sts => GLOBAL_REGION.into(),
        _ => Arc::clone(&call.region),
    }
}

/// A policy that was looked at, as it was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub source: Source,
    /// JSON, as it was written.
    pub document: Arc<str>,
}

impl From<&Attached> for Seen {
    fn from(attached: &Attached) -> Seen {
        Seen {
            source: attached.source.clone(),
            document: Arc::clone(attached.policy.document()),
        }
    }
}

/// A denied call with everything that explains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The principal's account.
    pub account: Arc<str>,
    pub region: Arc<str>,
    pub time_ms: i64,
    pub caller_arn: Arc<str>,
    pub request_id: Arc<str>,
    /// `states:StartExecution` as the caller called it.
    pub operation: Arc<str>,
    pub need: Need,
    /// The condition keys of the request, those of the need among them.
    pub context: Context,
    pub explanation: Explanation,
    /// The policies that were looked at, with their documents at that time.
    pub policies: Vec<Seen>,
}

/// Writes and reads the audit log.
pub struct Trail {
    lines: Arc<dyn Lines>,
    later: Arc<Later>,
    /// Of denials, and of anybody's events.
    budget: Mutex<Budget>,
    /// Of other events.
    events_budget: Mutex<Budget>,
    unrecorded: Arc<Mutex<Unrecorded>>,
    events: Semaphore,
    denials: Semaphore,
    reads: Semaphore,
}

impl Trail {
    #[must_use]
    pub fn new(lines: Arc<dyn Lines>) -> Trail {
        Trail {
            later: Arc::new(Later::new(Arc::clone(&lines))),
            lines,
            budget: Mutex::new(Budget::new(budget::DENIALS)),
            events_budget: Mutex::new(Budget::new(budget::EVENTS)),
            unrecorded: Arc::default(),
            events: Semaphore::new(EVENTS_MAX),
            denials: Semaphore::new(DENIALS_MAX),
            reads: Semaphore::new(READS_MAX),
        }
    }

    /// Keeps a denial; durable once it returned. The id is `[0-9a-z]+`. `None`: it isn't kept,
    /// because its account's budget is used up or the log can't be written; the log of the server
    /// says so.
    pub async fn denied(&self, denial: Denial) -> Option<String> {
        match self.keep(&denial).await {
            Ok(id) => id,
            Err(error) => {
                tracing::error!(%error, "the explanation of a denial could not be kept");
                None
            }
        }
    }

    async fn keep(&self, denial: &Denial) -> Result<Option<String>, Error> {
        let secret = id::secret().ok_or(Error::CutOff)?;
        let bytes = denials::encode(denial, secret);
        if !affords(&self.budget, &denial.account, bytes.len(), denial.time_ms) {
            return Ok(None);
        }
        let stream = stream("denials", &denial.account, &denial.region);
        let time_ms = denial.time_ms;
        let line = Line { time_ms, bytes };
        let place = self.append(&self.denials, stream, line).await?;
        Ok(place.map(|place| Id { place, secret }.to_string()))
    }

    /// The denial with this id that happened in this account and Region; `None` when there is none
    /// (any more).
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn denial(
        &self,
        account: &str,
        region: &str,
        id: &str,
    ) -> Result<Option<Denial>, ServiceError> {
        let Some(id) = Id::parse(id) else {
            return Ok(None);
        };
        let of = stream("denials", account, region);
        let line = self.reading(move |lines| lines.line(&of, id.place)).await?;
        let decoded = line.and_then(|line| denials::decode(&line.bytes, account, region));
        let decoded = decoded.filter(|(secret, _)| *secret == id.secret);
        Ok(decoded.map(|(_, denial)| denial))
    }

    /// Appends an event; durable once it returned, or within a second of it if it may wait. One
    /// that is not free is left out and counted when the budget of whoever pays is used up.
    ///
    /// # Errors
    /// When the log can't be written.
    pub async fn record(&self, event: Event) -> Result<(), ServiceError> {
        let (stream, line) = line_of(&event);
        let budget = match event.cost {
            Cost::Anybody => &self.budget,
            Cost::Free | Cost::Principal(_) => &self.events_budget,
        };
        let spender = event.spender();
        if spender.is_some_and(|whose| !affords(budget, &whose, line.bytes.len(), event.time_ms)) {
            self.leave_out(&event);
            return Ok(());
        }
        let (stream, line) = match event.may_wait {
            true => match self.later.add(stream, line).await {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            },
            false => (stream, line),
        };
        self.append(&self.events, stream, line).await?;
        Ok(())
    }

    /// Counts an event that is not kept. The log says so within a minute.
    fn leave_out(&self, event: &Event) {
        if !self.unrecorded.lock().add(event) {
            return;
        }
        let (unrecorded, later) = (Arc::clone(&self.unrecorded), Arc::clone(&self.later));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(unrecorded::INTERVAL).await;
                // What was left out is counted on until it can be said.
                if !later.has_failed() && !tell(&unrecorded, &later).await {
                    return;
                }
            }
        });
    }

    /// Keeps what waits, and how much was left out, before the server ends.
    pub async fn close(&self) {
        tell(&self.unrecorded, &self.later).await;
        self.later.end().await;
    }

    /// At most `limit` events of an account and Region, newest first, with their places: of these
    /// times, older than `after`.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn events(
        &self,
        (account, region): (&str, &str),
        times_ms: Range<i64>,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Value)>, ServiceError> {
        self.later.settle().await?;
        let of = stream("audit", account, region);
        let read =
            move |lines: &dyn Lines| lines.read(&of, times_ms, Order::NewestFirst, after, limit);
        let lines = self.reading(read).await?;
        let event = |(place, line): (Place, Line)| Some((place, parsed(line)?));
        Ok(lines.into_iter().filter_map(event).collect())
    }

    /// The event at a place.
    ///
    /// # Errors
    /// When the log can't be read.
    pub async fn event(
        &self,
        account: &str,
        region: &str,
        place: Place,
    ) -> Result<Option<Value>, ServiceError> {
        self.later.settle().await?;
        let of = stream("audit", account, region);
        let line = self.reading(move |lines| lines.line(&of, place)).await?;
        Ok(line.and_then(parsed))
    }

    /// Drops what is from before `before_ms`, of all accounts and Regions, a day late at most.
    /// Says how many days were dropped.
    ///
    /// # Errors
    /// When the log can't be written.
    pub async fn expire(&self, before_ms: i64) -> Result<u64, Error> {
        self.reading(move |lines| {
            let events = lines.expire("audit", before_ms)?;
            Ok(events + lines.expire("denials", before_ms)?)
        })
        .await
    }

    async fn append(
        &self,
        places: &Semaphore,
        stream: String,
        line: Line,
    ) -> Result<Option<Place>, Error> {
        let _permit = places.acquire().await.map_err(|_| Error::CutOff)?;
        let lines = Arc::clone(&self.lines);
        let append = move || lines.append(&stream, &[line]);
        let appended = tokio::task::spawn_blocking(append).await;
        Ok(appended.map_err(|_| Error::CutOff)??.first().copied())
    }

    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Lines) -> store::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let _permit = self.reads.acquire().await.map_err(|_| Error::CutOff)?;
        let lines = Arc::clone(&self.lines);
        let read = tokio::task::spawn_blocking(move || read(&*lines)).await;
        Ok(read.map_err(|_| Error::CutOff)??)
    }
}

/// Writes how much was left out since this was last done; whether it was anything.
async fn tell(unrecorded: &Mutex<Unrecorded>, later: &Arc<Later>) -> bool {
    let events = unrecorded.lock().take();
    for event in &events {
        let (stream, line) = line_of(event);
        if later.add(stream, line).await.is_err() {
            tracing::error!(event = %event.record, "the audit log can't say what it left out");
        }
    }
    !events.is_empty()
}

/// Whether somebody's budget has so many bytes.
fn affords(budget: &Mutex<Budget>, whose: &Arc<str>, bytes: usize, now_ms: i64) -> bool {
    let spent = budget.lock().spend(whose, bytes, now_ms);
    if let Some(dropped) = spent.to_report {
        tracing::warn!(
            dropped,
            whose = &**whose,
            "calls that changed nothing came faster than the audit log keeps them: denials have no \
             authorization id then, and an event `EventsNotRecorded` counts what is not in the log"
        );
    }
    spent.is_granted
}

/// An event as it is kept, and where.
fn line_of(event: &Event) -> (String, Line) {
    let line = Line {
        time_ms: event.time_ms,
        bytes: event.record.to_text().into_bytes(),
    };
    (stream("audit", &event.account, &event.region), line)
}

fn stream(kind: &str, account: &str, region: &str) -> String {
    format!("{kind}/{account}/{region}")
}

fn parsed(line: Line) -> Option<Value> {
    let text = String::from_utf8(line.bytes).ok()?;
    json::parse(&text).ok()
}

#[cfg(test)]
mod tests;
