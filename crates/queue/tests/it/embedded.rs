//! The queue and the claim book in the embedded file.

use std::sync::Arc;

use mtan_embedded::Embedded;
use mtan_jobs::{ClaimBook, Fault, SystemClock};
use mtan_queue::{DeadJob, Queue, embedded_claims, embedded_dead};
use mtan_seal::ServerKey;
use tempfile::TempDir;

use crate::suite::{Bench, ClaimBench, DeadLetter};

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

mod jobs {
    crate::suite::promises!(jobs: super::InFile);
}

mod reports {
    crate::suite::promises!(reports: super::InFile);
}

mod claims {
    crate::suite::promises!(claims: super::InFileClaims);
}
