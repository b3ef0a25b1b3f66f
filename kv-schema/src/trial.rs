//! A record and a counter to fight over: the self-check's evidence about the store it runs on (OPS-1).

use serde::{Deserialize, Serialize};

use crate::{
    key::Counter,
    kv::{Fault, Kv},
    record::{Record, record},
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

record! { Trial { id: [u8; 16], prefix: "trial", version: 1, older: {} } }

/// The counter of the trial with this id.
pub fn counter(id: &[u8; 16]) -> Counter {
    Counter::of_id(id)
}

impl<S: Store, A: Ambient> Kv<S, A> {
    /// Removes a trial, its counter, and the gates that its contenders may have left: one that finds the first gate open
    /// again and the second one not yet, stops and leaves the first. Its id is random and is never used again.
    pub async fn end_trial(&self, id: &[u8; 16]) -> Result<(), Fault> {
        let key = Trial::key(id);
        let stands = self.load::<Trial>(id).await?;
        let begun = stands.map_or(self.ambient().unix_seconds(), |seen| seen.stored().created_unix_seconds());
        for minutes in 0..4 {
            self.delete(&key.gate(begun.saturating_add(60 * minutes).saturating_sub(60))).await?;
        }
        self.delete(&key).await?;
        self.delete(&counter(id).0).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // OPS-4: an older release's contenders may fight over a newer one's trial.
    #[test]
    fn a_trial_has_these_bytes() {
        let trial = Trial { winner: 3, added: vec![1, 300] };
        let bytes = trial.encode().expect("small");
        assert_eq!(bytes, b"\x03\x02\x01\xac\x02");
        assert_eq!(Trial::decode(1, &bytes), Ok(trial));
    }
}
