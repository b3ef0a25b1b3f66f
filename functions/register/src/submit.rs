//! The commit points of a registration. By invitation it is the invitation, which names the registration from then on; else
//! the creation of the registration, whose id derives from the solved captcha or the confirmed mailbox. Either way a
//! repetition meets its own record (REG-5).

use edge::{Change, Edge, Failure, Platform, edge::NowStands};
use shared::{
    account::Login,
    audit::Actor,
    config::Application,
    decision::{Counted, Decision},
    invitation::InvitationSlot,
    mailbox::MailboxCheck,
    organisation::{Glimpse, Organisation},
    quota::Caused,
    refusal::Refusal,
    registration::{Circumstances, RawRegistration, Registration, SubmitRegistration},
    secret::PlainToken,
    values::{Email, FormId, InvitationSlotId, OrganisationId},
};

use crate::{
    api::{self, Choice, RawSource},
    captcha::Presented,
    public_application,
};

/// Submits a whole document.
pub(crate) async fn document<P: Platform>(
    edge: &Edge<P>,
    source: RawSource,
    choice: Choice,
    entered: RawRegistration,
) -> Result<Registration, Failure> {
    let (application, form, entered, presented) = match source {
        RawSource::Invitation(token) => return invited(edge, &token, entered).await,
        RawSource::Confirmation(token) => {
            let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
            let check = check_of(edge, &token).await?;
            let confirmed = check.present(&token, edge.now)?;
            let application = public_application(edge, confirmed.application().as_str())?;
            let entered = RawRegistration { email: confirmed.email().as_str().to_owned(), ..entered };
            (application, confirmed.form(&edge.keys), entered, None)
        }
        RawSource::Captcha { application, captcha } => {
            let application = public_application(edge, &application)?;
            let presented = Presented::parse(edge, &captcha)?;
            (application, presented.form(edge), entered, Some(presented))
        }
    };
    let command = SubmitRegistration::parse(&entered, None)?;
    // A repetition is answered, also when its captcha is over by now.
    if let Some(stored) = edge.kv().get::<Registration>(&Registration::id_of_form(form, &edge.keys)).await? {
        edge.drain(stored.envelope()).await;
        return repeated(stored.into_value(), application, &command, asked_of(&choice));
    }
    if let Some(presented) = presented {
        presented.check(edge).await?;
    }
    match choice {
        Choice::NoneOfThem => public(edge, form, application, command).await,
        Choice::Unsaid => {
            let found = alike(edge, &command).await?;
            if found.is_empty() {
                public(edge, form, application, command).await
            } else {
                Err(api::alike_found(&found).into())
            }
        }
        Choice::This(organisation) => {
            let found = alike(edge, &command).await?;
            if !found.iter().any(|one| one.id == organisation) {
                return Err(Refusal::field("organisation", "missing", api::CHOICE_HINT).into());
            }
            ask(edge, form, application, command, organisation).await
        }
    }
}

/// The registration that this form has led to.
pub(crate) async fn of_form<P: Platform>(edge: &Edge<P>, form: FormId) -> Result<Option<Registration>, Failure> {
    let found = edge.get_all::<Registration>(&[Registration::id_of_form(form, &edge.keys)]).await?;
    Ok(found.into_iter().next())
}

fn asked_of(choice: &Choice) -> Option<OrganisationId> {
    match choice {
        Choice::This(organisation) => Some(*organisation),
        Choice::Unsaid | Choice::NoneOfThem => None,
    }
}

/// Submits by invitation. What is wrong with the link is said before anything about the entries (INV-5).
pub(crate) async fn invited<P: Platform>(
    edge: &Edge<P>,
    token: &str,
    entered: RawRegistration,
) -> Result<Registration, Failure> {
    let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let slot = slot_of(edge, &token).await?;
    // The invitee's name is that of the slot that the token is checked against: this one could be an older one.
    let parsed =
        |slot: &InvitationSlot| SubmitRegistration::parse(&api::of_invitee(entered.clone(), slot), Some(&slot.email));
    let application = application_of(edge, &slot)?;
    let has_account = has_account(edge, &slot.email).await?;
    let circumstances = Circumstances { application, has_account, keys: &edge.keys, now: edge.now };
    let (ours, slot) = edge
        .transact::<InvitationSlot, Option<Registration>>(&slot.id, Refusal::LinkNotValid, |slot, rng| {
            let invited = match slot.present(&token, edge.now) {
                Ok(invited) => invited,
                Err(_) if slot.registration_of(&token).is_some() => return Ok(Change::Keep(None)),
                Err(refusal) => return Err(refusal),
            };
            let decision = Registration::by_invitation(invited, parsed(&slot)?, &circumstances, rng);
            let told = edge.gateway.tell_of_registration(&decision.next, true);
            let ours = decision.next.clone();
            let accepted = edge.gateway.tell_of_acceptance(&slot, ours.id, edge.now);
            let used = slot.used_for(decision.and(told)).and(accepted);
            Ok(Change::Commit(Counted::new(used, Some(ours))))
        })
        .await?;
    if let Some(ours) = ours {
        return Ok(ours);
    }
    let id = slot.value().registration_of(&token).ok_or(Refusal::LinkNotValid)?;
    let stored = edge.registered(&id).await?;
    if !parsed(slot.value()).is_ok_and(|command| stored.value().was_made_by(&command)) {
        return Err(Refusal::LinkNotValid.into());
    }
    edge.drain(stored.envelope()).await;
    Ok(stored.into_value())
}

/// Submits by the public form.
pub(crate) async fn public<P: Platform>(
    edge: &Edge<P>,
    form: FormId,
    application: &Application,
    command: SubmitRegistration,
) -> Result<Registration, Failure> {
    let has_account = registrant_has_account(edge, &command).await?;
    let circumstances = Circumstances { application, has_account, keys: &edge.keys, now: edge.now };
    let decision = Registration::by_public_form(form, command.clone(), &circumstances, &mut edge.rng())?;
    create(edge, decision, application, &command, None).await
}

/// Asks the administrators of an organisation that was shown to the registrant (REG-2).
pub(crate) async fn ask<P: Platform>(
    edge: &Edge<P>,
    form: FormId,
    application: &Application,
    command: SubmitRegistration,
    organisation: OrganisationId,
) -> Result<Registration, Failure> {
    let stored = edge.kv().get::<Organisation>(&organisation).await?.ok_or(Refusal::NotFound)?;
    let circumstances = Circumstances { application, has_account: false, keys: &edge.keys, now: edge.now };
    let asked = Registration::ask_to_join(form, command.clone(), stored.value(), &circumstances, &mut edge.rng())?;
    create(edge, asked, application, &command, Some(organisation)).await
}

async fn create<P: Platform>(
    edge: &Edge<P>,
    decision: Decision<Registration>,
    application: &Application,
    command: &SubmitRegistration,
    asked_of: Option<OrganisationId>,
) -> Result<Registration, Failure> {
    let id = decision.next.id;
    let told = edge.gateway.tell_of_registration(&decision.next, true);
    match edge.create(&id, decision.and(told)).await? {
        NowStands::Ours(stored) => Ok(stored.into_value()),
        NowStands::Another(stored) => repeated(stored.into_value(), application, command, asked_of),
    }
}

/// The first answer, if what stands was made by the same submission: a solved captcha and a confirmed mailbox are good for
/// one (REG-7).
fn repeated(
    standing: Registration,
    application: &Application,
    command: &SubmitRegistration,
    asked_of: Option<OrganisationId>,
) -> Result<Registration, Failure> {
    let same = match asked_of {
        Some(organisation) => standing.was_asked_of(organisation),
        None => !standing.was_asked(),
    };
    if same && standing.was_made_by(command) && standing.application == application.id {
        Ok(standing)
    } else {
        Err(Refusal::field("form", "form-reused", api::REUSED_HINT).into())
    }
}

/// The organisations that could be the same (REG-3).
pub(crate) async fn alike<P: Platform>(edge: &Edge<P>, command: &SubmitRegistration) -> Result<Vec<Glimpse>, Failure> {
    match command.email() {
        Some(email) => {
            edge.limit(Caused::Search).await?;
            edge.alike(command.profile(), email).await
        }
        None => Ok(Vec::new()),
    }
}

async fn registrant_has_account<P: Platform>(edge: &Edge<P>, command: &SubmitRegistration) -> Result<bool, Failure> {
    match command.email() {
        Some(email) => has_account(edge, email).await,
        None => Ok(false),
    }
}

/// Whether the e-mail is some account's. Only its mailbox may be told (REG-4).
pub(crate) async fn has_account<P: Platform>(edge: &Edge<P>, email: &Email) -> Result<bool, Failure> {
    let login = edge.kv().get::<Login>(&edge.login_id(&email.normalised())).await?;
    Ok(login.is_some())
}

/// The slot of an invitation's token.
pub(crate) async fn slot_of<P: Platform>(edge: &Edge<P>, token: &PlainToken) -> Result<InvitationSlot, Failure> {
    let id = InvitationSlotId::from_bytes(token.record());
    let stored = edge.kv().get::<InvitationSlot>(&id).await?.ok_or(Refusal::LinkNotValid)?;
    edge.acts(Actor::LinkHolder);
    Ok(stored.into_value())
}

/// The mailbox of a confirmation's token.
pub(crate) async fn check_of<P: Platform>(edge: &Edge<P>, token: &PlainToken) -> Result<MailboxCheck, Failure> {
    let stored = edge.kv().get::<MailboxCheck>(&token.record()).await?.ok_or(Refusal::LinkNotValid)?;
    edge.acts(Actor::LinkHolder);
    Ok(stored.into_value())
}

/// The application that the invitation is for, unless the configuration no longer has it.
pub(crate) fn application_of<'a, P: Platform>(
    edge: &'a Edge<P>,
    slot: &InvitationSlot,
) -> Result<&'a Application, Refusal> {
    edge.gateway.application(&slot.application).ok_or(Refusal::LinkNotValid)
}
