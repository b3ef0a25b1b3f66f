//! The mailbox as senders, programs and people see it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use vestibule_host::{Clock, Running};

use crate::support::{Answer, Application, get, send, start};

async fn with_mailbox(application: &Application) -> (Running, SocketAddr) {
    let mut options = application.options();
    options.mailbox = Some(([127, 0, 0, 1], 0).into());
    options.clock = Clock::fixed(1_700_000_000);
    options.state_dir = Some(application.path("state"));
    let running = start(options).await;
    let address = running.mailbox_address().expect("there is a mailbox");
    (running, address)
}

async fn post(address: SocketAddr, key: &str, message: &Value) -> Answer {
    let request = Request::post("/send").header("idempotency-key", key).header("content-type", "application/json");
    send(address, request.body(Full::from(message.to_string())).expect("is a request")).await
}

fn message(to: &str) -> Value {
    json!({ "id": "m", "channel": "email", "to": to, "from": "app@example.org", "reply_to": "help@example.org", "subject": "Hi & bye",
            "text": "Open https://a.test/x?y=1 now", "html": "<p><b>Hi</b></p>" })
}

async fn list(address: SocketAddr, query: &str) -> Vec<Value> {
    let answer = get(address, &format!("/messages{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    serde_json::from_str(&answer.text).expect("is a list")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_kept_once_for_each_key_and_survives_a_restart() {
    let application = Application::new();
    let (running, mailbox) = with_mailbox(&application).await;
    let first = post(mailbox, "k1", &message("a@example.org")).await;
    assert_eq!((first.status, first.text.as_str()), (StatusCode::ACCEPTED, r#"{"seq":1}"#));
    let repeated = post(mailbox, "k1", &message("other@example.org")).await;
    assert_eq!((repeated.status, repeated.text), (first.status, first.text));
    post(mailbox, "k2", &message("b@example.org")).await;
    running.shutdown().await.expect("stops");

    let (_running, mailbox) = with_mailbox(&application).await;
    let all = list(mailbox, "").await;
    assert_eq!(all.len(), 2);
    let mut expected = message("a@example.org");
    for (name, value) in
        [("seq", json!(1)), ("received_at", json!("2023-11-14T22:13:20Z")), ("idempotency_key", json!("k1"))]
    {
        expected[name] = value;
    }
    assert_eq!(all[0], expected);
    assert_eq!(list(mailbox, "?after=1").await[0]["to"], "b@example.org");
    assert_eq!(list(mailbox, "?to=a%40example.org").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_waits_for_a_message_that_matches() {
    let application = Application::new();
    let (_running, mailbox) = with_mailbox(&application).await;
    let started = Instant::now();
    assert!(list(mailbox, "?to=nobody&wait=1").await.is_empty());
    assert!(started.elapsed() >= Duration::from_secs(1));

    let started = Instant::now();
    let (found, ()) = tokio::join!(list(mailbox, "?to=b&wait=20"), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        post(mailbox, "k1", &message("a")).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        post(mailbox, "k2", &message("b")).await;
    });
    assert_eq!(found.len(), 1);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_message_is_refused_and_not_kept() {
    let application = Application::new();
    let (_running, mailbox) = with_mailbox(&application).await;
    let mut unknown = message("a");
    unknown["extra"] = json!(1);
    let mut channel = message("a");
    channel["channel"] = json!("pigeon");
    let mut large = message("a");
    large["text"] = json!("x".repeat(200_000));
    for (key, message, expected) in [
        ("k", &unknown, StatusCode::BAD_REQUEST),
        ("k", &channel, StatusCode::BAD_REQUEST),
        ("k", &json!({}), StatusCode::BAD_REQUEST),
        ("k", &large, StatusCode::PAYLOAD_TOO_LARGE),
        ("", &message("a"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(post(mailbox, key, message).await.status, expected, "{key} {message:.60}");
    }
    let form = Request::post("/send").header("idempotency-key", "k").header("content-type", "text/plain");
    let form = form.body(Full::from(message("a").to_string())).expect("is a request");
    assert_eq!(send(mailbox, form).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(get(mailbox, "/send").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get(mailbox, "/messages?before=1").await.status, StatusCode::BAD_REQUEST);
    assert!(list(mailbox, "").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_show_messages_and_run_nothing() {
    let application = Application::new();
    let (_running, mailbox) = with_mailbox(&application).await;
    assert!(get(mailbox, "/").await.text.contains("No message has been sent yet"));
    post(mailbox, "k1", &message("a@example.org")).await;

    let page = get(mailbox, "/").await;
    assert!(page.text.contains(r#"<a href="/messages/1.html">Hi &#38; bye</a>"#), "{}", page.text);
    let page = get(mailbox, "/messages/1.html").await;
    assert!(page.text.contains(r#"Open <a href="https://a.test/x?y=1" rel="noreferrer">"#), "{}", page.text);
    let policy = page.headers["content-security-policy"].to_str().expect("is text");
    assert!(policy.starts_with("default-src 'none'; style-src 'self'; frame-src 'self'"), "{policy}");
    assert!(
        page.text.contains(r#"<iframe class="preview" src="/messages/1/raw" sandbox="allow-popups "#),
        "{}",
        page.text
    );
    assert!(page.text.contains("<dd>help@example.org</dd>"), "{}", page.text);

    let raw = get(mailbox, "/messages/1/raw").await;
    assert_eq!(raw.text, "<p><b>Hi</b></p>");
    let policy = raw.headers["content-security-policy"].to_str().expect("is text");
    assert!(policy.starts_with("sandbox ") && !policy.contains("allow-scripts"), "{policy}");
    assert!(policy.ends_with("frame-ancestors 'self'"), "{policy}");
    assert_eq!(get(mailbox, "/mailbox.css").await.headers["content-type"], "text/css; charset=utf-8");
    for path in ["/messages/2.html", "/messages/x.html", "/messages/1", "/nowhere"] {
        assert_eq!(get(mailbox, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authenticator_shows_the_code_of_the_moment() {
    let application = Application::new();
    let (running, mailbox) = with_mailbox(&application).await;
    let path = "/authenticator?uri=otpauth%3A%2F%2Ftotp%2FExample%3Aalice%3Fsecret%3DGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ%26issuer%3DExample";
    let shown = get(mailbox, path).await.text;
    assert!(shown.contains("<output class=\"code\">") && shown.contains("http-equiv=\"refresh\""), "{shown}");
    running.clock().advance(Duration::from_secs(30));
    assert_ne!(get(mailbox, path).await.text, shown);
    assert!(get(mailbox, "/authenticator?uri=nonsense").await.text.contains("role=\"alert\""));
    assert_eq!(get(mailbox, "/authenticator").await.status, StatusCode::OK);
}
