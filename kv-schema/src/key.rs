//! Keys: what a record is stored under, in the characters that every backend takes.
//!
//! Cosmos DB refuses `/ \ ? #` and its adapter quotes keys into SQL; Redis shares one key space between labels. So a key
//! is `[a-z0-9:._-]`, at most [`Key::BYTES_MAX`] bytes, begins with its record's [`Prefix`], and cannot be made outside
//! this crate. `:` separates parts and occurs inside none, hence two different records never share a key.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// A store key. Holds no personal data in clear: what is looked up by an e-mail address is named by its HMAC.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// The longest key, in bytes; the narrowest backend takes 255.
    pub const BYTES_MAX: usize = 200;

    /// `prefix:` and 16 bytes as 26 characters of lower-case base32.
    pub(crate) fn of_id(prefix: Prefix, id: &[u8; 16]) -> Self {
        let id = base32::encode(base32::Alphabet::Rfc4648Lower { padding: false }, id);
        Self(format!("{prefix}:{id}"))
    }

    /// The prefix and the 16 bytes of a key made from an id; `None` for every other key.
    pub(crate) fn id(&self) -> Option<(&str, [u8; 16])> {
        Self::id_of_text(&self.0)
    }

    /// The prefix and the 16 bytes that a key made from an id would have, if its text were this.
    pub(crate) fn id_of_text(text: &str) -> Option<(&str, [u8; 16])> {
        let (prefix, id) = text.split_once(':')?;
        let id = base32::decode(base32::Alphabet::Rfc4648Lower { padding: false }, id)?;
        Some((prefix, id.try_into().ok()?))
    }

    /// `prefix:name`.
    pub(crate) fn of_name(prefix: Prefix, name: &Name) -> Self {
        Self(format!("{prefix}:{name}"))
    }

    /// `self:number`.
    pub(crate) fn numbered(&self, number: u64) -> Self {
        Self(format!("{self}:{number}"))
    }

    /// `prefix:number:self`: a key that belongs to another key.
    pub(crate) fn beside(&self, prefix: Prefix, number: u64) -> Self {
        Self(format!("{prefix}:{number}:{self}"))
    }

    /// A key that was found in a model's store.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn of_stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text that the store is given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    /// Only the prefix: a record's id can be half of somebody's token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}:..)", self.0.split(':').next().unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let allowed = |byte: u8| part_byte(byte) || byte == b':';
        if text.is_empty() || text.len() > Self::BYTES_MAX || !text.bytes().all(allowed) {
            return Err(D::Error::custom("not a key of this schema"));
        }
        Ok(Self(text))
    }
}

/// The first part of a key: one for each kind of record. Checked when the program is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(&'static str);

impl Prefix {
    const BYTES_MAX: usize = 8;

    /// For constants only: text that is not 1 to 8 of `[a-z0-9._-]` does not compile there.
    pub(crate) const fn new(text: &'static str) -> Self {
        assert!(is_part(text.as_bytes(), Self::BYTES_MAX), "a prefix is 1 to 8 of [a-z0-9._-]");
        Self(text)
    }

    /// The prefix itself, without the colon.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A readable part of a key, such as a list's name: 1 to 100 of `[a-z0-9._-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Cow<'static, str>);

impl Name {
    const BYTES_MAX: usize = 100;

    /// For constants only: a bad name does not compile there.
    ///
    /// # Panics
    /// Outside a constant, when [`Name::parse`] would refuse the text.
    pub const fn new(text: &'static str) -> Self {
        assert!(is_part(text.as_bytes(), Self::BYTES_MAX), "a name is 1 to 100 of [a-z0-9._-]");
        Self(Cow::Borrowed(text))
    }

    /// A name from parts that are known at run time, such as a partner's slug.
    ///
    /// # Errors
    /// [`NotAName`] when it is empty, longer than 100 bytes or has a character outside `[a-z0-9._-]`.
    pub fn parse(text: impl Into<String>) -> Result<Self, NotAName> {
        let text = text.into();
        if is_part(text.as_bytes(), Self::BYTES_MAX) { Ok(Self(Cow::Owned(text))) } else { Err(NotAName) }
    }

    /// The name of the hour, or whatever else is counted.
    pub(crate) fn number(number: u64) -> Self {
        Self(Cow::Owned(number.to_string()))
    }

    /// `name.shard`. Shards are for writers that would otherwise contend; the caller reads all of them.
    pub(crate) fn shard(&self, shard: u8) -> Self {
        Self(Cow::Owned(format!("{self}.{shard}")))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot be part of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name in a key is 1 to 100 characters of a-z, 0-9, dot, underscore and hyphen")]
pub struct NotAName;

/// An id that names a record.
pub trait Keyed {
    /// The key of the record of this id.
    fn key(&self, prefix: Prefix) -> Key;
}

impl Keyed for [u8; 16] {
    fn key(&self, prefix: Prefix) -> Key {
        Key::of_id(prefix, self)
    }
}

impl Keyed for Name {
    fn key(&self, prefix: Prefix) -> Key {
        Key::of_name(prefix, self)
    }
}

/// A counter. Kept apart from records by its type and prefix: incrementing anything else panics Spin's `SQLite` host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter(pub(crate) Key);

impl Counter {
    const PREFIX: Prefix = Prefix::new("cnt");

    /// The counter of this name.
    pub fn named(name: &Name) -> Self {
        Self(Key::of_name(Self::PREFIX, name))
    }

    /// The counter that belongs to this id.
    pub(crate) fn of_id(id: &[u8; 16]) -> Self {
        Self(Key::of_id(Self::PREFIX, id))
    }
}

const fn part_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

const fn is_part(mut text: &[u8], bytes_max: usize) -> bool {
    if text.is_empty() || text.len() > bytes_max {
        return false;
    }
    while let [first, rest @ ..] = text {
        if !part_byte(*first) {
            return false;
        }
        text = rest;
    }
    true
}

// The longest key there can be: the gate (prefix, minute) of a list's page (prefix, sharded name, number).
const _: () = assert!((Prefix::BYTES_MAX + 22) + (Prefix::BYTES_MAX + 1 + Name::BYTES_MAX + 4) + 21 <= Key::BYTES_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_as_their_parts() {
        let prefix = Prefix::new("inv");
        assert_eq!([0xff; 16].key(prefix).as_str(), "inv:777777777777777777777777".to_owned() + "74");
        assert_eq!(Name::new("queue").key(prefix).numbered(7).as_str(), "inv:queue:7");
        assert_eq!(Name::new("a").shard(255).key(prefix).beside(Prefix::new("gate"), 29).as_str(), "gate:29:inv:a.255");
        assert_eq!(Counter::named(&Name::new("visits")).0.as_str(), "cnt:visits");
    }

    #[test]
    fn an_id_is_read_back_from_its_key() {
        let key = [7; 16].key(Prefix::new("inv"));
        assert_eq!(key.id(), Some(("inv", [7; 16])));
        assert_eq!(Name::new("queue").key(Prefix::new("list")).id(), None);
        assert_eq!(key.numbered(1).id(), None);
    }

    #[test]
    fn a_name_holds_nothing_that_a_backend_refuses() {
        for bad in ["", "A", "a/b", "a\\b", "a?b", "a#b", "a'b", "a b", "a:b", "ä"] {
            assert_eq!(Name::parse(bad), Err(NotAName), "{bad}");
        }
        assert!(Name::parse("a".repeat(100)).is_ok());
        assert_eq!(Name::parse("a".repeat(101)), Err(NotAName));
    }

    #[test]
    fn a_stored_key_is_parsed_not_trusted() {
        let key = Name::new("queue").key(Prefix::new("list"));
        let bytes = postcard::to_allocvec(&key).expect("a string encodes");
        assert_eq!(postcard::from_bytes::<Key>(&bytes), Ok(key));
        for bad in ["", "inv:A", "inv/1", &"a".repeat(201)] {
            let bytes = postcard::to_allocvec(bad).expect("a string encodes");
            assert!(postcard::from_bytes::<Key>(&bytes).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_does_not_print_an_id() {
        assert_eq!(format!("{:?}", [7; 16].key(Prefix::new("code"))), "Key(code:..)");
    }
}
