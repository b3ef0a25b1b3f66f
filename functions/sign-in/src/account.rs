//! `GET /sign-in/account`: where the person is signed in. `POST /sign-in/out/everywhere` ends all of these sessions,
//! `POST /sign-in/password` changes the password (SIG-2).
//!
//! Commit point: the account. A new password ends every other session in the same write; the notice follows as an effect.

use edge::{
    Change, Edge, Failure, Outcome, Platform, Request, cookies,
    form::{FormFaults, RawSignOut, SignedOut},
    password::{Compared, advising},
    session::SessionCookie,
};
use http::StatusCode;
use shared::{
    account::{Account, PasswordChange, Session},
    password::PasswordHash,
    refusal::Refusal,
};

use crate::api::account::{AccountPage, PasswordChanged, RawPasswordChange};

pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let (cookie, account) = edge.session_account(request).await?;
    let session = edge.confirm_person(&cookie, &account)?;
    advising(edge.show(request, StatusCode::OK, &AccountPage::of(edge, &account, session, FormFaults::none())))
}

pub(crate) async fn sign_out_everywhere<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 3. Parse.
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 2. Authenticate: the cookie here, the session with the account. 4. Load, 5. decide, 6. commit.
    let cookie = edge.require_session_cookie(request)?;
    edge.transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, _| {
        account.session(&cookie.secret(), cookie.seen_at, edge.now)?;
        Ok(account.sign_out_everywhere().into())
    })
    .await?;
    // 7. Respond.
    edge.clear_cookie(cookies::SESSION);
    edge.done(request, "/sign-in", StatusCode::OK, &SignedOut { signed_out: true })
}

pub(crate) async fn change_password<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawPasswordChange = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (cookie, account) = edge.session_account(request).await?;
    let session = edge.confirm_person(&cookie, &account)?;
    // 3. Parse: the new password is judged and hashed once, whatever happens to the commit.
    let changed = match new_password(edge, &raw, &account, session).await {
        // 4. Load, 5. decide, 6. commit.
        Ok(password) => commit(edge, &raw, &cookie, password).await,
        Err(failure) => Err(failure),
    };
    // 7. Respond.
    match changed {
        Ok(next) => {
            edge.set_session(&next);
            edge.done(request, "/sign-in/account", StatusCode::OK, &PasswordChanged { password_changed: true })
        }
        Err(failure) => {
            advising(edge.refused_in_place(request, failure, "password", |faults| {
                AccountPage::of(edge, &account, session, faults)
            }))
        }
    }
}

async fn new_password<P: Platform>(
    edge: &Edge<P>,
    raw: &RawPasswordChange,
    account: &Account,
    session: &Session,
) -> Result<PasswordHash, Failure> {
    let acts_for = session.acts_for.as_ref().map(|acts_for| acts_for.organisation);
    let first = account.memberships.first().map(|membership| membership.organisation);
    let organisation = acts_for.or(first).ok_or(Refusal::NotSignedIn)?;
    let organisation = edge.organisation_name(&organisation, Refusal::NotSignedIn).await?;
    Ok(raw.parse(edge, account, &organisation)?.hash(&edge.keys.pepper(), &mut edge.rng()))
}

/// The session's next cookie. Whether the present password was right is known only after the commit that counts it.
async fn commit<P: Platform>(
    edge: &Edge<P>,
    raw: &RawPasswordChange,
    cookie: &SessionCookie,
    password: PasswordHash,
) -> Result<SessionCookie, Failure> {
    let (secret, next_session) = (cookie.secret(), edge.fresh_secret());
    let mut present = Compared::new(&raw.present_password);
    let (outcome, _) = edge
        .transact::<Account, Result<(), Refusal>>(&cookie.account, Refusal::NotSignedIn, |account, _| {
            account.session(&secret, cookie.seen_at, edge.now)?;
            let change = PasswordChange {
                present_matches: present.with(account.password(), &edge.keys),
                password: password.clone(),
                session: &secret,
                next_session: &next_session,
            };
            Ok(Change::Commit(account.change_password(change, edge.now)))
        })
        .await?;
    outcome?;
    Ok(SessionCookie::new(cookie.account, &next_session, edge.now))
}
