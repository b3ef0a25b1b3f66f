//! Licences: what leads from a licence key to the order that gave it.
//!
//! A licence's record is written before its order is committed, under a key that only its holder can name, and never
//! changes. It counts only as long as its order exists and names it: whatever becomes of it is decided in the order's
//! record ([`crate::order`]), so that a crash between the two leaves nothing that anybody could use.

use serde::{Deserialize, Serialize};

use crate::{
    secret::{IndexPurpose, Keys},
    values::{CredentialId, LicenceId, LicenceKey, OrderId, ProductId, Serial},
};

/// A licence for one unit of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// The record's id: a keyed index of the licence key, which is stored nowhere else (SHP-6).
    pub id: LicenceId,
    /// The product.
    pub product: ProductId,
    /// The order that must name it.
    pub order: OrderId,
}

/// The record of a licence key.
pub fn licence_id(key: &LicenceKey, keys: &Keys) -> LicenceId {
    LicenceId::from_bytes(keys.index(IndexPurpose::Licence, &[&key.canonical()]))
}

/// The credential that the licence grants: always the same one, so that a repeated activation meets it.
pub fn credential_id(licence: LicenceId, keys: &Keys) -> CredentialId {
    CredentialId::from_bytes(keys.index(IndexPurpose::Credential, &[licence.bytes()]))
}

/// The wish to activate a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivateLicence {
    /// SHA-256 of the service agreement that the person was shown, hexadecimal.
    pub agreement: String,
    /// Whether the service agreement was accepted.
    pub agreed: bool,
    /// The serial number of the token, which only a hardware product needs (SHP-8).
    pub serial: Option<Serial>,
}

impl Licence {
    /// The record of a licence key.
    pub fn issued(key: &LicenceKey, product: &ProductId, order: OrderId, keys: &Keys) -> Self {
        Self { id: licence_id(key, keys), product: product.clone(), order }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn shp_6_a_licence_is_found_by_its_key_and_keeps_nothing_of_it() {
        // SHP-6
        let key = LicenceKey::random(&mut Seeded(1));
        let typed: LicenceKey = read(&key.reveal().to_lowercase().replace('-', " "));
        assert_eq!(licence_id(&typed, &keys()), licence_id(&key, &keys()));
        assert_ne!(licence_id(&LicenceKey::random(&mut Seeded(2)), &keys()), licence_id(&key, &keys()));
        let licence = Licence::issued(&key, &read("cobalt-mobile-id"), OrderId::from_bytes([1; 16]), &keys());
        let shown = format!("{licence:?}");
        assert!(!shown.contains(&key.reveal()) && !shown.contains(&key.reveal().replace('-', "")));
    }
}
