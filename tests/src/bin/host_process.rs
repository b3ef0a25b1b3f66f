//! The embedded host as a process of its own, for tests that kill it: the same program as `vestibule-host`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    vestibule_host::command().await
}
