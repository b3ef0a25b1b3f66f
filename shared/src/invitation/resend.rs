//! Sending an invitation again (INV-3): a new token and lifetime; the old link dies.

use serde::{Deserialize, Serialize};

use super::{InvitationSlot, InvitationState, Issued, check_lifetime};
use crate::{
    audit::Action,
    config::{Application, Partner},
    decision::Decision,
    refusal::{Faults, Refusal},
    secret::{Entropy, Keys, PlainToken, SealPurpose, TokenPurpose},
    values::{Seconds, Timestamp, whole::whole},
};

/// How often an invitation can be sent again. It bounds what its record remembers, and what an invitee's mailbox gets.
pub const MAX_RESENDS: usize = 20;

/// A partner's wish to send an invitation again, as it arrives; every part of it may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawResend {
    /// Days until the new link expires, 1 to 60.
    #[serde(default, deserialize_with = "whole")]
    pub lifetime_days: Option<u32>,
    /// Whether to send the e-mail; left out, the link goes the way that it went before.
    #[serde(default)]
    pub send_email: Option<bool>,
}

/// A checked wish to send an invitation again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResendInvitation {
    lifetime: Seconds,
    send_email: Option<bool>,
}

impl ResendInvitation {
    /// Parses every field.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`].
    pub fn parse(raw: &RawResend) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let lifetime = check_lifetime(raw.lifetime_days, &mut faults);
        faults.finish(Some(Self { lifetime, send_email: raw.send_email }))
    }
}

/// Which invitation is to be sent again, how, and under which claim.
#[derive(Debug, Clone, Copy)]
pub struct Resend<'a> {
    /// The invitation's generation in its slot.
    pub generation: u32,
    /// What the partner asks for.
    pub command: &'a ResendInvitation,
    /// The claim on the request's `Idempotency-Key`.
    pub claim: [u8; 16],
    /// The inviting partner.
    pub partner: &'a Partner,
    /// Its application.
    pub application: &'a Application,
}

impl InvitationSlot {
    /// Whether this idempotency claim has sent the current invitation again (INV-2).
    pub fn was_resent_by(&self, claim: &[u8; 16]) -> bool {
        self.current.resends.contains(claim)
    }

    /// Sends the invitation again: with a new token and lifetime, pending from now on.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an invitation that the slot does not know; [`Refusal::InvitationAccepted`];
    /// [`Refusal::InvitationEnded`] when it was revoked or another one took its place; [`Refusal::ResentTooOften`].
    pub fn resend(
        mut self,
        wish: &Resend<'_>,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Result<Issued, Refusal> {
        match self.outline(wish.generation, now).ok_or(Refusal::NotFound)?.state {
            InvitationState::Accepted => return Err(Refusal::InvitationAccepted),
            InvitationState::Revoked => return Err(Refusal::InvitationEnded),
            InvitationState::Pending | InvitationState::Expired => {}
        }
        let current = &mut self.current;
        if current.generation != wish.generation {
            return Err(Refusal::InvitationEnded);
        }
        if current.resends.len() >= MAX_RESENDS {
            return Err(Refusal::ResentTooOften);
        }
        let token = PlainToken::new(*self.id.bytes(), rng);
        let by_email = wish.command.send_email.unwrap_or(current.handed_over.is_none());
        current.resends.push(wish.claim);
        current.token = token.digest(TokenPurpose::Invitation);
        current.expires_at = now.plus(wish.command.lifetime);
        current.handed_over =
            (!by_email).then(|| keys.seal(SealPurpose::Message, self.id.bytes(), token.reveal().as_bytes(), rng));
        let message = self.message(&token, wish.partner, wish.application);
        let effects = message.into_iter().chain([self.offer()]).collect();
        Ok(Issued { decision: Decision::with(Action::InvitationResend, self, effects), token })
    }
}
