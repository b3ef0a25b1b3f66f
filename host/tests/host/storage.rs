//! Keys behave as on Spin's SQLite backend, and stay.

use futures_util::future::join_all;

use crate::support::{Application, ask, probe, start};

#[tokio::test(flavor = "multi_thread")]
async fn values_are_written_read_and_deleted() {
    let application = Application::new();
    let running = application.start().await;
    assert_eq!(probe(&running, "get/a", "").await, "(none)");
    probe(&running, "set/a", "1").await;
    probe(&running, "set/b", "2").await;
    assert_eq!(probe(&running, "get/a", "").await, "1");
    assert_eq!(probe(&running, "exists/b", "").await, "true");
    assert_eq!(probe(&running, "keys", "").await, "a b");
    probe(&running, "delete/b", "").await;
    assert_eq!(probe(&running, "exists/b", "").await, "false");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_compares_and_a_refused_one_yields_a_fresh_handle() {
    let application = Application::new();
    let running = application.start().await;
    probe(&running, "set/k", "old").await;
    assert_eq!(probe(&running, "replace/k", "new").await, "old");
    assert_eq!(probe(&running, "stale-swap/k", "").await, "refused, then applied");
    assert_eq!(probe(&running, "get/k", "").await, "mine at last");
}

#[tokio::test(flavor = "multi_thread")]
async fn spins_traps_are_kept() {
    let application = Application::new();
    let running = application.start().await;
    assert_eq!(probe(&running, "create-twice/k", "").await, "(true, true)", "a swap from absent is an upsert");
    assert_eq!(probe(&running, "get/k", "").await, "second");
    probe(&running, "blind-swap/k", "blind").await;
    assert_eq!(probe(&running, "get/k", "").await, "blind", "a swap that has seen nothing overwrites");
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_are_eight_bytes_and_nothing_else_is_counted() {
    let application = Application::new();
    let running = application.start().await;
    assert_eq!(probe(&running, "increment/n", "5").await, "5");
    assert_eq!(probe(&running, "increment/n", "-7").await, "-2");
    assert_eq!(running.store().get("default", "n").await.expect("is read"), Some((-2_i64).to_le_bytes().to_vec()));
    probe(&running, "set/text", "12").await;
    assert!(ask(&running, "increment/text", "1").await.text.contains("not a counter"));
    assert_eq!(probe(&running, "get/text", "").await, "12");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writes_share_commits_and_survive_a_restart() {
    const WRITES: u64 = 400;
    let application = Application::new();
    let mut options = application.options();
    options.state_dir = Some(application.path("state"));
    let running = start(options).await;
    let keys: Vec<_> = (0..WRITES).map(|n| format!("set/key-{n}")).collect();
    join_all(keys.iter().map(|key| probe(&running, key, "value"))).await;
    join_all((0..WRITES).map(|_| probe(&running, "increment/n", "1"))).await;
    let totals = running.ledger().totals();
    assert_eq!((totals.requests, totals.writes), (WRITES * 2, WRITES * 2));
    // How many share a commit depends on how fast the disk is against the guests; the store's own test holds the number.
    assert!(totals.commits < totals.writes, "{totals:?}");
    running.shutdown().await.expect("stops");

    let mut options = application.options();
    options.state_dir = Some(application.path("state"));
    let running = start(options).await;
    assert_eq!(running.store().keys("default").await.expect("are listed").len() as u64, WRITES + 1);
    assert_eq!(probe(&running, "increment/n", "0").await, WRITES.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_config_file_chooses_the_store() {
    let application = Application::new();
    let options = |text: &str| {
        std::fs::write(application.path("runtime-config.toml"), text).expect("is written");
        let mut options = application.options();
        options.state_dir = Some(application.path("state"));
        options.runtime_config = Some(application.path("runtime-config.toml"));
        options
    };
    let running = start(options("[key_value_store.default]\ntype = \"spin\"\npath = \"deep/own.db\"\n")).await;
    probe(&running, "set/a", "1").await;
    running.shutdown().await.expect("stops");
    assert!(application.path("state/deep/own.db").exists());

    let running = start(options("[key_value_store.default]\ntype = \"spin\"\n")).await;
    assert_eq!(probe(&running, "get/a", "").await, "(none)", "without a path nothing is kept, as in Spin");
    assert!(!application.path("state/sqlite_key_value.db").exists());
}
