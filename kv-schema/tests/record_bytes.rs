//! What every record looks like in the store. A snapshot that changes means that the running deployment's records are
//! no longer read as they were written: raise the record's version and freeze the former form instead of accepting it.
//!
//! The samples are made by the rules themselves, along one journey with a fixed clock and fixed randomness.

#[path = "record_bytes/journey.rs"]
mod journey;
#[path = "record_bytes/memory.rs"]
mod memory;

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, sync::LazyLock};

use journey::Sample;
use kv_schema::{
    key::{Counter, Key, Name},
    kv::Kv,
    list::{Appended, Entry, EntryId, Removed},
    log::{Due, LOG_SHARDS},
    record::RecordFault,
    records::registration_queue,
};
use memory::{Fixed, Memory, ready};
use shared::effect::Effect;

static SAMPLES: LazyLock<(Vec<Sample>, Vec<Effect>)> = LazyLock::new(|| journey::walk(7));

fn samples() -> &'static [Sample] {
    &SAMPLES.0
}

fn prefixes() -> BTreeSet<&'static str> {
    samples().iter().map(|sample| sample.prefix).collect()
}

/// 32 bytes a line, in hexadecimal and as text.
fn dump(bytes: &[u8]) -> String {
    let mut lines = String::new();
    for chunk in bytes.chunks(32) {
        let (mut hex, mut text) = (String::new(), String::new());
        for &byte in chunk {
            write!(hex, "{byte:02x}").expect("memory is enough");
            text.push(if byte.is_ascii_graphic() { char::from(byte) } else { '.' });
        }
        writeln!(lines, "{hex:64} |{text}|").expect("memory is enough");
    }
    lines
}

#[test]
fn ops_4_a_versions_bytes_never_change() {
    // OPS-4: what a release wrote is read by every later one.
    for prefix in prefixes() {
        let mut shown = String::new();
        let mut file = String::new();
        for sample in samples().iter().filter(|sample| sample.prefix == prefix) {
            if shown.is_empty() {
                file = format!("{prefix}-v{}", sample.version);
                writeln!(shown, "PREFIX {prefix}, VERSION {}", sample.version).expect("memory is enough");
            }
            write!(shown, "\n{}, {}\n{}", sample.name, sample.key, dump(&sample.bytes)).expect("memory is enough");
        }
        insta::assert_snapshot!(file, shown);
    }
}

#[test]
fn ops_4_an_effects_bytes_never_change() {
    // OPS-4: effects wait inside records, sealed; after an upgrade they still have to be understood.
    let mut shown = String::new();
    let mut kinds = BTreeSet::new();
    for effect in &SAMPLES.1 {
        let bytes = postcard::to_allocvec(effect).expect("an effect encodes");
        assert_eq!(postcard::from_bytes::<Effect>(&bytes).as_ref(), Ok(effect));
        for length in 0..bytes.len() {
            let cut = bytes.get(..length).expect("shorter");
            assert!(postcard::from_bytes::<Effect>(cut).is_err(), "{effect:?} cut to {length}");
        }
        kinds.insert(bytes.first().copied().expect("its kind"));
        write!(shown, "{}\n{}\n", journey::kind(effect), dump(&bytes)).expect("memory is enough");
    }
    assert_eq!(kinds, (0..journey::KINDS).collect(), "the journey needs every kind of effect");
    insta::assert_snapshot!("effects", shown);
}

/// Prefix and version of every record that a source file declares.
fn declared(source: &'static str) -> Vec<(&'static str, u16)> {
    let lines = source.lines().filter(|line| line.starts_with("record! {"));
    let record = |line: &'static str| {
        let after = |label| line.split_once(label).expect("a record has it").1;
        let prefix = after("prefix: \"").split_once('"').expect("quoted").0;
        (prefix, after("version: ").split_once(',').expect("a number").0.parse().expect("a number"))
    };
    lines.map(record).collect()
}

#[test]
fn ops_4_every_record_has_a_sample() {
    // OPS-4: a record without a snapshot could change unnoticed.
    let declared_here = declared(include_str!("../src/records.rs"));
    let sampled: BTreeSet<(&str, u16)> = samples().iter().map(|sample| (sample.prefix, sample.version)).collect();
    assert_eq!(declared_here.iter().copied().collect::<BTreeSet<_>>(), sampled);
    assert_eq!(declared_here.len(), sampled.len(), "two records share a prefix");
}

#[test]
fn ops_4_the_primitives_keep_no_other_records_for_themselves() {
    // OPS-4: the bytes of these are written out in the tests beside each, those of lists in a snapshot (below).
    let sources = [
        include_str!("../src/audit.rs"),
        include_str!("../src/list.rs"),
        include_str!("../src/sweep.rs"),
        include_str!("../src/trial.rs"),
    ];
    let known = [("aud", 1), ("gone", 1), ("list", 1), ("list", 1), ("sweep", 1), ("trial", 1)];
    assert_eq!(sources.into_iter().flat_map(declared).collect::<Vec<_>>(), known);
}

/// The bytes that a snapshot shows, one for each sample.
fn shown(snapshot: &str) -> Vec<Vec<u8>> {
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("hexadecimal");
        u8::from_str_radix(text, 16).expect("hexadecimal")
    };
    let sample = |block: &str| {
        let lines = block.lines().filter_map(|line| line.split_once(" |"));
        lines.flat_map(|(hex, _)| hex.trim_end().as_bytes().chunks(2).map(byte).collect::<Vec<_>>()).collect()
    };
    snapshot.split("\n\n").skip(1).map(sample).collect()
}

#[test]
fn ops_4_what_an_earlier_release_wrote_is_read() {
    // OPS-4: every version's snapshot stays, and this release makes of it the value that it makes of its own. (Where a new
    // version says what an older one could not, the sample has what the conversion puts there.)
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    for prefix in prefixes() {
        let of_prefix: Vec<&Sample> = samples().iter().filter(|sample| sample.prefix == prefix).collect();
        let [sample, ..] = of_prefix.as_slice() else { panic!("{prefix} has samples") };
        for version in 1..=sample.version {
            let file = folder.join(format!("record_bytes__{prefix}-v{version}.snap"));
            let snapshot = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let written = shown(&snapshot);
            assert_eq!(written.len(), of_prefix.len(), "{prefix}, version {version}");
            for (sample, bytes) in of_prefix.iter().zip(written) {
                let decoded = (sample.decodes_to_itself)(version, &bytes);
                assert_eq!(decoded, Ok(true), "{sample}, version {version}\n{}", dump(&bytes));
            }
        }
    }
}

#[test]
fn ops_4_what_was_written_is_read() {
    // OPS-4
    for sample in samples() {
        assert_eq!((sample.decodes_to_itself)(sample.version, &sample.bytes), Ok(true), "{sample}");
    }
}

#[test]
fn ops_4_what_was_cut_or_lengthened_is_refused() {
    // OPS-4: never a panic, never a value.
    for sample in samples() {
        let refused = |version, bytes: &[u8]| {
            matches!((sample.decodes_to_itself)(version, bytes), Err(RecordFault::Corrupt { .. }))
        };
        for length in 0..sample.bytes.len() {
            assert!(refused(sample.version, sample.bytes.get(..length).expect("shorter")), "{sample} cut to {length}");
        }
        assert!(refused(sample.version, &[sample.bytes.as_slice(), &[0]].concat()), "{sample} with a byte more");
        for version in [0, sample.version.saturating_add(1)] {
            assert!(refused(version, &sample.bytes), "{sample} as version {version}");
        }
    }
}

#[test]
fn ops_4_what_a_newer_release_wrote_is_refused_and_left_as_it_is() {
    // OPS-4: a node that was not upgraded yet answers 503 and damages nothing.
    for sample in samples() {
        (sample.newer_is_left_alone)();
    }
}

/// A list whose second sheet has begun, and a note in the expiry log.
fn listed() -> (Memory, Entry, Due) {
    let memory = Memory::default();
    let kv = Kv::new(&memory, Fixed);
    let entry = |number: u8| Entry { id: EntryId([number; 16]), at_unix_seconds: 1_795_295_100, payload: vec![number] };
    for number in 0..=101 {
        assert_eq!(ready(kv.append(&registration_queue(), &entry(number))), Ok(Appended::Added));
    }
    assert_eq!(ready(kv.remove(&registration_queue(), EntryId([100; 16]), 1_795_295_100)), Ok(Removed::Removed));
    let [first, ..] = samples() else { panic!("there are samples") };
    let due = Due { key: first.key.clone(), kind: 1, expires_unix_seconds: 1_795_298_700 };
    assert_eq!(ready(kv.note_expiry(&due, 1_795_295_100)), Ok(Appended::Added));
    (memory, entry(102), due)
}

#[test]
fn ops_4_a_lists_bytes_never_change() {
    // OPS-4: the queue and the expiry log outlive every release, too.
    let (memory, _, _) = listed();
    let mut shown = String::new();
    for (key, bytes) in memory.contents() {
        // The full first sheet says no more than the second one.
        if !key.ends_with(":0") || key.starts_with("due:") {
            write!(shown, "{key}\n{}\n", dump(&bytes)).expect("memory is enough");
        }
    }
    insta::assert_snapshot!("lists-v1", shown);
}

#[test]
fn ops_4_a_newer_releases_list_is_refused_and_left_as_it_is() {
    // OPS-4
    let (memory, another, due) = listed();
    memory.make_newer();
    let before = memory.contents();
    let kv = Kv::new(&memory, Fixed);
    let (queue, hour) = (registration_queue(), due.expires_unix_seconds / 3600);
    assert!(ready(kv.append(&queue, &another)).is_err());
    assert!(ready(kv.remove(&queue, EntryId([101; 16]), another.at_unix_seconds)).is_err());
    assert!(ready(kv.page(&queue, None)).is_err());
    assert!(ready(kv.note_expiry(&due, another.at_unix_seconds)).is_err());
    assert!((0..LOG_SHARDS).any(|shard| ready(kv.due(hour, shard, None)).is_err()));
    assert_eq!(memory.contents(), before, "not a byte was written");
}

#[test]
fn ops_4_no_two_kinds_of_keys_share_a_prefix() {
    // OPS-4: records among themselves (above, against their declaration), and records against whatever else has a key.
    let memory = Memory::default();
    let kv = Kv::new(&memory, Fixed);
    let queue = Entry { id: EntryId([1; 16]), at_unix_seconds: 1_795_295_100, payload: vec![1] };
    let [first, ..] = samples() else { panic!("there are samples") };
    let due = Due { key: first.key.clone(), kind: 1, expires_unix_seconds: 1_795_298_700 };
    assert!(ready(kv.append(&registration_queue(), &queue)).is_ok());
    assert!(ready(kv.note_expiry(&due, 1_795_295_100)).is_ok());
    assert!(ready(kv.remind(&first.key)).is_ok() && ready(kv.next_batch()).is_ok());
    assert!(ready(kv.add(&Counter::named(&Name::new("visits")), 1)).is_ok());
    let others = memory.prefixes();
    assert_eq!(others.iter().map(String::as_str).collect::<Vec<_>>(), ["cnt", "due", "gate", "list", "sweep", "todo"]);
    assert!(prefixes().iter().all(|prefix| !others.contains(*prefix)));
}

#[test]
fn ops_4_no_key_tells_whose_record_it_is() {
    // OPS-4: keys come into logs, metrics and backups' indexes, where nobody looks for personal data.
    for sample in samples() {
        let key = sample.key.as_str();
        let id = key.strip_prefix(sample.prefix).and_then(|rest| rest.strip_prefix(':')).expect("its own prefix");
        assert!(id.len() == 26 && id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7')), "{sample}: {key}");
        let decoded = base32::decode(base32::Alphabet::Rfc4648Lower { padding: false }, id).expect("base32");
        let decoded = String::from_utf8_lossy(&decoded).to_lowercase();
        for personal in journey::PERSONAL {
            assert!(!key.contains(personal) && !decoded.contains(personal), "{sample}: {personal}");
        }
        assert_eq!(format!("{:?}", sample.key), format!("Key({}:..)", sample.prefix));
    }
}

/// The key of a login is no plain digest of the e-mail either: with a list of addresses anybody could find it.
#[test]
fn ops_4_the_keys_of_people_depend_on_the_deployments_secret() {
    // OPS-4
    let keys_of = |root: u8| -> Vec<Key> {
        let (samples, _) = journey::walk(root);
        let of_people = samples.into_iter().filter(|sample| ["inv", "login", "acct"].contains(&sample.prefix));
        of_people.map(|sample| sample.key).collect()
    };
    let (one, other) = (keys_of(7), keys_of(8));
    assert!(!one.is_empty() && one.iter().all(|key| !other.contains(key)));
}
