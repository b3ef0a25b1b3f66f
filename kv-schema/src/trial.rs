//! A record and a counter to fight over: the self-check's evidence about the store it runs on (OPS-1).

use serde::{Deserialize, Serialize};

use crate::{
    key::Counter,
    kv::{Fault, Kv},
    record::{NoEffect, Record, record},
    store::{Ambient, Store},
};

/// Additions that a trial takes: bounds what contenders can write.
pub const ADDITIONS_MAX: usize = 1_000;

/// What contenders fight over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// Who created it.
    pub winner: u32,
    /// Everything that was added, in the order of the commits.
    pub added: Vec<u32>,
}

record! { Trial { id: [u8; 16], effect: NoEffect, prefix: "trial", version: 1, older: {} } }

/// The counter of the trial with this id.
pub fn counter(id: &[u8; 16]) -> Counter {
    Counter::of_id(id)
}

impl<S: Store, A: Ambient> Kv<S, A> {
    /// Removes a trial and its counter. Its id is random and is never used again.
    pub async fn end_trial(&self, id: &[u8; 16]) -> Result<(), Fault> {
        self.delete(&Trial::key(id)).await?;
        self.delete(&counter(id).0).await
    }
}
