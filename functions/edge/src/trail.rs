//! What each commit tells the audit trail (AUD-1), and how it is found again: the note of the day.
//!
//! The first change of a day to a record is noted before its commit, in the same lists as what a sweep has to look at
//! (OPS-3), and by the same note where there is one to be made anyway. Every further change of that day costs nothing.
//!
//! What a stranger was refused is noted each time. Else the cost of a wrong password would tell whether it was the first
//! of the day for an account that exists; so it is that of a try which is counted for nobody ([`Edge::write_for_nobody`]).

use kv_schema::{
    audit::{NewEntry, day_of},
    key::Key,
    kv::Carried,
    list::EntryId,
    record::Stored,
    records::{Swept, unheeded},
};
use shared::{
    audit::{Actor, Deed},
    decision::Decision,
    refusal::Refusal,
    secret::Entropy as _,
};

use crate::{
    edge::{BUSY_RETRY_AFTER, Edge},
    failure::Failure,
    platform::Platform,
};

impl<P: Platform> Edge<P> {
    /// From now on this is who acts; answers who did before.
    pub fn acts(&self, actor: Actor) -> Actor {
        self.acting.replace(actor)
    }

    /// From now on the records that this request changes are nobody's: they count tries of strangers, at the same cost, and
    /// have no audit trail, which strangers could make grow.
    pub fn acts_on_a_decoy(&self) {
        self.decoy.set(true);
    }

    /// The reads and writes of a refused guess where there is nothing to count (SIG-1): the look at a list, and two counters
    /// that nobody reads instead of the note and the failure.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn write_for_nobody(&self) -> Result<(), Failure> {
        self.note_for_nobody().await?;
        self.count_for_nobody().await
    }

    pub(crate) fn unix_seconds(&self) -> u64 {
        u64::try_from(self.now.unix()).unwrap_or_default()
    }

    /// The note that this request has made of the record.
    pub(crate) fn note_about(&self, key: &Key) -> Option<EntryId> {
        self.noted.borrow().iter().find(|(noted, _)| noted == key).map(|(_, note)| *note)
    }

    /// Notes one record. When that cannot be done, nothing may be written.
    pub(crate) async fn note_alone(&self, key: &Key) -> Result<EntryId, Failure> {
        let note = if self.decoy.get() {
            self.note_for_nobody().await?;
            // No entry will name it.
            EntryId([0; 16])
        } else {
            let note = self.kv().remind_of(std::slice::from_ref(key), &[], self.unix_seconds()).await?;
            note.ok_or(Refusal::Busy { retry_after: BUSY_RETRY_AFTER })?
        };
        self.noted.borrow_mut().push((key.clone(), note));
        Ok(note)
    }

    /// Whether the change has to be noted for the audit to find it.
    pub(crate) fn is_to_be_found<R: Swept>(&self, decision: &Decision<R>, stands: &Stored<R>) -> bool {
        let refused_to_stranger = decision.denial.is_some() && *self.acting.borrow() == Actor::Stranger;
        R::AUDITED && (refused_to_stranger || !stands.is_noted_on(day_of(self.unix_seconds())))
    }

    /// What a commit carries: its effects, sealed, and its entry in the audit trail.
    pub(crate) fn carried<R: Swept>(
        &self,
        key: &Key,
        decision: Decision<R>,
        note: Option<EntryId>,
    ) -> Result<(R, Carried), Failure> {
        let Decision { next, effects, action, denial, by } = decision;
        let effects = self.leave(key, &effects)?;
        let kept = R::AUDITED && !self.decoy.get();
        let entry = kept.then(|| NewEntry {
            at_unix_seconds: self.unix_seconds(),
            note,
            deed: Deed {
                actor: by.unwrap_or_else(|| self.acting.borrow().clone()),
                action,
                denial,
                request: self.request_id.clone(),
                origin: self.origin,
            },
        });
        Ok((next, Carried { effects, entry }))
    }

    async fn note_for_nobody(&self) -> Result<(), Failure> {
        self.kv().look_where_reminders_are(self.unix_seconds()).await?;
        self.count_for_nobody().await
    }

    async fn count_for_nobody(&self) -> Result<(), Failure> {
        let mut share = [0];
        self.rng().fill(&mut share);
        let [share] = share;
        self.kv().add(&unheeded(share), 1).await?;
        Ok(())
    }
}
