//! Two requests at the same moment, in every order of their operations.
//!
//! Both requests have left their browsers before either arrives: they carry the cookies and codes of that moment, also when
//! they are sent again. Whoever is told to try again does so later, on its own; on `SQLite` and `DynamoDB`, and with
//! `PROOFS=full` everywhere, also once at once, so that the retry meets the other request still under way. The measure is
//! serialisability: whatever the order of the operations, once both clients have their answers (whoever is told to try
//! again does), the answers and the end state are those of one request after the other, in one order or the other.
//!
//! Answers are compared by what they say: status, address and document, without what is drawn in each run; and whether both
//! are the same to the letter, since two that ask for one thing are to be told of the same thing.
//!
//! In a run in which one of them died its client cannot know whether it was first: it may be told what it is told first,
//! second or again, in any order of the two (`Told`). What it sends again may come to what it would have come to after the
//! other one as a request of its own (a second offer of a seed). A request that is sent again later is made anew then, with
//! the code that is shown by that time.

use std::{collections::BTreeSet, fmt::Write as _};

use edge::Reply;
use kv_schema::backends::{
    explore::{Bounds, Ran, Turn, every_order},
    model::Backend,
};

use crate::{
    actors as by, full,
    stage::{Answer, Ask, Compared, Sent, Serve, Stage, component},
    state,
};

const TRIES: usize = 8;
const GATES_SECONDS: u64 = 150;
/// Examples that are reported; the rest is counted.
const EXAMPLES: usize = 2;

/// Two requests that can meet.
#[derive(Clone, Copy)]
pub struct Pair {
    /// Which, and the rule that is at stake.
    pub case: &'static str,
    /// The earlier requests.
    pub before: fn(&mut Stage),
    /// What serves them.
    pub serve: Serve,
    /// The requests.
    pub asks: [fn(&Stage) -> Ask; 2],
    /// What of the answers must be as in one order or the other.
    pub compared: Compared,
    /// What happens before whoever is told to try again does so.
    pub between: fn(&mut Stage),
    /// A line of the end state that may be there or not, whatever else is, since it follows from a commit of its own.
    pub besides: Option<&'static str>,
    /// Whether so many orders are possible that only `PROOFS=full` tries all of them on every store.
    pub long: bool,
}

/// Longer than a dead creator's gates stay closed, by any clock.
pub fn wait(stage: &mut Stage) {
    stage.wait(GATES_SECONDS);
}

/// The same, and the timer has called the sweep meanwhile.
pub fn wait_for_the_sweep(stage: &mut Stage) {
    wait(stage);
    let _ = stage.send(component, &by::sweep(stage));
}

/// What came of a pair on one store.
#[derive(Debug, Default)]
pub struct Report {
    /// Schedules that were run: to their end, or to a world that had been met before.
    pub schedules: usize,
    /// Those that ran to their end and were checked.
    pub checked: usize,
    /// Checked runs after which effects waited although both clients were content.
    pub left_waiting: usize,
    /// How many checked runs were not as one request after the other.
    pub violations: usize,
    /// Some of them, with their schedules.
    pub examples: Vec<String>,
}

/// What two requests come to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    /// What the last answers say, by request.
    answers: [String; 2],
    /// Whether they are the same to the letter, ids and tokens included.
    alike: bool,
    /// The end state.
    state: Vec<String>,
    /// Sessions, failures and codes that are used up.
    counted: Vec<String>,
    /// How much waits to be carried out.
    waiting: usize,
}

/// Explores the pair within the bounds.
///
/// # Panics
/// When the pair cannot even be run one after the other.
pub fn prove(pair: &Pair, backend: Backend, bounds: Bounds) -> Report {
    explore(pair, backend, bounds, false)
}

/// Explores the pair on `DynamoDB`, where plain reads are one change behind in all that the two of them change.
///
/// # Panics
/// When the pair cannot even be run one after the other.
pub fn prove_stale(pair: &Pair, bounds: Bounds) -> Report {
    explore(pair, Backend::Dynamo, bounds, true)
}

fn explore(pair: &Pair, backend: Backend, bounds: Bounds, reads_are_stale: bool) -> Report {
    let mut start = Stage::new(backend);
    (pair.before)(&mut start);
    start.deployment().world().take_cost();
    let sent = pair.asks.map(|ask| start.sent(&ask(&start)));
    let serial = [[0, 1], [1, 0]].map(|order| one_after_the_other(pair, start.fork(), &sent, &order, Later::AsSent));
    let anew = [[0, 1], [1, 0]].map(|order| one_after_the_other(pair, start.fork(), &sent, &order, Later::Anew));
    let twice =
        [[0, 1, 0], [1, 0, 1]].map(|order| one_after_the_other(pair, start.fork(), &sent, &order, Later::AsSent));
    let waiting = serial.iter().map(|end| end.waiting).min().unwrap_or_default();
    let again = [[0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0]].map(|order| {
        [Later::AsSent, Later::Anew].map(|later| one_after_the_other(pair, start.fork(), &sent, &order, later))
    });
    let of_the_dead = [anew, twice].concat();
    let told = Told::of(serial.iter().chain(&of_the_dead).chain(again.as_flattened()));
    let mut report = Report::default();
    let setup = || {
        let stage = start.fork();
        if reads_are_stale {
            stage.deployment().world().let_reads_catch_up();
            stage.deployment().world().make_reads_stale();
        }
        let under_way = if insists(backend) { Stage::insisting } else { Stage::under_way };
        let actors = sent.iter().map(|sent| under_way(&stage, pair.serve, sent)).collect();
        (stage.deployment().world().clone(), actors)
    };
    let explored = every_order(bounds, setup, |ran| {
        let schedule = show(ran.schedule);
        let complaint = match end(pair, &start, &sent, waiting, ran) {
            Ok(ended) => {
                report.left_waiting += usize::from(ended.left_waiting);
                let complaint = complaint(&serial, &ended);
                let could_be = |end: &End| end.is_among_survivors(&ended.end, ended.died);
                let complaint = complaint.filter(|_| !ended.died.contains(&true) || !of_the_dead.iter().any(could_be));
                complaint.or_else(|| told.complaint(&ended))
            }
            Err(complaint) => Some(complaint),
        };
        if let Some(complaint) = complaint {
            report.violations += 1;
            if report.examples.len() < EXAMPLES {
                report.examples.push(format!("{}, {backend:?}, schedule {schedule}\n{complaint}", pair.case));
            }
        }
    });
    report.schedules = explored.checked + explored.met_again;
    report.checked = explored.checked;
    report
}

/// Where a retry at once is explored: the two stores on which creators are refused for reasons of their own.
fn insists(backend: Backend) -> bool {
    full() || matches!(backend, Backend::Sqlite | Backend::Dynamo)
}

/// What a request is that comes after another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Later {
    /// It left its browser before the first one arrived.
    AsSent,
    /// Made anew some minutes later, as by a client that was told to try again: with the code that is shown by then.
    Anew,
}

fn one_after_the_other(pair: &Pair, mut stage: Stage, sent: &[Sent; 2], order: &[usize], later: Later) -> End {
    let waiting = waiting(&stage);
    let mut answers = [None, None];
    for (position, index) in order.iter().copied().enumerate() {
        let (Some(sent), Some(ask), Some(last)) = (sent.get(index), pair.asks.get(index), answers.get_mut(index))
        else {
            continue;
        };
        let mut answer = if position > 0 && later == Later::Anew {
            wait(&mut stage);
            stage.send(pair.serve, &ask(&stage))
        } else {
            stage.deliver(pair.serve, sent)
        };
        for _ in 0..TRIES {
            if answer.is_try_again() {
                (pair.between)(&mut stage);
                answer = stage.deliver(pair.serve, sent);
            }
        }
        assert!(!answer.is_try_again(), "{}: {}", pair.case, answer.text);
        *last = Some(answer);
    }
    assert!(self::waiting(&stage) <= waiting, "{}", pair.case);
    End::of(&stage, &answers, pair)
}

/// Effects and webhooks that wait to be carried out.
fn waiting(stage: &Stage) -> usize {
    state::pending(stage) + state::undelivered(stage)
}

impl End {
    fn of(stage: &Stage, answers: &[Option<Answer>; 2], pair: &Pair) -> Self {
        let compared = pair.compared;
        let is_whole = compared == Compared::Whole;
        let alike = is_whole && matches!(answers, [Some(one), Some(two)] if one.text == two.text);
        let answers =
            answers.each_ref().map(|answer| answer.as_ref().map(|answer| compared.of(answer)).unwrap_or_default());
        let waiting = waiting(stage);
        let mut lines = state::of(stage);
        lines.retain(|line| !pair.besides.is_some_and(|besides| line.contains(besides)));
        Self { answers, alike, state: lines, counted: state::counted(stage), waiting }
    }

    /// Whether a run in which these died could have come to this: the others were answered so, and the state is this one.
    fn is_among_survivors(&self, found: &Self, died: [bool; 2]) -> bool {
        let answers = self.answers.iter().zip(&found.answers).zip(died);
        self.state == found.state && answers.into_iter().all(|((one, other), died)| died || one == other)
    }
}

/// What each client may be told, whichever was first and however often it asks.
struct Told([BTreeSet<String>; 2]);

impl Told {
    fn of<'a>(ends: impl Iterator<Item = &'a End>) -> Self {
        let mut told = [BTreeSet::new(), BTreeSet::new()];
        for end in ends {
            told.iter_mut().zip(&end.answers).for_each(|(told, answer)| told.extend([answer.clone()]));
        }
        Self(told)
    }

    /// What the client of a dead request is told in the end, if that could not be.
    fn complaint(&self, Ended { end, died, .. }: &Ended) -> Option<String> {
        let mut of_the_dead = self.0.iter().zip(&end.answers).zip(died).filter(|(_, died)| **died);
        let ((told, answer), _) = of_the_dead.find(|((told, answer), _)| !told.contains(*answer))?;
        Some(format!("  whoever died was told in the end: {answer}\n  could be told: {told:#?}\n"))
    }
}

/// How a run ended, once both clients are content and nothing waits that does not after one request and the other.
struct Ended {
    end: End,
    died: [bool; 2],
    left_waiting: bool,
}

fn end(pair: &Pair, start: &Stage, sent: &[Sent; 2], waiting: usize, ran: Ran<'_, Reply>) -> Result<Ended, String> {
    let mut stage = start.on(ran.world.clone());
    stage.deployment().world().make_reads_fresh();
    let mut died = [false; 2];
    ran.outcomes.iter().zip(&mut died).for_each(|(outcome, died)| *died = outcome.is_none());
    let mut answers = [None, None];
    for (((reply, sent), ask), last) in ran.outcomes.into_iter().zip(sent).zip(pair.asks).zip(&mut answers) {
        let answer = reply.map(|reply| stage.receive(sent.browser, &reply));
        let anew = died.contains(&true).then_some(Anew { ask, once_after: start.unix_seconds() });
        *last = Some(contented(pair, &mut stage, sent, anew, answer)?);
    }
    let left_waiting = self::waiting(&stage) > waiting;
    for sent in sent.iter().cycle().take(TRIES) {
        if self::waiting(&stage) <= waiting {
            return Ok(Ended { end: End::of(&stage, &answers, pair), died, left_waiting });
        }
        wait(&mut stage);
        let _ = stage.deliver(pair.serve, sent);
        // Whose answer is kept, or whose session has ended, does nothing when the request is repeated.
        let _ = stage.send(component, &by::sweep(&stage));
    }
    Err(format!("{} effects and webhooks wait for ever\n", self::waiting(&stage)))
}

/// A request as its client makes it again once time has passed.
#[derive(Clone, Copy)]
struct Anew {
    ask: fn(&Stage) -> Ask,
    once_after: u64,
}

/// The client tries again until it is answered: with the same request, or with one made anew.
fn contented(
    pair: &Pair,
    stage: &mut Stage,
    sent: &Sent,
    anew: Option<Anew>,
    mut answer: Option<Answer>,
) -> Result<Answer, String> {
    let mut sent = sent.clone();
    for _ in 0..TRIES {
        match answer {
            Some(answer) if !answer.is_try_again() => return Ok(answer),
            Some(_) => (pair.between)(stage),
            None => {}
        }
        sent = match anew {
            Some(Anew { ask, once_after }) if stage.unix_seconds() > once_after => stage.sent(&ask(stage)),
            _ => sent,
        };
        answer = Some(stage.deliver(pair.serve, &sent));
    }
    Err(format!("a client is never answered\n{}\n", stage.deployment().log_lines().join("\n")))
}

fn complaint(serial: &[End; 2], Ended { end: found, died, .. }: &Ended) -> Option<String> {
    let somebody_died = died.contains(&true);
    let in_turn = |end: &End| if somebody_died { end.is_among_survivors(found, *died) } else { end == found };
    if serial.iter().any(in_turn) {
        return None;
    }
    let mut text = format!("  answers, alike {}: {:#?}\n", found.alike, found.answers);
    for (order, end) in ["one, two", "two, one"].iter().zip(serial) {
        let states = if end.state == found.state {
            "  the same end state\n".to_owned()
        } else {
            state::difference(&end.state, &found.state)
        };
        let same = somebody_died || end.counted == found.counted;
        let counted = if same { String::new() } else { state::difference(&end.counted, &found.counted) };
        let _ = write!(text, " against {order}: answers, alike {}: {:#?}\n{states}{counted}", end.alike, end.answers);
    }
    Some(text)
}

/// A schedule as who goes on how often: `1x3 2x1 1x4`; a death is `1 dies`.
fn show(schedule: &[Turn]) -> String {
    let mut parts = Vec::new();
    for run in schedule.chunk_by(|one, next| one == next) {
        match run {
            [Turn::Step(actor), ..] => parts.push(format!("{}x{}", actor + 1, run.len())),
            [Turn::Crash(actor), ..] => parts.push(format!("{} dies", actor + 1)),
            [] => {}
        }
    }
    parts.join(" ")
}
