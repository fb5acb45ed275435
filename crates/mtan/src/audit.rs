//! `mtan audit`: who did what, over the admin face of a running server.

use std::path::Path;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::admin::{Admin, Server};
use crate::table::table;

#[derive(Args)]
pub(crate) struct Audit {
    /// Records of this user; in all of these `*` stands for any text
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Records of this realm
    #[arg(long)]
    realm: Option<String>,
    /// Records of this token
    #[arg(long)]
    serial: Option<String>,
    /// Records of this call, such as validate/check or 'admin/*'
    #[arg(long, value_name = "CALL")]
    action: Option<String>,
    /// Records of this administrator
    #[arg(long, value_name = "NAME")]
    administrator: Option<String>,
    /// Records with this outcome, such as wrong_pin, right_code or ERR1102
    #[arg(long, value_name = "REASON")]
    info: Option<String>,
    /// So many records, the newest first
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    newest: u32,
    /// The server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(crate) async fn run(config: Option<&Path>, audit: Audit) -> anyhow::Result<()> {
    crate::tls::install();
    let admin = Admin::find(config, &audit.server)?;
    let json = audit.json;
    let answer = admin.get("/audit/search", &audit.query()).await?;
    if json {
        println!("{answer}");
    } else {
        print!("{}", told(&answer)?);
    }
    Ok(())
}

impl Audit {
    fn query(self) -> Vec<(&'static str, String)> {
        let optional = [
            ("user", self.user),
            ("realm", self.realm),
            ("serial", self.serial),
            ("action", self.action),
            ("administrator", self.administrator),
            ("info", self.info),
        ];
        let given = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        [("rp", self.newest.to_string())].into_iter().chain(given).collect()
    }
}

fn told(answer: &Value) -> anyhow::Result<String> {
    let rows = answer["rows"].as_array().context("the server's answer has no rows")?;
    if rows.is_empty() {
        return Ok("no record\n".to_owned());
    }
    let heads = ["TIME", "CALL", "", "WHY", "USER", "SERIAL", "ADMINISTRATOR", "CLIENT"];
    Ok(table(heads, rows.iter().map(line)))
}

fn line(row: &Value) -> [String; 8] {
    let cell = |n: usize| row["cell"][n].as_str().unwrap_or_default().to_owned();
    let user = match (cell(8), cell(9)) {
        (name, _) if name.is_empty() => String::new(),
        (name, realm) => format!("{name}@{realm}"),
    };
    let success = if row["cell"][5] == 1 { "yes" } else { "no" };
    [cell(1), cell(4), success.to_owned(), cell(12), user, cell(6), cell(10), cell(14)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_one_line() {
        let row = json!({"id": "7", "cell": [
            "7", "2027-01-15T08:00:00.000Z", "", "", "validate/check", 1, "LSSM1", "sms", "alice", "home", "", "", "right_code",
            "", "192.0.2.1", "",
        ]});
        assert_eq!(
            told(&json!({"rows": [row]})).unwrap(),
            "TIME                      CALL                 WHY         USER        SERIAL  ADMINISTRATOR  CLIENT\n\
             2027-01-15T08:00:00.000Z  validate/check  yes  right_code  alice@home  LSSM1                  192.0.2.1\n"
        );
        assert_eq!(told(&json!({"rows": []})).unwrap(), "no record\n");
        assert!(told(&json!({})).is_err());
    }
}
