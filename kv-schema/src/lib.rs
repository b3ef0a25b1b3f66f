//! Every key and record that is persisted, and the primitives that write them.
//!
//! Read [`kv`] first: it says what the four backends promise, and why three write primitives are right on all of them.
//! [`store`] is what a platform must offer, [`key`] and [`record`] what is stored, [`list`] and [`log`] what is built on
//! top. [`sweep`] finds what requests left behind, and [`audit`] what was done to a record. Only this crate makes a key, and nothing else writes.

pub mod audit;
pub mod key;
pub mod kv;
pub mod list;
pub mod log;
pub mod record;
pub mod records;
pub mod store;
pub mod sweep;
pub mod trial;

#[cfg(any(test, feature = "testing"))]
pub mod backends;
