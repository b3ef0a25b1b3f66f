//! Invitations from a partner to a supplier organisation.
//!
//! One record holds all invitations of one e-mail to one application, so that "one pending invitation per
//! application and e-mail" (INV-3) holds by construction: it is one compare-and-swap.

mod claim;
mod id;
mod resend;

use core::str::FromStr;

use serde::{Deserialize, Serialize};

pub use self::{
    claim::{Answered, IdempotencyClaim, REMEMBERED, UNDER_WAY},
    id::InvitationId,
    resend::{MAX_RESENDS, RawResend, Resend, ResendInvitation},
};
use crate::{
    account::SignedIn,
    audit::Action,
    config::{Application, Partner},
    decision::Decision,
    effect::{Effect, Entry},
    message::{Body, Message},
    organisation::{Organisation, RawProfile},
    refusal::{Faults, Refusal},
    registration::Registration,
    secret::{Entropy, IndexPurpose, Keys, PlainToken, SealPurpose, Sealed, TokenDigest, TokenPurpose},
    values::{
        ApplicationId, Email, InvitationSlotId, Line, ParseError, PersonName, RegistrationId, Seconds, Timestamp,
        whole::whole,
    },
};

/// Lifetime of an invitation that names none.
pub const DEFAULT_LIFETIME_DAYS: u32 = 14;
/// Longest lifetime of an invitation.
pub const MAX_LIFETIME_DAYS: u32 = 60;
/// How long a slot of which no invitation led to a registration is remembered after the last one's time ran out: for
/// questions about what became of it.
pub const KEPT_AFTER_END: Seconds = Seconds::days(31);
/// Ended invitations that a slot remembers; older ones are forgotten.
pub const MAX_PAST: usize = 20;

/// A partner's request for an invitation as it arrives: nothing is checked yet (INV-2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawInvitation {
    /// The application's id.
    pub application: String,
    /// The supplier organisation's name.
    pub organisation: String,
    /// The invitee's given name.
    pub given_name: String,
    /// The invitee's family name.
    pub family_name: String,
    /// The invitee's e-mail.
    pub email: String,
    /// What the partner knows of the organisation's profile; the invitee completes it.
    #[serde(default)]
    pub profile: Option<RawProfile>,
    /// Days until the invitation expires, 1 to 60.
    #[serde(default, deserialize_with = "whole")]
    pub lifetime_days: Option<u32>,
    /// Whether to send the e-mail; otherwise the answer carries the link.
    #[serde(default)]
    pub send_email: Option<bool>,
}

/// A checked request for an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateInvitation {
    application: ApplicationId,
    organisation: Line<120>,
    invitee: PersonName,
    email: Email,
    profile: RawProfile,
    lifetime: Seconds,
    send_email: bool,
}

impl CreateInvitation {
    /// Parses every field and collects every fault.
    ///
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    pub fn parse(raw: RawInvitation) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let application = faults.check("application", raw.application.parse());
        let organisation = faults.check("organisation", raw.organisation.parse());
        let given = faults.check("given_name", raw.given_name.parse());
        let family = faults.check("family_name", raw.family_name.parse());
        let email = faults.check("email", raw.email.parse());
        let lifetime = check_lifetime(raw.lifetime_days, &mut faults);
        let mut profile = raw.profile.unwrap_or_default();
        check_prefill(&profile, &mut faults);
        if profile.legal_name.trim().is_empty() {
            profile.legal_name.clone_from(&raw.organisation);
        }
        let parsed = (|| {
            Some(Self {
                application: application?,
                organisation: organisation?,
                invitee: PersonName { given: given?, family: family? },
                email: email?,
                profile,
                lifetime,
                send_email: raw.send_email.unwrap_or(true),
            })
        })();
        faults.finish(parsed)
    }

    /// The application that the invitee is invited to.
    pub fn application(&self) -> &ApplicationId {
        &self.application
    }

    /// The record that holds this e-mail's invitations to this application.
    pub fn slot(&self, keys: &Keys) -> InvitationSlotId {
        slot_of(&self.application, &self.email, keys)
    }
}

fn slot_of(application: &ApplicationId, email: &Email, keys: &Keys) -> InvitationSlotId {
    let email = email.normalised();
    let parts = [application.as_str().as_bytes(), email.as_bytes()];
    InvitationSlotId::from_bytes(keys.index(IndexPurpose::InvitationSlot, &parts))
}

/// Where invitations of this e-mail may be, in the order of the configuration (INV-7).
pub fn slots_of(email: &Email, applications: &[Application], keys: &Keys) -> Vec<InvitationSlotId> {
    applications.iter().map(|one| slot_of(&one.id, email, keys)).collect()
}

/// How long the link is to work; 14 days unless said otherwise.
fn check_lifetime(days: Option<u32>, faults: &mut Faults) -> Seconds {
    let days = days.unwrap_or(DEFAULT_LIFETIME_DAYS);
    if !(1..=MAX_LIFETIME_DAYS).contains(&days) {
        faults.add("lifetime_days", "out-of-range", "Choose a lifetime of 1 to 60 days.");
    }
    Seconds::days(u64::from(days))
}

/// What is prefilled must be well formed; what is blank is left to the invitee.
fn check_prefill(profile: &RawProfile, faults: &mut Faults) {
    faults.check_optional::<Line<120>>("profile.legal_name", &profile.legal_name, str::parse);
    faults.check_optional::<Line<120>>("profile.street", &profile.street, str::parse);
    faults.check_optional::<Line<80>>("profile.city", &profile.city, str::parse);
    faults.check_optional::<Line<80>>("profile.region", &profile.region, str::parse);
    faults.check_optional::<Line<20>>("profile.postal_code", &profile.postal_code, str::parse);
    faults.check_optional::<crate::values::Country>("profile.country", &profile.country, str::parse);
    faults.check_optional::<Line<40>>("profile.registration_number", &profile.registration_number, str::parse);
    faults.check_optional::<crate::values::Phone>("profile.telephone", &profile.telephone, str::parse);
}

/// Where an invitation stands (INV-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvitationState {
    /// The link works.
    Pending,
    /// A registration was submitted with it.
    Accepted,
    /// Its time ran out.
    Expired,
    /// The partner took it back.
    Revoked,
}

impl InvitationState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Expired, Self::Revoked];

    /// The state's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl FromStr for InvitationState {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let hint = "Name one of pending, accepted, expired and revoked.";
        let named = Self::ALL.into_iter().find(|state| state.as_str() == text);
        named.ok_or_else(|| ParseError::new("state-unknown", hint))
    }
}

/// One invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Counts the invitations of the slot, from a number that no earlier slot of the same id had reached.
    pub generation: u32,
    /// The idempotency claim that created it (INV-2).
    pub claim: [u8; 16],
    /// The invited organisation's name.
    pub organisation: Line<120>,
    /// The invitee.
    pub invitee: PersonName,
    /// What the partner knew of the profile.
    pub profile: RawProfile,
    /// When it was created.
    pub created_at: Timestamp,
    /// Until when its link works.
    pub expires_at: Timestamp,
    /// Digest of the link's token (INV-5).
    pub token: TokenDigest,
    /// The token, sealed, when the partner hands the link over itself: a repetition of its request gets the same
    /// answer (INV-2). `None` when the service mails the link.
    pub handed_over: Option<Sealed>,
    /// The idempotency claims that sent it again, oldest first, at most [`MAX_RESENDS`].
    pub resends: Vec<[u8; 16]>,
    /// When the partner took it back.
    pub revoked_at: Option<Timestamp>,
    /// The registration that used it.
    pub registration: Option<RegistrationId>,
}

impl Invitation {
    /// The state at this moment.
    pub fn state(&self, now: Timestamp) -> InvitationState {
        match state_of_ended(self.registration, self.revoked_at) {
            InvitationState::Expired if now < self.expires_at => InvitationState::Pending,
            other => other,
        }
    }
}

/// The state of an invitation whose time is over. A registration counts however it ended: it was submitted while the link
/// worked.
fn state_of_ended(registration: Option<RegistrationId>, revoked_at: Option<Timestamp>) -> InvitationState {
    match (registration, revoked_at) {
        (Some(_), _) => InvitationState::Accepted,
        (None, Some(_)) => InvitationState::Revoked,
        (None, None) => InvitationState::Expired,
    }
}

/// An ended invitation: what its partner may still ask about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastInvitation {
    /// Its generation.
    pub generation: u32,
    /// The idempotency claim that created it.
    pub claim: [u8; 16],
    /// The invited organisation's name.
    pub organisation: Line<120>,
    /// The invitee.
    pub invitee: PersonName,
    /// When it was created.
    pub created_at: Timestamp,
    /// Until when its link worked, unless it ended earlier.
    pub expires_at: Timestamp,
    /// When the partner took it back.
    pub revoked_at: Option<Timestamp>,
    /// The registration that used it.
    pub registration: Option<RegistrationId>,
}

impl From<Invitation> for PastInvitation {
    fn from(ended: Invitation) -> Self {
        Self {
            generation: ended.generation,
            claim: ended.claim,
            organisation: ended.organisation,
            invitee: ended.invitee,
            created_at: ended.created_at,
            expires_at: ended.expires_at,
            revoked_at: ended.revoked_at,
            registration: ended.registration,
        }
    }
}

/// What the partner is told of an invitation, current or past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline<'a> {
    /// Its id.
    pub id: InvitationId,
    /// Where it stands now.
    pub state: InvitationState,
    /// The invited organisation's name.
    pub organisation: &'a Line<120>,
    /// The invitee.
    pub invitee: &'a PersonName,
    /// When it was created.
    pub created_at: Timestamp,
    /// Until when its link works.
    pub expires_at: Timestamp,
    /// When the partner took it back.
    pub revoked_at: Option<Timestamp>,
    /// The registration that used it.
    pub registration: Option<RegistrationId>,
}

/// All invitations of one e-mail to one application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationSlot {
    /// The record's id.
    pub id: InvitationSlotId,
    /// The application.
    pub application: ApplicationId,
    /// The invitee's e-mail.
    pub email: Email,
    /// The latest invitation.
    pub current: Invitation,
    /// Those before it, oldest first, at most [`MAX_PAST`].
    pub past: Vec<PastInvitation>,
}

/// Who invites whom to what, under which claim.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// What the partner asks for.
    pub command: &'a CreateInvitation,
    /// The claim on the request's `Idempotency-Key`.
    pub claim: [u8; 16],
    /// The inviting partner.
    pub partner: &'a Partner,
    /// Its application.
    pub application: &'a Application,
}

/// An invitation that was just made, with the link's token, which is known only now.
#[derive(Debug)]
pub struct Issued {
    /// The change to commit.
    pub decision: Decision<InvitationSlot>,
    /// The link's token.
    pub token: PlainToken,
}

/// Who may use an invitation: its token was presented and is valid (INV-5).
#[derive(Debug, Clone, Copy)]
pub struct Invited<'a> {
    slot: &'a InvitationSlot,
}

impl<'a> Invited<'a> {
    /// The slot whose current invitation was proved.
    pub fn slot(self) -> &'a InvitationSlot {
        self.slot
    }
}

impl InvitationSlot {
    /// The first invitation of an e-mail to an application.
    pub fn open(wish: &Wish<'_>, keys: &Keys, now: Timestamp, rng: &mut dyn Entropy) -> Issued {
        let command = wish.command;
        let id = command.slot(keys);
        let (current, token) = new_invitation(id, first_generation(now), wish, keys, now, rng);
        let slot = Self {
            id,
            application: command.application.clone(),
            email: command.email.clone(),
            current,
            past: Vec::new(),
        };
        slot.issue(token, wish)
    }

    /// A further invitation, once the one before has ended (INV-3).
    ///
    /// # Errors
    /// [`Refusal::InvitationPending`] while the current one is pending.
    pub fn reopen(
        mut self,
        wish: &Wish<'_>,
        keys: &Keys,
        now: Timestamp,
        rng: &mut dyn Entropy,
    ) -> Result<Issued, Refusal> {
        if self.current.state(now) == InvitationState::Pending {
            return Err(Refusal::InvitationPending { existing: self.current_id().to_string() });
        }
        let generation = self.current.generation.saturating_add(1);
        let (next, token) = new_invitation(self.id, generation, wish, keys, now, rng);
        let ended = std::mem::replace(&mut self.current, next);
        self.past.push(ended.into());
        if self.past.len() > MAX_PAST {
            self.past.remove(0);
        }
        Ok(self.issue(token, wish))
    }

    fn issue(self, token: PlainToken, wish: &Wish<'_>) -> Issued {
        let listed = Effect::ListInvitation {
            application: self.application.clone(),
            invitation: self.current_id(),
            created_at: self.current.created_at,
        };
        let message = self.message(&token, wish.partner, wish.application);
        let effects = message.into_iter().chain([listed, self.offer()]).collect();
        Issued { decision: Decision::with(Action::Invitation, self, effects), token }
    }

    /// What the organisations of whoever it is addressed to have to learn, whenever the state changes (INV-7).
    fn offer(&self) -> Effect {
        Effect::OfferInvitation { slot: self.id, email: self.email.clone() }
    }

    /// The e-mail with the link, unless the partner hands the link over itself.
    fn message(&self, token: &PlainToken, partner: &Partner, application: &Application) -> Option<Effect> {
        self.current.handed_over.is_none().then(|| {
            Effect::Send(Box::new(Message {
                to: self.email.clone(),
                name: self.current.invitee.full(),
                body: Body::Invitation {
                    company: partner.name.clone(),
                    application: application.name.clone(),
                    organisation: self.current.organisation.as_str().to_owned(),
                    token: token.reveal(),
                    expires_at: self.current.expires_at,
                },
            }))
        })
    }

    /// The link's token for a repetition of the request that made the current invitation, or sent it again, when the
    /// partner hands it over itself (INV-2).
    pub fn handed_over_token(&self, keys: &Keys) -> Option<String> {
        let sealed = self.current.handed_over.as_ref()?;
        let token = keys.open(SealPurpose::Message, self.id.bytes(), sealed).ok()?;
        String::from_utf8(token).ok()
    }

    /// The id under which the partner knows the current invitation.
    pub fn current_id(&self) -> InvitationId {
        InvitationId { slot: self.id, generation: self.current.generation }
    }

    /// From when on nobody asks for these invitations any more (OPS-3). `None` when one of them led to a registration:
    /// those stay, since organisation and accounts derive their ids from it.
    pub fn ends_at(&self) -> Option<Timestamp> {
        let led_to_nothing =
            self.current.registration.is_none() && self.past.iter().all(|past| past.registration.is_none());
        led_to_nothing.then(|| self.current.expires_at.plus(KEPT_AFTER_END))
    }

    /// The current or past invitation that this idempotency claim created (INV-2).
    pub fn made_by(&self, claim: &[u8; 16]) -> Option<InvitationId> {
        let past = self.past.iter().map(|past| (&past.claim, past.generation));
        let mut all = past.chain([(&self.current.claim, self.current.generation)]);
        all.find(|(made_by, _)| *made_by == claim).map(|(_, generation)| InvitationId { slot: self.id, generation })
    }

    /// What the partner was told when this command made the invitation, whatever became of it since (INV-2). `None` when
    /// the slot does not know it.
    pub fn outline_as_made(&self, generation: u32, command: &CreateInvitation) -> Option<Outline<'_>> {
        let outline = self.outline_as_sent_again(generation)?;
        Some(Outline { expires_at: outline.created_at.plus(command.lifetime), ..outline })
    }

    /// What the partner was told when the invitation was sent again, whatever became of it since (INV-2). `None` when the
    /// slot does not know it.
    pub fn outline_as_sent_again(&self, generation: u32) -> Option<Outline<'_>> {
        let outline = self.outline(generation, self.current.created_at)?;
        Some(Outline { state: InvitationState::Pending, revoked_at: None, registration: None, ..outline })
    }

    /// What the partner is told of one of the slot's invitations; `None` when it never was, or is so far in the past that
    /// the slot has forgotten it.
    pub fn outline(&self, generation: u32, now: Timestamp) -> Option<Outline<'_>> {
        let current = &self.current;
        if current.generation == generation {
            return Some(Outline {
                id: self.current_id(),
                state: current.state(now),
                organisation: &current.organisation,
                invitee: &current.invitee,
                created_at: current.created_at,
                expires_at: current.expires_at,
                revoked_at: current.revoked_at,
                registration: current.registration,
            });
        }
        let past = self.past.iter().find(|past| past.generation == generation)?;
        Some(Outline {
            id: InvitationId { slot: self.id, generation },
            state: state_of_ended(past.registration, past.revoked_at),
            organisation: &past.organisation,
            invitee: &past.invitee,
            created_at: past.created_at,
            expires_at: past.expires_at,
            revoked_at: past.revoked_at,
            registration: past.registration,
        })
    }

    /// Takes an invitation back (INV-3). `None` when that was done before.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for one that the slot does not know; [`Refusal::InvitationAccepted`].
    pub fn revoke(mut self, generation: u32, now: Timestamp) -> Result<Option<Decision<Self>>, Refusal> {
        match self.outline(generation, now).ok_or(Refusal::NotFound)?.state {
            InvitationState::Accepted => return Err(Refusal::InvitationAccepted),
            InvitationState::Revoked => return Ok(None),
            InvitationState::Pending | InvitationState::Expired => {}
        }
        match self.past.iter_mut().find(|past| past.generation == generation) {
            Some(past) => past.revoked_at = Some(now),
            None => self.current.revoked_at = Some(now),
        }
        let offer = self.offer();
        Ok(Some(Decision::with(Action::InvitationRevocation, self, vec![offer])))
    }

    /// Checks a presented link. Opening changes nothing (INV-4); every "no" is the same (INV-5).
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`] for a token that is foreign, used or expired.
    pub fn present(&self, token: &PlainToken, now: Timestamp) -> Result<Invited<'_>, Refusal> {
        let matches = self.current.token.matches(token, TokenPurpose::Invitation);
        if matches && self.current.state(now) == InvitationState::Pending {
            Ok(Invited { slot: self })
        } else {
            Err(Refusal::LinkNotValid)
        }
    }

    /// The current invitation as an administrator of the organisation finds it that one of its people is invited for
    /// (INV-7). Whose mailbox it went to does not matter: the organisation was told of it.
    ///
    /// # Errors
    /// [`Refusal::LinkNotValid`], one answer for every "no".
    pub fn offered_to(
        &self,
        id: InvitationId,
        organisation: &Organisation,
        person: &SignedIn<'_>,
        now: Timestamp,
    ) -> Result<Invited<'_>, Refusal> {
        let offered = organisation.offers_to(person, now).any(|offer| offer.invitation == id);
        if offered && self.current_id() == id && self.current.state(now) == InvitationState::Pending {
            Ok(Invited { slot: self })
        } else {
            Err(Refusal::LinkNotValid)
        }
    }

    /// The registration that this invitation was accepted for, for a repeated acceptance (INV-7).
    pub fn registration_by(&self, id: InvitationId) -> Option<RegistrationId> {
        let past = self.past.iter().map(|past| (past.generation, past.registration));
        let mut all = past.chain([(self.current.generation, self.current.registration)]);
        all.find(|(generation, _)| id == InvitationId { slot: self.id, generation: *generation })?.1
    }

    /// The registration that used the link with this token, for a repeated submission (REG-5).
    pub fn registration_of(&self, token: &PlainToken) -> Option<RegistrationId> {
        self.current.registration.filter(|_| self.current.token.matches(token, TokenPurpose::Invitation))
    }

    /// Uses the invitation for this registration, which exists from now on, although it is entered after the commit: whoever
    /// submits, accepts, revokes or sends again changes this one record, so that one of them is first (INV-3, INV-5, REG-5).
    pub fn used_for(mut self, entered: Decision<Registration>) -> Decision<Self> {
        let Decision { next: registration, effects, action, .. } = entered;
        self.current.registration = Some(registration.id);
        let offer = self.offer();
        let register = Effect::Register(Box::new(Entry { registration, action, effects }));
        Decision::with(Action::InvitationUse, self, vec![register, offer])
    }
}

/// Where a slot begins to count: minutes since 1970. A slot is removed a month after its last invitation's time ran out, so
/// that one that is opened anew begins above all numbers of the former one, and repeats none of its ids.
fn first_generation(now: Timestamp) -> u32 {
    u32::try_from(now.unix() / 60).unwrap_or(1)
}

fn new_invitation(
    slot: InvitationSlotId,
    generation: u32,
    wish: &Wish<'_>,
    keys: &Keys,
    now: Timestamp,
    rng: &mut dyn Entropy,
) -> (Invitation, PlainToken) {
    let command = wish.command;
    let token = PlainToken::new(*slot.bytes(), rng);
    let invitation = Invitation {
        generation,
        claim: wish.claim,
        organisation: command.organisation.clone(),
        invitee: command.invitee.clone(),
        profile: command.profile.clone(),
        created_at: now,
        expires_at: now.plus(command.lifetime),
        token: token.digest(TokenPurpose::Invitation),
        handed_over: (!command.send_email)
            .then(|| keys.seal(SealPurpose::Message, slot.bytes(), token.reveal().as_bytes(), rng)),
        resends: Vec::new(),
        revoked_at: None,
        registration: None,
    };
    (invitation, token)
}

#[cfg(test)]
mod tests;
