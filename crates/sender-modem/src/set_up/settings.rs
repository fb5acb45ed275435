//! What we need set: PDU mode, character set, service centre, delivery reports.

use mtan_sms::{Address, TerminalCharset, ucs2_hex};

use super::facts::{Facts, Reports};
use super::trouble::Trouble;
use super::{Wishes, optional};
use crate::at::{AtError, Command, Dialogue, Wire};
use crate::submit::{Mode, TextCharset};

pub(super) async fn set<S: Wire>(
    dialogue: &mut Dialogue<S>,
    wishes: &Wishes<'_>,
    facts: &mut Facts,
) -> Result<(), Trouble> {
    (facts.mode, facts.charset) = mode(dialogue).await?;
    service_centre(dialogue, wishes.smsc, facts).await?;
    facts.reports = reports(dialogue, wishes.reports).await?;
    facts.memory = memory(dialogue).await?;
    Ok(())
}

async fn is_set<S: Wire>(dialogue: &mut Dialogue<S>, setting: &str) -> Result<bool, AtError> {
    Ok(optional(dialogue, Command::new(setting)).await?.is_some())
}

/// PDUs, and text mode only where they are refused.
async fn mode<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<(Mode, TerminalCharset), Trouble> {
    if is_set(dialogue, "+CMGF=0").await? {
        // For names of networks and answers to USSD.
        let gsm = is_set(dialogue, "+CSCS=\"GSM\"").await?;
        return Ok((Mode::Pdu, if gsm { TerminalCharset::Gsm } else { TerminalCharset::Other }));
    }
    if !is_set(dialogue, "+CMGF=1").await? {
        return Err(Trouble::NoSms);
    }
    if is_set(dialogue, "+CSCS=\"UCS2\"").await? {
        return Ok((Mode::Text(TextCharset::Ucs2), TerminalCharset::Ucs2));
    }
    let gsm = is_set(dialogue, "+CSCS=\"GSM\"").await?;
    if !gsm {
        is_set(dialogue, "+CSCS=\"IRA\"").await?;
    }
    let charset = if gsm { TerminalCharset::Gsm } else { TerminalCharset::Other };
    Ok((Mode::Text(TextCharset::Plain), charset))
}

/// Set where one is wished; where the modem does not take it, it goes into each PDU.
async fn service_centre<S: Wire>(
    dialogue: &mut Dialogue<S>,
    wished: Option<&Address>,
    facts: &mut Facts,
) -> Result<(), AtError> {
    let Some(wished) = wished else {
        let answer = optional(dialogue, Command::new("+CSCA?").named("+CSCA")).await?.unwrap_or_default();
        facts.smsc = number(answer.first(), facts.charset);
        return Ok(());
    };
    let number = match facts.charset {
        TerminalCharset::Ucs2 => ucs2_hex(&wished.expose()),
        _ => wished.expose(),
    };
    let kind = if wished.is_international() { 145 } else { 129 };
    let taken = is_set(dialogue, &format!("+CSCA=\"{number}\",{kind}")).await?;
    facts.smsc_in_pdu = (!taken).then(|| wished.clone());
    facts.smsc = Some(wished.clone());
    Ok(())
}

/// `"+491710760000",145`, or the same as hexadecimal UCS-2.
fn number(answer: &str, charset: TerminalCharset) -> Option<Address> {
    let written = answer.split('"').nth(1)?;
    let text = match charset {
        TerminalCharset::Ucs2 => mtan_sms::ussd_text(written, None, charset),
        _ => written.to_owned(),
    };
    let kind: Option<u8> = answer.rsplit(',').next().and_then(|kind| kind.trim().parse().ok());
    match kind {
        Some(145) if !text.starts_with('+') => Address::parse(&format!("+{text}")).ok(),
        _ => Address::parse(&text).ok(),
    }
}

/// 27.005 §3.4.1. Qualcomm's devices list ds = 1 and refuse it; the buffer mode 2 is not everywhere. Received SMS are only told of (mt = 1).
async fn reports<S: Wire>(dialogue: &mut Dialogue<S>, wished: bool) -> Result<Reports, AtError> {
    if wished {
        for (setting, reports) in [
            ("+CNMI=2,1,0,1,0", Reports::Direct),
            ("+CNMI=2,1,0,1", Reports::Direct),
            ("+CNMI=1,1,0,1", Reports::Direct),
            ("+CNMI=2,1,0,2,0", Reports::Stored),
            ("+CNMI=2,1,0,2", Reports::Stored),
            ("+CNMI=1,1,0,2", Reports::Stored),
        ] {
            if is_set(dialogue, setting).await? {
                return Ok(reports);
            }
        }
    }
    is_set(dialogue, "+CNMI=2,1,0,0").await?;
    Ok(Reports::Off)
}

/// `"SM",<used>,<places>,..` of `AT+CPMS?`; some modems say no `OK` behind it.
async fn memory<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<Option<(u16, u16)>, AtError> {
    let answer =
        optional(dialogue, Command::new("+CPMS?").named("+CPMS").may_lack_ok()).await?.unwrap_or_default();
    let mut fields = answer.first().split(',').skip(1).map(|field| field.trim().parse().ok());
    Ok(match (fields.next().flatten(), fields.next().flatten()) {
        (Some(used), Some(places)) => Some((used, places)),
        _ => None,
    })
}
