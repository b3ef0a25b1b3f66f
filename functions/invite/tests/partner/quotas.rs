//! The partner's allowance.

use kv_schema::{
    backends::{model::Backend, world::Moment},
    records::Swept as _,
};
use shared::quota::Meter;

use crate::stage::{Ask, COBALT, Stage, invite};

/// Anvil may send so many requests of each class a minute.
fn stage(backend: Backend, reads: u32, changes: u32, bulk: u32) -> Stage {
    let text = include_str!("../../../../gateway.toml");
    let quotas = format!(
        "[partners.anvil.quotas]\nreads_per_minute = {reads}\nchanges_per_minute = {changes}\nbulk_per_minute = {bulk}\n\n"
    );
    let stage = Stage::configured(backend, &text.replacen("[partners.anvil]", &format!("{quotas}[partners.anvil]"), 1));
    // To the beginning of a minute.
    stage.wait(60 - stage.deployment.world().unix_seconds() % 60);
    stage
}

fn list() -> Ask {
    Ask::get("/invite")
}

#[test]
fn inv_1_a_partner_may_send_so_many_requests_a_minute() {
    // INV-1
    for backend in Backend::ALL {
        let stage = stage(backend, 3, 1, 1);
        for minute in 0..3 {
            for left in [2, 1, 0] {
                let answer = stage.send(&list()).expect(200);
                assert_eq!(answer.header("ratelimit-policy"), Some("\"reads\";q=3;w=60"));
                let expected = format!("\"reads\";r={left};t=60");
                assert_eq!(answer.header("ratelimit"), Some(expected.as_str()), "{backend:?}, minute {minute}");
            }
            for _ in 0..3 {
                stage.wait(10);
                let refused = stage.send(&list());
                let wait = stage.deployment.world().unix_seconds() % 60;
                let (rest, retry) = (format!("\"reads\";r=0;t={}", 60 - wait), (60 - wait).to_string());
                assert_eq!(refused.header("ratelimit"), Some(rest.as_str()));
                assert_eq!(refused.header("retry-after"), Some(retry.as_str()));
                let _ = refused.refused(429, "too-many-requests");
            }
            stage.wait(30);
        }
    }
}

#[test]
fn inv_1_classes_and_partners_have_allowances_of_their_own() {
    // INV-1
    let stage = stage(Backend::Sqlite, 1, 1, 1);
    let bulk = |key: &str| Ask::post("/invite/bulk").key(key).body("application/x-ndjson", "{}");
    for (first, second) in [(list(), list()), (invite("ada"), invite("bea")), (bulk("1"), bulk("2"))] {
        assert!(stage.send(&first).status < 300);
        let _ = stage.send(&second).refused(429, "too-many-requests");
        let _ = stage.send(&list().by(COBALT)).expect(200);
    }
    assert_eq!(stage.mails("bea"), 0, "nothing is done beyond the allowance");
}

#[test]
fn inv_1_the_default_allowances_are_announced() {
    // INV-1
    let stage = Stage::with_default_quotas();
    let policy = |ask: &Ask| stage.send(ask).header("ratelimit-policy").map(str::to_owned);
    assert_eq!(policy(&list()).as_deref(), Some("\"reads\";q=300;w=60"));
    assert_eq!(policy(&invite("ada")).as_deref(), Some("\"changes\";q=120;w=60"));
    let bulk = Ask::post("/invite/bulk").key("k").body("application/x-ndjson", "{}");
    assert_eq!(policy(&bulk).as_deref(), Some("\"bulk\";q=10;w=60"));
}

#[test]
fn inv_1_counting_costs_a_read_and_a_write_and_less_once_the_allowance_is_used_up() {
    // INV-1
    let stage = stage(Backend::Sqlite, 2, 1, 1);
    let costs: Vec<(usize, usize)> = [200, 200, 429, 429, 429].map(|status| stage.cost(&list(), status)).to_vec();
    // The page itself is 1 read. The meter is created by the first request ever, 2 reads and 5 writes; the one that finds
    // the allowance used up writes that down.
    assert_eq!(costs, [(4, 6), (2, 1), (2, 2), (1, 0), (1, 0)]);
    stage.wait(60);
    let costs: Vec<(usize, usize)> = [200, 200, 429, 429].map(|status| stage.cost(&list(), status)).to_vec();
    assert_eq!(costs, [(3, 2), (2, 1), (2, 2), (1, 0)]);
    let strangers = Ask::get("/invite").by("wrong");
    assert_eq!(stage.cost(&strangers, 401), (0, 0), "strangers cost nothing");
    assert_eq!(stage.cost(&Ask::get("/invite?limit=0"), 422), (0, 0), "nor does what cannot be read");
}

#[test]
fn inv_1_no_crowd_gets_more_than_the_allowance() {
    // INV-1: twenty requests at the same moment, in turns.
    for backend in Backend::ALL {
        let stage = stage(backend, 5, 1, 1);
        let _ = stage.send(&list()).expect(200);
        let mut crowd: Vec<_> = (0..20).map(|_| stage.under_way(&list())).collect();
        let mut served = 0;
        while crowd.iter().any(kv_schema::backends::turns::Actor::is_running) {
            for request in &mut crowd {
                served += usize::from(request.step().is_some_and(|reply| reply.status == 200));
            }
        }
        assert!(served <= 4, "{backend:?}: {served} more were served");
    }
}

#[test]
fn inv_1_what_cannot_be_counted_is_not_let_through_and_what_is_counted_twice_is_over_with_the_minute() {
    // INV-1
    for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
        let stage = stage(Backend::Sqlite, 2, 1, 1);
        let _ = stage.send(&list()).expect(200);
        stage.deployment.world().take_cost();
        stage.deployment.world().fail_after(1, moment);
        let _ = stage.send(&list()).refused(503, "unavailable");
        stage.deployment.world().stop_failing();
        let served = stage.send(&list()).status;
        assert_eq!(served, if moment == Moment::BeforeEffect { 200 } else { 429 }, "{moment:?}");
        stage.wait(60);
        let _ = stage.send(&list()).expect(200);
    }
}

#[test]
fn inv_1_meters_are_a_handful_and_stay() {
    // INV-1, OPS-3: nothing is left behind by the minutes that are over.
    let stage = stage(Backend::Sqlite, 100, 100, 100);
    let count = || {
        let keys = stage.deployment.world().keys();
        keys.iter().filter(|key| key.starts_with("rate:") || key.starts_with("cnt:")).count()
    };
    for _ in 0..50 {
        let _ = stage.send(&list()).expect(200);
        stage.wait(60);
    }
    assert_eq!(count(), 2);
    let meters = stage.deployment.world().every::<Meter>().expect("readable");
    assert!(meters.iter().all(|stored| stored.value().ends_unix_seconds().is_none()));
}
