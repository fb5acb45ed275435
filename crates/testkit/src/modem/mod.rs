//! A GSM modem on a pseudo terminal that keeps every SMS and misbehaves exactly as told.

mod card;
mod commands;
mod engine;
mod fault;
mod life;
mod memory;
mod network;
mod parse;
mod pdu;
mod port;
mod rules;
mod sms;
mod state;
mod submit;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::wait_until;
use life::{Life, Order};
use state::State;

pub use fault::ModemFault;
pub use pdu::{Concatenation, PduError, ReadSubmit, Validity};
pub use rules::{CnmiSupport, Reports, SimRules, UssdForm};
pub use sms::{SentPart, SentSms};

/// Time for SMS and commands to arrive, with room for a loaded machine.
const WAIT_DEADLINE: Duration = Duration::from_secs(30);

/// A modem with its SIM and its network. Dropped = unplugged for good.
#[derive(Debug)]
pub struct ModemSim {
    life: Life,
    state: Arc<State>,
    link: PathBuf,
    folder: PathBuf,
    _temporary: Option<Arc<TempDir>>,
}

impl ModemSim {
    /// Plugs one in; its tty is there when this returns.
    ///
    /// # Panics
    /// When the system has no pseudo terminal left, or the folder of the stable name cannot be written.
    pub async fn start(rules: SimRules) -> Self {
        Self::plug(rules, None)
    }

    /// Plugs `n` of them in, whose IMEIs count up and whose stable names are in one [`folder`](Self::folder).
    ///
    /// # Panics
    /// As [`start`](Self::start) does, and when the IMEI of the rules is no number.
    pub async fn start_many(n: usize, rules: SimRules) -> Vec<Self> {
        let shared = rules.by_id.is_none().then(|| Arc::new(temporary()));
        let first: u64 = rules.imei.parse().expect("an IMEI of digits");
        let numbered = (first..).take(n).map(|imei| SimRules { imei: imei.to_string(), ..rules.clone() });
        numbered.map(|rules| Self::plug(rules, shared.clone())).collect()
    }

    fn plug(rules: SimRules, shared: Option<Arc<TempDir>>) -> Self {
        let temporary = match (&rules.by_id, shared) {
            (Some(_), _) => None,
            (None, shared) => Some(shared.unwrap_or_else(|| Arc::new(temporary()))),
        };
        let folder = match (&rules.by_id, &temporary) {
            (Some(folder), _) => folder.clone(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => std::env::temp_dir(),
        };
        let name = rules.link_name.clone().unwrap_or_else(|| format!("usb-{}-if00-port0", rules.imei));
        let link = folder.join(name);
        let state = Arc::new(State::new(rules));
        let life = Life::begin(Arc::clone(&state), link.clone());
        Self { life, state, link, folder, _temporary: temporary }
    }

    /// The stable name, which leads to the tty while the modem is plugged in: as `/dev/serial/by-id/…`.
    pub fn path(&self) -> &Path {
        &self.link
    }

    /// The tty's present name; `None` while it is away. After a replug it is another one.
    pub fn tty(&self) -> Option<PathBuf> {
        self.state.book().tty.clone()
    }

    /// Where the stable names are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// From now on does this, at every turn that the fault has.
    pub fn always(&self, fault: ModemFault) {
        self.state.book().plan.add(fault, None, None, None);
    }

    /// Does this at the next `n` turns.
    pub fn next(&self, n: usize, fault: ModemFault) {
        self.state.book().plan.add(fault, None, None, Some(n));
    }

    /// Does this at the next `n` command lines that begin with `command`, such as `AT+CREG`.
    pub fn next_at(&self, command: &str, n: usize, fault: ModemFault) {
        self.state.book().plan.add(fault, Some(command), None, Some(n));
    }

    /// Does this at every command line that begins with `command`.
    pub fn always_at(&self, command: &str, fault: ModemFault) {
        self.state.book().plan.add(fault, Some(command), None, None);
    }

    /// Does this at every SMS to `number`, in the form of [`SentSms::to`]. For faults that strike when the PDU is there.
    pub fn for_number(&self, number: &str, fault: ModemFault) {
        self.state.book().plan.add(fault, None, Some(number), None);
    }

    /// Forgets all that is planned. What has happened stays: a hang, a full storage, lost tries.
    pub fn recover(&self) {
        self.state.book().plan.clear();
    }

    /// Turns that were planned by number and did not come up yet.
    pub fn planned(&self) -> usize {
        self.state.book().plan.waiting()
    }

    /// Changes the rules while it runs: reports, registration, signal, rate …
    pub fn change(&self, change: impl FnOnce(&mut SimRules)) {
        change(&mut self.state.book().rules);
    }

    /// Says an unsolicited line as soon as no command runs.
    pub fn say(&self, line: &str) {
        self.state.book().unsolicited.push(line.to_owned());
        self.state.poke.notify_one();
    }

    /// Pulls it out: whoever has the tty open reads an end of file, and its names are gone.
    ///
    /// # Panics
    /// When that takes more than 30 s.
    pub async fn unplug(&self) {
        self.life.order(Order::Unplug);
        wait_until("the modem to be away", WAIT_DEADLINE, async || match self.tty() {
            None => Ok(()),
            Some(tty) => Err(format!("still {}", tty.display())),
        })
        .await;
    }

    /// Plugs it in again, under another tty name: its settings are gone and the SIM asks for its PIN.
    ///
    /// # Panics
    /// When that takes more than 30 s.
    pub async fn replug(&self) {
        self.life.order(Order::Replug);
        wait_until("the modem to be back", WAIT_DEADLINE, async || {
            self.tty().map(drop).ok_or("away".to_owned())
        })
        .await;
    }

    /// What the recipients' phones have got, in the order of the first parts. Every part counts whose network said
    /// yes, whatever the program was told.
    pub fn sms(&self) -> Vec<SentSms> {
        sms::joined(&self.state.book().parts)
    }

    /// The same for one number.
    pub fn sms_to(&self, number: &str) -> Vec<SentSms> {
        self.sms().into_iter().filter(|sms| sms.to == number).collect()
    }

    /// Every part in the order in which the network took it.
    pub fn parts(&self) -> Vec<SentPart> {
        self.state.book().parts.clone()
    }

    /// PDUs that the modem refused with 304, and why.
    pub fn bad_pdus(&self) -> Vec<(String, PduError)> {
        self.state.book().bad_pdus.clone()
    }

    /// Every command line in its order, also those that were not answered. PINs are in it.
    pub fn commands(&self) -> Vec<String> {
        self.state.book().commands.clone()
    }

    /// How many command lines began with `command`.
    pub fn count(&self, command: &str) -> usize {
        self.state.book().commands.iter().filter(|line| line.starts_with(command)).count()
    }

    /// Bytes that came while a command ran, and were lost: a careful program loses none.
    pub fn bytes_lost(&self) -> usize {
        self.state.book().bytes_lost
    }

    /// How often the tty was opened, all its names together.
    pub fn openings(&self) -> usize {
        self.state.book().openings
    }

    /// Whether a program has it open now.
    pub fn is_open(&self) -> bool {
        self.state.book().visitors > 0
    }

    /// How often it has booted, the first time included.
    pub fn boots(&self) -> usize {
        self.state.book().boots
    }

    /// The SIM's tries left for its PIN.
    pub fn pin_tries(&self) -> u8 {
        self.state.book().card.pin_tries
    }

    /// Waits until at least `n` whole SMS were sent, and hands out all that there are.
    ///
    /// # Panics
    /// After 30 s, with the number of parts and the last commands.
    pub async fn wait_for_sms(&self, n: usize) -> Vec<SentSms> {
        wait_until(&format!("{n} SMS"), WAIT_DEADLINE, async || {
            let sms = self.sms();
            if sms.iter().filter(|sms| sms.is_whole()).count() >= n { Ok(sms) } else { Err(self.status()) }
        })
        .await
    }

    /// Waits until a command line that begins with `command` has come `n` times.
    ///
    /// # Panics
    /// After 30 s, with the last commands.
    pub async fn wait_for_command(&self, n: usize, command: &str) {
        wait_until(&format!("{n} {command}"), WAIT_DEADLINE, async || {
            if self.count(command) >= n { Ok(()) } else { Err(self.status()) }
        })
        .await;
    }

    fn status(&self) -> String {
        let commands = self.commands();
        let last = &commands[commands.len().saturating_sub(20)..];
        format!("{} parts, {} commands, the last {last:?}", self.parts().len(), commands.len())
    }
}

fn temporary() -> TempDir {
    tempfile::Builder::new().prefix("mtan-modem-").tempdir().expect("a temporary folder")
}
