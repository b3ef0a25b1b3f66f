//! The store as it is, and what it reports: whether a swap that was applied was called a failure, as Redis does.

use std::cell::Cell;

use kv_schema::{
    key::Key,
    store::{Store, StoreFault, Swap, Watched},
};

/// A store that is watched.
pub(crate) struct Observed<'a, S> {
    store: &'a S,
    refused: Cell<bool>,
}

impl<'a, S> Observed<'a, S> {
    pub(crate) fn new(store: &'a S) -> Self {
        Self { store, refused: Cell::new(false) }
    }

    /// What the store said about the last swap.
    pub(crate) fn last_swap_was_refused(&self) -> bool {
        self.refused.get()
    }
}

impl<S: Store> Store for Observed<'_, S> {
    type Cas = S::Cas;

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreFault> {
        self.store.get(key).await
    }

    async fn watch(&self, key: &Key) -> Result<Watched<Self::Cas>, StoreFault> {
        self.store.watch(key).await
    }

    async fn swap(&self, cas: Self::Cas, value: Vec<u8>) -> Result<Swap<Self::Cas>, StoreFault> {
        let swapped = self.store.swap(cas, value).await;
        self.refused.set(!matches!(swapped, Ok(Swap::Applied)));
        swapped
    }

    async fn increment(&self, key: &Key, delta: i64) -> Result<i64, StoreFault> {
        self.store.increment(key, delta).await
    }

    async fn delete(&self, key: &Key) -> Result<(), StoreFault> {
        self.store.delete(key).await
    }
}
