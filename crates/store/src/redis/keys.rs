//! Key names. One hash tag, so one cluster slot, for all of them; `scripts/common.lua` makes the same names.

use std::fmt::Display;

use mtan_verifier::UserRef;

/// Sorted set: job ids by the time at which they are due.
pub(super) const OUTBOX: &str = "{mtan}:outbox";
/// Hash: what administrators set, sealed, by name.
pub(super) const SETTINGS: &str = "{mtan}:settings";
/// How many changes of that there were.
pub(super) const SETTINGS_REVISION: &str = "{mtan}:settings:revision";
/// Sorted set: all serials, with the same score, so in the order of their bytes.
pub(super) const TOKENS: &str = "{mtan}:tokens";
/// Stream: audit records.
pub(super) const AUDIT: &str = "{mtan}:audit";
/// What a probe writes.
pub(super) const PING: &str = "{mtan}:ping";

pub(super) fn token(serial: impl Display) -> String {
    format!("{{mtan}}:token:{serial}")
}

pub(super) fn challenge(transaction: impl Display) -> String {
    format!("{{mtan}}:challenge:{transaction}")
}

pub(super) fn job(id: impl Display) -> String {
    format!("{{mtan}}:job:{id}")
}

pub(super) fn report(id: impl Display) -> String {
    format!("{{mtan}}:report:{id}")
}

/// The job of a challenge, longer than the challenge itself is kept.
pub(super) fn transaction(id: impl Display) -> String {
    format!("{{mtan}}:transaction:{id}")
}

/// The realm's length in front keeps `a` in `b:c` and `c` in `b` apart, whatever characters they have.
pub(super) fn owner(user: &UserRef) -> String {
    format!("{{mtan}}:owner:{}:{}:{}", user.realm().len(), user.realm(), user.user())
}
