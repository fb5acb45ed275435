//! Final results: the line with which a modem ends its answer, in words or numbers.

use super::command::behind;
use super::error::Refusal;
use crate::codes;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalResult {
    /// `OK`, `0`.
    Ok,
    /// Anything else.
    Refused(Refusal),
}

/// Whether results may come as numbers (ATV0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    Possible,
    /// The modem has answered in words: a line of one digit is something else.
    Excluded,
}

impl FinalResult {
    /// Reads `line` as a final result; `None` if it is none.
    pub(crate) fn of(line: &str, numbers: Numbers) -> Option<FinalResult> {
        let refused = |refusal| Some(FinalResult::Refused(refusal));
        if let Some(code) = behind(line, "+CMS ERROR") {
            return refused(Refusal::Cms(codes::cms_number(code)));
        }
        if let Some(code) = behind(line, "+CME ERROR") {
            return refused(Refusal::Cme(codes::cme_number(code)));
        }
        match line {
            "OK" => Some(FinalResult::Ok),
            "ERROR" | "ABORTED" => refused(Refusal::Error),
            // Huawei.
            "COMMAND NOT SUPPORT" | "TOO MANY PARAMETERS" => refused(Refusal::NotSupported),
            // Motorola.
            _ if line.starts_with("MODEM ERROR") => refused(Refusal::Error),
            _ if numbers == Numbers::Possible => FinalResult::of_number(line),
            _ => None,
        }
    }

    /// ITU-T V.250 table 1.
    fn of_number(line: &str) -> Option<FinalResult> {
        match line {
            "0" => Some(FinalResult::Ok),
            "4" => Some(FinalResult::Refused(Refusal::Error)),
            _ => None,
        }
    }

    /// Whether `line` is how a call ends. We make none, so it is a stranger's that came in between, and answers nothing of ours.
    pub(crate) fn is_of_a_call(line: &str, numbers: Numbers) -> bool {
        matches!(line, "NO CARRIER" | "NO DIALTONE" | "NO DIAL TONE" | "BUSY" | "NO ANSWER")
            || (numbers == Numbers::Possible && matches!(line, "3" | "6" | "7" | "8"))
    }

    /// Whether `line` proves that the modem answers in words.
    pub(crate) fn is_word(line: &str) -> bool {
        matches!(line, "OK" | "ERROR")
    }
}
