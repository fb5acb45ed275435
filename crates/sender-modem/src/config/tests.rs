//! Every key, and what is wrong with one.

use std::fs;

use mtan_sms::PhoneNumber;
use tempfile::TempDir;

use super::*;
use crate::gnokiirc::Place;

const SEED: &str = "[global]\nmodel = AT\nport = /dev/ttyACM1\nconnection = serial\n";

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("gnokiirc"), SEED).unwrap();
    fs::write(folder.path().join("pin"), "04711\n").unwrap();
    folder
}

fn read(json: &str) -> ModemConfig {
    let folder = folder();
    ModemConfig::from_json(json, folder.path()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn refusal(json: &str) -> String {
    let folder = folder();
    let faults = ModemConfig::from_json(json, folder.path()).unwrap_err();
    faults.iter().map(|fault| format!("{}: {}\n", fault.key, fault.message)).collect()
}

fn places(config: &ModemConfig) -> Vec<Place> {
    config.lines.iter().map(|line| line.place.clone()).collect()
}

fn port(path: &str) -> Place {
    Place::Port(path.to_owned())
}

#[test]
fn the_seeds_configuration_is_enough() {
    let config = read(r#"{"CONFIGFILE":"gnokiirc"}"#);
    assert_eq!(places(&config), [port("/dev/ttyACM1")]);
    assert!(config.pin.is_none() && config.smsc.is_none() && config.validity.is_none());
    assert!(config.status_reports && !config.reject_duplicates);
    assert_eq!((config.max_parts, config.sms_per_minute), (4, None));
    assert_eq!(config.warnings(), [""; 0]);
    assert!(config.state.ends_with("mtan-modem"), "{}", config.state.display());
}

#[test]
fn every_key_is_read() {
    let config = read(
        r#"{"PORTS": ["/dev/ttyUSB0", "/dev/serial/by-id/usb-HUAWEI*-if0[02]*", "tcp:192.0.2.7:4001"], "PIN": "04711",
            "SMSC": "+491710760000", "VALIDITY": 120, "STATUS_REPORTS": false, "REJECT_DUPLICATES": "True", "MAX_PARTS": "2",
            "SMS_PER_MINUTE": 10, "BALANCE": "*100#", "STATE": "state", "AMBIGUOUS": "never"}"#,
    );
    let patterns = [port("/dev/ttyUSB0"), port("/dev/serial/by-id/usb-HUAWEI*-if0[02]*")];
    assert_eq!(places(&config)[..2], patterns);
    assert_eq!(places(&config)[2], Place::Tcp("192.0.2.7:4001".to_owned()));
    assert_eq!(config.pin.as_ref().map(|pin| pin.as_str()), Some("04711"));
    assert!(config.smsc.as_ref().unwrap().is(&PhoneNumber::parse("+491710760000").unwrap()));
    assert_eq!(config.validity, Some(Duration::from_secs(120)));
    assert!(!config.status_reports && config.reject_duplicates);
    assert_eq!((config.max_parts, config.sms_per_minute), (2, Some(10)));
    assert_eq!((config.balance.as_deref(), config.ambiguous), (Some("*100#"), UnknownRule::Never));
    assert!(config.state.ends_with("state"));
    assert_eq!(read(r#"{"PORTS": "/dev/ttyUSB*", "PIN_file": "pin"}"#).pin.unwrap().as_str(), "04711");
}

#[test]
fn ports_take_the_place_of_the_files_and_keep_its_other_keys() {
    let folder = folder();
    let file = "[global]\nmodel = AT-HW\nconnection = serial\nserial_baudrate = 9600\n";
    fs::write(folder.path().join("gnokiirc"), file).unwrap();
    let json = r#"{"CONFIGFILE": "gnokiirc", "PORTS": ["/dev/a", "/dev/b"]}"#;
    let config = ModemConfig::from_json(json, folder.path()).unwrap();
    assert_eq!(places(&config), [port("/dev/a"), port("/dev/b")]);
    assert!(config.lines.iter().all(|line| line.baud_rate == 9600 && line.hardware_handshake));
}

#[test]
fn each_mistake_is_named_by_its_key_and_never_by_its_value() {
    for (json, expected) in [
        ("{}", "CONFIGFILE: is required, or PORTS"),
        (r#"{"CONFIGFILE": "nowhere"}"#, "CONFIGFILE: the file cannot be read"),
        (r#"{"CONFIGFILE": 3}"#, "CONFIGFILE: a string is expected"),
        (r#"{"configfile": "gnokiirc"}"#, "configfile: no such key; did you mean CONFIGFILE?"),
        (r#"{"PORTS": []}"#, "PORTS: a string or a list of strings is expected"),
        (r#"{"PORTS": "COM1"}"#, "PORTS: paths of serial ports"),
        (r#"{"PORTS": "tcp:host"}"#, "PORTS: paths of serial ports"),
        (r#"{"PORTS": "/dev/tty["}"#, "PORTS: a pattern with *, ? and […] is expected"),
        (r#"{"PORTS": ["/dev/a", "/dev/a"]}"#, "PORTS: the same port stands there twice"),
        (r#"{"PORTS": "/dev/a", "PHONES": "b"}"#, "PHONES: is nothing without CONFIGFILE"),
        (r#"{"CONFIGFILE": "gnokiirc", "PHONES": "b"}"#, "the section [phone_b] is missing"),
        (r#"{"PORTS": "/dev/a", "PIN": 987}"#, "PIN: the 4 to 8 digits"),
        (r#"{"PORTS": "/dev/a", "PIN": "98765432a"}"#, "PIN: the 4 to 8 digits"),
        (r#"{"PORTS": "/dev/a", "PIN": "9876", "PIN_file": "pin"}"#, "PIN_file: either PIN or PIN_file"),
        (r#"{"PORTS": "/dev/a", "PIN_file": "gnokiirc"}"#, "PIN_file: the 4 to 8 digits"),
        (r#"{"PORTS": "/dev/a", "SMSC": "987\" x"}"#, "SMSC: the number of a service centre"),
        (r#"{"PORTS": "/dev/a", "VALIDITY": 0}"#, "VALIDITY: a whole number of seconds from 1 to 38102400"),
        (r#"{"PORTS": "/dev/a", "MAX_PARTS": 11}"#, "MAX_PARTS: a whole number of SMS from 1 to 10"),
        (
            r#"{"PORTS": "/dev/a", "SMS_PER_MINUTE": 1.5}"#,
            "SMS_PER_MINUTE: a whole number of SMS from 1 to 600",
        ),
        (r#"{"PORTS": "/dev/a", "BALANCE": "*100#\",15\r"}"#, "BALANCE: a USSD code is expected"),
        (r#"{"PORTS": "/dev/a", "STATUS_REPORTS": "perhaps"}"#, "STATUS_REPORTS: true or false is expected"),
        (r#"{"PORTS": "/dev/a", "AMBIGUOUS": "hope"}"#, "AMBIGUOUS: resend, idempotent or never is expected"),
    ] {
        let refusal = refusal(json);
        assert!(refusal.contains(expected), "{expected}\nis missing in\n{refusal}");
        assert!(!refusal.contains("987"), "{refusal}");
    }
}

#[test]
fn mistakes_of_the_file_come_with_its_path_and_line() {
    let folder = folder();
    fs::write(folder.path().join("gnokiirc"), "[global]\nmodel = 6510\nport = x\nconnection = serial\n")
        .unwrap();
    let faults = ModemConfig::from_json(r#"{"CONFIGFILE": "gnokiirc"}"#, folder.path()).unwrap_err();
    let file = folder.path().join("gnokiirc");
    assert_eq!(faults.len(), 2, "{faults:?}");
    for (fault, line) in faults.iter().zip([2, 3]) {
        assert_eq!(fault.key, "CONFIGFILE");
        assert!(fault.message.starts_with(&format!("{}, line {line}: ", file.display())), "{fault:?}");
    }
}

#[test]
fn a_configuration_never_prints_the_pin() {
    let config = read(r#"{"PORTS": "/dev/a", "PIN": "04711"}"#);
    assert!(!format!("{config:?}").contains("04711"));
}

/// The page for people with a modem.
fn page() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/modem.md");
    fs::read_to_string(file).unwrap()
}

#[test]
fn the_page_explains_every_key_and_its_examples_are_taken() {
    let page = page();
    let examples: Vec<&str> =
        page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 2);
    for example in &examples {
        let config = read(example);
        assert_eq!(config.warnings(), [""; 0], "{example}");
    }
    for key in read::KNOWN.read {
        assert!(page.contains(&format!("| `{key}` |")), "{key} has no row");
    }
    let file = page.split("```ini\n").nth(1).unwrap().split("```").next().unwrap();
    let read = crate::gnokiirc::Gnokiirc::parse(file, "page", &[], true).unwrap();
    assert_eq!(read.warnings, Vec::<String>::new());
}
