//! Choosing a password, wherever that is done: the same policy, blocklist and names (ACT-1).

use shared::{
    account::Account,
    organisation::Organisation,
    password::NewPassword,
    refusal::{Faults, Refusal},
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
        let service = &self.gateway.service;
        let names = [
            service.name.as_str(),
            organisation,
            account.name.given.as_str(),
            account.name.family.as_str(),
            account.user_id.as_str(),
            account.email.as_str(),
        ];
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
