//! Organisation Administrators, for the organisation that their session is for. `GET /administer`: who asks to be let in,
//! and who was invited. `POST /administer/requests/{id}/decision` (REG-2, `requests.rs`); `GET /administer/people/new`,
//! `POST /administer/people`, `POST /administer/people/{id}/take-back` (INV-8, `people.rs`). And for whoever was invited:
//! `GET,POST /administer/join` (`join.rs`).
//!
//! Commit points: the organisation (a decision), the organisation's team (everything about people who are invited). What
//! another organisation has does not exist here (ACC-5): the organisation is the session's, never the request's.

mod api;
mod join;
mod people;
mod requests;

use edge::{Edge, Failure, Outcome, Platform, Request, failure::BadRequest, session::SessionCookie};
use http::{Method, StatusCode};
use shared::{
    account::{Account, SignedIn},
    organisation::{Organisation, require_administrator},
    refusal::{Refusal, Settled},
    team::Team,
};

use crate::api::{JustDone, Overview};

/// Where administrators begin.
pub(crate) const HOME: &str = "/administer";

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["administer"]) => home(edge, request).await,
        (&Method::POST, ["administer", "requests", id, "decision"]) => requests::decide(edge, request, id).await,
        (&Method::GET, ["administer", "people", "new"]) => people::form(edge, request).await,
        (&Method::POST, ["administer", "people"]) => people::add(edge, request).await,
        (&Method::POST, ["administer", "people", id, "take-back"]) => people::take_back(edge, request, id).await,
        (&Method::GET, ["administer", "join"]) => join::show(edge, request).await,
        (&Method::POST, ["administer", "join"]) => join::accept(edge, request).await,
        (&Method::GET, ["administer", "joined"]) => join::joined(edge, request),
        (_, ["administer"] | ["administer", "joined"] | ["administer", "people", "new"]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD").into())
        }
        (_, ["administer", "join"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (
            _,
            ["administer", "people"]
            | ["administer", "requests", _, "decision"]
            | ["administer", "people", _, "take-back"],
        ) => Err(BadRequest::MethodNotAllowed("POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn home<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let (cookie, account) = edge.session_account(request).await?;
    let person = administrator(edge, &cookie, &account)?;
    let overview = overview(edge, &person).await?;
    let notice = edge.take_notice::<JustDone>(request).filter(|done| done.is_for(&person));
    edge.show(request, StatusCode::OK, &overview.with_notice(notice))
}

/// The same page for somebody whose decision came too late: it says who decided what, and when.
async fn overtaken<P: Platform>(edge: &Edge<P>, request: &Request, person: &SignedIn<'_>, settled: Settled) -> Outcome {
    let overview = overview(edge, person).await?;
    edge.show(request, StatusCode::CONFLICT, &overview.overtaken(settled))
}

/// The organisation, its team, and the invitations that wait for it (INV-7).
async fn overview<P: Platform>(edge: &Edge<P>, person: &SignedIn<'_>) -> Result<Overview, Failure> {
    let id = person.membership.organisation;
    let organisation = organisation_of(edge, person).await?;
    let team = edge.kv().get::<Team>(&id).await?;
    let invitations = edge.invitations_to(person, &organisation);
    Ok(Overview::of(edge, &organisation, team.as_ref().map(kv_schema::record::Stored::value), invitations))
}

/// The person whose session the request presents, if they administer the organisation.
fn administrator<'a, P: Platform>(
    edge: &Edge<P>,
    cookie: &SessionCookie,
    account: &'a Account,
) -> Result<SignedIn<'a>, Refusal> {
    let person = edge.confirm_session(cookie, account)?;
    require_administrator(&person)?;
    Ok(person)
}

/// The organisation that the session is for.
async fn organisation_of<P: Platform>(edge: &Edge<P>, person: &SignedIn<'_>) -> Result<Organisation, Failure> {
    let stored = edge.kv().get::<Organisation>(&person.membership.organisation).await?.ok_or(Refusal::NotFound)?;
    Ok(stored.into_value())
}
