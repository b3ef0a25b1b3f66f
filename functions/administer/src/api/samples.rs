//! Samples of this component's pages.

use edge::{
    Platform,
    addressed::Addressed,
    form::FormFaults,
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    account::Membership,
    organisation::{Organisation, Profile, RawProfile, Subscription},
    refusal::{Faults, Settled},
    secret::{PlainToken, TokenPurpose},
    team::{How, PersonInvitation, PersonState},
    values::{AccountId, FormId, OrganisationId, PersonInvitationId, PersonName, RegistrationId, Seconds, Timestamp},
};

use super::{
    Asking, JustDone, Overview, Person,
    join::{JoinPage, JoinedPage, RawJoin},
    people::{NewPage, RawAdd},
    reference_of,
};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    overview(album);
    people(album);
    join(album);
}

fn overview<P: Platform>(album: &mut Album<'_, P>) {
    let now = album.edge().now;
    let page = |requests, people| Overview {
        title: "Administer Kestrel Precision Castings Ltd".to_owned(),
        notice: None,
        overtaken: None,
        organization: "Kestrel Precision Castings Ltd".to_owned(),
        invitations: Vec::new(),
        requests,
        people,
    };
    let invited_to = Addressed {
        application: "Anvil Supply Platform".to_owned(),
        company: "Anvil Aerospace".to_owned(),
        expires_at: now.plus(Seconds::days(14)),
        href: "/invite/accept?invitation=aaaaaaaaaaaaaaaaaaaaaaaaaa-1".to_owned(),
    };
    let with_invitation = Overview { invitations: vec![invited_to], ..page(Vec::new(), Vec::new()) };
    let done = JustDone {
        by: AccountId::from_bytes([1; 16]),
        what: "You let Cy Byron in. An e-mail says what to do next.".to_owned(),
    };
    let settled = Settled { what: "declined", by: Some("Bo Byron".to_owned()), at: now };
    album
        .visit(Visitor::Person, "/administer")
        .page("empty", StatusCode::OK, &page(Vec::new(), Vec::new()))
        .page("invited", StatusCode::OK, &with_invitation)
        .page("every-state", StatusCode::OK, &page(asking(now), invited(now)))
        .page("just-decided", StatusCode::OK, &page(asking(now), Vec::new()).with_notice(Some(done)))
        .page("overtaken", StatusCode::CONFLICT, &page(asking(now), Vec::new()).overtaken(settled));
}

fn asking(now: Timestamp) -> Vec<Asking> {
    let one = |(n, state): (u8, &'static str)| {
        let id = RegistrationId::from_bytes([n; 16]);
        let decided = state != "open";
        Asking {
            id,
            reference: reference_of(id),
            name: format!("Cy Byron {n}"),
            email: format!("cy{n}@kestrel.example"),
            application: "Cobalt Business Network".to_owned(),
            at: now,
            state,
            decided_by: decided.then(|| "Ada Byron".to_owned()),
            decided_at: decided.then_some(now),
        }
    };
    (1..).zip(["open", "let-in", "declined"]).map(one).collect()
}

fn invited(now: Timestamp) -> Vec<Person> {
    let roles = ["user", "application-administrator", "organisation-administrator", "user", "user"];
    let one = |(n, (state, role)): (u8, (&'static str, &'static str))| Person {
        id: PersonInvitationId::from_bytes([n; 16]),
        name: format!("Di Byron {n}"),
        email: format!("di{n}@kestrel.example"),
        role,
        applications: vec!["Anvil Supply Platform".to_owned()],
        at: now,
        expires_at: (state != "created").then(|| now.plus(Seconds::days(7))),
        state,
    };
    (1..).zip(["open", "accepted", "created", "expired", "ended"].into_iter().zip(roles)).map(one).collect()
}

fn people<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let Some(organisation) = kestrel(edge) else { return };
    let page = |faults| NewPage::of(edge, &organisation, RawAdd::blank(FormId::from_bytes([1; 16])), faults);
    let mut faults = Faults::default();
    faults.add("given_name", "text-missing", "Enter the first name.");
    faults.add("email", "email-invalid", "Enter an e-mail address like name@example.com.");
    faults.add("role", "unknown", "Choose a role.");
    faults.add("applications", "missing", "Choose the application that the person is to administer.");
    faults.add("how", "unknown", "Choose to invite the person or to create the account at once.");
    album
        .visit(Visitor::Person, "/administer/people/new")
        .page("blank", StatusCode::OK, &page(FormFaults::none()))
        .refused("faults", faults.refuse(), "email", page);
}

fn join<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let Some((organisation, invitation)) = kestrel(edge).zip(invitation(edge)) else { return };
    let raw = || RawJoin::prefilled("token", &invitation);
    let page = |known, faults| JoinPage::of(&organisation, &invitation, known, raw(), faults);
    album
        .visit(Visitor::Stranger, "/administer/join")
        .page("new", StatusCode::OK, &page(false, FormFaults::none()))
        .page("has-account", StatusCode::OK, &page(true, FormFaults::none()));
    if let Err(missing) = raw().completed(false, organisation.profile.country) {
        album.refused("faults", missing, "given_name", |faults| page(false, faults));
    }
    album.visit(Visitor::Stranger, "/administer/joined").page("joined", StatusCode::OK, &JoinedPage::new());
}

fn kestrel<P: Platform>(edge: &edge::Edge<P>) -> Option<Organisation> {
    let raw = RawProfile {
        legal_name: "Kestrel Precision Castings Ltd".to_owned(),
        street: "14 Foundry Lane".to_owned(),
        city: "Sheffield".to_owned(),
        country: "GB".to_owned(),
        ..RawProfile::default()
    };
    let subscribed = edge.gateway.applications.iter();
    Some(Organisation {
        id: OrganisationId::from_bytes([1; 16]),
        profile: Profile::parse(&raw, "", &mut Faults::default())?,
        subscriptions: subscribed
            .map(|one| (one.id.clone(), Subscription { since: edge.now, acceptances: Vec::new() }))
            .collect(),
        founded_at: edge.now,
        founders: Vec::new(),
        join_requests: Vec::new(),
        offers: Vec::new(),
    })
}

fn invitation<P: Platform>(edge: &edge::Edge<P>) -> Option<PersonInvitation> {
    let organisation = OrganisationId::from_bytes([1; 16]);
    let membership = Membership {
        organisation,
        organisation_administrator: false,
        application_administrator: Vec::new(),
        access: Vec::new(),
    };
    Some(PersonInvitation {
        id: PersonInvitationId::from_bytes([1; 16]),
        how: How::Invited,
        name: PersonName { given: "Cy".parse().ok()?, family: "Byron".parse().ok()? },
        email: "cy@kestrel.example".parse().ok()?,
        membership,
        by: AccountId::from_bytes([1; 16]),
        at: edge.now,
        expires_at: edge.now.plus(Seconds::days(7)),
        token: PlainToken::new(*organisation.bytes(), &mut edge.rng()).digest(TokenPurpose::PersonInvitation),
        state: PersonState::Open,
    })
}
