//! Operator staff: sign-in with password and second factor, and what each role may do.

use serde::{Deserialize, Serialize};

use crate::{
    audit::{Action, Actor, Denial},
    config::{self, OperatorRole},
    decision::{Counted, Decision},
    lockout::Failures,
    refusal::Refusal,
    secret::{SessionSecret, TokenDigest},
    totp::{Clockwork, Parameters, verify},
    values::{OperatorId, OtpCode, Seconds, Timestamp},
};

/// Sessions that one operator can have at the same time; the oldest ends when one more begins.
pub const MAX_SESSIONS: usize = 5;
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
    /// Consecutive failures at sign-in.
    pub failures: Failures,
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
        Self { id, failures: Failures::default(), clockwork: Clockwork::default(), sessions: Vec::new() }
    }

    /// Signs in with password and code together; one answer for every failure (SIG-1). While tries are paused,
    /// nothing is judged.
    pub fn sign_in(
        mut self,
        attempt: &Attempt<'_>,
        secret: &SessionSecret,
        now: Timestamp,
    ) -> Counted<Self, Result<(), Refusal>> {
        if self.failures.paused(now) {
            return Counted::unjudged(self, Err(Refusal::SignInFailed));
        }
        let moved = verify(attempt.seed, &Parameters::authenticator_app(), &self.clockwork, attempt.code, now);
        match moved {
            Some(clockwork) if attempt.password_matches => {
                self.clockwork = clockwork;
                self.failures = Failures::default();
                self.sessions.retain(|session| alive(session, now));
                if self.sessions.len() >= MAX_SESSIONS {
                    self.sessions.remove(0);
                }
                self.sessions.push(OperatorSession { digest: secret.digest(), created_at: now });
                let operator = Actor::Operator(self.id.clone());
                Counted::new(Decision::quiet(Action::OperatorSignIn, self).by(operator), Ok(()))
            }
            _ => {
                self.failures = self.failures.one_more(now);
                let decision = Decision::quiet(Action::OperatorSignIn, self).refused(Denial::WrongPasswordOrCode);
                Counted::new(decision, Err(Refusal::SignInFailed))
            }
        }
    }

    /// Checks a presented session.
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`].
    pub fn on_duty<'a>(
        &self,
        operator: &'a config::Operator,
        secret: &SessionSecret,
        now: Timestamp,
    ) -> Result<OnDuty<'a>, Refusal> {
        let valid = self.sessions.iter().any(|session| alive(session, now) && secret.matches(&session.digest));
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
