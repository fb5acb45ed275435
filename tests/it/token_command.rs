//! `mtan token` and `mtan audit`, as an administrator meets them.

use mtan_testkit::process::Process;
use serde_json::Value;

use crate::house::{PATIENCE, binary, client};

/// A demo, and the command line beside it.
struct Desk {
    mtan: Process,
    url: String,
}

impl Desk {
    async fn start() -> Desk {
        let mut mtan = Process::start(binary("mtan"), &[], &[("MTAN__OTP_API__LISTEN", "127.0.0.1:0")]);
        mtan.wait_for_line("To send real SMS").await;
        let lines = mtan.stdout();
        let trigger = lines.iter().find(|line| line.trim().starts_with("curl ")).expect("a line to paste");
        let url = trigger.split_whitespace().last().unwrap().replace("/validate/check", "");
        Desk { mtan, url }
    }

    /// Exit code, standard output and standard error.
    async fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let all = [arguments, &["--server", &self.url]].concat();
        let mut process = Process::start_in(self.mtan.folder(), binary("mtan"), &all, &[]);
        let code = process.wait(PATIENCE).await.code();
        let said = process.stdout();
        let complaints: Vec<_> = process.lines().into_iter().filter(|line| !said.contains(line)).collect();
        (code, said.join("\n"), complaints.join("\n"))
    }

    /// What a command prints that goes well.
    async fn says(&self, arguments: &[&str]) -> String {
        let (code, said, complaints) = self.run(arguments).await;
        assert_eq!(code, Some(0), "{arguments:?}: {complaints}");
        said
    }

    /// What a command complains of that does not.
    async fn refuses(&self, arguments: &[&str]) -> String {
        let (code, said, complaints) = self.run(arguments).await;
        assert_eq!((code, said.as_str()), (Some(1), ""), "{arguments:?}: {complaints}");
        complaints
    }

    /// Whether this PIN has an SMS sent.
    async fn triggers(&self, user: &str, pin: &str) -> bool {
        let url = format!("{}/validate/smspin", self.url);
        let reply = client().post(url).form(&[("user", user), ("pass", pin)]).send().await.unwrap();
        reply.json::<Value>().await.unwrap()["result"]["value"] == true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_changed_switched_given_and_removed() {
    let desk = Desk::start().await;
    let init = [
        "token",
        "init",
        "--user",
        "alice",
        "--phone",
        "+12025550143",
        "--pin",
        "4711",
        "--serial",
        "CARD-1",
    ];
    assert_eq!(desk.says(&init).await, "CARD-1");
    assert!(desk.triggers("alice", "4711").await);

    let table = desk.says(&["token", "show", "CARD-*"]).await;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["SERIAL", "USER", "PHONE", "STATE", "TRIES", "DIGITS", "DESCRIPTION"]);
    assert_eq!(lines[1], ["CARD-1", "alice@default", "+12025550143", "active", "0/10", "6"]);
    let json: Value =
        serde_json::from_str(&desk.says(&["token", "show", "--user", "alice", "--json"]).await).unwrap();
    assert_eq!(json[0]["LinOtp.TokenSerialnumber"], "CARD-1");
    assert_eq!(desk.says(&["token", "show", "NONE"]).await, "no token");

    assert_eq!(desk.says(&["token", "disable", "CARD-1"]).await, "1 token switched off");
    assert!(!desk.triggers("alice", "4711").await);
    assert_eq!(desk.says(&["token", "enable", "--user", "alice"]).await, "1 token switched on");
    let set = ["token", "set", "CARD-1", "--pin", "99", "--description", "her second", "--max-fail", "2"];
    assert_eq!(desk.says(&set).await, "1 token changed");
    assert!(!desk.triggers("alice", "4711").await && !desk.triggers("alice", "4711").await);
    assert!(desk.says(&["token", "show", "CARD-1"]).await.contains("locked  2/2"), "two wrong tries lock it");
    assert_eq!(desk.says(&["token", "reset", "CARD-1"]).await, "1 token reset");
    assert!(desk.triggers("alice", "99").await);

    assert_eq!(desk.says(&["token", "assign", "CARD-1", "--user", "bob"]).await, "CARD-1: now bob's");
    assert!(!desk.triggers("alice", "99").await && desk.triggers("bob", "99").await);
    assert_eq!(desk.says(&["token", "unassign", "CARD-1"]).await, "CARD-1: now nobody's");
    assert!(!desk.triggers("bob", "99").await);
    assert!(
        desk.refuses(&["token", "resync", "CARD-1", "000000", "000000"]).await.contains("two codes in a row")
    );
    assert_eq!(desk.says(&["token", "remove", "CARD-1"]).await, "1 token removed");

    for call in ["remove", "enable", "disable", "reset", "unassign"] {
        let complaint = desk.refuses(&["token", call, "CARD-1"]).await;
        assert!(complaint.contains("No token with serial CARD-1"), "{call}: {complaint}");
    }
    assert!(desk.refuses(&["token", "set", "CARD-1"]).await.contains("nothing to set"));

    let told = desk.says(&["audit", "--serial", "CARD-1", "--action", "admin/*"]).await;
    let calls: Vec<&str> = told.lines().skip(1).map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(
        calls,
        [
            "admin/remove",
            "admin/resync",
            "admin/unassign",
            "admin/assign",
            "admin/reset",
            "admin/set",
            "admin/enable",
            "admin/disable",
            "admin/init",
        ]
    );
    let json: Value =
        serde_json::from_str(&desk.says(&["audit", "--user", "bob", "--newest", "1", "--json"]).await)
            .unwrap();
    assert_eq!(json["rows"].as_array().unwrap().len(), 1);
    assert!(!told.contains("4711") && !told.contains("+1202"), "{told}");
}
