//! The reset ladder: ESC and AT, the port opened anew, `AT+CFUN=1,1`, the DTR line; then an alarm, and on without an end.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::at::{Dialogue, Wire};
use crate::metrics;
use crate::port::Port;

/// After so many failures in a row somebody is called.
pub(super) const ALARM: u32 = 6;

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// How long a modem has to leave an unknown state, before a stronger remedy is tried.
const ESCAPE: Duration = Duration::from_secs(4);

/// A modem that was told to boot is not spoken to before; many take 15 s and more, and are then tried again.
const BOOT: Duration = Duration::from_secs(2);

/// What is done to a port that was just opened, before the modem is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    None,
    /// `AT+CFUN=1,1`: the modem boots. Written blindly, for it may not even answer AT.
    Boot,
    /// DTR down and up, and the above.
    Dtr,
}

/// The first failure asks for nothing but to be opened anew; then every second one boots the modem.
pub(super) fn step(failures: u32, may_reset: bool) -> Step {
    match failures {
        _ if !may_reset => Step::None,
        0 | 1 => Step::None,
        2 => Step::Boot,
        n if n % 4 == 0 => Step::Dtr,
        n if n % 4 == 2 => Step::Boot,
        _ => Step::None,
    }
}

pub(super) fn pause(failures: u32) -> Duration {
    let steps = failures.saturating_sub(1).min(6);
    (Duration::from_millis(500) * 2_u32.pow(steps)).min(LONGEST_PAUSE)
}

/// Whether the modem answers AT, after whatever it was in the middle of.
pub(super) async fn escape<S: Wire>(dialogue: &mut Dialogue<S>) -> bool {
    matches!(timeout(ESCAPE, dialogue.escape()).await, Ok(Ok(())))
}

pub(super) async fn climb(step: Step, port: &mut Port, label: &str) {
    match step {
        Step::None => return,
        Step::Boot => {
            warn!(modem = label, "the modem is told to boot (AT+CFUN=1,1)");
            metrics::reset(label, "cfun");
        }
        Step::Dtr => {
            warn!(modem = label, "the modem's DTR line is pulled, and it is told to boot");
            metrics::reset(label, "dtr");
            port.toggle_dtr().await;
        }
    }
    // ESC: it may be waiting for a text; a port that does not take it is found broken by the set-up
    let told = port.write_all(b"\x1b\rAT+CFUN=1,1\r");
    drop(timeout(BOOT, told).await);
    sleep(BOOT).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modem_is_opened_anew_before_it_is_reset_and_resets_do_not_stop() {
        let steps: Vec<Step> = (0..9).map(|failures| step(failures, true)).collect();
        use Step::{Boot, Dtr, None};
        assert_eq!(steps, [None, None, Boot, None, Dtr, None, Boot, None, Dtr]);
        assert!((0..100).all(|failures| step(failures, false) == None), "it may be no modem");
    }

    #[test]
    fn pauses_grow_to_twenty_seconds() {
        let pauses: Vec<u128> = (0..9).map(|failures| pause(failures).as_millis()).collect();
        assert_eq!(pauses, [500, 500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
    }
}
