//! A mail provider that can be out of order, and counts what it is asked.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// How long a caller may take to send its request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A provider on a free port of the loopback. It ends when it is dropped.
#[derive(Debug)]
pub struct Provider {
    address: SocketAddr,
    state: Arc<State>,
    serving: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    in_order: AtomicBool,
    stopped: AtomicBool,
    /// By idempotency key.
    messages: Mutex<BTreeMap<String, Tries>>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tries {
    /// How often it was refused with 503.
    pub refused: u32,
    /// How often it was taken.
    pub taken: u32,
}

impl Provider {
    /// Starts a provider that is out of order.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                // A caller that went away is asked for nothing more.
                shared.answer(&stream).ok();
            }
        });
        Ok(Self { address, state, serving: Some(serving) })
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it takes messages, or refuses them.
    pub fn set_in_order(&self, in_order: bool) {
        self.state.in_order.store(in_order, Ordering::SeqCst);
    }

    /// What became of each message, by its idempotency key.
    pub fn messages(&self) -> BTreeMap<String, Tries> {
        self.state.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl State {
    fn answer(&self, stream: &TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut reader = BufReader::new(stream);
        let (mut key, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                if line.trim_end().is_empty() {
                    break;
                }
                continue;
            };
            match name.to_ascii_lowercase().as_str() {
                "idempotency-key" => value.clone_into(&mut key),
                "content-length" => length = value.parse().unwrap_or_default(),
                _ => {}
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        let in_order = self.in_order.load(Ordering::SeqCst);
        {
            let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
            let tries = messages.entry(key).or_default();
            *(if in_order { &mut tries.taken } else { &mut tries.refused }) += 1;
        }
        let status = if in_order { "202 Accepted" } else { "503 Service Unavailable" };
        let mut stream = stream;
        write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread, which then ends.
        TcpStream::connect(self.address).ok();
        if let Some(serving) = self.serving.take() {
            serving.join().ok();
        }
    }
}
