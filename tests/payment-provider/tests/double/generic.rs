//! The generic interface.

use payment_provider::Card;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    node,
    place::{Place, answer},
};

#[tokio::test]
async fn its_webhooks_are_standard_webhooks() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let page = place.generic_session().await?;
    place.double.pay(&page, Card::InsufficientFunds)?;
    place.double.settled().await;
    place.double.pay(&page, Card::Good)?;
    place.double.settled().await;
    for amount in [Some(900), None] {
        place.double.refund(&page, amount)?;
        place.double.settled().await;
    }
    let payment = page.rsplit('/').next();
    let mut told = Vec::new();
    for heard in place.shop.heard() {
        let event = node::verify("standard", &heard)?;
        let data = &event["data"];
        let sums = (data["amount_minor"].as_u64(), data["currency"].as_str());
        assert_eq!((data["order"].as_str(), data["payment"].as_str()), (Some("order-2"), payment));
        assert_eq!(sums, (Some(4_900), Some("USD")));
        let time = event["timestamp"].as_str().unwrap_or_default();
        assert!(time.parse::<jiff::Timestamp>().is_ok() && !time.contains('.'), "{time}");
        told.push((event["type"].as_str().unwrap_or_default().to_owned(), data["refunded_minor"].as_u64()));
    }
    let expected = [
        ("payment.failed", None),
        ("payment.succeeded", None),
        ("payment.refunded", Some(900)),
        ("payment.refunded", Some(4_900)),
    ];
    assert_eq!(told, expected.map(|(kind, sum)| (kind.to_owned(), sum)));
    Ok(())
}

#[tokio::test]
async fn a_key_answers_one_request() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let body = place.generic_body();
    let first = answer(place.make_generic(&body).header("idempotency-key", "k")).await?;
    assert_eq!(first.0, StatusCode::CREATED);
    let members: Vec<_> = first.1.as_object().into_iter().flat_map(|members| members.keys()).collect();
    assert_eq!(members, ["id", "url"]);
    assert_eq!(answer(place.make_generic(&body).header("idempotency-key", "k")).await?, first);
    let stranger = place.http.post(place.double.generic_endpoint()).bearer_auth("another").json(&body);
    let (status, told) = answer(stranger).await?;
    assert_eq!((status, &told["error"]["code"]), (StatusCode::UNAUTHORIZED, &json!("not-authenticated")));
    let (status, told) = answer(place.make_generic(&place.generic_body()).header("idempotency-key", "k")).await?;
    assert_eq!((status, &told["error"]["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("idempotency-key-used")));
    assert_eq!(place.double.payments().len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_not_known_is_refused() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let mut body = place.generic_body();
    if let Some(members) = body.as_object_mut() {
        members.insert("colour".into(), "red".into());
    }
    let (status, _) = answer(place.make_generic(&body)).await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, _) = answer(place.make_generic(&Value::Null).body("{")).await?;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(place.double.payments().is_empty());
    Ok(())
}
