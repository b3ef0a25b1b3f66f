//! Forgotten and changed passwords on the compiled components: by the pages' forms, and by JSON.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use anyhow::ensure;
use journeys::{
    browser::Browser,
    by_json::{Programs, activation},
    client::Client,
    on_every_store,
    stores::Backend,
    story::PASSWORD,
    world::World,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ADA: &str = "ada@kestrel.example";
const NEW_PASSWORD: &str = "nine paper boats drift past noon";
const SUBJECT: &str = "Choose a new password";

on_every_store!(sig_3_a_password_is_replaced_with_an_authenticator,);

async fn approved(world: &World) -> anyhow::Result<Programs<'_>> {
    let mut ada = Programs::new(&world.place, ADA)?;
    let reference = ada.register_publicly().await?;
    ada.registrar_signs_in().await?;
    ada.approve(&reference).await?;
    Ok(ada)
}

fn sign_in(password: &str) -> Value {
    json!({ "user": ADA, "password": password })
}

// SIG-3 SIG-2 OTP-2: link and code replace the password, end every session, and are used up.
async fn sig_3_a_password_is_replaced_with_an_authenticator(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let mut ada = approved(&world).await?;
    ada.activate().await?;
    let code = ada.promo_codes(1, "free").await?;
    let keys = ada.storefront_order(&code[0]).await?;
    let address = ada.activate_licence(&keys[0]).await?;
    let mut authenticator = ada.enrol(&address).await?;

    let mut stranger = Client::new(&world.place.service)?;
    let asked = stranger.post("/sign-in/reset", &json!({ "user": ADA }), StatusCode::OK).await?;
    let unknown = json!({ "user": "nobody@kestrel.example" });
    ensure!(stranger.post("/sign-in/reset", &unknown, StatusCode::OK).await? == asked, "SIG-3: the answers differ");
    let token = ada.mailed_token(SUBJECT).await?;
    let shown = stranger.get(&format!("/sign-in/reset/choose?token={token}")).await?;
    ensure!(
        shown["questions"] == json!([]) && shown["credentials"].as_array().is_some_and(|all| all.len() == 1),
        "{shown}"
    );
    ada.supplier.get("/dashboard").await?;

    let body = json!({
        "token": token,
        "code": authenticator.read_code(&world.place.time).await,
        "password": NEW_PASSWORD,
        "password_repeated": NEW_PASSWORD,
    });
    stranger.post("/sign-in/reset/choose", &body, StatusCode::OK).await?;
    let ended = ada.supplier.request(Method::GET, "/dashboard");
    ada.supplier.send(ended).await?.problem(401, "not-signed-in")?;
    let used = stranger.request(Method::POST, "/sign-in/reset/choose").json(&body);
    stranger.send(used).await?.problem(404, "link-not-valid")?;
    let old = stranger.request(Method::POST, "/sign-in").json(&sign_in(PASSWORD));
    stranger.send(old).await?.problem(401, "sign-in-failed")?;
    stranger.post("/sign-in", &sign_in(NEW_PASSWORD), StatusCode::OK).await?;
    world.place.mail(ADA, "Your password was changed").await?;
    world.stop().await
}

// SIG-3 ACT-2 ACT-1 SIG-4: without an authenticator the answers do, by the pages' forms; a listed password is refused with
// the reason by the filter that was made at the build.
#[tokio::test(flavor = "multi_thread")]
async fn sig_3_a_password_is_replaced_with_answers() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ada = approved(&world).await?;
    let token = ada.mailed_token("Activate your").await?;
    let page = ada.supplier.get(&format!("/activate?token={token}")).await?;
    let answered = activation(&token, &page)?;
    ada.supplier.post("/activate", &answered, StatusCode::OK).await?;

    let mut browser = Browser::new();
    let page = browser.open(&world.url("/sign-in")).await?.good()?;
    let page = browser.open(&page.link("Forgotten your password")?).await?.good()?;
    let page =
        browser.submit(page.form("Send the link")?.fill("user", ADA)).await?.good()?.titled("Look at your e-mail")?;
    ensure!(page.url.path() == "/sign-in/reset/sent", "{}", page.url);
    let token = ada.mailed_token(SUBJECT).await?;
    let page = browser.open(&world.url(&format!("/sign-in/reset/choose?token={token}"))).await?.good()?;
    let mut form = page.form("Save the password")?;
    for answer in ["answer_1", "answer_2", "answer_3"] {
        form = form.fill(answer, answered[answer].as_str().unwrap_or_default());
    }
    let weak = form.clone().fill("password", "Baseball 1234 5678").fill("password_repeated", "Baseball 1234 5678");
    let refused = browser.submit_once(&weak).await?;
    ensure!(refused.status == 422 && refused.text().contains("stolen passwords"), "ACT-1: {}", refused.text());
    let wrong = form.clone().fill("answer_2", "Buttercup");
    let wrong = wrong.fill("password", NEW_PASSWORD).fill("password_repeated", NEW_PASSWORD);
    let refused = browser.submit_once(&wrong).await?;
    ensure!(refused.status == 422 && refused.text().contains("Tries left: 4"), "{}", refused.text());
    let form = form.fill("password", NEW_PASSWORD).fill("password_repeated", NEW_PASSWORD);
    let page = browser.submit(form).await?.good()?.titled("Sign in")?;
    let page = browser.submit(page.form("Sign in")?.fill("user", ADA).fill("password", NEW_PASSWORD)).await?.good()?;
    ensure!(page.url.path() == "/dashboard", "{}", page.url);

    let page = browser.open(&page.link("Account")?).await?.good()?.titled("Your account")?;
    let page = browser.submit(page.form("Sign out everywhere")?).await?.good()?.titled("Sign in")?;
    ensure!(page.url.path() == "/sign-in", "SIG-2: {}", page.url);
    world.stop().await
}

// SIG-2 SIG-1: the present password is asked for, and its change ends the other sessions.
#[tokio::test(flavor = "multi_thread")]
async fn sig_2_a_password_is_changed() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ada = approved(&world).await?;
    ada.activate().await?;
    let mut elsewhere = Client::new(&world.place.service)?;
    elsewhere.post("/sign-in", &sign_in(PASSWORD), StatusCode::OK).await?;
    let change = |present: &str| json!({ "present_password": present, "password": NEW_PASSWORD, "password_repeated": NEW_PASSWORD });
    let wrong = ada.supplier.request(Method::POST, "/sign-in/password").json(&change("nine red kettles"));
    let problem = ada.supplier.send(wrong).await?.problem(422, "invalid-input")?;
    ensure!(problem["errors"][0]["pointer"] == "/present_password", "{problem}");
    ada.supplier.post("/sign-in/password", &change(PASSWORD), StatusCode::OK).await?;
    let shown = ada.supplier.get("/sign-in/account").await?;
    ensure!(shown["sessions"].as_array().is_some_and(|all| all.len() == 1), "{shown}");
    let ended = elsewhere.request(Method::GET, "/dashboard");
    elsewhere.send(ended).await?.problem(401, "not-signed-in")?;
    world.place.mail(ADA, "Your password was changed").await?;
    world.stop().await
}
