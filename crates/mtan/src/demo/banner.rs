//! What a newcomer reads: the next steps, as lines that work when they are pasted.

use std::net::SocketAddr;
use std::path::Path;

use super::{PIN, USER};
use crate::admin::PASSWORD_FILE;

#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(crate) fn print(address: SocketAddr, pages: bool, folder: &Path) {
    // As it was called: that works again from the same folder.
    let program = std::env::args().next().unwrap_or_else(|| "mtan".to_owned());
    println!("{}", text(&format!("http://{address}"), pages, folder, &program));
}

fn text(url: &str, pages: bool, folder: &Path, program: &str) -> String {
    let password = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()).join(PASSWORD_FILE);
    let (program, password) = (quoted(program), quoted(&password.to_string_lossy()));
    let folder = folder.display();
    let page = match pages {
        true => format!(
            "
and this one is a login as a user sees it (user {USER}, PIN {PIN}):

    {url}/auth/requestsms
"
        ),
        false => String::new(),
    };
    format!(
        "
mtan is up, as a demo: no SMS gateway is configured, so this page stands in for the phone:

    {url}/demo/phone
{page}
Paste into a second terminal:

 1. The PIN is right: an SMS is sent (\"value\": false with a transaction id is the challenge).

    curl -d user={USER} -d pass={PIN} {url}/validate/check

 2. PIN and code: \"value\": true. (The inner curl reads the code from the phone; or type it after the PIN.)

    curl -d user={USER} -d pass={PIN}\"$(curl -sf {url}/demo/phone/code)\" {url}/validate/check

 3. The same once more: \"value\": false, for a code counts once.

    curl -d user={USER} -d pass={PIN}\"$(curl -sf {url}/demo/phone/code)\" {url}/validate/check

A token of your own (state is kept in {folder}; Ctrl-C stops):

    {program} token init --server {url} --admin-password-file {password} --user alice --phone +12025550143 --pin 4711

To send real SMS, write an [sms] section: see the README.
"
    )
}

/// As one word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_word_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(super::quoted("target/debug/mtan"), "target/debug/mtan");
        assert_eq!(super::quoted("it's here"), r"'it'\''s here'");
    }

    #[test]
    fn the_lines_can_be_pasted() {
        let text = super::text("http://127.0.0.1:8080", true, "/a folder".as_ref(), "mtan");
        assert!(text.contains("curl -d user=demo -d pass=1234 http://127.0.0.1:8080/validate/check\n"));
        assert!(text.contains("--admin-password-file '/a folder/admin-password' "), "{text}");
        assert!(text.lines().filter(|l| l.contains("curl -d")).all(|l| l.starts_with("    curl ")));
        assert!(text.contains("\n    http://127.0.0.1:8080/auth/requestsms\n"), "{text}");
        let without = super::text("http://127.0.0.1:8080", false, "/a folder".as_ref(), "mtan");
        assert!(!without.contains("/auth/"), "a page that is not served is not named");
    }
}
