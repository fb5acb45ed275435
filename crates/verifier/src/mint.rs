//! The mint: a code, in the two forms that leave this room.

use jiff::Timestamp;
use mtan_hotp::Otp;
use mtan_jobs::{JobId, Reference, SendJob};
use mtan_sms::SmsText;

use crate::decide::code_digest;
use crate::template::Values;
use crate::trigger::later;
use crate::{Ask, Asked, CallerText, Challenge, Policy, Reason, Template, Token, TransactionId, Verifier};

/// A code: for the store its digest, for the sender its SMS.
pub(crate) struct Minted {
    /// The counter that it was made with.
    pub(crate) counter: u64,
    pub(crate) challenge: Challenge,
    pub(crate) job: SendJob,
    /// How its trail begins.
    pub(crate) asked: Asked,
}

impl Verifier {
    /// RFC 4226 §7.2: the counter moves first, so the first code of a token is HOTP(1), as LinOTP's.
    pub(crate) fn mint(
        &self,
        token: &Token,
        transaction: TransactionId,
        ask: &Ask<'_>,
        now: Timestamp,
    ) -> Result<Minted, Reason> {
        let policy = self.policy_of(token);
        let template = template(&policy, ask.text)?;
        let secret = token.secret.open(&self.key, &token.serial).map_err(|e| {
            tracing::error!(serial = %token.serial, error = %e, "token secret");
            Reason::SecretUnreadable
        })?;
        // the end of all counters: a wrapped one would make the first codes anew
        let counter = token.counter.checked_add(1).ok_or(Reason::SecretUsedUp)?;
        let otp = mtan_hotp::generate(&secret, counter, token.algorithm, token.digits);
        let mut random = [0; 10];
        self.random.fill(&mut random);
        let challenge = Challenge {
            otp: code_digest(&self.key, transaction.as_str(), otp.expose()),
            transaction,
            serial: token.serial.clone(),
            job_id: JobId::new(now, random),
            created_at: now,
            expires_at: later(now, policy.validity),
        };
        let job = job(token, &challenge, &otp, text(&template, token, &challenge, &otp), &policy);
        Ok(Minted { counter, job, asked: asked(token, &challenge, &policy), challenge })
    }
}

/// What the SMS says: the policy's text, or the caller's where the policy allows that.
fn template(policy: &Policy, text: Option<CallerText<'_>>) -> Result<Template, Reason> {
    let own = match text.filter(|_| policy.caller_text) {
        Some(CallerText::Instead(text)) => text,
        Some(CallerText::Base(text)) if policy.sms_text == Template::default() => text,
        _ => return Ok(policy.sms_text.clone()),
    };
    Template::new(own).map_err(|_| Reason::Malformed)
}

fn text(template: &Template, token: &Token, challenge: &Challenge, otp: &Otp) -> SmsText {
    template.render(&Values {
        otp: otp.expose(),
        serial: token.serial.as_str(),
        transaction: challenge.transaction.as_str(),
        user: token.user.as_ref().map_or("", |u| u.user()),
    })
}

fn job(token: &Token, challenge: &Challenge, otp: &Otp, text: SmsText, policy: &Policy) -> SendJob {
    let reference: Reference = challenge.transaction.as_str().parse().expect("17 digits are a reference");
    SendJob {
        id: challenge.job_id.clone(),
        to: token.phone.clone(),
        text,
        otp: Some(otp.expose().to_owned()),
        route: policy.route.clone(),
        expires_at: Some(challenge.expires_at),
        reference: Some(reference),
    }
}

fn asked(token: &Token, challenge: &Challenge, policy: &Policy) -> Asked {
    Asked {
        transaction: challenge.transaction.clone(),
        serial: challenge.serial.clone(),
        user: token.user.clone(),
        to: token.phone.to_string(),
        route: policy.route.clone(),
        at: challenge.created_at,
        expires_at: challenge.expires_at,
        keep_until: later(challenge.expires_at, policy.remembered),
    }
}
