use super::*;
use crate::{
    refusal::FieldFault,
    testing::{Failed, Json, read as value},
    values::OrderId,
};

const ORDER: OrderId = OrderId::from_bytes([1; 16]);

/// What is read, in one line, in which `O` stands for the order: `paid O 49.00 USD`.
fn told(provider: PaymentProvider, body: &str) -> Result<String, Failed> {
    let body = body.replace("ORDER", &ORDER.to_string());
    let reading = read(provider, &Json(body))?;
    let name = |order: OrderId| if order == ORDER { "O".to_owned() } else { order.to_string() };
    Ok(match reading {
        Reading::Left => "left".to_owned(),
        Reading::Review(Review { order, code, .. }) => {
            format!("review {}: {code}", order.map_or_else(String::new, |order| order.to_string()))
                .replace(&ORDER.to_string(), "O")
        }
        Reading::Event(order, News::Paid(paid)) => format!("paid {} {paid}", name(order)),
        Reading::Event(order, News::Refunded) => format!("refunded {}", name(order)),
    })
}

fn faulty(told: Result<String, Failed>) -> Vec<(String, &'static str)> {
    let Err(Failed::Refused(faults)) = told else { panic!("it is refused by its fields: {told:?}") };
    faults.into_iter().map(|FieldFault { field, code, .. }| (field, code)).collect()
}

fn generic(kind: &str, data: &str) -> Result<String, Failed> {
    told(
        PaymentProvider::Json,
        &format!(r#"{{"type": "{kind}", "timestamp": "2026-12-01T09:00:00Z", "data": {data}}}"#),
    )
}

fn stripe(kind: &str, object: &str) -> Result<String, Failed> {
    told(PaymentProvider::Stripe, &format!(r#"{{"id": "evt_1", "type": "{kind}", "data": {{"object": {object}}}}}"#))
}

#[test]
fn shp_5_the_generic_interface_tells_what_was_paid_and_given_back() {
    // SHP-5, SHP-7
    let paid = r#"{"order": "ORDER", "payment": "p1", "amount_minor": 4900, "currency": "USD"}"#;
    let back = |refunded: u64| {
        format!(
            r#"{{"order": "ORDER", "payment": "p1", "amount_minor": 4900, "currency": "USD", "refunded_minor": {refunded}}}"#
        )
    };
    assert_eq!(generic("payment.succeeded", paid), Ok("paid O 49.00 USD".to_owned()));
    assert_eq!(generic("payment.failed", paid), Ok("left".to_owned()), "another card may do");
    assert_eq!(generic("payment.refunded", &back(4900)), Ok("refunded O".to_owned()));
    assert_eq!(generic("payment.refunded", &back(4899)), Ok("review O: partly-refunded".to_owned()));
    assert_eq!(generic("payment.succeeded", &paid.replace("ORDER", "4711")), Ok("left".to_owned()), "none of ours");
    assert_eq!(generic("payment.refunded", &back(1).replace("ORDER", "4711")), Ok("left".to_owned()));
    let currency = ("data.currency".to_owned(), "currency-invalid");
    assert_eq!(faulty(generic("payment.succeeded", &paid.replace("USD", "usd"))), [currency]);
    for wrong in [paid.replace("4900", "-1"), paid.replace("4900", "49.5"), paid.replace("payment", "charge")] {
        assert_eq!(generic("payment.succeeded", &wrong), Err(Failed::Undecodable), "{wrong}");
    }
}

#[test]
fn shp_5_stripe_tells_what_was_paid_and_given_back() {
    // SHP-5, SHP-7
    let session = r#"{"id": "cs_1", "metadata": {"order_id": "ORDER"}, "payment_status": "paid", "amount_total": 4900,
                      "currency": "usd", "customer_details": {"name": null}}"#;
    let completed = "checkout.session.completed";
    assert_eq!(stripe(completed, session), Ok("paid O 49.00 USD".to_owned()));
    assert_eq!(stripe("checkout.session.async_payment_succeeded", session), Ok("paid O 49.00 USD".to_owned()));
    for left in [
        session.replace(r#""paid""#, r#""unpaid""#),
        session.replace("ORDER", "4711"),
        session.replace("order_id", "other"),
        r#"{"payment_status": "paid"}"#.to_owned(),
    ] {
        assert_eq!(stripe(completed, &left), Ok("left".to_owned()), "{left}");
    }
    for kind in ["checkout.session.expired", "payment_intent.payment_failed", "customer.created"] {
        assert_eq!(stripe(kind, session), Ok("left".to_owned()), "{kind}");
    }
    let missing = session.replace(r#""amount_total": 4900,"#, "").replace("usd", "iqd");
    assert_eq!(
        faulty(stripe(completed, &missing)),
        [
            ("data.object.currency".to_owned(), "currency-not-handled"),
            ("data.object.amount_total".to_owned(), "missing")
        ]
    );
    let charge =
        |refunded: &str| format!(r#"{{"id": "ch_1", "metadata": {{"order_id": "ORDER"}}, "refunded": {refunded}}}"#);
    assert_eq!(stripe("charge.refunded", &charge("true")), Ok("refunded O".to_owned()));
    assert_eq!(stripe("charge.refunded", &charge("false")), Ok("review O: partly-refunded".to_owned()));
    assert_eq!(stripe("charge.refunded", &charge("true").replace("ORDER", "?")), Ok("left".to_owned()));
}

#[test]
fn shp_7_a_person_is_told_of_which_order_the_provider_speaks() {
    // SHP-7
    let Review { order, code, .. } = Review::unknown_order(ORDER);
    assert_eq!((order, code), (Some(value(&ORDER.to_string())), "unknown-order"));
}
