//! `GET /operate/audit`: the trail of one record (AUD-1). `GET /operate/audit/export?day=`: everything that was changed on a
//! day, as JSON lines. For auditors only; nothing is changed here.

use edge::{
    Edge, Failure, Outcome, Platform, Reply, Request,
    duty::record_of,
    form::FormFaults,
    session::{open_text, seal_text},
};
use http::StatusCode;
use kv_schema::{
    audit::Linked,
    key::Key,
    record::Record,
    records::key_of_text,
    sweep::{Note, NotePlace},
};
use shared::{
    account::{Account, Login},
    batch::Batch,
    config::OperatorRole,
    invitation::{InvitationId, InvitationSlot},
    operator::Operator,
    order::Order,
    organisation::Organisation,
    refusal::Refusal,
    registration::Registration,
    secret::SealPurpose,
    values::{AccountId, OperatorId},
};

use crate::{
    api::audit::{self, AuditPage, Day, Line, RawAudit, RawExport, Subject},
    on_duty,
};

/// Records of which one page of an export tells, roughly: each costs two reads, and more where its trail is long.
const RECORDS: usize = 64;

/// The trail of the record that the query names, or only the form.
pub(crate) async fn show<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    on_duty(edge, request).await?.require(OperatorRole::Auditor)?;
    // 3. Parse.
    let raw: RawAudit = request.decode_query()?;
    // 4. Load.
    match trail(edge, &raw).await {
        // 7. Respond.
        Ok(shown) => edge.show(request, StatusCode::OK, &AuditPage::of(raw, shown, FormFaults::none())),
        Err(failure) => edge.refused_in_place(request, failure, "reference", |faults| AuditPage::of(raw, None, faults)),
    }
}

async fn trail<P: Platform>(edge: &Edge<P>, raw: &RawAudit) -> Result<Option<audit::Shown>, Failure> {
    let Some(subject) = raw.parse()? else { return Ok(None) };
    let key = key_of(edge, subject, raw.reference.trim()).await?.ok_or_else(audit::nothing_found)?;
    let trail = edge.kv().trail(&key).await?.ok_or_else(audit::nothing_found)?;
    Ok(Some(audit::Shown::of(&key, &trail, raw)))
}

/// The key of what the auditor asks about; `None` when the reference is none of that kind.
async fn key_of<P: Platform>(edge: &Edge<P>, subject: Subject, reference: &str) -> Result<Option<Key>, Failure> {
    Ok(match subject {
        Subject::Registration => reference.parse().ok().map(|id| Registration::key(&id)),
        Subject::Organisation => reference.parse().ok().map(|id| Organisation::key(&id)),
        Subject::Account => account_named(edge, reference).await?.map(|id| Account::key(&id)),
        Subject::Invitation => {
            reference.parse::<InvitationId>().ok().map(|invitation| InvitationSlot::key(&invitation.slot))
        }
        Subject::Order => reference.parse().ok().map(|id| Order::key(&id)),
        Subject::PromoBatch => reference.parse().ok().map(|id| Batch::key(&id)),
        Subject::Operator => {
            let id: Option<OperatorId> = reference.parse().ok();
            id.map(|id| Operator::key(&record_of(edge, &id)))
        }
        Subject::Record => key_of_text(reference),
    })
}

/// By its id, its e-mail or its User ID.
async fn account_named<P: Platform>(edge: &Edge<P>, name: &str) -> Result<Option<AccountId>, Failure> {
    if let Ok(id) = name.parse() {
        return Ok(Some(id));
    }
    let login = edge.kv().get::<Login>(&edge.login_id(name)).await?;
    Ok(login.map(|login| login.value().account))
}

/// A part of what was changed on a day. The header `link` says where it goes on.
pub(crate) async fn export<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    on_duty(edge, request).await?.require(OperatorRole::Auditor)?;
    // 3. Parse.
    let raw: RawExport = request.decode_query()?;
    let day = Day::parse(&raw.day)?;
    let place = format!("operate/audit/{}", day.text());
    let from = match &raw.after {
        None => NotePlace::default(),
        Some(text) => open_text(&edge.keys, SealPurpose::Cursor, &place, text).ok_or(Refusal::NotFound)?,
    };
    // 4. Load.
    let (lines, next) = part(edge, &day, from).await?;
    // 7. Respond.
    let mut body = Vec::new();
    for line in &lines {
        body.extend(edge::view::json(line)?);
        body.push(b'\n');
    }
    let reply =
        Reply::with(StatusCode::OK, "application/x-ndjson", body).header("content-disposition", day.disposition());
    let next = next.and_then(|next| seal_text(&edge.keys, SealPurpose::Cursor, &place, &next, &mut edge.rng()));
    Ok(match next {
        Some(after) => reply.header("link", format!("<{}>; rel=\"next\"", day.address(&after))),
        None => reply,
    })
}

/// Lines from a place on, and where to go on. Stops behind whole notes, so that no entry is told twice or left out.
async fn part<P: Platform>(
    edge: &Edge<P>,
    day: &Day,
    from: NotePlace,
) -> Result<(Vec<Line>, Option<NotePlace>), Failure> {
    let mut lines = Vec::new();
    let mut place = from;
    let mut records = 0;
    loop {
        let found = edge.kv().notes_of(day.number(), place).await?;
        // Empty sheets cost something, too.
        records += 1;
        for Note { note, at_unix_seconds, keys, behind } in found.notes {
            for key in &keys {
                let entries: Vec<Linked> = edge.kv().noted(key, &note, at_unix_seconds).await?;
                lines.extend(entries.iter().map(|linked| Line::of(key, linked)));
            }
            records += keys.len();
            place = behind;
            if records >= RECORDS {
                return Ok((lines, Some(place)));
            }
        }
        match found.next {
            Some(next) if records < RECORDS => place = next,
            next => return Ok((lines, next)),
        }
    }
}
