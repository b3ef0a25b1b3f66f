//! A batch of promo codes, ordered for a partner by the operator or by the partner itself (SHP-2).
//!
//! The codes are in [`Sheet`]s, at most [`CODES_OF_SHEET`] in each, so that a batch costs few writes. The sheets are written
//! first and the batch last: a code counts only when its batch exists and names its sheet, so that a crash in between leaves
//! nothing that anybody could use, and a repetition of the order gets the same codes.
//!
//! A batch's id follows from the tag that its codes begin with, and the tag from what the batch was ordered with, so that a
//! repetition meets its own batch. Two batches may lead to the same tag: the later one takes its next tag ([`Cause::tag`]).
//!
//! The codes themselves are not stored. They follow from a seed, which is stored sealed, and only a repetition of the same
//! order is shown them again.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{
    config::MAX_INVOICE_DAYS,
    effect::Effect,
    promo::{Offer, OrderBatch, Sheet, coupon_id},
    refusal::Refusal,
    secret::{Entropy, IndexPurpose, Keys, SealPurpose, Sealed, Secret},
    values::{BatchId, BatchTag, CouponId, FormId, OperatorId, PromoCode, Seconds, SheetId, Timestamp},
};

/// Codes of one sheet.
pub const CODES_OF_SHEET: u32 = 200;
/// Sheets of one batch: as many as one note to the sweep can name.
pub const SHEETS_MAX: u32 = 56;
/// Uses by limited customers that one sheet has to remember, before a batch gets further sheets.
const CUSTOMERS_OF_SHEET: u32 = 10_000;
/// Tags that are tried for one order: of 33 million, so many are taken only by design.
pub const TAG_TRIES: u8 = 8;
/// How long a batch and its sheets stay after its codes have stopped working: for questions about what became of them, and
/// for orders that were placed at the last moment and wait for their invoices to be paid.
pub const KEPT_AFTER_END: Seconds = Seconds::days(MAX_INVOICE_DAYS as u64 + 1);

/// What a batch was ordered with: what its repetitions are ordered with too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause([u8; 16]);

impl Cause {
    /// An operator's form.
    pub fn form(form: FormId, keys: &Keys) -> Self {
        Self(keys.index(IndexPurpose::Promo, &[b"form", form.bytes()]))
    }

    /// The claim on a partner's `Idempotency-Key`.
    pub fn claim(claim: &[u8; 16], keys: &Keys) -> Self {
        Self(keys.index(IndexPurpose::Promo, &[b"claim", claim]))
    }

    /// The tag of the batch, unless it is another batch's: then the next `attempt` gives another one.
    pub fn tag(&self, attempt: u8, keys: &Keys) -> BatchTag {
        let index = keys.index(IndexPurpose::Promo, &[b"tag", &self.0, &[attempt]]);
        BatchTag::of_bytes(&index.first_chunk().copied().unwrap_or_default())
    }
}

/// Who ordered a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderedBy {
    /// An operator.
    Operator(OperatorId),
    /// The partner that pays.
    Partner,
}

/// A sheet, as its batch names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The sheet.
    pub sheet: SheetId,
    /// Its first code.
    first: CouponId,
}

/// A batch of promo codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The record's id, which follows from the tag.
    pub id: BatchId,
    /// What its codes begin with.
    pub tag: BatchTag,
    /// What every code offers.
    pub offer: Offer,
    /// How many codes.
    pub count: u32,
    /// The sheets that count, in the order of their codes.
    pub sheets: Vec<Listed>,
    /// What the codes are made from, sealed: only a repetition of the same order is shown them again.
    pub seed: Sealed,
    /// What it was ordered with.
    pub cause: Cause,
    /// Digest of the order for the batch, to tell a repetition from a contradiction.
    pub content: [u8; 32],
    /// Who ordered it.
    pub ordered_by: OrderedBy,
    /// When.
    pub ordered_at: Timestamp,
}

/// A batch that is not committed yet, with what must be written before it.
#[derive(Debug)]
pub struct Printed {
    /// The sheets, to be inserted before the batch is created.
    pub sheets: Vec<Sheet>,
    /// The batch, whose creation is the commit point.
    pub batch: Batch,
}

impl Batch {
    /// The id of the batch whose codes begin with this tag.
    pub fn id_of(tag: BatchTag, keys: &Keys) -> BatchId {
        BatchId::from_bytes(keys.index(IndexPurpose::Promo, &[b"batch", tag.symbols()]))
    }

    /// Makes the codes of an order: 65 random bits each, behind the tag.
    pub fn print(
        tag: BatchTag,
        cause: Cause,
        order: &OrderBatch,
        ordered_by: OrderedBy,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Printed {
        let id = Self::id_of(tag, keys);
        let seed = Seed::random(rng);
        let mut names: Vec<CouponId> = seed.codes(tag, order.count()).map(|code| coupon_id(&code, keys)).collect();
        names.sort_unstable();
        let of_sheet = names.len().div_ceil(sheets_of(order) as usize).max(1);
        let sheets: Vec<Sheet> =
            names.chunks(of_sheet).map(|names| Sheet::fresh(SheetId::random(rng), id, names)).collect();
        let listed = |sheet: &Sheet| Some(Listed { sheet: sheet.id, first: sheet.coupons().first()?.id });
        let batch = Self {
            id,
            tag,
            offer: order.offer().clone(),
            count: order.count(),
            sheets: sheets.iter().filter_map(listed).collect(),
            seed: keys.seal(SealPurpose::PromoSeed, id.bytes(), seed.0.expose(), rng),
            cause,
            content: order.content(),
            ordered_by,
            ordered_at: now,
        };
        Printed { sheets, batch }
    }

    /// What follows its creation: its partner's list has it.
    pub fn effects(&self) -> Vec<Effect> {
        vec![Effect::ListBatch { partner: self.offer.partner.clone(), batch: self.id, created_at: self.ordered_at }]
    }

    /// Whether this order for a batch says the same as the one that made it.
    pub fn repeats(&self, order: &OrderBatch) -> bool {
        self.content == order.content()
    }

    /// The codes as they are handed out, for whoever ordered them and repeats the order.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the seed does not open with the current or previous root secret.
    pub fn hand_out(&self, keys: &Keys) -> Result<Vec<String>, Refusal> {
        let seed = keys.open(SealPurpose::PromoSeed, self.id.bytes(), &self.seed).map_err(|_| Refusal::NotFound)?;
        let seed = Seed(Secret::new(seed.try_into().map_err(|_| Refusal::NotFound)?));
        Ok(seed.codes(self.tag, self.count).map(|code| code.reveal()).collect())
    }

    /// The sheet that has the code, if the batch has it at all. `None` only for a batch without sheets.
    pub fn sheet_of(&self, coupon: CouponId) -> Option<SheetId> {
        let behind = self.sheets.partition_point(|listed| listed.first <= coupon);
        self.sheets.get(behind.saturating_sub(1)).map(|listed| listed.sheet)
    }

    /// From when on nobody needs the batch and its sheets (OPS-3). No order holds one of its codes any more.
    pub fn ends_at(&self) -> Timestamp {
        self.offer.valid_until.plus(KEPT_AFTER_END)
    }
}

/// How many sheets an order's codes are spread over. Where customers are remembered, few codes of many uses are spread too:
/// with three codes or more in each of 56 sheets, 113 codes of 8,849 uses lead to the fullest one, of 26,547 customers.
fn sheets_of(order: &OrderBatch) -> u32 {
    let remembered = order.offer().uses_per_customer.map_or(0, |_| order.count().saturating_mul(order.offer().uses));
    let wanted = order.count().div_ceil(CODES_OF_SHEET).max(remembered.div_ceil(CUSTOMERS_OF_SHEET));
    wanted.clamp(1, SHEETS_MAX)
}

/// What the codes of a batch follow from.
struct Seed(Secret<[u8; 32]>);

impl Seed {
    fn random(rng: &mut dyn Entropy) -> Self {
        let mut bytes = [0; 32];
        rng.fill(&mut bytes);
        Self(Secret::new(bytes))
    }

    /// HMAC-SHA-256 of each code's number, cut to the bits of a code.
    fn codes(&self, tag: BatchTag, count: u32) -> impl Iterator<Item = PromoCode> + use<> {
        let keyed = Hmac::<Sha256>::new_from_slice(self.0.expose()).expect("HMAC takes keys of any length");
        (0..count).map(move |number| {
            let mac: [u8; 32] = keyed.clone().chain_update(number.to_be_bytes()).finalize().into_bytes().into();
            PromoCode::new(tag, &mac.first_chunk().copied().unwrap_or_default())
        })
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::testing::keys;

    /// Where the batch of some form belongs.
    pub(crate) fn place() -> (BatchTag, Cause) {
        let cause = Cause::form(FormId::from_bytes([5; 16]), &keys());
        (cause.tag(0, &keys()), cause)
    }
}

#[cfg(test)]
mod tests;
