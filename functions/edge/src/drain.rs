//! Carries out what follows a commit: each effect is harmless when repeated.
//!
//! Whoever comes first drains: the request that committed, a repetition of it, or any later request that meets the
//! record. What fails stays in the record and is tried again.

use kv_schema::{
    list::{Appended, Entry, EntryId, Removed},
    record::Stored,
    records::registration_queue,
};
use shared::{
    account::{Account, Admission, Login},
    decision::Decision,
    effect::Effect,
    invitation::InvitationSlot,
    organisation::Organisation,
    promo::Promo,
    refusal::Refusal,
    registration::QueueSummary,
    secret::{IndexPurpose, SealPurpose, Sealed},
    values::{AccountId, RegistrationId, Seconds, Timestamp, UserId},
};

use crate::{
    edge::{Edge, NowStands, Persisted},
    failure::Failure,
    mail,
    platform::Platform,
};

/// User IDs that are tried for one person: with ten thousand numbers a name, this many are taken only by design.
const USER_ID_TRIES: u8 = 40;

impl<P: Platform> Edge<P> {
    /// Carries out the record's pending effects and takes the done ones out of it. The commit stands whatever happens
    /// here, so failures go to the log and the effects stay.
    pub async fn drain<R: Persisted>(&self, stored: &Stored<R>) {
        if stored.pending().is_empty() {
            return;
        }
        let mut done = Vec::new();
        for pending in stored.pending() {
            let carried_out = match self.open_effect(stored, &pending.effect) {
                Ok(effect) => Box::pin(self.carry_out(effect, &pending.id.0)).await,
                Err(failure) => Err(failure),
            };
            match carried_out {
                Ok(()) => done.push(pending.id),
                Err(failure) => self.log_failure("effect postponed", &failure),
            }
        }
        if done.is_empty() {
            return;
        }
        if let Err(fault) = self.kv().settle(stored, &done).await {
            self.log_failure("effects not settled", &fault.into());
        }
    }

    fn open_effect<R: Persisted>(&self, stored: &Stored<R>, sealed: &Sealed) -> Result<Effect, Failure> {
        let bytes = self
            .keys
            .open(SealPurpose::Message, stored.key().as_str().as_bytes(), sealed)
            .map_err(|_| Failure::Fault("an effect does not open with the current or previous root secret".into()))?;
        postcard::from_bytes(&bytes).map_err(|error| Failure::Fault(format!("effect: {error}")))
    }

    async fn carry_out(&self, effect: Effect, cause: &[u8; 16]) -> Result<(), Failure> {
        match effect {
            Effect::Send(message) => mail::deliver(self, &message, cause).await,
            Effect::UseInvitation { slot, generation, registration } => {
                self.transact::<InvitationSlot, ()>(&slot, Refusal::NotFound, |slot, _| {
                    Ok(slot.used_by(generation, registration).into())
                })
                .await
                .map(drop)
            }
            Effect::Enqueue { registration, submitted_at, summary } => self.enqueue(registration, submitted_at, &summary).await,
            Effect::Dequeue { registration, submitted_at } => self.dequeue(registration, submitted_at).await,
            Effect::FoundOrganisation(organisation) => {
                let id = organisation.id;
                self.create::<Organisation>(&id, Decision::quiet(*organisation)).await.map(drop)
            }
            Effect::Admit(admission) => self.admit(*admission).await,
            Effect::RedeemPromo { promo, order } => self
                .transact::<Promo, ()>(&promo, Refusal::NotFound, |promo, _| Ok(promo.redeem(order).into()))
                .await
                .map(drop),
            Effect::GrantCredential { account, grant } => self
                .transact::<Account, ()>(&account, Refusal::NotFound, |account, _| {
                    Ok(account.receive((*grant).clone()).into())
                })
                .await
                .map(drop),
        }
    }

    async fn enqueue(&self, id: RegistrationId, at: Timestamp, summary: &QueueSummary) -> Result<(), Failure> {
        let payload = postcard::to_allocvec(summary).map_err(|error| Failure::Fault(format!("summary: {error}")))?;
        let entry = Entry { id: EntryId(*id.bytes()), at_unix_seconds: seconds(at), payload };
        match self.kv().append(&registration_queue(), &entry).await? {
            Appended::Added | Appended::AlreadyThere => Ok(()),
            Appended::Busy => Err(Refusal::Busy { retry_after: Seconds(2) }.into()),
        }
    }

    async fn dequeue(&self, id: RegistrationId, at: Timestamp) -> Result<(), Failure> {
        match self.kv().remove(&registration_queue(), EntryId(*id.bytes()), seconds(at)).await? {
            Removed::Removed | Removed::Absent => Ok(()),
            Removed::Busy => Err(Refusal::Busy { retry_after: Seconds(2) }.into()),
        }
    }

    /// Lets a designated person in: joins the account that has the e-mail, or creates one with a User ID of its own.
    async fn admit(&self, admission: Admission) -> Result<(), Failure> {
        let owner = self.claim_login(&admission.email.normalised(), admission.account).await?;
        if owner != admission.account {
            let absent = Refusal::Busy { retry_after: Seconds(2) };
            return self
                .transact::<Account, ()>(&owner, absent, |account, _| Ok(account.join(admission.clone()).into()))
                .await
                .map(drop);
        }
        if let Some(stored) = self.kv().get::<Account>(&admission.account).await? {
            self.drain(&stored).await;
            return Ok(());
        }
        let user_id = self.claim_user_id(&admission).await?;
        let id = admission.account;
        let decision = Account::invite(admission, user_id, self.now, &mut self.rng());
        self.create(&id, decision).await.map(drop)
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
