//! The files and the environment that make a RabbitMQ node independent of the machine's own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use super::vhost::VHOSTS;
use crate::{find_program, free_port, require};

/// Debian's start script proper. `/usr/sbin/rabbitmq-server` is a wrapper that changes to the user `rabbitmq`
/// and refuses everybody but root.
const DEBIAN_SCRIPT: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// What a node needs for itself: name, ports, folder. A restart uses the same ones.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) folder: PathBuf,
    pub(super) amqp_port: u16,
    pub(super) epmd_port: u16,
    distribution_port: u16,
}

impl Setup {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            amqp_port: free_port(),
            epmd_port: free_port(),
            distribution_port: free_port(),
        }
    }

    /// Writes the configuration; `boot` numbers the log file, so that the log of each run can be read alone.
    pub(super) fn write(&self, boot: u32) -> io::Result<()> {
        fs::create_dir_all(self.folder.join("home"))?;
        fs::write(self.folder.join("enabled_plugins"), "[].\n")?;
        fs::write(self.folder.join("definitions.json"), definitions())?;
        fs::write(self.folder.join("rabbitmq.conf"), self.configuration(boot))
    }

    /// The log of the `boot`th start.
    pub(super) fn log_file(&self, boot: u32) -> PathBuf {
        self.folder.join(format!("boot-{boot}.log"))
    }

    /// What the present run prints: emptied at each start, so that a restart is not taken for ready by what the
    /// run before it had printed.
    pub(super) fn console_file(&self) -> PathBuf {
        self.folder.join("console.log")
    }

    fn configuration(&self, boot: u32) -> String {
        format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\n\
             loopback_users = none\n\
             load_definitions = {definitions}\n\
             disk_free_limit.absolute = 1MB\n\
             log.console = false\n\
             log.file = {log}\n\
             log.file.level = info\n",
            port = self.amqp_port,
            definitions = self.folder.join("definitions.json").display(),
            log = self.log_file(boot).display(),
        )
    }

    /// The Erlang port mapper of this node alone: with the machine's own one on port 4369, nodes of two users
    /// would meet, and one started on demand would outlive the test.
    pub(super) fn epmd(&self) -> Command {
        let mut command = Command::new(require("epmd", "rabbitmq-server"));
        command
            .args(["-port", &self.epmd_port.to_string(), "-address", "127.0.0.1"])
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// The node. `RABBITMQ_ALLOW_INPUT` makes the script `exec` the Erlang VM in place of itself, so that the
    /// child's process id is the VM's own; `-noinput` then goes along by hand.
    pub(super) fn node(&self) -> io::Result<Command> {
        let output = fs::File::create(self.console_file())?;
        let mut command = Command::new(start_script());
        command
            .arg("-noinput")
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(self.environment())
            .current_dir(&self.folder)
            .stdout(output.try_clone()?)
            .stderr(output);
        Ok(command)
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        vec![
            ("HOME", file("home")), // the Erlang cookie is made here
            ("LANG", "C.UTF-8".to_owned()),
            ("ERL_EPMD_PORT", self.epmd_port.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("ERL_CRASH_DUMP_SECONDS", "0".to_owned()),
            ("RABBITMQ_ALLOW_INPUT", "1".to_owned()),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".to_owned()), // not /etc/rabbitmq/rabbitmq-env.conf
            ("RABBITMQ_NODENAME", format!("mtan-test-{}@localhost", self.amqp_port)),
            ("RABBITMQ_NODE_PORT", self.amqp_port.to_string()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_DIST_PORT", self.distribution_port.to_string()),
            ("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins")),
            ("RABBITMQ_MNESIA_BASE", file("mnesia")),
            ("RABBITMQ_LOG_BASE", file("log")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", file("generated")),
            ("RABBITMQ_FEATURE_FLAGS_FILE", file("feature_flags")),
            ("RABBITMQ_PID_FILE", file("node.pid")),
            (
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                // a test machine has few cores: two schedulers that do not spin while they wait
                "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none \
                 -kernel inet_dist_use_interface {127,0,0,1}"
                    .to_owned(),
            ),
        ]
    }
}

fn start_script() -> PathBuf {
    let debian = PathBuf::from(DEBIAN_SCRIPT);
    if debian.exists() {
        return debian;
    }
    find_program("rabbitmq-server").unwrap_or_else(|| require("rabbitmq-server", "rabbitmq-server"))
}

/// The vhosts and the user `guest`, in RabbitMQ's own format for definitions.
fn definitions() -> String {
    let names = || (0..VHOSTS).map(|number| format!("t{number}"));
    let vhosts: Vec<_> = names().map(|name| json!({ "name": name })).collect();
    let permissions: Vec<_> = names()
        .map(|name| json!({"user": "guest", "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}))
        .collect();
    json!({
        "users": [{"name": "guest", "password": "guest", "tags": ["administrator"]}],
        "vhosts": vhosts,
        "permissions": permissions,
    })
    .to_string()
}
