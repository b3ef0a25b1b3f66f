//! What a sweep does with one record: it looks, notes what is to be done later, and removes what is over. A reminder is
//! no decision: the record tells what there is to do.

use edge::{Edge, Failure, Platform};
use kv_schema::{
    key::Key,
    kv::{Fault, Removal, Removed, Replaced, Seen},
    list::Appended,
    log::Due,
    record::Stored,
    records::{Schedule, Swept, Visitor, visit},
    sweep::{Item, QUIET_SECONDS, Reminder, TURN_OPERATIONS, Turn},
};
use shared::{decision::Decision, refusal::Refusal, values::Seconds};

use crate::Report;

/// Everything that ends does so in one respect.
const ENDS: u8 = 0;
const BUSY_RETRY_AFTER: Seconds = Seconds(60);
/// Storage operations of an entry that is noted in a list, and of the gates that are removed.
const NOTING: usize = 4;
const GATES: usize = 3;

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) report: Report,
    /// Records with effects that are to be carried out. Each is noted for later already.
    pub(crate) undone: Vec<Key>,
    /// Storage operations so far, as they cost undisturbed.
    operations: usize,
}

/// Looks at what the turn has, until it is done or has taken [`TURN_OPERATIONS`]; says at how many items.
///
/// # Errors
/// A fault of the store: then all of it is looked at again.
pub(crate) async fn at_all<P: Platform>(
    edge: &Edge<P>,
    turn: &Turn,
    findings: &mut Findings,
) -> Result<usize, Failure> {
    let mut done = 0;
    for item in turn.items() {
        if findings.operations >= TURN_OPERATIONS {
            break;
        }
        let whole = match item {
            Item::Reminder(reminder) => {
                for key in &reminder.keys {
                    remind(edge, turn, key, &reminder.about(key), findings).await?;
                }
                true
            }
            Item::Over(due) => over(edge, due, findings).await?,
        };
        if !whole {
            break;
        }
        done += 1;
    }
    Ok(done)
}

/// Says whether nothing of it is left to do in this hour's list.
async fn over<P: Platform>(edge: &Edge<P>, due: &Due, findings: &mut Findings) -> Result<bool, Failure> {
    let at_most = TURN_OPERATIONS.saturating_sub(findings.operations).max(1);
    findings.operations += 1;
    match visit(&due.key, &Over { edge, at_most }).await.transpose() {
        Ok(Some(Ended::Removed(operations))) => {
            findings.operations += operations;
            findings.report.removed += 1;
        }
        Ok(Some(Ended::InPart)) => {
            findings.operations += at_most;
            return Ok(false);
        }
        Ok(Some(Ended::Noted)) => findings.operations += NOTING,
        Ok(Some(Ended::Changed)) => {
            findings.operations += NOTING;
            findings.undone.push(due.key.clone());
        }
        Ok(Some(Ended::Failed(failure))) => return Err(failure),
        Ok(Some(Ended::Nothing) | None) => {}
        Err(fault) => {
            unreadable(edge, fault, findings)?;
            // A newer release wrote it: this hour's list goes, so it is noted in the present one.
            note_end(edge, &due.key, due.expires_unix_seconds).await?;
            findings.operations += NOTING;
        }
    }
    findings.report.looked_at += 1;
    Ok(true)
}

async fn remind<P: Platform>(
    edge: &Edge<P>,
    turn: &Turn,
    key: &Key,
    reminder: &Reminder,
    findings: &mut Findings,
) -> Result<(), Failure> {
    findings.report.looked_at += 1;
    findings.operations += 1;
    let found = match visit(key, &Look { edge, prepared: &reminder.prepared }).await.transpose() {
        Ok(looked) => {
            let Looked { found, operations } = looked.unwrap_or(Looked { found: Found::Nothing, operations: 0 });
            findings.operations += operations;
            found
        }
        Err(fault) => {
            unreadable(edge, fault, findings)?;
            Found::Unreadable
        }
    };
    // By the second look the gates that a dead creator may have left are out of use.
    if reminder.tries == 1 {
        edge.kv().remove_gates(reminder).await?;
        findings.operations += GATES;
    }
    note_again(edge, turn, reminder, found, findings).await?;
    match found {
        Found::Undone | Found::Scheduled(Schedule { due: true, .. }) => findings.undone.push(key.clone()),
        Found::Removed => findings.report.removed += 1,
        Found::Nothing | Found::Done | Found::Scheduled(_) | Found::TooEarly | Found::Unreadable => {}
    }
    Ok(())
}

async fn note_again<P: Platform>(
    edge: &Edge<P>,
    turn: &Turn,
    reminder: &Reminder,
    found: Found,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let noted = match found {
        Found::Done | Found::Removed => return Ok(()),
        // The commit failed, or its request died before it: then its gates may be left.
        Found::Nothing if reminder.tries > 0 => return Ok(()),
        Found::Nothing | Found::Undone | Found::Unreadable | Found::TooEarly => {
            edge.kv().postpone(turn, reminder).await?
        }
        Found::Scheduled(Schedule { wait_seconds, .. }) => edge.kv().put_off(turn, reminder, wait_seconds).await?,
    };
    findings.operations += NOTING;
    match noted {
        Some(Appended::Added | Appended::AlreadyThere) => {}
        Some(Appended::Busy) => return Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into()),
        None => findings.report.given_up += 1,
    }
    Ok(())
}

/// Has what is pending in a record carried out. What is not stays pending, and is noted for later.
pub(crate) async fn carry_out<P: Platform>(edge: &Edge<P>, key: &Key, report: &mut Report) {
    match edge.carry_out(key).await {
        Ok(true) => report.carried_out += 1,
        Ok(false) => report.postponed += 1,
        Err(failure) => {
            edge.log_failure("effects postponed", &failure);
            report.postponed += 1;
        }
    }
}

/// A record that this release cannot read stays as it is and is looked at later; it must not hold up the others.
fn unreadable<P: Platform>(edge: &Edge<P>, fault: Fault, findings: &mut Findings) -> Result<(), Failure> {
    if !matches!(fault, Fault::Record { .. }) {
        return Err(fault.into());
    }
    edge.platform.log(&format!("sweep: {fault}"));
    findings.report.unreadable += 1;
    Ok(())
}

/// What a reminder leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// No record.
    Nothing,
    /// Nothing is pending.
    Done,
    /// Effects are pending, and their request is dead.
    Undone,
    /// Effects are pending, and the record says when they are to be tried.
    Scheduled(Schedule),
    /// It is to be removed, and requests that saw it before that may still be alive.
    TooEarly,
    /// It was to be removed, and is.
    Removed,
    /// A record of a newer release, or a damaged one.
    Unreadable,
}

/// What came of a look, and the storage operations that it took besides the look itself.
struct Looked {
    found: Found,
    operations: usize,
}

struct Look<'a, P> {
    edge: &'a Edge<P>,
    prepared: &'a [[u8; 16]],
}

impl<P: Platform> Visitor for Look<'_, P> {
    type Outcome = Result<Looked, Fault>;

    async fn visit<R: Swept>(&self, id: &R::Id) -> Self::Outcome {
        let kv = self.edge.kv();
        // A watched read, since a plain one may be older than the commit.
        let seen = kv.load::<R>(id).await?;
        let value = seen.as_ref().map(kv_schema::kv::Seen::value);
        let removed = kv.remove_unnamed::<R>(value, self.prepared).await?;
        let looked = |found, operations| Ok(Looked { found, operations: removed + operations });
        let Some(seen) = seen else {
            return looked(Found::Nothing, 0);
        };
        if !seen.stored().pending().is_empty() {
            let schedule = seen.value().schedule(self.edge.platform.unix_seconds());
            return looked(schedule.map_or(Found::Undone, Found::Scheduled), 0);
        }
        let Some(ends) = seen.value().ends_unix_seconds() else {
            return looked(Found::Done, 0);
        };
        match kv.removal(&seen) {
            Removal::TooEarly => looked(Found::TooEarly, 0),
            Removal::Ripe => {
                let operations = 1 + R::ending_with_it(seen.value()).len();
                match kv.remove_over(seen, TURN_OPERATIONS).await? {
                    Removed::Whole => looked(Found::Removed, operations),
                    Removed::Part => looked(Found::TooEarly, TURN_OPERATIONS),
                }
            }
            Removal::NotBegun => {
                note_end(self.edge, seen.stored().key(), ends).await?;
                looked(Found::Done, NOTING)
            }
        }
    }
}

/// What becomes of a record whose end was noted.
enum Ended {
    /// It is gone, or does not end any more.
    Nothing,
    /// Its end, or the next step of its removal, is noted.
    Noted,
    /// It has become something that does not end.
    Changed,
    /// It could not become that.
    Failed(Failure),
    /// It was removed, in so many storage operations.
    Removed(usize),
    /// Some of what ends with it was removed.
    InPart,
}

struct Over<'a, P> {
    edge: &'a Edge<P>,
    /// How many of the records that end with it are removed in this turn.
    at_most: usize,
}

impl<P: Platform> Visitor for Over<'_, P> {
    type Outcome = Result<Ended, Fault>;

    async fn visit<R: Swept>(&self, id: &R::Id) -> Self::Outcome {
        let kv = self.edge.kv();
        let Some(seen) = kv.load::<R>(id).await? else {
            return Ok(Ended::Nothing);
        };
        let Some(ends) = seen.value().ends_unix_seconds() else {
            return Ok(Ended::Nothing);
        };
        if let Some(decision) = seen.value().at_its_end(&self.edge.gateway, self.edge.now) {
            return self.change(seen, decision, ends).await;
        }
        if !is_over(ends, seen.stored(), self.edge.platform.unix_seconds()) {
            note_end(self.edge, seen.stored().key(), ends).await?;
            return Ok(Ended::Noted);
        }
        if R::REPLACED_AFTER_END {
            // The reminder leads to the next step, and should somebody be faster now, to a record that goes on.
            noted(kv.remind(seen.stored().key()).await?)?;
            kv.condemn(seen).await?;
            return Ok(Ended::Noted);
        }
        let operations = 1 + R::ending_with_it(seen.value()).len();
        Ok(match kv.remove_over(seen, self.at_most).await? {
            Removed::Whole => Ended::Removed(operations),
            Removed::Part => Ended::InPart,
        })
    }
}

impl<P: Platform> Over<'_, P> {
    /// The record goes on as something else. What must follow is noted by the commit.
    async fn change<'a, R: Swept>(
        &self,
        seen: Seen<R, &'a P>,
        decision: Decision<R>,
        ends_unix_seconds: u64,
    ) -> Result<Ended, Fault>
    where
        Self: 'a,
    {
        let key = seen.stored().key().clone();
        match self.edge.commit(seen, decision).await {
            Ok(Replaced::Committed(_)) => return Ok(Ended::Changed),
            Ok(Replaced::Gone) => return Ok(Ended::Nothing),
            Ok(Replaced::Lost(_)) => {}
            Err(failure) => return Ok(Ended::Failed(failure)),
        }
        note_end(self.edge, &key, ends_unix_seconds).await?;
        Ok(Ended::Noted)
    }
}

fn is_over<R>(ends_unix_seconds: u64, stored: &Stored<R>, now: u64) -> bool {
    ends_unix_seconds.saturating_add(QUIET_SECONDS) <= now && stored.pending().is_empty()
}

async fn note_end<P: Platform>(edge: &Edge<P>, key: &Key, ends: u64) -> Result<(), Fault> {
    let due = Due { key: key.clone(), kind: ENDS, expires_unix_seconds: ends };
    noted(edge.kv().note_expiry(&due, edge.platform.unix_seconds()).await?)
}

fn noted(appended: Appended) -> Result<(), Fault> {
    match appended {
        Appended::Added | Appended::AlreadyThere => Ok(()),
        Appended::Busy => Err(Fault::Store(kv_schema::store::StoreFault::new("a list of the sweep is busy"))),
    }
}
