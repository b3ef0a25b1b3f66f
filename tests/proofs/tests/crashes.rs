//! Every handler, every outcome, every crash point, on every store.
//!
//! With `PROOFS=full` also every pair of deaths: the first try dies anywhere, and so does the client's retry.

use kv_schema::backends::model::Backend;
use proofs::{
    crash::{Report, Row, prove, prove_twice},
    full,
    rows::rows,
};

fn every_row(backend: Backend) {
    let mut violations = Vec::new();
    for row in rows() {
        let provers: &[fn(&Row, Backend) -> Report] = if full() { &[prove, prove_twice] } else { &[prove] };
        for prove in provers {
            let report = prove(&row, backend);
            println!(
                "proved | crash points | {} | {} | {backend:?} | {} | after {} effects wait for a later request, \
                 after {} deaths the sweep does the rest",
                row.component, row.case, report.points, report.left_waiting, report.swept
            );
            violations.extend(report.violations);
        }
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
