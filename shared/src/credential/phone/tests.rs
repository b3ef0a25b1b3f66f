use super::*;
use crate::{
    account::{Account, Presented},
    config::{Product, ProductKind},
    credential::{Factor, MAX_FAILURES, Opened, open_factor},
    decision::Decision,
    effect::Effect,
    message::Body,
    secret::SessionSecret,
    testing::*,
};

/// The secret that a raised session gets.
static NEXT: SessionSecret = SessionSecret::from_bytes([21; 16]);
/// Of somebody else who knows the password.
static ELSEWHERE: SessionSecret = SessionSecret::from_bytes([22; 16]);

fn phone_product(gateway: &crate::config::Gateway) -> &Product {
    product(gateway, "cobalt-phone")
}

fn licensed() -> Account {
    Account { credentials: vec![credential(1, phone_product(&gateway()))], ..account() }
}

fn phone(last: u8) -> NewPhone {
    NewPhone { number: read(&format!("+1419555010{last}")), channel: Channel::Sms }
}

fn from<'a>(by: &'a TokenDigest, keys: &'a Keys) -> Asker<'a> {
    Asker { account: account().id, way: Way::Session, by, keys }
}

fn sent(decision: Decision<Account>) -> (Account, PhoneCode) {
    let [Effect::Call(code)] = decision.effects.as_slice() else { panic!("one code") };
    (decision.next, PhoneCode::clone(code))
}

fn called_new(account: Account, phone: NewPhone, now: Timestamp) -> Result<(Account, PhoneCode), Refusal> {
    let (by, keys) = (SESSION.digest(), keys());
    let asker = from(&by, &keys);
    let called = account.call_new_phone(
        credential_id(1),
        ProductKind::Phone,
        phone,
        asker,
        now,
        &mut Seeded(now.unix().cast_unsigned()),
    )?;
    Ok(sent(called.expect("not just now")))
}

fn called(account: Account, ordinal: u16, now: Timestamp) -> Result<(Account, PhoneCode), Refusal> {
    let (by, keys) = (SESSION.digest(), keys());
    let rng = &mut Seeded(now.unix().cast_unsigned());
    let called = account.call_phone(credential_id(1), ordinal, from(&by, &keys), now, rng)?;
    Ok(sent(called.expect("not just now")))
}

fn first(account: &Account) -> &Credential {
    account.credentials.first().expect("one credential")
}

fn opened_by(account: &Account, code: &OtpCode, secret: &SessionSecret, now: Timestamp) -> Result<Opened, Refusal> {
    open_factor(first(account), code, from(&secret.digest(), &keys()), now)
}

/// Enters a code, to prove a new phone or to raise the session; `Err` also when nothing was judged.
fn entered(account: Account, code: &str, proves: bool, now: Timestamp) -> (Account, Result<(), Refusal>) {
    let code: OtpCode = read(code);
    let opened = match opened_by(&account, &code, &SESSION, now) {
        Ok(opened) => opened,
        Err(refusal) => return (account, Err(refusal)),
    };
    let presented = Presented {
        credential: credential_id(1),
        opened: &opened,
        code: &code,
        session: &SESSION,
        next_session: &SESSION,
    };
    let judged =
        if proves { account.prove_phone(&presented, "Phone Codes", now) } else { account.verify_otp(&presented, now) };
    committed(judged.expect("its own credential"))
}

/// An account with so many phones; the first is registered [`NOW`], each further one a minute later.
fn with_phones(count: u8) -> Account {
    let mut account = licensed();
    for n in 0..count {
        let now = after(60 * u64::from(n));
        let (next, code) = called_new(account, phone(n), now).expect("room");
        let outcome;
        (account, outcome) = entered(next, &code.code, true, now);
        assert_eq!(outcome, Ok(()));
    }
    account
}

fn wrong(code: &PhoneCode) -> String {
    let digits: u32 = code.code.parse().expect("digits");
    format!("{:06}", (digits + 1) % 1_000_000)
}

fn ordinals(account: &Account) -> Vec<u16> {
    first(account).phones().expect("phones").registered().iter().map(|phone| phone.ordinal).collect()
}

fn hint(refusal: Result<(), Refusal>) -> String {
    match refusal {
        Err(Refusal::WrongStage { hint }) => hint.to_owned(),
        Err(Refusal::InvalidInput(faults)) => faults.into_iter().next().map(|fault| fault.hint).expect("a fault"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn crd_5_a_code_proves_a_phone_raises_the_session_and_is_told_by_mail() {
    // CRD-5, CRD-9, OTP-4
    let (account, code) = called_new(licensed(), phone(0), NOW).expect("the first phone");
    assert_eq!((&code.to, code.channel, code.expires_at), (&phone(0).number, Channel::Sms, NOW.plus(CODE_LIFETIME)));
    assert!(code.code.len() == 6 && !first(&account).registered());
    assert_eq!(first(&account).phones().and_then(|one| one.awaited(&SESSION.digest(), NOW)), Some(phone(0)));

    let typed: OtpCode = read(&code.code);
    let opened = opened_by(&account, &typed, &SESSION, NOW).expect("sent to this session");
    let presented = Presented {
        credential: credential_id(1),
        opened: &opened,
        code: &typed,
        session: &SESSION,
        next_session: &NEXT,
    };
    let (decision, outcome) = account.prove_phone(&presented, "Phone Codes", NOW).expect("judged").split();
    let decision = decision.expect("counted");
    assert_eq!(outcome.reveal_after_commit(), Ok(()));
    let added = Body::PhoneAdded { product: "Phone Codes".to_owned(), ending: "0100".to_owned(), at: NOW };
    assert_eq!(only_body(&decision.effects), &added);
    let account = decision.next;
    assert!(first(&account).registered());
    let raised = account.sessions.iter().find(|one| NEXT.matches(&one.digest)).and_then(|one| one.raised.clone());
    assert_eq!(raised.map(|raised| raised.factor), Some(Factor::Sms));
    assert_eq!(first(&account).phones().and_then(|one| one.awaited(&NEXT.digest(), NOW)), None);
}

#[test]
fn crd_5_a_code_raises_a_session_once_and_for_ten_minutes() {
    // CRD-5, OTP-2
    let (account, code) = called(with_phones(1), 1, after(60)).expect("its phone");
    let (in_time, late) = (after(60 + CODE_LIFETIME.0 - 1), after(60).plus(CODE_LIFETIME));
    assert_eq!(hint(entered(account.clone(), &code.code, false, late).1), TOO_OLD);
    let (used, outcome) = entered(account, &code.code, false, in_time);
    assert_eq!(outcome, Ok(()));
    assert_eq!(hint(entered(used, &code.code, false, in_time).1), ASK_FIRST);
}

#[test]
fn crd_5_a_code_is_good_for_whoever_asked_for_it_and_for_its_purpose() {
    // CRD-5
    let (account, code) = called(with_phones(1), 1, after(60)).expect("its phone");
    let typed: OtpCode = read(&code.code);
    let elsewhere = opened_by(&account, &typed, &ELSEWHERE, after(61));
    assert_eq!(hint(elsewhere.map(drop)), ASK_FIRST);
    let (account, outcome) = entered(account, &code.code, true, after(61));
    assert_eq!((hint(outcome).as_str(), first(&account).failures), (ASK_FIRST, 0), "it proves no new phone");

    let (account, code) = called_new(account, phone(7), after(120)).expect("room");
    let (account, outcome) = entered(account, &code.code, false, after(121));
    assert_eq!(
        (hint(outcome).as_str(), first(&account).failures),
        (ASK_FIRST, 0),
        "nor does one for a new phone raise a session"
    );
    assert_eq!(entered(account, &code.code, true, after(121)).1, Ok(()));

    let eight = format!("00{}", code.code);
    let (account, _) = called(with_phones(1), 1, after(60)).expect("its phone");
    assert_eq!(entered(account, &eight, false, after(61)).1, Err(Refusal::CodeNotAccepted { tries_left: 9 }));
}

#[test]
fn crd_5_a_further_code_replaces_the_last_and_leaves_the_count_of_failures() {
    // CRD-5, OTP-3
    let (mut account, first_code) = called(with_phones(1), 1, after(60)).expect("its phone");
    let mut outcome = Ok(());
    for _ in 0..4 {
        (account, outcome) = entered(account, &wrong(&first_code), false, after(61));
    }
    assert_eq!(outcome, Err(Refusal::CodeNotAccepted { tries_left: 6 }));
    let (mut account, second) = called(account, 1, after(90)).expect("half a minute later");
    assert_eq!(first(&account).failures, 4);
    (account, outcome) = entered(account, &first_code.code, false, after(91));
    assert_eq!(outcome, Err(Refusal::CodeNotAccepted { tries_left: 5 }), "the first one is dead");
    for _ in 0..5 {
        (account, outcome) = entered(account, &wrong(&second), false, after(91));
    }
    assert_eq!((outcome, first(&account).failures), (Err(Refusal::CredentialLocked), MAX_FAILURES));
    assert_eq!(entered(account.clone(), &second.code, false, after(91)).1, Err(Refusal::CredentialLocked));
    assert_eq!(called(account.clone(), 1, after(3_700)).map(drop), Err(Refusal::CredentialLocked));
    assert_eq!(called_new(account, phone(5), after(3_700)).map(drop), Err(Refusal::CredentialLocked));

    let (account, code) = called(with_phones(1), 1, after(60)).expect("its phone");
    let (account, _) = entered(account, &wrong(&code), false, after(61));
    let (account, outcome) = entered(account, &code.code, false, after(62));
    assert_eq!((outcome, first(&account).failures), (Ok(()), 0), "a right one forgives");
}

#[test]
fn crd_5_codes_are_sent_so_often_and_a_repetition_sends_none() {
    // CRD-5
    let (account, _) = called_new(licensed(), phone(0), NOW).expect("the first phone");
    let (by, elsewhere, keys) = (SESSION.digest(), ELSEWHERE.digest(), keys());
    let asker = from(&by, &keys);
    let again = |account: &Account, phone, by, now| {
        let asker = Asker { by, ..asker };
        account.clone().call_new_phone(credential_id(1), ProductKind::Phone, phone, asker, now, &mut Seeded(1))
    };
    assert!(matches!(again(&account, phone(0), &by, after(29)), Ok(None)), "the same wish, just now");
    let wait = |seconds| Some(Refusal::TooManyRequests { retry_after: Seconds(seconds) });
    assert_eq!(again(&account, phone(1), &by, after(29)).err(), wait(1), "another number");
    let voice = NewPhone { channel: Channel::Voice, ..phone(0) };
    assert_eq!(again(&account, voice, &by, after(10)).err(), wait(20), "another way");
    assert_eq!(again(&account, phone(0), &elsewhere, NOW).err(), wait(30), "another browser");

    let mut account = account;
    for n in 1..CODES_AN_HOUR {
        (account, _) = called_new(account, phone(0), after(30 * n as u64)).expect("half a minute later");
    }
    assert_eq!(again(&account, phone(0), &by, after(600)).err(), wait(3_000));
    let (account, _) = called_new(account, phone(0), after(3_600)).expect("the first is an hour old");
    assert_eq!(first(&account).phones().map(|phones| phones.by_session.sent.len()), Some(CODES_AN_HOUR));
}

#[test]
fn crd_5_one_to_three_phones_and_the_last_one_stays() {
    // CRD-5, CRD-9
    let account = with_phones(3);
    assert_eq!(ordinals(&account), [1, 2, 3]);
    let full = called_new(account.clone(), phone(3), after(600)).map(drop);
    assert!(hint(full).starts_with("Three phones"));
    let repeated = called_new(with_phones(1), phone(0), after(600)).map(drop);
    assert_eq!(faulty_fields(repeated), ["number"]);
    assert_eq!(faulty_fields(called(with_phones(1), 2, after(600)).map(drop)), ["phone"]);

    let removed = account.remove_phone(credential_id(1), 2, "Phone Codes", &SESSION, after(601)).expect("one of three");
    let removed = removed.expect("it was there");
    let told = Body::PhoneRemoved { product: "Phone Codes".to_owned(), ending: "0101".to_owned(), at: after(601) };
    assert_eq!(only_body(&removed.effects), &told);
    let account = removed.next;
    assert!(
        matches!(account.clone().remove_phone(credential_id(1), 2, "", &SESSION, after(602)), Ok(None)),
        "repeated"
    );
    let (account, code) = called_new(account, phone(3), after(700)).expect("room again");
    let (account, _) = entered(account, &code.code, true, after(700));
    assert_eq!(ordinals(&account), [1, 3, 4], "nobody takes over the number of a removed one");
    let only = with_phones(1).remove_phone(credential_id(1), 1, "", &SESSION, after(601)).map(drop);
    assert!(hint(only).starts_with("This is your only phone"));
}

#[test]
fn crd_5_a_removed_phone_takes_its_code_with_it() {
    // CRD-5, CRD-9
    let (account, code) = called(with_phones(2), 2, after(120)).expect("its phone");
    let removed =
        account.remove_phone(credential_id(1), 2, "", &SESSION, after(121)).expect("one of two").expect("there");
    assert_eq!(hint(entered(removed.next, &code.code, false, after(122)).1), ASK_FIRST);
}

#[test]
fn crd_5_a_credential_is_for_one_kind_of_authenticator() {
    // CRD-4, CRD-5
    let gateway = gateway();
    let (by, keys) = (SESSION.digest(), keys());
    let app = Account { credentials: vec![registered(1, product(&gateway, "cobalt-mobile-id"))], ..account() };
    let call = |account: Account, kind| {
        account.call_new_phone(credential_id(1), kind, phone(0), from(&by, &keys), NOW, &mut Seeded(1)).map(drop)
    };
    assert!(hint(call(app.clone(), ProductKind::AuthenticatorApp)).contains("not for phones"));
    assert!(hint(call(app, ProductKind::Phone)).contains("not for phones"), "nor after a change of the configuration");
    let sealed = crate::credential::seal_seed(&seed(), account().id, credential_id(1), &keys, &mut Seeded(4));
    for account in [licensed(), with_phones(1)] {
        let offered = account.begin_enrolment(credential_id(1), ProductKind::Phone, sealed.clone(), NOW).map(drop);
        assert!(hint(offered).contains("not for an authenticator app"));
    }
    let over = after(366 * 86_400);
    assert_eq!(hint(called(with_phones(1), 1, over).map(drop)), super::super::EXPIRED);
    assert_eq!(hint(called_new(licensed(), phone(0), over).map(drop)), super::super::EXPIRED);
}

#[test]
fn crd_5_wrong_codes_for_a_first_phone_kill_the_code_and_not_the_credential() {
    // CRD-5, OTP-3: nobody could unlock it, and there is nothing to guard so far.
    let (mut account, code) = called_new(licensed(), phone(0), NOW).expect("the first phone");
    let mut outcome = Ok(());
    for n in 1..=MAX_FAILURES {
        (account, outcome) = entered(account, &wrong(&code), true, NOW);
        assert!(n == MAX_FAILURES || outcome == Err(Refusal::CodeNotAccepted { tries_left: MAX_FAILURES - n }));
    }
    assert_eq!((hint(outcome).as_str(), first(&account).locked()), (TRIED_OUT, false));
    let (account, outcome) = entered(account, &code.code, true, NOW);
    assert_eq!(hint(outcome), ASK_FIRST, "the right one comes too late");
    let (account, code) = called_new(account, phone(0), after(30)).expect("a new code");
    assert_eq!(entered(account, &code.code, true, after(30)).1, Ok(()));

    let (mut account, code) = called_new(with_phones(1), phone(1), after(60)).expect("room");
    let mut last = Ok(());
    for _ in 0..MAX_FAILURES {
        (account, last) = entered(account, &wrong(&code), true, after(60));
    }
    assert_eq!(last, Err(Refusal::CredentialLocked), "with a phone it is as with codes at sign-in");
    assert!(first(&account).locked());
}

#[test]
fn crd_5_whoever_has_the_password_cannot_keep_the_owner_from_replacing_it() {
    // CRD-5, SIG-3
    let mut account = with_phones(1);
    for n in 1..CODES_AN_HOUR {
        (account, _) = called(account, 1, after(60 + 30 * n as u64)).expect("within the hour's codes");
    }
    let now = after(300);
    assert!(matches!(called(account.clone(), 1, now), Err(Refusal::TooManyRequests { .. })));
    let (by, keys) = (ELSEWHERE.digest(), keys());
    let asker = Asker { account: account.id, way: Way::Link, by: &by, keys: &keys };
    let by_link = account.call_phone(credential_id(1), 1, asker, now, &mut Seeded(1)).expect("codes of its own");
    let (account, code) = sent(by_link.expect("not just now"));
    let typed: OtpCode = read(&code.code);
    assert!(matches!(
        open_factor(first(&account), &typed, asker, now),
        Ok(Opened::Sent { right: true, way: Way::Link })
    ));
    let from_session = Asker { way: Way::Session, ..asker };
    assert!(open_factor(first(&account), &typed, from_session, now).is_err(), "a link's code is no session's");
    assert!(first(&account).phones().is_some_and(|phones| !phones.has_replaced(&code)));
}

#[test]
fn crd_5_a_code_that_was_replaced_is_not_to_be_sent_any_more() {
    // CRD-5, MSG-1
    let (account, old) = called(with_phones(1), 1, after(60)).expect("its phone");
    let replaced = |account: &Account, code| first(account).phones().is_some_and(|phones| phones.has_replaced(code));
    assert!(!replaced(&account, &old));
    let (account, new) = called(account, 1, after(90)).expect("half a minute later");
    assert!(replaced(&account, &old) && !replaced(&account, &new));
}

#[test]
fn crd_9_what_other_sessions_proved_with_the_credential_counts_no_more_once_a_phone_is_removed() {
    // CRD-9, CRD-5
    let mut account = with_phones(2);
    let raised = account.sessions.first().and_then(|session| session.raised.clone());
    assert!(raised.is_some());
    let thief = crate::account::Session {
        digest: ELSEWHERE.digest(),
        raised,
        ..account.sessions.first().cloned().expect("signed in")
    };
    account.sessions.push(thief);
    let removed =
        account.remove_phone(credential_id(1), 2, "", &SESSION, after(200)).expect("one of two").expect("there");
    let raised = |secret: &SessionSecret| {
        removed.next.sessions.iter().any(|one| secret.matches(&one.digest) && one.raised.is_some())
    };
    assert!(raised(&SESSION) && !raised(&ELSEWHERE));
}

#[test]
fn crd_5_what_is_kept_of_a_code_is_no_use_without_the_keys_and_elsewhere() {
    // CRD-5, CRD-6
    let (account, code) = called(with_phones(1), 1, after(60)).expect("its phone");
    let typed: OtpCode = read(&code.code);
    let by = SESSION.digest();
    let own = keys();
    let judged = |place, keys| {
        let asker = Asker { account: place, way: Way::Session, by: &by, keys };
        match open_factor(first(&account), &typed, asker, after(61)) {
            Ok(Opened::Sent { right, .. }) => right,
            other => panic!("{other:?}"),
        }
    };
    assert!(!format!("{:?}", first(&account)).contains(&code.code));
    let other_keys = Keys::new(&[8; 32], None).expect("32 bytes");
    let rotated = Keys::new(&[8; 32], Some(&[7; 32])).expect("32 bytes");
    assert!(judged(account.id, &own) && judged(account.id, &rotated));
    assert!(!judged(account.id, &other_keys) && !judged(AccountId::from_bytes([5; 16]), &own));
}

#[test]
fn crd_5_codes_are_spread_evenly_over_a_million() {
    // CRD-5
    struct Words(Vec<u32>);
    impl Entropy for Words {
        fn fill(&mut self, bytes: &mut [u8]) {
            let word = self.0.pop().expect("enough").to_le_bytes();
            bytes.iter_mut().zip(word).for_each(|(to, from)| *to = from);
        }
    }
    assert_eq!(six_digits(&mut Words(vec![999_999])), 999_999);
    assert_eq!(six_digits(&mut Words(vec![4_293_999_999])), 999_999, "the last of 4,294 rounds");
    assert_eq!(six_digits(&mut Words(vec![17, u32::MAX, 4_294_000_000])), 17, "what is left over is drawn again");
}
