//! `mtan token`: tokens, over the admin face of a running server.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::admin::{Admin, Server};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make an SMS token, or change the one of that serial
    ///
    /// Example: mtan token init --user alice --phone "+49 170 1234567" --pin 4711
    Init(Box<Init>),
}

#[derive(Args)]
pub(crate) struct Init {
    /// Whose token it is: NAME or NAME@REALM
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Realm of the user; default: the server's
    #[arg(long)]
    realm: Option<String>,
    /// Where the codes go, in the international form: "+49 170 1234567"
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    /// The PIN; `-` reads it from standard input, where other users of this machine cannot see it; left out: no PIN
    #[arg(long)]
    pin: Option<String>,
    /// Serial of the token; default: a new one. That of an existing token changes it
    #[arg(long)]
    serial: Option<String>,
    /// Digits of a code: 6, 7 or 8; default: the server's
    #[arg(long, value_name = "DIGITS")]
    otplen: Option<u8>,
    /// sha1, sha256 or sha512; default: sha1
    #[arg(long, value_name = "HASH")]
    hashlib: Option<String>,
    /// Your own words about the token
    #[arg(long)]
    description: Option<String>,
    #[command(flatten)]
    server: Server,
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run(config: Option<&Path>, command: Command) -> anyhow::Result<()> {
    crate::tls::install();
    match command {
        Command::Init(init) => self::init(config, *init).await,
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
async fn init(config: Option<&Path>, init: Init) -> anyhow::Result<()> {
    let admin = Admin::find(config, &init.server)?;
    let form = init.form()?;
    let detail = admin.post("/admin/init", &form).await?;
    let serial = detail["serial"].as_str().context("the server's reply names no serial")?;
    println!("{serial}");
    Ok(())
}

impl Init {
    /// The parameters of LinOTP's `/admin/init`.
    fn form(self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let pin = match self.pin {
            Some(dash) if dash == "-" => Some(read_pin()?),
            other => other,
        };
        let optional = [
            ("user", self.user),
            ("realm", self.realm),
            ("pin", pin),
            ("serial", self.serial),
            ("otplen", self.otplen.map(|digits| digits.to_string())),
            ("hashlib", self.hashlib),
            ("description", self.description),
        ];
        let fixed = [("type", "sms".to_owned()), ("phone", self.phone), ("genkey", "1".to_owned())];
        let given = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Ok(fixed.into_iter().chain(given).collect())
    }
}

/// Typed without echo at a terminal, else the first line of standard input.
fn read_pin() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        return rpassword::prompt_password("PIN: ").context("the terminal");
    }
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line).context("standard input")? == 0 {
        bail!("--pin -: standard input is empty");
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
