//! The platform that components run on: Spin's key-value store, variables, files, clock and outbound HTTP.
//!
//! The only file that names the SDK. Plain reads go through the asynchronous interface, so that independent ones run
//! together; writes through the atomic one of `wasi:keyvalue`.

use std::{
    sync::{Arc, OnceLock},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Full, Limited};
use kv_schema::{
    key::Key,
    store::{Ambient, Store, StoreFault, Swap, Watched},
};
use shared::config::Gateway;
use spin_sdk::{
    experimental::wasi::keyvalue::{
        atomics::{self, Cas, CasError},
        store::{self, Bucket},
    },
    http::{FromRequest, IntoResponse},
    key_value, variables,
    wasip3::clocks::monotonic_clock,
};

pub use spin_sdk::wasip3;

use crate::{
    drain::Hand,
    edge::Edge,
    failure::{BadRequest, Outcome},
    platform::{Outgoing, Platform, PlatformFault},
    reply::Reply,
    request::{BODY_BYTES_MAX, Request, TARGET_BYTES_MAX},
    serve::serve,
};

const STORE: &str = "default";
const GATEWAY_FILE: &str = "/gateway.bin";

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

    async fn variable(&self, name: &str) -> Result<Option<String>, PlatformFault> {
        let value =
            variables::get(name).await.map_err(|error| PlatformFault::new(format!("variable {name}: {error}")))?;
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    async fn post(&self, outgoing: Outgoing) -> Result<u16, PlatformFault> {
        let request = http::Request::post(&outgoing.url)
            .header("content-type", "application/json")
            .header("content-length", outgoing.body.len())
            .header("idempotency-key", outgoing.idempotency_key)
            .body(Full::new(Bytes::from(outgoing.body)))
            .map_err(|error| PlatformFault::new(format!("outbound request: {error}")))?;
        let response = spin_sdk::http::send(request)
            .await
            .map_err(|error| PlatformFault::new(format!("outbound request: {error}")))?;
        Ok(response.status().as_u16())
    }

    fn log(&self, line: &str) {
        eprintln!("{line}");
    }
}

/// Serves one request of the platform with a component's handler and hands.
///
/// # Errors
/// When the request or reply cannot cross the platform's boundary.
pub async fn answer<H>(
    request: wasip3::http::types::Request,
    handler: H,
    hands: &[Hand<Spin>],
) -> Result<wasip3::http::types::Response, wasip3::http::types::ErrorCode>
where
    H: AsyncFn(&Edge<Spin>, &Request) -> Outcome,
{
    let request = spin_sdk::http::Request::from_request(request)?;
    let reply = serve(Spin::default(), bounded(request).await, handler, hands).await;
    response(reply).into_response()
}

async fn bounded(request: spin_sdk::http::Request) -> Result<Request, (BadRequest, HeaderMap)> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES_MAX {
        return Err((BadRequest::TooLarge(TARGET_BYTES_MAX), parts.headers));
    }
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(Request {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: body.to_bytes().to_vec(),
        }),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err((BadRequest::TooLarge(BODY_BYTES_MAX), parts.headers))
        }
        Err(_) => Err((BadRequest::Truncated, parts.headers)),
    }
}

fn response(reply: Reply) -> http::Response<Full<Bytes>> {
    let mut response = http::Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
