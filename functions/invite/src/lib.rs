//! `POST /invite`: a partner invites a supplier organisation (INV-1, INV-2). `GET /invite/accept?token=`: the invitee
//! opens the link (INV-4, INV-5). `POST /invite/accept`: an Organisation Administrator accepts it for the own
//! organisation (INV-7).
//!
//! Commit point: the slot of the application and e-mail. The claim on the `Idempotency-Key` is made before it and
//! decides nothing but which body the key belongs to, so that a repetition after a crash goes on where the first try
//! stopped.

mod api;
mod join;

use edge::{Change, Edge, Failure, Outcome, Platform, Request, edge::NowStands, failure::BadRequest};
use http::{Method, StatusCode};
use shared::{
    config::Partner,
    decision::{Counted, Decision},
    invitation::{CreateInvitation, IdempotencyClaim, InvitationSlot, Issued, RawInvitation, Wish},
    refusal::Refusal,
    secret::{IndexPurpose, PlainToken, SecretDigest, digest256},
    values::InvitationSlotId,
};

use crate::api::{AcceptPage, Created};

edge::component!(crate::handle, edge::drain::mail, edge::drain::invitations, edge::drain::organisations);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::POST, ["invite"]) => create(edge, request).await,
        (&Method::GET, ["invite", "accept"]) => accept(edge, request).await,
        (&Method::POST, ["invite", "accept"]) => join::accept(edge, request).await,
        (_, ["invite"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, ["invite", "accept"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn create<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = authenticate(edge, request).await?;
    // 3. Parse.
    let key = api::idempotency_key(request)?;
    let command = CreateInvitation::parse(request.decode::<RawInvitation>()?)?;
    let application = edge
        .gateway
        .application(command.application())
        .filter(|application| application.partner == partner.id)
        .ok_or_else(|| Refusal::field("application", "unknown", "Name one of your own applications."))?;
    // 4. Load the claim on the key, or make it.
    let claim = claim(edge, &partner, key, &request.body).await?;
    // 5. Decide and 6. commit.
    let slot = command.slot(&edge.keys);
    let wish = Wish { command: &command, claim: claim.id, partner: &partner, application };
    let Issued { decision, token } = InvitationSlot::open(&wish, &edge.keys, edge.now, &mut edge.rng());
    let created = match edge.create(&slot, decision).await? {
        NowStands::Ours(stored) => Created::of(edge, stored.value(), Some(&token)),
        NowStands::Another(_) => {
            let (token, stored) = edge
                .transact::<InvitationSlot, Option<PlainToken>>(&slot, Refusal::NotFound, |slot, rng| {
                    if slot.answers(&claim.id) {
                        return Ok(Change::Keep(None));
                    }
                    let Issued { decision, token } = slot.reopen(&wish, &edge.keys, edge.now, rng)?;
                    Ok(Change::Commit(Counted::new(decision, Some(token))))
                })
                .await?;
            Created::of(edge, stored.value(), token.as_ref())
        }
    };
    // 7. Respond.
    edge.show(request, StatusCode::CREATED, &created)
}

/// The partner whose API key the request carries (INV-1). Every key of every partner is compared, so that time tells
/// nothing about which one was close.
async fn authenticate<P: Platform>(edge: &Edge<P>, request: &Request) -> Result<Partner, Failure> {
    let presented = api::bearer(request).ok_or(Refusal::ApiKeyNotValid)?;
    let mut found = None;
    for partner in &edge.gateway.partners {
        for variable in &partner.api_key_digest_variables {
            let Some(digest) = edge.platform.variable(variable).await? else {
                continue;
            };
            let digest = digest
                .parse::<SecretDigest>()
                .map_err(|error| Failure::Fault(format!("variable {variable}: {error}")))?;
            if digest.matches(presented) {
                found = Some(partner.clone());
            }
        }
    }
    found.ok_or_else(|| Refusal::ApiKeyNotValid.into())
}

async fn claim<P: Platform>(
    edge: &Edge<P>,
    partner: &Partner,
    key: &str,
    body: &[u8],
) -> Result<IdempotencyClaim, Failure> {
    let id = edge.keys.index(IndexPurpose::Idempotency, &[partner.id.as_str().as_bytes(), key.as_bytes()]);
    let body = digest256(body);
    let claim = IdempotencyClaim { id, body, claimed_at: edge.now };
    let standing = match edge.create(&id, Decision::quiet(claim)).await {
        Ok(NowStands::Ours(stored) | NowStands::Another(stored)) => stored.into_value(),
        Err(Failure::Refused(Refusal::Busy { .. })) => return Err(Refusal::StillRunning.into()),
        Err(other) => return Err(other),
    };
    standing.admits(&body)?;
    Ok(standing)
}

async fn accept<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: edge::form::TokenQuery = request.decode_query()?;
    let token: PlainToken = query.token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let id = InvitationSlotId::from_bytes(token.record());
    let stored = edge.kv().get::<InvitationSlot>(&id).await?.ok_or(Refusal::LinkNotValid)?;
    let invited = stored.value().present(&token, edge.now)?;
    let standing = join::standing(edge, request).await?;
    let page = AcceptPage::of(edge, invited.slot(), &query.token, standing).ok_or(Refusal::LinkNotValid)?;
    edge.show(request, StatusCode::OK, &page)
}
