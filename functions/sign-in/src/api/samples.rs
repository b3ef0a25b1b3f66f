//! Samples of this component's pages.

use edge::{
    Platform,
    form::{FormFaults, LocalPath},
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::refusal::{Faults, Refusal};

use super::SignInPage;

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let page = |faults, user| SignInPage::new(faults, user, LocalPath::or(None, "/dashboard"));
    let mut missing = Faults::default();
    missing.add("user", "missing", "Enter your e-mail or User ID.");
    missing.add("password", "missing", "Enter your password.");
    album
        .visit(Visitor::Stranger, "/sign-in")
        .page("blank", StatusCode::OK, &page(FormFaults::none(), ""))
        .refused("missing", missing.refuse(), "user", |faults| page(faults, ""))
        .refused("wrong", Refusal::SignInFailed, "user", |faults| page(faults, "ada@kestrel.example"));
}
