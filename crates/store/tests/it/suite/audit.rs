//! The audit log: kept in order, and not for ever.

use std::sync::Arc;

use mtan_verifier::{AuditRecord, Store};

use crate::fixtures::at;

fn full(n: i64) -> AuditRecord {
    AuditRecord {
        success: n % 2 == 0,
        reason: "right_code".into(),
        user: Some("Älice\u{2028}\"{mtan}".into()),
        realm: Some("home".into()),
        serial: Some("A,B".into()),
        transaction: Some("12345678901234.01".into()),
        client: Some("192.0.2.1".into()),
        client_named: Some("10.0.0.1".into()),
        administrator: Some("admin".into()),
        ..AuditRecord::new(at(n), format!("validate/check {n}"))
    }
}

pub(crate) async fn records_come_back_the_newest_first(store: &Arc<dyn Store>) {
    assert!(store.audited(None, 10).await.unwrap().is_empty());
    store.note(&[], 100).await.unwrap();
    store.note(&[full(0), full(1)], 100).await.unwrap();
    // In the order of their coming, whatever their clocks say.
    store.note(&[AuditRecord::new(at(-500), "bare")], 100).await.unwrap();
    let all = store.audited(None, 10).await.unwrap();
    let records: Vec<_> = all.iter().map(|entry| entry.record.clone()).collect();
    assert_eq!(records, [AuditRecord::new(at(-500), "bare"), full(1), full(0)]);

    assert_eq!(store.audited(None, 2).await.unwrap(), all[..2]);
    assert_eq!(store.audited(Some(&all[0].id), 1).await.unwrap(), all[1..2]);
    assert_eq!(store.audited(Some(&all[1].id), 10).await.unwrap(), all[2..]);
    for none in [all[2].id.as_str(), "", "x", "-", "+", "1 2", "99999999999999999999999"] {
        assert!(store.audited(Some(none), 10).await.unwrap().is_empty(), "{none}");
    }
}

pub(crate) async fn about_as_many_records_stay_as_are_wanted(store: &Arc<dyn Store>) {
    // Redis drops whole nodes of a hundred.
    let (keep, all) = (150, 450);
    let records: Vec<_> = (0..all).map(full).collect();
    for some in records.chunks(45) {
        store.note(some, keep).await.unwrap();
    }
    let kept = store.audited(None, 1_000).await.unwrap();
    assert!((150..=250).contains(&kept.len()), "{}", kept.len());
    let newest = records.iter().rev().take(kept.len());
    assert!(kept.iter().map(|entry| &entry.record).eq(newest), "the newest, without a gap");
}
