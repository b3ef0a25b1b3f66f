//! Samples of this component's pages.

use edge::{
    Platform,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    invitation::InvitationId,
    values::{InvitationSlotId, Seconds},
};

use super::{AcceptPage, Standing, Way};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let expires_at = album.edge().now.plus(Seconds::days(14));
    let accept = |standing, way: Way| AcceptPage {
        title: "Anvil Aerospace invites you".to_owned(),
        company: "Anvil Aerospace".to_owned(),
        application: "Anvil Supply Platform".to_owned(),
        description: "Orders, drawings and delivery schedules for suppliers of Anvil Aerospace.".to_owned(),
        organisation: "Kestrel Precision Castings Ltd".to_owned(),
        invitee: "Ada Byron".to_owned(),
        expires: expires_at.human(),
        expires_at,
        register_at: matches!(way, Way::Link(_)).then(|| "/register?token=token-of-the-link".to_owned()),
        sign_in_at: "/sign-in?continue=%2Finvite%2Faccept%3Flink%3D0123456789abcdef".to_owned(),
        way,
        standing,
    };
    let link = || Way::Link("token-of-the-link".to_owned());
    let id = InvitationId { slot: InvitationSlotId::from_bytes([1; 16]), generation: 1 };
    let of_organization =
        |may_accept| Some(Standing { organization: "Kestrel Precision Castings Ltd".to_owned(), may_accept });
    album
        .visit(Visitor::Stranger, "/invite/accept")
        .page("open", StatusCode::OK, &accept(None, link()))
        .visit(Visitor::Person, "/invite/accept")
        .page("may-accept", StatusCode::OK, &accept(of_organization(true), link()))
        .page("from-the-dashboard", StatusCode::OK, &accept(of_organization(true), Way::Dashboard(id)))
        .page("may-not-accept", StatusCode::OK, &accept(of_organization(false), link()));
}
