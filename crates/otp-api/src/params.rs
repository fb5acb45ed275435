//! What a request says: query, form and JSON become one set of parameters, or the request is unreadable.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue};
use percent_encoding::percent_decode;

use crate::admin::error::AdminError;
use crate::json;

/// The largest query and the largest body, in bytes each.
pub(crate) const MOST: usize = 16 * 1024;

/// How long a client may take to bring its body.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// The one client that percent-encodes twice; no other is decoded twice.
const ENCODES_TWICE: &str = "FreeRADIUS";

/// The parameters of a request. Holds PINs and codes: it has no `Debug`.
pub(crate) struct Params {
    query: Vec<Pair>,
    body: Vec<Pair>,
}

/// A parameter as it was sent; `None` stands for a value that is no text.
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
}

/// The request, or the parameter that was asked for, cannot be read; the text says why and holds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unreadable(pub(crate) &'static str);

impl Params {
    /// Reads query and body. A form is merged with the query, which wins; a JSON body replaces both, as in LinOTP. A body
    /// of another type is passed over.
    pub(crate) async fn read(request: Request) -> Result<Params, Unreadable> {
        let (head, body) = request.into_parts();
        let query = head.uri.query().unwrap_or_default().as_bytes();
        if query.len() > MOST {
            return Err(Unreadable("at most 16384 bytes of query are expected"));
        }
        let reading = tokio::time::timeout(BODY_WITHIN, to_bytes(body, MOST)).await;
        let body = reading
            .map_err(|_| Unreadable("the body did not come in time"))?
            .map_err(|_| Unreadable("at most 16384 bytes of body are expected"))?;
        Params::parse(&head.headers, query, &body)
    }

    /// The pure half of [`Params::read`].
    pub(crate) fn parse(headers: &HeaderMap, query: &[u8], body: &[u8]) -> Result<Params, Unreadable> {
        let twice = headers.get(USER_AGENT).is_some_and(|agent| agent == ENCODES_TWICE);
        let none = Vec::new();
        match media_type(headers) {
            Media::Json => Ok(Params { query: none, body: json::object(body)? }),
            Media::Form => Ok(Params { query: pairs(query, twice), body: pairs(body, twice) }),
            Media::Other => Ok(Params { query: pairs(query, twice), body: none }),
        }
    }

    /// The parameter `key`. The query wins over the body; given twice in the same place, or no text, it is unreadable.
    pub(crate) fn get(&self, key: &str) -> Result<Option<&str>, Unreadable> {
        for place in [&self.query, &self.body] {
            let mut found = place.iter().filter(|pair| pair.key == key);
            let Some(pair) = found.next() else { continue };
            if found.next().is_some() {
                return Err(Unreadable("each parameter is expected once"));
            }
            return pair.value.as_deref().map(Some).ok_or(Unreadable("a parameter is no text in UTF-8"));
        }
        Ok(None)
    }

    /// The parameter `key` in any spelling of upper and lower case.
    pub(crate) fn any_case(&self, key: &str) -> Result<Option<&str>, Unreadable> {
        let all = self.query.iter().chain(&self.body);
        let mut spellings: Vec<&str> =
            all.map(|pair| pair.key.as_str()).filter(|name| name.eq_ignore_ascii_case(key)).collect();
        spellings.sort_unstable();
        spellings.dedup();
        match spellings[..] {
            [] => Ok(None),
            [spelling] => self.get(spelling),
            _ => Err(Unreadable("each parameter is expected once")),
        }
    }

    /// The parameter `key`, or all of `key[]`, as LinOTP writes a list; empty ones are passed over.
    pub(crate) fn list(&self, key: &str) -> Result<Vec<&str>, Unreadable> {
        let name = format!("{key}[]");
        let mut found: Vec<&str> = self.get(key)?.into_iter().collect();
        for pair in self.query.iter().chain(&self.body).filter(|pair| pair.key == name) {
            found.push(pair.value.as_deref().ok_or(Unreadable("a parameter is no text in UTF-8"))?);
        }
        found.retain(|text| !text.is_empty());
        Ok(found)
    }

    /// The parameter `key` as a whole number.
    pub(crate) fn number(&self, key: &str, least: usize, most: usize) -> Result<Option<usize>, AdminError> {
        let Some(text) = self.filled(key)? else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let expected = || match most {
            usize::MAX => format!("a whole number of at least {least} is expected"),
            most => format!("a whole number from {least} to {most} is expected"),
        };
        number.map(Some).ok_or_else(|| AdminError::invalid(key, expected()))
    }

    /// The parameter `key` as yes or no.
    pub(crate) fn switch(&self, key: &str) -> Result<Option<bool>, AdminError> {
        match self.filled(key)?.map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true" | "1" | "yes" | "on") => Ok(Some(true)),
            Some("false" | "0" | "no" | "off") => Ok(Some(false)),
            Some(_) => Err(AdminError::invalid(key, "true or false is expected")),
        }
    }

    /// Every parameter once, with its value; the query's wins.
    pub(crate) fn pairs(&self) -> Result<Vec<(&str, &str)>, Unreadable> {
        let mut keys: Vec<&str> = self.query.iter().chain(&self.body).map(|pair| pair.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        let pairs = keys.into_iter().map(|key| Ok(self.get(key)?.map(|value| (key, value))));
        pairs.filter_map(Result::transpose).collect()
    }

    /// The parameter `key`, where an empty one counts as not given.
    pub(crate) fn filled(&self, key: &str) -> Result<Option<&str>, Unreadable> {
        Ok(self.get(key)?.filter(|text| !text.is_empty()))
    }
}

enum Media {
    Json,
    Form,
    Other,
}

/// A body without a type is taken for a form: small C clients send it so.
fn media_type(headers: &HeaderMap) -> Media {
    let Some(value) = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) else { return Media::Form };
    let name = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    match name {
        _ if name.eq_ignore_ascii_case(b"application/json") => Media::Json,
        _ if name.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") => Media::Form,
        _ => Media::Other,
    }
}

fn pairs(encoded: &[u8], twice: bool) -> Vec<Pair> {
    let pair = |part: &[u8]| {
        let at = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        // A key that is no text is none of ours: it is unknown, and unknown members are passed over.
        let key = String::from_utf8(decoded(&part[..at])).ok()?;
        let mut value = decoded(part.get(at + 1..).unwrap_or_default());
        if twice {
            // Percent signs only: the inner encoding of that client has no `+` for a space.
            value = percent_decode(&value).collect();
        }
        Some(Pair { key, value: String::from_utf8(value).ok() })
    };
    encoded.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).filter_map(pair).collect()
}

/// `application/x-www-form-urlencoded`: `+` is a space, a `%` without two hexadecimal digits stands for itself.
fn decoded(encoded: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(headers: &[(&'static str, &str)], query: &str, body: &[u8]) -> Result<Params, Unreadable> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()));
        Params::parse(&headers.collect::<HeaderMap>(), query.as_bytes(), body)
    }

    const JSON: (&str, &str) = ("content-type", "Application/JSON; charset=utf-8");
    const TWICE: (&str, &str) = ("user-agent", "FreeRADIUS");

    #[test]
    fn query_and_form_are_merged_and_the_query_wins() {
        let params = parsed(&[], "user=alice&realm=a%2Bb", b"user=bob&pass=1+2%203&x").unwrap();
        assert_eq!(params.get("user"), Ok(Some("alice")));
        assert_eq!(params.get("realm"), Ok(Some("a+b")));
        assert_eq!(params.get("pass"), Ok(Some("1 2 3")));
        assert_eq!(params.get("x"), Ok(Some("")));
        assert_eq!(params.filled("x"), Ok(None));
        assert_eq!(params.get("y"), Ok(None));
    }

    #[test]
    fn a_json_body_replaces_both() {
        let params =
            parsed(&[JSON], "user=alice&pass=1", br#"{"pass":"00\u00fc","pin":7,"n":null,"o":{}}"#).unwrap();
        assert_eq!(params.get("user"), Ok(None));
        assert_eq!(params.get("pass"), Ok(Some("00ü")));
        assert_eq!(params.get("pin"), Ok(Some("7")));
        assert_eq!(params.get("n"), Ok(None));
        assert!(params.get("o").is_err());
    }

    #[test]
    fn a_repeated_parameter_is_unreadable_and_an_unknown_one_harms_nobody() {
        let params = parsed(&[], "user=a&client=1&client=2", b"pass=1&pass=1&%ff=2&realm=%ff").unwrap();
        assert_eq!(params.get("user"), Ok(Some("a")));
        assert!(params.get("pass").is_err());
        assert!(params.get("realm").is_err());
        assert!(parsed(&[JSON], "", br#"{"pass":"1","pass":"1"}"#).unwrap().get("pass").is_err());
    }

    #[test]
    fn no_json_object_is_unreadable() {
        for body in [&b""[..], b"[]", b"1", b"{", b"{} x", b"{\"pass\":\"\xff\"}", b"\"user\"", b"null"] {
            assert!(parsed(&[JSON], "user=a", body).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn only_the_client_that_encodes_twice_is_decoded_twice() {
        let body = b"pass=%2541%2520%25C3%25BC%2B&user=a";
        assert_eq!(parsed(&[TWICE], "", body).unwrap().get("pass"), Ok(Some("A ü+")));
        for other in ["freeradius", "FreeRADIUS/3.0", " FreeRADIUS.", "LinOTP FreeRADIUS"] {
            let params = parsed(&[("user-agent", other)], "", body).unwrap();
            assert_eq!(params.get("pass"), Ok(Some("%41%20%C3%BC+")), "{other}");
        }
        let json = br#"{"pass":"%41"}"#;
        assert_eq!(parsed(&[TWICE, JSON], "", json).unwrap().get("pass"), Ok(Some("%41")));
    }

    #[test]
    fn broken_percent_signs_stand_for_themselves() {
        let params = parsed(&[], "", b"pass=100%&user=%zz%4&=&&==").unwrap();
        assert_eq!(params.get("pass"), Ok(Some("100%")));
        assert_eq!(params.get("user"), Ok(Some("%zz%4")));
    }

    #[test]
    fn a_body_of_another_type_is_passed_over() {
        let params = parsed(&[("content-type", "text/plain")], "user=a", b"pass=1").unwrap();
        assert_eq!((params.get("user"), params.get("pass")), (Ok(Some("a")), Ok(None)));
    }
}
