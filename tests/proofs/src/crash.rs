//! One request, stopped at each of its operations, and the client's retry.
//!
//! For every operation n of the undisturbed request: it fails before its effect, it fails after its effect (the answer is
//! lost between store and component), a write is still under way when its caller looks whether it happened, or the process
//! dies after the operation; the last of these is the lost answer. And the mail
//! provider is out of order for the whole request, and on `DynamoDB` plain reads are stale for as long. The client then
//! retries as a real one would, until it has an answer that ends its efforts. What follows the commit and still waits
//! then is left to a later request that meets the record, or to the sweep; it is counted. And for every death a client
//! that never comes back: then the sweep alone must carry out what was committed, and remove what was prepared for a
//! commit that never came.
//!
//! The end must be that of the undisturbed request ([`state`]), with every message sent once, and what the client got
//! must work ([`field@Row::then`]).

use kv_schema::backends::{
    model::Backend,
    world::{Moment, Op, OpKind},
};

use crate::{
    actors as by, audit,
    stage::{Answer, Ask, Compared, Serve, Stage, component},
    state,
};

const TRIES: usize = 8;
/// Longer than a dead creator's gates stay closed, by any clock.
const GATES_SECONDS: u64 = 150;

/// A request, and what its client does about it.
#[derive(Clone, Copy)]
pub struct Row {
    /// Whose handler.
    pub component: &'static str,
    /// Which outcome.
    pub case: &'static str,
    /// The earlier requests.
    pub before: fn(&mut Stage),
    /// What serves it.
    pub serve: Serve,
    /// The request.
    pub ask: fn(&Stage) -> Ask,
    /// Which answers end the client's efforts; the first is that of the undisturbed request.
    pub ends: &'static [u16],
    /// After which answers the client does something ([`field@Row::between`]) and asks again, as a person does whose session
    /// was lost with an answer. After any other it asks no more.
    pub mends: &'static [u16],
    /// What the client does between two tries.
    pub between: fn(&mut Stage),
    /// Whether what the client got works: the status of the next step.
    pub then: fn(&mut Stage) -> u16,
    /// Whether the request has several commit points, so that it can end between two of them.
    pub in_parts: bool,
    /// What of the answer must be as in the undisturbed run, where the status is.
    pub compared: Compared,
}

impl Row {
    fn is_ended_by(&self, answer: &Answer) -> bool {
        self.ends.contains(&answer.status) && !answer.is_try_again()
    }

    fn goes_on_after(&self, answer: &Answer) -> bool {
        answer.is_try_again() || self.mends.contains(&answer.status)
    }
}

/// What disturbs a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// The operation of this index fails.
    Fails(usize, Moment),
    /// The process dies when this many operations are done.
    Dies(usize),
    /// The mail provider answers nothing.
    ProviderDown,
    /// Plain reads are one change behind from the request's beginning on (`DynamoDB`).
    StaleReads,
}

/// What came of a row on one store.
#[derive(Debug, Default)]
pub struct Report {
    /// Disturbed runs.
    pub points: usize,
    /// Runs after which effects waited although the client was content.
    pub left_waiting: usize,
    /// Deaths after which nobody came back, and the sweep carried out what waited.
    pub swept: usize,
    /// What was not as it should be.
    pub violations: Vec<String>,
}

/// Takes the row through every crash point.
pub fn prove(row: &Row, backend: Backend) -> Report {
    explore(row, backend, |disturbances| disturbances.iter().map(|first| [Some(*first), None]).collect())
}

/// Takes the row through every pair of deaths: the client's first retry dies as well, anywhere.
pub fn prove_twice(row: &Row, backend: Backend) -> Report {
    explore(row, backend, |disturbances| {
        let deaths = || disturbances.iter().filter(|one| matches!(one, Disturbance::Dies(_))).copied();
        deaths().flat_map(|first| deaths().map(move |second| [Some(first), Some(second)])).collect()
    })
}

fn explore(row: &Row, backend: Backend, chosen: fn(&[Disturbance]) -> Vec<[Option<Disturbance>; 2]>) -> Report {
    let mut start = Stage::new(backend);
    (row.before)(&mut start);
    start.deployment().world().take_cost();
    let mut stage = start.fork();
    let first = stage.send(row.serve, &(row.ask)(&stage));
    let journal = stage.deployment().world().journal();
    let mut report = Report::default();
    let waiting = state::pending(&stage);
    if Some(&first.status) != row.ends.first() || waiting > state::pending(&start) {
        report.violations.push(format!("{row}: undisturbed {}: {}", first.status, first.text));
        return report;
    }
    let told = row.compared.of(&first);
    let expected = (state::of(&stage), (row.then)(&mut stage));
    for deaths in 0..=journal.len() {
        match abandoned(row, &start, deaths, waiting, &expected.0) {
            Ok(swept) => report.swept += usize::from(swept),
            Err(complaint) => {
                let death = named(Disturbance::Dies(deaths), &journal);
                report.violations.push(format!("{row}, {backend:?}, {death}, nobody comes back: {complaint}"));
            }
        }
    }
    for disturbances in chosen(&disturbances(&journal, backend)) {
        report.points += 1;
        let mut stage = start.fork();
        let found = disturbed(row, &mut stage, disturbances, waiting);
        let complaint = match found {
            Ok(Served { answer, left_waiting }) => {
                report.left_waiting += usize::from(left_waiting);
                let ends = (state::of(&stage), (row.then)(&mut stage));
                let told_otherwise = (answer.status == first.status && row.compared.of(&answer) != told)
                    .then(|| format!("  told: {}\n  undisturbed: {told}\n", row.compared.of(&answer)));
                let untold = told_otherwise.or_else(|| audit::complaint(&stage));
                (ends != expected)
                    .then(|| {
                        let steps = format!("  the next step: {}, undisturbed {}\n", ends.1, expected.1);
                        state::difference(&expected.0, &ends.0) + &steps
                    })
                    .or(untold)
            }
            Err(complaint) => Some(complaint),
        };
        if let Some(complaint) = complaint {
            let named: Vec<String> = disturbances.iter().flatten().map(|one| named(*one, &journal)).collect();
            report.violations.push(format!("{row}, {backend:?}, {}\n{complaint}", named.join(", then ")));
        }
    }
    report
}

fn disturbances(journal: &[Op], backend: Backend) -> Vec<Disturbance> {
    let moments = |kind| match kind {
        OpKind::Swap => [Moment::BeforeEffect, Moment::AfterEffect, Moment::AfterNextLook].as_slice(),
        _ => &[Moment::BeforeEffect, Moment::AfterEffect],
    };
    let fails = journal
        .iter()
        .enumerate()
        .flat_map(|(n, op)| moments(op.kind).iter().map(move |moment| Disturbance::Fails(n, *moment)));
    let dies = (0..=journal.len()).map(Disturbance::Dies);
    let stale = (backend == Backend::Dynamo).then_some(Disturbance::StaleReads);
    fails.chain(dies).chain([Disturbance::ProviderDown]).chain(stale).collect()
}

/// What came of the client's efforts, once no more waits than without disturbance.
struct Served {
    /// Its last answer.
    answer: Answer,
    /// Whether anything waited for a later request.
    left_waiting: bool,
}

/// The disturbed request and everything until no more waits than without disturbance.
fn disturbed(
    row: &Row,
    stage: &mut Stage,
    disturbances: [Option<Disturbance>; 2],
    waiting: usize,
) -> Result<Served, String> {
    let mut answer = None;
    for disturbance in disturbances.into_iter().flatten() {
        answer = disturbed_try(row, stage, disturbance);
        if answer.as_ref().is_some_and(|answer| row.is_ended_by(answer)) {
            break;
        }
    }
    let answer = retry(row, stage, answer)?;
    let left_waiting = state::pending(stage) > waiting;
    for _ in 0..TRIES {
        if state::pending(stage) <= waiting {
            return webhooks_arrive(stage).map(|()| Served { answer, left_waiting });
        }
        stage.wait(GATES_SECONDS);
        let _ = stage.send(row.serve, &(row.ask)(stage));
        // Whose answer is kept does nothing when it is repeated.
        let _ = stage.send(component, &by::sweep(stage));
    }
    Err(format!("{} effects wait for ever\n", state::pending(stage)))
}

/// A webhook that did not arrive is no matter of the client: the sweep tries it again (MSG-3).
fn webhooks_arrive(stage: &mut Stage) -> Result<(), String> {
    for _ in 0..TRIES {
        if state::undelivered(stage) == 0 {
            return Ok(());
        }
        stage.wait(GATES_SECONDS);
        let _ = stage.send(component, &by::sweep(stage));
    }
    Err(format!("{} webhooks are on their way for ever\n", state::undelivered(stage)))
}

/// The request dies, and its client never comes back: the sweep alone must carry out what was committed, each message
/// once (OPS-3, MSG-1). Says whether there was anything to carry out.
fn abandoned(row: &Row, start: &Stage, operations: usize, waiting: usize, expected: &[String]) -> Result<bool, String> {
    let mut stage = start.fork();
    let _ = disturbed_try(row, &mut stage, Disturbance::Dies(operations));
    let left = state::unnamed(start);
    let undone = |stage: &Stage| {
        state::pending(stage) > waiting || state::unnamed(stage) > left || state::undelivered(stage) > 0
    };
    let committed = undone(&stage);
    let mut sweeps = 0;
    while undone(&stage) {
        if sweeps == TRIES {
            let (waits, unnamed) = (state::pending(&stage), state::unnamed(&stage));
            return Err(format!("{waits} effects wait for ever, {unnamed} records are kept that nothing names\n"));
        }
        sweeps += 1;
        stage.wait(GATES_SECONDS);
        let answer = stage.send(component, &by::sweep(&stage));
        if !matches!(answer.status, 200 | 202) {
            return Err(format!("the sweep answers {}: {}\n", answer.status, answer.text));
        }
    }
    let times = |lines: &[String], mail: &String| lines.iter().filter(|line| *line == mail).count();
    let ends = state::of(&stage);
    let (before, so_far) = (state::without_preparations(start), state::without_preparations(&stage));
    if !row.in_parts && ends != expected && so_far != before {
        let (undone, half) = (state::difference(&before, &so_far), state::difference(expected, &ends));
        return Err(format!(
            "left half done; against the state before:\n{undone} against the undisturbed end:\n{half}"
        ));
    }
    match ends.iter().find(|line| line.starts_with("mail ") && times(&ends, line) > times(expected, line)) {
        Some(mail) => Err(format!("too often: {mail}\n")),
        None => Ok(committed),
    }
}

/// The answer, unless it is lost.
fn disturbed_try(row: &Row, stage: &mut Stage, disturbance: Disturbance) -> Option<Answer> {
    let ask = (row.ask)(stage);
    let world = stage.deployment().world().clone();
    world.take_cost();
    match disturbance {
        Disturbance::Fails(operation, moment) => world.fail_after(operation, moment),
        Disturbance::ProviderDown => world.refuse_posts(true),
        Disturbance::StaleReads => {
            world.let_reads_catch_up();
            world.make_reads_stale();
        }
        Disturbance::Dies(operations) => {
            let mut request = stage.under_way(row.serve, &stage.sent(&ask));
            let _ = request.step();
            while request.is_running() && world.operations() < operations {
                let _ = request.step();
            }
            request.crash();
            return None;
        }
    }
    let answer = stage.send(row.serve, &ask);
    world.stop_failing();
    world.refuse_posts(false);
    world.make_reads_fresh();
    Some(answer)
}

/// The client's efforts, and the answer that ends them.
fn retry(row: &Row, stage: &mut Stage, mut answer: Option<Answer>) -> Result<Answer, String> {
    for _ in 0..TRIES {
        match answer {
            Some(answer) if row.is_ended_by(&answer) => return Ok(answer),
            Some(answer) if !row.goes_on_after(&answer) => {
                return Err(format!("the client is told for good: {} {}\n", answer.status, answer.text));
            }
            Some(_) => (row.between)(stage),
            None => {}
        }
        answer = Some(stage.send(row.serve, &(row.ask)(stage)));
    }
    let last = answer.map(|answer| format!("{} {}", answer.status, answer.text)).unwrap_or_default();
    Err(format!("the client never comes to an end: {last}\n{}\n", stage.deployment().log_lines().join("\n")))
}

fn named(disturbance: Disturbance, journal: &[Op]) -> String {
    let operation = |n: usize| {
        let op = journal.get(n).map(|op| format!("{:?} {}", op.kind, op.key.split(':').next().unwrap_or_default()));
        format!("operation {n} of {} ({})", journal.len(), op.unwrap_or_default())
    };
    match disturbance {
        Disturbance::Fails(n, Moment::BeforeEffect) => format!("{} fails before its effect", operation(n)),
        Disturbance::Fails(n, Moment::AfterEffect) => format!("{} fails after its effect", operation(n)),
        Disturbance::Fails(n, Moment::AfterNextLook) => format!("{} arrives after the next look", operation(n)),
        Disturbance::Dies(0) => "dies before the first operation".to_owned(),
        Disturbance::Dies(n) if n == journal.len() => "the answer is lost".to_owned(),
        Disturbance::Dies(n) => format!("dies after {}", operation(n - 1)),
        Disturbance::ProviderDown => "the mail provider is out of order".to_owned(),
        Disturbance::StaleReads => "reads are stale".to_owned(),
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.component, self.case)
    }
}
