//! A request as a person may see it: no password, no text, no whole number.

use mtan_jobs::SendJob;
use percent_encoding::percent_decode_str;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use url::{Url, form_urlencoded};

use crate::config::{Auth, HttpConfig};
use crate::path;
use crate::request::{self, Request};

/// Stands for what is nobody's business: fixed values may be passwords, and nobody has told us which are.
const HIDDEN: &str = "..";

/// Method and address, the names of the headers, and the names of what the request carries; text, number and id in their
/// places.
pub(crate) fn preview(config: &HttpConfig, method: &str, request: &Request, job: &SendJob) -> String {
    let eyes = Eyes::of(config, job);
    let mut lines = vec![format!("{method} {}", eyes.address(&request.url))];
    lines.extend(
        request.url.query().into_iter().flat_map(|query| eyes.pairs(query)).map(|pair| format!("  ? {pair}")),
    );
    lines.extend(authorization(config).map(str::to_owned));
    let mut content_type = "";
    for (name, value) in &request.headers {
        if *name == CONTENT_TYPE {
            content_type = value.to_str().unwrap_or_default();
        }
        let shown = if *name == CONTENT_TYPE { content_type } else { HIDDEN };
        lines.push(format!("{name}: {shown}"));
    }
    lines.extend(request.body.as_deref().into_iter().flat_map(|body| eyes.body(body, content_type)));
    lines.join("\n")
}

fn authorization(config: &HttpConfig) -> Option<&'static str> {
    config.auth.as_ref().map(|auth| match auth {
        Auth::Basic(_) => "authorization: Basic ..",
        Auth::Digest(_) => "authorization: Digest .., once the gateway asks for it",
        Auth::Bearer(_) => "authorization: Bearer ..",
    })
}

/// What may be recognised in a request.
struct Eyes<'a> {
    job: &'a SendJob,
    phone: String,
    ucs2: String,
    secrets: Vec<&'a str>,
}

impl<'a> Eyes<'a> {
    fn of(config: &'a HttpConfig, job: &'a SendJob) -> Eyes<'a> {
        let secrets = match &config.auth {
            Some(Auth::Basic(login) | Auth::Digest(login)) => vec![login.password.as_str()],
            Some(Auth::Bearer(token)) => vec![token.as_str()],
            None => Vec::new(),
        };
        let ucs2 = request::ucs2(job.text.expose());
        Eyes { job, phone: config.number.apply(&job.to), ucs2, secrets }
    }

    /// Without the query; of the path the parts that are plain words and no password.
    fn address(&self, url: &Url) -> String {
        let is_secret = |part: &str| self.secrets.contains(&&*percent_decode_str(part).decode_utf8_lossy());
        let is_shown = |part: &str| path::is_plain(part) && !is_secret(part);
        let parts = url.path().split('/').map(|part| if is_shown(part) { part } else { HIDDEN });
        format!("{}{}", url.origin().ascii_serialization(), parts.collect::<Vec<_>>().join("/"))
    }

    fn pairs(&self, encoded: &str) -> Vec<String> {
        let pairs = form_urlencoded::parse(encoded.as_bytes());
        // without a value the name may be a token
        let shown = pairs.map(|(name, value)| match &*value {
            "" => HIDDEN.to_owned(),
            value => format!("{} = {}", self.name(&name), self.value(value)),
        });
        shown.collect()
    }

    fn body(&self, body: &str, content_type: &str) -> Vec<String> {
        if content_type.starts_with("application/x-www-form-urlencoded") {
            return self.pairs(body).into_iter().map(|pair| format!("  {pair}")).collect();
        }
        match serde_json::from_str::<Value>(body) {
            Ok(json) => format!("{:#}", self.json(&json)).lines().map(|line| format!("  {line}")).collect(),
            Err(_) => vec![format!("  (a text of {} characters)", body.chars().count())],
        }
    }

    fn json(&self, value: &Value) -> Value {
        match value {
            Value::Object(object) => {
                let members = object.iter().map(|(name, value)| (self.name(name), self.json(value)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            Value::Array(list) => list.iter().map(|item| self.json(item)).collect(),
            Value::String(text) => Value::String(self.value(text)),
            other => Value::String(self.value(&other.to_string())),
        }
    }

    fn value(&self, value: &str) -> String {
        let text = self.job.text.expose();
        match value {
            value if value == self.phone => self.job.to.to_string(),
            value if value == text => "<text>".to_owned(),
            value if value == self.ucs2 => "<text, as UCS-2 in hexadecimal digits>".to_owned(),
            value if value == self.job.id.as_str() => "<id>".to_owned(),
            value if value.contains(text) => format!("{HIDDEN}<text>{HIDDEN}"),
            _ => HIDDEN.to_owned(),
        }
    }

    /// A name is written in the configuration; one with a tag in it shows what the tag brings, and is hidden.
    fn name(&self, name: &str) -> String {
        let brings = [self.phone.as_str(), self.job.text.expose(), self.job.otp_or_text()];
        if brings.iter().any(|value| name.contains(value)) { HIDDEN.to_owned() } else { name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::request::Life;

    fn shown(keys: Value, text: &str) -> String {
        let config = HttpConfig::from_json(&keys.to_string(), Path::new(".")).unwrap();
        let job = json!({ "id": "job-1", "to": "+491701234567", "text": text, "otp": "0421" });
        let job = SendJob::from_json(job.to_string().as_bytes()).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let request =
            request::build(&config, &job, Life { now, deadline: now + Duration::from_secs(300) }, None);
        let request = request.unwrap_or_else(|_| panic!("the code lives"));
        let shown = preview(&config, "POST", &request, &job);
        for secret in ["hush", text, "1701234567", "0421"] {
            assert!(!shown.contains(secret), "{secret} is shown:\n{shown}");
        }
        shown
    }

    #[test]
    fn a_form_shows_names_and_where_text_and_number_stand() {
        let keys = json!({
            "URL": "https://u:hush@gw.example:8443/send/hush?token=hush&bare-hush",
            "PARAMETER": { "password": "hush", "from": "hush", "ref": "<id>", "say": "hush <text>" },
            "HEADERS": { "X-Key": "hush", "X-To": "<phone>" },
            "NUMBER_FORMAT": "digits",
            "VALIDITY_KEY": "ttl",
        });
        assert_eq!(
            shown(keys, "Your code is 0421"),
            "POST https://gw.example:8443/send/..\n  ? token = ..\n  ? ..\nauthorization: Basic ..\n\
             content-type: application/x-www-form-urlencoded\nx-key: ..\nx-to: ..\n  from = ..\n  password = ..\n  ref = <id>\n  \
             say = ..<text>..\n  phone = +49…67\n  sms = <text>\n  ttl = .."
        );
    }

    #[test]
    fn of_a_path_plain_words_are_shown() {
        for (url, shown_as) in [
            ("https://gw/send/TOKEN123", "https://gw/send/.."),
            ("https://gw/v1/accounts/AC0a1b2c3d4e/messages.json", "https://gw/v1/accounts/../messages.json"),
            ("https://gw/bot4711:abcDEF/%73end", "https://gw/../.."),
            ("https://gw/", "https://gw/"),
        ] {
            let shown = shown(json!({ "URL": url }), "Your code is 0421");
            assert_eq!(shown.lines().next(), Some(format!("POST {shown_as}").as_str()));
        }
    }

    #[test]
    fn json_shows_its_shape() {
        let keys = json!({
            "URL": "http://gw/",
            "BODY": { "key": "hush", "pin": 815, "to": ["<phone>"], "<phone>": "<text>", "sure": true },
        });
        let shown = shown(keys, "Your code is 0421 🔒");
        let (head, body) = shown.split_once('{').unwrap();
        assert_eq!(head, "POST http://gw/\ncontent-type: application/json\n  ");
        let body: Value = serde_json::from_str(&format!("{{{body}")).unwrap();
        let expected = json!({ "..": "<text>", "key": "..", "pin": "..", "sure": "..", "to": ["+49…67"] });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_text_of_its_own_shows_its_size_only() {
        let keys = json!({ "URL": "http://gw/", "BODY": "<sms key='hush'><phone>: <text></sms>" });
        assert!(shown(keys, "Your code is 0421").ends_with(" characters)"));
    }

    #[test]
    fn a_text_in_digits_is_known_too() {
        let keys = json!({ "URL": "http://gw/", "SMS_TEXT_KEY": "t", "UNICODE": { "t": "<text_ucs2>" } });
        assert!(shown(keys, "🔒 0421").ends_with("t = <text, as UCS-2 in hexadecimal digits>"));
    }
}
