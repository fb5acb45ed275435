//! The same for programs. What is not known is `null`, or left out of a list.

use mtan_sender_modem::desk::{Found, Problem, Sent, Status};
use mtan_sender_modem::gnokiirc::Place;
use mtan_sender_modem::set_up::Facts;
use serde_json::{Value, json};

use super::page::{Shown, port, reference};

pub(super) fn scan(found: &[Found], shown: Shown) -> Value {
    json!({ "modems": found.iter().map(|found| modem(found, shown)).collect::<Vec<_>>() })
}

pub(super) fn statuses(all: &[Status], shown: Shown) -> Value {
    let one = |status: &Status| {
        let mut modem = modem(&status.found, shown);
        modem["balance"] = match &status.balance {
            Some(Ok(words)) => shown.text(words).into(),
            _ => Value::Null,
        };
        modem
    };
    json!({ "modems": all.iter().map(one).collect::<Vec<_>>() })
}

pub(super) fn sent(to: &str, problems: &[Found], sent: Option<(&Place, &Sent)>) -> Value {
    let problems: Vec<Value> = problems
        .iter()
        .map(|found| json!({ "port": port(found.port()), "problem": found.problem.as_ref().map(problem) }))
        .collect();
    let Some((place, sent)) = sent else {
        return json!({ "to": to, "verdict": "not_sent", "problems": problems });
    };
    let (means, advice) = sent.words();
    json!({
        "to": to,
        "port": port(place),
        "verdict": sent.handed.verdict.as_str(),
        "code": sent.handed.verdict.code().as_str(),
        "parts": sent.parts,
        "reference": reference(sent),
        "answer": sent.detail(),
        "means": means,
        "advice": advice,
        "delivery": sent.delivery.words(),
        "problems": problems,
    })
}

fn modem(found: &Found, shown: Shown) -> Value {
    let ports: Vec<String> = found.ports.iter().map(port).collect();
    let mut modem = json!({
        "ports": ports,
        "can_send": found.facts.is_some() && found.problem.is_none(),
        "problem": found.problem.as_ref().map(problem),
    });
    modem["modem"] = found.facts.as_ref().map_or(Value::Null, |facts| about(facts, shown));
    modem
}

fn about(facts: &Facts, shown: Shown) -> Value {
    json!({
        "manufacturer": known(&facts.manufacturer),
        "model": known(&facts.model),
        "revision": known(&facts.revision),
        "imei": known(&shown.identity(&facts.imei)),
        "imsi": known(&shown.identity(&facts.imsi)),
        "iccid": known(&shown.identity(&facts.iccid)),
        "registration": format!("{:?}", facts.registration).to_lowercase(),
        "operator": known(&facts.operator),
        "signal_dbm": facts.signal,
        "service_centre": shown.smsc(facts),
    })
}

fn problem(problem: &Problem) -> Value {
    json!({ "words": problem.to_string(), "advice": problem.advice() })
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
