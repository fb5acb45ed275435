//! A delivery in hand. However it is let go of, and also if it is forgotten, the broker hears of it.

use std::sync::Arc;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use lapin::{Acker, BasicProperties};
use mtan_jobs::SettleError;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::feed::{GIVE_BACK, Session};

/// For writing an acknowledgement to the socket.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// A delivery that could not be moved on is kept this long before it goes back, or a broker that refuses the one and
/// gives the other would send it round in circles as fast as it can, a hand-over each time.
const REFUSED_PAUSE: Duration = Duration::from_secs(3);

pub(super) struct Parcel {
    pub(super) body: Vec<u8>,
    pub(super) properties: BasicProperties,
    pub(super) session: Arc<Session>,
    acker: Option<Acker>,
    runtime: Handle,
}

impl Parcel {
    /// Takes over `delivery`; needs to be called on a runtime.
    pub(super) fn new(delivery: Delivery, session: Arc<Session>) -> Parcel {
        Parcel {
            body: delivery.data,
            properties: delivery.properties,
            session,
            acker: Some(delivery.acker),
            runtime: Handle::current(),
        }
    }

    /// The broker forgets it.
    pub(super) async fn ack(mut self) -> Result<(), SettleError> {
        let Some(acker) = self.acker.take() else { return Err(gone()) };
        settled(timeout(WRITE_WITHIN, acker.ack(BasicAckOptions::default())).await)
    }

    /// The broker gives it to the next one, at once.
    pub(super) async fn give_back(mut self) -> Result<(), SettleError> {
        let Some(acker) = self.acker.take() else { return Err(gone()) };
        settled(timeout(WRITE_WITHIN, acker.nack(GIVE_BACK)).await)
    }

    /// It could not be moved on, as `error` says: back it goes, after a pause.
    pub(super) fn refused(mut self, error: impl ToString) -> SettleError {
        self.give_back_later(REFUSED_PAUSE);
        SettleError(error.to_string())
    }

    fn give_back_later(&mut self, pause: Duration) {
        let Some(acker) = self.acker.take() else { return };
        let session = self.session.clone();
        self.runtime.spawn(async move {
            sleep(pause).await;
            acker.nack(GIVE_BACK).await.ok(); // an error: the connection is gone, and with it our hold on the delivery
            drop(session); // only now: its end would close the channel
        });
    }
}

impl Drop for Parcel {
    /// Forgotten, by a panic perhaps: it must not hold a place of the prefetch for ever.
    fn drop(&mut self) {
        if !self.session.is_over() {
            self.give_back_later(Duration::ZERO);
        }
    }
}

fn gone() -> SettleError {
    SettleError("the connection that it came by is gone".to_owned())
}

fn settled(result: Result<lapin::Result<bool>, tokio::time::error::Elapsed>) -> Result<(), SettleError> {
    match result {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(gone()),
        Ok(Err(error)) => Err(SettleError(error.to_string())),
        Err(_) => Err(SettleError(format!("not written in {WRITE_WITHIN:?}"))),
    }
}
