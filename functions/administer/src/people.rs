//! `GET /administer/people/new`, `POST /administer/people`: an administrator invites somebody into the organisation, or
//! enters them directly (INV-8). `POST /administer/people/{id}/take-back`: the invitation's link dies.
//!
//! Commit point: the organisation's team. E-mail, account or offer follow as effects. Whether the mailbox has an account
//! changes neither the answer nor what this request reads: who carries out the effect looks.

use edge::{Change, Edge, Failure, Outcome, Platform, Request, form::FormFaults, form::RawSignOut};
use http::StatusCode;
use shared::{
    account::SignedIn,
    audit::Action,
    decision::Decision,
    organisation::Organisation,
    refusal::Refusal,
    team::{AddPerson, RawPerson, Team},
    values::{FormId, PersonInvitationId},
};

use crate::{
    HOME, administrator,
    api::JustDone,
    api::people::{Added, NewPage, RawAdd, TakenBack},
    organisation_of,
};

pub(crate) async fn form<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let (cookie, account) = edge.session_account(request).await?;
    let person = administrator(edge, &cookie, &account)?;
    let organisation = organisation_of(edge, &person).await?;
    let raw = RawAdd::blank(FormId::random(&mut edge.rng()));
    edge.show(request, StatusCode::OK, &NewPage::of(edge, &organisation, raw, FormFaults::none()))
}

pub(crate) async fn add<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawAdd = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (cookie, account) = edge.session_account(request).await?;
    let person = administrator(edge, &cookie, &account)?;
    let organisation = organisation_of(edge, &person).await?;
    // 3. Parse, 4. load, 5. decide and 6. commit.
    let entered = raw.person();
    match commit(edge, &person, &organisation, &entered).await {
        // 7. Respond.
        Ok(()) => {
            let added = Added::of(&entered);
            edge.leave_notice(request, HOME, &JustDone::added(&person, &entered));
            edge.done(request, HOME, StatusCode::CREATED, &added)
        }
        Err(failure) => {
            edge.refused_in_place(request, failure, "email", |faults| NewPage::of(edge, &organisation, raw, faults))
        }
    }
}

async fn commit<P: Platform>(
    edge: &Edge<P>,
    person: &SignedIn<'_>,
    organisation: &Organisation,
    entered: &RawPerson,
) -> Result<(), Failure> {
    let command = AddPerson::parse(entered, organisation)?;
    let id = organisation.id;
    drop(edge.create(&id, Decision::quiet(Action::TeamRecord, Team::new(id))).await?);
    let added = edge.transact::<Team, ()>(&id, Refusal::NotFound, |team, rng| {
        Ok(Change::from(team.add(command.clone(), person, organisation, (&edge.keys, edge.now), rng)?))
    });
    added.await.map(drop)
}

pub(crate) async fn take_back<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (cookie, account) = edge.session_account(request).await?;
    let person = administrator(edge, &cookie, &account)?;
    // 3. Parse.
    let id: PersonInvitationId = id.parse().map_err(|_| Refusal::NotFound)?;
    // 4. Load, 5. decide and 6. commit.
    edge.transact::<Team, ()>(&person.membership.organisation, Refusal::NotFound, |team, _| {
        Ok(Change::from(team.take_back(&person, id, edge.now)?))
    })
    .await?;
    // 7. Respond.
    edge.leave_notice(request, HOME, &JustDone::taken_back(&person));
    edge.done(request, HOME, StatusCode::OK, &TakenBack { id, state: "ended" })
}
