//! A job waits for room at the way out before it is claimed, and a way out that is out of order costs no try.

use std::time::Duration;

use mtan_jobs::{Outcome, ReportCode};
use mtan_sender::UnknownRule::Resend;
use tokio::time::sleep;

use crate::script::Room;
use crate::world::{World, job};

const ACCEPTED: (Outcome, ReportCode, u32) = (Outcome::Accepted, ReportCode::GatewayAccepted, 1);

#[tokio::test(start_paused = true)]
async fn a_job_without_room_waits_unclaimed_and_loses_no_try() {
    let world = World::new();
    let first = world.sender("a", Resend, vec![]);
    first.script.room.send_replace(Room::None);
    world.inbox.put("a", job("1", &["a"]));
    sleep(Duration::from_secs(60)).await;
    assert_eq!(first.script.sent().len(), 0);
    first.crash().await;
    let second = world.sender("a", Resend, vec![]);
    world.until_empty().await;
    assert_eq!(world.seconds(), 60, "no lease had to lapse");
    assert_eq!((world.outcomes(), world.book.unknowns("1")), (vec![ACCEPTED], 0));
    assert_eq!(second.script.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_another_way_does_not_wait_for_one_that_is_out_of_order() {
    let world = World::new();
    let first = world.sender("a", Resend, vec![]);
    first.script.room.send_replace(Room::OutOfOrder);
    let second = world.sender("b", Resend, vec![]);
    world.inbox.put("a", job("1", &["a", "b"]));
    world.until_empty().await;
    assert_eq!((first.script.sent().len(), second.script.sent().len()), (0, 1));
    assert_eq!((world.outcomes(), world.seconds()), (vec![ACCEPTED], 0));
}

#[tokio::test(start_paused = true)]
async fn a_job_without_another_way_waits_until_its_way_is_in_order_again() {
    let world = World::new();
    let sender = world.sender("a", Resend, vec![]);
    sender.script.room.send_replace(Room::OutOfOrder);
    world.inbox.put("a", job("1", &["a"]));
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.published().len(), 0);
    sender.script.room.send_replace(Room::Any);
    world.until_empty().await;
    assert_eq!(world.outcomes(), [ACCEPTED]);
}

#[tokio::test(start_paused = true)]
async fn a_job_for_which_there_is_never_room_is_reported_expired() {
    for room in [Room::None, Room::OutOfOrder] {
        let world = World::new();
        let sender = world.sender("a", Resend, vec![]);
        sender.script.room.send_replace(room);
        world.inbox.put("a", job("1", &["a"]));
        world.until_empty().await;
        assert_eq!(sender.script.sent().len(), 0);
        assert_eq!(world.outcomes(), [(Outcome::Expired, ReportCode::Expired, 0)]);
    }
}
