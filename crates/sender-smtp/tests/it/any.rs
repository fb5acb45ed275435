//! No configuration and no answer can make it panic, or wait past its time-out.

use std::path::Path;
use std::time::{Duration, Instant};

use mtan_sender_smtp::SmtpConfig;
use mtan_testkit::smtp::{Act, Offer, SmtpSink, Stage};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{provider, send, word};

const KEYS: &[&str] = &[
    "mailserver",
    "mailserver_port",
    "mailsender",
    "mailto",
    "mailuser",
    "mailpassword",
    "subject",
    "body",
    "start_tls",
    "use_ssl",
    "SERVER_CERTIFICATE",
    "certfile",
    "keyfile",
    "charset",
    "encoding",
    "TIMEOUT",
    "MSISDN",
    "SUPPRESS_PREFIX",
    "NUMBER_FORMAT",
    "AMBIGUOUS",
    "Mailserver",
];

fn any_value() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "mail.example",
        "[::1]:25",
        "a@b",
        "<phone>@gw",
        "<otp>",
        "True",
        "7bit",
        "8bit",
        "utf-8",
        "latin1",
        "5,20",
        "digits",
        "never",
        "hunter2\r\n",
        "\u{0}",
        "",
    ]);
    prop_oneof![
        words.prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    let code = prop_oneof![Just(250), Just(354), Just(421), 200u16..600];
    prop_oneof![
        (code, "[ -~\n]{0,60}").prop_map(|(code, words)| Act::answer(code, &words)),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Act::raw(bytes).then_close()),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Act::raw),
        Just(Act::close()),
        Just(Act::reset()),
        Just(Act::silence()),
        ".{1,40}".prop_map(|line| Act::endless(&line)),
    ]
}

const STAGES: [Stage; 9] = [
    Stage::Greeting,
    Stage::Ehlo,
    Stage::Auth,
    Stage::Mail,
    Stage::Recipient,
    Stage::Data,
    Stage::Content,
    Stage::Dot,
    Stage::Reset,
];

proptest! {
    #[test]
    fn no_configuration_can_panic_and_no_fault_shows_a_value(
        values in prop::collection::hash_map(prop::sample::select(KEYS), any_value(), 0..12), text in ".{0,60}",
    ) {
        drop(SmtpConfig::from_json(&text, Path::new("/nowhere")));
        let json = serde_json::to_string(&values).unwrap();
        match SmtpConfig::from_json(&json, Path::new("/nowhere")) {
            Ok(config) => {
                let shown = format!("{config:?} {:?}", config.warnings());
                prop_assert!(!shown.contains("hunter2"), "{}", shown);
            }
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                prop_assert!(!format!("{faults:?}").contains("hunter2"), "{faults:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn no_answers_can_panic_or_outlive_the_time_out(
        acts in prop::collection::vec((prop::sample::select(STAGES.to_vec()), any_act()), 1..4), login in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let offer = if login { Offer::plain().with_login("u", "p") } else { Offer::plain() };
            let sink = SmtpSink::start(offer).await;
            for (stage, act) in acts {
                sink.always(stage, act);
            }
            let mut keys = json!({ "TIMEOUT": "0.2,0.3", "mailto": "<phone>@gw.test" });
            if login {
                keys["mailuser"] = "u".into();
                keys["mailpassword"] = "p".into();
            }
            let provider = provider(&sink, keys);
            for mails in 1..=2 {
                let started = Instant::now();
                let verdict = send(&provider).await;
                // with room for a loaded machine: the loop's own net is at 1 s more
                assert!(started.elapsed() < Duration::from_secs(3), "{:?} {verdict:?}", started.elapsed());
                let accepted = word(&verdict).starts_with("accepted");
                assert!(!accepted || !sink.mails().is_empty(), "{verdict:?}: and no mail came");
                assert!(sink.mails().len() <= mails);
            }
        });
    }
}
