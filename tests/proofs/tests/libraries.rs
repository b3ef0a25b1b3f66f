//! MSG-3: what we sign is verified by the reference libraries of Standard Webhooks for Rust, JavaScript and Python.
//!
//! Needs `node`, `npm` and `python3` with `venv`: README, "Run it".

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::{
    event::{Event, EventKind, Subject},
    values::{OrderId, Timestamp},
    webhook::{WebhookSecret, signatures_of},
};

const ID: &str = "msg_aebagbafaydqqcikbmga2dqpca";

fn secret(byte: u8) -> String {
    format!("whsec_{}", STANDARD.encode([byte; 32]))
}

/// The real time: the libraries look at the clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp::from_unix(i64::try_from(since.as_secs()).expect("in range"))
}

/// A webhook that is signed with two secrets, for receivers who know the one or the other, and what is none.
fn cases() -> Vec<Value> {
    let at = now();
    let event = Event { kind: EventKind::OrderCompleted, at, subject: Subject::Order(OrderId::from_bytes([3; 16])) };
    let body = serde_json::to_string(&event.payload()).expect("JSON");
    let secrets: Vec<WebhookSecret> = [1, 2].map(|byte| secret(byte).parse().expect("a secret")).into();
    let signature = signatures_of(&secrets, ID, at, body.as_bytes());
    let case = |about: &str, known: u8, body: &str, id: &str, seconds: i64, genuine: bool| {
        let headers = json!({
            "webhook-id": id, "webhook-timestamp": seconds.to_string(), "webhook-signature": signature,
        });
        json!({ "about": about, "secret": secret(known), "headers": headers, "body": body, "genuine": genuine })
    };
    vec![
        case("the old secret", 1, &body, ID, at.unix(), true),
        case("the new secret", 2, &body, ID, at.unix(), true),
        case("another secret", 3, &body, ID, at.unix(), false),
        case("another body", 1, &body.replace("completed", "cancelled"), ID, at.unix(), false),
        case("another id", 1, &body, "msg_aebagbafaydqqcikbmga2dqpcb", at.unix(), false),
        case("another time", 1, &body, ID, at.unix() + 1, false),
    ]
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies below tests").join("webhooks")
}

fn run(command: &mut Command, input: &str) {
    let mut child = command
        .current_dir(here())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} (Debian: apt-get install nodejs npm python3-venv): {error}"));
    child.stdin.take().expect("it was asked for").write_all(input.as_bytes()).expect("it reads");
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{command:?}: {status}");
}

#[test]
fn msg_3_the_library_for_rust_verifies() {
    // MSG-3
    for case in cases() {
        let text = |pointer: &str| case.pointer(pointer).and_then(Value::as_str).expect("a text");
        let mut headers = http::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, text(&format!("/headers/{name}")).parse().expect("a header"));
        }
        let known = standardwebhooks::Webhook::new(text("/secret")).expect("a secret");
        let verified = known.verify(text("/body").as_bytes(), &headers).is_ok();
        assert_eq!(Some(&json!(verified)), case.get("genuine"), "{}", text("/about"));
    }
}

#[test]
fn msg_3_the_library_for_javascript_verifies() {
    // MSG-3
    run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]), "");
    run(Command::new("node").arg("verify.mjs"), &Value::from(cases()).to_string());
}

#[test]
fn msg_3_the_library_for_python_verifies() {
    // MSG-3
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("standard-webhooks");
    let python = place.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&place), "");
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"]), "");
    run(Command::new(&python).arg("verify.py"), &Value::from(cases()).to_string());
}
