//! The audit trail that every record carries (AUD-1): written in the same commit as the change, linked by hashes.
//!
//! An entry says what [`Deed`] says, and when, by which write. The trail stands in the stored bytes between the envelope's
//! meta and the body ([`crate::record`]) as `length (varint) | entry` one after the other, and is not decoded by reading or
//! writing the record: appending needs the last hash, which is in the meta.
//!
//! **Linked.** `hash(0) = SHA-256("vestibule/v1/audit" 0 key)`, `hash(n) = SHA-256(hash(n-1) entry(n))`. What is changed,
//! left out, put in or moved to another record's trail does not fit what follows, and the last one not the meta.
//!
//! **Bounded.** A record holds the newest entries only. When it has [`PART_ENTRIES`] of them, or [`PART_BYTES`] bytes, the
//! next commit first copies them to a record of their own, the *part*, and then drops them. A part's key derives from the
//! record's key, the second in which the record was created, and its number; and its bytes from what is in the trail. So
//! whoever copies it, and however often, writes the same bytes to the same key: a death between the two leaves a copy that
//! the next one meets, and that no reader counts before the record says so.
//!
//! **Lives.** A record that a sweep removes leaves its trail behind if [`crate::records::Swept::AUDIT_KEPT`]: the last part
//! is copied, its *life* is written down in the list of the former lives of that key, and only then is the record deleted.
//! A record that is made anew under the same key begins a new chain, and parts under other keys, since it is created later
//! than its former life's last part was.
//!
//! **Notes.** What leads to a trail without listing the store is the reminder of the day ([`crate::sweep`]): the first
//! commit of a day to a record is noted before it. The entry names its note, and whatever follows it without one of its
//! own belongs to the same day; so each entry is found by exactly one note.
//!
//! | | reads | writes |
//! |---|---|---|
//! | an entry | 0 | 0 |
//! | the first of a record's day | what a reminder costs | what a reminder costs |
//! | every [`PART_ENTRIES`]th | 1 | 1 |

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use shared::audit::Deed;

use crate::{
    key::{Key, Prefix},
    kv::{Created, Fault, Kv, Replaced},
    list::EntryId,
    record::{Envelope, Kind, Record, RecordFault, WriteId, decode_body, encode_body, record, take},
    records::kind_of,
    store::{Ambient, Store},
};

/// Entries that a record holds before they become a part.
pub const PART_ENTRIES: u32 = 32;
/// Bytes of entries that a record holds before they become a part.
pub const PART_BYTES: usize = 8 * 1024;
/// Parts that are read to show a trail.
pub const PARTS_READ: usize = 64;
/// Former lives of one key that are remembered, the newest.
const LIVES_MAX: usize = 256;
/// By how much one clock's time in a trail may be behind that of the entry before it.
const SLACK_SECONDS: u64 = 120;
/// What the first hash of a chain begins with.
const LABEL: &[u8] = b"vestibule/v1/audit\0";

const PART: Prefix = Prefix::new("aud");
const FORMER: Prefix = Prefix::new("gone");

/// A link of the chain: SHA-256.
pub type Hash = [u8; 32];

/// What a commit adds to the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// When the request began that commits.
    pub at_unix_seconds: u64,
    /// The note that was made of this commit; the record's first one of the day needs it.
    pub note: Option<EntryId>,
    /// Who, what, from where.
    pub deed: Deed,
}

/// One entry of a trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The record's revision that the write made.
    pub revision: u64,
    /// The write: effects that it left are named after it.
    pub write: WriteId,
    /// When the request began that wrote.
    pub at_unix_seconds: u64,
    /// The note that was made of it.
    pub note: Option<EntryId>,
    /// Who, what, from where.
    pub deed: Deed,
}

/// What the record's meta says of its trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// Parts that were dropped.
    parts: u64,
    /// Entries that the record holds.
    entries: u32,
    /// Day since 1970 of the last noted entry.
    day: u64,
    /// What the record's first entry is linked to.
    before: Hash,
    /// Of the last entry.
    last: Hash,
}

/// A record's trail as far as the record holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) head: Head,
    pub(crate) bytes: Vec<u8>,
}

/// Entries that were dropped from a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    before: Hash,
    last: Hash,
    bytes: Vec<u8>,
}

record! { Part { id: Key, prefix: "aud", version: 1, older: {} } }

/// The former lives of one key, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Former {
    lives: Vec<Life>,
}

record! { Former { id: Key, prefix: "gone", version: 1, older: {} } }

/// A record that was removed: where its trail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Life {
    created_unix_seconds: u64,
    parts: u64,
}

/// An entry with its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// What it says; `None` when it is damaged.
    pub entry: Option<Entry>,
    /// Its bytes, as they are hashed.
    pub bytes: Vec<u8>,
    /// The hash of the entry before it.
    pub before: Hash,
    /// Its own.
    pub hash: Hash,
}

/// What a record's trail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// Oldest first, those of former lives of the same key included.
    pub entries: Vec<Linked>,
    /// Whether every hash fits, from the first entry shown to the last one of the record.
    pub holds: bool,
    /// Whether there are older entries than [`PARTS_READ`] parts hold.
    pub cut: bool,
    /// Whether the record was removed.
    pub removed: bool,
}

impl Tail {
    pub(crate) fn begin(key: &Key) -> Self {
        let before = first_hash(key);
        Self { head: Head { parts: 0, entries: 0, day: 0, before, last: before }, bytes: Vec::new() }
    }

    pub(crate) fn add(&mut self, revision: u64, write: WriteId, new: NewEntry) -> Result<(), RecordFault> {
        let NewEntry { at_unix_seconds, note, deed } = new;
        if note.is_some() {
            self.head.day = day_of(at_unix_seconds);
        }
        let bytes = encode_body(&Entry { revision, write, at_unix_seconds, note, deed })?;
        self.head.last = hash(&self.head.last, &bytes);
        self.head.entries = self.head.entries.saturating_add(1);
        self.bytes.extend(encode_body(&bytes)?);
        Ok(())
    }

    /// The day of the last noted entry, since 1970.
    pub(crate) fn noted_day(&self) -> u64 {
        self.head.day
    }

    /// Whether what it holds is to become a part before anything is added.
    pub(crate) fn is_full(&self) -> bool {
        self.head.entries >= PART_ENTRIES || self.bytes.len() >= PART_BYTES
    }

    fn part(&self) -> Part {
        Part { before: self.head.before, last: self.head.last, bytes: self.bytes.clone() }
    }

    fn dropped(self) -> Self {
        let Head { parts, day, last, .. } = self.head;
        Self { head: Head { parts: parts.saturating_add(1), entries: 0, day, before: last, last }, bytes: Vec::new() }
    }

    fn chunk(&self) -> Chunk {
        Chunk { before: self.head.before, last: self.head.last, entries: linked(self.head.before, &self.bytes) }
    }
}

/// A run of entries, and what is stored of its ends.
struct Chunk {
    before: Hash,
    last: Hash,
    entries: Vec<Linked>,
}

impl Chunk {
    fn holds(&self) -> bool {
        let whole = self.entries.iter().all(|linked| linked.entry.is_some());
        whole && self.entries.last().map_or(self.before, |linked| linked.hash) == self.last
    }

    fn begins_unix_seconds(&self) -> u64 {
        self.entries.iter().find_map(|linked| linked.entry.as_ref()).map_or(0, |entry| entry.at_unix_seconds)
    }
}

/// One chain: a record as it stands, or a former life.
struct Chain {
    created_unix_seconds: u64,
    parts: u64,
    /// What the record itself holds; `None` for a former life.
    tail: Option<Chunk>,
}

impl<S: Store, A: Ambient> Kv<S, A> {
    /// The trail of the record of this key, also of one that was removed; the newest [`PARTS_READ`] parts of it. `None` when
    /// there is none, or it is no key of a record.
    pub async fn trail(&self, key: &Key) -> Result<Option<Trail>, Fault> {
        match kind_of(key) {
            Some(kind) => self.trail_of(kind, key).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn trail_of(&self, kind: Kind, key: &Key) -> Result<Option<Trail>, Fault> {
        let chains = self.chains(kind, key).await?;
        let Some(newest) = chains.last() else { return Ok(None) };
        let mut trail = Trail { entries: Vec::new(), holds: true, cut: false, removed: newest.tail.is_none() };
        let mut left = PARTS_READ;
        for chain in chains.into_iter().rev() {
            let Chain { created_unix_seconds, parts, tail } = chain;
            let mut after = None;
            if let Some(chunk) = tail {
                after = Some(trail.prepend(chunk, after));
            }
            for number in (0..parts).rev() {
                if left == 0 {
                    trail.cut = true;
                    return Ok(Some(trail));
                }
                left -= 1;
                match self.part(key, created_unix_seconds, number).await? {
                    Some(chunk) => after = Some(trail.prepend(chunk, after)),
                    None => trail.holds = false,
                }
            }
            trail.holds &= after.is_none_or(|before| before == first_hash(key));
        }
        Ok(Some(trail))
    }

    /// The entries of which this note was made, and those that followed them without one of their own; oldest first. `key`
    /// may name a record that was removed.
    pub async fn noted(&self, key: &Key, note: &EntryId, at_unix_seconds: u64) -> Result<Vec<Linked>, Fault> {
        let Some(kind) = kind_of(key) else { return Ok(Vec::new()) };
        self.noted_of(kind, key, note, at_unix_seconds).await
    }

    pub(crate) async fn noted_of(
        &self,
        kind: Kind,
        key: &Key,
        note: &EntryId,
        at_unix_seconds: u64,
    ) -> Result<Vec<Linked>, Fault> {
        let mut found = Vec::new();
        for chain in self.chains(kind, key).await? {
            found.extend(self.noted_in(key, chain, note, at_unix_seconds).await?);
        }
        Ok(found)
    }

    /// Goes back from the end of the note's day to before the note.
    async fn noted_in(&self, key: &Key, chain: Chain, note: &EntryId, at: u64) -> Result<Vec<Linked>, Fault> {
        let Chain { created_unix_seconds, parts, tail } = chain;
        let day_ends = (day_of(at).saturating_add(1)).saturating_mul(DAY_SECONDS).saturating_add(SLACK_SECONDS);
        if created_unix_seconds > day_ends {
            return Ok(Vec::new());
        }
        let is_enough = |chunk: &Chunk| chunk.begins_unix_seconds().saturating_add(SLACK_SECONDS) < at;
        let mut chunks = Vec::new();
        let mut number = parts;
        if let Some(tail) = tail {
            let done = is_enough(&tail);
            // An empty tail says nothing about when it began.
            if tail.entries.is_empty() || tail.begins_unix_seconds() <= day_ends {
                chunks.push(tail);
            } else {
                number = self.parts_begun_by(key, created_unix_seconds, parts, day_ends).await?;
            }
            if done {
                number = 0;
            }
        } else {
            number = self.parts_begun_by(key, created_unix_seconds, parts, day_ends).await?;
        }
        while number > 0 {
            number -= 1;
            let Some(chunk) = self.part(key, created_unix_seconds, number).await? else { break };
            let done = is_enough(&chunk);
            chunks.push(chunk);
            if done {
                break;
            }
        }
        let mut noted = None;
        let entries = chunks.into_iter().rev().flat_map(|chunk| chunk.entries);
        Ok(entries
            .filter(|linked| {
                noted = linked.entry.as_ref().and_then(|entry| entry.note).or(noted);
                noted.as_ref() == Some(note)
            })
            .collect())
    }

    /// How many of a chain's parts begin no later than that; halves the search at each read.
    async fn parts_begun_by(&self, key: &Key, created: u64, parts: u64, by: u64) -> Result<u64, Fault> {
        let (mut low, mut high) = (0, parts);
        while low < high {
            let middle = low + (high - low) / 2;
            let part = self.part(key, created, middle).await?;
            if part.is_some_and(|part| part.begins_unix_seconds() <= by) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Copies what the record holds of its trail to a part, and drops it from what is to be written.
    pub(crate) async fn archive(&self, envelope: &mut Envelope) -> Result<(), Fault> {
        if let Some(tail) = envelope.take_tail() {
            let key = envelope.key().clone();
            self.keep(&key, envelope.created_unix_seconds(), &tail).await?;
            envelope.set_tail(tail.dropped());
        }
        Ok(())
    }

    /// Keeps the trail of a record that is about to be deleted. Repeating it writes nothing anew.
    pub(crate) async fn bury(&self, envelope: &Envelope) -> Result<(), Fault> {
        let Some(tail) = envelope.tail() else { return Ok(()) };
        let key = envelope.key();
        let created_unix_seconds = envelope.created_unix_seconds();
        self.keep(key, created_unix_seconds, tail).await?;
        let life = Life { created_unix_seconds, parts: tail.head.parts.saturating_add(1) };
        let id = key.beside(FORMER, 0);
        let Some(seen) = self.load::<Former>(&id).await? else {
            return match self.create(&id, Former { lives: vec![life] }, Vec::new()).await? {
                Created::Created(_) => Ok(()),
                // Only a sweep that has lost its turn is as far: nothing may be deleted.
                Created::Existed(_) | Created::Busy => Err(Fault::Refused { prefix: FORMER.as_str() }),
            };
        };
        if seen.value().lives.contains(&life) {
            return Ok(());
        }
        let mut lives = seen.value().lives.clone();
        if lives.len() >= LIVES_MAX {
            lives.remove(0);
        }
        lives.push(life);
        match self.replace(seen, Former { lives }, Vec::new()).await? {
            Replaced::Committed(_) => Ok(()),
            Replaced::Lost(_) | Replaced::Gone => Err(Fault::Refused { prefix: FORMER.as_str() }),
        }
    }

    async fn keep(&self, key: &Key, created: u64, tail: &Tail) -> Result<(), Fault> {
        let part = tail.part();
        let id = part_key(key, created, tail.head.parts);
        let [write @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = part.last;
        let body = part.encode().map_err(fault)?;
        self.put_same(Envelope::first(Part::KIND, id, body, Vec::new(), WriteId(write), created)).await
    }

    async fn part(&self, key: &Key, created: u64, number: u64) -> Result<Option<Chunk>, Fault> {
        let stored = self.get::<Part>(&part_key(key, created, number)).await?;
        Ok(stored.map(|stored| {
            let Part { before, last, bytes } = stored.into_value();
            Chunk { before, last, entries: linked(before, &bytes) }
        }))
    }

    /// Oldest first. A watched read of the record, since a plain one may be older than the entry that is looked for.
    async fn chains(&self, kind: Kind, key: &Key) -> Result<Vec<Chain>, Fault> {
        let envelope = self.watched_envelope(kind, key).await?;
        let former = self.get::<Former>(&key.beside(FORMER, 0)).await?;
        let lives = former.map(|former| former.into_value().lives).unwrap_or_default();
        let living = envelope.as_ref().and_then(|envelope| {
            let (tail, created_unix_seconds) = (envelope.tail()?, envelope.created_unix_seconds());
            Some(Chain { created_unix_seconds, parts: tail.head.parts, tail: Some(tail.chunk()) })
        });
        let of_living = living.as_ref().map(|chain| chain.created_unix_seconds);
        // A sweep may have died between writing the life down and the deletion.
        let lives = lives.into_iter().filter(|life| Some(life.created_unix_seconds) != of_living);
        let lives = lives.map(|Life { created_unix_seconds, parts }| Chain { created_unix_seconds, parts, tail: None });
        Ok(lives.chain(living).collect())
    }
}

impl Trail {
    /// Puts older entries before; says what their first one is linked to.
    fn prepend(&mut self, chunk: Chunk, after: Option<Hash>) -> Hash {
        self.holds &= chunk.holds() && after.is_none_or(|after| after == chunk.last);
        self.entries.splice(0..0, chunk.entries);
        chunk.before
    }
}

const DAY_SECONDS: u64 = 86_400;

/// The day of a time, since 1970.
pub fn day_of(unix_seconds: u64) -> u64 {
    unix_seconds / DAY_SECONDS
}

/// What the first entry of a key's chain is linked to.
pub fn first_hash(key: &Key) -> Hash {
    Sha256::new().chain_update(LABEL).chain_update(key.as_str()).finalize().into()
}

fn hash(before: &Hash, bytes: &[u8]) -> Hash {
    Sha256::new().chain_update(before).chain_update(bytes).finalize().into()
}

fn part_key(key: &Key, created: u64, number: u64) -> Key {
    key.beside(PART, created.saturating_add(number))
}

/// Takes the entries apart; what is left of damaged ones is one damaged entry.
fn linked(before: Hash, mut bytes: &[u8]) -> Vec<Linked> {
    let mut entries = Vec::new();
    let mut before = before;
    while !bytes.is_empty() {
        let (one, rest) = take::<Vec<u8>>(bytes).unwrap_or_else(|_| (bytes.to_vec(), &[]));
        let hash = hash(&before, &one);
        entries.push(Linked { entry: decode_body(&one).ok(), bytes: one, before, hash });
        (before, bytes) = (hash, rest);
    }
    entries
}

fn fault(fault: RecordFault) -> Fault {
    Fault::Record { prefix: PART.as_str(), fault }
}

#[cfg(test)]
mod tests {
    use shared::audit::{Action, Actor, Origin};

    use super::*;
    use crate::key::Keyed;

    fn new_entry() -> NewEntry {
        let (actor, action) = (Actor::Machine, Action::Order);
        let deed = Deed { actor, action, denial: None, request: "r".to_owned(), origin: Origin::Unknown };
        NewEntry { at_unix_seconds: 300, note: Some(EntryId([3; 16])), deed }
    }

    // OPS-4, AUD-1: what a release wrote is read by every later one, and verified by those who know only the documents.
    #[test]
    fn the_trail_has_these_bytes() {
        let key = [0; 16].key(Prefix::new("ord"));
        let mut tail = Tail::begin(&key);
        tail.add(7, WriteId([2; 16]), new_entry()).expect("small");
        let entry: &[u8] = b"\x07\
            \x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\
            \xac\x02\
            \x01\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\x03\
            \x07\x24\x00\x01r\x00";
        let length = u8::try_from(entry.len()).expect("small");
        assert_eq!(tail.bytes, [&[length], entry].concat(), "{}", tail.bytes.escape_ascii());
        let first: Hash = Sha256::digest([b"vestibule/v1/audit\0".as_slice(), key.as_str().as_bytes()].concat()).into();
        let last: Hash = Sha256::digest([first.as_slice(), entry].concat()).into();
        assert_eq!(tail.head, Head { parts: 0, entries: 1, day: 0, before: first, last });
        let head = encode_body(&tail.head).expect("small");
        assert_eq!(head, [[0, 1, 0].as_slice(), &first, &last].concat());
        let part = tail.part().encode().expect("small");
        assert_eq!(part, [first.as_slice(), &last, &[length + 1, length], entry].concat());
        let former = Former { lives: vec![Life { created_unix_seconds: 300, parts: 2 }] };
        assert_eq!(former.encode().expect("small"), b"\x01\xac\x02\x02");
        assert_eq!(part_key(&key, 300, 2).as_str(), format!("aud:302:{key}"));
    }

    // AUD-1: a record's trail never endangers what a value may have.
    #[test]
    fn the_largest_trail_is_small() {
        let slug = "a".repeat(40);
        let (partner, key) = (slug.parse().expect("a slug"), u8::MAX);
        let deed = Deed { actor: Actor::Partner { partner, key }, origin: Origin::V6([255; 6]), ..new_entry().deed };
        let deed = Deed { denial: Some(shared::audit::Denial::WrongCode), request: "r".repeat(64), ..deed };
        let key = [0; 16].key(Prefix::new("ord"));
        let mut tail = Tail::begin(&key);
        while !tail.is_full() {
            let entry = NewEntry { at_unix_seconds: u64::MAX, deed: deed.clone(), ..new_entry() };
            tail.add(u64::MAX, WriteId([2; 16]), entry).expect("small");
        }
        assert!(tail.bytes.len() < 2 * PART_BYTES, "{} bytes", tail.bytes.len());
    }
}
