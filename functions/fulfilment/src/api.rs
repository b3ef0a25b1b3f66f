//! What comes in and what goes out.

pub(crate) mod letters;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;
pub(crate) mod shipments;

use askama::Template;
use edge::{Edge, Platform, form::FormFaults};
use serde::{Deserialize, Serialize};
use shared::{
    config::Address,
    effect::Shelf,
    order::{Order, Payment, Source, Stage},
    refusal::Refusal,
    values::{Money, OperatorId, OrderId, ProductId, Timestamp},
};

use self::shipments::{RawCorrection, RawShipment, ShipmentView, ShippingForm};

/// Where a list goes on.
pub(crate) struct Further {
    pub(crate) next: Option<String>,
    /// Whether it is a later page than the first.
    pub(crate) goes_on: bool,
}

/// The query of a list of orders.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListQuery {
    list: Option<String>,
    pub(crate) after: Option<String>,
    /// The number of one order, instead of a list.
    pub(crate) reference: Option<String>,
}

impl ListQuery {
    /// # Errors
    /// [`Refusal::NotFound`] for a list that there is not.
    pub(crate) fn shelf(&self) -> Result<Shelf, Refusal> {
        match self.list.as_deref() {
            None | Some("unpaid") => Ok(Shelf::UnpaidInvoices),
            Some("flagged") => Ok(Shelf::FlaggedOrders),
            Some("to-ship") => Ok(Shelf::ToShip),
            Some(_) => Err(Refusal::NotFound),
        }
    }
}

/// What an operator says has happened to an order, or wants to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Happened {
    /// The invoice was fully paid.
    Paid,
    /// It was cancelled.
    Cancelled,
    /// What was paid was given back.
    Refunded,
    /// Its licence keys were sent again.
    Licences,
    /// Somebody has looked at it.
    Reviewed,
    /// Hardware of it was shipped.
    Shipped,
    /// A serial number was corrected.
    Corrected,
}

impl Happened {
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        match segment {
            "paid" => Some(Self::Paid),
            "cancelled" => Some(Self::Cancelled),
            "refunded" => Some(Self::Refunded),
            "licences" => Some(Self::Licences),
            "reviewed" => Some(Self::Reviewed),
            "shipped" => Some(Self::Shipped),
            "corrected" => Some(Self::Corrected),
            _ => None,
        }
    }
}

/// What the last form has done, on its way to the page behind it.
#[derive(Serialize, Deserialize)]
pub(crate) struct JustHappened {
    pub(crate) by: OperatorId,
    what: Happened,
    /// Whether it was paid in vain.
    in_vain: bool,
    /// Whether licence keys were sent just now, and not a moment ago.
    sent_now: bool,
}

impl JustHappened {
    pub(crate) fn of(by: &OperatorId, what: Happened, order: &Order, sent_now: bool) -> Self {
        Self { by: by.clone(), what, in_vain: order.is_paid_in_vain(), sent_now }
    }
}

/// A line of an order.
#[derive(Serialize)]
pub(crate) struct LineView {
    product: String,
    name: String,
    quantity: u32,
}

/// One licence of an order.
#[derive(Serialize)]
pub(crate) struct UnitView {
    product: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    activated_at: Option<Timestamp>,
}

/// An order as operators see it.
#[derive(Serialize)]
pub(crate) struct OrderView {
    id: OrderId,
    reference: String,
    state: &'static str,
    partner: String,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    webstore_order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    lines: Vec<LineView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_order: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys_sent_at: Option<Timestamp>,
    licences: Vec<UnitView>,
    /// The person and the address, line by line, as they stand on a parcel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ship_to: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bill_to: Vec<String>,
    /// The products of the units that are still to be shipped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to_ship: Vec<ProductId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shipments: Vec<ShipmentView>,
    /// Whether an operator sees its money come in, and can say so.
    #[serde(skip)]
    is_paid_to_staff: bool,
    /// Whether its money is to be given back.
    #[serde(skip)]
    to_be_given_back: bool,
    /// Whether somebody has to look at it.
    flagged: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewed_at: Option<Timestamp>,
}

impl OrderView {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, order: &Order) -> Self {
        let bought = order.bought.as_ref();
        let lines = bought.iter().flat_map(|bought| &bought.lines).map(|line| LineView {
            product: line.product.to_string(),
            name: edge.gateway.product_name(&line.product),
            quantity: line.quantity,
        });
        let (paid_at, ended_at) = match &order.stage {
            Stage::Unpaid { .. } => (None, None),
            Stage::Complete { paid_at, .. } => (Some(*paid_at), None),
            Stage::Ended { paid_at, at, .. } => (*paid_at, Some(*at)),
        };
        let partner = edge.gateway.partner(&order.partner).map(|partner| partner.name.clone());
        let (source, webstore_order) = match &order.source {
            Source::Storefront { .. } => ("storefront", None),
            Source::Webstore { order } => ("webstore", Some(order.to_string())),
        };
        let payment = bought.map(|bought| &bought.payment);
        Self {
            id: order.id,
            reference: order.reference(),
            state: order.state(),
            partner: partner.unwrap_or_else(|| order.partner.to_string()),
            source,
            webstore_order,
            customer: bought.map(|bought| bought.customer.name.full()),
            email: bought.map(|bought| bought.customer.email.as_str().to_owned()),
            lines: lines.collect(),
            total: bought.map(|bought| bought.total),
            payment: payment.map(Payment::as_str),
            purchase_order: payment.and_then(Payment::purchase_order).map(ToString::to_string),
            placed_at: bought.map(|bought| bought.placed_at),
            pay_until: order.pay_until(),
            paid_at,
            ended_at,
            keys_sent_at: order.keys_sent_at(),
            licences: licences(edge, order),
            ship_to: ship_to(order),
            bill_to: bought.and_then(|bought| bought.bill_to.as_ref()).map(Address::lines).unwrap_or_default(),
            to_ship: order.to_be_shipped(&edge.gateway),
            shipments: order.shipments.iter().map(|shipment| ShipmentView::of(edge, shipment)).collect(),
            is_paid_to_staff: order.can_be_completed() && order.require_paid_to_staff().is_ok(),
            to_be_given_back: order.is_to_be_given_back(),
            flagged: order.is_flagged(),
            reviewed_at: order.reviewed.as_ref().map(|(_, at)| *at),
        }
    }

    /// Whether an operator can still do something about it.
    fn can_change(&self) -> bool {
        self.ended_at.is_none() || self.flagged || self.is_paid_to_staff || {
            self.paid_at.is_some() && self.state != "refunded"
        }
    }

    /// Whether a token was shipped that nobody has activated a licence with.
    fn can_correct(&self) -> bool {
        let mut tokens = self.shipments.iter().flat_map(|shipment| &shipment.tokens);
        self.state == "complete" && tokens.any(|token| !token.in_use)
    }

    fn is_shipped(&self) -> bool {
        !self.shipments.is_empty()
    }

    fn in_use(&self) -> bool {
        self.licences.iter().any(|licence| licence.activated_at.is_some())
    }
}

fn licences<P: Platform>(edge: &Edge<P>, order: &Order) -> Vec<UnitView> {
    let ended = matches!(order.stage, Stage::Ended { .. });
    let view = |unit: &shared::order::Unit| UnitView {
        product: edge.gateway.product_name(&unit.product),
        state: match (unit.holder, ended) {
            (Some(_), _) => "in-use",
            (None, true) => "revoked",
            (None, false) if unit.takes_no_serial() => "locked",
            (None, false) => "issued",
        },
        activated_at: unit.holder.map(|holder| holder.at),
    };
    order.units().iter().map(view).collect()
}

/// As it stands on a parcel; nothing where nothing is shipped, or where nobody has said where to.
fn ship_to(order: &Order) -> Vec<String> {
    let Some((bought, address)) = order.bought.as_ref().and_then(|bought| Some((bought, bought.ship_to.as_ref()?)))
    else {
        return Vec::new();
    };
    core::iter::once(bought.customer.name.full()).chain(address.lines()).collect()
}

/// A list of orders.
#[derive(Serialize, Template)]
#[template(path = "orders.html")]
pub(crate) struct OrdersPage {
    #[serde(skip)]
    title: &'static str,
    list: &'static str,
    #[serde(skip)]
    first: String,
    orders: Vec<OrderView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    goes_on: bool,
    #[serde(skip)]
    reference: String,
    #[serde(skip)]
    faults: FormFaults,
}

impl OrdersPage {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, shelf: &Shelf, orders: &[Order], further: Further) -> Self {
        let (title, list) = match shelf {
            Shelf::FlaggedOrders => ("Orders to look at", "flagged"),
            Shelf::ToShip => ("Orders to ship", "to-ship"),
            Shelf::UnpaidInvoices | Shelf::DeadLetters | Shelf::OrdersOf(_) => ("Unpaid invoices", "unpaid"),
        };
        let first = format!("/operate/orders?list={list}");
        let next = further.next.map(|after| format!("{first}&after={after}"));
        let orders = orders.iter().map(|order| OrderView::of(edge, order)).collect();
        Self { title, list, first, orders, next, goes_on: further.goes_on, ..Self::empty() }
    }

    /// The one that was looked for.
    pub(crate) fn found<P: Platform>(edge: &Edge<P>, order: &Order) -> Self {
        Self { orders: vec![OrderView::of(edge, order)], ..Self::empty() }
    }

    /// Nothing was found under what was entered.
    pub(crate) fn not_found(reference: &str, faults: FormFaults) -> Self {
        Self { reference: reference.to_owned(), faults, ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            title: "Find an order",
            list: "found",
            first: "/operate/orders".to_owned(),
            orders: Vec::new(),
            next: None,
            goes_on: false,
            reference: String::new(),
            faults: FormFaults::none(),
        }
    }
}

/// One order, and what can be done about it.
#[derive(Serialize, Template)]
#[template(path = "order.html")]
pub(crate) struct OrderPage {
    #[serde(skip)]
    title: String,
    #[serde(flatten)]
    order: OrderView,
    #[serde(skip)]
    may_act: bool,
    #[serde(skip)]
    notice: Option<JustHappened>,
    #[serde(skip)]
    shipping: ShippingForm,
    #[serde(skip)]
    correcting: RawCorrection,
    #[serde(skip)]
    faults: FormFaults,
}

impl OrderPage {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, order: &Order, may_act: bool, notice: Option<JustHappened>) -> Self {
        Self {
            title: format!("Order {}", order.reference()),
            order: OrderView::of(edge, order),
            may_act,
            notice,
            shipping: ShippingForm::of(edge, order, &RawShipment::default()),
            correcting: RawCorrection::default(),
            faults: FormFaults::none(),
        }
    }

    /// The same page with what is wrong with a parcel.
    pub(crate) fn with_parcel(self, shipping: ShippingForm, faults: FormFaults) -> Self {
        Self { shipping, faults: faults.moved("tokens", "tokens.0.serial"), ..self }
    }

    /// The same page with what is wrong with a correction.
    pub(crate) fn with_correction(self, correcting: RawCorrection, faults: FormFaults) -> Self {
        Self { correcting, faults, ..self }
    }
}
