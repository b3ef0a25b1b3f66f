//! Bad input gets a clear error, and nothing is lost: every case answers a problem document and leaves the store as it
//! was.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::{collections::BTreeMap, net::SocketAddr};

use anyhow::{Context, ensure};
use journeys::{
    browser::Browser,
    client::Answer,
    story::{PASSWORD, Story},
    world::{World, gateway_for},
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// A request that must be refused with this status and code, and must change nothing.
async fn refused(world: &World, request: RequestBuilder, status: u16, code: &str) -> anyhow::Result<Value> {
    let before = records(world).await?;
    let response = request.send().await?;
    let problem = problem_of(response, status, code).await?;
    let after = records(world).await?;
    ensure!(before == after, "{code}: the store changed");
    Ok(problem)
}

/// What is stored, without how often a partner asked: that counts refusals, too (INV-1).
async fn records(world: &World) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut contents = world.store_contents().await?;
    contents.retain(|key, _| !key.starts_with("rate:") && !key.starts_with("cnt:"));
    Ok(contents)
}

async fn problem_of(response: Response, status: u16, code: &str) -> anyhow::Result<Value> {
    Answer::of(response).await?.problem(status, code)
}

async fn kept(response: Response, code: &str) -> anyhow::Result<()> {
    let kept = Answer::of(response).await?.document(StatusCode::ACCEPTED)?;
    ensure!(kept["handled"] == false && kept["code"] == code && kept["kept"].is_string(), "{kept}");
    Ok(())
}

fn post(world: &World, path: &str) -> RequestBuilder {
    reqwest::Client::new().post(world.url(path))
}

fn get(world: &World, path: &str) -> RequestBuilder {
    reqwest::Client::new().get(world.url(path))
}

fn invitation() -> Value {
    json!({
        "application": "supply-platform",
        "organisation": "Kestrel Machining",
        "given_name": "Ada",
        "family_name": "Kestrel",
        "email": "ada@kestrel.example",
    })
}

fn invite(world: &World, key: &str) -> RequestBuilder {
    post(world, "/invite").bearer_auth(&world.place.secrets.anvil_api_key).header("idempotency-key", key)
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

// INV-1: without a valid key nobody invites, and a partner invites to its own applications only.
#[tokio::test(flavor = "multi_thread")]
async fn inv_1_api_keys() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bare = || post(&world, "/invite").header("idempotency-key", "k").json(&invitation());
    refused(&world, bare(), 401, "api-key-not-valid").await?;
    refused(&world, bare().bearer_auth("wrong"), 401, "api-key-not-valid").await?;
    refused(&world, bare().header("authorization", "Basic d3Jvbmc="), 401, "api-key-not-valid").await?;
    let foreign = with(invitation(), "application", json!("business-network"));
    let problem = refused(&world, invite(&world, "k").json(&foreign), 422, "invalid-input").await?;
    ensure!(problem["errors"][0]["pointer"] == "/application", "{problem}");
    world.stop().await
}

// INV-2: Idempotency-Key: the same answer for the same body, 422 for another, required always; all faults at once.
#[tokio::test(flavor = "multi_thread")]
async fn inv_2_idempotency_and_fields() -> anyhow::Result<()> {
    let world = World::start().await?;
    let without = post(&world, "/invite").bearer_auth(&world.place.secrets.anvil_api_key).json(&invitation());
    refused(&world, without, 400, "idempotency-key-missing").await?;
    refused(&world, invite(&world, &"k".repeat(129)).json(&invitation()), 400, "idempotency-key-missing").await?;
    let bad = with(with(invitation(), "email", json!("not an e-mail")), "lifetime_days", json!(61));
    let problem = refused(&world, invite(&world, "bad").json(&bad), 422, "invalid-input").await?;
    let pointers: Vec<&str> =
        problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect();
    ensure!(pointers == ["/email", "/lifetime_days"], "{problem}");

    let handed_over = with(invitation(), "send_email", json!(false));
    let first: Value = invite(&world, "one").json(&handed_over).send().await?.json().await?;
    ensure!(first["link"].as_str().is_some(), "{first}");
    let again: Value = invite(&world, "one").json(&handed_over).send().await?.json().await?;
    ensure!(first == again, "INV-2: {first} then {again}");
    refused(&world, invite(&world, "one").json(&invitation()), 422, "idempotency-key-reused").await?;
    // INV-3: one pending invitation per application and e-mail; the conflict names the existing one.
    let response = invite(&world, "two").json(&invitation()).send().await?;
    let conflict = problem_of(response, 409, "invitation-pending").await?;
    let id = first["id"].as_str().context("id")?;
    ensure!(conflict["detail"].as_str().is_some_and(|detail| detail.contains(id)), "{conflict}");
    world.stop().await
}

// Oversized, truncated or non-UTF-8 bodies; unknown and duplicate fields; wrong content type, method and path.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_read() -> anyhow::Result<()> {
    let world = World::start().await?;
    let json = |body: Vec<u8>| invite(&world, "k").header("content-type", "application/json").body(body);
    let text = invitation().to_string();
    refused(&world, json(vec![b' '; 70_000]), 413, "too-large").await?;
    refused(&world, json(text.as_bytes()[..text.len() - 5].to_vec()), 400, "truncated").await?;
    refused(&world, json(vec![b'{', 0xff, b'}']), 400, "not-utf8").await?;
    let unknown = with(invitation(), "surprise", json!(1));
    refused(&world, json(unknown.to_string().into_bytes()), 400, "malformed").await?;
    let twice = text.replacen('{', r#"{"email":"x@y.example","#, 1);
    refused(&world, json(twice.into_bytes()), 400, "malformed").await?;
    refused(&world, json(b"[]".to_vec()), 400, "malformed").await?;
    let plain = invite(&world, "k").header("content-type", "text/plain").body(text.clone());
    refused(&world, plain, 415, "unsupported-media-type").await?;
    refused(&world, reqwest::Client::new().request(Method::PUT, world.url("/invite")), 405, "method-not-allowed")
        .await?;
    refused(&world, get(&world, "/invite/nowhere"), 404, "not-found").await?;
    for path in
        ["/sign-in", "/activate", "/register", "/verify-otp", "/credentials/licence", "/accept-terms/supply-platform"]
    {
        let broken = post(&world, path).header("content-type", "application/json").body("{");
        let response = broken.send().await?;
        ensure!(response.status().is_client_error(), "{path} answered {}", response.status());
    }
    world.stop().await
}

// INV-5, ACT-3: expired, used, foreign and garbled tokens give one and the same answer.
#[tokio::test(flavor = "multi_thread")]
async fn inv_5_links_that_do_not_work() -> anyhow::Result<()> {
    let world = World::start().await?;
    let body = with(invitation(), "send_email", json!(false));
    let made: Value = invite(&world, "one").json(&body).send().await?.json().await?;
    let link = made["link"].as_str().context("link")?.to_owned();
    let token = link.split("token=").nth(1).context("token")?.to_owned();
    let mut answers = Vec::new();
    let garbled = format!("{}{}", &token[..51], if token.ends_with('a') { "b" } else { "a" });
    let foreign = "a".repeat(52);
    for path in ["/invite/accept", "/register", "/activate"] {
        for bad in [garbled.as_str(), foreign.as_str(), "x", ""] {
            let request = get(&world, path).query(&[("token", bad)]);
            let mut problem = refused(&world, request, 404, "link-not-valid").await?;
            problem["request_id"] = json!(null);
            answers.push(problem);
        }
    }
    ensure!(answers.windows(2).all(|pair| pair[0] == pair[1]), "the answers differ: {answers:?}");
    // INV-4: opening changes nothing, any number of times.
    let before = world.store_contents().await?;
    for _ in 0..3 {
        ensure!(reqwest::get(&link).await?.status() == 200);
    }
    ensure!(before == world.store_contents().await?, "INV-4: opening changed the store");
    world.host.clock().advance(std::time::Duration::from_hours(14 * 24));
    refused(&world, get(&world, "/invite/accept").query(&[("token", &token)]), 404, "link-not-valid").await?;
    world.stop().await
}

// SHP-7: unsigned, badly signed, stale and replayed webhooks.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_webhooks() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ignore = |_| {};
    let story = Story::new(&world.place, "ada@kestrel.example", &mut ignore);
    let event = story.paid_order("AN-1", "anvil-mobile-id");
    let unsigned = post(&world, "/webstore-checkout/webhooks/anvil").json(&event);
    refused(&world, unsigned, 401, "webhook-not-verified").await?;
    let unknown = post(&world, "/webstore-checkout/webhooks/nobody").json(&event);
    refused(&world, unknown, 401, "webhook-not-verified").await?;
    let forged = post(&world, "/webstore-checkout/webhooks/anvil")
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", world.place.time.unix_seconds().to_string())
        .header("webhook-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .json(&event);
    refused(&world, forged, 401, "webhook-not-verified").await?;
    let first: Value = story.send_webhook(&event).await?.json().await?;
    let contents = world.store_contents().await?;
    let again: Value = story.send_webhook(&event).await?.json().await?;
    ensure!(first == again && contents == world.store_contents().await?, "a replay changed something");
    let mut contradiction = event.clone();
    contradiction["data"]["lines"][0]["quantity"] = json!(2);
    kept(story.send_webhook(&contradiction).await?, "order-contradicted").await?;
    let contents = world.store_contents().await?;
    for other in [json!({ "type": "order.shipped", "data": { "id": 7 } }), json!({ "type": "", "data": null })] {
        let left: Value = story.send_webhook(&other).await?.json().await?;
        ensure!(left == json!({ "handled": false }), "an event that is not handled was answered {left}");
    }
    ensure!(contents == world.store_contents().await?, "an event that is not handled changed the store");
    for (member, value) in [("total_minor", json!(4901)), ("currency", json!("EUR"))] {
        let mut contradiction = event.clone();
        contradiction["data"][member] = value;
        kept(story.send_webhook(&contradiction).await?, "order-contradicted").await?;
    }
    ensure!(
        world.place.mails("ada@kestrel.example").await?.len() == 3,
        "SHP-6: one receipt, one licence, one order e-mail"
    );
    world.stop().await
}

// SIG-4: a form without its token, with another's, or from another site is refused; so is JSON from another site.
#[tokio::test(flavor = "multi_thread")]
async fn sig_4_forged_forms() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut browser = Browser::new();
    let page = browser.open(&world.url("/sign-in")).await?.good()?;
    let form = page.form("Sign in")?.fill("user", "ada@kestrel.example").fill("password", PASSWORD);
    for forged in [form.clone().without("csrf"), form.clone().fill("csrf", "forged")] {
        let answer = browser.submit_once(&forged).await?;
        ensure!(answer.status == 403 && answer.text().contains("reload"), "{} {}", answer.status, answer.text());
    }
    let mut other = Browser::new();
    ensure!(other.submit_once(&form).await?.status == 403, "a token without its cookie is refused");
    let json = post(&world, "/sign-in")
        .header("origin", "https://evil.example")
        .json(&json!({ "user": "ada@kestrel.example", "password": PASSWORD }));
    refused(&world, json, 403, "form-not-ours").await?;
    let cross = post(&world, "/sign-in")
        .header("sec-fetch-site", "cross-site")
        .json(&json!({ "user": "ada@kestrel.example", "password": PASSWORD }));
    refused(&world, cross, 403, "form-not-ours").await?;
    world.stop().await
}

// SIG-1, SIG-2: without a session, with a garbled one, with unknown names: nothing is shown, nothing differs.
#[tokio::test(flavor = "multi_thread")]
async fn sig_1_sig_2_strangers() -> anyhow::Result<()> {
    let world = World::start().await?;
    for path in
        ["/dashboard", "/credentials", "/launch/supply-platform", "/accept-terms/supply-platform", "/verify-otp"]
    {
        refused(&world, get(&world, path), 401, "not-signed-in").await?;
        let garbled = get(&world, path).header("cookie", "__Host-session=AAAA");
        refused(&world, garbled, 401, "not-signed-in").await?;
        let page = Browser::new().open(&world.url(path)).await?.good()?;
        ensure!(page.url.path() == "/sign-in", "{path} led a person to {}", page.url.path());
    }
    refused(&world, get(&world, "/operate"), 401, "not-signed-in").await?;
    let stranger = post(&world, "/sign-in").json(&json!({ "user": "nobody@kestrel.example", "password": PASSWORD }));
    // It writes what a known name would (SIG-1): a counter that nobody reads.
    problem_of(stranger.send().await?, 401, "sign-in-failed").await?;
    let staff = json!({ "operator": "nobody", "password": "x", "code": "123456" });
    problem_of(post(&world, "/operate/sign-in").json(&staff).send().await?, 401, "sign-in-failed").await?;
    world.stop().await
}

// REG-2: an application that is not public wants an invitation.
#[tokio::test(flavor = "multi_thread")]
async fn reg_2_not_public() -> anyhow::Result<()> {
    let world = World::start().await?;
    refused(&world, get(&world, "/register?application=supply-platform"), 403, "invitation-needed").await?;
    refused(&world, get(&world, "/register?application=nowhere"), 404, "not-found").await?;
    world.stop().await
}

// A configuration that was damaged after it was compiled: the host does not start, and says which file it is. What is
// wrong in gateway.toml itself is found when it is compiled (`shared/src/config.rs` has the cases).
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_configuration_stops_the_start() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("gateway.bin");
    let mut damaged =
        gateway_for(SocketAddr::from(([127, 0, 0, 1], 3002)), SocketAddr::from(([127, 0, 0, 1], 3003)), &[])?;
    damaged.truncate(damaged.len() / 2);
    std::fs::write(&path, damaged)?;
    let options = journeys::world::options(path, &journeys::world::secrets()?);
    let error = vestibule_host::start(options).await.err().context("the host started")?;
    let text = format!("{error:#}");
    ensure!(text.contains("/gateway.bin") && text.contains("cargo xtask gateway"), "{text}");
    Ok(())
}

// SHP-7: a webhook whose timestamp is more than five minutes off is refused, however well it is signed.
#[tokio::test(flavor = "multi_thread")]
async fn shp_7_stale_webhooks() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ignore = |_| {};
    let event = Story::new(&world.place, "ada@kestrel.example", &mut ignore).paid_order("AN-1", "anvil-mobile-id");
    let body = event.to_string();
    let now = i64::try_from(world.place.time.unix_seconds())?;
    for stale in [now - 301, now + 301] {
        let signature = standardwebhooks::Webhook::new(&world.place.secrets.anvil_webhook_secret)?;
        let signature = signature.sign("msg_1", stale, body.as_bytes())?;
        let request = post(&world, "/webstore-checkout/webhooks/anvil")
            .header("content-type", "application/json")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", stale.to_string())
            .header("webhook-signature", signature)
            .body(body.clone());
        refused(&world, request, 400, "webhook-stale").await?;
    }
    world.stop().await
}

// INV-5, ACT-3: a used link, and a link of another purpose, answer like one that never was.
#[tokio::test(flavor = "multi_thread")]
async fn inv_5_act_3_used_links() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ignore = |_| {};
    let arrival = Story::new(&world.place, "ada@kestrel.example", &mut ignore).by_invitation().await?;
    let token = |link: String| link.split("token=").nth(1).map(str::to_owned).context("token");
    let invitation = token(world.place.mail("ada@kestrel.example", "Invited").await?.word_starting("http")?)?;
    let activation = token(world.place.mail("ada@kestrel.example", "Activate").await?.word_starting("http")?)?;
    for path in ["/invite/accept", "/register", "/activate"] {
        for used in [&invitation, &activation] {
            // Its holder learns that the account is active.
            let (status, code) =
                if path == "/activate" && used == &activation { (409, "wrong-stage") } else { (404, "link-not-valid") };
            refused(&world, get(&world, path).query(&[("token", used)]), status, code).await?;
        }
    }
    // Wrong stage: activating again, and offering a second seed to a credential that has its app.
    let again = json!({ "token": activation, "password": PASSWORD, "password_repeated": PASSWORD });
    refused(&world, post(&world, "/activate").json(&again), 409, "wrong-stage").await?;
    let cookies = arrival.supplier.cookie_header(&world.place.service);
    let listed: Value = get(&world, "/credentials").header("cookie", &cookies).send().await?.json().await?;
    let id = listed["credentials"][0]["id"].as_str().with_context(|| listed.to_string())?;
    let enrol = post(&world, &format!("/credentials/{id}/authenticator")).header("cookie", &cookies).json(&json!({}));
    refused(&world, enrol, 409, "wrong-stage").await?;
    world.stop().await
}

/// Bytes that are the same each time, for keys that nobody issued.
struct Sevens;

impl shared::secret::Entropy for Sevens {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

// SHP-2, SHP-3, CRD-1: a promo code that is unknown, used, expired or for another store; a licence key that nobody issued
// or that somebody has.
#[tokio::test(flavor = "multi_thread")]
async fn shp_2_crd_1_codes_and_keys() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ignore = |_| {};
    let mut story = Story::new(&world.place, "guest@heron.example", &mut ignore);
    let (used, late) = (story.promo_code().await?, story.promo_code().await?);
    let place = |store: &str, product: &str, form: u8, code: &str| {
        let body = json!({
            "form": shared::values::FormId::from_bytes([form; 16]).to_string(),
            "given_name": "Guest",
            "family_name": "Heron",
            "email": "guest@heron.example",
            "lines": [{ "product": product, "quantity": 1 }],
            "promo_code": code,
            "action": "place",
        });
        post(&world, &format!("/webstore-checkout/{store}/checkout")).json(&body)
    };
    // Of no batch, and a wrong one of a batch.
    for unknown in ["7K2QD-7777-7777-77777", &format!("{}-7777-7777-77777", &late[..5])] {
        refused(&world, place("cobalt", "cobalt-mobile-id", 1, unknown), 422, "promo-not-usable").await?;
    }
    refused(&world, place("anvil", "anvil-mobile-id", 2, &late), 422, "promo-not-usable").await?;
    let placed = place("cobalt", "cobalt-mobile-id", 3, &used).send().await?;
    ensure!(placed.status().is_success(), "{}", placed.text().await?);
    refused(&world, place("cobalt", "cobalt-mobile-id", 4, &used), 422, "promo-not-usable").await?;
    world.host.clock().advance(std::time::Duration::from_hours(91 * 24));
    refused(&world, place("cobalt", "cobalt-mobile-id", 5, &late), 422, "promo-not-usable").await?;

    let arrival = Story::new(&world.place, "ada@kestrel.example", &mut ignore).by_invitation().await?;
    let cookies = arrival.supplier.cookie_header(&world.place.service);
    let never_issued = shared::values::LicenceKey::random(&mut Sevens).reveal();
    let activate = |key: &str| {
        post(&world, "/credentials/licence")
            .header("cookie", &cookies)
            .json(&json!({ "licence_key": key, "agreed": true }))
    };
    refused(&world, activate(&never_issued), 422, "licence-not-usable").await?;
    let mistyped = never_issued.replacen(|_| true, "X", 1);
    refused(&world, activate(&mistyped), 422, "invalid-input").await?;
    let theirs = world.place.mail("ada@kestrel.example", "Your licence key").await?;
    let theirs = theirs.text.split_whitespace().find(|word| word.matches('-').count() == 4).context("key")?.to_owned();
    let other = Story::new(&world.place, "bea@heron.example", &mut ignore).by_invitation().await?;
    let cookies = other.supplier.cookie_header(&world.place.service);
    let stolen = post(&world, "/credentials/licence")
        .header("cookie", &cookies)
        .json(&json!({ "licence_key": theirs, "agreed": true }));
    refused(&world, stolen, 422, "licence-not-usable").await?;
    world.stop().await
}

// LCH-2: the token endpoint gives nothing to a wrong client, a code that never was, or another grant (RFC 6749, 5.2).
#[tokio::test(flavor = "multi_thread")]
async fn lch_2_token_requests() -> anyhow::Result<()> {
    let world = World::start().await?;
    let before = world.store_contents().await?;
    let ask = |secret: &str, grant: &str| {
        let fields = [
            ("grant_type", grant),
            ("code", &"a".repeat(52)),
            ("redirect_uri", "http://127.0.0.1:3002/supply-platform/callback"),
            ("code_verifier", &"v".repeat(43)),
        ];
        post(&world, "/launch/token").basic_auth("supply-platform", Some(secret)).form(&fields)
    };
    let right = "client-secret-of-supply-platform";
    for (secret, grant, status, error) in [
        ("wrong", "authorization_code", 401, "invalid_client"),
        (right, "authorization_code", 400, "invalid_grant"),
        (right, "password", 400, "unsupported_grant_type"),
    ] {
        let response = ask(secret, grant).send().await?;
        let (found, body) = (response.status(), response.json::<Value>().await?);
        ensure!(found == status && body["error"] == error, "expected {status} {error}, found {found} {body}");
    }
    ensure!(before == world.store_contents().await?, "a refused token request changed the store");
    let evil = "/launch/authorize?client_id=supply-platform&redirect_uri=https://evil.example/&response_type=code";
    let answer = Browser::new().open(&world.url(evil)).await?;
    ensure!(answer.status.is_client_error() && answer.url.as_str().starts_with(&world.place.service), "{}", answer.url);
    world.stop().await
}
