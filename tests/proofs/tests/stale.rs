//! Plain reads may be stale on `DynamoDB`. Whatever is decided by them alone must be harmless, however stale they are: here
//! by twenty minutes, where seconds are usual.
//!
//! On Cosmos DB watched reads may be stale as well, unless the account's consistency is strong, which is asked for: what
//! holds without it is the primitives' (`kv-schema/src/backends/races.rs`), and docs/storage.md says what does not.

use kv_schema::backends::{explore::Bounds, model::Backend};
use proofs::{
    actors::{place_order, redemption_missing},
    full,
    pairs::prove_stale,
    rows::pairs,
    stage::{Stage, component},
    state,
};

/// Every pair of requests while plain reads are one change behind in all that the two of them change; one request is
/// interrupted anywhere. (Every handler alone: `crashes.rs`.)
#[test]
fn every_pair_is_right_although_reads_are_stale() {
    let mut violations = Vec::new();
    for pair in pairs() {
        let report = prove_stale(&pair, Bounds { crashes: 0, switches: Some(if full() { 2 } else { 1 }) });
        println!(
            "proved | schedules | pairs of requests, stale reads | {} | Dynamo | {} | {} checked, after {} effects wait",
            pair.case, report.schedules, report.checked, report.left_waiting
        );
        violations.extend(report.examples);
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

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
