//! Samples of this component's pages.

use edge::{
    Platform,
    addressed::Addressed,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    config::{Application, Gateway},
    journey::Blocker,
    values::{CredentialId, OrderId, Seconds, Timestamp},
};

use super::{CredentialView, Dashboard, ENTER_LICENCE, PersonView, STORE, Tile};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let (gateway, now) = (&edge.gateway, edge.now);
    let invitation = Addressed {
        application: "Anvil Supply Platform".to_owned(),
        company: "Anvil Aerospace".to_owned(),
        expires_at: now.plus(Seconds::days(14)),
        href: "/invite/accept?invitation=aaaaaaaaaaaaaaaaaaaaaaaaaa-1".to_owned(),
    };
    let tiles = |found: &[Blocker]| gateway.applications.iter().map(|one| Tile::of(one, found, gateway)).collect();
    album
        .visit(Visitor::Person, "/dashboard")
        .page("new", StatusCode::OK, &page(Vec::new(), Vec::new()))
        .page("begun", StatusCode::OK, &page(tiles(&[Blocker::TermsPending { may_accept: true }]), Vec::new()))
        .page("every-state", StatusCode::OK, &page(every_state(gateway), credentials(now)))
        .page("invited", StatusCode::OK, &page(tiles(&[]), Vec::new()).with_invitations(vec![invitation]))
        .page("ready", StatusCode::OK, &page(tiles(&[]), vec![credential(0, now)]));
}

fn page(applications: Vec<Tile>, credentials: Vec<CredentialView>) -> Dashboard {
    Dashboard {
        title: "Welcome, Ada Byron".to_owned(),
        person: PersonView {
            name: "Ada Byron".to_owned(),
            user_id: "ada.byron".to_owned(),
            organization: "Kestrel Precision Castings Ltd".to_owned(),
            roles: vec![
                "Organization Administrator".to_owned(),
                "Application Administrator for Anvil Supply Platform".to_owned(),
            ],
        },
        applications,
        credentials,
        invitations: Vec::new(),
        administers: true,
        store: STORE,
        enter_licence: ENTER_LICENCE,
    }
}

/// A tile for each thing that can come first.
fn every_state(gateway: &Gateway) -> Vec<Tile> {
    let acceptable = || gateway.products.iter().map(|product| product.id.clone()).collect();
    let firsts = [
        Blocker::TermsPending { may_accept: true },
        Blocker::TermsPending { may_accept: false },
        Blocker::CredentialMissing { acceptable: acceptable() },
        Blocker::CredentialExpired { acceptable: acceptable() },
        Blocker::PaymentPending { order: OrderId::from_bytes([1; 16]) },
        Blocker::ShipmentPending { order: OrderId::from_bytes([2; 16]) },
        Blocker::LicenceNotActivated,
        Blocker::CredentialNotRegistered { credential: CredentialId::from_bytes([1; 16]) },
        Blocker::CredentialLocked,
        Blocker::OtpRequired,
    ];
    // Each tile has the name of an application of its own, since a page never has one twice.
    let tile = |(n, first): (usize, Blocker)| {
        let application: &Application = gateway.applications.get(n % gateway.applications.len())?;
        let mut tile = Tile::of(application, &[first], gateway);
        tile.id = format!("{}-{n}", tile.id);
        Some(tile)
    };
    firsts.into_iter().enumerate().filter_map(tile).collect()
}

fn credentials(now: Timestamp) -> Vec<CredentialView> {
    (0..STATES.len()).map(|n| credential(n, now)).collect()
}

const STATES: [(&str, &str, &str); 4] = [
    ("active", "Active", "good"),
    ("not-registered", "Not activated", "todo"),
    ("locked", "Locked", "stop"),
    ("expired", "Expired", "stop"),
];

fn credential(n: usize, now: Timestamp) -> CredentialView {
    let (state, label, mark) = STATES.get(n).copied().unwrap_or_default();
    let id = CredentialId::from_bytes([1; 16]);
    CredentialView {
        name: "Mobile ID MFA for Anvil (1 year)".to_owned(),
        state,
        label,
        mark,
        expires_at: now.plus(Seconds::days(200)),
        href: (state == "not-registered").then(|| format!("/credentials/{id}/authenticator")),
    }
}
