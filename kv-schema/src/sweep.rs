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
//! **Backoff.** A reminder that led to something which could not be done is noted again, for the next longer of
//! [`WAITS_SECONDS`]. Each wait has its lists, so that every list is in the order in which its reminders fall due and is
//! walked once.
//!
//! **Killed anywhere, run by many.** A sweep reads its progress and what lies ahead, takes the turn (a replace that
//! fails if anybody else did), works, and then writes how far it came. A turn ends by itself when its request must be
//! dead. What was looked at and not yet written down is looked at again: that is harmless for everything a sweep does.
//!
//! | | reads | writes |
//! |---|---|---|
//! | a reminder, noted by a request | 2 (3 in a sheet's first minute; 4 for a shard's first of the day) | 1 (5) |
//! | a sweep that finds nothing to do | 1, and 1 for each of 9 lists; 4 more once an hour | 0 (2 once an hour) |
//! | a sweep that finds something | the same, 1 for each reminder and each sheet; 1 more at the end | 2, and what there is to do |
//! | a record that ends | 3 to note it, 1 to find it | 1 to note it, 1 to remove it |

use serde::{Deserialize, Serialize};

use crate::{
    key::{Key, Name, Prefix},
    kv::{Created, Fault, Kv, Replaced, Seen},
    list::{Appended, Entry, EntryId, List},
    log::{Due, HOUR_SECONDS, LOG_SHARDS, shard_of},
    record::{RecordFault, decode_body, encode_body, record},
    store::{Ambient, CLOCK_SKEW_SECONDS, REQUEST_SECONDS, Store},
};

/// What was begun so many seconds ago, by whichever clock, is over: its request is dead.
pub const QUIET_SECONDS: u64 = CLOCK_SKEW_SECONDS + REQUEST_SECONDS;

/// How long a reminder waits, in seconds, by how often it was in vain. The first wait lets its request end; the others
/// are the backoff of what is tried again. The last one is repeated up to [`TRIES_MAX`].
pub const WAITS_SECONDS: [u64; 6] = [QUIET_SECONDS, 300, 1_800, 7_200, 28_800, 86_400];

/// How often a sweep tries before it leaves the effects to whoever meets the record: for about four days.
pub const TRIES_MAX: u8 = 8;

/// Reminders and expiries of one batch: what one request can do within its time.
pub const BATCH_ITEMS: usize = 64;

/// Lists that share a day's first reminders, so that requests do not all contend for one sheet.
const SHARDS: u8 = 4;
/// How far back the first sweep of a deployment begins: what was noted earlier has waited for a month without one.
const FIRST_DAYS: u64 = 31;
/// Sheets that one batch looks at: bounds what a sweep reads after a long pause.
const SHEETS_READ: usize = 256;
const DAY_SECONDS: u64 = 86_400;

const TODO: Prefix = Prefix::new("todo");

/// "Look at this record."
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// The record.
    pub key: Key,
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
}

/// A batch that nobody else works on meanwhile.
pub struct Turn {
    owner: [u8; 16],
    plan: Plan,
}

/// How long nobody else sweeps, and where the next sweep begins in each lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    owner: [u8; 16],
    /// 0 when nobody is at work.
    taken_until_unix_seconds: u64,
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
    items: Vec<Item>,
    places: Vec<Place>,
    /// Keys of lists that are done, in the order in which they were filled.
    spent: Vec<Key>,
    sheets_read: usize,
    more: bool,
}

impl<S: Store, A: Ambient> Kv<S, A> {
    /// Notes that the record is to be looked at once this request is over. Do it before the commit.
    ///
    /// # Errors
    /// [`Fault`]; and [`Appended::Busy`] when too many others are writing in every shard. Then commit nothing.
    pub async fn remind(&self, key: &Key) -> Result<Appended, Fault> {
        let now = self.ambient().unix_seconds();
        let reminder = Reminder { key: key.clone(), noted_unix_seconds: now, tries: 0 };
        let [first, ..] = self.random();
        let mut outcome = Appended::Busy;
        for turn in 0..SHARDS {
            let lane = Lane::Todo { level: 0, shard: first.wrapping_add(turn) % SHARDS };
            outcome = self.note(lane, &reminder, now).await?;
            if outcome != Appended::Busy {
                break;
            }
        }
        Ok(outcome)
    }

    /// Notes it again for the next longer wait; `None` when it has been in vain [`TRIES_MAX`] times.
    pub async fn postpone(&self, reminder: &Reminder) -> Result<Option<Appended>, Fault> {
        let tries = reminder.tries.saturating_add(1);
        if tries >= TRIES_MAX {
            return Ok(None);
        }
        let level = WAITS_SECONDS.len().saturating_sub(1).min(usize::from(tries));
        let lane = Lane::Todo { level: u8::try_from(level).unwrap_or(u8::MAX), shard: 0 };
        let again = Reminder { tries, ..reminder.clone() };
        self.note(lane, &again, self.ambient().unix_seconds()).await.map(Some)
    }

    async fn note(&self, lane: Lane, reminder: &Reminder, now: u64) -> Result<Appended, Fault> {
        let payload = encode_body(reminder).map_err(fault)?;
        let entry = Entry { id: EntryId(self.random()), at_unix_seconds: now, payload };
        self.append(&lane.list(now / lane.period_seconds()), &entry).await
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
            plan.places.push(place);
        }
        if plan.places == seen.value().places {
            return Ok(Ahead::Nothing);
        }
        Ok(Ahead::Batch(Box::new(Batch { seen, plan })))
    }

    /// Takes the turn, for [`QUIET_SECONDS`]. `None` when another sweep was faster: everything is as it was.
    pub async fn take_turn(&self, batch: Box<Batch<S>>) -> Result<Option<Turn>, Fault> {
        let Batch { seen, plan } = *batch;
        let owner = self.random();
        let taken_until_unix_seconds = self.ambient().unix_seconds().saturating_add(QUIET_SECONDS);
        let taken = Progress { owner, taken_until_unix_seconds, places: seen.value().places.clone() };
        let replaced = self.replace(seen, taken, Vec::new()).await?;
        Ok(matches!(replaced, Replaced::Committed(_)).then_some(Turn { owner, plan }))
    }

    /// Removes what the batch has used up and writes down how far it came. Only after every item was looked at.
    ///
    /// Says whether more can be looked at now.
    pub async fn finish(&self, turn: Turn) -> Result<bool, Fault> {
        let Turn { owner, plan } = turn;
        // The last first: killed half-way, the next sweep still finds its way from the first on.
        for key in plan.spent.iter().rev() {
            self.delete(key).await?;
        }
        if let Some(seen) = self.load::<Progress>(&NAME).await?
            && seen.value().owner == owner
        {
            let done = Progress { owner, taken_until_unix_seconds: 0, places: plan.places };
            // Lost only to one that has taken the turn meanwhile, and will look at the same again.
            drop(self.replace(seen, done, Vec::new()).await?);
        }
        Ok(plan.more)
    }

    /// Deletes the gates that a creation of this key may have left behind when it died; 3 writes.
    ///
    /// Only for a reminder that has been in vain once: by then nobody uses gates of those minutes.
    pub async fn remove_gates(&self, reminder: &Reminder) -> Result<(), Fault> {
        for minutes in 0..3 {
            self.delete(&reminder.key.gate(reminder.noted_unix_seconds.saturating_add(60 * minutes))).await?;
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
                plan.items.push(lane.item(entry)?);
                place.slot += 1;
            }
            if full {
                (place.sheet, place.slot) = (place.sheet + 1, 0);
                continue;
            }
            if !closed {
                return Ok(place);
            }
            let begun = place.sheet > 0 || !entries.is_empty();
            if begun && !plan.delete(&list, &mut place) {
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
        Self { owner: [0; 16], taken_until_unix_seconds: 0, places: LANES.into_iter().map(place).collect() }
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
            self.spent.push(list.sheet(place.kept));
            place.kept += 1;
        }
        self.spent.push(list.head());
        true
    }
}

impl Turn {
    /// What is to be looked at, in this order.
    pub fn items(&self) -> &[Item] {
        &self.plan.items
    }
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
            places: vec![Place { period: 1, sheet: 2, slot: 3, kept: 4 }],
        };
        let bytes = encode_body(&progress).expect("small");
        let expected: &[u8] =
            b"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\xac\x02\x01\x01\x02\x03\x04";
        assert_eq!(bytes, expected);
        assert_eq!(decode_body::<Progress>(&bytes), Ok(progress));
        let reminder = Reminder { key: [0; 16].key(Prefix::new("sample")), noted_unix_seconds: 300, tries: 2 };
        let bytes = encode_body(&reminder).expect("small");
        assert_eq!(bytes, [b"\x21sample:aaaaaaaaaaaaaaaaaaaaaaaaaa".as_slice(), b"\xac\x02\x02"].concat());
    }
}
