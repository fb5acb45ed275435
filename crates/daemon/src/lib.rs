#![doc = include_str!("../README.md")]

mod config;
mod exit;
mod health;
mod logs;
mod metrics;
mod pools;
mod provider_json;
mod sections;
mod serve;
mod signals;
mod unread;

pub use config::{Config, ConfigError, Fault};
pub use exit::exit_code;
pub use health::{Health, health_router};
pub use logs::{LogFormat, LogSection, init_logs};
pub use metrics::{Metrics, init_metrics};
pub use pools::{PoolConfig, pools, routing, sms};
pub use provider_json::{RepairedJson, check as check_provider_json, repair_quotes};
pub use sections::{
    PoolSection, ProviderConfig, RoutingSection, SenderSection, SmsSection, at_least_one, seconds,
};
pub use serve::{listen, serve};
pub use signals::{Hangups, stop_and_reload_on_signals, stop_on_signals};
