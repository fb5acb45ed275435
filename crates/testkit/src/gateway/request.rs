//! A request as the gateway got it.

use std::time::Instant;

use percent_encoding::percent_decode_str;

use crate::http::{self, Head};

const FORM: &str = "application/x-www-form-urlencoded";

/// A request that was read to its end.
#[derive(Debug, Clone)]
pub struct Request {
    /// 1 for the first request that came in whole; also the number in the default answer `ID: <n>`.
    pub sequence: usize,
    /// The connection that it came on, 1 for the first: equal numbers mean that the client kept it alive.
    pub connection: usize,
    /// When its last byte was read.
    pub arrived: Instant,
    /// As sent: `GET`, `POST`.
    pub method: String,
    /// The request target as sent, with its query; in absolute form if the client took us for a proxy.
    pub target: String,
    /// The path, percent-decoded.
    pub path: String,
    /// Parameters of the query, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Parameters of a body of type `application/x-www-form-urlencoded`, decoded, in their order.
    pub form: Vec<(String, String)>,
    /// Header fields in their order.
    pub headers: Vec<(String, String)>,
    /// The body's bytes, without chunk framing.
    pub body: Vec<u8>,
}

impl Request {
    /// The first parameter of that name, of the query or else of the form.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All parameters in their order, those of the query first.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().chain(&self.form).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first header field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        http::header(&self.headers, name)
    }

    /// Whether some parameter is exactly this number.
    pub(super) fn is_to(&self, number: &str) -> bool {
        self.parameters().any(|(_, value)| value == number)
    }

    pub(super) fn new(head: Head, body: Vec<u8>, connection: usize) -> Self {
        let (_, origin) = http::split_target(&head.target);
        let (path, query) = origin.split_once('?').unwrap_or((&origin, ""));
        let is_form =
            head.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with(FORM));
        let form = if is_form { pairs(&String::from_utf8_lossy(&body)) } else { Vec::new() };
        Self {
            sequence: 0, // given when it is recorded
            connection,
            arrived: Instant::now(),
            path: percent_decode_str(path).decode_utf8_lossy().into_owned(),
            query: pairs(query),
            form,
            method: head.method,
            target: head.target,
            headers: head.headers,
            body,
        }
    }
}

/// `name=value&…` with `+` for a space, decoded. What is no UTF-8 shows as U+FFFD.
fn pairs(encoded: &str) -> Vec<(String, String)> {
    encoded
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(encoded: &str) -> String {
    percent_decode_str(&encoded.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_in_their_order() {
        let head = Head {
            method: "POST".to_owned(),
            target: "http://gw/send%20it?b=1&a=%2B49+7&b=&flag".to_owned(),
            minor_version: 1,
            headers: vec![(
                "content-type".to_owned(),
                "Application/x-www-form-urlencoded; charset=x".to_owned(),
            )],
        };
        let request = Request::new(head, b"text=%C3%A4%26%3D+%00".to_vec(), 1);
        assert_eq!(request.path, "/send it");
        let expected = [("b", "1"), ("a", "+49 7"), ("b", ""), ("flag", ""), ("text", "ä&= \0")];
        assert_eq!(request.parameters().collect::<Vec<_>>(), expected);
        assert_eq!(request.parameter("b"), Some("1"));
        assert!(request.is_to("+49 7") && !request.is_to("49 7"));
    }

    #[test]
    fn a_body_of_another_type_is_no_form() {
        let head = Head {
            method: "POST".to_owned(),
            target: "/".to_owned(),
            minor_version: 1,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        };
        let request = Request::new(head, b"a=b".to_vec(), 1);
        assert!(request.form.is_empty());
        assert_eq!(request.body, b"a=b");
    }
}
