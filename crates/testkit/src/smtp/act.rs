//! What the mail server does at one step of the dialogue.

use std::time::Duration;

use crate::gateway::Hold;

/// A step of the dialogue at which something can be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The banner, before the client has said anything.
    Greeting,
    /// EHLO.
    Ehlo,
    /// HELO.
    Helo,
    /// STARTTLS.
    StartTls,
    /// The end of AUTH, when the credentials are there.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Recipient,
    /// DATA.
    Data,
    /// The first line of the mail has come; only the acts that end or stop the connection do anything here.
    Content,
    /// The final dot has come and the mail is recorded.
    Dot,
    /// RSET.
    Reset,
    /// QUIT.
    Quit,
}

/// What is done instead of the ordinary answer, or to it.
#[derive(Debug, Clone)]
pub struct Act {
    pub(super) delay: Duration,
    pub(super) hold: Option<Hold>,
    pub(super) deed: Deed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    Ordinary,
    /// These bytes.
    Bytes(Vec<u8>, Then),
    /// The ordinary answer, one byte at a time.
    Dribble(Duration),
    /// This line again and again.
    Endless(String),
    Silence,
    End(Then),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    GoOn,
    Close,
    Reset,
}

impl Act {
    /// The ordinary answer; for refinements.
    pub fn ordinary() -> Act {
        Act::of(Deed::Ordinary)
    }

    /// An answer of one line for each line of `words`.
    pub fn answer(code: u16, words: &str) -> Act {
        let last = words.lines().count().saturating_sub(1);
        let line =
            |(i, words): (usize, &str)| format!("{code}{}{words}\r\n", if i == last { ' ' } else { '-' });
        let lines: String = words.lines().enumerate().map(line).collect();
        Act::raw(if lines.is_empty() { format!("{code}\r\n") } else { lines })
    }

    /// Bytes that need not be an answer.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Act {
        Act::of(Deed::Bytes(bytes.into(), Then::GoOn))
    }

    /// A line that is sent again and again.
    pub fn endless(line: &str) -> Act {
        Act::of(Deed::Endless(line.to_owned()))
    }

    /// The ordinary answer, byte by byte.
    pub fn dribble(interval: Duration) -> Act {
        Act::of(Deed::Dribble(interval))
    }

    /// Nothing, for ever.
    pub fn silence() -> Act {
        Act::of(Deed::Silence)
    }

    /// FIN, no answer.
    pub fn close() -> Act {
        Act::of(Deed::End(Then::Close))
    }

    /// RST, no answer.
    pub fn reset() -> Act {
        Act::of(Deed::End(Then::Reset))
    }

    /// FIN behind the answer; for [`Act::answer`] and [`Act::raw`].
    pub fn then_close(mut self) -> Act {
        if let Deed::Bytes(_, then) = &mut self.deed {
            *then = Then::Close;
        }
        self
    }

    /// RST behind the answer; for [`Act::answer`] and [`Act::raw`].
    pub fn then_reset(mut self) -> Act {
        if let Deed::Bytes(_, then) = &mut self.deed {
            *then = Then::Reset;
        }
        self
    }

    /// Not before so long.
    pub fn after(mut self, delay: Duration) -> Act {
        self.delay = delay;
        self
    }

    /// Not before `hold` lets it go.
    pub fn held_by(mut self, hold: &Hold) -> Act {
        self.hold = Some(hold.clone());
        self
    }

    fn of(deed: Deed) -> Act {
        Act { delay: Duration::ZERO, hold: None, deed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_several_lines_is_marked_as_one() {
        let bytes = |act: Act| match act.deed {
            Deed::Bytes(bytes, Then::GoOn) => String::from_utf8(bytes).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes(Act::answer(250, "one")), "250 one\r\n");
        assert_eq!(bytes(Act::answer(550, "one\ntwo")), "550-one\r\n550 two\r\n");
        assert_eq!(bytes(Act::answer(354, "")), "354\r\n");
    }
}
