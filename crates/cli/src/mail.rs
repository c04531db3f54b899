//! The mail that asks an administrator for a right.

use driftless_record::LogEntry;

use crate::account::SignIn;
use crate::output::text;

/// A mail that is ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) to: Option<String>,
    pub(crate) subject: String,
    pub(crate) body: String,
}

impl Mail {
    /// Writes the mail as text, headers first.
    pub(crate) fn text(&self) -> String {
        let to = self.to.as_deref().unwrap_or("your administrator");
        format!("To: {to}\nSubject: {}\n\n{}", self.subject, self.body)
    }
}

/// Makes the mail that asks for the right whose lack an entry tells. It holds no values of the record.
pub(crate) fn request_access(entry: &LogEntry, sign_in: &SignIn, to: Option<&str>) -> Mail {
    let record = entry.record.as_ref();
    let what = record.map_or_else(
        || "a change".to_owned(),
        |(name, id)| format!("{name} \"{}\" ({id})", text::clip(&entry.title)),
    );
    let entity = record.map_or("records", |(name, _)| name.as_str());
    let said = entry.cause.as_ref().map(|cause| text::plain(&cause.text));
    let body = format!(
        "Hello,\n\nplease give me ({user}) the right to make this change:\n\n  record: {what}\n  system: {url}\n  \
         refused: {at}\n  the server said: {said}\n\nMy change is kept on my device and can be sent again once I have \
         the right.\n",
        user = sign_in.user,
        url = sign_in.url,
        at = entry.at,
        said = said.as_deref().unwrap_or("nothing"),
    );
    Mail {
        to: to.map(str::to_owned),
        subject: format!("Request for access: {entity} for {}", sign_in.user),
        body,
    }
}
