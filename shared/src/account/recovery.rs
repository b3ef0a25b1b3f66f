//! A forgotten password is replaced by whoever reads the account's mail and proves one thing more: a one-time code, or
//! where the account has no authenticator the answers to the security questions (SIG-3).
//!
//! The link alone changes nothing, and neither do the answers. Failures are counted twice: the link dies after
//! [`RESET_TRIES`] of them, and a new link does not make the account forget how often somebody failed (codes count against
//! their credential, answers against the account).

use serde::{Deserialize, Serialize};

use super::{ACTIVATION_LIFETIME, Account, Stage};
use crate::{
    audit::{Action, Denial},
    credential::{Credential, Judged, Opened},
    decision::{Counted, Decision},
    effect::Effect,
    lockout::Failures,
    message::{Body, Message},
    password::{AnswerHash, PasswordHash},
    refusal::Refusal,
    secret::{Entropy, PlainToken, TokenDigest, TokenPurpose},
    values::{CredentialId, OtpCode, Seconds, Timestamp},
};

/// How long the link works.
pub const RESET_LIFETIME: Seconds = Seconds::minutes(30);
/// A link is not replaced by a newer one before it is this old, so that nobody floods a mailbox or kills every link.
pub const RESET_AGAIN_AFTER: Seconds = Seconds::minutes(1);
/// Wrong codes or answers after which a link is dead.
pub const RESET_TRIES: u32 = 5;

const NO_WAY: Refusal = Refusal::WrongStage {
    hint: "Your account has nothing with which you could prove who you are. Ask an administrator of your organization, or \
           write to support.",
};
const PAUSED: Refusal = Refusal::WrongStage {
    hint: "There were too many wrong answers. Wait an hour, then ask for a new link; if it does not help, write to support.",
};
const OTHER_PROOF: Refusal =
    Refusal::WrongStage { hint: "Open the link again: how you prove who you are has changed meanwhile." };

/// What an account keeps for the case of a forgotten password.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    link: Option<Link>,
    /// Consecutive wrong answers, over all links.
    wrong_answers: Failures,
}

/// The newest link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    token: TokenDigest,
    made_at: Timestamp,
    /// Wrong codes and answers that came with it.
    failures: u32,
}

impl Link {
    fn expires_at(&self) -> Timestamp {
        self.made_at.plus(RESET_LIFETIME)
    }

    fn tries_left(&self) -> u32 {
        RESET_TRIES.saturating_sub(self.failures)
    }
}

/// An account whose reset link was presented and is valid.
#[derive(Debug, Clone, Copy)]
pub struct Resetting<'a> {
    account: &'a Account,
}

/// What has to be proved besides the link.
#[derive(Debug)]
pub enum Needed<'a> {
    /// A code of one of these credentials.
    Code(Vec<&'a Credential>),
    /// The answers to these questions, all of them.
    Answers(&'a [(String, AnswerHash)]),
}

/// What was given as a proof.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// A one-time code.
    Code {
        /// Of this credential.
        credential: CredentialId,
        /// What the code is judged by.
        opened: &'a Opened,
        /// The code.
        code: &'a OtpCode,
    },
    /// Whether every answer is right.
    Answers(bool),
}

impl<'a> Resetting<'a> {
    /// The account whose password is to be replaced.
    pub fn account(self) -> &'a Account {
        self.account
    }

    /// What this person has to prove: a code where an authenticator is registered, else the answers if the deployment
    /// asks such questions. A locked authenticator does not make the answers enough.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when there is nothing to prove with.
    pub fn needed(self, questions_are_asked: bool, now: Timestamp) -> Result<Needed<'a>, Refusal> {
        self.account.needed(questions_are_asked, now)
    }
}

impl Account {
    /// Makes a link, which kills the one before it, and mails it: for a new password (SIG-3), or for the first one to whoever
    /// has not activated the account yet (ACT-3). `None` when the newest link is less than a minute old.
    pub fn offer_link(mut self, now: Timestamp, rng: &mut dyn Entropy) -> Option<Decision<Self>> {
        let id = self.id;
        let Stage::Active { recovery, .. } = &mut self.stage else {
            return self.invite_again(now, rng);
        };
        if recovery.link.as_ref().is_some_and(|link| now < link.made_at.plus(RESET_AGAIN_AFTER)) {
            return None;
        }
        let token = PlainToken::new(*id.bytes(), rng);
        let link = Link { token: token.digest(TokenPurpose::Reset), made_at: now, failures: 0 };
        let body = Body::PasswordReset { token: token.reveal(), expires_at: link.expires_at() };
        recovery.link = Some(link);
        let message = Message { to: self.email.clone(), name: self.name.full(), body };
        Some(Decision::with(Action::ResetLink, self, vec![Effect::Send(Box::new(message))]))
    }

    fn invite_again(mut self, now: Timestamp, rng: &mut dyn Entropy) -> Option<Decision<Self>> {
        let Stage::Invited { token: kept, expires_at: kept_until } = &mut self.stage else {
            return None;
        };
        let expires_at = now.plus(ACTIVATION_LIFETIME);
        if expires_at < kept_until.plus(RESET_AGAIN_AFTER) {
            return None;
        }
        let token = PlainToken::new(*self.id.bytes(), rng);
        (*kept, *kept_until) = (token.digest(TokenPurpose::Activation), expires_at);
        let body =
            Body::ActivationAgain { user_id: self.user_id.as_str().to_owned(), token: token.reveal(), expires_at };
        let message = Message { to: self.email.clone(), name: self.name.full(), body };
        Some(Decision::with(Action::ActivationLink, self, vec![Effect::Send(Box::new(message))]))
    }

    /// Checks a presented link. Opening changes nothing (SIG-3).
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`] for a token that is foreign, used, replaced, expired or dead after too many failures.
    pub fn present_reset(&self, token: &PlainToken, now: Timestamp) -> Result<Resetting<'_>, Refusal> {
        match &self.stage {
            Stage::Active { recovery: Recovery { link: Some(link), .. }, .. }
                if now < link.expires_at() && link.token.matches(token, TokenPurpose::Reset) =>
            {
                Ok(Resetting { account: self })
            }
            Stage::Active { .. } | Stage::Invited { .. } => Err(Refusal::LinkNotValid),
        }
    }

    fn needed(&self, questions_are_asked: bool, now: Timestamp) -> Result<Needed<'_>, Refusal> {
        let factors: Vec<&Credential> = self.second_factors(now).collect();
        match &self.stage {
            _ if !factors.is_empty() => Ok(Needed::Code(factors)),
            Stage::Active { answers, .. } if questions_are_asked && !answers.is_empty() => Ok(Needed::Answers(answers)),
            Stage::Active { .. } | Stage::Invited { .. } => Err(NO_WAY),
        }
    }

    /// Judges the proof and replaces the password, or counts the failure (SIG-3). Success ends every session and every
    /// pause, kills the link, and mails a notice; it signs nobody in.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`], and [`Refusal::WrongStage`] for a proof of another kind than is needed; nothing was
    /// judged then.
    pub fn reset_password(
        mut self,
        token: &PlainToken,
        proof: Proof<'_>,
        questions_are_asked: bool,
        password: &PasswordHash,
        now: Timestamp,
    ) -> Result<Counted<Self, Result<(), Refusal>>, Refusal> {
        let by_code = matches!(self.present_reset(token, now)?.needed(questions_are_asked, now)?, Needed::Code(_));
        let outcome = match proof {
            Proof::Code { credential, opened, code } if by_code => self.judge_code(credential, opened, code, now)?,
            Proof::Answers(right) if !by_code => self.judge_answers(right, now)?,
            Proof::Code { .. } | Proof::Answers(_) => return Err(OTHER_PROOF),
        };
        if outcome.is_err() {
            let denial = if by_code { Denial::WrongCode } else { Denial::WrongAnswers };
            return Ok(Counted::new(Decision::quiet(Action::PasswordReset, self).refused(denial), outcome));
        }
        if let Stage::Active { password: kept, failures, recovery, .. } = &mut self.stage {
            *kept = password.clone();
            *failures = Failures::default();
            *recovery = Recovery::default();
        }
        self.sessions.clear();
        let told = self.password_changed(now);
        Ok(Counted::new(Decision::with(Action::PasswordReset, self, vec![told]), Ok(())))
    }

    /// The outer error says that nothing was judged.
    fn judge_code(
        &mut self,
        credential: CredentialId,
        opened: &Opened,
        code: &OtpCode,
        now: Timestamp,
    ) -> Result<Result<(), Refusal>, Refusal> {
        let credential = self.credential_mut(credential)?;
        let judged = credential.judge(opened, code, now);
        let (locked, of_credential) = (credential.locked(), credential.tries_left());
        match judged {
            Judged::Right => Ok(Ok(())),
            Judged::Wrong | Judged::TriedOut => {
                let of_link = self.one_failure_of_link();
                let tries_left = of_link.min(of_credential);
                Ok(Err(if locked { Refusal::CredentialLocked } else { Refusal::CodeNotAccepted { tries_left } }))
            }
            Judged::Locked => Err(Refusal::CredentialLocked),
            Judged::Unusable(hint) => Err(Refusal::WrongStage { hint }),
        }
    }

    fn judge_answers(&mut self, right: bool, now: Timestamp) -> Result<Result<(), Refusal>, Refusal> {
        let Stage::Active { recovery, .. } = &mut self.stage else {
            return Err(Refusal::LinkNotValid);
        };
        if recovery.wrong_answers.paused(now) {
            return Err(PAUSED);
        }
        if right {
            return Ok(Ok(()));
        }
        recovery.wrong_answers = recovery.wrong_answers.one_more(now);
        Ok(Err(Refusal::AnswersNotAccepted { tries_left: self.one_failure_of_link() }))
    }

    /// Counts a failure of the newest link, which dies of the last one; how many are left.
    fn one_failure_of_link(&mut self) -> u32 {
        let Stage::Active { recovery, .. } = &mut self.stage else {
            return 0;
        };
        let Some(link) = &mut recovery.link else {
            return 0;
        };
        link.failures = link.failures.saturating_add(1);
        let left = link.tries_left();
        if left == 0 {
            recovery.link = None;
        }
        left
    }
}
