//! `GET /dashboard`: what is next for each application, and the person's credentials. `GET /` leads here.
//! `GET /assets/...`: what every page looks like.
//!
//! Commit point: none; nothing here changes anything. The organisation's id stands in the account, so that there are two
//! rounds: the account; the organisation and, for its administrators, where invitations may be (INV-7), five reads at most.

mod api;
mod assets;

use edge::{Edge, Failure, Outcome, Platform, Reply, Request, failure::BadRequest};
use futures_util::future::try_join;
use http::{Method, StatusCode};
use shared::{organisation::Organisation, refusal::Refusal};

use crate::api::Dashboard;

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

/// Applications whose invitations are looked for here; `/administer` looks for all.
const LOOKED_AT: usize = 3;

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
    let kv = edge.kv();
    let organisation = async {
        let stored = kv.get::<Organisation>(&person.membership.organisation).await?;
        Ok::<_, Failure>(stored.ok_or(Refusal::NotFound)?)
    };
    let (stored, invitations) = try_join(organisation, edge.invitations_to(&person, LOOKED_AT)).await?;
    // 7. Respond: nothing changes.
    let dashboard = Dashboard::of(&person, stored.value(), &edge.gateway, edge.now).with_invitations(invitations);
    edge.show(request, StatusCode::OK, &dashboard)
}
