//! Phones as second factors on the compiled components (CRD-5): by JSON, by the pages' forms without scripts, and through a
//! double of the provider's interface.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode as Status},
    response::{IntoResponse as _, Response},
    routing::post,
};
use journeys::{
    browser::{Browser, Page},
    by_json::Programs,
    client::Client,
    on_every_store,
    stores::Backend,
    story::PASSWORD,
    world::{Wishes, World},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ADA: &str = "ada@kestrel.example";
const NEW_PASSWORD: &str = "nine paper boats drift past noon";
const CELL: &str = "+14195550123";
const LANDLINE: &str = "+497315550100";
/// Numbers that the double treats as their names say.
const UNREACHABLE: &str = "+14195550900";
const BUSY: &str = "+14195550901";
const NETWORK: &str = "business-network";

on_every_store!(
    crd_5_a_code_to_a_phone_opens_an_application,
    otp_3_parallel_guesses_of_a_phones_code_learn_ten_outcomes,
);

/// A world in which every credential is for phones.
fn phones_sold() -> Wishes {
    let kinds = ("kind = \"authenticator-app\"".to_owned(), "kind = \"phone\"".to_owned());
    Wishes { gateway: vec![kinds], ..Wishes::default() }
}

/// Ada has a credential for phones; where they are registered.
async fn licensed(world: &World) -> anyhow::Result<(Programs<'_>, String)> {
    let mut ada = Programs::new(&world.place, ADA)?;
    let reference = ada.register_publicly().await?;
    ada.registrar_signs_in().await?;
    ada.approve(&reference).await?;
    ada.activate().await?;
    ada.accept_terms(NETWORK).await?;
    let code = ada.promo_codes(1, "free").await?;
    let keys = ada.storefront_order(&code[0]).await?;
    let address = ada.activate_licence(&keys[0]).await?;
    ensure!(address.ends_with("/phones"), "{address}");
    Ok((ada, address))
}

fn phone(number: &str, repeated: &str, channel: &str) -> Value {
    json!({ "country": "US", "number": number, "number_repeated": repeated, "channel": channel })
}

/// The digits of the newest message to this number.
async fn code_to(world: &World, number: &str) -> anyhow::Result<String> {
    let text = world.place.mail(number, "").await?.text;
    let digits: String = text.chars().filter(char::is_ascii_digit).take(6).collect();
    ensure!(digits.len() == 6, "{text}");
    Ok(digits)
}

fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &code[..5])
}

async fn enter(ada: &mut Programs<'_>, address: &str, code: &str) -> anyhow::Result<()> {
    let proved = ada.supplier.post(&format!("{address}/verify"), &json!({ "code": code }), StatusCode::OK).await?;
    ensure!(proved["state"] == "active", "{proved}");
    Ok(())
}

/// Launches the application; what the ID token says of how Ada was authenticated.
async fn launched(world: &World, ada: &mut Programs<'_>) -> anyhow::Result<Vec<String>> {
    let address = format!("/launch/{NETWORK}");
    let shown = ada.supplier.get(&address).await?;
    let body = json!({ "accept_terms": true, "digest": shown["access_terms"]["digest"] });
    let started = ada.supplier.post(&address, &body, StatusCode::OK).await?;
    ensure!(started["location"].is_string(), "{started}");
    let callback = format!("http://{}/{NETWORK}/callback", world.application.address());
    Ok(ada.authenticated_for(NETWORK, &callback).await?.methods)
}

// CRD-5 CRD-9 OTP-2 OTP-4 LCH-2
async fn crd_5_a_code_to_a_phone_opens_an_application(backend: Backend) -> anyhow::Result<()> {
    let world = World::with(Wishes { backend, ..phones_sold() }).await?;
    let (mut ada, address) = licensed(&world).await?;
    let shown = ada.supplier.get(&address).await?;
    ensure!(shown["phones"] == json!([]) && shown["room"] == true && shown["may_change"] == true, "{shown}");

    let called = ada.supplier.post(&address, &phone("419 555 0123", CELL, "sms"), StatusCode::OK).await?;
    ensure!(called["awaited"] == "0123", "{called}");
    let code = code_to(&world, CELL).await?;
    let guess = ada.supplier.request(Method::POST, &format!("{address}/verify")).json(&json!({ "code": wrong(&code) }));
    ada.supplier.send(guess).await?.problem(422, "code-not-accepted")?;
    enter(&mut ada, &address, &code).await?;
    world.place.mail(ADA, "A phone was added").await?;
    ensure!(launched(&world, &mut ada).await? == ["pwd", "sms", "mfa"]);

    world.place.time.pass(Duration::from_mins(20)).await;
    let blocked = ada.supplier.request(Method::POST, &format!("/launch/{NETWORK}")).json(&json!({}));
    let blocked = ada.supplier.send(blocked).await?.problem(403, "blocked")?;
    ensure!(blocked["blockers"][0]["code"] == "otp-required", "{blocked}");
    ada.supplier.post("/verify-otp/send", &json!({ "phone": 1 }), StatusCode::OK).await?;
    let asked = ada.supplier.get("/verify-otp").await?;
    ensure!(asked["credentials"][0]["sent_to"] == "0123", "{asked}");
    ensure!(!asked.to_string().contains("419555"), "the number stays unsaid: {asked}");
    let code = code_to(&world, CELL).await?;
    let body = json!({ "code": code });
    ada.supplier.post("/verify-otp", &body, StatusCode::OK).await?;
    let again = ada.supplier.request(Method::POST, "/verify-otp").json(&body);
    let again = ada.supplier.send(again).await?.problem(422, "invalid-input")?;
    ensure!(again["errors"][0]["code"] == "code-not-sent", "OTP-2: {again}");

    world.place.time.pass(Duration::from_mins(1)).await;
    ada.supplier.post(&address, &phone(LANDLINE, LANDLINE, "voice"), StatusCode::OK).await?;
    let code = code_to(&world, LANDLINE).await?;
    enter(&mut ada, &address, &code).await?;
    ensure!(launched(&world, &mut ada).await? == ["pwd", "tel", "mfa"]);
    let removed = ada.supplier.post(&format!("{address}/remove"), &json!({ "phone": 1 }), StatusCode::OK).await?;
    ensure!(removed["phones"].as_array().is_some_and(|left| left.len() == 1 && left[0]["phone"] == 2), "{removed}");
    world.place.mail(ADA, "A phone was removed").await?;
    let last = ada.supplier.request(Method::POST, &format!("{address}/remove")).json(&json!({ "phone": 2 }));
    ada.supplier.send(last).await?.problem(409, "wrong-stage")?;
    world.stop().await
}

/// One guess. Whoever meets too many others is told to try again; that is no outcome.
async fn guessed(client: &Client, code: &str) -> anyhow::Result<String> {
    for _ in 0..200 {
        let answer = client.request(Method::POST, "/verify-otp").json(&json!({ "code": code })).send().await?;
        if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
            let problem: Value = answer.json().await?;
            return Ok(problem["code"].as_str().unwrap_or_default().to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("the service stayed busy")
}

// OTP-3 CRD-5: 200 parallel wrong codes learn no more than ten outcomes; then the right one is refused as well, and so is a
// further one.
async fn otp_3_parallel_guesses_of_a_phones_code_learn_ten_outcomes(backend: Backend) -> anyhow::Result<()> {
    let world = World::with(Wishes { backend, ..phones_sold() }).await?;
    let (mut ada, address) = licensed(&world).await?;
    ada.supplier.post(&address, &phone(CELL, CELL, "sms"), StatusCode::OK).await?;
    let code = code_to(&world, CELL).await?;
    enter(&mut ada, &address, &code).await?;
    world.place.time.pass(Duration::from_mins(1)).await;
    ada.supplier.post("/verify-otp/send", &json!({ "phone": 1 }), StatusCode::OK).await?;
    let right = code_to(&world, CELL).await?;
    let wrong: Vec<String> =
        (0..1_000_000_u32).map(|n| format!("{n:06}")).filter(|code| *code != right).take(200).collect();
    let guesses = wrong.iter().map(|code| guessed(&ada.supplier, code));
    let mut judged = 0;
    for answer in futures_util::future::join_all(guesses).await {
        match answer?.as_str() {
            "code-not-accepted" => judged += 1,
            "credential-locked" => {}
            other => anyhow::bail!("unexpected answer {other}"),
        }
    }
    ensure!(judged <= 10, "{judged} outcomes were learned");
    ensure!(guessed(&ada.supplier, &right).await? == "credential-locked", "the right one comes too late");
    world.place.time.pass(Duration::from_mins(1)).await;
    let further = ada.supplier.request(Method::POST, "/verify-otp/send").json(&json!({ "phone": 1 }));
    ada.supplier.send(further).await?.problem(429, "credential-locked")?;
    world.stop().await
}

// CRD-5 SIG-3: the code of the phone and the link replace the password; a code that was asked for elsewhere does not count.
#[tokio::test(flavor = "multi_thread")]
async fn crd_5_a_code_to_a_phone_replaces_a_forgotten_password() -> anyhow::Result<()> {
    let world = World::with(phones_sold()).await?;
    let (mut ada, address) = licensed(&world).await?;
    ada.supplier.post(&address, &phone(CELL, CELL, "sms"), StatusCode::OK).await?;
    let code = code_to(&world, CELL).await?;
    enter(&mut ada, &address, &code).await?;
    world.place.time.pass(Duration::from_mins(1)).await;
    ada.supplier.post("/verify-otp/send", &json!({ "phone": 1 }), StatusCode::OK).await?;
    let elsewhere = code_to(&world, CELL).await?;
    world.place.time.pass(Duration::from_secs(1)).await;

    let mut stranger = Client::new(&world.place.service)?;
    stranger.post("/sign-in/reset", &json!({ "user": ADA }), StatusCode::OK).await?;
    let token = ada.mailed_token("Choose a new password").await?;
    let choice = |code: &str| json!({ "token": token, "code": code, "password": NEW_PASSWORD, "password_repeated": NEW_PASSWORD });
    let foreign = stranger.request(Method::POST, "/sign-in/reset/choose").json(&choice(&elsewhere));
    let foreign = stranger.send(foreign).await?.problem(422, "invalid-input")?;
    ensure!(foreign["errors"][0]["code"] == "code-not-sent", "{foreign}");
    let send = json!({ "token": token, "phone": 1 });
    stranger.post("/sign-in/reset/send", &send, StatusCode::OK).await?;
    let code = code_to(&world, CELL).await?;
    stranger.post("/sign-in/reset/choose", &choice(&code), StatusCode::OK).await?;
    let old = stranger.request(Method::POST, "/sign-in").json(&json!({ "user": ADA, "password": PASSWORD }));
    stranger.send(old).await?.problem(401, "sign-in-failed")?;
    stranger.post("/sign-in", &json!({ "user": ADA, "password": NEW_PASSWORD }), StatusCode::OK).await?;
    world.stop().await
}

/// Ada signs in by the page and opens another.
async fn opened(world: &World, browser: &mut Browser, path: &str) -> anyhow::Result<Page> {
    let page = browser.open(&world.url("/sign-in")).await?.good()?;
    let form = page.form("Sign in")?.fill("user", ADA).fill("password", PASSWORD);
    browser.submit(form).await?.good()?;
    browser.open(&world.url(path)).await?.good()
}

// CRD-5 CRD-9: a person without scripts registers a phone, asks for a code, and removes a phone.
#[tokio::test(flavor = "multi_thread")]
async fn crd_5_phones_by_the_pages() -> anyhow::Result<()> {
    let world = World::with(phones_sold()).await?;
    let (_, address) = licensed(&world).await?;
    let mut browser = Browser::new();
    let list = opened(&world, &mut browser, "/credentials").await?;
    let page = browser.open(&list.link("Activate")?).await?.good()?.titled("Your phones")?;
    ensure!(page.url.path() == address && page.text().contains("can be intercepted"), "{}", page.text());

    let form = page.form("Send a code")?.fill("country", "US").fill("number", "419 555 0123");
    let refused =
        browser.submit_once(&form.clone().fill("number_repeated", "419 555 0124").fill("channel", "sms")).await?;
    ensure!(refused.status == 422 && refused.text().contains("Enter the same number again."), "{}", refused.text());
    ensure!(refused.form("Send a code")?.value("number") == Some("419 555 0123"), "nothing is lost");
    let form = form.fill("number_repeated", "(419) 555-0123").fill("channel", "sms");
    let page = browser.submit(form).await?.good()?;
    ensure!(page.text().contains("number ends in 0123") && !page.text().contains("5550123"), "{}", page.text());
    let code = code_to(&world, CELL).await?;
    let guess = browser.submit_once(&page.form("Verify")?.fill("code", &wrong(&code))).await?;
    ensure!(guess.status == 422 && guess.text().contains("Tries left: 9"), "{}", guess.text());
    let page = browser.submit(page.form("Verify")?.fill("code", &code)).await?.good()?;
    ensure!(page.url.path() == address && page.text().contains("Codes come by text message"), "{}", page.text());

    let mut elsewhere = Browser::new();
    let page = opened(&world, &mut elsewhere, &address).await?;
    ensure!(page.form("Send a code").is_err(), "CRD-9: a password alone changes nothing: {}", page.text());
    world.place.time.pass(Duration::from_mins(1)).await;
    let page = elsewhere.open(&page.link("Enter a code")?).await?.good()?;
    ensure!(page.form("Verify").is_err(), "no code was sent so far: {}", page.text());
    let page = elsewhere.submit(page.form("Send a code")?).await?.good()?;
    let code = code_to(&world, CELL).await?;
    let page = elsewhere.submit(page.form("Verify")?.fill("code", &code)).await?.good()?;
    ensure!(page.url.path() == address && page.form("Send a code").is_ok(), "{}", page.text());
    world.stop().await
}

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "auth-token-of-the-tests";

/// What Twilio was asked, whatever came of it: resource, fields.
type Asked = Arc<Mutex<Vec<(String, Vec<(String, String)>)>>>;

/// Twilio's API 2010-04-01, as far as it creates messages and calls: as particular about whom it serves and what it is sent,
/// and with its numbers for what fails.
async fn twilio(
    State(asked): State<Asked>,
    Path((account, resource)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    use base64::Engine as _;

    let answer = |status: u16, document: Value| {
        let status = Status::from_u16(status).unwrap_or(Status::INTERNAL_SERVER_ERROR);
        (status, [("content-type", "application/json")], document.to_string()).into_response()
    };
    let fault = |status: u16, code: u32, message: &str| {
        answer(status, json!({ "code": code, "message": message, "more_info": "", "status": status }))
    };
    let known = base64::engine::general_purpose::STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if account != ACCOUNT || header("authorization") != format!("Basic {known}") {
        return fault(401, 20003, "Authenticate");
    }
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
    let content = if resource == "Messages.json" { "Body" } else { "Twiml" };
    if header("content-type") != "application/x-www-form-urlencoded" || field(content).is_empty() {
        return fault(400, 21602, "Message body is required.");
    }
    if field("From") != "+12125550199" {
        return fault(
            400,
            21606,
            "The 'From' phone number provided is not a valid, message-capable Twilio phone number.",
        );
    }
    asked.lock().unwrap_or_else(PoisonError::into_inner).push((resource, fields.clone()));
    match field("To") {
        UNREACHABLE => fault(400, 21614, "'To' number is not a valid mobile number"),
        BUSY => fault(429, 20429, "Too Many Requests"),
        _ => answer(201, json!({ "sid": "SM0123456789abcdef0123456789abcdef", "status": "queued" })),
    }
}

// CRD-5 MSG-1: the codes leave by the provider's own interface; a number that gets no text messages is given up, a provider
// that is busy is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn msg_1_codes_leave_as_twilio_wants_them() -> anyhow::Result<()> {
    let asked = Asked::default();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let router =
        Router::new().route("/2010-04-01/Accounts/{account}/{resource}", post(twilio)).with_state(Arc::clone(&asked));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut wishes = phones_sold();
    let provider = |name| format!("[messages.phone]\nprovider = \"{name}\"");
    wishes.gateway.push((provider("json"), provider("twilio")));
    wishes.gateway.push(("name = \"Vestibule\"".to_owned(), "name = \"Vestibule & Co.\"".to_owned()));
    wishes.variables = vec![
        ("phone_origin".to_owned(), origin.clone()),
        ("phone_endpoint".to_owned(), format!("{origin}/2010-04-01/Accounts/{ACCOUNT}")),
        ("phone_secret".to_owned(), format!("{ACCOUNT}:{TOKEN}")),
    ];
    let world = World::with(wishes).await?;
    let (mut ada, address) = licensed(&world).await?;
    let attempts = |number: &str| {
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let to = |fields: &Vec<(String, String)>| fields.iter().any(|(name, value)| name == "To" && value == number);
        let found: Vec<_> = asked.iter().filter(|(_, fields)| to(fields)).cloned().collect();
        found
    };
    let call = async |ada: &mut Programs<'_>, number: &str, channel: &str| {
        world.place.time.pass(Duration::from_mins(1)).await;
        ada.supplier.post(&address, &phone(number, number, channel), StatusCode::OK).await
    };
    for (number, channel) in [(CELL, "sms"), (LANDLINE, "voice"), (UNREACHABLE, "sms")] {
        call(&mut ada, number, channel).await?;
        world.sweep().await?;
        ensure!(attempts(number).len() == 1, "taken, or given up: {:?}", attempts(number));
    }
    let field = |fields: &[(String, String)], name: &str| {
        let found = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone());
        found.with_context(|| format!("no {name} in {fields:?}"))
    };
    for (resource, fields) in attempts(CELL) {
        let text = field(&fields, "Body")?;
        ensure!(resource == "Messages.json" && text.contains("is your code for Vestibule & Co."), "{text}");
        ensure!(text.contains("\n\n@127.0.0.1 #"), "{text}");
    }
    for (resource, fields) in attempts(LANDLINE) {
        let said = field(&fields, "Twiml")?;
        ensure!(
            resource == "Calls.json" && said.starts_with("<Response><Say>Your code for Vestibule &#38; Co. is: "),
            "{said}"
        );
        ensure!(said.ends_with("</Say></Response>"), "{said}");
    }

    // The one that is busy is tried again as long as its code is good, and no longer.
    call(&mut ada, BUSY, "sms").await?;
    let first = attempts(BUSY).len();
    world.place.time.pass(Duration::from_mins(3)).await;
    world.sweep().await?;
    let while_good = attempts(BUSY).len();
    ensure!(first == 1 && while_good > first, "{first} {while_good}");
    world.place.time.pass(Duration::from_mins(30)).await;
    for _ in 0..3 {
        world.sweep().await?;
        world.place.time.pass(Duration::from_mins(30)).await;
    }
    ensure!(attempts(BUSY).len() == while_good, "{:?}", attempts(BUSY).len());
    world.stop().await
}
