//! The sample pages in a real browser: the whole stories, with a screenshot of each step under `target/screenshots`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mtan_testkit::browser::{Browser, Settings};
use mtan_testkit::wait_until;

use crate::house::{House, PATIENCE, Plan, code};

told_of_both!(
    a_pin_becomes_an_sms_and_its_code_a_welcome: Plan::default(),
    an_expired_code_is_no_welcome: Plan { validity: 4, ..Plan::default() },
    the_siblings_let_in_as_well: Plan { blocking: 0, ..Plan::default() },
    a_small_dark_german_phone_without_scripts_is_enough: Plan::default(),
);

const PHONE: &str = "+491701234567";
/// Nothing of a log line that is none of ours looks like it.
const PIN: &str = "Kuckuck4711";
const NO: &str = "That did not work. Check what you entered and try again.";
const SENT: &str = "A code is on its way to your phone.";
const WELCOME: &str = "PIN and code were right.";

/// WebDriver's keys.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// What a person who sees, a person who hears and a person with small hands need of every page; the list of what is missing.
const MISSING: &str = include_str!("pages/missing.js");

/// A browser at one page, and what is expected of it at every step.
struct Visit<'a> {
    browser: Browser,
    house: &'a House,
    page: &'static str,
    /// Where its screenshots go; counted.
    shots: PathBuf,
    steps: u32,
}

impl<'a> Visit<'a> {
    async fn begin(house: &'a House, settings: Settings, page: &'static str, name: &str) -> Visit<'a> {
        let form = if house.apart.is_some() { "distributed" } else { "embedded" };
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let shots = target.join("screenshots").join(form).join(name);
        let mut visit = Visit { browser: Browser::start(settings).await, house, page, shots, steps: 0 };
        visit.open().await;
        visit
    }

    async fn open(&mut self) {
        self.browser.open(&format!("{}{}", self.house.url(), self.page)).await;
        self.looked_at("empty", "user").await;
    }

    /// The page says `said`, the focus is at `focus`, and nothing is missing.
    async fn says(&mut self, step: &str, said: &str, focus: &str) {
        wait_until(said, PATIENCE, async || match self.browser.text("#said").await {
            now if now == said => Ok(()),
            now => Err(now),
        })
        .await;
        let role = if said == NO { "alert" } else { "status" };
        assert_eq!(self.browser.role("#said").await, role, "{said}");
        self.looked_at(step, focus).await;
    }

    async fn looked_at(&mut self, step: &str, focus: &str) {
        self.steps += 1;
        self.browser.screenshot(&self.shots.join(format!("{}-{step}.png", self.steps))).await;
        assert_eq!(self.browser.focus().await, focus, "{step}: the focus is where the next input is");
        let missing = self.browser.evaluate(MISSING).await;
        assert_eq!(missing, serde_json::json!([]), "{} {step}", self.page);
        let console = self.browser.console().await;
        assert!(console.is_empty(), "{} {step}: {console:?}", self.page);
        let url = self.browser.url().await;
        assert_eq!(url, format!("{}{}", self.house.url(), self.page), "nothing is in the address");
    }

    /// The code of the n-th SMS.
    async fn code(&self, n: usize) -> String {
        code(&self.house.sms_to(PHONE, n).await[n - 1])
    }
}

/// A code of the same length that is another one.
fn other_than(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { char::from(digit as u8 + 1) }).collect()
}

async fn a_pin_becomes_an_sms_and_its_code_a_welcome(house: House) {
    house.enrol("alice", PHONE, PIN).await;
    let mut visit = Visit::begin(&house, Settings::default(), "/auth/requestsms", "requestsms").await;
    assert_eq!(visit.browser.title().await, "Log in with a code by SMS");
    assert_eq!(visit.browser.label("#user").await, "User name");
    assert_eq!(visit.browser.label("#pin").await, "PIN");

    // by the keyboard alone
    visit.browser.type_at_focus(&format!("alice{TAB}")).await;
    visit.browser.type_at_focus(&format!("Kuckuck4712{ENTER}")).await;
    visit.says("wrong-pin", NO, "pin").await;
    assert!(visit.browser.title().await.starts_with("Not logged in: "));
    assert_eq!(house.gateway.attempts(), 0, "a wrong PIN sends nothing");

    visit.browser.type_at_focus(&format!("{PIN}{ENTER}")).await;
    visit.says("sent", SENT, "code").await;
    assert_eq!(visit.browser.title().await, "Enter the code");
    assert_eq!(visit.browser.label("#code").await, "Code");
    let code = visit.code(1).await;
    let page = visit.browser.source().await;
    assert!(!page.contains(&code) && !page.contains(PIN), "{page}");

    visit.browser.type_into("#code", &other_than(&code)).await;
    visit.browser.click("button").await;
    visit.says("wrong-code", NO, "code").await;

    visit.browser.type_into("#code", &format!("{} {}", &code[..3], &code[3..])).await;
    visit.browser.click("button").await;
    visit.says("welcome", WELCOME, "welcome").await;
    assert_eq!(visit.browser.text("h1").await, "Welcome, alice");

    visit.browser.click(".more a").await;
    visit.looked_at("again", "user").await;
    assert_eq!(house.gateway.attempts(), 1, "one SMS");
    let printed = house.printed();
    assert!(
        !printed.contains(&code) && !printed.contains(PIN) && printed.contains("auth_requestsms"),
        "{printed}"
    );
}

async fn an_expired_code_is_no_welcome(house: House) {
    house.enrol("alice", PHONE, PIN).await;
    let mut visit = Visit::begin(&house, Settings::default(), "/auth/requestsms", "expired").await;
    let begun = Instant::now();
    visit.browser.type_into("#user", "alice").await;
    visit.browser.type_into("#pin", &format!("{PIN}{ENTER}")).await;
    visit.says("sent", SENT, "code").await;
    let (code, sent) = (visit.code(1).await, Instant::now());
    wait_until("the code's expiry", PATIENCE, async || match sent.elapsed() {
        since if since > Duration::from_secs(4) => Ok(()),
        since => Err(format!("{since:?} of {:?}", begun.elapsed())),
    })
    .await;
    visit.browser.type_into("#code", &format!("{code}{ENTER}")).await;
    visit.says("expired", NO, "code").await;
    visit.browser.click(".more a").await;
    visit.looked_at("again", "user").await;
}

async fn the_siblings_let_in_as_well(house: House) {
    house.enrol("alice", PHONE, PIN).await;
    let mut one = Visit::begin(&house, Settings::default(), "/auth/index", "index").await;
    one.browser.type_into("#user", "alice").await;
    one.browser.type_into("#pin", &format!("{PIN}{ENTER}")).await;
    one.says("sent", SENT, "pin").await;
    let pass = format!("{PIN}{}", one.code(1).await);
    one.browser.type_into("#pin", &format!("{}{ENTER}", other_than(&pass))).await;
    one.says("wrong", NO, "pin").await;
    one.browser.type_into("#pin", &format!("{pass}{ENTER}")).await;
    one.says("welcome", WELCOME, "welcome").await;

    let mut three = Visit::begin(&house, Settings::default(), "/auth/index3", "index3").await;
    three.browser.type_into("#user", "alice").await;
    three.browser.type_into("#pin", &format!("{PIN}{ENTER}")).await;
    three.says("sent", SENT, "code").await;
    let code = three.code(2).await;
    three.browser.type_into("#code", &format!("{}{ENTER}", other_than(&code))).await;
    three.says("wrong", NO, "code").await;
    three.browser.type_into("#code", &format!("{code}{ENTER}")).await;
    three.says("welcome", WELCOME, "welcome").await;

    let mut last =
        Visit::begin(&house, Settings::default(), "/auth/challenge-response", "challenge-response").await;
    last.browser.type_into("#user", "alice").await;
    last.browser.type_into("#pin", &format!("{PIN}{ENTER}")).await;
    last.says("sent", SENT, "code").await;
    let shown = last.browser.evaluate("return document.getElementById('transactionid').value").await;
    assert_eq!(shown.as_str().unwrap().len(), 17, "{shown}");
    last.browser.type_into("#code", &format!("{}{ENTER}", last.code(3).await)).await;
    last.says("welcome", WELCOME, "welcome").await;
}

async fn a_small_dark_german_phone_without_scripts_is_enough(house: House) {
    house.enrol("alice", PHONE, PIN).await;
    let settings =
        Settings { javascript: false, size: (320, 640), languages: "de-DE,de".to_owned(), dark: true };
    let mut visit = Visit::begin(&house, settings, "/auth/requestsms", "small-dark-german").await;
    assert_eq!(visit.browser.title().await, "Anmelden mit Code per SMS");
    visit.browser.type_into("#user", "alice").await;
    visit.browser.type_into("#pin", PIN).await;
    visit.browser.click("button").await;
    visit.says("sent", "Ein Code ist unterwegs auf Ihr Telefon.", "code").await;
    visit.browser.type_into("#code", &visit.code(1).await).await;
    visit.browser.click("button").await;
    visit.says("welcome", "PIN und Code waren richtig.", "welcome").await;
    for page in ["/auth/index", "/auth/index3", "/auth/challenge-response"] {
        visit.page = page;
        visit.open().await;
    }
}
