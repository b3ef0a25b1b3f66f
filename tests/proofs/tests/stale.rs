//! Plain reads may be stale on `DynamoDB`. Whatever is decided by them alone must be harmless, however stale they are: here
//! by twenty minutes, where seconds are usual.

use kv_schema::backends::model::Backend;
use proofs::{
    actors::{place_order, redemption_missing},
    stage::{Stage, component},
    state,
};

/// SHP-3: an order that was committed and has not redeemed its code yet keeps it, also where the read that looks for such
/// orders does not see the reservation.
#[test]
fn shp_3_a_stale_read_does_not_give_a_code_away_twice() {
    let mut stage = Stage::new(Backend::Dynamo);
    redemption_missing(&mut stage);
    stage.deployment().world().make_reads_stale();
    let ask = place_order(&stage);
    assert_eq!(stage.send(component, &ask).status, 503, "what the read missed is seen by the commit");
    stage.deployment().world().make_reads_fresh();
    assert_eq!(stage.send(component, &ask).status, 422, "the code is the other order's");
    let redeemed = state::of(&stage).iter().filter(|line| line.contains("redeemed")).count();
    assert_eq!(redeemed, 1);
}
