//! A gateway that answers at once and counts: testkit's records every request, which a loop of many thousands would feel.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::content_length;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nID 4711";

/// Serves on the runtime that it was started on.
pub(crate) struct Gateway {
    address: SocketAddr,
    taken: Arc<AtomicUsize>,
}

impl Gateway {
    pub(crate) async fn start() -> anyhow::Result<Gateway> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, taken) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        let counter = taken.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, counter.clone()));
            }
        });
        Ok(Gateway { address, taken })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/send", self.address)
    }

    /// Requests since the last call.
    pub(crate) fn taken(&self) -> usize {
        self.taken.swap(0, Ordering::AcqRel)
    }
}

/// Until the client leaves, or sends what is no request: whoever waits for its answer finds out.
async fn answer(mut stream: TcpStream, taken: Arc<AtomicUsize>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(4096);
    loop {
        while let Some(length) = whole(&read) {
            read.drain(..length);
            taken.fetch_add(1, Ordering::AcqRel);
            stream.write_all(ANSWER).await?;
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
}

/// Bytes of the first request, once all of it is there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else { return None };
    let length = head + content_length(request.headers).unwrap_or(0);
    (bytes.len() >= length).then_some(length)
}
