//! What an installation may decide; the defaults are LinOTP's, where it is sound.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mtan_hotp::Digits;
use mtan_jobs::Pool;

use crate::{PinScheme, Template, UserRef};

/// Rules that are configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// `SMSProviderTimeout`: how long a code counts from its creation.
    pub validity: Duration,
    /// `explain_hours`: how long the trail of an SMS is known after its code's expiry, and after its last report.
    pub remembered: Duration,
    /// `SMSBlockingTimeout`: a trigger this soon after the last one sends no further SMS.
    pub blocking: Duration,
    /// `MaxFailCount` of new tokens: tries without success that lock a token.
    pub max_fail_count: u32,
    /// `DefaultOtpLen` of new tokens.
    pub digits: Digits,
    /// `pin_hash`: how the PINs of new tokens are kept.
    pub pin_scheme: PinScheme,
    /// `smstext`: what the SMS says.
    pub sms_text: Template,
    /// What the user is told after a trigger; LinOTP's `SMS_CHALLENGE_PROMPT`.
    pub prompt: String,
    /// `sms_provider`: pools in the order in which they are tried.
    pub route: Vec<Pool>,
    /// `otppin`: what is asked for beside the code.
    pub otppin: OtpPin,
    /// `PrependPin`: the PIN stands before the code; else behind it.
    pub prepend_pin: bool,
    /// `trigger_sms`: who knows a serial may have an SMS sent without its PIN (`/validate/check_s` with `challenge`).
    pub trigger_sms: bool,
    /// `caller_text`: callers may say what the SMS says (`data`, `message`, `challenge`). Whoever knows a PIN can then
    /// send any text in the installation's name.
    pub caller_text: bool,
    /// `detail_on_success`: a yes tells whose token it was.
    pub detail_on_success: bool,
    /// `detail_on_fail`: a no tells why.
    pub detail_on_fail: bool,
}

/// What is asked for beside a code: LinOTP's `otppin`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OtpPin {
    /// The token's PIN.
    #[default]
    TokenPin,
    /// Nothing: an empty pass triggers, and the code alone is the answer.
    OnlyOtp,
}

/// The rules of every realm.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policies {
    /// The rules where a realm has none of its own, and of tokens without an owner.
    pub default: Arc<Policy>,
    /// By realm, lower-case: all rules, not only those that differ.
    pub realms: BTreeMap<String, Arc<Policy>>,
}

impl Policies {
    /// The rules for the tokens of `user`.
    pub fn of(&self, user: Option<&UserRef>) -> Arc<Policy> {
        let own = user.and_then(|user| self.realms.get(user.realm()));
        Arc::clone(own.unwrap_or(&self.default))
    }

    /// The same rules, each with a change.
    #[must_use]
    pub fn each(mut self, change: impl Fn(&mut Policy)) -> Policies {
        for policy in std::iter::once(&mut self.default).chain(self.realms.values_mut()) {
            change(Arc::make_mut(policy));
        }
        self
    }
}

impl From<Policy> for Policies {
    /// The same rules everywhere.
    fn from(policy: Policy) -> Policies {
        Policies { default: Arc::new(policy), realms: BTreeMap::new() }
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            validity: Duration::from_secs(300),
            remembered: Duration::from_secs(48 * 60 * 60),
            blocking: Duration::from_secs(30),
            max_fail_count: 10,
            digits: Digits::default(),
            pin_scheme: PinScheme::default(),
            sms_text: Template::default(),
            prompt: "sms submitted".to_owned(),
            route: vec![Pool::default_pool()],
            otppin: OtpPin::TokenPin,
            prepend_pin: true,
            trigger_sms: false,
            caller_text: false,
            detail_on_success: false,
            detail_on_fail: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_without_rules_of_its_own_has_the_default_ones() {
        let work = Arc::new(Policy { prompt: "work".into(), ..Policy::default() });
        let policies =
            Policies { realms: BTreeMap::from([("work".to_owned(), work)]), ..Policies::default() };
        let prompt = |user: Option<&UserRef>| policies.of(user).prompt.clone();
        assert_eq!(prompt(Some(&UserRef::new("alice", "Work").unwrap())), "work");
        assert_eq!(prompt(Some(&UserRef::new("work", "home").unwrap())), "sms submitted");
        assert_eq!(prompt(None), "sms submitted");
    }
}
