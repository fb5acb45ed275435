//! One SMTP sender, its claim book in Redis, against the bare loop with mails over kept connections.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::ensure;
use mtan_jobs::SystemClock;
use mtan_sender_smtp::SmtpProvider;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::bare_sender::Way;
use crate::rounds::Comparison;
use crate::sender::{Ways, built, compared};
use crate::sink::Sink;
use crate::world::World;

const TARGET: f64 = 0.5;

/// At most, on either side: as many as there are jobs in hand.
const CONNECTIONS: u16 = 10;

pub(crate) fn comparison(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    by_mail(world, name, Some(TARGET), CONNECTIONS)
}

/// With as many jobs in hand, and so connections, as the measurement by HTTP has.
pub(crate) fn wide(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    by_mail(world, name, None, world.arguments.prefetch)
}

fn by_mail(world: &World, name: &'static str, target: Option<f64>, hands: u16) -> anyhow::Result<Comparison> {
    let redis = world.redis()?;
    let claims = world.server.block_on(async { mtan_queue::redis_claims(&redis) })?;
    let sink = world.load.block_on(Sink::start())?;
    let folder = Path::new("."); // no path in there
    let ours = SmtpProvider::from_json(&sink.provider_config(), folder, Arc::new(SystemClock));
    let ways = Ways { ours: built(ours)?, bare: Mailer::to(sink.address), tally: sink.tally, hands };
    compared(world, name, target, claims, ways)
}

/// Mails over connections that are kept; there are as many of them as there are jobs in hand.
#[derive(Clone)]
struct Mailer {
    address: SocketAddr,
    idle: Arc<Mutex<Vec<Line>>>,
}

impl Mailer {
    fn to(address: SocketAddr) -> Mailer {
        Mailer { address, idle: Arc::default() }
    }

    fn take(&self) -> Option<Line> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn put(&self, line: Line) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl Way for Mailer {
    async fn send(&self, text: &str, to: &str) -> anyhow::Result<()> {
        let mut line = match self.take() {
            Some(line) => line,
            None => Line::open(self.address).await?,
        };
        let to = format!("{}@sms.example.com", to.trim_start_matches('+'));
        line.ask("MAIL FROM:<mtan@example.com>\r\n", "250").await?;
        line.ask(&format!("RCPT TO:<{to}>\r\n"), "250").await?;
        line.ask("DATA\r\n", "354").await?;
        line.ask(&mail(text, &to), "250").await?;
        self.put(line);
        Ok(())
    }
}

/// With the headers that ours has, and the final dot.
fn mail(text: &str, to: &str) -> String {
    format!(
        "From: mtan@example.com\r\nTo: {to}\r\nSubject: SMS\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\
         Message-ID: <01939f0c-6d7e-7fff-bfff-ffffffffffff@example.com>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\
         Auto-Submitted: auto-generated\r\n\r\n{text}\r\n.\r\n"
    )
}

/// A session.
struct Line {
    stream: BufReader<TcpStream>,
    read: String,
}

impl Line {
    async fn open(address: SocketAddr) -> anyhow::Result<Line> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut line = Line { stream: BufReader::new(stream), read: String::new() };
        line.answer("220").await?;
        line.ask("EHLO [127.0.0.1]\r\n", "250").await?;
        Ok(line)
    }

    async fn ask(&mut self, said: &str, code: &str) -> anyhow::Result<()> {
        self.stream.write_all(said.as_bytes()).await?;
        self.answer(code).await
    }

    /// The sink's answers have one line.
    async fn answer(&mut self, code: &str) -> anyhow::Result<()> {
        self.read.clear();
        self.stream.read_line(&mut self.read).await?;
        ensure!(self.read.starts_with(code), "{code} was expected: {:?}", self.read);
        Ok(())
    }
}
