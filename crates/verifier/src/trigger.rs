//! The desk: a right PIN becomes an SMS for each token that it is the PIN of, unless one is under way.

use std::time::Duration;

use futures_util::future::{join, join_all};
use jiff::Timestamp;

use crate::found::Found;
use crate::mint::Minted;
use crate::relay::outbox_place;
use crate::{
    Answer, Ask, Challenge, Opened, OutboxEntry, Reason, Sent, Sms, Token, TransactionId, Tried, Verifier,
};

/// How long the request itself has to bring the job to the broker before the relay takes it over.
const RELAY_AFTER: Duration = Duration::from_secs(5);

/// What LinOTP's clients know an SMS under way by.
const ALREADY: &str = "sms with otp already submitted";

/// What LinOTP says of several challenges.
const SEVERAL: &str = "Multiple challenges submitted.";

/// What became of one token's SMS.
enum Started {
    /// The broker has it.
    Sent(Sms),
    /// Another request was faster, and this is open now.
    Faster(Sms, Timestamp),
    /// Nothing is promised.
    Failed(Reason),
}

impl Verifier {
    /// The PIN of `challenged` was right. The tries that `found` counted are taken back on every way: the text that is the
    /// PIN of one token is no guess at another one's.
    pub(crate) async fn trigger(&self, found: &Found, challenged: &[&Tried], ask: &Ask<'_>) -> Answer {
        // A queue that is known to be away is an honest error at once, never a yes.
        if let Err(reason) = self.publisher.ready() {
            tracing::warn!(%reason, "no SMS: the queue is away");
            return self.forgiven(found, Answer::Rejected(Reason::QueueAway)).await;
        }
        let now = self.clock.now();
        if let Some(sent) = self.under_way(challenged, now) {
            return self.forgiven(found, Answer::Challenged(sent)).await;
        }
        match self.mint_all(challenged, ask, now) {
            Ok(minted) => self.start_all(found, minted, now).await,
            Err(reason) => self.forgiven(found, Answer::Rejected(reason)).await,
        }
    }

    /// What was sent less than the blocking time ago: the newest, and what was sent with it.
    fn under_way(&self, challenged: &[&Tried], now: Timestamp) -> Option<Sent> {
        let blocks = |tried: &&&Tried| {
            let blocking = self.policy_of(&tried.token).blocking;
            tried.challenge.as_ref().is_some_and(|c| c.is_open(now) && now < later(c.created_at, blocking))
        };
        let blocking = challenged.iter().filter(blocks);
        let open = blocking.filter_map(|tried| Some((&tried.token, tried.challenge.as_ref()?)));
        let open: Vec<(&Token, &Challenge)> = open.collect();
        let newest = open.iter().max_by_key(|(_, challenge)| challenge.created_at)?.1.transaction.root();
        let with_it = open.iter().filter(|(_, challenge)| challenge.transaction.root() == newest);
        Some(already(newest.clone(), with_it.map(|(token, challenge)| sms(token, challenge)).collect()))
    }

    /// A code for each token. One whose secret cannot be used is left out, unless it is the only one.
    fn mint_all<'a>(
        &self,
        challenged: &[&'a Tried],
        ask: &Ask<'_>,
        now: Timestamp,
    ) -> Result<Vec<(&'a Tried, Minted)>, Reason> {
        let ids = TransactionId::siblings(challenged.len(), self.random.as_ref());
        let (mut minted, mut refused) = (Vec::with_capacity(challenged.len()), Reason::NoToken);
        for (tried, id) in challenged.iter().zip(ids) {
            match self.mint(&tried.token, id, ask, now) {
                Ok(code) => minted.push((*tried, code)),
                Err(reason) => refused = reason,
            }
        }
        if minted.is_empty() { Err(refused) } else { Ok(minted) }
    }

    async fn start_all(&self, found: &Found, minted: Vec<(&Tried, Minted)>, now: Timestamp) -> Answer {
        // opening a challenge takes its token's try back in the same step
        let opening: Vec<&Tried> = minted.iter().map(|(tried, _)| *tried).collect();
        let others = found.counted(&opening);
        let root = minted.first().map(|(_, minted)| minted.challenge.transaction.root());
        let prompt = opening.first().map(|tried| self.policy_of(&tried.token).prompt.clone());
        let started =
            join_all(minted.into_iter().map(|(tried, minted)| self.start(&tried.token, minted, now)));
        let (started, forgiven) = join(started, self.forgive(&others)).await;
        if !forgiven {
            return Answer::Rejected(Reason::StoreAway);
        }
        let (mut sent, mut faster, mut failed) = (Vec::new(), Vec::new(), Reason::NoChallenge);
        for one in started {
            match one {
                Started::Sent(sms) => sent.push(sms),
                Started::Faster(sms, at) => faster.push((sms, at)),
                Started::Failed(reason) => failed = reason,
            }
        }
        if let (Some(root), Some(prompt), false) = (root, prompt, sent.is_empty()) {
            let message = if sent.len() == 1 { prompt } else { SEVERAL.to_owned() };
            return Answer::Challenged(Sent { transaction: root, message, already: false, sms: sent });
        }
        match faster.iter().max_by_key(|(_, at)| *at).map(|(sms, _)| sms.transaction.root()) {
            Some(newest) => {
                let with_it = faster.into_iter().map(|(sms, _)| sms);
                let with_it = with_it.filter(|sms| sms.transaction.root() == newest).collect();
                Answer::Challenged(already(newest, with_it))
            }
            None => Answer::Rejected(failed),
        }
    }

    /// Store before publish: the job lies in the outbox by the same write that opens the challenge.
    async fn start(&self, token: &Token, minted: Minted, now: Timestamp) -> Started {
        let Minted { counter, challenge, job, asked } = minted;
        let entry = OutboxEntry {
            job_id: job.id.clone(),
            sealed: self.key.seal(&outbox_place(&job.id), &job.to_json()),
            expires_at: challenge.expires_at,
        };
        let relay_at = later(now, RELAY_AFTER);
        match self.store.open_challenge(&challenge, counter, &entry, relay_at, &asked).await {
            Ok(Opened::Opened) => {}
            Ok(Opened::Overtaken(Some(open))) if open.is_open(now) => {
                return Started::Faster(sms(token, &open), open.created_at);
            }
            Ok(Opened::Overtaken(_)) => return Started::Failed(Reason::NoChallenge),
            Err(e) => {
                tracing::warn!(error = %e, "the store did not open a challenge");
                return Started::Failed(Reason::StoreAway);
            }
        }
        match self.publisher.publish(&job).await {
            Ok(()) => {
                self.note_settled(self.confirmed(job.id));
                Started::Sent(sms(token, &challenge))
            }
            Err(e) => {
                // Not confirmed, so not promised. The relay tries on until the code expires; who asks again in the
                // blocking time is then told of the same SMS.
                tracing::warn!(job.id = %entry.job_id, error = %e, "job not confirmed: left to the relay");
                Started::Failed(Reason::QueueAway)
            }
        }
    }

    /// `answer`, if the store takes back every counted try.
    async fn forgiven(&self, found: &Found, answer: Answer) -> Answer {
        let forgiven = self.forgive(&found.counted(&[])).await;
        if forgiven { answer } else { Answer::Rejected(Reason::StoreAway) }
    }
}

fn already(transaction: TransactionId, sms: Vec<Sms>) -> Sent {
    Sent { transaction, message: ALREADY.to_owned(), already: true, sms }
}

fn sms(token: &Token, challenge: &Challenge) -> Sms {
    Sms {
        transaction: challenge.transaction.clone(),
        serial: token.serial.clone(),
        description: token.description.clone(),
        job_id: challenge.job_id.clone(),
    }
}

pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
