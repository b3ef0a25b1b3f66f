//! One root secret, a key of its own for every purpose (HKDF-SHA-256, RFC 5869).
//!
//! Rotation: put the new root in place and keep the old one as the previous root. From then on everything is sealed
//! and authenticated with the new root, and what the old root sealed still opens. What must stay the same for as
//! long as there are records - indexes, pairwise subjects, the password pepper, operators' authenticator seeds -
//! comes from the *oldest* root given: the previous one if there is one. So the previous root may only be taken
//! away together with the records.
//!
//! What was derived is remembered: deriving a key and beginning an HMAC with it costs four times what using it does.

use std::sync::OnceLock;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Entropy, NotOpened, Sealed, Secret, same};
use crate::values::{OperatorId, ParseError};

const MIN_ROOT_BYTES: usize = 32;

macro_rules! purposes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            const COUNT: usize = [$(Self::$variant),+].len();

            const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("vestibule/v1/", $label),)+
                }
            }
        }
    };
}

purposes! {
    /// What an index is for. The same parts give unrelated indexes for different purposes.
    IndexPurpose {
        /// Application and e-mail address of an invitation.
        InvitationSlot = "index/invitation-slot",
        /// One invitation of a slot.
        Invitation = "index/invitation",
        /// Partner and `Idempotency-Key`.
        Idempotency = "index/idempotency",
        /// Partner and class of routes.
        Meter = "index/meter",
        /// E-mail address or User ID of a login.
        Login = "index/login",
        /// Promo code, batch of them, or customer of one.
        Promo = "index/promo",
        /// Licence key.
        Licence = "index/licence",
        /// Partner and the webstore's order number, or a checkout form.
        Order = "index/order",
        /// A checkout form: the secret part of the link to its order.
        Confirmation = "index/confirmation",
        /// The part of an order's id that follows from its reference.
        Reference = "index/reference",
        /// Serial number of a hardware token.
        Serial = "index/serial",
        /// Invitation and generation, or a registration form.
        Registration = "index/registration",
        /// Registration of an organisation.
        Organisation = "index/organisation",
        /// What an account is made from.
        Account = "index/account",
        /// What a credential is made from.
        Credential = "index/credential",
        /// Operator.
        Operator = "index/operator",
        /// Cause of a message.
        Message = "index/message",
        /// What organisations that could be the same have in common: name, mail domain or registration number.
        Alike = "index/alike",
        /// Application, e-mail address and day of a mailbox that is to be confirmed.
        Mailbox = "index/mailbox",
        /// Partner and the effect that causes a webhook.
        Delivery = "index/delivery",
        /// Partner and address of an endpoint.
        Endpoint = "index/endpoint",
        /// Account and partner: the subject that only this partner sees.
        Pairwise = "index/pairwise",
        /// The deployment's one-time secret for the first operator.
        Bootstrap = "index/bootstrap",
    }
}

purposes! {
    /// What a sealed value is for. It opens for the same purpose only.
    SealPurpose {
        /// The session cookie.
        Session = "seal/session",
        /// A form filled in over several pages.
        Draft = "seal/draft",
        /// Access terms accepted for one launch.
        LaunchTerms = "seal/launch-terms",
        /// A message that waits for delivery.
        Message = "seal/message",
        /// An authenticator's seed.
        TotpSeed = "seal/totp-seed",
        /// A licence key on its way to its owner.
        LicenceKey = "seal/licence-key",
        /// Where a list continues.
        Cursor = "seal/cursor",
        /// What was just done, for the page that is shown next.
        Notice = "seal/notice",
        /// A link that a browser has opened.
        Link = "seal/link",
        /// What a request was answered, for its repetitions.
        Answer = "seal/answer",
        /// What the promo codes of a batch are made from.
        PromoSeed = "seal/promo-seed",
    }
}

purposes! {
    /// What an authentication code is for.
    MacPurpose {
        /// The field that proves that a form came from our page.
        Csrf = "mac/csrf",
        /// One component's word to another that a record's effects are to be carried out.
        Effects = "mac/effects",
        /// A captcha's challenge.
        Captcha = "mac/captcha",
        /// A code that was sent to a phone.
        PhoneCode = "mac/phone-code",
    }
}

/// Every key of the deployment, derived on demand from its root secret.
#[derive(Debug)]
pub struct Keys {
    current: Root,
    previous: Option<Root>,
}

impl Keys {
    /// Keys from the current root secret and, during rotation, the previous one; each at least 32 bytes.
    ///
    /// # Errors
    /// A root that is too short, or twice the same.
    pub fn new(root: &[u8], previous: Option<&[u8]>) -> Result<Self, ParseError> {
        if previous.is_some_and(|previous| same(previous, root)) {
            return Err(ParseError::new(
                "root-secret-repeated",
                "The previous root secret is the current one; leave it out until the root is rotated.",
            ));
        }
        Ok(Self { current: Root::new(root)?, previous: previous.map(Root::new).transpose()? })
    }

    /// A name for the parts that only these keys give: HMAC-SHA-256 cut to 128 bits. Each part's length is bound,
    /// so moving a character from one part to the next gives another name. Survives one rotation of the root.
    pub fn index(&self, purpose: IndexPurpose, parts: &[&[u8]]) -> [u8; 16] {
        let root = self.oldest();
        let mac = root.mac(root.indexes.get(purpose as usize), purpose.label(), parts);
        let [first, _] = halves(mac.finalize().into_bytes().into());
        first
    }

    /// Encrypts for this purpose. `aad` says where the value belongs (the record's key) and is needed to open it.
    pub fn seal(&self, purpose: SealPurpose, aad: &[u8], plain: &[u8], entropy: &mut dyn Entropy) -> Sealed {
        let root = &self.current;
        Sealed::seal(&root.seal_key(purpose), root.generation, aad, plain, entropy)
    }

    /// Decrypts what the current or the previous root sealed for this purpose and place.
    ///
    /// # Errors
    /// Another purpose or place, other keys, or a changed value; which of them stays unsaid.
    pub fn open(&self, purpose: SealPurpose, aad: &[u8], sealed: &Sealed) -> Result<Vec<u8>, NotOpened> {
        core::iter::once(&self.current)
            .chain(&self.previous)
            .filter(|root| sealed.generation() == Some(root.generation))
            .find_map(|root| sealed.open(&root.seal_key(purpose), aad).ok())
            .ok_or(NotOpened)
    }

    /// HMAC-SHA-256 over the parts, each with its length, as base64url.
    pub fn mac(&self, purpose: MacPurpose, parts: &[&[u8]]) -> String {
        Base64UrlUnpadded::encode_string(&self.current.code(purpose, parts).finalize().into_bytes())
    }

    /// Whether `candidate` is [`Keys::mac`] of the parts, under the current or the previous root, in constant time.
    #[must_use]
    pub fn mac_matches(&self, purpose: MacPurpose, parts: &[&[u8]], candidate: &str) -> bool {
        let Ok(candidate) = Base64UrlUnpadded::decode_vec(candidate) else {
            return false;
        };
        let matches = |root: &Root| root.code(purpose, parts).verify_slice(&candidate).is_ok();
        matches(&self.current) || self.previous.as_ref().is_some_and(matches)
    }

    /// What is mixed into every password hash and never stored beside one. Survives one rotation of the root.
    pub fn pepper(&self) -> Secret<[u8; 32]> {
        Secret::new(*self.oldest().key("vestibule/v1/pepper"))
    }

    /// The seed of the key that signs ID tokens (ES256).
    pub fn signing_key_seed(&self) -> Secret<[u8; 32]> {
        Secret::new(*self.current.key("vestibule/v1/signing-key"))
    }

    /// The authenticator seed of an operator: 20 bytes. Survives one rotation of the root.
    pub fn operator_totp_seed(&self, operator: &OperatorId) -> Secret<Vec<u8>> {
        let key = self.oldest().key(&format!("vestibule/v1/operator-totp/{operator}"));
        Secret::new(key.iter().copied().take(20).collect())
    }

    fn oldest(&self) -> &Root {
        self.previous.as_ref().unwrap_or(&self.current)
    }
}

/// One root secret, extracted (RFC 5869 2.2). The extracted key is kept as what HMAC makes of it, so that deriving a key
/// takes two compressions of SHA-256 instead of four.
struct Root {
    extracted: Hkdf<Sha256>,
    /// Tells the roots apart in what they sealed; says nothing about them.
    generation: u8,
    indexes: [OnceLock<Hmac<Sha256>>; IndexPurpose::COUNT],
    codes: [OnceLock<Hmac<Sha256>>; MacPurpose::COUNT],
    seals: [OnceLock<Zeroizing<[u8; 32]>>; SealPurpose::COUNT],
}

impl Root {
    fn new(root: &[u8]) -> Result<Self, ParseError> {
        if root.len() < MIN_ROOT_BYTES {
            return Err(ParseError::new(
                "root-secret-too-short",
                format!("A root secret needs at least {MIN_ROOT_BYTES} random bytes; generate a new one."),
            ));
        }
        let mut root = Self {
            extracted: Hkdf::new(Some(b"vestibule/v1"), root),
            generation: 0,
            indexes: [const { OnceLock::new() }; IndexPurpose::COUNT],
            codes: [const { OnceLock::new() }; MacPurpose::COUNT],
            seals: [const { OnceLock::new() }; SealPurpose::COUNT],
        };
        let [generation, ..] = *root.key("vestibule/v1/generation");
        root.generation = generation;
        Ok(root)
    }

    fn key(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.extracted.expand(label.as_bytes(), key.as_mut_slice()).expect("32 bytes are less than 255 blocks");
        key
    }

    fn seal_key(&self, purpose: SealPurpose) -> Zeroizing<[u8; 32]> {
        remembered(self.seals.get(purpose as usize), || self.key(purpose.label()))
    }

    fn code(&self, purpose: MacPurpose, parts: &[&[u8]]) -> Hmac<Sha256> {
        self.mac(self.codes.get(purpose as usize), purpose.label(), parts)
    }

    fn mac(&self, place: Option<&OnceLock<Hmac<Sha256>>>, label: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let keyed = || Hmac::new_from_slice(self.key(label).as_slice()).expect("HMAC takes keys of any length");
        let mut mac = remembered(place, keyed);
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl core::fmt::Debug for Root {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Root(..)")
    }
}

fn remembered<T: Clone>(place: Option<&OnceLock<T>>, make: impl FnOnce() -> T) -> T {
    match place {
        Some(place) => place.get_or_init(make).clone(),
        None => make(),
    }
}

fn halves(bytes: [u8; 32]) -> [[u8; 16]; 2] {
    let mut halves = [[0; 16]; 2];
    halves.as_flattened_mut().copy_from_slice(&bytes);
    halves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::testing::Seeded;
    use proptest::prelude::*;

    const SEALS: [SealPurpose; 11] = [
        SealPurpose::Session,
        SealPurpose::Draft,
        SealPurpose::LaunchTerms,
        SealPurpose::Message,
        SealPurpose::TotpSeed,
        SealPurpose::LicenceKey,
        SealPurpose::Cursor,
        SealPurpose::Notice,
        SealPurpose::Link,
        SealPurpose::Answer,
        SealPurpose::PromoSeed,
    ];

    const INDEXES: [IndexPurpose; 23] = [
        IndexPurpose::Reference,
        IndexPurpose::Serial,
        IndexPurpose::InvitationSlot,
        IndexPurpose::Invitation,
        IndexPurpose::Idempotency,
        IndexPurpose::Meter,
        IndexPurpose::Login,
        IndexPurpose::Promo,
        IndexPurpose::Licence,
        IndexPurpose::Order,
        IndexPurpose::Confirmation,
        IndexPurpose::Registration,
        IndexPurpose::Organisation,
        IndexPurpose::Account,
        IndexPurpose::Credential,
        IndexPurpose::Operator,
        IndexPurpose::Message,
        IndexPurpose::Alike,
        IndexPurpose::Mailbox,
        IndexPurpose::Delivery,
        IndexPurpose::Endpoint,
        IndexPurpose::Pairwise,
        IndexPurpose::Bootstrap,
    ];

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];
    const NEWER: [u8; 32] = [3; 32];

    fn keys(root: &[u8], previous: Option<&[u8]>) -> Keys {
        Keys::new(root, previous).expect("roots of 32 bytes")
    }

    #[test]
    fn a_root_has_at_least_32_bytes_and_differs_from_the_previous_one() {
        assert!(Keys::new(&[1; 31], None).is_err());
        assert!(Keys::new(&OLD, Some(&[2; 31])).is_err());
        assert!(Keys::new(&OLD, Some(&OLD)).is_err());
        assert!(Keys::new(&OLD, Some(&NEW)).is_ok());
        assert!(Keys::new(&[1; 100], None).is_ok());
    }

    #[test]
    fn crd_6_a_sealed_value_opens_for_its_purpose_and_record_only() {
        // CRD-6
        let keys = keys(&OLD, None);
        for sealed_for in SEALS {
            let sealed = keys.seal(sealed_for, b"cred:1", b"seed", &mut Seeded(1));
            for asked in SEALS {
                let opened = keys.open(asked, b"cred:1", &sealed);
                assert_eq!(opened.is_ok(), sealed_for == asked, "{sealed_for:?} {asked:?}");
            }
            for elsewhere in [b"cred:2".as_slice(), b"cred:", b"", b"cred:1\0"] {
                assert_eq!(keys.open(sealed_for, elsewhere, &sealed), Err(NotOpened));
            }
        }
    }

    #[test]
    fn crd_6_no_bit_of_a_sealed_value_can_be_changed() {
        // CRD-6
        let keys = keys(&OLD, Some(&NEW));
        let sealed = keys.seal(SealPurpose::TotpSeed, b"aad", b"seed", &mut Seeded(1));
        let bytes = postcard::to_allocvec(&sealed).expect("bytes");
        // The first byte of the record's form is the length.
        for bit in 8..bytes.len() * 8 {
            let mut changed = bytes.clone();
            *changed.get_mut(bit / 8).expect("within") ^= 1 << (bit % 8);
            let changed: Sealed = postcard::from_bytes(&changed).expect("still of a possible length");
            assert_eq!(keys.open(SealPurpose::TotpSeed, b"aad", &changed), Err(NotOpened), "bit {bit}");
        }
    }

    #[test]
    fn a_rotated_root_opens_what_the_previous_one_sealed_once() {
        let before = keys(&OLD, None);
        let during = keys(&NEW, Some(&OLD));
        let after = keys(&NEW, None);
        let later = keys(&NEWER, Some(&NEW));
        let old = before.seal(SealPurpose::Message, b"m", b"text", &mut Seeded(1));
        let new = during.seal(SealPurpose::Message, b"m", b"text", &mut Seeded(2));
        let opens = |keys: &Keys, sealed: &Sealed| keys.open(SealPurpose::Message, b"m", sealed).is_ok();
        assert_eq!([&before, &during, &after, &later].map(|keys| opens(keys, &old)), [true, true, false, false]);
        assert_eq!([&before, &during, &after, &later].map(|keys| opens(keys, &new)), [false, true, true, true]);
    }

    #[test]
    fn roots_of_one_generation_byte_are_told_apart_by_trying_both() {
        let wanted = keys(&OLD, None).current.generation;
        let twin = (0..100_000_u64)
            .map(|n| [NEW.as_slice(), &n.to_be_bytes()].concat())
            .find(|root| keys(root, None).current.generation == wanted)
            .expect("one root in 256");
        let sealed = keys(&OLD, None).seal(SealPurpose::Draft, b"", b"old", &mut Seeded(1));
        assert_eq!(keys(&twin, Some(&OLD)).open(SealPurpose::Draft, b"", &sealed).as_deref(), Ok(b"old".as_slice()));
        assert_eq!(keys(&twin, None).open(SealPurpose::Draft, b"", &sealed), Err(NotOpened));
    }

    #[test]
    fn what_records_depend_on_survives_rotation() {
        let (before, during, after) = (keys(&OLD, None), keys(&NEW, Some(&OLD)), keys(&NEW, None));
        let operator: OperatorId = "registrar".parse().expect("a slug");
        for purpose in INDEXES {
            assert_eq!(before.index(purpose, &[b"x"]), during.index(purpose, &[b"x"]));
            assert_ne!(before.index(purpose, &[b"x"]), after.index(purpose, &[b"x"]));
        }
        assert_eq!(before.pepper().expose(), during.pepper().expose());
        assert_eq!(before.operator_totp_seed(&operator).expose(), during.operator_totp_seed(&operator).expose());
        assert_ne!(before.signing_key_seed().expose(), during.signing_key_seed().expose());
        assert_eq!(during.signing_key_seed().expose(), after.signing_key_seed().expose());
    }

    #[test]
    fn every_key_has_a_purpose_of_its_own() {
        let root = keys(&OLD, None).current;
        let labels = SEALS.map(SealPurpose::label).into_iter().chain(INDEXES.map(IndexPurpose::label)).chain([
            MacPurpose::Csrf.label(),
            MacPurpose::Effects.label(),
            MacPurpose::PhoneCode.label(),
            MacPurpose::Captcha.label(),
            "vestibule/v1/pepper",
            "vestibule/v1/signing-key",
            "vestibule/v1/generation",
            "vestibule/v1/operator-totp/registrar",
            "vestibule/v1/operator-totp/auditor",
        ]);
        let mut all: Vec<[u8; 32]> = labels.map(|label| *root.key(label)).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn an_index_binds_the_length_of_each_part() {
        let keys = keys(&OLD, None);
        let index = |parts: &[&[u8]]| keys.index(IndexPurpose::Login, parts);
        let different = [
            index(&[]),
            index(&[b""]),
            index(&[b"", b""]),
            index(&[b"ab", b"c"]),
            index(&[b"a", b"bc"]),
            index(&[b"abc"]),
            index(&[b"a", b"b", b"c"]),
            keys.index(IndexPurpose::Promo, &[b"abc"]),
        ];
        for (place, one) in different.iter().enumerate() {
            assert!(different.iter().skip(place + 1).all(|other| other != one), "{place}");
        }
    }

    #[test]
    fn derived_keys_are_those_of_records_already_written() {
        // Computed with another implementation of RFC 5869 and RFC 2104. A changed value here means that every
        // stored index and password of a deployment is lost.
        let keys = keys(&OLD, None);
        let index = crate::secret::hex(&keys.index(IndexPurpose::Login, &[b"ada@example.com"]));
        assert_eq!(index, "71290fa15ab5fedd94abe44b11464379");
        assert_eq!(
            crate::secret::hex(keys.pepper().expose()),
            "b9ef562821f7fa74b862668bc45533b3f3ededf4ebf40c00ea974400eff503ea"
        );
    }

    #[test]
    fn sig_4_a_form_proof_matches_its_session_only() {
        // SIG-4
        let (before, during, after) = (keys(&OLD, None), keys(&NEW, Some(&OLD)), keys(&NEW, None));
        let mac = before.mac(MacPurpose::Csrf, &[b"cookie", b"session"]);
        assert_eq!(mac.len(), 43);
        let matches = |keys: &Keys, parts: &[&[u8]], text: &str| keys.mac_matches(MacPurpose::Csrf, parts, text);
        assert!(matches(&before, &[b"cookie", b"session"], &mac));
        assert!(matches(&during, &[b"cookie", b"session"], &mac));
        assert!(!matches(&after, &[b"cookie", b"session"], &mac));
        assert!(!matches(&before, &[b"cookie", b"other"], &mac));
        assert!(!matches(&before, &[b"cookies", b"ession"], &mac));
        for wrong in ["", "A", "=", &mac[..42], &format!("{mac}A"), &mac.to_lowercase()] {
            assert!(!matches(&before, &[b"cookie", b"session"], wrong), "{wrong}");
        }
    }

    #[test]
    fn an_operators_seed_has_160_bits() {
        let operator: OperatorId = "auditor".parse().expect("a slug");
        assert_eq!(keys(&OLD, None).operator_totp_seed(&operator).expose().len(), 20);
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_again(
            aad in proptest::collection::vec(any::<u8>(), 0..80),
            plain in proptest::collection::vec(any::<u8>(), 0..400),
            seed: u64,
        ) {
            let keys = keys(&OLD, None);
            let sealed = keys.seal(SealPurpose::Session, &aad, &plain, &mut Seeded(seed));
            let read = Sealed::from_text(&sealed.to_text()).expect("its own text");
            prop_assert_eq!(keys.open(SealPurpose::Session, &aad, &read), Ok(plain));
        }
    }
}
