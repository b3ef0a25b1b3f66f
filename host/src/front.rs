//! From a request to the component that answers it, and back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::sync::oneshot;
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyHandler;

use crate::handler::{Runnable, Ticket};
use crate::ledger::{Ledger, Measured};
use crate::problem::{Refused, full, problem, refused};
use crate::routes::{Match, Router};
use crate::serve::Answer;

/// How long a client may take to send a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a body that is too large is still read, in multiples of the limit: a client that is busy
/// sending would otherwise find the connection reset instead of the answer.
const DISCARD_FACTOR: usize = 8;
/// Whom Spin names as the client of one component's request to another.
const COMPONENT_ADDRESS: &str = "0.0.0.0:0";
/// What Spin answers under this prefix, no component sees.
const WELL_KNOWN: &str = "/.well-known/spin/";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The application as clients see it.
pub(crate) struct Front {
    pub router: Router,
    pub components: BTreeMap<String, ProxyHandler<Runnable>>,
    pub ledger: Arc<Ledger>,
    pub metering: bool,
    pub body_limit_bytes: usize,
}

impl Answer for Front {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, client: SocketAddr) -> Response<WasiBody> {
        self.respond(request, client).await
    }
}

impl Front {
    /// Answers a request, whoever sent it; a fault on the way becomes a problem document.
    pub async fn respond<B>(&self, request: Request<B>, client: SocketAddr) -> Response<WasiBody>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        self.try_respond(request, client).await.unwrap_or_else(Response::from)
    }

    async fn try_respond<B>(&self, request: Request<B>, client: SocketAddr) -> Result<Response<WasiBody>, Refused>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let path = request.uri().path().to_owned();
        if let Some(well_known) = path.strip_prefix(WELL_KNOWN) {
            return match well_known {
                "health" => Ok(Response::new(full("OK"))),
                _ => Err(refused(StatusCode::NOT_FOUND, "There is nothing here.")),
            };
        }
        let Some(route) = self.router.find(&path) else {
            return Err(refused(StatusCode::NOT_FOUND, "No route matches this path."));
        };
        let Some(handler) = self.components.get(route.component()) else {
            return Err(refused(StatusCode::INTERNAL_SERVER_ERROR, FAILED));
        };
        let (mut head, body) = request.into_parts();
        head.uri = absolute(&head.uri, &head.headers)
            .ok_or_else(|| refused(StatusCode::BAD_REQUEST, "The Host header is missing, repeated or malformed."))?;
        let body = self.whole_body(&head.headers, body).await?;
        let full_url = head.uri.to_string();
        // Appended, as Spin does: a client's own headers of these names stay in front of them.
        for (name, value) in route.headers(&full_url, &client.to_string()) {
            head.headers.append(name, value);
        }
        let method = head.method.to_string();
        let request = Request::from_parts(head, full(body));
        let started = Instant::now();
        self.ledger.count_request();
        let response = if self.metering {
            let (response, measured) = self.metered(handler, &route, request).await;
            self.ledger.record(measured);
            response
        } else {
            pass(handler, Ticket::default(), request).await
        };
        let (component, route, status) = (route.component(), route.route(), response.status().as_u16());
        // The route and not the path or the query, where tokens may stand.
        tracing::debug!(component, method, route, status, micros = started.elapsed().as_micros(), "answered");
        Ok(response)
    }

    /// Answers one component's request to another. Also what it cost, while metering: the request that caused it pays.
    pub async fn respond_to_component(
        &self,
        component: &str,
        request: Request<WasiBody>,
    ) -> (Response<WasiBody>, Option<Measured>) {
        let route = Match::between_components(component, request.uri().path());
        let Some(handler) = self.components.get(component) else {
            return (problem(StatusCode::NOT_FOUND, "There is no such component."), None);
        };
        let (mut head, body) = request.into_parts();
        let body = match self.whole_body(&head.headers, body).await {
            Ok(body) => body,
            Err(refused) => return (refused.into(), None),
        };
        let full_url = head.uri.to_string();
        for (name, value) in route.headers(&full_url, COMPONENT_ADDRESS) {
            head.headers.append(name, value);
        }
        let request = Request::from_parts(head, full(body));
        self.ledger.count_request();
        if self.metering {
            let (response, measured) = self.metered(handler, &route, request).await;
            (response, Some(measured))
        } else {
            (pass(handler, Ticket::default(), request).await, None)
        }
    }

    /// The body, once it is there as a whole, so that no component ever works on a part of one.
    async fn whole_body<B>(&self, headers: &HeaderMap, body: B) -> Result<Bytes, Refused>
    where
        B: Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let limit = self.body_limit_bytes;
        let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
        let mut body = std::pin::pin!(body);
        if announced.is_some_and(|length| length > limit) {
            if !headers.contains_key(EXPECT) {
                discard(body.as_mut(), limit).await;
            }
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE));
        }
        let reading = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body.as_mut(), limit).collect()).await;
        match reading {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                discard(body, limit).await;
                Err(refused(StatusCode::PAYLOAD_TOO_LARGE, TOO_LARGE))
            }
            Ok(Err(_)) => Err(refused(StatusCode::BAD_REQUEST, "The body is incomplete or malformed.")),
            Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive.")),
        }
    }

    /// Like [`pass`], but returns only when the instance has ended, with its account.
    async fn metered(
        &self,
        handler: &ProxyHandler<Runnable>,
        route: &Match<'_>,
        request: Request<WasiBody>,
    ) -> (Response<WasiBody>, Measured) {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let (answer, measured) = oneshot::channel();
        let response = pass(handler, Ticket { measured: Some(answer) }, request).await;
        let (head, body) = response.into_parts();
        let response = match body.collect().await {
            Ok(body) => Response::from_parts(head, full(body.to_bytes())),
            Err(error) => {
                tracing::error!(component = route.component(), %error, "the answer's body failed");
                problem(StatusCode::INTERNAL_SERVER_ERROR, FAILED)
            }
        };
        let counted = measured.await.unwrap_or_default();
        let (component, status) = (route.component().to_owned(), response.status().as_u16());
        (response, Measured { component, method, path, status, ..counted })
    }
}

const FAILED: &str = "The component failed; the cause is in the host's log.";
const TOO_LARGE: &str = "The body is larger than this host accepts.";

async fn pass(handler: &ProxyHandler<Runnable>, ticket: Ticket, request: Request<WasiBody>) -> Response<WasiBody> {
    match handler.handle(ticket, request).await {
        Ok(response) => response,
        Err(error) => {
            let component = &handler.state().grants.component;
            handler.state().surroundings.log.write(component, &format!("a request failed: {error:#}"));
            problem(StatusCode::INTERNAL_SERVER_ERROR, FAILED)
        }
    }
}

async fn discard<B: Body<Data = Bytes>>(mut body: std::pin::Pin<&mut B>, limit: usize) {
    let mut left = limit.saturating_mul(DISCARD_FACTOR);
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
            left = rest;
        }
    };
    // Whether it ended or was cut off, the answer is the same.
    tokio::time::timeout(BODY_TIMEOUT, reading).await.ok();
}

/// The request's URI with the scheme and the authority that the client meant. Components find the host there:
/// wasmtime keeps the Host header from them.
fn absolute(uri: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let host = single(headers, &HOST)?.to_str().ok()?;
    let host: Authority = host.parse().ok()?;
    let mut parts = uri.clone().into_parts();
    if parts.authority.as_ref().is_some_and(|named| *named != host) || host.as_str().contains('@') {
        return None;
    }
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(host);
    parts.path_and_query = parts.path_and_query.or_else(|| "/".parse().ok());
    Uri::from_parts(parts).ok()
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(hosts: &[&'static str]) -> HeaderMap {
        hosts.iter().map(|host| (HOST, HeaderValue::from_static(host))).collect()
    }

    #[test]
    fn the_authority_is_the_host_headers_and_only_one() {
        let absolute = |uri: &'static str, given: &[&'static str]| {
            absolute(&Uri::from_static(uri), &hosts(given)).map(|uri| uri.to_string())
        };
        assert_eq!(absolute("/a?b", &["h:1"]).as_deref(), Some("http://h:1/a?b"));
        assert_eq!(absolute("http://h/a", &["h"]).as_deref(), Some("http://h/a"));
        assert_eq!(absolute("http://other/a", &["h"]), None);
        assert_eq!(absolute("/a", &[]), None);
        assert_eq!(absolute("/a", &["h", "h"]), None);
        assert_eq!(absolute("/a", &["user@h"]), None);
        assert_eq!(absolute("/a", &[""]), None);
    }
}
