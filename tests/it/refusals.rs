//! Processes that cannot start say why, all at once, and with the right exit code.

use mtan_testkit::process::Process;

use crate::house::{PATIENCE, binary};

async fn refused(program: &str, arguments: &[&str], config: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mtan.toml"), config).unwrap();
    let arguments = [&["--config", "mtan.toml"], arguments].concat();
    let mut process = Process::start_in(folder.path(), binary(program), &arguments, &[]);
    let status = process.wait(PATIENCE).await;
    (status.code(), process.lines().join("\n"))
}

const WRONG: &str = r#"
store = "postgres://db"
colour = "blue"

[otp_api]
listen = 8080
compatt = "linotp"

[sms]
SMSProvider = "smsprovider.HttpSMSProvider"
SMSProviderConfig = "{'URL': 'http://gateway.example/'}"
SMSProviderTimeout = 3600

[admin]
username = "admin"
password = "never-shown-0815"
passwort = "typo"
"#;

#[tokio::test]
async fn every_mistake_is_named_at_once_with_exit_code_2() {
    for (program, arguments) in
        [("mtan", &[][..]), ("mtan", &["config", "check"]), ("mtan-otp-api", &[]), ("mtan-sender-http", &[])]
    {
        let (code, text) = refused(program, arguments, WRONG).await;
        assert_eq!(code, Some(2), "{program} {arguments:?}: {text}");
        for key in ["store", "colour", "sms.SMSProviderConfig", "sms.SMSProviderTimeout"] {
            assert!(text.contains(key), "{program} {arguments:?} does not name {key}:\n{text}");
        }
        assert!(!text.contains("never-shown"), "{text}");
    }
    let (_, text) = refused("mtan", &[], WRONG).await;
    for key in ["otp_api.listen", "otp_api.compatt", "admin.passwort"] {
        assert!(text.contains(key), "{key} is missing:\n{text}");
    }
    assert!(text.contains("compat"), "with the nearest known name: {text}");
    assert!(text.contains("a single quote"), "{text}");
}

#[tokio::test]
async fn an_address_of_a_server_that_is_none_is_named_without_its_password() {
    let config = "store = \"redis://u:hush-1@host:port/x\"\nqueue = \"amqp://u:hush-2@broker:99999/\"\n";
    for arguments in [&[][..], &["config", "check"]] {
        let (code, text) = refused("mtan", arguments, config).await;
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("store: ") && text.contains("queue: "), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }
}

#[tokio::test]
async fn separate_processes_refuse_embedded_places_and_name_the_one_for_them() {
    let config = "[sms]\nSMSProvider = \"HttpSMSProvider\"\nSMSProviderConfig = '{\"URL\": \"http://127.0.0.1:9/\"}'\n";
    for program in ["mtan-otp-api", "mtan-sender-http"] {
        let (code, text) =
            refused(program, &[], &format!("queue = \"embedded:\"\nstore = \"embedded:x\"\n{config}")).await;
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("mtan up"), "{program}: {text}");
    }
}

#[tokio::test]
async fn without_its_server_key_the_api_does_not_start() {
    let config = r#"
store = "redis://127.0.0.1:1/"
queue = "amqp://127.0.0.1:1/"
server_key_file = "server.key"
[sms]
SMSProvider = "HttpSMSProvider"
SMSProviderConfig = '{"URL": "http://127.0.0.1:9/"}'
"#;
    let (code, text) = refused("mtan-otp-api", &[], config).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("mtan key new"), "{text}");
}

#[tokio::test]
async fn beside_shared_servers_there_is_no_demo() {
    let config = "store = \"redis://127.0.0.1:1/\"\nqueue = \"amqp://127.0.0.1:1/\"\n";
    let (code, text) = refused("mtan", &[], config).await;
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("sms.SMSProvider") && text.contains("server_key"), "{text}");
}

#[tokio::test]
async fn a_taken_port_and_a_missing_file_are_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (code, text) = refused("mtan", &[], &format!("[otp_api]\nlisten = \"{address}\"\n")).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&address), "{text}");

    let mut process = Process::start(binary("mtan"), &["--config", "nowhere.toml"], &[]);
    assert_eq!(process.wait(PATIENCE).await.code(), Some(2));
    assert!(process.lines().join("\n").contains("nowhere.toml"));
}

#[tokio::test]
async fn two_processes_never_share_one_embedded_file() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("MTAN__OTP_API__LISTEN", "127.0.0.1:0")];
    let mut first = Process::start_in(folder.path(), binary("mtan"), &[], &environment);
    first.wait_for_line("To send real SMS").await;
    let mut second = Process::start_in(folder.path(), binary("mtan"), &[], &environment);
    assert_eq!(second.wait(PATIENCE).await.code(), Some(1));
    assert!(second.lines().join("\n").contains("in use by another process"));
}

#[tokio::test]
async fn beside_an_existing_store_no_new_key_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [("MTAN__OTP_API__LISTEN", "127.0.0.1:0")];
    let mut mtan = Process::start_in(folder.path(), binary("mtan"), &[], &environment);
    mtan.wait_for_line("To send real SMS").await;
    mtan.kill();
    std::fs::remove_file(folder.path().join("mtan-data/server.key")).unwrap();
    mtan.restart();
    assert_eq!(mtan.wait(PATIENCE).await.code(), Some(1));
    let text = mtan.lines().join("\n");
    assert!(text.contains("no server key") && text.contains("mtan.redb"), "{text}");
}

#[tokio::test]
async fn help_and_version_help() {
    for (program, word) in [("mtan", "token"), ("mtan-otp-api", "--config"), ("mtan-sender-http", "--config")]
    {
        let mut process = Process::start(binary(program), &["--help"], &[]);
        assert!(process.wait(PATIENCE).await.success());
        assert!(process.stdout().join("\n").contains(word));
        let mut process = Process::start(binary(program), &["--version"], &[]);
        assert!(process.wait(PATIENCE).await.success());
        assert!(process.stdout()[0].starts_with(&format!("{program} ")));
    }
}
