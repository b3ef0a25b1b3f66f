//! `POST /effects`, from component to component only: carries out what is pending in a record.
//!
//! The one component that reaches the providers of mail, text messages and calls, and the endpoints of partners. It has no
//! route: the others ask it once they have committed, and the sweep asks it for whoever died before that. What it is told is
//! only where to look; what there is to do stands, sealed, in the record. So it may be asked by anybody, at any time, and any
//! number of times.
//!
//! Commit points: those of the effects, each harmless when repeated; then the record again, without what is done.

mod hands;
mod mail;
mod outbound;
mod phone;
mod webhooks;

use edge::{Edge, Outcome, Platform, Reply, Request, drain::Undone, failure::BadRequest};
use http::{Method, StatusCode};
use shared::refusal::Refusal;

edge::component!(crate::handle, own crate::hands::carry_out);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::POST, ["effects"]) => carry_out(edge, request).await,
        (_, ["effects"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn carry_out<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate, 3. parse.
    let undone: Undone = request.decode()?;
    if !edge.is_ours(&undone) {
        return Err(Refusal::ApiKeyNotValid.into());
    }
    // 4. Load, 5. decide, 6. commit: each effect for itself.
    let all_done = edge.carry_out(&undone.record).await?;
    // 7. Respond.
    Ok(Reply::empty(if all_done { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED }))
}
