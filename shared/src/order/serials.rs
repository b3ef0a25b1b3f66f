//! Which order a serial number was shipped with: one at most (SHP-8).
//!
//! A serial number has a record of its own that names an order. It is written before that order's commit and says nothing
//! by itself: the number was shipped only if the order names it as well. So a request that dies between the two leaves
//! nothing that anybody has to mend.
//!
//! Other than a licence's, such a record is fought over: two orders may want one number, and one that an order did not come
//! to name, or names no more since it was mistyped, must not stay blocked. Whoever is about to name a number in an order
//! therefore claims it anew, with the time, and nobody else can have it for longer than that request can live. After that the
//! order itself tells: what it does not name by then it never will without a new claim, and the number is free.

use serde::{Deserialize, Serialize};

use super::Order;
use crate::{
    audit::Action,
    decision::Decision,
    refusal::Refusal,
    secret::{IndexPurpose, Keys},
    values::{OrderId, Seconds, Serial, SerialId, Timestamp},
};

/// How long a claim keeps others off: longer than the request lives that made it, by any clock.
pub const CLAIM_LIFETIME: Seconds = Seconds::minutes(2);

/// The record of a serial number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedSerial {
    /// The record's id: a keyed index of the number.
    pub id: SerialId,
    /// The order that may name it.
    pub order: OrderId,
    /// Since when.
    pub claimed_at: Timestamp,
}

impl ShippedSerial {
    /// The record of a serial number.
    pub fn id_of(serial: &Serial, keys: &Keys) -> SerialId {
        SerialId::from_bytes(keys.index(IndexPurpose::Serial, &[serial.as_str().as_bytes()]))
    }

    /// The first claim.
    pub fn claimed(id: SerialId, order: OrderId, now: Timestamp) -> Decision<Self> {
        Decision::quiet(Action::SerialClaim, Self { id, order, claimed_at: now })
    }

    /// A further claim, for the same order or another one. `looked_at` is the order that the record named when it was read, and
    /// `holder` that order, as it was after that; `None` when there is no such order. `None` when nothing has to be written.
    ///
    /// # Errors
    /// A field fault when the number was shipped with another order that has a use for it: one that came back from an order
    /// that has ended can be shipped again, unless a licence is in use with it. [`Refusal::Busy`] while another order may be
    /// about to name it.
    pub fn claim(
        mut self,
        serial: &Serial,
        order: OrderId,
        looked_at: OrderId,
        holder: Option<&Order>,
        now: Timestamp,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        if self.order == order {
            if self.claimed_at >= now {
                return Ok(None);
            }
        } else {
            let is_looked_at = looked_at == self.order;
            if is_looked_at && holder.is_some_and(|holder| holder.needs_token(serial)) {
                let hint = "This serial number was shipped with another order. Check the number on the token.";
                return Err(Refusal::field("serial", "serial-shipped", hint));
            }
            let free_at = self.claimed_at.plus(CLAIM_LIFETIME);
            if !is_looked_at || now < free_at {
                return Err(Refusal::Busy { retry_after: Seconds(CLAIM_LIFETIME.0.min(free_at.since(now).0.max(2))) });
            }
            self.order = order;
        }
        self.claimed_at = now;
        Ok(Some(Decision::quiet(Action::SerialClaim, self)))
    }
}
