//! What becomes of orders: invoices, webhooks in any order, refunds, licence keys that are sent again, letters that are dead.

use shared::order::Order;

use super::{
    ADA, Ask, Stage, Value, activate_licence, checkout_with, component, dies_when, get, half_price_batch,
    is_licence_key, json, on_duty, operator_signs_in, ordered, post, signed, sweep_all, terms_accepted,
};

/// What Anvil's webstore tells in a signed event about the order that [`webhook`] pays.
fn told(stage: &Stage, kind: &str, body: &Value) -> Ask {
    signed(stage, "webstore", "/webstore-checkout/webhooks/anvil", &kind.replace('.', "-"), body)
}

fn order_over(stage: &Stage, kind: &str) -> Ask {
    let body = json!({ "type": kind, "timestamp": "2026-11-20T09:00:00Z", "data": { "order_id": "AN-1" } });
    told(stage, kind, &body)
}

fn order_of(stage: &Stage, kind: &str, product: &str) -> Ask {
    let body = json!({
        "type": kind,
        "timestamp": "2026-11-20T09:00:00Z",
        "data": {
            "order_id": "AN-1",
            "customer": { "given_name": "Ada", "family_name": "Kestrel", "email": ADA },
            "lines": [{ "product": product, "quantity": 2 }],
            "total_minor": 4900,
            "currency": "USD",
        },
    });
    told(stage, kind, &body)
}

/// Anvil's webstore tells that the order was placed (SHP-7).
pub fn webhook_created(stage: &Stage) -> Ask {
    order_of(stage, "order.created", "anvil-mobile-id")
}

/// Anvil's webstore tells that the order was cancelled (SHP-7).
pub fn webhook_cancelled(stage: &Stage) -> Ask {
    order_over(stage, "order.cancelled")
}

/// Anvil's webstore tells that the order was refunded (SHP-7).
pub fn webhook_refunded(stage: &Stage) -> Ask {
    order_over(stage, "order.refunded")
}

/// Nothing but the order's cancellation has come.
pub fn cancellation_came(stage: &mut Stage) {
    let _ = stage.send(component, &webhook_cancelled(stage)).expect(200);
}

/// Ada has activated one of the order's two licences.
pub fn one_licence_in_use(stage: &mut Stage) {
    ordered(stage);
    let _ = stage.send(component, &activate_licence(stage)).expect(200);
}

fn address() -> Value {
    json!({ "street": "12 Lathe Street", "city": "Toledo", "region": "OH", "postal_code": "43604", "country": "US" })
}

fn invoice(n: u8, promo: &str) -> Ask {
    let more = json!({
        "promo_code": promo,
        "pay_by": "invoice",
        "purchase_order": "PO-4711",
        "billing": address(),
        "action": "place",
    });
    checkout_with(n, "anvil-mobile-id", 1, &more)
}

/// A guest orders on an invoice (SHP-5).
pub fn place_invoice(_: &Stage) -> Ask {
    invoice(5, "")
}

/// A guest orders on an invoice, with a code that pays half of it (SHP-2, SHP-5).
pub fn place_invoice_with_code(stage: &Stage) -> Ask {
    invoice(5, stage.fact("promo"))
}

/// Another guest wants the same code (SHP-3).
pub fn place_another_invoice_with_code(stage: &Stage) -> Ask {
    invoice(6, stage.fact("promo"))
}

/// There is a code that pays half.
pub fn with_half_promo(stage: &mut Stage) {
    on_duty(stage);
    let batch = stage.send(component, &half_price_batch(stage)).expect(201);
    stage.learn("promo", batch.at("/codes/0"));
}

/// An order waits for its invoice to be paid.
pub fn invoiced(stage: &mut Stage) {
    on_duty(stage);
    let placed = stage.send(component, &place_invoice(stage)).expect(201);
    know_order(stage, &placed.at("/confirmation"));
}

/// An order with a code that pays half waits for its invoice to be paid.
pub fn invoiced_with_code(stage: &mut Stage) {
    with_half_promo(stage);
    let placed = stage.send(component, &place_invoice_with_code(stage)).expect(201);
    know_order(stage, &placed.at("/confirmation"));
}

/// The time of such an order is over, and nobody has noticed.
pub fn invoice_overdue(stage: &mut Stage) {
    invoiced_with_code(stage);
    sweep_all(stage);
    stage.wait(31 * 24 * 3_600);
    let _ = stage.send(component, &operator_signs_in(stage)).expect(200);
}

/// The same, and a sweep has come to the hour in which it is over.
pub fn invoice_overdue_now(stage: &mut Stage) {
    invoiced_with_code(stage);
    sweep_all(stage);
    stage.wait(30 * 24 * 3_600 - 3_600);
    sweep_all(stage);
    stage.wait(3 * 3_600);
}

/// The same, and the registrar is on duty.
pub fn invoice_overdue_and_on_duty(stage: &mut Stage) {
    invoice_overdue_now(stage);
    let _ = stage.send(component, &operator_signs_in(stage)).expect(200);
}

/// The time of such an order is over, and a sweep has noticed.
pub fn invoice_lapsed(stage: &mut Stage) {
    invoice_overdue_now(stage);
    sweep_all(stage);
    let lapsed = stage.deployment().world().every::<Order>().expect("readable");
    assert!(lapsed.iter().any(|order| order.value().state() == "lapsed"), "the sweep has come to it");
    let _ = stage.send(component, &operator_signs_in(stage)).expect(200);
}

/// The same, and another order has taken its code.
pub fn code_taken(stage: &mut Stage) {
    invoice_lapsed(stage);
    let _ = stage.send(component, &place_another_invoice_with_code(stage)).expect(201);
}

/// An order was cancelled after it was paid.
pub fn cancelled_after_payment(stage: &mut Stage) {
    invoiced(stage);
    let _ = stage.send(component, &pay_invoice(stage)).expect(200);
    let _ = stage.send(component, &cancel_order(stage)).expect(200);
}

pub(super) fn token_of(link: &str) -> String {
    link.split_once("token=").map(|(_, token)| token.to_owned()).unwrap_or_default()
}

fn know_order(stage: &mut Stage, link: &str) {
    stage.learn("order token", token_of(link));
    let unpaid = stage.send(component, &get("registrar", "/operate/orders")).expect(200);
    stage.learn("order", unpaid.at("/orders/0/id"));
}

/// Ada, who is signed in, orders on an invoice (SHP-5).
pub fn place_own_invoice(_: &Stage) -> Ask {
    Ask { browser: "ada", ..invoice(5, "") }
}

/// Ada's account knows that an order of hers waits for its payment (LCH-1).
pub fn own_invoiced(stage: &mut Stage) {
    terms_accepted(stage);
    on_duty(stage);
    let placed = stage.send(component, &place_own_invoice(stage)).expect(201);
    know_order(stage, &placed.at("/confirmation"));
}

/// Ada's account knows that the licence key of an order of hers waits (LCH-1).
pub fn own_paid(stage: &mut Stage) {
    own_invoiced(stage);
    let _ = stage.send(component, &pay_invoice(stage)).expect(200);
    let key = stage.mail(ADA, "Your licence key").word(is_licence_key);
    stage.learn("licence", key);
}

fn of_order(stage: &Stage, what: &str) -> Ask {
    post("registrar", format!("/operate/orders/{}/{what}", stage.fact("order")), &json!({}))
}

/// The registrar says that the invoice is paid (SHP-5).
pub fn pay_invoice(stage: &Stage) -> Ask {
    of_order(stage, "paid")
}

/// The registrar says that the order is cancelled (SHP-7).
pub fn cancel_order(stage: &Stage) -> Ask {
    of_order(stage, "cancelled")
}

/// The registrar says that the order is refunded (SHP-7).
pub fn refund_order(stage: &Stage) -> Ask {
    of_order(stage, "refunded")
}

/// The registrar has looked at the order (SHP-7).
pub fn review_order(stage: &Stage) -> Ask {
    of_order(stage, "reviewed")
}

/// The customer has licence keys sent again (SHP-6).
pub fn send_keys_again(stage: &Stage) -> Ask {
    let body = json!({ "token": stage.fact("order token") });
    post("guest", "/webstore-checkout/orders/licences", &body)
}

/// The registrar has licence keys sent again (SHP-6).
pub fn send_keys_as_operator(stage: &Stage) -> Ask {
    of_order(stage, "licences")
}

/// The licence keys of a paid order were sent a while ago; Ada knows one of them.
pub fn keys_sent(stage: &mut Stage) {
    terms_accepted(stage);
    invoiced(stage);
    let _ = stage.send(component, &pay_invoice(stage)).expect(200);
    let key = stage.mail(ADA, "Your licence key").word(is_licence_key);
    stage.learn("licence", key);
    stage.wait(6 * 60);
}

/// Serial numbers of tokens.
const SERIALS: [&str; 3] = ["GALT10000123", "GALT10000124", "GALT10000125"];

fn token_order(n: u8) -> Ask {
    let more = json!({ "pay_by": "invoice", "shipping": address(), "billing_same": true, "action": "place" });
    checkout_with(n, "anvil-token", 2, &more)
}

/// A guest orders two tokens on an invoice, to be shipped (SHP-1).
pub fn place_token_order(_: &Stage) -> Ask {
    token_order(7)
}

/// Tokens are sold.
pub fn tokens_sold(stage: &mut Stage) {
    stage.sell_tokens();
}

/// Two orders of two tokens each are paid, and Ada knows the licence keys of the first.
pub fn tokens_paid(stage: &mut Stage) {
    terms_accepted(stage);
    on_duty(stage);
    stage.sell_tokens();
    tokens_bought(stage, "order", &token_order(7));
    let keys = stage.mail(ADA, "Your licence key");
    stage.learn("licence", keys.word(is_licence_key));
    let last = keys.text.split_whitespace().rev().find(|word| is_licence_key(word)).unwrap_or_default();
    stage.learn("another licence", last);
    tokens_bought(stage, "another order", &token_order(8));
}

/// Two tokens are ordered with this request, and paid.
fn tokens_bought(stage: &mut Stage, fact: &'static str, order: &Ask) {
    let _ = stage.send(component, order).expect(201);
    let unpaid = stage.send(component, &get("registrar", "/operate/orders")).expect(200);
    stage.learn(fact, unpaid.at("/orders/0/id"));
    let paid = post("registrar", format!("/operate/orders/{}/paid", stage.fact(fact)), &json!({}));
    let _ = stage.send(component, &paid).expect(200);
}

/// Ada's account knows that two tokens which she has paid are to be shipped (LCH-1). Bo is signed in as well.
pub fn own_tokens_paid(stage: &mut Stage) {
    terms_accepted(stage);
    on_duty(stage);
    stage.sell_tokens();
    tokens_bought(stage, "order", &Ask { browser: "ada", ..token_order(7) });
    let key = stage.mail(ADA, "Your licence key").word(is_licence_key);
    stage.learn("licence", key);
}

fn shipment(stage: &Stage, fact: &'static str, serials: &[&str]) -> Ask {
    let tokens: Vec<Value> =
        serials.iter().map(|serial| json!({ "product": "anvil-token", "serial": serial })).collect();
    let body = json!({ "tokens": tokens, "carrier": "Swift Post", "tracking": "SP-1" });
    post("registrar", format!("/operate/orders/{}/shipped", stage.fact(fact)), &body)
}

/// The registrar notes that one token of the order was shipped (SHP-8).
pub fn ship_token(stage: &Stage) -> Ask {
    let [first, ..] = SERIALS;
    shipment(stage, "order", &[first])
}

/// The registrar notes that both tokens of the order were shipped (SHP-8).
pub fn ship_tokens(stage: &Stage) -> Ask {
    let [first, second, _] = SERIALS;
    shipment(stage, "order", &[first, second])
}

/// The registrar notes the same token for another order (SHP-8).
pub fn ship_token_elsewhere(stage: &Stage) -> Ask {
    let [first, ..] = SERIALS;
    shipment(stage, "another order", &[first])
}

/// One token of the order was shipped a while ago.
pub fn token_shipped(stage: &mut Stage) {
    tokens_paid(stage);
    let _ = stage.send(component, &ship_token(stage)).expect(200);
    stage.wait(5 * 60);
}

/// A request died that had claimed the token for another order.
pub fn token_claimed_in_vain(stage: &mut Stage) {
    tokens_paid(stage);
    let ask = ship_token_elsewhere(stage);
    let claims =
        |stage: &Stage| stage.deployment().world().keys().iter().filter(|key| key.starts_with("serial:")).count();
    dies_when(stage, component, &ask, |stage| claims(stage) == 1);
    stage.wait(150);
}

/// The registrar corrects the serial number (SHP-8).
pub fn correct_serial(stage: &Stage) -> Ask {
    let [wrong, _, right] = SERIALS;
    post(
        "registrar",
        format!("/operate/orders/{}/corrected", stage.fact("order")),
        &json!({ "wrong": wrong, "right": right }),
    )
}

fn listed(stage: &Stage) -> String {
    let [first, _, third] = SERIALS;
    let mistyped = "12/6";
    let (order, another) = (stage.fact("order"), stage.fact("another order"));
    format!(
        "order,product,serial,carrier,tracking\n{order},anvil-token,{first},Swift Post,SP-1\n\
         {another},anvil-token,{mistyped},,\n{another},anvil-token,{third},,\n"
    )
}

/// The registrar imports a list of shipments (SHP-8).
pub fn import_shipments(stage: &Stage) -> Ask {
    post("registrar", "/operate/orders/shipments", &json!({ "shipments": listed(stage) }))
}

fn activation_of(stage: &Stage, licence: &'static str, serial: &str) -> Ask {
    let body = json!({ "licence_key": stage.fact(licence), "agreed": true, "serial": serial });
    post("ada", "/credentials/licence", &body)
}

/// Ada activates a licence with the token that was shipped (SHP-8).
pub fn activate_token(stage: &Stage) -> Ask {
    let [first, ..] = SERIALS;
    activation_of(stage, "licence", first)
}

/// Bo, to whom Ada gave the licence key, activates it with the token that was shipped (SHP-8).
pub fn activate_token_of_ada(stage: &Stage) -> Ask {
    Ask { browser: "bo", ..activate_token(stage) }
}

/// Ada activates the other licence with the same token (SHP-8).
pub fn activate_another_with_same_token(stage: &Stage) -> Ask {
    let [first, ..] = SERIALS;
    activation_of(stage, "another licence", first)
}

/// Ada enters a serial number that was not shipped (SHP-8).
pub fn guess_serial(stage: &Stage) -> Ask {
    activation_of(stage, "licence", "GALT99999999")
}

/// The registrar notes that the order was refunded.
pub fn refund_token_order(stage: &Stage) -> Ask {
    of_order(stage, "refunded")
}

/// Anvil's webstore tells of a product that nobody knows (SHP-7).
pub fn webhook_of_unknown_product(stage: &Stage) -> Ask {
    order_of(stage, "order.paid", "anvil-abacus")
}

/// Such a webhook has come.
pub fn letter_kept(stage: &mut Stage) {
    on_duty(stage);
    let kept = stage.send(component, &webhook_of_unknown_product(stage)).expect(202);
    stage.learn("letter", kept.at("/kept"));
}

/// Such a webhook has come, and by now the product is known.
pub fn letter_that_can_be_replayed(stage: &mut Stage) {
    letter_kept(stage);
    stage.sell_abacus();
}

fn of_letter(stage: &Stage, what: &str) -> Ask {
    post("registrar", format!("/operate/dead-letters/{}/{what}", stage.fact("letter")), &json!({}))
}

/// The registrar has a dead letter acted upon again (SHP-7).
pub fn replay_letter(stage: &Stage) -> Ask {
    of_letter(stage, "replay")
}

/// The registrar dismisses a dead letter (SHP-7).
pub fn dismiss_letter(stage: &Stage) -> Ask {
    of_letter(stage, "dismiss")
}
