//! What a person has ordered, signed in, and cannot use yet (LCH-1, SHP-5, SHP-8).
//!
//! The account repeats what its orders say, so that what is next is told by the account alone: a dashboard reads no order.
//! Each commit of an order after which its customer waits for something else leaves the account to be told. It is told how the
//! order stands by then, not how it stood at the commit, so that it does not matter in which order that happens.

use serde::{Deserialize, Serialize};

use super::Account;
use crate::{
    audit::Action,
    decision::Decision,
    values::{OrderId, ProductId, Timestamp},
};

/// Orders that an account follows; the oldest is given up for one more.
pub const MAX_PURCHASES: usize = 10;

/// What a customer waits for before a product can be used, the first thing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Awaited {
    /// The order has to be paid.
    Payment,
    /// The token has to arrive.
    Shipment,
    /// The licence key that was sent has to be entered.
    Activation,
}

/// An order of which something cannot be used yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The order.
    pub order: OrderId,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Each product once, with what stands before its next unit; none once there is nothing to wait for.
    pub awaited: Vec<(ProductId, Awaited)>,
}

impl Account {
    /// The account repeats how an order of its person stands.
    pub fn follow(mut self, purchase: Purchase) -> Decision<Self> {
        self.purchases.retain(|known| known.order != purchase.order);
        if !purchase.awaited.is_empty() {
            self.purchases.push(purchase);
        }
        self.purchases.sort_by_key(|known| (known.placed_at, known.order));
        let given_up = self.purchases.len().saturating_sub(MAX_PURCHASES);
        self.purchases.drain(..given_up);
        Decision::quiet(Action::PurchaseProgress, self)
    }

    /// The order that brings one of these products soonest, and what it waits for; of several the last one.
    pub fn soonest(&self, wanted: impl Fn(&ProductId) -> bool) -> Option<(OrderId, Awaited)> {
        let each = |purchase: &Purchase| {
            let wanted = purchase.awaited.iter().filter(|(product, _)| wanted(product));
            wanted.map(|(_, awaited)| *awaited).max().map(|awaited| (purchase.order, awaited))
        };
        self.purchases.iter().filter_map(each).max_by_key(|(_, awaited)| *awaited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn purchase(order: u8, placed_at: Timestamp, awaited: &[(&str, Awaited)]) -> Purchase {
        let awaited = awaited.iter().map(|(product, awaited)| (read(product), *awaited)).collect();
        Purchase { order: OrderId::from_bytes([order; 16]), placed_at, awaited }
    }

    fn followed(account: Account, purchase: Purchase) -> Account {
        account.follow(purchase).next
    }

    #[test]
    fn an_account_repeats_its_orders_in_the_order_in_which_they_were_placed_until_they_have_ended() {
        let (early, late) =
            (purchase(2, NOW, &[("a", Awaited::Payment)]), purchase(1, after(1), &[("b", Awaited::Payment)]));
        let account = followed(followed(account(), late.clone()), early.clone());
        assert_eq!(account.purchases, [early.clone(), late.clone()]);
        assert_eq!(followed(account.clone(), early), account, "nothing new");
        let paid = purchase(2, NOW, &[("a", Awaited::Activation)]);
        let account = followed(account, paid.clone());
        assert_eq!(account.purchases, [paid, late.clone()]);
        let account = followed(account, purchase(2, NOW, &[]));
        assert_eq!(account.purchases, [late]);
        assert_eq!(followed(account.clone(), purchase(2, NOW, &[])), account, "it is not followed");
    }

    #[test]
    fn an_account_follows_its_latest_orders_only() {
        let numbers = 0..u8::try_from(MAX_PURCHASES).expect("few") + 1;
        let each = numbers.clone().map(|n| purchase(n, after(u64::from(n)), &[("a", Awaited::Payment)]));
        let account = each.clone().fold(account(), followed);
        assert_eq!(account.purchases, each.skip(1).collect::<Vec<_>>());
        let oldest = purchase(0, after(0), &[("a", Awaited::Activation)]);
        assert_eq!(followed(account.clone(), oldest), account, "it was given up");
    }

    #[test]
    fn what_comes_soonest_is_what_a_person_waits_for() {
        let orders = [
            purchase(1, NOW, &[("a", Awaited::Shipment), ("b", Awaited::Activation)]),
            purchase(2, after(1), &[("a", Awaited::Payment), ("c", Awaited::Payment)]),
            purchase(3, after(2), &[("c", Awaited::Payment)]),
        ];
        let account = orders.into_iter().fold(account(), followed);
        let soonest = |wanted: &[&str]| {
            let soonest = account.soonest(|product| wanted.contains(&product.as_str()));
            soonest.map(|(order, awaited)| (order.bytes()[0], awaited))
        };
        assert_eq!(soonest(&["a", "b", "c"]), Some((1, Awaited::Activation)));
        assert_eq!(soonest(&["a", "c"]), Some((1, Awaited::Shipment)));
        assert_eq!(soonest(&["c"]), Some((3, Awaited::Payment)), "of several the last one");
        assert_eq!(soonest(&["d"]), None);
    }
}
