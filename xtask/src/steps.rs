//! Visible progress: numbered steps with their time.

use std::time::{Duration, Instant};

/// A sequence of steps of which the number is known.
pub(crate) struct Steps {
    total: usize,
    done: usize,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Self {
        Self { total, done: 0 }
    }

    /// Announces the step, does it, and says how long it took.
    ///
    /// # Errors
    /// What the step itself failed with.
    pub(crate) fn step<T>(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.done += 1;
        let position = format!("[{}/{}]", self.done, self.total);
        eprintln!("{position} {name}");
        let started = Instant::now();
        let result = work();
        let outcome = if result.is_ok() { "done" } else { "FAILED" };
        eprintln!("{position} {outcome} in {}", seconds(started.elapsed()));
        result
    }
}

/// A duration for people: `0.4 s`, `12.0 s`, `3 min 5 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole < 60 { format!("{:.1} s", duration.as_secs_f64()) } else { format!("{} min {} s", whole / 60, whole % 60) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 5 s");
    }

    #[test]
    fn a_failed_step_hands_out_its_error() {
        let failed =
            Steps::new(1).step("fails", || anyhow::bail!("why")).map_err(|error: anyhow::Error| error.to_string());
        assert_eq!(failed, Err::<(), _>("why".into()));
    }
}
