//! The ledger's accounts are exact and repeatable.

use vestibule_host::{Clock, Measured, Operation, Running};

use crate::support::{Application, ask, get, probe, start};

async fn metered(application: &Application) -> Running {
    let mut options = application.options();
    options.metering = true;
    options.clock = Clock::fixed(1_700_000_000);
    start(options).await
}

fn only(running: &Running) -> Measured {
    let mut measured = running.ledger().take_measured();
    assert_eq!(measured.len(), 1, "{measured:?}");
    measured.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_writes_rounds_and_keys_are_counted() {
    let application = Application::new();
    let running = metered(&application).await;
    probe(&running, "rounds", "").await;
    let measured = only(&running);
    assert_eq!((measured.component.as_str(), measured.method.as_str()), ("probe", "POST"));
    assert_eq!((measured.path.as_str(), measured.status), ("/probe/rounds", 200));
    assert_eq!((measured.reads, measured.writes, measured.rounds), (2, 3, 3));
    assert_eq!((measured.swaps, measured.increments, measured.deletes), (0, 0, 1));
    let touched: Vec<_> = measured.touched.iter().map(|t| (t.operation, t.key.as_str())).collect();
    assert_eq!(
        touched,
        [
            (Operation::Get, "a"),
            (Operation::Exists, "b"),
            (Operation::Set, "c"),
            (Operation::Set, "d"),
            (Operation::Delete, "e"),
        ]
    );

    probe(&running, "replace/a", "1").await;
    let measured = only(&running);
    assert_eq!((measured.reads, measured.writes, measured.swaps, measured.rounds), (1, 1, 1, 2));
    probe(&running, "stale-swap/a", "").await;
    let measured = only(&running);
    assert_eq!((measured.reads, measured.writes, measured.swaps), (2, 3, 2), "a refused swap reads the key again");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_calls_another_component_pays_for_it() {
    let application = Application::new();
    let running = metered(&application).await;
    probe(&running, "call", "http://second.spin.internal/probe/rounds").await;
    let both = only(&running);
    assert_eq!((both.component.as_str(), both.path.as_str(), both.status), ("probe", "/probe/call", 200));
    probe(&running, "rounds", "").await;
    let alone = only(&running);
    assert_eq!((both.reads, both.writes, both.rounds, both.deletes), (2, 3, 3, 1));
    assert_eq!(both.touched, alone.touched);
    assert!(both.fuel > alone.fuel, "{} {}", both.fuel, alone.fuel);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_costs_the_same_fuel() {
    let application = Application::new();
    let running = metered(&application).await;
    probe(&running, "set/a", "1").await;
    let mut accounts = Vec::new();
    for _ in 0..3 {
        drop(running.ledger().take_measured());
        let shuffled = probe(&running, "shuffle", "").await;
        let shuffling = only(&running);
        probe(&running, "get/a", "").await;
        accounts.push((shuffled, shuffling.fuel, shuffling.peak_memory_bytes, only(&running)));
    }
    assert_eq!(accounts[0], accounts[1]);
    assert_eq!(accounts[1], accounts[2]);

    assert_eq!(get(running.address(), "/empty").await.status, 204);
    let (empty, read) = (only(&running), &accounts[0].3);
    assert!(empty.fuel > 0 && empty.fuel < read.fuel, "{empty:?} {read:?}");
    assert!(read.peak_memory_bytes > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_has_an_account() {
    let application = Application::new();
    let running = metered(&application).await;
    ask(&running, "trap", "").await;
    let measured = only(&running);
    assert_eq!((measured.component.as_str(), measured.status), ("probe", 500));
    assert!(measured.fuel > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn components_see_the_clock_they_are_given() {
    let application = Application::new();
    let running = metered(&application).await;
    assert_eq!(probe(&running, "now", "").await, "1700000000");
    running.clock().advance(std::time::Duration::from_mins(10));
    assert_eq!(probe(&running, "now", "").await, "1700000600");
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_kept_without_metering() {
    let application = Application::new();
    let running = application.start().await;
    probe(&running, "rounds", "").await;
    let totals = running.ledger().totals();
    assert_eq!((totals.requests, totals.reads, totals.writes), (1, 2, 3));
    assert!(totals.commits >= 1);
    assert!(running.ledger().measured().is_empty());
}
