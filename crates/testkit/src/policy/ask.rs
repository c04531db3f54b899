//! Asking a policy that may do anything: panic, or never come back.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use driftless_conflict::{ConflictPolicy, Resolution, resolve_guarded};

use super::Sample;

/// How long an answer may take: far more than a pure function needs, on a busy machine as well.
const LIMIT: Duration = Duration::from_secs(2);

/// A policy on a thread of its own.
pub(super) struct Asker {
    cases: Sender<Sample>,
    answers: Receiver<Option<Resolution>>,
    /// The case that it did not come back from.
    stuck: RefCell<Option<String>>,
}

impl Asker {
    pub(super) fn of(policy: Arc<dyn ConflictPolicy>) -> Self {
        let (cases, queue) = channel::<Sample>();
        let (answer, answers) = channel();
        thread::spawn(move || {
            for sample in queue {
                if answer.send(resolve_guarded(&*policy, &sample.case())).is_err() {
                    return;
                }
            }
        });
        Self {
            cases,
            answers,
            stuck: RefCell::new(None),
        }
    }

    /// Returns the answer to a case, or what is wrong with the policy.
    pub(super) fn ask(&self, sample: &Sample) -> Result<Resolution, String> {
        if let Some(told) = &*self.stuck.borrow() {
            return Err(told.clone());
        }
        let told = format!("{:?} of {:?}", sample.kind, sample.fields);
        if self.cases.send(sample.clone()).is_err() {
            return Err("the policy is gone".to_owned());
        }
        match self.answers.recv_timeout(LIMIT) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(format!("the policy panics: {told}")),
            Err(RecvTimeoutError::Timeout) => {
                let told = format!("the policy does not answer within {} s: {told}", LIMIT.as_secs());
                *self.stuck.borrow_mut() = Some(told.clone());
                Err(told)
            }
            Err(RecvTimeoutError::Disconnected) => Err(format!("the policy ends its thread: {told}")),
        }
    }
}
