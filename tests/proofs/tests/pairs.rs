//! Every pair of requests that can meet, in every order of their operations with up to two switches, on every store: one
//! request is interrupted anywhere, the other one anywhere, and the first one goes on. And with one switch, while one of
//! them dies anywhere.
//!
//! With `PROOFS=full` one switch more each; and the orders go on to four switches where three made fewer than
//! [`FEW_SCHEDULES`], since there the number of operations is small, not the number of ways to go wrong.

use kv_schema::backends::{explore::Bounds, model::Backend};
use proofs::{
    full,
    pairs::{Pair, Report, prove},
    rows::pairs,
};

/// Below this one switch more is affordable: it multiplies the schedules by ten to twenty.
const FEW_SCHEDULES: usize = 5_000;
const SWITCHES_MAX: usize = 4;

/// The deepest exploration of orders.
fn orders(pair: &Pair, backend: Backend) -> Report {
    let mut switches = if full() { 3 } else { 2 };
    loop {
        let report = prove(pair, backend, Bounds { crashes: 0, switches: Some(switches) });
        if !full() || switches == SWITCHES_MAX || report.schedules >= FEW_SCHEDULES {
            return report;
        }
        switches += 1;
    }
}

fn deaths(pair: &Pair, backend: Backend) -> Report {
    prove(pair, backend, Bounds { crashes: 1, switches: Some(if full() { 2 } else { 1 }) })
}

fn every_pair(backend: Backend) {
    let mut violations = Vec::new();
    for pair in pairs() {
        for (group, report) in
            [("pairs of requests", orders(&pair, backend)), ("pairs of requests, a death", deaths(&pair, backend))]
        {
            println!(
                "proved | schedules | {group} | {} | {backend:?} | {} | {} checked, after {} effects wait",
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
