//! The pages, as a browser without scripts meets them; and what a real one and axe say about them.

use payment_provider::{Card, State};
use reqwest::{Response, StatusCode, header::LOCATION};
use serde_json::json;

use crate::{
    node,
    place::{Place, answer},
};

fn location(response: &Response) -> Option<&str> {
    response.headers().get(LOCATION)?.to_str().ok()
}

impl Place {
    async fn post(&self, address: &str, fields: &[(&str, &str)]) -> anyhow::Result<Response> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        Ok(self.http.post(address).body(form.finish()).send().await?)
    }

    async fn pay_with(&self, page: &str, number: &str) -> anyhow::Result<Response> {
        self.post(page, &[("number", number), ("expiry", "12/34"), ("cvc", "123"), ("name", "Ada Okafor")]).await
    }

    async fn page(&self, address: &str) -> anyhow::Result<(StatusCode, String)> {
        let response = self.http.get(address).send().await?;
        Ok((response.status(), response.text().await?))
    }
}

#[tokio::test]
async fn a_person_pays() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let page = place.stripe_session().await?;
    let (status, text) = place.page(&page).await?;
    assert_eq!(status, StatusCode::OK);
    for expected in ["no money moves", "49.00 USD", "Order &#60;10001&#62;: 2 × Licence", "Cancel and go back"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for card in Card::ALL {
        assert!(text.contains(card.number()), "{card:?}");
    }

    let declined = place.pay_with(&page, Card::Declined.number()).await?;
    assert_eq!(declined.status(), StatusCode::PAYMENT_REQUIRED);
    let text = declined.text().await?;
    assert!(text.contains("Your card was declined.") && text.contains("<title>Error: "), "{text}");

    let paid = place.pay_with(&page, Card::Good.number()).await?;
    let back = format!("{}/paid?session={}", place.shop.origin(), page.rsplit('/').next().unwrap_or_default());
    assert_eq!((paid.status(), location(&paid)), (StatusCode::SEE_OTHER, Some(back.as_str())));
    let looked = place.http.get(&page).send().await?;
    assert_eq!(location(&looked), Some(back.as_str()), "who comes again goes straight back");
    let again = place.pay_with(&page, Card::Declined.number()).await?;
    assert_eq!(location(&again), Some(back.as_str()));
    place.double.settled().await;
    assert_eq!(place.double.deliveries().len(), 2, "one decline, one payment");
    let name = place.double.payment(&page).and_then(|payment| payment.name);
    assert_eq!(name.as_deref(), Some("Ada Okafor"));
    Ok(())
}

#[tokio::test]
async fn a_person_makes_mistakes_and_goes_back() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let page = place.generic_session().await?;
    let wrong = place.post(&page, &[("number", "4242 4242 4242 4241\"<"), ("expiry", "1"), ("cvc", "")]).await?;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let text = wrong.text().await?;
    assert_eq!(text.matches("aria-invalid").count(), 3, "{text}");
    assert!(text.contains("value=\"4242 4242 4242 4241&#34;&#60;\""), "{text}");
    assert!(place.double.deliveries().is_empty(), "the bank was not asked");

    let back = place.post(&format!("{page}/cancel"), &[]).await?;
    let basket = format!("{}/basket", place.shop.origin());
    assert_eq!((back.status(), location(&back)), (StatusCode::SEE_OTHER, Some(basket.as_str())));
    assert_eq!(place.double.payment(&page).map(|payment| payment.state), Some(State::Open), "it can still be paid");

    place.pass(7_200);
    let (status, text) = place.page(&page).await?;
    assert_eq!(status, StatusCode::GONE);
    assert!(text.contains("has expired") && text.contains(&basket), "{text}");
    assert_eq!(place.pay_with(&page, Card::Good.number()).await?.status(), StatusCode::GONE);
    assert_eq!(place.page(&format!("{}/pay/nothing", place.double.origin())).await?.0, StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test]
async fn the_overview_refunds_and_tells_again() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let page = place.stripe_session().await?;
    let origin = place.double.origin();
    let refund = format!("{origin}/payments/{}/refund", page.rsplit('/').next().unwrap_or_default());
    assert_eq!(place.post(&refund, &[]).await?.status(), StatusCode::UNPROCESSABLE_ENTITY, "it is not paid");
    place.shop.answer(&[StatusCode::SERVICE_UNAVAILABLE]);
    place.double.pay(&page, Card::Good)?;
    place.double.settled().await;
    for (amount, status, refunded) in [
        ("9.00", StatusCode::SEE_OTHER, 900),
        ("49.00", StatusCode::UNPROCESSABLE_ENTITY, 900),
        ("-1", StatusCode::UNPROCESSABLE_ENTITY, 900),
        ("0", StatusCode::UNPROCESSABLE_ENTITY, 900),
        ("", StatusCode::SEE_OTHER, 4_900),
        ("", StatusCode::UNPROCESSABLE_ENTITY, 4_900),
    ] {
        assert_eq!(place.post(&refund, &[("amount", amount)]).await?.status(), status, "{amount}");
        assert_eq!(place.double.payment(&page).map(|payment| payment.refunded_minor), Some(refunded), "{amount}");
    }
    place.double.settled().await;
    let before = place.shop.heard().len();
    assert_eq!(place.post(&format!("{origin}/deliveries/1/again"), &[]).await?.status(), StatusCode::SEE_OTHER);
    assert_eq!(place.shop.heard().len(), before + 1);
    assert_eq!(place.post(&format!("{origin}/deliveries/9/again"), &[]).await?.status(), StatusCode::NOT_FOUND);
    let (_, text) = place.page(&origin).await?;
    for expected in ["paid; 49.00 USD refunded", "answered 503", "charge.refunded", "Deliver again"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    Ok(())
}

#[tokio::test]
async fn the_overview_lets_a_payment_expire() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let page = place.stripe_session().await?;
    let expire = page.replace("/pay/", "/payments/") + "/expire";
    assert_eq!(place.post(&expire, &[]).await?.status(), StatusCode::SEE_OTHER);
    assert_eq!(place.post(&expire, &[]).await?.status(), StatusCode::CONFLICT);
    place.double.settled().await;
    assert_eq!(place.shop.types()?, ["checkout.session.expired"]);
    Ok(())
}

/// Needs `node`, `npm` and `chromium`: README, "Run it".
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_pays_and_finds_nothing_wrong() -> anyhow::Result<()> {
    let place = Place::new().await?;
    let (page, expired) = (place.stripe_session().await?, place.generic_session().await?);
    place.double.expire(&expired)?;
    let mut form = place.stripe_form();
    form.retain(|(name, _)| *name != "cancel_url");
    let (_, without) = answer(place.make_stripe(&form)).await?;
    let wish = json!({
        "origin": place.double.origin(), "pay": page, "expired": expired, "without": without["url"], "shop": place.shop.origin(),
    });
    let said = tokio::task::spawn_blocking(move || node::look(&wish)).await??;
    println!("{said}");
    place.double.settled().await;
    let expected = ["payment_intent.payment_failed", "checkout.session.completed", "charge.refunded"].map(String::from);
    let told = place.shop.types()?;
    assert!(expected.iter().all(|kind| told.contains(kind)), "{told:?}");
    Ok(())
}
