//! A record for tests: a text, a sum, and effects that are texts.

use serde::{Deserialize, Serialize};
use shared::secret::Sealed;

use super::{
    model::Backend,
    turns::alone,
    world::{Client, Surroundings, World},
};
use crate::{
    key::Key,
    kv::Kv,
    record::{Envelope, Pending, Record, Stored, record},
    records::Swept,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) text: String,
    pub(super) sum: u32,
}

record! { Sample { id: [u8; 16], prefix: "sample", version: 1, older: {} } }

/// As many samples end with it as its sum says.
impl Swept for Sample {
    fn ending_with_it(&self) -> Vec<Key> {
        (1..=self.sum).rev().map(|number| Self::key(&numbered(number))).collect()
    }

    fn without_first(&self, removed: usize) -> Self {
        let removed = u32::try_from(removed).unwrap_or(u32::MAX);
        Self { sum: self.sum.saturating_sub(removed), ..self.clone() }
    }

    fn prepared_key(id: &[u8; 16]) -> Option<Key> {
        Some(Self::key(id))
    }

    fn names(&self, prepared: &[u8; 16]) -> bool {
        (1..=self.sum).any(|number| numbered(number) == *prepared)
    }
}

/// The id of one that ends with another, or was prepared for it.
pub(super) fn numbered(number: u32) -> [u8; 16] {
    let mut id = [9; 16];
    id.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    id
}

pub(super) type TestKv = Kv<Client, Surroundings>;

pub(super) const ID: [u8; 16] = [7; 16];

pub(super) fn sample(text: &str) -> Sample {
    Sample { text: text.to_owned(), sum: 0 }
}

/// An effect with a name: a text as long as the least sealed value.
pub(super) fn effect(name: &str) -> Sealed {
    let bytes = postcard::to_allocvec(&format!("{name:-<41}")).expect("a text encodes");
    postcard::from_bytes(&bytes).expect("long enough")
}

/// What [`effect`] was called.
pub(super) fn name_of(pending: &Pending) -> String {
    let bytes = postcard::to_allocvec(&pending.effect).expect("bytes encode");
    let text: String = postcard::from_bytes(&bytes).expect("it was a text");
    text.trim_end_matches('-').to_owned()
}

pub(super) fn run<T>(future: impl Future<Output = T>) -> T {
    alone(future, 100_000).expect("every loop in this crate is bounded")
}

/// What stands under [`ID`], without an operation.
pub(super) fn standing(world: &World) -> Option<Stored<Sample>> {
    let key = Sample::key(&ID);
    let bytes = world.bytes(&key)?;
    let envelope = Envelope::parse(Sample::KIND, key, &bytes).expect("what is stored was written by this program");
    Some(Stored::open(envelope).expect("its body too"))
}

/// A world in which [`ID`] exists.
pub(super) fn world_with(backend: Backend, text: &str) -> World {
    let world = World::new(backend);
    run(world.kv().insert_fresh(&ID, sample(text), Vec::new())).expect("nothing fails here");
    world.take_cost();
    world
}
