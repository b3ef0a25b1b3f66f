//! `GET /sign-in`, `POST /sign-in`: e-mail or User ID, and password (SIG-1, SIG-2). `POST /sign-in/out` ends the session.
//!
//! Commit point: the account, which gets a session or one failure more. The outcome is revealed only after that commit,
//! so that concurrent guesses cannot outrun the limit.

mod api;

use edge::{
    Change, Edge, Failure, Outcome, Platform, Request, cookies,
    failure::BadRequest,
    form::{ContinueQuery, FormFaults, LocalPath, RawSignOut, SignedOut},
    session::SessionCookie,
};
use http::{Method, StatusCode};
use shared::{
    account::{Account, Login},
    password::PasswordHash,
    refusal::Refusal,
    values::AccountId,
};

use crate::api::{RawSignIn, SignInPage, SignedInView};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["sign-in"]) => show(edge, request),
        (&Method::POST, ["sign-in"]) => sign_in(edge, request).await,
        (&Method::POST, ["sign-in", "out"]) => sign_out(edge, request).await,
        (_, ["sign-in"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (_, ["sign-in", "out"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
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
            let view = SignedInView { user_id: account.user_id.as_str().to_owned(), name: account.name.full() };
            edge.done(request, target.as_str(), StatusCode::OK, &view)
        }
        Err(failure) => {
            edge.refused_in_place(request, failure, "user", |faults| SignInPage::new(faults, &raw.user, target))
        }
    }
}

/// One try: two reads, one hash, one write. An unknown name costs the same reads and the same hash (SIG-1).
async fn attempt<P: Platform>(edge: &Edge<P>, raw: &RawSignIn) -> Result<(Account, SessionCookie), Failure> {
    let login_id = edge.login_id(&raw.user);
    let login = edge.kv().get::<Login>(&login_id).await?;
    let id = login.map_or(AccountId::from_bytes(login_id), |stored| stored.value().account);
    let pepper = edge.keys.pepper();
    let secret = edge.fresh_secret();
    let mut matches: Option<(PasswordHash, bool)> = None;
    let judged = edge
        .transact::<Account, Result<(), Refusal>>(&id, Refusal::SignInFailed, |account, _| {
            let hash = account.password().cloned().unwrap_or_else(PasswordHash::decoy);
            // Decided anew after a lost race, hashed anew only if the password changed meanwhile.
            let matches = match &matches {
                Some((judged, outcome)) if *judged == hash => *outcome,
                _ => matches.insert((hash.clone(), hash.verify(&raw.password, &pepper))).1,
            };
            Ok(Change::Commit(account.sign_in(matches, &secret, edge.now)))
        })
        .await;
    match judged {
        Ok((outcome, stored)) => {
            outcome?;
            Ok((stored.value().clone(), SessionCookie::new(id, &secret, edge.now)))
        }
        Err(failure) => {
            if matches.is_none() {
                let _same_cost_for_strangers = PasswordHash::decoy().verify(&raw.password, &pepper);
            }
            Err(failure)
        }
    }
}

async fn sign_out<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    if let Some(cookie) = edge.session_cookie(request) {
        edge.transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, _| {
            Ok(account.sign_out(&cookie.secret()).into())
        })
        .await?;
    }
    edge.clear_cookie(cookies::SESSION);
    edge.done(request, "/sign-in", StatusCode::OK, &SignedOut { signed_out: true })
}
