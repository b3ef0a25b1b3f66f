use super::*;
use crate::{
    account::Awaited,
    checkout::RawLine,
    config::Product,
    credential::Grant,
    effect::{Place, Shelf},
    licence::{ActivateLicence, licence_id},
    testing::*,
    values::{CouponId, Email, LicenceId, PersonName, SheetId},
};
use proptest::prelude::*;

mod hardware;

const ORDER: OrderId = OrderId::from_bytes([1; 16]);
const PROMO: PromoUse = PromoUse { sheet: SheetId::from_bytes([3; 16]), coupon: CouponId::from_bytes([4; 16]) };
const ADA: AccountId = AccountId::from_bytes([12; 16]);
const EVE: AccountId = AccountId::from_bytes([66; 16]);

fn cart(gateway: &Gateway, quantity: u32) -> Cart<'_> {
    let line = RawLine { product: "cobalt-mobile-id".to_owned(), quantity };
    Cart::parse(&read("cobalt"), &[line], gateway).expect("a cart")
}

fn customer() -> Customer {
    Customer { name: name("Ada", "Lovelace"), email: read("Ada@birch.example") }
}

fn bought(gateway: &Gateway, quantity: u32, promo: Option<PromoUse>) -> Bought {
    let payment = Payment::Invoice { purchase_order: Some(read("PO-4711")) };
    Bought::of(&cart(gateway, quantity), customer(), read("45.00 USD"), payment, promo, NOW)
}

fn token() -> PlainToken {
    PlainToken::new(*ORDER.bytes(), &mut Seeded(1))
}

/// An order of the storefront that has a day to be paid.
fn unpaid(gateway: &Gateway, quantity: u32, promo: Option<PromoUse>) -> (Order, PlainToken) {
    let until = Some(NOW.plus(Seconds::days(1)));
    let token = token();
    (Order::placed(ORDER, &read("cobalt"), None, bought(gateway, quantity, promo), until, &token), token)
}

fn issue(order: &Order, seed: u64) -> Issue {
    Issue::of(order.id, order.products(), &keys(), &mut Seeded(seed))
}

fn pay(order: Order, gateway: &Gateway, held: bool) -> Decision<Order> {
    let issue = issue(&order, 5);
    order.pay(Some(&issue), held, None, gateway, after(60)).expect("there are keys").expect("news")
}

/// A complete order of so many units with its keys.
fn complete(gateway: &Gateway, quantity: u32) -> (Order, Issue) {
    let order = unpaid(gateway, quantity, None).0;
    let issue = issue(&order, 5);
    let paid = order.pay(Some(&issue), false, None, gateway, after(60)).expect("there are keys").expect("news");
    (paid.next, issue)
}

fn sale(gateway: &Gateway, quantity: u32) -> Sale<'_> {
    Sale { cart: cart(gateway, quantity), customer: customer(), total: read("45.00 USD") }
}

fn unheard() -> Order {
    Order::unheard(&read("cobalt"), &read("1001"), &keys())
}

/// What the order comes to when it hears all of that.
fn heard(gateway: &Gateway, news: &[News<'_>]) -> Order {
    news.iter().enumerate().fold(unheard(), |order, (n, news)| {
        let before = order.clone();
        let issue =
            News::sale(news).map(|sale| Issue::of(order.id, sale.cart.products(), &keys(), &mut Seeded(n as u64)));
        let decided = order.hear(news, issue.as_ref(), gateway, after(n as u64)).expect("no contradiction");
        decided.map_or(before, |decision| decision.next)
    })
}

fn ends(order: &Order) -> (&'static str, bool, bool, usize) {
    let usable = order.units().iter().filter(|unit| order.usable_by(unit.licence, ADA).is_ok()).count();
    let paid = match &order.stage {
        Stage::Unpaid { .. } => false,
        Stage::Complete { .. } => true,
        Stage::Ended { paid_at, .. } => paid_at.is_some(),
    };
    (order.state(), order.bought.is_some(), paid, usable)
}

fn command(product: &Product) -> ActivateLicence {
    ActivateLicence { agreement: product.agreement_digest().to_owned(), agreed: true, serial: None }
}

fn activate(order: &Order, licence: LicenceId, by: AccountId, at: Timestamp) -> Result<(Order, Grant), Refusal> {
    let gateway = gateway();
    let product = product(&gateway, "cobalt-mobile-id");
    let decision = order.clone().activate(licence, by, product, &command(product), &keys(), at)?;
    let [Effect::GrantCredential { account, grant }] = decision.effects.as_slice() else { panic!("one grant") };
    assert_eq!(*account, by);
    Ok((decision.next.clone(), (**grant).clone()))
}

fn licence_of(order: &Order, unit: usize) -> LicenceId {
    order.units().get(unit).expect("so many units").licence
}

#[test]
fn shp_6_a_complete_order_has_one_licence_a_unit_and_mails_once_each() {
    // SHP-5, SHP-6
    let gateway = gateway();
    let (order, token) = unpaid(&gateway, 3, Some(PROMO));
    let issue = issue(&order, 5);
    let paid = order.pay(Some(&issue), false, Some(&token), &gateway, NOW).expect("keys").expect("news");
    let named: Vec<LicenceId> = paid.next.units().iter().map(|unit| unit.licence).collect();
    let written: Vec<LicenceId> = issue.licences.iter().map(|licence| licence.id).collect();
    assert_eq!((named.len(), &named), (3, &written));
    assert!(issue.licences.iter().all(|licence| licence.order == ORDER));
    assert!(paid.effects.contains(&Effect::RedeemPromo { promo: PROMO, order: ORDER }));
    let [receipt, licences, placed] = messages(&paid.effects)[..] else { panic!("three messages") };
    assert!(matches!(&receipt.body, Body::Receipt { total, .. } if total.minor() == 4_500));
    let Body::Licences { keys: mailed, .. } = &licences.body else { panic!("the licence e-mail") };
    let mailed: Vec<LicenceId> = mailed.iter().map(|(_, key)| licence_id(&read(key), &keys())).collect();
    assert_eq!(mailed, named, "the keys that count");
    assert!(matches!(&placed.body, Body::OrderPlaced { token: Some(mailed), .. } if *mailed == token.reveal()));
    assert_eq!(paid.effects.len(), 4);
    assert!(paid.next.units().iter().all(|unit| unit.holder.is_none()));
    let again = paid.next.pay(None, false, None, &gateway, after(1));
    assert!(again.expect("no keys are needed").is_none(), "it is paid once");
}

/// The same, ordered by Ada, who was signed in.
fn of_ada(order: Order) -> Order {
    Order { source: Source::Storefront { account: Some(ADA) }, ..order }
}

fn tells_ada(effects: &[Effect]) -> bool {
    effects.contains(&Effect::TellCustomer { account: ADA, order: ORDER })
}

fn awaited(order: &Order, gateway: &Gateway) -> Vec<Awaited> {
    let purchase = order.purchase(gateway).expect("she was signed in");
    assert_eq!((purchase.order, purchase.placed_at), (ORDER, NOW));
    purchase.awaited.into_iter().map(|(_, awaited)| awaited).collect()
}

#[test]
fn lch_1_the_customers_account_is_told_at_each_step_what_an_order_waits_for() {
    // LCH-1, SHP-5
    let gateway = gateway();
    let (guests, token) = unpaid(&gateway, 2, None);
    assert_eq!(guests.purchase(&gateway), None);
    assert!(!guests.awaited(&token, &gateway).effects.iter().any(|one| matches!(one, Effect::TellCustomer { .. })));
    let order = of_ada(unpaid(&gateway, 2, None).0);
    assert!(tells_ada(&order.clone().awaited(&token, &gateway).effects));
    assert_eq!(awaited(&order, &gateway), [Awaited::Payment]);
    let payable_until = |order: &Order| order.purchase(&gateway).expect("hers").payable_until;
    assert!(payable_until(&order).is_some() && payable_until(&order) == order.lapses_at());
    let issue = issue(&order, 5);
    let at_once =
        order.clone().pay(Some(&issue), false, Some(&token), &gateway, after(1)).expect("keys").expect("news");
    assert!(tells_ada(&at_once.effects), "what costs nothing is complete with its first commit");
    let lapsed = order.clone().end(End::Lapsed, &gateway, after(1)).expect("news");
    assert!(tells_ada(&lapsed.effects) && awaited(&lapsed.next, &gateway).is_empty());
    let late = lapsed.next.pay(Some(&issue), false, None, &gateway, after(2)).expect("keys").expect("news");
    assert!(tells_ada(&late.effects) && payable_until(&late.next).is_none());
    let paid = pay(order, &gateway, false);
    assert!(tells_ada(&paid.effects));
    assert_eq!(awaited(&paid.next, &gateway), [Awaited::Activation], "each product once");
    let product = product(&gateway, "cobalt-mobile-id");
    let activate = |order: &Order, unit, by| {
        order
            .clone()
            .activate(licence_of(order, unit), by, product, &command(product), &keys(), after(70))
            .expect("hers")
    };
    let first = activate(&paid.next, 0, EVE);
    assert!(tells_ada(&first.effects), "whoever it was");
    assert_eq!(awaited(&first.next, &gateway), [Awaited::Activation]);
    assert!(!tells_ada(&activate(&first.next, 0, EVE).effects), "nothing new");
    let both = activate(&first.next, 1, ADA);
    assert!(tells_ada(&both.effects) && awaited(&both.next, &gateway).is_empty());
    let refunded = first.next.end(End::Refunded, &gateway, after(80)).expect("news");
    assert!(tells_ada(&refunded.effects) && awaited(&refunded.next, &gateway).is_empty());
}

#[test]
fn shp_5_an_invoiced_order_gives_nothing_before_it_is_paid() {
    // SHP-5
    let gateway = gateway();
    let (order, token) = unpaid(&gateway, 1, Some(PROMO));
    let awaited = order.awaited(&token, &gateway);
    let until = NOW.plus(Seconds::days(1));
    assert!(awaited.effects.contains(&Effect::HoldPromo { promo: PROMO, order: ORDER, until }));
    let [received] = messages(&awaited.effects)[..] else { panic!("one message") };
    let Body::OrderReceived { token: mailed, invoice, pay_until, .. } = &received.body else { panic!("received") };
    assert_eq!((mailed, *invoice, *pay_until), (&token.reveal(), true, Some(until)));
    assert!(awaited.next.units().is_empty() && awaited.next.state() == "awaiting-payment");
}

fn shelved(effects: &[Effect]) -> Vec<Shelf> {
    let on = |effect: &Effect| match effect {
        Effect::Shelve(place) => Some(place.shelf),
        _ => None,
    };
    effects.iter().filter_map(on).collect()
}

/// Every place that these effects leave taken.
fn places(effects: &[Effect]) -> Vec<Shelf> {
    let mut taken: Vec<&Place> = Vec::new();
    for effect in effects {
        match effect {
            Effect::Shelve(place) => taken.push(place),
            Effect::Unshelve(place) => taken.retain(|known| *known != place),
            _ => {}
        }
    }
    taken.iter().map(|place| place.shelf).collect()
}

#[test]
fn shp_5_an_order_stands_on_the_lists_where_somebody_has_to_do_something() {
    // SHP-5, SHP-7
    let gateway = gateway();
    let until = NOW.plus(Seconds::days(1));
    let bought = bought(&gateway, 1, None);
    let token = token();
    let order = Order::placed(ORDER, &read("cobalt"), Some(ADA), bought, Some(until), &token);
    let awaited = order.awaited(&token, &gateway);
    let history = Shelf::OrdersOf(ADA);
    assert_eq!(shelved(&awaited.effects), [Shelf::UnpaidInvoices, history]);
    let mut effects = awaited.effects;
    let paid = pay(awaited.next.clone(), &gateway, false);
    let cancelled = paid.next.end(End::Cancelled, &gateway, after(99)).expect("news");
    effects.extend(paid.effects);
    assert_eq!(places(&effects), [history], "it is paid");
    effects.extend(cancelled.effects);
    assert_eq!(places(&effects), [history, Shelf::FlaggedOrders], "what was paid is to be given back");
    let refunded = cancelled.next.clone().end(End::Refunded, &gateway, after(199)).expect("news");
    assert_eq!(places(&[effects.as_slice(), &refunded.effects].concat()), [history]);
    let reviewed = cancelled.next.review(&on_duty(&gateway, "registrar"), after(199)).expect("it is flagged");
    assert_eq!(places(&[effects.as_slice(), &reviewed.effects].concat()), [history]);
    assert!(
        !reviewed.next.is_flagged() && reviewed.next.clone().review(&on_duty(&gateway, "registrar"), NOW).is_none()
    );
    let lapsed = awaited.next.lapse(&gateway, until).expect("too late");
    assert!(lapsed.effects.iter().any(|effect| matches!(effect, Effect::Unshelve(_))) && !lapsed.next.is_flagged());
}

#[test]
fn shp_2_an_order_lapses_once_its_time_is_over_and_frees_its_code() {
    // SHP-2
    let gateway = gateway();
    let order = unpaid(&gateway, 1, Some(PROMO)).0;
    let until = NOW.plus(Seconds::days(1));
    assert!(order.clone().lapse(&gateway, after(24 * 3_600 - 1)).is_none());
    let lapsed = order.clone().lapse(&gateway, until).expect("its time is over");
    assert!(lapsed.effects.contains(&Effect::ReleasePromo { promo: PROMO, order: ORDER, held_until: until }));
    assert_eq!(lapsed.next.state(), "lapsed");
    assert!(lapsed.next.lapse(&gateway, until).is_none(), "once");
    let paid = pay(order, &gateway, false).next;
    assert!(paid.lapse(&gateway, until).is_none(), "what is paid lapses no more");
}

#[test]
fn shp_3_a_late_payment_counts_if_nobody_took_the_code() {
    // SHP-3
    let gateway = gateway();
    let lapsed = |promo| {
        let order = unpaid(&gateway, 1, promo).0;
        order.lapse(&gateway, NOW.plus(Seconds::days(2))).expect("too late").next
    };
    assert_eq!(lapsed(Some(PROMO)).promo_to_hold_again(), Some(PROMO));
    assert_eq!(pay(lapsed(Some(PROMO)), &gateway, true).next.state(), "complete");
    assert_eq!(pay(lapsed(None), &gateway, false).next.state(), "complete");
    let vain = pay(lapsed(Some(PROMO)), &gateway, false);
    assert_eq!((vain.next.state(), vain.next.is_flagged()), ("lapsed", true));
    assert_eq!(shelved(&vain.effects), [Shelf::FlaggedOrders]);
    let [told] = messages(&vain.effects)[..] else { panic!("one message") };
    assert!(matches!(&told.body, Body::PaidInVain { .. }) && vain.next.is_paid_in_vain());
    assert!(vain.next.promo_to_hold_again().is_none(), "it is not tried again");
}

#[test]
fn shp_7_a_refund_revokes_what_nobody_activated_and_flags_the_rest() {
    // SHP-7
    let gateway = gateway();
    let (order, _) = complete(&gateway, 2);
    let (first, second) = (licence_of(&order, 0), licence_of(&order, 1));
    let (order, _) = activate(&order, first, ADA, after(100)).expect("hers");
    assert!(!order.is_flagged());
    let refunded = order.end(End::Refunded, &gateway, after(200)).expect("news");
    let [ended] = messages(&refunded.effects)[..] else { panic!("one message") };
    assert!(matches!(&ended.body, Body::OrderEnded { why: End::Refunded, keys_revoked: true, .. }));
    let order = refunded.next;
    assert_eq!(activate(&order, second, EVE, after(300)), Err(Refusal::LicenceNotUsable));
    assert!(order.is_flagged(), "one is in use");
    assert!(activate(&order, first, ADA, after(300)).is_ok(), "her own repetition is answered like the first time");
    let untouched = complete(&gateway, 1).0.end(End::Refunded, &gateway, after(200)).expect("news").next;
    assert!(!untouched.is_flagged());
    let cancelled = complete(&gateway, 1).0.end(End::Cancelled, &gateway, after(200)).expect("news").next;
    assert!(cancelled.is_flagged(), "what was paid is to be given back");
    assert!(!cancelled.end(End::Refunded, &gateway, after(300)).expect("news").next.is_flagged());
}

#[test]
fn shp_7_an_operator_gives_back_only_what_was_paid() {
    // SHP-7
    let gateway = gateway();
    let ended = |order: Order, why| order.ended_by_operator(why, &gateway, NOW).map(|decision| decision.is_some());
    let (unpaid, complete) = (unpaid(&gateway, 1, None).0, complete(&gateway, 1).0);
    assert!(matches!(ended(unpaid.clone(), End::Refunded), Err(Refusal::WrongStage { .. })));
    assert_eq!(ended(unpaid.clone(), End::Cancelled), Ok(true));
    assert_eq!(ended(complete, End::Refunded), Ok(true));
    let cancelled = unpaid.end(End::Cancelled, &gateway, NOW).expect("news").next;
    assert!(matches!(ended(cancelled.clone(), End::Refunded), Err(Refusal::WrongStage { .. })));
    assert_eq!(ended(cancelled.clone(), End::Cancelled), Ok(false), "nothing is new");
    assert_eq!(ended(pay(cancelled, &gateway, false).next, End::Refunded), Ok(true), "it was paid in vain");
}

#[test]
fn shp_6_keys_are_sent_again_by_replacing_them() {
    // SHP-6
    let gateway = gateway();
    let (order, _) = complete(&gateway, 2);
    let (used, lost) = (licence_of(&order, 0), licence_of(&order, 1));
    let (order, _) = activate(&order, used, ADA, after(100)).expect("hers");
    let fresh =
        |order: &Order| Issue::of(order.id, order.unactivated().map(|unit| &unit.product), &keys(), &mut Seeded(9));
    let pause = order.clone().reissue(&fresh(&order), &gateway, after(60 + 299));
    assert!(pause.expect("there are keys").is_none(), "they are on their way");
    let issue = fresh(&order);
    let again = order.clone().reissue(&issue, &gateway, after(60 + 300)).expect("there are keys").expect("in time");
    let [mail] = messages(&again.effects)[..] else { panic!("one message") };
    let Body::Licences { keys: mailed, .. } = &mail.body else { panic!("the licence e-mail") };
    let mailed: Vec<LicenceId> = mailed.iter().map(|(_, key)| licence_id(&read(key), &keys())).collect();
    let now = [licence_of(&again.next, 0), licence_of(&again.next, 1)];
    assert_eq!((mailed.as_slice(), now[0]), (&now[1..], used), "what is in use stays");
    assert_eq!(again.next.usable_by(lost, EVE), Err(Refusal::LicenceNotUsable), "the key before is dead");
    assert!(again.next.usable_by(now[1], EVE).is_ok());
    let (all_used, _) = activate(&again.next, now[1], EVE, after(900)).expect("hers");
    let nothing = all_used.clone().reissue(&fresh(&all_used), &gateway, after(9_000)).err();
    assert!(matches!(nothing, Some(Refusal::WrongStage { .. })));
    let few = Issue::of(order.id, [], &keys(), &mut Seeded(9));
    assert!(matches!(order.reissue(&few, &gateway, after(9_000)), Err(Refusal::Busy { .. })));
}

#[test]
fn crd_1_one_account_activates_a_licence() {
    // CRD-1, SHP-6
    let gateway = gateway();
    let (order, _) = complete(&gateway, 1);
    let licence = licence_of(&order, 0);
    let (hers, grant) = activate(&order, licence, ADA, after(100)).expect("nobody had it");
    assert_eq!(hers.usable_by(licence, EVE), Err(Refusal::LicenceNotUsable), "as for unknown keys");
    assert_eq!(activate(&hers, licence, EVE, after(101)), Err(Refusal::LicenceNotUsable));
    let again = activate(&hers, licence, ADA, after(500)).expect("her own repetition");
    assert_eq!(again, (hers, grant.clone()), "it lengthens nothing");
    let product = product(&gateway, "cobalt-mobile-id");
    assert_eq!((grant.activated_at, grant.expires_at), (after(100), after(100).plus(product.term())));
    assert_eq!((grant.id, grant.licence), (crate::licence::credential_id(licence, &keys()), licence));
    let unnamed = LicenceId::from_bytes([9; 16]);
    assert_eq!(activate(&order, unnamed, ADA, NOW), Err(Refusal::LicenceNotUsable));
    let unpaid = unpaid(&gateway, 1, None).0;
    assert_eq!(activate(&unpaid, licence, ADA, NOW), Err(Refusal::LicenceNotUsable));
}

#[test]
fn crd_1_the_service_agreement_is_accepted_as_it_is_in_force() {
    // CRD-1
    let gateway = gateway();
    let (order, _) = complete(&gateway, 1);
    let licence = licence_of(&order, 0);
    let cobalts = product(&gateway, "cobalt-mobile-id");
    let activate = |product: &Product, command: &ActivateLicence| {
        order.clone().activate(licence, ADA, product, command, &keys(), NOW).map(|decision| decision.next)
    };
    let changed = ActivateLicence { agreement: "00".to_owned(), agreed: true, serial: None };
    assert_eq!(activate(cobalts, &changed), Err(Refusal::TermsChanged));
    let unticked = ActivateLicence { agreed: false, ..command(cobalts) };
    assert_eq!(faults(activate(cobalts, &unticked)), [("agreed".to_owned(), "not-agreed")]);
    let anvils = product(&gateway, "anvil-mobile-id");
    assert_eq!(activate(anvils, &command(anvils)), Err(Refusal::LicenceNotUsable), "it is for another product");
}

#[test]
fn shp_1_the_confirmation_opens_with_its_link_only() {
    // SHP-1, INV-5
    let gateway = gateway();
    let (order, token) = unpaid(&gateway, 1, None);
    assert!(order.present(&token).is_ok());
    let stranger = PlainToken::new(*ORDER.bytes(), &mut Seeded(9));
    assert!(matches!(order.present(&stranger), Err(Refusal::LinkNotValid)));
    assert!(matches!(unheard().present(&stranger), Err(Refusal::LinkNotValid)), "the webstore has its own page");
    assert_eq!(order.reference(), "O-AEAQCAIBAE");
}

#[test]
fn shp_7_one_cause_leads_to_one_order() {
    // SHP-6, SHP-7
    let id = |partner: &str, order: &str| Order::id_of_webstore(&read(partner), &read(order), &keys());
    assert_eq!(id("cobalt", "1001"), id("cobalt", "1001"));
    assert_ne!(id("cobalt", "1001"), id("anvil", "1001"));
    assert_ne!(id("cobalt", "1001"), id("cobalt", "1002"));

    let gateway = gateway();
    let order = unpaid(&gateway, 2, None).0;
    let same = Customer { name: name("A.", "L."), email: read("ada@BIRCH.example") };
    assert!(order.repeats(&cart(&gateway, 2), &same, &Addresses::default()), "one mailbox is one customer");
    assert!(!order.repeats(&cart(&gateway, 1), &customer(), &Addresses::default()));
    let other = Customer { email: read::<Email>("eve@birch.example"), name: customer().name };
    assert!(!order.repeats(&cart(&gateway, 2), &other, &Addresses::default()));
}

#[test]
fn shp_7_news_that_contradicts_is_refused() {
    // SHP-7
    let gateway = gateway();
    let order = heard(&gateway, &[News::Created(sale(&gateway, 1))]);
    let name: PersonName = customer().name;
    for other in [
        Sale { total: read("45.01 USD"), ..sale(&gateway, 1) },
        Sale { total: read("45.00 EUR"), ..sale(&gateway, 1) },
        sale(&gateway, 2),
        Sale { customer: Customer { name, email: read("eve@birch.example") }, ..sale(&gateway, 1) },
    ] {
        let again = Sale { cart: other.cart.clone(), customer: other.customer.clone(), total: other.total };
        for news in [News::Paid(again), News::Created(other)] {
            let heard = order.clone().hear(&news, None, &gateway, NOW).map(|decision| decision.is_some());
            assert_eq!(heard, Err(Refusal::OrderContradicted), "{news:?}");
        }
    }
}

#[test]
fn shp_7_a_webstore_tells_its_customers_itself_but_for_the_keys() {
    // SHP-7
    let gateway = gateway();
    let mails = |order: Order| {
        let ended = order.end(End::Cancelled, &gateway, NOW).expect("news");
        messages(&ended.effects).len()
    };
    assert_eq!(mails(heard(&gateway, &[News::Created(sale(&gateway, 1))])), 0);
    assert_eq!(mails(heard(&gateway, &[News::Paid(sale(&gateway, 1))])), 1);
    assert_eq!(mails(unpaid(&gateway, 1, None).0), 1);
}

fn some_news() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0_u8..4, 0..8)
}

proptest! {
    #[test]
    fn shp_7_the_order_and_number_of_news_does_not_matter(told in some_news(), seed: u64) {
        // SHP-7: whatever comes in whatever order and however often leads to the same.
        let gateway = gateway();
        let of = |kinds: &[u8]| {
            let news: Vec<News<'_>> = kinds.iter().map(|kind| match kind {
                0 => News::Created(sale(&gateway, 2)),
                1 => News::Paid(sale(&gateway, 2)),
                2 => News::Cancelled,
                _ => News::Refunded,
            }).collect();
            heard(&gateway, &news)
        };
        let mut once = told.clone();
        once.sort_unstable();
        once.dedup();
        let mut turned = told.clone();
        let len = turned.len().max(1);
        turned.rotate_left(usize::try_from(seed % len as u64).unwrap_or_default() % len);
        let (as_told, in_turn, reversed) = (of(&told), of(&once), of(&told.iter().rev().copied().collect::<Vec<_>>()));
        prop_assert_eq!(ends(&as_told), ends(&in_turn));
        prop_assert_eq!(ends(&as_told), ends(&reversed));
        prop_assert_eq!(ends(&as_told), ends(&of(&turned)));
        prop_assert_eq!(as_told.is_flagged(), in_turn.is_flagged());
        let usable = if told.contains(&1) && !told.contains(&2) && !told.contains(&3) { 2 } else { 0 };
        prop_assert_eq!(ends(&as_told).3, usable, "paid, and neither cancelled nor refunded");
    }
}

fn by_card(gateway: &Gateway) -> Order {
    let bought = Bought { payment: Payment::Card, ..bought(gateway, 2, None) };
    let until = Some(NOW.plus(Seconds::minutes(90)));
    Order::placed(ORDER, &read("cobalt"), None, bought, until, &token())
}

#[test]
fn shp_5_a_card_is_asked_for_what_the_order_costs_as_long_as_it_waits() {
    // SHP-5
    let gateway = gateway();
    let order = by_card(&gateway);
    let bill = order.bill(&gateway, NOW).expect("it waits");
    assert_eq!((bill.order, bill.total, bill.closes_at), (ORDER, read("45.00 USD"), NOW.plus(Seconds::minutes(90))));
    assert_eq!(bill.description, "2 × Mobile ID MFA for Cobalt (1 year)");
    assert_eq!(bill.email, customer().email);
    assert_eq!(
        order.pay_until(),
        Some(NOW.plus(Seconds::minutes(60))),
        "the provider's page is open for so much longer"
    );
    assert_eq!(order.bill(&gateway, after(5_399)), Ok(bill), "the same, whenever it is asked for");
    let wrong = |order: &Order, at| matches!(order.bill(&gateway, at), Err(Refusal::WrongStage { .. }));
    assert!(wrong(&order, after(5_400)), "nobody has let it lapse yet");
    assert!(wrong(&pay(order.clone(), &gateway, true).next, NOW), "paid");
    assert!(wrong(&order.clone().end(End::Cancelled, &gateway, NOW).expect("news").next, NOW));
    assert!(wrong(&unpaid(&gateway, 2, None).0, NOW), "on an invoice");
    assert!(order.awaits_card() && !unpaid(&gateway, 2, None).0.awaits_card());
    assert!(!pay(order, &gateway, true).next.awaits_card());
}

#[test]
fn shp_5_the_providers_word_counts_for_what_was_billed_and_staffs_for_invoices() {
    // SHP-5, SHP-7
    let gateway = gateway();
    let (card, invoice) = (by_card(&gateway), unpaid(&gateway, 2, None).0);
    assert_eq!(card.require_billed(read("45.00 USD")), Ok(()));
    for (order, paid) in [(&card, "44.99 USD"), (&card, "45.01 USD"), (&card, "45.00 EUR"), (&invoice, "45.00 USD")] {
        assert_eq!(order.require_billed(read(paid)), Err(Refusal::OrderContradicted), "{paid}");
    }
    assert_eq!(unheard().require_billed(read("45.00 USD")), Err(Refusal::OrderContradicted));
    assert_eq!(invoice.require_paid_to_staff(), Ok(()));
    assert!(matches!(card.require_paid_to_staff(), Err(Refusal::WrongStage { .. })));
}

#[test]
fn shp_1_a_customer_cancels_what_is_not_paid() {
    // SHP-1, SHP-2
    let gateway = gateway();
    let (order, _) = unpaid(&gateway, 2, Some(PROMO));
    let cancelled = order.clone().cancelled_by_customer(&gateway, after(5)).expect("it waits").expect("news");
    assert_eq!(cancelled.next.state(), "cancelled");
    assert!(cancelled.effects.iter().any(|effect| matches!(effect, Effect::ReleasePromo { .. })), "the code is free");
    assert!(matches!(cancelled.next.cancelled_by_customer(&gateway, after(6)), Ok(None)), "a repetition");
    let wrong = |order: Order| matches!(order.cancelled_by_customer(&gateway, NOW), Err(Refusal::WrongStage { .. }));
    assert!(wrong(pay(order.clone(), &gateway, true).next), "it is paid");
    assert!(wrong(order.end(End::Lapsed, &gateway, NOW).expect("news").next), "it has lapsed");
}
