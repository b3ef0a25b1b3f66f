//! What a customer can do about an order that was placed: look at it, and have its licence keys sent again (SHP-1, SHP-6).

use edge::{
    Edge, Outcome, Platform, Request,
    failure::BadRequest,
    page::{RawPage, Wanted},
};
use http::StatusCode;
use shared::{effect::Shelf, order::Order, refusal::Refusal, values::OrderId};

use crate::api::{HistoryPage, LinkQuery, OrderPage, OwnQuery, PlacedPage, RawReissue, ReferenceQuery, Reissued};

const ORDERS: &str = "/webstore-checkout/orders";

/// The page to which a confirmation's link leads.
pub(crate) async fn confirmation<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: LinkQuery = request.decode_query()?;
    let (token, stored) = edge.presented_order(&query.token).await?;
    let sent = edge.take_notice::<Reissued>(request);
    let page = OrderPage::of(&edge.gateway, stored.value(), Some(&token)).ok_or(Refusal::LinkNotValid)?;
    edge.show(request, StatusCode::OK, &page.after_asking(sent).after_paying(query.payment))
}

/// What a signed-in person ordered, oldest first: 2 reads, and 1 for each order of the page.
pub(crate) async fn history<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let account = edge.customer(request).await?;
    let raw: RawPage = request.decode_query()?;
    let shelf = Shelf::OrdersOf(account.id);
    let wanted = Wanted::parse(edge, &raw, shelf.name(), "orders")?;
    let page = edge.page(&kv_schema::records::shelf(&shelf), &wanted).await?;
    let ids: Vec<OrderId> = page.entries.iter().map(|entry| OrderId::from_bytes(entry.id.0)).collect();
    let orders = edge.get_many::<Order>(&ids).await?;
    edge.show(request, StatusCode::OK, &HistoryPage::of(&edge.gateway, &orders, page.next, wanted.goes_on()))
}

/// One of a signed-in person's orders. Somebody else's does not exist (ACC-5).
pub(crate) async fn own<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    let query: OwnQuery = request.decode_query()?;
    let stored = edge.own_order(request, id).await?;
    let sent = edge.take_notice::<Reissued>(request);
    let page = OrderPage::of(&edge.gateway, stored.value(), None).ok_or(Refusal::NotFound)?;
    edge.show(request, StatusCode::OK, &page.after_asking(sent).after_paying(query.payment))
}

/// Sends new licence keys to the order's customer, and to nobody else; the keys before are no good any more (SHP-6). Commit
/// point: the order, which names the new licences; they are written before it.
pub(crate) async fn reissue<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: whoever has the link, or ordered signed in.
    let raw: RawReissue = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse and 4. load.
    let (stored, page, address) = match (&raw.token, &raw.order) {
        (Some(token), None) => {
            let (token, stored) = edge.presented_order(token).await?;
            (stored, ORDERS.to_owned(), format!("{ORDERS}?token={}", token.reveal()))
        }
        (None, Some(order)) => {
            let stored = edge.own_order(request, order).await?;
            let page = format!("{ORDERS}/{}", stored.value().id);
            (stored, page.clone(), page)
        }
        _ => return Err(BadRequest::Malformed.into()),
    };
    // 5. Decide and 6. commit.
    let (stored, sent) = edge.reissue_licences(&stored).await?;
    // 7. Respond.
    let reissued = Reissued::of(stored.value(), sent);
    edge.leave_notice(request, &page, &reissued);
    edge.done(request, &address, StatusCode::OK, &reissued)
}

/// What a repeated form is answered.
pub(crate) fn placed<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: ReferenceQuery = request.decode_query()?;
    let page = PlacedPage::of(query.reference).ok_or(Refusal::NotFound)?;
    edge.show(request, StatusCode::OK, &page)
}
