//! The generic interface, as `docs/payments.md` describes it: strict, since who speaks it writes it for us.

use serde::Deserialize;

use super::{News, Reading, refunded};
use crate::{
    refusal::Faults,
    values::{Currency, Money},
    webstore::Decode,
};

/// What every event says first: only then is it known what else it holds.
#[derive(Debug, Deserialize)]
struct RawKind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent<D> {
    #[serde(rename = "type")]
    _kind: String,
    /// When it happened, RFC 3339; informative, since the signed header carries the time that counts.
    #[serde(rename = "timestamp")]
    _timestamp: String,
    data: D,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPaid {
    /// The order's id, as the provider was given it.
    order: String,
    /// The provider's own id, for its staff.
    #[serde(rename = "payment")]
    _payment: String,
    /// In minor units.
    amount_minor: u64,
    /// ISO 4217 code.
    currency: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRefunded {
    order: String,
    #[serde(rename = "payment")]
    _payment: String,
    amount_minor: u64,
    #[serde(rename = "currency")]
    _currency: String,
    /// What was given back in all, in minor units.
    refunded_minor: u64,
}

pub(super) fn read<B: Decode>(body: &B) -> Result<Reading, B::Error> {
    match body.decode::<RawKind>()?.kind.as_str() {
        "payment.succeeded" => {
            let RawPaid { order, amount_minor, currency, .. } = body.decode::<RawEvent<RawPaid>>()?.data;
            let Some(order) = super::order(Some(&order)) else {
                return Ok(Reading::Left);
            };
            let mut faults = Faults::default();
            let currency = faults.check("data.currency", currency.parse::<Currency>());
            let paid = faults.finish(currency.map(|currency| Money::new(amount_minor, currency)))?;
            Ok(Reading::Event(order, News::Paid(paid)))
        }
        "payment.refunded" => {
            let RawRefunded { order, amount_minor, refunded_minor, .. } = body.decode::<RawEvent<RawRefunded>>()?.data;
            Ok(refunded(Some(&order), refunded_minor >= amount_minor))
        }
        _ => Ok(Reading::Left),
    }
}
