//! A screen as HTML. `maud` escapes whatever is put in: no text of a request becomes markup.

use maud::{DOCTYPE, Markup, html};

use super::Page;
use super::screen::{Said, Screen, Step};
use super::texts::Texts;

/// As many characters as a name of ours has at most.
const LONGEST_USER: &str = "255";

/// More than any PIN and code together.
const LONGEST_PIN: &str = "255";

/// Eight digits, and room for spaces between them.
const LONGEST_CODE: &str = "16";

/// The whole page.
pub(super) fn html(screen: &Screen<'_>, texts: &Texts) -> Markup {
    let words = texts.page(screen.page);
    let heading = match screen.step {
        Step::Ask { .. } => words.title,
        Step::Code { .. } if asks_all(screen.page) => words.title,
        Step::Code { .. } => texts.enter_code,
        Step::Welcome { .. } => texts.welcome,
    };
    html! {
        (DOCTYPE)
        html lang=(texts.lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title {
                    @if matches!(screen.said, Some(Said::No | Said::Stranger)) { (texts.refused) ": " }
                    (heading)
                }
                link rel="icon" href="/auth/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/auth/pages.css";
            }
            body {
                main {
                    img.mark src="/auth/icon.svg" alt="" width="48" height="48";
                    (heading_of(screen, heading))
                    @if matches!(screen.step, Step::Ask { .. }) { p.intro { (words.intro) } }
                    @if let Some(said) = screen.said { (outcome(said, texts)) }
                    @match screen.step {
                        Step::Welcome { .. } => p.more { a href=(screen.page.path()) { (texts.again) } },
                        _ => (form(screen, texts)),
                    }
                }
                (others(screen.page, texts))
            }
        }
    }
}

/// Whether the page has the same fields at every step.
fn asks_all(page: Page) -> bool {
    matches!(page, Page::Index | Page::Index3)
}

fn heading_of(screen: &Screen<'_>, heading: &str) -> Markup {
    match screen.step {
        // nothing is left to be typed: the reader's place is here
        Step::Welcome { user } => html! {
            h1 #welcome tabindex="-1" autofocus { (heading) @if !user.is_empty() { ", " span.name { (user) } } }
        },
        _ => html! { h1 { (heading) } },
    }
}

fn outcome(said: Said, texts: &Texts) -> Markup {
    let (role, class) = match said {
        Said::No | Said::Stranger => ("alert", "said no"),
        Said::Sent | Said::AlreadySent => ("status", "said sent"),
        Said::Welcome => ("status", "said yes"),
    };
    html! { p #said class=(class) role=(role) { (texts.said(said)) } }
}

fn form(screen: &Screen<'_>, texts: &Texts) -> Markup {
    let sent = matches!(screen.step, Step::Code { .. });
    let (label, restart) = match screen.step {
        Step::Ask { .. } if !asks_all(screen.page) => (texts.send, false),
        _ => (texts.log_in, sent),
    };
    html! {
        form method="post" action=(screen.page.path()) {
            (fields(screen, texts))
            button type="submit" { (label) }
            @if restart { p.more { a href=(screen.page.path()) { (texts.again) } } }
        }
    }
}

fn fields(screen: &Screen<'_>, texts: &Texts) -> Markup {
    let said = screen.said.is_some();
    let (user, transaction) = match screen.step {
        Step::Ask { user } | Step::Welcome { user } => (user, ""),
        Step::Code { user, transaction } => (user, transaction),
    };
    let user_known = !user.is_empty();
    let asked = Focus { said, user_known };
    match (screen.page, transaction.is_empty()) {
        (Page::RequestSms | Page::ChallengeResponse, true) => html! {
            (user_field(user, &asked, texts))
            (pin_field(user_known, None, &asked, texts))
        },
        (Page::RequestSms, false) => html! {
            input type="hidden" name="user" value=(user);
            input type="hidden" name="transactionid" value=(transaction);
            (code_field(true, true, texts.code_hint, &asked, texts))
        },
        (Page::ChallengeResponse, false) => html! {
            (known("user", texts.user, user))
            (known("transactionid", texts.transaction, transaction))
            (code_field(true, true, texts.code_hint, &asked, texts))
        },
        (Page::Index, _) => html! {
            (user_field(user, &asked, texts))
            (one_field(user_known, &asked, texts))
        },
        (Page::Index3, true) => html! {
            (user_field(user, &asked, texts))
            (pin_field(user_known, None, &asked, texts))
            (code_field(false, false, texts.code_or_empty_hint, &asked, texts))
        },
        (Page::Index3, false) => html! {
            input type="hidden" name="transactionid" value=(transaction);
            (user_field(user, &asked, texts))
            (pin_field(false, Some(texts.pin_again_hint), &asked, texts))
            (code_field(true, false, texts.code_hint, &asked, texts))
        },
    }
}

/// Where the next thing is to be typed, and whether something was said about the last one.
struct Focus {
    said: bool,
    user_known: bool,
}

impl Focus {
    /// The texts that belong to a field: its hint, and with the field that has the focus what was said.
    fn described(&self, hint: Option<&str>, focus: bool) -> Option<String> {
        let said = (self.said && focus).then_some("said");
        let all: Vec<&str> = said.into_iter().chain(hint).collect();
        (!all.is_empty()).then(|| all.join(" "))
    }
}

fn user_field(user: &str, asked: &Focus, texts: &Texts) -> Markup {
    let focus = !asked.user_known;
    html! {
        div.field {
            label for="user" { (texts.user) }
            input #user name="user" type="text" value=(user) maxlength=(LONGEST_USER) autocomplete="username"
                autocapitalize="none" spellcheck="false" required autofocus[focus]
                aria-describedby=[asked.described(None, focus)];
        }
    }
}

/// Not `required`: a token may have no PIN.
fn pin_field(focus: bool, hint: Option<&str>, asked: &Focus, texts: &Texts) -> Markup {
    html! {
        div.field {
            label for="pin" { (texts.pin) }
            input #pin name="pin" type="password" maxlength=(LONGEST_PIN) autocomplete="current-password"
                autofocus[focus] aria-describedby=[asked.described(hint.map(|_| "pin-hint"), focus)];
            @if let Some(hint) = hint { p.hint #pin-hint { (hint) } }
        }
    }
}

/// Another value each time: nothing for a password store.
fn one_field(focus: bool, asked: &Focus, texts: &Texts) -> Markup {
    html! {
        div.field {
            label for="pin" { (texts.pin_and_code) }
            input #pin name="pin" type="password" maxlength=(LONGEST_PIN) autocomplete="one-time-code"
                autofocus[focus] aria-describedby=[asked.described(Some("pin-hint"), focus)];
            p.hint #pin-hint { (texts.pin_and_code_hint) }
        }
    }
}

fn code_field(focus: bool, required: bool, hint: &str, asked: &Focus, texts: &Texts) -> Markup {
    html! {
        div.field {
            label for="code" { (texts.code) }
            input #code.code name="code" type="text" inputmode="numeric" maxlength=(LONGEST_CODE)
                autocomplete="one-time-code" spellcheck="false" required[required] autofocus[focus]
                aria-describedby=[asked.described(Some("code-hint"), focus)];
            p.hint #code-hint { (hint) }
        }
    }
}

/// A field that is shown and sent, and not to be changed.
fn known(name: &str, label: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for=(name) { (label) }
            input id=(name) name=(name) type="text" value=(value) readonly;
        }
    }
}

fn others(shown: Page, texts: &Texts) -> Markup {
    html! {
        nav aria-label=(texts.others) {
            @for page in Page::ALL {
                @if page == shown {
                    a href=(page.path()) aria-current="page" { (texts.page(page).short) }
                } @else {
                    a href=(page.path()) { (texts.page(page).short) }
                }
            }
        }
    }
}
