//! MSISDN, SUPPRESS_PREFIX and NUMBER_FORMAT: how a gateway wants to see the number.

use mtan_sms::{NumberFormat, PhoneNumber};

use crate::keys::Keys;

/// The rule of one gateway. Without any of the keys a number goes out as E.164, with its plus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumberRule {
    format: NumberFormat,
    suppress: Option<String>,
}

impl NumberRule {
    /// Reads the three keys. `MSISDN` (LinOTP) is `"NUMBER_FORMAT": "digits"`; `NUMBER_FORMAT` wins. `SUPPRESS_PREFIX`
    /// (LinOTP) is cut off what they make of the number.
    pub fn read(keys: &mut Keys) -> NumberRule {
        let msisdn = keys.truth("MSISDN").unwrap_or(false);
        let format = format(keys);
        if format.is_some() && keys.has("MSISDN") {
            keys.warn("NUMBER_FORMAT wins over MSISDN");
        }
        let of_msisdn = if msisdn { NumberFormat::Digits } else { NumberFormat::E164 };
        NumberRule { format: format.unwrap_or(of_msisdn), suppress: suppress(keys) }
    }

    /// The whole number as the gateway wants it: for a request, never for a log.
    pub fn apply(&self, number: &PhoneNumber) -> String {
        let written = number.formatted(&self.format);
        let cut = self.suppress.as_deref().and_then(|prefix| written.strip_prefix(prefix));
        match cut {
            Some(rest) if !rest.is_empty() => rest.to_owned(),
            _ => written,
        }
    }
}

fn format(keys: &mut Keys) -> Option<NumberFormat> {
    let text = keys.string("NUMBER_FORMAT")?;
    text.parse().map_err(|e: mtan_sms::NumberFormatError| keys.fault("NUMBER_FORMAT", e.to_string())).ok()
}

fn suppress(keys: &mut Keys) -> Option<String> {
    let prefix = keys.text("SUPPRESS_PREFIX").filter(|prefix| !prefix.is_empty())?;
    let digits = prefix.strip_prefix('+').unwrap_or(&prefix);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        keys.fault("SUPPRESS_PREFIX", "the beginning of a number is expected: +, digits, or both");
    }
    Some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::{keys, said};

    fn applied(json: &str, number: &str) -> String {
        NumberRule::read(&mut keys(json)).apply(&PhoneNumber::parse(number).unwrap())
    }

    #[test]
    fn the_number_is_what_the_keys_make_of_it() {
        for (json, expected) in [
            ("{}", "+491701234567"),
            (r#"{"MSISDN":true}"#, "491701234567"),
            (r#"{"MSISDN":"True"}"#, "491701234567"),
            (r#"{"MSISDN":false}"#, "+491701234567"),
            (r#"{"SUPPRESS_PREFIX":"+"}"#, "491701234567"),
            (r#"{"SUPPRESS_PREFIX":"+49"}"#, "1701234567"),
            (r#"{"SUPPRESS_PREFIX":"+43"}"#, "+491701234567"),
            (r#"{"SUPPRESS_PREFIX":""}"#, "+491701234567"),
            (r#"{"SUPPRESS_PREFIX":"+491701234567"}"#, "+491701234567"),
            (r#"{"SUPPRESS_PREFIX":49,"MSISDN":true}"#, "1701234567"),
            (r#"{"NUMBER_FORMAT":"00"}"#, "00491701234567"),
            (r#"{"NUMBER_FORMAT":"00","SUPPRESS_PREFIX":"00"}"#, "491701234567"),
            (r#"{"NUMBER_FORMAT":"national:49"}"#, "01701234567"),
            (r#"{"NUMBER_FORMAT":"e164","MSISDN":true}"#, "+491701234567"),
        ] {
            assert_eq!(applied(json, "+491701234567"), expected, "{json}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (json, expected) in [
            (r#"{"MSISDN":"yes"}"#, "MSISDN: true or false is expected"),
            (
                r#"{"SUPPRESS_PREFIX":"tel:"}"#,
                "SUPPRESS_PREFIX: the beginning of a number is expected: +, digits, or both",
            ),
            (r#"{"NUMBER_FORMAT":"e164","MSISDN":false}"#, "NUMBER_FORMAT wins over MSISDN"),
        ] {
            let mut keys = keys(json);
            NumberRule::read(&mut keys);
            assert_eq!(said(keys), [expected], "{json}");
        }
        let mut keys = keys(r#"{"NUMBER_FORMAT":"national"}"#);
        NumberRule::read(&mut keys);
        assert!(said(keys)[0].starts_with("NUMBER_FORMAT: e164 (+49170…), digits"));
    }
}
