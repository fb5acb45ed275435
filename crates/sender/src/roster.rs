//! The pools that a process sends for, exchanged while it runs: what is new starts, what is changed drains its old way out
//! and goes on with the new one, what is gone drains.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mtan_daemon::{Health, PoolConfig};
use mtan_jobs::{Clock, Pool};
use mtan_queue::{Books, Queue};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info, info_span};

use crate::{Deliveries, Way};

/// What all senders of a process share.
pub struct Outfit {
    /// Where jobs come from and reports go.
    pub queue: Queue,
    /// What keeps an SMS from being sent twice, and the pools' rates.
    pub books: Books,
    /// What delivery reports need.
    pub deliveries: Deliveries,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long an old way out, and a stop, may take to finish what is in hand.
    pub drain: Duration,
    /// Where the ways out are told of.
    pub health: Health,
}

/// The senders of this process. Clones are the same.
#[derive(Clone)]
pub struct Roster(Arc<Inner>);

struct Inner {
    outfit: Outfit,
    /// Ends all of them.
    stop: CancellationToken,
    posts: Mutex<BTreeMap<Pool, Post>>,
    tasks: TaskTracker,
    /// A sender that ended though nobody had asked it to.
    fallen: Mutex<Option<Pool>>,
}

/// One pool at work.
struct Post {
    config: Option<PoolConfig>,
    exclusive: bool,
    /// Drains it.
    stop: CancellationToken,
    /// It has drained.
    over: CancellationToken,
}

/// What an exchange did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// Pools that were not there before.
    pub started: Vec<Pool>,
    /// Pools whose way out is another one now.
    pub changed: Vec<Pool>,
    /// Pools that are no more.
    pub gone: Vec<Pool>,
}

/// The sender of this pool ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sender of pool {0} ended by itself")]
pub struct Fallen(pub Pool);

impl Roster {
    /// Nobody at work yet; `stop` drains everybody who ever is. A sender that ends by itself cancels `stop`: a process that
    /// looks alive and sends nothing would be found by nobody.
    pub fn new(outfit: Outfit, stop: CancellationToken) -> Roster {
        let (posts, fallen) = (Mutex::default(), Mutex::default());
        Roster(Arc::new(Inner { outfit, stop, posts, tasks: TaskTracker::new(), fallen }))
    }

    /// From now on exactly `ways` are sent by; one whose configuration is as it was is left alone. Returns at once: old ways
    /// out finish what they have in hand, and what is left of theirs comes again from the queue, to the new one. Pools in
    /// `keep` go on as they are.
    pub fn exchange(&self, ways: Vec<Way>, keep: &[Pool]) -> Exchanged {
        let mut exchanged = Exchanged::default();
        let mut posts = self.0.posts.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.stop.is_cancelled() {
            return exchanged;
        }
        let wanted = |pool: &Pool| keep.contains(pool) || ways.iter().any(|way| way.pool == *pool);
        for (pool, post) in posts.extract_if(.., |pool, _| !wanted(pool)) {
            self.0.outfit.health.forget_notes(|name| name.ends_with(&format!(" {pool}")));
            post.stop.cancel();
            exchanged.gone.push(pool);
        }
        for way in ways {
            let pool = way.pool.clone();
            let before = posts.remove(&pool);
            match before {
                Some(post) if post.config.is_some() && post.config == way.config => {
                    posts.insert(pool, post);
                }
                before => {
                    let list = if before.is_some() { &mut exchanged.changed } else { &mut exchanged.started };
                    list.push(pool.clone());
                    posts.insert(pool, self.start(way, before));
                }
            }
        }
        exchanged
    }

    /// Whether a pool is sent for exactly as `config` has it.
    pub fn runs(&self, config: &PoolConfig) -> bool {
        let posts = self.0.posts.lock().unwrap_or_else(PoisonError::into_inner);
        posts.values().any(|post| post.config.as_ref() == Some(config))
    }

    /// The pools that are sent for.
    pub fn pools(&self) -> Vec<Pool> {
        self.0.posts.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Until `stop`, and then until everybody has drained, those too who were exchanged before.
    ///
    /// # Errors
    /// It was a sender that ended by itself.
    pub async fn wait(&self) -> Result<(), Fallen> {
        self.0.stop.cancelled().await;
        // nobody starts after this: an exchange sees the stop under the same lock
        drop(self.0.posts.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.tasks.close();
        self.0.tasks.wait().await;
        match self.0.fallen.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(pool) => Err(Fallen(pool)),
            None => Ok(()),
        }
    }

    fn start(&self, way: Way, before: Option<Post>) -> Post {
        let Inner { outfit, stop, tasks, .. } = &*self.0;
        way.breaker.add_note(&outfit.health);
        way.provider.add_notes(&way.pool, &outfit.health);
        outfit.deliveries.learn(&way);
        let exclusive = way.provider.is_exclusive();
        let post = Post {
            config: way.config.clone(),
            exclusive,
            stop: stop.child_token(),
            over: CancellationToken::new(),
        };
        // a port belongs to one: the new one waits until the old one has let go of it
        let wait_for = before.as_ref().filter(|before| exclusive || before.exclusive);
        let wait_for = wait_for.map(|before| before.over.clone());
        if let Some(before) = before {
            before.stop.cancel();
        }
        let (own_stop, over) = (post.stop.clone(), post.over.clone().drop_guard());
        let (roster, pool) = (self.clone(), way.pool.clone());
        let work = async move {
            let _over = over;
            if let Some(before) = wait_for {
                before.cancelled().await;
            }
            roster.work(way, own_stop).await;
        };
        tasks.spawn(work.instrument(info_span!("sender", pool = %pool)));
        post
    }

    /// Sends until `own_stop`. The work is a task of its own, so that a panic in it is seen.
    async fn work(&self, way: Way, own_stop: CancellationToken) {
        if own_stop.is_cancelled() {
            return;
        }
        let Outfit { queue, books, deliveries, clock, drain, .. } = &self.0.outfit;
        let pool = way.pool.clone();
        let sender = way.sender(queue, books, Some(deliveries), clock.clone(), *drain);
        let ended = tokio::spawn(sender.run(own_stop.clone())).await;
        if let Err(panic) = &ended {
            error!(pool = %pool, error = %panic, "the sender panicked");
        }
        if !own_stop.is_cancelled() || ended.is_err() {
            self.0.fallen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(pool);
            self.0.stop.cancel();
        }
    }
}

impl Exchanged {
    /// Whether everything stayed as it was.
    pub fn is_nothing(&self) -> bool {
        *self == Exchanged::default()
    }

    /// One line for the log, if there is something to tell.
    pub fn log(&self) {
        let names = |pools: &[Pool]| pools.iter().map(Pool::as_str).collect::<Vec<_>>().join(", ");
        if !self.is_nothing() {
            let Exchanged { started, changed, gone } = self;
            info!(started = names(started), changed = names(changed), gone = names(gone), "pools exchanged");
        }
    }
}
