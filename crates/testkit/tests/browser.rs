//! The real Chromium: it shows, clicks and tells, with and without scripts, and nothing outlives the handle.

use std::time::Duration;

use mtan_testkit::browser::{Browser, Settings};
use mtan_testkit::gateway::{Behaviour, Gateway};
use mtan_testkit::wait_until;

const PAGE: &str = "<!doctype html><html lang=en><title>before</title><label for=a>Name</label><input id=a autofocus>\
    <button id=b>Go</button><p id=c>no script</p><noscript>none</noscript>\
    <script>document.getElementById('c').textContent = 'script'; console.error('said');</script>";

/// A server whose every answer is [`PAGE`].
async fn shown(settings: Settings) -> (Gateway, Browser) {
    let gateway = Gateway::start().await;
    gateway.always(Behaviour::answer(200, PAGE).header("Content-Type", "text/html"));
    let browser = Browser::start(settings).await;
    browser.open(&gateway.url()).await;
    (gateway, browser)
}

#[tokio::test]
async fn a_page_is_shown_typed_into_and_read() {
    let (_gateway, browser) = shown(Settings { size: (320, 600), ..Settings::default() }).await;
    assert_eq!(browser.title().await, "before");
    assert_eq!(browser.text("#c").await, "script");
    assert_eq!(browser.focus().await, "a");
    browser.type_into("#a", "Ä b").await;
    assert_eq!(browser.evaluate("return document.getElementById('a').value").await, "Ä b");
    assert_eq!((browser.role("#a").await, browser.label("#a").await), ("textbox".into(), "Name".into()));
    assert_eq!(browser.evaluate("return innerWidth").await, 320);
    let console = browser.console().await;
    assert!(console.iter().any(|line| line.starts_with("SEVERE") && line.contains("said")), "{console:?}");
}

#[tokio::test]
async fn scripts_can_be_switched_off() {
    let (_gateway, browser) = shown(Settings { javascript: false, ..Settings::default() }).await;
    assert_eq!(browser.text("#c").await, "no script");
}

#[tokio::test]
async fn nothing_outlives_the_handle() {
    let (_gateway, browser) = shown(Settings::default()).await;
    let folder = browser.folder().to_owned();
    let ours = || {
        let name = folder.to_string_lossy().into_owned();
        let processes = std::fs::read_dir("/proc").expect("a Linux").flatten();
        let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| String::from_utf8_lossy(line).contains(&name)).count()
    };
    assert!(ours() > 1, "the browser runs");
    drop(browser);
    wait_until("the end of the browser", Duration::from_secs(10), async || match ours() {
        0 => Ok(()),
        n => Err(format!("{n} processes")),
    })
    .await;
    assert!(!folder.exists());
}
