//! Samples of this component's pages.

use edge::{
    Platform,
    form::FormFaults,
    gallery::{Album, Visitor, orders::orders},
};
use http::StatusCode;
use shared::{
    config::PaymentProvider,
    dead_letter::{DeadLetter, How, Reason, Sender, Standing},
    effect::Shelf,
    order::{Order, Taken},
    refusal::Refusal,
    values::OperatorId,
};

use super::{
    Further, Happened, JustHappened, OrderPage, OrdersPage,
    letters::{JustTried, LetterPage, LettersPage},
    shipments::{ImportPage, RawCorrection, RawShipment, ShippingForm, lines},
};

const LAST: Further = Further { next: None, goes_on: false };

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let Some(orders) = orders(edge) else { return };
    let Some(by) = edge.gateway.operators.first().map(|operator| operator.id.clone()) else { return };
    let with = |stage: &str| -> Vec<Order> { orders.of(stage).cloned().into_iter().collect() };
    let list = |shelf: Shelf, orders: &[Order], further| OrdersPage::of(edge, &shelf, orders, further);
    let middle = Further { next: Some("x".to_owned()), goes_on: true };
    album
        .visit(Visitor::Operator, "/operate/orders")
        .page("none-unpaid", StatusCode::OK, &list(Shelf::UnpaidInvoices, &[], LAST))
        .page("unpaid", StatusCode::OK, &list(Shelf::UnpaidInvoices, &with("unpaid"), middle))
        .page("none-flagged", StatusCode::OK, &list(Shelf::FlaggedOrders, &[], LAST))
        .page("flagged", StatusCode::OK, &list(Shelf::FlaggedOrders, &with("refunded-in-use"), LAST))
        .page("nothing-to-ship", StatusCode::OK, &list(Shelf::ToShip, &[], LAST))
        .page("to-ship", StatusCode::OK, &list(Shelf::ToShip, &with("to-ship"), LAST))
        .refused("not-found", unknown_reference(), "reference", |faults| OrdersPage::not_found("O-ABCDE23456", faults));
    album.visit(Visitor::Operator, "/operate/orders/x");
    for (name, order) in &orders.staged {
        album.page(name, StatusCode::OK, &OrderPage::of(edge, order, true, None));
    }
    for (state, step, what) in [
        ("just-paid", "complete", Happened::Paid),
        ("just-paid-in-vain", "paid-in-vain", Happened::Paid),
        ("just-cancelled", "cancelled", Happened::Cancelled),
        ("just-refunded", "refunded-in-use", Happened::Refunded),
        ("just-sent-again", "complete", Happened::Licences),
        ("just-reviewed", "cancelled", Happened::Reviewed),
        ("just-shipped", "shipped", Happened::Shipped),
        ("just-corrected", "shipped", Happened::Corrected),
    ] {
        for order in with(step) {
            let notice = Some(JustHappened::of(&by, what, &order, true));
            album.page(state, StatusCode::OK, &OrderPage::of(edge, &order, true, notice));
        }
    }
    for order in with("unpaid") {
        album.page("of-an-auditor", StatusCode::OK, &OrderPage::of(edge, &order, false, None));
    }
    for order in with("partly-shipped") {
        shipping(album, &order);
    }
    shipments(album);
    letters(album, &by);
}

fn unknown_reference() -> Refusal {
    Refusal::field("reference", "unknown", "There is no order with this number.")
}

/// What is wrong with a parcel, or with a correction of one.
fn shipping<P: Platform>(album: &mut Album<'_, P>, order: &Order) {
    let edge = album.edge();
    let page = || OrderPage::of(edge, order, true, None);
    let entered = RawShipment::default();
    album
        .visit(Visitor::Operator, "/operate/orders/x")
        .refused(
            "serial-of-another-order",
            Refusal::field("tokens.0.serial", "serial-shipped", "This serial number was shipped with another order."),
            "tokens",
            |faults| page().with_parcel(ShippingForm::of(edge, order, &entered), faults),
        )
        .refused(
            "wrong-correction",
            Refusal::field("wrong", "unknown", "Enter a serial number that was shipped with this order."),
            "wrong",
            |faults| page().with_correction(RawCorrection::default(), faults),
        );
}

fn shipments<P: Platform>(album: &mut Album<'_, P>) {
    const LIST: &str = "order,product,serial,carrier,tracking\nO-ABCDE23456,anvil-token,GALT10000123,Swift Post,SP 0123\n\
                        O-ABCDE23457,anvil-token,GALT10000124,,\nO-ABCDE23458,anvil-token,GALT10000125,,";
    let Ok(lines) = lines(LIST) else { return };
    let taken = || Refusal::field("serial", "serial-shipped", "This serial number was shipped with another order.");
    let mixed = [Ok(Taken::Shipped), Ok(Taken::Unchanged), Err(taken().into())];
    let unfinished = [Ok(Taken::Shipped), Ok(Taken::Shipped), Err(Refusal::NotProcessed.into())];
    let all = [Ok(Taken::Shipped), Ok(Taken::Shipped), Ok(Taken::Shipped)];
    let heading =
        Refusal::field("shipments", "heading-missing", "Begin with the line order,product,serial,carrier,tracking.");
    album
        .visit(Visitor::Operator, "/operate/orders/shipments")
        .page("blank", StatusCode::OK, &ImportPage::of("", FormFaults::none()))
        .page("all-shipped", StatusCode::OK, &ImportPage::after(&lines, &all))
        .page("some-refused", StatusCode::OK, &ImportPage::after(&lines, &mixed))
        .page("unfinished", StatusCode::ACCEPTED, &ImportPage::after(&lines, &unfinished))
        .refused("no-heading", heading, "shipments", |faults| ImportPage::of("O-ABCDE23456", faults));
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
