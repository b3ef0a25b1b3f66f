//! The one adapter between the core, which decides, and the platform, which carries out.
//!
//! A component's handler is generic over [`platform::Platform`]. In a component that is [`spin::Spin`]; in native tests
//! it is [`testing::Double`]. Only `spin.rs` names the SDK.
//!
//! What a handler uses, in the order of its seven steps: [`request::Request`] (bounded by [`serve`]),
//! [`edge::Edge::signed_in`] and its siblings (authenticate), [`request::Request::decode`] (parse),
//! [`edge::Edge::transact`] (load, decide, commit, drain), [`reply::Reply`] (respond).

pub mod cookies;
pub mod drain;
pub mod edge;
pub mod failure;
pub mod form;
pub mod mail;
pub mod platform;
pub mod problem;
pub mod reply;
pub mod request;
pub mod serve;
pub mod session;
#[cfg(target_family = "wasm")]
pub mod spin;
#[cfg(feature = "testing")]
pub mod testing;
pub mod view;

pub use edge::{Change, Edge};
pub use failure::{Failure, Outcome};
pub use platform::Platform;
pub use reply::Reply;
pub use request::Request;
