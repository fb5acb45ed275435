//! Awaited delivery reports in a real Redis: the suite, and the least rights.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use mtan_jobs::{DeliveryBook, News};
use mtan_queue::redis_deliveries;
use mtan_testkit::redis::RedisServer;

use super::claims::least_rights;
use crate::suite::deliveries::{awaited, ticket};
use crate::suite::{DeliveryBench, job_id, now};

struct InRedis(RedisServer);

impl DeliveryBench for InRedis {
    async fn fresh() -> InRedis {
        InRedis(RedisServer::start().await)
    }

    fn book(&self) -> Arc<dyn DeliveryBook> {
        redis_deliveries(&self.0.url()).unwrap()
    }
}

mod suite {
    crate::suite::promises!(deliveries: super::InRedis);
}

#[tokio::test]
async fn a_sender_s_rights_are_enough() {
    let redis = RedisServer::start().await;
    let book = redis_deliveries(&least_rights(&redis).await).unwrap();
    let (start, keep) = (now(), now() + SignedDuration::from_mins(1));
    let ticket = book.expect(&awaited("one"), &ticket(1), start, keep).await.unwrap();
    let lease = Duration::from_secs(10);
    let news = book.present(&job_id("one"), ticket.expose(), start, lease).await;
    assert_eq!(news, Ok(News::First(awaited("one"))));
    book.told(&job_id("one")).await.unwrap();
    assert_eq!(book.present(&job_id("one"), ticket.expose(), start, lease).await, Ok(News::Told));
    book.expect(&awaited("one"), &ticket, keep, keep + lease).await.unwrap();
}
