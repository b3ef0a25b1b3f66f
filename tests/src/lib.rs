//! The journeys from invitation to launch, walked over HTTP as the real actors would: partner systems and webstores by
//! JSON, people by the pages and their forms, without JavaScript.
//!
//! [`story`] has the two journeys by pages and [`by_json`] by JSON; the tests walk them on a [`world::World`] of their
//! own, `cargo xtask demo` the first on a running host. [`stores`] are the real backends on which worlds run.

pub mod authenticator;
pub mod browser;
pub mod by_json;
pub mod client;
pub mod doctor;
pub mod place;
pub mod process;
pub mod provider;
pub mod signer;
pub mod stores;
pub mod story;
pub mod world;
