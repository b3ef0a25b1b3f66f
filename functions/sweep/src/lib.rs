//! `POST /operate/sweep`: carries out what dead requests left undone, and removes what is over (OPS-3, MSG-1). A machine
//! calls it on a timer, with a secret of its own; each call does a bounded part, and 202 says that there is more to do
//! now.
//!
//! Commit point: the sweep's own record, which says how far it came. Before that every record of the batch is looked at,
//! and what may fail is noted again for later; after it the effects are carried out. So a provider that does not answer,
//! or a request that dies, holds up nothing but its own record, and that one only until its next turn.

mod look;

use edge::{Edge, Failure, Outcome, Platform, Request, failure::BadRequest, machine};
use http::{Method, StatusCode};
use kv_schema::sweep::Ahead;
use serde::Serialize;
use shared::{refusal::Refusal, values::Seconds};

use crate::look::Findings;

/// The turn of another sweep ends by itself after this long.
const TAKEN_RETRY_AFTER: Seconds = Seconds(60);
/// Nothing further is carried out after this long; the rest was noted for later. A request lives 30 seconds, and a partner's
/// endpoint may take 15 of them.
const CARRY_OUT_SECONDS: u64 = 12;

edge::component!(crate::handle, leaves effects);

/// What a call did, in numbers of records.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Looked at.
    pub(crate) looked_at: u32,
    /// Had effects, which are now carried out.
    pub(crate) carried_out: u32,
    /// Had effects, some of which are still to be carried out.
    pub(crate) postponed: u32,
    /// Were tried for the last time.
    pub(crate) given_up: u32,
    /// Were over, and are removed.
    pub(crate) removed: u32,
    /// Cannot be read by this release.
    pub(crate) unreadable: u32,
    /// Whether more can be done now.
    pub(crate) more: bool,
}

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::POST, ["operate", "sweep"]) => sweep(edge, request).await,
        (_, ["operate", "sweep"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn sweep<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate. 3. There is nothing to parse.
    machine::authenticate(edge, request).await?;
    // 4. Load.
    let kv = edge.kv();
    let batch = match kv.next_batch().await? {
        Ahead::Nothing => return edge::view::document(StatusCode::OK, &Report::default()),
        Ahead::Taken => return Err(taken()),
        Ahead::Batch(batch) => batch,
    };
    // 5. Decide.
    let turn = kv.take_turn(batch).await?.ok_or_else(taken)?;
    let mut findings = Findings::default();
    let done = look::at_all(edge, &turn, &mut findings).await?;
    // 6. Commit; then carry out.
    let more = kv.finish(turn, done).await?;
    let began = edge.platform.unix_seconds();
    for key in &findings.undone {
        if edge.platform.unix_seconds().saturating_sub(began) >= CARRY_OUT_SECONDS {
            findings.report.postponed += 1;
            continue;
        }
        look::carry_out(edge, key, &mut findings.report).await;
    }
    // 7. Respond.
    let report = Report { more, ..findings.report };
    edge::view::document(if more { StatusCode::ACCEPTED } else { StatusCode::OK }, &report)
}

fn taken() -> Failure {
    Refusal::Busy { retry_after: TAKEN_RETRY_AFTER }.into()
}
