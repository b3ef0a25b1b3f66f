use super::*;
use crate::{account::Account, testing::*};

/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "http://127.0.0.1:3002/business-network/callback";

/// A person whom nothing blocks: a code of just now, by a credential that both applications accept.
fn ready(gateway: &Gateway) -> Account {
    let mut account = account();
    account.credentials = vec![registered(1, product(gateway, "cobalt-mobile-id"))];
    account.sessions.first_mut().expect("one is open").raised = Some(Raised {
        at: NOW,
        credential: credential_id(1),
        level: Level::Two,
        factor: crate::credential::Factor::App,
    });
    account
}

fn intent(gateway: &Gateway, id: &str) -> Intent {
    let application = application(gateway, id);
    let digest = launch_terms_digest(application).unwrap_or_default();
    let begun = Intent::begin(account().id, &application.id, BEFORE);
    begun.accept_terms(application, true, digest).expect("the text in force")
}

fn request(id: &str) -> AuthorizationRequest {
    AuthorizationRequest {
        client: read(id),
        redirect_uri: CALLBACK.to_owned(),
        code_challenge: CHALLENGE.to_owned(),
        nonce: Some("n".to_owned()),
        levels: Vec::new(),
    }
}

/// A code for this application, issued now.
fn issued_to(gateway: &Gateway, account: &Account, id: &str) -> (AuthorizationCode, PlainToken) {
    let (person, organisation) = (signed_in(account), organisation(gateway));
    let application = application(gateway, id);
    let intent = intent(gateway, id);
    let cleared =
        clear(&person, &organisation, application, gateway, Some(&intent), NOW).expect("nothing blocks the person");
    let request = request(id);
    AuthorizationCode::issue(&cleared, request, &keys(), NOW, &mut Seeded(1))
}

fn issued() -> (AuthorizationCode, PlainToken) {
    let gateway = gateway();
    issued_to(&gateway, &ready(&gateway), "business-network")
}

/// What a client sends to the token endpoint.
#[derive(Clone, Copy)]
struct Sent<'a> {
    client: &'a str,
    redirect_uri: &'a str,
    verifier: &'a str,
}

const RIGHT: Sent<'static> = Sent { client: "business-network", redirect_uri: CALLBACK, verifier: VERIFIER };

fn exchanged(
    code: AuthorizationCode,
    token: &PlainToken,
    sent: Sent<'_>,
    now: Timestamp,
) -> (AuthorizationCode, Result<(), InvalidGrant>) {
    let client = read(sent.client);
    let exchange =
        Exchange { client: &client, code: token, redirect_uri: sent.redirect_uri, code_verifier: sent.verifier };
    committed(code.exchange(&exchange, now))
}

#[test]
fn lch_2_the_vector_of_rfc_7636() {
    // LCH-2
    assert_eq!(challenge_of(VERIFIER), CHALLENGE);
    let long = |length: usize| "a".repeat(length);
    for (verifier, well_formed) in [
        (long(42), false),
        (long(43), true),
        (long(128), true),
        (long(129), false),
        (format!("{}-._~", long(40)), true),
        (format!("{}+", long(43)), false),
        (format!("{}é", long(43)), false),
    ] {
        assert_eq!(well_formed_verifier(&verifier), well_formed, "{verifier}");
    }
    assert!(well_formed_challenge(CHALLENGE) && !well_formed_challenge(&format!("{CHALLENGE}=")));
    assert!(!well_formed_challenge(&long(42)) && !well_formed_challenge(&format!("{}~", long(42))));
}

#[test]
fn lch_1_a_blocked_launch_lists_every_blocker() {
    // LCH-1
    let gateway = gateway();
    let organisation = organisation(&gateway);
    let network = application(&gateway, "business-network");
    let fresh = account();
    let outcome = clear(&signed_in(&fresh), &organisation, network, &gateway, None, NOW).map(drop);
    let found = blockers(&signed_in(&fresh), &organisation, network, &gateway, None, NOW);
    assert!(found.len() > 1);
    assert_eq!(outcome, Err(Refusal::Blocked(found)));
}

#[test]
fn lch_3_a_code_records_its_launch() {
    // LCH-2, LCH-3, TRM-4
    let gateway = gateway();
    let (code, token) = issued();
    let network = application(&gateway, "business-network");
    assert_eq!(
        (code.launch_terms.as_deref(), code.issued_at, code.state),
        (launch_terms_digest(network), NOW, CodeState::Fresh)
    );
    assert_eq!((code.client, code.nonce.as_deref()), (network.id.clone(), Some("n")));
    assert_eq!((code.account, *code.id.bytes()), (account().id, token.record()));
}

#[test]
fn trm_4_only_terms_of_this_launch_are_recorded() {
    // TRM-4: what was accepted for another application, or too long ago, is not what this launch rests on.
    let mut gateway = gateway();
    for application in &mut gateway.applications {
        application.otp_max_age_seconds = 900;
    }
    let account = ready(&gateway);
    let supply = application(&gateway, "supply-platform");
    let other = intent(&gateway, "business-network");
    assert!(other.accepted_terms.is_some());
    let own = Intent { application: supply.id.clone(), ..other.clone() };
    for (intent, now, recorded) in [(&other, NOW, false), (&own, after(INTENT_LIFETIME.0), false), (&own, NOW, true)] {
        let organisation = organisation(&gateway);
        let cleared = clear(&signed_in(&account), &organisation, supply, &gateway, Some(intent), now).expect("ready");
        assert_eq!(cleared.launch_terms.is_some(), recorded);
    }
}

#[test]
fn lch_2_a_code_is_exchanged_within_60_seconds() {
    // LCH-2
    for (age, good) in [(0, true), (59, true), (60, false), (3600, false)] {
        let (code, token) = issued();
        let (code, outcome) = exchanged(code, &token, RIGHT, after(age));
        assert_eq!(outcome.is_ok(), good, "{age}");
        assert_eq!(code.tokens_valid(after(age)), good, "{age}");
    }
}

#[test]
fn lch_2_a_code_is_exchanged_once_and_its_reuse_revokes() {
    // LCH-2
    let (code, token) = issued();
    assert!(!code.tokens_valid(NOW), "not exchanged yet");
    let (code, outcome) = exchanged(code, &token, RIGHT, after(1));
    assert_eq!((outcome, code.state), (Ok(()), CodeState::Exchanged(after(1))));
    assert!(code.tokens_valid(after(TOKEN_LIFETIME.0)) && !code.tokens_valid(after(1 + TOKEN_LIFETIME.0)));
    let stolen = Sent { client: "supply-platform", ..RIGHT };
    for again in [RIGHT, stolen] {
        let (revoked, outcome) = exchanged(code.clone(), &token, again, after(2));
        assert_eq!((outcome, revoked.state), (Err(InvalidGrant), CodeState::Revoked(after(2))));
        assert!(!revoked.tokens_valid(after(2)));
        let (still, outcome) = exchanged(revoked, &token, RIGHT, after(3));
        assert_eq!((outcome, still.state), (Err(InvalidGrant), CodeState::Revoked(after(2))));
    }
    let stranger = PlainToken::new(token.record(), &mut Seeded(9));
    let (code, outcome) = exchanged(code, &stranger, RIGHT, after(2));
    assert_eq!(outcome, Err(InvalidGrant));
    assert!(code.tokens_valid(after(2)), "who does not have the code revokes nothing");
}

#[test]
fn lch_2_a_code_is_bound_to_client_redirect_uri_and_verifier() {
    // LCH-2
    for wrong in [
        Sent { client: "supply-platform", ..RIGHT },
        Sent { redirect_uri: "http://127.0.0.1:3002/business-network/callback/", ..RIGHT },
        Sent { redirect_uri: "", ..RIGHT },
        Sent { verifier: CHALLENGE, ..RIGHT },
        Sent { verifier: "", ..RIGHT },
    ] {
        let (code, token) = issued();
        let (code, outcome) = exchanged(code, &token, wrong, NOW);
        assert_eq!((outcome, code.state), (Err(InvalidGrant), CodeState::Fresh));
    }
    let (code, token) = issued();
    let (code, outcome) = exchanged(code, &PlainToken::new(token.record(), &mut Seeded(9)), RIGHT, NOW);
    assert_eq!((outcome, code.state), (Err(InvalidGrant), CodeState::Fresh), "another code");
    assert_eq!(exchanged(code, &token, RIGHT, NOW).1, Ok(()), "its application still gets in");
}

#[test]
fn lch_2_a_subject_is_stable_for_a_partner_and_differs_between_partners() {
    // LCH-2
    let mut gateway = gateway();
    let account = ready(&gateway);
    let claims = |gateway: &Gateway, account: &Account, id: &str| issued_to(gateway, account, id).0.claims;
    let at_cobalt = claims(&gateway, &account, "business-network");
    let at_anvil = claims(&gateway, &account, "supply-platform");
    assert_eq!(claims(&gateway, &account, "business-network"), at_cobalt);
    assert_ne!(at_anvil.sub, at_cobalt.sub);
    assert_ne!(at_anvil.organisation, at_cobalt.organisation);
    assert_ne!(at_cobalt.sub, at_cobalt.organisation);
    let ids = [account.id.to_string(), crate::testing::ORGANISATION.to_string()];
    assert!(!ids.contains(&at_cobalt.sub) && !ids.contains(&at_cobalt.organisation), "nothing of ours");
    for application in &mut gateway.applications {
        application.partner = read("cobalt");
    }
    assert_eq!(claims(&gateway, &account, "supply-platform").sub, at_cobalt.sub, "one partner, one subject");
}

#[test]
fn lch_2_the_claims_say_who_for_whom_and_how() {
    // LCH-2, OTP-4
    let gateway = gateway();
    let mut account = ready(&gateway);
    let member = account.memberships.first_mut().expect("one organisation");
    member.organisation_administrator = true;
    member.application_administrator = vec![read("supply-platform")];
    let claims = |id: &str| issued_to(&gateway, &account, id).0.claims;
    assert_eq!(claims("supply-platform").roles, ["supplier-user", "supplier-admin", "platform-admin"]);
    let found = claims("business-network");
    assert_eq!(found.roles, ["user", "org-admin"], "in the application's own words");
    assert_eq!((found.name.as_str(), found.organisation_name.as_str()), ("Ada Lovelace", "Birch Machining GmbH"));
    assert_eq!((found.acr.as_str(), found.auth_time), ("urn:vestibule:level:2", NOW));
    assert_eq!(found.amr, ["pwd", "otp", "mfa"]);
}

#[test]
fn trm_4_the_shown_access_terms_are_accepted_by_ticking() {
    // TRM-4
    let gateway = gateway();
    let (network, supply) = (application(&gateway, "business-network"), application(&gateway, "supply-platform"));
    let begin = || Intent::begin(account().id, &network.id, NOW);
    let digest = launch_terms_digest(network).expect("it demands access terms");
    let accepted = begin().accept_terms(network, true, digest).expect("accepted");
    assert_eq!(accepted.accepted_terms.as_deref(), Some(digest));
    assert_eq!(begin().accept_terms(network, true, "older"), Err(Refusal::TermsChanged));
    assert!(matches!(begin().accept_terms(network, false, digest), Err(Refusal::InvalidInput(_))));
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
