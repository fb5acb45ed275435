//! Every example of `docs/gateways.md` loads, and every key is in one.

use std::collections::BTreeSet;

use rcgen::{CertificateParams, KeyPair};

use super::*;

const DOCS: &str = include_str!("../../../../../docs/gateways.md");

/// The JSON examples that are about HTTP.
fn examples() -> Vec<&'static str> {
    let blocks = DOCS.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.filter(|block| block.contains("\"URL\"")).collect()
}

#[test]
fn every_example_loads_and_every_key_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["gateway.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    for (name, content) in [
        ("ca.pem", certificate.pem()),
        ("client.pem", certificate.pem()),
        ("client.key", key.serialize_pem()),
    ] {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let mut shown = BTreeSet::new();
    for example in examples() {
        let config = HttpConfig::from_json(example, folder.path());
        let config = config.unwrap_or_else(|faults| panic!("{example}\n{faults:?}"));
        assert!(config.warnings().is_empty(), "{example}\n{:?}", config.warnings());
        let object: serde_json::Map<String, Value> = serde_json::from_str(example).unwrap();
        shown.extend(object.into_iter().map(|(key, _)| key));
    }
    let known: BTreeSet<_> = keys::KNOWN.read.iter().map(|key| (*key).to_owned()).collect();
    assert_eq!(shown, known);
}
