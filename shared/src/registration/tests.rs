use super::*;
use crate::testing::*;
use crate::{
    config::{Approval, Gateway},
    effect::Entry,
    invitation::{CreateInvitation, InvitationSlot, RawInvitation, Wish},
    secret::{PlainToken, SealPurpose, Sealed},
    values::PartnerId,
};

fn raw() -> RawRegistration {
    RawRegistration {
        given_name: "Ada".to_owned(),
        family_name: "Lovelace".to_owned(),
        email: "ada@birch.example".to_owned(),
        phone: "+49 731 5550100".to_owned(),
        profile: raw_profile(),
        administrators: Vec::new(),
    }
}

fn administrator(given_name: &str, organisation: bool, application: bool) -> RawAdministrator {
    RawAdministrator {
        given_name: given_name.to_owned(),
        family_name: "Hopper".to_owned(),
        email: format!("{}@birch.example", given_name.to_lowercase()),
        organisation_administrator: organisation,
        application_administrator: application,
    }
}

fn with(administrators: Vec<RawAdministrator>) -> RawRegistration {
    RawRegistration { administrators, ..raw() }
}

fn parsed(raw: &RawRegistration) -> SubmitRegistration {
    SubmitRegistration::parse(raw, None).expect("every field is good")
}

fn public_form(
    form: FormId,
    raw: &RawRegistration,
    application: &Application,
    has_account: bool,
) -> Result<Decision<Registration>, Refusal> {
    let circumstances = Circumstances { application, has_account, keys: &keys(), now: NOW };
    Registration::by_public_form(form, parsed(raw), &circumstances, &mut Seeded(1))
}

/// Submitted by the public form.
fn submitted(raw: &RawRegistration) -> Decision<Registration> {
    let gateway = gateway();
    let network = application(&gateway, "business-network");
    public_form(FormId::from_bytes([1; 16]), raw, network, false).expect("public")
}

/// An invitation to the application, and its token.
fn invitation(gateway: &Gateway) -> (InvitationSlot, PlainToken) {
    let raw = RawInvitation {
        application: "supply-platform".to_owned(),
        organisation: "Birch".to_owned(),
        given_name: "Ada".to_owned(),
        family_name: "Lovelace".to_owned(),
        email: "ada@birch.example".to_owned(),
        profile: None,
        lifetime_days: None,
        send_email: None,
    };
    let command = CreateInvitation::parse(raw).expect("valid");
    let anvil: PartnerId = read("anvil");
    let wish = Wish {
        command: &command,
        claim: [1; 16],
        partner: gateway.partner(&anvil).expect("configured"),
        application: application(gateway, "supply-platform"),
    };
    let issued = InvitationSlot::open(&wish, &keys(), NOW, &mut Seeded(1));
    (issued.decision.next, issued.token)
}

fn by_invitation(gateway: &Gateway) -> Decision<Registration> {
    let (slot, token) = invitation(gateway);
    let invited = slot.present(&token, NOW).expect("valid");
    let application = application(gateway, "supply-platform");
    let circumstances = Circumstances { application, has_account: false, keys: &keys(), now: NOW };
    Registration::by_invitation(invited, parsed(&raw()), &circumstances, &mut Seeded(1))
}

fn automatic() -> Gateway {
    let mut gateway = gateway();
    for application in &mut gateway.applications {
        application.approval = Approval::AutomaticForInvited;
    }
    gateway
}

fn founded(effects: &[Effect]) -> Vec<&Organisation> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::FoundOrganisation(organisation) => Some(organisation.as_ref()),
            _ => None,
        })
        .collect()
}

fn admitted(effects: &[Effect]) -> Vec<&Admission> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Admit(admission) => Some(admission.as_ref()),
            _ => None,
        })
        .collect()
}

#[test]
fn reg_1_every_fault_of_a_submission_is_said_at_once() {
    // REG-1
    let nobody = RawAdministrator::default();
    let broken = RawRegistration { administrators: vec![nobody], ..RawRegistration::default() };
    assert_eq!(
        faulty_fields(SubmitRegistration::parse(&broken, None)),
        [
            "given_name",
            "family_name",
            "email",
            "phone",
            "profile.legal_name",
            "profile.street",
            "profile.city",
            "profile.country",
            "administrators.0.given_name",
            "administrators.0.family_name",
            "administrators.0.email",
            "administrators.0.organisation_administrator",
        ]
    );
    let first_page = RawRegistration { administrators: vec![RawAdministrator::default()], ..raw() };
    assert!(SubmitRegistration::check_profile(&first_page, None).is_ok(), "the next page is not asked yet");
    assert!(SubmitRegistration::check_profile(&RawRegistration::default(), None).is_err());
}

#[test]
fn reg_1_the_mailbox_that_an_invitation_proved_counts() {
    // REG-1
    let proved = read("ada@birch.example");
    for entered in ["", "no address", "eve@elsewhere.example"] {
        let raw = RawRegistration { email: entered.to_owned(), ..raw() };
        let command = SubmitRegistration::parse(&raw, Some(&proved)).expect("valid");
        assert_eq!(command.designations().first().map(|registrant| &registrant.email), Some(&proved));
    }
}

#[test]
fn reg_1_the_registrant_administers_the_application_unless_somebody_else_does() {
    // REG-1
    let roles = |administrators| -> Vec<(bool, bool)> {
        let command = parsed(&with(administrators));
        let each = command.designations().iter();
        each.map(|one| (one.organisation_administrator, one.application_administrator)).collect()
    };
    assert_eq!(roles(Vec::new()), [(true, true)]);
    assert_eq!(roles(vec![administrator("Grace", true, false)]), [(true, true), (true, false)]);
    assert_eq!(roles(vec![administrator("Grace", false, true)]), [(true, false), (false, true)]);
    let both = vec![administrator("Grace", true, false), administrator("Jean", true, true)];
    assert_eq!(roles(both), [(true, false), (true, false), (true, true)]);
}

#[test]
fn reg_1_each_person_is_named_once_and_at_most_ten_besides_the_registrant() {
    // REG-1
    let many = |count: usize| with((0..count).map(|n| administrator(&format!("P{n}"), true, false)).collect());
    assert_eq!(parsed(&many(MAX_ADMINISTRATORS)).designations().len(), 11);
    let too_many = SubmitRegistration::parse(&many(MAX_ADMINISTRATORS + 1), None);
    assert_eq!(faults(too_many), [("administrators".to_owned(), "too-many")]);

    let registrant_again =
        RawAdministrator { email: "ADA@Birch.example".to_owned(), ..administrator("Ada", true, true) };
    let twice = vec![registrant_again, administrator("Grace", true, false), administrator("Grace", false, true)];
    let repeated = |n| (format!("administrators.{n}.email"), "repeated");
    assert_eq!(faults(SubmitRegistration::parse(&with(twice), None)), [repeated(0), repeated(2)]);
    let idle = SubmitRegistration::parse(&with(vec![administrator("Grace", false, false)]), None);
    assert_eq!(faults(idle), [("administrators.0.organisation_administrator".to_owned(), "no-role")]);
}

#[test]
fn reg_2_the_public_form_is_for_public_applications() {
    // REG-2
    let gateway = gateway();
    let form = FormId::from_bytes([1; 16]);
    let supply = application(&gateway, "supply-platform");
    let outcome = public_form(form, &raw(), supply, false);
    assert!(matches!(
        outcome.map(|decision| decision.next),
        Err(Refusal::InvitationNeeded { application, .. }) if application == "Anvil Supply Platform"
    ));
    let decision = submitted(&raw());
    assert_eq!((decision.next.origin, decision.next.state), (Origin::Public, RegistrationState::Submitted));
}

#[test]
fn reg_5_one_cause_leads_to_one_registration() {
    // REG-5
    let gateway = gateway();
    assert_eq!(by_invitation(&gateway).next.id, by_invitation(&gateway).next.id);
    let (slot, _) = invitation(&gateway);
    let id = |generation| Registration::id_of_invitation(slot.id, generation, &keys());
    let generation = slot.current.generation;
    assert_eq!(by_invitation(&gateway).next.id, id(generation));
    assert_ne!(id(generation), id(generation + 1), "a further invitation is a further registration");

    let made = submitted(&raw()).next;
    assert_eq!(made.id, submitted(&with(vec![administrator("Grace", true, false)])).next.id, "the form's");
    assert!(made.was_made_by(&parsed(&raw())) && made.submission == submitted(&raw()).next.submission);
    let moved = RawProfile { city: "Neu-Ulm".to_owned(), ..raw_profile() };
    for other in [
        RawRegistration { profile: moved, ..raw() },
        RawRegistration { phone: "+49 731 5550101".to_owned(), ..raw() },
        RawRegistration { given_name: "Augusta".to_owned(), ..raw() },
        with(vec![administrator("Grace", true, false)]),
    ] {
        assert!(!made.was_made_by(&parsed(&other)) && made.submission != submitted(&other).next.submission);
    }
}

#[test]
fn inv_5_a_registration_uses_its_invitation_up() {
    // INV-5
    for gateway in [gateway(), automatic()] {
        let (slot, _) = invitation(&gateway);
        let (decision, generation) = (by_invitation(&gateway), slot.current.generation);
        let (registration, effects) = (decision.next.clone(), decision.effects.clone());
        assert_eq!(registration.origin, Origin::Invited { slot: slot.id, generation });
        let used = slot.used_for(decision);
        assert_eq!(used.next.current.registration, Some(registration.id));
        let entry = |effect: &Effect| match effect {
            Effect::Register(entry) => Some(Entry::clone(entry)),
            _ => None,
        };
        let entries: Vec<Entry> = used.effects.iter().filter_map(entry).collect();
        assert!(matches!(entries.as_slice(), [one] if one.registration == registration && one.effects == effects));
        assert_eq!(used.next.clone().revoke(generation, NOW).err(), Some(Refusal::InvitationAccepted), "INV-3");
    }
}

#[test]
fn reg_5_the_largest_registration_fits_into_its_invitation() {
    // REG-5
    let (gateway, keys) = (automatic(), keys());
    let long = |chars: usize| "\u{10450}".repeat(chars);
    let one = |n: usize| RawAdministrator {
        given_name: long(80),
        family_name: long(80),
        email: format!("{}@{}.example", "a".repeat(63), format!("{n:063}.").repeat(2).trim_end_matches('.')),
        organisation_administrator: true,
        application_administrator: true,
    };
    let profile = RawProfile {
        legal_name: long(120),
        street: long(120),
        city: long(80),
        region: long(80),
        registration_number: long(40),
        ..raw_profile()
    };
    let most = RawRegistration { profile, administrators: (0..MAX_ADMINISTRATORS).map(one).collect(), ..raw() };
    let (slot, token) = invitation(&gateway);
    let invited = slot.present(&token, NOW).expect("valid");
    let application = application(&gateway, "supply-platform");
    let circumstances = Circumstances { application, has_account: false, keys: &keys, now: NOW };
    let decision = Registration::by_invitation(invited, parsed(&most), &circumstances, &mut Seeded(1));
    for effect in slot.used_for(decision).effects {
        let bytes = postcard::to_allocvec(&effect).expect("an effect encodes");
        let place = b"anywhere";
        let sealed = keys.seal(SealPurpose::Message, place, &bytes, &mut Seeded(2));
        let stored = postcard::to_allocvec(&sealed).expect("sealed bytes encode");
        let read: Sealed = postcard::from_bytes(&stored).expect("not too long");
        assert_eq!(keys.open(SealPurpose::Message, place, &read).as_ref(), Ok(&bytes));
    }
}

#[test]
fn apr_1_a_submission_is_queued_and_the_registrant_told() {
    // APR-1, REG-6
    let decision = submitted(&raw());
    let registration = &decision.next;
    let summary = QueueSummary {
        application: read("business-network"),
        organisation: read("Birch Machining GmbH"),
        country: read("DE"),
        way: Way::Public,
    };
    let queued = Effect::Enqueue { registration: registration.id, submitted_at: NOW, summary };
    assert!(decision.effects.contains(&queued));
    let received = Body::RegistrationReceived {
        reference: registration.reference(),
        application: "Cobalt Business Network".to_owned(),
        token: PlainToken::new(*registration.id.bytes(), &mut Seeded(1)).reveal(),
    };
    assert_eq!(only_body(&decision.effects), &received);
    let reference = reference_of(RegistrationId::from_bytes([0xFF; 16]));
    assert_eq!(reference, "R-77777-77777");
}

#[test]
fn apr_2_approval_founds_the_organisation_and_admits_the_administrators() {
    // APR-2
    let gateway = gateway();
    let registration = submitted(&with(vec![administrator("Grace", false, true)])).next;
    let decision = registration.approve(&on_duty(&gateway, "registrar"), &keys(), after(5)).expect("undecided");
    let approved = RegistrationState::Approved { by: Some(read("registrar")), at: after(5) };
    assert_eq!((decision.next.state.as_str(), &decision.next.state), ("approved", &approved));
    assert!(decision.effects.contains(&Effect::Dequeue { registration: decision.next.id, submitted_at: NOW }));

    let [organisation] = founded(&decision.effects)[..] else { panic!("one organisation") };
    assert_eq!(organisation.profile, decision.next.profile);
    let subscriptions: Vec<_> = organisation.subscriptions.iter().collect();
    let subscription = Subscription { since: after(5), acceptances: Vec::new() };
    assert_eq!(subscriptions, [(&read("business-network"), &subscription)]);

    let [registrant, other] = admitted(&decision.effects)[..] else { panic!("two administrators") };
    let network: ApplicationId = read("business-network");
    let membership = |organisation_administrator, application_administrator| Membership {
        organisation: organisation.id,
        organisation_administrator,
        application_administrator,
        access: vec![network.clone()],
    };
    assert_eq!(registrant.membership, membership(true, Vec::new()));
    assert_eq!(other.membership, membership(false, vec![network.clone()]));
    assert_eq!(registrant.organisation_name, "Birch Machining GmbH");
    assert_ne!(registrant.account, other.account);
}

#[test]
fn apr_2_a_repeated_approval_names_the_same_organisation_and_accounts() {
    // APR-2, REG-5: what a crash repeats meets its own records.
    let gateway = gateway();
    let registration = submitted(&raw()).next;
    let approve = || {
        let registrar = on_duty(&gateway, "registrar");
        let effects = registration.clone().approve(&registrar, &keys(), NOW).expect("undecided").effects;
        let organisations: Vec<_> = founded(&effects).iter().map(|organisation| organisation.id).collect();
        let accounts: Vec<_> = admitted(&effects).iter().map(|admission| admission.account).collect();
        (organisations, accounts)
    };
    assert_eq!(approve(), approve());
}

#[test]
fn apr_1_a_rejection_mails_its_reason() {
    // APR-1
    let gateway = gateway();
    let registration = submitted(&raw()).next;
    let reason: Paragraph<1000> = read("No such company.");
    let decision = registration.reject(&on_duty(&gateway, "registrar"), reason.clone(), after(5)).expect("undecided");
    let rejected = RegistrationState::Rejected { by: read("registrar"), at: after(5), reason };
    assert_eq!((decision.next.state.as_str(), &decision.next.state), ("rejected", &rejected));
    assert!(decision.effects.contains(&Effect::Dequeue { registration: decision.next.id, submitted_at: NOW }));
    let told =
        Body::RegistrationRejected { reference: decision.next.reference(), reason: "No such company.".to_owned() };
    assert_eq!(only_body(&decision.effects), &told);
    assert!(founded(&decision.effects).is_empty() && admitted(&decision.effects).is_empty());
}

#[test]
fn apr_3_a_registration_is_decided_once() {
    // APR-3
    let gateway = gateway();
    let registrar = on_duty(&gateway, "registrar");
    let open = submitted(&raw()).next;
    let approved = open.clone().approve(&registrar, &keys(), NOW).expect("undecided").next;
    let rejected = open.reject(&registrar, read("No."), NOW).expect("undecided").next;
    let automatic = by_invitation(&automatic()).next;
    let by = Some("registrar".to_owned());
    for (decided, what, by) in
        [(approved, "approved", by.clone()), (rejected, "rejected", by), (automatic, "approved", None)]
    {
        let settled = Refusal::AlreadyDecided(Settled { what, by, at: NOW });
        let again = decided.clone().approve(&registrar, &keys(), after(9)).map(|decision| decision.next);
        assert_eq!(again.as_ref(), Err(&settled), "whoever is second learns who decided what, and when");
        let again = decided.reject(&registrar, read("No."), after(9)).map(|decision| decision.next);
        assert_eq!(again, Err(settled));
    }
}

#[test]
fn apr_1_the_automatic_policy_is_for_invited_organisations() {
    // APR-1
    let gateway = automatic();
    let invited = by_invitation(&gateway);
    assert_eq!(invited.next.state, RegistrationState::Approved { by: None, at: NOW });
    assert_eq!((founded(&invited.effects).len(), admitted(&invited.effects).len()), (1, 1));
    assert!(!invited.effects.iter().any(|effect| matches!(effect, Effect::Enqueue { .. })), "nobody has to decide it");

    let network = application(&gateway, "business-network");
    let public = public_form(FormId::from_bytes([1; 16]), &raw(), network, false);
    let public = public.expect("public");
    assert_eq!(public.next.state, RegistrationState::Submitted);
    assert!(founded(&public.effects).is_empty());

    let manual = by_invitation(&crate::testing::gateway());
    assert_eq!(manual.next.state, RegistrationState::Submitted);
}

fn told(effects: &[Effect]) -> Vec<(&str, &Body)> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send(message) => Some((message.to.as_str(), &message.body)),
        _ => None,
    });
    sent.collect()
}

#[test]
fn reg_4_only_the_mailbox_is_told_that_it_has_an_account() {
    // REG-4
    let gateway = gateway();
    let network = application(&gateway, "business-network");
    let of = |has_account| public_form(FormId::from_bytes([1; 16]), &raw(), network, has_account).expect("public");
    let (new, known) = (of(false), of(true));
    assert_eq!(new.next, known.next, "what is answered comes from the record");
    assert!(matches!(told(&new.effects).as_slice(), [("ada@birch.example", Body::RegistrationReceived { .. })]));
    assert!(matches!(told(&known.effects).as_slice(), [("ada@birch.example", Body::AccountExists { .. })]));
}

#[test]
fn reg_6_a_registration_is_followed_by_its_mailed_link() {
    // REG-6
    let Decision { next: registration, effects, .. } = submitted(&raw());
    let [(_, Body::RegistrationReceived { token, .. })] = told(&effects).as_slice() else { panic!("one message") };
    let token: PlainToken = read(token);
    let followed = registration.follow(&token, after(STATUS_LIFETIME.0 - 1)).expect("its own link");
    assert_eq!(followed.registration(), &registration);
    assert_eq!(registration.follow(&token, after(STATUS_LIFETIME.0)).map(|_| ()), Err(Refusal::LinkNotValid));
    let foreign = PlainToken::new(*registration.id.bytes(), &mut Seeded(9));
    assert_eq!(registration.follow(&foreign, NOW).map(|_| ()), Err(Refusal::LinkNotValid));
}

#[test]
fn reg_2_asking_an_organisation_takes_the_forms_place() {
    // REG-2: a form becomes a registration or a request, never both.
    let gateway = gateway();
    let network = application(&gateway, "business-network");
    let birch = organisation(&gateway);
    let form = FormId::from_bytes([1; 16]);
    let circumstances = Circumstances { application: network, has_account: false, keys: &keys(), now: NOW };
    let asked = Registration::ask_to_join(form, parsed(&raw()), &birch, &circumstances, &mut Seeded(1));
    let Decision { next: asked, effects, .. } = asked.expect("public");
    assert_eq!(asked.id, submitted(&raw()).next.id);
    assert!(asked.was_asked_of(birch.id) && !asked.was_asked_of(OrganisationId::from_bytes([9; 16])));
    assert!(founded(&effects).is_empty() && admitted(&effects).is_empty());
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Enqueue { .. })), "nobody has to approve it");
    assert!(matches!(told(&effects).as_slice(), [("ada@birch.example", Body::RequestPassedOn { .. })]));
    let registrar = on_duty(&gateway, "registrar");
    assert!(matches!(asked.approve(&registrar, &keys(), NOW), Err(Refusal::AlreadyDecided(_))));

    let request = effects.iter().find_map(|effect| match effect {
        Effect::AskAdministrators { organisation, request } if *organisation == birch.id => Some((**request).clone()),
        _ => None,
    });
    let asks = request.as_ref().map(|request| request.email.normalised());
    assert_eq!(asks, Some("ada@birch.example".to_owned()));
    let mut busy = birch.clone();
    for n in 0..u8::try_from(crate::organisation::MAX_JOIN_REQUESTS).expect("few") {
        let mut other = request.clone().expect("it was asked");
        other.registration = RegistrationId::from_bytes([n; 16]);
        other.email = read(&format!("user{n}@birch.example"));
        busy = busy.ask(other, &[]).expect("a new one").next;
    }
    let outcome = Registration::ask_to_join(form, parsed(&raw()), &busy, &circumstances, &mut Seeded(1));
    assert_eq!(faults(outcome), [("organisation".to_owned(), "too-many-requests-wait")]);
    let supply = application(&gateway, "supply-platform");
    let circumstances = Circumstances { application: supply, ..circumstances };
    let outcome = Registration::ask_to_join(form, parsed(&raw()), &birch, &circumstances, &mut Seeded(1));
    assert!(matches!(outcome, Err(Refusal::InvitationNeeded { .. })));
}

#[test]
fn reg_6_whoever_asked_follows_what_was_decided() {
    // REG-2, REG-6
    let gateway = gateway();
    let (network, birch) = (application(&gateway, "business-network"), organisation(&gateway));
    let circumstances = Circumstances { application: network, has_account: false, keys: &keys(), now: NOW };
    let form = FormId::from_bytes([1; 16]);
    let asked = Registration::ask_to_join(form, parsed(&raw()), &birch, &circumstances, &mut Seeded(1));
    let asked = asked.expect("public").next;
    assert!(asked.clone().answered(OrganisationId::from_bytes([9; 16]), true, NOW).is_none(), "it was not asked");
    let noted = asked.clone().answered(birch.id, false, after(5)).expect("it was asked").next;
    assert_eq!((noted.state.as_str(), noted.was_asked_of(birch.id)), ("declined", true));
    assert!(noted.clone().answered(birch.id, true, after(6)).is_none(), "once");
    assert_eq!(asked.answered(birch.id, true, NOW).map(|one| one.next.state.as_str()), Some("let-in"));
    assert!(submitted(&raw()).next.answered(birch.id, true, NOW).is_none());
}

#[test]
fn inv_7_an_organisation_that_exists_accepts_instead_of_registering() {
    // INV-7
    let gateway = gateway();
    let (slot, token) = invitation(&gateway);
    let supply = application(&gateway, "supply-platform");
    let birch = organisation(&gateway);
    let circumstances = Circumstances { application: supply, has_account: true, keys: &keys(), now: NOW };
    let join = |account: &crate::account::Account| {
        let invited = slot.present(&token, NOW).expect("valid");
        Registration::by_organisation(invited, &signed_in(account), &birch, &circumstances, &mut Seeded(1))
    };
    let plain = account();
    assert!(matches!(join(&plain), Err(Refusal::RoleMissing { .. })), "users may not");
    let membership = Membership { organisation_administrator: true, ..membership() };
    let administrator = crate::account::Account { memberships: vec![membership], ..account() };
    let Decision { next: joined, effects, .. } = join(&administrator).expect("an administrator may");
    assert_eq!(joined.id, by_invitation(&gateway).next.id, "the invitation leads to one of them");
    assert!(joined.was_joined_by(birch.id) && joined.submission != by_invitation(&gateway).next.submission);
    let subscribed =
        Effect::Subscribe { organisation: birch.id, application: supply.id.clone(), account: administrator.id };
    assert_eq!(effects, [subscribed], "no second organisation is founded");
}

#[test]
fn reg_3_an_approved_organisation_can_be_found() {
    // REG-3
    let gateway = gateway();
    let waiting = submitted(&raw()).next;
    let approved = waiting.approve(&on_duty(&gateway, "registrar"), &keys(), NOW).expect("not decided yet");
    let found = founded(&approved.effects);
    let [organisation] = found.as_slice() else { panic!("one organisation") };
    let indexed = approved.effects.iter().find_map(|effect| match effect {
        Effect::IndexOrganisation { organisation: indexed, traits } if *indexed == organisation.id => Some(traits),
        _ => None,
    });
    let email = read("ada@birch.example");
    let searched = crate::organisation::traits_to_search(&organisation.profile, &email, &[], &keys());
    let indexed = indexed.expect("it is indexed");
    assert!(!searched.is_empty() && searched.iter().all(|one| indexed.contains(one)));
    assert_eq!(organisation.founders, [email]);
}

#[test]
fn reg_1_a_phone_without_plus_is_one_of_the_headquarters_country() {
    // REG-1
    let with_phone = |phone: &str, country: &str| {
        let profile = RawProfile { country: country.to_owned(), telephone: "0731 5550199".to_owned(), ..raw_profile() };
        SubmitRegistration::parse(&RawRegistration { phone: phone.to_owned(), profile, ..raw() }, None)
    };
    let command = with_phone("0731 5550100", "DE").expect("a number of Germany");
    let other = with_phone("+49 731 5550100", "DE").expect("the same number");
    assert_eq!(command, other);
    assert_eq!(faulty_fields(with_phone("0731 5550100", "")), ["phone", "profile.country", "profile.telephone"]);
}
