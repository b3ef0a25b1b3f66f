//! Samples of this component's pages.

use edge::{
    Edge, Platform,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    checkout::{Cart, Customer, PlaceOrder, Quote, RawLine},
    config::{Gateway, Partner},
    licence::ActivateLicence,
    order::{Bought, End, Issue, Order, Payment},
    refusal::{Faults, Refusal},
    secret::PlainToken,
    values::{AccountId, FormId, Money, OrderId, PersonName, Seconds, Timestamp},
};

use super::{
    Action, CartPage, CataloguePage, CheckoutPage, HistoryPage, NeedView, OrderPage, PartnersPage, PaymentOutcome,
    PlacedPage, RawForm, Reissued, ReviewPage,
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
    if let Some(page) = PlacedPage::of("O-A2B3C4D5E6".to_owned()) {
        album.visit(Visitor::Stranger, "/webstore-checkout/orders/placed").page("again", StatusCode::OK, &page);
    }
    orders(album);
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
        product.need = Some(NeedView { is: if by.is_some() { "saved" } else { "had" }, by, until: Some(until) });
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
}

/// What is ordered, before it is: paid in every way.
fn review<P: Platform>(album: &mut Album<'_, P>, gateway: &Gateway, partner: &Partner, raw: &RawForm) {
    let edge = album.edge();
    let Ok(command) = PlaceOrder::parse(&raw.checkout(), &partner.id, gateway, &edge.keys) else { return };
    let Ok(quote) = Quote::of(&command.cart, None, command.order, edge.now) else { return };
    let invoice = Payment::Invoice { purchase_order: "PO-4711".parse().ok() };
    let paid = Quote { bills_partner: true, ..free(quote.subtotal).unwrap_or(quote) };
    album.visit(Visitor::Stranger, "/webstore-checkout/cobalt/checkout");
    for (state, quote, payment) in
        [("by-card", quote, Payment::Card), ("on-an-invoice", quote, invoice), ("paid-by-code", paid, Payment::Nothing)]
    {
        album.page(state, StatusCode::OK, &ReviewPage::of(gateway, partner, raw, &command, (quote, &payment)));
    }
}

fn free(price: Money) -> Option<Quote> {
    Some(Quote { subtotal: price, total: price.times(0)?, bills_partner: true })
}

/// One order on its way, as whoever has its link sees it.
fn orders<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let Some((token, orders)) = steps(edge) else { return };
    let page = |order: &Order| OrderPage::of(&edge.gateway, order, Some(&token));
    album.visit(Visitor::Stranger, "/webstore-checkout/orders");
    for (name, order) in &orders {
        if let Some(page) = page(order) {
            album.page(name, StatusCode::OK, &page);
        }
    }
    let unpaid = orders.iter().find(|(name, _)| *name == "unpaid").map(|(_, order)| order.clone());
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
    let orders_alone: Vec<Order> = orders.iter().map(|(_, order)| order.clone()).collect();
    let history = |orders: &[Order], next| HistoryPage::of(&edge.gateway, orders, next, false);
    album
        .visit(Visitor::Person, "/webstore-checkout/orders/mine")
        .page("none", StatusCode::OK, &history(&[], None))
        .page("all", StatusCode::OK, &history(&orders_alone, Some("x".to_owned())))
        .visit(Visitor::Stranger, "/webstore-checkout/orders");
    let complete = orders.iter().find(|(name, _)| *name == "complete");
    for (state, sent) in [("keys-sent-again", true), ("keys-sent-a-moment-ago", false)] {
        if let Some((page, asked)) = complete.and_then(|(_, order)| Some((page(order)?, Reissued::of(order, sent)))) {
            album.page(state, StatusCode::OK, &page.after_asking(Some(asked)));
        }
    }
}

type Steps = (PlainToken, Vec<(&'static str, Order)>);

fn steps<P: Platform>(edge: &Edge<P>) -> Option<Steps> {
    let (gateway, keys, now, mut rng) = (&edge.gateway, &edge.keys, edge.now, edge.rng());
    let partner = gateway.partners.last()?;
    let product = gateway.catalogue(&partner.id).next()?;
    let line = RawLine { product: product.id.to_string(), quantity: 1 };
    let cart = Cart::parse(&partner.id, &[line], gateway).ok()?;
    let name = PersonName { given: "Ada".parse().ok()?, family: "Byron".parse().ok()? };
    let customer = Customer { name, email: "ada@kestrel.example".parse().ok()? };
    let payment = Payment::Invoice { purchase_order: "PO-4711".parse().ok() };
    let bought = Bought::of(&cart, customer, cart.subtotal().ok()?, payment, None, now);
    let bought = bought.billed_to(partner.billing_address.clone());
    let until = now.plus(Seconds::days(30));
    let id = OrderId::from_bytes([1; 16]);
    let (unpaid, token) = Order::placed(id, &partner.id, None, bought, Some(until), &mut rng);
    let issue = Issue::of(id, unpaid.products(), keys, &mut rng);
    let complete = unpaid.clone().pay(Some(&issue), false, None, gateway, now).ok()??.next;
    let command = ActivateLicence { agreement: product.agreement_digest().to_owned(), agreed: true };
    let (licence, account) = (complete.units().first()?.licence, AccountId::from_bytes([2; 16]));
    let in_use = complete.clone().activate(licence, account, product, &command, keys, now).ok()?.next;
    let lapsed = unpaid.clone().lapse(gateway, until)?.next;
    let cancelled = complete.clone().end(End::Cancelled, gateway, now)?.next;
    let refunded = complete.clone().end(End::Refunded, gateway, now)?.next;
    let steps = [
        ("unpaid", unpaid),
        ("complete", complete),
        ("in-use", in_use),
        ("lapsed", lapsed),
        ("cancelled", cancelled),
        ("refunded", refunded),
    ];
    Some((token, steps.into()))
}
