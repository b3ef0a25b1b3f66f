//! `POST /register/start`: the public form's first step (REG-2). With a solved captcha the form goes on at once; without
//! one a link is mailed, which does as well (REG-7). Either answer is the same whether the e-mail has an account (REG-4).
//!
//! Commit point: none with a captcha; without one the record of the mailbox that is to be confirmed.

use edge::{
    Change, Edge, Failure, Outcome, Platform, Reply, Request, edge::NowStands, form::FormFaults, reply::Scripts,
};
use http::StatusCode;
use shared::{
    captcha::Solved,
    config::{Application, Captcha, Gateway},
    mailbox::MailboxCheck,
    quota::Caused,
    refusal::{Faults, Refusal},
    registration::RawRegistration,
    values::Email,
};

use crate::{
    api::{MailboxPage, Next, RawStart, StartPage},
    captcha::Presented,
    draft::{Draft, Source},
    public_application, show, submit,
};

/// Goes on with the form, or mails the link that does.
pub(crate) async fn start<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let raw: RawStart = request.decode()?;
    edge.require_same_site(request, raw.csrf.as_deref())?;
    // 3. Parse.
    let application = public_application(edge, &raw.application)?;
    match parse(edge, &raw).await {
        Ok((email, Some(solved))) => {
            let entered = RawRegistration { email: email.as_str().to_owned(), ..RawRegistration::default() };
            let draft = Draft::new(Source::Solved(solved.form()), application.id.clone(), entered, edge.now);
            show(edge, request, Next::Profile, draft, "")
        }
        Ok((email, None)) => {
            // 4. Load, 5. decide and 6. commit.
            if let Err(failure) = edge.limit(Caused::Link).await {
                return refused(edge, request, &edge.gateway, application, &raw.email, failure);
            }
            send_link(edge, application, email).await?;
            // 7. Respond.
            edge.done(request, MailboxPage::AT, StatusCode::ACCEPTED, &MailboxPage::new())
        }
        Err(failure) => refused(edge, request, &edge.gateway, application, &raw.email, failure),
    }
}

async fn parse<P: Platform>(edge: &Edge<P>, raw: &RawStart) -> Result<(Email, Option<Solved>), Failure> {
    let mut faults = Faults::default();
    let email = faults.check("email", raw.email.parse::<Email>());
    let presented = Some(raw.captcha()).filter(|text| !text.is_empty()).map(|text| Presented::parse(edge, text));
    let presented = faults.adopt("", presented.transpose())?.flatten();
    let email = faults.finish(email)?;
    let solved = match presented {
        Some(presented) => Some(presented.check(edge).await?),
        None => None,
    };
    Ok((email, solved))
}

async fn send_link<P: Platform>(edge: &Edge<P>, application: &Application, email: Email) -> Result<(), Failure> {
    let has_account = submit::has_account(edge, &email).await?;
    let id = MailboxCheck::id_of(&application.id, &email, &edge.keys, edge.now);
    let begun = MailboxCheck::begin(application, email, has_account, &edge.keys, edge.now, &mut edge.rng());
    if let NowStands::Another(_) = edge.create::<MailboxCheck>(&id, begun).await? {
        let again = edge.transact::<MailboxCheck, ()>(&id, Refusal::NotFound, |check, rng| {
            Ok(Change::from(check.again(application, has_account, edge.now, rng)))
        });
        again.await?;
    }
    Ok(())
}

/// The first page, which runs the captcha's script. The gateway is the edge's, or another one for samples.
pub(crate) fn first_page<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    gateway: &Gateway,
    application: &Application,
) -> Outcome {
    let page = StartPage::of(gateway, application, "", FormFaults::none())?;
    edge.show(request, StatusCode::OK, &page).map(|reply| running(gateway, reply))
}

/// The first page again, with what was refused.
pub(crate) fn refused<P: Platform>(
    edge: &Edge<P>,
    request: &Request,
    gateway: &Gateway,
    application: &Application,
    email: &str,
    failure: Failure,
) -> Outcome {
    let page = StartPage::of(gateway, application, email, FormFaults::none())?;
    let refused = edge.refused_in_place(request, failure, "email", |faults| page.with(faults));
    refused.map(|reply| running(gateway, reply))
}

/// Lets a page run the captcha's script.
fn running(gateway: &Gateway, reply: Reply) -> Reply {
    reply.running(match &gateway.public_form.captcha {
        Captcha::ProofOfWork { .. } => Scripts::Ours,
        Captcha::Provider { service, .. } => Scripts::From(service.sources()),
    })
}
