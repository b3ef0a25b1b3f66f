//! Samples of this component's pages.

use edge::{
    Platform,
    form::{FormFaults, paragraphs},
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    config::Application,
    organisation::whom_to_ask,
    refusal::Refusal,
    values::{Seconds, Timestamp},
};

use super::{Accepted, Current, Standing, TermsPage, title};

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
        digest: terms.digest(),
        by: "kestrel-ada".to_owned(),
        by_name: "Ada Byron".to_owned(),
        at: now,
    };
    TermsPage {
        title: title(standing, may_accept, &application.name),
        application: application.id.to_string(),
        name: application.name.clone(),
        standing,
        may_accept,
        ask: (!may_accept).then(|| whom_to_ask(application)),
        current: Current {
            version: terms.version.as_str().to_owned(),
            effective: terms.effective,
            digest: terms.digest(),
            paragraphs: paragraphs(&terms.text),
            grace_ends: (standing == Standing::Grace).then(|| now.plus(Seconds::days(14))),
        },
        acceptances: if standing == Standing::Pending { Vec::new() } else { vec![accepted] },
        faults: FormFaults::none(),
    }
}
