//! The names of what senders count, in one place. Labels come from closed sets and the configured pools.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use mtan_jobs::{Outcome, Pool};

use crate::breaker::Stand;

/// Final reports, by pool and outcome.
pub const SEND_TOTAL: &str = "mtan_send_total";
/// Hand-overs to a gateway, by pool and verdict.
pub const HAND_OVER_TOTAL: &str = "mtan_hand_over_total";
/// How long a gateway took, by pool.
pub const HAND_OVER_SECONDS: &str = "mtan_hand_over_seconds";
/// From publishing to the gateway's yes, by pool.
pub const CODE_AGE_SECONDS: &str = "mtan_code_age_seconds";
/// Jobs in hand, by pool.
pub const IN_FLIGHT: &str = "mtan_in_flight";
/// Jobs that got another try, by pool and by where it happens: `same_pool` or `next_pool`.
pub const RETRY_TOTAL: &str = "mtan_retry_total";
/// Where a pool's breaker stands, by pool: 0 closed, 1 open, 2 half-open.
pub const BREAKER_STATE: &str = "mtan_breaker_state";
/// How long a job waited for its turn in a pool with a rate, by pool.
pub const THROTTLE_WAIT_SECONDS: &str = "mtan_throttle_wait_seconds";
/// Callbacks of gateways, by pool and what became of them.
pub const CALLBACK_TOTAL: &str = "mtan_delivery_callback_total";

/// Tells the recorder what the names mean. Once a process.
pub fn describe() {
    describe_counter!(SEND_TOTAL, Unit::Count, "Final reports");
    describe_counter!(HAND_OVER_TOTAL, Unit::Count, "Hand-overs to a gateway");
    describe_histogram!(HAND_OVER_SECONDS, Unit::Seconds, "How long a gateway took");
    describe_histogram!(CODE_AGE_SECONDS, Unit::Seconds, "From publishing to the gateway's yes");
    describe_gauge!(IN_FLIGHT, Unit::Count, "Jobs in hand");
    describe_counter!(RETRY_TOTAL, Unit::Count, "Jobs that got another try");
    describe_gauge!(BREAKER_STATE, Unit::Count, "0 closed, 1 open, 2 half-open");
    describe_histogram!(THROTTLE_WAIT_SECONDS, Unit::Seconds, "How long a job waited for its turn");
    describe_counter!(CALLBACK_TOTAL, Unit::Count, "Callbacks of gateways about delivery");
}

pub(crate) fn reported(pool: &Pool, outcome: Outcome) {
    counter!(SEND_TOTAL, "pool" => pool.to_string(), "outcome" => outcome.as_str()).increment(1);
}

pub(crate) fn handed_over(pool: &Pool, verdict: &'static str, took: Duration) {
    counter!(HAND_OVER_TOTAL, "pool" => pool.to_string(), "verdict" => verdict).increment(1);
    histogram!(HAND_OVER_SECONDS, "pool" => pool.to_string()).record(took.as_secs_f64());
}

pub(crate) fn code_age(pool: &Pool, seconds: f64) {
    histogram!(CODE_AGE_SECONDS, "pool" => pool.to_string()).record(seconds);
}

pub(crate) fn retried(pool: &Pool, next: &Pool) {
    let place = if pool == next { "same_pool" } else { "next_pool" };
    counter!(RETRY_TOTAL, "pool" => pool.to_string(), "to" => place).increment(1);
}

pub(crate) fn breaker(pool: &Pool, stand: Stand) {
    let value = match stand {
        Stand::Closed => 0,
        Stand::Open { .. } => 1,
        Stand::HalfOpen { .. } => 2,
    };
    gauge!(BREAKER_STATE, "pool" => pool.to_string()).set(value);
}

pub(crate) fn throttled(pool: &Pool, waited: Duration) {
    histogram!(THROTTLE_WAIT_SECONDS, "pool" => pool.to_string()).record(waited.as_secs_f64());
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallbackResult {
    Delivered,
    Undelivered,
    UnderWay,
    Repeated,
    Busy,
    Nobody,
    Unreadable,
    Failed,
}

pub(crate) fn called_back(pool: &Pool, result: CallbackResult) {
    let result = match result {
        CallbackResult::Delivered => "delivered",
        CallbackResult::Undelivered => "undelivered",
        CallbackResult::UnderWay => "under_way",
        CallbackResult::Repeated => "repeated",
        CallbackResult::Busy => "busy",
        CallbackResult::Nobody => "nobody",
        CallbackResult::Unreadable => "unreadable",
        CallbackResult::Failed => "failed",
    };
    counter!(CALLBACK_TOTAL, "pool" => pool.to_string(), "result" => result).increment(1);
}

/// Counts a job as in hand for as long as it lives.
pub(crate) struct InFlight(metrics::Gauge);

impl InFlight {
    pub(crate) fn count(pool: &Pool) -> InFlight {
        let gauge = gauge!(IN_FLIGHT, "pool" => pool.to_string());
        gauge.increment(1);
        InFlight(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
