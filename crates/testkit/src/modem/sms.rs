//! What the modem "sent", part by part and as the recipients read it.

use super::pdu::{ReadSubmit, Validity};

/// One part that the network took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPart {
    /// The message reference that the modem gave: the number of `+CMGS: <n>`.
    pub reference: u8,
    /// What was read out of it.
    pub submit: ReadSubmit,
    /// Service centre and TPDU in hex, as they came; empty when it came in text mode.
    pub pdu: String,
}

/// One text as its recipient sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentSms {
    /// `+` and digits; digits only when the number was not marked as international.
    pub to: String,
    /// The texts of the parts in their order; a missing part is `…`.
    pub text: String,
    /// How many parts the text has.
    pub parts: usize,
    /// How many of them came. Less than `parts`: the phone shows nothing, or a torso.
    pub arrived: usize,
    /// TP-VP of the first part.
    pub validity: Option<Validity>,
    /// TP-SRR of any part.
    pub wants_report: bool,
    /// TP-RD of any part.
    pub rejects_duplicates: bool,
    /// The message references of the parts that came, in their order.
    pub references: Vec<u8>,
    /// The parts' PDUs in hex, in their order.
    pub pdus: Vec<String>,
}

impl SentSms {
    /// Whether every part came.
    pub fn is_whole(&self) -> bool {
        self.arrived == self.parts
    }
}

/// Joins parts by recipient, reference and number of parts, as a phone does. A part that came before begins a new
/// text: the same text sent twice is two SMS.
pub(super) fn joined(parts: &[SentPart]) -> Vec<SentSms> {
    let mut texts: Vec<Vec<&SentPart>> = Vec::new();
    for part in parts {
        match texts.iter_mut().find(|text| belongs(text, part)) {
            Some(text) => text.push(part),
            None => texts.push(vec![part]),
        }
    }
    texts.into_iter().map(whole).collect()
}

fn belongs(text: &[&SentPart], part: &SentPart) -> bool {
    let (Some(first), Some(own)) = (text[0].submit.part, part.submit.part) else { return false };
    let same = text[0].submit.to == part.submit.to
        && (first.reference, first.wide, first.total) == (own.reference, own.wide, own.total);
    same && text.iter().all(|other| other.submit.part.map(|part| part.number) != Some(own.number))
}

fn whole(mut text: Vec<&SentPart>) -> SentSms {
    text.sort_by_key(|part| part.submit.part.map(|part| part.number));
    let first = &text[0].submit;
    let total = first.part.map_or(1, |part| part.total);
    let shown = (1..=total).map(|number| {
        let own = text.iter().find(|part| part.submit.part.is_none_or(|part| part.number == number));
        own.map_or("…", |part| part.submit.text.as_str())
    });
    SentSms {
        to: first.to.clone(),
        text: shown.collect(),
        parts: usize::from(total),
        arrived: text.len(),
        validity: first.validity.clone(),
        wants_report: text.iter().any(|part| part.submit.wants_report),
        rejects_duplicates: text.iter().any(|part| part.submit.rejects_duplicates),
        references: text.iter().map(|part| part.reference).collect(),
        pdus: text.iter().map(|part| part.pdu.clone()).collect(),
    }
}
