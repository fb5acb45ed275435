//! What the mail server offers its clients.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

use super::certificates::{Authority, Issued};

/// What the mail server offers: how its connections are secured, and which login it wants.
#[derive(Clone)]
pub struct Offer {
    pub(super) security: Security,
    pub(super) login: Option<(String, String)>,
    pub(super) mechanisms: String,
    pub(super) extensions: Vec<String>,
    pub(super) esmtp: bool,
}

#[derive(Clone)]
pub(super) enum Security {
    None,
    StartTls(TlsAcceptor),
    Implicit(TlsAcceptor),
}

impl Offer {
    /// No TLS, no login.
    pub fn plain() -> Offer {
        Offer {
            security: Security::None,
            login: None,
            mechanisms: "PLAIN LOGIN".to_owned(),
            extensions: vec!["8BITMIME".to_owned(), "ENHANCEDSTATUSCODES".to_owned()],
            esmtp: true,
        }
    }

    /// STARTTLS, with this certificate.
    ///
    /// # Panics
    /// When it is none.
    pub fn start_tls(identity: &Issued) -> Offer {
        Offer { security: Security::StartTls(acceptor(identity, None)), ..Offer::plain() }
    }

    /// TLS from the first byte, with this certificate.
    ///
    /// # Panics
    /// When it is none.
    pub fn implicit_tls(identity: &Issued) -> Offer {
        Offer { security: Security::Implicit(acceptor(identity, None)), ..Offer::plain() }
    }

    /// TLS from the first byte, only for clients with a certificate of `authority`.
    ///
    /// # Panics
    /// When `identity` is none.
    pub fn mutual_tls(identity: &Issued, authority: &Authority) -> Offer {
        Offer { security: Security::Implicit(acceptor(identity, Some(authority))), ..Offer::plain() }
    }

    /// Mail only for those who log in so.
    pub fn with_login(mut self, user: &str, password: &str) -> Offer {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// The mechanisms behind AUTH; at first `PLAIN LOGIN`.
    pub fn with_mechanisms(mut self, mechanisms: &str) -> Offer {
        mechanisms.clone_into(&mut self.mechanisms);
        self
    }

    /// No 8BITMIME and nothing else beside what security and login need.
    pub fn without_extensions(mut self) -> Offer {
        self.extensions.clear();
        self
    }

    /// A server of old: EHLO is an unknown command.
    pub fn without_ehlo(mut self) -> Offer {
        self.esmtp = false;
        self
    }

    /// The lines of the answer to EHLO.
    pub(super) fn extensions(&self, secure: bool) -> Vec<String> {
        let mut lines = vec!["sink.test".to_owned()];
        lines.extend(self.extensions.iter().cloned());
        if matches!(self.security, Security::StartTls(_)) && !secure {
            lines.push("STARTTLS".to_owned());
        }
        if self.login.is_some() && !self.mechanisms.is_empty() {
            lines.push(format!("AUTH {}", self.mechanisms));
        }
        lines
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("mechanisms", &self.mechanisms).finish_non_exhaustive()
    }
}

fn acceptor(identity: &Issued, clients: Option<&Authority>) -> TlsAcceptor {
    let provider = Arc::new(crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(certificate(authority.pem())).expect("an authority's certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("one root"))
        }
    };
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
    let config = builder.with_single_cert(vec![certificate(&identity.certificate)], key);
    TlsAcceptor::from(Arc::new(config.expect("certificate and key belong together")))
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}
