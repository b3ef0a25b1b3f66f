//! MSG-3 on the compiled components and over real HTTP: a partner's endpoint that misbehaves in every way it can.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::post,
};
use journeys::world::{MACHINE_KEY, Wishes, World};
use serde_json::{Value, json};
use standardwebhooks::Webhook;

const TAKES: u8 = 0;
const FAILS: u8 = 1;
const SLEEPS: u8 = 2;
const REDIRECTS: u8 = 3;
const RAMBLES: u8 = 4;
const IS_GONE: u8 = 5;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A partner's endpoint.
#[derive(Default)]
struct Endpoint {
    state: AtomicU8,
    /// Ids of what came to its address, and of what came to where it redirects.
    came: Mutex<Vec<(&'static str, String)>>,
}

impl Endpoint {
    async fn start() -> anyhow::Result<(Arc<Self>, String)> {
        let endpoint = Arc::new(Self::default());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/hooks", post(take)).route("/elsewhere", post(elsewhere));
        let router = router.with_state(Arc::clone(&endpoint));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((endpoint, origin))
    }

    fn came(&self) -> Vec<(&'static str, String)> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, place: &'static str, headers: &HeaderMap) {
        let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        self.came.lock().unwrap_or_else(PoisonError::into_inner).push((place, id));
    }
}

async fn take(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap, body: Bytes) -> Response {
    endpoint.keep("hooks", &headers);
    // The tests' time is not this machine's, which the library would hold the webhook's against.
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (id, at) = (text("webhook-id"), text("webhook-timestamp").parse().unwrap_or_default());
    let expected = Webhook::new(SECRET).ok().and_then(|known| known.sign(&id, at, &body).ok());
    if expected.is_none_or(|expected| expected != text("webhook-signature")) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match endpoint.state.load(SeqCst) {
        FAILS => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        SLEEPS => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            StatusCode::OK.into_response()
        }
        REDIRECTS => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/elsewhere")]).into_response(),
        // More than a component could hold.
        RAMBLES => Body::from(vec![b'x'; 256 * 1024 * 1024]).into_response(),
        IS_GONE => StatusCode::GONE.into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn elsewhere(State(endpoint): State<Arc<Endpoint>>, headers: HeaderMap) -> StatusCode {
    endpoint.keep("elsewhere", &headers);
    StatusCode::OK
}

/// A world in which Anvil is told of revoked invitations at this origin.
async fn world_with(origin: &str) -> anyhow::Result<World> {
    let pair = |usual: &str, instead: String| (usual.to_owned(), instead);
    let table = format!(
        "[partners.anvil.endpoint]\nurl = \"{origin}/hooks\"\nsecret_variables = [\"anvil_events_secret\"]\n\
         events = [\"invitation.revoked\"]\n\n[partners.cobalt]\n"
    );
    let declared = "mail_secret = { default = \"\", secret = true }\n";
    let granted = "mail_secret = \"{{ mail_secret }}\"\n";
    let manifest = vec![
        pair("[\"{{ mail_origin }}\",", format!("[\"{{{{ mail_origin }}}}\", \"{origin}\",")),
        pair(declared, format!("{declared}anvil_events_secret = {{ default = \"\", secret = true }}\n")),
        pair(granted, format!("{granted}anvil_events_secret = \"{{{{ anvil_events_secret }}}}\"\n")),
    ];
    let gateway = vec![pair("[partners.cobalt]\n", table)];
    let variables = vec![pair("anvil_events_secret", SECRET.to_owned())];
    World::with(Wishes { gateway, manifest, variables, ..Wishes::default() }).await
}

/// Anvil's system.
struct Anvil<'a>(&'a World);

impl Anvil<'_> {
    async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let response = request.bearer_auth(&self.0.place.secrets.anvil_api_key).send().await?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "{status} {text}");
        Ok(serde_json::from_str(&text)?)
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = reqwest::Client::new().post(self.0.url(path)).json(body);
        let mut key = DefaultHasher::new();
        (path, body.to_string()).hash(&mut key);
        self.send(request.header("idempotency-key", format!("{:016x}", key.finish()))).await
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(reqwest::Client::new().get(self.0.url(path))).await
    }

    /// Invites somebody and takes that back, which is an event.
    async fn revoke(&self, name: &str) -> anyhow::Result<()> {
        let invitation = json!({
            "application": "supply-platform", "organisation": "Kestrel Machining", "given_name": name,
            "family_name": "Kestrel", "email": format!("{name}@kestrel.example"),
        });
        let made = self.post("/invite", &invitation).await?;
        let id = made["id"].as_str().context("an id")?;
        self.post(&format!("/invite/{id}/revoke"), &json!({})).await.map(drop)
    }

    /// The newest webhook with its tries.
    async fn newest(&self) -> anyhow::Result<Value> {
        let page = self.get("/webhooks/deliveries").await?;
        let newest = page["deliveries"].as_array().and_then(|all| all.last()).context("a webhook")?;
        let id = newest["id"].as_str().context("an id")?;
        self.get(&format!("/webhooks/deliveries/{id}")).await
    }
}

async fn sweep_after(world: &World, seconds: u64) -> anyhow::Result<()> {
    world.host.clock().advance(Duration::from_secs(seconds));
    for _ in 0..20 {
        let request = reqwest::Client::new().post(world.url("/operate/sweep")).bearer_auth(MACHINE_KEY);
        let response = request.send().await?;
        ensure!(response.status().is_success(), "{}", response.status());
        if response.status() == reqwest::StatusCode::OK {
            return Ok(());
        }
    }
    anyhow::bail!("there is always more")
}

// MSG-3: it fails, hangs or redirects; who caused the event does not wait for long, and the sweep tries again.
#[tokio::test(flavor = "multi_thread")]
async fn msg_3_an_endpoint_that_misbehaves() -> anyhow::Result<()> {
    let (endpoint, origin) = Endpoint::start().await?;
    let world = world_with(&origin).await?;
    let anvil = Anvil(&world);
    for (state, name, status) in [(FAILS, "ada", Some(500)), (SLEEPS, "bea", None), (REDIRECTS, "cy", Some(307))] {
        endpoint.state.store(state, SeqCst);
        let begun = Instant::now();
        anvil.revoke(name).await?;
        ensure!(begun.elapsed() < Duration::from_secs(8), "{name}: somebody waited for {:?}", begun.elapsed());
        let waits = anvil.newest().await?;
        ensure!(waits["state"] == "pending" && waits["attempts"][0]["status"].as_u64() == status, "{name}: {waits}");
        endpoint.state.store(TAKES, SeqCst);
        sweep_after(&world, 60).await?;
        let arrived = anvil.newest().await?;
        ensure!(arrived["state"] == "delivered", "{name}: {arrived}");
        let id = arrived["id"].as_str().context("an id")?;
        let came = endpoint.came().iter().filter(|(_, known)| known == id).count();
        ensure!(came == 2, "{name}: it came {came} times under its id");
    }
    ensure!(endpoint.came().iter().all(|(place, _)| *place == "hooks"), "a redirect is not followed");
    world.stop().await
}

// MSG-3: what it says is of no interest, however much that is; a 410 ends it.
#[tokio::test(flavor = "multi_thread")]
async fn msg_3_an_endpoint_that_rambles_and_one_that_is_gone() -> anyhow::Result<()> {
    let (endpoint, origin) = Endpoint::start().await?;
    let world = world_with(&origin).await?;
    let anvil = Anvil(&world);
    endpoint.state.store(RAMBLES, SeqCst);
    anvil.revoke("ada").await?;
    ensure!(anvil.newest().await?["state"] == "delivered");
    endpoint.state.store(IS_GONE, SeqCst);
    anvil.revoke("bea").await?;
    ensure!(anvil.newest().await?["state"] == "held");
    ensure!(anvil.get("/webhooks/endpoint").await?["state"] == "disabled");
    endpoint.state.store(TAKES, SeqCst);
    anvil.post("/webhooks/endpoint/enable", &json!({})).await?;
    let id = anvil.newest().await?["id"].as_str().context("an id")?.to_owned();
    let replayed = anvil.post(&format!("/webhooks/deliveries/{id}/replay"), &json!({})).await?;
    ensure!(replayed["state"] == "delivered", "{replayed}");
    world.stop().await
}
