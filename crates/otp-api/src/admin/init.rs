//! POST /admin/init: an SMS token is made, or the one of that serial is changed.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use data_encoding::HEXLOWER_PERMISSIVE;
use mtan_hotp::{Digits, Secret};
use mtan_sms::PhoneNumber;
use mtan_verifier::{NewToken, Pin, Serial, StoreError, SystemRandom, Token, Verifier};
use serde::Serialize;
use tracing::info;

use super::error::AdminError;
use crate::OtpApi;
use crate::bounded::bounded;
use crate::envelope::Envelope;
use crate::params::Params;
use crate::question::{Names, user};

/// Three steps of a store that each end within 300 ms, and some air.
const ENROL_WITHIN: Duration = Duration::from_secs(2);

/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 255;

/// `detail`: the serial, and never the seed.
#[derive(Serialize)]
struct Made<'a> {
    serial: &'a str,
}

pub(super) async fn init(State(api): State<OtpApi>, request: Request) -> Response {
    let params = match Params::read(request).await {
        Ok(params) => params,
        Err(why) => return AdminError::from(why).response(None),
    };
    match enrol(&api, &params).await {
        Ok(serial) => {
            let made = Made { serial: serial.as_str() };
            Envelope::value(true, 1, Some(&made)).response(StatusCode::OK)
        }
        Err(error) => error.response(Some(&params)),
    }
}

async fn enrol(api: &OtpApi, params: &Params) -> Result<Serial, AdminError> {
    let wish = Wish::new(params, &api.inner.names)?;
    let verifier = api.inner.verifier.clone();
    bounded(&api.inner.tasks, ENROL_WITHIN, wish.fulfil(verifier)).await?
}

/// What the request wants of the token; `pin_given` tells an empty PIN from none.
struct Wish {
    new: NewToken,
    algorithm_given: bool,
    description_given: bool,
    pin_given: bool,
}

impl Wish {
    /// Checks in the order in which LinOTP does: type, secret, phone, the rest.
    fn new(params: &Params, names: &Names) -> Result<Wish, AdminError> {
        match params.filled("type")? {
            None => return Err(AdminError::missing("type")),
            Some(kind) if kind.eq_ignore_ascii_case("sms") => {}
            Some(_) => return Err(AdminError::numbered(1610, "unknown token type: sms is expected")),
        }
        let secret = secret(params)?;
        let phone = params.filled("phone")?.ok_or_else(|| AdminError::missing("phone"))?;
        let phone = PhoneNumber::parse(phone).map_err(|e| AdminError::invalid("phone", e.to_string()))?;
        let pin = params.get("pin")?;
        let description = description(params)?;
        let algorithm = parsed(params, "hashlib")?;
        let new = NewToken {
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
            algorithm_given: algorithm.is_some(),
            description_given: description.is_some(),
            pin_given: pin.is_some(),
        })
    }

    async fn fulfil(mut self, verifier: Arc<Verifier>) -> Result<Serial, AdminError> {
        match &self.new.serial {
            None => self.new.serial = Some(free_serial(&verifier).await?),
            Some(serial) => {
                if let Some(token) = verifier.token(serial).await.map_err(store_away)? {
                    self.keep_the_rest_of(token)?;
                }
            }
        }
        let serial = verifier.enrol(self.new).await?;
        info!(serial = %serial, "token made or changed");
        Ok(serial)
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
async fn free_serial(verifier: &Verifier) -> Result<Serial, AdminError> {
    loop {
        let serial = Serial::new(&SystemRandom);
        if verifier.token(&serial).await.map_err(store_away)?.is_none() {
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

/// One line: it goes out again in answers, and terminals and logs of clients show it.
fn description(params: &Params) -> Result<Option<&str>, AdminError> {
    let Some(text) = params.get("description")? else { return Ok(None) };
    if text.chars().count() > LONGEST_DESCRIPTION || text.chars().any(char::is_control) {
        let expected =
            format!("at most {LONGEST_DESCRIPTION} characters without control characters are expected");
        return Err(AdminError::invalid("description", expected));
    }
    Ok(Some(text))
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

fn store_away(error: StoreError) -> AdminError {
    mtan_verifier::EnrolError::from(error).into()
}
