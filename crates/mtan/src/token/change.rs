//! Tokens that are there: changed, switched, given, taken away.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use super::pin;
use crate::admin::{Admin, Server};

/// Which tokens: by their serials, or all of a user.
#[derive(Args)]
#[group(skip)]
pub(crate) struct Which {
    /// Serials of the tokens
    #[arg(value_name = "SERIAL", required_unless_present = "user", conflicts_with = "user")]
    serials: Vec<String>,
    /// All tokens of this user: NAME or NAME@REALM
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Realm of the user; default: the server's
    #[arg(long, requires = "user")]
    realm: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// A form for the admin face.
type Form = Vec<(&'static str, String)>;

impl Which {
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    fn form(self) -> Form {
        let named = self.serials.into_iter().map(|serial| ("serial[]", serial));
        let user = [("user", self.user), ("realm", self.realm)];
        named.chain(user.into_iter().filter_map(|(name, value)| Some((name, value?)))).collect()
    }
}

/// A call on the tokens of `which`, and what is said of their number.
#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(super) async fn on_each(admin: &Admin, call: &str, which: Which, done: &str) -> anyhow::Result<()> {
    let answer = admin.ask(&format!("/admin/{call}"), &which.form()).await?;
    if let Some(message) = answer["detail"]["message"].as_str() {
        bail!("{}", super::clean(message));
    }
    match answer["result"]["value"].as_u64().context("the server's reply has no number")? {
        0 => bail!("there is no such token"),
        1 => println!("1 token {done}"),
        number => println!("{number} tokens {done}"),
    }
    Ok(())
}

#[derive(Args)]
pub(crate) struct Set {
    #[command(flatten)]
    which: Which,
    /// A new PIN; `-` reads it from standard input, where other users of this machine cannot see it; '' makes a PIN-less token
    #[arg(long)]
    pin: Option<String>,
    /// Where the codes go, in the international form
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Your own words about the token
    #[arg(long)]
    description: Option<String>,
    /// Digits of a code: 6, 7 or 8
    #[arg(long, value_name = "DIGITS")]
    otplen: Option<u8>,
    /// sha1, sha256 or sha512
    #[arg(long, value_name = "HASH")]
    hashlib: Option<String>,
    /// Tries without success that lock the token
    #[arg(long, value_name = "TRIES")]
    max_fail: Option<u32>,
}

impl Set {
    pub(super) fn server(&self) -> &Server {
        self.which.server()
    }

    #[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
    pub(super) async fn run(self, admin: &Admin) -> anyhow::Result<()> {
        let mut form = self.which.form();
        let given = [
            ("pin", pin(self.pin)?),
            ("phone", self.phone),
            ("description", self.description),
            ("OtpLen", self.otplen.map(|digits| digits.to_string())),
            ("hashlib", self.hashlib),
            ("MaxFailCount", self.max_fail.map(|tries| tries.to_string())),
        ];
        let given: Form = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        if given.is_empty() {
            bail!(
                "nothing to set: --pin, --phone, --description, --otplen, --hashlib or --max-fail is expected"
            );
        }
        form.extend(given);
        let answer = admin.ask("/admin/set", &form).await?;
        let numbers = answer["result"]["value"].as_object().context("the server's reply tells nothing")?;
        match numbers.values().filter_map(Value::as_u64).max() {
            None | Some(0) => bail!("there is no such token"),
            Some(1) => println!("1 token changed"),
            Some(number) => println!("{number} tokens changed"),
        }
        Ok(())
    }
}

#[derive(Args)]
pub(crate) struct Assign {
    /// Serials of the tokens
    #[arg(value_name = "SERIAL", required = true)]
    serials: Vec<String>,
    /// Whose tokens they become: NAME or NAME@REALM
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Realm of the user; default: the server's
    #[arg(long)]
    realm: Option<String>,
    /// A new PIN; `-` reads it from standard input; left out: the PIN stays
    #[arg(long)]
    pin: Option<String>,
    #[command(flatten)]
    pub(super) server: Server,
}

impl Assign {
    #[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
    pub(super) async fn run(self, admin: &Admin) -> anyhow::Result<()> {
        let mut form: Form = self.serials.iter().map(|serial| ("serial[]", serial.clone())).collect();
        let more = [("user", Some(self.user.clone())), ("realm", self.realm), ("pin", pin(self.pin)?)];
        form.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?))));
        admin.ask("/admin/assign", &form).await?;
        println!("{}: now {}'s", self.serials.join(", "), super::clean(&self.user));
        Ok(())
    }
}

#[derive(Args)]
pub(crate) struct Unassign {
    /// Serials of the tokens
    #[arg(value_name = "SERIAL", required = true)]
    serials: Vec<String>,
    #[command(flatten)]
    pub(super) server: Server,
}

impl Unassign {
    #[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
    pub(super) async fn run(self, admin: &Admin) -> anyhow::Result<()> {
        let form: Form = self.serials.iter().map(|serial| ("serial[]", serial.clone())).collect();
        admin.ask("/admin/unassign", &form).await?;
        println!("{}: now nobody's", self.serials.join(", "));
        Ok(())
    }
}

#[derive(Args)]
pub(crate) struct Resync {
    /// Serial of the token
    serial: String,
    /// A code that the token made
    otp1: String,
    /// The code that it made next
    otp2: String,
    #[command(flatten)]
    pub(super) server: Server,
}

impl Resync {
    #[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
    pub(super) async fn run(self, admin: &Admin) -> anyhow::Result<()> {
        let form = [("serial", self.serial.clone()), ("otp1", self.otp1), ("otp2", self.otp2)];
        let answer = admin.ask("/admin/resync", &form).await?;
        if answer["result"]["value"] != true {
            bail!("these are not two codes in a row among the next thousand of this token");
        }
        println!("{}: the counter stands behind the second code", super::clean(&self.serial));
        Ok(())
    }
}
