use super::*;
use crate::{
    promo::{Presented, Promo, RawBatch},
    testing::*,
};

fn cause() -> Cause {
    Cause::form(FormId::from_bytes([5; 16]), &keys())
}

fn ordered(raw: &RawBatch, now: Timestamp) -> OrderBatch {
    OrderBatch::parse(raw, &gateway(), now).expect("valid")
}

fn raw() -> RawBatch {
    RawBatch {
        name: "Autumn".to_owned(),
        partner: "cobalt".to_owned(),
        products: vec!["cobalt-mobile-id".to_owned()],
        count: "3".to_owned(),
        uses: "2".to_owned(),
        discount: "25%".to_owned(),
        valid_days: "30".to_owned(),
        ..RawBatch::default()
    }
}

fn sized(count: u32, uses: u32, per_customer: &str) -> RawBatch {
    let uses_per_customer = per_customer.to_owned();
    RawBatch { count: count.to_string(), uses: uses.to_string(), uses_per_customer, ..raw() }
}

fn printed(raw: &RawBatch) -> Printed {
    let (tag, cause) = testing::place();
    let by = OrderedBy::Operator(read("registrar"));
    Batch::print(tag, cause, &ordered(raw, NOW), by, &keys(), NOW, &mut Seeded(1))
}

#[test]
fn shp_2_a_batch_names_the_sheets_that_count() {
    // SHP-2, SHP-3: what a crash left behind before the batch was written pays for nothing.
    let Printed { sheets, batch } = printed(&sized(1_001, 2, ""));
    assert_eq!(
        batch.sheets.iter().map(|listed| listed.sheet).collect::<Vec<_>>(),
        sheets.iter().map(|sheet| sheet.id).collect::<Vec<_>>()
    );
    assert_eq!((batch.count, batch.ordered_at, sheets.len()), (1_001, NOW, 6));
    assert!(sheets.iter().all(|sheet| sheet.batch == batch.id && sheet.coupons().len() <= CODES_OF_SHEET as usize));
    assert_eq!(sheets.iter().map(|sheet| sheet.coupons().len()).sum::<usize>(), 1_001);
    for code in batch.hand_out(&keys()).expect("its own keys") {
        let presented = Presented::of(&read(&code), None, &keys());
        assert_eq!(presented.batch, batch.id, "{code}");
        let named = batch.sheet_of(presented.coupon);
        let sheet = sheets.iter().find(|sheet| Some(sheet.id) == named);
        assert!(Promo::met(presented, Some(&batch), sheet).is_ok());
        let other = sheets.iter().find(|sheet| Some(sheet.id) != named);
        assert!(Promo::met(presented, Some(&batch), other).is_err());
    }
    // A wrong code of the batch leads to one of its sheets too: it costs as much to refuse.
    for wrong in [CouponId::from_bytes([0; 16]), CouponId::from_bytes([0xff; 16])] {
        assert!(batch.sheet_of(wrong).is_some());
    }
    let [Effect::ListBatch { partner, batch: id, created_at }] = &batch.effects()[..] else { panic!("one effect") };
    assert_eq!((partner, id, created_at), (&batch.offer.partner, &batch.id, &NOW));
}

#[test]
fn shp_2_a_batch_has_few_sheets_and_none_is_too_full() {
    // SHP-2, OPS-3: as many sheets as one note names, and as many customers as a record can hold.
    for (count, uses, per_customer, sheets) in [
        (1, 1, "", 1),
        (200, 1, "", 1),
        (201, 1, "", 2),
        (10_000, 100, "", 50),
        (1, 10_000, "1", 1),
        (10_000, 100, "1", 56),
        (100, 10_000, "1", 50),
        (113, 8_849, "1", 38),
        (2, 10_000, "1", 2),
    ] {
        let Printed { sheets: printed, batch } = printed(&sized(count, uses, per_customer));
        assert_eq!((printed.len(), batch.sheets.len()), (sheets, sheets), "{count} of {uses}");
        let fullest = printed.iter().map(|sheet| sheet.coupons().len()).max().expect("a sheet");
        let remembered = batch.offer.uses_per_customer.map_or(0, |_| fullest * uses as usize);
        assert!(remembered <= 27_000, "{count} of {uses}: {remembered}");
    }
    let fullest = |count: u32| {
        let uses = (crate::promo::MAX_USES_OF_BATCH / count).min(crate::promo::MAX_USES);
        let raw = sized(count, uses, "1");
        let of_sheet = count.div_ceil(sheets_of(&ordered(&raw, NOW)));
        if uses == 1 { 0 } else { of_sheet * uses }
    };
    assert!((1..=10_000).map(fullest).max().expect("some") <= 27_000);
}

#[test]
fn shp_2_a_repeated_order_gets_the_same_codes() {
    // SHP-2
    let Printed { batch, .. } = printed(&raw());
    assert!(batch.repeats(&ordered(&raw(), after(60))), "the same order, a minute later");
    let codes = batch.hand_out(&keys()).expect("its own keys");
    assert_eq!(batch.hand_out(&keys()).as_ref(), Ok(&codes));
    assert!(codes.iter().all(|code| code.starts_with(&format!("{}-", batch.tag)) && code.len() == 21), "{codes:?}");
    for other in [
        RawBatch { name: "Winter".to_owned(), ..raw() },
        RawBatch { count: "4".to_owned(), ..raw() },
        RawBatch { uses: "1".to_owned(), ..raw() },
        RawBatch { uses_per_customer: "1".to_owned(), ..raw() },
        RawBatch { discount: "free".to_owned(), ..raw() },
        RawBatch { valid_days: "31".to_owned(), ..raw() },
        RawBatch { valid_from: NOW.to_string(), ..raw() },
        RawBatch { bills_partner: true, ..raw() },
        RawBatch { products: vec!["cobalt-phone".to_owned()], ..raw() },
        RawBatch { partner: "anvil".to_owned(), products: vec!["anvil-mobile-id".to_owned()], ..raw() },
    ] {
        assert!(!batch.repeats(&ordered(&other, NOW)), "{other:?}");
    }
    let others = Keys::new(&[8; 32], None).expect("32 bytes are enough");
    assert_eq!(batch.hand_out(&others), Err(Refusal::NotFound));
}

#[test]
fn shp_2_codes_follow_from_their_batchs_seed() {
    // SHP-2: computed with another implementation of RFC 2104.
    let seed = Seed(Secret::new([7; 32]));
    let tag = BatchTag::of_bytes(&[7, 19, 2, 22, 13]);
    let codes: Vec<String> = seed.codes(tag, 2).map(|code| code.reveal()).collect();
    assert_eq!(codes, ["7K2PD-FMWZ-YEHY-P5MG9", "7K2PD-93DG-3DWK-0VZC5"]);
}

#[test]
fn shp_2_a_repetition_meets_its_own_batch_and_another_takes_the_next_tag() {
    // SHP-2
    let tags: Vec<String> = (0..TAG_TRIES).map(|attempt| cause().tag(attempt, &keys()).to_string()).collect();
    let again: Vec<String> = (0..TAG_TRIES).map(|attempt| cause().tag(attempt, &keys()).to_string()).collect();
    assert_eq!(tags, again);
    let mut different = tags.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), usize::from(TAG_TRIES));
    let other = Cause::form(FormId::from_bytes([6; 16]), &keys());
    assert_ne!(other, cause());
    assert_ne!(Cause::claim(&[5; 16], &keys()), cause(), "a form is no claim");
}
