//! A challenge asked for by its own name: answered without a user, and what became of it.

use crate::found::Verdict;
use crate::{Answer, Ask, MOST_TOKENS, Reason, Serial, Subject, Trail, TrailOf, TransactionId, Verifier};

/// The answer to `/validate/check_t`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Yes or no.
    pub answer: Answer,
    /// The challenge's token, and its tries without success; `None` if the transaction names no open challenge.
    pub token: Option<(Serial, u32)>,
}

impl Verifier {
    /// `/validate/check_t`: the code of the challenge `transaction`, alone or behind its PIN. The name is drawn by lot, and its
    /// tries are counted as all others.
    pub async fn check_transaction(&self, transaction: &TransactionId, pass: &str) -> Answered {
        let subject = Subject::Transaction(transaction.clone());
        let ask = Ask { transaction: Some(transaction), ..Ask::new(&subject, pass) };
        let found = match self.found(&ask).await {
            Ok(found) => found,
            Err(reason) => {
                let reason = if reason == Reason::NoToken { Reason::UnknownTransaction } else { reason };
                return Answered { answer: Answer::Rejected(reason), token: None };
            }
        };
        match found.verdict() {
            Verdict::Consume(tried, transaction) => {
                let serial = tried.token.serial.clone();
                let answer = self.consume(&found, tried, &transaction).await;
                let fails = if matches!(answer, Answer::Accepted(_)) { 0 } else { tried.token.fail_count };
                Answered { answer, token: Some((serial, fails)) }
            }
            // with a transaction nothing is triggered
            Verdict::Trigger(_) => Answered { answer: Answer::Rejected(Reason::WrongOtp), token: None },
            Verdict::Reject(reason) => {
                let known = found.0.iter().find(|(tried, _)| {
                    tried.challenge.as_ref().is_some_and(|c| c.transaction.is_named_by(transaction))
                });
                let token = known.map(|(tried, _)| (tried.token.serial.clone(), tried.token.fail_count));
                Answered { answer: Answer::Rejected(reason), token }
            }
        }
    }

    /// `/validate/check_status`: what became of the challenges that `transaction` names, of those tokens of `subject` whose PIN it
    /// is. A wrong PIN is a counted try; a right one is taken back.
    pub async fn status(
        &self,
        subject: &Subject,
        pin: &str,
        transaction: &TransactionId,
    ) -> Result<Vec<Trail>, Reason> {
        let found = self.found(&Ask::new(subject, pin)).await?;
        let right = match found.verdict() {
            Verdict::Trigger(right) => right,
            Verdict::Consume(..) => return Err(Reason::WrongPin),
            Verdict::Reject(reason) => return Err(reason),
        };
        // first taken back: this question is none of the tries that it tells of
        if !self.forgive(&found.counted(&[])).await {
            return Err(Reason::StoreAway);
        }
        let of = TrailOf::Transaction(transaction.clone());
        let mut trails = self.explain(&of, MOST_TOKENS).await.map_err(|error| {
            tracing::warn!(%error, "the store did not tell what became of a transaction");
            Reason::StoreAway
        })?;
        let own = |serial: &Serial| right.iter().any(|tried| tried.token.serial == *serial);
        trails.retain(|trail| trail.asked.as_ref().is_some_and(|asked| own(&asked.serial)));
        if trails.is_empty() { Err(Reason::UnknownTransaction) } else { Ok(trails) }
    }
}
