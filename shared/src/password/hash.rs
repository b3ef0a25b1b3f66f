//! Argon2id in the PHC string format, with the pepper as Argon2's secret.

use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
use serde::{Deserialize, Serialize};

use super::{MAX_ANSWER_CHARS, PasswordPolicy, normalised, remembered};
use crate::secret::{Entropy, Secret, same};
use crate::values::ParseError;

const SALT_BYTES: usize = 16;

/// The most that a stored hash may ask for, in KiB: a guest's memory is limited.
const MAX_MEMORY_KIB: u32 = 64 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 4;

/// The hash of random bytes that nobody kept, under a pepper that nobody kept.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$q83vEjRWeJq83vEjRWeJqw$UJm0Wm9dQm0wN1pXb0x6R2hYc0tKdFFyVnlCbmNEZkU";

/// The hash of a password, a PHC string.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PasswordHash(String);

impl PasswordHash {
    pub(super) fn of(password: &str, pepper: &Secret<[u8; 32]>, entropy: &mut dyn Entropy) -> Self {
        Self(hashed(password, pepper, entropy))
    }

    /// Whether the attempt is the password. Takes as long for a wrong one.
    #[must_use]
    pub fn verify(&self, attempt: &str, pepper: &Secret<[u8; 32]>) -> bool {
        let attempt = Secret::new(normalised(attempt, PasswordPolicy::default().max_code_points));
        verified(&self.0, attempt.expose(), pepper)
    }

    /// A hash that no password has: verifying against it lets an unknown user cost as much as a known one (SIG-1).
    pub fn decoy() -> Self {
        Self(DECOY.to_owned())
    }
}

/// The hash of a security answer, a PHC string.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct AnswerHash(String);

impl AnswerHash {
    pub(super) fn of(answer: &str, pepper: &Secret<[u8; 32]>, entropy: &mut dyn Entropy) -> Self {
        Self(hashed(answer, pepper, entropy))
    }

    /// Whether the attempt is the answer, however it is capitalised and spaced.
    #[must_use]
    pub fn verify(&self, attempt: &str, pepper: &Secret<[u8; 32]>) -> bool {
        let attempt = Secret::new(remembered(attempt));
        attempt.expose().chars().count() <= MAX_ANSWER_CHARS && verified(&self.0, attempt.expose(), pepper)
    }
}

macro_rules! kept_hash {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = ParseError;

            fn try_from(stored: String) -> Result<Self, ParseError> {
                if shaped(&stored) { Ok(Self(stored)) } else { Err(invalid()) }
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                same(self.0.as_bytes(), other.0.as_bytes())
            }
        }

        impl Eq for $name {}

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+};
}

kept_hash!(PasswordHash, AnswerHash);

fn argon2(pepper: &Secret<[u8; 32]>) -> Argon2<'_> {
    Argon2::new_with_secret(pepper.expose(), Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
        .expect("a pepper of 32 bytes is far below Argon2's limit")
}

/// What hashes: Argon2 itself, in every component and in the tests below.
#[cfg(any(test, not(feature = "testing")))]
fn hasher(pepper: &Secret<[u8; 32]>) -> Argon2<'_> {
    argon2(pepper)
}

/// What hashes in the proofs: the same, once for each question.
#[cfg(all(feature = "testing", not(test)))]
fn hasher(pepper: &Secret<[u8; 32]>) -> super::memo::Remembering<'_> {
    super::memo::Remembering { argon2: argon2(pepper), pepper: pepper.expose() }
}

fn hashed(text: &str, pepper: &Secret<[u8; 32]>, entropy: &mut dyn Entropy) -> String {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    hasher(pepper)
        .hash_password_with_salt(text.as_bytes(), &salt)
        .expect("fixed parameters, a salt of 16 bytes and a text of bounded length are always accepted")
        .to_string()
}

fn verified(kept: &str, attempt: &str, pepper: &Secret<[u8; 32]>) -> bool {
    checked(kept).is_ok_and(|hash| hasher(pepper).verify_password(attempt.as_bytes(), &hash).is_ok())
}

/// What every hash of ours begins with.
const SCHEME: &str = "$argon2id$v=19$";
const MAX_CHARS: usize = 200;

/// Whether a stored text can be one of our hashes: all that those who merely carry it need to know.
fn shaped(stored: &str) -> bool {
    stored.len() <= MAX_CHARS && stored.starts_with(SCHEME) && stored.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A stored hash is parsed before it is used: Argon2id at least as strong as today's, and no stronger than we can run.
fn checked(text: &str) -> Result<phc::PasswordHash, ParseError> {
    let hash = phc::PasswordHash::new(text).map_err(|_| invalid())?;
    let params = Params::try_from(&hash).map_err(|_| invalid())?;
    let strong = hash.algorithm == argon2::ARGON2ID_IDENT
        && hash.version == Some(Version::V0x13.into())
        && (Params::DEFAULT_M_COST..=MAX_MEMORY_KIB).contains(&params.m_cost())
        && (Params::DEFAULT_T_COST..=MAX_PASSES).contains(&params.t_cost())
        && (Params::DEFAULT_P_COST..=MAX_LANES).contains(&params.p_cost())
        && hash.salt.is_some()
        && hash.hash.is_some();
    if strong { Ok(hash) } else { Err(invalid()) }
}

fn invalid() -> ParseError {
    ParseError::new("hash-invalid", "Reset the password: its stored form cannot be read.")
}

#[cfg(test)]
mod tests {
    use super::super::{NewPassword, SecurityAnswer};
    use super::*;
    use crate::secret::testing::Seeded;

    fn pepper(byte: u8) -> Secret<[u8; 32]> {
        Secret::new([byte; 32])
    }

    fn password(raw: &str) -> NewPassword {
        NewPassword::parse(raw, &PasswordPolicy::default(), &crate::testing::no_blocklist(), &[])
            .expect("an acceptable password")
    }

    #[test]
    fn act_1_a_password_verifies_with_its_pepper_only() {
        // ACT-1
        let hash = password("tent cla\u{301}y ride moss").hash(&pepper(1), &mut Seeded(1));
        assert!(hash.verify("tent cláy ride moss", &pepper(1)), "NFC on both sides");
        assert!(!hash.verify("tent cláy ride moss", &pepper(2)), "another pepper");
        for wrong in [
            "",
            "tent clay ride moss",
            "Tent cláy ride moss",
            "tent cláy ride moss ",
            &"tent cláy ride moss".repeat(1_000),
        ] {
            assert!(!hash.verify(wrong, &pepper(1)), "{wrong}");
        }
    }

    #[test]
    fn act_1_argon2id_of_19_mib_with_a_fresh_salt() {
        // ACT-1
        let (one, other) = (
            password("tent clay ride moss").hash(&pepper(1), &mut Seeded(1)),
            password("tent clay ride moss").hash(&pepper(1), &mut Seeded(2)),
        );
        assert!(one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", one.0);
        assert_ne!(one, other);
        let stored = postcard::to_allocvec(&one).expect("text");
        assert_eq!(postcard::from_bytes::<PasswordHash>(&stored), Ok(one));
    }

    #[test]
    fn act_1_nothing_is_cut_off_a_long_password() {
        // ACT-1: the last of 128 code points counts.
        let long: String = "zq7 vbw9 xk3 mdp1 🦀".chars().cycle().take(128).collect();
        let hash = password(&long).hash(&pepper(1), &mut Seeded(1));
        let all_but_last: String = long.chars().take(127).collect();
        assert!(hash.verify(&long, &pepper(1)));
        assert!(!hash.verify(&all_but_last, &pepper(1)));
        assert!(!hash.verify(&format!("{long}x"), &pepper(1)));
    }

    #[test]
    fn sig_1_the_decoy_costs_the_same_and_matches_nothing() {
        // SIG-1: unknown user and wrong password take one path with one cost.
        let decoy = PasswordHash::decoy();
        let params = |text: &str| Params::try_from(&checked(text).expect("a valid hash")).expect("its parameters");
        let real = password("tent clay ride moss").hash(&pepper(1), &mut Seeded(1));
        assert_eq!(params(&decoy.0), params(&real.0));
        for attempt in ["", "password", "tent clay ride moss"] {
            assert!(!decoy.verify(attempt, &pepper(1)));
        }
    }

    #[test]
    fn act_2_an_answer_verifies_however_it_is_written() {
        // ACT-2
        let hash = SecurityAnswer::parse("Saint Mary's").expect("an answer").hash(&pepper(1), &mut Seeded(1));
        assert!(hash.verify("  saint   MARY'S ", &pepper(1)));
        for wrong in ["", "saint marys", "saintmary's", &"saint mary's ".repeat(20)] {
            assert!(!hash.verify(wrong, &pepper(1)), "{wrong}");
        }
        assert!(!hash.verify("Saint Mary's", &pepper(2)));
        let stored = postcard::to_allocvec(&hash).expect("text");
        assert_eq!(postcard::from_bytes::<AnswerHash>(&stored), Ok(hash));
    }

    #[test]
    fn a_stored_hash_is_parsed_before_it_is_used() {
        let stored = |text: &str| postcard::from_bytes::<PasswordHash>(&postcard::to_allocvec(text).expect("text"));
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("argon2id", "argon2d"),
            ("argon2id", "scrypt"),
            ("v=19", "v=16"),
            ("$argon2id", "argon2id"),
            ("m=19456", "m=19 456"),
        ] {
            assert!(stored(&DECOY.replacen(from, to, 1)).is_err(), "{to} cannot be read");
        }
        let password = "tent clay ride moss";
        let hash = self::password(password).hash(&pepper(1), &mut Seeded(1));
        assert!(stored(&hash.0).is_ok_and(|hash| hash.verify(password, &pepper(1))));
        for (from, to) in
            [("m=19456", "m=19455"), ("m=19456", "m=65537"), ("t=2", "t=1"), ("t=2", "t=11"), ("p=1", "p=5")]
        {
            let changed = hash.0.replacen(from, to, 1);
            assert!(checked(&changed).is_err(), "{to} is not one of ours");
            assert!(stored(&changed).is_ok_and(|hash| !hash.verify(password, &pepper(1))), "{to} matches nothing");
        }
        let without_hash = hash.0.rsplit_once('$').expect("five parts").0;
        assert!(stored(without_hash).is_ok_and(|hash| !hash.verify(password, &pepper(1))));
        assert!(AnswerHash::try_from(String::new()).is_err());
        assert!(checked(&DECOY.replacen("m=19456,t=2,p=1", "m=65536,t=10,p=4", 1)).is_ok());
    }
}
