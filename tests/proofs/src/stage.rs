//! A deployment, and the actors' browsers with what the actors know.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edge::{
    Reply,
    platform::{Answered, Outgoing},
    serve::serve,
    testing::{Answerer, Deployment, Double, Receiver, request},
};

use http::Method;
use kv_schema::backends::{
    model::Backend,
    turns::{Actor, alone},
    world::World,
};
use serde_json::Value;
use shared::{
    config::Gateway,
    event::EventKind,
    secret::{Keys, SecretDigest},
    values::Timestamp,
};

pub use edge::testing::Serve;

/// Where browsers reach the service.
pub const PUBLIC_URL: &str = "https://vestibule.example";
/// The partner Anvil's API key.
pub const API_KEY: &str = "anvil-key-of-the-proofs";
/// The secret that the application `supply-platform` has for the token endpoint.
pub const CLIENT_SECRET: &str = "supply-platform-secret-of-the-proofs";
/// The secret of the operator's machines.
pub const MACHINE_KEY: &str = "machine-key-of-the-proofs";
/// The one-time secret with which the first operator enrols.
pub const BOOTSTRAP_SECRET: &str = "bootstrap-secret-of-the-proofs";
/// The registrar's password.
pub const REGISTRAR_PASSWORD: &str = "registrar-password-of-the-proofs";

/// The auditor's password.
pub const AUDITOR_PASSWORD: &str = "auditor-password-of-the-proofs";

const PAYMENT_ENDPOINT: &str = "https://pay.example/sessions";
const ROOT_SECRET: [u8; 32] = [7; 32];
/// More turns than any request takes.
const TURNS_MAX: usize = 10_000;

const REDIRECTS_MAX: usize = 5;
/// No word of an answer that holds a digit or a capital is as long, User IDs included; promo codes, ids and tokens are.
const ID_MIN: usize = 14;
const NDJSON: &str = "application/x-ndjson";

/// A deployment in use.
#[derive(Debug, Clone)]
pub struct Stage {
    deployment: Deployment,
    /// Cookies, by browser and name.
    jars: BTreeMap<&'static str, BTreeMap<String, String>>,
    facts: BTreeMap<&'static str, String>,
    /// What each browser was answered last.
    answers: BTreeMap<&'static str, Answer>,
}

/// A request as an actor sends it.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Whose cookies go with it.
    pub browser: &'static str,
    /// Method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// Headers besides `Cookie`.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// A request on its way.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Who sent it.
    pub browser: &'static str,
    request: edge::Request,
}

/// What an actor is answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Where it leads.
    pub location: String,
    /// Where it goes on.
    pub link: String,
    /// Whether a bulk request has to be repeated for the rest (INV-9).
    pub is_part: bool,
    /// The body when it is JSON.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

/// What of an answer is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// What it says.
    Whole,
    /// Its status: it reports what it found under way, or how many tries are left, or a code has run out until it is sent
    /// again.
    Status,
}

/// A message as the mail provider received it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mail {
    /// Recipient.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Text.
    pub text: String,
}

/// The keys of every deployment here.
///
/// # Panics
/// Never: the root secret is long enough.
pub fn keys() -> Keys {
    Keys::new(&ROOT_SECRET, None).expect("32 bytes are enough")
}

/// Anvil's webhook secret.
pub fn webhook_secret() -> String {
    format!("whsec_{}", STANDARD.encode([8; 32]))
}

fn variables() -> BTreeMap<String, String> {
    let digest = |secret: &str| SecretDigest::of(secret).as_str().to_owned();
    [
        ("public_url", PUBLIC_URL.to_owned()),
        ("mail_endpoint", "https://mail.example/send".to_owned()),
        ("phone_endpoint", "https://mail.example/send".to_owned()),
        ("root_secret", STANDARD.encode(ROOT_SECRET)),
        ("anvil_api_key_digest", digest(API_KEY)),
        ("anvil_webhook_secret", webhook_secret()),
        ("anvil_events_secret", webhook_secret()),
        ("supply_platform_client_secret_digest", digest(CLIENT_SECRET)),
        ("machine_key_digest", digest(MACHINE_KEY)),
        ("captcha_secret", "captcha-secret-of-the-proofs".to_owned()),
        ("payment_endpoint", PAYMENT_ENDPOINT.to_owned()),
        ("payment_secret", "payment-secret-of-the-proofs".to_owned()),
        ("payment_webhook_secret", webhook_secret()),
        ("operator_bootstrap_digest", digest(BOOTSTRAP_SECRET)),
        ("operator_registrar_password_digest", digest(REGISTRAR_PASSWORD)),
        ("operator_auditor_password_digest", digest(AUDITOR_PASSWORD)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

static GATEWAY: LazyLock<String> = LazyLock::new(|| {
    // Each answer is hashed like a password; without the questions an exploration takes a quarter of the time.
    let text = include_str!("../../../gateway.toml");
    let (before, rest) = text.split_once("security_questions = [").expect("the file has the questions");
    let (_, after) = rest.split_once("\n]\n").expect("the list ends");
    format!("{before}{after}").replacen("provider = \"stripe\"", "provider = \"json\"", 1)
});

/// Takes every message, and opens a page for every payment.
fn provider(message: &Outgoing) -> Answered {
    match message.url.as_str() {
        PAYMENT_ENDPOINT => Answered { status: 201, body: br#"{"url": "http://127.0.0.1:3003/pay/1"}"#.to_vec() },
        _ => Answered { status: 202, body: Vec::new() },
    }
}

fn gateway(text: &str) -> Gateway {
    Gateway::parse(text).expect("the repository's configuration is valid")
}

impl Stage {
    /// An empty deployment on this kind of store.
    pub fn new(backend: Backend) -> Self {
        let deployment =
            Deployment::new(backend, gateway(&GATEWAY), variables()).with_effects(effects).with_provider(provider);
        Self { deployment, jars: BTreeMap::new(), facts: BTreeMap::new(), answers: BTreeMap::new() }
    }

    /// Another stage that is like this one now.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { deployment: self.deployment.fork(), ..self.clone() }
    }

    /// The same actors before another store.
    #[must_use]
    pub fn on(&self, world: World) -> Self {
        Self { deployment: self.deployment.on(world), ..self.clone() }
    }

    /// Invited organisations are approved automatically from now on (APR-1).
    pub fn approve_automatically(&mut self) {
        let text = GATEWAY.replacen("approval = \"manual\"", "approval = \"automatic-for-invited\"", 1);
        self.deployment = self.deployment.under(gateway(&text));
    }

    /// Anvil's credential is for phones from now on (CRD-5).
    pub fn sell_phones(&mut self) {
        let text = GATEWAY.replacen("kind = \"authenticator-app\"", "kind = \"phone\"", 1);
        self.deployment = self.deployment.under(gateway(&text));
    }

    /// Anvil's system is told of everything from now on (MSG-3).
    pub fn tell_anvil(&mut self) {
        let events: Vec<String> = EventKind::NAMES.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let endpoint = format!(
            "[partners.anvil.endpoint]\nurl = \"https://hooks.anvil.example/\"\nevents = [{}]\n\
             secret_variables = [\"anvil_events_secret\"]\n\n[partners.cobalt]\n",
            events.join(", ")
        );
        let text = GATEWAY.replacen("[partners.cobalt]\n", &endpoint, 1);
        self.deployment = self.deployment.under(gateway(&text));
    }

    /// Anvil's catalogue has one product more from now on.
    ///
    /// # Panics
    /// Never, as long as the configuration has Anvil's product and Cobalt's behind it.
    pub fn sell_abacus(&mut self) {
        let (_, product) = GATEWAY.split_once("[products.anvil-mobile-id]").expect("Anvil sells it");
        let (product, _) = product.split_once("[products.cobalt-mobile-id]").expect("another one follows");
        let product =
            format!("[products.anvil-abacus]{product}").replace("products.anvil-mobile-id.", "products.anvil-abacus.");
        self.deployment = self.deployment.under(gateway(&format!("{}\n{product}", *GATEWAY)));
    }

    /// Anvil's catalogue has a hardware token from now on (SHP-8).
    pub fn sell_tokens(&mut self) {
        let text = format!("{}{}", *GATEWAY, include_str!("../../hardware-token.toml"));
        self.deployment = self.deployment.under(gateway(&text));
    }

    /// Anvil's system answers so from now on.
    pub fn anvil_answers(&mut self, receiver: Receiver) {
        self.deployment = self.deployment.with_receiver(receiver);
    }

    /// Security questions are chosen and answered at activation from now on (ACT-2).
    pub fn ask_security_questions(&mut self) {
        self.deployment = self.deployment.under(gateway(include_str!("../../../gateway.toml")));
    }

    /// The captcha is this provider's from now on, for whom this answers (REG-7).
    pub fn guard_by(&mut self, provider: &str, answerer: Answerer) {
        let keys = format!(
            "captcha = \"{provider}\"\ncaptcha_site_key = \"0x4\"\ncaptcha_secret_variable = \"captcha_secret\""
        );
        let text = GATEWAY.replacen("captcha = \"proof-of-work\"\ncaptcha_max_number = 50000", &keys, 1);
        self.deployment = self.deployment.under(gateway(&text)).with_answerer(answerer);
    }

    /// The deployment.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The time.
    pub fn unix_seconds(&self) -> u64 {
        self.deployment.world().unix_seconds()
    }

    /// Lets time pass.
    pub fn wait(&self, seconds: u64) {
        self.deployment.world().advance(seconds);
    }

    /// Something that an actor has learnt.
    ///
    /// # Panics
    /// When nobody has: the row's earlier requests are the wrong ones.
    pub fn fact(&self, name: &str) -> &str {
        self.facts.get(name).unwrap_or_else(|| panic!("nobody has learnt {name}"))
    }

    /// Everything that the actors have learnt.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.facts.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// What this browser was answered last.
    ///
    /// # Panics
    /// When nothing was.
    pub fn last(&self, browser: &str) -> &Answer {
        self.answers.get(browser).expect("it was answered")
    }

    /// Whether this browser's last answer is like this.
    pub fn was_answered(&self, browser: &str, like: impl Fn(&Answer) -> bool) -> bool {
        self.answers.get(browser).is_some_and(like)
    }

    /// Remembers something.
    pub fn learn(&mut self, name: &'static str, value: impl Into<String>) {
        self.facts.insert(name, value.into());
    }

    /// Every message that the mail provider received, once for each idempotency key.
    ///
    /// # Panics
    /// When one is not the document that the provider takes.
    pub fn mails(&self) -> Vec<Mail> {
        let mails = self.posted().into_iter().filter(|document| document.get("channel").is_some()).map(|document| {
            let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            Mail { to: text("to"), subject: text("subject"), text: text("text") }
        });
        mails.collect()
    }

    /// Every webhook that Anvil's system has taken, once for each id.
    ///
    /// # Panics
    /// When one is no JSON document.
    pub fn webhooks(&self) -> Vec<Value> {
        self.posted().into_iter().filter(|document| document.get("data").is_some()).collect()
    }

    fn posted(&self) -> Vec<Value> {
        let posted = self.deployment.world().posted();
        posted.iter().map(|posted| serde_json::from_slice(&posted.body).expect("a JSON document")).collect()
    }

    /// The newest message to this person whose subject contains the text.
    ///
    /// # Panics
    /// When there is none.
    pub fn mail(&self, to: &str, subject: &str) -> Mail {
        let newest = self.mails().into_iter().rev().find(|mail| mail.to == to && mail.subject.contains(subject));
        newest.unwrap_or_else(|| panic!("no message {subject:?} to {to}"))
    }

    /// Sends a request, undisturbed, and takes in the answer.
    pub fn send(&mut self, serve: Serve, ask: &Ask) -> Answer {
        let sent = self.sent(ask);
        self.deliver(serve, &sent)
    }

    /// Opens a page as a browser does: goes where it is sent, with the cookies that it was given.
    ///
    /// # Panics
    /// When it is sent on without end.
    pub fn open(&mut self, serve: Serve, ask: &Ask) -> Answer {
        let mut answer = self.send(serve, ask);
        for _ in 0..REDIRECTS_MAX {
            if answer.status != 303 {
                return answer;
            }
            let next = Ask { method: Method::GET, target: answer.location, body: Vec::new(), ..ask.clone() };
            answer = self.send(serve, &next);
        }
        panic!("{} is redirected without end", ask.target)
    }

    /// The names of the cookies that this browser has.
    pub fn cookies(&self, browser: &str) -> Vec<String> {
        self.jars.get(browser).into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// Gives a cookie another name, as somebody could who can reach the browser's.
    pub fn rename_cookie(&mut self, browser: &'static str, from: &str, to: &str) {
        let jar = self.jars.entry(browser).or_default();
        if let Some(value) = jar.remove(from) {
            jar.insert(to.to_owned(), value);
        }
    }

    /// The request as it leaves the browser now, with the cookies of this moment.
    pub fn sent(&self, ask: &Ask) -> Sent {
        let pairs = self.jars.get(ask.browser).into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
        let cookies = pairs.collect::<Vec<_>>().join("; ");
        let mut headers: Vec<(&str, &str)> = ask.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        let request = request(ask.method.clone(), &ask.target, &headers, ask.body.clone());
        Sent { browser: ask.browser, request }
    }

    /// Lets a request that was sent arrive, undisturbed, and takes in the answer.
    ///
    /// # Panics
    /// When the handler does not come to an end.
    pub fn deliver(&mut self, serve: Serve, sent: &Sent) -> Answer {
        let reply = alone(serve(self.deployment.platform(), sent.request.clone()), TURNS_MAX);
        self.receive(sent.browser, &reply.expect("every loop in a handler is bounded"))
    }

    /// The request under way, to be taken turn by turn. Its answer is taken in by [`Stage::receive`], or lost.
    pub fn under_way(&self, serve: Serve, sent: &Sent) -> Actor<'static, Reply> {
        Actor::new(serve(self.deployment.platform(), sent.request.clone()))
    }

    /// The request under way, and once more at once, under the same cookies, if it is told to try again.
    pub fn insisting(&self, serve: Serve, sent: &Sent) -> Actor<'static, Reply> {
        let [first, second] = [(), ()].map(|()| self.deployment.platform());
        let request = sent.request.clone();
        Actor::new(async move {
            let reply = serve(first, request.clone()).await;
            if Answer::of(&reply).is_try_again() { serve(second, request).await } else { reply }
        })
    }

    /// Takes in an answer and its cookies.
    pub fn receive(&mut self, browser: &'static str, reply: &Reply) -> Answer {
        let jar = self.jars.entry(browser).or_default();
        for (_, cookie) in reply.headers.iter().filter(|(name, _)| *name == "set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap_or((cookie, ""));
            let value = rest.split(';').next().unwrap_or_default();
            if cookie.contains("Max-Age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        let answer = Answer::of(reply);
        self.answers.insert(browser, answer.clone());
        answer
    }
}

impl Compared {
    /// So much of the answer.
    pub fn of(self, answer: &Answer) -> String {
        match self {
            Self::Whole => answer.essence(),
            Self::Status => answer.status.to_string(),
        }
    }
}

impl Answer {
    fn of(reply: &Reply) -> Self {
        let header = |wanted| reply.headers.iter().find(|(name, _)| *name == wanted);
        let text = |wanted| header(wanted).map(|(_, value)| value.clone()).unwrap_or_default();
        let json: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let is_unfinished = json.get("unfinished").and_then(Value::as_bool).unwrap_or_default();
        Self {
            status: reply.status.as_u16(),
            location: text("location"),
            link: text("link"),
            is_part: reply.status.as_u16() == 202 && (text("content-type") == NDJSON || is_unfinished),
            json,
            text: String::from_utf8_lossy(&reply.body).into_owned(),
        }
    }

    /// What it says, without what is drawn anew in each run and without times: status, where it leads, and the document.
    fn essence(&self) -> String {
        let document = if self.json.is_null() { String::new() } else { without_drawn(&self.json).to_string() };
        format!("{} {} {document}", self.status, without_ids(&self.location))
    }

    /// The answer, if its status is this one.
    ///
    /// # Panics
    /// With the answer's text otherwise.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Whether the answer is the refusal with this code.
    pub fn says(&self, code: &str) -> bool {
        self.json.pointer("/code").and_then(Value::as_str) == Some(code)
    }

    /// Whether the client was told to try again.
    pub fn is_try_again(&self) -> bool {
        self.status >= 500 || self.is_part || self.says("still-running")
    }

    /// A text of the JSON document, by its pointer.
    ///
    /// # Panics
    /// When the document has none.
    pub fn at(&self, pointer: &str) -> String {
        let text = self.json.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("{pointer} is no text in {}", self.text)).to_owned()
    }
}

fn without_drawn(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| *name != "request_id");
            Value::Object(kept.map(|(name, value)| (name.clone(), without_drawn(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_drawn).collect()),
        Value::String(text) if text.parse::<Timestamp>().is_ok() => "a time".into(),
        Value::String(text) => without_ids(text).into(),
        other => other.clone(),
    }
}

/// The text with a dot for each run of characters that is as long as a code, an id or a token.
fn without_ids(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_id = |run: &str| run.len() >= ID_MIN && run.contains(|c: char| c.is_ascii_digit() || c.is_ascii_uppercase());
    let mut kept = String::with_capacity(text.len());
    for run in text.split_inclusive(|c| !is_part(c)) {
        let (run, end) = run.split_at(run.trim_end_matches(|c| !is_part(c)).len());
        kept.push_str(if is_id(run) { "." } else { run });
        kept.push_str(end);
    }
    kept
}

impl Mail {
    /// The first word of the text that has this mark.
    ///
    /// # Panics
    /// When there is none.
    pub fn word(&self, mark: impl Fn(&str) -> bool) -> String {
        let word = self.text.split_whitespace().find(|word| mark(word));
        word.unwrap_or_else(|| panic!("no such word in {}", self.text)).to_owned()
    }

    /// The token of the link.
    pub fn token(&self) -> String {
        self.token_of("token")
    }

    /// The token of the link that has it under this name.
    pub fn token_of(&self, name: &str) -> String {
        let name = format!("{name}=");
        let link = self.text.split_whitespace().find(|word| word.contains(&name)).unwrap_or_default();
        link.split_once(&name).map(|(_, token)| token.to_owned()).unwrap_or_default()
    }
}

macro_rules! components {
    ($([$($segment:literal)|+ $(, $further:literal)?] => $component:ident),* $(,)?) => {
        /// Serves a request with the component of its route, as the manifest has them; the longer route stands first.
        pub fn component(platform: Double, request: edge::Request) -> Pin<Box<dyn Future<Output = Reply>>> {
            let segments = request.segments().into_iter().map(str::to_owned).collect::<Vec<_>>();
            Box::pin(async move {
                match segments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                    $([$($segment)|+ $(, $further)?, ..] => serve(platform, Ok(request), $component::handle, $component::hands()).await,)*
                    other => panic!("no component serves {other:?}"),
                }
            })
        }
    };
}

/// Serves what the other components leave to be done.
fn effects(platform: Double, request: edge::Request) -> Pin<Box<dyn Future<Output = Reply>>> {
    Box::pin(async move { serve(platform, Ok(request), effects::handle, effects::hands()).await })
}

components! {
    ["operate", "sweep"] => sweep,
    ["invite" | "webhooks"] => invite,
    ["promo-batches"] => promo_batches,
    ["register"] => register,
    ["operate", "orders"] => fulfilment,
    ["operate", "dead-letters"] => fulfilment,
    ["operate"] => operate,
    ["activate"] => activate,
    ["sign-in"] => sign_in,
    ["dashboard"] => dashboard,
    ["administer"] => administer,
    ["accept-terms"] => accept_terms,
    ["webstore-checkout"] => webstore_checkout,
    ["payments"] => payments,
    ["credentials"] => credentials,
    ["verify-otp"] => verify_otp,
    ["launch" | ".well-known"] => launch,
}
