//! What goes out: a projection of what blocks each launch.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod samples;

use askama::Template;
use edge::{addressed::Addressed, problem::BlockerView};
use serde::Serialize;
use shared::{
    account::SignedIn,
    config::{Application, Gateway},
    credential::Credential,
    journey::{Blocker, blockers, steps},
    organisation::{Organisation, whom_to_ask},
    values::{ProductId, Timestamp},
};

/// Where a licence key is entered.
const ENTER_LICENCE: &str = "/credentials/licence";
/// Where credentials are bought.
const STORE: &str = "/webstore-checkout";

/// The dashboard.
#[derive(Serialize, Template)]
#[template(path = "dashboard.html")]
pub(crate) struct Dashboard {
    #[serde(skip)]
    title: String,
    person: PersonView,
    applications: Vec<Tile>,
    credentials: Vec<CredentialView>,
    /// What waits for an administrator to accept it for the organisation (INV-7).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invitations: Vec<Addressed>,
    #[serde(skip)]
    administers: bool,
    #[serde(skip)]
    store: &'static str,
    #[serde(skip)]
    enter_licence: &'static str,
}

/// Who is signed in, and for whom.
#[derive(Serialize)]
struct PersonView {
    name: String,
    user_id: String,
    organization: String,
    roles: Vec<String>,
}

/// An application that the organisation was let into.
#[derive(Serialize)]
struct Tile {
    id: String,
    name: String,
    description: String,
    partner: String,
    label: &'static str,
    #[serde(skip)]
    mark: &'static str,
    #[serde(skip)]
    action: Action,
    blockers: Vec<BlockerView>,
    steps: Vec<StepView>,
}

/// A step of the journey.
#[derive(Serialize)]
struct StepView {
    name: &'static str,
    done: bool,
}

/// The one thing that a tile offers.
#[derive(Debug, PartialEq, Eq)]
enum Action {
    /// The form that launches.
    Launch,
    /// A page where it goes on.
    Go(String),
    /// The webstore, and beside it the licence key.
    Buy(String),
    /// The page of the order that brings it.
    Follow { order: String, link: &'static str, advice: &'static str },
    /// Somebody else has to do it.
    Wait(String),
}

/// A credential of the person.
#[derive(Serialize)]
struct CredentialView {
    name: String,
    state: &'static str,
    #[serde(skip)]
    label: &'static str,
    #[serde(skip)]
    mark: &'static str,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    href: Option<String>,
}

impl Dashboard {
    /// The page.
    pub(crate) fn of(person: &SignedIn<'_>, organisation: &Organisation, gateway: &Gateway, now: Timestamp) -> Self {
        let tile = |application| {
            let found = blockers(person, organisation, application, gateway, None, now);
            Tile::of(application, &found, gateway)
        };
        let let_into = organisation.subscriptions.keys().filter_map(|id| gateway.application(id));
        let name = person.account.name.full();
        Self {
            title: format!("Welcome, {name}"),
            person: PersonView {
                name,
                user_id: person.account.user_id.as_str().to_owned(),
                organization: organisation.profile.legal_name.as_str().to_owned(),
                roles: roles(person, gateway),
            },
            applications: let_into.map(tile).collect(),
            credentials: person.account.credentials.iter().map(|one| CredentialView::of(one, gateway, now)).collect(),
            invitations: Vec::new(),
            administers: person.membership.organisation_administrator,
            store: STORE,
            enter_licence: ENTER_LICENCE,
        }
    }

    /// With the invitations that wait for this person.
    pub(crate) fn with_invitations(self, invitations: Vec<Addressed>) -> Self {
        Self { invitations, ..self }
    }
}

impl Tile {
    fn of(application: &Application, found: &[Blocker], gateway: &Gateway) -> Self {
        let action = Action::of(application, found.first(), gateway);
        Self {
            id: application.id.to_string(),
            name: application.name.clone(),
            description: application.description.clone(),
            partner: gateway.partner(&application.partner).map(|partner| partner.name.clone()).unwrap_or_default(),
            label: found.first().map_or("Launch", Blocker::label),
            mark: match action {
                Action::Launch => "good",
                Action::Go(_) | Action::Buy(_) => "todo",
                Action::Follow { .. } if matches!(found.first(), Some(Blocker::PaymentPending { .. })) => "todo",
                Action::Follow { .. } | Action::Wait(_) => "wait",
            },
            action,
            blockers: found.iter().map(|blocker| BlockerView::of(blocker, Some(application))).collect(),
            steps: steps(found).map(|step| StepView { name: step.name, done: step.done }).into(),
        }
    }
}

impl Action {
    fn of(application: &Application, first: Option<&Blocker>, gateway: &Gateway) -> Self {
        let Some(blocker) = first.filter(|blocker| !blocker.belongs_to_launch()) else {
            return Self::Launch;
        };
        match (blocker, blocker.path(application)) {
            (Blocker::CredentialMissing { acceptable } | Blocker::CredentialExpired { acceptable }, _) => {
                Self::Buy(store_of(application, acceptable, gateway))
            }
            (Blocker::TermsPending { may_accept: false }, _) => {
                Self::Wait(format!("Ask {}.", whom_to_ask(application)))
            }
            (Blocker::PaymentPending { .. } | Blocker::ShipmentPending { .. }, Some(order)) => {
                Self::Follow { order, link: blocker.link(), advice: blocker.advice() }
            }
            (_, Some(path)) => Self::Go(path),
            (_, None) => Self::Wait(blocker.advice().to_owned()),
        }
    }
}

/// The store of the application's own partner where it sells something acceptable, else of whoever does.
fn store_of(application: &Application, acceptable: &[ProductId], gateway: &Gateway) -> String {
    let mut partners = acceptable.iter().filter_map(|id| gateway.product(id)).map(|product| &product.partner);
    let any = partners.clone().next();
    let partner = partners.find(|partner| **partner == application.partner).or(any);
    partner.map_or_else(|| STORE.to_owned(), |partner| format!("{STORE}/{partner}"))
}

impl CredentialView {
    fn of(credential: &Credential, gateway: &Gateway, now: Timestamp) -> Self {
        let grant = &credential.grant;
        let (state, label, mark) = if credential.expired(now) {
            ("expired", "Expired", "stop")
        } else if credential.locked() {
            ("locked", "Locked", "stop")
        } else if credential.registered() {
            ("active", "Active", "good")
        } else {
            ("not-registered", "Not activated", "todo")
        };
        Self {
            name: gateway.product_name(&grant.product),
            state,
            label,
            mark,
            expires_at: grant.expires_at,
            href: (state == "not-registered").then(|| format!("/credentials/{}/authenticator", grant.id)),
        }
    }
}

fn roles(person: &SignedIn<'_>, gateway: &Gateway) -> Vec<String> {
    let membership = person.membership;
    let organisation = membership.organisation_administrator.then(|| "Organization Administrator".to_owned());
    let administered = membership.application_administrator.iter().filter_map(|id| gateway.application(id));
    let mut roles: Vec<String> = organisation
        .into_iter()
        .chain(administered.map(|application| format!("Application Administrator for {}", application.name)))
        .collect();
    if roles.is_empty() {
        roles.push("User".to_owned());
    }
    roles
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::values::{CredentialId, OrderId};

    const FIXTURE: &str = include_str!("../../../gateway.toml");

    fn gateway() -> Gateway {
        Gateway::parse(FIXTURE).expect("the deployment's file is valid")
    }

    #[test]
    fn lch_1_a_tile_offers_what_the_first_blocker_needs() {
        // LCH-1, TRM-1
        let gateway = gateway();
        let application = gateway.application(&"supply-platform".parse().expect("an id")).expect("configured");
        let of = |found: &[Blocker]| {
            let tile = Tile::of(application, found, &gateway);
            (tile.label, tile.mark, tile.action)
        };
        assert_eq!(of(&[]), ("Launch", "good", Action::Launch));
        assert_eq!(of(&[Blocker::OtpRequired, Blocker::LaunchTermsRequired]), ("Launch", "good", Action::Launch));
        let terms = Blocker::TermsPending { may_accept: true };
        assert_eq!(of(&[terms]), ("Agree to Terms", "todo", Action::Go("/accept-terms/supply-platform".to_owned())));
        let (label, mark, action) = of(&[Blocker::TermsPending { may_accept: false }]);
        assert!(
            (label, mark) == ("Pending Terms", "wait")
                && matches!(action, Action::Wait(ask) if ask.contains("Administrator"))
        );
        let acceptable = vec!["anvil-mobile-id".parse().expect("an id")];
        let missing = Blocker::CredentialMissing { acceptable };
        assert_eq!(of(&[missing]), ("Get 2FA", "todo", Action::Buy("/webstore-checkout/anvil".to_owned())));
        let credential = CredentialId::from_bytes([1; 16]);
        let address = format!("/credentials/{credential}/authenticator");
        let unregistered = of(&[Blocker::CredentialNotRegistered { credential }]);
        assert_eq!(unregistered, ("Activate 2FA", "todo", Action::Go(address)));
        let waits = of(&[Blocker::LicenceNotActivated]);
        assert_eq!(waits, ("Activate 2FA", "todo", Action::Go(ENTER_LICENCE.to_owned())));
        let order = OrderId::from_bytes([1; 16]);
        for (blocker, label, mark) in [
            (Blocker::PaymentPending { order }, "Pending Payment", "todo"),
            (Blocker::ShipmentPending { order }, "Pending Shipment", "wait"),
        ] {
            let (link, advice) = ("Look at your order", blocker.advice());
            let follow = Action::Follow { order: format!("{STORE}/orders/{order}"), link, advice };
            assert_eq!(of(&[blocker]), (label, mark, follow));
        }
        assert!(matches!(of(&[Blocker::CredentialLocked]).2, Action::Wait(_)));
    }

    #[test]
    fn lch_1_steps_are_done_in_the_order_of_the_journey() {
        // LCH-1
        let done = |found: &[Blocker]| steps(found).map(|step| step.done);
        let missing = || Blocker::CredentialMissing { acceptable: Vec::new() };
        assert_eq!(done(&[]), [true, true, true, true, false]);
        assert_eq!(done(&[Blocker::TermsPending { may_accept: true }, missing()]), [false, true, false, false, false]);
        assert_eq!(done(&[Blocker::AccessMissing, Blocker::CredentialLocked]), [true, false, true, false, false]);
        assert_eq!(done(&[Blocker::OtpRequired]), [true, true, true, true, false]);
    }
}
