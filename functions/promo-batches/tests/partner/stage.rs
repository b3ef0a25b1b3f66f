//! A deployment with two partners, their systems' requests, and a guest who orders. Every answer to a partner is held
//! against the description.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edge::{
    Reply,
    serve::serve,
    testing::{Deployment, Double, request},
};
use http::Method;
use kv_schema::backends::{
    model::Backend,
    turns::{Actor, alone},
};
use serde_json::{Value, json};
use shared::{config::Gateway, secret::SecretDigest, values::FormId};

use crate::description;

pub(crate) const ANVIL: &str = "anvil-key";
pub(crate) const COBALT: &str = "cobalt-key";
const MACHINE: &str = "machine-key";
const ROOT_SECRET: [u8; 32] = [7; 32];
const TURNS_MAX: usize = 1_000_000;

static GATEWAY: LazyLock<String> = LazyLock::new(|| {
    // Allowances have tests of their own; elsewhere they must not be in the way.
    let quotas = "quotas]\nreads_per_minute = 60000\nchanges_per_minute = 60000\nbulk_per_minute = 60000\n\n";
    let text = include_str!("../../../../gateway.toml");
    text.replacen("[partners.cobalt]", &format!("[partners.cobalt.{quotas}[partners.cobalt]"), 1)
});

/// A request as a partner's system sends it.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) target: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// What it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) text: String,
}

/// A deployment in use.
pub(crate) struct Stage {
    pub(crate) deployment: Deployment,
}

impl Ask {
    pub(crate) fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), body: Vec::new() }.with("accept", "application/json")
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target).by(COBALT)
    }

    pub(crate) fn post(target: impl Into<String>, body: &Value) -> Self {
        let mut ask = Self::new(Method::POST, target).by(COBALT).with("content-type", "application/json");
        ask.body = body.to_string().into_bytes();
        ask
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn by(self, key: &str) -> Self {
        self.with("authorization", format!("Bearer {key}"))
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }
}

impl Answer {
    fn of(reply: Reply) -> Self {
        Self {
            status: reply.status.as_u16(),
            headers: reply.headers,
            text: String::from_utf8(reply.body).expect("text"),
        }
    }

    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The refusal with this status and code.
    pub(crate) fn refused(self, status: u16, code: &str) -> Value {
        let problem = self.expect(status).json();
        assert_eq!(problem.pointer("/code"), Some(&json!(code)), "{problem}");
        problem
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// What stands there in the document; null when nothing does.
    pub(crate) fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or_default()
    }

    pub(crate) fn text_at(&self, pointer: &str) -> String {
        self.at(pointer).as_str().expect("a text").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// An order for free units of Cobalt's product.
pub(crate) fn batch(count: u32) -> Value {
    json!({
        "name": "Autumn", "products": ["cobalt-mobile-id"], "count": count, "discount": "free", "valid_days": 30,
    })
}

/// The same with something else in it.
pub(crate) fn changed(count: u32, field: &str, value: Value) -> Value {
    let mut body = batch(count);
    body.as_object_mut().expect("an object").insert(field.to_owned(), value);
    body
}

pub(crate) fn order(key: &str, body: &Value) -> Ask {
    Ask::post("/promo-batches", body).key(key)
}

pub(crate) fn check(code: &str) -> Ask {
    Ask::post("/promo-batches/check", &json!({ "code": code }))
}

/// The codes of an answer.
pub(crate) fn codes(answer: &Answer) -> Vec<String> {
    let codes = answer.at("/codes").as_array().cloned().expect("codes");
    codes.iter().map(|code| code.as_str().expect("a text").to_owned()).collect()
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::on(Backend::Sqlite)
    }

    pub(crate) fn on(backend: Backend) -> Self {
        Self::configured(backend, &GATEWAY)
    }

    /// As the repository has it, with the default allowances.
    pub(crate) fn with_default_quotas() -> Self {
        Self::configured(Backend::Sqlite, include_str!("../../../../gateway.toml"))
    }

    fn configured(backend: Backend, gateway: &str) -> Self {
        let digest = |secret: &str| SecretDigest::of(secret).as_str().to_owned();
        let variables = [
            ("public_url", "https://vestibule.example".to_owned()),
            ("mail_endpoint", "https://mail.example/send".to_owned()),
            ("root_secret", STANDARD.encode(ROOT_SECRET)),
            ("anvil_api_key_digest", digest(ANVIL)),
            ("cobalt_api_key_digest", digest(COBALT)),
            ("machine_key_digest", digest(MACHINE)),
        ];
        let variables: BTreeMap<String, String> =
            variables.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        let gateway = Gateway::parse(gateway).expect("valid");
        Self { deployment: Deployment::new(backend, gateway, variables).with_effects(carry_out) }
    }

    /// The request under way.
    pub(crate) fn under_way(&self, ask: &Ask) -> Actor<'static, Reply> {
        let headers: Vec<(&str, &str)> = ask.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = request(ask.method.clone(), &ask.target, &headers, ask.body.clone());
        let platform = self.deployment.platform();
        Actor::new(async move { serve(platform, Ok(request), promo_batches::handle, promo_batches::hands()).await })
    }

    pub(crate) fn send(&self, ask: &Ask) -> Answer {
        let mut actor = self.under_way(ask);
        let reply = (0..TURNS_MAX).find_map(|_| actor.step()).expect("every loop is bounded");
        let answer = Answer::of(reply);
        description::holds(ask, &answer);
        answer
    }

    /// A guest orders one unit with a code.
    pub(crate) fn places(&self, form: u8, email: &str, code: &str) -> u16 {
        let body = json!({
            "form": FormId::from_bytes([form; 16]).to_string(), "given_name": "Ada", "family_name": "Kestrel",
            "email": email, "lines": [{ "product": "cobalt-mobile-id", "quantity": 1 }],
            "promo_code": code, "action": "place",
        });
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        let request =
            request(Method::POST, "/webstore-checkout/cobalt/checkout", &headers, body.to_string().into_bytes());
        let served =
            serve(self.deployment.platform(), Ok(request), webstore_checkout::handle, webstore_checkout::hands());
        alone(served, TURNS_MAX).expect("every loop is bounded").status.as_u16()
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.deployment.world().advance(seconds);
    }

    /// Sweeps until there is nothing more to do now.
    pub(crate) fn sweep(&self) {
        loop {
            let asked =
                request(Method::POST, "/operate/sweep", &[("authorization", &format!("Bearer {MACHINE}"))], vec![]);
            let served = serve(self.deployment.platform(), Ok(asked), sweep::handle, sweep::hands());
            let reply = alone(served, TURNS_MAX).expect("every loop is bounded");
            match reply.status.as_u16() {
                200 => return,
                status => assert_eq!(status, 202, "{:?}", String::from_utf8(reply.body)),
            }
        }
    }

    /// So much time passes, with sweeps at its beginning and its end.
    pub(crate) fn pass(&self, seconds: u64) {
        for wait in [600, seconds, 7_200, 7_200] {
            self.wait(wait);
            self.sweep();
        }
    }

    /// How many records there are whose keys begin like this.
    pub(crate) fn records(&self, prefix: &str) -> usize {
        self.deployment.world().keys().iter().filter(|key| key.starts_with(prefix)).count()
    }

    /// Reads and writes of one request.
    pub(crate) fn cost(&self, ask: &Ask, status: u16) -> (usize, usize) {
        let _ = self.deployment.world().take_cost();
        let _ = self.send(ask).expect(status);
        let cost = self.deployment.world().take_cost();
        (cost.reads, cost.writes)
    }
}

/// What the component leaves to `effects`.
fn carry_out(platform: Double, request: edge::Request) -> Pin<Box<dyn Future<Output = Reply>>> {
    Box::pin(async move { serve(platform, Ok(request), effects::handle, effects::hands()).await })
}
