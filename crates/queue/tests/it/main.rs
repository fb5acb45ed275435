//! Both queues keep the same promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod amqp;
mod embedded;
mod suite;
