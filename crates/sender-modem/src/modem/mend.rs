//! What a keeper does beside the orders: set up, look, listen, and keep the memory free.

use tokio::time::Instant;
use tracing::{debug, warn};

use super::{Keeper, Lost, Next, SEARCH, ladder};
use crate::at::{AtError, Command, Dialogue, Urc};
use crate::metrics;
use crate::port::Port;
use crate::reports::Report;
use crate::set_up::{self, Facts, Reports, Trouble, Wishes};

use std::time::Duration;

/// Many modems go through the whole memory for it.
const MEMORY: Duration = Duration::from_secs(20);

/// How long a modem whose SIM needs a person is left alone.
const PERSON: Duration = Duration::from_secs(10);

/// One that only looks for a network.
const MOMENT: Duration = Duration::from_secs(1);

/// How long it may look for one within a set-up.
const REGISTER: Duration = Duration::from_secs(10);

impl Keeper {
    pub(super) async fn set_up(
        &mut self,
        dialogue: &mut Dialogue<Port>,
        step: ladder::Step,
    ) -> Result<Facts, Lost> {
        let config = &self.shop.config;
        let wishes = Wishes {
            pin: config.pin.as_ref().map(|pin| pin.as_str()),
            smsc: config.smsc.as_ref(),
            reports: config.status_reports,
            register_within: REGISTER,
        };
        debug!(modem = %self.label, ?step, "set-up begins");
        match set_up::set_up(dialogue, &wishes, &self.shop.pins).await {
            Ok(facts) => {
                self.greet(&facts);
                Ok(facts)
            }
            Err(Trouble::At(error)) => Err(error.into()),
            Err(trouble) => {
                let pause = if trouble.needs_a_person() { PERSON } else { MOMENT };
                let in_order = !self.is_stuck(&trouble);
                Err(Lost { in_order, ..Lost::waits(format!("{trouble}: {}", trouble.advice()), pause) })
            }
        }
    }

    /// Whether a modem that answers and has no network, or no SIM that works, has been so for so long that its radio may
    /// hang: then it is one failure more.
    fn is_stuck(&mut self, trouble: &Trouble) -> bool {
        if !matches!(trouble, Trouble::NotRegistered { .. } | Trouble::Sim(_)) {
            self.idle_since = None;
            return false;
        }
        let stuck = self.idle_since.get_or_insert_with(Instant::now).elapsed() > SEARCH;
        if stuck {
            self.idle_since = None;
        }
        stuck
    }

    /// The heartbeat.
    pub(super) async fn look(
        &mut self,
        dialogue: &mut Dialogue<Port>,
        facts: &mut Facts,
    ) -> Result<Next, Lost> {
        set_up::measure(dialogue, facts).await?;
        Ok(Next::GoOn)
    }

    /// Something that the modem said by itself.
    pub(super) async fn hear(
        &mut self,
        dialogue: &mut Dialogue<Port>,
        facts: &Facts,
        urc: Urc,
    ) -> Result<Next, Lost> {
        match urc {
            Urc::StatusReport(pdu) => self.report(facts, Report::of_pdu(&pdu)),
            Urc::TextStatusReport(fields) => self.report(facts, Report::of_fields(&fields)),
            Urc::StatusReportStored { memory, index } => {
                self.fetch_report(dialogue, facts, &memory, index).await?;
            }
            Urc::Restarted | Urc::Sim => return Ok(Next::SetUp),
            said => debug!(modem = %self.label, ?said, "the modem said something"),
        }
        Ok(Next::GoOn)
    }

    fn report(&self, facts: &Facts, report: Option<Report>) {
        metrics::report(&self.label);
        match report {
            Some(report) => self.shop.reports.heard(&self.sim(facts), &report),
            None => warn!(modem = %self.label, "a delivery report that cannot be read"),
        }
    }

    /// Reports that were stored while nobody listened.
    pub(super) async fn collect_reports(
        &mut self,
        dialogue: &mut Dialogue<Port>,
        facts: &Facts,
    ) -> Result<(), Lost> {
        if facts.reports != Reports::Stored || !self.choose_memory(dialogue, "SR").await? {
            return Ok(());
        }
        // 4: all of them
        let list = Command::new("+CMGL=4").free("+CMGL").within(MEMORY);
        let Some(lines) = allowed(dialogue, &list).await? else { return Ok(()) };
        for pair in lines.chunks(2) {
            let [head, pdu] = pair else { continue };
            self.report(facts, Report::of_pdu(pdu));
            if let Some(index) = head.split(',').next().and_then(|index| index.trim().parse::<u16>().ok()) {
                allowed(dialogue, &Command::new(format!("+CMGD={index}")).within(MEMORY)).await?;
            }
        }
        Ok(())
    }

    async fn fetch_report(
        &self,
        dialogue: &mut Dialogue<Port>,
        facts: &Facts,
        memory: &str,
        index: u16,
    ) -> Result<(), AtError> {
        if !self.choose_memory(dialogue, memory).await? {
            return Ok(());
        }
        let read = Command::new(format!("+CMGR={index}")).free("+CMGR").within(MEMORY);
        if let Some(lines) = allowed(dialogue, &read).await? {
            self.report(facts, Report::of_stored(&lines));
        }
        allowed(dialogue, &Command::new(format!("+CMGD={index}")).within(MEMORY)).await.map(drop)
    }

    async fn choose_memory(&self, dialogue: &mut Dialogue<Port>, memory: &str) -> Result<bool, AtError> {
        if memory.is_empty() || !memory.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Ok(false);
        }
        let choose = Command::new(format!("+CPMS=\"{memory}\"")).named("+CPMS").within(MEMORY);
        Ok(allowed(dialogue, &choose).await?.is_some())
    }

    /// What was read goes first; where that is not enough, all goes: nobody reads a gateway's SIM. The memory that was chosen
    /// last may be that of delivery reports, so both that hold messages are chosen, where the modem lets us.
    pub(super) async fn clean_memory(
        &self,
        dialogue: &mut Dialogue<Port>,
        round: u32,
    ) -> Result<(), AtError> {
        warn!(modem = %self.label, all = round > 1, "the memory is full: messages are deleted");
        let mut cleaned = false;
        for memory in ["SM", "ME"] {
            if self.choose_memory(dialogue, memory).await? {
                clean(dialogue, round).await?;
                cleaned = true;
            }
        }
        if cleaned { Ok(()) } else { clean(dialogue, round).await }
    }
}

async fn clean(dialogue: &mut Dialogue<Port>, round: u32) -> Result<(), AtError> {
    if round == 1 {
        return set_up::clean_memory(dialogue).await;
    }
    // 3GPP TS 27.005 §3.5.4
    allowed(dialogue, &Command::new("+CMGD=1,4").within(MEMORY)).await.map(drop)
}

/// The lines of the answer; `None` where the modem says no.
async fn allowed(dialogue: &mut Dialogue<Port>, command: &Command) -> Result<Option<Vec<String>>, AtError> {
    match dialogue.command(command).await {
        Ok(answer) => Ok(Some(answer.lines().to_vec())),
        Err(AtError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
