//! The sample pages, byte by byte; tests/it/pages.rs of the workspace shows them to a real browser.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use mtan_otp_api::{OtpApiSection, Settings};
use mtan_verifier::Policy;

use crate::hand::Mood;
use crate::house::{FORM, House, Reply, other_than};

const PAGES: [&str; 4] = ["/auth/requestsms", "/auth/index", "/auth/index3", "/auth/challenge-response"];
const NO: &str = "That did not work.";
const YES: &str = "PIN and code were right.";
const SENT: &str = "A code is on its way to your phone.";

/// The value of the hidden or shown field `name`.
fn field(reply: &Reply, name: &str) -> String {
    let (_, rest) = reply.body.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{reply:?}"));
    let (_, rest) = rest.split_once("value=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_pin_becomes_an_sms_and_its_code_a_welcome_once() {
    for page in ["/auth/requestsms", "/auth/challenge-response", "/auth/index3"] {
        let house = House::new().await;
        let sent = house.post(page, "user=alice&pin=1234").await;
        assert_eq!(sent.status, StatusCode::OK);
        assert!(sent.body.contains(SENT), "{page}: {}", sent.body);
        let (transaction, code) = (field(&sent, "transactionid"), house.code());
        let answer = format!("user=alice&transactionid={transaction}&code={code}");
        let wrong = format!("user=alice&transactionid={transaction}&code={}", other_than(&code));
        let refused = house.post(page, wrong).await;
        assert!(refused.body.contains(NO), "{page}: {}", refused.body);
        assert_eq!(field(&refused, "transactionid"), transaction, "the challenge can still be answered");
        assert_eq!(house.fail_count().await, 1, "a wrong code counts");
        assert!(house.post(page, answer.clone()).await.body.contains(YES), "{page}");
        assert!(house.post(page, answer).await.body.contains(NO), "{page}: a code counts once");
    }
}

#[tokio::test]
async fn pin_and_code_in_one_field_or_in_two_are_the_same() {
    let house = House::new().await;
    assert!(house.post("/auth/index", "user=alice&pin=1234").await.body.contains(SENT));
    let code = house.code();
    assert!(house.post("/auth/index", format!("user=alice&pin=1234{code}")).await.body.contains(YES));
    assert!(house.post("/auth/index3", "user=alice&pin=1234&code=").await.body.contains(SENT));
    let code = house.code();
    let spaced = format!("user=+alice+&pin=1234&code={}+{}", &code[..3], &code[3..]);
    assert!(house.post("/auth/index3", spaced).await.body.contains(YES), "as people write codes");
}

#[tokio::test]
async fn a_pin_behind_the_code_is_put_there() {
    let policy = Policy { prepend_pin: false, ..Policy::default() };
    let house = House::with(Settings { policies: policy.into(), ..Settings::default() }).await;
    assert!(house.post("/auth/index3", "user=alice&pin=1234").await.body.contains(SENT));
    let form = format!("user=alice&pin=1234&code={}", house.code());
    assert!(house.post("/auth/index3", form).await.body.contains(YES));
}

#[tokio::test]
async fn another_sms_can_be_asked_for_where_three_fields_are() {
    let policy = Policy { blocking: Duration::ZERO, ..Policy::default() };
    let house = House::with(Settings { policies: policy.into(), ..Settings::default() }).await;
    let first = field(&house.post("/auth/index3", "user=alice&pin=1234").await, "transactionid");
    let again = house.post("/auth/index3", format!("user=alice&pin=1234&transactionid={first}&code=")).await;
    assert!(again.body.contains(SENT));
    assert_ne!(field(&again, "transactionid"), first);
}

#[tokio::test]
async fn a_second_trigger_is_told_from_the_first() {
    let house = House::new().await;
    let first = field(&house.post("/auth/requestsms", "user=alice&pin=1234").await, "transactionid");
    let second = house.post("/auth/requestsms", "user=alice&pin=1234").await;
    assert!(second.body.contains("A code is on its way already."));
    assert_eq!(field(&second, "transactionid"), first);
}

#[tokio::test]
async fn every_reason_has_one_and_the_same_no() {
    for page in PAGES {
        let house = House::new().await;
        let expected = house.post(page, "user=alice&pin=9999").await;
        assert!(expected.body.contains(NO), "{}", expected.body);
        for form in ["user=alice&pin=", "user=alice", "user=alice&pin=12345678901234"] {
            assert_eq!(house.post(page, form).await.body, expected.body, "{page} {form}");
        }
        let nobody = house.post(page, "user=alicf&pin=1234").await;
        assert_eq!(
            nobody.body.replace("alicf", "alice"),
            expected.body,
            "an unknown user is no other answer"
        );
    }
    let house = House::new().await;
    let wrong = house.post("/auth/requestsms", "user=alice&pin=9999").await;
    for _ in 0..10 {
        house.post("/validate/check", "user=alice&pass=wrong").await;
    }
    let locked = house.post("/auth/requestsms", "user=alice&pin=1234").await;
    assert_eq!(locked.body, wrong.body, "a locked token is no other answer");
    house.store.mood.set(Mood::Away);
    assert_eq!(house.post("/auth/requestsms", "user=alice&pin=1234").await.body, wrong.body);
}

#[tokio::test]
async fn an_expired_code_is_refused() {
    let house = House::new().await;
    let sent = house.post("/auth/requestsms", "user=alice&pin=1234").await;
    let form = format!("user=alice&transactionid={}&code={}", field(&sent, "transactionid"), house.code());
    house.clock.turn(Duration::from_secs(301));
    assert!(house.post("/auth/requestsms", form).await.body.contains(NO));
}

#[tokio::test]
async fn what_cannot_be_a_question_is_a_plain_no() {
    let house = House::new().await;
    let huge = format!("user=alice&pin={}", "1".repeat(100_000));
    for form in [
        "",
        "pin=1234",
        "user=&pin=1234",
        "user=alice&user=bob&pin=1234",
        "user=%ff&pin=1234",
        "user=a%00b&pin=1",
        &huge,
    ] {
        for page in PAGES {
            let reply = house.post(page, form.to_owned()).await;
            assert_eq!(reply.status, StatusCode::OK);
            assert!(reply.body.contains(NO), "{page} {form}");
        }
    }
    let bogus = house.post("/auth/requestsms", "user=alice&transactionid=zz%22%3E&code=123456").await;
    assert!(bogus.body.contains(NO) && !bogus.body.contains("zz\">"), "{}", bogus.body);
    assert!(house.queue.count() == 0, "nothing was sent for any of it");
}

#[tokio::test]
async fn no_pin_and_no_code_is_shown_again() {
    let house = House::new().await;
    for page in PAGES {
        let reply = house.post(page, "user=alice&pin=S3cretPin&code=998877").await;
        assert!(
            !reply.body.contains("S3cretPin") && !reply.body.contains("998877"),
            "{page}: {}",
            reply.body
        );
        let sent = house.post(page, "user=alice&pin=1234").await;
        assert!(!sent.body.contains(&house.code()), "{page}: {}", sent.body);
        assert!(!sent.body.contains("value=\"1234\""), "{page}: {}", sent.body);
    }
}

#[tokio::test]
async fn a_query_is_never_read() {
    let house = House::new().await;
    for page in PAGES {
        let shown = house.get(&format!("{page}?user=alice&pin=1234&code=123456")).await;
        assert_eq!(shown.body, house.get(page).await.body);
        let reply = house.post(&format!("{page}?user=alice&pin=1234"), "").await;
        assert!(reply.body.contains(NO), "{}", reply.body);
    }
    assert!(house.queue.count() == 0, "no SMS came of an address");
}

#[tokio::test]
async fn markup_in_a_name_stays_text() {
    let house = House::new().await;
    for page in PAGES {
        let form = "user=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%27%26amp%3B&pin=1";
        let reply = house.post(page, form).await;
        assert!(!reply.body.contains("<script"), "{}", reply.body);
        assert!(
            reply.body.contains("value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;'&amp;amp;\""),
            "{}",
            reply.body
        );
        let form = "user=alice&transactionid=%22%3E%3Cb%3E&code=1";
        assert!(!house.post(page, form).await.body.contains("<b>"));
    }
}

#[tokio::test]
async fn pages_and_files_have_strict_headers() {
    let house = House::new().await;
    let mut replies = vec![house.get("/auth/pages.css").await, house.get("/auth/icon.svg").await];
    assert_eq!(replies[0].content_type(), "text/css; charset=utf-8");
    assert_eq!(replies[1].content_type(), "image/svg+xml");
    for page in PAGES {
        replies.extend([house.get(page).await, house.post(page, "user=alice&pin=9").await]);
    }
    for reply in replies {
        let header = |name: &str| reply.headers[name].to_str().unwrap();
        assert_eq!(
            header("content-security-policy"),
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
        if reply.content_type().starts_with("text/html") {
            for foreign in ["<style", "style=", "<script", "http://", "https://", "//"] {
                assert!(!reply.body.contains(foreign), "{foreign} in {}", reply.body);
            }
        }
    }
}

#[tokio::test]
async fn a_form_of_another_site_is_not_read() {
    let house = House::new().await;
    for headers in [
        &[("content-type", FORM), ("sec-fetch-site", "cross-site")][..],
        &[("content-type", FORM), ("sec-fetch-site", "same-site")],
        &[("content-type", FORM), ("host", "mtan.example"), ("origin", "https://evil.example")],
    ] {
        for page in PAGES {
            let reply = house.post_with(page, headers, "user=alice&pin=1234").await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN);
            assert!(reply.body.contains("sent from another site"), "{}", reply.body);
        }
    }
    assert!(house.queue.count() == 0);
    let ours = [("content-type", FORM), ("sec-fetch-site", "same-origin")];
    assert!(house.post_with("/auth/requestsms", &ours, "user=alice&pin=1234").await.body.contains(SENT));
}

#[tokio::test]
async fn german_is_spoken_where_it_is_wanted() {
    let house = House::new().await;
    for page in PAGES {
        let request = Request::builder().uri(page).header("accept-language", "de-CH,de;q=0.9,en;q=0.8");
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        assert!(reply.body.contains("<html lang=\"de\">") && reply.body.contains("Benutzername"));
        assert_eq!(reply.headers["vary"], "accept-language");
        assert!(house.get(page).await.body.contains("<html lang=\"en\">"));
    }
}

#[tokio::test]
async fn without_the_pages_there_is_nothing() {
    let off = OtpApiSection { pages: false, ..OtpApiSection::default() };
    let house = House::with(Settings { otp_api: off, ..Settings::default() }).await;
    for path in PAGES.into_iter().chain(["/auth/pages.css", "/auth/icon.svg"]) {
        assert_eq!(house.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(house.post(path, "user=alice&pin=1234").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(house.queue.count() == 0);
}

#[tokio::test]
async fn a_page_takes_get_and_post_only() {
    let house = House::new().await;
    for page in PAGES {
        let request = Request::builder().method("PUT").uri(page).body(Body::empty()).unwrap();
        assert_eq!(house.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}
