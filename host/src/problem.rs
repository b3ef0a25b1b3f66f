//! The host's own answers, as `application/problem+json` (RFC 9457) with constant texts.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::WasiBody;

/// An answer instead of the one that was asked for. Boxed: it is large, and rare.
pub(crate) struct Refused(Box<Response<WasiBody>>);

/// A problem as the outcome of something that could have gone well.
pub(crate) fn refused(status: StatusCode, detail: &'static str) -> Refused {
    Refused(Box::new(problem(status, detail)))
}

impl Refused {
    /// Adds a header, or replaces it.
    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }
}

impl From<Refused> for Response<WasiBody> {
    fn from(refused: Refused) -> Self {
        *refused.0
    }
}

/// A problem; `detail` is written for whoever reads the response and holds nothing that came from outside.
pub(crate) fn problem(status: StatusCode, detail: &'static str) -> Response<WasiBody> {
    let title = status.canonical_reason().unwrap_or("Error");
    let document = serde_json::json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
    });
    let mut response = Response::new(full(document.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A body that is there as a whole.
pub(crate) fn full(body: impl Into<Bytes>) -> WasiBody {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}
