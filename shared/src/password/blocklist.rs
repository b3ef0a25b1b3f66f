//! Passwords that others try first (ACT-1): a list that is too long to be carried about, as a filter.
//!
//! The filter is made when the project is built and mounted into the components that need it. It is a binary fuse filter
//! (Graf and Lemire, 2022) with fingerprints of 16 bits: it knows every entry, and takes one password in 65,536 that is
//! none for one, once for each of the at most [`MAX_QUESTIONS`] forms in which a password is looked up. Such a password is
//! refused without need, and its owner chooses another one.

use sha2::{Digest as _, Sha256};
use xorf::{BinaryFuse16, Descriptor, Filter as _};

use super::pattern;
use crate::values::{ParseError, unicode::nfc};

/// What a filter's file begins with; the last two characters are the version of its form.
const MAGIC: &[u8; 8] = b"vstblk01";
/// The longest segment that the filter's construction makes.
const SEGMENT_MAX: u32 = 262_144;
/// A word shorter than this, in code points, is not looked for inside what digits surround: too many passwords have one.
const MIN_CORE: usize = 4;
/// How often one password asks the filter at most.
pub const MAX_QUESTIONS: usize = 4;

/// The passwords that a deployment refuses.
#[derive(Debug, Clone)]
pub struct Blocklist(BinaryFuse16);

impl Blocklist {
    /// The filter of these passwords and words. Case, spaces and punctuation do not count; empty entries are left out.
    ///
    /// # Errors
    /// When the filter cannot be built, which with distinct entries does not happen in practice.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, ParseError> {
        let reduced = entries.into_iter().map(|entry| plain(&lower(entry))).filter(|entry| !entry.is_empty());
        let mut keys: Vec<u64> = reduced.map(|entry| key(&entry)).collect();
        keys.sort_unstable();
        keys.dedup();
        BinaryFuse16::try_from(keys).map(Self).map_err(|_| invalid("it cannot be built from this list"))
    }

    /// The filter as [`Blocklist::encode`] gave it.
    ///
    /// # Errors
    /// When the bytes are not those of a filter of this form, whole and consistent.
    pub fn decode(bytes: &[u8]) -> Result<Self, ParseError> {
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or_else(|| invalid("it is cut off"))?;
        if magic != MAGIC {
            return Err(invalid("it is no blocklist of this version; run cargo xtask blocklist"));
        }
        let (seed, rest) = rest.split_first_chunk::<8>().ok_or_else(|| invalid("it is cut off"))?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(|| invalid("it is cut off"))?;
        let (total, rest) = rest.split_first_chunk::<4>().ok_or_else(|| invalid("it is cut off"))?;
        let (segment_length, segment_count_length) = (u32::from_le_bytes(*length), u32::from_le_bytes(*total));
        let (fingerprints, odd) = rest.as_chunks::<2>();
        // A key's places are one in the first part and one in each of the two segments behind it. Only with these lengths
        // do they all exist.
        let expected = u64::from(segment_count_length) + 2 * u64::from(segment_length);
        let consistent = segment_length.is_power_of_two()
            && segment_length <= SEGMENT_MAX
            && segment_count_length.is_multiple_of(segment_length)
            && u64::try_from(fingerprints.len()) == Ok(expected)
            && odd.is_empty();
        if !consistent {
            return Err(invalid("it is damaged"));
        }
        let descriptor = Descriptor {
            seed: u64::from_le_bytes(*seed),
            segment_length,
            segment_length_mask: segment_length.saturating_sub(1),
            segment_count_length,
        };
        Ok(Self(BinaryFuse16 {
            descriptor,
            fingerprints: fingerprints.iter().map(|two| u16::from_le_bytes(*two)).collect(),
        }))
    }

    /// The filter as a file: little-endian, 24 bytes and two for each place.
    pub fn encode(&self) -> Vec<u8> {
        let Descriptor { seed, segment_length, segment_count_length, .. } = self.0.descriptor;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(seed.to_le_bytes());
        bytes.extend(segment_length.to_le_bytes());
        bytes.extend(segment_count_length.to_le_bytes());
        bytes.extend(self.0.fingerprints.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()));
        bytes
    }

    /// Whether a password, reduced to lower-case letters and digits, is on the list: as it is, without the digits around
    /// it, or as what it repeats.
    pub(super) fn lists(&self, plain: &str) -> bool {
        let core = plain.trim_matches(|c: char| c.is_ascii_digit());
        let mut forms = vec![plain.to_owned()];
        if core.chars().count() >= MIN_CORE && core.len() < plain.len() {
            forms.push(core.to_owned());
        }
        forms.extend([plain, core].into_iter().filter_map(pattern::unit));
        debug_assert!(forms.len() <= MAX_QUESTIONS);
        forms.iter().any(|form| !form.is_empty() && self.0.contains(&key(form)))
    }
}

/// NFC, in lower case.
pub(super) fn lower(text: &str) -> String {
    nfc(text.chars()).collect::<String>().to_lowercase()
}

/// Letters and digits only.
pub(super) fn plain(lower: &str) -> String {
    lower.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The list is public, so its hash needs no key.
fn key(reduced: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(reduced.as_bytes()).into();
    let first = digest.first_chunk::<8>().expect("a digest has 32 bytes");
    u64::from_le_bytes(*first)
}

fn invalid(reason: &str) -> ParseError {
    ParseError::new("blocklist-invalid", format!("The blocklist cannot be used: {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORDS: [&str; 6] =
        ["password", "Dragon", "correct horse battery staple", "l'été", "letmein", "internationalism"];

    fn blocklist() -> Blocklist {
        Blocklist::of(WORDS).expect("a filter")
    }

    #[test]
    fn act_1_the_list_is_met_however_it_is_dressed_up() {
        // ACT-1
        for bad in [
            "password",
            "dragon",
            "correcthorsebatterystaple",
            "lété",
            "password2031",
            "111password",
            "passwordpassword",
            "passwordpasswordpass",
            "dragondragondragon99",
            "internationalism",
        ] {
            assert!(blocklist().lists(bad), "{bad}");
        }
    }

    #[test]
    fn act_1_what_only_contains_a_listed_word_is_not_listed() {
        // ACT-1: whole passwords are compared, or every passphrase would be refused.
        for good in ["", "9471853022691", "mypasswordisalongriver", "monkeydragonlagoon", "dragons", "drag0n"] {
            assert!(!blocklist().lists(good), "{good}");
        }
        let short = Blocklist::of(["the"]).expect("a filter");
        assert!(!short.lists("the94718530226917"), "three letters among random digits are no word");
    }

    #[test]
    fn act_1_a_filter_survives_its_file_and_a_damaged_one_is_refused() {
        // ACT-1
        let bytes = blocklist().encode();
        let read = Blocklist::decode(&bytes).expect("its own bytes");
        assert!(WORDS.iter().all(|word| read.lists(&plain(&lower(word)))));
        assert_eq!(read.encode(), bytes);
        for length in 0..bytes.len() {
            assert!(Blocklist::decode(bytes.get(..length).expect("shorter")).is_err(), "cut to {length}");
        }
        assert!(Blocklist::decode(&[bytes.clone(), vec![0, 0]].concat()).is_err(), "lengthened");
        for at in (0..8).chain(16..24) {
            let mut changed = bytes.clone();
            *changed.get_mut(at).expect("within") ^= 1;
            assert!(Blocklist::decode(&changed).is_err(), "byte {at}");
        }
        assert!(Blocklist::of([]).is_ok_and(|empty| Blocklist::decode(&empty.encode()).is_ok()));
    }

    #[test]
    fn act_1_one_password_in_65536_is_refused_for_nothing() {
        // ACT-1: the rate that is promised to people, with the room that chance needs.
        let words: Vec<String> = (0..20_000).map(|n| format!("word{n}")).collect();
        let filter = Blocklist::of(words.iter().map(String::as_str)).expect("a filter");
        assert!(words.iter().all(|word| filter.0.contains(&key(word))));
        let found = (0..1_000_000_u32).filter(|n| filter.0.contains(&key(&format!("none{n}")))).count();
        assert!(found < 40, "{found} of a million, 15 expected");
    }

    proptest! {
        #[test]
        fn no_bytes_and_no_text_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,140}") {
            let _ = Blocklist::decode(&[MAGIC.as_slice(), &bytes].concat());
            let _ = blocklist().lists(&plain(&lower(&text)));
        }
    }
}
