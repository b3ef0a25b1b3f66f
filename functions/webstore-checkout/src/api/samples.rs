//! Samples of this component's pages.

use edge::{
    Platform,
    customer::PaymentOutcome,
    gallery::{Album, Visitor, orders},
};
use http::StatusCode;
use shared::{
    checkout::{PlaceOrder, Quote, RawLine, Terms},
    config::{Gateway, Partner, Product},
    order::{Bought, Order, Payment},
    postal::RawAddress,
    refusal::{Faults, Refusal},
    values::{FormId, Money, OrderId, Timestamp},
};

use super::{
    Action, CartPage, CataloguePage, CheckoutPage, HistoryPage, OrderPage, PartnersPage, RawForm, Reissued, ReviewPage,
    shop::NeedView,
};

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
    placed(album);
}

fn cart_of(gateway: &Gateway, partner: &Partner, quantity: &str) -> Vec<(String, String)> {
    gateway.catalogue(&partner.id).map(|product| (product.id.to_string(), quantity.to_owned())).collect()
}

fn shopping<P: Platform>(album: &mut Album<'_, P>, gateway: &Gateway, partner: &Partner) {
    let edge = album.edge();
    let catalogue = |typed: &[_]| CataloguePage::of(edge, partner, typed, None);
    let cart = |quantity| CartPage::of(gateway, partner, &cart_of(gateway, partner, quantity), true);
    let mut faults = Faults::default();
    for (product, _) in cart_of(gateway, partner, "") {
        faults.add(product, "not-a-number", "Enter a whole number.");
    }
    album
        .visit(Visitor::Stranger, "/webstore-checkout/cobalt")
        .page("empty-cart", StatusCode::OK, &catalogue(&[]))
        .page("with-cart", StatusCode::OK, &catalogue(&cart_of(gateway, partner, "2")))
        .visit(Visitor::Person, "/webstore-checkout/cobalt")
        .page("nothing-to-buy", StatusCode::OK, &had(catalogue(&[]), edge.now))
        .page("ordered", StatusCode::OK, &ordered(catalogue(&[])))
        .visit(Visitor::Person, "/webstore-checkout/cobalt/cart")
        .page("of-a-person", StatusCode::OK, &CartPage::of(gateway, partner, &cart_of(gateway, partner, "1"), false))
        .visit(Visitor::Stranger, "/webstore-checkout/cobalt/cart")
        .page("full", StatusCode::OK, &cart("2"))
        .page("empty", StatusCode::OK, &CartPage::of(gateway, partner, &[], true))
        .refused("not-a-number", faults.refuse(), "lines", |faults| cart("two").with(faults))
        .refused(
            "too-many",
            Refusal::field("lines", "too-many", "Order at most 100 units at once."),
            "lines",
            |faults| cart("1000").with(faults),
        );
}

/// The catalogue for somebody who has the first product, and something that is as good as the others.
fn had(mut page: CataloguePage, until: Timestamp) -> CataloguePage {
    for (place, product) in page.products.iter_mut().enumerate() {
        let by = (place > 0).then(|| "Mobile ID MFA for Anvil (1 year)".to_owned());
        product.need = Some(NeedView {
            is: if by.is_some() { "saved" } else { "had" },
            by,
            until: Some(until),
            ..NeedView::default()
        });
    }
    page
}

/// The catalogue for somebody who has ordered all of it.
fn ordered(mut page: CataloguePage) -> CataloguePage {
    for product in &mut page.products {
        let order = Some(OrderId::from_bytes([1; 16]).to_string());
        product.need = Some(NeedView { is: "ordered", order, ..NeedView::default() });
    }
    page
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
        pay_by: String::new(),
        purchase_order: String::new(),
        shipping: RawAddress::default(),
        billing: RawAddress::default(),
        billing_same: false,
        action: Action::Apply,
    };
    let blank = form("", "", "", "");
    let filled = form("Ada", "Byron", "ada@kestrel.example", "AAAAA-BBBBB-CCC");
    let page = |raw: &RawForm, quote| CheckoutPage::of(gateway, partner, raw, quote, None);
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
    review(album, gateway, partner, &form("Ada", "Byron", "ada@kestrel.example", ""));
    if let Some(token) = gateway.products.iter().find(|product| product.is_hardware()) {
        let lines = vec![RawLine { product: token.id.to_string(), quantity: 1 }];
        shipped(album, gateway, token, RawForm { lines, pay_by: "invoice".to_owned(), ..filled });
    }
}

/// What is ordered, before it is: paid in every way.
fn review<P: Platform>(album: &mut Album<'_, P>, gateway: &Gateway, partner: &Partner, raw: &RawForm) {
    let edge = album.edge();
    let Ok(command) = PlaceOrder::parse(&raw.checkout(), &partner.id, gateway, &edge.keys) else { return };
    let Ok(quote) = Quote::of(&command.cart, None, command.order, edge.now) else { return };
    let invoice = Payment::Invoice { purchase_order: "PO-4711".parse().ok() };
    let paid = Quote { bills_partner: true, ..free(quote.subtotal).unwrap_or(quote) };
    let bill_to = partner.billing_address.clone();
    album.visit(Visitor::Stranger, "/webstore-checkout/cobalt/checkout");
    for (state, quote, payment) in
        [("by-card", quote, Payment::Card), ("on-an-invoice", quote, invoice), ("paid-by-code", paid, Payment::Nothing)]
    {
        let terms = Terms { quote, payment, waits: None, bill_to: bill_to.clone() };
        album.page(state, StatusCode::OK, &ReviewPage::of(gateway, partner, raw, &command, &terms));
    }
}

/// The checkout of hardware, on an invoice.
fn shipped<P: Platform>(album: &mut Album<'_, P>, gateway: &Gateway, token: &Product, form: RawForm) {
    let Some(partner) = gateway.partner(&token.partner) else { return };
    let form = RawForm { promo_code: String::new(), ..form };
    let page = |raw: &RawForm| CheckoutPage::of(gateway, partner, raw, None, None);
    let same = RawForm { shipping: orders::address(), billing_same: true, ..form };
    let wrong = RawAddress { postal_code: "4360".to_owned(), region: String::new(), ..orders::address() };
    let refused = RawForm { shipping: wrong.clone(), billing: wrong, billing_same: false, ..same.clone() };
    let mut faults = Faults::default();
    for group in ["shipping", "billing"] {
        faults.add(format!("{group}.region"), "text-missing", "Enter the state or region.");
        let hint = "Enter a postal code such as 10999 or 10999-1234.";
        faults.add(format!("{group}.postal_code"), "postal-code-invalid", hint);
    }
    let blank = RawForm { shipping: RawAddress::default(), billing_same: false, ..same.clone() };
    album
        .page("of-hardware", StatusCode::OK, &page(&blank))
        .page("same-address", StatusCode::OK, &page(&same))
        .refused("wrong-addresses", faults.refuse(), "shipping.region", |faults| page(&refused).with(faults));
}

fn free(price: Money) -> Option<Quote> {
    Some(Quote { subtotal: price, total: price.times(0)?, bills_partner: true })
}

/// One order on its way, as whoever has its link sees it.
fn placed<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let Some(orders) = orders::orders(edge) else { return };
    let page = |order: &Order| OrderPage::of(&edge.gateway, order, Some(&orders.token));
    album.visit(Visitor::Stranger, "/webstore-checkout/orders");
    for (name, order) in &orders.staged {
        if let Some(page) = page(order) {
            album.page(name, StatusCode::OK, &page);
        }
    }
    let unpaid = orders.of("unpaid").cloned();
    let by_card = unpaid.and_then(|order| {
        let bought = Bought { payment: Payment::Card, ..order.bought.clone()? };
        Some(Order { bought: Some(bought), ..order })
    });
    for (name, payment) in
        [("by-card", None), ("card-just-paid", Some(PaymentOutcome::Made)), ("card-left", Some(PaymentOutcome::Left))]
    {
        if let Some(page) = by_card.as_ref().and_then(page) {
            album.page(name, StatusCode::OK, &page.after_paying(payment));
        }
    }
    let orders_alone: Vec<Order> = orders.staged.iter().map(|(_, order)| order.clone()).collect();
    let history = |orders: &[Order], next| HistoryPage::of(&edge.gateway, orders, next, false);
    album
        .visit(Visitor::Person, "/webstore-checkout/orders/mine")
        .page("none", StatusCode::OK, &history(&[], None))
        .page("all", StatusCode::OK, &history(&orders_alone, Some("x".to_owned())))
        .visit(Visitor::Stranger, "/webstore-checkout/orders");
    let complete = orders.of("complete");
    for (state, sent) in [("keys-sent-again", true), ("keys-sent-a-moment-ago", false)] {
        if let Some((page, asked)) = complete.and_then(|order| Some((page(order)?, Reissued::of(order, sent)))) {
            album.page(state, StatusCode::OK, &page.after_asking(Some(asked)));
        }
    }
}
