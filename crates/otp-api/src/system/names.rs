//! The names of /system/setConfig that mean something here, and what their values may be.

use std::time::Duration;

use mtan_hotp::Digits;
use mtan_verifier::Policy;

use crate::policies::{LONGEST_VALIDITY, read_switch};

/// The seed's three keys.
pub(super) const CLASS: &str = "SMSProvider";
/// The second of them: a JSON object with passwords in it.
pub(super) const CONFIG: &str = "SMSProviderConfig";
/// The third: seconds for which a code counts.
pub(super) const TIMEOUT: &str = "SMSProviderTimeout";

/// A name that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(&'static str);

/// All of them; the two spellings of a limit are one name.
const NAMES: [&str; 8] = [
    CLASS,
    CONFIG,
    TIMEOUT,
    "SMSBlockingTimeout",
    "SMS_CHALLENGE_PROMPT",
    "DefaultOtpLen",
    "DefaultMaxFailCount",
    "PrependPin",
];

/// The names of /system/setDefault that mean something here.
pub(super) const DEFAULTS: [&str; 2] = ["DefaultMaxFailCount", "DefaultOtpLen"];

impl Name {
    /// `text` with or without LinOTP's `linotp.` in front.
    pub(super) fn parse(text: &str) -> Result<Name, String> {
        let text = text.strip_prefix("linotp.").unwrap_or(text);
        let text = if text == "MaxFailCount" { "DefaultMaxFailCount" } else { text };
        let found = NAMES.into_iter().find(|name| *name == text);
        found.map(Name).ok_or_else(|| {
            format!(
                "this name means nothing here; names that do: {}. Other settings stand in the TOML file",
                NAMES.join(", ")
            )
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        self.0
    }

    /// Where the value is kept.
    pub(super) fn place(self) -> String {
        format!("config/{}", self.0)
    }

    /// The name that is kept in `place`.
    pub(super) fn of_place(place: &str) -> Option<Name> {
        let name = place.strip_prefix("config/")?;
        NAMES.into_iter().find(|known| *known == name).map(Name)
    }

    /// Whether the value may hold a secret: then nobody is shown it again.
    pub(super) fn is_secret(self) -> bool {
        self.0 == CONFIG
    }

    /// Sets the value in `policy`, or says what is expected. What makes providers is none of a policy's.
    pub(super) fn set(self, value: &str, policy: &mut Policy, long_validity: bool) -> Result<(), String> {
        let seconds =
            || value.trim().parse::<u64>().map_err(|_| "a whole number of seconds is expected".to_owned());
        match self.0 {
            TIMEOUT => {
                let seconds = seconds()?;
                if seconds == 0 || (seconds > LONGEST_VALIDITY && !long_validity) {
                    return Err(format!(
                        "1 to {LONGEST_VALIDITY} seconds are expected (more with sms.allow_long_validity in the TOML file)"
                    ));
                }
                policy.validity = Duration::from_secs(seconds);
            }
            "SMSBlockingTimeout" => policy.blocking = Duration::from_secs(seconds()?),
            "SMS_CHALLENGE_PROMPT" => {
                if value.chars().any(char::is_control) {
                    return Err("one line without control characters is expected".to_owned());
                }
                policy.prompt = value.to_owned();
            }
            "DefaultOtpLen" => {
                let digits = value.trim().parse().ok().and_then(|number| Digits::new(number).ok());
                policy.digits = digits.ok_or("6, 7 or 8 is expected")?;
            }
            "DefaultMaxFailCount" => {
                let most = value.trim().parse::<u32>().ok().filter(|most| *most > 0);
                policy.max_fail_count = most.ok_or("a whole number, at least 1, is expected")?;
            }
            "PrependPin" => policy.prepend_pin = read_switch(value)?,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_with_and_without_its_prefix_and_another_is_refused() {
        for text in ["SMSProvider", "linotp.SMSProvider"] {
            assert_eq!(Name::parse(text).unwrap().as_str(), CLASS);
        }
        assert_eq!(Name::parse("MaxFailCount"), Name::parse("DefaultMaxFailCount"));
        for text in ["", "smsprovider", "linotp.", "AutoResync", "config/SMSProvider"] {
            assert!(Name::parse(text).unwrap_err().contains("SMSProviderConfig"), "{text}");
        }
        for name in NAMES.map(Name) {
            assert_eq!(Name::of_place(&name.place()), Some(name));
        }
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_and_changes_nothing() {
        for (name, values) in [
            (TIMEOUT, &["0", "601", "-1", "x", "", "1.5"][..]),
            ("SMSBlockingTimeout", &["-1", "soon"]),
            ("SMS_CHALLENGE_PROMPT", &["a\r\nb"]),
            ("DefaultOtpLen", &["5", "9", "six"]),
            ("DefaultMaxFailCount", &["0", "-1", "many"]),
            ("PrependPin", &["perhaps", ""]),
        ] {
            for value in values {
                let mut policy = Policy::default();
                assert!(Name(name).set(value, &mut policy, false).is_err(), "{name} {value:?}");
                assert_eq!(policy, Policy::default(), "{name} {value:?}");
            }
        }
    }

    #[test]
    fn a_value_within_bounds_is_taken() {
        let mut policy = Policy::default();
        for (name, value) in [
            (TIMEOUT, "600"),
            ("SMSBlockingTimeout", "0"),
            ("SMS_CHALLENGE_PROMPT", "look"),
            ("DefaultOtpLen", "8"),
            ("DefaultMaxFailCount", "3"),
            ("PrependPin", "False"),
        ] {
            Name(name).set(value, &mut policy, false).unwrap();
        }
        let (validity, blocking) = (Duration::from_secs(600), Duration::ZERO);
        let digits = Digits::new(8).unwrap();
        let expected = Policy {
            validity,
            blocking,
            prompt: "look".into(),
            digits,
            max_fail_count: 3,
            prepend_pin: false,
            ..Policy::default()
        };
        assert_eq!(policy, expected);
        Name(TIMEOUT).set("3600", &mut policy, true).unwrap();
        assert_eq!(policy.validity, Duration::from_secs(3600));
    }
}
