//! What one network may cause in an hour, on the compiled components (REG-3, REG-7, SIG-3).

use std::time::Duration;

use anyhow::ensure;
use journeys::{
    browser::Browser,
    by_json::{Programs, public_registration, solved_captcha},
    client::{Answer, Client},
    world::{Wishes, World},
};
use reqwest::{Method, StatusCode};
use serde_json::json;

const ADA: &str = "ada@kestrel.example";

async fn limited_to(limits: &str) -> anyhow::Result<World> {
    let table = format!("[limits]\n{limits}\n\n[partners.anvil]");
    World::with(Wishes { gateway: vec![("[partners.anvil]".to_owned(), table)], ..Wishes::default() }).await
}

async fn asked(client: &mut Client, path: &str, body: &serde_json::Value) -> anyhow::Result<Answer> {
    let request = client.request(Method::POST, path).json(body);
    client.send(request).await
}

// REG-7 SIG-3: two links an hour, whatever they are for; the answer to the third one does not depend on who is asked about.
#[tokio::test(flavor = "multi_thread")]
async fn reg_7_a_network_has_so_many_links_mailed_an_hour() -> anyhow::Result<()> {
    let world = limited_to("links_per_hour = 2").await?;
    let mut ada = Programs::new(&world.place, ADA)?;
    let reference = ada.register_publicly().await?;
    ada.registrar_signs_in().await?;
    ada.approve(&reference).await?;
    ada.activate().await?;

    let mut stranger = Client::new(&world.place.service)?;
    let start = |email: &str| json!({ "application": "business-network", "email": email });
    stranger.post("/register/start", &start("bo@kestrel.example"), StatusCode::ACCEPTED).await?;
    stranger.post("/sign-in/reset", &json!({ "user": ADA }), StatusCode::OK).await?;
    let (mails, before) = (world.place.mails(ADA).await?.len(), world.store_contents().await?);
    let known = asked(&mut stranger, "/sign-in/reset", &json!({ "user": ADA })).await?;
    let known = known.problem(429, "too-many-requests")?;
    let unknown = asked(&mut stranger, "/sign-in/reset", &json!({ "user": "nobody@kestrel.example" })).await?;
    let unknown = unknown.problem(429, "too-many-requests")?;
    ensure!(known.get("detail") == unknown.get("detail"), "{known} {unknown}");
    asked(&mut stranger, "/register/start", &start("cy@kestrel.example")).await?.problem(429, "too-many-requests")?;
    ensure!(world.place.mails(ADA).await?.len() == mails, "SIG-3: no link is mailed");
    ensure!(world.place.mails("cy@kestrel.example").await?.is_empty(), "REG-7: no link is mailed");
    let changed: Vec<_> = (world.store_contents().await?.into_iter())
        .filter(|(key, value)| before.get(key) != Some(value))
        .map(|(key, _)| key)
        .collect();
    let counts = |key: &String| ["rate:", "cnt:", "todo:", "list:", "aud:"].iter().any(|one| key.starts_with(one));
    ensure!(changed.iter().all(counts), "nothing but the count: {changed:?}");

    let mut browser = Browser::new();
    let page = browser.open(&world.url("/sign-in/reset")).await?.good()?;
    let refused = browser.submit_once(&page.form("Send")?.fill("user", ADA)).await?;
    ensure!(refused.status == 429 && refused.text().contains("possible again in"), "{}", refused.text());

    world.place.time.pass(Duration::from_hours(1)).await;
    stranger.post("/sign-in/reset", &json!({ "user": ADA }), StatusCode::OK).await?;
    world.stop().await
}

// REG-3: searches for organisations alike are limited, and a registration that needs none is not.
#[tokio::test(flavor = "multi_thread")]
async fn reg_3_a_network_has_so_many_searches_an_hour() -> anyhow::Result<()> {
    let world = limited_to("searches_per_hour = 1").await?;
    let mut program = Client::new(&world.place.service)?;
    let unsaid = |email: &'static str| {
        let service = world.place.service.clone();
        async move {
            let mut body = public_registration(email, &solved_captcha(&service).await?);
            let choice = body.as_object_mut().and_then(|body| body.remove("organisation"));
            ensure!(choice.is_some_and(|choice| choice == "none"), "{body}");
            anyhow::Ok(body)
        }
    };
    program.post("/register", &unsaid("ada@kestrel.example").await?, StatusCode::CREATED).await?;
    let refused = asked(&mut program, "/register", &unsaid("bo@kestrel.example").await?).await?;
    refused.problem(429, "too-many-requests")?;
    let none = public_registration("bo@kestrel.example", &solved_captcha(&world.place.service).await?);
    program.post("/register", &none, StatusCode::CREATED).await?;
    world.place.time.pass(Duration::from_hours(1)).await;
    let found = asked(&mut program, "/register", &unsaid("cy@kestrel.example").await?).await?;
    ensure!(found.status != 429, "{}", found.text);

    let mut browser = Browser::new();
    let mut page = browser.open(&world.url("/register?application=business-network")).await?.good()?;
    let started = page.form("Next")?.fill("email", "dee@kestrel.example");
    browser.submit(started).await?.good()?.titled("Check your mailbox")?;
    let mail = world.place.mail("dee@kestrel.example", "Confirm your e-mail").await?;
    page = browser.open(&mail.word_starting("http")?).await?.good()?;
    let filled = page
        .form("Next")?
        .fill("given_name", "Dee")
        .fill("family_name", "Kestrel")
        .fill("phone", "419 555 0123")
        .fill("profile.legal_name", "Kestrel Machining LLC")
        .fill("profile.street", "12 Lathe Street")
        .fill("profile.city", "Toledo")
        .fill("profile.country", "US");
    let refused = browser.submit_once(&filled).await?;
    ensure!(refused.status == 429 && refused.text().contains("possible again in"), "{}", refused.text());
    ensure!(refused.form("Next")?.value("profile.city") == Some("Toledo"), "nothing is lost");
    world.stop().await
}
