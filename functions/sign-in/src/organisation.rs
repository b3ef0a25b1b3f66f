//! `GET,POST /sign-in/organisation`: the organisation for which a person of several acts in this session (ACC-4).
//!
//! Commit point: the account, whose session names the organisation. Choosing it again changes nothing.

use edge::{
    Edge, Failure, Outcome, Platform, Request,
    form::{ContinueQuery, FormFaults, LocalPath},
};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{
    account::{Account, Session},
    organisation::Organisation,
    refusal::Refusal,
};

use crate::api::organisation::{Choice, Chosen, OrganisationPage, RawOrganisation};

pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: ContinueQuery = request.decode_query()?;
    let target = LocalPath::or(query.continue_to.as_deref(), "/dashboard");
    let (cookie, account) = edge.session_account(request).await?;
    let session = edge.confirm_person(&cookie, &account)?;
    let choices = choices(edge, &account, session).await?;
    edge.show(request, StatusCode::OK, &OrganisationPage::new(choices, target, FormFaults::none()))
}

/// The person's organisations: one read each, and a person belongs to few.
async fn choices<P: Platform>(edge: &Edge<P>, account: &Account, session: &Session) -> Result<Vec<Choice>, Failure> {
    let acts_for = session.acts_for.as_ref().map(|acts_for| acts_for.organisation);
    let mut choices = Vec::new();
    for membership in &account.memberships {
        let id = membership.organisation;
        let stored: Option<Stored<Organisation>> = edge.kv().get(&id).await?;
        if let Some(stored) = stored {
            choices.push(Choice::of(stored.value(), acts_for == Some(id)));
        }
    }
    Ok(choices)
}

pub(crate) async fn choose<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawOrganisation = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (cookie, account) = edge.session_account(request).await?;
    let session = edge.confirm_person(&cookie, &account)?;
    // 3. Parse.
    let target = LocalPath::or(raw.continue_to.as_deref(), "/dashboard");
    let id = match raw.parse() {
        Ok(id) => id,
        Err(refusal) => {
            let choices = choices(edge, &account, session).await?;
            return edge.refused_in_place(request, refusal.into(), "organisation", |faults| {
                OrganisationPage::new(choices, target, faults)
            });
        }
    };
    // 4. Load: nothing is read of an organisation that is not the person's.
    if !account.memberships.iter().any(|membership| membership.organisation == id) {
        return Err(Refusal::NotFound.into());
    }
    let name = edge.organisation_name(&id, Refusal::NotFound).await?;
    // 5. Decide, 6. commit.
    edge.transact::<Account, ()>(&cookie.account, Refusal::NotSignedIn, |account, _| {
        account.session(&cookie.secret(), cookie.seen_at, edge.now)?;
        Ok(account.choose_organisation(&cookie.secret(), id, name.clone())?.into())
    })
    .await?;
    // 7. Respond.
    edge.done(request, target.as_str(), StatusCode::OK, &Chosen { organisation: id, name: &name })
}
