//! `GET,POST /operate/enrol`: an operator chooses a password and registers an authenticator app. Whoever comes first does it
//! with the deployment's one-time secret, whose SHA-256 is in the variable `operator_bootstrap_digest`; everybody else with
//! a link that a colleague has mailed (`staff.rs`).
//!
//! Commit point: the operator's record, which gets password, authenticator and the first session in one write. Before it the
//! one-time secret is claimed for the operator, which decides nothing but whose it is: so it enrols one operator, once, and a
//! request that died in between is repeated. Until the commit nothing is stored: the seed on offer travels in the form,
//! sealed.

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request, cookies, duty::record_of, edge::NowStands, form::FormFaults,
    session::OperatorCookie,
};
use http::StatusCode;
use shared::{
    audit::Action,
    config,
    decision::Decision,
    operator::{Admitted, BootstrapClaim, Enrolment, Operator},
    refusal::Refusal,
    secret::{IndexPurpose, PlainToken, SealPurpose, SecretDigest, SessionSecret},
};

use crate::api::{
    self,
    enrol::{EnrolPage, EnrolQuery, Offer, RawEnrolment},
};

/// Holds the SHA-256 of the secret with which the first operator enrols; empty when nobody shall.
const BOOTSTRAP: &str = "operator_bootstrap_digest";

/// Who wants to enrol, and what says that they may.
struct Candidate<'a> {
    operator: &'a config::Operator,
    may: May,
}

enum May {
    /// The one-time secret, which was right.
    Secret(SecretDigest),
    Link(PlainToken),
}

pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: EnrolQuery = request.decode_query()?;
    let operator = match &query.token {
        Some(token) => match by_link(edge, token).await {
            Ok(candidate) => Some(candidate.operator),
            Err(failure) => return further_already(edge, request, token, failure).await,
        },
        // Whether the secret was used already, only its holder learns.
        None => edge.platform.variable(BOOTSTRAP).await?.map(|_| None).ok_or(Refusal::NotFound)?,
    };
    let offer = Offer::fresh(edge);
    edge.show(request, StatusCode::OK, &EnrolPage::of(edge, operator, query.token, &offer, "", FormFaults::none()))
}

pub(crate) async fn enrol<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the secret or the link is the credential.
    let raw: RawEnrolment = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let candidate = match &raw.token {
        Some(token) => by_link(edge, token).await,
        None => by_secret(edge, &raw).await,
    };
    let operator = candidate.as_ref().ok().map(|candidate| candidate.operator).filter(|_| raw.token.is_some());
    let session = edge.fresh_secret();
    let enrolled = match candidate {
        Ok(candidate) => enrolled(edge, candidate, &raw, &session).await,
        Err(failure) => Err(failure),
    };
    match enrolled {
        // 7. Respond.
        Ok(operator) => {
            let cookie = OperatorCookie::new(operator.id.clone(), &session, edge.now);
            edge.set_sealed_cookie(cookies::OPERATOR, SealPurpose::Session, &cookie);
            edge.done(request, api::QUEUE, StatusCode::OK, &api::SignedIn::of(operator))
        }
        Err(failure) => edge.refused_in_place(request, failure, "code", |faults| {
            let offer = raw.offer(edge).unwrap_or_else(|| Offer::fresh(edge));
            EnrolPage::of(edge, operator, raw.token.clone(), &offer, &raw.operator, faults)
        }),
    }
}

async fn enrolled<'a, P: Platform>(
    edge: &'a Edge<P>,
    candidate: Candidate<'a>,
    raw: &RawEnrolment,
    session: &SessionSecret,
) -> Result<&'a config::Operator, Failure> {
    // 3. Parse: password and code are judged once, whatever happens to the commit.
    let with = raw.parse(edge, candidate.operator)?;
    // 4. Load, 5. decide, 6. commit.
    match commit(edge, &candidate, &with, session).await {
        Err(Failure::Refused(Refusal::LinkNotValid)) if matches!(candidate.may, May::Secret(_)) => Err(not_accepted()),
        Err(failure) => Err(failure),
        Ok(()) => Ok(candidate.operator),
    }
}

async fn commit<P: Platform>(
    edge: &Edge<P>,
    candidate: &Candidate<'_>,
    with: &Enrolment,
    session: &SessionSecret,
) -> Result<(), Failure> {
    let id = &candidate.operator.id;
    let record = record_of(edge, id);
    let claim;
    let by = match &candidate.may {
        May::Link(token) => Admitted::Link(token),
        May::Secret(digest) => {
            claim = claimed(edge, digest, candidate.operator).await?;
            // Nothing is written for whoever comes too late.
            if claim.operator != *id {
                return Err(Refusal::LinkNotValid.into());
            }
            Admitted::Bootstrap(&claim)
        }
    };
    drop(edge.create(&record, Decision::quiet(Action::OperatorRecord, Operator::new(id.clone()))).await?);
    let enrolled = edge.transact::<Operator, ()>(&record, Refusal::LinkNotValid, |operator, _| {
        Ok(operator.enrol(by, with.clone(), session, edge.now)?.into())
    });
    enrolled.await.map(drop)
}

/// Whose the one-time secret is: the first operator's who came with it.
async fn claimed<P: Platform>(
    edge: &Edge<P>,
    digest: &SecretDigest,
    operator: &config::Operator,
) -> Result<BootstrapClaim, Failure> {
    let id = edge.keys.index(IndexPurpose::Bootstrap, &[digest.as_str().as_bytes()]);
    let claim = BootstrapClaim { id, operator: operator.id.clone(), at: edge.now };
    match edge.create(&id, Decision::quiet(Action::BootstrapClaim, claim)).await? {
        NowStands::Ours(stored) | NowStands::Another(stored) => Ok(stored.into_value()),
    }
}

/// The operator whom a link names. Every "no" is the same.
/// Where somebody is led who opens the link again with which they have enrolled.
async fn further_already<P: Platform>(edge: &Edge<P>, request: &Request, token: &str, failure: Failure) -> Outcome {
    let used = match token.parse::<PlainToken>() {
        Ok(token) if request.wants_page() => {
            let stored = edge.kv().get::<Operator>(&token.record()).await?;
            stored.is_some_and(|stored| stored.value().was_enrolled_with(&token))
        }
        _ => false,
    };
    if used { Ok(Reply::see_other("/operate/sign-in")) } else { Err(failure) }
}

async fn by_link<'a, P: Platform>(edge: &'a Edge<P>, token: &str) -> Result<Candidate<'a>, Failure> {
    let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let stored = edge.kv().get::<Operator>(&token.record()).await?.ok_or(Refusal::LinkNotValid)?;
    stored.value().admitted(Admitted::Link(&token), edge.now)?;
    let operator = edge.gateway.operator(&stored.value().id).ok_or(Refusal::LinkNotValid)?;
    Ok(Candidate { operator, may: May::Link(token) })
}

/// The operator who presents the one-time secret. Which operators there are, only its holder learns.
async fn by_secret<'a, P: Platform>(edge: &'a Edge<P>, raw: &RawEnrolment) -> Result<Candidate<'a>, Failure> {
    let digest = edge.platform.variable(BOOTSTRAP).await?.ok_or_else(not_accepted)?;
    let digest: SecretDigest =
        digest.parse().map_err(|error| Failure::Fault(format!("variable {BOOTSTRAP}: {error}")))?;
    if !digest.matches(&raw.secret) {
        return Err(not_accepted());
    }
    let known = raw.operator.trim().parse().ok().and_then(|id| edge.gateway.operator(&id));
    let operator =
        known.ok_or_else(|| Refusal::field("operator", "unknown", "Enter an operator id of the configuration."))?;
    Ok(Candidate { operator, may: May::Secret(digest) })
}

/// One answer for a secret that is wrong, used, or not configured.
fn not_accepted() -> Failure {
    let hint = "This secret is not accepted. It works once, for one operator.";
    Refusal::field("secret", "not-accepted", hint).into()
}
