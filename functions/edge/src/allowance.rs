//! What may be done so often in a time: partners' requests in a minute (INV-1), what one network causes in an hour (REG-3,
//! REG-7, SIG-3).
//!
//! Cost: 1 read and 1 write a use; 1 read and 1 write more for the first one of a window and for the one that finds the
//! allowance used up; after that 1 read and no write until the window is over. So a quota of n costs n writes a window and a
//! handful, however often somebody tries.
//!
//! The count is never too low by more than what is under way when a window begins, and may be too high: a use that died after
//! it was counted, or whose count was reported as failed, counts again when it is repeated; on Cosmos DB the answer may be that
//! of a use of the same moment. Too high is the safe side of a limit, and over with the window. When the store cannot count,
//! the request is a 503 and not let through.

use kv_schema::{record::Stored, records::requests_of};
use shared::{
    audit::Action,
    decision::{Counted, Decision},
    quota::{Allowance, Caused, Meter},
    refusal::Refusal,
    values::Seconds,
};

use crate::{
    edge::{Change, Edge, NowStands},
    failure::Failure,
    platform::Platform,
};

/// What is left of an allowance after a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "there may be nothing left"]
pub struct Rest {
    /// How often it can be used in this window; `None` when this use was one too many.
    pub left: Option<u64>,
    /// How long until there is a new allowance.
    pub renewed_in: Seconds,
}

impl Rest {
    /// The refusal of a use that was one too many.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`].
    pub fn require(self) -> Result<(), Refusal> {
        self.left.map(drop).ok_or(Refusal::TooManyRequests { retry_after: self.renewed_in.max(Seconds(1)) })
    }
}

impl<P: Platform> Edge<P> {
    /// Counts a use.
    ///
    /// # Errors
    /// A fault of the store; [`Refusal::Busy`].
    pub async fn spend(&self, allowance: &Allowance) -> Result<Rest, Failure> {
        let known = self.kv().get::<Meter>(&allowance.id).await?.map(Stored::into_value);
        let (used, meter) = match known {
            Some(meter) if meter.is_spent(allowance, self.now) => (u64::MAX, meter),
            known => {
                let count = self.kv().add(&requests_of(&allowance.id), 1).await?;
                let meter = match known {
                    Some(meter) if meter.is_current(allowance, self.now) => meter,
                    Some(_) => self.begin_window(allowance, count).await?,
                    None => self.begin_meter(allowance).await?,
                };
                (meter.used(count), meter)
            }
        };
        let left = u64::from(allowance.quota).checked_sub(used);
        if left.is_none() && !meter.is_spent(allowance, self.now) {
            self.close_window(allowance).await;
        }
        Ok(Rest { left, renewed_in: meter.renewed_in(allowance, self.now) })
    }

    /// Counts what the request's network causes.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`]; as [`Edge::spend`].
    pub async fn limit(&self, caused: Caused) -> Result<(), Failure> {
        let allowance = caused.allowance(self.origin, &self.gateway.limits, &self.keys);
        Ok(self.spend(&allowance).await?.require()?)
    }

    /// The first use ever. Whoever creates the meter, the counter began at 0.
    async fn begin_meter(&self, allowance: &Allowance) -> Result<Meter, Failure> {
        let first = Meter::begun(allowance, 1, self.now);
        match self.create(&allowance.id, Decision::quiet(Action::Allowance, first.clone())).await {
            Ok(NowStands::Ours(stored) | NowStands::Another(stored)) => Ok(stored.into_value()),
            Err(Failure::Refused(Refusal::Busy { .. })) => Ok(first),
            Err(other) => Err(other),
        }
    }

    /// The first use of a window; somebody else may have been faster.
    async fn begin_window(&self, allowance: &Allowance, count: i64) -> Result<Meter, Failure> {
        let ((), stored) = self
            .transact::<Meter, ()>(&allowance.id, Refusal::NotFound, |meter, _| {
                let begun = (!meter.is_current(allowance, self.now)).then(|| Meter::begun(allowance, count, self.now));
                Ok(begun.map_or(Change::Keep(()), |begun| {
                    Change::Commit(Counted::new(Decision::quiet(Action::Allowance, begun), ()))
                }))
            })
            .await?;
        Ok(stored.into_value())
    }

    /// Notes that the allowance is used up, so that the window's further uses are not counted. Should that fail, the next
    /// one tries again.
    async fn close_window(&self, allowance: &Allowance) {
        let closed = self.transact::<Meter, ()>(&allowance.id, Refusal::NotFound, |meter, _| {
            let closed = meter.close(allowance, self.now);
            Ok(closed.map(|closed| Decision::quiet(Action::Allowance, closed)).into())
        });
        if let Err(failure) = closed.await {
            self.log_failure("allowance not closed", &failure);
        }
    }
}
