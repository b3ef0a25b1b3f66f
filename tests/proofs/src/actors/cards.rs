//! Orders that are paid by card on the payment provider's page.

use shared::order::Order;

use super::{
    Ask, Stage, Value, checkout_with, component, json, on_duty, orders::token_of, post, signed, sweep_all, with,
    with_half_promo,
};

fn order(n: u8, promo: &str) -> Ask {
    let more = json!({ "promo_code": promo, "pay_by": "card", "action": "place" });
    checkout_with(n, "anvil-mobile-id", 1, &more)
}

/// A guest orders by card (SHP-5).
pub fn place_by_card(_: &Stage) -> Ask {
    order(5, "")
}

/// A guest orders by card, with a code that pays half of it (SHP-2, SHP-5).
pub fn place_by_card_with_code(stage: &Stage) -> Ask {
    order(5, stage.fact("promo"))
}

/// Another guest wants the same code (SHP-3).
pub fn place_another_by_card_with_code(stage: &Stage) -> Ask {
    order(6, stage.fact("promo"))
}

fn know_order(stage: &mut Stage, link: &str, total_minor: u64) {
    stage.learn("order token", token_of(link));
    let orders = stage.deployment().world().every::<Order>().expect("readable");
    let order = orders.first().expect("one order").value().id;
    stage.learn("order", order.to_string());
    stage.learn("to pay", total_minor.to_string());
}

/// An order waits for its payment by card.
pub fn ordered_by_card(stage: &mut Stage) {
    let placed = stage.send(component, &place_by_card(stage)).expect(201);
    know_order(stage, &placed.at("/confirmation"), 4_900);
}

/// An order with a code that pays half waits for its payment by card.
pub fn ordered_by_card_with_code(stage: &mut Stage) {
    with_half_promo(stage);
    let placed = stage.send(component, &place_by_card_with_code(stage)).expect(201);
    know_order(stage, &placed.at("/confirmation"), 2_450);
}

/// The time of such an order is over, and nobody has noticed.
pub fn card_overdue(stage: &mut Stage) {
    ordered_by_card_with_code(stage);
    stage.wait(2 * 60);
    sweep_all(stage);
    stage.wait(3 * 3_600);
}

/// The time of such an order is over, and a sweep has noticed.
pub fn card_lapsed(stage: &mut Stage) {
    card_overdue(stage);
    sweep_all(stage);
    let lapsed = stage.deployment().world().every::<Order>().expect("readable");
    assert!(lapsed.iter().any(|order| order.value().state() == "lapsed"), "the sweep has come to it");
}

/// The same, and another order has taken its code.
pub fn code_taken_by_card(stage: &mut Stage) {
    card_lapsed(stage);
    let _ = stage.send(component, &place_another_by_card_with_code(stage)).expect(201);
}

/// The customer goes to the payment provider's page (SHP-5).
pub fn go_to_pay(stage: &Stage) -> Ask {
    post("guest", "/payments", &json!({ "token": stage.fact("order token") }))
}

/// The customer does not want it any more (SHP-1).
pub fn cancel_own_order(stage: &Stage) -> Ask {
    post("guest", "/webstore-checkout/orders/cancel", &json!({ "token": stage.fact("order token") }))
}

fn told(stage: &Stage, kind: &str, amount_minor: u64, more: &Value) -> Ask {
    let data = json!({
        "order": stage.fact("order"),
        "payment": "pay-1",
        "amount_minor": amount_minor,
        "currency": "USD",
    });
    let body = json!({ "type": kind, "timestamp": "2026-11-20T09:00:00Z", "data": with(data, more) });
    signed(stage, "payment provider", "/payments/webhook", &kind.replace('.', "-"), &body)
}

fn to_pay(stage: &Stage) -> u64 {
    stage.fact("to pay").parse().expect("an amount")
}

/// The payment provider tells that the order is paid (SHP-5, SHP-7).
pub fn card_paid(stage: &Stage) -> Ask {
    told(stage, "payment.succeeded", to_pay(stage), &json!({}))
}

/// The payment provider tells of another sum than was asked for (SHP-7).
pub fn card_paid_too_little(stage: &Stage) -> Ask {
    told(stage, "payment.succeeded", to_pay(stage) - 1, &json!({}))
}

/// The payment provider tells that the money was given back (SHP-7).
pub fn card_refunded(stage: &Stage) -> Ask {
    told(stage, "payment.refunded", to_pay(stage), &json!({ "refunded_minor": to_pay(stage) }))
}

/// The money was given back before anybody told that it had been paid.
pub fn refund_came(stage: &mut Stage) {
    ordered_by_card(stage);
    let _ = stage.send(component, &card_refunded(stage)).expect(200);
}

/// The payment provider has told of another sum; the letter is kept.
pub fn letter_of_payments_kept(stage: &mut Stage) {
    on_duty(stage);
    ordered_by_card(stage);
    let kept = stage.send(component, &card_paid_too_little(stage)).expect(202);
    stage.learn("letter", kept.at("/kept"));
}
