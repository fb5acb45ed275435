//! A job becomes a request: pure.

mod escape;
mod life;

use mtan_jobs::SendJob;
use mtan_sender::tags::{Tag, Values};
use mtan_sms::Alphabet;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

use crate::config::{Body, HttpConfig, Method, Parameter, Parameters, TextKind};

pub(crate) use escape::ucs2;
pub(crate) use life::{Dead, Life};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const XML: HeaderValue = HeaderValue::from_static("application/xml; charset=utf-8");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What goes out. Holds passwords, text and number: no `Debug`.
#[derive(Clone)]
pub(crate) struct Request {
    /// With the query, for a GET.
    pub(crate) url: Url,
    /// The body of a POST.
    pub(crate) body: Option<String>,
    /// Content-Type, and what HEADERS says over it.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// The request for `job`, whose code has `life` left; delivery is to be reported to `dlr_url`, if there is one. An error if
/// the life is less than the unit in which the gateway is told about it.
pub(crate) fn build(
    config: &HttpConfig,
    job: &SendJob,
    life: Life,
    dlr_url: Option<&str>,
) -> Result<Request, Dead> {
    let phone = config.number.apply(&job.to);
    let values = Values::of(job, &phone).reporting_to(dlr_url.unwrap_or_default());
    let alphabet = job.text.alphabet();
    let (query, body, content_type) = content(config, &values, alphabet, life)?;
    let url = query.map_or_else(|| config.url.clone(), |pairs| with_query(&config.url, &pairs));
    Ok(Request { url, body, headers: headers(config, &values, content_type) })
}

type Content = (Option<String>, Option<String>, Option<HeaderValue>);

/// The query, or the body and what it is.
fn content(
    config: &HttpConfig,
    values: &Values<'_>,
    alphabet: Alphabet,
    life: Life,
) -> Result<Content, Dead> {
    let (body, content_type) = match &config.body {
        Body::Pairs(parameters) => {
            let pairs = pairs(named(parameters, values, alphabet, life)?);
            if config.method == Method::Get {
                return Ok((Some(pairs), None, None));
            }
            (pairs, FORM)
        }
        Body::Json(parameters) => (object(named(parameters, values, alphabet, life)?).to_string(), JSON),
        Body::JsonTemplate(template) => {
            if let Some(unit) = template.validity() {
                life.told(unit)?;
            }
            let told = |unit| life.told(unit).unwrap_or_default();
            (template.fill(values, &told).to_string(), JSON)
        }
        Body::TextTemplate { text, kind } => match kind {
            TextKind::Xml => (text.fill_escaped(values, escape::xml), XML),
            TextKind::Form => (text.fill_escaped(values, |value| escape::url(value).into()), FORM),
            TextKind::Plain => (text.fill(values), PLAIN),
        },
    };
    Ok((None, Some(body), Some(content_type)))
}

/// Fixed parameters, then number and text, each only where PARAMETER does not name it, then the code's life. What UNICODE
/// says goes over them where the text needs it.
fn named<'a>(
    parameters: &'a Parameters,
    values: &Values<'_>,
    alphabet: Alphabet,
    life: Life,
) -> Result<Vec<(&'a str, Value)>, Dead> {
    // without a URL for delivery reports the gateway is not told one at all
    let given = |parameter: &Parameter| match parameter {
        Parameter::Text(template) => !template.lacks_url(values),
        Parameter::Ucs2 | Parameter::Other(_) => true,
    };
    let fixed = parameters.fixed.iter().filter(|(_, parameter)| given(parameter));
    let mut named: Vec<_> =
        fixed.map(|(name, parameter)| (name.as_str(), value_of(parameter, values))).collect();
    for (name, tag) in [(&parameters.phone_key, Tag::Phone), (&parameters.text_key, Tag::Text)] {
        if !parameters.fixed.iter().any(|(fixed, _)| fixed == name) {
            named.push((name, Value::from(values.get(tag))));
        }
    }
    if let Some((name, unit)) = &parameters.validity {
        named.push((name, life.told(*unit)?));
    }
    if alphabet == Alphabet::Ucs2 {
        named.retain(|(name, _)| !parameters.unicode.iter().any(|(other, _)| other == name));
        let others = parameters.unicode.iter().filter_map(|(name, other)| Some((name, other.as_ref()?)));
        let others = others.filter(|(_, other)| given(other));
        named.extend(others.map(|(name, other)| (name.as_str(), value_of(other, values))));
    }
    Ok(named)
}

fn value_of(parameter: &Parameter, values: &Values<'_>) -> Value {
    match parameter {
        Parameter::Text(template) => Value::String(template.fill(values)),
        Parameter::Ucs2 => Value::String(escape::ucs2(values.get(Tag::Text))),
        Parameter::Other(value) => value.clone(),
    }
}

fn pairs(named: Vec<(&str, Value)>) -> String {
    let pair = |(name, value): (&str, Value)| match value {
        Value::String(text) => format!("{}={}", escape::url(name), escape::url(&text)),
        other => format!("{}={}", escape::url(name), escape::url(&other.to_string())),
    };
    named.into_iter().map(pair).collect::<Vec<_>>().join("&")
}

fn object(named: Vec<(&str, Value)>) -> Value {
    Value::Object(named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

/// The URL's own query stays, ours follows.
fn with_query(url: &Url, pairs: &str) -> Url {
    let query = match url.query() {
        None | Some("") => pairs.to_owned(),
        Some(own) => format!("{}&{pairs}", own.trim_end_matches('&')),
    };
    let mut url = url.clone();
    url.set_query(Some(&query));
    url
}

fn headers(
    config: &HttpConfig,
    values: &Values<'_>,
    content_type: Option<HeaderValue>,
) -> Vec<(HeaderName, HeaderValue)> {
    let own_type = config.headers.iter().any(|(name, _)| *name == CONTENT_TYPE);
    let content_type = content_type.filter(|_| !own_type).map(|value| (CONTENT_TYPE, value));
    let given = config.headers.iter().filter(|(_, template)| !template.lacks_url(values));
    let own = given.map(|(name, template)| {
        let text = template.fill_escaped(values, escape::header);
        let mut value = HeaderValue::try_from(text).expect("escaped and checked: visible ASCII and spaces");
        value.set_sensitive(true);
        (name.clone(), value)
    });
    content_type.into_iter().chain(own).collect()
}

#[cfg(test)]
mod tests;
