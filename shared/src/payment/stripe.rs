//! Stripe's events about the Checkout Sessions that this service opens, and the Charges that come of them
//! (<https://docs.stripe.com/api/checkout/sessions/object>, <https://docs.stripe.com/api/charges/object>).

use serde::Deserialize;

use super::{News, Reading, refunded};
use crate::{
    refusal::{Faults, Refusal},
    stripe::Counted,
    webstore::Decode,
};

#[derive(Debug, Deserialize)]
struct RawKind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct RawEvent<O> {
    data: RawData<O>,
}

#[derive(Debug, Deserialize)]
struct RawData<O> {
    object: O,
}

#[derive(Debug, Deserialize)]
struct RawSession {
    metadata: Option<RawMetadata>,
    payment_status: Option<String>,
    /// In Stripe's units.
    amount_total: Option<u64>,
    /// ISO 4217 code in lower case.
    currency: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RawCharge {
    metadata: Option<RawMetadata>,
    /// Whether all of it was.
    refunded: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct RawMetadata {
    /// The order's id, as the Session was given it.
    order_id: Option<String>,
}

impl RawMetadata {
    fn order(this: Option<&Self>) -> Option<&String> {
        this.and_then(|metadata| metadata.order_id.as_ref())
    }
}

pub(super) fn read<B: Decode>(body: &B) -> Result<Reading, B::Error> {
    match body.decode::<RawKind>()?.kind.as_str() {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            Ok(paid(&body.decode::<RawEvent<RawSession>>()?.data.object)?)
        }
        "charge.refunded" => {
            let charge = body.decode::<RawEvent<RawCharge>>()?.data.object;
            Ok(refunded(RawMetadata::order(charge.metadata.as_ref()), charge.refunded == Some(true)))
        }
        _ => Ok(Reading::Left),
    }
}

fn paid(session: &RawSession) -> Result<Reading, Refusal> {
    let order = super::order(RawMetadata::order(session.metadata.as_ref()));
    let Some(order) = order.filter(|_| session.payment_status.as_deref() == Some("paid")) else {
        // Of something else, or a payment that takes days and will be told of when it has come.
        return Ok(Reading::Left);
    };
    let mut faults = Faults::default();
    let currency = session.currency.as_deref().unwrap_or_default();
    let currency = faults.check("data.object.currency", Counted::parse(currency));
    if session.amount_total.is_none() {
        faults.add("data.object.amount_total", "missing", "Say what was paid.");
    }
    let paid = currency
        .zip(session.amount_total)
        .and_then(|(currency, amount)| faults.check("data.object.amount_total", currency.money(amount)));
    Ok(Reading::Event(order, News::Paid(faults.finish(paid)?)))
}
