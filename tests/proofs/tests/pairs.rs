//! Every pair of requests that can meet, in every order of their operations with up to two switches, on every store: one
//! request is interrupted anywhere, the other one anywhere, and the first one goes on.
//!
//! With `PROOFS=full` up to four switches, and up to two switches with one death.

use kv_schema::backends::{explore::Bounds, model::Backend};
use proofs::{full, pairs::prove, rows::pairs};

fn bounds() -> Vec<Bounds> {
    let two_switches = Bounds { crashes: 0, switches: Some(2) };
    if full() {
        vec![Bounds { switches: Some(4), ..two_switches }, Bounds { crashes: 1, ..two_switches }]
    } else {
        vec![two_switches]
    }
}

fn every_pair(backend: Backend) {
    let mut violations = Vec::new();
    for pair in pairs() {
        for bounds in bounds() {
            let report = prove(&pair, backend, bounds);
            println!(
                "proved | schedules | pairs of requests | {} | {backend:?} | {} | {} checked, after {} effects wait",
                pair.case, report.schedules, report.checked, report.left_waiting
            );
            violations.extend(report.examples);
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn sqlite() {
    every_pair(Backend::Sqlite);
}

#[test]
fn redis() {
    every_pair(Backend::Redis);
}

#[test]
fn dynamo() {
    every_pair(Backend::Dynamo);
}

#[test]
fn cosmos() {
    every_pair(Backend::Cosmos);
}
