//! Stripe's events about the Checkout Sessions that this service opens, and the Charges that come of them
//! (<https://docs.stripe.com/api/checkout/sessions/object>, <https://docs.stripe.com/api/charges/object>).

use serde::Deserialize;

use super::{News, Reading, refunded};
use crate::{
    envelope,
    refusal::{Faults, Refusal},
    stripe::session_total,
    webstore::Decode,
};

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
    match envelope::kind(body)?.as_str() {
        "checkout.session.completed" | "checkout.session.async_payment_succeeded" => {
            Ok(paid(&envelope::stripe(body)?)?)
        }
        "charge.refunded" => {
            let charge: RawCharge = envelope::stripe(body)?;
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
    let paid = session_total(session.amount_total, currency, &mut faults);
    Ok(Reading::Event(order, News::Paid(faults.finish(paid)?)))
}
