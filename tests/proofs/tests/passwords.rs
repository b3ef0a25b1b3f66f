//! Forgotten and changed passwords, sessions, and the choice of an organisation: each route and each refusal, natively.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use kv_schema::backends::{model::Backend, world::Cost};
use proofs::{
    actors::{self as by, ADA, filled_in, get, page, post},
    stage::{Answer, Ask, Stage, component},
};
use serde_json::json;

fn stage(before: fn(&mut Stage)) -> Stage {
    let mut stage = Stage::new(Backend::Sqlite);
    before(&mut stage);
    stage
}

fn send(stage: &mut Stage, ask: &Ask) -> Answer {
    stage.send(component, ask)
}

/// The answer, and what it cost in storage operations.
fn cost(stage: &mut Stage, ask: &Ask) -> (Answer, Cost) {
    stage.deployment().world().take_cost();
    let answer = send(stage, ask);
    (answer, stage.deployment().world().take_cost())
}

fn link(stage: &Stage) -> String {
    format!("/sign-in/reset/choose?token={}", stage.fact("reset"))
}

fn keys(stage: &Stage) -> usize {
    stage.deployment().world().keys().len()
}

#[test]
fn sig_1_every_refused_sign_in_costs_the_same() {
    // SIG-1: unknown, wrong and paused: four reads and two writes, and one answer.
    let mut stage = stage(by::activated);
    let ask = by::guess_account(&stage);
    let (nobody, of_nobody) = cost(&mut stage, &ask);
    let ask = by::guess_password(&stage);
    let (wrong, of_wrong) = cost(&mut stage, &ask);
    for _ in 0..9 {
        let _ = send(&mut stage, &ask).expect(401);
    }
    let (paused, of_paused) = cost(&mut stage, &ask);
    assert_eq!((of_nobody, of_wrong), (of_wrong, of_paused));
    assert_eq!((of_wrong.reads, of_wrong.writes), (4, 2));
    for answer in [&nobody, &wrong, &paused] {
        assert!(answer.says("sign-in-failed"), "{}", answer.text);
        assert_eq!(answer.json["detail"], wrong.json["detail"]);
    }
}

#[test]
fn sig_1_a_hundred_failures_disable_the_password_until_it_is_reset() {
    // SIG-1, SIG-3
    let mut stage = stage(by::enrolled_with_two_browsers);
    let (guess, right) = (by::guess_password(&stage), by::sign_in(&stage));
    for failures in 1..=99 {
        let _ = send(&mut stage, &guess).expect(401);
        if failures == 10 {
            assert_eq!(send(&mut stage.fork(), &right).status, 401, "the tenth failure makes the next try wait");
        }
        // The longest pause there is.
        stage.wait(if failures < 10 { 0 } else { 3600 });
    }
    assert_eq!(send(&mut stage.fork(), &right).status, 200, "99 failures and the pause over");
    let _ = send(&mut stage, &guess).expect(401);
    for seconds in [3600, 30 * 86_400] {
        stage.wait(seconds);
        assert!(send(&mut stage, &right).expect(401).says("sign-in-failed"), "disabled after {seconds} seconds");
    }
    let ask = by::ask_for_reset(&stage);
    let _ = send(&mut stage, &ask).expect(200);
    stage.learn("reset", stage.mail(ADA, "Choose a new password").token());
    let ask = by::reset_by_code(&stage);
    let _ = send(&mut stage, &ask).expect(200);
    assert_eq!(by::new_password_works(&mut stage), 200);
}

#[test]
fn sig_3_the_question_for_a_link_has_one_answer() {
    // SIG-3, SIG-1: known, unknown, asked again too soon, not activated; nothing but the mailbox tells.
    let mut stage = stage(by::activated);
    let waited = stage.deployment().world().paused_millis();
    let ask = by::ask_for_reset(&stage);
    let known = send(&mut stage, &ask).expect(200);
    let again = send(&mut stage, &ask).expect(200);
    let ask = by::ask_for_reset_of_nobody(&stage);
    let unknown = send(&mut stage, &ask).expect(200);
    let waiting = send(&mut stage, &post("stranger", "/sign-in/reset", &json!({ "user": by::BO }))).expect(200);
    for other in [again, unknown, waiting] {
        assert_eq!(other.text, known.text);
    }
    assert_eq!(stage.deployment().world().paused_millis() - waited, 4 * 2_000, "and all after the same time");
    let links = stage.mails().into_iter().filter(|mail| mail.subject.contains("new password"));
    assert_eq!(links.map(|mail| mail.to).collect::<Vec<_>>(), [ADA], "one link, to her");
    let missing = send(&mut stage, &post("stranger", "/sign-in/reset", &json!({ "user": " " }))).expect(422);
    assert_eq!(missing.json["errors"][0]["pointer"], "/user");
}

#[test]
fn sig_3_opening_the_link_changes_nothing_and_says_what_is_needed() {
    // SIG-3
    let mut stage = stage(by::reset_offered);
    let before = stage.deployment().world().every::<shared::account::Account>().expect("readable");
    let address = link(&stage);
    let shown = send(&mut stage, &get("stranger", &address)).expect(200);
    assert_eq!(shown.json["credentials"].as_array().map(Vec::len), Some(1));
    assert_eq!(shown.json["questions"], json!([]));
    let opened = stage.open(component, &page("stranger", &address)).expect(200);
    assert!(opened.text.contains("autocomplete=\"one-time-code\"") && !opened.text.contains("kestrel.example"));
    let after = stage.deployment().world().every::<shared::account::Account>().expect("readable");
    assert_eq!(format!("{before:?}"), format!("{after:?}"));
    for wrong in ["x".to_owned(), "a".repeat(52), stage.fact("reset").to_uppercase()] {
        let answer = send(&mut stage, &get("stranger", format!("/sign-in/reset/choose?token={wrong}"))).expect(404);
        assert!(answer.says("link-not-valid"), "{}", answer.text);
    }
    stage.wait(30 * 60);
    assert_eq!(send(&mut stage, &get("stranger", &address)).status, 404, "half an hour");
}

#[test]
fn sig_3_a_new_password_by_a_code_ends_every_session() {
    // SIG-3, SIG-2, OTP-2
    let mut stage = stage(by::reset_offered);
    assert_eq!(by::dashboard(&mut stage), 200);
    let ask = by::reset_by_code(&stage);
    let replaced = send(&mut stage, &ask).expect(200);
    assert_eq!(replaced.json, json!({ "password_changed": true }));
    assert_eq!(by::dashboard(&mut stage), 401);
    assert_eq!(by::password_works(&mut stage), 401, "the old password");
    assert_eq!(by::new_password_works(&mut stage), 200);
    assert!(stage.mail(ADA, "password was changed").text.contains("Every other session"));
    assert!(send(&mut stage, &ask).expect(404).says("link-not-valid"), "used");
    stage.learn("reset", "spent");
    let code = by::verify_otp(&stage);
    assert!(send(&mut stage, &code).expect(422).says("code-not-accepted"), "and so is the code");
}

#[test]
fn sig_3_answers_count_their_failures_and_kill_the_link() {
    // SIG-3, ACT-2
    let mut stage = stage(by::reset_offered_by_questions);
    let address = link(&stage);
    let shown = send(&mut stage, &get("ada", &address)).expect(200);
    assert_eq!(shown.json["questions"].as_array().map(Vec::len), Some(3));
    let missing = post(
        "ada",
        "/sign-in/reset/choose",
        &json!({
            "token": stage.fact("reset"), "password": "passwordpassword", "password_repeated": "x",
        }),
    );
    let missing = send(&mut stage, &missing).expect(422);
    let pointers: Vec<&str> =
        missing.json["errors"].as_array().into_iter().flatten().filter_map(|fault| fault["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/answer_1", "/answer_2", "/answer_3", "/password"], "all faults, and none costs a try");
    let wrong = by::reset_by_wrong_answers(&stage);
    for left in (0..5).rev() {
        let answer = send(&mut stage, &wrong).expect(422);
        assert!(
            answer.says("answers-not-accepted") && answer.at("/detail").ends_with(&format!("{left}.")),
            "{}",
            answer.text
        );
    }
    let right = by::reset_by_answers(&stage);
    assert!(send(&mut stage, &right).expect(404).says("link-not-valid"));
    assert_eq!(by::password_works(&mut stage), 200, "nothing has changed");
}

#[test]
fn sig_3_a_person_without_a_proof_is_told_whom_to_ask() {
    // SIG-3
    let mut stage = stage(by::activated);
    let ask = by::ask_for_reset(&stage);
    let _ = send(&mut stage, &ask).expect(200);
    let token = stage.mail(ADA, "Choose a new password").token();
    let shown = send(&mut stage, &get("ada", format!("/sign-in/reset/choose?token={token}"))).expect(409);
    assert!(shown.says("wrong-stage") && shown.at("/next").contains("administrator"), "{}", shown.text);
}

#[test]
fn sig_4_the_forms_carry_their_token_and_show_faults_in_place() {
    // SIG-4, SIG-3, ACT-1
    let mut stage = stage(by::reset_offered);
    let asked = send(&mut stage, &page("guest", "/sign-in/reset")).expect(200);
    let form = filled_in("guest", "/sign-in/reset", &asked.text, &["csrf"], &[("user", "nobody@kestrel.example")]);
    assert_eq!(send(&mut stage, &form).expect(303).location, "/sign-in/reset/sent");
    assert!(send(&mut stage, &page("guest", "/sign-in/reset/sent")).expect(200).text.contains("on its way"));
    let forged = filled_in("guest", "/sign-in/reset", &asked.text, &[], &[("user", ADA)]);
    assert_eq!(send(&mut stage, &forged).status, 403);

    let address = link(&stage);
    let opened = stage.open(component, &page("guest", &address)).expect(200);
    let weak = [("code", "12345"), ("password", "welcomewelcome!"), ("password_repeated", "welcomewelcome!")];
    let form = filled_in("guest", "/sign-in/reset/choose", &opened.text, &["csrf", "token"], &weak);
    let refused = send(&mut stage, &form).expect(422);
    assert!(
        refused.text.contains("id=\"error-code\"") && refused.text.contains("id=\"error-password\""),
        "{}",
        refused.text
    );
    assert!(!refused.text.contains("welcomewelcome"), "a password is never repeated");

    let account = send(&mut stage, &page("ada", "/sign-in/account")).expect(200);
    let entered = [("present_password", "wrong"), ("password", "nine paper boats drift past noon")];
    let entered = [entered.as_slice(), &[("password_repeated", "nine paper boats drift past noon")]].concat();
    let form = filled_in("ada", "/sign-in/password", &account.text, &["csrf"], &entered);
    let refused = send(&mut stage, &form).expect(422);
    assert!(refused.text.contains("id=\"error-present_password\""), "{}", refused.text);
}

#[test]
fn sig_2_the_account_page_lists_sessions_and_ends_them() {
    // SIG-2
    let mut stage = stage(by::enrolled_with_two_browsers);
    let shown = send(&mut stage, &get("ada", "/sign-in/account")).expect(200);
    let sessions = shown.json["sessions"].as_array().expect("a list");
    assert!(sessions.len() >= 2 && sessions.iter().filter(|one| one["this_one"] == json!(true)).count() == 1);
    assert_eq!(send(&mut stage, &get("stranger", "/sign-in/account")).status, 401);

    let ask = by::change_password(&stage);
    let _ = send(&mut stage, &ask).expect(200);
    assert_eq!(by::dashboard(&mut stage), 200, "the session in which it was changed goes on");
    assert_eq!(send(&mut stage, &get("elsewhere", "/dashboard")).status, 401, "every other one has ended");
    assert!(stage.mail(ADA, "password was changed").text.contains("/sign-in/reset"));

    let ask = by::sign_out_everywhere(&stage);
    let _ = send(&mut stage, &ask).expect(200);
    assert_eq!(by::dashboard(&mut stage), 401);
    assert_eq!(send(&mut stage, &ask).status, 401);
}

#[test]
fn sig_2_get_changes_nothing_and_other_methods_are_refused() {
    // SIG-2, SIG-3
    let mut stage = stage(by::activated);
    let before = keys(&stage);
    for (target, status) in [
        ("/sign-in/account", 200),
        ("/sign-in/organisation", 200),
        ("/sign-in/reset", 200),
        ("/sign-in/reset/sent", 200),
        ("/sign-in/password", 405),
        ("/sign-in/out/everywhere", 405),
        ("/sign-in/reset/none", 404),
    ] {
        let (answer, cost) = cost(&mut stage, &get("ada", target));
        assert_eq!((answer.status, cost.writes), (status, 0), "{target}");
    }
    assert_eq!(keys(&stage), before);
}

#[test]
fn acc_4_a_person_of_two_organisations_chooses_before_anything_else() {
    // ACC-4
    let mut stage = stage(by::member_of_two);
    assert!(stage.send(component, &get("ada", "/dashboard")).expect(403).says("organisation-not-chosen"));
    let led = send(&mut stage, &page("ada", "/dashboard")).expect(303);
    assert_eq!(led.location, "/sign-in/organisation?continue=%2Fdashboard");
    let led = by::authorize(&stage);
    assert!(send(&mut stage, &led).expect(303).location.starts_with("/sign-in/organisation?continue="));

    let chooser = send(&mut stage, &page("ada", "/sign-in/organisation?continue=%2Fcredentials")).expect(200);
    let form = filled_in("ada", "/sign-in/organisation", &chooser.text, &["csrf", "continue"], &[]);
    assert!(send(&mut stage, &form).expect(422).text.contains("id=\"error-organisation\""));
    let foreign = post("ada", "/sign-in/organisation", &json!({ "organisation": "a".repeat(26) }));
    assert_eq!(send(&mut stage, &foreign).status, 404);
    let chosen = [("organisation", stage.fact("organisation"))];
    let form = filled_in("ada", "/sign-in/organisation", &chooser.text, &["csrf", "continue"], &chosen);
    assert_eq!(send(&mut stage, &form).expect(303).location, "/credentials");
    assert_eq!(by::dashboard(&mut stage), 200);
    let dashboard = send(&mut stage, &page("ada", "/dashboard")).expect(200);
    assert!(dashboard.text.contains("Change organization"), "{}", dashboard.text);
    let offered = send(&mut stage, &get("ada", "/sign-in/organisation")).expect(200);
    assert_eq!(offered.json["organisations"][1]["chosen"], json!(true));
    let signed_in = by::sign_in(&stage);
    assert_eq!(send(&mut stage, &signed_in).expect(200).at("/choose_organisation"), "/sign-in/organisation");
}
