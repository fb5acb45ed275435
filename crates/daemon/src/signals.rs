//! Signals: the first to stop asks, the second one ends; a hang-up is survived.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// The hang-ups that come: each one asks for the configuration to be read again.
pub struct Hangups(Signal);

impl Hangups {
    /// The next one.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

/// As [`stop_on_signals`], for a process that can read its configuration anew: SIGHUP is told to it.
///
/// # Panics
/// Outside a tokio runtime with its signal driver, or if the system refuses the handlers.
pub fn stop_and_reload_on_signals() -> (CancellationToken, Hangups) {
    let stop = CancellationToken::new();
    let on = |kind| signal(kind).expect("SIGTERM, SIGINT and SIGHUP can be handled");
    // here and not in the task: from this line on, no signal kills the process by surprise
    let (terminate, interrupt) = (on(SignalKind::terminate()), on(SignalKind::interrupt()));
    tokio::spawn(watch(terminate, interrupt, stop.clone()));
    (stop, Hangups(on(SignalKind::hangup())))
}

/// A token that SIGTERM or SIGINT cancels. A second one ends the process at once, with exit code 128 + the signal's
/// number. SIGHUP, which would end the process without a word, is logged and changes nothing. Call it once, within a tokio runtime, before the work begins.
///
/// # Panics
/// Outside a tokio runtime with its signal driver, or if the system refuses the handlers.
pub fn stop_on_signals() -> CancellationToken {
    let (stop, hangups) = stop_and_reload_on_signals();
    tokio::spawn(survive(hangups));
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

async fn survive(mut hangups: Hangups) {
    loop {
        hangups.next().await;
        warn!("SIGHUP: this process does not read its configuration anew; restart it to take another one");
    }
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> (&'static str, i32) {
    tokio::select! {
        _ = terminate.recv() => ("SIGTERM", SignalKind::terminate().as_raw_value()),
        _ = interrupt.recv() => ("SIGINT", SignalKind::interrupt().as_raw_value()),
    }
}
