#![doc = include_str!("../README.md")]

mod admin;
mod api;
mod audit;
mod background;
mod bounded;
mod csv;
mod detail;
mod endpoint;
mod envelope;
mod json;
mod observed;
mod openapi;
mod outcome;
mod pages;
mod params;
mod policies;
mod process;
mod question;
mod settings;
mod system;
mod users;
mod validate;
mod wildcard;

pub use api::OtpApi;
pub use audit::AuditSection;
pub use policies::{PolicySection, RealmSection};
pub use process::add_ready_checks;
pub use settings::{AdminSection, Compat, Credentials, OtpApiSection, PinHashName, Settings, TokenSection};
pub use system::{ProviderCheck, Reach, System, any_provider_set, check_provider};
pub use users::{Known, PasswdFile, Profile, ResolverError, UserResolver, Users};
