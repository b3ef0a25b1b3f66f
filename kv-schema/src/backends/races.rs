//! Every order of two or three actors, on every backend, with a death at any turn; and naive variants, each of which fails.
//!
//! Run with `--nocapture` to see how many schedules each case took, and with `PROOFS=full` for more actors and deaths;
//! `cargo xtask prove` makes a table of it.

#![expect(clippy::indexing_slicing, reason = "a test that reads past the end fails, as it should")]

use super::{
    explore::{Bounds, Explored, Ran, Turn, every_order},
    model::Backend,
    sample::{ID, Sample, TestKv, effect, run, sample, standing, world_with},
    turns::{Actor, turn},
    world::{Client, Moment, World},
};
use crate::{
    key::Name,
    kv::{CONDEMNED_SECONDS, Created, Fault, Removal, Removed, Replaced, Settled},
    list::{Appended, Entry, EntryId, List, SHEET_ENTRIES},
    log::{Due, LOG_SHARDS},
    record::{EffectId, Record},
    store::{REQUEST_SECONDS, Store, Swap},
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

pub(super) fn report(case: &str, backend: Backend, explored: Explored) {
    let Explored { checked, met_again } = explored;
    println!("proved | schedules | primitives | {case} | {backend:?} | {} | {checked} checked", checked + met_again);
}

/// Whether to explore what takes too long for every run as well.
#[expect(clippy::disallowed_methods, reason = "how much is explored is no configuration of the service")]
pub(super) fn full() -> bool {
    std::env::var_os("PROOFS").is_some_and(|value| value == "full")
}

/// Nobody is told something that does not stand, at most one wins, and once the gates have passed the record exists.
/// (On Cosmos DB with stale reads, one that was refused does not see by whom, and leaves its gates closed like a dead one.)
fn check_creation(ran: &Ran<'_, Told>, stale: bool) {
    let world = ran.world;
    let text = standing(world).map(|stored| stored.into_value().text);
    let winners = ran.outcomes.iter().flatten().filter(|told| matches!(told, Told::Won(_))).count();
    let died = ran.outcomes.iter().any(Option::is_none);
    let blind = stale && ran.outcomes.iter().flatten().any(|told| *told == Told::Fault);
    for told in ran.outcomes.iter().flatten() {
        if let Told::Won(told) | Told::Existed(told) = told {
            assert_eq!(Some(told), text.as_ref(), "{:?}", ran.schedule);
        }
    }
    assert!(winners <= 1, "{:?} {:?}", ran.outcomes, ran.schedule);
    assert!(died || winners == 1, "somebody wins: {:?} {:?}", ran.outcomes, ran.schedule);
    let gates: Vec<String> = world.keys().into_iter().filter(|key| key.starts_with("gate:")).collect();
    assert!(died || blind || gates.is_empty(), "whoever lives opens its gates: {gates:?} {:?}", ran.schedule);
    // Two minutes, and half a minute since the dead one's clock may have been ahead. No read is as far behind.
    world.advance(150);
    world.let_reads_catch_up();
    let later = run(creator(world.kv(), "later"));
    let expected = text.map_or(Told::Won("later".to_owned()), Told::Existed);
    assert_eq!(later, expected, "{:?}", ran.schedule);
}

/// What surrounds creators: their clocks, how time goes on while they are at it, and how fresh plain reads are.
#[derive(Clone, Copy)]
struct Creation {
    second: u64,
    skews: &'static [i64],
    ticks: &'static [u64],
    stale: bool,
    crashes: usize,
}

const CREATION: Creation = Creation { second: 0, skews: &[0, 0], ticks: &[], stale: false, crashes: 1 };

/// Lets time pass between any two operations of the others. Nobody's request lives longer than it may.
async fn clock(world: World, ticks: &'static [u64]) -> Option<Told> {
    assert!(ticks.iter().sum::<u64>() < REQUEST_SECONDS);
    for seconds in ticks {
        turn().await;
        world.advance(*seconds);
    }
    None
}

fn explore_creation(case: &str, backends: &[Backend], creation: Creation) {
    const TEXTS: [&str; 3] = ["one", "two", "three"];
    let Creation { second, skews, ticks, stale, crashes } = creation;
    for backend in backends.iter().copied() {
        let setup = || {
            let world = World::new(backend);
            world.advance(second);
            if stale {
                world.make_reads_stale();
            }
            let creators = skews.iter().zip(TEXTS).map(|(skew, text)| {
                let kv = world.kv_with_skew(*skew);
                Actor::new(async move { Some(creator(kv, text).await) })
            });
            let mut actors: Vec<_> = creators.collect();
            if !ticks.is_empty() {
                actors.push(Actor::new(clock(world.clone(), ticks)));
            }
            (world, actors)
        };
        let explored = every_order(Bounds::every_order(crashes), setup, |ran| {
            let creators = ran.outcomes.into_iter().take(skews.len());
            let outcomes = creators.map(Option::flatten).collect();
            check_creation(&Ran { world: ran.world, outcomes, schedule: ran.schedule }, stale);
        });
        report(case, backend, explored);
    }
}

#[test]
fn of_two_creators_one_wins_whoever_dies() {
    explore_creation("two creators", &Backend::ALL, CREATION);
}

#[test]
fn of_two_creators_on_either_side_of_a_minute_one_wins() {
    let creation = Creation { second: 50, skews: &[0, 20], ..CREATION };
    explore_creation("two creators, two minutes", &Backend::ALL, creation);
}

#[test]
fn of_two_creators_one_wins_while_the_minute_passes() {
    let creation = Creation { second: 50, ticks: &[20], ..CREATION };
    explore_creation("two creators, the minute passes", &Backend::ALL, creation);
    let creation = Creation { skews: &[0, 20], ..creation };
    explore_creation("two creators, two clocks, the minute passes", &Backend::ALL, creation);
}

#[test]
fn of_two_creators_one_wins_although_reads_are_stale() {
    let backends = [Backend::Dynamo, Backend::Cosmos];
    explore_creation("two creators, stale reads", &backends, Creation { stale: true, ..CREATION });
}

/// On `SQLite`, where nothing but the gates decides, and in full on the others.
#[test]
fn of_three_creators_one_wins() {
    let creation = Creation { second: 50, skews: &[0, 20, 0], crashes: 0, ..CREATION };
    let backends = if full() { Backend::ALL.as_slice() } else { &[Backend::Sqlite] };
    explore_creation("three creators", backends, creation);
    if full() {
        let dying = Creation { crashes: 1, skews: &[0, 0, 0], ..CREATION };
        explore_creation("three creators, a death", &[Backend::Sqlite], dying);
        let creation = Creation { ticks: &[20], ..creation };
        explore_creation("three creators, the minute passes", &[Backend::Sqlite, Backend::Redis], creation);
    }
}

/// Fresh ids: whoever lives is told the truth, a dead one's record is whole or absent, and nobody disturbs another.
#[test]
fn insertions_of_fresh_ids_do_not_disturb_each_other() {
    let ids = [[1; 16], [2; 16], [3; 16]];
    for backend in Backend::ALL {
        let setup = || {
            let world = World::new(backend);
            let actors = ids.map(|id| {
                let kv = world.kv();
                Actor::new(async move { kv.insert_fresh(&id, sample("fresh"), vec![effect("told")]).await.is_ok() })
            });
            (world, actors.into())
        };
        let explored = every_order(Bounds::every_order(1), setup, |ran| {
            for (id, outcome) in ids.iter().zip(&ran.outcomes) {
                let stored = run(ran.world.kv().get::<Sample>(id)).expect("no fault");
                assert!(stored.is_some() || outcome.is_none(), "{:?}", ran.schedule);
                if let Some(stored) = stored {
                    assert_eq!((stored.value(), stored.pending().len()), (&sample("fresh"), 1), "{:?}", ran.schedule);
                } else {
                    // A retry draws another id; nothing of the first try is in its way.
                    assert!(run(ran.world.kv().insert_fresh(id, sample("again"), Vec::new())).is_ok());
                }
            }
        });
        report("three insertions", backend, explored);
    }
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

/// How fresh watched reads are: behind only on Cosmos DB, below strong consistency.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watching {
    Fresh,
    Stale,
}

fn explore_adding(case: &str, backends: &[Backend], watching: Watching, adders: usize, crashes: usize) {
    for backend in backends.iter().copied() {
        let start = world_with(backend, "a");
        start.let_reads_catch_up();
        if watching == Watching::Stale {
            start.make_reads_stale();
        }
        let setup = || {
            let world = start.fork();
            let actors = (0..adders).map(|_| Actor::new(adder(world.kv()))).collect();
            (world, actors)
        };
        let explored = every_order(Bounds::every_order(crashes), setup, |ran| {
            ran.world.make_reads_fresh();
            let stored = standing(ran.world).expect("it is there");
            let sum = stored.value().sum;
            let faults = ran.outcomes.iter().flatten().filter(|told| told.is_err()).count();
            let added: u32 = ran.outcomes.iter().flatten().map(|told| told.as_ref().copied().unwrap_or_default()).sum();
            assert!(faults == 0 || watching == Watching::Stale, "whoever was refused sees by whom");
            let dead = u32::try_from(ran.outcomes.iter().filter(|told| told.is_none()).count()).expect("few");
            assert!(added <= sum && sum <= added + dead, "{added} of {sum}: {:?}", ran.schedule);
            assert_eq!(u64::from(sum) + 1, stored.revision());
            assert_eq!(stored.pending().len(), sum as usize, "each commit left its effect");
            let all = added + dead >= u32::try_from(adders).expect("few");
            assert!(all || watching == Watching::Stale, "everybody who lives gets through");
            // The client of a dead one tries again: nothing is in its way.
            for retry in 1..=dead {
                assert_eq!(run(adder(ran.world.kv())), Ok(1), "{:?}", ran.schedule);
                assert_eq!(standing(ran.world).expect("it is there").value().sum, sum + retry, "{:?}", ran.schedule);
            }
        });
        report(case, backend, explored);
    }
}

#[test]
fn no_replacement_is_lost_or_applied_twice() {
    explore_adding("two replacements", &Backend::ALL, Watching::Fresh, 2, 1);
    explore_adding("three replacements", &Backend::ALL, Watching::Fresh, 3, usize::from(full()));
}

/// Whoever decides on what is no longer so is refused by the etag, and cannot tell by whom: he is told that nothing is
/// known, which is so, and nobody is overwritten.
#[test]
fn no_replacement_is_lost_or_applied_twice_although_watched_reads_are_stale() {
    explore_adding("two replacements, stale reads", &[Backend::Cosmos], Watching::Stale, 2, 1);
    explore_adding("three replacements, stale reads", &[Backend::Cosmos], Watching::Stale, 3, usize::from(full()));
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
            let (kv, done) = (world.kv(), done.clone());
            let settler = async move {
                let undone = kv.load::<Sample>(&ID).await?.expect("it is there").into_undone();
                kv.settle(undone, &done).await.map(|settled| u32::from(settled == Settled::Done))
            };
            let actors = vec![Actor::new(settler), Actor::new(adder(world.kv()))];
            (world, actors)
        };
        let explored = every_order(Bounds::every_order(1), setup, |ran| {
            let [settled, added] = [0, 1].map(|actor| ran.outcomes[actor].clone());
            assert!(
                settled.as_ref().is_none_or(|told| *told == Ok(1)) && added.as_ref().is_none_or(|told| *told == Ok(1))
            );
            let stored = standing(ran.world).expect("it is there");
            let left = stored.pending().iter().filter(|pending| done.contains(&pending.id)).count();
            assert!(left == 0 || settled.is_none(), "{:?}", ran.schedule);
            assert!(stored.value().sum == 2 || added.is_none(), "{:?}", ran.schedule);
            // What the other commit left is never taken out, whoever dies.
            assert_eq!(stored.pending().len() - left, stored.value().sum as usize - 1, "{:?}", ran.schedule);
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

/// Whether one was told that the entry is in the list.
fn is_in(told: &Result<Appended, Fault>) -> bool {
    matches!(told, Ok(Appended::Added | Appended::AlreadyThere))
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
    explore_appending_while(case, filled, numbers, &[], crashes);
}

/// The same while time passes between any two operations.
fn explore_appending_while(case: &str, filled: usize, numbers: &'static [u8], ticks: &'static [u64], crashes: usize) {
    for backend in Backend::ALL {
        let start = World::new(backend);
        start.advance(50);
        for number in 0..filled {
            let other = Entry { id: EntryId([0; 16]).counted(number), ..entry(0, &start) };
            assert_eq!(run(appender(start.kv(), other)), Ok(Appended::Added));
        }
        start.take_cost();
        let setup = || {
            let world = start.fork();
            let appenders = numbers.iter().map(|number| {
                let (kv, entry) = (world.kv(), entry(*number, &world));
                Actor::new(async move { is_in(&appender(kv, entry).await) })
            });
            let mut actors: Vec<_> = appenders.collect();
            if !ticks.is_empty() {
                let passing = world.clone();
                actors.push(Actor::new(async move { clock(passing, ticks).await.is_none() }));
            }
            (world, actors)
        };
        let explored = every_order(Bounds::every_order(crashes), setup, |ran| {
            let standing = entries(ran.world);
            for (number, told) in numbers.iter().zip(&ran.outcomes) {
                assert!(*told != Some(true) || standing.contains(number), "{number} is lost: {:?}", ran.schedule);
            }
            let told = ran.outcomes.iter().take(numbers.len()).filter(|told| **told == Some(true)).count();
            assert!(told > 0 || crashes > 0, "nobody gets through: {:?}", ran.schedule);
            let repeated: Vec<Entry> = numbers.iter().map(|number| entry(*number, ran.world)).collect();
            ran.world.advance(120);
            for entry in repeated {
                let again = run(appender(ran.world.kv(), entry));
                assert!(is_in(&again), "{again:?} {:?}", ran.schedule);
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

/// Notes at once what ends, while the hour passes; then repeats each: every end is in its hour's log exactly once.
fn explore_noting(case: &str, ends: &'static [(u8, u64)], ticks: &'static [u64], crashes: usize) {
    for backend in Backend::ALL {
        let due = |world: &World, (number, seconds): (u8, u64)| {
            let expires_unix_seconds = World::new(backend).unix_seconds() + seconds;
            (world.kv(), Due { key: Sample::key(&[number; 16]), kind: 1, expires_unix_seconds })
        };
        let setup = || {
            let world = World::new(backend);
            world.advance(3590);
            let at = world.unix_seconds();
            let mut actors: Vec<Actor<'static, bool>> = Vec::new();
            for end in ends {
                let (kv, due) = due(&world, *end);
                actors.push(Actor::new(async move { is_in(&kv.note_expiry(&due, at).await) }));
            }
            let passing = world.clone();
            actors.push(Actor::new(async move { clock(passing, ticks).await.is_none() }));
            (world, actors)
        };
        let explored = every_order(Bounds::every_order(crashes), setup, |ran| {
            let begun = World::new(backend).unix_seconds();
            let noted = || {
                let hour = (begun + 7200) / 3600;
                let shards = (0..LOG_SHARDS).map(|shard| run(ran.world.kv().due(hour, shard, None)).expect("no fault"));
                shards.flat_map(|page| page.due).collect::<Vec<Due>>()
            };
            let standing = noted();
            for (end, told) in ends.iter().zip(&ran.outcomes) {
                let is_there = standing.contains(&due(ran.world, *end).1);
                assert!(*told != Some(true) || is_there, "{end:?} is lost: {:?}", ran.schedule);
            }
            ran.world.advance(120);
            for end in ends {
                let (kv, due) = due(ran.world, *end);
                let again = run(kv.note_expiry(&due, begun + 3590));
                assert!(is_in(&again), "{again:?} {:?}", ran.schedule);
            }
            let mut found = noted();
            let mut expected: Vec<Due> = ends.iter().map(|end| due(ran.world, *end).1).collect();
            for list in [&mut found, &mut expected] {
                list.sort_by(|one, two| one.key.cmp(&two.key));
            }
            expected.dedup();
            assert_eq!(found, expected, "{:?}", ran.schedule);
        });
        report(case, backend, explored);
    }
}

#[test]
fn what_ends_is_noted_once_while_the_hour_passes() {
    explore_noting("one end noted twice", &[(1, 7500), (1, 7500)], &[20], 1);
    explore_noting("two ends noted", &[(1, 7500), (2, 7500)], &[20], usize::from(full()));
    explore_noting("three ends noted", &[(1, 7500), (2, 7500), (3, 7500)], &[], 0);
}

/// The gates of a new sheet are those of the minute that passes.
#[test]
fn entries_are_in_the_list_once_while_the_minute_passes() {
    explore_appending_while("one append twice, new list, the minute passes", 0, &[1, 1], &[20], 0);
    explore_appending_while("two appends, new list, the minute passes", 0, &[1, 2], &[20], 0);
}

#[test]
fn three_entries_are_all_in_the_list() {
    explore_appending("three appends", 1, &[1, 2, 3], usize::from(full()));
}

/// On `DynamoDB` a plain read may be stale: the hint of the last sheet is, and nothing is decided by it.
#[test]
fn entries_are_in_the_list_once_although_reads_are_stale() {
    let start = World::new(Backend::Dynamo);
    for number in 0..SHEET_ENTRIES - 1 {
        let other = Entry { id: EntryId([0; 16]).counted(number), ..entry(0, &start) };
        assert_eq!(run(appender(start.kv(), other)), Ok(Appended::Added));
    }
    start.make_reads_stale();
    let setup = || {
        let world = start.fork();
        let actors = [1, 1].map(|number| Actor::new(appender(world.kv(), entry(number, &world))));
        (world, actors.into())
    };
    let explored = every_order(Bounds::every_order(1), setup, |ran| {
        let repeated = entry(1, ran.world);
        ran.world.advance(120);
        let again = run(appender(ran.world.kv(), repeated));
        assert!(is_in(&again), "{again:?} {:?}", ran.schedule);
        ran.world.make_reads_fresh();
        let found = entries(ran.world).into_iter().filter(|number| *number == 1).count();
        assert_eq!(found, 1, "{:?}", ran.schedule);
    });
    report("one append twice, one place left, stale reads", Backend::Dynamo, explored);
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

/// Reopens what is over: replaces what stands, or makes it anew.
async fn reopener(kv: TestKv, text: &'static str) -> bool {
    match kv.load::<Sample>(&ID).await {
        Ok(Some(seen)) => {
            matches!(kv.replace(seen, sample(text), Vec::new()).await, Ok(Replaced::Committed(_)))
        }
        Ok(None) => matches!(kv.create_missed(&ID, sample(text), Vec::new()).await, Ok(Created::Created(_))),
        Err(_) => false,
    }
}

/// One step of a sweep that meets a record which is over.
async fn remover(kv: TestKv, condemns: bool) -> bool {
    let Ok(Some(seen)) = kv.load::<Sample>(&ID).await else { return false };
    let over = seen.value().text == "over";
    match kv.removal(&seen) {
        Removal::NotBegun if condemns => over && kv.condemn(seen).await == Ok(true),
        Removal::TooEarly => false,
        _ => over && kv.remove_over(seen, 1).await == Ok(Removed::Whole),
    }
}

/// Two requests against one sweep, in every order: whoever was told that it reopened the record finds it so. Shows for each
/// store, in the order of [`Backend::ALL`], a schedule in which it does not.
fn explore_removal(case: &str, ripe: bool, condemns: bool, crashes: usize) -> [Option<Vec<Turn>>; 4] {
    Backend::ALL.map(|backend| {
        let mut lost = None;
        let start = world_with(backend, "over");
        if ripe {
            assert!(run(remover(start.kv(), true)));
            start.advance(60);
        }
        let setup = || {
            let world = start.fork();
            let requests = ["one", "two"].map(|text| Actor::new(reopener(world.kv(), text)));
            let mut actors = Vec::from(requests);
            actors.push(Actor::new(remover(world.kv(), condemns)));
            (world, actors)
        };
        let explored = every_order(Bounds::every_order(crashes), setup, |ran| {
            let text = standing(ran.world).map(|stored| stored.into_value().text);
            let told = ["one", "two"].iter().zip(&ran.outcomes).filter(|(_, told)| **told == Some(true));
            let told: Vec<&str> = told.map(|(text, _)| *text).collect();
            let right = told.is_empty() || text.as_deref().is_some_and(|text| text != "over");
            if !right && lost.is_none() {
                lost = Some(ran.schedule.to_vec());
            }
            if condemns {
                // Whatever happened, the record can be reopened when its time is over, and removed again.
                ran.world.advance(CONDEMNED_SECONDS + 60);
                assert!(run(reopener(ran.world.kv(), "later")), "{:?}", ran.schedule);
            }
        });
        if condemns {
            report(case, backend, explored);
        }
        lost
    })
}

#[test]
fn nobodys_reopening_is_lost_to_a_removal() {
    for (case, ripe) in [("condemning against two reopenings", false), ("removing against two reopenings", true)] {
        assert_eq!(explore_removal(case, ripe, true, 1), [const { None }; 4], "{case}");
    }
}

#[test]
fn negative_control_removing_what_was_not_condemned_loses_a_reopening() {
    let broken = explore_removal("removing at once", false, false, 0);
    tell("removing what was not condemned", &broken);
    assert_eq!(broken.map(|schedule| schedule.is_some()), [true; 4]);
}

/// Whether the explorer finds a run that `is_wrong`, and its schedule.
fn found<T>(
    crashes: usize,
    setup: impl Fn() -> (World, Vec<Actor<'static, T>>),
    is_wrong: impl Fn(&Ran<'_, T>) -> bool,
) -> Option<Vec<Turn>> {
    let mut schedule = None;
    every_order(Bounds::every_order(crashes), setup, |ran| {
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

/// Prints how a naive variant fails on each store, in the order of [`Backend::ALL`]: the schedule, or that it does not.
fn tell(variant: &str, broken: &[Option<Vec<Turn>>; 4]) {
    println!("control, {variant}: {broken:?}");
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
    tell("create by swap alone", &broken);
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
    tell("create by increment alone", &broken);
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
    tell("both gates", &broken);
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
    tell("replace without the trail", &broken);
    assert_eq!(broken.map(|schedule| schedule.is_some()), [false, true, false, false]);
}

/// Looks for its own write, and takes one that is not to be seen for one that lost.
async fn replace_deciding_again(client: Client) -> bool {
    let mut watched = client.watch(&Sample::key(&[9; 16])).await.expect("no fault");
    for write in [1, 2, 3] {
        let sum = watched.current.as_deref().and_then(<[u8]>::first).copied().unwrap_or(0);
        let mine = vec![sum + 1, write];
        match client.swap(watched.cas, mine.clone()).await {
            Ok(Swap::Refused(now)) if now.current.as_ref() != Some(&mine) => watched = now,
            applied => return applied.is_ok(),
        }
    }
    false
}

#[test]
fn negative_control_deciding_again_while_a_write_is_under_way_applies_twice_but_on_sqlite() {
    let broken = Backend::ALL.map(|backend| {
        let setup = || {
            let world = World::new(backend);
            world.fail_after(1, Moment::AfterNextLook);
            let actors = vec![Actor::new(replace_deciding_again(world.client()))];
            (world, actors)
        };
        found(0, setup, |ran| ran.world.bytes(&Sample::key(&[9; 16])) == Some(vec![2, 3]))
    });
    tell("deciding again while a write is under way", &broken);
    assert_eq!(broken.map(|schedule| schedule.is_some()), [false, true, true, true]);
}
