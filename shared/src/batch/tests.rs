use super::*;
use crate::{promo::RawBatch, testing::*};

const FORM: FormId = FormId::from_bytes([5; 16]);

fn ordered(raw: &RawBatch, now: Timestamp) -> OrderBatch {
    OrderBatch::parse(raw, Batch::id_of_form(FORM, &keys()), &gateway(), now).expect("valid")
}

fn raw() -> RawBatch {
    RawBatch {
        partner: "cobalt".to_owned(),
        product: "cobalt-mobile-id".to_owned(),
        count: "3".to_owned(),
        uses: "2".to_owned(),
        discount: "25%".to_owned(),
        valid_days: "30".to_owned(),
    }
}

fn printed() -> Printed {
    let gateway = gateway();
    let registrar = on_duty(&gateway, "registrar");
    let id = Batch::id_of_form(FORM, &keys());
    Batch::print(id, &ordered(&raw(), NOW), &registrar, &keys(), NOW, &mut Seeded(1))
}

#[test]
fn shp_2_a_batch_names_the_codes_that_count() {
    // SHP-2, SHP-3: what a crash left behind before the batch was written pays for nothing.
    let Printed { promos, batch } = printed();
    assert_eq!(batch.promos, promos.iter().map(|promo| promo.id).collect::<Vec<_>>());
    assert_eq!((promos.len(), batch.ordered_by.as_str(), batch.ordered_at), (3, "registrar", NOW));
    for promo in &promos {
        assert_eq!(promo.in_force(Some(&batch)), Ok(()));
        assert_eq!(promo.offer, batch.offer);
        let without = Batch { promos: Vec::new(), ..batch.clone() };
        let another = Batch { id: BatchId::from_bytes([9; 16]), ..batch.clone() };
        for vouching in [None, Some(&without), Some(&another)] {
            assert_eq!(promo.in_force(vouching), Err(Refusal::PromoNotUsable));
        }
    }
}

#[test]
fn shp_2_a_repeated_order_gets_the_same_codes() {
    // SHP-2
    let Printed { promos, batch } = printed();
    let codes = batch.hand_out(&ordered(&raw(), after(60)), &keys()).expect("the same order, a minute later");
    let ids: Vec<PromoId> = codes.iter().map(|code| crate::promo::promo_id(&read(code), &keys())).collect();
    assert_eq!(ids, promos.iter().map(|promo| promo.id).collect::<Vec<_>>());
    for other in [
        RawBatch { count: "4".to_owned(), ..raw() },
        RawBatch { uses: "1".to_owned(), ..raw() },
        RawBatch { discount: "free".to_owned(), ..raw() },
        RawBatch { valid_days: "31".to_owned(), ..raw() },
        RawBatch { partner: "anvil".to_owned(), product: "anvil-mobile-id".to_owned(), ..raw() },
    ] {
        assert_eq!(batch.hand_out(&ordered(&other, NOW), &keys()), Err(Refusal::OrderFormReused), "{other:?}");
    }
    let others = Keys::new(&[8; 32], None).expect("32 bytes are enough");
    assert_eq!(batch.hand_out(&ordered(&raw(), NOW), &others), Err(Refusal::NotFound));
    assert_ne!(Batch::id_of_form(FORM, &keys()), Batch::id_of_form(FormId::from_bytes([6; 16]), &keys()));
}
