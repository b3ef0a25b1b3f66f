//! Operators sign in with password and second factor at once, and out again (SIG-1).

use edge::{
    Change, Edge, Failure, Outcome, Platform, Request, cookies,
    duty::record_of,
    form::{ContinueQuery, FormFaults, RawSignOut, SignedOut},
    password::Compared,
    session::OperatorCookie,
};
use http::StatusCode;
use shared::{
    audit::{Action, Actor},
    config,
    decision::Decision,
    operator::{Attempt, Operator, open_seed},
    refusal::Refusal,
    secret::{IndexPurpose, SealPurpose, SecretDigest, digest256},
    values::OperatorId,
};

use crate::api::{self, Credentials, RawSignIn, SignInPage, SignedIn};

/// Under this name, which no session is ever opened for, failures of unknown operators are counted.
const STRANGER: &str = "stranger";

pub(crate) fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: ContinueQuery = request.decode_query()?;
    let target = api::target(query.continue_to.as_deref());
    edge.show(request, StatusCode::OK, &SignInPage::new(target, String::new(), FormFaults::none()))
}

pub(crate) async fn sign_in<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Nothing authenticates but what follows.
    let raw: RawSignIn = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse.
    let entered = match Credentials::parse(&raw) {
        Ok(credentials) => attempt(edge, &credentials).await,
        Err(refusal) => Err(refusal.into()),
    };
    match entered {
        // 7. Respond.
        Ok((operator, cookie)) => {
            edge.set_sealed_cookie(cookies::OPERATOR, SealPurpose::Session, &cookie);
            edge.done(request, raw.target().as_str(), StatusCode::OK, &SignedIn::of(operator))
        }
        Err(failure) => edge.refused_in_place(request, failure, "operator", |faults| {
            SignInPage::new(raw.target(), raw.operator.clone(), faults)
        }),
    }
}

/// Whom a try is counted against.
struct Counter<'a> {
    record: [u8; 16],
    id: OperatorId,
    /// `None` for an unknown operator, whom no password lets in.
    operator: Option<&'a config::Operator>,
    /// Where the digest of a generated password may be.
    variable: Option<&'a str>,
}

/// An unknown operator costs the same reads, hash and write as a known one. Strangers share 256 records, so that guessing
/// names does not fill the store.
fn counter<'a, P: Platform>(edge: &'a Edge<P>, name: &str) -> Result<Counter<'a>, Failure> {
    let known = name.parse().ok().and_then(|id| edge.gateway.operator(&id));
    if let Some(operator) = known {
        return Ok(Counter {
            record: record_of(edge, &operator.id),
            id: operator.id.clone(),
            operator: Some(operator),
            variable: operator.password_digest_variable.as_deref(),
        });
    }
    edge.acts_on_a_decoy();
    let [share, ..] = digest256(name.as_bytes());
    Ok(Counter {
        record: edge.keys.index(IndexPurpose::Operator, &[STRANGER.as_bytes(), &[share]]),
        id: STRANGER.parse().map_err(|error| Failure::Fault(format!("operator {STRANGER}: {error}")))?,
        operator: None,
        variable: edge.gateway.operators.iter().find_map(|operator| operator.password_digest_variable.as_deref()),
    })
}

async fn attempt<'a, P: Platform>(
    edge: &'a Edge<P>,
    credentials: &Credentials<'_>,
) -> Result<(&'a config::Operator, OperatorCookie), Failure> {
    // 4. Load.
    let counter = counter(edge, credentials.operator)?;
    let generated_matches = generated_matches(edge, &counter, credentials.password).await?;
    let mut password = Compared::new(credentials.password);
    let secret = edge.fresh_secret();
    drop(
        edge.create(&counter.record, Decision::quiet(Action::OperatorRecord, Operator::new(counter.id.clone())))
            .await?,
    );
    // 5. Decide and 6. commit.
    let (judged, _) = edge
        .transact::<Operator, Result<(), Refusal>>(&counter.record, Refusal::SignInFailed, |operator, _| {
            let own_matches = password.with(operator.password(), &edge.keys);
            let (password_matches, seed) = match &operator.enrolled {
                Some(enrolled) => (own_matches, open_seed(enrolled, &counter.id, &edge.keys)?),
                None => (generated_matches, edge.keys.operator_totp_seed(&counter.id)),
            };
            let attempt = Attempt { password_matches, seed: seed.expose(), code: &credentials.code };
            Ok(Change::Commit(operator.sign_in(&attempt, &secret, edge.now)))
        })
        .await?;
    judged?;
    let operator = counter.operator.ok_or(Refusal::SignInFailed)?;
    Ok((operator, OperatorCookie::new(operator.id.clone(), &secret, edge.now)))
}

/// Compares with the digest of the generated password; for an unknown operator with somebody's, in vain. It counts only as
/// long as the operator has no password of their own.
async fn generated_matches<P: Platform>(
    edge: &Edge<P>,
    counter: &Counter<'_>,
    password: &str,
) -> Result<bool, Failure> {
    let Some(variable) = counter.variable else {
        return Ok(false);
    };
    let Some(digest) = edge.platform.variable(variable).await? else {
        return Ok(false);
    };
    let digest: SecretDigest =
        digest.parse().map_err(|error| Failure::Fault(format!("variable {variable}: {error}")))?;
    let matches = digest.matches(password);
    Ok(matches & counter.operator.is_some())
}

pub(crate) async fn sign_out<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let cookie: Option<OperatorCookie> = edge.sealed_cookie(request, cookies::OPERATOR, SealPurpose::Session);
    if let Some(cookie) = cookie {
        edge.acts(Actor::Operator(cookie.operator.clone()));
        let record = record_of(edge, &cookie.operator);
        let ended = edge
            .transact::<Operator, ()>(&record, Refusal::NotSignedIn, |operator, _| {
                Ok(operator.sign_out(&cookie.secret()).into())
            })
            .await;
        match ended {
            Ok(_) | Err(Failure::Refused(Refusal::NotSignedIn)) => {}
            Err(failure) => return Err(failure),
        }
    }
    edge.clear_cookie(cookies::OPERATOR);
    edge.done(request, "/operate/sign-in", StatusCode::OK, &SignedOut { signed_out: true })
}
