//! The admin face of a running server, as the command line calls it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use data_encoding::BASE64URL_NOPAD;
use mtan_daemon::Config;
use mtan_otp_api::{AdminSection, Credentials, OtpApiSection};
use reqwest::{RequestBuilder, StatusCode, Url};
use serde_json::Value;

use crate::backends::Places;
use crate::table::clean;

/// Where `mtan up` leaves the password that it made, in the data folder.
pub(crate) const PASSWORD_FILE: &str = "admin-password";
/// The name that goes with it.
pub(crate) const USERNAME: &str = "admin";

/// The administrator of an installation that names none: the password is made once and kept in the data folder, closed to
/// others, where the commands on this machine find it.
pub(crate) fn credentials_of(folder: &Path) -> anyhow::Result<Credentials> {
    let file = folder.join(PASSWORD_FILE);
    if !file.exists() {
        make_password(&file).with_context(|| format!("administrator's password {}", file.display()))?;
    }
    Ok(Credentials { username: USERNAME.to_owned(), password: read(&file)? })
}

fn make_password(file: &Path) -> std::io::Result<()> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(file, "{}", BASE64URL_NOPAD.encode(&bytes))?;
    file.sync_all()
}

/// Which server, and who asks.
#[derive(Args)]
pub(crate) struct Server {
    /// The server; default: the configuration's otp_api.listen
    #[arg(long, env = "MTAN_SERVER", value_name = "URL")]
    server: Option<String>,
    /// Administrator; default: the configuration's section admin, else `admin`
    #[arg(long, value_name = "NAME")]
    admin_user: Option<String>,
    /// File with the administrator's password; default: the configuration's section admin, else the one that `mtan up` made
    #[arg(long, value_name = "FILE")]
    admin_password_file: Option<PathBuf>,
}

/// An open line to the admin face.
pub(crate) struct Admin {
    url: String,
    username: String,
    password: String,
    client: reqwest::Client,
}

impl Admin {
    /// Finds address and credentials; nothing is sent yet.
    pub(crate) fn find(config: Option<&Path>, server: &Server) -> anyhow::Result<Admin> {
        let mut config = Config::load(config)?;
        let api: OtpApiSection = config.section("otp_api");
        let section: AdminSection = config.section("admin");
        let places = Places::read(&mut config);
        config.finish()?;

        let url = server.server.clone().unwrap_or_else(|| format!("http://{}", api.listen));
        let username = server.admin_user.clone().or(section.username).unwrap_or_else(|| USERNAME.to_owned());
        let made = places.folder().join(PASSWORD_FILE);
        let password = match (&server.admin_password_file, section.password) {
            (Some(file), _) => read(file)?,
            (None, Some(password)) => password,
            (None, None) if made.exists() => read(&made)?,
            (None, None) => bail!(
                "no administrator's password: neither --admin-password-file, nor [admin] password in the configuration, \
                 nor {} from `mtan up`",
                made.display()
            ),
        };
        let client = client().context("no HTTP client")?;
        Ok(Admin { url: url.trim_end_matches('/').to_owned(), username, password, client })
    }

    /// `POST path` with a form; the reply's `detail` if it says yes, else its message as an error.
    pub(crate) async fn post(&self, path: &str, form: &[(&str, String)]) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.url)).form(form);
        let (status, body) = self.json(path, request).await?;
        if body["result"]["status"] == true && body["result"]["value"] != false {
            return Ok(body["detail"].clone());
        }
        let message = body["result"]["error"]["message"].as_str().or(body["detail"]["message"].as_str());
        bail!("the server says no ({status}): {}", message.unwrap_or("it gives no reason"));
    }

    /// `POST path` with a form; the whole reply if it is no error, whatever its value.
    pub(crate) async fn ask(&self, path: &str, form: &[(&str, String)]) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.url)).form(form);
        let (status, body) = self.json(path, request).await?;
        if body["result"]["status"] == true {
            return Ok(body);
        }
        let message = body["result"]["error"]["message"].as_str().unwrap_or("it gives no reason");
        bail!("the server says no ({status}): {}", clean(message));
    }

    /// `GET path` of our own API; the reply if it is a success, else its message as an error.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.url);
        let url = Url::parse_with_params(&url, query).with_context(|| format!("{}: no URL", self.url))?;
        let (status, body) = self.json(path, self.client.get(url)).await?;
        // LinOTP's calls have status 200 for errors too
        if status.is_success() && body["result"]["status"] != false {
            return Ok(body);
        }
        let message = body["error"]["message"].as_str().or(body["result"]["error"]["message"].as_str());
        bail!("{}", message.map_or_else(|| format!("the server answered {status}"), str::to_owned));
    }

    /// Status and body of an administrator's request.
    async fn json(&self, path: &str, request: RequestBuilder) -> anyhow::Result<(StatusCode, Value)> {
        let request = request.basic_auth(&self.username, Some(&self.password));
        let reply = request.send().await.map_err(reqwest::Error::without_url);
        let reply = reply.with_context(|| format!("{}: is the server running? (`mtan up`)", self.url))?;
        let status = reply.status();
        let body = reply.text().await.map_err(reqwest::Error::without_url).context("the server's reply")?;
        let Ok(body) = serde_json::from_str::<Value>(&body) else {
            bail!("{}{path} answered {status}: {}", self.url, body.lines().next().unwrap_or("nothing"));
        };
        Ok((status, body))
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let text =
        fs::read_to_string(file).with_context(|| format!("administrator's password {}", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(10))
        .build()
}
