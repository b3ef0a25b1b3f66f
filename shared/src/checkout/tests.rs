use super::*;
use crate::{
    batch::{Batch, OrderedBy, Printed},
    promo::{OrderBatch, RawBatch, Sheet},
    testing::*,
    values::{CouponId, SheetId},
};

const ORDER: OrderId = OrderId::from_bytes([1; 16]);

fn cobalt() -> PartnerId {
    read("cobalt")
}

fn line(product: &str, quantity: u32) -> RawLine {
    RawLine { product: product.to_owned(), quantity }
}

fn lines(quantity: u32) -> Vec<RawLine> {
    vec![line("cobalt-mobile-id", quantity)]
}

fn cart(gateway: &Gateway, quantity: u32) -> Cart<'_> {
    Cart::parse(&cobalt(), &lines(quantity), gateway).expect("a cart")
}

/// The configuration with a second product of the same partner.
fn two_products(id: &str, price: &str) -> Gateway {
    let mut gateway = gateway();
    let further = Product { id: read(id), price: read(price), ..product(&gateway, "cobalt-mobile-id").clone() };
    gateway.products.push(further);
    gateway
}

/// A batch of one code, its sheet, and the code as somebody presents it.
fn promo(discount: &str) -> (Batch, Sheet, Presented) {
    let raw = RawBatch {
        name: "Autumn".to_owned(),
        partner: "cobalt".to_owned(),
        products: vec!["cobalt-mobile-id".to_owned()],
        count: "1".to_owned(),
        discount: discount.to_owned(),
        valid_days: "1".to_owned(),
        bills_partner: true,
        ..RawBatch::default()
    };
    let order = OrderBatch::parse(&raw, &gateway(), NOW).expect("valid");
    let (tag, cause) = crate::batch::testing::place();
    let Printed { batch, mut sheets } =
        Batch::print(tag, cause, &order, OrderedBy::Partner, &keys(), NOW, &mut Seeded(1));
    let code = batch.hand_out(&keys()).expect("its own keys").remove(0);
    (batch, sheets.remove(0), Presented::of(&read(&code), None, &keys()))
}

const USED: PromoUse = PromoUse { sheet: SheetId::from_bytes([3; 16]), coupon: CouponId::from_bytes([4; 16]) };

fn customer() -> Customer {
    Customer { name: name("Ada", "Lovelace"), email: read("Ada@birch.example") }
}

fn completed(gateway: &Gateway, quantity: u32, source: Source) -> Fulfilment {
    let cart = cart(gateway, quantity);
    let purchase = Purchase { cart: &cart, customer: customer(), source, total: read("0.00 USD") };
    Order::complete(ORDER, purchase, &keys(), NOW, &mut Seeded(1))
}

fn storefront() -> Source {
    Source::Storefront { promo: Some(USED) }
}

#[test]
fn shp_1_a_cart_holds_1_to_20_units_of_one_partners_products() {
    // SHP-1
    let gateway = two_products("cobalt-key", "5.00 USD");
    let parse = |raw: &[RawLine]| Cart::parse(&cobalt(), raw, &gateway).map(|cart| cart.lines().len());
    assert_eq!(parse(&lines(1)), Ok(1));
    assert_eq!(parse(&lines(20)), Ok(1));
    assert_eq!(parse(&[line("cobalt-mobile-id", 19), line("cobalt-key", 1)]), Ok(2));
    let range = || ("lines".to_owned(), "out-of-range");
    let of_line = |n: usize, code| (format!("lines.{n}.product"), code);
    for (raw, expected) in [
        (vec![], vec![range()]),
        (lines(0), vec![range()]),
        (lines(21), vec![range()]),
        (vec![line("cobalt-mobile-id", 20), line("cobalt-key", 1)], vec![range()]),
        (vec![line("cobalt-mobile-id", 1), line("cobalt-key", 0)], vec![range()]),
        (vec![line("cobalt-mobile-id", u32::MAX), line("cobalt-key", u32::MAX)], vec![range()]),
        (vec![line("anvil-mobile-id", 1), line("?", 1)], vec![of_line(0, "unknown"), of_line(1, "unknown")]),
        (vec![line("cobalt-key", 1), line("cobalt-key", 1)], vec![of_line(1, "repeated")]),
    ] {
        assert_eq!(faults(parse(&raw)), expected, "{raw:?}");
    }
    let flood: Vec<RawLine> = (0..10_000).map(|_| line("?", 1)).collect();
    assert_eq!(faults(parse(&flood)).len(), 21, "twenty lines are read, and the sum is too large");
}

#[test]
fn shp_9_currencies_are_not_mixed() {
    // SHP-9
    let gateway = two_products("cobalt-key", "5.00 EUR");
    let mixed = Cart::parse(&cobalt(), &[line("cobalt-mobile-id", 1), line("cobalt-key", 1)], &gateway);
    assert_eq!(faults(mixed), [("lines".to_owned(), "mixed-currencies")]);
}

#[test]
fn shp_9_a_subtotal_is_exact_or_refused() {
    // SHP-9
    let gateway = two_products("cobalt-key", "5.01 USD");
    let both = [line("cobalt-mobile-id", 2), line("cobalt-key", 3)];
    let cart = Cart::parse(&cobalt(), &both, &gateway).expect("a cart");
    assert_eq!(cart.subtotal(), Ok(read("105.03 USD")));
    let mut dear = gateway.clone();
    let half = Money::new(u64::MAX / 2 + 1, product(&dear, "cobalt-key").price.currency());
    dear.products.iter_mut().for_each(|product| product.price = half);
    let cart = Cart::parse(&cobalt(), &both, &dear).expect("a cart");
    assert_eq!(faulty_fields(cart.subtotal()), ["lines"]);
}

#[test]
fn shp_2_a_code_takes_its_share_off_one_unit() {
    // SHP-2: whatever stands in the cart besides.
    let gateway = two_products("cobalt-key", "5.00 USD");
    for (discount, one, two, beside) in [
        ("free", "0.00", "45.00", "5.00"),
        ("10%", "40.50", "85.50", "45.50"),
        ("100%", "0.00", "45.00", "5.00"),
        ("12.50", "32.50", "77.50", "37.50"),
        ("99.00", "0.00", "45.00", "5.00"),
    ] {
        let (batch, sheet, presented) = promo(discount);
        let code = Promo::met(presented, Some(&batch), Some(&sheet)).expect("it counts");
        let total = |raw: &[RawLine]| {
            let cart = Cart::parse(&cobalt(), raw, &gateway).expect("a cart");
            cart.total_with(&code, ORDER, NOW).map(|total| total.to_string())
        };
        assert_eq!(total(&lines(1)), Ok(format!("{one} USD")), "{discount}");
        assert_eq!(total(&lines(2)), Ok(format!("{two} USD")), "{discount}");
        let mixed = [line("cobalt-key", 1), line("cobalt-mobile-id", 1)];
        assert_eq!(total(&mixed), Ok(format!("{beside} USD")), "{discount}");
        assert_eq!(total(&[line("cobalt-key", 1)]), Err(Refusal::PromoNotUsable), "works for none of them");
    }
}

#[test]
fn shp_2_a_code_pays_for_one_unit_and_the_rest_is_not_covered() {
    // SHP-2, SHP-5
    let gateway = gateway();
    let (batch, sheet, presented) = promo("free");
    let free = Promo::met(presented, Some(&batch), Some(&sheet)).expect("it counts");
    for (quantity, covered) in [(1, true), (2, false)] {
        let cart = cart(&gateway, quantity);
        let quote = Quote::of(&cart, Some(&free), ORDER, NOW).expect("usable");
        assert!(quote.bills_partner, "SHP-4: the partner pays");
        assert_eq!(quote.settled().is_ok(), covered, "{quantity}");
    }
    let without = Quote::of(&cart(&gateway, 1), None, ORDER, NOW).expect("a quote");
    assert_eq!(without.settled(), Err(Refusal::PaymentNotCovered { remaining: "45.00 USD".to_owned() }));
}

#[test]
fn shp_1_every_fault_of_a_checkout_is_said_at_once() {
    // SHP-1
    let gateway = gateway();
    let raw = RawCheckout { form: "x".to_owned(), promo_code: "short".to_owned(), ..RawCheckout::default() };
    assert_eq!(
        faulty_fields(PlaceOrder::parse(&raw, &cobalt(), &gateway, &keys())),
        ["form", "given_name", "family_name", "email", "lines", "promo_code"]
    );
}

#[test]
fn shp_2_a_quote_does_not_ask_who_buys() {
    // SHP-2
    let gateway = gateway();
    let code: PromoCode = read("7K2QD-0123-4567-89ABC");
    let form = FormId::random(&mut Seeded(4));
    let raw = RawCheckout {
        form: form.to_string(),
        lines: lines(1),
        promo_code: code.reveal().to_lowercase(),
        ..RawCheckout::default()
    };
    let asked = AskQuote::parse(&raw, &cobalt(), &gateway, &keys()).expect("enough for a quote");
    assert_eq!(asked.promo, Presented::of(&code, None, &keys()));
    assert_eq!(asked.order, Order::id_of_form(form, &keys()), "the quote counts the order's own hold as free");
    let blank = RawCheckout { promo_code: " ".to_owned(), ..raw };
    assert!(AskQuote::parse(&blank, &cobalt(), &gateway, &keys()).is_err());
}

#[test]
fn shp_6_a_complete_order_issues_one_licence_a_unit_and_mails_once_each() {
    // SHP-5, SHP-6
    let gateway = gateway();
    let complete = completed(&gateway, 3, storefront());
    let order = &complete.order.next;
    let named: Vec<LicenceId> = complete.licences.iter().map(|licence| licence.id).collect();
    assert_eq!((named.len(), &order.licences), (3, &named));
    assert!(complete.licences.iter().all(|licence| licence.order == ORDER));
    let effects = &complete.order.effects;
    assert!(effects.contains(&Effect::RedeemPromo { promo: USED, order: ORDER }));
    let [receipt, licences, placed] = messages(effects)[..] else { panic!("three messages") };
    assert!(matches!(&receipt.body, Body::Receipt { total, .. } if total.is_zero()));
    let Body::Licences { keys: mailed, .. } = &licences.body else { panic!("the licence e-mail") };
    let mailed: Vec<LicenceId> =
        mailed.iter().map(|(_, key)| crate::licence::licence_id(&read(key), &keys())).collect();
    assert_eq!(mailed, named, "the keys that count");
    let token = complete.token.as_ref().expect("a confirmation page");
    assert!(matches!(&placed.body, Body::OrderPlaced { token: Some(mailed), .. } if *mailed == token.reveal()));
    assert_eq!(effects.len(), 4);
}

#[test]
fn shp_1_the_confirmation_opens_with_its_link_only() {
    // SHP-1, INV-5
    let gateway = gateway();
    let complete = completed(&gateway, 1, storefront());
    let order = &complete.order.next;
    assert!(order.present(complete.token.as_ref().expect("a confirmation page")).is_ok());
    let stranger = PlainToken::new(*ORDER.bytes(), &mut Seeded(9));
    assert!(matches!(order.present(&stranger), Err(Refusal::LinkNotValid)));
    let webstore = completed(&gateway, 1, Source::Webstore { order: read("1001") });
    assert!(webstore.token.is_none(), "the webstore has its own page");
    assert!(matches!(webstore.order.next.present(&stranger), Err(Refusal::LinkNotValid)));
    assert_eq!(messages(&webstore.order.effects).len(), webstore.order.effects.len(), "no promo code to redeem");
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
    let order = completed(&gateway, 2, storefront()).order.next;
    let same = Customer { name: name("A.", "L."), email: read("ada@BIRCH.example") };
    assert!(order.repeats(&cart(&gateway, 2), &same), "one mailbox is one customer");
    assert!(!order.repeats(&cart(&gateway, 1), &customer()));
    let other = Customer { email: read("eve@birch.example"), ..customer() };
    assert!(!order.repeats(&cart(&gateway, 2), &other));
}

#[test]
fn shp_7_a_repeated_event_says_the_same_in_any_order_of_lines() {
    // SHP-7
    let gateway = two_products("cobalt-token", "45.00 USD");
    let product = |id: &str| line(id, 1);
    let both = [product("cobalt-mobile-id"), product("cobalt-token")];
    let turned = [product("cobalt-token"), product("cobalt-mobile-id")];
    let event = |lines: &[RawLine], total: &str| PaidOrder {
        order: read("1001"),
        customer: customer(),
        cart: Cart::parse(&cobalt(), lines, &gateway).expect("offered"),
        total: read(total),
    };
    let first = event(&both, "90.00 USD");
    let source = Source::Webstore { order: read("1001") };
    let purchase = Purchase { cart: &first.cart, customer: customer(), source, total: first.total };
    let order = Order::complete(ORDER, purchase, &keys(), NOW, &mut Seeded(1)).order.next;
    assert!(order.agrees_with(&first) && order.agrees_with(&event(&turned, "90.00 USD")));
    assert!(!order.agrees_with(&event(&both, "90.01 USD")), "another sum");
    assert!(!order.agrees_with(&event(&both, "90.00 EUR")), "another currency");
    assert!(!order.agrees_with(&event(&both[..1], "90.00 USD")), "other lines");
}

#[test]
fn shp_7_other_events_of_a_webstore_are_none_of_ours() {
    // SHP-7
    let kind = |kind: &str| RawEventKind { kind: kind.to_owned() }.is_handled();
    assert!(kind("order.paid"));
    for other in ["", "order.created", "ORDER.PAID", "order.paid.later"] {
        assert!(!kind(other), "{other}");
    }
}

#[test]
fn shp_7_a_webstores_event_is_checked_as_a_whole() {
    // SHP-7, SHP-9
    let gateway = gateway();
    let raw = RawOrderEvent {
        kind: "order.paid".to_owned(),
        timestamp: String::new(),
        data: RawPaidOrder {
            order_id: "1001".to_owned(),
            customer: RawCustomer {
                given_name: "Ada".to_owned(),
                family_name: "Lovelace".to_owned(),
                email: "ada@birch.example".to_owned(),
            },
            lines: lines(2),
            total_minor: 9_000,
            currency: "USD".to_owned(),
        },
    };
    let paid = PaidOrder::parse(&raw, &cobalt(), &gateway).expect("in order");
    assert_eq!((paid.total.to_string().as_str(), paid.order.as_str()), ("90.00 USD", "1001"));
    let broken = RawOrderEvent {
        kind: "order.created".to_owned(),
        data: RawPaidOrder {
            order_id: String::new(),
            customer: RawCustomer::default(),
            lines: vec![line("?", 1)],
            total_minor: 0,
            currency: "XXX".to_owned(),
        },
        ..raw
    };
    assert_eq!(
        faulty_fields(PaidOrder::parse(&broken, &cobalt(), &gateway)),
        [
            "type",
            "data.order_id",
            "data.customer.given_name",
            "data.customer.family_name",
            "data.customer.email",
            "data.currency",
            "data.lines.0.product",
        ]
    );
}
