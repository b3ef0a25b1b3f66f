//! Every business "no", each with a stable code. Knows no HTTP: the edge maps each to a status.

use crate::{
    journey::Blocker,
    values::{ParseError, Seconds, Timestamp},
};

/// One field that cannot be accepted, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// The field's name as the form and the JSON body spell it, for example `administrators.0.email`.
    pub field: String,
    /// Stable code of the fault, for programs.
    pub code: &'static str,
    /// What to do next, for people.
    pub hint: String,
}

/// Collects the faults of a whole input, so that a person sees all of them at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldFault>);

impl Faults {
    /// Parses one field; a failure is noted and `None` returned.
    pub fn check<T>(&mut self, field: impl Into<String>, parsed: Result<T, ParseError>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.note(field.into(), &error);
                None
            }
        }
    }

    /// Notes what a parser says, with the name of the field.
    fn note(&mut self, field: String, error: &ParseError) {
        let hint = named(&field, error);
        self.0.push(FieldFault { field, code: error.code, hint });
    }

    /// Parses an optional field: blank is absent.
    pub fn check_optional<T>(
        &mut self,
        field: impl Into<String>,
        raw: &str,
        parse: impl FnOnce(&str) -> Result<T, ParseError>,
    ) -> Option<Option<T>> {
        if raw.trim().is_empty() {
            return Some(None);
        }
        self.check(field, parse(raw)).map(Some)
    }

    /// Notes a fault.
    pub fn add(&mut self, field: impl Into<String>, code: &'static str, hint: impl Into<String>) {
        self.0.push(FieldFault { field: field.into(), code, hint: hint.into() });
    }

    /// Takes over the faults of a part whose fields stand under `prefix`.
    ///
    /// # Errors
    /// Whatever else the part was refused for.
    pub fn adopt<T>(&mut self, prefix: &str, parsed: Result<T, Refusal>) -> Result<Option<T>, Refusal> {
        match parsed {
            Ok(value) => Ok(Some(value)),
            Err(Refusal::InvalidInput(found)) => {
                for fault in found {
                    self.add(format!("{prefix}{}", fault.field), fault.code, fault.hint);
                }
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The refusal that carries all faults.
    pub fn refuse(self) -> Refusal {
        Refusal::InvalidInput(self.0)
    }

    /// The value, or all faults. A value that is `None` without a fault cannot come from [`Faults::check`].
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] when anything was noted or the value is missing.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Refusal> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.refuse()),
        }
    }
}

/// The hint with the name of its field, where several fields of one form could have the same: a text can stand in any
/// field and does not know which.
fn named(field: &str, error: &ParseError) -> String {
    let mut steps = field.rsplit('.');
    let name = match steps.next().unwrap_or(field) {
        "given_name" => "first name".to_owned(),
        "family_name" => "last name".to_owned(),
        "email" => "e-mail".to_owned(),
        "organisation" => "organization".to_owned(),
        other => other.replace('_', " "),
    };
    // `administrators.0.given_name` is the first name of person 1.
    let person =
        steps.next().filter(|_| field.starts_with("administrators.")).and_then(|step| step.parse::<usize>().ok());
    let whose = person.map(|index| format!(" of person {}", index.saturating_add(1))).unwrap_or_default();
    match error.code {
        "text-missing" => format!("Enter the {name}{whose}."),
        code if code.starts_with("text-") || code.starts_with("phone-") || person.is_some() => {
            format!("The {name}{whose}: {}", error.hint)
        }
        _ => error.hint.clone(),
    }
}

/// A decision that stands: whoever comes second learns of it (APR-3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// What was decided, as a state's name.
    pub what: &'static str,
    /// By whom; `None` when no person did.
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Every reason for which the service refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Fields that cannot be accepted (all of them).
    InvalidInput(Vec<FieldFault>),
    /// A link that is unknown, expired, revoked, used or garbled: one answer for all (INV-5).
    LinkNotValid,
    /// No such thing, or not yours to see (ACC-5).
    NotFound,
    /// The partner's API key is missing or not valid (INV-1).
    ApiKeyNotValid,
    /// The request needs an `Idempotency-Key` (INV-2).
    IdempotencyKeyMissing,
    /// The same `Idempotency-Key` came with another body (INV-2).
    IdempotencyKeyReused,
    /// The same request is still running elsewhere (INV-2).
    StillRunning,
    /// A pending invitation for this application and e-mail exists (INV-3).
    InvitationPending {
        /// The existing invitation's id.
        existing: String,
    },
    /// A registration was submitted with the invitation (INV-3).
    InvitationAccepted,
    /// The invitation was revoked, or another one took its place (INV-3).
    InvitationEnded,
    /// The invitation was sent again as often as one can be (INV-3).
    ResentTooOften,
    /// A line of a bulk request that there was no time for (INV-9).
    NotProcessed,
    /// The partner's allowance of this minute is used up.
    TooManyRequests {
        /// When there is a new one.
        retry_after: Seconds,
    },
    /// The application takes suppliers by invitation only (REG-2).
    InvitationNeeded {
        /// The application's name, for people.
        application: String,
        /// The partner to ask.
        partner: String,
    },
    /// It was decided before (APR-3).
    AlreadyDecided(Settled),
    /// Nobody is signed in, or the session has ended (SIG-2).
    NotSignedIn,
    /// E-mail or User ID and password do not match, or tries are paused (SIG-1).
    SignInFailed,
    /// The form's cross-site token is missing or not ours (SIG-4).
    FormNotOurs,
    /// The terms are accepted by other roles than this person's (TRM-1).
    RoleMissing {
        /// Whom to ask, for people.
        ask: String,
    },
    /// The terms changed while they were being read (TRM-1).
    TermsChanged,
    /// The promo code cannot be used for this order: one answer to strangers (SHP-2).
    PromoNotUsable,
    /// The promo code does not cover the whole price, and nothing else is taken here (SHP-5).
    PaymentNotCovered {
        /// What is still to pay, for people.
        remaining: String,
    },
    /// The payment provider's page cannot be opened right now (SHP-5).
    PaymentPageUnavailable {
        /// When to try again.
        retry_after: Seconds,
    },
    /// The order form was used before for another order (SHP-6).
    OrderFormReused,
    /// The licence key cannot be activated: one answer for unknown, used and revoked (CRD-1).
    LicenceNotUsable,
    /// The licence is for a token that was not shipped yet (SHP-8).
    ShipmentPending,
    /// No token with this serial number can activate the licence: one answer for unknown, used and foreign ones (SHP-8).
    SerialNotUsable,
    /// The credential is not in the stage that this step needs.
    WrongStage {
        /// What to do instead, for people.
        hint: &'static str,
    },
    /// The code is wrong or was used (OTP-2).
    CodeNotAccepted {
        /// Consecutive failures that are left before the lock.
        tries_left: u32,
    },
    /// Not all answers to the security questions are right (SIG-3).
    AnswersNotAccepted {
        /// Failures that are left before the link dies.
        tries_left: u32,
    },
    /// The person belongs to several organisations and has not said for which one they act (ACC-4).
    OrganisationNotChosen,
    /// Ten consecutive failures (OTP-3).
    CredentialLocked,
    /// The journey is not finished (LCH-1).
    Blocked(Vec<Blocker>),
    /// A fresh second factor is required first (LCH-2).
    OtpRequired,
    /// The webhook's signature is missing or wrong (SHP-7).
    WebhookNotVerified,
    /// The webhook's timestamp is outside the tolerance (SHP-7).
    WebhookStale,
    /// The same webhook order came with other content (SHP-7).
    OrderContradicted,
    /// Somebody else is changing the same thing right now.
    Busy {
        /// When to try again.
        retry_after: Seconds,
    },
}

impl Refusal {
    /// The stable code, part of the API: renaming one breaks callers.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidInput(_) => "invalid-input",
            Self::LinkNotValid => "link-not-valid",
            Self::NotFound => "not-found",
            Self::ApiKeyNotValid => "api-key-not-valid",
            Self::IdempotencyKeyMissing => "idempotency-key-missing",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::StillRunning => "still-running",
            Self::InvitationPending { .. } => "invitation-pending",
            Self::InvitationAccepted => "invitation-accepted",
            Self::InvitationEnded => "invitation-ended",
            Self::ResentTooOften => "resent-too-often",
            Self::NotProcessed => "not-processed",
            Self::TooManyRequests { .. } => "too-many-requests",
            Self::InvitationNeeded { .. } => "invitation-needed",
            Self::AlreadyDecided(_) => "already-decided",
            Self::NotSignedIn => "not-signed-in",
            Self::SignInFailed => "sign-in-failed",
            Self::FormNotOurs => "form-not-ours",
            Self::RoleMissing { .. } => "role-missing",
            Self::TermsChanged => "terms-changed",
            Self::PromoNotUsable => "promo-not-usable",
            Self::PaymentNotCovered { .. } => "payment-not-covered",
            Self::PaymentPageUnavailable { .. } => "payment-page-unavailable",
            Self::OrderFormReused => "order-form-reused",
            Self::LicenceNotUsable => "licence-not-usable",
            Self::ShipmentPending => "shipment-pending",
            Self::SerialNotUsable => "serial-not-usable",
            Self::WrongStage { .. } => "wrong-stage",
            Self::CodeNotAccepted { .. } => "code-not-accepted",
            Self::AnswersNotAccepted { .. } => "answers-not-accepted",
            Self::OrganisationNotChosen => "organisation-not-chosen",
            Self::CredentialLocked => "credential-locked",
            Self::Blocked(_) => "blocked",
            Self::OtpRequired => "otp-required",
            Self::WebhookNotVerified => "webhook-not-verified",
            Self::WebhookStale => "webhook-stale",
            Self::OrderContradicted => "order-contradicted",
            Self::Busy { .. } => "busy",
        }
    }

    /// Whether somebody was not believed who they are, or something that only they could know (AUD-1).
    pub fn is_of_authentication(&self) -> bool {
        matches!(
            self,
            Self::LinkNotValid
                | Self::ApiKeyNotValid
                | Self::NotSignedIn
                | Self::SignInFailed
                | Self::LicenceNotUsable
                | Self::SerialNotUsable
                | Self::PromoNotUsable
                | Self::CodeNotAccepted { .. }
                | Self::AnswersNotAccepted { .. }
                | Self::CredentialLocked
                | Self::WebhookNotVerified
                | Self::WebhookStale
        )
    }

    /// The same about another field, where it is about the only one of something.
    #[must_use]
    pub fn moved(self, field: &str) -> Self {
        match self {
            Self::InvalidInput(faults) => {
                let moved = |fault: FieldFault| FieldFault { field: field.to_owned(), ..fault };
                Self::InvalidInput(faults.into_iter().map(moved).collect())
            }
            other => other,
        }
    }

    /// One field's fault as a whole refusal.
    pub fn field(field: &str, code: &'static str, hint: impl Into<String>) -> Self {
        Self::InvalidInput(vec![FieldFault { field: field.to_owned(), code, hint: hint.into() }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Email;

    fn invalid(text: &str) -> Result<Email, ParseError> {
        text.parse()
    }

    #[test]
    fn reg_1_a_fault_names_its_field() {
        // REG-1
        let hint = |field: &str, raw: &str| {
            let mut faults = Faults::default();
            assert_eq!(faults.check(field, raw.parse::<crate::values::Line<5>>()), None);
            let Refusal::InvalidInput(found) = faults.refuse() else { panic!("faults") };
            found.first().map(|fault| fault.hint.clone()).unwrap_or_default()
        };
        assert_eq!(hint("profile.legal_name", " "), "Enter the legal name.");
        assert_eq!(hint("administrators.1.given_name", ""), "Enter the first name of person 2.");
        assert_eq!(hint("data.customer.family_name", ""), "Enter the last name.");
        assert_eq!(hint("organisation", "Kestrel"), "The organization: Use at most 5 characters.");
        let mut faults = Faults::default();
        for field in ["email", "administrators.0.email", "administrators.1.email"] {
            assert_eq!(faults.check(field, invalid("ada")), None);
        }
        let Refusal::InvalidInput(found) = faults.refuse() else { panic!("faults") };
        let hints: std::collections::BTreeSet<&str> = found.iter().map(|fault| fault.hint.as_str()).collect();
        assert_eq!(hints.len(), 3, "{hints:?}");
    }

    #[test]
    fn inv_2_faults_are_collected_and_a_value_needs_that_there_is_none() {
        // INV-2
        let mut faults = Faults::default();
        assert_eq!(faults.check_optional("email", "  ", invalid), Some(None), "blank is absent");
        assert!(faults.is_empty());
        assert!(faults.check("email", invalid("ada@birch.example")).is_some());
        assert_eq!(faults.check_optional("other", "ada", invalid), None);
        let part: Result<Option<()>, Refusal> =
            faults.adopt("data.", Err(Refusal::field("name", "missing", "Name it.")));
        assert_eq!(part, Ok(None));
        assert_eq!(faults.adopt("", Ok(1)), Ok(Some(1)));
        let Err(Refusal::InvalidInput(found)) = faults.finish(Some(1)) else { panic!("refused") };
        let found: Vec<(&str, &str)> = found.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
        assert_eq!(found, [("other", "email-invalid"), ("data.name", "missing")]);

        assert_eq!(Faults::default().finish(Some(1)), Ok(1));
        assert_eq!(Faults::default().finish(None::<u8>), Err(Refusal::InvalidInput(Vec::new())));
        let other: Result<Option<()>, Refusal> = Faults::default().adopt("", Err(Refusal::NotFound));
        assert_eq!(other, Err(Refusal::NotFound), "what is no fault of a field goes on");
    }
}
