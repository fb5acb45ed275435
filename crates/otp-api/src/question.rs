//! Parameters become a typed question: whose token, which pass, which challenge.

use mtan_verifier::{Ask, CallerText, Subject, TransactionId, UserRef};

use crate::endpoint::Endpoint;
use crate::params::{Params, Unreadable};

/// The names that clients have for the challenge they answer.
const TRANSACTION: [&str; 3] = ["transactionid", "state", "transaction_id"];

/// No challenge has this name: they have 17 digits, the first one 1 to 9.
const NO_CHALLENGE: &str = "0";

/// How names of users are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The realm of a user without one.
    pub(crate) default_realm: String,
    /// Whether `user@realm` is a user and a realm.
    pub(crate) split_at_sign: bool,
}

/// What `/validate` asks. Holds PIN and code: it has no `Debug`.
pub(crate) struct Question {
    /// Whose token.
    pub(crate) subject: Subject,
    /// Who is asked for in place of a user whom nobody knows.
    stand_in: Option<Subject>,
    /// PIN, PIN and code, or code.
    pub(crate) pass: String,
    /// The challenge that it answers.
    pub(crate) transaction: Option<TransactionId>,
    /// What the SMS shall say, if callers may say that.
    text: Option<OwnText>,
    /// Whether an SMS is asked for without a PIN.
    without_pin: bool,
    /// LinOTP's `token_type`: whether it is ours.
    pub(crate) of_our_type: bool,
    /// LinOTP's `auth_info`.
    pub(crate) auth_info: bool,
    /// Whom the caller asks for, for the audit log.
    pub(crate) client: Option<String>,
}

enum OwnText {
    Base(String),
    Instead(String),
}

impl Question {
    /// The question, if there is one: a subject and a `pass` are there (an empty `pass` is one) and nothing is ambiguous.
    pub(crate) fn new(endpoint: Endpoint, params: &Params, names: &Names) -> Result<Question, Unreadable> {
        let text = own_text(params);
        let without_pin = endpoint == Endpoint::CheckS && params.get("challenge")?.is_some();
        let pass = match params.get("pass")? {
            Some(pass) => pass.to_owned(),
            None if without_pin => String::new(),
            None => return Err(Unreadable("a parameter pass is expected")),
        };
        let transaction = transaction(params)?;
        let subject = match (endpoint, &transaction) {
            (Endpoint::CheckT, Some(transaction)) => Subject::Transaction(transaction.clone()),
            (Endpoint::CheckT | Endpoint::CheckStatus, None) => {
                return Err(Unreadable("a parameter transactionid is expected"));
            }
            _ => subject(params, names)?,
        };
        let of_our_type = params.filled("token_type")?.is_none_or(|kind| kind.eq_ignore_ascii_case("sms"));
        let auth_info = params.get("auth_info")?.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        // What is no text is passed over: it decides nothing.
        let client = params.filled("client").ok().flatten().map(str::to_owned);
        Ok(Question {
            subject,
            stand_in: None,
            pass,
            transaction,
            text,
            without_pin,
            of_our_type,
            auth_info,
            client,
        })
    }

    /// A question that says whose token, what, and which challenge; nothing else.
    pub(crate) fn plain(subject: Subject, pass: String, transaction: Option<TransactionId>) -> Question {
        Question {
            subject,
            stand_in: None,
            pass,
            transaction,
            text: None,
            without_pin: false,
            of_our_type: true,
            auth_info: false,
            client: None,
        }
    }

    /// The same about somebody else; logs and policies keep to the one who was named.
    pub(crate) fn about(self, stand_in: Subject) -> Question {
        Question { stand_in: Some(stand_in), ..self }
    }

    /// Whom the verifier is asked for.
    pub(crate) fn asked_for(&self) -> &Subject {
        self.stand_in.as_ref().unwrap_or(&self.subject)
    }

    /// The question as the verifier takes it.
    pub(crate) fn ask(&self) -> Ask<'_> {
        let text = self.text.as_ref().map(|text| match text {
            OwnText::Base(text) => CallerText::Base(text),
            OwnText::Instead(text) => CallerText::Instead(text),
        });
        Ask {
            transaction: self.transaction.as_ref(),
            text,
            without_pin: self.without_pin,
            ..Ask::new(self.asked_for(), &self.pass)
        }
    }
}

/// LinOTP's order: `data` or `message` in place of everything, `challenge` in place of the bare code. What is no text is
/// passed over: most installations let nobody say anything.
fn own_text(params: &Params) -> Option<OwnText> {
    let text = |key| params.filled(key).ok().flatten().map(str::to_owned);
    let instead = text("data").or_else(|| text("message")).map(OwnText::Instead);
    instead.or_else(|| text("challenge").map(OwnText::Base))
}

/// `serial` names the token; without it the user does.
fn subject(params: &Params, names: &Names) -> Result<Subject, Unreadable> {
    if let Some(serial) = params.filled("serial")? {
        return serial.parse().map(Subject::Serial).map_err(|_| Unreadable("serial names no token"));
    }
    user(params, names)?.map(Subject::User).ok_or(Unreadable("a parameter user is expected"))
}

/// The user, if one is named: as LinOTP reads it, `user@realm` is split first and a parameter `realm` wins.
pub(crate) fn user(params: &Params, names: &Names) -> Result<Option<UserRef>, Unreadable> {
    let Some(text) = params.filled("user")? else { return Ok(None) };
    user_named(text, params.filled("realm")?, names).map(Some)
}

/// The user of that name; `user@realm` is split first, and `realm` wins.
pub(crate) fn user_named(text: &str, realm: Option<&str>, names: &Names) -> Result<UserRef, Unreadable> {
    let (user, of_name) = match text.rsplit_once('@') {
        Some((user, realm)) if names.split_at_sign => (user, realm),
        _ => (text, ""),
    };
    let realm = realm.unwrap_or(of_name);
    let realm = if realm.is_empty() { &names.default_realm } else { realm };
    UserRef::new(user, realm)
        .map_err(|_| Unreadable("user and realm: 1 to 255 characters without control characters"))
}

/// An empty one counts as none. One that can be no name of ours is still a failed try, never a question without a challenge.
fn transaction(params: &Params) -> Result<Option<TransactionId>, Unreadable> {
    let mut named: Option<&str> = None;
    for key in TRANSACTION {
        let Some(text) = params.filled(key)? else { continue };
        if named.is_some_and(|before| before != text) {
            return Err(Unreadable("one challenge is expected"));
        }
        named = Some(text);
    }
    Ok(named.map(transaction_named))
}

/// The challenge of that name; what can be no name is one that no challenge has.
pub(crate) fn transaction_named(text: &str) -> TransactionId {
    let unknown = |()| NO_CHALLENGE.parse().expect("a digit is a transaction id");
    text.parse().unwrap_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    fn params(form: &str) -> Params {
        Params::parse(&HeaderMap::new(), b"", form.as_bytes()).unwrap()
    }

    fn names(split_at_sign: bool) -> Names {
        Names { default_realm: "home".into(), split_at_sign }
    }

    #[test]
    fn a_realm_comes_from_its_parameter_the_at_sign_or_the_default() {
        for (form, split, expected) in [
            ("user=alice", true, "alice@home"),
            ("user=alice&realm=", true, "alice@home"),
            ("user=alice&realm=Work", true, "alice@work"),
            ("user=alice@Work", true, "alice@work"),
            ("user=alice@", true, "alice@home"),
            ("user=alice@x@work", true, "alice@x@work"),
            ("user=alice@work&realm=home", true, "alice@home"),
            ("user=alice@work", false, "alice@work@home"),
        ] {
            let user = user(&params(form), &names(split)).unwrap().unwrap();
            assert_eq!(user.to_string(), expected, "{form}");
        }
        let split = user(&params("user=alice@x@work"), &names(true)).unwrap().unwrap();
        assert_eq!((split.user(), split.realm()), ("alice@x", "work"));
        assert_eq!(user(&params("user=&realm=x"), &names(true)), Ok(None));
        assert!(user(&params("user=@work"), &names(true)).is_err());
        assert!(user(&params("user=a%00b"), &names(true)).is_err());
    }

    #[test]
    fn the_three_names_of_a_challenge_mean_the_same() {
        for form in
            ["state=12", "transactionid=12", "transaction_id=12", "state=12&transactionid=12&transaction_id="]
        {
            let id = transaction(&params(form)).unwrap().unwrap();
            assert_eq!(id.as_str(), "12", "{form}");
        }
        assert!(transaction(&params("state=12&transactionid=13")).is_err());
        assert_eq!(transaction(&params("state=")), Ok(None));
    }

    #[test]
    fn a_challenge_that_cannot_exist_is_still_named() {
        for form in ["state=abc", "state=-1", "state=%20", &format!("state={}", "1".repeat(33))] {
            let id = transaction(&params(form)).unwrap().unwrap();
            assert_eq!(id.as_str(), NO_CHALLENGE, "{form}");
        }
    }

    #[test]
    fn a_serial_wins_over_the_user_and_a_missing_pass_is_no_question() {
        let question =
            Question::new(Endpoint::Check, &params("serial=LSSM1&user=alice&pass="), &names(true)).unwrap();
        assert_eq!(question.subject, Subject::Serial("LSSM1".parse().unwrap()));
        for form in ["user=alice", "pass=1", "serial=&pass=1", "serial=a%20b&pass=1&user=alice", ""] {
            assert!(Question::new(Endpoint::Check, &params(form), &names(true)).is_err(), "{form}");
        }
    }

    #[test]
    fn a_transaction_alone_is_a_question_for_check_t_only() {
        let form = params("state=12&pass=1");
        let question = Question::new(Endpoint::CheckT, &form, &names(true)).unwrap();
        assert_eq!(question.subject, Subject::Transaction("12".parse().unwrap()));
        assert!(Question::new(Endpoint::Check, &form, &names(true)).is_err());
        assert!(Question::new(Endpoint::CheckT, &params("user=alice&pass=1"), &names(true)).is_err());
        assert!(Question::new(Endpoint::CheckStatus, &params("user=alice&pass=1"), &names(true)).is_err());
    }

    #[test]
    fn only_check_s_may_ask_without_a_pass() {
        let form = params("serial=LSSM1&challenge=Hello");
        assert!(Question::new(Endpoint::CheckS, &form, &names(true)).unwrap().ask().without_pin);
        assert!(Question::new(Endpoint::Check, &form, &names(true)).is_err());
        let form = params("serial=LSSM1&challenge=Hello&pass=1");
        assert!(!Question::new(Endpoint::Check, &form, &names(true)).unwrap().ask().without_pin);
    }

    #[test]
    fn of_several_texts_data_wins() {
        for (form, text) in [
            ("challenge=c&message=m&data=d", Some(CallerText::Instead("d"))),
            ("challenge=c&message=m&data=", Some(CallerText::Instead("m"))),
            ("challenge=c", Some(CallerText::Base("c"))),
            ("challenge=", None),
        ] {
            let form = params(&format!("user=alice&pass=1&{form}"));
            assert_eq!(Question::new(Endpoint::Check, &form, &names(true)).unwrap().ask().text, text);
        }
    }
}
