//! /audit/search: LinOTP's flexigrid JSON, and CSV.

use mtan_verifier::{AuditEntry, StoreError, Verifier};
use serde_json::{Value, json};

use super::columns::{COLUMNS, Column, row};
use crate::admin::error::AdminError;
use crate::csv;
use crate::params::Params;
use crate::wildcard::Wildcard;

/// Records that are looked at in one step of the store.
const CHUNK: usize = 1_000;

/// Rows of a page when the request does not say, as in LinOTP.
const ROWS: usize = 15;

/// Rows of a page at most.
const MOST_ROWS: usize = 10_000;

/// What is searched for.
pub(crate) struct Search {
    filters: Vec<(&'static Column, Wildcard)>,
    sort: &'static Column,
    descending: bool,
    page: usize,
    rows: usize,
}

/// A page of what was found.
pub(crate) struct Found {
    entries: Vec<AuditEntry>,
    total: usize,
    page: usize,
}

impl Search {
    pub(crate) fn new(params: &Params) -> Result<Search, AdminError> {
        let mut filters = Vec::new();
        for column in &COLUMNS {
            if let Some(text) = params.filled(column.name)? {
                filters.push((column, Wildcard::new(text)));
            }
        }
        // flexigrid's own search field
        if let (Some(text), Some(name)) = (params.filled("query")?, params.filled("qtype")?) {
            filters.push((column("qtype", name)?, Wildcard::new(text)));
        }
        let sort = column("sortname", params.filled("sortname")?.unwrap_or("number"))?;
        let descending = match params.filled("sortorder")? {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(_) => return Err(AdminError::invalid("sortorder", "asc or desc is expected")),
        };
        let page = params.number("page", 1, usize::MAX)?.unwrap_or(1);
        let rows = params.number("rp", 1, MOST_ROWS)?.unwrap_or(ROWS);
        Ok(Search { filters, sort, descending, page, rows })
    }

    /// Looks through the whole log, a piece at a time.
    pub(crate) async fn run(&self, verifier: &Verifier) -> Result<Found, StoreError> {
        let mut entries = Vec::new();
        let mut before: Option<String> = None;
        loop {
            let chunk = verifier.audited(before.as_deref(), CHUNK).await?;
            let Some(last) = chunk.last() else { break };
            before = Some(last.id.clone());
            entries.extend(chunk.into_iter().filter(|entry| self.wants(entry)));
        }
        // They came the newest first, and a stable sort keeps that within equals.
        if self.sort.name != "number" {
            entries.sort_by_cached_key(self.sort.text);
            if self.descending {
                entries.reverse();
            }
        } else if !self.descending {
            entries.reverse();
        }
        let total = entries.len();
        let skip = (self.page - 1).saturating_mul(self.rows);
        Ok(Found {
            entries: entries.into_iter().skip(skip).take(self.rows).collect(),
            total,
            page: self.page,
        })
    }

    fn wants(&self, entry: &AuditEntry) -> bool {
        self.filters.iter().all(|(column, wanted)| wanted.fits(&(column.text)(entry)))
    }
}

impl Found {
    /// `{page, total, rows}`, without an envelope.
    pub(crate) fn grid(&self) -> Value {
        let rows: Vec<Value> = self.entries.iter().map(row).collect();
        json!({ "page": self.page, "total": self.total, "rows": rows })
    }

    /// A line of names, and one for each row.
    pub(crate) fn csv(&self) -> String {
        let names = csv::line(COLUMNS.iter().map(|column| column.name));
        let rows = self.entries.iter().map(|entry| csv::line(COLUMNS.iter().map(|c| (c.text)(entry))));
        std::iter::once(names).chain(rows).collect()
    }
}

fn column(parameter: &str, name: &str) -> Result<&'static Column, AdminError> {
    // LinOTP has both spellings
    let name = if name == "tokentype" { "token_type" } else { name };
    COLUMNS.iter().find(|column| column.name == name).ok_or_else(|| {
        let names: Vec<_> = COLUMNS.iter().map(|column| column.name).collect();
        AdminError::invalid(parameter, format!("one of {} is expected", names.join(", ")))
    })
}
