//! A command: what is written, what its answer looks like, how long it may take, and whether it may be shown.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

/// How long a command that only the modem itself answers may take.
pub const LOCAL: Duration = Duration::from_secs(5);

/// An AT command. `Display` and `Debug` show it without what is secret in it.
pub struct Command {
    text: Zeroizing<String>,
    /// How much of `text` may be shown.
    shown: usize,
    pub(crate) shape: Shape,
    pub(crate) time_out: Duration,
    pub(crate) may_lack_ok: bool,
}

/// How a line is known as information of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// There is none.
    Silent,
    /// It begins with this name and a colon.
    Named(&'static str),
    /// As `Named`; with one number, or with a number and a quoted area, it is the network's own word: the answer has two numbers.
    Registration(&'static str),
    /// Any line that is not known as something else, with or without this name before it.
    Free(&'static str),
}

impl Command {
    /// `text` is what follows `AT`; no information is expected.
    pub fn new(text: impl Into<String>) -> Command {
        let text = Zeroizing::new(format!("AT{}", text.into()));
        let shown = text.len();
        Command { text, shown, shape: Shape::Silent, time_out: LOCAL, may_lack_ok: false }
    }

    /// As [`Command::new`] with `secret` behind `text`, which is never shown.
    pub fn secret(text: &str, secret: &str) -> Command {
        let shown = "AT".len() + text.len();
        Command { shown, ..Command::new([text, secret].concat()) }
    }

    /// Information begins with `name` and a colon: `+CSQ`.
    #[must_use]
    pub fn named(self, name: &'static str) -> Command {
        Command { shape: Shape::Named(name), ..self }
    }

    /// Information begins with `name` (`+CREG`, `+CEREG`) and is told from what the network says by itself under that name.
    #[must_use]
    pub fn registration(self, name: &'static str) -> Command {
        Command { shape: Shape::Registration(name), ..self }
    }

    /// Information is any line; `name` and a colon before it, which some modems write, are taken off.
    #[must_use]
    pub fn free(self, name: &'static str) -> Command {
        Command { shape: Shape::Free(name), ..self }
    }

    /// How long the answer may take; [`LOCAL`] if nothing is said.
    #[must_use]
    pub fn within(self, time_out: Duration) -> Command {
        Command { time_out, ..self }
    }

    /// Some modems say nothing after the information of this command (Wavecom: `+CPIN: READY`).
    #[must_use]
    pub fn may_lack_ok(self) -> Command {
        Command { may_lack_ok: true, ..self }
    }

    /// As it is written, `AT` included, without the CR.
    pub(crate) fn expose(&self) -> &str {
        &self.text
    }

    /// Whether `line` is information of this command, and what stands behind the name.
    pub(crate) fn information<'a>(&self, line: &'a str) -> Option<&'a str> {
        match self.shape {
            Shape::Silent => None,
            Shape::Named(name) => behind(line, name),
            Shape::Registration(name) => behind(line, name).filter(|rest| is_registration_answer(rest)),
            Shape::Free(name) => {
                behind(line, name).or_else(|| (!super::urc::is_unsolicited(line)).then_some(line))
            }
        }
    }

    /// Whether `line` is our own command, echoed, perhaps with a few characters lost on the way.
    pub(crate) fn is_echo(&self, line: &str) -> bool {
        is_echo(line, &self.text)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text[..self.shown])?;
        if self.shown < self.text.len() { f.write_str("..") } else { Ok(()) }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

/// What stands behind `name` and its colon.
pub(crate) fn behind<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    Some(line.strip_prefix(name)?.trim_start().strip_prefix(':')?.trim_start())
}

/// 3GPP TS 27.007 §7.2: the answer is `<n>,<stat>[,<lac>..]`, the unsolicited code `<stat>[,<lac>..]` with a quoted area.
fn is_registration_answer(rest: &str) -> bool {
    let mut fields = rest.split(',').map(|field| field.trim().parse::<u8>().is_ok());
    fields.next() == Some(true) && fields.next() == Some(true)
}

/// Whether `line` is `sent` with at most a third of it lost.
pub(crate) fn is_echo(line: &str, sent: &str) -> bool {
    let lost = sent.len().checked_sub(line.len());
    if lost.is_none_or(|lost| lost > sent.len() / 3 + 1) || line.is_empty() {
        return false;
    }
    let mut rest = sent.bytes();
    line.bytes().all(|byte| rest.any(|other| other == byte))
}
