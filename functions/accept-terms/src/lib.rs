//! `GET /accept-terms/{application}`: the application's terms and who accepted them (TRM-3).
//! `POST /accept-terms/{application}`: an administrator accepts them for the organisation (TRM-1, TRM-2).
//!
//! Commit point: the organisation's record. Accepting a version again changes nothing, so a repetition is harmless.

mod api;

use edge::{Change, Edge, Outcome, Platform, Request, failure::BadRequest, form::FormFaults};
use http::{Method, StatusCode};
use shared::{config::Application, organisation::Organisation, refusal::Refusal};

use crate::api::{RawAcceptance, TermsPage};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["accept-terms", id]) => show(edge, request, application(edge, id)?).await,
        (&Method::POST, ["accept-terms", id]) => accept(edge, request, application(edge, id)?).await,
        (_, ["accept-terms", _]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

fn application<'a, P: Platform>(edge: &'a Edge<P>, id: &str) -> Result<&'a Application, Refusal> {
    let id = id.parse().map_err(|_| Refusal::NotFound)?;
    edge.gateway.application(&id).ok_or(Refusal::NotFound)
}

async fn show<P: Platform>(edge: &Edge<P>, request: &Request, application: &Application) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    // 4. Load.
    let stored = edge.kv().get::<Organisation>(&person.membership.organisation).await?.ok_or(Refusal::NotFound)?;
    // 7. Respond: nothing changes.
    let page =
        TermsPage::of(&person, stored.value(), application, edge.now, FormFaults::none()).ok_or(Refusal::NotFound)?;
    edge.show(request, StatusCode::OK, &page)
}

async fn accept<P: Platform>(edge: &Edge<P>, request: &Request, application: &Application) -> Outcome {
    // 1. The request is bounded by the edge. 3. Parse.
    let raw: RawAcceptance = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let command = raw.command();
    // 2. Authenticate.
    let (cookie, account) = edge.session_account(request).await?;
    let person = edge.confirm_session(&cookie, &account)?;
    // 4. Load, 5. decide, 6. commit.
    let id = person.membership.organisation;
    let committed = edge
        .transact::<Organisation, ()>(&id, Refusal::NotFound, |organisation, _| {
            organisation.accept_terms(&person, application, &command, edge.now).map(Change::from)
        })
        .await;
    let page = |organisation: &Organisation, faults| {
        TermsPage::of(&person, organisation, application, edge.now, faults).ok_or(Refusal::NotFound)
    };
    // 7. Respond.
    match committed {
        Ok(((), stored)) => {
            edge.done(request, "/dashboard", StatusCode::OK, &page(stored.value(), FormFaults::none())?)
        }
        Err(failure) if request.wants_page() => {
            // The form is shown again with what it needs of the organisation.
            let stored = edge.kv().get::<Organisation>(&id).await?.ok_or(Refusal::NotFound)?;
            let shown = page(stored.value(), FormFaults::none())?;
            edge.refused_in_place(request, failure, "agreed", |faults| shown.with(faults))
        }
        Err(failure) => Err(failure),
    }
}
