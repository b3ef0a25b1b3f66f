//! Ordering batches, following them, and asking about codes.

use kv_schema::{
    backends::model::Backend,
    records::{Swept as _, key_of_text},
};
use serde_json::{Value, json};
use shared::batch::Batch;

use crate::stage::{ANVIL, Answer, Ask, Stage, batch, changed, check, codes, order};

fn report(stage: &Stage, made: &Answer) -> Value {
    let id = made.text_at("/id");
    stage.send(&Ask::get(format!("/promo-batches/{id}"))).expect(200).json()
}

/// Redeemed, reserved, free.
fn tally(report: &Value) -> [Option<u64>; 3] {
    ["redeemed", "reserved", "free"].map(|name| report.get(name).and_then(Value::as_u64))
}

#[test]
fn shp_2_a_partner_orders_codes_and_follows_them() {
    // SHP-2, SHP-3
    let stage = Stage::new();
    let made = stage.send(&order("one", &changed(3, "uses", json!(2)))).expect(201);
    let all = codes(&made);
    let [code, other, _] = all.as_slice() else { panic!("three codes") };
    assert_eq!(tally(&report(&stage, &made)), [Some(0), Some(0), Some(6)]);
    assert_eq!(stage.send(&check(code)).expect(200).at("/state"), "free");

    assert_eq!(stage.places(1, "ada@kestrel.example", code), 201);
    assert_eq!(stage.places(1, "ada@kestrel.example", code), 200, "the same form again");
    assert_eq!(stage.places(2, "bo@kestrel.example", &code.to_lowercase().replace('-', " ")), 201);
    assert_eq!(stage.places(3, "cy@kestrel.example", code), 422, "used twice");
    assert_eq!(tally(&report(&stage, &made)), [Some(2), Some(0), Some(4)]);
    let used = stage.send(&check(code)).expect(200);
    assert_eq!((used.text_at("/state").as_str(), tally(&used.json())), ("redeemed", [Some(2), Some(0), Some(0)]));
    for place in ["/orders/0", "/orders/1"] {
        assert_eq!(used.at(&format!("{place}/state")), "redeemed");
        assert!(
            used.text_at(&format!("{place}/order")).starts_with("O-") && used.at(&format!("{place}/at")).is_string()
        );
    }
    assert_eq!(used.at("/orders/2"), Value::Null);
    assert_eq!(stage.send(&check(other)).expect(200).at("/state"), "free");

    stage.wait(31 * 86_400);
    assert_eq!(stage.send(&check(other)).expect(200).at("/state"), "expired");
    assert_eq!(stage.places(4, "cy@kestrel.example", other), 422, "too late");
}

#[test]
fn shp_2_a_customer_is_limited_and_codes_wait_for_their_day() {
    // SHP-2
    let stage = Stage::new();
    let body = changed(1, "uses", json!(3));
    let mut body = body.as_object().cloned().expect("an object");
    body.insert("uses_per_customer".to_owned(), json!(1));
    let [code] = codes(&stage.send(&order("one", &Value::Object(body))).expect(201)).try_into().expect("one code");
    assert_eq!(stage.places(1, "ada@kestrel.example", &code), 201);
    assert_eq!(stage.places(2, "Ada@Kestrel.example", &code), 422, "one mailbox is one customer");
    assert_eq!(stage.places(3, "bo@kestrel.example", &code), 201);

    let now = i64::try_from(stage.deployment.world().unix_seconds()).expect("in range");
    let tomorrow = shared::values::Timestamp::from_unix(now + 86_400).to_string();
    let later = stage.send(&order("later", &changed(1, "valid_from", json!(tomorrow)))).expect(201);
    let [code] = codes(&later).try_into().expect("one code");
    assert_eq!(stage.send(&check(&code)).expect(200).at("/state"), "not-yet-valid");
    assert_eq!(stage.places(4, "cy@kestrel.example", &code), 422);
    stage.wait(86_400);
    assert_eq!(stage.places(4, "cy@kestrel.example", &code), 201);
}

#[test]
fn shp_2_codes_come_as_json_as_a_table_or_a_line_each() {
    // SHP-2
    let stage = Stage::new();
    let ask = order("one", &batch(2));
    let [one, two] = codes(&stage.send(&ask).expect(201)).try_into().expect("two codes");
    let table = stage.send(&ask.clone().with("accept", "text/csv")).expect(201);
    assert_eq!(table.text, format!("code\r\n{one}\r\n{two}\r\n"));
    assert!(table.header("content-disposition").is_some_and(|value| value.ends_with(".csv\"")));
    assert_eq!(table.header("cache-control"), Some("no-store"));
    let lines = stage.send(&ask.with("accept", "application/x-ndjson")).expect(201);
    assert_eq!(lines.text, format!("{{\"code\":\"{one}\"}}\n{{\"code\":\"{two}\"}}\n"));
}

#[test]
fn shp_2_a_repetition_gets_the_same_codes_and_nobody_else_does() {
    // SHP-2, INV-2
    let stage = Stage::new();
    let made = codes(&stage.send(&order("one", &batch(2))).expect(201));
    assert_eq!(codes(&stage.send(&order("one", &batch(2))).expect(201)), made);
    let _ = stage.send(&order("one", &batch(3))).refused(422, "idempotency-key-reused");
    assert_ne!(codes(&stage.send(&order("two", &batch(2))).expect(201)), made);
    // The claim is forgotten after a while, the batch is not.
    stage.pass(10 * 86_400);
    assert_eq!(stage.records("idem:"), 0);
    assert_eq!(codes(&stage.send(&order("one", &batch(2))).expect(201)), made);
    stage.pass(10 * 86_400);
    let _ = stage.send(&order("one", &batch(3))).refused(422, "idempotency-key-reused");
    assert_eq!(stage.records("batch:"), 2);
    let world = stage.deployment.world();
    let keys = world.keys();
    let stored: Vec<Vec<u8>> = keys.iter().filter_map(|key| world.bytes(&key_of_text(key)?)).collect();
    assert!(stored.len() > 4, "batches, sheets and claims among them");
    for text in stored.iter().map(|bytes| String::from_utf8_lossy(bytes)) {
        assert!(made.iter().all(|code| !text.contains(code) && !text.contains(&code.replace('-', ""))));
    }
}

#[test]
fn shp_2_whoever_repeats_an_order_that_is_under_way_waits() {
    // SHP-2, INV-2
    let stage = Stage::new();
    let mut first = stage.under_way(&order("one", &batch(2)));
    while stage.records("promo:") == 0 {
        assert!(first.step().is_none(), "not answered before its codes are written");
    }
    let _ = stage.send(&order("one", &batch(2))).refused(409, "still-running");
    drop(first);
    // The first one died. Its sheet counts for nothing, and the sweep removes it.
    stage.wait(120);
    let made = stage.send(&order("one", &batch(2))).expect(201);
    assert_eq!(stage.records("promo:"), 2);
    stage.wait(600);
    stage.sweep();
    assert_eq!((stage.records("promo:"), stage.records("batch:")), (1, 1));
    assert_eq!(tally(&report(&stage, &made)), [Some(0), Some(0), Some(2)]);
}

#[test]
fn shp_2_partners_see_their_own_batches_only() {
    // SHP-2, INV-1: another partner's batch or code is answered like one that never was, after as many reads.
    let stage = Stage::new();
    let made = stage.send(&order("one", &batch(1))).expect(201);
    let id = made.text_at("/id");
    let [code] = codes(&made).try_into().expect("one code");
    let show = Ask::get(format!("/promo-batches/{id}"));
    let foreign = |ask: &Ask| stage.send(&ask.clone().by(ANVIL)).refused(404, "not-found");
    let unknown = |mut document: Value| {
        let _ = document.as_object_mut().expect("an object").remove("request_id");
        document
    };
    let nowhere = Ask::get("/promo-batches/aaaaaaaaaaaaaaaaaaaaaaaaaa");
    assert_eq!(unknown(foreign(&show)), unknown(stage.send(&nowhere).refused(404, "not-found")));
    let other = |symbol: Option<char>| if symbol == Some('0') { '1' } else { '0' };
    let wrong: String = code.chars().take(20).chain([other(code.chars().last())]).collect();
    let elsewhere: String = [other(code.chars().next())].into_iter().chain(code.chars().skip(1)).collect();
    let answers = [
        unknown(foreign(&check(&code))),
        unknown(stage.send(&check(&wrong)).refused(404, "not-found")),
        unknown(stage.send(&check(&elsewhere)).refused(404, "not-found")),
    ];
    assert!(answers.windows(2).all(|pair| pair.first() == pair.last()), "{answers:?}");
    let _ = stage.send(&check(&code).by(ANVIL));
    let costs = [check(&code).by(ANVIL), check(&wrong), check(&elsewhere)].map(|ask| stage.cost(&ask, 404));
    assert!(costs.windows(2).all(|pair| pair.first() == pair.last()), "{costs:?}");
    let _ = stage.send(&check("short")).refused(422, "invalid-input");
    assert_eq!(stage.send(&Ask::get("/promo-batches").by(ANVIL)).expect(200).json(), json!({ "batches": [] }));

    let foreign = stage.send(&order("two", &changed(1, "products", json!(["anvil-mobile-id"]))));
    let faults = foreign.refused(422, "invalid-input");
    assert_eq!(faults.pointer("/errors/0/pointer"), Some(&json!("/products")));
    let _ = stage.send(&order("three", &changed(1, "partner", json!("anvil")))).refused(400, "malformed");
    let _ = stage.send(&Ask::post("/promo-batches", &batch(1))).refused(400, "idempotency-key-missing");
}

#[test]
fn shp_2_a_partner_lists_its_batches_a_page_at_a_time() {
    // SHP-2
    let stage = Stage::new();
    let made: Vec<String> =
        (0..5).map(|n| stage.send(&order(&n.to_string(), &batch(1))).expect(201).text_at("/id")).collect();
    let mut listed = Vec::new();
    let mut next = Some(String::new());
    while let Some(after) = next {
        let after = if after.is_empty() { after } else { format!("&after={after}") };
        let page = stage.send(&Ask::get(format!("/promo-batches?limit=2{after}"))).expect(200);
        let count = page.at("/batches").as_array().expect("a list").len();
        for place in (0..count).map(|number| format!("/batches/{number}")) {
            assert_eq!(page.at(&format!("{place}/ordered_by")), "partner");
            assert_eq!(page.at(&format!("{place}/codes")), Value::Null);
            listed.push(page.text_at(&format!("{place}/id")));
        }
        next = page.at("/next").as_str().map(str::to_owned);
    }
    assert_eq!(listed, made);
    let _ = stage.send(&Ask::get("/promo-batches?limit=101")).refused(422, "invalid-input");
    let _ = stage.send(&Ask::get("/promo-batches?after=x")).refused(422, "invalid-input");
    let _ = stage.send(&Ask::get("/promo-batches?more=x")).refused(400, "malformed");
    // A month after its end a batch is removed; the list is read on behind it.
    stage.pass(62 * 86_400);
    assert_eq!((stage.records("batch:"), stage.records("promo:")), (0, 0));
    assert_eq!(stage.send(&Ask::get("/promo-batches")).expect(200).json(), json!({ "batches": [] }));
}

#[test]
fn shp_2_ten_thousand_codes_are_fifty_sheets() {
    // SHP-2, OPS-3: within the 1,500 writes that a hosted platform lets a request have.
    let stage = Stage::new();
    let (reads, writes) = stage.cost(&order("many", &batch(10_000)), 201);
    assert!(reads < 90 && writes < 90, "{reads} reads, {writes} writes");
    let made = stage.send(&order("many", &batch(10_000))).expect(201);
    let all: std::collections::BTreeSet<String> = codes(&made).into_iter().collect();
    assert_eq!((all.len(), stage.records("promo:")), (10_000, 50));
    assert!(made.text.len() < 300_000, "{} bytes", made.text.len());
    assert_eq!(tally(&report(&stage, &made)), [Some(0), Some(0), Some(10_000)]);
    let id = made.text_at("/id");
    let (reads, _) = stage.cost(&Ask::get(format!("/promo-batches/{id}")), 200);
    assert!(reads <= 52, "the batch, its sheets and the allowance: {reads}");
    assert_eq!(stage.places(1, "ada@kestrel.example", all.first().expect("one")), 201);
    assert_eq!(tally(&report(&stage, &made)), [Some(1), Some(0), Some(9_999)]);
    let stored = stage.deployment.world().every::<Batch>().expect("readable");
    assert!(stored.iter().all(|batch| batch.value().ending_with_it().len() == 50));
}

#[test]
fn shp_2_every_backend_makes_the_same_of_it() {
    // SHP-2
    for backend in Backend::ALL {
        let stage = Stage::on(backend);
        let made = stage.send(&order("one", &batch(300))).expect(201);
        let all = codes(&made);
        let code = all.first().expect("a code");
        assert_eq!(stage.places(1, "ada@kestrel.example", code), 201, "{backend:?}");
        assert_eq!(tally(&report(&stage, &made)), [Some(1), Some(0), Some(299)], "{backend:?}");
    }
}

#[test]
fn inv_1_ordering_batches_is_limited() {
    // INV-1
    let stage = Stage::with_default_quotas();
    let policy = |ask: &Ask| stage.send(ask).header("ratelimit-policy").map(str::to_owned);
    assert_eq!(policy(&order("k", &batch(1))).as_deref(), Some("\"bulk\";q=10;w=60"));
    assert_eq!(policy(&Ask::get("/promo-batches")).as_deref(), Some("\"reads\";q=300;w=60"));
    let refused = (0..11).map(|n| stage.send(&order(&n.to_string(), &batch(1))).status).filter(|status| *status == 429);
    assert_eq!(refused.count(), 2);
}
