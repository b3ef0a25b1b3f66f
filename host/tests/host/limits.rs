//! Time and memory are bounded, and one component's excess is nobody else's.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::support::{Application, ask, get, probe, start};

const DEADLINE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_endless_loop_ends_at_its_deadline_and_delays_nobody() {
    let application = Application::new();
    let mut options = application.options();
    options.request_deadline = DEADLINE;
    let running = start(options).await;
    let started = Instant::now();
    let (looping, neighbour) = tokio::join!(ask(&running, "loop", ""), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let asked = Instant::now();
        (get(running.address(), "/empty").await, asked.elapsed())
    });
    assert_eq!(looping.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(started.elapsed() < DEADLINE * 4, "{:?}", started.elapsed());
    assert_eq!(neighbour.0.status, StatusCode::NO_CONTENT);
    assert!(neighbour.1 < DEADLINE, "{:?}", neighbour.1);
    assert!(running.log_lines().iter().any(|line| line.contains("longer than it may")), "{:?}", running.log_lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_is_bounded_as_well() {
    let application = Application::new();
    let mut options = application.options();
    options.request_deadline = DEADLINE;
    let running = start(options).await;
    assert_eq!(ask(&running, "sleep/10000", "").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(probe(&running, "sleep/10", "").await, "slept");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_bounded() {
    let application = Application::new();
    let mut options = application.options();
    options.memory_limit_bytes = 16 * 1024 * 1024;
    let running = start(options).await;
    assert_eq!(probe(&running, "allocate/8000000", "").await, "8000000");
    assert_eq!(ask(&running, "allocate/20000000", "").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(probe(&running, "echo", "still here").await, "still here");
}
