//! No route is forgotten: whatever docs/http-api.md lists as a change of state is taken through every crash point and meets
//! another request, or stands here with the reason why not.

use std::collections::BTreeSet;

use http::Method;
use kv_schema::backends::model::Backend;
use proofs::{
    actors as by,
    rows::{pairs, rows},
    stage::{Ask, Stage, component},
};

const API: &str = include_str!("../../../docs/http-api.md");

/// GET changes nothing, but here: a code is made (LCH-2).
const CHANGES_BY_GET: [&str; 1] = ["/launch/authorize"];

/// Routes that are neither.
const NOT_HERE: [(&str, &str); 4] = [
    ("/launch/{application}", "writes nothing: a launch in progress is a sealed cookie; see the test below"),
    ("/launch/userinfo", "reads"),
    ("/promo-batches/check", "reads; that the request is counted is taken through with the other routes of partners"),
    (
        "/operate/self-check/{trial}",
        "one move is one primitive (kv-schema/src/backends/races.rs), and a contender that is not answered does not \
         repeat it: the doctor takes what came of it for unknown (tests/src/doctor.rs)",
    ),
];

/// The routes of the document's tables and headings that take this method.
fn documented(method: &str) -> BTreeSet<&'static str> {
    let spans = API.split('`').skip(1).step_by(2).filter_map(|span| span.split_once(' '));
    let taking = spans.filter(|(methods, path)| path.starts_with('/') && methods.split(',').any(|one| one == method));
    taking.map(|(_, path)| path.split('?').next().unwrap_or(path)).collect()
}

/// The documented routes that change something.
fn changing() -> BTreeSet<&'static str> {
    let gets = documented("GET").into_iter().filter(|route| CHANGES_BY_GET.contains(route));
    documented("POST").into_iter().chain(gets).collect()
}

fn fits(route: &str, path: &str) -> bool {
    let (route, path): (Vec<&str>, Vec<&str>) = (route.split('/').collect(), path.split('/').collect());
    route.len() == path.len() && route.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
}

/// The route that takes the request: of those that fit, the one with the most words of its own.
fn route_of(ask: &Ask, routes: &BTreeSet<&'static str>) -> Option<&'static str> {
    let path = ask.target.split('?').next().unwrap_or_default();
    let fitting = routes.iter().filter(|route| fits(route, path));
    fitting.min_by_key(|route| route.matches('{').count()).copied()
}

fn asked(before: fn(&mut Stage), asks: &[fn(&Stage) -> Ask]) -> Vec<Ask> {
    let mut stage = Stage::new(Backend::Sqlite);
    before(&mut stage);
    asks.iter().map(|ask| ask(&stage)).collect()
}

/// The routes that these requests take, and those that nothing says anything of.
fn missing(asks: &[Ask], excused: &[(&str, &str)]) -> Vec<&'static str> {
    let (changing, every) = (changing(), documented("POST").union(&documented("GET")).copied().collect());
    let taken: BTreeSet<&str> = asks.iter().filter_map(|ask| route_of(ask, &every)).collect();
    let unknown: Vec<&str> =
        asks.iter().filter(|ask| route_of(ask, &every).is_none()).map(|ask| &*ask.target).collect();
    assert!(unknown.is_empty(), "not in docs/http-api.md: {unknown:?}");
    for (route, reason) in excused {
        assert!(changing.contains(route) && !taken.contains(route), "{route} needs no excuse: {reason}");
    }
    let excused = |route: &&str| excused.iter().any(|(one, _)| one == route);
    changing.into_iter().filter(|route| !taken.contains(route) && !excused(route)).collect()
}

#[test]
fn every_change_is_taken_through_its_crash_points() {
    let asks: Vec<Ask> = rows().iter().flat_map(|row| asked(row.before, &[row.ask])).collect();
    assert!(changing().len() > 35, "the document is read: {:?}", changing());
    assert_eq!(missing(&asks, &NOT_HERE), Vec::<&str>::new(), "without a row in tests/proofs/src/rows.rs");
}

#[test]
fn every_change_meets_another_one() {
    let asks: Vec<Ask> = pairs().iter().flat_map(|pair| asked(pair.before, &pair.asks)).collect();
    assert_eq!(missing(&asks, &NOT_HERE), Vec::<&str>::new(), "in no pair of tests/proofs/src/rows.rs");
}

#[test]
fn what_writes_nothing_needs_no_row() {
    let mut stage = Stage::new(Backend::Sqlite);
    by::cleared(&mut stage);
    stage.deployment().world().take_cost();
    let launch = by::post("ada", "/launch/supply-platform", &serde_json::json!({}));
    let launched = stage.send(component, &launch);
    assert!(launched.status < 500, "{}", launched.text);
    let userinfo = Ask { method: Method::POST, ..by::get("application", "/launch/userinfo") };
    assert_eq!(stage.send(component, &userinfo).status, 401, "without its token");
    assert_eq!(stage.deployment().world().take_cost().writes, 0);
}
