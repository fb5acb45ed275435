#![doc = include_str!("../README.md")]

mod administration;
mod answer;
mod ask;
mod audit;
mod challenge;
mod check;
mod compare;
mod decide;
mod found;
mod ledger;
mod mint;
mod pin;
mod policy;
mod random;
mod relay;
mod settings;
mod slow_lane;
mod store;
mod template;
mod token;
mod trail;
mod transaction;
mod trigger;
mod verifier;

pub use administration::{Administration, Changed, Resynced, TokenChange};
pub use answer::{Answer, Reason, Sent, Sms};
pub use ask::{Ask, CallerText};
pub use audit::{AuditEntry, AuditLog, AuditRecord};
pub use challenge::{Challenge, TransactionId};
pub use ledger::{Applied, Ledger, LedgerEntry};
pub use pin::{Pin, PinHash, PinScheme, SlowHash};
pub use policy::{OtpPin, Policies, Policy};
pub use random::{Random, SystemRandom};
pub use settings::{Change, OpenSettings, SealedChange, SealedSettings, SettingsBook, SettingsStore};
pub use store::{
    Admission, MOST_TOKENS, Opened, Outbox, OutboxEntry, Store, StoreError, Subject, TokenStore, Tried,
};
pub use template::{Template, TemplateError};
pub use token::{NewToken, SealedSecret, Serial, Token, TokenError, UserRef};
pub use trail::{Asked, End, Fate, Settled, Trail, TrailOf};
pub use transaction::Answered;
pub use verifier::{EnrolError, Verifier};
