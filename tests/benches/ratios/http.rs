//! The load: many keep-alive connections, on each one request after the other, with a client that costs little.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::rounds::Lap;

/// What every answer must have in it, on both sides; simplecheck says yes in a line of its own.
const YES: &str = "\"value\":true";
const LINE: &str = ":-)";

/// The bytes of a form, posted.
pub(crate) fn post(path: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// Sends every request once, over so many connections; each must be answered 200 and with a yes.
pub(crate) async fn volley(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    connections: u16,
) -> anyhow::Result<Lap> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::to(address).await?);
    }
    let (requests, turn) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for connection in open {
        workers.spawn(one_after_the_other(connection, requests.clone(), turn.clone()));
    }
    let mut latencies = Vec::with_capacity(requests.len());
    while let Some(worker) = workers.join_next().await {
        latencies.extend(worker??);
    }
    Ok(Lap { elapsed: begun.elapsed(), latencies })
}

async fn one_after_the_other(
    mut connection: Connection,
    requests: Arc<Vec<Vec<u8>>>,
    turn: Arc<AtomicUsize>,
) -> anyhow::Result<Vec<std::time::Duration>> {
    let mut latencies = Vec::new();
    while let Some(request) = requests.get(turn.fetch_add(1, Ordering::Relaxed)) {
        let begun = Instant::now();
        connection.ask(request).await?;
        latencies.push(begun.elapsed());
    }
    Ok(latencies)
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    async fn to(address: SocketAddr) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, read: Vec::with_capacity(4096) })
    }

    async fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await?;
        self.read.clear();
        loop {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                bail!("the server hung up");
            }
            if let Some((status, body)) = whole(&self.read)? {
                let text = String::from_utf8_lossy(body);
                if status != 200 || !(text.contains(YES) || text == LINE) {
                    bail!("not accepted: {status} {text}");
                }
                return Ok(());
            }
        }
    }
}

/// Status and body, once all of it is there.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<(u16, &[u8])>> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.context("an answer without a status")?;
    let length = content_length(response.headers).context("an answer without a length")?;
    Ok(bytes.get(head..head + length).map(|body| (status, body)))
}

pub(crate) fn content_length(headers: &[httparse::Header<'_>]) -> Option<usize> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(header.value).ok()?.parse().ok()
}
