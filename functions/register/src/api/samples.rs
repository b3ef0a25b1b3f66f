//! Samples of this component's pages.

use edge::{
    Edge, Platform,
    form::FormFaults,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    organisation::RawProfile,
    refusal::Refusal,
    registration::{RawAdministrator, RawRegistration, SubmitRegistration},
    values::FormId,
};

use super::{AdministratorsPage, BeginAgainPage, Form, ProfilePage, ReviewPage, SubmittedPage, SubmittedQuery};
use crate::draft::{self, Draft, Source};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let public = || Source::Solved(FormId::from_bytes([1; 16]));
    let invited = || Source::Invitation("token-of-the-link".to_owned());
    album.visit(Visitor::Stranger, "/register");
    for (state, source, entered) in
        [("public", public(), RawRegistration::default()), ("invited", invited(), entered())]
    {
        if let Some(form) = form(edge, source, entered) {
            album.page(state, StatusCode::OK, &ProfilePage::new(form, FormFaults::none()));
        }
    }
    let nothing = SubmitRegistration::check_profile(&RawRegistration::default(), None);
    if let (Err(refusal), Some(form)) = (nothing, form(edge, public(), RawRegistration::default())) {
        album.refused("faults", refusal, "draft", |faults| ProfilePage::new(form, faults));
    }
    if let Some(form) = form(edge, public(), entered()) {
        album.page("named", StatusCode::OK, &AdministratorsPage::new(form, FormFaults::none()));
    }
    let spoilt = RawRegistration { administrators: vec![RawAdministrator::default()], ..entered() };
    if let (Err(refusal), Some(form)) = (SubmitRegistration::parse(&spoilt, None), form(edge, public(), spoilt.clone()))
    {
        album.refused("faults", refusal, "draft", |faults| AdministratorsPage::new(form, faults));
    }
    if let (Ok(command), Some(form)) = (SubmitRegistration::parse(&entered(), None), form(edge, public(), entered())) {
        album.page("complete", StatusCode::OK, &ReviewPage::new(form, &command));
    }
    for (state, begin_at) in [("from-form", Some("/register?application=business-network")), ("from-nowhere", None)] {
        let lost = Refusal::field("draft", "draft-not-valid", draft::LOST);
        album.refused(state, lost, "draft", |faults| BeginAgainPage::new(begin_at.map(str::to_owned), faults));
    }
    for (state, asked) in [("submitted", false), ("asked", true)] {
        let query = SubmittedQuery { reference: "R-ABCDE-23456".to_owned() };
        if let Some(page) = SubmittedPage::of(query, asked) {
            album.visit(Visitor::Stranger, "/register/submitted").page(state, StatusCode::OK, &page);
        }
    }
}

fn form<P: Platform>(edge: &Edge<P>, source: Source, registration: RawRegistration) -> Option<Form> {
    let application = edge.gateway.applications.last()?;
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
