//! The built-in webstore and the webhooks of partners' own webstores.
//!
//! `GET /webstore-checkout`: choose the partner. `GET /webstore-checkout/{partner}`: catalogue (SHP-1).
//! `GET /webstore-checkout/{partner}/cart?<product>=<quantity>&..`: the cart, which lives in its address; the browser keeps the newest one.
//! `GET,POST /webstore-checkout/{partner}/checkout`: checkout, `action=apply` for a quote, `review` for everything once more,
//! `edit` back from there, and `place` for the order (SHP-1, SHP-2, SHP-5). `GET /webstore-checkout/orders?token=`: confirmation. `GET
//! /webstore-checkout/orders/mine` and `/orders/{id}`: what a signed-in person ordered. `POST /webstore-checkout/orders/licences`:
//! new licence keys (SHP-6); `.../orders/cancel`: an order that waits for its payment is not wanted any more. `POST
//! /webstore-checkout/webhooks/{partner}`: what a partner's webstore tells of its orders (SHP-7).
//!
//! Commit point: the order, whose id derives from its cause. The promo code's reservation, which lapses, and the licences,
//! which count only once the order names them, are written before it; a crash in between burns nothing and issues nothing
//! (SHP-3, SHP-6). A webhook that cannot be acted upon is committed as a dead letter.

mod api;
mod cart;
mod catalogue;
mod checkout;
mod orders;
mod webhooks;

use edge::{Edge, Failure, Outcome, Platform, Request, failure::BadRequest};
use http::{Method, StatusCode};
use kv_schema::record::Stored;
use shared::{
    account::Account,
    config::{Gateway, Partner},
    refusal::Refusal,
};

use crate::api::PartnersPage;

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let segments = request.segments();
    let ["webstore-checkout", path @ ..] = segments.as_slice() else {
        return Err(BadRequest::NoSuchRoute.into());
    };
    match (&request.method, path) {
        (&Method::GET, []) => partners(edge, request).await,
        (&Method::GET, ["orders"]) => orders::confirmation(edge, request).await,
        (&Method::GET, ["orders", "mine"]) => orders::history(edge, request).await,
        (&Method::POST, ["orders", "licences"]) => orders::reissue(edge, request).await,
        (&Method::POST, ["orders", "cancel"]) => orders::cancel(edge, request).await,
        (_, ["orders", "licences" | "cancel"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (&Method::GET, ["orders", id]) => orders::own(edge, request, id).await,
        (&Method::POST, ["webhooks", partner]) => webhooks::take(edge, request, partner).await,
        (&Method::GET, [partner]) => catalogue::catalogue(edge, request, partner).await,
        (&Method::GET, [partner, "cart"]) => catalogue::cart(edge, request, partner).await,
        (&Method::GET, [partner, "checkout"]) => catalogue::checkout_form(edge, request, partner).await,
        (&Method::POST, [partner, "checkout"]) => checkout::checkout(edge, request, partner).await,
        (_, ["webhooks", _]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, [_, "checkout"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (_, [] | [_] | [_, "cart"] | ["orders", _]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn partners<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    drop(signed_in(edge, request).await?);
    edge.show(request, StatusCode::OK, &PartnersPage::of(&edge.gateway))
}

/// Who is signed in, and acts from here on; everybody else is a guest. 1 read for whoever has a session.
async fn signed_in<P: Platform>(edge: &Edge<P>, request: &Request) -> Result<Option<Account>, Failure> {
    let Some(cookie) = edge.session_cookie(request) else {
        return Ok(None);
    };
    let account = edge.kv().get::<Account>(&cookie.account).await?.map(Stored::into_value);
    Ok(account.filter(|account| edge.confirm_person(&cookie, account).is_ok()))
}

fn known<'a>(gateway: &'a Gateway, partner: &str) -> Result<&'a Partner, Refusal> {
    gateway.partners.iter().find(|known| known.id.as_str() == partner).ok_or(Refusal::NotFound)
}
