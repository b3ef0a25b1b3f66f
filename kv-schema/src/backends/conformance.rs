//! Every primitive, alone, on every backend: what it does, what it costs, and what a single fault leaves.

#![expect(clippy::indexing_slicing, reason = "a test that reads past the end fails, as it should")]

use shared::secret::Sealed;

use super::{
    model::Backend,
    sample::{ID, Sample, effect, name_of, run, sample, standing, world_with},
    world::{Moment, World},
};
use crate::{
    key::{Counter, Name},
    kv::{CREATE_BACKOFF_MILLIS, Created, Fault, Replaced, Settled},
    list::{Appended, Cursor, Entry, EntryId, List, PAYLOAD_BYTES_MAX, Removed},
    log::{Due, LOG_SHARDS},
    record::{EFFECTS_MAX, EffectId, Record, RecordFault},
    store::{Store, Swap, Watched},
};

fn effects(names: &[&str]) -> Vec<Sealed> {
    names.iter().map(|name| effect(name)).collect()
}

fn entry(number: u32, world: &World) -> Entry {
    Entry { id: entry_id(number), at_unix_seconds: world.unix_seconds(), payload: number.to_be_bytes().into() }
}

fn entry_id(number: u32) -> EntryId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    EntryId(id)
}

fn list() -> List {
    List::named(&Name::new("queue"))
}

fn all(world: &World, list: &List) -> Vec<u32> {
    let kv = world.kv();
    let mut numbers = Vec::new();
    let mut from = None;
    loop {
        let page = run(kv.page(list, from)).expect("nothing fails here");
        let payloads = page.entries.iter().map(|entry| entry.payload.as_slice().try_into().expect("four bytes"));
        numbers.extend(payloads.map(u32::from_be_bytes));
        match page.next {
            Some(next) => from = Some(next),
            None => return numbers,
        }
    }
}

fn fill(world: &World, numbers: std::ops::Range<u32>) {
    let kv = world.kv();
    for number in numbers {
        assert_eq!(run(kv.append(&list(), &entry(number, world))), Ok(Appended::Added), "{number}");
    }
}

#[test]
fn what_is_written_is_read() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        assert!(run(kv.get::<Sample>(&ID)).expect("no fault").is_none());
        assert!(run(kv.load::<Sample>(&ID)).expect("no fault").is_none());
        let stored = run(kv.insert_fresh(&ID, sample("a"), effects(&["mail"]))).expect("no fault");
        assert_eq!((stored.value(), stored.revision()), (&sample("a"), 1), "{backend:?}");
        assert_eq!(stored.created_unix_seconds(), world.unix_seconds());
        let read = run(kv.get::<Sample>(&ID)).expect("no fault").expect("it is there");
        assert_eq!((read.value(), read.revision()), (&sample("a"), 1));
        assert_eq!(read.pending(), stored.pending());
    }
}

#[test]
fn a_fresh_id_that_is_taken_is_a_fault_and_changes_nothing() {
    for backend in Backend::ALL {
        let world = world_with(backend, "first");
        let again = run(world.kv().insert_fresh(&ID, sample("second"), Vec::new()));
        assert_eq!(again.err(), Some(Fault::Occupied { prefix: "sample" }), "{backend:?}");
        assert_eq!(standing(&world).expect("it is there").value(), &sample("first"));
    }
}

#[test]
fn create_creates_once_and_leaves_no_gate() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let created = run(world.kv().create(&ID, sample("a"), effects(&["mail"]))).expect("no fault");
        assert!(matches!(&created, Created::Created(stored) if stored.pending().len() == 1), "{backend:?}");
        assert_eq!(world.keys(), [Sample::key(&ID).as_str()]);
        let again = run(world.kv().create(&ID, sample("b"), Vec::new())).expect("no fault");
        assert!(matches!(again, Created::Existed(stored) if stored.value() == &sample("a")));
    }
}

#[test]
fn a_replacement_is_committed_once_and_the_loser_sees_the_winner() {
    for backend in Backend::ALL {
        let world = world_with(backend, "a");
        let kv = world.kv();
        let first = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
        let second = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
        let committed = run(kv.replace(first, sample("b"), Vec::new())).expect("no fault");
        assert!(matches!(committed, Replaced::Committed(stored) if stored.revision() == 2), "{backend:?}");
        let Replaced::Lost(seen) = run(kv.replace(second, sample("c"), Vec::new())).expect("no fault") else {
            panic!("{backend:?}: the second is lost");
        };
        assert_eq!(seen.value(), &sample("b"));
        let retried = run(kv.replace(seen, sample("c"), Vec::new())).expect("no fault");
        assert!(matches!(retried, Replaced::Committed(stored) if stored.revision() == 3));
    }
}

#[test]
fn replacing_what_is_removed_does_not_bring_it_back() {
    for backend in Backend::ALL {
        let world = world_with(backend, "a");
        let kv = world.kv();
        let seen = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
        run(world.client().delete(&Sample::key(&ID))).expect("no fault");
        let replaced = run(kv.replace(seen, sample("b"), Vec::new())).expect("no fault");
        assert!(matches!(replaced, Replaced::Gone), "{backend:?}");
        assert!(standing(&world).is_none());
    }
}

#[test]
fn effects_stay_until_they_are_settled() {
    for backend in Backend::ALL {
        let world = world_with(backend, "a");
        let kv = world.kv();
        let seen = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
        let Replaced::Committed(first) =
            run(kv.replace(seen, sample("b"), effects(&["one", "two"]))).expect("no fault")
        else {
            panic!("{backend:?}: nobody contends");
        };
        let seen = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
        let Replaced::Committed(second) = run(kv.replace(seen, sample("c"), effects(&["three"]))).expect("no fault")
        else {
            panic!("{backend:?}: nobody contends");
        };
        let names: Vec<_> = second.pending().iter().map(name_of).collect();
        assert_eq!(names, ["one", "two", "three"]);
        let done: Vec<EffectId> = first.pending().iter().map(|pending| pending.id).collect();
        let undone = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there").into_undone();
        assert_eq!(run(kv.settle(undone, &done)), Ok(Settled::Done));
        let stored = standing(&world).expect("it is there");
        assert_eq!(stored.value(), &sample("c"), "settling changes nothing else");
        assert_eq!(stored.pending(), &second.pending()[2..]);
        let mut seen = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
        assert!(seen.settle(&[stored.pending()[0].id]));
        let Replaced::Committed(third) = run(kv.replace(seen, sample("d"), Vec::new())).expect("no fault") else {
            panic!("{backend:?}: nobody contends");
        };
        assert!(third.pending().is_empty());
    }
}

#[test]
fn too_many_effects_and_too_large_values_are_refused_before_anything_is_written() {
    let world = world_with(Backend::Sqlite, "a");
    let kv = world.kv();
    let seen = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
    let many = vec![effect("mail"); EFFECTS_MAX + 1];
    let fault = run(kv.replace(seen, sample("b"), many)).expect_err("too many");
    assert_eq!(fault, Fault::Record { prefix: "sample", fault: RecordFault::TooManyEffects });
    let large = run(kv.insert_fresh(&[8; 16], sample(&"x".repeat(300_000)), Vec::new())).expect_err("too large");
    assert!(matches!(large, Fault::Record { fault: RecordFault::TooLarge { .. }, .. }));
    assert_eq!(world.take_cost().writes, 0);
}

#[test]
fn a_newer_record_is_neither_read_nor_overwritten() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        let newer = vec![1, 2, 99];
        world.plant(&Sample::key(&ID), newer.clone());
        let too_new = Fault::Record { prefix: "sample", fault: RecordFault::TooNew { format: 1, version: 2 } };
        assert_eq!(run(kv.get::<Sample>(&ID)).err(), Some(too_new.clone()));
        assert_eq!(run(kv.load::<Sample>(&ID)).err(), Some(too_new.clone()));
        assert_eq!(run(kv.create(&ID, sample("a"), Vec::new())).err(), Some(too_new));
        assert!(run(kv.insert_fresh(&ID, sample("a"), Vec::new())).is_err());
        assert_eq!(world.bytes(&Sample::key(&ID)), Some(newer), "{backend:?}");
    }
}

/// Whichever operation of a primitive fails, before or after its effect, the caller is told nothing that is not so, and
/// trying again comes to the same end.
#[test]
fn one_fault_anywhere_is_healed_by_trying_again() {
    for backend in Backend::ALL {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect, Moment::AfterNextLook] {
            for operation in 0..12 {
                let world = World::new(backend);
                world.fail_after(operation, moment);
                let first = run(world.kv().create(&ID, sample("a"), Vec::new()));
                let told = matches!(first, Ok(Created::Created(_) | Created::Existed(_)));
                assert!(!told || standing(&world).is_some(), "{backend:?} {moment:?} {operation}: told but not there");
                world.stop_failing();
                world.advance(120);
                let again = run(world.kv().create(&ID, sample("a"), Vec::new()));
                assert!(
                    matches!(again, Ok(Created::Created(_) | Created::Existed(_))),
                    "{backend:?} {moment:?} {operation}"
                );

                let world = world_with(backend, "a");
                let kv = world.kv();
                world.fail_after(operation, moment);
                let told = run(async {
                    let seen = kv.load::<Sample>(&ID).await?.expect("it is there");
                    kv.replace(seen, sample("b"), Vec::new()).await
                });
                let revision = standing(&world).expect("it is there").revision();
                match told {
                    Ok(Replaced::Committed(_)) => assert_eq!(revision, 2, "{backend:?} {moment:?} {operation}"),
                    Ok(_) => assert_eq!(revision, 1, "{backend:?} {moment:?} {operation}"),
                    Err(_) => assert!(revision <= 2),
                }
                world.stop_failing();
                let again = run(async {
                    let seen = kv.load::<Sample>(&ID).await?.expect("it is there");
                    kv.replace(seen, sample("c"), Vec::new()).await
                });
                assert!(matches!(again, Ok(Replaced::Committed(_))), "{backend:?} {moment:?} {operation}");
                let stands = standing(&world).expect("it is there");
                assert_eq!((stands.revision(), stands.value().text.as_str()), (revision + 1, "c"));
            }
        }
    }
}

/// A creator whose look past the gates fails has nothing under way: the next one need not wait.
#[test]
fn a_creator_that_fails_before_it_writes_leaves_no_gate() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        assert!(matches!(run(world.kv().create(&[8; 16], sample("a"), Vec::new())), Ok(Created::Created(_))));
        let look = world.journal().iter().position(|op| op.kind == super::world::OpKind::Watch).expect("it looks");
        world.fail_after(look, Moment::BeforeEffect);
        assert!(run(world.kv().create(&ID, sample("a"), Vec::new())).is_err());
        world.stop_failing();
        assert!(world.keys().iter().all(|key| !key.starts_with("gate:")), "{backend:?}: {:?}", world.keys());
        assert!(matches!(run(world.kv().create(&ID, sample("a"), Vec::new())), Ok(Created::Created(_))));
    }
}

#[test]
fn a_swap_that_was_applied_but_reported_as_failed_is_a_success() {
    let world = world_with(Backend::Redis, "a");
    let client = world.client();
    let Watched { cas, .. } = run(client.watch(&Sample::key(&ID))).expect("no fault");
    let bytes = world.bytes(&Sample::key(&ID)).expect("it is there");
    let swap = run(client.swap(cas, bytes)).expect("no fault");
    assert!(matches!(swap, Swap::Refused(_)), "the trap is in the model");
    // What Redis makes of every write, the other backends make of one whose answer is lost: load is operation 0, swap 1.
    for backend in Backend::ALL {
        let world = world_with(backend, "a");
        let kv = world.kv();
        world.fail_after(1, Moment::AfterEffect);
        let seen = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
        let replaced = run(kv.replace(seen, sample("b"), effects(&["mail"]))).expect("the trail tells");
        assert!(matches!(replaced, Replaced::Committed(stored) if stored.pending().len() == 1), "{backend:?}");
        assert_eq!(standing(&world).expect("it is there").revision(), 2);
    }
}

#[test]
fn a_dead_creator_blocks_for_two_minutes_at_most() {
    for backend in Backend::ALL {
        for second in [0, 1, 59] {
            for operation in 0..7 {
                let world = World::new(backend);
                world.advance(second);
                let mut dead = super::turns::Actor::new({
                    let kv = world.kv();
                    async move { kv.create(&ID, sample("dead"), Vec::new()).await.is_ok() }
                });
                for _ in 0..=operation {
                    dead.step();
                }
                dead.crash();
                let waited = world.paused_millis();
                let meanwhile = run(world.kv().create(&ID, sample("b"), Vec::new())).expect("no fault");
                if matches!(meanwhile, Created::Busy) {
                    let wait: u64 = CREATE_BACKOFF_MILLIS.iter().copied().map(u64::from).sum();
                    assert_eq!(world.paused_millis() - waited, wait, "it has looked for a winner");
                }
                world.advance(120);
                let later = run(world.kv().create(&ID, sample("c"), Vec::new())).expect("no fault");
                assert!(!matches!(later, Created::Busy), "{backend:?}, second {second}, operation {operation}");
            }
        }
    }
}

#[test]
fn a_stale_read_decides_nothing() {
    let world = World::new(Backend::Dynamo);
    world.make_reads_stale();
    let kv = world.kv();
    assert!(matches!(run(kv.create(&ID, sample("a"), Vec::new())), Ok(Created::Created(_))));
    assert!(run(kv.get::<Sample>(&ID)).expect("no fault").is_none(), "the trap is in the model");
    let again = run(kv.create(&ID, sample("b"), Vec::new())).expect("no fault");
    assert!(matches!(again, Created::Existed(stored) if stored.value() == &sample("a")));
    fill(&world, 0..250);
    assert_eq!(run(kv.append(&list(), &entry(99, &world))), Ok(Appended::AlreadyThere));
}

/// Below strong consistency Cosmos DB may answer a watched read with what stood before, and its etag. Nothing is written on
/// the strength of it, and nobody is told otherwise.
#[test]
fn a_stale_watched_read_on_cosmos_overwrites_nothing() {
    let world = world_with(Backend::Cosmos, "a");
    let kv = world.kv();
    world.let_reads_catch_up();
    world.make_reads_stale();
    let load = || run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
    let first = run(kv.replace(load(), sample("b"), Vec::new()));
    assert!(matches!(first, Ok(Replaced::Committed(_))));
    let behind = load();
    assert_eq!(behind.value(), &sample("a"), "the trap is in the model");
    let second = run(kv.replace(behind, sample("c"), Vec::new()));
    assert!(matches!(second, Err(Fault::Refused { .. })), "refused, and it does not see by whom");
    world.make_reads_fresh();
    assert_eq!(load().value(), &sample("b"));

    let world = World::new(Backend::Cosmos);
    world.make_reads_stale();
    let kv = world.kv();
    assert!(matches!(run(kv.create(&ID, sample("a"), Vec::new())), Ok(Created::Created(_))));
    let again = run(kv.create(&ID, sample("b"), Vec::new()));
    assert!(matches!(again, Err(Fault::Refused { .. })), "neither a second record nor one that was not seen");
}

#[test]
fn counters_count() {
    for backend in Backend::ALL {
        let kv = World::new(backend).kv();
        let counter = Counter::named(&Name::new("launches"));
        assert_eq!(run(kv.count(&counter)), Ok(0), "{backend:?}");
        assert_eq!(run(kv.add(&counter, 5)), Ok(5));
        assert_eq!(run(kv.add(&counter, -2)), Ok(3));
        assert_eq!(run(kv.count(&counter)), Ok(3));
    }
}

#[test]
fn incrementing_a_record_is_a_fault_which_on_sqlite_takes_the_host_with_it() {
    for backend in Backend::ALL {
        let world = world_with(backend, "a");
        let client = world.client();
        assert!(run(client.increment(&Sample::key(&ID), 1)).is_err(), "{backend:?}");
        assert_eq!(run(client.get(&Sample::key(&ID))).is_err(), backend == Backend::Sqlite);
    }
}

#[test]
fn a_list_keeps_the_order_over_sheets() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        fill(&world, 0..305);
        assert_eq!(all(&world, &list()), (0..305).collect::<Vec<_>>(), "{backend:?}");
    }
}

#[test]
fn appending_again_is_harmless_however_late() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        let early = entry(3, &world);
        for batch in 0..5 {
            fill(&world, batch * 80..(batch + 1) * 80);
            world.advance(3600);
        }
        for repetition in 0..2 {
            assert_eq!(run(kv.append(&list(), &early)), Ok(Appended::AlreadyThere), "{backend:?} {repetition}");
        }
        assert_eq!(run(kv.remove(&list(), early.id, early.at_unix_seconds)), Ok(Removed::Removed));
        assert_eq!(run(kv.append(&list(), &early)), Ok(Appended::AlreadyThere), "also when it was removed");
        assert_eq!(run(kv.remove(&list(), early.id, early.at_unix_seconds)), Ok(Removed::Absent));
        // A first append that comes hours after its cause.
        let late = Entry { at_unix_seconds: early.at_unix_seconds, ..entry(4000, &world) };
        assert_eq!(run(kv.append(&list(), &late)), Ok(Appended::Added));
        assert_eq!(run(kv.append(&list(), &late)), Ok(Appended::AlreadyThere));
        assert_eq!(run(kv.remove(&list(), late.id, late.at_unix_seconds)), Ok(Removed::Removed));
        let expected: Vec<u32> = (0..400).filter(|number| *number != 3).collect();
        assert_eq!(all(&world, &list()), expected);
    }
}

#[test]
fn clocks_that_differ_by_thirty_seconds_do_not_hide_an_entry() {
    for (appender, repeater) in [(-29, 29), (29, -29), (-15, 15), (0, 0)] {
        let world = World::new(Backend::Redis);
        let kvs = [world.kv_with_skew(appender), world.kv_with_skew(repeater)];
        let mut entries = Vec::new();
        for number in 0..350_u32 {
            world.advance(u64::from(number % 3));
            let skew = [appender, repeater][number as usize % 2];
            let at_unix_seconds = world.unix_seconds().saturating_add_signed(skew);
            let entry = Entry { at_unix_seconds, ..entry(number, &world) };
            assert_eq!(run(kvs[number as usize % 2].append(&list(), &entry)), Ok(Appended::Added));
            entries.push(entry);
        }
        for (number, entry) in entries.iter().enumerate() {
            assert_eq!(run(kvs[(number + 1) % 2].append(&list(), entry)), Ok(Appended::AlreadyThere), "{number}");
            let removed = run(kvs[number % 2].remove(&list(), entry.id, entry.at_unix_seconds));
            assert_eq!(removed, Ok(Removed::Removed), "{number}");
        }
        assert_eq!(all(&world, &list()), []);
    }
}

#[test]
fn a_reader_does_not_pay_for_what_was_removed_at_the_front() {
    let world = World::new(Backend::Sqlite);
    let kv = world.kv();
    fill(&world, 0..510);
    for number in 0..500 {
        let removed = run(kv.remove(&list(), entry_id(number), world.unix_seconds()));
        assert_eq!(removed, Ok(Removed::Removed), "{number}");
    }
    world.take_cost();
    let page = run(kv.page(&list(), None)).expect("no fault");
    assert_eq!((page.entries.len(), page.next), (10, None));
    assert_eq!(world.take_cost().to_string(), "2 reads, 0 writes");
}

#[test]
fn a_hole_in_the_middle_is_passed_in_bounded_steps() {
    let world = World::new(Backend::Sqlite);
    let kv = world.kv();
    fill(&world, 0..610);
    for number in 100..600 {
        let removed = run(kv.remove(&list(), entry_id(number), world.unix_seconds()));
        assert_eq!(removed, Ok(Removed::Removed));
    }
    let page = run(kv.page(&list(), Some(Cursor(1)))).expect("no fault");
    assert_eq!((page.entries.len(), page.next), (0, Some(Cursor(5))));
    let expected: Vec<u32> = (0..100).chain(600..610).collect();
    assert_eq!(all(&world, &list()), expected);
}

#[test]
fn a_payload_has_a_limit() {
    let world = World::new(Backend::Sqlite);
    let kv = world.kv();
    let with = |bytes| Entry { payload: vec![1; bytes], ..entry(1, &world) };
    assert!(run(kv.append(&list(), &with(PAYLOAD_BYTES_MAX + 1))).is_err());
    for number in 0..150 {
        let entry = Entry { id: entry_id(number), ..with(PAYLOAD_BYTES_MAX) };
        assert_eq!(run(kv.append(&list(), &entry)), Ok(Appended::Added), "a full sheet fits");
    }
}

#[test]
fn what_ends_is_found_by_the_hour() {
    for backend in Backend::ALL {
        let world = World::new(backend);
        let kv = world.kv();
        let now = world.unix_seconds();
        let due =
            |number: u8, expires_unix_seconds| Due { key: Sample::key(&[number; 16]), kind: 1, expires_unix_seconds };
        let mut expected = Vec::new();
        for number in 0..20 {
            let due = due(number, now + 7200 + u64::from(number));
            assert_eq!(run(kv.note_expiry(&due, now)), Ok(Appended::Added), "{backend:?}");
            assert_eq!(run(kv.note_expiry(&due, now)), Ok(Appended::AlreadyThere));
            expected.push(due);
        }
        assert_eq!(run(kv.note_expiry(&due(99, now - 7200), now)), Ok(Appended::Added));
        let of_hour = |hour| {
            let shards = (0..LOG_SHARDS).map(|shard| run(kv.due(hour, shard, None)).expect("no fault"));
            let mut due: Vec<Due> = shards.flat_map(|page| page.due).collect();
            due.sort_by_key(|due| due.expires_unix_seconds);
            due
        };
        assert_eq!(of_hour(now / 3600 + 2), expected);
        assert_eq!(of_hour(now / 3600), [due(99, now - 7200)], "over already: noted for the present hour");
        assert_eq!(of_hour(now / 3600 - 2), []);
    }
}

/// The trap that the gates are for: on `SQLite` the naive creation lets both believe that they won, and loses one's value.
#[test]
fn negative_control_create_by_swap_alone_fails_on_sqlite() {
    let both_win = |backend| {
        let world = World::new(backend);
        let (one, two) = (world.client(), world.client());
        let key = Sample::key(&ID);
        let first = run(one.watch(&key)).expect("no fault").cas;
        let second = run(two.watch(&key)).expect("no fault").cas;
        let first = run(one.swap(first, b"one".to_vec())).expect("no fault");
        let second = run(two.swap(second, b"two".to_vec())).expect("no fault");
        matches!((first, second), (Swap::Applied, Swap::Applied)) && world.bytes(&key) == Some(b"two".to_vec())
    };
    assert_eq!(Backend::ALL.map(both_win), [true, false, false, false]);
}

/// Redis pays one read more for each swap, to learn whether it happened; else the backends cost the same.
#[test]
fn every_primitive_costs_exactly_this() {
    let [sqlite, redis, dynamo, cosmos] = Backend::ALL.map(costs);
    assert_eq!((&sqlite, &sqlite), (&dynamo, &cosmos));
    let rows = sqlite.iter().zip(&redis).map(|((name, cost), (_, redis))| format!("{name}: {cost}; Redis {redis}\n"));
    let table: String = rows.collect();
    assert_eq!(table, COSTS, "\n{table}");
}

fn costs(backend: Backend) -> Vec<(&'static str, String)> {
    let world = World::new(backend);
    let mut costs = costs_of_records(&world);
    costs.extend(costs_of_lists(&world));
    costs
}

fn costs_of_records(world: &World) -> Vec<(&'static str, String)> {
    let kv = world.kv();
    let mut costs = Vec::new();
    let mut row = |name| costs.push((name, world.take_cost().to_string()));
    let stored = run(kv.insert_fresh(&ID, sample("a"), effects(&["mail"]))).expect("no fault");
    row("insert_fresh");
    let _ = run(kv.get::<Sample>(&ID)).expect("no fault");
    row("get");
    let seen = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
    row("load");
    let late = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there");
    world.take_cost();
    let _ = run(kv.replace(seen, sample("b"), Vec::new())).expect("no fault");
    row("replace, committed");
    let _ = run(kv.replace(late, sample("c"), Vec::new())).expect("no fault");
    row("replace, lost");
    let done: Vec<EffectId> = stored.pending().iter().map(|pending| pending.id).collect();
    for name in ["settle", "settle, settled before"] {
        let undone = run(kv.load::<Sample>(&ID)).expect("no fault").expect("it is there").into_undone();
        world.take_cost();
        assert_eq!(run(kv.settle(undone, &done)), Ok(Settled::Done));
        row(name);
    }
    let _ = run(kv.create(&[8; 16], sample("a"), Vec::new())).expect("no fault");
    row("create, created");
    let _ = run(kv.create(&[8; 16], sample("a"), Vec::new())).expect("no fault");
    row("create, existed");
    let _ = run(kv.create_missed(&[9; 16], sample("a"), Vec::new())).expect("no fault");
    row("create of what a read has missed");
    let _ = run(kv.count(&Counter::named(&Name::new("n")))).expect("no fault");
    row("count");
    costs
}

fn costs_of_lists(world: &World) -> Vec<(&'static str, String)> {
    let kv = world.kv();
    let mut costs = Vec::new();
    let mut row = |name| costs.push((name, world.take_cost().to_string()));
    let skip = |numbers| {
        fill(world, numbers);
        world.advance(3600);
        world.take_cost();
    };
    fill(world, 0..1);
    row("append, to a new list");
    fill(world, 1..2);
    row("append");
    assert_eq!(run(kv.append(&list(), &entry(1, world))), Ok(Appended::AlreadyThere));
    row("append, already there");
    skip(2..100);
    fill(world, 100..101);
    row("append, begins the second sheet");
    skip(101..200);
    fill(world, 200..201);
    row("append, begins another sheet");
    fill(world, 201..202);
    row("append, within a minute of that");
    skip(202..700);
    fill(world, 700..701);
    world.take_cost();
    let _ = run(kv.page(&list(), None)).expect("no fault");
    row("page, the first");
    let _ = run(kv.page(&list(), Some(Cursor(3)))).expect("no fault");
    row("page, by cursor");
    let last = entry(700, world);
    assert_eq!(run(kv.remove(&list(), last.id, last.at_unix_seconds)), Ok(Removed::Removed));
    row("remove, from the last of eight sheets");
    costs
}

const COSTS: &str = "\
insert_fresh: 1 reads, 1 writes; Redis 2 reads, 1 writes
get: 1 reads, 0 writes; Redis 1 reads, 0 writes
load: 1 reads, 0 writes; Redis 1 reads, 0 writes
replace, committed: 0 reads, 1 writes; Redis 1 reads, 1 writes
replace, lost: 1 reads, 1 writes; Redis 1 reads, 1 writes
settle: 0 reads, 1 writes; Redis 1 reads, 1 writes
settle, settled before: 0 reads, 0 writes; Redis 0 reads, 0 writes
create, created: 2 reads, 5 writes; Redis 3 reads, 5 writes
create, existed: 1 reads, 0 writes; Redis 1 reads, 0 writes
create of what a read has missed: 1 reads, 5 writes; Redis 2 reads, 5 writes
count: 0 reads, 1 writes; Redis 0 reads, 1 writes
append, to a new list: 4 reads, 5 writes; Redis 5 reads, 5 writes
append: 2 reads, 1 writes; Redis 3 reads, 1 writes
append, already there: 2 reads, 0 writes; Redis 2 reads, 0 writes
append, begins the second sheet: 8 reads, 10 writes; Redis 10 reads, 10 writes
append, begins another sheet: 6 reads, 6 writes; Redis 8 reads, 6 writes
append, within a minute of that: 3 reads, 1 writes; Redis 4 reads, 1 writes
page, the first: 2 reads, 0 writes; Redis 2 reads, 0 writes
page, by cursor: 1 reads, 0 writes; Redis 1 reads, 0 writes
remove, from the last of eight sheets: 6 reads, 1 writes; Redis 7 reads, 1 writes
";
