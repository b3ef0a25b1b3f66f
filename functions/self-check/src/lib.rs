//! `POST /operate/self-check/{trial}`: one contender's move in a fight over one record or counter of the very store that
//! the service runs on (OPS-1). The doctor (`cargo xtask doctor`) sends many at once and compares what they were told with
//! what stands in the end.
//!
//! The moves go through the same primitives as everything else that is written, so that what is proved is what is relied
//! on. Commit point: the trial, which the doctor removes at the end.

mod observed;

use edge::{Edge, Failure, Outcome, Platform, Request, failure::BadRequest, machine};
use http::{Method, StatusCode};
use kv_schema::{
    kv::{Created, Kv, Replaced},
    trial::{ADDITIONS_MAX, Trial, counter},
};
use serde::{Deserialize, Serialize};
use shared::{refusal::Refusal, values::FormId};

use crate::observed::Observed;

/// How often a contender decides anew because another was faster.
const TRIES: usize = 6;

edge::component!(crate::handle);

/// A contender's move.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMove {
    act: Act,
    /// Who moves, or what is added.
    #[serde(default)]
    number: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Act {
    /// Creates the trial's record.
    Create,
    /// Adds a number to the record.
    Add,
    /// Adds one to the counter.
    Count,
    /// Reads record and counter.
    Look,
    /// Removes both.
    End,
}

/// What came of a move.
#[derive(Default, Serialize)]
struct Answer {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    winner: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    added: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counter: Option<i64>,
    /// Whether the store reported the swap that wrote as failed.
    reported_as_failed: bool,
}

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::POST, ["operate", "self-check", trial]) => contend(edge, request, trial).await,
        (_, ["operate", "self-check", _]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn contend<P: Platform>(edge: &Edge<P>, request: &Request, trial: &str) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    machine::authenticate(edge, request).await?;
    // 3. Parse.
    let trial: FormId = trial.parse().map_err(|_| Refusal::NotFound)?;
    let RawMove { act, number } = request.decode()?;
    // 4. Load, 5. decide and 6. commit.
    let store = Observed::new(&edge.platform);
    let kv = Kv::new(&store, &edge.platform);
    let answer = match act {
        Act::Create => create(&kv, trial, number).await?,
        Act::Add => add(&kv, trial, number).await?,
        Act::Count => Answer { counter: Some(kv.add(&counter(trial.bytes()), 1).await?), ..said("counted") },
        Act::Look => look(&kv, trial).await?,
        Act::End => {
            kv.end_trial(trial.bytes()).await?;
            said("ended")
        }
    };
    // 7. Respond.
    let reported_as_failed = store.last_swap_was_refused() && matches!(answer.outcome, "created" | "added");
    edge::view::document(StatusCode::OK, &Answer { reported_as_failed, ..answer })
}

fn said(outcome: &'static str) -> Answer {
    Answer { outcome, ..Answer::default() }
}

type Contended<'a, P> = Kv<&'a Observed<'a, P>, &'a P>;

async fn create<P: Platform>(kv: &Contended<'_, P>, trial: FormId, number: u32) -> Result<Answer, Failure> {
    let mine = Trial { winner: number, added: Vec::new() };
    Ok(match kv.create(trial.bytes(), mine, Vec::new()).await? {
        Created::Created(stored) => Answer { winner: Some(stored.value().winner), ..said("created") },
        Created::Existed(stored) => Answer { winner: Some(stored.value().winner), ..said("existed") },
        Created::Busy => said("busy"),
    })
}

async fn add<P: Platform>(kv: &Contended<'_, P>, trial: FormId, number: u32) -> Result<Answer, Failure> {
    let mut seen = kv.load::<Trial>(trial.bytes()).await?.ok_or(Refusal::NotFound)?;
    for _ in 0..TRIES {
        let mut next = seen.value().clone();
        if next.added.len() >= ADDITIONS_MAX {
            return Ok(said("full"));
        }
        next.added.push(number);
        match kv.replace(seen, next, Vec::new()).await? {
            Replaced::Committed(_) => return Ok(said("added")),
            Replaced::Lost(current) => seen = current,
            Replaced::Gone => return Err(Refusal::NotFound.into()),
        }
    }
    Ok(said("busy"))
}

async fn look<P: Platform>(kv: &Contended<'_, P>, trial: FormId) -> Result<Answer, Failure> {
    let stands = kv.load::<Trial>(trial.bytes()).await?.map(|seen| seen.into_stored().into_value());
    let counter = Some(kv.count(&counter(trial.bytes())).await?);
    let (winner, added) = stands.map(|trial| (trial.winner, trial.added)).unzip();
    Ok(Answer { winner, added, counter, ..said("seen") })
}
