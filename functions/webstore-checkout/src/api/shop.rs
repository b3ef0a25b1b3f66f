//! Catalogue and cart.

use askama::Template;
use edge::{Edge, Failure, Platform, Request, form::FormFaults, request::form_encoded};
use serde::Serialize;
use shared::{
    account::Account,
    checkout::RawLine,
    config::{Gateway, Partner, Product},
    journey::Need,
    refusal::{Faults, Refusal},
    values::{Money, Timestamp},
};

const DAYS_OF_A_YEAR: u64 = 365;

/// Product and quantity as they stand in the cart's address. A blank or zero quantity takes the product out.
pub(crate) fn typed_cart(request: &Request) -> Vec<(String, String)> {
    let mut typed = request.query_pairs();
    typed.retain(|(_, quantity)| !matches!(quantity.trim(), "" | "0"));
    typed
}

/// The cart's lines.
pub(crate) fn raw_lines(typed: &[(String, String)]) -> Result<Vec<RawLine>, Refusal> {
    let mut faults = Faults::default();
    let mut lines = Vec::new();
    for (product, quantity) in typed {
        match quantity.trim().parse() {
            Ok(quantity) => lines.push(RawLine { product: product.clone(), quantity }),
            Err(_) => faults.add(product.as_str(), "not-a-number", "Enter a whole number."),
        }
    }
    faults.finish(Some(lines))
}

/// The cart's address with the same lines.
pub(crate) fn cart_address(partner: &Partner, query: &str) -> String {
    format!("/webstore-checkout/{}/cart?{query}", partner.id)
}

/// On a page all faults of the cart's lines stand at one place; JSON keeps their pointers.
pub(crate) fn beside_lines(request: &Request, failure: Failure) -> Failure {
    match failure {
        Failure::Refused(Refusal::InvalidInput(mut faults)) if request.wants_page() => {
            for fault in faults.iter_mut().filter(|fault| fault.field.starts_with("lines.")) {
                "lines".clone_into(&mut fault.field);
            }
            Refusal::InvalidInput(faults).into()
        }
        other => other,
    }
}

#[derive(Serialize)]
pub(super) struct PartnerView {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) catalogue: String,
}

impl PartnerView {
    pub(super) fn of(partner: &Partner) -> Self {
        Self {
            id: partner.id.to_string(),
            name: partner.name.clone(),
            catalogue: format!("/webstore-checkout/{}", partner.id),
        }
    }
}

/// The partners that offer something.
#[derive(Serialize, Template)]
#[template(path = "partners.html")]
pub(crate) struct PartnersPage {
    #[serde(skip)]
    pub(super) title: &'static str,
    pub(super) partners: Vec<PartnerView>,
}

impl PartnersPage {
    pub(crate) fn of(gateway: &Gateway) -> Self {
        let offering = gateway.partners.iter().filter(|partner| gateway.catalogue(&partner.id).next().is_some());
        Self { title: "Webstore", partners: offering.map(PartnerView::of).collect() }
    }
}

#[derive(Serialize)]
pub(super) struct ProductView {
    id: String,
    name: String,
    description: String,
    price: Money,
    term_days: u64,
    #[serde(skip)]
    term: String,
    #[serde(skip)]
    quantity: String,
    /// Whether the person who is signed in needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) need: Option<NeedView>,
}

/// What a signed-in person has already, or has ordered (SHP-1, CRD-7).
#[derive(Default, Serialize)]
pub(super) struct NeedView {
    /// `to-buy`, `had`, `saved` or `ordered`.
    pub(super) is: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Timestamp>,
    /// The order's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<String>,
}

impl NeedView {
    fn of(need: Need<'_>) -> Self {
        match need {
            Need::ToBuy => Self { is: "to-buy", ..Self::default() },
            Need::Had { until } => Self { is: "had", until: Some(until), ..Self::default() },
            Need::Saved { by, until } => {
                Self { is: "saved", by: Some(by.name.clone()), until: Some(until), ..Self::default() }
            }
            Need::Ordered { order } => Self { is: "ordered", order: Some(order.to_string()), ..Self::default() },
        }
    }
}

impl ProductView {
    fn of(product: &Product, typed: &[(String, String)], need: Option<Need<'_>>) -> Self {
        let in_cart = typed.iter().find(|(id, _)| *id == product.id.as_str()).map(|(_, quantity)| quantity.clone());
        Self {
            id: product.id.to_string(),
            name: product.name.clone(),
            description: product.description.clone(),
            price: product.price,
            term_days: product.term_days,
            term: term(product.term_days),
            quantity: in_cart.unwrap_or_else(|| "1".to_owned()),
            need: need.map(NeedView::of),
        }
    }
}

fn term(days: u64) -> String {
    match (days / DAYS_OF_A_YEAR, days % DAYS_OF_A_YEAR) {
        (1, 0) => "1 year".to_owned(),
        (years, 0) => format!("{years} years"),
        _ if days == 1 => "1 day".to_owned(),
        _ => format!("{days} days"),
    }
}

/// What one partner's suppliers can buy (SHP-1).
#[derive(Serialize, Template)]
#[template(path = "catalogue.html")]
pub(crate) struct CataloguePage {
    #[serde(skip)]
    title: String,
    partner: PartnerView,
    pub(super) products: Vec<ProductView>,
    #[serde(skip)]
    cart: Vec<CartLine>,
    #[serde(skip)]
    cart_address: String,
    #[serde(skip)]
    faults: FormFaults,
}

impl CataloguePage {
    pub(crate) fn of<P: Platform>(
        edge: &Edge<P>,
        partner: &Partner,
        typed: &[(String, String)],
        person: Option<&Account>,
    ) -> Self {
        let gateway = &edge.gateway;
        let cart = CartLine::all(gateway, partner, typed);
        let view = |product| {
            let need = person.map(|account| Need::of(product, account, gateway, edge.now));
            ProductView::of(product, typed, need)
        };
        Self {
            title: format!("{} Webstore", partner.name),
            partner: PartnerView::of(partner),
            products: gateway.catalogue(&partner.id).map(view).collect(),
            cart_address: cart_address(partner, &query(&cart)),
            cart,
            faults: FormFaults::none(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct CartLine {
    pub(super) product: String,
    pub(super) name: String,
    pub(super) price: Money,
    pub(super) quantity: String,
    pub(super) amount: Option<Money>,
}

impl CartLine {
    /// The lines whose products the partner offers.
    pub(super) fn all(gateway: &Gateway, partner: &Partner, typed: &[(String, String)]) -> Vec<Self> {
        let mut lines: Vec<Self> = Vec::new();
        for (id, quantity) in typed {
            let offered = gateway.catalogue(&partner.id).find(|product| product.id.as_str() == id);
            let Some(product) = offered.filter(|_| lines.iter().all(|line| line.product != *id)) else {
                continue;
            };
            let units: Option<u32> = quantity.trim().parse().ok();
            lines.push(Self {
                product: id.clone(),
                name: product.name.clone(),
                price: product.price,
                quantity: quantity.clone(),
                amount: units.and_then(|units| product.price.times(units)),
            });
        }
        lines
    }
}

/// The sum of the lines; `None` when one has no amount or the currencies differ.
pub(super) fn sum(lines: &[CartLine]) -> Option<Money> {
    let mut amounts = lines.iter().map(|line| line.amount);
    let first = amounts.next()??;
    amounts.try_fold(first, |sum, amount| sum.add(amount?))
}

/// Whether one of them is shipped.
pub(super) fn ships(gateway: &Gateway, lines: &[CartLine]) -> bool {
    let hardware = || gateway.products.iter().filter(|product| product.is_hardware());
    lines.iter().any(|line| hardware().any(|product| product.id.as_str() == line.product))
}

/// The cart as a query. Products are known ones, and quantities that are no numbers are left out, so nothing in it
/// needs an escape.
pub(super) fn query(lines: &[CartLine]) -> String {
    let counted = lines.iter().filter(|line| line.amount.is_some());
    counted.map(|line| format!("{}={}", line.product, line.quantity.trim())).collect::<Vec<_>>().join("&")
}

/// The cart (SHP-1).
#[derive(Serialize, Template)]
#[template(path = "cart.html")]
pub(crate) struct CartPage {
    #[serde(skip)]
    title: &'static str,
    partner: PartnerView,
    lines: Vec<CartLine>,
    subtotal: Option<Money>,
    #[serde(skip)]
    query: String,
    /// Where a guest signs in, and comes back; `None` for who is signed in.
    #[serde(skip)]
    sign_in: Option<String>,
    #[serde(skip)]
    faults: FormFaults,
}

impl CartPage {
    pub(crate) fn of(gateway: &Gateway, partner: &Partner, typed: &[(String, String)], is_guest: bool) -> Self {
        let lines = CartLine::all(gateway, partner, typed);
        let query = query(&lines);
        let here = cart_address(partner, &query);
        Self {
            title: "Your cart",
            partner: PartnerView::of(partner),
            subtotal: sum(&lines),
            sign_in: is_guest.then(|| format!("/sign-in?{}", form_encoded(&[("continue", &here)]))),
            query,
            lines,
            faults: FormFaults::none(),
        }
    }

    /// The same page with what is wrong.
    pub(crate) fn with(self, faults: FormFaults) -> Self {
        Self { faults, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    #[test]
    fn shp_1_the_cart_lives_in_its_address() {
        // SHP-1
        let headers = [("accept", "text/html")].into_iter().collect();
        let shown = Request::new(Method::GET, "/cart?one=2&two=0&three=&four=x", headers, "".into());
        let typed = typed_cart(&shown);
        assert_eq!(typed, [("one".to_owned(), "2".to_owned()), ("four".to_owned(), "x".to_owned())]);
        let Err(Refusal::InvalidInput(faults)) = raw_lines(&typed) else { panic!("x is no number") };
        assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["four"]);
        assert!(raw_lines(&[]).is_ok_and(|lines| lines.is_empty()));
    }

    #[test]
    fn terms_are_said_as_people_say_them() {
        assert_eq!([1, 30, 365, 730, 400].map(term), ["1 day", "30 days", "1 year", "2 years", "400 days"]);
    }
}
