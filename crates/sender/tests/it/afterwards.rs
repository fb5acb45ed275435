//! That a report went out is noted beside the jobs: none waits for it, and what is lost of it costs no SMS.

use mtan_jobs::{Outcome, ReportCode};
use mtan_sender::UnknownRule::Resend;

use crate::script::Act;
use crate::world::{Mood, World, job};

const ACCEPTED: (Outcome, ReportCode, u32) = (Outcome::Accepted, ReportCode::GatewayAccepted, 1);

fn put(world: &World, jobs: usize) {
    for id in 1..=jobs {
        world.inbox.put("a", job(&id.to_string(), &["a"]));
    }
}

fn all_noted(world: &World, jobs: usize) -> bool {
    (1..=jobs).all(|id| world.book.is_noted(&id.to_string()))
}

#[tokio::test(start_paused = true)]
async fn no_job_waits_for_the_note_that_its_report_went_out() {
    for mood in [Mood::Fails, Mood::Hangs] {
        let world = World::new();
        world.book.note_mood.set(mood);
        put(&world, 200);
        let _sender = world.sender("a", Resend, vec![]);
        world.until_empty().await;
        assert_eq!((world.seconds(), world.published().len()), (0, 200), "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_notes_of_many_jobs_share_calls_and_each_is_made_once() {
    let world = World::new();
    put(&world, 200);
    let _sender = world.sender("a", Resend, vec![]);
    world.until("all are noted", || all_noted(&world, 200)).await;
    let calls = world.book.notes();
    assert_eq!(calls.iter().map(Vec::len).sum::<usize>(), 200, "{calls:?}");
    assert!(calls.len() <= 20, "{} calls", calls.len());
}

#[tokio::test(start_paused = true)]
async fn notes_that_could_not_be_made_are_made_later() {
    let world = World::new();
    world.book.note_mood.set(Mood::Fails);
    put(&world, 50);
    let _sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert!(world.book.notes().is_empty());
    world.book.note_mood.set(Mood::Works);
    world.until("all are noted", || all_noted(&world, 50)).await;
    assert!(world.seconds() <= 5, "{} s", world.seconds());
}

#[tokio::test(start_paused = true)]
async fn a_stop_writes_down_what_is_left() {
    let world = World::new();
    put(&world, 3);
    let sender = world.sender("a", Resend, (0..3).map(|_| Act::AcceptAfter(20)).collect());
    world.until("all are handed over", || sender.script.sent().len() == 3).await;
    sender.stop.cancel();
    sender.task.await.unwrap();
    assert_eq!(world.published().len(), 3);
    assert!(all_noted(&world, 3), "{:?}", world.book.notes());
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_long_for_a_book_that_does_not_take_the_notes() {
    for mood in [Mood::Fails, Mood::Hangs] {
        let world = World::new();
        world.book.note_mood.set(mood);
        put(&world, 3);
        let sender = world.sender("a", Resend, vec![]);
        world.until_empty().await;
        sender.stop.cancel();
        sender.task.await.unwrap();
        assert!(world.seconds() <= 2, "{mood:?}: {} s", world.seconds());
    }
}

/// The ack may be lost with the process: then the job comes again, and the book does not know that its report went out.
#[tokio::test(start_paused = true)]
async fn a_crash_between_ack_and_note_repeats_the_report_of_a_job_that_comes_again_and_never_its_sms() {
    let world = World::new();
    world.book.note_mood.set(Mood::Hangs);
    put(&world, 1);
    let first = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    first.crash().await;
    assert!(!world.book.is_noted("1"));
    world.book.note_mood.set(Mood::Works);
    let second = world.sender("a", Resend, vec![]);
    for _ in 0..3 {
        put(&world, 1);
        world.until_empty().await;
    }
    assert!(second.script.sent().is_empty());
    assert_eq!(world.outcomes(), [ACCEPTED, ACCEPTED], "repeated once, and then noted");
    assert_eq!(world.published()[0], world.published()[1], "the same report");
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_comes_before_the_note_is_made_repeats_no_report() {
    let world = World::new();
    world.book.note_mood.set(Mood::Fails);
    put(&world, 1);
    let sender = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert!(!world.book.is_noted("1"));
    put(&world, 1);
    world.until_empty().await;
    assert_eq!((sender.script.sent().len(), world.outcomes()), (1, vec![ACCEPTED]));
}
