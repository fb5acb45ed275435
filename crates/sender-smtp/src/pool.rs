//! Sessions that wait for their next mail, a few seconds long.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::session::Session;

/// A session that is idle for so long gets its farewell: it costs the server a slot, and lines that stand idle for
/// longer are forgotten by firewalls without a word.
const IDLE: Duration = Duration::from_secs(4);

/// The idle sessions. How many there can be is bounded by how many hand-overs run at a time.
#[derive(Default)]
pub(crate) struct Pool(Arc<Shelf>);

#[derive(Default)]
struct Shelf(Mutex<Idle>);

#[derive(Default)]
struct Idle {
    /// The latest last, with the time at which it goes.
    sessions: Vec<(Instant, Session)>,
    /// Whether somebody looks after them.
    is_swept: bool,
}

impl Pool {
    /// The session that was used last and is still there.
    pub(crate) fn take(&self) -> Option<Session> {
        loop {
            // looked at outside the lock
            let (end, mut session) = self.0.idle().sessions.pop()?;
            if end > Instant::now() && session.is_quiet() {
                return Some(session);
            }
        }
    }

    pub(crate) fn put(&self, session: Session) {
        let mut idle = self.0.idle();
        idle.sessions.push((Instant::now() + IDLE, session));
        if !std::mem::replace(&mut idle.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }
}

impl Shelf {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The provider goes: every session gets its farewell, and nobody waits for the answers.
impl Drop for Shelf {
    fn drop(&mut self) {
        for (_, session) in &mut self.idle().sessions {
            session.farewell_now();
        }
    }
}

/// Says farewell to what was idle for too long; ends when nothing is idle.
async fn sweep(shelf: Weak<Shelf>) {
    loop {
        let Some(next) = shelf.upgrade().and_then(|shelf| first_end(&shelf)) else { return };
        sleep_until(next).await;
        let Some(shelf) = shelf.upgrade() else { return };
        let now = Instant::now();
        let gone: Vec<Session> = {
            let mut idle = shelf.idle();
            let count = idle.sessions.partition_point(|(end, _)| *end <= now);
            idle.sessions.drain(..count).map(|(_, session)| session).collect()
        };
        drop(shelf);
        for session in gone {
            tokio::spawn(session.farewell());
        }
    }
}

/// When the session that waits longest goes; without one, nobody looks after them any more.
fn first_end(shelf: &Shelf) -> Option<Instant> {
    let mut idle = shelf.idle();
    let first = idle.sessions.first().map(|(end, _)| *end);
    idle.is_swept = first.is_some();
    first
}
