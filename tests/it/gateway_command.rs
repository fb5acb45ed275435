//! `mtan gateway` and `mtan config check`, as a person at a terminal meets them.

use std::path::Path;

use mtan_testkit::gateway::{Behaviour, Gateway};
use mtan_testkit::process::Process;
use tempfile::TempDir;

use crate::house::{PATIENCE, binary};

/// What a person must never see on a terminal: somebody looks over the shoulder.
const SECRETS: [&str; 5] =
    ["s3cret", "+491701234567", "491701234567", "a text for one pair of eyes", "7 pairs"];

async fn mtan(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut process = Process::start_in(folder, binary("mtan"), arguments, &[]);
    let status = process.wait(PATIENCE).await;
    (status.code(), process.lines().join("\n"))
}

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mtan.toml"), config).unwrap();
    folder
}

async fn check(folder: &TempDir) -> (Option<i32>, String) {
    mtan(folder.path(), &["--config", "mtan.toml", "config", "check"]).await
}

/// A Vonage account whose gateway is ours.
fn vonage(gateway: &Gateway) -> TempDir {
    folder(&format!(
        r#"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '''{{"PROFILE": "vonage", "URL": "http://{}/sms/json?token=s3cret",
  "PARAMETER": {{"api_key": "s3cret", "api_secret": "s3cret", "from": "Me"}}}}'''
"#,
        gateway.address()
    ))
}

async fn test_with(folder: &TempDir, further: &[&str]) -> (Option<i32>, String) {
    let common = ["--config", "mtan.toml", "gateway", "test", "--to", "+49 170 1234567"];
    mtan(folder.path(), &[&common, further].concat()).await
}

fn shows_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is shown:\n{text}");
    }
}

#[tokio::test]
async fn a_test_sends_one_sms_and_shows_no_secret() {
    let gateway = Gateway::start().await;
    let good = r#"{"message-count":"1","messages":[{"to":"491701234567","message-id":"0A1","status":"0"}]}"#;
    gateway.always(Behaviour::answer(200, good));
    let (code, text) = test_with(&vonage(&gateway), &["--text", "a text for one pair of eyes"]).await;
    assert_eq!(code, Some(0), "{text}");
    let requests = gateway.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].parameter("text"), Some("a text for one pair of eyes"));
    assert_eq!(requests[0].parameter("to"), Some("491701234567"));
    for words in [
        "POST http://127.0.0.1:",
        "/sms/json",
        "<text>",
        "api_secret",
        "+49…67",
        "accepted",
        "SUCCESS_JSON",
        "0A1",
    ] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
    shows_no_secret(&text);
}

#[tokio::test]
async fn a_refusal_is_explained_with_what_to_do() {
    let gateway = Gateway::start().await;
    let refused = |status: &str| {
        let words = "no thank you: a text for one pair of eyes, +491701234567";
        Behaviour::answer(200, format!(r#"{{"messages":[{{"status":"{status}","error-text":"{words}"}}]}}"#))
    };
    for (behaviour, words) in [
        (refused("4"), ["rejected", "gateway_auth_failed", "REFUSALS", "PASSWORD"]),
        (refused("7"), ["rejected", "number_rejected", "REFUSALS", "NUMBER_FORMAT"]),
        (refused("9"), ["rejected", "gateway_rejected", "SUCCESS_JSON", "no thank you"]),
        (Behaviour::answer(503, "later"), ["retry", "gateway_error", "HTTP 503", "try again"]),
        (
            Behaviour::redirect(301, "https://elsewhere/"),
            ["rejected", "redirect_refused", "HTTP 301", "set URL"],
        ),
        (Behaviour::close(), ["unknown", "no_answer", "nobody knows", "TIMEOUT"]),
    ] {
        gateway.next(1, behaviour);
        let (code, text) = test_with(&vonage(&gateway), &["--text", "a text for one pair of eyes"]).await;
        assert_eq!(code, Some(1), "{text}");
        for word in words {
            assert!(text.contains(word), "{word} is missing:\n{text}");
        }
        shows_no_secret(&text);
    }
}

#[tokio::test]
async fn a_test_says_what_it_cannot_do() {
    let gateway = Gateway::start().await;
    let folder = vonage(&gateway);
    let (code, text) = test_with(&folder, &["--pool", "backup"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("configured are: default"), "{text}");
    let common = ["--config", "mtan.toml", "gateway", "test", "--to"];
    let (code, text) = mtan(folder.path(), &[&common[..], &["0170"]].concat()).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("--to") && text.contains("country code"), "{text}");
    let (code, text) = test_with(&self::folder(""), &[]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("[sms]") && text.contains("mtan gateway list"), "{text}");
    assert_eq!(gateway.attempts(), 0);
}

#[tokio::test]
async fn list_and_show_need_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = mtan(folder.path(), &["gateway", "list"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("kannel") && text.contains("https://www.twilio.com/"), "{text}");
    let (code, text) = mtan(folder.path(), &["gateway", "show", "kannel"]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("PARAMETER.password: ") && text.contains("[sms]"), "{text}");
    let (code, text) = mtan(folder.path(), &["gateway", "show", "nexmo"]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("vonage") && text.contains("mtan gateway list"), "{text}");
}

#[tokio::test]
async fn config_check_names_every_mistake_of_every_provider_with_its_file() {
    let folder = folder(
        r#"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{"PROFILE": "twillio", "PASSWORD": "s3cret"}'
[pools.half]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{"PROFILE": "twilio", "PASSWORD": "s3cret", "PROXY": "ftp://s3cret@proxy"}'
[pools.typed]
SMSProvider = "HttpSmsProvider"
SMSProviderConfig = '{"URL": "http://127.0.0.1:9/"}'
[pools.broken]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = { file = "broken.json" }
[pools.filed]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = { file = "filed.json" }
[pools.gone]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = { file = "gone.json" }
"#,
    );
    std::fs::write(folder.path().join("broken.json"), "{\n  \"URL\": \"http://s3cret/\",\n  'x': 1\n}")
        .unwrap();
    let filed =
        r#"{"URL": "http://127.0.0.1:9/", "HTTP_Metod": "GET", "SERVER_CERTIFICATE": "no-such-ca.pem"}"#;
    std::fs::write(folder.path().join("filed.json"), filed).unwrap();
    let (code, text) = check(&folder).await;
    assert_eq!(code, Some(2), "{text}");
    for (key, words) in [
        ("sms.SMSProviderConfig.PROFILE", ["twilio", "mtan gateway list"]),
        ("pools.half.SMSProviderConfig.USERNAME", ["PROFILE twilio", "Account SID"]),
        ("pools.half.SMSProviderConfig.PARAMETER.From", ["MessagingServiceSid", "sender"]),
        ("pools.half.SMSProviderConfig.PROXY", ["http://", "https://"]),
        ("pools.typed.SMSProvider", ["HttpSMSProvider", "did you mean"]),
        ("pools.broken.SMSProviderConfig", ["broken.json", "line 3, column 3"]),
        ("pools.filed.SMSProviderConfig.HTTP_Metod", ["HTTP_Method", "filed.json"]),
        ("pools.filed.SMSProviderConfig.SERVER_CERTIFICATE", ["cannot be read", "filed.json"]),
        ("pools.gone.SMSProviderConfig", ["gone.json", "No such file"]),
    ] {
        let line = text.lines().find(|line| line.starts_with(&format!("{key}: ")));
        let line = line.unwrap_or_else(|| panic!("{key} is not named:\n{text}"));
        assert!(words.iter().all(|word| line.contains(word)), "{words:?}: {line}");
    }
    assert!(!text.contains("s3cret"), "{text}");
}

#[tokio::test]
async fn config_check_prints_warnings_and_calls_the_configuration_good() {
    let folder = folder(
        r#"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{"URL": "http://127.0.0.1:9/", "RETURN_SUCCESS": "ID", "RETURN_FAIL": "ERR"}'
[pools.backup]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{"URL": "http://127.0.0.1:9/", "RETURN_SUCCESS": ""}'
"#,
    );
    let (code, text) = check(&folder).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("warning: sms.SMSProviderConfig: RETURN_FAIL"), "{text}");
    assert!(text.contains("warning: pools.backup.SMSProviderConfig: RETURN_SUCCESS"), "{text}");
    assert!(text.contains("pools: default, backup"), "{text}");
}
