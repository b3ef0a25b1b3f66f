//! How many requests a minute a partner may send, for each class of routes.
//!
//! A [`Meter`] turns a counter that only ever grows into a count of this minute: it remembers where the counter stood when
//! the minute began. So nothing is left behind by the minutes that are over, and a used-up allowance is known by one
//! read, without counting any further.

use serde::{Deserialize, Serialize};

use crate::{
    config::Quotas,
    values::{Seconds, Timestamp},
};

/// The length of the window, in seconds.
pub const WINDOW_SECONDS: u64 = 60;

/// Routes that share an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What changes nothing.
    Reads,
    /// What creates or changes one invitation.
    Changes,
    /// What creates many.
    Bulk,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 3] = [Self::Reads, Self::Changes, Self::Bulk];

    /// The name of its policy in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Changes => "changes",
            Self::Bulk => "bulk",
        }
    }

    /// Requests a minute.
    pub fn quota(self, quotas: &Quotas) -> u32 {
        match self {
            Self::Reads => quotas.reads_per_minute,
            Self::Changes => quotas.changes_per_minute,
            Self::Bulk => quotas.bulk_per_minute,
        }
    }
}

/// What one partner has used of one class's allowance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// A keyed index of partner and class; it names the counter, too.
    pub id: [u8; 16],
    /// The minute that is counted, since 1970.
    pub minute: u64,
    /// What the counter said before the minute's first request.
    pub base: i64,
    /// Whether the minute's allowance is used up.
    pub spent: bool,
}

impl Meter {
    /// The meter of the minute whose first request made the counter say `count`.
    pub fn begun(id: [u8; 16], count: i64, now: Timestamp) -> Self {
        Self { id, minute: now.minute(), base: count.saturating_sub(1), spent: false }
    }

    /// Whether it counts this minute. A clock that is ahead may have begun the next one already.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.minute >= now.minute()
    }

    /// Whether nothing is left of this minute's allowance.
    pub fn is_spent(&self, now: Timestamp) -> bool {
        self.spent && self.is_current(now)
    }

    /// Requests of the minute when the counter says `count`, the one that counted included.
    pub fn used(&self, count: i64) -> u64 {
        u64::try_from(count.saturating_sub(self.base)).unwrap_or_default().max(1)
    }

    /// Closes the minute. `None` when it is closed, or over.
    pub fn close(self, now: Timestamp) -> Option<Self> {
        (self.is_current(now) && !self.spent).then_some(Self { spent: true, ..self })
    }

    /// How long until there is a new allowance.
    pub fn renewed_in(&self, now: Timestamp) -> Seconds {
        let ends = i64::try_from(self.minute.saturating_add(1).saturating_mul(WINDOW_SECONDS)).unwrap_or(i64::MAX);
        Timestamp::from_unix(ends).since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 16] = [1; 16];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn inv_1_a_meter_counts_the_requests_of_its_minute() {
        // INV-1
        let meter = Meter::begun(ID, 41, at(120));
        assert_eq!([41, 42, 50].map(|count| meter.used(count)), [1, 2, 10]);
        assert_eq!(meter.used(7), 1, "another's answer, or a late one, is still a request");
        assert_eq!([120, 179, 180].map(|now| meter.is_current(at(now))), [true, true, false]);
        assert!(meter.is_current(at(100)), "by a clock that is behind");
        assert_eq!([120, 179, 180].map(|now| meter.renewed_in(at(now))), [60, 1, 0].map(Seconds));
    }

    #[test]
    fn inv_1_a_used_up_allowance_is_back_with_the_next_minute() {
        // INV-1
        let spent = Meter::begun(ID, 1, at(120)).close(at(130)).expect("open");
        assert_eq!([130, 179, 180].map(|now| spent.is_spent(at(now))), [true, true, false]);
        assert_eq!(spent.clone().close(at(131)), None);
        assert_eq!(spent.close(at(180)), None);
        assert_eq!(Meter::begun(ID, 1, at(120)).close(at(180)), None, "a late one does not close the next minute");
    }

    #[test]
    fn inv_1_each_class_has_its_own_quota() {
        // INV-1
        let quotas = Quotas { reads_per_minute: 1, changes_per_minute: 2, bulk_per_minute: 3 };
        assert_eq!(
            Class::ALL.map(|class| (class.as_str(), class.quota(&quotas))),
            [("reads", 1), ("changes", 2), ("bulk", 3)]
        );
    }
}
