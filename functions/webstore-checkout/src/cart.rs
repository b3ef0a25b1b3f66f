//! The cart that a browser keeps (SHP-1). A cart lives in its page's address; the newest one is also kept in a sealed cookie, so
//! that who comes back to the webstore another day finds it. Nothing is stored.

use edge::{Edge, Platform, Request, cookies};
use serde::{Deserialize, Serialize};
use shared::{
    config::Partner,
    secret::SealPurpose,
    values::{PartnerId, Seconds},
};

use crate::api;

/// How long a cart is kept.
const LIFETIME: Seconds = Seconds::days(30);

#[derive(Serialize, Deserialize)]
struct Kept {
    partner: PartnerId,
    /// Products and quantities as they were entered.
    typed: Vec<(String, String)>,
}

/// The cart that the address names; without one, that which the browser keeps of this partner's webstore.
pub(crate) fn typed<P: Platform>(edge: &Edge<P>, request: &Request, partner: &Partner) -> Vec<(String, String)> {
    if !request.query.is_empty() || !request.wants_page() {
        return api::typed_cart(request);
    }
    let mut typed = kept(edge, request, partner).map(|kept| kept.typed).unwrap_or_default();
    // What the partner offers no more is no fault of who comes back.
    typed.retain(|(id, _)| edge.gateway.catalogue(&partner.id).any(|product| product.id.as_str() == id));
    typed
}

/// Has the browser keep a good cart, and forget one that was emptied.
pub(crate) fn keep<P: Platform>(edge: &Edge<P>, request: &Request, partner: &Partner, typed: &[(String, String)]) {
    if !request.wants_page() {
        return;
    }
    if typed.is_empty() {
        forget(edge, request, partner);
    } else {
        let kept = Kept { partner: partner.id.clone(), typed: typed.to_vec() };
        edge.set_sealed_cookie_for(cookies::CART, SealPurpose::Draft, &kept, LIFETIME);
    }
}

/// Has the browser forget this partner's cart: it is empty, or ordered.
pub(crate) fn forget<P: Platform>(edge: &Edge<P>, request: &Request, partner: &Partner) {
    if kept(edge, request, partner).is_some() {
        edge.clear_cookie(cookies::CART);
    }
}

fn kept<P: Platform>(edge: &Edge<P>, request: &Request, partner: &Partner) -> Option<Kept> {
    let kept: Kept = edge.sealed_cookie(request, cookies::CART, SealPurpose::Draft)?;
    (kept.partner == partner.id).then_some(kept)
}
