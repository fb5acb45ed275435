//! One plugged session: lines in, answers out, reports and unsolicited lines between them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::commands::{self, Final, Reply};
use super::fault::{ModemFault, Place};
use super::parse;
use super::pdu::{StatusReport, status_report};
use super::state::{State, Stored};
use super::wire::{Gone, LineEnd, Style, Wire};

/// Before a report is tried again while the modem cannot take it, and between two looks at a hang.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// Of the answer of a USSD code.
const USSD_TIME: Duration = Duration::from_millis(30);
/// Bytes of an endless line between two looks whether somebody had enough.
const ENDLESS: [u8; 512] = [b'#'; 512];

/// The modem while its tty is there.
pub(super) struct Engine {
    pub(super) state: Arc<State>,
    pub(super) wire: Wire,
    line: Vec<u8>,
    /// The command line that runs, upper case.
    pub(super) command: String,
    echo_drops: bool,
    after_return: bool,
}

impl Engine {
    pub(super) fn new(state: Arc<State>, wire: Wire) -> Self {
        Self { state, wire, line: Vec::new(), command: String::new(), echo_drops: false, after_return: false }
    }

    /// Serves until the tty goes away.
    pub(super) async fn serve(&mut self) -> Gone {
        loop {
            if let Err(gone) = self.turn().await {
                return gone;
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Gone> {
        let state = Arc::clone(&self.state);
        let poked = state.poke.notified();
        let is_idle = self.line.is_empty() && state.book().hung.is_none();
        if is_idle {
            self.say_what_waits().await?;
        }
        let due = state.book().reports.iter().map(|report| report.due).min();
        let due = due.map(|due| if is_idle { due } else { due.max(Instant::now() + RETRY_PAUSE) });
        let until = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            biased;
            filled = self.wire.fill() => filled?,
            () = sleep_until(until), if due.is_some() => {}
            () = poked => {}
        }
        while let Some(byte) = self.wire.input.pop_front() {
            self.take(byte).await?;
        }
        Ok(())
    }

    /// One byte while no command runs.
    async fn take(&mut self, byte: u8) -> Result<(), Gone> {
        if byte == b'\n' && std::mem::take(&mut self.after_return) {
            return Ok(());
        }
        self.after_return = false;
        if self.line.is_empty() {
            self.echo_drops = self.state.strikes("", &ModemFault::EchoDrops);
        }
        self.echo(byte).await?;
        match byte {
            b'\r' => {
                self.after_return = true;
                let line = std::mem::take(&mut self.line);
                return self.run_line(&String::from_utf8_lossy(&line)).await;
            }
            8 => drop(self.line.pop()),
            0x1a | 0x1b => self.line.clear(),
            0..0x20 => {}
            other if self.line.len() < 1024 => self.line.push(other),
            _ => {}
        }
        Ok(())
    }

    async fn echo(&mut self, byte: u8) -> Result<(), Gone> {
        let (echo, hung) = {
            let book = self.state.book();
            (book.settings.echo, book.hung.is_some())
        };
        let stays = !echo && byte == b'\r' && self.state.strikes("", &ModemFault::EchoStays);
        if stays {
            let mut whole = self.line.clone();
            whole.push(b'\r');
            return self.wire.raw(&whole).await;
        }
        let drops = self.echo_drops && self.line.len() % 3 == 2 && byte != b'\r';
        if !echo || hung || drops { Ok(()) } else { self.wire.raw(&[byte]).await }
    }

    /// A whole command line.
    async fn run_line(&mut self, line: &str) -> Result<(), Gone> {
        let Some(commands) = parse::commands(line) else { return Ok(()) };
        self.command = line.trim().to_ascii_uppercase();
        self.state.book().commands.push(line.trim().to_owned());
        self.style();
        if self.is_hung(&commands) {
            return Ok(());
        }
        if self.misbehaves().await? {
            return Ok(());
        }
        let time = self.state.book().rules.answer_time;
        self.wire.busy(time).await?;
        self.wire.noise().await?;
        let last = self.run_commands(&commands).await?;
        if last == Final::Ok && self.strikes(&ModemFault::OkMissing) {
            return Ok(());
        }
        self.finish(&last).await
    }

    async fn run_commands(&mut self, commands: &[parse::Command]) -> Result<Final, Gone> {
        for command in commands {
            let reply = commands::run(&mut self.state.book(), command);
            match reply {
                Reply::Done(lines) => {
                    for line in lines {
                        self.wire.line(&line).await?;
                    }
                    self.wire.noise().await?;
                }
                Reply::Failed(last) => return Ok(last),
                Reply::Entry(entry) => return self.submit(entry).await,
                Reply::Later(line) => {
                    self.finish(&Final::Ok).await?;
                    self.wire.busy(USSD_TIME).await?;
                    self.wire.line(&line).await?;
                    return Ok(Final::Nothing);
                }
                Reply::Reset => {
                    self.finish(&Final::Ok).await?;
                    self.reset().await?;
                    return Ok(Final::Nothing);
                }
            }
        }
        Ok(Final::Ok)
    }

    /// The final result code.
    pub(super) async fn finish(&mut self, last: &Final) -> Result<(), Gone> {
        let settings = self.state.book().settings.clone();
        let Some(words) = last.words(&settings) else { return Ok(()) };
        let is_numeric = !settings.verbose && words.len() == 1;
        self.wire.text(&if is_numeric { format!("{words}\r") } else { format!("\r\n{words}\r\n") }).await
    }

    /// `AT+CFUN=1,1`: the tty goes, or stays where the rules say so.
    async fn reset(&mut self) -> Result<(), Gone> {
        let (vanishes, time) = {
            let book = self.state.book();
            (book.rules.renamed_by_reset, book.rules.boot_time)
        };
        if vanishes {
            tokio::time::sleep(Duration::from_millis(50)).await; // the OK is read before the tty goes
            return Err(Gone);
        }
        self.wire.busy(time).await?;
        self.state.book().boot();
        self.wire.line("RDY").await
    }

    /// What the answers to this command look like.
    fn style(&mut self) {
        let line_end = if self.strikes(&ModemFault::LfOnly) {
            LineEnd::Lf
        } else if self.strikes(&ModemFault::CrCrLf) {
            LineEnd::CrCrLf
        } else {
            LineEnd::CrLf
        };
        self.wire.style = Style {
            noise: self.strikes(&ModemFault::Noise),
            fragments: self.strikes(&ModemFault::Fragments),
            line_end,
        };
    }

    fn strikes(&self, fault: &ModemFault) -> bool {
        self.state.strikes(&self.command, fault)
    }

    /// Whether the modem hangs, or begins to at this command. `AT+CFUN=1,1` ends one kind.
    fn is_hung(&mut self, commands: &[parse::Command]) -> bool {
        let resets = commands.iter().any(|one| one.name == "+CFUN" && one.number(1) == Some(1));
        for fault in [ModemFault::HangsUntilCfun, ModemFault::HangsUntilReopened] {
            let mut book = self.state.book();
            if book.hung.is_none() && book.suffers(&self.command, &fault) {
                book.hung = Some(fault);
            }
        }
        let mut book = self.state.book();
        if book.hung == Some(ModemFault::HangsUntilCfun) && resets {
            book.hung = None;
        }
        book.hung.is_some()
    }

    /// What is planned for a command as such; whether that was its whole answer.
    async fn misbehaves(&mut self) -> Result<bool, Gone> {
        let is_sending = self.command.starts_with("AT+CMGS=");
        let wanted = |fault: &ModemFault| match fault {
            ModemFault::Error | ModemFault::Cms(_) | ModemFault::Cme(_) => !is_sending,
            ModemFault::Silent
            | ModemFault::Late(_)
            | ModemFault::Garbage
            | ModemFault::EndlessLine
            | ModemFault::Dies
            | ModemFault::Reboots
            | ModemFault::LeftInPduEntry => true,
            _ => false,
        };
        let fault = self.state.book().plan.draw(Place { command: &self.command, number: "" }, wanted);
        match fault {
            None => return Ok(false),
            Some(ModemFault::Late(time)) => {
                self.wire.busy(time).await?;
                return Ok(false);
            }
            Some(ModemFault::Garbage) => {
                self.wire.raw(b"\x00\xff\xfe\x80\r\n\xc3(\xa0\xa1 > \x7f\r\n").await?;
                return Ok(false);
            }
            Some(ModemFault::Silent) => {}
            Some(ModemFault::Error) => self.finish(&Final::Error).await?,
            Some(ModemFault::Cms(code)) => self.finish(&Final::Cms(code)).await?,
            Some(ModemFault::Cme(code)) => self.finish(&Final::Cme(code)).await?,
            Some(ModemFault::EndlessLine) => self.endless().await?,
            Some(ModemFault::Dies) => return Err(Gone),
            Some(ModemFault::Reboots) => {
                let time = self.state.book().rules.boot_time;
                self.wire.busy(time).await?;
                self.state.book().boot();
                self.wire.line("RDY").await?;
            }
            Some(_) => {
                let left = self.typed().await?;
                self.finish(&if left.is_none() { Final::Ok } else { Final::Cms(304) }).await?;
            }
        }
        Ok(true)
    }

    async fn endless(&mut self) -> Result<(), Gone> {
        self.wire.input.clear();
        self.wire.raw(b"\r\n").await?;
        let openings = self.state.book().openings;
        while self.wire.input.is_empty() && self.state.book().openings == openings {
            let visitors = self.state.book().visitors;
            self.wire.raw(&ENDLESS).await?;
            tokio::select! {
                biased;
                filled = self.wire.fill() => filled?,
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
            if visitors > 0 && self.state.book().visitors == 0 {
                break;
            }
        }
        self.wire.raw(b"\r\n").await
    }

    /// Unsolicited lines of the test, and reports whose time has come.
    async fn say_what_waits(&mut self) -> Result<(), Gone> {
        let spoken = std::mem::take(&mut self.state.book().unsolicited);
        for line in spoken {
            self.wire.line(&line).await?;
        }
        while let Some(report) = self.next_report() {
            self.hand_over(report).await?;
        }
        Ok(())
    }

    fn next_report(&self) -> Option<StatusReport> {
        let mut book = self.state.book();
        let now = Instant::now();
        if !book.card.unlocked {
            for waiting in &mut book.reports {
                waiting.due = waiting.due.max(now + RETRY_PAUSE); // the network tries again
            }
        }
        let place = book.reports.iter().position(|waiting| waiting.due <= now)?;
        book.reports.remove(place).map(|waiting| waiting.report)
    }

    /// By `AT+CNMI`: written out, stored, or lost.
    pub(super) async fn hand_over(&mut self, report: StatusReport) -> Result<(), Gone> {
        let settings = {
            let mut book = self.state.book();
            book.expect_acknowledgement();
            book.settings.clone()
        };
        let (pdu, length) = status_report(&report);
        match settings.cnmi[3] {
            1 if settings.text_mode => self.wire.line(&in_text_mode(&report)).await,
            1 => self.wire.line(&format!("+CDS: {length}\r\n{pdu}")).await,
            2 => {
                let stored = Stored { pdu, length, is_report: true, read: false };
                let place = self.state.book().store(stored);
                match place {
                    Some(place) => self.wire.line(&format!("+CDSI: \"SR\",{place}")).await,
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// TS 27.005 §3.4.1: `+CDS: <fo>,<mr>,<ra>,<tora>,<scts>,<dt>,<st>`.
fn in_text_mode(report: &StatusReport) -> String {
    let kind = if report.recipient.starts_with('+') { 145 } else { 129 };
    let time = |time: jiff::Timestamp| time.strftime("%y/%m/%d,%H:%M:%S+00").to_string();
    format!(
        "+CDS: 6,{},\"{}\",{kind},\"{}\",\"{}\",{}",
        report.reference,
        report.recipient,
        time(report.taken),
        time(report.discharged),
        report.status
    )
}
