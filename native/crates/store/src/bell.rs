//! How a background worker is called, stopped and waited for.

use std::time::Instant;

use crate::sync::{Condvar, Mutex};

/// A ring while the worker is busy is not lost: it goes one more round.
#[derive(Default)]
pub(crate) struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rung: bool,
    busy: bool,
    stopped: bool,
}

impl Bell {
    /// There may be something to do.
    pub fn ring(&self) {
        self.state.lock().rung = true;
        self.changed.notify_all();
    }

    /// No further round begins, and nobody waits any longer.
    pub fn stop(&self) {
        self.state.lock().stopped = true;
        self.changed.notify_all();
    }

    /// Whether there will be another round, or an end.
    pub fn is_rung(&self) -> bool {
        let state = self.state.lock();
        state.rung || state.stopped
    }

    pub fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    /// For the worker: ends its round and waits until there is another. `false` once it is stopped.
    pub fn next_round(&self) -> bool {
        let mut state = self.state.lock();
        state.busy = false;
        while !state.rung && !state.stopped {
            self.changed.notify_all();
            self.changed.wait(&mut state);
        }
        state.rung = false;
        state.busy = !state.stopped;
        state.busy
    }

    /// Waits until the worker has done everything that it was called for, or is stopped. Whether that came in time.
    pub fn wait_idle(&self, until: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while !state.stopped && (state.rung || state.busy) {
            match until {
                Some(until) => {
                    if self.changed.wait_until(&mut state, until).timed_out() {
                        return false;
                    }
                }
                None => self.changed.wait(&mut state),
            }
        }
        true
    }
}
