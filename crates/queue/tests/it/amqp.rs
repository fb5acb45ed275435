//! The queue over a real RabbitMQ, and the claim book and the rates in a real Redis.

#![allow(clippy::unwrap_used, reason = "a test that unwraps in vain fails, as it should")]

mod batches;
mod claims;
mod deliveries;
mod far_side;
mod outages;
mod rates;
mod replies;
mod rest;
mod wire;

use mtan_queue::Queue;
use mtan_testkit::proxy::Proxy;
use mtan_testkit::rabbit;

use crate::suite::{Bench, DeadLetter};
use far_side::FarSide;

/// A vhost of its own. A crash is the end of the process's line to the broker: nothing passes any more, in either
/// direction, and the next process has another line.
struct OnBroker {
    far_side: FarSide,
    line: Proxy,
    queue: Queue,
}

impl OnBroker {
    async fn connect(far_side: FarSide) -> OnBroker {
        let line = Proxy::start(("127.0.0.1", far_side.port())).await;
        let queue = Queue::amqp(&far_side.url_over(&line), "mtan-test").unwrap();
        OnBroker { far_side, line, queue }
    }
}

impl Bench for OnBroker {
    async fn fresh() -> OnBroker {
        OnBroker::connect(FarSide::new(&rabbit::shared().await.url)).await
    }

    fn queue(&self) -> Queue {
        self.queue.clone()
    }

    async fn crash(&mut self) {
        self.line.cut().await;
        *self = OnBroker::connect(self.far_side.clone()).await;
    }

    async fn dead(&self) -> Vec<DeadLetter> {
        let letter = |message: lapin::message::Delivery| {
            let header = |name| far_side::header(&message, name).unwrap_or_default();
            let id = message.properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default();
            DeadLetter {
                id,
                pool: header("x-mtan-pool"),
                reason: header("x-mtan-reason"),
                faults: header("x-mtan-faults"),
            }
        };
        self.far_side.look("mtan.dead").await.into_iter().map(letter).collect()
    }
}

mod jobs {
    crate::suite::promises!(jobs: super::OnBroker);
}

mod reports {
    crate::suite::promises!(reports: super::OnBroker);
}
