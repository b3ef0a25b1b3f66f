//! The embedded host as a program.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    vestibule_host::command().await
}
