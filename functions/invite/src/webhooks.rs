//! What a partner's system does with the webhooks that it is sent (MSG-3): it looks into the log, has one sent again, and
//! enables its endpoint again after a 410.
//!
//! Commit point of a replay: the delivery; of enabling: the endpoint's standing. Repeating either changes nothing.

use edge::{Edge, Failure, Outcome, Platform, Request, failure::BadRequest, page::Wanted, partner};
use http::{Method, StatusCode};
use kv_schema::records::deliveries_of;
use serde::Serialize;
use shared::{
    config::{Endpoint, Partner},
    delivery::{Delivery, EndpointStanding},
    quota::Class,
    refusal::Refusal,
    values::{DeliveryId, Timestamp},
};

use crate::api::{self, NoFields};

pub(crate) async fn handle<P: Platform>(edge: &Edge<P>, request: &Request, rest: &[&str]) -> Outcome {
    match (&request.method, rest) {
        (&Method::GET, ["deliveries"]) => list(edge, request).await,
        (&Method::GET, ["deliveries", id]) => show(edge, request, id).await,
        (&Method::POST, ["deliveries", id, "replay"]) => replay(edge, request, id).await,
        (&Method::GET, ["endpoint"]) => endpoint(edge, request).await,
        (&Method::POST, ["endpoint", "enable"]) => enable(edge, request).await,
        (_, ["deliveries" | "endpoint"] | ["deliveries", _]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        (_, ["deliveries", _, "replay"] | ["endpoint", "enable"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

/// A webhook as its partner sees it.
#[derive(Serialize)]
struct DeliveryView {
    /// The `webhook-id` of every try.
    id: String,
    r#type: &'static str,
    state: &'static str,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptView>>,
}

/// One try.
#[derive(Serialize)]
struct AttemptView {
    at: Timestamp,
    /// Absent when there was no answer in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// A page of the log.
#[derive(Serialize)]
struct LogView {
    deliveries: Vec<DeliveryView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The endpoint and how it stands.
#[derive(Serialize)]
struct EndpointView<'a> {
    url: &'a str,
    events: Vec<&'static str>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
}

impl DeliveryView {
    /// As it stands in the log.
    fn of(delivery: &Delivery) -> Self {
        Self {
            id: delivery.webhook_id(),
            r#type: delivery.event.kind.as_str(),
            state: delivery.state.as_str(),
            created_at: delivery.created_at,
            next_attempt_at: delivery.due_at(),
            attempts: None,
        }
    }

    /// With its tries.
    fn whole(delivery: &Delivery) -> Self {
        let attempts = delivery.attempts.iter().map(|attempt| AttemptView { at: attempt.at, status: attempt.status });
        Self { attempts: Some(attempts.collect()), ..Self::of(delivery) }
    }
}

impl<'a> EndpointView<'a> {
    fn of(endpoint: &'a Endpoint, standing: Option<&EndpointStanding>) -> Self {
        let disabled_at = standing.and_then(|standing| standing.disabled_at);
        Self {
            url: &endpoint.url,
            events: endpoint.events.iter().map(|kind| kind.as_str()).collect(),
            state: if disabled_at.is_some() { "disabled" } else { "enabled" },
            disabled_at,
        }
    }
}

async fn list<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let place = format!("webhooks/deliveries/{}", partner.id);
    let wanted = Wanted::parse(edge, &request.decode_query()?, place, "deliveries")?;
    partner::spend(edge, &partner, Class::Reads).await?;
    // 4. Load. There is nothing to decide or to commit.
    let page = edge.page(&deliveries_of(&partner.id), &wanted).await?;
    let ids: Vec<DeliveryId> = page.entries.iter().map(|entry| DeliveryId::from_bytes(entry.id.0)).collect();
    let deliveries = edge.get_many::<Delivery>(&ids).await?;
    // 7. Respond.
    let deliveries = deliveries.iter().map(DeliveryView::of).collect();
    edge::view::document(StatusCode::OK, &LogView { deliveries, next: page.next })
}

async fn show<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    let id = parse(id)?;
    let partner = partner::authenticate(edge, request).await?;
    partner::spend(edge, &partner, Class::Reads).await?;
    let delivery = own(edge, &partner, id).await?;
    edge::view::document(StatusCode::OK, &DeliveryView::whole(&delivery))
}

async fn replay<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let id = parse(id)?;
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let NoFields {} = api::optional(request)?;
    partner::spend(edge, &partner, Class::Changes).await?;
    // 4. Load.
    own(edge, &partner, id).await?;
    // 5. Decide and 6. commit; the first try follows at once.
    let replayed =
        edge.transact::<Delivery, ()>(&id, Refusal::NotFound, |delivery, _| Ok(delivery.replay(edge.now).into()));
    replayed.await?;
    // 7. Respond with what came of that.
    edge::view::document(StatusCode::OK, &DeliveryView::whole(&own(edge, &partner, id).await?))
}

async fn endpoint<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let partner = partner::authenticate(edge, request).await?;
    partner::spend(edge, &partner, Class::Reads).await?;
    let endpoint = partner.endpoint.as_ref().ok_or(Refusal::NotFound)?;
    let id = EndpointStanding::id_of(&partner.id, &endpoint.url, &edge.keys);
    let standing = edge.kv().get::<EndpointStanding>(&id).await?;
    let standing = standing.as_ref().map(kv_schema::record::Stored::value);
    edge::view::document(StatusCode::OK, &EndpointView::of(endpoint, standing))
}

async fn enable<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let NoFields {} = api::optional(request)?;
    partner::spend(edge, &partner, Class::Changes).await?;
    // 4. Load.
    let endpoint = partner.endpoint.as_ref().ok_or(Refusal::NotFound)?;
    let id = EndpointStanding::id_of(&partner.id, &endpoint.url, &edge.keys);
    // One that was never disabled has no record.
    if edge.kv().get::<EndpointStanding>(&id).await?.is_none() {
        return edge::view::document(StatusCode::OK, &EndpointView::of(endpoint, None));
    }
    // 5. Decide and 6. commit.
    let ((), stored) = edge
        .transact::<EndpointStanding, ()>(&id, Refusal::NotFound, |standing, _| Ok(standing.enable().into()))
        .await?;
    // 7. Respond.
    edge::view::document(StatusCode::OK, &EndpointView::of(endpoint, Some(stored.value())))
}

/// What cannot be an id is no address.
fn parse(id: &str) -> Result<DeliveryId, Refusal> {
    Delivery::parse_webhook_id(id).ok_or(Refusal::NotFound)
}

/// The partner's own delivery. Any other does not exist for it.
async fn own<P: Platform>(edge: &Edge<P>, partner: &Partner, id: DeliveryId) -> Result<Delivery, Failure> {
    let stored = edge.kv().get::<Delivery>(&id).await?.ok_or(Refusal::NotFound)?;
    Some(stored.into_value()).filter(|delivery| delivery.partner == partner.id).ok_or(Refusal::NotFound.into())
}
