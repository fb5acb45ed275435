//! Everything around a sender, faked, and one diary of what happened in which order.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{Clock, Outcome, Pool, PublishError, ReplyTo, ReportCode, ReportPublisher, SendReport};
use mtan_sender::{Breaker, BreakerRules, Rules, Sender, Throttle, UnknownRule};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::inbox::Inbox;
use crate::script::{Act, Script};

/// What happened, in order.
#[derive(Clone, Default)]
pub(crate) struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A clock that follows tokio's paused time.
pub(crate) struct FakeClock {
    started: Instant,
}

pub(crate) const START: i64 = 1_764_000_000;

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let base = Timestamp::from_second(START).unwrap();
        base.saturating_add(self.started.elapsed()).unwrap()
    }
}

/// How an interface behaves for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mood {
    #[default]
    Works,
    Fails,
    FailsOnce,
    Hangs,
}

#[derive(Clone, Default)]
pub(crate) struct Moody(Arc<Mutex<Mood>>);

impl Moody {
    pub(crate) fn set(&self, mood: Mood) {
        *self.0.lock().unwrap() = mood;
    }

    /// `Err` when it fails; never returns when it hangs.
    pub(crate) async fn feel(&self) -> Result<(), ()> {
        let mood = *self.0.lock().unwrap();
        match mood {
            Mood::Works => Ok(()),
            Mood::Fails => Err(()),
            Mood::FailsOnce => {
                self.set(Mood::Works);
                Err(())
            }
            Mood::Hangs => std::future::pending().await,
        }
    }
}

/// A report and the queue of the asker's own that got it too.
type Published = (SendReport, Option<ReplyTo>);

#[derive(Clone)]
pub(crate) struct Reports {
    pub(crate) published: Arc<Mutex<Vec<Published>>>,
    pub(crate) mood: Moody,
    diary: Diary,
}

#[async_trait::async_trait]
impl ReportPublisher for Reports {
    async fn report(&self, report: &SendReport, reply_to: Option<&ReplyTo>) -> Result<(), PublishError> {
        self.mood.feel().await.map_err(|()| PublishError::Unconfirmed)?;
        self.diary.note(format!("report {}", report.outcome));
        self.published.lock().unwrap().push((report.clone(), reply_to.cloned()));
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) diary: Diary,
    pub(crate) inbox: Inbox,
    pub(crate) book: Book,
    pub(crate) reports: Reports,
}

/// A sender that runs; aborting it is a crash.
pub(crate) struct Running {
    pub(crate) task: JoinHandle<()>,
    pub(crate) stop: CancellationToken,
    pub(crate) script: Script,
}

impl Running {
    /// Kills it where it stands.
    pub(crate) async fn crash(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

impl World {
    pub(crate) fn new() -> World {
        let diary = Diary::default();
        let reports = Reports { published: Arc::default(), mood: Moody::default(), diary: diary.clone() };
        let clock = Arc::new(FakeClock { started: Instant::now() });
        World { inbox: Inbox::new(diary.clone()), book: Book::new(diary.clone()), reports, diary, clock }
    }

    /// Starts a sender of `pool` whose gateway follows `acts` and accepts everything afterwards.
    pub(crate) fn sender(&self, pool: &str, rule: UnknownRule, acts: Vec<Act>) -> Running {
        self.sender_with(pool, rule, acts, Rules::default())
    }

    pub(crate) fn sender_with(&self, pool: &str, rule: UnknownRule, acts: Vec<Act>, rules: Rules) -> Running {
        self.throttled_sender(pool, rule, acts, rules, None)
    }

    pub(crate) fn throttled_sender(
        &self,
        pool: &str,
        rule: UnknownRule,
        acts: Vec<Act>,
        rules: Rules,
        throttle: Option<Throttle>,
    ) -> Running {
        let pool: Pool = pool.parse().unwrap();
        let script = Script::new(rule, acts, self.diary.clone());
        let rules_of_breaker = BreakerRules { failures: 5, open: Duration::from_secs(5) };
        let breaker = Breaker::new(pool.clone(), rules_of_breaker);
        let sender = Sender {
            name: format!("sender-{}", self.inbox.next_number()),
            consumer: Box::new(self.inbox.consumer(&pool)),
            pool,
            reports: Arc::new(self.reports.clone()),
            claims: Arc::new(self.book.clone()),
            provider: Arc::new(script.clone()),
            throttle,
            breaker,
            deliveries: None,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            jitter: Arc::new(|| 0.5),
            rules,
        };
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(sender.run(stop.clone())), stop, script }
    }

    /// Virtual seconds since the start.
    pub(crate) fn seconds(&self) -> u64 {
        self.clock.started.elapsed().as_secs()
    }

    pub(crate) fn published(&self) -> Vec<SendReport> {
        self.reports.published.lock().unwrap().iter().map(|(report, _)| report.clone()).collect()
    }

    /// The ids of the jobs that were reported on, each as often as it was.
    pub(crate) fn reported_ids(&self) -> Vec<String> {
        let mut ids: Vec<_> = self.published().iter().map(|r| r.job_id.to_string()).collect();
        ids.sort_by_key(|id| id.parse::<u32>().ok());
        ids
    }

    /// Outcome, code and attempts of each report.
    pub(crate) fn outcomes(&self) -> Vec<(Outcome, ReportCode, u32)> {
        self.published().iter().map(|r| (r.outcome, r.code, r.attempts)).collect()
    }

    /// Waits, in virtual time, until the queue holds nothing more.
    pub(crate) async fn until_empty(&self) {
        self.until("the queue is empty", || self.inbox.is_empty()).await;
    }

    pub(crate) async fn until(&self, what: &str, met: impl Fn() -> bool) {
        for _ in 0..1_000_000 {
            if met() {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("never: {what}; the diary says {:#?}", self.diary.lines());
    }

    pub(crate) async fn until_noted(&self, line: &str) {
        self.until(line, || self.diary.lines().iter().any(|l| l == line)).await;
    }
}

/// A good job with 300 s to live.
pub(crate) fn job(id: &str, route: &[&str]) -> String {
    let expires_at = mtan_jobs::format_time(Timestamp::from_second(START + 300).unwrap());
    serde_json::json!({
        "v": 1, "id": id, "to": "+491701234567", "text": "Your code is 123456", "otp": "123456",
        "route": route, "expires_at": expires_at, "reference": "order 1",
    })
    .to_string()
}
