//! The partner's allowance: so many requests a minute, by class of routes (INV-1).
//!
//! Counted once the request is known to be a partner's and well formed, before anything else is asked of the store: what
//! is refused earlier costs no storage operation and is not counted.
//!
//! Cost: 1 read and 1 write a request; 1 read and 1 write more for the first one of a minute and for the one that finds
//! the allowance used up; after that 1 read and no write until the minute is over. So a quota of n costs a partner n
//! writes a minute and a handful, however many requests it sends.
//!
//! The count is never too low by more than the requests that are under way when a minute begins, and may be too high:
//! a request that died after it was counted, or whose count was reported as failed, counts again when it is repeated;
//! on Cosmos DB the answer may be that of a request of the same moment. Too high is the safe side of a limit, and over with
//! the minute. When the store cannot count, the request is a 503 and not let through.

use edge::{Change, Edge, Failure, Platform, edge::NowStands};
use kv_schema::{record::Stored, records::requests_of};
use shared::{
    audit::Action,
    config::Partner,
    decision::{Counted, Decision},
    quota::{Class, Meter, WINDOW_SECONDS},
    refusal::Refusal,
    secret::IndexPurpose,
    values::Seconds,
};

/// Counts the request, and announces policy and rest as `RateLimit-Policy` and `RateLimit`
/// (draft-ietf-httpapi-ratelimit-headers).
///
/// # Errors
/// [`Refusal::TooManyRequests`]; a fault of the store.
pub(crate) async fn spend<P: Platform>(edge: &Edge<P>, partner: &Partner, class: Class) -> Result<(), Failure> {
    let (quota, name) = (class.quota(&partner.quotas), class.as_str());
    edge.announce("ratelimit-policy", format!("\"{name}\";q={quota};w={WINDOW_SECONDS}"));
    let rest = |left: u64, meter: &Meter| {
        let Seconds(renewed_in) = meter.renewed_in(edge.now);
        edge.announce("ratelimit", format!("\"{name}\";r={left};t={renewed_in}"));
    };
    let id = edge.keys.index(IndexPurpose::Meter, &[partner.id.as_str().as_bytes(), name.as_bytes()]);
    let known = edge.kv().get::<Meter>(&id).await?.map(Stored::into_value);
    let (used, meter) = match known {
        Some(meter) if meter.is_spent(edge.now) => (u64::MAX, meter),
        known => {
            let count = edge.kv().add(&requests_of(&id), 1).await?;
            let meter = match known {
                Some(meter) if meter.is_current(edge.now) => meter,
                Some(_) => begin_minute(edge, id, count).await?,
                None => begin(edge, id).await?,
            };
            (meter.used(count), meter)
        }
    };
    let left = u64::from(quota).checked_sub(used);
    rest(left.unwrap_or_default(), &meter);
    if left.is_some() {
        return Ok(());
    }
    if !meter.is_spent(edge.now) {
        close(edge, &id).await;
    }
    Err(Refusal::TooManyRequests { retry_after: meter.renewed_in(edge.now).max(Seconds(1)) }.into())
}

/// The partner's first request ever, in this class. Whoever creates the meter, the counter began at 0.
async fn begin<P: Platform>(edge: &Edge<P>, id: [u8; 16]) -> Result<Meter, Failure> {
    let first = Meter::begun(id, 1, edge.now);
    match edge.create(&id, Decision::quiet(Action::Allowance, first.clone())).await {
        Ok(NowStands::Ours(stored) | NowStands::Another(stored)) => Ok(stored.into_value()),
        Err(Failure::Refused(Refusal::Busy { .. })) => Ok(first),
        Err(other) => Err(other),
    }
}

/// The first request of a minute; somebody else may have been faster.
async fn begin_minute<P: Platform>(edge: &Edge<P>, id: [u8; 16], count: i64) -> Result<Meter, Failure> {
    let ((), stored) = edge
        .transact::<Meter, ()>(&id, Refusal::NotFound, |meter, _| {
            let begun = (!meter.is_current(edge.now)).then(|| Meter::begun(id, count, edge.now));
            Ok(begun.map_or(Change::Keep(()), |begun| {
                Change::Commit(Counted::new(Decision::quiet(Action::Allowance, begun), ()))
            }))
        })
        .await?;
    Ok(stored.into_value())
}

/// Notes that the allowance is used up, so that the minute's further requests are not counted. Should that fail, the next
/// one tries again.
async fn close<P: Platform>(edge: &Edge<P>, id: &[u8; 16]) {
    let closed = edge.transact::<Meter, ()>(id, Refusal::NotFound, |meter, _| {
        Ok(meter.close(edge.now).map(|closed| Decision::quiet(Action::Allowance, closed)).into())
    });
    if let Err(failure) = closed.await {
        edge.log_failure("allowance not closed", &failure);
    }
}
