//! What comes in and what goes out.

use edge::batches::BatchView;
use serde::{Deserialize, Serialize};
use shared::{
    batch::Batch,
    order::reference_of,
    promo::{Hold, Redemption, Standing},
    refusal::{Faults, Refusal},
    values::{BatchId, PromoCode, Timestamp},
};

/// Orders of each kind that are named, the newest of them.
const ORDERS_MAX: usize = 50;

/// The question about a code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCheck {
    code: String,
}

impl RawCheck {
    /// # Errors
    /// [`Refusal::InvalidInput`] when it is no code.
    pub(crate) fn code(&self) -> Result<PromoCode, Refusal> {
        let mut faults = Faults::default();
        let code = faults.check("code", self.code.parse());
        faults.finish(code)
    }
}

/// A page of the list.
#[derive(Serialize)]
pub(crate) struct ListView<'a> {
    batches: Vec<BatchView<'a>>,
    /// What `after` of the next page is.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl<'a> ListView<'a> {
    pub(crate) fn of(batches: &'a [Batch], next: Option<String>) -> Self {
        Self { batches: batches.iter().map(BatchView::of).collect(), next }
    }
}

/// An order that uses a code.
#[derive(Serialize)]
struct UseView {
    order: String,
    state: &'static str,
    /// Until when it holds the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// When it redeemed the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
}

impl UseView {
    fn reserved(hold: &Hold) -> Self {
        Self { order: reference_of(hold.order), state: "reserved", until: Some(hold.until), at: None }
    }

    fn redeemed(past: &Redemption) -> Self {
        Self { order: reference_of(past.order), state: "redeemed", until: None, at: Some(past.at) }
    }
}

/// What became of a code.
#[derive(Serialize)]
pub(crate) struct CheckView<'a> {
    batch: BatchId,
    name: &'a str,
    state: &'static str,
    valid_from: Timestamp,
    valid_until: Timestamp,
    redeemed: u64,
    reserved: u64,
    free: u64,
    /// Not all of them where there were many.
    orders: Vec<UseView>,
}

impl<'a> CheckView<'a> {
    pub(crate) fn of(batch: &'a Batch, standing: &Standing<'_>) -> Self {
        let redeemed = standing.latest.iter().rev().take(ORDERS_MAX).map(UseView::redeemed);
        let reserved = standing.holds.iter().rev().take(ORDERS_MAX).map(UseView::reserved);
        Self {
            batch: batch.id,
            name: batch.offer.name.as_str(),
            state: standing.state.as_str(),
            valid_from: batch.offer.valid_from,
            valid_until: batch.offer.valid_until,
            redeemed: standing.tally.redeemed,
            reserved: standing.tally.reserved,
            free: standing.tally.free,
            orders: reserved.chain(redeemed).collect(),
        }
    }
}
