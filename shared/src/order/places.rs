//! The lists on which an order stands: where somebody has to do something about it, or looks for it.

use super::{End, Order, Payment, Source, Stage, shipments::is_hardware};
use crate::{
    account::{Awaited, Purchase},
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

    /// What its customer, who was signed in, cannot use yet of it (LCH-1); `None` for guests and webstores.
    pub fn purchase(&self, gateway: &Gateway) -> Option<Purchase> {
        let (Source::Storefront { account: Some(_) }, Some(bought)) = (&self.source, &self.bought) else {
            return None;
        };
        let unpaid = matches!(self.stage, Stage::Unpaid { .. });
        let unpaid = bought.lines.iter().filter(|_| unpaid).map(|line| (line.product.clone(), Awaited::Payment));
        let mut awaited: Vec<_> = unpaid.collect();
        for unit in self.unactivated() {
            if !awaited.iter().any(|(product, _)| *product == unit.product) {
                let shipped = !is_hardware(&unit.product, gateway) || self.has_free_token(&unit.product);
                awaited.push((unit.product.clone(), if shipped { Awaited::Activation } else { Awaited::Shipment }));
            }
        }
        Some(Purchase { order: self.id, placed_at: bought.placed_at, awaited })
    }

    /// What has its customer's account repeat how it stands.
    pub(super) fn tell_customer(&self) -> Option<Effect> {
        match self.source {
            Source::Storefront { account: Some(account) } => Some(Effect::TellCustomer { account, order: self.id }),
            Source::Storefront { account: None } | Source::Webstore { .. } => None,
        }
    }

    const fn place(&self, on: Shelf, at: Timestamp) -> Place {
        Place { shelf: on, id: *self.id.bytes(), at }
    }
}
