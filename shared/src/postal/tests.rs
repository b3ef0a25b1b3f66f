//! What countries' posts want, and how parcels are addressed.

use proptest::prelude::*;

use super::*;
use crate::refusal::Refusal;

fn raw(country: &str, region: &str, postal_code: &str) -> RawAddress {
    RawAddress {
        organisation: String::new(),
        street: "1 Mill Lane".to_owned(),
        city: "Ulm".to_owned(),
        region: region.to_owned(),
        postal_code: postal_code.to_owned(),
        country: country.to_owned(),
    }
}

fn parsed(raw: &RawAddress) -> Result<Address, Refusal> {
    let mut faults = Faults::default();
    let address = Address::parse(raw, "shipping.", &mut faults);
    faults.finish(address)
}

fn hints(raw: &RawAddress) -> Vec<(String, String)> {
    let Err(Refusal::InvalidInput(faults)) = parsed(raw) else { panic!("{raw:?} is refused") };
    faults.into_iter().map(|fault| (fault.field, fault.hint)).collect()
}

#[test]
fn shp_1_a_postal_code_is_written_as_its_country_writes_it() {
    // SHP-1
    for (country, region, entered, written) in [
        ("US", "NY", "10999", "10999"),
        ("US", "NY", "109991234", "10999-1234"),
        ("US", "NY", "10999 1234", "10999-1234"),
        ("CA", "ON", "k1a0b9", "K1A 0B9"),
        ("GB", "", "sw1a 1aa", "SW1A 1AA"),
        ("GB", "", "M11AE", "M1 1AE"),
        ("NL", "", "1012ab", "1012 AB"),
        ("SE", "", "11455", "114 55"),
        ("PL", "", "00950", "00-950"),
        ("PT", "", "1000260", "1000-260"),
        ("JP", "Tokyo", "1008994", "100-8994"),
        ("IE", "", "d02x285", "D02 X285"),
        ("DE", "", "89073", "89073"),
        ("AR", "", "b1842zab", "B1842ZAB"),
        ("XK", "", "whatever 1", "whatever 1"),
        ("JP", "Tokyo", "〒１００－８９９４", "100-8994"),
        ("PL", "", "00–950", "00-950"),
        ("DE", "", "D-89073", "89073"),
        ("LV", "", "LV-1010", "LV-1010"),
        ("LV", "", "1010", "LV-1010"),
        ("LT", "", "lt 01100", "LT-01100"),
        ("CZ", "", "CZ-110 00", "110 00"),
        ("IL", "", "61000", "61000"),
    ] {
        let address = parsed(&raw(country, region, entered)).unwrap_or_else(|refusal| panic!("{country}: {refusal:?}"));
        assert_eq!(address.postal_code.map(|code| code.to_string()).as_deref(), Some(written), "{country} {entered}");
    }
}

#[test]
fn shp_1_a_fault_says_what_to_enter() {
    // SHP-1
    let of = |field: &str, hint: &str| vec![(format!("shipping.{field}"), hint.to_owned())];
    let american = "Enter a postal code such as 10999 or 10999-1234.";
    for code in ["1099", "10999-12", "ABCDE", ""] {
        assert_eq!(hints(&raw("US", "NY", code)), of("postal_code", american), "{code}");
    }
    assert_eq!(hints(&raw("CA", "ON", "10999")), of("postal_code", "Enter a postal code such as K1A 0B9."));
    assert_eq!(hints(&raw("US", " ", "10999")), of("region", "Enter the state or region."));
    let blank = hints(&RawAddress::default());
    let fields: Vec<&str> = blank.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        ["shipping.street", "shipping.city", "shipping.country"],
        "what no country is known for is free"
    );
    assert_eq!(hints(&raw("Atlantis", "", "")), of("country", "Choose the country from the list."));
    assert!(RawAddress::default().is_blank() && !raw("", "", "").is_blank());
}

#[test]
fn shp_1_a_parcel_is_addressed_as_the_countrys_post_reads_it() {
    // SHP-1
    let lines = |country: &str, region: &str, code: &str| {
        let lines = parsed(&raw(country, region, code)).expect("an address").lines();
        lines.join(" | ")
    };
    assert_eq!(lines("United States", "NY", "10999"), "1 Mill Lane | Ulm, NY 10999 | United States of America");
    assert_eq!(lines("DE", "", "89073"), "1 Mill Lane | 89073 Ulm | Germany");
    assert_eq!(
        lines("GB", "", "SW1A 1AA"),
        "1 Mill Lane | Ulm | SW1A 1AA | United Kingdom of Great Britain and Northern Ireland"
    );
    assert_eq!(lines("AR", "", ""), "1 Mill Lane | Ulm | Argentina");
    assert_eq!(lines("SG", "", "018956"), "1 Mill Lane | Ulm 018956 | Singapore");
    assert_eq!(lines("XK", "", ""), "1 Mill Lane | Ulm | Kosovo");
    assert_eq!(lines("XK", "", "10000"), "1 Mill Lane | Ulm, 10000 | Kosovo");
    let works = RawAddress { organisation: "Birch Machining GmbH".to_owned(), ..raw("DE", "", "89073") };
    assert_eq!(parsed(&works).expect("an address").lines().first().map(String::as_str), Some("Birch Machining GmbH"));
}

#[test]
fn shp_1_the_table_can_be_searched_and_its_examples_are_codes() {
    // SHP-1
    assert!(FORMATS.is_sorted_by_key(|format| format.country));
    for format in &FORMATS {
        assert!(format.country.parse::<Country>().is_ok(), "{}", format.country);
        assert!(format.lines.contains('C') && format.needs.chars().all(|part| format.lines.contains(part)));
        assert!(!format.needs.contains('Z') || !format.codes.is_empty(), "{} can say what is wrong", format.country);
        for pattern in format.codes.split('|').filter(|pattern| !pattern.is_empty()) {
            let written = example(pattern);
            assert_eq!(format.code(&written).map(|code| code.to_string()), Ok(written), "{}", format.country);
        }
    }
}

proptest! {
    #[test]
    fn shp_1_what_was_accepted_is_accepted_again(country in 0..FORMATS.len(), code in "[0-9A-Z -]{0,10}") {
        // SHP-1: an address that stands on a page can be sent again as it is.
        let country = FORMATS.get(country).map(|format| format.country).unwrap_or_default();
        if let Ok(address) = parsed(&raw(country, "S", &code)) {
            let written = address.postal_code.as_ref().map(ToString::to_string).unwrap_or_default();
            prop_assert_eq!(parsed(&raw(country, "S", &written)), Ok(address));
        }
    }
}
