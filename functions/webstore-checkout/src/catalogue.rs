//! Catalogue and cart (SHP-1). Nothing is stored before an order is placed. Who is signed in
//! is shown what they have already, for one read; guests cost none.

use edge::{Edge, Outcome, Platform, Reply, Request};
use http::StatusCode;
use shared::checkout::Cart;

use crate::{
    api::{self, CartPage, CataloguePage, CheckoutPage, RawForm},
    cart, known, signed_in,
};

pub(crate) async fn catalogue<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    let partner = known(&edge.gateway, partner)?;
    let person = signed_in(edge, request).await?;
    let typed = cart::typed(edge, request, partner);
    edge.show(request, StatusCode::OK, &CataloguePage::of(edge, partner, &typed, person.as_ref()))
}

pub(crate) async fn cart<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    let partner = known(&edge.gateway, partner)?;
    let is_guest = signed_in(edge, request).await?.is_none();
    let typed = cart::typed(edge, request, partner);
    let checked = api::raw_lines(&typed).and_then(|lines| {
        if lines.is_empty() { Ok(()) } else { Cart::parse(&partner.id, &lines, &edge.gateway).map(drop) }
    });
    match checked {
        Ok(()) => {
            cart::keep(edge, request, partner, &typed);
            edge.show(request, StatusCode::OK, &CartPage::of(&edge.gateway, partner, &typed, is_guest))
        }
        Err(refusal) => edge.refused_in_place(request, api::beside_lines(request, refusal.into()), "lines", |faults| {
            CartPage::of(&edge.gateway, partner, &typed, is_guest).with(faults)
        }),
    }
}

pub(crate) async fn checkout_form<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    let partner = known(&edge.gateway, partner)?;
    let person = signed_in(edge, request).await?;
    let typed = api::typed_cart(request);
    let lines = api::raw_lines(&typed);
    match lines.and_then(|lines| Cart::parse(&partner.id, &lines, &edge.gateway).map(|_| lines)) {
        Ok(lines) => {
            let raw = RawForm::fresh(lines, person.as_ref(), &mut edge.rng());
            let account = person.map(|account| account.id);
            edge.show(request, StatusCode::OK, &CheckoutPage::of(&edge.gateway, partner, &raw, None, account))
        }
        // The cart's page shows what is wrong with it.
        Err(_) if request.wants_page() => Ok(Reply::see_other(api::cart_address(partner, &request.query))),
        Err(refusal) => Err(refusal.into()),
    }
}
