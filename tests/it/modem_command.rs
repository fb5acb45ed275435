//! `mtan modem`, as a person with a stick in hand meets it.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};
use mtan_testkit::process::Process;
use nix::fcntl::OFlag;
use serde_json::Value;
use tempfile::TempDir;

use crate::house::{PATIENCE, binary};

const NUMBER: &str = "+491701234567";
const TEXT: &str = "for one pair of eyes";
const PIN: &str = "4711";

/// What a person must never see on a terminal: somebody looks over the shoulder.
const SECRETS: [&str; 6] = ["491701234567", "490154203237500", "262011234567890", "710760000", PIN, TEXT];

/// A folder of stable names, which is the person's home too.
fn desk() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn stick(desk: &TempDir, name: &str, change: impl FnOnce(&mut SimRules)) -> ModemSim {
    let by_id = Some(desk.path().join("by-id"));
    std::fs::create_dir_all(desk.path().join("by-id")).unwrap();
    let mut rules = SimRules { by_id, link_name: Some(name.to_owned()), ..SimRules::default() };
    change(&mut rules);
    ModemSim::start(rules).await
}

struct Said {
    code: Option<i32>,
    out: String,
    all: String,
}

async fn mtan(desk: &TempDir, arguments: &[&str]) -> Said {
    let mut process = Process::start_in(desk.path(), binary("mtan"), arguments, &[]);
    let status = process.wait(PATIENCE).await;
    let said =
        Said { code: status.code(), out: process.stdout().join("\n"), all: process.lines().join("\n") };
    let shows_all = arguments.contains(&"--full");
    for secret in SECRETS.iter().filter(|_| !shows_all) {
        assert!(!said.all.contains(secret), "{secret} is shown:\n{}", said.all);
    }
    said
}

impl Said {
    #[track_caller]
    fn has(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.all);
        for word in words {
            assert!(self.all.contains(word), "{word} is missing:\n{}", self.all);
        }
    }

    /// The line that begins with the port of that name.
    #[track_caller]
    fn line_of(&self, name: &str, words: &[&str]) {
        let line = self.out.lines().find(|line| line.contains(name));
        let line = line.unwrap_or_else(|| panic!("{name} is missing:\n{}", self.all));
        words.iter().for_each(|word| assert!(line.contains(word), "{word} is missing: {line}"));
    }
}

/// Locked as another program would, such as a second daemon.
fn held(sim: &ModemSim) -> File {
    let tty = sim.tty().unwrap();
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(tty).unwrap();
    file.try_lock().unwrap();
    file
}

fn path(sim: &ModemSim) -> &str {
    sim.path().to_str().unwrap()
}

fn pattern(desk: &TempDir) -> String {
    format!("{}/by-id/*", desk.path().display())
}

fn pin_file(desk: &TempDir, pin: &str) {
    std::fs::write(desk.path().join("pin"), format!("{pin}\n")).unwrap();
}

#[tokio::test]
async fn a_scan_shows_each_modem_or_what_is_wrong_and_changes_nothing() {
    let desk = desk();
    let good = stick(&desk, "usb-Good-if00", |_| {}).await;
    let locked = stick(&desk, "usb-Locked-if00", |rules| {
        rules.imei = "490154203237501".to_owned();
        rules.pin = Some(PIN.to_owned());
    })
    .await;
    let lost = stick(&desk, "usb-Lost-if00", |rules| {
        rules.imei = "490154203237502".to_owned();
        rules.registration = 2;
    })
    .await;
    let busy = stick(&desk, "usb-Busy-if00", |rules| rules.imei = "490154203237503".to_owned()).await;
    let silent = stick(&desk, "usb-Silent-if01", |_| {}).await;
    silent.always(ModemFault::Silent);
    let _held = held(&busy);

    let said = mtan(&desk, &["modem", "scan", &pattern(&desk)]).await;
    said.has(0, &[]);
    said.line_of(
        "usb-Good",
        &[
            "Simulated MTAN-SIM",
            "IMEI …7500",
            "SIM …7890",
            "registered at home with Test Net",
            "-73 dBm, good",
        ],
    );
    said.line_of("usb-Locked", &["MTAN-SIM", "the SIM needs its PIN", "--pin-file"]);
    said.line_of(
        "usb-Lost",
        &["MTAN-SIM", "not registered with a network: looking for a network", "antenna"],
    );
    said.line_of("usb-Busy", &["is in use by", &format!("process {}", std::process::id())]);
    said.line_of("usb-Silent", &["no answer on"]);
    assert_eq!(said.out.lines().count(), 5, "{}", said.out);
    for sim in [&good, &locked, &lost] {
        for changing in ["AT+CPIN=", "AT+CNMI=", "AT+CMGF=", "AT+COPS=", "AT+CFUN=", "AT+CSCA=", "AT+CREG="] {
            assert_eq!(sim.count(changing), 0, "{changing}: {:?}", sim.commands());
        }
    }
    assert_eq!(busy.commands(), Vec::<String>::new());
}

#[tokio::test]
async fn two_ports_of_one_stick_are_one_line() {
    let desk = desk();
    let _first = stick(&desk, "usb-Stick-if00", |_| {}).await;
    let second = stick(&desk, "usb-Stick-if02", |_| {}).await;
    let said = mtan(&desk, &["modem", "scan", &pattern(&desk)]).await;
    said.line_of("usb-Stick-if00  ", &["also at", path(&second)]);
    assert_eq!(said.out.lines().count(), 1, "{}", said.out);
}

#[tokio::test]
async fn a_scan_that_finds_nothing_says_so() {
    let desk = desk();
    let said = mtan(&desk, &["modem", "scan", &pattern(&desk)]).await;
    said.has(1, &["No port of this machine matches"]);
    let said = mtan(&desk, &["modem", "scan", "/nowhere/ttyUSB0"]).await;
    said.has(1, &["/nowhere/ttyUSB0 is not there: is the modem plugged in?"]);
}

#[tokio::test]
async fn json_is_for_programs() {
    let desk = desk();
    let good = stick(&desk, "usb-Good-if00", |_| {}).await;
    let _locked = stick(&desk, "usb-Locked-if00", |rules| {
        rules.imei = "490154203237501".to_owned();
        rules.pin = Some(PIN.to_owned());
    })
    .await;
    let json = |said: &Said| -> Value { serde_json::from_str(&said.out).unwrap() };
    let modems = json(&mtan(&desk, &["modem", "scan", "--json", &pattern(&desk)]).await);
    let [first, second] = [&modems["modems"][0], &modems["modems"][1]];
    assert_eq!((&first["can_send"], &first["ports"][0]), (&true.into(), &path(&good).into()));
    assert_eq!((&first["modem"]["imei"], &first["modem"]["signal_dbm"]), (&"…7500".into(), &(-73).into()));
    assert_eq!(first["modem"]["registration"], "home");
    assert_eq!(
        (&second["can_send"], &second["problem"]["words"]),
        (&false.into(), &"the SIM needs its PIN".into())
    );

    let arguments = ["modem", "status", path(&good), "--json", "--full", "--balance", "*100#"];
    let status = json(&mtan(&desk, &arguments).await);
    assert_eq!(status["modems"][0]["balance"], "Balance: 12.34 EUR");
    assert_eq!(status["modems"][0]["modem"]["imsi"], "262011234567890");

    let arguments = ["modem", "send", "--port", path(&good), "--json", "--to", NUMBER, TEXT];
    let sent = json(&mtan(&desk, &arguments).await);
    assert_eq!(
        (&sent["verdict"], &sent["to"], &sent["reference"]),
        (&"accepted".into(), &"+49…67".into(), &"0".into())
    );
}

#[tokio::test]
async fn a_status_tells_everything_about_a_modem_and_its_card() {
    let desk = desk();
    let sim = stick(&desk, "usb-Good-if00", |rules| {
        rules.ussd.insert("*101#".to_owned(), format!("{NUMBER}: 7.50 EUR"));
    })
    .await;
    let said = mtan(&desk, &["modem", "status", path(&sim), "--balance", "*101#"]).await;
    said.has(
        0,
        &[
            "Simulated MTAN-SIM (1.0)",
            "…7500",
            "…7890",
            "registered at home with Test Net",
            "-73 dBm, good",
            "ready to send",
        ],
    );
    said.has(0, &["+…67: 7.50 EUR"]);
    let said = mtan(&desk, &["modem", "status", path(&sim), "--balance", "*999#"]).await;
    said.has(0, &["Balance   not told: the network refused the USSD code"]);
    let said = mtan(&desk, &["modem", "status", path(&sim), "--full"]).await;
    said.has(0, &["490154203237500", "262011234567890", "+491710760000"]);
}

#[tokio::test]
async fn a_pin_is_asked_for_used_and_a_wrong_one_never_tried_twice() {
    let desk = desk();
    let sim = stick(&desk, "usb-Locked-if00", |rules| rules.pin = Some(PIN.to_owned())).await;
    mtan(&desk, &["modem", "status", path(&sim)]).await.has(1, &["the SIM needs its PIN", "--pin-file"]);
    assert_eq!(sim.count("AT+CPIN="), 0);
    pin_file(&desk, "9999");
    let status = ["modem", "status", path(&sim), "--pin-file", "pin"];
    mtan(&desk, &status).await.has(1, &["cannot send: the SIM refused", "correct the PIN"]);
    mtan(&desk, &status).await.has(1, &["not tried again", "correct the PIN"]);
    assert_eq!((sim.count("AT+CPIN="), sim.pin_tries()), (1, 2));
    pin_file(&desk, PIN);
    mtan(&desk, &status).await.has(0, &["ready to send"]);
}

#[tokio::test]
async fn a_modem_without_a_network_says_which_way() {
    let desk = desk();
    let sim = stick(&desk, "usb-Lost-if00", |rules| rules.registration = 2).await;
    let arguments = ["modem", "status", path(&sim), "--register-within", "1"];
    mtan(&desk, &arguments).await.has(1, &["MTAN-SIM", "looking for a network", "antenna"]);
    sim.change(|rules| rules.registration = 3);
    mtan(&desk, &arguments).await.has(1, &["refused by the network", "contract, credit and roaming"]);
    let arguments = ["modem", "send", "--port", path(&sim), "--register-within", "1", "--to", NUMBER, TEXT];
    mtan(&desk, &arguments).await.has(1, &["refused by the network", "nothing was sent to +49…67"]);
    assert_eq!(sim.count("AT+CMGS"), 0);
}

#[tokio::test]
async fn an_sms_goes_out_once_and_its_delivery_is_waited_for() {
    let desk = desk();
    let sim = stick(&desk, "usb-Good-if00", |_| {}).await;
    let send = ["modem", "send", "--port", path(&sim), "--to", "+49 170 1234567", TEXT];
    mtan(&desk, &send)
        .await
        .has(0, &["1 SMS to +49…67", "accepted", "Reference 0", "the network took the SMS"]);
    let sms = sim.wait_for_sms(1).await;
    assert_eq!((sms[0].to.as_str(), sms[0].text.as_str()), (NUMBER, TEXT));

    let waiting = [&send[..], &["--wait", "30"]].concat();
    mtan(&desk, &waiting).await.has(0, &["Reference 1", "The phone has received it."]);
    sim.change(|rules| rules.reports = mtan_testkit::modem::Reports::failed());
    mtan(&desk, &waiting).await.has(1, &["accepted", "Not delivered: its validity period ended first."]);
    sim.change(|rules| rules.reports = mtan_testkit::modem::Reports::never());
    let said = mtan(&desk, &[&send[..], &["--wait", "1"]].concat()).await;
    said.has(0, &["accepted", "No delivery report within 1 s"]);
    assert_eq!(sim.sms().len(), 4);
}

#[tokio::test]
async fn a_refusal_is_explained_with_what_to_do() {
    let desk = desk();
    let sim = stick(&desk, "usb-Good-if00", |_| {}).await;
    for (code, words) in [
        (1, ["the network refused this number", "check the number"]),
        (21, ["because of the SIM or its contract", "check credit"]),
        (38, ["could not take the SMS now", "try again later"]),
        (330, ["knows no service centre", "--smsc"]),
    ] {
        sim.next(1, ModemFault::Cms(code));
        let said = mtan(&desk, &["modem", "send", "--port", path(&sim), "--to", NUMBER, TEXT]).await;
        said.has(1, &words);
        said.has(1, &[&format!("+CMS ERROR {code}")]);
    }
    assert_eq!(sim.sms().len(), 0);
}

#[tokio::test]
async fn a_modem_that_says_nothing_is_told_from_one_that_says_nothing_any_more() {
    let desk = desk();
    let sim = stick(&desk, "usb-Good-if00", |_| {}).await;
    let rc = format!("[global]\nmodel = AT\nport = {}\nconnection = serial\nsmsc_timeout = 1\n", path(&sim));
    std::fs::write(desk.path().join("gnokiirc"), rc).unwrap();
    configure(&desk, r#"{"CONFIGFILE": "gnokiirc"}"#);
    sim.next(1, ModemFault::SilentButSent);
    let said = mtan(&desk, &["--config", "mtan.toml", "modem", "send", "--to", NUMBER, TEXT]).await;
    said.has(1, &["unknown", "nobody knows whether it goes out", "look at the phone before"]);
    assert_eq!(sim.wait_for_sms(1).await.len(), 1);
    sim.always(ModemFault::Silent);
    let said = mtan(&desk, &["modem", "send", "--port", path(&sim), "--to", NUMBER, TEXT]).await;
    said.has(1, &["nothing answers AT on this port", "nothing was sent"]);
}

fn configure(desk: &TempDir, json: &str) {
    let text = format!("[sms]\nSMSProvider = \"DeviceSMSProvider\"\nSMSProviderConfig = '''{json}'''\n");
    std::fs::write(desk.path().join("mtan.toml"), text).unwrap();
}

#[tokio::test]
async fn a_configuration_names_the_ports_the_pin_and_the_code_for_the_balance() {
    let desk = desk();
    let sim = stick(&desk, "usb-Locked-if00", |rules| rules.pin = Some(PIN.to_owned())).await;
    pin_file(&desk, PIN);
    let pool = format!(
        r#"{{"PORTS": ["{}"], "PIN_file": "pin", "BALANCE": "*100#", "STATE": "state"}}"#,
        pattern(&desk)
    );
    configure(&desk, &pool);
    let status = ["--config", "mtan.toml", "modem", "status"];
    mtan(&desk, &status).await.has(0, &["ready to send", "Balance: 12.34 EUR"]);
    // the port by hand, the rest from the pool
    sim.unplug().await;
    sim.replug().await;
    let by_hand = [&status[..], &["--pool", "default", path(&sim)]].concat();
    mtan(&desk, &by_hand).await.has(0, &["ready to send"]);
    assert!(Path::new(&desk.path().join("state")).exists(), "what becomes of a PIN is kept in STATE");
    let other = [&status[..], &["--pool", "backup"]].concat();
    mtan(&desk, &other).await.has(2, &["--pool: no such pool of modems; configured are: default"]);
    let busy = held(&sim);
    mtan(&desk, &status).await.has(1, &["is in use by", "cannot send"]);
    drop(busy);
}

#[tokio::test]
async fn a_mistake_is_named_without_its_value_and_nothing_is_opened() {
    let desk = desk();
    let sim = stick(&desk, "usb-Good-if00", |_| {}).await;
    pin_file(&desk, "98765432109");
    for (arguments, words) in [
        (&["send", "--port", path(&sim), "--to", "0170123"][..], "--to: "),
        (&["send", "--port", path(&sim), "--to", NUMBER, ""], "TEXT: "),
        (&["send", "--to", NUMBER], "PORT: is required"),
        (&["status"], "PORT: is required"),
        (&["status", "COM1"], "PORT: paths of serial ports"),
        (&["status", path(&sim), "--pin-file", "nowhere"], "--pin-file: the file cannot be read"),
        (&["status", path(&sim), "--pin-file", "pin"], "--pin-file: the 4 to 8 digits"),
        (&["status", path(&sim), "--smsc", "987x"], "--smsc: the number of a service centre"),
        (&["status", path(&sim), "--balance", "987"], "--balance: a USSD code is expected"),
        (&["status", path(&sim), "--pool", "x"], "--pool: needs --config"),
        (&["scan", "/dev/tty["], "PORT: a pattern"),
    ] {
        let said = mtan(&desk, &[&["modem"], arguments].concat()).await;
        said.has(2, &[words]);
        assert!(!said.all.contains("987") && !said.all.contains("0170123"), "{}", said.all);
    }
    assert_eq!(sim.openings(), 0);
}
