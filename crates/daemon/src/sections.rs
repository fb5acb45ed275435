//! The shapes of the sections that several processes read: texts and numbers, no room known.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde_json::{Map, Value};

/// `[sms]`: the seed's three keys, which make the pool "default", and the rules of texting.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmsSection {
    /// The class of the provider, as in `smsprovider.HttpSMSProvider.HttpSMSProvider`. Absent: no pool "default".
    #[serde(rename = "SMSProvider")]
    pub sms_provider: Option<String>,
    /// What the provider needs, a JSON object.
    #[serde(rename = "SMSProviderConfig")]
    pub sms_provider_config: Option<ProviderConfig>,
    /// How long a one-time password is valid, in seconds from its creation. Default 300. [`crate::sms`] refuses 0, and
    /// above 600 what `allow_long_validity` does not allow.
    #[serde(rename = "SMSProviderTimeout", deserialize_with = "seconds")]
    pub sms_provider_timeout: u64,
    /// Allows an `SMSProviderTimeout` above 600 seconds. Default false.
    pub allow_long_validity: bool,
    /// Within so many seconds of a trigger, another one sends no SMS. Default 30.
    #[serde(rename = "SMSBlockingTimeout", deserialize_with = "seconds")]
    pub sms_blocking_timeout: u64,
    /// The text of an SMS. Default `<otp>`.
    pub smstext: String,
    /// What the user reads when the SMS is on its way. Default `sms submitted`.
    #[serde(rename = "SMS_CHALLENGE_PROMPT")]
    pub sms_challenge_prompt: String,
    /// How many jobs of the pool "default" one sender may have in hand at a time. Default 32.
    #[serde(deserialize_with = "at_least_one")]
    pub max_in_flight: u16,
    /// How many SMS of the pool may go in a second, over all its senders that share a Redis; fractions too. Default: as
    /// many as can.
    #[serde(deserialize_with = "rate")]
    pub tps: Option<f64>,
    /// How many of them may go at once after a pause. Default: the SMS of one second, at least 1.
    #[serde(deserialize_with = "some_at_least_one")]
    pub burst: Option<u16>,
    /// How many failures in a row make a sender leave the way out alone for a while. Default 5.
    #[serde(deserialize_with = "at_least_one")]
    pub breaker_failures: u16,
    /// For how long at first, in seconds; doubles up to 15 while it still fails. Default 1.
    #[serde(deserialize_with = "at_least_one")]
    pub breaker_seconds: u16,
}

/// The keys of [`SmsSection`], for people who write them at the top of the file.
pub(crate) const SMS_KEYS: &[&str] = &[
    "SMSProvider",
    "SMSProviderConfig",
    "SMSProviderTimeout",
    "allow_long_validity",
    "SMSBlockingTimeout",
    "smstext",
    "SMS_CHALLENGE_PROMPT",
    "max_in_flight",
    "tps",
    "burst",
    "breaker_failures",
    "breaker_seconds",
];

impl Default for SmsSection {
    fn default() -> SmsSection {
        SmsSection {
            sms_provider: None,
            sms_provider_config: None,
            sms_provider_timeout: 300,
            allow_long_validity: false,
            sms_blocking_timeout: 30,
            smstext: "<otp>".to_owned(),
            sms_challenge_prompt: "sms submitted".to_owned(),
            max_in_flight: 32,
            tps: None,
            burst: None,
            breaker_failures: 5,
            breaker_seconds: 1,
        }
    }
}

/// `[pools.<name>]`: one more way out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolSection {
    /// The class of the provider; must be there.
    #[serde(rename = "SMSProvider")]
    pub sms_provider: Option<String>,
    /// What the provider needs, a JSON object; must be there.
    #[serde(rename = "SMSProviderConfig")]
    pub sms_provider_config: Option<ProviderConfig>,
    /// How many jobs one sender may have in hand at a time. Default 32.
    #[serde(deserialize_with = "at_least_one")]
    pub max_in_flight: u16,
    /// How many SMS of the pool may go in a second, over all its senders that share a Redis; fractions too. Default: as
    /// many as can.
    #[serde(deserialize_with = "rate")]
    pub tps: Option<f64>,
    /// How many of them may go at once after a pause. Default: the SMS of one second, at least 1.
    #[serde(deserialize_with = "some_at_least_one")]
    pub burst: Option<u16>,
    /// How many failures in a row make a sender leave the way out alone for a while. Default 5.
    #[serde(deserialize_with = "at_least_one")]
    pub breaker_failures: u16,
    /// For how long at first, in seconds; doubles up to 15 while it still fails. Default 1.
    #[serde(deserialize_with = "at_least_one")]
    pub breaker_seconds: u16,
}

impl Default for PoolSection {
    fn default() -> PoolSection {
        PoolSection {
            sms_provider: None,
            sms_provider_config: None,
            max_in_flight: 32,
            tps: None,
            burst: None,
            breaker_failures: 5,
            breaker_seconds: 1,
        }
    }
}

/// `[routing]`: which pools are tried, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoutingSection {
    /// Names of pools. Default: all, in the order in which they are configured. See [`crate::routing`].
    pub default: Vec<String>,
}

/// `[sender]`: where the sender processes show their health, and how they stop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SenderSection {
    /// Health and metrics of `mtan-sender-http`. Default `127.0.0.1:9101`.
    pub http_listen: String,
    /// Health and metrics of `mtan-sender-smtp`. Default `127.0.0.1:9102`.
    pub smtp_listen: String,
    /// Health and metrics of `mtan-sender-modem`. Default `127.0.0.1:9103`.
    pub modem_listen: String,
    /// Where gateways report delivery to, for pools with DLR: an address and a port. No default.
    pub dlr_listen: Option<String>,
    /// What stands before `/dlr/…` in the URL that gateways get: the listener as they see it. No default.
    pub dlr_url: Option<String>,
    /// How long a sender that stops may finish what it has in hand, in seconds. Default 30.
    #[serde(deserialize_with = "seconds")]
    pub drain_seconds: u64,
}

impl Default for SenderSection {
    fn default() -> SenderSection {
        SenderSection {
            http_listen: "127.0.0.1:9101".to_owned(),
            smtp_listen: "127.0.0.1:9102".to_owned(),
            modem_listen: "127.0.0.1:9103".to_owned(),
            dlr_listen: None,
            dlr_url: None,
            drain_seconds: 30,
        }
    }
}

/// `SMSProviderConfig`: the JSON itself, its keys as a table of TOML, or `{ file = "backup.json" }`. It holds gateway passwords: `Debug` prints `..`.
#[derive(Clone, PartialEq, Eq)]
pub enum ProviderConfig {
    /// The JSON text.
    Text(String),
    /// The path of a file with the JSON text, seen from the configuration's folder.
    File(String),
}

impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProviderConfig::Text(_) => f.write_str("Text(..)"),
            ProviderConfig::File(path) => write!(f, "File({path:?})"),
        }
    }
}

impl<'de> Deserialize<'de> for ProviderConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ProviderConfig, D::Error> {
        struct TextOrFile;

        impl<'de> Visitor<'de> for TextOrFile {
            type Value = ProviderConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object as a string, a table of its keys, or { file = \"…\" },")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ProviderConfig, E> {
                Ok(ProviderConfig::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ProviderConfig, A::Error> {
                let keys = Map::<String, Value>::deserialize(MapAccessDeserializer::new(map))?;
                // no provider has a key of that name
                match (keys.len(), keys.get("file")) {
                    (1, Some(Value::String(file))) => Ok(ProviderConfig::File(file.clone())),
                    _ => Ok(ProviderConfig::Text(Value::Object(keys).to_string())),
                }
            }
        }

        deserializer.deserialize_any(TextOrFile)
    }
}

/// For `deserialize_with`: a whole number of seconds, zero or more.
pub fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_u64(Whole { least: 0, most: u64::MAX, words: "a whole number of seconds" })
}

/// For `deserialize_with`: a whole number from 1 to 65535.
pub fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let whole = Whole { least: 1, most: u16::MAX.into(), words: "a whole number from 1 to 65535" };
    let number = deserializer.deserialize_u16(whole)?;
    Ok(u16::try_from(number).expect("the visitor keeps to `most`"))
}

fn some_at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    at_least_one(deserializer).map(Some)
}

/// For `deserialize_with`: a number of SMS per second, whole or not.
fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    deserializer.deserialize_f64(Rate).map(Some)
}

struct Rate;

impl Visitor<'_> for Rate {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of SMS per second from 0.001 to 100000")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        if (0.001..=100_000.0).contains(&number) {
            Ok(number)
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        match u32::try_from(number) {
            Ok(number) => self.visit_f64(number.into()),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Err(E::invalid_value(Unexpected::Signed(number), &self))
    }
}

/// A whole number within bounds, called by its own words when it is not.
struct Whole {
    least: u64,
    most: u64,
    words: &'static str,
}

impl Visitor<'_> for Whole {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        if (self.least..=self.most).contains(&number) {
            Ok(number)
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(number), &self))
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        let refused = E::invalid_value(Unexpected::Signed(number), &self);
        u64::try_from(number).map_err(|_| refused).and_then(|number| self.visit_u64(number))
    }
}
