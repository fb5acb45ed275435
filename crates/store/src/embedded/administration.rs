//! What administrators do with tokens in the file.

use std::ops::Bound;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_verifier::{
    Administration, Changed, End, MOST_TOKENS, Serial, StoreError, Token, TokenChange, UserRef,
};
use redb::{ReadTransaction, WriteTransaction};

use super::EmbeddedStore;
use super::fault::Fault;
use super::tables::{OWNED, STATES, TOKENS, get, open, owned};
use super::tokens::{open_of, put_state, state, token_record};
use super::{outbox, trails};
use crate::record::{self, TokenRecord, TokenState};

#[async_trait]
impl Administration for EmbeddedStore {
    async fn tokens(&self, after: Option<&Serial>, most: usize) -> Result<Vec<Token>, StoreError> {
        self.look(|tx| {
            let (Some(tokens), Some(states)) = (open(tx, TOKENS)?, open(tx, STATES)?) else {
                return Ok(Vec::new());
            };
            let begin = after.map_or(Bound::Unbounded, |serial| Bound::Excluded(serial.as_str()));
            let mut found = Vec::new();
            for row in tokens.range::<&str>((begin, Bound::Unbounded))?.take(most) {
                let (serial, body) = row?;
                let record: TokenRecord = record::read(&format!("token {}", serial.value()), body.value())?;
                if let Some(state) = get::<TokenState>(&states, "token", serial.value())? {
                    found.push(record.token(&state)?);
                }
            }
            Ok(found)
        })
    }

    async fn tokens_of(&self, user: &UserRef) -> Result<Vec<Token>, StoreError> {
        self.look(|tx| tokens_of(tx, user))
    }

    async fn change_token(
        &self,
        serial: &Serial,
        change: &TokenChange,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        let (serial, change) = (serial.clone(), change.clone());
        self.step(move |tx| change_token(tx, serial.as_str(), &change, now)).await
    }

    async fn remove_token(&self, serial: &Serial, now: Timestamp) -> Result<bool, StoreError> {
        let serial = serial.clone();
        self.step(move |tx| remove_token(tx, serial.as_str(), now)).await
    }
}

fn tokens_of(tx: &ReadTransaction, user: &UserRef) -> Result<Vec<Token>, Fault> {
    let (Some(table), Some(tokens), Some(states)) = (open(tx, OWNED)?, open(tx, TOKENS)?, open(tx, STATES)?)
    else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for serial in owned(&table, user.realm(), user.user())? {
        let record: Option<TokenRecord> = get(&tokens, "token", &serial)?;
        let state: Option<TokenState> = get(&states, "token", &serial)?;
        if let (Some(record), Some(state)) = (record, state) {
            found.push(record.token(&state)?);
        }
    }
    Ok(found)
}

fn change_token(
    tx: &WriteTransaction,
    serial: &str,
    change: &TokenChange,
    now: Timestamp,
) -> Result<Changed, Fault> {
    let (Some(old), Some(mut state)) = (token_record(tx, serial)?, state(tx, serial)?) else {
        return Ok(Changed::Unknown);
    };
    if change.counter.is_some_and(|(is, _)| is != state.counter) {
        return Ok(Changed::Overtaken);
    }
    let mut token = old.token(&state)?;
    change.apply(&mut token);
    let mut table = tx.open_table(OWNED)?;
    if let Some(user) = &token.user {
        let others = owned(&table, user.realm(), user.user())?;
        if others.len() >= MOST_TOKENS && others.iter().all(|other| other != serial) {
            return Ok(Changed::TooManyTokens);
        }
    }
    if let Some((realm, user)) = old.owner() {
        table.remove((realm, user, serial))?;
    }
    if let Some(user) = &token.user {
        table.insert((user.realm(), user.user(), serial), ())?;
    }
    if change.ends_challenge() {
        kill(tx, serial, &mut state, now)?;
    }
    (state.counter, state.fail_count, state.active) = (token.counter, token.fail_count, token.active);
    tx.open_table(TOKENS)?.insert(serial, &*record::write(&TokenRecord::of(&token)))?;
    put_state(tx, serial, &state)?;
    Ok(Changed::Done)
}

fn remove_token(tx: &WriteTransaction, serial: &str, now: Timestamp) -> Result<bool, Fault> {
    let (record, state) = (token_record(tx, serial)?, state(tx, serial)?);
    if let Some(mut state) = state {
        kill(tx, serial, &mut state, now)?;
    }
    if let Some((realm, user)) = record.as_ref().and_then(TokenRecord::owner) {
        tx.open_table(OWNED)?.remove((realm, user, serial))?;
    }
    tx.open_table(STATES)?.remove(serial)?;
    let removed = tx.open_table(TOKENS)?.remove(serial)?.is_some();
    Ok(removed)
}

/// Its open challenge ends by an administrator's hand: its job is not worth sending any more.
fn kill(tx: &WriteTransaction, serial: &str, state: &mut TokenState, now: Timestamp) -> Result<(), Fault> {
    let Some(challenge) = open_of(tx, serial, state)? else { return Ok(()) };
    trails::change(tx, state.open.take().as_deref(), |trail| trail.end(End::Changed, now))?;
    outbox::remove(tx, challenge.job_id.as_str())
}
