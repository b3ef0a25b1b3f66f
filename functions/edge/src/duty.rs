//! Operators on duty: the session that every page of theirs begins with.

use shared::{
    audit::Actor,
    operator::{OnDuty, Operator},
    refusal::Refusal,
    secret::{IndexPurpose, SealPurpose},
    values::OperatorId,
};

use crate::{
    cookies,
    edge::Edge,
    failure::Failure,
    platform::Platform,
    request::Request,
    session::{OperatorCookie, REFRESH_AFTER},
};

/// The record of a configured operator.
pub fn record_of<P: Platform>(edge: &Edge<P>, id: &OperatorId) -> [u8; 16] {
    edge.keys.index(IndexPurpose::Operator, &[id.as_str().as_bytes()])
}

/// The operator whose session the request presents: one read. The page's frame learns the name, and the cookie the time.
///
/// # Errors
/// [`Refusal::NotSignedIn`]; a fault of the store.
pub async fn on_duty<'a, P: Platform>(edge: &'a Edge<P>, request: &Request) -> Result<OnDuty<'a>, Failure> {
    let cookie: OperatorCookie =
        edge.sealed_cookie(request, cookies::OPERATOR, SealPurpose::Session).ok_or(Refusal::NotSignedIn)?;
    let operator = edge.gateway.operator(&cookie.operator).ok_or(Refusal::NotSignedIn)?;
    let stored = edge.kv().get::<Operator>(&record_of(edge, &operator.id)).await?.ok_or(Refusal::NotSignedIn)?;
    let duty = stored.value().on_duty(operator, &cookie.secret(), cookie.seen_at, edge.now)?;
    edge.acts(Actor::Operator(operator.id.clone()));
    if edge.now.since(cookie.seen_at) >= REFRESH_AFTER {
        let next = OperatorCookie::new(operator.id.clone(), &cookie.secret(), edge.now);
        edge.set_sealed_cookie(cookies::OPERATOR, SealPurpose::Session, &next);
    }
    edge.frame_value("operator", duty.name());
    Ok(duty)
}
