//! What was shipped (SHP-8). `POST /operate/orders/{id}/shipped`: one parcel, all of it or nothing; `.../corrected`: a serial
//! number that was mistyped. `GET,POST /operate/orders/shipments`: a list of up to 500 tokens, as a page with a field for it,
//! or as `text/csv`; line by line, so that a bad one spoils no other.
//!
//! Commit point: the order, of a list each order for itself. A repetition changes nothing, so an answer that was lost is had
//! again by sending the same; for the same reason a list's page is the answer to its form, and no page of its own behind one.
//! Of the 30 seconds that a request has, [`WORK_SECONDS`] are for work: what is left over then is answered `not-processed`,
//! the whole with 202, and the same list is to be sent again.

use edge::{Edge, Failure, Outcome, Platform, Request, duty::on_duty, failure::BadRequest, form::FormFaults};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{
    config::OperatorRole,
    operator::OnDuty,
    order::{Correction, Order, Parcel, Taken},
    refusal::Refusal,
    values::OrderId,
};

use crate::{
    api::{
        Happened, JustHappened, OrderPage, OrderView,
        shipments::{self as api, Group, ImportPage, Line, RawCorrection, RawImport, RawShipment, ShippingForm},
    },
    may_look,
};

const CSV: &str = "text/csv";
/// For so long new parcels are begun. A request lives 30 seconds, and a parcel may take a while.
const WORK_SECONDS: u64 = 20;

pub(crate) async fn ship<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawShipment = request.decode_nested()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let duty = on_duty(edge, request).await?.require(OperatorRole::Fulfilment)?;
    // 3. Parse.
    let id: OrderId = id.parse().map_err(|_| Refusal::NotFound)?;
    // 4. Load, 5. decide and 6. commit.
    let shipped = match Parcel::parse(&raw.parcel()) {
        Ok(parcel) => edge.ship(&id, &parcel, &duty, true).await.map(|(_, stored)| stored.into_value()),
        Err(refusal) => Err(refusal.into()),
    };
    // 7. Respond.
    match shipped {
        Ok(order) => answer(edge, request, duty, Happened::Shipped, &order),
        Err(failure) => {
            let order = known(edge, &id).await?;
            let form = ShippingForm::of(edge, &order, &raw);
            edge.refused_in_place(request, failure, "tokens", |faults| {
                OrderPage::of(edge, &order, true, None).with_parcel(form, faults)
            })
        }
    }
}

pub(crate) async fn correct<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawCorrection = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let duty = on_duty(edge, request).await?.require(OperatorRole::Fulfilment)?;
    // 3. Parse.
    let id: OrderId = id.parse().map_err(|_| Refusal::NotFound)?;
    // 4. Load, 5. decide and 6. commit.
    let corrected = match Correction::parse(&raw.wrong, &raw.right) {
        Ok(correction) => edge.correct_serial(&id, &correction).await.map(Stored::into_value),
        Err(refusal) => Err(refusal.into()),
    };
    // 7. Respond.
    match corrected {
        Ok(order) => answer(edge, request, duty, Happened::Corrected, &order),
        Err(failure) => {
            let order = known(edge, &id).await?;
            edge.refused_in_place(request, failure, "right", |faults| {
                OrderPage::of(edge, &order, true, None).with_correction(raw, faults)
            })
        }
    }
}

async fn known<P: Platform>(edge: &Edge<P>, id: &OrderId) -> Result<Order, Failure> {
    Ok(edge.kv().get::<Order>(id).await?.ok_or(Refusal::NotFound)?.into_value())
}

fn answer<P: Platform>(edge: &Edge<P>, request: &Request, duty: OnDuty<'_>, what: Happened, order: &Order) -> Outcome {
    let page = format!("/operate/orders/{}", order.id);
    edge.leave_notice(request, &page, &JustHappened::of(duty.id(), what, order, true));
    edge.done(request, &page, StatusCode::OK, &OrderView::of(edge, order))
}

pub(crate) async fn form<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    may_look(on_duty(edge, request).await?)?;
    edge.show(request, StatusCode::OK, &ImportPage::of("", FormFaults::none()))
}

pub(crate) async fn import<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let began = edge.platform.unix_seconds();
    let text = sent(edge, request)?;
    let duty = on_duty(edge, request).await?.require(OperatorRole::Fulfilment)?;
    // 3. Parse, as far as it concerns all lines.
    let lines = match api::lines(&text) {
        Ok(lines) => lines,
        Err(refusal) => {
            return edge.refused_in_place(request, refusal.into(), "shipments", |faults| ImportPage::of(&text, faults));
        }
    };
    // 3. Parse, 4. load, 5. decide and 6. commit: parcel by parcel.
    let outcomes = work(edge, duty, &lines, began).await;
    // 7. Respond.
    let page = ImportPage::after(&lines, &outcomes);
    let status = if page.is_unfinished() { StatusCode::ACCEPTED } else { StatusCode::OK };
    edge.show(request, status, &page)
}

/// The list that was sent, by nobody's page but ours.
fn sent<P: Platform>(edge: &Edge<P>, request: &Request) -> Result<String, Failure> {
    if request.is_of(CSV) {
        edge.require_no_other_site(request)?;
        return String::from_utf8(request.body.clone()).map_err(|_| BadRequest::NotUtf8.into());
    }
    let raw: RawImport = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    Ok(raw.shipments)
}

/// What comes of each line.
async fn work<P: Platform>(
    edge: &Edge<P>,
    duty: OnDuty<'_>,
    lines: &[Line],
    began: u64,
) -> Vec<Result<Taken, Failure>> {
    let (groups, refused) = api::groups(lines, &edge.keys);
    let refused = refused.into_iter().map(|(place, refusal)| (place, Err(refusal.into())));
    let mut outcomes: Vec<(usize, Result<Taken, Failure>)> = refused.collect();
    for group in groups {
        let in_time = edge.platform.unix_seconds().saturating_sub(began) < WORK_SECONDS;
        outcomes.extend(ship_group(edge, duty, &group, in_time).await);
    }
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

async fn ship_group<P: Platform>(
    edge: &Edge<P>,
    duty: OnDuty<'_>,
    group: &Group,
    in_time: bool,
) -> Vec<(usize, Result<Taken, Failure>)> {
    let all = |failure: &dyn Fn() -> Failure| group.places.iter().map(|place| (*place, Err(failure()))).collect();
    if !in_time {
        return all(&|| Refusal::NotProcessed.into());
    }
    match edge.ship(&group.order, &group.parcel, &duty, false).await {
        Ok((outcomes, _)) => {
            let outcomes = outcomes.into_iter().map(|outcome| outcome.map_err(Failure::from));
            group.places.iter().copied().zip(outcomes).collect()
        }
        Err(Failure::Refused(refusal)) => all(&|| of_order(refusal.clone()).into()),
        Err(failure) => {
            edge.log_failure("line of a list of shipments", &failure);
            all(&|| Refusal::NotProcessed.into())
        }
    }
}

/// What is refused of a whole parcel, as a fault of its line.
fn of_order(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::NotFound => Refusal::field("order", "unknown", "There is no order with this number."),
        other => other,
    }
}
