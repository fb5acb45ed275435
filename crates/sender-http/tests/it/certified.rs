//! A gateway's TLS: a front that ends it and hands the rest on, and the certificates for both sides.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// Whom a front asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    Anybody,
    WithOurCertificate,
}

/// An authority, and a folder with `ca.pem`, `client.pem` (certificate and key) and `stranger.pem`.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let authority = Authority { issuer: issuer("ours"), folder: tempfile::tempdir().unwrap() };
        authority.write("ca.pem", &authority.issuer.pem());
        authority.write("client.pem", &pair("client.example", &authority.issuer));
        authority.write("stranger.pem", &pair("client.example", &issuer("another")));
        authority
    }

    /// The path of one of the files.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// A front with a certificate for `name`.
    pub(crate) async fn front(&self, name: &str, to: SocketAddr, clients: Clients) -> Front {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters(name).signed_by(&key, &self.issuer).unwrap();
        let roots = (clients == Clients::WithOurCertificate).then(|| self.issuer.der().clone());
        Front::start(certificate.der().clone(), &key, roots, to).await
    }
}

/// Takes TLS and hands on what is in it.
pub(crate) struct Front {
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Front {
    /// A front that vouches for itself.
    pub(crate) async fn self_signed(name: &str, to: SocketAddr) -> Front {
        let key = KeyPair::generate().unwrap();
        let certificate = parameters(name).self_signed(&key).unwrap();
        Front::start(certificate.der().clone(), &key, None, to).await
    }

    async fn start(
        certificate: CertificateDer<'static>,
        key: &KeyPair,
        client_root: Option<CertificateDer<'static>>,
        to: SocketAddr,
    ) -> Front {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = match client_root {
            None => config.with_no_client_auth(),
            Some(root) => {
                let mut roots = RootCertStore::empty();
                roots.add(root).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(accept_all(listener, acceptor, to)).abort_handle();
        Front { address, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/send", self.address.port())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept_all(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            let mut client = acceptor.accept(stream).await?;
            let mut gateway = TcpStream::connect(to).await?;
            gateway.set_nodelay(true)?;
            copy_bidirectional(&mut client, &mut gateway).await
        });
    }
}

fn parameters(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = parameters("ca.example");
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// Certificate and key in one PEM.
fn pair(name: &str, issuer: &CertifiedIssuer<'static, KeyPair>) -> String {
    let key = KeyPair::generate().unwrap();
    parameters(name).signed_by(&key, issuer).unwrap().pem() + &key.serialize_pem()
}
