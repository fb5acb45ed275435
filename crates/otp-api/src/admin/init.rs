//! POST /admin/init: an SMS token is made, or the one of that serial is changed.

use data_encoding::HEXLOWER_PERMISSIVE;
use mtan_hotp::{Algorithm, Digits, Secret};
use mtan_sms::PhoneNumber;
use mtan_verifier::{AuditRecord, NewToken, Pin, Serial, SystemRandom, Token, Verifier};
use serde_json::json;

use super::call::Answer;
use super::error::AdminError;
use super::tokens::note_user;
use super::users;
use crate::OtpApi;
use crate::params::Params;
use crate::question::{Names, user};

/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 255;

/// `detail` has the serial, and never the seed.
pub(super) async fn init(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    let profile = match user(params, &api.inner.names)? {
        Some(user) => users::profile(api, &user, 1112).await?,
        None => None,
    };
    let mobile = profile.as_ref().map(|profile| profile.mobile.as_str()).filter(|number| !number.is_empty());
    let wish = Wish::new(params, mobile, &api.inner.names)?;
    record.serial = wish.new.serial.as_ref().map(ToString::to_string);
    if let Some(user) = &wish.new.user {
        note_user(record, user);
    }
    let serial = wish.fulfil(&api.inner.verifier).await?;
    record.serial = Some(serial.to_string());
    Ok(Answer::detailed(true, json!({ "serial": serial.as_str() })))
}

/// What the request wants of the token; `pin_given` tells an empty PIN from none.
struct Wish {
    new: NewToken,
    prefix: Option<String>,
    algorithm_given: bool,
    description_given: bool,
    pin_given: bool,
}

impl Wish {
    /// Checks in the order in which LinOTP does: type, secret, phone, the rest. The user's own `mobile` takes the place of a
    /// phone that the request does not name.
    fn new(params: &Params, mobile: Option<&str>, names: &Names) -> Result<Wish, AdminError> {
        match params.filled("type")? {
            None => return Err(AdminError::missing("type")),
            Some(kind) if kind.eq_ignore_ascii_case("sms") => {}
            Some(_) => return Err(AdminError::numbered(1610, "unknown token type: sms is expected")),
        }
        let secret = secret(params)?;
        refuse_what_is_not_built(params)?;
        let phone = params.filled("phone")?.or(mobile).ok_or_else(|| AdminError::missing("phone"))?;
        let phone = PhoneNumber::parse(phone).map_err(|e| AdminError::invalid("phone", e.to_string()))?;
        let pin = params.get("pin")?;
        let description = description(params)?;
        let algorithm = parsed(params, "hashlib")?;
        let algorithm: Option<Algorithm> = algorithm;
        key_size(params, algorithm.unwrap_or_default())?;
        let prefix = params.filled("prefix")?;
        if let Some(prefix) = prefix {
            Serial::beginning(prefix, &SystemRandom).map_err(|_| {
                AdminError::invalid("prefix", "1 to 32 characters of A-Z a-z 0-9 _ - are expected")
            })?;
        }
        let new = NewToken {
            active: params.switch("enable")?.unwrap_or(true),
            serial: parsed(params, "serial")?,
            user: user(params, names)?,
            secret,
            algorithm: algorithm.unwrap_or_default(),
            digits: digits(params)?,
            description: description.unwrap_or_default().to_owned(),
            ..NewToken::new(phone, Pin::new(pin.unwrap_or_default()))
        };
        Ok(Wish {
            new,
            prefix: prefix.map(str::to_owned),
            algorithm_given: algorithm.is_some(),
            description_given: description.is_some(),
            pin_given: pin.is_some(),
        })
    }

    async fn fulfil(mut self, verifier: &Verifier) -> Result<Serial, AdminError> {
        match &self.new.serial {
            None => {
                let prefix = self.prefix.as_deref().unwrap_or("LSSM");
                self.new.serial = Some(free_serial(verifier, prefix).await?);
            }
            Some(serial) => {
                if let Some(token) = verifier.token(serial).await? {
                    self.keep_the_rest_of(token)?;
                }
            }
        }
        Ok(verifier.enrol(self.new).await?)
    }

    /// The token is there: what the request does not name stays as it is. A PIN cannot be read back, so it must be named.
    fn keep_the_rest_of(&mut self, token: Token) -> Result<(), AdminError> {
        if !self.pin_given {
            return Err(AdminError::numbered(
                905,
                "Missing parameter: 'pin': the token is there already and would lose its PIN",
            ));
        }
        self.new.user = self.new.user.take().or(token.user);
        self.new.digits = self.new.digits.or(Some(token.digits));
        if !self.algorithm_given {
            self.new.algorithm = token.algorithm;
        }
        if !self.description_given {
            self.new.description = token.description;
        }
        Ok(())
    }
}

/// A serial that no token has: enrolling under a used one would change that token.
async fn free_serial(verifier: &Verifier, prefix: &str) -> Result<Serial, AdminError> {
    loop {
        let serial = Serial::beginning(prefix, &SystemRandom)
            .map_err(|e| AdminError::invalid("prefix", e.to_string()))?;
        if verifier.token(&serial).await?.is_none() {
            return Ok(serial);
        }
    }
}

/// `otpkey` without spaces and dashes, in hexadecimal; none = the server makes one.
fn secret(params: &Params) -> Result<Option<Secret>, AdminError> {
    let generate = params.get("genkey")?.is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"));
    let Some(text) = params.filled("otpkey")? else { return Ok(None) };
    if generate {
        return Err(AdminError::numbered(344, "either genkey or otpkey is expected, not both"));
    }
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'-').collect();
    let bytes = HEXLOWER_PERMISSIVE
        .decode(&digits)
        .map_err(|_| AdminError::plain("otpkey: hexadecimal digits are expected, two for each byte"))?;
    Secret::new(bytes).map(Some).map_err(|e| AdminError::invalid("otpkey", e.to_string()))
}

fn description(params: &Params) -> Result<Option<&str>, AdminError> {
    let Some(text) = params.get("description")? else { return Ok(None) };
    one_line(text).map(Some).map_err(|expected| AdminError::invalid("description", expected))
}

/// One line: it goes out again in answers, and terminals and logs of clients show it.
pub(super) fn one_line(text: &str) -> Result<&str, String> {
    if text.chars().count() > LONGEST_DESCRIPTION || text.chars().any(char::is_control) {
        return Err(format!(
            "at most {LONGEST_DESCRIPTION} characters without control characters are expected"
        ));
    }
    Ok(text)
}

fn digits(params: &Params) -> Result<Option<Digits>, AdminError> {
    let Some(text) = params.filled("otplen")? else { return Ok(None) };
    let digits = text.parse().ok().and_then(|number| Digits::new(number).ok());
    digits.map(Some).ok_or_else(|| AdminError::invalid("otplen", "6, 7 or 8 is expected"))
}

fn parsed<T: std::str::FromStr<Err: ToString>>(params: &Params, key: &str) -> Result<Option<T>, AdminError> {
    let parsed = params.filled(key)?.map(str::parse).transpose();
    parsed.map_err(|e: T::Err| AdminError::invalid(key, e.to_string()))
}

/// A secret is made as long as its hash; another size is refused and not passed over.
fn key_size(params: &Params, algorithm: Algorithm) -> Result<(), AdminError> {
    let made = algorithm.secret_length();
    match params.number("keysize", 0, usize::MAX)? {
        Some(size) if size != made => {
            Err(AdminError::invalid("keysize", format!("{made} bytes go with {}", algorithm.as_str())))
        }
        _ => Ok(()),
    }
}

/// Passed over, `scope` would let a token in where it should not count, and `qr` show nothing.
fn refuse_what_is_not_built(params: &Params) -> Result<(), AdminError> {
    if params.filled("scope")?.is_some() {
        return Err(AdminError::plain(
            "scope: tokens that count on some paths only are not built, no token was made",
        ));
    }
    if params.filled("qr")?.is_some() {
        return Err(AdminError::plain("qr: the seed of an SMS token is never shown, no token was made"));
    }
    Ok(())
}
