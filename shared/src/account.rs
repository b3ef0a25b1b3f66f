//! A person's account: activation, sign-in, sessions, roles and credentials.
//!
//! All of it is one record, so that a session's new secret, the authenticator's step and the failure counts change
//! in one commit.

mod purchases;
mod recovery;
mod sessions;

pub use purchases::{Awaited, MAX_PURCHASES, Purchase};
pub use recovery::{Needed, Proof, RESET_AGAIN_AFTER, RESET_LIFETIME, RESET_TRIES, Recovery, Resetting};
pub use sessions::PasswordChange;

use serde::{Deserialize, Serialize};

use crate::{
    audit::{Action, Denial},
    config::{Level, ProductKind},
    credential::{
        Credential, Factor, Grant, Judged, Opened,
        phone::{Asker, NewPhone, ending, tried_out},
    },
    decision::{Counted, Decision},
    effect::Effect,
    lockout::Failures,
    message::{Body, Message, PhoneCode},
    password::{AnswerHash, PasswordHash},
    refusal::Refusal,
    secret::{Entropy, PlainToken, Sealed, SessionSecret, TokenDigest, TokenPurpose},
    values::{
        AccountId, ApplicationId, CredentialId, Email, OrganisationId, OtpCode, PersonName, Seconds, Timestamp, UserId,
    },
};

/// How long an activation link works (ACT-3).
pub const ACTIVATION_LIFETIME: Seconds = Seconds::hours(72);
/// A session ends after this time without a request (SIG-2).
pub const SESSION_IDLE: Seconds = Seconds::hours(1);
/// A session ends after this time, used or not (SIG-2).
pub const SESSION_LIFETIME: Seconds = Seconds::hours(12);
/// Sessions that one account can have at the same time; the oldest ends when one more begins.
pub const MAX_SESSIONS: usize = 10;
/// Credentials that one account can hold.
pub const MAX_CREDENTIALS: usize = 20;
/// Organisations that one account can belong to.
pub const MAX_MEMBERSHIPS: usize = 50;

/// How long a passed second factor is good for a change of authenticators (CRD-9).
pub const STEP_UP_LIFETIME: Seconds = Seconds::minutes(15);

/// Security questions that a person chooses and answers (ACT-2).
pub const SECURITY_QUESTIONS: usize = 3;

/// A person's place in an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Administers the organisation.
    pub organisation_administrator: bool,
    /// Administers these applications.
    pub application_administrator: Vec<ApplicationId>,
    /// May use these applications.
    pub access: Vec<ApplicationId>,
}

/// The wish to let a designated person in (APR-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The id that a new account gets, derived from its cause.
    pub account: AccountId,
    /// The person's name.
    pub name: PersonName,
    /// The person's e-mail.
    pub email: Email,
    /// The organisation's name, for the message.
    pub organisation_name: String,
    /// What the person is given.
    pub membership: Membership,
}

/// A raised session: a second factor was passed (OTP-4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// When the code was accepted.
    pub at: Timestamp,
    /// With which credential.
    pub credential: CredentialId,
    /// At which level.
    pub level: Level,
    /// What the code proved.
    pub factor: Factor,
}

/// The organisation that a person acts for in one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActsFor {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Its name when it was chosen among several, for the pages' frame; `None` when there was nothing to choose.
    pub name: Option<String>,
}

/// An open session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Digest of the cookie's secret.
    pub digest: TokenDigest,
    /// When the password was accepted.
    pub created_at: Timestamp,
    /// For whom the person acts; `None` until one of several organisations is chosen (ACC-4).
    pub acts_for: Option<ActsFor>,
    /// The second factor, once passed.
    pub raised: Option<Raised>,
}

/// Where an account stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Waits for its activation link to be used.
    Invited {
        /// Digest of the link's token.
        token: TokenDigest,
        /// Until when the link works.
        expires_at: Timestamp,
    },
    /// In use.
    Active {
        /// The password.
        password: PasswordHash,
        /// The security questions and their answers (ACT-2).
        answers: Vec<(String, AnswerHash)>,
        /// Consecutive failures at sign-in (SIG-1).
        failures: Failures,
        /// What replaces a forgotten password (SIG-3).
        recovery: Recovery,
        /// Digest of the activation token that was used, so that a repeated submission is told apart from a stranger.
        activated_with: TokenDigest,
        /// When it was activated.
        activated_at: Timestamp,
    },
}

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The record's id.
    pub id: AccountId,
    /// The person's name.
    pub name: PersonName,
    /// The person's e-mail.
    pub email: Email,
    /// The User ID, `lastnamefirstinitial_NNNN`.
    pub user_id: UserId,
    /// Where it stands.
    pub stage: Stage,
    /// The organisations it belongs to.
    pub memberships: Vec<Membership>,
    /// Open sessions, oldest first.
    pub sessions: Vec<Session>,
    /// Credentials, oldest first.
    pub credentials: Vec<Credential>,
    /// Orders of which something cannot be used yet, oldest first; at most [`MAX_PURCHASES`].
    pub purchases: Vec<Purchase>,
}

/// A person with a valid session, acting for one organisation.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn<'a> {
    /// The account.
    pub account: &'a Account,
    /// The session.
    pub session: &'a Session,
    /// The place in the organisation that the session is for.
    pub membership: &'a Membership,
}

impl SignedIn<'_> {
    /// Whether this session may add an authenticator: the first one after the password alone, every further one only
    /// after a recent second factor at the highest level that the account has (CRD-9).
    ///
    /// # Errors
    /// [`Refusal::OtpRequired`].
    pub fn may_add_authenticator(&self, now: Timestamp) -> Result<(), Refusal> {
        let Some(highest) = self.account.second_factors(now).map(|one| one.grant.level).max() else {
            return Ok(());
        };
        let raised = self.session.raised.as_ref();
        let enough = raised.is_some_and(|raised| raised.level >= highest && now.since(raised.at) < STEP_UP_LIFETIME);
        if enough { Ok(()) } else { Err(Refusal::OtpRequired) }
    }
}

/// An account whose activation link was presented and is valid.
#[derive(Debug, Clone, Copy)]
pub struct Activating<'a> {
    account: &'a Account,
    token: TokenDigest,
}

impl<'a> Activating<'a> {
    /// The account to be activated.
    pub fn account(self) -> &'a Account {
        self.account
    }
}

/// Password and security answers, parsed and hashed (ACT-1, ACT-2).
#[derive(Debug, Clone)]
pub struct ChosenSecrets {
    /// The password.
    pub password: PasswordHash,
    /// Questions and answers.
    pub answers: Vec<(String, AnswerHash)>,
}

impl Account {
    /// A new account that waits for activation (APR-2), and the message that carries its link.
    pub fn invite(admission: Admission, user_id: UserId, now: Timestamp, rng: &mut dyn Entropy) -> Decision<Self> {
        let token = PlainToken::new(*admission.account.bytes(), rng);
        let expires_at = now.plus(ACTIVATION_LIFETIME);
        let message = Message {
            to: admission.email.clone(),
            name: admission.name.full(),
            body: Body::Activation {
                organisation: admission.organisation_name,
                user_id: user_id.as_str().to_owned(),
                token: token.reveal(),
                expires_at,
            },
        };
        let account = Self {
            id: admission.account,
            name: admission.name,
            email: admission.email,
            user_id,
            stage: Stage::Invited { token: token.digest(TokenPurpose::Activation), expires_at },
            memberships: vec![admission.membership],
            sessions: Vec::new(),
            credentials: Vec::new(),
            purchases: Vec::new(),
        };
        Decision::with(Action::Admission, account, vec![Effect::Send(Box::new(message))])
    }

    /// Adds a place in one more organisation (ACC-4). `None` when the person has it already.
    pub fn join(mut self, admission: Admission) -> Option<Decision<Self>> {
        let known = self.memberships.iter().any(|one| one.organisation == admission.membership.organisation);
        if known || self.memberships.len() >= MAX_MEMBERSHIPS {
            return None;
        }
        self.memberships.push(admission.membership);
        let message = Message {
            to: self.email.clone(),
            name: self.name.full(),
            body: Body::MembershipAdded { organisation: admission.organisation_name },
        };
        Some(Decision::with(Action::Membership, self, vec![Effect::Send(Box::new(message))]))
    }

    /// Administers and may use an application that the organisation has accepted an invitation to (INV-7). `None` when
    /// that is so, or the person has left the organisation.
    pub fn administer(mut self, organisation: OrganisationId, application: &ApplicationId) -> Option<Decision<Self>> {
        let membership = self.memberships.iter_mut().find(|one| one.organisation == organisation)?;
        let roles = [&mut membership.application_administrator, &mut membership.access];
        let mut changed = false;
        for role in roles {
            if !role.contains(application) {
                role.push(application.clone());
                changed = true;
            }
        }
        changed.then(|| Decision::quiet(Action::Role, self))
    }

    /// Checks a presented activation link. Opening changes nothing (ACT-3).
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`] for a token that is foreign, used or expired.
    pub fn present_activation(&self, token: &PlainToken, now: Timestamp) -> Result<Activating<'_>, Refusal> {
        match &self.stage {
            Stage::Invited { token: digest, expires_at }
                if now < *expires_at && digest.matches(token, TokenPurpose::Activation) =>
            {
                Ok(Activating { account: self, token: *digest })
            }
            Stage::Invited { .. } | Stage::Active { .. } => Err(Refusal::LinkNotValid),
        }
    }

    /// Whether this link has activated the account before.
    pub fn was_activated_with(&self, token: &PlainToken) -> bool {
        matches!(&self.stage, Stage::Active { activated_with, .. }
            if activated_with.matches(token, TokenPurpose::Activation))
    }

    /// Activates: sets password and answers, signs in, mails "Login Success" (ACT-1, ACT-2, ACT-3).
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the account belongs to no organisation.
    pub fn activate(
        activating: Activating<'_>,
        secrets: ChosenSecrets,
        session: &SessionSecret,
        now: Timestamp,
    ) -> Result<Decision<Self>, Refusal> {
        let mut account = activating.account.clone();
        account.stage = Stage::Active {
            password: secrets.password,
            answers: secrets.answers,
            failures: Failures::default(),
            recovery: Recovery::default(),
            activated_with: activating.token,
            activated_at: now,
        };
        account.open_session(session, now)?;
        let message = Message {
            to: account.email.clone(),
            name: account.name.full(),
            body: Body::LoginSuccess { user_id: account.user_id.as_str().to_owned() },
        };
        Ok(Decision::with(Action::Activation, account, vec![Effect::Send(Box::new(message))]))
    }

    /// The password to compare an attempt with; `None` before activation.
    pub fn password(&self) -> Option<&PasswordHash> {
        match &self.stage {
            Stage::Active { password, .. } => Some(password),
            Stage::Invited { .. } => None,
        }
    }

    /// The credential with this id.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn credential(&self, id: CredentialId) -> Result<&Credential, Refusal> {
        self.credentials.iter().find(|credential| credential.grant.id == id).ok_or(Refusal::NotFound)
    }

    /// The credential whose code is to be judged: the chosen one, or the only one with an authenticator.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when there is none, [`Refusal::NotFound`] for one of somebody else, or a field fault
    /// when one of several has to be chosen.
    pub fn second_factor(&self, chosen: Option<CredentialId>, now: Timestamp) -> Result<&Credential, Refusal> {
        if let Some(chosen) = chosen {
            let credential = self.credential(chosen)?;
            return if usable(credential, now) { Ok(credential) } else { Err(NO_AUTHENTICATOR) };
        }
        let mut usable = self.second_factors(now);
        match (usable.next(), usable.next()) {
            (None, _) => Err(NO_AUTHENTICATOR),
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(Refusal::field("credential", "missing", "Choose the credential of your code.")),
        }
    }

    /// Credentials whose codes can be judged now.
    pub fn second_factors(&self, now: Timestamp) -> impl Iterator<Item = &Credential> {
        self.credentials.iter().filter(move |credential| usable(credential, now))
    }

    /// Whether there is room for this credential, or it is there already.
    ///
    /// # Errors
    /// [`Refusal::WrongStage`] when the account holds [`MAX_CREDENTIALS`] others.
    pub fn room_for_credential(&self, id: CredentialId) -> Result<(), Refusal> {
        if self.credentials.len() < MAX_CREDENTIALS || self.credential(id).is_ok() {
            return Ok(());
        }
        Err(Refusal::WrongStage { hint: "Your account holds as many credentials as it can. Write to support." })
    }

    fn credential_mut(&mut self, id: CredentialId) -> Result<&mut Credential, Refusal> {
        self.credentials.iter_mut().find(|credential| credential.grant.id == id).ok_or(Refusal::NotFound)
    }

    /// Puts a licensed credential into the account (CRD-1). `None` when it is there already or no room is left.
    pub fn receive(mut self, grant: Grant) -> Option<Decision<Self>> {
        let known = self.credentials.iter().any(|credential| credential.grant.id == grant.id);
        if known || self.credentials.len() >= MAX_CREDENTIALS {
            return None;
        }
        self.credentials.push(Credential::granted(grant));
        Some(Decision::quiet(Action::CredentialGrant, self))
    }

    /// Offers an authenticator app its seed (CRD-4). `kind` is the product's.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::WrongStage`].
    pub fn begin_enrolment(
        mut self,
        id: CredentialId,
        kind: ProductKind,
        seed: Sealed,
        now: Timestamp,
    ) -> Result<Decision<Self>, Refusal> {
        let credential = self.credential_mut(id)?;
        credential.require_kind(kind, ProductKind::AuthenticatorApp)?;
        credential.begin_enrolment(seed, now)?;
        Ok(Decision::quiet(Action::EnrolmentOffer, self))
    }

    /// Has a code sent to a phone that is to be registered (CRD-5). `kind` is the product's. `None` when that was done just
    /// now.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], a field fault for a number that is registered, [`Refusal::WrongStage`],
    /// [`Refusal::CredentialLocked`], [`Refusal::TooManyRequests`].
    pub fn call_new_phone(
        mut self,
        id: CredentialId,
        kind: ProductKind,
        phone: NewPhone,
        asker: Asker<'_>,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        let credential = self.credential_mut(id)?;
        credential.require_kind(kind, ProductKind::Phone)?;
        let code = credential.call_new_phone(phone, asker, now, rng)?;
        Ok(code.map(|code| self.called(code)))
    }

    /// Has a code sent to a registered phone (CRD-5). `None` when that was done just now.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], a field fault when there is no such phone; as for a new phone.
    pub fn call_phone(
        mut self,
        id: CredentialId,
        ordinal: u16,
        asker: Asker<'_>,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        let code = self.credential_mut(id)?.call_phone(ordinal, asker, now, rng)?;
        Ok(code.map(|code| self.called(code)))
    }

    fn called(self, code: PhoneCode) -> Decision<Self> {
        Decision::with(Action::PhoneCode, self, vec![Effect::Call(Box::new(code))])
    }

    /// Judges the code that proves a new phone, raises the session and mails a notice (CRD-5, CRD-9, OTP-4).
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such credential; nothing was judged then.
    pub fn prove_phone(
        mut self,
        presented: &Presented<'_>,
        product: &str,
        now: Timestamp,
    ) -> Result<Counted<Self, Result<(), Refusal>>, Refusal> {
        let Opened::Sent { right, .. } = presented.opened else {
            return Err(NO_AUTHENTICATOR);
        };
        let credential = self.credential_mut(presented.credential)?;
        let factor = credential.factor(presented.opened);
        let judged = credential.prove_phone(*right, now);
        let outcome = answer(judged, credential);
        if !judged.counts() {
            return Ok(Counted::unjudged(self, outcome));
        }
        let newest = credential.phones().and_then(|phones| phones.registered().last());
        let ending = newest.map(|phone| ending(&phone.number)).unwrap_or_default();
        let mut effects = Vec::new();
        if outcome.is_ok() {
            self.raise(presented, factor, now);
            effects.push(self.notice(Body::PhoneAdded { product: product.to_owned(), ending, at: now }));
        }
        Ok(judged_code(Decision::with(Action::PhoneProof, self, effects), outcome))
    }

    /// Removes a phone and mails a notice (CRD-9). What other sessions have proved with the credential counts no more: one of
    /// them may be whoever has the phone now. `None` when it is gone already.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::WrongStage`] for the last one.
    pub fn remove_phone(
        mut self,
        id: CredentialId,
        ordinal: u16,
        product: &str,
        session: &SessionSecret,
        now: Timestamp,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        let removed = self.credential_mut(id)?.remove_phone(ordinal)?;
        Ok(removed.map(|phone| {
            for other in self.sessions.iter_mut().filter(|other| !session.matches(&other.digest)) {
                other.raised = other.raised.take().filter(|raised| raised.credential != id);
            }
            let ending = ending(&phone.number);
            let told = self.notice(Body::PhoneRemoved { product: product.to_owned(), ending, at: now });
            Decision::with(Action::PhoneRemoval, self, vec![told])
        }))
    }

    fn notice(&self, body: Body) -> Effect {
        Effect::Send(Box::new(Message { to: self.email.clone(), name: self.name.full(), body }))
    }

    /// Judges the code that proves a newly offered app, raises the session and mails a notice (CRD-4, CRD-9, OTP-4).
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such credential; nothing was judged then.
    pub fn prove_enrolment(
        mut self,
        presented: &Presented<'_>,
        product: &str,
        now: Timestamp,
    ) -> Result<Counted<Self, Result<(), Refusal>>, Refusal> {
        let credential = self.credential_mut(presented.credential)?;
        let judged = credential.prove_enrolment(presented.opened, presented.code, now);
        let outcome = answer(judged, credential);
        if !judged.counts() {
            return Ok(Counted::unjudged(self, outcome));
        }
        let mut effects = Vec::new();
        if outcome.is_ok() {
            self.raise(presented, Factor::App, now);
            effects.push(self.notice(Body::AuthenticatorAdded { product: product.to_owned(), at: now }));
        }
        Ok(judged_code(Decision::with(Action::EnrolmentProof, self, effects), outcome))
    }

    /// Judges a code and raises the session, which gets a new secret (OTP-1 to OTP-4, SIG-2).
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when there is no such credential; nothing was judged then.
    pub fn verify_otp(
        mut self,
        presented: &Presented<'_>,
        now: Timestamp,
    ) -> Result<Counted<Self, Result<(), Refusal>>, Refusal> {
        let credential = self.credential_mut(presented.credential)?;
        let factor = credential.factor(presented.opened);
        let judged = credential.judge(presented.opened, presented.code, now);
        let outcome = answer(judged, credential);
        if !judged.counts() {
            return Ok(Counted::unjudged(self, outcome));
        }
        if outcome.is_ok() {
            self.raise(presented, factor, now);
        }
        Ok(judged_code(Decision::quiet(Action::SecondFactor, self), outcome))
    }

    fn raise(&mut self, presented: &Presented<'_>, factor: Factor, now: Timestamp) {
        let level = self.credential(presented.credential).map(|credential| credential.grant.level);
        let session = self.sessions.iter_mut().find(|session| presented.session.matches(&session.digest));
        if let (Some(session), Ok(level)) = (session, level) {
            session.digest = presented.next_session.digest();
            session.raised = Some(Raised { at: now, credential: presented.credential, level, factor });
        }
    }
}

fn usable(credential: &Credential, now: Timestamp) -> bool {
    credential.registered() && !credential.expired(now)
}

const NO_AUTHENTICATOR: Refusal =
    Refusal::WrongStage { hint: "Register an authenticator for a credential that has not expired." };

/// A code that was entered, with all that judging it needs.
#[derive(Debug)]
pub struct Presented<'a> {
    /// For which credential.
    pub credential: CredentialId,
    /// What the code is judged by.
    pub opened: &'a Opened,
    /// The code.
    pub code: &'a OtpCode,
    /// The session that is to be raised.
    pub session: &'a SessionSecret,
    /// The secret that the raised session gets.
    pub next_session: &'a SessionSecret,
}

/// A judged code, with the trail's word for one that was not right (AUD-1).
fn judged_code<T>(decision: Decision<T>, outcome: Result<(), Refusal>) -> Counted<T, Result<(), Refusal>> {
    let decision = if outcome.is_ok() { decision } else { decision.refused(Denial::WrongCode) };
    Counted::new(decision, outcome)
}

fn answer(judged: Judged, credential: &Credential) -> Result<(), Refusal> {
    match judged {
        Judged::Right => Ok(()),
        Judged::Wrong if credential.locked() => Err(Refusal::CredentialLocked),
        Judged::Wrong => Err(Refusal::CodeNotAccepted { tries_left: credential.tries_left() }),
        Judged::TriedOut => Err(tried_out()),
        Judged::Locked => Err(Refusal::CredentialLocked),
        Judged::Unusable(hint) => Err(Refusal::WrongStage { hint }),
    }
}

/// Which account a person means by an e-mail or a User ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The record's id: a keyed index of the e-mail or User ID.
    pub id: [u8; 16],
    /// The account.
    pub account: AccountId,
}

#[cfg(test)]
mod tests;
