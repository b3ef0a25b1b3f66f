//! Samples of this component's pages.

use edge::{
    Platform,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    checkout::{Quote, RawLine},
    config::{Gateway, Partner},
    refusal::{Faults, Refusal},
    values::{FormId, Money, Timestamp},
};

use super::{Action, CartPage, CataloguePage, CheckoutPage, OrderPage, OrderedView, PartnersPage, PlacedPage, RawForm};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let gateway = &edge.gateway;
    album
        .visit(Visitor::Stranger, "/webstore-checkout")
        .page("partners", StatusCode::OK, &PartnersPage::of(gateway))
        .page("nobody-sells", StatusCode::OK, &PartnersPage { title: "Webstore", partners: Vec::new() });
    // The last one pays with promo codes, so that its address stands on the bill.
    if let Some(partner) = gateway.partners.last() {
        shopping(album, gateway, partner);
        checkout(album, gateway, partner);
    }
    if let Some(page) = PlacedPage::of("O-A2B3C4D5E6".to_owned()) {
        album.visit(Visitor::Stranger, "/webstore-checkout/orders/placed").page("again", StatusCode::OK, &page);
    }
    if let Some(page) = order(gateway, edge.now) {
        album.visit(Visitor::Stranger, "/webstore-checkout/orders").page("complete", StatusCode::OK, &page);
    }
}

fn cart_of(gateway: &Gateway, partner: &Partner, quantity: &str) -> Vec<(String, String)> {
    gateway.catalogue(&partner.id).map(|product| (product.id.to_string(), quantity.to_owned())).collect()
}

fn shopping<P: Platform>(album: &mut Album<'_, P>, gateway: &Gateway, partner: &Partner) {
    let catalogue = |typed: &[_]| CataloguePage::of(gateway, partner, typed);
    let cart = |quantity| CartPage::of(gateway, partner, &cart_of(gateway, partner, quantity));
    let mut faults = Faults::default();
    for (product, _) in cart_of(gateway, partner, "") {
        faults.add(product, "not-a-number", "Enter a whole number.");
    }
    album
        .visit(Visitor::Stranger, "/webstore-checkout/cobalt")
        .page("empty-cart", StatusCode::OK, &catalogue(&[]))
        .page("with-cart", StatusCode::OK, &catalogue(&cart_of(gateway, partner, "2")))
        .visit(Visitor::Stranger, "/webstore-checkout/cobalt/cart")
        .page("full", StatusCode::OK, &cart("2"))
        .page("empty", StatusCode::OK, &CartPage::of(gateway, partner, &[]))
        .refused("not-a-number", faults.refuse(), "lines", |faults| cart("two").with(faults))
        .refused(
            "too-many",
            Refusal::field("lines", "too-many", "Order at most 100 units at once."),
            "lines",
            |faults| cart("1000").with(faults),
        );
}

fn checkout<P: Platform>(album: &mut Album<'_, P>, gateway: &Gateway, partner: &Partner) {
    let Some(product) = gateway.catalogue(&partner.id).next() else { return };
    let form = |given: &str, family: &str, email: &str, promo: &str| RawForm {
        csrf: None,
        form: FormId::from_bytes([1; 16]).to_string(),
        given_name: given.to_owned(),
        family_name: family.to_owned(),
        email: email.to_owned(),
        lines: vec![RawLine { product: product.id.to_string(), quantity: 1 }],
        promo_code: promo.to_owned(),
        action: Action::Apply,
    };
    let blank = form("", "", "", "");
    let filled = form("Ada", "Byron", "ada@kestrel.example", "AAAAA-BBBBB-CCC");
    let page = |raw: &RawForm, quote| CheckoutPage::of(gateway, partner, raw, quote);
    let free = free(product.price);
    album
        .visit(Visitor::Stranger, "/webstore-checkout/cobalt/checkout")
        .page("blank", StatusCode::OK, &page(&blank, None))
        .page("promo-applied", StatusCode::OK, &page(&filled, free))
        .refused("promo-not-usable", Refusal::PromoNotUsable, "promo_code", |faults| page(&filled, None).with(faults));
    let mut faults = Faults::default();
    for (field, hint) in [
        ("given_name", "Enter your first name."),
        ("family_name", "Enter your last name."),
        ("email", "Enter an e-mail address, such as name@company.example."),
    ] {
        faults.add(field, "missing", hint);
    }
    album.refused("faults", faults.refuse(), "given_name", |faults| page(&blank, None).with(faults));
}

fn free(price: Money) -> Option<Quote> {
    Some(Quote { subtotal: price, total: price.times(0)?, bills_partner: true })
}

fn order(gateway: &Gateway, now: Timestamp) -> Option<OrderPage> {
    let product = gateway.products.last()?;
    Some(OrderPage {
        title: "Thank you for your order",
        order: "O-A2B3C4D5E6".to_owned(),
        partner: "Cobalt Federal".to_owned(),
        customer: "Ada Byron".to_owned(),
        email: "ada@kestrel.example".to_owned(),
        lines: vec![OrderedView { product: product.id.to_string(), name: product.name.clone(), quantity: 1 }],
        total: product.price.times(0)?,
        completed_at: now,
        completed: now.human(),
    })
}
