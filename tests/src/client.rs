//! A program that calls the service: JSON in, JSON out, and it keeps its cookies.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::Value;

/// A program with a cookie jar of its own.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    service: String,
    cookies: BTreeMap<String, String>,
}

/// What the service answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: header::HeaderMap,
    /// Body.
    pub text: String,
}

impl Client {
    /// A program that calls the service at this address.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(service: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, service: service.to_owned(), cookies: BTreeMap::new() })
    }

    /// A request that prefers JSON, with the cookies that were kept.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.service))
            .header(header::ACCEPT, "application/json")
            .header(header::COOKIE, self.cookie_header())
    }

    /// Sends a request of [`Client::request`] and keeps the cookies of the answer.
    ///
    /// # Errors
    /// When the service does not answer.
    pub async fn send(&mut self, request: RequestBuilder) -> anyhow::Result<Answer> {
        let response = request.send().await?;
        for cookie in response.headers().get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let (name, rest) = cookie.split_once('=').context("a cookie has a name")?;
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned());
            }
        }
        Answer::of(response).await
    }

    /// Gets a document.
    ///
    /// # Errors
    /// When it is anything but 200 and JSON.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        let request = self.request(Method::GET, path);
        self.send(request).await?.document(StatusCode::OK)
    }

    /// Posts a document and expects this status.
    ///
    /// # Errors
    /// When the answer has another status or is no JSON.
    pub async fn post(&mut self, path: &str, body: &Value, status: StatusCode) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path).json(body);
        self.send(request).await?.document(status)
    }

    /// The cookie of this name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// The `Cookie` header.
    pub fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

impl Answer {
    /// Reads the whole answer.
    ///
    /// # Errors
    /// When it breaks off.
    pub async fn of(response: Response) -> anyhow::Result<Self> {
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self { status, headers, text: response.text().await? })
    }

    /// A header's text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The JSON document of an answer with this status.
    ///
    /// # Errors
    /// When status or type is another one.
    pub fn document(&self, status: StatusCode) -> anyhow::Result<Value> {
        ensure!(self.status == status, "expected {status}, found {}: {}", self.status, self.text);
        let kind = self.header("content-type");
        ensure!(kind == "application/json", "the document came as {kind:?}: {}", self.text);
        Ok(serde_json::from_str(&self.text)?)
    }

    /// The problem document of a refusal (RFC 9457): complete, with its stable type and what to do next.
    ///
    /// # Errors
    /// When it is another answer.
    pub fn problem(&self, status: u16, code: &str) -> anyhow::Result<Value> {
        ensure!(self.status == status, "expected {status} {code}, found {}: {}", self.status, self.text);
        let kind = self.header("content-type");
        ensure!(kind == "application/problem+json", "{code} came as {kind:?}: {}", self.text);
        let problem: Value = serde_json::from_str(&self.text)?;
        ensure!(problem["code"] == code, "expected {code}, found {problem}");
        ensure!(problem["type"] == format!("urn:vestibule:problem:{code}"), "{code} has another type: {problem}");
        ensure!(problem["status"] == status, "{problem}");
        for member in ["title", "detail", "next", "request_id"] {
            let said = problem[member].as_str().is_some_and(|text| !text.is_empty());
            ensure!(said, "{code} lacks {member}: {problem}");
        }
        ensure!(self.header("cache-control") == "no-store", "{code} may be cached: {:?}", self.headers);
        Ok(problem)
    }
}
