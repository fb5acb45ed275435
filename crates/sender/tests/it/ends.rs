//! How jobs end when nothing breaks down.

use mtan_jobs::{Attempts, Outcome, ReportCode};
use mtan_sender::UnknownRule::{Idempotent, Never, Resend};

use crate::inbox::NOWHERE;
use crate::script::Act;
use crate::world::{START, World, job};

#[tokio::test(start_paused = true)]
async fn an_accepted_job_is_settled_then_reported_then_acked() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(world.diary.lines(), ["hand over", "settle", "report accepted", "ack"]);
    assert_eq!(sender.script.sent(), ["Your code is 123456"]);
    let reports = world.reports.published.lock().unwrap().clone();
    let (report, reply_to) = &reports[0];
    assert_eq!(
        (report.outcome, report.code, report.attempts),
        (Outcome::Accepted, ReportCode::GatewayAccepted, 1)
    );
    assert_eq!((report.pool.as_str(), report.provider.as_str(), report.segments), ("a", "http", 1));
    assert_eq!(report.reference.as_ref().unwrap().as_str(), "order 1");
    assert_eq!((report.gateway_id.as_deref(), report.detail.as_deref()), (Some("4711"), Some("as told")));
    assert_eq!(reply_to.as_ref().unwrap().queue, "asker");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_after_its_wait_and_the_tries_are_counted() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Never, vec![Act::Busy, Act::Busy, Act::Accept]);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 3)]);
    assert_eq!(sender.script.sent().len(), 3);
    assert_eq!(world.seconds(), 4, "1 s and 3 s");
}

#[tokio::test(start_paused = true)]
async fn when_all_tries_are_used_up_the_job_is_rejected() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Never, (0..10).map(|_| Act::Busy).collect());
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Rejected, ReportCode::AttemptsExhausted, 6)]);
    assert_eq!(world.published()[0].detail.as_deref(), Some("last: gateway_busy, as told"));
    assert_eq!(sender.script.sent().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_next_pool_gets_what_the_first_one_refuses() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a", "b"]));
    let first = world.sender("a", Resend, vec![Act::RefuseUs]);
    let second = world.sender("b", Resend, vec![]);
    world.until_empty().await;
    assert_eq!((first.script.sent().len(), second.script.sent().len()), (1, 1));
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 2)]);
    assert_eq!(world.published()[0].pool.as_str(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_refused_number_goes_nowhere_else() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a", "b"]));
    let _first = world.sender("a", Resend, vec![Act::RefuseNumber]);
    let second = world.sender("b", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Rejected, ReportCode::GatewayRejected, 1)]);
    assert!(second.script.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn silence_is_followed_by_what_the_pool_s_rule_says() {
    for (rule, acts, sent, outcome) in [
        (Resend, vec![Act::Silent], 2, Outcome::Accepted),
        (Resend, vec![Act::Silent, Act::Silent], 2, Outcome::Unknown),
        (Never, vec![Act::Silent], 1, Outcome::Unknown),
        (Idempotent, vec![Act::Silent, Act::Silent, Act::Silent], 4, Outcome::Accepted),
        (Resend, vec![Act::Silent, Act::RefuseUs], 2, Outcome::Unknown),
    ] {
        let world = World::new();
        world.inbox.put("a", job("1", &["a"]));
        let sender = world.sender("a", rule, acts);
        world.until_empty().await;
        assert_eq!(sender.script.sent().len(), sent, "{rule:?}");
        assert!(
            sender.script.sent().iter().all(|text| text == "Your code is 123456"),
            "always the same text"
        );
        let outcomes: Vec<_> = world.published().iter().map(|r| r.outcome).collect();
        assert_eq!(outcomes, [outcome], "{rule:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_code_is_not_handed_over_but_reported_expired() {
    let world = World::new();
    let body = job("1", &["a"]).replace("2025-11-24T16:05:00.000Z", "2025-11-24T16:00:00.000Z");
    assert!(body.contains("16:00:00"), "{START}");
    world.inbox.put_after("a", body, Attempts { total: 2, in_pool: 2 });
    let sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert!(sender.script.sent().is_empty());
    assert_eq!(world.outcomes(), [(Outcome::Expired, ReportCode::Expired, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_job_without_a_deadline_lives_for_a_day() {
    let world = World::new();
    world.inbox.put("a", r#"{"id":"1","to":"+491701234567","text":"hello"}"#);
    let sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(sender.script.sent(), ["hello"]);
}

#[tokio::test(start_paused = true)]
async fn poison_is_reported_where_an_id_can_be_read_and_buried() {
    for (body, lines, code) in [
        (
            r#"{"id":"1","to":"0170"}"#,
            vec!["settle", "report rejected", "bury invalid_job"],
            Some(ReportCode::InvalidJob),
        ),
        (
            r#"{"v":2,"id":"1"}"#,
            vec!["settle", "report rejected", "bury unknown_version"],
            Some(ReportCode::UnknownVersion),
        ),
        (r#"{"to":"+491701234567","text":"x"}"#, vec!["bury invalid_job"], None),
        ("no json", vec!["bury not_json"], None),
    ] {
        let world = World::new();
        world.inbox.put("a", body);
        let sender = world.sender("a", Resend, vec![]);
        world.until_empty().await;
        assert_eq!(world.diary.lines(), lines, "{body}");
        assert_eq!(world.published().first().map(|r| r.code), code);
        assert!(sender.script.sent().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_next_pool_has_no_queue_ends_with_the_verdict_of_this_one() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a", NOWHERE]));
    let sender = world.sender("a", Resend, vec![Act::RefuseUs, Act::RefuseUs, Act::RefuseUs]);
    world.until_empty().await;
    assert_eq!(sender.script.sent().len(), 1);
    assert_eq!(world.outcomes(), [(Outcome::Rejected, ReportCode::GatewayRejected, 1)]);
    let detail = world.published()[0].detail.clone();
    assert_eq!(detail.as_deref(), Some("the next pool of its route has no queue"));
}

#[tokio::test(start_paused = true)]
async fn a_failing_job_whose_next_pool_has_no_queue_keeps_to_the_plan_of_its_pool() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a", NOWHERE]));
    let sender = world.sender("a", Resend, (0..10).map(|_| Act::Busy).collect());
    world.until_empty().await;
    assert_eq!(sender.script.sent().len(), 6);
    assert_eq!(world.outcomes(), [(Outcome::Rejected, ReportCode::AttemptsExhausted, 6)]);
    assert_eq!(world.seconds(), 104, "1 + 3 + 10 + 30 + 60 s");
}

#[tokio::test(start_paused = true)]
async fn the_pool_behind_one_that_has_no_queue_gets_the_job() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a", NOWHERE, "b"]));
    let _first = world.sender("a", Resend, vec![Act::RefuseUs]);
    let second = world.sender("b", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(second.script.sent().len(), 1);
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_names_the_year_9999_lives_for_a_week() {
    let world = World::new();
    let body = job("1", &["a"]).replace("2025-11-24T16:05:00.000Z", "9999-11-24T16:05:00.000Z");
    assert!(body.contains("9999-"), "{START}");
    world.inbox.put("a", body);
    let _sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    let week_and_hour = (7 * 24 + 1) * 60 * 60;
    assert_eq!(world.book.kept_until("1"), Some(START + week_and_hour));
}
