//! Set-ups of scripted modems: each command line that is known has its answers, the others get `ERROR`.

mod pins;
mod states;

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use super::*;
use crate::at::tests::Script;

/// A modem by its answers, in turn; the last one stays.
struct Table(HashMap<&'static str, Vec<String>>);

impl Table {
    /// A healthy modem, without a PIN.
    fn healthy() -> Table {
        let mut table = Table(HashMap::new());
        for command in ["AT", "ATE0", "ATV1", "AT+CMEE=1", "AT+CMGF=0", "AT+CSCS=\"GSM\"", "AT+CREG=1"] {
            table = table.says(command, "");
        }
        table
            .says("AT+CNMI=2,1,0,1,0", "")
            .says("AT+CGMI", "huawei")
            .says("AT+CGMM", "E173")
            .says("AT+CGSN", "353284020415431")
            .says("AT+CPIN?", "+CPIN: READY")
            .says("AT+CCID", "+CCID: \"8949020000012345678\"")
            .says("AT+CIMI", "262011234567890")
            .says("AT+CFUN?", "+CFUN: 1")
            .says("AT+CSCA?", "+CSCA: \"+491710760000\",145")
            .says("AT+CPMS?", "+CPMS: \"SM\",3,25,\"SM\",3,25,\"SM\",3,25")
            .says("AT+CREG?", "+CREG: 1,1")
            .says("AT+CSQ", "+CSQ: 20,99")
            .says("AT+COPS?", "+COPS: 0,0,\"Test Net\",2")
    }

    /// `information`, and `OK`; `!` before it: no `OK`.
    fn says(self, command: &'static str, information: &str) -> Table {
        let reply = match information.strip_prefix('!') {
            Some(words) => format!("\r\n{words}\r\n"),
            None => format!("\r\n{information}\r\n\r\nOK\r\n"),
        };
        self.replies(command, &[&reply])
    }

    fn replies(mut self, command: &'static str, replies: &[&str]) -> Table {
        self.0.insert(command, replies.iter().rev().map(|reply| (*reply).to_owned()).collect());
        self
    }

    fn answer(&mut self, command: &str) -> String {
        let Some(replies) = self.0.get_mut(command) else { return "\r\nERROR\r\n".to_owned() };
        if replies.len() > 1 { replies.pop().unwrap() } else { replies[0].clone() }
    }
}

/// What is remembered of PINs, in memory.
#[derive(Default)]
struct Notes {
    past: Mutex<HashMap<(String, String), PinPast>>,
    is_read_only: bool,
    turn: tokio::sync::Mutex<()>,
}

impl PinMemory for Notes {
    fn past(&self, sim: &str, pin: &str) -> io::Result<PinPast> {
        let past = self.past.lock().unwrap();
        Ok(past.get(&(sim.to_owned(), pin.to_owned())).copied().unwrap_or(PinPast::Clean))
    }

    fn note(&self, sim: &str, pin: &str, past: PinPast) -> io::Result<()> {
        if self.is_read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.past.lock().unwrap().insert((sim.to_owned(), pin.to_owned()), past);
        Ok(())
    }

    fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.turn
    }
}

const WISHES: Wishes<'_> =
    Wishes { pin: None, smsc: None, reports: true, register_within: Duration::from_secs(30) };

/// What comes of it, and every command that the modem got.
async fn set_up_with(
    mut table: Table,
    wishes: &Wishes<'_>,
    memory: &Notes,
) -> (Result<Facts, Trouble>, Vec<String>) {
    let (mut dialogue, mut script) = Script::settled().await;
    let mut commands = Vec::new();
    let modem = async {
        loop {
            let line = script.wait_for_any(&["\r"]).await;
            let command = line.trim_end_matches('\r').trim_start_matches('\u{1b}');
            if !command.is_empty() {
                commands.push(command.to_owned());
                script.say(&table.answer(command)).await;
            }
        }
    };
    let facts = tokio::select! {
        facts = set_up(&mut dialogue, wishes, memory) => facts,
        () = modem => unreachable!(),
    };
    (facts, commands)
}
