//! The exit: a code is accepted once, in time; and the way in for a PIN alone.

use futures_util::future::join_all;

use crate::ask::Ask;
use crate::decide::{Decision, Pass, decide};
use crate::found::{Found, Verdict};
use crate::slow_lane::Busy;
use crate::{Admission, Answer, Policy, Reason, Serial, Subject, TransactionId, Tried, Verifier};

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
        self.ask(&Ask { transaction, ..Ask::new(subject, pass) }).await
    }

    /// `/validate/smspin`: a PIN is challenged; everything else is a failed try and counts as one.
    pub async fn smspin(&self, subject: Option<&Subject>, pin: &str) -> Answer {
        let Some(subject) = subject else { return Answer::Rejected(Reason::Malformed) };
        self.ask_for_sms(&Ask::new(subject, pin)).await
    }

    /// [`Verifier::check`] with all that a request may say.
    pub async fn ask(&self, ask: &Ask<'_>) -> Answer {
        let found = match self.found(ask).await {
            Ok(found) => found,
            Err(reason) => return Answer::Rejected(reason),
        };
        match found.verdict() {
            Verdict::Consume(tried, transaction) => self.consume(&found, tried, &transaction).await,
            Verdict::Trigger(challenged) => self.trigger(&found, &challenged, ask).await,
            Verdict::Reject(reason) => Answer::Rejected(reason),
        }
    }

    /// [`Verifier::smspin`] with all that a request may say.
    pub async fn ask_for_sms(&self, ask: &Ask<'_>) -> Answer {
        let ask = Ask { transaction: None, ..ask.clone() };
        let found = match self.found(&ask).await {
            Ok(found) => found,
            Err(reason) => return Answer::Rejected(reason),
        };
        match found.verdict() {
            Verdict::Trigger(challenged) => self.trigger(&found, &challenged, &ask).await,
            // A code has no business here: it stays unused, and the try stays counted.
            Verdict::Consume(..) => Answer::Rejected(Reason::WrongPin),
            Verdict::Reject(reason) => Answer::Rejected(reason),
        }
    }

    /// Counts first, compares second.
    pub(crate) async fn found(&self, ask: &Ask<'_>) -> Result<Found, Reason> {
        let tried = self.store.begin_try(ask.subject, self.clock.now()).await.map_err(|e| {
            tracing::warn!(error = %e, "the store did not count a try");
            Reason::StoreAway
        })?;
        if tried.is_empty() {
            // The same comparisons for nobody: time does not tell whether a user exists.
            let policy = self.policies().of(ask.subject.user());
            self.decided(&self.nobody, ask, &policy).await.map_err(|Busy| Reason::Busy)?;
            return Err(Reason::NoToken);
        }
        let mut found = Found(Vec::with_capacity(tried.len()));
        let mut left = tried.into_iter();
        while let Some(tried) = left.next() {
            match self.decided(&tried, ask, &self.policy_of(&tried.token)).await {
                Ok(decision) => found.0.push((tried, decision)),
                Err(Busy) => {
                    let compared = found.0.iter().map(|(tried, _)| tried).chain([&tried]);
                    self.not_compared(compared.chain(left.as_slice())).await;
                    return Err(Reason::Busy);
                }
            }
        }
        Ok(found)
    }

    async fn decided(&self, tried: &Tried, ask: &Ask<'_>, policy: &Policy) -> Result<Decision, Busy> {
        let pass = Pass::new(ask, policy);
        let pin = self.compare(&tried.token, &pass).await?;
        // a slow comparison takes time in which a code may have died
        Ok(decide(&self.key, tried, &pass, pin, self.clock.now()))
    }

    /// Tries that were counted for an answer that nobody gets are taken back: a crowd at the door locks nobody out.
    async fn not_compared(&self, tried: impl Iterator<Item = &Tried>) {
        let counted = tried.filter(|tried| tried.admission == Admission::Counted);
        let serials: Vec<Serial> = counted.map(|tried| tried.token.serial.clone()).collect();
        self.forgive(&serials).await;
    }

    /// Takes back a counted try of each; whether the store did.
    pub(crate) async fn forgive(&self, serials: &[Serial]) -> bool {
        let forgiven = join_all(serials.iter().map(|serial| self.store.forgive(serial))).await;
        let errors = forgiven.into_iter().filter_map(Result::err);
        errors.inspect(|e| tracing::warn!(error = %e, "the store did not take back a try")).count() == 0
    }

    pub(crate) async fn consume(&self, found: &Found, tried: &Tried, transaction: &TransactionId) -> Answer {
        let serial = &tried.token.serial;
        let others = found.counted(&[tried]);
        match self.store.consume(serial, transaction, &others, self.clock.now()).await {
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
