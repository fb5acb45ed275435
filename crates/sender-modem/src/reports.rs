//! Delivery reports: which SMS of which job a report is about, remembered over a restart.
//!
//! A report names the modem's message reference, eight bits that come round again, and the recipient, perhaps in its
//! national form. Both together, with the SIM and the last 48 hours, are as good as unique. In text mode the recipient
//! may be missing: then the report counts if one SMS alone fits.

mod journal;
mod matching;
mod read;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use mtan_jobs::{Clock, JobId, Outcome, Pool, Ticket};
use mtan_sender::Deliveries;
use mtan_sms::PhoneNumber;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use journal::Journal;
use matching::{Awaiting, Found, News};
pub(crate) use matching::{KEPT, Sim};
pub(crate) use read::Report;

/// The pauses before news that could not be stored are told again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The reports that are awaited by all modems of a pool.
pub(crate) struct Reports {
    book: Mutex<Option<Book>>,
    folder: PathBuf,
    /// Whose they are: pools may share a folder. Known from the start on.
    pool: OnceLock<Pool>,
    /// What is to be told.
    telling: mpsc::UnboundedSender<News>,
    to_tell: Mutex<Option<mpsc::UnboundedReceiver<News>>>,
    clock: Arc<dyn Clock>,
}

struct Book {
    awaiting: Awaiting,
    journal: Journal,
}

/// An SMS that the network has taken, part by part.
pub(crate) struct Taken<'a> {
    pub(crate) job_id: &'a JobId,
    pub(crate) ticket: &'a Ticket,
    pub(crate) to: &'a PhoneNumber,
    pub(crate) references: &'a [u8],
}

impl Reports {
    /// With what was awaited before a restart, as soon as it is asked for: a configuration that is only checked touches no
    /// file. A folder that cannot be written costs the memory only.
    pub(crate) fn new(folder: &Path, clock: Arc<dyn Clock>) -> Reports {
        let (telling, to_tell) = mpsc::unbounded_channel();
        let folder = folder.to_owned();
        Reports {
            book: Mutex::new(None),
            folder,
            pool: OnceLock::new(),
            telling,
            to_tell: Mutex::new(Some(to_tell)),
            clock,
        }
    }

    /// Reports of `taken` are awaited from now on.
    pub(crate) fn expect(&self, sim: &Sim, taken: &Taken<'_>) {
        let now = self.clock.now().as_second();
        self.with(|book| {
            let entry = book.awaiting.expect(sim, taken, now);
            book.journal.write(&entry, &mut book.awaiting, now);
        });
    }

    /// A report of `sim` has come: early or late, twice or for nobody, it does no harm.
    pub(crate) fn heard(&self, sim: &Sim, report: &Report) {
        let now = self.clock.now().as_second();
        let found = self.with(|book| {
            let (found, entry) = book.awaiting.heard(sim, report, now);
            if let Some(entry) = entry {
                book.journal.write(&entry, &mut book.awaiting, now);
            }
            found
        });
        match found {
            Found::Nobody => debug!("a delivery report that nobody waits for"),
            Found::NotYet => debug!(status = report.status.code(), "a delivery report, not the last one"),
            Found::News(news) => self.tell_later(news),
        }
    }

    /// Begins to tell what is heard. `None` where nobody wants to know.
    pub(crate) fn start(self: &Arc<Self>, pool: &Pool, deliveries: Option<Deliveries>) {
        self.pool.get_or_init(|| pool.clone());
        let (Some(deliveries), Some(mut to_tell)) = (deliveries, lock(&self.to_tell).take()) else { return };
        self.with(|book| book.awaiting.untold()).into_iter().for_each(|news| self.tell_later(news));
        let (weak, pool) = (Arc::downgrade(self), pool.clone());
        tokio::spawn(async move {
            while let Some(news) = to_tell.recv().await {
                tell(&deliveries, &pool, &news).await;
                let Some(reports) = weak.upgrade() else { return };
                reports.told(&news);
            }
        });
    }

    fn told(&self, news: &News) {
        let now = self.clock.now().as_second();
        self.with(|book| {
            let entry = book.awaiting.told(news);
            book.journal.write(&entry, &mut book.awaiting, now);
        });
    }

    fn tell_later(&self, news: News) {
        // only a book that is closed listens to nobody, and it reads them again
        drop(self.telling.send(news));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Book) -> T) -> T {
        let open = || Book::open(&self.folder, self.pool.get(), &*self.clock);
        act(lock(&self.book).get_or_insert_with(open))
    }
}

impl Book {
    fn open(folder: &Path, pool: Option<&Pool>, clock: &dyn Clock) -> Book {
        let name = match pool.filter(|pool| **pool != Pool::default_pool()) {
            Some(pool) => format!("delivery-reports-{pool}.jsonl"),
            None => "delivery-reports.jsonl".to_owned(),
        };
        let (journal, entries) = Journal::open(folder, &name);
        Book { awaiting: Awaiting::from_entries(entries, clock.now().as_second()), journal }
    }
}

/// Until it is stored: the modem will not say it again.
async fn tell(deliveries: &Deliveries, pool: &Pool, news: &News) {
    let mut pause = FIRST_PAUSE;
    let outcome = if news.delivered { Outcome::Delivered } else { Outcome::Undelivered };
    while !deliveries.tell(pool, &news.job_id, &news.ticket, outcome, &news.word).await {
        if pause == FIRST_PAUSE {
            warn!(%pool, job.id = %news.job_id, "a modem's delivery report is not stored: trying on");
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    info!(%pool, job.id = %news.job_id, %outcome, "a modem's delivery report");
}

/// Every change of what is locked is whole, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
