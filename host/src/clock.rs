//! The clock that guests and the mailbox see.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall-clock time, real or chosen by a test.
///
/// Clones share their state: what a test advances, every component of the host sees at once. Deadlines of
/// the host itself do not follow this clock.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    base: Base,
    shift: Duration,
}

#[derive(Debug)]
enum Base {
    System,
    Fixed(Duration),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::starting(Base::System)
    }

    /// A clock that stands at `unix_seconds` until it is advanced.
    #[must_use]
    pub fn fixed(unix_seconds: u64) -> Self {
        Self::starting(Base::Fixed(Duration::from_secs(unix_seconds)))
    }

    fn starting(base: Base) -> Self {
        Self(Arc::new(Mutex::new(State { base, shift: Duration::ZERO })))
    }

    /// Moves the clock forward. A system clock keeps running from there.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state();
        state.shift = state.shift.saturating_add(by);
    }

    /// Time since the Unix epoch. A machine whose clock stands before 1970 is taken to stand at 1970.
    #[must_use]
    pub fn now(&self) -> Duration {
        let state = self.state();
        let base = match state.base {
            Base::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Base::Fixed(time) => time,
        };
        base.saturating_add(state.shift)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing can panic while it is held, and a half-done advance does not exist.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl wasmtime_wasi::HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Clock::now(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told_and_for_all_its_clones() {
        let clock = Clock::fixed(1_000);
        let seen_by_a_guest = clock.clone();
        clock.advance(Duration::from_mins(1));
        assert_eq!(seen_by_a_guest.now(), Duration::from_secs(1_060));
    }
}
