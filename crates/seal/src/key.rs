//! The server key: where it comes from and how it is kept.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// 32 random bytes from which the sealing key and the digest key are derived. `Debug` prints `..`.
#[derive(Clone)]
pub struct ServerKey {
    root: Zeroizing<[u8; 32]>,
    pub(crate) sealing: Zeroizing<[u8; 32]>,
    pub(crate) digesting: Zeroizing<[u8; 32]>,
}

/// Why there is no server key.
#[derive(Debug, thiserror::Error)]
pub enum ServerKeyError {
    /// The file does not exist.
    #[error("no server key at {}: make one with `mtan key new --out {}`", .0.display(), .0.display())]
    Missing(PathBuf),
    /// The file can be read by others than its owner and group.
    #[error("{} can be read by everybody (mode {mode:04o}): `chmod 600 {}`", .path.display(), .path.display())]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text is not 32 bytes in base64.
    #[error("{origin} is not a server key: 32 bytes in base64 (44 characters) are expected")]
    Malformed {
        /// Where the text came from.
        origin: String,
    },
    /// There is a file already where a new key should be written.
    #[error("{} exists already: a server key is never overwritten, for every stored secret depends on it", .0.display())]
    Exists(PathBuf),
    /// Reading or writing failed.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The key file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ServerKey {
    /// A new key from the system's randomness.
    pub fn generate() -> ServerKey {
        let mut root = Zeroizing::new([0; 32]);
        getrandom::fill(&mut root[..]).expect("the system has randomness");
        ServerKey::from_bytes(root)
    }

    /// The key from its base64 form, as it stands in the file; `origin` names the place in the error.
    pub fn from_base64(text: &str, origin: &str) -> Result<ServerKey, ServerKeyError> {
        let malformed = || ServerKeyError::Malformed { origin: origin.to_owned() };
        let bytes = Zeroizing::new(BASE64.decode(text.trim().as_bytes()).map_err(|_| malformed())?);
        let root: [u8; 32] = bytes.as_slice().try_into().map_err(|_| malformed())?;
        Ok(ServerKey::from_bytes(Zeroizing::new(root)))
    }

    /// The key in base64: what is written into the key file.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(&self.root[..]))
    }

    /// Reads the key file; it must be closed to others.
    pub fn load(path: &Path) -> Result<ServerKey, ServerKeyError> {
        let io = |source| ServerKeyError::Io { path: path.to_owned(), source };
        let meta = match fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(ServerKeyError::Missing(path.to_owned()));
            }
            Err(e) => return Err(io(e)),
        };
        let mode = meta.mode() & 0o777;
        // Group reading stays possible: service accounts and container secrets are handed over that way.
        if mode & 0o027 != 0 {
            return Err(ServerKeyError::Exposed { path: path.to_owned(), mode });
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
        ServerKey::from_base64(&text, &path.display().to_string())
    }

    /// Makes a new key and writes it to `path`, mode 0600, synced to disk; never over an existing file.
    pub fn create(path: &Path) -> Result<ServerKey, ServerKeyError> {
        let io = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => ServerKeyError::Exists(path.to_owned()),
            _ => ServerKeyError::Io { path: path.to_owned(), source },
        };
        let key = ServerKey::generate();
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        file.write_all(format!("{}\n", *key.to_base64()).as_bytes()).map_err(io)?;
        file.sync_all().map_err(io)?;
        Ok(key)
    }

    fn from_bytes(root: Zeroizing<[u8; 32]>) -> ServerKey {
        let subkey = |purpose: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(&root[..]).expect("HMAC takes a key of any length");
            mac.update(purpose);
            Zeroizing::new(mac.finalize().into_bytes().into())
        };
        ServerKey { sealing: subkey(b"mtan sealing 1"), digesting: subkey(b"mtan digest 1"), root }
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_file_is_closed_and_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.key");
        let made = ServerKey::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(made.to_base64(), ServerKey::load(&path).unwrap().to_base64());
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.key");
        let made = ServerKey::create(&path).unwrap();
        assert!(matches!(ServerKey::create(&path), Err(ServerKeyError::Exists(_))));
        assert_eq!(made.to_base64(), ServerKey::load(&path).unwrap().to_base64());
    }

    #[test]
    fn a_key_open_to_everybody_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("server.key");
        ServerKey::create(&path).unwrap();
        for mode in [0o644, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(ServerKey::load(&path), Err(ServerKeyError::Exposed { .. })), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(ServerKey::load(&path).is_ok());
    }

    #[test]
    fn a_missing_or_malformed_key_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let missing = ServerKey::load(&dir.path().join("nowhere")).unwrap_err().to_string();
        assert!(missing.contains("mtan key new"), "{missing}");
        for text in ["", "short", &BASE64.encode(&[7; 31]), &BASE64.encode(&[7; 33])] {
            let error = ServerKey::from_base64(text, "here").unwrap_err().to_string();
            assert!(error.starts_with("here is not a server key"), "{error}");
        }
    }

    #[test]
    fn a_key_never_prints() {
        let key = ServerKey::generate();
        assert_eq!(format!("{key:?}"), "ServerKey(..)");
    }
}
