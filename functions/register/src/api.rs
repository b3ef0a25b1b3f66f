//! What comes in and what goes out.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{
    Edge, Failure, Platform,
    form::{FormFaults, ticked},
};
use serde::{Deserialize, Serialize};
use shared::{
    config::{Application, Captcha, Gateway},
    invitation::InvitationSlot,
    organisation::{Glimpse, RawProfile},
    refusal::Refusal,
    registration::{RawAdministrator, RawRegistration, Registration, RegistrationState, SubmitRegistration},
    values::{Country, OrganisationId, Timestamp},
};

use crate::draft::{Draft, Source};

/// What to do when it is not clear where the registration comes from.
pub(crate) const SOURCE_HINT: &str = "Send the token of the invitation, or the confirmation of the mailbox, or, for a public \
                                      application, application and captcha; only one of them.";
/// What to do when no organisation was chosen.
pub(crate) const CHOICE_HINT: &str = "Choose your organization, or say that it is none of them.";
/// What to do when the public form was used for another registration.
pub(crate) const REUSED_HINT: &str =
    "This form has been used to submit a registration with other entries. Begin a new form for another registration.";

/// People besides the registrant that the page has room for.
const PEOPLE_ON_PAGE: usize = 3;

/// The query of the form's first page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginQuery {
    #[serde(default)]
    pub(crate) token: Option<String>,
    #[serde(default)]
    pub(crate) application: Option<String>,
    #[serde(default)]
    pub(crate) confirmation: Option<String>,
}

/// The query of the page on which a registration is followed: the token of the mailed link, or that of the invitation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusQuery {
    #[serde(default)]
    pub(crate) token: Option<String>,
    #[serde(default)]
    pub(crate) invitation: Option<String>,
}

/// The public form's first step (REG-2): application, e-mail and captcha. Each provider's widget has a field of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawStart {
    pub(crate) csrf: Option<String>,
    pub(crate) application: String,
    pub(crate) email: String,
    captcha: String,
    altcha: String,
    #[serde(rename = "cf-turnstile-response")]
    turnstile: String,
    #[serde(rename = "h-captcha-response")]
    hcaptcha: String,
    #[serde(rename = "g-recaptcha-response")]
    recaptcha: String,
}

impl RawStart {
    /// What the widget put into the form; empty when it did not run.
    pub(crate) fn captcha(&self) -> &str {
        let fields = [&self.captcha, &self.altcha, &self.turnstile, &self.hcaptcha, &self.recaptcha];
        fields.into_iter().map(|field| field.trim()).find(|field| !field.is_empty()).unwrap_or_default()
    }
}

/// The step that a page sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    #[default]
    Profile,
    Alike,
    Administrators,
    Submit,
}

/// A page to go back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Page {
    Profile,
    Administrators,
}

impl From<Page> for Next {
    fn from(page: Page) -> Self {
        match page {
            Page::Profile => Self::Profile,
            Page::Administrators => Self::Administrators,
        }
    }
}

/// What is shown next.
pub(crate) enum Next {
    Profile,
    /// With the organisations that could be the same (REG-3).
    Alike(Vec<Glimpse>),
    Administrators,
    /// With the registration as it will be submitted.
    Review(Box<SubmitRegistration>),
}

/// One step of the form. Each page sends its own fields; the others stay as the draft has them.
#[expect(clippy::struct_excessive_bools, reason = "two boxes for each of three persons, as the page has them")]
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawStep {
    pub(crate) csrf: Option<String>,
    pub(crate) draft: String,
    pub(crate) step: Step,
    pub(crate) go: Option<Page>,
    pub(crate) organisation: String,
    given_name: String,
    family_name: String,
    email: String,
    phone: String,
    #[serde(rename = "profile.legal_name")]
    legal_name: String,
    #[serde(rename = "profile.street")]
    street: String,
    #[serde(rename = "profile.city")]
    city: String,
    #[serde(rename = "profile.region")]
    region: String,
    #[serde(rename = "profile.postal_code")]
    postal_code: String,
    #[serde(rename = "profile.country")]
    country: String,
    #[serde(rename = "profile.registration_number")]
    registration_number: String,
    #[serde(rename = "profile.telephone")]
    telephone: String,
    #[serde(rename = "administrators.0.given_name")]
    first_given_name: String,
    #[serde(rename = "administrators.0.family_name")]
    first_family_name: String,
    #[serde(rename = "administrators.0.email")]
    first_email: String,
    #[serde(rename = "administrators.0.organisation_administrator", deserialize_with = "ticked")]
    first_organisation: bool,
    #[serde(rename = "administrators.0.application_administrator", deserialize_with = "ticked")]
    first_application: bool,
    #[serde(rename = "administrators.1.given_name")]
    second_given_name: String,
    #[serde(rename = "administrators.1.family_name")]
    second_family_name: String,
    #[serde(rename = "administrators.1.email")]
    second_email: String,
    #[serde(rename = "administrators.1.organisation_administrator", deserialize_with = "ticked")]
    second_organisation: bool,
    #[serde(rename = "administrators.1.application_administrator", deserialize_with = "ticked")]
    second_application: bool,
    #[serde(rename = "administrators.2.given_name")]
    third_given_name: String,
    #[serde(rename = "administrators.2.family_name")]
    third_family_name: String,
    #[serde(rename = "administrators.2.email")]
    third_email: String,
    #[serde(rename = "administrators.2.organisation_administrator", deserialize_with = "ticked")]
    third_organisation: bool,
    #[serde(rename = "administrators.2.application_administrator", deserialize_with = "ticked")]
    third_application: bool,
}

impl RawStep {
    /// Puts what was entered on the step's page into the draft.
    pub(crate) fn enter_into(&self, draft: &mut Draft) {
        match self.step {
            Step::Profile => self.enter_profile(draft),
            Step::Administrators => draft.registration.administrators = self.people(),
            Step::Alike | Step::Submit => {}
        }
    }

    fn enter_profile(&self, draft: &mut Draft) {
        let (invited, proved) = (draft.is_invited(), draft.proved_email().is_some());
        let entered = &mut draft.registration;
        if !invited {
            entered.given_name.clone_from(&self.given_name);
            entered.family_name.clone_from(&self.family_name);
        }
        if !proved {
            entered.email.clone_from(&self.email);
        }
        entered.phone.clone_from(&self.phone);
        entered.profile = RawProfile {
            legal_name: self.legal_name.clone(),
            street: self.street.clone(),
            city: self.city.clone(),
            region: self.region.clone(),
            postal_code: self.postal_code.clone(),
            // People name it; programs and what is stored have the code.
            country: Country::named(&self.country).map_or(self.country.clone(), |country| country.as_str().to_owned()),
            registration_number: self.registration_number.clone(),
            telephone: self.telephone.clone(),
        };
    }

    /// The people who were named; fieldsets that were left blank are nobody.
    fn people(&self) -> Vec<RawAdministrator> {
        let person =
            |given: &String, family: &String, email: &String, organisation: bool, application: bool| RawAdministrator {
                given_name: given.clone(),
                family_name: family.clone(),
                email: email.clone(),
                organisation_administrator: organisation,
                application_administrator: application,
            };
        let all = [
            person(
                &self.first_given_name,
                &self.first_family_name,
                &self.first_email,
                self.first_organisation,
                self.first_application,
            ),
            person(
                &self.second_given_name,
                &self.second_family_name,
                &self.second_email,
                self.second_organisation,
                self.second_application,
            ),
            person(
                &self.third_given_name,
                &self.third_family_name,
                &self.third_email,
                self.third_organisation,
                self.third_application,
            ),
        ];
        all.into_iter().filter(is_named).collect()
    }
}

fn is_named(person: &RawAdministrator) -> bool {
    let texts = [&person.given_name, &person.family_name, &person.email];
    person.organisation_administrator
        || person.application_administrator
        || texts.iter().any(|text| !text.trim().is_empty())
}

/// The whole registration as one document. For an invitation, name and e-mail are the invitee's whatever is sent; for a
/// confirmed mailbox, the e-mail is that mailbox.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawDocument {
    token: Option<String>,
    confirmation: Option<String>,
    application: Option<String>,
    captcha: Option<String>,
    organisation: Option<String>,
    given_name: String,
    family_name: String,
    email: String,
    phone: String,
    profile: RawProfile,
    administrators: Vec<RawAdministrator>,
}

/// Where a registration says that it comes from.
pub(crate) enum RawSource {
    /// The invitation's token.
    Invitation(String),
    /// The token that confirms the mailbox.
    Confirmation(String),
    /// A public application and the solved captcha.
    Captcha { application: String, captcha: String },
}

/// What a document says about the organisations that could be the same (REG-3).
pub(crate) enum Choice {
    /// Nothing: the caller does not know of any.
    Unsaid,
    /// None of them.
    NoneOfThem,
    /// This one.
    This(OrganisationId),
}

impl RawDocument {
    /// Where the registration comes from, what it says about others, and the registration.
    pub(crate) fn split(self) -> Result<(RawSource, Choice, RawRegistration), Refusal> {
        let Self { given_name, family_name, email, phone, profile, administrators, .. } = self;
        let entered = RawRegistration { given_name, family_name, email, phone, profile, administrators };
        let source = match (self.token, self.confirmation, self.application, self.captcha) {
            (Some(token), None, None, None) => RawSource::Invitation(token),
            (None, Some(token), None, None) => RawSource::Confirmation(token),
            (None, None, Some(application), Some(captcha)) => RawSource::Captcha { application, captcha },
            _ => return Err(Refusal::field("token", "source-missing", SOURCE_HINT)),
        };
        let choice = self.organisation.map_or(Ok(Choice::Unsaid), |text| choice_of(&text))?;
        Ok((source, choice, entered))
    }
}

/// `none`, or an organisation that was shown.
pub(crate) fn choice_of(text: &str) -> Result<Choice, Refusal> {
    match text {
        "none" => Ok(Choice::NoneOfThem),
        id => id.parse().map(Choice::This).map_err(|_| Refusal::field("organisation", "missing", CHOICE_HINT)),
    }
}

/// A document did not say whether it is one of these: what its sender has to choose from.
pub(crate) fn alike_found(found: &[Glimpse]) -> Refusal {
    let listed: Vec<String> = found
        .iter()
        .map(|one| format!("{}: {}, {}, {}", one.id, one.name.as_str(), one.city.as_str(), one.country))
        .collect();
    let hint = format!(
        "Is it one of these? Send its id as organisation to ask its administrators to be let in, or none. {}",
        listed.join("; ")
    );
    Refusal::field("organisation", "organisations-alike", hint)
}

/// What the invitation knows already (REG-1).
pub(crate) fn prefilled(slot: &InvitationSlot) -> RawRegistration {
    let profile = slot.current.profile.clone();
    of_invitee(RawRegistration { profile, ..RawRegistration::default() }, slot)
}

/// The registration with the invitee as its registrant.
pub(crate) fn of_invitee(entered: RawRegistration, slot: &InvitationSlot) -> RawRegistration {
    RawRegistration {
        given_name: slot.current.invitee.given.as_str().to_owned(),
        family_name: slot.current.invitee.family.as_str().to_owned(),
        email: slot.email.as_str().to_owned(),
        ..entered
    }
}

/// The step whose page mends a refusal; `None` when the form has to be begun again, or nothing helps.
pub(crate) fn step_that_mends(failure: &Failure) -> Option<Step> {
    let faults = match failure {
        Failure::Refused(Refusal::InvalidInput(faults)) => faults,
        // The search behind the organisation's details; waiting mends it.
        Failure::Refused(Refusal::TooManyRequests { .. }) => return Some(Step::Profile),
        _ => return None,
    };
    let of = |field: &str| faults.iter().any(|fault| fault.field == field);
    if of("form") || of("token") || of("draft") {
        return None;
    }
    if of("organisation") {
        return Some(Step::Alike);
    }
    let of_administrators = faults.iter().all(|fault| fault.field.starts_with("administrators"));
    Some(if of_administrators { Step::Administrators } else { Step::Profile })
}

/// What every page of the form carries.
#[derive(Serialize)]
pub(crate) struct Form {
    application: String,
    company: String,
    invited: bool,
    /// Whether the e-mail is proved and cannot be changed any more.
    #[serde(skip)]
    proved: bool,
    registration: RawRegistration,
    draft: String,
}

impl Form {
    /// # Errors
    /// [`Refusal::NotFound`] when the configuration no longer has the application.
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, draft: Draft, sealed: String) -> Result<Self, Refusal> {
        let application = edge.gateway.application(&draft.application).ok_or(Refusal::NotFound)?;
        let partner = edge.gateway.partner(&application.partner).ok_or(Refusal::NotFound)?;
        Ok(Self {
            application: application.name.clone(),
            company: partner.name.clone(),
            invited: draft.is_invited(),
            proved: !matches!(draft.source, Source::Solved(_)),
            registration: draft.registration,
            draft: sealed,
        })
    }

    fn registrant(&self) -> String {
        format!("{} {}", self.registration.given_name.trim(), self.registration.family_name.trim())
    }
}

/// The public form's first page (REG-2).
#[derive(Serialize, Template)]
#[template(path = "start.html")]
pub(crate) struct StartPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    id: String,
    application: String,
    company: String,
    invited: bool,
    #[serde(skip)]
    email: String,
    captcha: Widget,
}

/// What a page needs to show the captcha's widget.
#[derive(Serialize)]
#[serde(tag = "provider", rename_all = "kebab-case")]
enum Widget {
    ProofOfWork { challenge: &'static str },
    Provider { script: &'static str, class: &'static str, site_key: String },
}

/// Where a browser fetches the proof of work's challenge.
const CHALLENGE_AT: &str = "/register/challenge";

impl StartPage {
    /// # Errors
    /// [`Refusal::NotFound`] when the configuration no longer has the partner.
    pub(crate) fn of(
        gateway: &Gateway,
        application: &Application,
        email: &str,
        faults: FormFaults,
    ) -> Result<Self, Refusal> {
        let partner = gateway.partner(&application.partner).ok_or(Refusal::NotFound)?;
        Ok(Self {
            title: "Register your organization",
            faults,
            id: application.id.to_string(),
            application: application.name.clone(),
            company: partner.name.clone(),
            invited: false,
            email: email.to_owned(),
            captcha: match &gateway.public_form.captcha {
                Captcha::ProofOfWork { .. } => Widget::ProofOfWork { challenge: CHALLENGE_AT },
                Captcha::Provider { service, site_key, .. } => Widget::Provider {
                    script: service.script_url(),
                    class: service.widget_class(),
                    site_key: site_key.clone(),
                },
            },
        })
    }

    /// The page with what was refused.
    pub(crate) fn with(mut self, faults: FormFaults) -> Self {
        self.faults = faults;
        self
    }
}

/// A link is on its way, or was, or there is nothing to confirm: the page is the same (REG-4).
#[derive(Serialize, Template)]
#[template(path = "mailbox.html")]
pub(crate) struct MailboxPage {
    #[serde(skip)]
    title: &'static str,
    state: &'static str,
}

impl MailboxPage {
    pub(crate) const AT: &str = "/register/mailbox";

    pub(crate) fn new() -> Self {
        Self { title: "Check your mailbox", state: "confirm-mailbox" }
    }
}

/// The organisations that could be the same (REG-3).
#[derive(Serialize, Template)]
#[template(path = "alike.html")]
pub(crate) struct AlikePage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    alike: Vec<Glimpse>,
    #[serde(skip)]
    choices: Vec<(String, String, String)>,
    #[serde(flatten)]
    form: Form,
}

impl AlikePage {
    pub(crate) fn new(form: Form, alike: Vec<Glimpse>, faults: FormFaults) -> Self {
        let place = |one: &Glimpse| format!("{}, {}", one.city.as_str(), one.country.name());
        let mut choices: Vec<_> =
            alike.iter().map(|one| (one.id.to_string(), one.name.as_str().to_owned(), place(one))).collect();
        choices.push(("none".to_owned(), "None of the above".to_owned(), "We register a new organization.".to_owned()));
        Self { title: "Is your organization registered already?", faults, alike, choices, form }
    }
}

/// Step 1.
#[derive(Serialize, Template)]
#[template(path = "profile.html")]
pub(crate) struct ProfilePage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    countries: Vec<&'static str>,
    #[serde(skip)]
    country: String,
    #[serde(flatten)]
    form: Form,
}

impl ProfilePage {
    pub(crate) fn new(form: Form, faults: FormFaults) -> Self {
        Self {
            title: "Complete the following information",
            faults,
            countries: Country::all().map(|(_, name)| name).collect(),
            country: named(&form.registration.profile.country),
            form,
        }
    }
}

/// The country's name, or whatever was entered in its place.
fn named(country: &str) -> String {
    country.parse::<Country>().map_or_else(|_| country.to_owned(), |country| country.name().to_owned())
}

/// Step 2.
#[derive(Serialize, Template)]
#[template(path = "administrators.html")]
pub(crate) struct AdministratorsPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    #[serde(skip)]
    registrant: String,
    #[serde(skip)]
    people: Vec<RawAdministrator>,
    #[serde(flatten)]
    form: Form,
}

impl AdministratorsPage {
    pub(crate) fn new(form: Form, faults: FormFaults) -> Self {
        let mut people = form.registration.administrators.clone();
        people.resize_with(PEOPLE_ON_PAGE, RawAdministrator::default);
        Self { title: "Administrators", faults, registrant: form.registrant(), people, form }
    }
}

/// An administrator as the review shows one.
#[derive(Serialize)]
struct Designated {
    name: String,
    email: String,
    roles: String,
}

/// Step 3.
#[derive(Serialize, Template)]
#[template(path = "review.html")]
pub(crate) struct ReviewPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    registrant: String,
    #[serde(skip)]
    country: &'static str,
    designated: Vec<Designated>,
    #[serde(flatten)]
    form: Form,
}

impl ReviewPage {
    pub(crate) fn new(form: Form, command: &SubmitRegistration) -> Self {
        let designated = command.designations().iter().map(|person| {
            let roles = [
                (person.organisation_administrator, "Organization Administrator"),
                (person.application_administrator, "Application Administrator"),
            ];
            let held: Vec<&str> = roles.into_iter().filter(|(held, _)| *held).map(|(_, role)| role).collect();
            Designated { name: person.name.full(), email: person.email.as_str().to_owned(), roles: held.join(", ") }
        });
        Self {
            title: "Review and submit",
            registrant: form.registrant(),
            country: form.registration.profile.country.parse::<Country>().map_or("", |country| country.name()),
            designated: designated.collect(),
            form,
        }
    }
}

/// The draft is lost.
#[derive(Serialize, Template)]
#[template(path = "again.html")]
pub(crate) struct BeginAgainPage {
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    faults: FormFaults,
    begin_at: Option<String>,
}

impl BeginAgainPage {
    pub(crate) fn new(begin_at: Option<String>, faults: FormFaults) -> Self {
        Self { title: "Please begin again", faults, begin_at }
    }
}

/// The answer to a submission, and to every repetition of it.
#[derive(Debug, Serialize)]
pub(crate) struct Submitted {
    reference: String,
    state: &'static str,
}

impl Submitted {
    /// A repetition gets the first answer, whatever the registrar has decided since.
    pub(crate) fn of(registration: &Registration) -> Self {
        let state = match &registration.state {
            RegistrationState::Approved { by: None, .. } | RegistrationState::Asked { .. } => {
                registration.state.as_str()
            }
            _ => RegistrationState::Submitted.as_str(),
        };
        Self { reference: registration.reference(), state }
    }

    /// The page that a form goes on to.
    pub(crate) fn page(&self) -> String {
        let page = if self.state == "asked" { "asked" } else { "submitted" };
        format!("/register/{page}?reference={}", self.reference)
    }
}

/// The query of the confirmation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubmittedQuery {
    reference: String,
}

/// The confirmation. It is the same for every reference: nothing is read.
#[derive(Serialize, Template)]
#[template(path = "submitted.html")]
pub(crate) struct SubmittedPage {
    #[serde(skip)]
    title: &'static str,
    reference: String,
    #[serde(skip)]
    asked: bool,
}

impl SubmittedPage {
    /// `None` when the reference is none: the page must not say what somebody else put into a link. `asked`: an
    /// organisation's administrators were asked, instead of the operator.
    pub(crate) fn of(query: SubmittedQuery, asked: bool) -> Option<Self> {
        let is_group =
            |group: &str| group.len() == 5 && group.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
        let groups: Vec<&str> = query.reference.split('-').collect();
        let is_reference = matches!(groups.as_slice(), ["R", first, second] if is_group(first) && is_group(second));
        let title = if asked { "Request passed on" } else { "Registration submitted" };
        is_reference.then_some(Self { title, reference: query.reference, asked })
    }
}

/// Where a registration stands, for whoever has the mailed link (REG-6).
#[derive(Serialize, Template)]
#[template(path = "status.html")]
pub(crate) struct StatusPage {
    #[serde(skip)]
    title: &'static str,
    reference: String,
    application: String,
    state: &'static str,
    submitted_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<String>,
}

impl StatusPage {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, registration: &Registration) -> Self {
        let application = edge.gateway.application(&registration.application);
        let page = Self {
            title: "Your registration is being reviewed",
            reference: registration.reference(),
            application: application.map(|application| application.name.clone()).unwrap_or_default(),
            state: registration.state.as_str(),
            submitted_at: registration.submitted_at,
            decided_at: None,
            reason: None,
            organization: None,
        };
        match &registration.state {
            RegistrationState::Submitted => page,
            RegistrationState::Approved { at, .. } => {
                Self { title: "Your registration is approved", decided_at: Some(*at), ..page }
            }
            RegistrationState::Rejected { at, reason, .. } => Self {
                title: "Your registration was not approved",
                decided_at: Some(*at),
                reason: Some(reason.as_str().to_owned()),
                ..page
            },
            RegistrationState::Asked { name, .. } => {
                Self { title: "Your request was passed on", organization: Some(name.as_str().to_owned()), ..page }
            }
            RegistrationState::Joined { .. } => Self { title: "The invitation was accepted", ..page },
            RegistrationState::Answered { name, let_in, at, .. } => Self {
                title: if *let_in { "You were let in" } else { "You were not let in" },
                organization: Some(name.as_str().to_owned()),
                decided_at: Some(*at),
                ..page
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reference_is_confirmed() {
        let page = |reference: &str| SubmittedPage::of(SubmittedQuery { reference: reference.to_owned() }, false);
        assert!(page("R-ABCDE-23456").is_some());
        for wrong in
            ["", "R", "R-ABCDE", "R-ABCDE-1234", "R-ABCDE-12345", "R-abcde-23456", "X-ABCDE-23456", "R-ABCDE-23456-"]
        {
            assert!(page(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_page_of_the_form_is_read() {
        let body = "csrf=t&draft=d&step=administrators&go=profile&administrators.1.email=g%40e.example\
                    &administrators.1.application_administrator=yes";
        let request = |body: &str| {
            let headers = [("content-type", "application/x-www-form-urlencoded")].into_iter().collect();
            edge::Request::new(http::Method::POST, "/register", headers, body.into())
        };
        let step: RawStep = request(body).decode().expect("the page's own fields");
        assert_eq!((step.step, step.go), (Step::Administrators, Some(Page::Profile)));
        let people = step.people();
        assert_eq!(people.len(), 1);
        assert!(people.iter().all(|one| one.email == "g@e.example" && one.application_administrator));
        assert!(request("draft=d&state=approved").decode::<RawStep>().is_err());
        assert!(request("draft=d&draft=e").decode::<RawStep>().is_err());
    }

    #[test]
    fn a_blank_fieldset_is_nobody() {
        let step = RawStep {
            step: Step::Administrators,
            second_given_name: " ".to_owned(),
            third_given_name: "Grace".to_owned(),
            ..RawStep::default()
        };
        let people = step.people();
        assert_eq!(people.iter().map(|person| person.given_name.as_str()).collect::<Vec<_>>(), ["Grace"]);
        let ticked_only = RawStep { first_application: true, ..RawStep::default() };
        assert_eq!(ticked_only.people().len(), 1);
    }

    #[test]
    fn a_fault_leads_to_the_page_that_has_the_field() {
        let page = |fields: &[&str]| {
            let faults = fields.iter().map(|field| Refusal::field(field, "wrong", "Mend it.")).flat_map(|refusal| {
                let Refusal::InvalidInput(faults) = refusal else { return Vec::new() };
                faults
            });
            step_that_mends(&Failure::Refused(Refusal::InvalidInput(faults.collect())))
        };
        assert_eq!(page(&["administrators.0.email"]), Some(Step::Administrators));
        assert_eq!(page(&["phone", "administrators.0.email"]), Some(Step::Profile));
        assert_eq!(page(&["organisation"]), Some(Step::Alike));
        assert_eq!(page(&["form"]), None);
        assert_eq!(step_that_mends(&Failure::Refused(Refusal::LinkNotValid)), None);
    }
}
