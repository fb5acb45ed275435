//! A gateway that does what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{ReportCode, SendJob};
use mtan_sender::{About, Detail, NoPlace, Place, Provider, UnknownRule, Verdict};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::world::Diary;

pub(crate) enum Act {
    Accept,
    Busy,
    RefuseNumber,
    RefuseUs,
    Silent,
    Panic,
    Hang,
    AcceptAfter(u64),
}

/// Whether there is room for a job.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Any,
    None,
    OutOfOrder,
}

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) room: Arc<watch::Sender<Room>>,
    rule: UnknownRule,
    acts: Arc<Mutex<VecDeque<Act>>>,
    sent: Arc<Mutex<Vec<String>>>,
    diary: Diary,
}

/// The gateway's own time-out, in seconds.
pub(crate) const TIME_OUT: u64 = 600;

impl Script {
    pub(crate) fn new(rule: UnknownRule, acts: Vec<Act>, diary: Diary) -> Script {
        let room = Arc::new(watch::Sender::new(Room::Any));
        Script { room, rule, acts: Arc::new(Mutex::new(acts.into())), sent: Arc::default(), diary }
    }

    /// The texts that were handed over.
    pub(crate) fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Provider for Script {
    fn kind(&self) -> &'static str {
        "http"
    }

    fn time_out(&self) -> Duration {
        Duration::from_secs(TIME_OUT)
    }

    fn unknown_rule(&self) -> UnknownRule {
        self.rule
    }

    async fn place(&self, patience: Duration) -> Result<Place, NoPlace> {
        let mut room = self.room.subscribe();
        let settled = timeout(patience, room.wait_for(|room| *room != Room::None)).await;
        match settled.map(|room| *room.unwrap()) {
            Ok(Room::OutOfOrder) => Err(NoPlace::OutOfOrder),
            Ok(_) => Ok(Place::default()),
            Err(_) => Err(NoPlace::Late),
        }
    }

    async fn send(&self, job: &SendJob, _: Timestamp) -> Verdict {
        self.diary.note("hand over");
        self.sent.lock().unwrap().push(job.text.expose().to_owned());
        let act = self.acts.lock().unwrap().pop_front().unwrap_or(Act::Accept);
        let detail = Some(Detail::own("as told"));
        let refused = |about| Verdict::Rejected { about, code: ReportCode::GatewayRejected, detail: None };
        match act {
            Act::Accept => {}
            Act::Busy => {
                return Verdict::Retry { code: ReportCode::GatewayBusy, after: None, detail };
            }
            Act::RefuseNumber => return refused(About::Number),
            Act::RefuseUs => return refused(About::Gateway),
            Act::Silent => return Verdict::Unknown { code: ReportCode::NoAnswer, detail },
            Act::Panic => panic!("a bug in a provider"),
            Act::Hang => std::future::pending().await,
            Act::AcceptAfter(seconds) => sleep(Duration::from_secs(seconds)).await,
        }
        Verdict::Accepted { gateway_id: Some("4711".into()), detail }
    }
}
