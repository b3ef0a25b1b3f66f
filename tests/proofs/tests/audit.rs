//! The audit trail over every handler and outcome (AUD-1): no commit without its entry, and no secret in any of them.

#![expect(clippy::indexing_slicing, reason = "a member that is missing fails the test, as it should")]

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kv_schema::backends::{
    explore::{Bounds, every_order},
    model::Backend,
    world::Cost,
};
use proofs::{
    actors::{self as by, ADA, BO, get, page},
    audit,
    rows::rows,
    stage::{
        API_KEY, AUDITOR_PASSWORD, Answer, Ask, CLIENT_SECRET, MACHINE_KEY, REGISTRAR_PASSWORD, Stage, component,
        webhook_secret,
    },
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use shared::audit::Denial;

fn stage(before: fn(&mut Stage)) -> Stage {
    let mut stage = Stage::new(Backend::Sqlite);
    before(&mut stage);
    stage
}

/// The entries of a record that are about later revisions, as (action, denial, kind of actor).
fn told_since(stage: &Stage, key: &str, revision: u64) -> Vec<(&'static str, Option<&'static str>, &'static str)> {
    let trail = audit::trail(stage, key).expect("it has one");
    assert!(trail.holds, "{key}");
    let entries = trail.entries.iter().filter_map(|linked| linked.entry.as_ref());
    let later = entries.filter(|entry| entry.revision > revision);
    later
        .map(|entry| (entry.deed.action.code(), entry.deed.denial.map(Denial::code), entry.deed.actor.kind()))
        .collect()
}

#[test]
fn aud_1_no_handler_changes_a_record_without_an_entry() {
    // AUD-1: after every row each record that is new or changed says so, in entries of the revisions since.
    for row in rows() {
        let mut stage = stage(row.before);
        let before = audit::records(&stage);
        let _ = stage.send(row.serve, &(row.ask)(&stage));
        for (key, (revision, value)) in audit::records(&stage) {
            let known = before.get(&key);
            let told = told_since(&stage, &key, known.map_or(0, |(revision, _)| *revision));
            // What a value holds of secrets is not shown, so that a change may not be seen; an entry has to be there then, too.
            let changed = known.is_none_or(|(_, former)| *former != value);
            assert!(!changed || !told.is_empty(), "{row}: {key}");
            assert!(known.is_none_or(|(former, _)| *former < revision || told.is_empty()), "{row}: {key} {told:?}");
        }
        assert_eq!(audit::complaint(&stage), None, "{row}");
    }
}

/// What nobody may read in the trail: everything that the actors know and entered, and that was mailed to them.
fn secrets(stage: &Stage) -> BTreeSet<Vec<u8>> {
    let known = [API_KEY, CLIENT_SECRET, MACHINE_KEY, REGISTRAR_PASSWORD, AUDITOR_PASSWORD, ADA, BO, by::PASSWORD];
    let webhook = webhook_secret();
    let mut words: BTreeSet<String> = known.iter().map(|text| (*text).to_owned()).chain([webhook]).collect();
    words.extend(["Kestrel", "kestrel.example", "Ada", "guest@"].map(str::to_owned));
    for mail in stage.mails() {
        let marks = |character: char| character.is_whitespace() || "=&?".contains(character);
        words.extend(mail.text.split(marks).filter(|word| word.len() >= 16 && !word.contains('/')).map(str::to_owned));
    }
    words.extend(stage.facts().filter(|(name, _)| !PUBLIC_FACTS.contains(name)).map(|(_, text)| text.to_owned()));
    let long = words.into_iter().filter(|word| word.len() >= 3);
    long.flat_map(|word| {
        // A token's second half is the secret, and is kept as bytes nowhere.
        let bytes = base32(&word).and_then(|bytes| bytes.get(16..).map(<[u8]>::to_vec)).filter(|half| half.len() >= 8);
        [Some(word.into_bytes()), bytes].into_iter().flatten()
    })
    .collect()
}

/// Identifiers, which the trail is about.
const PUBLIC_FACTS: [&str; 5] = ["registration", "organisation", "credential", "invitation", "order"];

fn base32(word: &str) -> Option<Vec<u8>> {
    let mut bits = 0_u64;
    let mut length = 0;
    let mut bytes = Vec::new();
    for character in word.bytes() {
        let digit = match character {
            b'a'..=b'z' => character - b'a',
            b'2'..=b'7' => character - b'2' + 26,
            _ => return None,
        };
        bits = (bits << 5 | u64::from(digit)) & 0xffff;
        length += 5;
        if length >= 8 {
            length -= 8;
            bytes.extend(u8::try_from(bits >> length & 0xff));
        }
    }
    Some(bytes)
}

#[test]
fn aud_1_no_secret_and_no_address_of_a_person_is_in_an_entry() {
    // AUD-1: passwords, codes, tokens, licence keys, promo codes, API keys, e-mail addresses, names.
    let mut looked_at = 0;
    for row in rows() {
        let mut stage = stage(row.before);
        let _ = stage.send(row.serve, &(row.ask)(&stage));
        let _ = (row.then)(&mut stage);
        let secrets = secrets(&stage);
        assert!(secrets.len() > 10, "{row}");
        for key in audit::records(&stage).keys() {
            for linked in audit::trail(&stage, key).expect("it has one").entries {
                looked_at += 1;
                let has = |secret: &Vec<u8>| linked.bytes.windows(secret.len()).any(|part| part == secret);
                let found = secrets.iter().find(|secret| has(secret));
                assert_eq!(found.map(|secret| String::from_utf8_lossy(secret)), None, "{row}: {key}");
            }
        }
    }
    assert!(looked_at > 500, "{looked_at}");
}

/// What the request did to the one record of this prefix that it changed.
fn done(
    before: fn(&mut Stage),
    ask: fn(&Stage) -> Ask,
    prefix: &str,
) -> Vec<(&'static str, Option<&'static str>, &'static str)> {
    let mut stage = stage(before);
    let records = audit::records(&stage);
    let _ = stage.send(component, &ask(&stage));
    let revision = |key: &str| records.get(key).map_or(0, |(revision, _)| *revision);
    let changed = audit::records(&stage).into_iter().filter(|(key, _)| key.split(':').next() == Some(prefix));
    changed.flat_map(|(key, _)| told_since(&stage, &key, revision(&key))).collect()
}

#[test]
fn aud_1_a_refused_guess_is_in_the_trail_of_what_was_guessed_at() {
    // AUD-1
    for (before, ask, prefix, told) in [
        (
            by::activated as fn(&mut Stage),
            by::guess_password as fn(&Stage) -> Ask,
            "acct",
            ("sign-in", Some("wrong-password"), "stranger"),
        ),
        (by::enrolled, by::verify_otp_wrongly, "acct", ("second-factor", Some("wrong-code"), "person")),
        (by::enrolling, by::prove_enrolment_wrongly, "acct", ("enrolment-proof", Some("wrong-code"), "person")),
        (by::activated, by::change_password_wrongly, "acct", ("password-change", Some("wrong-password"), "person")),
        (by::reset_offered, by::reset_by_wrong_code, "acct", ("password-reset", Some("wrong-code"), "link-holder")),
        (
            by::reset_offered_by_questions,
            by::reset_by_wrong_answers,
            "acct",
            ("password-reset", Some("wrong-answers"), "link-holder"),
        ),
        (
            by::on_duty_and_next_code,
            by::operator_guesses,
            "oper",
            ("operator-sign-in", Some("wrong-password"), "stranger"),
        ),
        (by::exchanged, by::exchange, "code", ("code-exchange", Some("presented-again"), "application")),
    ] {
        assert_eq!(done(before, ask, prefix), [told]);
    }
}

#[test]
fn aud_1_the_trail_says_who_acted() {
    // AUD-1, LCH-3
    for (before, ask, prefix, told) in [
        (by::partner_known as fn(&mut Stage), by::invite as fn(&Stage) -> Ask, "inv", ("invitation", None, "partner")),
        (by::invited, by::register_invited, "inv", ("invitation-use", None, "link-holder")),
        (by::invited, by::register_invited, "reg", ("registration", None, "effect")),
        (by::waits_for_approval, by::approve, "reg", ("approval", None, "operator")),
        (by::waits_for_approval, by::approve, "org", ("organisation-founding", None, "effect")),
        (by::activated, by::sign_in, "acct", ("sign-in", None, "person")),
        (by::on_duty_and_next_code, by::operator_signs_in, "oper", ("operator-sign-in", None, "operator")),
        (by::terms_read, by::accept_terms, "org", ("terms-acceptance", None, "person")),
        (by::partner_known, by::webhook, "ord", ("order", None, "webstore")),
        (by::cleared, by::authorize, "code", ("launch", None, "person")),
        (by::authorized, by::exchange, "code", ("code-exchange", None, "application")),
    ] {
        assert_eq!(done(before, ask, prefix), [told]);
    }
}

#[test]
fn aud_1_what_touches_no_record_is_in_the_log_without_names() {
    // AUD-1: unknown names, keys, links and signatures, and nobody at all.
    let mut stage = stage(by::activated);
    let mut forged = by::webhook(&stage);
    forged.headers.retain(|(name, _)| *name != "webhook-signature");
    let mut unknown_key = by::invite(&stage);
    unknown_key.headers.retain(|(name, _)| *name != "authorization");
    unknown_key.headers.push(("authorization", "Bearer somebody-elses-key".to_owned()));
    let asks = [
        (by::guess_account(&stage), "sign-in-failed"),
        (unknown_key, "api-key-not-valid"),
        (forged, "webhook-not-verified"),
        (get("nobody", "/dashboard"), "not-signed-in"),
        (page("nobody", "/dashboard"), "not-signed-in"),
        (get("nobody", format!("/activate?token={}", "a".repeat(52))), "link-not-valid"),
    ];
    let keys = audit::records(&stage).len();
    for (mut ask, cause) in asks {
        ask.headers.push(("spin-client-addr", "forged".to_owned()));
        ask.headers.push(("spin-client-addr", "203.0.113.7:4711".to_owned()));
        let logged = stage.deployment().log_lines().len();
        let answer = stage.send(component, &ask);
        assert!(matches!(answer.status, 303 | 401 | 404), "{cause}: {}", answer.text);
        let lines = stage.deployment().log_lines().split_off(logged);
        let refused: Vec<Value> = lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter(|line: &Value| line["event"] == "authentication refused")
            .collect();
        assert_eq!(refused.len(), 1, "{cause}: {lines:?}");
        assert_eq!((&refused[0]["cause"], &refused[0]["actor"]), (&cause.into(), &"stranger".into()));
        assert_eq!(refused[0]["origin"], "203.0.113.0/24");
        assert!(
            lines.iter().all(|line| !line.contains("kestrel") && !line.contains("somebody-elses-key")),
            "{lines:?}"
        );
    }
    assert_eq!(audit::records(&stage).len(), keys, "strangers do not fill the store");
}

#[test]
fn aud_1_the_first_change_of_a_day_costs_a_note_and_the_others_nothing() {
    // AUD-1
    let mut stage = stage(by::activated);
    let cost = |stage: &mut Stage| {
        let ask = by::sign_in(stage);
        stage.deployment().world().take_cost();
        let _ = stage.send(component, &ask).expect(200);
        stage.deployment().world().take_cost()
    };
    assert_eq!(cost(&mut stage), Cost { reads: 2, writes: 1 }, "noted by the activation");
    stage.wait(86_400);
    let _ = cost(&mut stage);
    stage.wait(86_400);
    // The first note of a day in its list makes the list's sheet; that is not this account's.
    let first = cost(&mut stage);
    assert!(first == Cost { reads: 4, writes: 2 } || first == Cost { reads: 6, writes: 6 }, "{first:?}");
    assert_eq!(cost(&mut stage), Cost { reads: 2, writes: 1 });
}

#[test]
fn aud_1_two_first_changes_of_a_day_are_both_told_once() {
    // AUD-1: a guess and a sign-in at once, in every order with up to two switches.
    let start = stage(by::activated);
    start.wait(86_400);
    let sent = [by::guess_password as fn(&Stage) -> Ask, by::sign_in].map(|ask| start.sent(&ask(&start)));
    let begin = || {
        let stage = start.fork();
        let actors = sent.iter().map(|sent| stage.under_way(component, sent)).collect();
        (stage.deployment().world().clone(), actors)
    };
    let explored = every_order(Bounds { crashes: 0, switches: Some(2) }, begin, |ran| {
        let stage = start.on(ran.world.clone());
        assert_eq!(audit::complaint(&stage), None, "{:?}", ran.schedule);
        let key = audit::records(&stage).into_keys().find(|key| key.starts_with("acct:")).expect("it stands");
        let told = audit::trail(&stage, &key).expect("it has one");
        let outcomes = told.entries.iter().rev().take(2).filter_map(|linked| linked.entry.as_ref());
        let denials: BTreeSet<Option<&str>> = outcomes.map(|entry| entry.deed.denial.map(Denial::code)).collect();
        assert_eq!(denials, BTreeSet::from([None, Some("wrong-password")]), "{:?}", ran.schedule);
    });
    assert!(explored.checked > 10, "{explored:?}");
}

fn audit_of(stage: &mut Stage, kind: &str, reference: &str) -> Answer {
    let reference: String = url::form_urlencoded::byte_serialize(reference.as_bytes()).collect();
    stage.send(component, &get("auditor", format!("/operate/audit?kind={kind}&reference={reference}")))
}

#[test]
fn aud_1_an_auditor_reads_the_trail_of_a_record_and_nobody_else_does() {
    // AUD-1
    let mut stage = stage(by::audited);
    let told = audit_of(&mut stage, "account", ADA).expect(200);
    let trail = &told.json["trail"];
    assert_eq!((&trail["chain_holds"], &trail["removed"]), (&true.into(), &false.into()));
    let actions: Vec<&str> =
        trail["entries"].as_array().into_iter().flatten().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions.last(), Some(&"admission"), "newest first: {actions:?}");
    assert!(actions.contains(&"activation") && actions.contains(&"second-factor"), "{actions:?}");
    let because = trail["entries"][actions.len() - 1]["because"].as_str().expect("an effect").to_owned();
    let registration = stage.fact("registration").to_owned();
    let caused = audit_of(&mut stage, "registration", &registration).expect(200);
    let writes: Vec<&str> = caused.json["trail"]["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["write"].as_str())
        .collect();
    assert!(writes.iter().any(|write| write.get(..24) == because.get(..24)), "{because} of {writes:?}");
    let by_operator = audit_of(&mut stage, "operator", "registrar").expect(200);
    assert_eq!(by_operator.json["trail"]["entries"][0]["by"], "registrar");
    for (kind, reference) in
        [("account", "nobody@kestrel.example"), ("order", "x"), ("record", "list:registrations"), ("record", "acct:")]
    {
        let answer = audit_of(&mut stage, kind, reference).expect(422);
        assert_eq!(answer.json["errors"][0]["pointer"], "/reference", "{kind} {reference}");
    }
    let shown =
        stage.send(component, &page("auditor", format!("/operate/audit?kind=registration&reference={registration}")));
    assert!(shown.expect(200).text.contains("The chain holds"));
    for browser in ["registrar", "ada", "stranger"] {
        for address in ["/operate/audit", "/operate/audit/export?day=2026-11-22"] {
            let answer = stage.send(component, &get(browser, address));
            assert_eq!(answer.status, if browser == "registrar" { 403 } else { 401 }, "{browser} {address}");
        }
    }
    let queue = get("auditor", "/operate");
    assert_eq!(stage.send(component, &queue).status, 200);
}

/// Every page of a day's export, with something done between two of them.
fn export(stage: &mut Stage, day: &str, mut between: impl FnMut(&mut Stage)) -> Vec<Value> {
    let mut lines = Vec::new();
    let mut next = Some(format!("/operate/audit/export?day={day}"));
    while let Some(address) = next {
        let answer = stage.send(component, &get("auditor", &address)).expect(200);
        lines.extend(answer.text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")));
        next =
            answer.link.strip_prefix('<').and_then(|link| link.split_once('>')).map(|(address, _)| address.to_owned());
        between(stage);
    }
    lines
}

/// The recipe of docs/security.md, with nothing of this project: base64url, SHA-256, and JSON.
fn verify(lines: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut chains: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines {
        let text = |name: &str| line[name].as_str().expect("a text").to_owned();
        let unhex = |text: String| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
                .collect()
        };
        let entry = URL_SAFE_NO_PAD.decode(text("entry")).expect("base64url");
        let hash = Sha256::new().chain_update(unhex(text("previous"))).chain_update(entry).finalize();
        assert_eq!(hash.as_slice(), unhex(text("hash")), "{line}");
        chains.entry(text("record")).or_default().push(line.clone());
    }
    for (record, chain) in &mut chains {
        chain.sort_by_key(|line| line["revision"].as_u64());
        let first = Sha256::new().chain_update("vestibule/v1/audit\0").chain_update(record).finalize();
        let first = hex(&first);
        if chain[0]["revision"] == 1 {
            assert_eq!(chain[0]["previous"], first.as_str(), "{record}");
        }
        for pair in chain.windows(2) {
            assert_eq!(pair[0]["hash"], pair[1]["previous"], "{record}");
        }
    }
    chains
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn day_of(stage: &Stage) -> String {
    let now = i64::try_from(stage.unix_seconds()).expect("soon");
    let now = shared::values::Timestamp::from_unix(now).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

#[test]
fn aud_1_the_export_of_a_day_has_every_entry_once_and_verifies_by_itself() {
    // AUD-1, LCH-3: a journey of one day, paged through while others go on working.
    let mut stage = stage(by::audited);
    by::on_duty(&mut stage);
    let large = by::order_large_batch(&stage);
    let _ = stage.send(component, &large).expect(201);
    let expected: BTreeSet<String> = audit::records(&stage)
        .keys()
        .flat_map(|key| audit::trail(&stage, key).expect("it has one").entries)
        .map(|linked| hex(&linked.hash))
        .collect();
    let day = day_of(&stage);
    let mut pages = 0;
    let lines = export(&mut stage, &day, |stage| {
        pages += 1;
        let _ = stage.send(component, &by::guess_password(stage)).expect(401);
    });
    assert!(pages > 1, "{pages} pages");
    let hashes: Vec<String> = lines.iter().map(|line| line["hash"].as_str().expect("a hash").to_owned()).collect();
    let distinct: BTreeSet<String> = hashes.iter().cloned().collect();
    assert_eq!(distinct.len(), hashes.len(), "nothing twice");
    let missing: Vec<&String> = expected.difference(&distinct).collect();
    assert!(missing.is_empty(), "{} of {} missing", missing.len(), expected.len());
    verify(&lines);
    let launches: Vec<&Value> = lines.iter().filter(|line| line["action"] == "launch").collect();
    assert_eq!(launches.len(), 1);
    assert_eq!(launches[0]["actor"], "person");
    for wrong in ["2026-02-30", "", "today"] {
        let answer = stage.send(component, &get("auditor", format!("/operate/audit/export?day={wrong}")));
        assert_eq!(answer.status, 422, "{wrong}");
    }
    let foreign = stage.send(component, &get("auditor", format!("/operate/audit/export?day={day}&after=x")));
    assert_eq!(foreign.status, 404);
    assert!(export(&mut stage, "2020-01-01", |_| ()).is_empty());
}

#[test]
fn aud_1_the_trail_of_an_invitation_outlives_its_slot() {
    // AUD-1, OPS-3
    let mut stage = stage(by::slot_condemned);
    let key = audit::records(&stage).into_keys().find(|key| key.starts_with("inv:")).expect("it stands");
    for _ in 0..3 {
        let _ = stage.send(component, &by::sweep(&stage));
        stage.wait(90);
    }
    assert!(!audit::records(&stage).contains_key(&key), "the sweep has removed it");
    let trail = audit::trail(&stage, &key).expect("it stays");
    assert!(trail.holds && trail.removed);
    let invited = |linked: &kv_schema::audit::Linked| linked.entry.as_ref().map(|entry| entry.deed.action.code());
    assert_eq!(trail.entries.first().and_then(invited), Some("invitation"));
}
