//! What runs beside the requests: the outbox relay, and the ledger's clerk that keeps every report.

use std::sync::Arc;
use std::time::Duration;

use mtan_jobs::{ReportConsumer, ReportDelivery, SendReport};
use mtan_verifier::Verifier;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::observed::show_outbox;

/// Between two turns of the relay while there is something to do.
const TURN: Duration = Duration::from_millis(200);

/// Between two turns while there is nothing: entries of a process that died may come due.
const IDLE: Duration = Duration::from_secs(1);

/// As many entries in one turn mean that more may wait.
const FULL_TURN: usize = 256;

/// The longest pause while the store is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long the last turn may take after the stop.
const LAST_TURN: Duration = Duration::from_secs(2);

/// Between two looks at the outbox's depth.
const DEPTH_EVERY: Duration = Duration::from_secs(1);

/// Reports that are being kept at the same time.
const MOST_REPORTS: usize = 32;

/// Doubles from [`TURN`] to [`LONGEST_PAUSE`].
struct Pause(Duration);

impl Pause {
    fn new() -> Pause {
        Pause(TURN)
    }

    fn next(&mut self) -> Duration {
        let next = (self.0 * 2).min(LONGEST_PAUSE);
        std::mem::replace(&mut self.0, next)
    }
}

/// Turns the relay until `stop`, and once more: what was confirmed meanwhile is settled. `stirred` says that a request may have
/// put something into the outbox.
pub(crate) async fn relay(verifier: Arc<Verifier>, stirred: Arc<Notify>, stop: CancellationToken) {
    let mut pause = Pause::new();
    let mut shown: Option<Instant> = None;
    loop {
        let rest = match verifier.relay().await {
            Ok(taken) => {
                pause = Pause::new();
                match taken {
                    FULL_TURN.. => Rest::None,
                    0 => Rest::UntilStirred,
                    _ => Rest::For(TURN),
                }
            }
            Err(error) => {
                warn!(%error, "the outbox relay waits for the store");
                Rest::For(pause.next())
            }
        };
        if shown.is_none_or(|at| at.elapsed() >= DEPTH_EVERY) {
            shown = Some(Instant::now());
            show_depth(&verifier).await;
        }
        if stop.run_until_cancelled(rest.over(&stirred)).await.is_none() {
            break;
        }
    }
    match timeout(LAST_TURN, verifier.relay()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => warn!(%error, "confirmed jobs stay in the outbox and are published again"),
        Err(_) => warn!("the outbox relay did not end in time: confirmed jobs may be published again"),
    }
}

enum Rest {
    None,
    For(Duration),
    UntilStirred,
}

impl Rest {
    async fn over(self, stirred: &Notify) {
        match self {
            // A stop between two full turns must be seen.
            Rest::None => tokio::task::yield_now().await,
            Rest::For(time) => sleep(time).await,
            // Stirred is not yet settled: many requests share the next turn.
            Rest::UntilStirred => {
                if timeout(IDLE, stirred.notified()).await.is_ok() {
                    sleep(TURN).await;
                }
            }
        }
    }
}

async fn show_depth(verifier: &Verifier) {
    match verifier.outbox_depth().await {
        Ok(depth) => show_outbox(depth),
        Err(error) => tracing::debug!(%error, "the outbox did not tell its depth"),
    }
}

/// Keeps reports until the consumer ends, which it does after its stop. Those in hand are brought to their end; `stop` only
/// ends the pauses.
pub(crate) async fn ledger(
    verifier: Arc<Verifier>,
    mut reports: Box<dyn ReportConsumer>,
    stop: CancellationToken,
) {
    let mut in_hand: JoinSet<Kept> = JoinSet::new();
    let mut pause = Pause::new();
    while let Some(delivery) = reports.next().await {
        in_hand.spawn(keep(verifier.clone(), delivery));
        let mut ended = Vec::new();
        if in_hand.len() >= MOST_REPORTS {
            ended.extend(in_hand.join_next().await);
        }
        ended.extend(std::iter::from_fn(|| in_hand.try_join_next()));
        for end in ended {
            match end {
                Ok(Kept::Yes) => pause = Pause::new(),
                Ok(Kept::StoreAway) => {
                    stop.run_until_cancelled(sleep(pause.next())).await;
                }
                Err(error) => error!(%error, "a report was not kept: it comes again"),
            }
        }
    }
    while in_hand.join_next().await.is_some() {}
}

enum Kept {
    Yes,
    StoreAway,
}

/// The report is kept first and acknowledged second: a crash between the two repeats it, which changes nothing.
async fn keep(verifier: Arc<Verifier>, delivery: ReportDelivery) -> Kept {
    let ReportDelivery { body, receipt } = delivery;
    let (end, settled) = match SendReport::from_json(&body) {
        Ok(report) => match verifier.apply_report(&report).await {
            Ok(_) => (Kept::Yes, receipt.ack().await),
            Err(error) => {
                warn!(job.id = %report.job_id, %error, "report not kept: given back");
                (Kept::StoreAway, receipt.give_back().await)
            }
        },
        Err(error) => {
            // It would come again for ever and never become a report.
            error!(%error, bytes = body.len(), "malformed report dropped");
            (Kept::Yes, receipt.ack().await)
        }
    };
    if let Err(error) = settled {
        warn!(%error, "a report comes again");
    }
    end
}
