//! `GET /invite`: a partner's invitations, oldest first, a page at a time (INV-3).
//!
//! Each application has a list that only grows; without `application` the partner's lists follow one another. A page is a
//! part of one sheet of a list, which is 1 read, and the slots of its entries, at most [`LIMIT_MAX`] reads, of which
//! [`TOGETHER`] run at the same time. That is all, however many invitations there are. States are not indexed, since
//! they change with time alone: a page that is filtered by state holds what of its entries is in that state, which may be
//! nothing although more follow.

use edge::{
    Edge, Failure, Outcome, Platform, Request,
    page::TOGETHER,
    partner,
    session::{open_text, seal_text},
};
use futures_util::future::join_all;
use http::StatusCode;
use kv_schema::{kv::Fault, list::Cursor, record::Stored, records::invitations_of};
use serde::{Deserialize, Serialize};
use shared::{
    config::Partner,
    invitation::{InvitationId, InvitationSlot, InvitationState},
    quota::Class,
    refusal::{Faults, Refusal},
    secret::SealPurpose,
    values::{ApplicationId, InvitationSlotId},
};

use crate::{
    api::{InvitationView, ListView, RawListing},
    own_application,
};

/// Entries of a page unless the request says otherwise.
const LIMIT: u32 = 50;
/// The most entries of a page.
const LIMIT_MAX: u32 = 100;

/// Where a page begins. Partners get it sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    application: ApplicationId,
    sheet: u64,
    entry: u32,
}

impl Place {
    fn beginning(application: ApplicationId) -> Self {
        Self { application, sheet: 0, entry: 0 }
    }
}

/// A checked wish for a page.
struct Listing {
    /// `None` when the partner has no application.
    from: Option<Place>,
    one_application: bool,
    state: Option<InvitationState>,
    limit: u32,
}

pub(crate) async fn list<P: Platform>(edge: &Edge<P>, request: &Request) -> Outcome {
    // 1. The request is bounded by the edge. 2. Authenticate.
    let partner = partner::authenticate(edge, request).await?;
    // 3. Parse.
    let listing = Listing::parse(edge, &partner, &request.decode_query()?)?;
    partner::spend(edge, &partner, Class::Reads).await?;
    // 4. Load. There is nothing to decide or to commit.
    let Some(from) = &listing.from else {
        return edge::view::document(StatusCode::OK, &ListView::default());
    };
    let (ids, next) = page(edge, &partner, from, &listing).await?;
    let slots = slots(edge, ids.iter().map(|id| id.slot)).await;
    // 7. Respond.
    let mut invitations = Vec::with_capacity(ids.len());
    for (id, slot) in ids.iter().zip(slots) {
        let Some(stored) = slot? else { continue };
        let outline = stored.value().outline(id.generation, edge.now);
        if outline.is_some_and(|outline| listing.state.is_none_or(|wanted| wanted == outline.state)) {
            invitations.push(InvitationView::of(edge, stored.value(), id.generation)?);
        }
    }
    let next = next
        .and_then(|place| seal_text(&edge.keys, SealPurpose::Cursor, &cursor_place(&partner), &place, &mut edge.rng()));
    edge::view::document(StatusCode::OK, &ListView { invitations, next })
}

/// A number in the address. An empty one is a fault and not the same as none.
fn limit_of(text: &str) -> Option<u32> {
    let limit = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    (1..=LIMIT_MAX).contains(&limit).then_some(limit)
}

impl Listing {
    /// # Errors
    /// [`Refusal::InvalidInput`] with all faults.
    fn parse<P: Platform>(edge: &Edge<P>, partner: &Partner, raw: &RawListing) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let named = raw.application.as_deref().map(|text| faults.check("application", text.parse::<ApplicationId>()));
        let named = named.flatten();
        if let Some(id) = &named {
            faults.adopt("", own_application(edge, partner, id))?;
        }
        let state = raw.state.as_deref().and_then(|text| faults.check("state", text.parse()));
        let limit = raw.limit.as_deref().map_or(Some(LIMIT), limit_of);
        if limit.is_none() {
            faults.add("limit", "out-of-range", "Ask for 1 to 100 invitations.");
        }
        let one_application = named.is_some();
        let first = || applications(edge, partner).next().cloned();
        let beginning = named.clone().or_else(first).map(Place::beginning);
        let from = match &raw.after {
            None => beginning,
            Some(text) => {
                let place = open_text::<Place>(&edge.keys, SealPurpose::Cursor, &cursor_place(partner), text);
                let fits = |place: &Place| named.as_ref().is_none_or(|named| *named == place.application);
                let place = place.filter(fits);
                if place.is_none() {
                    faults.add("after", "cursor-invalid", "Send next of the page before, with the same application.");
                }
                place
            }
        };
        faults.finish(limit.map(|limit| Self { from, one_application, state, limit }))
    }
}

/// What binds a cursor to its partner.
fn cursor_place(partner: &Partner) -> String {
    format!("invite/list/{}", partner.id)
}

fn applications<'a, P: Platform>(
    edge: &'a Edge<P>,
    partner: &Partner,
) -> impl Iterator<Item = &'a ApplicationId> + use<'a, P> {
    let partner = partner.id.clone();
    let own = edge.gateway.applications.iter().filter(move |application| application.partner == partner);
    own.map(|application| &application.id)
}

/// The invitations of a page, and where the next one begins.
async fn page<P: Platform>(
    edge: &Edge<P>,
    partner: &Partner,
    from: &Place,
    listing: &Listing,
) -> Result<(Vec<InvitationId>, Option<Place>), Failure> {
    let page = edge.kv().page(&invitations_of(&from.application), Some(Cursor(from.sheet))).await?;
    let rest = page.entries.iter().skip(usize::try_from(from.entry).unwrap_or(usize::MAX));
    let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
    let ids = rest.clone().take(limit).map(|entry| {
        postcard::from_bytes(&entry.payload)
            .map_err(|error| Failure::Fault(format!("entry of a list of invitations: {error}")))
    });
    let ids: Vec<InvitationId> = ids.collect::<Result<_, Failure>>()?;
    let application = from.application.clone();
    let next = match page.next {
        _ if rest.count() > limit => Some(Place { entry: from.entry.saturating_add(listing.limit), ..from.clone() }),
        Some(Cursor(sheet)) => Some(Place { application, sheet, entry: 0 }),
        None if listing.one_application => None,
        None => {
            let mut after = applications(edge, partner).skip_while(|id| **id != application).skip(1);
            after.next().cloned().map(Place::beginning)
        }
    };
    Ok((ids, next))
}

/// The slots of these ids in their order, some of them read at the same time.
pub(crate) async fn slots<P: Platform>(
    edge: &Edge<P>,
    ids: impl Iterator<Item = InvitationSlotId>,
) -> Vec<Result<Option<Stored<InvitationSlot>>, Fault>> {
    let ids: Vec<InvitationSlotId> = ids.collect();
    let mut slots = Vec::with_capacity(ids.len());
    for together in ids.chunks(TOGETHER) {
        slots.extend(join_all(together.iter().map(async |id| edge.kv().get::<InvitationSlot>(id).await)).await);
    }
    slots
}
