//! A whole hand-over to a modem that answers each write with a piece of the input: it ends in time, counts what it says and
//! shows no secret.
#![no_main]

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mtan_sender::Verdict;
use mtan_sender_modem::at::Dialogue;
use mtan_sender_modem::submit::{Manner, Message, Mode, TextCharset, hand_over, longest};
use mtan_sms::{ConcatReference, PhoneNumber, SmsText, Submit, SubmitOptions};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const ANSWER: Duration = Duration::from_secs(5);

fuzz_target!(|input: (&[u8], bool, bool)| {
    let (bytes, long, text_mode) = input;
    let text = SmsText::new(if long { "748391 ".repeat(30) } else { "748391".to_owned() }).expect("a text");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(hands_over(bytes, &text, text_mode));
});

async fn hands_over(bytes: &[u8], text: &SmsText, text_mode: bool) {
    let to = PhoneNumber::parse("+491701234567").expect("a number");
    let reference = ConcatReference::Octet(7);
    let options = SubmitOptions { validity: None, status_report: true, reject_duplicates: true, reference };
    let parts = Submit::parts(&to, text, &options);
    let mode = if text_mode { Mode::Text(TextCharset::Plain) } else { Mode::Pdu };
    let manner = Manner { mode, smsc: None, answer_within: ANSWER };
    // The way back to a modem that is alive, and then what the input says.
    let hello = [&b""[..], b"\r\nOK\r\n"];
    let answers = hello.into_iter().chain(bytes.split(|byte| *byte == 0xff)).map(<[u8]>::to_vec).collect();
    let mut dialogue = Dialogue::new(Answers { answers, now: VecDeque::new() });
    let message = Message { to: &to, text, parts: &parts };
    let handing = hand_over(&mut dialogue, message, &manner, &|| true);
    let bound = 3 * longest(text.segments(), ANSWER);
    let handed = tokio::time::timeout(bound, handing).await.expect("in time");
    let taken = handed.references.len();
    match &handed.verdict {
        Verdict::Accepted { .. } => assert_eq!(taken, parts.len()),
        Verdict::Retry { .. } | Verdict::Rejected { .. } => assert_eq!(taken, 0),
        Verdict::Unknown { .. } => assert!(taken < parts.len()),
    }
    let shown = format!("{handed:?}");
    assert!(
        !shown.contains("748391") && !shown.contains("1701234567") && !shown.contains(&parts[0].hex(None))
    );
}

/// Every write lets the next piece be read; after the last there is silence.
struct Answers {
    answers: VecDeque<Vec<u8>>,
    now: VecDeque<u8>,
}

impl AsyncRead for Answers {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.now.is_empty() {
            return Poll::Pending; // Whoever reads has a time-out, and writes again after it.
        }
        let length = buf.remaining().min(self.now.len());
        let bytes: Vec<u8> = self.now.drain(..length).collect();
        buf.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Answers {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = self.answers.pop_front().unwrap_or_default();
        self.now.extend(answer);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
