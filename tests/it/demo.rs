//! The first minute: `mtan` without any configuration, and the lines that it prints.

use std::process::Command;
use std::time::Duration;

use mtan_testkit::process::Process;
use mtan_testkit::wait_until;

use crate::house::{PATIENCE, binary, client};

/// Runs a line that the banner tells to paste, as a shell would; what it prints.
fn paste(line: &str) -> String {
    let output = Command::new("sh").arg("-c").arg(line).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn banner(mtan: &mut Process) -> Vec<String> {
    mtan.wait_for_line("To send real SMS").await;
    mtan.stdout()
        .into_iter()
        .map(|line| line.trim().to_owned())
        .filter(|line| line.starts_with("curl "))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pasted_lines_lead_from_the_pin_to_the_used_up_code() {
    mtan_testkit::require("curl", "curl");
    let mut mtan = Process::start(binary("mtan"), &[], &[("MTAN__OTP_API__LISTEN", "127.0.0.1:0")]);
    let lines = banner(&mut mtan).await;
    let [trigger, answer, again] = lines.as_slice() else { panic!("three lines are expected: {lines:?}") };
    let url = trigger.split_whitespace().last().unwrap().strip_suffix("/validate/check").unwrap();
    assert!(paste(trigger).contains("sms submitted"));
    let page = format!("{url}/demo/phone/messages");
    wait_until("the SMS on the phone", PATIENCE, async || {
        let reply = client().get(&page).send().await.map_err(|e| e.to_string())?;
        let body = reply.text().await.map_err(|e| e.to_string())?;
        if body.contains("\"text\"") { Ok(()) } else { Err(body) }
    })
    .await;
    assert!(paste(answer).contains("\"value\":true"));
    assert!(paste(again).contains("\"value\":false"), "the same code is refused");

    let page = client().get(format!("{url}/")).send().await.unwrap();
    assert_eq!(page.url().path(), "/demo/phone");
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    mtan.interrupt();
    assert!(mtan.wait(Duration::from_secs(30)).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_makes_tokens_of_ones_own_and_outlives_a_kill() {
    let mut mtan = Process::start(binary("mtan"), &[], &[("MTAN__OTP_API__LISTEN", "127.0.0.1:0")]);
    let url = banner(&mut mtan).await[0].split_whitespace().last().unwrap().replace("/validate/check", "");
    let folder = mtan.folder().to_owned();
    let arguments =
        ["token", "init", "--server", &url, "--user", "alice", "--phone", "+12025550143", "--pin", "4711"];
    let mut init = Process::start_in(&folder, binary("mtan"), &arguments, &[]);
    assert!(init.wait(PATIENCE).await.success(), "{:?}", init.lines());
    assert!(init.stdout()[0].starts_with("LSSM"));

    mtan.kill();
    mtan.restart();
    let url = banner(&mut mtan).await[0].split_whitespace().last().unwrap().to_owned();
    let reply = client().post(&url).form(&[("user", "alice"), ("pass", "4711")]).send().await.unwrap();
    assert!(reply.text().await.unwrap().contains("sms submitted"), "the token is on disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_gateway_takes_the_demo_away() {
    let mut mtan = Process::start(binary("mtan"), &[], &[("MTAN__OTP_API__LISTEN", "127.0.0.1:0")]);
    banner(&mut mtan).await;
    let folder = mtan.folder().to_owned();
    mtan.terminate();
    assert!(mtan.wait(PATIENCE).await.success());
    let environment = [
        ("MTAN__OTP_API__LISTEN", "127.0.0.1:0"),
        ("MTAN__SMS__SMSPROVIDER", "HttpSMSProvider"),
        ("MTAN__SMS__SMSPROVIDERCONFIG", r#"{"URL": "http://127.0.0.1:9/"}"#),
    ];
    let mut real = Process::start_in(&folder, binary("mtan"), &[], &environment);
    let line = real.wait_for_line("address=127.0.0.1:").await;
    let address = line.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let url = format!("http://{address}/validate/check");
    let reply = client().post(&url).form(&[("user", "demo"), ("pass", "1234")]).send().await.unwrap();
    let reply = reply.text().await.unwrap();
    assert!(
        reply.contains("\"value\":false") && !reply.contains("detail"),
        "everybody knows that PIN: {reply}"
    );
    let page = client().get(format!("http://{address}/demo/phone")).send().await.unwrap();
    assert_eq!(page.status(), 404);

    // And it never comes back: codes of real users would stand on an open page.
    real.terminate();
    assert!(real.wait(PATIENCE).await.success());
    mtan.restart();
    assert_eq!(mtan.wait(PATIENCE).await.code(), Some(1));
    assert!(mtan.lines().join("\n").contains("no SMS gateway is configured"), "{:?}", mtan.lines());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_answers_to_names_of_this_machine_only() {
    let mut mtan = Process::start(binary("mtan"), &[], &[("MTAN__OTP_API__LISTEN", "127.0.0.1:0")]);
    let url = banner(&mut mtan).await[0].split_whitespace().last().unwrap().replace("/validate/check", "");
    for path in ["/demo/phone", "/demo/phone/messages", "/demo/phone/code"] {
        let request = client().get(format!("{url}{path}")).header("host", "evil.example");
        assert_eq!(request.send().await.unwrap().status(), 421, "{path}");
    }
}
