//! What the journeys cost, exactly: storage operations and instructions for each route and outcome.
//!
//! The tables are snapshots: a change that costs more, or less, is a visible difference to be reviewed. After a change
//! that is meant, `INSTA_UPDATE=always cargo test -p journeys --test figures` writes the storage table anew, and
//! `VESTIBULE_FIGURES=write` the instructions.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context, ensure};
use journeys::{
    by_json::{Programs, activation, address, checkout, form_id, order_token, profile},
    client::{Answer, Client},
    story::Story,
    world::{Wishes, World, client_secret, root},
};
use payment_provider::Card;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use vestibule_host::{Measured, Options};

/// How far the instructions of a route may move before the test asks for a review.
const TOLERANCE: f64 = 0.02;
const INSTRUCTIONS: &str = "docs/instructions.tsv";

/// Both journeys, measured: by the first request of an instance, or by a further one.
async fn measured(warmed: bool) -> anyhow::Result<Vec<Measured>> {
    let world = World::with(Wishes { metering: true, warmed, ..Wishes::default() }).await?;
    let mut ignore = |_| {};
    Story::new(&world.place, "ada@kestrel.example", &mut ignore).by_invitation().await?;
    world.host.clock().advance(Duration::from_mins(1));
    Story::new(&world.place, "bea@heron.example", &mut ignore).by_self_registration().await?;
    let mut measured = world.host.ledger().take_measured();
    measured.extend(with_phones(&world).await?);
    measured.extend(with_orders(&world).await?);
    measured.extend(with_cards(&world).await?);
    world.stop().await?;
    Ok(measured)
}

/// What phones cost (CRD-5): two are registered, one of them raises a session and replaces a password, one is removed.
async fn with_phones(world: &World) -> anyhow::Result<Vec<Measured>> {
    let email = "cy@merlin.example";
    let mut cy = Programs::new(&world.place, email)?;
    let reference = cy.register_publicly().await?;
    world.host.clock().advance(Duration::from_mins(1));
    cy.registrar_signs_in().await?;
    cy.approve(&reference).await?;
    cy.activate().await?;
    let code = cy.promo_codes_for("cobalt", "cobalt-phone", 1, "free").await?;
    let mut order = checkout(&form_id(), email, &code[0]);
    order["lines"] = json!([{ "product": "cobalt-phone", "quantity": 1 }]);
    let guest = &mut Client::new(&world.place.service)?;
    guest.post("/webstore-checkout/cobalt/checkout", &order, StatusCode::CREATED).await?;
    let key = cy.licence_keys().await?.pop().context("a licence key")?;
    let address = cy.activate_licence(&key).await?;

    drop(world.host.ledger().take_measured());
    for number in ["+14195550123", "+14195550124"] {
        world.host.clock().advance(Duration::from_mins(1));
        let phone = json!({ "number": number, "number_repeated": number, "channel": "sms" });
        cy.supplier.post(&address, &phone, StatusCode::OK).await?;
        let code = json!({ "code": code_to(world, number).await? });
        cy.supplier.post(&format!("{address}/verify"), &code, StatusCode::OK).await?;
    }
    cy.supplier.get(&address).await?;
    world.host.clock().advance(Duration::from_mins(1));
    cy.supplier.post("/verify-otp/send", &json!({ "phone": 1 }), StatusCode::OK).await?;
    let code = json!({ "code": code_to(world, "+14195550123").await? });
    cy.supplier.post("/verify-otp", &code, StatusCode::OK).await?;
    cy.supplier.post(&format!("{address}/remove"), &json!({ "phone": 2 }), StatusCode::OK).await?;
    cy.supplier.post("/sign-in/reset", &json!({ "user": email }), StatusCode::OK).await?;
    let token = cy.mailed_token("Choose a new password").await?;
    cy.supplier.get(&format!("/sign-in/reset/choose?token={token}")).await?;
    cy.supplier.post("/sign-in/reset/send", &json!({ "token": token, "phone": 1 }), StatusCode::OK).await?;
    let code = code_to(world, "+14195550123").await?;
    let password = "nine paper boats drift past noon";
    let choice = json!({ "token": token, "code": code, "password": password, "password_repeated": password });
    cy.supplier.post("/sign-in/reset/choose", &choice, StatusCode::OK).await?;
    Ok(world.host.ledger().take_measured())
}

/// What orders cost besides: on an invoice, by news of a webstore, and at the operators' desk (SHP-5 to SHP-7).
async fn with_orders(world: &World) -> anyhow::Result<Vec<Measured>> {
    let mut programs = Programs::new(&world.place, "dee@merlin.example")?;
    world.host.clock().advance(Duration::from_mins(1));
    programs.registrar_signs_in().await?;
    let guest = &mut Client::new(&world.place.service)?;
    drop(world.host.ledger().take_measured());
    let mut order = checkout(&form_id(), "dee@merlin.example", "");
    order["lines"] = json!([{ "product": "anvil-mobile-id", "quantity": 1 }]);
    order["pay_by"] = json!("invoice");
    order["billing"] = address();
    let placed = guest.post("/webstore-checkout/anvil/checkout", &order, StatusCode::CREATED).await?;
    let token = order_token(&placed)?;
    guest.get(&format!("/webstore-checkout/orders?token={token}")).await?;
    let unpaid = programs.registrar.get("/operate/orders").await?;
    let order = format!("/operate/orders/{}", unpaid["orders"][0]["id"].as_str().context("an order")?);
    programs.registrar.get(&order).await?;
    programs.registrar.post(&format!("{order}/paid"), &json!({}), StatusCode::OK).await?;
    world.host.clock().advance(Duration::from_mins(6));
    guest.post("/webstore-checkout/orders/licences", &json!({ "token": token }), StatusCode::OK).await?;
    programs.registrar.post(&format!("{order}/cancelled"), &json!({}), StatusCode::OK).await?;
    programs.registrar.post(&format!("{order}/reviewed"), &json!({}), StatusCode::OK).await?;
    programs.registrar.post(&format!("{order}/refunded"), &json!({}), StatusCode::OK).await?;
    let mut ignore = |_| {};
    let story = Story::new(&world.place, "dee@merlin.example", &mut ignore);
    let mut event = story.paid_order("AN-7", "anvil-mobile-id");
    event["type"] = json!("order.created");
    ensure!(story.send_webhook(&event).await?.status() == 200);
    event["data"]["total_minor"] = json!(1);
    ensure!(story.send_webhook(&event).await?.status() == 202, "it contradicts");
    let letters = programs.registrar.get("/operate/dead-letters").await?;
    let letter = format!("/operate/dead-letters/{}", letters["letters"][0]["id"].as_str().context("a letter")?);
    programs.registrar.get(&letter).await?;
    programs.registrar.post(&format!("{letter}/replay"), &json!({}), StatusCode::OK).await?;
    programs.registrar.post(&format!("{letter}/dismiss"), &json!({}), StatusCode::OK).await?;
    Ok(world.host.ledger().take_measured())
}

/// What payment by card costs (SHP-5): to the payment provider's page and back, its word, and a refund.
async fn with_cards(world: &World) -> anyhow::Result<Vec<Measured>> {
    let guest = &mut Client::new(&world.place.service)?;
    drop(world.host.ledger().take_measured());
    let mut order = checkout(&form_id(), "dee@merlin.example", "");
    order["lines"] = json!([{ "product": "anvil-mobile-id", "quantity": 1 }]);
    order["pay_by"] = json!("card");
    order["action"] = json!("review");
    guest.post("/webstore-checkout/anvil/checkout", &order, StatusCode::OK).await?;
    order["action"] = json!("place");
    let placed = guest.post("/webstore-checkout/anvil/checkout", &order, StatusCode::CREATED).await?;
    let token = order_token(&placed)?;
    let there = guest.post("/payments", &json!({ "token": token }), StatusCode::OK).await?;
    let pay_at = there["pay_at"].as_str().context("an address")?;
    world.payments.pay(pay_at, Card::Good)?;
    let elsewhere = guest.get("/payments/return?order=O-ABCDE23456&payment=made").await?;
    ensure!(elsewhere["payment"] == "made", "{elsewhere}");
    world.payments.settled().await;
    world.payments.refund(pay_at, None)?;
    world.payments.settled().await;
    Ok(world.host.ledger().take_measured())
}

// SHP-2 SHP-3: what an order costs is the same with a code of ten thousand, and with a code that is good for ten thousand orders.
#[tokio::test(flavor = "multi_thread")]
async fn storage_operations_of_promo_codes() -> anyhow::Result<()> {
    let world = World::with(Wishes { metering: true, ..Wishes::default() }).await?;
    let mut programs = Programs::new(&world.place, "dee@merlin.example")?;
    programs.registrar_signs_in().await?;
    let guest = &mut Client::new(&world.place.service)?;
    let mut table = vec!["promo codes: reads, writes, rounds".to_owned()];
    let cost = |what: String| {
        let measured = world.host.ledger().take_measured();
        let [one] = measured.as_slice() else { anyhow::bail!("{what}: {} requests were measured", measured.len()) };
        anyhow::Ok(format!("{what}: {}, {}, {}", one.reads, one.writes, one.rounds))
    };
    for (name, count, uses, per_customer) in [
        ("1 code, once", 1, 1, ""),
        ("10,000 codes, once each", 10_000, 1, ""),
        ("1 code, 10,000 times", 1, 10_000, "1"),
    ] {
        drop(world.host.ledger().take_measured());
        let batch = json!({
            "form": form_id(), "name": name, "partner": "cobalt", "products": ["cobalt-mobile-id"], "count": count,
            "uses": uses, "uses_per_customer": per_customer, "discount": "free", "valid_days": 90,
        });
        let batch = programs.registrar.post("/operate/promo-batches", &batch, StatusCode::CREATED).await?;
        table.push(cost(format!("{name}, the batch"))?);
        let codes = batch["codes"].as_array().context("codes")?;
        ensure!(codes.len() == count);
        for (n, code) in codes.iter().cycle().take(if count * uses > 1 { 3 } else { 1 }).enumerate() {
            let email = format!("buyer-{n}@merlin.example");
            let order = checkout(&form_id(), &email, code.as_str().context("a code")?);
            guest.post("/webstore-checkout/cobalt/checkout", &order, StatusCode::CREATED).await?;
            table.push(cost(format!("{name}, order {}", n + 1))?);
        }
    }
    insta::assert_snapshot!(table.join("\n"));
    world.stop().await
}

// LCH-1: what it costs that the customer's account knows of an order; a guest's order is in the journeys' table.
#[tokio::test(flavor = "multi_thread")]
async fn storage_operations_of_an_order_of_ones_own() -> anyhow::Result<()> {
    let world = World::with(Wishes { metering: true, ..Wishes::default() }).await?;
    let mut ada = Programs::new(&world.place, "ada@kestrel.example")?;
    let reference = ada.register_publicly().await?;
    ada.registrar_signs_in().await?;
    ada.approve(&reference).await?;
    ada.activate().await?;
    let mut table = vec!["an order of one's own: reads, writes, rounds".to_owned()];
    let mut note = |what: &str| {
        let measured = world.host.ledger().take_measured();
        let [one] = measured.as_slice() else { anyhow::bail!("{what}: {} requests were measured", measured.len()) };
        table.push(format!("{what}: {}, {}, {}", one.reads, one.writes, one.rounds));
        Ok(())
    };
    for which in ["the first of a day", "a further one"] {
        drop(world.host.ledger().take_measured());
        let mut order = checkout(&form_id(), "ada@kestrel.example", "");
        order["lines"] = json!([{ "product": "anvil-mobile-id", "quantity": 1 }]);
        order["pay_by"] = json!("invoice");
        order["billing"] = address();
        ada.supplier.post("/webstore-checkout/anvil/checkout", &order, StatusCode::CREATED).await?;
        note(&format!("{which}, placed on an invoice"))?;
        let unpaid = ada.registrar.get("/operate/orders").await?;
        let order = unpaid["orders"][0]["id"].as_str().context("an order")?;
        drop(world.host.ledger().take_measured());
        ada.registrar.post(&format!("/operate/orders/{order}/paid"), &json!({}), StatusCode::OK).await?;
        note(&format!("{which}, paid"))?;
        let key = ada.licence_keys().await?.pop().context("a licence key")?;
        let activation = json!({ "licence_key": key, "agreed": true });
        ada.supplier.post("/credentials/licence", &activation, StatusCode::OK).await?;
        note(&format!("{which}, activated"))?;
    }
    insta::assert_snapshot!(table.join("\n"));
    world.stop().await
}

async fn code_to(world: &World, number: &str) -> anyhow::Result<String> {
    let text = world.place.mail(number, "").await?.text;
    Ok(text.chars().filter(char::is_ascii_digit).take(6).collect())
}

/// The route with every id and slug that is state replaced by a word.
fn route(measured: &Measured) -> String {
    let template = |segment: &str| match segment {
        _ if segment.len() == 26 && segment.bytes().all(|byte| byte.is_ascii_alphanumeric()) => "{id}".to_owned(),
        "supply-platform" | "business-network" => "{application}".to_owned(),
        "anvil" | "cobalt" => "{partner}".to_owned(),
        other => other.to_owned(),
    };
    let path: Vec<String> = measured.path.split('?').next().unwrap_or_default().split('/').map(template).collect();
    format!("{} {} {}", measured.method, path.join("/"), measured.status)
}

fn grouped(all: &[Measured]) -> BTreeMap<String, Vec<&Measured>> {
    let mut rows: BTreeMap<String, Vec<&Measured>> = BTreeMap::new();
    for one in all {
        rows.entry(route(one)).or_default().push(one);
    }
    rows
}

// Storage operations are the limit and the bill on a hosted platform: none may be added unseen.
#[tokio::test(flavor = "multi_thread")]
async fn storage_operations_of_both_journeys() -> anyhow::Result<()> {
    let all = measured(false).await?;
    let mut table = vec!["route and status: reads, writes, rounds (each combination that occurred)".to_owned()];
    for (route, group) in grouped(&all) {
        let seen: BTreeSet<(u64, u64, u64)> = group.iter().map(|one| (one.reads, one.writes, one.rounds)).collect();
        let seen: Vec<String> =
            seen.iter().map(|(reads, writes, rounds)| format!("{reads}, {writes}, {rounds}")).collect();
        table.push(format!("{route}: {}", seen.join(" | ")));
    }
    let budget = |route: &str, reads: u64, writes: u64, rounds: u64| {
        let found = all.iter().filter(|one| self::route(one) == route);
        let over: Vec<&Measured> =
            found.filter(|one| one.reads > reads || one.writes > writes || one.rounds > rounds).collect();
        ensure!(over.is_empty(), "{route} is over its budget: {over:?}");
        Ok(())
    };
    budget("GET /dashboard 200", 5, 0, 2)?;
    budget("POST /sign-in 303", 2, 1, 3)?;
    budget("POST /verify-otp 303", 2, 1, 3)?;
    // The code and the note that the audit finds the launch by (LCH-3).
    budget("GET /launch/authorize 303", 5, 2, 7)?;
    budget("POST /launch/token 200", 1, 1, 2)?;
    insta::assert_snapshot!(table.join("\n"));
    Ok(())
}

/// The most reads before a refusal: what a quote with a promo code needs, which is judged twice by an order.
const REFUSAL_READS_MAX: u64 = 4;

/// The most writes of a refusal that counts a guess or a partner's request: the count, and the note that the audit finds a
/// stranger's refused guess by (AUD-1).
const COUNTED_WRITES_MAX: u64 = 2;

/// Somebody who is refused on a metered world, and what each refusal cost.
struct Refused<'a> {
    world: &'a World,
    table: Vec<String>,
}

impl Refused<'_> {
    /// Sends a request that is refused with this status and notes what it cost. Only what is judged or counted may write.
    async fn note(&mut self, what: &str, request: RequestBuilder, status: u16, counted: bool) -> anyhow::Result<()> {
        drop(self.world.host.ledger().take_measured());
        let answer = Answer::of(request.send().await?).await?;
        ensure!(answer.status == status, "{what}: expected {status}, found {}: {}", answer.status, answer.text);
        let measured = self.world.host.ledger().take_measured();
        let [one] = measured.as_slice() else { anyhow::bail!("{what}: {} requests were measured", measured.len()) };
        let most = if counted { COUNTED_WRITES_MAX } else { 0 };
        ensure!(one.writes <= most, "{what} writes {} times, at most {most}: {:?}", one.writes, one.touched);
        ensure!(one.reads <= REFUSAL_READS_MAX, "{what} reads {} times: {:?}", one.reads, one.touched);
        let cost = format!("{}, {}, {}", one.reads, one.writes, one.rounds);
        self.table.push(format!("{}, {what}: {cost}", route(one)));
        Ok(())
    }
}

// A refusal that judges nothing writes nothing, and one that counts a guess or a partner's request writes once, with a
// note twice (SIG-1, OTP-3, INV-1, AUD-1).
#[tokio::test(flavor = "multi_thread")]
async fn storage_operations_of_refusals() -> anyhow::Result<()> {
    let world = World::with(Wishes { metering: true, ..Wishes::default() }).await?;
    let mut refused = Refused { world: &world, table: vec!["refusal: reads, writes, rounds".to_owned()] };
    let mut ada = Programs::new(&world.place, "ada@kestrel.example")?;
    partners(&mut refused, &mut ada).await?;
    operators(&mut refused, &mut ada).await?;
    shops(&mut refused, &mut ada).await?;
    persons(&mut refused, &mut ada).await?;
    insta::assert_snapshot!(refused.table.join("\n"));
    world.stop().await
}

async fn partners(refused: &mut Refused<'_>, ada: &mut Programs<'_>) -> anyhow::Result<()> {
    ada.invite().await?;
    let partner = Client::new(&ada.place.service)?;
    let invitation = json!({
        "application": "supply-platform", "organisation": "Kestrel", "given_name": "Ada", "family_name": "Kestrel",
        "email": ada.email,
    });
    let invite = |key: &str, id: &str| {
        let request = partner.request(Method::POST, "/invite").bearer_auth(key).header("idempotency-key", id);
        request.json(&invitation)
    };
    let key = ada.place.secrets.anvil_api_key.as_str();
    let used = format!("invite-{}", ada.email);
    refused.note("wrong key", invite("wrong", "k"), 401, false).await?;
    // Counted against the partner's allowance, like everything that is asked of the store.
    refused.note("key of another body", invite(key, &used), 422, true).await?;
    let get = |path: String| partner.request(Method::GET, &path);
    refused.note("garbled link", get("/invite/accept?token=x".to_owned()), 404, false).await?;
    refused.note("link of nobody", get(format!("/invite/accept?token={NOBODYS}")), 404, false).await?;
    let token = ada.mailed_token("Invited to").await?;
    let register = |body: Value| partner.request(Method::POST, "/register").json(&body);
    refused.note("nothing filled in", register(json!({ "token": token })), 422, false).await?;
    let reference = ada.register_invited().await?;
    let other = json!({ "token": token, "phone": "+1 419 555 0199", "profile": profile() });
    refused.note("link used for another", register(other), 404, false).await?;
    ada.registrar_signs_in().await?;
    let decision = format!("{}/decision", ada.waiting(&reference).await?);
    ada.approve(&reference).await?;
    let again = ada.registrar.request(Method::POST, &decision).json(&json!({ "decision": "approve" }));
    refused.note("decided already", again, 409, false).await?;
    let stranger = partner.request(Method::POST, &decision).json(&json!({ "decision": "approve" }));
    refused.note("nobody", stranger, 401, false).await
}

async fn operators(refused: &mut Refused<'_>, ada: &mut Programs<'_>) -> anyhow::Result<()> {
    let program = Client::new(&ada.place.service)?;
    let attempt = |name: &str, code: &str| {
        let body = json!({ "operator": name, "password": "wrong", "code": code });
        program.request(Method::POST, "/operate/sign-in").json(&body)
    };
    refused.note("no code", attempt("registrar", ""), 422, false).await?;
    refused.note("wrong password", attempt("registrar", "123456"), 401, true).await?;
    for _ in 0..9 {
        attempt("registrar", "123456").send().await?;
    }
    // Without the password nobody can have the operator's tries paused.
    refused.note("wrong password, once more", attempt("registrar", "123456"), 401, true).await?;
    // A code works once.
    refused.world.host.clock().advance(Duration::from_mins(1));
    ada.registrar_signs_in().await
}

async fn shops(refused: &mut Refused<'_>, ada: &mut Programs<'_>) -> anyhow::Result<()> {
    let code = ada.promo_codes(1, "free").await?.join("");
    let half = ada.promo_codes(1, "50%").await?.join("");
    let guest = Client::new(&ada.place.service)?;
    let order = |body: &Value| guest.request(Method::POST, "/webstore-checkout/cobalt/checkout").json(body);
    let unknown = checkout(&form_id(), "guest@heron.example", "7K2QD-0123-4567-89ABC");
    refused.note("unknown promo code", order(&unknown), 422, false).await?;
    refused.note("half paid", order(&checkout(&form_id(), "guest@heron.example", &half)), 422, false).await?;
    let mut body = checkout(&form_id(), "guest@heron.example", &code);
    ensure!(order(&body).send().await?.status() == 201, "the code pays");
    refused.note("repeated order", order(&body), 200, false).await?;
    body["email"] = json!("other@heron.example");
    refused.note("form of another order", order(&body), 409, false).await?;
    refused.note("used promo code", order(&checkout(&form_id(), "guest@heron.example", &code)), 422, false).await?;

    let mut ignore = |_| {};
    let story = Story::new(ada.place, &ada.email, &mut ignore);
    let event = story.paid_order("AN-1", "anvil-mobile-id");
    let webhook = guest.request(Method::POST, "/webstore-checkout/webhooks/anvil").json(&event);
    refused.note("not signed", webhook, 401, false).await?;
    ensure!(story.send_webhook(&event).await?.status() == 200, "the order is paid");
    let mut left = event.clone();
    left["type"] = json!("order.shipped");
    for (what, event, status) in [("repeated event", event, 200), ("other event", left, 202)] {
        refused.note(what, story.webhook(&reqwest::Client::new(), &event)?, status, false).await?;
    }
    Ok(())
}

async fn persons(refused: &mut Refused<'_>, ada: &mut Programs<'_>) -> anyhow::Result<()> {
    let stranger = Client::new(&ada.place.service)?;
    let token = ada.mailed_token("Activate your").await?;
    let shown = ada.supplier.get(&format!("/activate?token={token}")).await?;
    let activate = |token: &str| {
        Ok::<_, anyhow::Error>(stranger.request(Method::POST, "/activate").json(&activation(token, &shown)?))
    };
    refused.note("link of nobody", activate(NOBODYS)?, 404, false).await?;
    ada.activate().await?;
    refused.note("active already", activate(&token)?, 409, false).await?;
    let sign_in = |user: &str| {
        let body = json!({ "user": user, "password": "wrong" });
        stranger.request(Method::POST, "/sign-in").json(&body)
    };
    refused.note("nobody's name", sign_in("nobody@kestrel.example"), 401, true).await?;
    refused.note("wrong password", sign_in("ada@kestrel.example"), 401, true).await?;
    for _ in 0..9 {
        sign_in("ada@kestrel.example").send().await?;
    }
    refused.note("paused", sign_in("ada@kestrel.example"), 401, true).await?;
    refused.note("nobody", stranger.request(Method::GET, "/dashboard"), 401, false).await?;
    let launch = ada.supplier.request(Method::POST, "/launch/supply-platform").json(&json!({}));
    refused.note("terms pending", launch, 403, false).await?;
    let changed = json!({ "agreed": true, "digest": "other" });
    let terms =
        |client: &Client, body: &Value| client.request(Method::POST, "/accept-terms/supply-platform").json(body);
    refused.note("other text", terms(&ada.supplier, &changed), 409, false).await?;
    let shown = ada.supplier.get("/accept-terms/supply-platform").await?;
    ada.accept_terms("supply-platform").await?;
    let again = json!({ "agreed": true, "digest": shown["current"]["digest"] });
    refused.note("accepted already", terms(&ada.supplier, &again), 200, false).await?;
    credentials(refused, ada).await
}

async fn credentials(refused: &mut Refused<'_>, ada: &mut Programs<'_>) -> anyhow::Result<()> {
    let licence = json!({ "licence_key": "00000-00000-00000-00000-0", "agreed": true });
    let unknown = ada.supplier.request(Method::POST, "/credentials/licence").json(&licence);
    refused.note("unknown or mistyped key", unknown, 422, false).await?;
    let key = ada.licence_keys().await?.join("");
    let address = ada.activate_licence(&key).await?;
    let mut authenticator = ada.enrol(&address).await?;
    let begin = ada.supplier.request(Method::POST, &address).json(&json!({}));
    refused.note("app registered already", begin, 409, false).await?;

    ada.launch("supply-platform", &mut authenticator).await?;
    let callback = format!("http://{}/supply-platform/callback", refused.world.application.address());
    let (code, verifier) = ada.authorization_code("supply-platform", &callback).await?;
    let application = Client::new(&ada.place.service)?;
    let exchange = |secret: &str, verifier: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &callback),
            ("code_verifier", verifier),
        ];
        application.request(Method::POST, "/launch/token").basic_auth("supply-platform", Some(secret)).form(&fields)
    };
    let secret = client_secret("supply-platform");
    refused.note("wrong client secret", exchange("wrong", &verifier), 401, false).await?;
    refused.note("wrong verifier", exchange(&secret, &"v".repeat(43)), 400, false).await?;
    ensure!(exchange(&secret, &verifier).send().await?.status() == 200, "the code is good");
    refused.note("code used before", exchange(&secret, &verifier), 400, true).await?;
    refused.note("code revoked", exchange(&secret, &verifier), 400, false).await?;
    let bearer = application.request(Method::GET, "/launch/userinfo").bearer_auth("x");
    refused.note("no token of ours", bearer, 401, false).await?;

    let verify = |client: &Client| client.request(Method::POST, "/verify-otp").json(&json!({ "code": "000000" }));
    refused.note("wrong code", verify(&ada.supplier), 422, true).await?;
    for _ in 0..9 {
        verify(&ada.supplier).send().await?;
    }
    refused.note("locked", verify(&ada.supplier), 429, false).await
}

/// Well formed, and never issued.
const NOBODYS: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// What the empty component costs on the same host: the unit of the table.
async fn unit(warmed: bool) -> anyhow::Result<u64> {
    let directory = root().join("tests/components/empty");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2", "--target-dir"])
        .arg(root().join("target"))
        .arg("--manifest-path")
        .arg(directory.join("Cargo.toml"))
        .status()?;
    ensure!(built.success(), "the empty component does not build");
    let manifest = tempfile::NamedTempFile::with_suffix(".toml")?;
    let wasm = root().join("target/wasm32-wasip2/release/vestibule_test_empty.wasm");
    fs::write(manifest.path(), empty_manifest(&wasm))?;
    let mut options = Options::new(manifest.path());
    options.cache_dir = root().join("target/vestibule-cache");
    options.metering = true;
    options.warmed = warmed;
    let host = vestibule_host::start(options).await?;
    reqwest::get(format!("http://{}/", host.address())).await?;
    let fuel = host.ledger().take_measured().first().context("one request was measured")?.fuel;
    host.shutdown().await?;
    Ok(fuel)
}

fn empty_manifest(wasm: &Path) -> String {
    format!(
        "spin_manifest_version = 2\n[application]\nname = \"empty\"\nversion = \"0.0.0\"\n[[trigger.http]]\nroute = \
         \"/...\"\ncomponent = \"empty\"\n[component.empty]\nsource = {:?}\n",
        wasm.display().to_string()
    )
}

/// Instructions of each route, the most of each, with the multiple of the empty component's.
async fn instructions(warmed: bool) -> anyhow::Result<BTreeMap<String, (u64, u64)>> {
    let (all, unit) = (measured(warmed).await?, unit(warmed).await?);
    let most = |group: Vec<&Measured>| group.iter().map(|one| one.fuel).max().unwrap_or_default();
    let row = |(route, group)| (route, most(group));
    Ok(grouped(&all).into_iter().map(row).map(|(route, fuel)| (route, (fuel / unit.max(1), fuel))).collect())
}

const HEADING: &str = "route and status\tfirst request of an instance, multiple of the empty component\tinstructions\t\
                       further request, multiple\tinstructions";

fn moved(written: u64, found: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a ratio of counts below 2^52")]
    let ratio = found as f64 / written as f64;
    (ratio - 1.0).abs() > TOLERANCE
}

// Instructions by route, as a multiple of the empty component's on the same host, within 2 % of what is written down.
#[tokio::test(flavor = "multi_thread")]
async fn instructions_of_both_journeys() -> anyhow::Result<()> {
    let (first, mut further) = (instructions(false).await?, instructions(true).await?);
    let mut table = BTreeMap::new();
    for (route, (multiple, fuel)) in first {
        let (further_multiple, further_fuel) = further.remove(&route).with_context(|| format!("{route}: only once"))?;
        table.insert(route, [multiple, fuel, further_multiple, further_fuel]);
    }
    let path = root().join(INSTRUCTIONS);
    if std::env::var("VESTIBULE_FIGURES").as_deref() == Ok("write") {
        let line = |(route, [a, b, c, d]): (&String, &[u64; 4])| format!("{route}\t{a}\t{b}\t{c}\t{d}\n");
        let lines: String = table.iter().map(line).collect();
        fs::write(&path, format!("{HEADING}\n{lines}"))?;
        return Ok(());
    }
    let written =
        fs::read_to_string(&path).with_context(|| format!("{INSTRUCTIONS}: write it with VESTIBULE_FIGURES=write"))?;
    let mut off = Vec::new();
    for line in written.lines().skip(1) {
        let (route, figures) = line.split_once('\t').context("route")?;
        let figures = figures.split('\t').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let [_, first, _, further] = figures[..] else { anyhow::bail!("{route}: four figures are written down") };
        let found = table.remove(route).unwrap_or_default();
        if moved(first, found[1]) || moved(further, found[3]) {
            off.push(format!("{route}: {first} and {further} written, {} and {} found", found[1], found[3]));
        }
    }
    off.extend(table.keys().map(|route| format!("{route}: not written down")));
    ensure!(off.is_empty(), "{INSTRUCTIONS} differs; review, then VESTIBULE_FIGURES=write:\n{}", off.join("\n"));
    Ok(())
}
