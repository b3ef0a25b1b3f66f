//! Every handler, natively and in process: what a crash, a failing store or a lost answer leaves behind, and what two
//! requests do to each other.
//!
//! - [`stage`]: a deployment on a model of one of the four stores, and the actors' browsers.
//! - [`actors`]: the requests as the real clients send them, and the steps of the journeys made of them.
//! - [`audit`]: whether the audit trail tells everything that happened.
//! - [`state`]: what a deployment comes to, without what may differ from run to run.
//! - [`crash`]: one request, stopped at each of its operations, and the client's retry.
//! - [`pairs`]: two requests in every order of their operations.
//! - [`rows`]: which requests. Adding a handler means adding a row.

pub mod actors;
pub mod audit;
pub mod crash;
pub mod pairs;
pub mod rows;
pub mod stage;
pub mod state;

/// Whether to explore what takes too long for every run as well.
pub fn full() -> bool {
    std::env::var_os("PROOFS").is_some_and(|value| value == "full")
}
