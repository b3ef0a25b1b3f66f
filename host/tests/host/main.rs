//! The host over real HTTP, with real components: `tests/components/{empty,probe}`, built when first needed.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod command;
mod grants;
mod lifecycle;
mod limits;
mod mailbox;
mod metering;
mod requests;
mod storage;
mod support;
