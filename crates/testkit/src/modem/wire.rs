//! The modem's side of the tty: what it reads byte by byte, and how its lines look on the wire.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::fault::ModemFault;
use super::port::{Arrival, Port};
use super::state::State;

/// Between two bytes of a fragmented answer.
const FRAGMENT_PAUSE: Duration = Duration::from_micros(300);

/// Lines that come when nobody asked. Some have two lines, and one looks like an answer.
const NOISE: [&str; 8] = [
    "^RSSI: 17",
    "+CREG: 1,\"00C3\",\"0001A2B3\"",
    "+CMTI: \"SM\",3",
    "RING",
    "^BOOT:21343125,0,0,0,75",
    "+CMT: ,24\r\n07919471016700000404812222000062115041203480065079D9E502",
    "^HCSQ:\"LTE\",51,42,126,20",
    "+CUSD: 2",
];

/// Why a session with the world ends: the tty goes away.
#[derive(Debug)]
pub(super) struct Gone;

/// How the answers of one command look.
#[derive(Debug, Default, Clone)]
pub(super) struct Style {
    pub(super) noise: bool,
    pub(super) fragments: bool,
    pub(super) line_end: LineEnd,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnd {
    #[default]
    CrLf,
    Lf,
    CrCrLf,
}

/// The plugged tty with what was read and not looked at yet.
#[derive(Debug)]
pub(super) struct Wire {
    port: Port,
    state: Arc<State>,
    pub(super) input: VecDeque<u8>,
    pub(super) style: Style,
    noises: usize,
}

impl Wire {
    pub(super) fn new(port: Port, state: Arc<State>) -> Self {
        Self { port, state, input: VecDeque::new(), style: Style::default(), noises: 0 }
    }

    /// Waits until there is something in `input`, or until the last client has closed.
    pub(super) async fn fill(&mut self) -> Result<(), Gone> {
        let arrival = self.port.arrival().await.map_err(|_| Gone)?;
        let mut book = self.state.book();
        book.openings += self.port.new_openings();
        book.visitors = self.port.visitors();
        match arrival {
            Arrival::Bytes(bytes) => self.input.extend(bytes),
            Arrival::Closed if book.hung == Some(ModemFault::HangsUntilReopened) => book.hung = None,
            Arrival::Closed => {}
        }
        Ok(())
    }

    /// The next byte, waited for.
    pub(super) async fn byte(&mut self) -> Result<u8, Gone> {
        loop {
            if let Some(byte) = self.input.pop_front() {
                return Ok(byte);
            }
            self.fill().await?;
        }
    }

    /// Is busy for that long: what arrives is lost, but for the LF that some programs send behind the CR.
    pub(super) async fn busy(&mut self, time: Duration) -> Result<(), Gone> {
        let until = Instant::now() + time;
        self.lose_input();
        loop {
            tokio::select! {
                biased;
                filled = self.fill() => filled?,
                () = sleep_until(until) => return Ok(()),
            }
            self.lose_input();
        }
    }

    fn lose_input(&mut self) {
        let lost = self.input.drain(..).filter(|byte| *byte != b'\n').count();
        self.state.book().bytes_lost += lost;
    }

    /// An information or unsolicited line.
    pub(super) async fn line(&mut self, text: &str) -> Result<(), Gone> {
        let verbose = self.state.book().settings.verbose;
        let whole = if verbose { format!("\r\n{text}\r\n") } else { format!("{text}\r\n") };
        self.text(&whole).await
    }

    /// An unsolicited line, if the style has noise.
    pub(super) async fn noise(&mut self) -> Result<(), Gone> {
        if !self.style.noise {
            return Ok(());
        }
        self.noises += 1;
        let noise = NOISE[self.noises % NOISE.len()];
        self.line(noise).await
    }

    /// Text with its line ends and its pace as the style wants them.
    pub(super) async fn text(&mut self, text: &str) -> Result<(), Gone> {
        let text = match self.style.line_end {
            LineEnd::CrLf => text.to_owned(),
            LineEnd::Lf => text.replace("\r\n", "\n"),
            LineEnd::CrCrLf => text.replace("\r\n", "\r\r\n"),
        };
        if !self.style.fragments {
            return self.raw(text.as_bytes()).await;
        }
        for byte in text.as_bytes() {
            self.raw(&[*byte]).await?;
            tokio::time::sleep(FRAGMENT_PAUSE).await;
        }
        Ok(())
    }

    /// Bytes as they are. A client that closes while it should read does not stop the modem.
    pub(super) async fn raw(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.port.write(bytes).await.map_err(|_| Gone)
    }
}
