//! Our own events, as `docs/webstores.md` describes them: strict, since who sends them writes them for us.

use serde::Deserialize;

use super::{Decode, OrderEvent, Reading};
use crate::{
    checkout::{Cart, Customer, RawCustomer, RawLine},
    config::Gateway,
    order::{News, Sale},
    refusal::{Faults, Refusal},
    values::{Money, PartnerId},
};

/// What every event says first: only then is it known what else it holds.
#[derive(Debug, Deserialize)]
struct RawKind {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent<D> {
    #[serde(rename = "type")]
    _kind: String,
    /// When it happened, RFC 3339; informative, since the signed header carries the time that counts.
    #[serde(rename = "timestamp")]
    _timestamp: String,
    data: D,
}

/// An order with all that is known of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSale {
    /// At most 80 characters.
    order_id: String,
    customer: RawCustomer,
    lines: Vec<RawLine>,
    /// In minor units.
    total_minor: u64,
    /// ISO 4217 code.
    currency: String,
}

/// An order of which the end is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEnd {
    /// At most 80 characters.
    order_id: String,
}

pub(super) fn read<'a, B: Decode>(
    body: &B,
    partner: &PartnerId,
    gateway: &'a Gateway,
) -> Result<Reading<'a>, B::Error> {
    let event = match body.decode::<RawKind>()?.kind.as_str() {
        "order.created" => sale(&body.decode::<RawEvent<RawSale>>()?.data, News::Created, partner, gateway)?,
        "order.paid" => sale(&body.decode::<RawEvent<RawSale>>()?.data, News::Paid, partner, gateway)?,
        "order.cancelled" => end(&body.decode::<RawEvent<RawEnd>>()?.data, News::Cancelled)?,
        "order.refunded" => end(&body.decode::<RawEvent<RawEnd>>()?.data, News::Refunded)?,
        _ => return Ok(Reading::Left),
    };
    Ok(Reading::Event(event))
}

fn sale<'a>(
    raw: &RawSale,
    news: fn(Sale<'a>) -> News<'a>,
    partner: &PartnerId,
    gateway: &'a Gateway,
) -> Result<OrderEvent<'a>, Refusal> {
    let mut faults = Faults::default();
    let order = faults.check("data.order_id", raw.order_id.parse());
    let customer = Customer::parse(&raw.customer, "data.customer.", &mut faults);
    let currency = faults.check("data.currency", raw.currency.parse());
    let cart = faults.adopt("data.", Cart::parse(partner, &raw.lines, gateway))?;
    let event = (|| {
        let sale = Sale { cart: cart?, customer: customer?, total: Money::new(raw.total_minor, currency?) };
        Some(OrderEvent { order: order?, news: news(sale) })
    })();
    faults.finish(event)
}

fn end<'a>(raw: &RawEnd, news: News<'a>) -> Result<OrderEvent<'a>, Refusal> {
    let mut faults = Faults::default();
    let order = faults.check("data.order_id", raw.order_id.parse());
    faults.finish(order.map(|order| OrderEvent { order, news }))
}
