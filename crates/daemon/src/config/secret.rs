//! Values that lie in files of their own, as `<key>_file` and `{ file = "…" }` name them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most octets of such a file: above the longest certificate chain or provider's JSON, below what a wrong path reads.
const LONGEST: u64 = 1024 * 1024;

/// The text of `file`, which is relative to `folder`, without one line end at its end. The error names the path.
pub(crate) fn read(folder: &Path, file: &str) -> Result<String, String> {
    let path = folder.join(file);
    let bytes = bytes(&path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("{} is larger than 1 MiB: is it the right file?", path.display()));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", path.display()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// All of it, or the beginning of what is too long: a pipe or a device may have no end.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

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

    #[test]
    fn a_file_that_has_no_end_is_no_secret() {
        let error = read(Path::new("/"), "dev/zero").unwrap_err();
        assert_eq!(error, "/dev/zero is larger than 1 MiB: is it the right file?");
    }
}
