//! The application's own sessions: in memory, bounded, forgotten when idle.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use openidconnect::CsrfToken;

/// How many sessions are kept; the one that was idle longest makes room.
const LIMIT: usize = 1_000;
/// How long a session lives without a request.
const IDLE: Duration = Duration::from_hours(1);

/// Sessions by the random identifier that the browser's cookie carries.
pub(crate) struct Sessions<T> {
    entries: Mutex<HashMap<String, Entry<T>>>,
}

struct Entry<T> {
    seen: Instant,
    stage: T,
}

impl<T: Clone> Sessions<T> {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::new(HashMap::new()) }
    }

    /// Keeps `stage` under a new identifier. Each change of stage gets one, so that an identifier
    /// planted before the sign-in is worth nothing after it.
    pub(crate) fn begin(&self, stage: T) -> String {
        let id = CsrfToken::new_random_len(32).into_secret();
        let mut entries = self.lock();
        entries.retain(|_, entry| entry.seen.elapsed() < IDLE);
        if entries.len() >= LIMIT {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.seen);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                entries.remove(&oldest);
            }
        }
        let seen = Instant::now();
        entries.insert(id.clone(), Entry { seen, stage });
        id
    }

    /// The stage of a session that is still alive.
    pub(crate) fn look(&self, id: &str) -> Option<T> {
        let mut entries = self.lock();
        let entry = entries.get_mut(id)?;
        if entry.seen.elapsed() >= IDLE {
            return None;
        }
        entry.seen = Instant::now();
        Some(entry.stage.clone())
    }

    /// Ends a session and hands out its stage: whoever comes second finds nothing.
    pub(crate) fn end(&self, id: &str) -> Option<T> {
        let entry = self.lock().remove(id)?;
        (entry.seen.elapsed() < IDLE).then_some(entry.stage)
    }

    // No method leaves the map half changed, so a panic elsewhere cannot have broken it.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_once() {
        let sessions = Sessions::new();
        let id = sessions.begin("a");
        assert_eq!(sessions.look(&id), Some("a"));
        assert_eq!(sessions.end(&id), Some("a"));
        assert_eq!(sessions.end(&id), None);
        assert_eq!(sessions.look(&id), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let sessions = Sessions::new();
        let ids: Vec<String> = (0..=LIMIT).map(|n| sessions.begin(n)).collect();
        let kept = ids.iter().filter(|id| sessions.look(id).is_some()).count();
        assert_eq!(kept, LIMIT);
        assert_eq!(ids.last().and_then(|id| sessions.look(id)), Some(LIMIT));
    }
}
