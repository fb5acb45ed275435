//! How jobs and reports travel, and travel once: AMQP, or the embedded file.

mod amqp;
mod embedded;
mod redis_claims;
