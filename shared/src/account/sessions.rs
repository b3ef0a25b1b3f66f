//! Sessions of an account: sign-in, whom the person acts for, sign-out, and the change of the password that ends them
//! (SIG-1, SIG-2, ACC-4).

use super::{Account, ActsFor, MAX_SESSIONS, Recovery, SESSION_IDLE, SESSION_LIFETIME, Session, SignedIn, Stage};
use crate::{
    audit::{Action, Actor, Denial},
    decision::{Counted, Decision},
    effect::Effect,
    lockout::Failures,
    message::{Body, Message},
    password::PasswordHash,
    refusal::Refusal,
    secret::SessionSecret,
    values::{OrganisationId, Timestamp},
};

/// The change of a password, by somebody who is signed in.
#[derive(Debug)]
pub struct PasswordChange<'a> {
    /// Whether what was entered is the present password.
    pub present_matches: bool,
    /// The new password.
    pub password: PasswordHash,
    /// The session in which it is changed.
    pub session: &'a SessionSecret,
    /// The secret that this session gets.
    pub next_session: &'a SessionSecret,
}

impl Session {
    fn alive(&self, now: Timestamp) -> bool {
        now.since(self.created_at) < SESSION_LIFETIME
    }
}

impl Account {
    /// Signs in or counts the failure (SIG-1). While tries are paused nothing is judged; every failure has one answer.
    pub fn sign_in(
        mut self,
        password_matches: bool,
        secret: &SessionSecret,
        now: Timestamp,
    ) -> Counted<Self, Result<(), Refusal>> {
        let Stage::Active { failures, .. } = &mut self.stage else {
            return Counted::unjudged(self, Err(Refusal::SignInFailed));
        };
        if failures.paused(now) {
            return Counted::unjudged(self, Err(Refusal::SignInFailed));
        }
        if !password_matches {
            *failures = failures.one_more(now);
            return Counted::new(
                Decision::quiet(Action::SignIn, self).refused(Denial::WrongPassword),
                Err(Refusal::SignInFailed),
            );
        }
        *failures = Failures::default();
        let person = Actor::Person(self.id);
        match self.open_session(secret, now) {
            Ok(()) => Counted::new(Decision::quiet(Action::SignIn, self).by(person), Ok(())),
            Err(refusal) => {
                let decision = Decision::quiet(Action::SignIn, self).refused(Denial::NoMembership);
                Counted::new(decision.by(person), Err(refusal))
            }
        }
    }

    /// A person of one organisation acts for it; one of several has to choose first (ACC-4).
    pub(super) fn open_session(&mut self, secret: &SessionSecret, now: Timestamp) -> Result<(), Refusal> {
        let acts_for = match self.memberships.as_slice() {
            [] => return Err(Refusal::NotFound),
            [only] => Some(ActsFor { organisation: only.organisation, name: None }),
            [_, ..] => None,
        };
        self.sessions.retain(|session| session.alive(now));
        if self.sessions.len() >= MAX_SESSIONS {
            self.sessions.remove(0);
        }
        self.sessions.push(Session { digest: secret.digest(), created_at: now, acts_for, raised: None });
        Ok(())
    }

    /// The session that is presented: no write, and nothing is said about whom the person acts for (SIG-2).
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`] when the session is unknown, idle for an hour, or twelve hours old.
    pub fn session(&self, secret: &SessionSecret, seen_at: Timestamp, now: Timestamp) -> Result<&Session, Refusal> {
        self.sessions
            .iter()
            .find(|session| secret.matches(&session.digest))
            .filter(|session| session.alive(now) && now.since(seen_at) < SESSION_IDLE)
            .ok_or(Refusal::NotSignedIn)
    }

    /// Checks a presented session: one read, no write (SIG-2).
    ///
    /// # Errors
    /// [`Refusal::NotSignedIn`] as [`Account::session`], and when the person has left the organisation;
    /// [`Refusal::OrganisationNotChosen`].
    pub fn signed_in(
        &self,
        secret: &SessionSecret,
        seen_at: Timestamp,
        now: Timestamp,
    ) -> Result<SignedIn<'_>, Refusal> {
        let session = self.session(secret, seen_at, now)?;
        let acts_for = session.acts_for.as_ref().ok_or(Refusal::OrganisationNotChosen)?;
        let membership = self
            .memberships
            .iter()
            .find(|membership| membership.organisation == acts_for.organisation)
            .ok_or(Refusal::NotSignedIn)?;
        Ok(SignedIn { account: self, session, membership })
    }

    /// From now on the person acts for this organisation in this session (ACC-4). `None` when it is so already.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an organisation that the person does not belong to.
    pub fn choose_organisation(
        mut self,
        secret: &SessionSecret,
        organisation: OrganisationId,
        name: String,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        if !self.memberships.iter().any(|membership| membership.organisation == organisation) {
            return Err(Refusal::NotFound);
        }
        let session = self.sessions.iter_mut().find(|session| secret.matches(&session.digest));
        let session = session.ok_or(Refusal::NotSignedIn)?;
        let chosen = Some(ActsFor { organisation, name: Some(name) });
        if session.acts_for == chosen {
            return Ok(None);
        }
        session.acts_for = chosen;
        Ok(Some(Decision::quiet(Action::OrganisationChoice, self)))
    }

    /// Ends one session (SIG-2). `None` when it has ended already.
    pub fn sign_out(mut self, secret: &SessionSecret) -> Option<Decision<Self>> {
        let before = self.sessions.len();
        self.sessions.retain(|session| !secret.matches(&session.digest));
        (self.sessions.len() < before).then(|| Decision::quiet(Action::SignOut, self))
    }

    /// Ends every session, this one included (SIG-2).
    pub fn sign_out_everywhere(mut self) -> Decision<Self> {
        self.sessions.clear();
        Decision::quiet(Action::SignOutEverywhere, self)
    }

    /// Sessions that have not ended, newest first.
    pub fn open_sessions(&self, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.sessions.iter().rev().filter(move |session| session.alive(now))
    }

    /// Changes the password, or counts the failure to know the present one, which is the same count as at sign-in
    /// (SIG-1, SIG-2). Every other session ends, this one gets a new secret, and a notice is mailed.
    pub fn change_password(mut self, change: PasswordChange<'_>, now: Timestamp) -> Counted<Self, Result<(), Refusal>> {
        let Stage::Active { password, failures, recovery, .. } = &mut self.stage else {
            return Counted::unjudged(self, Err(Refusal::NotSignedIn));
        };
        if failures.paused(now) {
            let hint = "There were too many tries. Wait a while, then try again.";
            return Counted::unjudged(self, Err(Refusal::field("present_password", "paused", hint)));
        }
        if !change.present_matches {
            *failures = failures.one_more(now);
            let hint = "Enter the password that you sign in with now.";
            let decision = Decision::quiet(Action::PasswordChange, self).refused(Denial::WrongPassword);
            return Counted::new(decision, Err(Refusal::field("present_password", "not-right", hint)));
        }
        *password = change.password;
        *failures = Failures::default();
        *recovery = Recovery::default();
        self.sessions.retain_mut(|session| {
            let this = change.session.matches(&session.digest);
            session.digest = change.next_session.digest();
            this
        });
        let told = self.password_changed(now);
        Counted::new(Decision::with(Action::PasswordChange, self, vec![told]), Ok(()))
    }

    /// The notice of a new password.
    pub(super) fn password_changed(&self, now: Timestamp) -> Effect {
        Effect::Send(Box::new(Message {
            to: self.email.clone(),
            name: self.name.full(),
            body: Body::PasswordChanged { at: now },
        }))
    }
}
