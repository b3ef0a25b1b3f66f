//! How orders stand, for who has placed them.

use askama::Template;
use edge::customer::PaymentOutcome;
use serde::{Deserialize, Serialize};
use shared::{
    checkout::OrderLine,
    config::{Address, Gateway},
    order::{Bought, Order, Shipment, Stage},
    secret::PlainToken,
    values::{Money, OrderId, Timestamp},
};

/// The query of an order's page, by its link.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkQuery {
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) payment: Option<PaymentOutcome>,
}

/// The query of the page of one's own order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnQuery {
    #[serde(default)]
    pub(crate) payment: Option<PaymentOutcome>,
}

/// Licence keys were sent again, or are on their way since the last time.
#[derive(Serialize, Deserialize)]
pub(crate) struct Reissued {
    order: String,
    keys_sent_at: Option<Timestamp>,
    /// Whether they were sent now; otherwise they are on their way since a moment ago.
    sent: bool,
}

impl Reissued {
    pub(crate) fn of(order: &Order, sent: bool) -> Self {
        Self { order: order.reference(), keys_sent_at: order.keys_sent_at(), sent }
    }
}

/// What became of an order, for who has just cancelled it.
#[derive(Serialize)]
pub(crate) struct Cancelled {
    order: String,
    state: &'static str,
}

impl Cancelled {
    pub(crate) fn of(order: &Order) -> Self {
        Self { order: order.reference(), state: order.state() }
    }
}

#[derive(Serialize)]
struct OrderedView {
    product: String,
    name: String,
    quantity: u32,
}

impl OrderedView {
    fn all(gateway: &Gateway, bought: &Bought) -> Vec<Self> {
        let view = |line: &OrderLine| Self {
            product: line.product.to_string(),
            name: gateway.product_name(&line.product),
            quantity: line.quantity,
        };
        bought.lines.iter().map(view).collect()
    }
}

/// A parcel, for whom it is sent to.
#[derive(Serialize)]
struct ShippedView {
    shipped_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking: Option<String>,
    lines: Vec<ShippedLine>,
}

#[derive(Serialize)]
struct ShippedLine {
    name: String,
    quantity: u32,
}

impl ShippedView {
    fn of(gateway: &Gateway, shipment: &Shipment) -> Self {
        let lines = shipment.lines(gateway).into_iter();
        Self {
            shipped_at: shipment.at,
            carrier: shipment.carrier.as_ref().map(ToString::to_string),
            tracking: shipment.tracking.as_ref().map(ToString::to_string),
            lines: lines.map(|(name, quantity)| ShippedLine { name, quantity }).collect(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it skips by reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// An order, for whoever has its link, or ordered it signed in.
#[derive(Serialize, Template)]
#[template(path = "order.html")]
pub(crate) struct OrderPage {
    #[serde(skip)]
    title: &'static str,
    order: String,
    state: &'static str,
    partner: String,
    customer: String,
    email: String,
    lines: Vec<OrderedView>,
    total: Money,
    placed_at: Timestamp,
    #[serde(skip)]
    placed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_until: Option<Timestamp>,
    #[serde(skip)]
    pay_until_text: String,
    /// Whether it waits for its payment by card.
    awaits_card: bool,
    /// Whether licence keys were issued.
    #[serde(skip)]
    had_licences: bool,
    /// How the customer left the payment page just now.
    #[serde(skip)]
    payment: Option<PaymentOutcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys_sent_at: Option<Timestamp>,
    #[serde(skip)]
    keys_sent: String,
    /// How many of its licences are in use.
    activated: usize,
    /// Whether it was paid after it had ended: the money is given back.
    paid_in_vain: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_address: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<Vec<String>>,
    /// What was shipped; the serial numbers stand on the tokens alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shipments: Vec<ShippedView>,
    /// How many tokens are still to be shipped.
    #[serde(skip_serializing_if = "is_zero")]
    to_ship: usize,
    #[serde(skip)]
    catalogue: String,
    /// What the form about it carries: the link's token, or the order's id.
    #[serde(skip)]
    proof: (&'static str, String),
    #[serde(skip)]
    asked: Option<Reissued>,
}

impl OrderPage {
    /// `None` for an order of which only its end is known: it has no page.
    pub(crate) fn of(gateway: &Gateway, order: &Order, token: Option<&PlainToken>) -> Option<Self> {
        let bought = order.bought.as_ref()?;
        let partner = gateway.partner(&order.partner).map(|partner| partner.name.clone());
        let human = |at: Option<Timestamp>| at.map(Timestamp::human).unwrap_or_default();
        let (pay_until, keys_sent_at) = (order.pay_until(), order.keys_sent_at());
        Some(Self {
            title: match &order.stage {
                Stage::Unpaid { .. } => "Your order waits for payment",
                Stage::Complete { .. } => "Thank you for your order",
                Stage::Ended { .. } => "Your order has ended",
            },
            order: order.reference(),
            state: order.state(),
            partner: partner.unwrap_or_else(|| order.partner.to_string()),
            customer: bought.customer.name.full(),
            email: bought.customer.email.as_str().to_owned(),
            lines: OrderedView::all(gateway, bought),
            total: bought.total,
            placed_at: bought.placed_at,
            placed: bought.placed_at.human(),
            purchase_order: bought.payment.purchase_order().map(ToString::to_string),
            pay_until,
            pay_until_text: human(pay_until),
            awaits_card: order.awaits_card(),
            had_licences: !order.units().is_empty(),
            payment: None,
            keys_sent_at,
            keys_sent: human(keys_sent_at),
            activated: order.units().iter().filter(|unit| unit.holder.is_some()).count(),
            paid_in_vain: order.is_paid_in_vain(),
            catalogue: format!("/webstore-checkout/{}", order.partner),
            billing_address: bought.bill_to.as_ref().map(Address::lines),
            shipping_address: bought.ship_to.as_ref().map(Address::lines),
            shipments: order.shipments.iter().map(|shipment| ShippedView::of(gateway, shipment)).collect(),
            to_ship: order.to_be_shipped(gateway).len(),
            proof: token.map_or_else(|| ("order", order.id.to_string()), |token| ("token", token.reveal())),
            asked: None,
        })
    }

    /// The same page for somebody who comes from the payment page.
    pub(crate) fn after_paying(self, payment: Option<PaymentOutcome>) -> Self {
        Self { payment, ..self }
    }

    /// The same page after licence keys were asked for again.
    pub(crate) fn after_asking(self, asked: Option<Reissued>) -> Self {
        Self { asked, ..self }
    }
}

/// One of a person's orders.
#[derive(Serialize)]
struct PastView {
    id: OrderId,
    order: String,
    state: &'static str,
    partner: String,
    lines: Vec<OrderedView>,
    total: Money,
    placed_at: Timestamp,
}

/// What a signed-in person ordered.
#[derive(Serialize, Template)]
#[template(path = "history.html")]
pub(crate) struct HistoryPage {
    #[serde(skip)]
    title: &'static str,
    orders: Vec<PastView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    goes_on: bool,
}

impl HistoryPage {
    pub(crate) fn of(gateway: &Gateway, orders: &[Order], next: Option<String>, goes_on: bool) -> Self {
        let view = |order: &Order| {
            let bought = order.bought.as_ref()?;
            let partner = gateway.partner(&order.partner).map(|partner| partner.name.clone());
            Some(PastView {
                id: order.id,
                order: order.reference(),
                state: order.state(),
                partner: partner.unwrap_or_else(|| order.partner.to_string()),
                lines: OrderedView::all(gateway, bought),
                total: bought.total,
                placed_at: bought.placed_at,
            })
        };
        Self { title: "Your orders", orders: orders.iter().filter_map(view).collect(), next, goes_on }
    }
}
