//! The notice board: the topic exchange `mtan.config`. Nothing on it is kept; who comes later asks.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, ExchangeKind};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, warn};

use super::Shared;
use super::feed::ANSWER_WITHIN;
use super::link::{Link, Live, State};

/// Topic: `provider.<kind>` and `ask.<kind>`.
const CONFIG: &str = "mtan.config";
/// Notes that wait at the broker for one reader; the oldest go first, and the newest says it all.
const MAX_LENGTH: i64 = 100;
/// Notes that wait in this process.
const WAITING: usize = 32;
/// Between two attempts to stand at the board.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What comes from the board.
pub(crate) enum Event {
    /// It is read now, from here on: what hung there before was missed.
    Connected,
    /// A note.
    Note {
        /// Its routing key.
        key: String,
        /// Its body, as it came.
        body: Vec<u8>,
    },
}

/// One who stands at the board, for as long as this is held.
pub(crate) struct Board {
    events: mpsc::Receiver<Event>,
    notes: mpsc::Sender<(String, Vec<u8>)>,
    _stop: DropGuard,
    _shared: Option<Arc<Shared>>,
}

impl Board {
    /// Reads what is put up under `binding`, on whatever connection there is.
    pub(super) fn stand(shared: Arc<Shared>, binding: String) -> Board {
        let (events_in, events) = mpsc::channel(WAITING);
        let (notes, notes_out) = mpsc::channel(WAITING);
        let stop = shared.stop.child_token();
        let link = shared.publish.clone();
        let standing = Standing { link, binding, events: events_in, notes: notes_out };
        let ended = stop.clone();
        tokio::spawn(async move { ended.run_until_cancelled(standing.run()).await });
        Board { events, notes, _stop: stop.drop_guard(), _shared: Some(shared) }
    }

    /// One at which nothing ever happens: where nobody else is.
    pub(crate) fn alone() -> Board {
        let (events, notes) = (mpsc::channel(1).1, mpsc::channel(1).0);
        Board { events, notes, _stop: CancellationToken::new().drop_guard(), _shared: None }
    }

    /// What comes next.
    pub(crate) async fn next(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// Puts a note up, if the board can be reached now; else it is lost, and whoever needs it asks.
    pub(crate) fn post(&self, key: String, body: Vec<u8>) {
        if self.notes.try_send((key, body)).is_err() {
            debug!("a note for mtan.config was lost");
        }
    }
}

struct Standing {
    link: Link,
    binding: String,
    events: mpsc::Sender<Event>,
    notes: mpsc::Receiver<(String, Vec<u8>)>,
}

impl Standing {
    async fn run(mut self) {
        let mut told = String::new();
        loop {
            let live = self.connection().await;
            let why = match self.serve(&live).await {
                Ok(()) => return,
                Err(why) => why,
            };
            drop(live);
            if why != told {
                warn!(reason = %why, "mtan.config is not read, trying on");
                told = why;
            }
            sleep(AGAIN_AFTER).await;
        }
    }

    async fn connection(&self) -> Arc<Live> {
        let mut states = self.link.states();
        loop {
            match states.borrow_and_update().clone() {
                State::Up(live) => return live,
                State::Down(_) => {}
            }
            if states.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Until the channel breaks, or nobody listens any more.
    async fn serve(&mut self, live: &Live) -> Result<(), String> {
        let opened = timeout(ANSWER_WITHIN, open(live, &self.binding)).await;
        let opened = opened.map_err(|_| "no answer from the broker".to_owned())?;
        let (channel, mut deliveries) = opened.map_err(|error| error.to_string())?;
        while self.notes.try_recv().is_ok() {} // from before: told anew, if still of use
        if self.events.send(Event::Connected).await.is_err() {
            return Ok(());
        }
        loop {
            tokio::select! {
                delivery = deliveries.next() => {
                    let delivery = delivery.ok_or("the broker ended it")?.map_err(|error| error.to_string())?;
                    let event = Event::Note { key: delivery.routing_key.to_string(), body: delivery.data };
                    if self.events.send(event).await.is_err() {
                        return Ok(());
                    }
                }
                note = self.notes.recv() => {
                    let Some((key, body)) = note else { return Ok(()) };
                    let put = timeout(ANSWER_WITHIN, put(&channel, key, &body)).await;
                    let put = put.map_err(|_| "the broker takes nothing".to_owned())?;
                    put.map_err(|error| error.to_string())?;
                }
            }
        }
    }
}

async fn open(live: &Live, binding: &str) -> lapin::Result<(Channel, lapin::Consumer)> {
    let channel = live.connection.create_channel().await?;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(CONFIG.into(), ExchangeKind::Topic, durable, FieldTable::default()).await?;
    let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(MAX_LENGTH));
    let queue = channel.queue_declare("".into(), own, arguments).await?;
    let name = queue.name().clone();
    let bind = QueueBindOptions::default();
    channel.queue_bind(name.clone(), CONFIG.into(), binding.into(), bind, FieldTable::default()).await?;
    let at_once = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
    let deliveries = channel.basic_consume(name, "".into(), at_once, FieldTable::default()).await?;
    Ok((channel, deliveries))
}

/// Without `mandatory` and confirm: where nobody reads it, nobody needs it.
async fn put(channel: &Channel, key: String, body: &[u8]) -> lapin::Result<()> {
    let options = BasicPublishOptions::default();
    let properties = BasicProperties::default().with_content_type("application/octet-stream".into());
    channel.basic_publish(CONFIG.into(), key.into(), options, body, properties).await.map(drop)
}
