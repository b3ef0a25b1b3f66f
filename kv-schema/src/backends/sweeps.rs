//! OPS-3 on every backend's model: what a request leaves is found, once what is noted has ripened, at the stated cost,
//! by whichever sweep comes, wherever the one before it died.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use super::{
    explore::{Bounds, every_order},
    model::Backend,
    races::{full, report},
    sample::{ID, Sample, TestKv, numbered, run, sample, standing},
    turns::Actor,
    world::{Client, Cost, World},
};
use crate::{
    key::Key,
    kv::{CONDEMNED_SECONDS, Removal, Removed, Replaced},
    list::Appended,
    log::{Due, HOUR_SECONDS},
    record::Record,
    sweep::{Ahead, BATCH_ITEMS, Item, PREPARED_MAX, QUIET_SECONDS, Reminder, Turn, WAITS_SECONDS},
};

const DAY_SECONDS: u64 = 86_400;

fn key(number: u8) -> Key {
    Sample::key(&[number; 16])
}

fn keys(turn: &Turn) -> Vec<Key> {
    let keys = |item: &Item| match item {
        Item::Reminder(reminder) => reminder.keys.clone(),
        Item::Over(due) => vec![due.key.clone()],
    };
    turn.items().flat_map(keys).collect()
}

/// Finishes a turn of which every item was looked at.
fn finish(kv: &TestKv, turn: Turn) -> bool {
    let done = turn.items().count();
    run(kv.finish(turn, done)).expect("no fault")
}

fn reminder(key: Key, noted_unix_seconds: u64, tries: u8) -> Reminder {
    Reminder { keys: vec![key], prepared: Vec::new(), noted_unix_seconds, tries }
}

/// One whole sweep that only looks: the keys, in the order of their bytes, and whether more is to be done.
fn sweep(kv: &TestKv) -> Option<(Vec<Key>, bool)> {
    match run(kv.next_batch()).expect("no fault") {
        Ahead::Nothing => Some((Vec::new(), false)),
        Ahead::Taken => None,
        Ahead::Batch(batch) => {
            let turn = run(kv.take_turn(batch)).expect("no fault")?;
            let mut found = keys(&turn);
            found.sort();
            Some((found, finish(kv, turn)))
        }
    }
}

/// Sweeps until there is nothing more.
fn sweep_all(kv: &TestKv) -> Vec<Key> {
    let mut all = Vec::new();
    while let Some((found, more)) = sweep(kv) {
        all.extend(found);
        if !more {
            return all;
        }
    }
    panic!("nobody else sweeps here")
}

/// Everything that is stored, except a day's notes, which stay.
fn passing(world: &World) -> Vec<String> {
    let notes = |key: &str| key.starts_with("todo:") && key.split('.').nth(1) == Some("0");
    world.keys().into_iter().filter(|key| !notes(key)).collect()
}

fn remind(kv: &TestKv, key: &Key) {
    assert_eq!(run(kv.remind(key)), Ok(Appended::Added));
}

// OPS-3
#[test]
fn a_reminder_is_found_once_its_request_is_dead_and_then_no_more() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        remind(&kv, &key(1));
        world.advance(QUIET_SECONDS - 1);
        assert_eq!(sweep_all(&kv), [], "{backend:?}: its request may be alive");
        world.advance(1);
        assert_eq!(sweep_all(&kv), [key(1)], "{backend:?}");
        assert_eq!(sweep_all(&kv), [], "{backend:?}: once");
    }
}

// OPS-3 MSG-3: a record with a schedule of its own is looked at when it says, or earlier and then noted again; however often
// that is the same wait in the same list, nothing is lost.
#[test]
fn what_is_put_off_is_found_when_its_time_has_come() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        for wait in [5, 300, 7_199, 18_000, 50_400, 86_400] {
            remind(&kv, &key(1));
            let due = world.unix_seconds() + QUIET_SECONDS + wait;
            let mut looks = 0;
            loop {
                world.advance(QUIET_SECONDS);
                let Ahead::Batch(batch) = run(kv.next_batch()).expect("no fault") else { continue };
                let turn = run(kv.take_turn(batch)).expect("no fault").expect("nobody else sweeps");
                let found: Vec<Reminder> = turn.items().filter_map(reminded).collect();
                let now = world.unix_seconds();
                let again = if now < due { found } else { Vec::new() };
                looks += u64::try_from(turn.items().count()).expect("few");
                for reminder in &again {
                    let noted = run(kv.put_off(&turn, reminder, due - now)).expect("no fault");
                    assert_eq!(noted, Some(Appended::Added), "{backend:?}: {reminder:?}");
                }
                let _ = finish(&kv, turn);
                if now >= due {
                    assert!(now < due + 6 * QUIET_SECONDS, "{backend:?}: {wait} s, {} s late", now - due);
                    break;
                }
            }
            assert!((2..=15).contains(&looks), "{backend:?}: {wait} s took {looks} looks");
        }
    }
}

// OPS-3: the cost of what a request notes, and of a sweep, follow what there is to do and not what there is.
#[test]
fn the_costs_are_those_of_the_table() {
    let world = World::new(Backend::Sqlite);
    let kv = world.kv();
    remind(&kv, &key(0));
    assert_eq!(world.take_cost(), Cost { reads: 4, writes: 5 }, "a shard's first of the day");
    for number in 1..20 {
        remind(&kv, &key(number));
    }
    world.advance(QUIET_SECONDS);
    world.take_cost();
    remind(&kv, &key(20));
    assert_eq!(world.take_cost(), Cost { reads: 2, writes: 1 });
    sweep_all(&kv);
    world.advance(1);
    world.take_cost();
    assert_eq!(sweep_all(&kv), []);
    assert_eq!(world.take_cost(), Cost { reads: 10, writes: 0 }, "nothing to do");
    for number in 0..100 {
        run(kv.insert_fresh(&[100 + number; 16], sample("of no concern"), Vec::new())).expect("fresh");
    }
    world.take_cost();
    assert_eq!(sweep_all(&kv), []);
    assert_eq!(world.take_cost(), Cost { reads: 10, writes: 0 }, "what exists costs nothing");
    world.advance(QUIET_SECONDS);
    assert_eq!(sweep_all(&kv), [key(20)]);
    assert_eq!(world.take_cost(), Cost { reads: 11, writes: 2 }, "one reminder");
}

// OPS-3: a long absence is made up for in bounded batches, and the lists that were walked are gone.
#[test]
fn what_was_walked_is_deleted_when_its_day_is_over() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        assert_eq!(sweep_all(&kv), []);
        let before = passing(&world);
        for number in 0..250 {
            remind(&kv, &key(number));
        }
        world.advance(3 * DAY_SECONDS);
        let mut found = Vec::new();
        let mut batches = 0;
        while let Some((some, more)) = sweep(&kv) {
            assert!(some.len() <= BATCH_ITEMS, "{backend:?}: {} in a batch", some.len());
            found.extend(some);
            batches += 1;
            if !more {
                break;
            }
        }
        let found: BTreeSet<Key> = found.into_iter().collect();
        assert_eq!(found, (0..250).map(key).collect::<BTreeSet<_>>(), "{backend:?}");
        assert!(batches > 250 / BATCH_ITEMS, "{backend:?}: {batches} batches");
        assert_eq!(passing(&world), before, "{backend:?}: nothing of the log stays, but what the audit is found by");
        assert_ne!(world.keys(), before, "{backend:?}");
    }
}

// OPS-3 MSG-1: what is in vain is tried again after longer and longer waits, and given up after the last of them.
#[test]
fn what_is_in_vain_is_tried_again_later_and_later() {
    let world = World::new(Backend::Redis);
    let kv = world.kv();
    remind(&kv, &key(1));
    let mut waits = Vec::new();
    let mut begun = world.unix_seconds();
    loop {
        world.advance(30);
        assert!(world.unix_seconds() - begun <= 2 * DAY_SECONDS, "it is never found again");
        let Ok(Ahead::Batch(batch)) = run(kv.next_batch()) else { continue };
        let turn = run(kv.take_turn(batch)).expect("no fault").expect("nobody else sweeps here");
        let again: Vec<Reminder> = turn.items().filter_map(reminded).collect();
        let postponed = again.iter().map(|reminder| run(kv.postpone(&turn, reminder)).expect("no fault"));
        let postponed: Vec<_> = postponed.collect();
        finish(&kv, turn);
        if !postponed.is_empty() {
            waits.push(world.unix_seconds() - begun);
            begun = world.unix_seconds();
        }
        if postponed == [None] {
            break;
        }
        assert!(postponed.is_empty() || postponed == [Some(Appended::Added)]);
    }
    assert_eq!(waits, [60, 300, 1_800, 7_200, 28_800, 86_400, 86_400, 86_400]);
}

// OPS-3: what ends is found when its hour is over, whoever noted it, and not before.
#[test]
fn what_ends_is_found_when_its_hour_is_over() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        assert_eq!(sweep_all(&kv), []);
        let now = world.unix_seconds();
        let due =
            |number| Due { key: key(number), kind: 0, expires_unix_seconds: now + u64::from(number) * HOUR_SECONDS };
        for number in 1..4 {
            assert_eq!(run(kv.note_expiry(&due(number), now)), Ok(Appended::Added), "{backend:?}");
        }
        world.advance(2 * HOUR_SECONDS + QUIET_SECONDS);
        assert_eq!(sweep_all(&kv), [key(1)], "{backend:?}");
        world.advance(10 * HOUR_SECONDS);
        assert_eq!(sweep_all(&kv).len(), 2, "{backend:?}");
        assert!(world.keys().iter().all(|key| !key.starts_with("due:")), "{backend:?}: {:?}", world.keys());
    }
}

// OPS-3: two sweeps that see the same work: one of them takes it, and the other finds it done.
#[test]
fn one_sweep_at_a_time() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let (one, other) = (world.kv(), world.kv());
        remind(&one, &key(1));
        world.advance(QUIET_SECONDS);
        let (Ok(Ahead::Batch(mine)), Ok(Ahead::Batch(theirs))) = (run(one.next_batch()), run(other.next_batch()))
        else {
            panic!("{backend:?}: both see it")
        };
        let turn = run(one.take_turn(mine)).expect("no fault").expect("is free");
        assert!(run(other.take_turn(theirs)).expect("no fault").is_none(), "{backend:?}: only one takes it");
        assert!(matches!(run(other.next_batch()), Ok(Ahead::Taken)), "{backend:?}");
        assert!(!finish(&one, turn));
        assert_eq!(sweep_all(&other), [], "{backend:?}: done");
    }
}

/// Two reminders and an end, all of them ripe: the keys 0 to 2.
fn note_three(world: &World) {
    let kv = world.kv();
    for number in 0..2 {
        remind(&kv, &key(number));
    }
    let now = world.unix_seconds();
    let due = Due { key: key(2), kind: 0, expires_unix_seconds: now };
    assert_eq!(run(kv.note_expiry(&due, now)), Ok(Appended::Added));
    world.advance(2 * DAY_SECONDS);
}

// OPS-3: two sweeps at once, one interrupted anywhere and one of them dying anywhere: what one of them found the
// other does not work on, and what a dead one left is found again by whoever comes later.
#[test]
fn two_sweeps_share_the_work() {
    let expected = [key(0), key(1), key(2)];
    // Whole sweeps make long runs. Turns are taken by `replace`, which is explored on every store in every run.
    let backends = if full() { Backend::ALL.as_slice() } else { &[Backend::Sqlite] };
    for backend in backends.iter().copied() {
        // What the run under way has found, also by a sweep that died.
        let found = Rc::new(RefCell::new(Vec::new()));
        let setup = || {
            found.borrow_mut().clear();
            let world = World::new(backend);
            let kv = world.kv();
            sweep_all(&kv);
            note_three(&world);
            let sweeps = (0..2).map(|_| {
                let (kv, found) = (world.kv(), Rc::clone(&found));
                Actor::new(async move { sweeping(&kv, &found).await })
            });
            let sweeps = sweeps.collect();
            (world, sweeps)
        };
        let bounds = Bounds { crashes: 1, switches: Some(if full() { 2 } else { 1 }) };
        let explored = every_order(bounds, setup, |ran| {
            let died = ran.outcomes.iter().any(Option::is_none);
            let mut found = found.borrow().clone();
            // As soon as a dead one must be dead, and what it has noted for later has ripened.
            ran.world.advance(DAY_SECONDS);
            found.extend(sweep_all(&ran.world.kv()));
            found.sort();
            if died {
                found.dedup();
            }
            assert_eq!(found, expected, "{backend:?} {:?}", ran.schedule);
        });
        assert!(explored.checked > 20, "{backend:?}: {explored:?}");
        report("two sweeps", backend, explored);
    }
}

fn reminded(item: &Item) -> Option<Reminder> {
    match item {
        Item::Reminder(reminder) => Some(reminder.clone()),
        Item::Over(_) => None,
    }
}

/// Sweeps until there is nothing more, turn by turn; writes down what it is about to work on.
async fn sweeping(kv: &TestKv, found: &RefCell<Vec<Key>>) {
    while let Ok(Ahead::<Client>::Batch(batch)) = kv.next_batch().await {
        let Ok(Some(turn)) = kv.take_turn(batch).await else { return };
        found.borrow_mut().extend(keys(&turn));
        let done = turn.items().count();
        if !kv.finish(turn, done).await.unwrap_or(false) {
            return;
        }
    }
}

// OPS-3: a sweep that dies after any operation leaves everything to the next one, as soon as it must be dead.
#[test]
fn a_sweep_may_die_anywhere() {
    for backend in Backend::ALL {
        let mut points = 0;
        for point in 0.. {
            let world = World::new(backend);
            let kv = world.kv();
            sweep_all(&kv);
            let before = passing(&world);
            note_three(&world);
            let dying = world.kv();
            let found = RefCell::new(Vec::new());
            let mut actor = Actor::new(sweeping(&dying, &found));
            let finished = (0..point).any(|_| actor.step().is_some());
            actor.crash();
            drop(actor);
            let mut worked_on = found.into_inner();
            world.advance(QUIET_SECONDS);
            worked_on.extend(sweep_all(&world.kv()));
            let worked_on: BTreeSet<Key> = worked_on.into_iter().collect();
            assert_eq!(worked_on, (0..3).map(key).collect::<BTreeSet<_>>(), "{backend:?}, dead at {point}");
            assert_eq!(passing(&world), before, "{backend:?}, dead at {point}: nothing is left behind");
            points += 1;
            if finished {
                break;
            }
        }
        assert!(points > 20, "{backend:?}: {points} points");
    }
}

/// One turn that has nothing to show for what it looks at, and notes all of it again.
async fn in_vain(kv: &TestKv) {
    let Ok(Ahead::<Client>::Batch(batch)) = kv.next_batch().await else { return };
    let Ok(Some(turn)) = kv.take_turn(batch).await else { return };
    for reminder in turn.items().filter_map(reminded) {
        if !matches!(kv.postpone(&turn, &reminder).await, Ok(Some(Appended::Added | Appended::AlreadyThere))) {
            return;
        }
    }
    let done = turn.items().count();
    let _ = kv.finish(turn, done).await;
}

// OPS-3: a turn that dies anywhere, and is repeated once it must be dead, has noted each reminder for later exactly once;
// also where lists were nearly full, and where a second turn dies as well.
#[test]
fn a_turn_that_dies_notes_nothing_twice() {
    for backend in Backend::ALL {
        // The store makes no difference to where a list's next sheet begins.
        let many = (backend == Backend::Sqlite).then_some((40, 1));
        for (reminders, deaths) in [(3, 1), (3, 2)].into_iter().chain(many) {
            let mut points = 0;
            for point in 0.. {
                let world = World::new(backend);
                let kv = world.kv();
                sweep_all(&kv);
                if reminders == 40 {
                    // The next sheet is begun in the middle of the turn.
                    for number in 100..180 {
                        remind(&kv, &key(number));
                    }
                    world.advance(QUIET_SECONDS);
                    run(in_vain(&kv));
                    run(in_vain(&kv));
                }
                (0..reminders).for_each(|number| remind(&kv, &key(number)));
                world.advance(QUIET_SECONDS);
                let mut finished = false;
                for _ in 0..deaths {
                    let dying = world.kv();
                    let mut actor = Actor::new(in_vain(&dying));
                    finished = (0..point).any(|_| actor.step().is_some());
                    actor.crash();
                    drop(actor);
                    world.advance(QUIET_SECONDS + 1);
                }
                // Should it have died while it began a list, that list's gates are closed for a while.
                for _ in 0..4 {
                    run(in_vain(&kv));
                    world.advance(QUIET_SECONDS + 1);
                }
                world.advance(WAITS_SECONDS.iter().sum());
                let mut found = sweep_all(&kv);
                found.retain(|found| (0..reminders).any(|number| key(number) == *found));
                let mut expected: Vec<Key> = (0..reminders).map(key).collect();
                expected.sort();
                found.sort();
                assert_eq!(found, expected, "{backend:?}, {deaths} dead at {point}");
                points += 1;
                if finished {
                    break;
                }
            }
            assert!(points > 20, "{backend:?}: {points} points");
            println!(
                "proved | schedules | primitives | a dying turn, {reminders} reminders | {backend:?} | {points} | {points} checked"
            );
        }
    }
}

// OPS-3: a turn that ends before it has done everything leaves the rest, and only the rest, to the next one.
#[test]
fn a_turn_may_end_after_any_item() {
    for backend in Backend::ALL {
        for at_most in [1, 3, 7, BATCH_ITEMS] {
            let world = World::new(backend);
            let kv = world.kv();
            sweep_all(&kv);
            let before = passing(&world);
            (0..130).for_each(|number| remind(&kv, &key(number)));
            let now = world.unix_seconds();
            for number in 130..160 {
                let ends = now + u64::from(number % 3) * HOUR_SECONDS;
                let due = Due { key: key(number), kind: 0, expires_unix_seconds: ends };
                assert_eq!(run(kv.note_expiry(&due, now)), Ok(Appended::Added));
            }
            world.advance(2 * DAY_SECONDS);
            let mut found = Vec::new();
            while let Ok(Ahead::Batch(batch)) = run(kv.next_batch()) {
                let turn = run(kv.take_turn(batch)).expect("no fault").expect("nobody else sweeps here");
                let done = at_most.min(turn.items().count());
                found.extend(keys(&turn).into_iter().take(done));
                run(kv.finish(turn, done)).expect("no fault");
            }
            found.sort();
            let mut expected: Vec<Key> = (0..160).map(key).collect();
            expected.sort();
            assert_eq!(found, expected, "{backend:?}, {at_most} a turn");
            assert_eq!(passing(&world), before, "{backend:?}, {at_most} a turn: nothing of the log stays");
        }
    }
}

// OPS-3: one entry leads to several records, and to what was prepared for the first of them.
#[test]
fn one_reminder_serves_all_that_a_request_writes() {
    let world = World::new(Backend::Sqlite);
    let kv = world.kv();
    let prepared: Vec<[u8; 16]> = (0..100).map(numbered).collect();
    for shard in 0..4 {
        remind(&kv, &key(shard));
    }
    world.advance(QUIET_SECONDS);
    while sweep(&kv).is_some_and(|(found, _)| !found.is_empty()) {}
    world.take_cost();
    let two = [key(1), key(2)];
    assert_eq!(run(kv.remind_of(&two, &[numbered(0)], world.unix_seconds())).map(|note| note.is_some()), Ok(true));
    assert_eq!(world.take_cost().writes % 4, 1, "one entry, and in a shard's first minute its sheet");
    assert_eq!(run(kv.remind_of(&two, &prepared, world.unix_seconds())).map(|note| note.is_some()), Ok(true));
    world.advance(QUIET_SECONDS);
    let Ok(Ahead::Batch(batch)) = run(kv.next_batch()) else { panic!("there is something to do") };
    let turn = run(kv.take_turn(batch)).expect("no fault").expect("nobody else sweeps here");
    let mut reminders: Vec<Reminder> = turn.items().filter_map(reminded).collect();
    reminders.sort_by_key(|reminder| (reminder.keys.len(), reminder.prepared.len()));
    let shape: Vec<_> = reminders.iter().map(|reminder| (reminder.keys.len(), reminder.prepared.len())).collect();
    assert_eq!(shape, [(1, 100 - PREPARED_MAX), (2, 1), (2, PREPARED_MAX)]);
    let mut named: Vec<[u8; 16]> = reminders.iter().flat_map(|reminder| reminder.prepared.clone()).collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named, prepared);
    let [.., both] = reminders.as_slice() else { panic!("there are three") };
    assert_eq!(both.about(&key(1)).prepared.len(), PREPARED_MAX);
    assert!(both.about(&key(2)).prepared.is_empty(), "it was prepared for the first one");
}

// OPS-3: what was prepared is removed unless the record that it was prepared for names it.
#[test]
fn what_was_prepared_and_is_not_named_is_removed() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        let prepared: Vec<[u8; 16]> = (1..5).map(numbered).collect();
        for id in &prepared {
            run(kv.insert_fresh(id, sample("prepared"), Vec::new())).expect("fresh");
        }
        let owner = Sample { sum: 2, ..sample("owner") };
        assert_eq!(run(kv.remove_unnamed(Some(&owner), &prepared)), Ok(2), "{backend:?}");
        let left = |world: &World| world.every::<Sample>().expect("readable").len();
        assert_eq!(left(&world), 2, "{backend:?}");
        assert_eq!(run(kv.remove_unnamed::<Sample>(None, &prepared)), Ok(4), "{backend:?}");
        assert_eq!(left(&world), 0, "{backend:?}");
    }
}

/// Removes in parts, one a turn, until nothing is left.
async fn removing(kv: &TestKv, at_most: usize) {
    while let Ok(Some(seen)) = kv.load::<Sample>(&ID).await {
        if !matches!(kv.remove_over(seen, at_most).await, Ok(Removed::Part)) {
            return;
        }
    }
}

// OPS-3: a removal in parts goes on where it stopped, wherever that was, and removes everything once.
#[test]
fn a_removal_in_parts_may_die_anywhere() {
    for backend in Backend::ALL {
        for point in 0.. {
            let world = World::new(backend);
            let kv = world.kv();
            for number in 1..=10 {
                run(kv.insert_fresh(&numbered(number), sample("a part"), Vec::new())).expect("fresh");
            }
            run(kv.insert_fresh(&[1; 16], sample("of no concern"), Vec::new())).expect("fresh");
            run(kv.insert_fresh(&ID, Sample { sum: 10, ..sample("whole") }, Vec::new())).expect("fresh");
            let dying = world.kv();
            let mut actor = Actor::new(removing(&dying, 4));
            let finished = (0..point).any(|_| actor.step().is_some());
            actor.crash();
            drop(actor);
            world.take_cost();
            run(removing(&kv, 4));
            assert!(world.take_cost().writes <= 13, "{backend:?}, dead at {point}: at most one part again");
            let left = world.every::<Sample>().expect("readable");
            assert_eq!(left.len(), 1, "{backend:?}, dead at {point}");
            if finished {
                assert!(point > 13);
                break;
            }
        }
    }
}

// OPS-3: the time in which a condemned record may be deleted begins when whoever saw it before is dead, and ends a
// request's life before anybody writes to it again, whichever clocks they have.
#[test]
fn a_condemned_record_is_deleted_in_its_time_only() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        run(world.kv().insert_fresh(&ID, sample("over"), Vec::new())).expect("fresh");
        let seen = |kv: &TestKv| run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
        let kv = world.kv();
        assert_eq!(kv.removal(&seen(&kv)), Removal::NotBegun);
        assert_eq!(run(kv.condemn(seen(&kv))), Ok(true));
        for (after, expected, writable) in [
            (0, Removal::TooEarly, false),
            (59, Removal::TooEarly, false),
            (60, Removal::Ripe, false),
            (CONDEMNED_SECONDS - 60, Removal::Ripe, false),
            (CONDEMNED_SECONDS - 59, Removal::NotBegun, false),
            (CONDEMNED_SECONDS - 1, Removal::NotBegun, false),
            (CONDEMNED_SECONDS, Removal::NotBegun, true),
        ] {
            let later = world.fork();
            later.advance(after);
            let kv = later.kv();
            assert_eq!(kv.removal(&seen(&kv)), expected, "{backend:?}, {after} seconds later");
            let replaced = run(kv.replace(seen(&kv), sample("again"), Vec::new())).expect("no fault");
            assert_eq!(matches!(replaced, Replaced::Committed(_)), writable, "{backend:?}, {after} seconds later");
            if writable {
                assert_eq!(kv.removal(&seen(&kv)), Removal::NotBegun, "{backend:?}: it lives on");
                assert_eq!(standing(&later).expect("it is there").revision(), 3);
            }
        }
    }
}

// OPS-3: gates that a dead creator left are removed, and only those of minutes that nobody uses any more.
#[test]
fn the_gates_of_a_dead_creator_are_removed() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let (kv, dying) = (world.kv(), world.kv());
        let mut actor = Actor::new(async {
            assert!(dying.remind(&Sample::key(&ID)).await.is_ok());
            dying.create(&ID, sample("a"), Vec::new()).await
        });
        while !world.keys().iter().any(|key| key.starts_with("gate:") && key.contains(":sample:")) {
            assert!(actor.step().is_none(), "{backend:?}: it takes gates");
        }
        actor.crash();
        let noted_unix_seconds = world.unix_seconds();
        world.advance(WAITS_SECONDS.iter().take(2).sum());
        run(kv.remove_gates(&reminder(Sample::key(&ID), noted_unix_seconds, 1))).expect("no fault");
        assert!(world.keys().iter().all(|key| !key.starts_with("gate:")), "{backend:?}: {:?}", world.keys());
    }
}
