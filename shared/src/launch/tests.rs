use super::*;

const FIXTURE: &str = include_str!("../../../gateway.toml");

#[test]
fn trm_4_the_shown_access_terms_are_accepted_by_ticking() {
    // TRM-4
    let gateway = Gateway::parse(FIXTURE).expect("the deployment's file is valid");
    let application = |id: &str| gateway.application(&id.parse().expect("an id")).expect("configured");
    let (network, supply) = (application("business-network"), application("supply-platform"));
    let begin = || Intent::begin(AccountId::from_bytes([1; 16]), &network.id, Timestamp::from_unix(1));
    let digest = launch_terms_digest(network).expect("it demands access terms");
    let accepted = begin().accept_terms(network, true, &digest).expect("accepted");
    assert_eq!(accepted.accepted_terms, Some(digest.clone()));
    assert_eq!(begin().accept_terms(network, true, "older"), Err(Refusal::TermsChanged));
    assert!(matches!(begin().accept_terms(network, false, &digest), Err(Refusal::InvalidInput(_))));
    assert_eq!(begin().accept_terms(supply, false, "").map(|intent| intent.accepted_terms), Ok(None));
}

#[test]
fn crd_7_acr_values_and_levels_name_each_other() {
    // CRD-7
    for level in [Level::One, Level::Two, Level::Three] {
        assert_eq!(level_of(&acr(level)), Some(level));
    }
    assert_eq!(level_of("urn:vestibule:level:4"), None);
}
