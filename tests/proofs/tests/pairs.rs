//! Every pair of requests that can meet, in every order of their operations with up to two switches, on every store: one
//! request is interrupted anywhere, the other one anywhere, and the first one goes on. And with one switch, while one of
//! them dies anywhere. The longest pairs have one switch less on the stores that are not tried before a release.
//!
//! With `PROOFS=full` whoever is told to try again does so at once on every store, and a case goes on with one switch more
//! for as long as it makes fewer than [`FEW_SCHEDULES`]: up to four, with a death up to two.

use kv_schema::backends::{explore::Bounds, model::Backend};
use proofs::{
    full,
    pairs::{Pair, Report, prove},
    rows::pairs,
};

/// One switch more multiplies the schedules by ten to twenty: some seconds for a case that makes so many.
const FEW_SCHEDULES: usize = 500;

/// How often the two take turns.
fn switches(pair: &Pair, backend: Backend, affordable: usize) -> usize {
    let tried_before_release = matches!(backend, Backend::Sqlite | Backend::Redis);
    if pair.long && !tried_before_release && !full() { affordable - 1 } else { affordable }
}

/// The deepest exploration that is affordable.
fn deepest(pair: &Pair, backend: Backend, bounds: Bounds, switches_max: usize) -> Report {
    let report = prove(pair, backend, bounds);
    match bounds.switches {
        Some(switches) if full() && switches < switches_max && report.schedules < FEW_SCHEDULES => {
            deepest(pair, backend, Bounds { switches: Some(switches + 1), ..bounds }, switches_max)
        }
        _ => report,
    }
}

fn orders(pair: &Pair, backend: Backend) -> Report {
    deepest(pair, backend, Bounds { crashes: 0, switches: Some(switches(pair, backend, 2)) }, 4)
}

fn deaths(pair: &Pair, backend: Backend) -> Report {
    deepest(pair, backend, Bounds { crashes: 1, switches: Some(switches(pair, backend, 1)) }, 2)
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
