//! What a customer can do about an order that was placed: look at it, and have its licence keys sent again (SHP-1, SHP-6).

use edge::{Edge, Failure, Outcome, Platform, Request};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{order::Order, refusal::Refusal, secret::PlainToken, values::OrderId};

use crate::api::{OrderPage, PlacedPage, RawReissue, ReferenceQuery, Reissued};

const ORDERS: &str = "/webstore-checkout/orders";

/// The page to which a confirmation's link leads.
pub(crate) async fn confirmation<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: edge::form::TokenQuery = request.decode_query()?;
    let (token, stored) = presented(edge, &query.token).await?;
    let sent = edge.take_notice::<Reissued>(request).is_some();
    let page = OrderPage::of(&edge.gateway, stored.value(), &token).ok_or(Refusal::LinkNotValid)?;
    edge.show(request, StatusCode::OK, &page.after_sending(sent))
}

/// Sends new licence keys to the order's customer, and to nobody else; the keys before are no good any more (SHP-6). Commit
/// point: the order, which names the new licences; they are written before it.
pub(crate) async fn reissue<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate: whoever has the link.
    let raw: RawReissue = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse and 4. load.
    let (token, stored) = presented(edge, &raw.token).await?;
    // 5. Decide and 6. commit.
    let stored = edge.reissue_licences(&stored).await?;
    // 7. Respond.
    let reissued = Reissued::of(stored.value());
    edge.leave_notice(request, ORDERS, &reissued);
    edge.done(request, &format!("{ORDERS}?token={}", token.reveal()), StatusCode::OK, &reissued)
}

async fn presented<P: Platform>(edge: &Edge<P>, token: &str) -> Result<(PlainToken, Stored<Order>), Failure> {
    let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let id = OrderId::from_bytes(token.record());
    let stored = edge.kv().get::<Order>(&id).await?.ok_or(Refusal::LinkNotValid)?;
    stored.value().present(&token)?;
    Ok((token, stored))
}

/// What a repeated form is answered.
pub(crate) fn placed<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: ReferenceQuery = request.decode_query()?;
    let page = PlacedPage::of(query.reference).ok_or(Refusal::NotFound)?;
    edge.show(request, StatusCode::OK, &page)
}
