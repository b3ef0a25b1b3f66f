//! How often, when and in which order a shop is told.

use std::time::Instant;

use payment_provider::{Answer, Card, Outcome, Standing, State, Webhook};
use reqwest::StatusCode;

use crate::place::{ATTEMPTS, LATE, Place, STANDARD_SECRET, STRIPE_SECRET};

const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

fn answers(place: &Place) -> Vec<Vec<Answer>> {
    let attempts = place.double.deliveries().into_iter().map(|delivery| delivery.attempts);
    attempts.map(|attempts| attempts.into_iter().map(|attempt| attempt.answer).collect()).collect()
}

#[tokio::test]
async fn a_shop_that_is_down_is_told_again() -> anyhow::Result<()> {
    let place = Place::new().await?;
    place.shop.answer(&[UNAVAILABLE, StatusCode::FOUND]);
    place.double.pay(&place.generic_session().await?, Card::Good)?;
    place.double.settled().await;
    assert_eq!(answers(&place), [[503, 302, 200].map(Answer::Status)]);
    let heard = place.shop.heard();
    let ids: Vec<_> = heard.iter().map(|heard| (heard.headers.get("webhook-id"), &heard.body)).collect();
    assert!(ids.len() == 3 && ids.iter().all(|other| Some(other) == ids.first()), "one event: {ids:?}");
    assert_eq!(place.double.deliveries().first().map(|delivery| delivery.standing), Some(Standing::Delivered));
    Ok(())
}

#[tokio::test]
async fn a_shop_that_stays_down_is_given_up_and_can_be_told_by_hand() -> anyhow::Result<()> {
    let place = Place::new().await?;
    place.shop.answer(&[UNAVAILABLE; ATTEMPTS]);
    place.double.pay(&place.stripe_session().await?, Card::Good)?;
    place.double.settled().await;
    assert_eq!(answers(&place), [[503; ATTEMPTS].map(Answer::Status)]);
    let standing = || place.double.deliveries().first().map(|delivery| delivery.standing);
    assert_eq!(standing(), Some(Standing::GivenUp));
    assert_eq!(place.double.deliver(1).await?, Answer::Status(200));
    assert_eq!(standing(), Some(Standing::Delivered));
    assert!(place.double.deliver(2).await.is_err(), "there is no second one");
    Ok(())
}

#[tokio::test]
async fn a_shop_that_is_not_there_is_waited_for() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let target = format!("http://{}/payments/webhook", nobody.local_addr()?);
    drop(nobody);
    let webhook = |target: String| Webhook {
        target,
        stripe_secret: STRIPE_SECRET.into(),
        standard_secret: STANDARD_SECRET.into(),
    };
    place.double.set_webhook(webhook(target))?;
    assert!(place.double.set_webhook(webhook("nowhere".into())).is_err());
    assert!(
        place.double.set_webhook(Webhook { standard_secret: "?".into(), ..webhook(place.shop.webhook()) }).is_err()
    );
    place.double.pay(&place.stripe_session().await?, Card::Good)?;
    place.double.settled().await;
    let failed = answers(&place).concat();
    assert!(failed.len() == ATTEMPTS && failed.iter().all(|answer| matches!(answer, Answer::Failed(_))), "{failed:?}");
    Ok(())
}

#[tokio::test]
async fn awkward_cards_are_awkward() -> anyhow::Result<()> {
    let place = Place::new().await?;
    place.double.pay(&place.stripe_session().await?, Card::ToldTwice)?;
    place.double.settled().await;
    let twice = place.shop.heard();
    let bodies: Vec<_> = twice.iter().map(|heard| &heard.body).collect();
    assert!(bodies.len() == 2 && bodies.first() == bodies.last(), "one event, twice: {bodies:?}");

    let started = Instant::now();
    place.double.pay(&place.stripe_session().await?, Card::ToldLate)?;
    place.double.settled().await;
    assert!(started.elapsed() >= LATE && place.shop.heard().len() == 3);

    place.double.pay(&place.stripe_session().await?, Card::FirstLost)?;
    place.double.settled().await;
    assert_eq!(answers(&place).pop(), Some(vec![Answer::Lost, Answer::Lost, Answer::Status(200)]));
    assert_eq!(place.shop.heard().len(), 4);

    // The refund is told until it is taken; only then the payment is told.
    place.shop.answer(&[UNAVAILABLE]);
    let page = place.stripe_session().await?;
    place.double.pay(&page, Card::RefundFirst)?;
    place.double.settled().await;
    let told = place.shop.types()?;
    assert_eq!(
        told.get(4..),
        Some(&["charge.refunded", "charge.refunded", "checkout.session.completed"].map(String::from)[..])
    );
    assert_eq!(place.double.payment(&page).map(|payment| payment.refunded_minor), Some(4_900));
    assert!(place.double.refund(&page, None).is_err(), "all of it is given back");
    Ok(())
}

#[tokio::test]
async fn tests_decide_the_order() -> anyhow::Result<()> {
    let place = Place::new().await?;
    place.double.hold();
    let page = place.stripe_session().await?;
    place.double.pay(&page, Card::Good)?;
    place.double.refund(&page, None)?;
    tokio::time::sleep(LATE).await;
    assert!(place.shop.heard().is_empty(), "all of it is held");
    assert_eq!(place.double.deliver(2).await?, Answer::Status(200));
    assert_eq!(place.shop.types()?, ["charge.refunded"]);
    place.double.release();
    place.double.settled().await;
    assert_eq!(place.shop.types()?, ["charge.refunded", "checkout.session.completed"]);
    Ok(())
}

#[tokio::test]
async fn what_is_not_paid_in_time_expires() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let (stripe, generic) = (place.stripe_session().await?, place.generic_session().await?);
    let paid = place.stripe_session().await?;
    place.double.pay(&paid, Card::Good)?;
    place.pass(3_601);
    assert_eq!(place.double.pay(&stripe, Card::Good)?, Outcome::Expired);
    while place.double.payment(&stripe).is_some_and(|payment| payment.state == State::Open) {
        tokio::task::yield_now().await;
    }
    place.double.settled().await;
    let mut told = place.shop.types()?;
    told.sort_unstable();
    assert_eq!(
        told,
        ["checkout.session.completed", "checkout.session.expired"],
        "the generic interface has no word for it"
    );
    let states = [&stripe, &generic, &paid].map(|page| place.double.payment(page).map(|payment| payment.state));
    assert_eq!(states, [State::Expired, State::Expired, State::Paid].map(Some));

    let page = place.stripe_session().await?;
    place.double.expire(&page)?;
    assert!(place.double.expire(&page).is_err());
    place.double.settled().await;
    assert_eq!(place.shop.types()?.pop().as_deref(), Some("checkout.session.expired"));
    Ok(())
}

#[tokio::test]
async fn a_dropped_double_is_gone() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let page = place.stripe_session().await?;
    place.double.hold();
    place.double.pay(&page, Card::Good)?;
    let address = place.double.address();
    drop(place.double);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(place.shop.heard().is_empty());
    Ok(())
}
