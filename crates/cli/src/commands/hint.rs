//! What to write instead, where a filter or an order cannot be read.

use driftless_odata::syntax::{SyntaxError, SyntaxErrorKind};

/// Returns what helps with a text that cannot be read.
pub(super) fn on(option: &str, text: &str) -> String {
    if option == "orderby" {
        return "fields separated by commas, each with asc or desc after it: --orderby 'created_at desc,name'"
            .to_owned();
    }
    let bare = without_texts(text).to_ascii_lowercase();
    let has = |sign: &str| bare.contains(sign);
    let word = |word: &str| bare.split_whitespace().any(|part| part == word);
    if text.contains('"') {
        "text stands in single quotes, a quote in it twice: name eq 'O''Neil'"
    } else if has("!=") || has("<>") {
        "OData says `ne` for not equal: status ne 'closed'"
    } else if has(">") || has("<") {
        "OData says gt, ge, lt and le for comparisons: amount ge 100"
    } else if has("=") {
        "OData says `eq` for equal: city eq 'Lyon'"
    } else if word("like") || has("%") {
        "OData says contains(name,'north'), startswith(name,'N') or endswith(name,'Ltd') for parts of a text"
    } else if has("&&") || has("||") || has("!") {
        "OData says and, or and not: city eq 'Lyon' and not (status eq 'closed')"
    } else if word("is") {
        "OData compares with null: phone eq null, phone ne null"
    } else if word("between") {
        "OData says: amount ge 100 and amount le 200"
    } else {
        "for example --filter \"city eq 'Lyon' and year(created_at) ge 2025\"; text stands in single quotes"
    }
    .to_owned()
}

/// Says from where on a text cannot be read.
pub(super) fn unread(text: &str, error: &SyntaxError) -> String {
    let at = (0..=error.at.min(text.len()))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or_default();
    let (before, rest) = text.split_at(at);
    let place = before.chars().count() + rest.len() - rest.trim_start().len() + 1;
    let rest = rest.trim();
    match &error.kind {
        kind if rest.is_empty() => format!("ends too early: {kind}"),
        SyntaxErrorKind::Expected("the end") => {
            format!("cannot be read from character {place} on: `{rest}`")
        }
        kind => format!("cannot be read from character {place} on, `{rest}`: {kind}"),
    }
}

/// Takes out what stands in single quotes.
fn without_texts(text: &str) -> String {
    text.split('\'').step_by(2).collect::<Vec<_>>().join("''")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_by_habit_is_told_in_odata() {
        for (filter, told) in [
            ("city = 'Lyon'", "`eq`"),
            ("city == 'Lyon'", "`eq`"),
            ("city != 'Lyon'", "`ne`"),
            ("amount >= 100", "ge"),
            ("name like 'No%'", "contains("),
            ("name eq \"x\"", "single quotes"),
            ("a eq 1 && b eq 2", "and, or"),
            ("phone is null", "eq null"),
            ("name eq 'a = b' or", "for example"),
        ] {
            assert!(
                on("filter", filter).contains(told),
                "{filter}: {}",
                on("filter", filter)
            );
        }
        assert!(on("orderby", "name:desc").contains("desc"));
    }

    #[test]
    fn the_place_is_told_in_characters_whatever_they_are() {
        let told = |text, at| {
            let kind = SyntaxErrorKind::Expected("the end");
            unread(text, &SyntaxError { at, kind })
        };
        assert_eq!(
            told("naïve = 'é'", 6),
            "cannot be read from character 7 on: `= 'é'`"
        );
        assert_eq!(told("é", 1), "cannot be read from character 1 on: `é`");
        assert_eq!(told("a eq ", 9), "ends too early: expected the end");
    }
}
