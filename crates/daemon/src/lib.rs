//! What a process needs around its work: configuration, logs, signals, health and metrics.

mod config;
mod pools;
mod provider_json;
mod sections;

pub use config::{Config, ConfigError, Fault};
pub use pools::{PoolConfig, pools, routing, sms};
pub use sections::{
    PoolSection, ProviderConfig, RoutingSection, SenderSection, SmsSection, at_least_one, seconds,
};
