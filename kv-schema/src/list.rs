//! Lists: an index over records that grows without any value growing, appended to by effects that may be repeated.
//!
//! A list is a chain of sheets of at most [`SHEET_ENTRIES`] entries. Sheets fill strictly in order: an entry is appended
//! to the last one by [`Kv::replace`], and when that is full the next is made by [`Kv::create`] with the entry in it.
//! Removing takes an entry's payload and leaves its id, so that a full sheet stays full and closed for ever. The head
//! record holds the first and last sheet's numbers, as a *hint* that is rewritten once in a hundred appends: whoever needs
//! the last sheet goes on from there while there is another, and whoever appends beyond it corrects it.
//!
//! # Why repeating an append is harmless, however late
//!
//! An effect is repeated with the same entry id and the same time of its cause. The entry can only be in a sheet that was
//! still open when its cause was decided. A sheet closes before the next one starts, and each sheet says when it was
//! started; so, walking back from the last sheet, the walk ends at the first one that was started
//! [`CERTAIN_SECONDS`] before the cause (two clocks differ by less than 30 s): what lies before it was closed by then.
//! Undisturbed that is the last sheet itself, one read. An entry that was removed is recognised by the id it left.
//! Two repetitions at once meet in the swap of the open sheet; the loser looks at that sheet again, and at those after it.
//!
//! | operation | reads | writes |
//! |---|---|---|
//! | append | 2 (head, last sheet); 3 in a sheet's first minute | 1 |
//! | append, every hundredth | 6 (8 for a list's second sheet) | 6 (10) |
//! | append again, already there | 2 | 0 |
//! | remove | 2, and log2 of the sheets in use | 1 |
//! | a page | 2 (1 with a cursor), at most [`PAGE_READS`] + 1 where entries were removed | 0 |
//!
//! Redis: one read more for each swap.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    key::{Key, Keyed, Name, Prefix},
    kv::{Created, Fault, Kv, Replaced, Seen},
    record::{Record, RecordFault, record},
    store::{Ambient, CLOCK_SKEW_SECONDS, Store},
};

/// Entries in a sheet, removed ones included.
pub const SHEET_ENTRIES: usize = 100;

/// The largest payload of an entry, in bytes: a full sheet stays under half of what a value may have.
pub const PAYLOAD_BYTES_MAX: usize = 1024;

/// One clock is this much ahead of another for certain when it shows as much more.
pub const CERTAIN_SECONDS: u64 = 2 * CLOCK_SKEW_SECONDS;

/// Sheets that one call of [`Kv::page`] looks at before it hands back an empty page and a cursor.
pub const PAGE_READS: usize = 4;

/// How often an append or a removal starts over after losing against others.
const TRIES: usize = 8;

/// How far a late append or a removal looks for an entry: 25,600 entries between the cause and its effect.
const SHEETS_SEARCHED: usize = 256;

/// Emptied sheets that one removal drops from the front.
const SHEETS_TRIMMED: usize = 16;

/// A list, by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    head: Key,
}

/// What is appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Derived from what is listed, so that a repetition meets its own entry.
    pub id: EntryId,
    /// When the cause of the entry was decided: the same at every repetition.
    pub at_unix_seconds: u64,
    /// At most [`PAYLOAD_BYTES_MAX`] bytes.
    pub payload: Vec<u8>,
}

/// Names an entry within its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId(pub [u8; 16]);

/// The outcome of [`Kv::append`].
#[must_use = "a busy list does not hold the entry"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The entry is now the last one.
    Added,
    /// It has been there before, and may have been removed since.
    AlreadyThere,
    /// Too many others are writing. Leave the effect pending; it will be repeated.
    Busy,
}

/// The outcome of [`Kv::remove`].
#[must_use = "a busy list still holds the entry"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The entry is gone.
    Removed,
    /// It is not in the list: removed before, or never appended.
    Absent,
    /// Too many others are writing. Leave the effect pending; it will be repeated.
    Busy,
}

/// Some of a list's entries, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most [`SHEET_ENTRIES`]; may be empty although more follow.
    pub entries: Vec<Entry>,
    /// Where to go on; `None` at the end.
    pub next: Option<Cursor>,
}

/// A place in a list. Stays valid whatever is appended or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub u64);

/// Where the sheets in use begin and end, roughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    first: u64,
    last: u64,
}

record! { Head { id: Key, prefix: "list", version: 1, older: {} } }

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sheet {
    /// Not earlier than the sheet before it.
    started_unix_seconds: u64,
    slots: Vec<Slot>,
}

record! { Sheet { id: Key, prefix: "list", version: 1, older: {} } }

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Slot {
    id: EntryId,
    at_unix_seconds: u64,
    /// `None` once removed.
    payload: Option<Vec<u8>>,
}

impl Keyed for Key {
    /// A list's head and sheets are named by the list's own key.
    fn key(&self, _: Prefix) -> Key {
        self.clone()
    }
}

impl List {
    /// The list of this name.
    pub fn named(name: &Name) -> Self {
        Self::under(Head::PREFIX, name)
    }

    pub(crate) fn under(prefix: Prefix, name: &Name) -> Self {
        Self { head: Key::of_name(prefix, name) }
    }

    pub(crate) fn head(&self) -> Key {
        self.head.clone()
    }

    pub(crate) fn sheet(&self, number: u64) -> Key {
        self.head.numbered(number)
    }
}

impl<S: Store, A: Ambient> Kv<S, A> {
    /// Appends `entry`, unless it is or was in the list.
    ///
    /// # Errors
    /// [`Fault`], and the entry may or may not be in: repeat it.
    pub async fn append(&self, list: &List, entry: &Entry) -> Result<Appended, Fault> {
        if entry.payload.len() > PAYLOAD_BYTES_MAX {
            let fault = RecordFault::TooLarge { bytes: entry.payload.len() };
            return Err(Fault::Record { prefix: Sheet::PREFIX.as_str(), fault });
        }
        let hint = self.head(list).await?.last;
        let mut number = hint;
        let mut searched = false;
        let mut earliest: Option<(u64, u64)> = None;
        let mut full = None;
        for _ in 0..TRIES {
            let open = match self.load::<Sheet>(&list.sheet(number)).await? {
                Some(seen) if seen.value().holds(entry.id) => return Ok(Appended::AlreadyThere),
                Some(seen) if seen.value().is_full() => {
                    full = Some(seen.value().started_unix_seconds);
                    earliest = earliest.or(full.map(|started| (number, started)));
                    number += 1;
                    continue;
                }
                open => open,
            };
            if !searched {
                let started = open.as_ref().map_or(u64::MAX, |seen| seen.value().started_unix_seconds);
                match self.is_in_earlier(list, earliest.unwrap_or((number, started)), entry).await? {
                    Some(true) => return Ok(Appended::AlreadyThere),
                    Some(false) => searched = true,
                    None => return Ok(Appended::Busy),
                }
            }
            let added = match open {
                Some(seen) => self.append_to(seen, entry).await?,
                None => match self.begin_sheet(list, number, full, entry).await? {
                    Created::Created(_) => true,
                    Created::Existed(_) => false,
                    Created::Busy => return Ok(Appended::Busy),
                },
            };
            if added {
                if number > hint {
                    // A hint: the next one to append goes on from the old one and tries again.
                    let _ = self.hint_last(list, number).await;
                }
                return Ok(Appended::Added);
            }
        }
        Ok(Appended::Busy)
    }

    /// Removes the entry that was appended with this id and time.
    ///
    /// Perform it after the append: effects are drained in order. What is removed cannot be appended again.
    pub async fn remove(&self, list: &List, id: EntryId, at_unix_seconds: u64) -> Result<Removed, Fault> {
        let head = self.head(list).await?;
        let mut number = self.last_started_before(list, head, at_unix_seconds).await?;
        let mut losses = 0;
        for _ in 0..SHEETS_SEARCHED {
            let Some(seen) = self.load::<Sheet>(&list.sheet(number)).await? else {
                return Ok(Removed::Absent);
            };
            let sheet = seen.value();
            if !sheet.holds(id) && !sheet.is_full() {
                return Ok(Removed::Absent);
            }
            if !sheet.holds(id) {
                number += 1;
                continue;
            }
            let Some(rest) = sheet.without(id) else {
                return Ok(Removed::Absent);
            };
            let emptied = rest.is_spent();
            if matches!(self.replace(seen, rest, Vec::new()).await?, Replaced::Committed(_)) {
                if emptied {
                    // A hint: readers pass over emptied sheets all the same.
                    let _ = self.trim(list).await;
                }
                return Ok(Removed::Removed);
            }
            losses += 1;
            if losses == TRIES {
                break;
            }
        }
        Ok(Removed::Busy)
    }

    /// The entries from the cursor on, or from the beginning: those of one sheet, oldest first.
    pub async fn page(&self, list: &List, from: Option<Cursor>) -> Result<Page, Fault> {
        let mut number = match from {
            Some(Cursor(number)) => number,
            None => self.head(list).await?.first,
        };
        for _ in 0..PAGE_READS {
            let Some(stored) = self.get::<Sheet>(&list.sheet(number)).await? else {
                return Ok(Page { entries: Vec::new(), next: None });
            };
            let sheet = stored.into_value();
            number = number.saturating_add(1);
            let next = sheet.is_full().then_some(Cursor(number));
            let entries: Vec<Entry> = sheet.slots.into_iter().filter_map(Slot::into_entry).collect();
            if !entries.is_empty() || next.is_none() {
                return Ok(Page { entries, next });
            }
        }
        Ok(Page { entries: Vec::new(), next: Some(Cursor(number)) })
    }

    /// One sheet of a list from which nothing is removed, by a watched read: its entries, and whether it is full.
    pub(crate) async fn sheet(&self, list: &List, number: u64) -> Result<Option<(Vec<Entry>, bool)>, Fault> {
        let seen = self.load::<Sheet>(&list.sheet(number)).await?;
        Ok(seen.map(|seen| {
            let sheet = seen.into_stored().into_value();
            let full = sheet.is_full();
            (sheet.slots.into_iter().filter_map(Slot::into_entry).collect(), full)
        }))
    }

    /// The reads of an undisturbed append of something decided at that time.
    pub(crate) async fn look(&self, list: &List, at_unix_seconds: u64) -> Result<(), Fault> {
        let number = self.head(list).await?.last;
        let sheet = self.load::<Sheet>(&list.sheet(number)).await?;
        let started = sheet.map_or(u64::MAX, |seen| seen.value().started_unix_seconds);
        if number > 0 && !certainly_before(started, at_unix_seconds) {
            drop(self.load::<Sheet>(&list.sheet(number - 1)).await?);
        }
        Ok(())
    }

    async fn head(&self, list: &List) -> Result<Head, Fault> {
        let stored = self.get::<Head>(&list.head).await?;
        Ok(stored.map_or(Head { first: 0, last: 0 }, |stored| *stored.value()))
    }

    /// Whether the entry is in a sheet before one of which number and start are given. `None`: too far back to tell.
    ///
    /// Watched reads, since a stale one could miss the last entry of a sheet that has just been closed.
    async fn is_in_earlier(&self, list: &List, looked_at: (u64, u64), entry: &Entry) -> Result<Option<bool>, Fault> {
        let (mut number, mut started) = looked_at;
        for _ in 0..SHEETS_SEARCHED {
            if number == 0 || certainly_before(started, entry.at_unix_seconds) {
                return Ok(Some(false));
            }
            number -= 1;
            match self.load::<Sheet>(&list.sheet(number)).await? {
                None => return Ok(Some(false)),
                Some(seen) if seen.value().holds(entry.id) => return Ok(Some(true)),
                Some(seen) => started = seen.value().started_unix_seconds,
            }
        }
        Ok(None)
    }

    async fn append_to(&self, seen: Seen<Sheet, S>, entry: &Entry) -> Result<bool, Fault> {
        let longer = seen.value().with(entry);
        Ok(matches!(self.replace(seen, longer, Vec::new()).await?, Replaced::Committed(_)))
    }

    async fn begin_sheet(
        &self,
        list: &List,
        number: u64,
        full: Option<u64>,
        entry: &Entry,
    ) -> Result<Created<Sheet>, Fault> {
        let started_unix_seconds = self.ambient().unix_seconds().max(full.unwrap_or(0));
        let sheet = Sheet { started_unix_seconds, slots: Vec::new() }.with(entry);
        self.create(&list.sheet(number), sheet, Vec::new()).await
    }

    async fn hint_last(&self, list: &List, number: u64) -> Result<(), Fault> {
        match self.load::<Head>(&list.head).await? {
            None => drop(self.create(&list.head, Head { first: 0, last: number }, Vec::new()).await?),
            Some(seen) if seen.value().last < number => {
                let head = Head { last: number, ..*seen.value() };
                drop(self.replace(seen, head, Vec::new()).await?);
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// The last sheet that was certainly started before `at`: an entry of that time is in it or after it.
    async fn last_started_before(&self, list: &List, head: Head, at: u64) -> Result<u64, Fault> {
        let (mut low, mut high) = (head.first, head.last);
        while low < high {
            let middle = high - (high - low) / 2;
            let sheet = self.get::<Sheet>(&list.sheet(middle)).await?;
            if sheet.is_some_and(|sheet| certainly_before(sheet.value().started_unix_seconds, at)) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        Ok(low)
    }

    /// Moves the beginning past sheets that are full and hold nothing any more.
    async fn trim(&self, list: &List) -> Result<(), Fault> {
        let Some(seen) = self.load::<Head>(&list.head).await? else {
            return Ok(());
        };
        let Head { mut first, last } = *seen.value();
        for _ in 0..SHEETS_TRIMMED {
            let sheet = self.get::<Sheet>(&list.sheet(first)).await?;
            if first == last || !sheet.is_some_and(|sheet| sheet.value().is_spent()) {
                break;
            }
            first += 1;
        }
        if first > seen.value().first {
            drop(self.replace(seen, Head { first, last }, Vec::new()).await?);
        }
        Ok(())
    }
}

impl Sheet {
    fn holds(&self, id: EntryId) -> bool {
        self.slots.iter().any(|slot| slot.id == id)
    }

    fn is_full(&self) -> bool {
        self.slots.len() >= SHEET_ENTRIES
    }

    fn is_spent(&self) -> bool {
        self.is_full() && self.slots.iter().all(|slot| slot.payload.is_none())
    }

    fn with(&self, entry: &Entry) -> Self {
        let slot = Slot { id: entry.id, at_unix_seconds: entry.at_unix_seconds, payload: Some(entry.payload.clone()) };
        let mut longer = self.clone();
        longer.slots.push(slot);
        longer
    }

    /// `None` when there is nothing to take out.
    fn without(&self, id: EntryId) -> Option<Self> {
        let mut rest = self.clone();
        let slot = rest.slots.iter_mut().find(|slot| slot.id == id)?;
        slot.payload.take()?;
        Some(rest)
    }
}

impl Slot {
    fn into_entry(self) -> Option<Entry> {
        let Self { id, at_unix_seconds, payload } = self;
        payload.map(|payload| Entry { id, at_unix_seconds, payload })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether one clock's time was before another clock's, whichever of them is ahead.
fn certainly_before(earlier: u64, later: u64) -> bool {
    earlier.saturating_add(CERTAIN_SECONDS) <= later
}
