//! The fullest sheets that a batch of promo codes can lead to are well below what a value may have.

use kv_schema::record::{Record, VALUE_BYTES_MAX};
use shared::{
    batch::{Batch, Cause, OrderedBy, Printed},
    config::Gateway,
    promo::{LIVE_MAX, OrderBatch, Presented, Promo, RESERVATION, RawBatch, Sheet},
    secret::{Entropy, Keys},
    values::{Email, FormId, OrderId, PromoCode, Timestamp},
};

/// In the year 2900, whose seconds take as many bytes as any year's.
const NOW: i64 = 29_379_585_600;

/// Besides the body: the trail of the audit, the ids of the last writes, effects that wait.
const AROUND_BYTES: usize = 40_000;

struct Counting(u64);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = self.0.to_be_bytes()[0];
        }
    }
}

fn order(number: u64) -> OrderId {
    OrderId::from_bytes([number.to_be_bytes(), [0xff; 8]].concat().try_into().expect("16 bytes"))
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(NOW.saturating_add_unsigned(seconds))
}

/// Every code of the fullest sheet is redeemed as often as it can be, but for those uses that orders hold.
fn fill(count: u32, uses: u32, per_customer: &str) -> Sheet {
    let gateway = Gateway::parse(include_str!("../../gateway.toml")).expect("valid");
    let keys = Keys::new(&[7; 32], None).expect("32 bytes");
    let raw = RawBatch {
        name: "The largest".to_owned(),
        partner: "cobalt".to_owned(),
        products: vec!["cobalt-mobile-id".to_owned()],
        count: count.to_string(),
        uses: uses.to_string(),
        uses_per_customer: per_customer.to_owned(),
        discount: "free".to_owned(),
        valid_days: "730".to_owned(),
        ..RawBatch::default()
    };
    let cause = Cause::form(FormId::from_bytes([1; 16]), &keys);
    let ordered = OrderBatch::parse(&raw, &gateway, at(0)).expect("valid");
    let (tag, rng) = (cause.tag(0, &keys), &mut Counting(1));
    let Printed { batch, sheets } = Batch::print(tag, cause, &ordered, OrderedBy::Partner, &keys, at(0), rng);
    let mut sheet = sheets.into_iter().max_by_key(|sheet| sheet.coupons().len()).expect("a sheet");
    let codes = batch.hand_out(&keys).expect("its own keys");
    let codes = codes.iter().map(|code| code.parse::<PromoCode>().expect("a code"));
    let (mut number, mut left) = (0_u64, sheet.coupons().len() as u64 * u64::from(uses));
    for code in codes.filter(|code| Presented::of(code, None, &keys).batch == batch.id) {
        if sheet.coupon(shared::promo::coupon_id(&code, &keys)).is_none() {
            continue;
        }
        for _ in 0..uses {
            let email: Email = format!("customer-{number}@birch.example").parse().expect("an e-mail");
            let presented = Presented::of(&code, Some(&email), &keys);
            // The last ones come at once.
            let held = left <= LIVE_MAX as u64;
            let now = if held { at(1_000_000_000) } else { at(number * 200) };
            let known = sheet.clone();
            let promo = Promo::met(presented, Some(&batch), Some(&known)).expect("it counts");
            let wish = promo.reservation(order(number), now.plus(RESERVATION), &[]);
            sheet = sheet.reserve(&wish, now).expect("free").expect("not held before").next;
            if !held {
                sheet = sheet.redeem(presented.coupon, order(number), now).expect("held").next;
            }
            number += 1;
            left -= 1;
        }
    }
    sheet
}

#[test]
fn shp_2_the_fullest_sheets_are_well_below_the_largest_value() {
    // SHP-2, OPS-3
    for (count, uses, per_customer, below) in [
        (1, 10_000, "", 50_000),
        (1, 10_000, "1", 110_000),
        (113, 8_849, "1", 210_000),
        (10_000, 100, "1", 180_000),
        (10_000, 100, "", 72_000),
        (10_000, 1, "", 12_000),
    ] {
        let bytes = fill(count, uses, per_customer).encode().expect("it fits").len();
        assert!(bytes < below && bytes + AROUND_BYTES < VALUE_BYTES_MAX, "{count} codes of {uses} uses: {bytes}");
    }
}
