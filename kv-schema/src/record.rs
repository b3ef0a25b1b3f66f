//! Records: a domain value inside the envelope that makes its commits provable.
//!
//! Stored bytes are `format (1 byte) | version (varint) | meta (postcard) | audit trail | body (the rest)`:
//!
//! - **version**: of the body and of the effects. A newer one than this program knows is refused before anything else is
//!   decoded, and since writing requires having read, it is never overwritten.
//! - **revision**: 1 for the first write, one more for each.
//! - **trail**: the ids of the last [`TRAIL`] writes, newest first. It answers the question that Redis does not: "did my
//!   write happen?" Together with the revision the answer is exact, or known to be unknown.
//! - **pending**: effects that must follow the commit. They are inside the record because a request has one commit point;
//!   they stay until [`crate::kv::Kv::settle`] takes them out.
//! - **created**: when, in unix seconds; from it the names of the gates that a creation may have left behind follow.
//! - **audit trail**: who did what to the record, linked by hashes ([`crate::audit`]); opaque here. Its length stands before
//!   it, and its end in the meta. Lists and the like have none.
//!
//! A record that is about to be removed has format 2, which says behind the meta until when nobody writes to it
//! ([`crate::kv::Kv::condemn`]). Every other record has format 1.
//!
//! A stored record is parsed, not trusted: lengths, version and every newtype are checked again on the way in.
//!
//! The [`Envelope`] with the body still encoded is what the primitives of [`crate::kv`] work on, so that a program has
//! them once and not once for each kind of record; [`Stored`] is the envelope with the value that it holds.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shared::secret::Sealed;

use crate::{
    audit::{Head, NewEntry, Tail},
    key::{Key, Keyed, Prefix},
};

/// How many of its last writes a record remembers.
pub const TRAIL: usize = 8;

/// How many effects may wait in one record.
pub const EFFECTS_MAX: usize = 64;

/// The largest stored value, in bytes: `DynamoDB` takes 400 KB, and Cosmos DB 2 MB with each byte as up to four
/// characters.
pub const VALUE_BYTES_MAX: usize = 256 * 1024;

const FORMAT: u8 = 1;
const FORMAT_CONDEMNED: u8 = 2;

/// A domain value that is persisted.
///
/// The current version's bytes are the value's own postcard form; its newtypes validate when they deserialise. A shipped
/// version is never edited: a change of the value *or a new kind of effect* raises [`Record::VERSION`], and the former
/// form is frozen as a struct that converts by `TryFrom`. Effects are only ever appended to their enum; what one carries is
/// frozen with it, so that a record that changes gets a new kind of effect as well. Until the first release nothing is
/// shipped, and version 1 may still change (docs/storage.md). Implement it with `record!`.
pub trait Record: Sized {
    /// What names one of them.
    type Id: Keyed;
    /// The first part of its keys; no two records share one.
    const PREFIX: Prefix;
    /// The version that is written. The first is 1.
    const VERSION: u16;
    /// Prefix and version.
    const KIND: Kind = Kind { prefix: Self::PREFIX, version: Self::VERSION };

    /// The key of the record named `id`.
    fn key(id: &Self::Id) -> Key {
        id.key(Self::PREFIX)
    }

    /// Reads a body of a `version` between 1 and [`Record::VERSION`].
    fn decode(version: u16, body: &[u8]) -> Result<Self, RecordFault>;

    /// The body in the current version.
    fn encode(&self) -> Result<Vec<u8>, RecordFault>;
}

/// Implements [`Record`] for a serde type.
///
/// ```text
/// record! {
///     Invitation { id: InvitationSlotId, prefix: "inv", version: 2, older: { 1 => InvitationV1 } }
/// }
/// ```
macro_rules! record {
    ($value:ty { id: $id:ty, prefix: $prefix:literal, version: $version:literal, older: { $($old:literal => $form:ty),* } }) => {
        impl $crate::record::Record for $value {
            type Id = $id;
            const PREFIX: $crate::key::Prefix = $crate::key::Prefix::new($prefix);
            const VERSION: u16 = $version;

            fn decode(version: u16, body: &[u8]) -> Result<Self, $crate::record::RecordFault> {
                match version {
                    $version => $crate::record::decode_body(body),
                    $($old => $crate::record::decode_body::<$form>(body)?.try_into().map_err($crate::record::RecordFault::corrupt),)*
                    _ => Err($crate::record::RecordFault::corrupt("a version that never was")),
                }
            }

            fn encode(&self) -> Result<Vec<u8>, $crate::record::RecordFault> {
                $crate::record::encode_body(self)
            }
        }
    };
}
pub(crate) use record;

/// What the primitives need to know of a record's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub(crate) prefix: Prefix,
    pub(crate) version: u16,
}

/// Names one write for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteId(pub [u8; 16]);

/// Names one effect of one commit for ever: what a receiver needs to recognise a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EffectId(pub [u8; 16]);

/// An effect that has been committed but not yet been seen to be done. Performing it twice is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its name.
    pub id: EffectId,
    /// What is to be done; sealed, since messages carry tokens and licence keys in clear.
    pub effect: Sealed,
}

/// A record as it stood when it was read or written, its body encoded.
#[derive(Clone)]
pub struct Envelope {
    kind: Kind,
    key: Key,
    revision: u64,
    created_unix_seconds: u64,
    trail: Vec<WriteId>,
    pending: Vec<Pending>,
    condemned: Option<Condemned>,
    audit: Option<Tail>,
    /// Of the body.
    version: u16,
    body: Vec<u8>,
}

/// The time in which a record is to be removed, and nobody writes to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Condemned {
    pub(crate) since_unix_seconds: u64,
    /// From then on it is a record like any other.
    pub(crate) until_unix_seconds: u64,
}

/// A record as it stood when it was read or written.
#[derive(Clone)]
pub struct Stored<R> {
    envelope: Envelope,
    value: R,
}

/// What a record tells about a write that its writer is unsure of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It happened.
    Happened,
    /// It did not, and never will: the record is another one than the write was conditional on.
    Overtaken,
    /// The record still stands as it was seen, or as it was even before: nothing is visible of it. (A record that was removed
    /// and made anew looks the same.)
    Unchanged,
    /// So many writes followed that the trail no longer reaches back.
    Forgotten,
}

#[derive(Serialize)]
struct MetaRef<'a> {
    revision: u64,
    created_unix_seconds: u64,
    trail: &'a [WriteId],
    pending: &'a [Pending],
    audit: Option<Head>,
}

#[derive(Deserialize)]
struct Meta {
    revision: u64,
    created_unix_seconds: u64,
    trail: Vec<WriteId>,
    pending: Vec<Pending>,
    audit: Option<Head>,
}

impl Envelope {
    /// Where it is stored.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Effects that must be performed, in this order.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn created_unix_seconds(&self) -> u64 {
        self.created_unix_seconds
    }

    /// The first revision.
    pub(crate) fn first(kind: Kind, key: Key, body: Vec<u8>, effects: Vec<Pending>, write: WriteId, now: u64) -> Self {
        let version = kind.version;
        let (revision, trail, pending) = (1, vec![write], effects);
        Self {
            kind,
            key,
            revision,
            created_unix_seconds: now,
            trail,
            pending,
            condemned: None,
            audit: None,
            version,
            body,
        }
    }

    /// The same with one more entry in its audit trail, about the newest write.
    pub(crate) fn audited(mut self, entry: Option<NewEntry>) -> Result<Self, RecordFault> {
        if let (Some(entry), Some(write)) = (entry, self.trail.first()) {
            self.audit.get_or_insert_with(|| Tail::begin(&self.key)).add(self.revision, *write, entry)?;
        }
        Ok(self)
    }

    pub(crate) fn tail(&self) -> Option<&Tail> {
        self.audit.as_ref()
    }

    pub(crate) fn take_tail(&mut self) -> Option<Tail> {
        self.audit.take()
    }

    pub(crate) fn set_tail(&mut self, tail: Tail) {
        self.audit = Some(tail);
    }

    /// The revision after this one. What is still pending stays, in order, before what is new.
    pub(crate) fn next(mut self, body: Vec<u8>, effects: Vec<Pending>, write: WriteId) -> Self {
        self.version = self.kind.version;
        self.body = body;
        self.pending.extend(effects);
        self.same(write)
    }

    /// The revision after this one, with the same value.
    pub(crate) fn same(mut self, write: WriteId) -> Self {
        self.condemned = None;
        self.revision = self.revision.saturating_add(1);
        self.trail.insert(0, write);
        self.trail.truncate(TRAIL);
        self
    }

    /// The revision after this one, with the same value, to be removed.
    pub(crate) fn condemned(self, condemned: Condemned, write: WriteId) -> Self {
        Self { condemned: Some(condemned), ..self.same(write) }
    }

    /// Whether, and in which time, the record is to be removed.
    pub(crate) fn is_condemned(&self) -> Option<Condemned> {
        self.condemned
    }

    /// Drops performed effects; says whether there were any.
    pub(crate) fn settle(&mut self, done: &[EffectId]) -> bool {
        let before = self.pending.len();
        self.pending.retain(|pending| !done.contains(&pending.id));
        self.pending.len() < before
    }

    /// What is pending now is what is pending in `later`, a later revision.
    pub(crate) fn pending_as_in(mut self, later: Self) -> Self {
        self.pending = later.pending;
        self
    }

    /// What this record, as it stands, tells about `draft`, which was to be written over the revision before its own.
    pub(crate) fn tells(&self, draft: &Self) -> Told {
        let Some(since) = self.revision.checked_sub(draft.revision) else {
            return Told::Unchanged;
        };
        match usize::try_from(since).ok().and_then(|since| self.trail.get(since)) {
            None => Told::Forgotten,
            Some(write) if draft.trail.first() == Some(write) => Told::Happened,
            Some(_) => Told::Overtaken,
        }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, RecordFault> {
        if self.pending.len() > EFFECTS_MAX {
            return Err(RecordFault::TooManyEffects);
        }
        let meta = MetaRef {
            revision: self.revision,
            created_unix_seconds: self.created_unix_seconds,
            trail: &self.trail,
            pending: &self.pending,
            audit: self.audit.as_ref().map(|tail| tail.head),
        };
        let mut bytes = vec![if self.condemned.is_some() { FORMAT_CONDEMNED } else { FORMAT }];
        bytes.extend(encode_body(&self.version)?);
        bytes.extend(encode_body(&meta)?);
        if let Some(condemned) = &self.condemned {
            bytes.extend(encode_body(condemned)?);
        }
        if let Some(tail) = &self.audit {
            bytes.extend(encode_body(&tail.bytes.len())?);
            bytes.extend(&tail.bytes);
        }
        bytes.extend(&self.body);
        if bytes.len() > VALUE_BYTES_MAX {
            return Err(RecordFault::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    pub(crate) fn parse(kind: Kind, key: Key, bytes: &[u8]) -> Result<Self, RecordFault> {
        let (format, rest) = bytes.split_first().ok_or_else(|| RecordFault::corrupt("no bytes"))?;
        let (version, rest) = take::<u16>(rest)?;
        if *format > FORMAT_CONDEMNED || version > kind.version {
            return Err(RecordFault::TooNew { format: *format, version });
        }
        if *format < FORMAT || version == 0 {
            return Err(RecordFault::corrupt("a format or version that never was"));
        }
        let (meta, rest) = take::<Meta>(rest)?;
        let (condemned, rest) = if *format == FORMAT_CONDEMNED {
            let (condemned, rest) = take(rest)?;
            (Some(condemned), rest)
        } else {
            (None, rest)
        };
        let (audit, body) = match meta.audit {
            Some(head) => {
                let (length, rest) = take::<usize>(rest)?;
                let parts = rest.split_at_checked(length);
                let (bytes, body) = parts.ok_or_else(|| RecordFault::corrupt("the audit trail is cut"))?;
                (Some(Tail { head, bytes: bytes.to_vec() }), body)
            }
            None => (None, rest),
        };
        let trail_length = usize::try_from(meta.revision).unwrap_or(TRAIL).min(TRAIL);
        if meta.revision == 0 || meta.trail.len() != trail_length || meta.pending.len() > EFFECTS_MAX {
            return Err(RecordFault::corrupt("revision, trail and effects do not fit together"));
        }
        let Meta { revision, created_unix_seconds, trail, pending, audit: _ } = meta;
        let body = body.to_vec();
        Ok(Self { kind, key, revision, created_unix_seconds, trail, pending, condemned, audit, version, body })
    }
}

impl<R: Record> Stored<R> {
    /// With the value that the envelope holds.
    pub(crate) fn open(envelope: Envelope) -> Result<Self, RecordFault> {
        let value = R::decode(envelope.version, &envelope.body)?;
        Ok(Self { envelope, value })
    }
}

impl<R> Stored<R> {
    /// The envelope of a value that was just encoded.
    pub(crate) fn written(envelope: Envelope, value: R) -> Self {
        Self { envelope, value }
    }

    /// The record, its body encoded.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Gives the envelope away.
    pub(crate) fn into_envelope(self) -> Envelope {
        self.envelope
    }

    /// The domain value.
    pub fn value(&self) -> &R {
        &self.value
    }

    /// Gives the domain value away.
    pub fn into_value(self) -> R {
        self.value
    }

    /// 1 after the first write, one more after each.
    pub fn revision(&self) -> u64 {
        self.envelope.revision
    }

    /// Whether a change on this day (since 1970) has been noted, so that it is found by the day.
    pub fn is_noted_on(&self, day: u64) -> bool {
        self.envelope.tail().is_some_and(|tail| tail.noted_day() == day)
    }

    /// When the first write was made, by its writer's clock.
    pub fn created_unix_seconds(&self) -> u64 {
        self.envelope.created_unix_seconds
    }

    /// Effects that must be performed, in this order.
    pub fn pending(&self) -> &[Pending] {
        &self.envelope.pending
    }

    /// Where it is stored.
    pub fn key(&self) -> &Key {
        &self.envelope.key
    }

    /// Whether a sweep has marked it for removal.
    #[cfg(any(test, feature = "testing"))]
    pub fn is_condemned(&self) -> bool {
        self.envelope.condemned.is_some()
    }

    /// Drops performed effects; says whether there were any.
    pub(crate) fn settle(&mut self, done: &[EffectId]) -> bool {
        self.envelope.settle(done)
    }
}

impl<R> fmt::Debug for Stored<R> {
    /// Without the value, which may be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("key", self.key())
            .field("revision", &self.revision())
            .field("pending", &self.pending().len())
            .finish_non_exhaustive()
    }
}

/// Why bytes are not a record, or a value cannot become one. For the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Written by a newer program. It is left as it is.
    #[error(
        "the record has format {format}, version {version}, which a newer release wrote; finish the upgrade of this node"
    )]
    TooNew {
        /// The envelope's format byte.
        format: u8,
        /// The body's version.
        version: u16,
    },
    /// Not what this program or any before it wrote.
    #[error("the stored record is damaged ({reason}); restore it from a backup")]
    Corrupt {
        /// What did not fit.
        reason: String,
    },
    /// Larger than [`VALUE_BYTES_MAX`].
    #[error("the record would have {bytes} bytes, more than {VALUE_BYTES_MAX}; its lists need a limit")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// More than [`EFFECTS_MAX`] effects wait.
    #[error("more than {EFFECTS_MAX} effects wait in the record; drain it first")]
    TooManyEffects,
    /// The value has no encoding.
    #[error("the value cannot be encoded ({reason}); its type uses a serde feature that postcard lacks")]
    NotEncodable {
        /// The encoder's words.
        reason: String,
    },
}

impl RecordFault {
    /// A [`RecordFault::Corrupt`] with its reason.
    pub fn corrupt(reason: impl fmt::Display) -> Self {
        Self::Corrupt { reason: reason.to_string() }
    }
}

/// Decodes a whole body: bytes left over are damage.
pub(crate) fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, RecordFault> {
    match take(body)? {
        (value, []) => Ok(value),
        _ => Err(RecordFault::corrupt("bytes left over")),
    }
}

/// Encodes a body.
pub(crate) fn encode_body<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, RecordFault> {
    postcard::to_allocvec(value).map_err(|error| RecordFault::NotEncodable { reason: error.to_string() })
}

/// Decodes the beginning.
pub(crate) fn take<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), RecordFault> {
    postcard::take_from_bytes(bytes).map_err(RecordFault::corrupt)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::indexing_slicing, reason = "a test that reads past the end fails, as it should")]

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct V1 {
        name: String,
    }

    /// The second version has learnt to count, and that names are not empty.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Thing {
        name: String,
        count: u32,
    }

    impl TryFrom<V1> for Thing {
        type Error = &'static str;

        fn try_from(old: V1) -> Result<Self, Self::Error> {
            if old.name.is_empty() { Err("a name is not empty") } else { Ok(Self { name: old.name, count: 1 }) }
        }
    }

    record! { Thing { id: [u8; 16], prefix: "thing", version: 2, older: { 1 => V1 } } }

    fn parse(bytes: &[u8]) -> Result<Stored<Thing>, RecordFault> {
        Stored::open(Envelope::parse(Thing::KIND, Thing::key(&[0; 16]), bytes)?)
    }

    fn value() -> Thing {
        Thing { name: "a".to_owned(), count: 300 }
    }

    fn thing() -> Envelope {
        let effect = decode_body(EFFECT).expect("as long as a sealed value");
        let effects = vec![Pending { id: EffectId([2; 16]), effect }];
        let body = value().encode().expect("small");
        Envelope::first(Thing::KIND, Thing::key(&[0; 16]), body, effects, WriteId([1; 16]), 1_795_219_200)
    }

    /// The least sealed value: a generation, a nonce and a tag.
    const EFFECT: &[u8] = b"\x29eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";

    /// Format, version; revision, created (varint), one write id, one effect, no audit trail; then the body.
    const V2_BYTES: &[u8] = b"\x01\x02\x01\x80\xbe\x83\xd8\x06\x01\
        \x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\
        \x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\
        \x29eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\x00\x01a\xac\x02";

    const V1_BYTES: &[u8] =
        b"\x01\x01\x01\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x01b";

    #[test]
    fn the_envelope_has_these_bytes() {
        let bytes = thing().to_bytes().expect("small");
        assert_eq!(bytes.as_slice(), V2_BYTES, "{}", bytes.escape_ascii());
        let read = parse(&bytes).expect("just written");
        assert_eq!((read.value(), read.revision(), read.pending()), (&value(), 1, thing().pending()));
    }

    #[test]
    fn a_condemned_record_says_in_which_time() {
        let condemned = Condemned { since_unix_seconds: 300, until_unix_seconds: 301 };
        let envelope = thing().condemned(condemned, WriteId([3; 16]));
        let bytes = envelope.to_bytes().expect("small");
        assert_eq!(bytes.get(..3), Some([2, 2, 2].as_slice()), "format 2, version 2, revision 2");
        assert!(bytes.ends_with(b"\x00\xac\x02\xad\x02\x01a\xac\x02"), "{}", bytes.escape_ascii());
        let read = parse(&bytes).expect("just written").into_envelope();
        assert_eq!(read.is_condemned(), Some(condemned));
        let body = value().encode().expect("small");
        for next in [read.clone().same(WriteId([4; 16])), read.next(body, Vec::new(), WriteId([4; 16]))] {
            assert_eq!(next.to_bytes().expect("small").first(), Some(&1), "whoever writes to it later keeps it");
        }
    }

    #[test]
    fn an_older_version_is_read_and_written_as_the_present_one() {
        let read = parse(V1_BYTES).expect("a former release wrote it");
        assert_eq!(read.value(), &Thing { name: "b".to_owned(), count: 1 });
        let body = read.value().encode().expect("small");
        let envelope = read.into_envelope();
        let settled = envelope.clone().same(WriteId([3; 16])).to_bytes().expect("small");
        assert_eq!(settled.get(..3), Some([1, 1, 2].as_slice()), "what keeps the body keeps its version");
        let bytes = envelope.next(body, Vec::new(), WriteId([3; 16])).to_bytes().expect("small");
        assert_eq!(bytes.get(..3), Some([1, 2, 2].as_slice()), "format 1, version 2, revision 2");
        let unnamed: Vec<u8> = [V1_BYTES.strip_suffix(b"\x01b").expect("its body"), b"\x00"].concat();
        assert_eq!(parse(&unnamed).err(), Some(RecordFault::corrupt("a name is not empty")));
    }

    #[test]
    fn what_is_newer_or_damaged_is_refused() {
        let bytes = thing().to_bytes().expect("small");
        for length in 0..bytes.len() {
            assert!(matches!(parse(&bytes[..length]), Err(RecordFault::Corrupt { .. })), "cut to {length}");
        }
        assert!(matches!(parse(&[bytes.as_slice(), b"\x00"].concat()), Err(RecordFault::Corrupt { .. })), "left over");
        let with = |index: usize, byte| {
            let mut changed = bytes.clone();
            changed[index] = byte;
            parse(&changed).expect_err("changed")
        };
        assert_eq!(with(0, 3), RecordFault::TooNew { format: 3, version: 2 });
        assert!(matches!(with(0, 2), RecordFault::Corrupt { .. }), "condemned, without a time");
        assert_eq!(with(1, 3), RecordFault::TooNew { format: 1, version: 3 });
        assert!(matches!(with(0, 0), RecordFault::Corrupt { .. }));
        assert!(matches!(with(1, 0), RecordFault::Corrupt { .. }));
        assert!(matches!(with(2, 0), RecordFault::Corrupt { .. }), "revision 0");
        assert!(matches!(with(2, 2), RecordFault::Corrupt { .. }), "revision 2 with a trail of one");
    }

    #[test]
    fn the_trail_tells_whether_a_write_happened_or_that_it_does_not_know() {
        let seen = thing();
        let draft = seen.clone().same(WriteId([9; 16]));
        assert_eq!(seen.tells(&draft), Told::Unchanged);
        let mut mine = draft.clone();
        let mut theirs = seen.same(WriteId([8; 16]));
        for other in 0..TRAIL {
            assert_eq!(mine.tells(&draft), Told::Happened, "{other} later");
            assert_eq!(theirs.tells(&draft), Told::Overtaken, "{other} later");
            mine = mine.same(WriteId([10; 16]));
            theirs = theirs.same(WriteId([10; 16]));
        }
        assert_eq!(mine.tells(&draft), Told::Forgotten);
        assert_eq!(theirs.tells(&draft), Told::Forgotten);
    }
}
