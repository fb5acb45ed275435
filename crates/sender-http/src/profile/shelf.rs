//! The data files, compiled in: nothing is read at run time.

macro_rules! profiles {
    ($($name:literal),+ $(,)?) => {
        /// Name and JSON of every profile, in the order of the names.
        pub(super) const NAMES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../profiles/", $name, ".json")))),+];
    };
}

profiles![
    "46elks",
    "clickatell",
    "clickatell-platform",
    "clicksend",
    "infobip",
    "jasmin",
    "kannel",
    "messagebird",
    "playsms",
    "plivo",
    "seven",
    "sinch",
    "telnyx",
    "twilio",
    "vonage",
];
