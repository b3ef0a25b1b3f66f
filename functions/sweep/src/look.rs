//! What a sweep does with one record: it looks, notes what is to be done later, and removes what is over. A reminder is
//! no decision: the record tells what there is to do.

use edge::{Edge, Failure, Platform};
use kv_schema::{
    key::Key,
    kv::Fault,
    list::Appended,
    log::Due,
    records::{Swept, Visitor, visit},
    sweep::{Item, QUIET_SECONDS, Reminder},
};
use shared::{refusal::Refusal, values::Seconds};

use crate::Report;

/// Everything that ends does so in one respect.
const ENDS: u8 = 0;
const BUSY_RETRY_AFTER: Seconds = Seconds(60);

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) report: Report,
    /// Records with effects that are to be carried out. Each is noted for later already.
    pub(crate) undone: Vec<Key>,
}

/// Looks at what the log names.
///
/// # Errors
/// A fault of the store: then the whole batch is looked at again.
pub(crate) async fn at<P: Platform>(edge: &Edge<P>, item: &Item, findings: &mut Findings) -> Result<(), Failure> {
    findings.report.looked_at += 1;
    match item {
        Item::Reminder(reminder) => remind(edge, reminder, findings).await,
        Item::Over(due) => {
            let over = Over { edge };
            match visit(&due.key, &over).await.transpose() {
                Ok(Some(true)) => findings.report.removed += 1,
                Ok(_) => {}
                Err(fault) => {
                    unreadable(edge, fault, findings)?;
                    // A newer release wrote it: this hour's list goes, so it is noted in the present one.
                    note_end(edge, &due.key, due.expires_unix_seconds).await?;
                }
            }
            Ok(())
        }
    }
}

async fn remind<P: Platform>(edge: &Edge<P>, reminder: &Reminder, findings: &mut Findings) -> Result<(), Failure> {
    let found = match visit(&reminder.key, &Look { edge }).await.transpose() {
        Ok(found) => found.unwrap_or(Found::Nothing),
        Err(fault) => {
            unreadable(edge, fault, findings)?;
            Found::Unreadable
        }
    };
    // By the second look the gates that a dead creator may have left are out of use.
    if reminder.tries == 1 {
        edge.kv().remove_gates(reminder).await?;
    }
    let again = match found {
        Found::Done => false,
        // The commit failed, or its request died before it: then its gates may be left.
        Found::Nothing => reminder.tries == 0,
        Found::Undone | Found::Unreadable => true,
    };
    if again {
        match edge.kv().postpone(reminder).await? {
            Some(Appended::Added | Appended::AlreadyThere) => {}
            Some(Appended::Busy) => return Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into()),
            None => findings.report.given_up += 1,
        }
    }
    if matches!(found, Found::Undone) {
        findings.undone.push(reminder.key.clone());
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
    /// A record of a newer release, or a damaged one.
    Unreadable,
}

struct Look<'a, P> {
    edge: &'a Edge<P>,
}

impl<P: Platform> Visitor for Look<'_, P> {
    type Outcome = Result<Found, Fault>;

    async fn visit<R: Swept>(&self, id: &R::Id) -> Self::Outcome {
        // A watched read, since a plain one may be older than the commit.
        let Some(seen) = self.edge.kv().load::<R>(id).await? else {
            return Ok(Found::Nothing);
        };
        if !seen.stored().pending().is_empty() {
            return Ok(Found::Undone);
        }
        if let Some(ends) = seen.value().ends_unix_seconds() {
            note_end(self.edge, seen.stored().key(), ends).await?;
        }
        Ok(Found::Done)
    }
}

struct Over<'a, P> {
    edge: &'a Edge<P>,
}

impl<P: Platform> Visitor for Over<'_, P> {
    /// Whether the record was removed.
    type Outcome = Result<bool, Fault>;

    async fn visit<R: Swept>(&self, id: &R::Id) -> Self::Outcome {
        let Some(seen) = self.edge.kv().load::<R>(id).await? else {
            return Ok(false);
        };
        let Some(ends) = seen.value().ends_unix_seconds() else {
            return Ok(false);
        };
        let over = ends.saturating_add(QUIET_SECONDS) <= self.edge.platform.unix_seconds();
        if !over || !seen.stored().pending().is_empty() {
            note_end(self.edge, seen.stored().key(), ends).await?;
            return Ok(false);
        }
        self.edge.kv().remove_over(seen).await?;
        Ok(true)
    }
}

async fn note_end<P: Platform>(edge: &Edge<P>, key: &Key, ends: u64) -> Result<(), Fault> {
    let due = Due { key: key.clone(), kind: ENDS, expires_unix_seconds: ends };
    match edge.kv().note_expiry(&due, edge.platform.unix_seconds()).await? {
        Appended::Added | Appended::AlreadyThere => Ok(()),
        Appended::Busy => Err(Fault::Store(kv_schema::store::StoreFault::new("the expiry log is busy"))),
    }
}
