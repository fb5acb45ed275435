//! A queue in memory: a job in hand that is dropped comes again, as after a broken connection.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mtan_jobs::{
    Again, AgainError, Attempts, Consumer, Delivery, Poison, Pool, Receipt, ReplyTo, SettleError,
};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::world::{Diary, Mood, Moody};

/// The pool that has no queue.
pub(crate) const NOWHERE: &str = "nowhere";

struct Entry {
    number: u64,
    body: String,
    pool: Pool,
    attempts: Attempts,
    due: Instant,
    in_hand: bool,
}

#[derive(Clone)]
pub(crate) struct Inbox {
    entries: Arc<Mutex<Vec<Entry>>>,
    numbers: Arc<Mutex<u64>>,
    changed: Arc<Notify>,
    /// How the four ways to let go of a job behave.
    pub(crate) mood: Moody,
    diary: Diary,
}

impl Inbox {
    pub(crate) fn new(diary: Diary) -> Inbox {
        let changed = Arc::new(Notify::new());
        Inbox { entries: Arc::default(), numbers: Arc::default(), changed, mood: Moody::default(), diary }
    }

    pub(crate) fn next_number(&self) -> u64 {
        let mut numbers = self.numbers.lock().unwrap();
        *numbers += 1;
        *numbers
    }

    pub(crate) fn put(&self, pool: &str, body: impl Into<String>) {
        self.put_after(pool, body, Attempts::default());
    }

    pub(crate) fn put_after(&self, pool: &str, body: impl Into<String>, attempts: Attempts) {
        let (number, pool) = (self.next_number(), pool.parse().unwrap());
        let entry = Entry { number, body: body.into(), pool, attempts, due: Instant::now(), in_hand: false };
        self.entries.lock().unwrap().push(entry);
        self.changed.notify_waiters();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.lock().unwrap().is_empty()
    }

    /// Jobs that wait, in nobody's hand.
    pub(crate) fn waiting(&self) -> usize {
        self.entries.lock().unwrap().iter().filter(|e| !e.in_hand).count()
    }

    pub(crate) fn consumer(&self, pool: &Pool) -> Taker {
        Taker { inbox: self.clone(), pool: pool.clone(), most: None, in_hand: Arc::default() }
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.lock().unwrap().iter_mut().find(|e| e.number == number) {
            change(entry);
        }
        self.changed.notify_waiters();
    }
}

pub(crate) struct Taker {
    inbox: Inbox,
    pool: Pool,
    /// As it was told by `fetch`.
    most: Option<u16>,
    /// What it has given out since then: each hand holds one of these.
    in_hand: Arc<()>,
}

impl Taker {
    /// A due job, or when the next one is due.
    fn look(&self) -> Result<Delivery, Option<Instant>> {
        if self.most.is_some_and(|most| Arc::strong_count(&self.in_hand) > usize::from(most)) {
            return Err(None);
        }
        let mut entries = self.inbox.entries.lock().unwrap();
        let mine = || |e: &&mut Entry| e.pool == self.pool && !e.in_hand;
        let earliest = entries.iter_mut().filter(mine()).min_by_key(|e| e.due);
        let Some(entry) = earliest else { return Err(None) };
        if entry.due > Instant::now() {
            return Err(Some(entry.due));
        }
        entry.in_hand = true;
        Ok(Delivery {
            body: entry.body.clone().into_bytes(),
            pool: entry.pool.clone(),
            attempts: entry.attempts,
            published_at: None,
            reply_to: Some(ReplyTo { queue: "asker".into(), correlation_id: Some("7".into()) }),
            receipt: Box::new(Hand {
                inbox: self.inbox.clone(),
                number: entry.number,
                settled: false,
                place: Some(Arc::clone(&self.in_hand)),
            }),
        })
    }
}

#[async_trait]
impl Consumer for Taker {
    async fn next(&mut self) -> Option<Delivery> {
        loop {
            let changed = Arc::clone(&self.inbox.changed);
            let mut changed = std::pin::pin!(changed.notified());
            changed.as_mut().enable();
            match self.look() {
                Ok(delivery) => return Some(delivery),
                Err(None) => changed.await,
                Err(Some(due)) => tokio::select! { () = changed => {}, () = sleep_until(due) => {} },
            }
        }
    }

    async fn fetch(&mut self, most: u16) {
        self.inbox.diary.note(format!("fetch {most}"));
        (self.most, self.in_hand) = (Some(most), Arc::default());
    }

    async fn cancel(&mut self) {
        self.inbox.diary.note("cancel");
    }
}

struct Hand {
    inbox: Inbox,
    number: u64,
    settled: bool,
    place: Option<Arc<()>>,
}

impl Hand {
    async fn settle(&mut self, line: String) -> Result<(), SettleError> {
        self.inbox.mood.feel().await.map_err(|()| SettleError("away".into()))?;
        self.inbox.diary.note(line);
        self.settled = true;
        Ok(())
    }

    fn remove(&self) {
        self.inbox.entries.lock().unwrap().retain(|e| e.number != self.number);
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.place = None;
        if !self.settled {
            self.inbox.change(self.number, |entry| entry.in_hand = false);
        }
        self.inbox.changed.notify_waiters(); // there is room in a hand again
    }
}

#[async_trait]
impl Receipt for Hand {
    async fn ack(mut self: Box<Self>) -> Result<(), SettleError> {
        self.settle("ack".into()).await?;
        self.remove();
        Ok(())
    }

    async fn again(mut self: Box<Self>, again: Again) -> Result<(), AgainError> {
        if again.pool.as_str() == NOWHERE {
            self.inbox.diary.note(format!("no queue for {}", again.pool));
            return Err(AgainError::Unroutable(self));
        }
        self.settle(format!("again in {}", again.pool)).await?;
        let due = Instant::now() + again.after;
        self.inbox.change(self.number, |entry| {
            (entry.pool, entry.attempts, entry.due, entry.in_hand) = (again.pool, again.attempts, due, false);
        });
        Ok(())
    }

    async fn bury(mut self: Box<Self>, poison: &Poison) -> Result<(), SettleError> {
        self.settle(format!("bury {}", poison.reason.as_str())).await?;
        self.remove();
        Ok(())
    }

    async fn give_back(mut self: Box<Self>) -> Result<(), SettleError> {
        self.settle("give back".into()).await?;
        self.inbox.change(self.number, |entry| entry.in_hand = false);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_job_comes_again() {
    let inbox = Inbox::new(Diary::default());
    inbox.put("a", "x");
    inbox.mood.set(Mood::Works);
    let mut taker = inbox.consumer(&"a".parse().unwrap());
    drop(taker.next().await);
    assert_eq!(inbox.waiting(), 1);
    taker.next().await.unwrap().receipt.ack().await.unwrap();
    assert!(inbox.is_empty());
}
