//! What a person has ordered, signed in, and cannot use yet (LCH-1, SHP-5, SHP-8).
//!
//! The account repeats what its orders say, so that what is next is told by the account alone: a dashboard reads no order.
//! Each commit of an order after which its customer waits for something else leaves the account to be told. It is told how the
//! order stands by then, not how it stood at the commit: who is told late is told the same.

use serde::{Deserialize, Serialize};

use super::Account;
use crate::{
    audit::Action,
    decision::Decision,
    values::{OrderId, ProductId, Timestamp},
};

/// Orders that an account follows. For one more it gives up the one that it misses least; that one comes back when it changes.
pub const MAX_PURCHASES: usize = 10;

/// What a customer waits for before a product can be used, the first thing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Awaited {
    /// The order has to be paid.
    Payment,
    /// The token has to be shipped.
    Shipment,
    /// The licence key that was sent has to be entered, once its token has arrived.
    Activation,
}

/// An order of which something cannot be used yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The order.
    pub order: OrderId,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Until when it can be paid, while it is not; `None` once it is, and for what can be paid at any time.
    pub payable_until: Option<Timestamp>,
    /// Each product once, with what stands before its next unit; none once there is nothing to wait for.
    pub awaited: Vec<(ProductId, Awaited)>,
}

impl Purchase {
    /// What stands before the next unit of one of these products, if it still can be had.
    fn awaits(&self, wanted: impl Fn(&ProductId) -> bool, now: Timestamp) -> Option<Awaited> {
        let over = self.payable_until.is_some_and(|until| until <= now);
        let wanted = self.awaited.iter().filter(|(product, _)| !over && wanted(product));
        wanted.map(|(_, awaited)| *awaited).max()
    }

    /// Whether all that it brings comes as soon from others, and as surely: one that is to be paid counts for as long at least.
    fn is_redundant(&self, all: &[Self], now: Timestamp) -> bool {
        let others = || all.iter().filter(|other| other.order != self.order);
        let sure = |purchase: &Self, awaited| (awaited, purchase.payable_until.is_none(), purchase.payable_until);
        let is_brought = |(product, awaited): &(ProductId, Awaited)| {
            let from = |other: &Self| Some(sure(other, other.awaits(|one| one == product, now)?));
            others().filter_map(from).any(|other| other >= sure(self, *awaited))
        };
        self.awaits(|_| true, now).is_none() || self.awaited.iter().all(is_brought)
    }
}

impl Account {
    /// The account repeats how an order of its person stands.
    pub fn follow(mut self, purchase: Purchase, now: Timestamp) -> Decision<Self> {
        self.purchases.retain(|known| known.order != purchase.order);
        if !purchase.awaited.is_empty() {
            self.purchases.push(purchase);
        }
        self.purchases.sort_by_key(|known| (known.placed_at, known.order));
        if self.purchases.len() > MAX_PURCHASES {
            let missed_least = self.least_missed(now);
            self.purchases.retain(|known| Some(known.order) != missed_least);
        }
        Decision::quiet(Action::PurchaseProgress, self)
    }

    /// An order that brings nothing which others do not bring as soon; without such a one the one that is furthest from being
    /// used; of several the oldest.
    fn least_missed(&self, now: Timestamp) -> Option<OrderId> {
        let missed = |known: &&Purchase| (!known.is_redundant(&self.purchases, now), known.awaits(|_| true, now));
        self.purchases.iter().min_by_key(missed).map(|known| known.order)
    }

    /// The order that brings one of these products soonest, and what it waits for; of several the last one.
    pub fn soonest(&self, wanted: impl Fn(&ProductId) -> bool, now: Timestamp) -> Option<(OrderId, Awaited)> {
        let each = |purchase: &Purchase| Some((purchase.order, purchase.awaits(&wanted, now)?));
        self.purchases.iter().filter_map(each).max_by_key(|(_, awaited)| *awaited)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::{testing::*, values::Seconds};

    /// An order that can be paid for a hundred seconds.
    fn purchase(order: u8, placed_at: Timestamp, awaited: &[(&str, Awaited)]) -> Purchase {
        let unpaid = awaited.iter().any(|(_, awaited)| *awaited == Awaited::Payment);
        let awaited = awaited.iter().map(|(product, awaited)| (read(product), *awaited)).collect();
        let payable_until = unpaid.then(|| placed_at.plus(Seconds(100)));
        Purchase { order: OrderId::from_bytes([order; 16]), placed_at, payable_until, awaited }
    }

    fn followed(account: Account, purchase: Purchase) -> Account {
        account.follow(purchase, NOW).next
    }

    fn numbers(account: &Account) -> Vec<u8> {
        account.purchases.iter().map(|known| known.order.bytes()[0]).collect()
    }

    #[test]
    fn lch_1_an_account_repeats_its_orders_in_the_order_in_which_they_were_placed_until_they_have_ended() {
        // LCH-1, SHP-5
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
    fn lch_1_an_account_gives_up_the_order_that_it_misses_least() {
        // LCH-1
        let ten = |first: u8, awaited: Awaited| {
            let count = u8::try_from(MAX_PURCHASES).expect("few");
            (first..first + count).map(move |n| purchase(n, after(u64::from(n)), &[("a", awaited)]))
        };
        let full = ten(1, Awaited::Payment).fold(account(), followed);
        let later = followed(full.clone(), purchase(90, after(90), &[("a", Awaited::Payment)]));
        assert_eq!(numbers(&later), [2, 3, 4, 5, 6, 7, 8, 9, 10, 90], "of the same the oldest");
        let paid = purchase(1, after(1), &[("a", Awaited::Activation)]);
        assert_eq!(numbers(&followed(later, paid)), [1, 3, 4, 5, 6, 7, 8, 9, 10, 90], "it comes back");
        let of_another = purchase(0, after(0), &[("b", Awaited::Payment)]);
        let kept = followed(full, of_another);
        assert_eq!(numbers(&kept), [0, 2, 3, 4, 5, 6, 7, 8, 9, 10], "nothing else brings b");
        let waits = followed(account(), purchase(0, after(0), &[("a", Awaited::Activation)]));
        let full = ten(1, Awaited::Payment).fold(waits, followed);
        assert_eq!(
            numbers(&full),
            [0, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            "a key that waits is worth more than what is unpaid"
        );
        let full = ten(20, Awaited::Activation).fold(full, followed);
        assert_eq!(numbers(&full), [20, 21, 22, 23, 24, 25, 26, 27, 28, 29], "a later key is as good");
        let each = ["b", "c", "d", "e", "f", "g", "h", "i", "j"].into_iter().zip(1..);
        let each = each.map(|(product, n)| purchase(n, after(u64::from(n)), &[(product, Awaited::Shipment)]));
        let nine = each.fold(followed(account(), purchase(0, NOW, &[("a", Awaited::Activation)])), followed);
        let unpaid = followed(nine.clone(), purchase(50, after(50), &[("k", Awaited::Payment)]));
        assert_eq!(unpaid, nine, "nothing is redundant, and this one is furthest from being used");
    }

    #[test]
    fn lch_1_an_account_gives_up_what_an_earlier_order_brings_as_soon() {
        // LCH-1
        let mut account = followed(account(), purchase(0, NOW, &[("a", Awaited::Activation)]));
        account = followed(account, purchase(1, after(1), &[("b", Awaited::Payment)]));
        for (product, n) in ["c", "d", "e", "f", "g", "h", "i", "j"].into_iter().zip(2..) {
            account = followed(account, purchase(n, after(u64::from(n)), &[(product, Awaited::Shipment)]));
        }
        let again = followed(account.clone(), purchase(10, after(10), &[("a", Awaited::Payment)]));
        assert_eq!(again, account, "b comes from nothing else");
    }

    #[test]
    fn lch_1_an_account_keeps_what_can_be_paid_for_longer() {
        // LCH-1, SHP-5
        let by_card = |n: u8| purchase(n, after(u64::from(n)), &[("a", Awaited::Payment)]);
        let invoice = Purchase { payable_until: Some(after(9000)), ..by_card(0) };
        let account = (1..=10).map(by_card).fold(followed(account(), invoice.clone()), followed);
        assert_eq!(account.purchases.first(), Some(&invoice));
    }

    fn product_id(n: u8) -> ProductId {
        read(&format!("product-{n}"))
    }

    /// Until when it can be paid, while it is not; and its products, those that are paid and shipped too.
    fn any_purchase() -> impl Strategy<Value = (Option<u64>, BTreeMap<u8, bool>)> {
        (proptest::option::of(0..400_u64), proptest::collection::btree_map(0..5_u8, any::<bool>(), 1..3))
    }

    proptest! {
        #[test]
        fn lch_1_nothing_is_missed_while_something_can_be_given_up(
            orders in proptest::collection::vec(any_purchase(), MAX_PURCHASES + 1),
        ) {
            // LCH-1
            let known = |(n, (seconds, products)): (u8, (Option<u64>, BTreeMap<u8, bool>))| {
                let awaits = |(product, is_shipped)| match (seconds, is_shipped) {
                    (Some(_), _) => (product_id(product), Awaited::Payment),
                    (None, false) => (product_id(product), Awaited::Shipment),
                    (None, true) => (product_id(product), Awaited::Activation),
                };
                let awaited = products.into_iter().map(awaits).collect();
                let (order, placed_at) = (OrderId::from_bytes([n; 16]), after(u64::from(n)));
                Purchase { order, placed_at, payable_until: seconds.map(after), awaited }
            };
            let all: Vec<Purchase> = (0..).zip(orders).map(known).collect();
            let of = |purchases: Vec<Purchase>| Account { purchases, ..account() };
            // What each product waits for, now and whenever an order cannot be paid any more.
            let outlook = |account: &Account| -> Vec<Option<Awaited>> {
                let times = all.iter().filter_map(|known| known.payable_until).chain([NOW]);
                let each = times.flat_map(|at| (0..5).map(move |product| (at, product_id(product))));
                let soonest = |(at, product)| account.soonest(|one| *one == product, at);
                each.map(|each| soonest(each).map(|(_, awaited)| awaited)).collect()
            };
            let whole = outlook(&of(all.clone()));
            let without = |given_up: &Purchase| of(all.iter().filter(|known| *known != given_up).cloned().collect());
            let spare = all.iter().any(|known| outlook(&without(known)) == whole);
            let kept = all.iter().cloned().fold(account(), followed);
            prop_assert_eq!(kept.purchases.len(), MAX_PURCHASES);
            if spare {
                prop_assert_eq!(outlook(&kept), whole);
            }
        }
    }

    #[test]
    fn lch_1_an_unpaid_order_counts_while_it_can_be_paid() {
        // LCH-1, SHP-5
        let account = followed(account(), purchase(1, NOW, &[("a", Awaited::Payment)]));
        assert!(account.soonest(|_| true, after(99)).is_some());
        assert_eq!(account.soonest(|_| true, after(100)), None);
    }

    #[test]
    fn lch_1_what_comes_soonest_is_what_a_person_waits_for() {
        // LCH-1, SHP-8
        let orders = [
            purchase(1, NOW, &[("a", Awaited::Shipment), ("b", Awaited::Activation)]),
            purchase(2, after(1), &[("a", Awaited::Payment), ("c", Awaited::Payment)]),
            purchase(3, after(2), &[("c", Awaited::Payment)]),
        ];
        let account = orders.into_iter().fold(account(), followed);
        let soonest = |wanted: &[&str]| {
            let soonest = account.soonest(|product| wanted.contains(&product.as_str()), NOW);
            soonest.map(|(order, awaited)| (order.bytes()[0], awaited))
        };
        assert_eq!(soonest(&["a", "b", "c"]), Some((1, Awaited::Activation)));
        assert_eq!(soonest(&["a", "c"]), Some((1, Awaited::Shipment)));
        assert_eq!(soonest(&["c"]), Some((3, Awaited::Payment)), "of several the last one");
        assert_eq!(soonest(&["d"]), None);
    }
}
