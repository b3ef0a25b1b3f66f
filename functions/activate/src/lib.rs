//! `GET /activate?token=`: account details, User ID and password policy (ACT-1). `POST /activate`: password and
//! security answers; success signs in (ACT-1, ACT-2, ACT-3).
//!
//! Commit point: the account, which becomes active and gets its first session in one write; the "Login Success" e-mail
//! follows as an effect.

mod api;

use edge::{
    Change, Edge, Failure, Outcome, Platform, Reply, Request, failure::BadRequest, form::FormFaults,
    password::advising, session::SessionCookie,
};
use http::{Method, StatusCode};
use kv_schema::record::Stored;
use shared::{
    account::Account, audit::Actor, decision::Counted, refusal::Refusal, secret::PlainToken, values::AccountId,
};

use crate::api::{ActivatePage, Activated, RawActivation};

const ACTIVE_ALREADY: Refusal =
    Refusal::WrongStage { hint: "This account is active already. Sign in with your password." };

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["activate"]) => show(edge, request).await,
        (&Method::POST, ["activate"]) => activate(edge, request).await,
        (_, ["activate"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: edge::form::TokenQuery = request.decode_query()?;
    let (token, stored) = account_of(edge, &query.token).await?;
    let account = stored.value();
    if account.was_activated_with(&token) {
        // Its holder is further already: signs in, or is on the dashboard at once.
        return if request.wants_page() { Ok(Reply::see_other("/dashboard")) } else { Err(ACTIVE_ALREADY.into()) };
    }
    account.present_activation(&token, edge.now)?;
    let page = ActivatePage::of(edge, account, query.token, FormFaults::none(), &[]);
    advising(edge.show(request, StatusCode::OK, &page))
}

async fn activate<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the link is the credential.
    let raw = RawActivation::decode(request)?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (token, stored) = account_of(edge, &raw.token).await?;
    let account = stored.value();
    if account.was_activated_with(&token) {
        // A repetition whose first try may have died before its message was out.
        edge.drain(stored.envelope()).await;
        return Err(ACTIVE_ALREADY.into());
    }
    account.present_activation(&token, edge.now)?;
    // 3. Parse: password and answers are judged and hashed once, whatever happens to the commit.
    let organisation = account.memberships.first().ok_or(Refusal::LinkNotValid)?.organisation;
    let organisation = edge.organisation_name(&organisation, Refusal::LinkNotValid).await?;
    let secrets = match raw.secrets(edge, account, &organisation) {
        Ok(secrets) => secrets,
        Err(failure) => {
            return advising(edge.refused_in_place(request, failure, "password", |faults| {
                ActivatePage::of(edge, account, raw.token.clone(), faults, &raw.chosen_questions())
            }));
        }
    };
    // 4. Load, 5. decide, 6. commit.
    let session = edge.fresh_secret();
    edge.transact::<Account, ()>(&account.id, Refusal::LinkNotValid, |account, _| {
        if account.was_activated_with(&token) {
            return Err(ACTIVE_ALREADY);
        }
        let activating = account.present_activation(&token, edge.now)?;
        let decision = Account::activate(activating, secrets.clone(), &session, edge.now)?;
        Ok(Change::Commit(Counted::new(decision, ())))
    })
    .await?;
    // 7. Respond.
    edge.set_session(&SessionCookie::new(account.id, &session, edge.now));
    let activated = Activated { user_id: account.user_id.as_str().to_owned(), dashboard: "/dashboard" };
    edge.done(request, "/dashboard", StatusCode::OK, &activated)
}

/// The account that a link names. Every "no" is the same.
async fn account_of<P: Platform>(edge: &Edge<P>, token: &str) -> Result<(PlainToken, Stored<Account>), Failure> {
    let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let id = AccountId::from_bytes(token.record());
    let stored = edge.kv().get::<Account>(&id).await?.ok_or(Refusal::LinkNotValid)?;
    edge.acts(Actor::LinkHolder);
    Ok((token, stored))
}
