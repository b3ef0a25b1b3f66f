//! The mailbox: where the messages of an application under development go instead of to people.
//!
//! It takes messages like a provider of e-mail, SMS and voice would, keeps them, and shows them as JSON to
//! programs and as pages to people. It also plays the authenticator app for who has no phone at hand.

mod messages;
mod pages;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::sync::watch;
use wasmtime_wasi_http::WasiBody;

use self::messages::{Filter, Message, Messages};
use crate::clock::Clock;
use crate::problem::{Refused, full, refused};
use crate::serve::Answer;

/// The largest message, in bytes as JSON.
const MAX_MESSAGE_BYTES: usize = 200_000;
/// Characters of an idempotency key.
const MAX_KEY_CHARS: usize = 256;
/// The longest that `wait` waits.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// How long a sender may take to send a message.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages load nothing but the stylesheet and a message's preview, run nothing, and are shown in no frame.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";
/// A message's own HTML is a stranger's: it runs nothing and loads nothing, only its links work. It is shown alone, or in
/// the frame of its page, which confines it once more.
const MESSAGE_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox \
     allow-top-navigation-by-user-activation; default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
     form-action 'none'; base-uri 'none'; frame-ancestors 'self'";
const STYLESHEET: &str = include_str!("../assets/mailbox.css");

/// The mailbox of a running host.
pub(crate) struct Mailbox {
    messages: Messages,
    clock: Clock,
    stop: watch::Receiver<()>,
}

/// A message as its sender describes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    id: String,
    channel: Channel,
    to: String,
    from: String,
    reply_to: Option<String>,
    subject: Option<String>,
    text: String,
    html: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Channel {
    Email,
    Sms,
    Voice,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ListQuery {
    to: Option<String>,
    after: Option<i64>,
    wait: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuthenticatorQuery {
    uri: Option<String>,
}

type Answered = Result<Response<WasiBody>, Refused>;

impl Mailbox {
    /// Opens the mailbox in `file`, or one that lasts as long as the host. Requests that wait for a message give up
    /// when `stop` changes.
    ///
    /// # Errors
    /// If the file cannot be opened as a mailbox.
    pub fn open(file: Option<&Path>, clock: Clock, stop: watch::Receiver<()>) -> anyhow::Result<Self> {
        Ok(Self { messages: Messages::open(file)?, clock, stop })
    }

    async fn route(&self, request: Request<Incoming>) -> Answered {
        let path = request.uri().path().to_owned();
        if path == "/send" {
            return self.send(request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "Only GET is answered here.").with(ALLOW, "GET, HEAD"));
        }
        let query = request.uri().query().unwrap_or_default();
        match path.as_str() {
            "/" => self.list_page().await,
            "/messages" => self.list(query).await,
            "/authenticator" => self.authenticator(query),
            "/mailbox.css" => Ok(document("text/css; charset=utf-8", STYLESHEET)),
            _ => self.message(&path).await,
        }
    }

    /// `POST /send`: keeps a message, once for each idempotency key.
    async fn send(&self, request: Request<Incoming>) -> Answered {
        if request.method() != Method::POST {
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "Messages are sent with POST.").with(ALLOW, "POST"));
        }
        let key = idempotency_key(request.headers())?;
        // A page in a browser can send any other type here without asking first.
        if !is_json(request.headers()) {
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "A message is sent as application/json."));
        }
        let body = message_body(request.into_body()).await?;
        let sent: Sent = serde_json::from_slice(&body).map_err(|error| {
            tracing::warn!(%error, "a message was refused");
            refused(StatusCode::BAD_REQUEST, "The message is not JSON of the expected form; the log says where.")
        })?;
        let message = Message {
            seq: 0,
            received_at: timestamp(&self.clock),
            id: sent.id,
            channel: sent.channel.name().to_owned(),
            to: sent.to,
            from: sent.from,
            reply_to: sent.reply_to,
            subject: sent.subject,
            text: sent.text,
            html: sent.html,
            idempotency_key: key,
        };
        let seq = self.messages.insert(message).await.map_err(|error| failed(&error))?;
        let mut response = json(&serde_json::json!({ "seq": seq }));
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok(response)
    }

    /// `GET /messages`: what is there, or what arrives while waiting.
    async fn list(&self, query: &str) -> Answered {
        let query: ListQuery = parse_query(query)?;
        let wait = Duration::from_secs(query.wait.unwrap_or(0)).min(MAX_WAIT);
        let filter = Filter { to: query.to, after: query.after };
        let mut arrivals = self.messages.arrivals();
        let mut stop = self.stop.clone();
        let deadline = tokio::time::sleep(wait);
        tokio::pin!(deadline);
        loop {
            let found = self.messages.list(filter.clone()).await.map_err(|error| failed(&error))?;
            if !found.is_empty() || wait.is_zero() {
                return Ok(json(&found));
            }
            tokio::select! {
                Ok(()) = arrivals.changed() => {}
                () = &mut deadline => return Ok(json(&found)),
                _ = stop.changed() => return Ok(json(&found)),
            }
        }
    }

    async fn list_page(&self) -> Answered {
        let mut messages = self.messages.list(Filter::default()).await.map_err(|error| failed(&error))?;
        messages.reverse();
        page(&pages::List { messages })
    }

    /// `GET /messages/SEQ.html` and `GET /messages/SEQ/raw`.
    async fn message(&self, path: &str) -> Answered {
        let Some(name) = path.strip_prefix("/messages/") else { return Err(not_found()) };
        let (seq, raw) = match (name.strip_suffix(".html"), name.strip_suffix("/raw")) {
            (Some(seq), _) => (seq, false),
            (_, Some(seq)) => (seq, true),
            (None, None) => return Err(not_found()),
        };
        let seq = seq.parse().map_err(|_| not_found())?;
        let message = self.messages.find(seq).await.map_err(|error| failed(&error))?.ok_or_else(not_found)?;
        if !raw {
            return page(&pages::One::new(message));
        }
        let html = message.html.ok_or_else(not_found)?;
        let mut response = document("text/html; charset=utf-8", html);
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(MESSAGE_POLICY));
        Ok(response)
    }

    /// `GET /authenticator`: the code that an app enrolled with the given URI would show now.
    fn authenticator(&self, query: &str) -> Answered {
        let query: AuthenticatorQuery = parse_query(query)?;
        page(&pages::Authenticator::new(query.uri.as_deref(), self.clock.now()))
    }
}

impl Answer for Mailbox {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, _client: SocketAddr) -> Response<WasiBody> {
        let mut response = self.route(request).await.unwrap_or_else(Response::from);
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(PAGE_POLICY));
        response
    }
}

impl Channel {
    fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Voice => "voice",
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Refused> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if key.is_empty() || key.len() > MAX_KEY_CHARS {
        return Err(refused(StatusCode::BAD_REQUEST, "The Idempotency-Key header is missing, not ASCII, or too long."));
    }
    Ok(key.to_owned())
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

async fn message_body(body: Incoming) -> Result<Bytes, Refused> {
    let reading = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_MESSAGE_BYTES).collect()).await;
    match reading {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "A message has at most 200,000 bytes."))
        }
        Ok(Err(_)) => Err(refused(StatusCode::BAD_REQUEST, "The body is incomplete or malformed.")),
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive.")),
    }
}

fn parse_query<T: for<'de> Deserialize<'de>>(query: &str) -> Result<T, Refused> {
    serde_urlencoded::from_str(query)
        .map_err(|_| refused(StatusCode::BAD_REQUEST, "The query has an unknown, repeated or malformed parameter."))
}

/// RFC 3339, in UTC, to the second.
fn timestamp(clock: &Clock) -> String {
    let seconds = i64::try_from(clock.now().as_secs()).unwrap_or(i64::MAX);
    // Beyond the year 9999, where a test's clock may stand, there is nothing better to say.
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

fn page(template: &impl Template) -> Answered {
    let html = template.render().map_err(|error| failed(&error.into()))?;
    Ok(document("text/html; charset=utf-8", html))
}

fn json(value: &impl serde::Serialize) -> Response<WasiBody> {
    match serde_json::to_vec(value) {
        Ok(body) => document("application/json", body),
        Err(error) => failed(&error.into()).into(),
    }
}

fn document(kind: &'static str, body: impl Into<Bytes>) -> Response<WasiBody> {
    let mut response = Response::new(full(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn not_found() -> Refused {
    refused(StatusCode::NOT_FOUND, "There is nothing here.")
}

fn failed(error: &anyhow::Error) -> Refused {
    tracing::error!(error = format!("{error:#}"), "the mailbox failed");
    refused(StatusCode::INTERNAL_SERVER_ERROR, "The mailbox failed; the cause is in the host's log.")
}
