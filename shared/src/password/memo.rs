//! Hashes that were computed before, remembered.
//!
//! The proofs take tens of thousands of requests through the same few passwords, and would spend three quarters of their
//! time on Argon2id. A hash is a function of text, salt, pepper and parameters, so remembering it changes nothing but the
//! time; each is computed once. For the proofs alone: a component that remembered texts would keep secrets in memory, and
//! the tests of hashing itself hash.

#[cfg(target_family = "wasm")]
compile_error!("no component remembers passwords: the feature `testing` is for tests on this machine");

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use argon2::password_hash::{
    CustomizedPasswordHasher, PasswordHasher, Result,
    phc::{ParamsString, PasswordHash},
};
use argon2::{Argon2, Params};

/// Everything that a hash is a function of.
#[derive(PartialEq, Eq, Hash)]
struct Question {
    text: Vec<u8>,
    salt: Vec<u8>,
    pepper: [u8; 32],
    algorithm: Option<String>,
    version: Option<u32>,
    params: String,
    output_len: Option<usize>,
}

static KNOWN: LazyLock<Mutex<HashMap<Question, PasswordHash>>> = LazyLock::new(Mutex::default);

/// Argon2 with this pepper, which computes each hash once.
pub(super) struct Remembering<'a> {
    pub(super) argon2: Argon2<'a>,
    pub(super) pepper: &'a [u8; 32],
}

impl PasswordHasher<PasswordHash> for Remembering<'_> {
    fn hash_password_with_salt(&self, text: &[u8], salt: &[u8]) -> Result<PasswordHash> {
        self.hash_password_customized(text, salt, None, None, self.argon2.params().clone())
    }
}

impl CustomizedPasswordHasher<PasswordHash> for Remembering<'_> {
    type Params = Params;

    fn hash_password_customized(
        &self,
        text: &[u8],
        salt: &[u8],
        algorithm: Option<&str>,
        version: Option<u32>,
        params: Params,
    ) -> Result<PasswordHash> {
        let question = Question {
            text: text.to_vec(),
            salt: salt.to_vec(),
            pepper: *self.pepper,
            algorithm: algorithm.map(str::to_owned),
            version,
            params: ParamsString::try_from(&params)?.to_string(),
            output_len: params.output_len(),
        };
        let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hash) = known().get(&question) {
            return Ok(hash.clone());
        }
        let hash = self.argon2.hash_password_customized(text, salt, algorithm, version, params)?;
        known().insert(question, hash.clone());
        Ok(hash)
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::PasswordVerifier as _;
    use argon2::{Algorithm, Version};

    use super::*;

    fn peppered(pepper: &[u8; 32]) -> Remembering<'_> {
        let argon2 = Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
        Remembering { argon2: argon2.expect("32 bytes"), pepper }
    }

    #[test]
    fn what_is_remembered_is_what_would_be_computed() {
        let (text, salt) = (b"tent clay ride moss", [5; 16]);
        let one = peppered(&[1; 32]);
        let fresh = one.argon2.hash_password_with_salt(text, &salt).expect("a hash");
        for _ in 0..2 {
            let remembered = one.hash_password_with_salt(text, &salt).expect("a hash");
            assert_eq!(remembered, fresh);
            assert!(one.verify_password(text, &fresh).is_ok());
            assert!(one.verify_password(b"tent clay ride mos", &fresh).is_err());
            assert!(peppered(&[2; 32]).verify_password(text, &fresh).is_err(), "another pepper");
            let resalted = one.hash_password_with_salt(text, &[6; 16]).expect("a hash");
            assert_ne!(resalted.hash, fresh.hash, "another salt");
            let stronger = Params::new(19_456, 3, 1, None).expect("parameters");
            let stronger = one.hash_password_with_params(text, &salt, stronger).expect("a hash");
            assert_ne!(stronger.hash, fresh.hash, "other parameters");
        }
    }
}
