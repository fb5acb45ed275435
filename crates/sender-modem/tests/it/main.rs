//! The room as a whole against simulated modems, and the program over real RabbitMQ and Redis.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain fails, as it should")]

mod catalogue;
mod daemon;
mod faults;
mod pool;
mod support;
