//! What goes wrong on the way to the back end.

/// What one change does to the server that is asked to carry it out; nothing of it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stumble {
    /// Its answer is an error that proves nothing, such as a plain 500.
    Errs,
    /// The whole request breaks off there, and no answer comes.
    Breaks,
}

/// What happens to one push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing goes wrong.
    None,
    /// The request never leaves the device.
    Unreachable,
    /// The request is lost on its way; nobody knows.
    RequestLost,
    /// The request arrives twice; the second reply is read.
    Twice,
    /// No reply comes in time, and the request arrives behind the next one.
    Late,
    /// The request has its effect, and the reply is lost.
    ReplyLost,
    /// The reply is cut after so many results.
    ReplyCut(usize),
    /// The device's process is killed right before the request leaves it.
    KilledBefore,
    /// The device's process is killed after the request had its effect, before the reply is read.
    KilledAfter,
}
