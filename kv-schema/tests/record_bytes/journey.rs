//! One journey from invitation to launch, as the rules decide it: a sample of every record on the way.

use std::{collections::BTreeMap, fmt};

use kv_schema::{
    key::Key,
    record::{Record, RecordFault},
};
use shared::{
    account::{Account, Admission, ChosenSecrets, Login, Membership, PasswordChange, Presented, SignedIn},
    batch::{Batch, Cause, OrderedBy, Printed},
    checkout::{Cart, Customer, PlaceOrder, Quote, RawCheckout, RawCustomer, RawLine},
    config::{self, Application, Gateway, Partner, PaymentProvider, Product, ProductKind},
    credential::{
        Grant, Opened, grant, open_factor,
        phone::{Asker, Channel, NewPhone, Way},
        seal_seed,
    },
    dead_letter::{DeadLetter, How, Reason, Sender},
    decision::{Counted, Decision, Uncommitted},
    delivery::{Answer, Delivery, EndpointStanding},
    effect::Effect,
    event::{Event, EventKind, Subject},
    invitation::{
        Answered, CreateInvitation, IdempotencyClaim, InvitationId, InvitationSlot, Issued, RawInvitation, RawResend,
        Resend, ResendInvitation, Wish,
    },
    journey::launch_terms_digest,
    launch::{AuthorizationCode, AuthorizationRequest, Exchange, Intent, challenge_of, clear},
    licence::{ActivateLicence, Licence},
    mailbox::MailboxCheck,
    message::Body,
    operator::{self, Admitted, Attempt, BootstrapClaim, Enrolment, OnDuty, Operator},
    order::{
        Addresses, Bought, Claims, Correction, End, Issue, News, Order, Parcel, Payment, REISSUE_PAUSE, RawParcel,
        RawToken, Sale, ShippedSerial,
    },
    organisation::{AcceptTerms, Alike, Organisation, RawProfile, traits_of},
    password::{Blocklist, NewPassword, PasswordHash, SecurityAnswer},
    postal::RawAddress,
    promo::{OrderBatch, Promo, PromoUse, RESERVATION, RawBatch, Sheet},
    quota::{Class, Meter},
    refusal::Faults,
    registration::{Circumstances, RawAdministrator, RawRegistration, Registration, SubmitRegistration},
    secret::{Entropy, IndexPurpose, Keys, PlainToken, Secret, SessionSecret, digest256},
    team::{AddPerson, Completed, RawPerson, Team},
    totp::{Clockwork, Parameters, Seed, hotp, verify},
    values::{
        AccountId, CouponId, CredentialId, FormId, InvitationSlotId, LicenceId, OperatorId, OrderId, OrganisationId,
        OtpCode, PersonName, RegistrationId, Seconds, SheetId, Timestamp, UserId,
    },
};

use crate::memory::newer_is_left_alone;

/// What the persons of the journey can be known by, in lower case.
pub(crate) const PERSONAL: [&str; 9] =
    ["ada@", "ada.", "lovelace", "engines", "grace", "hopper", "4420794", "12125550", "gear"];

/// How many kinds of effects there are.
pub(crate) const KINDS: u8 = 26;

const NOW: Timestamp = Timestamp::from_unix(1_795_295_100);
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

type Decodes = dyn Fn(u16, &[u8]) -> Result<bool, RecordFault> + Send + Sync;

/// A record as it is stored, and what a test needs to know of its type.
pub(crate) struct Sample {
    pub(crate) prefix: &'static str,
    pub(crate) version: u16,
    pub(crate) name: &'static str,
    pub(crate) key: Key,
    pub(crate) bytes: Vec<u8>,
    /// Whether bytes of a version decode to this sample.
    pub(crate) decodes_to_itself: Box<Decodes>,
    /// Panics when a newer record in the place of this one is read or changed.
    pub(crate) newer_is_left_alone: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.prefix, self.name)
    }
}

/// The journey's place, and what it left behind.
struct Walk {
    gateway: Gateway,
    root: u8,
    keys: Keys,
    samples: Vec<Sample>,
    effects: Vec<Effect>,
}

/// Everything that is stored on the way from invitation to launch, in a deployment with this root secret.
pub(crate) fn walk(root: u8) -> (Vec<Sample>, Vec<Effect>) {
    let gateway = Gateway::parse(concat!(
        include_str!("../../../gateway.toml"),
        include_str!("../../../tests/hardware-token.toml")
    ))
    .expect("the deployment's file is valid, and what is added to it");
    let keys = Keys::new(&[root; 32], None).expect("32 bytes are enough");
    let mut walk = Walk { gateway: gateway.clone(), root, keys, samples: Vec::new(), effects: Vec::new() };
    let place = Place::of(&gateway);
    let (operator, registrar_secret) = walk.operator();
    let registrar = operator.on_duty(place.registrar, &registrar_secret, NOW, NOW).expect("just signed in");
    walk.enrolments(registrar);
    let slot = walk.invitations(&place);
    let (organisation, admissions) = walk.registrations(&place, &slot, registrar);
    let [ada, grace] = admissions.as_slice() else { panic!("two administrators") };
    let (account, secret) = walk.activation(ada, grace);
    let organisation = walk.terms(&place, organisation, &account, &secret);
    walk.joins(&place, &slot, &organisation, &account, &secret);
    walk.webhooks(&place);
    let (order, licence) = walk.shop(&place, registrar);
    walk.hardware(registrar);
    let grant = walk.licences(&place, &order, &licence, &account);
    let (account, secret) = walk.second_factor(&place, account, grant, &secret);
    walk.launch(&place, &account, &organisation, &secret);
    walk.recovery(account, &secret);
    (walk.samples, walk.effects)
}

/// What the configuration says of the journey's place.
struct Place<'a> {
    partner: &'a Partner,
    application: &'a Application,
    product: &'a Product,
    registrar: &'a config::Operator,
}

impl<'a> Place<'a> {
    fn of(gateway: &'a Gateway) -> Self {
        let application = gateway.application(&"business-network".parse().expect("a slug")).expect("configured");
        Self {
            partner: gateway.partner(&application.partner).expect("configured"),
            application,
            product: gateway.product(&"cobalt-mobile-id".parse().expect("a slug")).expect("configured"),
            registrar: gateway.operator(&"registrar".parse().expect("a slug")).expect("configured"),
        }
    }
}

impl Walk {
    fn keep<R>(&mut self, name: &'static str, id: R::Id, value: &R)
    where
        R: Record<Id: Send + Sync + 'static> + Clone + PartialEq + Send + Sync + 'static,
    {
        let (expected, written) = (value.clone(), value.clone());
        self.samples.push(Sample {
            prefix: R::PREFIX.as_str(),
            version: R::VERSION,
            name,
            key: R::key(&id),
            bytes: value.encode().expect("it encodes"),
            decodes_to_itself: Box::new(move |version, bytes| Ok(R::decode(version, bytes)? == expected)),
            newer_is_left_alone: Box::new(move || newer_is_left_alone(&id, &written)),
        });
    }

    fn decided<T>(&mut self, decision: Decision<T>) -> T {
        self.effects.extend(decision.effects);
        decision.next
    }

    fn operator(&mut self) -> (Operator, SessionSecret) {
        let id: OperatorId = "registrar".parse().expect("a slug");
        let index = self.keys.index(IndexPurpose::Operator, &[id.as_str().as_bytes()]);
        let seed = self.keys.operator_totp_seed(&id);
        let code = code(seed.expose(), NOW);
        let secret = SessionSecret::random(&mut Seeded(1));
        let attempt = |password_matches| Attempt { password_matches, seed: seed.expose(), code: &code };
        let failed = judged(Operator::new(id).sign_in(&attempt(false), &secret, NOW)).0;
        self.keep("after a wrong password", index, &failed.next);
        let signed_in = judged(failed.next.sign_in(&attempt(true), &secret, NOW)).0;
        self.keep("signed in", index, &signed_in.next);
        (signed_in.next, secret)
    }

    fn enrolments(&mut self, registrar: OnDuty<'_>) {
        let id: OperatorId = "auditor".parse().expect("a slug");
        let auditor = self.gateway.operator(&id).expect("configured").clone();
        let index = self.keys.index(IndexPurpose::Operator, &[id.as_str().as_bytes()]);
        let claim = BootstrapClaim {
            id: self.keys.index(IndexPurpose::Bootstrap, &[b"digest"]),
            operator: id.clone(),
            at: NOW,
        };
        self.keep("the one-time secret is used", claim.id, &claim);
        let clockwork =
            verify(&[5; 20], &Parameters::authenticator_app(), &Clockwork::default(), &code(&[5; 20], NOW), NOW);
        let with = Enrolment {
            password: PasswordHash::decoy(),
            seed: operator::seal_seed(&[5; 20], &id, &self.keys, &mut Seeded(31)),
            clockwork: clockwork.expect("the right code"),
        };
        let session = SessionSecret::random(&mut Seeded(32));
        let enrolled = Operator::new(id).enrol(Admitted::Bootstrap(&claim), with, &session, NOW).expect("the first");
        self.keep("enrolled", index, &enrolled.next);
        let email = auditor.email.as_ref().expect("configured");
        let invited = enrolled.next.invite(index, (&auditor, email), &registrar, NOW, &mut Seeded(33));
        let invited = self.decided(invited.expect("the first link"));
        self.keep("with a link to enrol anew", index, &invited);
    }

    fn invitations(&mut self, place: &Place<'_>) -> Issued {
        let id = self.keys.index(IndexPurpose::Idempotency, &[place.partner.id.as_str().as_bytes(), b"order-4711"]);
        let claim = IdempotencyClaim::new(id, digest256(b"{}"), NOW);
        self.keep("claimed", claim.id, &claim);
        let answered = Answered { status: 201, body: b"{}".to_vec() };
        let done = claim.clone().put_down(Some(&answered), &self.keys, NOW, &mut Seeded(34)).next;
        self.keep("answered", done.id, &done);

        let handed_over = invitation(false);
        let wish =
            Wish { command: &handed_over, claim: claim.id, partner: place.partner, application: place.application };
        let first = InvitationSlot::open(&wish, &self.keys, NOW, &mut Seeded(2)).decision.next;
        self.keep("handed over by the partner", first.id, &first);

        let generation = first.current.generation;
        let registration = Registration::id_of_invitation(first.id, generation, &self.keys);
        let mut used = first;
        used.current.registration = Some(registration);
        self.keep("accepted", used.id, &used);

        let mailed = invitation(true);
        let wish = Wish { command: &mailed, ..wish };
        let issued = used.reopen(&wish, &self.keys, NOW, &mut Seeded(3)).expect("the first one has ended");
        self.keep("mailed, after another one", issued.decision.next.id, &issued.decision.next);
        self.effects.extend(issued.decision.effects.clone());

        let command = ResendInvitation::parse(&RawResend::default()).expect("nothing that could be wrong");
        let generation = issued.decision.next.current.generation;
        let again = Resend {
            generation,
            command: &command,
            claim: [9; 16],
            partner: place.partner,
            application: place.application,
        };
        let resent = issued.decision.next.clone().resend(&again, &self.keys, NOW, &mut Seeded(4)).expect("pending");
        let revoked = resent.decision.next.revoke(generation, NOW).expect("not used").expect("not revoked before").next;
        self.keep("sent again, revoked", revoked.id, &revoked);

        let reads = Class::Reads.allowance(place.partner, &self.keys);
        let meter = Meter::begun(&reads, 41, NOW).close(&reads, NOW).expect("open");
        self.keep("used up", reads.id, &meter);
        issued
    }

    fn registrations(
        &mut self,
        place: &Place<'_>,
        issued: &Issued,
        registrar: OnDuty<'_>,
    ) -> (Organisation, Vec<Admission>) {
        let slot = &issued.decision.next;
        let command = SubmitRegistration::parse(&registration(), Some(&slot.email)).expect("every field is good");
        let invited = slot.present(&issued.token, NOW).expect("its own token");
        let keys = Keys::new(&[self.root; 32], None).expect("32 bytes are enough");
        let circumstances = Circumstances { application: place.application, has_account: false, keys: &keys, now: NOW };
        let rng = &mut Seeded(10);
        let decision = Registration::by_invitation(invited, command.clone(), &circumstances, rng);
        let submitted = self.submitted(decision);
        self.keep("submitted by invitation", submitted.id, &submitted);
        let again = Registration::by_invitation(invited, command.clone(), &circumstances, &mut Seeded(10));
        let _ = self.decided(slot.clone().used_for(again));

        let approved = submitted.approve(&registrar, &self.keys, NOW).expect("not decided yet");
        let approved = self.decided(approved);
        self.keep("approved", approved.id, &approved);

        let form = FormId::from_bytes([1; 16]);
        let known = Circumstances { has_account: true, ..circumstances };
        let decision = Registration::by_public_form(form, command.clone(), &known, rng);
        let public = self.submitted(decision.expect("anybody may register"));
        let reason = "The company could not be found.\nWrite to us.".parse().expect("a paragraph");
        let rejected = public.reject(&registrar, reason, NOW).expect("not decided yet");
        let rejected = self.decided(rejected);
        self.keep("submitted by form, rejected", rejected.id, &rejected);

        let founded = self.effects.iter().find_map(|effect| match effect {
            Effect::FoundOrganisation(organisation) => Some((**organisation).clone()),
            _ => None,
        });
        let admitted = self.effects.iter().filter_map(|effect| match effect {
            Effect::Admit(admission) => Some((**admission).clone()),
            _ => None,
        });
        let (founded, admitted) = (founded.expect("approved"), admitted.collect());
        let asked = Registration::ask_to_join(form, command, &founded, &circumstances, rng);
        let asked = self.submitted(asked.expect("anybody may ask"));
        self.keep("asked to join", asked.id, &asked);
        let answered = asked.answered(founded.id, true, NOW).expect("it was asked").next;
        self.keep("let in", answered.id, &answered);
        self.alike(&founded);
        self.mailbox(place);
        (founded, admitted)
    }

    fn alike(&mut self, organisation: &Organisation) {
        let traits = traits_of(&organisation.profile, organisation.founders.iter(), &self.keys);
        let [first, ..] = traits.as_slice() else { panic!("it has a name") };
        let alike = Alike::first(*first, organisation.id);
        self.keep("of one organisation", alike.id, &alike);
        let more = alike.with(OrganisationId::from_bytes([5; 16])).expect("another one").next;
        self.keep("of two organisations", more.id, &more);
    }

    fn mailbox(&mut self, place: &Place<'_>) {
        let email = "Ada.Lovelace@engines.example".parse().expect("an address");
        let begun = MailboxCheck::begin(place.application, email, true, &self.keys, NOW, &mut Seeded(11));
        let check = self.decided(begun);
        self.keep("a link was sent", check.id, &check);
    }

    /// Somebody asks to be let in; an administrator accepts an invitation for the organisation (REG-2, INV-7).
    fn joins(
        &mut self,
        place: &Place<'_>,
        issued: &Issued,
        known: &Organisation,
        account: &Account,
        secret: &SessionSecret,
    ) {
        let request = self.effects.iter().find_map(|effect| match effect {
            Effect::AskAdministrators { request, .. } => Some((**request).clone()),
            _ => None,
        });
        let founders = std::slice::from_ref(account);
        let asked = known.clone().ask(request.expect("somebody asked"), founders).expect("not asked before");
        let asked = self.decided(asked);
        self.keep("asked", asked.id, &asked);
        let person = account.signed_in(secret, NOW, NOW).expect("signed in");
        let request = asked.join_requests.first().expect("just asked").registration;
        for let_in in [true, false] {
            let answered = asked.clone().answer(&person, request, let_in, &self.keys, NOW).expect("undecided");
            let answered = self.decided(answered);
            self.keep(if let_in { "let in" } else { "declined" }, answered.id, &answered);
        }
        self.team(known, &person);

        let keys = Keys::new(&[self.root; 32], None).expect("32 bytes are enough");
        let circumstances = Circumstances { application: place.application, has_account: true, keys: &keys, now: NOW };
        let person = account.signed_in(secret, NOW, NOW).expect("signed in");
        let offered = Organisation { subscriptions: BTreeMap::new(), ..known.clone() };
        let offered = offered.offered(&issued.decision.next, NOW).next;
        self.keep("offered an invitation", offered.id, &offered);
        let invited = issued.decision.next.present(&issued.token, NOW).expect("its own token");
        let joined = Registration::by_organisation(invited, &person, known, &circumstances, &mut Seeded(12));
        let joined = self.decided(joined.expect("an administrator"));
        self.keep("accepted by an organisation", joined.id, &joined);
    }

    fn team(&mut self, known: &Organisation, person: &SignedIn<'_>) {
        let keys = Keys::new(&[self.root; 32], None).expect("32 bytes are enough");
        let mut team = Team::new(known.id);
        let mut link = None;
        for (n, how) in [(1, "invite"), (2, "create")] {
            let raw = RawPerson {
                form: FormId::from_bytes([n; 16]).to_string(),
                how: how.to_owned(),
                given_name: "Grace".to_owned(),
                family_name: "Hopper".to_owned(),
                email: format!("grace{n}@engines.example"),
                role: "user".to_owned(),
                applications: Vec::new(),
            };
            let command = AddPerson::parse(&raw, known).expect("every field is good");
            let mut rng = Seeded(40 + u64::from(n));
            let added = team.add(command, person, known, (&keys, NOW), &mut rng).expect("an administrator");
            team = self.decided(added.expect("the first time"));
            link = link.or_else(|| {
                let token = PlainToken::new(*known.id.bytes(), &mut Seeded(40 + u64::from(n)));
                Some(token)
            });
        }
        self.keep("one invited, one entered", team.id, &team);
        let completed = Completed::parse("Grace", "Hopper", "+442079460000", "GB".parse().expect("a country"));
        let (token, completed) = (link.expect("one was invited"), completed.expect("good"));
        let accepted = team.accept(&token, completed, known, (&keys, NOW)).expect("its link").expect("the first time");
        let accepted = self.decided(accepted);
        self.keep("accepted", accepted.id, &accepted);
    }

    /// The partner's system is told, fails, is slow, and wants no more (MSG-3).
    fn webhooks(&mut self, place: &Place<'_>) {
        let partner = place.application.partner.clone();
        let invitation = InvitationId { slot: InvitationSlotId::from_bytes([6; 16]), generation: 7 };
        let (registration, application) = (RegistrationId::from_bytes([7; 16]), place.application.id.clone());
        let subjects = [
            Subject::Invitation { application: application.clone(), invitation, registration: Some(registration) },
            Subject::Registration { application, registration, invitation: None },
            Subject::Order(OrderId::from_bytes([8; 16])),
        ];
        let kinds = [EventKind::InvitationAccepted, EventKind::RegistrationApproved, EventKind::OrderCompleted];
        let answers = [
            ("a webhook that is tried again", Answer { status: None, retry_after: None }),
            ("a webhook that arrived", Answer { status: Some(204), retry_after: None }),
            ("a webhook that nobody wants", Answer { status: Some(410), retry_after: None }),
        ];
        for ((subject, kind), (name, answer)) in subjects.into_iter().zip(kinds).zip(answers) {
            let event = Event { kind, at: NOW, subject };
            self.effects.push(Effect::Tell { partner: partner.clone(), event: Box::new(event.clone()) });
            let id = Delivery::id_of(&partner, &[9; 16], &self.keys);
            let delivery = self.decided(Delivery::begin(id, partner.clone(), event, NOW));
            self.keep(name, id, &delivery.tried(answer, NOW));
        }
        let id = EndpointStanding::id_of(&partner, "https://hooks.example/", &self.keys);
        let disabled = EndpointStanding::disabled(id, NOW);
        self.keep("disabled", id, &disabled);
        let enabled = disabled.enable().expect("it is disabled").next;
        self.keep("enabled again", id, &enabled);
    }

    /// The submission's digest is of the values' debug output, which may change without a new version.
    fn submitted(&mut self, decision: Decision<Registration>) -> Registration {
        let registration = self.decided(decision);
        Registration { submission: digest256(b"submission"), ..registration }
    }

    fn activation(&mut self, ada: &Admission, grace: &Admission) -> (Account, SessionSecret) {
        let user_id = UserId::candidate(&ada.name, 42);
        for (name, login) in [("by e-mail", ada.email.normalised()), ("by User ID", user_id.as_str().to_owned())] {
            let id = self.keys.index(IndexPurpose::Login, &[login.as_bytes()]);
            self.keep(name, id, &Login { id, account: ada.account });
        }
        let invited = Account::invite(ada.clone(), user_id, NOW, &mut Seeded(4));
        let invited = self.decided(invited);
        self.keep("invited", invited.id, &invited);
        let again =
            invited.clone().offer_link(NOW.plus(Seconds::days(4)), &mut Seeded(11)).expect("the first has ended");
        self.decided(again);

        let organisation = OrganisationId::from_bytes([5; 16]);
        let membership = Membership { organisation, ..grace.membership.clone() };
        let joined = invited.join(Admission { membership, ..ada.clone() }).expect("another organisation");
        let invited = self.decided(joined);

        let policy = self.gateway.service.password_policy();
        let (pepper, rng) = (self.keys.pepper(), &mut Seeded(5));
        let nothing = Blocklist::of([]).expect("a filter");
        let password = NewPassword::parse("tent clay ride moss", &policy, &nothing, &["Ada", "Lovelace"]);
        let questions = self.gateway.service.security_questions.as_deref().expect("configured");
        let answers = questions.iter().zip(["St. Mary's", "Leeds", "Morris Minor"]).map(|(question, answer)| {
            (question.clone(), SecurityAnswer::parse(answer).expect("long enough").hash(&pepper, rng))
        });
        let answers = answers.collect();
        let password = password.expect("nothing is wrong with it").hash(&pepper, rng);
        let secret = SessionSecret::random(rng);

        // The token is in the message, and nowhere else.
        let sent = self.effects.iter().find_map(|effect| match effect {
            Effect::Send(message) => match &message.body {
                Body::Activation { token, .. } => Some(token.parse().expect("a token")),
                _ => None,
            },
            _ => None,
        });
        let activating = invited.present_activation(&sent.expect("mailed"), NOW).expect("its own token");
        let active = Account::activate(activating, ChosenSecrets { password, answers }, &secret, NOW);
        let active = self.decided(active.expect("it belongs to an organisation"));
        let chosen = active.choose_organisation(&secret, ada.membership.organisation, "Engines Ltd".to_owned());
        (chosen.expect("its own").expect("one of two").next, secret)
    }

    fn recovery(&mut self, account: Account, secret: &SessionSecret) {
        let offered = account.offer_link(NOW, &mut Seeded(10)).expect("no link was made yet");
        let offered = self.decided(offered);
        self.keep("active, with a link for a new password", offered.id, &offered);
        let password = offered.password().cloned().expect("active");
        let change = PasswordChange { present_matches: true, password, session: secret, next_session: secret };
        let later = NOW.plus(Seconds::hours(2));
        let (changed, outcome) = judged(offered.change_password(change, later));
        self.decided(changed);
        assert_eq!(outcome.reveal_after_commit(), Ok(()));
    }

    fn terms(
        &mut self,
        place: &Place<'_>,
        founded: Organisation,
        account: &Account,
        secret: &SessionSecret,
    ) -> Organisation {
        self.keep("founded", founded.id, &founded);
        let person = account.signed_in(secret, NOW, NOW).expect("just signed in");
        let command = AcceptTerms { digest: place.application.current_terms(NOW).digest().to_owned(), agreed: true };
        let accepted = founded.accept_terms(&person, place.application, &command, NOW);
        let accepted = self.decided(accepted.expect("an administrator").expect("not accepted before"));
        self.keep("terms accepted", accepted.id, &accepted);
        accepted
    }

    fn batch(&mut self, place: &Place<'_>, ordered_by: OrderedBy, form: u8, raw: RawBatch) -> Printed {
        let cause = Cause::form(FormId::from_bytes([form; 16]), &self.keys);
        let raw = RawBatch {
            name: "Autumn 2026".to_owned(),
            partner: place.partner.id.to_string(),
            products: vec![place.product.id.to_string()],
            count: "2".to_owned(),
            valid_days: "90".to_owned(),
            ..raw
        };
        let order = OrderBatch::parse(&raw, &self.gateway, NOW).expect("every field is good");
        let (tag, rng) = (cause.tag(0, &self.keys), &mut Seeded(u64::from(form)));
        let mut printed = Batch::print(tag, cause, &order, ordered_by, &self.keys, NOW, rng);
        // Of debug output as well.
        printed.batch.content = digest256(b"batch");
        printed
    }

    fn shop(&mut self, place: &Place<'_>, registrar: OnDuty<'_>) -> (Order, Licence) {
        let raw = |discount: &str| RawBatch { discount: discount.to_owned(), ..RawBatch::default() };
        for (form, discount, ordered_by, batch, sheet) in [
            (2, "12.50", OrderedBy::Operator(registrar.id().clone()), "of an amount", "worth an amount"),
            (3, "25%", OrderedBy::Partner, "of percents", "worth percents"),
        ] {
            let printed = self.batch(place, ordered_by, form, raw(discount));
            self.keep(batch, printed.batch.id, &printed.batch);
            let [sheet_of_both] = printed.sheets.as_slice() else { panic!("two codes fit on one sheet") };
            self.keep(sheet, sheet_of_both.id, sheet_of_both);
        }
        let limited = RawBatch {
            uses: "300".to_owned(),
            uses_per_customer: "2".to_owned(),
            valid_from: "2026-12-01".to_owned(),
            bills_partner: true,
            ..raw("free")
        };
        let later = self.batch(place, OrderedBy::Partner, 4, limited.clone());
        self.keep("of free units, later", later.batch.id, &later.batch);
        let Printed { batch, sheets } =
            self.batch(place, OrderedBy::Partner, 5, RawBatch { valid_from: String::new(), ..limited });
        self.keep("of free units", batch.id, &batch);
        self.decided(Decision::with(shared::audit::Action::PromoPrinting, (), batch.effects()));
        self.storefront(place, &sheets, &batch)
    }

    fn storefront(&mut self, place: &Place<'_>, sheets: &[Sheet], batch: &Batch) -> (Order, Licence) {
        let codes = batch.hand_out(&self.keys).expect("its own keys");
        let [code, _] = codes.as_slice() else { panic!("two codes") };
        let raw = RawCheckout {
            form: FormId::from_bytes([6; 16]).to_string(),
            customer: RawCustomer {
                given_name: "Ada".to_owned(),
                family_name: "Lovelace".to_owned(),
                email: "Ada.Lovelace@engines.example".to_owned(),
            },
            lines: vec![RawLine { product: place.product.id.to_string(), quantity: 1 }],
            promo_code: code.clone(),
            ..RawCheckout::default()
        };
        let gateway = self.gateway.clone();
        let PlaceOrder { order, customer, cart, promo, .. } =
            PlaceOrder::parse(&raw, &place.partner.id, &gateway, &self.keys).expect("every field is good");
        let promo = Promo::met(promo.expect("a code"), Some(batch), sheets.first()).expect("it counts");
        let quote = Quote::of(&cart, Some(&promo), order, NOW).expect("the code works");
        let wish = promo.reservation(order, NOW.plus(RESERVATION), &[]);
        let fresh = sheets.first().expect("one sheet").clone();
        let reserved = fresh.reserve(&wish, NOW).expect("nobody holds it").expect("nor this order").next;
        self.keep("free, reserved", reserved.id, &reserved);

        let bought = Bought::of(&cart, customer.clone(), quote.total, Payment::Nothing, Some(promo.used()), NOW);
        let ada = Some(AccountId::from_bytes([12; 16]));
        let token = PlainToken::new(*order.bytes(), &mut Seeded(6));
        let placed = Order::placed(order, &place.partner.id, ada, bought, None, &token);
        let issue = Issue::of(placed.id, placed.products(), &self.keys, &mut Seeded(6));
        let paid = placed.pay(Some(&issue), true, Some(&token), &gateway, NOW).expect("keys").expect("news");
        let complete = self.decided(paid);
        self.keep("from the storefront", complete.id, &complete);
        let redeemed = reserved.redeem(promo.used().coupon, order, NOW).expect("reserved").next;
        self.keep("free, redeemed", redeemed.id, &redeemed);
        self.invoice(place, &cart, &customer);
        self.webstore(place, &cart, customer);
        (complete, issue.licences.into_iter().next().expect("one unit"))
    }

    fn invoice(&mut self, place: &Place<'_>, cart: &Cart<'_>, customer: &Customer) {
        let gateway = self.gateway.clone();
        let payment = Payment::Invoice { purchase_order: Some("PO-4711".parse().expect("a line")) };
        let (sheet, coupon) = (SheetId::from_bytes([3; 16]), CouponId::from_bytes([4; 16]));
        let promo = Some(PromoUse { sheet, coupon });
        let total = cart.subtotal().expect("one unit");
        let bought = Bought::of(cart, customer.clone(), total, payment, promo, NOW);
        let id = OrderId::from_bytes([8; 16]);
        let until = Some(NOW.plus(Seconds::days(30)));
        let token = PlainToken::new(*id.bytes(), &mut Seeded(8));
        let placed = Order::placed(id, &place.partner.id, None, bought, until, &token);
        let awaited = self.decided(placed.awaited(&token, &gateway));
        self.keep("waiting for its invoice to be paid", id, &awaited);
        let lapsed = awaited.lapse(&gateway, NOW.plus(Seconds::days(30))).expect("too late");
        let lapsed = self.decided(lapsed);
        self.keep("lapsed", id, &lapsed);
        let vain = lapsed.pay(None, false, None, &gateway, NOW).expect("no keys are needed").expect("news");
        let vain = self.decided(vain);
        self.keep("paid after it had lapsed", id, &vain);
    }

    fn webstore(&mut self, place: &Place<'_>, cart: &Cart<'_>, customer: Customer) {
        let gateway = self.gateway.clone();
        let total = cart.subtotal().expect("one unit");
        let unheard = Order::unheard(&place.partner.id, &"WEB-2026-4711".parse().expect("a line"), &self.keys);
        let id = unheard.id;
        let issue = Issue::of(id, cart.products(), &self.keys, &mut Seeded(7));
        let news = News::Paid(Sale { cart: cart.clone(), customer, total });
        let heard = unheard.hear(&news, Some(&issue), &gateway, NOW).expect("the first").expect("news");
        let complete = self.decided(heard);
        self.keep("from a webstore", id, &complete);
        let issue = Issue::of(id, cart.products(), &self.keys, &mut Seeded(9));
        let again = complete.reissue(&issue, &gateway, NOW.plus(REISSUE_PAUSE)).expect("unused").expect("in time");
        let again = self.decided(again);
        self.keep("with its licence keys sent again", id, &again);
        let product = gateway.product(&place.product.id).expect("configured");
        let command = ActivateLicence { agreement: product.agreement_digest().to_owned(), agreed: true, serial: None };
        let licence = again.units().first().expect("one unit").licence;
        let used = again.activate(licence, AccountId::from_bytes([12; 16]), product, &command, &self.keys, NOW);
        let used = used.expect("the order names it").next;
        let refunded = self.decided(used.end(End::Refunded, &gateway, NOW).expect("news"));
        self.keep("refunded while in use", id, &refunded);
        let unheard = Order::unheard(&place.partner.id, &"WEB-2026-4712".parse().expect("a line"), &self.keys);
        let foretold = self.decided(unheard.end(End::Cancelled, &gateway, NOW).expect("news"));
        self.keep("cancelled before anything else was heard of it", foretold.id, &foretold);
        let of_payments = Sender::Payments(PaymentProvider::Stripe);
        let id = DeadLetter::id_of(&of_payments, b"evt_1", &self.keys);
        let kept = DeadLetter::kept(id, of_payments, b"{}", Reason::unreadable(), &self.keys, NOW, &mut Seeded(11));
        let kept = self.decided(kept);
        self.keep("of the payment provider", id, &kept);
        let webstore = Sender::webstore(place.partner);
        let id = DeadLetter::id_of(&webstore, b"msg_1", &self.keys);
        let kept = DeadLetter::kept(id, webstore, b"{}", Reason::unreadable(), &self.keys, NOW, &mut Seeded(10));
        let kept = self.decided(kept);
        self.keep("waiting", id, &kept);
        let by: OperatorId = "registrar".parse().expect("a slug");
        self.effects.push(Effect::SettleLetter { letter: id, by: by.clone(), at: NOW });
        let settled = self.decided(kept.settled(How::Replayed, by, NOW).expect("it waits"));
        self.keep("acted upon after all", id, &settled);
    }

    /// Two tokens are ordered, and the first is shipped.
    fn hardware(&mut self, registrar: OnDuty<'_>) {
        let gateway = self.gateway.clone();
        let product = gateway.product(&"anvil-token".parse().expect("a slug")).expect("added");
        let line = RawLine { product: product.id.to_string(), quantity: 2 };
        let cart = Cart::parse(&product.partner, &[line], &gateway).expect("a cart");
        let name = PersonName { given: "Ada".parse().expect("a name"), family: "Lovelace".parse().expect("a name") };
        let customer = Customer { name, email: "Ada.Lovelace@engines.example".parse().expect("an e-mail") };
        let address = config::Address::parse(&address(), "", &mut Faults::default()).expect("every field is good");
        let addresses = Addresses { shipping: Some(address.clone()), billing: Some(address.clone()) };
        let total = cart.subtotal().expect("two units");
        let payment = Payment::Invoice { purchase_order: None };
        let bought = Bought::of(&cart, customer, total, payment, None, NOW)
            .addressed(&cart, &addresses)
            .billed_to(Some(address));
        let id = OrderId::from_bytes([9; 16]);
        let token = PlainToken::new(*id.bytes(), &mut Seeded(11));
        let placed = Order::placed(id, &product.partner, None, bought, Some(NOW), &token);
        let issue = Issue::of(id, placed.products(), &self.keys, &mut Seeded(11));
        let paid = placed.pay(Some(&issue), false, None, &gateway, NOW).expect("keys").expect("news");
        let paid = self.decided(paid);
        self.keep("waiting for its tokens to be shipped", id, &paid);
        let token = |serial: &str| RawToken { product: product.id.to_string(), serial: serial.to_owned() };
        let raw = RawParcel {
            tokens: vec![token("GALT-1000-0123")],
            carrier: "Swift Post".to_owned(),
            tracking: "SP-1".to_owned(),
        };
        let parcel = Parcel::parse(&raw).expect("every field is good");
        let claims: Claims = parcel.tokens.iter().map(|token| (token.serial.clone(), Ok(()))).collect();
        let shipped = paid.ship(&parcel, &claims, &registrar, &gateway, NOW).decision.expect("news");
        let shipped = self.decided(shipped);
        let correction = Correction::parse("GALT10000123", "GALT10000124").expect("two serials");
        let corrected = shipped.correct(&correction, true).expect("nobody uses it").expect("news");
        let corrected = self.decided(corrected);
        let record = ShippedSerial::id_of(&correction.right, &self.keys);
        self.keep("claimed", record, &ShippedSerial::claimed(record, id, NOW).next);
        let agreement = product.agreement_digest().to_owned();
        let command = ActivateLicence { agreement, agreed: true, serial: Some(correction.right) };
        let licence = corrected.units().first().expect("two units").licence;
        let used = corrected.activate(licence, AccountId::from_bytes([12; 16]), product, &command, &self.keys, NOW);
        let used = self.decided(used.expect("it was shipped"));
        self.keep("with a token in use", id, &used);
    }

    fn licences(&mut self, place: &Place<'_>, order: &Order, licence: &Licence, account: &Account) -> Grant {
        self.keep("issued", licence.id, licence);
        let purchase = order.purchase(&self.gateway).expect("ordered signed in");
        let following = account.clone().follow(purchase, NOW).next;
        self.keep("active, with a licence key that waits", following.id, &following);
        let command =
            ActivateLicence { agreement: place.product.agreement_digest().to_owned(), agreed: true, serial: None };
        let activated = order.clone().activate(licence.id, account.id, place.product, &command, &self.keys, NOW);
        let activated = self.decided(activated.expect("the order names it"));
        self.keep("with a licence in use", activated.id, &activated);
        let granted = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::GrantCredential { grant, .. } => Some((**grant).clone()),
            _ => None,
        });
        granted.expect("activated")
    }

    fn second_factor(
        &mut self,
        place: &Place<'_>,
        account: Account,
        grant: Grant,
        secret: &SessionSecret,
    ) -> (Account, SessionSecret) {
        let (id, rng) = (grant.id, &mut Seeded(8));
        let account = account.receive(grant).expect("there is room").next;
        self.keep("active, with a credential", account.id, &account);

        let seed = Seed::random(rng);
        let sealed = seal_seed(&seed, account.id, id, &self.keys, rng);
        let account = account.begin_enrolment(id, place.product.kind, sealed, NOW).expect("no app yet").next;
        self.keep("active, enrolling", account.id, &account);

        let next_session = SessionSecret::random(rng);
        let code = code(seed.expose(), NOW);
        let opened = Opened::Seed(Secret::new(seed.expose().to_vec()));
        let presented =
            Presented { credential: id, opened: &opened, code: &code, session: secret, next_session: &next_session };
        let proved = account.prove_enrolment(&presented, &place.product.name, NOW).expect("its own credential");
        let (decision, outcome) = judged(proved);
        let account = self.decided(decision);
        assert_eq!(outcome.reveal_after_commit(), Ok(()));
        // One failure each, so that their counters are not zero.
        let account = judged(account.verify_otp(&presented, NOW).expect("its own credential")).0;
        let account = judged(account.next.sign_in(false, secret, NOW)).0;
        self.keep("active, with an authenticator app", account.next.id, &account.next);
        self.phones(account.next.clone(), &next_session);
        (account.next, next_session)
    }

    /// Two phones for one more credential, of which one is removed.
    fn phones(&mut self, account: Account, secret: &SessionSecret) {
        let gateway = Gateway::parse(include_str!("../../../gateway.toml")).expect("valid");
        let product = gateway.product(&"cobalt-phone".parse().expect("a slug")).expect("configured");
        let (id, licence) = (CredentialId::from_bytes([5; 16]), LicenceId::from_bytes([5; 16]));
        let granted = grant(id, licence, product, product.agreement_digest().to_owned(), NOW);
        let account = account.receive(granted).expect("there is room").next;
        let (account, secret) = self.phone(account, secret, ("+12125550123", "active, a first phone was called"), NOW);
        let later = NOW.plus(Seconds(60));
        let (account, secret) =
            self.phone(account, &secret, ("+12125550124", "active, a second phone was called"), later);
        let removed =
            account.remove_phone(id, 1, &product.name, &secret, later).expect("one of two").expect("it is there");
        let account = self.decided(removed);
        self.keep("active, with a phone of two", account.id, &account);
    }

    fn phone(
        &mut self,
        account: Account,
        secret: &SessionSecret,
        (number, called_name): (&str, &'static str),
        now: Timestamp,
    ) -> (Account, SessionSecret) {
        let (id, rng) = (CredentialId::from_bytes([5; 16]), &mut Seeded(now.unix().cast_unsigned()));
        let wish = NewPhone { number: number.parse().expect("a number"), channel: Channel::Sms };
        let keys = Keys::new(&[self.root; 32], None).expect("32 bytes are enough");
        let asker = Asker { account: account.id, way: Way::Session, by: &secret.digest(), keys: &keys };
        let called = account.call_new_phone(id, ProductKind::Phone, wish, asker, now, rng).expect("room");
        let called = called.expect("not just now");
        let sent = called.effects.iter().find_map(|effect| match effect {
            Effect::Call(code) => Some(code.code.clone()),
            _ => None,
        });
        let account = self.decided(called);
        self.keep(called_name, account.id, &account);
        let code: OtpCode = sent.expect("a code").parse().expect("six digits");
        let opened = open_factor(account.credential(id).expect("its own"), &code, asker, now).expect("sent to it");
        let next = SessionSecret::random(rng);
        let presented =
            Presented { credential: id, opened: &opened, code: &code, session: secret, next_session: &next };
        let proved = account.prove_phone(&presented, "Phone Codes", now).expect("its own credential");
        let (decision, outcome) = judged(proved);
        assert_eq!(outcome.reveal_after_commit(), Ok(()));
        (self.decided(decision), next)
    }

    fn launch(&mut self, place: &Place<'_>, account: &Account, organisation: &Organisation, secret: &SessionSecret) {
        let application = place.application;
        let person = account.signed_in(secret, NOW, NOW).expect("just raised");
        let terms = launch_terms_digest(application).expect("it demands access terms");
        let intent = Intent::begin(account.id, &application.id, NOW).accept_terms(application, true, terms);
        let intent = intent.expect("the text in force");
        let cleared = clear(&person, organisation, application, &self.gateway, Some(&intent), NOW);
        let cleared = cleared.expect("nothing blocks");
        let redirect_uri = "http://127.0.0.1:3002/business-network/callback";
        let request = AuthorizationRequest {
            client: application.id.clone(),
            redirect_uri: redirect_uri.to_owned(),
            code_challenge: challenge_of(VERIFIER),
            nonce: Some("n-0S6_WzA2Mj".to_owned()),
            levels: Vec::new(),
        };
        let rng = &mut Seeded(9);
        let (fresh, token) = AuthorizationCode::issue(&cleared, request, &self.keys, NOW, rng);
        self.keep("fresh", fresh.id, &fresh);
        let exchange = Exchange { client: &application.id, code: &token, redirect_uri, code_verifier: VERIFIER };
        let exchanged = judged(fresh.exchange(&exchange, NOW.plus(Seconds(1)))).0;
        self.keep("exchanged", exchanged.next.id, &exchanged.next);
        let revoked = judged(exchanged.next.exchange(&exchange, NOW.plus(Seconds(2)))).0;
        self.keep("revoked", revoked.next.id, &revoked.next);
    }
}

/// What an effect is called. A new kind needs a place in the journey, and [`KINDS`] one more.
pub(crate) fn kind(effect: &Effect) -> &'static str {
    match effect {
        Effect::Send(message) => match &message.body {
            Body::Invitation { .. } => "Send Invitation",
            Body::RegistrationReceived { .. } => "Send RegistrationReceived",
            Body::RegistrationRejected { .. } => "Send RegistrationRejected",
            Body::Activation { .. } => "Send Activation",
            Body::MembershipAdded { .. } => "Send MembershipAdded",
            Body::LoginSuccess { .. } => "Send LoginSuccess",
            Body::Receipt { .. } => "Send Receipt",
            Body::Licences { .. } => "Send Licences",
            Body::OrderPlaced { .. } => "Send OrderPlaced",
            Body::AuthenticatorAdded { .. } => "Send AuthenticatorAdded",
            Body::PasswordReset { .. } => "Send PasswordReset",
            Body::PasswordChanged { .. } => "Send PasswordChanged",
            Body::AccountExists { .. } => "Send AccountExists",
            Body::ConfirmMailbox { .. } => "Send ConfirmMailbox",
            Body::JoinRequested { .. } => "Send JoinRequested",
            Body::RequestPassedOn { .. } => "Send RequestPassedOn",
            Body::RequestDeclined { .. } => "Send RequestDeclined",
            Body::PersonInvited { .. } => "Send PersonInvited",
            Body::OperatorInvited { .. } => "Send OperatorInvited",
            Body::ActivationAgain { .. } => "Send ActivationAgain",
            Body::PhoneAdded { .. } => "Send PhoneAdded",
            Body::PhoneRemoved { .. } => "Send PhoneRemoved",
            Body::OrderReceived { .. } => "Send OrderReceived",
            Body::OrderEnded { .. } => "Send OrderEnded",
            Body::PaidInVain { .. } => "Send PaidInVain",
            Body::LicencesOfHardware { .. } => "Send LicencesOfHardware",
            Body::TokenShipped { .. } => "Send TokenShipped",
        },
        Effect::Enqueue { .. } => "Enqueue",
        Effect::Dequeue { .. } => "Dequeue",
        Effect::FoundOrganisation(_) => "FoundOrganisation",
        Effect::Admit(_) => "Admit",
        Effect::RedeemPromo { .. } => "RedeemPromo",
        Effect::GrantCredential { .. } => "GrantCredential",
        Effect::ListInvitation { .. } => "ListInvitation",
        Effect::IndexOrganisation { .. } => "IndexOrganisation",
        Effect::AskAdministrators { .. } => "AskAdministrators",
        Effect::Subscribe { .. } => "Subscribe",
        Effect::AnswerRequest { .. } => "AnswerRequest",
        Effect::Enlist { .. } => "Enlist",
        Effect::Tell { .. } => "Tell",
        Effect::Deliver(_) => "Deliver",
        Effect::ListDelivery { .. } => "ListDelivery",
        Effect::OfferInvitation { .. } => "OfferInvitation",
        Effect::Register(_) => "Register",
        Effect::Call(_) => "Call",
        Effect::HoldPromo { .. } => "HoldPromo",
        Effect::ReleasePromo { .. } => "ReleasePromo",
        Effect::Shelve(_) => "Shelve",
        Effect::Unshelve(_) => "Unshelve",
        Effect::SettleLetter { .. } => "SettleLetter",
        Effect::ListBatch { .. } => "ListBatch",
        Effect::TellCustomer { .. } => "TellCustomer",
    }
}

fn address() -> RawAddress {
    RawAddress {
        organisation: "Analytical Engines".to_owned(),
        street: "1 Mill Lane".to_owned(),
        city: "Toledo".to_owned(),
        region: "OH".to_owned(),
        postal_code: "43604".to_owned(),
        country: "US".to_owned(),
    }
}

fn invitation(send_email: bool) -> CreateInvitation {
    let raw = RawInvitation {
        application: "business-network".to_owned(),
        organisation: "Analytical Engines Ltd".to_owned(),
        given_name: "Ada".to_owned(),
        family_name: "Lovelace".to_owned(),
        email: "Ada.Lovelace@engines.example".to_owned(),
        profile: Some(RawProfile { city: "London".to_owned(), country: "GB".to_owned(), ..RawProfile::default() }),
        lifetime_days: Some(30),
        send_email: Some(send_email),
    };
    CreateInvitation::parse(raw).expect("every field is good")
}

fn registration() -> RawRegistration {
    RawRegistration {
        given_name: "Ada".to_owned(),
        family_name: "Lovelace".to_owned(),
        email: String::new(),
        phone: "+44 20 7946 0958".to_owned(),
        profile: RawProfile {
            legal_name: "Analytical Engines Ltd".to_owned(),
            street: "12 Gear Lane".to_owned(),
            city: "London".to_owned(),
            region: String::new(),
            postal_code: "EC1A 1BB".to_owned(),
            country: "GB".to_owned(),
            registration_number: "01234567".to_owned(),
            telephone: "+44 20 7946 0100".to_owned(),
        },
        administrators: vec![RawAdministrator {
            given_name: "Grace".to_owned(),
            family_name: "Hopper".to_owned(),
            email: "grace@engines.example".to_owned(),
            organisation_administrator: false,
            application_administrator: true,
        }],
    }
}

fn code(seed: &[u8], now: Timestamp) -> OtpCode {
    let app = Parameters::authenticator_app();
    let step = now.unix().unsigned_abs() / app.period_seconds();
    format!("{:06}", hotp(seed, step, &app)).parse().expect("six digits")
}

/// `SplitMix64`: the same bytes for the same seed. Each step of the journey has its own, so that a change of one leaves
/// the bytes of the others as they are.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            [*byte, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
        }
    }
}

/// What is to be committed of a guess, and its outcome.
fn judged<T, O>(counted: Counted<T, O>) -> (Decision<T>, Uncommitted<O>) {
    let (change, outcome) = counted.split();
    let Ok(decision) = change else { panic!("it was judged") };
    (decision, outcome)
}
