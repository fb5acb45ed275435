//! No bytes whatever can bring the dialogue down or hold it past its time.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;

/// All that a command may take: the way back (each try: CR, silence, `AT`) and its own time.
const BOUND: Duration = Duration::from_secs(60);

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Everything that a dialogue can do, against a modem that writes `bytes` in pieces and nothing else.
async fn everything(bytes: Vec<u8>, piece: usize) {
    let (ours, end) = duplex(1 << 16);
    let mut script = Script { end, read: String::new() };
    let mut dialogue = Dialogue::new(ours);
    dialogue.settled = true;
    for chunk in bytes.chunks(piece) {
        script.end.write_all(chunk).await.unwrap();
    }
    let command = Command::new("+CSQ").named("+CSQ").within(seconds(2));
    drop(tokio::time::timeout(BOUND, dialogue.command(&command)).await.expect("in time"));
    for chunk in bytes.chunks(piece) {
        script.end.write_all(chunk).await.unwrap();
    }
    dialogue.settled = true;
    let submitted = async {
        if let Ok(prompt) = dialogue.prompt(&command).await {
            drop(prompt.submit(&command, "0011").await);
        }
    };
    tokio::time::timeout(BOUND, submitted).await.expect("in time");
    script.end.write_all(&bytes).await.unwrap();
    drop(tokio::time::timeout(BOUND, dialogue.escape()).await.expect("in time"));
    script.end.write_all(&bytes).await.unwrap();
    while let Ok(heard) = tokio::time::timeout(seconds(1), dialogue.listen()).await {
        heard.unwrap();
    }
}

/// Pieces of what modems say, so that chance goes deep.
fn talk() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        prop::sample::select(vec![
            "\r\n",
            "\n",
            "> ",
            ">",
            "OK",
            "ERROR",
            "+CMS ERROR: ",
            "+CME ERROR:",
            "+CDS: ",
            "+CDS: 3\r\n",
            "+CMT: ",
            "+CMGS: ",
            "0",
            "4",
            "AT+CSQ",
            "+CSQ: 1,1",
            "\u{1a}",
            "\u{1b}",
            "\"",
            ",",
            "99999999999",
            "AABBCC",
            "+CREG: 1",
            "+CUSD: ",
            "RDY",
            "é😀",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_panic_or_hang_a_dialogue(bytes in talk(), piece in 1usize..40) {
        runtime().block_on(everything(bytes, piece));
    }

    /// The same answer, whatever comes in between and in whatever fragments.
    #[test]
    fn noise_between_the_lines_changes_no_answer(
        noise in prop::collection::vec(prop::sample::select(NOISE.to_vec()), 8),
        quiet in prop::collection::vec(0u8..100, 8),
        end in prop::sample::select(vec!["\r\n", "\n", "\r", "\r\r\n"]),
    ) {
        // Three lines in ten are noise.
        let noise = |place: usize| if quiet[place] < 30 { format!("{}{end}", noise[place]) } else { String::new() };
        runtime().block_on(async {
            let (mut dialogue, mut script) = Script::settled().await;
            let cmgs = Command::new("+CMGS=2").named("+CMGS").within(seconds(60));
            let us = async {
                dialogue.prompt(&cmgs).await.unwrap().submit(&cmgs, "0011").await
            };
            let modem = async {
                script.wait_for("AT+CMGS=2\r").await;
                script.say_in_bytes(&format!("{}{end}AT+CMGS=2{end}{end}{}> ", noise(0), noise(1))).await;
                script.wait_for("\u{1a}").await;
                let after = format!("{end}{}0011{end}{}+CMGS: 9{end}{}OK{end}{}", noise(2), noise(3), noise(4), noise(5));
                script.say_in_bytes(&after).await;
            };
            let (answer, ()) = tokio::join!(us, modem);
            assert_eq!(answer.unwrap().lines(), ["9"]);
            let csq = Command::new("+CSQ").named("+CSQ");
            let (answer, ()) = tokio::join!(dialogue.command(&csq), async {
                script.wait_for("\r").await;
                script.say_in_bytes(&format!("{}{end}+CSQ: 9,99{end}{}OK{end}", noise(6), noise(7))).await;
            });
            assert_eq!(answer.unwrap().lines(), ["9,99"]);
        });
    }
}

const NOISE: [&str; 20] = [
    "^RSSI:17",
    "^BOOT:18732648,0,0,0,6",
    "^MODE:3,3",
    "^HCSQ:\"GSM\",40",
    "^DSFLOWRPT:0000,0000",
    "^SRVST:2",
    "^SIMST:1",
    "^STIN: 1, 0, 0",
    "+CREG: 1",
    "+CGREG: 1,\"00C3\",\"0001\"",
    "+CEREG: 5",
    "+CMTI: \"SM\",2",
    "+CDSI: \"SR\",1",
    "+CUSD: 2",
    "RING",
    "+CLIP: \"+491701234567\",145",
    "+WIND: 4",
    "*PSUTTZ: 2026,11,24",
    "Call Ready",
    "UNDER-VOLTAGE WARNNING",
];

/// A stream that always has a byte, and never lets go.
struct Endless(u8);

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = buffer.remaining();
        buffer.put_slice(&vec![self.0; length]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// In real time: a paused clock stands still while a task is never idle.
#[tokio::test]
async fn a_stream_without_end_neither_fills_the_memory_nor_holds_a_command() {
    for byte in [b'x', b'\n', 0xff] {
        let mut dialogue = Dialogue::new(Endless(byte));
        dialogue.settled = true;
        let command = Command::new("+CSQ").named("+CSQ").within(Duration::from_millis(50));
        assert!(matches!(dialogue.command(&command).await, Err(AtError::TimedOut { .. })));
    }
}

#[test]
fn a_line_is_bounded_and_a_longer_one_is_no_line() {
    let mut lines = Lines::default();
    lines.push(&vec![b'A'; 10 * MAX_LINE]);
    assert!(lines.next(Awaited::Prompt).is_none());
    lines.push(b">\r\nOK\r\n");
    assert!(matches!(lines.next(Awaited::Prompt), Some(Token::Line(line)) if line == "OK"));
    lines.push(b"\xff\xfe\xc3\r\n");
    assert!(matches!(lines.next(Awaited::Prompt), Some(Token::Line(_))));
}

/// Found by `cargo xtask fuzz at_lines`.
#[test]
fn a_length_beyond_all_bounds_is_only_a_length_that_no_line_has() {
    let mut reader = UrcReader::default();
    for header in [format!("+CDS: {}", usize::MAX), format!("+CMT: ,{}", usize::MAX)] {
        assert_eq!(reader.first_line(&header), None);
        assert_eq!(reader.second_line("0791"), None);
    }
    assert_eq!(reader.first_line("+CDS: 2"), None);
    assert_eq!(reader.second_line("0791"), Some(Urc::StatusReport("0791".to_owned())));
}
