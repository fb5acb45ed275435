//! Trails in Redis: members of the hash that keeps a job's reports, an id for each transaction, and from each job of a
//! token to the one before it.

use jiff::Timestamp;
use mtan_jobs::JobId;
use mtan_verifier::{End, LedgerEntry, MOST_TOKENS, StoreError, Trail, TrailOf, TransactionId};

use super::{Certain, RedisStore, keys};
use crate::record::{self, AskedRecord, micros};

/// Job id, keep, asked, confirmed, tries, end, outcome, delivery, in the outbox.
type RawTrail = (
    String,
    i64,
    Option<Vec<u8>>,
    Option<i64>,
    Vec<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    bool,
);

pub(super) async fn trails(
    store: &RedisStore,
    of: &TrailOf,
    now: Timestamp,
    most: usize,
) -> Result<Vec<Trail>, StoreError> {
    let mut step = store.shared.scripts.trails.prepare_invoke();
    match of {
        TrailOf::Job(id) => step.key(keys::report(id)).arg("report").arg(id.as_str()),
        TrailOf::Transaction(id) => step.key(keys::transaction(id)).arg("transaction").arg(""),
        TrailOf::Serial(serial) => step.key(keys::token(serial)).arg("token").arg(serial.as_str()),
        TrailOf::User(user) => step.key(keys::owner(user)).arg("owner").arg(""),
    };
    step.arg(most).arg(super::root_of(of_transaction(of))).arg(MOST_TOKENS);
    let raw: Vec<RawTrail> = store.step(&step, Certain::Here).await?;
    let known = raw.into_iter().filter(|(_, keep, ..)| micros(now) < *keep);
    Ok(record::newest_first(known.map(trail).collect::<Result<_, _>>()?, of, most))
}

fn of_transaction(of: &TrailOf) -> Option<&TransactionId> {
    match of {
        TrailOf::Transaction(id) => Some(id),
        _ => None,
    }
}

fn trail(raw: RawTrail) -> Result<Trail, StoreError> {
    let (id, _, asked, confirmed, tries, end, outcome, delivery, in_outbox) = raw;
    let place = format!("trail {id}");
    let asked: Option<AskedRecord> = asked.map(|body| record::read(&place, &body)).transpose()?;
    let end = end.map(|text| end_of(&place, &text)).transpose()?;
    let tries = tries_in_order(tries, end.is_some_and(|(end, _)| end == End::Used));
    let report = |body: Option<Vec<u8>>| body.map(|b| record::report(&id, &b)).transpose();
    Ok(Trail {
        job_id: id.parse::<JobId>().map_err(|_| record::damaged(&place, "job id"))?,
        asked: asked.map(|record| record.asked(&place)).transpose()?,
        confirmed_at: confirmed.map(|at| record::time(&place, "confirmed", at)).transpose()?,
        in_outbox,
        tries: record::times(&place, "tries", &tries)?,
        end,
        reports: LedgerEntry { outcome: report(outcome)?, delivery: report(delivery)? },
    })
}

/// The last try of a code that was used is the one that used it.
fn tries_in_order(mut tries: Vec<i64>, used: bool) -> Vec<i64> {
    tries.sort_unstable();
    if used {
        tries.pop();
    }
    tries
}

/// What ended it, a space, and when.
fn end_of(place: &str, text: &str) -> Result<(End, Timestamp), StoreError> {
    let (what, at) = text.split_once(' ').ok_or_else(|| record::damaged(place, "end"))?;
    record::end(place, what, record::number(place, "end", at)?)
}
