//! What an auditor asks, and is told.

use askama::Template;
use edge::{form::FormFaults, request::form_encoded};
use kv_schema::{
    audit::{Entry, Hash, Linked, Trail, day_of},
    key::Key,
};
use serde::{Deserialize, Serialize};
use shared::{
    audit::Actor,
    refusal::{Faults, Refusal},
    secret::base64url,
    values::{Timestamp, WriteId},
};

/// Entries of one page.
const SHOWN: usize = 100;
const ADDRESS: &str = "/operate/audit";

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Registration,
    Organisation,
    Account,
    Invitation,
    Order,
    PromoBatch,
    Operator,
    Record,
}

const SUBJECTS: [(Subject, &str, &str); 8] = [
    (Subject::Registration, "registration", "Registration, by its id"),
    (Subject::Organisation, "organization", "Organization, by its id"),
    (Subject::Account, "account", "Account, by e-mail, User ID or id"),
    (Subject::Invitation, "invitation", "Invitation, by its id"),
    (Subject::Order, "order", "Order, by its id"),
    (Subject::PromoBatch, "promo-batch", "Batch of promo codes, by its id"),
    (Subject::Operator, "operator", "Operator, by operator id"),
    (Subject::Record, "record", "Any record, as an export names it"),
];

/// The question as it arrives.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAudit {
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) reference: String,
    /// How many of the newest entries are passed over.
    #[serde(default)]
    pub(crate) skip: usize,
}

impl RawAudit {
    /// `None` when nothing is asked yet.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub(crate) fn parse(&self) -> Result<Option<Subject>, Refusal> {
        if self.kind.is_empty() && self.reference.is_empty() {
            return Ok(None);
        }
        let mut faults = Faults::default();
        let subject = SUBJECTS.iter().find(|(_, name, _)| *name == self.kind).map(|(subject, ..)| *subject);
        if subject.is_none() {
            faults.add("kind", "missing", "Choose what the trail is about.");
        }
        if self.reference.trim().is_empty() {
            faults.add("reference", "missing", "Enter the reference.");
        }
        faults.finish(subject).map(Some)
    }
}

/// The answer to a reference that leads to no record with a trail.
pub(crate) fn nothing_found() -> Refusal {
    let hint = "Nothing of this kind has this reference. Check both; ids are 26 characters, as exports and addresses show them.";
    Refusal::field("reference", "unknown", hint)
}

/// The form, and the trail that was asked for.
#[derive(Serialize, Template)]
#[template(path = "audit.html")]
pub(crate) struct AuditPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    raw: RawAudit,
    #[serde(skip)]
    kinds: Vec<(&'static str, &'static str)>,
    trail: Option<Shown>,
}

impl AuditPage {
    pub(crate) fn of(raw: RawAudit, trail: Option<Shown>, faults: FormFaults) -> Self {
        let kinds = SUBJECTS.iter().map(|(_, name, text)| (*name, *text)).collect();
        Self { title: "Audit", faults, raw, kinds, trail }
    }
}

/// A record's trail.
#[derive(Serialize)]
pub(crate) struct Shown {
    /// The record's key.
    pub(crate) record: String,
    /// Whether a sweep has removed the record.
    pub(crate) removed: bool,
    /// Whether every hash fits, archived parts included.
    pub(crate) chain_holds: bool,
    /// Whether there are older entries that were not read, and are not vouched for.
    pub(crate) cut: bool,
    /// All entries that were read.
    pub(crate) total: usize,
    /// Newest first.
    pub(crate) entries: Vec<Line>,
    /// Where older entries are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) older: Option<String>,
}

impl Shown {
    pub(crate) fn of(key: &Key, trail: &Trail, raw: &RawAudit) -> Self {
        let total = trail.entries.len();
        let newest_first = trail.entries.iter().rev().skip(raw.skip).take(SHOWN);
        let behind = raw.skip.saturating_add(SHOWN);
        let older = (behind < total).then(|| {
            let kind = raw.kind.as_str();
            let query =
                form_encoded(&[("kind", kind), ("reference", raw.reference.trim()), ("skip", &behind.to_string())]);
            format!("{ADDRESS}?{query}")
        });
        Self {
            record: key.to_string(),
            removed: trail.removed,
            chain_holds: trail.holds,
            cut: trail.cut,
            total,
            entries: newest_first.map(|linked| Line::of(key, linked)).collect(),
            older,
        }
    }
}

/// One entry: a row of the page, a line of the export.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) record: String,
    /// `None` when the entry is damaged.
    #[serde(flatten)]
    pub(crate) said: Option<Said>,
    /// The entry's bytes, base64url: what is hashed.
    pub(crate) entry: String,
    /// The hash of the entry before it, hexadecimal.
    pub(crate) previous: String,
    /// SHA-256 of the previous hash's bytes and the entry's bytes, hexadecimal.
    pub(crate) hash: String,
}

/// What an entry says.
#[derive(Serialize)]
pub(crate) struct Said {
    pub(crate) revision: u64,
    pub(crate) at: Timestamp,
    pub(crate) action: &'static str,
    /// Why it was refused; absent when it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<&'static str>,
    /// The kind of actor.
    pub(crate) actor: &'static str,
    /// Which one, and with which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<u8>,
    /// The effect that was carried out: the write that left it, with the effect's number added to the last byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<String>,
    /// Names the write for ever.
    pub(crate) write: String,
    pub(crate) request: String,
    /// The network that the request came from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) origin: String,
}

impl Line {
    pub(crate) fn of(key: &Key, linked: &Linked) -> Self {
        Self {
            record: key.to_string(),
            said: linked.entry.as_ref().map(Said::of),
            entry: base64url(&linked.bytes),
            previous: hex(&linked.before),
            hash: hex(&linked.hash),
        }
    }
}

impl Said {
    fn of(entry: &Entry) -> Self {
        let Entry { revision, write, at_unix_seconds, deed, .. } = entry;
        let name = |bytes: [u8; 16]| WriteId::from_bytes(bytes).to_string();
        let (by, key, because) = match &deed.actor {
            Actor::Stranger | Actor::LinkHolder | Actor::Machine | Actor::PaymentProvider => (None, None, None),
            Actor::Partner { partner, key } => (Some(partner.to_string()), Some(*key), None),
            Actor::Webstore(partner) => (Some(partner.to_string()), None, None),
            Actor::Person(account) => (Some(account.to_string()), None, None),
            Actor::Operator(operator) => (Some(operator.to_string()), None, None),
            Actor::Application(application) => (Some(application.to_string()), None, None),
            Actor::Effect { because } => (None, None, Some(name(*because))),
        };
        Self {
            revision: *revision,
            at: Timestamp::from_unix(i64::try_from(*at_unix_seconds).unwrap_or(i64::MAX)),
            action: deed.action.code(),
            refused: deed.denial.map(shared::audit::Denial::code),
            actor: deed.actor.kind(),
            by,
            key,
            because,
            write: name(write.0),
            request: deed.request.clone(),
            origin: deed.origin.to_string(),
        }
    }
}

fn hex(hash: &Hash) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The question for an export as it arrives.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExport {
    pub(crate) day: String,
    #[serde(default)]
    pub(crate) after: Option<String>,
}

/// A day in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Day {
    text: String,
    number: u64,
}

impl Day {
    /// # Errors
    /// [`Refusal::InvalidInput`].
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let begins: Option<Timestamp> = format!("{text}T00:00:00Z").parse().ok();
        let seconds = begins.and_then(|begins| u64::try_from(begins.unix()).ok());
        let seconds = seconds.ok_or_else(|| {
            Refusal::field("day", "day-invalid", "Enter a day as year-month-day, such as 2026-05-31.")
        })?;
        Ok(Self { text: text.to_owned(), number: day_of(seconds) })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Since 1970.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn address(&self, after: &str) -> String {
        format!("{ADDRESS}/export?day={}&after={after}", self.text)
    }

    pub(crate) fn disposition(&self) -> String {
        format!("attachment; filename=\"audit-{}.jsonl\"", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aud_1_a_day_is_a_day_of_the_calendar() {
        // AUD-1
        assert_eq!(Day::parse("1970-01-02").map(|day| day.number()), Ok(1));
        for wrong in ["", "1970-1-2", "1970-02-30", "1969-12-31", "1970-01-01T00:00:00Z", "today"] {
            assert!(Day::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hashes_are_written_in_hexadecimal() {
        assert_eq!(hex(&[0xa0; 32]), "a0".repeat(32));
    }
}
