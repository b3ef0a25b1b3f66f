//! Samples of this component's pages.

use edge::{
    Edge, Platform,
    form::{FormFaults, LocalPath},
    gallery::{Album, Visitor},
};
use http::StatusCode;
use shared::{
    batch::{Batch, Cause, OrderedBy},
    config::Partner,
    organisation::{Glimpse, Profile, RawProfile},
    promo::{OrderBatch, RawBatch, Tally},
    refusal::{Faults, Refusal},
    registration::{Designation, RawRegistration, SubmitRegistration, Way},
    values::{FormId, OrganisationId, RegistrationId, Seconds, Timestamp},
};

use super::{
    Credentials, DetailPage, Filter, Past, QueuePage, RawDecision, RawSignIn, SignInPage, Told, Verdict, Waiting,
    Wanted, age, reference_of,
};
use super::{
    audit::{AuditPage, Line, RawAudit, Said, Shown, nothing_found},
    enrol::{EnrolPage, Offer},
    promo::{BatchesPage, FormPage, RawOrder, ReportPage},
    staff::{Colleague, StaffPage},
};

/// Every page, in every state that looks different.
pub fn samples<P: Platform>(album: &mut Album<'_, P>) {
    sign_in(album);
    enrolment(album);
    staff(album);
    queue(album);
    registration(album);
    promo_codes(album);
    audit(album);
}

fn sign_in<P: Platform>(album: &mut Album<'_, P>) {
    let page = |faults| SignInPage::new(LocalPath::or(None, "/operate"), "registrar".to_owned(), faults);
    let empty = RawSignIn {
        csrf: None,
        operator: String::new(),
        password: String::new(),
        code: String::new(),
        continue_to: None,
    };
    album.visit(Visitor::Stranger, "/operate/sign-in").page("blank", StatusCode::OK, &page(FormFaults::none()));
    if let Err(missing) = Credentials::parse(&empty) {
        album.refused("missing", missing, "operator", page);
    }
    album.refused("wrong", Refusal::SignInFailed, "operator", page);
}

fn enrolment<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let operator = edge.gateway.operators.first();
    let page = |faults| EnrolPage::of(edge, None, None, &Offer::fresh(edge), "registrar", faults);
    let by_link = EnrolPage::of(edge, operator, Some("a".repeat(52)), &Offer::fresh(edge), "", FormFaults::none());
    let mut faults = Faults::default();
    faults.add("secret", "not-accepted", "This secret is not accepted. It works once, for one operator.");
    faults.add("password", "too-short", "Use at least 15 characters.");
    faults.add("code", "code-not-accepted", "Enter the code that your app shows now for this account.");
    album
        .visit(Visitor::Stranger, "/operate/enrol")
        .page("first", StatusCode::OK, &page(FormFaults::none()))
        .page("by-link", StatusCode::OK, &by_link)
        .refused("faults", faults.refuse(), "code", page);
}

fn staff<P: Platform>(album: &mut Album<'_, P>) {
    let now = album.edge().now;
    let Some(id) = album.edge().gateway.operators.first().map(|operator| operator.id.clone()) else { return };
    let colleague = |(n, state): (u32, &'static str)| Colleague {
        id: id.clone(),
        name: format!("Robin {state}"),
        roles: vec!["registrar", "fulfilment"],
        state,
        enrolled_at: (state == "enrolled").then_some(now),
        misses: n * 12,
        paused: state == "configured",
        may_invite: state != "configured",
    };
    let page = |notice: Option<&str>| StaffPage {
        title: "Operators",
        notice: notice.map(str::to_owned),
        operators: (0..).zip(["enrolled", "invited", "configured", "not-enrolled"]).map(colleague).collect(),
    };
    album.visit(Visitor::Operator, "/operate/operators").page("every-state", StatusCode::OK, &page(None)).page(
        "just-invited",
        StatusCode::OK,
        &page(Some("Alex Auditor")),
    );
}

fn queue<P: Platform>(album: &mut Album<'_, P>) {
    let now = album.edge().now;
    let edge = album.edge();
    let page = |registrations, next: Option<&str>, goes_on| QueuePage {
        title: "Registrations to review",
        registrations,
        next: next.map(str::to_owned),
        goes_on,
        notice: None,
        filter: Filter::of(edge, &Wanted::default()),
    };
    let decided = |approved| QueuePage {
        notice: Some(Told { reference: reference_of(RegistrationId::from_bytes([9; 16])), approved }),
        ..page(waiting(now), None, false)
    };
    let chosen = |next| {
        let application = edge.gateway.applications.first().map(|application| application.id.clone());
        let wanted = Wanted { application, way: Some(Way::Public) };
        QueuePage { filter: Filter::of(edge, &wanted), ..page(Vec::new(), next, false) }
    };
    let next = Some("/operate?after=sealed");
    album
        .visit(Visitor::Operator, "/operate")
        .page("waiting", StatusCode::OK, &page(waiting(now), next, false))
        .page("last-page", StatusCode::OK, &page(waiting(now), None, true))
        .page("just-approved", StatusCode::OK, &decided(true))
        .page("just-rejected", StatusCode::OK, &decided(false))
        .page("nothing-chosen-here", StatusCode::OK, &chosen(next))
        .page("nothing-chosen", StatusCode::OK, &chosen(None))
        .page("nothing-waits", StatusCode::OK, &page(Vec::new(), None, false))
        .page("all-decided-here", StatusCode::OK, &page(Vec::new(), next, true));
}

fn waiting(now: Timestamp) -> Vec<Waiting> {
    let rows = [
        ("Kestrel Precision Castings Ltd", "United Kingdom", "Anvil Supply Platform", Seconds::days(3)),
        (
            "Münchner Feinmechanik und Getriebebau Aktiengesellschaft",
            "Germany",
            "Anvil Supply Platform",
            Seconds::hours(5),
        ),
        ("Heron Tools", "United States of America", "Cobalt Business Network", Seconds(40)),
    ];
    let row = |(n, (organisation, country, application, waited)): (u8, (&str, &'static str, &str, Seconds))| {
        let id = RegistrationId::from_bytes([n; 16]);
        Waiting {
            id,
            reference: reference_of(id),
            organisation: organisation.to_owned(),
            country,
            application: application.to_owned(),
            origin: if n == 0 { "public" } else { "invited" },
            submitted_at: now,
            age: age(waited),
            due_at: now,
            overdue: n == 0,
        }
    };
    (0..).zip(rows).map(row).collect()
}

fn registration<P: Platform>(album: &mut Album<'_, P>) {
    let now = album.edge().now;
    let none = FormFaults::none;
    let Some((profile, designations)) = entries() else { return };
    let page = |state, decided, raw, faults| DetailPage {
        title: format!("Registration of {}", profile.legal_name.as_str()),
        faults,
        raw,
        may_decide: state == "submitted",
        choices: [
            ("approve", "Approve", "Creates the organization and e-mails its administrators."),
            ("reject", "Reject", "E-mails the reason to the registrant."),
        ],
        overtaken: false,
        age: age(Seconds::hours(5)),
        due_at: now.plus(Seconds::days(2)),
        overdue: false,
        id: RegistrationId::from_bytes([1; 16]),
        reference: reference_of(RegistrationId::from_bytes([1; 16])),
        application: "Anvil Supply Platform".to_owned(),
        origin: "invited",
        submitted_at: now,
        state,
        decided,
        phone: "+44 20 7946 0123".to_owned(),
        profile: profile.clone(),
        designations: designations.clone(),
        alike: (state == "submitted").then(Vec::new),
    };
    let matched = || DetailPage {
        overdue: true,
        alike: Some(vec![Glimpse {
            id: OrganisationId::from_bytes([7; 16]),
            name: profile.legal_name.clone(),
            city: profile.city.clone(),
            country: profile.country,
        }]),
        ..page("submitted", None, RawDecision::default(), none())
    };
    let past = |by: Option<&str>, reason: Option<&str>| {
        Some(Past { by: by.map(str::to_owned), at: now, reason: reason.map(str::to_owned) })
    };
    let reason = "The registration number does not belong to this company.";
    album
        .visit(Visitor::Operator, "/operate/registrations/aiaqcaibaeaqcaibaeaqcaibae")
        .page("to-decide", StatusCode::OK, &page("submitted", None, RawDecision::default(), none()))
        .page("alike", StatusCode::OK, &matched())
        .page("approved", StatusCode::OK, &page("approved", past(None, None), RawDecision::default(), none()))
        .page(
            "rejected",
            StatusCode::OK,
            &page("rejected", past(Some("registrar"), Some(reason)), RawDecision::default(), none()),
        )
        .page(
            "overtaken",
            StatusCode::CONFLICT,
            &page("approved", past(Some("auditor"), None), RawDecision::default(), none()).overtaken(),
        );
    for (name, decision) in [("undecided", ""), ("no-reason", "reject")] {
        let raw = || RawDecision { decision: decision.to_owned(), ..RawDecision::default() };
        if let Err(refusal) = Verdict::parse(&raw()) {
            album.refused(name, refusal, "decision", |faults| page("submitted", None, raw(), faults));
        }
    }
}

fn entries() -> Option<(Profile, Vec<Designation>)> {
    let profile = RawProfile {
        legal_name: "Kestrel Precision Castings Ltd".to_owned(),
        street: "14 Foundry Lane".to_owned(),
        city: "Sheffield".to_owned(),
        postal_code: "S3 8GZ".to_owned(),
        country: "GB".to_owned(),
        ..RawProfile::default()
    };
    let entered = RawRegistration {
        given_name: "Ada".to_owned(),
        family_name: "Byron".to_owned(),
        email: "ada@kestrel.example".to_owned(),
        phone: "+44 20 7946 0123".to_owned(),
        profile: profile.clone(),
        administrators: Vec::new(),
    };
    let designations = SubmitRegistration::parse(&entered, None).ok()?.designations().to_vec();
    Some((Profile::parse(&profile, "", &mut Faults::default())?, designations))
}

fn promo_codes<P: Platform>(album: &mut Album<'_, P>) {
    let edge = album.edge();
    let blank = || RawOrder::blank(FormId::from_bytes([1; 16]));
    let page = |raw, faults| FormPage::of(edge, raw, faults);
    album
        .visit(Visitor::Operator, "/operate/promo-batches")
        .page("blank", StatusCode::OK, &page(blank(), FormFaults::none()))
        .refused("faults", wrong_order(), "partner", |faults| page(RawOrder::default(), faults));
    let Some((partner, batch)) = batch(edge) else { return };
    let list =
        |batches, next: Option<&str>, goes_on| BatchesPage::of(partner, batches, next.map(str::to_owned), goes_on);
    let some = std::slice::from_ref(&batch);
    let tally = Tally { redeemed: 812, reserved: 3, free: 185 };
    album
        .visit(Visitor::Operator, "/operate/promo-batches/of/cobalt")
        .page("some", StatusCode::OK, &list(some, Some("x"), true))
        .page("none", StatusCode::OK, &list(&[], None, false))
        .page("over", StatusCode::OK, &list(&[], Some("x"), true))
        .visit(Visitor::Operator, "/operate/promo-batches/aiaqcaibaeaqcaibaeaqcaibae")
        .page("report", StatusCode::OK, &ReportPage::of(edge, &batch, tally));
}

/// A batch of the first product that the configuration offers, and its partner.
fn batch<P: Platform>(edge: &Edge<P>) -> Option<(&Partner, Batch)> {
    let product = edge.gateway.products.first()?;
    let raw = RawBatch {
        name: "Autumn campaign for suppliers of castings".to_owned(),
        partner: product.partner.to_string(),
        products: vec![product.id.to_string()],
        count: "1000".to_owned(),
        uses: "3".to_owned(),
        uses_per_customer: "1".to_owned(),
        discount: "25%".to_owned(),
        valid_days: "90".to_owned(),
        bills_partner: true,
        ..RawBatch::default()
    };
    let order = OrderBatch::parse(&raw, &edge.gateway, edge.now).ok()?;
    let cause = Cause::form(FormId::from_bytes([1; 16]), &edge.keys);
    let tag = cause.tag(0, &edge.keys);
    let printed = Batch::print(tag, cause, &order, OrderedBy::Partner, &edge.keys, edge.now, &mut edge.rng());
    Some((edge.gateway.partner(&product.partner)?, printed.batch))
}

fn audit<P: Platform>(album: &mut Album<'_, P>) {
    let now = album.edge().now;
    let asked = || RawAudit { kind: "account".to_owned(), reference: "AByron0815".to_owned(), skip: 0 };
    let page = |trail, faults| AuditPage::of(asked(), trail, faults);
    album
        .visit(Visitor::Operator, "/operate/audit")
        .page("blank", StatusCode::OK, &AuditPage::of(RawAudit::default(), None, FormFaults::none()))
        .page("holds", StatusCode::OK, &page(Some(trail(now, true)), FormFaults::none()))
        .page("broken", StatusCode::OK, &page(Some(trail(now, false)), FormFaults::none()))
        .refused("unknown", nothing_found(), "reference", |faults| page(None, faults));
    if let Err(missing) = (RawAudit { reference: " ".to_owned(), ..RawAudit::default() }).parse() {
        album.refused("missing", missing, "reference", |faults| AuditPage::of(RawAudit::default(), None, faults));
    }
}

/// What somebody did to an account, newest first; of a broken chain one entry cannot be read.
fn trail(now: Timestamp, chain_holds: bool) -> Shown {
    let record = || format!("acct:{}", "aiaqcaibaeaqcaibaeaqcaibae");
    let line = |said| Line {
        record: record(),
        said,
        entry: "AQ".to_owned(),
        previous: "0f".repeat(32),
        hash: "1e".repeat(32),
    };
    let said = |revision, action, actor| Said {
        revision,
        at: now,
        action,
        refused: None,
        actor,
        by: None,
        key: None,
        because: None,
        write: "aiaqcaibaeaqcaibaeaqcaibae".to_owned(),
        request: "4HcAAAwYt1oBaw".to_owned(),
        origin: "203.0.113.0/24".to_owned(),
    };
    let by = || Some("aiaqcaibaeaqcaibaeaqcaibae".to_owned());
    let mut entries = vec![
        line(Some(Said { by: by(), ..said(5, "second-factor", "person") })),
        line(Some(Said { by: by(), ..said(4, "sign-in", "person") })),
        line(Some(Said { refused: Some("wrong-password"), ..said(3, "sign-in", "stranger") })),
        line(Some(said(2, "activation", "link-holder"))),
        line(Some(Said { because: by(), origin: String::new(), ..said(1, "admission", "effect") })),
    ];
    if !chain_holds {
        entries.insert(1, line(None));
    }
    let older = chain_holds.then(|| "/operate/audit?kind=account&reference=AByron0815&skip=100".to_owned());
    Shown { record: record(), removed: false, chain_holds, cut: false, total: entries.len(), entries, older }
}

/// What an order is refused for in which nothing was entered.
fn wrong_order() -> Refusal {
    let mut faults = Faults::default();
    for (field, hint) in [
        ("name", "Fill in this field."),
        ("partner", "Choose the partner that pays."),
        ("products", "Choose at least one product, all of them of the partner that pays."),
        ("count", "Enter a whole number of codes from 1 to 10000."),
        ("discount", "Enter free, a percentage such as 25%, or an amount such as 12.50."),
        ("valid_from", "Enter a day such as 2026-12-01, or a time such as 2026-12-01T09:00:00Z."),
        ("valid_days", "Enter a whole number of days from 1 to 730."),
    ] {
        faults.add(field, "missing", hint);
    }
    faults.refuse()
}
