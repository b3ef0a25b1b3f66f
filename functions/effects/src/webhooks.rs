//! Webhooks to partners (MSG-3): from an event to a delivery of its own, and from there to the partner's endpoint.
//!
//! Commit point of a try: the delivery's record, after the receiver's answer. A request that dies between the two leaves
//! the delivery due, and the next try repeats the webhook under the same id.

use edge::{
    Edge, Failure, Platform,
    edge::{BUSY_RETRY_AFTER, NowStands},
    platform::{JSON, Outgoing},
};
use kv_schema::{
    kv::Replaced,
    list::{Entry, EntryId},
    records::deliveries_of,
};
use shared::{
    audit::Action,
    config::Endpoint,
    decision::Decision,
    delivery::{Answer, Delivery, EndpointStanding},
    event::Event,
    refusal::Refusal,
    values::{DeliveryId, PartnerId, Timestamp},
    webhook::{WebhookSecret, signatures_of},
};

use crate::hands::{list_entry, seconds};

/// Makes the delivery of an event; carried out again, the effect meets it. The delivery answers for itself from then on.
pub(crate) async fn tell<P: Platform>(
    edge: &Edge<P>,
    partner: PartnerId,
    event: Event,
    effect: &[u8; 16],
) -> Result<(), Failure> {
    let id = Delivery::id_of(&partner, effect, &edge.keys);
    let (NowStands::Ours(_) | NowStands::Another(_)) =
        edge.create(&id, Delivery::begin(id, partner, event, edge.now)).await?;
    Ok(())
}

/// Puts a delivery into its partner's list.
pub(crate) async fn list<P: Platform>(
    edge: &Edge<P>,
    partner: &PartnerId,
    delivery: DeliveryId,
    at: Timestamp,
) -> Result<(), Failure> {
    let entry = Entry { id: EntryId(*delivery.bytes()), at_unix_seconds: seconds(at), payload: Vec::new() };
    list_entry(edge, &deliveries_of(partner), &entry).await
}

/// Tries a delivery that is due. It is done when nothing is to be tried any more.
///
/// # Errors
/// When it is to be tried at another time.
pub(crate) async fn deliver<P: Platform>(edge: &Edge<P>, id: DeliveryId) -> Result<(), Failure> {
    let Some(seen) = edge.kv().load::<Delivery>(&id).await? else {
        return Ok(());
    };
    let delivery = seen.value();
    let Some(due_at) = delivery.due_at() else {
        return Ok(());
    };
    if edge.now < due_at {
        return Err(Failure::Fault(format!("a webhook is due at {due_at}")));
    }
    let (action, next) = match endpoint_of(edge, &delivery.partner).await? {
        None => (Action::WebhookHold, delivery.clone().held()),
        Some((endpoint, standing)) => {
            let answer = try_once(edge, endpoint, delivery).await?;
            if answer.disables() {
                disable(edge, standing).await?;
            }
            (Action::WebhookTry, delivery.clone().tried(answer, edge.now))
        }
    };
    let due_at = next.due_at();
    match edge.commit(seen, Decision::quiet(action, next)).await? {
        Replaced::Committed(_) if due_at.is_none() => Ok(()),
        Replaced::Committed(_) => Err(Failure::Fault("a partner's endpoint did not take a webhook".to_owned())),
        Replaced::Lost(_) | Replaced::Gone => Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into()),
    }
}

/// The partner's endpoint, if there is one that wants webhooks, and the id of the record that says so.
async fn endpoint_of<'a, P: Platform>(
    edge: &'a Edge<P>,
    partner: &PartnerId,
) -> Result<Option<(&'a Endpoint, [u8; 16])>, Failure> {
    let Some(endpoint) = edge.gateway.partner(partner).and_then(|partner| partner.endpoint.as_ref()) else {
        return Ok(None);
    };
    let id = EndpointStanding::id_of(partner, &endpoint.url, &edge.keys);
    let standing = edge.kv().get::<EndpointStanding>(&id).await?;
    let disabled = standing.is_some_and(|standing| standing.value().disabled_at.is_some());
    Ok((!disabled).then_some((endpoint, id)))
}

async fn try_once<P: Platform>(edge: &Edge<P>, endpoint: &Endpoint, delivery: &Delivery) -> Result<Answer, Failure> {
    let mut secrets = Vec::new();
    for variable in &endpoint.secret_variables {
        if let Some(text) = edge.platform.variable(variable).await? {
            let secret = text.parse::<WebhookSecret>();
            secrets.push(secret.map_err(|error| Failure::Fault(format!("variable {variable}: {error}")))?);
        }
    }
    if secrets.is_empty() {
        return Err(Failure::Fault("there is no secret to sign a webhook with".to_owned()));
    }
    let id = delivery.webhook_id();
    let body = serde_json::to_vec(&delivery.event.payload());
    let body = body.map_err(|error| Failure::Fault(format!("webhook: {error}")))?;
    let headers = vec![
        ("webhook-id", id.clone()),
        ("webhook-timestamp", edge.now.unix().to_string()),
        ("webhook-signature", signatures_of(&secrets, &id, edge.now, &body)),
    ];
    let outgoing = Outgoing { url: endpoint.url.clone(), media_type: JSON, idempotency_key: id, headers, body };
    Ok(edge.platform.notify(outgoing, delivery.patience()).await)
}

/// 410: the receiver wants nothing more, until its partner says otherwise.
async fn disable<P: Platform>(edge: &Edge<P>, id: [u8; 16]) -> Result<(), Failure> {
    let first = Decision::quiet(Action::EndpointDisabling, EndpointStanding::disabled(id, edge.now));
    if let NowStands::Another(_) = edge.create::<EndpointStanding>(&id, first).await? {
        let disabled = edge.transact::<EndpointStanding, ()>(&id, Refusal::NotFound, |standing, _| {
            Ok(standing.disable(edge.now).into())
        });
        disabled.await?;
    }
    Ok(())
}
