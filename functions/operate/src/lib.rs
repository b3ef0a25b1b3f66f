//! Operator staff. `GET,POST /operate/sign-in`, `POST /operate/sign-out`; `GET /operate`: the queue of registrations,
//! oldest first (APR-1); `GET /operate/registrations/{id}` and `POST /operate/registrations/{id}/decision` (APR-1 to
//! APR-3). Promo codes: `promo.rs`. `GET /health`: whether configuration, secrets and store work. How
//! operators get their secrets: `enrol.rs`, `staff.rs`.
//!
//! Commit points: the operator's record (sign-in, which is counted before it is answered; enrolment and its link), the
//! registration (decision), the batch (promo codes).

mod api;
mod audit;
mod enrol;
mod promo;
mod sign_in;
mod staff;

use edge::{
    Change, Edge, Failure, Outcome, Platform, Request, duty,
    failure::BadRequest,
    form::FormFaults,
    session::{open_text, seal_text},
};
use http::{Method, StatusCode};
use kv_schema::{list::Cursor, records::registration_queue};
use shared::{
    config::OperatorRole,
    operator::Operator,
    organisation::Glimpse,
    refusal::Refusal,
    registration::{Registration, RegistrationState},
    secret::SealPurpose,
    values::RegistrationId,
};

pub(crate) use edge::duty::on_duty;

use crate::api::{Decided, DetailPage, Health, JustDecided, QueuePage, QueueQuery, RawDecision, Verdict};

const CURSOR_PLACE: &str = "operate/queue";

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["health"]) => health(edge).await,
        (&Method::GET, ["operate"]) => queue(edge, request).await,
        (&Method::GET, ["operate", "sign-in"]) => sign_in::show(edge, request),
        (&Method::POST, ["operate", "sign-in"]) => sign_in::sign_in(edge, request).await,
        (&Method::POST, ["operate", "sign-out"]) => sign_in::sign_out(edge, request).await,
        (&Method::GET, ["operate", "enrol"]) => enrol::show(edge, request).await,
        (&Method::POST, ["operate", "enrol"]) => enrol::enrol(edge, request).await,
        (&Method::GET, ["operate", "operators"]) => staff::show(edge, request).await,
        (&Method::POST, ["operate", "operators", id, "invitation"]) => staff::invite(edge, request, id).await,
        (&Method::GET, ["operate", "registrations", id]) => detail(edge, request, id).await,
        (&Method::POST, ["operate", "registrations", id, "decision"]) => decide(edge, request, id).await,
        (&Method::GET, ["operate", "audit"]) => audit::show(edge, request).await,
        (&Method::GET, ["operate", "audit", "export"]) => audit::export(edge, request).await,
        (&Method::GET, ["operate", "promo-batches"]) => promo::form(edge, request).await,
        (&Method::POST, ["operate", "promo-batches"]) => promo::order(edge, request).await,
        (&Method::GET, ["operate", "promo-batches", "of", partner]) => promo::list(edge, request, partner).await,
        (&Method::GET, ["operate", "promo-batches", id]) => promo::report(edge, request, id).await,
        (
            _,
            ["health" | "operate"]
            | ["operate", "audit" | "operators"]
            | ["operate", "audit", "export"]
            | ["operate", "registrations" | "promo-batches", _]
            | ["operate", "promo-batches", "of", _],
        ) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        (_, ["operate", "sign-in" | "enrol" | "promo-batches"]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into())
        }
        (
            _,
            ["operate", "sign-out"]
            | ["operate", "operators", _, "invitation"]
            | ["operate", "registrations", _, "decision"],
        ) => Err(BadRequest::MethodNotAllowed("POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

/// Reaching this proves that configuration and secrets parse; the read proves the store.
async fn health<P: Platform>(edge: &Edge<P>) -> Outcome {
    if let Some(operator) = edge.gateway.operators.first() {
        edge.kv().get::<Operator>(&duty::record_of(edge, &operator.id)).await?;
    }
    edge::view::document(StatusCode::OK, &Health::ok())
}

async fn queue<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let duty = on_duty(edge, request).await?;
    let query: QueueQuery = request.decode_query()?;
    let wanted = query.wanted(edge)?;
    let from = match &query.after {
        None => None,
        Some(text) => {
            let number = open_text::<u64>(&edge.keys, SealPurpose::Cursor, CURSOR_PLACE, text);
            Some(Cursor(number.ok_or(Refusal::NotFound)?))
        }
    };
    let page = edge.kv().page(&registration_queue(), from).await?;
    let next = page
        .next
        .and_then(|Cursor(number)| seal_text(&edge.keys, SealPurpose::Cursor, CURSOR_PLACE, &number, &mut edge.rng()));
    let notice = edge.take_notice::<JustDecided>(request).and_then(|decided| decided.told_to(duty));
    edge.show(request, StatusCode::OK, &QueuePage::of(edge, &page.entries, &wanted, next, from.is_some(), notice)?)
}

async fn detail<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    let duty = on_duty(edge, request).await?;
    let (registration, alike) = reviewed(edge, parse_id(id)?).await?;
    let page = DetailPage::of(edge, duty, registration, alike, RawDecision::default(), FormFaults::none());
    edge.show(request, StatusCode::OK, &page)
}

/// The registration, and while it is undecided the organisations that could be the same (REG-3): nine reads at most in
/// three rounds.
async fn reviewed<P: Platform>(
    edge: &Edge<P>,
    id: RegistrationId,
) -> Result<(Registration, Option<Vec<Glimpse>>), Failure> {
    let stored = edge.kv().get::<Registration>(&id).await?.ok_or(Refusal::NotFound)?;
    let registration = stored.into_value();
    let alike = match registration.registrant() {
        Some(registrant) if registration.state == RegistrationState::Submitted => {
            Some(edge.alike(&registration.profile, &registrant.email).await?)
        }
        _ => None,
    };
    Ok((registration, alike))
}

async fn decide<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawDecision = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let duty = on_duty(edge, request).await?.require(OperatorRole::Registrar)?;
    // 3. Parse.
    let id = parse_id(id)?;
    let verdict = match Verdict::parse(&raw) {
        Ok(verdict) => verdict,
        Err(refusal) => {
            let (registration, alike) = reviewed(edge, id).await?;
            return edge.refused_in_place(request, refusal.into(), "decision", |faults| {
                DetailPage::of(edge, duty, registration, alike, raw, faults)
            });
        }
    };
    // 4. Load, 5. decide and 6. commit.
    let decided = edge
        .transact::<Registration, ()>(&id, Refusal::NotFound, |registration, _| {
            let decision = match &verdict {
                Verdict::Approve => registration.approve(&duty, &edge.keys, edge.now)?,
                Verdict::Reject(reason) => registration.reject(&duty, reason.clone(), edge.now)?,
            };
            let told = edge.gateway.tell_of_registration(&decision.next, false);
            Ok(Change::from(decision.and(told)))
        })
        .await;
    // 7. Respond.
    match decided {
        Ok(((), stored)) => {
            edge.leave_notice(request, api::QUEUE, &JustDecided::of(duty, stored.value()));
            edge.done(request, api::QUEUE, StatusCode::OK, &Decided::of(stored.value()))
        }
        // APR-3: a colleague was faster. The page says who decided what, and when.
        Err(Failure::Refused(Refusal::AlreadyDecided(_))) if request.wants_page() => {
            let (registration, alike) = reviewed(edge, id).await?;
            let page = DetailPage::of(edge, duty, registration, alike, raw, FormFaults::none()).overtaken();
            edge.show(request, StatusCode::CONFLICT, &page)
        }
        Err(failure) => Err(failure),
    }
}

fn parse_id(id: &str) -> Result<RegistrationId, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}
