//! `POST /invite/accept`: an Organisation Administrator accepts an invitation for the organisation that exists already
//! (INV-7).
//!
//! Commit point: the invitation's slot, which names the registration that it leads to, as a submission by the invitation
//! does. So of the two only one can happen, and a repetition meets its own record.

use edge::{Change, Edge, Failure, Outcome, Platform, Request};
use http::StatusCode;
use shared::{
    account::SignedIn,
    config::Application,
    decision::Counted,
    invitation::{InvitationId, InvitationSlot, Invited},
    organisation::Organisation,
    refusal::Refusal,
    registration::{Circumstances, Registration},
    secret::PlainToken,
    values::{InvitationSlotId, RegistrationId, Timestamp},
};

use crate::api::{AcceptPage, Accepted, RawAcceptance, Standing, Way};

/// What says that somebody may use an invitation.
enum By {
    /// Its link.
    Link(PlainToken),
    /// That their organisation was told of it: they opened it from the dashboard.
    Offer(InvitationId),
}

impl By {
    fn parse(raw: &RawAcceptance) -> Result<Self, Refusal> {
        match (&raw.token, &raw.invitation) {
            (Some(token), None) => token.parse().map(Self::Link).map_err(|_| Refusal::LinkNotValid),
            (None, Some(id)) => id.parse().map(Self::Offer).map_err(|_| Refusal::LinkNotValid),
            _ => Err(Refusal::LinkNotValid),
        }
    }

    fn slot(&self) -> InvitationSlotId {
        match self {
            Self::Link(token) => InvitationSlotId::from_bytes(token.record()),
            Self::Offer(id) => id.slot,
        }
    }

    fn present<'a>(
        &self,
        slot: &'a InvitationSlot,
        person: &SignedIn<'_>,
        organisation: &Organisation,
        now: Timestamp,
    ) -> Result<Invited<'a>, Refusal> {
        match self {
            Self::Link(token) => slot.present(token, now),
            Self::Offer(id) => slot.offered_to(*id, organisation, person, now),
        }
    }

    /// The registration that the invitation may have led to, for a repetition.
    fn registration(&self, slot: &InvitationSlot, person: &SignedIn<'_>) -> Option<RegistrationId> {
        match self {
            Self::Link(token) => slot.registration_of(token),
            Self::Offer(id) => slot.registration_by(*id).filter(|_| person.membership.organisation_administrator),
        }
    }
}

/// Shows an invitation to the administrators whose organisation was told of it. To everybody else there is none.
pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    let id: InvitationId = id.parse().map_err(|_| Refusal::LinkNotValid)?;
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    let slot = edge.kv().get::<InvitationSlot>(&id.slot).await?.ok_or(Refusal::LinkNotValid)?.into_value();
    let organisation = edge.kv().get::<Organisation>(&person.membership.organisation).await?;
    let organisation = organisation.ok_or(Refusal::LinkNotValid)?.into_value();
    By::Offer(id).present(&slot, &person, &organisation, edge.now)?;
    let standing =
        Some(Standing { organization: organisation.profile.legal_name.as_str().to_owned(), may_accept: true });
    let page = AcceptPage::of(edge, &slot, Way::Dashboard(id), standing).ok_or(Refusal::LinkNotValid)?;
    edge.show(request, StatusCode::OK, &page)
}

/// Accepts the invitation for the organisation that the session is for.
pub(crate) async fn accept<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 3. Parse.
    let raw: RawAcceptance = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let by = By::parse(&raw)?;
    // 2. Authenticate.
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    // 4. Load.
    let kv = edge.kv();
    let slot = by.slot();
    let slot = kv.get::<InvitationSlot>(&slot).await?.ok_or(Refusal::LinkNotValid)?.into_value();
    let application = edge.gateway.application(&slot.application).ok_or(Refusal::LinkNotValid)?;
    let organisation = kv.get::<Organisation>(&person.membership.organisation).await?.ok_or(Refusal::NotFound)?;
    // 5. Decide and 6. commit.
    commit(edge, &slot.id, &by, &person, organisation.value(), application).await?;
    // 7. Respond.
    let accepted = Accepted {
        application: application.id.to_string(),
        organization: organisation.value().profile.legal_name.as_str().to_owned(),
    };
    edge.done(request, "/dashboard", StatusCode::OK, &accepted)
}

/// What is wrong with the link is said before anything about the person; a repetition succeeds.
async fn commit<P: Platform>(
    edge: &Edge<P>,
    slot: &InvitationSlotId,
    by: &By,
    person: &SignedIn<'_>,
    organisation: &Organisation,
    application: &Application,
) -> Result<(), Failure> {
    let circumstances = Circumstances { application, has_account: true, keys: &edge.keys, now: edge.now };
    let (ours, slot) = edge
        .transact::<InvitationSlot, bool>(slot, Refusal::LinkNotValid, |slot, rng| {
            let invited = match by.present(&slot, person, organisation, edge.now) {
                Ok(invited) => invited,
                Err(_) if by.registration(&slot, person).is_some() => return Ok(Change::Keep(false)),
                Err(refusal) => return Err(refusal),
            };
            let decision = Registration::by_organisation(invited, person, organisation, &circumstances, rng)?;
            let accepted = edge.gateway.tell_of_acceptance(&slot, decision.next.id, edge.now);
            Ok(Change::Commit(Counted::new(slot.used_for(decision).and(accepted), true)))
        })
        .await?;
    if ours {
        return Ok(());
    }
    let id = by.registration(slot.value(), person).ok_or(Refusal::LinkNotValid)?;
    let stored = edge.registered(&id).await?;
    if !stored.value().was_joined_by(organisation.id) {
        return Err(Refusal::LinkNotValid.into());
    }
    edge.drain(stored.envelope()).await;
    Ok(())
}

/// The organisation of whoever is signed in. Nobody has to be: the page is for strangers, too.
pub(crate) async fn standing<P: Platform>(edge: &Edge<P>, request: &Request) -> Result<Option<Standing>, Failure> {
    let (cookie, account) = match edge.session_account(request).await {
        Ok(session) => session,
        Err(Failure::Refused(Refusal::NotSignedIn)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let Ok(person) = edge.confirm_session(&cookie, &account) else {
        return Ok(None);
    };
    let organisation = edge.kv().get::<Organisation>(&person.membership.organisation).await?;
    Ok(organisation.map(|organisation| Standing {
        organization: organisation.value().profile.legal_name.as_str().to_owned(),
        may_accept: person.membership.organisation_administrator,
    }))
}
