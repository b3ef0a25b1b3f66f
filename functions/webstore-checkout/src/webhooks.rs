//! `POST /webstore-checkout/webhooks/{partner}`: what a partner's own webstore tells of its orders (SHP-7).

use edge::{
    Edge, Failure, Outcome, Platform, Request, edge::NowStands, failure::BadRequest, request::Encoding, webstore::Acted,
};
use http::StatusCode;
use shared::{
    audit::Actor,
    config::Partner,
    dead_letter::{DeadLetter, Reason},
    refusal::Refusal,
    webhook::{RawWebhook, VerifiedWebhook, WebhookSecret},
};

use crate::{api::Accepted, known};

pub(crate) async fn take<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate the raw bytes. A partner that does not exist has no
    // secrets, so its webhooks are answered like those with a wrong signature.
    let partner = known(&edge.gateway, partner).ok();
    let dialect = partner.map(|partner| partner.webhook_dialect).unwrap_or_default();
    let raw = RawWebhook::read(dialect, |name| request.header(name), &request.body);
    let webhook = VerifiedWebhook::verify(&raw, &secrets(edge, partner).await?, edge.now)?;
    let partner = partner.ok_or(Refusal::WebhookNotVerified)?;
    edge.acts(Actor::Webstore(partner.id.clone()));
    if request.encoding()? != Encoding::Json {
        return Err(BadRequest::UnsupportedMediaType.into());
    }
    // 3. Parse, 4. load, 5. decide and 6. commit.
    match edge.act_on_webhook(partner, dialect, webhook.body(), &[]).await? {
        // 7. Respond: everything is durable.
        Acted::Upon(stored) => edge::view::document(StatusCode::OK, &Accepted::of(stored.value())),
        Acted::Left => edge::view::document(StatusCode::ACCEPTED, &Accepted::left()),
        Acted::Unable(reason) => keep(edge, partner, &webhook, reason).await,
    }
}

/// Keeps what cannot be acted upon for an operator.
async fn keep<P: Platform>(
    edge: &Edge<P>,
    partner: &Partner,
    webhook: &VerifiedWebhook<'_>,
    reason: Reason,
) -> Outcome {
    let id = DeadLetter::id_of(&partner.id, &webhook.event_id(), &edge.keys);
    let kept = DeadLetter::kept(id, partner, webhook.body(), reason, &edge.keys, edge.now, &mut edge.rng());
    let (NowStands::Ours(stored) | NowStands::Another(stored)) = edge.create(&id, kept).await?;
    edge::view::document(StatusCode::ACCEPTED, &Accepted::kept(stored.value()))
}

async fn secrets<P: Platform>(edge: &Edge<P>, partner: Option<&Partner>) -> Result<Vec<WebhookSecret>, Failure> {
    let mut secrets = Vec::new();
    for variable in partner.iter().flat_map(|partner| &partner.webhook_secret_variables) {
        let Some(text) = edge.platform.variable(variable).await? else {
            continue;
        };
        let dialect = partner.map(|partner| partner.webhook_dialect).unwrap_or_default();
        let secret = dialect.secret(&text).map_err(|error| Failure::Fault(format!("variable {variable}: {error}")))?;
        secrets.push(secret);
    }
    Ok(secrets)
}
