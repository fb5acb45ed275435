//! What was found, for a person: a line a modem, or a page of one.

use mtan_sender::Verdict;
use mtan_sender_modem::desk::{self, Found, Sent, Status};
use mtan_sender_modem::gnokiirc::Place;
use mtan_sender_modem::set_up::{Facts, Reports};

/// Whether identities and numbers are shown whole.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) whole: bool,
}

impl Shown {
    pub(super) fn identity(self, identity: &str) -> String {
        if self.whole { identity.to_owned() } else { desk::masked(identity) }
    }

    pub(super) fn text(self, text: &str) -> String {
        if self.whole { text.to_owned() } else { desk::number_free(text) }
    }

    /// The service centre, which nobody keeps secret, but which is a number all the same.
    pub(super) fn smsc(self, facts: &Facts) -> Option<String> {
        facts.smsc.as_ref().map(|smsc| if self.whole { smsc.expose() } else { format!("{smsc}") })
    }
}

/// As the person would write it.
pub(super) fn port(place: &Place) -> String {
    match place {
        Place::Port(path) => path.clone(),
        Place::Tcp(address) => format!("tcp:{address}"),
    }
}

const NO_MATCH: &str =
    "No port of this machine matches; `mtan modem scan` alone looks at all that may be a modem's.";

const NONE: &str = "No modem is there: no /dev/serial/by-id/*, /dev/ttyUSB* or /dev/ttyACM*.
Plug one in and wait ten seconds. `lsusb` shows whether the machine sees it; a stick that shows as a disk or CD needs the
package usb-modeswitch.";

/// `everywhere`: the person named no port.
pub(super) fn scan(found: &[Found], everywhere: bool, shown: Shown) -> String {
    if found.is_empty() {
        return if everywhere { NONE } else { NO_MATCH }.to_owned();
    }
    let (silent, spoken): (Vec<&Found>, Vec<&Found>) = found.iter().partition(|found| found.is_silent());
    let mut lines: Vec<String> = spoken.into_iter().map(|found| line(found, shown)).collect();
    if !silent.is_empty() {
        let ports: Vec<String> = silent.iter().map(|found| port(found.port())).collect();
        let why = "a stick has several ports, and one or two of them answer";
        lines.push(format!("no answer on {} ({why})", ports.join(", ")));
    }
    lines.join("\n")
}

fn line(found: &Found, shown: Shown) -> String {
    let mut words = Vec::new();
    if let Some(facts) = &found.facts {
        words.push(model(facts));
        words.extend(named("IMEI", &shown.identity(&facts.imei)));
        words.extend(named("SIM", &shown.identity(&facts.imsi)));
        if found.problem.is_none() {
            words.extend([desk::network(facts), desk::signal(facts.signal)]);
        }
    }
    let problem = found.problem.as_ref().map(|problem| match problem.advice() {
        Some(advice) => format!("{problem}: {advice}"),
        None => problem.to_string(),
    });
    words.extend(problem);
    let others: Vec<String> = found.ports.iter().skip(1).map(port).collect();
    words.extend((!others.is_empty()).then(|| format!("also at {}", others.join(", "))));
    let (port, words) = (port(found.port()), words.join(", "));
    // a port that cannot be opened is often called by its name already
    if words.starts_with(&port) { words } else { format!("{port}  {words}") }
}

fn named(name: &str, value: &str) -> Option<String> {
    (!value.is_empty()).then(|| format!("{name} {value}"))
}

fn model(facts: &Facts) -> String {
    let words: Vec<&str> =
        [&*facts.manufacturer, &*facts.model].into_iter().filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "a modem without a name".to_owned() } else { words.join(" ") }
}

pub(super) fn statuses(all: &[Status], shown: Shown) -> String {
    all.iter().map(|status| status_page(status, shown)).collect::<Vec<_>>().join("\n\n")
}

fn status_page(status: &Status, shown: Shown) -> String {
    let found = &status.found;
    let mut rows = vec![("Port", port(found.port()))];
    if let Some(facts) = &found.facts {
        rows.extend(about(facts, shown));
    }
    rows.extend(status.balance.as_ref().map(|balance| match balance {
        Ok(words) => ("Balance", shown.text(words)),
        Err(error) => ("Balance", format!("not told: {error}")),
    }));
    match &found.problem {
        None => rows.push(("State", "ready to send".to_owned())),
        Some(problem) => {
            rows.push(("State", format!("cannot send: {problem}")));
            rows.extend(problem.advice().map(|advice| ("Do", advice.to_owned())));
        }
    }
    page(rows)
}

fn about(facts: &Facts, shown: Shown) -> Vec<(&'static str, String)> {
    let revision = if facts.revision.is_empty() { String::new() } else { format!(" ({})", facts.revision) };
    let memory = facts.memory.map(|(used, places)| format!("{used} of {places} messages"));
    let all = [
        ("Modem", format!("{}{revision}", model(facts))),
        ("IMEI", shown.identity(&facts.imei)),
        ("IMSI", shown.identity(&facts.imsi)),
        ("ICCID", shown.identity(&facts.iccid)),
        ("Network", desk::network(facts)),
        ("Signal", desk::signal(facts.signal)),
        ("Centre", shown.smsc(facts).unwrap_or_default()),
        ("Memory", memory.unwrap_or_default()),
        ("Reports", reports(facts.reports).to_owned()),
    ];
    all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn reports(reports: Reports) -> &'static str {
    match reports {
        Reports::Off => "",
        Reports::Direct => "delivery reports come at once",
        Reports::Stored => "delivery reports are stored and fetched",
    }
}

pub(super) fn sent(to: &str, problems: &[Found], sent: Option<(&Place, &Sent)>) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    for found in problems {
        rows.push(("Port", port(found.port())));
        let Some(problem) = &found.problem else { continue };
        rows.push(("State", format!("cannot send: {problem}")));
        rows.extend(problem.advice().map(|advice| ("Do", advice.to_owned())));
    }
    match sent {
        None => rows.push(("Result", format!("nothing was sent to {to}"))),
        Some((place, sent)) => {
            rows.push(("Port", port(place)));
            rows.extend(outcome(to, sent));
        }
    }
    page(rows)
}

fn outcome(to: &str, sent: &Sent) -> Vec<(&'static str, String)> {
    let (means, advice) = sent.words();
    let parts = if sent.parts == 1 { "1 SMS".to_owned() } else { format!("{} SMS", sent.parts) };
    let mut rows =
        vec![("SMS", format!("{parts} to {to}")), ("Result", sent.handed.verdict.as_str().to_owned())];
    rows.extend(reference(sent).map(|reference| ("Reference", reference)));
    rows.extend(sent.detail().map(|detail| ("Answer", detail.to_owned())));
    rows.push(("Means", means.to_owned()));
    match sent.delivery.words() {
        Some(words) => rows.push(("Delivery", words)),
        None => rows.push(("Do", advice.to_owned())),
    }
    rows
}

/// What the network calls it.
pub(super) fn reference(sent: &Sent) -> Option<String> {
    match &sent.handed.verdict {
        Verdict::Accepted { gateway_id, .. } => gateway_id.clone(),
        _ => None,
    }
}

fn page(rows: Vec<(&str, String)>) -> String {
    rows.iter().map(|(name, value)| format!("{name:<10}{value}")).collect::<Vec<_>>().join("\n")
}
