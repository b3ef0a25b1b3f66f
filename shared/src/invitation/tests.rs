use super::*;
use crate::testing::*;
use crate::{config::Gateway, values::PartnerId};

fn raw() -> RawInvitation {
    RawInvitation {
        application: "supply-platform".to_owned(),
        organisation: "Birch Machining GmbH".to_owned(),
        given_name: "Ada".to_owned(),
        family_name: "Lovelace".to_owned(),
        email: "ada@birch.example".to_owned(),
        profile: None,
        lifetime_days: None,
        send_email: None,
    }
}

fn command() -> CreateInvitation {
    CreateInvitation::parse(raw()).expect("a checked request")
}

fn wish<'a>(gateway: &'a Gateway, command: &'a CreateInvitation, claim: u8) -> Wish<'a> {
    let partner: PartnerId = read("anvil");
    Wish {
        command,
        claim: [claim; 16],
        partner: gateway.partner(&partner).expect("configured"),
        application: application(gateway, "supply-platform"),
    }
}

/// An invitation of just now, and its link's token.
fn invited(command: &CreateInvitation) -> (InvitationSlot, PlainToken) {
    let gateway = gateway();
    let issued = InvitationSlot::open(&wish(&gateway, command, 1), &keys(), NOW, &mut Seeded(1));
    (issued.decision.next, issued.token)
}

fn reopened(slot: &InvitationSlot, claim: u8, now: Timestamp) -> Result<(InvitationSlot, PlainToken), Refusal> {
    let (gateway, command) = (gateway(), command());
    let mut rng = Seeded(u64::from(claim));
    let issued = slot.clone().reopen(&wish(&gateway, &command, claim), &keys(), now, &mut rng)?;
    Ok((issued.decision.next, issued.token))
}

fn registration(n: u8) -> RegistrationId {
    RegistrationId::from_bytes([n; 16])
}

fn resent(slot: &InvitationSlot, claim: u8, raw: &RawResend, now: Timestamp) -> Result<Issued, Refusal> {
    resent_at(slot, slot.current.generation, claim, raw, now)
}

fn resent_at(
    slot: &InvitationSlot,
    generation: u32,
    claim: u8,
    raw: &RawResend,
    now: Timestamp,
) -> Result<Issued, Refusal> {
    let (gateway, command) = (gateway(), ResendInvitation::parse(raw)?);
    let partner: PartnerId = read("anvil");
    let wish = Resend {
        generation,
        command: &command,
        claim: [claim; 16],
        partner: gateway.partner(&partner).expect("configured"),
        application: application(&gateway, "supply-platform"),
    };
    slot.clone().resend(&wish, &keys(), now, &mut Seeded(u64::from(claim)))
}

fn revoked(slot: &InvitationSlot, generation: u32, now: Timestamp) -> InvitationSlot {
    slot.clone().revoke(nth(generation), now).expect("not accepted").expect("not revoked before").next
}

fn state(slot: &InvitationSlot, generation: u32, now: Timestamp) -> Option<InvitationState> {
    slot.outline(nth(generation), now).map(|outline| outline.state)
}

fn used(slot: &InvitationSlot, by: u8) -> InvitationSlot {
    let mut used = slot.clone();
    used.current.registration = Some(registration(by));
    used
}

const EXPIRY: u64 = 14 * 86_400;

/// The generation of a slot's n-th invitation, when the first was made just now.
fn nth(n: u32) -> u32 {
    first_generation(NOW) + n - 1
}

#[test]
fn inv_2_every_fault_of_a_request_is_said_at_once() {
    // INV-2
    let broken = RawInvitation {
        application: "No Slug".to_owned(),
        organisation: String::new(),
        given_name: " ".to_owned(),
        family_name: "x".repeat(81),
        email: "ada".to_owned(),
        profile: Some(RawProfile {
            country: "Atlantis".to_owned(),
            telephone: "12".to_owned(),
            ..RawProfile::default()
        }),
        lifetime_days: Some(0),
        send_email: None,
    };
    assert_eq!(
        faulty_fields(CreateInvitation::parse(broken)),
        [
            "application",
            "organisation",
            "given_name",
            "family_name",
            "email",
            "lifetime_days",
            "profile.country",
            "profile.telephone"
        ]
    );
}

#[test]
fn inv_2_a_link_lives_1_to_60_days_and_14_by_default() {
    // INV-2
    for (days, lives) in [(None, Some(14)), (Some(1), Some(1)), (Some(60), Some(60)), (Some(0), None), (Some(61), None)]
    {
        let parsed = CreateInvitation::parse(RawInvitation { lifetime_days: days, ..raw() });
        let Some(lives) = lives else {
            assert_eq!(faults(parsed), [("lifetime_days".to_owned(), "out-of-range")], "{days:?}");
            continue;
        };
        let (slot, _) = invited(&parsed.expect("in range"));
        assert_eq!(slot.current.expires_at, NOW.plus(Seconds::days(lives)), "{days:?}");
    }
}

#[test]
fn inv_2_the_organisations_name_is_prefilled_unless_the_partner_knows_the_legal_one() {
    // INV-2
    for (known, filled) in [("", "Birch Machining GmbH"), ("  ", "Birch Machining GmbH"), ("Birch AG", "Birch AG")] {
        let profile = RawProfile { legal_name: known.to_owned(), ..RawProfile::default() };
        let command = CreateInvitation::parse(RawInvitation { profile: Some(profile), ..raw() }).expect("valid");
        assert_eq!(command.profile.legal_name, filled, "{known:?}");
    }
}

#[test]
fn inv_2_one_slot_for_one_application_and_mailbox() {
    // INV-2, INV-3
    let slot = |application: &str, email: &str| {
        let raw = RawInvitation { application: application.to_owned(), email: email.to_owned(), ..raw() };
        CreateInvitation::parse(raw).expect("valid").slot(&keys())
    };
    let own = slot("supply-platform", "ada@birch.example");
    assert_eq!(slot("supply-platform", " Ada@Birch.EXAMPLE"), own);
    assert_ne!(slot("business-network", "ada@birch.example"), own);
    assert_ne!(slot("supply-platform", "bob@birch.example"), own);
}

#[test]
fn inv_2_the_link_is_mailed_or_handed_over_and_never_both() {
    // INV-2, INV-6
    let gateway = gateway();
    let mailed = command();
    let issued = InvitationSlot::open(&wish(&gateway, &mailed, 1), &keys(), NOW, &mut Seeded(1));
    let [Effect::Send(message), Effect::ListInvitation { invitation, .. }, Effect::OfferInvitation { .. }] =
        issued.decision.effects.as_slice()
    else {
        panic!("{:?}", issued.decision.effects)
    };
    assert_eq!(*invitation, issued.decision.next.current_id());
    let Body::Invitation { company, token, expires_at, .. } = &message.body else { panic!("an invitation") };
    assert_eq!((company.as_str(), token), ("Anvil Aerospace", &issued.token.reveal()));
    assert_eq!(*expires_at, issued.decision.next.current.expires_at);
    assert_eq!(issued.decision.next.handed_over_token(&keys()), None);

    let handed = CreateInvitation::parse(RawInvitation { send_email: Some(false), ..raw() }).expect("valid");
    let issued = InvitationSlot::open(&wish(&gateway, &handed, 1), &keys(), NOW, &mut Seeded(1));
    let effects = issued.decision.effects.as_slice();
    assert!(matches!(effects, [Effect::ListInvitation { .. }, Effect::OfferInvitation { .. }]));
    let slot = issued.decision.next;
    assert_eq!(slot.handed_over_token(&keys()), Some(issued.token.reveal()), "a repetition gets the same link");
    assert_eq!(slot.handed_over_token(&Keys::new(&[8; 32], None).expect("32 bytes")), None);
    let moved = InvitationSlot { id: InvitationSlotId::from_bytes([9; 16]), ..slot };
    assert_eq!(moved.handed_over_token(&keys()), None, "sealed for its own record");
}

#[test]
fn inv_3_one_invitation_is_pending_until_it_is_used_or_expires() {
    // INV-3
    let (slot, _) = invited(&command());
    let pending = Err(Refusal::InvitationPending { existing: slot.current_id().to_string() });
    assert_eq!(reopened(&slot, 2, NOW).map(drop), pending);
    assert_eq!(reopened(&slot, 2, after(EXPIRY - 1)).map(drop), pending);
    assert_eq!(slot.current.state(after(EXPIRY - 1)), InvitationState::Pending);
    assert_eq!(slot.current.state(after(EXPIRY)), InvitationState::Expired);

    for (ended, now) in [(slot.clone(), after(EXPIRY)), (used(&slot, 1), NOW)] {
        let (next, _) = reopened(&ended, 2, now).expect("the one before has ended");
        assert_eq!(
            (next.current_id().to_string(), next.current.state(now)),
            (format!("{}-{}", slot.id, nth(2)), InvitationState::Pending)
        );
        let past: Vec<_> = next.past.iter().map(|past| (past.generation, past.registration)).collect();
        assert_eq!(past, [(nth(1), ended.current.registration)]);
        let made = [1, 2, 3].map(|claim| next.made_by(&[claim; 16]).map(|id| id.generation));
        assert_eq!(made, [Some(nth(1)), Some(nth(2)), None]);
    }
}

#[test]
fn inv_3_a_slot_remembers_a_bounded_past() {
    // INV-3
    let (mut slot, _) = invited(&command());
    let first = slot.current.generation;
    for round in 0..30 {
        (slot, _) = reopened(&used(&slot, round), round + 2, NOW).expect("used");
    }
    let generations: Vec<u32> = slot.past.iter().map(|past| past.generation).collect();
    assert_eq!(generations, (first + 10..first + 30).collect::<Vec<u32>>());
    assert_eq!((generations.len(), slot.current.generation), (MAX_PAST, first + 30));
}

#[test]
fn ops_3_a_slot_ends_a_month_after_its_last_invitation_unless_one_led_to_a_registration() {
    // OPS-3
    let (slot, _) = invited(&command());
    assert_eq!(slot.ends_at(), Some(slot.current.expires_at.plus(KEPT_AFTER_END)));
    let (again, _) = reopened(&slot, 2, after(EXPIRY)).expect("the one before has ended");
    assert_eq!(again.ends_at(), Some(again.current.expires_at.plus(KEPT_AFTER_END)), "the last one counts");
    let used = used(&slot, 1);
    assert_eq!(used.ends_at(), None);
    let (after_use, _) = reopened(&used, 2, NOW).expect("used");
    assert_eq!(after_use.ends_at(), None, "an earlier one led to a registration");
}

#[test]
fn ops_3_a_slot_that_is_opened_anew_repeats_no_id() {
    // OPS-3: it may be opened anew from when the former one is removed, however often that was reopened.
    let (gateway, command) = (gateway(), command());
    let (slot, _) = invited(&command);
    let ends = slot.ends_at().expect("it led to nothing");
    let Issued { decision, .. } = InvitationSlot::open(&wish(&gateway, &command, 2), &keys(), ends, &mut Seeded(2));
    assert!(decision.next.current.generation > slot.current.generation + 40_000);
}

#[test]
fn inv_4_opening_the_link_changes_nothing() {
    // INV-4
    let (slot, token) = invited(&command());
    for _ in 0..3 {
        assert_eq!(slot.present(&token, NOW).expect("valid").slot(), &slot);
    }
}

#[test]
fn inv_5_every_token_that_is_not_good_has_one_answer() {
    // INV-5
    let (slot, token) = invited(&command());
    assert!(slot.present(&token, after(EXPIRY - 1)).is_ok(), "the last second");
    let unknown = PlainToken::new(*slot.id.bytes(), &mut Seeded(9));
    let elsewhere = PlainToken::new([9; 16], &mut Seeded(1));
    let used = used(&slot, 1);
    let (again, fresh) = reopened(&used, 2, NOW).expect("used");
    let resent = resent(&slot, 3, &RawResend::default(), NOW).expect("pending").decision.next;
    let revoked = revoked(&slot, 1, NOW);
    for (about, slot, token, now) in [
        ("unknown", &slot, &unknown, NOW),
        ("another record's", &slot, &elsewhere, NOW),
        ("expired", &slot, &token, after(EXPIRY)),
        ("used", &used, &token, NOW),
        ("an earlier one", &again, &token, NOW),
        ("that of before it was sent again", &resent, &token, NOW),
        ("revoked", &revoked, &token, NOW),
    ] {
        assert!(matches!(slot.present(token, now), Err(Refusal::LinkNotValid)), "{about}");
    }
    assert!(again.present(&fresh, NOW).is_ok());
}

#[test]
fn inv_5_an_invitation_is_used_once() {
    // INV-5, REG-5
    let (slot, token) = invited(&command());
    assert_eq!(slot.registration_of(&token), None);
    let used = used(&slot, 1);
    assert_eq!(used.current.state(after(EXPIRY)), InvitationState::Accepted, "it does not expire any more");
    assert_eq!(used.registration_of(&token), Some(registration(1)));
    assert_eq!(used.registration_of(&PlainToken::new(*slot.id.bytes(), &mut Seeded(9))), None);
    assert_eq!(used.registration_by(used.current_id()), Some(registration(1)));
    let another = InvitationId { slot: slot.id, generation: slot.current.generation + 1 };
    assert_eq!(used.registration_by(another), None, "another generation");
    assert_eq!(used.present(&token, NOW).err(), Some(Refusal::LinkNotValid));
}

#[test]
fn inv_3_sending_again_rotates_token_and_lifetime() {
    // INV-3
    let (slot, old) = invited(&command());
    for (now, days, lives) in [(after(5), None, 14), (after(EXPIRY), Some(60), 60)] {
        let raw = RawResend { lifetime_days: days, send_email: None };
        let Issued { decision, token } = resent(&slot, 2, &raw, now).expect("not used");
        let effects = decision.effects.as_slice();
        assert!(matches!(effects, [Effect::Send(_), Effect::OfferInvitation { .. }]), "it is in the list already");
        let next = decision.next;
        assert_eq!(next.current_id(), slot.current_id());
        assert_eq!(next.current.expires_at, now.plus(Seconds::days(lives)));
        assert_eq!(next.current.state(now), InvitationState::Pending, "also one that had expired");
        assert!(next.present(&token, now).is_ok());
        assert!(matches!(next.present(&old, now), Err(Refusal::LinkNotValid)));
        assert!(next.was_resent_by(&[2; 16]) && !next.was_resent_by(&[1; 16]));
    }
    let out_of_range = RawResend { lifetime_days: Some(61), send_email: None };
    assert_eq!(faults(resent(&slot, 2, &out_of_range, NOW)), [("lifetime_days".to_owned(), "out-of-range")]);
}

#[test]
fn inv_3_the_new_link_goes_the_way_that_is_asked_for_or_that_it_went_before() {
    // INV-3
    let handed = CreateInvitation::parse(RawInvitation { send_email: Some(false), ..raw() }).expect("valid");
    for (command, asked, mailed) in [
        (command(), None, true),
        (command(), Some(false), false),
        (handed.clone(), None, false),
        (handed, Some(true), true),
    ] {
        let (slot, _) = invited(&command);
        let Issued { decision, token } =
            resent(&slot, 2, &RawResend { lifetime_days: None, send_email: asked }, NOW).expect("pending");
        assert_eq!(messages(&decision.effects).len(), usize::from(mailed));
        let kept = decision.next.handed_over_token(&keys());
        assert_eq!(kept, (!mailed).then(|| token.reveal()), "a repetition gets the same link");
    }
}

#[test]
fn inv_3_what_has_ended_is_not_sent_again() {
    // INV-3
    let (slot, _) = invited(&command());
    let refused = |slot: &InvitationSlot, generation| {
        resent_at(slot, nth(generation), 9, &RawResend::default(), NOW).map(drop).expect_err("refused")
    };
    assert_eq!(refused(&used(&slot, 1), 1), Refusal::InvitationAccepted);
    assert_eq!(refused(&revoked(&slot, 1, NOW), 1), Refusal::InvitationEnded);
    assert_eq!(refused(&slot, 2), Refusal::NotFound);
    let (again, _) = reopened(&slot, 2, after(EXPIRY)).expect("expired");
    assert_eq!(refused(&again, 1), Refusal::InvitationEnded, "another one took its place");

    let mut often = slot;
    for claim in 0..20 {
        often = resent(&often, claim, &RawResend::default(), NOW).expect("not too often").decision.next;
    }
    assert_eq!((often.current.resends.len(), refused(&often, 1)), (MAX_RESENDS, Refusal::ResentTooOften));
}

#[test]
fn inv_3_a_partner_takes_back_what_is_not_used() {
    // INV-3
    let (slot, _) = invited(&command());
    for now in [NOW, after(EXPIRY)] {
        let next = revoked(&slot, 1, now);
        assert_eq!(state(&next, 1, after(EXPIRY)), Some(InvitationState::Revoked));
        assert!(next.clone().revoke(nth(1), after(1)).expect("revoked").is_none(), "repeated");
        assert!(reopened(&next, 2, NOW).is_ok(), "it makes room for another one");
    }
    assert!(matches!(used(&slot, 1).revoke(nth(1), NOW), Err(Refusal::InvitationAccepted)));
    assert!(matches!(slot.clone().revoke(nth(2), NOW), Err(Refusal::NotFound)));

    let (again, _) = reopened(&slot, 2, after(EXPIRY)).expect("expired");
    let next = revoked(&again, 1, after(EXPIRY));
    let states = [1, 2].map(|generation| state(&next, generation, after(EXPIRY)));
    assert_eq!(states, [Some(InvitationState::Revoked), Some(InvitationState::Pending)]);
}

#[test]
fn inv_3_whoever_comes_after_the_revocation_is_refused() {
    // INV-3, INV-5
    let (slot, token) = invited(&command());
    let revoked = revoked(&slot, 1, NOW);
    assert_eq!(revoked.present(&token, NOW).err(), Some(Refusal::LinkNotValid));
    assert_eq!((revoked.registration_of(&token), revoked.registration_by(revoked.current_id())), (None, None));
}

#[test]
fn inv_7_a_repeated_acceptance_finds_its_registration_also_under_a_later_invitation() {
    // INV-7
    let (slot, token) = invited(&command());
    let used = used(&slot, 1);
    let (again, _) = reopened(&used, 2, after(1)).expect("used");
    assert_eq!(again.registration_by(used.current_id()), Some(registration(1)));
    assert_eq!((again.registration_by(again.current_id()), again.registration_of(&token)), (None, None));
}

#[test]
fn inv_3_what_a_partner_is_told_outlives_the_invitation() {
    // INV-3
    let (slot, _) = invited(&command());
    let told = slot.outline(nth(1), NOW).expect("current");
    let (again, _) = reopened(&used(&slot, 7), 2, after(1)).expect("used");
    let past = again.outline(nth(1), after(1)).expect("remembered");
    assert_eq!(past, Outline { state: InvitationState::Accepted, registration: Some(registration(7)), ..told });
    assert_eq!(again.outline(nth(2), after(1)).map(|outline| outline.created_at), Some(after(1)));
    assert_eq!((again.outline(nth(0), NOW), again.outline(nth(3), NOW)), (None, None));
    assert_eq!(state(&reopened(&slot, 2, after(EXPIRY)).expect("over").0, 1, NOW), Some(InvitationState::Expired));
}

#[test]
fn inv_3_states_have_names() {
    // INV-3
    for state in InvitationState::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
    }
    for wrong in ["", "Pending", "used"] {
        assert!(wrong.parse::<InvitationState>().is_err(), "{wrong}");
    }
}

#[test]
fn inv_3_an_id_is_read_as_it_was_given_and_no_other_way() {
    // INV-3
    let id = InvitationId { slot: InvitationSlotId::from_bytes([7; 16]), generation: 12 };
    assert_eq!(id.to_string().parse(), Ok(id));
    let slot = id.slot.to_string();
    let upper = slot.to_uppercase();
    for wrong in [
        String::new(),
        slot.clone(),
        format!("{slot}-"),
        format!("{slot}-0"),
        format!("{slot}-01"),
        format!("{slot}-+1"),
        format!("{slot}-4294967296"),
        format!("{slot}-1-1"),
        format!("{upper}-1"),
        "bulk".to_owned(),
    ] {
        assert!(wrong.parse::<InvitationId>().is_err(), "{wrong}");
    }
}
