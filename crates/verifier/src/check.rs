//! The exit: a code is accepted once, in time; and the way in for a PIN alone.

use crate::decide::{Decision, Pass, decide};
use crate::slow_lane::Busy;
use crate::{Admission, Answer, Reason, Subject, TransactionId, Tried, Verifier};

impl Verifier {
    /// `/validate/check`: PIN and code, or code and transaction, is checked; a PIN alone is challenged.
    /// `transaction` is the request's own word: an id that names no open challenge of the subject is a failed try.
    pub async fn check(
        &self,
        subject: Option<&Subject>,
        pass: &str,
        transaction: Option<&TransactionId>,
    ) -> Answer {
        let Some(subject) = subject else { return Answer::Rejected(Reason::Malformed) };
        let pass = Pass { text: pass, transaction };
        let (tried, decision) = match self.tried(subject, &pass).await {
            Ok(tried) => tried,
            Err(reason) => return Answer::Rejected(reason),
        };
        match decision {
            Decision::Consume(transaction) => self.consume(&tried, &transaction).await,
            Decision::Trigger => self.trigger(&tried).await,
            Decision::Reject(reason) => Answer::Rejected(reason),
        }
    }

    /// `/validate/smspin`: a PIN is challenged; everything else is a failed try and counts as one.
    pub async fn smspin(&self, subject: Option<&Subject>, pin: &str) -> Answer {
        let Some(subject) = subject else { return Answer::Rejected(Reason::Malformed) };
        match self.tried(subject, &Pass { text: pin, transaction: None }).await {
            Ok((tried, Decision::Trigger)) => self.trigger(&tried).await,
            // A code has no business here: it stays unused, and the try stays counted.
            Ok((_, Decision::Consume(_))) => Answer::Rejected(Reason::WrongPin),
            Ok((_, Decision::Reject(reason))) | Err(reason) => Answer::Rejected(reason),
        }
    }

    /// Counts first, compares second. A user has one SMS token; should the store know more, the first decides.
    async fn tried(&self, subject: &Subject, pass: &Pass<'_>) -> Result<(Tried, Decision), Reason> {
        let now = self.clock.now();
        let found = self.store.begin_try(subject, now).await.map_err(|e| {
            tracing::warn!(error = %e, "the store did not count a try");
            Reason::StoreAway
        })?;
        let Some(tried) = found.into_iter().next() else {
            // The same comparisons for nobody: time does not tell whether a user exists.
            let pin = self.compare(&self.nobody.token, pass).await.map_err(|Busy| Reason::Busy)?;
            decide(&self.key, &self.nobody, pass, pin, now);
            return Err(Reason::NoToken);
        };
        let Ok(pin) = self.compare(&tried.token, pass).await else {
            self.not_compared(&tried).await;
            return Err(Reason::Busy);
        };
        // a slow comparison takes time in which a code may have died
        let decision = decide(&self.key, &tried, pass, pin, self.clock.now());
        Ok((tried, decision))
    }

    /// A try that was counted and never compared is taken back: a crowd at the door locks nobody out.
    async fn not_compared(&self, tried: &Tried) {
        if tried.admission != Admission::Counted {
            return;
        }
        if let Err(e) = self.store.forgive(&tried.token.serial).await {
            tracing::warn!(error = %e, "the store did not take back a try");
        }
    }

    async fn consume(&self, tried: &Tried, transaction: &TransactionId) -> Answer {
        let serial = &tried.token.serial;
        match self.store.consume(serial, transaction, self.clock.now()).await {
            Ok(true) => Answer::Accepted(serial.clone()),
            Ok(false) => Answer::Rejected(Reason::AlreadyUsed),
            Err(e) => {
                // It may have happened: then the code is burnt, which is the safe side.
                tracing::warn!(error = %e, "the store did not confirm the use of a code");
                Answer::Rejected(Reason::StoreAway)
            }
        }
    }
}
