//! The embedded store: the suite, and what a file must stand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mtan_embedded::Embedded;
use mtan_jobs::Outcome;
use mtan_verifier::{Answer, Store, StoreError};
use redb::{ReadableTableMetadata, TableDefinition};

use crate::fixtures::{
    PIN, asked_of, at, challenge, desk, entry_of, job_id, of_user, report, secret_in, serial, token,
    transaction,
};
use crate::suite::{Place, conformance};

conformance!(crate::embedded::start);

async fn start() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let file = Embedded::open(&dir.path().join("mtan.redb")).unwrap();
    Place { store: mtan_store::embedded(&file), _keep: Box::new(dir) }
}

fn open(path: &Path) -> (Embedded, Arc<dyn Store>) {
    let file = Embedded::open(path).unwrap();
    let store = mtan_store::embedded(&file);
    (file, store)
}

/// A copy taken while the file is open is what `kill -9` leaves behind.
fn copy(path: &Path) -> PathBuf {
    let copy = path.with_extension("copy");
    std::fs::copy(path, &copy).unwrap();
    copy
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mtan.redb");
    let (_file, store) = open(&path);
    store.put_token(&token("A", "alice")).await.unwrap();
    let c = challenge("A", "111", at(0));
    store.open_challenge(&c, 1, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    store.begin_try(&of_user("alice"), at(1)).await.unwrap();
    store.apply(&report("j", Outcome::Accepted, ""), at(9_000)).await.unwrap();

    let (_file, after) = open(&copy(&path));
    let kept = after.token(&serial("A")).await.unwrap().unwrap();
    assert_eq!((kept.counter, kept.fail_count), (1, 1));
    assert_eq!(after.lease(at(1), at(2), 9).await.unwrap(), [entry_of(&c)]);
    assert!(after.entry(&job_id("j"), at(1)).await.unwrap().is_some());
    assert!(after.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
}

#[tokio::test]
async fn a_used_code_stays_used_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mtan.redb");
    let (_file, store) = open(&path);
    store.put_token(&token("A", "alice")).await.unwrap();
    let c = challenge("A", "111", at(0));
    store.open_challenge(&c, 1, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    assert!(store.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());

    let (_file, after) = open(&copy(&path));
    assert!(!after.consume(&serial("A"), &transaction("111"), &[], at(1)).await.unwrap());
}

#[tokio::test]
async fn everything_is_there_after_closing_and_opening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mtan.redb");
    let (file, store) = open(&path);
    let desk = desk(&store, 10).await;
    desk.verifier.smspin(Some(&of_user("alice")), PIN).await;
    let code = desk.publisher.last_code();
    let verifier = desk.verifier;
    let answer = verifier.check(Some(&of_user("alice")), &format!("{PIN}{code}"), None).await;
    assert!(matches!(answer, Answer::Accepted(_)));
    drop((verifier, store, file));

    let (_file, store) = mtan_testkit::wait_until(
        "the writer thread to let go of the file",
        std::time::Duration::from_secs(10),
        async || {
            let file = Embedded::open(&path).map_err(|e| e.to_string())?;
            let store = mtan_store::embedded(&file);
            Ok((file, store))
        },
    )
    .await;
    let kept = store.token(&serial("LSSM0001")).await.unwrap().unwrap();
    assert_eq!((kept.counter, kept.fail_count), (1, 0));
    assert_eq!(store.depth().await.unwrap(), 1);
}

#[tokio::test]
async fn the_file_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mtan.redb");
    let (_file, store) = open(&path);
    let desk = desk(&store, 10).await;
    desk.verifier.smspin(Some(&of_user("alice")), PIN).await;
    let bytes = std::fs::read(&path).unwrap();
    assert!(contains(&bytes, b"LSSM0001"), "the records are in there");
    let code = desk.publisher.last_code();
    assert_eq!(secret_in(&bytes, &code), None);
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

const CHALLENGES: TableDefinition<&str, &[u8]> = TableDefinition::new("store/challenges");
const CHALLENGE_EXPIRY: TableDefinition<(i64, &str), ()> = TableDefinition::new("store/challenges-by-expiry");
const LEDGER: TableDefinition<&str, &[u8]> = TableDefinition::new("store/ledger");
const LEDGER_EXPIRY: TableDefinition<(i64, &str), ()> = TableDefinition::new("store/ledger-by-expiry");

const TRANSACTIONS: TableDefinition<&str, &str> = TableDefinition::new("store/transactions");

fn sizes(file: &Embedded) -> [u64; 5] {
    file.read(|tx| {
        Ok([
            tx.open_table(CHALLENGES)?.len()?,
            tx.open_table(CHALLENGE_EXPIRY)?.len()?,
            tx.open_table(LEDGER)?.len()?,
            tx.open_table(LEDGER_EXPIRY)?.len()?,
            tx.open_table(TRANSACTIONS)?.len()?,
        ])
    })
    .unwrap()
}

#[tokio::test]
async fn old_challenges_and_reports_are_swept_in_passing() {
    let dir = tempfile::tempdir().unwrap();
    let (file, store) = open(&dir.path().join("mtan.redb"));
    store.put_token(&token("A", "alice")).await.unwrap();
    for n in 1..=20 {
        let c = challenge("A", &format!("1{n:03}"), at(0));
        store.open_challenge(&c, n, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
        store.apply(&report(&format!("j{n}"), Outcome::Accepted, ""), at(300_000)).await.unwrap();
    }
    assert_eq!(sizes(&file), [20, 20, 40, 40, 20]);
    // Expired, but within the grace: a late answer is still told from one to an unknown challenge.
    let c = challenge("A", "2021", at(300_001));
    store.open_challenge(&c, 21, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    assert_eq!(sizes(&file), [21, 21, 41, 41, 21]);
    // Each trigger takes a few, a turn of the relay many.
    let c = challenge("A", "2022", at(900_001));
    store.open_challenge(&c, 22, &entry_of(&c), at(0), &asked_of(&c)).await.unwrap();
    assert_eq!(sizes(&file), [14, 14, 34, 34, 22]);
    store.lease(at(900_001), at(900_002), 10).await.unwrap();
    assert_eq!(sizes(&file), [2, 2, 22, 22, 22]);
    // The trails are known for longer, and the ways to them go with them.
    store.lease(at(4_500_001), at(4_500_002), 10).await.unwrap();
    assert_eq!(sizes(&file), [0, 0, 2, 2, 2]);
}

#[tokio::test]
async fn a_damaged_record_is_an_error_for_its_own_token_only() {
    const STATES: TableDefinition<&str, &[u8]> = TableDefinition::new("store/token-states");
    let dir = tempfile::tempdir().unwrap();
    let (file, store) = open(&dir.path().join("mtan.redb"));
    store.put_token(&token("A", "alice")).await.unwrap();
    store.put_token(&token("B", "bob")).await.unwrap();
    let newer = br#"{"v":2,"counter":"geheim"}"#.as_slice();
    for (body, words) in [(b"geheim".as_slice(), "cannot be read"), (newer, "newer mtan")] {
        file.write(move |tx| {
            tx.open_table(STATES)?.insert("A", body)?;
            Ok(())
        })
        .await
        .unwrap();
        let (bad, alice) = (of_user("alice"), of_user("bob"));
        let (wrong, right) = tokio::join!(store.begin_try(&bad, at(0)), store.begin_try(&alice, at(0)));
        let StoreError(text) = wrong.unwrap_err();
        assert!(text.contains("token A") && text.contains(words), "{text}");
        assert!(!text.contains("geheim"), "{text}");
        assert_eq!(right.unwrap().len(), 1);
    }
}
