//! The harness can fail: handlers that are wrong on purpose, each of which it must catch, and the right one, which it must
//! not.
//!
//! All of them are to do the same: make a record, once, and send one message about it.

use std::pin::Pin;

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request,
    edge::NowStands,
    platform::{JSON, Outgoing},
    serve::serve,
    testing::Double,
};
use http::{Method, StatusCode};
use kv_schema::{
    backends::{explore::Bounds, model::Backend},
    kv::Created,
    record::Record as _,
};
use proofs::{
    actors::{ADA, json, wait},
    crash,
    pairs::{self, Pair},
    stage::{Ask, Compared, Serve, Stage},
};
use shared::{
    account::Login,
    audit::Action,
    decision::Decision,
    effect::Effect,
    message::{Body, Message},
    refusal::Refusal,
    secret::{SealPurpose, digest256_hex},
    values::{AccountId, Seconds},
};

type Served = Pin<Box<dyn Future<Output = Reply>>>;

const ID: [u8; 16] = [9; 16];

fn message() -> Message {
    let body = Body::LoginSuccess { user_id: "kestrela_0001".to_owned() };
    Message { to: ADA.parse().expect("an e-mail"), name: "Ada Kestrel".to_owned(), body }
}

fn record(id: [u8; 16]) -> Login {
    Login { id, account: AccountId::from_bytes([1; 16]) }
}

fn drawn<P: Platform>(edge: &Edge<P>) -> [u8; 16] {
    let mut bytes = [0; 16];
    edge.platform.fill(&mut bytes);
    bytes
}

fn done() -> Reply {
    Reply::empty(StatusCode::NO_CONTENT)
}

/// Sends the message past the record.
async fn deliver<P: Platform>(edge: &Edge<P>, cause: &[u8; 16]) -> Result<(), Failure> {
    let idempotency_key = shared::secret::base64url(cause);
    let document =
        serde_json::json!({ "channel": "email", "id": idempotency_key, "to": ADA, "subject": "Login Success" });
    let body = document.to_string().into_bytes();
    let url = "https://mail.example/send".to_owned();
    edge.platform.post(Outgoing { url, media_type: JSON, idempotency_key, headers: Vec::new(), body }, None).await?;
    Ok(())
}

/// As the house does it: one commit, the message inside it, under an id that derives from the cause.
async fn right<P: Platform>(edge: &Edge<P>, _: &Request) -> Outcome {
    let decision = Decision::with(Action::Invitation, record(ID), vec![Effect::Send(Box::new(message()))]);
    let (NowStands::Ours(_) | NowStands::Another(_)) = edge.create(&ID, decision).await?;
    Ok(done())
}

/// The message goes out before the commit: a retry sends another one.
async fn message_first<P: Platform>(edge: &Edge<P>, _: &Request) -> Outcome {
    deliver(edge, &drawn(edge)).await?;
    let (NowStands::Ours(_) | NowStands::Another(_)) =
        edge.create(&ID, Decision::quiet(Action::Invitation, record(ID))).await?;
    Ok(done())
}

/// The message goes out after the commit and is no part of it: whoever dies in between has nothing sent, ever.
async fn message_apart<P: Platform>(edge: &Edge<P>, _: &Request) -> Outcome {
    if let NowStands::Ours(_) = edge.create(&ID, Decision::quiet(Action::Invitation, record(ID))).await? {
        deliver(edge, &ID).await?;
    }
    Ok(done())
}

/// The record has an id of its own in each try: a retry makes another one.
async fn id_of_its_own<P: Platform>(edge: &Edge<P>, _: &Request) -> Outcome {
    let id = drawn(edge);
    edge.insert(&id, Decision::with(Action::Invitation, record(id), vec![Effect::Send(Box::new(message()))])).await?;
    Ok(done())
}

/// First come, first served, by looking and then acting: two who look before either acts are both served.
async fn look_then_act<P: Platform>(edge: &Edge<P>, _: &Request) -> Outcome {
    if edge.kv().get::<Login>(&ID).await?.is_some() {
        return Err(Refusal::NotFound.into());
    }
    let (NowStands::Ours(_) | NowStands::Another(_)) =
        edge.create(&ID, Decision::quiet(Action::Invitation, record(ID))).await?;
    Ok(done())
}

/// The message is inside the commit, and no sweep was told of it: whoever dies before it is out, and is not repeated, has
/// nothing sent, ever.
async fn no_reminder<P: Platform>(edge: &Edge<P>, _: &Request) -> Outcome {
    let key = Login::key(&ID);
    let bytes = postcard::to_allocvec(&Effect::Send(Box::new(message()))).expect("an effect encodes");
    let sealed = edge.keys.seal(SealPurpose::Message, key.as_str().as_bytes(), &bytes, &mut edge.rng());
    match edge.kv().create(&ID, record(ID), vec![sealed]).await? {
        Created::Created(stored) | Created::Existed(stored) => edge.drain(stored.envelope()).await,
        Created::Busy => return Err(Refusal::Busy { retry_after: Seconds(60) }.into()),
    }
    Ok(done())
}

/// Two that ask for one thing are told of two things, unless one of them comes later.
async fn own_id_told<P: Platform>(edge: &Edge<P>, _: &Request) -> Outcome {
    let told = |id: &[u8; 16]| edge::view::document(StatusCode::OK, &serde_json::json!({ "id": digest256_hex(id) }));
    if let Some(stored) = edge.kv().get::<Login>(&ID).await? {
        return told(stored.value().account.bytes());
    }
    let drawn = drawn(edge);
    let login = Login { id: ID, account: AccountId::from_bytes(drawn) };
    let (NowStands::Ours(_) | NowStands::Another(_)) =
        edge.create(&ID, Decision::quiet(Action::Invitation, login)).await?;
    told(&drawn)
}

/// Whoever comes while somebody else is creating the record is told that there is none, for good.
async fn told_for_good<P: Platform>(edge: &Edge<P>, _: &Request) -> Outcome {
    let decision = Decision::with(Action::Invitation, record(ID), vec![Effect::Send(Box::new(message()))]);
    match edge.create(&ID, decision).await {
        Ok(NowStands::Ours(_) | NowStands::Another(_)) => Ok(done()),
        Err(Failure::Refused(Refusal::Busy { .. })) => Err(Refusal::NotFound.into()),
        Err(other) => Err(other),
    }
}

macro_rules! served {
    ($($name:ident by $handler:ident),*) => {$(
        fn $name(platform: Double, request: Request) -> Served {
            Box::pin(async move { serve(platform, Ok(request), $handler, edge::drain::Hands::elsewhere()).await })
        }
    )*};
}

served! {
    serve_right by right,
    serve_message_first by message_first,
    serve_message_apart by message_apart,
    serve_id_of_its_own by id_of_its_own,
    serve_look_then_act by look_then_act,
    serve_own_id_told by own_id_told,
    serve_told_for_good by told_for_good,
    serve_no_reminder by no_reminder
}

fn ask(_: &Stage) -> Ask {
    json("somebody", Method::POST, "/somewhere", &serde_json::json!({}))
}

fn crash_points(serve: Serve, backend: Backend) -> crash::Report {
    let row = crash::Row {
        component: "control",
        case: "one record, one message",
        before: |_| {},
        serve,
        ask,
        ends: &[204],
        mends: &[],
        between: wait,
        then: |_| 0,
        in_parts: false,
        compared: Compared::Whole,
    };
    crash::prove(&row, backend)
}

#[test]
fn the_right_handler_passes() {
    for backend in Backend::ALL {
        let report = crash_points(serve_right, backend);
        assert!(report.violations.is_empty() && report.points > 20, "{:?}", report.violations);
    }
}

#[test]
fn negative_controls_each_wrong_handler_is_caught_at_a_crash_point() {
    for (name, serve) in [
        ("message before the commit", serve_message_first as Serve),
        ("message apart from the commit", serve_message_apart),
        ("an id of its own in each try", serve_id_of_its_own),
        ("told for good what is so for a moment", serve_told_for_good),
    ] {
        for backend in Backend::ALL {
            let report = crash_points(serve, backend);
            let found = report.violations.first().unwrap_or_else(|| panic!("{name}, {backend:?}: nothing was found"));
            println!("control, {name}, {backend:?}: {} of {}; {found}", report.violations.len(), report.points);
        }
    }
}

/// What only the sweep could mend, when the client of a dead request never comes back (OPS-3).
#[test]
fn negative_controls_what_a_sweep_cannot_complete_is_caught() {
    for (name, serve, complaint) in [
        ("message apart from the commit, nobody comes back", serve_message_apart as Serve, "left half done"),
        ("no reminder, nobody comes back", serve_no_reminder, "effects wait for ever"),
    ] {
        for backend in Backend::ALL {
            let report = crash_points(serve, backend);
            let is_it = |found: &&String| found.contains("nobody comes back") && found.contains(complaint);
            let found = report.violations.iter().find(is_it);
            let found = found.unwrap_or_else(|| panic!("{name}, {backend:?}: {:?}", report.violations));
            println!("control, {name}, {backend:?}: {found}");
        }
    }
}

fn pair(serve: Serve) -> Pair {
    let (case, before) = ("one record, one message", |_: &mut Stage| {});
    let compared = Compared::Whole;
    Pair { case, before, serve, asks: [ask, ask], compared, between: pairs::wait, besides: None, long: false }
}

/// What is found, of how much. The right handler goes through the same without a complaint.
fn caught(name: &str, serve: Serve, explore: impl Fn(&Pair) -> pairs::Report) {
    let report = explore(&pair(serve));
    let found = report.examples.first().unwrap_or_else(|| panic!("{name}: nothing was found"));
    println!("control, {name}: {} of {}; {found}", report.violations, report.checked);
    assert_eq!(explore(&pair(serve_right)).examples, Vec::<String>::new());
}

#[test]
fn negative_controls_each_wrong_handler_is_caught_by_an_order() {
    let bounds = Bounds { crashes: 0, switches: Some(2) };
    for backend in Backend::ALL {
        caught("looking and then acting", serve_look_then_act, |pair| pairs::prove(pair, backend, bounds));
        caught("an id that is not the one that stands", serve_own_id_told, |pair| pairs::prove(pair, backend, bounds));
    }
}

#[test]
fn negative_controls_each_wrong_handler_is_caught_by_a_death() {
    let bounds = Bounds { crashes: 1, switches: Some(1) };
    for backend in Backend::ALL {
        caught("message apart, a death", serve_message_apart, |pair| pairs::prove(pair, backend, bounds));
        caught("told for good, a death", serve_told_for_good, |pair| pairs::prove(pair, backend, bounds));
    }
}

/// One after the other is enough: the second one reads what stood before the first.
#[test]
fn negative_control_looking_and_then_acting_is_caught_by_a_stale_read() {
    let bounds = Bounds { crashes: 0, switches: Some(0) };
    caught("looking and then acting, stale reads", serve_look_then_act, |pair| pairs::prove_stale(pair, bounds));
}
