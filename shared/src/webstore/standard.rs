//! Our own events, as `docs/webstores.md` describes them: strict, since who sends them writes them for us.

use serde::Deserialize;

use super::{Decode, OrderEvent, Reading};
use crate::{
    checkout::{Cart, Customer, RawCustomer, RawLine},
    config::Gateway,
    envelope,
    order::{News, Sale},
    refusal::{Faults, Refusal},
    values::{Money, PartnerId},
};

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
    let event = match envelope::kind(body)?.as_str() {
        "order.created" => sale(&envelope::standard(body)?, News::Created, partner, gateway)?,
        "order.paid" => sale(&envelope::standard(body)?, News::Paid, partner, gateway)?,
        "order.cancelled" => end(&envelope::standard(body)?, News::Cancelled)?,
        "order.refunded" => end(&envelope::standard(body)?, News::Refunded)?,
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
