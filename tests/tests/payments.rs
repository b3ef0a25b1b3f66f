//! Payment by card, over HTTP, with a double of a payment provider that is awkward in the ways that real ones are: to its page
//! and back, webhooks that come twice, late, again or in the wrong order, other sums, refunds.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::time::Duration;

use anyhow::{Context, ensure};
use journeys::{
    browser::Browser,
    by_json::{Programs, form_id, order_token},
    client::{Answer, Client},
    signer::{Signer, Unsigned},
    world::{Wishes, World, payment_webhook_secret},
};
use payment_provider::{Card, Outcome, Standing};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::webhook::Dialect;

const ADA: &str = "ada@kestrel.example";
const LICENCE: &str = "Your licence key";

/// A guest's order by card, and its way to the provider's page.
struct Bought {
    guest: Client,
    token: String,
    /// The provider's page.
    pay_at: String,
}

fn order(code: &str) -> Value {
    json!({
        "form": form_id(), "given_name": "Ada", "family_name": "Kestrel", "email": ADA, "action": "place",
        "lines": [{ "product": "anvil-mobile-id", "quantity": 1 }], "promo_code": code, "pay_by": "card",
    })
}

async fn buy(world: &World, code: &str) -> anyhow::Result<Bought> {
    let mut guest = Client::new(&world.place.service)?;
    let placed = guest.post("/webstore-checkout/anvil/checkout", &order(code), StatusCode::CREATED).await?;
    ensure!(placed["state"] == "awaiting-payment", "{placed}");
    let token = order_token(&placed)?.to_owned();
    let there = guest.post("/payments", &json!({ "token": token }), StatusCode::OK).await?;
    ensure!(there["order"] == placed["order"] && there["total"] == placed["total"], "{there} {placed}");
    let pay_at = there["pay_at"].as_str().context("an address")?.to_owned();
    Ok(Bought { guest, token, pay_at })
}

impl Bought {
    async fn order(&mut self) -> anyhow::Result<Value> {
        self.guest.get(&format!("/webstore-checkout/orders?token={}", self.token)).await
    }

    async fn is(&mut self, state: &str) -> anyhow::Result<()> {
        let order = self.order().await?;
        ensure!(order["state"] == state, "{state}: {order}");
        Ok(())
    }

    async fn again(&mut self) -> anyhow::Result<Answer> {
        let request = self.guest.request(Method::POST, "/payments").json(&json!({ "token": self.token }));
        self.guest.send(request).await
    }
}

async fn mails(world: &World, subject: &str) -> anyhow::Result<usize> {
    Ok(world.place.mails(ADA).await?.iter().filter(|mail| mail.subject.starts_with(subject)).count())
}

// SHP-5: the provider is asked once for one order, and only its word completes it.
#[tokio::test(flavor = "multi_thread")]
async fn shp_5_a_card_completes_the_order_when_the_provider_says_so() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.payments.hold();
    let mut bought = buy(&world, "").await?;
    let session = world.payments.payment(&bought.pay_at).context("the provider knows it")?;
    ensure!((session.asked.amount_minor, session.asked.email.as_deref()) == (4_900, Some(ADA)), "{session:?}");
    let again = bought.again().await?.document(StatusCode::OK)?;
    ensure!(
        again["pay_at"] == bought.pay_at.as_str() && world.payments.payments().len() == 1,
        "one page for one order: {again}"
    );
    ensure!(matches!(world.payments.pay(&bought.pay_at, Card::Declined)?, Outcome::Declined(_)));
    bought.is("awaiting-payment").await?;
    ensure!(matches!(world.payments.pay(&bought.pay_at, Card::Good)?, Outcome::Paid(_)));
    bought.is("awaiting-payment").await?;
    let reference = bought.order().await?["order"].as_str().context("a reference")?.to_owned();
    let back = format!("/payments/return?order={reference}&payment=made");
    let back = bought.guest.send(bought.guest.request(Method::GET, &back)).await?;
    ensure!(back.status == StatusCode::SEE_OTHER && back.header("location").starts_with("/webstore-checkout/orders?"));
    bought.is("awaiting-payment").await.context("coming back proves nothing")?;
    world.payments.release();
    world.payments.settled().await;
    bought.is("complete").await?;
    bought.again().await?.problem(409, "wrong-stage")?;
    ensure!(mails(&world, LICENCE).await? == 1 && mails(&world, "Receipt").await? == 1, "each is sent once");
    world.stop().await
}

// SHP-7: twice, late, and only at the third try.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_an_awkward_provider_completes_each_order_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (place, card) in [Card::ToldTwice, Card::ToldLate, Card::FirstLost].into_iter().enumerate() {
        let mut bought = buy(&world, "").await?;
        world.payments.pay(&bought.pay_at, card)?;
        world.payments.settled().await;
        bought.is("complete").await.with_context(|| format!("{card:?}"))?;
        let told = world.payments.deliveries();
        ensure!(told.iter().all(|one| one.standing == Standing::Delivered), "{told:?}");
        ensure!(mails(&world, LICENCE).await? == place + 1, "{card:?}");
    }
    let mut bought = buy(&world, "").await?;
    world.payments.pay(&bought.pay_at, Card::RefundFirst)?;
    world.payments.settled().await;
    bought.is("refunded").await?;
    ensure!(mails(&world, LICENCE).await? == 3, "nothing is given for what was given back");
    world.stop().await
}

// SHP-7: a refund revokes what nobody has activated; a part of it is for a person.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_money_that_is_given_back_ends_the_order() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut bought = buy(&world, "").await?;
    world.payments.pay(&bought.pay_at, Card::Good)?;
    world.payments.settled().await;
    world.payments.refund(&bought.pay_at, Some(100))?;
    world.payments.settled().await;
    bought.is("complete").await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.registrar_signs_in().await?;
    let letters = programs.registrar.get("/operate/dead-letters").await?;
    ensure!(
        letters["letters"][0]["code"] == "partly-refunded" && letters["letters"][0]["source"] == "payments",
        "{letters}"
    );
    world.payments.refund(&bought.pay_at, None)?;
    world.payments.settled().await;
    bought.is("refunded").await?;
    world.stop().await
}

// SHP-2 SHP-3: in time, a lapse frees the code; a payment after that needs it again.
#[tokio::test(flavor = "multi_thread")]
async fn shp_3_a_late_payment_by_card_needs_its_code_again() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.registrar_signs_in().await?;
    let codes = programs.promo_codes_for("anvil", "anvil-mobile-id", 2, "50%").await?;
    let [first, second] = codes.as_slice() else { anyhow::bail!("two codes: {codes:?}") };
    let (mut in_time, mut too_late) = (buy(&world, first).await?, buy(&world, second).await?);
    world.payments.hold();
    for bought in [&in_time, &too_late] {
        world.payments.pay(&bought.pay_at, Card::Good)?;
    }
    world.pass_hours(4).await?;
    in_time.is("lapsed").await?;
    too_late.is("lapsed").await?;
    // Somebody else takes the second code.
    let _ = buy(&world, second).await?;
    world.payments.release();
    world.payments.settled().await;
    in_time.is("complete").await?;
    let order = too_late.order().await?;
    ensure!(order["state"] == "lapsed" && order["paid_in_vain"] == true, "{order}");
    ensure!(mails(&world, "You get your money").await? == 1 && mails(&world, LICENCE).await? == 1, "one of them");
    world.stop().await
}

/// A webhook of the provider, signed by Stripe's library with this secret at this time.
async fn told(world: &World, body: &str, secret: &str, unix_seconds: u64) -> anyhow::Result<Answer> {
    let unsigned = Unsigned { id: "", unix_seconds, body };
    let request =
        reqwest::Client::new().post(world.url("/payments/webhook")).header("content-type", "application/json");
    let signed = Signer::install()?.sign(Dialect::Stripe, secret, unsigned)?;
    let request = signed.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    Answer::of(request.body(body.to_owned()).send().await?).await
}

// SHP-5 SHP-7: what the provider has not signed, or long ago, or what is of another sum, completes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_only_the_providers_signature_over_the_whole_sum_counts() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.payments.hold();
    let mut bought = buy(&world, "").await?;
    world.payments.pay(&bought.pay_at, Card::Good)?;
    let deliveries = world.payments.deliveries();
    let body = &deliveries.first().context("it has something to tell")?.body;
    let before = world.store_contents().await?;
    let (now, secret) = (world.place.time.unix_seconds(), payment_webhook_secret());
    let anvils = &world.place.secrets.anvil_webhook_secret;
    told(&world, body, anvils, now).await?.problem(401, "webhook-not-verified")?;
    told(&world, body, &secret, now - 301).await?.problem(400, "webhook-stale")?;
    ensure!(world.store_contents().await? == before, "that leaves no trace");
    for (sum, currency) in [("4899", "usd"), ("4901", "usd"), ("4900", "eur")] {
        let other = body.replace("4900", sum).replace("\"usd\"", &format!("\"{currency}\""));
        let kept = told(&world, &other, &secret, now).await?.document(StatusCode::ACCEPTED)?;
        ensure!(kept["code"] == "another-sum" && kept["handled"] == false, "{kept}");
    }
    bought.is("awaiting-payment").await?;
    let handled = told(&world, body, &secret, now).await?.document(StatusCode::OK)?;
    ensure!(handled["state"] == "complete" && handled["licences"] == 1, "{handled}");
    bought.is("complete").await?;
    world.stop().await
}

// SHP-5: a provider that is away costs nothing but a moment.
#[tokio::test(flavor = "multi_thread")]
async fn shp_5_a_provider_that_is_away_is_asked_again() -> anyhow::Result<()> {
    let nowhere = vec![("payment_endpoint".to_owned(), "http://127.0.0.1:9/v1/checkout/sessions".to_owned())];
    let world = World::with(Wishes { variables: nowhere, ..Wishes::default() }).await?;
    let mut guest = Client::new(&world.place.service)?;
    let placed = guest.post("/webstore-checkout/anvil/checkout", &order(""), StatusCode::CREATED).await?;
    let token = order_token(&placed)?;
    let request = guest.request(Method::POST, "/payments").json(&json!({ "token": token }));
    let refused = guest.send(request).await?;
    ensure!(refused.header("retry-after") == "60", "{refused:?}");
    refused.problem(503, "payment-page-unavailable")?;
    world.stop().await
}

// SHP-5: a page that was opened in time is there to the end; one that is asked for too late cannot be had, and that is said.
#[tokio::test(flavor = "multi_thread")]
async fn shp_5_the_providers_page_is_open_to_the_end_or_not_opened_any_more() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut opened = buy(&world, "").await?;
    let mut guest = Client::new(&world.place.service)?;
    let late = guest.post("/webstore-checkout/anvil/checkout", &order(""), StatusCode::CREATED).await?;
    let token = order_token(&late)?;
    // The customer has an hour; the order waits half an hour longer.
    world.place.time.pass(Duration::from_mins(59)).await;
    guest.post("/payments", &json!({ "token": token }), StatusCode::OK).await?;
    let unopened = guest.post("/webstore-checkout/anvil/checkout", &order(""), StatusCode::CREATED).await?;
    world.place.time.pass(Duration::from_mins(30)).await;
    let again = opened.again().await?.document(StatusCode::OK)?;
    ensure!(again["pay_at"] == opened.pay_at.as_str(), "{again}");
    world.place.time.pass(Duration::from_mins(32)).await;
    let token = order_token(&unopened)?;
    let request = guest.request(Method::POST, "/payments").json(&json!({ "token": token }));
    let refused = guest.send(request).await?.problem(409, "wrong-stage")?;
    ensure!(refused.to_string().contains("Place a new order"), "{refused}");
    world.stop().await
}

// SHP-1 SHP-6: a form that is sent twice leads to its order, where it can be paid; one that says something else is refused.
#[tokio::test(flavor = "multi_thread")]
async fn shp_6_a_form_that_is_sent_twice_leads_to_its_order() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut guest = Client::new(&world.place.service)?;
    let body = order("");
    let placed = guest.post("/webstore-checkout/anvil/checkout", &body, StatusCode::CREATED).await?;
    let again = guest.post("/webstore-checkout/anvil/checkout", &body, StatusCode::OK).await?;
    ensure!(placed == again, "{placed} {again}");
    for (field, value) in [("pay_by", "invoice"), ("promo_code", "7K2QD-0123-4567-89ABC")] {
        let mut other = body.clone();
        other[field] = json!(value);
        other["billing"] = json!({ "street": "12 Lathe Street", "city": "Toledo", "region": "OH", "postal_code": "43604", "country": "US" });
        let request = guest.request(Method::POST, "/webstore-checkout/anvil/checkout").json(&other);
        guest.send(request).await?.problem(409, "order-form-reused")?;
    }
    let mut browser = Browser::new();
    let page = browser.open(&world.url("/webstore-checkout/anvil/checkout?anvil-mobile-id=1")).await?;
    let form = page.form("Review Order")?.fill("given_name", "Ada").fill("family_name", "Kestrel").fill("email", ADA);
    let review = browser.submit(form.fill("pay_by", "card")).await?.titled("Review your order")?;
    let place = review.form("Place Order")?;
    browser.submit(place.clone()).await?.titled("Your order waits for payment")?;
    let page = browser.submit(place).await?.titled("Your order waits for payment")?;
    page.form("Pay 49.00 USD by card")?;
    world.stop().await
}

// SHP-1 SHP-2: who has changed their mind cancels what is not paid, and has the code back.
#[tokio::test(flavor = "multi_thread")]
async fn shp_1_a_customer_cancels_an_order_that_is_not_paid() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, ADA)?;
    programs.registrar_signs_in().await?;
    let code = programs.promo_codes_for("anvil", "anvil-mobile-id", 1, "50%").await?.join("");
    let mut bought = buy(&world, &code).await?;
    let cancel = |bought: &Bought| json!({ "token": bought.token });
    let body = cancel(&bought);
    let cancelled = bought.guest.post("/webstore-checkout/orders/cancel", &body, StatusCode::OK).await?;
    ensure!(cancelled["state"] == "cancelled", "{cancelled}");
    bought.again().await?.problem(409, "wrong-stage")?;
    let mut anew = buy(&world, &code).await.context("the code is free")?;
    // Who pays on the page that is still open gets the money back.
    world.payments.pay(&bought.pay_at, Card::Good)?;
    world.payments.settled().await;
    let order = bought.order().await?;
    ensure!(order["state"] == "cancelled" && order["paid_in_vain"] == true, "{order}");
    world.payments.pay(&anew.pay_at, Card::Good)?;
    world.payments.settled().await;
    anew.is("complete").await?;
    let body = cancel(&anew);
    let request = anew.guest.request(Method::POST, "/webstore-checkout/orders/cancel").json(&body);
    anew.guest.send(request).await?.problem(409, "wrong-stage")?;
    world.stop().await
}

// SHP-5: without scripts, from the cart over the provider's page to the order's page, and out of it without paying first.
#[tokio::test(flavor = "multi_thread")]
async fn shp_5_a_browser_goes_to_the_providers_page_and_comes_back() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut guest = Browser::new();
    let form =
        guest.open(&world.url("/webstore-checkout/anvil/checkout?anvil-mobile-id=1")).await?.form("Review Order")?;
    let form = form.fill("given_name", "Ada").fill("family_name", "Kestrel").fill("email", ADA).fill("pay_by", "card");
    let review = guest.submit(form).await?.titled("Review your order")?;
    let waiting = guest.submit(review.form("Place Order")?).await?.titled("Your order waits for payment")?;
    let there = guest.submit(waiting.form("Pay 49.00 USD by card")?).await?.good()?;
    ensure!(there.url.as_str().starts_with(&world.payments.origin()), "{}", there.url);
    let back = guest.submit(there.form("Cancel and go back")?).await?.titled("Your order waits for payment")?;
    ensure!(back.text().contains("You left the payment page without paying."), "{}", back.text());
    let there = guest.submit(back.form("Pay 49.00 USD by card")?).await?.good()?;
    world.payments.hold();
    let pay = there.form("Pay")?.fill("number", Card::Good.number()).fill("expiry", "12/34").fill("cvc", "123");
    let back = guest.submit(pay).await?.titled("Your order waits for payment")?;
    ensure!(back.text().contains("As soon as the payment provider confirms"), "{}", back.text());
    ensure!(!back.url.as_str().contains("token="), "the link's token is in no address: {}", back.url);
    world.payments.release();
    world.payments.settled().await;
    guest.open(back.url.as_str()).await?.titled("Thank you for your order")?;
    // Elsewhere nobody knows which order it is.
    let elsewhere = back.url.join("/payments/return?order=O-ABCDE23456&payment=made")?;
    Browser::new().open(elsewhere.as_str()).await?.titled("Back from the payment page")?;
    guest.open(elsewhere.as_str()).await?.titled("Back from the payment page")?;
    world.stop().await
}
