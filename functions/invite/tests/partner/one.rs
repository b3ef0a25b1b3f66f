//! Inviting, and what is done with one invitation.

use http::Method;
use kv_schema::backends::model::Backend;
use serde_json::json;
use shared::registration::reference_of;

use crate::stage::{Ask, COBALT, Stage, handed_over, invitation, invite, token};

fn resend(id: &str, key: &str) -> Ask {
    Ask::post(format!("/invite/{id}/resend")).key(key)
}

fn revoke(id: &str) -> Ask {
    Ask::post(format!("/invite/{id}/revoke"))
}

fn show(id: &str) -> Ask {
    Ask::get(format!("/invite/{id}"))
}

#[test]
fn inv_1_only_partners_are_let_in_and_each_to_its_own() {
    // INV-1
    let stage = Stage::new();
    let id = stage.invited("ada");
    let asks =
        [invite("bea"), Ask::get("/invite"), Ask::post("/invite/bulk"), show(&id), resend(&id, "k"), revoke(&id)];
    for ask in asks {
        for stranger in [ask.clone().without("authorization"), ask.clone().by("wrong"), ask.clone().by("")] {
            let refused = stage.send(&stranger);
            assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
            let _ = refused.refused(401, "api-key-not-valid");
        }
        let basic = ask.with("authorization", "Basic d3Jvbmc=");
        let _ = stage.send(&basic).refused(401, "api-key-not-valid");
    }
    for ask in [show(&id), resend(&id, "k"), revoke(&id)] {
        let _ = stage.send(&ask.by(COBALT)).refused(404, "not-found");
    }
    let _ = stage.send(&invite("bea").by(COBALT)).refused(422, "invalid-input");
    let _ = stage.send(&show(&id)).expect(200);
}

#[test]
fn inv_2_a_request_is_known_by_its_key() {
    // INV-2
    let stage = Stage::new();
    let ask = invite("ada").json(&handed_over("ada"));
    let first = stage.send(&ask).expect(201);
    assert_eq!(stage.send(&ask).expect(201).text, first.text, "the same answer, link included");
    let quoted = ask.clone().key("\"invite-ada\"");
    assert_eq!(stage.send(&quoted).expect(201).text, first.text, "as the draft writes it");
    let _ = stage.send(&ask.clone().without("idempotency-key")).refused(400, "idempotency-key-missing");
    for key in ["", "\"\"", "a b", "ü", &"k".repeat(129)] {
        let _ = stage.send(&ask.clone().key(key)).refused(400, "idempotency-key-missing");
    }
    let _ = stage.send(&ask.clone().json(&invitation("bea"))).refused(422, "idempotency-key-reused");
    let elsewhere = resend(&first.at("/id"), "invite-ada");
    let _ = stage.send(&elsewhere).refused(422, "idempotency-key-reused");
}

#[test]
fn inv_2_a_first_try_that_is_still_running_is_said_to_be() {
    // INV-2: whatever the first try is at.
    for backend in Backend::ALL {
        let stage = Stage::on(backend);
        let mut first = stage.under_way(&invite("ada"));
        let mut told = 0;
        while first.step().is_none() {
            let keys = stage.deployment.world().keys();
            let claimed = keys.iter().any(|key| key.starts_with("idem:") || key.contains(":idem:"));
            if claimed && stage.send(&invite("ada")).status == 409 {
                told += 1;
            }
        }
        assert!(told > 10, "{backend:?}: told {told} times to wait");
        let _ = stage.send(&invite("ada")).expect(201);
        assert_eq!(stage.mails("ada"), 1);
    }
}

#[test]
fn inv_2_whoever_repeats_a_request_that_died_goes_on_after_its_time() {
    // INV-2
    let stage = Stage::new();
    let mut first = stage.under_way(&invite("ada").json(&handed_over("ada")));
    while !stage.deployment.world().keys().iter().any(|key| key.starts_with("inv:")) {
        assert!(first.step().is_none(), "it makes an invitation");
    }
    drop(first);
    let again = invite("ada").json(&handed_over("ada"));
    let told = stage.send(&again);
    assert_eq!(told.header("retry-after"), Some("2"));
    let _ = told.refused(409, "still-running");
    stage.wait(30);
    let made = stage.send(&again).expect(201);
    assert!(stage.opens(&token(&made.at("/link"))), "the link of the one invitation that there is");
    assert_eq!(stage.send(&again).expect(201).text, made.text);
}

#[test]
fn inv_2_a_repetition_gets_the_first_answer_whatever_became_of_it() {
    // INV-2
    let stage = Stage::new();
    let ask = invite("ada").json(&handed_over("ada"));
    let first = stage.send(&ask).expect(201);
    let refused = stage.send(&invite("ada").key("another"));
    let again = resend(&first.at("/id"), "again");
    let resent = stage.send(&again).expect(200);
    let late = resend(&first.at("/id"), "late");
    let _ = stage.send(&revoke(&first.at("/id"))).expect(200);
    let ended = stage.send(&late);
    stage.wait(3600);
    assert_eq!(stage.send(&ask).expect(201).text, first.text);
    assert_eq!(stage.send(&again).expect(200).text, resent.text);
    // A refusal is an answer as well.
    assert_eq!(stage.send(&invite("ada").key("another")).text, refused.text);
    let _ = refused.refused(409, "invitation-pending");
    assert_eq!(stage.send(&late).text, ended.text);
    let _ = ended.refused(409, "invitation-ended");
    let _ = stage.send(&invite("ada").key("new")).expect(201);
}

#[test]
fn inv_3_a_second_invitation_names_the_first() {
    // INV-3
    let stage = Stage::new();
    let id = stage.invited("ada");
    let problem = stage.send(&invite("ada").key("another")).refused(409, "invitation-pending");
    assert_eq!(problem.pointer("/existing"), Some(&json!(id)));
}

#[test]
fn inv_3_an_invitation_is_shown_in_every_state() {
    // INV-3
    let stage = Stage::new();
    let (id, token) = stage.handed_over("ada");
    let shown = stage.send(&show(&id)).expect(200);
    assert_eq!((shown.at("/state"), shown.json().get("link")), ("pending".to_owned(), None));
    stage.wait(14 * 86_400);
    assert_eq!(stage.send(&show(&id)).expect(200).at("/state"), "expired");
    let next = stage.send(&invite("ada").key("next").json(&handed_over("ada"))).expect(201);
    assert_ne!(next.at("/id"), id);
    assert_eq!(stage.send(&show(&id)).expect(200).at("/state"), "expired", "also when it is past");
    let repeated = stage.send(&invite("ada").json(&handed_over("ada"))).expect(201);
    assert_eq!(repeated.at("/id"), id, "its own, not its successor");

    let made = stage.accepted(&crate::stage::token(&next.at("/link")));
    let shown = stage.send(&show(&next.at("/id"))).expect(200);
    assert_eq!((shown.at("/state"), shown.at("/reference")), ("accepted".to_owned(), reference_of(made)));
    assert!(!stage.opens(&token));
    for unknown in [format!("{}-3", id.trim_end_matches("-1")), id.replace('a', "b").replace('2', "3") + "0"] {
        let _ = stage.send(&show(&unknown)).refused(404, "not-found");
    }
}

#[test]
fn inv_3_sending_again_kills_the_old_link_once_a_key() {
    // INV-3, INV-5
    for backend in Backend::ALL {
        let stage = Stage::on(backend);
        let (id, old) = stage.handed_over("ada");
        stage.wait(60);
        let ask = resend(&id, "again").json(&json!({ "lifetime_days": 30 }));
        let sent = stage.send(&ask).expect(200);
        let new = token(&sent.at("/link"));
        assert_eq!((sent.at("/id"), sent.at("/state")), (id.clone(), "pending".to_owned()));
        assert_ne!(sent.at("/expires_at"), stage.send(&invite("bea")).expect(201).at("/expires_at"));
        assert!(!stage.opens(&old) && stage.opens(&new), "{backend:?}");
        assert_eq!(stage.send(&ask).expect(200).text, sent.text, "a repetition sends nothing again");
        let _ = stage.send(&ask.clone().json(&json!({}))).refused(422, "idempotency-key-reused");
        let _ = stage.send(&resend(&id, "mail").json(&json!({ "send_email": true }))).expect(200);
        assert!(!stage.opens(&new) && stage.mails("ada") == 1, "{backend:?}");
        let _ = stage.send(&resend(&id, "mail").json(&json!({ "send_email": true }))).expect(200);
        let _ = stage.send(&resend(&id, "as before")).refused(400, "idempotency-key-missing");
        let _ = stage.send(&resend(&id, "as-before")).expect(200);
        assert_eq!(stage.mails("ada"), 2, "{backend:?}");
    }
}

#[test]
fn inv_3_what_ended_is_not_sent_again_and_what_is_used_is_not_revoked() {
    // INV-3
    let stage = Stage::new();
    let (used, token) = stage.handed_over("ada");
    let _ = stage.accepted(&token);
    for ask in [resend(&used, "1"), revoke(&used)] {
        let _ = stage.send(&ask).refused(409, "invitation-accepted");
    }
    let (revoked, link) = stage.handed_over("cy");
    let first = stage.send(&revoke(&revoked)).expect(200);
    assert_eq!((first.at("/state"), stage.opens(&link)), ("revoked".to_owned(), false));
    stage.wait(5);
    assert_eq!(stage.send(&revoke(&revoked).json(&json!({}))).expect(200).text, first.text, "repeated");
    let _ = stage.send(&resend(&revoked, "3")).refused(409, "invitation-ended");
    let _ = stage.send(&invite("cy").key("new")).expect(201);
    let often = stage.invited("dee");
    for n in 0..20 {
        let _ = stage.send(&resend(&often, &format!("often-{n}"))).expect(200);
    }
    let _ = stage.send(&resend(&often, "too-often")).refused(409, "resent-too-often");
    assert_eq!(stage.mails("dee"), 21);
}

#[test]
fn inv_3_what_cannot_be_read_is_refused_before_anything_is_stored() {
    // INV-2, INV-3
    let stage = Stage::new();
    let id = stage.invited("ada");
    let _ = stage.spent();
    for (ask, status, code) in [
        (invite("bea").body("text/plain", "{}"), 415, "unsupported-media-type"),
        (invite("bea").body("application/json", "{"), 400, "truncated"),
        (invite("bea").body("application/json", "[]"), 400, "malformed"),
        (invite("bea").body("application/json", b"{\xff}".to_vec()), 400, "not-utf8"),
        (invite("bea").json(&json!({})), 400, "malformed"),
        (invite("bea").json(&handed_over("not an address")), 422, "invalid-input"),
        (resend(&id, "k").json(&json!({ "lifetime_days": 0 })), 422, "invalid-input"),
        (resend(&id, "k").json(&json!({ "surprise": 1 })), 400, "malformed"),
        (resend(&id, "k").body("text/plain", "x"), 415, "unsupported-media-type"),
        (resend(&id, "k").without("idempotency-key"), 400, "idempotency-key-missing"),
        (revoke(&id).json(&json!({ "surprise": 1 })), 400, "malformed"),
        (revoke(&id).body("text/plain", "x"), 415, "unsupported-media-type"),
        (resend("nowhere", "k"), 404, "not-found"),
        (revoke("nowhere"), 404, "not-found"),
    ] {
        let _ = stage.send(&ask).refused(status, code);
    }
    assert_eq!(stage.spent(), (0, 0), "the store was not even asked");
    let head = stage.send(&Ask { method: Method::HEAD, ..show(&id) });
    assert_eq!(head.status, 200);
}

#[test]
fn inv_3_what_each_request_costs() {
    // INV-3: reads and writes on SQLite, undisturbed, the counting of the request included.
    let stage = Stage::new();
    let id = stage.invited("ada");
    let _ = stage.send(&Ask::get("/invite")).expect(200);
    stage.wait(61);
    let _ = stage.invited("bea");
    let _ = stage.send(&Ask::get("/invite")).expect(200);
    let costs = [
        ("show", stage.cost(&show(&id), 200)),
        ("invite", stage.cost(&invite("cy"), 201)),
        ("invite again", stage.cost(&invite("cy"), 201)),
        ("resend", stage.cost(&resend(&id, "k"), 200)),
        ("revoke", stage.cost(&revoke(&id), 200)),
    ];
    let expected =
        [("show", (2, 1)), ("invite", (12, 15)), ("invite again", (2, 1)), ("resend", (12, 14)), ("revoke", (9, 8))];
    assert_eq!(costs, expected);
}
