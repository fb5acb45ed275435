//! A queue made of memory that remembers every job and can be away, full, slow, or silent about what it did.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mtan_jobs::{PublishError, Publisher, SendJob};

use crate::scheduler::step_aside;
use crate::store::MemoryStore;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Up,
    /// Stores, but only after many steps of others.
    Slow,
    /// Known to be away.
    Away,
    /// Says that it is ready, and then is not.
    Dying,
    Full,
    Unroutable,
    /// Stores the job and does not say so.
    SilentStored,
    /// Does not store the job, and does not say so.
    SilentLost,
}

/// One publish.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) job: SendJob,
    /// Whether the queue has it now.
    pub(crate) stored: bool,
    /// Whether its challenge was open, and the job in the outbox, before it was published.
    pub(crate) opened_before: bool,
}

pub(crate) struct Broker {
    store: Arc<MemoryStore>,
    mood: Mutex<Mood>,
    published: Mutex<Vec<Published>>,
}

impl Broker {
    pub(crate) fn new(store: Arc<MemoryStore>) -> Broker {
        Broker { store, mood: Mutex::new(Mood::Up), published: Mutex::default() }
    }

    pub(crate) fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    /// Every publish so far.
    pub(crate) fn published(&self) -> Vec<Published> {
        self.published.lock().unwrap().clone()
    }

    /// The jobs that lie in the queue, in order.
    pub(crate) fn stored(&self) -> Vec<SendJob> {
        self.published().into_iter().filter(|p| p.stored).map(|p| p.job).collect()
    }
}

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, job: &SendJob) -> Result<(), PublishError> {
        let opened_before = self.store.was_opened(&job.id);
        step_aside().await;
        let mood = self.mood();
        if mood == Mood::Slow {
            for _ in 0..20 {
                step_aside().await;
            }
        }
        let stored = matches!(mood, Mood::Up | Mood::Slow | Mood::SilentStored);
        self.published.lock().unwrap().push(Published { job: job.clone(), stored, opened_before });
        step_aside().await;
        match mood {
            Mood::Up | Mood::Slow => Ok(()),
            Mood::Away | Mood::Dying => Err(PublishError::Unavailable("cut".to_owned())),
            Mood::Full => Err(PublishError::Full),
            Mood::Unroutable => Err(PublishError::Unroutable),
            Mood::SilentStored | Mood::SilentLost => Err(PublishError::Unconfirmed),
        }
    }

    fn ready(&self) -> Result<(), String> {
        if self.mood() == Mood::Away { Err("not connected".to_owned()) } else { Ok(()) }
    }
}
