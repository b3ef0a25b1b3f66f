//! Whether the audit trail tells everything that happened (AUD-1): each record's chain holds, each commit has its entry, and
//! every entry is found by exactly one note of its day.

use std::collections::{BTreeMap, BTreeSet};

use kv_schema::{
    audit::{Hash, Linked, Trail, day_of},
    backends::{turns::alone, world::World},
    key::Key,
    records::{Swept, key_of_text},
    sweep::{Note, NotePlace},
};
use shared::{
    account::{Account, Login},
    batch::Batch,
    dead_letter::DeadLetter,
    invitation::{IdempotencyClaim, InvitationSlot},
    launch::AuthorizationCode,
    licence::Licence,
    mailbox::MailboxCheck,
    operator::Operator,
    order::{Order, ShippedSerial},
    organisation::{Alike, Organisation},
    promo::Sheet,
    quota::Meter,
    registration::Registration,
};

use crate::stage::Stage;

/// The operator under whose id tries of strangers are counted.
const DECOY: &str = "stranger";
/// More turns than reading a trail takes.
const TURNS_MAX: usize = 100_000;

/// Every audited record's revision and value, by its key.
pub type Records = BTreeMap<String, (u64, String)>;

/// Every audited record as it stands.
///
/// # Panics
/// When a stored record cannot be read.
pub fn records(stage: &Stage) -> Records {
    let world = stage.deployment().world();
    let mut records = Records::new();
    add::<InvitationSlot>(world, &mut records);
    add::<IdempotencyClaim>(world, &mut records);
    add::<Registration>(world, &mut records);
    add::<Organisation>(world, &mut records);
    add::<Alike>(world, &mut records);
    add::<MailboxCheck>(world, &mut records);
    add::<Account>(world, &mut records);
    add::<Login>(world, &mut records);
    add::<Batch>(world, &mut records);
    add::<Order>(world, &mut records);
    add::<Licence>(world, &mut records);
    add::<ShippedSerial>(world, &mut records);
    add::<DeadLetter>(world, &mut records);
    add::<Sheet>(world, &mut records);
    add::<Operator>(world, &mut records);
    add::<AuthorizationCode>(world, &mut records);
    add::<Meter>(world, &mut records);
    let decoy = format!("id: OperatorId(\"{DECOY}\")");
    records.retain(|_, (_, value)| !value.contains(&decoy));
    records
}

fn add<R: Swept + std::fmt::Debug>(world: &World, records: &mut Records) {
    for stored in world.every::<R>().expect("what is stored was written by this program") {
        if R::AUDITED {
            let value = (stored.revision(), format!("{:?}", stored.value()));
            records.insert(stored.key().to_string(), value);
        }
    }
}

/// The trail of the record of this key.
///
/// # Panics
/// When the store fails, or the text is no key of a record.
pub fn trail(stage: &Stage, key: &str) -> Option<Trail> {
    let key = key_of_text(key).expect("a record's key");
    let kv = stage.deployment().world().kv();
    let trail = alone(async { kv.trail(&key).await }, TURNS_MAX);
    trail.expect("bounded").expect("nothing fails any more")
}

/// What is not as it should be, if anything.
///
/// # Panics
/// When the store fails.
pub fn complaint(stage: &Stage) -> Option<String> {
    let mut entries: BTreeSet<(String, Hash)> = BTreeSet::new();
    let mut days = BTreeSet::new();
    for (key, (revision, _)) in records(stage) {
        let Some(trail) = trail(stage, &key) else {
            return Some(format!("{key} has no trail\n"));
        };
        if !trail.holds || trail.removed {
            return Some(format!("the chain of {key} is broken\n"));
        }
        for linked in &trail.entries {
            let Some(entry) = &linked.entry else { return Some(format!("an entry of {key} is damaged\n")) };
            if entry.revision > revision {
                return Some(format!("{key} tells of revision {} before it is there\n", entry.revision));
            }
            days.insert(day_of(entry.at_unix_seconds));
            entries.insert((key.clone(), linked.hash));
        }
    }
    let mut found: Vec<(String, Hash)> = days.into_iter().flat_map(|day| told(stage, day)).collect();
    // Of what was removed nothing is expected here.
    found.retain(|(key, _)| entries.iter().any(|(known, _)| known == key));
    found.sort();
    let expected: Vec<(String, Hash)> = entries.into_iter().collect();
    (found != expected).then(|| {
        let missing: Vec<&str> =
            expected.iter().filter(|entry| !found.contains(entry)).map(|(key, _)| key.as_str()).collect();
        format!("{} entries, found by notes: {}, missing of {missing:?}\n", expected.len(), found.len())
    })
}

/// Every entry that the notes of a day lead to, as an export tells them.
fn told(stage: &Stage, day: u64) -> Vec<(String, Hash)> {
    let kv = stage.deployment().world().kv();
    let told = alone(
        async {
            let mut told = Vec::new();
            let mut place = Some(NotePlace::default());
            while let Some(from) = place {
                let notes = kv.notes_of(day, from).await?;
                for Note { note, at_unix_seconds, keys, .. } in notes.notes {
                    for key in keys {
                        let entries = kv.noted(&key, &note, at_unix_seconds).await?;
                        told.extend(entries.iter().map(|linked| named(&key, linked)));
                    }
                }
                place = notes.next;
            }
            Ok::<_, kv_schema::kv::Fault>(told)
        },
        TURNS_MAX,
    );
    told.expect("bounded").expect("nothing fails any more")
}

fn named(key: &Key, linked: &Linked) -> (String, Hash) {
    (key.to_string(), linked.hash)
}
