//! What a simulated modem is, and how its SIM and network behave on a good day.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A modem with its SIM and its network. The default is a healthy one without a PIN, registered at home, that takes
/// no time to send and whose recipients' phones report at once.
#[derive(Debug, Clone)]
pub struct SimRules {
    /// `AT+CGMI`.
    pub manufacturer: String,
    /// `AT+CGMM`.
    pub model: String,
    /// `AT+CGMR`.
    pub revision: String,
    /// `AT+CGSN`, 15 digits; [`ModemSim::start_many`](super::ModemSim::start_many) counts it up.
    pub imei: String,
    /// `AT+CIMI`.
    pub imsi: String,
    /// The SIM's PIN; `None` = it asks for none.
    pub pin: Option<String>,
    /// Tries left for the PIN at the start: 3 on a fresh SIM, 0 means that the PUK is needed.
    pub pin_tries: u8,
    /// The SIM's PUK.
    pub puk: String,
    /// Whether the number of tries left can be read with `AT+CPINR`. `AT+CSIM=10,"0020000100"` always works.
    pub has_cpinr: bool,
    /// The service centre that stands on the SIM; `None` = empty, and `AT+CMGS` fails with 330.
    pub smsc: Option<String>,
    /// The registration that `AT+CREG?` tells: 1 home, 5 roaming, 2 searching, 3 denied, 0 off.
    pub registration: u8,
    /// The operator's name.
    pub operator: String,
    /// `AT+CSQ`, 0..31 or 99.
    pub signal: u8,
    /// From Ctrl-Z to the answer of the network: the modem's rate is its inverse.
    pub time_per_part: Duration,
    /// From a command to its answer; what arrives meanwhile is lost.
    pub answer_time: Duration,
    /// From a reset to the tty's return.
    pub boot_time: Duration,
    /// Whether it comes back under another tty name after a reset. After a replug it always does.
    pub renamed_by_reset: bool,
    /// The first message reference; 255 lets it wrap soon.
    pub first_reference: u8,
    /// Delivery reports.
    pub reports: Reports,
    /// Which ways of delivery reports `AT+CNMI` takes.
    pub cnmi: CnmiSupport,
    /// After `AT+CSMS=1` the time in which `AT+CNMA` must follow a `+CDS`; then no more reports come (TS 27.005 §3.4.4).
    pub acknowledge_within: Duration,
    /// Answers to USSD codes. Other codes get `+CUSD: 4`.
    pub ussd: BTreeMap<String, String>,
    /// How the answer of a USSD code is written.
    pub ussd_form: UssdForm,
    /// Places in the message storage.
    pub storage_size: usize,
    /// An unknown command's answer: `ERROR`, on a Huawei `COMMAND NOT SUPPORT`.
    pub unknown_command: String,
    /// The folder in which the modem has its stable name, as `/dev/serial/by-id` is; several modems may share it.
    /// `None` = a temporary one.
    pub by_id: Option<PathBuf>,
    /// The stable name within that folder. `None` = made of the IMEI.
    pub link_name: Option<String>,
}

/// When and how the network reports a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reports {
    /// From the network's answer to the report.
    pub delay: Duration,
    /// TP-ST: 0x00 delivered, 0x20..0x3F still trying, 0x40..0x7F failed. `None` = no report ever.
    pub status: Option<u8>,
    /// Whether the recipient stands in its national form, as some networks write it.
    pub national: bool,
}

/// What `AT+CNMI=…,<ds>` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CnmiSupport {
    /// ds 0, 1 (`+CDS`) and 2 (`+CDSI`).
    All,
    /// Lists 1 and refuses it, as Qualcomm's devices do; takes 2.
    Qualcomm,
    /// ds 0 and 1: there is no "SR" storage.
    DirectOnly,
    /// Refuses every reporting: only ds 0.
    None,
}

/// How `+CUSD` writes its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UssdForm {
    /// As it is, or as `AT+CSCS` wants it.
    Text,
    /// Hex of UTF-16BE, whatever `AT+CSCS` says.
    Ucs2Hex,
    /// Hex of packed septets, as Huawei sticks do.
    PackedHex,
}

impl Default for SimRules {
    fn default() -> Self {
        Self {
            manufacturer: "Simulated".to_owned(),
            model: "MTAN-SIM".to_owned(),
            revision: "1.0".to_owned(),
            imei: "490154203237500".to_owned(),
            imsi: "262011234567890".to_owned(),
            pin: None,
            pin_tries: 3,
            puk: "12345678".to_owned(),
            has_cpinr: true,
            smsc: Some("+491710760000".to_owned()),
            registration: 1,
            operator: "Test Net".to_owned(),
            signal: 20,
            time_per_part: Duration::ZERO,
            answer_time: Duration::from_millis(1),
            boot_time: Duration::from_millis(300),
            renamed_by_reset: true,
            first_reference: 0,
            reports: Reports::default(),
            cnmi: CnmiSupport::All,
            acknowledge_within: Duration::from_secs(10),
            ussd: BTreeMap::from([("*100#".to_owned(), "Balance: 12.34 EUR".to_owned())]),
            ussd_form: UssdForm::Text,
            storage_size: 20,
            unknown_command: "ERROR".to_owned(),
            by_id: None,
            link_name: None,
        }
    }
}

impl Default for Reports {
    fn default() -> Self {
        Self { delay: Duration::from_millis(20), status: Some(0), national: false }
    }
}

impl Reports {
    /// No report ever comes.
    pub fn never() -> Self {
        Self { status: None, ..Self::default() }
    }

    /// The phone was not reached: 0x46, the validity period ran out.
    pub fn failed() -> Self {
        Self { status: Some(0x46), ..Self::default() }
    }
}
