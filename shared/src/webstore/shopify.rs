//! Shopify's Order resource, which every `orders/` topic carries
//! (<https://shopify.dev/docs/api/admin-rest/latest/resources/order>).
//!
//! The topic is not signed: whoever captured a signed `orders/create` could send it again as `orders/paid`. So the body alone
//! tells what it is (its signed global id names the type) and how the order stands.

use serde::Deserialize;

use super::{Decode, OrderEvent, Reading, Review, name_of, text};
use crate::{
    checkout::{Cart, Customer, MAX_UNITS, RawLine},
    config::Gateway,
    order::{News, Sale},
    refusal::{Faults, Refusal},
    values::{Line, Money, PartnerId},
};

/// How the global id of an order begins.
const ORDER: &str = "gid://shopify/Order/";

/// What every resource says: what it is.
#[derive(Debug, Deserialize)]
struct RawResource {
    admin_graphql_api_id: Option<String>,
}

/// How an order stands.
#[derive(Debug, Deserialize)]
struct RawStanding {
    id: u64,
    cancelled_at: Option<String>,
    financial_status: Option<String>,
    /// Whether it was paid in the shop's test mode, in which no money moves.
    test: Option<bool>,
}

/// What was ordered.
#[derive(Debug, Deserialize)]
struct RawOrder {
    line_items: Option<Vec<RawItem>>,
    /// In major units.
    total_price: Option<String>,
    /// ISO 4217 code.
    currency: Option<String>,
    customer: Option<RawPerson>,
    billing_address: Option<RawPerson>,
    email: Option<String>,
    contact_email: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RawItem {
    sku: Option<String>,
    quantity: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct RawPerson {
    first_name: Option<String>,
    last_name: Option<String>,
}

pub(super) fn read<'a, B: Decode>(
    body: &B,
    partner: &PartnerId,
    gateway: &'a Gateway,
) -> Result<Reading<'a>, B::Error> {
    let resource = body.decode::<RawResource>()?.admin_graphql_api_id;
    if !resource.is_some_and(|id| id.starts_with(ORDER)) {
        return Ok(Reading::Left);
    }
    let standing: RawStanding = body.decode()?;
    let order: Line<80> = standing.id.to_string().parse().expect("twenty digits are a line");
    let news = match standing.meaning() {
        Meaning::Over(news) => news,
        Meaning::Unclear(review) => return Ok(Reading::Review(review.of(order))),
        Meaning::Sold(news) => {
            let raw: RawOrder = body.decode()?;
            if sells_something_else(&raw, partner, gateway) {
                return Ok(Reading::Left);
            }
            news(sale(&raw, partner, gateway)?)
        }
    };
    Ok(Reading::Event(OrderEvent { order, news }))
}

/// Whether nothing in it is of the catalogue: the shop sells something else besides.
fn sells_something_else(raw: &RawOrder, partner: &PartnerId, gateway: &Gateway) -> bool {
    let items = raw.line_items.as_deref().unwrap_or_default();
    let ours =
        |item: &RawItem| gateway.catalogue(partner).any(|product| text(item.sku.as_ref()) == product.id.as_str());
    !items.is_empty() && !items.iter().any(ours)
}

/// What follows from how an order stands.
enum Meaning<'a> {
    /// It is over, whatever was in it.
    Over(News<'a>),
    /// It matters what was sold.
    Sold(fn(Sale<'a>) -> News<'a>),
    /// A person decides.
    Unclear(Review),
}

impl RawStanding {
    fn meaning<'a>(&self) -> Meaning<'a> {
        match (self.financial_status.as_deref(), self.cancelled_at.is_some()) {
            (Some("refunded"), _) => Meaning::Over(News::Refunded),
            (Some("voided"), _) | (_, true) => Meaning::Over(News::Cancelled),
            (Some("partially_refunded"), false) => Meaning::Unclear(Review::PARTLY_REFUNDED),
            (Some("paid"), false) if self.test == Some(true) => Meaning::Unclear(Review::TEST_ORDER),
            (Some("paid"), false) => Meaning::Sold(News::Paid),
            (Some("pending" | "authorized" | "partially_paid" | "expired") | None, false) => {
                Meaning::Sold(News::Created)
            }
            (Some(_), false) => Meaning::Unclear(Review::UNKNOWN_STATUS),
        }
    }
}

fn sale<'a>(raw: &RawOrder, partner: &PartnerId, gateway: &'a Gateway) -> Result<Sale<'a>, Refusal> {
    let mut faults = Faults::default();
    let customer = customer(raw, &mut faults);
    let total = total(raw, &mut faults);
    let cart = faults.adopt("", cart(raw.line_items.as_deref().unwrap_or_default(), partner, gateway))?;
    let sale = (|| Some(Sale { cart: cart?, customer: customer?, total: total? }))();
    faults.finish(sale)
}

/// The account's name, or the one on the bill where the account has none; in both, the first name may be missing.
fn customer(raw: &RawOrder, faults: &mut Faults) -> Option<Customer> {
    let people = [("customer.last_name", &raw.customer), ("billing_address.last_name", &raw.billing_address)];
    let named = people.into_iter().find_map(|(field, person)| {
        let person = person.as_ref()?;
        let (given, family) = (text(person.first_name.as_ref()), text(person.last_name.as_ref()));
        (!given.trim().is_empty() || !family.trim().is_empty()).then_some((field, given, family))
    });
    let (field, given, family) = named.unwrap_or(("customer.last_name", "", ""));
    let name = faults.check(field, name_of(given, family));
    let addresses = [raw.email.as_ref(), raw.contact_email.as_ref()].map(text);
    let address = addresses.into_iter().find(|address| !address.trim().is_empty());
    let email = faults.check("email", address.unwrap_or_default().parse());
    Some(Customer { name: name?, email: email? })
}

fn total(raw: &RawOrder, faults: &mut Faults) -> Option<Money> {
    let currency = faults.check("currency", text(raw.currency.as_ref()).parse());
    faults.check("total_price", Money::parse_decimal(without_padding(text(raw.total_price.as_ref())), currency?))
}

/// Shopify writes at least two decimal places whatever the currency: `4900.00` yen. Zeros at the end say nothing.
fn without_padding(amount: &str) -> &str {
    let Some((major, minor)) = amount.split_once('.').filter(|(_, minor)| !minor.is_empty()) else {
        return amount;
    };
    if minor.bytes().all(|digit| digit == b'0') { major } else { amount.trim_end_matches('0') }
}

/// What was bought, by `sku`. Shopify makes two items of one product where their prices differ, and the cart names each
/// product once. One item more than an order can hold is read, so that the cart refuses it.
fn cart<'a>(items: &[RawItem], partner: &PartnerId, gateway: &'a Gateway) -> Result<Cart<'a>, Refusal> {
    let mut places: Vec<usize> = Vec::new();
    let mut lines: Vec<RawLine> = Vec::new();
    for (place, item) in items.iter().take(MAX_UNITS as usize + 1).enumerate() {
        let (sku, quantity) = (text(item.sku.as_ref()), item.quantity.unwrap_or_default());
        if let Some(line) = lines.iter_mut().find(|line| line.product == sku) {
            line.quantity = line.quantity.saturating_add(quantity);
        } else {
            places.push(place);
            lines.push(RawLine { product: sku.to_owned(), quantity });
        }
    }
    Cart::parse(partner, &lines, gateway).map_err(|refusal| as_items(refusal, &places))
}

/// The cart's faults with the names that Shopify has for the fields.
fn as_items(refusal: Refusal, places: &[usize]) -> Refusal {
    let Refusal::InvalidInput(found) = refusal else {
        return refusal;
    };
    let mut faults = Faults::default();
    for fault in found {
        let line = fault.field.split('.').nth(1).and_then(|place| place.parse::<usize>().ok());
        let field = match line.and_then(|line| places.get(line)) {
            Some(place) => format!("line_items.{place}.sku"),
            None => "line_items".to_owned(),
        };
        faults.add(field, fault.code, fault.hint);
    }
    faults.refuse()
}
