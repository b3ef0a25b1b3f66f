//! `GET /register?token=` (REG-1) and `GET /register?application=` (REG-2): the form's first page. `POST /register`:
//! the form's steps, or the whole registration as JSON. `GET /register/submitted?reference=`: what happens next.
//!
//! Between steps nothing is stored: what was entered travels in the form, sealed, and no step before the last one reads
//! the store. Commit point: the registration, whose id derives from the invitation or from the form's random id, so
//! that a repeated submission meets its own record and gets the same answer (REG-5).

mod api;
mod draft;

use edge::{
    Edge, Failure, Outcome, Platform, Request, edge::NowStands, failure::BadRequest, form::FormFaults,
    request::Encoding,
};
use http::{Method, StatusCode};
use shared::{
    config::Application,
    invitation::InvitationSlot,
    refusal::Refusal,
    registration::{RawRegistration, Registration, SubmitRegistration},
    secret::PlainToken,
    values::{ApplicationId, FormId, InvitationSlotId},
};

use crate::{
    api::{
        AdministratorsPage, BeginAgainPage, BeginQuery, Form, Next, Page, ProfilePage, RawDocument, RawStep,
        ReviewPage, Step, Submitted, SubmittedPage, SubmittedQuery, page_that_mends,
    },
    draft::{Draft, Source},
};

#[cfg(not(target_family = "wasm"))]
pub use api::samples::samples;

edge::component!(crate::handle, leaves effects);

/// Routes of this component.
///
/// # Errors
/// A refusal or fault, which the edge shows.
pub async fn handle<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    match (&request.method, request.segments().as_slice()) {
        (&Method::GET, ["register"]) => begin(edge, request).await,
        (&Method::POST, ["register"]) => match request.encoding()? {
            Encoding::Form => step(edge, request).await,
            Encoding::Json => submit_document(edge, request).await,
        },
        (&Method::GET, ["register", "submitted"]) => submitted(edge, request),
        (_, ["register"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (_, ["register", "submitted"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD").into()),
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn begin<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: BeginQuery = request.decode_query()?;
    let (source, application, registration) = match (query.token, query.application) {
        (Some(token), None) => {
            let plain: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
            let slot = slot_of(edge, &plain).await?;
            let invited = slot.present(&plain, edge.now)?;
            (Source::Invitation(token), application_of(edge, &slot)?, api::prefilled(invited.slot()))
        }
        (None, Some(id)) => {
            let application = public_application(edge, &id)?;
            (Source::PublicForm(FormId::random(&mut edge.rng())), application, RawRegistration::default())
        }
        _ => return Err(Refusal::LinkNotValid.into()),
    };
    let draft = Draft::new(source, application.id.clone(), registration, edge.now);
    show(edge, request, &Next::Profile, draft, "")
}

/// One step of the form: keeps what was entered on it, and shows the next page, the one that was asked for, or the
/// same again with everything that has to be corrected.
async fn step<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawStep = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse.
    let opened = Draft::open(&raw.draft, &edge.keys);
    let begin_at = opened.as_ref().map(Draft::begin_at);
    let Some(mut draft) = opened.filter(|draft| draft.is_fresh(edge.now)) else {
        let lost = Refusal::field("draft", "draft-not-valid", draft::LOST);
        return edge.refused_in_place(request, lost.into(), "draft", |faults| BeginAgainPage::new(begin_at, faults));
    };
    raw.enter_into(&mut draft);
    let next = match (raw.go, check(raw.step, &draft)) {
        (Some(Page::Profile), _) => Next::Profile,
        (Some(Page::Administrators), _) => Next::Administrators,
        (None, Ok(next)) => next,
        (None, Err(refusal)) => return mend(edge, request, refusal.into(), &raw.draft, draft),
    };
    if !matches!((raw.step, &next), (Step::Submit, Next::Review(_))) {
        return show(edge, request, &next, draft, &raw.draft);
    }
    // 4. Load, 5. decide and 6. commit.
    let entered = draft.registration.clone();
    let outcome = match &draft.source {
        Source::Invitation(token) => submit_invited(edge, token, entered).await,
        Source::PublicForm(form) => submit_public(edge, *form, &draft.application, &entered).await,
    };
    // 7. Respond.
    match outcome {
        Ok(registration) => respond(edge, request, &registration),
        Err(failure) => mend(edge, request, failure, &raw.draft, draft),
    }
}

/// What follows a step whose entries can be accepted.
fn check(step: Step, draft: &Draft) -> Result<Next, Refusal> {
    let mailbox = draft.proved_email();
    match step {
        Step::Profile => {
            SubmitRegistration::check_profile(&draft.registration, mailbox.as_ref()).map(|()| Next::Administrators)
        }
        Step::Administrators | Step::Submit => SubmitRegistration::parse(&draft.registration, mailbox.as_ref())
            .map(|command| Next::Review(Box::new(command))),
    }
}

async fn submit_document<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawDocument = request.decode()?;
    edge.require_same_site(request, None)?;
    // 3. Parse, 4. load, 5. decide and 6. commit.
    let (source, entered) = raw.split();
    let registration = match source {
        (Some(token), None, None) => submit_invited(edge, &token, entered).await?,
        (None, Some(application), Some(form)) => {
            let application = public_application(edge, &application)?;
            let form = form.parse().map_err(|_| Refusal::field("form", "form-invalid", api::FORM_HINT))?;
            submit_public(edge, form, &application.id, &entered).await?
        }
        _ => return Err(Refusal::field("token", "source-missing", api::SOURCE_HINT).into()),
    };
    // 7. Respond.
    respond(edge, request, &registration)
}

fn submitted<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: SubmittedQuery = request.decode_query()?;
    let page = SubmittedPage::of(query).ok_or(Refusal::NotFound)?;
    edge.show(request, StatusCode::OK, &page)
}

/// Submits by invitation. What is wrong with the link is said before anything about the entries (INV-5).
async fn submit_invited<P: Platform>(
    edge: &Edge<P>,
    token: &str,
    entered: RawRegistration,
) -> Result<Registration, Failure> {
    let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let slot = slot_of(edge, &token).await?;
    let parsed = SubmitRegistration::parse(&api::of_invitee(entered, &slot), Some(&slot.email));
    let invited = match slot.present(&token, edge.now) {
        Ok(invited) => invited,
        Err(refusal) => {
            let id = slot.registration_of(&token).ok_or(Refusal::LinkNotValid)?;
            let stored = edge.kv().get::<Registration>(&id).await?.ok_or(Refusal::LinkNotValid)?;
            let repeated = parsed.is_ok_and(|command| stored.value().was_made_by(&command));
            if !repeated {
                return Err(refusal.into());
            }
            edge.drain(stored.envelope()).await;
            return Ok(stored.into_value());
        }
    };
    let application = application_of(edge, &slot)?;
    let decision = Registration::by_invitation(invited, parsed?, application, &edge.keys, edge.now);
    let ours = decision.next.clone();
    match edge.create(&ours.id, decision).await? {
        NowStands::Ours(stored) => Ok(stored.into_value()),
        NowStands::Another(stored) if stored.value().repeats(&ours) => Ok(stored.into_value()),
        NowStands::Another(_) => Err(Refusal::LinkNotValid.into()),
    }
}

/// Submits by the public form, for which the form's id is what makes a repetition meet itself.
async fn submit_public<P: Platform>(
    edge: &Edge<P>,
    form: FormId,
    application: &ApplicationId,
    entered: &RawRegistration,
) -> Result<Registration, Failure> {
    let application = edge.gateway.application(application).ok_or(Refusal::NotFound)?;
    let command = SubmitRegistration::parse(entered, None)?;
    let decision = Registration::by_public_form(form, command, application, &edge.keys, edge.now)?;
    let ours = decision.next.clone();
    match edge.create(&ours.id, decision).await? {
        NowStands::Ours(stored) => Ok(stored.into_value()),
        NowStands::Another(stored)
            if stored.value().repeats(&ours) && stored.value().application == ours.application =>
        {
            Ok(stored.into_value())
        }
        NowStands::Another(_) => Err(Refusal::field("form", "form-reused", api::REUSED_HINT).into()),
    }
}

async fn slot_of<P: Platform>(edge: &Edge<P>, token: &PlainToken) -> Result<InvitationSlot, Failure> {
    let id = InvitationSlotId::from_bytes(token.record());
    let stored = edge.kv().get::<InvitationSlot>(&id).await?.ok_or(Refusal::LinkNotValid)?;
    Ok(stored.into_value())
}

/// The application that the invitation is for, unless the configuration no longer has it.
fn application_of<'a, P: Platform>(edge: &'a Edge<P>, slot: &InvitationSlot) -> Result<&'a Application, Refusal> {
    edge.gateway.application(&slot.application).ok_or(Refusal::LinkNotValid)
}

/// An application that anybody may register for (REG-2).
fn public_application<'a, P: Platform>(edge: &'a Edge<P>, id: &str) -> Result<&'a Application, Refusal> {
    let id: ApplicationId = id.parse().map_err(|_| Refusal::NotFound)?;
    let application = edge.gateway.application(&id).ok_or(Refusal::NotFound)?;
    Registration::require_public(application)?;
    Ok(application)
}

fn respond<P: Platform>(edge: &Edge<P>, request: &Request, registration: &Registration) -> Outcome {
    let view = Submitted::of(registration);
    edge.done(request, &view.page(), StatusCode::CREATED, &view)
}

/// Shows a page of the form with everything that was entered so far.
fn show<P: Platform>(edge: &Edge<P>, request: &Request, next: &Next, draft: Draft, came: &str) -> Outcome {
    let Some(sealed) = draft.seal(&edge.keys, &mut edge.rng(), edge.now) else {
        let too_long = Refusal::field("administrators.0.given_name", "too-long", draft::TOO_LONG);
        return mend(edge, request, too_long.into(), came, draft);
    };
    let form = Form::of(edge, draft, sealed)?;
    match next {
        Next::Profile => edge.show(request, StatusCode::OK, &ProfilePage::new(form, FormFaults::none())),
        Next::Administrators => edge.show(request, StatusCode::OK, &AdministratorsPage::new(form, FormFaults::none())),
        Next::Review(command) => edge.show(request, StatusCode::OK, &ReviewPage::new(form, command)),
    }
}

/// Shows the page on which a refusal can be mended, with what was typed. Its draft is the one that came, so that
/// entries of any length can be shown again.
fn mend<P: Platform>(edge: &Edge<P>, request: &Request, failure: Failure, came: &str, draft: Draft) -> Outcome {
    let begin_at = draft.begin_at();
    let form = Form::of(edge, draft, came.to_owned())?;
    match page_that_mends(&failure) {
        Some(Page::Administrators) => {
            edge.refused_in_place(request, failure, "draft", |faults| AdministratorsPage::new(form, faults))
        }
        Some(Page::Profile) => {
            edge.refused_in_place(request, failure, "draft", |faults| ProfilePage::new(form, faults))
        }
        None => edge.refused_in_place(request, failure, "draft", |faults| BeginAgainPage::new(Some(begin_at), faults)),
    }
}
