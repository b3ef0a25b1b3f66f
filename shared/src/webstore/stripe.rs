//! Stripe's events about Checkout Sessions and the Charges that come of them
//! (<https://docs.stripe.com/api/checkout/sessions/object>, <https://docs.stripe.com/api/charges/object>).
//!
//! Stripe does not know what the shop sells. The shop says it when it makes the Session: `client_reference_id` is the order's
//! id, `metadata.lines` what is bought, and `payment_intent_data.metadata.order_id` the order's id once more, which Stripe
//! copies to the Charge.

use serde::Deserialize;

use super::{Decode, OrderEvent, Reading, Review, name_of, text};
use crate::{
    checkout::{Cart, Customer, MAX_UNITS, RawLine},
    config::Gateway,
    envelope,
    order::{News, Sale},
    refusal::{Faults, Refusal},
    stripe::session_total,
    values::{ParseError, PartnerId, PersonName},
};

#[derive(Debug, Deserialize)]
struct RawSession {
    client_reference_id: Option<String>,
    payment_status: Option<String>,
    metadata: Option<RawSessionMetadata>,
    customer_details: Option<RawDetails>,
    /// In Stripe's minor units.
    amount_total: Option<u64>,
    /// ISO 4217 code in lower case.
    currency: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RawSessionMetadata {
    /// `product:quantity`, separated by commas.
    lines: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RawDetails {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RawCharge {
    /// Whether all of it was.
    refunded: Option<bool>,
    metadata: Option<RawChargeMetadata>,
}

#[derive(Debug, Deserialize)]
struct RawChargeMetadata {
    order_id: Option<String>,
}

/// What becomes of a Session.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// The customer is through; the payment may take days yet.
    Completed,
    /// A payment that took days arrived.
    Succeeded,
    /// It did not. (A Session that expires unused is none of ours: its order may be paid in another one.)
    Failed,
}

pub(super) fn read<'a, B: Decode>(
    body: &B,
    partner: &PartnerId,
    gateway: &'a Gateway,
) -> Result<Reading<'a>, B::Error> {
    let outcome = match envelope::kind(body)?.as_str() {
        "checkout.session.completed" => Outcome::Completed,
        "checkout.session.async_payment_succeeded" => Outcome::Succeeded,
        "checkout.session.async_payment_failed" => Outcome::Failed,
        "charge.refunded" => return Ok(refund(&envelope::stripe(body)?)?),
        _ => return Ok(Reading::Left),
    };
    Ok(session(outcome, &envelope::stripe(body)?, partner, gateway)?)
}

fn session<'a>(
    outcome: Outcome,
    raw: &RawSession,
    partner: &PartnerId,
    gateway: &'a Gateway,
) -> Result<Reading<'a>, Refusal> {
    let lines = raw.metadata.as_ref().and_then(|metadata| metadata.lines.as_deref());
    if raw.client_reference_id.is_none() && lines.is_none() {
        // The account sells something else besides.
        return Ok(Reading::Left);
    }
    let mut faults = Faults::default();
    let order = faults.check("data.object.client_reference_id", text(raw.client_reference_id.as_ref()).parse());
    let news: Option<News<'a>> = match (outcome, text(raw.payment_status.as_ref())) {
        (Outcome::Failed, _) => Some(News::Cancelled),
        (Outcome::Completed, "unpaid") => sale(raw, partner, gateway, &mut faults)?.map(News::Created),
        (Outcome::Succeeded, _) | (Outcome::Completed, "paid" | "no_payment_required") => {
            sale(raw, partner, gateway, &mut faults)?.map(News::Paid)
        }
        (Outcome::Completed, _) => {
            return faults.finish(order).map(|order| Reading::Review(Review::UNKNOWN_STATUS.of(order)));
        }
    };
    let event = (|| Some(OrderEvent { order: order?, news: news? }))();
    faults.finish(event).map(Reading::Event)
}

fn sale<'a>(
    raw: &RawSession,
    partner: &PartnerId,
    gateway: &'a Gateway,
    faults: &mut Faults,
) -> Result<Option<Sale<'a>>, Refusal> {
    let customer = customer(raw.customer_details.as_ref(), faults);
    let total = session_total(raw.amount_total, text(raw.currency.as_ref()), faults);
    let raw_lines = text(raw.metadata.as_ref().and_then(|metadata| metadata.lines.as_ref()));
    let cart = match faults.check("data.object.metadata.lines", lines(raw_lines)) {
        Some(lines) => faults.adopt("data.object.metadata.", Cart::parse(partner, &lines, gateway))?,
        None => None,
    };
    Ok((|| Some(Sale { cart: cart?, customer: customer?, total: total? }))())
}

fn customer(raw: Option<&RawDetails>, faults: &mut Faults) -> Option<Customer> {
    let of = |part: fn(&RawDetails) -> Option<&String>| text(raw.and_then(part));
    let name = faults.check("data.object.customer_details.name", person(of(|details| details.name.as_ref())));
    let email = faults.check("data.object.customer_details.email", of(|details| details.email.as_ref()).parse());
    Some(Customer { name: name?, email: email? })
}

/// The last word is the family name.
fn person(full: &str) -> Result<PersonName, ParseError> {
    let (given, family) = full.trim().rsplit_once(char::is_whitespace).unwrap_or(("", full));
    name_of(given, family)
}

/// Reads `product:quantity,product:quantity`. One more than an order can hold is read, so that the cart refuses it.
fn lines(text: &str) -> Result<Vec<RawLine>, ParseError> {
    let line = |line: &str| {
        let (product, quantity) = line.trim().split_once(':')?;
        Some(RawLine { product: product.to_owned(), quantity: quantity.parse().ok()? })
    };
    let read: Option<Vec<RawLine>> = text.split(',').take(MAX_UNITS as usize + 1).map(line).collect();
    read.ok_or_else(|| ParseError::new("lines-invalid", "Write product:quantity, with commas between several."))
}

fn refund<'a>(raw: &RawCharge) -> Result<Reading<'a>, Refusal> {
    let Some(order) = raw.metadata.as_ref().and_then(|metadata| metadata.order_id.as_ref()) else {
        // It may be for something else that the account sells. If it is not, a licence stays in use whose money was given
        // back.
        return Ok(Reading::Review(Review::REFUND_WITHOUT_ORDER));
    };
    let mut faults = Faults::default();
    let order = faults.check("data.object.metadata.order_id", order.parse());
    faults.finish(order).map(|order| match raw.refunded {
        Some(true) => Reading::Event(OrderEvent { order, news: News::Refunded }),
        Some(false) | None => Reading::Review(Review::PARTLY_REFUNDED.of(order)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shp_7_the_last_word_of_a_name_is_the_family_name() {
        // SHP-7
        for (full, expected) in [
            ("Ada Lovelace", Ok(("Ada", "Lovelace"))),
            ("  Ada   King\tLovelace ", Ok(("Ada   King", "Lovelace"))),
            (" Sukarno ", Ok(("Sukarno", "Sukarno"))),
            ("", Err("text-missing")),
            (" \t", Err("text-missing")),
            ("Ada\u{202E} Lovelace", Err("text-control-character")),
        ] {
            let read = person(full);
            let read = read.as_ref().map(|name| (name.given.as_str(), name.family.as_str()));
            assert_eq!(read.map_err(|fault| fault.code), expected, "{full:?}");
        }
    }

    #[test]
    fn shp_7_lines_in_metadata_are_product_and_quantity() {
        // SHP-7
        let line = |product: &str, quantity| RawLine { product: product.to_owned(), quantity };
        assert_eq!(lines("a:1").ok(), Some(vec![line("a", 1)]));
        assert_eq!(lines("a:1, b:20").ok(), Some(vec![line("a", 1), line("b", 20)]));
        assert_eq!(lines(&vec!["a:1"; 10_000].join(",")).map(|lines| lines.len()).ok(), Some(21));
        for wrong in ["", ",", "a", "a:", ":", "a:x", "a:-1", "a:1.5", "a:1,", "a:1;b:1", "a:1:1", "a:4294967296"] {
            assert_eq!(lines(wrong).map_err(|fault| fault.code), Err("lines-invalid"), "{wrong}");
        }
    }
}
