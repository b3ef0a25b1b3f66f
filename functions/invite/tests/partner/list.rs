//! The list of invitations.

use kv_schema::{
    backends::{model::Backend, turns::alone},
    list::{Entry, EntryId},
    records::invitations_of,
};
use serde_json::Value;
use shared::{
    invitation::InvitationId,
    values::{ApplicationId, InvitationSlotId},
};

use crate::stage::{Ask, COBALT, Stage, invitation, invite, text};

fn ids(page: &Value) -> Vec<String> {
    let invitations = page.pointer("/invitations").and_then(Value::as_array).expect("a list");
    invitations.iter().map(|invitation| text(invitation, "/id")).collect()
}

/// Every page, one after the other: how many there were, and the ids on them.
fn walk(stage: &Stage, query: &str) -> (usize, Vec<String>) {
    let (mut pages, mut found, mut after) = (0, Vec::new(), String::new());
    loop {
        let page = stage.send(&Ask::get(format!("/invite?{query}{after}"))).expect(200).json();
        pages += 1;
        found.extend(ids(&page));
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = format!("&after={next}"),
            None => return (pages, found),
        }
    }
}

#[test]
fn inv_3_invitations_are_listed_oldest_first_page_by_page() {
    // INV-3
    for backend in Backend::ALL {
        let stage = Stage::on(backend);
        assert_eq!(walk(&stage, "").1, Vec::<String>::new());
        let made: Vec<String> = (0..7).map(|n| stage.invited(&format!("person{n}"))).collect();
        assert_eq!(walk(&stage, "limit=3"), (3, made.clone()), "{backend:?}");
        assert_eq!(walk(&stage, "limit=100&application=supply-platform"), (1, made.clone()));
        // A repetition lists nothing twice.
        let _ = stage.send(&invite("person0")).expect(201);
        assert_eq!(walk(&stage, "").1, made);
        assert_eq!(ids(&stage.send(&Ask::get("/invite").by(COBALT)).expect(200).json()), Vec::<String>::new());
    }
}

#[test]
fn inv_3_a_list_is_filtered_by_state() {
    // INV-3
    let stage = Stage::new();
    let (accepted, token) = stage.handed_over("ada");
    let _ = stage.accepted(&token);
    let revoked = stage.invited("bea");
    let _ = stage.send(&Ask::post(format!("/invite/{revoked}/revoke"))).expect(200);
    let expired = stage.invited("cy");
    stage.wait(15 * 86_400);
    let again = stage.send(&invite("cy").key("again")).expect(201).at("/id");
    let pending = stage.invited("dee");
    for (state, expected) in [
        ("accepted", vec![accepted]),
        ("revoked", vec![revoked]),
        ("expired", vec![expired]),
        ("pending", vec![again, pending]),
    ] {
        assert_eq!(walk(&stage, &format!("state={state}")), (1, expected.clone()), "{state}");
        assert_eq!(walk(&stage, &format!("limit=1&state={state}")), (5, expected), "{state}: empty pages lead on");
    }
}

#[test]
fn inv_3_without_an_application_the_lists_follow_one_another() {
    // INV-3
    let text = include_str!("../../../../gateway.toml");
    let gateway = text.replacen(
        "[applications.business-network]\npartner = \"cobalt\"",
        "[applications.business-network]\npartner = \"anvil\"",
        1,
    );
    let stage = Stage::configured(Backend::Sqlite, &gateway);
    let supply = stage.invited("ada");
    let mut body = invitation("ada");
    let _ = body.as_object_mut().expect("an object").insert("application".to_owned(), "business-network".into());
    let network = stage.send(&invite("ada").key("network").json(&body)).expect(201).at("/id");
    let mut all = walk(&stage, "limit=1").1;
    all.sort();
    let mut expected = vec![supply.clone(), network.clone()];
    expected.sort();
    assert_eq!(all, expected);
    assert_eq!(walk(&stage, "application=supply-platform").1, [supply]);
    assert_eq!(walk(&stage, "application=business-network").1, [network]);
}

#[test]
fn inv_3_what_is_asked_wrongly_is_refused() {
    // INV-1, INV-3
    let stage = Stage::new();
    let _ = (stage.invited("ada"), stage.invited("bea"));
    let next = stage.send(&Ask::get("/invite?limit=1")).expect(200).at("/next");
    for (query, pointer) in [
        ("application=business-network", "/application"),
        ("application=No%20Slug", "/application"),
        ("application=", "/application"),
        ("state=used", "/state"),
        ("state=", "/state"),
        ("limit=0", "/limit"),
        ("limit=101", "/limit"),
        ("limit=", "/limit"),
        ("limit=many", "/limit"),
        ("limit=%2B5", "/limit"),
        ("limit=4294967297", "/limit"),
        ("after=", "/after"),
        ("after=x", "/after"),
        (&format!("after={next}x"), "/after"),
    ] {
        let problem = stage.send(&Ask::get(format!("/invite?{query}"))).refused(422, "invalid-input");
        assert_eq!(text(&problem, "/errors/0/pointer"), pointer, "{query}");
    }
    for query in ["surprise=1", "limit=1&limit=1", "state=pending&state=pending"] {
        let _ = stage.send(&Ask::get(format!("/invite?{query}"))).refused(400, "malformed");
    }
    let foreign = Ask::get(format!("/invite?after={next}")).by(COBALT);
    let _ = stage.send(&foreign).refused(422, "invalid-input");
    assert_eq!(walk(&stage, "limit=1").0, 2);
}

/// A list of so many invitations whose slots are not there: what matters is what a page costs.
fn long_list(entries: u32) -> Stage {
    let stage = Stage::new();
    let list = invitations_of(&"supply-platform".parse::<ApplicationId>().expect("a slug"));
    let kv = stage.deployment.world().kv();
    let at_unix_seconds = stage.deployment.world().unix_seconds();
    for number in 0..entries {
        let mut id = [0; 16];
        id.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
        let invitation = InvitationId { slot: InvitationSlotId::from_bytes(id), generation: 1 };
        let payload = postcard::to_allocvec(&invitation).expect("small");
        let entry = Entry { id: EntryId(id), at_unix_seconds: at_unix_seconds + u64::from(number), payload };
        let _ = alone(kv.append(&list, &entry), 1000).expect("few turns").expect("alone");
        stage.wait(1);
    }
    let _ = stage.send(&Ask::get("/invite")).expect(200);
    stage.wait(120);
    let _ = stage.send(&Ask::get("/invite")).expect(200);
    stage
}

#[test]
fn inv_3_a_page_costs_the_same_however_many_invitations_there_are() {
    // INV-3: the list's sheet, a slot for each entry, and the counting of the request.
    for entries in [100, 3_000] {
        let stage = long_list(entries);
        let mut target = "/invite?limit=100".to_owned();
        for page in 0..entries / 100 {
            assert_eq!(stage.cost(&Ask::get(&target), 200), (102, 1), "page {page} of {entries}");
            let next = stage.send(&Ask::get(&target)).expect(200).at("/next");
            target = format!("/invite?limit=100&after={next}");
        }
        assert_eq!(stage.cost(&Ask::get("/invite?limit=10"), 200), (12, 1), "{entries}");
    }
}
