use super::*;
use crate::{lockout::FREE_FAILURES, testing::*};

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
    for (right, code) in [(false, code(NOW)), (true, wrong_code(NOW)), (false, wrong_code(NOW))] {
        let (operator, outcome) = tried(registrar(), right, &code, 1, NOW);
        assert_eq!((outcome, operator.failures.count(), operator.sessions.len()), (refused.clone(), 1, 0));
        assert_eq!(operator.clockwork, Clockwork::default(), "no code is used up");
    }
    let operator = signed_in_at(registrar(), 1, NOW);
    let (_, again) = tried(operator, true, &code(NOW), 2, NOW);
    assert_eq!(again, refused, "a code succeeds once");
}

#[test]
fn sig_1_an_operators_tries_pause_after_ten_failures() {
    // SIG-1
    let mut operator = registrar();
    for _ in 0..FREE_FAILURES {
        (operator, _) = tried(operator, false, &code(NOW), 1, NOW);
    }
    let (unchanged, outcome) = tried(operator.clone(), true, &code(after(29)), 1, after(29));
    assert_eq!((&unchanged, outcome), (&operator, Err(Refusal::SignInFailed)));
    let operator = signed_in_at(operator, 1, after(30));
    assert_eq!(operator.failures, Failures::default());
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
    let open = |operator: &Operator, n: u8, now| operator.on_duty(configured("registrar"), &secret(n), now).is_ok();
    assert_eq!(operator.sessions.len(), MAX_SESSIONS);
    assert!(!open(&operator, 1, after(180)) && open(&operator, 2, after(180)), "the oldest go");
    let began = 6 * 30;
    assert!(open(&operator, 6, after(began + SESSION_LIFETIME.0 - 1)));
    assert!(!open(&operator, 6, after(began + SESSION_LIFETIME.0)));
    assert!(operator.on_duty(configured("auditor"), &secret(6), after(180)).is_err(), "another operator's record");
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
