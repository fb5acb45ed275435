//! One command at a time over a stream, with a time-out each, and the way back from any state.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::command::Command;
use super::error::{AtError, Refusal};
use super::line::{Awaited, Lines, Token};
use super::prompt::Prompt;
use super::result::{FinalResult, Numbers};
use super::urc::{Urc, UrcReader};

/// What a modem may say by itself before it is listened to; the oldest goes first.
const MAX_URCS: usize = 256;

/// The most lines of one answer; further ones are dropped.
const MAX_INFORMATION: usize = 256;

/// How long after information an `OK` may come that some modems leave out.
const OK_LACKS_AFTER: Duration = Duration::from_millis(1500);

/// How long it must be silent before what comes next is an answer to what was written last.
const QUIET: Duration = Duration::from_millis(200);

/// How long is waited for silence.
const DRAIN: Duration = Duration::from_secs(2);

/// How often, and how long each time, `AT` is tried.
const ESCAPES: u32 = 5;
const ESCAPE_ANSWER: Duration = Duration::from_millis(1500);

const ESC: u8 = 0x1b;

/// What a dialogue runs over: a serial port, a socket, a test's pipe.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// A modem that is spoken to. Every future of it may be dropped at any time: the next command then begins with
/// [`Dialogue::escape`], as after a time-out.
pub struct Dialogue<S> {
    stream: S,
    lines: Lines,
    reader: UrcReader,
    urcs: VecDeque<Urc>,
    numbers: Numbers,
    /// No answer is outstanding.
    pub(super) settled: bool,
}

/// What stood between a command and its final result. `Debug` shows the number of lines only.
#[derive(Default, PartialEq, Eq)]
pub struct Answer {
    lines: Vec<String>,
}

/// What a line, or its absence, was to a command.
pub(super) enum Heard {
    Prompt,
    Final(FinalResult),
    Information(String),
    /// Something that is none of the command's.
    Aside,
    /// The time is up.
    Silence,
}

impl Answer {
    /// The lines, without the name of the command before them where it was told.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The first line; empty if there is none.
    pub fn first(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    pub(super) fn push(&mut self, line: String) {
        if self.lines.len() < MAX_INFORMATION {
            self.lines.push(line);
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} lines)", self.lines.len())
    }
}

impl<S: Wire> Dialogue<S> {
    /// Over a stream that was just opened: in what state the modem is, nobody knows, so the first command begins with
    /// [`Dialogue::escape`].
    pub fn new(stream: S) -> Dialogue<S> {
        Dialogue {
            stream,
            lines: Lines::default(),
            reader: UrcReader::default(),
            urcs: VecDeque::new(),
            numbers: Numbers::Possible,
            settled: false,
        }
    }

    /// The stream, for what is none of the dialogue's (DTR).
    pub fn wire(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Writes `command` and waits for its final result; what the modem says by itself meanwhile is kept for
    /// [`Dialogue::listen`].
    pub async fn command(&mut self, command: &Command) -> Result<Answer, AtError> {
        let until = self.begin(command).await?;
        let mut answer = Answer::default();
        let mut ends = until;
        loop {
            match self.hear(command, None, Awaited::Lines, ends).await? {
                Heard::Information(line) => {
                    answer.push(line);
                    if command.may_lack_ok {
                        ends = until.min(Instant::now() + OK_LACKS_AFTER);
                    }
                }
                Heard::Final(FinalResult::Ok) => break,
                Heard::Final(FinalResult::Refused(refusal)) => {
                    self.settled = true;
                    return Err(refused(command, refusal));
                }
                Heard::Silence if command.may_lack_ok && !answer.lines.is_empty() => return Ok(answer),
                Heard::Silence => return Err(timed_out(command)),
                Heard::Aside | Heard::Prompt => {}
            }
        }
        self.settled = true;
        Ok(answer)
    }

    /// Writes `command` (`+CMGS=..`) and waits for the prompt. Without one ESC is written, so that the modem is not left
    /// waiting for a text.
    pub async fn prompt(&mut self, command: &Command) -> Result<Prompt<'_, S>, AtError> {
        let until = self.begin(command).await?;
        self.lines.forget_prompt();
        loop {
            match self.hear(command, None, Awaited::Prompt, until).await? {
                Heard::Prompt => return Ok(Prompt::new(self)),
                Heard::Final(result) => {
                    self.settled = true;
                    let refusal = match result {
                        FinalResult::Ok => Refusal::NoPrompt,
                        FinalResult::Refused(refusal) => refusal,
                    };
                    return Err(refused(command, refusal));
                }
                Heard::Silence => {
                    self.write(&[ESC], Instant::now() + QUIET).await?;
                    return Err(timed_out(command));
                }
                Heard::Information(_) | Heard::Aside => {}
            }
        }
    }

    /// The next thing that the modem says, or has said, by itself. Waits without end; may be dropped and called again.
    pub async fn listen(&mut self) -> Result<Urc, AtError> {
        loop {
            if let Some(urc) = self.urcs.pop_front() {
                return Ok(urc);
            }
            while let Some(Token::Line(line)) = self.lines.next(Awaited::Lines) {
                self.overhear(&line);
            }
            if self.urcs.is_empty() {
                self.read().await?;
            }
        }
    }

    /// What the modem has said by itself and nobody has listened to.
    pub fn heard(&mut self) -> Option<Urc> {
        self.urcs.pop_front()
    }

    /// Out of any state, the entry of a text too: ESC, CR, silence, and `AT` until `OK`. ESC and not Ctrl-Z, which would
    /// submit what was typed.
    pub async fn escape(&mut self) -> Result<(), AtError> {
        self.settled = false;
        self.numbers = Numbers::Possible;
        for attempt in 0..ESCAPES {
            self.write(&[ESC, b'\r'], Instant::now() + ESCAPE_ANSWER).await?;
            self.drain().await?;
            // Q0: results may be switched off.
            let hello = Command::new(if attempt < 2 { "" } else { "Q0V1" }).within(ESCAPE_ANSWER);
            if self.hello(&hello).await? {
                // An answer that was late, or the second one to two lines, must not be taken for the next command's.
                self.drain().await?;
                self.settled = true;
                return Ok(());
            }
        }
        Err(AtError::Deaf)
    }

    async fn hello(&mut self, hello: &Command) -> Result<bool, AtError> {
        let until = Instant::now() + hello.time_out;
        if !self.write_line(hello, until).await? {
            return Ok(false);
        }
        loop {
            match self.hear(hello, None, Awaited::Lines, until).await? {
                Heard::Final(result) => return Ok(result == FinalResult::Ok),
                Heard::Silence => return Ok(false),
                _ => {}
            }
        }
    }

    /// Reads on until nothing comes any more.
    async fn drain(&mut self) -> Result<(), AtError> {
        let end = Instant::now() + DRAIN;
        loop {
            while let Some(Token::Line(line)) = self.lines.next(Awaited::Lines) {
                self.overhear(&line);
            }
            let until = end.min(Instant::now() + QUIET);
            if Instant::now() >= end || !self.read_until(until).await? {
                break;
            }
        }
        self.lines.clear();
        self.reader.clear();
        Ok(())
    }

    /// Writes a command after what was outstanding is settled; says until when its answer may come.
    async fn begin(&mut self, command: &Command) -> Result<Instant, AtError> {
        if !self.settled {
            self.escape().await?;
        }
        self.settled = false;
        let until = Instant::now() + command.time_out;
        match self.write_line(command, until).await? {
            true => Ok(until),
            false => Err(timed_out(command)),
        }
    }

    /// CR alone: a LF behind it can become the first character of a text.
    async fn write_line(&mut self, command: &Command, until: Instant) -> Result<bool, AtError> {
        let line = zeroize::Zeroizing::new(format!("{}\r", command.expose()));
        self.write(line.as_bytes(), until).await
    }

    /// `false` if the port did not take it in time.
    pub(super) async fn write(&mut self, bytes: &[u8], until: Instant) -> Result<bool, AtError> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout_at(until, written).await {
            Err(_) => Ok(false),
            Ok(Ok(())) => Ok(true),
            Ok(Err(_)) => Err(AtError::Gone),
        }
    }

    /// The next line, and what it is to `command`; `body` is what was written to its prompt.
    pub(super) async fn hear(
        &mut self,
        command: &Command,
        body: Option<&str>,
        awaited: Awaited,
        until: Instant,
    ) -> Result<Heard, AtError> {
        loop {
            match self.lines.next(awaited) {
                Some(Token::Prompt) => return Ok(Heard::Prompt),
                Some(Token::Line(line)) => return Ok(self.understand(&line, command, body)),
                None if self.read_until(until).await? => {}
                None => return Ok(Heard::Silence),
            }
        }
    }

    fn understand(&mut self, line: &str, command: &Command, body: Option<&str>) -> Heard {
        if let Some(urc) = self.reader.second_line(line) {
            self.keep(urc);
            return Heard::Aside;
        }
        if body == Some(line) || FinalResult::is_of_a_call(line, self.numbers) {
            return Heard::Aside;
        }
        if let Some(result) = FinalResult::of(line, self.numbers) {
            if FinalResult::is_word(line) {
                self.numbers = Numbers::Excluded;
            }
            return Heard::Final(result);
        }
        if command.is_echo(line) || body.is_some_and(|body| super::command::is_echo(line, body)) {
            return Heard::Aside;
        }
        if let Some(information) = command.information(line) {
            return Heard::Information(information.to_owned());
        }
        self.overhear(line);
        Heard::Aside
    }

    /// A line that belongs to no command; a result without one is late and means nothing any more.
    fn overhear(&mut self, line: &str) {
        let urc = match self.reader.second_line(line) {
            Some(urc) => Some(urc),
            None if FinalResult::of(line, Numbers::Possible).is_some() => None,
            None if FinalResult::is_of_a_call(line, Numbers::Possible) => None,
            None => self.reader.first_line(line),
        };
        if let Some(urc) = urc {
            self.keep(urc);
        }
    }

    fn keep(&mut self, urc: Urc) {
        if self.urcs.len() == MAX_URCS {
            // Noise goes before reports.
            let noise = self.urcs.iter().position(|urc| matches!(urc, Urc::Other(_)));
            self.urcs.remove(noise.unwrap_or(0));
        }
        self.urcs.push_back(urc);
    }

    /// Reads once; `false` when the time is up first.
    async fn read_until(&mut self, until: Instant) -> Result<bool, AtError> {
        // A stream that always has something would otherwise keep the clock from being looked at.
        if Instant::now() >= until {
            return Ok(false);
        }
        match timeout_at(until, self.read()).await {
            Err(_) => Ok(false),
            Ok(read) => read.map(|()| true),
        }
    }

    async fn read(&mut self) -> Result<(), AtError> {
        tokio::task::coop::consume_budget().await;
        let mut chunk = [0; 512];
        match self.stream.read(&mut chunk).await {
            Ok(0) => Err(AtError::Gone), // A serial port says so for ever.
            Ok(length) => {
                self.lines.push(&chunk[..length]);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(AtError::Gone),
        }
    }
}

pub(super) fn timed_out(command: &Command) -> AtError {
    AtError::TimedOut { command: command.to_string(), after: command.time_out }
}

pub(super) fn refused(command: &Command, refusal: Refusal) -> AtError {
    AtError::Refused { command: command.to_string(), refusal }
}
