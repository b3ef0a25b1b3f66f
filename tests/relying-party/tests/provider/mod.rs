//! A provider made of four routes. It checks what a provider has to check, and lies on request.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier, url::form_urlencoded};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const CLIENT: &str = "parts";
pub(crate) const SECRET: &str = "a secret of the test";
const CODE: &str = "the-code";

/// What is wrong with the ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    None,
    Issuer,
    Audience,
    Nonce,
    Expiry,
    Key,
    Unsigned,
    Context,
}

impl Lie {
    pub(crate) const ALL: [Self; 7] =
        [Self::Issuer, Self::Audience, Self::Nonce, Self::Expiry, Self::Key, Self::Unsigned, Self::Context];
}

pub(crate) struct Provider {
    address: SocketAddr,
}

struct Inner {
    issuer: String,
    lie: Lie,
    /// The parameters of the last authorization request.
    asked: Mutex<HashMap<String, String>>,
}

impl Provider {
    pub(crate) async fn start(lie: Lie) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let inner = Inner { issuer: format!("http://{address}"), lie, asked: Mutex::new(HashMap::new()) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(jwks))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::new(inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address })
    }

    pub(crate) fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn discovery(State(inner): State<Arc<Inner>>) -> Json<Value> {
    let issuer = &inner.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn jwks() -> Result<Json<Value>, StatusCode> {
    let key = key(1).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let point = key.verifying_key().to_sec1_point(false);
    let coordinate = |bytes: Option<&[u8]>| bytes.map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    let (x, y) = (coordinate(point.x().map(AsRef::as_ref)), coordinate(point.y().map(AsRef::as_ref)));
    Ok(Json(
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "k", "x": x, "y": y }] }),
    ))
}

async fn authorize(State(inner): State<Arc<Inner>>, Query(asked): Query<HashMap<String, String>>) -> Response {
    let asked_for = |name: &str| asked.get(name).map_or("", String::as_str);
    if asked_for("client_id") != CLIENT || asked_for("code_challenge_method") != "S256" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let back = format!("{}?code={CODE}&state={}", asked_for("redirect_uri"), asked_for("state"));
    *inner.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    Redirect::to(&back).into_response()
}

async fn token(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked = inner.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let form: HashMap<_, _> = form_urlencoded::parse(&body).into_owned().collect();
    let secret: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
    let authenticated = headers.get(header::AUTHORIZATION).is_some_and(|header| header.as_bytes() == basic.as_bytes());
    let proven = form.get("code_verifier").is_some_and(|verifier| {
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        asked.get("code_challenge").is_some_and(|expected| expected == challenge.as_str())
    });
    let same_place = form.get("redirect_uri") == asked.get("redirect_uri");
    if !authenticated || !proven || !same_place || form.get("code").is_none_or(|code| code != CODE) {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    }
    match id_token(&inner, asked.get("nonce")) {
        Some(id_token) => {
            Json(json!({ "access_token": "a", "token_type": "Bearer", "id_token": id_token })).into_response()
        }
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn id_token(inner: &Inner, nonce: Option<&String>) -> Option<String> {
    let lie = inner.lie;
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": if lie == Lie::Issuer { "http://evil.example" } else { &inner.issuer },
        "sub": "somebody",
        "aud": if lie == Lie::Audience { "another" } else { CLIENT },
        "nonce": if lie == Lie::Nonce { Some("another") } else { nonce.map(String::as_str) },
        "iat": now - 600,
        "exp": if lie == Lie::Expiry { now - 300 } else { now + 300 },
        "acr": if lie == Lie::Context { "level-1" } else { "level-2" },
        "amr": ["pwd", "otp"],
        "organisation": "Northwind <Fasteners>",
    });
    let algorithm = if lie == Lie::Unsigned { "none" } else { "ES256" };
    let header = json!({ "alg": algorithm, "kid": "k" });
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(&header), encode(&claims));
    if lie == Lie::Unsigned {
        return Some(format!("{signed}."));
    }
    let signature: Signature = key(if lie == Lie::Key { 2 } else { 1 })?.sign(signed.as_bytes());
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes())))
}

fn key(seed: u8) -> Option<SigningKey> {
    SigningKey::from_slice(&[seed; 32]).ok()
}
