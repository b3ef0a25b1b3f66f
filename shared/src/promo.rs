//! Promo codes: what they offer, and what they take off an order.
//!
//! A code is no record of its own. Its batch says what it offers ([`crate::batch`]), and a [`Sheet`], which it shares with
//! other codes of the batch, says who holds it and how often it was redeemed. The sheet exists before anybody uses the
//! code. An order *replaces* it so that it names the order: first as a hold, which is given back if nothing comes of the
//! order, then as a redemption, which is not (SHP-3).

mod order;
mod sheet;

use serde::{Deserialize, Serialize};

use crate::{
    batch::Batch,
    refusal::Refusal,
    secret::{IndexPurpose, Keys},
    values::{BatchId, CouponId, Email, Line, Money, OrderId, PartnerId, ProductId, PromoCode, SheetId, Timestamp},
};

pub use order::{
    MAX_AHEAD_DAYS, MAX_BATCH, MAX_PRODUCTS, MAX_USES, MAX_USES_OF_BATCH, MAX_VALID_DAYS, OrderBatch, RawBatch,
    RawOwnBatch,
};
pub use sheet::{
    Coupon, EXAMINED_MAX, Hold, LATEST_KEPT, LIVE_MAX, REMEMBERED, RESERVATION, Redemption, Reservation, Sheet,
    Standing, State, Tally,
};

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
    /// The name of the campaign, for those who made it.
    pub name: Line<80>,
    /// The partner in whose webstore the codes work, and who pays.
    pub partner: PartnerId,
    /// The products that they work for, 1 to [`MAX_PRODUCTS`].
    pub products: Vec<ProductId>,
    /// What a code takes off.
    pub discount: Discount,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Timestamp,
    /// How many orders can use one code, 1 to [`MAX_USES`].
    pub uses: u32,
    /// How many of them can be of one customer; `None` when that does not matter.
    pub uses_per_customer: Option<u32>,
    /// Whether the partner's billing address is filled in (SHP-4).
    pub bills_partner: bool,
}

impl Offer {
    /// Whether the codes work at this moment.
    pub fn is_in_time(&self, now: Timestamp) -> bool {
        self.valid_from <= now && now < self.valid_until
    }

    fn discounted(&self, price: Money) -> Money {
        match self.discount {
            Discount::Free => Money::zero(price.currency()),
            Discount::Percentage(percent) => price.less_percent(percent),
            Discount::Amount(amount) => price.saturating_sub(amount).unwrap_or(price),
        }
    }
}

impl std::fmt::Display for Discount {
    /// As it is entered: `free`, `25%` or `12.50 USD`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Free => f.write_str("free"),
            Self::Percentage(percent) => write!(f, "{percent}%"),
            Self::Amount(amount) => amount.fmt(f),
        }
    }
}

/// A customer of a code, as the code remembers one: 48 bits of a keyed index of code and e-mail. It says nothing to those
/// without the keys, and not even the same about the customers of two codes. Two customers of a code are mistaken for one
/// another once in so many trillion orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CustomerTag([u8; 6]);

impl CustomerTag {
    /// Of the customer with this mailbox, however it is written.
    pub fn of(coupon: CouponId, email: &Email, keys: &Keys) -> Self {
        let mailbox = email.normalised();
        let parts: [&[u8]; 3] = [b"customer", coupon.bytes(), mailbox.as_bytes()];
        Self(keys.index(IndexPurpose::Promo, &parts).first_chunk().copied().unwrap_or_default())
    }
}

/// A code that an order uses: where its holds and redemptions are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromoUse {
    /// The sheet.
    pub sheet: SheetId,
    /// The code within the sheet.
    pub coupon: CouponId,
}

/// A code as it was presented: under which names the records know it, if they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    /// The batch that its tag names.
    pub batch: BatchId,
    /// The code.
    pub coupon: CouponId,
    /// Who presented it; `None` while that is not known.
    pub customer: Option<CustomerTag>,
}

impl Presented {
    /// The names of this code and this customer.
    pub fn of(code: &PromoCode, customer: Option<&Email>, keys: &Keys) -> Self {
        let coupon = coupon_id(code, keys);
        let customer = customer.map(|email| CustomerTag::of(coupon, email, keys));
        Self { batch: Batch::id_of(code.tag(), keys), coupon, customer }
    }

    /// The sheet that has the code, if any has. One that does not exist when there is no such batch: whoever looks for it all
    /// the same takes as long to refuse a code of no batch as a wrong code of one (SHP-2).
    pub fn sheet(&self, batch: Option<&Batch>) -> SheetId {
        let named = batch.and_then(|batch| batch.sheet_of(self.coupon));
        named.unwrap_or_else(|| SheetId::from_bytes(*self.coupon.bytes()))
    }
}

/// The name of a code within its sheet.
pub fn coupon_id(code: &PromoCode, keys: &Keys) -> CouponId {
    CouponId::from_bytes(keys.index(IndexPurpose::Promo, &[code.canonical()]))
}

/// A presented code that counts: its batch exists, and the sheet that its batch names for it has it.
#[derive(Debug, Clone, Copy)]
pub struct Promo<'a> {
    offer: &'a Offer,
    coupon: &'a Coupon,
    sheet: SheetId,
    presented: Presented,
}

impl<'a> Promo<'a> {
    /// The code, as batch and sheet know it.
    ///
    /// # Errors
    /// [`Refusal::PromoNotUsable`] when there is no such batch, or the sheet is not the one that the batch names for the code,
    /// or does not have it.
    pub fn met(presented: Presented, batch: Option<&'a Batch>, sheet: Option<&'a Sheet>) -> Result<Self, Refusal> {
        let found = (|| {
            let batch = batch.filter(|batch| batch.id == presented.batch)?;
            let named = batch.sheet_of(presented.coupon)?;
            let sheet = sheet.filter(|sheet| sheet.id == named && sheet.batch == batch.id)?;
            Some(Self { offer: &batch.offer, coupon: sheet.coupon(presented.coupon)?, sheet: sheet.id, presented })
        })();
        found.ok_or(Refusal::PromoNotUsable)
    }

    /// What it offers.
    pub fn offer(&self) -> &'a Offer {
        self.offer
    }

    /// What an order that uses it remembers.
    pub fn used(&self) -> PromoUse {
        PromoUse { sheet: self.sheet, coupon: self.presented.coupon }
    }

    /// What is left to pay for a product line after the code, without holding it (SHP-2: the quote). Holds whose time is over
    /// do not stand in the way here; before the order is placed what became of them is looked at ([`Coupon::lapsed`]).
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
        let applies = self.offer.partner == *partner && self.offer.products.contains(product);
        if !applies || !self.offer.is_in_time(now) || !self.coupon.is_free_for(self.offer, &self.presented, order, now)
        {
            return Err(Refusal::PromoNotUsable);
        }
        Ok(self.offer.discounted(price))
    }

    /// What became of it, for the partner that pays (SHP-2).
    pub fn standing(&self, now: Timestamp) -> Standing<'a> {
        self.coupon.standing(self.offer, now)
    }

    /// What the order needs to hold it until `until`, with those whose holds are `ended`.
    pub fn reservation(&self, order: OrderId, until: Timestamp, ended: &'a [OrderId]) -> Reservation<'a> {
        Reservation { presented: self.presented, offer: self.offer, order, until, ended }
    }
}

#[cfg(test)]
mod tests;
