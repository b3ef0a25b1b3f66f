use super::*;
use crate::secret::testing::Seeded;

const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

fn keys() -> Keys {
    Keys::new(&[7; 32], None).expect("32 bytes are enough")
}

fn credential(authenticator: Authenticator) -> Credential {
    let grant = Grant {
        id: CredentialId::from_bytes([2; 16]),
        product: "mobile-id".parse().expect("a slug"),
        level: Level::Two,
        licence: LicenceId::from_bytes([3; 16]),
        agreement: String::new(),
        activated_at: NOW,
        expires_at: NOW.plus(Seconds::days(365)),
        serial: None,
    };
    Credential { grant, authenticator, failures: 0 }
}

#[test]
fn crd_6_a_seed_opens_for_its_own_credential_and_account_only() {
    // CRD-6
    let seed = Seed::random(&mut Seeded(1));
    let sealed = seal_seed(&seed, ACCOUNT, CredentialId::from_bytes([2; 16]), &keys(), &mut Seeded(2));
    let own = credential(Authenticator::App { seed: sealed, clockwork: Clockwork::default(), enrolled_at: NOW });
    let opened = open_seed(&own, ACCOUNT, &keys(), NOW).expect("its own place");
    assert_eq!(opened.expose().as_slice(), seed.expose());

    let mut moved = own.clone();
    moved.grant.id = CredentialId::from_bytes([4; 16]);
    let other_keys = Keys::new(&[8; 32], None).expect("32 bytes are enough");
    for outcome in [
        open_seed(&moved, ACCOUNT, &keys(), NOW),
        open_seed(&own, AccountId::from_bytes([5; 16]), &keys(), NOW),
        open_seed(&own, ACCOUNT, &other_keys, NOW),
    ] {
        assert!(matches!(outcome, Err(Refusal::WrongStage { .. })));
    }
}

#[test]
fn crd_4_an_offered_seed_is_there_for_an_hour() {
    // CRD-4
    let seed = Seed::random(&mut Seeded(1));
    let sealed = seal_seed(&seed, ACCOUNT, CredentialId::from_bytes([2; 16]), &keys(), &mut Seeded(2));
    let offered = credential(Authenticator::Enrolling { seed: sealed, started_at: NOW });
    assert!(open_seed(&offered, ACCOUNT, &keys(), NOW.plus(Seconds(3599))).is_ok());
    assert!(open_seed(&offered, ACCOUNT, &keys(), NOW.plus(Seconds(3600))).is_err());
    assert!(open_seed(&credential(Authenticator::Missing), ACCOUNT, &keys(), NOW).is_err());
}

#[test]
fn crd_1_a_credential_lasts_for_the_products_term_from_its_activation() {
    // CRD-1, CRD-8
    let gateway = crate::testing::gateway();
    let product = crate::testing::product(&gateway, "cobalt-mobile-id");
    let granted =
        grant(CredentialId::from_bytes([2; 16]), LicenceId::from_bytes([3; 16]), product, "digest".to_owned(), NOW);
    assert_eq!((granted.activated_at, granted.expires_at), (NOW, NOW.plus(Seconds::days(365))));
    assert_eq!((&granted.product, granted.level, granted.agreement.as_str()), (&product.id, Level::Two, "digest"));
    let fresh = Credential::granted(granted);
    assert!(!fresh.registered() && !fresh.locked() && fresh.tries_left() == MAX_FAILURES);
    assert!(!fresh.expired(NOW.plus(Seconds(365 * 86_400 - 1))) && fresh.expired(NOW.plus(Seconds::days(365))));
}
