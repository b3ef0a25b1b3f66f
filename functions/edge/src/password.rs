//! Choosing a password, wherever that is done: the same policy, blocklist and names (ACT-1).

use shared::{
    account::Account,
    organisation::Organisation,
    password::{NewPassword, PasswordHash},
    refusal::{Faults, Refusal},
    secret::Keys,
    values::OrganisationId,
};

use crate::{
    edge::Edge,
    failure::{Failure, Outcome},
    platform::Platform,
    reply::Scripts,
};

/// The fields of a new password, as they were sent.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// What was entered.
    pub password: &'a str,
    /// What was entered again.
    pub repeated: &'a str,
}

/// A password that was entered, compared with the one that is kept: decided anew after a lost race, hashed anew only if
/// what is kept changed meanwhile. Where nothing is kept, the work is the same (SIG-1).
#[derive(Debug)]
pub struct Compared<'a> {
    entered: &'a str,
    outcome: Option<(PasswordHash, bool)>,
}

impl<'a> Compared<'a> {
    /// Nothing is compared yet.
    pub fn new(entered: &'a str) -> Self {
        Self { entered, outcome: None }
    }

    /// Whether it is the password that is kept.
    pub fn with(&mut self, kept: Option<&PasswordHash>, keys: &Keys) -> bool {
        let hash = kept.cloned().unwrap_or_else(PasswordHash::decoy);
        match &self.outcome {
            Some((judged, outcome)) if *judged == hash => *outcome,
            _ => self.outcome.insert((hash.clone(), hash.verify(self.entered, &keys.pepper()))).1,
        }
    }

    /// The same work where there is nobody.
    pub fn with_nobody(&mut self, keys: &Keys) {
        if self.outcome.is_none() {
            let _ = self.with(None, keys);
        }
    }
}

/// Lets a page on which a password is chosen run its script, which advises while it is typed.
pub fn advising(shown: Outcome) -> Outcome {
    shown.map(|reply| reply.running(Scripts::Ours))
}

impl<P: Platform> Edge<P> {
    /// Judges a new password by policy, blocklist and the names of the service, the organisation and the person. What is
    /// wrong is noted under `password` and `password_repeated`.
    ///
    /// # Errors
    /// A fault when the blocklist cannot be read: nothing is accepted unchecked.
    pub fn new_password(
        &self,
        chosen: Chosen<'_>,
        account: &Account,
        organisation: &str,
        faults: &mut Faults,
    ) -> Result<Option<NewPassword>, Failure> {
        let names = [
            organisation,
            account.name.given.as_str(),
            account.name.family.as_str(),
            account.user_id.as_str(),
            account.email.as_str(),
        ];
        self.new_password_of(chosen, &names, faults)
    }

    /// As [`Edge::new_password`], of somebody with these names.
    ///
    /// # Errors
    /// A fault when the blocklist cannot be read: nothing is accepted unchecked.
    pub fn new_password_of(
        &self,
        chosen: Chosen<'_>,
        names: &[&str],
        faults: &mut Faults,
    ) -> Result<Option<NewPassword>, Failure> {
        let service = &self.gateway.service;
        let names = [&[service.name.as_str()], names].concat();
        let blocklist = self.platform.blocklist()?;
        let parsed = NewPassword::parse(chosen.password, &service.password_policy(), &blocklist, &names);
        let password = faults.check("password", parsed);
        if password.is_some() && chosen.password != chosen.repeated {
            faults.add("password_repeated", "differs", "Enter the same password twice.");
        }
        Ok(password)
    }

    /// The organisation's name, which must not be the password.
    ///
    /// # Errors
    /// `absent` when there is no such organisation.
    pub async fn organisation_name(&self, id: &OrganisationId, absent: Refusal) -> Result<String, Failure> {
        let stored = self.kv().get::<Organisation>(id).await?.ok_or(absent)?;
        Ok(stored.value().profile.legal_name.as_str().to_owned())
    }
}
