//! A provider as it is kept, and what may be one.

use mtan_daemon::Fault;
use mtan_queue::SetPool;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Classes and the kinds of sender that they need.
pub(super) const CLASSES: [(&str, &str); 3] =
    [("HttpSMSProvider", "http"), ("SmtpSMSProvider", "smtp"), ("DeviceSMSProvider", "modem")];

/// Seconds that a sender waits at a stop, unless it is told otherwise: no time-out may be longer.
const LONGEST_TIME_OUT: f64 = 30.0;

/// What setProvider keeps under `provider/<name>`. It may hold passwords: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Provider {
    pub(super) class: String,
    pub(super) config: String,
    /// As it was given.
    pub(super) timeout: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) managed: bool,
}

impl Provider {
    pub(super) fn set_pool(&self, name: &str) -> SetPool {
        SetPool { name: name.to_owned(), class: self.class.clone(), config: self.config() }
    }

    /// The configuration as senders read it: the call's time-out is the gateway's, unless the JSON has one of its own. Modems
    /// have theirs in their own keys.
    pub(super) fn config(&self) -> String {
        let of_requests = kind(&self.class).is_some_and(|kind| kind != "modem");
        let Ok(mut keys) = serde_json::from_str::<Map<String, Value>>(&self.config) else {
            return self.config.clone();
        };
        let named = keys.keys().any(|key| key.eq_ignore_ascii_case("timeout"));
        let Some(seconds) = time_out(&self.timeout).ok().flatten() else { return self.config.clone() };
        if !of_requests || named {
            return self.config.clone();
        }
        keys.insert("TIMEOUT".to_owned(), seconds);
        Value::Object(keys).to_string()
    }
}

/// LinOTP's time-out of a provider as the senders' `TIMEOUT` has it: seconds in all, or `connect,read` as seconds to connect
/// and in all. `None` where it is longer than a sender waits at a stop: then the gateway's usual one counts.
///
/// # Errors
/// It is no time.
pub(super) fn time_out(text: &str) -> Result<Option<Value>, &'static str> {
    let number = |part: &str| part.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    let numbers: Option<Vec<f64>> = text.split(',').map(number).collect();
    match numbers.as_deref() {
        Some([all]) if *all <= LONGEST_TIME_OUT => Ok(Some(json!(all))),
        Some([connect, read]) if connect + read <= LONGEST_TIME_OUT => {
            Ok(Some(json!(format!("{connect},{}", connect + read))))
        }
        Some([_] | [_, _]) => Ok(None),
        _ => Err("seconds are expected, or seconds to connect and to read, as in 5 or 5,20"),
    }
}

/// The kind of sender that a class needs, whichever of LinOTP's spellings it has.
pub(super) fn kind(class: &str) -> Option<&'static str> {
    let known = |name: &str| {
        class == name
            || class == format!("smsprovider.{name}")
            || class == format!("smsprovider.{name}.{name}")
            || class == format!("linotp.provider.smsprovider.{name}")
    };
    CLASSES.into_iter().find(|(name, _)| known(name)).map(|(_, kind)| kind)
}

/// What this room can say of a provider by itself: is the class one, and the configuration a JSON object? A process that has the
/// senders' readers asks those.
///
/// # Errors
/// Each mistake, with its key.
pub fn check_provider(class: &str, config: &str) -> Result<&'static str, Vec<Fault>> {
    let fault = |key: &str, message: String| vec![Fault { key: key.to_owned(), message }];
    let expected = || {
        let message = "HttpSMSProvider, SmtpSMSProvider or DeviceSMSProvider is expected (X also as smsprovider.X, \
                       smsprovider.X.X or linotp.provider.smsprovider.X)";
        fault("class", message.to_owned())
    };
    let kind = kind(class).ok_or_else(expected)?;
    mtan_daemon::check_provider_json(config).map_err(|why| fault("", why))?;
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_class_has_its_kind() {
        for (class, expected) in [
            ("HttpSMSProvider", Some("http")),
            ("smsprovider.HttpSMSProvider.HttpSMSProvider", Some("http")),
            ("smsprovider.SmtpSMSProvider", Some("smtp")),
            ("linotp.provider.smsprovider.DeviceSMSProvider", Some("modem")),
            ("RestSMSProvider", None),
            ("smsprovider.HttpSMSProvider.SmtpSMSProvider", None),
            ("", None),
        ] {
            assert_eq!(kind(class), expected, "{class}");
        }
    }

    #[test]
    fn the_time_out_of_the_call_is_the_gateways_unless_the_configuration_has_one() {
        let provider = |config: &str, timeout: &str| Provider {
            class: "HttpSMSProvider".into(),
            config: config.into(),
            timeout: timeout.into(),
            managed: false,
        };
        for (given, taken) in
            [("7", json!(7.0)), ("0.5", json!(0.5)), ("5,20", json!("5,25")), (" 5 , 5 ", json!("5,10"))]
        {
            let config: Value = serde_json::from_str(&provider(r#"{"URL":"x"}"#, given).config()).unwrap();
            assert_eq!(config, json!({ "URL": "x", "TIMEOUT": taken }), "{given}");
        }
        for longer in ["300", "20,20"] {
            assert_eq!(provider(r#"{"URL":"x"}"#, longer).config(), r#"{"URL":"x"}"#);
        }
        for none in ["", "x", "0", "-1", "1,2,3", "NaN"] {
            assert!(time_out(none).is_err(), "{none}");
        }
        for own in [r#"{"TIMEOUT":3}"#, r#"{"timeout":3}"#, "no JSON"] {
            assert_eq!(provider(own, "7").config(), own);
        }
        let device = Provider { class: "DeviceSMSProvider".into(), ..provider("{}", "7") };
        assert_eq!(device.config(), "{}");
    }

    #[test]
    fn what_is_no_provider_is_told_without_its_text() {
        assert_eq!(check_provider("SmtpSMSProvider", "{}"), Ok("smtp"));
        assert_eq!(check_provider("Nothing", "{}").unwrap_err()[0].key, "class");
        let faults = check_provider("HttpSMSProvider", "{'PASSWORD': 'hush'}").unwrap_err();
        assert!(
            faults[0].message.contains("single quote") && !faults[0].message.contains("hush"),
            "{faults:?}"
        );
    }
}
