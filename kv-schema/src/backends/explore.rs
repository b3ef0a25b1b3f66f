//! Every order: takes a few actors through all interleavings of their turns, crashes included.
//!
//! A run cannot be copied half-way (a future has no clone), so each run starts again from an empty world and repeats the
//! choices of the one before it up to the last fork with an untried branch. What makes this affordable is sound: an actor
//! is a deterministic function of what it was told, so when a run comes to a world whose data and tellings have been met
//! before ([`World::fingerprint`]), with the same actors alive after as many turns, all that can follow has been tried.
//! A fingerprint has 64 bits; runs meet far fewer than a million worlds.
//!
//! Whole handlers take too many turns for that. For them the number of *switches* is bounded: how often an actor that could
//! go on has to let another one go first (Musuvathi and Qadeer, "Iterative context bounding", 2007). With two switches
//! one actor is interrupted anywhere, the other one anywhere, and the first one goes on to its end; whoever is done or
//! dead is left without a switch. A world that was met with as many switches left has been tried all the same.

use std::collections::HashMap;

use super::{
    turns::{Actor, Actors},
    world::World,
};

/// More turns than all actors of a run take together: one that waits for ever takes them all.
const TURNS_MAX: usize = 100_000;

/// How far an exploration goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Deaths in one run.
    pub crashes: usize,
    /// Switches in one run; `None` for every order there is.
    pub switches: Option<usize>,
}

impl Bounds {
    /// Every order, with up to so many deaths.
    pub fn every_order(crashes: usize) -> Self {
        Self { crashes, switches: None }
    }
}

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

/// Runs the actors that `setup` makes in every order within the bounds, and hands each end to `check`.
///
/// `setup` must make the same world each time. `check` may go on working with the world.
///
/// # Panics
/// When an actor never comes to an end.
pub fn every_order<T>(
    bounds: Bounds,
    setup: impl Fn() -> (World, Vec<Actor<'static, T>>),
    mut check: impl FnMut(Ran<'_, T>),
) -> Explored {
    let mut choices = Choices::default();
    let mut met = Met::default();
    let mut explored = Explored { checked: 0, met_again: 0 };
    loop {
        let (world, actors) = setup();
        let mut actors = Actors::new(actors);
        // Up to the first operation nothing has an effect: no order among these.
        actors.running().into_iter().for_each(|actor| actors.step(actor));
        let mut run = Run { left: bounds, last: None, schedule: Vec::new() };
        let is_new = loop {
            let candidates = run.candidates(actors.running());
            if candidates.is_empty() {
                break true;
            }
            let branches = if run.left.crashes > 0 { 2 * candidates.len() } else { candidates.len() };
            let choice = choices.choose(branches);
            let Some(actor) = candidates.get(choice % candidates.len()).copied() else {
                break true;
            };
            run.take(actor, choice >= candidates.len(), &mut actors);
            if choices.is_new_ground() && !met.is_new(&world, &actors, &run) {
                break false;
            }
        };
        if is_new {
            explored.checked += 1;
            check(Ran { world: &world, outcomes: actors.outcomes(), schedule: &run.schedule });
        } else {
            explored.met_again += 1;
        }
        if !choices.next_run() {
            return explored;
        }
    }
}

/// One run on its way.
struct Run {
    left: Bounds,
    /// Who went last.
    last: Option<usize>,
    schedule: Vec<Turn>,
}

impl Run {
    /// Who may go next: without a switch left only the one that is at it.
    fn candidates(&self, running: Vec<usize>) -> Vec<usize> {
        match self.last.filter(|last| self.left.switches == Some(0) && running.contains(last)) {
            Some(last) => vec![last],
            None => running,
        }
    }

    fn take<T>(&mut self, actor: usize, dies: bool, actors: &mut Actors<'_, T>) {
        assert!(self.schedule.len() < TURNS_MAX, "somebody waits for ever: {:?} ...", self.schedule.get(..200));
        let interrupted = self.last.is_some_and(|last| last != actor && actors.running().contains(&last));
        if interrupted && let Some(left) = &mut self.left.switches {
            *left -= 1;
        }
        if dies {
            self.schedule.push(Turn::Crash(actor));
            actors.crash(actor);
            self.left.crashes -= 1;
        } else {
            self.schedule.push(Turn::Step(actor));
            actors.step(actor);
        }
        self.last = Some(actor);
    }
}

/// A world, how many turns each actor has taken, who is alive, and with bounded switches who is at it.
type Place = (u64, Vec<usize>, Vec<usize>, Option<usize>);

/// The worlds that were met, with the most switches that were left then.
#[derive(Default)]
struct Met(HashMap<Place, Option<usize>>);

impl Met {
    fn is_new<T>(&mut self, world: &World, actors: &Actors<'_, T>, run: &Run) -> bool {
        let switches = run.left.switches;
        let at_it = run.last.filter(|_| switches.is_some());
        let place = (world.fingerprint(), actors.turns(), actors.running(), at_it);
        match self.0.get_mut(&place) {
            None => {
                self.0.insert(place, switches);
                true
            }
            Some(known) if *known < switches => {
                *known = switches;
                true
            }
            Some(_) => false,
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
        let explored = every_order(Bounds::every_order(0), setup, |ran| assert_eq!(ran.outcomes, [Some(()), Some(())]));
        assert_eq!(explored.checked, 1, "none of the orders makes a difference to the world");
    }

    /// Each writes its name at each of its two turns: every order makes a world of its own.
    #[test]
    fn switches_are_bounded() {
        use crate::{key::Key, store::Store};

        let setup = || {
            let world = World::new(Backend::Sqlite);
            let actors = (0..2).map(|_| {
                let client = world.client();
                Actor::new(async move {
                    for _ in 0..2 {
                        let _ = client.increment(&Key::of_stored("cnt:a"), 1).await;
                    }
                })
            });
            let actors = actors.collect();
            (world, actors)
        };
        let schedules = |switches| {
            let mut shown = Vec::new();
            every_order(Bounds { crashes: 0, switches }, setup, |ran| {
                let steps = ran.schedule.iter().map(|turn| if *turn == Turn::Step(0) { 'a' } else { 'b' });
                shown.push(steps.collect::<String>());
            });
            shown
        };
        assert_eq!(schedules(Some(0)), ["aabb", "bbaa"]);
        assert_eq!(schedules(Some(1)), ["aabb", "abba", "baab", "bbaa"]);
        assert_eq!(schedules(Some(2)), ["aabb", "abab", "abba", "baab", "baba", "bbaa"]);
        assert_eq!(schedules(None), schedules(Some(2)));
    }
}
