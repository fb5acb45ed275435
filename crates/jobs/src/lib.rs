#![doc = include_str!("../README.md")]

mod awaited;
mod claim;
mod clock;
mod decode;
mod delivery;
mod job;
mod names;
mod publish;
mod rate;
mod report;
mod time;

pub mod schema;

pub use awaited::{Awaited, DeliveryBook, News, Ticket};
pub use claim::{Claim, ClaimBook, ClaimError, Owner, Unknown};
pub use clock::{Clock, SystemClock};
pub use decode::{Fault, MAX_BODY, Poison, PoisonReason};
pub use delivery::{Again, AgainError, Attempts, Consumer, Delivery, Receipt, ReplyTo, SettleError};
pub use job::{DEFAULT_LIFE, MAX_LIFE, SendJob, VERSION};
pub use names::{JobId, NameError, Pool, Reference};
pub use publish::{PublishError, Publisher, ReportConsumer, ReportDelivery, ReportPublisher, ReportReceipt};
pub use rate::{Limit, LimitError, RateBook, RateError, Turn};
pub use report::{Outcome, ReportCode, ReportError, SendReport};
pub use time::{format_time, parse_time};
