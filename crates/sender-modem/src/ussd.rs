//! USSD: a prepaid card's balance by `AT+CUSD`, 3GPP TS 27.007 §7.15.

use std::time::Duration;

use mtan_sms::{TerminalCharset, ucs2_hex, ussd_packed, ussd_text};
use tokio::time::{Instant, timeout_at};

use crate::at::{AtError, Command, Dialogue, Refusal, Urc, Wire};

/// How long the network may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UssdError {
    /// The dialogue failed, or the modem refused.
    #[error(transparent)]
    At(#[from] AtError),
    /// The modem took the code and no answer came.
    #[error("the network did not answer the USSD code within {} s", ANSWER.as_secs())]
    Silence,
    /// The network said no (`<m>` 2, 4, 5).
    #[error("the network refused the USSD code ({0})")]
    Refused(&'static str),
    /// What is no code: digits, `*` and `#`, at most 32 of them.
    #[error("a USSD code consists of digits, * and #")]
    NoCode,
}

/// Asks the network with `code` (`*100#`) and gives its words; the answer comes before or after `OK`. What else the modem
/// says meanwhile is lost.
pub async fn ussd<S: Wire>(
    dialogue: &mut Dialogue<S>,
    code: &str,
    charset: TerminalCharset,
) -> Result<String, UssdError> {
    if code.is_empty() || code.len() > 32 || !code.bytes().all(|c| c.is_ascii_digit() || b"*#".contains(&c)) {
        return Err(UssdError::NoCode);
    }
    while dialogue.heard().is_some() {}
    let written = if charset == TerminalCharset::Ucs2 { ucs2_hex(code) } else { code.to_owned() };
    match ask(dialogue, &written).await {
        // Huawei's sticks want the code as packed septets.
        Err(AtError::Refused { refusal: Refusal::Error | Refusal::Cme(_) | Refusal::Cms(_), .. }) => {
            let packed = ussd_packed(code).ok_or(UssdError::NoCode)?;
            ask(dialogue, &packed).await?;
        }
        other => other?,
    }
    let answer = answer(dialogue).await;
    if !matches!(answer, Ok((false, ..))) {
        // A menu, or silence: the session is ended, or the next code would be an answer to it.
        match dialogue.command(&Command::new("+CUSD=2")).await {
            Ok(_) | Err(AtError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let (_, text, coding) = answer?;
    Ok(ussd_text(&text, coding, charset))
}

async fn ask<S: Wire>(dialogue: &mut Dialogue<S>, code: &str) -> Result<(), AtError> {
    let command = Command::new(format!("+CUSD=1,\"{code}\",15")).within(ANSWER);
    dialogue.command(&command).await.map(drop)
}

/// Whether the network waits for more, its words, and their coding.
async fn answer<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<(bool, String, Option<u8>), UssdError> {
    let until = Instant::now() + ANSWER;
    loop {
        let heard = timeout_at(until, dialogue.listen()).await.map_err(|_| UssdError::Silence)?;
        let Urc::Ussd(rest) = heard? else { continue };
        let (kind, rest) = rest.split_once(',').unwrap_or((&rest, ""));
        let refused = match kind.trim() {
            "0" | "1" if !rest.is_empty() => {
                let (text, coding) = fields(rest);
                return Ok((kind.trim() == "1", text, coding));
            }
            "2" if !rest.is_empty() => {
                let (text, coding) = fields(rest);
                return Ok((false, text, coding));
            }
            "2" => "the network ended it",
            "4" => "not supported",
            "5" => "the network did not answer",
            _ => continue,
        };
        return Err(UssdError::Refused(refused));
    }
}

/// `"<text>",<dcs>`; the text may have commas and quotes in it.
fn fields(rest: &str) -> (String, Option<u8>) {
    match rest.trim().strip_prefix('"').and_then(|rest| rest.rsplit_once('"')) {
        Some((text, coding)) => (text.to_owned(), coding.trim_start_matches(',').trim().parse().ok()),
        None => (rest.trim().trim_matches('"').to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at::tests::Script;

    async fn asked(charset: TerminalCharset, answers: &[&str]) -> Result<String, UssdError> {
        let (mut dialogue, mut script) = Script::settled().await;
        let modem = async {
            for answer in answers {
                script.wait_for("\r").await;
                script.say(answer).await;
            }
            std::future::pending::<()>().await;
        };
        tokio::select! { text = ussd(&mut dialogue, "*100#", charset) => text, () = modem => unreachable!() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_balance_is_read_before_and_after_ok_and_in_every_form() {
        let (gsm, ucs2) = (TerminalCharset::Gsm, TerminalCharset::Ucs2);
        for (charset, answers) in [
            (gsm, &["OK\r\n^RSSI:3\r\n+CUSD: 0,\"5 EUR, yes\",15\r\n"][..]),
            (gsm, &["+CUSD: 0,\"5 EUR, yes\",15\r\nOK\r\n"]),
            (gsm, &["OK\r\n+CUSD: 1,\"5 EUR, yes\",15\r\n", "OK\r\n"]),
            (gsm, &["OK\r\n+CUSD: 2,\"5 EUR, yes\"\r\n"]),
            (gsm, &["ERROR\r\n", "OK\r\n+CUSD: 0,\"5 EUR, yes\",15\r\n"]),
            (ucs2, &["OK\r\n+CUSD: 0,\"00350020004500550052002C0020007900650073\",72\r\n"]),
        ] {
            assert_eq!(asked(charset, answers).await.unwrap(), "5 EUR, yes", "{answers:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_says_no_or_nothing_is_told_apart() {
        let gsm = TerminalCharset::Gsm;
        assert!(matches!(asked(gsm, &["OK\r\n+CUSD: 4\r\n", "OK\r\n"]).await, Err(UssdError::Refused(_))));
        assert_eq!(asked(gsm, &["OK\r\n", "OK\r\n"]).await, Err(UssdError::Silence));
        assert!(matches!(asked(gsm, &["ERROR\r\n", "ERROR\r\n"]).await, Err(UssdError::At(_))));
        let (mut dialogue, _script) = Script::settled().await;
        for code in ["", "*100#\r", "*1\"", "hello"] {
            assert_eq!(ussd(&mut dialogue, code, gsm).await, Err(UssdError::NoCode), "{code:?}");
        }
    }
}
