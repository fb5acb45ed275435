//! Every word of the pages, in each language.

use super::Page;
use super::language::Language;
use super::screen::Said;

/// The words of one language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Texts {
    /// BCP 47.
    pub(super) lang: &'static str,
    pub(super) request_sms: Words,
    pub(super) index: Words,
    pub(super) index3: Words,
    pub(super) challenge_response: Words,
    pub(super) enter_code: &'static str,
    pub(super) welcome: &'static str,
    pub(super) user: &'static str,
    pub(super) pin: &'static str,
    pub(super) pin_and_code: &'static str,
    pub(super) pin_and_code_hint: &'static str,
    pub(super) code: &'static str,
    pub(super) code_hint: &'static str,
    pub(super) code_or_empty_hint: &'static str,
    pub(super) pin_again_hint: &'static str,
    pub(super) transaction: &'static str,
    pub(super) send: &'static str,
    pub(super) log_in: &'static str,
    pub(super) again: &'static str,
    pub(super) others: &'static str,
    sent: &'static str,
    already_sent: &'static str,
    no: &'static str,
    stranger: &'static str,
    accepted: &'static str,
    /// Before the title of a page that says no: it is what a screen reader reads first.
    pub(super) refused: &'static str,
}

/// What a page is called, and what it does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    /// Its name among others.
    pub(super) short: &'static str,
}

impl Texts {
    pub(super) fn of(language: Language) -> &'static Texts {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    pub(super) fn page(&self, page: Page) -> &Words {
        match page {
            Page::RequestSms => &self.request_sms,
            Page::Index => &self.index,
            Page::Index3 => &self.index3,
            Page::ChallengeResponse => &self.challenge_response,
        }
    }

    pub(super) fn said(&self, said: Said) -> &'static str {
        match said {
            Said::Sent => self.sent,
            Said::AlreadySent => self.already_sent,
            Said::No => self.no,
            Said::Stranger => self.stranger,
            Said::Welcome => self.accepted,
        }
    }
}

const ENGLISH: Texts = Texts {
    lang: "en",
    request_sms: Words {
        title: "Log in with a code by SMS",
        intro: "Enter your name and PIN. We send a code to your phone.",
        short: "Code by SMS",
    },
    index: Words {
        title: "Log in with PIN and code",
        intro: "Enter your PIN and, right behind it, the code. The PIN alone sends you a code.",
        short: "One field",
    },
    index3: Words {
        title: "Log in with PIN and code",
        intro: "Enter your PIN and the code. The PIN alone sends you a code.",
        short: "Three fields",
    },
    challenge_response: Words {
        title: "Log in by challenge and response",
        intro: "Enter your name and PIN. You get a transaction number, and a code on your phone.",
        short: "Challenge and response",
    },
    enter_code: "Enter the code",
    welcome: "Welcome",
    user: "User name",
    pin: "PIN",
    pin_and_code: "PIN and code",
    pin_and_code_hint: "For example 4711 and 123456: 4711123456",
    code: "Code",
    code_hint: "The digits from the SMS. They count once.",
    code_or_empty_hint: "Leave it empty to get one by SMS.",
    pin_again_hint: "Not needed again for the code that was just sent.",
    transaction: "Transaction",
    send: "Send code",
    log_in: "Log in",
    again: "Start again",
    others: "Other ways to log in",
    sent: "A code is on its way to your phone.",
    already_sent: "A code is on its way already. No second one is sent so soon.",
    no: "That did not work. Check what you entered and try again.",
    stranger: "This form was sent from another site and was not read.",
    accepted: "PIN and code were right.",
    refused: "Not logged in",
};

const GERMAN: Texts = Texts {
    lang: "de",
    request_sms: Words {
        title: "Anmelden mit Code per SMS",
        intro: "Geben Sie Namen und PIN ein. Wir senden einen Code auf Ihr Telefon.",
        short: "Code per SMS",
    },
    index: Words {
        title: "Anmelden mit PIN und Code",
        intro: "Geben Sie Ihre PIN und direkt dahinter den Code ein. Die PIN allein fordert einen Code an.",
        short: "Ein Feld",
    },
    index3: Words {
        title: "Anmelden mit PIN und Code",
        intro: "Geben Sie PIN und Code ein. Die PIN allein fordert einen Code an.",
        short: "Drei Felder",
    },
    challenge_response: Words {
        title: "Anmelden mit Frage und Antwort",
        intro: "Geben Sie Namen und PIN ein. Sie erhalten eine Vorgangsnummer und einen Code auf Ihr Telefon.",
        short: "Frage und Antwort",
    },
    enter_code: "Code eingeben",
    welcome: "Willkommen",
    user: "Benutzername",
    pin: "PIN",
    pin_and_code: "PIN und Code",
    pin_and_code_hint: "Zum Beispiel 4711 und 123456: 4711123456",
    code: "Code",
    code_hint: "Die Ziffern aus der SMS. Sie gelten einmal.",
    code_or_empty_hint: "Leer lassen, um einen per SMS zu erhalten.",
    pin_again_hint: "Für den eben gesendeten Code nicht noch einmal nötig.",
    transaction: "Vorgang",
    send: "Code senden",
    log_in: "Anmelden",
    again: "Neu beginnen",
    others: "Andere Wege zur Anmeldung",
    sent: "Ein Code ist unterwegs auf Ihr Telefon.",
    already_sent: "Ein Code ist schon unterwegs. So bald wird kein zweiter gesendet.",
    no: "Das hat nicht geklappt. Prüfen Sie Ihre Eingabe und versuchen Sie es noch einmal.",
    stranger: "Dieses Formular kam von einer anderen Seite und wurde nicht gelesen.",
    accepted: "PIN und Code waren richtig.",
    refused: "Nicht angemeldet",
};
