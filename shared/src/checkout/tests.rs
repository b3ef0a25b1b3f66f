use super::*;
use crate::{
    batch::{Batch, OrderedBy, Printed},
    order::{Bought, Payment},
    promo::{OrderBatch, PromoUse, RawBatch, Sheet},
    testing::*,
    values::{Seconds, SheetId},
};

const ORDER: OrderId = OrderId::from_bytes([1; 16]);

fn cobalt() -> PartnerId {
    read("cobalt")
}

fn partner(gateway: &Gateway) -> &crate::config::Partner {
    gateway.partner(&cobalt()).expect("configured")
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
        let chosen = Payment::chosen(quote.total, None, partner(&gateway));
        assert_eq!(chosen.is_ok_and(|(payment, _)| payment == Payment::Nothing), covered, "{quantity}");
    }
    let without = Quote::of(&cart(&gateway, 1), None, ORDER, NOW).expect("a quote");
    let refused = Payment::chosen(without.total, None, partner(&gateway)).err();
    assert_eq!(refused, Some(Refusal::PaymentNotCovered { remaining: "45.00 USD".to_owned() }));
}

#[test]
fn shp_5_what_is_not_covered_is_paid_on_an_invoice_where_the_partner_takes_them() {
    // SHP-5
    let mut cobalt = partner(&gateway()).clone();
    cobalt.invoice_days = Some(30);
    let raw = |pay_by: &str, number: &str| RawCheckout {
        form: FormId::random(&mut Seeded(4)).to_string(),
        customer: RawCustomer {
            given_name: "Ada".to_owned(),
            family_name: "Lovelace".to_owned(),
            email: "ada@birch.example".to_owned(),
        },
        lines: lines(1),
        pay_by: pay_by.to_owned(),
        purchase_order: number.to_owned(),
        ..RawCheckout::default()
    };
    let gateway = gateway();
    let chosen = |pay_by: &str, number: &str| {
        let command = PlaceOrder::parse(&raw(pay_by, number), &self::cobalt(), &gateway, &keys())?;
        Payment::chosen(read("45.00 USD"), command.pay_by.as_ref(), &cobalt)
    };
    let invoice = |purchase_order| Ok((Payment::Invoice { purchase_order }, Some(Seconds::days(30))));
    assert_eq!(chosen("invoice", " PO-4711 "), invoice(Some(read("PO-4711"))));
    assert_eq!(chosen("invoice", ""), invoice(None));
    assert_eq!(faulty_fields(chosen("", "")), ["pay_by"]);
    assert_eq!(faulty_fields(chosen("cheque", "")), ["pay_by"]);
    assert_eq!(faulty_fields(chosen("card", "")), ["pay_by"], "this partner takes no cards");
    assert_eq!(faulty_fields(chosen("invoice", &"9".repeat(41))), ["purchase_order"]);
    assert_eq!(Payment::chosen(read("0.00 USD"), None, &cobalt), Ok((Payment::Nothing, None)));
}

#[test]
fn shp_5_what_is_not_covered_is_paid_by_card_where_the_partner_takes_them() {
    // SHP-5
    let mut cobalt = partner(&gateway()).clone();
    cobalt.card_minutes = Some(60);
    let (total, invoice) = (read("45.00 USD"), PayBy::Invoice { purchase_order: None });
    let chosen = |cobalt: &crate::config::Partner, wish: Option<&PayBy>| Payment::chosen(total, wish, cobalt);
    assert_eq!(chosen(&cobalt, Some(&PayBy::Card)), Ok((Payment::Card, Some(Seconds::minutes(90)))));
    assert_eq!(faulty_fields(chosen(&cobalt, Some(&invoice))), ["pay_by"], "this partner takes no invoices");
    assert_eq!(faulty_fields(chosen(&cobalt, None)), ["pay_by"]);
    cobalt.invoice_days = Some(30);
    assert_eq!(chosen(&cobalt, Some(&PayBy::Card)).map(|(payment, _)| payment), Ok(Payment::Card));
    assert!(matches!(chosen(&cobalt, Some(&invoice)), Ok((Payment::Invoice { .. }, Some(_)))));
    (cobalt.card_minutes, cobalt.invoice_days) = (None, None);
    for wish in [None, Some(&PayBy::Card), Some(&invoice)] {
        assert!(matches!(chosen(&cobalt, wish), Err(Refusal::PaymentNotCovered { .. })), "{wish:?}");
    }
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

fn raw_address(country: &str, region: &str, postal_code: &str) -> RawAddress {
    RawAddress {
        street: "1 Mill Lane".to_owned(),
        city: "Ulm".to_owned(),
        region: region.to_owned(),
        postal_code: postal_code.to_owned(),
        country: country.to_owned(),
        ..RawAddress::default()
    }
}

/// The checkout of one unit of a product of Anvil's.
fn of_anvil(product: &str, pay_by: &str) -> RawCheckout {
    RawCheckout {
        form: FormId::random(&mut Seeded(4)).to_string(),
        customer: RawCustomer {
            given_name: "Ada".to_owned(),
            family_name: "Lovelace".to_owned(),
            email: "ada@birch.example".to_owned(),
        },
        lines: vec![RawLine { product: product.to_owned(), quantity: 1 }],
        pay_by: pay_by.to_owned(),
        ..RawCheckout::default()
    }
}

#[test]
fn shp_1_addresses_are_asked_for_where_they_are_needed() {
    // SHP-1
    let gateway = gateway_with_hardware();
    let parse = |raw: &RawCheckout| PlaceOrder::parse(raw, &read("anvil"), &gateway, &keys());
    let billed = |raw: &RawCheckout| {
        let command = parse(raw)?;
        let invoice = Payment::Invoice { purchase_order: None };
        command.bill_to(&invoice, None)
    };
    let software = of_anvil("anvil-mobile-id", "invoice");
    assert_eq!(faulty_fields(billed(&software)), ["billing.street", "billing.city", "billing.country"]);
    let ulm = raw_address("DE", "", "89073");
    let with_bill = RawCheckout { billing: ulm.clone(), ..software.clone() };
    let to = billed(&with_bill).expect("an address").expect("a bill");
    assert_eq!(to.lines(), ["1 Mill Lane", "89073 Ulm", "Germany"]);
    let shipped = parse(&RawCheckout { shipping: ulm.clone(), ..with_bill.clone() }).expect("nothing is shipped");
    assert_eq!(shipped.addresses.shipping, None);
    let wrong = RawCheckout { billing: raw_address("DE", "", "1"), ..software };
    assert_eq!(faulty_fields(parse(&wrong)), ["billing.postal_code"]);
    assert!(parse(&RawCheckout { pay_by: String::new(), ..wrong }).is_ok(), "no invoice, no bill");

    let hardware = of_anvil("anvil-token", "invoice");
    assert_eq!(faulty_fields(parse(&hardware)), ["shipping.street", "shipping.city", "shipping.country"]);
    let same = RawCheckout { shipping: ulm, billing_same: true, ..hardware };
    let command = parse(&same).expect("both are known");
    assert!(command.addresses.billing.is_some() && command.addresses.billing == command.addresses.shipping);
    let faulty = RawCheckout { shipping: raw_address("US", "", "1"), ..same };
    assert_eq!(faulty_fields(parse(&faulty)), ["shipping.region", "shipping.postal_code"], "each is said once");
}

#[test]
fn shp_4_who_pays_with_a_code_is_billed() {
    // SHP-1, SHP-4
    let gateway = gateway_with_hardware();
    let raw = RawCheckout { billing: raw_address("DE", "", "89073"), ..of_anvil("anvil-mobile-id", "invoice") };
    let command = PlaceOrder::parse(&raw, &read("anvil"), &gateway, &keys()).expect("a wish");
    let cobalts = partner(&gateway).billing_address.as_ref();
    let invoice = Payment::Invoice { purchase_order: None };
    assert_eq!(command.bill_to(&invoice, cobalts), Ok(cobalts.cloned()));
    assert_eq!(command.bill_to(&Payment::Nothing, cobalts), Ok(cobalts.cloned()));
    assert_eq!(command.bill_to(&Payment::Nothing, None), Ok(None), "nobody is billed");
    assert_eq!(command.bill_to(&invoice, None), Ok(command.addresses.billing.clone()));
}

#[test]
fn shp_6_an_order_that_is_to_go_elsewhere_is_another_one() {
    // SHP-1, SHP-6
    let gateway = gateway_with_hardware();
    let command = |shipping: RawAddress| {
        let raw = RawCheckout { shipping, billing_same: true, ..of_anvil("anvil-token", "invoice") };
        PlaceOrder::parse(&raw, &read("anvil"), &gateway, &keys()).expect("a wish")
    };
    let placed = command(raw_address("DE", "", "89073"));
    let payment = Payment::Invoice { purchase_order: None };
    let bought = Bought::of(&placed.cart, placed.customer.clone(), read("79.00 USD"), payment, None, NOW)
        .addressed(&placed.cart, &placed.addresses);
    let order = Order::placed(placed.order, &read("anvil"), None, bought, None, &placed.confirmation);
    let repeats = |again: &PlaceOrder<'_>| order.repeats(&again.cart, &again.customer, &again.addresses);
    assert!(repeats(&command(raw_address("Germany", "", "89 073"))));
    for elsewhere in [raw_address("DE", "", "89074"), raw_address("AT", "", "1010")] {
        assert!(!repeats(&command(elsewhere)));
    }
}

#[test]
fn shp_6_a_form_that_says_something_else_is_no_repetition() {
    // SHP-1, SHP-6
    let gateway = gateway();
    let raw = |pay_by: &str, number: &str, code: &str| RawCheckout {
        form: FormId::from_bytes([4; 16]).to_string(),
        customer: RawCustomer {
            given_name: "Ada".to_owned(),
            family_name: "Lovelace".to_owned(),
            email: "ada@birch.example".to_owned(),
        },
        lines: lines(1),
        promo_code: code.to_owned(),
        pay_by: pay_by.to_owned(),
        purchase_order: number.to_owned(),
        ..RawCheckout::default()
    };
    let command =
        |raw: &RawCheckout| PlaceOrder::parse(raw, &cobalt(), &gateway, &keys()).expect("every field is good");
    let placed = |raw: &RawCheckout, payment: Payment| {
        let command = command(raw);
        let promo = command.promo.map(|promo| PromoUse { sheet: SheetId::from_bytes([3; 16]), coupon: promo.coupon });
        let bought = Bought::of(&command.cart, command.customer, read("45.00 USD"), payment, promo, NOW);
        let bought = bought.addressed(&command.cart, &command.addresses);
        Order::placed(command.order, &cobalt(), None, bought, None, &command.confirmation)
    };
    let (code, other) = ("7K2QD-0123-4567-89ABC", "7K2QD-0123-4567-89ABD");
    let card = raw("card", "", "");
    let order = placed(&card, Payment::Card);
    assert!(order.is_repeated_by(&command(&card)));
    assert!(order.present(&command(&card).confirmation).is_ok(), "whoever has the form has the link");
    for changed in [raw("invoice", "", ""), raw("", "", ""), raw("card", "", code)] {
        assert!(!order.is_repeated_by(&command(&changed)), "{changed:?}");
    }
    let invoice = raw("invoice", "PO-1", code);
    let order = placed(&invoice, Payment::Invoice { purchase_order: Some(read("PO-1")) });
    assert!(order.is_repeated_by(&command(&invoice)));
    for changed in [raw("invoice", "PO-2", code), raw("invoice", "PO-1", other), raw("invoice", "PO-1", "")] {
        assert!(!order.is_repeated_by(&command(&changed)), "{changed:?}");
    }
    let order = placed(&invoice, Payment::Nothing);
    assert!(order.is_repeated_by(&command(&raw("card", "", code))), "nothing is left to pay");
}
