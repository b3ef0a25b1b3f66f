//! Lists that people look at, page by page.

use kv_schema::{list::Cursor, records::shelf};
use serde::Deserialize;
use shared::{effect::Shelf, refusal::Refusal, secret::SealPurpose};

use crate::{
    edge::Edge,
    failure::Failure,
    platform::Platform,
    session::{open_text, seal_text},
};

/// The query of a list's page.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AfterQuery {
    /// What [`ShelfPage::next`] said; `None` for the first page.
    pub after: Option<String>,
}

/// A page of a list, oldest first.
#[derive(Debug)]
pub struct ShelfPage {
    /// The ids of what is on it, at most a hundred.
    pub ids: Vec<[u8; 16]>,
    /// What leads to the next page, sealed; `None` on the last one.
    pub next: Option<String>,
}

impl<P: Platform> Edge<P> {
    /// A page of a list: 2 reads.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when `after` is not what another page of this list said; a fault of the store.
    pub async fn shelf_page(&self, wanted: &Shelf, after: Option<&str>) -> Result<ShelfPage, Failure> {
        let place = wanted.name();
        let from = match after {
            None => None,
            Some(text) => {
                let number = open_text::<u64>(&self.keys, SealPurpose::Cursor, &place, text);
                Some(Cursor(number.ok_or(Refusal::NotFound)?))
            }
        };
        let page = self.kv().page(&shelf(wanted), from).await?;
        let seal = |Cursor(number)| seal_text(&self.keys, SealPurpose::Cursor, &place, &number, &mut self.rng());
        Ok(ShelfPage { ids: page.entries.iter().map(|entry| entry.id.0).collect(), next: page.next.and_then(seal) })
    }
}
