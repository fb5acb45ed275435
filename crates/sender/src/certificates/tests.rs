//! What the files may hold, and whom a client then trusts.

use std::io::Read;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;
use crate::keys::tests::{keys_in, said};

const NAME: &str = "gateway.example";

/// A certificate with its key.
struct Pair {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Pair {
    fn config(&self) -> Arc<ServerConfig> {
        let chain = vec![self.certificate.der().clone()];
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions();
        Arc::new(config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}

fn parameters(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

fn self_signed(parameters: CertificateParams) -> Pair {
    let key = KeyPair::generate().unwrap();
    Pair { certificate: parameters.self_signed(&key).unwrap(), key }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = parameters("ca.example");
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

fn signed_by(authority: &CertifiedIssuer<'static, KeyPair>, name: &str) -> Pair {
    let key = KeyPair::generate().unwrap();
    Pair { certificate: parameters(name).signed_by(&key, authority).unwrap(), key }
}

/// Reads the key from a folder that holds `files`.
fn read<T>(
    json: &str,
    files: &[(&str, String)],
    read: impl Fn(&mut Keys) -> Option<T>,
) -> (Option<T>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let mut keys = keys_in(folder.path(), json);
    let value = read(&mut keys);
    (value, said(keys))
}

fn check(json: &str, pem: String) -> (Option<ServerCheck>, Vec<String>) {
    read(json, &[("ca.pem", pem)], |keys| ServerCheck::read(keys, "SERVER_CERTIFICATE"))
}

fn identity(json: &str, files: &[(&str, String)]) -> (Option<Identity>, Vec<String>) {
    read(json, files, |keys| Identity::read(keys, "CLIENT_CERTIFICATE"))
}

fn only(pem: &[String]) -> ServerCheck {
    check(r#"{"SERVER_CERTIFICATE":"ca.pem"}"#, pem.concat()).0.unwrap()
}

/// A whole handshake in memory, with a byte sent at its end; the client's or the server's refusal.
fn shake_hands(client: ClientConfig, server: Arc<ServerConfig>) -> Result<(), String> {
    let name = ServerName::try_from(NAME).unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    for _ in 0..10 {
        let mut wire = Vec::new();
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets().map_err(|e| format!("server: {e}"))?;
        let mut wire = Vec::new();
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets().map_err(|e| format!("client: {e}"))?;
    }
    std::io::Write::write_all(&mut client.writer(), b"!").unwrap();
    let mut wire = Vec::new();
    client.write_tls(&mut wire).unwrap();
    server.read_tls(&mut wire.as_slice()).unwrap();
    server.process_new_packets().map_err(|e| format!("server: {e}"))?;
    let mut byte = [0];
    server.reader().read_exact(&mut byte).map_err(|e| e.to_string())
}

fn trusts(check: &ServerCheck, server: &Pair) -> bool {
    shake_hands(client_config(check, None).unwrap(), server.config()).is_ok()
}

#[test]
fn a_server_is_trusted_by_the_file_and_nothing_else() {
    let (ours, other) = (authority("ours"), authority("other"));
    let signed = signed_by(&ours, NAME);
    for (check, trusted) in [
        (only(&[ours.pem()]), true),
        (only(&[other.pem()]), false),
        (only(&[other.pem(), ours.pem()]), true),
        (only(&[signed.certificate.pem()]), true),
        (ServerCheck::System, false),
        (ServerCheck::Off, true),
    ] {
        assert_eq!(trusts(&check, &signed), trusted, "{check:?}");
    }
    let elsewhere = signed_by(&ours, "elsewhere.example");
    assert!(!trusts(&only(&[ours.pem()]), &elsewhere), "another name");
    assert!(trusts(&ServerCheck::Off, &elsewhere));
}

#[test]
fn a_self_signed_server_is_trusted_where_its_certificate_is_the_file() {
    let plain = self_signed(parameters(NAME));
    let mut like_openssl = parameters(NAME);
    like_openssl.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let like_openssl = self_signed(like_openssl);
    for server in [&plain, &like_openssl] {
        assert!(trusts(&only(&[server.certificate.pem()]), server));
        assert!(!trusts(&ServerCheck::System, server));
    }
    assert!(!trusts(&only(&[plain.certificate.pem()]), &like_openssl));
}

#[test]
fn a_self_signed_server_of_another_name_or_time_is_not_trusted() {
    let mut parameters = parameters("elsewhere.example");
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let elsewhere = self_signed(parameters.clone());
    assert!(!trusts(&only(&[elsewhere.certificate.pem()]), &elsewhere));
    let mut parameters = self::parameters(NAME);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let expired = self_signed(parameters);
    assert!(!trusts(&only(&[expired.certificate.pem()]), &expired));
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_asks() {
    let ours = authority("ours");
    let (server, client) = (signed_by(&ours, NAME), signed_by(&ours, "client.example"));
    let mut roots = RootCertStore::empty();
    roots.add(ours.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), ring()).build().unwrap();
    let key = PrivateKeyDer::try_from(server.key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier);
    let config = Arc::new(config.with_single_cert(vec![server.certificate.der().clone()], key).unwrap());
    let (pem, key) = (client.certificate.pem(), client.key.serialize_pem());
    let files = [("both.pem", format!("{key}\n{pem}")), ("cert.pem", pem), ("key.pem", key)];
    for json in [
        r#"{"CLIENT_CERTIFICATE":"both.pem"}"#,
        r#"{"CLIENT_CERTIFICATE":{"certificate":"cert.pem","key":"key.pem"}}"#,
    ] {
        let (identity, said) = identity(json, &files);
        assert!(said.is_empty(), "{said:?}");
        let client = client_config(&only(&[ours.pem()]), identity.as_ref()).unwrap();
        assert_eq!(shake_hands(client, Arc::clone(&config)), Ok(()), "{json}");
    }
    let without = client_config(&only(&[ours.pem()]), None).unwrap();
    assert!(shake_hands(without, config).is_err());
}

#[test]
fn a_check_that_is_off_is_warned_about_in_capitals() {
    let (check, said) = check(r#"{"SERVER_CERTIFICATE":false}"#, String::new());
    assert_eq!(check, Some(ServerCheck::Off));
    assert!(said[0].contains("THE SERVER'S CERTIFICATE IS NOT CHECKED"), "{said:?}");
    for json in ["{}", r#"{"SERVER_CERTIFICATE":true}"#] {
        assert_eq!(self::check(json, String::new()), (Some(ServerCheck::System), Vec::new()));
    }
}

#[test]
fn files_that_hold_something_else_are_refused() {
    let pair = self_signed(parameters(NAME));
    let (pem, key) = (pair.certificate.pem(), pair.key.serialize_pem());
    let expected = "SERVER_CERTIFICATE: a PEM file with one certificate or more is expected (-----BEGIN CERTIFICATE-----)";
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    for content in [String::new(), key.clone(), "hunter2".to_owned(), pem.replace('A', "!"), broken] {
        assert_eq!(check(r#"{"SERVER_CERTIFICATE":"ca.pem"}"#, content).1, [expected]);
    }
    let shape = "SERVER_CERTIFICATE: the path of a PEM file, true or false is expected";
    assert_eq!(check(r#"{"SERVER_CERTIFICATE":1}"#, String::new()).1, [shape]);
    let other = self_signed(parameters(NAME)).key.serialize_pem();
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (certificate, key, expected) in [
        (&pem, &other, "CLIENT_CERTIFICATE: a private key that belongs to the certificate is expected"),
        (&pem, &pem, "CLIENT_CERTIFICATE: a PEM file with the client's private key is expected"),
        (
            &pem,
            &encrypted,
            "CLIENT_CERTIFICATE: a private key without a passphrase is expected (openssl pkey takes it off)",
        ),
        (&key, &key, "CLIENT_CERTIFICATE: a PEM file with the client's certificate is expected"),
    ] {
        let json = r#"{"CLIENT_CERTIFICATE":{"certificate":"cert.pem","key":"key.pem"}}"#;
        let files = [("cert.pem", certificate.clone()), ("key.pem", key.clone())];
        assert_eq!(identity(json, &files).1, [expected]);
    }
    let shape = "CLIENT_CERTIFICATE: a path, or {\"certificate\": path, \"key\": path}, is expected";
    for value in
        ["7", r#"{"certificate":"a"}"#, r#"{"certificate":"a","key":"b","password":"c"}"#, r#"["a","b"]"#]
    {
        assert_eq!(identity(&format!(r#"{{"CLIENT_CERTIFICATE":{value}}}"#), &[]).1, [shape], "{value}");
    }
}

#[test]
fn an_identity_shows_nothing() {
    let pair = self_signed(parameters(NAME));
    let files = [("both.pem", pair.certificate.pem() + &pair.key.serialize_pem())];
    let identity = identity(r#"{"CLIENT_CERTIFICATE":"both.pem"}"#, &files).0;
    assert_eq!(format!("{identity:?}"), "Some(Identity(..))");
}
