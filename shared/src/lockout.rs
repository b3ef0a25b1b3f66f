//! Counting consecutive failures, and how long the next try has to wait (SIG-1).

use serde::{Deserialize, Serialize};

use crate::values::{Seconds, Timestamp};

/// Failures after which each further try waits.
pub const FREE_FAILURES: u32 = 10;
/// Failures after which the password is disabled until it is reset (NIST SP 800-63B-4, 3.2.2).
pub const DISABLING_FAILURES: u32 = 100;
const FIRST_WAIT: u64 = 30;
const LONGEST_WAIT: u64 = 3600;

/// Consecutive failures and the time of the last one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    count: u32,
    last_at: Option<Timestamp>,
}

impl Failures {
    /// One failure more, now.
    #[must_use]
    pub fn one_more(self, now: Timestamp) -> Self {
        Self { count: self.count.saturating_add(1), last_at: Some(now) }
    }

    /// How many in a row.
    pub fn count(self) -> u32 {
        self.count
    }

    /// How long after the last failure the next try waits: nothing below ten, then 30 s doubling to one hour.
    pub fn wait(self) -> Seconds {
        let beyond = self.count.saturating_sub(FREE_FAILURES);
        match self.count {
            0..FREE_FAILURES => Seconds(0),
            _ => Seconds(FIRST_WAIT.checked_shl(beyond.min(10)).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)),
        }
    }

    /// Whether a try at this moment is not judged at all.
    pub fn paused(self, now: Timestamp) -> bool {
        self.count >= DISABLING_FAILURES || self.last_at.is_some_and(|last| now < last.plus(self.wait()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(times: u32, at: Timestamp) -> Failures {
        (0..times).fold(Failures::default(), |failures, _| failures.one_more(at))
    }

    // SIG-1: after 10 consecutive failures each further try waits, 30 s doubling to 1 h; 100 disable.
    #[test]
    fn the_wait_doubles_from_the_tenth_failure_to_an_hour() {
        let start = Timestamp::from_unix(1_800_000_000);
        let waits: Vec<u64> = [0, 9, 10, 11, 12, 16, 17, 18, 60, 99].map(|n| failed(n, start).wait().0).to_vec();
        assert_eq!(waits, [0, 0, 30, 60, 120, 1920, 3600, 3600, 3600, 3600]);
    }

    #[test]
    fn a_paused_try_is_judged_again_exactly_when_the_wait_ends() {
        let start = Timestamp::from_unix(1_800_000_000);
        assert!(!failed(9, start).paused(start));
        assert!(failed(10, start).paused(start.plus(Seconds(29))));
        assert!(!failed(10, start).paused(start.plus(Seconds(30))));
        assert!(failed(100, start).paused(start.plus(Seconds::days(365))));
    }
}
