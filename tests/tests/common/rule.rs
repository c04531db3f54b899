//! Which request the wire breaks at, and how.

/// How a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request never reaches the service.
    CutBefore,
    /// The service has done it and answered; the client never hears of it.
    CutAfter,
    /// Only this many bytes of the reply's body arrive.
    Truncate(usize),
    /// The request waits on the wire and never reaches the service.
    HoldBefore,
    /// The service has done it; the reply waits on the wire and never arrives.
    HoldAfter,
    /// This many bytes of the reply's body arrive, and no more.
    HoldAt(usize),
    /// Nothing breaks, but the wire keeps a copy: see [`FaultProxy::repeat_kept`](super::FaultProxy::repeat_kept).
    Keep,
}

/// The requests that break: those of a method and with a text in the path, and in the body if asked for.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    method: String,
    path: String,
    body: String,
    skip: usize,
    times: usize,
    fault: Fault,
    struck: usize,
}

impl Rule {
    /// Breaks the next request with this method (any, if it is empty) and this text in its path and query.
    pub(crate) fn next(fault: Fault, method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            body: String::new(),
            skip: 0,
            times: 1,
            fault,
            struck: 0,
        }
    }

    /// Only requests with this text in the body, such as one of a batch.
    pub(crate) fn holding(mut self, text: &str) -> Self {
        text.clone_into(&mut self.body);
        self
    }

    /// Lets this many matching requests pass first.
    pub(crate) fn after(mut self, passes: usize) -> Self {
        self.skip = passes;
        self
    }

    /// Breaks this many requests rather than one.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    pub(crate) fn struck(&self) -> usize {
        self.struck
    }

    /// Tells whether this request breaks, and counts it.
    pub(crate) fn strike(&mut self, method: &str, path: &str, body: &[u8]) -> Option<Fault> {
        let fits = (self.method.is_empty() || self.method == method)
            && path.contains(&self.path)
            && String::from_utf8_lossy(body).contains(&self.body);
        if !fits || self.struck == self.times {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.struck += 1;
        Some(self.fault)
    }
}
