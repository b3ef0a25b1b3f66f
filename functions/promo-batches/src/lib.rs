//! What a partner's system does with the promo codes that it pays for, as JSON with problem documents (SHP-2).
//! `POST /promo-batches`: orders a batch and gets its codes, once, as JSON, CSV or newline-delimited JSON; `GET
//! /promo-batches`: its batches, those that the operator ordered for it included; `GET /promo-batches/{id}`: one with what
//! became of its codes; `POST /promo-batches/check`: why one code works or does not, a code being no part of an address; `GET
//! /promo-batches/openapi.json`: all of this, for programs.
//!
//! Commit point: the creation of the batch, whose id derives from the claim on the request's `Idempotency-Key`. The claim is
//! made before it and is given up after it without an answer: codes are not kept. A repetition goes on where the first try
//! stopped, meets the batch that was made, and gets the same codes.
//!
//! Cost of a batch: 2 storage operations for each of its sheets, 56 at most, and some twenty besides.

mod api;

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request,
    batches::{self, Format, ReportView},
    claim::{self, Claimed},
    failure::BadRequest,
    page::{RawPage, Wanted},
    partner,
};
use http::{Method, StatusCode};
use kv_schema::record::Stored;
use shared::{
    batch::{Batch, Cause, OrderedBy},
    promo::{OrderBatch, Presented, Promo, RawOwnBatch, Sheet},
    quota::Class,
    refusal::Refusal,
    values::{BatchId, PromoCode},
};

use crate::api::{CheckView, ListView, RawCheck};

/// The description of the routes for programs (`OpenAPI` 3.1). It holds nothing that is not public.
pub const OPENAPI: &str = include_str!("../openapi.json");

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["promo-batches"]) => list(edge, request).await,
        (&Method::POST, ["promo-batches"]) => create(edge, request).await,
        (&Method::GET, ["promo-batches", "openapi.json"]) => Ok(openapi()),
        (&Method::POST, ["promo-batches", "check"]) => check(edge, request).await,
        (_, ["promo-batches", "check"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (&Method::GET, ["promo-batches", id]) => report(edge, request, id).await,
        (_, ["promo-batches"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (_, ["promo-batches", _]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn create<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let key = partner::idempotency_key(request)?;
    let raw: RawOwnBatch = request.decode()?;
    let order = OrderBatch::parse(&raw.of(&partner.id), &edge.gateway, edge.now)?;
    partner::spend(edge, &partner, Class::Bulk).await?;
    // 4. Load the claim on the key, or make it.
    let claim = match claim::claim(edge, &partner, key, request, &[]).await? {
        Claimed::Ours(claim) => claim,
        Claimed::Answered(reply) => return Ok(reply),
    };
    // 5. Decide and 6. commit.
    match print(edge, &order, &claim).await {
        // 7. Respond.
        Ok((batch, codes)) => {
            claim::release(edge, &claim, None).await;
            batches::codes(StatusCode::CREATED, &batch, &codes, Format::of(request, Format::Json))
        }
        Err(failure) => claim::put_down(edge, &claim, Err(failure)).await,
    }
}

/// The batch that the claim ordered, with its codes: made now, or before by the same claim.
async fn print<P: Platform>(
    edge: &Edge<P>,
    order: &OrderBatch,
    claim: &[u8; 16],
) -> Result<(Batch, Vec<String>), Failure> {
    let printed = edge.print(order, Cause::claim(claim, &edge.keys), &OrderedBy::Partner).await;
    let batch = printed.map_err(|failure| match failure {
        // The claim is over and forgotten, its batch is not.
        Failure::Refused(Refusal::OrderFormReused) => Refusal::IdempotencyKeyReused.into(),
        other => other,
    })?;
    let codes = batch.hand_out(&edge.keys)?;
    Ok((batch, codes))
}

async fn list<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let raw: RawPage = request.decode_query()?;
    let wanted = Wanted::parse(edge, &raw, format!("promo-batches/{}", partner.id), "batches")?;
    partner::spend(edge, &partner, Class::Reads).await?;
    // 4. Load. There is nothing to decide or to commit.
    let (batches, next) = edge.batches(&partner.id, &wanted).await?;
    // 7. Respond.
    edge::view::document(StatusCode::OK, &ListView::of(&batches, next))
}

async fn report<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse. What cannot be an id is no address.
    let id: BatchId = id.parse().map_err(|_| Refusal::NotFound)?;
    partner::spend(edge, &partner, Class::Reads).await?;
    // 4. Load. Another partner's batch does not exist.
    let batch = edge.kv().get::<Batch>(&id).await?.map(Stored::into_value);
    let batch = batch.filter(|batch| batch.offer.partner == partner.id).ok_or(Refusal::NotFound)?;
    let tally = edge.tally(&batch).await?;
    // 7. Respond.
    edge::view::document(StatusCode::OK, &ReportView::of(&batch, tally))
}

/// Says why a code works or does not. Another partner's code is answered like one that never was, after the same reads.
async fn check<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let code: PromoCode = request.decode::<RawCheck>()?.code()?;
    partner::spend(edge, &partner, Class::Reads).await?;
    // 4. Load.
    let presented = Presented::of(&code, None, &edge.keys);
    let batch = edge.kv().get::<Batch>(&presented.batch).await?.map(Stored::into_value);
    let sheet = edge.kv().get::<Sheet>(&presented.sheet(batch.as_ref())).await?.map(Stored::into_value);
    let own = batch.as_ref().filter(|batch| batch.offer.partner == partner.id).ok_or(Refusal::NotFound)?;
    let promo = Promo::met(presented, Some(own), sheet.as_ref()).map_err(|_| Refusal::NotFound)?;
    // 7. Respond.
    edge::view::document(StatusCode::OK, &CheckView::of(own, &promo.standing(edge.now)))
}

fn openapi() -> Reply {
    Reply::with(StatusCode::OK, "application/openapi+json", OPENAPI).header("cache-control", "public, max-age=3600")
}
