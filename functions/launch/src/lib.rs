//! A signed-in person opens a partner's application (LCH-1, LCH-2, LCH-3, TRM-4).
//!
//! `GET /launch/{application}` shows what is left to do, `POST /launch/{application}` starts the application's login.
//! The application comes back to `GET /launch/authorize` and then to `POST /launch/token`; the rest of what OpenID
//! Connect has a provider answer is below `/launch/` too, but for its discovery document.
//!
//! Commit points: the record of the authorization code, inserted fresh by `authorize` and replaced by `token`. A launch
//! in progress is a sealed cookie and no record: an abandoned one leaves nothing behind.

mod api;
mod authorize;
mod jose;
mod logout;
mod tokens;

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request, cookies, failure::BadRequest, form::FormFaults, problem::Problem,
    request::Encoding, view,
};
use http::{Method, StatusCode};
use shared::{
    account::SignedIn,
    config::Application,
    journey::{Blocker, blockers},
    launch::Intent,
    organisation::Organisation,
    refusal::Refusal,
    secret::SealPurpose,
};

use crate::api::{BlockedPage, LaunchPage, Onward, RawLaunch};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let segments = request.segments();
    match (&request.method, segments.as_slice()) {
        (&Method::GET, [".well-known", "openid-configuration"]) => tokens::discovery(edge),
        (&Method::GET, ["launch", "jwks"]) => tokens::jwks(edge),
        (&Method::GET, ["launch", "authorize"]) => authorize::authorize(edge, request).await,
        (&Method::POST, ["launch", "authorize"]) => authorize::as_get(request),
        (&Method::POST, ["launch", "token"]) => tokens::token(edge, request).await,
        (&(Method::GET | Method::POST), ["launch", "userinfo"]) => tokens::userinfo(edge, request).await,
        (&Method::GET, ["launch", "logout"]) => logout::ask(edge, request),
        (&Method::POST, ["launch", "logout"]) => logout::answer(edge, request).await,
        (_, [".well-known", "openid-configuration"] | ["launch", "jwks"]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD").into())
        }
        (_, ["launch", "token"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, ["launch", "authorize" | "userinfo" | "logout"]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into())
        }
        (&Method::GET, ["launch", id]) => show(edge, request, application(edge, id)?).await,
        (&Method::POST, ["launch", id]) => launch(edge, request, application(edge, id)?).await,
        (_, ["launch", _]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

fn application<'a, P: Platform>(edge: &'a Edge<P>, id: &str) -> Result<&'a Application, Refusal> {
    let id = id.parse().map_err(|_| Refusal::NotFound)?;
    edge.gateway.application(&id).ok_or(Refusal::NotFound)
}

async fn organisation<P: Platform>(edge: &Edge<P>, person: &SignedIn<'_>) -> Result<Organisation, Failure> {
    let stored = edge.kv().get::<Organisation>(&person.membership.organisation).await?;
    Ok(stored.ok_or(Refusal::NotFound)?.into_value())
}

/// The launch in progress, if it is this person's and for this application.
fn intent<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    person: &SignedIn<'_>,
    application: &Application,
) -> Option<Intent> {
    edge.sealed_cookie::<Intent>(request, cookies::LAUNCH, SealPurpose::LaunchTerms)
        .filter(|intent| intent.holds(person.account.id, &application.id, edge.now))
}

fn keep<P: Platform>(edge: &Edge<P>, intent: &Intent) {
    edge.set_sealed_cookie(cookies::LAUNCH, SealPurpose::LaunchTerms, intent);
}

async fn show<P: Platform>(edge: &Edge<P>, request: &Request, application: &Application) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    // 4. Load.
    let organisation = organisation(edge, &person).await?;
    let intent = intent(edge, request, &person, application);
    // 5. Decide. 7. Respond: nothing changes.
    let left = blockers(&person, &organisation, application, &edge.gateway, intent.as_ref(), edge.now);
    if !left.iter().all(Blocker::belongs_to_launch) {
        return blocked(edge, request, application, &left);
    }
    let page = LaunchPage::of(application, &edge.gateway, &left, FormFaults::none());
    edge.show(request, StatusCode::OK, &page)
}

async fn launch<P: Platform>(edge: &Edge<P>, request: &Request, application: &Application) -> Outcome {
    // 1. The request is bounded by the edge. 3. Parse.
    let raw: RawLaunch = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 2. Authenticate.
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    // 4. Load.
    let organisation = organisation(edge, &person).await?;
    let mut intent = intent(edge, request, &person, application)
        .unwrap_or_else(|| Intent::begin(account.id, &application.id, edge.now));
    // 5. Decide.
    let left = |intent: &Intent| blockers(&person, &organisation, application, &edge.gateway, Some(intent), edge.now);
    let before = left(&intent);
    if !before.iter().all(Blocker::belongs_to_launch) {
        return blocked(edge, request, application, &before);
    }
    if let Some(digest) = &raw.digest {
        intent = match intent.accept_terms(application, raw.accept_terms, digest) {
            Ok(intent) => intent,
            Err(refusal) => {
                return edge.refused_in_place(request, refusal.into(), "accept_terms", |faults| {
                    LaunchPage::of(application, &edge.gateway, &before, faults)
                });
            }
        };
    }
    // 6. What is committed is the cookie. 7. Respond.
    keep(edge, &intent);
    onward(edge, request, application, &left(&intent))
}

/// The next address of a launch of which these steps are left. The access terms come last here, since whoever has not
/// seen them yet comes back to the page that shows them.
fn onward<P: Platform>(edge: &Edge<P>, request: &Request, application: &Application, left: &[Blocker]) -> Outcome {
    let here = format!("/launch/{}", application.id);
    if request.encoding()? == Encoding::Json && !left.is_empty() {
        return blocked(edge, request, application, left);
    }
    let location = if left.contains(&Blocker::OtpRequired) {
        api::with_query("/verify-otp", &[("continue", &here)])
    } else if left.is_empty() {
        api::initiate_login(application, &edge.public_url)
    } else {
        here
    };
    edge.done(request, &location, StatusCode::OK, &Onward { location: &location })
}

/// What has to be done first (LCH-1): a page, or the problem document.
fn blocked<P: Platform>(edge: &Edge<P>, request: &Request, application: &Application, found: &[Blocker]) -> Outcome {
    let problem = Problem::of_blocked(found, &application.id, &edge.gateway);
    if request.wants_page() {
        return edge.show(request, problem.status, &BlockedPage::of(application, found));
    }
    Ok(edge.show_problem(request, &problem))
}

/// A document that anybody may keep for five minutes.
fn public_document<V: serde::Serialize>(document: &V) -> Result<Reply, Failure> {
    Ok(view::document(StatusCode::OK, document)?.header("cache-control", "public, max-age=300"))
}
