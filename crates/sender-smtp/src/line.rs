//! The line to the server: a command goes, an answer comes, each within its time.

use std::io;

use futures_util::FutureExt;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::{Instant, timeout_at};

use crate::reply::{Failure, Reply, Step};

/// RFC 5321 §4.5.3.1.5 allows 512 bytes; servers are known that talk more.
const LONGEST_LINE: usize = 4096;

/// The most lines of one answer.
const MOST_LINES: usize = 128;

pub(crate) struct Line<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    pub(crate) fn new(stream: S) -> Line<S> {
        Line { stream: BufReader::new(stream) }
    }

    /// Sends `command`, which has no line end, and waits for the answer.
    pub(crate) async fn command(
        &mut self,
        step: Step,
        command: &str,
        until: Instant,
    ) -> Result<Reply, Failure> {
        let sent = async {
            self.stream.write_all(format!("{command}\r\n").as_bytes()).await?;
            self.stream.flush().await
        };
        in_time(step, until, sent).await?;
        self.answer(step, until).await
    }

    /// Sends the mail, its dots doubled where they need to be, with the final dot, and waits for the answer. Where the
    /// failure is not of [`Step::Dot`], the server cannot have got the final dot.
    pub(crate) async fn content(&mut self, mail: &[u8], until: Instant) -> Result<Reply, Failure> {
        let bytes = stuffed(mail);
        let mut sent = 0;
        while sent < bytes.len() {
            // one at a time and cancel safe: `sent` is all that the system, or TLS, has taken
            match in_time(Step::Content, until, self.stream.write(&bytes[sent..])).await? {
                0 => return Err(Failure::Lost(Step::Content, "nothing can be written".to_owned())),
                count => sent += count,
            }
        }
        in_time(Step::Dot, until, self.stream.flush()).await?;
        self.answer(Step::Dot, until).await
    }

    /// The next answer, all its lines.
    pub(crate) async fn answer(&mut self, step: Step, until: Instant) -> Result<Reply, Failure> {
        let mut lines = Vec::new();
        loop {
            let line = in_time(step, until, self.read_line()).await?;
            let (code, more, words) = line.as_deref().and_then(parsed).ok_or(Failure::Garbage(step))?;
            lines.push(words);
            if !more {
                return Ok(Reply { code, lines });
            }
            if lines.len() == MOST_LINES {
                return Err(Failure::Garbage(step));
            }
        }
    }

    /// One line with its end; `None` if it is too long. An error when there is no end any more.
    async fn read_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        loop {
            let found = self.stream.fill_buf().await?;
            if found.is_empty() {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server hung up"));
            }
            let end = found.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let count = end.unwrap_or(found.len());
            line.extend_from_slice(&found[..count]);
            self.stream.consume(count);
            if line.len() > LONGEST_LINE {
                return Ok(None);
            }
            if end.is_some() {
                return Ok(Some(line));
            }
        }
    }

    /// Whether the connection is open and the server has said nothing unasked, as far as the system knows by now.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.stream.fill_buf().now_or_never().is_none()
    }

    /// Says farewell without waiting for anything.
    pub(crate) fn farewell_now(&mut self) {
        let said = async {
            self.stream.write_all(b"QUIT\r\n").await?;
            self.stream.flush().await
        };
        // the connection is dropped in any case
        drop(said.now_or_never());
    }

    /// The stream itself, for TLS to be put around it. What has come unasked was not protected and is refused: somebody
    /// may have slipped it in.
    pub(crate) fn into_inner(self) -> Option<S> {
        self.stream.buffer().is_empty().then(|| self.stream.into_inner())
    }
}

async fn in_time<T>(
    step: Step,
    until: Instant,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Failure> {
    match timeout_at(until, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failure::Lost(step, error.to_string())),
        Err(_) => Err(Failure::TimedOut(step)),
    }
}

/// Code, whether more lines follow, words. RFC 5321 §4.2.
fn parsed(line: &[u8]) -> Option<(u16, bool, String)> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\r', '\n']);
    let (code, rest) = text.split_at_checked(3)?;
    let is_code = code.bytes().all(|byte| byte.is_ascii_digit()) && matches!(code.as_bytes()[0], b'2'..=b'5');
    let more = rest.starts_with('-');
    let words = rest.strip_prefix(['-', ' ']);
    match (is_code, rest.is_empty()) {
        (true, true) => Some((code.parse().ok()?, false, String::new())),
        (true, false) => Some((code.parse().ok()?, more, words?.to_owned())),
        (false, _) => None,
    }
}

/// RFC 5321 §4.5.2: a line that begins with a dot gets one more; a lone dot ends the mail.
fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(mail.len() + 16);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            bytes.push(b'.');
        }
        bytes.extend_from_slice(line);
    }
    bytes.extend_from_slice(b".\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    async fn read(bytes: &[u8]) -> Result<Reply, Failure> {
        let (ours, mut theirs) = duplex(64 * 1024);
        theirs.write_all(bytes).await.unwrap();
        drop(theirs);
        Line::new(ours).answer(Step::Mail, soon()).await
    }

    #[tokio::test]
    async fn answers_of_one_and_many_lines_are_read() {
        let reply =
            |code, lines: &[&str]| Ok(Reply { code, lines: lines.iter().map(ToString::to_string).collect() });
        assert_eq!(read(b"250 ok\r\n").await, reply(250, &["ok"]));
        assert_eq!(read(b"250-one\r\n250-two\r\n250 three\r\n").await, reply(250, &["one", "two", "three"]));
        assert_eq!(read(b"354\r\n").await, reply(354, &[""]));
        assert_eq!(read(b"250 bare\n").await, reply(250, &["bare"]));
        assert_eq!(read(b"550 na\xefve\r\n").await, reply(550, &["na\u{fffd}ve"]));
    }

    #[tokio::test]
    async fn what_is_no_smtp_is_called_so() {
        for bytes in [
            b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
            b"25\r\n",
            b"250ok\r\n",
            b"190 ok\r\n",
            b"600 ok\r\n",
            b"\xff\xfe\r\n",
            b"\r\n",
        ] {
            assert_eq!(read(bytes).await, Err(Failure::Garbage(Step::Mail)), "{bytes:?}");
        }
        assert_eq!(read("2".repeat(5000).as_bytes()).await, Err(Failure::Garbage(Step::Mail)));
        assert_eq!(read("250-more\r\n".repeat(200).as_bytes()).await, Err(Failure::Garbage(Step::Mail)));
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_a_lost_connection() {
        for bytes in [b"".as_slice(), b"250 o", b"250-more\r\n"] {
            assert!(matches!(read(bytes).await, Err(Failure::Lost(Step::Mail, _))), "{bytes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_or_dribbling_server_is_given_up_in_time() {
        let (ours, mut theirs) = duplex(1024);
        let dribble = tokio::spawn(async move {
            while theirs.write_all(b"2").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let outcome = Line::new(ours).answer(Step::Hello, soon()).await;
        assert_eq!(outcome, Err(Failure::TimedOut(Step::Hello)));
        dribble.await.unwrap();
    }

    /// The server takes `takes` bytes of a mail and hangs up.
    async fn breaks_after(takes: usize, mail: &[u8]) -> Failure {
        let (ours, mut theirs) = duplex(16);
        let server = tokio::spawn(async move {
            let mut taken = vec![0; takes];
            theirs.read_exact(&mut taken).await.unwrap();
        });
        let outcome = Line::new(ours).content(mail, soon()).await;
        server.await.unwrap();
        outcome.unwrap_err()
    }

    #[tokio::test]
    async fn a_failure_before_the_final_dot_left_the_building_is_told_from_one_after_it() {
        let mail = b"Subject: x\r\n\r\nYour code is 123456, and this text is longer than the pipe.\r\n";
        let all = mail.len() + b".\r\n".len();
        for takes in 0..=all {
            let failure = breaks_after(takes, mail).await;
            let step = match &failure {
                Failure::Lost(step, _) => *step,
                other => panic!("{other:?}"),
            };
            // up to sixteen bytes more may be on their way in the pipe
            match step {
                Step::Content => assert!(takes < all, "the server has the dot, and it was denied"),
                Step::Dot => assert!(takes + 16 >= all, "after {takes} of {all} the dot cannot be out"),
                other => panic!("{other}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stops_reading_in_the_content_has_not_got_the_dot() {
        let (ours, _theirs) = duplex(16);
        let outcome = Line::new(ours).content(&[b'x'; 100], soon()).await;
        assert_eq!(outcome, Err(Failure::TimedOut(Step::Content)));
    }

    #[tokio::test]
    async fn a_line_that_was_closed_or_spoke_unasked_is_not_quiet() {
        let (ours, mut theirs) = duplex(64);
        let mut line = Line::new(ours);
        assert!(line.is_quiet());
        theirs.write_all(b"421 bye\r\n").await.unwrap();
        assert!(!line.is_quiet());
        let (ours, theirs) = duplex(64);
        drop(theirs);
        assert!(!Line::new(ours).is_quiet());
    }

    #[test]
    fn dots_at_the_beginning_of_a_line_are_doubled() {
        for (mail, expected) in [
            ("a\r\n", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.b\r\n..\r\na.b\r\n", "a\r\n..b\r\n...\r\na.b\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(mail.as_bytes()), expected.as_bytes(), "{mail:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_can_make_it_panic_or_wait(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let outcome = runtime.block_on(read(&bytes));
            prop_assert!(!matches!(outcome, Err(Failure::TimedOut(_))), "{outcome:?}");
        }

        #[test]
        fn any_answer_that_is_one_is_read(code in 200u16..600, words in proptest::collection::vec("[ -~]{0,80}", 1..9)) {
            let last = words.len() - 1;
            let bytes: String = words.iter().enumerate()
                .map(|(i, words)| format!("{code}{}{words}\r\n", if i == last { ' ' } else { '-' })).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            prop_assert_eq!(runtime.block_on(read(bytes.as_bytes())), Ok(Reply { code, lines: words }));
        }
    }
}
