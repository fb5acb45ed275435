//! Hand-overs to scripted modems.

use std::sync::atomic::{AtomicUsize, Ordering};

use mtan_sms::{ConcatReference, SubmitOptions};
use tokio::io::DuplexStream;

use super::*;
use crate::at::tests::Script;

const PDU: Manner = Manner { mode: Mode::Pdu, smsc: None, answer_within: Duration::from_secs(60) };

fn number() -> PhoneNumber {
    PhoneNumber::parse("+491711234567").unwrap()
}

fn parts(text: &SmsText) -> Vec<Submit> {
    let options = SubmitOptions {
        validity: Some(Duration::from_secs(300)),
        status_report: true,
        reject_duplicates: false,
        reference: ConcatReference::Octet(7),
    };
    Submit::parts(&number(), text, &options)
}

/// What comes of `text` when the modem gives these answers: one to each command line or body, silence after the last.
async fn handed_over(text: &str, manner: &Manner, answers: &[&str]) -> HandOver {
    handed_over_while(text, manner, answers, &|| true).await.0
}

async fn handed_over_while(
    text: &str,
    manner: &Manner,
    answers: &[&str],
    is_alive: &(dyn Fn() -> bool + Sync),
) -> (HandOver, Dialogue<DuplexStream>, Script, String) {
    let (mut dialogue, mut script) = Script::settled().await;
    let text = SmsText::new(text).unwrap();
    let (parts, to) = (parts(&text), number());
    let message = Message { to: &to, text: &text, parts: &parts };
    let mut heard = String::new();
    let handed = {
        let modem = async {
            for answer in answers {
                heard.push_str(&script.wait_for_any(&["\r", "\u{1a}"]).await);
                script.say(answer).await;
            }
            std::future::pending::<()>().await;
        };
        let us = hand_over(&mut dialogue, message, manner, is_alive);
        tokio::select! { handed = us => handed, () = modem => unreachable!() }
    };
    (handed, dialogue, script, heard)
}

const PROMPT: &str = "\r\n> ";
const OK: &str = "\r\nOK\r\n";

fn long() -> String {
    "a".repeat(400)
}

#[tokio::test(start_paused = true)]
async fn a_text_goes_out_in_its_parts_and_the_references_come_back() {
    let handed = handed_over("hello", &PDU, &[PROMPT, "\r\n+CMGS: 255\r\n\r\nOK\r\n"]).await;
    assert_eq!(handed.verdict, Verdict::Accepted { gateway_id: Some("255".to_owned()), detail: None });
    assert_eq!((handed.references, handed.care), (vec![Some(255)], Care::Nothing));
    let third = "+CMGS: 2,\"26/11/24,15:00:00+04\"\r\nOK\r\n";
    for to_cmms in [OK, "\r\nERROR\r\n"] {
        let answers = [to_cmms, PROMPT, "+CMGS: 0\r\nOK\r\n", PROMPT, "+CMGS: ?\r\nOK\r\n", PROMPT, third];
        let handed = handed_over(&long(), &PDU, &answers).await;
        assert_eq!(handed.references, [Some(0), None, Some(2)]);
        assert_eq!(handed.verdict.as_str(), "accepted");
    }
}

#[tokio::test(start_paused = true)]
async fn every_refusal_of_the_first_part_is_judged_by_its_code() {
    for (code, verdict, care) in [
        (38, "retry", Care::Nothing),
        (1, "rejected", Care::Nothing),
        (21, "rejected", Care::TakeOut),
        (304, "rejected", Care::Nothing),
        (310, "retry", Care::TakeOut),
        (322, "retry", Care::CleanMemory),
        (330, "retry", Care::SetSmsc),
    ] {
        let error = format!("\r\n+CMS ERROR: {code}\r\n");
        for answers in [&[PROMPT, &error][..], &[&error]] {
            let handed = handed_over("hello", &PDU, answers).await;
            assert_eq!((handed.verdict.as_str(), handed.care), (verdict, care), "{code}");
            assert!(handed.references.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_modem_is_asked_again_and_not_for_ever() {
    let busy = "\r\n+CMS ERROR: 314\r\n";
    let handed = handed_over("hello", &PDU, &[busy, PROMPT, busy, PROMPT, "+CMGS: 3\r\nOK\r\n"]).await;
    assert_eq!(handed.references, [Some(3)]);
    let handed = handed_over("hello", &PDU, &[busy, busy, busy, busy]).await;
    assert_eq!((handed.verdict.code(), handed.care), (ReportCode::GatewayBusy, Care::Again));
    let out_of_service = "\r\n+CMS ERROR: 27\r\n";
    let handed = handed_over("hello", &PDU, &[PROMPT, out_of_service, PROMPT, out_of_service]).await;
    assert_eq!(handed.verdict.code(), ReportCode::NumberRejected);
    let handed = handed_over("hello", &PDU, &[PROMPT, out_of_service, PROMPT, "+CMGS: 3\r\nOK\r\n"]).await;
    assert_eq!(handed.references, [Some(3)]);
}

#[tokio::test(start_paused = true)]
async fn silence_after_ctrl_z_is_unknown_and_before_it_a_retry() {
    let handed = handed_over("hello", &PDU, &[PROMPT]).await;
    assert_eq!((handed.verdict.as_str(), handed.care), ("unknown", Care::SetUp));
    let handed = handed_over("hello", &PDU, &[]).await;
    assert_eq!((handed.verdict.as_str(), handed.care), ("retry", Care::SetUp));
    let handed = handed_over("hello", &PDU, &[PROMPT, OK]).await;
    assert_eq!((handed.verdict.as_str(), handed.care), ("unknown", Care::Nothing), "OK decides nothing");
    let handed = handed_over("hello", &PDU, &[OK]).await;
    assert_eq!(handed.verdict.as_str(), "retry", "no prompt, so nothing was taken");
}

#[tokio::test(start_paused = true)]
async fn a_time_out_of_the_network_is_no_answer_but_once_it_was_submitted() {
    for code in [197, 332] {
        let error = format!("\r\n+CMS ERROR: {code}\r\n");
        let handed = handed_over("hello", &PDU, &[PROMPT, &error]).await;
        assert_eq!((handed.verdict.as_str(), handed.care), ("unknown", Care::Nothing), "{code}");
        let handed = handed_over("hello", &PDU, &[&error]).await;
        assert_eq!(handed.verdict.as_str(), "retry", "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_a_reason_is_believed_when_it_comes_soon() {
    for (seconds, verdict) in [(3, "retry"), (40, "unknown")] {
        for error in ["\r\n+CMS ERROR: 500\r\n", "\r\nERROR\r\n"] {
            let (mut dialogue, mut script) = Script::settled().await;
            let text = SmsText::new("hello").unwrap();
            let (parts, to) = (parts(&text), number());
            let message = Message { to: &to, text: &text, parts: &parts };
            let modem = async {
                script.wait_for("\r").await;
                script.say(PROMPT).await;
                script.wait_for("\u{1a}").await;
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                script.say(error).await;
            };
            let (handed, ()) = tokio::join!(hand_over(&mut dialogue, message, &PDU, &|| true), modem);
            assert_eq!(handed.verdict.as_str(), verdict, "{error} after {seconds} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_lost_after_another_was_taken_is_unknown_whatever_the_reason() {
    let taken = "+CMGS: 5\r\nOK\r\n";
    for last in ["+CMS ERROR: 38\r\n", "+CMS ERROR: 1\r\n", "ERROR\r\n", ""] {
        let handed = handed_over(&long(), &PDU, &[OK, PROMPT, taken, PROMPT, last]).await;
        assert_eq!((handed.verdict.as_str(), &handed.references[..]), ("unknown", &[Some(5)][..]), "{last}");
        let handed = handed_over(&long(), &PDU, &[OK, PROMPT, taken, last]).await;
        assert_eq!((handed.verdict.as_str(), &handed.references[..]), ("unknown", &[Some(5)][..]), "{last}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_after_the_code_is_dead_and_the_modem_is_not_left_waiting() {
    let (handed, _dialogue, mut script, _) = handed_over_while("hello", &PDU, &[], &|| false).await;
    assert_eq!(handed.verdict.code(), ReportCode::Expired);
    script.say("+CSQ: 1\r\n").await;
    assert_eq!(script.pending().await, "", "not even the command");
    // Dead when the prompt comes: ESC, and no body.
    let asked = AtomicUsize::new(0);
    let dies = || asked.fetch_add(1, Ordering::Relaxed) == 0;
    let (handed, _, _, heard) = handed_over_while("hello", &PDU, &[PROMPT, "", OK, OK], &dies).await;
    assert_eq!(handed.verdict.code(), ReportCode::Expired);
    assert!(heard.contains("\u{1b}\r") && !heard.contains('\u{1a}'), "{heard:?}");
    // Not asked any more when a part has gone.
    let asked = AtomicUsize::new(0);
    let dies = || asked.fetch_add(1, Ordering::Relaxed) < 2;
    let taken = "+CMGS: 5\r\nOK\r\n";
    let answers = [OK, PROMPT, taken, PROMPT, taken, PROMPT, taken];
    let (handed, ..) = handed_over_while(&long(), &PDU, &answers, &dies).await;
    assert_eq!(handed.references.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_goes_is_to_be_opened_again() {
    for (answers, verdict) in [(&[][..], "retry"), (&[PROMPT][..], "unknown")] {
        let (mut dialogue, mut script) = Script::settled().await;
        let text = SmsText::new("hello").unwrap();
        let (parts, to) = (parts(&text), number());
        let modem = async {
            for answer in answers {
                script.wait_for("\r").await;
                script.say(answer).await;
            }
            script.wait_for_any(&["\r", "\u{1a}"]).await;
            drop(script);
        };
        let message = Message { to: &to, text: &text, parts: &parts };
        let (handed, ()) = tokio::join!(hand_over(&mut dialogue, message, &PDU, &|| true), modem);
        assert_eq!((handed.verdict.as_str(), handed.care), (verdict, Care::Reopen));
    }
}

#[tokio::test(start_paused = true)]
async fn text_mode_takes_one_part_and_says_what_it_cannot() {
    let plain = Manner { mode: Mode::Text(TextCharset::Plain), ..PDU };
    let answers = [OK, PROMPT, "+CMGS: 9\r\nOK\r\n"];
    let (handed, _, _, heard) = handed_over_while("Code: 123456", &plain, &answers, &|| true).await;
    assert_eq!(handed.references, [Some(9)]);
    assert_eq!(heard, "AT+CSMP=49,0,0,0\rAT+CMGS=\"+491711234567\",145\rCode: 123456\u{1a}");
    let ucs2 = Manner { mode: Mode::Text(TextCharset::Ucs2), ..PDU };
    let (handed, _, _, heard) = handed_over_while("Код", &ucs2, &answers, &|| true).await;
    assert_eq!(handed.references, [Some(9)]);
    let number = ucs2_hex_of("+491711234567");
    assert_eq!(heard, format!("AT+CSMP=49,0,0,8\rAT+CMGS=\"{number}\",145\r041A043E0434\u{1a}"));
    for (manner, text) in [(&plain, "a@b"), (&plain, "two\nlines"), (&plain, "Код"), (&ucs2, &*long())] {
        let handed = handed_over(text, manner, &[]).await;
        assert_eq!(handed.verdict.code(), ReportCode::GatewayRejected, "{text}");
    }
}

fn ucs2_hex_of(text: &str) -> String {
    text.chars().map(|c| format!("{:04X}", u32::from(c))).collect()
}

#[tokio::test(start_paused = true)]
async fn neither_text_nor_number_is_in_what_comes_back() {
    let plain = Manner { mode: Mode::Text(TextCharset::Plain), ..PDU };
    for manner in [&PDU, &plain] {
        for answers in [&[OK, PROMPT, "+CMS ERROR: 500\r\n"][..], &[OK, "ERROR\r\n"], &[OK, PROMPT], &[OK]] {
            let handed = handed_over("Code 987654", manner, answers).await;
            let shown = format!("{handed:?}");
            assert!(!shown.contains("987654") && !shown.contains("1711234567"), "{shown}");
        }
    }
}
