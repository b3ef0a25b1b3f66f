//! Samples of this component's pages.

use edge::{
    Platform,
    form::FormFaults,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    config::Gateway,
    refusal::Refusal,
    totp::{Parameters, otpauth_uri, seed_in_groups},
    values::{CredentialId, Seconds, Timestamp},
};

use super::{
    AgreementPage, AuthenticatorPage, CredentialView, LicencePage, ListPage, Next, Offer, Qr, TOKEN_WAITS,
    authenticator_address,
    phones::{PhoneView, PhonesPage, RawPhone},
    phones_address,
};

const TYPED: &str = "AAAAA-AAAAA-AAAAA-AAAAA-A";
const STATES: [(&str, &str, &str, &str); 5] = [
    ("active", "Active", "good", "Use its codes when you launch."),
    ("enrolling", "Not registered", "wait", "Finish the registration of your app."),
    ("not-registered", "Not registered", "todo", "Register your authenticator app."),
    ("locked", "Locked", "stop", "Write to support: only they can help with a locked credential."),
    ("expired", "Expired", "stop", "Get a new licence key to renew it."),
];

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let (gateway, now) = (&edge.gateway, edge.now);
    let list = |count| ListPage {
        title: "My 2FA Credentials",
        credentials: (0..count).map(|n| credential(gateway, n, now)).collect(),
    };
    album
        .visit(Visitor::Person, "/credentials")
        .page("none", StatusCode::OK, &list(0))
        .page("every-state", StatusCode::OK, &list(STATES.len()))
        .page("token-that-waits", StatusCode::OK, &token(gateway, now))
        .visit(Visitor::Person, "/credentials/licence")
        .page("blank", StatusCode::OK, &LicencePage::of("", FormFaults::none()))
        .refused("not-usable", Refusal::LicenceNotUsable, "licence_key", |faults| LicencePage::of(TYPED, faults));
    agreements(album, gateway);
    let page = |n, offer| authenticator(gateway, n, now, offer);
    album.visit(Visitor::Person, "/credentials");
    for (n, (state, ..)) in (0..).zip(STATES) {
        let offer = (state == "enrolling").then(|| offer(gateway));
        album.page(state, StatusCode::OK, &page(n, offer));
    }
    album.refused("wrong-code", Refusal::CodeNotAccepted { tries_left: 9 }, "code", |faults| {
        page(1, Some(offer(gateway))).with(faults)
    });
    phones(album);
}

/// What is accepted with a licence, and what hardware needs besides.
fn agreements<P: Platform>(album: &mut Album<'_, P>, gateway: &Gateway) {
    album.visit(Visitor::Person, "/credentials/licence").refused(
        "waits-for-its-token",
        Refusal::ShipmentPending,
        "licence_key",
        |faults| LicencePage::of(TYPED, faults),
    );
    if let Some(token) = gateway.products.iter().find(|product| product.is_hardware()) {
        let page = |serial: &str, faults| AgreementPage::of(token, "sealed".to_owned(), serial, faults);
        album.page("of-a-token", StatusCode::OK, &page("", FormFaults::none())).refused(
            "wrong-serial",
            Refusal::SerialNotUsable,
            "serial",
            |faults| page("GALT10000123", faults),
        );
    }
    if let Some(product) = gateway.products.first() {
        let page = |faults| AgreementPage::of(product, "sealed".to_owned(), "", faults);
        let not_ticked = Refusal::field("agreed", "not-agreed", "Tick the box to accept the Service Agreement.");
        album.page("to-accept", StatusCode::OK, &page(FormFaults::none())).refused(
            "not-ticked",
            not_ticked,
            "agreed",
            page,
        );
    }
}

fn phones<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let (gateway, now) = (&edge.gateway, edge.now);
    let page = |state: usize, count: u16, awaited: Option<&str>| PhonesPage {
        title: "Your phones",
        address: phones_address(CredentialId::from_bytes([1; 16])),
        credential: credential(gateway, state, now),
        phones: (1..=count).map(|n| PhoneView::sample(n, now)).collect(),
        awaited: awaited.map(str::to_owned),
        room: count < 3,
        may_change: true,
        safer: None,
        entered: RawPhone::default(),
        faults: FormFaults::none(),
    };
    let unproved = PhonesPage { may_change: false, ..page(0, 2, None) };
    let differs = Refusal::field("number_repeated", "number-differs", "Enter the same number again.");
    album
        .page("no-phone", StatusCode::OK, &page(2, 0, None))
        .page("phone-awaited", StatusCode::OK, &page(1, 0, Some("0123")))
        .page("one-phone", StatusCode::OK, &page(0, 1, None))
        .page("three-phones", StatusCode::OK, &page(0, 3, None))
        .page("another-awaited", StatusCode::OK, &page(0, 1, Some("0124")))
        .page("phones-locked", StatusCode::OK, &PhonesPage { room: false, ..page(3, 2, None) })
        .page("phones-expired", StatusCode::OK, &PhonesPage { room: false, ..page(4, 2, None) })
        .refused("code-over", Refusal::field("code", "code-over", "Have a new one sent."), "code", |faults| {
            page(1, 0, None).with(faults)
        })
        .page("phones-without-code", StatusCode::OK, &unproved)
        .refused("numbers-differ", differs, "number", |faults| page(2, 0, None).with(faults))
        .refused("code-wrong", Refusal::CodeNotAccepted { tries_left: 8 }, "code", |faults| {
            page(1, 0, Some("0123")).with(faults)
        });
}

fn credential(gateway: &Gateway, n: usize, now: Timestamp) -> CredentialView {
    let (state, label, tone, advice) = STATES.get(n).copied().unwrap_or_default();
    let id = CredentialId::from_bytes([1; 16]);
    let product = gateway.products.first();
    let expires_at = if state == "expired" { now } else { now.plus(Seconds::days(200)) };
    let next = match state {
        "enrolling" => Some(("Continue", authenticator_address(id))),
        "not-registered" => Some(("Activate", authenticator_address(id))),
        "expired" => Some(("Enter a licence key", "/credentials/licence".to_owned())),
        _ => None,
    };
    CredentialView {
        id,
        product: product.map(|product| product.id.to_string()).unwrap_or_default(),
        name: product.map(|product| product.name.clone()).unwrap_or_default(),
        level: 2,
        state,
        activated_at: now,
        expires_at,
        label,
        tone,
        advice,
        expires: expires_at.human(),
        serial_ending: None,
        next: next.map(|(label, href)| Next { label, href }),
    }
}

/// A token whose licence is activated.
fn token(gateway: &Gateway, now: Timestamp) -> ListPage {
    let waits = CredentialView {
        tone: "wait",
        advice: TOKEN_WAITS,
        serial_ending: Some("0123".to_owned()),
        next: None,
        ..credential(gateway, 2, now)
    };
    ListPage { title: "My 2FA Credentials", credentials: vec![waits] }
}

fn offer(gateway: &Gateway) -> Offer {
    let seed = [0x5a; 20];
    let holder = "ada.byron (Mobile ID MFA for Anvil (1 year))";
    let uri = otpauth_uri(&gateway.service.name, holder, &seed, &Parameters::authenticator_app());
    Offer { qr: Qr::of(&uri), key: seed_in_groups(&seed), otpauth_uri: uri }
}

fn authenticator(gateway: &Gateway, n: usize, now: Timestamp, offer: Option<Offer>) -> AuthenticatorPage {
    let credential = credential(gateway, n, now);
    AuthenticatorPage {
        title: if matches!(credential.state, "active" | "locked") {
            "Your authenticator app is registered"
        } else {
            "Register your authenticator app"
        },
        address: authenticator_address(credential.id),
        credential,
        offer,
        faults: FormFaults::none(),
    }
}
