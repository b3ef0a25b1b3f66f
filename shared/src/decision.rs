//! What a rule answers: the next state with what must follow it, or a refusal.

use crate::{
    audit::{Action, Actor, Denial},
    effect::Effect,
};

/// A decided change of one record. Written as one commit: the new state with the effects inside it.
#[derive(Debug)]
#[must_use = "a decision has no effect until it is committed"]
pub struct Decision<T> {
    /// The record's next state.
    pub next: T,
    /// What must follow the commit; each is harmless when repeated.
    pub effects: Vec<Effect>,
    /// What the audit trail says was done, or tried (AUD-1).
    pub action: Action,
    /// Why it was refused, when the change only counts the refusal.
    pub denial: Option<Denial>,
    /// Who did it, when the decision itself is the proof of that: nobody had proved it before.
    pub by: Option<Actor>,
}

impl<T> Decision<T> {
    /// A change that nothing has to follow.
    pub fn quiet(action: Action, next: T) -> Self {
        Self::with(action, next, Vec::new())
    }

    /// A change with what must follow it.
    pub fn with(action: Action, next: T, effects: Vec<Effect>) -> Self {
        Self { next, effects, action, denial: None, by: None }
    }

    /// The same, which only counts that it was refused.
    pub fn refused(self, denial: Denial) -> Self {
        Self { denial: Some(denial), ..self }
    }

    /// The same, which proves who did it.
    pub fn by(self, actor: Actor) -> Self {
        Self { by: Some(actor), ..self }
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
    change: Result<Decision<T>, T>,
    outcome: O,
}

impl<T, O> Counted<T, O> {
    /// Binds an outcome to the change that counts it.
    pub fn new(decision: Decision<T>, outcome: O) -> Self {
        Self { change: Ok(decision), outcome }
    }

    /// An outcome that nothing was judged for: the record stays as it is, so there is nothing to commit first.
    pub fn unjudged(unchanged: T, outcome: O) -> Self {
        Self { change: Err(unchanged), outcome }
    }

    /// Whether something was judged, so that the decision has to be committed.
    pub fn judged(&self) -> bool {
        self.change.is_ok()
    }

    /// Takes the decision out for the commit, or the record as it stays, and leaves the outcome sealed until then.
    pub fn split(self) -> (Result<Decision<T>, T>, Uncommitted<O>) {
        (self.change, Uncommitted(self.outcome))
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
