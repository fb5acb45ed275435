//! `mtan token`: tokens, over the admin face of a running server.

mod change;
mod show;

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use crate::admin::{Admin, Server};
use crate::table::clean;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make an SMS token, or change the one of that serial
    ///
    /// Example: mtan token init --user alice --phone "+49 170 1234567" --pin 4711
    Init(Box<Init>),
    /// Show tokens in a table
    ///
    /// Example: mtan token show --user alice
    Show(show::Show),
    /// Change PIN, phone number, description or limits of tokens
    ///
    /// Example: mtan token set LSSM0068DCD9 --phone "+49 170 7654321"
    Set(Box<change::Set>),
    /// Switch tokens on
    Enable(change::Which),
    /// Switch tokens off: no code of theirs is accepted any more
    Disable(change::Which),
    /// Forget wrong tries: a locked token may be used again
    Reset(change::Which),
    /// Remove tokens for good
    Remove(change::Which),
    /// Give tokens to a user
    ///
    /// Example: mtan token assign LSSM0068DCD9 --user bob --pin -
    Assign(change::Assign),
    /// Take tokens from their users
    Unassign(change::Unassign),
    /// Find a token's counter again, by two codes in a row
    Resync(change::Resync),
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
        Command::Show(show) => {
            let admin = Admin::find(config, &show.server)?;
            show.run(&admin).await
        }
        Command::Set(set) => {
            let admin = Admin::find(config, set.server())?;
            set.run(&admin).await
        }
        Command::Enable(which) => on_each(config, "enable", which, "switched on").await,
        Command::Disable(which) => on_each(config, "disable", which, "switched off").await,
        Command::Reset(which) => on_each(config, "reset", which, "reset").await,
        Command::Remove(which) => on_each(config, "remove", which, "removed").await,
        Command::Assign(assign) => {
            let admin = Admin::find(config, &assign.server)?;
            assign.run(&admin).await
        }
        Command::Unassign(unassign) => {
            let admin = Admin::find(config, &unassign.server)?;
            unassign.run(&admin).await
        }
        Command::Resync(resync) => {
            let admin = Admin::find(config, &resync.server)?;
            resync.run(&admin).await
        }
    }
}

async fn on_each(config: Option<&Path>, call: &str, which: change::Which, done: &str) -> anyhow::Result<()> {
    let admin = Admin::find(config, which.server())?;
    change::on_each(&admin, call, which, done).await
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
        let pin = pin(self.pin)?;
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

/// The PIN as it was given; `-` is read.
fn pin(given: Option<String>) -> anyhow::Result<Option<String>> {
    match given {
        Some(dash) if dash == "-" => read_pin().map(Some),
        other => Ok(other),
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
