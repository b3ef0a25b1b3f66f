use super::*;
use crate::account::{Account, Membership};
use crate::config::Gateway;
use crate::testing::*;

fn command(application: &Application) -> AcceptTerms {
    AcceptTerms { digest: application.current_terms(NOW).digest().to_owned(), agreed: true }
}

/// The organisation before it accepted any terms.
fn undecided(gateway: &Gateway) -> Organisation {
    let mut organisation = organisation(gateway);
    for subscription in organisation.subscriptions.values_mut() {
        subscription.acceptances.clear();
    }
    organisation
}

fn with(membership: Membership) -> Account {
    Account { memberships: vec![membership], ..account() }
}

fn administrator() -> Account {
    with(Membership { organisation_administrator: true, ..membership() })
}

fn accepted(
    organisation: Organisation,
    account: &Account,
    gateway: &Gateway,
    command: &AcceptTerms,
) -> Result<Organisation, Refusal> {
    let application = application(gateway, "supply-platform");
    let before = organisation.clone();
    let Some(decision) = organisation.accept_terms(&signed_in(account), application, command, NOW)? else {
        return Ok(before);
    };
    assert!(decision.effects.is_empty() && decision.next != before);
    Ok(decision.next)
}

#[test]
fn trm_1_who_may_accept_depends_on_the_role() {
    // TRM-1
    let gateway = gateway();
    let supply = application(&gateway, "supply-platform");
    let administers = |id: &str| Membership { application_administrator: vec![read(id)], ..membership() };
    for (membership, may) in [
        (membership(), false),
        (Membership { organisation_administrator: true, ..membership() }, true),
        (administers("supply-platform"), true),
        (administers("business-network"), false),
    ] {
        let person = with(membership);
        let outcome = accepted(undecided(&gateway), &person, &gateway, &command(supply));
        assert_eq!(Organisation::may_accept_terms(&signed_in(&person), &supply.id), may);
        match outcome {
            Ok(next) => {
                assert!(may);
                assert_eq!(next.terms_standing(supply, NOW), Some(TermsStanding::Accepted));
            }
            Err(refusal) => {
                assert!(!may);
                assert_eq!(refusal, Refusal::RoleMissing { ask: whom_to_ask(supply) });
            }
        }
    }
    assert!(whom_to_ask(supply).contains("Anvil Supply Platform"), "a person is told whom to ask");
}

#[test]
fn trm_3_an_acceptance_says_who_when_and_what() {
    // TRM-3
    let gateway = gateway();
    let supply = application(&gateway, "supply-platform");
    let person = administrator();
    let next = accepted(undecided(&gateway), &person, &gateway, &command(supply)).expect("accepted");
    let expected = Acceptance {
        version: "2026-01".to_owned(),
        digest: supply.current_terms(NOW).digest().to_owned(),
        by: person.user_id.clone(),
        by_name: "Ada Lovelace".to_owned(),
        at: NOW,
    };
    let acceptances = |id| next.subscriptions.get(&id).expect("let in").acceptances.clone();
    assert_eq!(acceptances(supply.id.clone()), [expected]);
    assert_eq!(acceptances(read("business-network")), [], "each application has its own");
}

#[test]
fn trm_1_accepting_twice_changes_nothing() {
    // TRM-1: once a version, by whoever comes first.
    let gateway = gateway();
    let supply = application(&gateway, "supply-platform");
    let first = accepted(undecided(&gateway), &administrator(), &gateway, &command(supply)).expect("accepted");
    let colleague = Account { user_id: read("hopperg_0002"), name: name("Grace", "Hopper"), ..administrator() };
    let second = accepted(first.clone(), &colleague, &gateway, &command(supply)).expect("accepted already");
    assert_eq!(second, first);
}

#[test]
fn trm_3_the_box_is_ticked_under_the_text_that_is_in_force() {
    // TRM-1, TRM-3
    let gateway = gateway();
    let supply = application(&gateway, "supply-platform");
    let unticked = AcceptTerms { agreed: false, ..command(supply) };
    let outcome = accepted(undecided(&gateway), &administrator(), &gateway, &unticked);
    assert_eq!(faults(outcome), [("agreed".to_owned(), "not-agreed")]);
    for other in ["", "00", &command(application(&gateway, "business-network")).digest] {
        let changed = AcceptTerms { digest: other.to_owned(), agreed: true };
        let outcome = accepted(undecided(&gateway), &administrator(), &gateway, &changed);
        assert_eq!(outcome, Err(Refusal::TermsChanged), "{other}");
    }
}

#[test]
fn acc_5_an_application_that_the_organisation_was_not_let_into_does_not_exist() {
    // ACC-5: not even for its administrator.
    let gateway = gateway();
    let supply = application(&gateway, "supply-platform");
    let outside = Organisation { subscriptions: BTreeMap::new(), ..undecided(&gateway) };
    assert_eq!(outside.terms_standing(supply, NOW), None);
    assert_eq!(accepted(outside, &administrator(), &gateway, &command(supply)), Err(Refusal::NotFound));
}

#[test]
fn reg_1_a_profile_has_its_required_fields_and_a_country() {
    // REG-1
    let parse = |raw: &RawProfile| {
        let mut faults = Faults::default();
        let profile = Profile::parse(raw, "profile.", &mut faults);
        faults.finish(profile)
    };
    let blank = RawProfile { region: " ".to_owned(), telephone: " ".to_owned(), ..RawProfile::default() };
    assert_eq!(
        faulty_fields(parse(&blank)),
        ["profile.legal_name", "profile.street", "profile.city", "profile.country"]
    );
    let whole = RawProfile {
        region: "BW".to_owned(),
        postal_code: "89073".to_owned(),
        registration_number: "HRB 1".to_owned(),
        telephone: "+49 731 5550100".to_owned(),
        ..raw_profile()
    };
    let profile = parse(&whole).expect("a profile");
    assert_eq!(profile.telephone.as_ref().map(crate::values::Phone::as_str), Some("+497315550100"));
    assert!(profile.region.is_some() && profile.postal_code.is_some() && profile.registration_number.is_some());
    let wrong = RawProfile { telephone: "0731".to_owned(), country: "XX".to_owned(), ..raw_profile() };
    assert_eq!(faulty_fields(parse(&wrong)), ["profile.country", "profile.telephone"]);
}

fn request(n: u8, email: &str) -> JoinRequest {
    JoinRequest {
        registration: RegistrationId::from_bytes([n; 16]),
        name: name("Grace", "Hopper"),
        email: read(email),
        application: read("business-network"),
        application_name: "Cobalt Business Network".to_owned(),
        at: NOW,
        answer: None,
    }
}

#[test]
fn reg_2_a_request_is_kept_once_and_told_to_those_who_administer_the_organisation() {
    // REG-2
    let birch = organisation(&gateway());
    let left = with(Membership { organisation: OrganisationId::from_bytes([9; 16]), ..membership() });
    let founders = [administrator(), with(membership()), left];
    let asked = birch.ask(request(1, "grace@birch.example"), &founders).expect("a new request");
    let [Effect::Send(message)] = asked.effects.as_slice() else { panic!("one of them administers it") };
    assert_eq!(message.to, read("ada@birch.example"));
    let Body::JoinRequested { person, email, .. } = &message.body else { panic!("who asks") };
    assert_eq!((person.as_str(), email.as_str()), ("Grace Hopper", "grace@birch.example"));
    assert!(asked.next.clone().ask(request(1, "grace@birch.example"), &founders).is_none(), "repeated");
    let again = asked.next.ask(request(2, "Grace@birch.example"), &founders).expect("another form");
    assert_eq!(again.next.join_requests.len(), 1, "one request a mailbox");
    let mut full = again.next;
    for n in 0..u8::try_from(MAX_JOIN_REQUESTS).expect("few") {
        full = full.ask(request(n + 3, &format!("user{n}@birch.example")), &[]).expect("a new one").next;
    }
    assert_eq!(full.join_requests.len(), MAX_JOIN_REQUESTS + 1, "what is undecided never gives way");
    let can_ask = |n: u8, email: &str| full.can_be_asked(RegistrationId::from_bytes([n; 16]), &read(email));
    assert!(!can_ask(99, "late@birch.example"));
    full.join_requests.pop();
    let can_ask = |n: u8, email: &str| full.can_be_asked(RegistrationId::from_bytes([n; 16]), &read(email));
    assert!(!can_ask(99, "late@birch.example"), "so many wait");
    assert!(can_ask(99, "Grace@birch.example") && can_ask(2, "late@birch.example"), "in place of the own one");
    full.join_requests.pop();
    assert!(full.can_be_asked(RegistrationId::from_bytes([99; 16]), &read("late@birch.example")));
}

#[test]
fn reg_2_a_request_is_decided_once_by_an_administrator_of_the_organisation() {
    // REG-2, ACC-5
    let asked = organisation(&gateway()).ask(request(1, "grace@birch.example"), &[]).expect("a new request").next;
    let (ada, user) = (administrator(), with(membership()));
    let answer = |organisation: &Organisation, account: &Account, n: u8, let_in: bool, now| {
        let id = RegistrationId::from_bytes([n; 16]);
        organisation.clone().answer(&signed_in(account), id, let_in, &keys(), now)
    };
    assert!(matches!(answer(&asked, &user, 1, true, NOW), Err(Refusal::RoleMissing { .. })));
    assert_eq!(answer(&asked, &ada, 9, true, NOW).map(|_| ()), Err(Refusal::NotFound), "of another organisation");
    let let_in = answer(&asked, &ada, 1, true, after(5)).expect("undecided");
    let registration = RegistrationId::from_bytes([1; 16]);
    let [Effect::AnswerRequest { registration: noted, let_in: true, .. }, Effect::Admit(admission)] =
        let_in.effects.as_slice()
    else {
        panic!("it is noted, and the person admitted: {:?}", let_in.effects)
    };
    assert_eq!((*noted, admission.email.as_str()), (registration, "grace@birch.example"));
    let membership = &admission.membership;
    assert!(!membership.organisation_administrator && membership.application_administrator.is_empty());
    assert_eq!(membership.access, [read("business-network")]);

    let settled = Settled { what: "let-in", by: Some("Ada Lovelace".to_owned()), at: after(5) };
    let second = answer(&let_in.next, &ada, 1, false, after(6)).map(|_| ());
    assert_eq!(second, Err(Refusal::AlreadyDecided(settled)));
    let declined = answer(&asked, &ada, 1, false, after(5)).expect("undecided");
    let told = declined.effects.iter().filter_map(|effect| match effect {
        Effect::Send(message) => Some((message.to.as_str(), &message.body)),
        _ => None,
    });
    assert!(matches!(told.collect::<Vec<_>>().as_slice(), [("grace@birch.example", Body::RequestDeclined { .. })]));

    let mut full = declined.next;
    for n in 0..u8::try_from(MAX_JOIN_REQUESTS).expect("few") {
        full = full.ask(request(n + 3, &format!("user{n}@birch.example")), &[]).expect("a new one").next;
    }
    assert!(full.join_requests.iter().all(|kept| kept.answer.is_none()), "what is decided gives way first");
}

#[test]
fn inv_7_an_application_is_added_once() {
    // INV-7
    let gateway = gateway();
    let supply = application(&gateway, "supply-platform");
    let outside = Organisation { subscriptions: BTreeMap::new(), ..organisation(&gateway) };
    let joined = outside.subscribe(&supply.id, NOW).expect("not there yet").next;
    assert_eq!(joined.terms_standing(supply, NOW), Some(TermsStanding::Pending));
    assert!(joined.subscribe(&supply.id, NOW).is_none());

    let person = with(Membership { access: Vec::new(), ..membership() });
    let administrator = person.administer(ORGANISATION, &supply.id).expect("not there yet").next;
    let membership = administrator.memberships.first().expect("one");
    assert_eq!((membership.application_administrator.as_slice(), membership.access.as_slice()), {
        let only = std::slice::from_ref(&supply.id);
        (only, only)
    });
    assert!(administrator.clone().administer(ORGANISATION, &supply.id).is_none());
    assert!(administrator.administer(OrganisationId::from_bytes([9; 16]), &supply.id).is_none());
}
