//! The sections `[policy]` and `[realms.<name>]`.

use std::path::Path;
use std::time::Duration;

use mtan_daemon::Config;
use mtan_jobs::Pool;
use mtan_otp_api::Settings;
use mtan_verifier::{OtpPin, Policies, Policy, Template, UserRef};

/// Two pools, and rules of their own beside them.
fn read(text: &str) -> (Policies, Vec<String>) {
    let text = format!(
        r#"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{{"URL": "http://gateway.example/"}}'
SMSProviderTimeout = 120
smstext = "Code: <otp>"
[pools.backup]
SMSProvider = "SmtpSMSProvider"
SMSProviderConfig = '{{"mailserver": "x"}}'
[token]
MaxFailCount = 7
{text}"#
    );
    let mut config = Config::parse(&text, Path::new("."), []).unwrap();
    let policies = Settings::read(&mut config).policies;
    let faults = config.finish().err().map(|e| e.to_string()).unwrap_or_default();
    (policies, faults.lines().map(str::to_owned).collect())
}

fn of_realm(policies: &Policies, realm: &str) -> Policy {
    policies.of(Some(&UserRef::new("alice", realm).unwrap())).as_ref().clone()
}

#[test]
fn a_realm_says_only_what_is_different_there() {
    let (policies, faults) = read(
        r#"
[policy]
trigger_sms = true
detail_on_success = true
[realms.Work]
smstext = "Work: <otp>"
SMS_CHALLENGE_PROMPT = "Look at your phone"
SMSProviderTimeout = 60
SMSBlockingTimeout = 5
sms_provider = ["backup"]
MaxFailCount = 3
DefaultOtpLen = 8
otppin = "only_otp"
PrependPin = false
trigger_sms = false
caller_text = true
detail_on_fail = true
[realms.home]
"#,
    );
    assert!(faults.is_empty(), "{faults:?}");
    let basic = policies.default.as_ref().clone();
    assert!(basic.trigger_sms && basic.detail_on_success && !basic.caller_text && !basic.detail_on_fail);
    assert_eq!((basic.max_fail_count, basic.otppin, basic.prepend_pin), (7, OtpPin::TokenPin, true));
    let work = Policy {
        sms_text: Template::new("Work: <otp>").unwrap(),
        prompt: "Look at your phone".to_owned(),
        validity: Duration::from_secs(60),
        blocking: Duration::from_secs(5),
        route: vec!["backup".parse::<Pool>().unwrap()],
        max_fail_count: 3,
        digits: mtan_hotp::Digits::new(8).unwrap(),
        otppin: OtpPin::OnlyOtp,
        prepend_pin: false,
        trigger_sms: false,
        caller_text: true,
        detail_on_fail: true,
        ..basic.clone()
    };
    assert_eq!(of_realm(&policies, "WORK"), work, "upper and lower case are one realm");
    assert_eq!(of_realm(&policies, "home"), basic);
    assert_eq!(of_realm(&policies, "elsewhere"), basic);
}

#[test]
fn every_mistake_is_named_at_once_with_its_key() {
    let (_, faults) = read(&format!(
        r#"
[policy]
otppin = "ignore_pin"
smstext = "not here"
[realms.work]
smstext = "{}"
SMS_CHALLENGE_PROMPT = "two\nlines"
SMSProviderTimeout = 601
sms_provider = ["default", "pigeon"]
MaxFailCount = 0
DefaultOtpLen = 9
otppin = "password"
[realms.WORK]
SMSProviderTimeout = 0
sms_provider = []
[realms.home]
trigger_sms = "perhaps"
smstxt = "x"
"#,
        "x".repeat(2_000)
    ));
    for (key, why) in [
        ("policy.otppin", "everybody could have SMS sent to everybody"),
        ("policy.smstext", "no such key"),
        ("realms.work.smstext", "no SMS can be made of it"),
        ("realms.work.SMS_CHALLENGE_PROMPT", "one line"),
        ("realms.work.SMSProviderTimeout", "allow_long_validity"),
        ("realms.work.sms_provider", "no pool is called \"pigeon\"; configured are: default, backup"),
        ("realms.work.MaxFailCount", "at least 1"),
        ("realms.work.DefaultOtpLen", "6"),
        ("realms.work.otppin", "user store"),
        ("realms.WORK.SMSProviderTimeout", "at least 1 second"),
        ("realms.WORK.sms_provider", "at least one pool"),
        ("realms.home.trigger_sms", "true or false"),
        ("realms.home.smstxt", "smstext"),
    ] {
        let told = faults.iter().any(|fault| fault.starts_with(&format!("{key}: ")) && fault.contains(why));
        assert!(told, "{key}: {why} in {faults:#?}");
    }
    let twice = faults.iter().any(|fault| fault.contains("this realm has a section already"));
    assert!(twice, "{faults:#?}");
}

#[test]
fn linotp_s_numbers_are_names_too_and_other_words_are_refused() {
    for (text, otppin) in [("0", OtpPin::TokenPin), ("2", OtpPin::OnlyOtp), ("token_pin", OtpPin::TokenPin)] {
        let (policies, faults) = read(&format!("[policy]\notppin = \"{text}\""));
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(policies.default.otppin, otppin);
    }
    for text in ["1", "3", "ignore_pin", "password", "", "Token_PIN"] {
        let (_, faults) = read(&format!("[policy]\notppin = \"{text}\""));
        assert!(
            faults.len() == 1 && faults[0].starts_with("policy.otppin: token_pin or only_otp"),
            "{faults:?}"
        );
    }
}
