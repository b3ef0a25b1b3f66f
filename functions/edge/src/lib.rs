//! The one adapter between the core, which decides, and the platform, which carries out.
//!
//! A component's handler is generic over [`platform::Platform`]; in a component that is Spin. Only `spin.rs` names the SDK.
//!
//! What a handler uses, in the order of its seven steps: [`request::Request`] (bounded by [`serve`]),
//! [`edge::Edge::session_account`] and [`edge::Edge::confirm_session`] (authenticate), [`request::Request::decode`] (parse),
//! [`edge::Edge::transact`] (load, decide, commit, drain), [`reply::Reply`] (respond).

pub mod addressed;
pub mod alike;
pub mod allowance;
pub mod amounts;
pub mod assets;
pub mod batches;
pub mod claim;
pub mod cookies;
pub mod customer;
pub mod drain;
pub mod duty;
pub mod edge;
pub mod factors;
pub mod failure;
pub mod form;
#[cfg(not(target_family = "wasm"))]
pub mod gallery;
mod keyring;
pub mod link;
pub mod machine;
pub mod notice;
pub mod ordering;
pub mod page;
pub mod partner;
pub mod parts;
pub mod password;
pub mod payments;
pub mod platform;
pub mod problem;
pub mod qr;
pub mod reply;
pub mod request;
pub mod serve;
pub mod session;
pub mod shelves;
#[cfg(target_family = "wasm")]
pub mod spin;
#[cfg(feature = "testing")]
pub mod testing;
mod trail;
mod tree;
pub mod view;
pub mod webhooks;
pub mod webstore;

pub use edge::{Change, Edge};
pub use failure::{Failure, Outcome};
pub use platform::Platform;
pub use reply::Reply;
pub use request::Request;

/// Makes the crate a component whose requests `$handle` serves, and says by whom effects are carried out
/// ([`drain::Hands`]): by nobody, since its commits leave none; by the component `effects`; or by a function of its own.
#[macro_export]
macro_rules! component {
    ($handle:path) => {
        $crate::component!(@exported $handle, $crate::drain::Hands::none());
    };
    ($handle:path, leaves effects) => {
        $crate::component!(@exported $handle, $crate::drain::Hands::elsewhere());
    };
    ($handle:path, own $carry_out:path) => {
        $crate::component!(@exported $handle, $crate::drain::Hands::own(|edge, key| Box::pin($carry_out(edge, key))));
    };
    (@exported $handle:path, $hands:expr) => {
        /// By whom this component has effects carried out, for a platform that runs it in process.
        #[cfg(not(target_family = "wasm"))]
        pub fn hands<P: $crate::Platform>() -> $crate::drain::Hands<P> {
            $hands
        }

        #[cfg(target_family = "wasm")]
        mod exported {
            use $crate::spin::wasip3;

            struct Component;
            wasip3::http::service::export!(Component);

            impl wasip3::exports::http::handler::Guest for Component {
                async fn handle(
                    request: wasip3::http::types::Request,
                ) -> Result<wasip3::http::types::Response, wasip3::http::types::ErrorCode> {
                    $crate::spin::answer(request, $handle, $hands).await
                }
            }
        }
    };
}
