//! What an installation may decide; the defaults are LinOTP's, where it is sound.

use std::time::Duration;

use mtan_hotp::Digits;
use mtan_jobs::Pool;

use crate::{PinScheme, Template};

/// Rules that are configuration.
#[derive(Debug, Clone)]
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
    /// Pools in the order in which they are tried.
    pub route: Vec<Pool>,
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
        }
    }
}
