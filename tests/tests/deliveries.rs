//! The mail provider fails while something is decided: the decision stands, and every message is out exactly once after
//! it works again (MSG-1).

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use journeys::{
    by_json::{Programs, public_registration, solved_captcha},
    client::Client,
    world::{Wishes, World},
};
use reqwest::Method;
use serde_json::{Value, json};

const WORKS: u8 = 0;
/// Refuses messages.
const REFUSES: u8 = 1;
/// Takes messages and says that it did not.
const LIES: u8 = 2;
/// Takes connections and never answers.
const SLEEPS: u8 = 3;

/// A mail provider that can be broken.
#[derive(Default)]
struct Provider {
    state: AtomicU8,
    /// What was taken: recipient and subject by idempotency key, and how often it came.
    taken: Mutex<BTreeMap<String, (String, String, usize)>>,
}

impl Provider {
    async fn start() -> anyhow::Result<(Arc<Self>, String)> {
        let provider = Arc::new(Self::default());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/send", post(send)).with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((provider, origin))
    }

    fn subjects(&self, to: &str) -> Vec<String> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut subjects: Vec<String> =
            taken.values().filter(|(known, ..)| known == to).map(|(_, subject, _)| subject.clone()).collect();
        subjects.sort_unstable();
        subjects
    }
}

async fn send(State(provider): State<Arc<Provider>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let state = provider.state.load(SeqCst);
    if state == REFUSES {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    if state == SLEEPS {
        std::future::pending::<()>().await;
    }
    let text = |value: &Value, member: &str| value.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut taken = provider.taken.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = taken.entry(key).or_insert_with(|| (text(&message, "to"), text(&message, "subject"), 0));
    entry.2 += 1;
    if state == LIES { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::ACCEPTED }
}

async fn world_with(origin: &str) -> anyhow::Result<World> {
    let variables = [("mail_origin", origin.to_owned()), ("mail_endpoint", format!("{origin}/send"))];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
    World::with(Wishes { variables, ..Wishes::default() }).await
}

/// A registration with two further administrators, decided while the provider misbehaves; then it is decided again.
async fn decided_while(state: u8) -> anyhow::Result<()> {
    let (provider, origin) = Provider::start().await?;
    let world = world_with(&origin).await?;
    let mut programs = Programs::new(&world.place, "ada@kestrel.example")?;
    let mut registration = public_registration("ada@kestrel.example", &solved_captcha(&world.place.service).await?);
    let person = |given: &str| {
        let email = format!("{}@kestrel.example", given.to_lowercase());
        json!({ "given_name": given, "family_name": "Kestrel", "email": email, "organisation_administrator": true })
    };
    registration["administrators"] = json!([person("Bea"), person("Cy")]);
    let mut supplier = Client::new(&world.place.service)?;
    let submitted = supplier.post("/register", &registration, reqwest::StatusCode::CREATED).await?;
    let reference = submitted["reference"].as_str().context("a reference")?;
    programs.registrar_signs_in().await?;
    let decision = format!("{}/decision", programs.waiting(reference).await?);
    let people = ["ada", "bea", "cy"].map(|name| format!("{name}@kestrel.example"));

    provider.state.store(state, SeqCst);
    let approved =
        programs.registrar.post(&decision, &json!({ "decision": "approve" }), reqwest::StatusCode::OK).await?;
    ensure!(approved["state"] == "approved", "the decision stands whatever becomes of the mail: {approved}");
    // Still broken: a repetition is refused and changes nothing of the decision.
    let again =
        programs.registrar.request(Method::POST, &decision).json(&json!({ "decision": "reject", "reason": "no" }));
    programs.registrar.send(again).await?.problem(409, "already-decided")?;

    provider.state.store(WORKS, SeqCst);
    for _ in 0..3 {
        let again = programs.registrar.request(Method::POST, &decision).json(&json!({ "decision": "approve" }));
        programs.registrar.send(again).await?.problem(409, "already-decided")?;
    }
    for person in &people {
        let activations = provider.subjects(person).iter().filter(|subject| subject.starts_with("Activate")).count();
        ensure!(activations == 1, "MSG-1: {person} was told {activations} times: {:?}", provider.subjects(person));
        let rejected = provider.subjects(person).iter().any(|subject| subject.contains("not approved"));
        ensure!(!rejected, "APR-3: {person} was told both");
    }
    let taken = provider.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let twice: Vec<_> = taken.values().filter(|(.., times)| *times > 1).collect();
    ensure!(state == LIES || twice.is_empty(), "MSG-1: what was taken was sent again: {twice:?}");
    world.stop().await
}

// MSG-1 APR-2 APR-3: the provider takes nothing while a registration is approved.
#[tokio::test(flavor = "multi_thread")]
async fn msg_1_a_provider_that_is_down_at_approval() -> anyhow::Result<()> {
    decided_while(REFUSES).await
}

// MSG-1 APR-2: the provider takes the messages, but its answer is lost: the retry carries the same idempotency keys.
#[tokio::test(flavor = "multi_thread")]
async fn msg_1_a_provider_whose_answers_are_lost() -> anyhow::Result<()> {
    decided_while(LIES).await
}

// MSG-1 INV-2: a provider that never answers holds nobody up for long, and the message is sent once when it works again.
#[tokio::test(flavor = "multi_thread")]
async fn msg_1_a_provider_that_never_answers() -> anyhow::Result<()> {
    let (provider, origin) = Provider::start().await?;
    let world = world_with(&origin).await?;
    let programs = Programs::new(&world.place, "ada@kestrel.example")?;
    provider.state.store(SLEEPS, SeqCst);
    let started = Instant::now();
    programs.invite().await?;
    ensure!(started.elapsed() < Duration::from_secs(10), "the partner waited for {:?}", started.elapsed());
    provider.state.store(WORKS, SeqCst);
    // The repetition gets the answer that is kept; what waits is the sweep's.
    programs.invite().await?;
    world.host.clock().advance(Duration::from_mins(1));
    for _ in 0..2 {
        ensure!(world.sweep().await?.0 == 200);
    }
    let taken = provider.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ensure!(taken.len() == 1 && taken.values().all(|(.., times)| *times == 1), "MSG-1: {taken:?}");
    world.stop().await
}

// MSG-1 SHP-6: receipt, licence keys and order confirmation wait for the provider, and a repeated webhook sends them.
#[tokio::test(flavor = "multi_thread")]
async fn msg_1_an_order_while_the_provider_is_down() -> anyhow::Result<()> {
    let (provider, origin) = Provider::start().await?;
    let world = world_with(&origin).await?;
    let mut ignore = |_| {};
    let story = journeys::story::Story::new(&world.place, "ada@kestrel.example", &mut ignore);
    let event = story.paid_order("AN-1", "anvil-mobile-id");
    provider.state.store(REFUSES, SeqCst);
    ensure!(story.send_webhook(&event).await?.status() == 200, "the order is complete all the same");
    ensure!(provider.subjects("ada@kestrel.example").is_empty());
    provider.state.store(WORKS, SeqCst);
    for _ in 0..3 {
        ensure!(story.send_webhook(&event).await?.status() == 200);
    }
    let subjects = provider.subjects("ada@kestrel.example");
    let expected = ["Receipt", "Your licence keys", "Your order"];
    let all = expected.iter().all(|start| subjects.iter().filter(|subject| subject.starts_with(start)).count() == 1);
    ensure!(all && subjects.len() == 3, "MSG-1: {subjects:?}");
    world.stop().await
}
