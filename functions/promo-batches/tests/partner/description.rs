//! `openapi.json` against the code: routes, methods, fields, limits, codes; and every answer of these tests against it.

use std::{collections::BTreeSet, sync::LazyLock};

use edge::{failure::BadRequest, problem::Problem};
use http::Method;
use serde_json::{Value, json};
use shared::{
    promo::{MAX_BATCH, MAX_PRODUCTS, MAX_USES, MAX_VALID_DAYS, RawOwnBatch, State},
    refusal::Refusal,
    values::Seconds,
};

use crate::{
    schema::{self, Told},
    stage::{Answer, Ask, Stage, batch, changed, codes, order},
};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(promo_batches::OPENAPI).expect("JSON"));

fn at(pointer: &str) -> &'static Value {
    DESCRIPTION.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"))
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().expect("an object").keys().cloned().collect()
}

/// The described operation of a request.
fn operation(ask: &Ask) -> Option<&'static Value> {
    let path = ask.target.split('?').next().unwrap_or_default();
    let template = match path.strip_prefix("/promo-batches/") {
        Some(id) if !["check", "openapi.json"].contains(&id) => "/promo-batches/{id}",
        _ => path,
    };
    at("/paths").get(template)?.get(ask.method.as_str().to_lowercase())
}

/// Whether the answer has a status, a content type, headers and a document that the description has for the request.
pub(crate) fn holds(ask: &Ask, answer: &Answer) {
    let Some(operation) = operation(ask) else { return };
    let about = format!("{} {} {}: {:.2000}", ask.method, ask.target, answer.status, answer.text);
    let told = Told { status: answer.status, headers: &answer.headers, text: &answer.text };
    schema::holds(&DESCRIPTION, operation, at("/components/schemas/CodeLine"), &told, &about);
}

#[test]
fn shp_2_the_description_is_served_to_anybody() {
    // SHP-2
    let served = Stage::new().send(&Ask::new(Method::GET, "/promo-batches/openapi.json")).expect(200);
    assert_eq!(served.text, promo_batches::OPENAPI);
    assert_eq!(served.header("content-type"), Some("application/openapi+json"));
    assert!(served.header("cache-control").is_some_and(|value| value.starts_with("public")));
}

#[test]
fn shp_2_every_described_route_exists_and_no_other_method_does() {
    // SHP-2, INV-1
    let stage = Stage::new();
    for (template, operations) in at("/paths").as_object().expect("paths") {
        let path = template.replace("{id}", "aaaaaaaaaaaaaaaaaaaaaaaaaa");
        for method in ["get", "post"] {
            let ask = Ask::new(method.to_uppercase().parse().expect("a method"), &path);
            if let Some(operation) = operations.get(method) {
                let public = operation.pointer("/security") == Some(&json!([]));
                assert_eq!(stage.send(&ask).status, if public { 200 } else { 401 }, "{method} {path}");
                continue;
            }
            let wanted = if operations.get("get").is_some() { "GET, HEAD" } else { "POST" };
            let refused = stage.send(&ask);
            assert_eq!((refused.status, refused.header("allow")), (405, Some(wanted)), "{method} {path}");
        }
    }
    let _ = stage.send(&Ask::get("/promo-batches/x/y")).refused(404, "not-found");
}

#[test]
fn shp_2_the_described_codes_are_those_of_the_code() {
    // SHP-2
    let problems = [
        Problem::of_refusal(&Refusal::InvalidInput(Vec::new())),
        Problem::of_refusal(&Refusal::NotFound),
        Problem::of_refusal(&Refusal::ApiKeyNotValid),
        Problem::of_refusal(&Refusal::IdempotencyKeyMissing),
        Problem::of_refusal(&Refusal::IdempotencyKeyReused),
        Problem::of_refusal(&Refusal::StillRunning),
        Problem::of_refusal(&Refusal::TooManyRequests { retry_after: Seconds(1) }),
        Problem::of_refusal(&Refusal::Busy { retry_after: Seconds(1) }),
        Problem::of_bad_request(BadRequest::TooLarge(1)),
        Problem::of_bad_request(BadRequest::Truncated),
        Problem::of_bad_request(BadRequest::NotUtf8),
        Problem::of_bad_request(BadRequest::UnsupportedMediaType),
        Problem::of_bad_request(BadRequest::Malformed),
        Problem::of_fault(),
    ];
    let codes: BTreeSet<&str> = problems.iter().map(|problem| problem.code).collect();
    let described = at("/components/schemas/Problem/properties/code/enum").as_array().expect("a list");
    assert_eq!(described.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>(), codes);
    let states = [State::Free, State::Reserved, State::Redeemed, State::NotYetValid, State::Expired];
    assert_eq!(at("/components/schemas/Check/properties/state/enum"), &json!(states.map(State::as_str)));
}

#[test]
fn shp_2_the_described_fields_and_limits_are_those_of_the_code() {
    // SHP-2
    let raw: RawOwnBatch = serde_json::from_value(batch(1)).expect("valid");
    let described = at("/components/schemas/NewBatch/properties");
    assert_eq!(names(described), names(&serde_json::to_value(&raw).expect("JSON")));
    let required = at("/components/schemas/NewBatch/required").as_array().expect("a list");
    for name in names(described) {
        let mut body = batch(1);
        let _ = body.as_object_mut().expect("an object").remove(&name);
        let needed = serde_json::from_value::<RawOwnBatch>(body).is_err();
        assert_eq!(required.contains(&json!(name)), needed, "{name}");
    }
    for (field, keyword, limit) in [
        ("name", "maxLength", 80),
        ("products", "maxItems", MAX_PRODUCTS as u64),
        ("count", "maximum", u64::from(MAX_BATCH)),
        ("uses", "maximum", u64::from(MAX_USES)),
        ("uses_per_customer", "maximum", u64::from(MAX_USES)),
        ("valid_days", "maximum", u64::from(MAX_VALID_DAYS)),
    ] {
        assert_eq!(described.pointer(&format!("/{field}/{keyword}")), Some(&json!(limit)), "{field}");
    }
    let stage = Stage::new();
    // JSON has one kind of number: 30.0 is an integer to JSON Schema.
    for (days, status) in [(json!(30.0), 201), (json!(30.5), 400), (json!(731), 422)] {
        let _ = stage.send(&order(&format!("days-{status}"), &changed(1, "valid_days", days))).expect(status);
    }
    let [code] = codes(&stage.send(&order("one", &batch(1)))).try_into().expect("one code");
    assert_eq!(at("/components/schemas/Code/maxLength"), code.len());
}
