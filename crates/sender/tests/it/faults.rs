//! What breaks around a sender, and that the job still ends in one report.

use std::time::Duration;

use mtan_jobs::{Outcome, ReportCode};
use mtan_sender::UnknownRule::{Never, Resend};
use tokio::time::sleep;

use crate::script::{Act, TIME_OUT};
use crate::world::{Mood, World, job};

#[tokio::test(start_paused = true)]
async fn while_the_claim_book_is_away_nothing_is_handed_over() {
    let world = World::new();
    world.book.mood.set(Mood::Fails);
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Resend, vec![]);
    sleep(Duration::from_secs(60)).await;
    assert!(sender.script.sent().is_empty());
    world.book.mood.set(Mood::Works);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_job_is_not_held_in_hand_for_ever_when_the_claim_book_stays_away() {
    let world = World::new();
    world.book.mood.set(Mood::Fails);
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Resend, vec![]);
    world.until_noted("again in a").await;
    world.book.mood.set(Mood::Works);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Expired, ReportCode::Expired, 0)], "it was away for 300 s");
    assert!(sender.script.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_claim_book_that_goes_away_after_the_hand_over_costs_neither_report_nor_second_sms() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Resend, vec![Act::AcceptAfter(2)]);
    world.until_noted("hand over").await;
    world.book.mood.set(Mood::Fails);
    sleep(Duration::from_secs(5)).await;
    assert!(world.published().is_empty(), "settle first");
    world.book.mood.set(Mood::Works);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
    assert_eq!(sender.script.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_book_that_stays_away_does_not_hold_the_report_back_for_ever() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let _sender = world.sender("a", Resend, vec![Act::AcceptAfter(2)]);
    world.until_noted("hand over").await;
    world.book.mood.set(Mood::Fails);
    world.until_empty().await;
    assert_eq!(world.diary.lines(), ["hand over", "report accepted", "ack"]);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_cannot_be_published_is_tried_until_it_can() {
    let world = World::new();
    world.reports.mood.set(Mood::Fails);
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Resend, vec![]);
    sleep(Duration::from_secs(120)).await;
    assert!(!world.inbox.is_empty(), "report first, ack second");
    world.reports.mood.set(Mood::Works);
    world.until_empty().await;
    assert_eq!(world.diary.lines(), ["hand over", "settle", "report accepted", "ack"]);
    assert_eq!(sender.script.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_ack_that_fails_brings_neither_a_second_sms_nor_a_second_report() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let sender = world.sender("a", Resend, vec![Act::AcceptAfter(2)]);
    world.until_noted("hand over").await;
    world.inbox.mood.set(Mood::FailsOnce);
    world.until_empty().await;
    assert_eq!(world.diary.lines(), ["hand over", "settle", "report accepted", "ack"]);
    assert_eq!(sender.script.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_provider_is_an_unknown_outcome_and_hurts_no_other_job() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    world.inbox.put("a", job("2", &["a"]));
    let _sender = world.sender("a", Never, vec![Act::Panic]);
    world.until_empty().await;
    let mut outcomes = world.outcomes();
    outcomes.sort_by_key(|(outcome, ..)| outcome.as_str());
    assert_eq!(outcomes[0], (Outcome::Accepted, ReportCode::GatewayAccepted, 1));
    assert_eq!(outcomes[1], (Outcome::Unknown, ReportCode::NoAnswer, 1));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_returns_is_cut_off_after_the_code_died() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let _sender = world.sender("a", Resend, vec![Act::Hang]);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Unknown, ReportCode::NoAnswer, 1)]);
    assert_eq!(world.seconds(), 305, "300 s of life and 5 s of grace");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_returns_is_cut_off_after_its_own_time_out() {
    let world = World::new();
    world.inbox.put("a", r#"{"id":"1","to":"+491701234567","text":"hello"}"#);
    let _sender = world.sender("a", Never, vec![Act::Hang]);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Unknown, ReportCode::NoAnswer, 1)]);
    assert_eq!(world.seconds(), TIME_OUT + 1);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_settling_and_reporting_loses_no_report_and_sends_no_second_sms() {
    let world = World::new();
    world.reports.mood.set(Mood::Hangs);
    world.inbox.put("a", job("1", &["a"]));
    let first = world.sender("a", Resend, vec![]);
    world.until_noted("settle").await;
    first.crash().await;
    world.reports.mood.set(Mood::Works);
    let second = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
    assert!(second.script.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_report_and_ack_sends_no_second_sms_and_no_second_report() {
    let world = World::new();
    world.inbox.mood.set(Mood::Hangs);
    world.inbox.put("a", job("1", &["a"]));
    let first = world.sender("a", Resend, vec![]);
    world.until_noted("report accepted").await;
    first.crash().await;
    world.inbox.mood.set(Mood::Works);
    let second = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [(Outcome::Accepted, ReportCode::GatewayAccepted, 1)]);
    assert!(second.script.sent().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_of_a_hand_over_is_one_unknown_and_the_rule_decides() {
    for (rule, sent, end) in [
        (Resend, 1, (Outcome::Accepted, ReportCode::GatewayAccepted, 1)),
        (Never, 0, (Outcome::Unknown, ReportCode::SenderLost, 0)),
    ] {
        let world = World::new();
        world.inbox.put("a", job("1", &["a"]));
        let first = world.sender("a", rule, vec![Act::Hang]);
        world.until_noted("hand over").await;
        first.crash().await;
        let second = world.sender("a", rule, vec![]);
        world.until_empty().await;
        assert_eq!(world.outcomes(), [end], "{rule:?}");
        assert_eq!(second.script.sent().len(), sent, "{rule:?}");
        assert_eq!(world.book.unknowns("1"), 1);
        assert!((15..17).contains(&world.seconds()), "a little later than the lease: {}", world.seconds());
    }
}

#[tokio::test(start_paused = true)]
async fn senders_that_die_again_and_again_do_not_send_again_and_again() {
    let world = World::new();
    world.inbox.put("a", job("1", &["a"]));
    let mut handed_over = 0;
    while !world.inbox.is_empty() {
        let sender = world.sender("a", Resend, vec![Act::Hang]);
        let before = handed_over;
        let sent = || before + sender.script.sent().len();
        world.until("it hands over or ends the job", || sent() > before || world.inbox.is_empty()).await;
        handed_over = sent();
        sender.crash().await;
    }
    assert_eq!(handed_over, 2, "resend = once more");
    assert_eq!(world.outcomes(), [(Outcome::Unknown, ReportCode::SenderLost, 0)]);
}
