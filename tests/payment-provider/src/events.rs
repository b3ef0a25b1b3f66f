//! What merchants are told, in the words of the interface that they asked by.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    cards::Decline,
    payments::{Interface, Payment, random},
    stripe,
};

/// Something that happened to a payment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Happened {
    Paid,
    Declined(Decline),
    Expired,
    Refunded,
}

/// What a webhook says. Its id stays the same however often it is delivered.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) interface: Interface,
    pub(crate) payment: String,
    pub(crate) body: String,
}

impl Event {
    /// What the merchant is told of it, if its interface has a word for it.
    pub(crate) fn of(happened: Happened, payment: &Payment, now: Timestamp) -> Option<Self> {
        let (kind, data) = match payment.interface {
            Interface::Stripe => in_stripes_words(happened, payment),
            Interface::Generic => in_generic_words(happened, payment)?,
        };
        let (id, body) = match payment.interface {
            Interface::Stripe => {
                let id = format!("evt_{}", random());
                let body = json!({
                    "id": id,
                    "object": "event",
                    "api_version": stripe::VERSION,
                    "created": now.as_second(),
                    "data": { "object": data },
                    "livemode": false,
                    "pending_webhooks": 1,
                    "request": { "id": null, "idempotency_key": null },
                    "type": kind,
                });
                (id, body)
            }
            Interface::Generic => {
                let body = json!({ "type": kind, "timestamp": format!("{now:.0}"), "data": data });
                (format!("msg_{}", random()), body)
            }
        };
        let interface = payment.interface;
        Some(Self { id, kind, interface, payment: payment.id.clone(), body: body.to_string() })
    }
}

fn in_stripes_words(happened: Happened, payment: &Payment) -> (&'static str, Value) {
    match happened {
        Happened::Paid => ("checkout.session.completed", stripe::session(payment, "")),
        Happened::Expired => ("checkout.session.expired", stripe::session(payment, "")),
        Happened::Declined(decline) => ("payment_intent.payment_failed", stripe::failed_intent(payment, decline)),
        Happened::Refunded => ("charge.refunded", stripe::charge(payment)),
    }
}

/// There is none for a payment that expires.
fn in_generic_words(happened: Happened, payment: &Payment) -> Option<(&'static str, Value)> {
    let kind = match happened {
        Happened::Paid => "payment.succeeded",
        Happened::Declined(_) => "payment.failed",
        Happened::Refunded => "payment.refunded",
        Happened::Expired => return None,
    };
    let mut data = json!({
        "order": payment.asked.order,
        "payment": payment.id,
        "amount_minor": payment.asked.amount_minor,
        "currency": payment.asked.currency.code(),
    });
    if let (Happened::Refunded, Some(members)) = (happened, data.as_object_mut()) {
        members.insert("refunded_minor".into(), payment.refunded_minor.into());
    }
    Some((kind, data))
}
