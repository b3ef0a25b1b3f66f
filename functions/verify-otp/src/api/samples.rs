//! Samples of this component's pages.

use edge::{
    Platform,
    factors::{Factor, Factors, PhoneToCall},
    form::FormFaults,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::refusal::Refusal;

use super::CodePage;

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let one = || [app(1, "Mobile ID MFA for Anvil (1 year)")].into_iter().collect();
    let two = || [app(1, "Mobile ID MFA for Anvil (1 year)"), app(2, "Mobile ID MFA for Cobalt (1 year)")];
    let two = || two().into_iter().collect();
    let called = |sent_to| [phones(sent_to)].into_iter().collect();
    let both = [app(1, "Mobile ID MFA for Anvil (1 year)"), phones(Some("0123"))].into_iter().collect();
    album
        .visit(Visitor::Person, "/verify-otp")
        .page("one-credential", StatusCode::OK, &page(one(), FormFaults::none()))
        .page("two-credentials", StatusCode::OK, &page(two(), FormFaults::none()))
        .page("phones", StatusCode::OK, &page(called(None), FormFaults::none()))
        .page("code-sent", StatusCode::OK, &page(called(Some("0123")), FormFaults::none()))
        .page("app-and-phones", StatusCode::OK, &page(both, FormFaults::none()))
        .refused("wrong", Refusal::CodeNotAccepted { tries_left: 7 }, "code", |faults| page(one(), faults))
        .refused("not-a-code", Refusal::field("code", "not-a-code", "Enter the 6 digits."), "code", |faults| {
            page(two(), faults)
        })
        .refused("too-soon", Refusal::TooManyRequests { retry_after: shared::values::Seconds(20) }, "phone", |faults| {
            page(called(Some("0123")), faults)
        })
        .refused("locked", Refusal::CredentialLocked, "code", |faults| page(one(), faults));
}

fn app(n: u8, name: &str) -> Factor {
    let id = shared::values::CredentialId::from_bytes([n; 16]).to_string();
    Factor { id, name: name.to_owned(), phones: Vec::new(), sent_to: None }
}

fn phones(sent_to: Option<&str>) -> Factor {
    let phone = |phone, ending: &str, channel, way| PhoneToCall { phone, ending: ending.to_owned(), channel, way };
    Factor {
        phones: vec![phone(1, "0123", "sms", "Text message to"), phone(2, "0199", "voice", "Call to")],
        sent_to: sent_to.map(str::to_owned),
        ..app(3, "Phone Codes for Cobalt (1 year)")
    }
}

fn page(credentials: Factors, faults: FormFaults) -> CodePage {
    CodePage {
        title: "Enter a one-time code",
        credentials,
        target: "/launch/supply-platform".to_owned(),
        chosen: String::new(),
        faults,
    }
}
