//! One table: what is known of a person, an organisation and an application, and what blocks the launch.

use super::*;
use crate::{
    account::{Account, Purchase, Raised},
    config::{Level, TermsVersion},
    credential::{Authenticator, MAX_FAILURES},
    launch::INTENT_LIFETIME,
    secret::{PlainToken, TokenPurpose},
    testing::*,
    values::{AccountId, Seconds},
};

/// Everything that the decision is made from. It begins with a person whom nothing blocks.
struct Facts {
    account: Account,
    organisation: Organisation,
    gateway: Gateway,
    application: ApplicationId,
    intent: Option<Intent>,
    now: Timestamp,
}

impl Facts {
    fn ready(application: &str) -> Self {
        let gateway = gateway();
        let organisation = organisation(&gateway);
        let mut account = account();
        account.credentials = vec![registered(1, product(&gateway, "cobalt-mobile-id"))];
        let application: ApplicationId = read(application);
        let mut intent = Intent::begin(account.id, &application, BEFORE);
        intent.accepted_terms =
            launch_terms_digest(gateway.application(&application).expect("configured")).map(str::to_owned);
        let mut facts = Self { account, organisation, gateway, application, intent: Some(intent), now: NOW };
        facts.raised_at(NOW);
        facts
    }

    fn raised_at(&mut self, at: Timestamp) {
        self.raised_by(1, at);
    }

    fn raised_by(&mut self, credential: u8, at: Timestamp) {
        let session = self.account.sessions.first_mut().expect("one is open");
        session.raised = Some(Raised {
            at,
            credential: credential_id(credential),
            level: Level::Two,
            factor: crate::credential::Factor::App,
        });
    }

    fn not_raised(&mut self) {
        self.account.sessions.first_mut().expect("one is open").raised = None;
    }

    fn member(&mut self) -> &mut crate::account::Membership {
        self.account.memberships.first_mut().expect("one organisation")
    }

    fn credential(&mut self) -> &mut Credential {
        self.account.credentials.first_mut().expect("one")
    }

    fn intent(&mut self) -> &mut Intent {
        self.intent.as_mut().expect("a launch in progress")
    }

    fn application(&mut self) -> &mut Application {
        let id = self.application.clone();
        self.gateway.applications.iter_mut().find(|application| application.id == id).expect("configured")
    }

    fn accepted_nothing(&mut self) {
        for subscription in self.organisation.subscriptions.values_mut() {
            subscription.acceptances.clear();
        }
    }

    /// A further version of the terms, in force so many days from now, with ten days of grace.
    fn new_terms(&mut self, version: &str, in_days: u64) {
        let terms = TermsVersion {
            version: read(version),
            text: PublishedText::new(version.to_owned()),
            effective: NOW.plus(Seconds::days(in_days)),
            grace_days: 10,
        };
        self.application().terms.push(terms);
    }

    /// Goes on to this moment, with a second factor and an accepted launch of just then.
    fn at(&mut self, now: Timestamp) {
        self.now = now;
        self.raised_at(now);
        self.intent().started_at = Timestamp::from_unix(now.unix() - 1);
    }

    /// In place of what the person has, this is ordered.
    fn ordered(&mut self, product: &str, awaited: Awaited) {
        self.account.credentials.clear();
        let number = u8::try_from(self.account.purchases.len() + 1).expect("few");
        let (order, placed_at) = (OrderId::from_bytes([number; 16]), after(u64::from(number)));
        let purchase = Purchase { order, placed_at, payable_until: None, awaited: vec![(read(product), awaited)] };
        self.account = self.account.clone().follow(purchase, NOW).next;
    }

    fn product_level(&mut self, id: &str, level: Level) {
        let id: ProductId = read(id);
        self.gateway.products.iter_mut().find(|product| product.id == id).expect("configured").level = level;
    }

    fn blockers(&self) -> Vec<String> {
        let person = signed_in(&self.account);
        let application = self.gateway.application(&self.application).expect("configured");
        blockers(&person, &self.organisation, application, &self.gateway, self.intent.as_ref(), self.now)
            .iter()
            .map(shown)
            .collect()
    }
}

/// The code, and what else the blocker says.
fn shown(blocker: &Blocker) -> String {
    let code = blocker.code();
    match blocker {
        Blocker::TermsPending { may_accept: true } => format!("{code}: accept"),
        Blocker::TermsPending { may_accept: false } => format!("{code}: ask"),
        Blocker::CredentialMissing { acceptable } | Blocker::CredentialExpired { acceptable } => {
            let products: Vec<&str> = acceptable.iter().map(ProductId::as_str).collect();
            format!("{code}: {}", products.join(" "))
        }
        Blocker::PaymentPending { order } | Blocker::ShipmentPending { order } => {
            format!("{code}: {}", order.bytes()[0])
        }
        _ => code.to_owned(),
    }
}

struct Case {
    about: &'static str,
    application: &'static str,
    facts: fn(&mut Facts),
    blockers: &'static [&'static str],
}

const fn network(about: &'static str, facts: fn(&mut Facts), blockers: &'static [&'static str]) -> Case {
    Case { about, application: "business-network", facts, blockers }
}

const fn supply(about: &'static str, facts: fn(&mut Facts), blockers: &'static [&'static str]) -> Case {
    Case { about, application: "supply-platform", facts, blockers }
}

const MISSING: &str = "credential-missing: anvil-mobile-id cobalt-mobile-id cobalt-phone";
const MISSING_SUPPLY: &str = "credential-missing: anvil-mobile-id cobalt-mobile-id";
const EXPIRED: &str = "credential-expired: anvil-mobile-id cobalt-mobile-id cobalt-phone";

/// `business-network` takes a code of the last 15 minutes and shows access terms; `supply-platform` wants a fresh code
/// for every launch and shows none.
const CASES: &[Case] = &[
    network("nothing blocks", |_| {}, &[]),
    supply("nothing blocks", |_| {}, &[]),
    network(
        "everything blocks, in the order of the journey",
        |f| {
            f.account.stage = Stage::Invited {
                token: PlainToken::new([0; 16], &mut Seeded(1)).digest(TokenPurpose::Activation),
                expires_at: after(1),
            };
            f.accepted_nothing();
            f.member().access.clear();
            f.account.credentials.clear();
            f.intent = None;
        },
        &["activation-required", "terms-pending: ask", "access-not-requested", MISSING, "launch-terms-required"],
    ),
    network(
        "the last two steps, in order",
        |f| {
            f.not_raised();
            f.intent = None;
        },
        &["otp-required", "launch-terms-required"],
    ),
    // Terms (TRM-1, TRM-2).
    network("nobody accepted the terms", Facts::accepted_nothing, &["terms-pending: ask"]),
    network(
        "an Organisation Administrator may accept",
        |f| {
            f.accepted_nothing();
            f.member().organisation_administrator = true;
        },
        &["terms-pending: accept"],
    ),
    network(
        "this application's administrator may accept",
        |f| {
            f.accepted_nothing();
            f.member().application_administrator = vec![read("business-network")];
        },
        &["terms-pending: accept"],
    ),
    network(
        "another application's administrator may not",
        |f| {
            f.accepted_nothing();
            f.member().application_administrator = vec![read("supply-platform")];
        },
        &["terms-pending: ask"],
    ),
    network(
        "a new version's grace, last second",
        |f| {
            f.new_terms("2", 1);
            f.at(NOW.plus(Seconds(11 * 86_400 - 1)));
        },
        &[],
    ),
    network(
        "a new version's grace is over",
        |f| {
            f.new_terms("2", 1);
            f.at(NOW.plus(Seconds::days(11)));
        },
        &["terms-pending: ask"],
    ),
    network("a new version before it takes effect", |f| f.new_terms("2", 1), &[]),
    network(
        "grace is for those who accepted an earlier version",
        |f| {
            f.accepted_nothing();
            f.new_terms("2", 0);
        },
        &["terms-pending: ask"],
    ),
    network(
        "a third version gives no second grace to those who let the first pass",
        |f| {
            f.new_terms("2", 1);
            f.new_terms("3", 12);
            f.at(NOW.plus(Seconds::days(12)));
        },
        &["terms-pending: ask"],
    ),
    network(
        "a third version leaves the grace of the second, last second",
        |f| {
            f.new_terms("2", 1);
            f.new_terms("3", 5);
            f.at(NOW.plus(Seconds(11 * 86_400 - 1)));
        },
        &[],
    ),
    network(
        "a third version does not lengthen the grace of the second",
        |f| {
            f.new_terms("2", 1);
            f.new_terms("3", 5);
            f.at(NOW.plus(Seconds::days(11)));
        },
        &["terms-pending: ask"],
    ),
    // Access.
    network("the person has no access", |f| f.member().access.clear(), &["access-not-requested"]),
    network(
        "the organisation was not let in: said once",
        |f| {
            f.organisation.subscriptions.clear();
            f.member().access.clear();
        },
        &["access-not-requested"],
    ),
    network(
        "access does not outlive the organisation's",
        |f| f.organisation.subscriptions.clear(),
        &["access-not-requested"],
    ),
    // Credentials (CRD-7).
    network("no credential", |f| f.account.credentials.clear(), &[MISSING]),
    supply("a credential of another partner is an equivalent where it is accepted", |_| {}, &[]),
    network(
        "a product that is not accepted does not count",
        |f| f.application().accepted_products = vec![read("anvil-mobile-id")],
        &["credential-missing: anvil-mobile-id"],
    ),
    network(
        "an accepted product below the least level does not count",
        |f| f.product_level("cobalt-mobile-id", Level::One),
        &["credential-missing: anvil-mobile-id cobalt-phone"],
    ),
    network("an accepted product of a higher level does", |f| f.product_level("cobalt-mobile-id", Level::Three), &[]),
    network(
        "where no product is named, the level decides: high enough",
        |f| f.application().accepted_products.clear(),
        &[],
    ),
    network(
        "where no product is named, the level decides: too low",
        |f| {
            f.application().accepted_products.clear();
            f.application().least_level = Level::Three;
            f.product_level("anvil-mobile-id", Level::Three);
        },
        &["credential-missing: anvil-mobile-id"],
    ),
    network("the credential's last second", |f| f.at(NOW.plus(Seconds(365 * 86_400 - 1))), &[]),
    network("the credential ends on the second", |f| f.at(NOW.plus(Seconds::days(365))), &[EXPIRED]),
    network(
        "not registered",
        |f| f.credential().authenticator = Authenticator::Missing,
        &["credential-not-registered"],
    ),
    network(
        "an app that no code has proved is not registered",
        |f| {
            let Authenticator::App { seed, .. } = f.credential().authenticator.clone() else { panic!("an app") };
            f.credential().authenticator = Authenticator::Enrolling { seed, started_at: NOW };
        },
        &["credential-not-registered"],
    ),
    network("nine failures", |f| f.credential().failures = MAX_FAILURES - 1, &[]),
    network("locked", |f| f.credential().failures = MAX_FAILURES, &["credential-locked"]),
    network(
        "a second credential stands in for one that is locked",
        |f| {
            f.credential().failures = MAX_FAILURES;
            let other = registered(2, product(&f.gateway, "anvil-mobile-id"));
            f.account.credentials.push(other);
            f.raised_by(2, NOW);
        },
        &[],
    ),
    network(
        "a second credential stands in for one that has ended",
        |f| {
            f.credential().grant.expires_at = NOW;
            let other = registered(2, product(&f.gateway, "anvil-mobile-id"));
            f.account.credentials.push(other);
            f.raised_by(2, NOW);
        },
        &[],
    ),
    // Orders (SHP-5, SHP-8).
    network("ordered, not paid", |f| f.ordered("cobalt-phone", Awaited::Payment), &["payment-pending: 1"]),
    network("paid, not shipped", |f| f.ordered("cobalt-phone", Awaited::Shipment), &["shipment-pending: 1"]),
    network("a licence key that waits", |f| f.ordered("cobalt-phone", Awaited::Activation), &["licence-not-activated"]),
    network(
        "an order that cannot be paid any more",
        |f| {
            f.ordered("cobalt-phone", Awaited::Payment);
            for known in &mut f.account.purchases {
                known.payable_until = Some(NOW);
            }
        },
        &[MISSING],
    ),
    network(
        "of two orders, what comes sooner",
        |f| {
            f.ordered("cobalt-phone", Awaited::Shipment);
            f.ordered("cobalt-mobile-id", Awaited::Payment);
        },
        &["shipment-pending: 1"],
    ),
    supply("an order of what is not accepted", |f| f.ordered("cobalt-phone", Awaited::Activation), &[MISSING_SUPPLY]),
    network(
        "an order in place of a credential that has ended",
        |f| {
            let ended = f.account.credentials.clone();
            f.ordered("cobalt-mobile-id", Awaited::Payment);
            f.account.credentials = ended;
            f.at(NOW.plus(Seconds::days(365)));
        },
        &["payment-pending: 1"],
    ),
    network(
        "an order of what the person has",
        |f| {
            let valid = f.account.credentials.clone();
            f.ordered("cobalt-mobile-id", Awaited::Payment);
            f.account.credentials = valid;
        },
        &[],
    ),
    // The second factor (OTP-4).
    network("no second factor", Facts::not_raised, &["otp-required"]),
    network("the last second of its age", |f| f.now = after(899), &["launch-terms-required"]),
    network("too old on the second", |f| f.now = after(900), &["otp-required", "launch-terms-required"]),
    network("with a credential that is not the person's", |f| f.raised_by(2, NOW), &["otp-required"]),
    network(
        "with a credential that has ended since",
        |f| {
            f.credential().grant.expires_at = NOW;
            let other = registered(2, product(&f.gateway, "anvil-mobile-id"));
            f.account.credentials.push(other);
        },
        &["otp-required"],
    ),
    supply("a code of this launch", |f| f.raised_at(after(1)), &[]),
    supply("a code of the second in which this launch began", |f| f.intent().started_at = NOW, &["otp-required"]),
    supply("a code of before this launch", |f| f.intent().started_at = after(1), &["otp-required"]),
    supply("a code without a launch", |f| f.intent = None, &["otp-required"]),
    supply("another person's launch", |f| f.intent().account = AccountId::from_bytes([99; 16]), &["otp-required"]),
    supply("another application's launch", |f| f.intent().application = read("business-network"), &["otp-required"]),
    supply("the launch's last second", |f| f.now = after(INTENT_LIFETIME.0 - 2), &[]),
    supply("a launch that took too long", |f| f.now = after(INTENT_LIFETIME.0 - 1), &["otp-required"]),
    // Access terms at every launch (TRM-4).
    network("access terms not accepted", |f| f.intent().accepted_terms = None, &["launch-terms-required"]),
    network("no launch, so no access terms accepted", |f| f.intent = None, &["launch-terms-required"]),
    network(
        "another text was accepted",
        |f| f.intent().accepted_terms = Some("x".to_owned()),
        &["launch-terms-required"],
    ),
    network(
        "the text changed since",
        |f| f.application().launch_terms = Some(PublishedText::new("New.".to_owned())),
        &["launch-terms-required"],
    ),
    supply("no access terms, none to accept", |f| f.intent().accepted_terms = None, &[]),
];

#[test]
fn lch_1_the_facts_decide_what_blocks_and_in_which_order() {
    // LCH-1, TRM-1, TRM-2, TRM-4, CRD-7, OTP-4
    for case in CASES {
        let mut facts = Facts::ready(case.application);
        (case.facts)(&mut facts);
        assert_eq!(facts.blockers(), case.blockers, "{}: {}", case.application, case.about);
    }
}

#[test]
fn lch_1_every_blocker_has_its_code_and_only_what_can_be_resolved_a_path() {
    // LCH-1
    let gateway = gateway();
    let application = application(&gateway, "business-network");
    let acceptable = Vec::new;
    let credential = credential_id(1);
    let order = OrderId::from_bytes([1; 16]);
    let all = [
        (Blocker::ActivationRequired, "activation-required", None),
        (
            Blocker::TermsPending { may_accept: true },
            "terms-pending",
            Some("/accept-terms/business-network".to_owned()),
        ),
        (Blocker::TermsPending { may_accept: false }, "terms-pending", None),
        (Blocker::AccessMissing, "access-not-requested", None),
        (
            Blocker::CredentialMissing { acceptable: acceptable() },
            "credential-missing",
            Some("/credentials/licence".to_owned()),
        ),
        (
            Blocker::CredentialExpired { acceptable: acceptable() },
            "credential-expired",
            Some("/credentials/licence".to_owned()),
        ),
        (Blocker::PaymentPending { order }, "payment-pending", Some(format!("/webstore-checkout/orders/{order}"))),
        (Blocker::ShipmentPending { order }, "shipment-pending", Some(format!("/webstore-checkout/orders/{order}"))),
        (Blocker::LicenceNotActivated, "licence-not-activated", Some("/credentials/licence".to_owned())),
        (
            Blocker::CredentialNotRegistered { credential },
            "credential-not-registered",
            Some(format!("/credentials/{credential}/authenticator")),
        ),
        (Blocker::CredentialLocked, "credential-locked", None),
        (Blocker::OtpRequired, "otp-required", Some("/verify-otp?continue=/launch/business-network".to_owned())),
        (Blocker::LaunchTermsRequired, "launch-terms-required", Some("/launch/business-network".to_owned())),
    ];
    for (blocker, code, path) in all {
        assert_eq!((blocker.code(), blocker.path(application)), (code, path));
        assert!(!blocker.label().is_empty() && blocker.advice().ends_with('.'), "{code}");
    }
}

#[test]
fn lch_1_the_steps_of_the_dashboard_are_read_off_the_blockers() {
    // LCH-1
    let done = |found: &[Blocker]| steps(found).map(|step| step.done);
    assert_eq!(done(&[]), [true, true, true, true, false], "the launch itself is never done");
    assert_eq!(done(&[Blocker::OtpRequired, Blocker::LaunchTermsRequired]), [true, true, true, true, false]);
    assert_eq!(done(&[Blocker::TermsPending { may_accept: false }]), [false, true, true, true, false]);
    assert_eq!(done(&[Blocker::AccessMissing]), [true, false, true, true, false]);
    assert_eq!(done(&[Blocker::CredentialMissing { acceptable: Vec::new() }]), [true, true, false, false, false]);
    assert_eq!(done(&[Blocker::CredentialExpired { acceptable: Vec::new() }]), [true, true, false, false, false]);
    let order = OrderId::from_bytes([1; 16]);
    assert_eq!(done(&[Blocker::PaymentPending { order }]), [true, true, false, false, false]);
    assert_eq!(done(&[Blocker::ShipmentPending { order }]), [true, true, false, false, false]);
    assert_eq!(done(&[Blocker::LicenceNotActivated]), [true, true, true, false, false]);
    assert_eq!(
        done(&[Blocker::CredentialNotRegistered { credential: credential_id(1) }]),
        [true, true, true, false, false]
    );
    assert_eq!(done(&[Blocker::CredentialLocked]), [true, true, true, false, false]);
}

fn holding(gateway: &Gateway, products: &[&str]) -> Account {
    let credentials = products.iter().map(|id| credential(1, product(gateway, id)));
    Account { credentials: credentials.collect(), ..account() }
}

#[test]
fn shp_1_nobody_buys_what_something_else_saves() {
    // SHP-1, CRD-7
    let gateway = gateway();
    let need =
        |of: &str, has: &[&str], now| match Need::of(product(&gateway, of), &holding(&gateway, has), &gateway, now) {
            Need::ToBuy => "to buy".to_owned(),
            Need::Ordered { .. } => "ordered".to_owned(),
            Need::Had { .. } => "had".to_owned(),
            Need::Saved { by, .. } => format!("saved by {}", by.id),
        };
    let (anvil, cobalt, phone) = ("anvil-mobile-id", "cobalt-mobile-id", "cobalt-phone");
    assert_eq!(need(cobalt, &[], NOW), "to buy");
    assert_eq!(need(cobalt, &[cobalt, anvil], NOW), "had");
    assert_eq!(need(cobalt, &[anvil], NOW), "saved by anvil-mobile-id");
    assert_eq!(need(phone, &[anvil], NOW), "saved by anvil-mobile-id");
    assert_eq!(need(cobalt, &[phone], NOW), "to buy", "one of its applications does not take phones");
    let over = NOW.plus(product(&gateway, anvil).term());
    assert_eq!(need(cobalt, &[cobalt, anvil], over), "to buy", "it has expired");
    let mut unsold = gateway.clone();
    unsold.applications.clear();
    let unsold = Need::of(product(&gateway, phone), &holding(&gateway, &[anvil]), &unsold, NOW);
    assert!(matches!(unsold, Need::ToBuy), "nobody takes either");
}

#[test]
fn shp_1_nobody_buys_again_what_is_ordered() {
    // SHP-1
    let gateway = gateway();
    let (order, phone) = (OrderId::from_bytes([1; 16]), "cobalt-phone");
    let awaited = vec![(read(phone), Awaited::Payment)];
    let purchase = Purchase { order, placed_at: NOW, payable_until: None, awaited };
    let ordering = |products: &[&str]| holding(&gateway, products).follow(purchase.clone(), NOW).next;
    let need = |of: &str, person: &Account| match Need::of(product(&gateway, of), person, &gateway, NOW) {
        Need::Ordered { order } => Some(order),
        Need::ToBuy | Need::Had { .. } | Need::Saved { .. } => None,
    };
    assert_eq!(need(phone, &ordering(&[])), Some(order));
    assert_eq!(need("cobalt-mobile-id", &ordering(&[])), None, "another product");
    assert_eq!(need(phone, &ordering(&[phone])), None, "it is in use");
}
