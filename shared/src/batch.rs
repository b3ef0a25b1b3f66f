//! A batch of promo codes, ordered by the operator for a partner (SHP-2).
//!
//! The codes' records are written first and the batch last: a code counts only when its batch exists and names it, so
//! that a crash in between leaves nothing that anybody could use, and a repetition of the order gets the same codes.

use serde::{Deserialize, Serialize};

use crate::{
    operator::OnDuty,
    promo::{Offer, OrderBatch, Promo},
    refusal::Refusal,
    secret::{Entropy, IndexPurpose, Keys, SealPurpose, Sealed, digest256},
    values::{BatchId, FormId, OperatorId, PromoCode, PromoId, Seconds, Timestamp},
};

/// A batch of promo codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// The record's id, derived from the form that ordered it.
    pub id: BatchId,
    /// What every code offers.
    pub offer: Offer,
    /// The codes that count.
    pub promos: Vec<PromoId>,
    /// The codes, sealed: only a repetition of the same order is shown them again.
    pub codes: Sealed,
    /// Digest of the order for the batch, to tell a repetition from a contradiction.
    pub content: [u8; 32],
    /// Who ordered it.
    pub ordered_by: OperatorId,
    /// When.
    pub ordered_at: Timestamp,
}

/// A batch that is not committed yet, with what must be written before it.
#[derive(Debug)]
pub struct Printed {
    /// The codes' records, to be inserted before the batch is created.
    pub promos: Vec<Promo>,
    /// The batch, whose creation is the commit point.
    pub batch: Batch,
}

impl Batch {
    /// The id of the batch that a form orders.
    pub fn id_of_form(form: FormId, keys: &Keys) -> BatchId {
        BatchId::from_bytes(keys.index(IndexPurpose::Promo, &[b"batch", form.bytes()]))
    }

    /// Makes the codes of an order: at least 60 random bits each.
    pub fn print(
        id: BatchId,
        order: &OrderBatch,
        registrar: &OnDuty<'_>,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Printed {
        let codes: Vec<PromoCode> = (0..order.count).map(|_| PromoCode::random(rng)).collect();
        let promos: Vec<Promo> = codes.iter().map(|code| Promo::fresh(code, order.offer().clone(), keys)).collect();
        let plain: Vec<u8> = codes.iter().flat_map(PromoCode::canonical).collect();
        let batch = Self {
            id,
            offer: order.offer().clone(),
            promos: promos.iter().map(|promo| promo.id).collect(),
            codes: keys.seal(SealPurpose::LicenceKey, id.bytes(), &plain, rng),
            content: order.content(),
            ordered_by: registrar.id().clone(),
            ordered_at: now,
        };
        Printed { promos, batch }
    }

    /// The codes as they are handed out, for the order that made them.
    ///
    /// # Errors
    /// [`Refusal::OrderFormReused`] when the form was used for another batch; [`Refusal::NotFound`] when the codes do
    /// not open with the current or previous root secret.
    pub fn hand_out(&self, order: &OrderBatch, keys: &Keys) -> Result<Vec<String>, Refusal> {
        if order.content() != self.content {
            return Err(Refusal::OrderFormReused);
        }
        let plain = keys.open(SealPurpose::LicenceKey, self.id.bytes(), &self.codes).map_err(|_| Refusal::NotFound)?;
        let codes = plain.chunks_exact(CODE_CHARS).map(|chunk| {
            let text = std::str::from_utf8(chunk).map_err(|_| Refusal::NotFound)?;
            let code = text.parse::<PromoCode>().map_err(|_| Refusal::NotFound)?;
            Ok(code.reveal())
        });
        codes.collect()
    }
}

/// How long the codes of a batch stay after they have stopped working: for questions about what became of them, and for
/// the redemptions of orders that were placed at the last moment.
pub const KEPT_AFTER_END: Seconds = Seconds::days(31);

impl Batch {
    /// From when on nobody needs the batch and its codes (OPS-3). No order holds one of them any more.
    pub fn ends_at(&self) -> Timestamp {
        self.offer.valid_until.plus(KEPT_AFTER_END)
    }
}

const CODE_CHARS: usize = 13;

impl OrderBatch {
    /// Digest of what was ordered.
    pub fn content(&self) -> [u8; 32] {
        let offer = self.offer();
        let days = offer.valid_until.since(offer.valid_from).0;
        let text = format!(
            "{}\n{:?}\n{:?}\n{}\n{days}\n{}",
            offer.partner, offer.products, offer.discount, offer.uses, self.count
        );
        digest256(text.as_bytes())
    }
}

#[cfg(test)]
mod tests;
