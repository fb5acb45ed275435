//! Signals: the first to stop asks, the second one ends; a hang-up is survived.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// A token that SIGTERM or SIGINT cancels. A second one ends the process at once, with exit code 128 + the signal's
/// number. SIGHUP, which would end the process without a word, is logged and changes nothing. Call it once, within a tokio runtime, before the work begins.
///
/// # Panics
/// Outside a tokio runtime with its signal driver, or if the system refuses the handlers.
pub fn stop_on_signals() -> CancellationToken {
    let stop = CancellationToken::new();
    let on = |kind| signal(kind).expect("SIGTERM, SIGINT and SIGHUP can be handled");
    // here and not in the task: from this line on, no signal kills the process by surprise
    let (terminate, interrupt) = (on(SignalKind::terminate()), on(SignalKind::interrupt()));
    tokio::spawn(survive(on(SignalKind::hangup())));
    tokio::spawn(watch(terminate, interrupt, stop.clone()));
    stop
}

async fn watch(mut terminate: Signal, mut interrupt: Signal, stop: CancellationToken) {
    let (name, _) = next(&mut terminate, &mut interrupt).await;
    info!(signal = name, "stopping: what is in hand is finished; a second signal ends at once");
    stop.cancel();
    let (name, number) = next(&mut terminate, &mut interrupt).await;
    warn!(signal = name, "ended at once");
    std::process::exit(128 + number);
}

async fn survive(mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        warn!("SIGHUP: reloading is not built yet; restart to take a new configuration");
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
        _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
    }
}
