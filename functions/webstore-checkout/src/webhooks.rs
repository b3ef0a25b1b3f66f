//! `POST /webstore-checkout/webhooks/{partner}`: what a partner's own webstore tells of its orders (SHP-7).

use edge::{Edge, Outcome, Platform, Request, failure::BadRequest, request::Encoding};
use shared::{audit::Actor, dead_letter::Sender, refusal::Refusal};

use crate::known;

pub(crate) async fn take<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate the raw bytes. A partner that does not exist has no
    // secrets, so its webhooks are answered like those with a wrong signature.
    let partner = known(&edge.gateway, partner).ok();
    let dialect = partner.map(|partner| partner.webhook_dialect).unwrap_or_default();
    let variables = partner.map(|partner| partner.webhook_secret_variables.as_slice()).unwrap_or_default();
    let webhook = edge.verified_webhook(request, dialect, variables).await?;
    let partner = partner.ok_or(Refusal::WebhookNotVerified)?;
    edge.acts(Actor::Webstore(partner.id.clone()));
    if request.encoding()? != Encoding::Json {
        return Err(BadRequest::UnsupportedMediaType.into());
    }
    // 3. Parse, 4. load, 5. decide and 6. commit.
    let acted = edge.act_on_webhook(partner, dialect, webhook.body(), &[]).await?;
    // 7. Respond: everything is durable.
    edge.answer_webhook(Sender::webstore(partner), &webhook, acted).await
}
