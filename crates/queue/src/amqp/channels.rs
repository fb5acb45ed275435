//! Confirmed publishing: a few lanes, each a task with a channel of its own that takes what waits, batch by batch.
//!
//! A lane starts when there is something to do and ends when there is nothing, so a lone message goes at once; what
//! comes while all lanes are busy waits together. A channel is used again when every confirm of its batch has come:
//! see `batch.rs`.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use lapin::{Channel, Connection};
use mtan_jobs::PublishError;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::batch;
use super::letter::{self, Answer, Letter, Ticket};
use super::link::Live;
use super::waiting::{Batch, Held, Waiting};

/// Channels on one connection: those of the lanes, and of batches whose confirms are long in coming.
const CHANNELS: u16 = 128;
/// Of the broker's `channel_max`, left for declarations.
const RESERVED: u16 = 4;

/// A batch that takes longer is slow, and another lane takes over. Well above a confirm that waits for a busy disk,
/// and well below the time in which a publish has to be answered.
const SLOW: Duration = Duration::from_millis(100);

/// The channels of one connection that are open for publishing, and what waits for them.
pub(super) struct Channels {
    desk: Mutex<Desk>,
    /// Messages that nobody waits for any more and that are still under way.
    overdue: Arc<AtomicUsize>,
}

struct Desk {
    waiting: Waiting,
    idle: Vec<Channel>,
}

impl Channels {
    pub(super) fn of(connection: &Connection) -> Channels {
        let most = match connection.configuration().channel_max() {
            0 => CHANNELS, // AMQP 0-9-1: no limit
            limit => CHANNELS.min(limit.saturating_sub(RESERVED).max(1)),
        };
        let desk = Desk { waiting: Waiting::new(most.into()), idle: Vec::new() };
        Channels { desk: Mutex::new(desk), overdue: Arc::default() }
    }

    /// Whether the broker answers: false from the first overdue answer until it has come.
    pub(super) fn ready(&self) -> Result<(), String> {
        match self.overdue.load(Ordering::Acquire) {
            0 => Ok(()),
            overdue => Err(format!("the broker owes an answer to {overdue} messages")),
        }
    }

    async fn open(&self, connection: &Connection) -> lapin::Result<Channel> {
        let idle = self.desk().idle.pop();
        if let Some(channel) = idle.filter(|channel| channel.status().connected()) {
            return Ok(channel);
        }
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }

    /// The end of a lane whose channel is of use to the next one.
    fn put_back(&self, channel: Channel, held: &Held) {
        let mut desk = self.desk();
        desk.waiting.ended(held);
        desk.idle.push(channel);
    }

    /// The end of a lane whose connection is of no use to anybody: all that waits for it.
    fn clear(&self, held: &Held) -> Vec<Ticket> {
        let mut desk = self.desk();
        desk.waiting.ended(held);
        desk.waiting.clear()
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// Publishes `letter` and waits for the broker's word, `within` that time at most. Whoever stops waiting changes
    /// nothing for the others, nor for the letter.
    pub(super) async fn publish(self: &Arc<Self>, letter: Letter, within: Duration) -> Answer {
        if self.blocked() {
            return Err(PublishError::Unavailable("blocked by an alarm of the broker".to_owned()));
        }
        let (ticket, mut stub) = letter::ticket(&letter, &self.channels.overdue);
        self.channels.desk().waiting.push(letter, ticket);
        self.start_lane();
        match timeout(within, &mut stub.answer).await {
            Ok(answer) => answer.unwrap_or(Err(PublishError::Unconfirmed)),
            Err(_) => Err(stub.give_up()),
        }
    }

    fn start_lane(self: &Arc<Self>) {
        if self.channels.desk().waiting.start_lane() {
            tokio::spawn(self.clone().lane());
        }
    }

    async fn lane(self: Arc<Self>) {
        let mut held = Held::Looking;
        match self.work(&mut held).await {
            Ok(channel) => self.channels.put_back(channel, &held),
            Err(why) => {
                self.fail(&why); // an exchange is missing, or the connection broke: all is made anew
                for ticket in self.channels.clear(&held) {
                    ticket.tell(Err(PublishError::Unavailable(why.clone())));
                }
            }
        }
        self.start_lane(); // for what came at the last moment, or waited for this channel
    }

    /// Brings out batches as long as there are any, and until one is slow: others have taken over then. An error says
    /// that the connection is of no use any more.
    async fn work(self: &Arc<Self>, held: &mut Held) -> Result<Channel, String> {
        let channel = self.channels.open(&self.connection).await.map_err(|error| error.to_string())?;
        while *held == Held::Looking {
            let Some(Batch { route, letters, tickets }) = self.channels.desk().waiting.look(held) else {
                break;
            };
            self.start_lane(); // there may be more than one batch
            let mut answers = pin!(batch::bring_out(&channel, letters));
            let answers = match timeout(SLOW, &mut answers).await {
                Ok(answers) => answers,
                Err(_) => {
                    self.channels.desk().waiting.slow(held, route);
                    self.start_lane();
                    answers.await
                }
            };
            self.channels.desk().waiting.over(held);
            tell(tickets, answers)?;
            yield_now().await; // whoever was answered may have more: that goes along
        }
        Ok(channel)
    }
}

fn tell(tickets: Vec<Ticket>, answers: Result<Vec<Answer>, String>) -> Result<(), String> {
    let (answers, end) = match answers {
        Ok(answers) => (answers, Ok(())),
        Err(why) => (vec![Err(PublishError::Unconfirmed); tickets.len()], Err(why)),
    };
    for (ticket, answer) in tickets.into_iter().zip(answers) {
        ticket.tell(answer);
    }
    end
}
