use super::*;
use crate::{
    promo::{Discount, Offer},
    secret::testing::Seeded,
    values::{BatchId, Seconds},
};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const ORDER: OrderId = OrderId::from_bytes([1; 16]);

fn gateway() -> Gateway {
    Gateway::parse(include_str!("../../../gateway.toml")).expect("the deployment's file is valid")
}

fn keys() -> Keys {
    Keys::new(&[7; 32], None).expect("32 bytes are enough")
}

fn cobalt() -> PartnerId {
    "cobalt".parse().expect("a slug")
}

fn lines(quantity: u32) -> Vec<RawLine> {
    vec![RawLine { product: "cobalt-mobile-id".to_owned(), quantity }]
}

fn promo(discount: Discount) -> Promo {
    let offer = Offer {
        batch: BatchId::from_bytes([2; 16]),
        partner: cobalt(),
        products: vec!["cobalt-mobile-id".parse().expect("a slug")],
        discount,
        valid_from: NOW,
        valid_until: NOW.plus(Seconds::days(1)),
        uses: 1,
    };
    Promo::fresh(&PromoCode::random(&mut Seeded(1)), offer, &keys())
}

#[test]
fn shp_2_a_code_pays_for_one_unit_and_the_rest_is_not_covered() {
    // SHP-2, SHP-5
    let gateway = gateway();
    let free = promo(Discount::Free);
    for (quantity, covered) in [(1, true), (2, false)] {
        let cart = Cart::parse(&cobalt(), &lines(quantity), &gateway).expect("a cart");
        let left = cart.total_with(&free, ORDER, NOW).expect("usable");
        let quote = Quote { subtotal: cart.subtotal().expect("a sum"), total: left };
        assert_eq!(quote.settled().is_ok(), covered, "{quantity}");
    }
    let cart = Cart::parse(&cobalt(), &lines(1), &gateway).expect("a cart");
    let without = Quote::of(&cart, None, ORDER, NOW).expect("a quote");
    assert_eq!(without.settled(), Err(Refusal::PaymentNotCovered { remaining: "45.00 USD".to_owned() }));
}

#[test]
fn shp_2_a_code_without_its_batch_is_not_usable() {
    // SHP-2: what a crash left behind before the batch was committed pays for nothing.
    let gateway = gateway();
    let cart = Cart::parse(&cobalt(), &lines(1), &gateway).expect("a cart");
    let orphan = promo(Discount::Free);
    assert_eq!(Quote::of(&cart, Some((&orphan, None)), ORDER, NOW), Err(Refusal::PromoNotUsable));
}

#[test]
fn shp_1_every_fault_of_a_checkout_is_said_at_once() {
    // SHP-1
    let gateway = gateway();
    let raw = RawCheckout { form: "x".to_owned(), promo_code: "short".to_owned(), ..RawCheckout::default() };
    let Err(Refusal::InvalidInput(faults)) = PlaceOrder::parse(&raw, &cobalt(), &gateway, &keys()) else {
        panic!("nothing of it is valid")
    };
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["form", "given_name", "family_name", "email", "lines", "promo_code"]);
}

#[test]
fn shp_2_a_quote_does_not_ask_who_buys() {
    // SHP-2
    let gateway = gateway();
    let code = PromoCode::random(&mut Seeded(3));
    let form = FormId::random(&mut Seeded(4));
    let raw = RawCheckout {
        form: form.to_string(),
        lines: lines(1),
        promo_code: code.reveal().to_lowercase(),
        ..RawCheckout::default()
    };
    let asked = AskQuote::parse(&raw, &cobalt(), &gateway, &keys()).expect("enough for a quote");
    assert_eq!(asked.promo, promo_id(&code, &keys()));
    assert_eq!(asked.order, Order::id_of_form(form, &keys()), "the quote counts the order's own hold as free");
    let blank = RawCheckout { promo_code: " ".to_owned(), ..raw };
    assert!(AskQuote::parse(&blank, &cobalt(), &gateway, &keys()).is_err());
}
