//! Samples of this component's pages.

use edge::{
    Platform,
    form::FormFaults,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::refusal::Refusal;

use super::{Choice, CodePage};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let one = || vec![choice(1, "Mobile ID MFA for Anvil (1 year)")];
    let two = || vec![choice(1, "Mobile ID MFA for Anvil (1 year)"), choice(2, "Mobile ID MFA for Cobalt (1 year)")];
    album
        .visit(Visitor::Person, "/verify-otp")
        .page("one-credential", StatusCode::OK, &page(one(), FormFaults::none()))
        .page("two-credentials", StatusCode::OK, &page(two(), FormFaults::none()))
        .refused("wrong", Refusal::CodeNotAccepted { tries_left: 7 }, "code", |faults| page(one(), faults))
        .refused("not-a-code", Refusal::field("code", "not-a-code", "Enter the 6 digits."), "code", |faults| {
            page(two(), faults)
        })
        .refused("locked", Refusal::CredentialLocked, "code", |faults| page(one(), faults));
}

fn choice(n: u8, name: &str) -> Choice {
    Choice { id: shared::values::CredentialId::from_bytes([n; 16]).to_string(), name: name.to_owned() }
}

fn page(credentials: Vec<Choice>, faults: FormFaults) -> CodePage {
    CodePage {
        title: "Enter the code from your authenticator app",
        credentials,
        target: "/launch/supply-platform".to_owned(),
        chosen: String::new(),
        faults,
    }
}
