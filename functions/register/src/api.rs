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
    invitation::InvitationSlot,
    organisation::RawProfile,
    refusal::Refusal,
    registration::{RawAdministrator, RawRegistration, Registration, RegistrationState, SubmitRegistration},
    values::Country,
};

use crate::draft::{Draft, Source};

/// What to do when the public form's id is not one.
pub(crate) const FORM_HINT: &str =
    "Send 26 lower-case base32 characters of your own choice, and the same ones if you repeat the request.";
/// What to do when it is not clear where the registration comes from.
pub(crate) const SOURCE_HINT: &str =
    "Send the invitation's token; or, for a public application, application and form without a token.";
/// What to do when the public form's id belongs to another registration.
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
}

/// The step that a page sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    #[default]
    Profile,
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

/// What is shown next.
pub(crate) enum Next {
    Profile,
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
            Step::Submit => {}
        }
    }

    fn enter_profile(&self, draft: &mut Draft) {
        let invited = draft.is_invited();
        let entered = &mut draft.registration;
        if !invited {
            entered.given_name.clone_from(&self.given_name);
            entered.family_name.clone_from(&self.family_name);
            entered.email.clone_from(&self.email);
        }
        entered.phone.clone_from(&self.phone);
        entered.profile = RawProfile {
            legal_name: self.legal_name.clone(),
            street: self.street.clone(),
            city: self.city.clone(),
            region: self.region.clone(),
            postal_code: self.postal_code.clone(),
            country: self.country.clone(),
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

/// The whole registration as one document. For an invitation, name and e-mail are the invitee's whatever is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawDocument {
    token: Option<String>,
    application: Option<String>,
    form: Option<String>,
    given_name: String,
    family_name: String,
    email: String,
    phone: String,
    profile: RawProfile,
    administrators: Vec<RawAdministrator>,
}

/// Where a registration says that it comes from: token, application and form.
type RawSource = (Option<String>, Option<String>, Option<String>);

impl RawDocument {
    /// Where the registration comes from, and the registration.
    pub(crate) fn split(self) -> (RawSource, RawRegistration) {
        let Self { token, application, form, given_name, family_name, email, phone, profile, administrators } = self;
        let entered = RawRegistration { given_name, family_name, email, phone, profile, administrators };
        ((token, application, form), entered)
    }
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

/// The page on which a refusal can be mended; `None` when the form has to be begun again, or nothing helps.
pub(crate) fn page_that_mends(failure: &Failure) -> Option<Page> {
    let Failure::Refused(Refusal::InvalidInput(faults)) = failure else {
        return None;
    };
    if faults.iter().any(|fault| matches!(fault.field.as_str(), "form" | "token" | "draft")) {
        return None;
    }
    let of_administrators = faults.iter().all(|fault| fault.field.starts_with("administrators"));
    Some(if of_administrators { Page::Administrators } else { Page::Profile })
}

/// What every page of the form carries.
#[derive(Serialize)]
pub(crate) struct Form {
    application: String,
    company: String,
    invited: bool,
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
            invited: matches!(draft.source, Source::Invitation(_)),
            registration: draft.registration,
            draft: sealed,
        })
    }

    fn registrant(&self) -> String {
        format!("{} {}", self.registration.given_name.trim(), self.registration.family_name.trim())
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
    countries: Vec<(&'static str, &'static str)>,
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
            countries: Country::all().map(|(country, name)| (country.as_str(), name)).collect(),
            country: form.registration.profile.country.trim().to_ascii_uppercase(),
            form,
        }
    }
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
            RegistrationState::Approved { by: None, .. } => registration.state.as_str(),
            _ => RegistrationState::Submitted.as_str(),
        };
        Self { reference: registration.reference(), state }
    }

    /// The page that a form goes on to.
    pub(crate) fn page(&self) -> String {
        format!("/register/submitted?reference={}", self.reference)
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
}

impl SubmittedPage {
    /// `None` when the reference is none: the page must not say what somebody else put into a link.
    pub(crate) fn of(query: SubmittedQuery) -> Option<Self> {
        let is_group =
            |group: &str| group.len() == 5 && group.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7'));
        let groups: Vec<&str> = query.reference.split('-').collect();
        let is_reference = matches!(groups.as_slice(), ["R", first, second] if is_group(first) && is_group(second));
        is_reference.then_some(Self { title: "Registration submitted", reference: query.reference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reference_is_confirmed() {
        let page = |reference: &str| SubmittedPage::of(SubmittedQuery { reference: reference.to_owned() });
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
            page_that_mends(&Failure::Refused(Refusal::InvalidInput(faults.collect())))
        };
        assert_eq!(page(&["administrators.0.email"]), Some(Page::Administrators));
        assert_eq!(page(&["phone", "administrators.0.email"]), Some(Page::Profile));
        assert_eq!(page(&["form"]), None);
        assert_eq!(page_that_mends(&Failure::Refused(Refusal::LinkNotValid)), None);
    }
}
