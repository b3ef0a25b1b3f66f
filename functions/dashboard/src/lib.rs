//! `GET /dashboard`: what is next for each application, and the person's credentials. `GET /` leads here.
//! `GET /assets/...`: what every page looks like.
//!
//! Commit point: none; nothing here changes anything. Two reads in two rounds: the account, which names the organisation,
//! and the organisation, which knows the invitations that wait for its administrators (INV-7).

mod api;
mod assets;

use edge::{Edge, Outcome, Platform, Reply, Request, failure::BadRequest};
use http::{Method, StatusCode};
use shared::{organisation::Organisation, refusal::Refusal};

use crate::api::Dashboard;

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, []) => Ok(Reply::see_other("/dashboard")),
        (&Method::GET, ["dashboard"]) => dashboard(edge, request).await,
        (&Method::GET, ["assets", name]) => assets::serve(request, name),
        (_, [] | ["dashboard"] | ["assets", _]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn dashboard<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    // 4. Load.
    let stored = edge.kv().get::<Organisation>(&person.membership.organisation).await?.ok_or(Refusal::NotFound)?;
    let organisation = stored.value();
    // 7. Respond: nothing changes.
    let invitations = edge.invitations_to(&person, organisation);
    let dashboard = Dashboard::of(&person, organisation, &edge.gateway, edge.now).with_invitations(invitations);
    edge.show(request, StatusCode::OK, &dashboard)
}
