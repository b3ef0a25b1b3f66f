//! What a deployment comes to, as lines of text: every record decoded, without what may differ between two runs that
//! mean the same (times, random ids, sessions whose answer was lost, how often somebody failed).
//!
//! What counts for nothing is left out: licences and promo codes that no order or batch names, authorization codes that
//! were never exchanged or are revoked. What such records are *for* is written beside the record that makes them count.

use std::fmt::Write as _;

use kv_schema::{
    backends::{turns::alone, world::World},
    record::{Record, Stored},
    records::{batches_of, deliveries_of, invitations_of, registration_queue, shelf},
};
use shared::{
    account::{Account, Login, Recovery, Session, Stage as AccountStage},
    batch::Batch,
    credential::{Authenticator, Credential, phone::Phones},
    dead_letter::DeadLetter,
    delivery::{Delivery, EndpointStanding},
    effect::Shelf,
    invitation::{IdempotencyClaim, InvitationId, InvitationSlot},
    launch::{AuthorizationCode, CodeState},
    licence::Licence,
    lockout::Failures,
    mailbox::MailboxCheck,
    operator::{BootstrapClaim, Operator},
    order::{Order, Shipment, ShippedSerial, ShippedToken, Stage as OrderStage, Unit},
    organisation::{Alike, Organisation},
    promo::{Coupon, Sheet},
    registration::{QueueSummary, Registration},
    team::{PersonInvitation, Team},
    totp::Clockwork,
    values::{BatchId, OrganisationId, RegistrationId, Timestamp},
};

use crate::stage::{Stage, keys};

/// Every kind of key there is: a record that is not looked at would not be missed. What the sweep notes for itself
/// (`todo`, `sweep`) counts for nothing, and neither does what requests only count (`cnt`, `rate`); the audit trail and what
/// is kept of it (`aud`, `gone`) is looked at by [`crate::audit`].
const PREFIXES: [&str; 29] = [
    "acct", "alike", "aud", "batch", "boot", "cnt", "code", "dead", "due", "endp", "gate", "gone", "hook", "idem",
    "inv", "lic", "list", "login", "mbox", "oper", "ord", "org", "promo", "rate", "reg", "serial", "sweep", "team",
    "todo",
];

/// Ids that are drawn anew in each run, and times.
const DRAWN: [&str; 6] = ["LicenceId(", "SheetId(", "CouponId(", "CodeId(", "CredentialId(", "Timestamp("];

/// The end state.
///
/// # Panics
/// When a stored record cannot be read, or is of a kind that nobody looks at.
pub fn of(stage: &Stage) -> Vec<String> {
    lines(stage, Preparations::Shown)
}

/// The same without what only prepares a commit and decides nothing: claims, reservations, records of which nothing is
/// known yet.
///
/// # Panics
/// When a stored record cannot be read, or is of a kind that nobody looks at.
pub fn without_preparations(stage: &Stage) -> Vec<String> {
    lines(stage, Preparations::LeftOut)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Preparations {
    Shown,
    LeftOut,
}

fn lines(stage: &Stage, preparations: Preparations) -> Vec<String> {
    let shown = preparations == Preparations::Shown;
    let world = stage.deployment().world();
    for key in world.keys() {
        let prefix = key.split(':').next().unwrap_or_default();
        assert!(PREFIXES.contains(&prefix), "nobody looks at records of the kind {prefix}");
    }
    let mut lines = Vec::new();
    lines.extend(slots(world));
    // Whether its answer is kept is no matter: a repetition gets the same one, made again from what was committed.
    if shown {
        each(world, &mut lines, |claim: IdempotencyClaim| format!("claim {:?} of {:?}", claim.id, claim.body));
        each(world, &mut lines, |claim: BootstrapClaim| format!("the one-time secret is {}'s", claim.operator));
    }
    plain::<Registration>(world, &mut lines);
    plain::<Organisation>(world, &mut lines);
    each(world, &mut lines, |alike: Alike| format!("{:?} {:?}", alike.id, sorted(alike.organisations)));
    each(world, &mut lines, |check: MailboxCheck| format!("{check:?}"));
    some(world, &mut lines, |team: Team| (shown || !team.invitations.is_empty()).then(|| without_links(&team)));
    plain::<Login>(world, &mut lines);
    each(world, &mut lines, |account: Account| format!("{} {:?}", phones(&account), essential(account)));
    some(world, &mut lines, |one: Operator| (shown || one != Operator::new(one.id.clone())).then(|| on_duty(&one)));
    each(world, &mut lines, |mut order: Order| {
        order.shipments = parcels(order.shipments);
        let (licences, serials) = (licences(world, &order), serials(world, &order));
        format!("{:?} with {licences:?} {serials:?}", counted_once(order))
    });
    each(world, &mut lines, |letter: DeadLetter| {
        format!("letter of {:?} {:?} {:?}", letter.sender, letter.reason, letter.standing)
    });
    each(world, &mut lines, |batch: Batch| format!("{batch:?} with {:?}", uses(world, &batch, shown)));
    lines.extend(exchanged(world));
    lines.extend(queue(world));
    lines.extend(listed(world));
    lines.extend(shelved(world));
    lines.extend(webhooks(stage));
    let mut mails: Vec<String> =
        stage.mails().iter().map(|mail| format!("mail {}: {}", mail.to, mail.subject)).collect();
    mails.sort();
    lines.extend(mails);
    lines.iter().map(|line| without_drawn(line)).collect()
}

/// What [`of`] leaves out, since answers that are lost and deaths change it: how many sessions there are, how often
/// somebody guessed wrong, and which codes are used up. Where nobody dies, that is as exact as everything else.
///
/// # Panics
/// When a stored record cannot be read.
pub fn counted(stage: &Stage) -> Vec<String> {
    let world = stage.deployment().world();
    let mut lines = Vec::new();
    each(world, &mut lines, |account: Account| {
        let failures = match &account.stage {
            AccountStage::Active { failures, .. } => failures.count(),
            AccountStage::Invited { .. } => 0,
        };
        let app = |authenticator: &Authenticator| match authenticator {
            Authenticator::App { clockwork, .. } => format!("{clockwork:?}"),
            Authenticator::Phones(phones) => format!("a code waits: {}", phones.has_code()),
            other => format!("{other:?}"),
        };
        let credentials: Vec<String> = (account.credentials.iter())
            .map(|credential| format!("{} {}", credential.failures, app(&credential.authenticator)))
            .collect();
        format!("{}: {} sessions, {failures} failures, {credentials:?}", account.user_id, account.sessions.len())
    });
    each(world, &mut lines, |one: Operator| {
        let (sessions, failures) = (one.sessions.len(), one.failures.count());
        format!("{}: {sessions} sessions, {failures} failures, {} misses, {:?}", one.id, one.misses, one.clockwork)
    });
    lines.iter().map(|line| without_drawn(line)).collect()
}

/// How many effects wait.
///
/// # Panics
/// When a stored record cannot be read.
pub fn pending(stage: &Stage) -> usize {
    fn of<R: Record>(world: &World) -> usize {
        world.every::<R>().expect("readable").iter().map(|stored| stored.pending().len()).sum()
    }
    let world = stage.deployment().world();
    of::<InvitationSlot>(world)
        + of::<IdempotencyClaim>(world)
        + of::<Registration>(world)
        + of::<Organisation>(world)
        + of::<Alike>(world)
        + of::<MailboxCheck>(world)
        + of::<Account>(world)
        + of::<Team>(world)
        + of::<Login>(world)
        + of::<Batch>(world)
        + of::<Order>(world)
        + of::<DeadLetter>(world)
        + of::<Licence>(world)
        + of::<ShippedSerial>(world)
        + of::<Sheet>(world)
        + of::<Operator>(world)
        + of::<AuthorizationCode>(world)
}

/// How many webhooks are on their way. Whoever caused them has nothing more to do with that: the sweep tries them again.
///
/// # Panics
/// When a stored record cannot be read.
pub fn undelivered(stage: &Stage) -> usize {
    let deliveries = stage.deployment().world().every::<Delivery>().expect("readable");
    deliveries.iter().filter(|delivery| !delivery.pending().is_empty()).count()
}

/// How many records were prepared for one that does not name them: licences without their order, sheets of promo codes without
/// their batch. They count for nothing, and the sweep removes them.
///
/// # Panics
/// When a stored record cannot be read.
pub fn unnamed(stage: &Stage) -> usize {
    let world = stage.deployment().world();
    let orders = world.every::<Order>().expect("readable");
    let licences = world.every::<Licence>().expect("readable");
    let named = |order: &Order, licence: &Licence| order.units().iter().any(|unit| unit.licence == licence.id);
    let unnamed = |licence: &Licence| !orders.iter().any(|order| named(order.value(), licence));
    let batches = world.every::<Batch>().expect("readable");
    let sheets = world.every::<Sheet>().expect("readable");
    let named = |batch: &Batch, sheet: &Sheet| batch.sheets.iter().any(|listed| listed.sheet == sheet.id);
    let unprinted = |sheet: &Sheet| !batches.iter().any(|batch| named(batch.value(), sheet));
    licences.iter().filter(|licence| unnamed(licence.value())).count()
        + sheets.iter().filter(|sheet| unprinted(sheet.value())).count()
}

/// Where two end states differ, for people.
pub fn difference(expected: &[String], found: &[String]) -> String {
    let mut text = String::new();
    for line in expected.iter().filter(|line| !found.contains(line)) {
        let _ = writeln!(text, "  missing: {line}");
    }
    for line in found.iter().filter(|line| !expected.contains(line)) {
        let _ = writeln!(text, "  unexpected: {line}");
    }
    if text.is_empty() {
        let _ = writeln!(text, "  a line more or less often: {} lines, not {}", found.len(), expected.len());
    }
    text
}

/// Which of two organisations was indexed first means nothing.
fn sorted(mut organisations: Vec<OrganisationId>) -> Vec<OrganisationId> {
    organisations.sort_unstable();
    organisations
}

fn plain<R: Record + std::fmt::Debug>(world: &World, lines: &mut Vec<String>) {
    each(world, lines, |value: R| format!("{value:?}"));
}

/// What was shipped, by parcels. Which of them was noted first, and a token of one parcel before another one, is no difference:
/// of a list each token is noted by itself.
fn parcels(shipments: Vec<Shipment>) -> Vec<Shipment> {
    let mut parcels: Vec<Shipment> = Vec::new();
    for mut shipment in shipments {
        let same = |one: &&mut Shipment| (&one.carrier, &one.tracking) == (&shipment.carrier, &shipment.tracking);
        match parcels.iter_mut().find(same) {
            Some(parcel) => parcel.tokens.append(&mut shipment.tokens),
            None => parcels.push(shipment),
        }
    }
    for parcel in &mut parcels {
        parcel.tokens.sort_by_key(|token| token.serial.clone());
    }
    parcels.sort_by_key(|parcel| parcel.tokens.first().map(|token| token.serial.clone()));
    parcels
}

fn each<R: Record>(world: &World, lines: &mut Vec<String>, show: impl Fn(R) -> String) {
    some(world, lines, |value| Some(show(value)));
}

fn some<R: Record>(world: &World, lines: &mut Vec<String>, show: impl Fn(R) -> Option<String>) {
    let stored = world.every::<R>().expect("what is stored was written by this program");
    lines.extend(stored.into_iter().filter_map(|stored| show(stored.into_value())));
}

/// Invitations, but those that a sweep has marked for removal: a retry of the sweep goes on and removes them.
fn slots(world: &World) -> Vec<String> {
    let stored = world.every::<InvitationSlot>().expect("what is stored was written by this program");
    let kept = stored.into_iter().filter(|slot| !slot.is_condemned());
    kept.map(|slot| format!("{:?}", counted_from_zero(slot.into_value()))).collect()
}

/// A slot begins to count at the minute in which it was opened.
fn counted_from_zero(mut slot: InvitationSlot) -> InvitationSlot {
    let first = slot.past.first().map_or(slot.current.generation, |past| past.generation);
    slot.current.generation -= first;
    slot.past.iter_mut().for_each(|past| past.generation -= first);
    slot
}

fn essential(mut account: Account) -> Account {
    if let AccountStage::Active { failures, recovery, .. } = &mut account.stage {
        *failures = essential_failures(*failures);
        // Whether there is a link that works is a question for the next step.
        *recovery = Recovery::default();
    }
    // An answer that is lost leaves a session that nobody has the secret of; what counts is the best there is.
    account.sessions.sort_by_key(|session: &Session| session.raised.as_ref().map(|raised| raised.level));
    account.sessions = account.sessions.pop().into_iter().collect();
    for credential in &mut account.credentials {
        credential.failures = credential.failures.min(1);
        match &mut credential.authenticator {
            Authenticator::App { clockwork, .. } => *clockwork = Clockwork::default(),
            phones @ Authenticator::Phones(_) => *phones = Authenticator::Missing,
            Authenticator::Missing | Authenticator::Enrolling { .. } => {}
        }
    }
    account
}

/// The registered phones. When the last code was sent, and to whom, is a question for the next step.
fn phones(account: &Account) -> String {
    let phones = account.credentials.iter().filter_map(Credential::phones);
    let registered = phones.flat_map(Phones::registered);
    let named: Vec<String> =
        registered.map(|phone| format!("{} {} {}", phone.ordinal, phone.number, phone.channel)).collect();
    named.join(", ")
}

/// Whether a link works is a question for the next step.
fn without_links(team: &Team) -> String {
    let invitation = |one: &PersonInvitation| format!("{:?} {} {:?}", one.how, one.email, one.state);
    let invitations: Vec<String> = team.invitations.iter().map(invitation).collect();
    format!("team {} {invitations:?}", team.id)
}

fn essential_failures(failures: Failures) -> Failures {
    if failures.count() == 0 { failures } else { Failures::default().one_more(Timestamp::from_unix(0)) }
}

fn on_duty(operator: &Operator) -> String {
    let sessions = if operator.sessions.is_empty() { "nobody" } else { "somebody" };
    // Whoever retries is counted again; what a colleague's link is worth is a question for the next step.
    let enrolled = operator.enrolled.as_ref().map(|enrolled| &enrolled.by);
    let failures = essential_failures(operator.failures);
    let (id, link, missed) = (&operator.id, operator.invited.is_some(), operator.misses > 0);
    format!("operator {id}: {sessions} on duty, {failures:?}, {enrolled:?}, link {link}, missed {missed}")
}

/// Whether the licences that the order names can be found.
fn licences(world: &World, order: &Order) -> Vec<&'static str> {
    let every = world.every::<Licence>().expect("readable");
    let found = |unit: &Unit| {
        let licence = every.iter().map(Stored::value).find(|licence| licence.id == unit.licence);
        licence.is_some_and(|licence| licence.order == order.id && licence.product == unit.product)
    };
    order.units().iter().map(|unit| if found(unit) { "found" } else { "missing" }).collect()
}

/// A guess that is repeated counts again.
fn counted_once(mut order: Order) -> Order {
    if let OrderStage::Complete { units, .. } | OrderStage::Ended { units, .. } = &mut order.stage {
        for unit in units {
            unit.wrong_serials = unit.wrong_serials.min(1);
        }
    }
    order
}

/// The serial numbers that the order names, and whether each leads to it. One that leads elsewhere, or to an order that does
/// not name it, counts for nothing.
fn serials(world: &World, order: &Order) -> Vec<String> {
    let every = world.every::<ShippedSerial>().expect("readable");
    let leads = |token: &ShippedToken| {
        let id = ShippedSerial::id_of(&token.serial, &keys());
        every.iter().map(Stored::value).any(|record| record.id == id && record.order == order.id)
    };
    order.tokens().map(|token| format!("{} leads to it: {}", token.serial.as_str(), leads(token))).collect()
}

/// Which orders hold the codes that the batch names, in no order: which of its codes an order has is drawn.
fn uses(world: &World, batch: &Batch, reservations: bool) -> Vec<String> {
    let every = world.every::<Sheet>().expect("readable");
    let used = |coupon: &Coupon| {
        let held = coupon.holds.iter().filter(|_| reservations).map(|hold| (hold.order, "reserved"));
        let redeemed = coupon.latest.iter().map(|past| (past.order, "redeemed"));
        format!("{} {:?}", coupon.redeemed, redeemed.chain(held).collect::<Vec<_>>())
    };
    let sheets = batch.sheets.iter().map(|listed| every.iter().find(|stored| stored.value().id == listed.sheet));
    let mut codes: Vec<String> = sheets
        .flat_map(|sheet| match sheet {
            None => vec!["missing".to_owned()],
            Some(stored) => stored.value().coupons().iter().map(used).collect(),
        })
        .collect();
    codes.sort();
    codes
}

fn exchanged(world: &World) -> Vec<String> {
    let codes = world.every::<AuthorizationCode>().expect("readable");
    let exchanged = codes.iter().filter(|stored| matches!(stored.value().state, CodeState::Exchanged(_)));
    let mut lines: Vec<String> = exchanged.map(|stored| format!("{:?}", stored.value())).collect();
    lines.sort();
    lines
}

fn queue(world: &World) -> Vec<String> {
    let page = alone(async { world.kv().page(&registration_queue(), None).await }, 1000);
    let page = page.expect("a page takes few turns").expect("nothing fails any more");
    let entries = page.entries.iter().map(|entry| {
        let summary: Option<QueueSummary> = postcard::from_bytes(&entry.payload).ok();
        format!("waits: {} {summary:?}", RegistrationId::from_bytes(entry.id.0))
    });
    entries.collect()
}

/// The list of the application that invitations are made to, in no order: clocks and retries may change it, and the
/// number at which a slot begins to count.
fn listed(world: &World) -> Vec<String> {
    let list = invitations_of(&"supply-platform".parse().expect("an application's id"));
    let page = alone(async { world.kv().page(&list, None).await }, 1000);
    let page = page.expect("a page takes few turns").expect("nothing fails any more");
    let entries = page.entries.iter().map(|entry| {
        let invitation: Option<InvitationId> = postcard::from_bytes(&entry.payload).ok();
        format!("listed: {}", invitation.map(|id| id.slot.to_string()).unwrap_or_default())
    });
    let batches = batches_of(&"anvil".parse().expect("a partner's id"));
    let batches = alone(async { world.kv().page(&batches, None).await }, 1000);
    let batches = batches.expect("a page takes few turns").expect("nothing fails any more");
    let batches = batches.entries.iter().map(|entry| format!("listed: {:?}", BatchId::from_bytes(entry.id.0)));
    let mut lines: Vec<String> = entries.chain(batches).collect();
    lines.sort();
    lines
}

/// What stands on the lists that people look at, in no order.
fn shelved(world: &World) -> Vec<String> {
    let shelves = [Shelf::UnpaidInvoices, Shelf::FlaggedOrders, Shelf::DeadLetters, Shelf::ToShip];
    let entries = shelves.iter().flat_map(|one| {
        let page = alone(async { world.kv().page(&shelf(one), None).await }, 1000);
        let page = page.expect("a page takes few turns").expect("nothing fails any more");
        page.entries.into_iter().map(move |entry| format!("on {one:?}: {:?}", entry.id.0))
    });
    let mut lines: Vec<String> = entries.collect();
    lines.sort();
    lines
}

/// What Anvil's system was told, and what is known of that, in no order: the ids of webhooks are drawn.
fn webhooks(stage: &Stage) -> Vec<String> {
    let world = stage.deployment().world();
    let mut lines = vec![format!("webhooks in the log: {}", logged(world))];
    each(world, &mut lines, |delivery: Delivery| {
        format!("webhook {:?} {:?}, {}", delivery.event.kind, delivery.event.subject, delivery.state.as_str())
    });
    each(world, &mut lines, |endpoint: EndpointStanding| {
        format!("endpoint enabled: {}", endpoint.disabled_at.is_none())
    });
    lines.extend(stage.webhooks().iter().map(|told| format!("told {:?} {:?}", told.get("type"), told.get("data"))));
    lines.sort();
    lines
}

/// Entries of the log of Anvil's webhooks.
fn logged(world: &World) -> usize {
    let list = deliveries_of(&"anvil".parse().expect("a partner's id"));
    let page = alone(async { world.kv().page(&list, None).await }, 1000);
    page.expect("a page takes few turns").expect("nothing fails any more").entries.len()
}

fn without_drawn(line: &str) -> String {
    let mut text = line.to_owned();
    for drawn in DRAWN {
        let mut kept = String::with_capacity(text.len());
        for (n, part) in text.split(drawn).enumerate() {
            kept.push_str(if n == 0 { "" } else { drawn });
            kept.push_str(if n == 0 { part } else { part.split_once(')').map_or(part, |(_, rest)| rest) });
        }
        text = kept;
    }
    text
}
