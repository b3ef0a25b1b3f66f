//! Orders in every stage, for the samples of whoever shows orders.

use shared::{
    checkout::{Cart, Customer, RawLine},
    config::{Address, Gateway, Product},
    licence::ActivateLicence,
    order::{Addresses, Bought, End, Issue, Order, Payment, Shipment, ShippedToken},
    postal::RawAddress,
    refusal::Faults,
    secret::PlainToken,
    values::{AccountId, OrderId, PersonName, Seconds},
};

use crate::{edge::Edge, platform::Platform};

/// Orders of the same customer, by stage.
pub struct Orders {
    /// The link's token of all of them.
    pub token: PlainToken,
    /// What stage, in words that can stand in an address, and the order.
    pub staged: Vec<(&'static str, Order)>,
}

impl Orders {
    /// The order of this stage, if there is one.
    pub fn of(&self, stage: &str) -> Option<&Order> {
        self.staged.iter().find(|(known, _)| *known == stage).map(|(_, order)| order)
    }
}

/// An address as a customer enters it.
pub fn address() -> RawAddress {
    RawAddress {
        organisation: "Kestrel Precision Castings Ltd".to_owned(),
        street: "12 Lathe Street".to_owned(),
        city: "Toledo".to_owned(),
        region: "OH".to_owned(),
        postal_code: "43604".to_owned(),
        country: "US".to_owned(),
    }
}

/// One order from its placing to every end, and one of hardware where the configuration has some. `None` when nothing is sold.
pub fn orders<P: Platform>(edge: &Edge<P>) -> Option<Orders> {
    let gateway = &edge.gateway;
    let partner = gateway.partners.last()?;
    let product = gateway.catalogue(&partner.id).next()?;
    let (unpaid, token) = placed(edge, product)?;
    let mut staged = of_software(edge, product, unpaid)?;
    if let Some(product) = gateway.products.iter().find(|product| product.is_hardware()) {
        staged.extend(of_hardware(edge, product)?);
    }
    let unheard = Order::unheard(&partner.id, &"4711".parse().ok()?, &edge.keys);
    staged.push(("foretold", unheard.end(End::Cancelled, gateway, edge.now)?.next));
    Some(Orders { token, staged })
}

fn placed<P: Platform>(edge: &Edge<P>, product: &Product) -> Option<(Order, PlainToken)> {
    let (gateway, now) = (&edge.gateway, edge.now);
    let partner = gateway.partner(&product.partner)?;
    let line = RawLine { product: product.id.to_string(), quantity: 2 };
    let cart = Cart::parse(&partner.id, &[line], gateway).ok()?;
    let name = PersonName { given: "Ada".parse().ok()?, family: "Byron".parse().ok()? };
    let customer = Customer { name, email: "ada@kestrel.example".parse().ok()? };
    let payment = Payment::Invoice { purchase_order: "PO-4711".parse().ok() };
    let entered = Address::parse(&address(), "", &mut Faults::default());
    let addresses = Addresses { shipping: entered.clone().filter(|_| cart.has_hardware()), billing: entered.clone() };
    let bought = Bought::of(&cart, customer, cart.subtotal().ok()?, payment, None, now)
        .addressed(&cart, &addresses)
        .billed_to(partner.billing_address.clone().or(entered));
    let until = now.plus(Seconds::days(30));
    let id = OrderId::from_bytes([1; 16]);
    let token = PlainToken::new(*id.bytes(), &mut edge.rng());
    Some((Order::placed(id, &partner.id, None, bought, Some(until), &token), token))
}

fn paid<P: Platform>(edge: &Edge<P>, unpaid: &Order) -> Option<Order> {
    let issue = Issue::of(unpaid.id, unpaid.products(), &edge.keys, &mut edge.rng());
    Some(unpaid.clone().pay(Some(&issue), false, None, &edge.gateway, edge.now).ok()??.next)
}

fn activated<P: Platform>(edge: &Edge<P>, order: &Order, product: &Product, serial: Option<&str>) -> Option<Order> {
    let serial = serial.and_then(|serial| serial.parse().ok());
    let command = ActivateLicence { agreement: product.agreement_digest().to_owned(), agreed: true, serial };
    let (licence, account) = (order.units().first()?.licence, AccountId::from_bytes([2; 16]));
    Some(order.clone().activate(licence, account, product, &command, &edge.keys, edge.now).ok()?.next)
}

type Staged = Vec<(&'static str, Order)>;

fn of_software<P: Platform>(edge: &Edge<P>, product: &Product, unpaid: Order) -> Option<Staged> {
    let (gateway, now): (&Gateway, _) = (&edge.gateway, edge.now);
    let complete = paid(edge, &unpaid)?;
    let in_use = activated(edge, &complete, product, None)?;
    let lapsed = unpaid.clone().lapse(gateway, unpaid.lapses_at()?)?.next;
    let cancelled = unpaid.clone().end(End::Cancelled, gateway, now)?.next;
    let in_vain = cancelled.clone().pay(None, false, None, gateway, now).ok()??.next;
    let refunded = complete.clone().end(End::Refunded, gateway, now)?.next;
    let refunded_in_use = in_use.clone().end(End::Refunded, gateway, now)?.next;
    Some(vec![
        ("unpaid", unpaid),
        ("complete", complete),
        ("in-use", in_use),
        ("lapsed", lapsed),
        ("cancelled", cancelled),
        ("paid-in-vain", in_vain),
        ("refunded", refunded),
        ("refunded-in-use", refunded_in_use),
    ])
}

fn of_hardware<P: Platform>(edge: &Edge<P>, product: &Product) -> Option<Staged> {
    let to_ship = paid(edge, &placed(edge, product)?.0)?;
    let partly_shipped = with_parcel(edge, &to_ship, product, "GALT10000123", true)?;
    let shipped = with_parcel(edge, &partly_shipped, product, "GALT10000124", false)?;
    let token_in_use = activated(edge, &shipped, product, Some("GALT10000123"))?;
    let refunded_shipped = shipped.clone().end(End::Refunded, &edge.gateway, edge.now)?.next;
    Some(vec![
        ("to-ship", to_ship),
        ("partly-shipped", partly_shipped),
        ("shipped", shipped),
        ("token-in-use", token_in_use),
        ("refunded-shipped", refunded_shipped),
    ])
}

fn with_parcel<P: Platform>(
    edge: &Edge<P>,
    order: &Order,
    product: &Product,
    serial: &str,
    tracked: bool,
) -> Option<Order> {
    let mut order = order.clone();
    let by = edge.gateway.operators.first()?.id.clone();
    let token = ShippedToken { product: product.id.clone(), serial: serial.parse().ok()?, activates: None };
    let text = |text: &str| text.parse().ok().filter(|_| tracked);
    let (carrier, tracking) = (text("Swift Post"), text("SP 0123 4567"));
    order.shipments.push(Shipment { at: edge.now, by, carrier, tracking, tokens: vec![token] });
    Some(order)
}
