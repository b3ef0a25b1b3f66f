//! What a partner's webstore tells of one of its orders (SHP-7), in one vocabulary whatever the dialect.
//!
//! Everything is read from the signed body. An order's state is a set of facts (placed, paid, cancelled, refunded) that only
//! grows, so that events may come in any order and any number of times; what a webstore says that is no such fact is left, or
//! shown to a person.

mod shopify;
mod standard;
mod stripe;

use serde::de::DeserializeOwned;

use crate::{
    config::Gateway,
    order::News,
    refusal::Refusal,
    values::{Line, ParseError, PartnerId, PersonName},
    webhook::Dialect,
};

/// A signed body that can be decoded. The core knows no JSON; whoever has the body decodes it, several times: only its type
/// tells what else there is to read.
pub trait Decode {
    /// How it fails, by itself or by a refusal.
    type Error: From<Refusal>;

    /// Decodes the whole body.
    ///
    /// # Errors
    /// When it is none, or does not fit.
    fn decode<T: DeserializeOwned>(&self) -> Result<T, Self::Error>;
}

/// What an event means.
#[derive(Debug, Clone)]
#[must_use]
pub enum Reading<'a> {
    /// Something happened to an order.
    Event(OrderEvent<'a>),
    /// A person has to look at it. Nothing follows by itself.
    Review(Review),
    /// None of our business: a webstore may send every event that it has.
    Left,
}

/// Something that happened to an order.
#[derive(Debug, Clone)]
pub struct OrderEvent<'a> {
    /// The order's id in the webstore.
    pub order: Line<80>,
    /// What happened.
    pub news: News<'a>,
}

/// What a person has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The order's id in the webstore, where the event names it.
    pub order: Option<Line<80>>,
    /// Why: stable, for programs.
    pub code: &'static str,
    /// Why, and what to do, for the person.
    pub hint: &'static str,
}

impl Review {
    const PARTLY_REFUNDED: Self = Self::why(
        "partly-refunded",
        "Part of the money was given back. Ask the webstore which licences that concerns.",
    );
    const REFUND_WITHOUT_ORDER: Self = Self::why(
        "refund-without-order",
        "Money was given back, and the webstore does not say for which order. Ask it; a licence may have to be revoked.",
    );
    const TEST_ORDER: Self = Self::why(
        "test-order",
        "The order was paid in the webstore's test mode. No money moved, so nothing was issued.",
    );
    const UNKNOWN_STATUS: Self = Self::why(
        "unknown-status",
        "How the order is paid is told in a word that is not known. Look the order up in the webstore.",
    );

    pub(crate) const fn why(code: &'static str, hint: &'static str) -> Self {
        Self { order: None, code, hint }
    }

    fn of(self, order: Line<80>) -> Self {
        Self { order: Some(order), ..self }
    }
}

/// Reads a verified event of this partner's webstore.
///
/// # Errors
/// [`Refusal::InvalidInput`] with all faults, each named as the dialect names the field; the body's own when it cannot be
/// decoded.
pub fn read<'a, B: Decode>(
    dialect: Dialect,
    body: &B,
    partner: &PartnerId,
    gateway: &'a Gateway,
) -> Result<Reading<'a>, B::Error> {
    match dialect {
        Dialect::Standard => standard::read(body, partner, gateway),
        Dialect::Stripe => stripe::read(body, partner, gateway),
        Dialect::Shopify => shopify::read(body, partner, gateway),
    }
}

/// A name of which one part may be missing. Some people have one name only, and some shops ask for the last name only; it
/// then stands for both, since whatever was made up would be written to the customer.
fn name_of(given: &str, family: &str) -> Result<PersonName, ParseError> {
    let or = |part: &str, other: &str| if part.trim().is_empty() { other.parse() } else { part.parse() };
    Ok(PersonName { given: or(given, family)?, family: or(family, given)? })
}

/// What is missing reads as nothing, which every parser refuses with the name of its field.
fn text(given: Option<&String>) -> &str {
    given.map_or("", String::as_str)
}

#[cfg(test)]
mod tests;
