//! The interface of Stripe's checkout, held against Stripe's own library.

use payment_provider::Card;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    node,
    place::{API_SECRET, Place, answer},
};

/// Node.js is waited for elsewhere, so that the double can answer it.
async fn pay(wish: Value) -> anyhow::Result<Value> {
    tokio::task::spawn_blocking(move || node::pay(&wish)).await?
}

fn parameters(place: &Place, amount: u64) -> Value {
    json!({
        "mode": "payment",
        "client_reference_id": "10001",
        "customer_email": "ada@northwind.example",
        "success_url": format!("{}/paid", place.shop.origin()),
        "cancel_url": format!("{}/basket", place.shop.origin()),
        "expires_at": jiff::Timestamp::now().as_second() + 3_600,
        "payment_method_types": ["card"],
        "line_items": [{
            "quantity": 1,
            "price_data": { "currency": "usd", "unit_amount": amount, "product_data": { "name": "Order 10001" } },
        }],
        "metadata": { "order_id": "order-1" },
        "payment_intent_data": { "description": "Order 10001", "metadata": { "order_id": "order-1" } },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn stripes_library_makes_sessions_and_reads_their_webhooks() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let told = pay(json!({
        "wish": "sessions",
        "port": place.double.address().port(),
        "secret": API_SECRET,
        "key": "order-1",
        "parameters": parameters(&place, 4_900),
        "others": parameters(&place, 5_000),
    }))
    .await?;
    let first = &told["first"];
    assert!(first["id"].as_str().is_some_and(|id| id.starts_with("cs_test_")), "{first}");
    assert_eq!((&told["second"], &told["retrieved"]), (first, first));
    assert_eq!(told["replayed"], "true");
    let expected = json!({
        "object": "checkout.session", "status": "open", "payment_status": "unpaid", "amount_total": 4_900,
        "currency": "usd", "client_reference_id": "10001", "customer_email": "ada@northwind.example",
        "metadata": { "order_id": "order-1" }, "customer_details": null, "payment_intent": null,
    });
    for (name, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(&first[name], value, "{name}");
    }
    let refused = |of: &str| (told["refused"][of]["status"].as_u64(), told["refused"][of]["type"].as_str());
    assert_eq!(refused("others"), (Some(400), Some("StripeIdempotencyError")));
    assert_eq!(refused("unknown"), (Some(400), Some("StripeInvalidRequestError")));
    assert_eq!(told["refused"]["unknown"]["param"], "colour");
    assert_eq!(refused("stranger"), (Some(401), Some("StripeAuthenticationError")));
    assert_eq!(refused("nowhere"), (Some(404), Some("StripeInvalidRequestError")));
    assert_eq!(place.double.payments().len(), 1, "a refused request makes nothing");

    let page = first["url"].as_str().unwrap_or_default();
    place.double.pay(page, Card::Declined)?;
    place.double.settled().await;
    place.double.pay(page, Card::Good)?;
    place.double.settled().await;
    place.double.refund(page, Some(900))?;
    place.double.settled().await;
    let mut events = Vec::new();
    for heard in place.shop.heard() {
        events.push(tokio::task::spawn_blocking(move || node::verify("stripe", &heard)).await??);
    }
    let [declined, paid, refunded] = events.as_slice() else {
        anyhow::bail!("three events were told, not {events:?}");
    };
    assert_eq!(declined["type"], "payment_intent.payment_failed");
    assert_eq!(declined["data"]["object"]["last_payment_error"]["decline_code"], "generic_decline");
    assert_eq!(declined["data"]["object"]["metadata"]["order_id"], "order-1");
    assert_eq!(paid["type"], "checkout.session.completed");
    let session = &paid["data"]["object"];
    assert_eq!((&session["id"], &session["payment_status"]), (&first["id"], &json!("paid")));
    assert_eq!((&session["status"], &session["url"]), (&json!("complete"), &Value::Null));
    assert_eq!(session["customer_details"], json!({ "name": null, "email": "ada@northwind.example" }));
    assert_eq!(session["metadata"]["order_id"], "order-1");
    assert_eq!(refunded["type"], "charge.refunded");
    let charge = &refunded["data"]["object"];
    let sums = (&charge["amount"], &charge["amount_refunded"], &charge["refunded"], &charge["currency"]);
    assert_eq!(sums, (&json!(4_900), &json!(900), &json!(false), &json!("usd")));
    assert_eq!(charge["metadata"]["order_id"], "order-1");
    assert_eq!(charge["payment_intent"], session["payment_intent"]);
    assert_eq!(
        (&charge["description"], &declined["data"]["object"]["description"]),
        (&json!("Order 10001"), &json!("Order 10001"))
    );
    Ok(())
}

#[tokio::test]
async fn a_webhook_of_somebody_else_is_not_verified() -> anyhow::Result<()> {
    let place = Place::new().await?;
    place.double.pay(&place.stripe_session().await?, Card::Good)?;
    place.double.pay(&place.generic_session().await?, Card::Good)?;
    place.double.settled().await;
    for mut heard in place.shop.heard() {
        let dialect = if heard.headers.contains_key("stripe-signature") { "stripe" } else { "standard" };
        assert!(node::verify(dialect, &heard).is_ok(), "{dialect}");
        heard.body.push(' ');
        assert!(node::verify(dialect, &heard).is_err(), "{dialect}");
    }
    Ok(())
}

#[tokio::test]
async fn only_who_knows_the_secret_is_served() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let endpoint = place.double.stripe_endpoint();
    for secret in [None, Some(""), Some("sk_test_another")] {
        for request in [place.http.post(&endpoint), place.http.get(format!("{endpoint}/cs_test_1"))] {
            let request = if let Some(secret) = secret { request.bearer_auth(secret) } else { request };
            let (status, told) = answer(request).await?;
            assert_eq!((status, &told["error"]["type"]), (StatusCode::UNAUTHORIZED, &json!("invalid_request_error")));
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_key_answers_one_request_and_does_not_check_it_again() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let mut form = place.stripe_form();
    let first = answer(place.make_stripe(&form).header("idempotency-key", "k")).await?;
    assert_eq!(first.0, StatusCode::OK);
    // The session is over by then, so that as a new request this one would be refused.
    place.pass(7_200);
    form.reverse();
    assert_eq!(answer(place.make_stripe(&form).header("idempotency-key", "k")).await?, first);
    let (status, told) = answer(place.make_stripe(&form)).await?;
    assert_eq!((status, &told["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("expires_at")));
    let (status, told) = answer(place.make_stripe(&place.stripe_form()).header("idempotency-key", "k")).await?;
    assert_eq!((status, &told["error"]["type"]), (StatusCode::BAD_REQUEST, &json!("idempotency_error")));
    let (status, _) = answer(place.make_stripe(&place.stripe_form()).header("idempotency-key", "l")).await?;
    assert_eq!(status, StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let mut form = place.stripe_form();
    form.push(("locale", "de".into()));
    let (status, told) = answer(place.make_stripe(&form).header("idempotency-key", "k")).await?;
    assert_eq!((status, &told["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("parameter_unknown")));
    form.pop();
    let (status, _) = answer(place.make_stripe(&form).header("idempotency-key", "k")).await?;
    assert_eq!(status, StatusCode::OK);
    Ok(())
}
