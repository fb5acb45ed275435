//! Types, schemas and golden files say the same thing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use mtan_jobs::{
    DEFAULT_LIFE, MAX_BODY, MAX_LIFE, Outcome, PoisonReason, ReportCode, SendJob, SendReport, schema,
};
use mtan_sms::{PhoneNumber, SmsText};
use proptest::prelude::*;
use serde_json::{Value, json};

fn golden(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.into_iter().map(|p| (p.display().to_string(), fs::read(&p).unwrap())).collect()
}

fn validator(schema: &str) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(&serde_json::from_str(schema).unwrap()).unwrap()
}

#[test]
fn golden_jobs_parse_satisfy_the_schema_and_survive_a_round_trip() {
    let schema = validator(schema::SEND_JOB);
    for (name, body) in golden("jobs") {
        assert!(schema.is_valid(&serde_json::from_slice(&body).unwrap()), "{name}");
        let job = SendJob::from_json(&body).unwrap_or_else(|p| panic!("{name}: {}", p.summary()));
        assert_eq!(SendJob::from_json(&job.to_json()).unwrap(), job, "{name}");
        assert!(schema.is_valid(&serde_json::from_slice(&job.to_json()).unwrap()), "{name}");
    }
}

#[test]
fn the_full_golden_job_is_written_as_it_stands() {
    let (_, body) = golden("jobs").into_iter().find(|(name, _)| name.ends_with("full.json")).unwrap();
    let job = SendJob::from_json(&body).unwrap();
    let written: Value = serde_json::from_slice(&job.to_json()).unwrap();
    assert_eq!(written, serde_json::from_slice::<Value>(&body).unwrap());
}

#[test]
fn golden_poison_names_every_fault_and_never_a_value() {
    let found: Vec<_> = golden("poison")
        .into_iter()
        .map(|(name, body)| (name, SendJob::from_json(&body).expect_err("poison")))
        .collect();
    let by = |end: &str| &found.iter().find(|(name, _)| name.ends_with(end)).unwrap().1;

    let all = by("everything-wrong.json");
    assert_eq!(all.reason, PoisonReason::InvalidJob);
    let mut places: Vec<_> = all.faults.iter().map(|f| f.pointer.as_str()).collect();
    places.sort_unstable();
    let expected =
        ["/expires_at", "/id", "/otp", "/reference", "/route/0", "/route/1", "/route/3", "/text", "/to"];
    assert_eq!(places, expected);
    assert!(!all.summary().contains("123456"));

    let other = by("other-version.json");
    assert_eq!(other.reason, PoisonReason::UnknownVersion);
    assert_eq!(other.id.as_ref().unwrap().as_str(), "order-4711");

    let national = by("national-number.json");
    assert_eq!(national.reference.as_ref().unwrap().as_str(), "kept");
    assert!(!national.summary().contains("0170"));
}

#[test]
fn too_large_no_json_and_no_object_are_told_apart() {
    let reason = |body: &[u8]| SendJob::from_json(body).unwrap_err().reason;
    assert_eq!(reason(&vec![b' '; MAX_BODY + 1]), PoisonReason::BodyTooLarge);
    assert_eq!(reason(b"{'id': 1}"), PoisonReason::NotJson);
    assert_eq!(reason(b"[]"), PoisonReason::NotJson);
    assert_eq!(reason(b"\xff\xfe"), PoisonReason::NotJson);
    assert_eq!(reason(b""), PoisonReason::NotJson);
}

#[test]
fn eleven_segments_are_poison_and_ten_are_a_job() {
    let job = |length: usize| {
        let body = json!({"id": "a", "to": "+491701234567", "text": "x".repeat(length)});
        SendJob::from_json(&serde_json::to_vec(&body).unwrap())
    };
    assert_eq!(job(1530).unwrap().text.segments(), 10);
    assert_eq!(job(1531).unwrap_err().faults[0].pointer, "/text");
}

#[test]
fn golden_reports_parse_satisfy_the_schema_and_survive_a_round_trip() {
    let schema = validator(schema::SEND_REPORT);
    for (name, body) in golden("reports") {
        assert!(schema.is_valid(&serde_json::from_slice(&body).unwrap()), "{name}");
        let report = SendReport::from_json(&body).unwrap();
        assert_eq!(SendReport::from_json(&report.to_json()).unwrap(), report, "{name}");
        assert!(schema.is_valid(&serde_json::from_slice(&report.to_json()).unwrap()), "{name}");
    }
}

#[test]
fn the_schema_lists_exactly_the_outcomes_and_codes_of_the_types() {
    let schema: Value = serde_json::from_str(schema::SEND_REPORT).unwrap();
    let listed = |member: &str| -> Vec<String> {
        serde_json::from_value(schema["properties"][member]["enum"].clone()).unwrap()
    };
    assert_eq!(listed("outcome"), Outcome::ALL.iter().map(|o| o.as_str()).collect::<Vec<_>>());
    assert_eq!(listed("code"), ReportCode::ALL.iter().map(|c| c.as_str()).collect::<Vec<_>>());
    assert!(ReportCode::ALL.len() <= 30, "the list stays short enough to be read");
}

#[test]
fn every_code_is_documented_for_operators() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report-codes.md");
    let page = fs::read_to_string(page).unwrap();
    for code in ReportCode::ALL {
        assert!(page.contains(&format!("| `{code}` |")), "{code} is missing in docs/report-codes.md");
    }
}

#[test]
fn no_job_lives_for_more_than_a_week() {
    let published_at = Timestamp::from_second(1_764_000_000).unwrap();
    let life = |expires_at: Option<&str>| {
        let body = json!({ "id": "a", "to": "+491701234567", "text": "x", "expires_at": expires_at });
        let job =
            SendJob::from_json(body.to_string().as_bytes()).unwrap_or_else(|p| panic!("{}", p.summary()));
        std::time::Duration::try_from(job.deadline(published_at).duration_since(published_at)).unwrap()
    };
    assert_eq!(life(None), DEFAULT_LIFE);
    assert_eq!(life(Some("2025-11-24T16:05:00Z")).as_secs(), 300);
    assert_eq!(life(Some("2025-12-01T15:59:59Z")).as_secs(), MAX_LIFE.as_secs() - 1);
    for far in ["2025-12-01T16:00:01Z", "9999-12-30T00:00:00Z"] {
        assert_eq!(life(Some(far)), MAX_LIFE, "{far}");
    }
}

#[test]
fn a_job_never_prints_its_text_or_code() {
    let (_, body) = golden("jobs").into_iter().find(|(name, _)| name.ends_with("full.json")).unwrap();
    let shown = format!("{:?}", SendJob::from_json(&body).unwrap());
    assert!(!shown.contains("123456") && !shown.contains("4567"), "{shown}");
}

fn jobs() -> impl Strategy<Value = SendJob> {
    let pools = prop::sample::subsequence(vec!["default", "backup", "modem-1"], 0..=3);
    (
        "[A-Za-z0-9._~:-]{1,64}",
        "\\+[1-9][0-9]{6,13}",
        "[a-zA-Z0-9 €ü\"\\\\<>&]{1,60}",
        prop::option::of("[0-9]{6,8}"),
        pools,
        prop::option::of(0_i64..4_000_000_000_000),
        prop::option::of("[ -~]{0,255}"),
    )
        .prop_map(|(id, to, text, otp, route, expires, reference)| SendJob {
            id: id.parse().unwrap(),
            to: PhoneNumber::parse(&to).unwrap(),
            text: SmsText::new(text).unwrap(),
            otp,
            route: route.into_iter().map(|p| p.parse().unwrap()).collect(),
            expires_at: expires.map(|ms| Timestamp::from_millisecond(ms).unwrap()),
            reference: reference.map(|r| r.parse().unwrap()),
        })
}

proptest! {
    #[test]
    fn every_job_satisfies_the_schema_and_reads_back(job in jobs()) {
        let body = job.to_json();
        let value: Value = serde_json::from_slice(&body).unwrap();
        prop_assert!(validator(schema::SEND_JOB).is_valid(&value), "{value}");
        prop_assert_eq!(SendJob::from_json(&body).unwrap(), job);
    }

    #[test]
    fn no_bytes_make_the_readers_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(SendJob::from_json(&body).is_err());
        prop_assert!(SendReport::from_json(&body).is_err());
    }

    #[test]
    fn no_json_makes_the_reader_panic(
        v in any::<u64>(), id in any::<String>(), to in any::<String>(), text in any::<String>(), when in any::<String>(),
    ) {
        let body = json!({"v": v % 3, "id": id, "to": to, "text": text, "expires_at": when, "route": [text, to]});
        let body = serde_json::to_vec(&body).unwrap();
        if let Err(poison) = SendJob::from_json(&body) {
            prop_assert!(!poison.faults.is_empty());
        }
    }
}
