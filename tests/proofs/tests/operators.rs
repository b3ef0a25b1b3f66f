//! Operators at work, as a browser and a program see it: the queue with what is overdue, the organisations alike, and what
//! whoever decides is told.

use kv_schema::backends::model::Backend;
use proofs::{
    actors::{self as by, filled_in, get, page},
    stage::{Stage, component},
};
use serde_json::Value;

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
