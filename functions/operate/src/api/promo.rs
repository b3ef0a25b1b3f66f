//! The operators' pages about promo codes (SHP-2).

use std::fmt;

use askama::Template;
use edge::{Edge, Platform, batches::ReportView, form::FormFaults};
use serde::{Deserialize, Deserializer, Serialize, de};
use shared::{
    batch::{Batch, OrderedBy},
    config::Partner,
    promo::{RawBatch, Tally},
    values::{BatchId, FormId, ProductId, Timestamp},
};

/// What to do when a form's id is not one.
pub(crate) const FORM_HINT: &str = "Reload the page and order again; a program sends 26 lower-case base32 characters.";

/// An order for a batch of promo codes, with the form that makes sending it twice harmless.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawOrder {
    pub(crate) csrf: Option<String>,
    pub(crate) form: String,
    name: String,
    partner: String,
    products: Vec<String>,
    #[serde(deserialize_with = "number")]
    count: String,
    #[serde(deserialize_with = "number")]
    uses: String,
    #[serde(deserialize_with = "number")]
    uses_per_customer: String,
    discount: String,
    valid_from: String,
    #[serde(deserialize_with = "number")]
    valid_days: String,
    #[serde(deserialize_with = "ticked")]
    bills_partner: bool,
}

impl RawOrder {
    /// What the page begins with.
    pub(crate) fn blank(form: FormId) -> Self {
        Self {
            form: form.to_string(),
            uses: "1".to_owned(),
            discount: "free".to_owned(),
            valid_days: "90".to_owned(),
            bills_partner: true,
            ..Self::default()
        }
    }

    pub(crate) fn order(&self) -> RawBatch {
        RawBatch {
            name: self.name.clone(),
            partner: self.partner.clone(),
            products: self.products.clone(),
            count: self.count.clone(),
            uses: self.uses.clone(),
            uses_per_customer: self.uses_per_customer.clone(),
            discount: self.discount.clone(),
            valid_from: self.valid_from.clone(),
            valid_days: self.valid_days.clone(),
            bills_partner: self.bills_partner,
        }
    }
}

/// Reads a number as it was sent: a number in JSON, text in a form.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(Number)
}

struct Number;

impl de::Visitor<'_> for Number {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<String, E> {
        Ok(value.to_string())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }
}

/// Reads a box as it was sent: true or false in JSON; in a form `yes` when it was ticked.
fn ticked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(Ticked)
}

struct Ticked;

impl de::Visitor<'_> for Ticked {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false or yes")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<bool, E> {
        if value == "yes" { Ok(true) } else { Err(E::custom("a box sends yes")) }
    }
}

/// The order form for promo codes.
#[derive(Serialize, Template)]
#[template(path = "promo-batches.html")]
pub(crate) struct FormPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    raw: RawOrder,
    form: String,
    partners: Vec<(String, String)>,
    products: Vec<(String, String)>,
}

impl FormPage {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, raw: RawOrder, faults: FormFaults) -> Self {
        let gateway = &edge.gateway;
        Self {
            title: "Promo codes",
            faults,
            form: raw.form.clone(),
            raw,
            partners: gateway.partners.iter().map(|partner| (partner.id.to_string(), partner.name.clone())).collect(),
            products: gateway
                .products
                .iter()
                .map(|product| (product.id.to_string(), format!("{}, {}", product.name, product.price)))
                .collect(),
        }
    }
}

/// A batch in its partner's list.
#[derive(Serialize)]
struct Listed {
    id: BatchId,
    name: String,
    tag: String,
    count: u32,
    uses: u32,
    discount: String,
    valid_from: Timestamp,
    valid_until: Timestamp,
    created_at: Timestamp,
}

impl Listed {
    fn of(batch: &Batch) -> Self {
        Self {
            id: batch.id,
            name: batch.offer.name.as_str().to_owned(),
            tag: batch.tag.to_string(),
            count: batch.count,
            uses: batch.offer.uses,
            discount: batch.offer.discount.to_string(),
            valid_from: batch.offer.valid_from,
            valid_until: batch.offer.valid_until,
            created_at: batch.ordered_at,
        }
    }
}

/// A partner's batches, oldest first.
#[derive(Serialize, Template)]
#[template(path = "partner-batches.html")]
pub(crate) struct BatchesPage {
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    address: String,
    batches: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    goes_on: bool,
}

impl BatchesPage {
    pub(crate) fn of(partner: &Partner, batches: &[Batch], next: Option<String>, goes_on: bool) -> Self {
        Self {
            title: format!("Promo codes of {}", partner.name),
            address: format!("/operate/promo-batches/of/{}", partner.id),
            batches: batches.iter().map(Listed::of).collect(),
            next,
            goes_on,
        }
    }
}

/// What became of a batch.
#[derive(Serialize, Template)]
#[template(path = "promo-batch.html")]
pub(crate) struct ReportPage<'a> {
    #[serde(skip)]
    title: &'a str,
    #[serde(skip)]
    batch: &'a Batch,
    #[serde(skip)]
    partner: String,
    #[serde(skip)]
    products: Vec<String>,
    #[serde(skip)]
    tally: Tally,
    #[serde(flatten)]
    report: ReportView<'a>,
}

impl<'a> ReportPage<'a> {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, batch: &'a Batch, tally: Tally) -> Self {
        let gateway = &edge.gateway;
        let name = |id: &ProductId| gateway.product(id).map_or_else(|| id.to_string(), |product| product.name.clone());
        let partner = &batch.offer.partner;
        Self {
            title: batch.offer.name.as_str(),
            batch,
            partner: gateway.partner(partner).map_or_else(|| partner.to_string(), |partner| partner.name.clone()),
            products: batch.offer.products.iter().map(name).collect(),
            tally,
            report: ReportView::of(batch, tally),
        }
    }

    fn ordered_by(&self) -> String {
        match &self.batch.ordered_by {
            OrderedBy::Operator(operator) => format!("the operator {operator}"),
            OrderedBy::Partner => "the partner".to_owned(),
        }
    }
}
