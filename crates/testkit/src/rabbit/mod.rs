//! A real RabbitMQ for tests: one for the whole run that every test gets a vhost of, or one of one's own to
//! kill, freeze and start again.

mod broker;
mod node;
mod setup;
mod shared;
mod vhost;

pub use broker::RabbitServer;
pub use shared::{SHARED_BROKER_VARIABLE, shared};
pub use vhost::{VHOSTS, Vhost};
