//! Promo codes and webhooks that must not work, and that burn nothing.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::time::Duration;

use anyhow::{Context, ensure};
use journeys::{
    browser::{Browser, Page},
    by_json::{Programs, checkout, form_id},
    client::{Answer, Client},
    story::Story,
    world::{Wishes, World, cobalt_webhook_secret},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn place(world: &World, store: &str, body: &Value) -> anyhow::Result<Answer> {
    let mut guest = Client::new(&world.place.service)?;
    let request = guest.request(Method::POST, &format!("/webstore-checkout/{store}/checkout")).json(body);
    guest.send(request).await
}

// SHP-2 SHP-3 SHP-5: a code that does not pay is refused without a trace, and one that another try failed with still works.
#[tokio::test(flavor = "multi_thread")]
async fn shp_3_a_refused_order_burns_no_code() -> anyhow::Result<()> {
    // A second product of the same partner, so that a code can be for the other one.
    let second = "[products.cobalt-token]\npartner = \"cobalt\"\nname = \"Token\"\ndescription = \"A token.\"\nprice = \"45.00 \
                  USD\"\nterm_days = 365\nlevel = 2\nkind = \"authenticator-app\"\n\n[products.cobalt-token.\
                  service_agreement]\nversion = \"2026-01\"\ntext = \"Be careful.\"\n\n[products.cobalt-mobile-id]";
    let gateway = vec![("[products.cobalt-mobile-id]".to_owned(), second.to_owned())];
    let world = World::with(Wishes { gateway, ..Wishes::default() }).await?;
    let mut programs = Programs::new(&world.place, "guest@heron.example")?;
    programs.registrar_signs_in().await?;
    let free = programs.promo_codes(1, "free").await?.join("");
    let half = programs.promo_codes(1, "50%").await?.join("");
    let amount = programs.promo_codes(1, "44.99").await?.join("");
    let before = world.store_contents().await?;
    let order = |code: &str| checkout(&form_id(), "guest@heron.example", code);
    let with = |mut body: Value, lines: Value| {
        body["lines"] = lines;
        body
    };
    // For another product, another store, more than one unit: refused each time, and the code is free afterwards.
    let token = json!([{ "product": "cobalt-token", "quantity": 1 }]);
    place(&world, "cobalt", &with(order(&free), token)).await?.problem(422, "promo-not-usable")?;
    place(&world, "anvil", &order(&free)).await?.problem(422, "invalid-input")?;
    let theirs = json!([{ "product": "anvil-mobile-id", "quantity": 1 }]);
    place(&world, "anvil", &with(order(&free), theirs)).await?.problem(422, "promo-not-usable")?;
    let two = json!([{ "product": "cobalt-mobile-id", "quantity": 2 }]);
    let short = place(&world, "cobalt", &with(order(&free), two)).await?.problem(422, "payment-not-covered")?;
    ensure!(short.to_string().contains("45.00 USD"), "SHP-5: {short}");
    for part in [&half, &amount] {
        place(&world, "cobalt", &order(part)).await?.problem(422, "payment-not-covered")?;
    }
    place(&world, "cobalt", &order("")).await?.problem(422, "payment-not-covered")?;
    place(&world, "cobalt", &order("7K2QD-0123-4567-89ABC")).await?.problem(422, "promo-not-usable")?;
    place(&world, "nowhere", &order(&free)).await?.problem(404, "not-found")?;
    let mut quote = order(&half);
    quote["action"] = json!("apply");
    let quoted = place(&world, "cobalt", &quote).await?.document(StatusCode::OK)?;
    ensure!(quoted.pointer("/total/minor") == Some(&json!(2250)), "SHP-2: {quoted}");
    ensure!(before == world.store_contents().await?, "a refused order or a quote changed the store");

    // The same form goes on with the code that works, typed as people type it.
    let typed = free.to_lowercase().replace('-', " ");
    let body = order(&typed);
    let placed = place(&world, "cobalt", &body).await?.document(StatusCode::CREATED)?;
    let after = world.store_contents().await?;
    // A repetition gets the same answer, with this code or, once placed, with whatever stands there now.
    let again = place(&world, "cobalt", &body).await?.document(StatusCode::OK)?;
    ensure!(again["order"] == placed["order"] && again["confirmation"] == placed["confirmation"], "{again}");
    // The form of an order that is placed belongs to it.
    for (member, other) in
        [("email", json!("other@heron.example")), ("lines", json!([{ "product": "cobalt-token", "quantity": 1 }]))]
    {
        let mut reused = body.clone();
        reused[member] = other;
        place(&world, "cobalt", &reused).await?.problem(409, "order-form-reused")?;
    }
    // Used, and expired.
    place(&world, "cobalt", &order(&free)).await?.problem(422, "promo-not-usable")?;
    world.host.clock().advance(Duration::from_hours(90 * 24));
    place(&world, "cobalt", &order(&half)).await?.problem(422, "promo-not-usable")?;
    ensure!(after == world.store_contents().await?, "a refused order changed the store");
    world.stop().await
}

/// What cannot be acted upon is taken and kept.
fn kept(answer: &Answer, code: &str) -> anyhow::Result<()> {
    let kept = answer.document(StatusCode::ACCEPTED)?;
    ensure!(kept["handled"] == false && kept["code"] == code && kept["kept"].is_string(), "{kept}");
    Ok(())
}

/// A webhook as its sender makes it.
struct Sender<'a> {
    world: &'a World,
    secrets: Vec<String>,
    id: &'a str,
    off: i64,
}

impl Sender<'_> {
    async fn send(&self, event: &Value) -> anyhow::Result<Answer> {
        let body = event.to_string();
        let at = i64::try_from(self.world.place.time.unix_seconds())? + self.off;
        let mut signatures = Vec::new();
        for secret in &self.secrets {
            signatures.push(standardwebhooks::Webhook::new(secret)?.sign(self.id, at, body.as_bytes())?);
        }
        let request = reqwest::Client::new()
            .post(self.world.url("/webstore-checkout/webhooks/anvil"))
            .header("content-type", "application/json")
            .header("webhook-id", self.id)
            .header("webhook-timestamp", at.to_string())
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        Answer::of(request.send().await?).await
    }
}

// SHP-7: two secrets are live while one is replaced; either is enough, a third is not, and a sender may sign with both.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_rotation_with_two_secrets() -> anyhow::Result<()> {
    let list = |names: &str| format!("webhook_secret_variables = [{names}]");
    let gateway = vec![
        (list("\"cobalt_webhook_secret\""), list("")),
        (list("\"anvil_webhook_secret\""), list("\"anvil_webhook_secret\", \"cobalt_webhook_secret\"")),
    ];
    let world = World::with(Wishes { gateway, ..Wishes::default() }).await?;
    let (old, new) = (world.place.secrets.anvil_webhook_secret.clone(), cobalt_webhook_secret());
    let third = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX".to_owned();
    let mut ignore = |_| {};
    let story = Story::new(&world.place, "ada@kestrel.example", &mut ignore);
    let event = |order: &str| story.paid_order(order, "anvil-mobile-id");
    let sender = |secrets: &[&String]| Sender {
        world: &world,
        secrets: secrets.iter().map(|secret| (*secret).clone()).collect(),
        id: "msg_1",
        off: 0,
    };
    let before = world.store_contents().await?;
    sender(&[&third]).send(&event("AN-1")).await?.problem(401, "webhook-not-verified")?;
    sender(&[]).send(&event("AN-1")).await?.problem(401, "webhook-not-verified")?;
    ensure!(before == world.store_contents().await?, "a webhook that was not verified changed the store");
    for (order, secrets) in [("AN-1", [&old].as_slice()), ("AN-2", &[&new]), ("AN-3", &[&third, &new, &old])] {
        let taken = sender(secrets).send(&event(order)).await?.document(StatusCode::OK)?;
        ensure!(taken.pointer("/licences") == Some(&json!(1)), "{taken}");
    }
    world.stop().await
}

// SHP-6 SHP-7: an event that comes again, under the same id or another, later or with its lines turned around, issues nothing
// twice; one that says something else is kept for an operator.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_replays_and_contradictions() -> anyhow::Result<()> {
    let world = World::start().await?;
    let secret = world.place.secrets.anvil_webhook_secret.clone();
    let sender = |id, off| Sender { world: &world, secrets: vec![secret.clone()], id, off };
    let mut ignore = |_| {};
    let event = Story::new(&world.place, "ada@kestrel.example", &mut ignore).paid_order("AN-1", "anvil-mobile-id");
    let first = sender("msg_1", 0).send(&event).await?.document(StatusCode::OK)?;
    let contents = world.store_contents().await?;
    for (id, off) in [("msg_1", 0), ("msg_2", 0), ("msg_1", 300), ("msg_1", -300)] {
        let again = sender(id, off).send(&event).await?.document(StatusCode::OK)?;
        ensure!(first == again, "{first} then {again}");
    }
    for off in [301, -301] {
        sender("msg_1", off).send(&event).await?.problem(400, "webhook-stale")?;
    }
    ensure!(contents == world.store_contents().await?, "a repetition changed something");
    let changed = |pointer: &str, value: Value| {
        let mut changed = event.clone();
        *changed.pointer_mut(pointer).context("a member of the event")? = value;
        anyhow::Ok(changed)
    };
    for (pointer, value) in [
        ("/data/total_minor", json!(1)),
        ("/data/currency", json!("EUR")),
        ("/data/lines/0/quantity", json!(2)),
        ("/data/customer/email", json!("eve@kestrel.example")),
    ] {
        kept(&sender("msg_3", 0).send(&changed(pointer, value)?).await?, "order-contradicted")?;
    }
    for (pointer, value) in [
        ("/data/currency", json!("XXX")),
        ("/data/order_id", json!("")),
        ("/data/lines", json!([])),
        ("/data/lines/0/product", json!("cobalt-mobile-id")),
        ("/data/customer/email", json!("nobody")),
    ] {
        kept(&sender("msg_3", 0).send(&changed(pointer, value)?).await?, "invalid-input")?;
    }
    for (pointer, value) in
        [("/data/total_minor", json!(-1)), ("/data/total_minor", json!(1e300)), ("/type", json!(null))]
    {
        kept(&sender("msg_3", 0).send(&changed(pointer, value)?).await?, "unreadable")?;
    }
    let contents = world.store_contents().await?;
    for kind in ["order.shipped", ""] {
        let left = sender("msg_4", 0).send(&changed("/type", json!(kind))?).await?.document(StatusCode::ACCEPTED)?;
        ensure!(left == json!({ "handled": false }), "{left}");
    }
    ensure!(contents == world.store_contents().await?, "something changed");
    ensure!(
        world.place.mails("ada@kestrel.example").await?.len() == 3,
        "SHP-6: receipt, licence key, order, once each"
    );
    world.stop().await
}

// SHP-1: who comes back to a webstore finds the cart, until it is emptied or ordered. Another partner's store has its own.
#[tokio::test(flavor = "multi_thread")]
async fn shp_1_a_browser_keeps_the_cart() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut browser = Browser::new();
    let store = world.url("/webstore-checkout/anvil");
    let in_cart = |page: &Page| page.attributes("main a", "href").iter().any(|href| href.contains("anvil-mobile-id=2"));
    let adding = browser.open(&store).await?.good()?.form("Add to Cart")?.fill("anvil-mobile-id", "2");
    browser.submit(adding).await?.titled("Your cart")?;
    ensure!(in_cart(&browser.open(&store).await?.good()?), "the catalogue leads back to the cart");
    let cart = browser.open(&format!("{store}/cart")).await?.titled("Your cart")?;
    ensure!(cart.text().contains("98.00 USD"), "{}", cart.text());
    let other = browser.open(&world.url("/webstore-checkout/cobalt/cart")).await?.titled("Your cart")?;
    ensure!(other.text().contains("Your cart is empty"), "{}", other.text());
    ensure!(in_cart(&browser.open(&store).await?.good()?), "looking at another store loses nothing");
    let mut tampered = browser.cookie(&store, "__Host-cart").context("the cart is kept")?.to_owned();
    let middle = tampered.len() / 2;
    let other_letter = if tampered[middle..].starts_with('A') { "B" } else { "A" };
    tampered.replace_range(middle..=middle, other_letter);
    let mut stranger = Browser::new();
    stranger.set_cookie(&store, "__Host-cart", Some(&tampered));
    ensure!(!in_cart(&stranger.open(&store).await?.good()?), "what was not sealed here counts for nothing");
    // Ordered, it is forgotten.
    let mut buyer = browser.clone();
    let form = buyer.open(&format!("{store}/checkout?anvil-mobile-id=2")).await?.form("Review Order")?;
    let form = form.fill("given_name", "Ada").fill("family_name", "Kestrel").fill("email", "ada@kestrel.example");
    let review = buyer.submit(form.fill("pay_by", "card")).await?.titled("Review your order")?;
    buyer.submit(review.form("Place Order")?).await?.titled("Your order waits for payment")?;
    ensure!(!in_cart(&buyer.open(&store).await?.good()?), "it was ordered");
    let emptying = cart.form("Update Cart")?.fill("anvil-mobile-id", "0");
    browser.submit(emptying).await?.titled("Your cart")?;
    ensure!(!in_cart(&browser.open(&store).await?.good()?), "it was emptied");
    world.stop().await
}

// SHP-9: a page writes amounts as the visitor's language does; who says nothing sees what programs see.
#[tokio::test(flavor = "multi_thread")]
async fn shp_9_amounts_are_in_the_visitors_language() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (languages, amount) in
        [("", "49.00 USD"), ("en-US,en;q=0.5", "$49.00"), ("de-DE,de;q=0.9", "49,00\u{a0}USD"), ("tlh", "49.00 USD")]
    {
        let page = reqwest::Client::new().get(world.url("/webstore-checkout/anvil")).header("accept", "text/html");
        let page = page.header("accept-language", languages).send().await?.text().await?;
        ensure!(page.contains(&format!("<span class=\"price\">{amount}</span>")), "{languages}: {page}");
    }
    world.stop().await
}
