//! Whether a consumer that hears nothing is one that has nothing to hear.
//!
//! RabbitMQ tells a consumer that its queue was deleted, but not always. A quorum queue that is made again under the
//! same name at once (seen on 3.10) leaves the consumers of the old one as consumers of nothing, on a channel that
//! works, for ever; the broker counts them, and even sets up to a prefetch of messages aside for them. So a consumer
//! looks at its queue from time to time, and one that has been idle for a while subscribes anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::feed::{ANSWER_WITHIN, Session};
use super::topology;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looks without a message until a consumer subscribes anew.
const IDLE_LOOKS: u32 = 4;

/// What a look found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing to complain of.
    Fine,
    /// Idle for long: time to subscribe anew, which costs nothing now.
    Idle,
    /// This session is a consumer of nothing.
    Unserved(String),
}

/// What was seen so far.
pub(super) struct Watch {
    queue: String,
    prefetch: usize,
    next_look: Instant,
    came: bool,
    starving: bool,
    idle_looks: u32,
}

impl Watch {
    pub(super) fn new(queue: String, prefetch: u16) -> Watch {
        let next_look = Instant::now() + LOOK_EVERY;
        Watch { queue, prefetch: prefetch.into(), next_look, came: false, starving: false, idle_looks: 0 }
    }

    pub(super) fn something_came(&mut self) {
        self.came = true;
    }

    pub(super) async fn time_to_look(&self) {
        sleep_until(self.next_look).await;
    }

    /// Looks at the queue, by the session's second channel.
    pub(super) async fn look(&mut self, session: &Arc<Session>) -> Look {
        self.next_look = Instant::now() + LOOK_EVERY;
        let (waiting, consumers) =
            match timeout(ANSWER_WITHIN, topology::look(&session.looker, &self.queue)).await {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => return Look::Unserved(error.to_string()),
                Err(_) => return Look::Unserved("no answer to a look at the queue".to_owned()),
            };
        let in_hand = Arc::strong_count(session) - 1; // each delivery in hand holds the session
        self.judge(waiting, consumers, in_hand)
    }

    fn judge(&mut self, waiting: u32, consumers: u32, in_hand: usize) -> Look {
        let came = std::mem::take(&mut self.came);
        // messages wait, there is room for them here, and none came
        let starves = waiting > 0 && in_hand < self.prefetch && !came;
        let starved = std::mem::replace(&mut self.starving, starves);
        self.idle_looks = if came || in_hand > 0 { 0 } else { self.idle_looks + 1 };
        if consumers == 0 {
            Look::Unserved("the broker knows of no consumer".to_owned())
        } else if starves && starved {
            Look::Unserved(format!("{waiting} messages wait and none comes"))
        } else if self.idle_looks >= IDLE_LOOKS {
            Look::Idle
        } else {
            Look::Fine
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        let next_look = Instant::now();
        Watch { queue: String::new(), prefetch: 2, next_look, came: false, starving: false, idle_looks: 0 }
    }

    fn unserved(look: &Look) -> bool {
        matches!(look, Look::Unserved(_))
    }

    #[test]
    fn a_consumer_of_nothing_is_found_out_at_the_first_look() {
        assert!(unserved(&watch().judge(0, 0, 0)));
    }

    #[test]
    fn a_consumer_that_starves_beside_others_is_found_out_at_the_second() {
        let mut watch = watch();
        assert_eq!(watch.judge(7, 2, 1), Look::Fine);
        assert!(unserved(&watch.judge(7, 2, 1)));
    }

    #[test]
    fn a_consumer_that_is_served_or_full_is_left_alone() {
        let mut watch = watch();
        for (waiting, in_hand, came) in
            [(7, 0, false), (7, 0, true), (7, 0, false), (0, 0, false), (7, 2, false), (7, 2, false)]
        {
            watch.came |= came;
            assert_eq!(watch.judge(waiting, 1, in_hand), Look::Fine, "{waiting} {in_hand} {came}");
        }
    }

    #[test]
    fn a_consumer_that_was_idle_for_four_looks_subscribes_anew() {
        let mut watch = watch();
        let looks: Vec<Look> = (0..3).map(|_| watch.judge(0, 1, 0)).collect();
        assert_eq!(looks, [Look::Fine, Look::Fine, Look::Fine]);
        assert_eq!(watch.judge(0, 1, 1), Look::Fine, "not while anything is in hand");
        let looks: Vec<Look> = (0..4).map(|_| watch.judge(0, 1, 0)).collect();
        assert_eq!(looks, [Look::Fine, Look::Fine, Look::Fine, Look::Idle]);
    }
}
