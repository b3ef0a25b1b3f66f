//! What a rule answers: the next state with what must follow it, or a refusal.

use crate::effect::Effect;

/// A decided change of one record. Written as one commit: the new state with the effects inside it.
#[derive(Debug)]
#[must_use = "a decision has no effect until it is committed"]
pub struct Decision<T> {
    /// The record's next state.
    pub next: T,
    /// What must follow the commit; each is harmless when repeated.
    pub effects: Vec<Effect>,
}

impl<T> Decision<T> {
    /// A change that nothing has to follow.
    pub fn quiet(next: T) -> Self {
        Self { next, effects: Vec::new() }
    }

    /// A change with what must follow it.
    pub fn with(next: T, effects: Vec<Effect>) -> Self {
        Self { next, effects }
    }

    /// The same change with more to follow it.
    pub fn and(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        self.effects.extend(effects);
        self
    }
}

/// A guess at a secret, judged but not yet counted.
///
/// The outcome cannot be looked at before the decision that counts it is taken out to be committed, so that
/// concurrent guesses learn no more outcomes than the limit allows (SIG-1, OTP-3).
#[must_use = "the outcome of a guess must be counted before it is revealed"]
pub struct Counted<T, O> {
    decision: Decision<T>,
    outcome: O,
    judged: bool,
}

impl<T, O> Counted<T, O> {
    /// Binds an outcome to the change that counts it.
    pub fn new(decision: Decision<T>, outcome: O) -> Self {
        Self { decision, outcome, judged: true }
    }

    /// An outcome that nothing was judged for: the record stays as it is, so there is nothing to commit first.
    pub fn unjudged(unchanged: T, outcome: O) -> Self {
        Self { decision: Decision::quiet(unchanged), outcome, judged: false }
    }

    /// Whether something was judged, so that the decision has to be committed.
    pub fn judged(&self) -> bool {
        self.judged
    }

    /// Takes the decision out for the commit and leaves the outcome sealed until then.
    pub fn split(self) -> (Decision<T>, Uncommitted<O>) {
        (self.decision, Uncommitted(self.outcome))
    }
}

/// An outcome whose counting is not committed yet.
#[must_use = "an outcome is revealed after its commit"]
pub struct Uncommitted<O>(O);

impl<O> Uncommitted<O> {
    /// Reveals the outcome. Call it only with the commit done, or when nothing was judged; the transaction loop of the edge is the one caller.
    pub fn reveal_after_commit(self) -> O {
        self.0
    }
}
