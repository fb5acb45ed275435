//! HTTP/1.1 as a server reads it (RFC 9112): keep-alive, `Content-Length` and chunked bodies.

use std::io::{self, ErrorKind};

use httparse::Status;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::door;

/// A head longer than this is refused.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// More header fields than this are refused.
const MAX_HEADERS: usize = 128;

/// A body longer than this is refused: no SMS is that long, so something is wrong.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The server's end of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    unread: Vec<u8>, // received, and not yet taken as part of a request
}

/// Request line and header fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) minor_version: u8,
    pub(crate) headers: Vec<(String, String)>,
}

/// How the end of a body is known, RFC 9112 §6.3.
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// The next request's head, or `None` when the client closed between two requests.
    ///
    /// # Errors
    /// `InvalidData` when it is no HTTP/1 request; else what the socket says.
    pub(crate) async fn read_head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some((head, length)) = parse_head(&self.unread)? {
                self.unread.drain(..length);
                return Ok(Some(head));
            }
            if self.unread.len() > MAX_HEAD_BYTES {
                return Err(malformed("the head is too long"));
            }
            if self.receive().await? == 0 {
                return if self.unread.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// The body that belongs to `head`, without its chunk framing.
    ///
    /// # Errors
    /// `InvalidData` when its framing is broken; else what the socket says.
    pub(crate) async fn read_body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        let framing = head.framing()?;
        if head.says("expect", "100-continue") && framing != Framing::Length(0) && self.unread.is_empty() {
            self.write(CONTINUE).await?;
        }
        match framing {
            Framing::Length(length) => self.take(length).await,
            Framing::Chunked => self.take_chunks().await,
        }
    }

    /// Returns when the client has closed or reset the connection; what it sends meanwhile is kept.
    pub(crate) async fn client_left(&mut self) {
        while self.receive().await.is_ok_and(|length| length > 0) {}
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Ends it with RST.
    pub(crate) fn reset(self) {
        door::reset(self.stream);
    }

    /// The bare stream, and what was received on it but belongs to no request.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.unread)
    }

    async fn receive(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.unread).await
    }

    async fn receive_some(&mut self) -> io::Result<()> {
        if self.receive().await? == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    async fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > MAX_BODY_BYTES {
            return Err(malformed("the body is too long"));
        }
        while self.unread.len() < length {
            self.receive_some().await?;
        }
        Ok(self.unread.drain(..length).collect())
    }

    async fn take_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = self.take_chunk_length().await?;
            if length == 0 {
                while !self.take_line().await?.is_empty() {} // trailer fields
                return Ok(body);
            }
            body.extend(self.take(length).await?);
            if !self.take_line().await?.is_empty() || body.len() > MAX_BODY_BYTES {
                return Err(malformed("a chunk is longer than it says"));
            }
        }
    }

    async fn take_chunk_length(&mut self) -> io::Result<usize> {
        loop {
            match httparse::parse_chunk_size(&self.unread).map_err(|_| malformed("no chunk length"))? {
                Status::Complete((line, length)) => {
                    self.unread.drain(..line);
                    return usize::try_from(length).map_err(|_| malformed("a chunk is too long"));
                }
                Status::Partial => self.receive_some().await?,
            }
        }
    }

    /// A line without its CRLF.
    async fn take_line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|pair| pair == b"\r\n") {
                let mut line: Vec<u8> = self.unread.drain(..end + 2).collect();
                line.truncate(end);
                return Ok(line);
            }
            if self.unread.len() > MAX_HEAD_BYTES {
                return Err(malformed("a line is too long"));
            }
            self.receive_some().await?;
        }
    }
}

impl Head {
    /// The first header field of that name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Whether the client will send another request on this connection, RFC 9112 §9.3.
    pub(crate) fn keeps_alive(&self) -> bool {
        if self.minor_version == 0 {
            self.says("connection", "keep-alive")
        } else {
            !self.says("connection", "close")
        }
    }

    /// Whether the comma-separated field `name` has `token` in it.
    fn says(&self, name: &str, token: &str) -> bool {
        self.headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    fn framing(&self) -> io::Result<Framing> {
        if self.header("transfer-encoding").is_some() {
            // both together are an attempt at smuggling, RFC 9112 §6.1
            let alone = self.says("transfer-encoding", "chunked") && self.header("content-length").is_none();
            return if alone { Ok(Framing::Chunked) } else { Err(malformed("unclear body framing")) };
        }
        let length = self.header("content-length").unwrap_or("0");
        length.parse().map(Framing::Length).map_err(|_| malformed("Content-Length is no number"))
    }
}

/// The first field of that name, in any case.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Splits a request target into authority, if it is in absolute form, and the rest in origin form,
/// RFC 9112 §3.2: `http://host:80/a?b` is `(Some("host:80"), "/a?b")`.
pub(crate) fn split_target(target: &str) -> (Option<&str>, String) {
    let Some((_scheme, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        return (None, target.to_owned());
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (Some(authority), path)
}

/// Head of a response: status line and fields, with the empty line that ends it.
pub(crate) fn response_head<'a>(status: u16, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

fn parse_head(bytes: &[u8]) -> io::Result<Option<(Head, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes).map_err(|error| malformed(&error.to_string()))? {
        Status::Complete(length) => length,
        Status::Partial => return Ok(None),
    };
    let (Some(method), Some(target), Some(minor_version)) = (request.method, request.path, request.version)
    else {
        return Err(malformed("no request line"));
    };
    let headers = request
        .headers
        .iter()
        .map(|field| (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned()))
        .collect();
    let head = Head { method: method.to_owned(), target: target.to_owned(), minor_version, headers };
    Ok(Some((head, length)))
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why.to_owned())
}

/// The usual words of the status line; nobody should read them.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A connection on which `sent` has arrived, in pieces of `piece` bytes, and then the end.
    async fn after(sent: &[u8], piece: usize) -> Connection {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let sent = sent.to_owned();
        tokio::spawn(async move {
            for piece in sent.chunks(piece) {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        Connection::new(listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn requests_are_told_apart_however_they_are_cut() {
        let sent = b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\
            POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n1\r\nf\r\n0\r\nA: b\r\n\r\n\
            GET http://gw/c?d=e HTTP/1.1\r\nHost: gw\r\n\r\n";
        for piece in [1, 2, 7, sent.len()] {
            let mut connection = after(sent, piece).await;
            let mut seen = Vec::new();
            while let Some(head) = connection.read_head().await.unwrap() {
                let body = connection.read_body(&head).await.unwrap();
                seen.push((head.target, String::from_utf8(body).unwrap()));
            }
            let expected = [("/a", "abc"), ("/b", "def"), ("http://gw/c?d=e", "")];
            assert_eq!(seen, expected.map(|(target, body)| (target.to_owned(), body.to_owned())));
        }
    }

    #[tokio::test]
    async fn what_is_no_http_is_an_error() {
        for sent in [
            "hello\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        ] {
            let mut connection = after(sent.as_bytes(), 1000).await;
            let read = async {
                let head = connection.read_head().await?.expect("bytes were sent");
                connection.read_body(&head).await
            };
            assert_eq!(read.await.unwrap_err().kind(), ErrorKind::InvalidData, "{sent:?}");
        }
    }

    #[tokio::test]
    async fn a_request_that_breaks_off_is_an_error() {
        for sent in ["GET / HT", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na"] {
            let mut connection = after(sent.as_bytes(), 1000).await;
            let read = async {
                let head = connection.read_head().await?.expect("bytes were sent");
                connection.read_body(&head).await
            };
            assert_eq!(read.await.unwrap_err().kind(), ErrorKind::UnexpectedEof, "{sent:?}");
        }
    }

    #[test]
    fn keep_alive_follows_version_and_header() {
        let head = |minor_version, connection: &str| Head {
            method: "GET".to_owned(),
            target: "/".to_owned(),
            minor_version,
            headers: vec![("connection".to_owned(), connection.to_owned())],
        };
        assert!(head(1, "").keeps_alive());
        assert!(!head(1, "TE, Close").keeps_alive());
        assert!(!head(0, "").keeps_alive());
        assert!(head(0, "Keep-Alive").keeps_alive());
    }

    #[test]
    fn a_target_in_absolute_form_is_split() {
        let split = |target| {
            let (authority, path) = split_target(target);
            (authority.map(str::to_owned), path)
        };
        assert_eq!(split("/a?b=http://c/d"), (None, "/a?b=http://c/d".to_owned()));
        assert_eq!(split("http://gw:81/a?b"), (Some("gw:81".to_owned()), "/a?b".to_owned()));
        assert_eq!(split("http://gw?b"), (Some("gw".to_owned()), "/?b".to_owned()));
        assert_eq!(split("http://gw"), (Some("gw".to_owned()), "/".to_owned()));
    }
}
