//! Promo codes.
//!
//! The code's record exists before anybody uses it. An order *replaces* it so that it names the order: first as a
//! reservation, which lapses, then as a redemption, which does not (SHP-3).

use serde::{Deserialize, Serialize};

use crate::{
    audit::Action,
    batch::Batch,
    config::Gateway,
    decision::Decision,
    refusal::{Faults, Refusal},
    secret::{IndexPurpose, Keys},
    values::{BatchId, Money, OrderId, PartnerId, ProductId, PromoCode, PromoId, Seconds, Timestamp},
};

/// Codes that one batch can hold.
pub const MAX_BATCH: u32 = 100;
/// How often one code can be used at most.
pub const MAX_USES: u32 = 100;
/// How long an order holds a code before it is complete.
pub const RESERVATION: Seconds = Seconds::minutes(15);
/// A reservation with less time left is renewed first, so that it cannot lapse while its request runs (30 s at most).
const RENEWAL_MARGIN: Seconds = Seconds::minutes(2);

/// What a code takes off the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discount {
    /// Everything.
    Free,
    /// So many percent, 1 to 100, rounded down to the minor unit.
    Percentage(u8),
    /// A fixed amount, at most the price.
    Amount(Money),
}

/// What all codes of a batch have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The batch.
    pub batch: BatchId,
    /// The partner in whose webstore the code works.
    pub partner: PartnerId,
    /// The products it works for.
    pub products: Vec<ProductId>,
    /// What it takes off.
    pub discount: Discount,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Timestamp,
    /// How many orders can use one code.
    pub uses: u32,
}

/// An order's hold on a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The order.
    pub order: OrderId,
    /// `None` once redeemed; before that, when the reservation lapses.
    pub reserved_until: Option<Timestamp>,
}

impl Use {
    fn holds(&self, now: Timestamp) -> bool {
        self.reserved_until.is_none_or(|until| now < until)
    }
}

/// One promo code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promo {
    /// The record's id: a keyed index of the code.
    pub id: PromoId,
    /// What it offers.
    pub offer: Offer,
    /// The orders that hold it.
    pub holds: Vec<Use>,
}

/// The record of a code.
pub fn promo_id(code: &PromoCode, keys: &Keys) -> PromoId {
    PromoId::from_bytes(keys.index(IndexPurpose::Promo, &[&code.canonical()]))
}

impl Promo {
    /// A code that nobody used.
    pub fn fresh(code: &PromoCode, offer: Offer, keys: &Keys) -> Self {
        Self { id: promo_id(code, keys), offer, holds: Vec::new() }
    }

    /// Whether the code counts: its batch exists and names it.
    ///
    /// # Errors
    /// [`Refusal::PromoNotUsable`].
    pub fn in_force(&self, batch: Option<&Batch>) -> Result<(), Refusal> {
        let named = batch.is_some_and(|batch| batch.id == self.offer.batch && batch.promos.contains(&self.id));
        if named { Ok(()) } else { Err(Refusal::PromoNotUsable) }
    }

    /// What is left to pay for a product line after the code, without holding it (SHP-2: the quote).
    ///
    /// # Errors
    /// [`Refusal::PromoNotUsable`] for every reason.
    pub fn quote(
        &self,
        partner: &PartnerId,
        product: &ProductId,
        price: Money,
        order: OrderId,
        now: Timestamp,
    ) -> Result<Money, Refusal> {
        let offer = &self.offer;
        let in_window = offer.valid_from <= now && now < offer.valid_until;
        let applies = offer.partner == *partner && offer.products.contains(product);
        if !in_window || !applies || !self.free_for(order, now) {
            return Err(Refusal::PromoNotUsable);
        }
        Ok(self.discounted(price))
    }

    fn discounted(&self, price: Money) -> Money {
        match self.offer.discount {
            Discount::Free => Money::zero(price.currency()),
            Discount::Percentage(percent) => price.less_percent(percent),
            Discount::Amount(amount) => price.saturating_sub(amount).unwrap_or(price),
        }
    }

    fn free_for(&self, order: OrderId, now: Timestamp) -> bool {
        let others = self.holds.iter().filter(|hold| hold.order != order && hold.holds(now)).count();
        u32::try_from(others).is_ok_and(|others| others < self.offer.uses)
    }

    /// Holds the code for an order (SHP-2, SHP-3). `None` when the order holds it already and long enough.
    ///
    /// # Errors
    /// [`Refusal::PromoNotUsable`] when other orders hold all of its uses.
    pub fn reserve(mut self, order: OrderId, now: Timestamp) -> Result<Option<Decision<Self>>, Refusal> {
        if !self.free_for(order, now) {
            return Err(Refusal::PromoNotUsable);
        }
        let own = self.holds.iter().find(|hold| hold.order == order);
        let held_long_enough =
            own.is_some_and(|hold| hold.reserved_until.is_none_or(|until| now.plus(RENEWAL_MARGIN) < until));
        if held_long_enough {
            return Ok(None);
        }
        self.holds.retain(|hold| hold.order != order && hold.holds(now));
        self.holds.push(Use { order, reserved_until: Some(now.plus(RESERVATION)) });
        Ok(Some(Decision::quiet(Action::PromoReservation, self)))
    }

    /// Orders whose reservation lapsed without a redemption, as far as the record remembers them.
    ///
    /// One of them may be complete all the same: its redemption is an effect, which a crash after the order's commit
    /// postpones. So before the code is reserved for another order, each of these that exists has to be redeemed (SHP-3).
    /// None can still be placed: a reservation outlives the request that made it.
    pub fn lapsed(&self, now: Timestamp) -> impl Iterator<Item = OrderId> {
        self.holds.iter().filter(move |hold| !hold.holds(now)).map(|hold| hold.order)
    }

    /// Keeps the code for an order for longer. `None` when that is nothing new, or the order does not hold it any more.
    pub fn hold(mut self, order: OrderId, until: Timestamp) -> Option<Decision<Self>> {
        let hold = self.holds.iter_mut().find(|hold| hold.order == order)?;
        hold.reserved_until.as_mut().filter(|known| **known < until).map(|known| *known = until)?;
        Some(Decision::quiet(Action::PromoReservation, self))
    }

    /// Frees the code of an order that will not be paid (SHP-2). `None` when the order does not hold it, has redeemed it, or
    /// holds it for longer than that: a payment that came after the order had lapsed has held it again.
    pub fn release(mut self, order: OrderId, held_until: Timestamp) -> Option<Decision<Self>> {
        let of_then = |hold: &Use| hold.order == order && hold.reserved_until.is_some_and(|until| until <= held_until);
        let held = self.holds.iter().position(of_then)?;
        self.holds.remove(held);
        Some(Decision::quiet(Action::PromoRelease, self))
    }

    /// Turns the order's reservation into a redemption. `None` when that happened before.
    pub fn redeem(mut self, order: OrderId) -> Option<Decision<Self>> {
        let hold = self.holds.iter_mut().find(|hold| hold.order == order)?;
        hold.reserved_until.take()?;
        Some(Decision::quiet(Action::PromoRedemption, self))
    }
}

/// An operator's order for a batch of codes as it arrives.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBatch {
    /// The partner that pays.
    pub partner: String,
    /// The product that the codes work for.
    pub product: String,
    /// How many codes, 1 to [`MAX_BATCH`].
    pub count: String,
    /// How many orders can use one code, 1 to [`MAX_USES`]; one when blank.
    pub uses: String,
    /// `free`, `NN%`, or an amount in the product's currency such as `12.50`.
    pub discount: String,
    /// Days for which the codes work, 1 to 730.
    pub valid_days: String,
}

/// A checked order for a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBatch {
    /// How many codes.
    pub count: u32,
    offer: Offer,
}

impl OrderBatch {
    /// Parses every field and collects every fault.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(raw: &RawBatch, batch: BatchId, gateway: &Gateway, now: Timestamp) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let partner = raw.partner.parse::<PartnerId>().ok().and_then(|partner| gateway.partner(&partner));
        if partner.is_none() {
            faults.add("partner", "unknown", "Choose the partner that pays.");
        }
        let product = raw.product.parse::<ProductId>().ok().and_then(|product| gateway.product(&product));
        let known = product.filter(|product| partner.is_none_or(|partner| product.partner == partner.id));
        if known.is_none() {
            faults.add("product", "unknown", "Choose one of the partner's products.");
        }
        let count = whole_number(("count", "codes"), &raw.count, MAX_BATCH, None, &mut faults);
        let uses = whole_number(("uses", "orders"), &raw.uses, MAX_USES, Some(1), &mut faults);
        let days = whole_number(("valid_days", "days"), &raw.valid_days, 730, None, &mut faults);
        let discount = known.and_then(|product| parse_discount(&raw.discount, product.price, &mut faults));
        let parsed = (|| {
            let product = known?;
            let offer = Offer {
                batch,
                partner: product.partner.clone(),
                products: vec![product.id.clone()],
                discount: discount?,
                valid_from: now,
                valid_until: now.plus(Seconds::days(u64::from(days?))),
                uses: uses?,
            };
            Some(Self { count: count?, offer })
        })();
        faults.finish(parsed)
    }

    /// The offer of every code in the batch.
    pub fn offer(&self) -> &Offer {
        &self.offer
    }
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

fn parse_discount(raw: &str, price: Money, faults: &mut Faults) -> Option<Discount> {
    let trimmed = raw.trim();
    let parsed = if trimmed.eq_ignore_ascii_case("free") {
        Some(Discount::Free)
    } else if let Some(percent) = trimmed.strip_suffix('%') {
        percent.trim().parse::<u8>().ok().filter(|percent| (1..=100).contains(percent)).map(Discount::Percentage)
    } else {
        Money::parse_decimal(trimmed, price.currency()).ok().filter(|amount| !amount.is_zero()).map(Discount::Amount)
    };
    if parsed.is_none() {
        faults.add("discount", "not-a-discount", "Enter free, a percentage such as 25%, or an amount such as 12.50.");
    }
    parsed
}

#[cfg(test)]
mod tests;
