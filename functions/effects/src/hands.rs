//! How each kind of effect is carried out.

use edge::{
    Edge, Failure, Platform,
    edge::{BUSY_RETRY_AFTER, DECIDE_TRIES, NowStands},
};
use kv_schema::{
    key::Key,
    kv::{Replaced, Settled},
    list::{Appended, Entry, EntryId, List, Removed},
    record::{Pending, Record},
    records::{Swept, batches_of, invitations_of, registration_queue, shelf},
};
use shared::{
    account::{Account, Admission, Login},
    audit::{Action, Actor},
    credential::Grant,
    dead_letter::{DeadLetter, How},
    decision::Decision,
    effect::{Effect, Postponed},
    invitation::{InvitationId, InvitationSlot, InvitationState, slots_of},
    message::Message,
    order::Order,
    organisation::{Alike, JoinRequest, Organisation},
    promo::{PromoUse, Sheet},
    refusal::Refusal,
    registration::{QueueSummary, Registration},
    secret::IndexPurpose,
    values::{
        AccountId, ApplicationId, Email, InvitationSlotId, OrderId, OrganisationId, RegistrationId, Timestamp, UserId,
    },
};

use crate::{mail, phone, webhooks};

/// User IDs that are tried for one person: with ten thousand numbers a name, this many are taken only by design.
const USER_ID_TRIES: u8 = 40;

/// Carries out what is pending in the record of this key and takes it out of the record. Says whether nothing is pending
/// there any more; what fails goes to the log and stays.
pub(crate) async fn carry_out<P: Platform>(edge: &Edge<P>, key: &Key) -> Result<bool, Failure> {
    let Some(undone) = edge.kv().undone(key).await? else {
        return Ok(true);
    };
    let mut done = Vec::new();
    let mut postponed = Postponed::default();
    let opened = undone.envelope().pending().iter().map(|pending| (pending, edge.open_effect(key, pending)));
    let (last, first): (Vec<_>, Vec<_>) = opened.partition(|(_, effect)| effect.as_ref().is_ok_and(Effect::comes_last));
    for (pending, opened) in first.into_iter().chain(last) {
        let before = edge.acts(Actor::Effect { because: pending.id.0 });
        let grants_to = opened.as_ref().ok().and_then(Effect::grants_to);
        let carried_out = match opened {
            Ok(effect) if postponed.holds_back(&effect) => {
                Err(Failure::Fault("what is postponed comes before it".to_owned()))
            }
            Ok(effect) => carry_out_one(edge, effect, pending).await,
            Err(failure) => Err(failure),
        };
        edge.acts(before);
        match carried_out {
            Ok(()) => done.push(pending.id),
            Err(failure) => {
                edge.log_failure("effect postponed", &failure);
                postponed.add(grants_to);
            }
        }
    }
    let all_done = done.len() == undone.envelope().pending().len();
    if done.is_empty() {
        return Ok(all_done);
    }
    Ok(edge.kv().settle(undone, &done).await? == Settled::Done && all_done)
}

/// One effect. Its id names it for ever, so that the mail provider recognises a repetition (MSG-1).
async fn carry_out_one<P: Platform>(edge: &Edge<P>, effect: Effect, pending: &Pending) -> Result<(), Failure> {
    match effect {
        Effect::Send(message) => mail::deliver(edge, &message, &pending.id.0).await,
        Effect::Call(code) => phone::deliver(edge, &code, &pending.id.0).await,
        // REG-5: its invitation has committed it.
        Effect::Register(entry) => {
            let shared::effect::Entry { registration, action, effects } = *entry;
            let id = registration.id;
            edge.create::<Registration>(&id, Decision::with(action, registration, effects)).await.map(drop)
        }
        // INV-3: the partner's list.
        Effect::ListInvitation { application, invitation, created_at } => {
            list_invitation(edge, &application, invitation, created_at).await
        }
        Effect::Enqueue { registration, submitted_at, summary } => {
            enqueue(edge, registration, submitted_at, &summary).await
        }
        Effect::Dequeue { registration, submitted_at } => {
            unlist(edge, &registration_queue(), EntryId(*registration.bytes()), submitted_at).await
        }
        Effect::FoundOrganisation(organisation) => found_organisation(edge, *organisation).await,
        Effect::Admit(admission) => admit(edge, *admission).await,
        Effect::IndexOrganisation { organisation, traits } => index_organisation(edge, organisation, &traits).await,
        Effect::AskAdministrators { organisation, request } => ask_administrators(edge, organisation, *request).await,
        Effect::Subscribe { organisation, application, account } => {
            subscribe(edge, organisation, &application, account).await
        }
        Effect::AnswerRequest { registration, organisation, let_in } => {
            answer_request(edge, registration, organisation, let_in).await
        }
        Effect::Enlist { admission, offer } => enlist(edge, *admission, &offer, &pending.id.0).await,
        // SHP-3: the hold becomes a redemption.
        Effect::RedeemPromo { promo, order } => {
            change_promo(edge, promo, |sheet| sheet.redeem(promo.coupon, order, edge.now)).await
        }
        Effect::HoldPromo { promo, order, until } => {
            change_promo(edge, promo, |sheet| sheet.extend(promo.coupon, order, until)).await
        }
        Effect::ReleasePromo { promo, order, held_until } => {
            change_promo(edge, promo, |sheet| sheet.release(promo.coupon, order, held_until)).await
        }
        Effect::Shelve(place) => list_id(edge, &shelf(&place.shelf), place.id, place.at).await,
        Effect::SettleLetter { letter, by, at } => {
            let settled = edge.transact::<DeadLetter, ()>(&letter, Refusal::NotFound, |letter, _| {
                Ok(letter.settled(How::Replayed, by.clone(), at).into())
            });
            unless_gone(settled.await.map(drop))
        }
        Effect::Unshelve(place) => unlist(edge, &shelf(&place.shelf), EntryId(place.id), place.at).await,
        // SHP-2: the partner's list.
        Effect::ListBatch { partner, batch, created_at } => {
            list_id(edge, &batches_of(&partner), *batch.bytes(), created_at).await
        }
        Effect::GrantCredential { account, grant } => grant_credential(edge, account, &grant).await,
        Effect::OfferInvitation { slot, email } => offer_invitation(edge, slot, &email).await,
        Effect::TellCustomer { account, order } => tell_customer(edge, account, order).await,
        Effect::Tell { partner, event } => webhooks::tell(edge, partner, *event, &pending.id.0).await,
        Effect::Deliver(delivery) => webhooks::deliver(edge, delivery).await,
        Effect::ListDelivery { partner, delivery, created_at } => {
            webhooks::list(edge, &partner, delivery, created_at).await
        }
    }
}

async fn found_organisation<P: Platform>(edge: &Edge<P>, organisation: Organisation) -> Result<(), Failure> {
    let id = organisation.id;
    let founded = Decision::quiet(Action::OrganisationFounding, organisation);
    edge.create::<Organisation>(&id, founded).await.map(drop)
}

/// REG-6: whoever asked follows what was decided.
async fn answer_request<P: Platform>(
    edge: &Edge<P>,
    registration: RegistrationId,
    organisation: OrganisationId,
    let_in: bool,
) -> Result<(), Failure> {
    let noted = edge.transact::<Registration, ()>(&registration, Refusal::NotFound, |one, _| {
        Ok(one.answered(organisation, let_in, edge.now).into())
    });
    noted.await.map(drop)
}

async fn grant_credential<P: Platform>(edge: &Edge<P>, account: AccountId, grant: &Grant) -> Result<(), Failure> {
    let received = edge
        .transact::<Account, ()>(&account, Refusal::NotFound, |account, _| Ok(account.receive(grant.clone()).into()));
    received.await.map(drop)
}

/// An entry that says nothing but what it is about.
async fn list_id<P: Platform>(edge: &Edge<P>, list: &List, id: [u8; 16], at: Timestamp) -> Result<(), Failure> {
    let entry = Entry { id: EntryId(id), at_unix_seconds: seconds(at), payload: Vec::new() };
    list_entry(edge, list, &entry).await
}

/// Puts an entry into a list; carried out again, it is there already.
pub(crate) async fn list_entry<P: Platform>(edge: &Edge<P>, list: &List, entry: &Entry) -> Result<(), Failure> {
    match edge.kv().append(list, entry).await? {
        Appended::Added | Appended::AlreadyThere => Ok(()),
        Appended::Busy => Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into()),
    }
}

/// What becomes of a code that an order uses. Its batch may be over and gone by then: there is nothing to count any more.
async fn change_promo<P: Platform>(
    edge: &Edge<P>,
    promo: PromoUse,
    change: impl Fn(Sheet) -> Option<Decision<Sheet>>,
) -> Result<(), Failure> {
    let changed = edge.transact::<Sheet, ()>(&promo.sheet, Refusal::NotFound, |sheet, _| Ok(change(sheet).into()));
    unless_gone(changed.await.map(drop))
}

/// What is gone needs no change.
fn unless_gone(changed: Result<(), Failure>) -> Result<(), Failure> {
    match changed {
        Err(Failure::Refused(Refusal::NotFound)) => Ok(()),
        changed => changed,
    }
}

async fn list_invitation<P: Platform>(
    edge: &Edge<P>,
    application: &ApplicationId,
    invitation: InvitationId,
    at: Timestamp,
) -> Result<(), Failure> {
    let parts: [&[u8]; 2] = [invitation.slot.bytes(), &invitation.generation.to_be_bytes()];
    let id = EntryId(edge.keys.index(IndexPurpose::Invitation, &parts));
    let payload = postcard::to_allocvec(&invitation).map_err(|error| Failure::Fault(format!("entry: {error}")))?;
    let entry = Entry { id, at_unix_seconds: seconds(at), payload };
    list_entry(edge, &invitations_of(application), &entry).await
}

async fn enqueue<P: Platform>(
    edge: &Edge<P>,
    id: RegistrationId,
    at: Timestamp,
    summary: &QueueSummary,
) -> Result<(), Failure> {
    let payload = postcard::to_allocvec(summary).map_err(|error| Failure::Fault(format!("summary: {error}")))?;
    let entry = Entry { id: EntryId(*id.bytes()), at_unix_seconds: seconds(at), payload };
    list_entry(edge, &registration_queue(), &entry).await
}

async fn unlist<P: Platform>(edge: &Edge<P>, list: &List, id: EntryId, at: Timestamp) -> Result<(), Failure> {
    match edge.kv().remove(list, id, seconds(at)).await? {
        Removed::Removed | Removed::Absent => Ok(()),
        Removed::Busy => Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into()),
    }
}

/// REG-3: the organisation is found by whoever registers one that is alike.
async fn index_organisation<P: Platform>(
    edge: &Edge<P>,
    organisation: OrganisationId,
    traits: &[[u8; 16]],
) -> Result<(), Failure> {
    for id in traits {
        let first = Decision::quiet(Action::Indexing, Alike::first(*id, organisation));
        if let NowStands::Another(_) = edge.create::<Alike>(id, first).await? {
            let more =
                edge.transact::<Alike, ()>(id, Refusal::NotFound, |alike, _| Ok(alike.with(organisation).into()));
            more.await?;
        }
    }
    Ok(())
}

/// REG-2: the request and its messages are one commit of the organisation's; who administers it is read before.
async fn ask_administrators<P: Platform>(
    edge: &Edge<P>,
    id: OrganisationId,
    request: JoinRequest,
) -> Result<(), Failure> {
    let stored = edge.kv().get::<Organisation>(&id).await?.ok_or(Refusal::NotFound)?;
    let logins: Vec<_> = stored.value().founders.iter().map(|email| edge.login_id(&email.normalised())).collect();
    let logins = edge.get_all::<Login>(&logins).await?;
    let accounts: Vec<_> = logins.iter().map(|login| login.account).collect();
    let founders = edge.get_all::<Account>(&accounts).await?;
    let asked = edge.transact::<Organisation, ()>(&id, Refusal::NotFound, |organisation, _| {
        Ok(organisation.ask(request.clone(), &founders).into())
    });
    asked.await?;
    message_is_out::<P, Organisation>(edge, &id).await
}

/// INV-7: the organisations of whoever is invited learn how the invitation stands. Nobody else does. Whose they are is read after
/// the invitation's commit and may not be older: who joins one at this moment looks at the invitation instead.
async fn offer_invitation<P: Platform>(edge: &Edge<P>, slot: InvitationSlotId, email: &Email) -> Result<(), Failure> {
    let kv = edge.kv();
    let Some(login) = kv.load::<Login>(&edge.login_id(&email.normalised())).await? else {
        return Ok(());
    };
    let Some(account) = kv.load::<Account>(&login.value().account).await? else {
        return Ok(());
    };
    for membership in &account.value().memberships {
        offer_to(edge, slot, membership.organisation).await?;
    }
    Ok(())
}

/// Tells one organisation how an invitation stands.
async fn offer_to<P: Platform>(
    edge: &Edge<P>,
    slot: InvitationSlotId,
    organisation: OrganisationId,
) -> Result<(), Failure> {
    let look = async || slot_now(edge, slot).await;
    let not_founded = Refusal::Busy { retry_after: BUSY_RETRY_AFTER };
    tell(edge, &organisation, not_founded, look, |one: Organisation, slot| one.offered(&slot, edge.now)).await
}

/// LCH-1: the account repeats how one of its person's orders stands.
async fn tell_customer<P: Platform>(edge: &Edge<P>, account: AccountId, order: OrderId) -> Result<(), Failure> {
    let kv = edge.kv();
    let look = async || {
        let seen = kv.load::<Order>(&order).await?;
        Ok(seen.and_then(|seen| seen.into_stored().value().purchase(&edge.gateway)))
    };
    let follow = |account: Account, purchase| account.follow(purchase, edge.now);
    unless_gone(tell(edge, &account, Refusal::NotFound, look, follow).await)
}

/// Tells one record how another stands, whoever else does the same and however late: of tellers that meet only one gets through,
/// and whoever tries again looks again. So each looks *after* it has seen the record that it tells, by a read that cannot be
/// behind, and each writes, even what stands there already: else it would not be in the way of one that had looked before.
async fn tell<P: Platform, R: Swept + Clone, T>(
    edge: &Edge<P>,
    told: &R::Id,
    absent: Refusal,
    look: impl AsyncFn() -> Result<Option<T>, Failure>,
    say: impl Fn(R, T) -> Decision<R>,
) -> Result<(), Failure> {
    let kv = edge.kv();
    let mut seen = kv.load::<R>(told).await?.ok_or(absent)?;
    for _ in 0..DECIDE_TRIES {
        let Some(current) = look().await? else {
            return Ok(());
        };
        let said = say(seen.value().clone(), current);
        match edge.commit(seen, said).await? {
            Replaced::Committed(stored) => {
                edge.drain(stored.envelope()).await;
                return Ok(());
            }
            Replaced::Lost(current) => seen = current,
            Replaced::Gone => break,
        }
    }
    Err(Refusal::Busy { retry_after: BUSY_RETRY_AFTER }.into())
}

/// INV-7: an organisation that somebody joins learns which invitations of that person are pending.
async fn offer_waiting<P: Platform>(edge: &Edge<P>, admission: &Admission) -> Result<(), Failure> {
    for slot in slots_of(&admission.email, &edge.gateway.applications, &edge.keys) {
        let pending =
            slot_now(edge, slot).await?.is_some_and(|known| known.current.state(edge.now) == InvitationState::Pending);
        if pending {
            offer_to(edge, slot, admission.membership.organisation).await?;
        }
    }
    Ok(())
}

/// The slot as it is now.
async fn slot_now<P: Platform>(edge: &Edge<P>, slot: InvitationSlotId) -> Result<Option<InvitationSlot>, Failure> {
    let kv = edge.kv();
    let seen = kv.load::<InvitationSlot>(&slot).await?;
    Ok(seen.map(|seen| seen.into_stored().into_value()))
}

/// INV-7: the organisation gets the application, and whoever accepted administers it.
async fn subscribe<P: Platform>(
    edge: &Edge<P>,
    organisation: OrganisationId,
    application: &ApplicationId,
    account: AccountId,
) -> Result<(), Failure> {
    let subscribed = edge.transact::<Organisation, ()>(&organisation, Refusal::NotFound, |one, _| {
        Ok(one.subscribe(application, edge.now).into())
    });
    subscribed.await?;
    let administers = edge.transact::<Account, ()>(&account, Refusal::NotFound, |account, _| {
        Ok(account.administer(organisation, application).into())
    });
    administers.await.map(drop)
}

/// Lets a designated person in: joins the account that has the e-mail, or creates one with a User ID of its own.
async fn admit<P: Platform>(edge: &Edge<P>, admission: Admission) -> Result<(), Failure> {
    // One note for all that follows, if the person is new.
    let candidate = candidate(edge, &admission, 0);
    let others = [Account::key(&admission.account), Login::key(&edge.login_id(candidate.as_str()))];
    let owner = claim_login(edge, &admission.email.normalised(), admission.account, &others).await?;
    if owner != admission.account {
        let absent = Refusal::Busy { retry_after: BUSY_RETRY_AFTER };
        let joined =
            edge.transact::<Account, ()>(&owner, absent, |account, _| Ok(account.join(admission.clone()).into()));
        joined.await?;
        offer_waiting(edge, &admission).await?;
        return message_is_out::<P, Account>(edge, &owner).await;
    }
    let id = admission.account;
    if let Some(stored) = edge.kv().get::<Account>(&id).await? {
        edge.drain(stored.envelope()).await;
    } else {
        let user_id = claim_user_id(edge, &admission).await?;
        let decision = Account::invite(admission.clone(), user_id, edge.now, &mut edge.rng());
        edge.create(&id, decision).await.map(drop)?;
    }
    offer_waiting(edge, &admission).await?;
    message_is_out::<P, Account>(edge, &id).await
}

/// What causes a message in another record is done only when that message is out: whoever was let in and is not told never
/// comes in, and nobody lets in whom they were not told about.
async fn message_is_out<P: Platform, R: Record>(edge: &Edge<P>, id: &R::Id) -> Result<(), Failure> {
    let stored = edge.kv().get::<R>(id).await?;
    if stored.is_some_and(|stored| stored.pending().is_empty()) {
        Ok(())
    } else {
        Err(Failure::Fault("a message that an effect has caused is not delivered yet".to_owned()))
    }
}

/// INV-8: whoever has an account decides about one membership more; an administrator's word is not enough.
async fn enlist<P: Platform>(
    edge: &Edge<P>,
    admission: Admission,
    offer: &Message,
    cause: &[u8; 16],
) -> Result<(), Failure> {
    let login = edge.kv().get::<Login>(&edge.login_id(&admission.email.normalised())).await?;
    match login {
        Some(stored) if stored.value().account != admission.account => mail::deliver(edge, offer, cause).await,
        _ => admit(edge, admission).await,
    }
}

async fn claim_user_id<P: Platform>(edge: &Edge<P>, admission: &Admission) -> Result<UserId, Failure> {
    for attempt in 0..USER_ID_TRIES {
        let candidate = candidate(edge, admission, attempt);
        if claim_login(edge, candidate.as_str(), admission.account, &[]).await? == admission.account {
            return Ok(candidate);
        }
    }
    Err(Failure::Fault("no free User ID was found".to_owned()))
}

fn candidate<P: Platform>(edge: &Edge<P>, admission: &Admission, attempt: u8) -> UserId {
    let [first, second, ..] = edge.keys.index(IndexPurpose::Login, &[admission.account.bytes(), &[attempt]]);
    UserId::candidate(&admission.name, u16::from_be_bytes([first, second]) % 10_000)
}

/// Claims an e-mail or a User ID for an account and answers whose it is.
async fn claim_login<P: Platform>(
    edge: &Edge<P>,
    name: &str,
    account: AccountId,
    others: &[Key],
) -> Result<AccountId, Failure> {
    let id = edge.login_id(name);
    match edge.create_before(&id, Decision::quiet(Action::LoginClaim, Login { id, account }), others).await? {
        NowStands::Ours(stored) | NowStands::Another(stored) => Ok(stored.value().account),
    }
}

pub(crate) fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.unix()).unwrap_or_default()
}
