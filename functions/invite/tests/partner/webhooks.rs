//! Webhooks to a partner's system: what is sent, when it is sent again, and what the partner can do about it.

use std::{cell::RefCell, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edge::platform::Outgoing;
use kv_schema::backends::model::Backend;
use serde_json::{Value, json};
use shared::{
    delivery::{Answer, WAITS},
    values::{Seconds, Timestamp},
    webhook::{RawWebhook, VerifiedWebhook, WebhookSecret},
};

use crate::stage::{Ask, COBALT, EVENTS_SECRETS, Stage, text};

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// A webhook as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrived {
    url: String,
    id: String,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
}

thread_local! {
    static ARRIVED: RefCell<Vec<Arrived>> = const { RefCell::new(Vec::new()) };
    static ANSWER: RefCell<Answer> = const { RefCell::new(answer(204)) };
}

const fn answer(status: u16) -> Answer {
    Answer { status: Some(status), retry_after: None }
}

fn receive(message: &Outgoing) -> Answer {
    let header = |name| {
        let found = message.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone()).expect("the header is there")
    };
    let arrived = Arrived {
        url: message.url.clone(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: message.body.clone(),
    };
    ARRIVED.with_borrow_mut(|all| all.push(arrived));
    ANSWER.with_borrow(|answer| *answer)
}

/// From now on the endpoint answers so.
fn endpoint_answers(answer: Answer) {
    ANSWER.set(answer);
}

fn arrived() -> Vec<Arrived> {
    ARRIVED.with_borrow(Clone::clone)
}

/// Anvil has an endpoint that wants to know of invitations, and is replacing its secret.
static GATEWAY: LazyLock<String> = LazyLock::new(|| {
    let endpoint = "[partners.anvil.endpoint]\nurl = \"https://hooks.anvil.example/vestibule\"\n\
                    secret_variables = [\"anvil_events_secret\", \"anvil_events_secret_next\"]\n\
                    events = [\"invitation.accepted\", \"invitation.revoked\"]\n\n[partners.cobalt]\n";
    include_str!("../../../../gateway.toml").replacen("[partners.cobalt]\n", endpoint, 1)
});

fn stage(backend: Backend) -> Stage {
    let Stage { deployment } = Stage::configured(backend, &GATEWAY);
    endpoint_answers(answer(204));
    ARRIVED.take();
    Stage { deployment: deployment.with_receiver(receive) }
}

/// Invites somebody and takes that back, which is one event; the invitation's id.
fn revoked(stage: &Stage, name: &str) -> String {
    let id = stage.invited(name);
    let _ = stage.send(&Ask::post(format!("/invite/{id}/revoke"))).expect(200);
    id
}

fn deliveries(stage: &Stage) -> Vec<Value> {
    let page = stage.send(&Ask::get("/webhooks/deliveries")).expect(200).json();
    page.pointer("/deliveries").and_then(Value::as_array).expect("a list").clone()
}

/// The only delivery, with its tries.
fn delivery(stage: &Stage) -> Value {
    let all = deliveries(stage);
    let [one] = all.as_slice() else { panic!("not one: {all:?}") };
    stage.send(&Ask::get(format!("/webhooks/deliveries/{}", text(one, "/id")))).expect(200).json()
}

fn state(stage: &Stage) -> String {
    text(&delivery(stage), "/state")
}

fn attempts(delivery: &Value) -> Vec<Value> {
    delivery.pointer("/attempts").and_then(Value::as_array).expect("a list").clone()
}

// MSG-3: one event, one webhook, signed with both secrets, with ids and a state and nothing of a person.
#[test]
fn msg_3_a_partner_is_told_once() {
    for backend in Backend::ALL {
        let stage = stage(backend);
        let invitation = revoked(&stage, "ada");
        let _ = stage.send(&Ask::post(format!("/invite/{invitation}/revoke"))).expect(200);
        stage.wait(MINUTE);
        stage.sweep();
        let all = arrived();
        let [one] = all.as_slice() else { panic!("{backend:?}: {all:?}") };
        assert_eq!(one.url, "https://hooks.anvil.example/vestibule");
        let body: Value = serde_json::from_slice(&one.body).expect("JSON");
        let data = json!({ "state": "revoked", "application": "supply-platform", "invitation": invitation });
        let at = body.pointer("/timestamp").cloned().expect("a time");
        assert_eq!(body, json!({ "type": "invitation.revoked", "timestamp": at, "data": data }));
        let raw = RawWebhook {
            id: Some(&one.id),
            timestamp: Some(&one.timestamp),
            signature: Some(&one.signature),
            body: &one.body,
        };
        for secret in EVENTS_SECRETS {
            let secret: WebhookSecret = format!("whsec_{}", STANDARD.encode(secret)).parse().expect("a secret");
            assert!(VerifiedWebhook::verify(&raw, &[secret], stage.now()).is_ok());
        }
        let delivered = delivery(&stage);
        assert_eq!((text(&delivered, "/state"), text(&delivered, "/id")), ("delivered".to_owned(), one.id.clone()));
        assert_eq!(attempts(&delivered).len(), 1);
    }
}

// MSG-3: on the published schedule, a sweep's minute later at most; the same id, the same payload; then it is dead, and a
// replay begins anew.
#[test]
fn msg_3_what_fails_is_tried_on_the_published_schedule_and_can_be_replayed() {
    let stage = stage(Backend::Sqlite);
    endpoint_answers(Answer { status: None, retry_after: None });
    let _ = revoked(&stage, "ada");
    for _ in 0..4 * DAY / MINUTE {
        stage.wait(MINUTE);
        stage.sweep();
    }
    let tries = arrived();
    assert_eq!(tries.len(), 1 + WAITS.len());
    let first = tries.first().expect("tries").clone();
    for (pair, wait) in tries.windows(2).zip(WAITS) {
        let [before, after] = pair else { panic!("pairs") };
        assert_eq!((&after.id, &after.body), (&first.id, &first.body));
        let at = |one: &Arrived| Timestamp::from_unix(one.timestamp.parse().expect("seconds"));
        let waited = at(after).since(at(before));
        assert!(waited >= wait && waited <= Seconds(wait.0 + 5 * MINUTE), "{waited:?} for {wait:?}");
    }
    let dead = delivery(&stage);
    assert_eq!((text(&dead, "/state"), attempts(&dead).len()), ("failed".to_owned(), 10));
    assert!(attempts(&dead).iter().all(|attempt| attempt.get("status").is_none()), "nobody answered: {dead}");

    endpoint_answers(answer(200));
    let replay = Ask::post(format!("/webhooks/deliveries/{}/replay", first.id));
    let replayed = stage.send(&replay).expect(200).json();
    assert_eq!((text(&replayed, "/state"), attempts(&replayed).len()), ("delivered".to_owned(), 11));
    let last = arrived().pop().expect("it was sent");
    assert_eq!((last.id, last.body), (first.id, first.body));
    assert_ne!(last.signature, first.signature, "each try is signed with its own time");
}

// MSG-3: whatever is no 2xx is a failure, a redirect as well; an endpoint that is busy says for how long.
#[test]
fn msg_3_a_failure_is_followed_by_the_next_try() {
    for status in [302, 400, 404, 500, 503] {
        let stage = stage(Backend::Redis);
        endpoint_answers(answer(status));
        let _ = revoked(&stage, "ada");
        assert_eq!(state(&stage), "pending");
        endpoint_answers(answer(200));
        stage.wait(MINUTE);
        stage.sweep();
        assert_eq!((state(&stage), arrived().len()), ("delivered".to_owned(), 2), "{status}");
    }
    let stage = stage(Backend::Sqlite);
    endpoint_answers(Answer { status: Some(429), retry_after: Some(Seconds(3 * 3_600)) });
    let _ = revoked(&stage, "ada");
    endpoint_answers(answer(200));
    let waited = (1..=4 * 60).find(|_| {
        stage.wait(MINUTE);
        stage.sweep();
        arrived().len() == 2
    });
    assert!(waited.is_some_and(|minutes| (180..=185).contains(&minutes)), "{waited:?}");
    assert_eq!(state(&stage), "delivered");
}

// MSG-3: 410 disables; what happens meanwhile is held, not lost; the partner enables its endpoint again and replays.
#[test]
fn msg_3_an_endpoint_that_is_gone_is_left_alone_until_it_is_enabled() {
    let stage = stage(Backend::Sqlite);
    let endpoint = |state: &str| {
        let shown = stage.send(&Ask::get("/webhooks/endpoint")).expect(200).json();
        assert_eq!(text(&shown, "/state"), state, "{shown}");
        assert_eq!(shown.get("disabled_at").is_some(), state == "disabled");
    };
    endpoint("enabled");
    endpoint_answers(answer(410));
    let _ = revoked(&stage, "ada");
    endpoint("disabled");
    endpoint_answers(answer(204));
    let _ = revoked(&stage, "bea");
    for _ in 0..3 {
        stage.wait(DAY);
        stage.sweep();
    }
    assert_eq!(arrived().len(), 1, "nothing is sent to it");
    let held = deliveries(&stage);
    assert!(held.iter().all(|one| text(one, "/state") == "held") && held.len() == 2, "{held:?}");
    for _ in 0..2 {
        let enabled = stage.send(&Ask::post("/webhooks/endpoint/enable")).expect(200);
        assert_eq!(enabled.at("/state"), "enabled");
    }
    for one in &held {
        let replay = Ask::post(format!("/webhooks/deliveries/{}/replay", text(one, "/id")));
        assert_eq!(stage.send(&replay).expect(200).at("/state"), "delivered");
    }
    assert_eq!(arrived().len(), 3);
}

// MSG-3, INV-1: a partner sees its own webhooks and no others, and one without an endpoint has none.
#[test]
fn msg_3_webhooks_are_their_partners_own() {
    let stage = stage(Backend::Sqlite);
    let _ = revoked(&stage, "ada");
    let id = text(&delivery(&stage), "/id");
    let foreign = |ask: Ask| stage.send(&ask.by(COBALT)).refused(404, "not-found");
    let _ = foreign(Ask::get(format!("/webhooks/deliveries/{id}")));
    let _ = foreign(Ask::post(format!("/webhooks/deliveries/{id}/replay")));
    let _ = foreign(Ask::get("/webhooks/endpoint"));
    let _ = foreign(Ask::post("/webhooks/endpoint/enable"));
    let page = stage.send(&Ask::get("/webhooks/deliveries").by(COBALT)).expect(200).json();
    assert_eq!(page, json!({ "deliveries": [] }));
    for nobody in ["x", "msg_x", id.trim_start_matches("msg_")] {
        let _ = stage.send(&Ask::get(format!("/webhooks/deliveries/{nobody}"))).refused(404, "not-found");
    }
}

// MSG-3: the log is read a page at a time, oldest first.
#[test]
fn msg_3_the_log_goes_on_where_it_stopped() {
    let stage = stage(Backend::Sqlite);
    for n in 0..5 {
        let _ = revoked(&stage, &format!("person{n}"));
    }
    let all: Vec<String> = deliveries(&stage).iter().map(|one| text(one, "/id")).collect();
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = stage.send(&Ask::get(format!("/webhooks/deliveries?limit=2{after}"))).expect(200).json();
        let here = page.pointer("/deliveries").and_then(Value::as_array).expect("a list");
        found.extend(here.iter().map(|one| text(one, "/id")));
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!((found.len(), found), (5, all));
    for bad in ["limit=0", "limit=101", "after=x"] {
        let _ = stage.send(&Ask::get(format!("/webhooks/deliveries?{bad}"))).expect(422);
    }
}

// MSG-3: without an endpoint that wants to know, an event costs nothing.
#[test]
fn msg_3_nobody_pays_for_an_event_that_nobody_wants() {
    let cost = |stage: &Stage| {
        let id = stage.invited("ada");
        stage.cost(&Ask::post(format!("/invite/{id}/revoke")), 200)
    };
    let wanted = cost(&stage(Backend::Sqlite));
    let unwanted = cost(&Stage::new());
    assert!(unwanted.0 < wanted.0 && unwanted.1 < wanted.1, "{unwanted:?} {wanted:?}");
    // The change, its reminder, and the look for organisations that have to learn of it (INV-7).
    assert_eq!(unwanted, (9, 8));
}
