//! What a partner's system does with invitations, as JSON with problem documents. `POST /invite`: invites (INV-1, INV-2);
//! `GET /invite`: the list (INV-3); `GET /invite/{id}`, `POST /invite/{id}/resend`, `POST /invite/{id}/revoke` (INV-3);
//! `POST /invite/bulk`: invites many (INV-9); `GET /invite/openapi.json`: all of this, for programs. And
//! `GET /invite/accept?token=`: the invitee opens the link (INV-4, INV-5); `GET /invite/accept?invitation=`: an Organisation
//! Administrator opens an invitation from the dashboard; `POST /invite/accept`: accepts it for the own organisation (INV-7).
//!
//! And what it does with the webhooks that tell it of all that (MSG-3): `GET /webhooks/deliveries`: the log;
//! `GET /webhooks/deliveries/{id}`, `POST /webhooks/deliveries/{id}/replay`; `GET /webhooks/endpoint`,
//! `POST /webhooks/endpoint/enable`.
//!
//! Commit point: the slot of the application and e-mail. The claim on the `Idempotency-Key` is made before it and put down
//! with the answer after it. It decides nothing but what a repetition is told: the slot remembers which claim made its
//! invitation, so that a repetition after a crash goes on where the first try stopped. A bulk request has one claim, and a
//! commit point for each line.

mod api;
mod bulk;
mod join;
mod list;
mod one;
mod webhooks;

use edge::{
    Change, Edge, Failure, Outcome, Platform, Reply, Request,
    claim::{self, Claimed},
    edge::NowStands,
    failure::BadRequest,
    partner,
};
use http::{Method, StatusCode};
use kv_schema::record::Record;
use shared::{
    config::{Application, Partner},
    decision::Counted,
    invitation::{CreateInvitation, InvitationSlot, Issued, RawInvitation, Wish},
    quota::Class,
    refusal::Refusal,
    secret::PlainToken,
    values::{ApplicationId, InvitationSlotId, Seconds},
};

use crate::api::{AcceptPage, AcceptQuery, InvitationView, Way};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

/// The description of the routes for programs (`OpenAPI` 3.1). It holds nothing that is not public.
pub const OPENAPI: &str = include_str!("../openapi.json");

edge::component!(crate::handle, leaves effects);

/// The slot was there when this request looked and is gone now: the next try makes it anew.
const BEING_REMOVED: Refusal = Refusal::Busy { retry_after: Seconds(2) };

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["invite"]) => list::list(edge, request).await,
        (&Method::POST, ["invite"]) => create(edge, request).await,
        (&Method::POST, ["invite", "bulk"]) => bulk::bulk(edge, request).await,
        (_, ["invite", "bulk"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (&Method::GET, ["invite", "accept"]) => accept(edge, request).await,
        (&Method::GET, ["invite", "openapi.json"]) => Ok(openapi()),
        (&Method::POST, ["invite", "accept"]) => join::accept(edge, request).await,
        (&Method::GET, ["invite", id]) => one::show(edge, request, id).await,
        (&Method::POST, ["invite", id, "resend"]) => one::resend(edge, request, id).await,
        (&Method::POST, ["invite", id, "revoke"]) => one::revoke(edge, request, id).await,
        (_, ["invite"] | ["invite", "accept"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (_, ["invite", _, "resend" | "revoke"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, ["invite", _]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        (_, ["webhooks", rest @ ..]) => webhooks::handle(edge, request, rest).await,
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn create<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let key = partner::idempotency_key(request)?;
    let command = CreateInvitation::parse(request.decode::<RawInvitation>()?)?;
    let application = own_application(edge, &partner, command.application())?;
    partner::spend(edge, &partner, Class::Changes).await?;
    // 4. Load the claim on the key, or make it.
    let slot = command.slot(&edge.keys);
    let claim = match claim::claim(edge, &partner, key, request, &[InvitationSlot::key(&slot)]).await? {
        Claimed::Ours(claim) => claim,
        Claimed::Answered(reply) => return Ok(reply),
    };
    // 5. Decide and 6. commit.
    let created = issue(edge, &Wish { command: &command, claim, partner: &partner, application }).await;
    // 7. Respond.
    let reply = created.and_then(|created| edge::view::document(StatusCode::CREATED, &created));
    claim::put_down(edge, &claim, reply).await
}

/// Makes the invitation, or finds the one that the same claim made before (INV-2, INV-3).
async fn issue<P: Platform>(edge: &Edge<P>, wish: &Wish<'_>) -> Result<InvitationView, Failure> {
    let slot = wish.command.slot(&edge.keys);
    let Issued { decision, token } = InvitationSlot::open(wish, &edge.keys, edge.now, &mut edge.rng());
    if let NowStands::Ours(stored) = edge.create(&slot, decision).await? {
        return InvitationView::made(edge, stored.value(), wish, Some(&token));
    }
    let (token, stored) = edge
        .transact::<InvitationSlot, Option<PlainToken>>(&slot, BEING_REMOVED, |slot, rng| {
            if slot.made_by(&wish.claim).is_some() {
                return Ok(Change::Keep(None));
            }
            let Issued { decision, token } = slot.reopen(wish, &edge.keys, edge.now, rng)?;
            Ok(Change::Commit(Counted::new(decision, Some(token))))
        })
        .await?;
    InvitationView::made(edge, stored.value(), wish, token.as_ref())
}

/// The application, if it is one of the partner's own. Any other counts as unknown (INV-1).
fn own_application<'a, P: Platform>(
    edge: &'a Edge<P>,
    partner: &Partner,
    id: &ApplicationId,
) -> Result<&'a Application, Refusal> {
    let application = edge.gateway.application(id).filter(|application| application.partner == partner.id);
    application.ok_or_else(|| Refusal::field("application", "unknown", "Name one of your own applications."))
}

async fn accept<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: AcceptQuery = request.decode_query()?;
    let token = match (query.token, query.invitation) {
        (Some(token), None) => token,
        (None, Some(id)) => return join::show(edge, request, &id).await,
        _ => return Err(Refusal::LinkNotValid.into()),
    };
    accept_by_link(edge, request, token).await
}

async fn accept_by_link<P: Platform>(edge: &Edge<P>, request: &Request, link: String) -> Outcome {
    let token: PlainToken = link.parse().map_err(|_| Refusal::LinkNotValid)?;
    let id = InvitationSlotId::from_bytes(token.record());
    let stored = edge.kv().get::<InvitationSlot>(&id).await?.ok_or(Refusal::LinkNotValid)?;
    let invited = match stored.value().present(&token, edge.now) {
        Ok(invited) => invited,
        // Its holder is further already. Programs and strangers get the one answer.
        Err(_) if request.wants_page() && stored.value().registration_of(&token).is_some() => {
            return Ok(Reply::see_other(format!("/register/status?invitation={link}")));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let standing = join::standing(edge, request).await?;
    let page = AcceptPage::of(edge, invited.slot(), Way::Link(link), standing).ok_or(Refusal::LinkNotValid)?;
    edge.show(request, StatusCode::OK, &page)
}

fn openapi() -> Reply {
    Reply::with(StatusCode::OK, "application/openapi+json", OPENAPI).header("cache-control", "public, max-age=3600")
}
