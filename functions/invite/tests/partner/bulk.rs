//! Many invitations in one request.

use std::fmt::Write as _;

use kv_schema::backends::model::Backend;
use serde_json::Value;

use crate::stage::{Answer, Ask, COBALT, Stage, handed_over, invitation, invite, text};

fn bulk(lines: impl AsRef<[u8]>) -> Ask {
    Ask::post("/invite/bulk").key("bulk").body("application/x-ndjson", lines.as_ref())
}

fn people(count: usize) -> String {
    (0..count).fold(String::new(), |mut lines, n| {
        writeln!(lines, "{}", invitation(&format!("person{n}"))).expect("memory is enough");
        lines
    })
}

fn outcomes(answer: &Answer) -> Vec<(u64, u64, String)> {
    let number = |line: &Value, name: &str| line.get(name).and_then(Value::as_u64).expect("a number");
    let code = |line: &Value| match line.get("problem") {
        Some(problem) => text(problem, "/code"),
        None => text(line, "/invitation/state"),
    };
    answer.lines().iter().map(|line| (number(line, "line"), number(line, "status"), code(line))).collect()
}

#[test]
fn inv_9_each_line_is_answered_in_its_place_and_spoils_no_other() {
    // INV-9
    for backend in Backend::ALL {
        let stage = Stage::on(backend);
        let existing = stage.invited("known");
        let (ada, known, bea) = (invitation("ada"), invitation("known"), handed_over("bea"));
        let foreign = ada.to_string().replace("supply-platform", "business-network");
        let faulty = ada.to_string().replace("ada@", "");
        let long = format!("{{\"application\":\"{}\"}}", "x".repeat(64 * 1024));
        let lines = format!("{ada}\n\n{known}\r\n  \n{{\n[]\n{faulty}\n{foreign}\n{long}\n{ada}\n{bea}");
        let mut body = lines.into_bytes();
        body.extend(b"\n\xff");
        let answer = stage.send(&bulk(&body)).expect(200);
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
        let expected = [
            (1, 201, "pending"),
            (3, 409, "invitation-pending"),
            (5, 400, "truncated"),
            (6, 400, "malformed"),
            (7, 422, "invalid-input"),
            (8, 422, "invalid-input"),
            (9, 413, "too-large"),
            (10, 409, "invitation-pending"),
            (11, 201, "pending"),
            (12, 400, "not-utf8"),
        ];
        assert_eq!(outcomes(&answer), expected.map(|(line, status, code)| (line, status, code.to_owned())));
        let lines = answer.lines();
        let known = lines.get(1).expect("the second answer");
        assert_eq!(text(known, "/problem/existing"), existing);
        assert!(text(lines.get(8).expect("the ninth answer"), "/invitation/link").contains("token="));
        assert_eq!((stage.mails("ada"), stage.mails("bea")), (1, 0), "{backend:?}");

        assert_eq!(stage.send(&bulk(&body)).expect(200).text.len(), answer.text.len(), "a repetition is the same");
        assert_eq!(stage.mails("ada"), 1);
        let _ = stage.send(&bulk("{}")).refused(422, "idempotency-key-reused");
    }
}

#[test]
fn inv_9_a_request_that_dies_anywhere_goes_on_where_it_stopped() {
    // INV-9
    let body = people(3);
    let undisturbed = Stage::new();
    let _ = undisturbed.send(&bulk(&body)).expect(200);
    let operations = undisturbed.deployment.world().operations();
    for deaths in (0..operations).step_by(3) {
        let stage = Stage::new();
        let mut first = stage.under_way(&bulk(&body));
        while first.is_running() && stage.deployment.world().operations() < deaths {
            let _ = first.step();
        }
        first.crash();
        // Longer than a dead creator's gates stay closed.
        stage.wait(150);
        let again = stage.send(&bulk(&body)).expect(200);
        let statuses: Vec<u64> = outcomes(&again).into_iter().map(|(_, status, _)| status).collect();
        assert_eq!(statuses, [201, 201, 201], "after {deaths} of {operations}");
        let listed = stage.send(&Ask::get("/invite")).expect(200).json();
        assert_eq!(listed.pointer("/invitations").and_then(Value::as_array).map(Vec::len), Some(3), "after {deaths}");
        let posted = stage.deployment.world().posted();
        let keys: std::collections::BTreeSet<&str> = posted.iter().map(|post| post.idempotency_key.as_str()).collect();
        assert_eq!(keys.len(), 3, "after {deaths}");
    }
}

#[test]
fn inv_9_what_there_is_no_time_for_is_said_and_done_by_a_repetition() {
    // INV-9
    let stage = Stage::new();
    let body = people(30);
    let mut request = stage.under_way(&bulk(&body));
    let reply = loop {
        // Slow: each mail costs two seconds.
        let before = stage.deployment.world().posted().len();
        if let Some(reply) = request.step() {
            break reply;
        }
        stage.wait(2 * u64::try_from(stage.deployment.world().posted().len() - before).expect("few"));
    };
    let first = Answer::of(reply).expect(202);
    let done: Vec<u64> = outcomes(&first).into_iter().map(|(_, status, _)| status).collect();
    assert_eq!(done, [vec![201; 10], vec![503; 20]].concat());
    assert!(outcomes(&first).iter().all(|(_, status, code)| (*status == 503) == (code == "not-processed")));
    let again = stage.send(&bulk(&body)).expect(200);
    assert!(outcomes(&again).iter().all(|(_, status, _)| *status == 201));
    assert!((0..30).all(|n| stage.mails(&format!("person{n}")) == 1));
}

#[test]
fn inv_9_a_line_that_the_store_fails_is_to_be_repeated() {
    // INV-9, OPS-1
    let stage = Stage::new();
    let body = people(2);
    let _ = stage.send(&bulk(&body).key("warm")).expect(200);
    let operations = {
        let probe = Stage::new();
        let _ = probe.send(&bulk(people(1))).expect(200);
        probe.deployment.world().operations()
    };
    let failing = Stage::new();
    failing.deployment.world().fail_after(operations, kv_schema::backends::world::Moment::BeforeEffect);
    let answer = failing.send(&bulk(&body));
    failing.deployment.world().stop_failing();
    assert!(matches!(answer.status, 200 | 202), "{}", answer.text);
    let again = failing.send(&bulk(&body)).expect(200);
    assert!(outcomes(&again).iter().all(|(_, status, _)| *status == 201), "{}", again.text);
}

#[test]
fn inv_9_what_concerns_the_whole_request_is_refused_as_a_whole() {
    // INV-9
    let stage = Stage::new();
    let _ = stage.spent();
    for (ask, status, code) in [
        (bulk("{}").without("idempotency-key"), 400, "idempotency-key-missing"),
        (bulk("{}").with("content-type", "application/json"), 415, "unsupported-media-type"),
        (bulk("{}").without("content-type"), 415, "unsupported-media-type"),
        (bulk(""), 422, "invalid-input"),
        (bulk("\n \r\n"), 422, "invalid-input"),
        (bulk("{}\n".repeat(1001)), 413, "too-large"),
    ] {
        let _ = stage.send(&ask).refused(status, code);
    }
    assert_eq!(stage.spent(), (0, 0), "the store was not even asked");
    let thousand = stage.send(&bulk("{}\n\n".repeat(1000))).expect(200);
    assert_eq!(outcomes(&thousand).last(), Some(&(1999, 400, "malformed".to_owned())));
    let typed = bulk("{}").key("typed").with("content-type", "Application/X-NDJSON; charset=utf-8");
    let _ = stage.send(&typed).expect(200);
}

#[test]
fn inv_9_a_partner_invites_to_its_own_applications() {
    // INV-1, INV-9
    let stage = Stage::new();
    let answer = stage.send(&bulk(people(1)).by(COBALT)).expect(200);
    assert_eq!(outcomes(&answer), [(1, 422, "invalid-input".to_owned())]);
}

#[test]
fn inv_9_what_a_line_costs() {
    // INV-9: reads and writes of twenty new lines and of twenty done ones, of a list in use, on SQLite.
    let stage = Stage::new();
    let lines = |from: usize, to: usize| {
        (from..to).map(|n| invitation(&format!("new{n}")).to_string()).collect::<Vec<_>>().join("\n")
    };
    let _ = stage.send(&bulk(lines(100, 130)).key("first")).expect(200);
    stage.wait(61);
    let _ = stage.send(&invite("warm")).expect(201);
    let _ = stage.send(&bulk("{}").key("meter")).expect(200);
    let cost = |ask: &Ask| stage.cost(ask, 200);
    let one = cost(&bulk(lines(0, 1)).key("one"));
    let ask = bulk(lines(1, 22)).key("many");
    let many = cost(&ask);
    let again = cost(&ask);
    let each = ((many.0 - one.0) / 20, (many.1 - one.1) / 20);
    // The repetition reads the 21 slots and the meter, is counted, and takes the claim over and puts it down again.
    assert_eq!((each, again), ((9, 8), (25, 3)));
}
