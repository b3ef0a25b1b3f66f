//! A page of a list from which nothing is removed, for programs: `after` and `limit` in the query, `next` in the answer.
//!
//! A page is a part of one sheet of the list: 1 read, however long the list is. What its entries name is read in rounds of
//! [`TOGETHER`].

use futures_util::future::join_all;
use kv_schema::{
    list::{Cursor, Entry, List},
    record::{Record, Stored},
};
use serde::{Deserialize, Serialize};
use shared::{
    refusal::{Faults, Refusal},
    secret::SealPurpose,
};

use crate::{
    edge::Edge,
    failure::Failure,
    platform::Platform,
    session::{open_text, seal_text},
};

/// Entries of a page unless the request says otherwise.
const LIMIT: u32 = 50;
/// The most entries of a page.
const LIMIT_MAX: u32 = 100;
/// Records that are read at the same time.
pub const TOGETHER: usize = 20;

/// The query of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPage {
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<u32>,
}

/// Where a page begins. Callers get it sealed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Place {
    sheet: u64,
    entry: u32,
}

/// A checked wish for a page.
#[derive(Debug)]
pub struct Wanted {
    from: Place,
    limit: u32,
    list: String,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Its entries; may be none although more follow.
    pub entries: Vec<Entry>,
    /// What `after` of the next page is.
    pub next: Option<String>,
}

impl Wanted {
    /// Of the `list`, whose name binds the cursor to it; `counted` is what its entries are called.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse<P: Platform>(edge: &Edge<P>, raw: &RawPage, list: String, counted: &str) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let limit = raw.limit.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            faults.add("limit", "out-of-range", format!("Ask for 1 to {LIMIT_MAX} {counted}."));
        }
        let opened = raw.after.as_ref().map(|text| open_text::<Place>(&edge.keys, SealPurpose::Cursor, &list, text));
        if opened.is_some_and(|place| place.is_none()) {
            faults.add("after", "cursor-invalid", "Send next of the page before.");
        }
        faults.finish(Some(Self { from: opened.flatten().unwrap_or_default(), limit, list }))
    }

    /// Whether it is not the first page.
    pub fn goes_on(&self) -> bool {
        self.from.sheet > 0 || self.from.entry > 0
    }
}

impl<P: Platform> Edge<P> {
    /// The page; 1 read.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn page(&self, list: &List, wanted: &Wanted) -> Result<Page, Failure> {
        let Wanted { from, limit, list: place } = wanted;
        let page = self.kv().page(list, Some(Cursor(from.sheet))).await?;
        let most = usize::try_from(*limit).unwrap_or(usize::MAX);
        let mut rest = page.entries.into_iter().skip(usize::try_from(from.entry).unwrap_or(usize::MAX));
        let entries: Vec<Entry> = rest.by_ref().take(most).collect();
        let next = match page.next {
            _ if rest.next().is_some() => Some(Place { entry: from.entry.saturating_add(*limit), ..*from }),
            next => next.map(|Cursor(sheet)| Place { sheet, entry: 0 }),
        };
        let next = next.and_then(|next| seal_text(&self.keys, SealPurpose::Cursor, place, &next, &mut self.rng()));
        Ok(Page { entries, next })
    }

    /// As [`Edge::get_all`], for many ids: [`TOGETHER`] at the same time.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn get_many<R: Record>(&self, ids: &[R::Id]) -> Result<Vec<R>, Failure> {
        let mut found = Vec::with_capacity(ids.len());
        for together in ids.chunks(TOGETHER) {
            for stored in join_all(together.iter().map(async |id| self.kv().get::<R>(id).await)).await {
                found.extend(stored?.map(Stored::into_value));
            }
        }
        Ok(found)
    }
}
