//! Payment by card on the payment provider's page (SHP-5).

use super::{Bought, Order, Payment, Stage};
use crate::{
    config::Gateway,
    refusal::Refusal,
    values::{Email, Money, OrderId, Seconds, Timestamp},
};

/// How long the provider's page stays open, at least (Stripe's least lifetime of a Checkout Session). An order waits so much
/// longer than its customer has to go there.
pub(super) const PAGE_LIFETIME: Seconds = Seconds::minutes(30);

/// How long an order waits whose customer has so many minutes to go to the provider's page.
pub(super) fn waits(minutes: u16) -> Seconds {
    Seconds(Seconds::minutes(u64::from(minutes)).0.saturating_add(PAGE_LIFETIME.0))
}

/// What the payment provider is asked to take. It says the same whenever it is asked for, so that the provider recognises a
/// repetition and opens one page for one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The order.
    pub order: OrderId,
    /// The number under which people speak of it.
    pub reference: String,
    /// What is bought, in one line.
    pub description: String,
    /// How much is to be paid.
    pub total: Money,
    /// Whom the provider may write to.
    pub email: Email,
    /// When the order lapses: the provider's page closes then.
    pub closes_at: Timestamp,
}

impl Order {
    /// What is to be paid by card.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when it is not to be paid by card, or not any more.
    pub fn bill(&self, gateway: &Gateway, now: Timestamp) -> Result<Bill, Refusal> {
        let wrong = |hint| Refusal::WrongStage { hint };
        let bought = self.by_card().ok_or(wrong("This order is not paid by card. Its page says how it is paid."))?;
        let closes_at = match &self.stage {
            Stage::Unpaid { lapses_at: Some(lapses_at) } if now < *lapses_at => *lapses_at,
            Stage::Unpaid { .. } => return Err(wrong("The time to pay for this order is over. Place a new order.")),
            Stage::Complete { .. } => return Err(wrong("This order is paid. Nothing is left to do here.")),
            Stage::Ended { .. } => return Err(wrong("This order has ended. Place a new order.")),
        };
        let lines: Vec<String> =
            bought.named_lines(gateway).into_iter().map(|(name, quantity)| format!("{quantity} × {name}")).collect();
        Ok(Bill {
            order: self.id,
            reference: self.reference(),
            description: lines.join(", "),
            total: bought.total,
            email: bought.customer.email.clone(),
            closes_at,
        })
    }

    /// What was bought, if that is paid by card.
    fn by_card(&self) -> Option<&Bought> {
        self.bought.as_ref().filter(|bought| bought.payment == Payment::Card)
    }

    /// Whether it waits for its payment by card.
    pub fn awaits_card(&self) -> bool {
        self.by_card().is_some() && matches!(self.stage, Stage::Unpaid { .. })
    }

    /// Refuses unless the payment provider was paid what this order costs: only then does its word complete the order.
    ///
    /// # Errors
    /// [`Refusal::OrderContradicted`].
    pub fn require_billed(&self, paid: Money) -> Result<(), Refusal> {
        let is_billed = self.by_card().is_some_and(|bought| bought.total == paid);
        if is_billed { Ok(()) } else { Err(Refusal::OrderContradicted) }
    }

    /// Refuses unless staff may say that it is paid: for an invoice they see the money come in, for a card the payment provider does.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`].
    pub fn require_paid_to_staff(&self) -> Result<(), Refusal> {
        let hint = "It is paid by card. The payment provider says when; have it send its webhook again.";
        if self.by_card().is_some() { Err(Refusal::WrongStage { hint }) } else { Ok(()) }
    }
}
