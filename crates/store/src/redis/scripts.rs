//! The scripts: each is one atomic step. Sent by their hash; a server that lost them gets them again.

use ::redis::Script;

/// All scripts.
pub(super) struct Scripts {
    pub(super) begin_try: Script,
    pub(super) forgive: Script,
    pub(super) open_challenge: Script,
    pub(super) consume: Script,
    pub(super) put_token: Script,
    pub(super) lease: Script,
    pub(super) settle: Script,
    pub(super) apply_report: Script,
    pub(super) trails: Script,
    pub(super) settings: Script,
    pub(super) change_settings: Script,
    pub(super) tokens: Script,
    pub(super) change_token: Script,
    pub(super) remove_token: Script,
    pub(super) note: Script,
}

macro_rules! script {
    ($name:literal) => {
        Script::new(concat!(
            include_str!("scripts/common.lua"),
            include_str!(concat!("scripts/", $name, ".lua"))
        ))
    };
}

impl Scripts {
    pub(super) fn new() -> Scripts {
        Scripts {
            begin_try: script!("begin_try"),
            forgive: script!("forgive"),
            open_challenge: script!("open_challenge"),
            consume: script!("consume"),
            put_token: script!("put_token"),
            lease: script!("lease"),
            settle: script!("settle"),
            apply_report: script!("apply_report"),
            trails: script!("trails"),
            settings: script!("settings"),
            change_settings: script!("change_settings"),
            tokens: script!("tokens"),
            change_token: script!("change_token"),
            remove_token: script!("remove_token"),
            note: script!("note"),
        }
    }
}
