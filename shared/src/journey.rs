//! "What is next?": the ordered list of what still blocks a person from launching an application.
//!
//! The dashboard's tiles, the launch's refusal and the links in messages are projections of this one list; nothing
//! else decides eligibility.

use crate::{
    account::{Account, Awaited, SignedIn, Stage},
    config::{Application, Gateway, Product, PublishedText},
    credential::Credential,
    launch::Intent,
    organisation::{Organisation, TermsStanding},
    values::{ApplicationId, CredentialId, OrderId, ProductId, Timestamp},
};

/// One thing that has to be done before the launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocker {
    /// The account waits for its activation link to be used.
    ActivationRequired,
    /// The organisation has not accepted the application's terms.
    TermsPending {
        /// Whether this person may accept them.
        may_accept: bool,
    },
    /// The person was not given access to the application.
    AccessMissing,
    /// The person has no credential that the application accepts.
    CredentialMissing {
        /// The products that would do.
        acceptable: Vec<ProductId>,
    },
    /// The credential has ended.
    CredentialExpired {
        /// The products that would do.
        acceptable: Vec<ProductId>,
    },
    /// A credential that would do is ordered, but not paid.
    PaymentPending {
        /// The order.
        order: OrderId,
    },
    /// It is paid, but its token has not been shipped.
    ShipmentPending {
        /// The order.
        order: OrderId,
    },
    /// Its licence key was sent, but nobody has entered it.
    LicenceNotActivated,
    /// The licence is activated, but no authenticator is registered.
    CredentialNotRegistered {
        /// The credential.
        credential: CredentialId,
    },
    /// The credential is locked after ten failures.
    CredentialLocked,
    /// A second factor has to be passed for this launch.
    OtpRequired,
    /// The access terms have to be accepted for this launch.
    LaunchTermsRequired,
}

impl Blocker {
    /// The stable code, part of the API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ActivationRequired => "activation-required",
            Self::TermsPending { .. } => "terms-pending",
            Self::AccessMissing => "access-not-requested",
            Self::CredentialMissing { .. } => "credential-missing",
            Self::CredentialExpired { .. } => "credential-expired",
            Self::PaymentPending { .. } => "payment-pending",
            Self::ShipmentPending { .. } => "shipment-pending",
            Self::LicenceNotActivated => "licence-not-activated",
            Self::CredentialNotRegistered { .. } => "credential-not-registered",
            Self::CredentialLocked => "credential-locked",
            Self::OtpRequired => "otp-required",
            Self::LaunchTermsRequired => "launch-terms-required",
        }
    }

    /// The label of the dashboard's tile, as in the seeds.
    pub fn label(&self) -> &'static str {
        match self {
            Self::ActivationRequired => "Activate your account",
            Self::TermsPending { may_accept: true } => "Agree to Terms",
            Self::TermsPending { may_accept: false } => "Pending Terms",
            Self::AccessMissing => "No Access",
            Self::CredentialMissing { .. } => "Get 2FA",
            Self::CredentialExpired { .. } => "Renew 2FA",
            Self::PaymentPending { .. } => "Pending Payment",
            Self::ShipmentPending { .. } => "Pending Shipment",
            Self::LicenceNotActivated | Self::CredentialNotRegistered { .. } => "Activate 2FA",
            Self::CredentialLocked => "2FA Locked",
            Self::OtpRequired | Self::LaunchTermsRequired => "Launch",
        }
    }

    /// What the link to [`Blocker::path`] says.
    pub fn link(&self) -> &'static str {
        match self {
            Self::PaymentPending { .. } | Self::ShipmentPending { .. } => "Look at your order",
            _ => self.label(),
        }
    }

    /// What to do next, in a sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::ActivationRequired => "Open the link in the activation e-mail.",
            Self::TermsPending { may_accept: true } => "Read and accept the application's terms for your organization.",
            Self::TermsPending { may_accept: false } => {
                "Ask your Organization Administrator or Application Administrator to accept the application's terms."
            }
            Self::AccessMissing => "Ask your Application Administrator to give you access.",
            Self::CredentialMissing { .. } => {
                "Get a credential from the webstore, or enter the licence key that you have."
            }
            Self::CredentialExpired { .. } => "Get a new licence key to renew your credential.",
            Self::PaymentPending { .. } => "Pay what you have ordered: the order's page says how.",
            Self::ShipmentPending { .. } => {
                "Wait for the token that you have ordered: you are told when it is shipped."
            }
            Self::LicenceNotActivated => "Enter the licence key of your order. For a token, wait until it has arrived.",
            Self::CredentialNotRegistered { .. } => "Register your authenticator.",
            Self::CredentialLocked => "Write to support: only they can help with a locked credential.",
            Self::OtpRequired => "Enter a one-time code.",
            Self::LaunchTermsRequired => "Accept the access terms for this launch.",
        }
    }

    /// The path that resolves it, where this person can.
    pub fn path(&self, application: &Application) -> Option<String> {
        let id: &ApplicationId = &application.id;
        match self {
            Self::TermsPending { may_accept: true } => Some(format!("/accept-terms/{id}")),
            Self::CredentialMissing { .. } | Self::CredentialExpired { .. } | Self::LicenceNotActivated => {
                Some("/credentials/licence".to_owned())
            }
            Self::PaymentPending { order } | Self::ShipmentPending { order } => {
                Some(format!("/webstore-checkout/orders/{order}"))
            }
            Self::CredentialNotRegistered { credential } => Some(format!("/credentials/{credential}/authenticator")),
            Self::OtpRequired => Some(format!("/verify-otp?continue=/launch/{id}")),
            Self::LaunchTermsRequired => Some(format!("/launch/{id}")),
            Self::ActivationRequired
            | Self::TermsPending { may_accept: false }
            | Self::AccessMissing
            | Self::CredentialLocked => None,
        }
    }

    /// Whether it is part of every launch rather than a step of the journey to it.
    pub fn belongs_to_launch(&self) -> bool {
        matches!(self, Self::OtpRequired | Self::LaunchTermsRequired)
    }
}

/// A step of the journey to an application, as the dashboard lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is done in it.
    pub name: &'static str,
    /// Whether it is done.
    pub done: bool,
}

/// The steps of the journey, in order, read off what still blocks it. The launch itself is the last and never done.
pub fn steps(found: &[Blocker]) -> [Step; 5] {
    let open = |of: fn(&Blocker) -> bool| found.iter().any(of);
    let unlicensed = |blocker: &Blocker| {
        matches!(
            blocker,
            Blocker::CredentialMissing { .. }
                | Blocker::CredentialExpired { .. }
                | Blocker::PaymentPending { .. }
                | Blocker::ShipmentPending { .. }
        )
    };
    let terms = open(|blocker| matches!(blocker, Blocker::TermsPending { .. }));
    let access = open(|blocker| matches!(blocker, Blocker::AccessMissing));
    let licence = found.iter().any(unlicensed);
    let unusable = open(|blocker| {
        matches!(
            blocker,
            Blocker::LicenceNotActivated | Blocker::CredentialNotRegistered { .. } | Blocker::CredentialLocked
        )
    });
    [
        Step { name: "Agree to the terms", done: !terms },
        Step { name: "Have access", done: !access },
        Step { name: "Get a credential", done: !licence },
        Step { name: "Activate the credential", done: !licence && !unusable },
        Step { name: "Launch", done: false },
    ]
}

/// What still blocks this person from launching this application, in the order in which it has to be done (LCH-1).
///
/// `intent` is the launch in progress, if there is one.
pub fn blockers(
    person: &SignedIn<'_>,
    organisation: &Organisation,
    application: &Application,
    gateway: &Gateway,
    intent: Option<&Intent>,
    now: Timestamp,
) -> Vec<Blocker> {
    let intent = intent.filter(|intent| intent.holds(person.account.id, &application.id, now));
    let mut found = Vec::new();
    if matches!(person.account.stage, Stage::Invited { .. }) {
        found.push(Blocker::ActivationRequired);
    }
    match organisation.terms_standing(application, now) {
        None => found.push(Blocker::AccessMissing),
        Some(TermsStanding::Pending) => {
            let may_accept = Organisation::may_accept_terms(person, &application.id);
            found.push(Blocker::TermsPending { may_accept });
        }
        Some(TermsStanding::Accepted | TermsStanding::Grace(_)) => {}
    }
    if !person.membership.access.contains(&application.id) && !found.contains(&Blocker::AccessMissing) {
        found.push(Blocker::AccessMissing);
    }
    found.extend(credential_blocker(person, application, gateway, intent, now));
    let terms_accepted =
        intent.is_some_and(|intent| intent.accepted_terms.as_deref() == launch_terms_digest(application));
    if application.launch_terms.is_some() && !terms_accepted {
        found.push(Blocker::LaunchTermsRequired);
    }
    found
}

/// SHA-256 of the access terms that the application demands at every launch (TRM-4), hexadecimal.
pub fn launch_terms_digest(application: &Application) -> Option<&str> {
    application.launch_terms.as_ref().map(PublishedText::digest)
}

/// Whether a person has to buy a product at all (SHP-1, CRD-7).
#[derive(Debug, Clone, Copy)]
pub enum Need<'a> {
    /// Nothing that the person has is as good.
    ToBuy,
    /// The person has this product, until then.
    Had {
        /// When the credential ends.
        until: Timestamp,
    },
    /// Wherever the product is accepted, something else is as well that the person has, until then.
    Saved {
        /// What the person has.
        by: &'a Product,
        /// When the credential ends.
        until: Timestamp,
    },
    /// The person has ordered this product and cannot use it yet.
    Ordered {
        /// The order.
        order: OrderId,
    },
}

impl<'a> Need<'a> {
    /// What this person needs of the product.
    pub fn of(product: &Product, person: &Account, gateway: &'a Gateway, now: Timestamp) -> Self {
        let valid =
            || person.credentials.iter().filter(|credential| !credential.expired(now) && credential.can_serve());
        let same = valid().filter(|credential| credential.grant.product == product.id);
        if let Some(until) = same.map(|credential| credential.grant.expires_at).max() {
            return Self::Had { until };
        }
        let takers = || gateway.applications.iter().filter(|application| accepts(application, product));
        let saves = |other: &&Product| takers().next().is_some() && takers().all(|taker| accepts(taker, other));
        let saving = valid().filter_map(|credential| {
            let other = gateway.product(&credential.grant.product).filter(saves)?;
            Some((credential.grant.expires_at, other))
        });
        if let Some((until, by)) = saving.max_by_key(|(until, _)| *until) {
            return Self::Saved { by, until };
        }
        match person.soonest(|ordered| *ordered == product.id, now) {
            Some((order, _)) => Self::Ordered { order },
            None => Self::ToBuy,
        }
    }
}

/// The credentials that the application accepts, the most useful first: registered before unregistered, valid before
/// expired.
pub fn acceptable_credentials<'a>(
    person: &SignedIn<'a>,
    application: &Application,
    gateway: &Gateway,
    now: Timestamp,
) -> Vec<&'a Credential> {
    let mut accepted: Vec<&Credential> = person
        .account
        .credentials
        .iter()
        .filter(|credential| {
            let accepted =
                gateway.product(&credential.grant.product).is_some_and(|product| accepts(application, product));
            accepted && credential.can_serve()
        })
        .collect();
    accepted.sort_by_key(|credential| (credential.expired(now), !credential.registered(), credential.locked()));
    accepted
}

/// Whether the application accepts the product: by name, or because its level is high enough (CRD-7).
fn accepts(application: &Application, product: &Product) -> bool {
    product.level >= application.least_level
        && (application.accepted_products.is_empty() || application.accepted_products.contains(&product.id))
}

fn credential_blocker(
    person: &SignedIn<'_>,
    application: &Application,
    gateway: &Gateway,
    intent: Option<&Intent>,
    now: Timestamp,
) -> Option<Blocker> {
    let accepted = acceptable_credentials(person, application, gateway, now);
    let Some(best) = accepted.first().filter(|best| !best.expired(now)) else {
        return Some(purchase_blocker(person.account, application, gateway, !accepted.is_empty(), now));
    };
    if !best.registered() {
        return Some(Blocker::CredentialNotRegistered { credential: best.grant.id });
    }
    if best.locked() {
        return Some(Blocker::CredentialLocked);
    }
    let fresh = person.session.raised.as_ref().is_some_and(|raised| {
        let by_accepted = accepted.iter().any(|credential| {
            credential.grant.id == raised.credential && !credential.expired(now) && credential.registered()
        });
        by_accepted && fresh_enough(application, raised.at, intent, now)
    });
    (!fresh).then_some(Blocker::OtpRequired)
}

/// What stands before a credential that the person has to get, or get again after one has `expired`.
fn purchase_blocker(
    account: &Account,
    application: &Application,
    gateway: &Gateway,
    expired: bool,
    now: Timestamp,
) -> Blocker {
    let ordered = |id: &ProductId| gateway.product(id).is_some_and(|product| accepts(application, product));
    match account.soonest(ordered, now) {
        Some((order, Awaited::Payment)) => return Blocker::PaymentPending { order },
        Some((order, Awaited::Shipment)) => return Blocker::ShipmentPending { order },
        Some((_, Awaited::Activation)) => return Blocker::LicenceNotActivated,
        None => {}
    }
    let acceptable = gateway.products.iter().filter(|product| accepts(application, product));
    let acceptable = acceptable.map(|product| product.id.clone()).collect();
    if expired { Blocker::CredentialExpired { acceptable } } else { Blocker::CredentialMissing { acceptable } }
}

/// Whether a second factor that was passed at this time is good for a launch now (OTP-4).
fn fresh_enough(application: &Application, passed_at: Timestamp, intent: Option<&Intent>, now: Timestamp) -> bool {
    match application.otp_max_age_seconds {
        0 => intent.is_some_and(|intent| passed_at > intent.started_at),
        max_age => now.since(passed_at).0 < max_age,
    }
}

#[cfg(test)]
mod tests;
