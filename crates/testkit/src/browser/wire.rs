//! WebDriver on the wire: one JSON request, one JSON answer, one connection.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The member `value` of the answer; the error says what chromedriver, or the socket, says.
pub(super) async fn ask(
    port: u16,
    method: &str,
    path: &str,
    body: &Value,
    within: Duration,
) -> Result<Value, String> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = timeout(within, exchange(port, request.as_bytes())).await;
    let answer = answer.map_err(|_| format!("no answer within {within:?}"))?.map_err(|e| e.to_string())?;
    value(&answer)
}

async fn exchange(port: u16, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    // chromedriver closes after `Connection: close`, but not always: the length decides where it is told
    while stream.read_buf(&mut answer).await? > 0 {
        if is_whole(&answer) {
            break;
        }
    }
    Ok(answer)
}

fn is_whole(answer: &[u8]) -> bool {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let Ok(httparse::Status::Complete(head)) = response.parse(answer) else { return false };
    let length = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length =
        length.and_then(|field| std::str::from_utf8(field.value).ok()).and_then(|text| text.parse().ok());
    length.is_some_and(|length: usize| answer.len() >= head + length)
}

/// WebDriver §6.1: `{"value": …}`, which has a member `error` where the status is no 200.
fn value(answer: &[u8]) -> Result<Value, String> {
    let at =
        answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("the answer has no end of its head")?;
    let mut body: Value = serde_json::from_slice(&answer[at + 4..]).map_err(|e| e.to_string())?;
    let value = body["value"].take();
    if answer.starts_with(b"HTTP/1.1 200") {
        Ok(value)
    } else {
        Err(format!("{}: {}", value["error"], value["message"]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_length_has_come() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n";
        for (body, whole) in [("", false), ("{\"value\":true", false), ("{\"value\":true}", true)] {
            assert_eq!(is_whole(format!("{head}{body}").as_bytes()), whole, "{body}");
        }
        assert_eq!(value(format!("{head}{{\"value\":true}}").as_bytes()), Ok(Value::Bool(true)));
    }

    #[test]
    fn an_error_is_told() {
        let answer =
            b"HTTP/1.1 404 Not Found\r\n\r\n{\"value\":{\"error\":\"no such element\",\"message\":\"x\"}}";
        assert_eq!(value(answer), Err("\"no such element\": \"x\"".to_owned()));
        assert!(value(b"HTTP/1.1 200 OK\r\n").is_err());
    }
}
