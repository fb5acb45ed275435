//! What a try has found: each token of the subject with its decision, and what follows from them together.

use crate::decide::Decision;
use crate::{Admission, Reason, Serial, TransactionId, Tried};

/// The tokens of a subject, each with a try counted and decided upon. At least one.
pub(crate) struct Found(pub(crate) Vec<(Tried, Decision)>);

/// What follows.
pub(crate) enum Verdict<'a> {
    /// The right code for this token's challenge.
    Consume(&'a Tried, TransactionId),
    /// The right PIN of these tokens, at least one.
    Trigger(Vec<&'a Tried>),
    /// Neither.
    Reject(Reason),
}

impl Found {
    pub(crate) fn verdict(&self) -> Verdict<'_> {
        let mut right = self.0.iter().filter_map(|(tried, decision)| match decision {
            Decision::Consume(transaction) => Some((tried, transaction)),
            _ => None,
        });
        match (right.next(), right.next()) {
            (Some((tried, transaction)), None) => return Verdict::Consume(tried, transaction.clone()),
            // which of them it was nobody can tell
            (Some(_), Some(_)) => return Verdict::Reject(Reason::SeveralTokens),
            (None, _) => {}
        }
        let challenged = self.0.iter().filter(|(_, decision)| *decision == Decision::Trigger);
        let challenged: Vec<&Tried> = challenged.map(|(tried, _)| tried).collect();
        if challenged.is_empty() { Verdict::Reject(self.reason()) } else { Verdict::Trigger(challenged) }
    }

    /// The tokens on which a try was counted, but those of `without`.
    pub(crate) fn counted(&self, without: &[&Tried]) -> Vec<Serial> {
        let serials = self.0.iter().filter(|(tried, _)| tried.admission == Admission::Counted);
        let serials = serials.map(|(tried, _)| &tried.token.serial);
        serials.filter(|serial| without.iter().all(|w| w.token.serial != **serial)).cloned().collect()
    }

    /// Of several reasons the one that came closest to a yes.
    fn reason(&self) -> Reason {
        let reasons = self.0.iter().filter_map(|(_, decision)| match decision {
            Decision::Reject(reason) => Some(*reason),
            _ => None,
        });
        reasons.max_by_key(|reason| closeness(*reason)).unwrap_or(Reason::NoToken)
    }
}

fn closeness(reason: Reason) -> u8 {
    match reason {
        Reason::Expired => 6,
        Reason::WrongOtp => 5,
        Reason::NoChallenge => 4,
        Reason::WrongPin => 3,
        Reason::UnknownTransaction => 2,
        Reason::Locked => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::nobody;
    use crate::{PinScheme, SystemRandom};
    use mtan_seal::ServerKey;

    fn found(decisions: &[Decision]) -> Found {
        let key = ServerKey::generate();
        let tried = || nobody(&key, &SystemRandom, PinScheme::Keyed);
        Found(decisions.iter().map(|decision| (tried(), decision.clone())).collect())
    }

    fn consume() -> Decision {
        Decision::Consume(TransactionId::from_request("1"))
    }

    #[test]
    fn one_right_code_wins_over_everything_and_two_are_none() {
        let reject = Decision::Reject(Reason::WrongPin);
        let one = found(&[Decision::Trigger, consume(), reject.clone()]);
        assert!(
            matches!(one.verdict(), Verdict::Consume(tried, _) if tried.token.serial == one.0[1].0.token.serial)
        );
        let two = found(&[consume(), consume(), reject]);
        assert!(matches!(two.verdict(), Verdict::Reject(Reason::SeveralTokens)));
    }

    #[test]
    fn every_token_of_the_right_pin_is_challenged() {
        let two = found(&[Decision::Trigger, Decision::Reject(Reason::Locked), Decision::Trigger]);
        let Verdict::Trigger(challenged) = two.verdict() else { panic!("two triggers") };
        assert_eq!(challenged.len(), 2);
    }

    #[test]
    fn of_several_reasons_the_closest_is_told() {
        for (reasons, told) in [
            (vec![Reason::Locked, Reason::WrongPin, Reason::Inactive], Reason::WrongPin),
            (vec![Reason::WrongPin, Reason::WrongOtp, Reason::NoChallenge], Reason::WrongOtp),
            (vec![Reason::Inactive, Reason::Locked], Reason::Locked),
            (vec![Reason::Inactive], Reason::Inactive),
        ] {
            let decisions: Vec<Decision> = reasons.iter().map(|r| Decision::Reject(*r)).collect();
            assert!(
                matches!(found(&decisions).verdict(), Verdict::Reject(reason) if reason == told),
                "{reasons:?}"
            );
        }
    }
}
