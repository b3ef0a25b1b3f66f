//! Child processes that live and end together.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long a process may take to finish its requests before it is ended by force.
const PATIENCE: Duration = Duration::from_secs(35);
/// Interruptions closer together than this are one.
const ONE_INTERRUPTION: Duration = Duration::from_secs(1);

enum Event {
    /// Ctrl-C, or a request to terminate.
    Interrupted,
    /// A process printed its first line: it is ready.
    Ready,
    Ended(&'static str, ExitStatus),
}

/// The processes, and what happens to them.
pub(crate) struct Processes {
    running: Vec<(&'static str, Pid)>,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

impl Processes {
    /// None yet. From now on an interruption ends the processes instead of this program.
    ///
    /// # Errors
    /// When signals cannot be caught.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let (sender, events) = channel();
        let interrupted = sender.clone();
        ctrlc::set_handler(move || {
            // Nobody listens any more only when the program is ending already.
            let _ = interrupted.send(Event::Interrupted);
        })
        .context("signals cannot be caught")?;
        Ok(Self { running: Vec::new(), sender, events })
    }

    /// Starts a process and waits for its first line of output, which says that it is ready. A group of its own
    /// keeps the terminal's Ctrl-C from it, so that the end is in order.
    ///
    /// # Errors
    /// When it cannot be started, or anything ends before it is ready.
    pub(crate) fn start(&mut self, name: &'static str, command: &mut Command) -> anyhow::Result<()> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .with_context(|| format!("the {name} could not be started"))?;
        let pid = i32::try_from(child.id()).context("the process id is out of range")?;
        self.running.push((name, Pid::from_raw(pid)));
        let output = child.stdout.take().context("the output is not connected")?;
        let sender = self.sender.clone();
        thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            if lines.next().is_some() {
                let _ = sender.send(Event::Ready);
            }
            for line in lines {
                println!("{line}");
            }
            if let Ok(status) = child.wait() {
                let _ = sender.send(Event::Ended(name, status));
            }
        });
        match self.events.recv()? {
            Event::Ready => Ok(()),
            Event::Interrupted => bail!("interrupted"),
            Event::Ended(name, status) => {
                self.forget(name);
                bail!("the {name} ended with {status}")
            }
        }
    }

    /// Waits until the program is interrupted.
    ///
    /// # Errors
    /// When a process ends of its own accord.
    pub(crate) fn wait(&mut self) -> anyhow::Result<()> {
        loop {
            match self.events.recv()? {
                Event::Ready => {}
                Event::Interrupted => return Ok(()),
                Event::Ended(name, status) => {
                    self.forget(name);
                    bail!("the {name} ended with {status}");
                }
            }
        }
    }

    fn forget(&mut self, ended: &str) {
        self.running.retain(|(name, _)| *name != ended);
    }

    fn signal(&self, signal: Signal) {
        for (name, pid) in &self.running {
            if let Err(error) = kill(*pid, signal) {
                eprintln!("the {name} could not be told to end: {error}");
            }
        }
    }
}

/// However the program goes on, no process stays behind.
impl Drop for Processes {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let started = Instant::now();
        let deadline = started + PATIENCE;
        while !self.running.is_empty() {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::Ended(name, _)) => self.forget(name),
                Ok(Event::Ready) => {}
                // One Ctrl-C may arrive twice: from the terminal and from who started this program.
                Ok(Event::Interrupted) if started.elapsed() < ONE_INTERRUPTION => {}
                // Another one means now.
                Ok(Event::Interrupted) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.signal(Signal::SIGKILL);
                    return;
                }
            }
        }
    }
}
