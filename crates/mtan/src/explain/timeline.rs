//! One timeline as a person reads it: what it is about, what happened in its order, and how it stands.

use std::fmt::Write;

use anyhow::Context;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mtan_jobs::SendReport;
use serde_json::Value;

use super::words;

/// Something that happened, and what is to be said with it.
struct Event {
    at: Timestamp,
    text: String,
    more: Vec<String>,
}

impl Event {
    fn new(at: Timestamp, text: impl Into<String>) -> Event {
        Event { at, text: text.into(), more: Vec::new() }
    }
}

/// Width of a time and of the seconds since the request, so that the words stand below each other.
const INDENT: &str = "                                         ";

/// The text of one timeline, with a line end.
pub(super) fn told(timeline: &Value, zone: &TimeZone) -> anyhow::Result<String> {
    let requested = time(&timeline["requested_at"]);
    let reports = reports(timeline)?;
    let mut events = events(timeline, zone);
    events.extend(reports.iter().map(reported));
    events.sort_by_key(|event| event.at);

    let mut text = format!("{}\n", heading(timeline, &reports));
    for Event { at, text: said, more } in events {
        let since = requested.map(|since| seconds(since, at)).unwrap_or_default();
        writeln!(text, "  {}  {since:>10}  {said}", local(at, zone))?;
        more.iter().try_for_each(|line| writeln!(text, "{INDENT} {line}"))?;
    }
    for line in standing(timeline, &reports, zone) {
        writeln!(text, "  {line}")?;
    }
    Ok(text)
}

fn heading(timeline: &Value, reports: &[SendReport]) -> String {
    let job = word(&timeline["job_id"]);
    let Some(to) = timeline["to"].as_str() else {
        let reference = reports.iter().find_map(|report| report.reference.as_ref());
        let theirs = reference.map(|r| format!(", reference {}", clean(r.as_str()))).unwrap_or_default();
        return format!("SMS of another publisher: job {job}{theirs}");
    };
    let user = match (timeline["user"].as_str(), timeline["realm"].as_str()) {
        (Some(user), Some(realm)) => format!(" for {}@{}", clean(user), clean(realm)),
        _ => String::new(),
    };
    let (serial, transaction) = (word(&timeline["serial"]), word(&timeline["transaction"]));
    format!("SMS to {}{user}: token {serial}, transaction {transaction}, job {job}", clean(to))
}

/// What happened on our side.
fn events(timeline: &Value, zone: &TimeZone) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(at) = time(&timeline["requested_at"]) {
        let until = time(&timeline["expires_at"]).map(|at| local(at, zone)).unwrap_or_default();
        let route: Vec<String> = list(&timeline["route"]).iter().map(word).collect();
        let text = format!("asked for; by pool {}; the code counts until {until}", route.join(", then "));
        events.push(Event::new(at, text));
    }
    if let Some(at) = time(&timeline["confirmed_at"]) {
        events.push(Event::new(at, "the queue confirmed the job"));
    }
    let expires = time(&timeline["expires_at"]);
    for at in list(&timeline["wrong_tries"]).iter().filter_map(time) {
        let late = expires.is_some_and(|expires| at >= expires);
        events.push(Event::new(
            at,
            if late { "an answer after the code had expired" } else { "a wrong answer" },
        ));
    }
    let ended = match timeline["state"].as_str() {
        Some("used") => "the right answer: the code is used up",
        Some("replaced") => "another SMS was asked for: this code counts no more",
        Some("changed") => "the token was changed: this code counts no more",
        Some("sibling") => "the code of another token of the user was the answer: this one counts no more",
        Some("expired") => "the code expired unused",
        _ => return events,
    };
    events.extend(time(&timeline["ended_at"]).map(|at| Event::new(at, ended)));
    events
}

fn reported(report: &SendReport) -> Event {
    let (meaning, remedy) = words::meaning(report);
    let mut event = Event::new(report.at, format!("{}: {meaning}", report.outcome));
    let mut facts = vec![format!("pool {}, {}", report.pool, clean(&report.provider))];
    if report.outcome.is_final() {
        facts.push(counted(report.attempts, "try", "tries"));
        facts.push(counted(u32::from(report.segments), "segment", "segments"));
    }
    facts.extend(report.gateway_id.as_ref().map(|id| format!("gateway's id {}", clean(id))));
    facts.push(format!("code {}", report.code));
    event.more.push(facts.join(", "));
    event.more.extend(report.detail.as_ref().map(|words| format!("in its words: {}", clean(words))));
    event.more.extend(remedy.map(|remedy| format!("what to do: {remedy}")));
    event
}

/// What has not happened yet.
fn standing(timeline: &Value, reports: &[SendReport], zone: &TimeZone) -> Vec<String> {
    let mut lines = Vec::new();
    let is_final = reports.iter().any(|report| report.outcome.is_final());
    if timeline["in_outbox"] == true {
        lines
            .push("It lies in the outbox: the queue has not confirmed it yet (is the broker up?)".to_owned());
    } else if !is_final {
        lines.push("No sender has reported on it yet (is a sender of its pools running?)".to_owned());
    }
    if timeline["state"] == "open" {
        let until = time(&timeline["expires_at"]).map(|at| local(at, zone)).unwrap_or_default();
        lines.push(format!("The code waits for its answer until {until}"));
    }
    lines
}

fn reports(timeline: &Value) -> anyhow::Result<Vec<SendReport>> {
    let read = |report: &Value| SendReport::from_json(report.to_string().as_bytes());
    let reports: Result<Vec<_>, _> = list(&timeline["reports"]).iter().map(read).collect();
    reports.context("a report in the server's answer: is it a newer version?")
}

fn counted(number: u32, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `+2.1 s`, or `-0.4 s` where two clocks differ.
fn seconds(since: Timestamp, at: Timestamp) -> String {
    format!("{:+.1} s", at.duration_since(since).as_secs_f64())
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn word(value: &Value) -> String {
    clean(value.as_str().unwrap_or("unknown"))
}

/// Words of others on one line, and nothing in them that a terminal would obey.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;
    use serde_json::json;

    use super::*;

    fn zone() -> TimeZone {
        TimeZone::fixed(Offset::constant(1))
    }

    fn report(outcome: &str, code: &str, at: &str) -> Value {
        json!({"v": 1, "job_id": "j1", "pool": "backup", "provider": "http", "outcome": outcome, "code": code,
            "detail": "ID: \u{1b}[31m4711", "gateway_id": "4711", "attempts": 2, "segments": 1, "at": at})
    }

    fn ours(state: &str) -> Value {
        json!({
            "job_id": "j1", "transaction": "12345678901234567", "serial": "LSSM1", "user": "alice", "realm": "home",
            "to": "+49…67", "route": ["default", "backup"], "requested_at": "2026-11-23T18:15:00Z",
            "expires_at": "2026-11-23T18:20:00Z", "wrong_tries": ["2026-11-23T18:15:20Z", "2026-11-23T18:20:01Z"],
            "state": state, "ended_at": "2026-11-23T18:20:00Z", "confirmed_at": "2026-11-23T18:15:00.040Z",
            "in_outbox": false,
            "reports": [report("accepted", "gateway_accepted", "2026-11-23T18:15:02.120Z"),
                report("delivered", "delivery_report", "2026-11-23T18:15:09Z")],
        })
    }

    #[test]
    fn a_timeline_reads_from_the_request_to_the_end() {
        let expected = "\
SMS to +49…67 for alice@home: token LSSM1, transaction 12345678901234567, job j1
  2026-11-23 19:15:00 +01:00      +0.0 s  asked for; by pool default, then backup; the code counts until 2026-11-23 19:20:00 +01:00
  2026-11-23 19:15:00 +01:00      +0.0 s  the queue confirmed the job
  2026-11-23 19:15:02 +01:00      +2.1 s  accepted: the gateway took the SMS
                                          pool backup, http, 2 tries, 1 segment, gateway's id 4711, code gateway_accepted
                                          in its words: ID:  [31m4711
  2026-11-23 19:15:09 +01:00      +9.0 s  delivered: the SMS reached the phone
                                          pool backup, http, gateway's id 4711, code delivery_report
                                          in its words: ID:  [31m4711
  2026-11-23 19:15:20 +01:00     +20.0 s  a wrong answer
  2026-11-23 19:20:00 +01:00    +300.0 s  the code expired unused
  2026-11-23 19:20:01 +01:00    +301.0 s  an answer after the code had expired
";
        assert_eq!(told(&ours("expired"), &zone()).unwrap(), expected);
    }

    #[test]
    fn each_end_has_its_words_and_an_open_code_its_time() {
        for (state, words) in [
            ("used", "the code is used up"),
            ("replaced", "another SMS was asked for"),
            ("changed", "the token was changed"),
            ("sibling", "the code of another token of the user"),
            ("open", "The code waits for its answer until 2026-11-23 19:20:00 +01:00"),
        ] {
            let text = told(&ours(state), &zone()).unwrap();
            assert!(text.contains(words), "{state}: {text}");
            assert!(!text.contains("expired unused"), "{state}: {text}");
        }
    }

    #[test]
    fn what_has_not_happened_is_said() {
        let mut waiting = ours("open");
        waiting["reports"] = json!([]);
        let text = told(&waiting, &zone()).unwrap();
        assert!(text.contains("No sender has reported"), "{text}");
        waiting["in_outbox"] = json!(true);
        waiting["confirmed_at"] = Value::Null;
        let text = told(&waiting, &zone()).unwrap();
        assert!(text.contains("lies in the outbox") && !text.contains("confirmed the job"), "{text}");
    }

    #[test]
    fn a_job_of_another_publisher_shows_its_reports() {
        let mut rejected = report("rejected", "number_rejected", "2026-11-23T18:15:02Z");
        rejected["reference"] = json!("order\u{7}7");
        let theirs = json!({"job_id": "j1", "in_outbox": false, "reports": [rejected]});
        let text = told(&theirs, &zone()).unwrap();
        assert!(text.starts_with("SMS of another publisher: job j1, reference order 7\n"), "{text}");
        assert!(text.contains("rejected: the number itself was refused"), "{text}");
        assert!(text.contains("what to do: correct the token's phone number"), "{text}");
    }

    #[test]
    fn every_code_has_words() {
        for code in mtan_jobs::ReportCode::ALL {
            let mut one = ours("open");
            one["reports"] = json!([report("rejected", code.as_str(), "2026-11-23T18:15:02Z")]);
            let text = told(&one, &zone()).unwrap();
            assert!(text.contains(code.as_str()), "{text}");
        }
    }
}
