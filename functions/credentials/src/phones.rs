//! A credential's phones (CRD-5). `GET /credentials/{id}/phones` shows them; `POST` of the same has a code sent to a new one;
//! `POST .../verify`: the code proves the phone and raises the session (CRD-9, OTP-4); `POST .../remove` removes one.
//!
//! Commit point: the account. The code leaves after it, and the outcome of one that is entered is revealed after the commit
//! that counts it.

use edge::{Change, Edge, Failure, Outcome, Platform, Reply, Request, request::Encoding, session::SessionCookie};
use http::StatusCode;
use shared::{
    account::{Account, Presented},
    credential::{
        open_factor,
        phone::{Asker, Way},
    },
    quota::Caused,
    refusal::Refusal,
    values::{CredentialId, OtpCode},
};

use crate::api::{
    self, RawCode, VerifiedView,
    phones::{PhonesPage, RawPhone, RawRemoval},
};

pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request, id: CredentialId) -> Outcome {
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    edge.show(request, StatusCode::OK, &PhonesPage::of(edge, &person, id, &RawPhone::default())?)
}

/// Has a code sent to a phone that is to be registered.
pub(crate) async fn call<P: Platform>(edge: &Edge<P>, request: &Request, id: CredentialId) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the cookie here, the session with the account.
    let raw: RawPhone = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let cookie = edge.require_session_cookie(request)?;
    // 3. Parse.
    let phone = match raw.parse() {
        Ok(phone) => phone,
        Err(refusal) => return again(edge, request, id, &raw, "number", refusal.into()).await,
    };
    // 4. Load, 5. decide and 6. commit.
    if let Err(failure) = edge.limit(Caused::Code).await {
        return again(edge, request, id, &raw, "number", failure).await;
    }
    let called = edge
        .transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, rng| {
            let secret = cookie.secret();
            account.signed_in(&secret, cookie.seen_at, edge.now)?.may_add_authenticator(edge.now)?;
            let kind = api::kind(&edge.gateway, account.credential(id)?)?;
            let asker = Asker { account: account.id, way: Way::Session, by: &secret.digest(), keys: &edge.keys };
            Ok(account.call_new_phone(id, kind, phone.clone(), asker, edge.now, rng)?.into())
        })
        .await;
    // 7. Respond.
    match called {
        Ok(((), stored)) => shown(edge, request, &cookie, stored.value(), id),
        Err(failure) => again(edge, request, id, &raw, "number", failure).await,
    }
}

pub(crate) async fn verify<P: Platform>(edge: &Edge<P>, request: &Request, id: CredentialId) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the cookie here, the session with the account.
    let raw: RawCode = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let cookie = edge.require_session_cookie(request)?;
    // 3. Parse.
    let judged = match api::code(&raw) {
        Ok(code) => judge(edge, &cookie, id, &code).await,
        Err(refusal) => Err(refusal.into()),
    };
    // 7. Respond.
    match judged {
        Ok(account) => {
            edge.done(request, &api::phones_address(id), StatusCode::OK, &VerifiedView::of(account.credential(id)?))
        }
        Err(failure) => again(edge, request, id, &RawPhone::default(), "code", failure).await,
    }
}

/// Judges the code that proves a phone: 4. load, 5. decide and 6. commit. The outcome is known only after the commit that
/// counts it (OTP-3).
async fn judge<P: Platform>(
    edge: &Edge<P>,
    cookie: &SessionCookie,
    id: CredentialId,
    code: &OtpCode,
) -> Result<Account, Failure> {
    let next_session = edge.fresh_secret();
    let (outcome, stored) = edge
        .transact::<Account, Result<(), Refusal>>(&cookie.account, Refusal::NotSignedIn, |account, _| {
            let secret = cookie.secret();
            account.signed_in(&secret, cookie.seen_at, edge.now)?.may_add_authenticator(edge.now)?;
            let credential = account.credential(id)?;
            let product = edge.gateway.product_name(&credential.grant.product);
            let asker = Asker { account: account.id, way: Way::Session, by: &secret.digest(), keys: &edge.keys };
            let opened = open_factor(credential, code, asker, edge.now)?;
            let presented =
                Presented { credential: id, opened: &opened, code, session: &secret, next_session: &next_session };
            Ok(Change::Commit(account.prove_phone(&presented, &product, edge.now)?))
        })
        .await?;
    outcome?;
    edge.set_session(&SessionCookie::new(cookie.account, &next_session, edge.now));
    Ok(stored.into_value())
}

pub(crate) async fn remove<P: Platform>(edge: &Edge<P>, request: &Request, id: CredentialId) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the cookie here, the session with the account.
    let raw: RawRemoval = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let cookie = edge.require_session_cookie(request)?;
    // 3. Nothing to parse. 4. Load, 5. decide and 6. commit.
    let removed = edge
        .transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, _| {
            account.signed_in(&cookie.secret(), cookie.seen_at, edge.now)?.may_add_authenticator(edge.now)?;
            let product = edge.gateway.product_name(&account.credential(id)?.grant.product);
            Ok(account.remove_phone(id, raw.phone, &product, &cookie.secret(), edge.now)?.into())
        })
        .await;
    // 7. Respond.
    match removed {
        Ok(((), stored)) => shown(edge, request, &cookie, stored.value(), id),
        Err(failure) => again(edge, request, id, &RawPhone::default(), "", failure).await,
    }
}

/// The phones after a change.
fn shown<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    cookie: &SessionCookie,
    account: &Account,
    id: CredentialId,
) -> Outcome {
    let person = edge.confirm_session(cookie, account)?;
    if request.encoding()? == Encoding::Form {
        return Ok(Reply::see_other(api::phones_address(id)));
    }
    edge.show(request, StatusCode::OK, &PhonesPage::of(edge, &person, id, &RawPhone::default())?)
}

/// The page again, with what is wrong; a code is never repeated.
async fn again<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    id: CredentialId,
    raw: &RawPhone,
    field: &str,
    failure: Failure,
) -> Outcome {
    if !request.wants_page() || matches!(failure, Failure::Refused(Refusal::OtpRequired)) {
        return crate::step_up_first(request, failure, &api::phones_address(id));
    }
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    let page = PhonesPage::of(edge, &person, id, raw)?;
    edge.refused_in_place(request, failure, field, |faults| page.with(faults))
}
