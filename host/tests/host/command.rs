//! The binary: what it prints, how it ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Application, get};

fn command(application: &Application) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule-host"));
    let cache = application.options().cache_dir;
    command
        .current_dir(application.directory.path())
        .args(["--listen", "127.0.0.1:0", "--mailbox", "127.0.0.1:0", "--cache-dir"])
        .arg(cache)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn ready_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("is piped")).read_line(&mut line).expect("is text");
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_where_it_is_ready_and_stops_when_told() {
    let application = Application::new();
    let started = Instant::now();
    let mut child = command(&application).args(["--ready-path", "/empty"]).spawn().expect("runs");
    let line = ready_line(&mut child);
    let address =
        line.strip_prefix("ready on http://").and_then(|rest| rest.split(' ').next()).expect("names its address");
    let address = address.parse().expect("is an address");
    let under_way = tokio::spawn(async move { get(address, "/probe/sleep/500").await });
    assert_eq!(get(address, "/empty").await.status, 204);
    let first_answer = started.elapsed();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    assert_eq!(under_way.await.expect("is answered").text, "slept");
    assert!(child.wait().expect("ends").success());
    assert!(application.path(".vestibule/sqlite_key_value.db").exists());
    assert!(application.path(".vestibule/mailbox.sqlite").exists());
    assert!(first_answer < Duration::from_secs(20), "{first_answer:?}");
}

#[test]
fn it_fails_with_the_cause_and_without_values() {
    let application = Application::new();
    let output = command(&application).args(["--variable", "nobody=s3cret"]).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("\"nobody\" is not declared") && !stderr.contains("s3cret"), "{stderr}");
}

#[test]
fn a_timer_without_its_secret_is_refused() {
    let application = Application::new();
    let mut command = command(&application);
    let output = command.args(["--timer-path", "/empty"]).env_remove("VESTIBULE_TIMER_SECRET").output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(stderr.contains("VESTIBULE_TIMER_SECRET is needed for --timer-path"), "{stderr}");
}
