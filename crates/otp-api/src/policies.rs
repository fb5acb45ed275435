//! The sections `[policy]` and `[realms.<name>]`: the verifier's rules, and what differs from realm to realm.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mtan_daemon::{Config, PoolConfig};
use mtan_hotp::Digits;
use mtan_jobs::Pool;
use mtan_verifier::{OtpPin, Policies, Policy, Template, UserRef};
use serde::Deserialize;

use crate::users::Users;

/// The longest time for which a code counts, in seconds, unless `sms.allow_long_validity` is set (NIST SP 800-63B).
pub(crate) const LONGEST_VALIDITY: u64 = 600;

/// `[policy]`: LinOTP's policies of the same names, for every realm that says nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicySection {
    /// What is asked for beside a code: `token_pin` (default) or `only_otp`.
    pub otppin: Option<String>,
    /// Whether the PIN stands before the code. Default true.
    #[serde(rename = "PrependPin")]
    pub prepend_pin: Option<bool>,
    /// Whether `/validate/check_s` with `challenge` sends an SMS without a PIN. Default false.
    pub trigger_sms: Option<bool>,
    /// Whether callers may say what the SMS says: `data`, `message`, `challenge`. Default false.
    pub caller_text: Option<bool>,
    /// Whether a yes tells whose token it was. Default false.
    pub detail_on_success: Option<bool>,
    /// Whether a no tells why. Default false.
    pub detail_on_fail: Option<bool>,
}

/// `[realms.<name>]`: what is different for the tokens of a realm's users. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RealmSection {
    /// A file in LinOTP's passwd format: the realm's users. None = every name is one.
    pub passwd: Option<String>,
    /// As in `[sms]`.
    pub smstext: Option<String>,
    /// As in `[sms]`.
    #[serde(rename = "SMS_CHALLENGE_PROMPT")]
    pub sms_challenge_prompt: Option<String>,
    /// As in `[sms]`; seconds.
    #[serde(rename = "SMSProviderTimeout")]
    pub sms_provider_timeout: Option<u64>,
    /// As in `[sms]`; seconds.
    #[serde(rename = "SMSBlockingTimeout")]
    pub sms_blocking_timeout: Option<u64>,
    /// The route: pools in the order in which they are tried, as in `[routing]`.
    pub sms_provider: Option<Vec<String>>,
    /// As in `[token]`.
    #[serde(rename = "MaxFailCount")]
    pub max_fail_count: Option<u32>,
    /// As in `[token]`.
    #[serde(rename = "DefaultOtpLen")]
    pub default_otp_len: Option<u8>,
    /// As in `[policy]`.
    pub otppin: Option<String>,
    /// As in `[policy]`.
    #[serde(rename = "PrependPin")]
    pub prepend_pin: Option<bool>,
    /// As in `[policy]`.
    pub trigger_sms: Option<bool>,
    /// As in `[policy]`.
    pub caller_text: Option<bool>,
    /// As in `[policy]`.
    pub detail_on_success: Option<bool>,
    /// As in `[policy]`.
    pub detail_on_fail: Option<bool>,
}

/// Reads both sections over the rules that `[sms]`, `[token]` and `[routing]` make; mistakes become faults of `config`.
pub(crate) fn policies(
    config: &mut Config,
    basic: Policy,
    pools: &[PoolConfig],
    long_validity: bool,
) -> (Policies, Users) {
    let section: PolicySection = config.section("policy");
    let mut reader = Reader { config, pools, long_validity };
    let default = reader.policy("policy", basic, RealmSection::from(section));
    let (mut realms, mut users) = (BTreeMap::new(), Users::default());
    for name in reader.config.keys("realms") {
        let key = format!("realms.{name}");
        let Ok(user) = UserRef::new("user", &name) else {
            reader.config.fault(&key, "a realm is named by 1 to 255 characters without control characters");
            continue;
        };
        let mut own = reader.config.section::<RealmSection>(&key);
        if let Some(path) = own.passwd.take() {
            users.read_passwd(reader.config, &format!("{key}.passwd"), &user, &path);
        }
        let policy = Arc::new(reader.policy(&key, default.clone(), own));
        if realms.insert(user.realm().to_owned(), policy).is_some() {
            reader
                .config
                .fault(&key, "this realm has a section already: upper and lower case are the same realm");
        }
    }
    (Policies { default: Arc::new(default), realms }, users)
}

struct Reader<'a> {
    config: &'a mut Config,
    pools: &'a [PoolConfig],
    long_validity: bool,
}

impl Reader<'_> {
    /// `basic` with what `own` says otherwise.
    fn policy(&mut self, key: &str, basic: Policy, own: RealmSection) -> Policy {
        let mut policy = basic;
        if let Some(text) = own.smstext {
            let read = Template::new(&text).map_err(|e| e.to_string());
            self.set(key, "smstext", read, &mut policy.sms_text);
        }
        if let Some(prompt) = own.sms_challenge_prompt {
            let one_line = if prompt.chars().any(char::is_control) {
                Err("one line without control characters is expected".to_owned())
            } else {
                Ok(prompt)
            };
            self.set(key, "SMS_CHALLENGE_PROMPT", one_line, &mut policy.prompt);
        }
        if let Some(seconds) = own.sms_provider_timeout {
            let validity = self.validity(seconds);
            self.set(key, "SMSProviderTimeout", validity, &mut policy.validity);
        }
        if let Some(seconds) = own.sms_blocking_timeout {
            policy.blocking = Duration::from_secs(seconds);
        }
        if let Some(names) = own.sms_provider {
            let route = self.route(&names);
            self.set(key, "sms_provider", route, &mut policy.route);
        }
        if let Some(most) = own.max_fail_count {
            let most = if most == 0 {
                Err("at least 1 is expected: with 0 every token is locked".to_owned())
            } else {
                Ok(most)
            };
            self.set(key, "MaxFailCount", most, &mut policy.max_fail_count);
        }
        if let Some(digits) = own.default_otp_len {
            self.set(
                key,
                "DefaultOtpLen",
                Digits::new(digits).map_err(|e| e.to_string()),
                &mut policy.digits,
            );
        }
        if let Some(otppin) = own.otppin {
            self.set(key, "otppin", read_otppin(&otppin), &mut policy.otppin);
        }
        let switches = [
            (own.prepend_pin, &mut policy.prepend_pin),
            (own.trigger_sms, &mut policy.trigger_sms),
            (own.caller_text, &mut policy.caller_text),
            (own.detail_on_success, &mut policy.detail_on_success),
            (own.detail_on_fail, &mut policy.detail_on_fail),
        ];
        for (own, switch) in switches {
            *switch = own.unwrap_or(*switch);
        }
        policy
    }

    fn set<T>(&mut self, section: &str, key: &str, read: Result<T, String>, place: &mut T) {
        match read {
            Ok(value) => *place = value,
            Err(why) => self.config.fault(format!("{section}.{key}"), why),
        }
    }

    fn validity(&self, seconds: u64) -> Result<Duration, String> {
        match seconds {
            0 => Err(
                "at least 1 second is expected: a one-time password that lives 0 seconds is never accepted"
                    .to_owned(),
            ),
            _ if seconds > LONGEST_VALIDITY && !self.long_validity => Err(format!(
                "at most {LONGEST_VALIDITY} seconds are expected, or sms.allow_long_validity = true: NIST SP 800-63B limits an \
                 out-of-band secret to ten minutes"
            )),
            _ => Ok(Duration::from_secs(seconds)),
        }
    }

    fn route(&self, names: &[String]) -> Result<Vec<Pool>, String> {
        let known = || self.pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>().join(", ");
        let pool = |name: &String| {
            let configured = self.pools.iter().any(|pool| pool.name == *name);
            let parsed = name.parse().ok().filter(|_| configured);
            parsed.ok_or_else(|| format!("no pool is called {name:?}; configured are: {}", known()))
        };
        match names {
            [] => Err(format!("at least one pool is expected; configured are: {}", known())),
            names => names.iter().map(pool).collect(),
        }
    }
}

/// LinOTP's `otppin`: a number or its name.
pub(crate) fn read_otppin(text: &str) -> Result<OtpPin, String> {
    match text {
        "token_pin" | "0" => Ok(OtpPin::TokenPin),
        "only_otp" | "2" => Ok(OtpPin::OnlyOtp),
        "ignore_pin" | "3" => Err("token_pin or only_otp is expected: ignore_pin takes any text for the right PIN, so that everybody \
                                   could have SMS sent to everybody"
            .to_owned()),
        "password" | "1" => {
            Err("token_pin or only_otp is expected: mtan knows no passwords of a user store".to_owned())
        }
        _ => Err("token_pin or only_otp is expected".to_owned()),
    }
}

impl From<PolicySection> for RealmSection {
    fn from(section: PolicySection) -> RealmSection {
        let PolicySection {
            otppin,
            prepend_pin,
            trigger_sms,
            caller_text,
            detail_on_success,
            detail_on_fail,
        } = section;
        RealmSection {
            otppin,
            prepend_pin,
            trigger_sms,
            caller_text,
            detail_on_success,
            detail_on_fail,
            ..RealmSection::default()
        }
    }
}

/// A switch as LinOTP's calls have it.
pub(crate) fn read_switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("true or false is expected".to_owned()),
    }
}
