//! `mtan token show`: a table of tokens.

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use crate::admin::{Admin, Server};
use crate::table::table;

#[derive(Args)]
pub(crate) struct Show {
    /// Serial; `*` stands for any text; default: all
    serial: Option<String>,
    /// Tokens of this user: NAME or NAME@REALM; `*` stands for any text
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Tokens of this realm
    #[arg(long)]
    realm: Option<String>,
    /// Tokens with this text in serial, user, realm or description
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// The server's rows as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) server: Server,
}

impl Show {
    #[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
    pub(super) async fn run(self, admin: &Admin) -> anyhow::Result<()> {
        let optional =
            [("serial", self.serial), ("user", self.user), ("realm", self.realm), ("filter", self.filter)];
        let mut query = vec![("tokeninfo_format", "json".to_owned())];
        query.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let answer = admin.ask("/admin/show", &query).await?;
        let rows = answer["result"]["value"]["data"].as_array().context("the server's reply has no rows")?;
        if self.json {
            println!("{}", Value::from(rows.clone()));
        } else {
            print!("{}", told(rows));
        }
        Ok(())
    }
}

fn told(rows: &[Value]) -> String {
    if rows.is_empty() {
        return "no token\n".to_owned();
    }
    let heads = ["SERIAL", "USER", "PHONE", "STATE", "TRIES", "DIGITS", "DESCRIPTION"];
    table(heads, rows.iter().map(line))
}

fn line(row: &Value) -> [String; 7] {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| row[name].as_u64().map(|number| number.to_string()).unwrap_or_default();
    let user = match (text("User.username"), text("User.realm")) {
        (name, _) if name.is_empty() => "-".to_owned(),
        (name, realm) => format!("{name}@{realm}"),
    };
    let state = match (row["LinOtp.Isactive"] == true, row["LinOtp.Locked"] == true) {
        (false, _) => "disabled",
        (true, true) => "locked",
        (true, false) => "active",
    };
    [
        text("LinOtp.TokenSerialnumber"),
        user,
        row["LinOtp.TokenInfo"]["phone"].as_str().unwrap_or_default().to_owned(),
        state.to_owned(),
        format!("{}/{}", number("LinOtp.FailCount"), number("LinOtp.MaxFail")),
        number("LinOtp.OtpLen"),
        text("LinOtp.TokenDesc"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_says_whose_token_it_is_and_how_it_stands() {
        let row = |user: &str, active: bool, locked: bool| {
            json!({
                "LinOtp.TokenSerialnumber": "LSSM1", "User.username": user, "User.realm": "work", "LinOtp.Isactive": active,
                "LinOtp.TokenInfo": {"phone": "+491701234567"}, "LinOtp.Locked": locked, "LinOtp.FailCount": 3,
                "LinOtp.MaxFail": 10, "LinOtp.OtpLen": 6, "LinOtp.TokenDesc": "her \u{1b}[2Jphone",
            })
        };
        let table = told(&[row("alice", true, false), row("", false, true), row("bob", true, true)]);
        assert_eq!(
            table,
            "SERIAL  USER        PHONE          STATE     TRIES  DIGITS  DESCRIPTION\n\
             LSSM1   alice@work  +491701234567  active    3/10   6       her ?[2Jphone\n\
             LSSM1   -           +491701234567  disabled  3/10   6       her ?[2Jphone\n\
             LSSM1   bob@work    +491701234567  locked    3/10   6       her ?[2Jphone\n"
        );
        assert_eq!(told(&[]), "no token\n");
    }
}
