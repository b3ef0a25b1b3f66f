//! The host as a process that can be killed at any moment and started again on the same files.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context;
use vestibule_host::Clock;

use crate::{
    place::{Place, Time},
    world,
};

/// A host as a process. It ends when it is dropped.
#[derive(Debug)]
pub struct HostProcess {
    process: Child,
    /// Where everything is.
    pub place: Place,
}

/// What a host is started with, again and again.
#[derive(Debug)]
pub struct Settings {
    /// The program.
    pub program: PathBuf,
    /// Store and mailbox.
    pub state: PathBuf,
    /// The configuration.
    pub gateway: PathBuf,
}

impl Settings {
    /// Starts a host whose components see a clock that is ahead by this much, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start; the reason is on stderr.
    pub fn start(&self, ahead: Duration) -> anyhow::Result<HostProcess> {
        let secrets = world::secrets()?;
        let mut command = Command::new(&self.program);
        command
            .current_dir(world::root())
            .args(["--manifest", "spin.toml", "--ready-path", "/health", "--cache-dir", "target/vestibule-cache"])
            .args(["--listen", "127.0.0.1:0", "--mailbox", "127.0.0.1:0", "--origin-variable", "public_url"])
            .args(["--mailbox-variable", "mail_origin", "--mailbox-variable", "mail_endpoint=/send"])
            .args(["--mailbox-variable", "phone_origin", "--mailbox-variable", "phone_endpoint=/send"])
            .args(["--clock-ahead", &ahead.as_secs().to_string()])
            .arg("--state-dir")
            .arg(&self.state)
            .arg("--file")
            .arg(mounted(&self.gateway))
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        for (name, value) in world::variables(&secrets) {
            command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
        }
        let mut process = command.spawn().with_context(|| format!("{} does not run", self.program.display()))?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("its output is piped")?).read_line(&mut line)?;
        let mut addresses = line.split_whitespace().filter(|word| word.starts_with("http://")).map(str::to_owned);
        let (service, mailbox) = (addresses.next(), addresses.next());
        let clock = Clock::system();
        clock.advance(ahead);
        let place = Place {
            service: service.with_context(|| format!("the host is not ready: {line:?}"))?,
            mailbox: mailbox.with_context(|| format!("the host has no mailbox: {line:?}"))?,
            secrets,
            time: Time::Test(clock),
        };
        Ok(HostProcess { process, place })
    }
}

fn mounted(gateway: &Path) -> String {
    format!("/gateway.bin={}", gateway.display())
}

impl HostProcess {
    /// Ends exactly this process by SIGKILL, whatever it is doing.
    ///
    /// # Errors
    /// When it had ended before.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        // Both fail only if the process has ended already.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
