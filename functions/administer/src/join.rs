//! `GET /administer/join?token=`: what somebody is invited to, by the link that an administrator has had mailed; opening it
//! changes nothing. `POST /administer/join`: the person accepts (INV-8).
//!
//! Commit point: the organisation's team. The account with its activation e-mail, or one membership more, follows as an
//! effect. The link has proved the mailbox, so its holder may be told whether there is an account.

use edge::{Change, Edge, Failure, Outcome, Platform, Reply, Request, form::FormFaults, form::TokenQuery};
use http::StatusCode;
use shared::{
    account::Login,
    organisation::Organisation,
    refusal::Refusal,
    secret::PlainToken,
    team::{Completed, PersonInvitation, Team},
    values::OrganisationId,
};

use crate::api::join::{JoinPage, Joined, JoinedPage, RawJoin};

/// What a link leads to.
struct Presented {
    token: PlainToken,
    team: Team,
    organisation: Organisation,
}

pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: TokenQuery = request.decode_query()?;
    let presented = presented(edge, &query.token).await?;
    if request.wants_page() && presented.team.was_accepted_with(&presented.token) {
        return Ok(Reply::see_other("/administer/joined"));
    }
    let invitation = presented.team.present(&presented.token, edge.now)?;
    let known = has_account(edge, invitation).await?;
    let raw = RawJoin::prefilled(&query.token, invitation);
    let page = JoinPage::of(&presented.organisation, invitation, known, raw, FormFaults::none());
    edge.show(request, StatusCode::OK, &page)
}

pub(crate) async fn accept<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: the link is the credential.
    let raw: RawJoin = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let presented = presented(edge, &raw.token).await?;
    let completed = if presented.team.was_accepted_with(&presented.token) {
        Completed::HasAccount
    } else {
        // 3. Parse: whoever has an account has said who they are.
        let invitation = presented.team.present(&presented.token, edge.now)?;
        let known = has_account(edge, invitation).await?;
        match raw.completed(known, presented.organisation.profile.country) {
            Ok(completed) => completed,
            Err(refusal) => {
                return edge.refused_in_place(request, refusal.into(), "given_name", |faults| {
                    JoinPage::of(&presented.organisation, invitation, known, raw, faults)
                });
            }
        }
    };
    // 4. Load, 5. decide and 6. commit.
    let Presented { token, team, organisation } = &presented;
    edge.transact::<Team, ()>(&team.id, Refusal::LinkNotValid, |team, _| {
        Ok(Change::from(team.accept(token, completed.clone(), organisation, (&edge.keys, edge.now))?))
    })
    .await?;
    // 7. Respond.
    edge.done(request, "/administer/joined", StatusCode::OK, &Joined { accepted: true })
}

pub(crate) fn joined<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    edge.show(request, StatusCode::OK, &JoinedPage::new())
}

/// The organisation and team of a link. Every "no" is the same.
async fn presented<P: Platform>(edge: &Edge<P>, token: &str) -> Result<Presented, Failure> {
    let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let id = OrganisationId::from_bytes(token.record());
    let team = edge.kv().get::<Team>(&id).await?.ok_or(Refusal::LinkNotValid)?.into_value();
    if team.present(&token, edge.now).is_err() && !team.was_accepted_with(&token) {
        return Err(Refusal::LinkNotValid.into());
    }
    let organisation = edge.kv().get::<Organisation>(&id).await?.ok_or(Refusal::LinkNotValid)?.into_value();
    Ok(Presented { token, team, organisation })
}

async fn has_account<P: Platform>(edge: &Edge<P>, invitation: &PersonInvitation) -> Result<bool, Failure> {
    let login = edge.kv().get::<Login>(&edge.login_id(&invitation.email.normalised())).await?;
    Ok(login.is_some())
}
