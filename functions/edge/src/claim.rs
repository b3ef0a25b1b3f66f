//! The claim on a request's `Idempotency-Key` (INV-2): made before anything else is written, put down with the answer.

use http::StatusCode;
use kv_schema::key::Key;
use shared::{
    audit::Action,
    config::Partner,
    decision::{Counted, Decision},
    invitation::{Answered, IdempotencyClaim},
    refusal::Refusal,
    secret::{IndexPurpose, digest256},
};

use crate::{
    edge::{BUSY_RETRY_AFTER, Change, Edge, NowStands},
    failure::{Failure, Outcome},
    platform::Platform,
    problem::Problem,
    reply::Reply,
    request::Request,
};

/// The claim was there when this request looked and is gone now: the next try makes it anew.
const BEING_REMOVED: Refusal = Refusal::Busy { retry_after: BUSY_RETRY_AFTER };

/// What a request may do under its key.
#[must_use = "one that was answered does nothing more"]
pub enum Claimed {
    /// Go on; the claim is its own until it is [`put_down`].
    Ours([u8; 16]),
    /// Nothing: it repeats one that was answered.
    Answered(Reply),
}

/// Claims the request's `Idempotency-Key`, which belongs to the path and body that it came with first. `written_next` is
/// what the request goes on to write.
///
/// # Errors
/// [`Refusal::IdempotencyKeyReused`]; [`Refusal::StillRunning`]; a fault of the store.
pub async fn claim<P: Platform>(
    edge: &Edge<P>,
    partner: &Partner,
    key: &str,
    request: &Request,
    written_next: &[Key],
) -> Result<Claimed, Failure> {
    let id = edge.keys.index(IndexPurpose::Idempotency, &[partner.id.as_str().as_bytes(), key.as_bytes()]);
    let body = digest256([digest256(request.path.as_bytes()), digest256(&request.body)].as_flattened());
    let claim = IdempotencyClaim::new(id, body, edge.now);
    // One note leads a sweep to the claim and to what is written next.
    match edge.create_before(&id, Decision::quiet(Action::RequestClaim, claim), written_next).await {
        Ok(NowStands::Ours(_)) => return Ok(Claimed::Ours(id)),
        Ok(NowStands::Another(stored)) => {
            if let Some(answered) = stored.value().presented(&body, &edge.keys, edge.now)? {
                return Ok(Claimed::Answered(reply(answered)?));
            }
        }
        Err(Failure::Refused(Refusal::Busy { .. })) => return Err(Refusal::StillRunning.into()),
        Err(other) => return Err(other),
    }
    let (answered, _) = edge
        .transact::<IdempotencyClaim, Option<Answered>>(&id, BEING_REMOVED, |claim, _| {
            Ok(match claim.presented(&body, &edge.keys, edge.now)? {
                Some(answered) => Change::Keep(Some(answered)),
                None => Change::Commit(Counted::new(claim.taken_over(edge.now), None)),
            })
        })
        .await?;
    answered.map_or(Ok(Claimed::Ours(id)), |answered| Ok(Claimed::Answered(reply(answered)?)))
}

/// Puts the claim down with the request's outcome, which every repetition gets from now on; one that may be another next
/// time, a fault or somebody else in the way, is not kept.
///
/// # Errors
/// Those of the outcome.
pub async fn put_down<P: Platform>(edge: &Edge<P>, claim: &[u8; 16], outcome: Outcome) -> Outcome {
    let answered = match &outcome {
        Ok(reply) => Some(Answered { status: reply.status.as_u16(), body: reply.body.clone() }),
        Err(failure) => refused(edge, failure),
    };
    release(edge, claim, answered).await;
    outcome
}

/// Puts the claim down with the answer that every repetition gets, or without one, for a repetition to go on.
pub async fn release<P: Platform>(edge: &Edge<P>, claim: &[u8; 16], answered: Option<Answered>) {
    let put_down = edge
        .transact::<IdempotencyClaim, ()>(claim, Refusal::NotFound, |claim, rng| {
            Ok(claim.put_down(answered.as_ref(), &edge.keys, edge.now, rng).into())
        })
        .await;
    // What was done is committed under the claim's id: a repetition finds it once the claim's time is over.
    if let Err(failure) = put_down {
        edge.log_failure("claim on an Idempotency-Key", &failure);
    }
}

fn refused<P: Platform>(edge: &Edge<P>, failure: &Failure) -> Option<Answered> {
    let problem = Problem::of(failure);
    let settled = problem.status.is_client_error() && problem.retry_after.is_none();
    settled.then(|| Answered { status: problem.status.as_u16(), body: problem.document(&edge.request_id) })
}

fn reply(answered: Answered) -> Result<Reply, Failure> {
    let status = StatusCode::from_u16(answered.status)
        .map_err(|_| Failure::Fault(format!("a claim's answer has the status {}", answered.status)))?;
    let content_type = if status.is_success() { "application/json" } else { "application/problem+json" };
    Ok(Reply::with(status, content_type, answered.body))
}
