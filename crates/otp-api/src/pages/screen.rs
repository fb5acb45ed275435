//! What a page shows: where its story stands, and what became of the last step.

use super::Page;

/// One view of a page. It has no place for a PIN or a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Screen<'a> {
    pub(super) page: Page,
    /// What became of the last step.
    pub(super) said: Option<Said>,
    /// What comes next.
    pub(super) step: Step<'a>,
}

/// What is asked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// User and PIN, or all at once. The user is known after a no.
    Ask { user: &'a str },
    /// The code of an SMS that is under way.
    Code { user: &'a str, transaction: &'a str },
    /// Nothing.
    Welcome { user: &'a str },
}

/// What became of the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// An SMS is under way.
    Sent,
    /// It was under way before, and no second one is sent so soon.
    AlreadySent,
    /// No, for whatever reason.
    No,
    /// The form did not come from here.
    Stranger,
    /// Yes.
    Welcome,
}
