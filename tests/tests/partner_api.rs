//! The partner's API as a partner's system meets it: over HTTP, on the compiled component. What is decided is proved in
//! process (`functions/invite/tests/partner`); here it is what only the way through the platform can show: sizes of
//! bodies, media types, headers.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::{collections::BTreeSet, time::Instant};

use anyhow::{Context, ensure};
use journeys::{
    client::Answer,
    world::{Wishes, World},
};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

fn partner(world: &World, method: Method, path: &str) -> RequestBuilder {
    Client::new().request(method, world.url(path)).bearer_auth(&world.place.secrets.anvil_api_key)
}

fn invitation(name: &str) -> Value {
    json!({
        "application": "supply-platform", "organisation": "Kestrel Machining", "given_name": name,
        "family_name": "Kestrel", "email": format!("{name}@kestrel.example"), "send_email": false,
    })
}

fn bulk(world: &World, key: &str, body: Vec<u8>) -> RequestBuilder {
    let request = partner(world, Method::POST, "/invite/bulk").header("idempotency-key", key);
    request.header("content-type", "application/x-ndjson").body(body)
}

async fn answer(request: RequestBuilder) -> anyhow::Result<Answer> {
    Answer::of(request.send().await?).await
}

fn text(document: &Value, pointer: &str) -> anyhow::Result<String> {
    let text = document.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).with_context(|| format!("no {pointer} in {document}"))
}

// INV-3: an invitation is made, listed, shown, sent again and taken back; every answer tells what is left to ask.
#[tokio::test(flavor = "multi_thread")]
async fn inv_3_a_partner_follows_its_invitations() -> anyhow::Result<()> {
    let world = World::start().await?;
    let invite = partner(&world, Method::POST, "/invite").header("idempotency-key", "one").json(&invitation("ada"));
    let made = answer(invite).await?;
    ensure!(made.header("ratelimit-policy").starts_with("\"changes\";q="), "{:?}", made.headers);
    ensure!(made.header("ratelimit").starts_with("\"changes\";r="), "{:?}", made.headers);
    let made = made.document(StatusCode::CREATED)?;
    let (id, link) = (text(&made, "/id")?, text(&made, "/link")?);

    let listed = answer(partner(&world, Method::GET, "/invite?state=pending")).await?.document(StatusCode::OK)?;
    ensure!(text(&listed, "/invitations/0/id")? == id, "{listed}");
    let resend = partner(&world, Method::POST, &format!("/invite/{id}/resend")).header("idempotency-key", "\"two\"");
    let sent = answer(resend).await?.document(StatusCode::OK)?;
    ensure!(text(&sent, "/link")? != link, "{sent}");
    let revoke = partner(&world, Method::POST, &format!("/invite/{id}/revoke"));
    let revoked = answer(revoke).await?.document(StatusCode::OK)?;
    ensure!(text(&revoked, "/state")? == "revoked", "{revoked}");
    let shown = answer(partner(&world, Method::GET, &format!("/invite/{id}"))).await?.document(StatusCode::OK)?;
    ensure!(text(&shown, "/state")? == "revoked", "{shown}");
    world.stop().await
}

// INV-9: a bulk request may have 1 MiB, and no other may; it is answered line by line.
#[tokio::test(flavor = "multi_thread")]
async fn inv_9_a_bulk_request_has_a_limit_of_its_own() -> anyhow::Result<()> {
    let world = World::start().await?;
    let lines = format!("{}\n{{}}\n{}", invitation("ada"), invitation("bea"));
    // Blank lines do not count: 200,000 bytes, more than any other route takes.
    let mut body = lines.into_bytes();
    body.resize(200_000, b'\n');
    let answered = answer(bulk(&world, "many", body)).await?;
    ensure!(answered.status == StatusCode::OK, "{}", answered.text);
    ensure!(answered.header("content-type") == "application/x-ndjson", "{:?}", answered.headers);
    let statuses: Vec<u64> = answered
        .text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?.get("status")?.as_u64())
        .collect();
    ensure!(statuses == [201, 400, 201], "{}", answered.text);

    let whole = answer(bulk(&world, "whole", vec![b'\n'; 1024 * 1024])).await?;
    whole.problem(422, "invalid-input")?;
    let other = partner(&world, Method::POST, "/invite").header("idempotency-key", "k").body(vec![b' '; 70_000]);
    answer(other.header("content-type", "application/json")).await?.problem(413, "too-large")?;
    world.stop().await
}

/// The newest message's number in the mailbox, and how many people got one.
async fn mailed(world: &World) -> anyhow::Result<(u64, usize)> {
    let list: Value = Client::new().get(format!("{}/messages", world.place.mailbox)).send().await?.json().await?;
    let messages = list.as_array().context("a list")?;
    let people: BTreeSet<&str> = messages.iter().filter_map(|one| one["to"].as_str()).collect();
    let newest = messages.iter().filter_map(|one| one["seq"].as_u64()).max();
    Ok((newest.unwrap_or_default(), people.len()))
}

/// What a request of 1,000 lines may take: a line's share of storage operations, with the share of what holds for all of
/// them; linear memory in bytes (the budget without password hashing); seconds, of which a request has 30.
const LINE_READS_MAX: u64 = 15;
const LINE_WRITES_MAX: u64 = 9;
const MEMORY_BYTES_MAX: usize = 32 * 1024 * 1024;
const SECONDS_MAX: u64 = 20;

// INV-9: a thousand invitations, each with its e-mail, are one request's work; repeated, it makes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn inv_9_a_thousand_lines_are_one_request() -> anyhow::Result<()> {
    let world = World::with(Wishes { metering: true, ..Wishes::default() }).await?;
    let lines: Vec<String> = (0..1000)
        .map(|n| {
            let mut one = invitation(&format!("person{n}"));
            one["send_email"] = json!(true);
            one.to_string()
        })
        .collect();
    let body = lines.join("\n").into_bytes();
    let began = Instant::now();
    let answered = answer(bulk(&world, "thousand", body.clone())).await?;
    let took = began.elapsed();
    let cost = world.host.ledger().take_measured().into_iter().next_back().context("nothing was measured")?;
    let made = answered.text.lines().filter(|line| line.contains("\"status\":201")).count();
    ensure!(answered.status == StatusCode::OK && made == 1000, "{} with {made} made", answered.status);
    println!(
        "1,000 lines: {} reads, {} writes, {} rounds, {} instructions, {} bytes of memory, {took:?}",
        cost.reads, cost.writes, cost.rounds, cost.fuel, cost.peak_memory_bytes
    );
    let (reads, writes) = (cost.reads, cost.writes);
    ensure!(reads <= 1000 * LINE_READS_MAX && writes <= 1000 * LINE_WRITES_MAX, "{reads} reads, {writes} writes");
    ensure!(cost.peak_memory_bytes <= MEMORY_BYTES_MAX, "{} bytes", cost.peak_memory_bytes);
    ensure!(took.as_secs() < SECONDS_MAX, "{took:?}");
    ensure!(mailed(&world).await? == (1000, 1000), "each got one e-mail");

    let again = answer(bulk(&world, "thousand", body)).await?;
    ensure!(again.status == StatusCode::OK && again.text == answered.text, "the same answer");
    let cost = world.host.ledger().take_measured().into_iter().next_back().context("nothing was measured")?;
    println!("repeated: {} reads, {} writes, {} bytes of memory", cost.reads, cost.writes, cost.peak_memory_bytes);
    ensure!(cost.reads < 1010 && cost.writes < 10, "{} reads, {} writes", cost.reads, cost.writes);
    ensure!(mailed(&world).await? == (1000, 1000), "nobody is told twice");
    world.stop().await
}

// INV-3: programs find the description without a key.
#[tokio::test(flavor = "multi_thread")]
async fn inv_3_the_description_is_public() -> anyhow::Result<()> {
    let world = World::start().await?;
    let served = answer(Client::new().get(world.url("/invite/openapi.json"))).await?;
    ensure!(served.header("content-type") == "application/openapi+json", "{:?}", served.headers);
    let document: Value = serde_json::from_str(&served.text)?;
    ensure!(text(&document, "/openapi")?.starts_with("3.1."), "{document}");
    world.stop().await
}
