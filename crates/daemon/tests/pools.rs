//! What the pools promise: `[sms]` first, then the rest in order, and every mistake under its key.

use std::fs;
use std::path::Path;

use mtan_daemon::{Config, pools, routing, sms};

const SEED: &str = r#"
[sms]
SMSProvider = "smsprovider.HttpSMSProvider.HttpSMSProvider"
SMSProviderConfig = '''{"URL": "http://gateway.example/send", "PARAMETER": {"from": "0170111111", "password": "hunter2"}}'''
SMSProviderTimeout = 300
"#;

fn config(text: &str) -> Config {
    Config::parse(text, Path::new("/etc/mtan"), []).expect("it is TOML")
}

fn mistakes(text: &str) -> Vec<String> {
    let mut config = config(text);
    pools(&mut config);
    config.finish().expect_err("a mistake was made").to_string().lines().map(str::to_owned).collect()
}

fn with_environment(text: &str, environment: &[(&str, &str)]) -> Config {
    let environment = environment.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Config::parse(text, Path::new("/etc/mtan"), environment).expect("it is TOML")
}

#[test]
fn no_configuration_is_no_pool() {
    let mut config = config("");
    assert_eq!(pools(&mut config), []);
    config.finish().unwrap();
}

#[test]
fn the_environment_alone_makes_the_pool_default() {
    let environment = [
        ("MTAN__SMS__SMSPROVIDER", "HttpSMSProvider"),
        ("MTAN__SMS__SMSPROVIDERCONFIG", r#"{"URL": "http://g/"}"#),
    ];
    let mut config = with_environment("", &environment);
    let pools = pools(&mut config);
    config.finish().unwrap();
    assert_eq!(pools.len(), 1);
    assert_eq!((pools[0].name.as_str(), pools[0].provider.as_str()), ("default", "HttpSMSProvider"));
}

#[test]
fn the_seeds_keys_make_the_pool_default_and_the_others_follow_in_order() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("backup.json"), "\u{feff}{\"mailserver\": \"localhost\"}\n").unwrap();
    let more = "[pools.zebra]\nSMSProvider = 'Http'\nSMSProviderConfig = '{}'\nmax_in_flight = 4\n\
                [pools.backup]\nSMSProvider = 'SmtpSMSProvider'\nSMSProviderConfig = { file = 'backup.json' }";
    let mut config = Config::parse(&format!("{SEED}{more}"), dir.path(), []).unwrap();
    let pools = pools(&mut config);
    let shape: Vec<_> = pools.iter().map(|p| (p.name.as_str(), p.key.as_str(), p.max_in_flight)).collect();
    assert_eq!(shape, [("default", "sms", 32), ("zebra", "pools.zebra", 4), ("backup", "pools.backup", 32)]);
    assert_eq!(pools[0].provider, "smsprovider.HttpSMSProvider.HttpSMSProvider");
    assert!(pools[0].config.starts_with("{\"URL\""));
    assert_eq!(pools[2].config, "{\"mailserver\": \"localhost\"}");
    assert_eq!(routing(&mut config, &pools), ["default", "zebra", "backup"]);
    config.finish().unwrap();
}

#[test]
fn routing_says_the_order() {
    let more = "[pools.backup]\nSMSProvider = 'x'\nSMSProviderConfig = '{}'\n[routing]\ndefault = ['backup', 'default']";
    let mut config = config(&format!("{SEED}{more}"));
    let pools = pools(&mut config);
    assert_eq!(routing(&mut config, &pools), ["backup", "default"]);
    config.finish().unwrap();
}

#[test]
fn routing_names_configured_pools_once() {
    let lines = mistakes(&format!("{SEED}[routing]\ndefault = ['default', 'bakup', 'default']"));
    assert_eq!(
        lines,
        [
            "routing.default[1]: no pool is called \"bakup\"; configured are: default",
            "routing.default[2]: this pool is named before already",
        ]
    );
}

#[test]
fn the_keys_of_a_provider_may_stand_in_a_table_too() {
    let text = "[sms]\nSMSProvider = 'x'\n[sms.SMSProviderConfig]\nURL = 'http://gw/'\nPARAMETER = { from = '0170', n = 7 }\n\
                [pools.inline]\nSMSProvider = 'x'\nSMSProviderConfig = { file = 'a', more = 1 }";
    let mut config = config(text);
    let pools = pools(&mut config);
    config.finish().unwrap();
    assert_eq!(pools[0].config, r#"{"PARAMETER":{"from":"0170","n":7},"URL":"http://gw/"}"#);
    assert_eq!(pools[1].config, r#"{"file":"a","more":1}"#, "no file: a key that its provider will refuse");
}

#[test]
fn every_mistake_of_every_pool_is_reported_at_once() {
    let lines = mistakes(
        "[sms]\nSMSProvider = 5\nSMSProviderConfig = '{\"URL\": 1'\nSMSProviderTimeout = 0\nsmstex = 'x'\n\
         [pools.Backup]\nSMSProvider = 'x'\n[pools.default]\nSMSProviderConfig = \"{'URL': 1}\"\n\
         [pools.file2]\nSMSProvider = 'x'\nSMSProviderConfig = { file = 'nowhere' }\n\
         [pools.number]\nSMSProvider = 'x'\nSMSProviderConfig = 7\n[routing]\ndefault = ['default', 'number']",
    );
    let expected = [
        "sms.smstex: no such key; did you mean smstext?",
        "sms.SMSProvider: a string is expected, found a whole number",
        "sms.SMSProviderTimeout: at least 1 second is expected",
        "sms.SMSProviderConfig: line 1, column 9 of the JSON: the text ends before the object does",
        "pools.Backup: a pool is named by 1 to 32 characters of a-z 0-9 _ -, a letter or digit first",
        "pools.Backup.SMSProviderConfig: is missing",
        "pools.default: there is a pool of this name already: [sms] makes it",
        "pools.default.SMSProvider: is missing",
        "pools.default.SMSProviderConfig: line 1, column 2 of the JSON: a single quote (')",
        "pools.file2.SMSProviderConfig: /etc/mtan/nowhere cannot be read: ",
        "pools.number.SMSProviderConfig: a JSON object as a string, a table of its keys, or { file = \"…\" }, is expected, found a whole number",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\nexpected: {expected}");
    }
}

#[test]
fn an_otp_lives_ten_minutes_at_most_unless_it_is_allowed_longer() {
    let timeout = |seconds: u64, allow: bool| {
        let mut config =
            config(&format!("[sms]\nSMSProviderTimeout = {seconds}\nallow_long_validity = {allow}"));
        sms(&mut config);
        config.finish().map_err(|error| error.to_string())
    };
    assert_eq!(timeout(600, false), Ok(()));
    assert_eq!(timeout(601, true), Ok(()));
    let error = timeout(601, false).unwrap_err();
    for part in ["sms.SMSProviderTimeout: ", "sms.allow_long_validity", "NIST SP 800-63B", "ten minutes"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(timeout(0, true).unwrap_err().starts_with("sms.SMSProviderTimeout: at least 1 second"));
}

#[test]
fn a_pool_may_come_from_the_environment() {
    let file = "[pools.my-pool]\nSMSProvider = 'x'\nSMSProviderConfig = '{}'";
    let mut config = with_environment(
        file,
        &[
            ("MTAN__POOLS__MY_POOL__SMSPROVIDER", "Smtp"),
            ("MTAN__POOLS__BACKUP__SMSPROVIDER", "Http"),
            ("MTAN__POOLS__BACKUP__SMSPROVIDERCONFIG", "{\"URL\": \"http://b/\"}"),
            ("MTAN__POOLS__BACKUP__MAX_IN_FLIGHT", "5"),
        ],
    );
    let pools = pools(&mut config);
    let shape: Vec<_> =
        pools.iter().map(|p| (p.name.as_str(), p.provider.as_str(), p.max_in_flight)).collect();
    assert_eq!(shape, [("my-pool", "Smtp", 32), ("backup", "Http", 5)]);
    config.finish().unwrap();
}

#[test]
fn the_json_may_lie_in_a_file_by_three_ways() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("p.json"), "{\"URL\": \"x\"}\n").unwrap();
    let path = dir.path().join("p.json").display().to_string();
    let ways: [(&str, Vec<(String, String)>); 3] = [
        ("SMSProviderConfig = { file = 'p.json' }", vec![]),
        ("SMSProviderConfig_file = 'p.json'", vec![]),
        ("SMSProviderConfig = '{}'", vec![("MTAN__SMS__SMSPROVIDERCONFIG__FILE".to_owned(), path)]),
    ];
    for (line, environment) in ways {
        let text = format!("[sms]\nSMSProvider = 'Http'\n{line}");
        let mut config = Config::parse(&text, dir.path(), environment).unwrap();
        assert_eq!(pools(&mut config)[0].config, "{\"URL\": \"x\"}", "{line}");
        config.finish().unwrap();
    }
}

#[test]
fn a_pool_never_prints_its_configuration() {
    let printed = format!("{:?}", pools(&mut config(SEED)));
    assert!(printed.contains("HttpSMSProvider") && !printed.contains("hunter2"), "{printed}");
}

#[test]
fn the_seeds_keys_at_the_top_are_sent_to_their_section() {
    for key in ["SMSProvider", "SMSProviderConfig", "SMSProviderTimeout", "SMSBlockingTimeout", "smstext"] {
        let lines = mistakes(&format!("{key} = 'x'"));
        assert_eq!(lines, [format!("{key}: no such key; it belongs into the section [sms]")]);
    }
}

#[test]
fn a_mistake_in_a_file_names_the_file_and_the_place_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.json");
    fs::write(&path, "{\n \"URL\": \"http://hush/\",\n 'x': 1}\n").unwrap();
    let text = "[pools.p]\nSMSProvider = 'x'\nSMSProviderConfig = { file = 'p.json' }";
    let mut config = Config::parse(text, dir.path(), []).unwrap();
    assert!(pools(&mut config).is_empty());
    let faults = config.finish().unwrap_err().to_string();
    let place = format!(
        "pools.p.SMSProviderConfig: {}: line 3, column 2 of the JSON: a single quote",
        path.display()
    );
    assert!(faults.contains(&place), "{faults}");
    assert!(!faults.contains("hush"), "{faults}");

    fs::write(&path, "{}").unwrap();
    let mut config = Config::parse(text, dir.path(), []).unwrap();
    assert_eq!(pools(&mut config)[0].file.as_deref(), Some(path.as_path()));
    config.finish().unwrap();
}

#[test]
fn a_pool_s_rate_and_breaker_have_defaults() {
    let pool = &pools(&mut config(SEED))[0];
    assert_eq!((pool.tps, pool.burst, pool.breaker_failures, pool.breaker_seconds), (None, 1, 5, 1));
    for (tps, burst) in [("0.5", 1), ("1", 1), ("2.5", 3), ("200", 200), ("99999.5", 65535)] {
        let mut config = config(&format!("{SEED}tps = {tps}"));
        let pools = pools(&mut config);
        config.finish().unwrap();
        assert_eq!((pools[0].tps, pools[0].burst), (Some(tps.parse().unwrap()), burst), "{tps}");
    }
}

#[test]
fn rate_and_breaker_are_configured_for_each_pool_also_from_the_environment() {
    let more = "tps = 10\nburst = 20\nbreaker_failures = 3\nbreaker_seconds = 30\n\
                [pools.backup]\nSMSProvider = 'x'\nSMSProviderConfig = '{}'\ntps = 0.25";
    let mut config = with_environment(
        &format!("{SEED}{more}"),
        &[("MTAN__POOLS__BACKUP__TPS", "1.5"), ("MTAN__SMS__BURST", "7")],
    );
    let pools = pools(&mut config);
    config.finish().unwrap();
    let shape: Vec<_> =
        pools.iter().map(|p| (p.tps, p.burst, p.breaker_failures, p.breaker_seconds)).collect();
    assert_eq!(shape, [(Some(10.0), 7, 3, 30), (Some(1.5), 2, 5, 1)]);
}

#[test]
fn a_rate_that_is_none_is_a_mistake() {
    let expected = "sms.tps: a number of SMS per second from 0.001 to 100000 is expected";
    for bad in ["0", "0.0", "-1", "-0.5", "nan", "inf", "100001", "'ten'", "true"] {
        let lines = mistakes(&format!("{SEED}tps = {bad}"));
        assert!(lines.len() == 1 && lines[0].starts_with(expected), "{bad}: {lines:?}");
    }
    for bad in ["burst = 0", "breaker_failures = 0", "breaker_seconds = 0"] {
        let lines = mistakes(&format!("{SEED}tps = 1\n{bad}"));
        assert!(lines[0].contains("a whole number from 1 to 65535 is expected"), "{bad}: {lines:?}");
    }
    let lines = mistakes(&format!("{SEED}burst = 5"));
    assert_eq!(lines, ["sms.burst: is nothing without sms.tps beside it"]);
}

#[test]
fn a_pool_knows_whether_others_stand_behind_it() {
    let more = "[pools.b]\nSMSProvider = 'x'\nSMSProviderConfig = '{}'\n\
                [pools.c]\nSMSProvider = 'x'\nSMSProviderConfig = '{}'\n";
    for (routing, behind) in [
        ("", ["default", "b"].as_slice()),
        ("[routing]\ndefault = ['c', 'default']", &["c"]),
        ("[routing]\ndefault = ['b']", &[]),
    ] {
        let pools = pools(&mut config(&format!("{SEED}{more}{routing}")));
        let names: Vec<&str> = pools.iter().filter(|p| p.others_behind).map(|p| p.name.as_str()).collect();
        assert_eq!(names, behind, "{routing}");
    }
}
