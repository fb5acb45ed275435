//! gnokii, as LinOTP starts it, through the simulated modem: a check on the simulator by a program that is not ours.

use std::process::{Output, Stdio};

use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};
use mtan_testkit::require;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The seed's gnokiirc with the simulator's port.
async fn gnokii(sim: &ModemSim, to: &str, text: &str) -> Output {
    let config = sim.folder().join("gnokiirc");
    let port = sim.tty().unwrap(); // not its stable name: gnokii cuts a port off after 31 characters
    let words = format!("[global]\nmodel = AT\nport = {}\nconnection = serial\n", port.display());
    std::fs::write(&config, words).unwrap();
    let mut child = Command::new(require("gnokii", "gnokii-cli"))
        .arg("--config")
        .arg(&config)
        .args(["--sendsms", to])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).await.unwrap();
    child.wait_with_output().await.unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn gnokii_sends_through_it() {
    let sim = ModemSim::start(SimRules { first_reference: 41, ..SimRules::default() }).await;
    let output = gnokii(&sim, "+491701234567", "Your code is 123456, Grüße {€}").await;
    assert!(output.status.success(), "{output:?}\n{:?}", sim.commands());
    assert!(said(&output).contains("Send succeeded with reference 41!"), "{output:?}");
    let sms = sim.sms();
    assert_eq!(
        (sms[0].to.as_str(), sms[0].text.as_str()),
        ("+491701234567", "Your code is 123456, Grüße {€}")
    );
    assert_eq!((sms.len(), sms[0].parts), (1, 1));
}

#[tokio::test]
async fn gnokii_sees_a_refusal_of_the_network() {
    let sim = ModemSim::start(SimRules::default()).await;
    sim.next(1, ModemFault::Cms(38));
    let output = gnokii(&sim, "+491701234567", "hello").await;
    assert_eq!(output.status.code(), Some(8), "{output:?}\n{:?}", sim.commands());
    assert!(said(&output).contains("SMS Send failed"), "{output:?}");
    assert!(sim.sms().is_empty());
    let output = gnokii(&sim, "+491701234567", "hello").await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(sim.sms()[0].text, "hello");
}
