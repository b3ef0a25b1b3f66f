//! `GET /verify-otp?continue=`: asks for a code. `POST /verify-otp`: judges it and raises the session, whose secret is
//! replaced (OTP-1 to OTP-4, SIG-2). `POST /verify-otp/send`: has a code sent to one of the person's phones (CRD-5).
//!
//! Commit point: the account. One read and one replace: session, credential, failure count and the raised session are
//! one record, and the outcome is revealed only after the commit that counts it.

mod api;

use edge::{
    Change, Edge, Failure, Outcome, Platform, Request,
    factors::CodeSent,
    failure::BadRequest,
    form::{FormFaults, LocalPath},
    problem::{BlockerView, Problem},
    session::SessionCookie,
};
use http::{Method, StatusCode};
use shared::{
    account::{Account, Presented},
    credential::{
        open_factor,
        phone::{Asker, Way},
    },
    quota::Caused,
    refusal::Refusal,
};

use crate::api::{CodePage, RawSend, RawVerify, VerifiedView};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["verify-otp"]) => ask(edge, request).await,
        (&Method::POST, ["verify-otp"]) => verify(edge, request).await,
        (&Method::POST, ["verify-otp", "send"]) => send(edge, request).await,
        (_, ["verify-otp", "send"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, ["verify-otp"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn ask<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: edge::form::ContinueQuery = request.decode_query()?;
    let target = api::target(query.continue_to.as_deref());
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    if account.second_factors(edge.now).next().is_none() {
        let refusal = Refusal::WrongStage { hint: "Get a credential and register an authenticator for it first." };
        return led_to_credentials(edge, request, refusal.into());
    }
    let page = CodePage::of(&edge.gateway, &person, edge.now, "", &target, FormFaults::none());
    edge.show(request, StatusCode::OK, &page)
}

async fn call<P: Platform>(edge: &Edge<P>, cookie: &SessionCookie, raw: &RawSend) -> Result<(), Failure> {
    let chosen = raw.phone.credential(raw.credential.as_deref())?;
    edge.limit(Caused::Code).await?;
    edge.transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, rng| {
        let secret = cookie.secret();
        account.signed_in(&secret, cookie.seen_at, edge.now)?;
        let credential = account.second_factor(chosen, edge.now)?.grant.id;
        let asker = Asker { account: account.id, way: Way::Session, by: &secret.digest(), keys: &edge.keys };
        Ok(account.call_phone(credential, raw.phone.ordinal, asker, edge.now, rng)?.into())
    })
    .await
    .map(drop)
}

/// Has a code sent to a phone. The session is not raised by it, and needs no more than the password for it.
async fn send<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the cookie here, the session with the account.
    let raw: RawSend = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let cookie = edge.require_session_cookie(request)?;
    let target = api::target(raw.target.as_deref());
    // 3. Parse. 4. Load, 5. decide and 6. commit.
    let called = call(edge, &cookie, &raw).await;
    // 7. Respond.
    match called {
        Ok(()) => edge.done(request, &target.after("/verify-otp"), StatusCode::OK, &CodeSent { sent: true }),
        Err(failure) if request.wants_page() => {
            let (cookie, account) = edge.session_account(request).await?;
            let person = edge.confirm_session(&cookie, &account)?;
            edge.refused_in_place(request, failure, "phone", |faults| {
                CodePage::of(&edge.gateway, &person, edge.now, "", &target, faults)
            })
        }
        Err(failure) => led_to_credentials(edge, request, failure),
    }
}

async fn verify<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the cookie here, the session with the account.
    let raw: RawVerify = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let cookie = edge.require_session_cookie(request)?;
    // 3. Parse.
    let command = match raw.parse() {
        Ok(command) => command,
        Err(refusal) => return ask_again(edge, request, &raw, refusal.into()).await,
    };
    // 4. Load, 5. decide and 6. commit.
    let next_session = edge.fresh_secret();
    let judged = edge
        .transact::<Account, Result<(), Refusal>>(&cookie.account, Refusal::NotSignedIn, |account, _| {
            let secret = cookie.secret();
            account.signed_in(&secret, cookie.seen_at, edge.now)?;
            let credential = account.second_factor(command.credential, edge.now)?;
            let asker = Asker { account: account.id, way: Way::Session, by: &secret.digest(), keys: &edge.keys };
            let opened = open_factor(credential, &command.code, asker, edge.now)?;
            let presented = Presented {
                credential: credential.grant.id,
                opened: &opened,
                code: &command.code,
                session: &secret,
                next_session: &next_session,
            };
            Ok(Change::Commit(account.verify_otp(&presented, edge.now)?))
        })
        .await;
    // 7. Respond.
    let (outcome, stored) = match judged {
        Ok(judged) => judged,
        Err(failure) => return ask_again(edge, request, &raw, failure).await,
    };
    match outcome {
        Ok(()) => {
            edge.set_session(&SessionCookie::new(cookie.account, &next_session, edge.now));
            let raised = stored.value().signed_in(&next_session, edge.now, edge.now)?;
            let view = VerifiedView::of(&raised, &command.target);
            edge.done(request, command.target.as_str(), StatusCode::OK, &view)
        }
        Err(refusal) => refused(edge, request, &raw, &cookie, stored.value(), refusal.into()),
    }
}

/// The page again, for what was refused before a code was judged.
async fn ask_again<P: Platform>(edge: &Edge<P>, request: &Request, raw: &RawVerify, failure: Failure) -> Outcome {
    if !request.wants_page() || !matches!(failure, Failure::Refused(Refusal::InvalidInput(_))) {
        return led_to_credentials(edge, request, failure);
    }
    let (cookie, account) = edge.session_account(request).await?;
    refused(edge, request, raw, &cookie, &account, failure)
}

/// What is wrong, in place; the code is never repeated.
fn refused<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    raw: &RawVerify,
    cookie: &SessionCookie,
    account: &Account,
    failure: Failure,
) -> Outcome {
    let person = edge.confirm_session(cookie, account)?;
    let target: LocalPath = api::target(raw.target.as_deref());
    edge.refused_in_place(request, failure, "code", |faults| {
        CodePage::of(&edge.gateway, &person, edge.now, raw.chosen(), &target, faults)
    })
}

/// Somebody without a usable authenticator is shown where to get one.
fn led_to_credentials<P: Platform>(edge: &Edge<P>, request: &Request, failure: Failure) -> Outcome {
    let Failure::Refused(refusal @ Refusal::WrongStage { .. }) = failure else {
        return Err(failure);
    };
    let mut problem = Problem::of_refusal(&refusal);
    problem.blockers.push(BlockerView {
        code: "credential-not-registered",
        detail: "Go to your credentials.",
        href: Some("/credentials".to_owned()),
    });
    Ok(edge.show_problem(request, &problem))
}
