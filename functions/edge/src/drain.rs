//! Carries out what follows a commit: each effect is harmless when repeated.
//!
//! Whoever comes first drains: the request that committed, a repetition of it, or any later request that meets the
//! record. What fails stays in the record and is tried again.
//!
//! A component brings the [`Hand`]s that it needs, and is granted and linked what those need: one without hands neither
//! reaches the mail provider nor carries its code. It leaves the effects that it meets to others.

use std::{future::Future, pin::Pin};

use kv_schema::{
    key::Key,
    list::{Appended, Entry, EntryId, Removed},
    record::{Envelope, Pending, Record},
    records::registration_queue,
};
use shared::{
    account::{Account, Admission, Login},
    decision::Decision,
    effect::Effect,
    invitation::InvitationSlot,
    organisation::{Alike, JoinRequest, Organisation},
    promo::Promo,
    refusal::Refusal,
    registration::QueueSummary,
    secret::{IndexPurpose, SealPurpose, Sealed},
    values::{AccountId, OrganisationId, RegistrationId, Timestamp, UserId},
};

use crate::{
    edge::{BUSY_RETRY_AFTER, Edge, NowStands},
    failure::Failure,
    mail,
    platform::Platform,
};

/// User IDs that are tried for one person: with ten thousand numbers a name, this many are taken only by design.
const USER_ID_TRIES: u8 = 40;

type Working<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What carries out one kind of effect; gives back an effect of another kind.
pub type Hand<P> = for<'a> fn(&'a Edge<P>, Effect, [u8; 16]) -> Result<Carried<'a>, Effect>;

/// An effect that is being carried out.
pub type Carried<'a> = Working<'a, Result<(), Failure>>;

/// Delivers messages (MSG-1). `cause` names the effect for ever, so that the provider recognises a repetition.
///
/// # Errors
/// The effect, when it is of another kind.
pub fn mail<P: Platform>(edge: &Edge<P>, effect: Effect, cause: [u8; 16]) -> Result<Carried<'_>, Effect> {
    match effect {
        Effect::Send(message) => Ok(Box::pin(async move { mail::deliver(edge, &message, &cause).await })),
        other => Err(other),
    }
}

/// Marks invitations as used by their registration (INV-5).
///
/// # Errors
/// The effect, when it is of another kind.
pub fn invitations<P: Platform>(edge: &Edge<P>, effect: Effect, _cause: [u8; 16]) -> Result<Carried<'_>, Effect> {
    match effect {
        Effect::UseInvitation { slot, generation, registration } => Ok(Box::pin(async move {
            let marked = edge.transact::<InvitationSlot, ()>(&slot, Refusal::NotFound, |slot, _| {
                Ok(slot.used_by(generation, registration).into())
            });
            marked.await.map(drop)
        })),
        other => Err(other),
    }
}

/// Keeps the operator's queue of registrations (APR-1).
///
/// # Errors
/// The effect, when it is of another kind.
pub fn queue<P: Platform>(edge: &Edge<P>, effect: Effect, _cause: [u8; 16]) -> Result<Carried<'_>, Effect> {
    match effect {
        Effect::Enqueue { registration, submitted_at, summary } => {
            Ok(Box::pin(async move { edge.enqueue(registration, submitted_at, &summary).await }))
        }
        Effect::Dequeue { registration, submitted_at } => {
            Ok(Box::pin(async move { edge.dequeue(registration, submitted_at).await }))
        }
        other => Err(other),
    }
}

/// Founds organisations and lets their administrators in (APR-2).
///
/// # Errors
/// The effect, when it is of another kind.
pub fn admissions<P: Platform>(edge: &Edge<P>, effect: Effect, _cause: [u8; 16]) -> Result<Carried<'_>, Effect> {
    match effect {
        Effect::FoundOrganisation(organisation) => Ok(Box::pin(async move {
            let id = organisation.id;
            edge.create::<Organisation>(&id, Decision::quiet(*organisation)).await.map(drop)
        })),
        Effect::Admit(admission) => Ok(Box::pin(async move { edge.admit(*admission).await })),
        other => Err(other),
    }
}

/// What concerns organisations that exist: they become findable (REG-3), are asked to let people in (REG-2), and get
/// applications (INV-7).
///
/// # Errors
/// The effect, when it is of another kind.
pub fn organisations<P: Platform>(edge: &Edge<P>, effect: Effect, _cause: [u8; 16]) -> Result<Carried<'_>, Effect> {
    match effect {
        Effect::IndexOrganisation { organisation, traits } => {
            Ok(Box::pin(async move { edge.index_organisation(organisation, &traits).await }))
        }
        Effect::AskAdministrators { organisation, request } => {
            Ok(Box::pin(async move { edge.ask_administrators(organisation, *request).await }))
        }
        Effect::Subscribe { organisation, application, account } => Ok(Box::pin(async move {
            let subscribed = edge.transact::<Organisation, ()>(&organisation, Refusal::NotFound, |one, _| {
                Ok(one.subscribe(&application, edge.now).into())
            });
            subscribed.await?;
            let administers = edge.transact::<Account, ()>(&account, Refusal::NotFound, |account, _| {
                Ok(account.administer(organisation, &application).into())
            });
            administers.await.map(drop)
        })),
        other => Err(other),
    }
}

/// Turns reservations of promo codes into redemptions (SHP-3).
///
/// # Errors
/// The effect, when it is of another kind.
pub fn promos<P: Platform>(edge: &Edge<P>, effect: Effect, _cause: [u8; 16]) -> Result<Carried<'_>, Effect> {
    match effect {
        Effect::RedeemPromo { promo, order } => Ok(Box::pin(async move {
            let redeemed =
                edge.transact::<Promo, ()>(&promo, Refusal::NotFound, |promo, _| Ok(promo.redeem(order).into()));
            redeemed.await.map(drop)
        })),
        other => Err(other),
    }
}

/// Puts licensed credentials into accounts (CRD-1).
///
/// # Errors
/// The effect, when it is of another kind.
pub fn grants<P: Platform>(edge: &Edge<P>, effect: Effect, _cause: [u8; 16]) -> Result<Carried<'_>, Effect> {
    match effect {
        Effect::GrantCredential { account, grant } => Ok(Box::pin(async move {
            let received = edge.transact::<Account, ()>(&account, Refusal::NotFound, |account, _| {
                Ok(account.receive((*grant).clone()).into())
            });
            received.await.map(drop)
        })),
        other => Err(other),
    }
}

type Leave<P> = for<'a> fn(&'a Edge<P>, &'a Key, &'a [Effect], bool) -> Working<'a, Result<Vec<Sealed>, Failure>>;
type Drain<P> = for<'a> fn(&'a Edge<P>, &'a Envelope) -> Working<'a, ()>;

/// What a component can carry out.
pub struct Hands<P> {
    hands: Vec<Hand<P>>,
    work: Option<Work<P>>,
}

/// What only components with hands do; behind pointers, so that the others do not link it.
struct Work<P> {
    leave: Leave<P>,
    drain: Drain<P>,
}

impl<P> Hands<P> {
    /// Nothing: the component's own commits leave nothing to do, and what others left is left to them.
    pub const fn none() -> Self {
        Self { hands: Vec::new(), work: None }
    }
}

impl<P: Platform> Hands<P> {
    /// These kinds of effects.
    pub fn of(hands: &[Hand<P>]) -> Self {
        let work = Work {
            leave: |edge, key, effects, remind| Box::pin(edge.leave_with_hands(key, effects, remind)),
            drain: |edge, record| Box::pin(edge.drain_with_hands(record)),
        };
        Self { hands: hands.to_vec(), work: Some(work) }
    }
}

impl<P: Platform> Edge<P> {
    /// Prepares what a commit under this key leaves to be done, and notes before it what a sweep is to look at in case
    /// this request dies (OPS-3). When that cannot be noted, nothing may be committed.
    pub(crate) async fn leave(&self, key: &Key, effects: &[Effect], remind: bool) -> Result<Vec<Sealed>, Failure> {
        match &self.hands.work {
            _ if effects.is_empty() && !remind => Ok(Vec::new()),
            Some(work) => (work.leave)(self, key, effects, remind).await,
            None => Err(Failure::Fault("a component without hands left something to do".to_owned())),
        }
    }

    async fn leave_with_hands(&self, key: &Key, effects: &[Effect], remind: bool) -> Result<Vec<Sealed>, Failure> {
        if remind && self.kv().remind(key).await? == Appended::Busy {
            return Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into());
        }
        let seal = |effect| {
            let bytes = postcard::to_allocvec(effect).map_err(|error| Failure::Fault(format!("effect: {error}")))?;
            Ok(self.keys.seal(SealPurpose::Message, key.as_str().as_bytes(), &bytes, &mut self.rng()))
        };
        effects.iter().map(seal).collect()
    }

    /// Carries out the record's pending effects and takes the done ones out of it. The commit stands whatever happens
    /// here, so failures go to the log and the effects stay.
    pub async fn drain(&self, record: &Envelope) {
        if let Some(work) = &self.hands.work
            && !record.pending().is_empty()
        {
            (work.drain)(self, record).await;
        }
    }

    async fn drain_with_hands(&self, record: &Envelope) {
        let mut done = Vec::new();
        for pending in record.pending() {
            match self.carry_out(record, pending).await {
                Ok(true) => done.push(pending.id),
                Ok(false) => {}
                Err(failure) => self.log_failure("effect postponed", &failure),
            }
        }
        if done.is_empty() {
            return;
        }
        if let Err(fault) = self.kv().settle(record, &done).await {
            self.log_failure("effects not settled", &fault.into());
        }
    }

    /// Whether one of the component's hands carried the effect out.
    async fn carry_out(&self, record: &Envelope, pending: &Pending) -> Result<bool, Failure> {
        let mut effect = self.open_effect(record, &pending.effect)?;
        for hand in &self.hands.hands {
            match hand(self, effect, pending.id.0) {
                Ok(carried) => return carried.await.map(|()| true),
                Err(another) => effect = another,
            }
        }
        Ok(false)
    }

    fn open_effect(&self, record: &Envelope, sealed: &Sealed) -> Result<Effect, Failure> {
        let bytes = self
            .keys
            .open(SealPurpose::Message, record.key().as_str().as_bytes(), sealed)
            .map_err(|_| Failure::Fault("an effect does not open with the current or previous root secret".into()))?;
        postcard::from_bytes(&bytes).map_err(|error| Failure::Fault(format!("effect: {error}")))
    }

    async fn enqueue(&self, id: RegistrationId, at: Timestamp, summary: &QueueSummary) -> Result<(), Failure> {
        let payload = postcard::to_allocvec(summary).map_err(|error| Failure::Fault(format!("summary: {error}")))?;
        let entry = Entry { id: EntryId(*id.bytes()), at_unix_seconds: seconds(at), payload };
        match self.kv().append(&registration_queue(), &entry).await? {
            Appended::Added | Appended::AlreadyThere => Ok(()),
            Appended::Busy => Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into()),
        }
    }

    async fn dequeue(&self, id: RegistrationId, at: Timestamp) -> Result<(), Failure> {
        match self.kv().remove(&registration_queue(), EntryId(*id.bytes()), seconds(at)).await? {
            Removed::Removed | Removed::Absent => Ok(()),
            Removed::Busy => Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into()),
        }
    }

    async fn index_organisation(&self, organisation: OrganisationId, traits: &[[u8; 16]]) -> Result<(), Failure> {
        for id in traits {
            let first = Decision::quiet(Alike::first(*id, organisation));
            if let NowStands::Another(_) = self.create::<Alike>(id, first).await? {
                let more =
                    self.transact::<Alike, ()>(id, Refusal::NotFound, |alike, _| Ok(alike.with(organisation).into()));
                more.await?;
            }
        }
        Ok(())
    }

    /// The request and its messages are one commit of the organisation's; who administers it is read before.
    async fn ask_administrators(&self, id: OrganisationId, request: JoinRequest) -> Result<(), Failure> {
        let stored = self.kv().get::<Organisation>(&id).await?.ok_or(Refusal::NotFound)?;
        let logins: Vec<_> = stored.value().founders.iter().map(|email| self.login_id(&email.normalised())).collect();
        let logins = self.get_all::<Login>(&logins).await?;
        let accounts: Vec<_> = logins.iter().map(|login| login.account).collect();
        let founders = self.get_all::<Account>(&accounts).await?;
        let asked = self.transact::<Organisation, ()>(&id, Refusal::NotFound, |organisation, _| {
            Ok(organisation.ask(request.clone(), &founders).into())
        });
        asked.await?;
        self.message_is_out::<Organisation>(&id).await
    }

    /// Lets a designated person in: joins the account that has the e-mail, or creates one with a User ID of its own.
    async fn admit(&self, admission: Admission) -> Result<(), Failure> {
        let owner = self.claim_login(&admission.email.normalised(), admission.account).await?;
        if owner != admission.account {
            let absent = Refusal::Busy { retry_after: BUSY_RETRY_AFTER };
            let joined =
                self.transact::<Account, ()>(&owner, absent, |account, _| Ok(account.join(admission.clone()).into()));
            joined.await?;
            return self.message_is_out::<Account>(&owner).await;
        }
        let id = admission.account;
        if let Some(stored) = self.kv().get::<Account>(&id).await? {
            self.drain(stored.envelope()).await;
        } else {
            let user_id = self.claim_user_id(&admission).await?;
            let decision = Account::invite(admission, user_id, self.now, &mut self.rng());
            self.create(&id, decision).await.map(drop)?;
        }
        self.message_is_out::<Account>(&id).await
    }

    /// What causes a message in another record is done only when that message is out: whoever was let in and is not told
    /// never comes in, and nobody lets in whom they were not told about.
    async fn message_is_out<R: Record>(&self, id: &R::Id) -> Result<(), Failure> {
        let stored = self.kv().get::<R>(id).await?;
        if stored.is_some_and(|stored| stored.pending().is_empty()) {
            Ok(())
        } else {
            Err(Failure::Fault("a message that an effect has caused is not delivered yet".to_owned()))
        }
    }

    async fn claim_user_id(&self, admission: &Admission) -> Result<UserId, Failure> {
        for attempt in 0..USER_ID_TRIES {
            let [first, second, ..] = self.keys.index(IndexPurpose::Login, &[admission.account.bytes(), &[attempt]]);
            let number = u16::from_be_bytes([first, second]) % 10_000;
            let candidate = UserId::candidate(&admission.name, number);
            if self.claim_login(candidate.as_str(), admission.account).await? == admission.account {
                return Ok(candidate);
            }
        }
        Err(Failure::Fault("no free User ID was found".to_owned()))
    }

    /// Claims an e-mail or a User ID for an account and answers whose it is.
    async fn claim_login(&self, name: &str, account: AccountId) -> Result<AccountId, Failure> {
        let id = self.login_id(name);
        match self.create(&id, Decision::quiet(Login { id, account })).await? {
            NowStands::Ours(stored) | NowStands::Another(stored) => Ok(stored.value().account),
        }
    }

    /// The record that says whose an e-mail or User ID is. Both are looked up without regard to case.
    pub fn login_id(&self, name: &str) -> [u8; 16] {
        self.keys.index(IndexPurpose::Login, &[name.trim().to_lowercase().as_bytes()])
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.unix()).unwrap_or_default()
}
