//! `GET,POST /operate/promo-batches`: the form that orders promo codes; `GET /operate/promo-batches/of/{partner}`: the
//! batches of a partner, its own orders included; `GET /operate/promo-batches/{id}`: what became of a batch (SHP-2).
//!
//! Commit point: the batch; its sheets are written before it and count only once it names them. The codes are shown to
//! whoever sends the form, and to a repetition of the same form: nowhere else.

use edge::{
    Edge, Failure, Outcome, Platform, Request,
    batches::{self, Format},
    form::FormFaults,
    page::{RawPage, Wanted},
    request::Encoding,
};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{
    batch::{Batch, Cause, OrderedBy},
    config::OperatorRole,
    operator::OnDuty,
    promo::OrderBatch,
    refusal::Refusal,
    values::{BatchId, FormId, PartnerId},
};

use crate::{
    api::promo::{BatchesPage, FORM_HINT, FormPage, RawOrder, ReportPage},
    on_duty,
};

/// Promo codes are made by fulfilment, and by the registrar who hands them to the approved.
async fn on_duty_for_promos<'a, P: Platform>(edge: &'a Edge<P>, request: &Request) -> Result<OnDuty<'a>, Failure> {
    let duty = on_duty(edge, request).await?;
    Ok(duty.require(OperatorRole::Fulfilment).or_else(|_| duty.require(OperatorRole::Registrar))?)
}

pub(crate) async fn form<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    on_duty_for_promos(edge, request).await?;
    let raw = RawOrder::blank(FormId::random(&mut edge.rng()));
    edge.show(request, StatusCode::OK, &FormPage::of(edge, raw, FormFaults::none()))
}

pub(crate) async fn order<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawOrder = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    let duty = on_duty_for_promos(edge, request).await?;
    // 3. Parse, 4. load, 5. decide, 6. commit.
    let (status, usual) = match request.encoding()? {
        Encoding::Json => (StatusCode::CREATED, Format::Json),
        Encoding::Form => (StatusCode::OK, Format::Csv),
    };
    match print(edge, &duty, &raw).await {
        // 7. Respond. A browser that sends a form names pages in `Accept`, and gets a file all the same.
        Ok((batch, codes)) => {
            let format = if request.wants_page() { usual } else { Format::of(request, usual) };
            batches::codes(status, &batch, &codes, format)
        }
        Err(failure) => edge.refused_in_place(request, failure, "form", |faults| FormPage::of(edge, raw, faults)),
    }
}

/// The batch that the form orders, with its codes: made now, or the same as before when the order is repeated.
async fn print<P: Platform>(
    edge: &Edge<P>,
    duty: &OnDuty<'_>,
    raw: &RawOrder,
) -> Result<(Batch, Vec<String>), Failure> {
    let form: FormId = raw.form.parse().map_err(|_| Refusal::field("form", "form-invalid", FORM_HINT))?;
    let order = OrderBatch::parse(&raw.order(), &edge.gateway, edge.now)?;
    let by = OrderedBy::Operator(duty.id().clone());
    let batch = edge.print(&order, Cause::form(form, &edge.keys), &by).await?;
    let codes = batch.hand_out(&edge.keys)?;
    Ok((batch, codes))
}

pub(crate) async fn list<P: Platform>(edge: &Edge<P>, request: &Request, partner: &str) -> Outcome {
    on_duty_for_promos(edge, request).await?;
    let id: PartnerId = partner.parse().map_err(|_| Refusal::NotFound)?;
    let partner = edge.gateway.partner(&id).ok_or(Refusal::NotFound)?;
    let raw: RawPage = request.decode_query()?;
    let wanted = Wanted::parse(edge, &raw, format!("operate/promo-batches/{id}"), "batches")?;
    let (batches, next) = edge.batches(&id, &wanted).await?;
    edge.show(request, StatusCode::OK, &BatchesPage::of(partner, &batches, next, wanted.goes_on()))
}

pub(crate) async fn report<P: Platform>(edge: &Edge<P>, request: &Request, id: &str) -> Outcome {
    on_duty_for_promos(edge, request).await?;
    let id: BatchId = id.parse().map_err(|_| Refusal::NotFound)?;
    let batch = edge.kv().get::<Batch>(&id).await?.map(Stored::into_value).ok_or(Refusal::NotFound)?;
    let tally = edge.tally(&batch).await?;
    edge.show(request, StatusCode::OK, &ReportPage::of(edge, &batch, tally))
}
