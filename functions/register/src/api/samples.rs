//! Samples of this component's pages.

use edge::{
    Edge, Platform,
    form::FormFaults,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    config::{Application, Captcha, CaptchaService, Gateway},
    organisation::{Glimpse, RawProfile},
    refusal::{Faults, Refusal},
    registration::{
        Circumstances, RawAdministrator, RawRegistration, Registration, RegistrationState, SubmitRegistration,
    },
    values::{AccountId, Email, FormId, OperatorId, OrganisationId},
};

use super::{
    AdministratorsPage, AlikePage, BeginAgainPage, CHOICE_HINT, Form, MailboxPage, ProfilePage, REUSED_HINT,
    ReviewPage, StartPage, StatusPage, SubmittedPage, SubmittedQuery,
};
use crate::{
    captcha::Presented,
    draft::{self, Draft, Source},
    start::{first_page, refused},
};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    start(album);
    mailbox(album);
    profile(album);
    alike(album);
    administrators(album);
    review(album);
    begin_again(album);
    submitted(album);
    status(album);
}

/// With the captcha that browsers solve by themselves, and with the widget of every provider.
fn start<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let Some(application) = application(edge) else { return };
    album
        .visit(Visitor::Stranger, "/register")
        .shown::<StartPage>("proof-of-work", |edge, request| first_page(edge, request, &edge.gateway, application))
        .shown::<StartPage>("proof-of-work-faults", |edge, request| {
            refused(edge, request, &edge.gateway, application, "ada", not_started(edge).into())
        });
    for (state, refused_state, service) in [
        ("turnstile", "turnstile-faults", CaptchaService::Turnstile),
        ("hcaptcha", "hcaptcha-faults", CaptchaService::HCaptcha),
        ("recaptcha", "recaptcha-faults", CaptchaService::ReCaptcha),
    ] {
        let mut gateway = Gateway::clone(&edge.gateway);
        let (site_key, secret_variable) = ("site-key".to_owned(), "captcha_secret".to_owned());
        let verify_url = service.verify_url().to_owned();
        gateway.public_form.captcha = Captcha::Provider { service, site_key, secret_variable, verify_url };
        album
            .shown::<StartPage>(state, |edge, request| first_page(edge, request, &gateway, application))
            .shown::<StartPage>(refused_state, |edge, request| {
                refused(edge, request, &gateway, application, "ada", not_started(edge).into())
            });
    }
}

/// What is said to an e-mail that is none, and a solution that is none.
fn not_started<P: Platform>(edge: &Edge<P>) -> Refusal {
    let mut faults = Faults::default();
    faults.check("email", "ada".parse::<Email>());
    match faults.adopt("", Presented::parse(edge, "none").map(|_| ())) {
        Ok(_) => faults.refuse(),
        Err(refusal) => refusal,
    }
}

fn mailbox<P: Platform>(album: &mut Album<'_, P>) {
    album.visit(Visitor::Stranger, MailboxPage::AT).page("asked", StatusCode::OK, &MailboxPage::new());
}

fn profile<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    album.visit(Visitor::Stranger, "/register");
    let confirmed = RawRegistration { email: "ada@kestrel.example".to_owned(), ..RawRegistration::default() };
    for (state, source, entered) in [
        ("public", public(), RawRegistration::default()),
        ("confirmed", Source::Confirmed(FormId::from_bytes([1; 16])), confirmed),
        ("invited", Source::Invitation("token-of-the-link".to_owned()), entered()),
    ] {
        if let Some(form) = form(edge, source, entered) {
            album.page(state, StatusCode::OK, &ProfilePage::new(form, FormFaults::none()));
        }
    }
    let nothing = SubmitRegistration::check_profile(&RawRegistration::default(), None);
    if let (Err(refusal), Some(form)) = (nothing, form(edge, public(), RawRegistration::default())) {
        album.refused("faults", refusal, "draft", |faults| ProfilePage::new(form, faults));
    }
}

fn alike<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let not_chosen = Refusal::field("organisation", "missing", CHOICE_HINT);
    if let (Some(form), Some(again)) = (form(edge, public(), entered()), form(edge, public(), entered())) {
        album.page("found", StatusCode::OK, &AlikePage::new(form, found(), FormFaults::none())).refused(
            "not-chosen",
            not_chosen,
            "draft",
            |faults| AlikePage::new(again, found(), faults),
        );
    }
}

fn found() -> Vec<Glimpse> {
    let organisations = [
        ("Kestrel Precision Castings Ltd", "Sheffield", "GB"),
        ("Kestrel Feinguss und Werkzeugbau Gesellschaft mit beschränkter Haftung", "München", "DE"),
    ];
    let glimpse = |(n, (name, city, country)): (u8, (&str, &str, &str))| {
        let id = OrganisationId::from_bytes([n; 16]);
        Some(Glimpse { id, name: name.parse().ok()?, city: city.parse().ok()?, country: country.parse().ok()? })
    };
    (1..).zip(organisations).filter_map(glimpse).collect()
}

fn administrators<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    if let Some(form) = form(edge, public(), entered()) {
        album.page("named", StatusCode::OK, &AdministratorsPage::new(form, FormFaults::none()));
    }
    let spoilt = RawRegistration { administrators: vec![RawAdministrator::default()], ..entered() };
    if let (Err(refusal), Some(form)) = (SubmitRegistration::parse(&spoilt, None), form(edge, public(), spoilt.clone()))
    {
        album.refused("faults", refusal, "draft", |faults| AdministratorsPage::new(form, faults));
    }
}

fn review<P: Platform>(album: &mut Album<'_, P>) {
    let form = form(album.edge(), public(), entered());
    if let (Ok(command), Some(form)) = (SubmitRegistration::parse(&entered(), None), form) {
        album.page("complete", StatusCode::OK, &ReviewPage::new(form, &command));
    }
}

fn begin_again<P: Platform>(album: &mut Album<'_, P>) {
    let form = Some("/register?application=business-network");
    let lost = || Refusal::field("draft", "draft-not-valid", draft::LOST);
    let reused = Refusal::field("form", "form-reused", REUSED_HINT);
    for (state, begin_at, refusal) in
        [("from-form", form, lost()), ("form-reused", form, reused), ("from-nowhere", None, lost())]
    {
        album.refused(state, refusal, "draft", |faults| BeginAgainPage::new(begin_at.map(str::to_owned), faults));
    }
}

fn submitted<P: Platform>(album: &mut Album<'_, P>) {
    for (state, path, asked) in [("submitted", "/register/submitted", false), ("asked", "/register/asked", true)] {
        let query = SubmittedQuery { reference: "R-ABCDE-23456".to_owned() };
        if let Some(page) = SubmittedPage::of(query, asked) {
            album.visit(Visitor::Stranger, path).page(state, StatusCode::OK, &page);
        }
    }
}

fn status<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let (Some(registration), Some(states)) = (registration(edge), states(edge)) else { return };
    album.visit(Visitor::Stranger, "/register/status");
    for state in states {
        let name = state.as_str();
        let page = StatusPage::of(edge, &Registration { state, ..registration.clone() });
        album.page(name, StatusCode::OK, &page);
    }
}

fn registration<P: Platform>(edge: &Edge<P>) -> Option<Registration> {
    let application = application(edge)?;
    let circumstances = Circumstances { application, has_account: false, keys: &edge.keys, now: edge.now };
    let (form, command) = (FormId::from_bytes([1; 16]), SubmitRegistration::parse(&entered(), None).ok()?);
    Registration::by_public_form(form, command, &circumstances, &mut edge.rng()).ok().map(|decision| decision.next)
}

fn states<P: Platform>(edge: &Edge<P>) -> Option<[RegistrationState; 5]> {
    let (at, by) = (edge.now, || "registrar".parse::<OperatorId>().ok());
    let organisation = OrganisationId::from_bytes([1; 16]);
    let reason = "The registration number does not belong to this company. Please send an extract of the register.";
    Some([
        RegistrationState::Submitted,
        RegistrationState::Approved { by: by(), at },
        RegistrationState::Rejected { by: by()?, at, reason: reason.parse().ok()? },
        RegistrationState::Asked { organisation, name: "Kestrel Precision Castings Ltd".parse().ok()? },
        RegistrationState::Joined { organisation, by: AccountId::from_bytes([1; 16]) },
    ])
}

/// One that anybody may register for.
fn application<P: Platform>(edge: &Edge<P>) -> Option<&Application> {
    edge.gateway.applications.iter().find(|one| Registration::require_public(one).is_ok())
}

fn public() -> Source {
    Source::Solved(FormId::from_bytes([1; 16]))
}

fn form<P: Platform>(edge: &Edge<P>, source: Source, registration: RawRegistration) -> Option<Form> {
    let application = application(edge)?;
    let draft = Draft::new(source, application.id.clone(), registration, edge.now);
    Form::of(edge, draft, "sealed".to_owned()).ok()
}

fn entered() -> RawRegistration {
    RawRegistration {
        given_name: "Ada".to_owned(),
        family_name: "Byron".to_owned(),
        email: "ada@kestrel.example".to_owned(),
        phone: "+44 20 7946 0123".to_owned(),
        profile: RawProfile {
            legal_name: "Kestrel Precision Castings Ltd".to_owned(),
            street: "14 Foundry Lane".to_owned(),
            city: "Sheffield".to_owned(),
            postal_code: "S3 8GZ".to_owned(),
            country: "GB".to_owned(),
            ..RawProfile::default()
        },
        administrators: vec![RawAdministrator {
            given_name: "Grace".to_owned(),
            family_name: "Murray".to_owned(),
            email: "grace@kestrel.example".to_owned(),
            organisation_administrator: false,
            application_administrator: true,
        }],
    }
}
