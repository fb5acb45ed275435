//! One hand-over: the provider's call, bounded in time, its panics caught, the claim's lease renewed meanwhile.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use jiff::Timestamp;
use mtan_jobs::{Owner, ReportCode, SendJob};
use tokio::time::{Instant, sleep, timeout};
use tracing::{error, warn};

use crate::run::Postroom;
use crate::{Detail, ReportTo, Verdict, metrics};

/// How long after its own time-out a provider's call is cut off: its own answer knows more than "no answer".
const NET: Duration = Duration::from_secs(1);

/// How long after the code's death an answer is still waited for: it may say that the SMS went out in time.
const GRACE: Duration = Duration::from_secs(5);

/// Whether the claim was ours all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    Held,
    /// Somebody else may have taken the job over meanwhile.
    Lost,
}

/// Hands over, exactly once, and says what came of it.
pub(crate) async fn hand_over(
    room: &Postroom,
    job: &SendJob,
    owner: &Owner,
    deadline: Timestamp,
    report_to: Option<&ReportTo>,
) -> (Verdict, Lease) {
    let started = Instant::now();
    let lost = AtomicBool::new(false);
    let verdict = tokio::select! {
        biased;
        verdict = call(room, job, deadline, report_to) => verdict,
        never = keep_lease(room, job, owner, &lost) => match never {},
    };
    metrics::handed_over(&room.pool, verdict.as_str(), started.elapsed());
    let lease = if lost.into_inner() { Lease::Lost } else { Lease::Held };
    (verdict, lease)
}

async fn call(room: &Postroom, job: &SendJob, deadline: Timestamp, report_to: Option<&ReportTo>) -> Verdict {
    let left = Duration::try_from(deadline.duration_since(room.clock.now())).unwrap_or_default();
    let bound = room.provider.time_out().saturating_add(NET).min(left.saturating_add(GRACE));
    let sending = match report_to {
        Some(to) => room.provider.send_reporting_to(job, deadline, to),
        None => room.provider.send(job, deadline),
    };
    let call = AssertUnwindSafe(sending).catch_unwind();
    match timeout(bound, call).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) => {
            error!(job.id = %job.id, pool = %room.pool, "the provider panicked in the middle of a hand-over");
            no_answer("the provider panicked")
        }
        Err(_) => no_answer("no answer in time"),
    }
}

fn no_answer(why: &'static str) -> Verdict {
    Verdict::Unknown { code: ReportCode::NoAnswer, detail: Some(Detail::own(why)) }
}

/// Renews three times a lease; a book that is away is asked again, for the hand-over cannot be called off any more.
async fn keep_lease(room: &Postroom, job: &SendJob, owner: &Owner, lost: &AtomicBool) -> Infallible {
    let lease = room.rules.lease;
    loop {
        sleep(lease / 3).await;
        match room.claims.renew(&job.id, owner, room.clock.now(), lease).await {
            Ok(true) => {}
            Ok(false) => lost.store(true, Ordering::Relaxed),
            Err(e) => {
                lost.store(true, Ordering::Relaxed);
                warn!(job.id = %job.id, pool = %room.pool, error = %e, "lease not renewed");
            }
        }
    }
}
