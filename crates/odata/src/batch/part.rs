//! The parts of a batch.

use std::collections::BTreeSet;

use super::error::BatchError;

/// Limits on batches from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchLimits {
    /// The most parts, members of change sets included.
    pub parts: usize,
    /// The most bytes of the whole batch.
    pub bytes: usize,
    /// The most headers of a part.
    pub headers: usize,
}

impl Default for BatchLimits {
    /// 1,000 parts, 64 MiB, 64 headers.
    fn default() -> Self {
        Self {
            parts: 1_000,
            bytes: 64 << 20,
            headers: 64,
        }
    }
}

/// A request inside a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The id, unique in the batch: unreserved characters of URLs only.
    pub id: String,
    /// The method, in upper case.
    pub method: String,
    /// The URL: absolute, or relative to the service root.
    pub url: String,
    /// The headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
    /// The group that is applied as a whole or not at all; members stand together.
    pub group: Option<String>,
    /// Requests and groups that must succeed before this one is tried (JSON only).
    pub depends_on: Vec<String>,
    /// An expression that must be true (`if`; JSON only).
    pub condition: Option<String>,
}

/// The response to a request of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The id of the request; multipart services may leave it out.
    pub id: Option<String>,
    /// The place among the responses, counting a change set as one. In multipart it is that of the request.
    pub place: usize,
    /// The status code.
    pub status: u16,
    /// The headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
    /// The group that the response belongs to. In multipart it tells members of one change set apart from others.
    pub group: Option<String>,
}

/// The responses of a batch, as far as they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Responses {
    /// The responses that the format proves complete.
    pub parts: Vec<Response>,
    /// Whether the batch ended before its end: nothing is known of requests without a response.
    pub cut_short: bool,
    /// Where further responses are (JSON only).
    pub next_link: Option<String>,
}

impl Responses {
    /// Returns the responses that can be believed: those without a group, and those of groups for which every member
    /// of the request has one. Services report success for a member before they know that its group failed.
    #[must_use]
    pub fn settled(&self, requests: &[Request]) -> Vec<&Response> {
        let answered: BTreeSet<&str> = self.parts.iter().filter_map(|part| part.id.as_deref()).collect();
        let group_of = |id: &str| {
            requests
                .iter()
                .find(|request| request.id == id)
                .and_then(|r| r.group.as_ref())
        };
        let whole = |group: &String| {
            let members = || {
                requests
                    .iter()
                    .filter(|request| request.group.as_ref() == Some(group))
            };
            members().all(|request| answered.contains(request.id.as_str()))
        };
        let believable = |part: &&Response| match part.id.as_deref().and_then(group_of) {
            // One response may stand for a whole group: its failure.
            Some(group) => part.status >= 400 || whole(group),
            None => !(self.cut_short && part.group.is_some() && part.status < 400),
        };
        self.parts.iter().filter(believable).collect()
    }
}

/// Returns a header of a part by its name in lower case.
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// Holds requests from elsewhere against the rules of the standard.
pub(super) fn check(requests: &[Request]) -> Result<(), BatchError> {
    let mut ids = BTreeSet::new();
    let mut groups: BTreeSet<&str> = BTreeSet::new();
    let mut last: Option<&str> = None;
    for request in requests {
        if request
            .headers
            .iter()
            .any(|(name, _)| name.contains("authorization") || name == "cookie")
        {
            return Err(BatchError::Credentials(request.id.clone()));
        }
        for on in &request.depends_on {
            if !ids.contains(on.as_str()) && !groups.contains(on.as_str()) {
                return Err(BatchError::Dependency {
                    id: request.id.clone(),
                    on: on.clone(),
                });
            }
        }
        if !ids.insert(request.id.as_str()) {
            return Err(BatchError::SameId(request.id.clone()));
        }
        let group = request.group.as_deref();
        if let Some(name) = group
            && group != last
            && !groups.insert(name)
        {
            return Err(BatchError::Group(name.to_owned()));
        }
        last = group;
    }
    match groups.into_iter().find(|group| ids.contains(group)) {
        Some(group) => Err(BatchError::Group(group.to_owned())),
        None => Ok(()),
    }
}
