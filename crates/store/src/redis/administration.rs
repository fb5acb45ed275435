//! What administrators do with tokens in Redis.

use ::redis::cmd;
use async_trait::async_trait;
use jiff::Timestamp;
use mtan_verifier::{Administration, Changed, MOST_TOKENS, Serial, StoreError, Token, TokenChange, UserRef};

use super::tokens::token;
use super::{Certain, RedisStore, keys};
use crate::record::{self, TokenRecord, TokenState, micros};

/// How often a change is tried again because another one came first.
const MOST_ROUNDS: usize = 16;

/// Serial, record, created, counter, fails, active.
type RawToken = (String, Vec<u8>, String, u64, u32, u8);
/// Record, created, counter, fails, active: all or none.
type RawBefore = (Option<Vec<u8>>, Option<String>, Option<u64>, Option<u32>, Option<u8>);

#[async_trait]
impl Administration for RedisStore {
    async fn tokens(&self, after: Option<&Serial>, most: usize) -> Result<Vec<Token>, StoreError> {
        let begin = after.map_or_else(|| "-".to_owned(), |serial| format!("({serial}"));
        let mut step = self.shared.scripts.tokens.prepare_invoke();
        step.key(keys::TOKENS).arg("all").arg(begin).arg(most);
        listed(self.step(&step, Certain::Here).await?)
    }

    async fn tokens_of(&self, user: &UserRef) -> Result<Vec<Token>, StoreError> {
        let mut step = self.shared.scripts.tokens.prepare_invoke();
        step.key(keys::owner(user)).arg("owner").arg("").arg(MOST_TOKENS);
        listed(self.step(&step, Certain::Here).await?)
    }

    /// The record is worked out here and put in place of exactly the one that was read.
    async fn change_token(
        &self,
        serial: &Serial,
        change: &TokenChange,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        for _ in 0..MOST_ROUNDS {
            let said = change_once(self, serial, change, now).await?;
            match said.as_str() {
                "done" => return Ok(Changed::Done),
                "unknown" => return Ok(Changed::Unknown),
                "full" => return Ok(Changed::TooManyTokens),
                "overtaken" => return Ok(Changed::Overtaken),
                _ => {}
            }
        }
        Err(StoreError(format!("token {serial}: too many changes at the same time")))
    }

    async fn remove_token(&self, serial: &Serial, now: Timestamp) -> Result<bool, StoreError> {
        let mut step = self.shared.scripts.remove_token.prepare_invoke();
        step.key(keys::token(serial)).arg(serial.as_str()).arg(micros(now));
        self.step(&step, Certain::OnReplicas).await
    }
}

async fn change_once(
    store: &RedisStore,
    serial: &Serial,
    change: &TokenChange,
    now: Timestamp,
) -> Result<String, StoreError> {
    let mut look = cmd("HMGET");
    look.arg(keys::token(serial)).arg(&["record", "created", "counter", "fails", "active"]);
    let raw: RawBefore = store.look(&look).await?;
    let (Some(body), Some(created), Some(counter), Some(fails), Some(active)) = raw else {
        return Ok("unknown".to_owned());
    };
    let mut changed = token(serial.as_str(), &body, created, &TokenState::new(counter, fails, active == 1))?;
    change.apply(&mut changed);
    let (is, becomes) =
        change.counter.map_or_else(Default::default, |(is, becomes)| (is.to_string(), becomes.to_string()));
    let mut step = store.shared.scripts.change_token.prepare_invoke();
    step.key(keys::token(serial));
    if let Some(user) = &changed.user {
        step.key(keys::owner(user));
    }
    step.arg(serial.as_str())
        .arg(body)
        .arg(active)
        .arg(record::write(&TokenRecord::of(&changed)))
        .arg(changed.max_fail)
        .arg(u8::from(changed.active))
        .arg(u8::from(change.reset))
        .arg(u8::from(change.ends_challenge()))
        .arg(is)
        .arg(becomes)
        .arg(micros(now))
        .arg(MOST_TOKENS);
    store.step(&step, Certain::OnReplicas).await
}

fn listed(raw: Vec<RawToken>) -> Result<Vec<Token>, StoreError> {
    let one = |(serial, body, created, counter, fails, active): RawToken| {
        token(&serial, &body, created, &TokenState::new(counter, fails, active == 1))
    };
    raw.into_iter().map(one).collect()
}
