//! The claim on an `Idempotency-Key` (INV-2, draft-ietf-httpapi-idempotency-key-header): which request came with the key
//! first, whether it may still be under way, and what it was answered.
//!
//! The claim decides what a repetition is told, not whether something is done twice: what a request commits remembers the
//! claim's id, so that whoever goes on in a dead request's place finds what that one did.

use serde::{Deserialize, Serialize};

use crate::{
    audit::Action,
    decision::Decision,
    refusal::Refusal,
    secret::{Entropy, Keys, SealPurpose, Sealed},
    values::{Seconds, Timestamp},
};

/// How long a key is remembered: long enough for whoever repeats a request after a weekend.
pub const REMEMBERED: Seconds = Seconds::days(7);
/// The longest that a request can be under way: the platform ends it after so long. Whoever repeats it later goes on.
pub const UNDER_WAY: Seconds = Seconds(30);

/// The claim on an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyClaim {
    /// The claim's id: a keyed index of partner and `Idempotency-Key`.
    pub id: [u8; 16],
    /// SHA-256 of the request's path and body.
    pub body: [u8; 32],
    /// When it was made.
    pub claimed_at: Timestamp,
    /// Until when somebody may be at it.
    pub under_way_until: Timestamp,
    /// What the request was answered, sealed: links are part of answers.
    pub answer: Option<Sealed>,
}

/// What a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// The JSON document.
    pub body: Vec<u8>,
}

impl Answered {
    /// The status in two bytes, then the document.
    fn to_bytes(&self) -> Vec<u8> {
        [self.status.to_be_bytes().as_slice(), &self.body].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (status, body) = bytes.split_first_chunk()?;
        Some(Self { status: u16::from_be_bytes(*status), body: body.to_vec() })
    }
}

impl IdempotencyClaim {
    /// The claim of a request with this path and body, which begins now.
    pub fn new(id: [u8; 16], body: [u8; 32], now: Timestamp) -> Self {
        Self { id, body, claimed_at: now, under_way_until: now.plus(UNDER_WAY), answer: None }
    }

    /// What a request with this path and body is told under the claim; `None` when it has to go on, since whoever was at it
    /// has put it down or died: then it takes the claim over first. Nobody takes over what is over.
    ///
    /// # Errors
    /// [`Refusal::IdempotencyKeyReused`] when the body differs; [`Refusal::StillRunning`].
    pub fn presented(&self, body: &[u8; 32], keys: &Keys, now: Timestamp) -> Result<Option<Answered>, Refusal> {
        if self.body != *body {
            return Err(Refusal::IdempotencyKeyReused);
        }
        // An answer that the keys of today cannot open is made again from what was committed.
        let answered = self.answer.as_ref().and_then(|sealed| keys.open(SealPurpose::Answer, &self.id, sealed).ok());
        match answered.and_then(|bytes| Answered::from_bytes(&bytes)) {
            Some(answered) => Ok(Some(answered)),
            // Whatever is over is removed and may be made anew at any time: nobody replaces it any more (OPS-3).
            None if now < self.under_way_until || now >= self.ends_at() => Err(Refusal::StillRunning),
            None => Ok(None),
        }
    }

    /// Another request goes on in place of the one that was at it.
    pub fn taken_over(self, now: Timestamp) -> Decision<Self> {
        Decision::quiet(Action::RequestClaim, Self { under_way_until: now.plus(UNDER_WAY), ..self })
    }

    /// Nobody is at it any more: with the answer that every repetition gets, or without one, for a repetition to go on.
    pub fn put_down(
        self,
        answered: Option<&Answered>,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Decision<Self> {
        let answer = answered.map(|answered| keys.seal(SealPurpose::Answer, &self.id, &answered.to_bytes(), rng));
        Decision::quiet(Action::RequestClaim, Self { under_way_until: now, answer, ..self })
    }

    /// From when on the key may be used for something else (OPS-3).
    pub fn ends_at(&self) -> Timestamp {
        self.claimed_at.plus(REMEMBERED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, Seeded, after, keys};

    const ID: [u8; 16] = [1; 16];
    const BODY: [u8; 32] = [2; 32];

    fn claim() -> IdempotencyClaim {
        IdempotencyClaim::new(ID, BODY, NOW)
    }

    #[test]
    fn inv_2_a_key_belongs_to_the_body_it_came_with() {
        // INV-2
        for claim in [claim(), claim().put_down(None, &keys(), NOW, &mut Seeded(1)).next] {
            assert_eq!(claim.presented(&[3; 32], &keys(), after(60)), Err(Refusal::IdempotencyKeyReused));
        }
    }

    #[test]
    fn inv_2_a_request_is_under_way_until_it_is_answered_put_down_or_dead() {
        // INV-2
        let under_way = |claim: &IdempotencyClaim, seconds| claim.presented(&BODY, &keys(), after(seconds));
        assert_eq!(under_way(&claim(), 0), Err(Refusal::StillRunning));
        assert_eq!(under_way(&claim(), UNDER_WAY.0 - 1), Err(Refusal::StillRunning));
        assert_eq!(under_way(&claim(), UNDER_WAY.0), Ok(None), "it has died");
        let taken_over = claim().taken_over(after(40)).next;
        assert_eq!(under_way(&taken_over, 69), Err(Refusal::StillRunning));
        assert_eq!(under_way(&taken_over, 70), Ok(None));
        let put_down = taken_over.put_down(None, &keys(), after(41), &mut Seeded(1)).next;
        assert_eq!(under_way(&put_down, 41), Ok(None));
        assert_eq!(put_down.ends_at(), claim().ends_at());
        assert_eq!(under_way(&put_down, REMEMBERED.0 - 1), Ok(None));
        assert_eq!(under_way(&put_down, REMEMBERED.0), Err(Refusal::StillRunning), "it is about to be removed (OPS-3)");
    }

    #[test]
    fn inv_2_an_answer_is_repeated_as_long_as_it_can_be_opened() {
        // INV-2
        let answered = Answered { status: 201, body: b"{}".to_vec() };
        let done = claim().put_down(Some(&answered), &keys(), after(1), &mut Seeded(1)).next;
        assert_eq!(done.presented(&BODY, &keys(), after(1)), Ok(Some(answered.clone())));
        assert_eq!(done.presented(&BODY, &keys(), after(REMEMBERED.0)), Ok(Some(answered)));
        let other_root = Keys::new(&[9; 32], None).expect("32 bytes");
        assert_eq!(done.presented(&BODY, &other_root, after(1)), Ok(None));
        let moved = IdempotencyClaim { id: [5; 16], ..done };
        assert_eq!(moved.presented(&BODY, &keys(), after(1)), Ok(None), "sealed for its own record");
    }
}
