//! Operators at work, as a browser and a program see it: the queue with what is overdue, the organisations alike, and what
//! whoever decides is told.

use kv_schema::backends::model::Backend;
use proofs::{
    actors::{self as by, filled_in, get, page, post},
    stage::{BOOTSTRAP_SECRET, Stage, component},
};
use serde_json::{Value, json};

/// Kestrel is approved, and a second registration that looks like it waits; the registrar is on duty.
fn waiting() -> Stage {
    let mut stage = Stage::new(Backend::Sqlite);
    by::waits_for_approval_again(&mut stage);
    stage
}

fn queue(stage: &mut Stage, query: &str) -> Vec<Value> {
    let shown = stage.send(component, &get("registrar", format!("/operate{query}"))).expect(200);
    shown.json.pointer("/registrations").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn detail(stage: &Stage) -> String {
    format!("/operate/registrations/{}", stage.fact("registration"))
}

fn text<'a>(document: &'a Value, pointer: &str) -> &'a str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn apr_1_the_queue_says_how_long_each_has_waited_and_what_is_overdue() {
    // APR-1
    let mut stage = waiting();
    stage.deployment().world().take_cost();
    let entries = queue(&mut stage, "");
    let cost = stage.deployment().world().take_cost();
    assert!(cost.reads <= 3 && cost.writes == 0, "the session, the list's head and one sheet: {cost:?}");
    let [one] = entries.as_slice() else { panic!("one waits: {entries:?}") };
    assert_eq!((text(one, "/origin"), one.pointer("/overdue")), ("public", Some(&Value::Bool(false))));

    stage.wait(5 * 86_400);
    by::on_duty(&mut stage);
    let entries = queue(&mut stage, "");
    let [one] = entries.as_slice() else { panic!("one waits: {entries:?}") };
    assert_eq!((text(one, "/age"), one.pointer("/overdue")), ("5 days", Some(&Value::Bool(true))));
    let shown = stage.send(component, &page("registrar", "/operate")).expect(200);
    assert!(shown.text.contains("5 days") && shown.text.contains("Overdue"), "{}", shown.text);
}

#[test]
fn apr_1_the_queue_is_filtered_by_application_origin_and_state() {
    // APR-1
    let mut stage = waiting();
    for (query, count) in [
        ("?application=business-network", 1),
        ("?application=supply-platform", 0),
        ("?origin=public&state=submitted", 1),
        ("?origin=invited", 0),
        ("?application=&origin=", 1),
    ] {
        assert_eq!(queue(&mut stage, query).len(), count, "{query}");
    }
    for query in ["?application=no-such", "?origin=elsewhere", "?state=approved"] {
        let refused = stage.send(component, &get("registrar", format!("/operate{query}")));
        assert_eq!((refused.status, refused.says("invalid-input")), (422, true), "{query}");
    }
    let shown = stage.send(component, &page("registrar", "/operate?origin=invited")).expect(200);
    assert!(shown.text.contains("what you chose") && shown.text.contains("<option value=\"invited\" selected>"));
}

#[test]
fn reg_3_the_review_shows_organisations_alike_at_a_bounded_cost() {
    // REG-3, APR-1
    let mut stage = waiting();
    stage.deployment().world().take_cost();
    let shown = stage.send(component, &get("registrar", detail(&stage))).expect(200);
    let cost = stage.deployment().world().take_cost();
    assert!(cost.reads <= 10 && cost.writes == 0, "session, registration, three traits, five organisations: {cost:?}");
    assert_eq!(shown.at("/alike/0/name"), "Kestrel Machining LLC");
    assert_eq!((shown.at("/alike/0/city"), shown.at("/alike/0/country")), ("Toledo".to_owned(), "US".to_owned()));
    let _ = stage.send(component, &by::approve(&stage)).expect(200);
    let decided = stage.send(component, &get("registrar", detail(&stage))).expect(200);
    assert_eq!((decided.at("/state").as_str(), decided.json.pointer("/alike")), ("approved", None));
}

#[test]
fn apr_1_whoever_decided_is_told_so_once() {
    // APR-1
    let mut stage = waiting();
    let address = detail(&stage);
    let review = stage.send(component, &page("registrar", &address)).expect(200);
    let reference = stage.send(component, &get("registrar", &address)).at("/reference");
    let entered = [("decision", "reject"), ("reason", "No such street.")];
    let form = filled_in("registrar", &format!("{address}/decision"), &review.text, &["csrf"], &entered);
    assert_eq!(stage.send(component, &form).expect(303).location, "/operate");
    let shown = stage.send(component, &page("registrar", "/operate")).expect(200);
    let told = format!("You rejected the registration <code class=\"whole\">{reference}</code>");
    assert!(shown.text.contains("role=\"status\"") && shown.text.contains(&told), "{}", shown.text);
    let again = stage.send(component, &page("registrar", "/operate")).expect(200);
    assert!(!again.text.contains("You rejected"), "once");
}

#[test]
fn apr_3_the_second_registrar_sees_who_decided_what_and_when() {
    // APR-3
    let mut stage = waiting();
    let address = detail(&stage);
    let review = stage.send(component, &page("registrar", &address)).expect(200);
    let form =
        filled_in("registrar", &format!("{address}/decision"), &review.text, &["csrf"], &[("decision", "approve")]);
    let _ = stage.send(component, &by::reject(&stage)).expect(200);
    let shown = stage.send(component, &form).expect(409);
    for part in ["Your decision was not taken", "Decided by registrar on", "The street does not exist.", "Rejected"] {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    let refused = stage.send(component, &by::approve(&stage)).expect(409);
    assert!(refused.says("already-decided"));
    assert!(refused.at("/detail").contains("It was rejected by registrar on "), "{}", refused.text);
}

#[test]
fn sig_1_the_first_operator_enrols_by_the_page_and_the_secret_is_dead() {
    // SIG-1
    let mut stage = Stage::new(Backend::Sqlite);
    by::enrolment_open(&mut stage);
    let shown = stage.send(component, &page("auditor", "/operate/enrol")).expect(200);
    assert!(shown.text.contains("<svg") && shown.text.contains("otpauth://totp/"), "{}", shown.text);
    assert!(!shown.text.contains("auditor"), "who the operators are, strangers are not told");
    let refused = stage.send(component, &post("auditor", "/operate/enrol", &json!({ "secret": "a guess" })));
    assert_eq!((refused.status, refused.at("/errors/0/pointer").as_str()), (422, "/secret"));
    let _ = stage.send(component, &by::enrol_first(&stage)).expect(200);
    let _ = stage.send(component, &get("auditor", "/operate")).expect(200);

    for again in [by::enrol_first(&stage), by::enrol_first_as_registrar(&stage)] {
        let refused = stage.send(component, &again);
        assert_eq!((refused.status, refused.at("/errors/0/pointer").as_str()), (422, "/secret"), "{}", refused.text);
    }
    assert_eq!(by::enrolled_operator_works(&mut stage), 200);
    let entered = json!({ "operator": "registrar", "secret": BOOTSTRAP_SECRET, "code": "123456" });
    assert_eq!(stage.send(component, &post("elsewhere", "/operate/enrol", &entered)).status, 422);
}

#[test]
fn sig_1_a_colleague_enrols_by_a_link_that_only_the_mailbox_gets() {
    // SIG-1
    let mut stage = Stage::new(Backend::Sqlite);
    by::on_duty(&mut stage);
    let shown = stage.send(component, &page("registrar", "/operate/operators")).expect(200);
    let form = filled_in("registrar", "/operate/operators/auditor/invitation", &shown.text, &["csrf"], &[]);
    assert_eq!(stage.send(component, &form).expect(303).location, "/operate/operators");
    let shown = stage.send(component, &page("registrar", "/operate/operators")).expect(200);
    assert!(shown.text.contains("A link was e-mailed to Alex Auditor."), "{}", shown.text);
    let token = stage.mail("alex@vestibule.example", "Enrol").token();
    assert!(!shown.text.contains(&token));

    let address = format!("/operate/enrol?token={token}");
    let open = stage.send(component, &get("auditor", &address)).expect(200);
    assert_eq!(open.at("/operator"), "auditor");
    stage.learn("offer", open.at("/offer"));
    stage.learn("auditor-otpauth", open.at("/otpauth_uri"));
    stage.learn("enrolment", token);
    let _ = stage.send(component, &by::enrol_by_link(&stage)).expect(200);
    assert_eq!(stage.send(component, &get("auditor", &address)).status, 404, "the link works once");
    let shown_at = stage.send(component, &page("auditor", &address)).expect(303).location;
    let further = stage.send(component, &page("auditor", &shown_at));
    assert_eq!((further.status, further.location.as_str()), (303, "/operate/sign-in"), "whose holder is further");
    assert_eq!(by::enrolled_operator_works(&mut stage), 200);
    let refused = stage.send(component, &post("auditor", "/operate/operators/registrar/invitation", &json!({})));
    assert!(refused.says("role-missing"), "the auditor changes nothing");
}

#[test]
fn sig_2_an_operators_session_ends_after_half_an_hour_without_a_request() {
    // SIG-2
    let mut stage = Stage::new(Backend::Sqlite);
    by::on_duty(&mut stage);
    for _ in 0..3 {
        stage.wait(29 * 60);
        let _ = stage.send(component, &get("registrar", "/operate")).expect(200);
    }
    stage.wait(30 * 60);
    assert!(stage.send(component, &get("registrar", "/operate")).says("not-signed-in"));
}
