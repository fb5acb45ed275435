//! The outbox: what was promised waits until it is settled.

use std::sync::Arc;

use jiff::Timestamp;
use mtan_verifier::{Opened, OutboxEntry, Store};

use crate::fixtures::{asked_of, at, challenge, entry, entry_of, job_id, settled, token};

/// Puts the entries of challenges 1 to `count`; number n is due at n milliseconds.
async fn fill(store: &Arc<dyn Store>, count: u64) -> Vec<OutboxEntry> {
    store.put_token(&token("A", "alice")).await.unwrap();
    let mut entries = Vec::new();
    for n in 1..=count {
        let c = challenge("A", &format!("1{n:03}"), at(0));
        let due = at(i64::try_from(n).unwrap());
        let opened = store.open_challenge(&c, n, &entry_of(&c), due, &asked_of(&c)).await.unwrap();
        assert!(matches!(opened, Opened::Opened));
        entries.push(entry_of(&c));
    }
    entries
}

pub(crate) async fn an_entry_is_due_at_its_time_and_comes_back_as_it_was_put(store: &Arc<dyn Store>) {
    store.put_token(&token("A", "alice")).await.unwrap();
    let c = challenge("A", "111", at(0));
    let put = entry("a.b_c~d:e-F", "2026-01-02T03:04:05.123456789Z".parse().unwrap());
    store.open_challenge(&c, 1, &put, at(5_000), &asked_of(&c)).await.unwrap();
    for early in [Timestamp::MIN, at(-1), at(0), at(4_999)] {
        assert!(store.lease(early, at(9_000), 10).await.unwrap().is_empty(), "{early}");
    }
    assert_eq!(store.lease(at(5_000), at(9_000), 10).await.unwrap(), [put]);
}

pub(crate) async fn a_leased_entry_is_due_again_unless_settled(store: &Arc<dyn Store>) {
    let entries = fill(store, 2).await;
    assert_eq!(store.lease(at(10), at(1_000), 10).await.unwrap(), entries);
    assert!(store.lease(at(999), at(2_000), 10).await.unwrap().is_empty());
    assert_eq!(store.depth().await.unwrap(), 2, "leased is not settled");
    store.settle(&[settled(&entries[0].job_id, None)]).await.unwrap();
    assert_eq!(store.lease(at(1_000), at(2_000), 10).await.unwrap(), entries[1..]);
    // A clock that went backwards in between delays it and loses nothing.
    assert!(store.lease(at(0), at(500), 10).await.unwrap().is_empty());
    assert_eq!(store.lease(at(2_000), at(3_000), 10).await.unwrap(), entries[1..]);
}

pub(crate) async fn a_lease_takes_the_longest_waiting_and_no_more_than_asked(store: &Arc<dyn Store>) {
    let entries = fill(store, 5).await;
    assert!(store.lease(at(10), at(1_000), 0).await.unwrap().is_empty());
    assert_eq!(store.lease(at(10), at(1_000), 2).await.unwrap(), entries[..2]);
    assert_eq!(store.lease(at(10), at(2_000), 2).await.unwrap(), entries[2..4]);
    assert_eq!(store.lease(at(10), at(3_000), 2).await.unwrap(), entries[4..]);
    assert!(store.lease(at(10), at(4_000), 2).await.unwrap().is_empty());
    assert_eq!(store.lease(at(5_000), at(6_000), 99).await.unwrap(), entries);
}

pub(crate) async fn settling_forgets_and_settling_the_unknown_is_nothing(store: &Arc<dyn Store>) {
    let entries = fill(store, 3).await;
    store.settle(&[]).await.unwrap();
    store.settle(&[settled(&job_id("unknown"), Some(at(1)))]).await.unwrap();
    assert_eq!(store.depth().await.unwrap(), 3);
    // Settled before anybody leased it: the request itself had its confirm.
    let ids: Vec<_> = entries
        .iter()
        .map(|e| settled(&e.job_id, Some(at(1))))
        .chain([settled(&job_id("unknown"), None)])
        .collect();
    store.settle(&ids).await.unwrap();
    store.settle(&ids).await.unwrap();
    assert_eq!(store.depth().await.unwrap(), 0);
    assert!(store.lease(at(9_000), at(10_000), 10).await.unwrap().is_empty());
}

pub(crate) async fn an_entry_never_settled_goes_long_after_its_expiry(store: &Arc<dyn Store>) {
    let entries = fill(store, 2).await;
    let expired = at(300_000);
    // The relay is shown what has expired: it owes a report for it.
    assert_eq!(store.lease(expired, expired, 10).await.unwrap(), entries);
    let day_later = at(86_400_000);
    assert_eq!(store.lease(day_later, day_later, 10).await.unwrap(), entries, "also after an outage");
    let weeks_later = at(14 * 86_400_000);
    assert!(store.lease(weeks_later, weeks_later, 10).await.unwrap().is_empty());
    assert_eq!(store.depth().await.unwrap(), 0);
}
