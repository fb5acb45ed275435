//! The sections of the configuration.

use std::path::Path;
use std::time::Duration;

use mtan_daemon::Config;
use mtan_otp_api::{Compat, Settings};

fn read(text: &str) -> (Settings, Vec<String>) {
    let mut config = Config::parse(text, Path::new("."), []).unwrap();
    let settings = Settings::read(&mut config);
    let faults = config.finish().err().map(|e| e.to_string()).unwrap_or_default();
    (settings, faults.lines().map(str::to_owned).collect())
}

const SMS: &str = r#"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{"URL": "http://gateway.example/"}'
"#;

#[test]
fn an_empty_configuration_has_the_documented_defaults() {
    let (settings, faults) = read("");
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(settings.otp_api, Settings::default().otp_api);
    assert_eq!(
        (settings.otp_api.listen.as_str(), settings.otp_api.compat),
        ("127.0.0.1:8080", Compat::Linotp)
    );
    assert!(
        settings.admin.is_none() && settings.pools.is_empty() && settings.policies.default.route.is_empty()
    );
    assert_eq!((settings.policies.default.max_fail_count, settings.policies.default.digits.get()), (10, 6));
    assert_eq!(settings.policies.default.validity, Duration::from_secs(300));
    assert_eq!(settings.policies.default.blocking, Duration::from_secs(30));
}

#[test]
fn every_key_is_read() {
    let text = format!(
        r#"
[otp_api]
listen = "0.0.0.0:80"
compat = "plain"
simplecheck_bare = true
report_wait_ms = 1500
explain_hours = 12
default_realm = "home"
split_at_sign = false
[admin]
username = "root"
password = "s3cret"
[token]
MaxFailCount = 3
DefaultOtpLen = 8
pin_hash = "argon2id"
{SMS}SMSProviderTimeout = 120
SMSBlockingTimeout = 10
smstext = "Code: <otp>"
SMS_CHALLENGE_PROMPT = "Look at your phone"
[pools.backup]
SMSProvider = "SmtpSMSProvider"
SMSProviderConfig = '{{"mailserver": "x"}}'
[routing]
default = ["backup", "default"]
"#
    );
    let (settings, faults) = read(&text);
    assert!(faults.is_empty(), "{faults:?}");
    let section = &settings.otp_api;
    assert_eq!(
        (section.listen.as_str(), section.compat, section.report_wait_ms),
        ("0.0.0.0:80", Compat::Plain, 1500)
    );
    assert!(section.simplecheck_bare && !section.split_at_sign && section.default_realm == "home");
    let admin = settings.admin.as_ref().unwrap();
    assert_eq!((admin.username.as_str(), admin.password.as_str()), ("root", "s3cret"));
    let policy = &settings.policies.default;
    assert_eq!(
        (policy.max_fail_count, policy.digits.get(), policy.prompt.as_str()),
        (3, 8, "Look at your phone")
    );
    assert_eq!((policy.validity, policy.blocking), (Duration::from_secs(120), Duration::from_secs(10)));
    assert_eq!(policy.remembered, Duration::from_secs(12 * 3600));
    assert_eq!(policy.pin_scheme, mtan_verifier::PinScheme::Argon2id);
    let names = |pools: &[mtan_jobs::Pool]| pools.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&policy.route), ["backup", "default"]);
    assert_eq!(names(&settings.pools), ["default", "backup"]);
    assert!(!format!("{settings:?}").contains("s3cret"));
}

#[test]
fn every_mistake_is_named_at_once_with_its_key() {
    let (_, faults) = read(&format!(
        r#"
[otp_api]
report_wait_ms = 9001
explain_hours = 721
default_realm = ""
[admin]
username = "a:b"
[token]
MaxFailCount = 0
DefaultOtpLen = 9
{SMS}smstext = "{}"
SMS_CHALLENGE_PROMPT = "two\nlines"
"#,
        "x".repeat(2_000)
    ));
    for key in [
        "otp_api.report_wait_ms",
        "otp_api.explain_hours",
        "otp_api.default_realm",
        "admin.username",
        "admin.password",
        "token.MaxFailCount",
        "token.DefaultOtpLen",
        "sms.smstext",
        "sms.SMS_CHALLENGE_PROMPT",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(&format!("{key}: "))), "{key} in {faults:#?}");
    }
}

#[test]
fn half_an_administrator_is_a_mistake_and_none_is_not() {
    for (text, key) in [
        ("[admin]\nusername = \"admin\"", "admin.password: "),
        ("[admin]\npassword = \"s3cret\"", "admin.username: "),
        ("[admin]\nusername = \"admin\"\npassword = \"\"", "admin.password: "),
        ("[otp_api]\ncompat = \"linopt\"", "otp_api.compat: "),
        ("[token]\npin_hash = \"bcrypt\"", "token.pin_hash: "),
        ("[otp_api]\nlissten = \"x\"", "otp_api.lissten: "),
    ] {
        let (_, faults) = read(text);
        assert!(faults.len() == 1 && faults[0].starts_with(key), "{text}: {faults:?}");
        assert!(!faults[0].contains("s3cret"), "{faults:?}");
    }
}

#[test]
fn where_to_listen_is_an_address_or_a_host_with_a_port() {
    for good in [
        "0.0.0.0:80",
        "[::1]:8080",
        "[::]:0",
        "::1:8080",
        "fe80::1%eth0:80",
        "localhost:8080",
        "my-host.example:1",
    ] {
        let (_, faults) = read(&format!("[otp_api]\nlisten = \"{good}\""));
        assert!(faults.is_empty(), "{good}: {faults:?}");
    }
    for bad in [
        "",
        "nonsense",
        "127.0.0.1",
        "127.0.0.1:99999",
        "127.0.0.1:",
        ":8080",
        "8080",
        "localhost:http",
        "[::1]",
        "http://localhost:80",
        "local host:80",
        "1:2:3",
    ] {
        let (_, faults) = read(&format!("[otp_api]\nlisten = \"{bad}\""));
        assert!(faults.len() == 1 && faults[0].starts_with("otp_api.listen: "), "{bad}: {faults:?}");
    }
}
