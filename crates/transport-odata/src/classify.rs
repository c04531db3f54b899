//! What a refusal means for the change that was refused (total: every status has a meaning).

use std::time::Duration;

use driftless_odata::ErrorBody;
use driftless_odata::csdl::EntityFacts;
use driftless_record::{Cause, CauseClass, ChangeAction, EntitySchema, FieldName, RecordId};
use driftless_transport::PushResult;

/// The most characters of a code that are kept.
const MAX_CODE: usize = 256;
/// The most characters of a text that are kept.
const MAX_TEXT: usize = 4096;

/// A refusal as the service told it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal {
    /// The status.
    pub(crate) status: u16,
    /// The code of the error body.
    pub(crate) code: String,
    /// The text of the error body.
    pub(crate) text: String,
    /// The part of the request that the error body names.
    pub(crate) target: Option<String>,
    /// The record that stands in the way, if the error body names it.
    pub(crate) other: Option<String>,
    /// Whether this is the service's own answer, as an error body or header proves.
    pub(crate) is_own: bool,
    /// `Repeatability-Result`.
    pub(crate) repeatability: Option<String>,
    /// `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// Returns the refusal with what an error body says; of several errors the first one decides.
    pub(crate) fn told(self, body: Option<ErrorBody>) -> Self {
        let Some(body) = body else { return self };
        let single = body.target.is_some() || body.details.is_empty();
        let first = body.details.first().filter(|_| !single);
        let text = if single {
            body.message
        } else {
            let texts: Vec<&str> = body
                .details
                .iter()
                .map(|detail| detail.message.as_str())
                .collect();
            texts.join("; ")
        };
        Self {
            is_own: true,
            text,
            other: body.other,
            target: first.map_or(body.target, |detail| detail.target.clone()),
            code: first.map_or(body.code, |detail| detail.code.clone()),
            ..self
        }
    }
}

/// What the refused change was about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The entity.
    pub(crate) entity: &'a EntitySchema,
    /// What the metadata says of it.
    pub(crate) facts: Option<&'a EntityFacts>,
    /// What was to be done.
    pub(crate) action: &'a ChangeAction,
}

/// Returns what became of a change that was answered by anything but success.
pub(crate) fn result(subject: Subject<'_>, refusal: &Refusal) -> PushResult {
    let is_delete = matches!(subject.action, ChangeAction::Delete);
    let rejected = refusal
        .repeatability
        .as_deref()
        .is_some_and(|text| text.eq_ignore_ascii_case("rejected"));
    match refusal.status {
        // The service has forgotten request ids of that age, or knows the id with another content, as after a change of
        // the schema in between: what happened at the first sending is open. Other refusals are told with the same
        // statuses.
        400 | 412 if rejected && refusal.code.to_ascii_uppercase().contains("REPEATAB") => {
            PushResult::Unknown
        }
        // Proved not looked at; the next sending goes without the headers.
        501 if rejected => PushResult::Skipped,
        404 | 410 if is_delete && refusal.is_own => PushResult::Done {
            revision: None,
            record: None,
        },
        424 if refusal.is_own => PushResult::Skipped,
        // Another copy of the same request is still running.
        409 if refusal.retry_after.is_some() => PushResult::Unknown,
        status => match class(subject.action, refusal) {
            Some(class) if refusal.is_own || matches!(status, 401 | 413 | 429) => PushResult::Failed {
                cause: cause(subject, refusal, class),
                retry_after: refusal.retry_after,
            },
            _ => PushResult::Unknown,
        },
    }
}

/// Returns the cause of a refusal.
pub(crate) fn cause(subject: Subject<'_>, refusal: &Refusal, class: CauseClass) -> Cause {
    Cause {
        class,
        field: refusal
            .target
            .as_deref()
            .and_then(|target| field(subject, target)),
        other: refusal
            .other
            .as_deref()
            .and_then(|id| RecordId::parse(subject.entity, id).ok()),
        ..plain_cause(refusal, class)
    }
}

/// Returns the cause of a refusal that is about no record.
pub(crate) fn plain_cause(refusal: &Refusal, class: CauseClass) -> Cause {
    let code = if refusal.code.is_empty() {
        refusal.status.to_string()
    } else {
        refusal.code.clone()
    };
    Cause {
        class,
        field: None,
        other: None,
        code: code.chars().take(MAX_CODE).collect(),
        text: refusal.text.chars().take(MAX_TEXT).collect(),
    }
}

/// Returns the class of a refusal, or `None` if it does not prove that nothing happened.
fn class(action: &ChangeAction, refusal: &Refusal) -> Option<CauseClass> {
    let is_create = matches!(action, ChangeAction::Create(_));
    if let Some(class) = by_code(is_create, &refusal.code) {
        return Some(class);
    }
    if matches!(action, ChangeAction::Command(_)) && is_unknown_action(&refusal.code) {
        return Some(CauseClass::Unsupported);
    }
    Some(match refusal.status {
        400 | 422 => CauseClass::Validation,
        401 => CauseClass::Auth,
        403 => CauseClass::Permission,
        404 | 410 if is_create => CauseClass::Unsupported,
        404 | 410 => CauseClass::Gone,
        405 | 406 | 415 | 501 => CauseClass::Unsupported,
        // With the key made by the device, a create meets a record that is there: it is read and compared.
        409 if is_create => CauseClass::Precondition,
        409 => CauseClass::Conflict,
        412 | 428 => CauseClass::Precondition,
        413 | 414 | 431 => CauseClass::TooLarge,
        423 | 425 | 507 => CauseClass::Transient,
        429 => CauseClass::Throttled,
        503 if refusal.retry_after.is_some() => CauseClass::Throttled,
        // 408 and the rest of 5xx: it may have happened. 3xx, 407, 511: not the service's answer.
        300..=399 | 407 | 408 | 500..=599 => return None,
        400..=499 => CauseClass::Validation,
        _ => return None,
    })
}

/// The record is there, only the action is not.
fn is_unknown_action(code: &str) -> bool {
    ["UnknownCommand", "0x8006088a"]
        .iter()
        .any(|known| code.eq_ignore_ascii_case(known))
}

/// Codes that say more than the status, or something else.
fn by_code(is_create: bool, code: &str) -> Option<CauseClass> {
    let code = code.to_ascii_uppercase();
    let has = |parts: &[&str]| parts.iter().any(|part| code.contains(part));
    // A duplicate key: the record is there already. PostgreSQL does not tell a key from another unique value.
    if has(&["CONSTRAINT_PRIMARYKEY", "0X80040237"]) || (is_create && code == "23505") {
        return Some(if is_create {
            CauseClass::Precondition
        } else {
            CauseClass::Unique
        });
    }
    if has(&["UNIQUE", "0X80060892", "0X80040333"]) || code == "23505" {
        return Some(CauseClass::Unique);
    }
    if has(&[
        "FOREIGNKEY",
        "FOREIGN_KEY",
        "MISSINGREFERENCE",
        "ASSERT_TARGET",
        "0X80040353",
    ]) || code == "23503"
    {
        return Some(CauseClass::MissingReference);
    }
    if has(&["CONSTRAINT_NOTNULL", "CONSTRAINT_CHECK"]) || matches!(code.as_str(), "23502" | "23514") {
        return Some(CauseClass::Validation);
    }
    // A delete that children stand against.
    if has(&["HASCHILDREN", "TOOMANYCHILDREN", "0X80040227"]) {
        return Some(CauseClass::Referenced);
    }
    if has(&["0X80072321", "0X80072322", "0X80072326"]) {
        return Some(CauseClass::Throttled);
    }
    None
}

/// Finds the field that a target means: its last segment, a parameter of the command, a field or the navigation
/// property of a lookup.
fn field(subject: Subject<'_>, target: &str) -> Option<FieldName> {
    let last = target.rsplit('/').next()?;
    if let ChangeAction::Command(call) = subject.action
        && let Some(command) = subject.entity.commands.get(&call.name)
        && let Some(parameter) = command.parameter(last)
    {
        return Some(parameter.name.clone());
    }
    if let Some(known) = subject.entity.field(last) {
        return Some(known.name.clone());
    }
    let (name, _) = subject
        .facts?
        .navigations
        .iter()
        .find(|(_, by_target)| by_target.values().any(|navigation| navigation == last))?;
    Some(name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use driftless_record::{CommandCall, CommandName, EntityName, FieldKind, FieldSchema, Fields};

    fn entity() -> EntitySchema {
        let mut entity = EntitySchema::new(EntityName::parse("Account").unwrap());
        entity.add(FieldSchema::new(
            FieldName::parse("name").unwrap(),
            FieldKind::Text { max_chars: None },
        ));
        entity
    }

    /// One word for a result: the class, or what else it is.
    fn word(status: u16, code: &str, action: &ChangeAction, more: impl FnOnce(&mut Refusal)) -> String {
        let mut refusal = Refusal {
            status,
            code: code.to_owned(),
            is_own: true,
            target: Some("Accounts/name".to_owned()),
            ..Refusal::default()
        };
        more(&mut refusal);
        let entity = entity();
        match result(
            Subject {
                entity: &entity,
                facts: None,
                action,
            },
            &refusal,
        ) {
            PushResult::Done { .. } | PushResult::Ran { .. } => "done".to_owned(),
            PushResult::Failed { cause, .. } => {
                assert_eq!(cause.field.as_ref().map(FieldName::as_str), Some("name"));
                format!("{:?}", cause.class).to_ascii_lowercase()
            }
            PushResult::Skipped => "skipped".to_owned(),
            PushResult::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn l36_every_refusal_has_a_class() {
        let create = ChangeAction::Create(Fields::new());
        let update = ChangeAction::Update(Fields::new());
        let delete = ChangeAction::Delete;
        let command = ChangeAction::Command(CommandCall {
            name: CommandName::parse("Close").unwrap(),
            parameters: Fields::new(),
            makes: BTreeMap::new(),
        });
        for (status, code, want) in [
            (400, "", "validation validation validation validation"),
            (
                400,
                "ASSERT_MANDATORY",
                "validation validation validation validation",
            ),
            (
                400,
                "0x80040353",
                "missingreference missingreference missingreference missingreference",
            ),
            (401, "", "auth auth auth auth"),
            (403, "", "permission permission permission permission"),
            (404, "", "unsupported gone done gone"),
            (404, "UnknownCommand", "unsupported gone done unsupported"),
            (405, "", "unsupported unsupported unsupported unsupported"),
            (408, "", "unknown unknown unknown unknown"),
            (409, "", "precondition conflict conflict conflict"),
            (409, "HasChildren", "referenced referenced referenced referenced"),
            (409, "DuplicateKey", "precondition conflict conflict conflict"),
            (410, "", "unsupported gone done gone"),
            (412, "", "precondition precondition precondition precondition"),
            (412, "0x80040333", "unique unique unique unique"),
            (413, "", "toolarge toolarge toolarge toolarge"),
            (418, "", "validation validation validation validation"),
            (422, "", "validation validation validation validation"),
            (424, "", "skipped skipped skipped skipped"),
            (428, "", "precondition precondition precondition precondition"),
            (429, "", "throttled throttled throttled throttled"),
            (500, "", "unknown unknown unknown unknown"),
            (
                500,
                "SQLITE_CONSTRAINT_PRIMARYKEY",
                "precondition unique unique unique",
            ),
            (500, "SQLITE_CONSTRAINT_UNIQUE", "unique unique unique unique"),
            (
                500,
                "SQLITE_CONSTRAINT_FOREIGNKEY",
                "missingreference missingreference missingreference missingreference",
            ),
            (501, "", "unsupported unsupported unsupported unsupported"),
            (502, "", "unknown unknown unknown unknown"),
            (503, "", "unknown unknown unknown unknown"),
            (507, "", "transient transient transient transient"),
            (511, "", "unknown unknown unknown unknown"),
            (302, "", "unknown unknown unknown unknown"),
            (100, "", "unknown unknown unknown unknown"),
            (0, "", "unknown unknown unknown unknown"),
            (999, "", "unknown unknown unknown unknown"),
        ] {
            let got = [&create, &update, &delete, &command].map(|action| word(status, code, action, |_| {}));
            assert_eq!(got.join(" "), want, "{status} {code}");
        }
    }

    #[test]
    fn m04_what_is_not_the_services_own_answer_proves_nothing() {
        for status in [400, 403, 404, 409, 410, 412, 424] {
            for action in [ChangeAction::Update(Fields::new()), ChangeAction::Delete] {
                assert_eq!(
                    word(status, "", &action, |refusal| refusal.is_own = false),
                    "unknown",
                    "{status}"
                );
            }
        }
    }

    #[test]
    fn repeated_requests_are_not_taken_for_refused_ones() {
        let update = ChangeAction::Update(Fields::new());
        let rejected = |refusal: &mut Refusal| refusal.repeatability = Some("rejected".to_owned());
        assert_eq!(word(412, "RepeatabilityExpired", &update, rejected), "unknown");
        assert_eq!(word(400, "RepeatabilityMismatch", &update, rejected), "unknown");
        assert_eq!(word(412, "PreconditionFailed", &update, rejected), "precondition");
        assert_eq!(word(501, "", &update, rejected), "skipped");
        let wait = |refusal: &mut Refusal| refusal.retry_after = Some(Duration::from_secs(1));
        assert_eq!(word(409, "", &update, wait), "unknown");
        assert_eq!(word(503, "", &update, wait), "throttled");
    }
}
