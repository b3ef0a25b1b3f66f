//! The lists on which an order stands: where somebody has to do something about it, or looks for it.

use super::{End, Order, Payment, Source, Stage};
use crate::{
    audit::Action,
    config::Gateway,
    decision::Decision,
    effect::{Effect, Place, Shelf},
    operator::OnDuty,
    values::Timestamp,
};

impl Order {
    /// An operator has looked at it and done what was to be done. `None` when there is nothing to look at.
    pub fn review(mut self, operator: &OnDuty<'_>, now: Timestamp) -> Option<Decision<Self>> {
        let off = Effect::Unshelve(self.flag()?);
        self.reviewed = Some((operator.id().clone(), now));
        Some(Decision::with(Action::OrderReview, self, vec![off]))
    }

    /// Whether a person has to look at it: a licence is in use although the order has ended, a token is with the customer
    /// that has to come back, or something was paid that is to be given back (SHP-7, SHP-8).
    pub fn is_flagged(&self) -> bool {
        self.flag().is_some()
    }

    pub(super) fn flag(&self) -> Option<Place> {
        match &self.stage {
            Stage::Ended { why, at, paid_at, units } if self.reviewed.is_none() => {
                let in_use = units.iter().any(|unit| unit.holder.is_some());
                let to_be_given_back = self.is_to_be_given_back();
                (in_use || self.is_shipped() || to_be_given_back).then(|| self.place(Shelf::FlaggedOrders, *at))
            }
            Stage::Unpaid { .. } | Stage::Complete { .. } | Stage::Ended { .. } => None,
        }
    }

    /// Whether it was paid, has ended, and nobody has said that the money was given back (SHP-7).
    pub fn is_to_be_given_back(&self) -> bool {
        matches!(&self.stage, Stage::Ended { why, paid_at: Some(_), .. } if *why < End::Refunded)
    }

    /// Its place among the invoices that are to be paid.
    pub(super) fn invoiced(&self) -> Option<Place> {
        let bought = self.bought.as_ref()?;
        let invoiced = matches!(bought.payment, Payment::Invoice { .. });
        invoiced.then(|| self.place(Shelf::UnpaidInvoices, bought.placed_at))
    }

    /// Its place among the orders of which hardware is to be shipped, since it was paid (SHP-8).
    pub(super) fn to_ship(&self, gateway: &Gateway) -> Option<Place> {
        let Stage::Complete { paid_at, .. } = self.stage else {
            return None;
        };
        (!self.to_be_shipped(gateway).is_empty()).then(|| self.place(Shelf::ToShip, paid_at))
    }

    /// Whether a token of it was shipped.
    pub fn is_shipped(&self) -> bool {
        self.tokens().next().is_some()
    }

    /// What puts it into its customer's history.
    pub(super) fn kept_by_account(&self) -> Option<Effect> {
        let (Source::Storefront { account: Some(account) }, Some(bought)) = (&self.source, &self.bought) else {
            return None;
        };
        Some(Effect::Shelve(self.place(Shelf::OrdersOf(*account), bought.placed_at)))
    }

    const fn place(&self, on: Shelf, at: Timestamp) -> Place {
        Place { shelf: on, id: *self.id.bytes(), at }
    }
}
