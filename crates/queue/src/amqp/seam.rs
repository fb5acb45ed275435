//! Seam 1 over AMQP: what the other rooms hold in their hands.

use async_trait::async_trait;
use mtan_jobs::{
    Again, AgainError, Clock, Consumer, Delivery, Poison, Pool, PublishError, Publisher, Receipt, ReplyTo,
    ReportConsumer, ReportDelivery, ReportPublisher, ReportReceipt, SendJob, SendReport, SettleError,
    SystemClock,
};

use std::sync::Arc;

use super::Shared;
use super::feed::Feed;
use super::parcel::Parcel;
use super::properties;

/// Puts jobs into the pools' queues.
pub(super) struct AmqpPublisher(pub(super) Arc<Shared>);

#[async_trait]
impl Publisher for AmqpPublisher {
    async fn publish(&self, job: &SendJob) -> Result<(), PublishError> {
        self.0.outlet.job(job).await
    }

    fn ready(&self) -> Result<(), String> {
        self.0.outlet.ready()
    }
}

/// Tells what became of jobs.
pub(super) struct AmqpReportPublisher(pub(super) Arc<Shared>);

#[async_trait]
impl ReportPublisher for AmqpReportPublisher {
    async fn report(&self, report: &SendReport, reply_to: Option<&ReplyTo>) -> Result<(), PublishError> {
        self.0.outlet.report(report).await?;
        match reply_to {
            Some(reply_to) => self.0.outlet.reply(report, reply_to).await,
            None => Ok(()),
        }
    }
}

/// Takes the jobs of one pool.
pub(super) struct AmqpConsumer {
    pub(super) feed: Feed,
    pub(super) pool: Pool,
    pub(super) shared: Arc<Shared>,
}

#[async_trait]
impl Consumer for AmqpConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        let parcel = self.feed.next().await?;
        Some(Delivery {
            body: parcel.body.clone(),
            pool: self.pool.clone(),
            attempts: properties::attempts(&parcel.properties),
            published_at: properties::published_at(&parcel.properties, SystemClock.now()),
            reply_to: properties::reply_to(&parcel.properties),
            receipt: Box::new(JobReceipt { parcel, pool: self.pool.clone(), shared: self.shared.clone() }),
        })
    }

    async fn fetch(&mut self, most: u16) {
        self.feed.fetch(most).await;
    }

    async fn cancel(&mut self) {
        self.feed.stop().await;
    }
}

struct JobReceipt {
    parcel: Parcel,
    pool: Pool,
    shared: Arc<Shared>,
}

#[async_trait]
impl Receipt for JobReceipt {
    async fn ack(self: Box<Self>) -> Result<(), SettleError> {
        self.parcel.ack().await
    }

    async fn again(self: Box<Self>, again: Again) -> Result<(), AgainError> {
        let JobReceipt { parcel, pool, shared } = *self;
        // the copy first, confirmed: a crash between the two makes two of it, never none
        match shared.outlet.again(&parcel, &again.pool, again.after, again.attempts).await {
            Ok(()) => Ok(parcel.ack().await?),
            Err(PublishError::Unroutable) if again.pool != pool => {
                Err(AgainError::Unroutable(Box::new(JobReceipt { parcel, pool, shared })))
            }
            Err(error) => Err(parcel.refused(error).into()),
        }
    }

    async fn bury(self: Box<Self>, poison: &Poison) -> Result<(), SettleError> {
        let JobReceipt { parcel, pool, shared } = *self;
        match shared.outlet.bury(&parcel, &pool, poison).await {
            Ok(()) => parcel.ack().await,
            Err(error) => Err(parcel.refused(error)),
        }
    }

    async fn give_back(self: Box<Self>) -> Result<(), SettleError> {
        self.parcel.give_back().await
    }
}

/// Takes the reports for the ledger.
pub(super) struct AmqpReportConsumer {
    pub(super) feed: Feed,
    pub(super) _shared: Arc<Shared>,
}

#[async_trait]
impl ReportConsumer for AmqpReportConsumer {
    async fn next(&mut self) -> Option<ReportDelivery> {
        let parcel = self.feed.next().await?;
        Some(ReportDelivery { body: parcel.body.clone(), receipt: Box::new(Signed(parcel)) })
    }
}

struct Signed(Parcel);

#[async_trait]
impl ReportReceipt for Signed {
    async fn ack(self: Box<Self>) -> Result<(), SettleError> {
        self.0.ack().await
    }

    async fn give_back(self: Box<Self>) -> Result<(), SettleError> {
        self.0.give_back().await
    }
}
