//! A mail server that takes every mail at once, keeps none and counts: testkit's keeps them all.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::tally::Tally;

/// Serves on the runtime that it was started on, for as long as that is driven.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    pub(crate) tally: Tally,
}

impl Sink {
    pub(crate) async fn start() -> anyhow::Result<Sink> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, tally) = (listener.local_addr()?, Tally::default());
        let counter = tally.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, counter.clone()));
            }
        });
        Ok(Sink { address, tally })
    }

    /// The JSON of the provider that sends this way.
    pub(crate) fn provider_config(&self) -> String {
        format!(
            r#"{{"mailserver": "{}", "mailsender": "mtan@example.com", "mailto": "<phone>@sms.example.com",
                "subject": "SMS", "body": "<text>"}}"#,
            self.address
        )
    }
}

/// Until the client leaves.
async fn serve(stream: TcpStream, tally: Tally) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut stream, mut line) = (BufReader::new(stream), Vec::with_capacity(1024));
    stream.write_all(b"220 sink\r\n").await?;
    while next(&mut stream, &mut line).await? {
        let answer: &[u8] = match line.get(..4) {
            Some(b"EHLO" | b"MAIL" | b"RCPT" | b"RSET") => b"250 OK\r\n",
            Some(b"DATA") => {
                stream.write_all(b"354 go on\r\n").await?;
                while next(&mut stream, &mut line).await? && line != b".\r\n" {}
                if line.is_empty() {
                    return Ok(()); // it left in the middle of a mail
                }
                tally.one_more();
                b"250 queued as 4711\r\n"
            }
            Some(b"QUIT") => return stream.write_all(b"221 bye\r\n").await,
            _ => b"500 what?\r\n",
        };
        stream.write_all(answer).await?;
    }
    Ok(())
}

/// The next line with its end; false when there is none any more.
async fn next(stream: &mut BufReader<TcpStream>, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    Ok(stream.read_until(b'\n', line).await? > 0)
}
