//! MSG-1: each provider's interface, played by a double that is as particular as the real one: what it is told, what it
//! answers, and what becomes of the message then.

use std::{collections::BTreeMap, pin::Pin};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edge::{
    Edge, Outcome, Platform, Reply, Request,
    edge::NowStands,
    platform::{Answered, Outgoing},
    serve::serve,
    testing::{Deployment, Double, Provider, request},
};
use http::{Method, StatusCode};
use kv_schema::backends::{model::Backend, turns::alone};
use serde_json::{Value, json};
use shared::{
    account::Login,
    audit::Action,
    config::Gateway,
    decision::Decision,
    effect::Effect,
    message::{Body, Message},
    values::AccountId,
};

const ENDPOINT: &str = "https://mail.example/send";
const SECRET: &str = "what-the-provider-knows-us-by";
/// For how many turns a request may go on.
const TURNS_MAX: usize = 10_000;

/// Leaves a message to whom the address says, once; a repetition meets the record.
async fn leave<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let id = [9; 16];
    let to = request.query.parse().expect("an e-mail");
    let body = Body::LoginSuccess { user_id: "kestrela_0001".to_owned() };
    let message = Message { to, name: "Ada Kestrel".to_owned(), body };
    let record = Login { id, account: AccountId::from_bytes([1; 16]) };
    let decision = Decision::with(Action::LoginClaim, record, vec![Effect::Send(Box::new(message))]);
    let (NowStands::Ours(_) | NowStands::Another(_)) = edge.create(&id, decision).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn carry_out(platform: Double, request: Request) -> Pin<Box<dyn Future<Output = Reply>>> {
    Box::pin(async move { serve(platform, Ok(request), effects::handle, effects::hands()).await })
}

struct Stage(Deployment);

impl Stage {
    fn new(provider: &str, secret: &str, double: Provider) -> Self {
        let text = include_str!("../../../gateway.toml");
        let text = text.replacen("provider = \"json\"", &format!("provider = \"{provider}\""), 1);
        let variables = [
            ("public_url", "https://vestibule.example".to_owned()),
            ("mail_endpoint", ENDPOINT.to_owned()),
            ("mail_secret", secret.to_owned()),
            ("root_secret", STANDARD.encode([7; 32])),
        ];
        let variables: BTreeMap<String, String> = variables.map(|(name, value)| (name.to_owned(), value)).into();
        let gateway = Gateway::parse(&text).expect("valid");
        Self(Deployment::new(Backend::Sqlite, gateway, variables).with_effects(carry_out).with_provider(double))
    }

    /// Lets the message be left, or meets it again.
    fn try_for(&self, to: &str) {
        let platform = self.0.platform();
        let asked = request(Method::POST, &format!("/leave?{to}"), &[("content-type", "application/json")], Vec::new());
        let served = serve(platform, Ok(asked), leave, edge::drain::Hands::elsewhere());
        let reply = alone(served, TURNS_MAX).expect("every loop is bounded");
        assert_eq!(reply.status, StatusCode::NO_CONTENT, "the commit stands whatever becomes of the message");
    }

    /// Whether the message still waits.
    fn waits(&self) -> bool {
        let logins = self.0.world().every::<Login>().expect("readable");
        logins.iter().any(|login| !login.pending().is_empty())
    }

    /// What the provider has taken.
    fn taken(&self) -> Vec<Value> {
        let posted = self.0.world().posted();
        posted.iter().map(|posted| serde_json::from_slice(&posted.body).expect("JSON")).collect()
    }

    fn log(&self) -> String {
        self.0.log_lines().join("\n")
    }
}

fn answer(status: u16, body: &Value) -> Answered {
    Answered { status, body: body.to_string().into_bytes() }
}

fn header<'a>(message: &'a Outgoing, name: &str) -> Option<&'a str> {
    message.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

fn text<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The members of a JSON object.
fn members(document: &Value) -> Vec<&str> {
    let mut members: Vec<&str> = document.as_object().expect("an object").keys().map(String::as_str).collect();
    members.sort_unstable();
    members
}

/// Postmark's `POST /email`.
fn postmark(message: &Outgoing) -> Answered {
    let fault = |status, code: u16, text: &str| answer(status, &json!({ "ErrorCode": code, "Message": text }));
    if header(message, "x-postmark-server-token") != Some(SECRET) {
        return fault(401, 10, "Request does not contain a valid Server token.");
    }
    let mail: Value = serde_json::from_slice(&message.body).expect("JSON");
    let known = ["From", "HtmlBody", "Metadata", "ReplyTo", "Subject", "TextBody", "To", "TrackLinks", "TrackOpens"];
    if members(&mail) != known {
        return fault(422, 403, "The JSON you've provided is syntactically correct, but isn't what we expect.");
    }
    match text(&mail, "/To") {
        "inactive@kestrel.example" => fault(
            422,
            406,
            "You tried to send to recipients that have been marked as inactive: inactive@kestrel.example.",
        ),
        "illegal@kestrel.example" => fault(422, 300, "Error parsing 'To': Illegal email 'illegal@kestrel.example'."),
        "unconfirmed@kestrel.example" => fault(422, 400, "The 'From' address is not a confirmed Sender Signature."),
        "pending@kestrel.example" => fault(422, 412, "Your account is pending approval."),
        "often@kestrel.example" => fault(429, 429, "Rate limit exceeded."),
        "broken@kestrel.example" => Answered { status: 500, body: b"<html>Internal Server Error</html>".to_vec() },
        "closed@kestrel.example" => fault(503, 100, "Maintenance"),
        to => {
            let id = "b7bc2f4a-e38e-4336-af7d-e6c392c2f817";
            let at = "2026-11-22T09:00:00.0000000-05:00";
            answer(200, &json!({ "To": to, "SubmittedAt": at, "MessageID": id, "ErrorCode": 0, "Message": "OK" }))
        }
    }
}

/// Resend's `POST /emails`.
fn resend(message: &Outgoing) -> Answered {
    let fault = |status: u16, name: &str, text: &str| {
        answer(status, &json!({ "statusCode": status, "name": name, "message": text }))
    };
    if header(message, "authorization") != Some("Bearer what-the-provider-knows-us-by") {
        return fault(403, "invalid_api_key", "API key is invalid");
    }
    if message.idempotency_key.is_empty() || message.idempotency_key.len() > 256 {
        return fault(400, "invalid_idempotency_key", "The key must be between 1-256 chars.");
    }
    let mail: Value = serde_json::from_slice(&message.body).expect("JSON");
    if members(&mail) != ["from", "html", "reply_to", "subject", "text", "to"] {
        return fault(422, "missing_required_field", "The request body is missing one or more required fields.");
    }
    match text(&mail, "/to/0") {
        "illegal@kestrel.example" => fault(422, "validation_error", "Invalid `to` field: illegal@kestrel.example."),
        "unverified@kestrel.example" => fault(403, "validation_error", "The domain is not verified."),
        "reworded@kestrel.example" => {
            fault(409, "invalid_idempotent_request", "Same idempotency key used with a different request payload.")
        }
        "beside@kestrel.example" => {
            fault(409, "concurrent_idempotent_requests", "The original request is still in progress.")
        }
        "often@kestrel.example" => fault(429, "rate_limit_exceeded", "Too many requests."),
        "quota@kestrel.example" => fault(429, "daily_quota_exceeded", "You have reached your daily quota."),
        "broken@kestrel.example" => fault(500, "application_error", "An unexpected error occurred."),
        "gateway@kestrel.example" => Answered { status: 502, body: Vec::new() },
        _ => answer(200, &json!({ "id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794" })),
    }
}

/// A provider of the generic interface that knows who may send.
fn generic(message: &Outgoing) -> Answered {
    let mail: Value = serde_json::from_slice(&message.body).expect("JSON");
    let status = match (header(message, "authorization"), text(&mail, "/to")) {
        (Some("Bearer what-the-provider-knows-us-by"), to) => match to {
            "never@kestrel.example" => 422,
            "later@kestrel.example" => 503,
            "often@kestrel.example" => 429,
            "wrong@kestrel.example" => 400,
            _ => 202,
        },
        _ => 401,
    };
    Answered { status, body: Vec::new() }
}

/// These wait, also when they are tried again; the log says so and names nobody.
fn assert_later(provider: &str, double: Provider, names: &[&str]) {
    for name in names {
        let stage = Stage::new(provider, SECRET, double);
        for _ in 0..2 {
            stage.try_for(&format!("{name}@kestrel.example"));
            assert!(stage.waits() && stage.taken().is_empty(), "{provider}: {name} waits");
        }
        let log = stage.log();
        assert!(log.contains("did not take it") && !log.contains("kestrel.example"), "{log}");
    }
}

/// These are never tried again; the log says so and names nobody.
fn assert_never(provider: &str, double: Provider, names: &[&str]) {
    for name in names {
        let stage = Stage::new(provider, SECRET, double);
        stage.try_for(&format!("{name}@kestrel.example"));
        assert!(!stage.waits() && stage.taken().is_empty(), "{provider}: {name} is done with");
        let log = stage.log();
        assert!(log.contains("message dropped") && !log.contains("kestrel.example"), "{log}");
    }
}

/// The one message that was taken.
fn taken(provider: &str, double: Provider) -> Value {
    let stage = Stage::new(provider, SECRET, double);
    for _ in 0..2 {
        stage.try_for("ada@kestrel.example");
        assert!(!stage.waits());
    }
    let taken = stage.taken();
    assert_eq!(taken.len(), 1, "MSG-1: once");
    taken.into_iter().next().expect("one")
}

// MSG-1
#[test]
fn msg_1_postmark_takes_it_and_tracks_nothing() {
    let mail = taken("postmark", postmark);
    assert_eq!(text(&mail, "/From"), "\"Vestibule\" <no-reply@vestibule.example>");
    assert_eq!(text(&mail, "/To"), "ada@kestrel.example");
    assert_eq!(text(&mail, "/ReplyTo"), "support@vestibule.example");
    assert_eq!(text(&mail, "/Subject"), "Login Success");
    assert!(text(&mail, "/TextBody").starts_with("Dear Ada Kestrel,"));
    assert!(text(&mail, "/HtmlBody").starts_with("<!doctype html>"));
    assert_eq!((mail.get("TrackOpens"), text(&mail, "/TrackLinks")), (Some(&json!(false)), "None"));
    assert!(text(&mail, "/Metadata/id").len() >= 16);
}

// MSG-1
#[test]
fn msg_1_postmark_refuses_for_good_or_for_now() {
    assert_never("postmark", postmark, &["inactive", "illegal"]);
    assert_later("postmark", postmark, &["unconfirmed", "pending", "often", "broken", "closed"]);
}

// MSG-1
#[test]
fn msg_1_resend_takes_it_under_an_idempotency_key() {
    let mail = taken("resend", resend);
    assert_eq!(text(&mail, "/from"), "\"Vestibule\" <no-reply@vestibule.example>");
    assert_eq!(text(&mail, "/to/0"), "ada@kestrel.example");
    assert_eq!(text(&mail, "/reply_to"), "support@vestibule.example");
    assert!(text(&mail, "/html").contains("kestrela_0001") && text(&mail, "/text").contains("kestrela_0001"));
}

// MSG-1: what was sent under its key before, in other words, is out.
#[test]
fn msg_1_resend_refuses_for_good_or_for_now() {
    assert_never("resend", resend, &["illegal"]);
    assert_later("resend", resend, &["unverified", "beside", "often", "quota", "broken", "gateway"]);
    let stage = Stage::new("resend", SECRET, resend);
    stage.try_for("reworded@kestrel.example");
    assert!(!stage.waits() && !stage.log().contains("message dropped"), "{}", stage.log());
}

// MSG-1
#[test]
fn msg_1_the_generic_interface_takes_it_or_refuses() {
    let mail = taken("json", generic);
    let known = ["channel", "from", "html", "id", "reply_to", "subject", "text", "to"];
    assert_eq!(members(&mail), known);
    assert_eq!((text(&mail, "/channel"), text(&mail, "/from")), ("email", "no-reply@vestibule.example"));
    assert_never("json", generic, &["never"]);
    assert_later("json", generic, &["later", "often", "wrong"]);
}

// MSG-1: a wrong secret, or none, is put right by somebody; the messages wait for that.
#[test]
fn msg_1_a_wrong_secret_drops_nothing() {
    for (provider, double) in [("postmark", postmark as Provider), ("resend", resend), ("json", generic)] {
        for secret in ["", "another secret"] {
            let stage = Stage::new(provider, secret, double);
            stage.try_for("ada@kestrel.example");
            assert!(stage.waits() && stage.taken().is_empty(), "{provider} with {secret:?}");
            assert!(!stage.log().contains("another secret"), "{}", stage.log());
        }
    }
}
