//! Samples of this component's pages.

use edge::{
    Platform,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::values::Seconds;

use super::AcceptPage;

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let expires_at = album.edge().now.plus(Seconds::days(14));
    let accept = AcceptPage {
        title: "Anvil Aerospace invites you".to_owned(),
        company: "Anvil Aerospace".to_owned(),
        application: "Anvil Supply Platform".to_owned(),
        description: "Orders, drawings and delivery schedules for suppliers of Anvil Aerospace.".to_owned(),
        organisation: "Kestrel Precision Castings Ltd".to_owned(),
        invitee: "Ada Byron".to_owned(),
        expires: expires_at.human(),
        expires_at,
        register_at: "/register?token=token-of-the-link".to_owned(),
    };
    album.visit(Visitor::Stranger, "/invite/accept").page("open", StatusCode::OK, &accept);
}
