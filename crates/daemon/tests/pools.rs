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
            "routing.default[1]: the name of a pool is expected; configured are: default",
            "routing.default[2]: this pool is named before already",
        ]
    );
}

#[test]
fn every_mistake_of_every_pool_is_reported_at_once() {
    let lines = mistakes(
        "[sms]\nSMSProvider = 5\nSMSProviderConfig = '{\"URL\": 1'\nSMSProviderTimeout = 0\nsmstex = 'x'\n\
         [pools.Backup]\nSMSProvider = 'x'\n[pools.default]\nSMSProviderConfig = \"{'URL': 1}\"\n\
         [pools.file]\nSMSProvider = 'x'\nSMSProviderConfig = { file = 'nowhere', more = 1 }\n\
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
        "pools.file.SMSProviderConfig.more: no such key",
        "pools.file.SMSProviderConfig: /etc/mtan/nowhere cannot be read: ",
        "pools.file2.SMSProviderConfig: /etc/mtan/nowhere cannot be read: ",
        "pools.number.SMSProviderConfig: a JSON object as a string, or { file = \"…\" }, is expected, found a whole number",
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
