//! What a sweep has to look at, and how far it has come (OPS-3). Nothing here lists the store.
//!
//! Two things lead a sweep to a record:
//!
//! - **Reminders**: "look at this key in a minute". One is noted *before* every commit that leaves effects behind or makes
//!   something that ends. It has to be before: a request may die at any point after its commit, and the commit's key
//!   cannot be guessed, so that only a trace that is older than the commit can lead to it. Where nothing is written to a
//!   key that can be enumerated, nothing can be found: one write a commit is the least there is.
//! - **The expiry log** ([`crate::log`]): what ends, by the hour of its end. It is written by the sweep itself, when a
//!   reminder has led it to a record that ends; requests pay nothing for it.
//!
//! Both are lists named after their day or hour. That period closes [`QUIET_SECONDS`] after its end: whoever noted
//! something in it is dead by then, whatever its clock said. What is in a closed list is all there will ever be, so a list
//! that has been walked to its end can be deleted: nobody looks for it again, and nobody holds a handle to it.
//!
//! Except a day's first reminders: they stay, since they lead to everything that was changed on that day, which is what
//! the audit trail is found by ([`crate::audit`]). Hence also the first commit of a day to a record is noted, whether it
//! leaves something to be done or not.
//!
//! One reminder can name several records, for a request that is about to write them. And it can name what is *prepared*
//! for the first of them: records that are written before the commit and count only once it names them (the licences of
//! an order, the sheets of a batch of promo codes). What was prepared and is not named when the request is dead is removed.
//!
//! **Backoff.** A reminder that led to something which could not be done is noted again, for the next longer of
//! [`WAITS_SECONDS`]. Each wait has its lists, so that every list is in the order in which its reminders fall due and is
//! walked once. The entry's id derives from what it says and its time is that of the turn, which is the same for every
//! turn that works on the same: so a turn that dies and is repeated notes nothing twice. Only where the day of a dead turn
//! is over before the next one comes, a second entry is made, and meets the first one's at the next wait.
//!
//! **Killed anywhere, run by many.** A sweep reads its progress and what lies ahead, takes the turn (a replace that
//! fails if anybody else did), works, and then writes how far it came: to the end of what it took, or to where it had
//! done as much as fits into a request. A turn ends by itself when its request must be dead. What was looked at and not
//! yet written down is looked at again: that is harmless for everything a sweep does.
//!
//! | | reads | writes |
//! |---|---|---|
//! | a reminder, noted by a request | 2 (3 in a sheet's first minute; 4 for a shard's first of the day) | 1 (5) |
//! | a sweep that finds nothing to do | 1, and 1 for each of 9 lists; 4 more once an hour | 0 (2 once an hour) |
//! | a sweep that finds something | the same, 1 for each reminder and each sheet; 1 more at the end | 2, and what there is to do |
//! | a record that ends | 3 to note it, 1 to find it | 1 to note it, 1 to remove it |
//! | one that requests may replace at any time | the same, and 5 more | the same, and 2 more |

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    key::{Key, Name, Prefix},
    kv::{Created, Fault, Kv, Replaced, Seen},
    list::{Appended, Entry, EntryId, List},
    log::{Due, HOUR_SECONDS, LOG_SHARDS, shard_of},
    record::{RecordFault, decode_body, encode_body, record},
    records::{Swept, prepared_keys},
    store::{Ambient, CLOCK_SKEW_SECONDS, REQUEST_SECONDS, Store},
};

/// What was begun so many seconds ago, by whichever clock, is over: its request is dead.
pub const QUIET_SECONDS: u64 = CLOCK_SKEW_SECONDS + REQUEST_SECONDS;

/// How long a reminder waits, in seconds, by how often it was in vain. The first wait lets its request end; the others
/// are the backoff of what is tried again. The last one is repeated up to [`TRIES_MAX`].
pub const WAITS_SECONDS: [u64; 6] = [QUIET_SECONDS, 300, 1_800, 7_200, 28_800, 86_400];

/// How often a sweep tries before it leaves the effects to whoever meets the record: for about four days.
pub const TRIES_MAX: u8 = 8;

/// Reminders and expiries that are read ahead for one turn, at most.
pub const BATCH_ITEMS: usize = 64;

/// Storage operations after which a turn takes on nothing more: what one request can do within its time, at 50 writes a
/// second, with as much again for what it has begun and for carrying out.
pub const TURN_OPERATIONS: usize = 256;

/// Prepared records that one entry names: it stays below [`crate::list::PAYLOAD_BYTES_MAX`].
pub const PREPARED_MAX: usize = 56;

/// Lists that share a day's first reminders, so that requests do not all contend for one sheet.
const SHARDS: u8 = 4;
/// How far back the first sweep of a deployment begins: what was noted earlier has waited for a month without one.
const FIRST_DAYS: u64 = 31;
/// Sheets that one batch looks at: bounds what a sweep reads after a long pause.
const SHEETS_READ: usize = 256;
const DAY_SECONDS: u64 = 86_400;

const TODO: Prefix = Prefix::new("todo");

/// "Look at these records."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// The records.
    pub keys: Vec<Key>,
    /// Ids of what was prepared for the first of them.
    pub prepared: Vec<[u8; 16]>,
    /// When the commit was about to be made that this is about.
    pub noted_unix_seconds: u64,
    /// How often a sweep has looked in vain.
    pub tries: u8,
}

/// What a sweep has to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A record that was written a while ago.
    Reminder(Reminder),
    /// A record that was to end about now.
    Over(Due),
}

/// A place among the notes of a day. The first one is the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotePlace {
    shard: u8,
    sheet: u64,
    slot: u64,
}

/// That these records were about to be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What the entries in the audit trails call it.
    pub note: EntryId,
    /// When the request began.
    pub at_unix_seconds: u64,
    /// The records, what was prepared included.
    pub keys: Vec<Key>,
    /// Where to go on behind it.
    pub behind: NotePlace,
}

/// Some of a day's notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notes {
    /// In the order in which they were made; may be empty although more follow.
    pub notes: Vec<Note>,
    /// Where to go on; `None` at the end.
    pub next: Option<NotePlace>,
}

/// The outcome of [`Kv::next_batch`].
#[must_use = "a batch is to be taken, carried out and finished"]
pub enum Ahead<S: Store> {
    /// There is nothing to look at yet.
    Nothing,
    /// Another sweep is at work.
    Taken,
    /// This is to be looked at.
    Batch(Box<Batch<S>>),
}

/// A part of what lies ahead, not more than [`BATCH_ITEMS`]. Nobody else is kept from it before it is
/// [taken](Kv::take_turn).
pub struct Batch<S: Store> {
    seen: Seen<Progress, S>,
    plan: Plan,
    read_unix_seconds: u64,
}

/// A batch that nobody else works on meanwhile.
pub struct Turn {
    owner: [u8; 16],
    /// When the first turn began that worked on this.
    begun_unix_seconds: u64,
    before: Vec<Place>,
    plan: Plan,
}

/// How long nobody else sweeps, and where the next sweep begins in each lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    owner: [u8; 16],
    /// 0 when nobody is at work.
    taken_until_unix_seconds: u64,
    /// When the first turn began that took what lies ahead of these places.
    begun_unix_seconds: u64,
    places: Vec<Place>,
}

record! { Progress { id: Name, prefix: "sweep", version: 1, older: {} } }

/// Where a lane goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// Day or hour since 1970.
    period: u64,
    sheet: u64,
    slot: u64,
    /// The first sheet that has not been deleted.
    kept: u64,
}

/// Lists of the same kind, one for each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Todo { level: u8, shard: u8 },
    Due { shard: u8 },
}

#[derive(Debug, Default)]
struct Plan {
    items: Vec<Planned>,
    lanes: Vec<Walked>,
    /// Keys of lists that are done once so many items are, in the order in which they were filled.
    spent: Vec<(usize, Key)>,
    sheets_read: usize,
    more: bool,
}

#[derive(Debug)]
struct Planned {
    item: Item,
    /// Where its lane goes on behind it.
    behind: Place,
}

/// How far a lane was read.
#[derive(Debug)]
struct Walked {
    place: Place,
    /// How many items there were then.
    items: usize,
}

impl<S: Store, A: Ambient> Kv<S, A> {
    /// Notes that the record is to be looked at once this request is over. Do it before the commit.
    ///
    /// # Errors
    /// [`Fault`]; and [`Appended::Busy`] when too many others are writing in every shard. Then commit nothing.
    pub async fn remind(&self, key: &Key) -> Result<Appended, Fault> {
        let now = self.ambient().unix_seconds();
        let noted = self.remind_of(std::slice::from_ref(key), &[], now).await?;
        Ok(if noted.is_some() { Appended::Added } else { Appended::Busy })
    }

    /// Notes that these records are to be looked at once this request is over, and that it is about to write what is
    /// prepared for the first of them: one entry, and one more for each further [`PREPARED_MAX`]. Do it before all of that.
    /// `at_unix_seconds` is when the request began, and that of its entries in the audit trails, which name the note by the
    /// id that is returned.
    ///
    /// # Errors
    /// [`Fault`]; and `None` when too many others are writing in every shard. Then write nothing.
    pub async fn remind_of(
        &self,
        keys: &[Key],
        prepared: &[[u8; 16]],
        at_unix_seconds: u64,
    ) -> Result<Option<EntryId>, Fault> {
        let now = at_unix_seconds;
        let note = note_of(EntryId(self.random()));
        let mut number = 0;
        let mut parts = prepared.chunks(PREPARED_MAX);
        let mut part = parts.next().unwrap_or_default();
        let mut keys = keys;
        loop {
            let reminder = Reminder { keys: keys.to_vec(), prepared: part.to_vec(), noted_unix_seconds: now, tries: 0 };
            if self.note_anywhere(numbered(note, number), &reminder, now).await? == Appended::Busy {
                return Ok(None);
            }
            let Some(next) = parts.next() else {
                return Ok(Some(note));
            };
            number = number.wrapping_add(1);
            part = next;
            keys = keys.get(..1).unwrap_or_default();
        }
    }

    /// The reads of [`Kv::remind`], for whoever must not be told from one who notes something.
    pub async fn look_where_reminders_are(&self, at_unix_seconds: u64) -> Result<(), Fault> {
        let [first, ..] = self.random();
        let lane = Lane::Todo { level: 0, shard: first % SHARDS };
        self.look(&lane.list(at_unix_seconds / lane.period_seconds()), at_unix_seconds).await
    }

    async fn note_anywhere(&self, id: EntryId, reminder: &Reminder, now: u64) -> Result<Appended, Fault> {
        let EntryId([first, ..]) = id;
        let mut outcome = Appended::Busy;
        for turn in 0..SHARDS {
            let lane = Lane::Todo { level: 0, shard: first.wrapping_add(turn) % SHARDS };
            outcome = self.note(lane, id, reminder, now).await?;
            if outcome != Appended::Busy {
                break;
            }
        }
        Ok(outcome)
    }

    /// Some of the notes of a day (since 1970), from a place on or from the beginning: those of one sheet. Whatever was noted
    /// before this is called is behind some place that it leads to; places stay as they are.
    pub async fn notes_of(&self, day: u64, from: NotePlace) -> Result<Notes, Fault> {
        let NotePlace { shard, sheet, slot } = from;
        let list = Lane::Todo { level: 0, shard }.list(day);
        let (entries, full) = self.sheet(&list, sheet).await?.unwrap_or_default();
        let mut notes = Vec::new();
        for (number, entry) in (0_u64..).zip(&entries).skip_while(|(number, _)| *number < slot) {
            let reminder: Reminder = decode_body(&entry.payload).map_err(fault)?;
            let mut keys = reminder.keys;
            let prepared = keys.first().map(|owner| prepared_keys(owner, &reminder.prepared)).unwrap_or_default();
            // The further entries of one note repeat its first key only to say for what it was prepared.
            if note_of(entry.id) != entry.id {
                keys.clear();
            }
            keys.extend(prepared);
            let (note, at_unix_seconds) = (note_of(entry.id), entry.at_unix_seconds);
            notes.push(Note { note, at_unix_seconds, keys, behind: NotePlace { shard, sheet, slot: number + 1 } });
        }
        let next = match (full, shard.saturating_add(1)) {
            (true, _) => Some(NotePlace { shard, sheet: sheet.saturating_add(1), slot: 0 }),
            (false, shard) => (shard < SHARDS).then_some(NotePlace { shard, sheet: 0, slot: 0 }),
        };
        Ok(Notes { notes, next })
    }

    /// Notes it again for the next longer wait; `None` when it has been in vain [`TRIES_MAX`] times.
    ///
    /// Harmless when the turn is repeated: the repetition meets its own entry.
    pub async fn postpone(&self, turn: &Turn, reminder: &Reminder) -> Result<Option<Appended>, Fault> {
        let tries = reminder.tries.saturating_add(1);
        if tries >= TRIES_MAX {
            return Ok(None);
        }
        let level = WAITS_SECONDS.len().saturating_sub(1).min(usize::from(tries));
        let lane = Lane::Todo { level: u8::try_from(level).unwrap_or(u8::MAX), shard: 0 };
        let again = Reminder { tries, ..reminder.clone() };
        self.note(lane, again.entry_id()?, &again, turn.begun_unix_seconds).await.map(Some)
    }

    /// Notes it again for about so long, for a record that has a schedule of its own: for the longest wait that is not
    /// longer. `None` when it has been looked at too often.
    ///
    /// Harmless when the turn is repeated, as [`Kv::postpone`].
    pub async fn put_off(
        &self,
        turn: &Turn,
        reminder: &Reminder,
        wait_seconds: u64,
    ) -> Result<Option<Appended>, Fault> {
        let Some(tries) = reminder.tries.checked_add(1) else {
            return Ok(None);
        };
        let level = WAITS_SECONDS.iter().rposition(|wait| *wait <= wait_seconds).unwrap_or_default();
        let lane = Lane::Todo { level: u8::try_from(level).unwrap_or(u8::MAX), shard: 0 };
        let again = Reminder { tries, ..reminder.clone() };
        self.note(lane, again.entry_id()?, &again, turn.begun_unix_seconds).await.map(Some)
    }

    async fn note(&self, lane: Lane, id: EntryId, reminder: &Reminder, at: u64) -> Result<Appended, Fault> {
        let payload = encode_body(reminder).map_err(fault)?;
        let entry = Entry { id, at_unix_seconds: at, payload };
        self.append(&lane.list(at / lane.period_seconds()), &entry).await
    }

    /// Removes what was prepared for a record that does not name it, or is not there; 1 write for each. Says for how many.
    ///
    /// Only when the request that prepared it is dead. Then nobody holds a handle to it: only what is named is ever
    /// replaced; and nobody makes it anew, since its id was drawn for it.
    pub async fn remove_unnamed<R: Swept>(&self, owner: Option<&R>, prepared: &[[u8; 16]]) -> Result<usize, Fault> {
        let mut removed = 0;
        for id in prepared.iter().filter(|id| !owner.is_some_and(|owner| owner.names(id))) {
            if let Some(key) = R::prepared_key(id) {
                self.delete(&key).await?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// What a sweep has to look at next.
    pub async fn next_batch(&self) -> Result<Ahead<S>, Fault> {
        let now = self.ambient().unix_seconds();
        let Some(seen) = self.progress(now).await? else {
            return Ok(Ahead::Taken);
        };
        if now < seen.value().taken_until_unix_seconds {
            return Ok(Ahead::Taken);
        }
        let mut plan = Plan::default();
        for (lane, place) in LANES.into_iter().zip(&seen.value().places) {
            let place = self.walk(lane, *place, now, &mut plan).await?;
            plan.lanes.push(Walked { place, items: plan.items.len() });
        }
        if plan.lanes.iter().map(|lane| &lane.place).eq(&seen.value().places) {
            return Ok(Ahead::Nothing);
        }
        Ok(Ahead::Batch(Box::new(Batch { seen, plan, read_unix_seconds: now })))
    }

    /// Takes the turn, for [`QUIET_SECONDS`]. `None` when another sweep was faster: everything is as it was.
    pub async fn take_turn(&self, batch: Box<Batch<S>>) -> Result<Option<Turn>, Fault> {
        let Batch { seen, plan, read_unix_seconds } = *batch;
        let now = self.ambient().unix_seconds();
        let owner = self.random();
        let begun_unix_seconds = seen.value().begun_unix_seconds(read_unix_seconds).unwrap_or(now);
        let before = seen.value().places.clone();
        let taken_until_unix_seconds = now.saturating_add(QUIET_SECONDS);
        let taken = Progress { owner, taken_until_unix_seconds, begun_unix_seconds, places: before.clone() };
        let replaced = self.replace(seen, taken, Vec::new()).await?;
        let turn = Turn { owner, begun_unix_seconds, before, plan };
        Ok(matches!(replaced, Replaced::Committed(_)).then_some(turn))
    }

    /// Removes what the turn has used up and writes down how far it came: behind the first `done` items.
    ///
    /// Says whether more can be looked at now.
    pub async fn finish(&self, turn: Turn, done: usize) -> Result<bool, Fault> {
        // The last first: killed half-way, the next sweep still finds its way from the first on.
        for (_, key) in turn.plan.spent.iter().rev().filter(|(items, _)| *items <= done) {
            self.delete(key).await?;
        }
        let more = turn.plan.more || done < turn.plan.items.len();
        let places = turn.places(done);
        let Turn { owner, begun_unix_seconds, .. } = turn;
        if let Some(seen) = self.load::<Progress>(&NAME).await?
            && seen.value().owner == owner
        {
            let done = Progress { owner, taken_until_unix_seconds: 0, begun_unix_seconds, places };
            // Lost only to one that has taken the turn meanwhile, and will look at the same again.
            drop(self.replace(seen, done, Vec::new()).await?);
        }
        Ok(more)
    }

    /// Deletes the gates that a creation of this key may have left behind when it died; 3 writes.
    ///
    /// Only for a reminder that has been in vain once: by then nobody uses gates of those minutes.
    pub async fn remove_gates(&self, reminder: &Reminder) -> Result<(), Fault> {
        for key in &reminder.keys {
            for minutes in 0..3 {
                self.delete(&key.gate(reminder.noted_unix_seconds.saturating_add(60 * minutes))).await?;
            }
        }
        Ok(())
    }

    /// `None` while another sweep is creating it.
    async fn progress(&self, now: u64) -> Result<Option<Seen<Progress, S>>, Fault> {
        if let Some(seen) = self.load::<Progress>(&NAME).await? {
            return Ok(Some(seen));
        }
        match self.create(&NAME, Progress::at(now), Vec::new()).await? {
            Created::Busy => Ok(None),
            Created::Created(_) | Created::Existed(_) => self.load::<Progress>(&NAME).await,
        }
    }

    /// Collects what is ripe in a lane, and what can be deleted behind it; returns where to go on.
    ///
    /// Watched reads: a stale one could miss the last entries of a list that is about to be deleted.
    async fn walk(&self, lane: Lane, mut place: Place, now: u64, plan: &mut Plan) -> Result<Place, Fault> {
        loop {
            let closed = lane.is_closed(place.period, now);
            if matches!(lane, Lane::Due { .. }) && !closed {
                return Ok(place);
            }
            if plan.is_full() {
                plan.more = true;
                return Ok(place);
            }
            plan.sheets_read += 1;
            let list = lane.list(place.period);
            let (entries, full) = self.sheet(&list, place.sheet).await?.unwrap_or_default();
            for entry in entries.iter().skip(usize::try_from(place.slot).unwrap_or(usize::MAX)) {
                if !lane.is_ripe(entry, now) {
                    return Ok(place);
                }
                if plan.is_full() {
                    plan.more = true;
                    return Ok(place);
                }
                place.slot += 1;
                plan.items.push(Planned { item: lane.item(entry)?, behind: place });
            }
            if full {
                (place.sheet, place.slot) = (place.sheet + 1, 0);
                continue;
            }
            if !closed {
                return Ok(place);
            }
            let begun = place.sheet > 0 || !entries.is_empty();
            if begun && !lane.is_kept() && !plan.delete(&list, &mut place) {
                return Ok(place);
            }
            place = Place { period: place.period + 1, sheet: 0, slot: 0, kept: 0 };
        }
    }
}

const NAME: Name = Name::new("progress");

/// Every lane, in the order of [`Progress::places`]. Further ones go to the end.
const LANES: [Lane; 13] = [
    Lane::Todo { level: 0, shard: 0 },
    Lane::Todo { level: 0, shard: 1 },
    Lane::Todo { level: 0, shard: 2 },
    Lane::Todo { level: 0, shard: 3 },
    Lane::Todo { level: 1, shard: 0 },
    Lane::Todo { level: 2, shard: 0 },
    Lane::Todo { level: 3, shard: 0 },
    Lane::Todo { level: 4, shard: 0 },
    Lane::Todo { level: 5, shard: 0 },
    Lane::Due { shard: 0 },
    Lane::Due { shard: 1 },
    Lane::Due { shard: 2 },
    Lane::Due { shard: 3 },
];
const _: () = assert!(SHARDS == 4 && LOG_SHARDS == 4 && WAITS_SECONDS.len() == 6, "LANES has all of them");

impl Lane {
    fn list(self, period: u64) -> List {
        match self {
            Self::Todo { level, shard } => List::under(TODO, &Name::number(period).shard(level).shard(shard)),
            Self::Due { shard } => shard_of(period, shard),
        }
    }

    fn period_seconds(self) -> u64 {
        match self {
            Self::Todo { .. } => DAY_SECONDS,
            Self::Due { .. } => HOUR_SECONDS,
        }
    }

    /// Whether nothing is appended to the period's list any more.
    fn is_closed(self, period: u64, now: u64) -> bool {
        period.saturating_add(1).saturating_mul(self.period_seconds()).saturating_add(QUIET_SECONDS) <= now
    }

    /// Whether its lists stay, for what they say of their day.
    fn is_kept(self) -> bool {
        matches!(self, Self::Todo { level: 0, .. })
    }

    fn is_ripe(self, entry: &Entry, now: u64) -> bool {
        match self {
            Self::Todo { level, .. } => {
                let wait = WAITS_SECONDS.get(usize::from(level)).copied().unwrap_or(DAY_SECONDS);
                entry.at_unix_seconds.saturating_add(wait) <= now
            }
            // The hour is closed, so everything in it is over.
            Self::Due { .. } => true,
        }
    }

    fn item(self, entry: &Entry) -> Result<Item, Fault> {
        match self {
            Self::Todo { .. } => decode_body(&entry.payload).map(Item::Reminder),
            Self::Due { .. } => decode_body(&entry.payload).map(Item::Over),
        }
        .map_err(fault)
    }
}

impl Progress {
    /// Where the first sweep of a deployment begins. The expiry log is written by sweeps only, and retries too; one whose
    /// clock is behind may write into the period before.
    fn at(now: u64) -> Self {
        let place = |lane: Lane| {
            let period = now / lane.period_seconds();
            let first = matches!(lane, Lane::Todo { level: 0, .. });
            let period = period.saturating_sub(if first { FIRST_DAYS } else { 1 });
            Place { period, sheet: 0, slot: 0, kept: 0 }
        };
        let places = LANES.into_iter().map(place).collect();
        Self { owner: [0; 16], taken_until_unix_seconds: 0, begun_unix_seconds: 0, places }
    }

    /// When the dead turn began that worked on what lies ahead, if what it noted is in a list that was still open when this
    /// was read.
    fn begun_unix_seconds(&self, read_unix_seconds: u64) -> Option<u64> {
        let noted_in = Lane::Todo { level: 1, shard: 0 };
        let day = self.begun_unix_seconds / noted_in.period_seconds();
        let unfinished = self.taken_until_unix_seconds > 0;
        (unfinished && !noted_in.is_closed(day, read_unix_seconds)).then_some(self.begun_unix_seconds)
    }
}

impl Reminder {
    /// The same about one of its records.
    #[must_use]
    pub fn about(&self, key: &Key) -> Self {
        let prepared = if self.keys.first() == Some(key) { self.prepared.clone() } else { Vec::new() };
        Self { keys: vec![key.clone()], prepared, ..self.clone() }
    }

    /// What says the same is the same entry.
    fn entry_id(&self) -> Result<EntryId, Fault> {
        let mut id = [0; 16];
        let digest = Sha256::digest(encode_body(self).map_err(fault)?);
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Ok(EntryId(id))
    }
}

impl Plan {
    fn is_full(&self) -> bool {
        self.items.len() + self.spent.len() >= BATCH_ITEMS || self.sheets_read >= SHEETS_READ
    }

    /// Plans the deletion of a list that has been walked to its end; says whether all of it fits into the batch.
    fn delete(&mut self, list: &List, place: &mut Place) -> bool {
        while place.kept <= place.sheet {
            if self.is_full() {
                self.more = true;
                return false;
            }
            self.spent.push((self.items.len(), list.sheet(place.kept)));
            place.kept += 1;
        }
        self.spent.push((self.items.len(), list.head()));
        true
    }
}

impl Turn {
    /// What is to be looked at, in this order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.plan.items.iter().map(|planned| &planned.item)
    }

    /// Where each lane goes on when so many items are done. The items are in the order of their lanes.
    fn places(&self, done: usize) -> Vec<Place> {
        let mut first = 0;
        let lanes = self.plan.lanes.iter().zip(&self.before).map(|(lane, before)| {
            let done_here = self.plan.items.get(first..done.min(lane.items)).unwrap_or_default();
            first = lane.items;
            if done >= lane.items { lane.place } else { done_here.last().map_or(*before, |planned| planned.behind) }
        });
        lanes.collect()
    }
}

/// The note that an entry of the day's list belongs to: one note is several entries when much was prepared, which differ in
/// the last byte of their ids.
fn note_of(EntryId(mut id): EntryId) -> EntryId {
    let [.., last] = &mut id;
    *last = 0;
    EntryId(id)
}

fn numbered(EntryId(mut id): EntryId, number: u8) -> EntryId {
    let [.., last] = &mut id;
    *last = number;
    EntryId(id)
}

fn fault(fault: RecordFault) -> Fault {
    Fault::Record { prefix: TODO.as_str(), fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Keyed;

    // OPS-4: the bytes of the sweep's own record are read by every later release.
    #[test]
    fn the_progress_has_these_bytes() {
        let progress = Progress {
            owner: [1; 16],
            taken_until_unix_seconds: 300,
            begun_unix_seconds: 240,
            places: vec![Place { period: 1, sheet: 2, slot: 3, kept: 4 }],
        };
        let bytes = encode_body(&progress).expect("small");
        let expected: &[u8] =
            b"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\xac\x02\xf0\x01\x01\x01\x02\x03\x04";
        assert_eq!(bytes, expected);
        assert_eq!(decode_body::<Progress>(&bytes), Ok(progress));
        let key = [0; 16].key(Prefix::new("sample"));
        let prepared = vec![*b"some drawn bytes"];
        let reminder = Reminder { keys: vec![key], prepared, noted_unix_seconds: 300, tries: 2 };
        let bytes = encode_body(&reminder).expect("small");
        let keys: &[u8] = b"\x01\x21sample:aaaaaaaaaaaaaaaaaaaaaaaaaa";
        assert_eq!(bytes, [keys, b"\x01some drawn bytes", b"\xac\x02\x02"].concat());
    }

    // OPS-3: what the longest reminder of a request says fits into an entry.
    #[test]
    fn a_full_reminder_fits_into_an_entry() {
        let key = [0xff; 16].key(Prefix::new("eightchr"));
        let prepared = vec![[0xff; 16]; PREPARED_MAX];
        let full = Reminder { keys: vec![key.clone(), key], prepared, noted_unix_seconds: u64::MAX, tries: u8::MAX };
        assert!(encode_body(&full).expect("small").len() <= crate::list::PAYLOAD_BYTES_MAX);
    }
}
