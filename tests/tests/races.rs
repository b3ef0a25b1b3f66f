//! What many do at the same moment on the compiled components: nothing is given twice, no limit is outrun.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::time::Duration;

use anyhow::{Context, ensure};
use journeys::{
    browser::Browser,
    on_every_store,
    stores::Backend,
    story::{PASSWORD, Story},
    world::World,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

on_every_store!(
    otp_3_parallel_guesses_learn_ten_outcomes,
    otp_2_one_code_succeeds_once,
    sig_1_parallel_passwords_stop_at_ten,
    shp_3_one_promo_code_pays_one_order,
    apr_3_one_decision,
    reg_5_a_submission_commits_once,
);

/// The supplier of journey A, enrolled, with the session cookie and what is needed to go on.
async fn enrolled(world: &World) -> anyhow::Result<(journeys::story::Arrival, String)> {
    let mut ignore = |_| {};
    let arrival = Story::new(&world.place, "ada@kestrel.example", &mut ignore).by_invitation().await?;
    let cookies = arrival.supplier.cookie_header(&world.place.service);
    Ok((arrival, cookies))
}

async fn verify(world: &World, cookies: &str, code: &str) -> anyhow::Result<(StatusCode, Value)> {
    // Whoever meets too many others is told to try again; that is no outcome.
    for _ in 0..200 {
        let response = reqwest::Client::new()
            .post(world.url("/verify-otp"))
            .header("cookie", cookies)
            .json(&json!({ "code": code }))
            .send()
            .await?;
        let status = response.status();
        let body = response.json().await?;
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return Ok((status, body));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("the service stayed busy")
}

// OTP-3: 200 parallel wrong codes learn no more than ten outcomes; then the right one is refused as well.
async fn otp_3_parallel_guesses_learn_ten_outcomes(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let (mut arrival, cookies) = enrolled(&world).await?;
    world.host.clock().advance(Duration::from_mins(5));
    let now = world.place.time.unix_seconds();
    let right: Vec<String> = (0..3_u64).map(|step| arrival.authenticator.code_at(now + 30 * step - 30)).collect();
    let wrong: Vec<String> =
        (0..1_000_000_u32).map(|n| format!("{n:06}")).filter(|code| !right.contains(code)).take(200).collect();
    let answers = wrong.iter().map(|code| verify(&world, &cookies, code));
    let mut judged = 0;
    for answer in futures_util::future::join_all(answers).await {
        let (_, body) = answer?;
        match body["code"].as_str() {
            Some("code-not-accepted") => judged += 1,
            Some("credential-locked") => {}
            other => anyhow::bail!("unexpected answer {other:?}: {body}"),
        }
    }
    ensure!(judged <= 10, "{judged} outcomes were learned");
    let code = arrival.authenticator.read_code(&world.place.time).await;
    let (status, body) = verify(&world, &cookies, &code).await?;
    ensure!(body["code"] == "credential-locked", "{status} {body}");
    world.stop().await
}

// OTP-2: one code opens one door, however many present it at once.
async fn otp_2_one_code_succeeds_once(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let (mut arrival, cookies) = enrolled(&world).await?;
    world.host.clock().advance(Duration::from_mins(1));
    let code = arrival.authenticator.read_code(&world.place.time).await;
    let tries = (0..8).map(|_| verify(&world, &cookies, &code));
    let answers = futures_util::future::join_all(tries).await;
    let good = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|(status, _)| status.is_success())).count();
    ensure!(good == 1, "the code succeeded {good} times: {answers:?}");
    world.stop().await
}

// SIG-1: concurrent guesses of a password cannot outrun the limit of ten.
async fn sig_1_parallel_passwords_stop_at_ten(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let (arrival, _) = enrolled(&world).await?;
    let sign_in = |password: String| {
        let request = reqwest::Client::new().post(world.url("/sign-in"));
        request.json(&json!({ "user": arrival.user_id.as_str(), "password": password })).send()
    };
    let guess = |n: u32| {
        let sign_in = &sign_in;
        async move {
            // Whoever meets too many others is told to try again; that is no outcome.
            for _ in 0..200 {
                let status = sign_in(format!("wrong password number {n}")).await?.status();
                if status != StatusCode::SERVICE_UNAVAILABLE {
                    return anyhow::Ok(status);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::bail!("the service stayed busy")
        }
    };
    for status in futures_util::future::join_all((0..40).map(guess)).await {
        ensure!(status? == StatusCode::UNAUTHORIZED);
    }
    // Ten of the forty were judged. Had more been, the wait would be longer than half a minute.
    let paused = sign_in(PASSWORD.to_owned()).await?;
    ensure!(paused.status() == StatusCode::UNAUTHORIZED, "a try during the wait is not judged");
    world.host.clock().advance(Duration::from_secs(31));
    ensure!(sign_in(PASSWORD.to_owned()).await?.status() == StatusCode::OK, "after the wait the password works");
    world.stop().await
}

// SHP-3: a one-time promo code is redeemed by one of many concurrent orders.
async fn shp_3_one_promo_code_pays_one_order(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let mut ignore = |_| {};
    let mut story = Story::new(&world.place, "guest@heron.example", &mut ignore);
    let code = story.promo_code().await?;
    let order = |n: u64| {
        let (world, code) = (&world, code.clone());
        async move {
            let form = shared::values::FormId::from_bytes([u8::try_from(n).unwrap_or_default(); 16]).to_string();
            for _ in 0..100 {
                let response = reqwest::Client::new()
                    .post(world.url("/webstore-checkout/cobalt/checkout"))
                    .json(&json!({
                        "form": form,
                        "given_name": "Guest",
                        "family_name": format!("Number{n}"),
                        "email": format!("guest{n}@heron.example"),
                        "lines": [{ "product": "cobalt-mobile-id", "quantity": 1 }],
                        "promo_code": code,
                        "action": "place",
                    }))
                    .send()
                    .await?;
                if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                    return anyhow::Ok((response.status(), response.text().await?));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::bail!("the service stayed busy")
        }
    };
    let answers = futures_util::future::join_all((1..=8).map(order)).await;
    let placed = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|(status, _)| status.is_success())).count();
    ensure!(placed == 1, "{placed} orders were placed: {answers:?}");
    world.stop().await
}

// APR-3: two registrars at the same moment give one decision; deciding again is refused.
async fn apr_3_one_decision(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let mut ignore = |_| {};
    let mut story = Story::new(&world.place, "ada@kestrel.example", &mut ignore);
    story.invite().await?;
    story.register_invited().await?;
    let queue = story.registrar_signs_in().await?;
    let path = queue.attributes("a[href*='/operate/registrations/']", "href").pop().context("queue")?;
    let cookies = story.registrar.cookie_header(&world.place.service);
    let decide = || {
        let (url, cookies) = (world.url(&format!("{path}/decision")), cookies.clone());
        async move {
            let client = reqwest::Client::new();
            let request = client.post(url).header("cookie", cookies).json(&json!({ "decision": "approve" }));
            anyhow::Ok(request.send().await?.status())
        }
    };
    let answers = futures_util::future::join_all((0..4).map(|_| decide())).await;
    let decided = answers.iter().filter(|answer| answer.as_ref().is_ok_and(StatusCode::is_success)).count();
    ensure!(decided == 1, "{decided} decisions: {answers:?}");
    let mails = world.place.mails("ada@kestrel.example").await?;
    let activations = mails.iter().filter(|mail| mail.subject.starts_with("Activate")).count();
    ensure!(activations == 1, "{activations} activation e-mails");
    world.stop().await
}

// REG-5: a submission that is sent again founds one organization; another one on the same link is refused.
async fn reg_5_a_submission_commits_once(backend: Backend) -> anyhow::Result<()> {
    let world = World::on(backend).await?;
    let mut ignore = |_| {};
    let mut story = Story::new(&world.place, "ada@kestrel.example", &mut ignore);
    story.invite().await?;
    let link = world.place.mail("ada@kestrel.example", "Invited").await?.word_starting("http")?;
    let token = link.split("token=").nth(1).context("token")?;
    let submission = |city: &str| {
        json!({
            "token": token,
            "given_name": "Ada",
            "family_name": "Kestrel",
            "phone": "+14195550123",
            "profile": { "legal_name": "Kestrel Machining LLC", "street": "12 Lathe Street", "city": city, "country": "US" },
            "administrators": [],
        })
    };
    let submit = |body: Value| reqwest::Client::new().post(world.url("/register")).json(&body).send();
    let first = submit(submission("Toledo")).await?;
    let (status, first) = (first.status(), first.text().await?);
    ensure!(status == StatusCode::CREATED, "{status} {first}");
    let again = submit(submission("Toledo")).await?;
    ensure!(again.status() == StatusCode::CREATED && again.text().await? == first, "a repetition answers the same");
    ensure!(submit(submission("Akron")).await?.status() == StatusCode::NOT_FOUND, "another submission on a used link");
    let queue = story.registrar_signs_in().await?;
    let entries = queue.attributes("a[href*='/operate/registrations/']", "href");
    ensure!(entries.len() == 1, "the queue has {entries:?}");
    let program = reqwest::Client::new().get(&link).header("accept", "application/json").send().await?;
    ensure!(program.status() == StatusCode::NOT_FOUND, "INV-5: the link is used");
    let mut holder = Browser::new();
    let shown = holder.open(&link).await?;
    ensure!(
        shown.status == StatusCode::OK && shown.url.path() == "/register/status",
        "its holder is led on: {}",
        shown.url
    );
    world.stop().await
}
