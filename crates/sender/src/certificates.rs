//! SERVER_CERTIFICATE and CLIENT_CERTIFICATE: whom TLS trusts and as whom it comes, read from PEM files once.

mod verifier;

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use crate::keys::Keys;

/// How a server's certificate is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ServerCheck {
    /// By the system's roots.
    #[default]
    System,
    /// By these and no others: roots, or the very certificate of the server.
    Only(Vec<CertificateDer<'static>>),
    /// Not at all: whoever answers gets the SMS and the password.
    Off,
}

/// A client's certificate chain and key; they are known to fit. `Debug` shows neither.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl ServerCheck {
    /// Reads `key`: the path of a PEM file, `true` (the system's roots, the default), or `false`, with a loud warning.
    pub fn read(keys: &mut Keys, key: &str) -> Option<ServerCheck> {
        match keys.value(key) {
            None | Some(Value::Bool(true)) => Some(ServerCheck::System),
            Some(Value::Bool(false)) => {
                keys.warn(format!(
                    "{key} IS FALSE: THE SERVER'S CERTIFICATE IS NOT CHECKED. WHOEVER STANDS BETWEEN CAN READ EVERY CODE AND \
                     PASSWORD"
                ));
                Some(ServerCheck::Off)
            }
            Some(Value::String(path)) => {
                let path = path.clone();
                roots(keys, key, &path).map(ServerCheck::Only)
            }
            Some(_) => {
                keys.fault(key, "the path of a PEM file, true or false is expected");
                None
            }
        }
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, String> {
        let provider = Arc::clone(provider);
        Ok(match self {
            ServerCheck::System => {
                let verifier = rustls_platform_verifier::Verifier::new(provider);
                Arc::new(verifier.map_err(|_| {
                    "this machine has no root certificates: install them (Debian: ca-certificates), or name a file"
                })?)
            }
            ServerCheck::Only(certificates) => verifier::only(certificates, provider)?,
            ServerCheck::Off => verifier::nobody(provider),
        })
    }
}

fn roots(keys: &mut Keys, key: &str, path: &str) -> Option<Vec<CertificateDer<'static>>> {
    let pem = keys.file(key, path)?;
    let certificates = certificates(&pem).filter(|certificates| {
        let mut store = RootCertStore::empty();
        certificates.iter().all(|certificate| store.add(certificate.clone()).is_ok())
    });
    if certificates.is_none() {
        keys.fault(key, "a PEM file with one certificate or more is expected (-----BEGIN CERTIFICATE-----)");
    }
    certificates
}

/// All certificates; `None` if one is broken, or if there is none.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.ok().filter(|certificates| !certificates.is_empty())
}

impl Identity {
    /// Reads `key`: the path of a PEM file that holds certificate and key, or `{"certificate": path, "key": path}`.
    pub fn read(keys: &mut Keys, key: &str) -> Option<Identity> {
        let shape = "a path, or {\"certificate\": path, \"key\": path}, is expected";
        let (certificate, private) = match keys.value(key)? {
            Value::String(path) => (path.clone(), path.clone()),
            Value::Object(object) => match (object.get("certificate"), object.get("key"), object.len()) {
                (Some(Value::String(certificate)), Some(Value::String(private)), 2) => {
                    (certificate.clone(), private.clone())
                }
                _ => return refused(keys, key, shape),
            },
            _ => return refused(keys, key, shape),
        };
        Identity::from_files(keys, (key, &certificate), (key, &private))
    }

    /// Certificate and key from two files, each with the key of the configuration at which its path stands.
    pub fn from_files(keys: &mut Keys, certificate: (&str, &str), private: (&str, &str)) -> Option<Identity> {
        let (chain, der) = (chain(keys, certificate), private_key(keys, private));
        let (chain, der) = (chain?, der?);
        match CertifiedKey::from_der(chain, der, &ring()) {
            Ok(pair) => Some(Identity(Arc::new(pair))),
            Err(_) => refused(keys, private.0, "a private key that belongs to the certificate is expected"),
        }
    }
}

fn chain(keys: &mut Keys, (key, path): (&str, &str)) -> Option<Vec<CertificateDer<'static>>> {
    let pem = keys.file(key, path)?;
    let chain = certificates(&pem);
    chain.or_else(|| refused(keys, key, "a PEM file with the client's certificate is expected"))
}

fn private_key(keys: &mut Keys, (key, path): (&str, &str)) -> Option<PrivateKeyDer<'static>> {
    let pem = keys.file(key, path)?;
    let has = |words: &[u8]| pem.windows(words.len()).any(|window| window == words);
    match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(der) => Some(der),
        Err(_) if has(b"ENCRYPTED") => {
            refused(keys, key, "a private key without a passphrase is expected (openssl pkey takes it off)")
        }
        Err(_) => refused(keys, key, "a PEM file with the client's private key is expected"),
    }
}

fn refused<T>(keys: &mut Keys, key: &str, message: &str) -> Option<T> {
    keys.fault(key, message);
    None
}

/// A TLS client, on ring, that checks its server as told and shows `identity` where it is asked for one. ALPN is not
/// set. The error is for people.
pub fn client_config(check: &ServerCheck, identity: Option<&Identity>) -> Result<ClientConfig, String> {
    let provider = ring();
    let verifier = check.verifier(&provider)?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| e.to_string())?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let pair: CertifiedKey = CertifiedKey::clone(&identity.0);
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
        }
    })
}

fn ring() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl PartialEq for Identity {
    fn eq(&self, other: &Identity) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(..)")
    }
}

#[cfg(test)]
mod tests;
