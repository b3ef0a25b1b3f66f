//! The platform that components run on: Spin's key-value store, variables, files, clock and outbound HTTP.
//!
//! The only file that names the SDK. Plain reads go through the asynchronous interface, so that independent ones run
//! together; writes through the atomic one of `wasi:keyvalue`.

use std::{
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use kv_schema::{
    key::Key,
    store::{Ambient, Store, StoreFault, Swap, Watched},
};
use shared::{config::Gateway, delivery::Answer, password::Blocklist, values::Seconds};
use spin_sdk::{
    experimental::wasi::keyvalue::{
        atomics::{self, Cas, CasError},
        store::{self, Bucket},
    },
    key_value, variables,
    wasip3::{
        clocks::monotonic_clock,
        http::types::{self, Fields, Scheme},
    },
    wit_bindgen::{self, FutureReader, StreamReader, StreamResult},
};

pub use spin_sdk::wasip3;

use crate::{
    drain::Hands,
    edge::Edge,
    failure::{BadRequest, Outcome},
    platform::{ANSWER_BYTES_MAX, Answered, FORM, JSON, Outgoing, Platform, PlatformFault, Question},
    request::{Headers, Request, TARGET_BYTES_MAX, body_bytes_max},
    serve::serve,
};

const STORE: &str = "default";
const GATEWAY_FILE: &str = "/gateway.bin";
const BLOCKLIST_FILE: &str = "/blocklist.bin";

/// The platform of one request.
#[derive(Debug, Default)]
pub struct Spin {
    bucket: OnceLock<Bucket>,
}

impl Spin {
    fn bucket(&self) -> Result<&Bucket, StoreFault> {
        if let Some(bucket) = self.bucket.get() {
            return Ok(bucket);
        }
        let opened = store::open(STORE).map_err(fault)?;
        Ok(self.bucket.get_or_init(|| opened))
    }
}

fn fault(error: impl std::fmt::Debug) -> StoreFault {
    StoreFault::new(format!("{error:?}"))
}

fn watch_with(cas: Cas) -> Result<Watched<Cas>, StoreFault> {
    let current = cas.current().map_err(fault)?;
    Ok(Watched { cas, current })
}

impl Store for Spin {
    type Cas = Cas;

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreFault> {
        let store = key_value::Store::open_default().await.map_err(fault)?;
        store.get(key.as_str()).await.map_err(fault)
    }

    async fn watch(&self, key: &Key) -> Result<Watched<Cas>, StoreFault> {
        watch_with(Cas::new(self.bucket()?, key.as_str()).map_err(fault)?)
    }

    async fn swap(&self, cas: Cas, value: Vec<u8>) -> Result<Swap<Cas>, StoreFault> {
        match atomics::swap(cas, &value) {
            Ok(()) => Ok(Swap::Applied),
            Err(CasError::CasFailed(cas)) => Ok(Swap::Refused(watch_with(cas)?)),
            Err(CasError::StoreError(error)) => Err(fault(error)),
        }
    }

    async fn increment(&self, key: &Key, delta: i64) -> Result<i64, StoreFault> {
        atomics::increment(self.bucket()?, key.as_str(), delta).map_err(fault)
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreFault> {
        self.bucket()?.delete(key.as_str()).map_err(fault)
    }
}

impl Ambient for Spin {
    fn unix_seconds(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
    }

    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("wasi:random always answers");
    }

    async fn pause(&self, millis: u32) {
        monotonic_clock::wait_for(u64::from(millis).saturating_mul(1_000_000)).await;
    }
}

impl Platform for Spin {
    fn gateway(&self) -> Result<Arc<Gateway>, PlatformFault> {
        // Decoded once an instance: the file does not change while the instance lives.
        static GATEWAY: OnceLock<Arc<Gateway>> = OnceLock::new();
        if let Some(gateway) = GATEWAY.get() {
            return Ok(Arc::clone(gateway));
        }
        let named = |reason: &dyn std::fmt::Display| PlatformFault::new(format!("{GATEWAY_FILE}: {reason}"));
        let compiled = std::fs::read(GATEWAY_FILE).map_err(|error| named(&error))?;
        let gateway = Gateway::decode(&compiled).map_err(|fault| named(&fault))?;
        Ok(Arc::clone(GATEWAY.get_or_init(|| Arc::new(gateway))))
    }

    fn blocklist(&self) -> Result<Arc<Blocklist>, PlatformFault> {
        static BLOCKLIST: OnceLock<Arc<Blocklist>> = OnceLock::new();
        if let Some(blocklist) = BLOCKLIST.get() {
            return Ok(Arc::clone(blocklist));
        }
        let named = |reason: &dyn std::fmt::Display| PlatformFault::new(format!("{BLOCKLIST_FILE}: {reason}"));
        let bytes = std::fs::read(BLOCKLIST_FILE).map_err(|error| named(&error))?;
        let blocklist = Blocklist::decode(&bytes).map_err(|error| named(&error.hint))?;
        Ok(Arc::clone(BLOCKLIST.get_or_init(|| Arc::new(blocklist))))
    }

    async fn variable(&self, name: &str) -> Result<Option<String>, PlatformFault> {
        let value =
            variables::get(name).await.map_err(|error| PlatformFault::new(format!("variable {name}: {error}")))?;
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    async fn post(&self, outgoing: Outgoing, patience: Option<Seconds>) -> Result<Answered, PlatformFault> {
        let (status, body) = asked(&outgoing.url, headers_of(&outgoing), outgoing.body, patience).await?;
        Ok(Answered { status, body: body.unwrap_or_default() })
    }

    async fn notify(&self, outgoing: Outgoing, patience: Seconds) -> Answer {
        match sent(&outgoing.url, headers_of(&outgoing), outgoing.body, Some(patience)).await {
            Ok(response) => Answer {
                status: Some(response.get_status_code()),
                retry_after: retry_after(&response.get_headers().get("retry-after")),
            },
            Err(fault) => {
                self.log(&format!("webhook: {fault}"));
                Answer { status: None, retry_after: None }
            }
        }
    }

    async fn ask(&self, question: Question, patience: Seconds) -> Result<Answered, PlatformFault> {
        let headers = vec![
            ("content-type", FORM.to_owned()),
            ("accept", JSON.to_owned()),
            ("content-length", question.form.len().to_string()),
        ];
        let (status, body) = asked(&question.url, headers, question.form.into_bytes(), Some(patience)).await?;
        let body = body.map_err(|bad| PlatformFault::new(format!("outbound request: answer: {bad:?}")))?;
        Ok(Answered { status, body })
    }

    fn log(&self, line: &str) {
        eprintln!("{line}");
    }
}

/// Serves one request of the platform with a component's handler and hands.
///
/// # Errors
/// When the reply cannot cross the platform's boundary.
pub async fn answer<H>(
    request: types::Request,
    handler: H,
    hands: Hands<Spin>,
) -> Result<types::Response, types::ErrorCode>
where
    H: AsyncFn(&Edge<Spin>, &Request) -> Outcome,
{
    let reply = serve(Spin::default(), bounded(request).await, handler, hands).await;
    let headers = fields(reply.headers).map_err(|error| types::ErrorCode::InternalError(Some(error.to_string())))?;
    let (content, trailers) = whole(reply.body);
    let (response, _) = types::Response::new(headers, Some(content), trailers);
    response.set_status_code(reply.status.as_u16()).map_err(|()| types::ErrorCode::HttpProtocolError)?;
    Ok(response)
}

async fn bounded(request: types::Request) -> Result<Request, (BadRequest, Headers)> {
    let headers: Headers = request.get_headers().copy_all().into_iter().collect();
    let target = request.get_path_with_query().unwrap_or_default();
    if target.len() > TARGET_BYTES_MAX {
        return Err((BadRequest::TooLarge(TARGET_BYTES_MAX), headers));
    }
    let Ok(method) = request.get_method().try_into() else {
        return Err((BadRequest::Malformed, headers));
    };
    match body(request, body_bytes_max(&target)).await {
        Ok(body) => Ok(Request::new(method, &target, headers, body)),
        Err(bad) => Err((bad, headers)),
    }
}

fn headers_of(outgoing: &Outgoing) -> Vec<(&'static str, String)> {
    let mut headers = outgoing.headers.clone();
    headers.extend([
        ("content-type", outgoing.media_type.to_owned()),
        ("accept", JSON.to_owned()),
        ("content-length", outgoing.body.len().to_string()),
        ("idempotency-key", outgoing.idempotency_key.clone()),
    ]);
    headers
}

/// In seconds; a date, or the header twice, says nothing (RFC 9110, 10.2.3).
fn retry_after(values: &[Vec<u8>]) -> Option<Seconds> {
    let [value] = values else { return None };
    std::str::from_utf8(value).ok()?.trim().parse().ok().map(Seconds)
}

/// Sends a `POST` to an absolute address and reads the answer: its status, and its body if that is complete and not longer
/// than [`ANSWER_BYTES_MAX`].
async fn asked(
    url: &str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    patience: Option<Seconds>,
) -> Result<(u16, Result<Vec<u8>, BadRequest>), PlatformFault> {
    let response = sent(url, headers, body, patience).await?;
    let status = response.get_status_code();
    let (_read, ok) = wasip3::wit_future::new(|| Ok(()));
    let (stream, trailers) = types::Response::consume_body(response, ok);
    Ok((status, read(stream, trailers, ANSWER_BYTES_MAX).await))
}

/// Sends a `POST` to an absolute address. A third of the patience is for the connection, the rest for the answer's head.
async fn sent(
    url: &str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    patience: Option<Seconds>,
) -> Result<types::Response, PlatformFault> {
    let fault = |reason: &str| PlatformFault::new(format!("outbound request: {reason}"));
    let (scheme, rest) = url.split_once("://").ok_or_else(|| fault("the address has no scheme"))?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err(fault("the address is neither https nor http")),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let headers = fields(headers).map_err(|error| fault(&error.to_string()))?;
    let (content, trailers) = whole(body);
    let options = patience.map(options).transpose().map_err(|()| fault("the platform takes no time limits"))?;
    let (request, _) = types::Request::new(headers, Some(content), trailers, options);
    request
        .set_method(&types::Method::Post)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })))
        .map_err(|()| fault("the address is not valid"))?;
    wasip3::http::client::send(request).await.map_err(|error| fault(&format!("{error:?}")))
}

fn options(patience: Seconds) -> Result<types::RequestOptions, ()> {
    let nanoseconds = patience.0.saturating_mul(1_000_000_000);
    let options = types::RequestOptions::new();
    options.set_connect_timeout(Some(nanoseconds / 3)).map_err(drop)?;
    options.set_first_byte_timeout(Some(nanoseconds - nanoseconds / 3)).map_err(drop)?;
    Ok(options)
}

async fn body(request: types::Request, bytes_max: usize) -> Result<Vec<u8>, BadRequest> {
    let (_read, ok) = wasip3::wit_future::new(|| Ok(()));
    let (stream, trailers) = types::Request::consume_body(request, ok);
    read(stream, trailers, bytes_max).await
}

async fn read(
    mut stream: StreamReader<u8>,
    trailers: FutureReader<Trailing>,
    bytes_max: usize,
) -> Result<Vec<u8>, BadRequest> {
    let mut body = Vec::new();
    loop {
        let (result, mut chunk) = stream.read(Vec::with_capacity(READ_BYTES)).await;
        body.append(&mut chunk);
        if body.len() > bytes_max {
            return Err(BadRequest::TooLarge(bytes_max));
        }
        if !matches!(result, StreamResult::Complete(_)) {
            break;
        }
    }
    match trailers.await {
        Ok(_) => Ok(body),
        Err(_) => Err(BadRequest::Truncated),
    }
}

fn fields(headers: impl IntoIterator<Item = (&'static str, String)>) -> Result<Fields, types::HeaderError> {
    let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    Fields::from_list(&headers)
}

/// A body that is sent as a whole, without trailers.
fn whole(bytes: Vec<u8>) -> (StreamReader<u8>, FutureReader<Trailing>) {
    let (mut content, content_reader) = wasip3::wit_stream::new();
    let (end, end_reader) = wasip3::wit_future::new(|| Ok(None));
    wit_bindgen::spawn(async move {
        // Whoever stops reading has what it wants; nobody is left to tell.
        let _ = content.write_all(bytes).await;
        drop(content);
        let _ = end.write(Ok(None)).await;
    });
    (content_reader, end_reader)
}

type Trailing = Result<Option<types::Trailers>, types::ErrorCode>;

const READ_BYTES: usize = 16 * 1024;
