//! A person's credentials: licence keys become credentials, credentials get an authenticator app or phones.
//!
//! `GET /credentials`: what the account holds. `GET,POST /credentials/licence`: a licence key is checked (`step=check`)
//! and activated (`step=activate`); commit point: the order that gave it, whose effect grants the credential (CRD-1). `POST
//! /credentials/{id}/authenticator`: offers an app its seed; `GET` of the same shows it while it is offered (CRD-4);
//! `POST /credentials/{id}/authenticator/verify`: the first code proves the app and raises the session (CRD-9, OTP-4).
//! Commit point of both: the account. What is registered at `/credentials/{id}/phones`: `phones.rs`.

mod api;
mod phones;

use edge::{
    Change, Edge, Failure, Outcome, Platform, Reply, Request, failure::BadRequest, form::FormFaults, request::Encoding,
    session::SessionCookie,
};
use http::{Method, StatusCode};
use shared::{
    account::{Account, Presented},
    config::{Product, ProductKind},
    credential::{
        open_factor,
        phone::{Asker, Way},
        seal_seed,
    },
    licence::{Licence, credential_id, licence_id},
    order::Order,
    refusal::Refusal,
    totp::Seed,
    values::{AccountId, CredentialId, LicenceKey},
};

use crate::api::{
    ActivatedView, AgreementPage, AuthenticatorPage, LicencePage, ListPage, RawBegin, RawCode, RawLicence, Step,
    VerifiedView,
};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["credentials"]) => list(edge, request).await,
        (&Method::GET, ["credentials", "licence"]) => licence_form(edge, request).await,
        (&Method::POST, ["credentials", "licence"]) => licence(edge, request).await,
        (&Method::GET, ["credentials", id, "authenticator"]) => authenticator(edge, request, named(id)?).await,
        (&Method::POST, ["credentials", id, "authenticator"]) => begin(edge, request, named(id)?).await,
        (&Method::POST, ["credentials", id, "authenticator", "verify"]) => verify(edge, request, named(id)?).await,
        (&Method::GET, ["credentials", id, "phones"]) => phones::show(edge, request, named(id)?).await,
        (&Method::POST, ["credentials", id, "phones"]) => phones::call(edge, request, named(id)?).await,
        (&Method::POST, ["credentials", id, "phones", "verify"]) => phones::verify(edge, request, named(id)?).await,
        (&Method::POST, ["credentials", id, "phones", "remove"]) => phones::remove(edge, request, named(id)?).await,
        (_, ["credentials"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        (_, ["credentials", "licence"] | ["credentials", _, "authenticator" | "phones"]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into())
        }
        (_, ["credentials", _, "authenticator", "verify"] | ["credentials", _, "phones", "verify" | "remove"]) => {
            Err(BadRequest::MethodNotAllowed("POST").into())
        }
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

fn named(id: &str) -> Result<CredentialId, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}

async fn list<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let (cookie, account) = edge.session_account(request).await?;
    edge.confirm_session(&cookie, &account)?;
    edge.show(request, StatusCode::OK, &ListPage::of(&edge.gateway, &account, edge.now))
}

async fn licence_form<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let (cookie, account) = edge.session_account(request).await?;
    edge.confirm_session(&cookie, &account)?;
    edge.show(request, StatusCode::OK, &LicencePage::of("", FormFaults::none()))
}

async fn licence<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawLicence = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (cookie, account) = edge.session_account(request).await?;
    edge.confirm_session(&cookie, &account)?;
    // 3. Parse: a mistyped key is told from its check character and never reaches the store.
    let outcome = match api::licence_key(&raw, account.id, &edge.keys) {
        Ok(key) => match raw.step {
            Step::Check => check(edge, request, &account, &key).await,
            Step::Activate => activate(edge, request, &account, &key, &raw).await,
        },
        Err(refusal) => Err(refusal.into()),
    };
    match outcome {
        Ok(reply) => Ok(reply),
        Err(failure) => edge.refused_in_place(request, failure, "licence_key", |faults| {
            LicencePage::of(raw.licence_key.as_deref().unwrap_or_default(), faults)
        }),
    }
}

/// A licence that the account can activate now, and its product. One refusal for every "no" (CRD-1), but that of hardware
/// waits for its token (SHP-8).
async fn usable<'a, P: Platform>(
    edge: &'a Edge<P>,
    account: AccountId,
    key: &LicenceKey,
) -> Result<(Licence, &'a Product), Failure> {
    let id = licence_id(key, &edge.keys);
    let licence = edge.kv().get::<Licence>(&id).await?.ok_or(Refusal::LicenceNotUsable)?.into_value();
    let order = edge.kv().get::<Order>(&licence.order).await?.ok_or(Refusal::LicenceNotUsable)?;
    let product = order.value().ready_for(licence.id, account, &edge.gateway)?;
    Ok((licence, product))
}

async fn check<P: Platform>(edge: &Edge<P>, request: &Request, account: &Account, key: &LicenceKey) -> Outcome {
    let (_, product) = usable(edge, account.id, key).await?;
    let sealed = api::seal_licence_key(key, account.id, &edge.keys, &mut edge.rng())?;
    edge.show(request, StatusCode::OK, &AgreementPage::of(product, sealed, "", FormFaults::none()))
}

async fn activate<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    account: &Account,
    key: &LicenceKey,
    raw: &RawLicence,
) -> Outcome {
    // 4. Load what the licence is judged by.
    let (licence, product) = usable(edge, account.id, key).await?;
    let credential = credential_id(licence.id, &edge.keys);
    account.room_for_credential(credential)?;
    // 5. Decide and 6. commit: that a serial number is wrong is known only after the commit that counts it (SHP-8).
    let activated = match raw.command(product) {
        Ok(command) => {
            let judged =
                edge.transact::<Order, Result<(), Refusal>>(&licence.order, Refusal::LicenceNotUsable, |order, _| {
                    let (keys, now) = (&edge.keys, edge.now);
                    Ok(Change::Commit(order.try_activate(licence.id, account.id, product, &command, keys, now)?))
                });
            judged.await.and_then(|(outcome, _)| Ok(outcome?))
        }
        Err(refusal) => Err(refusal.into()),
    };
    // 7. Respond. What is wrong with the agreement or the serial number is shown beside it.
    match activated {
        Ok(()) => {
            let view = ActivatedView::of(credential, product);
            edge.done(request, &view.authenticator, StatusCode::OK, &view)
        }
        Err(Failure::Refused(refusal @ (Refusal::LicenceNotUsable | Refusal::ShipmentPending))) => Err(refusal.into()),
        Err(failure) => {
            let sealed = api::seal_licence_key(key, account.id, &edge.keys, &mut edge.rng())?;
            let field = if matches!(failure, Failure::Refused(Refusal::SerialNotUsable)) { "serial" } else { "agreed" };
            edge.refused_in_place(request, failure, field, |faults| {
                AgreementPage::of(product, sealed, raw.serial(), faults)
            })
        }
    }
}

async fn authenticator<P: Platform>(edge: &Edge<P>, request: &Request, id: CredentialId) -> Outcome {
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    match api::kind(&edge.gateway, account.credential(id)?) {
        Ok(ProductKind::Phone) => return Ok(Reply::see_other(api::phones_address(id))),
        Ok(ProductKind::HardwareToken) => return Ok(Reply::see_other(api::CREDENTIALS)),
        Ok(ProductKind::AuthenticatorApp) | Err(_) => {}
    }
    match AuthenticatorPage::of(edge, &person, id, FormFaults::none()) {
        Ok(page) => edge.show(request, StatusCode::OK, &page),
        Err(refusal) => step_up_first(request, refusal.into(), &api::authenticator_address(id)),
    }
}

async fn begin<P: Platform>(edge: &Edge<P>, request: &Request, id: CredentialId) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the cookie here, the session with the account.
    let raw: RawBegin = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let cookie = edge.require_session_cookie(request)?;
    // 3. Nothing to parse. 4. Load, 5. decide and 6. commit.
    let begun = edge
        .transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, rng| {
            account.signed_in(&cookie.secret(), cookie.seen_at, edge.now)?.may_add_authenticator(edge.now)?;
            let kind = api::kind(&edge.gateway, account.credential(id)?)?;
            let sealed = seal_seed(&Seed::random(rng), account.id, id, &edge.keys, rng);
            Ok(account.begin_enrolment(id, kind, sealed, edge.now)?.into())
        })
        .await;
    // 7. Respond.
    let stored = match begun {
        Ok(((), stored)) => stored,
        Err(failure) => return step_up_first(request, failure, &api::authenticator_address(id)),
    };
    let person = edge.confirm_session(&cookie, stored.value())?;
    if request.encoding()? == Encoding::Form {
        return Ok(Reply::see_other(api::authenticator_address(id)));
    }
    let page = AuthenticatorPage::of(edge, &person, id, FormFaults::none())?;
    edge.show(request, StatusCode::OK, &page)
}

/// A person who needs a second factor first is led to it, and back.
fn step_up_first(request: &Request, failure: Failure, back: &str) -> Outcome {
    match failure {
        Failure::Refused(Refusal::OtpRequired) if request.wants_page() => {
            Ok(Reply::see_other(format!("/verify-otp?continue={back}")))
        }
        other => Err(other),
    }
}

async fn verify<P: Platform>(edge: &Edge<P>, request: &Request, id: CredentialId) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the cookie here, the session with the account.
    let raw: RawCode = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let cookie = edge.require_session_cookie(request)?;
    // 3. Parse.
    let code = match api::code(&raw) {
        Ok(code) => code,
        Err(refusal) => {
            let (cookie, account) = edge.session_account(request).await?;
            return code_refused(edge, request, &cookie, &account, id, refusal);
        }
    };
    // 4. Load, 5. decide and 6. commit: the outcome is known only after the commit that counts it (OTP-3).
    let next_session = edge.fresh_secret();
    let (outcome, stored) = edge
        .transact::<Account, Result<(), Refusal>>(&cookie.account, Refusal::NotSignedIn, |account, _| {
            let secret = cookie.secret();
            account.signed_in(&secret, cookie.seen_at, edge.now)?.may_add_authenticator(edge.now)?;
            let credential = account.credential(id)?;
            let asker = Asker { account: account.id, way: Way::Session, by: &secret.digest(), keys: &edge.keys };
            let opened = open_factor(credential, &code, asker, edge.now)?;
            let product = edge.gateway.product_name(&credential.grant.product);
            let presented = Presented {
                credential: id,
                opened: &opened,
                code: &code,
                session: &secret,
                next_session: &next_session,
            };
            Ok(Change::Commit(account.prove_enrolment(&presented, &product, edge.now)?))
        })
        .await?;
    // 7. Respond.
    match outcome {
        Ok(()) => {
            edge.set_session(&SessionCookie::new(cookie.account, &next_session, edge.now));
            edge.done(request, "/dashboard", StatusCode::OK, &VerifiedView::of(stored.value().credential(id)?))
        }
        Err(refusal) => code_refused(edge, request, &cookie, stored.value(), id, refusal),
    }
}

fn code_refused<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    cookie: &SessionCookie,
    account: &Account,
    id: CredentialId,
    refusal: Refusal,
) -> Outcome {
    let person = edge.confirm_session(cookie, account)?;
    let page = match AuthenticatorPage::of(edge, &person, id, FormFaults::none()) {
        Ok(page) => page,
        Err(refusal) => return step_up_first(request, refusal.into(), &api::authenticator_address(id)),
    };
    edge.refused_in_place(request, refusal.into(), "code", |faults| page.with(faults))
}
