//! Turns: actors are futures that are polled by hand. Each operation waits one turn before its effect, so that a step is
//! "the effect of one operation, and everything up to the next", and a crash between two steps is a future dropped.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// Waits for one turn.
pub async fn turn() {
    let mut waited = false;
    poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Runs one actor alone to its end, within `turns_max` turns.
pub fn alone<T>(future: impl Future<Output = T>, turns_max: usize) -> Option<T> {
    let mut actor = Actor::new(future);
    (0..turns_max).find_map(|_| actor.step())
}

/// Something that takes turns.
pub struct Actor<'a, T> {
    future: Option<Pin<Box<dyn Future<Output = T> + 'a>>>,
    turns: usize,
}

impl<'a, T> Actor<'a, T> {
    /// Has taken no turn yet.
    pub fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self { future: Some(Box::pin(future)), turns: 0 }
    }

    /// Takes one turn; gives the outcome with the last one.
    pub fn step(&mut self) -> Option<T> {
        let future = self.future.as_mut()?;
        self.turns += 1;
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(outcome) => {
                self.future = None;
                Some(outcome)
            }
        }
    }

    /// Dies: what it has done stays, what it was about to do never happens.
    pub fn crash(&mut self) {
        self.future = None;
    }

    /// Neither finished nor dead.
    pub fn is_running(&self) -> bool {
        self.future.is_some()
    }
}

/// Actors that take turns in an order which somebody else decides.
pub struct Actors<'a, T> {
    actors: Vec<(Actor<'a, T>, Option<T>)>,
}

impl<'a, T> Actors<'a, T> {
    /// In the order of their indices.
    pub fn new(actors: impl IntoIterator<Item = Actor<'a, T>>) -> Self {
        Self { actors: actors.into_iter().map(|actor| (actor, None)).collect() }
    }

    /// Lets one take its turn; a finished or dead one has none.
    pub fn step(&mut self, index: usize) {
        if let Some((actor, outcome)) = self.actors.get_mut(index)
            && let Some(result) = actor.step()
        {
            *outcome = Some(result);
        }
    }

    /// One dies.
    pub fn crash(&mut self, index: usize) {
        if let Some((actor, _)) = self.actors.get_mut(index) {
            actor.crash();
        }
    }

    /// Who may go next.
    pub fn running(&self) -> Vec<usize> {
        let all = self.actors.iter().enumerate();
        all.filter(|(_, (actor, _))| actor.is_running()).map(|(index, _)| index).collect()
    }

    /// How many turns each has taken.
    pub fn turns(&self) -> Vec<usize> {
        self.actors.iter().map(|(actor, _)| actor.turns).collect()
    }

    /// Outcomes so far by index; `None` for one that has not finished.
    pub fn outcomes(self) -> Vec<Option<T>> {
        self.actors.into_iter().map(|(_, outcome)| outcome).collect()
    }
}
