//! Tokens and challenges in the file.

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_verifier::{
    Admission, Asked, Challenge, End, MOST_TOKENS, Opened, OutboxEntry, Serial, StoreError, Subject, Token,
    TokenStore, TransactionId, Tried,
};
use redb::{ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::Fault;
use super::tables::{CHALLENGE_EXPIRY, CHALLENGES, NOBODY, OWNED, STATES, TOKENS, get, open, owned};
use super::trails::{self, TrailRecord};
use super::{outbox, sweep};
use crate::record::{self, ChallengeRecord, TokenRecord, TokenState, micros};

#[async_trait]
impl TokenStore for EmbeddedStore {
    async fn begin_try(&self, subject: &Subject, now: Timestamp) -> Result<Vec<Tried>, StoreError> {
        let subject = subject.clone();
        self.step(move |tx| begin_try(tx, &subject, now)).await
    }

    async fn forgive(&self, serial: &Serial) -> Result<(), StoreError> {
        let serial = serial.clone();
        self.step(move |tx| {
            if let Some(mut state) = state(tx, serial.as_str())? {
                forgive(tx, &mut state)?;
                put_state(tx, serial.as_str(), &state)?;
            }
            Ok(())
        })
        .await
    }

    async fn open_challenge(
        &self,
        challenge: &Challenge,
        counter: u64,
        job: &OutboxEntry,
        relay_at: Timestamp,
        asked: &Asked,
    ) -> Result<Opened, StoreError> {
        let (challenge, job, asked) = (challenge.clone(), job.clone(), asked.clone());
        self.step(move |tx| open_challenge(tx, &challenge, counter, &job, relay_at, &asked)).await
    }

    async fn consume(
        &self,
        serial: &Serial,
        transaction: &TransactionId,
        others: &[Serial],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (serial, transaction, others) = (serial.clone(), transaction.clone(), others.to_vec());
        self.step(move |tx| {
            let consumed = consume(tx, serial.as_str(), transaction.as_str(), now)?;
            if consumed {
                others.iter().try_for_each(|other| clear_tries(tx, other.as_str()))?;
                close_siblings(tx, &transaction, now)?;
            }
            Ok(consumed)
        })
        .await
    }

    async fn put_token(&self, token: &Token) -> Result<bool, StoreError> {
        let token = token.clone();
        self.step(move |tx| put_token(tx, &token)).await
    }

    async fn token(&self, serial: &Serial) -> Result<Option<Token>, StoreError> {
        self.look(|tx| {
            let (Some(tokens), Some(states)) = (open(tx, TOKENS)?, open(tx, STATES)?) else {
                return Ok(None);
            };
            let record: Option<TokenRecord> = get(&tokens, "token", serial.as_str())?;
            let state: Option<TokenState> = get(&states, "token", serial.as_str())?;
            match (record, state) {
                (Some(record), Some(state)) => Ok(Some(record.token(&state)?)),
                _ => Ok(None),
            }
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        // A write, although of nothing: a full disk still reads.
        self.step(|_| Ok(())).await
    }
}

/// Counts first: the state is written before anybody has seen what there is to compare with.
fn begin_try(tx: &WriteTransaction, subject: &Subject, now: Timestamp) -> Result<Vec<Tried>, Fault> {
    let mut all = Vec::new();
    for serial in serials_of(tx, subject)? {
        all.extend(try_one(tx, &serial, now)?);
    }
    if all.iter().all(|tried| tried.admission != Admission::Counted) {
        // A write in any case: a commit of nothing takes less time, and would tell who has no token.
        let mut table = tx.open_table(NOBODY)?;
        let tries = table.get(())?.map_or(0, |tries| tries.value());
        table.insert((), tries.wrapping_add(1))?;
    }
    Ok(all)
}

fn try_one(tx: &WriteTransaction, serial: &str, now: Timestamp) -> Result<Option<Tried>, Fault> {
    let (Some(record), Some(mut state)) = (token_record(tx, serial)?, state(tx, serial)?) else {
        return Ok(None);
    };
    let admission = admit(&mut state, record.max_fail());
    let tried = Tried { token: record.token(&state)?, challenge: open_of(tx, serial, &state)?, admission };
    if admission == Admission::Counted {
        put_state(tx, serial, &state)?;
        trails::change(tx, state.open.as_deref(), |trail| trail.note_try(now))?;
    }
    Ok(Some(tried))
}

fn admit(state: &mut TokenState, max_fail: u32) -> Admission {
    match () {
        () if !state.active => Admission::Inactive,
        () if state.fail_count >= max_fail => Admission::Locked,
        () => {
            state.fail_count += 1;
            Admission::Counted
        }
    }
}

fn open_challenge(
    tx: &WriteTransaction,
    challenge: &Challenge,
    counter: u64,
    job: &OutboxEntry,
    relay_at: Timestamp,
    asked: &Asked,
) -> Result<Opened, Fault> {
    let serial = challenge.serial.as_str();
    let Some(mut state) = state(tx, serial)? else { return Ok(Opened::Overtaken(None)) };
    forgive(tx, &mut state)?;
    if !state.active || counter.checked_sub(1) != Some(state.counter) {
        let active = state.active;
        let open = open_of(tx, serial, &state)?.filter(|c| active && c.is_open(challenge.created_at));
        put_state(tx, serial, &state)?;
        return Ok(Opened::Overtaken(open));
    }
    trails::change(tx, state.open.as_deref(), |trail| trail.end(End::Replaced, challenge.created_at))?;
    trails::begin(tx, &job.job_id, asked, state.last.take())?;
    state.counter = counter;
    state.open = Some(challenge.transaction.to_string());
    state.last = Some(job.job_id.to_string());
    put_state(tx, serial, &state)?;
    put_challenge(tx, challenge)?;
    outbox::put(tx, job, relay_at)?;
    sweep::sweep(tx, challenge.created_at, sweep::IN_PASSING)?;
    Ok(Opened::Opened)
}

fn consume(tx: &WriteTransaction, serial: &str, transaction: &str, now: Timestamp) -> Result<bool, Fault> {
    let Some(mut state) = state(tx, serial)? else { return Ok(false) };
    let open = open_of(tx, serial, &state)?;
    let right = open.is_some_and(|c| c.transaction.as_str() == transaction && c.is_open(now));
    if !state.active || !right {
        return Ok(false);
    }
    trails::change(tx, Some(transaction), |trail| {
        trail.take_back_try();
        trail.end(End::Used, now);
    })?;
    state.open = None;
    state.fail_count = 0;
    put_state(tx, serial, &state)?;
    Ok(true)
}

/// Another token of the user was answered: no try stays counted.
fn clear_tries(tx: &WriteTransaction, serial: &str) -> Result<(), Fault> {
    let Some(mut state) = state(tx, serial)? else { return Ok(()) };
    state.fail_count = 0;
    put_state(tx, serial, &state)
}

/// Closes what was opened with that challenge, whether its token was asked for or not.
fn close_siblings(tx: &WriteTransaction, answered: &TransactionId, now: Timestamp) -> Result<(), Fault> {
    let root = answered.root();
    if root == *answered {
        return Ok(());
    }
    for serial in challenged(tx, &root)? {
        let Some(mut state) = state(tx, &serial)? else { continue };
        if state
            .open
            .as_deref()
            .is_some_and(|open| open.split_once('.').is_some_and(|(r, _)| r == root.as_str()))
        {
            trails::change(tx, state.open.take().as_deref(), |trail| trail.end(End::Sibling, now))?;
            put_state(tx, &serial, &state)?;
        }
    }
    Ok(())
}

fn put_token(tx: &WriteTransaction, token: &Token) -> Result<bool, Fault> {
    let serial = token.serial.as_str();
    let (old, old_state) = (token_record(tx, serial)?, state(tx, serial)?);
    let mut table = tx.open_table(OWNED)?;
    if let Some(user) = &token.user {
        let others = owned(&table, user.realm(), user.user())?;
        if others.len() >= MOST_TOKENS && others.iter().all(|other| other != serial) {
            return Ok(false);
        }
    }
    if let Some((realm, user)) = old.as_ref().and_then(TokenRecord::owner) {
        table.remove((realm, user, serial))?;
    }
    if let Some(user) = &token.user {
        table.insert((user.realm(), user.user(), serial), ())?;
    }
    let record = TokenRecord::of(token);
    let (record, state) = match (old, old_state) {
        (Some(old), Some(state)) => {
            // A trigger that has read the token before the change is overtaken: no code goes to the old number.
            let counter = state.counter.saturating_add(1);
            // The administrator's change is also the way out of a lock.
            trails::change(tx, state.open.as_deref(), |trail| trail.end(End::Changed, token.created_at))?;
            let mut renewed = TokenState::new(counter, 0, token.active);
            renewed.last = state.last;
            (record.created_as(&old), renewed)
        }
        _ => (record, TokenState::of(token)),
    };
    tx.open_table(TOKENS)?.insert(serial, &*record::write(&record))?;
    put_state(tx, serial, &state)?;
    Ok(true)
}

/// Takes one counted try back. The count of wrong tries alone stays: it is never below theirs.
fn forgive(tx: &WriteTransaction, state: &mut TokenState) -> Result<(), Fault> {
    if state.fail_count > 0 {
        state.fail_count -= 1;
        trails::change(tx, state.open.as_deref(), TrailRecord::take_back_try)?;
    }
    Ok(())
}

fn serials_of(tx: &WriteTransaction, subject: &Subject) -> Result<Vec<String>, Fault> {
    match subject {
        Subject::Serial(serial) => Ok(vec![serial.to_string()]),
        Subject::User(user) => owned(&tx.open_table(OWNED)?, user.realm(), user.user()),
        Subject::Transaction(transaction) => challenged(tx, transaction),
    }
}

/// The token of that challenge; those of all its challenges, if it is a root.
fn challenged(tx: &WriteTransaction, transaction: &TransactionId) -> Result<Vec<String>, Fault> {
    let challenges = tx.open_table(CHALLENGES)?;
    let record = |id: &str| get::<ChallengeRecord>(&challenges, "challenge", id);
    if let Some(record) = record(transaction.as_str())? {
        return Ok(vec![record.serial().to_owned()]);
    }
    let mut serials = Vec::new();
    if *transaction == transaction.root() {
        for place in 1..=MOST_TOKENS {
            serials.extend(record(transaction.sibling(place).as_str())?.map(|r| r.serial().to_owned()));
        }
    }
    Ok(serials)
}

/// The token's open challenge, expired or not. A record of another token under the same transaction is none of its own.
pub(super) fn open_of(
    tx: &WriteTransaction,
    serial: &str,
    state: &TokenState,
) -> Result<Option<Challenge>, Fault> {
    let Some(transaction) = &state.open else { return Ok(None) };
    let record: Option<ChallengeRecord> = get(&tx.open_table(CHALLENGES)?, "challenge", transaction)?;
    match record.filter(|r| r.serial() == serial) {
        Some(record) => Ok(Some(record.challenge(transaction)?)),
        None => Ok(None),
    }
}

pub(super) fn token_record(tx: &WriteTransaction, serial: &str) -> Result<Option<TokenRecord>, Fault> {
    get(&tx.open_table(TOKENS)?, "token", serial)
}

pub(super) fn state(tx: &WriteTransaction, serial: &str) -> Result<Option<TokenState>, Fault> {
    get(&tx.open_table(STATES)?, "token", serial)
}

pub(super) fn put_state(tx: &WriteTransaction, serial: &str, state: &TokenState) -> Result<(), Fault> {
    tx.open_table(STATES)?.insert(serial, &*record::write(state))?;
    Ok(())
}

fn put_challenge(tx: &WriteTransaction, challenge: &Challenge) -> Result<(), Fault> {
    let transaction = challenge.transaction.as_str();
    let body = record::write(&ChallengeRecord::of(challenge));
    tx.open_table(CHALLENGES)?.insert(transaction, &*body)?;
    tx.open_table(CHALLENGE_EXPIRY)?.insert((micros(challenge.expires_at), transaction), ())?;
    Ok(())
}
