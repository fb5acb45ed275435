//! A gateway that answers at once, or after a fixed time, and counts: testkit's records every request, which a loop of
//! many thousands would feel.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::http::content_length;
use crate::tally::Tally;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nID 4711";

/// Serves on the runtime that it was started on, for as long as that is driven.
pub(crate) struct Gateway {
    address: SocketAddr,
    pub(crate) tally: Tally,
}

impl Gateway {
    /// Each answer comes `after` its request.
    pub(crate) async fn start(after: Duration) -> anyhow::Result<Gateway> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, tally) = (listener.local_addr()?, Tally::default());
        let counter = tally.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, after, counter.clone()));
            }
        });
        Ok(Gateway { address, tally })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/send", self.address)
    }

    /// The JSON of the provider that sends this way.
    pub(crate) fn provider_config(&self) -> String {
        format!(
            r#"{{"URL": "{}", "PARAMETER": {{"from": "0170111111"}}, "SMS_TEXT_KEY": "text",
                "SMS_PHONENUMBER_KEY": "destination", "HTTP_Method": "POST", "RETURN_SUCCESS": "ID"}}"#,
            self.url()
        )
    }
}

/// Until the client leaves, or sends what is no request: whoever waits for its answer finds out.
async fn answer(mut stream: TcpStream, after: Duration, tally: Tally) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(4096);
    loop {
        while let Some(length) = whole(&read) {
            read.drain(..length);
            tally.one_more();
            if !after.is_zero() {
                sleep(after).await;
            }
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
