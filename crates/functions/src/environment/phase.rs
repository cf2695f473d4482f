//! What a call of the runtime means, by where its environment stands.

use bytes::Bytes;

use crate::failure::{Cause, Failure};
use crate::runtime_api::{self, Call, CallKind, Reply};

#[cfg(test)]
mod tests;

/// Where an environment stands, as the Runtime API sees it.
pub(super) enum Phase {
    /// Started; the runtime has not asked for an event yet.
    Init,
    /// The runtime waits for an event.
    Ready(Reply),
    Running {
        request_id: String,
    },
    /// Answered; the runtime has not asked for the next event yet.
    Answered,
}

/// What an owner waits for.
#[derive(Debug)]
pub(super) enum Milestone {
    Ready,
    Answered(Result<Bytes, Failure>),
    /// There will be no answer.
    Ended(Cause),
}

impl Phase {
    /// The legal calls of a runtime. Any other is refused and changes nothing.
    pub(super) fn step(&mut self, Call { kind, reply }: Call) -> Option<Milestone> {
        match (&*self, kind) {
            (Phase::Init | Phase::Answered, CallKind::Next) => {
                *self = Phase::Ready(reply);
                Some(Milestone::Ready)
            }
            // The runtime's connection broke, and it asks again.
            (Phase::Ready(before), CallKind::Next) if before.is_closed() => {
                *self = Phase::Ready(reply);
                Some(Milestone::Ready)
            }
            (Phase::Init, CallKind::InitError(posted)) => {
                let (failure, told) = posted.into_error();
                // A runtime that does not wait to be told is no problem, here and below.
                let _ = reply.send(told);
                Some(Milestone::Ended(Cause::InitFailed(failure)))
            }
            (Phase::Running { request_id: id }, CallKind::Response { request_id, posted })
                if *id == request_id =>
            {
                let (answer, told) = posted.into_answer();
                let _ = reply.send(told);
                *self = Phase::Answered;
                Some(Milestone::Answered(answer))
            }
            (Phase::Running { request_id: id }, CallKind::Error { request_id, posted })
                if *id == request_id =>
            {
                let (failure, told) = posted.into_error();
                let _ = reply.send(told);
                *self = Phase::Answered;
                Some(Milestone::Answered(Err(failure)))
            }
            (_, CallKind::Response { .. } | CallKind::Error { .. }) => {
                let _ = reply.send(runtime_api::invalid_request_id());
                None
            }
            (phase, CallKind::Next) => {
                let _ = reply.send(runtime_api::invalid_transition(phase.name(), "Ready"));
                None
            }
            (phase, CallKind::InitError(_)) => {
                let _ = reply.send(runtime_api::invalid_transition(phase.name(), "InitError"));
                None
            }
        }
    }

    /// The names of AWS's public runtime emulator.
    fn name(&self) -> &'static str {
        match self {
            Phase::Init => "Started",
            Phase::Ready(_) => "Ready",
            Phase::Running { .. } => "Running",
            Phase::Answered => "RuntimeResponseSent",
        }
    }
}
