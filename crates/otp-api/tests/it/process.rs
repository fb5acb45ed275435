//! The program `mtan-otp-api` at its start.

use std::path::Path;
use std::process::{Command, Output};

use mtan_seal::ServerKey;

fn start(folder: &Path, config: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtan-otp-api"));
    command.args(arguments).env_clear().current_dir(folder);
    if let Some(config) = config {
        std::fs::write(folder.join("mtan.toml"), config).unwrap();
        command.args(["--config", "mtan.toml"]);
    }
    command.output().unwrap()
}

fn refused(config: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    ServerKey::create(&folder.path().join("server.key")).unwrap();
    let output = start(folder.path(), Some(config), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    said
}

const SMS: &str = "[sms]\nSMSProvider = \"HttpSMSProvider\"\nSMSProviderConfig = '{\"URL\": \"http://gateway.example/\"}'\n";

#[test]
fn help_and_version_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let version = start(folder.path(), None, &["--version"]);
    assert_eq!(
        String::from_utf8(version.stdout).unwrap(),
        concat!("mtan-otp-api ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = String::from_utf8(start(folder.path(), None, &["--help"]).stdout).unwrap();
    assert!(help.contains("--config <FILE>") && help.contains("mtan up"), "{help}");
}

#[test]
fn the_embedded_store_and_queue_are_refused_with_the_way_out() {
    let said = refused(&format!(
        "store = \"embedded:mtan-data\"\nqueue = \"embedded:\"\nserver_key_file = \"server.key\"\n{SMS}"
    ));
    for key in ["store: ", "queue: "] {
        let line = said
            .lines()
            .find(|line| line.trim_start().starts_with(key))
            .unwrap_or_else(|| panic!("{key} in {said}"));
        assert!(line.contains("`mtan up`"), "{line}");
    }
}

#[test]
fn a_missing_key_is_refused_and_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "store = \"redis://127.0.0.1:1/\"\nqueue = \"amqp://127.0.0.1:1\"\nserver_key_file = \"other.key\"\n{SMS}"
    );
    let output = start(folder.path(), Some(&config), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("server_key_file: ") && said.contains("mtan key new"), "{said}");
    assert!(!folder.path().join("other.key").exists());
}

#[test]
fn every_mistake_is_told_at_once() {
    let said = refused(
        "store = \"redis://\"\ncolour = 1\n[otp_api]\nlissten = \"x\"\n[admin]\npassword = \"s3cret\"\n",
    );
    for key in [
        "queue: ",
        "server_key_file: ",
        "sms.SMSProvider: ",
        "otp_api.lissten: ",
        "admin.username: ",
        "colour: ",
    ] {
        assert!(said.lines().any(|line| line.trim_start().starts_with(key)), "{key} in {said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
}
