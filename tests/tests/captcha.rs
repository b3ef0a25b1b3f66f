//! The providers of captchas over HTTP, against a double that answers like theirs (REG-7): a response is good once, for the
//! site on which it was given, and only to whoever knows the secret.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use journeys::{
    browser::Browser,
    by_json::public_registration,
    client::Client,
    world::{Wishes, World},
};
use reqwest::Method;
use serde_json::{Value, json};

const SECRET: &str = "captcha-secret-of-the-tests";
const SITE_KEY: &str = "10000000-ffff-ffff-ffff-000000000001";
/// Name in the configuration, field of the widget, its class.
const PROVIDERS: [(&str, &str, &str); 3] = [
    ("turnstile", "cf-turnstile-response", "cf-turnstile"),
    ("hcaptcha", "h-captcha-response", "h-captcha"),
    ("recaptcha", "g-recaptcha-response", "g-recaptcha"),
];

/// What a provider knows.
#[derive(Default)]
struct Provider {
    /// Whether it leaves out on which host a response was given, as hCaptcha does at times, and looks at the site key.
    is_hcaptcha: bool,
    /// Responses that were verified: each is good once.
    verified: Mutex<BTreeSet<String>>,
    /// Whether it answers with an error of its own.
    is_broken: AtomicBool,
    /// Whether it takes requests and never answers.
    sleeps: AtomicBool,
}

/// Responses are `<site>/<number>` where somebody solved the widget on that site.
async fn siteverify(State(provider): State<Arc<Provider>>, form: Bytes) -> Response {
    let asked = |name: &str| {
        let mut fields = url::form_urlencoded::parse(&form);
        fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let answer = |document: Value| ([("content-type", "application/json")], document.to_string()).into_response();
    if provider.sleeps.load(SeqCst) {
        std::future::pending::<()>().await;
    }
    if provider.is_broken.load(SeqCst) {
        return (StatusCode::BAD_GATEWAY, "<html>upstream</html>").into_response();
    }
    let refused = |code: &str| answer(json!({ "success": false, "error-codes": [code] }));
    if asked("secret") != SECRET {
        return refused("invalid-input-secret");
    }
    let response = asked("response");
    let Some((site, _)) = response.split_once('/') else { return refused("invalid-input-response") };
    let (host, site_key) = if provider.is_hcaptcha { ("not-provided", SITE_KEY) } else { (site, "") };
    if provider.is_hcaptcha && (site != "127.0.0.1" || asked("sitekey") != site_key) {
        return refused("sitekey-secret-mismatch");
    }
    if !provider.verified.lock().unwrap_or_else(PoisonError::into_inner).insert(response.clone()) {
        return refused("timeout-or-duplicate");
    }
    answer(json!({
        "success": true, "challenge_ts": "2026-11-27T09:00:00.000Z", "hostname": host, "error-codes": [],
        "action": "register", "cdata": "", "metadata": { "interactive": false }, "credit": true, "score": 0.9, "score_reason": [],
    }))
}

async fn start_double(name: &str) -> anyhow::Result<(Arc<Provider>, String)> {
    let provider = Arc::new(Provider { is_hcaptcha: name == "hcaptcha", ..Provider::default() });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/siteverify", post(siteverify)).with_state(Arc::clone(&provider));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((provider, origin))
}

/// A deployment that relies on this provider.
async fn guarded_by(name: &str, origin: &str) -> anyhow::Result<World> {
    let replaced = |from: &str, to: String| (from.to_owned(), to);
    let captcha = format!(
        "captcha = \"{name}\"\ncaptcha_site_key = \"{SITE_KEY}\"\ncaptcha_secret_variable = \"captcha_secret\"\n\
         captcha_verify_url = \"{origin}/siteverify\""
    );
    let register = "[component.register]\nsource = \"target/components/register.wasm\"\n\
                    files = [{ source = \"target/components/gateway.bin\", destination = \"/gateway.bin\" }]\n\
                    key_value_stores = [\"default\"]\n\
                    allowed_outbound_hosts = [\"http://effects.spin.internal\"";
    let variables = "[component.register.variables]\n";
    World::with(Wishes {
        gateway: vec![replaced("captcha = \"proof-of-work\"\ncaptcha_max_number = 50000", captcha)],
        manifest: vec![
            replaced(register, format!("{register}, \"{origin}\"")),
            replaced(variables, format!("{variables}captcha_secret = \"{SECRET}\"\n")),
        ],
        ..Wishes::default()
    })
    .await
}

// REG-7
#[tokio::test(flavor = "multi_thread")]
async fn reg_7_each_provider_is_asked_over_http_and_its_word_counts_for_this_site_once() -> anyhow::Result<()> {
    for (name, field, class) in PROVIDERS {
        let (_, origin) = start_double(name).await?;
        let world = guarded_by(name, &origin).await?;
        let mut browser = Browser::new();
        let page = browser.open(&world.url("/register?application=business-network")).await?.good()?;
        ensure!(page.attributes(&format!(".{class}"), "data-sitekey") == [SITE_KEY], "{name}: {}", page.body);
        let form = page.form("Next")?.fill("email", "ada@kestrel.example");
        let before = world.store_contents().await?;
        for bad in ["elsewhere.example/1", "127.0.0.1.elsewhere.example/1", "made-up", "/1"] {
            let refused = browser.submit_once(&form.clone().fill(field, bad)).await?;
            ensure!(refused.status == 422 && refused.text().contains("The check did not work"), "{name}: {bad}");
        }
        ensure!(world.store_contents().await? == before, "{name}: a refusal writes nothing");
        let solved = form.fill(field, "127.0.0.1/1");
        browser.submit(solved.clone()).await?.good()?.titled("Complete the following")?;
        let again = browser.submit_once(&solved).await?;
        ensure!(again.status == 422, "{name}: the provider says that it has been used: {}", again.text());

        let mut program = Client::new(&world.place.service)?;
        let body = public_registration("bo@kestrel.example", "127.0.0.1/2");
        let reference = |document: &Value| document.pointer("/reference").cloned();
        let first = program.post("/register", &body, reqwest::StatusCode::CREATED).await?;
        let repeated = program.post("/register", &body, reqwest::StatusCode::CREATED).await?;
        ensure!(reference(&first).is_some() && reference(&first) == reference(&repeated), "{name}: {repeated}");
        world.stop().await?;
    }
    Ok(())
}

// REG-7: nobody is let through because the provider is out of order, and nobody waits for long.
#[tokio::test(flavor = "multi_thread")]
async fn reg_7_a_provider_that_is_out_of_order_lets_nobody_through() -> anyhow::Result<()> {
    let (provider, origin) = start_double("turnstile").await?;
    let world = guarded_by("turnstile", &origin).await?;
    let before = world.store_contents().await?;
    let mut program = Client::new(&world.place.service)?;
    let mut number = 0;
    let mut register = async || {
        number += 1;
        let body = public_registration("ada@kestrel.example", &format!("127.0.0.1/{number}"));
        program.send(program.request(Method::POST, "/register").json(&body)).await
    };
    provider.is_broken.store(true, SeqCst);
    let broken = register().await?;
    ensure!(broken.status == 503, "{}", broken.status);
    provider.is_broken.store(false, SeqCst);
    provider.sleeps.store(true, SeqCst);
    let began = Instant::now();
    let asleep = register().await?;
    ensure!(asleep.status == 503 && began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    ensure!(world.store_contents().await? == before, "nothing is stored");
    provider.sleeps.store(false, SeqCst);
    ensure!(register().await?.status == 201, "in order again");
    world.stop().await
}
