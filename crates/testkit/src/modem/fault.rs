//! What can be wrong with a modem, and when it is.

use std::time::Duration;

/// One way in which a modem misbehaves. Each has its turns: a command line, or one SMS where it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModemFault {
    /// Swallows a command: no echo of its answer, nothing. For ever when it is always so.
    Silent,
    /// Answers a command that much later; what arrives meanwhile is lost.
    Late(Duration),
    /// `ERROR` to an `AT+CMGS`, after Ctrl-Z, not sent; or to the command that it is planned for, not done.
    Error,
    /// `+CMS ERROR: <n>` to an `AT+CMGS`, after Ctrl-Z, not sent; or to the command that it is planned for, not done.
    Cms(u16),
    /// `+CME ERROR: <n>` to an `AT+CMGS`, after Ctrl-Z, not sent; or to the command that it is planned for, not done.
    Cme(u16),
    /// Does the command and answers without the final `OK`, as Wavecom modems answer `AT+CPIN?`.
    OkMissing,
    /// Unsolicited lines everywhere: between echo and answer, before the prompt, inside the answer of `AT+CMGS`.
    Noise,
    /// The answer comes byte by byte.
    Fragments,
    /// Lines end in LF alone.
    LfOnly,
    /// Lines end in CR CR LF.
    CrCrLf,
    /// Every third character is missing in the echo.
    EchoDrops,
    /// Echoes though it was told not to.
    EchoStays,
    /// Garbage, with bytes that are no UTF-8, comes before the answer.
    Garbage,
    /// A line without an end instead of the answer, until the client sends something or closes.
    EndlessLine,
    /// Vanishes from the bus at a command, before it is answered, and comes back with its settings gone.
    Dies,
    /// Boots on its own at a command that gets no answer: the tty stays, the settings are gone, the SIM is locked.
    Reboots,
    /// Hangs from a command on until `AT+CFUN=1,1`, which it takes and does.
    HangsUntilCfun,
    /// Hangs from a command on until the tty is closed and opened again.
    HangsUntilReopened,
    /// Somebody before left it in the PDU entry: this command and what follows is swallowed until ESC or Ctrl-Z.
    LeftInPduEntry,
    /// Refuses `AT+CMGF=0`: text mode only.
    RefusesPduMode,
    /// Refuses every `AT+CNMI=`.
    RefusesCnmi,
    /// There is no SIM.
    NoSim,
    /// The SIM waits for its PUK.
    PukNeeded,
    /// Looks for a network: registration 2; an SMS fails with 331.
    NotRegistered,
    /// The network does not want it: registration 3; an SMS fails with 331.
    RegistrationDenied,
    /// Registered away from home: registration 5; an SMS goes.
    Roaming,
    /// The message storage is full of read messages: an SMS fails with 322 until `AT+CMGD` makes room.
    StorageFull,
    /// An SMS: the network is lost when its PDU is there. `+CREG: 2`, 331; the next question finds it registered.
    LosesNetwork,
    /// An SMS: no prompt comes, though the modem waits for the PDU.
    NoPrompt,
    /// An SMS: a bare `>` at the start of a line without CR LF before and blank behind it.
    BarePrompt,
    /// An SMS: `+CMS ERROR: <n>` instead of the prompt.
    RefusesPrompt(u16),
    /// An SMS: silence after Ctrl-Z for ever, and the SMS was sent.
    SilentButSent,
    /// An SMS: silence after Ctrl-Z for ever, and nothing was sent.
    SilentNotSent,
    /// An SMS: the network takes that long to answer.
    SlowNetwork(Duration),
    /// An SMS: failed, and all that the modem says is `OK`, without `+CMGS:`, as a Siemens MC55 does.
    OkThoughFailed,
    /// An SMS: `+CMGS: <n>` comes and `OK` does not.
    ReferenceWithoutOk,
    /// An SMS: vanishes from the bus after Ctrl-Z, and the SMS was sent.
    DiesButSent,
    /// An SMS: vanishes from the bus after Ctrl-Z, and nothing was sent.
    DiesNotSent,
    /// An SMS that has more parts behind it: sent and answered, then the modem vanishes from the bus.
    DiesBetweenParts,
    /// An SMS: its delivery report comes twice.
    ReportTwice,
    /// An SMS: its delivery report comes before the answer of `AT+CMGS`.
    ReportBeforeOk,
    /// An SMS: its delivery report never comes.
    ReportLost,
}

impl ModemFault {
    /// One of each kind, with a code of each class of [`Cms`](Self::Cms) and [`Cme`](Self::Cme): what a keeper of
    /// modems must survive. Times are short.
    pub fn catalogue() -> Vec<Self> {
        // no number, barred, SC busy, SC failure, SIM: PIN, failure, busy; full, SMSC unknown, no network, time-out,
        // unknown, vendor
        const CMS: [u16; 18] =
            [1, 8, 21, 28, 38, 41, 42, 192, 194, 310, 313, 314, 322, 330, 331, 332, 500, 512];
        const CME: [u16; 7] = [10, 11, 13, 14, 20, 30, 515];
        let mut every = vec![
            Self::Silent,
            Self::Late(Duration::from_millis(300)),
            Self::Error,
            Self::OkMissing,
            Self::Noise,
            Self::Fragments,
            Self::LfOnly,
            Self::CrCrLf,
            Self::EchoDrops,
            Self::EchoStays,
            Self::Garbage,
            Self::EndlessLine,
            Self::Dies,
            Self::Reboots,
            Self::HangsUntilCfun,
            Self::HangsUntilReopened,
            Self::LeftInPduEntry,
            Self::RefusesPduMode,
            Self::RefusesCnmi,
            Self::NoSim,
            Self::PukNeeded,
            Self::NotRegistered,
            Self::RegistrationDenied,
            Self::Roaming,
            Self::StorageFull,
            Self::LosesNetwork,
            Self::NoPrompt,
            Self::BarePrompt,
            Self::RefusesPrompt(500),
            Self::SilentButSent,
            Self::SilentNotSent,
            Self::SlowNetwork(Duration::from_secs(1)),
            Self::OkThoughFailed,
            Self::ReferenceWithoutOk,
            Self::DiesButSent,
            Self::DiesNotSent,
            Self::DiesBetweenParts,
            Self::ReportTwice,
            Self::ReportBeforeOk,
            Self::ReportLost,
        ];
        every.extend(CMS.map(Self::Cms));
        every.extend(CME.map(Self::Cme));
        every
    }
}

/// What is planned, in order.
#[derive(Debug, Default)]
pub(super) struct Plan(Vec<Planned>);

#[derive(Debug)]
struct Planned {
    fault: ModemFault,
    /// Only at commands that begin so.
    command: Option<String>,
    /// Only for SMS to this number.
    number: Option<String>,
    /// `None` = always.
    turns: Option<usize>,
}

/// Where the modem is when it asks the plan.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) command: &'a str,
    pub(super) number: &'a str,
}

impl Plan {
    pub(super) fn add(
        &mut self,
        fault: ModemFault,
        command: Option<&str>,
        number: Option<&str>,
        turns: Option<usize>,
    ) {
        // a refusal that is not planned for a certain command is the network's
        let is_refusal = matches!(fault, ModemFault::Error | ModemFault::Cms(_) | ModemFault::Cme(_));
        let command = command.or(is_refusal.then_some("AT+CMGS")).map(str::to_ascii_uppercase);
        self.0.push(Planned { fault, command, number: number.map(str::to_owned), turns });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The first planned fault that is wanted here, one of its turns used up.
    pub(super) fn draw(
        &mut self,
        place: Place<'_>,
        wanted: impl Fn(&ModemFault) -> bool,
    ) -> Option<ModemFault> {
        let planned = self.0.iter_mut().find(|planned| {
            let here = planned.command.as_deref().is_none_or(|start| place.command.starts_with(start));
            let his = planned.number.as_deref().is_none_or(|number| number == place.number);
            planned.turns != Some(0) && here && his && wanted(&planned.fault)
        })?;
        planned.turns = planned.turns.map(|turns| turns - 1);
        Some(planned.fault.clone())
    }

    /// Turns that were planned and did not come up yet; those for always do not count.
    pub(super) fn waiting(&self) -> usize {
        self.0.iter().filter_map(|planned| planned.turns).sum()
    }
}
