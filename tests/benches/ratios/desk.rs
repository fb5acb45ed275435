//! Tokens and open challenges, made ready for a measurement through the verifier itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use mtan_jobs::{Clock, Pool, PublishError, Publisher, SendJob, SystemClock};
use mtan_seal::ServerKey;
use mtan_sms::PhoneNumber;
use mtan_verifier::{
    Answer, NewToken, Pin, Policy, Store, Subject, SystemRandom, TransactionId, UserRef, Verifier,
};

/// The PIN of every token.
pub(crate) const PIN: &str = "4711";

/// A disk that stalls for a moment makes a round slow, on both sides; it does not end the run.
const TIMEOUT_MILLIS: u32 = 5000;

/// Steps under way while something is made ready.
const AT_ONCE: usize = 128;

/// A store with tokens, and what opens challenges on them.
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) key: ServerKey,
    verifier: Verifier,
    phone: Arc<Phone>,
    tokens: usize,
}

/// An open challenge and its code.
pub(crate) struct Open {
    pub(crate) user: String,
    pub(crate) transaction: TransactionId,
    pub(crate) code: String,
}

/// Codes do not expire in the middle of a run, and a token is triggered as often as there are rounds.
pub(crate) fn policy() -> Policy {
    Policy {
        validity: Duration::from_secs(3600),
        blocking: Duration::ZERO,
        route: vec![Pool::default_pool()],
        ..Policy::default()
    }
}

pub(crate) fn user(number: usize) -> String {
    format!("user{number}")
}

pub(crate) fn phone(number: usize) -> PhoneNumber {
    PhoneNumber::parse(&format!("+49170{number:07}")).expect("an E.164 number")
}

impl Desk {
    pub(crate) fn new(redis: &str) -> anyhow::Result<Desk> {
        let store = mtan_store::redis(&format!("{redis}?timeout_ms={TIMEOUT_MILLIS}"))?;
        let key = ServerKey::generate();
        let phone = Arc::new(Phone::default());
        let verifier = verifier(store.clone(), phone.clone(), &key);
        Ok(Desk { store, key, verifier, phone, tokens: 0 })
    }

    /// A verifier over the same tokens whose jobs go to `publisher`.
    pub(crate) fn verifier(&self, publisher: Arc<dyn Publisher>) -> Arc<Verifier> {
        Arc::new(verifier(self.store.clone(), publisher, &self.key))
    }

    /// Tokens of `user0` to `user<n-1>` are there after this.
    pub(crate) async fn enrol(&mut self, n: usize) -> anyhow::Result<()> {
        stream::iter(self.tokens..n).map(Ok).try_for_each_concurrent(AT_ONCE, |i| self.enrol_one(i)).await?;
        self.tokens = self.tokens.max(n);
        Ok(())
    }

    async fn enrol_one(&self, number: usize) -> anyhow::Result<()> {
        let new = NewToken {
            serial: Some(format!("BENCH{number:07}").parse()?),
            user: Some(UserRef::new(&user(number), "default")?),
            ..NewToken::new(phone(number), Pin::new(PIN))
        };
        self.verifier.enrol(new).await.map(drop).context("enrolling")
    }

    /// Opens a challenge on the first `n` tokens.
    pub(crate) async fn open(&mut self, n: usize) -> anyhow::Result<Vec<Open>> {
        self.enrol(n).await?;
        let open = stream::iter(0..n).map(|i| self.open_one(i)).buffered(AT_ONCE).try_collect().await?;
        // their jobs are taken as published: else the relay would publish them in the middle of the measurement
        self.verifier.relay().await?;
        Ok(open)
    }

    async fn open_one(&self, number: usize) -> anyhow::Result<Open> {
        let user = user(number);
        let subject = Subject::User(UserRef::new(&user, "default")?);
        match self.verifier.smspin(Some(&subject), PIN).await {
            Answer::Challenged(sent) if !sent.already => {
                let code = self.phone.take(sent.transaction.as_str()).context("no code came")?;
                Ok(Open { user, transaction: sent.transaction, code })
            }
            other => bail!("no challenge was opened: {other:?}"),
        }
    }
}

fn verifier(store: Arc<dyn Store>, publisher: Arc<dyn Publisher>, key: &ServerKey) -> Verifier {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Verifier::new(store, publisher, clock, Arc::new(SystemRandom), key.clone(), policy())
}

/// Takes every job at once and keeps its code by the transaction.
#[derive(Default)]
pub(crate) struct Phone(Mutex<HashMap<String, String>>);

impl Phone {
    fn take(&self, transaction: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(transaction)
    }
}

#[async_trait]
impl Publisher for Phone {
    async fn publish(&self, job: &SendJob) -> Result<(), PublishError> {
        if let (Some(transaction), Some(code)) = (&job.reference, &job.otp) {
            let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            codes.insert(transaction.to_string(), code.clone());
        }
        Ok(())
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}
