//! What the account of a customer knows of an order (LCH-1).

use super::{Order, Source, Stage, shipments::is_hardware};
use crate::{
    account::{Awaited, Purchase},
    config::Gateway,
    effect::Effect,
};

impl Order {
    /// What its customer, who was signed in, cannot use yet of it; `None` for guests and webstores.
    pub fn purchase(&self, gateway: &Gateway) -> Option<Purchase> {
        let (Source::Storefront { account: Some(_) }, Some(bought)) = (&self.source, &self.bought) else {
            return None;
        };
        let unpaid = matches!(self.stage, Stage::Unpaid { .. });
        let unpaid = bought.lines.iter().filter(|_| unpaid).map(|line| (line.product.clone(), Awaited::Payment));
        let mut awaited: Vec<_> = unpaid.collect();
        for unit in self.unactivated() {
            if !awaited.iter().any(|(product, _)| *product == unit.product) {
                let usable = !is_hardware(&unit.product, gateway) || self.has_token_for(unit.licence, &unit.product);
                awaited.push((unit.product.clone(), if usable { Awaited::Activation } else { Awaited::Shipment }));
            }
        }
        Some(Purchase { order: self.id, placed_at: bought.placed_at, payable_until: self.lapses_at(), awaited })
    }

    /// What has its customer's account repeat how it stands.
    pub(super) fn tell_customer(&self) -> Option<Effect> {
        match self.source {
            Source::Storefront { account: Some(account) } => Some(Effect::TellCustomer { account, order: self.id }),
            Source::Storefront { account: None } | Source::Webstore { .. } => None,
        }
    }
}
