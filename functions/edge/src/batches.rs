//! Batches of promo codes, ordered by an operator or by the partner that pays (SHP-2).
//!
//! Commit point: the creation of the batch. Its sheets are written before it and count only once it names them: some 50
//! writes for 10,000 codes, which a hosted platform takes in a second.

use http::StatusCode;
use kv_schema::{record::Record, records::batches_of};
use serde::Serialize;
use shared::{
    audit::Action,
    batch::{Batch, Cause, OrderedBy, Printed, TAG_TRIES},
    decision::Decision,
    promo::{OrderBatch, Sheet, Tally},
    refusal::Refusal,
    values::{BatchId, BatchTag, PartnerId, ProductId, SheetId, Timestamp},
};

use crate::{
    edge::{Edge, NowStands},
    failure::{Failure, Outcome},
    page::Wanted,
    platform::Platform,
    reply::Reply,
    request::Request,
    view,
};

/// In which form the codes of a batch are handed out. They are whole in memory: 10,000 are a quarter of a megabyte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One object that has all of them.
    Json,
    /// A file for spreadsheets (RFC 4180).
    Csv,
    /// An object a line.
    Ndjson,
}

impl Format {
    /// What the request's `Accept` names, or else the `usual` form.
    pub fn of(request: &Request, usual: Self) -> Self {
        let accept = request.header("accept").unwrap_or_default();
        let named = [(Self::Csv, "text/csv"), (Self::Ndjson, "application/x-ndjson"), (Self::Json, "application/json")]
            .into_iter()
            .filter_map(|(format, name)| Some((accept.find(name)?, format)));
        named.min_by_key(|(place, _)| *place).map_or(usual, |(_, format)| format)
    }
}

/// A batch, for programs.
#[derive(Debug, Serialize)]
pub struct BatchView<'a> {
    id: BatchId,
    name: &'a str,
    /// What its codes begin with.
    tag: String,
    partner: &'a PartnerId,
    products: &'a [ProductId],
    discount: String,
    count: u32,
    uses: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses_per_customer: Option<u32>,
    valid_from: Timestamp,
    valid_until: Timestamp,
    bills_partner: bool,
    ordered_by: &'static str,
    created_at: Timestamp,
}

impl<'a> BatchView<'a> {
    /// What is known of it without its sheets.
    pub fn of(batch: &'a Batch) -> Self {
        let offer = &batch.offer;
        Self {
            id: batch.id,
            name: offer.name.as_str(),
            tag: batch.tag.to_string(),
            partner: &offer.partner,
            products: &offer.products,
            discount: offer.discount.to_string(),
            count: batch.count,
            uses: offer.uses,
            uses_per_customer: offer.uses_per_customer,
            valid_from: offer.valid_from,
            valid_until: offer.valid_until,
            bills_partner: offer.bills_partner,
            ordered_by: match batch.ordered_by {
                OrderedBy::Operator(_) => "operator",
                OrderedBy::Partner => "partner",
            },
            created_at: batch.ordered_at,
        }
    }
}

/// The answer to whoever ordered a batch, for a program.
#[derive(Serialize)]
struct CodesView<'a> {
    #[serde(flatten)]
    batch: BatchView<'a>,
    codes: &'a [String],
}

#[derive(Serialize)]
struct CodeLine<'a> {
    code: &'a str,
}

/// A batch with what became of its codes, for programs.
#[derive(Debug, Serialize)]
pub struct ReportView<'a> {
    #[serde(flatten)]
    batch: BatchView<'a>,
    redeemed: u64,
    reserved: u64,
    free: u64,
}

impl<'a> ReportView<'a> {
    /// The report.
    pub fn of(batch: &'a Batch, tally: Tally) -> Self {
        let Tally { redeemed, reserved, free } = tally;
        Self { batch: BatchView::of(batch), redeemed, reserved, free }
    }
}

/// The codes as they are handed out, to whoever ordered them.
///
/// # Errors
/// A fault when they cannot be serialised.
pub fn codes(status: StatusCode, batch: &Batch, codes: &[String], format: Format) -> Outcome {
    let file = |content_type, ending, body: Vec<u8>| {
        Reply::with(status, content_type, body)
            .header("content-disposition", format!("attachment; filename=\"promo-codes-{}.{ending}\"", batch.tag))
            .header("cache-control", "no-store")
    };
    match format {
        Format::Json => view::document(status, &CodesView { batch: BatchView::of(batch), codes }),
        Format::Csv => {
            let lines = std::iter::once("code").chain(codes.iter().map(String::as_str)).chain([""]);
            Ok(file("text/csv; charset=utf-8", "csv", lines.collect::<Vec<_>>().join("\r\n").into_bytes()))
        }
        Format::Ndjson => {
            let mut body = Vec::new();
            for code in codes {
                body.extend(view::json(&CodeLine { code })?);
                body.push(b'\n');
            }
            Ok(file("application/x-ndjson", "ndjson", body))
        }
    }
}

impl<P: Platform> Edge<P> {
    /// The batch that this order leads to: made now, or the same as before when the order is repeated. Each other batch that
    /// has a tag of the order's costs 1 read.
    ///
    /// # Errors
    /// [`Refusal::OrderFormReused`] when something else was ordered with the same cause; [`Refusal::Busy`] while somebody
    /// else repeats the order; a fault of the store.
    pub async fn print(&self, order: &OrderBatch, cause: Cause, by: &OrderedBy) -> Result<Batch, Failure> {
        for attempt in 0..TAG_TRIES {
            let batch = self.print_as(cause.tag(attempt, &self.keys), order, cause, by).await?;
            if batch.cause != cause {
                continue;
            }
            return if batch.repeats(order) { Ok(batch) } else { Err(Refusal::OrderFormReused.into()) };
        }
        Err(Failure::Fault("no free tag for a batch of promo codes was found".to_owned()))
    }

    /// The batch that has the tag, which may be another order's.
    async fn print_as(
        &self,
        tag: BatchTag,
        order: &OrderBatch,
        cause: Cause,
        by: &OrderedBy,
    ) -> Result<Batch, Failure> {
        let id = Batch::id_of(tag, &self.keys);
        if let Some(stored) = self.kv().get::<Batch>(&id).await? {
            self.drain(stored.envelope()).await;
            return Ok(stored.into_value());
        }
        let printed = Batch::print(tag, cause, order, by.clone(), &self.keys, self.now, &mut self.rng());
        let Printed { sheets, batch } = printed;
        // Should this request die before the batch is there, a sweep removes the sheets.
        let prepared: Vec<[u8; 16]> = sheets.iter().map(|sheet| *sheet.id.bytes()).collect();
        self.note::<Batch>(&[Batch::key(&id)], &prepared).await?;
        for sheet in sheets {
            self.insert(&sheet.id.clone(), Decision::quiet(Action::PromoPrinting, sheet)).await?;
        }
        let effects = batch.effects();
        // Whoever was faster with the same order has the codes that count.
        let (NowStands::Ours(stored) | NowStands::Another(stored)) =
            self.create(&id, Decision::with(Action::PromoPrinting, batch, effects)).await?;
        Ok(stored.into_value())
    }

    /// What became of a batch's codes: 1 read for each of its sheets, 56 at most, in rounds.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn tally(&self, batch: &Batch) -> Result<Tally, Failure> {
        let ids: Vec<SheetId> = batch.sheets.iter().map(|listed| listed.sheet).collect();
        let sheets = self.get_many::<Sheet>(&ids).await?;
        Ok(sheets.iter().fold(Tally::default(), |sum, sheet| sum + sheet.tally(&batch.offer)))
    }

    /// A page of a partner's batches, oldest first, and what `after` of the next page is; those that are over for a month are
    /// left out.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn batches(&self, partner: &PartnerId, wanted: &Wanted) -> Result<(Vec<Batch>, Option<String>), Failure> {
        let page = self.page(&batches_of(partner), wanted).await?;
        let ids: Vec<BatchId> = page.entries.iter().map(|entry| BatchId::from_bytes(entry.id.0)).collect();
        let batches = self.get_many::<Batch>(&ids).await?;
        // A tag can lead to another batch once the one is removed that had it.
        let own = batches.into_iter().filter(|batch| batch.offer.partner == *partner);
        Ok((own.collect(), page.next))
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn shp_2_codes_come_in_the_form_that_is_asked_for() {
        // SHP-2
        let of = |accept: &str| {
            let headers = [("accept", accept)].into_iter().collect();
            Format::of(&Request::new(Method::POST, "/promo-batches", headers, Vec::new()), Format::Json)
        };
        assert_eq!([of("text/csv"), of("application/x-ndjson")], [Format::Csv, Format::Ndjson]);
        assert_eq!([of(""), of("*/*"), of("application/json, text/csv")], [Format::Json; 3]);
        assert_eq!(of("application/x-ndjson, application/json;q=0.5"), Format::Ndjson);
    }
}
