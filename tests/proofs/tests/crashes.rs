//! Every handler, every outcome, every crash point, on every store.
//!
//! With `PROOFS=full` the client's retry is stopped at each of its operations as well.

use kv_schema::backends::model::Backend;
use proofs::{
    crash::{prove, prove_twice},
    full,
    rows::rows,
};

fn every_row(backend: Backend) {
    let mut violations = Vec::new();
    for row in rows() {
        let report = if full() { prove_twice(&row, backend) } else { prove(&row, backend) };
        println!(
            "proved | crash points | {} | {} | {backend:?} | {} | after {} effects wait for a later request",
            row.component, row.case, report.points, report.left_waiting
        );
        violations.extend(report.violations);
    }
    assert!(violations.is_empty(), "{} violations\n{}", violations.len(), violations.join("\n"));
}

#[test]
fn sqlite() {
    every_row(Backend::Sqlite);
}

#[test]
fn redis() {
    every_row(Backend::Redis);
}

#[test]
fn dynamo() {
    every_row(Backend::Dynamo);
}

#[test]
fn cosmos() {
    every_row(Backend::Cosmos);
}
