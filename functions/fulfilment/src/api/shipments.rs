//! What was shipped: the form of one order, and lists of many.

use std::collections::BTreeMap;

use askama::Template;
use csv_core::{ReadRecordResult, Reader};
use edge::{Edge, Failure, Platform, form::FormFaults, problem::Problem};
use serde::{Deserialize, Serialize};
use shared::{
    order::{Order, Packed, Parcel, RawParcel, RawToken, Shipment, Taken, id_named},
    refusal::{Faults, Refusal},
    secret::Keys,
    values::{OrderId, ParseError, ProductId, Timestamp},
};

/// The most lines of a list, without its heading.
pub(crate) const LINES_MAX: usize = 500;
/// The heading of a list.
const HEADING: [&str; 5] = ["order", "product", "serial", "carrier", "tracking"];

/// A shipping form, or the same as JSON.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawShipment {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    tokens: Vec<RawToken>,
    #[serde(default)]
    carrier: String,
    #[serde(default)]
    tracking: String,
}

impl RawShipment {
    pub(crate) fn parcel(&self) -> RawParcel {
        RawParcel { tokens: self.tokens.clone(), carrier: self.carrier.clone(), tracking: self.tracking.clone() }
    }
}

/// A correction as a form or as JSON.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCorrection {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    pub(crate) wrong: String,
    #[serde(default)]
    pub(crate) right: String,
}

/// A field for each unit that is to be shipped.
pub(crate) struct ShippingForm {
    pub(crate) rows: Vec<Row>,
    pub(crate) carrier: String,
    pub(crate) tracking: String,
}

/// A unit that is to be shipped.
pub(crate) struct Row {
    pub(crate) product_field: String,
    pub(crate) serial_field: String,
    pub(crate) product: String,
    pub(crate) label: String,
    pub(crate) serial: String,
}

impl ShippingForm {
    /// The form for what is still to be shipped, with what was entered.
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, order: &Order, entered: &RawShipment) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for (place, product) in order.to_be_shipped(&edge.gateway).into_iter().enumerate() {
            let name = edge.gateway.product_name(&product);
            let product = product.to_string();
            let of_product = rows.iter().filter(|row| row.product == product).count();
            rows.push(Row {
                product_field: format!("tokens.{place}.product"),
                serial_field: format!("tokens.{place}.serial"),
                label: format!("Serial number of {name}, {}", of_product.saturating_add(1)),
                serial: entered.tokens.get(place).map(|token| token.serial.clone()).unwrap_or_default(),
                product,
            });
        }
        Self { rows, carrier: entered.carrier.clone(), tracking: entered.tracking.clone() }
    }
}

/// A parcel as operators see it.
#[derive(Serialize)]
pub(crate) struct ShipmentView {
    pub(crate) shipped_at: Timestamp,
    pub(crate) by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) carrier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracking: Option<String>,
    pub(crate) tokens: Vec<TokenView>,
}

/// A token that was shipped.
#[derive(Serialize)]
pub(crate) struct TokenView {
    product: String,
    #[serde(skip)]
    pub(crate) name: String,
    pub(crate) serial: String,
    /// Whether a licence was activated with it.
    pub(crate) in_use: bool,
}

impl ShipmentView {
    pub(crate) fn of<P: Platform>(edge: &Edge<P>, shipment: &Shipment) -> Self {
        let tokens = shipment.tokens.iter().map(|token| TokenView {
            product: token.product.to_string(),
            name: edge.gateway.product_name(&token.product),
            serial: token.serial.as_str().to_owned(),
            in_use: token.activates.is_some(),
        });
        Self {
            shipped_at: shipment.at,
            by: shipment.by.to_string(),
            carrier: shipment.carrier.as_ref().map(ToString::to_string),
            tracking: shipment.tracking.as_ref().map(ToString::to_string),
            tokens: tokens.collect(),
        }
    }
}

/// A list of shipments as a form or as JSON; `text/csv` is the list alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawImport {
    #[serde(default)]
    pub(crate) csrf: Option<String>,
    #[serde(default)]
    pub(crate) shipments: String,
}

/// A line of a list, as it was sent.
pub(crate) struct Line {
    /// Counted from 1, the heading included.
    pub(crate) number: u64,
    fields: Vec<String>,
}

/// A parcel of a list: all that has the same order, carrier and tracking number.
pub(crate) struct Group {
    pub(crate) order: OrderId,
    pub(crate) parcel: Parcel,
    /// Where each of its tokens stands in the list.
    pub(crate) places: Vec<usize>,
}

/// The lines of a list (RFC 4180), below its heading.
///
/// # Errors
/// [`Refusal::InvalidInput`] when the heading is another one, or there are too many lines, or none.
pub(crate) fn lines(text: &str) -> Result<Vec<Line>, Refusal> {
    let fault = |code, hint: &str| Refusal::field("shipments", code, hint);
    let text = format!("{}\n", text.trim_start_matches('\u{feff}').replace("\r\n", "\n").trim_end());
    let mut lines = records(&text).into_iter();
    let is_heading = |line: &Line| line.fields.iter().map(|name| name.trim().to_ascii_lowercase()).eq(HEADING);
    if !lines.next().is_some_and(|line| is_heading(&line)) {
        let hint = "Begin with the line order,product,serial,carrier,tracking and separate what follows by commas.";
        return Err(fault("heading-missing", hint));
    }
    let lines: Vec<Line> = lines.filter(|line| line.fields.iter().any(|field| !field.trim().is_empty())).collect();
    match lines.len() {
        0 => Err(fault("lines-missing", "Enter a line for each token below the heading.")),
        1..=LINES_MAX => Ok(lines),
        _ => Err(fault("too-many", "Send at most 500 lines at once.")),
    }
}

fn records(text: &str) -> Vec<Line> {
    let mut reader = Reader::new();
    // No record is longer than the list, nor has more fields than there are commas.
    let mut field_bytes = vec![0; text.len()];
    let mut ends = vec![0; text.bytes().filter(|byte| *byte == b',').count().saturating_add(2)];
    let (mut rest, mut records) = (text.as_bytes(), Vec::new());
    loop {
        let number = reader.line();
        let (result, read, _, ended) = reader.read_record(rest, &mut field_bytes, &mut ends);
        match result {
            ReadRecordResult::Record => records.push(Line { number, fields: fields(&field_bytes, ends.get(..ended)) }),
            // The last line ends, so only a quotation mark that is never closed leads here: it stands for all that it swallowed.
            ReadRecordResult::InputEmpty if !rest.is_empty() => {
                records.push(Line { number, fields: vec![String::from_utf8_lossy(rest).into_owned()] });
                return records;
            }
            ReadRecordResult::InputEmpty
            | ReadRecordResult::End
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull => return records,
        }
        rest = rest.get(read..).unwrap_or_default();
    }
}

fn fields(bytes: &[u8], ends: Option<&[usize]>) -> Vec<String> {
    let mut from = 0;
    let field = |end: &usize| {
        let field = bytes.get(from..*end).unwrap_or_default();
        from = *end;
        String::from_utf8_lossy(field).into_owned()
    };
    ends.unwrap_or_default().iter().map(field).collect()
}

/// The parcels of a list, in its order, and what is wrong with the other lines, by their place.
pub(crate) fn groups(lines: &[Line], keys: &Keys) -> (Vec<Group>, BTreeMap<usize, Refusal>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut refused = BTreeMap::new();
    for (place, line) in lines.iter().enumerate() {
        match line.parcel(place, keys) {
            Ok((order, parcel)) => {
                let same = |group: &&mut Group| {
                    group.order == order
                        && (&group.parcel.carrier, &group.parcel.tracking) == (&parcel.carrier, &parcel.tracking)
                };
                if let Some(group) = groups.iter_mut().find(same) {
                    group.parcel.tokens.extend(parcel.tokens);
                    group.places.push(place);
                } else {
                    groups.push(Group { order, parcel, places: vec![place] });
                }
            }
            Err(refusal) => {
                refused.insert(place, refusal);
            }
        }
    }
    (groups, refused)
}

impl Line {
    /// The order as it was named.
    fn order(&self) -> &str {
        self.fields.first().map(|order| order.trim()).unwrap_or_default()
    }

    /// The line as it is sent again.
    fn text(&self) -> String {
        let quoted = |field: &String| {
            if field.contains(['"', ',', '\n', '\r']) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field.clone()
            }
        };
        self.fields.iter().map(quoted).collect::<Vec<_>>().join(",")
    }

    fn parcel(&self, place: usize, keys: &Keys) -> Result<(OrderId, Parcel), Refusal> {
        let [order, product, serial, carrier, tracking] = self.fields.as_slice() else {
            return Err(Refusal::field(
                "",
                "columns",
                "Separate the five columns by commas, and close every quotation mark; the last two columns may be empty.",
            ));
        };
        let mut faults = Faults::default();
        let unknown = || ParseError::new("unknown", "Enter the order's number, such as O-ABCDE23456, or its id.");
        let id = faults.check("order", id_named(order, keys).ok_or_else(unknown));
        let product = faults.check("product", product.trim().parse::<ProductId>());
        let serial = faults.check("serial", serial.parse());
        let carrier = faults.check_optional("carrier", carrier, str::parse);
        let tracking = faults.check_optional("tracking", tracking, str::parse);
        let parsed = (|| {
            let tokens = vec![Packed { place, product: product?, serial: serial? }];
            Some((id?, Parcel { carrier: carrier?, tracking: tracking?, tokens }))
        })();
        faults.finish(parsed)
    }
}

/// What came of one line.
#[derive(Serialize)]
pub(crate) struct LineView {
    line: u64,
    order: String,
    /// `shipped`, `unchanged`, `refused` or `not-processed`.
    result: &'static str,
    /// Stable code of what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl LineView {
    fn of(line: &Line, outcome: &Result<Taken, Failure>) -> Self {
        let (result, problem) = match outcome {
            Ok(Taken::Shipped) => ("shipped", None),
            Ok(Taken::Unchanged) => ("unchanged", None),
            Err(Failure::Refused(Refusal::NotProcessed)) => ("not-processed", None),
            Err(failure) => ("refused", Some(Problem::of(failure))),
        };
        let said = problem.map(|problem| match problem.errors.first() {
            Some(error) => (error.code, error.detail.clone()),
            None => (problem.code, format!("{} {}", problem.detail, problem.next).trim().to_owned()),
        });
        let (code, detail) = said.unzip();
        Self { line: line.number, order: line.order().to_owned(), result, code, detail }
    }
}

/// Lists of shipments: where they are entered, and what came of one.
#[derive(Serialize, Template)]
#[template(path = "shipments.html")]
pub(crate) struct ImportPage {
    #[serde(skip)]
    title: &'static str,
    lines: Vec<LineView>,
    shipped: usize,
    unchanged: usize,
    refused: usize,
    /// Whether the same list is to be sent again, since not all of it could be worked on.
    unfinished: bool,
    #[serde(skip)]
    shipments: String,
    #[serde(skip)]
    faults: FormFaults,
}

impl ImportPage {
    /// The page with what was entered.
    pub(crate) fn of(shipments: &str, faults: FormFaults) -> Self {
        Self {
            title: "Shipments",
            lines: Vec::new(),
            shipped: 0,
            unchanged: 0,
            refused: 0,
            unfinished: false,
            shipments: shipments.to_owned(),
            faults,
        }
    }

    /// What came of each line; those that were refused stay in the field, to be mended and sent again.
    pub(crate) fn after(lines: &[Line], outcomes: &[Result<Taken, Failure>]) -> Self {
        let views: Vec<LineView> =
            lines.iter().zip(outcomes).map(|(line, outcome)| LineView::of(line, outcome)).collect();
        let count = |result: &str| views.iter().filter(|view| view.result == result).count();
        let left = lines.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_err());
        let left: Vec<String> = left.map(|(line, _)| line.text()).collect();
        let unfinished = |failure: &Failure| Problem::of(failure).status.is_server_error();
        Self {
            shipped: count("shipped"),
            unchanged: count("unchanged"),
            refused: count("refused"),
            unfinished: outcomes.iter().any(|outcome| outcome.as_ref().is_err_and(unfinished)),
            shipments: if left.is_empty() {
                String::new()
            } else {
                format!("{}\n{}", HEADING.join(","), left.join("\n"))
            },
            lines: views,
            ..Self::of("", FormFaults::none())
        }
    }

    /// Whether the same list is to be sent again.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.unfinished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "order,product,serial,carrier,tracking";

    fn keys() -> Keys {
        Keys::new(&[7; 32], None).expect("32 bytes are enough")
    }

    fn read(text: &str) -> Vec<(u64, Vec<String>)> {
        let lines = lines(text).unwrap_or_else(|refusal| panic!("{text:?}: {refusal:?}"));
        lines.into_iter().map(|line| (line.number, line.fields)).collect()
    }

    #[test]
    fn shp_8_a_list_is_read_as_spreadsheets_write_it() {
        // SHP-8
        let row = |fields: [&str; 5]| fields.map(str::to_owned).to_vec();
        let expected =
            vec![(2, row(["O-1", "token", "A1", "DHL, Inc", "1"])), (3, row(["O-2", "token", "A2", "", ""]))];
        for text in [
            format!("{HEAD}\nO-1,token,A1,\"DHL, Inc\",1\nO-2,token,A2,,\n"),
            format!("\u{feff}{HEAD}\r\nO-1,token,A1,\"DHL, Inc\",1\r\nO-2,token,A2,,"),
            "Order, Product,SERIAL,carrier,tracking\nO-1,token,A1,\"DHL, Inc\",1\nO-2,token,A2,,\n,,,,\n".to_owned(),
        ] {
            assert_eq!(read(&text), expected, "{text:?}");
        }
        let quoted = read(&format!("{HEAD}\nO-1,token,A1,\"the \"\"fast\"\" one\",1"));
        assert!(quoted.first().is_some_and(|(_, fields)| fields.contains(&"the \"fast\" one".to_owned())));
    }

    #[test]
    fn shp_8_a_list_without_its_heading_is_no_list() {
        // SHP-8
        let code = |text: &str| match lines(text).map(|lines| lines.len()) {
            Err(Refusal::InvalidInput(faults)) => faults.first().map_or("", |fault| fault.code),
            other => panic!("{other:?}"),
        };
        for text in ["", "\n", "O-1,token,A1,,", "order;product;serial;carrier;tracking\nO-1;token;A1;;"] {
            assert_eq!(code(text), "heading-missing", "{text:?}");
        }
        assert_eq!(code(HEAD), "lines-missing");
        assert_eq!(code(&format!("{HEAD}\n,,,,\n")), "lines-missing");
        let many = |count: usize| format!("{HEAD}\n{}", "O-1,token,A1,,\n".repeat(count));
        assert_eq!(lines(&many(LINES_MAX)).map(|lines| lines.len()), Ok(LINES_MAX));
        assert_eq!(code(&many(LINES_MAX + 1)), "too-many");
    }

    #[test]
    fn shp_8_a_bad_line_spoils_no_other() {
        // SHP-8
        let id = OrderId::from_bytes([1; 16]);
        let text = format!(
            "{HEAD}\n{id},token,1234,DHL,1\nO-AAAAAAAAAA,token,1235,,\n{id},token,1236,DHL,1\n{id},token,12/6,DHL,1\n{id},token\n\
             O-AAAA,No Slug,,,"
        );
        let lines = lines(&text).expect("a list");
        let (groups, refused) = groups(&lines, &keys());
        let places: Vec<&[usize]> = groups.iter().map(|group| group.places.as_slice()).collect();
        assert_eq!(places, [[0, 2].as_slice(), &[1]], "one parcel is one group");
        assert_eq!(refused.keys().copied().collect::<Vec<_>>(), [3, 4, 5]);
        let outcomes = vec![
            Ok(Taken::Shipped),
            Ok(Taken::Unchanged),
            Err(Refusal::NotProcessed.into()),
            Err(Refusal::NotFound.into()),
            Err(Refusal::field("serial", "serial-invalid", "Enter it.").into()),
            Ok(Taken::Shipped),
        ];
        let page = ImportPage::after(&lines, &outcomes);
        assert_eq!((page.shipped, page.unchanged, page.refused, page.is_unfinished()), (2, 1, 2, true));
        assert_eq!(page.shipments.lines().count(), 4, "the heading, and what is to be mended: {}", page.shipments);
    }
}
