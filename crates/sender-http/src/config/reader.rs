//! Reads the keys one by one and collects every mistake.

use std::path::Path;

use mtan_daemon::Fault;
use mtan_sender::UnknownRule;
use mtan_sender::keys::Keys;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use super::keys::KNOWN;
use super::{HttpConfig, Login, Method, Proxy, Success};

pub(super) struct Reader(Keys);

impl Reader {
    pub(super) fn new(text: &str, folder: &Path) -> Result<Reader, Vec<Fault>> {
        Keys::parse(text, folder, KNOWN).map(Reader)
    }

    pub(super) fn config(mut self) -> Result<HttpConfig, Vec<Fault>> {
        let (url, url_login) = self.url().unzip();
        let method = self.method();
        let text_key = self.name("SMS_TEXT_KEY", "sms");
        let phone_key = self.name("SMS_PHONENUMBER_KEY", "phone");
        let parameters = self.parameters(&text_key, &phone_key);
        let login = self.login(url_login.flatten());
        let proxy = self.proxy();
        let success = self.success();
        let time_outs = self.0.time_outs();
        let ambiguous = self.ambiguous();
        let config = url.map(|url| HttpConfig {
            url,
            method,
            parameters,
            text_key,
            phone_key,
            login,
            proxy,
            success,
            time_outs,
            ambiguous,
            warnings: Vec::new(),
        });
        let (config, warnings) = self.0.finish(config)?;
        Ok(HttpConfig { warnings, ..config })
    }

    fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.0.fault(key, message);
    }

    fn string(&mut self, key: &str) -> Option<String> {
        self.0.string(key)
    }

    /// The gateway's URL, and the credentials that stand in it.
    fn url(&mut self) -> Option<(Url, Option<Login>)> {
        if !self.0.has("URL") {
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
        let object = match self.0.value("PARAMETER") {
            None => return Vec::new(),
            Some(Value::Object(object)) => object.clone(),
            Some(_) => {
                self.fault("PARAMETER", "an object {…} is expected");
                return Vec::new();
            }
        };
        for (key, name) in [("SMS_TEXT_KEY", text_key), ("SMS_PHONENUMBER_KEY", phone_key)] {
            if object.contains_key(name) {
                self.0.warn(format!("PARAMETER wins over {key}: both name the parameter {name}"));
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
        let given = |reader: &Reader, key: &str| reader.0.has(key);
        let (user, password) = (self.string("USERNAME"), self.string("PASSWORD"));
        match (given(self, "USERNAME"), given(self, "PASSWORD")) {
            (false, false) => return in_url,
            (true, true) => {}
            (true, false) => self.fault("PASSWORD", "is required beside USERNAME"),
            (false, true) => self.fault("USERNAME", "is required beside PASSWORD"),
        }
        if in_url.is_some() {
            self.0.warn("USERNAME and PASSWORD win over those in URL".to_owned());
        }
        let login = Login { user: user?, password: password? };
        if login.user.contains(':') {
            self.fault("USERNAME", "no colon is expected: HTTP Basic ends the name there"); // RFC 7617 §2
        }
        Some(login)
    }

    fn proxy(&mut self) -> Option<Proxy> {
        if self.0.value("PROXY").is_some_and(Value::is_object) {
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
            self.0.warn("RETURN_FAIL is not evaluated beside RETURN_SUCCESS".to_owned());
        }
        if success.as_deref() == Some("") {
            self.0.warn("RETURN_SUCCESS is empty: every reply begins with it".to_owned());
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
