//! Operator staff: enrolment, sign-in with password and second factor, and what each role may do.

mod enrolment;

pub use enrolment::{
    Admitted, BootstrapClaim, ENROLMENT_LIFETIME, Enrolled, EnrolledBy, Enrolment, INVITE_AGAIN_AFTER, Invited,
    open_seed, seal_seed,
};

use serde::{Deserialize, Serialize};

use crate::{
    audit::{Action, Actor, Denial},
    config::{self, OperatorRole},
    decision::{Counted, Decision},
    lockout::Failures,
    password::PasswordHash,
    refusal::Refusal,
    secret::{SessionSecret, TokenDigest},
    totp::{Clockwork, Parameters, verify},
    values::{OperatorId, OtpCode, Seconds, Timestamp},
};

/// Sessions that one operator can have at the same time; the oldest ends when one more begins.
pub const MAX_SESSIONS: usize = 5;
/// An operator's session ends after this time without a request (SIG-2).
pub const SESSION_IDLE: Seconds = Seconds::minutes(30);
/// An operator's session ends after this time, used or not.
pub const SESSION_LIFETIME: Seconds = Seconds::hours(12);

/// An operator's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorSession {
    /// Digest of the cookie's secret.
    pub digest: TokenDigest,
    /// When it began.
    pub created_at: Timestamp,
}

/// What is kept of an operator; name and roles are configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The operator's id in the configuration.
    pub id: OperatorId,
    /// Password and authenticator; `None` as long as the operator has none of their own.
    pub enrolled: Option<Enrolled>,
    /// The link under which the operator can enrol.
    pub invited: Option<Invited>,
    /// Consecutive failures at sign-in of somebody who knows the password.
    pub failures: Failures,
    /// Other failures since the last sign-in. They are shown and never stop anybody.
    pub misses: u32,
    /// Where the second factor's counter stands (OTP-2).
    pub clockwork: Clockwork,
    /// Open sessions, oldest first.
    pub sessions: Vec<OperatorSession>,
}

/// An attempt to sign in as operator.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// Whether the password is right.
    pub password_matches: bool,
    /// The seed of the second factor.
    pub seed: &'a [u8],
    /// The code that was entered.
    pub code: &'a OtpCode,
}

/// An operator with a valid session.
#[derive(Debug, Clone, Copy)]
pub struct OnDuty<'a> {
    operator: &'a config::Operator,
}

impl<'a> OnDuty<'a> {
    /// The operator's id.
    pub fn id(&self) -> &'a OperatorId {
        &self.operator.id
    }

    /// The operator's name.
    pub fn name(&self) -> &'a str {
        &self.operator.name
    }

    /// Requires a role.
    ///
    /// # Errors
    /// [`Refusal::RoleMissing`] when the operator does not have it.
    pub fn require(self, role: OperatorRole) -> Result<Self, Refusal> {
        if self.operator.roles.contains(&role) {
            Ok(self)
        } else {
            Err(Refusal::RoleMissing { ask: "a colleague who has the role for this task".to_owned() })
        }
    }
}

impl Operator {
    /// An operator who never signed in.
    pub fn new(id: OperatorId) -> Self {
        Self {
            id,
            enrolled: None,
            invited: None,
            failures: Failures::default(),
            misses: 0,
            clockwork: Clockwork::default(),
            sessions: Vec::new(),
        }
    }

    /// The password to compare an attempt with; `None` for an operator without one of their own.
    pub fn password(&self) -> Option<&PasswordHash> {
        self.enrolled.as_ref().map(|enrolled| &enrolled.password)
    }

    /// Signs in with password and code together; one answer for every failure (SIG-1).
    ///
    /// Every try is written, so that none can be told from another by what it costs. Only tries with the right password
    /// count towards the pause: nobody gets in without it, and nobody without it learns whether a guess was right, so that
    /// the code's limit is the limit of all guessing, and strangers cannot lock an operator out.
    pub fn sign_in(
        mut self,
        attempt: &Attempt<'_>,
        secret: &SessionSecret,
        now: Timestamp,
    ) -> Counted<Self, Result<(), Refusal>> {
        let moved = verify(attempt.seed, &Parameters::authenticator_app(), &self.clockwork, attempt.code, now);
        if !attempt.password_matches || self.failures.paused(now) {
            self.misses = self.misses.saturating_add(1);
            let denial = if attempt.password_matches { Denial::Paused } else { Denial::WrongPassword };
            let decision = Decision::quiet(Action::OperatorSignIn, self).refused(denial);
            return Counted::new(decision, Err(Refusal::SignInFailed));
        }
        let Some(clockwork) = moved else {
            self.failures = self.failures.one_more(now);
            let decision = Decision::quiet(Action::OperatorSignIn, self).refused(Denial::WrongCode);
            return Counted::new(decision, Err(Refusal::SignInFailed));
        };
        self.clockwork = clockwork;
        self.failures = Failures::default();
        self.misses = 0;
        self.open_session(secret, now);
        let operator = Actor::Operator(self.id.clone());
        Counted::new(Decision::quiet(Action::OperatorSignIn, self).by(operator), Ok(()))
    }

    fn open_session(&mut self, secret: &SessionSecret, now: Timestamp) {
        self.sessions.retain(|session| alive(session, now));
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(OperatorSession { digest: secret.digest(), created_at: now });
    }

    /// Checks a presented session, whose operator was last seen at `seen_at`.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`] when it is unknown, idle for [`SESSION_IDLE`], or [`SESSION_LIFETIME`] old.
    pub fn on_duty<'a>(
        &self,
        operator: &'a config::Operator,
        secret: &SessionSecret,
        seen_at: Timestamp,
        now: Timestamp,
    ) -> Result<OnDuty<'a>, Refusal> {
        let valid = self.sessions.iter().any(|session| alive(session, now) && secret.matches(&session.digest))
            && now.since(seen_at) < SESSION_IDLE;
        if valid && operator.id == self.id { Ok(OnDuty { operator }) } else { Err(Refusal::NotSignedIn) }
    }

    /// Ends one session. `None` when it has ended already.
    pub fn sign_out(mut self, secret: &SessionSecret) -> Option<Decision<Self>> {
        let before = self.sessions.len();
        self.sessions.retain(|session| !secret.matches(&session.digest));
        (self.sessions.len() < before).then(|| Decision::quiet(Action::OperatorSignOut, self))
    }
}

fn alive(session: &OperatorSession, now: Timestamp) -> bool {
    now.since(session.created_at) < SESSION_LIFETIME
}

#[cfg(test)]
mod tests;
