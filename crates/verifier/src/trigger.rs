//! The desk and the mint: a right PIN becomes a code, a challenge and a send job.

use std::time::Duration;

use jiff::Timestamp;
use mtan_hotp::Otp;
use mtan_jobs::{JobId, Reference, SendJob};

use crate::decide::code_digest;
use crate::relay::outbox_place;
use crate::template::Values;
use crate::{
    Answer, Asked, Challenge, Opened, OutboxEntry, Reason, Sent, Token, TransactionId, Tried, Verifier,
};

/// How long the request itself has to bring the job to the broker before the relay takes it over.
const RELAY_AFTER: Duration = Duration::from_secs(5);

/// A code, in the two forms that leave this room.
struct Minted {
    /// The counter that it was made with.
    counter: u64,
    challenge: Challenge,
    job: SendJob,
}

impl Verifier {
    /// The PIN was right: sends an SMS, unless one is under way. The try that `tried` counted is taken back on every way.
    pub(crate) async fn trigger(&self, tried: &Tried) -> Answer {
        // A queue that is known to be away is an honest error at once, never a yes.
        if let Err(reason) = self.publisher.ready() {
            tracing::warn!(%reason, "no SMS: the queue is away");
            return self.forgiven(tried, Answer::Rejected(Reason::QueueAway)).await;
        }
        let now = self.clock.now();
        let blocks = |c: &&Challenge| c.is_open(now) && now < later(c.created_at, self.policy.blocking);
        if let Some(open) = tried.challenge.as_ref().filter(blocks) {
            return self.forgiven(tried, self.already(&tried.token, open)).await;
        }
        match self.mint(&tried.token, now) {
            Ok(minted) => self.open(&tried.token, minted, now).await,
            Err(reason) => self.forgiven(tried, Answer::Rejected(reason)).await,
        }
    }

    /// Store before publish: the job lies in the outbox by the same write that opens the challenge.
    async fn open(&self, token: &Token, minted: Minted, now: Timestamp) -> Answer {
        let Minted { counter, challenge, job } = minted;
        let entry = OutboxEntry {
            job_id: job.id.clone(),
            sealed: self.key.seal(&outbox_place(&job.id), &job.to_json()),
            expires_at: challenge.expires_at,
        };
        let relay_at = later(now, RELAY_AFTER);
        let asked = self.asked(token, &challenge);
        match self.store.open_challenge(&challenge, counter, &entry, relay_at, &asked).await {
            Ok(Opened::Opened) => {}
            Ok(Opened::Overtaken(Some(open))) if open.is_open(now) => return self.already(token, &open),
            Ok(Opened::Overtaken(_)) => return Answer::Rejected(Reason::NoChallenge),
            Err(e) => {
                tracing::warn!(error = %e, "the store did not open a challenge");
                return Answer::Rejected(Reason::StoreAway);
            }
        }
        match self.publisher.publish(&job).await {
            Ok(()) => {
                self.note_settled(self.confirmed(job.id));
                Answer::Challenged(self.sent(token, &challenge, false))
            }
            Err(e) => {
                // Not confirmed, so not promised. The relay tries on until the code expires; who asks again in the
                // blocking time is then told of the same SMS.
                tracing::warn!(job.id = %entry.job_id, error = %e, "job not confirmed: left to the relay");
                Answer::Rejected(Reason::QueueAway)
            }
        }
    }

    /// RFC 4226 §7.2: the counter moves first, so the first code of a token is HOTP(1), as LinOTP's.
    fn mint(&self, token: &Token, now: Timestamp) -> Result<Minted, Reason> {
        let secret = token.secret.open(&self.key, &token.serial).map_err(|e| {
            tracing::error!(serial = %token.serial, error = %e, "token secret");
            Reason::SecretUnreadable
        })?;
        // the end of all counters: a wrapped one would make the first codes anew
        let counter = token.counter.checked_add(1).ok_or(Reason::SecretUsedUp)?;
        let otp = mtan_hotp::generate(&secret, counter, token.algorithm, token.digits);
        let mut random = [0; 10];
        self.random.fill(&mut random);
        let job_id = JobId::new(now, random);
        let transaction = TransactionId::new(self.random.as_ref());
        let expires_at = later(now, self.policy.validity);
        let challenge = Challenge {
            otp: code_digest(&self.key, transaction.as_str(), otp.expose()),
            transaction,
            serial: token.serial.clone(),
            job_id,
            created_at: now,
            expires_at,
        };
        let job = self.job(token, &challenge, &otp);
        Ok(Minted { counter, challenge, job })
    }

    fn job(&self, token: &Token, challenge: &Challenge, otp: &Otp) -> SendJob {
        let text = self.policy.sms_text.render(&Values {
            otp: otp.expose(),
            serial: token.serial.as_str(),
            transaction: challenge.transaction.as_str(),
            user: token.user.as_ref().map_or("", |u| u.user()),
        });
        let reference: Reference = challenge.transaction.as_str().parse().expect("17 digits are a reference");
        SendJob {
            id: challenge.job_id.clone(),
            to: token.phone.clone(),
            text,
            otp: Some(otp.expose().to_owned()),
            route: self.policy.route.clone(),
            expires_at: Some(challenge.expires_at),
            reference: Some(reference),
        }
    }

    fn asked(&self, token: &Token, challenge: &Challenge) -> Asked {
        Asked {
            transaction: challenge.transaction.clone(),
            serial: challenge.serial.clone(),
            user: token.user.clone(),
            to: token.phone.to_string(),
            route: self.policy.route.clone(),
            at: challenge.created_at,
            expires_at: challenge.expires_at,
            keep_until: later(challenge.expires_at, self.policy.remembered),
        }
    }

    fn already(&self, token: &Token, open: &Challenge) -> Answer {
        Answer::Challenged(self.sent(token, open, true))
    }

    fn sent(&self, token: &Token, challenge: &Challenge, already: bool) -> Sent {
        let message = if already { "sms with otp already submitted" } else { &self.policy.prompt };
        Sent {
            transaction: challenge.transaction.clone(),
            serial: token.serial.clone(),
            job_id: challenge.job_id.clone(),
            description: token.description.clone(),
            message: message.to_owned(),
            already,
        }
    }

    async fn forgiven(&self, tried: &Tried, answer: Answer) -> Answer {
        match self.store.forgive(&tried.token.serial).await {
            Ok(()) => answer,
            Err(e) => {
                tracing::warn!(error = %e, "the store did not take back a try");
                Answer::Rejected(Reason::StoreAway)
            }
        }
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
