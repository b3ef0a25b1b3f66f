//! `GET /register?token=` (REG-1), `?application=` (REG-2) and `?confirmation=` (REG-7): the form's first page.
//! `POST /register/start`: the public form's first step. `POST /register`: the form's further steps, or the whole
//! registration as JSON. `GET /register/challenge`: the captcha's challenge. `GET /register/submitted?reference=`: what
//! happens next. `GET /register/status?token=`: where the registration stands (REG-6); with `?invitation=` for
//! whoever opens an invitation that was used.
//!
//! Between steps nothing is stored: what was entered travels in the form and in a cookie, sealed; so steps back, a reload and
//! a second tab lose nothing. Of the steps before the last one, only the one behind the organisation's details reads the
//! store, for organisations that could be the same (REG-3). Commit point: the registration, or the invitation that it uses
//! (`submit`).

mod api;
mod captcha;
mod draft;
mod start;
mod submit;

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request, failure::BadRequest, form::FormFaults, request::Encoding,
};
use http::{Method, StatusCode};
use shared::{
    config::Application,
    organisation::Glimpse,
    refusal::Refusal,
    registration::{RawRegistration, Registration, SubmitRegistration},
    secret::PlainToken,
    values::{ApplicationId, RegistrationId},
};

use crate::{
    api::{
        AdministratorsPage, AlikePage, BeginAgainPage, BeginQuery, Choice, Form, MailboxPage, Next, ProfilePage,
        RawStep, ReviewPage, StatusPage, StatusQuery, Step, Submitted, SubmittedPage, SubmittedQuery, choice_of,
        step_that_mends,
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
            Encoding::Form => step(edge, request).await.map(kept_for_back),
            Encoding::Json => submit_document(edge, request).await,
        },
        (&Method::POST, ["register", "start"]) => start::start(edge, request).await.map(kept_for_back),
        (&Method::GET, ["register", "challenge"]) => captcha::challenge(edge),
        (&Method::GET, ["register", "mailbox"]) => edge.show(request, StatusCode::OK, &MailboxPage::new()),
        (&Method::GET, ["register", "submitted"]) => submitted(edge, request, false),
        (&Method::GET, ["register", "asked"]) => submitted(edge, request, true),
        (&Method::GET, ["register", "status"]) => status(edge, request).await,
        (_, ["register"]) => Err(BadRequest::MethodNotAllowed("GET, HEAD, POST").into()),
        (_, ["register", "start"]) => Err(BadRequest::MethodNotAllowed("POST").into()),
        (_, ["register", "challenge" | "mailbox" | "submitted" | "asked" | "status"]) => {
            Err(BadRequest::MethodNotAllowed("GET, HEAD").into())
        }
        _ => Err(BadRequest::NoSuchRoute.into()),
    }
}

async fn begin<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: BeginQuery = request.decode_query()?;
    let begun = match (query.token, query.application, query.confirmation) {
        (Some(token), None, None) => begin_invited(edge, request, token).await?,
        (None, Some(id), None) => {
            return start::first_page(edge, request, &edge.gateway, public_application(edge, &id)?);
        }
        (None, None, Some(token)) => begin_confirmed(edge, request, &token).await?,
        _ => return Err(Refusal::LinkNotValid.into()),
    };
    match begun {
        Begun::Draft(draft) => show(edge, request, Next::Profile, draft.or_newer(edge, request), ""),
        Begun::Before(further) => Ok(Reply::see_other(further)),
    }
}

/// What a link leads to.
enum Begun {
    Draft(Box<Draft>),
    /// Its registration was submitted: the page that says what comes next. Programs and strangers are not told.
    Before(String),
}

async fn begin_invited<P: Platform>(edge: &Edge<P>, request: &Request, token: String) -> Result<Begun, Failure> {
    let plain: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let slot = submit::slot_of(edge, &plain).await?;
    let invited = match slot.present(&plain, edge.now) {
        Ok(invited) => invited,
        Err(_) if request.wants_page() && slot.registration_of(&plain).is_some() => {
            return Ok(Begun::Before(format!("/register/status?invitation={token}")));
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let application = submit::application_of(edge, &slot)?.id.clone();
    let draft = Draft::new(Source::Invitation(token), application, api::prefilled(invited.slot()), edge.now);
    Ok(Begun::Draft(Box::new(draft)))
}

async fn begin_confirmed<P: Platform>(edge: &Edge<P>, request: &Request, token: &str) -> Result<Begun, Failure> {
    let plain: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
    let check = submit::check_of(edge, &plain).await?;
    let confirmed = check.present(&plain, edge.now)?;
    let application = public_application(edge, confirmed.application().as_str())?.id.clone();
    let form = confirmed.form(&edge.keys);
    if request.wants_page()
        && let Some(registration) = submit::of_form(edge, form).await?
    {
        return Ok(Begun::Before(Submitted::of(&registration).page()));
    }
    let email = confirmed.email().as_str().to_owned();
    let registration = RawRegistration { email, ..RawRegistration::default() };
    Ok(Begun::Draft(Box::new(Draft::new(Source::Confirmed(form), application, registration, edge.now))))
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
    // What is submitted is what the page shows. Of the others, a page decides what stands on it and keeps the rest.
    if raw.step != Step::Submit || raw.go.is_some() {
        let shown = std::mem::take(&mut draft.shown);
        draft = draft.or_newer(edge, request);
        if raw.step == Step::Alike {
            draft.shown = shown;
        }
    }
    raw.enter_into(&mut draft);
    if let Some(page) = raw.go {
        return show(edge, request, page.into(), draft, &raw.draft);
    }
    // 4. Load, 5. decide and 6. commit.
    let outcome = match raw.step {
        Step::Submit => submit_draft(edge, &draft).await.map(Done::Submitted),
        Step::Alike => after_alike(edge, &raw.organisation, &mut draft).await,
        Step::Profile => after_profile(edge, &mut draft).await.map(Done::Step),
        Step::Administrators => review(&draft).map(Done::Step).map_err(Failure::from),
    };
    // 7. Respond.
    match outcome {
        Ok(Done::Submitted(registration)) => {
            edge.clear_cookie(edge::cookies::REGISTRATION);
            respond(edge, request, &registration)
        }
        Ok(Done::Step(next)) => show(edge, request, next, draft, &raw.draft),
        Err(failure) => mend(edge, request, failure, &raw.draft, draft).await,
    }
}

/// What came of a step.
enum Done {
    Step(Next),
    Submitted(Box<Registration>),
}

/// Behind the organisation's details: those that could be the same, unless it was said that they are not (REG-3).
/// An invited organisation is known to its partner.
async fn after_profile<P: Platform>(edge: &Edge<P>, draft: &mut Draft) -> Result<Next, Failure> {
    let command = SubmitRegistration::check_profile(&draft.registration, draft.proved_email().as_ref())?;
    if !draft.is_invited() {
        let found = submit::alike(edge, &command).await?;
        if found.iter().any(|one| !draft.dismissed.contains(&one.id)) {
            draft.shown = found.iter().map(|one| one.id).collect();
            return Ok(Next::Alike(found));
        }
    }
    Ok(further(draft)?)
}

/// Behind the organisations that could be the same: to the next page, or to the administrators of one of them (REG-2).
async fn after_alike<P: Platform>(edge: &Edge<P>, chosen: &str, draft: &mut Draft) -> Result<Done, Failure> {
    match choice_of(chosen)? {
        Choice::This(organisation) if draft.shown.contains(&organisation) => {
            let command = SubmitRegistration::check_profile(&draft.registration, draft.proved_email().as_ref())?;
            let (Source::Solved(form) | Source::Confirmed(form)) = draft.source else {
                return Err(Refusal::NotFound.into());
            };
            let application = public_application(edge, draft.application.as_str())?;
            let asked = submit::ask(edge, form, application, command, organisation).await?;
            Ok(Done::Submitted(Box::new(asked)))
        }
        Choice::This(_) | Choice::Unsaid => Err(Refusal::field("organisation", "missing", api::CHOICE_HINT).into()),
        Choice::NoneOfThem => {
            draft.dismissed.clone_from(&draft.shown);
            Ok(Done::Step(further(draft)?))
        }
    }
}

/// The administrators, or back to the review for whoever came from there.
fn further(draft: &Draft) -> Result<Next, Refusal> {
    if draft.reviewing { review(draft) } else { Ok(Next::Administrators) }
}

fn review(draft: &Draft) -> Result<Next, Refusal> {
    let command = SubmitRegistration::parse(&draft.registration, draft.proved_email().as_ref())?;
    Ok(Next::Review(Box::new(command)))
}

async fn submit_draft<P: Platform>(edge: &Edge<P>, draft: &Draft) -> Result<Box<Registration>, Failure> {
    let entered = draft.registration.clone();
    let registration = match &draft.source {
        Source::Invitation(token) => submit::invited(edge, token, entered).await?,
        Source::Solved(form) | Source::Confirmed(form) => {
            let application = public_application(edge, draft.application.as_str())?;
            let command = SubmitRegistration::parse(&entered, None)?;
            submit::public(edge, *form, application, command).await?
        }
    };
    Ok(Box::new(registration))
}

async fn submit_document<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: api::RawDocument = request.decode()?;
    edge.require_same_site(request, None)?;
    // 3. Parse.
    let (source, choice, entered) = raw.split()?;
    // 4. Load, 5. decide and 6. commit.
    let registration = submit::document(edge, source, choice, entered).await?;
    // 7. Respond.
    respond(edge, request, &registration)
}

fn submitted<P: Platform>(edge: &Edge<P>, request: &Request, asked: bool) -> Outcome {
    let query: SubmittedQuery = request.decode_query()?;
    let page = SubmittedPage::of(query, asked).ok_or(Refusal::NotFound)?;
    edge.show(request, StatusCode::OK, &page)
}

async fn status<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    let query: StatusQuery = request.decode_query()?;
    let stored;
    let followed = match (query.token, query.invitation) {
        (Some(token), None) => {
            let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
            let id = RegistrationId::from_bytes(token.record());
            stored = edge.kv().get::<Registration>(&id).await?.ok_or(Refusal::LinkNotValid)?;
            stored.value().follow(&token, edge.now)?
        }
        (None, Some(token)) => {
            let token: PlainToken = token.parse().map_err(|_| Refusal::LinkNotValid)?;
            let slot = submit::slot_of(edge, &token).await?;
            let id = slot.registration_of(&token).ok_or(Refusal::LinkNotValid)?;
            stored = edge.registered(&id).await?;
            stored.value().follow_by_invitation(&slot, &token, edge.now)?
        }
        _ => return Err(BadRequest::Malformed.into()),
    };
    edge.show(request, StatusCode::OK, &StatusPage::of(edge, followed.registration()))
}

/// An application that anybody may register for (REG-2).
pub(crate) fn public_application<'a, P: Platform>(edge: &'a Edge<P>, id: &str) -> Result<&'a Application, Refusal> {
    let id: ApplicationId = id.parse().map_err(|_| Refusal::NotFound)?;
    let application = edge.gateway.application(&id).ok_or(Refusal::NotFound)?;
    Registration::require_public(application)?;
    Ok(application)
}

fn respond<P: Platform>(edge: &Edge<P>, request: &Request, registration: &Registration) -> Outcome {
    let view = Submitted::of(registration);
    edge.done(request, &view.page(), StatusCode::CREATED, &view)
}

/// Lets the person's own browser keep a page of the form. It cannot ask for such a page again, being the answer to a form;
/// what it must not keep, it replaces by an error page when the person goes back.
fn kept_for_back(reply: Reply) -> Reply {
    reply.header("cache-control", "private, no-cache")
}

/// Shows a page of the form with everything that was entered so far.
pub(crate) fn show<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    next: Next,
    mut draft: Draft,
    came: &str,
) -> Outcome {
    draft.reviewing |= matches!(next, Next::Review(_));
    let Some(sealed) = draft.seal(&edge.keys, &mut edge.rng(), edge.now) else {
        let too_long = Refusal::field("administrators.0.given_name", "too-long", draft::TOO_LONG);
        return mend_with(edge, request, too_long.into(), came, draft, Vec::new());
    };
    Draft::keep(edge, &sealed);
    let form = Form::of(edge, draft, sealed)?;
    let none = FormFaults::none();
    match next {
        Next::Profile => edge.show(request, StatusCode::OK, &ProfilePage::new(form, none)),
        Next::Alike(found) => edge.show(request, StatusCode::OK, &AlikePage::new(form, found, none)),
        Next::Administrators => edge.show(request, StatusCode::OK, &AdministratorsPage::new(form, none)),
        Next::Review(command) => edge.show(request, StatusCode::OK, &ReviewPage::new(form, &command)),
    }
}

/// Shows the page on which a refusal can be mended, with what was typed.
async fn mend<P: Platform>(edge: &Edge<P>, request: &Request, failure: Failure, came: &str, draft: Draft) -> Outcome {
    let found = match step_that_mends(&failure) {
        Some(Step::Alike) => edge.glimpses(&draft.shown).await?,
        _ => Vec::new(),
    };
    mend_with(edge, request, failure, came, draft, found)
}

/// Its draft is the one that came, so that entries of any length can be shown again.
fn mend_with<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    failure: Failure,
    came: &str,
    draft: Draft,
    found: Vec<Glimpse>,
) -> Outcome {
    let begin_at = draft.begin_at();
    let form = Form::of(edge, draft, came.to_owned())?;
    match step_that_mends(&failure) {
        Some(Step::Administrators) => {
            edge.refused_in_place(request, failure, "draft", |faults| AdministratorsPage::new(form, faults))
        }
        Some(Step::Alike) => {
            edge.refused_in_place(request, failure, "draft", |faults| AlikePage::new(form, found, faults))
        }
        Some(Step::Profile | Step::Submit) => {
            edge.refused_in_place(request, failure, "draft", |faults| ProfilePage::new(form, faults))
        }
        None => edge.refused_in_place(request, failure, "draft", |faults| BeginAgainPage::new(Some(begin_at), faults)),
    }
}
