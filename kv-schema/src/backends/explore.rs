//! Every order: takes a few actors through all interleavings of their turns, crashes included.
//!
//! A run cannot be copied half-way (a future has no clone), so each run starts again from an empty world and repeats the
//! choices of the one before it up to the last fork with an untried branch. What makes this affordable is sound: an actor
//! is a deterministic function of what it was told, so when a run comes to a world whose data and tellings have been met
//! before ([`World::fingerprint`]), with the same actors alive after as many turns, all that can follow has been tried.
//! A fingerprint has 64 bits; runs meet far fewer than a million worlds.

use std::collections::HashSet;

use super::{
    turns::{Actor, Actors},
    world::World,
};

/// What an exploration has been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explored {
    /// Runs that went to their end and were checked.
    pub checked: usize,
    /// Runs that met a world that had been met before.
    pub met_again: usize,
}

/// How a run went.
pub struct Ran<'a, T> {
    /// The world at its end.
    pub world: &'a World,
    /// What each actor came to; `None` for a dead one.
    pub outcomes: Vec<Option<T>>,
    /// Who took each turn, in order: to show, and to repeat.
    pub schedule: &'a [Turn],
}

/// One entry of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The actor of this index went on.
    Step(usize),
    /// It died.
    Crash(usize),
}

/// Runs the actors that `setup` makes in every order, with up to `crashes_max` deaths, and hands each end to `check`.
///
/// `setup` must make the same world each time. `check` may go on working with the world.
pub fn every_order<T>(
    crashes_max: usize,
    setup: impl Fn() -> (World, Vec<Actor<'static, T>>),
    mut check: impl FnMut(Ran<'_, T>),
) -> Explored {
    let mut choices = Choices::default();
    let mut met = HashSet::new();
    let mut explored = Explored { checked: 0, met_again: 0 };
    loop {
        let (world, actors) = setup();
        let mut actors = Actors::new(actors);
        // Up to the first operation nothing has an effect: no order among these.
        actors.running().into_iter().for_each(|actor| actors.step(actor));
        let mut schedule = Vec::new();
        let mut crashes_left = crashes_max;
        let is_new = loop {
            let running = actors.running();
            if running.is_empty() {
                break true;
            }
            let branches = if crashes_left > 0 { 2 * running.len() } else { running.len() };
            let choice = choices.choose(branches);
            let Some(actor) = running.get(choice % running.len()).copied() else {
                break true;
            };
            if choice < running.len() {
                schedule.push(Turn::Step(actor));
                actors.step(actor);
            } else {
                schedule.push(Turn::Crash(actor));
                actors.crash(actor);
                crashes_left -= 1;
            }
            if choices.is_new_ground() && !met.insert((world.fingerprint(), actors.turns(), actors.running())) {
                break false;
            }
        };
        if is_new {
            explored.checked += 1;
            check(Ran { world: &world, outcomes: actors.outcomes(), schedule: &schedule });
        } else {
            explored.met_again += 1;
        }
        if !choices.next_run() {
            return explored;
        }
    }
}

/// Counts like an odometer, and so takes a run through every sequence of choices. Only the present path is kept.
#[derive(Debug, Default)]
struct Choices {
    path: Vec<Fork>,
    depth: usize,
    repeated: usize,
}

#[derive(Debug, Clone, Copy)]
struct Fork {
    taken: usize,
    of: usize,
}

impl Choices {
    /// One of `0..of`, which must be the same whenever a run comes here by the same choices.
    fn choose(&mut self, of: usize) -> usize {
        let fork = self.path.get(self.depth).copied().unwrap_or(Fork { taken: 0, of });
        if self.depth == self.path.len() {
            self.path.push(fork);
        }
        self.depth += 1;
        fork.taken
    }

    /// Whether no earlier run has made the choices made so far.
    fn is_new_ground(&self) -> bool {
        self.depth >= self.repeated
    }

    /// Moves the last fork that has an untried branch; false when there is none.
    fn next_run(&mut self) -> bool {
        self.depth = 0;
        while let Some(fork) = self.path.pop() {
            if fork.taken + 1 < fork.of {
                self.path.push(Fork { taken: fork.taken + 1, ..fork });
                self.repeated = self.path.len();
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::{model::Backend, turns::turn};

    #[test]
    fn two_actors_of_two_turns_have_six_orders() {
        let setup = || {
            let actors = (0..2).map(|_| {
                Actor::new(async {
                    turn().await;
                    turn().await;
                })
            });
            (World::new(Backend::Sqlite), actors.collect())
        };
        let mut schedules = Vec::new();
        // Nobody touches the store, so worlds differ only by who is still running: count without merging.
        let mut choices = Choices::default();
        loop {
            let (_, actors) = setup();
            let mut actors = Actors::new(actors);
            let mut schedule = Vec::new();
            actors.running().into_iter().for_each(|actor| actors.step(actor));
            loop {
                let running = actors.running();
                if running.is_empty() {
                    break;
                }
                let actor = *running.get(choices.choose(running.len())).expect("one of them");
                schedule.push(actor);
                actors.step(actor);
            }
            schedules.push(schedule);
            if !choices.next_run() {
                break;
            }
        }
        schedules.sort();
        schedules.dedup();
        assert_eq!(schedules.len(), 6);
        let explored = every_order(0, setup, |ran| assert_eq!(ran.outcomes, [Some(()), Some(())]));
        assert_eq!(explored.checked, 1, "none of the orders makes a difference to the world");
    }
}
