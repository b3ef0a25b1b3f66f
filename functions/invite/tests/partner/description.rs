//! `openapi.json` against the code: routes, methods, fields, limits, codes; and every answer of these tests against it.

use std::{collections::BTreeSet, sync::LazyLock};

use edge::{failure::BadRequest, problem::Problem};
use http::Method;
use serde_json::{Value, json};
use shared::{
    event::EventKind,
    invitation::{CreateInvitation, InvitationState, RawInvitation, RawResend},
    organisation::RawProfile,
    quota::Class,
    refusal::Refusal,
    values::Seconds,
};

use crate::{
    schema::{self, Told},
    stage::{Answer, Ask, Stage, invitation, text},
};

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(invite::OPENAPI).expect("JSON"));

const METHODS: [&str; 2] = ["get", "post"];

fn at(pointer: &str) -> &'static Value {
    DESCRIPTION.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"))
}

fn schema(name: &str) -> &'static Value {
    at(&format!("/components/schemas/{name}"))
}

fn names(object: &Value) -> BTreeSet<String> {
    object.as_object().expect("an object").keys().cloned().collect()
}

/// The described operation of a request; the invitee's page is none.
fn operation(ask: &Ask) -> Option<&'static Value> {
    let path = ask.target.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let template = match segments.as_slice() {
        ["invite", "accept"] => return None,
        ["invite"] => "/invite".to_owned(),
        ["invite", one @ ("bulk" | "openapi.json")] => format!("/invite/{one}"),
        ["invite", _] => "/invite/{id}".to_owned(),
        ["invite", _, deed] => format!("/invite/{{id}}/{deed}"),
        ["webhooks", "deliveries", _] => "/webhooks/deliveries/{id}".to_owned(),
        ["webhooks", "deliveries", _, deed] => format!("/webhooks/deliveries/{{id}}/{deed}"),
        ["webhooks", ..] => format!("/{}", segments.join("/")),
        _ => return None,
    };
    at("/paths").get(template)?.get(ask.method.as_str().to_lowercase())
}

/// Whether the answer has a status, a content type, headers and a document that the description has for the request.
pub(crate) fn holds(ask: &Ask, answer: &Answer) {
    let Some(operation) = operation(ask) else { return };
    let about = format!("{} {} {}: {}", ask.method, ask.target, answer.status, answer.text);
    let told = Told { status: answer.status, headers: &answer.headers, text: &answer.text };
    schema::holds(&DESCRIPTION, operation, schema("BulkAnswer"), &told, &about);
}

#[test]
fn inv_3_the_description_is_served_to_anybody() {
    // INV-3
    let served = Stage::new().send(&Ask::new(Method::GET, "/invite/openapi.json")).expect(200);
    assert_eq!(served.text, invite::OPENAPI);
    assert_eq!(served.header("content-type"), Some("application/openapi+json"));
    assert!(served.header("cache-control").is_some_and(|value| value.starts_with("public")));
    assert!(text(&served.json(), "/openapi").starts_with("3.1."));
}

#[test]
fn inv_3_every_described_route_exists_and_no_other_method_does() {
    // INV-3
    let stage = Stage::new();
    let id = stage.invited("ada");
    for (template, operations) in at("/paths").as_object().expect("paths") {
        let webhook = template.starts_with("/webhooks");
        let path = template.replace("{id}", if webhook { "msg_aaaaaaaaaaaaaaaaaaaaaaaaaa" } else { &id });
        for method in METHODS {
            let ask = Ask::new(method.to_uppercase().parse().expect("a method"), &path);
            let described = operations.get(method);
            if let Some(operation) = described {
                let public = operation.pointer("/security") == Some(&json!([]));
                assert_eq!(stage.send(&ask).status, if public { 200 } else { 401 }, "{method} {path}");
                continue;
            }
            let refused = stage.send(&ask);
            let wanted = if operations.get("get").is_some() { "GET, HEAD" } else { "POST" };
            assert_eq!((refused.status, refused.header("allow")), (405, Some(wanted)), "{method} {path}");
        }
        let put = stage.send(&Ask::new(Method::PUT, &path)).expect(405);
        let allowed: Vec<&str> = put.header("allow").expect("a header").split(", ").collect();
        let allowed: BTreeSet<String> =
            allowed.into_iter().filter(|method| *method != "HEAD").map(str::to_lowercase).collect();
        assert_eq!(allowed, names(operations), "{path}");
    }
    for nowhere in ["/invite/nowhere", "/invite/x/y/z", "/invite/x/delete", "/webhooks", "/webhooks/x"] {
        let _ = stage.send(&Ask::get(nowhere)).refused(404, "not-found");
    }
}

/// Every refusal of the partner's API.
fn refusals() -> Vec<Problem> {
    let of = |refusal: &Refusal| Problem::of_refusal(refusal);
    vec![
        of(&Refusal::InvalidInput(Vec::new())),
        of(&Refusal::NotFound),
        of(&Refusal::ApiKeyNotValid),
        of(&Refusal::IdempotencyKeyMissing),
        of(&Refusal::IdempotencyKeyReused),
        of(&Refusal::StillRunning),
        of(&Refusal::InvitationPending { existing: String::new() }),
        of(&Refusal::InvitationAccepted),
        of(&Refusal::InvitationEnded),
        of(&Refusal::ResentTooOften),
        of(&Refusal::NotProcessed),
        of(&Refusal::TooManyRequests { retry_after: Seconds(1) }),
        of(&Refusal::Busy { retry_after: Seconds(1) }),
        Problem::of_bad_request(BadRequest::TooLarge(1)),
        Problem::of_bad_request(BadRequest::Truncated),
        Problem::of_bad_request(BadRequest::NotUtf8),
        Problem::of_bad_request(BadRequest::NotNdjson),
        Problem::of_bad_request(BadRequest::Malformed),
        Problem::of_fault(),
    ]
}

#[test]
fn inv_3_the_described_codes_are_those_of_the_code() {
    // INV-3
    let codes: BTreeSet<&str> = refusals().iter().map(|problem| problem.code).collect();
    let described = schema("Problem").pointer("/properties/code/enum").and_then(Value::as_array).expect("a list");
    let described: BTreeSet<&str> = described.iter().filter_map(Value::as_str).collect();
    assert_eq!(described, codes);
    for (name, response) in at("/components/responses").as_object().expect("responses") {
        let part = "/content/application~1problem+json/schema/allOf/1/properties";
        let part = response.pointer(part).unwrap_or_else(|| panic!("{name}"));
        let status = part.pointer("/status/const").and_then(Value::as_u64).expect("a status");
        for code in part.pointer("/code/enum").and_then(Value::as_array).expect("codes") {
            let known = refusals().into_iter().find(|problem| problem.code == code);
            let known = known.unwrap_or_else(|| panic!("{name}: {code}"));
            assert_eq!(u64::from(known.status.as_u16()), status, "{name}: {code}");
        }
    }
    let by_status = |part: &Value| part.pointer("/enum").and_then(Value::as_array).expect("statuses").clone();
    let line = by_status(schema("BulkAnswer").pointer("/properties/status").expect("a status"));
    assert!(line.contains(&json!(201)) && line.contains(&json!(503)));
}

#[test]
fn inv_2_the_described_fields_are_those_of_the_raw_types() {
    // INV-2, INV-3
    let raw: RawInvitation = serde_json::from_value(invitation("ada")).expect("valid");
    let described = |name: &str| names(schema(name).pointer("/properties").expect("properties"));
    let of = |value: Value| names(&value);
    assert_eq!(described("NewInvitation"), of(serde_json::to_value(&raw).expect("JSON")));
    assert_eq!(described("Profile"), of(serde_json::to_value(RawProfile::default()).expect("JSON")));
    assert_eq!(described("Resend"), of(serde_json::to_value(RawResend::default()).expect("JSON")));

    let required = schema("NewInvitation").pointer("/required").and_then(Value::as_array).expect("a list");
    for name in described("NewInvitation") {
        let mut body = invitation("ada");
        let _ = body.as_object_mut().expect("an object").remove(&name);
        let needed = serde_json::from_value::<RawInvitation>(body).is_err();
        assert_eq!(required.contains(&json!(name)), needed, "{name}");
    }
    for (name, kinds) in [("lifetime_days", "integer"), ("send_email", "boolean")] {
        let described = schema("NewInvitation").pointer(&format!("/properties/{name}/type"));
        assert_eq!(described, Some(&json!([kinds, "null"])), "{name}");
    }
}

#[test]
fn inv_2_the_described_limits_are_those_of_the_code() {
    // INV-2, INV-3
    let limit = |pointer: &str| at(pointer).as_u64().and_then(|limit| usize::try_from(limit).ok()).expect("a number");
    let takes = |field: &str, value: Value| {
        let mut body = invitation("ada");
        let place = body.as_object_mut().expect("an object");
        match field.strip_prefix("profile.") {
            Some(inner) => drop(place.insert("profile".to_owned(), json!({ inner: value }))),
            None => drop(place.insert(field.to_owned(), value)),
        }
        CreateInvitation::parse(serde_json::from_value(body).expect("of the right types")).is_ok()
    };
    for field in ["organisation", "given_name", "family_name"] {
        let most = limit(&format!("/components/schemas/NewInvitation/properties/{field}/maxLength"));
        assert!(takes(field, json!("x".repeat(most))) && !takes(field, json!("x".repeat(most + 1))), "{field}");
        assert!(!takes(field, json!("")), "{field}");
    }
    for field in ["legal_name", "street", "city", "region", "postal_code", "registration_number"] {
        let most = limit(&format!("/components/schemas/Profile/properties/{field}/maxLength"));
        let field = format!("profile.{field}");
        assert!(takes(&field, json!("x".repeat(most))) && !takes(&field, json!("x".repeat(most + 1))), "{field}");
    }
    for name in ["NewInvitation", "Resend"] {
        let place = format!("/components/schemas/{name}/properties/lifetime_days");
        let (least, most) = (limit(&format!("{place}/minimum")), limit(&format!("{place}/maximum")));
        for (days, good) in [(least, true), (least - 1, false), (most, true), (most + 1, false)] {
            assert_eq!(takes("lifetime_days", json!(days)), good, "{days}");
        }
    }
    let states: Vec<&str> = InvitationState::ALL.map(InvitationState::as_str).to_vec();
    assert_eq!(schema("State").pointer("/enum"), Some(&json!(states)));
    let kinds: Vec<&str> = EventKind::NAMES.map(|(name, _)| name).to_vec();
    assert_eq!(schema("EventType").pointer("/enum"), Some(&json!(kinds)));
    let classes = Class::ALL.map(Class::as_str).join("|");
    assert!(text(at("/components/headers/RateLimit-Policy"), "/schema/pattern").contains(&classes));

    let stage = Stage::new();
    // JSON has one kind of number: 30.0 is an integer to JSON Schema.
    for (days, status) in [(json!(30.0), 201), (json!(30.5), 400)] {
        let mut body = invitation("whole");
        body.as_object_mut().expect("an object").insert("lifetime_days".to_owned(), days);
        let _ = stage.send(&Ask::post("/invite").key(&format!("whole-{status}")).json(&body)).expect(status);
    }
    let key = limit("/components/parameters/IdempotencyKey/schema/maxLength");
    let ask = |length: usize| Ask::post("/invite").key(&"k".repeat(length)).json(&invitation("ada"));
    let _ = stage.send(&ask(key)).expect(201);
    let _ = stage.send(&ask(key + 1)).refused(400, "idempotency-key-missing");
    let page = "/paths/~1invite/get/parameters/3/schema";
    let (least, most) = (limit(&format!("{page}/minimum")), limit(&format!("{page}/maximum")));
    for (limit, status) in [(least, 200), (least - 1, 422), (most, 200), (most + 1, 422)] {
        let _ = stage.send(&Ask::get(format!("/invite?limit={limit}"))).expect(status);
    }
    let body = limit("/paths/~1invite~1bulk/post/requestBody/content/application~1x-ndjson/schema/maxLength");
    assert_eq!(body, edge::request::body_bytes_max("/invite/bulk"));
}
