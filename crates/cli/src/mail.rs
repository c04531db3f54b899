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

/// Makes the mail that asks for the right whose lack an entry tells: entity, record, field, and what was to be done with
/// it. It holds no values of the record.
pub(crate) fn request_access(
    entry: &LogEntry,
    verb: Option<&str>,
    sign_in: &SignIn,
    to: Option<&str>,
) -> Mail {
    let record = entry.record.as_ref();
    let what = record.map_or_else(
        || "a change".to_owned(),
        |(name, id)| format!("{name} \"{}\" ({id})", text::clip(&entry.title)),
    );
    let entity = record.map_or("records", |(name, _)| name.as_str());
    let mut right = format!("{} {entity}", verb.unwrap_or("change"));
    if let Some(field) = entry.cause.as_ref().and_then(|cause| cause.field.as_ref()) {
        right.push_str(&format!(", field {field}"));
    }
    let said = entry.cause.as_ref().map(|cause| text::plain(&cause.text));
    let body = format!(
        "Hello,\n\nplease give me ({user}) the right to make this change:\n\n  right: {right}\n  record: {what}\n  system: {url}\n  \
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

#[cfg(test)]
mod tests {
    use driftless_record::{Cause, CauseClass, LogId, LogKind, RecordId, Timestamp, Value};

    use super::*;
    use crate::wire::Connector;

    #[test]
    fn the_mail_names_entity_record_field_and_right_and_no_values() {
        let entry = LogEntry {
            id: LogId(4),
            at: Timestamp(0),
            kind: LogKind::Refused,
            record: Some(("Account".try_into().unwrap(), RecordId::from_canonical("7"))),
            title: "Alpha".to_owned(),
            operations: Vec::new(),
            fields: Vec::new(),
            cause: Some(Cause {
                class: CauseClass::Permission,
                field: Some("city".try_into().unwrap()),
                other: None,
                code: "403".to_owned(),
                text: "not yours".to_owned(),
            }),
            reason: "why".to_owned(),
            kept: [("city".try_into().unwrap(), Value::text("secret"))].into(),
            needs_person: true,
            settled: None,
        };
        let sign_in = SignIn {
            url: "https://crm.example.com".to_owned(),
            user: "bob".to_owned(),
            display_name: "Bob".to_owned(),
            server: "1".to_owned(),
            connector: Connector::Odata,
            at: Timestamp(0),
        };
        let mail = request_access(&entry, Some("update"), &sign_in, Some("it@example.com"));
        assert_eq!(mail.to.as_deref(), Some("it@example.com"));
        for told in [
            "right: update Account, field city",
            "record: Account \"Alpha\" (7)",
            "system: https://crm.example.com",
            "the server said: not yours",
        ] {
            assert!(mail.body.contains(told), "{told}: {}", mail.body);
        }
        assert!(!mail.body.contains("secret"), "{}", mail.body);
    }
}
