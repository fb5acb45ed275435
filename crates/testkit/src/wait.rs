//! Waiting for a condition, with a deadline and a last status. Nothing in a test sleeps instead.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// Time between two looks.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Looks every 10 ms until `condition` is `Ok`, and hands out its value. The `Err` text is the status so far.
///
/// A condition that itself never answers counts as not met: it is dropped at the deadline.
///
/// # Panics
/// After `timeout`, with `what` and the last status.
pub async fn wait_until<T>(
    what: &str,
    timeout: Duration,
    mut condition: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + timeout;
    let mut last_status = String::from("never looked to the end");
    loop {
        match timeout_at(deadline, condition()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(status)) => last_status = status,
            Err(_) => panic!("waited {timeout:?} for {what}; the last look hung; before it: {last_status}"),
        }
        if Instant::now() >= deadline {
            panic!("waited {timeout:?} for {what}; last status: {last_status}");
        }
        sleep(POLL_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_of_the_first_success_is_handed_out() {
        let mut looks = 0;
        let value = wait_until("three looks", Duration::from_secs(5), async || {
            looks += 1;
            if looks == 3 { Ok(looks) } else { Err(format!("look {looks}")) }
        })
        .await;
        assert_eq!(value, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "for the impossible; last status: still impossible")]
    async fn a_deadline_missed_shows_the_last_status() {
        wait_until("the impossible", Duration::from_millis(30), async || {
            Err::<(), _>("still impossible".to_owned())
        })
        .await;
    }

    #[tokio::test]
    #[should_panic(expected = "the last look hung")]
    async fn a_look_that_hangs_ends_at_the_deadline() {
        wait_until("silence", Duration::from_millis(30), async || {
            std::future::pending::<Result<(), String>>().await
        })
        .await;
    }
}
