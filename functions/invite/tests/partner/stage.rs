//! A deployment with two partners, and their systems' requests. Every answer is held against the description.

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
use shared::{
    config::Gateway,
    invitation::InvitationSlot,
    registration::{Circumstances, RawRegistration, Registration, SubmitRegistration},
    secret::{Entropy, Keys, PlainToken, SecretDigest},
    values::{InvitationSlotId, RegistrationId, Timestamp},
};

use crate::description;

pub(crate) const ANVIL: &str = "anvil-key";
pub(crate) const COBALT: &str = "cobalt-key";
pub(crate) const MACHINE: &str = "machine-key";
/// What Anvil's webhooks are signed with while the secret is being replaced.
pub(crate) const EVENTS_SECRETS: [[u8; 32]; 2] = [[8; 32], [9; 32]];
pub(crate) const PUBLIC_URL: &str = "https://vestibule.example";

const ROOT_SECRET: [u8; 32] = [7; 32];
const TURNS_MAX: usize = 1_000_000;

static GATEWAY: LazyLock<String> = LazyLock::new(|| {
    // Allowances have tests of their own; elsewhere they must not be in the way.
    let quotas = "quotas]\nreads_per_minute = 60000\nchanges_per_minute = 60000\nbulk_per_minute = 60000\n\n";
    let text = include_str!("../../../../gateway.toml");
    text.replacen("[partners.anvil]", &format!("[partners.anvil.{quotas}[partners.anvil]"), 1)
});

/// A request as a partner's system sends it.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
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
        Self::new(Method::GET, target).by(ANVIL)
    }

    pub(crate) fn post(target: impl Into<String>) -> Self {
        Self::new(Method::POST, target).by(ANVIL)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn by(self, key: &str) -> Self {
        self.with("authorization", format!("Bearer {key}"))
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.with("idempotency-key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub(crate) fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with("content-type", content_type)
    }
}

impl Answer {
    pub(crate) fn of(reply: Reply) -> Self {
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
        assert_eq!(text(&problem, "/code"), code, "{problem}");
        problem
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text.lines().map(|line| serde_json::from_str(line).expect("a document a line")).collect()
    }

    pub(crate) fn at(&self, pointer: &str) -> String {
        text(&self.json(), pointer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// A text of the document.
pub(crate) fn text(document: &Value, pointer: &str) -> String {
    let text = document.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("{pointer} is no text in {document}")).to_owned()
}

pub(crate) fn keys() -> Keys {
    Keys::new(&ROOT_SECRET, None).expect("32 bytes are enough")
}

/// An invitation for this person.
pub(crate) fn invitation(name: &str) -> Value {
    json!({
        "application": "supply-platform", "organisation": "Kestrel Machining",
        "given_name": name, "family_name": "Kestrel", "email": format!("{name}@kestrel.example"),
    })
}

/// The same, and the partner hands the link over itself.
pub(crate) fn handed_over(name: &str) -> Value {
    let mut body = invitation(name);
    body.as_object_mut().expect("an object").insert("send_email".to_owned(), json!(false));
    body
}

pub(crate) fn invite(name: &str) -> Ask {
    Ask::post("/invite").key(&format!("invite-{name}")).json(&invitation(name))
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

    pub(crate) fn configured(backend: Backend, gateway: &str) -> Self {
        let digest = |secret: &str| SecretDigest::of(secret).as_str().to_owned();
        let variables = [
            ("public_url", PUBLIC_URL.to_owned()),
            ("mail_endpoint", "https://mail.example/send".to_owned()),
            ("root_secret", STANDARD.encode(ROOT_SECRET)),
            ("anvil_api_key_digest", digest(ANVIL)),
            ("cobalt_api_key_digest", digest(COBALT)),
            ("anvil_events_secret", format!("whsec_{}", STANDARD.encode(EVENTS_SECRETS[0]))),
            ("anvil_events_secret_next", format!("whsec_{}", STANDARD.encode(EVENTS_SECRETS[1]))),
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
        Actor::new(async move { serve(platform, Ok(request), invite::handle, invite::hands()).await })
    }

    pub(crate) fn send(&self, ask: &Ask) -> Answer {
        let mut actor = self.under_way(ask);
        let reply = (0..TURNS_MAX).find_map(|_| actor.step()).expect("every loop is bounded");
        let answer = Answer::of(reply);
        description::holds(ask, &answer);
        answer
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.deployment.world().advance(seconds);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix(i64::try_from(self.deployment.world().unix_seconds()).expect("in range"))
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

    /// Storage operations of one request.
    pub(crate) fn cost(&self, ask: &Ask, status: u16) -> (usize, usize) {
        let _ = self.spent();
        let _ = self.send(ask).expect(status);
        self.spent()
    }

    /// Reads and writes since the last look.
    pub(crate) fn spent(&self) -> (usize, usize) {
        let cost = self.deployment.world().take_cost();
        (cost.reads, cost.writes)
    }

    /// The id of a new invitation.
    pub(crate) fn invited(&self, name: &str) -> String {
        self.send(&invite(name)).expect(201).at("/id")
    }

    /// A new invitation whose link the partner hands over, and the link's token.
    pub(crate) fn handed_over(&self, name: &str) -> (String, String) {
        let made = self.send(&invite(name).json(&handed_over(name))).expect(201);
        (made.at("/id"), token(&made.at("/link")))
    }

    /// Messages to this person.
    pub(crate) fn mails(&self, name: &str) -> usize {
        let to = format!("{name}@kestrel.example");
        let posted = self.deployment.world().posted();
        posted.iter().filter(|posted| text(&serde_json::from_slice(&posted.body).expect("JSON"), "/to") == to).count()
    }

    /// Whether the link opens.
    pub(crate) fn opens(&self, token: &str) -> bool {
        self.send(&Ask::new(Method::GET, format!("/invite/accept?token={token}"))).status == 200
    }

    /// Somebody submits by the link. Their registration still waits inside the invitation.
    pub(crate) fn accepted(&self, token: &str) -> RegistrationId {
        let gateway = Gateway::parse(&GATEWAY).expect("valid");
        let token = token.parse::<PlainToken>().expect("a token");
        let entered = json!({
            "given_name": "Ada", "family_name": "Kestrel", "email": "ada@kestrel.example", "phone": "+14195550123",
            "profile": { "legal_name": "Kestrel", "street": "12 Lathe Street", "city": "Toledo", "country": "US" },
        });
        let entered: RawRegistration = serde_json::from_value(entered).expect("a registration");
        let id = InvitationSlotId::from_bytes(token.record());
        let kv = self.deployment.world().kv();
        let submitted = async {
            let seen = kv.load::<InvitationSlot>(&id).await.expect("readable").expect("invited");
            let slot = seen.value();
            let invited = slot.present(&token, self.now()).expect("valid");
            let application = gateway.application(&slot.application).expect("configured");
            let command = SubmitRegistration::parse(&entered, Some(&slot.email)).expect("valid");
            let (keys, now) = (keys(), self.now());
            let circumstances = Circumstances { application, has_account: false, keys: &keys, now };
            let decision = Registration::by_invitation(invited, command, &circumstances, &mut Sevens);
            let made = decision.next.id;
            let used = slot.clone().used_for(decision).next;
            let _ = kv.replace(seen, used, Vec::new()).await.expect("alone");
            made
        };
        alone(submitted, TURNS_MAX).expect("few turns")
    }
}

/// The token in a link.
pub(crate) fn token(link: &str) -> String {
    link.split_once("token=").expect("a link").1.to_owned()
}

/// What the component leaves to `effects`.
fn carry_out(platform: Double, request: edge::Request) -> Pin<Box<dyn Future<Output = Reply>>> {
    Box::pin(async move { serve(platform, Ok(request), effects::handle, effects::hands()).await })
}

/// Randomness for links that nobody opens.
struct Sevens;

impl Entropy for Sevens {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}
