//! One invitation, by its id (INV-3): `GET /invite/{id}`, `POST /invite/{id}/resend`, `POST /invite/{id}/revoke`.
//!
//! Commit point: the slot, as that of a submission and an acceptance: of those that meet one is first, and the others learn
//! of it.

use edge::{
    Change, Edge, Failure, Outcome, Platform, Request,
    claim::{self, Claimed},
    partner,
};
use http::StatusCode;
use kv_schema::record::Record;
use shared::{
    config::{Application, Partner},
    decision::Counted,
    event::{Event, EventKind, Subject},
    invitation::{InvitationId, InvitationSlot, Issued, RawResend, Resend, ResendInvitation},
    quota::Class,
    refusal::Refusal,
    secret::PlainToken,
};

use crate::api::{self, InvitationView, NoFields};

pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    let id = parse(id)?;
    let partner = partner::authenticate(edge, request).await?;
    partner::spend(edge, &partner, Class::Reads).await?;
    let (slot, _) = own(edge, &partner, id).await?;
    edge::view::document(StatusCode::OK, &InvitationView::of(edge, &slot, id.generation)?)
}

pub(crate) async fn resend<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let id = parse(id)?;
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let key = partner::idempotency_key(request)?;
    let command = ResendInvitation::parse(&api::optional::<RawResend>(request)?)?;
    partner::spend(edge, &partner, Class::Changes).await?;
    // 4. Load.
    let (_, application) = own(edge, &partner, id).await?;
    let claim = match claim::claim(edge, &partner, key, request, &[InvitationSlot::key(&id.slot)]).await? {
        Claimed::Ours(claim) => claim,
        Claimed::Answered(reply) => return Ok(reply),
    };
    // 5. Decide and 6. commit.
    let wish = Resend { generation: id.generation, command: &command, claim, partner: &partner, application };
    let sent = send_again(edge, id, &wish).await;
    // 7. Respond.
    let reply = sent.and_then(|sent| edge::view::document(StatusCode::OK, &sent));
    claim::put_down(edge, &claim, reply).await
}

async fn send_again<P: Platform>(
    edge: &Edge<P>,
    id: InvitationId,
    wish: &Resend<'_>,
) -> Result<InvitationView, Failure> {
    let (token, stored) = edge
        .transact::<InvitationSlot, Option<PlainToken>>(&id.slot, Refusal::NotFound, |slot, rng| {
            if slot.was_resent_by(&wish.claim) {
                return Ok(Change::Keep(None));
            }
            let Issued { decision, token } = slot.resend(wish, &edge.keys, edge.now, rng)?;
            Ok(Change::Commit(Counted::new(decision, Some(token))))
        })
        .await?;
    Ok(InvitationView::sent_again(edge, stored.value(), id, token.as_ref())?)
}

pub(crate) async fn revoke<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let id = parse(id)?;
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let NoFields {} = api::optional(request)?;
    partner::spend(edge, &partner, Class::Changes).await?;
    // 4. Load.
    own(edge, &partner, id).await?;
    // 5. Decide and 6. commit.
    let ((), stored) = edge
        .transact::<InvitationSlot, ()>(&id.slot, Refusal::NotFound, |slot, _| {
            let application = slot.application.clone();
            let subject = Subject::Invitation { application: application.clone(), invitation: id, registration: None };
            let event = Event { kind: EventKind::InvitationRevoked, at: edge.now, subject };
            let told = edge.gateway.tell_partner_of(&application, event);
            Ok(slot.revoke(id.generation, edge.now)?.map(|revoked| revoked.and(told)).into())
        })
        .await?;
    // 7. Respond.
    edge::view::document(StatusCode::OK, &InvitationView::of(edge, stored.value(), id.generation)?)
}

/// What cannot be an id is no address.
fn parse(id: &str) -> Result<InvitationId, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}

/// The invitation's slot, if it invites to one of the partner's own applications. Any other does not exist for it.
async fn own<'a, P: Platform>(
    edge: &'a Edge<P>,
    partner: &Partner,
    id: InvitationId,
) -> Result<(InvitationSlot, &'a Application), Failure> {
    let slot = edge.kv().get::<InvitationSlot>(&id.slot).await?.ok_or(Refusal::NotFound)?.into_value();
    let application = edge.gateway.application(&slot.application).filter(|own| own.partner == partner.id);
    let application = application.ok_or(Refusal::NotFound)?;
    slot.outline(id.generation, edge.now).ok_or(Refusal::NotFound)?;
    Ok((slot, application))
}
