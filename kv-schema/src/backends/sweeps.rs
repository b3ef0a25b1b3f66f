//! OPS-3 on every backend's model: what a request leaves is found, once what is noted has ripened, at the stated cost,
//! by whichever sweep comes, wherever the one before it died.

use std::{cell::RefCell, collections::BTreeSet};

use super::{
    model::Backend,
    sample::{ID, Sample, TestKv, run, sample},
    turns::Actor,
    world::{Client, Cost, World},
};
use crate::{
    key::Key,
    list::Appended,
    log::{Due, HOUR_SECONDS},
    record::Record,
    sweep::{Ahead, BATCH_ITEMS, Item, QUIET_SECONDS, Reminder, Turn, WAITS_SECONDS},
};

const DAY_SECONDS: u64 = 86_400;

fn key(number: u8) -> Key {
    Sample::key(&[number; 16])
}

fn keys(turn: &Turn) -> Vec<Key> {
    let key = |item: &Item| match item {
        Item::Reminder(reminder) => reminder.key.clone(),
        Item::Over(due) => due.key.clone(),
    };
    turn.items().iter().map(key).collect()
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
            Some((found, run(kv.finish(turn)).expect("no fault")))
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
        let before = world.keys();
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
        assert_eq!(world.keys(), before, "{backend:?}: nothing of the log stays");
    }
}

// OPS-3 MSG-1: what is in vain is tried again after longer and longer waits, and given up after the last of them.
#[test]
fn what_is_in_vain_is_tried_again_later_and_later() {
    let world = World::new(Backend::Redis);
    let kv = world.kv();
    let mut reminder = Reminder { key: key(1), noted_unix_seconds: world.unix_seconds(), tries: 0 };
    remind(&kv, &reminder.key);
    let mut waits = Vec::new();
    loop {
        let begun = world.unix_seconds();
        while sweep_all(&kv) != [key(1)] {
            world.advance(30);
            assert!(world.unix_seconds() - begun <= 2 * DAY_SECONDS, "it is never found again");
        }
        waits.push(world.unix_seconds() - begun);
        if run(kv.postpone(&reminder)).expect("no fault").is_none() {
            break;
        }
        reminder.tries += 1;
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

// OPS-3: two sweeps at once: in every order of their turns each item is worked on by one of them at a time.
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
        assert!(!run(one.finish(turn)).expect("no fault"));
        assert_eq!(sweep_all(&other), [], "{backend:?}: done");
    }
}

/// Sweeps until there is nothing more, turn by turn; writes down what it is about to work on.
async fn sweeping(kv: &TestKv, found: &RefCell<Vec<Key>>) {
    while let Ok(Ahead::<Client>::Batch(batch)) = kv.next_batch().await {
        let Ok(Some(turn)) = kv.take_turn(batch).await else { return };
        found.borrow_mut().extend(keys(&turn));
        if !kv.finish(turn).await.unwrap_or(false) {
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
            let before = world.keys();
            for number in 0..3 {
                remind(&kv, &key(number));
            }
            world.advance(2 * DAY_SECONDS);
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
            assert_eq!(world.keys(), before, "{backend:?}, dead at {point}: nothing is left behind");
            points += 1;
            if finished {
                break;
            }
        }
        assert!(points > 20, "{backend:?}: {points} points");
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
        run(kv.remove_gates(&Reminder { key: Sample::key(&ID), noted_unix_seconds, tries: 1 })).expect("no fault");
        assert!(world.keys().iter().all(|key| !key.starts_with("gate:")), "{backend:?}: {:?}", world.keys());
    }
}
