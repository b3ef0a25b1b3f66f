//! People whom an organisation's administrators invite into it, or enter directly (INV-8).
//!
//! One record for each organisation, beside the organisation's own, which every dashboard reads.

use serde::{Deserialize, Serialize};

use crate::{
    account::{Admission, Membership, SignedIn},
    audit::Action,
    decision::Decision,
    effect::Effect,
    message::{Body, Message},
    organisation::{Organisation, phone_of, require_administrator},
    refusal::{Faults, Refusal},
    secret::{Entropy, IndexPurpose, Keys, PlainToken, TokenDigest, TokenPurpose},
    values::{
        AccountId, ApplicationId, Country, Email, FormId, OrganisationId, PersonInvitationId, PersonName, Phone,
        Seconds, Timestamp,
    },
};

/// How long the link of a person's invitation works.
pub const PERSON_INVITATION_LIFETIME: Seconds = Seconds::days(7);
/// Invitations of one organisation that are open at the same time.
pub const MAX_OPEN: usize = 50;
/// Invitations that are remembered; older ones that are not open give way.
pub const MAX_KEPT: usize = 100;

/// Somebody whom an administrator enters: nothing is checked yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RawPerson {
    /// The form's id: sending it twice is harmless.
    pub form: String,
    /// `invite` or `create`.
    pub how: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// E-mail.
    pub email: String,
    /// `user`, `application-administrator` or `organisation-administrator`.
    pub role: String,
    /// The applications that the person may use, and administers as Application Administrator; every one of the
    /// organisation's when there is none.
    pub applications: Vec<String>,
}

/// How somebody comes into the organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// By a link, under which they complete their details.
    Invited,
    /// Entered by the administrator: the activation e-mail goes out at once.
    Created,
}

/// Somebody whom an administrator enters, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddPerson {
    id: PersonInvitationId,
    how: How,
    name: PersonName,
    email: Email,
    membership: Membership,
}

impl AddPerson {
    /// Parses every field and collects every fault. What is not this organisation's counts as unknown (ACC-5).
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(raw: &RawPerson, organisation: &Organisation) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let form: Option<FormId> = faults.check("form", raw.form.parse());
        let how = match raw.how.as_str() {
            "invite" => Some(How::Invited),
            "create" => Some(How::Created),
            _ => {
                faults.add("how", "unknown", "Choose to invite the person or to create the account at once.");
                None
            }
        };
        let given = faults.check("given_name", raw.given_name.parse());
        let family = faults.check("family_name", raw.family_name.parse());
        let email = faults.check("email", raw.email.parse());
        let membership = parse_membership(raw, organisation, &mut faults);
        let parsed = (|| {
            Some(Self {
                id: PersonInvitationId::from_bytes(*form?.bytes()),
                how: how?,
                name: PersonName { given: given?, family: family? },
                email: email?,
                membership: membership?,
            })
        })();
        faults.finish(parsed)
    }
}

fn parse_membership(raw: &RawPerson, organisation: &Organisation, faults: &mut Faults) -> Option<Membership> {
    let known = |id: &String| {
        let id: ApplicationId = id.parse().ok()?;
        organisation.subscriptions.contains_key(&id).then_some(id)
    };
    let named: Option<Vec<ApplicationId>> = raw.applications.iter().map(known).collect();
    let Some(named) = named else {
        faults.add("applications", "unknown", "Choose applications of your organization.");
        return None;
    };
    let access = if named.is_empty() { organisation.subscriptions.keys().cloned().collect() } else { named.clone() };
    let (organisation_administrator, application_administrator) = match raw.role.as_str() {
        "user" => (false, Vec::new()),
        "organisation-administrator" => (true, Vec::new()),
        "application-administrator" if named.is_empty() => {
            faults.add("applications", "missing", "Choose the application that the person is to administer.");
            return None;
        }
        "application-administrator" => (false, named),
        _ => {
            faults.add("role", "unknown", "Choose a role.");
            return None;
        }
    };
    Some(Membership { organisation: organisation.id, organisation_administrator, application_administrator, access })
}

/// Where a person's invitation stands, its time aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PersonState {
    /// The link works.
    Open,
    /// The person has accepted.
    Accepted {
        /// When.
        at: Timestamp,
        /// The phone that the person gave; `None` for one who had an account already.
        phone: Option<Phone>,
    },
    /// Taken back, or replaced by a newer one to the same mailbox.
    Ended {
        /// When.
        at: Timestamp,
    },
}

/// One person who was invited or entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonInvitation {
    /// Names it within its organisation.
    pub id: PersonInvitationId,
    /// How the person comes in.
    pub how: How,
    /// The person's name as the administrator wrote it.
    pub name: PersonName,
    /// The person's e-mail.
    pub email: Email,
    /// What the person is given.
    pub membership: Membership,
    /// Which administrator.
    pub by: AccountId,
    /// When.
    pub at: Timestamp,
    /// Until when the link works.
    pub expires_at: Timestamp,
    /// Digest of the link's token.
    pub token: TokenDigest,
    /// Where it stands.
    pub state: PersonState,
}

impl PersonInvitation {
    /// Whether its link works now.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == PersonState::Open && now < self.expires_at
    }

    /// The state as administrators are told. Of somebody who was entered it says no more than that: whether the mailbox had
    /// an account is nobody's business.
    pub fn as_str(&self, now: Timestamp) -> &'static str {
        match (self.how, &self.state) {
            (How::Created, _) => "created",
            (How::Invited, PersonState::Accepted { .. }) => "accepted",
            (How::Invited, PersonState::Ended { .. }) => "ended",
            (How::Invited, PersonState::Open) if now < self.expires_at => "open",
            (How::Invited, PersonState::Open) => "expired",
        }
    }
}

/// Everybody whom one organisation has invited or entered, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// The record's id: the organisation's.
    pub id: OrganisationId,
    /// At most [`MAX_KEPT`].
    pub invitations: Vec<PersonInvitation>,
}

/// What an invited person says of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completed {
    /// Name and phone of somebody who gets an account.
    Details {
        /// The name.
        name: PersonName,
        /// The work phone.
        phone: Phone,
    },
    /// Nothing: the person has an account.
    HasAccount,
}

impl Completed {
    /// Parses every field and collects every fault.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(given_name: &str, family_name: &str, phone: &str, country: Country) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let given = faults.check("given_name", given_name.parse());
        let family = faults.check("family_name", family_name.parse());
        let phone = faults.check("phone", phone_of(phone, Some(country)));
        let name = given.zip(family).map(|(given, family)| PersonName { given, family });
        faults.finish(name.zip(phone).map(|(name, phone)| Self::Details { name, phone }))
    }
}

impl Team {
    /// An organisation that has invited nobody yet.
    pub fn new(id: OrganisationId) -> Self {
        Self { id, invitations: Vec::new() }
    }

    /// Invites or enters somebody. `None` when the same form did so before.
    ///
    /// # Errors
    /// [`Refusal::RoleMissing`]; a field fault when [`MAX_OPEN`] are open, or the form was used for somebody else.
    pub fn add(
        mut self,
        command: AddPerson,
        person: &SignedIn<'_>,
        organisation: &Organisation,
        (keys, now): (&Keys, Timestamp),
        rng: &mut dyn Entropy,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        require_administrator(person)?;
        if let Some(known) = self.invitations.iter().find(|known| known.id == command.id) {
            let same =
                known.email == command.email && known.how == command.how && known.membership == command.membership;
            let reused = || Refusal::field("form", "form-reused", "Reload the page and enter the person again.");
            return if same { Ok(None) } else { Err(reused()) };
        }
        self.end_earlier(&command.email, now);
        self.make_room(command.how, now)?;
        let token = PlainToken::new(*self.id.bytes(), rng);
        let expires_at = now.plus(PERSON_INVITATION_LIFETIME);
        let organisation_name = organisation.profile.legal_name.as_str().to_owned();
        let message = Box::new(Message {
            to: command.email.clone(),
            name: command.name.full(),
            body: Body::PersonInvited {
                organisation: organisation_name.clone(),
                by: person.account.name.full(),
                token: token.reveal(),
                expires_at,
            },
        });
        let invitation = PersonInvitation {
            id: command.id,
            how: command.how,
            name: command.name,
            email: command.email,
            membership: command.membership,
            by: person.account.id,
            at: now,
            expires_at,
            token: token.digest(TokenPurpose::PersonInvitation),
            state: PersonState::Open,
        };
        let (action, effect) = match command.how {
            How::Invited => (Action::PersonInvitation, Effect::Send(message)),
            How::Created => {
                let admission = admission(&invitation, invitation.name.clone(), organisation_name, keys);
                (Action::PersonCreation, Effect::Enlist { admission: Box::new(admission), offer: message })
            }
        };
        self.invitations.push(invitation);
        Ok(Some(Decision::with(action, self, vec![effect])))
    }

    /// A newer link to the same mailbox kills the older one.
    fn end_earlier(&mut self, email: &Email, now: Timestamp) {
        let email = email.normalised();
        for known in &mut self.invitations {
            if known.is_open(now) && known.email.normalised() == email {
                known.state = PersonState::Ended { at: now };
            }
        }
    }

    fn make_room(&mut self, how: How, now: Timestamp) -> Result<(), Refusal> {
        let open = |known: &PersonInvitation| known.how == How::Invited && known.is_open(now);
        if how == How::Invited && self.invitations.iter().filter(|known| open(known)).count() >= MAX_OPEN {
            let hint = "Fifty invitations are open. Take one back, or wait until some are accepted.";
            return Err(Refusal::field("email", "too-many-open", hint));
        }
        if self.invitations.len() >= MAX_KEPT {
            let oldest = self.invitations.iter().position(|known| !open(known));
            self.invitations.remove(oldest.unwrap_or(0));
        }
        Ok(())
    }

    /// The invitation whose link is presented. Opening it changes nothing.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`], one answer for every "no".
    pub fn present(&self, token: &PlainToken, now: Timestamp) -> Result<&PersonInvitation, Refusal> {
        let known = self.invitations.iter().find(|known| known.token.matches(token, TokenPurpose::PersonInvitation));
        known.filter(|known| known.is_open(now)).ok_or(Refusal::LinkNotValid)
    }

    /// Whether this link was used: a repetition is answered as the first time.
    pub fn was_accepted_with(&self, token: &PlainToken) -> bool {
        self.invitations.iter().any(|known| {
            matches!(known.state, PersonState::Accepted { .. })
                && known.token.matches(token, TokenPurpose::PersonInvitation)
        })
    }

    /// The person accepts: they get an account, or one membership more. `None` when they have accepted already.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`].
    pub fn accept(
        mut self,
        token: &PlainToken,
        completed: Completed,
        organisation: &Organisation,
        (keys, now): (&Keys, Timestamp),
    ) -> Result<Option<Decision<Self>>, Refusal> {
        if self.was_accepted_with(token) {
            return Ok(None);
        }
        let id = self.present(token, now)?.id;
        let known = self.invitations.iter_mut().find(|known| known.id == id).ok_or(Refusal::LinkNotValid)?;
        let (name, phone) = match completed {
            Completed::Details { name, phone } => (name, Some(phone)),
            Completed::HasAccount => (known.name.clone(), None),
        };
        known.state = PersonState::Accepted { at: now, phone };
        let admission = admission(known, name, organisation.profile.legal_name.as_str().to_owned(), keys);
        Ok(Some(Decision::with(Action::PersonInvitationUse, self, vec![Effect::Admit(Box::new(admission))])))
    }

    /// Takes an invitation back. `None` when that was done before.
    ///
    /// # Errors
    /// [`Refusal::RoleMissing`]; [`Refusal::NotFound`] for one that is not this organisation's or was not sent (ACC-5);
    /// [`Refusal::WrongStage`] when the person has accepted.
    pub fn take_back(
        mut self,
        person: &SignedIn<'_>,
        id: PersonInvitationId,
        now: Timestamp,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        require_administrator(person)?;
        let known = self.invitations.iter_mut().find(|known| known.id == id && known.how == How::Invited);
        let known = known.ok_or(Refusal::NotFound)?;
        match known.state {
            PersonState::Ended { .. } => Ok(None),
            PersonState::Accepted { .. } => Err(Refusal::WrongStage { hint: "The person has accepted already." }),
            PersonState::Open => {
                known.state = PersonState::Ended { at: now };
                Ok(Some(Decision::quiet(Action::PersonInvitationRevocation, self)))
            }
        }
    }
}

/// The account's id derives from the invitation, so that carrying it out again meets the same account.
fn admission(invitation: &PersonInvitation, name: PersonName, organisation_name: String, keys: &Keys) -> Admission {
    let (organisation, email) = (invitation.membership.organisation, invitation.email.normalised());
    let parts = [organisation.bytes().as_slice(), invitation.id.bytes(), email.as_bytes()];
    Admission {
        account: AccountId::from_bytes(keys.index(IndexPurpose::Account, &parts)),
        name,
        email: invitation.email.clone(),
        organisation_name,
        membership: invitation.membership.clone(),
    }
}

#[cfg(test)]
mod tests;
