use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{batch::OrderedBy, testing::*, values::Seconds};

const HOLD: u64 = RESERVATION.0;

fn usd(text: &str) -> Money {
    read(&format!("{text} USD"))
}

fn offer(discount: Discount, uses: u32) -> Offer {
    Offer {
        name: read("Autumn"),
        partner: read("cobalt"),
        products: vec![read("cobalt-mobile-id")],
        discount,
        valid_from: after(100),
        valid_until: after(200),
        uses,
        uses_per_customer: None,
        bills_partner: true,
    }
}

fn order(n: u8) -> OrderId {
    OrderId::from_bytes([n; 16])
}

fn email(n: u8) -> Email {
    read(&format!("customer-{n}@birch.example"))
}

/// A batch with one code, and how orders use it.
#[derive(Clone)]
struct Story {
    batch: Batch,
    sheet: Sheet,
    code: String,
}

impl Story {
    fn of(discount: Discount, uses: u32) -> Self {
        Self::with(&RawBatch { uses: uses.to_string(), ..raw() }, |offer| Offer { discount, ..offer })
    }

    fn limited(uses: u32, per_customer: u32) -> Self {
        let raw = RawBatch { uses: uses.to_string(), uses_per_customer: per_customer.to_string(), ..raw() };
        Self::with(&raw, |offer| offer)
    }

    fn with(raw: &RawBatch, change: impl Fn(Offer) -> Offer) -> Self {
        let order = OrderBatch::parse(raw, &gateway(), NOW).expect("valid");
        let (tag, cause) = crate::batch::testing::place();
        let printed = Batch::print(tag, cause, &order, OrderedBy::Partner, &keys(), NOW, &mut Seeded(1));
        let mut batch = printed.batch;
        batch.offer = change(batch.offer);
        let code = batch.hand_out(&keys()).expect("its own keys").remove(0);
        Self { batch, sheet: printed.sheets.into_iter().next().expect("one sheet"), code }
    }

    fn presented(&self, customer: u8) -> Presented {
        Presented::of(&read(&self.code), Some(&email(customer)), &keys())
    }

    fn promo(&self, customer: u8) -> Promo<'_> {
        Promo::met(self.presented(customer), Some(&self.batch), Some(&self.sheet)).expect("it counts")
    }

    fn quoted(&self, by: u8, now: Timestamp) -> Result<Money, Refusal> {
        self.promo(by).quote(&read("cobalt"), &read("cobalt-mobile-id"), usd("45.00"), order(by), now)
    }

    fn coupon(&self) -> &Coupon {
        self.sheet.coupon(self.presented(0).coupon).expect("in the sheet")
    }

    /// Whether the reservation had to be written.
    fn reserve(&mut self, by: u8, customer: u8, ended: &[OrderId], now: Timestamp) -> Result<bool, Refusal> {
        let before = self.clone();
        let wish = before.promo(customer).reservation(order(by), now.plus(RESERVATION), ended);
        let decided = self.sheet.clone().reserve(&wish, now)?;
        Ok(self.take(decided))
    }

    fn redeem(&mut self, by: u8, now: Timestamp) -> bool {
        let decided = self.sheet.clone().redeem(self.coupon().id, order(by), now);
        self.take(decided)
    }

    fn release(&mut self, by: u8) -> bool {
        self.release_what_was_held(by, NOW.plus(Seconds::days(10_000)))
    }

    fn release_what_was_held(&mut self, by: u8, until: Timestamp) -> bool {
        let decided = self.sheet.clone().release(self.coupon().id, order(by), until);
        self.take(decided)
    }

    fn extend(&mut self, by: u8, until: Timestamp) -> bool {
        let decided = self.sheet.clone().extend(self.coupon().id, order(by), until);
        self.take(decided)
    }

    fn take(&mut self, decided: Option<crate::decision::Decision<Sheet>>) -> bool {
        let changed = decided.is_some();
        if let Some(decision) = decided {
            self.sheet = decision.next;
        }
        changed
    }

    fn state(&self, now: Timestamp) -> (&'static str, u64, u64, u64) {
        let Standing { state, tally: Tally { redeemed, reserved, free }, .. } =
            self.coupon().standing(&self.batch.offer, now);
        (state.as_str(), redeemed, reserved, free)
    }
}

fn raw() -> RawBatch {
    RawBatch {
        name: "Autumn".to_owned(),
        partner: "cobalt".to_owned(),
        products: vec!["cobalt-mobile-id".to_owned()],
        count: "1".to_owned(),
        discount: "free".to_owned(),
        valid_days: "730".to_owned(),
        ..RawBatch::default()
    }
}

#[test]
fn shp_2_a_code_has_one_name_however_it_is_typed() {
    // SHP-2
    let names = |text: &str| Presented::of(&read(text), None, &keys());
    assert_eq!(names("7K2QD-0123-4567-89ABC"), names("7k2qdo123456789abc"));
    let other = names("7K2QD-0123-4567-89ABD");
    assert_eq!(names("7K2QD-0123-4567-89ABC").batch, other.batch, "one batch");
    assert_ne!(names("7K2QD-0123-4567-89ABC").coupon, other.coupon);
    assert_ne!(names("7K2QE-0123-4567-89ABC").batch, other.batch);
}

#[test]
fn shp_2_a_quote_shows_what_is_left_to_pay() {
    // SHP-2, SHP-9: never less than nothing; a reduction is rounded down to the cent.
    for (discount, price, left) in [
        (Discount::Free, "45.00", "0.00"),
        (Discount::Percentage(100), "45.00", "0.00"),
        (Discount::Percentage(1), "0.99", "0.99"),
        (Discount::Percentage(33), "45.01", "30.16"),
        (Discount::Amount(usd("12.50")), "45.00", "32.50"),
        (Discount::Amount(usd("45.00")), "45.00", "0.00"),
        (Discount::Amount(usd("99.00")), "45.00", "0.00"),
        (Discount::Amount(read("12.50 EUR")), "45.00", "45.00"),
    ] {
        let story = Story::of(discount, 1);
        let quote = story.promo(1).quote(&read("cobalt"), &read("cobalt-mobile-id"), usd(price), order(1), NOW);
        assert_eq!(quote, Ok(usd(left)), "{discount:?} of {price}");
    }
    let shown = [Discount::Free, Discount::Percentage(25), Discount::Amount(usd("12.50"))].map(|one| one.to_string());
    assert_eq!(shown, ["free", "25%", "12.50 USD"]);
}

#[test]
fn shp_2_every_reason_that_a_code_is_not_usable_has_one_answer() {
    // SHP-2
    let mut story = Story::with(&raw(), |_| offer(Discount::Free, 1));
    let no = Err(Refusal::PromoNotUsable);
    assert!(story.quoted(1, after(100)).is_ok() && story.quoted(1, after(199)).is_ok());
    assert_eq!(story.quoted(1, after(99)), no, "too early");
    assert_eq!(story.quoted(1, after(200)), no, "too late");
    let quoted =
        |partner, product| story.promo(1).quote(&read(partner), &read(product), usd("45.00"), order(1), after(150));
    assert_eq!(quoted("anvil", "cobalt-mobile-id"), no, "elsewhere");
    assert_eq!(quoted("cobalt", "anvil-mobile-id"), no, "another product");
    assert_eq!(story.reserve(1, 1, &[], after(150)), Ok(true));
    assert_eq!(story.quoted(2, after(150)), no, "held by another order");
    assert!(story.quoted(1, after(150)).is_ok(), "its own hold does not stand in the way");
    let presented = story.presented(1);
    let met = |batch, sheet| Promo::met(presented, batch, sheet).map(|promo| promo.used());
    let (batch, sheet) = (Some(&story.batch), Some(&story.sheet));
    assert_eq!(met(batch, sheet), Ok(PromoUse { sheet: story.sheet.id, coupon: presented.coupon }));
    let no = Err(Refusal::PromoNotUsable);
    assert_eq!(met(None, sheet), no, "no batch names it");
    assert_eq!(met(batch, None), no, "nor is there a sheet");
    let stray = Sheet::fresh(SheetId::from_bytes([9; 16]), story.batch.id, &[presented.coupon]);
    assert_eq!(met(batch, Some(&stray)), no, "a sheet that no batch names");
    let foreign = Sheet::fresh(story.sheet.id, BatchId::from_bytes([9; 16]), &[presented.coupon]);
    assert_eq!(met(batch, Some(&foreign)), no, "another batch's sheet");
    let empty = Sheet::fresh(story.sheet.id, story.batch.id, &[]);
    assert_eq!(met(batch, Some(&empty)), no, "a wrong code of the batch");
    assert_eq!(presented.sheet(batch), story.sheet.id);
    assert!(presented.sheet(None) != story.sheet.id, "there is always one to look for");
    let elsewhere = Presented { batch: BatchId::from_bytes([9; 16]), ..presented };
    assert_eq!(Promo::met(elsewhere, batch, sheet).map(drop), Err(Refusal::PromoNotUsable));
}

#[test]
fn shp_3_a_hold_is_only_dropped_once_its_order_was_looked_at() {
    // SHP-2, SHP-3
    let mut held = Story::of(Discount::Free, 1);
    assert_eq!(held.reserve(1, 1, &[], NOW), Ok(true));
    let by_another = |story: &Story, ended: &[OrderId], now| story.clone().reserve(2, 2, ended, now);
    assert_eq!(by_another(&held, &[order(1)], after(HOLD - 1)), Err(Refusal::PromoNotUsable), "it holds");
    assert_eq!(held.coupon().lapsed(after(HOLD - 1)), []);
    assert_eq!(held.coupon().lapsed(after(HOLD)), [order(1)]);
    assert!(held.quoted(2, after(HOLD)).is_ok(), "a quote gives nothing away");
    assert!(matches!(by_another(&held, &[], after(HOLD)), Err(Refusal::Busy { .. })), "nobody looked at the order");
    assert_eq!(by_another(&held, &[order(1)], after(HOLD)), Ok(true), "it has ended");

    // The order still waits for its payment.
    let mut waiting = held.clone();
    assert!(waiting.extend(1, after(HOLD * 2)) && !waiting.extend(1, after(HOLD * 2)), "once");
    assert!(!waiting.extend(2, after(HOLD * 2)), "another order's");
    assert_eq!(by_another(&waiting, &[order(1)], after(HOLD)), Err(Refusal::PromoNotUsable), "it holds again");

    // The order was committed, its redemption was not.
    let mut complete = held.clone();
    assert!(complete.redeem(1, after(HOLD)));
    assert_eq!(by_another(&complete, &[order(1)], after(HOLD)), Err(Refusal::PromoNotUsable));

    // The order was given up.
    assert!(held.release(1) && !held.release(1));
    assert_eq!(by_another(&held, &[], NOW), Ok(true));
}

#[test]
fn shp_3_an_order_keeps_its_hold_and_renews_it_near_the_end() {
    // SHP-3
    let mut held = Story::of(Discount::Free, 1);
    assert_eq!(held.reserve(1, 1, &[], NOW), Ok(true));
    let renewed = |now| {
        let mut story = held.clone();
        story.reserve(1, 1, &[], now).expect("its own").then(|| story.coupon().holds.clone())
    };
    assert_eq!(renewed(after(HOLD - 121)), None, "long enough for a request");
    let until = |at: u64| Some(vec![Hold { order: order(1), until: after(at + HOLD), customer: None }]);
    assert_eq!(renewed(after(HOLD - 120)), until(HOLD - 120));
    assert_eq!(renewed(after(HOLD * 3)), until(HOLD * 3), "lapsed, and nobody else came");
    let wish = held.promo(1).reservation(order(2), NOW, &[]);
    let short = Story::of(Discount::Free, 1).sheet.reserve(&wish, NOW).expect("free").expect("held").next;
    let untils: Vec<Timestamp> =
        short.coupons().iter().flat_map(|coupon| &coupon.holds).map(|hold| hold.until).collect();
    assert_eq!(untils, [after(120)]);
}

#[test]
fn shp_3_a_redemption_stays_and_happens_once() {
    // SHP-3
    let mut story = Story::of(Discount::Free, 1);
    assert_eq!(story.reserve(1, 1, &[], NOW), Ok(true));
    assert!(!story.redeem(2, NOW), "another order's");
    assert!(story.redeem(1, NOW) && !story.redeem(1, NOW), "repeated");
    assert!(!story.release(1) && !story.extend(1, after(9_999)), "no hold any more");
    let later = NOW.plus(Seconds::days(365));
    assert_eq!(story.reserve(2, 2, &[order(1)], later), Err(Refusal::PromoNotUsable));
    assert_eq!(story.reserve(1, 1, &[], NOW), Ok(false), "a request that has not seen that its order is complete");
    assert_eq!((story.quoted(1, NOW), story.quoted(2, NOW)), (Ok(usd("0.00")), Err(Refusal::PromoNotUsable)));
    assert_eq!(story.coupon().lapsed(later), []);
    assert_eq!(story.state(NOW), ("redeemed", 1, 0, 0));
}

#[test]
fn shp_3_redemptions_are_remembered_as_long_as_a_request_may_live() {
    // SHP-3
    let mut story = Story::of(Discount::Free, 100);
    let remembered = |story: &Story| story.coupon().latest.iter().map(|past| past.order).collect::<Vec<_>>();
    for n in 0..20 {
        assert_eq!(story.reserve(n, n, &[], NOW), Ok(true));
        assert!(story.redeem(n, after(u64::from(n))));
    }
    assert_eq!(remembered(&story), (0..20).map(order).collect::<Vec<_>>());
    assert_eq!(story.reserve(20, 20, &[], NOW), Ok(true));
    assert!(story.redeem(20, after(REMEMBERED.0 + 9)));
    assert_eq!(remembered(&story), (10..=20).map(order).collect::<Vec<_>>(), "younger than three minutes");
    assert_eq!(story.reserve(21, 21, &[], NOW), Ok(true));
    assert!(story.redeem(21, after(9_999)));
    assert_eq!(remembered(&story), (17..=21).map(order).collect::<Vec<_>>(), "the last five anyway");
    assert_eq!(story.state(after(9_999)), ("free", 22, 0, 78));
}

#[test]
fn shp_2_a_customer_uses_a_code_so_often_and_no_more() {
    // SHP-2
    let mut story = Story::limited(10, 2);
    assert_eq!(story.reserve(1, 1, &[], NOW), Ok(true));
    assert_eq!(story.reserve(2, 1, &[], NOW), Ok(true));
    assert_eq!(story.reserve(3, 1, &[], NOW), Err(Refusal::PromoNotUsable), "two are held");
    assert_eq!(story.quoted_for(4, 1), Err(Refusal::PromoNotUsable));
    assert_eq!(story.reserve(4, 2, &[], NOW), Ok(true), "somebody else");
    assert!(story.redeem(1, NOW) && story.redeem(2, NOW) && story.redeem(4, NOW));
    assert_eq!(story.reserve(5, 1, &[], after(9_999)), Err(Refusal::PromoNotUsable), "two were redeemed");
    assert_eq!(story.reserve(6, 2, &[], NOW), Ok(true));
    assert!(story.release(6));
    assert_eq!(story.reserve(7, 2, &[], NOW), Ok(true), "what was given back does not count");
    // Whoever sends the form again as somebody else holds the code as that one.
    assert_eq!(story.reserve(7, 3, &[], NOW), Ok(true));
    assert_eq!(story.reserve(7, 1, &[], NOW), Err(Refusal::PromoNotUsable));
    assert_eq!(story.state(NOW), ("free", 3, 1, 6));
    let (one, same) = (
        story.presented(1).customer,
        Presented::of(&read(&story.code), Some(&read("CUSTOMER-1@birch.example")), &keys()),
    );
    assert_eq!(one, same.customer, "one mailbox is one customer");
}

#[test]
fn shp_2_too_many_orders_at_once_wait() {
    // SHP-2: the record stays small, whoever comes.
    let mut story = Story::of(Discount::Free, 10_000);
    let id = |n: u16| OrderId::from_bytes([n.to_be_bytes(); 8].concat().try_into().expect("16 bytes"));
    let reserve = |story: &mut Story, n: u16, ended: &[OrderId], now| {
        let before = story.clone();
        let decided = story.sheet.clone().reserve(&before.promo(1).reservation(id(n), now, ended), now);
        decided.map(|decided| story.take(decided))
    };
    let full = u16::try_from(LIVE_MAX).expect("two thousand");
    for n in 0..full {
        assert_eq!(reserve(&mut story, n, &[], NOW), Ok(true));
    }
    assert!(matches!(reserve(&mut story, full, &[], NOW), Err(Refusal::Busy { .. })));
    let ended = story.coupon().lapsed(after(120));
    assert_eq!(ended.len(), EXAMINED_MAX, "a request looks at so many");
    assert_eq!(reserve(&mut story, full, &ended, after(120)), Ok(true));
    assert_eq!(story.state(NOW), ("free", 0, 1_985, 8_015));
    let redeemed = story.sheet.clone().redeem(story.coupon().id, id(full), after(130));
    assert!(story.take(redeemed), "what is held can always be redeemed");
}

#[test]
fn shp_2_the_partner_sees_why_a_code_does_not_work() {
    // SHP-2
    let mut story = Story::with(&raw(), |_| offer(Discount::Free, 1));
    let states = |story: &Story| [99, 100, 199, 200].map(|at| story.state(after(at)).0);
    assert_eq!(states(&story), ["not-yet-valid", "free", "free", "expired"]);
    assert_eq!(story.reserve(1, 1, &[], after(150)), Ok(true));
    assert_eq!(states(&story), ["not-yet-valid", "reserved", "reserved", "expired"]);
    assert!(story.redeem(1, after(160)));
    assert_eq!(states(&story), ["redeemed"; 4]);
    let standing = story.coupon().standing(&story.batch.offer, NOW);
    assert_eq!(standing.latest, [Redemption { order: order(1), at: after(160) }]);
}

#[test]
fn shp_2_every_fault_of_a_batch_is_said_at_once() {
    // SHP-2
    let gateway = gateway();
    let parse = |raw: &RawBatch| OrderBatch::parse(raw, &gateway, NOW);
    let whole = RawBatch { count: "100".to_owned(), ..raw() };
    let order = parse(&whole).expect("valid");
    assert_eq!((order.count(), order.offer().uses), (100, 1), "one use by default");
    assert_eq!((order.offer().valid_from, order.offer().valid_until), (NOW, NOW.plus(Seconds::days(730))));
    assert_eq!(faulty_fields(parse(&RawBatch::default())), ["name", "partner", "products", "count", "valid_days"]);
    let wrong = |field: &str, raw: RawBatch| assert_eq!(faulty_fields(parse(&raw)), [field], "{raw:?}");
    for name in [String::new(), "x".repeat(81), "a\nb".to_owned()] {
        wrong("name", RawBatch { name, ..whole.clone() });
    }
    let products = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    for ids in [&[] as &[&str], &["anvil-mobile-id"], &["cobalt-mobile-id", "anvil-mobile-id"], &["?"]] {
        wrong("products", RawBatch { products: products(ids), ..whole.clone() });
    }
    let twice = RawBatch { products: products(&["cobalt-phone", "cobalt-mobile-id", "cobalt-phone"]), ..whole.clone() };
    assert_eq!(parse(&twice).expect("valid").offer().products, [read("cobalt-mobile-id"), read("cobalt-phone")]);
    for count in ["0", "10001", "-1", "1.5", ""] {
        wrong("count", RawBatch { count: count.to_owned(), ..whole.clone() });
    }
    wrong("uses", RawBatch { uses: "10001".to_owned(), ..whole.clone() });
    let many = |count: &str, uses: &str| RawBatch { count: count.to_owned(), uses: uses.to_owned(), ..whole.clone() };
    assert!(parse(&many("10000", "100")).is_ok() && parse(&many("100", "10000")).is_ok());
    wrong("uses", many("10000", "101"));
    wrong("uses", many("101", "10000"));
    wrong("uses_per_customer", RawBatch { uses_per_customer: "0".to_owned(), ..whole.clone() });
    let per_customer = |limit: &str| {
        let raw = RawBatch { uses_per_customer: limit.to_owned(), ..many("1", "5") };
        parse(&raw).expect("valid").offer().uses_per_customer
    };
    assert_eq!([per_customer(""), per_customer("4"), per_customer("5")], [None, Some(4), None]);
    wrong("valid_days", RawBatch { valid_days: "731".to_owned(), ..whole.clone() });
    for discount in ["", "0%", "101%", "0.00", "-1", "1.234", "half"] {
        wrong("discount", RawBatch { discount: discount.to_owned(), ..whole.clone() });
    }
    for (text, discount) in [
        (" FREE ", Discount::Free),
        ("1%", Discount::Percentage(1)),
        ("100 %", Discount::Percentage(100)),
        ("12.5", Discount::Amount(usd("12.50"))),
    ] {
        let order = parse(&RawBatch { discount: text.to_owned(), ..whole.clone() }).expect("valid");
        assert_eq!(order.offer().discount, discount, "{text}");
    }
}

#[test]
fn shp_2_codes_begin_to_work_when_their_order_says() {
    // SHP-2
    let gateway = gateway();
    let begins = |from: &str, days: &str| {
        let raw = RawBatch { valid_from: from.to_owned(), valid_days: days.to_owned(), ..raw() };
        OrderBatch::parse(&raw, &gateway, read("2026-11-21T12:00:00Z"))
    };
    let window = |from: &str| begins(from, "1").map(|order| (order.offer().valid_from, order.offer().valid_until));
    let expected = |from: &str, until: &str| Ok((read(from), read(until)));
    assert_eq!(window(" "), expected("2026-11-21T12:00:00Z", "2026-11-22T12:00:00Z"));
    assert_eq!(window("2026-11-21"), expected("2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"));
    assert_eq!(window("2026-12-01T09:00:00+01:00"), expected("2026-12-01T08:00:00Z", "2026-12-02T08:00:00Z"));
    for wrong in ["soon", "2026-02-29", "01.12.2026", "2026-11-20", "2027-11-22"] {
        assert_eq!(faulty_fields(begins(wrong, "1")), ["valid_from"], "{wrong}");
    }
    assert!(begins("2026-11-20", "2").is_ok() && begins("2027-11-21", "1").is_ok());
}

#[test]
fn shp_2_an_amount_has_one_currency() {
    // SHP-2, SHP-9
    let mut gateway = gateway();
    let euros = crate::config::Product {
        id: read("cobalt-key"),
        price: read("5.00 EUR"),
        ..product(&gateway, "cobalt-mobile-id").clone()
    };
    gateway.products.push(euros);
    let products = vec!["cobalt-mobile-id".to_owned(), "cobalt-key".to_owned()];
    let parse = |discount: &str| {
        let raw = RawBatch { products: products.clone(), discount: discount.to_owned(), ..raw() };
        OrderBatch::parse(&raw, &gateway, NOW)
    };
    assert_eq!(faults(parse("12.50")), [("discount".to_owned(), "mixed-currencies")]);
    assert!(parse("50%").is_ok() && parse("free").is_ok());
}

impl Story {
    fn quoted_for(&self, by: u8, customer: u8) -> Result<Money, Refusal> {
        let promo = self.promo(customer);
        promo.quote(&read("cobalt"), &read("cobalt-mobile-id"), usd("45.00"), order(by), NOW)
    }
}

/// One thing that happens to an order, so many seconds after the one before.
#[derive(Debug, Clone, Copy)]
struct Act {
    wait: u64,
    order: u8,
    deed: Deed,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    /// It holds the code, after what stands in its way was looked at, or not.
    Reserve { looks: bool },
    /// It is complete: nobody can take that back, but its redemption is still to come.
    Complete,
    /// Its redemption is carried out, perhaps again.
    Redeem,
    /// It is given up, unless it is complete.
    GiveUp,
    /// It waits for its payment.
    Wait,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let deed = prop_oneof![
        3 => any::<bool>().prop_map(|looks| Deed::Reserve { looks }),
        2 => Just(Deed::Complete),
        2 => Just(Deed::Redeem),
        1 => Just(Deed::GiveUp),
        1 => Just(Deed::Wait),
    ];
    let act = (prop_oneof![4 => Just(0), 2 => 0..200_u64, 1 => 700..1_000_u64], 0..4_u8, deed);
    let act = act.prop_map(|(wait, order, deed)| Act { wait, order, deed });
    proptest::collection::vec(act, 1..80)
}

proptest! {
    #[test]
    fn shp_3_a_code_is_never_redeemed_more_often_than_its_limit(
        uses in 1..5_u32,
        per_customer in 1..5_u32,
        acts in acts(),
    ) {
        // SHP-3: by however many orders, in whatever order they hold it, lapse, are complete, are redeemed and given up. Orders
        // of even numbers are one customer's. For 30 seconds after an order is complete, requests live that have not seen it.
        let mut story = Story::limited(uses, per_customer);
        let mut now = NOW;
        let (mut complete, mut redeemed) = (BTreeMap::<u8, Timestamp>::new(), Vec::<u8>::new());
        for Act { wait, order: by, deed } in acts {
            now = now.plus(Seconds(wait));
            let hold = story.coupon().holds.iter().find(|hold| hold.order == order(by)).copied();
            match deed {
                Deed::Reserve { looks } if complete.get(&by).is_none_or(|at| now < at.plus(Seconds(30))) => {
                    let lapsed = if looks { story.coupon().lapsed(now) } else { Vec::new() };
                    let known = |lapsed: &OrderId| complete.keys().copied().find(|by| order(*by) == *lapsed);
                    let (committed, ended): (Vec<_>, Vec<_>) = lapsed.into_iter().partition(|one| known(one).is_some());
                    redeemed.extend(committed.iter().filter_map(known).filter(|by| story.redeem(*by, now)));
                    let _ = story.reserve(by, by % 2, &ended, now);
                }
                // An order is committed only while it holds its code.
                Deed::Complete if hold.is_some_and(|hold| now < hold.until) => {
                    complete.entry(by).or_insert(now);
                }
                Deed::Redeem if complete.contains_key(&by) => redeemed.extend(story.redeem(by, now).then_some(by)),
                Deed::GiveUp if !complete.contains_key(&by) => drop(story.release(by)),
                Deed::Wait => drop(story.extend(by, now.plus(RESERVATION))),
                _ => {}
            }
            let limited = story.batch.offer.uses_per_customer.unwrap_or(uses) as usize;
            let of_customer = |customer| complete.keys().filter(|by| **by % 2 == customer).count();
            prop_assert!(complete.len() <= uses as usize, "{complete:?}");
            prop_assert!(of_customer(0) <= limited && of_customer(1) <= limited, "{complete:?}");
            let once: BTreeSet<u8> = redeemed.iter().copied().collect();
            prop_assert_eq!(once.len(), redeemed.len(), "an order redeems once");
            prop_assert_eq!(story.coupon().redeemed as usize, redeemed.len());
            prop_assert!(redeemed.len() + story.coupon().holds.len() <= uses as usize, "holds and redemptions together");
            for by in complete.keys().filter(|by| !once.contains(by)) {
                let holds = story.coupon().holds.iter().any(|hold| hold.order == order(*by));
                prop_assert!(holds, "a complete order's hold stays");
            }
        }
    }
}

#[test]
fn shp_3_what_frees_a_code_leaves_a_later_hold_alone() {
    // SHP-2, SHP-3: the order had lapsed, and a payment that came late has held the code for it again.
    let mut story = Story::of(Discount::Free, 1);
    assert!(story.reserve(1, 1, &[], NOW).is_ok_and(|written| written));
    let until = NOW.plus(RESERVATION);
    assert!(story.extend(1, until.plus(Seconds::days(1))));
    assert!(!story.release_what_was_held(1, until) && !story.release_what_was_held(2, until));
    assert!(story.release_what_was_held(1, until.plus(Seconds::days(1))));
    assert!(story.reserve(1, 1, &[], NOW).is_ok_and(|written| written) && story.redeem(1, NOW));
    assert!(!story.release(1), "it is redeemed");
}
