//! What a customer can do about an order that was placed: look at it, cancel it before it is paid, and have its licence
//! keys sent again (SHP-1, SHP-6).

use edge::{
    Edge, Outcome, Platform, Request,
    customer::RawProof,
    page::{RawPage, Wanted},
};
use http::StatusCode;
use shared::{effect::Shelf, order::Order, refusal::Refusal, values::OrderId};

use crate::api::{Cancelled, HistoryPage, LinkQuery, OrderPage, OwnQuery, Reissued};

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
    let raw: RawProof = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse and 4. load.
    let proven = edge.proven_order(request, &raw).await?;
    // 5. Decide and 6. commit.
    let (stored, sent) = edge.reissue_licences(&proven.order).await?;
    // 7. Respond.
    let reissued = Reissued::of(stored.value(), sent);
    edge.leave_notice(request, &proven.path, &reissued);
    edge.done(request, &proven.address(), StatusCode::OK, &reissued)
}

/// The customer does not want it any more (SHP-1). Commit point: the order.
pub(crate) async fn cancel<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: whoever has the link, or ordered signed in.
    let raw: RawProof = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse, 4. load, 5. decide and 6. commit.
    let proven = edge.proven_order(request, &raw).await?;
    let id = proven.order.value().id;
    let cancelled = edge.transact::<Order, ()>(&id, Refusal::NotFound, |order, _| {
        Ok(order.cancelled_by_customer(&edge.gateway, edge.now)?.into())
    });
    // 7. Respond.
    let ((), stored) = cancelled.await?;
    edge.done(request, &proven.address(), StatusCode::OK, &Cancelled::of(stored.value()))
}
