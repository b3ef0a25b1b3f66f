//! A shop: hears webhooks, and answers as it is told to.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::Value;
use tokio::net::TcpListener;

/// A webhook as it came.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) fn says(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.body)?)
    }
}

#[derive(Default)]
struct Ears {
    heard: Vec<Heard>,
    answers: VecDeque<StatusCode>,
}

pub(crate) struct Shop {
    address: SocketAddr,
    ears: Arc<Mutex<Ears>>,
}

impl Shop {
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let ears = Arc::new(Mutex::new(Ears::default()));
        let router = Router::new()
            .route("/payments/webhook", post(hear))
            .route("/paid", get(|| async { "Thank you." }))
            .route("/basket", get(|| async { "Your basket." }))
            .with_state(Arc::clone(&ears));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, ears })
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn webhook(&self) -> String {
        format!("{}/payments/webhook", self.origin())
    }

    /// What to answer next; after that, 200.
    pub(crate) fn answer(&self, statuses: &[StatusCode]) {
        lock(&self.ears).answers.extend(statuses);
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        lock(&self.ears).heard.clone()
    }

    /// The types of the events, in the order in which they came.
    pub(crate) fn types(&self) -> anyhow::Result<Vec<String>> {
        let kind = |heard: Heard| Ok(heard.says()?["type"].as_str().unwrap_or_default().to_owned());
        self.heard().into_iter().map(kind).collect()
    }
}

async fn hear(State(ears): State<Arc<Mutex<Ears>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
    let mut ears = lock(&ears);
    ears.heard.push(Heard { headers, body: text(&body) });
    ears.answers.pop_front().unwrap_or(StatusCode::OK)
}

fn lock(ears: &Mutex<Ears>) -> MutexGuard<'_, Ears> {
    ears.lock().unwrap_or_else(PoisonError::into_inner)
}
