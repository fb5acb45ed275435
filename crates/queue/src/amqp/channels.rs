//! Confirmed publishing: one message at a time on a channel, as many channels as there are messages under way.
//!
//! lapin hands a returned (unroutable) message to whichever confirm completes next on that channel. With two messages
//! under way on one channel the unroutable one could be told "stored" and be lost. One message a channel, and the
//! answer can only be its own. Channels are opened as they are needed, and used again.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use mtan_jobs::PublishError;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::link::Live;

/// Messages under way on one connection; the next ones wait for their turn.
const CHANNELS: u16 = 128;
/// Of the broker's `channel_max`, left for declarations.
const RESERVED: u16 = 4;

/// A message on its way out.
pub(super) struct Letter {
    pub(super) exchange: String,
    pub(super) routing_key: String,
    pub(super) body: Vec<u8>,
    pub(super) properties: BasicProperties,
}

/// The channels of one connection that are open for publishing.
pub(super) struct Channels {
    idle: Mutex<Vec<Channel>>,
    turns: Semaphore,
    /// Messages that nobody waits for any more and that are still under way.
    overdue: AtomicUsize,
}

impl Channels {
    pub(super) fn of(connection: &Connection) -> Channels {
        let most = match connection.configuration().channel_max() {
            0 => CHANNELS, // AMQP 0-9-1: no limit
            limit => CHANNELS.min(limit.saturating_sub(RESERVED).max(1)),
        };
        Channels { idle: Mutex::default(), turns: Semaphore::new(most.into()), overdue: AtomicUsize::new(0) }
    }

    /// Whether the broker answers: false from the first overdue answer until it has come.
    pub(super) fn ready(&self) -> Result<(), String> {
        match self.overdue.load(Ordering::Acquire) {
            0 => Ok(()),
            overdue => Err(format!("the broker owes an answer to {overdue} messages")),
        }
    }

    async fn take(&self, connection: &Connection) -> lapin::Result<Channel> {
        let idle = self.idle().pop();
        if let Some(channel) = idle {
            return Ok(channel);
        }
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }

    fn put_back(&self, channel: Channel) {
        self.idle().push(channel);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Channel>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a message is, between the one who waits for its answer and the one who brings it out.
#[derive(Default)]
struct Progress(AtomicU8);

/// Waits for a channel.
const WAITING: u8 = 0;
/// Waits for its confirm.
const SENT: u8 = 1;
/// Given up before it was sent: it must not go out any more.
const GIVEN_UP: u8 = 2;
/// Given up after it was sent.
const OVERDUE: u8 = 3;
const DONE: u8 = 4;

impl Progress {
    /// `false`: it has been given up and must not be sent any more.
    fn send(&self) -> bool {
        self.step(WAITING, SENT)
    }

    /// Time is up. Tells what is known about the message now.
    fn give_up(&self, channels: &Channels) -> PublishError {
        channels.overdue.fetch_add(1, Ordering::AcqRel);
        if self.step(WAITING, GIVEN_UP) {
            return PublishError::Unavailable("the broker is too slow: nothing was sent".to_owned());
        }
        if !self.step(SENT, OVERDUE) {
            channels.overdue.fetch_sub(1, Ordering::AcqRel); // the answer came at this very moment
        }
        PublishError::Unconfirmed
    }

    fn done(&self, channels: &Channels) {
        if matches!(self.0.swap(DONE, Ordering::AcqRel), GIVEN_UP | OVERDUE) {
            channels.overdue.fetch_sub(1, Ordering::AcqRel);
        }
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Live {
    /// Publishes `letter` and waits for the broker's word, `within` that time at most.
    pub(super) async fn publish(
        self: &Arc<Self>,
        letter: Letter,
        within: Duration,
    ) -> Result<(), PublishError> {
        if self.blocked() {
            return Err(PublishError::Unavailable("blocked by an alarm of the broker".to_owned()));
        }
        let progress = Arc::new(Progress::default());
        let (tell, answer) = oneshot::channel();
        // a task of its own: whoever waits may leave, the channel is free again only when the confirm has come
        tokio::spawn({
            let (live, progress) = (self.clone(), progress.clone());
            async move {
                let result = live.bring_out(letter, &progress).await;
                progress.done(&live.channels);
                tell.send(result).ok(); // nobody may be waiting any more
            }
        });
        match timeout(within, answer).await {
            Ok(result) => result.unwrap_or(Err(PublishError::Unconfirmed)),
            Err(_) => Err(progress.give_up(&self.channels)),
        }
    }

    async fn bring_out(&self, letter: Letter, progress: &Progress) -> Result<(), PublishError> {
        let away = |error: String| PublishError::Unavailable(error);
        let _turn = self.channels.turns.acquire().await.map_err(|error| away(error.to_string()))?;
        let channel = match self.channels.take(&self.connection).await {
            Ok(channel) => channel,
            Err(error) => {
                self.fail(&error);
                return Err(away(error.to_string()));
            }
        };
        if !progress.send() {
            self.channels.put_back(channel);
            return Err(away("given up".to_owned()));
        }
        match confirmed(&channel, letter).await {
            Ok(answer) => {
                self.channels.put_back(channel);
                self.judge(answer)
            }
            Err(error) => {
                self.fail(&error); // an exchange is missing, or the connection broke: all is made anew
                Err(PublishError::Unconfirmed)
            }
        }
    }

    fn judge(&self, answer: Confirmation) -> Result<(), PublishError> {
        match answer {
            Confirmation::Ack(None) => Ok(()),
            Confirmation::Ack(Some(_returned)) => Err(PublishError::Unroutable),
            Confirmation::Nack(_) => Err(PublishError::Full),
            Confirmation::NotRequested => {
                self.fail("a channel without confirms"); // each one asked for them: see `take`
                Err(PublishError::Unconfirmed)
            }
        }
    }
}

async fn confirmed(channel: &Channel, letter: Letter) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let (exchange, key) = (letter.exchange.into(), letter.routing_key.into());
    channel.basic_publish(exchange, key, options, &letter.body, letter.properties).await?.await
}
