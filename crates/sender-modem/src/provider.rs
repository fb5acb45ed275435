//! Seam 4 over a pool of modems: a job waits for one that is free and well, and goes on to another if it fails.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_daemon::{Fault, Health};
use mtan_jobs::{Clock, Pool, ReportCode, SendJob};
use mtan_sender::{
    About, Deliveries, Detail, NoPlace, Place, Provider, ProviderKind, ReportTo, UnknownRule, Verdict,
};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::config::ModemConfig;
use crate::metrics;
use crate::modem::{Order, Shop};
use crate::pins::Pins;
use crate::pool::{Answer, Modems};
use crate::reports::{KEPT, Reports};
use crate::watch;

/// Where Linux names serial ports by what is plugged in.
const BY_ID: &str = "/dev/serial/by-id";

/// How long a job that has its place waits for a modem, where the one it was to have is lost meanwhile.
const WAIT: Duration = Duration::from_secs(30);

/// How many modems a job is given to in one hand-over.
const MODEMS: usize = 4;

/// A way out by the modems of this host.
pub struct ModemProvider {
    shop: Arc<Shop>,
    /// Whoever looks for modems; gone with the provider, and with it every keeper.
    watch: Mutex<Option<AbortHandle>>,
}

impl ModemProvider {
    /// A way out from the JSON of `SMSProviderConfig`, in which relative paths start in `folder`; the faults name its keys,
    /// and file and line of a gnokiirc.
    pub fn from_json(
        text: &str,
        folder: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Provider>, Vec<Fault>> {
        Ok(Arc::new(ModemProvider::new(ModemConfig::from_json(text, folder)?, clock)))
    }

    /// Opens no port before [`Provider::start`], or the first job.
    pub fn new(config: ModemConfig, clock: Arc<dyn Clock>) -> ModemProvider {
        ModemProvider::with_names(config, clock, BY_ID.into())
    }

    /// As [`ModemProvider::new`]; `by_id` is the folder where ports have names that outlive a replug.
    pub fn with_names(config: ModemConfig, clock: Arc<dyn Clock>, by_id: PathBuf) -> ModemProvider {
        // a guess is as good: parts of two SMS to one phone must not have the same
        let reference = getrandom::u32().map_or(0, |random| random.to_le_bytes()[0]);
        let shop = Shop {
            modems: Modems::new(),
            reports: Arc::new(Reports::new(&config.state, Arc::clone(&clock))),
            pins: Pins::new(&config.state),
            reference: AtomicU8::new(reference),
            config,
            clock,
            by_id,
            parted: Mutex::default(),
        };
        ModemProvider { shop: Arc::new(shop), watch: Mutex::new(None) }
    }

    /// Every modem in plain words, as in the notes of `/readyz`.
    pub fn describe(&self) -> String {
        self.shop.modems.describe()
    }

    fn begin(&self) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if watch.is_none() {
            metrics::describe();
            *watch = Some(tokio::spawn(watch::run(Arc::clone(&self.shop))).abort_handle());
        }
    }

    async fn hand_over(&self, job: &SendJob, deadline: Timestamp, report_to: Option<&ReportTo>) -> Verdict {
        self.begin();
        if let Some(refused) = self.too_long(job) {
            return refused;
        }
        let order = Order { job: Arc::new(job.clone()), deadline, report_to: report_to.cloned() };
        let modems = &self.shop.modems;
        let (mut tried, mut last) = (Vec::new(), None);
        let mut until = self.soon(deadline);
        for _ in 0..MODEMS {
            let Some((seat, answered)) = modems.give(&order, &tried, until).await else { break };
            match answered.await {
                Ok(Answer::Done(verdict)) => return verdict,
                // another one, if one is free now
                Ok(Answer::NotTaken(verdict)) => {
                    tried.push(seat);
                    (last, until) = (Some(verdict), Instant::now());
                }
                // another one, or this one when it is back: no try is lost
                Ok(Answer::Lost(verdict)) => (last, until) = (Some(verdict), self.soon(deadline)),
                Err(_) => return no_answer(),
            }
        }
        last.unwrap_or_else(|| self.no_modem())
    }

    fn soon(&self, deadline: Timestamp) -> Instant {
        let left = Duration::try_from(deadline.duration_since(self.shop.clock.now())).unwrap_or_default();
        Instant::now() + left.min(WAIT)
    }

    fn too_long(&self, job: &SendJob) -> Option<Verdict> {
        let (parts, most) = (job.text.segments(), self.shop.config.max_parts);
        (parts > most).then(|| Verdict::Rejected {
            about: About::Job,
            code: ReportCode::GatewayRejected,
            detail: Some(Detail::own(format!("the text takes {parts} SMS, and MAX_PARTS allows {most}"))),
        })
    }

    fn no_modem(&self) -> Verdict {
        let detail = Some(Detail::own(self.shop.modems.describe()));
        Verdict::Retry { code: ReportCode::GatewayUnreachable, after: None, detail }
    }
}

fn no_answer() -> Verdict {
    let detail = Some(Detail::own("the keeper of the modem stopped in the middle of a hand-over"));
    Verdict::Unknown { code: ReportCode::NoAnswer, detail }
}

#[async_trait]
impl Provider for ModemProvider {
    fn kind(&self) -> &'static str {
        ProviderKind::Device.as_str()
    }

    /// For each part the network's time; and a modem that is reset meanwhile.
    fn time_out(&self) -> Duration {
        let config = &self.shop.config;
        let within = config.lines.iter().map(|line| line.result_within).max().unwrap_or_default();
        within * u32::from(config.max_parts) + WAIT * 4
    }

    fn may_outlast_a_stop(&self) -> bool {
        true
    }

    fn unknown_rule(&self) -> UnknownRule {
        self.shop.config.ambiguous
    }

    fn warnings(&self) -> &[String] {
        self.shop.config.warnings()
    }

    fn start(&self, pool: &Pool, news: Option<Deliveries>) {
        self.begin();
        self.shop.reports.start(pool, news);
    }

    fn is_exclusive(&self) -> bool {
        true
    }

    fn add_notes(&self, pool: &Pool, health: &Health) {
        let modems = Arc::clone(&self.shop.modems);
        health.note(format!("modems of {pool}"), move || modems.describe());
    }

    async fn place(&self, patience: Duration) -> Result<Place, NoPlace> {
        self.begin();
        self.shop.modems.place(patience).await.map(Place::held)
    }

    async fn send(&self, job: &SendJob, deadline: Timestamp) -> Verdict {
        self.hand_over(job, deadline, None).await
    }

    fn hears_of_deliveries_for(&self) -> Option<Duration> {
        self.shop.config.status_reports.then_some(KEPT)
    }

    async fn send_reporting_to(&self, job: &SendJob, deadline: Timestamp, to: &ReportTo) -> Verdict {
        self.hand_over(job, deadline, Some(to)).await
    }

    fn preview(&self, job: &SendJob, _: Timestamp) -> String {
        format!("{} SMS to {}, by a modem", job.text.segments(), job.to)
    }
}

impl Drop for ModemProvider {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.get_mut().unwrap_or_else(PoisonError::into_inner) {
            watch.abort();
        }
    }
}

impl fmt::Debug for ModemProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModemProvider").field("config", &self.shop.config).finish_non_exhaustive()
    }
}
