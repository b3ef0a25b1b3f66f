//! The write primitives that are right on all four backends; nothing else writes a record.
//!
//! Spin's stores agree on the names of their atomic operations and on little else ([`crate::store`] has the table). Three
//! primitives hide that, and every handler's one commit point is one of them:
//!
//! | primitive | for | reads, writes when undisturbed |
//! |---|---|---|
//! | [`Kv::insert_fresh`] | an id with 128 fresh random bits | 1, 1 |
//! | [`Kv::replace`] | a record that exists (after [`Kv::load`], 1 read) | 0, 1 |
//! | [`Kv::create`] | an id that others may be creating now | 2, 5 (1, 0 when it exists) |
//! | [`Kv::create_missed`] | the same, when a read has just missed it | 1, 5 |
//!
//! On Redis each swap costs one read more, since it must be asked whether it happened.
//!
//! # Why they are right
//!
//! **Did my write happen?** A write puts its own fresh id on the record's trail. If the store says "applied", it was. If it
//! says "refused", or fails, the record is read again: own id on the trail at the place where the revisions say it must
//! be, then it happened; another's id there, then it did not and cannot happen later, being conditional on what is gone.
//! The record as it was before, or a trail that is too short: then nobody knows, and that is a [`Fault`], never a guess.
//! "Refused" is no better than a failure there: Redis', `DynamoDB`'s and Cosmos DB's adapters say so of a write that was
//! throttled or not answered as well.
//!
//! | | who decides `replace` | who decides `create` | the trap, and what disarms it |
//! |---|---|---|---|
//! | `SQLite` | `swap` (compares the old bytes) | the gates: `increment` is exact | `swap` on an absent key is an upsert: only the holder of the gates comes near it |
//! | Redis | `swap` (`WATCH`) | the gates, and `swap` | always reported as failed: the trail tells |
//! | `DynamoDB` | `swap` (version) | the gates, and `swap` | `increment` errs under contention: a gate not surely taken is not taken; plain reads may be stale: decisions are made on watched ones only |
//! | Cosmos DB | `swap` (etag) | `swap` (create, no upsert) | `increment` may tell several callers 1: then the gates merely thin the crowd |
//!
//! On `SQLite` old bytes cannot come back (each revision carries a fresh id); on `DynamoDB` versions start again at 1 when an
//! item is deleted and made anew, so a record may be deleted only when no request can still hold a handle to it.
//!
//! **Gates.** A creator increments the counter of this minute and then that of the next, and may go on only if both say 1.
//! Two attempts less than a minute apart share a counter, so at most one of them goes on. Attempts further apart than
//! that are, clocks differing by less than 30 s, more than 30 s apart: the earlier request is dead. Stopping at the first
//! counter that is not 1 matters: a creator refused at the first one would otherwise go on to take the second before the
//! other gets there, and both would be refused. A creator that dies leaves its gates closed to the end of its next minute:
//! two minutes at most by its own clock, and less than half a minute more by one that is behind. Gates are opened again
//! only once the outcome is known; with a write still in doubt the next creator would pass while the first one's upsert is
//! under way. One that took the first gate and finds the second one closed opens the first again: it has nothing under
//! way. Whoever was told 1 owns the gate until it opens it, once; so nobody opens another's. (On Cosmos DB several may be
//! told 1; there the gates decide nothing.) Left behind are only the gates of the dead, of those who were not told what came
//! of their write, and one whose increment failed after its effect.
//!
//! **Removing** is not conditional on any backend. A record that requests may replace at any time is therefore condemned
//! first ([`Kv::condemn`]): a conditional write, which loses against whoever was faster. For [`CONDEMNED_SECONDS`] nobody
//! replaces it then, and in that time, once every request is dead that saw it before, it is deleted. A sweep that does not
//! come in that time has lost nothing: the record is one like any other again.
//!
//! **Effects** are part of the written record. A commit never drops what is still pending; only [`Kv::settle`] does.

use std::fmt;

use shared::secret::Sealed;

use crate::{
    audit::{NewEntry, Tail},
    key::{Counter, Key, Prefix},
    record::{Condemned, EffectId, Envelope, Kind, Pending, Record, RecordFault, Stored, Told, WriteId},
    records::{Swept, kind_of},
    store::{Ambient, CLOCK_SKEW_SECONDS, REQUEST_SECONDS, Store, StoreFault, Swap, Watched},
};

/// How long one that finds the gates closed waits between its looks for the winner's record, in milliseconds.
pub const CREATE_BACKOFF_MILLIS: [u32; 5] = [20, 40, 80, 160, 320];

/// How often [`Kv::settle`] tries before it leaves the effects to the sweep.
pub const SETTLE_TRIES: usize = 5;

/// How long nobody writes to a record that is to be removed: until a reminder of its first or second wait has been met.
pub const CONDEMNED_SECONDS: u64 = 600;

const GATE: Prefix = Prefix::new("gate");
const GATE_SECONDS: u64 = 60;
const _: () = assert!(CLOCK_SKEW_SECONDS + REQUEST_SECONDS <= GATE_SECONDS, "an earlier creator could still be alive");

/// The store, with only right ways to write to it.
#[derive(Debug)]
pub struct Kv<S, A> {
    store: S,
    ambient: A,
}

/// What a commit carries besides the value.
#[derive(Debug, Default)]
pub struct Carried {
    /// What must follow it.
    pub effects: Vec<Sealed>,
    /// What the record's audit trail says of it; `None` for what no trail is kept of.
    pub entry: Option<NewEntry>,
}

impl From<Vec<Sealed>> for Carried {
    fn from(effects: Vec<Sealed>) -> Self {
        Self { effects, entry: None }
    }
}

/// A record that was read through a watch: the right to replace exactly this revision.
pub struct Seen<R: Record, S: Store> {
    stored: Stored<R>,
    cas: S::Cas,
}

/// The outcome of [`Kv::create`].
#[must_use = "only Created means that the value was written"]
#[derive(Debug)]
pub enum Created<R: Record> {
    /// This call created it.
    Created(Stored<R>),
    /// It exists, by somebody else or by an earlier try of the same cause. A plain read: load it before replacing it.
    Existed(Stored<R>),
    /// Somebody is creating it at this moment, or died doing so less than two minutes ago. Answer 503, try again.
    Busy,
}

/// The outcome of [`Kv::replace`].
#[must_use = "only Committed means that the value was written"]
pub enum Replaced<R: Record, S: Store> {
    /// Written, once. The record tells which effects are now to be performed.
    Committed(Stored<R>),
    /// Somebody else was faster. Decide again on what stands now, a bounded number of times; no new read is needed.
    Lost(Seen<R, S>),
    /// Somebody removed the record, or is about to.
    Gone,
}

/// A record that was read for what is pending in it: the right to take that out.
pub struct Undone<S: Store>(Watch<S>);

/// Where the removal of a record stands; each step is for another turn of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Nothing was begun, or it was not carried through in time.
    NotBegun,
    /// Requests that saw it before may still be alive.
    TooEarly,
    /// It can be deleted now.
    Ripe,
}

/// The outcome of [`Kv::remove_over`].
#[must_use = "a part of it may be left"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone, with everything that ends with it.
    Whole,
    /// Some of what ends with it is gone.
    Part,
}

/// The outcome of [`Kv::settle`].
#[must_use = "effects that are still pending will be performed again"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// None of the effects is pending any more.
    Done,
    /// Too many others were writing. The effects stay, and are harmless when repeated.
    Contended,
}

/// Nothing is known to have been written. Always a 503; the cause is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// What is stored cannot be read, or what was to be stored cannot be written.
    #[error("{prefix} record: {fault}")]
    Record {
        /// Which kind of record.
        prefix: &'static str,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// An id that should have been fresh is in use: randomness is broken, or the id was not fresh.
    #[error("{prefix} record: an id that should be fresh is in use; check the random source")]
    Occupied {
        /// Which kind of record.
        prefix: &'static str,
    },
    /// The store reported a write as refused that nobody contended for: not answered, throttled, or still under way.
    #[error("{prefix} record: the store refused an uncontended write; try again")]
    Refused {
        /// Which kind of record.
        prefix: &'static str,
    },
    /// More writes followed one's own than the trail remembers, before it could be checked.
    #[error("{prefix} record: overtaken by more writes than its trail remembers; try again")]
    Forgotten {
        /// Which kind of record.
        prefix: &'static str,
    },
}

/// A record that was read through a watch, its body encoded.
struct Watch<S: Store> {
    envelope: Envelope,
    cas: S::Cas,
}

/// What stands after a creation, the body encoded.
enum Creation {
    Created(Envelope),
    Existed(Envelope),
    Busy,
}

/// The truth about a swap.
enum Written<S: Store> {
    Applied(Envelope),
    Other(Watch<S>),
    Absent,
}

/// The counters that admit one creator.
struct Gates {
    this_minute: Key,
    next_minute: Key,
}

impl<S: Store, A: Ambient> Kv<S, A> {
    /// Over a platform's store, clock, randomness and sleep.
    pub fn new(store: S, ambient: A) -> Self {
        Self { store, ambient }
    }

    /// One plain read, which may run at the same time as others and may be stale on `DynamoDB` without consistent reads.
    pub async fn get<R: Record>(&self, id: &R::Id) -> Result<Option<Stored<R>>, Fault> {
        self.read(R::KIND, &R::key(id)).await?.map(open).transpose()
    }

    /// One watched read: the record, and the right to replace it.
    pub async fn load<R: Record>(&self, id: &R::Id) -> Result<Option<Seen<R, S>>, Fault> {
        self.watch(R::KIND, &R::key(id)).await?.map(seen).transpose()
    }

    /// Writes a record whose id holds 128 fresh random bits, so that nobody contends.
    ///
    /// A swap without a watch would do on every backend, as a blind write. The read is spent so that *every* write is
    /// conditional: should randomness ever repeat itself (a resumed snapshot, a pre-initialised component), the answer is
    /// a [`Fault::Occupied`], not somebody else's authorization code overwritten. Reads are the cheap half: 1,000 a second
    /// against 50 writes.
    pub async fn insert_fresh<R: Record>(
        &self,
        id: &R::Id,
        value: R,
        carried: impl Into<Carried>,
    ) -> Result<Stored<R>, Fault> {
        let draft = self.first(R::KIND, R::key(id), encode(&value)?, carried.into())?;
        let envelope = self.insert_envelope(draft).await?;
        Ok(Stored::written(envelope, value))
    }

    /// Writes a record that others may be creating at this moment: one of them wins, everybody learns who.
    ///
    /// Prefer not to need it: let what is fought over exist before the fight, and [`Kv::replace`] it.
    pub async fn create<R: Record>(
        &self,
        id: &R::Id,
        value: R,
        carried: impl Into<Carried>,
    ) -> Result<Created<R>, Fault> {
        let draft = self.first(R::KIND, R::key(id), encode(&value)?, carried.into())?;
        created(self.create_envelope(draft).await?, value)
    }

    /// As [`Kv::create`], for a caller that has just looked for the record and not found it: one read less.
    pub async fn create_missed<R: Record>(
        &self,
        id: &R::Id,
        value: R,
        carried: impl Into<Carried>,
    ) -> Result<Created<R>, Fault> {
        let draft = self.first(R::KIND, R::key(id), encode(&value)?, carried.into())?;
        created(self.create_past_gates(draft).await?, value)
    }

    /// Writes `next` over exactly the revision that was seen; what is still pending stays pending.
    ///
    /// An entry for a trail that is full costs 1 read and 1 write more ([`crate::audit`]).
    pub async fn replace<R: Record>(
        &self,
        seen: Seen<R, S>,
        next: R,
        carried: impl Into<Carried>,
    ) -> Result<Replaced<R, S>, Fault> {
        let Seen { stored, cas } = seen;
        let condemned = stored.envelope().is_condemned();
        if condemned.is_some_and(|condemned| self.ambient.unix_seconds() < condemned.until_unix_seconds) {
            return Ok(Replaced::Gone);
        }
        let Carried { effects, entry } = carried.into();
        let mut envelope = stored.into_envelope();
        if entry.is_some() && envelope.tail().is_some_and(Tail::is_full) {
            self.archive(&mut envelope).await?;
        }
        let write = self.write_id();
        let draft = envelope.next(encode(&next)?, name(write, effects), write);
        let draft = draft.audited(entry).map_err(|fault| record_fault(R::KIND, fault))?;
        Ok(match self.write(cas, draft).await? {
            Written::Applied(envelope) => Replaced::Committed(Stored::written(envelope, next)),
            Written::Other(watch) => Replaced::Lost(self::seen(watch)?),
            Written::Absent => Replaced::Gone,
        })
    }

    /// One watched read of the record of this key, whatever its kind, by whoever carries out what is pending in it.
    /// `None` when there is none, or when it is no key of a record.
    pub async fn undone(&self, key: &Key) -> Result<Option<Undone<S>>, Fault> {
        let Some(kind) = kind_of(key) else { return Ok(None) };
        Ok(self.watch(kind, key).await?.map(Undone))
    }

    /// Takes performed effects out of a record: 1 write.
    pub async fn settle(&self, undone: Undone<S>, done: &[EffectId]) -> Result<Settled, Fault> {
        let mut current = Some(undone.0);
        for _ in 0..SETTLE_TRIES {
            let Some(Watch { envelope, cas }) = current.take_if(|watch| watch.envelope.settle(done)) else {
                return Ok(Settled::Done);
            };
            match self.write(cas, envelope.same(self.write_id())).await? {
                Written::Applied(_) | Written::Absent => return Ok(Settled::Done),
                Written::Other(watch) => current = Some(watch),
            }
        }
        Ok(Settled::Contended)
    }

    /// Adds to a counter: 1 write. On Cosmos DB the answer may be another caller's: show it, decide nothing by it.
    pub async fn add(&self, counter: &Counter, delta: i64) -> Result<i64, Fault> {
        Ok(self.store.increment(&counter.0, delta).await?)
    }

    /// A counter's value. It costs a write: backends encode counters differently, so only incrementing by 0 reads one.
    pub async fn count(&self, counter: &Counter) -> Result<i64, Fault> {
        self.add(counter, 0).await
    }

    /// Removes a record that is over, and before it what ends with it: 1 write for each, `at_most` so many and one more.
    /// When there is more, what is gone is taken out of the record, so that the next call goes on from there. An audit trail
    /// that is kept costs 3 reads and 2 writes more, 6 writes at the key's first life ([`crate::audit`]).
    ///
    /// The deletion is not conditional, and on `DynamoDB` versions start again at 1 when a record is made anew. So this is
    /// only for a record which has been over for [`CLOCK_SKEW_SECONDS`] and [`REQUEST_SECONDS`], and which no request
    /// replaces once it is over, or whose [`Removal`] is ripe; and only one request at a time may do it
    /// ([`crate::sweep`]).
    pub async fn remove_over<R: Swept>(&self, seen: Seen<R, S>, at_most: usize) -> Result<Removed, Fault> {
        let ending = seen.value().ending_with_it();
        for key in ending.iter().take(at_most) {
            self.delete(key).await?;
        }
        if ending.len() > at_most {
            let rest = R::without_first(seen.value(), at_most);
            // Lost only to a sweep that has taken the turn meanwhile, and removes the same.
            drop(self.replace(seen, rest, Vec::new()).await?);
            return Ok(Removed::Part);
        }
        if R::AUDIT_KEPT {
            self.bury(seen.stored().envelope()).await?;
        }
        self.delete(seen.stored().key()).await?;
        Ok(Removed::Whole)
    }

    /// Marks a record for removal; nobody replaces it for [`CONDEMNED_SECONDS`]. Says whether it was marked: whoever
    /// changed it meanwhile was faster.
    ///
    /// Note a reminder before: the record is to be looked at again, whether this request lives to see it marked or not.
    pub async fn condemn<R: Record>(&self, seen: Seen<R, S>) -> Result<bool, Fault> {
        let Seen { stored, cas } = seen;
        let now = self.ambient.unix_seconds();
        let until_unix_seconds = now.saturating_add(CONDEMNED_SECONDS);
        let condemned = Condemned { since_unix_seconds: now, until_unix_seconds };
        let draft = stored.into_envelope().condemned(condemned, self.write_id());
        Ok(matches!(self.write(cas, draft).await?, Written::Applied(_)))
    }

    /// Where the removal of a record stands that requests may replace.
    ///
    /// Ripe from when whoever saw it before it was condemned is dead, to when it takes a request's life to the end of the
    /// time in which nobody replaces it, by any clock.
    pub fn removal<R: Record>(&self, seen: &Seen<R, S>) -> Removal {
        let now = self.ambient.unix_seconds();
        match seen.stored.envelope().is_condemned() {
            Some(condemned) if now.saturating_add(GATE_SECONDS) > condemned.until_unix_seconds => Removal::NotBegun,
            Some(condemned) if condemned.since_unix_seconds.saturating_add(GATE_SECONDS) > now => Removal::TooEarly,
            Some(_) => Removal::Ripe,
            None => Removal::NotBegun,
        }
    }

    pub(crate) async fn delete(&self, key: &Key) -> Result<(), Fault> {
        Ok(self.store.delete(key).await?)
    }

    pub(crate) fn ambient(&self) -> &A {
        &self.ambient
    }

    async fn read(&self, kind: Kind, key: &Key) -> Result<Option<Envelope>, Fault> {
        let bytes = self.store.get(key).await?;
        bytes.map(|bytes| parse(kind, key, &bytes)).transpose()
    }

    async fn watch(&self, kind: Kind, key: &Key) -> Result<Option<Watch<S>>, Fault> {
        watched(kind, key, self.store.watch(key).await?)
    }

    pub(crate) async fn watched_envelope(&self, kind: Kind, key: &Key) -> Result<Option<Envelope>, Fault> {
        Ok(self.watch(kind, key).await?.map(|watch| watch.envelope))
    }

    /// Writes what everybody who writes it writes the same: nobody can overwrite anything else with it.
    pub(crate) async fn put_same(&self, draft: Envelope) -> Result<(), Fault> {
        let prefix = draft.kind().prefix.as_str();
        let bytes = draft.to_bytes().map_err(|fault| record_fault(draft.kind(), fault))?;
        let Watched { cas, current } = self.store.watch(draft.key()).await?;
        let stands = match current {
            Some(stands) => stands,
            None => match self.store.swap(cas, bytes.clone()).await? {
                Swap::Applied => return Ok(()),
                Swap::Refused(watched) => watched.current.ok_or(Fault::Refused { prefix })?,
            },
        };
        if stands == bytes { Ok(()) } else { Err(Fault::Occupied { prefix }) }
    }

    async fn insert_envelope(&self, draft: Envelope) -> Result<Envelope, Fault> {
        let prefix = draft.kind().prefix.as_str();
        let Watched { cas, current } = self.store.watch(draft.key()).await?;
        if current.is_some() {
            return Err(Fault::Occupied { prefix });
        }
        match self.write(cas, draft).await? {
            Written::Applied(envelope) => Ok(envelope),
            Written::Other(_) => Err(Fault::Occupied { prefix }),
            Written::Absent => Err(Fault::Refused { prefix }),
        }
    }

    async fn create_envelope(&self, draft: Envelope) -> Result<Creation, Fault> {
        if let Some(envelope) = self.read(draft.kind(), draft.key()).await? {
            return Ok(Creation::Existed(envelope));
        }
        self.create_past_gates(draft).await
    }

    async fn create_past_gates(&self, draft: Envelope) -> Result<Creation, Fault> {
        let gates = Gates::of(draft.key(), draft.created_unix_seconds());
        match self.take(&gates).await {
            Ok(true) => {}
            Ok(false) => return Ok(self.await_winner(&draft).await?.map_or(Creation::Busy, Creation::Existed)),
            // DynamoDB errs under contention: whoever contended may have won.
            Err(fault) => return self.await_winner(&draft).await?.map(Creation::Existed).ok_or(fault.into()),
        }
        let outcome = match self.found_past_gates(&draft).await {
            Ok((cas, None)) => self.create_alone(cas, draft).await?,
            Ok((_, Some(envelope))) => Creation::Existed(envelope),
            // Nothing is under way yet.
            Err(fault) => {
                self.open(&gates).await;
                return Err(fault);
            }
        };
        self.open(&gates).await;
        Ok(outcome)
    }

    /// Increments this minute's gate, then the next one's, stopping at the first that is not 1; then the first one is opened
    /// again, best effort.
    async fn take(&self, gates: &Gates) -> Result<bool, StoreFault> {
        if self.store.increment(&gates.this_minute, 1).await? != 1 {
            return Ok(false);
        }
        let taken = self.store.increment(&gates.next_minute, 1).await;
        if taken != Ok(1) {
            let _ = self.store.delete(&gates.this_minute).await;
        }
        Ok(taken? == 1)
    }

    /// Past the gates: what others wrote before they opened theirs is visible now, and nobody else is past them.
    async fn found_past_gates(&self, draft: &Envelope) -> Result<(S::Cas, Option<Envelope>), Fault> {
        let Watched { cas, current } = self.store.watch(draft.key()).await?;
        let found = current.map(|bytes| parse(draft.kind(), draft.key(), &bytes)).transpose()?;
        Ok((cas, found))
    }

    async fn create_alone(&self, cas: S::Cas, draft: Envelope) -> Result<Creation, Fault> {
        let prefix = draft.kind().prefix.as_str();
        match self.write(cas, draft).await? {
            Written::Applied(envelope) => Ok(Creation::Created(envelope)),
            Written::Other(watch) => Ok(Creation::Existed(watch.envelope)),
            Written::Absent => Err(Fault::Refused { prefix }),
        }
    }

    /// Best effort: a gate that stays closed closes nothing but its own minute.
    async fn open(&self, gates: &Gates) {
        for gate in [&gates.this_minute, &gates.next_minute] {
            let _ = self.store.delete(gate).await;
        }
    }

    async fn await_winner(&self, draft: &Envelope) -> Result<Option<Envelope>, Fault> {
        for millis in CREATE_BACKOFF_MILLIS {
            self.ambient.pause(millis).await;
            if let Some(envelope) = self.read(draft.kind(), draft.key()).await? {
                return Ok(Some(envelope));
            }
        }
        Ok(None)
    }

    /// One swap, and the truth about it.
    async fn write(&self, cas: S::Cas, draft: Envelope) -> Result<Written<S>, Fault> {
        let kind = draft.kind();
        let bytes = draft.to_bytes().map_err(|fault| record_fault(kind, fault))?;
        let (current, unanswered) = match self.store.swap(cas, bytes).await {
            Ok(Swap::Applied) => return Ok(Written::Applied(draft)),
            Ok(Swap::Refused(current)) => (current, None),
            Err(fault) => (self.store.watch(draft.key()).await?, Some(fault)),
        };
        let Some(watch) = watched::<S>(kind, draft.key(), current)? else {
            return unanswered.map_or(Ok(Written::Absent), |fault| Err(fault.into()));
        };
        let prefix = kind.prefix.as_str();
        match watch.envelope.tells(&draft) {
            Told::Happened => Ok(Written::Applied(draft.pending_as_in(watch.envelope))),
            Told::Overtaken => Ok(Written::Other(watch)),
            // Neither done nor prevented: it may still arrive, so this is no basis for a new decision.
            Told::Unchanged => Err(unanswered.map_or(Fault::Refused { prefix }, Fault::from)),
            Told::Forgotten => Err(Fault::Forgotten { prefix }),
        }
    }

    fn first(&self, kind: Kind, key: Key, body: Vec<u8>, carried: Carried) -> Result<Envelope, Fault> {
        let Carried { effects, entry } = carried;
        let write = self.write_id();
        let now = self.ambient.unix_seconds();
        let draft = Envelope::first(kind, key, body, name(write, effects), write, now);
        draft.audited(entry).map_err(|fault| record_fault(kind, fault))
    }

    fn write_id(&self) -> WriteId {
        WriteId(self.random())
    }

    pub(crate) fn random(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.ambient.fill(&mut bytes);
        bytes
    }
}

impl<S: Store> Undone<S> {
    /// The record as it was seen, its value encoded.
    pub fn envelope(&self) -> &Envelope {
        &self.0.envelope
    }
}

impl<R: Record, S: Store> Seen<R, S> {
    /// The domain value.
    pub fn value(&self) -> &R {
        self.stored.value()
    }

    /// The record as it was seen.
    pub fn stored(&self) -> &Stored<R> {
        &self.stored
    }

    /// Gives up the right to replace.
    pub fn into_stored(self) -> Stored<R> {
        self.stored
    }

    /// Keeps only the right to take out what is pending.
    pub fn into_undone(self) -> Undone<S> {
        Undone(Watch { envelope: self.stored.into_envelope(), cas: self.cas })
    }

    /// Lets the next [`Kv::replace`] take out effects that have been performed, which saves a [`Kv::settle`]. Says whether
    /// any was pending.
    pub fn settle(&mut self, done: &[EffectId]) -> bool {
        self.stored.settle(done)
    }
}

impl<R: Record, S: Store> fmt::Debug for Seen<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seen").field(&self.stored).finish()
    }
}

impl<R: Record, S: Store> fmt::Debug for Replaced<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Committed(stored) => f.debug_tuple("Committed").field(stored).finish(),
            Self::Lost(seen) => f.debug_tuple("Lost").field(seen).finish(),
            Self::Gone => f.write_str("Gone"),
        }
    }
}

impl Gates {
    fn of(key: &Key, unix_seconds: u64) -> Self {
        Self { this_minute: key.gate(unix_seconds), next_minute: key.gate(unix_seconds.saturating_add(GATE_SECONDS)) }
    }
}

impl Key {
    /// The counter that admits one creator of this key in the minute of this time.
    pub(crate) fn gate(&self, unix_seconds: u64) -> Self {
        self.beside(GATE, unix_seconds / GATE_SECONDS)
    }
}

/// Effects are named after the write that leaves them: its id, with their number added to the last byte.
fn name(write: WriteId, effects: Vec<Sealed>) -> Vec<Pending> {
    let named = |(number, effect)| {
        let WriteId(mut id) = write;
        let [.., last] = &mut id;
        *last = last.wrapping_add(number);
        Pending { id: EffectId(id), effect }
    };
    (0..=u8::MAX).zip(effects).map(named).collect()
}

fn watched<S: Store>(kind: Kind, key: &Key, watched: Watched<S::Cas>) -> Result<Option<Watch<S>>, Fault> {
    let Watched { cas, current } = watched;
    let envelope = current.map(|bytes| parse(kind, key, &bytes)).transpose()?;
    Ok(envelope.map(|envelope| Watch { envelope, cas }))
}

fn parse(kind: Kind, key: &Key, bytes: &[u8]) -> Result<Envelope, Fault> {
    Envelope::parse(kind, key.clone(), bytes).map_err(|fault| record_fault(kind, fault))
}

fn seen<R: Record, S: Store>(Watch { envelope, cas }: Watch<S>) -> Result<Seen<R, S>, Fault> {
    Ok(Seen { stored: open(envelope)?, cas })
}

fn created<R: Record>(creation: Creation, value: R) -> Result<Created<R>, Fault> {
    Ok(match creation {
        Creation::Created(envelope) => Created::Created(Stored::written(envelope, value)),
        Creation::Existed(envelope) => Created::Existed(open(envelope)?),
        Creation::Busy => Created::Busy,
    })
}

fn open<R: Record>(envelope: Envelope) -> Result<Stored<R>, Fault> {
    Stored::open(envelope).map_err(|fault| record_fault(R::KIND, fault))
}

fn encode<R: Record>(value: &R) -> Result<Vec<u8>, Fault> {
    value.encode().map_err(|fault| record_fault(R::KIND, fault))
}

fn record_fault(kind: Kind, fault: RecordFault) -> Fault {
    Fault::Record { prefix: kind.prefix.as_str(), fault }
}
