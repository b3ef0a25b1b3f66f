//! What components write to stdout and stderr: line by line into the log, prefixed with the component's id.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Lines kept for [`GuestLog::lines`].
const MAX_LINES: usize = 1_000;
/// A longer line is broken here, in bytes.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// The last lines that components wrote, and that the host wrote about them.
#[derive(Debug, Default)]
pub(crate) struct GuestLog(Mutex<VecDeque<String>>);

impl GuestLog {
    /// Adds a line, to the host's log as well.
    pub fn write(&self, component: &str, line: &str) {
        // Whoever reads the log in a terminal must not be reached by a guest's control characters.
        let line: String = line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
        tracing::info!(target: "guest", "{component}: {line}");
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(format!("{component}: {line}"));
    }

    /// The last lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// The stdout or stderr of one instance.
#[derive(Clone)]
pub(crate) struct LineSink(Arc<Sink>);

struct Sink {
    component: Arc<str>,
    log: Arc<GuestLog>,
    partial: Mutex<Vec<u8>>,
}

impl LineSink {
    pub fn new(component: Arc<str>, log: Arc<GuestLog>) -> Self {
        Self(Arc::new(Sink { component, log, partial: Mutex::new(Vec::new()) }))
    }

    fn accept(&self, bytes: &[u8]) {
        let mut partial = self.0.partial.lock().unwrap_or_else(PoisonError::into_inner);
        for &byte in bytes {
            if byte == b'\n' || partial.len() == MAX_LINE_BYTES {
                self.0.emit(&mut partial);
            }
            if byte != b'\n' {
                partial.push(byte);
            }
        }
    }
}

impl Sink {
    fn emit(&self, partial: &mut Vec<u8>) {
        self.log.write(&self.component, &String::from_utf8_lossy(partial));
        partial.clear();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let mut partial = std::mem::take(self.partial.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !partial.is_empty() {
            self.emit(&mut partial);
        }
    }
}

impl IsTerminal for LineSink {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LineSink {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for LineSink {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.accept(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Pollable for LineSink {
    async fn ready(&mut self) {}
}

impl OutputStream for LineSink {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.accept(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_into_lines_without_control_characters() {
        let log = Arc::new(GuestLog::default());
        let sink = LineSink::new("invite".into(), Arc::clone(&log));
        sink.accept(b"one\ntw");
        sink.accept("o \u{1b}[31m\nrest".as_bytes());
        assert_eq!(log.lines(), ["invite: one", "invite: two \u{fffd}[31m"]);
        drop(sink);
        assert_eq!(log.lines().last().map(String::as_str), Some("invite: rest"));
    }

    #[test]
    fn long_lines_and_many_lines_are_bounded() {
        let log = Arc::new(GuestLog::default());
        let sink = LineSink::new("a".into(), Arc::clone(&log));
        sink.accept(&[b'x'; MAX_LINE_BYTES + 1]);
        assert_eq!(log.lines().len(), 1);
        for _ in 0..=MAX_LINES {
            sink.accept(b"\n");
        }
        assert_eq!(log.lines().len(), MAX_LINES);
    }
}
