//! The way back for somebody who has forgotten the password, the change of a known one, and the choice of an organisation.

use super::*;
use crate::lockout::DISABLING_FAILURES;

/// A hash that tells itself from the decoy of [`account`].
fn chosen() -> PasswordHash {
    let password =
        crate::password::NewPassword::parse("tent clay ride moss", &PasswordPolicy::default(), &no_blocklist(), &[]);
    password.expect("nothing is wrong with it").hash(&keys().pepper(), &mut Seeded(7))
}

/// An account with answers to security questions and no authenticator.
fn with_answers() -> Account {
    let mut account = account();
    let Stage::Active { answers, .. } = &mut account.stage else { panic!("active") };
    let answer = SecurityAnswer::parse("Paris").expect("an answer").hash(&keys().pepper(), &mut Seeded(1));
    answers.push(("Where?".to_owned(), answer));
    account
}

/// The account with a link, and the link's token as the message carries it.
fn offered(account: Account, now: Timestamp, seed: u64) -> (Account, PlainToken) {
    let decision = account.offer_link(now, &mut Seeded(seed)).expect("a link");
    let Body::PasswordReset { token, expires_at } = only_body(&decision.effects) else { panic!("a reset link") };
    assert_eq!(*expires_at, now.plus(RESET_LIFETIME));
    let token = read(token);
    (decision.next, token)
}

/// Judges a proof, with its outcome once it is committed; `Err` when nothing was judged.
fn reset(account: Account, token: &PlainToken, proof: Proof<'_>, now: Timestamp) -> (Account, Result<(), Refusal>) {
    match account.clone().reset_password(token, proof, true, &chosen(), now) {
        Ok(counted) => committed(counted),
        Err(refusal) => (account, Err(refusal)),
    }
}

fn by_code<'a>(opened: &'a Opened, code: &'a OtpCode) -> Proof<'a> {
    Proof::Code { credential: credential_id(1), opened, code }
}

fn is_stage(outcome: &Result<(), Refusal>) -> bool {
    matches!(outcome, Err(Refusal::WrongStage { .. }))
}

#[test]
fn sig_3_a_code_and_the_link_replace_the_password_and_end_everything() {
    // SIG-3, SIG-2, OTP-2
    let (mut disabled, mut now) = (equipped(), NOW);
    for _ in 0..DISABLING_FAILURES {
        now = now.plus(Seconds::hours(1));
        (disabled, _) = signed_in_with(disabled, false, 1, now);
    }
    let (account, token) = offered(disabled, now, 1);
    assert!(account.present_reset(&token, now).is_ok());
    let (opened, right) = (opened(), code(now));
    let decision = account.reset_password(&token, by_code(&opened, &right), true, &chosen(), now).expect("judged");
    let (decision, outcome) = decision.split();
    let Ok(decision) = decision else { panic!("judged") };
    assert_eq!(outcome.reveal_after_commit(), Ok(()));
    assert_eq!(only_body(&decision.effects), &Body::PasswordChanged { at: now });
    let account = decision.next;
    assert_eq!(account.password(), Some(&chosen()));
    assert!(account.sessions.is_empty(), "every session has ended, and none has begun");
    assert_eq!(signed_in_with(account.clone(), true, 1, now).1, Ok(()), "the password works again at once");
    assert!(matches!(account.present_reset(&token, now), Err(Refusal::LinkNotValid)), "the link is used");
    let (_, again) = verified(Account { sessions: equipped().sessions, ..account }, &right, now);
    assert_eq!(again, Err(Refusal::CodeNotAccepted { tries_left: 9 }), "and so is the code");
}

#[test]
fn sig_3_answers_serve_only_where_no_authenticator_is_registered() {
    // SIG-3, ACT-2
    let (account, token) = offered(with_answers(), NOW, 1);
    let (done, outcome) = reset(account.clone(), &token, Proof::Answers(true), NOW);
    assert_eq!((outcome, done.password()), (Ok(()), Some(&chosen())));
    let asked = |account: &Account, questions| {
        account
            .present_reset(&token, NOW)
            .and_then(|link| link.needed(questions, NOW).map(|needed| format!("{needed:?}")))
    };
    assert!(asked(&account, true).is_ok_and(|needed| needed.starts_with("Answers")));
    assert!(matches!(asked(&account, false), Err(Refusal::WrongStage { .. })), "the deployment asks no questions");

    let equipped = Account { credentials: equipped().credentials, ..account.clone() };
    assert!(asked(&equipped, true).is_ok_and(|needed| needed.starts_with("Code")));
    let (same, outcome) = reset(equipped.clone(), &token, Proof::Answers(true), NOW);
    assert!(is_stage(&outcome) && same == equipped, "the answers are not enough any more");
    let (opened, right) = (opened(), code(NOW));
    assert!(is_stage(&reset(account, &token, by_code(&opened, &right), NOW).1));

    let mut locked = equipped;
    locked.credentials.iter_mut().for_each(|one| one.failures = MAX_FAILURES);
    assert!(
        asked(&locked, true).is_ok_and(|needed| needed.starts_with("Code")),
        "nor where the authenticator is locked"
    );
    assert_eq!(reset(locked, &token, by_code(&opened, &right), NOW).1, Err(Refusal::CredentialLocked));
}

#[test]
fn sig_3_without_anything_to_prove_with_there_is_no_way() {
    // SIG-3
    let (account, token) = offered(account(), NOW, 1);
    let needed = account.present_reset(&token, NOW).expect("its own link").needed(true, NOW).map(drop);
    assert!(is_stage(&needed));
    assert!(is_stage(&reset(account, &token, Proof::Answers(true), NOW).1));
}

#[test]
fn sig_3_a_link_lives_for_half_an_hour_and_until_the_next_one() {
    // SIG-3
    let (account, token) = offered(with_answers(), NOW, 1);
    let valid = |account: &Account, token: &PlainToken, now| account.present_reset(token, now).is_ok();
    assert!(valid(&account, &token, after(RESET_LIFETIME.0 - 1)) && !valid(&account, &token, after(RESET_LIFETIME.0)));
    assert!(account.clone().offer_link(after(59), &mut Seeded(2)).is_none(), "nobody floods the mailbox");
    let (account, newer) = offered(account, after(60), 2);
    assert!(!valid(&account, &token, after(60)) && valid(&account, &newer, after(60)));
    let (_, outcome) = reset(account.clone(), &token, Proof::Answers(true), after(60));
    assert_eq!(outcome, Err(Refusal::LinkNotValid));
    let foreign = PlainToken::new(*account.id.bytes(), &mut Seeded(99));
    assert!(!valid(&account, &foreign, after(60)));
}

#[test]
fn act_3_whoever_has_not_activated_gets_a_new_link_and_the_older_one_dies() {
    // ACT-3
    let (account, old) = invited();
    assert!(account.clone().offer_link(after(59), &mut Seeded(2)).is_none(), "nobody floods the mailbox");
    let long_after = NOW.plus(Seconds::days(30));
    assert!(account.present_activation(&old, long_after).is_err(), "the link has ended");
    for now in [after(60), long_after] {
        let decision = account.clone().offer_link(now, &mut Seeded(2)).expect("a link");
        let Body::ActivationAgain { token, expires_at, user_id } = only_body(&decision.effects) else {
            panic!("a link to activate")
        };
        assert_eq!((*expires_at, user_id.as_str()), (now.plus(ACTIVATION_LIFETIME), account.user_id.as_str()));
        let token: PlainToken = read(token);
        let again = decision.next;
        assert_eq!(again.present_activation(&old, now).map(drop), Err(Refusal::LinkNotValid));
        assert!(again.present_activation(&token, now).is_ok());
        assert!(again.present_activation(&token, now.plus(ACTIVATION_LIFETIME)).is_err());
    }
}

#[test]
fn sig_3_five_wrong_proofs_kill_the_link_and_are_not_forgotten_with_it() {
    // SIG-3, OTP-3
    let (mut account, token) = offered(with_answers(), NOW, 1);
    for left in (0..RESET_TRIES).rev() {
        let outcome;
        (account, outcome) = reset(account, &token, Proof::Answers(false), NOW);
        assert_eq!(outcome, Err(Refusal::AnswersNotAccepted { tries_left: left }));
        assert_eq!(account.password(), Some(&PasswordHash::decoy()));
    }
    assert_eq!(reset(account.clone(), &token, Proof::Answers(true), NOW).1, Err(Refusal::LinkNotValid), "dead");
    let (mut account, token) = offered(account, after(60), 2);
    for _ in 0..RESET_TRIES {
        (account, _) = reset(account, &token, Proof::Answers(false), after(60));
    }
    let (account, token) = offered(account, after(120), 3);
    let (unchanged, outcome) = reset(account.clone(), &token, Proof::Answers(true), after(89));
    assert!(is_stage(&outcome) && unchanged == account, "ten in a row, over two links: nothing is judged for a while");
    assert_eq!(reset(account, &token, Proof::Answers(true), after(121)).1, Ok(()));

    let (mut equipped, token) = offered(equipped(), NOW, 1);
    let (opened, wrong) = (opened(), wrong_code(NOW));
    for left in (0..RESET_TRIES).rev() {
        let outcome;
        (equipped, outcome) = reset(equipped, &token, by_code(&opened, &wrong), NOW);
        assert_eq!(outcome, Err(Refusal::CodeNotAccepted { tries_left: left }));
    }
    assert_eq!(first(&equipped).failures, RESET_TRIES, "codes count against their credential");
    assert!(equipped.present_reset(&token, NOW).is_err());
}

#[test]
fn sig_2_a_changed_password_ends_the_other_sessions() {
    // SIG-2
    let (account, _) = signed_in_with(account(), true, 31, NOW);
    let change = |present_matches| PasswordChange {
        present_matches,
        password: chosen(),
        session: &SESSION,
        next_session: &NEXT,
    };
    let (wrong, outcome) = committed(account.clone().change_password(change(false), NOW));
    assert_eq!(faults(outcome), [("present_password".to_owned(), "not-right")]);
    assert_eq!((wrong.password(), wrong.sessions.len()), (account.password(), 2));
    let (offered, token) = offered(account, NOW, 1);
    let (decision, outcome) = offered.change_password(change(true), NOW).split();
    let Ok(decision) = decision else { panic!("judged") };
    assert_eq!(outcome.reveal_after_commit(), Ok(()));
    assert_eq!(only_body(&decision.effects), &Body::PasswordChanged { at: NOW });
    let changed = decision.next;
    assert_eq!(changed.password(), Some(&chosen()));
    assert!(changed.signed_in(&NEXT, NOW, NOW).is_ok() && changed.sessions.len() == 1);
    assert!(changed.signed_in(&SESSION, NOW, NOW).is_err(), "this one has a new secret");
    assert!(changed.present_reset(&token, NOW).is_err(), "a link for the old password is dead");
    assert!(changed.sign_out_everywhere().next.sessions.is_empty());
}

#[test]
fn sig_1_guesses_at_the_present_password_are_counted_as_at_sign_in() {
    // SIG-1
    let mut account = account();
    let change =
        || PasswordChange { present_matches: false, password: chosen(), session: &SESSION, next_session: &NEXT };
    for _ in 0..FREE_FAILURES {
        (account, _) = committed(account.change_password(change(), NOW));
    }
    let paused = account.clone().change_password(PasswordChange { present_matches: true, ..change() }, NOW);
    assert!(!paused.judged());
    assert_eq!(faults(committed(paused).1), [("present_password".to_owned(), "paused")]);
    assert_eq!(signed_in_with(account, true, 1, NOW).1, Err(Refusal::SignInFailed), "one count for both");
}

#[test]
fn acc_4_one_of_several_organisations_is_chosen_before_anything_else() {
    // ACC-4
    let joined = account().join(admission(50)).expect("a further organisation").next;
    assert!(joined.signed_in(&SESSION, NOW, NOW).is_ok(), "a session that is open goes on as it was");
    let (account, _) = signed_in_with(joined, true, 31, NOW);
    let secret = SessionSecret::from_bytes([31; 16]);
    assert!(account.session(&secret, NOW, NOW).is_ok());
    assert!(matches!(account.signed_in(&secret, NOW, NOW), Err(Refusal::OrganisationNotChosen)));
    let choose = |account: Account, organisation: u8, name: &str| {
        account.choose_organisation(&secret, OrganisationId::from_bytes([organisation; 16]), name.to_owned())
    };
    assert!(matches!(choose(account.clone(), 51, "Nobody's"), Err(Refusal::NotFound)));
    let account = choose(account, 50, "Birch").expect("its own").expect("not chosen before").next;
    let acts_for =
        |account: &Account| account.signed_in(&secret, NOW, NOW).map(|person| person.membership.organisation);
    assert_eq!(acts_for(&account), Ok(OrganisationId::from_bytes([50; 16])));
    assert!(choose(account.clone(), 50, "Birch").is_ok_and(|again| again.is_none()), "repeated");
    let account = choose(account, 10, "Alder").expect("its own").expect("the other one").next;
    assert_eq!(acts_for(&account), Ok(ORGANISATION), "changed");
    let stranger = SessionSecret::from_bytes([99; 16]);
    let refused = account.choose_organisation(&stranger, ORGANISATION, String::new());
    assert!(matches!(refused, Err(Refusal::NotSignedIn)));
}
