//! What a newcomer reads: the next steps, as lines that work when they are pasted.

use std::net::SocketAddr;

use super::{PIN, USER};

#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(crate) fn print(address: SocketAddr, folder: &str) {
    // As it was called: that works again from the same folder.
    let program = std::env::args().next().unwrap_or_else(|| "mtan".to_owned());
    println!("{}", text(&format!("http://{address}"), folder, &program));
}

fn text(url: &str, folder: &str, program: &str) -> String {
    format!(
        "
mtan is up, as a demo: no SMS gateway is configured, so this page stands in for the phone:

    {url}/demo/phone

Paste into a second terminal:

 1. The PIN is right: an SMS is sent (\"value\": false with a transaction id is the challenge).

    curl -d user={USER} -d pass={PIN} {url}/validate/check

 2. PIN and code: \"value\": true. (The inner curl reads the code from the phone; or type it after the PIN.)

    curl -d user={USER} -d pass={PIN}$(curl -s {url}/demo/phone/code) {url}/validate/check

 3. The same once more: \"value\": false, for a code counts once.

    curl -d user={USER} -d pass={PIN}$(curl -s {url}/demo/phone/code) {url}/validate/check

A token of your own (state is kept in {folder}; Ctrl-C stops):

    {program} token init --server {url} --user alice --phone +12025550143 --pin 4711

To send real SMS, write an [sms] section: see the README.
"
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_lines_can_be_pasted() {
        let text = super::text("http://127.0.0.1:8080", "mtan-data", "mtan");
        assert!(text.contains("curl -d user=demo -d pass=1234 http://127.0.0.1:8080/validate/check\n"));
        assert!(text.lines().filter(|l| l.contains("curl -d")).all(|l| l.starts_with("    curl ")));
    }
}
