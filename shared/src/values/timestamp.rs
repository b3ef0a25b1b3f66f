//! Moments and spans of time, in whole seconds. The clock itself is never read here: the time is handed in.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcDateTime};

use super::ParseError;

/// The last second of the year 9998: RFC 3339 ends a year later, and time zones need some room before that.
const LATEST: i64 = 253_370_764_799;

/// A moment in UTC, in whole seconds since 1970; from the start of 1970 to the end of the year 9998.
///
/// Serialised as RFC 3339 where people read it (JSON), as seconds in records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many seconds after the start of 1970. What lies outside the range becomes its nearest end.
    pub const fn from_unix(seconds: i64) -> Self {
        match seconds {
            ..0 => Self(0),
            0..=LATEST => Self(seconds),
            _ => Self(LATEST),
        }
    }

    /// Seconds since the start of 1970, never negative.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The moment this much later, at most the end of the year 9998.
    #[must_use]
    pub fn plus(self, span: Seconds) -> Self {
        Self::from_unix(self.0.saturating_add_unsigned(span.0))
    }

    /// So long before.
    #[must_use]
    pub fn minus(self, span: Seconds) -> Self {
        Self::from_unix(self.unix().saturating_sub_unsigned(span.0))
    }

    /// The same time of day this many business days later. Saturdays and Sundays, in UTC, do not count, and what begins on
    /// one begins with Monday; holidays differ from place to place and count like other days.
    #[must_use]
    pub fn plus_business_days(self, days: u32) -> Self {
        const DAY: u64 = 86_400;
        // The first day of 1970 was a Thursday.
        let weekday = |seconds: u64| (seconds / DAY).saturating_add(3) % 7;
        let after_weekend = |seconds: u64| match weekday(seconds) {
            day @ 5..=6 => (seconds / DAY).saturating_add(7_u64.saturating_sub(day)).saturating_mul(DAY),
            _ => seconds,
        };
        let days = u64::from(days);
        let (weeks, rest) = (days / 5, days % 5);
        let begins = after_weekend(self.seconds());
        let over_weekend = if weekday(begins).saturating_add(rest) > 4 { 2 } else { 0 };
        let span = weeks.saturating_mul(7).saturating_add(rest).saturating_add(over_weekend);
        Self::from_unix(i64::try_from(begins.saturating_add(span.saturating_mul(DAY))).unwrap_or(LATEST))
    }

    /// How long ago `earlier` was; nothing when it lies in the future.
    pub fn since(self, earlier: Self) -> Seconds {
        Seconds(self.seconds().saturating_sub(earlier.seconds()))
    }

    /// Whole hours since the start of 1970.
    pub const fn hour(self) -> u64 {
        self.seconds() / 3600
    }

    /// Whole minutes since the start of 1970.
    pub const fn minute(self) -> u64 {
        self.seconds() / 60
    }

    /// For people: `21 November 2026, 21:05 UTC`.
    pub fn human(self) -> String {
        let (at, (hour, minute, _)) = (self.civil(), self.civil().as_hms());
        format!("{} {} {}, {hour:02}:{minute:02} UTC", at.day(), at.month(), at.year())
    }

    const fn seconds(self) -> u64 {
        self.0.unsigned_abs()
    }

    fn civil(self) -> UtcDateTime {
        UtcDateTime::from_unix_timestamp(self.0).unwrap_or(UtcDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC: `2026-11-21T21:05:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, (hour, minute, second)) = (self.civil(), self.civil().as_hms());
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for Timestamp {
    type Err = ParseError;

    /// Reads RFC 3339; fractions of a second are dropped.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .map(OffsetDateTime::unix_timestamp)
            .and_then(in_range)
            .ok_or_else(|| ParseError::new("time-invalid", "Write the time like 2026-11-21T21:05:00Z."))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { serializer.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(de::Error::custom);
        }
        let seconds = i64::deserialize(deserializer)?;
        in_range(seconds).ok_or_else(|| de::Error::custom("a time outside the years 1970 to 9998"))
    }
}

fn in_range(seconds: i64) -> Option<Timestamp> {
    (0..=LATEST).contains(&seconds).then_some(Timestamp(seconds))
}

/// A span of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seconds(pub u64);

impl Seconds {
    /// This many minutes of 60 seconds.
    pub const fn minutes(n: u64) -> Self {
        Self(n.saturating_mul(60))
    }

    /// This many hours of 60 minutes.
    pub const fn hours(n: u64) -> Self {
        Self::minutes(n.saturating_mul(60))
    }

    /// This many days of 24 hours.
    pub const fn days(n: u64) -> Self {
        Self::hours(n.saturating_mul(24))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn moments_are_shown_and_read() {
        for (seconds, text, human) in [
            (0, "1970-01-01T00:00:00Z", "1 January 1970, 00:00 UTC"),
            (951_782_400, "2000-02-29T00:00:00Z", "29 February 2000, 00:00 UTC"),
            (1_795_295_100, "2026-11-21T21:05:00Z", "21 November 2026, 21:05 UTC"),
            (LATEST, "9998-12-31T23:59:59Z", "31 December 9998, 23:59 UTC"),
        ] {
            let moment = Timestamp::from_unix(seconds);
            assert_eq!(moment.to_string(), text);
            assert_eq!(moment.human(), human);
            assert_eq!(text.parse(), Ok(moment));
        }
        assert_eq!("2026-11-21T23:05:00.9+02:00".parse(), Ok(Timestamp::from_unix(1_795_295_100)));
    }

    #[test]
    fn both_ends_of_the_range_hold() {
        assert_eq!(Timestamp::from_unix(-1).unix(), 0);
        assert_eq!(Timestamp::from_unix(LATEST + 1).unix(), LATEST);
        assert_eq!(Timestamp::from_unix(LATEST).plus(Seconds(u64::MAX)).unix(), LATEST);
        for wrong in
            ["", "yesterday", "1969-12-31T23:59:59Z", "2026-02-29T00:00:00Z", "2026-11-21", "2026-11-21T21:05:00"]
        {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
        for wrong in [-1_i64, LATEST + 1] {
            let stored = postcard::to_allocvec(&wrong).expect("a number");
            assert!(postcard::from_bytes::<Timestamp>(&stored).is_err(), "{wrong}");
        }
    }

    #[test]
    fn apr_1_business_days_leave_weekends_out() {
        // APR-1
        let later = |text: &str, days| {
            let moment: Timestamp = text.parse().expect("a time");
            moment.plus_business_days(days).to_string()
        };
        for (from, days, to) in [
            ("2026-11-16T09:30:00Z", 2, "2026-11-18T09:30:00Z"), // Monday
            ("2026-11-19T09:30:00Z", 2, "2026-11-23T09:30:00Z"), // Thursday
            ("2026-11-20T23:59:59Z", 2, "2026-11-24T23:59:59Z"), // Friday
            ("2026-11-21T09:30:00Z", 2, "2026-11-25T00:00:00Z"), // Saturday
            ("2026-11-22T09:30:00Z", 2, "2026-11-25T00:00:00Z"), // Sunday
            ("2026-11-20T12:00:00Z", 0, "2026-11-20T12:00:00Z"),
            ("2026-11-18T12:00:00Z", 7, "2026-11-27T12:00:00Z"),
        ] {
            assert_eq!(later(from, days), to, "{days} after {from}");
        }
    }

    #[test]
    fn spans_are_counted() {
        let (early, late) = (Timestamp::from_unix(3_599), Timestamp::from_unix(3_600));
        assert_eq!((late.since(early), early.since(late)), (Seconds(1), Seconds(0)));
        assert_eq!((early.hour(), late.hour(), early.minute(), late.minute()), (0, 1, 59, 60));
        assert_eq!(
            (Seconds::days(2), Seconds::hours(3), Seconds::minutes(4)),
            (Seconds(172_800), Seconds(10_800), Seconds(240))
        );
        assert_eq!(Seconds::days(u64::MAX), Seconds(u64::MAX));
    }

    proptest! {
        #[test]
        fn moments_survive_text_and_record(seconds in 0..=LATEST) {
            let moment = Timestamp::from_unix(seconds);
            prop_assert_eq!(moment.to_string().parse(), Ok(moment));
            let stored = postcard::to_allocvec(&moment).expect("a number");
            prop_assert_eq!(postcard::from_bytes(&stored), Ok(moment));
        }
    }
}
