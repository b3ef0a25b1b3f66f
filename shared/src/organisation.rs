//! A supplier organisation: its profile, the applications it was let into, and the terms it accepted for each.

mod alike;
mod offer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use alike::without_legal_form;
pub use alike::{Alike, Glimpse, MAX_ALIKE, MAX_SHOWN, shown, traits_of, traits_to_search};
pub use offer::{MAX_OFFERS, Offer};

use crate::{
    account::{Account, Admission, Membership, SignedIn},
    audit::Action,
    config::{Application, TermsVersion},
    decision::Decision,
    effect::Effect,
    message::{Body, Message},
    refusal::{Faults, Refusal, Settled},
    registration::reference_of,
    secret::{IndexPurpose, Keys},
    values::{
        AccountId, ApplicationId, Country, Email, Line, OrganisationId, PersonName, Phone, RegistrationId, Timestamp,
        UserId,
    },
};

/// Requests to be let in that one organisation keeps. Those that are decided give way; while so many are undecided, nobody
/// can ask any more.
pub const MAX_JOIN_REQUESTS: usize = 50;

/// The organisation's details as they are submitted: nothing is checked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawProfile {
    /// Legal name of the organisation.
    pub legal_name: String,
    /// Street and number.
    pub street: String,
    /// City.
    pub city: String,
    /// State, province or region; optional.
    pub region: String,
    /// Postal code; optional, since some countries have none.
    pub postal_code: String,
    /// Headquarters country, ISO 3166 alpha-2.
    pub country: String,
    /// Number in the register of companies; optional.
    pub registration_number: String,
    /// Telephone of the organisation in international form; optional.
    pub telephone: String,
}

/// An organisation's details (REG-1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Legal name.
    pub legal_name: Line<120>,
    /// Street and number.
    pub street: Line<120>,
    /// City.
    pub city: Line<80>,
    /// State, province or region.
    pub region: Option<Line<80>>,
    /// Postal code.
    pub postal_code: Option<Line<20>>,
    /// Headquarters country.
    pub country: Country,
    /// Number in the register of companies.
    pub registration_number: Option<Line<40>>,
    /// Telephone.
    pub telephone: Option<Phone>,
}

impl Profile {
    /// Parses every field and notes every fault; `None` when there was one.
    pub fn parse(raw: &RawProfile, prefix: &str, faults: &mut Faults) -> Option<Self> {
        let name = |field: &str| format!("{prefix}{field}");
        let legal_name = faults.check(name("legal_name"), raw.legal_name.parse());
        let street = faults.check(name("street"), raw.street.parse());
        let city = faults.check(name("city"), raw.city.parse());
        let region = faults.check_optional(name("region"), &raw.region, str::parse);
        let postal_code = faults.check_optional(name("postal_code"), &raw.postal_code, str::parse);
        let country = faults.check(name("country"), raw.country.parse());
        let registration_number =
            faults.check_optional(name("registration_number"), &raw.registration_number, str::parse);
        let telephone = faults.check_optional(name("telephone"), &raw.telephone, |text| phone_of(text, country));
        Some(Self {
            legal_name: legal_name?,
            street: street?,
            city: city?,
            region: region?,
            postal_code: postal_code?,
            country: country?,
            registration_number: registration_number?,
            telephone: telephone?,
        })
    }
}

/// A telephone number: one of the country when it has no `+` and the country is known.
pub(crate) fn phone_of(text: &str, country: Option<Country>) -> Result<Phone, crate::values::ParseError> {
    country.map_or_else(|| text.parse(), |country| Phone::of_country(text, country))
}

/// Who accepted which text, and when (TRM-3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The version that was accepted.
    pub version: String,
    /// SHA-256 of the accepted text, hexadecimal.
    pub digest: String,
    /// The User ID of the person.
    pub by: UserId,
    /// The person's name at that time.
    pub by_name: String,
    /// When.
    pub at: Timestamp,
}

/// An application that the organisation was let into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Since when.
    pub since: Timestamp,
    /// Accepted terms, oldest first, one a version.
    pub acceptances: Vec<Acceptance>,
}

/// A supplier organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// The record's id, derived from the registration that founded it.
    pub id: OrganisationId,
    /// Its details.
    pub profile: Profile,
    /// The applications it was let into.
    pub subscriptions: BTreeMap<ApplicationId, Subscription>,
    /// When it was founded.
    pub founded_at: Timestamp,
    /// The e-mails of those who were to administer it when it was founded: whoever of them still does is told when
    /// somebody asks to be let in.
    pub founders: Vec<Email>,
    /// Who asks to be let in, oldest first, [`MAX_JOIN_REQUESTS`] and those whose forms were sent at the same moment (REG-2).
    pub join_requests: Vec<JoinRequest>,
    /// Invitations that wait for its administrators, at most [`MAX_OFFERS`] (INV-7).
    pub offers: Vec<Offer>,
}

/// Somebody who registered and recognised the organisation asks its administrators to be let in (REG-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The registration that became this request.
    pub registration: RegistrationId,
    /// The person's name.
    pub name: PersonName,
    /// The person's e-mail.
    pub email: Email,
    /// The application that the person wants to use.
    pub application: ApplicationId,
    /// That application's name, for the message.
    pub application_name: String,
    /// When.
    pub at: Timestamp,
    /// What an administrator decided.
    pub answer: Option<Answer>,
}

/// What an administrator decided about a request to be let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether the person is let in.
    pub let_in: bool,
    /// The administrator.
    pub by: AccountId,
    /// The administrator's name at that time.
    pub by_name: String,
    /// When.
    pub at: Timestamp,
}

impl Answer {
    /// What was decided, as the API says it.
    pub fn as_str(&self) -> &'static str {
        answered(self.let_in)
    }
}

/// What becomes of a request to be let in, as the API says it.
pub(crate) fn answered(let_in: bool) -> &'static str {
    if let_in { "let-in" } else { "declined" }
}

/// Where an organisation stands with an application's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermsStanding {
    /// The current version is accepted.
    Accepted,
    /// An older version is accepted, and the grace period of what came after it runs until then (TRM-2).
    Grace(Timestamp),
    /// Not accepted.
    Pending,
}

impl Organisation {
    /// Where the organisation stands with the application's current terms (TRM-1, TRM-2).
    ///
    /// `None` when the organisation was not let into the application.
    pub fn terms_standing(&self, application: &Application, now: Timestamp) -> Option<TermsStanding> {
        let subscription = self.subscriptions.get(&application.id)?;
        let current = application.current_terms(now);
        let accepted = |terms: &TermsVersion| {
            subscription.acceptances.iter().any(|acceptance| acceptance.version == terms.version.as_str())
        };
        if accepted(current) {
            return Some(TermsStanding::Accepted);
        }
        // Every version since the newest accepted one had a grace period of its own. The first to end counts: a further
        // version neither lengthens it nor lets those in again who let it pass.
        let in_force = application.terms.iter().rev().filter(|terms| terms.effective <= now);
        let missed = in_force.take_while(|terms| !accepted(terms));
        let grace_ends = missed.map(|terms| terms.effective.plus(terms.grace())).min();
        let any_older = !subscription.acceptances.is_empty();
        Some(match grace_ends {
            Some(until) if any_older && now < until => TermsStanding::Grace(until),
            _ => TermsStanding::Pending,
        })
    }

    /// Whether the organisation can be asked by this registration: an undecided request never gives way, so that at most
    /// [`MAX_JOIN_REQUESTS`] wait. One of the same mailbox would take the place of the older one.
    pub fn can_be_asked(&self, registration: RegistrationId, email: &Email) -> bool {
        let email = email.normalised();
        let others = self.join_requests.iter().filter(|known| {
            known.answer.is_none() && known.registration != registration && known.email.normalised() != email
        });
        others.count() < MAX_JOIN_REQUESTS
    }

    /// Keeps a request to be let in and tells those of `founders` who administer the organisation now (REG-2). `None` when
    /// it is there. A second request of one mailbox takes the place of the first.
    pub fn ask(mut self, request: JoinRequest, founders: &[Account]) -> Option<Decision<Self>> {
        if self.join_requests.iter().any(|known| known.registration == request.registration) {
            return None;
        }
        let email = request.email.normalised();
        self.join_requests.retain(|known| known.answer.is_some() || known.email.normalised() != email);
        if self.join_requests.len() >= MAX_JOIN_REQUESTS
            && let Some(decided) = self.join_requests.iter().position(|known| known.answer.is_some())
        {
            self.join_requests.remove(decided);
        }
        let administers = |account: &&Account| {
            account.memberships.iter().any(|one| one.organisation == self.id && one.organisation_administrator)
        };
        let message = |account: &Account| {
            Effect::Send(Box::new(Message {
                to: account.email.clone(),
                name: account.name.full(),
                body: Body::JoinRequested {
                    organisation: self.profile.legal_name.as_str().to_owned(),
                    application: request.application_name.clone(),
                    person: request.name.full(),
                    email: request.email.clone(),
                },
            }))
        };
        let effects = founders.iter().filter(administers).map(message).collect();
        self.join_requests.push(request);
        Some(Decision::with(Action::JoinRequest, self, effects))
    }

    /// An administrator lets somebody in who asked for it, or does not (REG-2). Whoever is let in gets an account, or one
    /// membership more, and may use the application if the organisation has it. Whoever is not is told so without reasons.
    ///
    /// # Errors
    /// [`Refusal::RoleMissing`]; [`Refusal::NotFound`] for a request of another organisation (ACC-5);
    /// [`Refusal::AlreadyDecided`] with who decided what, and when.
    pub fn answer(
        mut self,
        person: &SignedIn<'_>,
        registration: RegistrationId,
        let_in: bool,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Decision<Self>, Refusal> {
        require_administrator(person)?;
        let known = self.join_requests.iter_mut().find(|known| known.registration == registration);
        let request = known.ok_or(Refusal::NotFound)?;
        if let Some(Answer { let_in, by_name, at, .. }) = &request.answer {
            let settled = Settled { what: answered(*let_in), by: Some(by_name.clone()), at: *at };
            return Err(Refusal::AlreadyDecided(settled));
        }
        let by_name = person.account.name.full();
        request.answer = Some(Answer { let_in, by: person.account.id, by_name, at: now });
        let request = request.clone();
        let settled = Effect::AnswerRequest { registration, organisation: self.id, let_in };
        let follows = if let_in { self.lets_in(request, keys) } else { self.tell_declined(request) };
        let action = if let_in { Action::JoinApproval } else { Action::JoinRejection };
        Ok(Decision::with(action, self, vec![settled, follows]))
    }

    fn lets_in(&self, request: JoinRequest, keys: &Keys) -> Effect {
        let email = request.email.normalised();
        let id = keys.index(IndexPurpose::Account, &[request.registration.bytes(), email.as_bytes()]);
        let has_it = self.subscriptions.contains_key(&request.application);
        Effect::Admit(Box::new(Admission {
            account: AccountId::from_bytes(id),
            name: request.name,
            email: request.email,
            organisation_name: self.profile.legal_name.as_str().to_owned(),
            membership: Membership {
                organisation: self.id,
                organisation_administrator: false,
                application_administrator: Vec::new(),
                access: has_it.then_some(request.application).into_iter().collect(),
            },
        }))
    }

    fn tell_declined(&self, request: JoinRequest) -> Effect {
        Effect::Send(Box::new(Message {
            to: request.email,
            name: request.name.full(),
            body: Body::RequestDeclined {
                reference: reference_of(request.registration),
                organisation: self.profile.legal_name.as_str().to_owned(),
            },
        }))
    }

    /// Adds an application (INV-7). `None` when the organisation has it.
    pub fn subscribe(mut self, application: &ApplicationId, now: Timestamp) -> Option<Decision<Self>> {
        if self.subscriptions.contains_key(application) {
            return None;
        }
        self.subscriptions.insert(application.clone(), Subscription { since: now, acceptances: Vec::new() });
        self.offers.retain(|offer| offer.application != *application);
        Some(Decision::quiet(Action::Subscription, self))
    }

    /// Whether this person may accept the application's terms for the organisation (TRM-1).
    pub fn may_accept_terms(person: &SignedIn<'_>, application: &ApplicationId) -> bool {
        person.membership.organisation_administrator
            || person.membership.application_administrator.contains(application)
    }

    /// Accepts the application's current terms (TRM-1, TRM-3). `None` when they are accepted already.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the organisation was not let into the application, [`Refusal::RoleMissing`],
    /// [`Refusal::TermsChanged`] when `digest` is not that of the current text, and a field fault when the box is
    /// not ticked.
    pub fn accept_terms(
        mut self,
        person: &SignedIn<'_>,
        application: &Application,
        command: &AcceptTerms,
        now: Timestamp,
    ) -> Result<Option<Decision<Self>>, Refusal> {
        let subscription = self.subscriptions.get_mut(&application.id).ok_or(Refusal::NotFound)?;
        if !Self::may_accept_terms(person, &application.id) {
            return Err(Refusal::RoleMissing { ask: whom_to_ask(application) });
        }
        let current = application.current_terms(now);
        if command.digest != current.digest() {
            return Err(Refusal::TermsChanged);
        }
        if !command.agreed {
            return Err(Refusal::field(
                "agreed",
                "not-agreed",
                "Tick the box if you agree to the terms and conditions.",
            ));
        }
        let version = current.version.as_str().to_owned();
        if subscription.acceptances.iter().any(|acceptance| acceptance.version == version) {
            return Ok(None);
        }
        subscription.acceptances.push(Acceptance {
            version,
            digest: command.digest.clone(),
            by: person.account.user_id.clone(),
            by_name: person.account.name.full(),
            at: now,
        });
        Ok(Some(Decision::quiet(Action::TermsAcceptance, self)))
    }
}

/// Requires that the person administers the organisation.
///
/// # Errors
/// [`Refusal::RoleMissing`].
pub fn require_administrator(person: &SignedIn<'_>) -> Result<(), Refusal> {
    if person.membership.organisation_administrator {
        return Ok(());
    }
    Err(Refusal::RoleMissing { ask: "your Organization Administrator".to_owned() })
}

/// The wish to accept an application's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptTerms {
    /// SHA-256 of the text that the person was shown, hexadecimal.
    pub digest: String,
    /// Whether the box "I have read and agree to these terms and conditions" is ticked.
    pub agreed: bool,
}

/// The sentence that tells who may accept an application's terms.
pub fn whom_to_ask(application: &Application) -> String {
    format!("your Organization Administrator or your Application Administrator for {}", application.name)
}

#[cfg(test)]
mod tests;
