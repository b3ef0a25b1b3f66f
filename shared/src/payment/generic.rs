//! The generic interface, as `docs/payments.md` describes it: strict, since who speaks it writes it for us.

use serde::Deserialize;

use super::{News, Reading, refunded};
use crate::{
    envelope,
    refusal::Faults,
    values::{Currency, Money},
    webstore::Decode,
};

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
    match envelope::kind(body)?.as_str() {
        "payment.succeeded" => {
            let RawPaid { order, amount_minor, currency, .. } = envelope::standard(body)?;
            let Some(order) = super::order(Some(&order)) else {
                return Ok(Reading::Left);
            };
            let mut faults = Faults::default();
            let currency = faults.check("data.currency", currency.parse::<Currency>());
            let paid = faults.finish(currency.map(|currency| Money::new(amount_minor, currency)))?;
            Ok(Reading::Event(order, News::Paid(paid)))
        }
        "payment.refunded" => {
            let RawRefunded { order, amount_minor, refunded_minor, .. } = envelope::standard(body)?;
            Ok(refunded(Some(&order), refunded_minor >= amount_minor))
        }
        _ => Ok(Reading::Left),
    }
}
