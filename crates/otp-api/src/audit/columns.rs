//! The columns of LinOTP's audit table, and what stands in them here.

use mtan_verifier::AuditEntry;
use serde_json::{Value, json};

/// A column: its name in LinOTP, and its text in an entry.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) text: fn(&AuditEntry) -> String,
}

fn of(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

fn none(_: &AuditEntry) -> String {
    String::new()
}

/// In LinOTP's order. `sig_check`, `missing_line`, `log_level` and `clearance_level` are empty: nothing is signed here.
pub(super) const COLUMNS: [Column; 16] = [
    Column { name: "number", text: |entry| entry.id.clone() },
    Column { name: "date", text: |entry| entry.record.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string() },
    Column { name: "sig_check", text: none },
    Column { name: "missing_line", text: none },
    Column { name: "action", text: |entry| entry.record.action.clone() },
    Column { name: "success", text: |entry| u8::from(entry.record.success).to_string() },
    Column { name: "serial", text: |entry| of(entry.record.serial.as_ref()) },
    Column {
        name: "token_type",
        text: |entry| entry.record.serial.as_ref().map_or("", |_| "sms").to_owned(),
    },
    Column { name: "user", text: |entry| of(entry.record.user.as_ref()) },
    Column { name: "realm", text: |entry| of(entry.record.realm.as_ref()) },
    Column { name: "administrator", text: |entry| of(entry.record.administrator.as_ref()) },
    Column { name: "action_detail", text: |entry| of(entry.record.transaction.as_ref()) },
    Column { name: "info", text: |entry| entry.record.reason.clone() },
    Column { name: "linotp_server", text: none },
    Column { name: "client", text: client },
    Column { name: "log_level", text: none },
];

/// The address, and whom the caller says that it asks for.
fn client(entry: &AuditEntry) -> String {
    let record = &entry.record;
    match (&record.client, &record.client_named) {
        (Some(address), Some(named)) if address != named => format!("{address} ({named})"),
        (address, named) => of(address.as_ref().or(named.as_ref())),
    }
}

/// A row of the table: LinOTP's `{id, cell}`.
pub(super) fn row(entry: &AuditEntry) -> Value {
    let cell: Vec<Value> = COLUMNS
        .iter()
        .map(|column| match column.name {
            "success" => u8::from(entry.record.success).into(),
            _ => (column.text)(entry).into(),
        })
        .collect();
    json!({ "id": entry.id, "cell": cell })
}
