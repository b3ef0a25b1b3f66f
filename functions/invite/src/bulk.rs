//! `POST /invite/bulk`: up to [`LINES_MAX`] invitations in one request of newline-delimited JSON, answered line by line in
//! the same order (INV-9).
//!
//! The request's `Idempotency-Key` is claimed once, for the whole body. Each line has a claim of its own that derives from
//! key and line number and needs no record: the slot remembers which claim made its invitation. So a request that is
//! repeated, after an answer or after it was interrupted anywhere, finds what it did and goes on where it stopped. Its answer
//! is not kept, which can be a megabyte: a line that made an invitation is answered as it was then, one that was refused is
//! tried again.
//!
//! Cost of a line: 9 reads and 8 writes when it is new; 1 read, [`TOGETHER`] of them at the same time, when a repetition
//! finds it done; nothing when it cannot be accepted. Of the 30 seconds that a request has,
//! [`WORK_SECONDS`] are for work; what is left over then is answered `not-processed`, and the whole with 202: the same
//! request is to be sent again. A hosted platform with 50 writes a second does about 120 lines a request.
//!
//! Memory: the body (1 MiB at most), one parsed line for each of [`TOGETHER`], and the answers, below 1 KiB a line.

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request,
    claim::{self, Claimed},
    failure::BadRequest,
    page::TOGETHER,
    partner,
    problem::Problem,
    request::{BODY_BYTES_MAX, from_json},
};
use http::StatusCode;
use kv_schema::record::Stored;
use shared::{
    config::{Application, Partner},
    invitation::{CreateInvitation, InvitationSlot, RawInvitation, Wish},
    quota::Class,
    refusal::Refusal,
    secret::IndexPurpose,
};

use crate::{
    api::{self, InvitationView},
    issue,
    list::slots,
    own_application,
};

/// The most lines of a request; blank ones do not count.
const LINES_MAX: usize = 1000;
/// For so long new lines are begun. A request lives 30 seconds, and a line may take a while.
const WORK_SECONDS: u64 = 20;

/// A line of the body that is not blank.
struct Line<'a> {
    /// Counted from 1, blank ones included.
    number: u32,
    text: &'a [u8],
}

/// A line that can be accepted.
struct Accepted<'a> {
    command: CreateInvitation,
    application: &'a Application,
    claim: [u8; 16],
}

/// A request under way.
struct Bulk<'a, P> {
    edge: &'a Edge<P>,
    partner: &'a Partner,
    key: &'a str,
    began: u64,
}

/// The answers so far.
#[derive(Default)]
struct Answers {
    ndjson: Vec<u8>,
    /// Whether a repetition would get further.
    unfinished: bool,
}

pub(crate) async fn bulk<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse, as far as it concerns all lines.
    api::require_ndjson(request)?;
    let key = partner::idempotency_key(request)?;
    let lines = lines(&request.body)?;
    partner::spend(edge, &partner, Class::Bulk).await?;
    let claim = match claim::claim(edge, &partner, key, request, &[]).await? {
        Claimed::Ours(claim) => claim,
        Claimed::Answered(reply) => return Ok(reply),
    };
    // 3. Parse, 4. load, 5. decide and 6. commit: line by line.
    let bulk = Bulk { edge, partner: &partner, key, began: edge.platform.unix_seconds() };
    let mut answers = Answers::default();
    let worked = bulk.work_on_all(&lines, &mut answers).await;
    claim::release(edge, &claim, None).await;
    worked?;
    // 7. Respond.
    let status = if answers.unfinished { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(Reply::with(status, api::NDJSON, answers.ndjson))
}

/// The lines that are not blank.
///
/// # Errors
/// [`BadRequest::TooLarge`] when they are too many; [`Refusal::InvalidInput`] when there is none.
fn lines(body: &[u8]) -> Result<Vec<Line<'_>>, Failure> {
    let lines: Vec<Line<'_>> = (1..)
        .zip(body.split(|byte| *byte == b'\n'))
        .map(|(number, text)| Line { number, text: text.trim_ascii() })
        .filter(|line| !line.text.is_empty())
        .take(LINES_MAX + 1)
        .collect();
    match lines.len() {
        0 => Err(Refusal::field("", "lines-missing", "Send one invitation a line, at least one.").into()),
        1..=LINES_MAX => Ok(lines),
        _ => Err(BadRequest::TooLarge(LINES_MAX).into()),
    }
}

impl<P: Platform> Bulk<'_, P> {
    async fn work_on_all(&self, lines: &[Line<'_>], answers: &mut Answers) -> Result<(), Failure> {
        for together in lines.chunks(TOGETHER) {
            self.work_on(together, answers).await?;
        }
        Ok(())
    }

    async fn work_on(&self, lines: &[Line<'_>], answers: &mut Answers) -> Result<(), Failure> {
        let accepted: Vec<Result<Accepted<'_>, Failure>> = lines.iter().map(|line| self.accept(line)).collect();
        let wanted = accepted.iter().flatten().map(|accepted| accepted.command.slot(&self.edge.keys));
        let mut standing = slots(self.edge, wanted).await.into_iter();
        for (line, accepted) in lines.iter().zip(accepted) {
            let outcome = match accepted {
                // A read that failed tells nothing: whoever commits reads again.
                Ok(accepted) => self.carry_out(&accepted, standing.next().and_then(Result::ok).flatten()).await,
                Err(failure) => Err(failure),
            };
            answers.push(self.edge, line, &outcome)?;
        }
        Ok(())
    }

    fn accept(&self, line: &Line<'_>) -> Result<Accepted<'_>, Failure> {
        if line.text.len() > BODY_BYTES_MAX {
            return Err(BadRequest::TooLarge(BODY_BYTES_MAX).into());
        }
        let command = CreateInvitation::parse(from_json::<RawInvitation>(line.text)?)?;
        let application = own_application(self.edge, self.partner, command.application())?;
        let parts = [self.partner.id.as_str().as_bytes(), self.key.as_bytes(), &line.number.to_be_bytes()];
        Ok(Accepted { command, application, claim: self.edge.keys.index(IndexPurpose::Idempotency, &parts) })
    }

    async fn carry_out(
        &self,
        accepted: &Accepted<'_>,
        standing: Option<Stored<InvitationSlot>>,
    ) -> Result<InvitationView, Failure> {
        let Accepted { command, application, claim } = accepted;
        let wish = Wish { command, claim: *claim, partner: self.partner, application };
        let done = standing.filter(|stored| stored.value().made_by(claim).is_some());
        let in_time = self.edge.platform.unix_seconds().saturating_sub(self.began) < WORK_SECONDS;
        match done {
            Some(stored) => {
                if in_time {
                    self.edge.drain(stored.envelope()).await;
                }
                InvitationView::made(self.edge, stored.value(), &wish, None)
            }
            None if in_time => issue(self.edge, &wish).await,
            None => Err(Refusal::NotProcessed.into()),
        }
    }
}

impl Answers {
    fn push<P: Platform>(
        &mut self,
        edge: &Edge<P>,
        line: &Line<'_>,
        outcome: &Result<InvitationView, Failure>,
    ) -> Result<(), Failure> {
        let answer = match outcome {
            Ok(invitation) => api::line(line.number, StatusCode::CREATED, Some(invitation), None::<()>),
            Err(failure) => {
                if matches!(failure, Failure::Fault(_)) {
                    edge.log_failure("line of a bulk request", failure);
                }
                let problem = Problem::of(failure);
                self.unfinished |= problem.status.is_server_error();
                api::line(line.number, problem.status, None, Some(problem.part(&edge.request_id)))
            }
        };
        self.ndjson.extend(answer?);
        self.ndjson.push(b'\n');
        Ok(())
    }
}
