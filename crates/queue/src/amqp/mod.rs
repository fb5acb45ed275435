//! The queue over AMQP: RabbitMQ 3.10 to 4.x, as the send contract lays it out.
//!
//! ```text
//! Amqp ─ Link (publish) ─ Live ─ Channels      batches on a few channels, confirmed     outlet.rs, channels.rs
//!      └ Link (consume) ─ Live ─ Session …     one channel a consumer, prefetch         feed.rs, parcel.rs
//! ```
//!
//! A link makes its connection again and again (link.rs); what hangs on it sees it up or down, never half.

mod address;
mod batch;
mod board;
mod channels;
mod delay;
mod feed;
mod letter;
mod link;
mod outlet;
mod parcel;
mod properties;
mod seam;
mod socket;
mod topology;
mod waiting;
mod watch;

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use mtan_jobs::{Consumer, Pool, Publisher, ReportConsumer, ReportPublisher};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::queue::QueueUrlError;
use address::Address;
pub(crate) use board::{Board, Event};
use feed::{Feed, Shelf, Source};
use link::{Link, Role};
use outlet::Outlet;
use seam::{AmqpConsumer, AmqpPublisher, AmqpReportConsumer, AmqpReportPublisher};

/// Reports that the ledger may have in hand at a time.
const REPORT_PREFETCH: u16 = 64;
/// For both connections to say goodbye.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// A broker, connected in the background for as long as anything that came from here is held. Clones are the same.
#[derive(Clone)]
pub(crate) struct Amqp(Arc<Shared>);

struct Shared {
    address: Address,
    process: String,
    publish: Link,
    outlet: Outlet,
    consume: OnceLock<Link>,
    shelves: Mutex<Vec<Weak<Shelf>>>,
    stop: CancellationToken,
}

/// Whether `url` is the address of a broker.
pub(crate) fn check_url(url: &str) -> Result<(), QueueUrlError> {
    Address::parse(url).map(drop)
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Amqp {
    /// Reads the address and returns; the connection follows, and comes back for ever. `process` names it in the
    /// broker's management. Needs a tokio runtime.
    pub(crate) fn connect(url: &str, process: &str) -> Result<Amqp, QueueUrlError> {
        let address = Address::parse(url)?;
        let stop = CancellationToken::new();
        let publish = Link::start(Role::Publish, address.clone(), process, stop.clone());
        Ok(Amqp(Arc::new(Shared {
            address,
            process: process.to_owned(),
            outlet: Outlet::new(publish.clone()),
            publish,
            consume: OnceLock::new(),
            shelves: Mutex::default(),
            stop,
        })))
    }

    /// A publisher that declares the queues of these pools.
    pub(crate) fn publisher(&self, pools: &[Pool]) -> Arc<dyn Publisher> {
        self.0.publish.add_pools(pools);
        Arc::new(AmqpPublisher(self.0.clone()))
    }

    /// A consumer of the pool's queue, which it declares, with up to `prefetch` jobs in hand.
    pub(crate) fn consumer(&self, pool: &Pool, prefetch: u16) -> Box<dyn Consumer> {
        self.0.publish.add_pools(std::slice::from_ref(pool)); // for another try in the same pool
        let feed = self.feed(Source::Jobs(pool.clone()), prefetch, CancellationToken::new());
        Box::new(AmqpConsumer { feed, pool: pool.clone(), shared: self.0.clone() })
    }

    /// Declares the queues of these pools too.
    pub(crate) fn add_pools(&self, pools: &[Pool]) {
        self.0.publish.add_pools(pools);
    }

    /// Reads the notes of the exchange mtan.config that `binding` names.
    pub(crate) fn board(&self, binding: String) -> Board {
        Board::stand(self.0.clone(), binding)
    }

    /// A publisher of reports.
    pub(crate) fn report_publisher(&self) -> Arc<dyn ReportPublisher> {
        Arc::new(AmqpReportPublisher(self.0.clone()))
    }

    /// The consumer of the ledger's queue, until `stop`.
    pub(crate) fn report_consumer(&self, stop: CancellationToken) -> Box<dyn ReportConsumer> {
        // a child: dropping the consumer must not stop what else hangs on the caller's token
        let feed = self.feed(Source::Reports, REPORT_PREFETCH, stop.child_token());
        Box::new(AmqpReportConsumer { feed, _shared: self.0.clone() })
    }

    /// Whether everything that was asked for is there: both connections, the topology, every consumer.
    pub(crate) fn ready(&self) -> Result<(), String> {
        self.0.publish.ready()?;
        if let Some(consume) = self.0.consume.get() {
            consume.ready()?;
        }
        let mut shelves = self.0.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves.retain(|shelf| shelf.strong_count() > 0);
        shelves.iter().filter_map(Weak::upgrade).try_for_each(|shelf| shelf.ready())
    }

    /// Says goodbye to the broker. What is still in hand comes again.
    pub(crate) async fn close(&self) {
        self.0.stop.cancel();
        let goodbye = async {
            self.0.publish.stopped().await;
            if let Some(consume) = self.0.consume.get() {
                consume.stopped().await;
            }
        };
        timeout(CLOSE_WITHIN, goodbye).await.ok(); // a broker that does not answer is left without
    }

    fn feed(&self, source: Source, prefetch: u16, stop: CancellationToken) -> Feed {
        let shared = &self.0;
        let link = shared.consume.get_or_init(|| {
            Link::start(Role::Consume, shared.address.clone(), &shared.process, shared.stop.clone())
        });
        let feed = Feed::start(link.clone(), source, prefetch, stop);
        let shelf = Arc::downgrade(&feed.shelf());
        shared.shelves.lock().unwrap_or_else(PoisonError::into_inner).push(shelf);
        feed
    }
}
