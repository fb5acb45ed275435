//! The queue and the claim book in the embedded file.

use std::sync::Arc;
use std::time::Duration;

use mtan_embedded::Embedded;
use mtan_jobs::{Again, Attempts, ClaimBook, DeliveryBook, Fault, RateBook, SendJob, SystemClock};
use mtan_queue::{DeadJob, Queue, embedded_claims, embedded_dead, embedded_deliveries, embedded_rates};
use mtan_seal::ServerKey;
use tempfile::TempDir;

use crate::suite::{
    Bench, ClaimBench, DeadLetter, DeliveryBench, RateBench, consumer, id, job, next, pool, publisher,
};

/// A file in a folder of its own. A crash moves on to a copy of the file as it is at that moment.
struct InFile {
    folder: TempDir,
    crashes: u32,
    key: ServerKey,
    file: Embedded,
    queue: Queue,
}

impl InFile {
    fn open(folder: TempDir, crashes: u32, key: ServerKey) -> InFile {
        let file = Embedded::open(&folder.path().join(format!("{crashes}.redb"))).unwrap();
        let queue = Queue::embedded(&file, &key, Arc::new(SystemClock));
        InFile { folder, crashes, key, file, queue }
    }
}

impl Bench for InFile {
    async fn fresh() -> InFile {
        InFile::open(tempfile::tempdir().unwrap(), 0, ServerKey::generate())
    }

    fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// The copy of an open file is what a `kill -9` leaves behind; whatever the old process has in hand stays there.
    async fn crash(&mut self) {
        let path = |n: u32| self.folder.path().join(format!("{n}.redb"));
        let next = self.crashes + 1;
        std::fs::copy(path(self.crashes), path(next)).unwrap();
        self.file = Embedded::open(&path(next)).unwrap();
        self.queue = Queue::embedded(&self.file, &self.key, Arc::new(SystemClock));
        self.crashes = next;
    }

    async fn dead(&self) -> Vec<DeadLetter> {
        let line = |fault: &Fault| format!("{}: {}", fault.pointer, fault.message);
        let letter = |dead: DeadJob| DeadLetter {
            id: dead.id.to_string(),
            pool: dead.pool.to_string(),
            reason: dead.reason,
            faults: dead.faults.iter().map(line).collect::<Vec<_>>().join("; "),
        };
        embedded_dead(&self.file).unwrap().into_iter().map(letter).collect()
    }
}

/// The awaited delivery reports of a file of its own.
struct InFileDeliveries(InFile);

impl DeliveryBench for InFileDeliveries {
    async fn fresh() -> InFileDeliveries {
        InFileDeliveries(InFile::fresh().await)
    }

    fn book(&self) -> Arc<dyn DeliveryBook> {
        embedded_deliveries(&self.0.file)
    }
}

/// The claim book of a file of its own.
struct InFileClaims(InFile);

impl ClaimBench for InFileClaims {
    async fn fresh() -> InFileClaims {
        InFileClaims(InFile::fresh().await)
    }

    fn book(&self) -> Arc<dyn ClaimBook> {
        embedded_claims(&self.0.file)
    }
}

/// The rates of one process.
struct InProcess(Arc<dyn RateBook>);

impl RateBench for InProcess {
    async fn fresh() -> InProcess {
        InProcess(embedded_rates())
    }

    fn book(&self) -> Arc<dyn RateBook> {
        Arc::clone(&self.0)
    }
}

#[tokio::test]
async fn a_file_shows_neither_text_nor_code_nor_number() {
    let bench = InFile::fresh().await;
    let publisher = publisher(&bench, &["alpha"]).await;
    for id in ["waiting", "delayed", "buried", "done"] {
        publisher.publish(&job(id, &["alpha"])).await.unwrap();
    }
    let mut consumer = consumer(&bench, "alpha", 4).await;
    let _waiting = next(&mut consumer).await;
    let attempts = Attempts { total: 1, in_pool: 1 };
    let later = Again { pool: pool("alpha"), after: Duration::from_secs(3600), attempts };
    next(&mut consumer).await.receipt.again(later).await.unwrap();
    let poison = SendJob::from_json(b"{}").unwrap_err();
    next(&mut consumer).await.receipt.bury(&poison).await.unwrap();
    next(&mut consumer).await.receipt.ack().await.unwrap();

    let raw = std::fs::read(bench.folder.path().join("0.redb")).unwrap();
    let shows = |text: &str| raw.windows(text.len()).any(|window| window == text.as_bytes());
    for id in ["waiting", "delayed", "buried"] {
        assert!(shows(id), "{id} is in the file, or this test looks at nothing");
    }
    for secret in ["Your code", "123456", "1701234567", "\"otp\""] {
        assert!(!shows(secret), "{secret} stands in the file in clear");
    }
}

#[tokio::test]
async fn an_id_that_is_queued_already_is_the_same_job() {
    let bench = InFile::fresh().await;
    let publisher = publisher(&bench, &["alpha", "beta"]).await;
    let mut consumer = consumer(&bench, "alpha", 10).await;
    for _ in 0..3 {
        publisher.publish(&job("one", &["alpha"])).await.unwrap();
    }
    let first = next(&mut consumer).await;
    // Also while it is in hand, and whatever pool the second one names.
    publisher.publish(&job("one", &["beta"])).await.unwrap();
    first.receipt.ack().await.unwrap();
    publisher.publish(&job("marker", &["alpha"])).await.unwrap();
    assert_eq!(id(&next(&mut consumer).await), "marker");
    publisher.publish(&job("one", &["alpha"])).await.unwrap();
    assert_eq!(
        id(&next(&mut consumer).await),
        "one",
        "once it is done the claim book knows it, not the queue"
    );
}

#[tokio::test]
async fn a_body_that_does_not_open_goes_to_the_dead_and_holds_up_nobody() {
    let mut bench = InFile::fresh().await;
    publisher(&bench, &["alpha"]).await.publish(&job("one", &["alpha"])).await.unwrap();
    bench.key = ServerKey::generate();
    bench.crash().await;
    publisher(&bench, &["alpha"]).await.publish(&job("two", &["alpha"])).await.unwrap();
    assert_eq!(id(&next(&mut consumer(&bench, "alpha", 1).await).await), "two");
    let dead = bench.dead().await;
    assert_eq!((dead[0].id.as_str(), dead[0].reason.as_str()), ("one", "unreadable"));
    assert_eq!(dead.len(), 1);
}

mod jobs {
    crate::suite::promises!(jobs: super::InFile);
}

mod reports {
    crate::suite::promises!(reports: super::InFile);
}

mod claims {
    crate::suite::promises!(claims: super::InFileClaims);
}

mod deliveries {
    crate::suite::promises!(deliveries: super::InFileDeliveries);
}

mod rates {
    crate::suite::promises!(rates: super::InProcess);
}
