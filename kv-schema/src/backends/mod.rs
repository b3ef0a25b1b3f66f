//! Memory stores that behave like Spin's four backends, traps included, and what is needed to take them through every order.
//!
//! - [`model`]: what each backend does to its data; written after Spin 4.1's sources, one arm a backend.
//! - [`world`]: a store on a model with its clock, its journal of operations, and faults on demand. Each [`world::World`]
//!   has any number of clients, which are what [`crate::kv::Kv`] runs on.
//! - [`turns`]: every operation waits for its turn, so that a test decides which actor goes next, and when one dies.
//! - [`explore`]: takes actors through every order of their turns, and lets them die at each.
//!
//! Everything is deterministic: the same turns give the same journal and the same bytes.

pub mod explore;
pub mod model;
pub mod turns;
pub mod world;

#[cfg(test)]
mod audit;

#[cfg(test)]
mod conformance;

#[cfg(test)]
mod races;

#[cfg(test)]
mod sample;

#[cfg(test)]
mod sweeps;
