//! An order for a batch of promo codes, by the operator or by the partner that pays (SHP-2).

use serde::{Deserialize, Serialize};

use super::{Discount, Offer};
use crate::{
    config::{Gateway, Partner, Product},
    refusal::{Faults, Refusal},
    secret::digest256,
    values::{Money, ParseError, PartnerId, ProductId, Seconds, Timestamp, whole::whole},
};

/// Codes that one batch can hold.
pub const MAX_BATCH: u32 = 10_000;
/// How often one code can be used at most.
pub const MAX_USES: u32 = 10_000;
/// How often all codes of a batch together can be used at most.
pub const MAX_USES_OF_BATCH: u32 = 1_000_000;
/// Products that the codes of one batch can work for.
pub const MAX_PRODUCTS: usize = 50;
/// Days for which codes work at most.
pub const MAX_VALID_DAYS: u32 = 730;
/// Days from now until codes begin to work at most.
pub const MAX_AHEAD_DAYS: u32 = 365;

/// An order for a batch of codes as it arrives. Numbers are texts, as forms have them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBatch {
    /// The name of the campaign, at most 80 characters.
    pub name: String,
    /// The partner that pays.
    pub partner: String,
    /// The products that the codes work for, 1 to [`MAX_PRODUCTS`].
    pub products: Vec<String>,
    /// How many codes, 1 to [`MAX_BATCH`].
    pub count: String,
    /// How many orders can use one code, 1 to [`MAX_USES`]; one when blank.
    pub uses: String,
    /// How many orders of one customer can use one code; as many as there are when blank.
    pub uses_per_customer: String,
    /// `free`, `NN%`, or an amount in the products' currency such as `12.50`.
    pub discount: String,
    /// From when the codes work: a day such as `2026-12-01`, which begins at midnight UTC, or a time (RFC 3339); from now on
    /// when blank.
    pub valid_from: String,
    /// Days for which the codes work, 1 to [`MAX_VALID_DAYS`].
    pub valid_days: String,
    /// Whether the partner's billing address is filled in (SHP-4).
    pub bills_partner: bool,
}

/// A partner's own order for a batch as it arrives, in JSON: as [`RawBatch`], but its numbers are numbers, and the partner is
/// the one that sends it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOwnBatch {
    /// The name of the campaign.
    pub name: String,
    /// The products that the codes work for.
    pub products: Vec<String>,
    /// How many codes.
    #[serde(default, deserialize_with = "whole")]
    pub count: Option<u32>,
    /// How many orders can use one code; one when it is left out.
    #[serde(default, deserialize_with = "whole")]
    pub uses: Option<u32>,
    /// How many orders of one customer can use one code.
    #[serde(default, deserialize_with = "whole")]
    pub uses_per_customer: Option<u32>,
    /// What a code takes off.
    pub discount: String,
    /// From when the codes work; from now on when it is left out.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// Days for which the codes work.
    #[serde(default, deserialize_with = "whole")]
    pub valid_days: Option<u32>,
    /// Whether the partner's billing address is filled in (SHP-4).
    #[serde(default)]
    pub bills_partner: bool,
}

impl RawOwnBatch {
    /// The order, as this partner's.
    pub fn of(self, partner: &PartnerId) -> RawBatch {
        let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        RawBatch {
            name: self.name,
            partner: partner.to_string(),
            products: self.products,
            count: number(self.count),
            uses: number(self.uses),
            uses_per_customer: number(self.uses_per_customer),
            discount: self.discount,
            valid_from: self.valid_from.unwrap_or_default(),
            valid_days: number(self.valid_days),
            bills_partner: self.bills_partner,
        }
    }
}

/// A checked order for a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBatch {
    count: u32,
    offer: Offer,
    content: [u8; 32],
}

impl OrderBatch {
    /// Parses every field and collects every fault.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(raw: &RawBatch, gateway: &Gateway, now: Timestamp) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let name = faults.check("name", raw.name.parse());
        let partner = raw.partner.parse::<PartnerId>().ok().and_then(|partner| gateway.partner(&partner));
        if partner.is_none() {
            faults.add("partner", "unknown", "Choose the partner that pays.");
        }
        let products = parse_products(&raw.products, partner, gateway, &mut faults);
        let count = whole_number(("count", "codes"), &raw.count, MAX_BATCH, None, &mut faults);
        let uses = whole_number(("uses", "orders"), &raw.uses, MAX_USES, Some(1), &mut faults);
        if let (Some(count), Some(uses)) = (count, uses)
            && count.saturating_mul(uses) > MAX_USES_OF_BATCH
        {
            faults.add("uses", "too-many", "All codes of a batch together can be used 1,000,000 times at most.");
        }
        let per_customer = ("uses_per_customer", "orders");
        let per_customer = whole_number(per_customer, &raw.uses_per_customer, MAX_USES, uses.or(Some(1)), &mut faults);
        let discount = products.as_ref().and_then(|products| parse_discount(&raw.discount, products, &mut faults));
        let days = whole_number(("valid_days", "days"), &raw.valid_days, MAX_VALID_DAYS, None, &mut faults);
        let from = faults.check_optional("valid_from", &raw.valid_from, parse_moment);
        let window = from.zip(days).and_then(|(from, days)| window(from, days, now, &mut faults));
        let parsed = (|| {
            let (valid_from, valid_until) = window?;
            let (uses, count) = (uses?, count?);
            let offer = Offer {
                name: name?,
                partner: partner?.id.clone(),
                products: products?.iter().map(|product| product.id.clone()).collect(),
                discount: discount?,
                valid_from,
                valid_until,
                uses,
                // What limits nothing need not be remembered.
                uses_per_customer: per_customer.filter(|limit| *limit < uses),
                bills_partner: raw.bills_partner,
            };
            let content = content(&offer, count, from?, days?);
            Some(Self { count, offer, content })
        })();
        faults.finish(parsed)
    }

    /// How many codes.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// What every code offers.
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Digest of what was ordered, the same for a repetition.
    pub fn content(&self) -> [u8; 32] {
        self.content
    }
}

/// A repetition comes later, so that what begins at once begins at another time.
fn content(offer: &Offer, count: u32, from: Option<Timestamp>, days: u32) -> [u8; 32] {
    let Offer { name, partner, products, discount, uses, uses_per_customer, bills_partner, .. } = offer;
    let who = (name, partner, products, discount);
    digest256(format!("{who:?}\n{uses}\n{uses_per_customer:?}\n{bills_partner}\n{from:?}\n{days}\n{count}").as_bytes())
}

fn parse_products<'a>(
    raw: &[String],
    partner: Option<&Partner>,
    gateway: &'a Gateway,
    faults: &mut Faults,
) -> Option<Vec<&'a Product>> {
    let known = |id: &String| {
        let product = id.parse::<ProductId>().ok().and_then(|id| gateway.product(&id))?;
        partner.is_none_or(|partner| product.partner == partner.id).then_some(product)
    };
    let mut products = raw.iter().take(MAX_PRODUCTS + 1).map(known).collect::<Option<Vec<&Product>>>();
    if let Some(products) = &mut products {
        products.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        products.dedup_by(|one, other| one.id == other.id);
    }
    let products = products.filter(|products| (1..=MAX_PRODUCTS).contains(&products.len()));
    if products.is_none() {
        faults.add("products", "unknown", "Choose at least one product, all of them of the partner that pays.");
    }
    products
}

fn whole_number(
    (field, counted): (&str, &str),
    raw: &str,
    max: u32,
    blank: Option<u32>,
    faults: &mut Faults,
) -> Option<u32> {
    let trimmed = raw.trim();
    if let (true, Some(default)) = (trimmed.is_empty(), blank) {
        return Some(default);
    }
    let parsed = trimmed.parse::<u32>().ok().filter(|number| (1..=max).contains(number));
    if parsed.is_none() {
        faults.add(field, "out-of-range", format!("Enter a whole number of {counted} from 1 to {max}."));
    }
    parsed
}

fn parse_discount(raw: &str, products: &[&Product], faults: &mut Faults) -> Option<Discount> {
    let trimmed = raw.trim();
    let mut currencies = products.iter().map(|product| product.price.currency());
    let currency = currencies.next()?;
    let one_currency = currencies.all(|other| other == currency);
    let parsed = if trimmed.eq_ignore_ascii_case("free") {
        Some(Discount::Free)
    } else if let Some(percent) = trimmed.strip_suffix('%') {
        percent.trim().parse::<u8>().ok().filter(|percent| (1..=100).contains(percent)).map(Discount::Percentage)
    } else {
        Money::parse_decimal(trimmed, currency).ok().filter(|amount| !amount.is_zero()).map(Discount::Amount)
    };
    match parsed {
        Some(Discount::Amount(_)) if !one_currency => {
            faults.add("discount", "mixed-currencies", "Choose products of one currency, or enter a percentage.");
            None
        }
        None => {
            faults.add(
                "discount",
                "not-a-discount",
                "Enter free, a percentage such as 25%, or an amount such as 12.50.",
            );
            None
        }
        parsed => parsed,
    }
}

/// A time, or a day.
fn parse_moment(text: &str) -> Result<Timestamp, ParseError> {
    let text = text.trim();
    text.parse().or_else(|_| format!("{text}T00:00:00Z").parse()).map_err(|_: ParseError| {
        ParseError::new("not-a-day", "Enter a day such as 2026-12-01, or a time such as 2026-12-01T09:00:00Z.")
    })
}

fn window(from: Option<Timestamp>, days: u32, now: Timestamp, faults: &mut Faults) -> Option<(Timestamp, Timestamp)> {
    let from = from.unwrap_or(now);
    let until = from.plus(Seconds::days(u64::from(days)));
    if from > now.plus(Seconds::days(u64::from(MAX_AHEAD_DAYS))) {
        faults.add("valid_from", "out-of-range", format!("Choose a day within the next {MAX_AHEAD_DAYS} days."));
        return None;
    }
    if until <= now {
        faults.add("valid_from", "over", "Choose a later day: the codes would have stopped working already.");
        return None;
    }
    Some((from, until))
}
