//! `POST /payments/webhook`: what the payment provider tells of payments (SHP-5, SHP-7).

use edge::{Edge, Outcome, Platform, Request, failure::BadRequest, request::Encoding};
use shared::{audit::Actor, dead_letter::Sender, refusal::Refusal};

pub(crate) async fn take<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate the raw bytes.
    let payments = edge.gateway.payments.as_ref().ok_or(Refusal::WebhookNotVerified)?;
    let (provider, dialect) = (payments.provider, payments.provider.dialect());
    let webhook = edge.verified_webhook(request, dialect, &payments.secret_variables).await?;
    edge.acts(Actor::PaymentProvider);
    if request.encoding()? != Encoding::Json {
        return Err(BadRequest::UnsupportedMediaType.into());
    }
    // 3. Parse, 4. load, 5. decide and 6. commit.
    let acted = edge.act_on_payment(provider, webhook.body(), &[]).await?;
    // 7. Respond: everything is durable.
    edge.answer_webhook(Sender::Payments(provider), &webhook, acted).await
}
