//! `POST /administer/requests/{id}/decision`: an administrator lets somebody in who asked for it, or does not (REG-2).
//!
//! Commit point: the organisation. Account, membership and messages follow as effects; of two administrators at the same
//! moment one decides, and the other learns what.

use edge::{Change, Edge, Failure, Outcome, Platform, Request};
use http::StatusCode;
use shared::{organisation::Organisation, refusal::Refusal, values::RegistrationId};

use crate::{
    HOME, administrator,
    api::{Decided, JustDone, RawDecision},
    overtaken,
};

pub(crate) async fn decide<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawDecision = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let (cookie, account) = edge.session_account(request).await?;
    let person = administrator(edge, &cookie, &account)?;
    // 3. Parse.
    let id: RegistrationId = id.parse().map_err(|_| Refusal::NotFound)?;
    let let_in = raw.let_in()?;
    // 4. Load, 5. decide and 6. commit.
    let decided = edge
        .transact::<Organisation, ()>(&person.membership.organisation, Refusal::NotFound, |organisation, _| {
            Ok(Change::from(organisation.answer(&person, id, let_in, &edge.keys, edge.now)?))
        })
        .await;
    // 7. Respond.
    match decided {
        Ok(((), stored)) => {
            let name = stored.value().join_requests.iter().find(|one| one.registration == id);
            let name = name.map(|one| one.name.full()).unwrap_or_default();
            let done = if let_in { JustDone::let_in(&person, &name) } else { JustDone::declined(&person, &name) };
            edge.leave_notice(request, HOME, &done);
            edge.done(request, HOME, StatusCode::OK, &Decided::of(id, let_in))
        }
        Err(Failure::Refused(Refusal::AlreadyDecided(settled))) if request.wants_page() => {
            overtaken(edge, request, &person, settled).await
        }
        Err(failure) => Err(failure),
    }
}
