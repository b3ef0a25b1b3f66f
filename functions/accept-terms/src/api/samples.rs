//! Samples of this component's pages.

use edge::{
    Platform,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    config::Application,
    refusal::Refusal,
    values::{Seconds, Timestamp},
};

use super::{Accepted, Standing, TermsPage};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let Some(application) = edge.gateway.applications.first() else { return };
    let page = |standing, may_accept| page(application, edge.now, standing, may_accept);
    album
        .visit(Visitor::Person, "/accept-terms/supply-platform")
        .page("to-agree", StatusCode::OK, &page(Standing::Pending, true))
        .page("to-agree-again", StatusCode::OK, &page(Standing::Grace, true))
        .page("pending", StatusCode::OK, &page(Standing::Pending, false))
        .page("accepted", StatusCode::OK, &page(Standing::Accepted, true))
        .refused("not-ticked", Refusal::field("agreed", "not-agreed", "Tick the box to agree."), "agreed", |faults| {
            page(Standing::Pending, true).with(faults)
        })
        .refused("changed", Refusal::TermsChanged, "agreed", |faults| page(Standing::Pending, true).with(faults));
}

fn page(application: &Application, now: Timestamp, standing: Standing, may_accept: bool) -> TermsPage {
    let terms = application.current_terms(now);
    let accepted = Accepted {
        version: terms.version.as_str().to_owned(),
        digest: terms.digest().to_owned(),
        by: "kestrel-ada".to_owned(),
        by_name: "Ada Byron".to_owned(),
        at: now,
    };
    let grace_ends = (standing == Standing::Grace).then(|| now.plus(Seconds::days(14)));
    let acceptances = if standing == Standing::Pending { Vec::new() } else { vec![accepted] };
    TermsPage::standing(application, now, (standing, grace_ends), may_accept, acceptances)
}
