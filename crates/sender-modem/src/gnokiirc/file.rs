//! The lines of the file: sections, names, values, and where each stands.

use std::collections::BTreeMap;

/// A value and its line, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: String,
    pub(super) line: usize,
}

/// The file, section by section.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) sections: BTreeMap<String, BTreeMap<String, Entry>>,
    /// Lines that are none of the file's kinds.
    pub(super) faults: Vec<String>,
}

impl File {
    pub(super) fn parse(text: &str, name: &str) -> File {
        let mut file = File { name: name.to_owned(), ..File::default() };
        let mut section: Option<String> = None;
        // some editors put a byte order mark first
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            file.line(line.trim(), at + 1, &mut section);
        }
        file
    }

    fn line(&mut self, line: &str, number: usize, section: &mut Option<String>) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if let Some(name) = line.strip_prefix('[') {
            match name.strip_suffix(']') {
                Some(name) => {
                    self.sections.entry(name.trim().to_owned()).or_default();
                    *section = Some(name.trim().to_owned());
                }
                None => self.fault(number, "a section ends with ]: [global]"),
            }
            return;
        }
        let Some((key, value)) = line.split_once('=') else {
            return self.fault(number, "key = value, [section] or # comment is expected");
        };
        let Some(section) = section else {
            return self.fault(number, "this line stands outside a section: [global] is expected before it");
        };
        let entry = Entry { value: value.trim().to_owned(), line: number };
        self.sections.entry(section.clone()).or_default().insert(key.trim().to_owned(), entry);
    }

    fn fault(&mut self, line: usize, message: &str) {
        self.faults.push(format!("{}, line {line}: {message}", self.name));
    }

    /// The value of `key` in `section`, or of `[global]`.
    pub(super) fn entry(&self, section: &str, key: &str) -> Option<&Entry> {
        let of = |name: &str| self.sections.get(name)?.get(key);
        of(section).or_else(|| of("global"))
    }
}
