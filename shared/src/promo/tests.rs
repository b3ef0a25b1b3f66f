use proptest::prelude::*;

use super::*;
use crate::testing::*;

fn usd(text: &str) -> Money {
    read(&format!("{text} USD"))
}

fn offer(discount: Discount, uses: u32) -> Offer {
    Offer {
        batch: BatchId::from_bytes([2; 16]),
        partner: read("cobalt"),
        products: vec![read("cobalt-mobile-id")],
        discount,
        valid_from: after(100),
        valid_until: after(200),
        uses,
    }
}

fn promo(discount: Discount, uses: u32) -> Promo {
    Promo::fresh(&PromoCode::random(&mut Seeded(1)), offer(discount, uses), &keys())
}

fn order(n: u8) -> OrderId {
    OrderId::from_bytes([n; 16])
}

fn quoted(promo: &Promo, by: OrderId, now: Timestamp) -> Result<Money, Refusal> {
    promo.quote(&read("cobalt"), &read("cobalt-mobile-id"), usd("45.00"), by, now)
}

/// The code after a reservation that had to be written.
fn reserved(promo: &Promo, by: OrderId, now: Timestamp) -> Promo {
    promo.clone().reserve(by, now).expect("free").expect("not held long enough").next
}

const HOLD: u64 = RESERVATION.0;

#[test]
fn shp_2_a_code_is_one_record_however_it_is_typed() {
    // SHP-2
    let id = |text: &str| promo_id(&read(text), &keys());
    assert_eq!(id("0123-4567-89ABC"), id("o123456789abc"));
    assert_ne!(id("0123-4567-89ABC"), id("0123-4567-89ABD"));
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
        let code = promo(discount, 1);
        let quote = code.quote(&read("cobalt"), &read("cobalt-mobile-id"), usd(price), order(1), after(150));
        assert_eq!(quote, Ok(usd(left)), "{discount:?} of {price}");
    }
}

#[test]
fn shp_2_every_reason_that_a_code_is_not_usable_has_one_answer() {
    // SHP-2
    let code = promo(Discount::Free, 1);
    let no = Err(Refusal::PromoNotUsable);
    assert!(quoted(&code, order(1), after(100)).is_ok() && quoted(&code, order(1), after(199)).is_ok());
    assert_eq!(quoted(&code, order(1), after(99)), no, "too early");
    assert_eq!(quoted(&code, order(1), after(200)), no, "too late");
    let price = usd("45.00");
    assert_eq!(code.quote(&read("anvil"), &read("cobalt-mobile-id"), price, order(1), after(150)), no, "elsewhere");
    assert_eq!(
        code.quote(&read("cobalt"), &read("anvil-mobile-id"), price, order(1), after(150)),
        no,
        "another product"
    );
    let held = reserved(&code, order(1), after(150));
    assert_eq!(quoted(&held, order(2), after(150)), no, "held by another order");
    assert!(quoted(&held, order(1), after(150)).is_ok(), "its own hold does not stand in the way");
    assert_eq!(code.in_force(None), Err(Refusal::PromoNotUsable), "no batch vouches for it");
}

#[test]
fn shp_3_a_reservation_holds_for_fifteen_minutes_and_lapses() {
    // SHP-2, SHP-3
    let held = reserved(&promo(Discount::Free, 1), order(1), NOW);
    let by_another = |now| held.clone().reserve(order(2), now).map(|decision| decision.is_some());
    assert_eq!(by_another(after(HOLD - 1)), Err(Refusal::PromoNotUsable));
    assert_eq!(by_another(after(HOLD)), Ok(true), "released when it lapses");
    assert_eq!(held.lapsed(after(HOLD - 1)).count(), 0);
    assert_eq!(held.lapsed(after(HOLD)).collect::<Vec<_>>(), [order(1)]);
}

#[test]
fn shp_3_an_order_keeps_its_hold_and_renews_it_near_the_end() {
    // SHP-3
    let held = reserved(&promo(Discount::Free, 1), order(1), NOW);
    let renewed = |now| held.clone().reserve(order(1), now).expect("its own").map(|decision| decision.next.holds);
    assert_eq!(renewed(after(HOLD - 121)), None, "long enough for a request");
    let until = |at: u64| Some(vec![Use { order: order(1), reserved_until: Some(after(at + HOLD)) }]);
    assert_eq!(renewed(after(HOLD - 120)), until(HOLD - 120));
    assert_eq!(renewed(after(HOLD * 3)), until(HOLD * 3), "lapsed, and nobody else came");
}

#[test]
fn shp_3_a_redemption_stays_and_happens_once() {
    // SHP-3
    let held = reserved(&promo(Discount::Free, 1), order(1), NOW);
    assert!(held.clone().redeem(order(2)).is_none(), "another order's");
    let redeemed = held.clone().redeem(order(1)).expect("reserved").next;
    assert!(redeemed.clone().redeem(order(1)).is_none(), "repeated");
    assert_eq!(
        redeemed.clone().reserve(order(2), NOW.plus(Seconds::days(365))).map(drop),
        Err(Refusal::PromoNotUsable)
    );
    assert!(redeemed.clone().reserve(order(1), NOW).expect("its own").is_none());
    assert_eq!(redeemed.lapsed(NOW.plus(Seconds::days(365))).count(), 0);
}

#[test]
fn shp_3_a_redemption_that_a_crash_postponed_still_counts() {
    // SHP-3: order 1 was committed, its redemption was not. Whoever comes next sees the lapsed hold and settles it.
    let held = reserved(&promo(Discount::Free, 1), order(1), NOW);
    let mut met = held;
    for lapsed in met.lapsed(after(HOLD)).collect::<Vec<_>>() {
        met = met.redeem(lapsed).expect("its order exists").next;
    }
    assert_eq!(met.reserve(order(2), after(HOLD)).map(drop), Err(Refusal::PromoNotUsable));
}

#[test]
fn shp_2_every_fault_of_a_batch_is_said_at_once() {
    // SHP-2
    let gateway = gateway();
    let parse = |raw: &RawBatch| OrderBatch::parse(raw, BatchId::from_bytes([2; 16]), &gateway, NOW);
    let whole = RawBatch {
        partner: "cobalt".to_owned(),
        product: "cobalt-mobile-id".to_owned(),
        count: "100".to_owned(),
        uses: String::new(),
        discount: "free".to_owned(),
        valid_days: "730".to_owned(),
    };
    let order = parse(&whole).expect("valid");
    assert_eq!((order.count, order.offer().uses), (100, 1), "one use by default");
    assert_eq!((order.offer().valid_from, order.offer().valid_until), (NOW, NOW.plus(Seconds::days(730))));
    assert_eq!(faulty_fields(parse(&RawBatch::default())), ["partner", "product", "count", "valid_days"]);
    let wrong = |field: &str, raw: RawBatch| assert_eq!(faulty_fields(parse(&raw)), [field]);
    wrong("product", RawBatch { product: "anvil-mobile-id".to_owned(), ..whole.clone() });
    for count in ["0", "101", "-1", "1.5", ""] {
        wrong("count", RawBatch { count: count.to_owned(), ..whole.clone() });
    }
    wrong("uses", RawBatch { uses: "101".to_owned(), ..whole.clone() });
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

/// One thing that an order does, so many seconds after the one before.
#[derive(Debug, Clone, Copy)]
struct Act {
    wait: u64,
    order: u8,
    redeems: bool,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = (prop_oneof![Just(0), 0..200_u64, 700..1_000_u64], 0..6_u8, any::<bool>());
    let act = act.prop_map(|(wait, order, redeems)| Act { wait, order, redeems });
    proptest::collection::vec(act, 1..60)
}

proptest! {
    #[test]
    fn shp_3_a_code_is_never_used_more_often_than_its_limit(uses in 1..4_u32, acts in acts()) {
        // SHP-3: redemptions and live reservations together, whatever orders do and whenever.
        let (mut promo, mut now) = (promo(Discount::Free, uses), NOW);
        let mut redeemed: Vec<OrderId> = Vec::new();
        for act in acts {
            now = now.plus(Seconds(act.wait));
            let by = order(act.order);
            if act.redeems {
                if let Some(decision) = promo.clone().redeem(by) {
                    promo = decision.next;
                    redeemed.push(by);
                }
            } else {
                let others = promo.holds.iter().filter(|hold| hold.order != by && hold.holds(now)).count();
                let outcome = promo.clone().reserve(by, now);
                prop_assert_eq!(outcome.is_ok(), others < uses as usize, "only live holds of others block");
                if let Ok(Some(decision)) = outcome {
                    promo = decision.next;
                }
            }
            let live: Vec<OrderId> = promo.holds.iter().filter(|hold| hold.holds(now)).map(|hold| hold.order).collect();
            prop_assert!(live.len() <= uses as usize, "{live:?}");
            prop_assert!(promo.holds.len() <= uses as usize, "the record stays small");
            for order in &redeemed {
                prop_assert_eq!(live.iter().filter(|other| *other == order).count(), 1, "a redemption stays, once");
            }
        }
    }
}

#[test]
fn shp_3_what_frees_a_code_leaves_a_later_hold_alone() {
    // SHP-2, SHP-3: the order had lapsed, and a payment that came late has held the code for it again.
    let order = OrderId::from_bytes([1; 16]);
    let until = NOW.plus(RESERVATION);
    let held = promo(Discount::Free, 1).reserve(order, NOW).expect("free").expect("a hold").next;
    assert!(held.clone().release(OrderId::from_bytes([2; 16]), until).is_none(), "another order's");
    assert!(held.clone().release(order, until).is_some_and(|freed| freed.next.holds.is_empty()));
    let kept = held.clone().hold(order, until.plus(Seconds::days(1))).expect("for longer").next;
    assert!(kept.release(order, until).is_none());
    let redeemed = held.redeem(order).expect("held").next;
    assert!(redeemed.clone().release(order, until).is_none() && redeemed.hold(order, until).is_none());
}
