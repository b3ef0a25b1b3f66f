//! The harness can fail: handlers that are wrong on purpose, each of which it must catch, and the right one, which it must
//! not.
//!
//! All of them are to do the same: make a record, once, and send one message about it.

use std::pin::Pin;

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request, edge::NowStands, platform::Outgoing, serve::serve,
    testing::Double,
};
use http::{Method, StatusCode};
use kv_schema::backends::{explore::Bounds, model::Backend};
use proofs::{
    actors::{ADA, json, wait},
    crash, pairs,
    stage::{Ask, Serve, Stage},
};
use shared::{
    account::Login,
    audit::Action,
    decision::Decision,
    effect::Effect,
    message::{Body, Message},
    refusal::Refusal,
    values::AccountId,
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
    edge.platform.post(Outgoing { url, idempotency_key, headers: Vec::new(), body }, None).await?;
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
    serve_look_then_act by look_then_act
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
        between: wait,
        then: |_| 0,
        in_parts: false,
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
    ] {
        for backend in Backend::ALL {
            let report = crash_points(serve, backend);
            let found = report.violations.first().unwrap_or_else(|| panic!("{name}, {backend:?}: nothing was found"));
            println!("control, {name}, {backend:?}: {} of {}; {found}", report.violations.len(), report.points);
        }
    }
}

#[test]
fn negative_control_looking_and_then_acting_is_caught_by_an_order() {
    let pair = |serve| pairs::Pair { case: "one of two is served", before: |_| {}, serve, asks: [ask, ask] };
    let bounds = Bounds { crashes: 0, switches: Some(2) };
    for backend in Backend::ALL {
        let report = pairs::prove(&pair(serve_look_then_act), backend, bounds);
        assert!(report.violations > 0, "{backend:?}");
        let found = report.examples.first().expect("an example");
        println!("control, looking and then acting: {} of {}; {found}", report.violations, report.checked);
        assert_eq!(pairs::prove(&pair(serve_right), backend, bounds).examples, Vec::<String>::new());
    }
}
