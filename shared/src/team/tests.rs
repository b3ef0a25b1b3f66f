use super::*;
use crate::{account::Account, testing::*};

fn administrator() -> Account {
    let membership = Membership { organisation_administrator: true, ..membership() };
    Account { memberships: vec![membership], ..account() }
}

fn raw(n: u8) -> RawPerson {
    RawPerson {
        form: FormId::from_bytes([n; 16]).to_string(),
        how: "invite".to_owned(),
        given_name: "Cy".to_owned(),
        family_name: "Birch".to_owned(),
        email: format!("cy{n}@birch.example"),
        role: "user".to_owned(),
        applications: Vec::new(),
    }
}

fn birch() -> Organisation {
    organisation(&gateway())
}

fn added(team: Team, raw: &RawPerson, now: Timestamp) -> Result<Option<Decision<Team>>, Refusal> {
    let (ada, organisation) = (administrator(), birch());
    let command = AddPerson::parse(raw, &organisation)?;
    team.add(command, &signed_in(&ada), &organisation, (&keys(), now), &mut Seeded(raw.form.len() as u64))
}

fn token_of(effects: &[Effect]) -> PlainToken {
    let message = effects.iter().find_map(|effect| match effect {
        Effect::Send(message) | Effect::Enlist { offer: message, .. } => Some(message),
        _ => None,
    });
    let Some(Body::PersonInvited { token, .. }) = message.map(|message| &message.body) else { panic!("a link") };
    read(token)
}

fn details() -> Completed {
    Completed::parse("Cyrus", "Birch", "0731 5550100", read("DE")).expect("a number of Germany")
}

#[test]
fn inv_8_roles_are_of_the_organisations_own_applications() {
    // INV-8, ACC-5
    let birch = birch();
    let parsed = |role: &str, applications: &[&str]| {
        let applications = applications.iter().map(|id| (*id).to_owned()).collect();
        AddPerson::parse(&RawPerson { role: role.to_owned(), applications, ..raw(1) }, &birch)
    };
    let user = parsed("user", &[]).expect("a user").membership;
    assert_eq!(user.access.len(), birch.subscriptions.len(), "whatever the organisation has");
    assert!(!user.organisation_administrator && user.application_administrator.is_empty());
    let supply = parsed("application-administrator", &["supply-platform"]).expect("an administrator").membership;
    assert_eq!((supply.application_administrator.len(), supply.access.len()), (1, 1));
    assert!(parsed("organisation-administrator", &[]).expect("one").membership.organisation_administrator);
    assert_eq!(faulty_fields(parsed("application-administrator", &[])), ["applications"]);
    assert_eq!(faulty_fields(parsed("user", &["no-such"])), ["applications"]);
    assert_eq!(faulty_fields(parsed("king", &[])), ["role"]);
}

#[test]
fn inv_8_an_invited_person_completes_name_and_phone_and_is_admitted_once() {
    // INV-8
    let Decision { next: team, effects, .. } =
        added(Team::new(ORGANISATION), &raw(1), NOW).expect("fine").expect("new");
    let token = token_of(&effects);
    assert!(team.present(&token, after(PERSON_INVITATION_LIFETIME.0 - 1)).is_ok());
    assert_eq!(team.present(&token, after(PERSON_INVITATION_LIFETIME.0)).map(|_| ()), Err(Refusal::LinkNotValid));
    let accept = |team: Team| team.accept(&token, details(), &birch(), (&keys(), after(9)));
    let Decision { next: accepted, effects, .. } = accept(team.clone()).expect("its link").expect("the first time");
    let [Effect::Admit(admission)] = effects.as_slice() else { panic!("one admission") };
    assert_eq!((admission.name.full().as_str(), admission.email.as_str()), ("Cyrus Birch", "cy1@birch.example"));
    assert_eq!(accept(accepted.clone()).map(|again| again.is_none()), Ok(true), "a repetition changes nothing");
    assert_eq!(accepted.present(&token, after(9)).map(|_| ()), Err(Refusal::LinkNotValid), "the link works once");
    let Some(again) = accept(team).expect("its link") else { panic!("not yet") };
    assert_eq!(again.effects, effects, "the account's id derives from the invitation");
}

#[test]
fn inv_8_whoever_is_entered_gets_an_account_or_an_offer_and_the_administrator_cannot_tell() {
    // INV-8, REG-4
    let entered = RawPerson { how: "create".to_owned(), ..raw(1) };
    let Decision { next: team, effects, .. } =
        added(Team::new(ORGANISATION), &entered, NOW).expect("fine").expect("new");
    let [Effect::Enlist { admission, .. }] = effects.as_slice() else { panic!("one effect") };
    assert_eq!(admission.name.full(), "Cy Birch");
    let token = token_of(&effects);
    let told = |team: &Team| team.invitations.iter().map(|one| one.as_str(after(9))).collect::<Vec<_>>();
    assert_eq!(told(&team), ["created"]);
    let offered = team.accept(&token, Completed::HasAccount, &birch(), (&keys(), after(9)));
    let Decision { next: accepted, effects, .. } = offered.expect("its link").expect("the first time");
    assert!(matches!(effects.as_slice(), [Effect::Admit(_)]));
    assert_eq!(told(&accepted), ["created"], "it looks the same");
    let ada = administrator();
    let id = PersonInvitationId::from_bytes([1; 16]);
    assert_eq!(accepted.take_back(&signed_in(&ada), id, NOW).map(|_| ()), Err(Refusal::NotFound));
}

#[test]
fn inv_8_open_invitations_are_few_and_one_a_mailbox() {
    // INV-8
    let mut team = Team::new(ORGANISATION);
    for n in 0..50 {
        team = added(team, &raw(n), NOW).expect("room").expect("new").next;
    }
    assert_eq!(faulty_fields(added(team.clone(), &raw(50), NOW)), ["email"]);
    let again = RawPerson { email: "CY3@birch.example".to_owned(), ..raw(60) };
    let replaced = added(team.clone(), &again, NOW).expect("the older one makes room").expect("new").next;
    let state = |n: usize| replaced.invitations.get(n).map(|one| one.as_str(NOW));
    assert_eq!((state(3), state(50)), (Some("ended"), Some("open")));
    assert_eq!(added(team.clone(), &raw(3), NOW).map(|again| again.is_none()), Ok(true), "one form, one invitation");
    let other = RawPerson { email: "di@birch.example".to_owned(), ..raw(3) };
    assert_eq!(faulty_fields(added(team.clone(), &other, NOW)), ["form"]);
    let later = after(PERSON_INVITATION_LIFETIME.0);
    for n in 100..=250 {
        team = added(team, &RawPerson { how: "create".to_owned(), ..raw(n) }, later).expect("room").expect("new").next;
    }
    assert_eq!(team.invitations.len(), MAX_KEPT);
}

#[test]
fn inv_8_only_administrators_invite_and_take_back() {
    // INV-8, ACC-5
    let user = account();
    let command = || AddPerson::parse(&raw(1), &birch()).expect("fine");
    let refused = Team::new(ORGANISATION).add(command(), &signed_in(&user), &birch(), (&keys(), NOW), &mut Seeded(1));
    assert!(matches!(refused, Err(Refusal::RoleMissing { .. })));
    let Decision { next: team, effects, .. } =
        added(Team::new(ORGANISATION), &raw(1), NOW).expect("fine").expect("new");
    let (ada, id) = (administrator(), PersonInvitationId::from_bytes([1; 16]));
    assert!(matches!(team.clone().take_back(&signed_in(&user), id, NOW), Err(Refusal::RoleMissing { .. })));
    let foreign = PersonInvitationId::from_bytes([9; 16]);
    assert_eq!(team.clone().take_back(&signed_in(&ada), foreign, NOW).map(|_| ()), Err(Refusal::NotFound));
    let ended = team.take_back(&signed_in(&ada), id, NOW).expect("open").expect("the first time").next;
    assert_eq!(ended.present(&token_of(&effects), NOW).map(|_| ()), Err(Refusal::LinkNotValid));
    assert_eq!(ended.take_back(&signed_in(&ada), id, NOW).map(|again| again.is_none()), Ok(true));
}
