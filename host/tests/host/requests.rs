//! What a component sees of a request, and what a client gets back.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;

use crate::support::{Application, ask, get, probe, send};

#[tokio::test(flavor = "multi_thread")]
async fn spins_headers_are_appended_to_a_clients_own() {
    let application = Application::new();
    let running = application.start().await;
    let request = Request::get("/probe/head/of%20it?a=b")
        .header("spin-client-addr", "forged")
        .header("spin-full-url", "forged")
        .body(Full::default())
        .expect("is a request");
    let answer = send(running.address(), request).await;
    let lines: Vec<_> = answer.text.lines().collect();
    assert_eq!(lines[0], "GET http://test.example/probe/head/of%20it?a=b");
    let values = |name: &str| {
        let prefix = format!("{name}: ");
        lines.iter().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(values("spin-full-url"), ["forged", "http://test.example/probe/head/of%20it?a=b"]);
    let addresses = values("spin-client-addr");
    assert!(
        addresses.len() == 2 && addresses[0] == "forged" && addresses[1].starts_with("127.0.0.1:"),
        "{addresses:?}"
    );
    assert_eq!(values("spin-raw-component-route"), ["/probe/head/:name"]);
    assert_eq!(values("spin-path-match-name"), ["of%20it"]);
    assert_eq!(values("host"), [""; 0], "wasmtime keeps the Host header: the authority is in the URI");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_path_is_a_problem_document() {
    let application = Application::new();
    let running = application.start().await;
    let answer = get(running.address(), "/nowhere").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(get(running.address(), "/.well-known/spin/health").await.text, "OK");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_header_that_is_no_authority_is_refused() {
    let application = Application::new();
    let running = application.start().await;
    for host in ["a b", "user@host", "h/x"] {
        let request = Request::get("/empty").header("host", host).body(Full::default()).expect("is a request");
        assert_eq!(send(running.address(), request).await.status, StatusCode::BAD_REQUEST, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_is_a_constant_500_and_the_next_request_is_answered() {
    let application = Application::new();
    let running = application.start().await;
    let answer = ask(&running, "trap", "").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert!(!answer.text.contains("asked to"), "the cause is for the log: {}", answer.text);
    assert!(running.log_lines().iter().any(|line| line == "probe: asked to"), "{:?}", running.log_lines());
    assert!(running.log_lines().iter().any(|line| line.contains("unreachable")), "{:?}", running.log_lines());
    assert_eq!(probe(&running, "echo", "still here").await, "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_component_prints_is_in_the_log() {
    let application = Application::new();
    let running = application.start().await;
    probe(&running, "print", "one\ntwo").await;
    assert_eq!(running.log_lines(), ["probe: one", "probe: two", "probe: to stderr"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_up_to_the_limit_arrive_whole_and_larger_ones_are_refused() {
    let application = Application::new();
    let mut options = application.options();
    options.body_limit_bytes = 100_000;
    let running = crate::support::start(options).await;
    let body = "x".repeat(100_000);
    assert_eq!(probe(&running, "echo", body.clone()).await, body);
    let answer = ask(&running, "echo", format!("{body}x")).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.headers["content-type"], "application/problem+json");

    // Not announced, but found out.
    let chunked = Request::post("/probe/echo").header("transfer-encoding", "chunked");
    let request = chunked.body(Full::new(Bytes::from(format!("{body}x")))).expect("is a request");
    assert_eq!(send(running.address(), request).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_headers_are_refused() {
    let application = Application::new();
    let running = application.start().await;
    let request = (0..150).fold(Request::get("/empty"), |request, n| request.header(format!("x-{n}"), "1"));
    let answer = send(running.address(), request.body(Full::default()).expect("is a request")).await;
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}
