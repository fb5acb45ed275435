//! Promises of the ledger: the first report of a kind stands.

use jiff::Timestamp;
use mtan_jobs::{JobId, Outcome, Pool, ReportCode, SendReport};
use mtan_verifier::Applied;

use crate::scheduler::alone;
use crate::store::Trouble;
use crate::world::World;

fn report(id: &JobId, outcome: Outcome, code: ReportCode) -> SendReport {
    SendReport {
        job_id: id.clone(),
        reference: None,
        pool: Pool::default_pool(),
        provider: "http".to_owned(),
        outcome,
        code,
        detail: None,
        gateway_id: Some("4711".to_owned()),
        attempts: 1,
        segments: 1,
        at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_late_report_changes_nothing() {
    let world = World::new();
    let id = world.trigger(&world.alice).sms[0].job_id.clone();
    let first = report(&id, Outcome::Accepted, ReportCode::GatewayAccepted);
    let late = report(&id, Outcome::Rejected, ReportCode::GatewayRejected);
    assert_eq!(alone(world.verifier.apply_report(&first)), Ok(Applied::New));
    assert_eq!(alone(world.verifier.apply_report(&first)), Ok(Applied::Repeated));
    assert_eq!(alone(world.verifier.apply_report(&late)), Ok(Applied::Repeated));
    assert_eq!(alone(world.verifier.ledger_entry(&id)).unwrap().unwrap().outcome, Some(first));
}

#[test]
fn a_delivery_report_stands_beside_the_final_one_in_any_order() {
    let world = World::new();
    let id = world.trigger(&world.alice).sms[0].job_id.clone();
    let delivered = report(&id, Outcome::Delivered, ReportCode::DeliveryReport);
    let accepted = report(&id, Outcome::Accepted, ReportCode::GatewayAccepted);
    assert_eq!(alone(world.verifier.apply_report(&delivered)), Ok(Applied::New));
    assert_eq!(alone(world.verifier.apply_report(&accepted)), Ok(Applied::New));
    let undelivered = report(&id, Outcome::Undelivered, ReportCode::DeliveryReport);
    assert_eq!(alone(world.verifier.apply_report(&undelivered)), Ok(Applied::Repeated));
    let entry = alone(world.verifier.ledger_entry(&id)).unwrap().unwrap();
    assert_eq!((entry.outcome, entry.delivery), (Some(accepted), Some(delivered)));
}

#[test]
fn the_ledger_forgets_after_two_days() {
    let world = World::new();
    let id = world.trigger(&world.alice).sms[0].job_id.clone();
    alone(world.verifier.apply_report(&report(&id, Outcome::Accepted, ReportCode::GatewayAccepted))).unwrap();
    world.later(48 * 60 * 60 - 1);
    assert!(alone(world.verifier.ledger_entry(&id)).unwrap().is_some());
    world.later(1);
    assert!(alone(world.verifier.ledger_entry(&id)).unwrap().is_none());
}

#[test]
fn a_report_that_the_store_did_not_keep_is_an_error_so_that_it_comes_again() {
    let world = World::new();
    let id = world.trigger(&world.alice).sms[0].job_id.clone();
    world.store.be(Trouble::Away);
    let kept =
        alone(world.verifier.apply_report(&report(&id, Outcome::Accepted, ReportCode::GatewayAccepted)));
    assert!(kept.is_err());
}
