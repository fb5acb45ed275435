//! One SMS as a modem takes it: the command, and the body behind its prompt.

use mtan_sms::{Address, Submit, ucs2_hex};
use zeroize::Zeroizing;

use super::{Message, TextCharset};
use crate::at::Command;

/// Holds the text: not to be shown.
pub(super) struct Part {
    command: Zeroizing<String>,
    /// How much of the command may be shown.
    shown: usize,
    body: Zeroizing<String>,
    setting: Option<String>,
}

const CMGS: &str = "+CMGS=";

impl Part {
    pub(super) fn pdu(submit: &Submit, smsc: Option<&Address>) -> Part {
        let command = Zeroizing::new(format!("{CMGS}{}", submit.length()));
        Part { shown: command.len(), command, body: Zeroizing::new(submit.hex(smsc)), setting: None }
    }

    pub(super) fn command(&self) -> Command {
        let (shown, secret) = self.command.split_at(self.shown);
        let command = if secret.is_empty() { Command::new(shown) } else { Command::secret(shown, secret) };
        command.named("+CMGS")
    }

    pub(super) fn body(&self) -> &str {
        &self.body
    }

    /// What must be set before it goes out.
    pub(super) fn setting(&self) -> Option<Command> {
        self.setting.as_ref().map(Command::new)
    }
}

/// `message` for a modem that takes no PDU; or why it cannot be.
pub(super) fn in_text_mode(message: Message<'_>, charset: TextCharset) -> Result<Part, &'static str> {
    let [submit] = message.parts else {
        return Err("this modem refuses PDUs, and in text mode a text must fit into one SMS");
    };
    let (text, number) = (message.text.expose(), message.to.expose());
    let (number, body) = match charset {
        TextCharset::Ucs2 => (ucs2_hex(number), ucs2_hex(text)),
        TextCharset::Plain if text.chars().all(is_plain) => (number.to_owned(), text.to_owned()),
        TextCharset::Plain => {
            return Err("this modem refuses PDUs and UCS2: the text has a character that it does not take");
        }
    };
    let command = Zeroizing::new(format!("{CMGS}\"{number}\",145"));
    let setting = Some(parameters(submit));
    Ok(Part { command, shown: CMGS.len(), body: Zeroizing::new(body), setting })
}

/// The same code in ASCII and in the GSM alphabet (3GPP TS 23.038 §6.2.1).
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || " !\"#%&'()*+,-./:;<=>?".contains(c)
}

/// `AT+CSMP=<fo>,<vp>,<pid>,<dcs>` (27.005 §3.1.4) with what the PDU has: validity, report, alphabet.
fn parameters(submit: &Submit) -> String {
    let hex = submit.hex(None);
    let octet = |at: usize| hex.get(2 * at..2 * at + 2).and_then(|octet| u8::from_str_radix(octet, 16).ok());
    let octet = |at| octet(at).expect("a PDU has its fixed octets");
    // No SMSC field, first octet, reference, digits, type of number, number, PID, DCS, perhaps validity: 23.040 §9.2.2.2.
    let (first, digits) = (octet(1), usize::from(octet(3)));
    let behind = 5 + digits.div_ceil(2);
    let has_validity = first & 0x18 == 0x10;
    let validity = if has_validity { octet(behind + 2).to_string() } else { String::new() };
    format!("+CSMP={first},{validity},{},{}", octet(behind), octet(behind + 1))
}
