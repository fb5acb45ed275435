//! Values that lie in files of their own, as `<key>_file` and `{ file = "…" }` name them.

use std::fs;
use std::path::Path;

/// The text of `file`, which is relative to `folder`, without one line end at its end. The error names the path.
pub(crate) fn read(folder: &Path, file: &str) -> Result<String, String> {
    let path = folder.join(file);
    let bytes = fs::read(&path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    let mut text = String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_part_of_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let cases =
            [("pass", "pass"), ("pass\n", "pass"), ("pass\r\n", "pass"), ("pass\n\n", "pass\n"), ("", "")];
        for (content, secret) in cases {
            fs::write(dir.path().join("secret"), content).unwrap();
            assert_eq!(read(dir.path(), "secret").unwrap(), secret);
        }
    }

    #[test]
    fn a_secret_that_cannot_be_read_is_named_by_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let error = read(dir.path(), "nowhere").unwrap_err();
        assert!(error.starts_with(dir.path().join("nowhere").to_str().unwrap()), "{error}");
        fs::write(dir.path().join("latin1"), b"caf\xe9").unwrap();
        let error = read(dir.path(), "latin1").unwrap_err();
        assert!(error.ends_with("latin1 is not UTF-8"), "{error}");
    }
}
