//! Gateways and proxies behind TLS: trusted by their certificates, and nobody else.

use mtan_testkit::gateway::Gateway;
use mtan_testkit::proxy::ForwardProxy;
use serde_json::json;

use crate::certified::{Authority, Clients, Front};
use crate::support::{provider_at, send, word};

#[tokio::test]
async fn a_gateway_that_cannot_prove_its_name_gets_nothing() {
    let (gateway, ours) = (Gateway::start().await, Authority::new());
    let self_signed = Front::self_signed("localhost", gateway.address()).await;
    let of_another_name = ours.front("elsewhere.example", gateway.address(), Clients::Anybody).await;
    let unknown_root = ours.front("localhost", gateway.address(), Clients::Anybody).await;
    for (front, keys) in [
        (&self_signed, json!({})),
        (&self_signed, json!({ "SERVER_CERTIFICATE": ours.file("ca.pem") })),
        (&of_another_name, json!({ "SERVER_CERTIFICATE": ours.file("ca.pem") })),
        (&unknown_root, json!({})),
    ] {
        let verdict = send(&provider_at(&front.url(), keys)).await;
        assert_eq!(word(&verdict), "retry gateway_unreachable", "{verdict:?}");
        assert!(format!("{verdict:?}").contains("certificate"), "{verdict:?}");
    }
    assert_eq!(gateway.attempts(), 0);
}

#[tokio::test]
async fn a_gateway_is_trusted_by_the_file_or_unchecked_on_demand() {
    let (gateway, ours) = (Gateway::start().await, Authority::new());
    let front = ours.front("localhost", gateway.address(), Clients::Anybody).await;
    let self_signed = Front::self_signed("elsewhere.example", gateway.address()).await;
    for (front, keys) in [
        (&front, json!({ "SERVER_CERTIFICATE": ours.file("ca.pem") })),
        (&self_signed, json!({ "SERVER_CERTIFICATE": false })),
    ] {
        assert!(word(&send(&provider_at(&front.url(), keys)).await).starts_with("accepted"));
    }
    assert_eq!(gateway.requests().len(), 2);
}

#[tokio::test]
async fn a_gateway_that_asks_for_our_certificate_gets_it() {
    let (gateway, ours) = (Gateway::start().await, Authority::new());
    let front = ours.front("localhost", gateway.address(), Clients::WithOurCertificate).await;
    for (client, expected) in [
        (json!(ours.file("client.pem")), "accepted 1"),
        (json!({ "certificate": ours.file("client.pem"), "key": ours.file("client.pem") }), "accepted 2"),
        (json!(null), "rejected gateway_auth_failed"),
        (json!(ours.file("stranger.pem")), "rejected gateway_auth_failed"),
    ] {
        let keys = json!({ "SERVER_CERTIFICATE": ours.file("ca.pem"), "CLIENT_CERTIFICATE": client });
        let verdict = send(&provider_at(&front.url(), keys)).await;
        assert_eq!(word(&verdict), expected, "{client}: {verdict:?}");
    }
    assert_eq!(gateway.attempts(), 2);
}

#[tokio::test]
async fn a_tunnel_leads_through_a_proxy_that_wants_credentials() {
    let (gateway, ours) = (Gateway::start().await, Authority::new());
    let front = ours.front("gateway.invalid", gateway.address(), Clients::Anybody).await;
    let proxy = ForwardProxy::start_with_credentials("us:er", "p@ss").await;
    proxy.lead_to(front.address());
    for (login, expected) in [
        ("us%3Aer:p%40ss@", "accepted 1"),
        ("us%3Aer:no@", "rejected gateway_auth_failed"),
        ("", "rejected gateway_auth_failed"),
    ] {
        let address = proxy.url().replace("http://", &format!("http://{login}"));
        let keys = json!({ "PROXY": { "https": address }, "SERVER_CERTIFICATE": ours.file("ca.pem") });
        let verdict = send(&provider_at("https://gateway.invalid/send?own=1", keys)).await;
        assert_eq!(word(&verdict), expected, "{login}: {verdict:?}");
    }
    let asked: Vec<_> =
        proxy.requests().into_iter().map(|request| (request.method, request.target)).collect();
    assert!(
        asked.iter().all(|asked| *asked == ("CONNECT".to_owned(), "gateway.invalid:443".to_owned())),
        "{asked:?}"
    );
    assert_eq!(proxy.passed(), 1);
    assert!(gateway.requests()[0].header("proxy-authorization").is_none(), "that is for the proxy alone");
}

#[tokio::test]
async fn the_proxy_itself_may_speak_tls() {
    let (gateway, ours) = (Gateway::start().await, Authority::new());
    let proxy = ForwardProxy::start_with_credentials("user", "pass").await;
    proxy.lead_to(gateway.address());
    let front = ours.front("localhost", proxy.address(), Clients::Anybody).await;
    let address = format!("https://user:pass@localhost:{}", front.address().port());
    let keys = json!({ "PROXY": address, "SERVER_CERTIFICATE": ours.file("ca.pem") });
    let verdict = send(&provider_at("http://gateway.invalid/send", keys)).await;
    assert_eq!(word(&verdict), "accepted 1", "{verdict:?}");
    assert_eq!((proxy.passed(), gateway.attempts()), (1, 1));
    let unchecked = send(&provider_at("http://gateway.invalid/send", json!({ "PROXY": address }))).await;
    assert_eq!(word(&unchecked), "retry gateway_unreachable");
}
