//! How an operator comes to a password and an authenticator: the first one by the deployment's one-time secret, every
//! further one by a mailed link that a colleague asks for. Neither a password's digest nor an authenticator's seed is made
//! by hand.

use serde::{Deserialize, Serialize};

use super::{OnDuty, Operator};
use crate::{
    audit::{Action, Actor},
    config,
    decision::Decision,
    effect::Effect,
    lockout::Failures,
    message::{Body, Message},
    password::PasswordHash,
    refusal::Refusal,
    secret::{Entropy, Keys, PlainToken, SealPurpose, Sealed, Secret, SessionSecret, TokenDigest, TokenPurpose},
    totp::Clockwork,
    values::{Email, OperatorId, Seconds, Timestamp},
};

/// How long the link works under which an operator enrols.
pub const ENROLMENT_LIFETIME: Seconds = Seconds::hours(24);

/// A link is mailed again only after this time.
pub const INVITE_AGAIN_AFTER: Seconds = Seconds::minutes(5);

/// An operator's own password and authenticator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The password.
    pub password: PasswordHash,
    /// The authenticator's seed.
    pub seed: Sealed,
    /// By whom the operator was let in.
    pub by: EnrolledBy,
    /// When.
    pub at: Timestamp,
    /// Digest of the link's token, if it was by link: whoever opens it again is led to where they sign in.
    pub link: Option<TokenDigest>,
}

/// By whom an operator was let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnrolledBy {
    /// By whoever had the deployment's one-time secret.
    Bootstrap,
    /// By a colleague.
    Colleague(OperatorId),
}

/// The link under which an operator can enrol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// Digest of the link's token.
    pub token: TokenDigest,
    /// When it was mailed.
    pub at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// Which colleague asked for it.
    pub by: OperatorId,
}

/// To whom the deployment's one-time secret belongs: the first operator who enrolled with it, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapClaim {
    /// The record's id: a keyed index of the secret's digest.
    pub id: [u8; 16],
    /// The operator.
    pub operator: OperatorId,
    /// When.
    pub at: Timestamp,
}

/// What admits an operator to the enrolment.
#[derive(Debug, Clone, Copy)]
pub enum Admitted<'a> {
    /// The deployment's one-time secret, which was compared and claimed for this operator.
    Bootstrap(&'a BootstrapClaim),
    /// A link's token.
    Link(&'a PlainToken),
}

/// What an operator enrols with: the code of the seed was right.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The password.
    pub password: PasswordHash,
    /// The authenticator's seed.
    pub seed: Sealed,
    /// Where the authenticator stands: the code that proved it is used up (OTP-2).
    pub clockwork: Clockwork,
}

impl Operator {
    /// Mails the link under which the operator enrols, for the first time or anew; an earlier link dies. Until it is used,
    /// everything else stays as it is. `None` when a link was mailed within [`INVITE_AGAIN_AFTER`].
    pub fn invite(
        mut self,
        record: [u8; 16],
        (configured, email): (&config::Operator, &Email),
        colleague: &OnDuty<'_>,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Option<Decision<Self>> {
        if self.invited.as_ref().is_some_and(|invited| now.since(invited.at) < INVITE_AGAIN_AFTER) {
            return None;
        }
        let token = PlainToken::new(record, rng);
        let expires_at = now.plus(ENROLMENT_LIFETIME);
        let message = Message {
            to: email.clone(),
            name: configured.name.clone(),
            body: Body::OperatorInvited {
                operator: self.id.to_string(),
                by: colleague.name().to_owned(),
                token: token.reveal(),
                expires_at,
            },
        };
        self.invited = Some(Invited {
            token: token.digest(TokenPurpose::OperatorEnrolment),
            at: now,
            expires_at,
            by: colleague.id().clone(),
        });
        Some(Decision::with(Action::OperatorInvitation, self, vec![Effect::Send(Box::new(message))]))
    }

    /// Who let the operator in, if this admits them now. The one-time secret admits only the operator who has claimed it,
    /// and only for the first enrolment: afterwards it is dead for ever.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`], one answer for every "no".
    pub fn admitted(&self, by: Admitted<'_>, now: Timestamp) -> Result<EnrolledBy, Refusal> {
        match (by, &self.invited) {
            (Admitted::Bootstrap(claim), _) if claim.operator == self.id && self.enrolled.is_none() => {
                Ok(EnrolledBy::Bootstrap)
            }
            (Admitted::Link(token), Some(invited))
                if now < invited.expires_at && invited.token.matches(token, TokenPurpose::OperatorEnrolment) =>
            {
                Ok(EnrolledBy::Colleague(invited.by.clone()))
            }
            _ => Err(Refusal::LinkNotValid),
        }
    }

    /// Whether the operator has enrolled with this link before.
    pub fn was_enrolled_with(&self, token: &PlainToken) -> bool {
        let link = self.enrolled.as_ref().and_then(|enrolled| enrolled.link.as_ref());
        link.is_some_and(|link| link.matches(token, TokenPurpose::OperatorEnrolment))
    }

    /// Enrols and signs in. What was there before has ended: password, authenticator, sessions, links and pauses.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`].
    pub fn enrol(
        self,
        by: Admitted<'_>,
        with: Enrolment,
        session: &SessionSecret,
        now: Timestamp,
    ) -> Result<Decision<Self>, Refusal> {
        let by = self.admitted(by, now)?;
        let link = self.invited.map(|invited| invited.token).filter(|_| matches!(by, EnrolledBy::Colleague(_)));
        let mut next = Self {
            enrolled: Some(Enrolled { password: with.password, seed: with.seed, by, at: now, link }),
            invited: None,
            failures: Failures::default(),
            misses: 0,
            clockwork: with.clockwork,
            sessions: Vec::new(),
            id: self.id,
        };
        next.open_session(session, now);
        let operator = Actor::Operator(next.id.clone());
        Ok(Decision::quiet(Action::OperatorEnrolment, next).by(operator))
    }
}

/// Seals an operator's seed, bound to the operator.
pub fn seal_seed(seed: &[u8], operator: &OperatorId, keys: &Keys, rng: &mut dyn Entropy) -> Sealed {
    keys.seal(SealPurpose::TotpSeed, &place(operator), seed, rng)
}

/// Opens an operator's seed.
///
/// # Errors
/// [`Refusal::SignInFailed`] when it was sealed for somebody else, or with keys that are gone.
pub fn open_seed(enrolled: &Enrolled, operator: &OperatorId, keys: &Keys) -> Result<Secret<Vec<u8>>, Refusal> {
    let opened = keys.open(SealPurpose::TotpSeed, &place(operator), &enrolled.seed);
    opened.map(Secret::new).map_err(|_| Refusal::SignInFailed)
}

/// Where an operator's seed belongs. No place of a person's credential begins like this and is as long.
fn place(operator: &OperatorId) -> Vec<u8> {
    [b"operator/", operator.as_str().as_bytes()].concat()
}
