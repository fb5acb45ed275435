//! What the file promises.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use mtan_embedded::{Embedded, OpenError};
use redb::{ReadableTable, TableDefinition};

const COUNTS: TableDefinition<&str, u64> = TableDefinition::new("test/counts");

async fn count(file: &Embedded) -> u64 {
    file.write(|tx| {
        let mut table = tx.open_table(COUNTS)?;
        let next = table.get("n")?.map_or(0, |v| v.value()) + 1;
        table.insert("n", next)?;
        Ok(next)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_parallel_writes_happen_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let file = Embedded::open(&dir.path().join("f")).unwrap();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let file = file.clone();
            tokio::spawn(async move { count(&file).await })
        })
        .collect();
    let mut seen = Vec::new();
    for task in tasks {
        seen.push(task.await.unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=1000).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let copy = dir.path().join("copy");
    let file = Embedded::open(&path).unwrap();
    count(&file).await;
    // A copy taken while the file is open is what a kill -9 leaves behind.
    std::fs::copy(&path, &copy).unwrap();
    let after = Embedded::open(&copy).unwrap();
    assert_eq!(after.read(|tx| Ok(tx.open_table(COUNTS)?.get("n")?.map(|v| v.value()))).unwrap(), Some(1));
}

#[tokio::test]
async fn a_failing_write_changes_nothing_and_the_next_one_works() {
    const OTHER: TableDefinition<u64, u64> = TableDefinition::new("test/counts");
    let dir = tempfile::tempdir().unwrap();
    let file = Embedded::open(&dir.path().join("f")).unwrap();
    assert_eq!(count(&file).await, 1);
    let failed: Result<(), _> = file
        .write(|tx| {
            tx.open_table(COUNTS)?.insert("n", 99)?;
            tx.open_table(OTHER)?;
            Ok(())
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(count(&file).await, 2);
}

#[tokio::test]
async fn a_second_opening_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let _open = Embedded::open(&path).unwrap();
    let error = Embedded::open(&path).unwrap_err();
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
}

#[test]
fn a_new_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let _open = Embedded::open(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_of_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    std::fs::write(&path, "not a database, certainly not".repeat(300)).unwrap();
    assert!(matches!(Embedded::open(&path), Err(OpenError::Unusable { .. })));
}
