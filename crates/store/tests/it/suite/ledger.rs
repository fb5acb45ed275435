//! The ledger: the first report of each kind, for a while.

use std::sync::Arc;

use mtan_jobs::Outcome;
use mtan_verifier::{Applied, LedgerEntry, Store};

use crate::fixtures::{at, job_id, report};

pub(crate) async fn the_first_report_of_each_kind_wins(store: &Arc<dyn Store>) {
    let accepted = report("j", Outcome::Accepted, "first \"of\" its kind, ünïcode");
    let delivered = report("j", Outcome::Delivered, "too");
    assert_eq!(store.apply(&accepted, at(9_000)).await.unwrap(), Applied::New);
    for late in [Outcome::Accepted, Outcome::Rejected, Outcome::Expired, Outcome::Unknown] {
        let applied = store.apply(&report("j", late, "late"), at(9_000)).await.unwrap();
        assert_eq!(applied, Applied::Repeated, "{late}");
    }
    let entry = store.entry(&job_id("j"), at(0)).await.unwrap().unwrap();
    assert_eq!(entry, LedgerEntry { outcome: Some(accepted.clone()), delivery: None });

    assert_eq!(store.apply(&delivered, at(9_000)).await.unwrap(), Applied::New);
    for late in [Outcome::Delivered, Outcome::Undelivered] {
        let applied = store.apply(&report("j", late, "late"), at(9_000)).await.unwrap();
        assert_eq!(applied, Applied::Repeated, "{late}");
    }
    let entry = store.entry(&job_id("j"), at(0)).await.unwrap().unwrap();
    assert_eq!(entry, LedgerEntry { outcome: Some(accepted), delivery: Some(delivered) });
}

pub(crate) async fn an_entry_counts_until_its_time(store: &Arc<dyn Store>) {
    store.apply(&report("j", Outcome::Accepted, ""), at(9_000)).await.unwrap();
    assert!(store.entry(&job_id("j"), at(8_999)).await.unwrap().is_some());
    for late in [at(9_000), at(9_001), at(99_000_000)] {
        assert!(store.entry(&job_id("j"), late).await.unwrap().is_none(), "{late}");
    }
    assert!(store.entry(&job_id("j"), at(0)).await.unwrap().is_some(), "looking late changes nothing");
}

pub(crate) async fn a_later_report_prolongs_and_never_shortens(store: &Arc<dyn Store>) {
    // The delivery report may even come first.
    store.apply(&report("j", Outcome::Undelivered, ""), at(5_000)).await.unwrap();
    store.apply(&report("j", Outcome::Accepted, ""), at(9_000)).await.unwrap();
    assert!(store.entry(&job_id("j"), at(8_999)).await.unwrap().is_some());
    // A repeated one changes nothing, not even the time.
    store.apply(&report("j", Outcome::Accepted, ""), at(20_000)).await.unwrap();
    assert!(store.entry(&job_id("j"), at(9_000)).await.unwrap().is_none());

    store.apply(&report("k", Outcome::Accepted, ""), at(9_000)).await.unwrap();
    store.apply(&report("k", Outcome::Delivered, ""), at(5_000)).await.unwrap();
    assert!(store.entry(&job_id("k"), at(8_999)).await.unwrap().is_some());
}

pub(crate) async fn nothing_is_known_of_an_unknown_job(store: &Arc<dyn Store>) {
    store.apply(&report("j", Outcome::Accepted, ""), at(9_000)).await.unwrap();
    for other in ["J", "j.", "k"] {
        assert!(store.entry(&job_id(other), at(0)).await.unwrap().is_none(), "{other}");
    }
}
