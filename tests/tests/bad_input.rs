//! Bad input on every route that changes state: a table of routes times a table of defects.
//!
//! Each route comes with a request that it takes, as JSON and as a form, and each defect spoils one thing of it. Whatever
//! the defect, the answer has the right status, tells what to do next as a problem document or as a page, and leaves the
//! store byte for byte as it was; no instance traps. At the end the unspoilt requests are taken, which shows that each
//! was refused for its defect alone. Another route is another row in [`routes`], another defect another one in
//! [`DEFECTS`].

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use base64::Engine as _;
use journeys::{
    authenticator::Authenticator,
    browser::{Browser, Page},
    by_json::{Programs, activation, checkout, form_id, public_registration, solved_captcha},
    client::{Answer, Client},
    place::Place,
    story::{PASSWORD, Story},
    world::{AUDITOR_PASSWORD, COBALT_API_KEY, World, client_secret, cobalt_webhook_secret, operator_otpauth_uri},
};
use reqwest::{Method, header};
use serde_json::{Value, json};

/// Who calls a route, and how the caller shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    Anybody,
    Person,
    Operator,
    Partner,
    Webstore,
    Application,
}

impl Caller {
    /// Whether a browser's cookies could be abused, so that the request must come from this site (SIG-4).
    fn is_browser(self) -> bool {
        matches!(self, Self::Anybody | Self::Person | Self::Operator)
    }
}

/// A request that changes state.
#[derive(Debug, Clone)]
struct Route {
    path: String,
    caller: Caller,
    json: Option<Value>,
    /// Without the form's token.
    form: Option<Vec<(String, String)>>,
    /// The member that is a token of a link.
    token: Option<&'static str>,
    /// Whose cookies are sent.
    jar: &'static str,
    /// What the unspoilt request is answered in the end, as JSON and then as a form; 0 where it is not sent.
    taken: (u16, u16),
}

/// A request under way.
#[derive(Debug, Clone)]
struct Sent {
    method: Method,
    target: String,
    cookies: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
    /// Sends no `Content-Type` of its own.
    untyped: bool,
    body: Body,
    signing: Option<Signing>,
}

/// How a webhook is signed, over the body that is sent in the end.
#[derive(Debug, Clone)]
struct Signing {
    secret: String,
    id: &'static str,
    at: i64,
    /// Another body than the one that is sent.
    body: Option<&'static [u8]>,
    /// Another signature than the right one.
    shown: Option<&'static str>,
    times: usize,
}

#[derive(Debug, Clone)]
enum Body {
    Json(Value),
    Form(Vec<(String, String)>),
    /// These bytes, as the kind that stood here before.
    Raw {
        json: bool,
        bytes: Vec<u8>,
    },
}

impl Body {
    fn is_json(&self) -> bool {
        matches!(self, Self::Json(_) | Self::Raw { json: true, .. })
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Json(value) => value.to_string().into_bytes(),
            Self::Form(fields) => {
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
            }
            Self::Raw { bytes, .. } => bytes.clone(),
        }
    }
}

impl Sent {
    fn cookie(&mut self, name: &str, value: Option<&str>) {
        self.cookies.retain(|(known, _)| known != name);
        self.cookies.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    fn header(&mut self, name: &'static str, value: &str) {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
    }

    fn without(&mut self, name: &str) {
        self.headers.retain(|(known, _)| *known != name);
    }

    fn raw(&mut self, bytes: Vec<u8>) {
        self.body = Body::Raw { json: self.body.is_json(), bytes };
    }

    /// Sets a field of the form or a member of the document.
    fn set(&mut self, name: &str, value: &str) {
        match &mut self.body {
            Body::Json(document) => document[name] = json!(value),
            Body::Form(fields) => {
                fields.retain(|(known, _)| known != name);
                fields.push((name.to_owned(), value.to_owned()));
            }
            Body::Raw { .. } => {}
        }
    }
}

/// What a defect has to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// A problem with this status and code; a page says the same.
    Problem(u16, &'static str),
    /// Nobody is signed in: a problem, and a page leads to the sign-in.
    SignIn,
    /// An error of OAuth 2.0 (RFC 6749, 5.2).
    OAuth(u16, &'static str),
    /// Taken, and kept for an operator.
    Kept,
}

impl Due {
    /// A webhook whose signature is good is never refused for what it says.
    fn to(self, caller: Caller) -> Self {
        match self {
            Self::Problem(400, "truncated" | "malformed" | "not-utf8") | Self::Problem(422, _)
                if caller == Caller::Webstore =>
            {
                Self::Kept
            }
            due => due,
        }
    }
}

/// Something wrong with a request; `None` where it cannot be.
struct Defect {
    name: &'static str,
    spoil: fn(&Route, &Cast, &mut Sent) -> Option<Due>,
}

/// Everybody who takes part.
struct Cast {
    world: World,
    http: reqwest::Client,
    /// Browsers by whose they are, with what they need for forms.
    jars: BTreeMap<&'static str, Jar>,
    /// The session of somebody who has signed out since.
    ended: String,
    /// The token of a link that was used, and one of another purpose.
    used: String,
    of_an_invitation: String,
}

/// Somebody's cookies, and the token of the forms that they are shown.
struct Jar {
    browser: Browser,
    csrf: String,
}

impl Cast {
    fn cookies(&self, jar: &str) -> Vec<(String, String)> {
        let header = self.jars.get(jar).map(|jar| jar.browser.cookie_header(&self.world.place.service));
        let pairs = header.iter().flat_map(|header| header.split("; ")).filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn cookie(&self, jar: &str, name: &str) -> Option<&str> {
        self.jars.get(jar)?.browser.cookie(&self.world.place.service, name)
    }

    /// Sends as somebody else, with that one's forms.
    fn send_as(&self, jar: &str, sent: &mut Sent) -> Option<()> {
        sent.cookies = self.cookies(jar);
        if !sent.body.is_json() {
            sent.set("csrf", &self.jars.get(jar)?.csrf);
        }
        Some(())
    }
}

/// What can be wrong.
const DEFECTS: &[Defect] = &[
    Defect {
        name: "oversized body",
        spoil: |route, _, sent| {
            // Shops may say more than others.
            sent.raw(vec![b' '; if route.caller == Caller::Webstore { 200_000 } else { 70_000 }]);
            Some(Due::Problem(413, "too-large"))
        },
    },
    Defect {
        name: "oversized address",
        spoil: |_, _, sent| {
            sent.target = format!("{}?{}", sent.target, "x".repeat(9_000));
            Some(Due::Problem(413, "too-large"))
        },
    },
    Defect {
        name: "truncated JSON",
        spoil: |_, _, sent| {
            let mut bytes = json_only(sent)?;
            bytes.truncate(bytes.len().saturating_sub(1));
            sent.raw(bytes);
            Some(Due::Problem(400, "truncated"))
        },
    },
    Defect {
        name: "no body",
        spoil: |_, _, sent| {
            json_only(sent)?;
            sent.raw(Vec::new());
            Some(Due::Problem(400, "truncated"))
        },
    },
    Defect {
        name: "not UTF-8",
        spoil: |route, _, sent| {
            let mut bytes = sent.body.bytes();
            let place = bytes.len() / 2;
            bytes.insert(place, 0xff);
            sent.raw(bytes);
            // Nothing decodes a webhook whose signature was not verified.
            webhook(sent, |signing| signing.body = Some(b"{}")).or_else(|| Some(unreadable(route, "not-utf8")))
        },
    },
    Defect {
        name: "unknown member",
        spoil: |route, _, sent| {
            sent.set("surprise", "1");
            // OAuth 2.0 has unknown parameters ignored (RFC 6749, 3.2).
            (route.caller != Caller::Application).then_some(Due::Problem(400, "malformed"))
        },
    },
    Defect {
        name: "repeated member",
        spoil: |route, _, sent| {
            let bytes = match &sent.body {
                Body::Json(document) => {
                    let first = document.as_object()?.iter().next();
                    let pair = first.map_or("\"csrf\":null".to_owned(), |(name, value)| format!("\"{name}\":{value}"));
                    let rest = document.to_string();
                    let rest = if first.is_some() { rest.get(1..)? } else { "\"csrf\":null}" };
                    format!("{{{pair},{rest}").into_bytes()
                }
                Body::Form(fields) => {
                    let (name, value) = fields.first()?;
                    let mut all = fields.clone();
                    all.push((name.clone(), value.clone()));
                    Body::Form(all).bytes()
                }
                Body::Raw { .. } => return None,
            };
            sent.raw(bytes);
            Some(unreadable(route, "malformed"))
        },
    },
    Defect {
        name: "a list instead of an object",
        spoil: |_, _, sent| {
            json_only(sent)?;
            sent.raw(b"[]".to_vec());
            Some(Due::Problem(400, "malformed"))
        },
    },
    Defect {
        name: "a text instead of an object",
        spoil: |_, _, sent| {
            json_only(sent)?;
            sent.raw(b"\"{}\"".to_vec());
            Some(Due::Problem(400, "malformed"))
        },
    },
    Defect {
        name: "something behind the document",
        spoil: |_, _, sent| {
            let mut bytes = json_only(sent)?;
            bytes.extend_from_slice(b"{}");
            sent.raw(bytes);
            Some(Due::Problem(400, "malformed"))
        },
    },
    Defect {
        name: "nested without end",
        spoil: |_, _, sent| {
            json_only(sent)?;
            sent.raw(format!("{{\"x\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000)).into_bytes());
            Some(Due::Problem(400, "malformed"))
        },
    },
    Defect {
        name: "a number where a text belongs",
        spoil: |_, _, sent| {
            let Body::Json(document) = &mut sent.body else { return None };
            let members = document.as_object_mut()?;
            let (_, first) = members.iter_mut().find(|(_, value)| value.is_string())?;
            *first = json!(-1.5e300);
            Some(Due::Problem(400, "malformed"))
        },
    },
    Defect {
        name: "an object where a plain value belongs",
        spoil: |_, _, sent| {
            let Body::Json(document) = &mut sent.body else { return None };
            let (_, first) = document.as_object_mut()?.iter_mut().next()?;
            *first = json!({ "a": 1 });
            Some(Due::Problem(400, "malformed"))
        },
    },
    Defect {
        name: "text/plain",
        spoil: |route, _, sent| {
            sent.untyped = true;
            sent.header("content-type", "text/plain;charset=UTF-8");
            Some(unreadable(route, "unsupported-media-type"))
        },
    },
    Defect {
        name: "multipart/form-data",
        spoil: |route, _, sent| {
            sent.untyped = true;
            sent.header("content-type", "multipart/form-data; boundary=x");
            Some(unreadable(route, "unsupported-media-type"))
        },
    },
    Defect {
        name: "no content type",
        spoil: |route, _, sent| {
            sent.untyped = true;
            Some(unreadable(route, "unsupported-media-type"))
        },
    },
    Defect {
        name: "two content types",
        spoil: |route, _, sent| {
            sent.headers.push(("content-type", "application/json".to_owned()));
            Some(unreadable(route, "unsupported-media-type"))
        },
    },
    Defect { name: "PUT", spoil: |_, _, sent| wrong_method(sent, Method::PUT) },
    Defect { name: "PATCH", spoil: |_, _, sent| wrong_method(sent, Method::PATCH) },
    Defect { name: "DELETE", spoil: |_, _, sent| wrong_method(sent, Method::DELETE) },
    Defect { name: "OPTIONS", spoil: |_, _, sent| wrong_method(sent, Method::OPTIONS) },
    // SIG-4
    Defect {
        name: "form token missing",
        spoil: |route, _, sent| {
            form_of_a_browser(route, sent)?.retain(|(name, _)| name != "csrf");
            Some(Due::Problem(403, "form-not-ours"))
        },
    },
    Defect {
        name: "form token empty",
        spoil: |route, _, sent| {
            form_of_a_browser(route, sent)?;
            sent.set("csrf", "");
            Some(Due::Problem(403, "form-not-ours"))
        },
    },
    Defect {
        name: "form token garbled",
        spoil: |route, _, sent| {
            form_of_a_browser(route, sent)?;
            sent.set("csrf", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
            Some(Due::Problem(403, "form-not-ours"))
        },
    },
    Defect {
        name: "form token of somebody else",
        spoil: |route, cast, sent| {
            form_of_a_browser(route, sent)?;
            let another = if route.jar == "person" { "stranger" } else { "person" };
            sent.set("csrf", &cast.jars.get(another)?.csrf);
            Some(Due::Problem(403, "form-not-ours"))
        },
    },
    Defect {
        name: "form cookie missing",
        spoil: |route, _, sent| {
            form_of_a_browser(route, sent)?;
            sent.cookie("__Host-csrf", None);
            Some(Due::Problem(403, "form-not-ours"))
        },
    },
    Defect {
        name: "form cookie garbled",
        spoil: |route, _, sent| {
            form_of_a_browser(route, sent)?;
            sent.cookie("__Host-csrf", Some("AAAAAAAAAAAAAAAAAAAAAA"));
            Some(Due::Problem(403, "form-not-ours"))
        },
    },
    Defect {
        name: "form cookie twice",
        spoil: |route, _, sent| {
            form_of_a_browser(route, sent)?;
            let (_, value) = sent.cookies.iter().find(|(name, _)| name == "__Host-csrf")?.clone();
            sent.cookies.push(("__Host-csrf".to_owned(), value));
            Some(Due::Problem(403, "form-not-ours"))
        },
    },
    Defect {
        name: "Origin of another site",
        spoil: |route, _, sent| forged(route, sent, &[("origin", "https://evil.example")]),
    },
    Defect { name: "Origin null", spoil: |route, _, sent| forged(route, sent, &[("origin", "null")]) },
    Defect {
        name: "Origin with another port",
        spoil: |route, cast, sent| forged(route, sent, &[("origin", &format!("{}0", cast.world.place.service))]),
    },
    Defect {
        name: "Origin twice",
        spoil: |route, cast, sent| {
            let ours = cast.world.place.service.as_str();
            forged(route, sent, &[("origin", ours), ("origin", "https://evil.example")])
        },
    },
    Defect {
        name: "Origin unreadable",
        spoil: |route, _, sent| forged(route, sent, &[("origin", "https://\u{e9}vil.example")]),
    },
    Defect { name: "cross-site", spoil: |route, _, sent| forged(route, sent, &[("sec-fetch-site", "cross-site")]) },
    Defect { name: "same-site", spoil: |route, _, sent| forged(route, sent, &[("sec-fetch-site", "same-site")]) },
    Defect {
        name: "Sec-Fetch-Site twice",
        spoil: |route, _, sent| {
            forged(route, sent, &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")])
        },
    },
    // SIG-2
    Defect { name: "session missing", spoil: |route, _, sent| without_session(route, sent, None) },
    Defect { name: "session garbled", spoil: |route, _, sent| without_session(route, sent, Some("AAAA")) },
    Defect { name: "session not ASCII", spoil: |route, _, sent| without_session(route, sent, Some("\u{fc}\u{1f600}")) },
    Defect {
        name: "session of the other kind",
        spoil: |route, cast, sent| {
            let (person, operator) = (cast.cookie("person", SESSION), cast.cookie("registrar", OPERATOR));
            without_session(route, sent, if route.caller == Caller::Person { operator } else { person })
        },
    },
    Defect {
        name: "session ended",
        spoil: |route, cast, sent| {
            if route.caller != Caller::Person {
                return None;
            }
            // The form's token still holds: its cookie opens. The account says that the session is over.
            sent.cookie(SESSION, Some(&cast.ended));
            Some(Due::SignIn)
        },
    },
    Defect {
        name: "session of another organisation",
        spoil: |route, cast, sent| {
            if route.caller != Caller::Person
                || !(route.path.contains("authenticator") || route.path.contains("supply-platform"))
            {
                return None;
            }
            cast.send_as("stranger", sent)?;
            // What is not theirs does not exist (ACC-5); a launch is told what its own organisation lacks.
            let launch = route.path.starts_with("/launch/");
            Some(if launch { Due::Problem(403, "blocked") } else { Due::Problem(404, "not-found") })
        },
    },
    Defect {
        name: "session of the auditor",
        spoil: |route, cast, sent| {
            if route.caller != Caller::Operator {
                return None;
            }
            cast.send_as("auditor", sent)?;
            Some(Due::Problem(403, "role-missing"))
        },
    },
    // INV-1
    Defect { name: "API key missing", spoil: |route, _, sent| no_key(route, sent, &[]) },
    Defect { name: "API key wrong", spoil: |route, _, sent| no_key(route, sent, &["Bearer wrong"]) },
    Defect { name: "API key empty", spoil: |route, _, sent| no_key(route, sent, &["Bearer "]) },
    Defect {
        name: "API key without scheme",
        spoil: |route, cast, sent| no_key(route, sent, &[cast.world.place.secrets.anvil_api_key.as_str()]),
    },
    Defect { name: "API key by another scheme", spoil: |route, _, sent| no_key(route, sent, &["Basic YTpi"]) },
    Defect {
        name: "API key twice",
        spoil: |route, cast, sent| {
            let key = format!("Bearer {}", cast.world.place.secrets.anvil_api_key);
            no_key(route, sent, &[&key, &key])
        },
    },
    Defect {
        name: "API key of another partner",
        spoil: |route, _, sent| {
            no_key(route, sent, &[&format!("Bearer {COBALT_API_KEY}")])?;
            Some(Due::Problem(422, "invalid-input"))
        },
    },
    Defect {
        name: "Idempotency-Key missing",
        spoil: |route, _, sent| {
            sent.without("idempotency-key");
            (route.caller == Caller::Partner).then_some(Due::Problem(400, "idempotency-key-missing"))
        },
    },
    Defect {
        name: "Idempotency-Key with spaces",
        spoil: |route, _, sent| {
            sent.header("idempotency-key", "a b");
            (route.caller == Caller::Partner).then_some(Due::Problem(400, "idempotency-key-missing"))
        },
    },
    // SHP-7
    Defect {
        name: "not signed",
        spoil: |_, _, sent| {
            sent.signing.take()?;
            Some(Due::Problem(401, "webhook-not-verified"))
        },
    },
    Defect { name: "signature empty", spoil: |_, _, sent| webhook(sent, |signing| signing.shown = Some("")) },
    Defect {
        name: "signature garbled",
        spoil: |_, _, sent| webhook(sent, |signing| signing.shown = Some("v1,AAAA v1,!!!! v2,x v1a")),
    },
    Defect {
        name: "signed with another partner's secret",
        spoil: |_, _, sent| webhook(sent, |signing| signing.secret = cobalt_webhook_secret()),
    },
    Defect { name: "signed for another body", spoil: |_, _, sent| webhook(sent, |signing| signing.body = Some(b"{}")) },
    Defect { name: "signed without an id", spoil: |_, _, sent| webhook(sent, |signing| signing.id = "") },
    Defect { name: "signed with an id of two parts", spoil: |_, _, sent| webhook(sent, |signing| signing.id = "a.1") },
    Defect { name: "signed before time began", spoil: |_, _, sent| webhook(sent, |signing| signing.at = -1) },
    Defect { name: "signed twice", spoil: |_, _, sent| webhook(sent, |signing| signing.times = 2) },
    Defect { name: "signed too long ago", spoil: |_, _, sent| stale(sent, -301) },
    Defect { name: "signed in the future", spoil: |_, _, sent| stale(sent, 301) },
    // LCH-2
    Defect { name: "client secret missing", spoil: |route, _, sent| client(route, sent, None, 401) },
    Defect {
        name: "client secret wrong",
        spoil: |route, _, sent| client(route, sent, Some("c3VwcGx5LXBsYXRmb3JtOndyb25n"), 401),
    },
    Defect { name: "client unknown", spoil: |route, _, sent| client(route, sent, Some("bm9ib2R5Ong="), 401) },
    Defect { name: "client garbled", spoil: |route, _, sent| client(route, sent, Some("%%%"), 401) },
    Defect {
        name: "grant type missing",
        spoil: |route, _, sent| token_request(route, sent, "grant_type", "", "invalid_request"),
    },
    Defect {
        name: "grant type unknown",
        spoil: |route, _, sent| token_request(route, sent, "grant_type", "password", "unsupported_grant_type"),
    },
    Defect {
        name: "verifier missing",
        spoil: |route, _, sent| token_request(route, sent, "code_verifier", "", "invalid_request"),
    },
    Defect {
        name: "verifier malformed",
        spoil: |route, _, sent| token_request(route, sent, "code_verifier", "short", "invalid_request"),
    },
    Defect {
        name: "code garbled",
        spoil: |route, _, sent| token_request(route, sent, "code", "garbled", "invalid_grant"),
    },
    Defect {
        name: "code of nobody",
        spoil: |route, _, sent| token_request(route, sent, "code", NOBODYS, "invalid_grant"),
    },
    // INV-5, ACT-3
    Defect { name: "token empty", spoil: |route, _, sent| link(route, sent, "") },
    Defect { name: "token garbled", spoil: |route, _, sent| link(route, sent, "\u{0}../../etc") },
    Defect { name: "token of nobody", spoil: |route, _, sent| link(route, sent, NOBODYS) },
    Defect {
        name: "token of another purpose",
        spoil: |route, cast, sent| {
            let foreign = if route.path == "/register" { cast.used.as_str() } else { cast.of_an_invitation.as_str() };
            link(route, sent, foreign)
        },
    },
    Defect {
        name: "token with other capitals",
        spoil: |route, _, sent| {
            let member = route.token?;
            let Body::Json(document) = &sent.body else { return None };
            let upper = document[member].as_str()?.to_uppercase();
            link(route, sent, &upper)
        },
    },
];

const SESSION: &str = "__Host-session";
const OPERATOR: &str = "__Host-operator";
/// Well formed, and never issued.
const NOBODYS: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn json_only(sent: &Sent) -> Option<Vec<u8>> {
    sent.body.is_json().then(|| sent.body.bytes())
}

/// The token endpoint has its own words for what it cannot read.
fn unreadable(route: &Route, code: &'static str) -> Due {
    let status = if code == "unsupported-media-type" { 415 } else { 400 };
    if route.caller == Caller::Application { Due::OAuth(400, "invalid_request") } else { Due::Problem(status, code) }
}

#[expect(clippy::unnecessary_wraps, reason = "a defect that fits every route")]
fn wrong_method(sent: &mut Sent, method: Method) -> Option<Due> {
    sent.method = method;
    Some(Due::Problem(405, "method-not-allowed"))
}

fn form_of_a_browser<'s>(route: &Route, sent: &'s mut Sent) -> Option<&'s mut Vec<(String, String)>> {
    match &mut sent.body {
        Body::Form(fields) if route.caller.is_browser() => Some(fields),
        _ => None,
    }
}

fn forged(route: &Route, sent: &mut Sent, headers: &[(&'static str, &str)]) -> Option<Due> {
    for (name, _) in headers {
        sent.without(name);
    }
    sent.headers.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
    route.caller.is_browser().then_some(Due::Problem(403, "form-not-ours"))
}

/// Another session cookie that does not open, or none. A form notices first that its token was for somebody signed in.
fn without_session(route: &Route, sent: &mut Sent, cookie: Option<&str>) -> Option<Due> {
    let name = match route.caller {
        Caller::Person => SESSION,
        Caller::Operator => OPERATOR,
        _ => return None,
    };
    sent.cookie(name, cookie);
    // A header that is no text is no cookie at all.
    let unread = cookie.is_none_or(|value| !value.is_ascii());
    let form_notices = !sent.body.is_json() && (name == SESSION || unread);
    Some(if form_notices { Due::Problem(403, "form-not-ours") } else { Due::SignIn })
}

fn no_key(route: &Route, sent: &mut Sent, authorizations: &[&str]) -> Option<Due> {
    sent.without("authorization");
    sent.headers.extend(authorizations.iter().map(|value| ("authorization", (*value).to_owned())));
    (route.caller == Caller::Partner).then_some(Due::Problem(401, "api-key-not-valid"))
}

fn webhook(sent: &mut Sent, spoil: impl FnOnce(&mut Signing)) -> Option<Due> {
    spoil(sent.signing.as_mut()?);
    Some(Due::Problem(401, "webhook-not-verified"))
}

fn stale(sent: &mut Sent, off: i64) -> Option<Due> {
    sent.signing.as_mut()?.at += off;
    Some(Due::Problem(400, "webhook-stale"))
}

fn client(route: &Route, sent: &mut Sent, basic: Option<&str>, status: u16) -> Option<Due> {
    sent.without("authorization");
    if let Some(basic) = basic {
        sent.header("authorization", &format!("Basic {basic}"));
    }
    (route.caller == Caller::Application).then_some(Due::OAuth(status, "invalid_client"))
}

fn token_request(route: &Route, sent: &mut Sent, name: &str, value: &str, error: &'static str) -> Option<Due> {
    if route.caller != Caller::Application {
        return None;
    }
    sent.set(name, value);
    Some(Due::OAuth(400, error))
}

fn link(route: &Route, sent: &mut Sent, token: &str) -> Option<Due> {
    let member = route.token?;
    if matches!(&sent.body, Body::Form(fields) if fields.iter().all(|(name, _)| name != member)) {
        return None;
    }
    sent.set(member, token);
    Some(Due::Problem(404, "link-not-valid"))
}

/// The state-changing routes, each with a request that it takes.
async fn routes(scene: &mut Scene<'_>) -> anyhow::Result<Vec<Route>> {
    let mut rows = guests(scene).await?;
    rows.extend(persons(scene).await?);
    rows.extend(operators(scene));
    rows.extend(machines(scene));
    Ok(rows)
}

fn row(path: impl Into<String>, caller: Caller, jar: &'static str, json: Value, taken: (u16, u16)) -> Route {
    let form = fields_of(&json);
    Route { path: path.into(), caller, json: Some(json), form: Some(form), token: None, jar, taken }
}

/// The document as a form has it.
fn fields_of(document: &Value) -> Vec<(String, String)> {
    let members = document.as_object().into_iter().flatten();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        other => other.to_string(),
    };
    let fields = members.flat_map(|(name, value)| match value {
        Value::Array(values) => values.iter().map(|value| (name.clone(), text(value))).collect(),
        one => vec![(name.clone(), text(one))],
    });
    fields.collect()
}

/// What the rows are made of.
struct Scene<'a> {
    world: &'a World,
    ada: Programs<'a>,
    authenticator: Authenticator,
    /// The credential of that authenticator.
    credential: String,
    /// Of Ada's further credentials: the app that waits for its first code, and its address.
    offered: (Authenticator, String),
    /// The address of a credential without app.
    bare: String,
    /// A licence key that nobody activated.
    licence: String,
    /// Promo codes that nobody used.
    codes: Vec<String>,
    /// The address of a registration that waits.
    waiting: String,
    /// Tokens of an invitation and of an activation.
    invited: String,
    activating: (String, Value),
    /// An authorization code.
    code: String,
    verifier: String,
    /// The token and the id of an invitation of a person, and the token of an operator's enrolment.
    joining: String,
    joining_id: String,
    enrolling: String,
}

async fn guests(scene: &mut Scene<'_>) -> anyhow::Result<Vec<Route>> {
    let now = scene.world.place.time.unix_seconds();
    let registrar = Authenticator::scan(&scene.world.place.secrets.registrar_otpauth_uri)?;
    let mut registration = json!({ "token": scene.invited, "phone": "+1 419 555 0123" });
    registration["profile"] = public_registration("eve@kestrel.example", "")["profile"].clone();
    let (token, shown) = &scene.activating;
    let mut order = row(
        "/webstore-checkout/cobalt/checkout",
        Caller::Anybody,
        "guest",
        checkout(&form_id(), "guest@heron.example", scene.codes.first().context("a code")?),
        (201, 303),
    );
    if let Some(fields) = &mut order.form {
        fields.retain(|(name, _)| name != "lines");
        fields.push(("lines".to_owned(), "cobalt-mobile-id:1".to_owned()));
    }
    let staff = json!({
        "operator": "registrar",
        "password": scene.world.place.secrets.registrar_password,
        "code": registrar.code_at(now),
    });
    Ok(vec![
        Route {
            token: Some("token"),
            form: Some(draft(scene.world).await?),
            ..row("/register", Caller::Anybody, "guest", registration, (201, 303))
        },
        // Activated by the first of the two, the account is active for the second.
        Route {
            token: Some("token"),
            ..row("/activate", Caller::Anybody, "guest", activation(token, shown)?, (200, 409))
        },
        row(
            "/sign-in",
            Caller::Anybody,
            "guest",
            json!({ "user": "ada@kestrel.example", "password": PASSWORD }),
            (200, 303),
        ),
        order,
        row("/operate/sign-in", Caller::Anybody, "guest", staff, (200, 0)),
        row(
            "/register/start",
            Caller::Anybody,
            "guest",
            json!({ "application": "business-network", "email": "hal@heron.example" }),
            (202, 303),
        ),
        row("/sign-in/reset", Caller::Anybody, "guest", json!({ "user": "nobody@heron.example" }), (200, 303)),
        Route {
            token: Some("token"),
            ..row(
                "/administer/join",
                Caller::Anybody,
                "guest",
                json!({
                    "token": scene.joining,
                    "given_name": "Ida",
                    "family_name": "Kestrel",
                    "phone": "+1 419 555 0177",
                }),
                (200, 303),
            )
        },
        // The link is used by no unspoilt request: enrolling would end the auditor's session.
        Route {
            token: Some("token"),
            ..row(
                "/operate/enrol",
                Caller::Anybody,
                "guest",
                json!({
                    "token": scene.enrolling,
                    "offer": "",
                    "password": PASSWORD,
                    "password_repeated": PASSWORD,
                    "code": "123456",
                }),
                (0, 0),
            )
        },
    ])
}

async fn persons(scene: &mut Scene<'_>) -> anyhow::Result<Vec<Route>> {
    let now = scene.world.place.time.unix_seconds();
    let terms = scene.ada.supplier.get("/accept-terms/supply-platform").await?;
    let terms = json!({ "agreed": true, "digest": terms["current"]["digest"] });
    let code = json!({
        "code": scene.authenticator.code_at(now),
        "credential": scene.credential,
        "continue": "/dashboard",
    });
    let (offered, address) = &scene.offered;
    let person = |path: &str, json: Value, taken| row(path, Caller::Person, "person", json, taken);
    let licence = json!({ "licence_key": scene.licence, "agreed": true, "step": "activate" });
    Ok(vec![
        person("/accept-terms/supply-platform", terms, (200, 303)),
        person("/credentials/licence", licence, (200, 303)),
        person(&scene.bare, json!({}), (200, 303)),
        person(&format!("{address}/verify"), json!({ "code": offered.code_at(now) }), (200, 0)),
        person("/verify-otp", code, (200, 0)),
        person("/launch/supply-platform", json!({}), (0, 303)),
        person("/administer/people", person_to_invite("jo@kestrel.example"), (201, 303)),
        person(&format!("/administer/people/{}/take-back", scene.joining_id), json!({}), (0, 0)),
        // Neither is sent unspoilt: both end sessions that others need.
        person("/sign-in/out/everywhere", json!({}), (0, 0)),
        person(
            "/sign-in/password",
            json!({
                "present_password": PASSWORD,
                "password": "eleven blue lanterns hum at dusk",
                "password_repeated": "eleven blue lanterns hum at dusk",
            }),
            (0, 0),
        ),
        Route { caller: Caller::Anybody, ..person("/sign-in/out", json!({}), (200, 0)) },
    ])
}

/// Somebody whom Ada invites into her organisation.
fn person_to_invite(email: &str) -> Value {
    json!({
        "form": form_id(),
        "how": "invite",
        "given_name": "Ida",
        "family_name": "Kestrel",
        "email": email,
        "role": "user",
    })
}

fn operators(scene: &Scene<'_>) -> Vec<Route> {
    let operator = |path: &str, json: Value, taken| row(path, Caller::Operator, "registrar", json, taken);
    let batch = json!({
        "form": form_id(),
        "name": "Autumn",
        "partner": "cobalt",
        "products": ["cobalt-mobile-id"],
        "count": "2",
        "discount": "free",
        "valid_days": "90",
    });
    let decision = json!({ "decision": "approve", "reason": "" });
    vec![
        // Decided by the first of the two.
        operator(&format!("{}/decision", scene.waiting), decision, (200, 409)),
        operator("/operate/promo-batches", batch, (201, 200)),
        operator("/operate/operators/registrar/invitation", json!({}), (200, 303)),
        Route { caller: Caller::Anybody, ..operator("/operate/sign-out", json!({}), (200, 0)) },
    ]
}

fn machines(scene: &Scene<'_>) -> Vec<Route> {
    let mut ignore = |_| {};
    let event =
        Story::new(&scene.world.place, "ada@kestrel.example", &mut ignore).paid_order("AN-2", "anvil-mobile-id");
    let invitation = json!({
        "application": "supply-platform",
        "organisation": "Kestrel Machining",
        "given_name": "Fay",
        "family_name": "Kestrel",
        "email": "fay@kestrel.example",
    });
    let exchange = json!({
        "grant_type": "authorization_code",
        "code": scene.code,
        "redirect_uri": callback(scene.world),
        "code_verifier": scene.verifier,
    });
    let machine = |path: &str, caller, json: Value, taken| row(path, caller, "nobody", json, taken);
    vec![
        Route { form: None, ..machine("/invite", Caller::Partner, invitation, (201, 0)) },
        Route { form: None, ..machine("/webstore-checkout/webhooks/anvil", Caller::Webstore, event, (200, 0)) },
        Route { json: None, ..machine("/launch/token", Caller::Application, exchange, (0, 200)) },
    ]
}

fn callback(world: &World) -> String {
    format!("http://{}/supply-platform/callback", world.application.address())
}

/// The last page of the public registration form, filled in.
async fn draft(world: &World) -> anyhow::Result<Vec<(String, String)>> {
    let mut browser = Browser::new();
    let page = browser.open(&world.url("/register?application=business-network")).await?.good()?;
    let form = page.form("Next")?.fill("email", "gil@kestrel.example");
    let form = form.fill("altcha", &solved_captcha(&world.place.service).await?);
    let page = browser.submit(form).await?.good()?;
    let mut form = page.form("Next")?;
    let entered = public_registration("gil@kestrel.example", "");
    for name in ["given_name", "family_name", "email", "phone"] {
        form = form.fill(name, entered[name].as_str().context("a text")?);
    }
    for (name, value) in entered["profile"].as_object().into_iter().flatten() {
        form = form.fill(&format!("profile.{name}"), value.as_str().context("a text")?);
    }
    let mut page = browser.submit(form).await?.good()?;
    if page.text().contains("None of the above") {
        page = browser.submit(page.form("Next")?.fill("organisation", "none")).await?.good()?;
    }
    let page = browser.submit(page.form("Next")?).await?.good()?.titled("Review")?;
    let form = page.form("Submit")?;
    let wanted = ["draft", "step"].into_iter().filter_map(|name| Some((name.to_owned(), form.value(name)?.to_owned())));
    Ok(wanted.collect())
}

/// A browser with this session, and the token of its forms.
async fn jar(place: &Place, session: Option<(&str, &str)>, page: &str) -> anyhow::Result<Jar> {
    let mut browser = Browser::new();
    if let Some((name, value)) = session {
        browser.set_cookie(&place.service, name, Some(value));
    }
    let page = browser.open(&format!("{}{page}", place.service)).await?.good()?;
    let csrf = page.attributes("input[name=csrf]", "value").pop().context("the page has a form")?;
    Ok(Jar { browser, csrf })
}

/// Everybody, and everything that the rows need.
async fn set_up(world: &World) -> anyhow::Result<(Scene<'_>, BTreeMap<&'static str, Jar>, [String; 3])> {
    let mut ada = Programs::new(&world.place, "ada@kestrel.example")?;
    ada.invite().await?;
    let invited = ada.mailed_token("Invited to").await?;
    let reference = ada.register_invited().await?;
    ada.registrar_signs_in().await?;
    ada.approve(&reference).await?;
    ada.activate().await?;
    let ended = ada.supplier.cookie(SESSION).context("a session")?.to_owned();
    ada.sign_in("ada@kestrel.example").await?;
    ada.accept_terms("supply-platform").await?;
    let used = ada.mailed_token("Activate your").await?;
    let [proved, offered, bare, licence] =
        ada.webstore_order("AN-1", 4).await?.try_into().map_err(|keys| anyhow::anyhow!("{keys:?}"))?;
    let address = ada.activate_licence(&proved).await?;
    let mut authenticator = ada.enrol(&address).await?;
    let offered = ada.activate_licence(&offered).await?;
    let offer = ada.supplier.post(&offered, &json!({}), reqwest::StatusCode::OK).await?;
    let offer = Authenticator::scan(offer["otpauth_uri"].as_str().context("a seed")?)?;
    let bare = ada.activate_licence(&bare).await?;
    let codes = ada.promo_codes(1, "free").await?;

    let (mut bea, reference) = registrant(&ada, "bea").await?;
    let (mut cy, another) = registrant(&ada, "cy").await?;
    let (mut di, waiting) = registrant(&ada, "di").await?;
    bea.approve(&reference).await?;
    bea.activate().await?;
    cy.approve(&another).await?;
    let token = cy.mailed_token("Activate your").await?;
    let shown = cy.supplier.get(&format!("/activate?token={token}")).await?;
    let eve = Programs::new(&world.place, "eve@kestrel.example")?;
    eve.invite().await?;

    let person = person_to_invite("ida@kestrel.example");
    let added = ada.supplier.post("/administer/people", &person, reqwest::StatusCode::CREATED).await?;
    let joining_id = added["id"].as_str().context("an id")?.to_owned();
    let joining = Programs::new(&world.place, "ida@kestrel.example")?.mailed_token("invites you to join").await?;
    ada.registrar.post("/operate/operators/auditor/invitation", &json!({}), reqwest::StatusCode::OK).await?;
    let enrolling = Programs::new(&world.place, "alex@vestibule.example")?.mailed_token("Enrol as operator").await?;

    ada.launch("supply-platform", &mut authenticator).await?;
    let (code, verifier) = ada.authorization_code("supply-platform", &callback(world)).await?;
    // The next step of every authenticator, and the authorization code still works.
    world.host.clock().advance(std::time::Duration::from_secs(31));
    let jars = jars(&ada, &bea).await?;
    let scene = Scene {
        world,
        authenticator,
        credential: address.split('/').nth(2).context("an id")?.to_owned(),
        offered: (offer, offered),
        bare,
        licence,
        codes,
        waiting: di.waiting(&waiting).await?,
        invited: eve.mailed_token("Invited to").await?,
        activating: (token, shown),
        code,
        verifier,
        joining,
        joining_id,
        enrolling,
        ada,
    };
    Ok((scene, jars, [ended, used, invited]))
}

/// Somebody of another organisation, registered and not decided about.
async fn registrant<'a>(ada: &Programs<'a>, name: &str) -> anyhow::Result<(Programs<'a>, String)> {
    let mut other = Programs::new(ada.place, &format!("{name}@heron.example"))?;
    other.registrar = ada.registrar.clone();
    let reference = other.register_publicly().await?;
    Ok((other, reference))
}

/// Everybody's browsers.
async fn jars(ada: &Programs<'_>, bea: &Programs<'_>) -> anyhow::Result<BTreeMap<&'static str, Jar>> {
    let auditor = auditor(ada.place).await?;
    let mut jars = BTreeMap::new();
    jars.insert("guest", jar(ada.place, None, "/sign-in").await?);
    for (name, client, cookie, page) in [
        ("person", &ada.supplier, SESSION, "/dashboard"),
        ("stranger", &bea.supplier, SESSION, "/dashboard"),
        ("registrar", &ada.registrar, OPERATOR, "/operate"),
        ("auditor", &auditor, OPERATOR, "/operate"),
    ] {
        let session = client.cookie(cookie).context("a session")?;
        jars.insert(name, jar(ada.place, Some((cookie, session)), page).await?);
    }
    Ok(jars)
}

/// The auditor, signed in.
async fn auditor(place: &Place) -> anyhow::Result<Client> {
    let mut auditor = Client::new(&place.service)?;
    let mut authenticator = Authenticator::scan(&operator_otpauth_uri("auditor")?)?;
    let code = authenticator.read_code(&place.time).await;
    let body = json!({ "operator": "auditor", "password": AUDITOR_PASSWORD, "code": code });
    auditor.post("/operate/sign-in", &body, reqwest::StatusCode::OK).await?;
    Ok(auditor)
}

impl Cast {
    /// The unspoilt request of a row, as JSON or as a form.
    fn unspoilt(&self, route: &Route, as_json: bool) -> Option<Sent> {
        let body = if as_json { Body::Json(route.json.clone()?) } else { Body::Form(route.form.clone()?) };
        let mut sent = Sent {
            method: Method::POST,
            target: route.path.clone(),
            cookies: self.cookies(route.jar),
            headers: Vec::new(),
            untyped: false,
            body,
            signing: None,
        };
        let secrets = &self.world.place.secrets;
        match route.caller {
            Caller::Partner => {
                sent.header("authorization", &format!("Bearer {}", secrets.anvil_api_key));
                sent.header("idempotency-key", "k");
            }
            Caller::Webstore => {
                let at = i64::try_from(self.world.place.time.unix_seconds()).ok()?;
                let secret = secrets.anvil_webhook_secret.clone();
                sent.signing = Some(Signing { secret, id: "msg_1", at, body: None, shown: None, times: 1 });
            }
            Caller::Application => {
                let basic = format!("supply-platform:{}", client_secret("supply-platform"));
                sent.header(
                    "authorization",
                    &format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(basic)),
                );
            }
            Caller::Anybody | Caller::Person | Caller::Operator => {
                sent.header("origin", &self.world.place.service);
                sent.header("sec-fetch-site", "same-origin");
                if let (false, Some(jar)) = (as_json, self.jars.get(route.jar)) {
                    sent.set("csrf", &jar.csrf);
                }
            }
        }
        Some(sent)
    }

    async fn send(&self, sent: &Sent, accept: &'static str) -> anyhow::Result<Answer> {
        let cookies: Vec<String> = sent.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self
            .http
            .request(sent.method.clone(), self.world.url(&sent.target))
            .header(header::ACCEPT, accept)
            .header(header::COOKIE, header::HeaderValue::from_bytes(cookies.join("; ").as_bytes())?);
        if !sent.untyped {
            let kind = if sent.body.is_json() { "application/json" } else { "application/x-www-form-urlencoded" };
            request = request.header(header::CONTENT_TYPE, kind);
        }
        for (name, value) in &sent.headers {
            request = request.header(*name, header::HeaderValue::from_bytes(value.as_bytes())?);
        }
        let body = sent.body.bytes();
        if let Some(signing) = &sent.signing {
            let webhook = standardwebhooks::Webhook::new(&signing.secret)?;
            let signature = webhook.sign(signing.id, signing.at, signing.body.unwrap_or(&body))?;
            request = request.header("webhook-id", signing.id).header("webhook-timestamp", signing.at.to_string());
            for _ in 0..signing.times {
                request = request.header("webhook-signature", signing.shown.unwrap_or(&signature));
            }
        }
        Answer::of(request.body(body).send().await?).await
    }

    /// Sends a spoilt request both ways and checks both answers, and that nothing was written.
    async fn refused(&self, sent: &Sent, due: Due) -> anyhow::Result<()> {
        let writes = self.world.host.ledger().totals().writes;
        let program = self.send(sent, "application/json").await?;
        let person = self.send(sent, "text/html,application/xhtml+xml,*/*;q=0.8").await?;
        match due {
            Due::Problem(status, code) => {
                program.problem(status, code)?;
                is_page(&person, status)?;
            }
            Due::SignIn => {
                program.problem(401, "not-signed-in")?;
                let onward = person.header("location");
                let sign_in =
                    onward.split('?').next().is_some_and(|path| matches!(path, "/sign-in" | "/operate/sign-in"));
                ensure!(person.status == 303 && sign_in, "a person was led to {onward:?} with {}", person.status);
            }
            Due::Kept => {
                for answer in [&program, &person] {
                    let kept = answer.document(reqwest::StatusCode::ACCEPTED)?;
                    ensure!(kept["handled"] == false && kept["kept"].is_string(), "{kept}");
                }
                return Ok(());
            }
            Due::OAuth(status, error) => {
                for answer in [&program, &person] {
                    ensure!(answer.status == status, "expected {status}, found {}: {}", answer.status, answer.text);
                    let body: Value = serde_json::from_str(&answer.text)?;
                    ensure!(
                        body["error"] == error && body["error_description"].is_string(),
                        "expected {error}: {body}"
                    );
                    ensure!(answer.header("cache-control") == "no-store", "RFC 6749, 5.1");
                }
            }
        }
        if matches!(due, Due::Problem(405, _)) {
            ensure!(program.header("allow").contains("POST"), "405 without Allow: {:?}", program.headers);
        }
        ensure!(writes == self.world.host.ledger().totals().writes, "something was written");
        Ok(())
    }

    /// What the host says of instances that trapped.
    fn traps(&self) -> Vec<String> {
        let lines = self.world.host.log_lines().into_iter();
        lines.filter(|line| line.contains(" failed: ") || line.contains("panicked")).collect()
    }
}

/// A page that says what happened and leads on.
fn is_page(answer: &Answer, status: u16) -> anyhow::Result<()> {
    ensure!(answer.status == status, "expected a page with {status}, found {}: {}", answer.status, answer.text);
    let page = Page {
        url: "http://localhost/".parse()?,
        status: answer.status,
        headers: answer.headers.clone(),
        body: answer.text.clone(),
    };
    ensure!(answer.header("content-type").starts_with("text/html"), "not a page: {}", answer.text);
    ensure!(page.select("h1").len() == 1, "no heading: {}", answer.text);
    ensure!(!page.attributes("main a[href]", "href").is_empty(), "the page leads nowhere: {}", page.text());
    ensure!(!page.attributes("a[href^='mailto:']", "href").is_empty(), "the page names no support: {}", page.text());
    Ok(())
}

// INV-1 INV-5 ACT-3 SIG-2 SIG-4 SHP-7 LCH-2: whatever is wrong with a request, it is refused with what to do next, and
// nothing changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_defect_on_every_route() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (mut scene, jars, [ended, used, of_an_invitation]) = set_up(&world).await?;
    let rows = routes(&mut scene).await?;
    drop(scene);
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let mut cast = Cast { world, http, jars, ended, used, of_an_invitation };
    let (mut sent, mut wrong) = (0, Vec::new());
    for route in &rows {
        let before = cast.world.store_contents().await?;
        for as_json in [true, false] {
            for defect in DEFECTS {
                let Some(mut request) = cast.unspoilt(route, as_json) else { continue };
                let Some(due) = (defect.spoil)(route, &cast, &mut request) else { continue };
                sent += 1;
                if let Err(error) = cast.refused(&request, due.to(route.caller)).await {
                    let kind = if as_json { "JSON" } else { "form" };
                    wrong.push(format!("{} as {kind}, {}: {error:#}", route.path, defect.name));
                }
            }
        }
        let after = cast.world.store_contents().await?;
        // What a webstore signed is kept, with its place on the operators' list; nothing else changes.
        let is_kept = |key: &str| ["dead:", "todo:", "list:", "gate:"].iter().any(|prefix| key.starts_with(prefix));
        let letters = |key: &str| route.caller == Caller::Webstore && is_kept(key);
        let changed = after.iter().find(|(key, value)| before.get(*key) != Some(value) && !letters(key));
        ensure!(changed.is_none(), "{}: a refused request changed {:?}", route.path, changed.map(|(key, _)| key));
        ensure!(before.keys().all(|key| after.contains_key(key)), "{}: something is gone", route.path);
        let traps = cast.traps();
        ensure!(traps.is_empty(), "{}: {traps:?}", route.path);
    }
    ensure!(wrong.is_empty(), "{} of {sent} are answered wrongly:\n{}", wrong.len(), wrong.join("\n"));
    ensure!(sent > 900, "only {sent} spoilt requests were sent");
    for route in &rows {
        for (as_json, status) in [(true, route.taken.0), (false, route.taken.1)] {
            let Some(request) = cast.unspoilt(route, as_json).filter(|_| status != 0) else { continue };
            let answer = cast.send(&request, if as_json { "application/json" } else { "text/html" }).await?;
            ensure!(answer.status == status, "{} unspoilt: {} {}", route.path, answer.status, answer.text);
            if route.caller == Caller::Person {
                cast.keep_cookies(route.jar, &answer);
            }
        }
    }
    cast.world.stop().await
}

impl Cast {
    /// Keeps what the unspoilt requests of a person set: the session's secret changes with each second factor.
    fn keep_cookies(&mut self, jar: &str, answer: &Answer) {
        let Some(jar) = self.jars.get_mut(jar) else { return };
        for cookie in answer.headers.get_all(header::SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some((name, rest)) = cookie.split_once('=') else { continue };
            jar.browser.set_cookie(&self.world.place.service, name, rest.split(';').next());
        }
    }
}
