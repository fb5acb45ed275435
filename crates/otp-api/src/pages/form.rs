//! What a person typed becomes a question, as /validate asks it.

use axum::extract::Request;
use axum::http::Uri;
use mtan_verifier::Subject;

use super::Page;
use crate::OtpApi;
use crate::params::{Params, Unreadable};
use crate::question::{Question, transaction_named, user_named};

/// The fields as they were sent; one that is not there is empty. Holds PIN and code: it has no `Debug`.
#[derive(Default)]
pub(super) struct Form {
    /// The user; phones put a space behind a word that they complete.
    pub(super) user: String,
    /// The PIN; on the page with one field PIN and code.
    pin: String,
    /// The code, without the spaces that make it easy to read.
    code: String,
    /// The challenge that the code answers.
    pub(super) transaction: String,
}

impl Form {
    /// Reads the body, and only the body: an address is kept in histories and logs, so nothing of it counts.
    pub(super) async fn read(mut request: Request) -> Result<Form, Unreadable> {
        *request.uri_mut() = Uri::from_static("/");
        let params = Params::read(request).await?;
        let field = |key| params.filled(key).map(|text| text.unwrap_or_default().to_owned());
        Ok(Form {
            user: field("user")?.trim().to_owned(),
            pin: field("pin")?,
            code: field("code")?.split_whitespace().collect(),
            transaction: field("transactionid")?,
        })
    }

    /// The question of this form.
    pub(super) fn question(&self, page: Page, api: &OtpApi) -> Result<Question, Unreadable> {
        if self.user.is_empty() {
            return Err(Unreadable("a user is expected"));
        }
        let user = user_named(&self.user, None, &api.inner.names)?;
        let policy = api.inner.verifier.policies().of(Some(&user));
        let pass = match policy.prepend_pin {
            true => format!("{}{}", self.pin, self.code),
            false => format!("{}{}", self.code, self.pin),
        };
        // on the page of three fields the PIN alone asks for another SMS
        let asks_again = page == Page::Index3 && self.code.is_empty();
        let transaction = Some(&self.transaction).filter(|named| !named.is_empty() && !asks_again);
        let transaction = transaction.map(|named| transaction_named(named));
        Ok(Question::plain(Subject::User(user), pass, transaction))
    }
}
