use super::*;
use crate::{
    config::Gateway,
    credential::{Authenticator, ENROLMENT_LIFETIME, MAX_FAILURES, grant, seal_seed},
    lockout::FREE_FAILURES,
    password::{PasswordPolicy, SecurityAnswer},
    testing::*,
    totp::Seed,
    values::LicenceId,
};

mod recovery;
mod sequences;

/// The secret that a raised session gets.
static NEXT: SessionSecret = SessionSecret::from_bytes([21; 16]);

fn mobile_id(gateway: &Gateway) -> &crate::config::Product {
    product(gateway, "cobalt-mobile-id")
}

/// An account with one registered credential.
fn equipped() -> Account {
    Account { credentials: vec![registered(1, mobile_id(&gateway()))], ..account() }
}

/// An account with a credential whose app was just offered its seed.
fn enrolling() -> Account {
    let account = Account { credentials: vec![credential(1, mobile_id(&gateway()))], ..account() };
    begun(account, &seed(), NOW).expect("the first authenticator")
}

fn begun(account: Account, seed: &Seed, now: Timestamp) -> Result<Account, Refusal> {
    let sealed = seal_seed(seed, account.id, credential_id(1), &keys(), &mut Seeded(4));
    account.begin_enrolment(credential_id(1), ProductKind::AuthenticatorApp, sealed, now).map(|decision| decision.next)
}

fn presented<'a>(opened: &'a Opened, code: &'a OtpCode) -> Presented<'a> {
    Presented { credential: credential_id(1), opened, code, session: &SESSION, next_session: &NEXT }
}

fn verified(account: Account, code: &OtpCode, now: Timestamp) -> (Account, Result<(), Refusal>) {
    committed(account.verify_otp(&presented(&opened(), code), now).expect("its own credential"))
}

fn proved(account: Account, code: &OtpCode, now: Timestamp) -> (Account, Result<(), Refusal>) {
    let counted = account.prove_enrolment(&presented(&opened(), code), "Mobile ID", now);
    committed(counted.expect("its own credential"))
}

/// So many wrong codes in a row, and the answer to the last one.
fn failed(mut account: Account, times: u32, now: Timestamp) -> (Account, Result<(), Refusal>) {
    let mut outcome = Ok(());
    for _ in 0..times {
        (account, outcome) = verified(account, &wrong_code(now), now);
    }
    (account, outcome)
}

fn first(account: &Account) -> &Credential {
    account.credentials.first().expect("one credential")
}

fn last_step(account: &Account) -> Option<u64> {
    match &first(account).authenticator {
        Authenticator::App { clockwork, .. } => clockwork.last_step,
        Authenticator::Missing | Authenticator::Enrolling { .. } | Authenticator::Phones(_) => None,
    }
}

fn raised(account: &Account, secret: &SessionSecret) -> Option<Raised> {
    let session = account.sessions.iter().find(|session| secret.matches(&session.digest));
    session.and_then(|session| session.raised.clone())
}

fn signed_in_with(account: Account, right: bool, secret: u8, now: Timestamp) -> (Account, Result<(), Refusal>) {
    committed(account.sign_in(right, &SessionSecret::from_bytes([secret; 16]), now))
}

fn admission(organisation: u8) -> Admission {
    Admission {
        account: account().id,
        name: name("Ada", "Lovelace"),
        email: read("ada@birch.example"),
        organisation_name: "Birch Machining GmbH".to_owned(),
        membership: Membership { organisation: OrganisationId::from_bytes([organisation; 16]), ..membership() },
    }
}

/// An account that waits for activation, and its link's token as the message carries it.
fn invited() -> (Account, PlainToken) {
    let decision = Account::invite(admission(10), read("lovelacea_0001"), NOW, &mut Seeded(1));
    let Body::Activation { token, .. } = only_body(&decision.effects) else { panic!("an activation link") };
    let token = read(token);
    (decision.next, token)
}

fn activated(account: &Account, token: &PlainToken) -> Decision<Account> {
    let answer = SecurityAnswer::parse("Paris").expect("an answer").hash(&keys().pepper(), &mut Seeded(1));
    let secrets = ChosenSecrets { password: PasswordHash::decoy(), answers: vec![("Where?".to_owned(), answer)] };
    let activating = account.present_activation(token, NOW).expect("valid");
    Account::activate(activating, secrets, &SESSION, NOW).expect("one organisation")
}

#[test]
fn apr_2_an_invited_account_is_told_its_user_id_and_its_link() {
    // APR-2, ACT-3
    let (account, token) = invited();
    let decision = Account::invite(admission(10), read("lovelacea_0001"), NOW, &mut Seeded(1));
    let expected = Body::Activation {
        organisation: "Birch Machining GmbH".to_owned(),
        user_id: "lovelacea_0001".to_owned(),
        token: token.reveal(),
        expires_at: NOW.plus(Seconds::hours(72)),
    };
    assert_eq!(only_body(&decision.effects), &expected);
    assert_eq!(account.password(), None);
    let (account, outcome) = signed_in_with(account, true, 1, NOW);
    assert_eq!((outcome, account.sessions.len()), (Err(Refusal::SignInFailed), 0), "SIG-1: one answer");
}

#[test]
fn act_3_the_link_lives_72_hours_and_opening_it_changes_nothing() {
    // ACT-3
    let (account, token) = invited();
    let last_second = after(72 * 3600 - 1);
    assert_eq!(account.present_activation(&token, last_second).expect("valid").account(), &account);
    let other = PlainToken::new(*account.id.bytes(), &mut Seeded(9));
    for (token, now) in [(&token, after(72 * 3600)), (&other, NOW)] {
        assert!(matches!(account.present_activation(token, now), Err(Refusal::LinkNotValid)));
    }
    assert!(!account.was_activated_with(&token));
}

#[test]
fn act_1_activation_keeps_the_secrets_signs_in_and_mails() {
    // ACT-1, ACT-2, ACT-3
    let (account, token) = invited();
    let decision = activated(&account, &token);
    assert_eq!(only_body(&decision.effects), &Body::LoginSuccess { user_id: "lovelacea_0001".to_owned() });
    let account = decision.next;
    assert!(account.password().is_some());
    let Stage::Active { answers, activated_at, .. } = &account.stage else { panic!("active") };
    let [(question, answer)] = answers.as_slice() else { panic!("the chosen one") };
    assert_eq!((question.as_str(), *activated_at), ("Where?", NOW));
    assert!(answer.verify(" paris", &keys().pepper()) && !answer.verify("London", &keys().pepper()));
    assert!(account.signed_in(&SESSION, NOW, NOW).is_ok());

    assert!(matches!(account.present_activation(&token, NOW), Err(Refusal::LinkNotValid)), "used");
    assert!(account.was_activated_with(&token), "its own repetition is told apart");
    assert!(!account.was_activated_with(&PlainToken::new(*account.id.bytes(), &mut Seeded(9))));
}

#[test]
fn sig_1_ten_failures_pause_and_a_paused_try_is_not_judged() {
    // SIG-1
    let mut account = account();
    for _ in 0..FREE_FAILURES {
        let outcome;
        (account, outcome) = signed_in_with(account, false, 1, NOW);
        assert_eq!(outcome, Err(Refusal::SignInFailed));
    }
    let before = account.clone();
    for right in [true, false] {
        let (unchanged, outcome) = signed_in_with(account.clone(), right, 1, after(29));
        assert_eq!(outcome, Err(Refusal::SignInFailed), "the right password too, with the same answer");
        assert_eq!(unchanged, before, "and nothing is counted");
    }
    let (account, outcome) = signed_in_with(account, true, 1, after(30));
    assert_eq!(outcome, Ok(()));
    let Stage::Active { failures, .. } = account.stage else { panic!("active") };
    assert_eq!(failures, Failures::default(), "success resets the count");
}

#[test]
fn sig_1_a_hundred_failures_disable_the_password() {
    // SIG-1
    let (mut account, mut now) = (account(), NOW);
    for failures in 0..crate::lockout::DISABLING_FAILURES {
        now = now.plus(Seconds::hours(1));
        let (_, outcome) = signed_in_with(account.clone(), true, 1, now);
        assert_eq!(outcome, Ok(()), "after {failures} failures");
        (account, _) = signed_in_with(account, false, 1, now);
    }
    let (_, outcome) = signed_in_with(account, true, 1, now.plus(Seconds::days(365)));
    assert_eq!(outcome, Err(Refusal::SignInFailed));
}

#[test]
fn sig_2_a_session_ends_when_idle_and_after_twelve_hours() {
    // SIG-2
    let account = account();
    let outcome = |seen, now| account.signed_in(&SESSION, after(seen), after(now)).map(|person| person.account.id);
    let (alive, ended) = (Ok(account.id), Err(Refusal::NotSignedIn));
    for (seen, now, expected) in [
        (0, 0, &alive),
        (0, 3599, &alive),
        (0, 3600, &ended),
        (12 * 3600 - 1, 12 * 3600 - 1, &alive),
        (12 * 3600, 12 * 3600, &ended),
    ] {
        assert_eq!(&outcome(seen, now), expected, "seen at {seen}, now {now}");
    }
    let stranger = SessionSecret::from_bytes([99; 16]);
    assert!(matches!(account.signed_in(&stranger, NOW, NOW), Err(Refusal::NotSignedIn)));
    let left = Account { memberships: Vec::new(), ..account.clone() };
    assert!(matches!(left.signed_in(&SESSION, NOW, NOW), Err(Refusal::NotSignedIn)), "left the organisation");
}

#[test]
fn sig_2_ten_sessions_at_most_and_the_oldest_goes() {
    // SIG-2
    let mut account = account();
    for secret in 100..110 {
        (account, _) = signed_in_with(account, true, secret, NOW);
    }
    assert_eq!(account.sessions.len(), MAX_SESSIONS);
    let open =
        |account: &Account, secret: u8| account.signed_in(&SessionSecret::from_bytes([secret; 16]), NOW, NOW).is_ok();
    assert!(account.signed_in(&SESSION, NOW, NOW).is_err(), "the oldest");
    assert!((100..110).all(|secret| open(&account, secret)));

    let signed_out = account.clone().sign_out(&SessionSecret::from_bytes([105; 16])).expect("it is open").next;
    assert!((100..110).all(|secret| open(&signed_out, secret) == (secret != 105)), "that one only");
    let (later, _) = signed_in_with(account, true, 110, after(12 * 3600));
    assert_eq!(later.sessions.len(), 1, "those that ended are forgotten");
}

#[test]
fn acc_4_joining_an_organisation_happens_once() {
    // ACC-4
    let joined = account().join(admission(50)).expect("a further organisation");
    let told = Body::MembershipAdded { organisation: "Birch Machining GmbH".to_owned() };
    assert_eq!(only_body(&joined.effects), &told);
    assert_eq!(joined.next.memberships.len(), 2);
    assert!(joined.next.join(admission(50)).is_none(), "repeated");
    assert!(account().join(admission(10)).is_none(), "a member already");

    let mut account = account();
    for organisation in 11..100 {
        if let Some(decision) = account.clone().join(admission(organisation)) {
            account = decision.next;
        }
    }
    assert_eq!(account.memberships.len(), MAX_MEMBERSHIPS);
}

#[test]
fn crd_1_a_licensed_credential_is_received_once_and_while_there_is_room() {
    // CRD-1
    let gateway = gateway();
    let granted =
        |n: u8| grant(credential_id(n), LicenceId::from_bytes([n; 16]), mobile_id(&gateway), String::new(), NOW);
    let mut account = account();
    for n in 0..20 {
        assert!(account.room_for_credential(credential_id(n)).is_ok());
        account = account.receive(granted(n)).expect("room").next;
        assert!(account.clone().receive(granted(n)).is_none(), "repeated");
    }
    assert_eq!(account.credentials.len(), MAX_CREDENTIALS);
    assert!(account.clone().receive(granted(20)).is_none());
    assert!(matches!(account.room_for_credential(credential_id(20)), Err(Refusal::WrongStage { .. })));
    assert!(account.room_for_credential(credential_id(19)).is_ok(), "it is there already");
    assert!(matches!(account.credential(credential_id(20)), Err(Refusal::NotFound)));
}

#[test]
fn crd_4_an_app_counts_once_a_code_proves_it() {
    // CRD-4, CRD-9, OTP-2, OTP-4
    let account = enrolling();
    let sessionless = account.verify_otp(&presented(&opened(), &code(NOW)), NOW).expect("its own credential");
    let (account, outcome) = committed(sessionless);
    assert!(matches!(outcome, Err(Refusal::WrongStage { .. })), "an offer does not sign anybody in");

    let (account, outcome) = proved(account, &wrong_code(NOW), NOW);
    assert_eq!(outcome, Err(Refusal::CodeNotAccepted { tries_left: 9 }));
    assert!(!first(&account).registered());

    let counted = account.prove_enrolment(&presented(&opened(), &code(NOW)), "Mobile ID", NOW).expect("its own");
    let (decision, outcome) = counted.split();
    let Ok(decision) = decision else { panic!("judged") };
    let told = Body::AuthenticatorAdded { product: "Mobile ID".to_owned(), at: NOW };
    assert_eq!((only_body(&decision.effects), outcome.reveal_after_commit()), (&told, Ok(())));
    let account = decision.next;
    assert!(first(&account).registered() && first(&account).failures == 0);
    let level = first(&account).grant.level;
    assert_eq!(
        raised(&account, &NEXT),
        Some(Raised { at: NOW, credential: credential_id(1), level, factor: Factor::App })
    );
    let (_, again) = verified(account, &code(NOW), NOW);
    assert_eq!(again, Err(Refusal::CodeNotAccepted { tries_left: 9 }), "the proving code is used up");
}

#[test]
fn crd_4_an_offer_is_replaced_by_the_next_and_ends_after_an_hour() {
    // CRD-4
    let begin = |account: Account, now| begun(account, &Seed::random(&mut Seeded(77)), now);
    let replaced = begin(enrolling(), NOW).expect("not proved yet");
    assert_ne!(first(&replaced).authenticator, first(&enrolling()).authenticator);

    let (account, outcome) = proved(enrolling(), &code(after(3599)), after(3599));
    assert_eq!(outcome, Ok(()));
    assert!(matches!(begin(account, after(3600)), Err(Refusal::WrongStage { .. })), "a proved app stays");
    let late = NOW.plus(ENROLMENT_LIFETIME);
    let (account, outcome) = proved(enrolling(), &code(late), late);
    assert!(matches!(outcome, Err(Refusal::WrongStage { .. })));
    assert_eq!(first(&account).failures, 0, "nothing was judged");

    let mut ending = enrolling();
    ending.credentials.first_mut().expect("one").grant.expires_at = after(60);
    assert!(proved(ending.clone(), &code(after(59)), after(59)).1.is_ok());
    let (account, outcome) = proved(ending.clone(), &code(after(60)), after(60));
    assert!(matches!(outcome, Err(Refusal::WrongStage { .. })), "what has ended raises no session");
    assert_eq!(raised(&account, &NEXT), None);
    assert!(matches!(begin(ending, after(60)), Err(Refusal::WrongStage { .. })));
}

#[test]
fn otp_3_a_new_offer_starts_at_zero_and_a_proved_app_never_does() {
    // OTP-3: the count of an offer ends with its seed; that of an app is out of reach.
    let mut account = enrolling();
    for _ in 0..MAX_FAILURES {
        (account, _) = proved(account, &wrong_code(NOW), NOW);
    }
    assert_eq!(proved(account.clone(), &code(NOW), NOW).1, Err(Refusal::CredentialLocked));
    let again = begun(account, &Seed::random(&mut Seeded(77)), NOW).expect("not proved yet");
    assert_eq!(first(&again).failures, 0);
    assert!(proved(again, &code(NOW), NOW).1.is_ok(), "judged by the seed that it is given");

    let (locked, _) = failed(equipped(), MAX_FAILURES, NOW);
    assert!(matches!(begun(locked.clone(), &seed(), NOW), Err(Refusal::WrongStage { .. })));
    let (still, outcome) = proved(locked, &code(NOW), NOW);
    assert_eq!((first(&still).failures, outcome), (MAX_FAILURES, Err(Refusal::CredentialLocked)));
}

#[test]
fn otp_2_a_code_succeeds_once_and_steps_only_move_forward() {
    // OTP-2
    let (account, outcome) = verified(equipped(), &code(NOW), NOW);
    assert_eq!((outcome, first(&account).failures), (Ok(()), 0));
    let step = last_step(&account);
    for steps in [0, -1] {
        let used = code_of(seed().expose(), NOW, steps);
        let (unmoved, outcome) = verified(account.clone(), &used, NOW);
        assert_eq!(outcome, Err(Refusal::CodeNotAccepted { tries_left: 9 }), "{steps}");
        assert_eq!(last_step(&unmoved), step);
    }
    let (account, outcome) = verified(account, &code(after(30)), after(30));
    assert_eq!((outcome, last_step(&account) > step), (Ok(()), true));
}

#[test]
fn otp_3_ten_failures_lock_and_the_right_code_does_not_help() {
    // OTP-3
    let (account, outcome) = failed(equipped(), MAX_FAILURES - 1, NOW);
    assert_eq!(outcome, Err(Refusal::CodeNotAccepted { tries_left: 1 }));
    assert!(verified(account.clone(), &code(NOW), NOW).1.is_ok(), "the tenth try may still be right");
    let (reset, _) = verified(account.clone(), &code(NOW), NOW);
    assert_eq!(first(&reset).failures, 0, "consecutive failures count");

    let (account, outcome) = failed(account, 1, NOW);
    assert_eq!(outcome, Err(Refusal::CredentialLocked));
    let (unchanged, outcome) = verified(account.clone(), &code(NOW), NOW);
    assert_eq!((&unchanged, outcome), (&account, Err(Refusal::CredentialLocked)));
    assert!(first(&account).locked() && first(&account).tries_left() == 0);
}

#[test]
fn otp_4_a_right_code_raises_the_session_which_gets_a_new_secret() {
    // OTP-4, SIG-2
    let (account, _) = signed_in_with(equipped(), true, 31, NOW);
    let (account, outcome) = verified(account, &code(after(5)), after(5));
    assert_eq!(outcome, Ok(()));
    assert!(account.signed_in(&SESSION, after(5), after(5)).is_err(), "the old secret is dead");
    let level = first(&account).grant.level;
    assert_eq!(
        raised(&account, &NEXT),
        Some(Raised { at: after(5), credential: credential_id(1), level, factor: Factor::App })
    );
    let other = SessionSecret::from_bytes([31; 16]);
    assert!(account.signed_in(&other, NOW, NOW).is_ok() && raised(&account, &other).is_none(), "that session only");

    let (account, _) = verified(equipped(), &wrong_code(NOW), NOW);
    assert!(raised(&account, &SESSION).is_none() && account.signed_in(&SESSION, NOW, NOW).is_ok());
    assert!(account.signed_in(&NEXT, NOW, NOW).is_err());
}

#[test]
fn otp_2_a_credential_that_has_ended_judges_nothing() {
    // OTP-2, CRD-8
    let year = NOW.plus(Seconds::days(365));
    let (account, outcome) = verified(equipped(), &code(year), year);
    assert!(matches!(outcome, Err(Refusal::WrongStage { .. })));
    assert_eq!(account, equipped());
    let (opened, code) = (opened(), code(NOW));
    let foreign = Presented { credential: credential_id(2), ..presented(&opened, &code) };
    assert!(matches!(equipped().verify_otp(&foreign, NOW).map(drop), Err(Refusal::NotFound)));
    assert!(matches!(equipped().prove_enrolment(&foreign, "", NOW).map(drop), Err(Refusal::NotFound)));
}

#[test]
fn otp_1_one_of_several_credentials_has_to_be_chosen() {
    // OTP-1
    let gateway = gateway();
    let mut account = equipped();
    assert_eq!(account.second_factor(None, NOW).map(|one| one.grant.id), Ok(credential_id(1)));
    account.credentials.push(credential(2, mobile_id(&gateway)));
    assert_eq!(account.second_factor(None, NOW).map(|one| one.grant.id), Ok(credential_id(1)), "2 has no app");
    assert!(matches!(account.second_factor(Some(credential_id(2)), NOW), Err(Refusal::WrongStage { .. })));
    account.credentials.push(registered(3, mobile_id(&gateway)));
    assert_eq!(faults(account.second_factor(None, NOW)), [("credential".to_owned(), "missing")]);
    assert_eq!(account.second_factor(Some(credential_id(3)), NOW).map(|one| one.grant.id), Ok(credential_id(3)));
    assert!(matches!(account.second_factor(Some(credential_id(4)), NOW), Err(Refusal::NotFound)));
    let year = NOW.plus(Seconds::days(365));
    assert!(matches!(account.second_factor(None, year), Err(Refusal::WrongStage { .. })), "all have ended");
}

#[test]
fn crd_9_a_further_authenticator_needs_the_highest_factor_of_just_now() {
    // CRD-9
    let bare = Account { credentials: vec![credential(1, mobile_id(&gateway()))], ..account() };
    assert_eq!(signed_in(&bare).may_add_authenticator(NOW), Ok(()), "the first one after the password");
    let (mut account, _) = verified(equipped(), &code(NOW), NOW);
    let may = |account: &Account, now| signed_in(account).may_add_authenticator(now);
    assert_eq!(may(&account, after(STEP_UP_LIFETIME.0 - 1)), Ok(()));
    assert_eq!(may(&account, after(STEP_UP_LIFETIME.0)), Err(Refusal::OtpRequired));
    assert_eq!(may(&equipped(), NOW), Err(Refusal::OtpRequired), "the password alone");
    let mut stronger = registered(2, mobile_id(&gateway()));
    stronger.grant.level = Level::Three;
    account.credentials.push(stronger);
    assert_eq!(may(&account, NOW), Err(Refusal::OtpRequired), "a lower one is not enough");
}
