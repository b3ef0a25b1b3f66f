//! Hardware: what is shipped, corrected and activated, in any order.

use std::collections::BTreeSet;

use super::*;
use crate::{
    credential::Credential,
    values::{ProductId, Serial},
};

const TOKEN: &str = "anvil-token";
const OTHER: OrderId = OrderId::from_bytes([2; 16]);

fn serial(n: u8) -> Serial {
    read(&format!("GALT-{n:04}"))
}

/// A complete order of so many tokens of the storefront.
fn paid(gateway: &Gateway, quantity: u32) -> (Order, Issue) {
    let line = RawLine { product: TOKEN.to_owned(), quantity };
    let cart = Cart::parse(&read("anvil"), &[line], gateway).expect("a cart");
    let payment = Payment::Invoice { purchase_order: None };
    let bought = Bought::of(&cart, customer(), read("79.00 USD"), payment, None, NOW);
    let until = Some(NOW.plus(Seconds::days(1)));
    let order = Order::placed(ORDER, &read("anvil"), None, bought, until, &token());
    let issue = issue(&order, 5);
    let paid = order.pay(Some(&issue), false, None, gateway, after(60)).expect("keys").expect("news");
    assert_eq!(shelved(&paid.effects), [Shelf::ToShip]);
    (paid.next, issue)
}

fn parcel(serials: &[u8]) -> Parcel {
    let token = |n: &u8| RawToken { product: TOKEN.to_owned(), serial: format!("galt {n:04}") };
    let tokens = serials.iter().map(token).collect();
    Parcel::parse(&RawParcel { tokens, carrier: "Swift Post".to_owned(), tracking: "SP-1".to_owned() })
        .expect("a parcel")
}

fn claimed(parcel: &Parcel) -> Claims {
    parcel.tokens.iter().map(|token| (token.serial.clone(), Ok(()))).collect()
}

fn dispatch(order: &Order, serials: &[u8], gateway: &Gateway) -> Dispatch {
    let parcel = parcel(serials);
    order.clone().ship(&parcel, &claimed(&parcel), &on_duty(gateway, "registrar"), gateway, after(100))
}

fn shipped(order: &Order, serials: &[u8], gateway: &Gateway) -> Order {
    dispatch(order, serials, gateway).decision.expect("something is new").next
}

fn with(product: &Product, n: u8) -> ActivateLicence {
    ActivateLicence { serial: Some(serial(n)), ..command(product) }
}

fn enter(order: &Order, unit: usize, by: AccountId, n: u8, gateway: &Gateway) -> Result<Decision<Order>, Refusal> {
    let product = product(gateway, TOKEN);
    order.clone().activate(licence_of(order, unit), by, product, &with(product, n), &keys(), after(200))
}

/// What comes of an activation whose outcome is counted.
fn judged(order: &Order, unit: usize, n: u8, gateway: &Gateway) -> Result<(Order, Result<(), Refusal>), Refusal> {
    let product = product(gateway, TOKEN);
    let licence = licence_of(order, unit);
    let counted = order.clone().try_activate(licence, ADA, product, &with(product, n), &keys(), after(200))?;
    let (change, outcome) = counted.split();
    Ok((change.expect("it is judged").next, outcome.reveal_after_commit()))
}

#[test]
fn shp_8_a_paid_order_is_to_be_shipped_and_an_unpaid_one_is_not() {
    // SHP-5, SHP-8
    let gateway = gateway_with_hardware();
    let (order, _) = paid(&gateway, 2);
    assert_eq!(order.to_be_shipped(&gateway), [read::<ProductId>(TOKEN), read(TOKEN)]);
    let software = complete(&gateway, 1).0;
    assert!(software.to_be_shipped(&gateway).is_empty());
    let unpaid = unpaid(&gateway, 1, None).0;
    let dispatch = dispatch(&unpaid, &[1], &gateway);
    assert!(dispatch.decision.is_none());
    assert!(matches!(dispatch.outcomes.as_slice(), [Err(Refusal::WrongStage { .. })]));
    let nothing = super::hardware::dispatch(&software, &[1], &gateway);
    assert_eq!(faults(nothing.whole(&parcel(&[1])).map(drop)), [("tokens.0.serial".to_owned(), "no-unit-left")]);
}

#[test]
fn shp_8_what_is_shipped_is_noted_once_and_the_customer_is_told_without_the_number() {
    // SHP-8
    let gateway = gateway_with_hardware();
    let (order, _) = paid(&gateway, 2);
    let first = dispatch(&order, &[1], &gateway);
    assert_eq!(first.outcomes, [Ok(Taken::Shipped)]);
    let first = first.decision.expect("news");
    let [mail] = messages(&first.effects)[..] else { panic!("one message") };
    let Body::TokenShipped { carrier, tracking, lines, .. } = &mail.body else { panic!("it is on its way") };
    assert_eq!((carrier.as_deref(), tracking.as_deref()), (Some("Swift Post"), Some("SP-1")));
    assert_eq!(lines.as_slice(), [(gateway.product_name(&read(TOKEN)), 1)]);
    assert!(!format!("{mail:?}").contains("0001"), "whoever knows the number is taken to hold the token");
    assert_eq!(first.effects.len(), 1, "one is still to be shipped");
    let again = dispatch(&first.next, &[1], &gateway);
    assert!(again.decision.is_none() && again.outcomes == [Ok(Taken::Unchanged)]);
    let rest = dispatch(&first.next, &[1, 2, 3], &gateway);
    let rest_is = |outcomes: &[Result<Taken, Refusal>]| {
        matches!(outcomes, [Ok(Taken::Unchanged), Ok(Taken::Shipped), Err(Refusal::InvalidInput(_))])
    };
    assert!(rest_is(&rest.outcomes), "a bad one spoils no other: {:?}", rest.outcomes);
    let rest = rest.decision.expect("news");
    assert!(matches!(rest.effects.as_slice(), [_, Effect::Unshelve(place)] if place.shelf == Shelf::ToShip));
    let by: OperatorId = read("registrar");
    assert!(rest.next.shipments.iter().all(|shipment| shipment.by == by && shipment.at == after(100)));
    assert!(rest.next.to_be_shipped(&gateway).is_empty());
}

#[test]
fn shp_8_a_serial_that_was_not_claimed_is_not_named() {
    // SHP-8: a request that meets the order changed meanwhile claims anew.
    let gateway = gateway_with_hardware();
    let (order, _) = paid(&gateway, 2);
    let parcel = parcel(&[1, 2]);
    let taken = Refusal::field("serial", "serial-shipped", "");
    let claims = Claims::from([(serial(2), Err(taken.clone()))]);
    let dispatch = order.clone().ship(&parcel, &claims, &on_duty(&gateway, "registrar"), &gateway, NOW);
    assert!(dispatch.decision.is_none());
    assert!(matches!(dispatch.outcomes.as_slice(), [Err(Refusal::Busy { .. }), Err(other)] if *other == taken));
    assert_eq!(order.to_claim(&parcel, &Claims::new(), &gateway), [&serial(1), &serial(2)]);
    let order = shipped(&order, &[1], &gateway);
    assert_eq!(order.to_claim(&parcel, &Claims::new(), &gateway), [&serial(2)]);
    let many = self::parcel(&[2, 3, 4, 5]);
    assert_eq!(order.to_claim(&many, &Claims::new(), &gateway), [&serial(2)], "not more than units wait");
    let taken = Claims::from([(serial(2), Err(Refusal::SerialNotUsable))]);
    assert_eq!(order.to_claim(&many, &taken, &gateway), [&serial(3)], "another one in its place");
    let ours = Claims::from([(serial(2), Ok(()))]);
    assert!(order.to_claim(&many, &ours, &gateway).is_empty(), "no unit waits for more");
    let correction = Correction::parse("galt0001", "galt0009").expect("two serials");
    assert!(matches!(order.correct(&correction, false), Err(Refusal::Busy { .. })));
}

#[test]
fn shp_8_a_serial_belongs_to_one_order() {
    // SHP-8
    let gateway = gateway_with_hardware();
    let order = shipped(&paid(&gateway, 2).0, &[1], &gateway);
    let id = ShippedSerial::id_of(&serial(1), &keys());
    let record = ShippedSerial::claimed(id, ORDER, after(100)).next;
    let wants = |n: u8, holder: Option<&Order>, at: u64| {
        record.clone().claim(&serial(n), OTHER, ORDER, holder, after(at)).map(|decision| decision.map(|d| d.next.order))
    };
    assert_eq!(faults(wants(1, Some(&order), 10_000)), [("serial".to_owned(), "serial-shipped")]);
    assert_eq!(faults(wants(1, Some(&order), 100)), [("serial".to_owned(), "serial-shipped")], "at any time");
    // The other order does not name it: for two minutes it still could.
    for holder in [None, Some(&paid(&gateway, 1).0)] {
        assert!(matches!(wants(1, holder, 219), Err(Refusal::Busy { .. })), "its request may be alive");
        assert_eq!(wants(1, holder, 220), Ok(Some(OTHER)), "it is dead");
    }
    let read_as_anothers = record.clone().claim(&serial(1), OTHER, OTHER, None, after(10_000));
    assert!(matches!(read_as_anothers, Err(Refusal::Busy { .. })), "it was another's when it was read");
    // It came back from an order that has ended; but not if somebody uses it.
    let ended = |order: &Order| order.clone().end(End::Refunded, &gateway, after(200)).expect("news").next;
    assert_eq!(wants(1, Some(&ended(&order)), 10_000), Ok(Some(OTHER)));
    let used = enter(&order, 0, ADA, 1, &gateway).expect("it is hers").next;
    assert_eq!(faults(wants(1, Some(&ended(&used)), 10_000)), [("serial".to_owned(), "serial-shipped")]);
    let again = |at: u64| record.clone().claim(&serial(1), ORDER, ORDER, None, after(at)).expect("its own");
    assert!(again(100).is_none());
    assert_eq!(
        again(101).map(|decision| decision.next.claimed_at),
        Some(after(101)),
        "claimed anew before every commit"
    );
}

#[test]
fn shp_8_a_mistyped_serial_is_corrected_until_it_is_used() {
    // SHP-8
    let gateway = gateway_with_hardware();
    let order = shipped(&paid(&gateway, 2).0, &[1, 2], &gateway);
    let correct = |order: &Order, wrong: u8, right: u8| {
        let correction = Correction { wrong: serial(wrong), right: serial(right) };
        order.clone().correct(&correction, true).map(|decision| decision.map(|decision| decision.next))
    };
    assert!(matches!(correct(&paid(&gateway, 2).0, 1, 9), Err(Refusal::WrongStage { .. })), "nothing was shipped");
    let corrected = correct(&order, 1, 9).expect("nobody uses it").expect("news");
    assert!(corrected.token(&serial(1)).is_none() && corrected.token(&serial(9)).is_some());
    assert_eq!(correct(&corrected, 1, 9), Ok(None), "a repetition");
    assert_eq!(correct(&corrected, 2, 2), Ok(None));
    assert_eq!(faults(correct(&corrected, 7, 8)), [("wrong".to_owned(), "unknown")]);
    assert_eq!(faults(correct(&corrected, 2, 9)), [("right".to_owned(), "serial-shipped")]);
    assert_eq!(enter(&corrected, 0, ADA, 1, &gateway).err(), Some(Refusal::SerialNotUsable));
    let used = enter(&corrected, 0, ADA, 9, &gateway).expect("it is hers").next;
    assert!(
        matches!(correct(&used, 9, 3), Err(Refusal::WrongStage { .. })),
        "it is right, since it was read off the token"
    );
    let ended = order.end(End::Refunded, &gateway, after(300)).expect("news").next;
    assert!(matches!(correct(&ended, 1, 3), Err(Refusal::WrongStage { .. })));
    assert_eq!(faults(Correction::parse("", "1/2")).len(), 2);
}

#[test]
fn shp_8_a_licence_waits_for_its_token_and_takes_no_other() {
    // SHP-8, CRD-1
    let gateway = gateway_with_hardware();
    let (order, _) = paid(&gateway, 2);
    assert_eq!(enter(&order, 0, ADA, 1, &gateway).err(), Some(Refusal::ShipmentPending));
    assert_eq!(order.ready_for(licence_of(&order, 0), ADA, &gateway).err(), Some(Refusal::ShipmentPending));
    let order = shipped(&order, &[1], &gateway);
    assert!(order.ready_for(licence_of(&order, 1), EVE, &gateway).is_ok(), "any licence of the order");
    for wrong in [2, 77] {
        assert_eq!(enter(&order, 0, ADA, wrong, &gateway).err(), Some(Refusal::SerialNotUsable));
    }
    let product = product(&gateway, TOKEN);
    let blank = order.clone().activate(licence_of(&order, 0), ADA, product, &command(product), &keys(), NOW);
    assert_eq!(faults(blank.map(drop)), [("serial".to_owned(), "serial-missing")]);
    let hers = enter(&order, 1, ADA, 1, &gateway).expect("shipped and free");
    let [Effect::GrantCredential { grant, .. }] = hers.effects.as_slice() else { panic!("one grant") };
    assert_eq!(grant.serial, Some(serial(1)), "the credential remembers its token");
    assert!(!Credential::granted((**grant).clone()).registered());
    let hers = hers.next;
    assert_eq!(enter(&hers, 0, EVE, 1, &gateway).err(), Some(Refusal::ShipmentPending), "hers is the only one so far");
    let both = shipped(&hers, &[2], &gateway);
    assert_eq!(enter(&both, 0, EVE, 1, &gateway).err(), Some(Refusal::SerialNotUsable), "used, as if it were unknown");
    assert!(enter(&both, 1, ADA, 1, &gateway).is_ok_and(|again| again.next == both), "her own repetition");
    assert_eq!(enter(&both, 1, ADA, 2, &gateway).err(), Some(Refusal::SerialNotUsable), "one token for a licence");
}

#[test]
fn shp_8_the_customers_account_is_told_of_the_token_on_its_way() {
    // SHP-8, LCH-1
    let gateway = gateway_with_hardware();
    let order = of_ada(paid(&gateway, 2).0);
    assert_eq!(awaited(&order, &gateway), [Awaited::Shipment]);
    let sent = dispatch(&order, &[1], &gateway).decision.expect("one token");
    assert!(tells_ada(&sent.effects));
    assert_eq!(awaited(&sent.next, &gateway), [Awaited::Activation]);
    let used = enter(&sent.next, 0, EVE, 1, &gateway).expect("shipped and free");
    assert!(tells_ada(&used.effects));
    assert_eq!(awaited(&used.next, &gateway), [Awaited::Shipment], "the other one");
    assert_eq!(awaited(&shipped(&used.next, &[2], &gateway), &gateway), [Awaited::Activation]);
}

#[test]
fn shp_8_wrong_serials_are_counted_before_they_are_told() {
    // SHP-8, AUD-1
    let gateway = gateway_with_hardware();
    let mut order = shipped(&paid(&gateway, 2).0, &[1, 2], &gateway);
    for _ in 0..MAX_WRONG_SERIALS {
        let (counted, outcome) = judged(&order, 0, 99, &gateway).expect("judged");
        assert_eq!(outcome, Err(Refusal::SerialNotUsable));
        order = counted;
    }
    assert_eq!(judged(&order, 0, 99, &gateway).err(), Some(Refusal::SerialNotUsable), "it is not judged any more");
    assert_eq!(judged(&order, 0, 1, &gateway).err(), Some(Refusal::SerialNotUsable), "nor is the right one");
    assert!(judged(&order, 1, 1, &gateway).is_ok_and(|(_, outcome)| outcome.is_ok()), "the other licence goes on");
    let issue = Issue::of(order.id, order.unactivated().map(|unit| &unit.product), &keys(), &mut Seeded(9));
    let again = order.reissue(&issue, &gateway, after(9_000)).expect("unused keys").expect("in time");
    let [mail] = messages(&again.effects)[..] else { panic!("one message") };
    let Body::LicencesOfHardware { keys, .. } = &mail.body else { panic!("they wait for their tokens") };
    assert!(keys.len() == 2 && keys.iter().all(|key| key.of_token));
    assert!(judged(&again.next, 0, 1, &gateway).is_ok_and(|(_, outcome)| outcome.is_ok()), "new keys begin anew");
}

#[test]
fn shp_8_an_order_that_has_shipped_is_looked_at_when_it_ends() {
    // SHP-7, SHP-8: the token has to come back, or its licence is to be paid for.
    let gateway = gateway_with_hardware();
    let (order, _) = paid(&gateway, 2);
    let before = order.clone().end(End::Refunded, &gateway, after(300)).expect("news");
    assert!(!before.next.is_flagged());
    let off = |effect: &Effect| matches!(effect, Effect::Unshelve(place) if place.shelf == Shelf::ToShip);
    assert!(before.effects.iter().any(off), "nothing of it is to be shipped any more");
    let late = dispatch(&before.next, &[1], &gateway);
    assert!(matches!(late.outcomes.as_slice(), [Err(Refusal::WrongStage { .. })]));
    let order = shipped(&order, &[1], &gateway);
    let ended = order.end(End::Refunded, &gateway, after(300)).expect("news");
    assert!(ended.next.is_flagged() && shelved(&ended.effects) == [Shelf::FlaggedOrders]);
    assert_eq!(enter(&ended.next, 0, ADA, 1, &gateway).err(), Some(Refusal::LicenceNotUsable));
    let reviewed = ended.next.review(&on_duty(&gateway, "registrar"), after(400)).expect("it was flagged");
    assert!(!reviewed.next.is_flagged());
}

#[test]
fn shp_8_a_parcels_faults_are_said_at_once() {
    // SHP-8
    let token = |product: &str, serial: &str| RawToken { product: product.to_owned(), serial: serial.to_owned() };
    let raw = RawParcel {
        tokens: vec![token(TOKEN, "1234"), token("No Slug", "1/2"), token(TOKEN, "12 34"), token(TOKEN, "")],
        carrier: "x".repeat(61),
        tracking: String::new(),
    };
    let found: Vec<String> = faults(Parcel::parse(&raw)).into_iter().map(|(field, _)| field).collect();
    assert_eq!(found, ["carrier", "tokens.1.product", "tokens.1.serial", "tokens.2.serial"]);
    let blank = RawParcel { tokens: vec![token(TOKEN, " ")], ..RawParcel::default() };
    assert_eq!(faults(Parcel::parse(&blank)), [("tokens".to_owned(), "serial-missing")]);
    let many =
        RawParcel { tokens: (0..21).map(|n| token(TOKEN, &format!("12{n:03}"))).collect(), ..RawParcel::default() };
    assert_eq!(faults(Parcel::parse(&many)), [("tokens".to_owned(), "out-of-range")]);
}

#[test]
fn shp_8_an_orders_reference_leads_to_its_id() {
    // SHP-8
    for n in 0..200_u8 {
        let id = Order::id_of_form(FormId::from_bytes([n; 16]), &keys());
        let reference = reference_of(id);
        assert_eq!(id_of_reference(&reference, &keys()), Some(id));
        let typed = format!(" {} ", reference.to_lowercase());
        assert_eq!(id_of_reference(&typed, &keys()), Some(id), "as people write it");
        assert_eq!(id_of_reference(reference.trim_start_matches("O-"), &keys()), Some(id));
    }
    let other = crate::secret::Keys::new(&[8; 32], None).expect("32 bytes are enough");
    let id = Order::id_of_form(FormId::from_bytes([1; 16]), &keys());
    assert_ne!(id_of_reference(&reference_of(id), &other), Some(id), "only this deployment's keys lead there");
    for wrong in ["", "O-", "O-ABCDEFGHI", "O-ABCDEFGHIJK", "O-ABCDE0FGHI", "Ä-ABCDEFGHIJ"] {
        assert_eq!(id_of_reference(wrong, &keys()), None, "{wrong}");
    }
}

/// One thing that happens to an order of three tokens.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Ship(u8),
    Correct(u8, u8),
    Enter { unit: usize, by: AccountId, serial: u8 },
    Refund,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let account = prop_oneof![Just(ADA), Just(EVE)];
    let deed = prop_oneof![
        4 => (0..6_u8).prop_map(Deed::Ship),
        2 => (0..6_u8, 0..6_u8).prop_map(|(wrong, right)| Deed::Correct(wrong, right)),
        4 => (0..3_usize, account, 0..6_u8).prop_map(|(unit, by, serial)| Deed::Enter { unit, by, serial }),
        1 => Just(Deed::Refund),
    ];
    proptest::collection::vec(deed, 0..24)
}

fn next(order: &Order, deed: Deed, gateway: &Gateway) -> Option<Order> {
    match deed {
        Deed::Ship(n) => dispatch(order, &[n], gateway).decision.map(|decision| decision.next),
        Deed::Correct(wrong, right) => {
            let correction = Correction { wrong: serial(wrong), right: serial(right) };
            order.clone().correct(&correction, true).ok().flatten().map(|decision| decision.next)
        }
        Deed::Enter { unit, by, serial } => enter(order, unit, by, serial, gateway).ok().map(|decision| decision.next),
        Deed::Refund => order.clone().end(End::Refunded, gateway, after(300)).map(|decision| decision.next),
    }
}

proptest! {
    #[test]
    fn shp_8_whatever_happens_a_serial_stands_once_and_activates_once(deeds in deeds()) {
        // SHP-8: in whatever order it is shipped, corrected, activated and refunded.
        let gateway = gateway_with_hardware();
        let mut order = paid(&gateway, 3).0;
        for deed in deeds {
            let before = order.clone();
            let Some(after) = next(&order, deed, &gateway) else { continue };
            order = after;
            let serials: BTreeSet<&Serial> = order.tokens().map(|token| &token.serial).collect();
            prop_assert_eq!(serials.len(), order.tokens().count(), "no serial twice");
            prop_assert!(order.tokens().count() <= 3, "not more than were ordered");
            let bound: Vec<LicenceId> = order.tokens().filter_map(|token| token.activates).collect();
            prop_assert_eq!(bound.iter().collect::<BTreeSet<_>>().len(), bound.len(), "one token for a licence");
            let held = order.units().iter().filter(|unit| unit.holder.is_some());
            prop_assert_eq!(held.clone().count(), bound.len(), "no licence without a token");
            prop_assert!(held.clone().all(|unit| bound.contains(&unit.licence)));
            for token in before.tokens().filter(|token| token.activates.is_some()) {
                prop_assert_eq!(order.token(&token.serial), Some(token), "what is bound stays");
            }
            if before.state() == "refunded" {
                prop_assert_eq!(order.tokens().count(), before.tokens().count());
                prop_assert_eq!(order.units(), before.units(), "nothing is activated after the end");
            }
            prop_assert_eq!(order.is_flagged(), order.state() == "refunded" && order.is_shipped());
        }
    }
}
