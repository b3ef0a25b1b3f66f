//! The desk of the operators who see to orders. `GET /operate/orders`: invoices that are to be paid, oldest first;
//! `GET /operate/orders?list=flagged`: orders that ended although they were paid, shipped or in use; `?list=to-ship`: those of
//! which hardware is to be shipped; `?reference=`: the order of which people speak so. `GET /operate/orders/{id}`: one order;
//! `POST /operate/orders/{id}/{paid,cancelled,refunded,licences,reviewed}`: what happened to it (SHP-5 to SHP-7). What was
//! shipped: `shipments.rs`. Webhooks that could not be acted upon: `letters.rs`.
//!
//! Commit point: the order. The licences that it names once it is paid are written before it, a promo code that it had
//! lost by lapsing is held for it again before it, and serial numbers are claimed before it; all of them count for nothing by
//! themselves.

mod api;
mod letters;
mod shipments;

use edge::{
    Change, Edge, Failure, Outcome, Platform, Reply, Request, duty::on_duty, failure::BadRequest, form::RawSignOut,
};
use http::{Method, StatusCode};
use kv_schema::record::Stored;
use shared::{
    config::OperatorRole,
    operator::OnDuty,
    order::{End, Order, id_named},
    refusal::Refusal,
    values::OrderId,
};

use crate::api::{Further, Happened, JustHappened, ListQuery, OrderPage, OrderView, OrdersPage};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["operate", "orders"]) => list(edge, request).await,
        (&Method::GET, ["operate", "orders", "shipments"]) => shipments::form(edge, request).await,
        (&Method::POST, ["operate", "orders", "shipments"]) => shipments::import(edge, request).await,
        (&Method::GET, ["operate", "orders", id]) => show(edge, request, id).await,
        (&Method::POST, ["operate", "orders", id, "shipped"]) => shipments::ship(edge, request, id).await,
        (&Method::POST, ["operate", "orders", id, "corrected"]) => shipments::correct(edge, request, id).await,
        (&Method::POST, ["operate", "orders", id, what]) => happened(edge, request, id, what).await,
        (&Method::GET, ["operate", "dead-letters"]) => letters::list(edge, request).await,
        (&Method::GET, ["operate", "dead-letters", id]) => letters::show(edge, request, id).await,
        (&Method::POST, ["operate", "dead-letters", id, "replay"]) => letters::replay(edge, request, id).await,
        (&Method::POST, ["operate", "dead-letters", id, "dismiss"]) => letters::dismiss(edge, request, id).await,
        (_, ["operate", "orders", "shipments"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (_, ["operate", "orders" | "dead-letters"] | ["operate", "orders" | "dead-letters", _]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD").into())
        }
        (_, ["operate", "orders", _, what]) if Happened::parse(what).is_some() => {
            Err(BadRequest::MethodNotAllowed("POST").into())
        }
        (_, ["operate", "dead-letters", _, "replay" | "dismiss"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

/// Who sees what customers ordered: those who see to it, and auditors.
pub(crate) fn may_look(duty: OnDuty<'_>) -> Result<OnDuty<'_>, Refusal> {
    duty.require(OperatorRole::Fulfilment).or_else(|_| duty.require(OperatorRole::Auditor))
}

async fn list<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    may_look(on_duty(edge, request).await?)?;
    let query: ListQuery = request.decode_query()?;
    if let Some(reference) = &query.reference {
        return find(edge, request, reference).await;
    }
    let wanted = query.shelf()?;
    let page = edge.shelf_page(&wanted, query.after.as_deref()).await?;
    let ids: Vec<OrderId> = page.ids.into_iter().map(OrderId::from_bytes).collect();
    let orders = edge.get_many::<Order>(&ids).await?;
    let further = Further { next: page.next, goes_on: query.after.is_some() };
    edge.show(request, StatusCode::OK, &OrdersPage::of(edge, &wanted, &orders, further))
}

/// The order that somebody means: 1 read.
async fn find<P: Platform>(edge: &Edge<P>, request: &Request, reference: &str) -> Outcome {
    let found = match id_named(reference, &edge.keys) {
        Some(id) => edge.kv().get::<Order>(&id).await?,
        None => None,
    };
    match found {
        Some(stored) if request.wants_page() => Ok(Reply::see_other(format!("/operate/orders/{}", stored.value().id))),
        Some(stored) => edge.show(request, StatusCode::OK, &OrdersPage::found(edge, stored.value())),
        None => {
            let hint =
                "There is no order with this number. Enter it as it stands in the customer's e-mail: O-ABCDE23456.";
            edge.refused_in_place(request, Refusal::field("reference", "unknown", hint).into(), "reference", |faults| {
                OrdersPage::not_found(reference, faults)
            })
        }
    }
}

async fn show<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    let duty = may_look(on_duty(edge, request).await?)?;
    let id: OrderId = id.parse().map_err(|_| Refusal::NotFound)?;
    let stored = edge.kv().get::<Order>(&id).await?.ok_or(Refusal::NotFound)?;
    let notice = edge.take_notice::<JustHappened>(request).filter(|notice| notice.by == *duty.id());
    let may_act = duty.require(OperatorRole::Fulfilment).is_ok();
    edge.show(request, StatusCode::OK, &OrderPage::of(edge, stored.value(), may_act, notice))
}

async fn happened<P: Platform>(edge: &Edge<P>, request: &Request, id: &str, what: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawSignOut = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let duty = on_duty(edge, request).await?.require(OperatorRole::Fulfilment)?;
    // 3. Parse.
    let what = Happened::parse(what).ok_or(BadRequest::NoSuchRoute)?;
    let id: OrderId = id.parse().map_err(|_| Refusal::NotFound)?;
    let mut sent_now = false;
    // 4. Load, 5. decide and 6. commit.
    let stored = match what {
        Happened::Paid => pay(edge, &id).await?,
        Happened::Cancelled => end(edge, &id, End::Cancelled).await?,
        Happened::Refunded => end(edge, &id, End::Refunded).await?,
        Happened::Licences => {
            let known = edge.kv().get::<Order>(&id).await?.ok_or(Refusal::NotFound)?;
            let (stored, sent) = edge.reissue_licences(&known).await?;
            sent_now = sent;
            stored
        }
        // They say more than that.
        Happened::Shipped | Happened::Corrected => return Err(BadRequest::NoSuchRoute.into()),
        Happened::Reviewed => {
            let reviewed = edge.transact::<Order, ()>(&id, Refusal::NotFound, |order, _| {
                Ok(Change::from(order.review(&duty, edge.now)))
            });
            reviewed.await?.1
        }
    };
    // 7. Respond.
    let page = format!("/operate/orders/{id}");
    edge.leave_notice(request, &page, &JustHappened::of(duty.id(), what, stored.value(), sent_now));
    edge.done(request, &page, StatusCode::OK, &OrderView::of(edge, stored.value()))
}

async fn pay<P: Platform>(edge: &Edge<P>, id: &OrderId) -> Result<Stored<Order>, Failure> {
    let known = edge.order_now(id).await?;
    known.value().require_paid_to_staff()?;
    edge.pay_order(known, &[]).await
}

async fn end<P: Platform>(edge: &Edge<P>, id: &OrderId, why: End) -> Result<Stored<Order>, Failure> {
    let ended = edge.transact::<Order, ()>(id, Refusal::NotFound, |order, _| {
        Ok(order.ended_by_operator(why, &edge.gateway, edge.now)?.into())
    });
    Ok(ended.await?.1)
}
