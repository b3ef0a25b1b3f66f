//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use base64ct::{Base64, Encoding as _};
use edge::{
    Edge, Platform, Request,
    form::{FormFaults, paragraphs, ticked},
    problem::{BlockerView, Problem},
    request::{form_decoded, form_encoded},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{
    config::{Application, Gateway, Level},
    journey::Blocker,
    launch::{
        acr,
        request::{AuthorizationError, WayBack},
    },
};

/// The launch form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLaunch {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default, deserialize_with = "ticked")]
    pub(crate) accept_terms: bool,
    /// Of the access terms that were shown; absent when none were, as on the dashboard.
    #[serde(default)]
    pub(crate) digest: Option<String>,
}

/// `uri` with these parameters behind those that it may have.
pub(crate) fn with_query(uri: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_encoded(parameters);
    if query.is_empty() {
        return uri.to_owned();
    }
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{query}")
}

/// Where an application's login begins (OpenID Connect Core 1.0, 4).
pub(crate) fn initiate_login(application: &Application, issuer: &str) -> String {
    let target = application.oidc.target_link_uri.as_deref();
    let mut parameters = vec![("iss", issuer)];
    parameters.extend(target.map(|target| ("target_link_uri", target)));
    with_query(&application.oidc.initiate_login_uri, &parameters)
}

/// The error answer to an authorization request (RFC 6749, 4.1.2.1; RFC 9207).
pub(crate) fn error_redirect(way_back: &WayBack<'_>, error: AuthorizationError, issuer: &str) -> String {
    let mut parameters = vec![("error", error.code()), ("error_description", error.description())];
    parameters.extend(way_back.state.map(|state| ("state", state)));
    parameters.push(("iss", issuer));
    with_query(way_back.redirect_uri, &parameters)
}

/// The answer to an authorization request that succeeded (RFC 6749, 4.1.2; RFC 9207).
pub(crate) fn code_redirect(way_back: &WayBack<'_>, code: &str, issuer: &str) -> String {
    let mut parameters = vec![("code", code)];
    parameters.extend(way_back.state.map(|state| ("state", state)));
    parameters.push(("iss", issuer));
    with_query(way_back.redirect_uri, &parameters)
}

/// What a person sees when an application sent a request that must not be answered to it.
pub(crate) fn not_registered() -> Problem {
    Problem {
        status: StatusCode::BAD_REQUEST,
        code: "client-not-registered",
        title: "The application's request is not valid",
        detail: "An application sent you here with an address that it did not register.".to_owned(),
        next: "Start the application from your dashboard. If this happens again, tell the application's support."
            .to_owned(),
        errors: Vec::new(),
        blockers: Vec::new(),
        existing: None,
        retry_after: None,
    }
}

/// The credentials of an `Authorization: Basic` header: both parts are form-encoded inside (RFC 6749, 2.3.1).
///
/// # Errors
/// `()` for a header that is there and cannot be read.
pub(crate) fn basic(request: &Request) -> Result<Option<(String, String)>, ()> {
    let Some(header) = request.header("authorization") else {
        return Ok(None);
    };
    let (scheme, encoded) = header.split_once(' ').ok_or(())?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(());
    }
    let decoded = Base64::decode_vec(encoded.trim()).map_err(|_| ())?;
    let text = String::from_utf8(decoded).map_err(|_| ())?;
    let (id, secret) = text.split_once(':').ok_or(())?;
    Ok(Some((form_decoded(id).ok_or(())?, form_decoded(secret).ok_or(())?)))
}

/// The bearer token of the `Authorization` header (RFC 6750, 2.1).
pub(crate) fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The application's launch, when only the steps of the launch itself are left.
#[derive(Serialize, Template)]
#[template(path = "launch.html")]
pub(crate) struct LaunchPage {
    #[serde(skip)]
    title: String,
    application: String,
    name: String,
    description: String,
    partner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_terms: Option<AccessTerms>,
    #[serde(skip)]
    code_needed: bool,
    blockers: Vec<BlockerView>,
    #[serde(skip)]
    faults: FormFaults,
}

/// The access terms that everybody accepts at every launch (TRM-4).
#[derive(Serialize)]
struct AccessTerms {
    paragraphs: Vec<String>,
    digest: String,
}

impl LaunchPage {
    /// The page. Access terms are shown while they are among what is left.
    pub(crate) fn of(application: &Application, gateway: &Gateway, left: &[Blocker], faults: FormFaults) -> Self {
        Self {
            title: format!("Launch {}", application.name),
            application: application.id.to_string(),
            name: application.name.clone(),
            description: application.description.clone(),
            partner: partner(application, gateway),
            access_terms: application
                .launch_terms
                .as_ref()
                .filter(|_| left.contains(&Blocker::LaunchTermsRequired))
                .map(|text| AccessTerms { paragraphs: paragraphs(text.as_str()), digest: text.digest().to_owned() }),
            code_needed: left.contains(&Blocker::OtpRequired),
            blockers: views(left, application),
            faults,
        }
    }
}

/// What has to be done before the launch, in order (LCH-1). JSON callers get the problem document instead.
#[derive(Serialize, Template)]
#[template(path = "blocked.html")]
pub(crate) struct BlockedPage {
    #[serde(skip)]
    title: String,
    name: String,
    blockers: Vec<Todo>,
}

/// One thing to do.
#[derive(Serialize)]
struct Todo {
    label: &'static str,
    #[serde(skip)]
    link: &'static str,
    #[serde(flatten)]
    blocker: BlockerView,
}

impl BlockedPage {
    /// The page.
    pub(crate) fn of(application: &Application, found: &[Blocker]) -> Self {
        let todo = |blocker: &Blocker| Todo {
            label: blocker.label(),
            link: blocker.link(),
            blocker: BlockerView::of(blocker, Some(application)),
        };
        Self {
            title: format!("Before you can launch {}", application.name),
            name: application.name.clone(),
            blockers: found.iter().filter(|blocker| !blocker.belongs_to_launch()).map(todo).collect(),
        }
    }
}

fn views(found: &[Blocker], application: &Application) -> Vec<BlockerView> {
    found.iter().map(|blocker| BlockerView::of(blocker, Some(application))).collect()
}

fn partner(application: &Application, gateway: &Gateway) -> String {
    gateway.partner(&application.partner).map(|partner| partner.name.clone()).unwrap_or_default()
}

/// Where a JSON caller goes on.
#[derive(Serialize)]
pub(crate) struct Onward<'a> {
    pub(crate) location: &'a str,
}

/// The question whether to sign out (RP-Initiated Logout 1.0, 2).
#[derive(Serialize, Template)]
#[template(path = "logout.html")]
pub(crate) struct LogoutPage {
    #[serde(skip)]
    pub(crate) title: &'static str,
    pub(crate) signed_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) application: Option<String>,
    /// What the form repeats: name and value.
    #[serde(skip)]
    pub(crate) repeated: Vec<(&'static str, String)>,
}

/// A successful answer of the token endpoint (RFC 6749, 5.1; OpenID Connect Core 1.0, 3.1.3.3).
#[derive(Serialize)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) token_type: &'static str,
    pub(crate) expires_in: u64,
    pub(crate) id_token: String,
    pub(crate) scope: &'static str,
}

/// An error of the token endpoint (RFC 6749, 5.2).
#[derive(Serialize)]
pub(crate) struct OauthError {
    pub(crate) error: &'static str,
    pub(crate) error_description: &'static str,
}

/// The key set (RFC 7517, 5).
#[derive(Serialize)]
pub(crate) struct KeySet<K> {
    pub(crate) keys: [K; 1],
}

/// The discovery document (OpenID Connect Discovery 1.0, 3; RFC 8414; RFC 9207; RP-Initiated Logout 1.0, 2.1).
#[expect(clippy::struct_excessive_bools, reason = "the members are named and typed by OpenID Connect Discovery 1.0")]
#[derive(Serialize)]
pub(crate) struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    end_session_endpoint: String,
    scopes_supported: [&'static str; 2],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 1],
    acr_values_supported: [String; 3],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    prompt_values_supported: [&'static str; 4],
    claim_types_supported: [&'static str; 1],
    claims_supported: [&'static str; 14],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    authorization_response_iss_parameter_supported: bool,
}

impl Discovery {
    /// The document of this deployment.
    pub(crate) fn of<P: Platform>(edge: &Edge<P>) -> Self {
        let at = |path: &str| format!("{}/launch/{path}", edge.public_url);
        Self {
            issuer: edge.public_url.clone(),
            authorization_endpoint: at("authorize"),
            token_endpoint: at("token"),
            userinfo_endpoint: at("userinfo"),
            jwks_uri: at("jwks"),
            end_session_endpoint: at("logout"),
            scopes_supported: ["openid", "profile"],
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: ["authorization_code"],
            acr_values_supported: [Level::One, Level::Two, Level::Three].map(acr),
            subject_types_supported: ["pairwise"],
            id_token_signing_alg_values_supported: ["ES256"],
            token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "none"],
            code_challenge_methods_supported: ["S256"],
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            claim_types_supported: ["normal"],
            claims_supported: [
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "amr",
                "at_hash",
                "name",
                "organization",
                "organization_name",
                "roles",
            ],
            claims_parameter_supported: false,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            authorization_response_iss_parameter_supported: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    fn with_authorization(value: &str) -> Request {
        Request::new(Method::POST, "/launch/token", [("authorization", value)].into_iter().collect(), Vec::new())
    }

    #[test]
    fn parameters_follow_those_of_the_address() {
        assert_eq!(with_query("https://a.example/b", &[("x", "1 2"), ("y", "&")]), "https://a.example/b?x=1+2&y=%26");
        assert_eq!(with_query("https://a.example/b?c=d", &[("x", "1")]), "https://a.example/b?c=d&x=1");
        assert_eq!(with_query("/b", &[]), "/b");
    }

    #[test]
    fn lch_2_basic_credentials_are_form_encoded_inside() {
        // LCH-2, RFC 6749, 2.3.1
        let read =
            |text: &str| basic(&with_authorization(&format!("Basic {}", Base64::encode_string(text.as_bytes()))));
        let pair = |id: &str, secret: &str| Ok(Some((id.to_owned(), secret.to_owned())));
        assert_eq!(read("supply-platform:a%2Bb%3D+c"), pair("supply-platform", "a+b= c"));
        assert_eq!(read("a:b:c=d"), pair("a", "b:c=d"));
        assert_eq!(read("a:"), pair("a", ""));
        for wrong in ["a", "a:b&c"] {
            assert_eq!(read(wrong), Err(()), "{wrong}");
        }
        assert_eq!(basic(&with_authorization("Basic !")), Err(()));
        assert_eq!(basic(&with_authorization("Bearer x")), Err(()));
    }
}
