//! Authorises a call, handles it, and keeps what the audit log must hold, in this order: what
//! cannot be audited is refused to the caller, though it may have happened.

use std::sync::Arc;

use aws::{Common, Protocol, ServiceError};
use services::access::authorization_id;
use services::trail::{Audited, Event};
use services::{Answer, Call, Class, Facts, Services};

/// What became of a call; `None` for an operation that is not served.
type Outcome = Option<Result<Answer, ServiceError>>;

/// Authorises, handles and audits a call of an operation with these facts.
///
/// A management call goes on to its end, audit log included, also when its caller has left.
pub(super) async fn perform(
    services: &Arc<Services>,
    facts: Facts,
    audits_data_calls: bool,
    call: Call,
) -> Outcome {
    if facts.class == Class::Data {
        return performed(services, facts, audits_data_calls, &call).await;
    }
    let services = Arc::clone(services);
    let work = async move { performed(&services, facts, audits_data_calls, &call).await };
    tokio::spawn(work).await.unwrap_or_else(|stopped| {
        tracing::error!(%stopped, "a call was cut off");
        Some(Err(internal_failure("the call was cut off")))
    })
}

async fn performed(
    services: &Services,
    facts: Facts,
    audits_data_calls: bool,
    call: &Call,
) -> Outcome {
    let is_audited = audits_data_calls || facts.class == Class::Management;
    let needs = match is_audited || !services.is_unlimited(call) {
        true => match services.needs(call).await {
            Ok(needs) => needs,
            Err(error) => return Some(Err(error)),
        },
        false => Vec::new(),
    };
    let outcome = match services.authorise(call, &needs).await {
        Ok(()) => services.handle(call.service, call.operation, call).await?,
        Err(denied) => Err(denied),
    };
    let error = outcome.as_ref().err();
    let audited = Audited {
        call,
        facts,
        needs: &needs,
        outcome: outcome.as_ref().map(|answer| &answer.members),
        authorization_id: error.and_then(|error| authorization_id(&error.message)),
    };
    if !audited.is_wanted(audits_data_calls) {
        return Some(outcome);
    }
    let recorded = services.identity().trail.record(Event::of(&audited)).await;
    let Err(error) = recorded else {
        return Some(outcome);
    };
    tracing::error!(
        operation = call.operation,
        request_id = &*call.request_id,
        %error,
        "the audit log cannot be written; the call is answered as failed"
    );
    Some(Err(internal_failure("the audit log cannot be written")))
}

/// It has the same name in every protocol.
fn internal_failure(message: &str) -> ServiceError {
    ServiceError::common(Common::InternalFailure, Protocol::Json10, message)
}
