use super::*;
use crate::{
    checkout::{Cart, Customer, Purchase, RawLine, Source},
    config::Gateway,
    credential::Grant,
    testing::*,
    values::Money,
};

const ADA: AccountId = AccountId::from_bytes([12; 16]);
const EVE: AccountId = AccountId::from_bytes([66; 16]);

fn licence_key() -> LicenceKey {
    LicenceKey::random(&mut Seeded(1))
}

/// A complete order of one unit, and its licence.
fn bought(gateway: &Gateway) -> (Order, Licence) {
    let line = RawLine { product: "cobalt-mobile-id".to_owned(), quantity: 1 };
    let cart = Cart::parse(&read("cobalt"), &[line], gateway).expect("a cart");
    let customer = Customer { name: name("Ada", "Lovelace"), email: read("ada@birch.example") };
    let total: Money = read("0.00 USD");
    let purchase = Purchase { cart: &cart, customer, source: Source::Storefront { promo: None }, total };
    let id = OrderId::from_bytes([1; 16]);
    let mut complete = Order::complete(id, purchase, &keys(), NOW, &mut Seeded(1));
    (complete.order.next, complete.licences.remove(0))
}

fn command(product: &Product) -> ActivateLicence {
    ActivateLicence { agreement: product.agreement_digest().to_owned(), agreed: true }
}

fn activated(licence: &Licence, order: Option<&Order>, by: AccountId, now: Timestamp) -> Result<Licence, Refusal> {
    let gateway = gateway();
    let product = product(&gateway, "cobalt-mobile-id");
    let decision = licence.clone().activate(order, by, product, &command(product), &keys(), now)?;
    assert_eq!(granted(&decision.effects).0, by);
    Ok(decision.next)
}

fn granted(effects: &[Effect]) -> (AccountId, &Grant) {
    match effects {
        [Effect::GrantCredential { account, grant }] => (*account, grant),
        other => panic!("one grant, not {}", other.len()),
    }
}

#[test]
fn shp_6_a_licence_is_found_by_its_key_and_keeps_nothing_of_it() {
    // SHP-6
    let key = licence_key();
    let typed: LicenceKey = read(&key.reveal().to_lowercase().replace('-', " "));
    assert_eq!(licence_id(&typed, &keys()), licence_id(&key, &keys()));
    assert_ne!(licence_id(&LicenceKey::random(&mut Seeded(2)), &keys()), licence_id(&key, &keys()));
    let licence = Licence::issued(&key, &read("cobalt-mobile-id"), OrderId::from_bytes([1; 16]), &keys());
    let shown = format!("{licence:?}");
    assert!(!shown.contains(&key.reveal()) && !shown.contains(&key.reveal().replace('-', "")));
}

#[test]
fn shp_6_a_licence_counts_only_when_its_order_names_it() {
    // SHP-6, CRD-1: what a crash left behind before the order was written cannot be activated.
    let gateway = gateway();
    let (order, licence) = bought(&gateway);
    assert_eq!(licence.usable_by(Some(&order), ADA), Ok(()));
    let without = Order { licences: Vec::new(), ..order.clone() };
    let another = Order { id: OrderId::from_bytes([2; 16]), ..order.clone() };
    for order in [None, Some(&without), Some(&another)] {
        assert_eq!(licence.usable_by(order, ADA), Err(Refusal::LicenceNotUsable));
        assert_eq!(activated(&licence, order, ADA, NOW), Err(Refusal::LicenceNotUsable));
    }
}

#[test]
fn crd_1_one_account_activates_a_licence() {
    // CRD-1
    let gateway = gateway();
    let (order, licence) = bought(&gateway);
    let hers = activated(&licence, Some(&order), ADA, after(5)).expect("nobody had it");
    assert_eq!(hers.state, LicenceState::Activated { account: ADA, at: after(5) });
    assert_eq!(
        hers.usable_by(Some(&order), EVE),
        Err(Refusal::LicenceNotUsable),
        "the same answer as for unknown keys"
    );
    assert_eq!(activated(&hers, Some(&order), EVE, after(6)), Err(Refusal::LicenceNotUsable));
    assert_eq!(activated(&hers, Some(&order), ADA, after(6)), Ok(hers), "its own repetition changes nothing");
}

#[test]
fn crd_1_a_repetition_grants_the_same_credential() {
    // CRD-1: with the time of the first activation, so that repeating lengthens nothing.
    let gateway = gateway();
    let (order, licence) = bought(&gateway);
    let product = product(&gateway, "cobalt-mobile-id");
    let grant_at = |licence: Licence, now| {
        let decision = licence.activate(Some(&order), ADA, product, &command(product), &keys(), now).expect("hers");
        let (_, grant) = granted(&decision.effects);
        (grant.clone(), decision.next)
    };
    let (first, activated) = grant_at(licence, after(5));
    let (again, _) = grant_at(activated, after(500));
    assert_eq!(again, first);
    assert_eq!((first.activated_at, first.expires_at), (after(5), after(5).plus(product.term())));
    assert_eq!(
        (first.id, first.licence),
        (super::credential_id(first.licence, &keys()), licence_id(&licence_key(), &keys()))
    );
}

#[test]
fn crd_1_the_service_agreement_is_accepted_as_it_is_in_force() {
    // CRD-1
    let gateway = gateway();
    let (order, licence) = bought(&gateway);
    let product = product(&gateway, "cobalt-mobile-id");
    let activate = |command: &ActivateLicence| {
        licence.clone().activate(Some(&order), ADA, product, command, &keys(), NOW).map(|decision| decision.next)
    };
    let changed = ActivateLicence { agreement: "00".to_owned(), agreed: true };
    assert_eq!(activate(&changed), Err(Refusal::TermsChanged));
    let unticked = ActivateLicence { agreed: false, ..command(product) };
    assert_eq!(faults(activate(&unticked)), [("agreed".to_owned(), "not-agreed")]);
}
