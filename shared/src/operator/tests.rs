use super::*;
use crate::{lockout::FREE_FAILURES, message::Body, secret::PlainToken, testing::*};

fn registrar() -> Operator {
    Operator::new(read("registrar"))
}

fn secret(n: u8) -> SessionSecret {
    SessionSecret::from_bytes([n; 16])
}

fn tried(operator: Operator, right: bool, code: &OtpCode, n: u8, now: Timestamp) -> (Operator, Result<(), Refusal>) {
    let seed = seed();
    committed(operator.sign_in(&Attempt { password_matches: right, seed: seed.expose(), code }, &secret(n), now))
}

fn signed_in_at(operator: Operator, n: u8, now: Timestamp) -> Operator {
    let (operator, outcome) = tried(operator, true, &code(now), n, now);
    assert_eq!(outcome, Ok(()));
    operator
}

#[test]
fn sig_1_password_and_code_are_judged_together_with_one_answer() {
    // SIG-1, OTP-2
    let refused = Err(Refusal::SignInFailed);
    for (right, code, counted) in [(false, code(NOW), 0), (true, wrong_code(NOW), 1), (false, wrong_code(NOW), 0)] {
        let (operator, outcome) = tried(registrar(), right, &code, 1, NOW);
        assert_eq!((outcome, operator.failures.count(), operator.sessions.len()), (refused.clone(), counted, 0));
        assert_eq!(operator.misses, 1 - counted);
        assert_eq!(operator.clockwork, Clockwork::default(), "no code is used up");
    }
    let operator = signed_in_at(registrar(), 1, NOW);
    let (_, again) = tried(operator, true, &code(NOW), 2, NOW);
    assert_eq!(again, refused, "a code succeeds once");
}

#[test]
fn sig_1_an_operators_tries_pause_after_ten_wrong_codes() {
    // SIG-1
    let mut operator = registrar();
    for _ in 0..FREE_FAILURES {
        (operator, _) = tried(operator, true, &wrong_code(NOW), 1, NOW);
    }
    let (paused, outcome) = tried(operator.clone(), true, &code(after(29)), 1, after(29));
    assert_eq!((paused.failures, outcome), (operator.failures, Err(Refusal::SignInFailed)));
    let operator = signed_in_at(operator, 1, after(30));
    assert_eq!((operator.failures, operator.misses), (Failures::default(), 0));
}

#[test]
fn sig_1_strangers_cannot_lock_an_operator_out() {
    // SIG-1: without the password no try counts, and each is written all the same.
    let mut operator = registrar();
    for n in 1..=1_000 {
        let seed = seed();
        let attempt = Attempt { password_matches: false, seed: seed.expose(), code: &code(NOW) };
        let counted = operator.sign_in(&attempt, &secret(1), NOW);
        assert!(counted.judged(), "it costs what every try costs");
        (operator, _) = committed(counted);
        assert_eq!((operator.misses, operator.failures), (n, Failures::default()));
    }
    assert_eq!(signed_in_at(operator, 1, NOW).misses, 0);
}

fn enrolment() -> Enrolment {
    let password = crate::password::PasswordHash::decoy();
    let clockwork = verify(seed().expose(), &Parameters::authenticator_app(), &Clockwork::default(), &code(NOW), NOW);
    let clockwork = clockwork.expect("the right code");
    Enrolment { password, seed: seal_seed(seed().expose(), &read("registrar"), &keys(), &mut Seeded(1)), clockwork }
}

#[test]
fn sig_1_the_one_time_secret_enrols_one_operator_once() {
    // SIG-1
    let claim = |operator: &str| BootstrapClaim { id: [1; 16], operator: read(operator), at: NOW };
    let (ours, foreign) = (claim("registrar"), claim("auditor"));
    let enrol = |operator: Operator, by: Admitted<'_>, now| {
        operator.enrol(by, enrolment(), &secret(1), now).map(|decision| decision.next)
    };
    let refused = Err(Refusal::LinkNotValid);
    assert_eq!(enrol(registrar(), Admitted::Bootstrap(&foreign), NOW), refused, "another operator has claimed it");
    let enrolled = enrol(registrar(), Admitted::Bootstrap(&ours), NOW).expect("the first");
    let by = enrolled.enrolled.as_ref().map(|enrolled| enrolled.by.clone());
    assert_eq!((by, enrolled.sessions.len()), (Some(EnrolledBy::Bootstrap), 1));
    assert_eq!(enrol(enrolled.clone(), Admitted::Bootstrap(&ours), after(9)), refused, "dead for ever");
    let (_, again) = tried(enrolled.clone(), true, &code(NOW), 2, NOW);
    assert_eq!(again, Err(Refusal::SignInFailed), "the code that proved the app is used up (OTP-2)");
    let kept = enrolled.enrolled.expect("just enrolled");
    assert!(open_seed(&kept, &read("registrar"), &keys()).is_ok());
    assert!(open_seed(&kept, &read("auditor"), &keys()).is_err(), "a seed is bound to its operator");
}

#[test]
fn sig_1_a_colleague_has_a_link_mailed() {
    // SIG-1
    let gateway = gateway();
    let colleague = on_duty(&gateway, "registrar");
    let auditor = gateway.operator(&read("auditor")).expect("configured");
    let email: crate::values::Email = read("alex@vestibule.example");
    let invite = |operator: Operator, now| operator.invite([7; 16], (auditor, &email), &colleague, now, &mut Seeded(3));
    let mut locked = Operator::new(read("auditor"));
    for _ in 0..FREE_FAILURES {
        (locked, _) = tried(locked, true, &wrong_code(NOW), 1, NOW);
    }
    let Decision { next: invited, effects, .. } = invite(locked, NOW).expect("the first link");
    let [message] = messages(&effects).try_into().expect("one message");
    let Body::OperatorInvited { token, by, .. } = &message.body else { panic!("the link") };
    assert_eq!((message.to.as_str(), by.as_str()), ("alex@vestibule.example", "Robin Registrar"));
    assert!(invite(invited.clone(), after(INVITE_AGAIN_AFTER.0 - 1)).is_none(), "one in five minutes");
    let token: PlainToken = read(token);
    let admitted = |operator: &Operator, now| operator.admitted(Admitted::Link(&token), now);
    let by = Ok(EnrolledBy::Colleague(read("registrar")));
    assert_eq!(admitted(&invited, after(ENROLMENT_LIFETIME.0 - 1)), by);
    assert_eq!(admitted(&invited, after(ENROLMENT_LIFETIME.0)), Err(Refusal::LinkNotValid));
    let newer = invited.clone().invite([7; 16], (auditor, &email), &colleague, after(300), &mut Seeded(4));
    let newer = newer.expect("five minutes later").next;
    assert_eq!(admitted(&newer, after(300)), Err(Refusal::LinkNotValid), "a newer link kills the older one");
    let enrolled = invited.enrol(Admitted::Link(&token), enrolment(), &secret(1), after(60)).expect("its link").next;
    assert_eq!(enrolled.failures, Failures::default(), "a new enrolment ends the pause");
    assert_eq!(admitted(&enrolled, after(61)), Err(Refusal::LinkNotValid), "once");
    assert!(enrolled.was_enrolled_with(&token) && !newer.was_enrolled_with(&token), "its holder is further already");
}

#[test]
fn sig_2_an_operators_sessions_end() {
    // SIG-2
    let gateway = gateway();
    let configured = |id: &str| gateway.operator(&read(id)).expect("configured");
    let mut operator = registrar();
    for n in 0..7 {
        operator = signed_in_at(operator, n, after(u64::from(n) * 30));
    }
    let open =
        |operator: &Operator, n: u8, now| operator.on_duty(configured("registrar"), &secret(n), now, now).is_ok();
    assert_eq!(operator.sessions.len(), MAX_SESSIONS);
    assert!(!open(&operator, 1, after(180)) && open(&operator, 2, after(180)), "the oldest go");
    let began = 6 * 30;
    assert!(open(&operator, 6, after(began + SESSION_LIFETIME.0 - 1)));
    assert!(!open(&operator, 6, after(began + SESSION_LIFETIME.0)));
    assert!(operator.on_duty(configured("auditor"), &secret(6), NOW, after(180)).is_err(), "another operator's record");
    let seen =
        |seconds| operator.on_duty(configured("registrar"), &secret(6), after(180), after(180 + seconds)).is_ok();
    assert!(seen(SESSION_IDLE.0 - 1) && !seen(SESSION_IDLE.0), "half an hour without a request");
    let signed_out = operator.sign_out(&secret(6)).expect("it is open").next;
    assert!(!open(&signed_out, 6, after(180)) && open(&signed_out, 5, after(180)));
}

#[test]
fn aud_1_each_task_needs_its_role() {
    // APR-1, AUD-1: the auditor changes nothing.
    let gateway = gateway();
    let registrar = on_duty(&gateway, "registrar");
    assert_eq!((registrar.id().as_str(), registrar.name()), ("registrar", "Robin Registrar"));
    assert!(registrar.require(OperatorRole::Registrar).is_ok() && registrar.require(OperatorRole::Fulfilment).is_ok());
    let auditor = on_duty(&gateway, "auditor");
    assert!(auditor.require(OperatorRole::Auditor).is_ok());
    assert!(matches!(auditor.require(OperatorRole::Registrar), Err(Refusal::RoleMissing { .. })));
}
