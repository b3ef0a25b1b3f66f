//! Payment by card on the payment provider's page: card numbers never come here (SHP-5).
//!
//! `POST /payments`: leads whoever has an order to the page on which it is paid. `GET /payments/return?order=&payment=`: back
//! from there, to the order's page. `POST /payments/webhook`: what the provider tells of payments; only that completes an
//! order.
//!
//! The one component that knows the provider's key and secret. Commit point: the order, when the webhook comes. The licences
//! that it names then are written before it, and a promo code that it had lost by lapsing is held for it again before it; both
//! count for nothing by themselves. The way to the page and back writes nothing: the provider knows the order's id as
//! idempotency key, and opens one page for one order, however often it is asked.

mod api;
mod hand_off;
mod provider;
mod webhook;

use edge::{Edge, Outcome, Platform, Request, failure::BadRequest};
use http::Method;

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::POST, ["payments"]) => hand_off::to_provider(edge, request).await,
        (&Method::GET, ["payments", "return"]) => hand_off::back(edge, request),
        (&Method::POST, ["payments", "webhook"]) => webhook::take(edge, request).await,
        (_, ["payments"] | ["payments", "webhook"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, ["payments", "return"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}
