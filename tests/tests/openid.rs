//! The OpenID Connect provider, asked wrongly: errors go back to the application when its address is registered, nowhere
//! else, and a code is good once, for its client, address and verifier (LCH-2).

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::time::Duration;

use anyhow::{Context, ensure};
use journeys::{
    authenticator::Authenticator,
    by_json::{Programs, authorize_address},
    client::{Answer, Client},
    world::{World, client_secret},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A supplier who is ready to launch.
struct Ready<'a> {
    world: &'a World,
    ada: Programs<'a>,
    app: Authenticator,
}

impl<'a> Ready<'a> {
    async fn new(world: &'a World) -> anyhow::Result<Self> {
        let mut ada = Programs::new(&world.place, "ada@kestrel.example")?;
        ada.invite().await?;
        let reference = ada.register_invited().await?;
        ada.registrar_signs_in().await?;
        ada.approve(&reference).await?;
        ada.activate().await?;
        ada.accept_terms("supply-platform").await?;
        let keys = ada.webstore_order("AN-1", 1).await?;
        let address = ada.activate_licence(&keys.join("")).await?;
        let app = ada.enrol(&address).await?;
        Ok(Self { world, ada, app })
    }

    fn callback(&self) -> String {
        format!("http://{}/supply-platform/callback", self.world.application.address())
    }

    /// An authorization request in order, with changes: `-` leaves a parameter out, what is new is added.
    fn request(&self, changes: &[(&str, &str)]) -> String {
        let callback = self.callback();
        let usual = [
            ("response_type", "code"),
            ("client_id", "supply-platform"),
            ("redirect_uri", callback.as_str()),
            ("scope", "openid"),
            ("state", "s t&te"),
            ("nonce", "n"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let all: Vec<(&str, &str)> = kept.chain(changes.iter().copied().filter(|(_, value)| *value != "-")).collect();
        authorize_address(&all)
    }

    async fn ask(&mut self, address: &str) -> anyhow::Result<Answer> {
        let request = self.ada.supplier.request(Method::GET, address);
        self.ada.supplier.send(request).await
    }

    /// The error that the application is sent.
    async fn error(&mut self, changes: &[(&str, &str)]) -> anyhow::Result<String> {
        let answer = self.ask(&self.request(changes)).await?;
        let back = redirect(&answer, &self.callback())?;
        ensure!(
            parameter(&back, "state").is_some_and(|state| state == "s t&te")
                || changes.iter().any(|(name, _)| *name == "state"),
            "{back}"
        );
        ensure!(parameter(&back, "iss").as_deref() == Some(&self.world.place.service), "RFC 9207: {back}");
        ensure!(parameter(&back, "code").is_none() && parameter(&back, "error_description").is_some(), "{back}");
        parameter(&back, "error").with_context(|| back.to_string())
    }

    /// A fresh authorization code.
    async fn code(&mut self) -> anyhow::Result<String> {
        let mut app = self.app.clone();
        self.ada.launch("supply-platform", &mut app).await?;
        self.app = app;
        let answer = self.ask(&self.request(&[])).await?;
        let back = redirect(&answer, &self.callback())?;
        parameter(&back, "code").with_context(|| back.to_string())
    }
}

fn redirect(answer: &Answer, to: &str) -> anyhow::Result<Url> {
    let location = answer.header("location");
    ensure!(
        answer.status == StatusCode::SEE_OTHER && location.starts_with(to),
        "{} {location}: {}",
        answer.status,
        answer.text
    );
    Ok(Url::parse(location)?)
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A token request with changes: `-` leaves a field out, what is new is added.
async fn exchange(
    ready: &Ready<'_>,
    code: &str,
    client: (&str, &str),
    changes: &[(&str, &str)],
) -> anyhow::Result<Answer> {
    let callback = ready.callback();
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", callback.as_str()),
        ("code_verifier", VERIFIER),
    ];
    let kept = usual.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let fields: Vec<(&str, &str)> = kept.chain(changes.iter().copied().filter(|(_, value)| *value != "-")).collect();
    let mut application = Client::new(&ready.world.place.service)?;
    let mut request = application.request(Method::POST, "/launch/token").form(&fields);
    if !client.0.is_empty() {
        request = request.basic_auth(client.0, Some(client.1));
    }
    application.send(request).await
}

fn oauth_error(answer: &Answer, status: u16, error: &str) -> anyhow::Result<()> {
    let body: Value = serde_json::from_str(&answer.text)?;
    ensure!(answer.status == status && body["error"] == error, "expected {status} {error}: {} {body}", answer.status);
    let challenged = !answer.header("www-authenticate").is_empty();
    ensure!(challenged == (status == 401), "RFC 6749, 5.2: {:?}", answer.headers);
    Ok(())
}

// LCH-2: what is wrong with client or address is shown to the person; everything else is told to the application.
#[tokio::test(flavor = "multi_thread")]
async fn lch_2_authorization_requests() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ready = Ready::new(&world).await?;
    let before = world.store_contents().await?;
    let other = format!("http://{}/business-network/callback", world.application.address());
    let (slash, query) = (format!("{}/", ready.callback()), format!("{}?x=1", ready.callback()));
    for nowhere in [
        [("client_id", "-")].as_slice(),
        &[("client_id", "nobody")],
        &[("client_id", "business-network")],
        &[("redirect_uri", "-")],
        &[("redirect_uri", "https://evil.example/")],
        &[("redirect_uri", &other)],
        &[("redirect_uri", &slash)],
        &[("redirect_uri", &query)],
        &[("redirect_uri", "javascript:alert(1)")],
        &[("client_id", "supply-platform"), ("client_id", "supply-platform")],
        &[("redirect_uri", &ready.callback()), ("redirect_uri", "https://evil.example/")],
    ] {
        let answer = ready.ask(&ready.request(nowhere)).await?;
        answer.problem(400, "client-not-registered").with_context(|| format!("{nowhere:?}"))?;
        ensure!(answer.header("location").is_empty(), "{nowhere:?} led to {}", answer.header("location"));
    }
    for (changes, error) in [
        ([("response_type", "-")].as_slice(), "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("scope", "-")], "invalid_scope"),
        (&[("scope", "profile")], "invalid_scope"),
        (&[("code_challenge", "-")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("code_challenge_method", "-")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("max_age", "soon")], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("acr_values", "urn:elsewhere")], "unmet_authentication_requirements"),
        (&[("request", "a.b.c")], "request_not_supported"),
        (&[("request_uri", "https://a.example")], "request_uri_not_supported"),
        (&[("nonce", "a"), ("nonce", "b")], "invalid_request"),
        (&[("state", "a"), ("state", "b")], "invalid_request"),
        (&[("scope", "openid"), ("scope", "openid")], "invalid_request"),
    ] {
        let found = ready.error(changes).await.with_context(|| format!("{changes:?}"))?;
        ensure!(found == error, "{changes:?}: expected {error}, found {found}");
    }
    ensure!(before == world.store_contents().await?, "a refused authorization request changed the store");
    world.stop().await
}

// LCH-2: prompt=none never asks anybody: an error says what is missing, and nothing is shown.
#[tokio::test(flavor = "multi_thread")]
async fn lch_2_silent_requests() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ready = Ready::new(&world).await?;
    let silent = [("prompt", "none")];
    ensure!(ready.error(&silent).await? == "interaction_required", "this application wants a fresh code each time");
    let mut app = ready.app.clone();
    ready.ada.launch("supply-platform", &mut app).await?;
    let answer = ready.ask(&ready.request(&silent)).await?;
    let back = redirect(&answer, &ready.callback())?;
    ensure!(parameter(&back, "code").is_some(), "everything is done: {back}");
    ready.ada.supplier.post("/sign-in/out", &json!({}), StatusCode::OK).await?;
    ensure!(ready.error(&silent).await? == "login_required", "nobody is signed in");
    world.stop().await
}

// LCH-2 OTP-4: max_age is held against the code that was entered, of our own launch or not (OpenID Connect Core 1.0,
// 3.1.2.1), and a request of any length comes back through the sign-in whole.
#[tokio::test(flavor = "multi_thread")]
async fn lch_2_max_age_and_the_way_back() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ready = Ready::new(&world).await?;
    let mut app = ready.app.clone();
    ready.ada.launch("supply-platform", &mut app).await?;
    world.host.clock().advance(Duration::from_secs(100));
    ensure!(ready.error(&[("max_age", "60"), ("prompt", "none")]).await? == "login_required", "100 s are more than 60");
    let asked = ready.request(&[("max_age", "60")]);
    let answer = ready.ask(&asked).await?;
    ensure!(answer.header("location").starts_with("/verify-otp?continue="), "{}", answer.header("location"));
    ready.ada.verify(&mut app).await?;
    let back = redirect(&ready.ask(&asked).await?, &ready.callback())?;
    ensure!(parameter(&back, "code").is_some(), "asked once and not again: {back}");
    // max_age=0 means prompt=login: a code of this launch is as fresh as it gets.
    ready.ada.launch("supply-platform", &mut app).await?;
    let back = redirect(&ready.ask(&ready.request(&[("max_age", "0")])).await?, &ready.callback())?;
    ensure!(parameter(&back, "code").is_some(), "{back}");

    ready.ada.supplier.post("/sign-in/out", &json!({}), StatusCode::OK).await?;
    let long = "l".repeat(6_000);
    let asked = ready.request(&[("login_hint", &long)]);
    let answer = ready.ask(&asked).await?;
    let sign_in = Url::parse(&world.url(answer.header("location")))?;
    ensure!(parameter(&sign_in, "continue") == Some(asked), "the way back is lost: {}", sign_in.path());
    let page = ready.ada.supplier.get(answer.header("location")).await?;
    ensure!(
        page["continue"].as_str().is_some_and(|address| address.contains(&long)),
        "the sign-in forgets the way back"
    );
    let too_long = "l".repeat(7_890);
    ensure!(ready.error(&[("login_hint", &too_long)]).await? == "invalid_request", "it would not come back");
    world.stop().await
}

// LCH-2: a code is good once, within 60 seconds, for its client with its secret, its address and its verifier; a second
// presentation revokes what the first one gave.
#[tokio::test(flavor = "multi_thread")]
async fn lch_2_authorization_codes() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ready = Ready::new(&world).await?;
    let code = ready.code().await?;
    let (right, secret) = ("supply-platform", client_secret("supply-platform"));
    let (another, other_secret) = ("business-network", client_secret("business-network"));
    let before = world.store_contents().await?;
    let wrong_verifier = "x".repeat(43);
    let other_address = format!("http://{}/business-network/callback", world.application.address());
    let by_post = [("client_id", right), ("client_secret", secret.as_str())];
    let garbled = format!("{}{}", &code[..51], if code.ends_with('a') { "b" } else { "a" });
    for (client, changes, status, error) in [
        ((right, "wrong"), [].as_slice(), 401, "invalid_client"),
        (("nobody", secret.as_str()), &[], 401, "invalid_client"),
        (("", ""), &[], 401, "invalid_client"),
        (("", ""), &[("client_id", right)], 401, "invalid_client"),
        ((right, other_secret.as_str()), &[], 401, "invalid_client"),
        ((right, secret.as_str()), &by_post, 400, "invalid_request"),
        ((another, other_secret.as_str()), &[], 400, "invalid_grant"),
        ((right, secret.as_str()), &[("code_verifier", wrong_verifier.as_str())], 400, "invalid_grant"),
        ((right, secret.as_str()), &[("code_verifier", "-")], 400, "invalid_request"),
        ((right, secret.as_str()), &[("code_verifier", "too short")], 400, "invalid_request"),
        ((right, secret.as_str()), &[("redirect_uri", other_address.as_str())], 400, "invalid_grant"),
        ((right, secret.as_str()), &[("redirect_uri", "-")], 400, "invalid_request"),
        ((right, secret.as_str()), &[("code", "-")], 400, "invalid_request"),
        ((right, secret.as_str()), &[("code", "x")], 400, "invalid_grant"),
        ((right, secret.as_str()), &[("code", garbled.as_str())], 400, "invalid_grant"),
        ((right, secret.as_str()), &[("code", code.as_str()), ("code", code.as_str())], 400, "invalid_request"),
        ((right, secret.as_str()), &[("grant_type", "refresh_token")], 400, "unsupported_grant_type"),
        ((right, secret.as_str()), &[("grant_type", "-")], 400, "invalid_request"),
    ] {
        let answer = exchange(&ready, &code, client, changes).await?;
        oauth_error(&answer, status, error).with_context(|| format!("{client:?} {changes:?}"))?;
    }
    ensure!(before == world.store_contents().await?, "a refused token request changed the store");

    let tokens = exchange(&ready, &code, (right, &secret), &[]).await?.document(StatusCode::OK)?;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().context("an access token")?);
    let userinfo = |authorization: Option<String>| {
        let request = reqwest::Client::new().get(world.url("/launch/userinfo"));
        authorization.into_iter().fold(request, |request, value| request.header("authorization", value))
    };
    ensure!(userinfo(Some(bearer.clone())).send().await?.status() == 200, "the token works");
    for stranger in
        [None, Some("Bearer x".to_owned()), Some(format!("{bearer}x")), Some(bearer.replace("Bearer", "Basic"))]
    {
        let response = userinfo(stranger).send().await?;
        ensure!(response.status() == 401 && response.headers().contains_key("www-authenticate"), "RFC 6750, 3");
    }
    oauth_error(&exchange(&ready, &code, (right, &secret), &[]).await?, 400, "invalid_grant")?;
    ensure!(userinfo(Some(bearer)).send().await?.status() == 401, "the reused code's tokens are revoked");

    let late = ready.code().await?;
    world.host.clock().advance(Duration::from_mins(1));
    oauth_error(&exchange(&ready, &late, (right, &secret), &[]).await?, 400, "invalid_grant")?;
    world.stop().await
}

// LCH-2: signing out asks the person; another site can neither end the session nor choose where it leads.
#[tokio::test(flavor = "multi_thread")]
async fn lch_2_signing_out() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ready = Ready::new(&world).await?;
    let code = ready.code().await?;
    let secret = client_secret("supply-platform");
    let tokens = exchange(&ready, &code, ("supply-platform", &secret), &[]).await?.document(StatusCode::OK)?;
    let hint = tokens["id_token"].as_str().context("an ID token")?;
    let home = format!("http://{}/supply-platform", world.application.address());
    let mut browser = journeys::browser::Browser::new();
    browser.set_cookie(&world.place.service, "__Host-session", ready.ada.supplier.cookie("__Host-session"));
    let mut ask = Url::parse(&world.url("/launch/logout"))?;
    ask.query_pairs_mut()
        .append_pair("id_token_hint", hint)
        .append_pair("post_logout_redirect_uri", &home)
        .append_pair("state", "s");
    let page = browser.open(ask.as_str()).await?.good()?;
    let before = world.store_contents().await?;
    let form = page.form("Sign out")?;
    for forged in
        [form.clone().fill("csrf", "forged"), form.clone().add("csrf", "forged"), form.clone().without("csrf")]
    {
        let answer = browser.submit_once(&forged).await?;
        ensure!(
            answer.status == 403 || answer.url.path() == "/launch/logout" && answer.status == 303,
            "{}",
            answer.status
        );
    }
    ensure!(before == world.store_contents().await?, "a forged sign-out changed the store");
    let evil = form.clone().fill("post_logout_redirect_uri", "https://evil.example/");
    for (form, to) in [(&form, format!("{home}?state=s")), (&evil, "/sign-in".to_owned())] {
        let mut person = browser.clone();
        let answer = person.submit_once(form).await?;
        let location = answer.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        ensure!(answer.status == 303 && location == to, "expected {to}, found {} {location}", answer.status);
    }
    let ended = ready.ada.supplier.request(Method::GET, "/dashboard");
    ready.ada.supplier.send(ended).await?.problem(401, "not-signed-in")?;
    world.stop().await
}
