//! A real browser for one test: Debian's Chromium without a screen, moved through chromedriver (W3C WebDriver).

mod driver;
mod wire;

use std::fs;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tether::Tethered;
use crate::wait_until;

/// From start to a window, with room for a loaded machine.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// For an element to be there, a page to have come.
const PATIENCE: Duration = Duration::from_secs(20);

/// The member that holds an element's name, WebDriver §12.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How a browser is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether pages may run scripts. Default true.
    pub javascript: bool,
    /// The window's inside, in CSS pixels. Default 1000 × 800.
    pub size: (u32, u32),
    /// `Accept-Language`, such as `de-DE,de`. Default `en-US,en`.
    pub languages: String,
    /// Whether pages are asked to be dark. Default false.
    pub dark: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { javascript: true, size: (1000, 800), languages: "en-US,en".to_owned(), dark: false }
    }
}

/// A Chromium with a profile of its own, and the chromedriver that moves it. Dropped = both killed.
#[derive(Debug)]
pub struct Browser {
    _process: Tethered, // dropped before the folder
    port: u16,
    session: String,
    folder: TempDir,
}

impl Browser {
    /// Starts one with a blank page.
    ///
    /// # Panics
    /// When `chromium` or `chromedriver` is missing (with the command that installs it) or no window opens in 60 s.
    pub async fn start(settings: Settings) -> Browser {
        let folder = tempfile::Builder::new().prefix("mtan-browser-").tempdir().expect("a temporary folder");
        let (process, port) = driver::start(folder.path(), START_DEADLINE).await;
        let wanted = driver::capabilities(folder.path(), &settings);
        let opened = wire::ask(port, "POST", "/session", &wanted, START_DEADLINE).await;
        let opened = opened.unwrap_or_else(|why| panic!("no window: {why}; {}", driver::log(folder.path())));
        let session = opened["sessionId"].as_str().expect("a new session has a name").to_owned();
        let browser = Browser { _process: process, port, session, folder };
        browser.set_up(&settings).await;
        browser
    }

    /// Opens an address and waits until it has loaded.
    pub async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// The address of the page.
    pub async fn url(&self) -> String {
        text(&self.get("/url").await)
    }

    /// The title of the page.
    pub async fn title(&self) -> String {
        text(&self.get("/title").await)
    }

    /// The page as it is now, as HTML.
    pub async fn source(&self) -> String {
        text(&self.get("/source").await)
    }

    /// Types into an element, as with a keyboard.
    pub async fn type_into(&self, css: &str, keys: &str) {
        self.on(css, "POST", "value", &json!({ "text": keys })).await;
    }

    /// Types at whatever has the focus; `\u{e004}` is Tab, `\u{e007}` Enter.
    pub async fn type_at_focus(&self, keys: &str) {
        let active = text(&self.get("/element/active").await[ELEMENT]);
        self.post(&format!("/element/{active}/value"), json!({ "text": keys })).await;
    }

    /// Clicks an element; a page that this leads to has loaded when it returns.
    pub async fn click(&self, css: &str) {
        self.on(css, "POST", "click", &json!({})).await;
    }

    /// What an element shows.
    pub async fn text(&self, css: &str) -> String {
        text(&self.on(css, "GET", "text", &Value::Null).await)
    }

    /// The `id` of the element that has the focus; empty if it has none.
    pub async fn focus(&self) -> String {
        let active = text(&self.get("/element/active").await[ELEMENT]);
        let id = self.get(&format!("/element/{active}/property/id")).await;
        id.as_str().unwrap_or_default().to_owned()
    }

    /// The role of an element as a screen reader is told it.
    pub async fn role(&self, css: &str) -> String {
        text(&self.on(css, "GET", "computedrole", &Value::Null).await)
    }

    /// The name of an element as a screen reader is told it.
    pub async fn label(&self, css: &str) -> String {
        text(&self.on(css, "GET", "computedlabel", &Value::Null).await)
    }

    /// The value of a script's `return`, run by the test and not by the page.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// What the browser's console has said since the last look: errors of scripts, of requests, and of the page's
    /// Content-Security-Policy.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", json!({ "type": "browser" })).await;
        let message = |entry: &Value| format!("{}: {}", text(&entry["level"]), text(&entry["message"]));
        entries.as_array().into_iter().flatten().map(message).collect()
    }

    /// Writes a PNG of the window, and makes the folders above it.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub async fn screenshot(&self, file: &Path) {
        let png = BASE64.decode(text(&self.get("/screenshot").await).as_bytes()).expect("base64 of a PNG");
        fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).expect("the folder of a screenshot");
        fs::write(file, png).expect("a screenshot can be written");
    }

    /// A command of Chromium's own (DevTools protocol).
    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    /// The profile's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn set_up(&self, settings: &Settings) {
        let (width, height) = settings.size;
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if settings.dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// What an element answers to a command. Waits for the one that the selector names; one whose page went away in between
    /// has done nothing, and the next page's is asked.
    async fn on(&self, css: &str, method: &str, command: &str, body: &Value) -> Value {
        let wanted = json!({ "using": "css selector", "value": css });
        wait_until(&format!("an element {css}"), PATIENCE, async || {
            let found = self.ask("POST", "/element", &wanted).await?;
            let path = format!("/element/{}/{command}", text(&found[ELEMENT]));
            self.ask(method, &path, body).await
        })
        .await
    }

    async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).await.unwrap_or_else(|why| panic!("GET {path}: {why}"))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.ask("POST", path, &body).await.unwrap_or_else(|why| panic!("POST {path}: {why}"))
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let path = format!("/session/{}{path}", self.session);
        wire::ask(self.port, method, &path, body, START_DEADLINE).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
