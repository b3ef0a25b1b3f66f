//! How much may be done in a time: how many requests a partner may send in a minute, for each class of routes, and how much
//! one network may cause in an hour.
//!
//! A [`Meter`] turns a counter that only ever grows into a count of this window: it remembers where the counter stood when
//! the window began. So nothing is left behind by the windows that are over, and a used-up allowance is known by one
//! read, without counting any further.

use serde::{Deserialize, Serialize};

use crate::{
    audit::Origin,
    config::{Limits, Partner, Quotas},
    secret::{IndexPurpose, Keys},
    values::{Seconds, Timestamp},
};

/// The length of a partner's window.
pub const MINUTE: Seconds = Seconds::minutes(1);
/// The length of a network's window.
pub const HOUR: Seconds = Seconds::hours(1);
/// Networks that are told apart: so many meters there are at most, whoever comes. Two that share one share its allowance.
const NETWORKS: u16 = 4_096;

/// How much of something is allowed in each window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// A keyed index of whose it is and what it is for; it names counter and meter.
    pub id: [u8; 16],
    /// How often in a window.
    pub quota: u32,
    /// The length of a window.
    pub window: Seconds,
}

/// What anybody may cause, by network and hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caused {
    /// An e-mail with a link to an address that was entered (REG-7, SIG-3).
    Link,
    /// A search for organisations that could be the same (REG-3).
    Search,
    /// A code to a phone (CRD-5).
    Code,
}

impl Caused {
    /// The network's allowance. Networks that are not known share one: what cannot be told apart is limited all the same.
    pub fn allowance(self, network: Origin, limits: &Limits, keys: &Keys) -> Allowance {
        let (name, quota): (&[u8], u32) = match self {
            Self::Link => (b"link", limits.links_per_hour),
            Self::Search => (b"search", limits.searches_per_hour),
            Self::Code => (b"code", limits.codes_per_hour),
        };
        let network = network.to_string();
        let [first, second, ..] = keys.index(IndexPurpose::Meter, &[b"network", network.as_bytes()]);
        let bucket = u16::from_le_bytes([first, second]) % NETWORKS;
        let id = keys.index(IndexPurpose::Meter, &[b"caused", name, &bucket.to_le_bytes()]);
        Allowance { id, quota, window: HOUR }
    }
}

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

    /// The partner's allowance.
    pub fn allowance(self, partner: &Partner, keys: &Keys) -> Allowance {
        let id = keys.index(IndexPurpose::Meter, &[partner.id.as_str().as_bytes(), self.as_str().as_bytes()]);
        Allowance { id, quota: self.quota(&partner.quotas), window: MINUTE }
    }
}

/// What was used of an allowance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// The allowance's id.
    pub id: [u8; 16],
    /// The window that is counted: so many windows after 1970.
    pub window: u64,
    /// What the counter said before the window's first use.
    pub base: i64,
    /// Whether the window's allowance is used up.
    pub spent: bool,
}

impl Meter {
    /// The meter of the window whose first use made the counter say `count`.
    pub fn begun(allowance: &Allowance, count: i64, now: Timestamp) -> Self {
        Self { id: allowance.id, window: window_of(allowance, now), base: count.saturating_sub(1), spent: false }
    }

    /// Whether it counts this window. A clock that is ahead may have begun the next one already.
    pub fn is_current(&self, allowance: &Allowance, now: Timestamp) -> bool {
        self.window >= window_of(allowance, now)
    }

    /// Whether nothing is left of this window's allowance.
    pub fn is_spent(&self, allowance: &Allowance, now: Timestamp) -> bool {
        self.spent && self.is_current(allowance, now)
    }

    /// How often the allowance was used in the window when the counter says `count`, the use that counted included.
    pub fn used(&self, count: i64) -> u64 {
        u64::try_from(count.saturating_sub(self.base)).unwrap_or_default().max(1)
    }

    /// Closes the window. `None` when it is closed, or over.
    pub fn close(self, allowance: &Allowance, now: Timestamp) -> Option<Self> {
        (self.is_current(allowance, now) && !self.spent).then_some(Self { spent: true, ..self })
    }

    /// How long until there is a new allowance.
    pub fn renewed_in(&self, allowance: &Allowance, now: Timestamp) -> Seconds {
        let ends = self.window.saturating_add(1).saturating_mul(allowance.window.0);
        Timestamp::from_unix(i64::try_from(ends).unwrap_or(i64::MAX)).since(now)
    }
}

fn window_of(allowance: &Allowance, now: Timestamp) -> u64 {
    u64::try_from(now.unix()).unwrap_or_default() / allowance.window.0.max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::testing::keys;

    const ID: [u8; 16] = [1; 16];
    const MINUTELY: Allowance = Allowance { id: ID, quota: 10, window: MINUTE };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(seconds)
    }

    #[test]
    fn inv_1_a_meter_counts_the_requests_of_its_minute() {
        // INV-1
        let meter = Meter::begun(&MINUTELY, 41, at(120));
        assert_eq!([41, 42, 50].map(|count| meter.used(count)), [1, 2, 10]);
        assert_eq!(meter.used(7), 1, "another's answer, or a late one, is still a request");
        assert_eq!([120, 179, 180].map(|now| meter.is_current(&MINUTELY, at(now))), [true, true, false]);
        assert!(meter.is_current(&MINUTELY, at(100)), "by a clock that is behind");
        assert_eq!([120, 179, 180].map(|now| meter.renewed_in(&MINUTELY, at(now))), [60, 1, 0].map(Seconds));
    }

    #[test]
    fn inv_1_a_used_up_allowance_is_back_with_the_next_minute() {
        // INV-1
        let spent = Meter::begun(&MINUTELY, 1, at(120)).close(&MINUTELY, at(130)).expect("open");
        assert_eq!([130, 179, 180].map(|now| spent.is_spent(&MINUTELY, at(now))), [true, true, false]);
        assert_eq!(spent.clone().close(&MINUTELY, at(131)), None);
        assert_eq!(spent.close(&MINUTELY, at(180)), None);
        let late = Meter::begun(&MINUTELY, 1, at(120)).close(&MINUTELY, at(180));
        assert_eq!(late, None, "a late one does not close the next minute");
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

    #[test]
    fn reg_7_each_network_has_an_allowance_of_its_own_for_each_thing() {
        // REG-7, REG-3, SIG-3
        let limits = Limits { links_per_hour: 3, searches_per_hour: 4, codes_per_hour: 5 };
        let of = |caused: Caused, network| caused.allowance(network, &limits, &keys());
        let (one, other) = (Origin::V4([192, 0, 2]), Origin::V4([198, 51, 100]));
        let links = of(Caused::Link, one);
        assert_eq!((links.quota, links.window), (3, HOUR));
        assert_eq!((of(Caused::Search, one).quota, of(Caused::Search, one).window), (4, HOUR));
        assert_eq!((of(Caused::Code, one).quota, of(Caused::Code, one).window), (5, HOUR));
        let caused = [Caused::Link, Caused::Search, Caused::Code];
        let ids = caused.map(|caused| [one, other, Origin::Unknown].map(|network| of(caused, network).id));
        assert_eq!(ids.iter().flatten().collect::<BTreeSet<_>>().len(), 9);
        assert_eq!(links, of(Caused::Link, one));
    }

    #[test]
    fn reg_7_there_are_so_many_meters_however_many_networks_come() {
        // REG-7
        let limits = Limits::default();
        let ids: BTreeSet<[u8; 16]> = (0..40_000_u32)
            .map(|n| {
                let [_, a, b, c] = n.to_be_bytes();
                Caused::Link.allowance(Origin::V4([a, b, c]), &limits, &keys()).id
            })
            .collect();
        assert!((3_500..=usize::from(NETWORKS)).contains(&ids.len()), "{}", ids.len());
    }
}
