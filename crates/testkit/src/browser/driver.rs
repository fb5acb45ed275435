//! chromedriver: started on a port of its own, and what it is told about the browser.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Settings, wire};
use crate::tether::Tethered;
use crate::wait::POLL_INTERVAL;
use crate::{free_port, require};

/// For one look at the status.
const LOOK: Duration = Duration::from_secs(2);

/// A chromedriver that takes sessions, and its port.
pub(super) async fn start(folder: &Path, patience: Duration) -> (Tethered, u16) {
    let deadline = Instant::now() + patience;
    loop {
        // another port each time: somebody may have taken the last one between the look and the start
        let port = free_port();
        if let Some(process) = boot(port, folder, deadline).await {
            return (process, port);
        }
    }
}

/// One that is ready on `port`, or `None` if it ended at once, as it does when the port is taken.
async fn boot(port: u16, folder: &Path, deadline: Instant) -> Option<Tethered> {
    let mut process = spawn(port, folder);
    loop {
        let status = match wire::ask(port, "GET", "/status", &Value::Null, LOOK).await {
            Ok(status) if status["ready"] == true => return Some(process),
            Ok(status) => status.to_string(),
            Err(why) => why,
        };
        let ended = process.try_wait().expect("our own child can be waited for");
        assert!(
            Instant::now() < deadline,
            "chromedriver did not come up on {port}: {status}; {}",
            log(folder)
        );
        if ended.is_some() {
            return None;
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Everything that the two write goes into `folder`, and is gone with it.
fn spawn(port: u16, folder: &Path) -> Tethered {
    require("chromium", "chromium");
    let log = File::create(folder.join("chromedriver.log")).expect("the folder is ours");
    let mut command = Command::new(require("chromedriver", "chromium-driver"));
    command
        .arg(format!("--port={port}"))
        .envs([("HOME", folder), ("TMPDIR", folder), ("XDG_CONFIG_HOME", folder), ("XDG_CACHE_HOME", folder)])
        .env_remove("DISPLAY")
        .current_dir(folder)
        .stdout(Stdio::from(log))
        .stderr(Stdio::null());
    Tethered::spawn(&mut command, Some(folder)).expect("chromedriver starts")
}

/// The body of a new session: a window without a screen, a profile in `folder`, nothing asked of the network by itself.
pub(super) fn capabilities(folder: &Path, settings: &Settings) -> Value {
    let profile = folder.join("profile");
    let (width, height) = settings.size;
    let arguments = [
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(), // the sandbox refuses root, which runs tests in containers
        "--disable-gpu".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--no-default-browser-check".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--no-proxy-server".to_owned(),
        "--password-store=basic".to_owned(),
        format!("--window-size={width},{height}"),
        format!("--user-data-dir={}", profile.display()),
    ];
    // 1 = allowed, 2 = blocked
    let scripts = if settings.javascript { 1 } else { 2 };
    let preferences = json!({
        "intl.accept_languages": settings.languages,
        "profile.default_content_setting_values.javascript": scripts,
        "credentials_enable_service": false,
    });
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments, "prefs": preferences, "binary": require("chromium", "chromium") },
        "goog:loggingPrefs": { "browser": "ALL" },
    } } })
}

pub(super) fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("chromedriver.log")).unwrap_or_else(|error| format!("(no log: {error})"))
}
