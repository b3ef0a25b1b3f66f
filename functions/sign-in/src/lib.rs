//! `GET /sign-in`, `POST /sign-in`: e-mail or User ID, and password (SIG-1, SIG-2). `POST /sign-in/out` ends the session,
//! `POST /sign-in/out/everywhere` all of them.
//!
//! Below it: a forgotten password (`reset.rs`), the person's sessions and the change of the password (`account.rs`), and the
//! organisation for which a person of several acts (`organisation.rs`).
//!
//! Commit point: the account, which gets a session or one failure more. The outcome is revealed only after that commit,
//! so that concurrent guesses cannot outrun the limit.

mod account;
mod api;
mod organisation;
mod reset;

use edge::{
    Change, Edge, Failure, Outcome, Platform, Request, cookies,
    failure::BadRequest,
    form::{ContinueQuery, FormFaults, LocalPath, RawSignOut, SignedOut},
    password::Compared,
    session::SessionCookie,
};
use http::{Method, StatusCode};
use shared::{
    account::{Account, Login},
    audit::Actor,
    refusal::Refusal,
    values::AccountId,
};

use crate::api::{RawSignIn, SignInPage, SignedInView};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["sign-in"]) => show(edge, request),
        (&Method::POST, ["sign-in"]) => sign_in(edge, request).await,
        (&Method::POST, ["sign-in", "out"]) => sign_out(edge, request).await,
        (&Method::POST, ["sign-in", "out", "everywhere"]) => account::sign_out_everywhere(edge, request).await,
        (&Method::GET, ["sign-in", "account"]) => account::show(edge, request).await,
        (&Method::POST, ["sign-in", "password"]) => account::change_password(edge, request).await,
        (&Method::GET, ["sign-in", "organisation"]) => organisation::show(edge, request).await,
        (&Method::POST, ["sign-in", "organisation"]) => organisation::choose(edge, request).await,
        (&Method::GET, ["sign-in", "reset"]) => reset::show(edge, request),
        (&Method::POST, ["sign-in", "reset"]) => reset::ask(edge, request).await,
        (&Method::GET, ["sign-in", "reset", "sent"]) => reset::sent(edge, request),
        (&Method::GET, ["sign-in", "reset", "choose"]) => reset::open(edge, request).await,
        (&Method::POST, ["sign-in", "reset", "choose"]) => reset::choose(edge, request).await,
        (&Method::POST, ["sign-in", "reset", "send"]) => reset::send(edge, request).await,
        (_, ["sign-in", "reset", "send"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, ["sign-in"] | ["sign-in", "organisation" | "reset"] | ["sign-in", "reset", "choose"]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into())
        }
        (_, ["sign-in", "account"] | ["sign-in", "reset", "sent"]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD").into())
        }
        (_, ["sign-in", "out" | "password"] | ["sign-in", "out", "everywhere"]) => {
            Err(BadRequest::MethodNotAllowed("POST").into())
        }
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: ContinueQuery = request.decode_query()?;
    let target = LocalPath::or(query.continue_to.as_deref(), "/dashboard");
    edge.show(request, StatusCode::OK, &SignInPage::new(FormFaults::none(), "", target))
}

async fn sign_in<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Nothing authenticates but what follows.
    let raw: RawSignIn = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse.
    let target = LocalPath::or(raw.continue_to.as_deref(), "/dashboard");
    // 4. Load, 5. decide, 6. commit.
    match attempt(edge, &raw).await {
        // 7. Respond.
        Ok((account, cookie)) => {
            edge.set_session(&cookie);
            edge.done(request, target.as_str(), StatusCode::OK, &SignedInView::of(&account))
        }
        Err(failure) => {
            edge.refused_in_place(request, failure, "user", |faults| SignInPage::new(faults, &raw.user, target))
        }
    }
}

/// One try: one hash, and the same reads and writes for every failure (SIG-1). Where none is counted, because there is no
/// such account or its tries are paused, the writes go to counters that nobody reads.
async fn attempt<P: Platform>(edge: &Edge<P>, raw: &RawSignIn) -> Result<(Account, SessionCookie), Failure> {
    let id = account_named(edge, &raw.user).await?;
    let secret = edge.fresh_secret();
    let mut password = Compared::new(&raw.password);
    let mut counted = false;
    let judged = edge
        .transact::<Account, Result<(), Refusal>>(&id, Refusal::SignInFailed, |account, _| {
            let matches = password.with(account.password(), &edge.keys);
            let judged = account.sign_in(matches, &secret, edge.now);
            counted = judged.judged();
            Ok(Change::Commit(judged))
        })
        .await;
    if !counted {
        password.with_nobody(&edge.keys);
        edge.write_for_nobody().await?;
    }
    match judged {
        Ok((outcome, stored)) => {
            outcome?;
            Ok((stored.value().clone(), SessionCookie::new(id, &secret, edge.now)))
        }
        // Only an account that exists is contended for, so that this must not look different. Nothing was revealed.
        Err(Failure::Refused(Refusal::Busy { .. })) => Err(Refusal::SignInFailed.into()),
        Err(failure) => Err(failure),
    }
}

/// The account that an e-mail or a User ID means; for an unknown one an id that no account has.
async fn account_named<P: Platform>(edge: &Edge<P>, name: &str) -> Result<AccountId, Failure> {
    let login_id = edge.login_id(name);
    let login = edge.kv().get::<Login>(&login_id).await?;
    Ok(login.map_or(AccountId::from_bytes(login_id), |stored| stored.value().account))
}

async fn sign_out<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    if let Some(cookie) = edge.session_cookie(request) {
        edge.acts(Actor::Person(cookie.account));
        edge.transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, _| {
            Ok(account.sign_out(&cookie.secret()).into())
        })
        .await?;
    }
    edge.clear_cookie(cookies::SESSION);
    edge.done(request, "/sign-in", StatusCode::OK, &SignedOut { signed_out: true })
}
