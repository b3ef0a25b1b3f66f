//! From a bounded request to a finished reply: surroundings, handler, refusals, and the headers of every reply.

use askama::Template;
use http::{Method, StatusCode};
use serde::Serialize;
use shared::{
    audit::{Actor, Origin},
    config::Gateway,
    refusal::Refusal,
    secret::Keys,
    values::Timestamp,
};
use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use crate as edge;
use crate::{
    cookies,
    drain::Hands,
    edge::Edge,
    failure::{BadRequest, Failure, Outcome},
    keyring,
    link::Followed,
    platform::{Platform, PlatformFault},
    problem::{BlockerView, Problem},
    reply::{Reply, Scripts},
    request::{Headers, Request, TARGET_BYTES_MAX, form_encoded},
    view,
};

/// Serves one request with a component's handler.
pub async fn serve<P, H>(
    platform: P,
    request: Result<Request, (BadRequest, Headers)>,
    handler: H,
    hands: Hands<P>,
) -> Reply
where
    P: Platform,
    H: AsyncFn(&Edge<P>, &Request) -> Outcome,
{
    let mut id = [0; 10];
    platform.fill(&mut id);
    let request_id = shared::secret::base64url(&id);
    let (mut request, arrived) = match request {
        Ok(request) => (request, None),
        Err((bad, headers)) => (bodiless(headers), Some(bad)),
    };
    // HEAD is answered as GET; the server in front of the component leaves the body out (RFC 9110, 9.3.2).
    if request.method == Method::HEAD {
        request.method = Method::GET;
    }
    let edge = match surroundings(&platform).await {
        Ok((gateway, keys, public_url)) => Edge {
            now: Timestamp::from_unix(i64::try_from(platform.unix_seconds()).unwrap_or(i64::MAX)),
            platform,
            origin: origin_of_request(&request, &gateway),
            gateway,
            keys,
            request_id,
            public_url,
            hands,
            cookies: RefCell::default(),
            opened: RefCell::default(),
            headers: RefCell::default(),
            frame: RefCell::default(),
            noted: RefCell::default(),
            acting: RefCell::new(Actor::Stranger),
            decoy: Cell::new(false),
            under_way: RefCell::default(),
        },
        Err(fault) => {
            platform.log(&log_line(&request_id, &request, StatusCode::SERVICE_UNAVAILABLE, Some(&fault.to_string())));
            let body = Problem::of_fault().document(&request_id);
            return finish(Reply::with(StatusCode::SERVICE_UNAVAILABLE, "application/problem+json", body), &[], None);
        }
    };
    let outcome = match arrived {
        Some(bad) => Err(bad.into()),
        None => match edge.follow_link(&request) {
            Followed::AsItIs => handler(&edge, &request).await,
            Followed::Opened(opened) => handler(&edge, &opened).await,
            Followed::Kept(reply) => Ok(reply),
            Followed::Forgotten => Err(BadRequest::LinkForgotten.into()),
        },
    };
    let mut reply = match outcome {
        Ok(reply) => {
            edge.platform.log(&log_line(&edge.request_id, &request, reply.status, None));
            reply
        }
        Err(failure) => edge.refuse(&request, &failure),
    };
    reply.headers.extend(edge.headers.take());
    let cookies = edge.cookies.borrow().clone();
    finish(reply, &cookies, Some(&edge.gateway))
}

/// Where the platform says that the connection comes from: an address, with or without its port.
const CLIENT_ADDRESS: &str = "spin-client-addr";

/// The network that the request comes from. What the platform or the proxy says stands last: a client's own headers of this
/// name stay in front of it.
fn origin_of_request(request: &Request, gateway: &Gateway) -> Origin {
    let header = gateway.service.client_address_header.as_deref().unwrap_or(CLIENT_ADDRESS);
    let said = request.headers.all(header).last().flatten();
    let address = said.and_then(|text| text.rsplit(',').next()).map(str::trim).and_then(|text| {
        text.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| text.parse::<IpAddr>()).ok()
    });
    address.map(Origin::from).unwrap_or_default()
}

fn bodiless(headers: Headers) -> Request {
    Request::new(Method::POST, "", headers, Vec::new())
}

async fn surroundings<P: Platform>(platform: &P) -> Result<(Arc<Gateway>, Arc<Keys>, String), PlatformFault> {
    let gateway = platform.gateway()?;
    let keys = keyring::keys(platform).await?;
    let public_url = platform.variable("public_url").await?.unwrap_or_default();
    let public_url = origin(&public_url).ok_or_else(|| {
        PlatformFault::new("variable public_url: give scheme and authority, for example https://vestibule.example")
    })?;
    Ok((gateway, keys, public_url))
}

/// Scheme and authority, which is what browsers name as a request's `Origin`; a slash behind them is taken off.
fn origin(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/');
    let authority = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let bare = authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte));
    (bare && !authority.is_empty()).then(|| url.to_owned())
}

#[derive(Template, Serialize)]
#[template(path = "problem.html")]
pub(crate) struct ProblemPage<'a> {
    title: &'a str,
    detail: &'a str,
    next_step: &'a str,
    links: Vec<(String, String)>,
}

impl<P: Platform> Edge<P> {
    /// Turns a failure into its reply and its log line.
    pub(crate) fn refuse(&self, request: &Request, failure: &Failure) -> Reply {
        if let Failure::Refused(refusal) = failure {
            self.log_refused_authentication(refusal);
        }
        if let Failure::Refused(Refusal::NotSignedIn) = failure
            && request.wants_page()
        {
            return Self::to_sign_in(request);
        }
        if let Failure::Refused(Refusal::OrganisationNotChosen) = failure
            && request.wants_page()
        {
            return led_through(request, CHOOSE_ORGANISATION);
        }
        let problem = Problem::of(failure);
        let cause = match failure {
            Failure::Fault(cause) => cause.as_str(),
            _ => problem.code,
        };
        self.platform.log(&log_line(&self.request_id, request, problem.status, Some(cause)));
        let mut reply = self.show_problem(request, &problem);
        if let Some(seconds) = problem.retry_after {
            reply = reply.header("retry-after", seconds.to_string());
        }
        match failure {
            Failure::BadRequest(BadRequest::MethodNotAllowed(allow)) => reply.header("allow", *allow),
            Failure::Refused(Refusal::ApiKeyNotValid) => reply.header("www-authenticate", "Bearer"),
            _ => reply,
        }
    }

    /// A problem as a page or as a problem document.
    pub fn show_problem(&self, request: &Request, problem: &Problem) -> Reply {
        if request.wants_page() {
            let page = ProblemPage {
                title: problem.title,
                detail: &problem.detail,
                next_step: &problem.next,
                links: self.ways_on(request, problem),
            };
            if let Ok(reply) = view::page(problem.status, &page, &self.page_frame(request)) {
                return reply;
            }
        }
        Reply::with(problem.status, "application/problem+json", problem.document(&self.request_id))
    }

    fn to_sign_in(request: &Request) -> Reply {
        led_through(request, if request.path.starts_with("/operate") { "/operate/sign-in" } else { "/sign-in" })
    }

    /// Where a problem's page leads: to what resolves it, then home, and always to somebody who can help.
    fn ways_on(&self, request: &Request, problem: &Problem) -> Vec<(String, String)> {
        let mut links = links(&problem.blockers);
        let step = |address: &str, text: &str| (address.to_owned(), text.to_owned());
        match problem.code {
            "otp-required" => links.push(step("/verify-otp", "Enter a code")),
            "link-not-valid" | "answers-not-accepted" | "code-not-accepted"
                if request.path.starts_with(RESET) || request.path == ACTIVATE =>
            {
                links.push(step(RESET, "Ask for a new link"));
            }
            "terms-changed" => links.push(step(&request.path, "Read the current version")),
            "promo-not-usable" | "payment-not-covered" | "order-form-reused" => {
                links.push(step("/webstore-checkout", "Go to the webstore"));
            }
            _ => {}
        }
        let operator = request.path.starts_with("/operate");
        let home = match (operator, request.cookie(cookies::OPERATOR), self.session_cookie(request)) {
            (true, Some(_), _) => step("/operate", "Go to the queue"),
            (true, None, _) => step("/operate/sign-in", "Sign in as an operator"),
            (false, _, Some(_)) => step("/dashboard", "Go to your dashboard"),
            (false, _, None) => step("/sign-in", "Sign in"),
        };
        links.push(home);
        let support = self.gateway.service.support_email.as_str();
        links.push((format!("mailto:{support}"), format!("Write to {support}")));
        links
    }

    /// Writes a refused authentication to the log (AUD-1): what touches no record leaves no other trace, since strangers
    /// must not fill the store. Other refusals are not written here.
    pub fn log_refused_authentication(&self, refusal: &Refusal) {
        if refusal.is_of_authentication() {
            self.log_refused(refusal.code());
        }
    }

    /// As [`Edge::log_refused_authentication`], for an answer that has no refusal behind it.
    pub fn log_refused(&self, cause: &str) {
        let origin = self.origin.to_string();
        let actor = self.acting.borrow();
        let line = LogLine {
            request: &self.request_id,
            event: "authentication refused",
            cause: Some(cause),
            actor: Some(actor.kind()),
            origin: &origin,
            ..LogLine::default()
        };
        self.platform.log(&line.text());
    }

    /// Writes what did not work to the log; the request goes on without it.
    pub fn log_failure(&self, what: &str, failure: &Failure) {
        let cause = match failure {
            Failure::Refused(refusal) => refusal.code().to_owned(),
            Failure::BadRequest(bad) => format!("{bad:?}"),
            Failure::Fault(cause) => cause.clone(),
        };
        self.platform
            .log(&LogLine { request: &self.request_id, event: what, cause: Some(&cause), ..LogLine::default() }.text());
    }
}

/// Where a forgotten password is replaced (SIG-3).
const RESET: &str = "/sign-in/reset";

/// Where an account is activated (ACT-3). Who asks for a new password before that gets a new link to here.
const ACTIVATE: &str = "/activate";

/// Where a person of several organisations says for which one they act (ACC-4).
pub const CHOOSE_ORGANISATION: &str = "/sign-in/organisation";

/// To another page, which leads back to this one where that is possible.
fn led_through(request: &Request, page: &str) -> Reply {
    if request.method != Method::GET {
        return Reply::see_other(page);
    }
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let target = format!("{}{query}", request.path);
    let query = form_encoded(&[("continue", &target)]);
    let address = format!("{page}?{query}");
    Reply::see_other(if address.len() > TARGET_BYTES_MAX { page.to_owned() } else { address })
}

fn links(blockers: &[BlockerView]) -> Vec<(String, String)> {
    blockers
        .iter()
        .filter_map(|blocker| Some((blocker.href.clone()?, blocker.detail.trim_end_matches('.').to_owned())))
        .collect()
}

/// One structured line of the log: no query, no body, no e-mail, no token.
#[derive(Serialize, Default)]
struct LogLine<'a> {
    request: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    method: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    origin: &'a str,
}

impl LogLine<'_> {
    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn log_line(request_id: &str, request: &Request, status: StatusCode, cause: Option<&str>) -> String {
    LogLine {
        request: request_id,
        event: "request",
        method: request.method.as_str(),
        path: &request.path,
        status: Some(status.as_u16()),
        cause,
        ..LogLine::default()
    }
    .text()
}

/// The headers that every reply carries. Anything without its own `cache-control` is personal.
pub(crate) fn finish(mut reply: Reply, cookies: &[String], gateway: Option<&Gateway>) -> Reply {
    let cached = reply.headers.iter().any(|(name, _)| *name == "cache-control");
    if !cached {
        reply.headers.push(("cache-control", "no-store".to_owned()));
    }
    let targets = gateway.map(form_targets).unwrap_or_default();
    let scripts = match reply.scripts {
        Scripts::None => String::new(),
        Scripts::Ours => " script-src 'self'; connect-src 'self';".to_owned(),
        Scripts::From(sources) => format!(
            " script-src {sources}; frame-src {sources}; connect-src {sources}; style-src-elem 'self' {sources};"
        ),
    };
    reply.headers.push((
        "content-security-policy",
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self';{scripts} form-action 'self'{targets}; frame-ancestors 'none'; \
             base-uri 'none'"
        ),
    ));
    reply.headers.push(("x-content-type-options", "nosniff".to_owned()));
    // Only the origin: no token leaves in an address. Not `no-referrer`, under which browsers send `Origin: null` with
    // our own forms, and SIG-4 could not tell them from forged ones.
    reply.headers.push(("referrer-policy", "strict-origin".to_owned()));
    reply.headers.push(("strict-transport-security", "max-age=63072000; includeSubDomains".to_owned()));
    reply.headers.push(("cross-origin-opener-policy", "same-origin".to_owned()));
    if reply.status != StatusCode::NOT_MODIFIED {
        reply.headers.push(("content-length", reply.body.len().to_string()));
    }
    for cookie in cookies {
        reply.headers.push(("set-cookie", cookie.clone()));
    }
    reply
}

/// A form's redirect may end at an application or on the payment provider's page, and browsers hold redirects of forms to
/// `form-action`.
fn form_targets(gateway: &Gateway) -> String {
    let ends = gateway.applications.iter().flat_map(|application| {
        let oidc = &application.oidc;
        let ends = oidc.redirect_uris.iter().chain(&oidc.post_logout_redirect_uris);
        ends.chain(std::iter::once(&oidc.initiate_login_uri))
    });
    let mut targets = String::new();
    for uri in ends.chain(gateway.payments.iter().map(|payments| &payments.page_origin)) {
        if let Some(origin) = origin_of(uri)
            && !targets.split(' ').any(|known| known == origin)
        {
            targets.push(' ');
            targets.push_str(origin);
        }
    }
    targets
}

fn origin_of(uri: &str) -> Option<&str> {
    let authority_at = uri.find("://")?.checked_add(3)?;
    let authority_len = uri.get(authority_at..)?.find('/').unwrap_or(uri.len().saturating_sub(authority_at));
    uri.get(..authority_at.checked_add(authority_len)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reg_7_only_a_page_that_says_so_runs_scripts_and_never_inline_ones() {
        // REG-7
        let policy = |scripts| {
            let reply = finish(Reply::empty(StatusCode::OK).running(scripts), &[], None);
            let policy = reply.headers.into_iter().find(|(name, _)| *name == "content-security-policy");
            policy.map(|(_, policy)| policy).unwrap_or_default()
        };
        assert!(!policy(Scripts::None).contains("script-src"));
        assert!(policy(Scripts::Ours).contains("; script-src 'self'; connect-src 'self'; form-action"));
        assert!(policy(Scripts::From("https://captcha.example")).contains("script-src https://captcha.example;"));
        for scripts in [Scripts::None, Scripts::Ours, Scripts::From("https://captcha.example")] {
            assert!(!policy(scripts).contains("unsafe"), "{scripts:?}");
        }
    }

    #[test]
    fn aud_1_what_the_platform_or_the_proxy_says_stands_last() {
        // AUD-1
        let text = include_str!("../../../gateway.toml");
        let direct = Gateway::parse(text).expect("valid");
        let named = text.replacen("[service]", "[service]\nclient_address_header = \"x-forwarded-for\"", 1);
        let proxied = Gateway::parse(&named).expect("valid");
        let forwarded = "x-forwarded-for";
        for (gateway, headers, network) in [
            (&direct, vec![(CLIENT_ADDRESS, "203.0.113.7:4711")], "203.0.113.0/24"),
            (&direct, vec![(CLIENT_ADDRESS, "198.51.100.1"), (CLIENT_ADDRESS, "[2001:db8::1]:80")], "2001:db8::/48"),
            (&direct, vec![(CLIENT_ADDRESS, "forged")], ""),
            (&direct, vec![(forwarded, "198.51.100.1")], ""),
            (&direct, Vec::new(), ""),
            (
                &proxied,
                vec![(forwarded, "198.51.100.1, 203.0.113.7"), (CLIENT_ADDRESS, "10.0.0.1:80")],
                "203.0.113.0/24",
            ),
            (&proxied, vec![(forwarded, "198.51.100.1"), (forwarded, "203.0.113.7")], "203.0.113.0/24"),
            (&proxied, vec![(CLIENT_ADDRESS, "203.0.113.7:4711")], ""),
        ] {
            let request = Request::new(Method::GET, "/", headers.iter().copied().collect(), Vec::new());
            assert_eq!(origin_of_request(&request, gateway).to_string(), network, "{headers:?}");
        }
    }

    #[test]
    fn sig_4_the_public_url_is_what_browsers_name_as_origin() {
        // SIG-4
        for (given, kept) in [
            ("https://vestibule.example", Some("https://vestibule.example")),
            ("http://127.0.0.1:3000/", Some("http://127.0.0.1:3000")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("", None),
            ("https://", None),
            ("vestibule.example", None),
            ("ftp://vestibule.example", None),
            ("https://vestibule.example/path", None),
            ("https://user@vestibule.example", None),
            ("https://vestibule.example?x", None),
        ] {
            assert_eq!(origin(given).as_deref(), kept, "{given}");
        }
    }
}
