//! Headers that OData gives a meaning: preferences, entity tags, repeatable requests.

use std::fmt;

/// `OData-Version`
pub const ODATA_VERSION: &str = "odata-version";
/// `OData-MaxVersion`
pub const ODATA_MAX_VERSION: &str = "odata-maxversion";
/// `OData-EntityId`: the id of a created record where the reply has no body.
pub const ODATA_ENTITY_ID: &str = "odata-entityid";
/// `Prefer`
pub const PREFER: &str = "prefer";
/// `Preference-Applied`
pub const PREFERENCE_APPLIED: &str = "preference-applied";
/// `Repeatability-Request-ID`: names a request so that it is executed at most once.
pub const REPEATABILITY_REQUEST_ID: &str = "repeatability-request-id";
/// `Repeatability-First-Sent`: when the request was first sent (an HTTP date).
pub const REPEATABILITY_FIRST_SENT: &str = "repeatability-first-sent";
/// `Repeatability-Client-ID`: the client, for cleaning up.
pub const REPEATABILITY_CLIENT_ID: &str = "repeatability-client-id";
/// `Repeatability-Result`: see [`Repeatability`].
pub const REPEATABILITY_RESULT: &str = "repeatability-result";

/// The longest entity tag that is kept, in bytes.
pub const MAX_ETAG_BYTES: usize = 1024;

/// The content type of requests and replies whose wide numbers are strings.
pub const JSON_IEEE754: &str = "application/json;odata.metadata=minimal;IEEE754Compatible=true";

/// Returns whether a media type asks for wide numbers as strings.
#[must_use]
pub fn is_ieee754_compatible(media_type: &str) -> bool {
    media_type
        .split([';', ','])
        .any(|part| part.trim().eq_ignore_ascii_case("IEEE754Compatible=true"))
}

/// What a server says about a repeatable request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeatability {
    /// The state shows exactly one execution.
    Accepted,
    /// The request was not executed.
    Rejected,
}

impl Repeatability {
    /// Reads the value of `Repeatability-Result`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "accepted" => Some(Self::Accepted),
            "rejected" => Some(Self::Rejected),
            _ => None,
        }
    }

    /// Returns the value of `Repeatability-Result`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

/// What a client prefers, and what a server applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences {
    /// `return`: whether the reply to a change has the record.
    pub returning: Option<Returning>,
    /// `maxpagesize`: the most records in a page.
    pub max_page_size: Option<u32>,
    /// `track-changes`: whether the last page has a delta link.
    pub track_changes: bool,
    /// `continue-on-error`: whether a batch goes on after a failure.
    pub continue_on_error: Option<bool>,
    /// `respond-async`
    pub respond_async: bool,
    /// `wait`, in seconds.
    pub wait_seconds: Option<u32>,
    /// `include-annotations`: the terms, as the list was written.
    pub include_annotations: Option<String>,
    /// `driftless.stamps`: whether records carry the stamps of their fields.
    pub stamps: bool,
}

/// Whether the reply to a change has the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returning {
    /// It has.
    Representation,
    /// It has not.
    Minimal,
}

impl Preferences {
    /// Reads `Prefer` or `Preference-Applied`; several headers are joined by commas. Unknown preferences are passed
    /// over, as the standard asks; of a repeated one the first counts.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut preferences = Self::default();
        for item in split_outside_quotes(text) {
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name, Some(unquoted(value))),
                None => (item, None),
            };
            let name = name
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase();
            preferences.add(name.strip_prefix("odata.").unwrap_or(&name), value.as_deref());
        }
        preferences
    }

    fn add(&mut self, name: &str, value: Option<&str>) {
        let number = || value.and_then(|value| value.parse().ok());
        match (name, value) {
            ("return", Some("representation")) => {
                self.returning.get_or_insert(Returning::Representation);
            }
            ("return", Some("minimal")) => {
                self.returning.get_or_insert(Returning::Minimal);
            }
            ("maxpagesize", _) => {
                self.max_page_size = self.max_page_size.or(number().filter(|size| *size > 0))
            }
            ("track-changes", _) => self.track_changes = true,
            ("continue-on-error", value) => {
                let goes_on = value.is_none_or(|value| value.eq_ignore_ascii_case("true"));
                self.continue_on_error.get_or_insert(goes_on);
            }
            ("respond-async", _) => self.respond_async = true,
            ("wait", _) => self.wait_seconds = self.wait_seconds.or(number()),
            ("include-annotations", Some(list)) => {
                self.include_annotations.get_or_insert_with(|| list.to_owned());
            }
            ("driftless.stamps", _) => self.stamps = true,
            _ => {}
        }
    }
}

impl fmt::Display for Preferences {
    /// Writes the value of the header. `track-changes` is written in the forms of 4.01 and of 4.0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut items = Vec::new();
        match self.returning {
            Some(Returning::Representation) => items.push("return=representation".to_owned()),
            Some(Returning::Minimal) => items.push("return=minimal".to_owned()),
            None => {}
        }
        items.extend(self.max_page_size.map(|size| format!("odata.maxpagesize={size}")));
        if self.track_changes {
            items.push("track-changes".to_owned());
            items.push("odata.track-changes".to_owned());
        }
        items.extend(
            self.continue_on_error
                .map(|goes_on| format!("odata.continue-on-error={goes_on}")),
        );
        if self.respond_async {
            items.push("respond-async".to_owned());
        }
        items.extend(self.wait_seconds.map(|seconds| format!("wait={seconds}")));
        items.extend(self.include_annotations.as_ref().map(|list| {
            let list: String = list
                .chars()
                .filter(|c| c.is_ascii_graphic() && *c != '"')
                .collect();
            format!("odata.include-annotations=\"{list}\"")
        }));
        if self.stamps {
            items.push("driftless.stamps".to_owned());
        }
        f.write_str(&items.join(","))
    }
}

fn split_outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
    .filter(|item| !item.is_empty())
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    match value.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or_default().to_owned(),
        None => value.split(';').next().unwrap_or_default().trim().to_owned(),
    }
}

/// A condition on the state of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityTags {
    /// `*`: any state, as long as there is one.
    Any,
    /// One of these states.
    These(Vec<String>),
}

impl EntityTags {
    /// Reads `If-Match` or `If-None-Match`. Tags are kept as they stand, with quotes and `W/`.
    ///
    /// Returns `None` if the value is neither `*` nor a list of entity tags.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::Any);
        }
        let tags: Vec<String> = split_outside_quotes(text).map(str::to_owned).collect();
        (!tags.is_empty() && tags.iter().all(|tag| is_etag(tag))).then_some(Self::These(tags))
    }

    /// Returns whether a record with this tag meets the condition. Weak and strong tags of one opaque value are the
    /// same state: OData compares weakly.
    #[must_use]
    pub fn matches(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|known| opaque(known) == opaque(tag)),
        }
    }
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Returns whether a text is an entity tag of acceptable length.
#[must_use]
pub fn is_etag(text: &str) -> bool {
    let inner = opaque(text)
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    text.len() <= MAX_ETAG_BYTES
        && inner.is_some_and(|inner| !inner.contains('"') && !inner.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn written_preferences_read_back(
            returning in prop_oneof![Just(None), Just(Some(Returning::Minimal)), Just(Some(Returning::Representation))],
            max_page_size in proptest::option::of(1u32..),
            (track_changes, respond_async, stamps) in any::<(bool, bool, bool)>(),
            continue_on_error in any::<Option<bool>>(),
            wait_seconds in any::<Option<u32>>(),
            include_annotations in proptest::option::of("[a-zA-Z.*,#-]{1,20}"),
        ) {
            let preferences = Preferences {
                returning,
                max_page_size,
                track_changes,
                continue_on_error,
                respond_async,
                wait_seconds,
                include_annotations,
                stamps,
            };
            prop_assert_eq!(Preferences::parse(&preferences.to_string()), preferences);
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in ".{0,60}") {
            let _ = (Preferences::parse(&text), EntityTags::parse(&text), Repeatability::parse(&text));
        }
    }

    #[test]
    fn preferences_are_read_in_every_form() {
        let read = Preferences::parse(
            "Return=minimal; foo=\"a,b\", odata.MaxPageSize = 20,maxpagesize=0, x=\",return\"",
        );
        assert_eq!(
            (read.returning, read.max_page_size),
            (Some(Returning::Minimal), Some(20))
        );
        assert_eq!(
            Preferences::parse("odata.continue-on-error").continue_on_error,
            Some(true)
        );
    }

    #[test]
    fn tags_compare_weakly() {
        let tags = EntityTags::parse("\"a\", W/\"b,c\"").unwrap();
        assert!(tags.matches("W/\"a\"") && tags.matches("\"b,c\"") && !tags.matches("\"b\""));
        assert_eq!(EntityTags::parse("*"), Some(EntityTags::Any));
        assert_eq!(EntityTags::parse("a"), None);
        assert!(!is_etag(&format!("\"{}\"", "x".repeat(MAX_ETAG_BYTES))));
    }

    #[test]
    fn media_types_tell_whether_wide_numbers_are_strings() {
        assert!(is_ieee754_compatible(JSON_IEEE754));
        assert!(is_ieee754_compatible("application/json; ieee754compatible=TRUE"));
        assert!(!is_ieee754_compatible("application/json"));
    }
}
