//! Samples of this component's pages.

use edge::{
    Platform,
    form::FormFaults,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    journey::Blocker,
    refusal::Refusal,
    values::{CredentialId, OrderId},
};

use super::{BlockedPage, LaunchPage, LogoutPage, not_registered};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    for application in &edge.gateway.applications {
        let left: &[Blocker] = if application.launch_terms.is_some() {
            &[Blocker::LaunchTermsRequired, Blocker::OtpRequired]
        } else {
            &[Blocker::OtpRequired]
        };
        let page = |faults| LaunchPage::of(application, &edge.gateway, left, faults);
        album.visit(Visitor::Person, &format!("/launch/{}", application.id));
        if application.launch_terms.is_some() {
            album.page("access-terms", StatusCode::OK, &page(FormFaults::none())).refused(
                "not-ticked",
                Refusal::field("accept_terms", "not-accepted", "Tick the box to accept the access terms."),
                "accept_terms",
                page,
            );
        } else {
            album.page("ready", StatusCode::OK, &page(FormFaults::none()));
            album.page("blocked", StatusCode::FORBIDDEN, &BlockedPage::of(application, &everything()));
        }
    }
    let logout = |signed_in, application: Option<&str>| LogoutPage {
        title: "Sign out",
        signed_in,
        application: application.map(str::to_owned),
        repeated: vec![("client_id", "supply-platform".to_owned())],
    };
    album
        .visit(Visitor::Person, "/launch/logout")
        .page("signed-in", StatusCode::OK, &logout(true, None))
        .page("from-application", StatusCode::OK, &logout(true, Some("Anvil Supply Platform")))
        .visit(Visitor::Stranger, "/launch/logout")
        .page("signed-out", StatusCode::OK, &logout(false, None))
        .visit(Visitor::Stranger, "/launch/authorize")
        .shown_problem("not-registered", &not_registered());
}

/// Everything that can stand between a person and the launch.
fn everything() -> Vec<Blocker> {
    let credential = CredentialId::from_bytes([1; 16]);
    vec![
        Blocker::TermsPending { may_accept: true },
        Blocker::TermsPending { may_accept: false },
        Blocker::AccessMissing,
        Blocker::CredentialMissing { acceptable: Vec::new() },
        Blocker::CredentialExpired { acceptable: Vec::new() },
        Blocker::PaymentPending { order: OrderId::from_bytes([1; 16]) },
        Blocker::ShipmentPending { order: OrderId::from_bytes([2; 16]) },
        Blocker::LicenceNotActivated,
        Blocker::CredentialNotRegistered { credential },
        Blocker::CredentialLocked,
    ]
}
