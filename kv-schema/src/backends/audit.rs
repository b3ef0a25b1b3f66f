//! The audit trail (AUD-1): what is changed in it is found, and what moves out of a record is neither lost nor doubled,
//! wherever somebody dies.

use shared::audit::{Action, Actor, Deed, Origin};

use super::{
    explore::{Bounds, every_order},
    model::Backend,
    sample::{ID, Sample, TestKv, run, sample, world_with},
    turns,
    world::{Cost, World},
};
use crate::{
    audit::{NewEntry, PART_ENTRIES, PARTS_READ, Trail, first_hash},
    key::Key,
    kv::{Carried, Created, Fault, Removed, Replaced},
    list::EntryId,
    record::{Envelope, Record},
};

fn entry(request: &str, world: &World) -> NewEntry {
    let deed = Deed {
        actor: Actor::Stranger,
        action: Action::SignIn,
        denial: None,
        request: request.to_owned(),
        origin: Origin::V4([203, 0, 113]),
    };
    NewEntry { at_unix_seconds: world.unix_seconds(), note: None, deed }
}

fn carried(request: &str, world: &World) -> Carried {
    Carried { effects: Vec::new(), entry: Some(entry(request, world)) }
}

fn key() -> Key {
    Sample::key(&ID)
}

/// One commit with an entry, however often somebody else is faster.
async fn commit(kv: TestKv, world: World, request: String) -> Result<(), Fault> {
    let mut seen = kv.load::<Sample>(&ID).await?.expect("it stands");
    loop {
        match kv.replace(seen, sample(&request), carried(&request, &world)).await? {
            Replaced::Committed(_) => return Ok(()),
            Replaced::Lost(current) => seen = current,
            Replaced::Gone => panic!("nobody removes it"),
        }
    }
}

/// A record with so many entries, each named by its number.
fn with_entries(backend: Backend, number: u32) -> World {
    let world = World::new(backend);
    let created = run(world.kv().create(&ID, sample("0"), carried("0", &world)));
    assert!(matches!(created, Ok(Created::Created(_))));
    for n in 1..number {
        run(commit(world.kv(), world.clone(), n.to_string())).expect("no fault");
    }
    world
}

fn trail(world: &World) -> Trail {
    run(world.kv().trail_of(Sample::KIND, &key())).expect("no fault").expect("it has one")
}

fn requests(trail: &Trail) -> Vec<String> {
    trail.entries.iter().map(|linked| linked.entry.as_ref().expect("readable").deed.request.clone()).collect()
}

fn numbers(to: u32) -> Vec<String> {
    (0..to).map(|n| n.to_string()).collect()
}

#[test]
fn aud_1_every_entry_is_in_the_trail_in_order_however_many_there_are() {
    // AUD-1
    for backend in Backend::ALL {
        let world = with_entries(backend, 3 * PART_ENTRIES + 5);
        let trail = trail(&world);
        assert_eq!(requests(&trail), numbers(3 * PART_ENTRIES + 5), "{backend:?}");
        assert!(trail.holds && !trail.cut && !trail.removed, "{backend:?}");
        assert_eq!(trail.entries.first().map(|linked| linked.before), Some(first_hash(&key())));
        let revisions: Vec<u64> = trail.entries.iter().filter_map(|one| Some(one.entry.as_ref()?.revision)).collect();
        assert_eq!(revisions, (1..=u64::from(3 * PART_ENTRIES + 5)).collect::<Vec<_>>(), "{backend:?}");
        let bytes = world.bytes(&key()).expect("it stands");
        assert!(bytes.len() < 4 * 1024, "{backend:?}: the record stays small, {} bytes", bytes.len());
    }
}

#[test]
fn aud_1_an_entry_costs_nothing_but_every_thirty_second() {
    // AUD-1
    let world = with_entries(Backend::Sqlite, 1);
    let mut costs = Vec::new();
    for n in 1..=PART_ENTRIES {
        world.take_cost();
        run(commit(world.kv(), world.clone(), n.to_string())).expect("no fault");
        costs.push(world.take_cost());
    }
    assert_eq!(costs.pop(), Some(Cost { reads: 2, writes: 2 }));
    assert!(costs.iter().all(|cost| *cost == Cost { reads: 1, writes: 1 }));
}

#[test]
fn aud_1_taking_effects_out_is_no_entry() {
    // AUD-1
    let world = with_entries(Backend::Sqlite, 1);
    let effects = vec![super::sample::effect("mail")];
    let seen = run(world.kv().load::<Sample>(&ID)).expect("no fault").expect("it stands");
    let carried = Carried { effects, entry: Some(entry("1", &world)) };
    let Ok(Replaced::Committed(stored)) = run(world.kv().replace(seen, sample("1"), carried)) else { panic!("alone") };
    let [pending] = stored.pending() else { panic!("one effect") };
    let last = trail(&world).entries.pop().and_then(|linked| linked.entry).expect("readable");
    assert_eq!(pending.id.0.first_chunk::<15>(), last.write.0.first_chunk::<15>(), "the effect names its cause");
    let seen = run(world.kv().load::<Sample>(&ID)).expect("no fault").expect("it stands");
    let settled = run(world.kv().settle(seen.into_undone(), &[pending.id]));
    assert!(settled.is_ok());
    assert_eq!(requests(&trail(&world)), numbers(2));
}

/// The stored bytes of a record with `trail` instead of its own, as somebody who can write to the store would make them.
fn with_trail(world: &World, change: impl Fn(&mut Vec<Vec<u8>>)) -> World {
    let forged = world.fork();
    let bytes = world.bytes(&key()).expect("it stands");
    let mut envelope = Envelope::parse(Sample::KIND, key(), &bytes).expect("readable");
    let mut tail = envelope.take_tail().expect("it has one");
    let mut entries: Vec<Vec<u8>> = trail(world).entries.into_iter().map(|linked| linked.bytes).collect();
    change(&mut entries);
    tail.bytes = entries.iter().flat_map(|entry| postcard::to_allocvec(entry).expect("bytes")).collect();
    envelope.set_tail(tail);
    forged.plant(&key(), envelope.to_bytes().expect("small"));
    forged
}

#[test]
fn aud_1_whatever_is_changed_in_a_trail_is_found() {
    // AUD-1: changed, dropped, swapped, inserted, cut short, in the record and in a part.
    let world = with_entries(Backend::Sqlite, 6);
    assert!(trail(&with_trail(&world, |_| ())).holds, "what is not changed is not found fault with");
    let length = |n: usize| trail(&world).entries.get(n).map_or(0, |linked| linked.bytes.len());
    for n in 0..6 {
        for byte in 0..length(n) {
            let changed = with_trail(&world, |entries| {
                if let Some(byte) = entries.get_mut(n).and_then(|entry| entry.get_mut(byte)) {
                    *byte ^= 1;
                }
            });
            assert!(!trail(&changed).holds, "byte {byte} of entry {n}");
        }
        assert!(!trail(&with_trail(&world, |entries| drop(entries.remove(n)))).holds, "entry {n} dropped");
        let again = |entries: &mut Vec<Vec<u8>>| entries.extend(entries.get(n).cloned());
        assert!(!trail(&with_trail(&world, again)).holds, "entry {n} inserted again");
        for other in 0..n {
            assert!(!trail(&with_trail(&world, |entries| entries.swap(n, other))).holds, "{n} and {other} swapped");
        }
    }
    assert!(!trail(&with_trail(&world, Vec::clear)).holds, "all of them dropped");
}

#[test]
fn aud_1_a_part_that_is_changed_missing_or_anothers_is_found() {
    // AUD-1
    let world = with_entries(Backend::Sqlite, 2 * PART_ENTRIES + 2);
    let parts: Vec<Key> =
        world.keys().iter().filter(|key| key.starts_with("aud:")).map(|key| Key::of_stored(key)).collect();
    let [first, second] = parts.as_slice() else { panic!("two parts: {parts:?}") };
    let bytes = |key: &Key| world.bytes(key).expect("it stands");
    for (place, other) in [(first, second), (second, first)] {
        let forged = world.fork();
        forged.plant(place, bytes(other));
        assert!(!trail(&forged).holds, "another part");
        let missing = world.fork();
        run(missing.kv().delete(place)).expect("no fault");
        assert!(!trail(&missing).holds, "missing");
        for n in 0..bytes(place).len() {
            let forged = world.fork();
            let mut changed = bytes(place);
            if let Some(byte) = changed.get_mut(n) {
                *byte ^= 1;
            }
            forged.plant(place, changed);
            // The envelope's own bytes say nothing about the trail; some are not readable any more.
            let found = run(forged.kv().trail_of(Sample::KIND, &key()));
            let fits = found.is_ok_and(|found| found.is_some_and(|found| found.holds));
            assert!(!fits || n < 40, "byte {n}");
        }
    }
}

#[test]
fn aud_1_a_trail_does_not_fit_another_record() {
    // AUD-1
    let world = with_entries(Backend::Sqlite, 3);
    let other = Sample::key(&[8; 16]);
    world.plant(&other, world.bytes(&key()).expect("it stands"));
    let moved = run(world.kv().trail_of(Sample::KIND, &other)).expect("no fault").expect("it has one");
    assert!(!moved.holds);
}

#[test]
fn aud_1_a_trail_that_is_longer_than_can_be_read_says_so() {
    // AUD-1
    let parts = u32::try_from(PARTS_READ).expect("few") + 1;
    let trail = trail(&with_entries(Backend::Sqlite, parts * PART_ENTRIES + 1));
    assert!(trail.cut && trail.holds);
    assert_eq!(trail.entries.len(), PARTS_READ * 32 + 1);
}

// AUD-1: two who commit to a full trail at once, in every order and with a death anywhere.
#[test]
fn aud_1_moving_a_part_out_loses_and_doubles_nothing() {
    for backend in Backend::ALL {
        let begin = || {
            let world = with_entries(backend, PART_ENTRIES);
            world.take_cost();
            let actors = ["one", "two"].map(|name| {
                let committing = commit(world.kv(), world.clone(), name.to_owned());
                turns::Actor::new(async move { committing.await.is_ok() })
            });
            (world, actors.into_iter().collect())
        };
        let explored = every_order(Bounds { crashes: 1, switches: Some(3) }, begin, |ran| {
            let found = trail(ran.world);
            assert!(found.holds, "{backend:?}, {:?}", ran.schedule);
            let mut told = requests(&found);
            let mut new = told.split_off(32);
            assert_eq!(told, numbers(PART_ENTRIES), "{backend:?}, {:?}", ran.schedule);
            new.sort();
            for (outcome, name) in ran.outcomes.iter().zip(["one", "two"]) {
                let times = new.iter().filter(|request| *request == name).count();
                match outcome {
                    Some(true) => assert_eq!(times, 1, "{backend:?}, {:?}", ran.schedule),
                    Some(false) => panic!("nothing fails here"),
                    None => assert!(times <= 1, "{backend:?}, {:?}", ran.schedule),
                }
            }
            // Whoever comes later goes on from there.
            run(commit(ran.world.kv(), ran.world.clone(), "later".to_owned())).expect("no fault");
            let later = trail(ran.world);
            assert!(later.holds && later.entries.len() == found.entries.len() + 1, "{backend:?}, {:?}", ran.schedule);
        });
        assert!(explored.checked > 50, "{backend:?}: {explored:?}");
    }
}

/// As a sweep removes a record whose trail is kept.
async fn remove(kv: TestKv) -> Result<(), Fault> {
    let Some(seen) = kv.load::<Sample>(&ID).await? else { return Ok(()) };
    kv.bury(seen.stored().envelope()).await?;
    assert_eq!(kv.remove_over(seen, 10).await?, Removed::Whole);
    Ok(())
}

#[test]
fn aud_1_the_trail_of_a_removed_record_stays_wherever_the_sweep_dies() {
    // AUD-1, OPS-3
    for backend in Backend::ALL {
        for entries in [1, PART_ENTRIES, PART_ENTRIES + 1] {
            for point in 0.. {
                let world = with_entries(backend, entries);
                let mut dying = turns::Actor::new(remove(world.kv()));
                let finished = (0..point).any(|_| dying.step().is_some());
                dying.crash();
                let told = trail(&world);
                assert!(told.holds, "{backend:?}, dead at {point}");
                assert_eq!(requests(&told), numbers(entries), "{backend:?}, dead at {point}");
                world.advance(200);
                run(remove(world.kv())).expect("no fault");
                let told = trail(&world);
                assert!(told.holds && told.removed, "{backend:?}, dead at {point}");
                assert_eq!(requests(&told), numbers(entries), "{backend:?}, dead at {point}");
                if finished {
                    break;
                }
            }
        }
    }
}

#[test]
fn aud_1_a_record_that_is_made_anew_begins_a_chain_and_keeps_the_former_one() {
    // AUD-1
    for backend in Backend::ALL {
        let world = with_entries(backend, PART_ENTRIES + 1);
        for _ in 0..2 {
            run(remove(world.kv())).expect("no fault");
            world.advance(200);
            let again = run(world.kv().create(&ID, sample("again"), carried("again", &world)));
            assert!(matches!(again, Ok(Created::Created(_))), "{backend:?}");
        }
        let told = trail(&world);
        assert!(told.holds && !told.removed, "{backend:?}");
        let expected = [numbers(PART_ENTRIES + 1), vec!["again".to_owned(), "again".to_owned()]].concat();
        assert_eq!(requests(&told), expected, "{backend:?}");
    }
}

#[test]
fn aud_1_a_note_leads_to_its_entries_also_in_parts_and_to_no_others() {
    // AUD-1: three days with many entries each, of which the first is noted; every entry is found by one note.
    let world = world_with(Backend::Sqlite, "not audited yet");
    let mut notes = Vec::new();
    for day in 0..3_u8 {
        let note = EntryId([day + 1; 16]);
        notes.push((note, world.unix_seconds()));
        for n in 0..50_u32 {
            let mut entry = entry(&format!("{day}.{n}"), &world);
            entry.note = (n == 0).then_some(note);
            let seen = run(world.kv().load::<Sample>(&ID)).expect("no fault").expect("it stands");
            let carried = Carried { effects: Vec::new(), entry: Some(entry) };
            let replaced = run(world.kv().replace(seen, sample("x"), carried));
            assert!(matches!(replaced, Ok(Replaced::Committed(_))));
        }
        world.advance(86_400);
    }
    for (day, (note, at)) in notes.iter().enumerate() {
        let found = run(world.kv().noted_of(Sample::KIND, &key(), note, *at)).expect("no fault");
        let found: Vec<String> = found.into_iter().filter_map(|linked| Some(linked.entry?.deed.request)).collect();
        assert_eq!(found, (0..50).map(|n| format!("{day}.{n}")).collect::<Vec<_>>());
    }
    let unknown = run(world.kv().noted_of(Sample::KIND, &key(), &EntryId([9; 16]), world.unix_seconds()));
    assert_eq!(unknown, Ok(Vec::new()));
}
