//! Samples of this component's pages.

use edge::{
    Edge, Platform,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    checkout::{Cart, Customer, RawLine},
    config::PaymentProvider,
    dead_letter::{DeadLetter, How, Reason, Sender, Standing},
    effect::Shelf,
    licence::ActivateLicence,
    order::{Bought, End, Issue, Order, Payment},
    refusal::Refusal,
    values::{AccountId, OperatorId, OrderId, PersonName, Seconds},
};

use super::{
    Further, Happened, JustHappened, OrderPage, OrdersPage,
    letters::{JustTried, LetterPage, LettersPage},
};

const LAST: Further = Further { next: None, goes_on: false };

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let Some(orders) = steps(edge) else { return };
    let Some(by) = edge.gateway.operators.first().map(|operator| operator.id.clone()) else { return };
    let with = |name: &str| -> Vec<Order> {
        orders.iter().filter(|(known, _)| *known == name).map(|(_, order)| order.clone()).collect()
    };
    let list = |shelf: Shelf, orders: &[Order], further| OrdersPage::of(edge, &shelf, orders, further);
    let middle = Further { next: Some("x".to_owned()), goes_on: true };
    album
        .visit(Visitor::Operator, "/operate/orders")
        .page("none-unpaid", StatusCode::OK, &list(Shelf::UnpaidInvoices, &[], LAST))
        .page("unpaid", StatusCode::OK, &list(Shelf::UnpaidInvoices, &with("unpaid"), middle))
        .page("none-flagged", StatusCode::OK, &list(Shelf::FlaggedOrders, &[], LAST))
        .page("flagged", StatusCode::OK, &list(Shelf::FlaggedOrders, &with("refunded-in-use"), LAST));
    album.visit(Visitor::Operator, "/operate/orders/x");
    for (name, order) in &orders {
        album.page(name, StatusCode::OK, &OrderPage::of(edge, order, true, None));
    }
    for (state, step, what) in [
        ("just-paid", "complete", Happened::Paid),
        ("just-paid-in-vain", "paid-in-vain", Happened::Paid),
        ("just-cancelled", "cancelled", Happened::Cancelled),
        ("just-refunded", "refunded-in-use", Happened::Refunded),
        ("just-sent-again", "complete", Happened::Licences),
        ("just-reviewed", "cancelled", Happened::Reviewed),
    ] {
        for order in with(step) {
            let notice = Some(JustHappened::of(&by, what, &order, true));
            album.page(state, StatusCode::OK, &OrderPage::of(edge, &order, true, notice));
        }
    }
    for order in with("unpaid") {
        album.page("of-an-auditor", StatusCode::OK, &OrderPage::of(edge, &order, false, None));
    }
    letters(album, &by);
}

fn letters<P: Platform>(album: &mut Album<'_, P>, by: &OperatorId) {
    let edge = album.edge();
    let Some(partner) = edge.gateway.partners.last() else { return };
    let unknown = Refusal::field("data.lines.0.product", "unknown", "Choose a product from the catalogue.");
    let sender = Sender::webstore(partner);
    let id = DeadLetter::id_of(&sender, b"msg_1", &edge.keys);
    let body = br#"{"type":"order.paid","data":{"order_id":"4711","lines":[{"product":"old-token","quantity":1}]}}"#;
    let kept = DeadLetter::kept(id, sender, body, Reason::of(&unknown), &edge.keys, edge.now, &mut edge.rng()).next;
    let of_payments = DeadLetter { sender: Sender::Payments(PaymentProvider::Stripe), ..kept.clone() };
    let settled =
        |how| DeadLetter { standing: Standing::Settled { how, by: by.clone(), at: edge.now }, ..kept.clone() };
    let list = |letters: &[DeadLetter], further| LettersPage::of(edge, letters, further);
    album
        .visit(Visitor::Operator, "/operate/dead-letters")
        .page("none", StatusCode::OK, &list(&[], LAST))
        .page("some", StatusCode::OK, &list(&[kept.clone(), of_payments.clone()], LAST))
        .visit(Visitor::Operator, "/operate/dead-letters/x");
    for (state, letter, done) in [
        ("waiting", kept.clone(), None),
        ("of-the-payment-provider", of_payments, None),
        ("tried-in-vain", kept.clone(), Some(false)),
        ("replayed", settled(How::Replayed), Some(true)),
        ("dismissed", settled(How::Dismissed), Some(true)),
    ] {
        let notice = done.map(|done| JustTried { by: by.clone(), done });
        album.page(state, StatusCode::OK, &LetterPage::of(edge, &letter, true, notice));
    }
}

/// One order, from its placing to every end.
fn steps<P: Platform>(edge: &Edge<P>) -> Option<Vec<(&'static str, Order)>> {
    let (gateway, keys, now, mut rng) = (&edge.gateway, &edge.keys, edge.now, edge.rng());
    let partner = gateway.partners.last()?;
    let product = gateway.catalogue(&partner.id).next()?;
    let line = RawLine { product: product.id.to_string(), quantity: 2 };
    let cart = Cart::parse(&partner.id, &[line], gateway).ok()?;
    let name = PersonName { given: "Ada".parse().ok()?, family: "Byron".parse().ok()? };
    let customer = Customer { name, email: "ada@kestrel.example".parse().ok()? };
    let payment = Payment::Invoice { purchase_order: "PO-4711".parse().ok() };
    let bought = Bought::of(&cart, customer, cart.subtotal().ok()?, payment, None, now);
    let until = now.plus(Seconds::days(30));
    let id = OrderId::from_bytes([1; 16]);
    let (unpaid, _) = Order::placed(id, &partner.id, None, bought, Some(until), &mut rng);
    let issue = Issue::of(id, unpaid.products(), keys, &mut rng);
    let complete = unpaid.clone().pay(Some(&issue), false, None, gateway, now).ok()??.next;
    let command = ActivateLicence { agreement: product.agreement_digest().to_owned(), agreed: true };
    let (licence, account) = (complete.units().first()?.licence, AccountId::from_bytes([2; 16]));
    let in_use = complete.clone().activate(licence, account, product, &command, keys, now).ok()?.next;
    let lapsed = unpaid.clone().lapse(gateway, until)?.next;
    let cancelled = unpaid.clone().end(End::Cancelled, gateway, now)?.next;
    let in_vain = cancelled.clone().pay(None, false, None, gateway, now).ok()??.next;
    let refunded = in_use.end(End::Refunded, gateway, now)?.next;
    let unheard = Order::unheard(&partner.id, &"4711".parse().ok()?, keys);
    let foretold = unheard.end(End::Cancelled, gateway, now)?.next;
    Some(vec![
        ("unpaid", unpaid),
        ("complete", complete),
        ("lapsed", lapsed),
        ("cancelled", cancelled),
        ("paid-in-vain", in_vain),
        ("refunded-in-use", refunded),
        ("foretold", foretold),
    ])
}
