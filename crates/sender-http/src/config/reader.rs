//! Reads the keys one by one and collects every mistake.

use std::time::Duration;

use mtan_daemon::Fault;
use mtan_sender::UnknownRule;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use url::Url;

use super::keys::{self, refusal};
use super::{HttpConfig, Login, Method, Proxy, Success};

/// Seconds to connect, and for all of it, unless TIMEOUT says otherwise.
const TIME_OUT: (f64, f64) = (5.0, 20.0);

/// The longest total time-out, in seconds: a job in hand holds one of the pool's slots.
const LONGEST_TIME_OUT: f64 = 300.0;

pub(super) struct Reader {
    object: Map<String, Value>,
    faults: Vec<Fault>,
    warnings: Vec<String>,
}

impl Reader {
    pub(super) fn new(text: &str) -> Result<Reader, Vec<Fault>> {
        let whole = |message: String| vec![Fault { key: String::new(), message }];
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => Ok(Reader { object, faults: Vec::new(), warnings: Vec::new() }),
            Ok(_) => Err(whole("a JSON object {…} is expected".to_owned())),
            Err(e) => {
                Err(whole(format!("no JSON at line {} column {}{}", e.line(), e.column(), quotes(text))))
            }
        }
    }

    pub(super) fn config(mut self) -> Result<HttpConfig, Vec<Fault>> {
        self.refuse_keys();
        let (url, url_login) = self.url().unzip();
        let method = self.method();
        let text_key = self.name("SMS_TEXT_KEY", "sms");
        let phone_key = self.name("SMS_PHONENUMBER_KEY", "phone");
        let parameters = self.parameters(&text_key, &phone_key);
        let login = self.login(url_login.flatten());
        let proxy = self.proxy();
        let success = self.success();
        let (connect_time_out, total_time_out) = self.time_out();
        let ambiguous = self.ambiguous();
        match url {
            Some(url) if self.faults.is_empty() => Ok(HttpConfig {
                url,
                method,
                parameters,
                text_key,
                phone_key,
                login,
                proxy,
                success,
                connect_time_out,
                total_time_out,
                ambiguous,
                warnings: self.warnings,
            }),
            _ => Err(self.faults),
        }
    }

    fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault { key: key.into(), message: message.into() });
    }

    fn refuse_keys(&mut self) {
        let refused = self.object.keys().filter_map(|key| Some((key.clone(), refusal(key)?)));
        for (key, message) in refused.collect::<Vec<_>>() {
            self.fault(key, message);
        }
    }

    fn string(&mut self, key: &str) -> Option<String> {
        debug_assert!(keys::KNOWN.contains(&key));
        match self.object.get(key) {
            None => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                self.fault(key, "a string is expected");
                None
            }
        }
    }

    /// The gateway's URL, and the credentials that stand in it.
    fn url(&mut self) -> Option<(Url, Option<Login>)> {
        if !self.object.contains_key("URL") {
            self.fault("URL", "is required");
        }
        let text = self.string("URL")?;
        let (mut url, login) = self.web_address("URL", &text)?;
        url.set_fragment(None);
        Some((url, login))
    }

    /// An `http://` or `https://` address and its user and password, percent-decoded.
    fn web_address(&mut self, key: &str, text: &str) -> Option<(Url, Option<Login>)> {
        let url =
            Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(mut url) = url else {
            self.fault(key, "an address that begins with http:// or https:// is expected");
            return None;
        };
        let decode = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|part| part.into_owned());
        let login = match (decode(url.username()), decode(url.password().unwrap_or_default())) {
            (Some(user), Some(password)) => Login { user, password },
            _ => {
                self.fault(key, "user and password in it are no UTF-8");
                return None;
            }
        };
        let has_login = !(login.user.is_empty() && login.password.is_empty());
        url.set_username("")
            .and_then(|()| url.set_password(None))
            .expect("an http address with a host has a place for them");
        Some((url, has_login.then_some(login)))
    }

    fn method(&mut self) -> Method {
        match self.string("HTTP_Method").map(|text| text.to_ascii_uppercase()).as_deref() {
            Some("GET") => Method::Get,
            Some("POST") | None => Method::Post,
            Some(_) => {
                self.fault("HTTP_Method", "GET or POST is expected");
                Method::Post
            }
        }
    }

    /// The name of a parameter.
    fn name(&mut self, key: &str, default: &str) -> String {
        let name = self.string(key).unwrap_or_else(|| default.to_owned());
        if name.is_empty() {
            self.fault(key, "the name of a parameter is expected");
        }
        name
    }

    fn parameters(&mut self, text_key: &str, phone_key: &str) -> Vec<(String, String)> {
        if text_key == phone_key {
            self.fault("SMS_PHONENUMBER_KEY", "another name than SMS_TEXT_KEY's is expected");
        }
        let object = match self.object.get("PARAMETER") {
            None => return Vec::new(),
            Some(Value::Object(object)) => object.clone(),
            Some(_) => {
                self.fault("PARAMETER", "an object {…} is expected");
                return Vec::new();
            }
        };
        for (key, name) in [("SMS_TEXT_KEY", text_key), ("SMS_PHONENUMBER_KEY", phone_key)] {
            if object.contains_key(name) {
                self.warnings.push(format!("PARAMETER wins over {key}: both name the parameter {name}"));
            }
        }
        object
            .into_iter()
            .filter_map(|(name, value)| Some((name.clone(), self.parameter(&name, value)?)))
            .collect()
    }

    fn parameter(&mut self, name: &str, value: Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                self.fault(format!("PARAMETER.{name}"), "a string, a number, true or false is expected");
                None
            }
        }
    }

    /// USERNAME and PASSWORD; what stands in the URL only where they are absent.
    fn login(&mut self, in_url: Option<Login>) -> Option<Login> {
        let given = |reader: &Reader, key: &str| reader.object.contains_key(key);
        let (user, password) = (self.string("USERNAME"), self.string("PASSWORD"));
        match (given(self, "USERNAME"), given(self, "PASSWORD")) {
            (false, false) => return in_url,
            (true, true) => {}
            (true, false) => self.fault("PASSWORD", "is required beside USERNAME"),
            (false, true) => self.fault("USERNAME", "is required beside PASSWORD"),
        }
        if in_url.is_some() {
            self.warnings.push("USERNAME and PASSWORD win over those in URL".to_owned());
        }
        let login = Login { user: user?, password: password? };
        if login.user.contains(':') {
            self.fault("USERNAME", "no colon is expected: HTTP Basic ends the name there"); // RFC 7617 §2
        }
        Some(login)
    }

    fn proxy(&mut self) -> Option<Proxy> {
        if self.object.get("PROXY").is_some_and(Value::is_object) {
            self.fault("PROXY", "an object is not supported yet: a string is expected");
            return None;
        }
        let text = self.string("PROXY")?;
        let (url, login) = self.web_address("PROXY", &text)?;
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            self.fault("PROXY", "nothing is expected behind host and port");
        }
        Some(Proxy { url, login })
    }

    /// "The RETURN_FAIL is only evaluated if the RETURN_SUCCESS is not defined."
    fn success(&mut self) -> Success {
        let (success, fail) = (self.string("RETURN_SUCCESS"), self.string("RETURN_FAIL"));
        if success.is_some() && fail.is_some() {
            self.warnings.push("RETURN_FAIL is not evaluated beside RETURN_SUCCESS".to_owned());
        }
        if success.as_deref() == Some("") {
            self.warnings.push("RETURN_SUCCESS is empty: every reply begins with it".to_owned());
        }
        if success.is_none() && fail.as_deref() == Some("") {
            self.fault("RETURN_FAIL", "a text is expected: every reply begins with the empty one");
        }
        match (success, fail) {
            (Some(success), _) => Success::BeginsWith(success),
            (None, Some(fail)) => Success::BeginsNotWith(fail),
            (None, None) => Success::Status,
        }
    }

    fn time_out(&mut self) -> (Duration, Duration) {
        let given = match self.object.get("TIMEOUT") {
            None => Some(TIME_OUT),
            Some(Value::Number(total)) => total.as_f64().map(|total| (TIME_OUT.0.min(total / 2.0), total)),
            Some(Value::String(text)) => pair(text),
            Some(_) => None,
        };
        // connecting must end first: only then is it known that nothing was sent
        let good =
            given.filter(|(connect, total)| *connect > 0.0 && connect < total && *total <= LONGEST_TIME_OUT);
        if good.is_none() {
            let expected = "seconds to connect and seconds in all are expected, the first below the second, as in \"5,20\"; at most 300";
            self.fault("TIMEOUT", expected);
        }
        let (connect, total) = good.unwrap_or(TIME_OUT);
        (Duration::from_secs_f64(connect), Duration::from_secs_f64(total))
    }

    fn ambiguous(&mut self) -> UnknownRule {
        match self.string("AMBIGUOUS").as_deref() {
            Some("resend") | None => UnknownRule::Resend,
            Some("idempotent") => UnknownRule::Idempotent,
            Some("never") => UnknownRule::Never,
            Some(_) => {
                self.fault("AMBIGUOUS", "resend, idempotent or never is expected");
                UnknownRule::Resend
            }
        }
    }
}

/// `connect,total`.
fn pair(text: &str) -> Option<(f64, f64)> {
    let (connect, total) = text.split_once(',')?;
    Some((connect.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// The usual reason why a pasted text is no JSON.
fn quotes(text: &str) -> &'static str {
    if text.contains(['“', '”', '„', '‟', '″', '‘', '’']) {
        ": typographic quotes (“ ”) stand where JSON takes the double quote (\") only"
    } else if text.trim_start().trim_start_matches('{').trim_start().starts_with('\'') {
        ": single quotes (') stand where JSON takes the double quote (\") only"
    } else {
        ""
    }
}
