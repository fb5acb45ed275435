#![doc = include_str!("../README.md")]

mod answer;
mod challenge;
mod check;
mod compare;
mod decide;
mod ledger;
mod pin;
mod policy;
mod random;
mod relay;
mod slow_lane;
mod store;
mod template;
mod token;
mod trail;
mod trigger;
mod verifier;

pub use answer::{Answer, Reason, Sent};
pub use challenge::{Challenge, TransactionId};
pub use ledger::{Applied, Ledger, LedgerEntry};
pub use pin::{Pin, PinHash, PinScheme, SlowHash};
pub use policy::Policy;
pub use random::{Random, SystemRandom};
pub use store::{Admission, Opened, Outbox, OutboxEntry, Store, StoreError, Subject, TokenStore, Tried};
pub use template::{Template, TemplateError};
pub use token::{NewToken, SealedSecret, Serial, Token, TokenError, UserRef};
pub use trail::{Asked, End, Fate, Settled, Trail, TrailOf};
pub use verifier::{EnrolError, Verifier};
