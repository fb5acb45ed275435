//! The queue as its users see it, whichever kind stands behind it.

use std::fmt;
use std::sync::Arc;

use mtan_embedded::Embedded;
use mtan_jobs::{Clock, Consumer, Pool, Publisher, ReportConsumer, ReportPublisher};
use mtan_seal::ServerKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::amqp::{Amqp, Board};
use crate::embedded::EmbeddedQueue;
use crate::provided::{Announcer, Provided, ProviderFeed, ProviderKey};

/// How jobs and reports travel. Clones are the same queue.
#[derive(Clone)]
pub struct Queue(Kind);

#[derive(Clone)]
enum Kind {
    Amqp(Amqp),
    Embedded(EmbeddedQueue),
}

impl Queue {
    /// The queue on the broker at `url` (`amqp://…`); `process` is the name under which the broker's own pages show the
    /// connections. Answers at once: it connects in the background, and goes on trying for ever.
    ///
    /// # Errors
    /// The text is not the address of a broker. A broker that is away is no error.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn amqp(url: &str, process: &str) -> Result<Queue, QueueUrlError> {
        Ok(Queue(Kind::Amqp(Amqp::connect(url, process)?)))
    }

    /// Whether [`Queue::amqp`] would take `url`; nothing is connected.
    ///
    /// # Errors
    /// The text is not the address of a broker.
    pub fn check_url(url: &str) -> Result<(), QueueUrlError> {
        crate::amqp::check_url(url)
    }

    /// The queue in `file`, its bodies sealed with `key`. Make one and clone it: a second queue on the same file would
    /// give the same jobs out again.
    pub fn embedded(file: &Embedded, key: &ServerKey, clock: Arc<dyn Clock>) -> Queue {
        Queue(Kind::Embedded(EmbeddedQueue::new(file, key, clock)))
    }

    /// Puts jobs into these pools, and into every pool that is consumed from in this process.
    pub fn publisher(&self, pools: &[Pool]) -> Arc<dyn Publisher> {
        match &self.0 {
            Kind::Amqp(queue) => queue.publisher(pools),
            Kind::Embedded(queue) => queue.publisher(pools),
        }
    }

    /// Puts jobs into these pools too, whichever of its publishers are in use.
    pub fn add_pools(&self, pools: &[Pool]) {
        match &self.0 {
            Kind::Amqp(queue) => queue.add_pools(pools),
            Kind::Embedded(queue) => drop(queue.publisher(pools)),
        }
    }

    /// What a sender of `kind` (`http`, `smtp`, `modem`) hears of the pools that an administrator sets. In the embedded queue there is nobody to hear from: who sets pools there is in the same process.
    pub fn provider_feed(&self, kind: &str, key: ProviderKey) -> ProviderFeed {
        let board = match &self.0 {
            Kind::Amqp(queue) => queue.board(format!("provider.{kind}")),
            Kind::Embedded(_) => Board::alone(),
        };
        ProviderFeed::new(board, kind, key)
    }

    /// Tells senders of what is provided, whenever they ask and whenever it changes. `None` means that it is not known yet.
    pub fn announcer(&self, key: ProviderKey, provided: watch::Receiver<Option<Arc<Provided>>>) -> Announcer {
        let board = match &self.0 {
            Kind::Amqp(queue) => queue.board("ask.*".to_owned()),
            Kind::Embedded(_) => Board::alone(),
        };
        Announcer::start(board, key, provided)
    }

    /// Takes jobs of `pool`, at most `prefetch` at a time.
    pub fn consumer(&self, pool: &Pool, prefetch: u16) -> Box<dyn Consumer> {
        match &self.0 {
            Kind::Amqp(queue) => queue.consumer(pool, prefetch),
            Kind::Embedded(queue) => queue.consumer(pool, prefetch),
        }
    }

    /// Puts reports in.
    pub fn report_publisher(&self) -> Arc<dyn ReportPublisher> {
        match &self.0 {
            Kind::Amqp(queue) => queue.report_publisher(),
            Kind::Embedded(queue) => queue.report_publisher(),
        }
    }

    /// Takes the ledger's reports until `stop`; then its `next` gives `None`.
    pub fn report_consumer(&self, stop: CancellationToken) -> Box<dyn ReportConsumer> {
        match &self.0 {
            Kind::Amqp(queue) => queue.report_consumer(stop),
            Kind::Embedded(queue) => queue.report_consumer(stop),
        }
    }

    /// Whether everything that was asked of it works now; the text says what is missing. On a broker: connected, all
    /// queues declared, every consumer consuming, no alarm.
    pub fn ready(&self) -> Result<(), String> {
        match &self.0 {
            Kind::Amqp(queue) => queue.ready(),
            Kind::Embedded(queue) => queue.ready(),
        }
    }

    /// Leaves politely: connections to a broker are closed. The file closes with its last user.
    pub async fn close(&self) {
        match &self.0 {
            Kind::Amqp(queue) => queue.close().await,
            Kind::Embedded(_) => {}
        }
    }
}

/// Why an address of a broker or of a claim book is none. Never shows the address itself: there may be a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the address of a {what}: {reason}")]
pub struct QueueUrlError {
    what: &'static str,
    reason: String,
}

impl QueueUrlError {
    /// `what` is what was expected (`broker`, `claim book`); `reason` must hold no part of the address but its scheme.
    pub(crate) fn new(what: &'static str, reason: impl fmt::Display) -> QueueUrlError {
        QueueUrlError { what, reason: reason.to_string() }
    }
}
