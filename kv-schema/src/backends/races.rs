//! Every order of two or three actors, on every backend, with a death at any turn; and naive variants, each of which fails.
//!
//! Run with `--nocapture` to see how many runs each case took.

#![expect(clippy::indexing_slicing, reason = "a test that reads past the end fails, as it should")]

use super::{
    explore::{Explored, Ran, Turn, every_order},
    model::Backend,
    sample::{ID, Sample, TestKv, effect, run, sample, standing, world_with},
    turns::Actor,
    world::{Client, World},
};
use crate::{
    key::Name,
    kv::{Created, Fault, Replaced, Settled},
    list::{Appended, Entry, EntryId, List, SHEET_ENTRIES},
    record::{EffectId, Record},
    store::{Store, Swap},
};

/// What a creator was told: the text that stands, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Won(String),
    Existed(String),
    Busy,
    Fault,
}

async fn creator(kv: TestKv, text: &'static str) -> Told {
    match kv.create(&ID, sample(text), Vec::new()).await {
        Ok(Created::Created(stored)) => Told::Won(stored.into_value().text),
        Ok(Created::Existed(stored)) => Told::Existed(stored.into_value().text),
        Ok(Created::Busy) => Told::Busy,
        Err(_) => Told::Fault,
    }
}

fn report(case: &str, backend: Backend, explored: Explored) {
    println!("{case}, {backend:?}: {} runs checked, {} met a known world", explored.checked, explored.met_again);
}

/// Nobody is told something that does not stand, at most one wins, and once the gates have passed the record exists.
fn check_creation(ran: &Ran<'_, Told>) {
    let world = ran.world;
    let text = standing(world).map(|stored| stored.into_value().text);
    let winners = ran.outcomes.iter().flatten().filter(|told| matches!(told, Told::Won(_))).count();
    let died = ran.outcomes.iter().any(Option::is_none);
    for told in ran.outcomes.iter().flatten() {
        if let Told::Won(told) | Told::Existed(told) = told {
            assert_eq!(Some(told), text.as_ref(), "{:?}", ran.schedule);
        }
    }
    assert!(winners <= 1, "{:?} {:?}", ran.outcomes, ran.schedule);
    assert!(died || winners == 1, "somebody wins: {:?} {:?}", ran.outcomes, ran.schedule);
    // Two minutes, and half a minute since the dead one's clock may have been ahead.
    world.advance(150);
    let later = run(creator(world.kv(), "later"));
    let expected = text.map_or(Told::Won("later".to_owned()), Told::Existed);
    assert_eq!(later, expected, "{:?}", ran.schedule);
}

fn explore_creation(case: &str, backends: &[Backend], crashes: usize, second: u64, skews: &[i64]) {
    const TEXTS: [&str; 3] = ["one", "two", "three"];
    for backend in backends.iter().copied() {
        let setup = || {
            let world = World::new(backend);
            world.advance(second);
            let creators = skews.iter().zip(TEXTS);
            let actors = creators.map(|(skew, text)| Actor::new(creator(world.kv_with_skew(*skew), text)));
            let actors = actors.collect();
            (world, actors)
        };
        report(case, backend, every_order(crashes, setup, |ran| check_creation(&ran)));
    }
}

#[test]
fn of_two_creators_one_wins_whoever_dies() {
    explore_creation("two creators", &Backend::ALL, 1, 0, &[0, 0]);
}

#[test]
fn of_two_creators_on_either_side_of_a_minute_one_wins() {
    explore_creation("two creators, two minutes", &Backend::ALL, 1, 50, &[0, 20]);
}

/// On `SQLite`, where nothing but the gates decides; on the others the same exploration takes minutes.
#[test]
fn of_three_creators_one_wins() {
    explore_creation("three creators", &[Backend::Sqlite], 0, 50, &[0, 20, 0]);
}

/// Adds one, deciding again whenever somebody was faster.
async fn adder(kv: TestKv) -> Result<u32, Fault> {
    let Some(mut seen) = kv.load::<Sample>(&ID).await? else {
        return Ok(0);
    };
    for _ in 0..4 {
        let sum = seen.value().sum + 1;
        let next = Sample { sum, ..seen.value().clone() };
        match kv.replace(seen, next, vec![effect("told")]).await? {
            Replaced::Committed(_) => return Ok(1),
            Replaced::Lost(now) => seen = now,
            Replaced::Gone => return Ok(0),
        }
    }
    Ok(0)
}

fn explore_adding(case: &str, adders: usize, crashes: usize) {
    for backend in Backend::ALL {
        let start = world_with(backend, "a");
        let setup = || {
            let world = start.fork();
            let actors = (0..adders).map(|_| Actor::new(adder(world.kv()))).collect();
            (world, actors)
        };
        let explored = every_order(crashes, setup, |ran| {
            let stored = standing(ran.world).expect("it is there");
            let sum = stored.value().sum;
            let added: u32 = ran.outcomes.iter().flatten().map(|told| *told.as_ref().expect("no fault")).sum();
            let dead = u32::try_from(ran.outcomes.iter().filter(|told| told.is_none()).count()).expect("few");
            assert!(added <= sum && sum <= added + dead, "{added} of {sum}: {:?}", ran.schedule);
            assert_eq!(u64::from(sum) + 1, stored.revision());
            assert_eq!(stored.pending().len(), sum as usize, "each commit left its effect");
            assert!(added + dead >= u32::try_from(adders).expect("few"), "everybody who lives gets through");
        });
        report(case, backend, explored);
    }
}

#[test]
fn no_replacement_is_lost_or_applied_twice() {
    explore_adding("two replacements", 2, 1);
    explore_adding("three replacements", 3, 0);
}

#[test]
fn settling_does_not_undo_what_is_committed_meanwhile() {
    for backend in Backend::ALL {
        let start = world_with(backend, "a");
        assert_eq!(run(adder(start.kv())), Ok(1));
        let before = standing(&start).expect("it is there");
        let done: Vec<EffectId> = before.pending().iter().map(|pending| pending.id).collect();
        let setup = || {
            let world = start.fork();
            let (kv, before, done) = (world.kv(), before.clone(), done.clone());
            let settler = async move {
                kv.settle(before.envelope(), &done).await.map(|settled| u32::from(settled == Settled::Done))
            };
            let actors = vec![Actor::new(settler), Actor::new(adder(world.kv()))];
            (world, actors)
        };
        let explored = every_order(0, setup, |ran| {
            assert_eq!(ran.outcomes, [Some(Ok(1)), Some(Ok(1))]);
            let stored = standing(ran.world).expect("it is there");
            assert_eq!((stored.value().sum, stored.pending().len()), (2, 1));
            assert!(!done.contains(&stored.pending()[0].id), "{:?}", ran.schedule);
        });
        report("settle against replace", backend, explored);
    }
}

fn list() -> List {
    List::named(&Name::new("queue"))
}

fn entry(number: u8, world: &World) -> Entry {
    Entry { id: EntryId([number; 16]), at_unix_seconds: world.unix_seconds(), payload: vec![number] }
}

async fn appender(kv: TestKv, entry: Entry) -> Result<Appended, Fault> {
    kv.append(&list(), &entry).await
}

fn entries(world: &World) -> Vec<u8> {
    let kv = world.kv();
    let mut numbers = Vec::new();
    let mut from = None;
    loop {
        let page = run(kv.page(&list(), from)).expect("no fault");
        numbers.extend(page.entries.iter().flat_map(|entry| entry.payload.clone()));
        from = page.next;
        if from.is_none() {
            return numbers;
        }
    }
}

/// Appends the numbers at once to a list that has `filled` entries, then repeats each: every number is in exactly once.
fn explore_appending(case: &str, filled: usize, numbers: &'static [u8], crashes: usize) {
    for backend in Backend::ALL {
        let start = World::new(backend);
        for number in 0..filled {
            let other = Entry { id: EntryId([0; 16]).counted(number), ..entry(0, &start) };
            assert_eq!(run(appender(start.kv(), other)), Ok(Appended::Added));
        }
        start.take_cost();
        let setup = || {
            let world = start.fork();
            let actors =
                numbers.iter().map(|number| Actor::new(appender(world.kv(), entry(*number, &world)))).collect();
            (world, actors)
        };
        let explored = every_order(crashes, setup, |ran| {
            let repeated: Vec<Entry> = numbers.iter().map(|number| entry(*number, ran.world)).collect();
            ran.world.advance(120);
            for entry in repeated {
                let again = run(appender(ran.world.kv(), entry));
                assert!(matches!(again, Ok(Appended::Added | Appended::AlreadyThere)), "{again:?} {:?}", ran.schedule);
            }
            let mut expected = vec![0; filled];
            expected.extend(numbers);
            expected.sort_unstable();
            expected.dedup_by(|one, two| one == two && *one > 0);
            let mut found = entries(ran.world);
            found.sort_unstable();
            assert_eq!(found, expected, "{:?}", ran.schedule);
        });
        report(case, backend, explored);
    }
}

impl EntryId {
    fn counted(self, number: usize) -> Self {
        let Self(mut id) = self;
        id[15] = u8::try_from(number).expect("one sheet");
        Self(id)
    }
}

#[test]
fn two_entries_are_both_in_the_list() {
    explore_appending("two appends", 1, &[1, 2], 1);
}

#[test]
fn two_repetitions_at_once_are_one_entry() {
    explore_appending("one append twice", 1, &[1, 1], 1);
}

#[test]
fn two_repetitions_are_one_entry_also_where_a_list_begins() {
    explore_appending("one append twice, new list", 0, &[1, 1], 1);
}

#[test]
fn a_sheet_that_fills_up_meanwhile_loses_and_doubles_nothing() {
    explore_appending("two appends, one place left", SHEET_ENTRIES - 1, &[1, 2], 1);
    explore_appending("one append twice, one place left", SHEET_ENTRIES - 1, &[1, 1], 1);
}

/// Whether the explorer finds a run that `is_wrong`, and its schedule.
fn found<T>(
    crashes: usize,
    setup: impl Fn() -> (World, Vec<Actor<'static, T>>),
    is_wrong: impl Fn(&Ran<'_, T>) -> bool,
) -> Option<Vec<Turn>> {
    let mut schedule = None;
    every_order(crashes, setup, |ran| {
        if schedule.is_none() && is_wrong(&ran) {
            schedule = Some(ran.schedule.to_vec());
        }
    });
    schedule
}

async fn create_by_swap_alone(client: Client, text: &'static str) -> bool {
    let watched = client.watch(&Sample::key(&ID)).await.expect("no fault");
    watched.current.is_none() && matches!(client.swap(watched.cas, text.into()).await, Ok(Swap::Applied))
}

#[test]
fn negative_control_create_by_swap_alone_lets_two_win_on_sqlite() {
    let broken = Backend::ALL.map(|backend| {
        let setup = || {
            let world = World::new(backend);
            let actors = ["one", "two"].map(|text| Actor::new(create_by_swap_alone(world.client(), text)));
            (world, actors.into())
        };
        found(0, setup, |ran| ran.outcomes == [Some(true), Some(true)])
    });
    println!("create by swap alone: {broken:?}");
    assert_eq!(broken.map(|schedule| schedule.is_some()), [true, false, false, false]);
}

async fn create_by_increment_alone(client: Client) -> bool {
    let gate = Sample::key(&[9; 16]);
    if client.increment(&gate, 1).await != Ok(1) {
        return false;
    }
    let watched = client.watch(&Sample::key(&ID)).await.expect("no fault");
    client.swap(watched.cas, b"value".into()).await.is_ok()
}

#[test]
fn negative_control_create_by_increment_alone_is_blocked_for_ever_by_a_dead_creator() {
    let broken = Backend::ALL.map(|backend| {
        let setup = || {
            let world = World::new(backend);
            let actors = vec![Actor::new(create_by_increment_alone(world.client()))];
            (world, actors)
        };
        found(1, setup, |ran| {
            ran.world.advance(1_000_000);
            !run(create_by_increment_alone(ran.world.client())) && ran.world.bytes(&Sample::key(&ID)).is_none()
        })
    });
    println!("create by increment alone: {broken:?}");
    assert_eq!(broken.map(|schedule| schedule.is_some()), [true; 4]);
}

/// Takes this minute's and the next minute's gates without stopping at the first that is closed.
async fn create_taking_both_gates(client: Client) -> bool {
    let mut open = true;
    for minute in [1, 2] {
        open &= client.increment(&Sample::key(&[minute; 16]), 1).await == Ok(1);
    }
    open
}

#[test]
fn negative_control_taking_both_gates_without_stopping_blocks_both() {
    let broken = Backend::ALL.map(|backend| {
        let setup = || {
            let world = World::new(backend);
            let actors = (0..2).map(|_| Actor::new(create_taking_both_gates(world.client()))).collect();
            (world, actors)
        };
        found(0, setup, |ran| ran.outcomes == [Some(false), Some(false)])
    });
    println!("both gates: {broken:?}");
    assert_eq!(broken.map(|schedule| schedule.is_some()), [true; 4]);
}

/// Takes the store at its word.
async fn replace_without_trail(client: Client) -> bool {
    for _ in 0..2 {
        let watched = client.watch(&Sample::key(&[9; 16])).await.expect("no fault");
        let sum = watched.current.and_then(|bytes| bytes.first().copied()).unwrap_or(0);
        if matches!(client.swap(watched.cas, vec![sum + 1]).await, Ok(Swap::Applied)) {
            return true;
        }
    }
    false
}

#[test]
fn negative_control_replace_without_the_trail_applies_twice_on_redis() {
    let broken = Backend::ALL.map(|backend| {
        let setup = || {
            let world = World::new(backend);
            let actors = vec![Actor::new(replace_without_trail(world.client()))];
            (world, actors)
        };
        found(0, setup, |ran| ran.world.bytes(&Sample::key(&[9; 16])) == Some(vec![2]))
    });
    println!("replace without the trail: {broken:?}");
    assert_eq!(broken.map(|schedule| schedule.is_some()), [false, true, false, false]);
}
