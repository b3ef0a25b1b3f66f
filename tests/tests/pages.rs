//! What every address owes to whoever comes by: people a page that leads on, programs a problem document, and nobody a
//! trap, whatever they send.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use journeys::{
    browser::Browser,
    by_json::{Programs, activation, checkout, form_id, public_registration, solved_captcha},
    client::{Answer, Client},
    story::PASSWORD,
    world::{Wishes, World},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const PERSON: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

async fn sent(world: &World, method: Method, path: &str, accept: &str) -> anyhow::Result<Answer> {
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    Answer::of(http.request(method, world.url(path)).header("accept", accept).send().await?).await
}

// HEAD is answered like GET, with the length of the body that is left out (RFC 9110, 9.3.2).
#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_the_body() -> anyhow::Result<()> {
    let world = World::start().await?;
    for path in [
        "/",
        "/health",
        "/sign-in",
        "/operate",
        "/dashboard",
        "/assets/icon.svg",
        "/webstore-checkout/cobalt",
        "/register?application=business-network",
        "/.well-known/openid-configuration",
        "/launch/jwks",
        "/invite/accept?token=x",
        "/nowhere",
    ] {
        for accept in [PERSON, "application/json"] {
            let get = sent(&world, Method::GET, path, accept).await?;
            let head = sent(&world, Method::HEAD, path, accept).await?;
            ensure!(head.status == get.status, "{path}: HEAD {} and GET {}", head.status, get.status);
            ensure!(head.text.is_empty(), "{path}: HEAD has a body");
            for header in ["content-type", "location", "cache-control", "etag", "content-security-policy"] {
                ensure!(head.header(header) == get.header(header), "{path}: {header} differs");
            }
            // Form tokens and request ids have the same length each time.
            ensure!(head.header("content-length") == get.text.len().to_string(), "{path}: {:?}", head.headers);
        }
    }
    // What takes no GET takes no HEAD; where GET is allowed, HEAD is.
    for (path, allow) in [("/invite/bulk", "POST"), ("/sign-in/out", "POST"), ("/launch/token", "POST")] {
        let answer = sent(&world, Method::HEAD, path, PERSON).await?;
        ensure!(
            answer.status == 405 && answer.header("allow") == allow,
            "{path}: {} {:?}",
            answer.status,
            answer.headers
        );
    }
    let answer = sent(&world, Method::PUT, "/sign-in", "application/json").await?;
    answer.problem(405, "method-not-allowed")?;
    ensure!(answer.header("allow") == "GET, HEAD, POST", "{:?}", answer.headers);
    world.stop().await
}

// An address that no route takes: people get a page with links, programs a problem document, both from a component.
#[tokio::test(flavor = "multi_thread")]
async fn unknown_addresses_lead_on() -> anyhow::Result<()> {
    let world = World::start().await?;
    for path in [
        "/nowhere",
        "/favicon.ico",
        "/dashboards",
        "/assets/none.css",
        "/.well-known/security.txt",
        "/..%2f..%2fetc%2fpasswd",
        "/%00",
        "/%ff%fe",
        "/credentials/x/authenticator/verify/more",
        "/operate/registrations",
        "/launch/authorize/more",
    ] {
        for method in [Method::GET, Method::POST] {
            let program = sent(&world, method.clone(), path, "application/json").await?;
            let code = if program.status == 405 { "method-not-allowed" } else { "not-found" };
            program.problem(program.status.as_u16(), code).with_context(|| path.to_owned())?;
            ensure!(program.status.is_client_error(), "{path}: {}", program.status);
        }
        let mut browser = Browser::new();
        let page = browser.open(&world.url(path)).await?;
        ensure!(page.status == 404 && page.select("h1") == ["Not found"], "{path}: {} {}", page.status, page.text());
        let links = page.attributes("main a[href]", "href");
        let home = if path.starts_with("/operate") { "/operate/sign-in" } else { "/sign-in" };
        ensure!(links == [home, "mailto:support@vestibule.example"], "{path} leads to {links:?}");
    }
    world.stop().await
}

// A problem's page leads to what resolves it, then home, and always to support.
#[tokio::test(flavor = "multi_thread")]
async fn problem_pages_lead_on() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut programs = Programs::new(&world.place, "ada@kestrel.example")?;
    let reference = programs.register_publicly().await?;
    programs.registrar_signs_in().await?;
    programs.approve(&reference).await?;
    programs.activate().await?;
    let mut person = Browser::new();
    person.set_cookie(&world.place.service, "__Host-session", programs.supplier.cookie("__Host-session"));
    person.set_cookie(&world.place.service, "__Host-operator", programs.registrar.cookie("__Host-operator"));
    let support = "mailto:support@vestibule.example";
    for (path, status, expected) in [
        ("/credentials/none/authenticator", 404, vec!["/dashboard", support]),
        ("/accept-terms/supply-platform", 404, vec!["/dashboard", support]),
        ("/verify-otp", 409, vec!["/credentials", "/dashboard", support]),
        ("/invite/accept?token=x", 404, vec!["/dashboard", support]),
        ("/operate/registrations/none", 404, vec!["/operate", support]),
        ("/register?application=supply-platform", 403, vec!["/dashboard", support]),
    ] {
        let page = person.open(&world.url(path)).await?;
        let links = page.attributes("main a[href]", "href");
        ensure!(page.status == status && links == expected, "{path}: {} {links:?}", page.status);
        ensure!(page.select("main h2").iter().any(|heading| heading == "What to do next"), "{path}: {}", page.text());
    }
    // What blocks the launch comes with the link that resolves it (LCH-1).
    let page = person.open(&world.url("/launch/business-network")).await?;
    let links = page.attributes("main a[href]", "href");
    ensure!(
        page.status == 403 && links.first().is_some_and(|link| link == "/accept-terms/business-network"),
        "{links:?}"
    );
    world.stop().await
}

// SIG-4: without public_url no form could be told from a forged one and no link would work: the host does not start.
#[tokio::test(flavor = "multi_thread")]
async fn sig_4_a_deployment_needs_its_public_url() -> anyhow::Result<()> {
    for wrong in ["", " ", "vestibule.example", "https://vestibule.example/path"] {
        let variables = vec![("public_url".to_owned(), wrong.to_owned())];
        let started = World::with(Wishes { variables, ..Wishes::default() }).await;
        let error = started.err().with_context(|| format!("the host started with {wrong:?}"))?;
        ensure!(format!("{error:#}").contains("variable public_url"), "{error:#}");
    }
    Ok(())
}

// Queries that nobody's page sends: unknown, repeated and garbled parameters change nothing and trap nothing.
#[tokio::test(flavor = "multi_thread")]
async fn queries_that_cannot_be_read() -> anyhow::Result<()> {
    let world = World::start().await?;
    let before = world.store_contents().await?;
    for (path, status, code) in [
        ("/invite/accept", 404, "link-not-valid"),
        ("/invite/accept?token=a&token=b", 400, "malformed"),
        ("/invite/accept?token=a&more=b", 400, "malformed"),
        ("/invite/accept?token=%ff%00", 404, "link-not-valid"),
        ("/activate", 400, "malformed"),
        ("/activate?token=a&token=a", 400, "malformed"),
        ("/activate?token=%F0%9F%98%80", 404, "link-not-valid"),
        ("/register", 404, "link-not-valid"),
        ("/register?token=a&application=b", 404, "link-not-valid"),
        ("/register?token=a&token=a", 400, "malformed"),
        ("/register/submitted", 400, "malformed"),
        ("/register/submitted?reference=Call%20us", 404, "not-found"),
        ("/sign-in?continue=a&continue=b", 400, "malformed"),
        ("/sign-in?more", 400, "malformed"),
        ("/verify-otp?more=x", 400, "malformed"),
        ("/operate/sign-in?more=x", 400, "malformed"),
        ("/webstore-checkout/orders", 400, "malformed"),
        ("/webstore-checkout/orders?token=x", 404, "link-not-valid"),
        ("/webstore-checkout/cobalt/cart?cobalt-mobile-id=-1", 422, "invalid-input"),
        ("/webstore-checkout/cobalt/cart?cobalt-mobile-id=99999999999999999999", 422, "invalid-input"),
        ("/webstore-checkout/cobalt/cart?cobalt-mobile-id=4294967295", 422, "invalid-input"),
        ("/webstore-checkout/cobalt/cart?cobalt-mobile-id=1&cobalt-mobile-id=1", 422, "invalid-input"),
        ("/webstore-checkout/cobalt/cart?%00=1", 422, "invalid-input"),
        ("/webstore-checkout/cobalt/checkout", 422, "invalid-input"),
        ("/webstore-checkout/nobody", 404, "not-found"),
        ("/launch/authorize", 400, "client-not-registered"),
        ("/launch/authorize?client_id=%00", 400, "client-not-registered"),
    ] {
        let answer = sent(&world, Method::GET, path, "application/json").await?;
        answer.problem(status, code).with_context(|| path.to_owned())?;
        let page = sent(&world, Method::GET, path, PERSON).await?;
        ensure!(!page.status.is_server_error() && page.status != StatusCode::OK, "{path}: {}", page.status);
    }
    for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nb"] {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("continue", elsewhere).finish();
        let answer = sent(&world, Method::GET, &format!("/sign-in?{query}"), "application/json").await?;
        let shown: Value = serde_json::from_str(&answer.text)?;
        ensure!(shown.get("continue") == Some(&json!("/dashboard")), "{elsewhere}: {shown}");
    }
    ensure!(before == world.store_contents().await?, "looking changed the store");
    ensure!(traps(&world).is_empty(), "{:?}", traps(&world));
    world.stop().await
}

/// What the host says of instances that trapped.
fn traps(world: &World) -> Vec<String> {
    world.host.log_lines().into_iter().filter(|line| line.contains(" failed: ") || line.contains("panicked")).collect()
}

/// Values that programs stumble over.
fn hostile() -> Vec<Value> {
    let texts = [
        String::new(),
        " ".to_owned(),
        "\u{0}".to_owned(),
        "a\u{0}b".to_owned(),
        "\r\nx-evil: 1".to_owned(),
        "x".repeat(50_000),
        "\u{1f600}".repeat(12_000),
        "e\u{301}".repeat(10_000),
        "\u{202e}\u{feff}\u{2028}".to_owned(),
        "\u{fdfa}".repeat(5_000),
        "../../../etc/passwd".to_owned(),
        "'; DROP TABLE spin_key_value; --".to_owned(),
        "<script>alert(1)</script>".to_owned(),
        "{{ root_secret }}".to_owned(),
        "%s%n%00%ff".to_owned(),
        "-1".to_owned(),
        "99999999999999999999999999".to_owned(),
        "1e308".to_owned(),
        "NaN".to_owned(),
        "aaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        "=".repeat(64),
        "AAAAA-AAAAA-AAAAA-AAAAA-A".to_owned(),
        "a@b".repeat(100),
        "+".repeat(30),
        "100%".to_owned(),
        "0.00".to_owned(),
    ];
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        json!(vec![json!({ "product": "cobalt-mobile-id", "quantity": u32::MAX }); 50]),
        json!(vec![json!({ "given_name": "x", "family_name": "x", "email": "a@b.example" }); 200]),
    ];
    texts.into_iter().map(Value::String).chain(others).collect()
}

// No value of any member traps a component: every answer is one of ours, never a fault, and repeats no markup.
#[tokio::test(flavor = "multi_thread")]
async fn no_value_traps_a_component() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ada = Programs::new(&world.place, "ada@kestrel.example")?;
    let reference = ada.register_publicly().await?;
    ada.registrar_signs_in().await?;
    let waiting = format!("{}/decision", ada.waiting(&reference).await?);
    let mut bea = Programs::new(&world.place, "bea@heron.example")?;
    bea.registrar = ada.registrar.clone();
    let reference = bea.register_publicly().await?;
    bea.approve(&reference).await?;
    let token = bea.mailed_token("Activate your").await?;
    let shown = bea.supplier.get(&format!("/activate?token={token}")).await?;
    let activating = activation(&token, &shown)?;
    bea.activate().await?;
    let batch = json!({
        "form": form_id(), "name": "Autumn", "partner": "cobalt", "products": ["cobalt-mobile-id"], "count": 1, "uses": 1,
        "uses_per_customer": 1, "discount": "free", "valid_from": "", "valid_days": 1, "bills_partner": true,
    });
    let staff = json!({ "operator": "registrar", "password": "x", "code": "123456", "continue": "/operate" });
    let licence = json!({ "licence_key": "x", "agreed": true, "agreement": "x", "sealed": "x", "step": "check" });
    let code = json!({ "code": "123456", "credential": "x", "continue": "/dashboard" });
    let guest = Client::new(&world.place.service)?;
    let terms = json!({ "agreed": true, "digest": "x" });
    let rows: [(&Client, &str, Value); 12] = [
        (&guest, "/register", public_registration("cy@heron.example", &solved_captcha(&world.place.service).await?)),
        (&guest, "/activate", activating),
        (&guest, "/sign-in", json!({ "user": "bea@heron.example", "password": PASSWORD, "continue": "/" })),
        (&guest, "/webstore-checkout/cobalt/checkout", checkout(&form_id(), "cy@heron.example", "x")),
        (&guest, "/operate/sign-in", staff),
        (&bea.supplier, "/accept-terms/business-network", terms),
        (&bea.supplier, "/credentials/licence", licence),
        (&bea.supplier, "/verify-otp", code),
        (&bea.supplier, "/launch/business-network", json!({ "accept_terms": true, "digest": "x" })),
        (&bea.supplier, "/credentials/aaaaaaaaaaaaaaaaaaaaaaaaaa/authenticator/verify", json!({ "code": "123456" })),
        (&bea.registrar, &waiting, json!({ "decision": "postpone", "reason": "x" })),
        (&bea.registrar, "/operate/promo-batches", batch),
    ];
    let (mut count, mut statuses) = (0, BTreeSet::new());
    for (client, path, body) in &rows {
        for (member, usual) in body.as_object().context("an object")? {
            let inner = usual.as_object().into_iter().flatten().map(|(name, _)| format!("/{member}/{name}"));
            for pointer in std::iter::once(format!("/{member}")).chain(inner) {
                for value in hostile() {
                    let mut spoilt = body.clone();
                    *spoilt.pointer_mut(&pointer).context("a member")? = value;
                    let answer = Answer::of(client.request(Method::POST, path).json(&spoilt).send().await?).await?;
                    ensure!(!answer.status.is_server_error(), "{path} {pointer}: {} {}", answer.status, answer.text);
                    ensure!(!answer.text.contains("<script>alert"), "{path} {pointer} repeats markup: {}", answer.text);
                    statuses.insert(answer.status.as_u16());
                    count += 1;
                }
            }
        }
        ensure!(traps(&world).is_empty(), "{path}: {:?}", traps(&world));
    }
    ensure!(count > 1_500, "only {count} requests were sent");
    ensure!(statuses.contains(&400) && statuses.contains(&422), "{statuses:?}");
    world.stop().await
}
