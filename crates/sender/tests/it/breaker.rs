//! A way out that fails again and again is left alone, and no job is lost or doubled by that.

use std::time::Duration;

use mtan_jobs::Outcome;
use mtan_sender::UnknownRule::{Never, Resend};
use mtan_sender::{Rules, WhileOpen};
use tokio::time::sleep;

use crate::script::Act;
use crate::world::{Running, World, job};

fn rules(max_in_flight: u16, while_open: WhileOpen) -> Rules {
    Rules { max_in_flight, while_open, ..Rules::default() }
}

fn busy(times: usize) -> Vec<Act> {
    (0..times).map(|_| Act::Busy).collect()
}

fn put(world: &World, jobs: u32, route: &[&str]) {
    for id in 1..=jobs {
        world.inbox.put(route[0], job(&id.to_string(), route));
    }
}

fn each_once(world: &World, jobs: u32) {
    let ids: Vec<String> = (1..=jobs).map(|id| id.to_string()).collect();
    assert_eq!(world.reported_ids(), ids, "one report each");
}

fn all_accepted(world: &World, jobs: u32) {
    each_once(world, jobs);
    assert!(
        world.outcomes().iter().all(|(outcome, ..)| *outcome == Outcome::Accepted),
        "{:?}",
        world.outcomes()
    );
}

async fn until_second(world: &World, second: u64) {
    sleep(Duration::from_secs(second - world.seconds())).await;
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_and_the_jobs_stay_in_the_queue() {
    let world = World::new();
    put(&world, 10, &["a"]);
    let sender = world.sender_with("a", Resend, busy(5), rules(3, WhileOpen::Rest));
    until_second(&world, 4).await;
    assert_eq!(sender.script.sent().len(), 5);
    assert_eq!(world.inbox.waiting(), 10, "also what was in hand is back");
    assert!(world.diary.lines().contains(&"fetch 0".to_owned()));
    world.until_empty().await;
    all_accepted(&world, 10);
    assert!(world.seconds() >= 5);
}

#[tokio::test(start_paused = true)]
async fn half_open_one_job_is_the_probe_and_its_success_opens_the_way_to_all() {
    let world = World::new();
    put(&world, 10, &["a"]);
    let acts = [busy(5), vec![Act::AcceptAfter(20)]].into_iter().flatten().collect();
    let sender = world.sender_with("a", Resend, acts, rules(3, WhileOpen::Rest));
    until_second(&world, 24).await;
    assert_eq!(sender.script.sent().len(), 6, "five, and the probe alone");
    assert_eq!(world.inbox.waiting(), 9);
    world.until_empty().await;
    all_accepted(&world, 10);
    let fetches: Vec<_> = world.diary.lines().into_iter().filter(|line| line.starts_with("fetch")).collect();
    assert_eq!(fetches, ["fetch 0", "fetch 1", "fetch 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_failing_probe_keeps_it_open_for_longer() {
    let world = World::new();
    put(&world, 20, &["a"]);
    let sender = world.sender_with("a", Resend, busy(7), rules(3, WhileOpen::Rest));
    for (second, sent) in [(4, 5), (6, 6), (14, 6), (16, 7), (29, 7)] {
        until_second(&world, second).await;
        assert_eq!(sender.script.sent().len(), sent, "after {second} s");
    }
    world.until_empty().await;
    all_accepted(&world, 20);
}

#[tokio::test(start_paused = true)]
async fn silence_opens_it_too_and_refusals_do_not() {
    for (acts, handed_over) in [
        ((0..5).map(|_| Act::Silent).collect::<Vec<_>>(), 5),
        ((0..10).map(|_| Act::RefuseNumber).collect(), 10),
        ((0..10).map(|_| Act::RefuseUs).collect(), 10),
    ] {
        let world = World::new();
        put(&world, 10, &["a"]);
        let sender = world.sender_with("a", Never, acts, rules(3, WhileOpen::Rest));
        until_second(&world, 4).await;
        assert_eq!(sender.script.sent().len(), handed_over);
        world.until_empty().await;
        each_once(&world, 10);
    }
}

#[tokio::test(start_paused = true)]
async fn another_sender_of_the_pool_takes_what_one_leaves() {
    let world = World::new();
    put(&world, 10, &["a"]);
    let first = world.sender_with("a", Resend, busy(100), rules(3, WhileOpen::Rest));
    world.until("it opens", || world.diary.lines().contains(&"fetch 0".to_owned())).await;
    let second = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert!(
        world.seconds() <= 2,
        "after the wait for another try, not after the breaker: {}",
        world.seconds()
    );
    assert_eq!((first.script.sent().len(), second.script.sent().len()), (5, 10));
    all_accepted(&world, 10);
}

fn first_of_two(world: &World, acts: Vec<Act>) -> (Running, Running) {
    let first = world.sender_with("a", Resend, acts, rules(1, WhileOpen::MoveAlong));
    (first, world.sender("b", Resend, vec![]))
}

#[tokio::test(start_paused = true)]
async fn jobs_move_along_their_route_at_once_and_no_try_is_counted_for_that() {
    let world = World::new();
    put(&world, 8, &["a", "b"]);
    let (first, second) = first_of_two(&world, busy(100));
    world.until_empty().await;
    assert_eq!((first.script.sent().len(), second.script.sent().len()), (5, 8));
    assert!(world.seconds() <= 1, "{}", world.seconds());
    all_accepted(&world, 8);
    let mut attempts: Vec<u32> = world.outcomes().iter().map(|(.., attempts)| *attempts).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 1, 1, 2, 2, 2, 2, 2], "three were never handed over here");
    assert!(world.published().iter().all(|r| r.pool.as_str() == "b"));
    assert!(!world.diary.lines().iter().any(|line| line.starts_with("fetch")), "it goes on consuming");
}

#[tokio::test(start_paused = true)]
async fn a_job_without_another_way_waits_in_a_pool_that_moves_others_along() {
    let world = World::new();
    put(&world, 6, &["a"]);
    let (first, second) = first_of_two(&world, busy(5));
    until_second(&world, 3).await;
    assert_eq!((first.script.sent().len(), world.inbox.waiting()), (5, 6));
    world.until_empty().await;
    assert!(second.script.sent().is_empty());
    all_accepted(&world, 6);
    let tries: u32 = world.outcomes().iter().map(|(.., attempts)| attempts).sum();
    assert_eq!(tries, 11, "five failures, six successes");
}

#[tokio::test(start_paused = true)]
async fn a_job_moves_on_to_a_pool_that_nobody_serves_and_is_reported_once_somebody_does() {
    let world = World::new();
    put(&world, 8, &["a", "b"]);
    let _first = world.sender_with("a", Resend, busy(100), rules(1, WhileOpen::MoveAlong));
    until_second(&world, 400).await;
    assert!(world.published().is_empty());
    let late = world.sender("b", Resend, vec![]);
    world.until_empty().await;
    assert!(late.script.sent().is_empty(), "the codes are dead");
    each_once(&world, 8);
    assert!(world.outcomes().iter().all(|(outcome, ..)| *outcome == Outcome::Expired));
}

#[tokio::test(start_paused = true)]
async fn with_a_gateway_that_never_comes_back_every_job_still_ends_in_one_report_and_in_time() {
    for while_open in [WhileOpen::Rest, WhileOpen::MoveAlong] {
        let world = World::new();
        put(&world, 12, &["a"]);
        let sender = world.sender_with("a", Resend, busy(1000), rules(3, while_open));
        world.until_empty().await;
        each_once(&world, 12);
        assert!(sender.script.sent().len() < 30, "{} tries", sender.script.sent().len());
        assert!(world.seconds() <= 361, "at latest with the probe after the deadline: {}", world.seconds());
        for (outcome, ..) in world.outcomes() {
            assert!(matches!(outcome, Outcome::Expired | Outcome::Rejected), "{outcome}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_an_open_breaker() {
    for while_open in [WhileOpen::Rest, WhileOpen::MoveAlong] {
        let world = World::new();
        put(&world, 10, &["a"]);
        let sender = world.sender_with("a", Resend, busy(100), rules(3, while_open));
        until_second(&world, 3).await;
        sender.stop.cancel();
        sender.task.await.unwrap();
        assert_eq!(world.seconds(), 3);
        assert_eq!(world.inbox.waiting(), 10);
    }
}
