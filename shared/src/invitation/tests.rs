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

fn used(slot: &InvitationSlot, by: u8) -> InvitationSlot {
    slot.clone().used_by(slot.current.generation, registration(by)).expect("unused before").next
}

const EXPIRY: u64 = 14 * 86_400;

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
    let Body::Invitation { company, token, expires_at, .. } = only_body(&issued.decision.effects) else {
        panic!("an invitation")
    };
    assert_eq!((company.as_str(), token), ("Anvil Aerospace", &issued.token.reveal()));
    assert_eq!(*expires_at, issued.decision.next.current.expires_at);
    assert_eq!(issued.decision.next.handed_over_token(&keys()), None);

    let handed = CreateInvitation::parse(RawInvitation { send_email: Some(false), ..raw() }).expect("valid");
    let issued = InvitationSlot::open(&wish(&gateway, &handed, 1), &keys(), NOW, &mut Seeded(1));
    assert!(issued.decision.effects.is_empty());
    let slot = issued.decision.next;
    assert_eq!(slot.handed_over_token(&keys()), Some(issued.token.reveal()), "a repetition gets the same link");
    assert_eq!(slot.handed_over_token(&Keys::new(&[8; 32], None).expect("32 bytes")), None);
    let moved = InvitationSlot { id: InvitationSlotId::from_bytes([9; 16]), ..slot };
    assert_eq!(moved.handed_over_token(&keys()), None, "sealed for its own record");
}

#[test]
fn inv_2_an_idempotency_key_admits_the_body_it_came_with() {
    // INV-2
    let claim = IdempotencyClaim { id: [1; 16], body: [2; 32], claimed_at: NOW };
    assert_eq!(claim.admits(&[2; 32]), Ok(()));
    assert_eq!(claim.admits(&[3; 32]), Err(Refusal::IdempotencyKeyReused));
}

#[test]
fn inv_3_one_invitation_is_pending_until_it_is_used_or_expires() {
    // INV-3
    let (slot, _) = invited(&command());
    let pending = Err(Refusal::InvitationPending { existing: slot.invitation_id() });
    assert_eq!(reopened(&slot, 2, NOW).map(drop), pending);
    assert_eq!(reopened(&slot, 2, after(EXPIRY - 1)).map(drop), pending);
    assert_eq!(slot.current.state(after(EXPIRY - 1)), InvitationState::Pending);
    assert_eq!(slot.current.state(after(EXPIRY)), InvitationState::Expired);

    for (ended, now) in [(slot.clone(), after(EXPIRY)), (used(&slot, 1), NOW)] {
        let (next, _) = reopened(&ended, 2, now).expect("the one before has ended");
        assert_eq!(
            (next.invitation_id(), next.current.state(now)),
            (format!("{}-{}", slot.id, slot.current.generation + 1), InvitationState::Pending)
        );
        let past: Vec<_> = next.past.iter().map(|past| (past.generation, past.registration)).collect();
        assert_eq!(past, [(slot.current.generation, ended.current.registration)]);
        assert!(next.answers(&[1; 16]) && next.answers(&[2; 16]) && !next.answers(&[3; 16]));
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
    for (about, slot, token, now) in [
        ("unknown", &slot, &unknown, NOW),
        ("another record's", &slot, &elsewhere, NOW),
        ("expired", &slot, &token, after(EXPIRY)),
        ("used", &used, &token, NOW),
        ("an earlier one", &again, &token, NOW),
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
    assert!(used.clone().used_by(used.current.generation, registration(1)).is_none(), "repeated");
    let generation = used.current.generation;
    assert!(used.used_by(generation, registration(2)).is_none(), "the first one stays");
    let another = slot.current.generation + 1;
    assert!(slot.used_by(another, registration(1)).is_none(), "another generation");
}
