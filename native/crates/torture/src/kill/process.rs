//! A child process whose lines are read as they come, so that its pipe never fills.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::ledger::{Ledger, Line};

/// A running child; killed when it is dropped.
pub struct Process {
    child: Child,
    lines: Option<JoinHandle<Vec<Line>>>,
}

impl Process {
    /// Starts it and waits for its first line.
    ///
    /// # Errors
    /// It cannot be started, or says nothing.
    pub fn start(command: &mut Command) -> Result<Process, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("no child: {e}"))?;
        let out = child.stdout.take().ok_or("the child has no pipe")?;
        let (sender, first) = mpsc::channel();
        let lines = thread::spawn(move || {
            let mut lines = Vec::new();
            // A line without an end, or half of one, was cut off by the kill.
            for text in BufReader::new(out).lines().map_while(Result::ok) {
                let Ok(line) = serde_json::from_str(&text) else {
                    break;
                };
                lines.push(line);
                let _ = sender.send(());
            }
            lines
        });
        let process = Process {
            child,
            lines: Some(lines),
        };
        let started = first.recv_timeout(Duration::from_secs(30));
        started.map_err(|_| "the child says nothing".to_owned())?;
        Ok(process)
    }

    /// Kills it with SIGKILL and takes in all that it said.
    ///
    /// # Errors
    /// A line that does not fit the ones before.
    pub fn kill(mut self, ledger: &mut Ledger) -> Result<(), String> {
        self.child.kill().map_err(|e| format!("kill: {e}"))?;
        self.end(ledger)
    }

    /// Waits for its own end.
    ///
    /// # Errors
    /// As [`Process::kill`].
    pub fn end(&mut self, ledger: &mut Ledger) -> Result<(), String> {
        self.child.wait().map_err(|e| format!("wait: {e}"))?;
        let lines = self.lines.take().and_then(|lines| lines.join().ok());
        lines
            .ok_or("its lines are lost")?
            .into_iter()
            .try_for_each(|line| ledger.hear(line))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
