//! What follows a commit: prepared before it, carried out after it, each effect harmless when repeated.
//!
//! A request only leaves effects, sealed in the record that it commits, and asks the component `effects` to carry them
//! out ([`Hands::elsewhere`]). That one alone reaches the mail provider and holds the code for it. Who asks is whoever
//! meets the record first: the request that committed, a repetition of it, a later request, or the sweep. What fails stays
//! in the record and is tried again.
//!
//! How effects are carried out hangs on pointers, so that a component whose commits leave nothing to do links none of it.

use std::{future::Future, pin::Pin};

use kv_schema::{
    key::Key,
    record::{Envelope, Pending},
};
use serde::{Deserialize, Serialize};
use shared::{
    effect::Effect,
    secret::{MacPurpose, SealPurpose, Sealed},
};

use crate::{
    edge::Edge,
    failure::Failure,
    platform::{JSON, Outgoing, Platform},
};

/// Where the component `effects` is reached: from component to component only, by no route.
pub const EFFECTS_URL: &str = "http://effects.spin.internal/effects";
/// All that it was asked for is done.
pub const DONE: u16 = 204;

/// Work under way.
pub type Working<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

type Leave<P> = fn(&Edge<P>, &Key, &[Effect]) -> Result<Vec<Sealed>, Failure>;

/// Carries out what is pending in the record of this key and says whether nothing is pending there any more. The commit
/// stands whatever happens here.
pub type CarryOut<P> = for<'a> fn(&'a Edge<P>, &'a Key) -> Working<'a, Result<bool, Failure>>;

/// By whom a component has effects carried out.
pub struct Hands<P>(Option<Work<P>>);

struct Work<P> {
    leave: Leave<P>,
    carry_out: CarryOut<P>,
}

impl<P> Hands<P> {
    /// Nobody: the component's own commits leave nothing to do, and what others left is left to them.
    pub const fn none() -> Self {
        Self(None)
    }
}

impl<P: Platform> Hands<P> {
    /// The component `effects`.
    pub fn elsewhere() -> Self {
        Self::own(|edge, key| Box::pin(edge.ask_for_effects(key)))
    }

    /// The component itself.
    pub fn own(carry_out: CarryOut<P>) -> Self {
        Self(Some(Work { leave: Edge::seal_effects, carry_out }))
    }
}

/// One component's word to `effects` that something is pending in a record. It says nothing else, so repeating it is
/// harmless.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undone {
    /// The record.
    pub record: Key,
    /// Proves that a component of this deployment asks.
    pub proof: String,
}

impl<P: Platform> Edge<P> {
    /// Prepares what a commit under this key leaves to be done. A sweep has to be told of the key before (OPS-3).
    pub(crate) fn leave(&self, key: &Key, effects: &[Effect]) -> Result<Vec<Sealed>, Failure> {
        match &self.hands.0 {
            _ if effects.is_empty() => Ok(Vec::new()),
            Some(work) => (work.leave)(self, key, effects),
            None => Err(Failure::Fault("a component without hands left something to do".to_owned())),
        }
    }

    fn seal_effects(&self, key: &Key, effects: &[Effect]) -> Result<Vec<Sealed>, Failure> {
        let seal = |effect| {
            let bytes = postcard::to_allocvec(effect).map_err(|error| Failure::Fault(format!("effect: {error}")))?;
            Ok(self.keys.seal(SealPurpose::Message, key.as_str().as_bytes(), &bytes, &mut self.rng()))
        };
        effects.iter().map(seal).collect()
    }

    /// An effect that a commit of the record of this key left.
    ///
    /// # Errors
    /// A fault when it was sealed under keys that are gone, or is none.
    pub fn open_effect(&self, key: &Key, pending: &Pending) -> Result<Effect, Failure> {
        let bytes = self
            .keys
            .open(SealPurpose::Message, key.as_str().as_bytes(), &pending.effect)
            .map_err(|_| Failure::Fault("an effect does not open with the current or previous root secret".into()))?;
        postcard::from_bytes(&bytes).map_err(|error| Failure::Fault(format!("effect: {error}")))
    }

    /// Has the record's pending effects carried out, if there are any. The commit stands whatever happens here, so
    /// failures go to the log and the effects stay.
    pub async fn drain(&self, record: &Envelope) {
        if !record.pending().is_empty()
            && let Err(failure) = self.carry_out(record.key()).await
        {
            self.log_failure("effects postponed", &failure);
        }
    }

    /// Has what is pending in the record of this key carried out; says whether nothing is pending there any more. While that is
    /// under way in this request, it is not done a second time inside.
    ///
    /// # Errors
    /// When nobody could be asked.
    pub async fn carry_out(&self, key: &Key) -> Result<bool, Failure> {
        let Some(work) = &self.hands.0 else {
            return Ok(false);
        };
        if self.under_way.borrow().contains(key) {
            return Ok(false);
        }
        self.under_way.borrow_mut().push(key.clone());
        let carried_out = (work.carry_out)(self, key).await;
        self.under_way.borrow_mut().retain(|other| other != key);
        carried_out
    }

    async fn ask_for_effects(&self, key: &Key) -> Result<bool, Failure> {
        let proof = self.keys.mac(MacPurpose::Effects, &[key.as_str().as_bytes()]);
        let undone = Undone { record: key.clone(), proof };
        let body = serde_json::to_vec(&undone).map_err(|error| Failure::Fault(format!("effects: {error}")))?;
        let outgoing = Outgoing {
            url: EFFECTS_URL.to_owned(),
            media_type: JSON,
            idempotency_key: self.request_id.clone(),
            headers: Vec::new(),
            body,
        };
        match self.platform.post(outgoing, None).await?.status {
            DONE => Ok(true),
            200..=299 => Ok(false),
            status => Err(Failure::Fault(format!("the component effects answered {status}"))),
        }
    }

    /// Whether a component of this deployment asks for these effects.
    pub fn is_ours(&self, undone: &Undone) -> bool {
        self.keys.mac_matches(MacPurpose::Effects, &[undone.record.as_str().as_bytes()], &undone.proof)
    }
}
