//! One-time-password credentials: a licence becomes a credential, a credential gets an authenticator.

pub mod phone;

use serde::{Deserialize, Serialize};

use crate::{
    config::{Level, Product, ProductKind},
    credential::phone::{Asker, Phones, Way},
    refusal::Refusal,
    secret::{Entropy, Keys, SealPurpose, Sealed, Secret},
    totp::{Clockwork, Parameters, Seed, verify},
    values::{AccountId, CredentialId, LicenceId, OtpCode, ProductId, Seconds, Serial, Timestamp},
};

/// Consecutive failures after which a credential locks (OTP-3).
pub const MAX_FAILURES: u32 = 10;
/// How long an enrolment stays open before its seed is discarded.
pub const ENROLMENT_LIFETIME: Seconds = Seconds::hours(1);

const NOT_REGISTERED: &str = "Register an authenticator first.";
const EXPIRED: &str = "This credential has expired. Get a new licence key to renew it.";

/// A credential as a licence grants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The credential's id, derived from the licence.
    pub id: CredentialId,
    /// The product.
    pub product: ProductId,
    /// The product's assurance level.
    pub level: Level,
    /// The licence.
    pub licence: LicenceId,
    /// SHA-256 of the service agreement that was accepted, hexadecimal.
    pub agreement: String,
    /// When the licence was activated.
    pub activated_at: Timestamp,
    /// When the credential ends.
    pub expires_at: Timestamp,
    /// The token that the licence was activated with, of a hardware product (SHP-8).
    pub serial: Option<Serial>,
}

/// The authenticator behind a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authenticator {
    /// None yet.
    Missing,
    /// An authenticator app was offered a seed, which counts only when a code proves it (CRD-4).
    Enrolling {
        /// The sealed seed (CRD-6).
        seed: Sealed,
        /// When the enrolment began.
        started_at: Timestamp,
    },
    /// An authenticator app.
    App {
        /// The sealed seed (CRD-6).
        seed: Sealed,
        /// Clock offset and last accepted step (OTP-1, OTP-2).
        clockwork: Clockwork,
        /// When the app was proved.
        enrolled_at: Timestamp,
    },
    /// Phones, of which none may be proved yet (CRD-5).
    Phones(Box<Phones>),
}

/// A credential of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// What the licence granted.
    pub grant: Grant,
    /// The authenticator behind it.
    pub authenticator: Authenticator,
    /// Consecutive failures (OTP-3).
    pub failures: u32,
}

/// What was proved by a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// That the person has the authenticator app.
    App,
    /// That they read the phone's text messages.
    Sms,
    /// That they answer the phone.
    Voice,
}

impl Factor {
    /// Its authentication method reference (RFC 8176, 2).
    pub const fn amr(self) -> &'static str {
        match self {
            Self::App => "otp",
            Self::Sms => "sms",
            Self::Voice => "tel",
        }
    }
}

/// What a code is judged by, opened for one judgement.
#[derive(Debug)]
pub enum Opened {
    /// The seed of an authenticator app.
    Seed(Secret<Vec<u8>>),
    /// A code that was sent to a phone.
    Sent {
        /// Whether it is this one.
        right: bool,
        /// From where it was asked for.
        way: Way,
    },
}

/// What is known of one presented code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Right, and not used before.
    Right,
    /// Wrong or used.
    Wrong,
    /// Wrong, and once too often for this code, which is dead now.
    TriedOut,
    /// Not judged: locked.
    Locked,
    /// Not judged: no authenticator, or expired.
    Unusable(&'static str),
}

impl Judged {
    /// Whether a code was compared, so that the outcome has to be counted before it is told (OTP-3).
    pub(crate) fn counts(self) -> bool {
        matches!(self, Self::Right | Self::Wrong | Self::TriedOut)
    }
}

impl Credential {
    /// A licensed credential without authenticator.
    pub fn granted(grant: Grant) -> Self {
        Self { grant, authenticator: Authenticator::Missing, failures: 0 }
    }

    /// Whether the credential has ended.
    pub fn expired(&self, now: Timestamp) -> bool {
        now >= self.grant.expires_at
    }

    /// Whether it is locked until an administrator helps (OTP-3).
    pub fn locked(&self) -> bool {
        self.failures >= MAX_FAILURES
    }

    /// Whether it is of use for a launch, now or once something is registered. A hardware token is not: its codes cannot be
    /// registered yet (CRD-2).
    pub fn can_serve(&self) -> bool {
        self.grant.serial.is_none() || self.registered()
    }

    /// Whether an authenticator is registered.
    pub fn registered(&self) -> bool {
        match &self.authenticator {
            Authenticator::App { .. } => true,
            Authenticator::Phones(phones) => !phones.registered().is_empty(),
            Authenticator::Missing | Authenticator::Enrolling { .. } => false,
        }
    }

    /// The sealed seed that the next code is judged by.
    pub fn sealed_seed(&self, now: Timestamp) -> Option<&Sealed> {
        match &self.authenticator {
            Authenticator::App { seed, .. } => Some(seed),
            Authenticator::Enrolling { seed, started_at } if now.since(*started_at) < ENROLMENT_LIFETIME => Some(seed),
            Authenticator::Missing | Authenticator::Enrolling { .. } | Authenticator::Phones(_) => None,
        }
    }

    /// Whether the product's kind of authenticator can be registered for it.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when it is for another kind.
    pub(crate) fn require_kind(&self, kind: ProductKind, wanted: ProductKind) -> Result<(), Refusal> {
        let fits = kind == wanted
            && match &self.authenticator {
                Authenticator::Missing => true,
                Authenticator::Enrolling { .. } | Authenticator::App { .. } => wanted == ProductKind::AuthenticatorApp,
                Authenticator::Phones(_) => wanted == ProductKind::Phone,
            };
        let hint = match wanted {
            ProductKind::AuthenticatorApp => "This credential is not for an authenticator app.",
            ProductKind::Phone => "This credential is not for phones.",
            ProductKind::HardwareToken => "This credential is not for a hardware token.",
        };
        if fits { Ok(()) } else { Err(Refusal::WrongStage { hint }) }
    }

    /// Offers a new authenticator app a seed (CRD-4). An unproved earlier offer is replaced, a proved app is not.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when an app is registered already or the credential has expired.
    pub(crate) fn begin_enrolment(&mut self, seed: Sealed, now: Timestamp) -> Result<(), Refusal> {
        if self.registered() {
            return Err(Refusal::WrongStage {
                hint: "Your authenticator app is registered already. Use it to launch.",
            });
        }
        if self.expired(now) {
            return Err(Refusal::WrongStage { hint: EXPIRED });
        }
        // A new offer starts at zero. "A new code does not reset the count" (NIST SP 800-63B-4, 3.1.3.2) is about codes
        // that a guesser may ask for but not see. Here nothing is gained by asking: the failures were against a seed that
        // this offer discards, they say nothing about the new one, and whoever can ask is shown the new seed, so has no
        // need to guess. The count of a proved app is out of reach: it is refused above, and nothing makes a credential
        // with an app one without. Were an app ever taken away (CRD-8), its count would have to be kept and checked here.
        self.failures = 0;
        self.authenticator = Authenticator::Enrolling { seed, started_at: now };
        Ok(())
    }

    /// Judges a code of the registered authenticator and counts the outcome (OTP-1, OTP-2, OTP-3).
    pub(crate) fn judge(&mut self, opened: &Opened, code: &OtpCode, now: Timestamp) -> Judged {
        if self.expired(now) {
            return Judged::Unusable(EXPIRED);
        }
        if self.locked() {
            return Judged::Locked;
        }
        let (clockwork, seed) = match (&mut self.authenticator, opened) {
            (Authenticator::App { clockwork, .. }, Opened::Seed(seed)) => (clockwork, seed.expose()),
            (Authenticator::Phones(_), Opened::Sent { right, way }) => return self.judge_called(*right, *way),
            _ => return Judged::Unusable(NOT_REGISTERED),
        };
        match verify(seed, &Parameters::authenticator_app(), clockwork, code, now) {
            Some(moved) => {
                *clockwork = moved;
                self.failures = 0;
                Judged::Right
            }
            None => self.count_failure(),
        }
    }

    /// Judges the code that proves a newly offered app (CRD-4). The code is consumed like any other (OTP-2).
    pub(crate) fn prove_enrolment(&mut self, opened: &Opened, code: &OtpCode, now: Timestamp) -> Judged {
        if self.expired(now) {
            return Judged::Unusable(EXPIRED);
        }
        if self.locked() {
            return Judged::Locked;
        }
        let (Authenticator::Enrolling { seed: sealed, started_at }, Opened::Seed(seed)) = (&self.authenticator, opened)
        else {
            return Judged::Unusable("Begin the registration of your authenticator app again.");
        };
        if now.since(*started_at) >= ENROLMENT_LIFETIME {
            return Judged::Unusable("The QR code is more than an hour old. Begin the registration again.");
        }
        match verify(seed.expose(), &Parameters::authenticator_app(), &Clockwork::default(), code, now) {
            Some(clockwork) => {
                self.authenticator = Authenticator::App { seed: sealed.clone(), clockwork, enrolled_at: now };
                self.failures = 0;
                Judged::Right
            }
            None => self.count_failure(),
        }
    }

    fn count_failure(&mut self) -> Judged {
        self.failures = self.failures.saturating_add(1);
        Judged::Wrong
    }

    /// Consecutive failures that are left before the lock.
    pub fn tries_left(&self) -> u32 {
        MAX_FAILURES.saturating_sub(self.failures)
    }
}

/// The credential that an activated licence grants (CRD-1).
pub fn grant(id: CredentialId, licence: LicenceId, product: &Product, agreement: String, now: Timestamp) -> Grant {
    Grant {
        id,
        product: product.id.clone(),
        level: product.level,
        licence,
        agreement,
        activated_at: now,
        expires_at: now.plus(product.term()),
        serial: None,
    }
}

/// Seals an authenticator's seed for the one credential of the one account that it belongs to (CRD-6).
pub fn seal_seed(
    seed: &Seed,
    account: AccountId,
    credential: CredentialId,
    keys: &Keys,
    rng: &mut dyn Entropy,
) -> Sealed {
    keys.seal(SealPurpose::TotpSeed, &place(account, credential), seed.expose(), rng)
}

/// Opens what this code of the credential is judged by.
///
/// # Errors
/// [`Refusal::WrongStage`] when there is nothing, or it was sealed for another place or with keys that are gone; a field fault
/// when no code was sent to whoever enters one, or it is over. Nothing is judged then.
pub fn open_factor(
    credential: &Credential,
    code: &OtpCode,
    asker: Asker<'_>,
    now: Timestamp,
) -> Result<Opened, Refusal> {
    match &credential.authenticator {
        Authenticator::Phones(_) => {
            let right = credential.is_sent_code(code, asker, now)?;
            Ok(Opened::Sent { right, way: asker.way })
        }
        _ => open_seed(credential, asker.account, asker.keys, now).map(Opened::Seed),
    }
}

/// Opens the seed that the credential's next code is judged by (CRD-6).
///
/// # Errors
/// [`Refusal::WrongStage`] when there is none, or it was sealed for another place or with keys that are gone.
pub fn open_seed(
    credential: &Credential,
    account: AccountId,
    keys: &Keys,
    now: Timestamp,
) -> Result<Secret<Vec<u8>>, Refusal> {
    let sealed = credential.sealed_seed(now).ok_or(Refusal::WrongStage { hint: credential.without_seed() })?;
    keys.open(SealPurpose::TotpSeed, &place(account, credential.grant.id), sealed)
        .map(Secret::new)
        .map_err(|_| Refusal::WrongStage { hint: "This authenticator cannot be used any more. Write to support." })
}

impl Credential {
    fn without_seed(&self) -> &'static str {
        match &self.authenticator {
            Authenticator::Enrolling { .. } => {
                "The QR code is more than an hour old. Begin the registration of your authenticator app again."
            }
            Authenticator::Missing | Authenticator::App { .. } | Authenticator::Phones(_) => NOT_REGISTERED,
        }
    }
}

/// Where a sealed seed belongs. Both ids have 16 bytes, so no separator is needed.
fn place(account: AccountId, credential: CredentialId) -> Vec<u8> {
    [*account.bytes(), *credential.bytes()].concat()
}

#[cfg(test)]
mod tests;
