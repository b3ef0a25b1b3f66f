//! What a payment provider tells of the orders that are paid on its page (SHP-5, SHP-7), in one vocabulary whatever its
//! interface.
//!
//! The provider knows an order by the id that it was given when its page was asked for. Money that came for anything else is
//! none of our business: an account can have several uses.

mod generic;
mod stripe;

use crate::{
    config::PaymentProvider,
    values::{Money, OrderId},
    webstore::{Decode, Review},
};

/// What an event means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Reading {
    /// Something happened to an order's payment.
    Event(OrderId, News),
    /// A person has to look at it. Nothing follows by itself.
    Review(Review),
    /// None of our business, or nothing that changes an order: a card that was declined can be followed by another one.
    Left,
}

/// What happened to an order's payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// This much was paid.
    Paid(Money),
    /// All of it was given back.
    Refunded,
}

/// Reads a verified event of the provider.
///
/// # Errors
/// [`crate::refusal::Refusal::InvalidInput`] with all faults, each named as the interface names the field; the body's own when it cannot be
/// decoded.
pub fn read<B: Decode>(provider: PaymentProvider, body: &B) -> Result<Reading, B::Error> {
    match provider {
        PaymentProvider::Json => generic::read(body),
        PaymentProvider::Stripe => stripe::read(body),
    }
}

impl Review {
    /// Part of an order's money was given back: nobody but a person knows what for.
    fn partly_refunded(order: OrderId) -> Self {
        let hint = "Part of the money was given back on the payment provider's side. Nothing follows from that by itself; \
                    cancel the order if its licences are to be revoked, then dismiss this.";
        Self::why("partly-refunded", hint).about(order)
    }

    /// An order was paid, or refunded, that is not known.
    pub fn unknown_order(order: OrderId) -> Self {
        let hint = "The payment provider speaks of an order that is not known, or is known no more. Look it up on its side; if \
                    the money is still there, give it back. Then dismiss this.";
        Self::why("unknown-order", hint).about(order)
    }

    /// Another sum was paid than the order costs, or it is not to be paid by card.
    pub fn another_sum(order: OrderId) -> Self {
        let hint = "Another sum was paid than the order costs, or the order is not to be paid by card. Compare both on the \
                    payment provider's side, give the money back there, then dismiss this.";
        Self::why("another-sum", hint).about(order)
    }

    fn about(self, order: OrderId) -> Self {
        Self { order: order.to_string().parse().ok(), ..self }
    }
}

/// The order that this text names, if it is one of ours.
fn order(text: Option<&String>) -> Option<OrderId> {
    text?.parse().ok()
}

fn refunded(order: Option<&String>, whole: bool) -> Reading {
    match self::order(order) {
        Some(order) if whole => Reading::Event(order, News::Refunded),
        Some(order) => Reading::Review(Review::partly_refunded(order)),
        None => Reading::Left,
    }
}

#[cfg(test)]
mod tests;
